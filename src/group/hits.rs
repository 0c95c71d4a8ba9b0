//! [`Hits`]: every hit with where it is from, in the order of time. For the report of events and for duplicates.
//!
//! They can be more than fit into memory, and are then spilled ([`crate::group::spill`]).

use std::io;

use jiff::Timestamp;

use crate::{
    connection::glossary::Field,
    group::{
        hit::{Hit, Place},
        kept::{Kept, Ordered},
        spill::{Each, SortedRuns, Sorter},
    },
    join::{self, Join},
};

/// Hits, collected in any order.
#[derive(Debug)]
pub struct Hits {
    kept: Kept,
    /// How much those in memory may take, in bytes.
    room: usize,
    spilled: Sorter<Hit>,
}

impl Hits {
    /// None yet. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self { kept: Kept::default(), room, spilled: Sorter::new(usize::MAX) }
    }

    /// Adds a hit.
    pub fn push(&mut self, hit: Hit) {
        self.kept.push(hit);
        self.spill_if_full();
    }

    /// The number of a text, for [`push_numbers`](Self::push_numbers). It is good for this [generation](Self::generation).
    pub fn number(&mut self, text: &str) -> u32 {
        self.kept.texts.number(text)
    }

    /// Which numbers texts have: others, once those before are spilled.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.spilled.runs()
    }

    /// Adds a hit of these rules whose fields have these numbers, and its ends if they are told.
    pub fn push_numbers(
        &mut self,
        fields: &[u32; Field::ALL.len()],
        ends: Option<[u32; Field::ENDS.len()]>,
        time: Option<Timestamp>,
        place: Place<'_>,
        rules: &[usize],
    ) {
        self.kept.push_numbers(fields, ends, time, place, rules);
        self.spill_if_full();
    }

    /// Adds what another part of the scan has found.
    pub fn merge(&mut self, mut other: Self) {
        self.spilled.merge(other.spilled);
        if self.kept.len() < other.kept.len() {
            std::mem::swap(&mut self.kept, &mut other.kept);
        }
        self.kept.add(other.kept);
        self.spill_if_full();
    }

    fn spill_if_full(&mut self) {
        if self.kept.size() >= self.room || self.kept.is_full() {
            let kept = std::mem::take(&mut self.kept).into_ordered(join::one_by_one);
            self.spilled.spill_sorted(kept.iter());
        }
    }

    /// The hits, sorted.
    ///
    /// # Errors
    ///
    /// They could not be spilled.
    pub fn into_sorted(self) -> io::Result<SortedHits> {
        self.into_sorted_by(join::one_by_one)
    }

    /// The same. `join` does pieces of work at the same time, if it can.
    pub(crate) fn into_sorted_by(mut self, join: Join) -> io::Result<SortedHits> {
        let kept = self.kept.into_ordered(join);
        if self.spilled.is_empty() {
            return Ok(SortedHits(Sorted::InMemory(Box::new(kept))));
        }
        self.spilled.spill_sorted(kept.iter());
        Ok(SortedHits(Sorted::Spilled(self.spilled.into_sorted()?)))
    }
}

/// Hits in order, in memory or spilled.
#[derive(Debug)]
pub struct SortedHits(Sorted);

#[derive(Debug)]
enum Sorted {
    InMemory(Box<Ordered>),
    Spilled(SortedRuns<Hit>),
}

impl SortedHits {
    /// The hits, one by one. Each pass gives the same.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn pass(&self) -> io::Result<Each<'_, Hit>> {
        Ok(match &self.0 {
            Sorted::InMemory(kept) => Box::new(kept.iter().map(Ok)),
            Sorted::Spilled(runs) => Box::new(runs.pass()?),
        })
    }

    /// One hit at least of all that have the same texts in these fields.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn pass_of<const N: usize>(&self, fields: [Field; N]) -> io::Result<Each<'_, Hit>> {
        match &self.0 {
            Sorted::InMemory(kept) => Ok(Box::new(kept.iter_of(fields).map(Ok))),
            Sorted::Spilled(_) => self.pass(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn of_hits_with_the_same_texts_in_some_fields_there_is_one_however_they_are_kept() {
        for (room, expected) in [(usize::MAX, 6), (1, 60)] {
            let mut hits = Hits::new(room);
            for number in 0..60 {
                let (host, port) = ((number % 3).to_string(), (number % 2).to_string());
                let text = |field| match field {
                    Field::Dvc => &*host,
                    Field::DestPort => &*port,
                    _ => "x",
                };
                let time = Timestamp::from_second(number).ok();
                hits.push(Hit::new(Field::ALL.into_iter().map(text), time, Place::default(), [0]));
            }
            let sorted = hits.into_sorted().unwrap();
            let of: Vec<Hit> = sorted.pass_of([Field::Dvc, Field::DestPort]).unwrap().map(Result::unwrap).collect();
            let told: BTreeSet<_> = of.iter().map(|hit| [hit.get(Field::Dvc), hit.get(Field::DestPort)]).collect();
            assert_eq!((told.len(), of.len()), (6, expected), "{room}");
            assert_eq!(sorted.pass().unwrap().count(), 60);
        }
    }
}
