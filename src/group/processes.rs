//! [`Processes`]: what is known of the processes of hits and of those that they come from, and the [`Context`] of a connection that
//! comes of it.
//!
//! Facts are found in any order and in any log, and are put together here, process by process. Those that do not fit into memory are on
//! disk, and each is read again when it is asked for; what tells processes apart stays in memory.

use std::{
    collections::{BTreeMap, HashSet},
    io,
    net::IpAddr,
};

use jiff::Timestamp;

use crate::{
    connection::{
        audited,
        glossary::Field,
        process::{self, Fact, ProcessKey, Told},
        security,
    },
    group::{
        hit::Hit,
        life::{Life, OfId, OfKey, Telling},
        queries::{self, Queries},
        shelf::Shelf,
        spill::SortedRuns,
    },
};

/// How many processes above one are followed at most. Windows has a handful; a forged log can have any number.
pub(super) const MOST_ABOVE: usize = 64;

/// What is known of some processes.
#[derive(Debug)]
pub struct Processes {
    pub(super) lives: Shelf<Life>,
    /// The processes that have had the same id on a host, one after another.
    of_ids: BTreeMap<ProcessKey, OfId>,
}

/// What is known of the process behind a connection. What is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Its command line.
    pub process: String,
    /// The hashes of its image, as logged.
    pub hashes: String,
    /// The name that its image was built with.
    pub original_file_name: String,
    /// Its integrity level.
    pub integrity_level: String,
    /// When it started.
    pub start: Option<Timestamp>,
    /// When it ended, if that was logged.
    pub end: Option<Timestamp>,
    /// The command line of the process that started it.
    pub parent_process: String,
    /// The path of that.
    pub parent_path: String,
    /// Its id.
    pub parent_id: String,
    /// Its GUID.
    pub parent_guid: String,
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
    /// Its GUID alone, by which its start, its end or names that it asked for are known.
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

impl Default for Processes {
    fn default() -> Self {
        Self { lives: Shelf::new(0), of_ids: BTreeMap::new() }
    }
}

impl Processes {
    /// What these facts say of the processes that are wanted, and of those above them. No more than some `room` bytes of it are held
    /// in memory.
    ///
    /// # Errors
    ///
    /// It cannot be spilled, or what was spilled cannot be read again.
    pub fn new(is_wanted: impl Fn(&ProcessKey) -> bool, facts: &SortedRuns<Fact>, room: usize) -> io::Result<Self> {
        let mut all = Self { lives: Shelf::new(room), of_ids: BTreeMap::new() };
        let mut wanted: HashSet<ProcessKey> = HashSet::new();
        for level in 0..=MOST_ABOVE {
            let mut above = HashSet::new();
            let mut open: Option<Telling> = None;
            for fact in facts.pass()? {
                let fact = fact?;
                // What else is told of those above is not asked for, and not always there.
                if level > 0 && !matches!(fact.told, Told::Created(_) | Told::Ended(_)) {
                    continue;
                }
                match &mut open {
                    Some(telling) if telling.goes_on(&fact) => telling.learn(fact),
                    _ if wanted.contains(&fact.of) || level == 0 && is_wanted(&fact.of) => {
                        above.extend(all.keep_told(open.replace(Telling::of(fact)))?);
                    }
                    _ => {}
                }
            }
            above.extend(all.keep_told(open)?);
            above.retain(|key| process::is_guid(&key.guid) && !all.lives.has(key));
            if above.is_empty() {
                break;
            }
            wanted = above;
        }
        Ok(all)
    }

    /// Keeps what was told of a key. Returns the process above, if it is of one that has one.
    fn keep_told(&mut self, telling: Option<Telling>) -> io::Result<Option<ProcessKey>> {
        let Some(Telling { of, told, size }) = telling else { return Ok(None) };
        match told {
            OfKey::One(mut life) => {
                life.answers.settle();
                let above = life.created.as_ref().map(|created| created.parent_guid.clone());
                self.lives.put(&of, *life, size)?;
                Ok(above.map(|guid| ProcessKey { host: of.host, guid }))
            }
            OfKey::Id(all, ended) => {
                let lived = OfId::new(all.keys().copied().flatten().collect(), ended);
                for (time, created) in all {
                    let key = audited::key_of_one(&of, time);
                    let size = created.size();
                    let ended = time.and_then(|time| lived.end(time));
                    let life = Life { of: key.clone(), created: Some(created), ended, ..Life::default() };
                    self.lives.put(&key, life, size)?;
                }
                self.of_ids.insert(of, lived);
                Ok(None)
            }
        }
    }

    /// Why something of it could not be read again, if it could not: what was asked since is not known then, and was not told.
    #[must_use]
    pub fn failed(&self) -> Option<io::Error> {
        self.lives.failed()
    }

    /// What is known, as facts that give the same again: in the order of processes.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let of_ids = self.of_ids.iter().flat_map(|(of, lived)| {
            let created = |&time: &i128| self.lives.get(&audited::key_of_one(of, Some(time)))?.created.clone();
            let created = lived.created().iter().filter_map(created).map(Told::Created);
            created.chain(lived.ends()).map(|told| Fact { of: of.clone(), told })
        });
        let of_guids = self.lives.things().filter(|life| !audited::is_key(&life.of)).flat_map(|life| {
            let facts = life.facts().map(|told| Fact { of: life.of.clone(), told });
            facts.collect::<Vec<_>>()
        });
        let mut facts: Vec<Fact> = of_guids.chain(of_ids).collect();
        facts.sort_unstable();
        facts.dedup();
        facts
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
    pub fn context(&self, key: &ProcessKey, connected: Option<Timestamp>) -> Context {
        let life = self.lives.get(key);
        let end = life.as_ref().and_then(|life| time(life.ended));
        let of_guid = || process::started(&key.guid).filter(|&start| connected.is_none_or(|time| start <= time));
        match life.as_deref() {
            Some(Life { created: Some(created), .. }) => Context {
                process: created.command_line.clone(),
                hashes: created.hashes.clone(),
                original_file_name: created.original_file_name.clone(),
                integrity_level: created.integrity_level.clone(),
                start: time(created.time).or_else(of_guid),
                end,
                parent_process: created.parent_command_line.clone(),
                parent_path: created.parent_image.clone(),
                parent_id: created.parent_id.clone(),
                parent_guid: created.parent_guid.clone(),
                ancestry: self.ancestry(key),
                origin: Origin::Own,
            },
            Some(Life { parent: Some(parent), .. }) => Context {
                process: parent.command_line.clone(),
                start: of_guid(),
                end,
                ancestry: self.ancestry(key),
                origin: Origin::Child,
                ..Context::default()
            },
            _ => {
                let start = of_guid();
                let has_asked = life.is_some_and(|life| !life.answers.is_empty());
                let is_known = start.is_some() || end.is_some() || has_asked;
                let origin = if is_known { Origin::Guid } else { Origin::None };
                Context { start, end, origin, ..Context::default() }
            }
        }
    }

    /// Hands on all names that a hit's process, which this is, asked DNS for and got the hit's destination, with when that was logged. There can
    /// be thousands, so that they are not copied.
    pub fn with_names<T>(&self, key: &ProcessKey, hit: &Hit, then: impl FnOnce(Vec<(i128, &str)>) -> T) -> T {
        self.with_first_names(key, hit, usize::MAX, then)
    }

    /// As many of them as a cell shows.
    #[must_use]
    pub fn queries(&self, key: &ProcessKey, hit: &Hit) -> Queries {
        let mut queries = Queries::default();
        self.add_queries(key, hit, &mut queries);
        queries
    }

    /// Adds them to others. Returns what that takes in memory, in bytes.
    pub(super) fn add_queries(&self, key: &ProcessKey, hit: &Hit, queries: &mut Queries) -> usize {
        // One more says that there are more.
        self.with_first_names(key, hit, queries::MOST + 1, |names| queries.add_all(names))
    }

    fn with_first_names<T>(
        &self,
        key: &ProcessKey,
        hit: &Hit,
        most: usize,
        then: impl FnOnce(Vec<(i128, &str)>) -> T,
    ) -> T {
        let life = self.lives.get(key);
        let answers = life.as_ref().map(|life| &life.answers).filter(|answers| !answers.is_empty());
        match (answers, hit.time) {
            (Some(answers), Some(time)) => {
                let address = hit.get(Field::DestIp).parse::<IpAddr>();
                then(address.map_or_else(|_| Vec::new(), |address| answers.of(address, time, most)))
            }
            _ => then(Vec::new()),
        }
    }

    /// Whether a process is known to have asked DNS for names.
    pub(super) fn has_asked(&self, key: &ProcessKey) -> bool {
        self.lives.get(key).is_some_and(|life| !life.answers.is_empty())
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
    let [host, guid] = OF_GUID.map(|field| hit.get(field));
    ProcessKey::new(host, guid.to_owned())
}

/// Whether the process of a hit is told by [`OF_GUID`], whenever it was.
pub(super) fn is_told_by_guid(hit: &Hit) -> bool {
    hit.get(Field::VendorProduct) != security::VENDOR_PRODUCT
}

pub(super) fn time(nanoseconds: Option<i128>) -> Option<Timestamp> {
    nanoseconds.and_then(|time| Timestamp::from_nanosecond(time).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::process::{Created, Parent, Query},
        group::{facts::Facts, hit::Place},
    };

    const SECOND: i128 = 1_000_000_000;
    const START: i128 = 1_662_000_000 * SECOND;

    fn guid(number: u32) -> String {
        format!("{{6820D070-1F1B-6323-{number:04X}-000000001400}}")
    }

    fn of(number: u32) -> ProcessKey {
        ProcessKey { host: "host".to_owned(), guid: guid(number) }
    }

    /// Processes of which each has started the next; some have ended, have asked for a name, or are known by the next alone. Besides, processes
    /// that have had the same id.
    fn facts() -> Facts {
        let mut facts = Facts::new(usize::MAX);
        let created = |number: u32, time: i128| Created {
            time: Some(time),
            image: format!(r"C:\{number}.exe"),
            command_line: format!("{number}.exe /{}", "x".repeat(number as usize)),
            parent_guid: number.checked_sub(1).map(guid).unwrap_or_default(),
            parent_image: number.checked_sub(1).map(|above| format!(r"C:\{above}.exe")).unwrap_or_default(),
            ..Created::default()
        };
        let mut tell = |of: ProcessKey, told| facts.push(Fact { of, told });
        for number in 0..40 {
            let time = START + i128::from(number) * SECOND;
            let created = created(number, time);
            if let Some(above) = number.checked_sub(1) {
                let (image, command_line) = (created.parent_image.clone(), format!("{above}.exe"));
                tell(of(above), Told::Parent(Box::new(Parent { time: Some(time), image, command_line })));
            }
            if number % 7 != 3 {
                tell(of(number), Told::Created(Box::new(created)));
            }
            if number % 3 == 0 {
                tell(of(number), Told::Ended(Some(time + 100 * SECOND)));
            }
            for asked in 0..number % 5 {
                let addresses = vec![IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 8])];
                let name = format!("{asked}.example");
                tell(of(number), Told::Queried(Query { time: time + i128::from(asked), name, addresses }));
            }
        }
        for number in 0..9_u32 {
            let (of, time) =
                (audited::key("host", &(number % 2).to_string()), START + i128::from(number) * 10 * SECOND);
            tell(of.clone(), Told::Created(Box::new(created(100 + number, time))));
            if number % 3 > 0 {
                tell(of, Told::Ended(Some(time + 5 * SECOND)));
            }
        }
        facts
    }

    /// A connection of the process with this number, or of that which has it as its id, some seconds after the start.
    fn hit(number: u32, is_of_id: bool, seconds: i128) -> Hit {
        let text = |field| match field {
            Field::Dvc => "host".to_owned(),
            Field::DestIp => "192.0.2.8".to_owned(),
            Field::ProcessGuid if !is_of_id => guid(number),
            Field::ProcessId => number.to_string(),
            Field::VendorProduct if is_of_id => security::VENDOR_PRODUCT.to_owned(),
            _ => String::new(),
        };
        let texts = Field::ALL.map(text);
        Hit::new(texts.iter().map(String::as_str), time(Some(START + seconds * SECOND)), Place::default(), [0])
    }

    /// All that is told of such processes.
    fn told(processes: &Processes) -> String {
        let hits = (0..42).map(|number| hit(number, false, i128::from(number) + 2));
        let of_ids = (0..100).step_by(3).map(|seconds| hit(seconds % 2, true, i128::from(seconds)));
        let told = hits.chain(of_ids).map(|hit| {
            let key = processes.key(&hit);
            let lineage: Vec<String> = processes
                .lineage(&key, |_| hit.time)
                .iter()
                .map(|one| format!("{} {} {:?} {:?}", one.image(), one.command_line(), one.start, one.end))
                .collect();
            format!("{key:?} {:?} {lineage:?} {:?}", processes.context(&key, hit.time), processes.queries(&key, &hit))
        });
        let told: Vec<String> = told.collect();
        format!("{} {:?}", told.join("\n"), processes.facts())
    }

    #[test]
    fn processes_that_are_spilled_are_known_as_they_are_in_memory() {
        let wanted: HashSet<ProcessKey> =
            (20..42).map(of).chain((0..2).map(|id: u8| audited::key("host", &id.to_string()))).collect();
        let known = |room| Processes::new(|of| wanted.contains(of), &facts().into_sorted().unwrap(), room).unwrap();
        let all = told(&known(usize::MAX));
        assert!(all.contains("18.exe > 19.exe > 20.exe") && all.contains("3.example") && all.contains("id 1 1"));
        for room in [0, 1_000, 5_000, 20_000] {
            let processes = known(room);
            assert!(told(&processes) == all, "{room}");
            assert!(processes.failed().is_none());
        }
    }

    #[test]
    fn facts_give_the_same_again() {
        let wanted: HashSet<ProcessKey> =
            (0..42).map(of).chain((0..2).map(|id: u8| audited::key("host", &id.to_string()))).collect();
        let known = Processes::new(|of| wanted.contains(of), &facts().into_sorted().unwrap(), 0).unwrap();
        let mut again = Facts::new(usize::MAX);
        known.facts().into_iter().for_each(|fact| again.push(fact));
        assert!(
            told(&Processes::new(|of| wanted.contains(of), &again.into_sorted().unwrap(), usize::MAX).unwrap())
                == told(&known)
        );
    }
}
