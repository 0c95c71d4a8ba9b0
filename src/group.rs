//! [`Groups`]: connections counted by their fields, as Splunk's `stats count min(_time) max(_time) BY` does.
//!
//! Adding and merging commute, so parts of a scan can be grouped apart and merged in any order.

use std::{cmp::Ordering, collections::HashMap, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{Connection, Field},
    spill::{SortedRuns, Sorter},
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
    pub fn of_values<'a>(rule: usize, values: impl Iterator<Item = &'a str>) -> Self {
        let mut key = Self { rule, ..Self::default() };
        values.for_each(|value| key.push(value));
        key
    }

    /// What it takes in memory, with what is counted by it, in bytes: two vectors' heap space, and their entry in a table
    /// that is seven eighths full at most and half full at least.
    #[must_use]
    pub fn size(&self) -> usize {
        const ENTRY: usize = 2 * (size_of::<GroupKey>() + size_of::<Group>() + 1);
        const ALLOCATIONS: usize = 2 * 16;
        ENTRY + ALLOCATIONS + self.text.capacity() + self.ends.capacity() * size_of::<usize>()
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
    pub fn values(&self) -> impl Iterator<Item = &str> {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// How many connections, at least one.
    pub count: u64,
    /// The earliest stated time.
    pub first: Option<Timestamp>,
    /// The latest stated time.
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
/// Those that are more than fit into memory are spilled ([`crate::spill`]), and counted together when they are read.
#[derive(Debug)]
pub struct Groups {
    fields: Vec<Field>,
    /// Whether the first value of a key is the source.
    apart: Sources,
    by_key: HashMap<GroupKey, Group>,
    /// Reused, so that a connection of a known group allocates nothing.
    key: GroupKey,
    /// How much the groups in memory take, and may take, in bytes.
    size: usize,
    room: usize,
    spilled: Sorter<Counted>,
}

/// A group as it is spilled: by its key, of which there can be more than one.
type Counted = (GroupKey, u64, Option<i128>, Option<i128>);

impl Groups {
    /// No groups yet, of these fields. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(fields: Vec<Field>, apart: Sources, room: usize) -> Self {
        let spilled = Sorter::new(usize::MAX);
        Self { fields, apart, by_key: HashMap::new(), key: GroupKey::default(), size: 0, room, spilled }
    }

    /// No groups, of the same fields.
    #[must_use]
    pub fn none(&self) -> Self {
        self.none_of(self.apart)
    }

    /// No groups, of the same fields, with the sources together or apart.
    #[must_use]
    pub fn none_of(&self, apart: Sources) -> Self {
        Self::new(self.fields.clone(), apart, self.room)
    }

    /// Counts one connection of a source as a hit of a rule.
    pub fn add(&mut self, connection: &Connection<'_>, source: &str, rule: usize) {
        self.count(|field| connection.get(field), (source, connection.time), rule);
    }

    /// Counts one connection with these values, of a source and at a time, as a hit of a rule.
    pub fn count<'a>(
        &mut self,
        value: impl Fn(Field) -> &'a str,
        (source, time): (&str, Option<Timestamp>),
        rule: usize,
    ) {
        let group = Group { count: 1, first: time, last: time };
        let source = (self.apart == Sources::Apart).then_some(source);
        self.key.set(source, &self.fields, rule, value);
        match self.by_key.get_mut(&self.key) {
            Some(known) => known.merge(group),
            None => self.insert(self.key.clone(), group),
        }
    }

    /// Counts what has been grouped by the same fields.
    pub fn count_group(&mut self, key: GroupKey, group: Group) {
        match self.by_key.get_mut(&key) {
            Some(known) => known.merge(group),
            None => self.insert(key, group),
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
            let mut groups: Vec<_> = self.by_key.into_iter().collect();
            groups.sort_unstable_by(report_order);
            return Ok(SortedGroups::InMemory(groups));
        }
        let room = self.room;
        let mut sorted = Sorter::new(room);
        self.each_by_key(|key, group| {
            let ranked = Ranked::new(&key, group);
            let size = ranked.size();
            sorted.push(ranked, size);
            Ok(())
        })?;
        Ok(SortedGroups::Spilled(sorted.into_sorted()?))
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
        let mut last: Option<(GroupKey, Group)> = None;
        for counted in self.spilled.into_sorted()?.pass()? {
            let (key, count, first, last_time) = counted?;
            let group = Group { count, first: time(first), last: time(last_time) };
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

    fn insert(&mut self, key: GroupKey, group: Group) {
        self.size = self.size.saturating_add(key.size());
        self.by_key.insert(key, group);
        if self.size >= self.room {
            self.spill();
            self.spilled.spill();
        }
    }

    /// Hands what is in memory to the sorter.
    fn spill(&mut self) {
        self.size = 0;
        let nanoseconds = |time: Option<Timestamp>| time.map(Timestamp::as_nanosecond);
        let counted =
            |(key, group): (GroupKey, Group)| (key, group.count, nanoseconds(group.first), nanoseconds(group.last));
        self.spilled.extend(std::mem::take(&mut self.by_key).into_iter().map(counted));
    }
}

/// A group as it is spilled in the order of the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ranked {
    first: Option<i128>,
    values: Vec<String>,
    rule: usize,
    count: u64,
    last: Option<i128>,
}

impl Ranked {
    fn new(key: &GroupKey, group: Group) -> Self {
        Self {
            first: group.first.map(Timestamp::as_nanosecond),
            values: key.values().map(str::to_owned).collect(),
            rule: key.rule,
            count: group.count,
            last: group.last.map(Timestamp::as_nanosecond),
        }
    }

    /// What it takes in memory, in bytes.
    fn size(&self) -> usize {
        const ALLOCATION: usize = 16;
        let value = |value: &String| size_of::<String>() + ALLOCATION + value.capacity();
        size_of::<Self>() + ALLOCATION + self.values.iter().map(value).sum::<usize>()
    }

    fn into_group(self) -> (GroupKey, Group) {
        let key = GroupKey::of_values(self.rule, self.values.iter().map(String::as_str));
        (key, Group { count: self.count, first: time(self.first), last: time(self.last) })
    }
}

fn time(nanoseconds: Option<i128>) -> Option<Timestamp> {
    nanoseconds.and_then(|nanoseconds| Timestamp::from_nanosecond(nanoseconds).ok())
}

/// Groups in the order of the report.
#[derive(Debug)]
pub enum SortedGroups {
    /// All of them are in memory.
    InMemory(Vec<(GroupKey, Group)>),
    /// They were more than fit.
    Spilled(SortedRuns<Ranked>),
}

/// Groups, one by one.
pub type Pass<'a> = Box<dyn Iterator<Item = io::Result<(GroupKey, Group)>> + 'a>;

impl SortedGroups {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::InMemory(groups) => groups.len() as u64,
            Self::Spilled(groups) => groups.len(),
        }
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
    pub fn pass(&self) -> io::Result<Pass<'_>> {
        Ok(match self {
            Self::InMemory(groups) => Box::new(groups.iter().cloned().map(Ok)),
            Self::Spilled(groups) => Box::new(groups.pass()?.map(|ranked| ranked.map(Ranked::into_group))),
        })
    }
}

fn report_order((one_key, one): &(GroupKey, Group), (two_key, two): &(GroupKey, Group)) -> Ordering {
    let by_values = || one_key.values().cmp(two_key.values());
    one.first.cmp(&two.first).then_with(by_values).then(one_key.rule.cmp(&two_key.rule))
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

    proptest! {
        #[test]
        fn any_split_merged_in_any_order_gives_the_same_groups(
            all in prop::collection::vec((0..3_usize, 0..3_usize, prop::option::of(0..9_i64), 0..4_usize), 0..60)
        ) {
            let names = ["", "a", "aa"];
            let mut whole = groups(&[Field::App, Field::Dest]);
            let mut parts: Vec<Groups> = (0..4).map(|_| groups(&[Field::App, Field::Dest])).collect();
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
