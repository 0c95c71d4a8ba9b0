//! A [`Source`]: one log to read, or an archive with logs in it. Evidence is opened for reading only.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    evidence::{
        archive::{form::Coding, remains::Remains, zipped::Member},
        export::Export,
    },
    text,
};

/// A log, or an archive with logs in it, that could be opened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The path as text that is safe to print, with the member of an archive: `case.zip!logs/Sysmon.evtx`.
    pub name: String,
    /// The file's path as given, or as found under a given directory.
    pub path: PathBuf,
    /// How the log is packed in the file.
    pub packing: Packing,
    /// The log's size when it was found, in bytes; of a packed one, as stated.
    pub size: u64,
    /// What it was found to be; of a packed one, that shows when it is unpacked.
    pub kind: Kind,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A log, damaged or not.
    Log,
    /// Not a log, with nothing in it that looks like a chunk or a record of one.
    Blank,
    /// Events that were exported from a log.
    Export(Export),
}

/// How a file was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Its path was given.
    Given,
    /// It was met under a given directory.
    Met,
}

/// How a log is packed in its file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packing {
    /// The file is the log.
    Plain,
    /// The file is a packed log, or a tar file with logs in it, packed or not.
    Stream(Coding),
    /// The file is a 7z file with logs in it.
    SevenZip,
    /// A member of a zip file is the log, or an archive of logs.
    ZipMember(Arc<Member>),
    /// The file, or a member of it, is a zip file without its directory.
    ZipRemains(Remains),
}

/// The folder that a path is in.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// A path, absolute and without links on the way; the last part may be one.
pub(crate) fn in_folder(path: &Path) -> Option<PathBuf> {
    Some(folder(path).canonicalize().ok()?.join(path.file_name()?))
}

/// What a path is known by: where it stands, and what it leads to.
pub(crate) fn identities(path: &Path) -> impl Iterator<Item = PathBuf> {
    [in_folder(path), path.canonicalize().ok()].into_iter().flatten()
}

/// A file as it is, if it can be opened.
///
/// # Errors
///
/// Why it cannot.
pub(crate) fn file(path: &Path) -> io::Result<Source> {
    open(path).map(|(file, _)| file)
}

/// Opens a file to see whether it can be, and closes it again. Returns it with what it is known by, if by anything.
pub(super) fn open(path: &Path) -> io::Result<(Source, Option<Identity>)> {
    // Asked before it is opened: opening a pipe would wait for someone to write to it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let file = File::open(path)?;
    let source = Source {
        name: text::path(path),
        path: path.to_owned(),
        packing: Packing::Plain,
        size: file.metadata()?.len(),
        kind: Kind::Log,
    };
    let identity = identity(&file)?;
    Ok((source, Some(identity).filter(tells_apart)))
}

/// By what a file is known under all of its names: its device or volume, and its number there.
type Identity = (u64, u64);

/// Whether two files that are known by this are the same. A file system that has no numbers of 64 bits, as on some network drives, says
/// 0, and one that has none for a file all ones (MS-FSCC 2.1.9).
fn tells_apart(&(_, number): &Identity) -> bool {
    number != 0 && number != u64::MAX
}

#[cfg(unix)]
fn identity(file: &File) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Not its path: one in a shadow copy has none that a drive's letter starts.
#[cfg(windows)]
fn identity(file: &File) -> io::Result<Identity> {
    let information = winapi_util::file::information(file)?;
    Ok((information.volume_serial_number(), information.file_index()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_a_number_of_their_own_are_not_taken_for_one() {
        assert!(tells_apart(&(0, 7)));
        assert!(!tells_apart(&(7, 0)) && !tells_apart(&(7, u64::MAX)));
    }
}
