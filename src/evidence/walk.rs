//! [`walk`]: the files of a kind under given paths, where these are not evidence: rules, and partial results. Links are
//! followed.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

/// What is under some paths.
#[derive(Debug, Default)]
pub struct Walked {
    /// The files, by path, each once, whatever symbolic links lead to it.
    pub files: BTreeSet<PathBuf>,
    /// What cannot be walked or read, and why.
    pub failed: Vec<(PathBuf, String)>,
    /// The given paths under which there is neither.
    pub empty: Vec<PathBuf>,
}

/// Finds the files: each path itself, whatever its name, or those under it that are of the kind.
#[must_use]
pub fn walk(paths: &[PathBuf], is_of_kind: impl Fn(&Path) -> bool) -> Walked {
    let mut walked = Walked::default();
    for path in paths {
        let mut is_empty = true;
        for entry in WalkDir::new(path).follow_links(true) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => continue,
                Ok(entry) if entry.depth() > 0 && !is_of_kind(entry.path()) => continue,
                // A pipe that is met would be waited for, perhaps for ever.
                Ok(entry) if entry.depth() > 0 && !entry.file_type().is_file() => {
                    walked.failed.push((entry.into_path(), "it is not a regular file".to_owned()));
                }
                Ok(entry) => {
                    walked.files.insert(entry.into_path());
                }
                // A link to a folder that it is in, which is being walked.
                Err(error) if error.loop_ancestor().is_some() => continue,
                Err(error) => walked.failed.push(failure(&error, path)),
            }
            is_empty = false;
        }
        if is_empty {
            walked.empty.push(path.clone());
        }
    }
    // Of the names of one file, the first.
    let mut met = HashSet::new();
    walked.files.retain(|path| met.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone())));
    walked
}

/// What could not be walked under a path, and why.
pub(crate) fn failure(error: &walkdir::Error, under: &Path) -> (PathBuf, String) {
    let cause = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
    (error.path().unwrap_or(under).to_owned(), cause)
}
