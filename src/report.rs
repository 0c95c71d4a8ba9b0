//! The report: grouped connections as CSV (RFC 4180, UTF-8, `\n` line ends), written to anything that takes bytes.
//!
//! Where the bytes go is [`crate::output`]'s concern.

use std::{borrow::Cow, io};

use csv::{Terminator, WriterBuilder};
use jiff::Timestamp;

use crate::{
    connection::Field,
    group::{Group, GroupKey},
    rule::RuleInfo,
    text,
};

/// How values are put into cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// A cell that a spreadsheet would run as a formula gets a leading `'`.
    Guarded,
    /// Values as they are.
    Raw,
}

/// Writes the header and one row a group, in the order given. With `rules`, rows name theirs, by its index.
///
/// In both kinds of cells, control characters are shown as escapes, so that a row is a line.
///
/// # Errors
///
/// What `out` returns.
pub fn write(
    out: impl io::Write,
    fields: &[Field],
    groups: &[(GroupKey, Group)],
    cells: Cells,
    rules: Option<&[RuleInfo]>,
) -> io::Result<()> {
    let mut csv = csv_writer(out);
    let header = fields.iter().map(|field| field.name()).chain(["count", "firstTime", "lastTime"]);
    csv.write_record(header.chain(rules.iter().flat_map(|_| RuleInfo::COLUMNS))).map_err(io_error)?;
    for (key, group) in groups {
        for value in key.values() {
            csv.write_field(&*cell(value, cells)).map_err(io_error)?;
        }
        let numbers = [group.count.to_string(), time(group.first), time(group.last)].map(Cow::Owned);
        let rule = rules.and_then(|rules| rules.get(key.rule)).into_iter().flat_map(RuleInfo::columns);
        let last: Vec<Cow<'_, str>> = numbers.into_iter().chain(rule.map(|value| cell(value, cells))).collect();
        csv.write_record(last.iter().map(|value| value.as_bytes())).map_err(io_error)?;
    }
    csv.flush()
}

/// A writer of CSV in the report's dialect.
pub(crate) fn csv_writer<W: io::Write>(out: W) -> csv::Writer<W> {
    WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(out)
}

/// An error of the CSV writer as what it is, so that its kind can be told.
pub(crate) fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A time as RFC 3339 in UTC with the seven fractional digits of the log, or nothing if none was stated.
///
/// The width is fixed, so that text order is time order.
#[must_use]
pub fn time(time: Option<Timestamp>) -> String {
    time.map(|time| format!("{time:.7}")).unwrap_or_default()
}

/// A value as a cell. Spreadsheets take a cell that starts with one of these for a formula (OWASP, "CSV Injection").
pub(crate) fn cell(value: &str, cells: Cells) -> Cow<'_, str> {
    let shown = text::printable(value);
    if cells == Cells::Guarded && value.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{shown}").into()
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_guarded_unless_cells_are_raw() {
        for value in ["=1+1", "+1", "-1", "@SUM(A1)"] {
            assert_eq!(cell(value, Cells::Guarded), format!("'{value}"));
            assert_eq!(cell(value, Cells::Raw), value);
        }
        assert_eq!(cell("\t=1", Cells::Guarded), "'\\t=1");
        assert_eq!(cell("\r=1", Cells::Raw), "\\r=1");
        assert_eq!(cell("a=1", Cells::Guarded), "a=1");
    }

    #[test]
    fn times_have_seven_digits() {
        let parse = |text: &str| Some(text.parse().unwrap());
        assert_eq!(time(parse("2019-02-16T10:01:46.8840384Z")), "2019-02-16T10:01:46.8840384Z");
        assert_eq!(time(parse("2019-02-16T10:01:46Z")), "2019-02-16T10:01:46.0000000Z");
        assert_eq!(time(None), "");
    }
}
