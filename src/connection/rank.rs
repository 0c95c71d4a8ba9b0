//! A [`Rank`]: which of several events that state the same fact of a process counts.
//!
//! A log can be damaged, or be an export that lacks fields: the event that states most comes first, then the earliest, then the longest.
//! A rank is a few numbers, so that whoever keeps some of an event's texts, or none, chooses as those do that keep all of them.

use std::cmp::Reverse;

/// The rank of an event among those that state the same fact. The first counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    missing: u8,
    /// Nanoseconds since 1970. One that is not stated is behind all others.
    time: i128,
    weight: Weight,
}

/// The same among events of the same time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight {
    /// How many texts are not stated.
    missing: u8,
    /// How many characters can be seen of them: a damaged log can have blanks, zeros or characters that cannot be read in their place.
    length: Reverse<u32>,
    /// Tells texts of the same length apart.
    checksum: u32,
}

/// Tells the weight of an event, text by text.
#[derive(Debug, Default)]
pub struct Weighing {
    missing: u8,
    length: usize,
    checksum: crc32fast::Hasher,
}

impl Weighing {
    /// Takes the next text, which is empty if it is not stated.
    pub fn add(&mut self, text: &str) {
        self.missing += u8::from(text.is_empty());
        self.length += seen(text);
        self.checksum.update(text.as_bytes());
        // No text has this byte, so that it counts where one ends and the next starts.
        self.checksum.update(&[u8::MAX]);
    }

    /// The weight of an event with these texts.
    #[must_use]
    pub fn weight(self) -> Weight {
        let length = Reverse(u32::try_from(self.length).unwrap_or(u32::MAX));
        Weight { missing: self.missing, length, checksum: self.checksum.finalize() }
    }
}

/// How many characters can be seen of a text.
fn seen(text: &str) -> usize {
    // Nearly all texts are ASCII, which is seen many bytes at a time.
    if text.is_ascii() {
        return text.bytes().filter(u8::is_ascii_graphic).count();
    }
    let is_seen = |&char: &char| !char.is_whitespace() && !char.is_control() && char != char::REPLACEMENT_CHARACTER;
    text.chars().filter(is_seen).count()
}

impl Weight {
    /// Of an event with these texts, which are empty where they are not stated.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut weighing = Weighing::default();
        texts.into_iter().for_each(|text| weighing.add(text));
        weighing.weight()
    }

    /// The rank of an event with this weight at a time.
    #[must_use]
    pub fn at(self, time: Option<i128>) -> Rank {
        Rank { missing: self.missing, time: time.unwrap_or(i128::MAX), weight: self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_states_most_comes_first_then_the_earliest_then_the_longest() {
        let rank = |time, texts: [&str; 2]| Weight::of(texts).at(time);
        let in_order = [
            rank(Some(1), ["longest", "b"]),
            rank(Some(1), ["long", "b"]),
            rank(Some(1), ["lo  ", "b"]),
            rank(Some(1), ["l\0\u{fffd}\n", "b"]),
            rank(Some(2), ["longest", "b"]),
            rank(None, ["longest", "b"]),
            rank(Some(0), ["the very longest", ""]),
        ];
        assert!(in_order.is_sorted_by(|one, next| one < next), "{in_order:?}");
    }

    #[test]
    fn what_is_seen_of_ascii_is_what_is_seen_of_any_text() {
        let all: String = (0..=0x7f_u8).map(char::from).collect();
        assert_eq!((seen(&all), seen(&format!("{all}ü"))), (94, 95));
    }

    #[test]
    fn texts_of_the_same_length_are_told_apart() {
        let all = [["ab", "c"], ["a", "bc"], ["ac", "b"], ["c", "ab"]].map(|texts| Weight::of(texts).checksum);
        assert!((1..all.len()).all(|place| !all[..place].contains(&all[place])), "{all:?}");
    }
}
