//! The choice of a format: a [`Report`] written to anything that takes bytes.
//!
//! Where the bytes go is [`crate::report::output`]'s concern. CSV and JSON lines depend on the report and the options alone; a
//! table also on how wide the terminal is and whether it has colours.

use std::io;

use crate::report::{
    content::Report,
    csv, jsonl,
    parquet::groups,
    style::{Format, Style},
    table,
};

/// Writes the report.
///
/// # Errors
///
/// What `out` returns.
pub fn write(out: &mut (dyn io::Write + Send), report: &Report<'_>, style: &Style) -> io::Result<()> {
    match style.format() {
        Format::Csv => csv::write(out, report, style),
        Format::Jsonl => jsonl::write(out, report, style),
        Format::Table => table::write(out, report, style),
        Format::Parquet => groups::write(out, report),
    }
}
