//! What can go wrong: an [`Error`] stops the run, a [`Defect`] is something wrong with the evidence.
//!
//! A defect is counted, named and carried to the summary; it never stops anything. Nothing here prints.

use std::{
    any::Any,
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{count, text};

/// Why a run ends without a report.
#[derive(Debug)]
pub enum Error {
    /// A value on the command line is wrong. The text shows the value, the accepted form and an example.
    Usage(String),
    /// Something could not be done with a file that is not evidence.
    File {
        /// The file.
        path: PathBuf,
        /// What failed, as in `cannot write the report`.
        what: &'static str,
        /// Why.
        cause: String,
    },
    /// No log could be searched, so there is nothing to report on.
    NothingToSearch {
        /// The given paths that have neither, safe to print.
        paths: Vec<String>,
        /// Files that were looked at and are neither logs nor archives of logs.
        others: u64,
        /// Files that were not opened, since `--only-names` tells them by their names.
        unopened: u64,
        /// Symbolic links that were not followed.
        links: u64,
    },
    /// Something in here is wrong: a panic that is not contained.
    Internal {
        /// What was being read, safe to print, if that is known.
        reading: Option<String>,
        /// What the panic said.
        cause: String,
    },
    /// Threads could not be started.
    Threads(String),
    /// Hits or groups are more than fit into memory and could not be put into temporary files, or be read from there.
    Spill(io::Error),
    /// The report could not be written to standard output.
    Stdout(io::Error),
}

impl Error {
    /// An error about a file that is not evidence.
    pub fn file(path: &Path, what: &'static str, cause: &impl ToString) -> Self {
        Self::File { path: path.to_owned(), what, cause: cause.to_string() }
    }

    /// A panic, perhaps over what was being read.
    pub(crate) fn internal(reading: Option<&str>, panic: &(dyn Any + Send)) -> Self {
        let cause = text::printable(of_panic(panic)).into_owned();
        Self::Internal { reading: reading.map(str::to_owned), cause }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::File { path, what, cause } => write!(f, "{}: {what}: {cause}", text::path(path)),
            Self::NothingToSearch { paths, others, unopened, links } => {
                if !paths.is_empty() {
                    write!(f, "{}: ", text::few(paths))?;
                }
                f.write_str("no event log found: give a log, an archive of logs, or a directory with either")?;
                if *others > 0 {
                    write!(f, "; files that are neither: {others}")?;
                }
                if *unopened > 0 {
                    write!(f, "; files that were not opened because of --only-names: {unopened}")?;
                }
                if *links > 0 {
                    write!(f, "; symbolic links that only --follow follows: {links}")?;
                }
                Ok(())
            }
            Self::Internal { reading: Some(name), cause } => {
                write!(f, "{name}: internal error while it was read: {cause}")
            }
            Self::Internal { reading: None, cause } => write!(f, "internal error: {cause}"),
            Self::Threads(cause) => write!(f, "threads: cannot start them: {cause}"),
            Self::Spill(cause) => {
                write!(
                    f,
                    "temporary files: cannot hold what does not fit into memory: {cause}; free space there or raise --max-memory"
                )
            }
            Self::Stdout(cause) => write!(f, "standard output: cannot write to it: {cause}"),
        }
    }
}

impl std::error::Error for Error {}

/// What a panic says.
pub(crate) fn of_panic(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic that says nothing")
}

/// The kinds of defects, in the order the summary lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DefectKind {
    /// A partial result that cannot be merged, or not as a whole. No partial result says it of one.
    #[serde(skip)]
    Partial,
    /// A path that is missing, cannot be opened or walked, or is not a regular file.
    Path,
    /// Bytes that could not be read from a file that was open.
    Read,
    /// A log or an archive that has shrunk or grown since it was found.
    Changed,
    /// An archive, or a member of one, that cannot be unpacked, or not within its limits.
    Archive,
    /// A file that can hold logs in a way that is not read. A member of an archive is one of the kind above; only members whose first bytes
    /// cannot be read, so that they may be logs, are of this one.
    NotOpened,
    /// A file that does not start with an EVTX file header.
    FileHeader,
    /// A file header that is marked as clean and has another checksum than it states.
    FileHeaderChecksum,
    /// A chunk without the magic `ElfChnk\0` that is not all zeros.
    ChunkMagic,
    /// Chunks that are not where the log has a place for them. They are read.
    Displaced,
    /// A chunk header that says what cannot be.
    ChunkHeader,
    /// A chunk header with another checksum than it states.
    ChunkHeaderChecksum,
    /// Records with another checksum than their chunk's header states. They are decoded all the same.
    ChunkDataChecksum,
    /// A chunk's table of names that points outside the chunk.
    StringTable,
    /// A chunk's table of templates that points outside the chunk.
    TemplateTable,
    /// A chunk that stopped the parser as a whole.
    Chunk,
    /// Something else than a record where the next one has to be.
    RecordMagic,
    /// A record whose size is less than its header's, reaches past the chunk, or is another at its end. The last is read.
    RecordSize,
    /// A record inside another, whose size was made to span it. It is read.
    Hidden,
    /// Records that look whole in a chunk that is damaged, and do not fit into it. They are read with recovery.
    Unread,
    /// Chunks or records that a header states and that are not there.
    Missing,
    /// A record that could not be decoded.
    Record,
    /// A connection whose time cannot be read. It is reported without one.
    Time,
    /// A connection with more text than its chunk can hold, made of templates that repeat it, or an exported event with a longer name of its
    /// host than there are. It is reported cut off.
    Text,
    /// Bytes of an export that are not of its encoding. The event is read, with the replacement character in their place.
    Replaced,
    /// A log that ends inside a header or a chunk.
    Truncated,
}

impl DefectKind {
    /// The kind as the summary names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Partial => "partial result",
            Self::Path => "path not searched",
            Self::Read => "read error",
            Self::Changed => "changed while it was read",
            Self::Archive => "not unpacked",
            Self::NotOpened => "not opened",
            Self::FileHeader => "file header",
            Self::FileHeaderChecksum => "file header checksum",
            Self::ChunkMagic => "chunk magic",
            Self::Displaced => "chunk out of place",
            Self::ChunkHeader => "chunk header",
            Self::ChunkHeaderChecksum => "chunk header checksum",
            Self::ChunkDataChecksum => "chunk data checksum",
            Self::StringTable => "string table",
            Self::TemplateTable => "template table",
            Self::Chunk => "chunk not decoded",
            Self::RecordMagic => "record magic",
            Self::RecordSize => "record size",
            Self::Hidden => "hidden record",
            Self::Unread => "record not read",
            Self::Missing => "missing",
            Self::Record => "record not decoded",
            Self::Time => "time not read",
            Self::Text => "text cut off",
            Self::Replaced => "bytes replaced",
            Self::Truncated => "log cut off",
        }
    }
}

/// Something wrong with the evidence.
///
/// Shown as `path: chunk N at 0xOFFSET: what is wrong`, or with `line N` for exported events, with the parts that are known. The order is by path, then
/// by place, so that it does not depend on which thread found it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Defect {
    /// The path as given or found, safe to print.
    #[serde(deserialize_with = "text::read_printable")]
    pub path: String,
    /// The chunk's number in the file, from 0.
    pub chunk: Option<u64>,
    /// The line in the file, from 1, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The offset in the file, in bytes.
    pub offset: Option<u64>,
    /// What kind of defect it is.
    pub kind: DefectKind,
    /// What is wrong, safe to print.
    #[serde(deserialize_with = "text::read_printable")]
    pub cause: String,
}

impl Defect {
    /// A defect of a whole path.
    pub fn of_path(path: &Path, kind: DefectKind, cause: &impl ToString) -> Self {
        let cause = text::printable(&cause.to_string()).into_owned();
        Self { path: text::path(path), chunk: None, line: None, offset: None, kind, cause }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        let line = self.line.map(|line| format!("line {line}"));
        let offset = self.offset.map(|offset| format!("at {offset:#x}"));
        let place = line.or_else(|| self.chunk.map(|chunk| format!("chunk {chunk}"))).into_iter().chain(offset);
        let place = place.collect::<Vec<_>>().join(" ");
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.cause)
    }
}

/// Defects counted by kind, with the first of them by path and place.
///
/// A hostile log can have a defect in every record, so only the first [`Defects::KEPT`] are held. Those of partial results and of
/// paths are held apart, so that no defect of a record hides that a host is missing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Defects {
    counts: BTreeMap<DefectKind, u64>,
    #[serde(skip)]
    partials: BTreeSet<Defect>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    paths: BTreeSet<Defect>,
    first: BTreeSet<Defect>,
}

impl Defects {
    /// How many defects are held in full, of partial results and of paths as many each; the rest are only counted.
    pub const KEPT: usize = 1000;

    /// How much of a cause is held, in bytes: what it quotes from evidence can be of any length.
    const LONGEST_CAUSE: usize = 4096;

    /// Counts `defect`, and holds it if it is one of the first.
    pub fn add(&mut self, defect: Defect) {
        count::add_count(&mut self.counts, defect.kind, 1);
        self.hold(defect);
    }

    /// Adds what another part of the scan found.
    pub fn merge(&mut self, other: Self) {
        count::add_counts(&mut self.counts, other.counts);
        other.partials.into_iter().chain(other.paths).chain(other.first).for_each(|defect| self.hold(defect));
    }

    /// Removes the defects of one source, given their number by kind. Defects of other sources that there was no room for are not
    /// brought back.
    pub fn drop_source(&mut self, name: &str, counts: &BTreeMap<DefectKind, u64>) {
        for (kind, count) in counts {
            if let Some(known) = self.counts.get_mut(kind) {
                *known = known.saturating_sub(*count);
            }
        }
        self.counts.retain(|_, count| *count > 0);
        for held in [&mut self.paths, &mut self.first] {
            held.retain(|defect| defect.path != name);
        }
    }

    /// With other paths in the place of some, but for those of partial results.
    pub fn rename(&mut self, others: &HashMap<String, String>) {
        let renamed =
            |defect: Defect| Defect { path: others.get(&defect.path).cloned().unwrap_or(defect.path), ..defect };
        for held in [&mut self.paths, &mut self.first] {
            *held = std::mem::take(held).into_iter().map(renamed).collect();
        }
    }

    /// How many defects there are of each kind that occurred.
    pub fn counts(&self) -> impl Iterator<Item = (DefectKind, u64)> + '_ {
        self.counts.iter().map(|(&kind, &count)| (kind, count))
    }

    /// How many defects there are in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        count::sum(self.counts.values().copied())
    }

    /// The first defects, at most [`Defects::KEPT`] of partial results, then of paths, then of all else, each by path and place.
    pub fn first(&self) -> impl Iterator<Item = &Defect> {
        self.of_whole(usize::MAX).chain(&self.first)
    }

    /// Those of them that are of partial results and of paths, so many of each at most. Who does not know of these takes what was read for all there is.
    pub fn of_whole(&self, most: usize) -> impl Iterator<Item = &Defect> {
        self.partials.iter().take(most).chain(self.paths.iter().take(most))
    }

    /// The others of them.
    pub fn within(&self) -> impl Iterator<Item = &Defect> {
        self.first.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn hold(&mut self, mut defect: Defect) {
        if let Cow::Owned(cause) = text::shortened(&defect.cause, Self::LONGEST_CAUSE) {
            defect.cause = cause;
        }
        let held = match defect.kind {
            DefectKind::Partial => &mut self.partials,
            DefectKind::Path => &mut self.paths,
            _ => &mut self.first,
        };
        held.insert(defect);
        if held.len() > Self::KEPT {
            held.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_shown_with_the_parts_of_its_place_that_are_known() {
        let shown = |chunk, line, offset| {
            let of_path = Defect::of_path(Path::new("x"), DefectKind::Chunk, &"wrong");
            Defect { chunk, line, offset, ..of_path }.to_string()
        };
        assert_eq!(shown(None, None, None), "x: wrong");
        assert_eq!(shown(Some(3), None, None), "x: chunk 3: wrong");
        assert_eq!(shown(Some(3), None, Some(16)), "x: chunk 3 at 0x10: wrong");
        assert_eq!(shown(None, Some(9), Some(16)), "x: line 9 at 0x10: wrong");
        assert_eq!(shown(None, Some(9), None), "x: line 9: wrong");
        assert_eq!(shown(None, None, Some(16)), "x: at 0x10: wrong");
    }

    #[test]
    fn causes_of_any_length_are_held_cut_off() {
        let mut one = Defects::default();
        one.add(Defect::of_path(Path::new("x"), DefectKind::Chunk, &"y".repeat(1 << 20)));
        let mut sum = Defects::default();
        sum.merge(one.clone());
        for defects in [one, sum] {
            let cause = &defects.first().next().unwrap().cause;
            assert_eq!(*cause, format!("{}…", "y".repeat(Defects::LONGEST_CAUSE)));
        }
    }
}
