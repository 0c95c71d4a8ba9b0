//! The [`Outputs`]: everything that a run writes, and how it looks. What it is of is in [`crate::scan::terms`].

use std::{
    collections::HashSet,
    io::{self, Write},
    iter,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    connection::glossary::Field,
    error::Error,
    evidence::{digest::Hashes, source},
    label::labels::Labels,
    report::{
        behind,
        output::{self, Output, Pending},
        parquet::columns::Rows,
        style::{Format, Screen, Sheet, Style},
    },
};

/// Which rows are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Showing {
    /// All of them.
    #[default]
    All,
    /// Those with a connection that is on a list.
    Watched,
}

/// What a run writes.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// Where the report goes.
    pub report: Output,
    /// How the report looks.
    pub style: Style,
    /// Whether the report and the page say how rare connections are.
    pub rarity: bool,
    /// Whether the report and the events say what is known of the processes behind connections.
    pub context: bool,
    /// What the report, the page and the events say of the peers of connections, if anything.
    pub labels: Option<Arc<Labels>>,
    /// Which rows they have.
    pub showing: Showing,
    /// Where the report of events goes, if there is to be one.
    pub events: Option<Output>,
    /// Where the table of beacons goes, if there is to be one.
    pub beacons: Option<Output>,
    /// Where the page goes, if there is to be one.
    pub html: Option<Output>,
    /// What the page is called, if not after its rule.
    pub case: Option<String>,
    /// Where the manifest goes, if there is to be one.
    pub manifest: Option<Output>,
    /// Where the partial result goes, if there is to be one, and what its rows are.
    pub partial: Option<(Output, Rows)>,
    /// How many threads make the rows of the report.
    pub threads: NonZeroUsize,
    /// Whether the manifest has facts about the run itself.
    pub run_info: bool,
    /// The command line as it was, without the tool's own name.
    pub arguments: Vec<String>,
    /// The files that options were read from: rules, lists of values, and arguments.
    pub reads: Vec<PathBuf>,
}

impl Outputs {
    /// Standard output is this terminal, or none, and then this sheet. What is written to a file does not depend on it.
    pub fn show_on(&mut self, screen: Option<Screen>, sheet: Sheet) {
        if self.report == Output::Stdout {
            self.style.screen = screen;
            self.style.sheet = sheet;
        }
    }

    /// Writes one of them with `write`, and returns its SHA-256 if the manifest or the page will say it.
    ///
    /// # Errors
    ///
    /// It cannot be written ([`Output::write`]).
    pub fn write(
        &self,
        output: &Output,
        pending: &mut Pending,
        write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<Option<String>, Error> {
        let write = |out: &mut (dyn Write + Send)| behind::write(out, self.threads, write);
        if self.manifest.is_some() || self.html.is_some() {
            output.write_hashed(pending, write).map(Some)
        } else {
            output.write(pending, write).map(|()| None)
        }
    }

    /// Whether rows are left out that have no connection which is on a list.
    #[must_use]
    pub fn only_watched(&self) -> bool {
        self.showing == Showing::Watched
    }

    /// Whether each hit has to be known for them, and not only the groups.
    #[must_use]
    pub fn need_hits(&self) -> bool {
        self.events.is_some() || self.beacons.is_some() || self.labels.is_some() || self.need_processes()
    }

    /// Whether what is known of the processes behind hits has to be known for them. The page always says it, so a partial result
    /// that a page can be made of has it too. Lists can have names that they asked DNS for.
    #[must_use]
    pub fn need_processes(&self) -> bool {
        let asks_names = self.labels.as_ref().is_some_and(|labels| labels.ask_names());
        self.context || self.make_pages() || asks_names
    }

    /// Whether a page is made, now or of a partial result.
    #[must_use]
    pub fn make_pages(&self) -> bool {
        self.html.is_some() || self.has_hits()
    }

    /// Whether the peers of hits are shown, now or by what is made of a partial result: on a page that groups by these fields, or in the
    /// sentences of events.
    #[must_use]
    pub fn show_peers(&self, page_by: &[Field]) -> bool {
        let on_page = self.html.is_some() && page_by.contains(&Field::Peer);
        let in_sentences = self.events.is_some() && self.style.events.has_sentences();
        on_page || in_sentences || self.has_hits()
    }

    /// Whether there is a partial result with each hit, of which all else can be made.
    #[must_use]
    pub fn has_hits(&self) -> bool {
        self.partial.as_ref().is_some_and(|&(_, rows)| rows == Rows::Events)
    }

    /// Whether the groups of each source have to be known apart.
    #[must_use]
    pub fn need_sources(&self) -> bool {
        self.partial.as_ref().is_some_and(|&(_, rows)| rows == Rows::Groups)
    }

    /// The hashes by which it has to be known what exactly was read, and the ids of the records with them. A partial result tells
    /// logs apart by one.
    #[must_use]
    pub fn hashes(&self) -> Option<Hashes> {
        let of_partial = self.partial.as_ref().map(|_| Hashes::Sha256);
        self.manifest.as_ref().map(|_| Hashes::All).or(of_partial)
    }

    /// Makes sure, before anything is read, that everything can be written, and that nothing of it is evidence, or what an option
    /// was read from.
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
        let labels = self.labels.iter().flat_map(|labels| labels.files()).map(|file| &*file.path);
        // What is read from a device or a pipe is not lost where something is written to it.
        let reads = self.reads.iter().map(|path| &**path).filter(|path| path.is_file());
        let met = met.iter().cloned().chain(labels.chain(reads).flat_map(source::identities)).collect();
        self.all().try_for_each(|output| output.check(&met))?;
        output::distinct(self.all())
    }

    /// The files that are written.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.all().filter_map(|output| match output {
            Output::File { path, .. } => Some(&**path),
            Output::Stdout | Output::Stream(_) => None,
        })
    }

    fn all(&self) -> impl Iterator<Item = &Output> {
        let partial = self.partial.as_ref().map(|(output, _)| output);
        let more = [self.events.as_ref(), self.beacons.as_ref(), self.html.as_ref(), self.manifest.as_ref(), partial];
        iter::once(&self.report).chain(more.into_iter().flatten())
    }
}
