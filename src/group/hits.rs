//! [`Hits`]: every hit with where it is from, in the order of time. For the report of events and for duplicates.
//!
//! They can be more than fit into memory, and are then spilled ([`crate::group::spill`]).

use std::io;

use serde::{Deserialize, Serialize};

use crate::{
    connection::glossary::{Connection, Field},
    evtx::event::Event,
    group::spill::{SortedRuns, Sorter},
    rule::sigma::correlation::Happening,
};

/// A hit. Its order is that of time, then of what makes it the same event as another, then of where it is from, the
/// live one first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hit {
    /// Nanoseconds since 1970; `None` if the record states no time.
    pub time: Option<i128>,
    /// The values of all fields, in the order of [`Field::ALL`].
    pub fields: Vec<String>,
    /// `EventRecordID`.
    pub record_id: String,
    /// Whether it was carved out of space that is no longer part of the log.
    pub recovered: bool,
    /// The log's name.
    pub source: String,
    /// The chunk's number in the log.
    pub chunk: u64,
    /// The record's offset in the log, in bytes.
    pub offset: u64,
    /// Sysmon's `UtcTime`.
    pub utc_time: String,
    /// Sysmon's `RuleName`.
    pub rule_name: String,
    /// The rules that it is a hit of, by their index in the rule set.
    pub rules: Vec<usize>,
    /// The event's data as it was logged; kept only for correlations.
    pub data: Vec<(String, String)>,
    /// The members of its `System`; kept only for correlations.
    pub system: Vec<(String, String)>,
}

/// Where a record is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The log's name.
    pub source: &'a str,
    /// The chunk's number in the log.
    pub chunk: u64,
    /// The record's offset in the log, in bytes.
    pub offset: u64,
}

impl Hit {
    /// A hit of this event.
    #[must_use]
    pub fn new(event: &Event<'_>, connection: &Connection<'_>, place: Place<'_>, rules: Vec<usize>) -> Self {
        let Place { source, chunk, offset } = place;
        let field = |name| event.field(name).filter(|&value| value != "-").unwrap_or_default().to_owned();
        Self {
            time: connection.time.map(jiff::Timestamp::as_nanosecond),
            fields: Field::ALL.map(|field| connection.get(field).to_owned()).into(),
            record_id: event.record_id.clone().into_owned(),
            recovered: event.recovered,
            source: source.to_owned(),
            chunk,
            offset,
            utc_time: field("UtcTime"),
            rule_name: field("RuleName"),
            rules,
            data: Vec::new(),
            system: Vec::new(),
        }
    }

    /// The same, with the whole of the event.
    #[must_use]
    pub fn with_data(mut self, event: &Event<'_>) -> Self {
        self.data = event.data.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        self.system = event.system().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self
    }

    /// What it takes in memory, in bytes.
    fn size(&self) -> usize {
        // A text, and what the allocator adds to it.
        const TEXT: usize = size_of::<String>() + 16;
        let data = self.data.iter().chain(&self.system).flat_map(|(name, value)| [name, value]);
        let others = [&self.record_id, &self.source, &self.utc_time, &self.rule_name];
        let texts = self.fields.iter().chain(data).chain(others);
        size_of::<Self>() + texts.map(|text| TEXT + text.len()).sum::<usize>()
    }

    /// Whether the other is the same event in another place: same host, record id, time and connection.
    #[must_use]
    pub fn is_copy_of(&self, other: &Self) -> bool {
        (self.time, &self.fields, &self.record_id) == (other.time, &other.fields, &other.record_id)
    }

    /// Whether the other is of the same record.
    #[must_use]
    pub fn is_at_the_place_of(&self, other: &Self) -> bool {
        (&self.source, self.offset, self.recovered) == (&other.source, other.offset, other.recovered)
    }

    /// When it was logged; `None` if the record states no time.
    #[must_use]
    pub fn timestamp(&self) -> Option<jiff::Timestamp> {
        self.time.and_then(|time| jiff::Timestamp::from_nanosecond(time).ok())
    }

    /// What a correlation looks at of it.
    #[must_use]
    pub fn into_happening(self) -> Happening {
        Happening { time: self.timestamp(), data: self.data, system: self.system }
    }

    /// The value of one field.
    #[must_use]
    pub fn get(&self, field: Field) -> &str {
        self.fields.get(field as usize).map_or("", String::as_str)
    }
}

/// Hits, collected in any order.
#[derive(Debug)]
pub struct Hits(Sorter<Hit>);

/// Hits in order, in memory and in what was spilled.
pub type SortedHits = SortedRuns<Hit>;

/// The most that hits in memory take, whatever they may, in bytes: more make it no faster.
const ROOM: usize = 100 << 20;

impl Hits {
    /// None yet. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self(Sorter::new(room.min(ROOM)))
    }

    /// Adds a hit.
    pub fn push(&mut self, hit: Hit) {
        let size = hit.size();
        self.0.push(hit, size);
    }

    /// Adds what another part of the scan has found.
    pub fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    /// The hits, sorted.
    ///
    /// # Errors
    ///
    /// They could not be spilled.
    pub fn into_sorted(self) -> io::Result<SortedHits> {
        self.0.into_sorted()
    }
}
