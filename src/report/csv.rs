//! The report as CSV: RFC 4180, UTF-8, `\n` line ends, one row per line.

use std::{borrow::Cow, io};

use csv::{Terminator, WriterBuilder};

use crate::{
    bytes,
    report::{
        content::Report,
        rows,
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
pub(super) fn write(mut out: impl io::Write, report: &Report<'_>, style: &Style) -> io::Result<()> {
    header(&mut out, style.mark, report.columns())?;
    let time = |time| style.time_format().show(time);
    rows::write(out, report, |line, key, group, beside| {
        let background = report.background_of(beside.context, time);
        let labels = report.labels_of(beside.labels);
        let mut count = itoa::Buffer::new();
        let shown = |time| style.time_format().shown(time);
        let first = shown(group.first);
        let last = if group.last == group.first { first.clone() } else { shown(group.last) };
        let numbers = [count.format(group.count), &first, &last];
        let rarity = report.rarity.map(|rarity| rarity.of(key));
        let hosts = rarity.map(|(hosts, _)| hosts.to_string());
        let rarity = hosts.iter().map(|hosts| &**hosts).chain(rarity.map(|(_, first)| first));
        let rule = report.rule(key).into_iter().flat_map(RuleInfo::columns);
        let values = key.values().chain(numbers).chain(rule);
        let known = background.iter().flatten().chain(&labels).map(String::as_str);
        let values = values.chain(known).chain(rarity);
        push(line, values, style.cells)
    })
}

/// Writes the mark, and the names of the columns.
///
/// # Errors
///
/// What `out` returns.
pub(super) fn header<'a>(out: impl io::Write, mark: Mark, columns: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut csv = writer(out, mark)?;
    csv.write_record(columns).map_err(io_error)?;
    csv.flush()
}

/// Adds a row of these values.
///
/// # Errors
///
/// None that memory does not have.
pub(super) fn push<'a>(
    rows: &mut Vec<u8>,
    values: impl Iterator<Item = &'a str> + Clone,
    cells: Cells,
) -> io::Result<()> {
    let start = rows.len();
    if !push_plain(rows, values.clone()) {
        rows.truncate(start);
        let mut csv = writer(rows, Mark::None)?;
        for value in values {
            csv.write_field(&*cell(value, cells)).map_err(io_error)?;
        }
        csv.write_record(None::<&[u8]>).map_err(io_error)?;
        csv.flush()?;
    }
    Ok(())
}

/// Adds a row whose cells are what their values are, as nearly all are; or says that it is none. Of such cells there is nothing for
/// the writer to do, which would look at each byte by itself.
fn push_plain<'a>(line: &mut Vec<u8>, values: impl Iterator<Item = &'a str>) -> bool {
    let start = line.len();
    let mut count = 0_usize;
    let mut may_be_formula = false;
    values.map(str::as_bytes).for_each(|value| {
        may_be_formula |= matches!(value.first(), Some(b'=' | b'+' | b'-' | b'@'));
        bytes::push(line, value);
        line.push(b',');
        count += 1;
    });
    let row = line.get_mut(start..).unwrap_or_default();
    let is_special = |byte: u8| !(b' '..=b'~').contains(&byte) || byte == b'"';
    let has_special = row.iter().fold(false, |any, &byte| any | is_special(byte));
    let commas = memchr::memchr_iter(b',', row).count();
    if let Some(last) = row.last_mut() {
        *last = b'\n';
    }
    !may_be_formula && !has_special && commas == count
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
    fn plain_rows_are_those_of_the_writer() {
        let values = [
            "", "a", "a b", " ", "'", "=1", "+", "-1", "@x", "a=", ",", "a,b", "\"", "a\"b", "\n", "\r", "\t", "ä",
            "\u{202e}", "\u{7f}", "~",
        ];
        let mut plain = 0;
        for one in values {
            for two in values {
                let row = [one, two, "1"];
                let mut line = b"x,y\n".to_vec();
                if push_plain(&mut line, row.into_iter()) {
                    let mut csv = writer(b"x,y\n".to_vec(), Mark::None).unwrap();
                    csv.write_record(row.map(|value| cell(value, Cells::Guarded).into_owned())).unwrap();
                    assert_eq!(line, csv.into_inner().unwrap());
                    plain += 1;
                }
            }
        }
        assert_eq!(plain, 49);
    }

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
