//! The prefilter: whether a chunk's raw bytes can hold a connection that matters.
//!
//! Reading chunks is five times as fast as decoding them, so what makes a scan fast is not to decode. A chunk is
//! ruled out when its bytes do not hold what each record of interest must contain:
//!
//! 1. the name of a provider whose connections are read, such as `Microsoft-Windows-Sysmon`;
//! 2. a record that may have the EventID of one, such as 3, and a time in the window if there is one, as [`crate::evtx::candidates`] tells;
//! 3. one of the wanted texts in any ASCII case: process names, and what Sigma rules need ([`crate::rule::sigma::literals`]).
//!
//! Why the first and the last are sound: a value's text stands in a chunk as one run of bytes, at any offset, odd ones too. It
//! is UTF-16LE (BinXML value type 0x01), which is what Windows writes, or 8-bit text (type 0x02). A process name is
//! the end of the `Image` value, or of `Application`, so its bytes are in that run. Templates and their literal text stand in the same
//! chunk as the records that use them.
//!
//! A record that another hides can be anything, so a chunk in which one is hidden is decoded in any case
//! ([`crate::evtx::record::hide_others`]). To make sure of that takes a tenth more processor time.
//!
//! What would break it is text put together from pieces: two substitutions in one element, a character reference
//! inside a name, or an 8-bit string with NUL bytes inside, which the parser drops. Windows writes none of them into
//! these fields, but an attacker can: so the third rules a chunk out only if each text of each record that the second
//! leaves is one value in UTF-16 ([`crate::evtx::decoder::Decoder::are_whole`]). `--no-prefilter` decodes everything,
//! and the tests compare the two byte for byte.

use regex::bytes::{Regex, RegexBuilder};

use crate::{
    bytes::utf16,
    connection::{logged::LoggedBy, security},
    error::Error,
    evtx::{candidates::Candidates, record::Record, window::Window},
};

/// Patterns for what a chunk must contain, compiled once.
#[derive(Debug, Clone)]
pub struct Prefilter {
    /// Who logs what is looked for.
    logged_by: LoggedBy,
    providers: Regex,
    /// Windows' Security-Auditing.
    security: Regex,
    /// `None` when any event will do.
    texts: Option<Regex>,
    /// When they are of.
    pub window: Window,
    records: Records,
}

/// Which records of the providers are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// Connections.
    Connections,
    /// Those with these ids.
    Of(&'static [u16]),
    /// Any.
    Any,
}

impl Prefilter {
    /// The most texts that are looked for. Of more, and of letters in any case, the search is slower than decoding the chunks
    /// with connections in them.
    pub const MOST_TEXTS: usize = 64;

    /// A prefilter for connections of these providers that contain one of these texts in any ASCII case, or for all if none are
    /// given.
    ///
    /// # Errors
    ///
    /// The texts are more than the regex engine takes (some ten thousand).
    pub fn new(texts: Option<&[String]>, logged_by: LoggedBy) -> Result<Self, Error> {
        let patterns = texts.map(|texts| texts.iter().map(|text| pattern(text)).collect::<Vec<_>>().join("|"));
        let refused = |error| Error::Usage(format!("too many names to look for: {error}"));
        let built = |builder: &RegexBuilder| builder.build().map_err(refused);
        let texts = |pattern: String| built(RegexBuilder::new(&pattern).unicode(false).case_insensitive(true));
        let names = |names: &[&str]| {
            let patterns = names.iter().map(|name| pattern(name)).collect::<Vec<_>>();
            built(RegexBuilder::new(&patterns.join("|")).unicode(false))
        };
        Ok(Self {
            providers: names(logged_by.providers())?,
            logged_by,
            security: names(&[security::PROVIDER])?,
            texts: patterns.map(texts).transpose()?,
            window: Window::default(),
            records: Records::Connections,
        })
    }

    /// The same, for connections in a window of time.
    #[must_use]
    pub fn within(self, window: Window) -> Self {
        Self { window, ..self }
    }

    /// The same, for these records.
    #[must_use]
    pub fn of(self, records: Records) -> Self {
        Self { records, ..self }
    }

    /// The names of the providers that are looked for.
    #[must_use]
    pub fn providers(&self) -> &'static [&'static str] {
        self.logged_by.providers()
    }

    /// The ids of the events that are looked for; nothing for any.
    #[must_use]
    pub fn event_ids(&self) -> Option<&'static [u16]> {
        match self.records {
            Records::Connections => Some(self.logged_by.event_ids()),
            Records::Of(ids) => Some(ids),
            Records::Any => None,
        }
    }

    /// Whether a chunk names a provider that is looked for, as any chunk with a record of it does.
    #[must_use]
    pub fn names_provider(&self, chunk: &[u8]) -> bool {
        self.providers.is_match(chunk)
    }

    /// Whether a chunk names Windows' Security-Auditing.
    #[must_use]
    pub fn names_security(&self, chunk: &[u8]) -> bool {
        self.security.is_match(chunk)
    }

    /// Whether a chunk has one of the texts, if there are any.
    #[must_use]
    pub fn has_text(&self, chunk: &[u8]) -> bool {
        self.texts.as_ref().is_none_or(|texts| texts.is_match(chunk))
    }

    /// Whether one of these values of an event has one of the texts, if there are any: then a chunk with it has one.
    #[must_use]
    pub fn has_text_in<'v>(&self, mut values: impl Iterator<Item = &'v str>) -> bool {
        self.texts.as_ref().is_none_or(|texts| values.any(|value| texts.is_match(&utf16(value))))
    }

    /// The records of a chunk that may be what is looked for, by their EventID.
    #[must_use]
    pub fn candidates<'c>(&self, chunk: &'c [u8]) -> Candidates<'c> {
        Candidates::new(chunk, self.event_ids().unwrap_or_default())
    }

    /// Whether a record can be one that is looked for, by its EventID.
    #[must_use]
    pub fn may_be(&self, record: Record, candidates: &mut Candidates<'_>) -> bool {
        self.records == Records::Any || candidates.may_be(record)
    }

    /// Whether a chunk that names a provider can hold an event of interest among these records, or anywhere in it if they
    /// are not given, but for the texts in it. False yes is allowed, false no is not.
    #[must_use]
    pub fn may_be_in(&self, candidates: &mut Candidates<'_>, records: Option<&[Record]>) -> bool {
        let mut may_be =
            |record: Record| self.may_be(record, candidates) && candidates.may_be_within(record, &self.window);
        records.is_none_or(|records| records.iter().any(|&record| may_be(record)))
    }
}

/// A pattern for `text` as UTF-16LE and as 8-bit text.
///
/// A character that is not ASCII has one byte in the 8-bit code page that the parser assumes (Windows-1252), a byte
/// above 0x7f. U+FFFD is what the parser makes of half a surrogate pair, which file names can have. The characters that
/// XML escapes can be references to entities in BinXML; the longest piece between them is then looked for.
fn pattern(text: &str) -> String {
    let pieces = text.split(['&', '<', '>', '"', '\'']);
    let text = pieces.max_by_key(|piece| piece.len()).unwrap_or_default();
    let utf16: String = text
        .encode_utf16()
        .map(|unit| match unit {
            0xfffd => "..".to_owned(),
            // The letters with a relative beyond ASCII that is the same but for its case, for Sigma: the Kelvin sign, and I with
            // a dot.
            0x4b | 0x6b => format!(r"(?:{}|\x2a\x21)", utf16_unit(unit)),
            0x49 | 0x69 => format!(r"(?:{}|\x30\x01)", utf16_unit(unit)),
            unit => utf16_unit(unit),
        })
        .collect();
    let ansi: String =
        text.chars().map(|c| u8::try_from(c).map_or_else(|_| r"[\x80-\xff]".to_owned(), ansi_byte)).collect();
    format!("(?s-u:{utf16}|{ansi})")
}

fn utf16_unit(unit: u16) -> String {
    unit.to_le_bytes().map(byte).concat()
}

fn ansi_byte(c: u8) -> String {
    if c.is_ascii() { byte(c) } else { r"[\x80-\xff]".to_owned() }
}

/// One byte, so that the engine sees letters and can ignore their case.
fn byte(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!(r"\x{byte:02x}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(name: &str, haystack: &[u8]) -> bool {
        Prefilter::new(Some(&[name.to_owned()]), LoggedBy::Sysmon).unwrap().texts.unwrap().is_match(haystack)
    }

    #[test]
    fn a_name_is_found_in_both_encodings_in_any_case_at_any_offset() {
        for text in ["regsvcs.exe", r"C:\x\RegSvcs.EXE"] {
            assert!(finds("regsvcs.exe", &utf16(text)));
            assert!(finds("regsvcs.exe", &[&[1], &*utf16(text)].concat()));
            assert!(finds("regsvcs.exe", text.as_bytes()));
        }
        assert!(!finds("regsvcs.exe", &utf16("regsvcsXexe")));
    }

    #[test]
    fn letters_beyond_ascii_keep_their_case_as_names_do() {
        assert!(finds("ÄB.exe", &utf16("Äb.EXE")));
        assert!(!finds("ÄB.exe", &utf16("äb.exe")));
        assert!(finds("дом.exe", &utf16("дом.exe")));
        assert!(finds("ÄB.exe", b"\xc4b.exe"));
    }

    #[test]
    fn what_the_parser_changes_is_not_relied_on() {
        assert!(finds("\u{fffd}egsvcs.exe", &[&[0x00, 0xd8], &*utf16("egsvcs.exe")].concat()));
        assert!(finds("R&D tool.exe", &utf16("D tool.exe")));
        assert!(finds("&", &utf16("anything")));
    }

    #[test]
    fn case_is_ignored_for_letters_only() {
        // U+0141 is the bytes 41 01, and 0x41 is an `A`: a false yes is allowed, a false no is not.
        assert!(finds("\u{141}.exe", &utf16("\u{141}.exe")));
    }
}
