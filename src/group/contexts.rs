//! [`Contexts`]: what is known of the processes of each group, in the order of the groups in the report.
//!
//! A hit joined to its process is one [`Joined`]. They are put in order by group, counted, and put in the order of the report, and
//! spilled where they do not fit into memory, as groups are.

use std::{collections::BTreeSet, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{glossary::Field, process::ProcessKey},
    group::{
        hit::Hit,
        key::{GroupKey, earlier, spilled_time},
        processes::{self, Processes},
        spill::{SortedRuns, Sorter},
    },
};

/// Hits joined to their processes, collected in the order of time.
#[derive(Debug)]
pub struct Contexts {
    joined: Sorter<Joined>,
    fields: Vec<Field>,
    room: usize,
    count: u64,
}

/// A hit and its process: in the order of groups, of processes, and of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Joined {
    group: GroupKey,
    process: ProcessKey,
    /// Which of the hits it is, in the order of time.
    number: u64,
    #[serde(with = "spilled_time")]
    time: Option<Timestamp>,
    queries: Vec<(i128, String)>,
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
        Self { joined: Sorter::new(room), fields: fields.to_vec(), room, count: 0 }
    }

    /// Adds a hit of a rule, in the order of time.
    pub fn add(&mut self, hit: &Hit, rule: usize, processes: &Processes) {
        let group = GroupKey::new(&self.fields, rule, |field| hit.get(field));
        let process = processes.key(hit);
        let queries =
            processes.queries(&process, hit).into_iter().map(|(time, name)| (time, name.to_owned())).collect();
        let joined = Joined { group, process, number: self.count, time: hit.time, queries };
        self.count += 1;
        let size = joined.size();
        self.joined.push(joined, size);
    }

    /// What is known of each group, in the order of the report.
    ///
    /// # Errors
    ///
    /// They could not be spilled, or be read again.
    pub fn into_sorted(self) -> io::Result<SortedContexts> {
        let mut sorted = Sorter::new(self.room);
        let mut keep = |context: GroupContext| {
            let context = context.finished();
            let size =
                size_of::<GroupContext>() + context.group.heap_size() + context.process.size() + context.queries.len();
            sorted.push(context, size);
        };
        let mut open: Option<(GroupContext, ProcessKey)> = None;
        for joined in self.joined.into_sorted()?.pass()? {
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
    /// What it takes in memory, in bytes.
    fn size(&self) -> usize {
        let queries = self.queries.iter().map(|(_, name)| size_of::<(i128, String)>() + name.len()).sum::<usize>();
        size_of::<Self>() + self.group.heap_size() + self.process.size() + queries
    }
}

impl GroupContext {
    fn of(Joined { group, process, number, time, queries }: Joined) -> Self {
        let asked = queries.into_iter().collect();
        Self { first: time, group, process, time, processes: 1, queries: String::new(), number, asked }
    }

    /// Adds another hit of the group.
    fn add(&mut self, Joined { process, number, time, queries, .. }: Joined) {
        self.asked.extend(queries);
        self.first = earlier(self.first, time);
        if number < self.number {
            (self.process, self.number, self.time) = (process, number, time);
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
