//! [`OutputArgs`]: what is written, and how it looks. [`SaidArgs`]: how much is said.

use std::path::PathBuf;

use clap::{ValueEnum, ValueHint};

use super::values::width;
use crate::report::{
    style::{EventsFormat, Format},
    times::TimeFormat,
};

/// What is written, and how it looks.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag as it was typed")]
pub struct OutputArgs {
    /// Write the report to FILE, not to standard output
    ///
    /// Its ending chooses the format: .csv, .jsonl or .ndjson, .txt for a table, .parquet. - is standard output.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Replace the files to be written if they exist
    #[arg(long)]
    pub force: bool,

    /// Do not guard cells of CSV that a spreadsheet would run as formulas
    #[arg(long)]
    pub raw_cells: bool,

    /// The format of the report [default: table on a terminal, otherwise csv]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,

    /// The format of times in the report and the events, in UTC [default: rfc3339; in a table to the second]
    ///
    /// Events for Timesketch and ECS always have the time formats that these require.
    #[arg(long, value_name = "FORMAT")]
    pub time_format: Option<TimeFormat>,

    /// Start CSV with a byte order mark, for spreadsheets that need it to read UTF-8
    #[arg(long)]
    pub bom: bool,

    /// Write every hit to FILE, with the record it is from
    ///
    /// Its ending chooses the format: .csv, .jsonl, .ndjson. - is standard output.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub events: Option<PathBuf>,

    /// The format of the events [default: csv]
    #[arg(long, value_name = "FORMAT")]
    pub events_format: Option<EventsFormat>,

    /// Score how regular repeated connections are, and write that to FILE
    ///
    /// As CSV, the most regular first: one row for each host, process, destination and port with at least 4 connections and 3 intervals
    /// that are not 0.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub beacons: Option<PathBuf>,

    /// Write a page for a browser to FILE
    ///
    /// HTML, to look at the hits: a timeline, tables, and the events behind them.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,

    /// Give the page this title
    ///
    /// Such as the name of the case. Without it, the page is called after its rule.
    #[arg(long, value_name = "TEXT")]
    pub case: Option<String>,

    /// Write a record of the run to FILE as JSON: the logs with their hashes, the rule, the defects
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub manifest: Option<PathBuf>,

    /// Add the time of the run and the name of this host to the manifest
    #[arg(long)]
    pub manifest_run_info: bool,

    /// What is said of the peers of connections.
    #[command(flatten)]
    pub labels: LabelArgs,

    /// How a table looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// What is said of the peers of connections, by files that somebody brings.
#[derive(Debug, clap::Args)]
pub struct LabelArgs {
    /// Add the names of watchlists that the remote end is on; repeatable
    ///
    /// FILE has an address, a network, a domain name (which stands for its subdomains too) or a pattern with * on each line, with # for
    /// comments, or is a MISP warninglist or a STIX 2.1 bundle. The remote address and name, dest, and the names that the process
    /// asked DNS for are compared with it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Labels")]
    pub watchlist: Vec<PathBuf>,

    /// Report only groups with a connection that is on a watchlist
    #[arg(long, help_heading = "Labels")]
    pub only_watched: bool,

    /// Add the autonomous system of the remote address, its owner and the country, from FILE.mmdb; repeatable
    ///
    /// With several files, each value comes from the first file that has it.
    #[arg(long, value_name = "FILE.mmdb", value_hint = ValueHint::FilePath, help_heading = "Labels")]
    pub geoip: Vec<PathBuf>,
}

/// How a table looks.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct LookArgs {
    /// Make a table N columns wide [default: the terminal's width, or else COLUMNS, or else 120]
    #[arg(long, value_name = "N", value_parser = width)]
    pub width: Option<u16>,

    /// Whether a table on standard output has colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: ColorArg,
}

/// How much is said.
#[derive(Debug, clap::Args)]
pub struct SaidArgs {
    /// Show neither a summary nor progress
    #[arg(short, long, help_heading = "Run")]
    pub quiet: bool,

    /// List every exclusion network and more defects in the summary
    #[arg(long, help_heading = "Run")]
    pub verbose: bool,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// On a terminal that has them, unless `NO_COLOR` or `CLICOLOR=0` is set; elsewhere with `CLICOLOR_FORCE`
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
