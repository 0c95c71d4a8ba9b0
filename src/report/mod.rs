//! The [`Report`]: grouped connections, written in one of the formats to anything that takes bytes.
//!
//! Where the bytes go is [`crate::output`]'s concern. CSV and JSON lines depend on the report and the options alone; a
//! table also on how wide the terminal is and whether it has colours.

pub mod content;
pub mod csv;
mod fit;
mod jsonl;
mod layout;
mod parquet;
pub mod style;
mod table;
pub mod times;

use std::io;

use crate::report::{
    content::Report,
    style::{Format, Style},
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
        Format::Parquet => parquet::write(out, report),
    }
}
