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

use crate::{connection::process::Mention, evtx::typed::Raw, fingerprint::Fingerprints, magic::CHUNK_SIZE};

/// A set of things that are looked up once or more for each event.
pub(super) type Set<T> = HashSet<T, ahash::RandomState>;

/// A process of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Process {
    /// The fingerprint of its host's name.
    pub(super) host: u128,
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
    host: u128,
    guids: Vec<u128>,
    /// Those that had started them, where it is not known yet which are of hits: of these, the events of others tell something.
    parents: Vec<u128>,
}

/// What a look has met.
#[derive(Debug, Default)]
pub struct Kin {
    ties: Set<Tie>,
    /// Those that are known to be above the processes of hits.
    above: Set<Process>,
    passed: Vec<Passed>,
    /// The fingerprints of what was told of them: logs that were collected twice tell it twice.
    told: Set<u128>,
    fingerprints: Fingerprints,
    /// What it takes in memory, in bytes, and may take.
    size: usize,
    room: usize,
    /// Whether it was more than that, and is forgotten.
    is_too_much: bool,
    latest: Latest,
}

/// The host of the record before, as most records in a row are of one: its name as it stands there, and its fingerprint.
#[derive(Debug, Default)]
pub(super) struct Latest(Option<Met>);

#[derive(Debug)]
struct Met {
    kind: u8,
    name: Vec<u8>,
    host: Option<u128>,
}

/// What is left to be read: events of processes of hits, and above those, in places where some were passed by.
#[derive(Debug)]
pub struct Rest {
    of: Set<Process>,
    /// Of those that these have started, too.
    parents: Set<Process>,
    places: BTreeSet<Place>,
}

impl Latest {
    /// The fingerprint of a host, if it has one, by the value that is its name.
    pub(super) fn host(&mut self, name: Raw<'_>, host: impl Fn(&str) -> Option<u128>) -> Option<u128> {
        if let Some(met) = self.0.as_ref().filter(|met| (name.kind, name.bytes) == (met.kind, &met.name)) {
            return met.host;
        }
        let host = host(&name.text());
        self.0 = Some(Met { kind: name.kind, name: name.bytes.to_vec(), host });
        host
    }
}

impl Kin {
    /// Nothing yet. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    /// The fingerprint of a host, if it has one, by the value that is its name.
    pub(super) fn host(&mut self, name: Raw<'_>, host: impl Fn(&str) -> Option<u128>) -> Option<u128> {
        self.latest.host(name, host)
    }

    /// Takes note of what an event of a host mentions. Returns whether it says something of a process that is of a hit, or known to
    /// be above one; it is passed by otherwise.
    pub(super) fn meet(&mut self, wanted: &Set<Process>, host: u128, mention: Mention, place: Place) -> bool {
        let is_near = self.is_near(wanted, host, mention);
        if !is_near && !mention.is_query {
            self.pass(Process { host, guid: mention.of }, None, place);
        }
        is_near
    }

    /// The same, where more can turn out to be of hits than is known by then.
    pub(super) fn meet_early(&mut self, wanted: &Set<Process>, host: u128, mention: Mention, place: Place) -> bool {
        let is_near = self.is_near(wanted, host, mention);
        if !is_near {
            self.pass(Process { host, guid: mention.of }, mention.parent, place);
        }
        is_near
    }

    fn is_near(&mut self, wanted: &Set<Process>, host: u128, mention: Mention) -> bool {
        let Mention { of, parent, is_query } = mention;
        let process = |guid| Process { host, guid };
        let of = process(of);
        if is_query {
            return wanted.contains(&of);
        }
        let is_near = wanted.contains(&of) || self.above.contains(&of);
        if let Some(parent) = parent {
            if self.ties.insert(Tie { child: of, parent }) {
                // Once more when they are put in order.
                self.grow(3 * size_of::<Tie>());
            }
            if is_near && !wanted.contains(&process(parent)) && self.above.insert(process(parent)) {
                self.grow(2 * size_of::<Process>());
            }
        }
        is_near || parent.is_some_and(|parent| wanted.contains(&process(parent)))
    }

    /// Whether an event of a host with these values is the first that tells this, as far as is known.
    pub(super) fn is_new(&mut self, host: u128, values: &impl Hash) -> bool {
        let told = self.fingerprints.of(&(host, values));
        let is_new = self.told.insert(told);
        self.grow(if is_new { 2 * size_of_val(&told) } else { 0 });
        is_new
    }

    /// Whether it is all that was met.
    pub(super) fn is_all(&self) -> bool {
        !self.is_too_much
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
        let mut rest = Rest { of: above, parents: Set::default(), places: BTreeSet::new() };
        for Passed { place, host, guids, parents } in self.passed {
            let processes = |guids: Vec<u128>| guids.into_iter().map(move |guid| Process { host, guid });
            let (own, parents) = (processes(guids), processes(parents));
            let own: Vec<Process> = own.filter(|one| rest.of.contains(one) || wanted.contains(one)).collect();
            let parents: Vec<Process> = parents.filter(|parent| wanted.contains(parent)).collect();
            if !own.is_empty() || !parents.is_empty() {
                rest.of.extend(own);
                rest.parents.extend(parents);
                rest.places.insert(place);
            }
        }
        Some(rest)
    }

    fn pass(&mut self, Process { host, guid }: Process, parent: Option<u128>, place: Place) {
        if self.passed.last().is_none_or(|last| (last.place, last.host) != (place, host)) {
            self.passed.push(Passed { place, host, guids: Vec::new(), parents: Vec::new() });
            self.grow(2 * size_of::<Passed>());
        }
        if let Some(Passed { guids, parents, .. }) = self.passed.last_mut() {
            guids.push(guid);
            parents.extend(parent);
            self.grow(2 * size_of_val(&guid) + 2 * parent.map_or(0, |parent| size_of_val(&parent)));
        }
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

    /// Whether an event of a host that mentions this is one of those.
    pub(super) fn has(&self, host: u128, Mention { of, parent, .. }: Mention) -> bool {
        let process = |guid| Process { host, guid };
        self.of.contains(&process(of)) || parent.is_some_and(|parent| self.parents.contains(&process(parent)))
    }

    /// Whether there is something in this place.
    pub(super) fn is_in(&self, place: Place) -> bool {
        self.places.contains(&place)
    }

    /// Whether there can be something in a part of a source, or in chunks that are out of their places and are found from there.
    pub(super) fn is_around(&self, source: usize, range: Range<u64>) -> bool {
        // A block finds chunks out of their places from one before it to three behind it: `evtx::displaced::surroundings`.
        const AROUND: u64 = 4 * CHUNK_SIZE as u64;
        let place = |offset| Place { source, offset };
        let range = place(range.start.saturating_sub(AROUND))..place(range.end.saturating_add(AROUND));
        self.places.range(range).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: u128 = 0;
    const B: u128 = 1;

    /// One event of a process of a host, in a chunk of this number.
    #[derive(Clone, Copy)]
    struct Told(u128, u128, Option<u128>, u64);

    fn process(host: u128, guid: u128) -> Process {
        Process { host, guid }
    }

    /// What was met by two parts of a look; and of which processes it took something.
    fn met(wanted: &[Process], room: usize, told: &[Told]) -> (Kin, Vec<Process>) {
        let wanted: Set<Process> = wanted.iter().copied().collect();
        let mut parts = [Kin::new(room), Kin::new(room)];
        let mut taken = Vec::new();
        for (index, &Told(host, of, parent, chunk)) in told.iter().enumerate() {
            let place = Place { source: 7, offset: chunk * CHUNK_SIZE as u64 };
            let mention = Mention { of, parent, is_query: false };
            if parts[index * parts.len() / told.len()].meet(&wanted, host, mention, place) {
                taken.push(process(host, of));
            }
        }
        let [mut one, other] = parts;
        one.merge(other);
        (one, taken)
    }

    fn left(wanted: &[Process], told: &[Told]) -> Vec<(u128, u128)> {
        let (kin, taken) = met(wanted, usize::MAX, told);
        let rest = kin.rest(&wanted.iter().copied().collect()).unwrap();
        for Told(host, of, _, chunk) in told {
            let place = Place { source: 7, offset: chunk * CHUNK_SIZE as u64 };
            let (process, is_in) = (process(*host, *of), rest.is_in(place));
            assert!(taken.contains(&process) || !rest.of.contains(&process) || is_in, "{process:?} in {place:?}");
            assert!(!is_in || rest.is_around(7, place.offset..place.offset + 1) && !rest.is_around(6, 0..u64::MAX));
        }
        let mut above: Vec<(u128, u128)> = rest.of.iter().map(|process| (process.host, process.guid)).collect();
        above.sort_unstable();
        above
    }

    #[test]
    fn all_above_are_left_in_whatever_order_they_are_met() {
        let mut told: Vec<Told> = (2..9).map(|of| Told(A, of, Some(of - 1), u64::try_from(of).unwrap())).collect();
        told.extend([Told(A, 30, Some(31), 20), Told(B, 4, Some(40), 21)]);
        let expected: Vec<(u128, u128)> = (1..5).map(|guid| (A, guid)).collect();
        assert_eq!(left(&[process(A, 5)], &told), expected);
        told.reverse();
        assert_eq!(left(&[process(A, 5)], &told), expected);
        assert_eq!(left(&[process(B, 4)], &told), [(B, 40)]);
        assert_eq!(left(&[process(A, 50)], &told), []);
    }

    #[test]
    fn processes_that_started_each_other_and_those_with_two_parents_come_to_an_end() {
        let told = [Told(A, 1, Some(2), 1), Told(A, 2, Some(1), 2), Told(A, 2, Some(3), 3), Told(A, 3, Some(3), 4)];
        assert_eq!(left(&[process(A, 1)], &told), [(A, 2), (A, 3)]);
    }

    #[test]
    fn what_tells_of_a_wanted_process_is_taken_at_once() {
        let told = [Told(A, 9, Some(5), 1), Told(A, 5, Some(4), 2), Told(A, 4, None, 3), Told(A, 8, Some(7), 4)];
        let (kin, taken) = met(&[process(A, 5)], usize::MAX, &told[..2]);
        assert_eq!(taken, [process(A, 9), process(A, 5)]);
        assert!(kin.rest(&[process(A, 5)].into_iter().collect()).unwrap().is_empty());
        let query = Mention { of: 5, parent: None, is_query: true };
        let wanted: Set<Process> = [process(A, 5)].into_iter().collect();
        let place = Place { source: 7, offset: 0 };
        assert!(Kin::new(usize::MAX).meet(&wanted, A, query, place));
        assert!(!Kin::new(usize::MAX).meet(&wanted, B, query, place));
    }

    #[test]
    fn what_takes_too_much_memory_is_forgotten_and_everything_is_left() {
        let told: Vec<Told> = (2..400).map(|of| Told(A, of, Some(of - 1), 0)).collect();
        let wanted = [process(A, 5)];
        let (kin, _) = met(&wanted, 10_000, &told);
        assert!(kin.ties.is_empty() && kin.passed.is_empty());
        assert!(kin.rest(&wanted.into_iter().collect()).is_none());
    }

    #[test]
    fn a_host_without_a_name_is_asked_for_though_it_is_the_first() {
        let none = Raw { kind: 0, bytes: &[] };
        let mut latest = Latest::default();
        assert_eq!(latest.host(none, |name| name.is_empty().then_some(7)), Some(7));
        assert_eq!(latest.host(none, |_| None), Some(7));
    }

    #[test]
    fn the_same_values_are_new_once_for_each_host() {
        let mut kin = Kin::new(usize::MAX);
        assert!(kin.is_new(A, &"told") && kin.is_new(B, &"told") && kin.is_new(A, &"other"));
        assert!(!kin.is_new(A, &"told") && !kin.is_new(B, &"told"));
    }
}
