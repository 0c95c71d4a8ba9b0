//! [`Kin`]: which processes of the hosts of hits have started which, as far as a look has met their events, and the [`Rest`] of
//! what it has passed by.
//!
//! Any process can be a parent's parent, and it is mostly created before it matters. So an event is passed by as long as its
//! process is not known to be above one of the hits', and only where that was is kept. Nothing is made of its texts.

use std::{
    collections::{BTreeSet, HashSet},
    hash::Hash,
    ops::Range,
};

use crate::{connection::process::Mention, evtx::typed::Raw, magic::CHUNK_SIZE};

/// A set of things that are looked up once or more for each event.
type Set<T> = HashSet<T, ahash::RandomState>;

/// A process of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Process {
    /// The number of its host.
    pub(super) host: u32,
    /// What its GUID says.
    pub(super) guid: u128,
}

/// Where events are: in a chunk, or in an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The number of the source.
    pub(super) source: usize,
    /// Where in it, in bytes.
    pub(super) offset: u64,
}

/// A process and the one that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Tie {
    child: Process,
    parent: u128,
}

/// Processes whose events were passed by in a place.
#[derive(Debug)]
struct Passed {
    place: Place,
    host: u32,
    guids: Vec<u128>,
}

/// What a look has met.
#[derive(Debug, Default)]
pub struct Kin {
    ties: Set<Tie>,
    /// Those that are known to be above the processes of hits.
    above: Set<Process>,
    passed: Vec<Passed>,
    /// What was told of them, as two numbers of 64 bits: logs that were collected twice tell it twice.
    told: Set<[u64; 2]>,
    hashers: [ahash::RandomState; 2],
    /// What it takes in memory, in bytes, and may take.
    size: usize,
    room: usize,
    /// Whether it was more than that, and is forgotten.
    is_too_much: bool,
    latest: Latest,
}

/// The host of the record before, as most records in a row are of one: its name as it stands there, and its number.
#[derive(Debug, Default)]
struct Latest {
    kind: u8,
    name: Vec<u8>,
    number: Option<u32>,
}

/// What is left to be read: events of processes that are above those of hits, in places where some were passed by.
#[derive(Debug)]
pub struct Rest {
    above: Set<Process>,
    places: BTreeSet<Place>,
}

impl Kin {
    /// Nothing yet. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    /// The number of a host, if it has one, by the value that is its name.
    pub(super) fn host(&mut self, name: Raw<'_>, number: impl Fn(&str) -> Option<u32>) -> Option<u32> {
        let Latest { kind, name: latest, .. } = &self.latest;
        if (name.kind, name.bytes) != (*kind, latest) {
            self.latest = Latest { kind: name.kind, name: name.bytes.to_vec(), number: number(&name.text()) };
        }
        self.latest.number
    }

    /// Takes note of what an event of a host mentions. Returns whether it says something of a process that is of a hit, or known to
    /// be above one; it is passed by otherwise.
    pub(super) fn meet(&mut self, wanted: &Set<Process>, host: u32, mention: Mention, place: Place) -> bool {
        let Mention { of, parent, is_query } = mention;
        let process = |guid| Process { host, guid };
        let of = process(of);
        if is_query {
            return wanted.contains(&of);
        }
        let is_near = wanted.contains(&of) || self.above.contains(&of);
        if let Some(parent) = parent {
            if self.ties.insert(Tie { child: of, parent }) {
                self.grow(2 * size_of::<Tie>());
            }
            if is_near && !wanted.contains(&process(parent)) && self.above.insert(process(parent)) {
                self.grow(2 * size_of::<Process>());
            }
        }
        let is_parent_wanted = parent.is_some_and(|parent| wanted.contains(&process(parent)));
        if !is_near && !is_parent_wanted {
            self.pass(of, place);
        }
        is_near || is_parent_wanted
    }

    /// Whether an event of a host with these values is the first that tells this, as far as is known.
    pub(super) fn is_new(&mut self, host: u32, values: &impl Hash) -> bool {
        let told = self.hashers.each_ref().map(|hasher| hasher.hash_one((host, values)));
        let is_new = self.told.insert(told);
        self.grow(if is_new { 2 * size_of_val(&told) } else { 0 });
        is_new
    }

    /// Adds what another part of the look has met.
    pub fn merge(&mut self, other: Self) {
        self.is_too_much |= other.is_too_much;
        self.ties.extend(other.ties);
        self.passed.extend(other.passed);
        self.grow(other.size);
    }

    /// What is left to be read; nothing if it is not known, and everything has to be.
    pub(super) fn rest(self, wanted: &Set<Process>) -> Option<Rest> {
        if self.is_too_much {
            return None;
        }
        let mut ties: Vec<Tie> = self.ties.into_iter().collect();
        ties.sort_unstable();
        let (mut above, mut next) = (Set::default(), wanted.iter().copied().collect::<Vec<_>>());
        while let Some(child) = next.pop() {
            let first = ties.partition_point(|tie| tie.child < child);
            let own = ties.get(first..).unwrap_or_default().iter().take_while(|tie| tie.child == child);
            let parents = own.map(|tie| Process { host: child.host, guid: tie.parent });
            next.extend(parents.filter(|parent| !wanted.contains(parent) && above.insert(*parent)));
        }
        let is_above = |host: u32, guid: u128| above.contains(&Process { host, guid });
        let are_above = |passed: &&Passed| passed.guids.iter().any(|&guid| is_above(passed.host, guid));
        let places = self.passed.iter().filter(are_above).map(|passed| passed.place).collect();
        Some(Rest { above, places })
    }

    fn pass(&mut self, Process { host, guid }: Process, place: Place) {
        match self.passed.last_mut().filter(|last| (last.place, last.host) == (place, host)) {
            Some(last) => last.guids.push(guid),
            None => {
                self.passed.push(Passed { place, host, guids: vec![guid] });
                self.grow(2 * size_of::<Passed>());
            }
        }
        self.grow(2 * size_of_val(&guid));
    }

    fn grow(&mut self, size: usize) {
        self.size = self.size.saturating_add(size);
        if self.size > self.room || self.is_too_much {
            *self = Self { is_too_much: true, ..Self::default() };
        }
    }
}

impl Rest {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether a process is one of those.
    pub(super) fn has(&self, process: Process) -> bool {
        self.above.contains(&process)
    }

    /// Whether there is something in this place.
    pub(super) fn is_in(&self, place: Place) -> bool {
        self.places.contains(&place)
    }

    /// Whether there can be something in a part of a source, or in chunks that are out of their places and are found from there.
    pub(super) fn is_around(&self, source: usize, range: Range<u64>) -> bool {
        const AROUND: u64 = 4 * CHUNK_SIZE as u64;
        let place = |offset| Place { source, offset };
        let range = place(range.start.saturating_sub(AROUND))..place(range.end.saturating_add(AROUND));
        self.places.range(range).next().is_some()
    }
}
