//! [`Sources`]: what is found under the given paths, logs and archives with logs in them.
//!
//! Evidence is opened for reading only. What is in a log is not this file's concern.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use crate::{
    error::{Defect, DefectKind, Defects, Error},
    evidence::{
        archive::{
            limits::{self, Limits},
            list::{self, Contents},
        },
        source::{self, Origin, Source, identities},
        walk,
    },
    text,
};

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
    /// Files that were met and are neither logs nor archives.
    pub others: u64,
    /// Files that were met and not opened, since only names count and theirs are not those of logs or archives.
    pub unopened: u64,
    /// Given paths without a log or an archive, and archives without a log, that nothing is wrong with: what was to be in them is missing.
    pub empty: Vec<PathBuf>,
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
    // The given paths under which there is something, by their places.
    let mut filled = HashSet::new();
    for (place, path) in paths.iter().enumerate() {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let defects = found.defects.total();
                found.walk(path, links, limits, |file| files.push((file, Origin::Met, place)));
                if found.defects.total() > defects {
                    filled.insert(place);
                }
            }
            Ok(_) => files.push((path.clone(), Origin::Given, place)),
            Err(error) => {
                filled.insert(place);
                found.defects.add(Defect::of_path(path, DefectKind::Path, &error));
            }
        }
    }
    files.sort_unstable();
    let mut known = HashSet::new();
    for (path, origin, place) in files {
        match source::open(&path) {
            Ok((log, identity)) => {
                if identity.is_some_and(|identity| known.contains(&identity)) {
                    filled.insert(place);
                    found.meet(&path);
                    continue;
                }
                let contents = list::list(log, origin, limits);
                if !matches!(contents, Contents::LeftAlone) || limits::is_of_interest(&path) {
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
                        if logs.is_empty() && defects.is_empty() {
                            found.empty.push(path.clone());
                        }
                        found.archives.push(file);
                        found.logs.extend(logs);
                        for defect in defects {
                            found.defects.add(defect);
                        }
                    }
                }
                filled.insert(place);
                known.extend(identity);
            }
            Err(error) => {
                filled.insert(place);
                found.meet(&path);
                found.defects.add(Defect::of_path(&path, DefectKind::Path, &error));
            }
        }
    }
    found.logs.sort_unstable();
    found.archives.sort_unstable();
    let empty = paths.iter().enumerate().filter(|(place, _)| !filled.contains(place)).map(|(_, path)| path.clone());
    found.empty.extend(empty);
    found.empty.sort_unstable();
    found.empty.dedup();
    found
}

impl Sources {
    /// Makes sure that there is anything to search.
    ///
    /// # Errors
    ///
    /// There is not. The error says what was met instead.
    pub fn has_logs(&self) -> Result<(), Error> {
        if self.logs.is_empty() {
            let paths = self.empty.iter().map(|path| text::path(path)).collect();
            return Err(Error::NothingToSearch {
                paths,
                others: self.others,
                unopened: self.unopened,
                links: self.links,
            });
        }
        Ok(())
    }

    fn walk(&mut self, directory: &Path, links: Links, limits: &Limits, mut each: impl FnMut(PathBuf)) {
        for entry in WalkDir::new(directory).follow_links(links == Links::Follow) {
            match entry {
                Ok(entry) if links == Links::Skip && entry.path_is_symlink() && entry.depth() > 0 => {
                    self.links += 1;
                    self.meet(entry.path());
                }
                // The path itself is a folder, or a link to one.
                Ok(entry) if entry.file_type().is_dir() || entry.depth() == 0 => {}
                Ok(entry) if !limits.look_at(entry.path(), entry.file_type().is_file()) => {
                    // What is not a regular file is not opened in any case.
                    let count = if entry.file_type().is_file() { &mut self.unopened } else { &mut self.others };
                    *count += 1;
                }
                Ok(entry) => each(entry.into_path()),
                // A link to a folder that it is in, which is being read.
                Err(error) if error.loop_ancestor().is_some() => {
                    error.path().into_iter().for_each(|path| self.meet(path));
                }
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
