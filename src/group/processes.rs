//! [`Processes`]: what is known of the processes of hits and of those that they come from, and the [`Context`] of a connection that
//! comes of it.
//!
//! Facts are found in any order and in any log, and are put together here. Where two events say the same of a process, the one that
//! says more counts, and of two that say as much, the earlier.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    net::IpAddr,
};

use jiff::Timestamp;

use crate::{
    connection::{
        answers::Answers,
        audited,
        glossary::{Field, base_name},
        process::{self, Created, Fact, Parent, ProcessKey, Told},
        security,
    },
    group::{hit::Hit, spill::SortedRuns},
};

/// How many processes above one are followed at most. Windows has a handful; a forged log can have any number.
const MOST_ABOVE: usize = 64;

/// What is known of some processes.
#[derive(Debug, Default)]
pub struct Processes {
    known: HashMap<ProcessKey, Process>,
    /// The processes that have had the same id on a host, one after another.
    of_ids: BTreeMap<ProcessKey, OfId>,
}

/// When processes of an id were created, in order; and when some have ended, in order.
#[derive(Debug, Default)]
struct OfId {
    created: Vec<i128>,
    ended: Vec<i128>,
}

/// What is known of one.
#[derive(Debug, Default)]
struct Process {
    created: Option<Box<Created>>,
    /// What the first process that it started says of it.
    parent: Option<Box<Parent>>,
    ended: Option<i128>,
    answers: Answers,
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

/// A process in the line of those that a connection's comes from. What is not known is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor<'a> {
    /// Which it is.
    pub key: ProcessKey,
    /// The path of its executable.
    pub image: &'a str,
    /// Its command line.
    pub command_line: &'a str,
    /// The hashes of its executable, as logged.
    pub hashes: &'a str,
    /// When it started.
    pub start: Option<Timestamp>,
    /// When it ended, if that was logged.
    pub end: Option<Timestamp>,
}

/// The same, as it is found on the way up.
struct Step<'a> {
    key: ProcessKey,
    image: &'a str,
    command_line: &'a str,
    /// Its own event, if that is known.
    created: Option<&'a Created>,
    ended: Option<i128>,
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
        let mut all = Self::default();
        let mut wanted = wanted.clone();
        for _ in 0..=MOST_ABOVE {
            let mut above = HashSet::new();
            for fact in facts.pass()? {
                let Fact { of, told } = fact?;
                if wanted.contains(&of) && audited::is_key(&of) {
                    all.learn_of_id(of, told);
                } else if wanted.contains(&of) {
                    let host = of.host.clone();
                    let created = all.known.entry(of).or_default().learn(told);
                    above.extend(created.map(|created| ProcessKey { host, guid: created.parent_guid.clone() }));
                }
            }
            above.retain(|key| process::is_guid(&key.guid) && !all.known.contains_key(key));
            if above.is_empty() {
                break;
            }
            wanted = above;
        }
        all.known.values_mut().for_each(|process| process.answers.settle());
        for (of, lived) in &mut all.of_ids {
            lived.created.sort_unstable();
            lived.ended.sort_unstable();
            for &created in &lived.created {
                let process = all.known.get_mut(&audited::key_of_one(of, Some(created)));
                if let Some(process) = process {
                    process.ended = lived.end(created);
                }
            }
        }
        Ok(all)
    }

    /// The process of this key and those above it, as far as any is known.
    #[must_use]
    pub fn lineage(&self, key: &ProcessKey) -> Vec<Ancestor<'_>> {
        let mut below = None;
        let ancestor = |Step { key, image, command_line, created, ended }| {
            // By its GUID, a process of Windows can have started hours after those that it has started.
            let by_guid = process::started(&key.guid).filter(|&start| below.is_none_or(|below| start <= below));
            let start = created.and_then(|created: &Created| time(created.time)).or(by_guid);
            below = start.or(below);
            let hashes = created.map_or("", |created| &created.hashes);
            Ancestor { key, image, command_line, hashes, start, end: time(ended) }
        };
        self.steps(key).into_iter().map(ancestor).collect()
    }

    /// The process of this key and those above it, each as its own event has it, or else as that of the one below it does.
    fn steps(&self, key: &ProcessKey) -> Vec<Step<'_>> {
        let Some(process) = self.known.get(key) else { return Vec::new() };
        let (key, ended) = (key.clone(), process.ended);
        let mut steps = Vec::new();
        let mut next = match process {
            Process { created: Some(created), .. } => {
                let (image, command_line) = (&*created.image, &*created.command_line);
                steps.push(Step { key, image, command_line, created: Some(created), ended });
                Some(&**created)
            }
            Process { parent: Some(parent), .. } => {
                steps.push(Step {
                    key,
                    image: &parent.image,
                    command_line: &parent.command_line,
                    created: None,
                    ended,
                });
                None
            }
            _ => None,
        };
        while let (Some(below), Some(last), true) = (next, steps.last(), steps.len() <= MOST_ABOVE) {
            let host = last.key.host.clone();
            let mut key = ProcessKey { host, guid: below.parent_guid.clone() };
            let process = self.known.get(&key);
            next = process.and_then(|process| process.created.as_deref());
            let told = (&*below.parent_image, &*below.parent_command_line);
            let (image, command_line) = next.map_or(told, |created| (&created.image, &created.command_line));
            if image.is_empty() {
                break;
            }
            if steps.iter().any(|step| step.key == key) {
                // Only in a forged log, two come from each other.
                break;
            }
            if key.guid.is_empty() {
                // Where its own id is not stated, it is known as what has started the other.
                key.guid = format!("above {}", last.key.guid);
            }
            let ended = process.and_then(|process| process.ended);
            steps.push(Step { key, image, command_line, created: next, ended });
        }
        steps
    }

    /// What is known, as facts that give the same again: in the order of processes.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let of_ids = self.of_ids.iter().flat_map(|(of, lived)| {
            let created = |&time: &i128| self.known.get(&audited::key_of_one(of, Some(time)))?.created.clone();
            let created = lived.created.iter().filter_map(created).map(Told::Created);
            let ended = lived.ended.iter().map(|&time| Told::Ended(Some(time)));
            created.chain(ended).map(|told| Fact { of: of.clone(), told })
        });
        let of_guids = self.known.iter().filter(|(of, _)| !audited::is_key(of)).flat_map(|(of, process)| {
            let Process { created, parent, ended, answers } = process;
            let created = created.iter().cloned().map(Told::Created);
            let ended = ended.iter().map(|&time| Told::Ended(Some(time)));
            let told = created.chain(parent.iter().cloned().map(Told::Parent)).chain(ended);
            told.chain(answers.queries().map(Told::Queried)).map(|told| Fact { of: of.clone(), told })
        });
        let mut facts: Vec<Fact> = of_guids.chain(of_ids).collect();
        facts.sort_unstable();
        facts.dedup();
        facts
    }

    /// Takes a fact about a process with this id.
    fn learn_of_id(&mut self, of: ProcessKey, told: Told) {
        match told {
            Told::Created(created) => {
                self.known
                    .entry(audited::key_of_one(&of, created.time))
                    .or_default()
                    .created
                    .get_or_insert_with(|| created.clone());
                self.of_ids.entry(of).or_default().created.extend(created.time);
            }
            Told::Ended(time) => self.of_ids.entry(of).or_default().ended.extend(time),
            Told::Parent(_) | Told::Queried(_) => {}
        }
    }

    /// The process of a hit: of those that have had its id, the one that there was at its time, if that is known.
    #[must_use]
    pub fn key(&self, hit: &Hit) -> ProcessKey {
        let key = key(hit);
        if is_told_by_guid(hit) {
            return key;
        }
        let lived = hit.time.and_then(|time| self.of_ids.get(&key)?.at(time.as_nanosecond()));
        match lived {
            Some(created) => audited::key_of_one(&key, Some(created)),
            None => key,
        }
    }

    /// What is known of the process of a host with this GUID, which had a connection at this time.
    #[must_use]
    pub fn context(&self, key: &ProcessKey, connected: Option<Timestamp>) -> Context<'_> {
        let known = self.known.get(key);
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
                ancestry: self.ancestry(key),
                origin: Origin::Own,
            },
            Some(Process { parent: Some(parent), .. }) => Context {
                process: &parent.command_line,
                start: of_guid(),
                end,
                ancestry: self.ancestry(key),
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
    pub fn queries(&self, key: &ProcessKey, hit: &Hit) -> Vec<(i128, &str)> {
        let (Some(process), Some(time), Ok(address)) =
            (self.known.get(key), hit.time, hit.get(Field::DestIp).parse::<IpAddr>())
        else {
            return Vec::new();
        };
        process.answers.of(address, time)
    }

    /// Whether a process is known to have asked DNS for names.
    pub(super) fn has_asked(&self, key: &ProcessKey) -> bool {
        self.known.get(key).is_some_and(|process| !process.answers.is_empty())
    }

    /// The names of the processes that one comes from, as far as they are known, and its own.
    fn ancestry(&self, key: &ProcessKey) -> String {
        let names: Vec<&str> = self.steps(key).into_iter().rev().map(|step| base_name(step.image)).collect();
        names.join(" > ")
    }
}

impl OfId {
    /// When the process was created that there was at a time.
    fn at(&self, time: i128) -> Option<i128> {
        let created = *self.created.get(self.created.partition_point(|&created| created <= time).checked_sub(1)?)?;
        self.end(created).is_none_or(|end| end > time).then_some(created)
    }

    /// When the process ended that was created at this time.
    fn end(&self, created: i128) -> Option<i128> {
        let next = self.created.get(self.created.partition_point(|&other| other <= created));
        let end = *self.ended.get(self.ended.partition_point(|&end| end <= created))?;
        next.is_none_or(|&next| end <= next).then_some(end)
    }
}

impl Process {
    /// Takes a fact about it, unless that is known. Returns how it was created, if that is the fact.
    fn learn(&mut self, told: Told) -> Option<&Created> {
        match told {
            Told::Created(created) => return Some(self.created.get_or_insert(created)),
            Told::Parent(parent) => {
                self.parent.get_or_insert(parent);
            }
            Told::Ended(time) => self.ended = self.ended.or(time),
            Told::Queried(query) => {
                self.answers.add(&query);
            }
        }
        None
    }
}

/// The fields that tell the process of a hit.
pub const OF_KEY: [Field; 4] = [Field::VendorProduct, Field::Dvc, Field::ProcessGuid, Field::ProcessId];

/// Those of them that tell a process that Sysmon has logged: its host and its GUID.
pub(super) const OF_GUID: [Field; 2] = [Field::Dvc, Field::ProcessGuid];

/// The process of a hit, by the fields [`OF_KEY`], or all that have had its id where Sysmon has not logged it.
#[must_use]
pub fn key(hit: &Hit) -> ProcessKey {
    if !is_told_by_guid(hit) {
        return audited::key(hit.get(Field::Dvc), hit.get(Field::ProcessId));
    }
    let [host, guid] = OF_GUID.map(|field| hit.get(field).to_owned());
    ProcessKey { host, guid }
}

/// Whether the process of a hit is told by [`OF_GUID`], whenever it was.
pub(super) fn is_told_by_guid(hit: &Hit) -> bool {
    hit.get(Field::VendorProduct) != security::VENDOR_PRODUCT
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
