//! [`Texts`]: texts that are kept once each, and are known by their numbers.

use hashbrown::HashTable;

/// Texts, each with a number: how many were met before it.
#[derive(Debug, Default)]
pub struct Texts {
    text: String,
    /// Where each ends in `text`.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
    /// Texts are an attacker's choice, so that their hashes must depend on what is drawn anew for each run.
    hasher: ahash::RandomState,
}

impl Texts {
    /// The number of a text, which is added if it is new.
    pub fn number(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        if let Some(&number) = self.numbers.find(hash, |&number| self.get(number) == text) {
            return number;
        }
        let number = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.text.push_str(text);
        self.ends.push(self.text.len());
        let Self { text, ends, numbers, hasher } = self;
        numbers.insert_unique(hash, number, |&number| hasher.hash_one(text_of(text, ends, number)));
        number
    }

    /// The text with this number; nothing if there is none.
    #[must_use]
    pub fn get(&self, number: u32) -> &str {
        text_of(&self.text, &self.ends, number)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// What they take in memory at most, in bytes: each vector, and the table, are half full at least.
    #[must_use]
    pub fn size(&self) -> usize {
        const EACH: usize = size_of::<usize>() + size_of::<u32>() + 1;
        2 * (self.text.len() + EACH * self.ends.len())
    }

    /// Forgets all, and keeps the memory for as much again.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.numbers.clear();
    }

    /// Puts them in order, so that their numbers are. Returns the new number of each by its old one.
    pub fn put_in_order(&mut self) -> Vec<u32> {
        let mut in_order: Vec<u32> = (0..u32::MAX).take(self.len()).collect();
        in_order.sort_unstable_by_key(|&number| self.get(number));
        let mut ordered = Self { text: String::with_capacity(self.text.len()), ..Self::default() };
        let mut ranks = vec![0; in_order.len()];
        for (rank, number) in (0..).zip(in_order) {
            ordered.text.push_str(self.get(number));
            ordered.ends.push(ordered.text.len());
            if let Some(place) = ranks.get_mut(number as usize) {
                *place = rank;
            }
        }
        // None is asked for its number again.
        *self = ordered;
        ranks
    }
}

fn text_of<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let start = number.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    ends.get(number).and_then(|&end| text.get(start..end)).unwrap_or_default()
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
        for text in ["b", "", "ab", "a", "ä"] {
            texts.number(text);
        }
        assert_eq!(texts.put_in_order(), [3, 0, 2, 1, 4]);
        assert_eq!([0, 1, 2, 3, 4].map(|number| texts.get(number)), ["", "a", "ab", "b", "ä"]);
    }
}
