//! JSON that can do nothing in a page: it stays inside its element, and nothing in it drives or reorders what is read.
//!
//! Every value of a page goes through here, so that none can be forgotten.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{
    Serializer,
    ser::{CharEscape, Formatter},
};

use crate::text;

/// Writes `value` as compact JSON without `<`, `>` and `&`, whose strings are [`text::printable`].
///
/// # Errors
///
/// What `out` returns.
pub(super) fn write(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Inert)).map_err(Into::into)
}

struct Inert;

impl Formatter for Inert {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| escaped(c)) {
            let (before, from) = rest.split_at(at);
            let (found, after) = from.split_at(c.len_utf8());
            out.write_all(before.as_bytes())?;
            match c {
                '<' | '>' | '&' => write!(out, "\\u{:04x}", u32::from(c))?,
                _ => write!(out, "\\{}", text::printable(found))?,
            }
            rest = after;
        }
        out.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        let c = match escape {
            CharEscape::Quote => return out.write_all(b"\\\""),
            CharEscape::ReverseSolidus => return out.write_all(b"\\\\"),
            CharEscape::Solidus => return out.write_all(b"\\/"),
            CharEscape::Backspace => '\u{8}',
            CharEscape::FormFeed => '\u{c}',
            CharEscape::LineFeed => '\n',
            CharEscape::CarriageReturn => '\r',
            CharEscape::Tab => '\t',
            CharEscape::AsciiControl(byte) => char::from(byte),
        };
        write!(out, "\\{}", text::printable(c.encode_utf8(&mut [0; 4])))
    }
}

fn escaped(c: char) -> bool {
    matches!(c, '<' | '>' | '&') || (!c.is_ascii_graphic() && c != ' ' && text::is_unsafe(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_do_something_is_escaped_and_the_rest_is_as_it_was() {
        let value = "</script>&\"'\\ \u{202e}exe\u{2028}\u{7}\u{85}\n\t\u{8}Ü";
        let mut out = Vec::new();
        write(&mut out, &[value]).unwrap();
        let json = String::from_utf8(out).unwrap();
        assert!(json.is_ascii() || !json.contains(['<', '>', '&', '\u{202e}', '\u{2028}', '\u{85}']), "{json}");
        let back: [String; 1] = serde_json::from_str(&json).unwrap();
        assert_eq!(back, [text::printable(value)]);
    }
}
