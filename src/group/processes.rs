//! [`Processes`]: what is known of the processes of hits and of those that they come from, and the [`Context`] of a connection that
//! comes of it.
//!
//! Facts are found in any order and in any log, and are put together here. Where two events say the same of a process, the earlier
//! one counts.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io,
    net::IpAddr,
};

use jiff::Timestamp;

use crate::{
    connection::{
        glossary::{Field, base_name},
        process::{self, Created, Fact, Parent, ProcessKey, Query, Told},
    },
    group::{hit::Hit, spill::SortedRuns},
};

/// How many processes above one are followed at most. Windows has a handful; a forged log can have any number.
const MOST_ABOVE: usize = 64;

/// What is known of some processes.
#[derive(Debug, Default)]
pub struct Processes(HashMap<ProcessKey, Process>);

/// What is known of one.
#[derive(Debug, Default)]
struct Process {
    created: Option<Box<Created>>,
    /// What the first process that it started says of it.
    parent: Option<Box<Parent>>,
    ended: Option<i128>,
    /// In the order of time.
    queries: Vec<Query>,
}

/// What is known of the process behind a connection. What is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// Its command line.
    pub process: &'a str,
    /// The hashes of its image, as logged.
    pub hashes: &'a str,
    /// The name that its image was built with.
    pub original_file_name: &'a str,
    /// Its integrity level.
    pub integrity_level: &'a str,
    /// When it started.
    pub start: Option<Timestamp>,
    /// When it ended, if that was logged.
    pub end: Option<Timestamp>,
    /// The command line of the process that started it.
    pub parent_process: &'a str,
    /// The path of that.
    pub parent_path: &'a str,
    /// Its id.
    pub parent_id: &'a str,
    /// Its GUID.
    pub parent_guid: &'a str,
    /// The names of the processes that it comes from, the first one first, and its own.
    pub ancestry: String,
    /// Where this is from.
    pub origin: Origin,
}

/// Where what is known of a process is from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origin {
    /// The event of its creation.
    Own,
    /// That of a process that it started.
    Child,
    /// Its GUID alone.
    Guid,
    /// Nothing is known.
    #[default]
    None,
}

impl Origin {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Child => "child",
            Self::Guid => "guid",
            Self::None => "none",
        }
    }
}

impl Processes {
    /// What these facts say of the processes that are wanted, and of those above them.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn new(wanted: &HashSet<ProcessKey>, facts: &SortedRuns<Fact>) -> io::Result<Self> {
        let mut known: HashMap<ProcessKey, Process> = HashMap::new();
        let mut wanted = wanted.clone();
        for _ in 0..=MOST_ABOVE {
            let mut above = HashSet::new();
            for fact in facts.pass()? {
                let Fact { of, told } = fact?;
                if wanted.contains(&of) {
                    let host = of.host.clone();
                    let created = known.entry(of).or_default().learn(told);
                    above.extend(created.map(|created| ProcessKey { host, guid: created.parent_guid.clone() }));
                }
            }
            above.retain(|key| process::is_guid(&key.guid) && !known.contains_key(key));
            if above.is_empty() {
                break;
            }
            wanted = above;
        }
        Ok(Self(known))
    }

    /// What is known of the process of a host with this GUID, which had a connection at this time.
    #[must_use]
    pub fn context(&self, key: &ProcessKey, connected: Option<Timestamp>) -> Context<'_> {
        let known = self.0.get(key);
        let end = known.and_then(|process| time(process.ended));
        let of_guid = || process::started(&key.guid).filter(|&start| connected.is_none_or(|time| start <= time));
        match known {
            Some(Process { created: Some(created), .. }) => Context {
                process: &created.command_line,
                hashes: &created.hashes,
                original_file_name: &created.original_file_name,
                integrity_level: &created.integrity_level,
                start: time(created.time).or_else(of_guid),
                end,
                parent_process: &created.parent_command_line,
                parent_path: &created.parent_image,
                parent_id: &created.parent_id,
                parent_guid: &created.parent_guid,
                ancestry: self.ancestry(&key.host, created),
                origin: Origin::Own,
            },
            Some(Process { parent: Some(parent), .. }) => Context {
                process: &parent.command_line,
                start: of_guid(),
                end,
                ancestry: base_name(&parent.image).to_owned(),
                origin: Origin::Child,
                ..Context::default()
            },
            _ => {
                let start = of_guid();
                let origin = if start.is_some() { Origin::Guid } else { Origin::None };
                Context { start, end, origin, ..Context::default() }
            }
        }
    }

    /// The names that a hit's process, which this is, asked DNS for and got the hit's destination, with when that was logged.
    #[must_use]
    pub fn queries(&self, key: &ProcessKey, hit: &Hit) -> BTreeSet<(i128, &str)> {
        let (Some(process), Some(time), Ok(address)) =
            (self.0.get(key), hit.time, hit.get(Field::DestIp).parse::<IpAddr>())
        else {
            return BTreeSet::new();
        };
        let queries = process.queries.iter().filter(|query| query.is_for(address, time));
        queries.map(|query| (query.time, &*query.name)).collect()
    }

    /// The names of the processes that one comes from, as far as they are known, and its own.
    fn ancestry(&self, host: &str, of: &Created) -> String {
        let mut names = vec![base_name(&of.image)];
        let mut next = of;
        for _ in 0..MOST_ABOVE {
            let key = ProcessKey { host: host.to_owned(), guid: next.parent_guid.clone() };
            let parent = self.0.get(&key).and_then(|process| process.created.as_deref());
            let name = parent.map_or(&*next.parent_image, |parent| &parent.image);
            if name.is_empty() {
                break;
            }
            names.push(base_name(name));
            let Some(parent) = parent else { break };
            next = parent;
        }
        names.reverse();
        names.join(" > ")
    }
}

impl Process {
    /// Takes what is told of it, unless that is known. Returns how it was created, if that is what was told.
    fn learn(&mut self, told: Told) -> Option<&Created> {
        match told {
            Told::Created(created) => return Some(self.created.get_or_insert(created)),
            Told::Parent(parent) => {
                self.parent.get_or_insert(parent);
            }
            Told::Ended(time) => self.ended = self.ended.or(time),
            Told::Queried(query) => self.queries.push(query),
        }
        None
    }
}

/// The process of a hit.
#[must_use]
pub fn key(hit: &Hit) -> ProcessKey {
    ProcessKey { host: hit.get(Field::Dvc).to_owned(), guid: hit.get(Field::ProcessGuid).to_owned() }
}

/// Names, each once, in the order of their times.
#[must_use]
pub fn names<'a>(queries: impl IntoIterator<Item = &'a str>) -> String {
    let mut seen = HashSet::new();
    queries.into_iter().filter(|name| seen.insert(*name)).collect::<Vec<_>>().join(";")
}

fn time(nanoseconds: Option<i128>) -> Option<Timestamp> {
    nanoseconds.and_then(|time| Timestamp::from_nanosecond(time).ok())
}
