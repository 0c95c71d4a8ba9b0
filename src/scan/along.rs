//! The look that goes along with the scan for connections: from the first hit in a log on, what the log's chunks say of processes is
//! taken while they are at hand, so that most of them need not be read a second time ([`crate::scan::second`]).
//!
//! Which processes matter is known in the end alone. [`Behind`] tells those of the hits so far, and whatever may turn out to matter is
//! noted as passed by ([`crate::scan::kin`]). What it has [`Looked`] at is sound: a chunk in which anything is wrong, and a log in an
//! archive, is for the second look.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    connection::{host, process},
    evtx::typed::Raw,
    fingerprint::Fingerprints,
    scan::kin::{Latest, Process, Set},
};

/// How many processes are told at most, in 8 MiB. Of more, the second look finds what they need.
const MOST_BEHIND: usize = 1 << 18;

/// Whether a look for the processes of hits goes along with a scan.
#[derive(Debug, Clone, Default)]
pub enum Along {
    /// None does.
    #[default]
    None,
    /// One does, that knows hosts by these fingerprints.
    Goes(Fingerprints),
    /// One did: all that is in these chunks is known.
    Went(Arc<Looked>),
}

impl Along {
    /// The fingerprints that hosts are known by.
    pub(super) fn fingerprints(&self) -> Fingerprints {
        if let Self::Goes(fingerprints) = self { fingerprints.clone() } else { Fingerprints::default() }
    }
}

/// The processes behind the hits so far.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// Those of hosts are shared by all parts of a scan.
    hosts: Fingerprints,
    latest: Latest,
    known: Set<Process>,
    /// Those of them that nobody has asked for.
    new: Vec<Process>,
}

/// What was looked at, and what is looked for.
#[derive(Debug, Default)]
pub struct Looked {
    /// The processes that are known to be behind hits.
    pub(super) wanted: Set<Process>,
    /// The logs that have hits.
    logs: BTreeSet<usize>,
    /// The chunks of each log that were looked at, a bit for each.
    chunks: BTreeMap<usize, Vec<u64>>,
}

impl Behind {
    /// None yet. Hosts are known by these fingerprints.
    pub(super) fn new(hosts: Fingerprints) -> Self {
        Self { hosts, ..Self::default() }
    }

    /// Takes the process of a hit, by the values that are its host and its GUID.
    pub(super) fn take(&mut self, host: Raw<'_>, guid: Raw<'_>) {
        let Self { hosts, latest, .. } = self;
        let host = latest.host(host, |name| Some(hosts.of(&*host::folded(name))));
        self.add(host, process::of_value(guid));
    }

    /// The same, by their texts as a connection has them.
    pub(super) fn take_texts(&mut self, host: &str, guid: &str) {
        self.add(Some(self.hosts.of(&*host::folded(host))), process::number(guid));
    }

    fn add(&mut self, host: Option<u128>, guid: Option<u128>) {
        let process = host.zip(guid).map(|(host, guid)| Process { host, guid });
        let has_room = self.known.len() < MOST_BEHIND;
        self.new.extend(process.filter(|process| has_room && self.known.insert(*process)));
    }

    /// Those that nobody has asked for yet.
    pub(super) fn new_ones(&mut self) -> impl Iterator<Item = Process> {
        self.new.drain(..)
    }
}

impl Looked {
    /// Takes note that a log has a hit.
    pub(super) fn has_hit(&mut self, log: usize) {
        self.logs.insert(log);
    }

    /// Whether a log is to be looked at.
    pub(super) fn follows(&self, log: usize) -> bool {
        self.logs.contains(&log)
    }

    /// Takes note that a chunk of a log was looked at.
    pub(super) fn add(&mut self, log: usize, chunk: u64) {
        let Some((word, bit)) = place(chunk) else { return };
        let words = self.chunks.entry(log).or_default();
        words.resize(words.len().max(word + 1), 0);
        if let Some(word) = words.get_mut(word) {
            *word |= bit;
        }
    }

    /// Whether a chunk of a log was looked at.
    pub(super) fn has(&self, log: usize, chunk: u64) -> bool {
        let word = |(word, bit)| Some(self.chunks.get(&log)?.get::<usize>(word)? & bit > 0);
        place(chunk).and_then(word) == Some(true)
    }

    /// Adds what another part of a scan has looked at.
    pub(super) fn merge(&mut self, other: Self) {
        for (log, theirs) in other.chunks {
            let own = self.chunks.entry(log).or_default();
            own.resize(own.len().max(theirs.len()), 0);
            own.iter_mut().zip(theirs).for_each(|(own, theirs)| *own |= theirs);
        }
    }
}

/// Where the bit of a chunk is.
fn place(chunk: u64) -> Option<(usize, u64)> {
    Some((usize::try_from(chunk / u64::from(u64::BITS)).ok()?, 1 << (chunk % u64::from(u64::BITS))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_were_looked_at_by_any_part() {
        let (mut one, mut other) = (Looked::default(), Looked::default());
        one.add(1, 3);
        other.add(1, 64);
        other.add(2, 1000);
        one.merge(other);
        let looked: Vec<(usize, u64)> = (0..4)
            .flat_map(|log| (0..2000).map(move |chunk| (log, chunk)))
            .filter(|&(log, chunk)| one.has(log, chunk))
            .collect();
        assert_eq!(looked, [(1, 3), (1, 64), (2, 1000)]);
        assert!(!one.has(1, u64::MAX));
    }

    #[test]
    fn each_process_behind_hits_is_told_once() {
        let mut behind = Behind::default();
        let guid = "{6820D070-1F1B-6323-5C02-000000001400}";
        for host in ["A", "B", "A"] {
            behind.take_texts(host, guid);
            behind.take_texts(host, "-");
        }
        assert_eq!((behind.new_ones().count(), behind.new_ones().count()), (2, 0));
        behind.take_texts("A", guid);
        assert_eq!(behind.new_ones().count(), 0);
    }
}
