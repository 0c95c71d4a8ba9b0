//! [`Texts`]: texts that are kept once each, and are known by their numbers.

use std::sync::Arc;

use crate::{
    bytes,
    group::key::Values,
    index::{Index, Number},
    join::{self, Join},
};

/// How many numbers are given at most, for what is kept by numbers to say that it is full before they are used up.
pub(super) const MOST_NUMBERS: usize = u32::MAX as usize - (1 << 16);

/// Texts, each with a number: how many were met before it.
#[derive(Debug, Default)]
pub struct Texts {
    /// By their numbers.
    known: Values,
    numbers: Index,
}

impl Texts {
    /// The number of a text, which is added if it is new.
    pub fn number(&mut self, text: &str) -> u32 {
        let hash = self.numbers.hash(text);
        if let Some(number) = self.numbers.find(hash, |number| self.is(number, text)) {
            return number;
        }
        let number = u32::try_from(self.len()).unwrap_or(u32::MAX);
        self.known.push(text);
        self.numbers.insert(hash, number);
        number
    }

    /// Adds the texts of another. Returns the number of each by the one that it has there.
    pub fn add(&mut self, other: &Self) -> Vec<u32> {
        other.known.iter().map(|text| self.number(text)).collect()
    }

    /// The text with this number; nothing if there is none.
    #[must_use]
    pub fn get(&self, number: u32) -> &str {
        self.known.get(number as usize)
    }

    /// Whether the text with this number is this one.
    #[must_use]
    pub fn is(&self, number: u32, text: &str) -> bool {
        bytes::same(self.get(number).as_bytes(), text.as_bytes())
    }

    /// All of them, by their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.known.iter()
    }

    /// How long they are together, in bytes.
    #[must_use]
    pub fn text_size(&self) -> usize {
        self.known.size()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// What they take in memory at most, in bytes: each vector is half full at least.
    #[must_use]
    pub fn size(&self) -> usize {
        2 * (self.known.size() + size_of::<usize>() * self.len()) + Index::EACH * self.len()
    }

    /// Forgets all, and keeps the memory for as much again.
    pub fn clear(&mut self) {
        self.known.clear();
        self.numbers.clear();
    }

    /// Puts them in order, so that their numbers are. Returns the new number of each by its old one.
    pub(crate) fn put_in_order(&mut self, join: Join) -> Vec<u32> {
        // Nearly all are told apart by how they start, without a walk through memory for each pair.
        let mut in_order: Vec<(u64, u32)> = self.known.iter().map(start).zip(0..).collect();
        let text = |number| self.get(number);
        let compare = |one: &(u64, u32), two: &(u64, u32)| one.0.cmp(&two.0).then_with(|| text(one.1).cmp(text(two.1)));
        join::sort_by(join, &mut in_order, &compare);
        let mut ordered = Values::with_room(self.len(), self.known.size());
        let mut ranks = vec![0; in_order.len()];
        for (rank, (_, number)) in (0..).zip(in_order) {
            ordered.push(self.get(number));
            if let Some(place) = ranks.get_mut(number as usize) {
                *place = rank;
            }
        }
        // None is asked for its number again.
        *self = Self { known: ordered, ..Self::default() };
        ranks
    }
}

/// The numbers that texts have elsewhere, by those that they have here.
#[derive(Debug, Default)]
pub struct Translation {
    of: Option<Arc<Texts>>,
    numbers: Vec<Number>,
}

impl Translation {
    /// Forgets all that is of other texts than these.
    pub(super) fn turn_to(&mut self, texts: &Arc<Texts>) {
        if !self.of.as_ref().is_some_and(|known| Arc::ptr_eq(known, texts)) {
            *self = Self { of: Some(Arc::clone(texts)), numbers: vec![Number::default(); texts.len()] };
        }
    }

    /// The number elsewhere of the text with this number, as `number` gives it if it was not asked for.
    pub(super) fn get(&mut self, here: u32, number: impl FnOnce(&str) -> u32) -> u32 {
        let Self { of, numbers } = self;
        let number = || number(of.as_ref().map_or("", |texts| texts.get(here)));
        match numbers.get_mut(here as usize) {
            Some(known) => known.get_or(number),
            None => number(),
        }
    }
}

/// The first bytes of a text as a number, which is in order as texts are that differ in these.
fn start(text: &str) -> u64 {
    let mut start = [0; 8];
    start.iter_mut().zip(text.bytes()).for_each(|(start, byte)| *start = byte);
    u64::from_be_bytes(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_found_by_its_number() {
        let mut texts = Texts::default();
        let all: Vec<String> = (0..1000).map(|number| (number * 7 % 500).to_string()).collect();
        let numbers: Vec<u32> = all.iter().map(|text| texts.number(text)).collect();
        assert_eq!((texts.len(), texts.get(500)), (500, ""));
        assert!(all.iter().zip(numbers).all(|(text, number)| texts.get(number) == text));
    }

    #[test]
    fn numbers_are_in_the_order_of_the_texts() {
        let mut texts = Texts::default();
        let all = ["b", "", "ab", "a", "ä", "abcdefgh2", "a\0", "abcdefgh", "abcdefgh1", "\u{10ffff}"];
        let numbered = all.map(|text| texts.number(text));
        let ranks = texts.put_in_order(join::one_by_one);
        assert!(all.iter().zip(numbered).all(|(text, number)| texts.get(ranks[number as usize]) == *text));
        assert!((1..10).all(|number| texts.get(number - 1) < texts.get(number)));
    }
}
