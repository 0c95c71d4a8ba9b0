//! [`Queries`]: the names that processes have asked DNS for, as one cell shows them: each once, the oldest first, and no more than
//! [`MOST`].
//!
//! A process can ask for any number of names, and each of its connections can have all of them. What is kept takes no more memory than
//! that of [`MOST`] names, and is the same in whatever order names are added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many names a cell shows. Of more, it says that there are more.
pub(super) const MOST: usize = 100;

/// What the cell ends with if there are more names. It is none itself.
pub(crate) const AND_MORE: &str = "(and more)";

/// Names that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Queries {
    /// When each was asked for first: of all names, the first ones by that time and then by their text.
    first: BTreeMap<Box<str>, i128>,
    /// Whether there were others.
    are_more: bool,
}

impl Queries {
    /// What a name takes in memory besides its text, in bytes: nodes of the tree are half full at least, and the first has room for eleven.
    const OF_NAME: usize = 2 * size_of::<(Box<str>, i128)>();
    const OF_FIRST: usize = 11 * size_of::<(Box<str>, i128)>();

    /// Of these names, with when each was asked for.
    pub fn of<'a>(names: impl IntoIterator<Item = (i128, &'a str)>) -> Self {
        let mut queries = Self::default();
        queries.add_all(names);
        queries
    }

    /// Adds names. Returns what that takes in memory, in bytes.
    pub(super) fn add_all<'a>(&mut self, names: impl IntoIterator<Item = (i128, &'a str)>) -> usize {
        names.into_iter().map(|(time, name)| self.add(time, name)).sum()
    }

    /// Adds all names of another.
    pub(super) fn merge(&mut self, other: &Self) {
        self.are_more |= other.are_more;
        self.add_all(other.first.iter().map(|(name, &time)| (time, &**name)));
    }

    fn add(&mut self, time: i128, name: &str) -> usize {
        if let Some(known) = self.first.get_mut(name) {
            *known = time.min(*known);
            return 0;
        }
        if self.first.len() >= MOST {
            self.are_more = true;
            let last = self.first.iter().map(|(name, &time)| (time, &**name)).max();
            let Some(last) = last.filter(|&last| (time, name) < last).map(|(_, name)| name.to_owned()) else {
                return 0;
            };
            self.first.remove(&*last);
        }
        let of_nodes = if self.first.is_empty() { Self::OF_FIRST } else { Self::OF_NAME };
        self.first.insert(name.into(), time);
        of_nodes + 16 + name.len()
    }

    /// The cell.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut names: Vec<(i128, &str)> = self.first.iter().map(|(name, &time)| (time, &**name)).collect();
        names.sort_unstable();
        let more = self.are_more.then_some(AND_MORE);
        names.into_iter().map(|(_, name)| name).chain(more).collect::<Vec<_>>().join(";")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> String {
        format!("{number:03}.example")
    }

    #[test]
    fn a_name_stands_where_it_was_asked_for_first() {
        assert_eq!(Queries::of([(3, "b"), (2, "c"), (1, "b"), (2, "a")]).shown(), "b;a;c");
        assert_eq!(Queries::default().shown(), "");
    }

    #[test]
    fn no_more_than_the_first_are_kept_in_whatever_order_they_come() {
        // Each name is asked for twice; the later they are in the alphabet, the earlier.
        let names: Vec<String> = (0..=MOST).map(name).collect();
        let mut asked: Vec<(i128, &str)> = Vec::new();
        for (number, name) in (0..).zip(&names) {
            asked.extend([(1000 - number, &**name), (2000 + number, name)]);
        }
        let shown = Queries::of(asked.clone()).shown();
        let first: Vec<&str> = names.iter().skip(1).rev().map(String::as_str).collect();
        assert_eq!(shown, format!("{};(and more)", first.join(";")));
        asked.reverse();
        assert_eq!(Queries::of(asked.clone()).shown(), shown);
        for step in [2, 3, 7, 50] {
            let mut merged = Queries::default();
            for start in 0..step {
                merged.merge(&Queries::of(asked.iter().copied().skip(start).step_by(step)));
            }
            assert_eq!(merged.shown(), shown, "{step}");
        }
    }

    #[test]
    fn as_many_as_are_shown_are_all() {
        let names: Vec<String> = (0..MOST).map(name).collect();
        let shown = Queries::of(names.iter().map(|name| (0, &**name))).shown();
        assert_eq!(shown, names.join(";"));
    }
}
