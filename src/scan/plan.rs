//! The [`Plan`] of a scan: what is looked for, how, and what is kept of it.

use std::{num::NonZeroUsize, sync::Arc};

use crate::{
    connection::{audited, logged::LoggedBy, process, security, sysmon},
    evtx::shape::Extent,
    group::groups,
    scan::{prefilter::Prefilter, terms::Terms, wanted::Wanted},
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
    /// The processes that are looked for, where it is these and not connections.
    pub wanted: Option<Arc<Wanted>>,
    /// Whether the ids of records are followed, for the manifest. Blocks of a source must then come in order.
    pub follow_ids: bool,
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
        match self.decoding {
            Decoding::Everything => None,
            Decoding::Candidates if self.wanted.is_some() => Some(Extent::Only(&OF_PROCESSES)),
            Decoding::Candidates if !self.terms.rules.sigma.is_empty() => Some(Extent::Whole),
            Decoding::Candidates if self.terms.logged_by == LoggedBy::Security => Some(Extent::Only(&security::FIELDS)),
            Decoding::Candidates if self.terms.logged_by == LoggedBy::All => Some(Extent::Only(&OF_ALL)),
            Decoding::Candidates if self.keeps_hits() => Some(Extent::Only(&sysmon::OF_HIT)),
            Decoding::Candidates => Some(Extent::Only(sysmon::OF_CONNECTION)),
        }
    }

    /// Whether a connection's fields are all that is asked of an event, and they may be read from its values: it is one of Sysmon's, and
    /// no rule looks at more.
    #[must_use]
    pub fn is_of_fields(&self) -> bool {
        self.decoding == Decoding::Candidates
            && self.terms.logged_by == LoggedBy::Sysmon
            && self.terms.rules.sigma.is_empty()
            && self.wanted.is_none()
    }

    /// Whether each hit is kept.
    #[must_use]
    pub fn keeps_hits(&self) -> bool {
        self.keep_hits || self.terms.groups_later()
    }
}

/// The fields of connections of both providers.
const OF_ALL: [&str; sysmon::OF_HIT.len() + security::FIELDS.len()] = joined(&[&sysmon::OF_HIT, &security::FIELDS]);
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
