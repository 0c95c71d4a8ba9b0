//! [`Contexts`]: what is known of the processes of each group, in the order of the groups in the report.
//!
//! Hits of a group and of one process are one [`Joined`]. They are put in order by group, counted, and put in the order of the report,
//! and spilled where they do not fit into memory, as groups are.

use std::{
    collections::{BTreeSet, HashMap},
    io, mem,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{glossary::Field, process::ProcessKey},
    group::{
        hit::Hit,
        key::{GroupKey, earlier, spilled_time},
        processes::{self, OF_KEY, Processes},
        recall::Recall,
        spill::{SortedRuns, Sorter},
    },
};

/// Hits joined to their processes, collected in the order of time.
#[derive(Debug)]
pub struct Contexts {
    fields: Vec<Field>,
    /// Which of what was met is of which values of the fields, and behind them the host and the GUID of the process.
    numbers: HashMap<GroupKey, usize, ahash::RandomState>,
    met: Vec<Met>,
    /// The key of the last hit, whose memory is used again.
    key: GroupKey,
    /// Which of what was met is of a hit whose process has asked for no names.
    recall: Recall<usize>,
    /// How many hits there were.
    count: u64,
    /// What is held in memory, and may be, in bytes.
    size: usize,
    room: usize,
    spilled: Sorter<Joined>,
}

/// What was met of the hits of a group that are of one process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    queries: BTreeSet<(i128, String)>,
}

/// The hits of a group that are of one process: in the order of groups and of processes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Joined {
    group: GroupKey,
    process: ProcessKey,
    met: Met,
}

/// What is known of the processes of a group. The order is that of the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupContext {
    #[serde(with = "spilled_time")]
    first: Option<Timestamp>,
    group: GroupKey,
    /// The process of the first hit.
    pub process: ProcessKey,
    /// When that was.
    #[serde(with = "spilled_time")]
    pub time: Option<Timestamp>,
    /// How many processes the group is of.
    pub processes: u64,
    /// The names that they asked DNS for, in the order of time.
    pub queries: String,
    /// Which of the hits the first is.
    number: u64,
    /// The names, while they are collected.
    #[serde(skip)]
    asked: BTreeSet<(i128, String)>,
}

impl Contexts {
    /// None yet, of groups by these fields. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(fields: &[Field], room: usize) -> Self {
        Self {
            fields: fields.to_vec(),
            numbers: HashMap::default(),
            met: Vec::new(),
            key: GroupKey::default(),
            recall: Recall::default(),
            count: 0,
            size: 0,
            room,
            spilled: Sorter::new(usize::MAX),
        }
    }

    /// Adds a hit of a rule, in the order of time.
    pub fn add(&mut self, hit: &Hit, rule: usize, processes: &Processes) {
        let fields = self.fields.iter().copied().chain(OF_KEY);
        let number = self.recall.of(hit, rule, fields).unwrap_or_else(|| self.number(hit, rule, processes));
        self.count += 1;
        if let Some(met) = self.met.get_mut(number) {
            met.first = earlier(met.first, hit.time);
        }
        if self.size >= self.room {
            let joined = self.joined();
            self.spilled.spill_sorted(joined.into_iter());
        }
    }

    /// Which of what was met is of a hit, with the names that its process has asked for.
    fn number(&mut self, hit: &Hit, rule: usize, processes: &Processes) -> usize {
        let Self { fields, numbers, met, key, recall, count, size, .. } = self;
        let process = processes.key(hit);
        let values = fields.iter().map(|&field| hit.get(field));
        key.refill(rule, values.chain([&*process.host, &*process.guid]));
        let number = numbers.get(key).copied().unwrap_or_else(|| {
            let key = key.clone();
            *size += 2 * size_of::<(GroupKey, usize, Met)>() + key.heap_size();
            numbers.insert(key, met.len());
            met.push(Met { number: *count, time: hit.time, first: hit.time, queries: BTreeSet::new() });
            met.len() - 1
        });
        if processes.is_told_by_fields(&process, hit) {
            recall.remember(number);
        } else if let Some(met) = met.get_mut(number) {
            for (time, name) in processes.queries(&process, hit) {
                let grown = size_of::<(i128, String)>() + name.len();
                *size += if met.queries.insert((time, name.to_owned())) { grown } else { 0 };
            }
        }
        number
    }

    /// What is in memory, in order. Then it is no longer there.
    fn joined(&mut self) -> Vec<Joined> {
        self.size = 0;
        self.recall.clear();
        let (fields, mut met) = (self.fields.len(), mem::take(&mut self.met));
        let joined = mem::take(&mut self.numbers).into_iter().filter_map(|(key, number)| {
            let met = met.get_mut(number)?;
            Some(Joined::of(key, fields, Met { queries: mem::take(&mut met.queries), ..*met }))
        });
        let mut joined: Vec<Joined> = joined.collect();
        joined.sort_unstable();
        joined
    }

    /// What is known of each group, in the order of the report.
    ///
    /// # Errors
    ///
    /// They could not be spilled, or be read again.
    pub fn into_sorted(mut self) -> io::Result<SortedContexts> {
        let mut sorted = Sorter::new(self.room);
        let mut keep = |context: GroupContext| {
            let context = context.finished();
            let size =
                size_of::<GroupContext>() + context.group.heap_size() + context.process.size() + context.queries.len();
            sorted.push(context, size);
        };
        let mut open: Option<(GroupContext, ProcessKey)> = None;
        let mut in_memory = self.joined();
        if !self.spilled.is_empty() {
            self.spilled.spill_sorted(mem::take(&mut in_memory).into_iter());
        }
        for joined in self.spilled.into_sorted()?.pass()?.chain(in_memory.into_iter().map(Ok)) {
            let joined = joined?;
            match &mut open {
                Some((context, last)) if context.group == joined.group => {
                    context.processes += u64::from(*last != joined.process);
                    *last = joined.process.clone();
                    context.add(joined);
                }
                open => {
                    let last = joined.process.clone();
                    if let Some((context, _)) = open.replace((GroupContext::of(joined), last)) {
                        keep(context);
                    }
                }
            }
        }
        if let Some((context, _)) = open {
            keep(context);
        }
        Ok(SortedContexts(sorted.into_sorted()?))
    }
}

impl Joined {
    /// Of a key with the values of so many fields.
    fn of(mut key: GroupKey, fields: usize, met: Met) -> Self {
        let mut of_process = key.split_off(fields).into_iter();
        let (host, guid) = (of_process.next().unwrap_or_default(), of_process.next().unwrap_or_default());
        Self { group: key, process: ProcessKey { host, guid }, met }
    }
}

impl GroupContext {
    fn of(Joined { group, process, met }: Joined) -> Self {
        let Met { number, time, first, queries } = met;
        Self { first, group, process, time, processes: 1, queries: String::new(), number, asked: queries }
    }

    /// Adds other hits of the group.
    fn add(&mut self, Joined { process, met, .. }: Joined) {
        self.asked.extend(met.queries);
        self.first = earlier(self.first, met.first);
        if met.number < self.number {
            (self.process, self.number, self.time) = (process, met.number, met.time);
        }
    }

    fn finished(mut self) -> Self {
        let asked = std::mem::take(&mut self.asked);
        self.queries = processes::names(asked.iter().map(|(_, name)| &**name));
        self
    }
}

/// What is known of each group, in the order of the report.
#[derive(Debug)]
pub struct SortedContexts(SortedRuns<GroupContext>);

impl SortedContexts {
    /// One by one. Each pass gives the same.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn pass(&self) -> io::Result<impl Iterator<Item = io::Result<GroupContext>>> {
        self.0.pass()
    }
}
