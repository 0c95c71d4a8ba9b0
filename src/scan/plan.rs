//! The [`Plan`] of a scan: what is looked for, how, and what is kept of it.

use std::{num::NonZeroUsize, sync::Arc};

use crate::{
    connection::{audited, lives, logged::LoggedBy, process, security, started, sysmon, volumes},
    evtx::shape::Extent,
    group::groups,
    scan::{
        known::{Known, Questions},
        prefilter::Prefilter,
        terms::Terms,
        wanted::Wanted,
    },
};

/// What is looked for, and what is kept of it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the report is to be of.
    pub terms: Terms,
    /// What a chunk must contain for one of them to be in it.
    pub prefilter: Prefilter,
    /// Which records are decoded.
    pub decoding: Decoding,
    /// Whether groups are kept apart by source.
    pub apart: groups::Sources,
    /// How much memory groups may take, and hits that are kept may take, in each part of a scan, in bytes.
    pub room: usize,
    /// Whether each hit is kept, and not only counted, also where groups can be made without.
    pub keep_hits: bool,
    /// What events are taken for.
    pub purpose: Purpose,
    /// What is known of all logs, from a look ahead.
    pub known: Arc<Known>,
    /// What other looks at the same logs rule chunks out by. What is wrong with a chunk that one of them decodes, it names.
    pub before: Vec<Prefilter>,
    /// Whether the ids of records are followed, for the manifest. Blocks of a source must then come in order.
    pub follow_ids: bool,
}

/// What events are taken for.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// Connections are judged, counted and kept.
    Connections,
    /// What has to be known of all logs before they can be.
    Ahead(Questions),
    /// The processes behind those that are hits.
    Processes(Arc<Wanted>),
}

/// Which records are decoded. The findings are the same, but for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoding {
    /// Those that may matter by their raw bytes.
    Candidates,
    /// Every one, and every rule is evaluated for it: the slow path that the fast one is held against.
    Everything,
}

impl Plan {
    /// How much of an event is read where it is read without the parser; nothing where all are to be read by it.
    #[must_use]
    pub fn extent(&self) -> Option<Extent> {
        if self.decoding == Decoding::Everything {
            return None;
        }
        Some(match self.purpose {
            Purpose::Processes(_) => Extent::Only(&OF_PROCESSES),
            Purpose::Ahead(questions) => ahead(questions),
            Purpose::Connections if !self.terms.rules.sigma.is_empty() => Extent::Whole,
            Purpose::Connections if self.terms.logged_by.has_security() => Extent::Only(&OF_BOTH),
            Purpose::Connections if self.keeps_hits() => Extent::Only(&sysmon::OF_HIT),
            Purpose::Connections => Extent::Only(sysmon::OF_JUDGED),
        })
    }

    /// Whether a connection's fields are all that is asked of an event, and they may be read from its values: it is one of Sysmon's, and
    /// no rule looks at more.
    #[must_use]
    pub fn is_of_fields(&self) -> bool {
        let are_for_connections = matches!(self.purpose, Purpose::Connections);
        let is_all_in_records = are_for_connections && self.known.locals.is_none();
        let is_sysmons = self.terms.logged_by == LoggedBy::Sysmon;
        self.decoding == Decoding::Candidates && is_sysmons && self.terms.rules.sigma.is_empty() && is_all_in_records
    }

    /// Whether each hit is kept.
    #[must_use]
    pub fn keeps_hits(&self) -> bool {
        self.keep_hits || self.terms.groups_later()
    }
}

/// How much is read of an event that such questions are asked of.
fn ahead(questions: Questions) -> Extent {
    let is_of_security = questions.is_of_security() || questions.logged_by.has_security();
    match (questions.is_of_starts(), is_of_security) {
        (false, false) => Extent::Only(sysmon::OF_CONNECTION),
        (true, false) => Extent::Only(&started::READ),
        (false, true) => Extent::Only(&AHEAD),
        (true, true) => Extent::Whole,
    }
}

/// The fields of connections of both providers.
const OF_BOTH: [&str; sysmon::OF_HIT.len() + security::FIELDS.len()] = joined(&[&sysmon::OF_HIT, &security::FIELDS]);
/// The fields of connections of both and of what Security-Auditing says of processes.
const AHEAD: [&str; OF_BOTH.len() + lives::FIELDS.len() + 1] = joined(&[&OF_BOTH, &lives::FIELDS, &[volumes::CREATED]]);
/// The fields of what is told of processes by both.
const OF_PROCESSES: [&str; process::FIELDS.len() + audited::FIELDS.len()] =
    joined(&[&process::FIELDS, &audited::FIELDS]);

/// Lists of fields, one behind the other.
const fn joined<const N: usize>(lists: &[&[&'static str]]) -> [&'static str; N] {
    let mut fields = [""; N];
    let (mut rest, mut lists) = (fields.as_mut_slice(), lists);
    while let Some((list, others)) = lists.split_first() {
        let (own, behind) = rest.split_at_mut(list.len());
        own.copy_from_slice(list);
        (rest, lists) = (behind, others);
    }
    fields
}

/// What each thread may hold, and what all of them come to in the end.
#[must_use]
pub fn room(memory: u64, threads: NonZeroUsize) -> usize {
    usize::try_from(memory).unwrap_or(usize::MAX) / (threads.get() + 1)
}
