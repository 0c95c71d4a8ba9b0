//! The [`Outputs`]: everything that a run writes, and how it looks. What it is of is in [`crate::terms`].

use std::{collections::HashSet, iter, path::PathBuf};

use crate::{
    args::OutputArgs,
    error::Error,
    output::{self, Existing, Output},
    partial::Rows,
    report::{Cells, Format, Mark, Screen, Style},
    text,
};

/// What a run writes.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// Where the report goes.
    pub report: Output,
    /// How the report looks.
    pub style: Style,
    /// Whether the report and the page say how rare connections are.
    pub rarity: bool,
    /// Where the report of events goes, if there is to be one.
    pub events: Option<Output>,
    /// Where the page goes, if there is to be one.
    pub html: Option<Output>,
    /// Where the manifest goes, if there is to be one.
    pub manifest: Option<Output>,
    /// Where the partial result goes, if there is to be one, and what its rows are.
    pub partial: Option<(Output, Rows)>,
    /// Whether the manifest has facts about the run itself.
    pub run_info: bool,
    /// The command line as it was, without the tool's own name.
    pub arguments: Vec<String>,
}

impl Outputs {
    /// Makes sense of what was given, and of a partial result. `arguments` is the command line as it was.
    ///
    /// # Errors
    ///
    /// A mark for a format that has none.
    pub fn new(args: OutputArgs, partial: Option<(PathBuf, Rows)>, arguments: Vec<String>) -> Result<Self, Error> {
        let style = style(&args)?;
        if let Some((path, format)) = args.events.as_ref().and_then(|path| Some((path, Format::of_ending(path)?)))
            && format != Format::Csv
        {
            let message = format!("--events {}: events are CSV: give a name such as events.csv", text::path(path));
            return Err(Error::Usage(message));
        }
        let existing = if args.force { Existing::Replace } else { Existing::Keep };
        let file = |path| Output::new(path, existing);
        Ok(Self {
            report: args.output.map_or(Output::Stdout, file),
            style,
            rarity: false,
            events: args.events.map(file),
            html: args.html.map(file),
            manifest: args.manifest.map(file),
            partial: partial.map(|(path, rows)| (file(path), rows)),
            run_info: args.manifest_run_info,
            arguments,
        })
    }

    /// Standard output is this terminal, or none. What is written to a file does not depend on it.
    pub fn show_on(&mut self, screen: Option<Screen>) {
        self.style.screen = screen.filter(|_| self.report == Output::Stdout);
    }

    /// Whether each hit has to be known for them, and not only the groups.
    #[must_use]
    pub fn need_hits(&self) -> bool {
        let is_of_hits = self.partial.as_ref().is_some_and(|&(_, rows)| rows == Rows::Events);
        self.events.is_some() || self.html.is_some() || is_of_hits
    }

    /// Whether the groups of each source have to be known apart.
    #[must_use]
    pub fn need_sources(&self) -> bool {
        self.partial.as_ref().is_some_and(|&(_, rows)| rows == Rows::Groups)
    }

    /// Whether it has to be known what exactly was read: the hashes of the logs, and the ids of their records.
    #[must_use]
    pub fn need_hashes(&self) -> bool {
        self.manifest.is_some() || self.partial.is_some()
    }

    /// Makes sure, before anything is read, that everything can be written, and that nothing of it is evidence.
    ///
    /// # Errors
    ///
    /// See [`Output::check`] and [`output::distinct`]; or a terminal would get what is not text.
    pub fn check(&self, met: &HashSet<PathBuf>) -> Result<(), Error> {
        if self.style.format() == Format::Parquet && self.style.screen.is_some() {
            return Err(Error::Usage(
                "--format parquet is not for a terminal: give a file, for example -o report.parquet".to_owned(),
            ));
        }
        let partial = self.partial.as_ref().map(|(output, _)| output);
        let more = [self.events.as_ref(), self.html.as_ref(), self.manifest.as_ref(), partial];
        let outputs = || iter::once(&self.report).chain(more.into_iter().flatten());
        outputs().try_for_each(|output| output.check(met))?;
        output::distinct(outputs())
    }
}

fn style(args: &OutputArgs) -> Result<Style, Error> {
    let by_ending = args.output.as_ref().and_then(|path| Some((path, Format::of_ending(path)?)));
    if let (Some((path, of_ending)), Some(format)) = (by_ending, args.format)
        && format != of_ending
    {
        return Err(Error::Usage(format!(
            "-o {} with --format {}: the name says {}; leave --format out, or give another name",
            text::path(path),
            format.name(),
            of_ending.name(),
        )));
    }
    let format = args.format.or(by_ending.map(|(_, format)| format));
    let mark = if args.bom { Mark::Utf8 } else { Mark::None };
    if let (Mark::Utf8, Some(format @ (Format::Jsonl | Format::Table | Format::Parquet))) = (mark, format) {
        return Err(Error::Usage(format!(
            "--bom with --format {}: only CSV has a byte order mark, for example --format csv --bom",
            format.name()
        )));
    }
    let cells = if args.raw_cells { Cells::Raw } else { Cells::Guarded };
    Ok(Style { format, time_format: args.time_format, cells, mark, screen: None })
}
