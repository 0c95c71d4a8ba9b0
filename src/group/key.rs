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
        self.clear();
        values.for_each(|value| self.push(value));
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
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

    /// The order of the first `count` texts of both, one after the other: as of `iter().take(count)`, without looking at each by itself.
    pub(super) fn compare(&self, other: &Self, count: usize) -> Ordering {
        let (own, others) = (self.text.as_bytes(), other.text.as_bytes());
        let differs = first_difference(own, others);
        let ends = self.ends.iter().zip(&other.ends).take(count);
        // Up to the first text that ends elsewhere, or in which there is a difference, all are the same.
        let unlike = ends.into_iter().find(|&(&one, &two)| one != two || one > differs);
        match unlike {
            Some((&one, &two)) if differs < one.min(two) => own.get(differs).cmp(&others.get(differs)),
            Some((one, two)) => one.cmp(two),
            None => self.ends.len().min(count).cmp(&other.ends.len().min(count)),
        }
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

    pub(super) fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.text.len());
    }
}

/// Where two texts are not the same, at the first byte; or where the shorter one ends.
fn first_difference(one: &[u8], two: &[u8]) -> usize {
    const BLOCK: usize = 32;
    let blocks = one.as_chunks::<BLOCK>().0.iter().zip(two.as_chunks::<BLOCK>().0);
    let start = BLOCK * blocks.take_while(|(one, two)| one == two).count();
    let rest = one.get(start..).unwrap_or_default().iter().zip(two.get(start..).unwrap_or_default());
    start + rest.take_while(|(one, two)| one == two).count()
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
    pub fn refill<'a>(&mut self, rule: usize, values: impl Iterator<Item = &'a str>) {
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

    /// The value of a field, if its fields are these; empty if they do not have it.
    #[must_use]
    pub fn value(&self, fields: &[Field], field: Field) -> &str {
        fields.iter().zip(self.values()).find(|(other, _)| **other == field).map_or("", |(_, value)| value)
    }

    /// The values, in the order of the fields.
    pub fn values(&self) -> impl Iterator<Item = &str> + Clone {
        self.values.iter()
    }
}

/// By their values, one after the other, and then by rule.
impl Ord for GroupKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.values.compare(&other.values, usize::MAX).then(self.rule.cmp(&other.rule))
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

/// What the connections of a group come to. Of none, it is the default.
pub(super) trait Sum: Clone + Default + Send + Sync {
    /// Adds what others come to.
    fn merge(&mut self, other: Self);

    /// The earliest time that is stated.
    fn first(&self) -> Option<Timestamp>;
}

impl Sum for Group {
    fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = earlier(self.first, other.first);
        // `None` sorts below any time.
        self.last = self.last.max(other.last);
    }

    fn first(&self) -> Option<Timestamp> {
        self.first
    }
}

/// The earlier one of the times that are stated.
pub(super) fn earlier(one: Option<Timestamp>, two: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(two).min()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_compared_one_after_the_other(
            one in prop::collection::vec("[ab\u{0}ä]{0,3}|a{30,34}b?", 0..4),
            two in prop::collection::vec("[ab\u{0}ä]{0,3}|a{30,34}b?", 0..4),
            count in 0..5_usize,
        ) {
            let values = |texts: &[String]| Values::of(texts.iter().map(String::as_str).collect::<Vec<_>>().into_iter());
            let expected = one.iter().take(count).cmp(two.iter().take(count));
            prop_assert_eq!(values(&one).compare(&values(&two), count), expected);
        }
    }
}
