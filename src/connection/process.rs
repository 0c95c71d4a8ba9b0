//! A [`Fact`]: what one event says of a process: that it was created, that it created another, that it ended, or what it asked of
//! DNS. Sysmon's EventID 1, 5 and 22.
//!
//! Fields are looked up by name, as those of connections are. Which processes matter, and what comes of the facts, is not known here.

use std::{borrow::Cow, cmp::Ordering, net::IpAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{
        clock::Clock,
        host,
        rank::Weight,
        sysmon::{PROVIDER, address, decimal, guid, stated, time},
    },
    evtx::{event::Event, typed::Raw},
};

/// The events that say something of a process: it was created, it ended, it asked DNS.
pub const EVENT_IDS: [u16; 3] = [CREATED, 5, QUERIED];
/// It was created.
pub const CREATED: u16 = 1;
/// It asked DNS.
pub const QUERIED: u16 = 22;

/// The fields of these events that are read. Source: `sysmon -s`, events `SYSMONEVENT_CREATE_PROCESS`,
/// `SYSMONEVENT_PROCESS_TERMINATE` and `SYSMONEVENT_DNS_QUERY`, schema versions 3.0 to 4.91.
pub const FIELDS: [&str; 13] = [
    "UtcTime",
    "ProcessGuid",
    "Image",
    "CommandLine",
    "IntegrityLevel",
    "Hashes",
    "OriginalFileName",
    "ParentProcessGuid",
    "ParentProcessId",
    "ParentImage",
    "ParentCommandLine",
    "QueryName",
    "QueryResults",
];

/// Where those are among them that tell the process and its parent.
const PROCESS_GUID: usize = 1;
const PARENT_GUID: usize = 7;

/// A process of a host. The id alone is no key: Windows gives it to the next process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessKey {
    /// The reporting host, as [`host::folded`] has it.
    pub host: String,
    /// `ProcessGuid`, as connections show it.
    pub guid: String,
}

impl ProcessKey {
    /// Of a host by any of its names.
    #[must_use]
    pub fn new(host: &str, guid: String) -> Self {
        Self { host: host::folded(host).into_owned(), guid }
    }

    /// What its texts take in memory, in bytes, with what the allocator adds to them.
    #[must_use]
    pub fn size(&self) -> usize {
        2 * 16 + self.host.len() + self.guid.len()
    }
}

/// What an event says of a process. Facts are in the order of their processes, and of each first come those of its creation, which tell
/// most before others and then in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fact {
    /// Whose it is.
    pub of: ProcessKey,
    /// What it is.
    pub told: Told,
}

impl Fact {
    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let texts = |texts: &[&String]| texts.iter().map(|text| 16 + text.len()).sum::<usize>();
        let told = match &self.told {
            Told::Created(created) => created.size(),
            Told::Parent(parent) => size_of::<Parent>() + texts(&[&parent.image, &parent.command_line]),
            Told::Ended(_) => 0,
            Told::Queried(query) => texts(&[&query.name]) + size_of_val(&*query.addresses),
        };
        size_of::<Self>() + self.of.size() + told
    }
}

/// A fact that an event states about a process. Times are nanoseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Told {
    /// Its own EventID 1.
    Created(Box<Created>),
    /// What the EventID 1 of a process that it started says of it.
    Parent(Box<Parent>),
    /// Its EventID 5: when it ended; nothing if that cannot be read.
    Ended(Option<i128>),
    /// An EventID 22 of it.
    Queried(Query),
}

/// How a process was created.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Created {
    /// `UtcTime`.
    pub time: Option<i128>,
    /// `Image`.
    pub image: String,
    /// `CommandLine`.
    pub command_line: String,
    /// `Hashes`, as logged.
    pub hashes: String,
    /// `OriginalFileName`.
    pub original_file_name: String,
    /// `IntegrityLevel`.
    pub integrity_level: String,
    /// `ParentCommandLine`.
    pub parent_command_line: String,
    /// `ParentImage`.
    pub parent_image: String,
    /// `ParentProcessId`.
    pub parent_id: String,
    /// `ParentProcessGuid`.
    pub parent_guid: String,
}

impl Created {
    /// The fields that it is of, in the order of its texts.
    pub const FIELDS: [&str; 9] = [
        "Image",
        "CommandLine",
        "Hashes",
        "OriginalFileName",
        "IntegrityLevel",
        "ParentCommandLine",
        "ParentImage",
        "ParentProcessId",
        "ParentProcessGuid",
    ];

    /// As an EventID 1 tells it, by the values of its fields.
    pub fn of<'t>(time: Option<i128>, field: impl Fn(&str) -> &'t str) -> Self {
        let texts = Self::FIELDS.map(|name| Self::text(name, field(name)).into_owned());
        let [image, command_line, hashes, original_file_name, integrity_level, parent @ ..] = texts;
        let [parent_command_line, parent_image, parent_id, parent_guid] = parent;
        Self {
            time,
            image,
            command_line,
            hashes,
            original_file_name,
            integrity_level,
            parent_command_line,
            parent_image,
            parent_id,
            parent_guid,
        }
    }

    /// What is kept of the value of one of its fields.
    pub(super) fn text<'t>(field: &str, value: &'t str) -> Cow<'t, str> {
        let value = stated(value);
        match field {
            "ParentProcessId" => decimal(value),
            "ParentProcessGuid" => Some(guid(value)).filter(|guid| is_guid(guid)).unwrap_or_default(),
            _ => cut(value, MOST).into(),
        }
    }

    /// What it says of the process that started this one.
    #[must_use]
    pub fn parent(&self) -> Parent {
        let Self { time, parent_image, parent_command_line, .. } = self;
        Parent { time: *time, image: parent_image.clone(), command_line: parent_command_line.clone() }
    }

    /// Its weight among all that tell how the process was created.
    #[must_use]
    pub fn weight(&self) -> Weight {
        Weight::of(self.texts())
    }

    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.texts().map(|text| 16 + text.len()).sum::<usize>()
    }

    fn texts(&self) -> impl Iterator<Item = &str> + Clone {
        let image = [&self.image, &self.command_line, &self.hashes, &self.original_file_name, &self.integrity_level];
        let parent = [&self.parent_command_line, &self.parent_image, &self.parent_id, &self.parent_guid];
        image.into_iter().chain(parent).map(String::as_str)
    }
}

/// What is known of a process by one that it started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parent {
    /// When the other was created.
    pub time: Option<i128>,
    /// `ParentImage`.
    pub image: String,
    /// `ParentCommandLine`.
    pub command_line: String,
}

impl Parent {
    /// The fields that it is of, in the order of its texts.
    pub const FIELDS: [&str; 2] = ["ParentImage", "ParentCommandLine"];

    /// Its weight among all that tell the same of a process.
    #[must_use]
    pub fn weight(&self) -> Weight {
        Weight::of(self.texts())
    }

    fn texts(&self) -> impl Iterator<Item = &str> + Clone {
        [&self.image, &self.command_line].into_iter().map(String::as_str)
    }
}

/// The order of two that tell the same, at these times and with these texts.
fn by_rank<'t, T: Iterator<Item = &'t str> + Clone>(times: [Option<i128>; 2], texts: [T; 2]) -> Ordering {
    let ([time, other_time], [own, others]) = (times, texts);
    let rank = |time, texts: &T| Weight::of(texts.clone()).at(time);
    let of_rank = rank(time, &own).cmp(&rank(other_time, &others));
    of_rank.then(time.cmp(&other_time)).then_with(|| own.cmp(others))
}

impl Ord for Created {
    fn cmp(&self, other: &Self) -> Ordering {
        by_rank([self.time, other.time], [self.texts(), other.texts()])
    }
}

impl PartialOrd for Created {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Parent {
    fn cmp(&self, other: &Self) -> Ordering {
        by_rank([self.time, other.time], [self.texts(), other.texts()])
    }
}

impl PartialOrd for Parent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A DNS query.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Query {
    /// When it was logged, or happened: by the clock of the connections that it is for.
    pub time: i128,
    /// `QueryName`.
    pub name: String,
    /// The addresses among its results.
    pub addresses: Vec<IpAddr>,
}

impl Query {
    /// How long before a connection its name can have been asked for, and how long after it that can be logged, in nanoseconds.
    const BEFORE: i128 = 300_000_000_000;
    const AFTER: i128 = 5_000_000_000;

    /// From when to when a query can have been that gave the destination of a connection at this time.
    #[must_use]
    pub fn window(connected: Timestamp) -> (i128, i128) {
        let time = connected.as_nanosecond();
        (time - Self::BEFORE, time + Self::AFTER)
    }
}

/// How much of a text is kept, in bytes: a command line has at most 32,767 UTF-16 code units, as `CreateProcessW` takes them, and a
/// name of DNS 255 octets (RFC 1035). Only a forged template has more.
const MOST: usize = 3 * 32_767;
const MOST_OF_NAME: usize = 4 * 255;

/// The start of a text, to a character.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// What an event says of processes: nothing, of one, or of one and of that which started it. Of processes that are not `wanted`, it
/// is only how they were created, and when they ended. Queries are of the time that this clock tells.
pub fn facts(event: &Event<'_>, clock: Clock, wanted: impl Fn(&ProcessKey) -> bool, mut each: impl FnMut(Fact)) {
    if event.provider != PROVIDER || !matches!(&*event.event_id, "1" | "5" | "22") {
        return;
    }
    let field = |name| stated(event.field(name).unwrap_or_default());
    let happened = time(field("UtcTime"));
    let utc_time = happened.map(Timestamp::as_nanosecond);
    let key = |name| {
        let guid = guid(field(name)).into_owned();
        is_guid(&guid).then(|| ProcessKey::new(&event.computer, guid))
    };
    let Some(of) = key("ProcessGuid") else { return };
    match &*event.event_id {
        "1" => {
            let created = Created::of(utc_time, |name| event.field(name).unwrap_or_default());
            if let Some(of) = key("ParentProcessGuid").filter(&wanted) {
                each(Fact { of, told: Told::Parent(Box::new(created.parent())) });
            }
            each(Fact { of, told: Told::Created(Box::new(created)) });
        }
        "5" => each(Fact { of, told: Told::Ended(utc_time) }),
        "22" if wanted(&of) => {
            let logged = event.time.or_else(|| time(&event.system_time));
            if let Some(asked) = clock.time(logged, || happened) {
                let addresses = field("QueryResults").split(';').filter_map(|result| address(result.trim()).1);
                let (time, addresses) = (asked.as_nanosecond(), addresses.collect());
                each(Fact {
                    of,
                    told: Told::Queried(Query {
                        time,
                        name: cut(field("QueryName"), MOST_OF_NAME).to_owned(),
                        addresses,
                    }),
                });
            }
        }
        _ => {}
    }
}

/// What the creation of a process says of the one that started it, if this is such a fact and says which that is.
#[must_use]
pub fn parent(fact: &Fact) -> Option<Fact> {
    let Told::Created(created) = &fact.told else { return None };
    let guid = Some(&created.parent_guid).filter(|guid| is_guid(guid))?;
    let of = ProcessKey { host: fact.of.host.clone(), guid: guid.clone() };
    Some(Fact { of, told: Told::Parent(Box::new(created.parent())) })
}

/// The processes that an event tells of, by what their GUIDs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention {
    /// Whose it is.
    pub of: u128,
    /// Which process started it, if the event says so.
    pub parent: Option<u128>,
    /// Whether the event is a DNS query of it.
    pub is_query: bool,
}

/// The processes that [`facts`] of an event are of.
#[must_use]
pub fn mention(event: &Event<'_>) -> Option<Mention> {
    let id = match &*event.event_id {
        _ if event.provider != PROVIDER => return None,
        "1" => 1,
        "5" => 5,
        "22" => 22,
        _ => return None,
    };
    mention_of(id, |field| {
        let text = FIELDS.get(field).and_then(|name| event.field(name));
        number(&guid(stated(text.unwrap_or_default())))
    })
}

/// The same, of an event of Sysmon's with this id, by the values of its [`FIELDS`].
pub fn mentioned<'t>(id: u16, value: impl Fn(usize) -> Raw<'t>) -> Option<Mention> {
    mention_of(id, |field| of_value(value(field)))
}

/// What the digits of a process's GUID say, as one number, by its value.
#[must_use]
pub fn of_value(value: Raw<'_>) -> Option<u128> {
    let number = value.guid().or_else(|| number(&guid(stated(&value.text()))));
    number.filter(|&number| number != 0)
}

fn mention_of(id: u16, guid: impl Fn(usize) -> Option<u128>) -> Option<Mention> {
    let of = || guid(PROCESS_GUID);
    match id {
        1 => Some(Mention { of: of()?, parent: guid(PARENT_GUID), is_query: false }),
        5 | 22 => Some(Mention { of: of()?, parent: None, is_query: id == 22 }),
        _ => None,
    }
}

/// Whether the text is the GUID of a process. One of zeros is of none.
#[must_use]
pub fn is_guid(text: &str) -> bool {
    number(text).is_some()
}

/// What the digits of a process's GUID say, as one number.
#[must_use]
pub fn number(guid: &str) -> Option<u128> {
    let mut parts = guid.strip_prefix('{')?.strip_suffix('}')?.split('-');
    let mut number = 0;
    for size in [8, 4, 4, 4, 12] {
        let part = parts.next().filter(|part| part.len() == size)?;
        for digit in part.chars() {
            number = number << 4 | u128::from(digit.to_digit(16)?);
        }
    }
    (parts.next().is_none() && number != 0).then_some(number)
}

/// When a process was created, by its GUID, to the second: of `{6820D070-1F1B-6323-...}`, `0x63231F1B` is seconds since 1970. It was
/// so, to within a second, in all of 2,588 processes of public logs whose creation is logged.
#[must_use]
pub fn started(guid: &str) -> Option<Timestamp> {
    const LOW_HALF: u32 = 16;
    let seconds = u32::try_from(number(guid)? >> 64 & u128::from(u32::MAX)).ok()?.rotate_left(LOW_HALF);
    Timestamp::from_second(seconds.into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evtx::{
        chunk,
        decoder::{self, Carving, Decoder},
        shape::Extent,
        typed::Scratch,
    };

    #[test]
    fn values_mention_the_processes_that_the_event_does() {
        assert_eq!([FIELDS[PROCESS_GUID], FIELDS[PARENT_GUID]], ["ProcessGuid", "ParentProcessGuid"]);
        let decoder = Decoder::new(Carving::Live);
        let (mut count, mut parents) = (0, 0);
        decoder::tests::chunks(&mut |path, chunk| {
            let extent = Extent::Only(&FIELDS);
            let Some(typed) = decoder.typed(chunk, &chunk::layout(chunk).0, extent) else { return };
            let mut scratch = Scratch::default();
            for row in typed.rows() {
                let (Some((provider, id)), Some(values)) = (typed.kind(row), typed.values(row)) else { continue };
                let found = mentioned(id, |field| values.field(field)).filter(|_| provider.text() == PROVIDER);
                let event = typed.event(row, &mut scratch).unwrap();
                assert_eq!(found, mention(&event), "{}: {event:?}", path.display());
                let (mut of, mut told) = (Vec::new(), Vec::new());
                facts(&event, Clock::Logged, |_| true, |fact| told.push(fact));
                of.extend(told.iter().filter_map(|fact| number(&fact.of.guid)));
                let of_parent: Vec<&Fact> = told.iter().filter(|fact| matches!(fact.told, Told::Parent(_))).collect();
                let made: Vec<Fact> = told.iter().filter_map(parent).collect();
                assert_eq!(made.iter().collect::<Vec<_>>(), of_parent, "{event:?}");
                assert!(of.is_empty() || found.is_some_and(|found| of.contains(&found.of)), "{event:?}");
                count += usize::from(found.is_some());
                parents += usize::from(found.is_some_and(|found| found.parent.is_some()));
            }
        });
        assert!(count > 100 && parents > 100, "only {count} events of processes, {parents} with parents");
    }

    #[test]
    fn a_guid_is_one_number_however_it_is_written() {
        const GUID: &str = "{6820D070-1F1B-6323-5C02-0123456789AB}";
        let bytes = [0x70, 0xd0, 0x20, 0x68, 0x1b, 0x1f, 0x23, 0x63, 0x5c, 2, 1, 0x23, 0x45, 0x67, 0x89, 0xab];
        let one = |value: Raw<'_>| mentioned(5, |_| value).map(|mention| mention.of);
        assert_eq!(number(GUID), Some(0x6820_d070_1f1b_6323_5c02_0123_4567_89ab));
        assert_eq!(one(Raw { kind: crate::evtx::kind::GUID, bytes: &bytes }), number(GUID));
        for text in [GUID, &GUID.to_lowercase(), GUID.trim_matches(['{', '}'])] {
            let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(one(Raw { kind: crate::evtx::kind::TEXT, bytes: &utf16 }), number(GUID), "{text}");
        }
        assert_eq!(one(Raw { kind: crate::evtx::kind::GUID, bytes: &[0; 16] }), None);
        assert_eq!(one(Raw::default()), None);
    }

    #[test]
    fn a_guid_says_when_its_process_started() {
        let started = started("{6820D070-1F1B-6323-5C02-000000001400}");
        assert_eq!(started.map(|time| time.to_string()).as_deref(), Some("2022-09-15T12:48:27Z"));
        for text in [
            "",
            "{}",
            "6820D070-1F1B-6323-5C02-000000001400",
            "{6820D070-1F1B-6323-5C02-00000000140}",
            "{+820D070-1F1B-6323-5C02-000000001400}",
        ] {
            assert!(!is_guid(text), "{text}");
        }
        assert!(!is_guid("{00000000-0000-0000-0000-000000000000}"));
    }

    #[test]
    fn only_addresses_of_a_querys_results_count() {
        let data = [
            ("ProcessGuid", "{6820d070-1f1b-6323-5c02-000000001400}"),
            ("QueryName", "example.org"),
            ("QueryResults", "type:  5 www.example.org;::ffff:192.0.2.7;2001:DB8:0:0:0:0:0:1;"),
        ];
        let event = Event {
            provider: PROVIDER.into(),
            event_id: "22".into(),
            computer: "HOST".into(),
            system_time: "2022-09-15T12:50:00Z".into(),
            data: data.map(|(name, value)| (name.into(), value.into())).into(),
            ..Event::default()
        };
        let mut found = Vec::new();
        facts(&event, Clock::Logged, |_| true, |fact| found.push(fact));
        let [Fact { of, told: Told::Queried(query) }] = &found[..] else { panic!("{found:?}") };
        assert_eq!(of.guid, "{6820D070-1F1B-6323-5C02-000000001400}");
        assert_eq!(query.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["192.0.2.7", "2001:db8::1"]);
    }
}
