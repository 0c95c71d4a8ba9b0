//! An [`Index`]: finds things by what they are, where the things themselves are kept elsewhere and known by their numbers.

use std::{hash::Hash, num::NonZeroU32};

use hashbrown::HashTable;

/// A number, if it is known, in as much memory as a number: it is kept as one more.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Number(Option<NonZeroU32>);

impl Number {
    /// The number, as `number` gives it if it is not known.
    pub(crate) fn get_or(&mut self, number: impl FnOnce() -> u32) -> u32 {
        if let Some(known) = self.0 {
            return known.get() - 1;
        }
        let number = number();
        self.0 = number.checked_add(1).and_then(NonZeroU32::new);
        number
    }
}

/// Numbers of things, by hashes of what they are.
///
/// The hashes are kept, so that most other things are ruled out by hash alone, and growing the index touches none: that would be a walk
/// through memory, to each in turn.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: HashTable<Entry>,
    /// Things are an attacker's choice, so that their hashes must depend on what is drawn anew for each run.
    hasher: ahash::RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: Short,
    number: u32,
}

/// A hash, half of it: of as many things as there are numbers, few have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short(u32);

impl Short {
    /// The first bits: a number below `1 << bits`, uniformly distributed. Things are divided by it among several indexes, in which their
    /// places depend on other bits.
    pub(crate) fn first_bits(self, bits: u32) -> usize {
        (self.0 >> (u32::BITS - bits)) as usize
    }

    /// A hash of which all bits count, as the table takes it.
    fn whole(self) -> u64 {
        // The golden ratio, which spreads numbers that are near to each other (D. Knuth, "Sorting and Searching", 6.4).
        u64::from(self.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl Index {
    /// What a thing takes in it at most, in bytes: the table is half full at least.
    pub(crate) const EACH: usize = 2 * (size_of::<Entry>() + 1);

    /// The hash of what a thing is.
    pub(crate) fn hash(&self, thing: &(impl Hash + ?Sized)) -> Short {
        Short((self.hasher.hash_one(thing) >> u32::BITS) as u32)
    }

    /// The number of the thing with this hash that is the one.
    pub(crate) fn find(&self, hash: Short, is: impl Fn(u32) -> bool) -> Option<u32> {
        let found = self.entries.find(hash.whole(), |entry| entry.hash == hash && is(entry.number));
        found.map(|entry| entry.number)
    }

    /// None, of things with the same hashes.
    pub(crate) fn of_same_hashes(&self) -> Self {
        Self { entries: HashTable::default(), hasher: self.hasher.clone() }
    }

    /// Adds a thing that is not in it.
    pub(crate) fn insert(&mut self, hash: Short, number: u32) {
        self.entries.insert_unique(hash.whole(), Entry { hash, number }, |entry| entry.hash.whole());
    }

    /// Makes room for so many more.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.entries.reserve(more, |entry| entry.hash.whole());
    }

    /// Forgets all, and keeps the memory for as much again.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_found_whatever_their_hashes_are() {
        let things: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
        for bits in [u32::MAX, 7] {
            let mut index = Index::default();
            let hash = |index: &Index, thing: &str| Short(index.hash(thing).0 & bits);
            let find =
                |index: &Index, thing: &str| index.find(hash(index, thing), |number| things[number as usize] == thing);
            for (thing, number) in things.iter().zip(0..) {
                assert_eq!(find(&index, thing), None);
                index.insert(hash(&index, thing), number);
            }
            assert!(things.iter().zip(0..).all(|(thing, number)| find(&index, thing) == Some(number)));
            index.clear();
            assert_eq!(find(&index, "1"), None);
        }
    }
}
