//! Names of files to write: their endings have to say what is written.
//!
//! An ending that says no format, or none that is known here, goes with all of them.

use std::path::Path;

use crate::{error::Error, text};

/// Endings that say a format, in lower case.
const KNOWN: [&str; 21] = [
    "csv", "jsonl", "ndjson", "txt", "parquet", "json", "html", "htm", "xlsx", "xls", "ods", "tsv", "xml", "evtx",
    "pdf", "md", "zip", "gz", "yml", "yaml", "db",
];

/// Makes sure that the ending of a file's name says none but these formats. `advice` is what to give in its place.
///
/// # Errors
///
/// It says another.
pub(super) fn check(option: &str, path: &Path, endings: &[&str], advice: &str) -> Result<(), Error> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let (is_known, is_right) = (KNOWN.contains(&&*ending), endings.contains(&&*ending));
    if is_known && !is_right {
        let path = text::path(path);
        return Err(Error::Usage(format!("{option} {path}: it is not written as {ending}: {advice}")));
    }
    Ok(())
}
