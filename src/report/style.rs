//! The [`Style`] of a report: its [`Format`], and how it looks in it.

use std::path::Path;

use clap::ValueEnum;

use crate::report::times::TimeFormat;

/// The formats of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values, for spreadsheets and other tools
    Csv,
    /// One JSON object per line, with numbers as numbers and values as they were logged
    Jsonl,
    /// A table to look at, as wide as the terminal; not all columns
    Table,
    /// Typed columns for Spark, DuckDB and others, with values as they were logged
    Parquet,
}

/// The formats of the report of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum EventsFormat {
    /// Comma-separated values, for spreadsheets and other tools
    #[default]
    Csv,
    /// One JSON object per line with the columns of the CSV, with numbers as numbers and values as they were logged
    Jsonl,
    /// JSON lines that Timesketch imports, each with a sentence that says what happened
    Timesketch,
    /// Documents of the Elastic Common Schema, as the bulk API of Elasticsearch takes them: two lines for each event
    Ecs,
}

/// How a report looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// The format that was asked for.
    pub format: Option<Format>,
    /// The format of times that was asked for.
    pub time_format: Option<TimeFormat>,
    /// The format of the report of events.
    pub events: EventsFormat,
    /// How values are put into the cells of CSV.
    pub cells: Cells,
    /// What CSV starts with.
    pub mark: Mark,
    /// The terminal that the report is shown on; `None` if it goes anywhere else.
    pub screen: Option<Screen>,
    /// How wide a table is and whether it has colours where no terminal shows it.
    pub sheet: Sheet,
}

impl Format {
    /// What the ending of a file's name says: `.csv`, `.jsonl` or `.ndjson`, `.txt` for a table, or `.parquet`, in any case.
    #[must_use]
    pub fn of_ending(path: &Path) -> Option<Self> {
        let endings = [
            ("csv", Self::Csv),
            ("jsonl", Self::Jsonl),
            ("ndjson", Self::Jsonl),
            ("txt", Self::Table),
            ("parquet", Self::Parquet),
        ];
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

impl EventsFormat {
    /// The formats that the ending of a file's name goes with, that which it chooses first: `.csv`, or `.jsonl` and `.ndjson` for those
    /// that are JSON lines, in any case. Nothing for other endings, which go with all. Timesketch takes no `.ndjson`.
    #[must_use]
    pub fn of_ending(path: &Path) -> Option<&'static [Self]> {
        const JSONL: &[EventsFormat] = &[EventsFormat::Jsonl, EventsFormat::Timesketch, EventsFormat::Ecs];
        const NDJSON: &[EventsFormat] = &[EventsFormat::Jsonl, EventsFormat::Ecs];
        let endings = [("csv", &[Self::Csv][..]), ("jsonl", JSONL), ("ndjson", NDJSON)];
        let extension = path.extension()?;
        endings.into_iter().find(|(ending, _)| extension.eq_ignore_ascii_case(ending)).map(|(_, formats)| formats)
    }

    /// Whether each event has a sentence that says who the peer is.
    #[must_use]
    pub fn has_sentences(self) -> bool {
        matches!(self, Self::Timesketch | Self::Ecs)
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Timesketch => "timesketch",
            Self::Ecs => "ecs",
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

/// How values are put into cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cells {
    /// A cell that a spreadsheet would run as a formula gets a leading `'`.
    #[default]
    Guarded,
    /// Values as they are.
    Raw,
}

/// Whether the bytes start with a mark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mark {
    /// They do not.
    #[default]
    None,
    /// With U+FEFF, by which spreadsheets tell UTF-8.
    Utf8,
}

/// A terminal that a table is shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// How many columns it has.
    pub width: usize,
    /// Whether it has colours.
    pub ink: Ink,
}

/// What a table is written on that no terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sheet(pub Screen);

impl Default for Sheet {
    fn default() -> Self {
        Self(Screen { width: 120, ink: Ink::Plain })
    }
}

/// Whether there are colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ink {
    /// None.
    #[default]
    Plain,
    /// The 16 of every terminal, as its theme has them.
    Colour,
}
