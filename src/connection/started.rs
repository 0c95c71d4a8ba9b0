//! [`Starts`]: how processes were started, by EventID 1, as far as it is asked for. Rules that look at more than a connection's own
//! event look at this.
//!
//! Values are kept as they were logged, and each text once. What rules make of them is not known here.

use std::{
    array,
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    connection::{
        clock,
        glossary::{Connection, Field},
        host,
        process::{self, Created, Parent, number},
        rank::{Rank, Weighing, Weight},
        sysmon::{PROVIDER, guid, stated, time},
        talkers::Talkers,
    },
    evtx::{
        event::Event,
        typed::{Raw, Values},
    },
    fingerprint::Fingerprints,
};

/// The fields of EventID 1 that EventID 3 lacks. Source: `sysmon -s`, event `SYSMONEVENT_CREATE_PROCESS`, schema versions 3.0 to 4.91.
pub const FIELDS: [&str; 17] = [
    "CommandLine",
    "ParentImage",
    "ParentCommandLine",
    "OriginalFileName",
    "Hashes",
    "IntegrityLevel",
    "Company",
    "Description",
    "Product",
    "CurrentDirectory",
    "LogonId",
    "LogonGuid",
    "TerminalSessionId",
    "FileVersion",
    "ParentProcessId",
    "ParentProcessGuid",
    "ParentUser",
];

/// The first of them. An event that has it tells of its process.
pub const COMMAND_LINE: &str = "CommandLine";

/// What stands among the fields that are kept of a process, beside them, if all of them are told. None of Sysmon's is called so.
pub const TELLS_ALL: &str = "(process)";

/// What tells which process an event is of, when it was created and what it runs. Where values are read, they stand behind [`FIELDS`].
pub const OF_PROCESS: [&str; 3] = ["ProcessGuid", "UtcTime", "Image"];

/// Where some of them stand.
const PARENT_COMMAND_LINE: usize = 2;
const PARENT_GUID: usize = 15;
const PROCESS_GUID: usize = FIELDS.len();
const UTC_TIME: usize = FIELDS.len() + 1;

/// Some of the [`FIELDS`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Asked(u32);

/// How a process was started. Of several events that tell it, the first counts, by the rank that each has with all of its fields: which
/// of them are asked for has no part in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Start {
    /// The process's own event comes before those of processes that it started.
    origin: Origin,
    rank: Rank,
    /// The values of fields that its event has, by their place among [`FIELDS`].
    values: Box<[(u8, Arc<str>)]>,
}

/// Which event tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Origin {
    /// Its own, of Sysmon: what that does not have is not there.
    Own,
    /// Its own, of another provider, which tells some of it.
    Audited,
    /// That of a process that it started, which tells its command line.
    Child,
    /// The same, which does not.
    Parent,
}

/// How processes were started.
#[derive(Debug, Clone, Default)]
pub struct Starts {
    asked: Asked,
    /// By host, and by the GUID as a number.
    by_host: HashMap<Box<str>, HashMap<u128, Start>>,
    texts: HashSet<Arc<str>>,
    /// The texts of the latest values, as they stand in logs, by the fingerprints of those.
    by_value: HashMap<u128, Arc<str>, ahash::RandomState>,
    fingerprints: Fingerprints,
    /// The fingerprints of the latest events.
    met: HashSet<u128, ahash::RandomState>,
    /// The text of a value, whose memory is used again.
    scratch: Vec<u8>,
    /// What they take in memory, in bytes.
    size: usize,
}

impl Asked {
    /// Adds a field. Returns whether it is one of them.
    pub fn add(&mut self, name: &str) -> bool {
        let index = FIELDS.iter().position(|field| *field == name);
        self.0 |= index.map_or(0, |index| 1 << index);
        index.is_some()
    }

    /// Adds those of another.
    pub fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.numbered().map(|(_, name)| name)
    }

    fn numbered(self) -> impl Iterator<Item = (u8, &'static str)> {
        (0..).zip(FIELDS).filter(move |(index, _)| self.0 & (1 << index) != 0)
    }
}

impl Start {
    /// What another event than Sysmon's tells of what is asked, by these names, which can be nothing. It has no rank.
    #[must_use]
    pub fn told<'a>(asked: Asked, value: impl Fn(&str) -> Option<Cow<'a, str>>) -> Self {
        let values = asked.numbered().filter_map(|(index, name)| Some((index, value(name)?.into()))).collect();
        Self { origin: Origin::Audited, rank: Rank::default(), values }
    }

    /// Whether all of its fields are told, also those that its event does not have.
    #[must_use]
    pub fn tells_all(&self) -> bool {
        self.origin == Origin::Own
    }

    /// What it takes in memory, in bytes, with texts that no other has.
    #[must_use]
    pub fn size(&self) -> usize {
        let values = self.values.iter().map(|(_, text)| Starts::OF_VALUE + Starts::OF_TEXT + text.len());
        values.fold(Starts::OF_START, usize::saturating_add)
    }

    /// The value of a field as it was logged; nothing if the event does not have it.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    /// Its fields and their values.
    fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().filter_map(|(index, value)| Some((*FIELDS.get(usize::from(*index))?, &**value)))
    }

    /// The same, to be kept, with [`TELLS_ALL`] if it does.
    pub fn kept(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.pairs().chain(self.tells_all().then_some((TELLS_ALL, "")))
    }
}

impl Starts {
    /// What a process takes in memory besides its texts, in bytes, and what a text takes, with what the allocator adds.
    const OF_START: usize = 96;
    const OF_VALUE: usize = 24;
    const OF_TEXT: usize = 48;
    /// How many values are remembered at most, before all of them are forgotten: a megabyte, whatever is known.
    const MOST_VALUES: usize = 1 << 14;

    /// None yet, of which these fields are asked for.
    #[must_use]
    pub fn new(asked: Asked) -> Self {
        Self { asked, ..Self::default() }
    }

    /// Takes what an event says of it, if it is an EventID 1; of these processes alone, if some are given.
    pub fn take(&mut self, event: &Event<'_>, among: Option<&Talkers>) {
        if event.provider != PROVIDER || event.event_id != "1" {
            return;
        }
        let host = host::folded(&event.computer);
        let is_asked = |process: &u128| among.is_none_or(|among| among.has(&host, *process));
        let time = time(stated(event.field("UtcTime").unwrap_or_default())).map(jiff::Timestamp::as_nanosecond);
        let key = |name| number(&guid(stated(event.field(name).unwrap_or_default()))).filter(is_asked);
        let (of, parent) = (key("ProcessGuid"), key("ParentProcessGuid"));
        if of.or(parent).is_none() {
            return;
        }
        let created = Created::of(time, |name| event.field(name).unwrap_or_default());
        if let Some(of) = of {
            let told = self.asked.numbered().filter_map(|(index, name)| Some((index, event.field(name)?)));
            let values = told.map(|(index, value)| (index, self.text(value))).collect();
            self.learn(&host, of, Start { origin: Origin::Own, rank: created.weight().at(time), values });
        }
        if let Some(of) = parent {
            let line = event.field("ParentCommandLine").filter(|line| !stated(line).is_empty());
            let line = line.map(|line| self.text(line));
            self.learn(&host, of, self.of_parent(line, created.parent().weight().at(time)));
        }
    }

    /// Takes the same of an EventID 1 of Sysmon's, by the values of its [`FIELDS`] and what is [`OF_PROCESS`].
    pub fn take_values(&mut self, values: &Values<'_>, among: Option<&Talkers>) {
        let host = self.text_of(values.computer);
        let host = host::folded(&host);
        let is_asked = |process: &u128| among.is_none_or(|among| among.has(&host, *process));
        let key = |field| process::of_value(values.field(field)).filter(is_asked);
        let (of, parent) = (key(PROCESS_GUID), key(PARENT_GUID));
        if of.or(parent).is_none() {
            return;
        }
        if !self.is_new(values) {
            return;
        }
        let time = clock::read(values.field(UTC_TIME)).map(jiff::Timestamp::as_nanosecond);
        if let Some(of) = of {
            let rank = self.weight_of(values, &Created::FIELDS).at(time);
            let told = self.asked.numbered().filter_map(|(index, _)| Some((index, values.stated(index.into())?)));
            let values = told.map(|(index, value)| (index, self.text_of(value))).collect();
            self.learn(&host, of, Start { origin: Origin::Own, rank, values });
        }
        if let Some(of) = parent {
            let line = Some(self.text_of(values.field(PARENT_COMMAND_LINE))).filter(|line| !stated(line).is_empty());
            let rank = self.weight_of(values, &Parent::FIELDS).at(time);
            self.learn(&host, of, self.of_parent(line, rank));
        }
    }

    /// Whether an event is not remembered to have told the same: logs that were collected twice tell all twice.
    fn is_new(&mut self, values: &Values<'_>) -> bool {
        let told = array::from_fn::<_, { FIELDS.len() + OF_PROCESS.len() }, _>(|field| values.field(field));
        if self.met.len() >= Self::MOST_VALUES {
            self.met.clear();
        }
        self.met.insert(self.fingerprints.of(&(values.computer, told)))
    }

    /// The weight of what an event tells in some fields, as [`Created`] and [`Parent`] have it.
    fn weight_of(&mut self, values: &Values<'_>, fields: &[&str]) -> Weight {
        let mut weighing = Weighing::default();
        for name in fields {
            let place = FIELDS.iter().chain(&OF_PROCESS).position(|field| field == name);
            let value = place.map(|place| values.field(place)).unwrap_or_default();
            weighing.add(&Created::text(name, value.text_in(&mut self.scratch)));
        }
        weighing.weight()
    }

    /// What the event of a process that it started tells of it: that it was there, and its command line, if that is stated and asked for.
    fn of_parent(&self, line: Option<Arc<str>>, rank: Rank) -> Start {
        let origin = if line.is_some() { Origin::Child } else { Origin::Parent };
        Start { origin, rank, values: self.command_line().zip(line).into_iter().collect() }
    }

    /// The number of the command line, if it is asked for.
    fn command_line(&self) -> Option<u8> {
        self.asked.numbered().find(|(_, name)| *name == COMMAND_LINE).map(|(index, _)| index)
    }

    /// Adds what another part of a look has taken.
    #[expect(clippy::iter_over_hash_type, reason = "what is kept does not depend on the order")]
    pub fn merge(&mut self, other: Self) {
        for (host, starts) in other.by_host {
            for (of, start) in starts {
                let values = start.values.iter().map(|(index, value)| (*index, self.text(value))).collect();
                self.learn(&host, of, Start { values, ..start });
            }
        }
    }

    /// The start of the process behind a connection, if it is known.
    #[must_use]
    pub fn of(&self, connection: &Connection<'_>) -> Option<&Start> {
        self.by_host.get(&*host::folded(connection.get(Field::Dvc)))?.get(&number(connection.get(Field::ProcessGuid))?)
    }

    /// Forgets how values and events stand in logs, once all are taken.
    pub fn forget_values(&mut self) {
        self.by_value = HashMap::default();
        self.met = HashSet::default();
    }

    /// What they take in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    fn learn(&mut self, host: &str, of: u128, start: Start) {
        if !self.by_host.contains_key(host) {
            self.size += host::SIZE + host.len();
            self.by_host.insert(host.into(), HashMap::new());
        }
        let Some(starts) = self.by_host.get_mut(host) else { return };
        match starts.get_mut(&of) {
            Some(known) if *known <= start => {}
            Some(known) => *known = start,
            None => {
                self.size += Self::OF_START + start.values.len() * Self::OF_VALUE;
                starts.insert(of, start);
            }
        }
    }

    /// A text, which is kept once.
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(kept) = self.texts.get(text) {
            return Arc::clone(kept);
        }
        let kept: Arc<str> = text.into();
        self.size += Self::OF_TEXT + text.len();
        self.texts.insert(Arc::clone(&kept));
        kept
    }

    /// The text of a value, which is not made anew as long as it is remembered.
    fn text_of(&mut self, value: Raw<'_>) -> Arc<str> {
        let fingerprint = self.fingerprints.of(&value);
        if let Some(kept) = self.by_value.get(&fingerprint) {
            return Arc::clone(kept);
        }
        if self.by_value.len() >= Self::MOST_VALUES {
            self.by_value.clear();
        }
        let kept = self.text(&value.text());
        self.by_value.insert(fingerprint, Arc::clone(&kept));
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "{6820D070-1F1B-6323-5C02-000000001400}";
    const PARENT: &str = "{6820D070-1F1B-6323-5C02-000000001300}";

    fn created(time: &'static str, of: &'static str, line: &'static str) -> Event<'static> {
        let data = [
            ("UtcTime", time),
            ("ProcessGuid", of),
            ("CommandLine", line),
            ("Company", "-"),
            ("ParentProcessGuid", PARENT),
            ("ParentCommandLine", "parent -x"),
        ];
        Event {
            provider: PROVIDER.into(),
            event_id: "1".into(),
            computer: "HOST".into(),
            data: data.map(|(name, value)| (name.into(), value.into())).into(),
            ..Event::default()
        }
    }

    fn starts(events: &[Event<'_>], fields: &[&str]) -> Starts {
        let mut asked = Asked::default();
        assert!(fields.iter().all(|name| asked.add(name)));
        let mut starts = Starts::new(asked);
        for event in events {
            starts.take(event, None);
        }
        starts
    }

    fn of<'a>(starts: &'a Starts, guid: &'static str) -> Option<Vec<(&'static str, &'a str)>> {
        let connection = Connection { dvc: "HOST".into(), process_guid: guid.into(), ..Connection::default() };
        starts.of(&connection).map(|start| start.pairs().collect())
    }

    #[test]
    fn the_earlier_event_counts_and_a_processs_own_before_those_of_others() {
        let events = [
            created("2024-03-05 14:05:01.000", OWN, "later"),
            created("2024-03-05 14:05:00.000", OWN, "first"),
            created("2024-03-05 14:05:02.000", PARENT, "own"),
        ];
        let mut some = starts(&events[..1], &["CommandLine", "Company", "ParentUser"]);
        some.merge(starts(&events[1..2], &["CommandLine", "Company", "ParentUser"]));
        assert_eq!(of(&some, PARENT), Some(vec![("CommandLine", "parent -x")]));
        some.merge(starts(&events[2..], &["CommandLine", "Company", "ParentUser"]));
        assert_eq!(of(&some, OWN), Some(vec![("CommandLine", "first"), ("Company", "-")]));
        assert_eq!(of(&some, PARENT), Some(vec![("CommandLine", "own"), ("Company", "-")]));
        assert_eq!(of(&some, "{6820D070-1F1B-6323-5C02-000000001401}"), None);
        assert_eq!(of(&some, "-"), None);
    }

    #[test]
    fn the_name_of_a_host_takes_room_once() {
        let of = |host: String, times: usize| {
            let event = Event { computer: host.into(), ..created("2024-03-05 14:05:00.000", OWN, "first") };
            let mut starts = starts(&[], &["Company"]);
            (0..times).for_each(|_| starts.take(&event, None));
            starts.size()
        };
        assert_eq!(of("H".repeat(1000), 1), of("H".to_owned(), 1) + 999);
        assert_eq!(of("H".repeat(1000), 2), of("H".repeat(1000), 1));
    }

    #[test]
    fn no_more_is_kept_than_is_asked_for() {
        let events = [created("2024-03-05 14:05:00.000", OWN, "first")];
        let few = starts(&events, &["Company"]);
        assert_eq!(of(&few, OWN), Some(vec![("Company", "-")]));
        assert_eq!(of(&few, PARENT), Some(Vec::new()));
    }
}
