//! [`Contexts`]: what is known of the processes of each group, in the order of the groups in the report.
//!
//! What hits of a group and of one process are told by is kept as numbers of texts, in a [`Table`] as groups are. Where that does not fit
//! into memory, it is spilled as [`Joined`], which are put in order by group and process, counted, and put in the order of the report.

use std::{collections::HashMap, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{glossary::Field, host, process::ProcessKey},
    group::{
        hit::Hit,
        key::{GroupKey, Sum, earlier, spilled_time},
        order::Numbered,
        processes::{self, OF_GUID, Processes},
        queries::Queries,
        spill::{Each, SortedRuns, Sorter},
        table::Table,
        texts::Translation,
    },
    join::{self, Join},
};

/// Hits joined to their processes, collected in the order of time.
#[derive(Debug)]
pub struct Contexts {
    fields: Vec<Field>,
    /// By the values of the fields, and behind them the host and the GUID of the process.
    table: Table<Met>,
    translation: Translation,
    /// The key of the last hit, whose memory is used again.
    key: Vec<u32>,
    /// The numbers of hosts' folded names, by those of their names.
    hosts: HashMap<u32, u32, ahash::RandomState>,
    /// Whether a process has asked for names, by the numbers of its host and GUID.
    has_asked: HashMap<[u32; 2], bool, ahash::RandomState>,
    /// How many hits there were.
    count: u64,
    /// What the queries take in memory, in bytes, and all may take.
    size_of_queries: usize,
    room: usize,
    spilled: Sorter<Joined>,
}

/// What was met of the hits of a group that are of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Met {
    /// Which of all hits the first is, in the order of time.
    number: u64,
    /// When that was.
    #[serde(with = "spilled_time")]
    time: Option<Timestamp>,
    /// The earliest time that is stated.
    #[serde(with = "spilled_time")]
    first: Option<Timestamp>,
    /// The names that the process asked DNS for.
    queries: Queries,
}

/// The hits of a group that are of one process: in the order of groups and of processes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Joined {
    group: GroupKey,
    process: ProcessKey,
    met: Met,
}

/// What is known of the processes of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupContext {
    /// The process of the first hit.
    pub process: ProcessKey,
    /// When that was.
    #[serde(with = "spilled_time")]
    pub time: Option<Timestamp>,
    /// How many processes the group is of.
    pub processes: u64,
    /// The names that they asked DNS for, as one cell shows them.
    pub queries: String,
}

/// What was met of all hits of a group, with what tells its process.
#[derive(Debug, Clone, Default)]
struct OfGroup<P> {
    /// The process of the first hit.
    process: P,
    met: Met,
    processes: u64,
}

/// The same in the order of the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Ranked {
    #[serde(with = "spilled_time")]
    first: Option<Timestamp>,
    group: GroupKey,
    context: GroupContext,
}

impl Contexts {
    /// None yet, of groups by these fields. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(fields: &[Field], room: usize) -> Self {
        Self {
            fields: fields.to_vec(),
            table: Table::new(fields.len() + 2),
            translation: Translation::default(),
            key: Vec::new(),
            hosts: HashMap::default(),
            has_asked: HashMap::default(),
            count: 0,
            size_of_queries: 0,
            room,
            spilled: Sorter::new(usize::MAX),
        }
    }

    /// Adds a hit of a rule, in the order of time.
    pub fn add(&mut self, hit: &Hit, rule: usize, processes: &Processes) {
        let Self { fields, table, translation, key, hosts, has_asked, count, size_of_queries, .. } = self;
        key.clear();
        key.extend(fields.iter().map(|&field| hit.number(field, &mut table.texts, translation)));
        let process = if processes::is_told_by_guid(hit) {
            let [host, guid] = OF_GUID.map(|field| hit.number(field, &mut table.texts, translation));
            let folded = || table.texts.number(&host::folded(hit.get(Field::Dvc)));
            let process = [*hosts.entry(host).or_insert_with(folded), guid];
            key.extend(process);
            let asks = has_asked.entry(process).or_insert_with(|| processes.has_asked(&processes.key(hit)));
            asks.then(|| processes.key(hit))
        } else {
            let process = processes.key(hit);
            key.extend([&process.host, &process.guid].map(|text| table.texts.number(text)));
            Some(process)
        };
        key.push(u32::try_from(rule).unwrap_or(u32::MAX));
        let met = Met { number: *count, time: hit.time, first: hit.time, queries: Queries::default() };
        *count += 1;
        if let (Some(met), Some(process)) = (table.count(key, met), process) {
            *size_of_queries += processes.add_queries(&process, hit, &mut met.queries);
        }
        if self.size() >= self.room || self.table.is_full() {
            self.spill();
        }
    }

    /// What is held in memory at most, in bytes.
    fn size(&self) -> usize {
        let (of_host, of_process) = (size_of::<(u32, u32)>(), size_of::<([u32; 2], bool)>());
        let numbers = 2 * (of_host * self.hosts.len() + of_process * self.has_asked.len());
        self.table.size() + self.size_of_queries + numbers
    }

    /// Spills what is in memory. The texts of each are made when it is written: they are many times as long as its numbers.
    fn spill(&mut self) {
        let Self { table, spilled, .. } = self;
        table.number_in_order(join::one_by_one);
        // In the order of groups, of which the rule is part, and then of processes.
        table.rearrange(|key| {
            if let Some(behind) = key.last_chunk_mut::<3>() {
                behind.rotate_right(1);
            }
        });
        let places = table.numbered_by_key();
        spilled.spill_sorted(places.into_iter().filter_map(|place| Joined::of(table, place)));
        table.clear();
        self.translation = Translation::default();
        self.hosts.clear();
        self.has_asked.clear();
        self.size_of_queries = 0;
    }

    /// What is known of each group, in the order of the report.
    ///
    /// # Errors
    ///
    /// They could not be spilled, or be read again.
    pub fn into_sorted(self) -> io::Result<SortedContexts> {
        self.into_sorted_by(join::one_by_one)
    }

    /// The same. `join` does pieces of work at the same time, if it can.
    pub(crate) fn into_sorted_by(mut self, join: Join) -> io::Result<SortedContexts> {
        Ok(SortedContexts(if self.spilled.is_empty() {
            let groups = self.groups(join);
            let order = groups.numbered_by_time(join);
            Sorted::InMemory(groups, order)
        } else {
            self.spill();
            Sorted::Spilled(self.ranked()?)
        }))
    }

    /// The groups, where all is in memory. Their texts are in order.
    fn groups(self, join: Join) -> Table<OfGroup<[u32; 2]>> {
        let Self { fields, mut table, mut key, .. } = self;
        table.number_in_order(join);
        let mut groups = Table::new(fields.len());
        groups.texts = table.drain(|numbers, met| {
            let Some((values, &[host, guid, rule])) = numbers.split_last_chunk() else { return };
            key.clear();
            key.extend_from_slice(values);
            key.push(rule);
            groups.count(&key, OfGroup { process: [host, guid], met, processes: 1 });
        });
        groups
    }

    /// The groups, where all was spilled.
    fn ranked(self) -> io::Result<SortedRuns<Ranked>> {
        let mut sorted = Sorter::new(self.room);
        let mut keep = |group: GroupKey, of: OfGroup<ProcessKey>| {
            let ranked = Ranked { first: of.met.first, group, context: of.context(ProcessKey::clone) };
            let size = ranked.size();
            sorted.push(ranked, size);
        };
        // The group, and the process that was met last.
        let mut open: Option<(GroupKey, OfGroup<ProcessKey>, ProcessKey)> = None;
        for joined in self.spilled.into_sorted()?.pass()? {
            let Joined { group, process, met } = joined?;
            let last = process.clone();
            let mut of = OfGroup { process, met, processes: 1 };
            if let Some((_, known, known_last)) = open.as_mut().filter(|(known, ..)| *known == group) {
                of.processes = u64::from(*known_last != last);
                known.merge(of);
                *known_last = last;
            } else if let Some((group, of, _)) = open.replace((group, of, last)) {
                keep(group, of);
            }
        }
        if let Some((group, of, _)) = open {
            keep(group, of);
        }
        sorted.into_sorted()
    }
}

impl Sum for Met {
    fn merge(&mut self, other: Self) {
        if other.number < self.number {
            (self.number, self.time) = (other.number, other.time);
        }
        self.first = earlier(self.first, other.first);
        self.queries.merge(&other.queries);
    }

    fn first(&self) -> Option<Timestamp> {
        self.first
    }
}

impl<P: Clone + Default + Send + Sync> Sum for OfGroup<P> {
    fn merge(&mut self, other: Self) {
        if other.met.number < self.met.number {
            self.process = other.process;
        }
        self.met.merge(other.met);
        self.processes = self.processes.saturating_add(other.processes);
    }

    fn first(&self) -> Option<Timestamp> {
        self.met.first
    }
}

impl Joined {
    /// Those at a place in a table whose keys have the rule before the host and the GUID.
    fn of(table: &Table<Met>, place: u32) -> Option<Self> {
        let (values, &[rule, host, guid]) = table.numbers(place).split_last_chunk()?;
        let text = |&number: &u32| table.texts.get(number);
        Some(Self {
            group: GroupKey::of_values(rule as usize, values.iter().map(text)),
            process: ProcessKey { host: text(&host).to_owned(), guid: text(&guid).to_owned() },
            met: table.group(place)?.clone(),
        })
    }
}

impl<P> OfGroup<P> {
    fn context(&self, process: impl Fn(&P) -> ProcessKey) -> GroupContext {
        GroupContext {
            process: process(&self.process),
            time: self.met.time,
            processes: self.processes,
            queries: self.met.queries.shown(),
        }
    }
}

impl Ranked {
    /// What it takes in memory, in bytes.
    fn size(&self) -> usize {
        size_of::<Self>() + self.group.heap_size() + self.context.process.size() + self.context.queries.len()
    }
}

/// What is known of each group, in the order of the report.
#[derive(Debug)]
pub struct SortedContexts(Sorted);

#[derive(Debug)]
enum Sorted {
    /// All in memory, with their places in order. A process is the numbers of its host and GUID.
    InMemory(Table<OfGroup<[u32; 2]>>, Vec<u32>),
    Spilled(SortedRuns<Ranked>),
}

impl SortedContexts {
    /// One by one. Each pass gives the same.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn pass(&self) -> io::Result<Each<'_, GroupContext>> {
        Ok(match &self.0 {
            Sorted::InMemory(groups, order) => {
                let text = |number| groups.texts.get(number).to_owned();
                let process = move |&[host, guid]: &[u32; 2]| ProcessKey { host: text(host), guid: text(guid) };
                let of_groups = order.iter().filter_map(|&place| groups.group(place));
                Box::new(of_groups.map(move |of| Ok(of.context(process))))
            }
            Sorted::Spilled(runs) => Box::new(runs.pass()?.map(|ranked| Ok(ranked?.context))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::security,
        group::{hit::Place, hits::Hits},
    };

    /// Hits of several rules, of groups of several processes, of which one is not told by its GUID.
    fn hits() -> Vec<Hit> {
        let mut hits = Hits::new(usize::MAX);
        for number in 0..600_u32 {
            let text = |field| match field {
                Field::Dvc => format!("host{}", number % 3),
                Field::App => format!("app{}", number % 7),
                Field::ProcessGuid => format!("{{{}}}", number % 11),
                Field::ProcessId => (number % 5).to_string(),
                Field::VendorProduct if number % 13 == 0 => security::VENDOR_PRODUCT.to_owned(),
                _ => String::new(),
            };
            let texts: Vec<String> = Field::ALL.into_iter().map(text).collect();
            let time = Timestamp::from_second((number / 4).into()).ok().filter(|_| number % 17 > 0);
            let rules: &[usize] = if number % 2 == 0 { &[0, 2] } else { &[1] };
            hits.push(Hit::new(texts.iter().map(String::as_str), time, Place::default(), rules));
        }
        hits.into_sorted().unwrap().pass().unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn groups_that_are_spilled_are_known_as_they_are_in_memory() {
        let known = |room| {
            let mut contexts = Contexts::new(&[Field::Dvc, Field::App], room);
            for hit in hits() {
                hit.rules.iter().for_each(|&rule| contexts.add(&hit, rule, &Processes::default()));
            }
            let is_spilled = !contexts.spilled.is_empty();
            let sorted = contexts.into_sorted().unwrap();
            (is_spilled, sorted.pass().unwrap().map(Result::unwrap).collect::<Vec<_>>())
        };
        let (is_spilled, whole) = known(usize::MAX);
        assert!(!is_spilled && whole.len() == 3 * 7 * 3, "{}", whole.len());
        assert!(whole.iter().all(|group| group.processes > 5));
        for room in [1, 3_000, 30_000] {
            assert_eq!(known(room), (true, whole.clone()), "{room}");
        }
    }
}
