//! [`Facts`]: what events say of processes, each fact once, spilled where they do not fit into memory.

use std::{collections::HashSet, io};

use crate::{
    connection::process::Fact,
    group::spill::{SortedRuns, Sorter},
};

/// Facts, collected in any order. Logs that were collected twice tell the same, and take no more memory.
#[derive(Debug)]
pub struct Facts {
    told: HashSet<Fact, ahash::RandomState>,
    /// What they take in memory, in bytes, and may take.
    size: usize,
    room: usize,
    spilled: Sorter<Fact>,
}

impl Facts {
    /// None yet. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self { told: HashSet::default(), size: 0, room, spilled: Sorter::new(room) }
    }

    /// Adds a fact.
    pub fn push(&mut self, fact: Fact) {
        let size = fact.size();
        if self.told.insert(fact) {
            self.size = self.size.saturating_add(size);
        }
        if self.size >= self.room {
            self.spill();
        }
    }

    /// Adds what another part of the scan has collected.
    pub fn merge(&mut self, mut other: Self) {
        self.spilled.merge(other.spilled);
        if self.told.len() < other.told.len() {
            std::mem::swap(&mut self.told, &mut other.told);
            self.size = other.size;
        }
        other.told.into_iter().for_each(|fact| self.push(fact));
    }

    /// The facts, sorted.
    ///
    /// # Errors
    ///
    /// They could not be spilled.
    pub fn into_sorted(mut self) -> io::Result<SortedRuns<Fact>> {
        if self.spilled.is_empty() {
            // They are within the room as they are.
            self.spilled = Sorter::new(usize::MAX);
            self.told.drain().for_each(|fact| self.spilled.push(fact, 0));
        } else {
            self.spill();
        }
        self.spilled.into_sorted()
    }

    /// Spills what is in memory.
    fn spill(&mut self) {
        let mut told: Vec<Fact> = self.told.drain().collect();
        told.sort_unstable();
        self.spilled.spill_sorted(told.into_iter());
        self.size = 0;
    }
}
