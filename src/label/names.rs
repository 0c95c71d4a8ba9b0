//! [`Names`]: domain names that are on a list, alone or with those below them. What a list is, is not known here.
//!
//! A name is found by hashing it and each of its ends, so that it takes as long with a million names as with one.

use std::collections::HashSet;

use crate::connection::pattern::{folded, undotted};

/// The longest name that DNS has, and the longest part of one, in bytes.
const LONGEST: usize = 253;
const LONGEST_PART: usize = 63;

/// Names in lower case, without the dot at their end.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// These alone.
    exact: HashSet<Box<str>>,
    /// These, and all below them.
    with_below: HashSet<Box<str>>,
    /// Only what is below these.
    below: HashSet<Box<str>>,
    /// How long the longest of all is, in bytes.
    longest: usize,
}

/// What of a name is on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The name alone.
    Exact,
    /// The name and all names below it.
    WithBelow,
    /// Names below it alone.
    Below,
}

impl Names {
    /// Adds a name that [`name`] has returned.
    pub(super) fn add(&mut self, name: String, reach: Reach) {
        let names = match reach {
            Reach::Exact => &mut self.exact,
            Reach::WithBelow => &mut self.with_below,
            Reach::Below => &mut self.below,
        };
        self.longest = self.longest.max(name.len());
        names.insert(name.into());
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.with_below.is_empty() && self.below.is_empty()
    }

    /// Whether a folded name without a dot at its end is one of them.
    ///
    /// Of a name of any length, which evidence can have, only the ends are looked up that can be found.
    pub(super) fn has(&self, name: &str) -> bool {
        let can_be_one = |end: &&str| end.len() <= self.longest;
        let above = || name.match_indices('.').filter_map(|(at, _)| name.get(at + 1..)).filter(can_be_one);
        self.exact.contains(name)
            || self.with_below.contains(name)
            || above().any(|end| self.with_below.contains(end) || self.below.contains(end))
    }
}

/// A name as it is compared: in lower case, without a dot at its end. `None` if the text cannot be the name of a host or a domain.
///
/// Its parts have letters of any script, digits, `-` and `_`, as hosts of Windows have. The last one is not a number: `1.2.3` is a
/// mistaken address. Nor is `-` a name: Sysmon writes it for what is not stated.
pub(super) fn name(text: &str) -> Option<String> {
    let name = undotted(text);
    let is_of_name = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let is_part = |part: &str| !part.is_empty() && part.len() <= LONGEST_PART && part.chars().all(is_of_name);
    let is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    let has_any = name.chars().any(char::is_alphanumeric);
    (name.len() <= LONGEST && name.split('.').all(is_part) && has_any && !is_number).then(|| folded(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_itself_and_by_what_is_above_it() {
        let mut names = Names::default();
        for (text, reach) in
            [("Only.example", Reach::Exact), ("evil.test.", Reach::WithBelow), ("cdn.net", Reach::Below)]
        {
            names.add(name(text).unwrap(), reach);
        }
        for (name, is_one) in [
            ("only.example", true),
            ("www.only.example", false),
            ("evil.test", true),
            ("a.b.evil.test", true),
            ("notevil.test", false),
            ("test", false),
            ("cdn.net", false),
            ("x.cdn.net", true),
            ("", false),
            (".evil.test", true),
        ] {
            assert_eq!(names.has(name), is_one, "{name}");
        }
    }

    #[test]
    fn the_end_of_a_name_longer_than_dns_has_is_found_and_only_what_can_be_one_is_looked_up() {
        let mut names = Names::default();
        names.add(name("evil.test").unwrap(), Reach::WithBelow);
        let dots = ".".repeat(1 << 20);
        assert!(names.has(&format!("{dots}evil.test")));
        assert!(!names.has(&format!("{dots}notevil.test")) && !names.has(&dots));
        assert!(!Names::default().has(&dots));
    }

    #[test]
    fn what_cannot_be_a_name_is_none() {
        let long = "a".repeat(64);
        for text in [
            "",
            ".",
            "a..b",
            "1.2.3",
            "300.1.2.3",
            "10.0.0.0/33",
            "http://x.example",
            "a b",
            "evil[.]test",
            "x:1",
            "-",
            "-.",
            "_",
            "-.-",
            &long,
        ] {
            assert_eq!(name(text), None, "{text}");
        }
        assert_eq!(name("BÜCHER.example.").as_deref(), Some("bücher.example"));
        assert_eq!(name("WS_01").as_deref(), Some("ws_01"));
        assert_eq!(name("-a").as_deref(), Some("-a"));
    }
}
