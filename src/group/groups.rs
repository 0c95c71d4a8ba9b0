//! [`Groups`]: connections counted by their fields, as Splunk's `stats count min(_time) max(_time) BY` does.
//!
//! Adding and merging commute, so parts of a scan can be grouped apart and merged in any order.

use std::{
    cmp::Ordering,
    collections::{HashMap, hash_map::Entry},
    io,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::glossary::{Connection, Field},
    group::spill::{SortedRuns, Sorter},
};

/// The values that a group's connections share, one for each field that they are grouped by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupKey {
    /// The rule that the connections are hits of, by its index in the rule set.
    pub rule: usize,
    text: String,
    /// Where each value ends in `text`.
    ends: Vec<usize>,
}

impl GroupKey {
    /// Of the values of some fields, and of a rule.
    #[must_use]
    pub fn new<'a>(fields: &[Field], rule: usize, value: impl Fn(Field) -> &'a str) -> Self {
        Self::of_values(rule, fields.iter().map(|&field| value(field)))
    }

    /// Of these values, and of a rule.
    pub fn of_values<'a>(rule: usize, values: impl Iterator<Item = &'a str> + Clone) -> Self {
        let size = values.clone().map(str::len).sum();
        let ends = Vec::with_capacity(values.clone().count());
        let mut key = Self { rule, text: String::with_capacity(size), ends };
        values.for_each(|value| key.push(value));
        key
    }

    /// What it takes in memory, with what is counted by it, in bytes: two vectors' heap space, and their entry in a table
    /// that is seven eighths full at most and half full at least.
    #[must_use]
    pub fn size(&self) -> usize {
        const ENTRY: usize = 2 * (size_of::<GroupKey>() + size_of::<Group>() + 1);
        ENTRY + self.heap_size()
    }

    fn heap_size(&self) -> usize {
        const ALLOCATIONS: usize = 2 * 16;
        ALLOCATIONS + self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    /// The size of its values, in bytes.
    #[must_use]
    pub fn text_size(&self) -> usize {
        self.text.len()
    }

    /// The key of what it has at these places, in their order.
    #[must_use]
    pub fn coarsened(&self, places: &[usize]) -> Self {
        let values: Vec<&str> = self.values().collect();
        Self::of_values(self.rule, places.iter().map(|&place| values.get(place).copied().unwrap_or_default()))
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
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let value = self.text.get(start..end).unwrap_or_default();
            start = end;
            value
        })
    }

    fn set<'a>(&mut self, source: Option<&str>, fields: &[Field], rule: usize, value: impl Fn(Field) -> &'a str) {
        self.rule = rule;
        self.text.clear();
        self.ends.clear();
        if let Some(source) = source {
            self.push(source);
        }
        for &field in fields {
            self.push(value(field));
        }
    }

    fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.text.len());
    }
}

/// How many connections a group has and when the first and last of them were; `None` where no time was stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    fn merge(&mut self, other: Self) {
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
mod spilled_time {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(time: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| (time.as_second(), time.subsec_nanosecond())).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        let time = Option::<(i64, i32)>::deserialize(from)?;
        time.map(|(second, nanosecond)| Timestamp::new(second, nanosecond)).transpose().map_err(D::Error::custom)
    }
}

/// Whether groups are kept apart by the source that they are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// They are counted together.
    Together,
    /// Each is counted by itself: its name is the first value of the key.
    Apart,
}

/// Connections grouped by some of their fields.
///
/// Those that are more than fit into memory are spilled ([`crate::group::spill`]), and counted together when they are read.
#[derive(Debug)]
pub struct Groups {
    fields: Vec<Field>,
    /// Whether the first value of a key is the source.
    apart: Sources,
    by_key: Table,
    /// Reused, so that a connection of a known group allocates nothing.
    key: GroupKey,
    /// How much the groups in memory take, and may take, in bytes.
    size: usize,
    room: usize,
    /// By key, of which there can be more than one.
    spilled: Sorter<(GroupKey, Group)>,
}

/// Keys are an attacker's choice, so that their hashes must depend on what is drawn anew for each run.
type Table = HashMap<GroupKey, Group, ahash::RandomState>;

impl Groups {
    /// No groups yet, of these fields. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(fields: Vec<Field>, apart: Sources, room: usize) -> Self {
        let spilled = Sorter::new(usize::MAX);
        Self { fields, apart, by_key: Table::default(), key: GroupKey::default(), size: 0, room, spilled }
    }

    /// No groups, of the same fields, with the sources together.
    #[must_use]
    pub fn none(&self) -> Self {
        Self::new(self.fields.clone(), Sources::Together, self.room)
    }

    /// Counts one connection of a source as a hit of a rule.
    pub fn add(&mut self, connection: &Connection<'_>, source: &str, rule: usize) {
        self.count(|field| connection.get(field), source, connection.time, rule);
    }

    /// Counts one connection with these values, of a source and at a time, as a hit of a rule.
    pub fn count<'a>(&mut self, value: impl Fn(Field) -> &'a str, source: &str, time: Option<Timestamp>, rule: usize) {
        let group = Group { count: 1, first: time, last: time };
        let source = (self.apart == Sources::Apart).then_some(source);
        self.key.set(source, &self.fields, rule, value);
        match self.by_key.get_mut(&self.key) {
            Some(known) => known.merge(group),
            None => self.count_group(self.key.clone(), group),
        }
    }

    /// Counts what has been grouped by the same fields.
    pub fn count_group(&mut self, key: GroupKey, group: Group) {
        match self.by_key.entry(key) {
            Entry::Occupied(mut known) => known.get_mut().merge(group),
            Entry::Vacant(place) => {
                self.size = self.size.saturating_add(place.key().size());
                place.insert(group);
                if self.size >= self.room {
                    self.spill();
                    self.spilled.spill();
                }
            }
        }
    }

    /// Adds what another part of the scan has grouped, by the same fields.
    pub fn merge(&mut self, mut other: Self) {
        self.spilled.merge(other.spilled);
        if self.by_key.len() < other.by_key.len() {
            std::mem::swap(&mut self.by_key, &mut other.by_key);
            std::mem::swap(&mut self.size, &mut other.size);
        }
        other.by_key.into_iter().for_each(|(key, group)| self.count_group(key, group));
    }

    /// The groups in the order of the report: by first time (not stated comes first), then by their values as text, then by
    /// rule.
    ///
    /// # Errors
    ///
    /// They could not be spilled.
    pub fn into_sorted(self) -> io::Result<SortedGroups> {
        if self.spilled.is_empty() {
            let mut sorted = Sorter::new(usize::MAX);
            sorted.extend(self.by_key.into_iter().map(|(key, group)| Ranked(key, group)));
            return Ok(SortedGroups(sorted.into_sorted()?));
        }
        let mut sorted = Sorter::new(self.room);
        self.each_by_key(|key, group| {
            let ranked = Ranked(key, group);
            let size = ranked.size();
            sorted.push(ranked, size);
            Ok(())
        })?;
        Ok(SortedGroups(sorted.into_sorted()?))
    }

    /// Hands on each group, in the order of their keys.
    ///
    /// # Errors
    ///
    /// What `each` returns, or they could not be spilled or read again.
    pub fn each_by_key(mut self, mut each: impl FnMut(GroupKey, Group) -> io::Result<()>) -> io::Result<()> {
        self.spill();
        // What stayed in memory would be in the way of what `each` keeps.
        self.spilled.spill();
        self.by_key = Table::default();
        let mut last: Option<(GroupKey, Group)> = None;
        for counted in self.spilled.into_sorted()?.pass()? {
            let (key, group) = counted?;
            match &mut last {
                Some((known, sum)) if *known == key => sum.merge(group),
                last => {
                    if let Some((key, group)) = last.replace((key, group)) {
                        each(key, group)?;
                    }
                }
            }
        }
        last.map_or(Ok(()), |(key, group)| each(key, group))
    }

    /// Hands what is in memory to the sorter. The table keeps its size, for as many groups again.
    fn spill(&mut self) {
        self.size = 0;
        self.spilled.extend(self.by_key.drain());
    }
}

/// A group in the order of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Ranked(GroupKey, Group);

impl Ranked {
    /// What it takes in memory, in bytes, in a vector that is half full at least.
    fn size(&self) -> usize {
        2 * size_of::<Self>() + self.0.heap_size()
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let (Self(one_key, one), Self(two_key, two)) = (self, other);
        let by_values = || one_key.values().cmp(two_key.values());
        let order = one.first.cmp(&two.first).then_with(by_values).then(one_key.rule.cmp(&two_key.rule));
        order.then_with(|| one.cmp(two))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Groups in the order of the report, in memory and in what was spilled.
#[derive(Debug)]
pub struct SortedGroups(SortedRuns<Ranked>);

impl SortedGroups {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The groups, one by one. Each pass gives the same.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn pass(&self) -> io::Result<impl Iterator<Item = io::Result<(GroupKey, Group)>>> {
        Ok(self.0.pass()?.map(|ranked| ranked.map(|Ranked(key, group)| (key, group))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn connection(app: &'static str, dest: &'static str, second: Option<i64>) -> Connection<'static> {
        Connection {
            app: app.into(),
            dest: dest.into(),
            time: second.map(|second| Timestamp::from_second(second).unwrap()),
            ..Connection::default()
        }
    }

    fn groups(fields: &[Field]) -> Groups {
        Groups::new(fields.to_vec(), Sources::Together, usize::MAX)
    }

    type Row = (Vec<String>, u64, Option<i64>, Option<i64>);

    fn rows(groups: Groups) -> Vec<Row> {
        let second = |time: Option<Timestamp>| time.map(Timestamp::as_second);
        let sorted = groups.into_sorted().unwrap();
        let rows = sorted.pass().unwrap().map(Result::unwrap);
        rows.map(|(key, group)| {
            (key.values().map(str::to_owned).collect(), group.count, second(group.first), second(group.last))
        })
        .collect()
    }

    #[test]
    fn values_that_concatenate_to_the_same_text_are_different_groups() {
        let mut groups = groups(&[Field::App, Field::Dest]);
        groups.add(&connection("ab", "c", Some(1)), "log", 0);
        groups.add(&connection("a", "bc", Some(1)), "log", 0);
        assert_eq!(groups.into_sorted().unwrap().len(), 2);
    }

    #[test]
    fn hits_of_different_rules_are_different_groups() {
        let mut groups = groups(&[Field::App]);
        for rule in [1, 0, 1] {
            groups.add(&connection("a", "", Some(1)), "log", rule);
        }
        let sorted = groups.into_sorted().unwrap();
        let rules: Vec<_> =
            sorted.pass().unwrap().map(Result::unwrap).map(|(key, group)| (key.rule, group.count)).collect();
        assert_eq!(rules, [(0, 1), (1, 2)]);
    }

    #[test]
    fn rows_are_ordered_by_first_time_then_by_text() {
        let mut groups = groups(&[Field::App]);
        for (app, second) in [("b", Some(2)), ("c", Some(1)), ("a", Some(2)), ("c", Some(9)), ("d", None)] {
            groups.add(&connection(app, "", second), "log", 0);
        }
        assert_eq!(
            rows(groups),
            [
                (vec!["d".into()], 1, None, None),
                (vec!["c".into()], 2, Some(1), Some(9)),
                (vec!["a".into()], 1, Some(2), Some(2)),
                (vec!["b".into()], 1, Some(2), Some(2)),
            ]
        );
    }

    #[test]
    fn groups_that_are_spilled_are_the_same_to_the_nanosecond_and_in_the_same_order() {
        let times = ["-009999-01-02T01:59:59Z", "1601-01-01T00:00:00.000000001Z", "1969-12-31T23:59:59.999999999Z"];
        let times = times.into_iter().chain(["1970-01-01T00:00:00Z", "9999-12-30T22:00:00.999999999Z"]);
        let times: Vec<Option<Timestamp>> = times.map(|time| Some(time.parse().unwrap())).chain([None]).collect();
        let values = [["", ""], ["a", "b"], ["ab", ""], ["", "ab"], ["a\0b", "\u{202e}ü\n"], ["a\0", "b"]];
        let grouped = |room| {
            let mut groups = Groups::new(vec![Field::App, Field::Dest], Sources::Together, room);
            for (number, first) in (0..).zip(&times) {
                for (value, last) in values.iter().zip(&times) {
                    let key = GroupKey::of_values(number % 2, value.iter().copied());
                    groups.count_group(key, Group { count: u64::MAX - number as u64, first: *first, last: *last });
                }
            }
            assert_eq!(groups.spilled.is_empty(), room == usize::MAX);
            let sorted = groups.into_sorted().unwrap();
            let rows: Vec<_> = sorted.pass().unwrap().map(Result::unwrap).collect();
            assert_eq!(rows.len() as u64, sorted.len());
            rows
        };
        let whole = grouped(usize::MAX);
        assert_eq!(whole.len(), 2 * values.len());
        for room in [1, 1000, 2000] {
            assert_eq!(grouped(room), whole);
        }
    }

    proptest! {
        #[test]
        fn any_split_merged_in_any_order_gives_the_same_groups(
            all in prop::collection::vec((0..3_usize, 0..3_usize, prop::option::of(-9..9_i64), 0..4_usize), 0..60)
        ) {
            let names = ["", "a", "aa"];
            let mut whole = groups(&[Field::App, Field::Dest]);
            // Where there is little room, they are spilled.
            let rooms = [usize::MAX, 1, 1000, 2000];
            let part = |room| Groups::new(vec![Field::App, Field::Dest], Sources::Together, room);
            let mut parts: Vec<Groups> = rooms.into_iter().map(part).collect();
            for &(app, dest, second, part) in &all {
                let connection = connection(names[app], names[dest], second);
                whole.add(&connection, "log", 0);
                parts[part].add(&connection, "log", 0);
            }
            let merged = parts.into_iter().rev().reduce(|mut one, two| { one.merge(two); one }).unwrap();
            prop_assert_eq!(rows(merged), rows(whole));
        }
    }
}
