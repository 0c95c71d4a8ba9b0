//! The [`Report`]: grouped connections, written in one of the formats to anything that takes bytes.
//!
//! Where the bytes go is [`crate::output`]'s concern. CSV and JSON lines depend on the report and the options alone; a
//! table also on how wide the terminal is and whether it has colours.

mod csv;
mod fit;
mod jsonl;
mod layout;
mod parquet;
mod table;
mod times;

use std::{io, path::Path};

use clap::ValueEnum;

pub(crate) use self::csv::{cell, io_error, writer as csv_writer};
pub use self::{
    csv::{Cells, Mark},
    table::{Ink, Screen},
    times::{TimeFormat, time},
};
use crate::{
    connection::Field,
    group::{GroupKey, SortedGroups},
    rarity::Rarity,
    rule::RuleInfo,
};

/// What a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The fields of the groups.
    pub fields: &'a [Field],
    /// The groups, in the order of the report.
    pub groups: &'a SortedGroups,
    /// The rules by their index, if the report says which rule each group is of.
    pub rules: Option<&'a [RuleInfo]>,
    /// How rare each is, if the report says so.
    pub rarity: Option<&'a Rarity>,
}

/// The formats of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values, for spreadsheets and other tools
    Csv,
    /// A JSON object a line, with numbers as numbers and values as they were logged
    Jsonl,
    /// A table to look at, as wide as the terminal; not all columns
    Table,
    /// Typed columns for Spark, DuckDB and others, with values as they were logged
    Parquet,
}

/// How a report looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// The format that was asked for.
    pub format: Option<Format>,
    /// The format of times that was asked for.
    pub time_format: Option<TimeFormat>,
    /// How values are put into the cells of CSV.
    pub cells: Cells,
    /// What CSV starts with.
    pub mark: Mark,
    /// The terminal that the report is shown on; `None` if it goes anywhere else.
    pub screen: Option<Screen>,
}

impl Format {
    /// What the ending of a file's name says: `.csv`, `.jsonl`, `.txt` for a table, or `.parquet`, in any case.
    #[must_use]
    pub fn of_ending(path: &Path) -> Option<Self> {
        let endings = [("csv", Self::Csv), ("jsonl", Self::Jsonl), ("txt", Self::Table), ("parquet", Self::Parquet)];
        let extension = path.extension()?;
        endings.into_iter().find(|(ending, _)| extension.eq_ignore_ascii_case(ending)).map(|(_, format)| format)
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Table => "table",
            Self::Parquet => "parquet",
        }
    }
}

impl Style {
    /// What was asked for, or else a table on a terminal and CSV anywhere else. A mark asks for CSV.
    #[must_use]
    pub fn format(&self) -> Format {
        let default = if self.screen.is_some() && self.mark == Mark::None { Format::Table } else { Format::Csv };
        self.format.unwrap_or(default)
    }

    /// What was asked for, or else RFC 3339. A table has a shorter one of its own where nothing was asked for.
    #[must_use]
    pub fn time_format(&self) -> TimeFormat {
        self.time_format.unwrap_or(TimeFormat::Rfc3339)
    }

    /// What the format of times in the report is called: as on the command line, or `seconds` for that of a table.
    #[must_use]
    pub fn time_format_name(&self) -> &'static str {
        match (self.format(), self.time_format) {
            (Format::Table, None) => "seconds",
            _ => self.time_format().name(),
        }
    }
}

impl Report<'_> {
    /// The names of the columns.
    fn columns(&self) -> impl Iterator<Item = &'static str> {
        let fields = self.fields.iter().map(|field| field.name());
        let fields = fields.chain(["count", "firstTime", "lastTime"]);
        let fields = fields.chain(self.rules.iter().flat_map(|_| RuleInfo::COLUMNS));
        fields.chain(self.rarity.iter().flat_map(|_| Rarity::COLUMNS))
    }

    /// The rule that a group is of, if the report says so.
    fn rule(&self, key: &GroupKey) -> Option<&RuleInfo> {
        self.rules.and_then(|rules| rules.get(key.rule))
    }
}

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
