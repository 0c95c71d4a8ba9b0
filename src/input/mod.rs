//! A [`Source`]: one log to read, or an archive with logs in it; and how they are found under the given paths.
//!
//! Evidence is opened for reading only. What is in a log is not this file's concern.

pub mod archive;

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

pub use archive::{Contents, KnownBy, Limits, Packing};

use crate::{
    error::{Defect, DefectKind, Defects},
    text, walk,
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
    /// Whether it is no log and has nothing in it that looks like a chunk or a record of one.
    pub is_blank: bool,
}

/// How a file was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Its path was given.
    Given,
    /// It was met under a given directory.
    Met,
}

/// Whether symbolic links that are met in directories are followed. Those that are given always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// They are counted and left alone.
    Skip,
    /// They are followed, but not in circles.
    Follow,
}

/// What was found under the given paths.
#[derive(Debug, Default)]
pub struct Sources {
    /// The logs, by name, each once.
    pub logs: Vec<Source>,
    /// The archives, as the files that they are, by name, each once: also those without a log and those that cannot be read.
    pub archives: Vec<Source>,
    /// What could not be searched.
    pub defects: Defects,
    /// Symbolic links that were met and not followed.
    pub links: u64,
    /// Files that were met and are none of it.
    pub others: u64,
    /// Every log, archive and link that was met, opened or not: absolute, and as what it leads to. None of them is to be
    /// written to.
    pub met: HashSet<PathBuf>,
}

/// Finds the logs: each path itself, whatever its name, or all logs and archives under it, by their names in any case or by
/// their first bytes. A log given twice, or under two names, is found once, by the first of its names.
#[must_use]
pub fn discover(paths: &[PathBuf], links: Links, limits: &Limits) -> Sources {
    let mut found = Sources::default();
    let mut files = Vec::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => found.walk(path, links, limits, &mut files),
            Ok(_) => files.push((path.clone(), Origin::Given)),
            Err(error) => found.defects.add(Defect::of_path(path, DefectKind::Path, &error)),
        }
    }
    files.sort_unstable();
    let mut known = HashSet::new();
    for (path, origin) in files {
        match open(&path) {
            Ok((log, identity)) => {
                if known.contains(&identity) {
                    found.meet(&path);
                    continue;
                }
                let contents = archive::list(log, origin, limits);
                if !matches!(contents, Contents::LeftAlone) || archive::is_of_interest(&path) {
                    found.meet(&path);
                }
                match contents {
                    // It may have been given by another name.
                    Contents::LeftAlone => {
                        found.others += 1;
                        continue;
                    }
                    Contents::Log(log) => found.logs.push(log),
                    Contents::Foreign(what) => {
                        found.defects.add(Defect::of_path(&path, DefectKind::NotOpened, &what));
                    }
                    Contents::Archive { file, logs, defects } => {
                        found.archives.push(file);
                        found.logs.extend(logs);
                        for defect in defects {
                            found.defects.add(defect);
                        }
                    }
                }
                known.insert(identity);
            }
            Err(error) => {
                found.meet(&path);
                found.defects.add(Defect::of_path(&path, DefectKind::Path, &error));
            }
        }
    }
    found.logs.sort_unstable();
    found.archives.sort_unstable();
    found
}

impl Sources {
    fn walk(&mut self, directory: &Path, links: Links, limits: &Limits, files: &mut Vec<(PathBuf, Origin)>) {
        for entry in WalkDir::new(directory).follow_links(links == Links::Follow) {
            match entry {
                Ok(entry) if links == Links::Skip && entry.path_is_symlink() && entry.depth() > 0 => {
                    self.links += 1;
                    self.meet(entry.path());
                }
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) if !limits.look_at(entry.path(), entry.file_type().is_file()) => self.others += 1,
                Ok(entry) => files.push((entry.into_path(), Origin::Met)),
                Err(error) => {
                    let (path, cause) = walk::failure(&error, directory);
                    self.defects.add(Defect::of_path(&path, DefectKind::Path, &cause));
                }
            }
        }
    }

    fn meet(&mut self, path: &Path) {
        self.met.extend(identities(path));
    }
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

/// Opens a file to see whether it can be, and closes it again. Returns it with what it is known by.
fn open(path: &Path) -> io::Result<(Source, Identity)> {
    // Asked before it is opened: opening a pipe would wait for someone to write to it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let metadata = File::open(path)?.metadata()?;
    let source = Source {
        name: text::path(path),
        path: path.to_owned(),
        packing: Packing::Plain,
        size: metadata.len(),
        is_blank: false,
    };
    Ok((source, identity(path, &metadata)?))
}

/// By what a file is known under all of its names.
#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn identity(_: &Path, metadata: &fs::Metadata) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    Ok((metadata.dev(), metadata.ino()))
}

/// By what a file is known under all of its names, but for hard links.
#[cfg(not(unix))]
type Identity = PathBuf;

#[cfg(not(unix))]
fn identity(path: &Path, _: &fs::Metadata) -> io::Result<Identity> {
    path.canonicalize()
}

/// Reads `buffer.len()` bytes at `offset`, or as many as the file has there.
///
/// # Errors
///
/// What the operating system returns, but for interruptions.
pub(crate) fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<usize> {
    let mut total = 0;
    while !buffer.is_empty() {
        match positioned_read(file, buffer, offset) {
            Ok(0) => break,
            Ok(size) => {
                total += size;
                offset += size as u64;
                buffer = buffer.get_mut(size..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

#[cfg(unix)]
fn positioned_read(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn positioned_read(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
