//! The [`Plan`] of a scan: what is looked for, how, and what is kept of it.

use std::{num::NonZeroUsize, sync::Arc};

use crate::{
    connection::{audited, lives, logged::LoggedBy, process, queried, security, started, sysmon},
    evtx::{decoder::Carving, shape::Extent},
    fingerprint::Fingerprints,
    group::groups,
    rule::{judge::End, sigma::engine::Told},
    scan::{
        along::Along,
        kin::Rest,
        known::{Known, Questions},
        prefilter::Prefilter,
        terms::Terms,
        wanted::{Scope, Wanted},
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
    /// Whether a look for processes goes along, or has.
    pub along: Along,
}

/// What events are taken for.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// Connections are judged, counted and kept.
    Connections,
    /// What has to be known of all logs before they can be.
    Ahead(Questions),
    /// The processes behind those that are hits.
    Processes(Arc<Wanted>, Scope),
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
    /// The plan of a scan for connections on these terms, which keeps no hit, counts all logs together and decodes what may matter.
    #[must_use]
    pub fn new(terms: Terms, prefilter: Prefilter, room: usize) -> Self {
        Self {
            terms,
            prefilter,
            decoding: Decoding::Candidates,
            apart: groups::Sources::Together,
            room,
            keep_hits: false,
            purpose: Purpose::Connections,
            known: Arc::default(),
            before: Vec::new(),
            follow_ids: false,
            along: Along::None,
        }
    }

    /// How much of an event is read where it is read without the parser; nothing where all are to be read by it.
    #[must_use]
    pub fn extent(&self) -> Option<Extent> {
        if self.decoding == Decoding::Everything {
            return None;
        }
        Some(match self.purpose {
            Purpose::Processes(..) if self.terms.logged_by.has_security() => Extent::Only(&OF_PROCESSES),
            Purpose::Processes(..) => Extent::Only(&process::FIELDS),
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
        self.is_of_values() && self.terms.rules.sigma.is_empty()
    }

    /// Whether it is for connections of Sysmon's, and they may be told by their values.
    fn is_of_values(&self) -> bool {
        let are_for_connections = matches!(self.purpose, Purpose::Connections);
        let is_sysmons = self.terms.logged_by == LoggedBy::Sysmon;
        self.decoding == Decoding::Candidates && are_for_connections && is_sysmons
    }

    /// What rules look at in connections, where all that counts besides are their fields, as they stand in the records of Sysmon.
    #[must_use]
    pub fn told(&self) -> Option<Vec<Told>> {
        let are_ends_judged = self.known.locals.is_some() && self.terms.rules.everywhere.judged != End::Dest;
        let is_all_in_records = !are_ends_judged && !self.known.tells_names();
        let told = || self.terms.rules.sigma.told();
        (self.is_of_values() && self.terms.filter.is_open() && is_all_in_records).then(told).flatten()
    }

    /// The same, with a look for the processes of hits that goes along, where one can: it reads what Sysmon has logged, from records that
    /// are part of their logs.
    #[must_use]
    pub fn going_along(self) -> Self {
        let Terms { logged_by, carving, .. } = &self.terms;
        let can = self.decoding == Decoding::Candidates && *logged_by == LoggedBy::Sysmon && *carving == Carving::Live;
        let along = if can { Along::Goes(Fingerprints::default()) } else { Along::None };
        Self { along, ..self }
    }

    /// The plan of another look at the same logs, for what it is not for itself: no hit is kept, and nothing is told apart or followed.
    #[must_use]
    pub fn of_another_look(&self, prefilter: Prefilter, purpose: Purpose) -> Self {
        let apart = groups::Sources::Together;
        let along = Along::default();
        Self { prefilter, purpose, apart, along, keep_hits: false, follow_ids: false, ..self.clone() }
    }

    /// What is left to be read, if that is all that it is for.
    #[must_use]
    pub fn rest(&self) -> Option<&Rest> {
        if let Purpose::Processes(_, Scope::Rest(rest)) = &self.purpose { Some(rest) } else { None }
    }

    /// Whether connections of Security-Auditing are counted, which are not read.
    #[must_use]
    pub fn counts_unread(&self) -> bool {
        matches!(self.purpose, Purpose::Connections) && !self.terms.logged_by.has_security()
    }

    /// Whether each hit is kept.
    #[must_use]
    pub fn keeps_hits(&self) -> bool {
        self.keep_hits || self.terms.groups_later()
    }
}

/// How much is read of an event that such questions are asked of.
pub(super) fn ahead(questions: Questions) -> Extent {
    let is_of_security = questions.is_of_security() || questions.logged_by.has_security();
    match (questions.is_of_starts(), is_of_security) {
        (false, false) => Extent::Only(sysmon::OF_CONNECTION),
        (true, false) if questions.locals || questions.names => Extent::Only(&OF_STARTS),
        (true, false) => Extent::Only(&OF_CREATED),
        (false, true) => Extent::Only(&AHEAD),
        (true, true) => Extent::Whole,
    }
}

/// The fields of what Sysmon says of how processes were started and of the names that they asked for, besides connections.
const OF_STARTS: [&str; sysmon::OF_JUDGED.len() + queried::FIELDS.len() + started::FIELDS.len()] =
    joined(&[sysmon::OF_JUDGED, &queried::FIELDS, &started::FIELDS]);
/// The same of how they were started alone.
const OF_CREATED: [&str; started::FIELDS.len() + started::OF_PROCESS.len()] =
    joined(&[&started::FIELDS, &started::OF_PROCESS]);
/// The fields of connections of both providers.
const OF_BOTH: [&str; sysmon::OF_HIT.len() + security::FIELDS.len()] = joined(&[&sysmon::OF_HIT, &security::FIELDS]);
/// The fields of connections of both and of what Security-Auditing says of processes.
const AHEAD: [&str; OF_BOTH.len() + lives::FIELDS.len() + audited::FIELDS.len() + 1] =
    joined(&[&OF_BOTH, &lives::FIELDS, &audited::FIELDS, &[started::COMMAND_LINE]]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::{clock::Clock, glossary::Connection, started::Asked},
        evtx::event::Event,
    };

    const GUID: &str = "{6820D070-1F1B-6323-5C02-000000001400}";
    const ON_VOLUMES: [&str; 2] = [r"\device\harddiskvolume1\windows\a.exe", r"\device\harddiskvolume2\tools\b.exe"];
    const TIME: &str = "2022-09-15T12:50:00Z";

    fn event(provider: &'static str, id: &'static str, data: &[(&'static str, &'static str)]) -> Event<'static> {
        Event {
            provider: provider.into(),
            event_id: id.into(),
            computer: "HOST".into(),
            system_time: TIME.into(),
            data: data.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
            ..Event::default()
        }
    }

    /// One of each kind that tells something, which no other tells.
    fn events() -> [Event<'static>; 7] {
        let [first, second] = ON_VOLUMES;
        let guid = ("ProcessGuid", GUID);
        [
            event(
                sysmon::PROVIDER,
                "1",
                &[guid, ("Image", r"D:\tools\b.exe"), ("CommandLine", "b.exe /x"), ("ParentUser", "alice")],
            ),
            event(sysmon::PROVIDER, "3", &[guid, ("Initiated", "true"), ("SourceIp", "10.0.0.1")]),
            event(sysmon::PROVIDER, "22", &[guid, ("QueryName", "bad.example"), ("QueryResults", "192.0.2.7;")]),
            event(
                security::PROVIDER,
                "4688",
                &[
                    ("NewProcessId", "0x10"),
                    ("NewProcessName", r"C:\windows\a.exe"),
                    ("TargetUserName", "alice"),
                    ("TargetDomainName", "CORP"),
                ],
            ),
            event(security::PROVIDER, "4689", &[("ProcessId", "0x11")]),
            event(
                security::PROVIDER,
                "5156",
                &[("Application", first), ("Direction", "%%14593"), ("SourceAddress", "10.0.0.2"), ("ProcessID", "16")],
            ),
            event(
                security::PROVIDER,
                "5157",
                &[("Application", second), ("LayerName", "%%14611"), ("SourceAddress", "10.0.0.3")],
            ),
        ]
    }

    /// What is known, by all that can be asked of it.
    fn answers(mut known: Known) -> String {
        known.settle();
        let of_sysmon = Connection {
            dvc: "HOST".into(),
            process_guid: GUID.into(),
            dest_addr: "192.0.2.7".parse().ok(),
            time: TIME.parse().ok(),
            ..Connection::default()
        };
        let of_security = ON_VOLUMES.map(|path| Connection {
            dvc: "HOST".into(),
            vendor_product: "Microsoft Windows",
            process_id: "16".into(),
            app: path.into(),
            time: TIME.parse().ok(),
            ..Connection::default()
        });
        let told = of_security.each_ref().map(|connection| (known.user(connection), known.image(connection)));
        let guid = process::number(GUID).unwrap();
        let talked = known.talkers.as_ref().map(|talkers| [guid, 0x10].map(|process| talkers.has("HOST", process)));
        format!("{:?} {:?} {told:?} {talked:?}", known.locals, known.beside(&Event::default(), &of_sysmon))
    }

    /// An event of which no more is read than this.
    fn read(mut event: Event<'static>, extent: Extent) -> Event<'static> {
        if let Extent::Only(names) = extent {
            event.data.retain(|(name, _)| names.contains(&&**name));
        }
        event
    }

    #[test]
    fn all_that_is_asked_for_is_read() {
        assert!(sysmon::OF_CONNECTION.iter().chain(&started::FIELDS).all(|name| OF_STARTS.contains(name)));
    }

    #[test]
    fn a_look_ahead_reads_all_that_any_question_needs() {
        let mut fields = Asked::default();
        assert!(fields.add("CommandLine") && fields.add("ParentUser"));
        for (logged_by, asked) in [LoggedBy::Sysmon, LoggedBy::Security, LoggedBy::All]
            .into_iter()
            .flat_map(|by| (1_u8..33).map(move |asked| (by, asked)))
        {
            let is_asked = |number: u8| asked & (1 << number) != 0;
            let questions = Questions {
                logged_by,
                locals: is_asked(0),
                starts: if is_asked(1) { fields } else { Asked::default() },
                names: is_asked(2),
                clock: Clock::Logged,
                users: is_asked(3) && logged_by.has_security(),
                volumes: is_asked(4) && logged_by.has_security(),
                talkers: is_asked(5),
            };
            let (mut whole, mut part) = (Known::of(questions, usize::MAX), Known::of(questions, usize::MAX));
            for event in events() {
                whole.take(&event, None);
                let is_of_ids = event.event_id.parse().is_ok_and(|id| questions.event_ids().contains(&id));
                if is_of_ids && questions.asked().providers().contains(&&*event.provider) {
                    part.take(&read(event, ahead(questions)), None);
                }
            }
            assert_eq!(answers(part), answers(whole), "{questions:?}");
        }
    }
}
