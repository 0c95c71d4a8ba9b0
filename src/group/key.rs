//! [`GroupKey`] and [`Group`]: what the connections of a group share, and what is counted of them.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::connection::glossary::Field;

/// Texts, one behind the other in one piece of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Values {
    text: String,
    /// Where each ends in `text`.
    ends: Vec<usize>,
}

impl Values {
    pub(super) fn of<'a>(values: impl Iterator<Item = &'a str> + Clone) -> Self {
        let size = values.clone().map(str::len).sum();
        let mut all = Self { text: String::with_capacity(size), ends: Vec::with_capacity(values.clone().count()) };
        values.for_each(|value| all.push(value));
        all
    }

    /// None yet, with room for so many, of some size in bytes.
    pub(super) fn with_room(count: usize, size: usize) -> Self {
        Self { text: String::with_capacity(size), ends: Vec::with_capacity(count) }
    }

    /// Makes it these, in the memory that it has.
    pub(super) fn refill<'a>(&mut self, values: impl Iterator<Item = &'a str>) {
        self.text.clear();
        self.ends.clear();
        values.for_each(|value| self.push(value));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let value = self.text.get(start..end).unwrap_or_default();
            start = end;
            value
        })
    }

    /// The text at this place; nothing if there is none.
    pub(super) fn get(&self, place: usize) -> &str {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(place).and_then(|&end| self.text.get(start..end)).unwrap_or_default()
    }

    /// The size of all texts, in bytes.
    pub(super) fn size(&self) -> usize {
        self.text.len()
    }

    /// What it takes in memory besides itself, in bytes: two vectors' heap space.
    pub(super) fn heap_size(&self) -> usize {
        const ALLOCATIONS: usize = 2 * 16;
        ALLOCATIONS + self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.text.len());
    }
}

/// The values that a group's connections share, one for each field that they are grouped by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupKey {
    /// The rule that the connections are hits of, by its index in the rule set.
    pub rule: usize,
    values: Values,
}

impl GroupKey {
    /// Of the values of some fields, and of a rule.
    #[must_use]
    pub fn new<'a>(fields: &[Field], rule: usize, value: impl Fn(Field) -> &'a str) -> Self {
        Self::of_values(rule, fields.iter().map(|&field| value(field)))
    }

    /// Of these values, and of a rule.
    pub fn of_values<'a>(rule: usize, values: impl Iterator<Item = &'a str> + Clone) -> Self {
        Self { rule, values: Values::of(values) }
    }

    /// Makes it the key of these values and of a rule, in the memory that it has.
    pub(super) fn refill<'a>(&mut self, rule: usize, values: impl Iterator<Item = &'a str>) {
        self.rule = rule;
        self.values.refill(values);
    }

    /// What it takes in memory besides itself, in bytes.
    pub(super) fn heap_size(&self) -> usize {
        self.values.heap_size()
    }

    /// The size of its values, in bytes.
    #[must_use]
    pub fn text_size(&self) -> usize {
        self.values.size()
    }

    /// The key of what it has at these places, in their order.
    #[must_use]
    pub fn coarsened(&self, places: &[usize]) -> Self {
        Self::of_values(self.rule, places.iter().map(|&place| self.values.get(place)))
    }

    /// The source that the group is of, if it is kept apart, and the key without it.
    #[must_use]
    pub fn without_source(&self) -> (&str, Self) {
        let mut values = self.values();
        let source = values.next().unwrap_or_default();
        (source, Self::of_values(self.rule, values))
    }

    /// The values, in the order of the fields.
    pub fn values(&self) -> impl Iterator<Item = &str> + Clone {
        self.values.iter()
    }
}

/// By their values, one after the other, and then by rule.
impl Ord for GroupKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.values().cmp(other.values()).then(self.rule.cmp(&other.rule))
    }
}

impl PartialOrd for GroupKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How many connections a group has and when the first and last of them were; `None` where no time was stated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Group {
    /// How many connections, at least one.
    pub count: u64,
    /// The earliest stated time.
    #[serde(with = "spilled_time")]
    pub first: Option<Timestamp>,
    /// The latest stated time.
    #[serde(with = "spilled_time")]
    pub last: Option<Timestamp>,
}

impl Group {
    pub(super) fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        // `None` sorts below any time, so only the minimum needs care.
        self.first = match (self.first, other.first) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.last = self.last.max(other.last);
    }
}

/// A time as it is spilled: seconds since 1970 and nanoseconds of the same sign, exactly.
pub(super) mod spilled_time {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(in crate::group) fn serialize<S: Serializer>(time: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| (time.as_second(), time.subsec_nanosecond())).serialize(to)
    }

    pub(in crate::group) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        let time = Option::<(i64, i32)>::deserialize(from)?;
        time.map(|(second, nanosecond)| Timestamp::new(second, nanosecond)).transpose().map_err(D::Error::custom)
    }
}
