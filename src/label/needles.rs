//! [`Needles`]: texts that are looked for in another one, all at once, however many there are.
//!
//! Sorted texts form a forest, as networks do: all texts that start with a needle follow it. So the needles at a place of a text are the
//! last one that does not sort behind what stands there, or else needles that this one starts with. They are found by bisection, and made
//! by sorting. An automaton finds them faster, but takes 30 times as much memory, and `aho-corasick` takes time for it that grows with the
//! square of how many there are, if many start with others.

use std::collections::HashSet;

/// Needles.
#[derive(Debug, Default)]
pub(super) struct Needles {
    /// Sorted, each once, and none empty.
    texts: Vec<Box<str>>,
    /// For each, the place of the longest other one that it starts with.
    starts: Vec<Option<u32>>,
}

impl Needles {
    /// Of sorted texts, each once, and none empty.
    pub(super) fn new(texts: Vec<Box<str>>) -> Self {
        let mut starts = Vec::with_capacity(texts.len());
        let mut open: Vec<(u32, &str)> = Vec::new();
        for (place, text) in (0..).zip(&texts) {
            while open.pop_if(|(_, start)| !text.starts_with(*start)).is_some() {}
            starts.push(open.last().map(|&(start, _)| start));
            open.push((place, text));
        }
        Self { texts, starts }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Whether `is_one` says so of a needle that a text has, by its place. It is asked of each once, however often the text has it.
    pub(super) fn any_in(&self, text: &str, mut is_one: impl FnMut(usize) -> bool) -> bool {
        let mut met = HashSet::new();
        (0..text.len()).any(|at| {
            let rest = text.as_bytes().get(at..).unwrap_or_default();
            let behind = self.texts.partition_point(|needle| needle.as_bytes() <= rest);
            let mut next = behind.checked_sub(1);
            while let Some((place, needle)) = next.and_then(|place| Some((place, self.texts.get(place)?))) {
                if rest.starts_with(needle.as_bytes()) {
                    // Those that it starts with were met with it.
                    if !met.insert(place) {
                        break;
                    }
                    if is_one(place) {
                        return true;
                    }
                }
                next = self.starts.get(place).copied().flatten().and_then(|start| usize::try_from(start).ok());
            }
            false
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn needles<'a>(texts: impl Iterator<Item = &'a str>) -> Needles {
        let sorted: BTreeSet<&str> = texts.collect();
        Needles::new(sorted.into_iter().map(Into::into).collect())
    }

    #[test]
    fn what_starts_with_another_is_found_with_it_and_without() {
        let needles = needles(["a", "ab", "abc", "b", "bcd", "ü"].into_iter());
        let found = |text: &str| {
            let mut found = Vec::new();
            needles.any_in(text, |place| {
                found.push(&*needles.texts[place]);
                false
            });
            found.join(" ")
        };
        assert_eq!(found("xabcab"), "abc ab a b");
        assert_eq!(found("abd"), "ab a b");
        assert_eq!(found("xü"), "ü");
        assert_eq!(found(""), "");
        assert!(Needles::default().is_empty() && !Needles::default().any_in("a", |_| true));
    }

    proptest! {
        #[test]
        fn finding_agrees_with_asking_each(
            texts in prop::collection::btree_set("[ab]{1,5}", 0..12), text in "[abc]{0,12}"
        ) {
            let needles = needles(texts.iter().map(String::as_str));
            let mut found = BTreeSet::new();
            needles.any_in(&text, |place| {
                assert!(found.insert(needles.texts[place].to_string()));
                false
            });
            let slow: BTreeSet<String> = texts.into_iter().filter(|needle| text.contains(&**needle)).collect();
            prop_assert_eq!(found, slow);
        }
    }
}
