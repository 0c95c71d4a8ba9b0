//! [`Groups`]: connections counted by their fields, as Splunk's `stats count min(_time) max(_time) BY` does.
//!
//! Adding and merging commute, so parts of a scan can be grouped apart and merged in any order.

use std::{cmp::Ordering, io, mem};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::glossary::{Connection, Field},
    group::{
        hit::Hit,
        key::{Group, GroupKey, Sum},
        spill::{self, Each, Pack, SortedRuns, Sorter},
        table::Table,
        texts::Translation,
    },
    join::{self, Join},
};

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
    table: Table<Group>,
    /// The key that was counted last, of which the next repeats much.
    key: Vec<u32>,
    /// The numbers of hits' texts.
    translation: Translation,
    /// How much the groups in memory may take, in bytes.
    room: usize,
    /// By key, of which there can be more than one.
    spilled: Sorter<(GroupKey, Group)>,
}

impl Groups {
    /// No groups yet, of these fields. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(fields: Vec<Field>, apart: Sources, room: usize) -> Self {
        let table = Table::new(fields.len() + usize::from(apart == Sources::Apart));
        let translation = Translation::default();
        Self { fields, apart, table, key: Vec::new(), translation, room, spilled: Sorter::new(usize::MAX) }
    }

    /// No groups, of the same fields, with the sources together.
    #[must_use]
    pub fn none(&self) -> Self {
        Self::new(self.fields.clone(), Sources::Together, self.room)
    }

    /// The fields that they are by.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// How much of them is held in memory at most, in bytes.
    #[must_use]
    pub fn room(&self) -> usize {
        self.room
    }

    /// Counts one connection of a source as a hit of a rule.
    pub fn add(&mut self, connection: &Connection<'_>, source: &str, rule: usize) {
        self.count(|field| connection.get(field), source, connection.time, rule);
    }

    /// Counts one connection with these values, of a source and at a time, as a hit of a rule.
    pub fn count<'a>(&mut self, value: impl Fn(Field) -> &'a str, source: &str, time: Option<Timestamp>, rule: usize) {
        let fields = std::mem::take(&mut self.fields);
        let source = (self.apart == Sources::Apart).then_some(source);
        let values = source.into_iter().chain(fields.iter().map(|&field| value(field)));
        self.count_values(values, rule, Group { count: 1, first: time, last: time });
        self.fields = fields;
    }

    /// Counts a hit as one of a rule. The values of those that share their texts are not looked at again.
    pub fn count_hit(&mut self, hit: &Hit, rule: usize) {
        if hit.texts.shared().is_none() {
            return self.count(|field| hit.get(field), hit.source(), hit.time, rule);
        }
        let Self { fields, table, key, apart, translation, .. } = self;
        key.clear();
        if *apart == Sources::Apart {
            key.push(table.texts.number(hit.source()));
        }
        key.extend(fields.iter().map(|&field| hit.number(field, &mut table.texts, translation)));
        self.count_key(rule, Group { count: 1, first: hit.time, last: hit.time });
    }

    /// The number of a text, for [`count_numbers`](Self::count_numbers). It is good for this [generation](Self::generation).
    pub fn number(&mut self, text: &str) -> u32 {
        self.table.texts.number(text)
    }

    /// Which numbers texts have: others, once those before are spilled.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.spilled.runs()
    }

    /// Counts one connection whose values have these numbers, of a source and at a time, as a hit of a rule.
    pub fn count_numbers(&mut self, numbers: &[u32], source: &str, time: Option<Timestamp>, rule: usize) {
        let Self { table, key, apart, .. } = self;
        key.clear();
        if *apart == Sources::Apart {
            key.push(table.texts.number(source));
        }
        key.extend_from_slice(numbers);
        self.count_key(rule, Group { count: 1, first: time, last: time });
    }

    /// Counts what has been grouped by the same fields.
    pub fn count_group(&mut self, key: &GroupKey, group: Group) {
        self.count_values(key.values(), key.rule, group);
    }

    /// Adds what another part of the scan has grouped, by the same fields. `join` does pieces of work at the same time, if it can.
    pub(crate) fn merge(&mut self, mut other: Self, join: Join) {
        self.spilled.merge(other.spilled);
        if self.table.len() < other.table.len() {
            std::mem::swap(&mut self.table, &mut other.table);
        }
        self.table.add(other.table, join);
        self.spill_if_full();
    }

    /// The groups in the order of the report: by first time (not stated comes first), then by their values as text, then by
    /// rule.
    ///
    /// # Errors
    ///
    /// They could not be spilled.
    pub fn into_sorted(self) -> io::Result<SortedGroups> {
        self.into_sorted_by(join::one_by_one)
    }

    /// The same. `join` does pieces of work at the same time, if it can.
    pub(crate) fn into_sorted_by(mut self, join: Join) -> io::Result<SortedGroups> {
        if self.spilled.is_empty() {
            let order = self.table.by_time(join);
            return Ok(SortedGroups(Sorted::InMemory(self.table, order)));
        }
        let room = self.room / 2;
        let by_key = self.into_spilled()?;
        let mut groups = Summed::new(by_key.pass()?);
        let mut sorted = Sorter::new(usize::MAX);
        let (mut batch, mut next) = (Pack::new(), Ok(Pack::new()));
        loop {
            // While some are put in order and spilled, the next are read.
            join(&mut || next = groups.batch(room), &mut || sorted.spill_pack(mem::replace(&mut batch, Pack::new())));
            batch = mem::replace(&mut next, Ok(Pack::new()))?;
            if batch.is_empty() {
                return Ok(SortedGroups(Sorted::Spilled(sorted.into_sorted()?)));
            }
        }
    }

    /// Hands on each group, in the order of their keys.
    ///
    /// # Errors
    ///
    /// What `each` returns, or they could not be spilled or read again.
    pub fn each_by_key(mut self, mut each: impl FnMut(GroupKey, Group) -> io::Result<()>) -> io::Result<()> {
        if self.spilled.is_empty() {
            let mut in_order = self.table.by_key().into_iter().map(|place| self.table.get(place));
            return in_order.try_for_each(|(key, group)| each(key, group));
        }
        Summed::new(self.into_spilled()?.pass()?).try_for_each(|group| {
            let (key, group) = group?;
            each(key, group)
        })
    }

    /// All of them spilled: what stayed in memory would be in the way of what is made of them.
    fn into_spilled(mut self) -> io::Result<SortedRuns<(GroupKey, Group)>> {
        self.spill();
        self.spilled.into_sorted()
    }

    fn count_values<'a>(&mut self, values: impl Iterator<Item = &'a str>, rule: usize, group: Group) {
        let Self { table, key, .. } = self;
        let mut count = 0;
        for value in values {
            match key.get_mut(count) {
                Some(number) if table.texts.is(*number, value) => {}
                Some(number) => *number = table.texts.number(value),
                None => key.push(table.texts.number(value)),
            }
            count += 1;
        }
        key.truncate(count);
        self.count_key(rule, group);
    }

    /// Counts what has the values of the key.
    fn count_key(&mut self, rule: usize, group: Group) {
        self.key.push(u32::try_from(rule).unwrap_or(u32::MAX));
        self.table.count(&self.key, group);
        self.key.pop();
        self.spill_if_full();
    }

    fn spill_if_full(&mut self) {
        if self.table.size() >= self.room || self.table.is_full() {
            self.spill();
        }
    }

    /// Spills what is in memory.
    fn spill(&mut self) {
        let in_order = self.table.by_key();
        let table = &self.table;
        self.spilled.spill_sorted(in_order.into_iter().map(|place| table.get(place)));
        self.table.clear();
        self.key.clear();
        self.translation = Translation::default();
    }
}

/// Groups in the order of their keys, of which each is there once: what is counted of one in several places is counted together.
struct Summed<'a> {
    counted: spill::Sorted<'a, (GroupKey, Group)>,
    /// The one that comes next.
    next: Option<(GroupKey, Group)>,
}

impl<'a> Summed<'a> {
    fn new(counted: spill::Sorted<'a, (GroupKey, Group)>) -> Self {
        Self { counted, next: None }
    }

    /// The next ones, which take some `room` bytes in memory, by their first times, and of each time in the order of their keys;
    /// none where there are no more.
    fn batch(&mut self, room: usize) -> io::Result<Pack<Option<Timestamp>>> {
        let (mut batch, mut size) = (Pack::new(), 0);
        while size <= room
            && let Some((key, group)) = self.next().transpose()?
        {
            let ranked = Ranked(key, group);
            size += ranked.size();
            batch.push(ranked.1.first, &ranked)?;
        }
        Ok(batch)
    }
}

impl Iterator for Summed<'_> {
    type Item = io::Result<(GroupKey, Group)>;

    fn next(&mut self) -> Option<Self::Item> {
        for counted in &mut self.counted {
            match (counted, &mut self.next) {
                (Ok((key, group)), Some((known, sum))) if *known == key => sum.merge(group),
                (Ok(other), next) => {
                    if let Some(group) = next.replace(other) {
                        return Some(Ok(group));
                    }
                }
                (Err(error), _) => return Some(Err(error)),
            }
        }
        self.next.take().map(Ok)
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
        one.first.cmp(&two.first).then_with(|| one_key.cmp(two_key)).then_with(|| one.cmp(two))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Groups in the order of the report.
#[derive(Debug)]
pub struct SortedGroups(Sorted);

#[derive(Debug)]
enum Sorted {
    /// All in memory, with their places in order.
    InMemory(Table<Group>, Vec<u32>),
    /// All or most on disk.
    Spilled(SortedRuns<Ranked>),
}

impl SortedGroups {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.0 {
            Sorted::InMemory(_, order) => order.len() as u64,
            Sorted::Spilled(runs) => runs.count(),
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
    pub fn pass(&self) -> io::Result<Each<'_, (GroupKey, Group)>> {
        Ok(match &self.0 {
            Sorted::InMemory(table, order) => Box::new(order.iter().map(|&place| Ok(table.get(place)))),
            Sorted::Spilled(runs) => Box::new(runs.pass()?.map(|ranked| ranked.map(|Ranked(key, group)| (key, group)))),
        })
    }

    /// The groups in batches of a size, of which threads can each take one.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn batches(&self, size: usize) -> io::Result<Each<'_, Batch<'_>>> {
        Ok(match &self.0 {
            Sorted::InMemory(table, order) => {
                Box::new(order.chunks(size).map(move |places| Ok(Batch(Part::InMemory(table, places)))))
            }
            Sorted::Spilled(_) => {
                let mut pass = self.pass()?;
                Box::new(std::iter::from_fn(move || {
                    let batch: io::Result<Vec<(GroupKey, Group)>> = pass.by_ref().take(size).collect();
                    match batch {
                        Ok(batch) if batch.is_empty() => None,
                        batch => Some(batch.map(|batch| Batch(Part::Read(batch)))),
                    }
                }))
            }
        })
    }
}

/// Some groups in the order of the report.
#[derive(Debug)]
pub struct Batch<'a>(Part<'a>);

#[derive(Debug)]
enum Part<'a> {
    InMemory(&'a Table<Group>, &'a [u32]),
    Read(Vec<(GroupKey, Group)>),
}

impl Batch<'_> {
    /// Hands on the groups, one by one.
    ///
    /// # Errors
    ///
    /// What `each` returns.
    pub fn each<E>(&self, mut each: impl FnMut(&GroupKey, &Group) -> Result<(), E>) -> Result<(), E> {
        match &self.0 {
            Part::InMemory(table, places) => table.each(places, each),
            Part::Read(groups) => groups.iter().try_for_each(|(key, group)| each(key, group)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        group::{hit::Place, hits::Hits},
        join::tests::side_by_side,
    };

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
                    groups.count_group(&key, Group { count: u64::MAX - number as u64, first: *first, last: *last });
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
        for room in [1, 400, 800] {
            assert_eq!(grouped(room), whole);
        }
    }

    #[test]
    fn hits_that_share_their_texts_are_counted_by_what_they_say() {
        let mut hits = Hits::new(usize::MAX);
        for number in 0..200_u32 {
            let text = |field| match field {
                Field::Direction => ["inbound", "outbound"][number as usize % 2].to_owned(),
                Field::Dvc => "host".to_owned(),
                field => (number % (2 + field as u32 % 5)).to_string(),
            };
            let texts: Vec<String> = Field::ALL.into_iter().chain(Field::ENDS).map(text).collect();
            let time = Timestamp::from_second(i64::from(number % 7)).ok();
            let place = Place { source: ["a", "b"][number as usize / 100], ..Place::default() };
            hits.push(Hit::new(texts.iter().map(String::as_str), time, place, [0]));
        }
        let hits = hits.into_sorted().unwrap();
        let fields = vec![Field::Dvc, Field::Peer, Field::Service, Field::RemoteIp, Field::CommunityId, Field::App];
        for (apart, room) in [(Sources::Together, usize::MAX), (Sources::Apart, usize::MAX), (Sources::Apart, 2000)] {
            let [mut by_hit, mut by_texts] = [(); 2].map(|()| Groups::new(fields.clone(), apart, room));
            for hit in hits.pass().unwrap().map(Result::unwrap) {
                by_hit.count_hit(&hit, 0);
                by_texts.count(|field| hit.get(field), hit.source(), hit.time, 0);
            }
            let (by_hit, by_texts) = (rows(by_hit), rows(by_texts));
            assert!(by_hit.len() > 10, "{} groups", by_hit.len());
            assert_eq!(by_hit, by_texts);
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
            let rooms = [usize::MAX, 1, 300, 600];
            let part = |room| Groups::new(vec![Field::App, Field::Dest], Sources::Together, room);
            let mut parts: Vec<Groups> = rooms.into_iter().map(part).collect();
            for &(app, dest, second, part) in &all {
                let connection = connection(names[app], names[dest], second);
                whole.add(&connection, "log", 0);
                parts[part].add(&connection, "log", 0);
            }
            let merged = parts.into_iter().rev().reduce(|mut one, two| { one.merge(two, side_by_side); one }).unwrap();
            prop_assert_eq!(rows(merged), rows(whole));
        }
    }
}
