//! A [`Pattern`]: a text in which `*` stands for any text, also for none; or a range of ports, or a network.

use std::{net::IpAddr, ops::RangeInclusive};

use ipnet::IpNet;

use crate::connection::cidr;

/// What a value has to be, in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// As it was given.
    text: String,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// What is between the wildcards, folded.
    Pieces(Vec<String>),
    /// Ports.
    Range(RangeInclusive<u16>),
    /// Addresses in a network.
    Network(IpNet),
}

impl Pattern {
    /// Of a text with wildcards or without.
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), form: Form::Pieces(pieces(&folded(text))) }
    }

    /// Of a name with wildcards or without, which is the same with a dot at its end.
    pub(crate) fn of_name(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::new(undotted(text)) }
    }

    /// Of a range of ports, as in `8000-8999`; `None` if it is none, or an empty one.
    pub(crate) fn range(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let range = number(first)?..=number(last)?;
        (!range.is_empty()).then(|| Self { text: text.to_owned(), form: Form::Range(range) })
    }

    /// Of a network or an address, as in `192.0.2.0/24`; `None` of any other text without a `/`.
    ///
    /// # Errors
    ///
    /// See [`cidr::parse`].
    pub(crate) fn network(text: &str) -> Result<Option<Self>, String> {
        match cidr::parse(text) {
            Ok(network) => Ok(Some(Self { text: text.to_owned(), form: Form::Network(network) })),
            Err(wrong) if text.contains('/') => Err(wrong),
            Err(_) => Ok(None),
        }
    }

    /// The pattern as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there is a text that both this and another pattern with wildcards stand for.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        meet(&folded(&self.text), &folded(&other.text))
    }

    /// Whether a folded text is one of those that it stands for.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match &self.form {
            Form::Pieces(pieces) => fit(pieces, text),
            Form::Range(range) => text.parse().is_ok_and(|number| range.contains(&number)),
            Form::Network(network) => text.parse::<IpAddr>().is_ok_and(|address| network.contains(&address)),
        }
    }
}

/// A name of a host without the dot that can be at its end.
pub(crate) fn undotted(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Whether a name is what a pattern for names of processes stands for, in any ASCII case, as Splunk's `search` compares.
pub(crate) fn names(pattern: &str, name: &str) -> bool {
    if pattern.contains('*') {
        fit(&pieces(&pattern.to_ascii_lowercase()), &name.to_ascii_lowercase())
    } else {
        pattern.eq_ignore_ascii_case(name)
    }
}

/// A text that every name has that a pattern stands for, the longest that tells names apart; `None` if there is none.
pub(crate) fn literal(pattern: &str) -> Option<&str> {
    let pieces = pattern.split('*').filter(|piece| !piece.is_empty());
    pieces.max_by_key(|piece| (!piece.eq_ignore_ascii_case(".exe"), piece.len()))
}

fn pieces(pattern: &str) -> Vec<String> {
    pattern.split('*').map(str::to_owned).collect()
}

/// Whether a text has the pieces in their order, the first at its start and the last at its end.
fn fit<'a>(pieces: &[String], text: &'a str) -> bool {
    match pieces {
        [first, middle @ .., last] => {
            let inside = text.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last));
            // The first place that a piece is found at leaves most for those behind it.
            let behind = |rest: &'a str, piece: &String| rest.split_once(&**piece).map(|(_, behind)| behind);
            inside.and_then(|rest| middle.iter().try_fold(rest, behind)).is_some()
        }
        whole => whole.concat() == text,
    }
}

/// Whether there is a text that two patterns with wildcards stand for.
fn meet(one: &str, other: &str) -> bool {
    let other: Vec<char> = other.chars().collect();
    // For each start of the other pattern, whether it stands for a text that the start of this one does, up to which it is read.
    let mut reached = vec![true];
    reached.extend(other.iter().scan(true, |all, c| {
        *all &= *c == '*';
        Some(*all)
    }));
    for c in one.chars() {
        let mut next = Vec::with_capacity(reached.len());
        next.push(c == '*' && reached.first() == Some(&true));
        for (known, behind) in reached.windows(2).zip(&other) {
            let [both, without] = [known.first(), known.last()].map(|known| known == Some(&true));
            let is_any = c == '*' || *behind == '*';
            let is_met = if is_any { without || next.last() == Some(&true) } else { both && c == *behind };
            next.push(is_met);
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

/// A text without its case, letter by letter: two that differ in case only, in any script, are the same.
///
/// Lower case is not enough, since some letters have several: `ς` and `σ`, or `ſ` and `s`.
pub(crate) fn folded(text: &str) -> String {
    let lower = text.chars().flat_map(char::to_lowercase);
    lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).matches(&folded(text))
    }

    #[test]
    fn a_star_stands_for_any_text_and_nothing_else_is_special() {
        for (pattern, text) in [
            ("ws01", "WS01"),
            ("*", ""),
            ("*", "anything"),
            ("ws*", "WS"),
            ("*01", "WS01"),
            ("w*0*1", "ws0x01"),
            ("a**c", "abc"),
            ("*b*", "abc"),
            ("a.c?[d]", "A.C?[D]"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("ws01", "ws011"), ("ws*", "xws"), ("a*a", "a"), ("a*b*c", "ac"), ("a.c", "abc"), ("", "x"), ("a*", "")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_meet_where_a_text_fits_both() {
        for (one, other) in [
            ("", ""),
            ("", "*"),
            ("*", "*"),
            ("a", "A"),
            (r"*\a.exe", r"C:\*"),
            (r"C:\Users\*\a.exe", r"*\*.exe"),
            ("a*c", "*b*"),
            ("ab*", "*ba"),
        ] {
            assert!(meet(&folded(one), &folded(other)) && meet(&folded(other), &folded(one)), "{one} {other}");
        }
        for (one, other) in [("", "a"), ("a", "b"), ("a*", "b*"), ("*a", "*b"), (r"*\a.exe", r"*\b.exe"), ("a*b", "a")]
        {
            assert!(!meet(one, other) && !meet(other, one), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn patterns_that_fit_a_text_meet(text in "[ab]{0,6}", cuts in prop::collection::vec((0usize..7, 0usize..7), 2)) {
            let patterns: Vec<String> = cuts.iter().map(|&(from, size)| {
                let from = from.min(text.len());
                let to = (from + size).min(text.len());
                format!("{}*{}", &text[..from], &text[to..])
            }).collect();
            prop_assert!(meet(&patterns[0], &patterns[1]), "{patterns:?}");
        }
    }

    #[test]
    fn case_is_ignored_in_every_script() {
        for (pattern, text) in [
            ("дом", "ДОМ"),
            ("ÄÖÜ*", "äöü1"),
            ("οδοσ*", "ΟΔΟΣ"),
            ("ΟΔΟΣ", "οδος"),
            ("strasse", "straße"),
            ("STRAẞE", "straße"),
            ("KELVIN", "\u{212a}elvin"),
            ("İstanbul", "i\u{307}stanbul"),
            ("ſ", "S"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
            assert!(matches(text, pattern) || pattern.contains('*'), "{text} {pattern}");
        }
    }

    #[test]
    fn a_range_has_both_its_ends_and_is_of_ports() {
        let range = Pattern::range("80-443").unwrap();
        for (text, is_in) in [("79", false), ("80", true), ("443", true), ("444", false), ("", false), ("http", false)]
        {
            assert_eq!(range.matches(text), is_in, "{text}");
        }
        for text in ["443", "443-80", "-", "80-", "-80", "80-65536", "+80-90", "80-90-100", "a-b"] {
            assert_eq!(Pattern::range(text), None, "{text}");
        }
    }

    #[test]
    fn names_of_processes_match_in_ascii_case_only_and_have_the_literal_of_their_pattern() {
        for (pattern, name, is_it) in [
            ("regsvcs.exe", "RegSvcs.exe", true),
            ("reg*.exe", "REGSVCS.EXE", true),
            ("*", "", true),
            ("k*", "\u{212a}.exe", false),
            ("regs*", "regſvcs.exe", false),
        ] {
            assert_eq!(names(pattern, name), is_it, "{pattern} {name}");
        }
        let literals = ["reg*.exe", "*", "**svc*", "a.exe", "*.exe"].map(literal);
        assert_eq!(literals, [Some("reg"), None, Some("svc"), Some("a.exe"), Some(".exe")]);
    }

    proptest! {
        #[test]
        fn a_pattern_agrees_with_trying_every_place(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
            fn slow(pattern: &[u8], text: &[u8]) -> bool {
                match pattern {
                    [] => text.is_empty(),
                    [b'*', rest @ ..] => (0..=text.len()).any(|at| slow(rest, &text[at..])),
                    [letter, rest @ ..] => text.first() == Some(letter) && slow(rest, &text[1..]),
                }
            }
            prop_assert_eq!(matches(&pattern, &text), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
