//! A [`Source`]: one log to read; and how the logs under the given paths are found.
//!
//! Evidence is opened for reading only. What is in a log is not this file's concern.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use crate::error::{Defect, DefectKind, Defects};

/// A log that could be opened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The path as given, or as found under a given directory.
    pub path: PathBuf,
    /// The path without links and dots, by which a log is known.
    pub canonical: PathBuf,
    /// Its size when it was found, in bytes.
    pub size: u64,
}

/// What was found under the given paths.
#[derive(Debug, Default)]
pub struct Sources {
    /// The logs, by path, each once.
    pub logs: Vec<Source>,
    /// What could not be searched.
    pub defects: Defects,
    /// Symbolic links that were met in directories and not followed.
    pub links: u64,
}

/// Finds the logs: each path itself, whatever its name, or all `*.evtx` files (in any case) under it.
///
/// Symbolic links are followed where they are given, not where they are met. A log given twice is found once.
#[must_use]
pub fn discover(paths: &[PathBuf]) -> Sources {
    let mut found = Sources::default();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => found.walk(path),
            Ok(_) => found.add(path),
            Err(error) => found.defects.add(Defect::of_path(path, DefectKind::Path, &error)),
        }
    }
    let mut known = HashSet::new();
    found.logs.sort_unstable();
    found.logs.retain(|log| known.insert(log.canonical.clone()));
    found
}

impl Sources {
    fn walk(&mut self, directory: &Path) {
        for entry in WalkDir::new(directory).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.path_is_symlink() && entry.depth() > 0 => self.links += 1,
                Ok(entry) if entry.file_type().is_dir() || !is_log(entry.path()) => {}
                Ok(entry) => self.add(entry.path()),
                Err(error) => {
                    let path = error.path().unwrap_or(directory).to_owned();
                    let cause = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    self.defects.add(Defect::of_path(&path, DefectKind::Path, &cause));
                }
            }
        }
    }

    fn add(&mut self, path: &Path) {
        match open_log(path) {
            Ok(log) => self.logs.push(log),
            Err(error) => self.defects.add(Defect::of_path(path, DefectKind::Path, &error)),
        }
    }
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("evtx"))
}

/// Opens a log to see whether it can be, and closes it again.
fn open_log(path: &Path) -> io::Result<Source> {
    // Asked before it is opened: opening a pipe would wait for someone to write to it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let size = File::open(path)?.metadata()?.len();
    Ok(Source { path: path.to_owned(), canonical: path.canonicalize()?, size })
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
