//! Text that fits: as wide as a terminal shows it, with what is invisible made visible, and shortened to a width.
//!
//! The width of a character is that of the crate `unicode-width`. Which part of a text may go is a matter of what it is: a host keeps
//! its start, a domain both ends, a path the name behind its last `\`.

use std::{borrow::Cow, fmt::Write};

use unicode_width::UnicodeWidthChar;

use crate::{connection::glossary::base_name, text};

/// What of a text stays when it is shortened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Its start, as of a host.
    Start,
    /// A bit of its start, and its end: a domain's owner is there.
    Ends,
    /// What is behind the last `\`, with as many of the folders as fit; the ends of that if it is too long.
    Name,
}

/// Marks without a width of their own that a character can have. Scripts need two.
const MARKS: usize = 2;

/// `value` as [`text::printable`], and with escapes for marks that are heaped on one character.
pub(super) fn visible(value: &str) -> Cow<'_, str> {
    let printable = text::printable(value);
    if printable.is_ascii() {
        return printable;
    }
    let mut out = String::with_capacity(printable.len());
    let mut marks = 0;
    for c in printable.chars() {
        marks = if width_of(c) == 0 { marks + 1 } else { 0 };
        if marks > MARKS {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out.into()
}

/// How many columns of a terminal `text` takes.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(width_of).sum() }
}

/// `text` in at most `to` columns, with `…` where something is left out.
pub(super) fn shorten(text: &str, to: usize, keep: Keep) -> Cow<'_, str> {
    if width(text) <= to {
        return text.into();
    }
    let room = to.saturating_sub(1);
    match keep {
        Keep::Start => format!("{}…", head(text, room)),
        Keep::Ends => {
            let start = head(text, room / 3);
            format!("{start}…{}", tail(text, room - width(start)))
        }
        Keep::Name => {
            let name = base_name(text);
            let end = tail(text, room);
            if end.len() <= name.len() {
                return shorten(name, to, Keep::Ends);
            }
            // From a folder's start on.
            let folder = end.find('\\').and_then(|at| end.get(at..));
            format!("…{}", folder.unwrap_or(end))
        }
    }
    .into()
}

/// The longest start of `text` in at most `room` columns.
fn head(text: &str, room: usize) -> &str {
    let end = reach(text.char_indices().map(|(at, c)| (at + c.len_utf8(), c)), room);
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// The longest end of `text` in at most `room` columns.
fn tail(text: &str, room: usize) -> &str {
    let start = reach(text.char_indices().rev(), room);
    text.get(start.unwrap_or(text.len())..).unwrap_or_default()
}

/// The place of the last of the characters that are within `room` columns.
fn reach(chars: impl Iterator<Item = (usize, char)>, room: usize) -> Option<usize> {
    let mut used = 0;
    let within = chars.take_while(|&(_, c)| {
        used += width_of(c);
        used <= room
    });
    within.last().map(|(at, _)| at)
}

fn width_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_not_be_seen_is_shown_as_an_escape() {
        assert!(matches!(visible(r"C:\Windows\regsvcs.exe"), Cow::Borrowed(_)));
        assert_eq!(visible("regsvcs\u{200b}.exe\u{feff}"), r"regsvcs\u{200b}.exe\u{feff}");
        assert_eq!(visible("a\u{e0041}\u{202e}\u{1b}[2J"), r"a\u{e0041}\u{202e}\u{1b}[2J");
        assert_eq!(visible("e\u{301}\u{323} ผู้ใช้ 日本語"), "e\u{301}\u{323} ผู้ใช้ 日本語");
        assert_eq!(visible("e\u{301}\u{301}\u{301}\u{301}x"), "e\u{301}\u{301}\\u{301}\\u{301}x");
    }

    #[test]
    fn widths_are_those_of_a_terminal() {
        assert_eq!(["", "abc", "日本語", "e\u{301}", "ﾊﾟ", "😀"].map(width), [0, 3, 6, 1, 2, 2]);
    }

    #[test]
    fn the_part_that_matters_stays() {
        assert_eq!(shorten("WS01.corp.example", 9, Keep::Start), "WS01.cor…");
        assert_eq!(shorten("ec2-1-2-3-4.compute.example.net", 20, Keep::Ends), "ec2-1-…e.example.net");
        let path = r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe";
        assert_eq!(shorten(path, 59, Keep::Name), path);
        assert_eq!(shorten(path, 40, Keep::Name), r"…\Framework64\v4.0.30319\RegSvcs.exe");
        assert_eq!(shorten(path, 13, Keep::Name), r"…\RegSvcs.exe");
        assert_eq!(shorten(path, 12, Keep::Name), "RegSvcs.exe");
        assert_eq!(shorten(path, 8, Keep::Name), "Re…s.exe");
        assert_eq!(shorten("日本語日本語", 6, Keep::Start), "日本…");
        assert_eq!(shorten("日本語日本語", 6, Keep::Ends), "…本語");
        assert_eq!(shorten("ab", 1, Keep::Start), "…");
    }

    proptest! {
        #[test]
        fn what_is_shortened_fits(text in r"[a-c日\\\u{301}😀]{0,40}", to in 1..20_usize) {
            for keep in [Keep::Start, Keep::Ends, Keep::Name] {
                let short = shorten(&text, to, keep);
                prop_assert!(width(&short) <= to, "{short:?}");
                prop_assert_eq!(short == text, width(&text) <= to);
            }
        }
    }
}
