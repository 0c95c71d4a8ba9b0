//! The report as CSV: RFC 4180, UTF-8, `\n` line ends, one row per line.

use std::{borrow::Cow, io};

use csv::{Terminator, WriterBuilder};

use crate::{
    report::{
        content::Report,
        style::{Cells, Mark, Style},
    },
    rule::info::RuleInfo,
    text,
};

/// Writes the header and one row per group, in the order given. With rules, rows name theirs, by its index.
///
/// In both kinds of cells, control characters are shown as escapes, so that a row is a line.
///
/// # Errors
///
/// What `out` returns.
pub(super) fn write(out: impl io::Write, report: &Report<'_>, style: &Style) -> io::Result<()> {
    let mut csv = writer(out, style.mark)?;
    csv.write_record(report.columns()).map_err(io_error)?;
    let time = |time| style.time_format().show(time);
    for group in report.groups.pass()? {
        let (key, group) = &group?;
        for value in key.values() {
            csv.write_field(&*cell(value, style.cells)).map_err(io_error)?;
        }
        let numbers = [group.count.to_string(), time(group.first), time(group.last)].map(Cow::Owned);
        let rule = report.rule(key).into_iter().flat_map(RuleInfo::columns);
        let rarity = report.rarity.map(|rarity| rarity.of(key)).into_iter();
        let rarity = rarity.flat_map(|(hosts, first)| [hosts.to_string().into(), cell(first, style.cells)]);
        let last = numbers.into_iter().chain(rule.map(|value| cell(value, style.cells))).chain(rarity);
        let last: Vec<Cow<'_, str>> = last.collect();
        csv.write_record(last.iter().map(|value| value.as_bytes())).map_err(io_error)?;
    }
    csv.flush()
}

/// A writer of CSV in the report's dialect, behind the mark.
///
/// # Errors
///
/// What `out` returns.
pub(crate) fn writer<W: io::Write>(mut out: W, mark: Mark) -> io::Result<csv::Writer<W>> {
    if mark == Mark::Utf8 {
        out.write_all("\u{feff}".as_bytes())?;
    }
    Ok(WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(out))
}

/// An error of the CSV writer as what it is, so that its kind can be told.
pub(crate) fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
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
}
