//! Text from evidence, made safe to show on one line.
//!
//! Spreadsheet formulas are the report's concern, not this file's.

use std::{
    borrow::Cow,
    fmt::{Display, Write},
    path::Path,
    str::FromStr,
};

use serde::{Deserialize, Deserializer};

/// `value` with every character that could break a line, drive a terminal, reorder what is read or not be seen shown as an
/// escape: `\n`, `\r`, `\t`, and `\u{7}` for the rest.
///
/// Escaped are Unicode's control characters (C0, DEL, C1), its line and paragraph separators, its bidirectional controls (Unicode
/// Annex 9), which can make a name read backwards, and what it calls ignorable by default, with which two names look the same.
#[must_use]
pub fn printable(value: &str) -> Cow<'_, str> {
    // Nearly all of it is plain ASCII, which is seen many bytes at a time.
    if value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || !value.chars().any(is_unsafe) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A value as it was typed, in quotation marks, for a message that refuses it.
#[must_use]
pub fn quoted(value: &str) -> String {
    format!("\"{}\"", printable(value))
}

/// A text with no more of it than a message has room for: what is in a file can be of any length.
pub(crate) fn short(text: &str) -> Cow<'_, str> {
    shortened(text, 100)
}

/// The first so many bytes of a text, at most, and a mark where there were more. What was shortened stays as it is.
pub(crate) fn shortened(text: &str, longest: usize) -> Cow<'_, str> {
    const MARK: char = '…';
    if text.len() <= longest || text.strip_suffix(MARK).is_some_and(|start| start.len() <= longest) {
        return text.into();
    }
    let end = text.floor_char_boundary(longest);
    format!("{}{MARK}", text.get(..end).unwrap_or_default()).into()
}

/// The number that a text is, if it is written as numbers are: without a sign that is not needed, and without zeros in front. So the
/// number can stand for the text.
#[must_use]
pub fn number<T: FromStr + Display>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number: &T| number.to_string() == text)
}

/// A path as [`printable`] text; bytes that are not UTF-8 are shown as `\xff`.
#[must_use]
pub fn path(path: &Path) -> String {
    let mut text = String::new();
    for part in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(&printable(part.valid()));
        for byte in part.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Reads text that has to be [`printable`], whoever wrote it down.
///
/// # Errors
///
/// What is read is not text.
pub(crate) fn read_printable<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    Ok(printable(&text).into_owned())
}

/// Reads texts that each have to be [`printable`].
///
/// # Errors
///
/// What is read is not a list of texts.
pub(crate) fn read_all_printable<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    Ok(texts.iter().map(|text| printable(text).into_owned()).collect())
}

/// Characters that must not reach a terminal or a cell as they are.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || is_ignorable(c)
}

/// `Default_Ignorable_Code_Point` of Unicode 16, `DerivedCoreProperties.txt`.
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The lines of a text, whichever ends they have: LF, CRLF, or the CR of old Macs.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('\r'))
}

/// The first of some names, and how many more there are.
pub(crate) fn few(names: &[String]) -> String {
    const NAMED: usize = 3;
    let first = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {} more", grouped(more as u64)),
    }
}

/// A number of things, with the noun in the plural if need be.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// The same, with the number as the causes of defects have it: without commas.
pub(crate) fn numbered(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A number with a comma between groups of three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How alike two names are at least, of 1, that can be meant for each other: by Jaro and Winkler's measure.
pub(crate) const ALIKE: f64 = 0.85;

/// The name that was probably meant by another, in any case, if one is like it.
pub(crate) fn nearest<'n>(asked: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let asked = asked.to_ascii_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&asked, &name.to_ascii_lowercase());
    let alike = names.map(|name| (likeness(name), name)).filter(|(likeness, _)| *likeness >= ALIKE);
    alike.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_borrowed_and_unchanged() {
        assert!(matches!(printable(r"C:\Ünïcode\regsvcs.exe"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_plain_ascii_is_safe_and_nothing_else_is_taken_for_it() {
        for c in (0..=0x2_ffff).filter_map(char::from_u32) {
            let text = format!("plain {c} text");
            assert_eq!(matches!(printable(&text), Cow::Borrowed(_)), !is_unsafe(c), "{text:?}");
        }
    }

    #[test]
    fn what_is_long_is_cut_between_characters_and_only_once() {
        assert_eq!(shortened("abcd", 4), "abcd");
        assert_eq!(shortened("abcde", 4), "abcd…");
        assert_eq!(shortened("abcd…", 4), "abcd…");
        assert_eq!(shortened("abcäe", 4), "abc…");
        assert_eq!(shortened("abc…", 4), "abc…");
        assert_eq!(short(&"x".repeat(1000)).chars().count(), 101);
    }

    #[test]
    fn controls_are_shown_as_escapes() {
        assert_eq!(printable("a\r\nb\tc\u{7}\u{1b}[2J\u{85}"), "a\\r\\nb\\tc\\u{7}\\u{1b}[2J\\u{85}");
    }

    #[test]
    fn bidirectional_controls_are_shown_as_escapes() {
        assert_eq!(printable("exe.\u{202e}gpj"), "exe.\\u{202e}gpj");
    }

    #[test]
    fn what_would_not_be_seen_is_shown_as_an_escape() {
        assert_eq!(printable("regsvcs\u{200b}.exe\u{feff}"), r"regsvcs\u{200b}.exe\u{feff}");
        assert_eq!(printable("a\u{e0041}"), r"a\u{e0041}");
    }
}
