//! A partial result: the groups of each source, or its hits, and all that is known of the run, in a file from which exactly the
//! same report can be made as from the sources, together with other partial results.
//!
//! The file is Parquet, which Spark, DuckDB and others read: its columns are in [`columns`](crate::report::parquet::columns), and its [`Facts`] are JSON in
//! its metadata. Both are in `docs/fleets.md`, and [`VERSION`] changes with them. How results are put together is in [`crate::fleet::merge`].

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use parquet::errors::ParquetError;
use serde::Deserialize;

use crate::{
    connection::{glossary::Field, process::Fact},
    fleet::{
        facts::{Facts, VERSION},
        pages::Footer,
        reader,
        stream::{self, Stream},
    },
    group::spill::Each,
    report::parquet::{
        checksums::{CHECKSUMS, Checksums},
        columns::{Row, Rows},
        fault::io_error,
        writer::Writer,
    },
};

/// Under what name the facts are in the file's metadata.
pub const SCHEMA: &str = "netsift-partial";

/// Under what name there is what is known of the processes of hits.
const PROCESSES: &str = "netsift-processes";

/// What is known of processes, for a partial result with each hit.
#[derive(Default)]
pub struct Processes<'a> {
    /// What is told of those of hits.
    pub of_hits: Vec<Fact>,
    /// What is told of all, in order.
    pub of_all: Option<Each<'a, Fact>>,
}

/// Writes a partial result, with what is known of processes if each hit is in it. `rows` hands on its rows, each once.
///
/// # Errors
///
/// What `out` or `rows` returns.
pub fn write(
    out: &mut (dyn Write + Send),
    mut facts: Facts,
    processes: Processes<'_>,
    rows: impl FnOnce(&mut dyn FnMut(Row) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = Writer::new(out, &facts.columns(), facts.rows).map_err(io_error)?;
    rows(&mut |row| writer.push(row).map_err(io_error))?;
    let Processes { of_hits, of_all } = processes;
    if let Some(all) = of_all {
        let (place, stream) = writer.append(|out| stream::write(all, out)).map_err(io_error)?;
        facts.process_events = Some(stream.at(&place));
    }
    let processes = (facts.rows == Rows::Events).then(|| serde_json::to_string(&of_hits)).transpose()?;
    let facts = (SCHEMA, serde_json::to_string(&facts)?);
    writer.finish([facts].into_iter().chain(processes.map(|processes| (PROCESSES, processes)))).map_err(io_error)?;
    Ok(())
}

/// Reads what a partial result says of the processes of its hits: nothing in one of an older version.
///
/// # Errors
///
/// It cannot be read, or is damaged.
pub fn processes(path: &Path) -> Result<Vec<Fact>, String> {
    let file = open(path).map_err(|error| error.to_string())?;
    let footer = Footer::read(&file).map_err(|error| io_error(error).to_string())?;
    let text = footer.text(PROCESSES);
    text.map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(text).map_err(|error| error.to_string()))
}

/// Hands on what a partial result says of all processes, in this stream of it.
///
/// # Errors
///
/// It cannot be read, or is not what is said of it. What came before was handed on.
pub fn process_events(path: &Path, stream: &Stream, each: impl FnMut(Fact)) -> Result<(), String> {
    open(path).and_then(|file| stream.read(&file, each)).map_err(|error| error.to_string())
}

/// Reads the facts of a partial result.
///
/// # Errors
///
/// It cannot be read, is not a partial result, or is one of a newer version.
pub fn facts(path: &Path) -> Result<Facts, String> {
    let not_one = |error: &dyn ToString| format!("not a partial result: {}", error.to_string());
    let file = open(path).map_err(|error| error.to_string())?;
    let footer = Footer::read(&file).map_err(|error| not_one(&io_error(error)))?;
    let text = footer.text(SCHEMA);
    let text = text.ok_or_else(|| not_one(&"a Parquet file that netsift did not write as one"))?;
    let texts = [SCHEMA, PROCESSES].into_iter().filter_map(|name| footer.text(name));
    if checksums(&footer).is_some_and(|checksums| !checksums.are_of_texts(texts)) {
        return Err(not_one(&"what it says of itself is damaged"));
    }
    let Versioned { version } = serde_json::from_str(text).map_err(|error| not_one(&error))?;
    if version > VERSION {
        return Err(format!("a partial result of version {version}: this tool reads versions up to {VERSION}"));
    }
    let facts: Facts = serde_json::from_str(text).map_err(|error| not_one(&error))?;
    facts.filter().map_err(|error| not_one(&error))?;
    // Each field is some columns, which rows take memory for.
    let is_twice = |field: &Field| facts.group_by.iter().filter(|&other| other == field).count() > 1;
    if facts.group_by.iter().any(is_twice) {
        return Err(not_one(&"it is grouped by a field twice"));
    }
    Ok(facts)
}

/// Hands on the rows of a partial result, which are of these fields and of this kind.
///
/// # Errors
///
/// It cannot be read, or what `each` returns; or its rows are not those that were written, which is known once all are handed on.
pub fn rows(path: &Path, fields: &[Field], rows: Rows, mut each: impl FnMut(Row) -> io::Result<()>) -> io::Result<()> {
    let each = |row| each(row).map_err(|error| ParquetError::External(error.into()));
    let file = open(path)?;
    reader::read(&file, fields, rows, each).map_err(io_error)?;
    match checksums(&Footer::read(&file).map_err(io_error)?) {
        Some(checksums) if !checksums.are_of_rows(&file)? => {
            Err(io::Error::other("they are damaged: they have another checksum than those that were written"))
        }
        _ => Ok(()),
    }
}

/// Opens what is to be a partial result.
fn open(path: &Path) -> io::Result<File> {
    // A pipe would be waited for, perhaps for ever, and a partial result is not read from its start to its end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    File::open(path)
}

/// The checksums of a partial result: none in one of an older version.
fn checksums(footer: &Footer) -> Option<Checksums> {
    serde_json::from_str(footer.text(CHECKSUMS)?).ok()
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_has_become_a_device_or_a_pipe_is_not_read() {
        let path = Path::new("/dev/null");
        let refused = Err("it is not a regular file".to_owned());
        assert_eq!(processes(path).map(drop), refused);
        assert_eq!(facts(path).map(drop), refused);
        assert_eq!(rows(path, &[], Rows::Groups, |_| Ok(())).map_err(|error| error.to_string()), refused);
    }
}
