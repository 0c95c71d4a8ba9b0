//! The report as JSON lines: one object per group, with the values as they were logged.
//!
//! A line reads as it is and parses to the exact values: what could break, drive or reorder it is there as JSON's own
//! escapes.

use std::io;

use serde::{Serialize, Serializer as _};
use serde_json::{Serializer, ser::Formatter};

use crate::{
    connection::glossary::{Field, Kind},
    label::labels::OF_NUMBER,
    report::{content::Report, rows, style::Style},
    rule::info::RuleInfo,
    text,
};

/// A value that is stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Value<'a> {
    Number(i64),
    Text(&'a str),
    Truth(bool),
}

/// Writes one object per group, in the order given, whose members are in the order of the columns.
///
/// # Errors
///
/// What `out` returns.
pub(super) fn write(out: &mut dyn io::Write, report: &Report<'_>, style: &Style) -> io::Result<()> {
    rows::write(out, report, |line, key, group, beside| {
        let labels = report.labels_of(beside.labels);
        let [first, last] = [group.first, group.last].map(|time| style.time_format().shown(time));
        let background = report.background_of(beside.context, |time| style.time_format().show(time));
        let fields = report.fields.iter().zip(key.values()).map(|(&field, text)| value(field, text));
        let numbers = [Some(counted(group.count)), stated(&first), stated(&last)];
        let rule = report.rule(key).into_iter().flat_map(RuleInfo::columns).map(stated);
        let rarity = report.rarity.map(|rarity| rarity.of(key)).into_iter();
        let rarity = rarity.flat_map(|(hosts, first)| [Some(counted(hosts as u64)), stated(first)]);
        let known = background.iter().flatten().map(|text| stated(text));
        let labels = report.label_columns().zip(&labels).map(|(column, text)| label(column, text));
        push(line, report.columns().zip(fields.chain(numbers).chain(rule).chain(known).chain(labels).chain(rarity)))
    })
}

/// Adds a line with an object of these members.
///
/// # Errors
///
/// None that memory does not have.
pub(super) fn push<K: Serialize, V: Serialize>(
    lines: &mut Vec<u8>,
    members: impl Iterator<Item = (K, V)>,
) -> io::Result<()> {
    Serializer::with_formatter(&mut *lines, Legible).collect_map(members)?;
    lines.push(b'\n');
    Ok(())
}

/// A number that was counted.
pub(super) fn counted(number: u64) -> Value<'static> {
    Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A text; nothing if it is empty.
pub(super) fn stated(text: &str) -> Option<Value<'_>> {
    (!text.is_empty()).then_some(Value::Text(text))
}

/// The value of a field: a number where it is to be one and is, and no reader of JSON takes it for another; else its text.
pub(super) fn value(field: Field, text: &str) -> Option<Value<'_>> {
    if field.kind() == Kind::Number { number(text) } else { stated(text) }
}

/// The value of a column of labels.
pub(super) fn label<'a>(column: &str, text: &'a str) -> Option<Value<'a>> {
    if column == OF_NUMBER { number(text) } else { stated(text) }
}

/// A number where a text is one, and no reader of JSON takes it for another; else the text.
fn number(text: &str) -> Option<Value<'_>> {
    let number = text::number::<u32>(text);
    number.map(|number| Value::Number(number.into())).or_else(|| stated(text))
}

/// Compact JSON without characters that could do something to the line.
struct Legible;

impl Formatter for Legible {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly all of it is plain ASCII, which is seen many bytes at a time.
        if fragment.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return out.write_all(fragment.as_bytes());
        }
        for part in fragment.split_inclusive(text::is_unsafe) {
            match part.char_indices().next_back().filter(|&(_, c)| text::is_unsafe(c)) {
                Some((at, c)) => {
                    out.write_all(part.as_bytes().get(..at).unwrap_or_default())?;
                    c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
                }
                None => out.write_all(part.as_bytes())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_plain_number_becomes_one() {
        for (text, number) in [("0", 0), ("443", 443), ("4294967295", 4_294_967_295)] {
            assert_eq!(value(Field::DestPort, text), Some(Value::Number(number)));
            assert_eq!(value(Field::User, text), Some(Value::Text(text)));
        }
        for text in ["007", "+7", "-1", "4294967296", "0x1bb", "443 ", "https", "٣"] {
            assert_eq!(value(Field::ProcessId, text), Some(Value::Text(text)));
        }
        assert_eq!(value(Field::SrcPort, ""), None);
    }

    #[test]
    fn every_character_comes_back_and_none_is_unsafe() {
        let all: String = (char::MIN..=char::MAX).collect();
        let mut json = Vec::new();
        all.serialize(&mut Serializer::with_formatter(&mut json, Legible)).unwrap();
        let json = String::from_utf8(json).unwrap();
        assert!(!json.contains(text::is_unsafe));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), all);
    }
}
