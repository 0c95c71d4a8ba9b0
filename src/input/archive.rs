//! Archives: logs that are packed in zip, gzip and tar files, listed and unpacked as streams, never to disk.
//!
//! An archive is hostile until it is read: what it states about its members is held against what comes out of them, and
//! what it must not do is a defect of that member. How the formats are laid out is the business of their crates, what a
//! log is that of [`crate::scan`].

mod form;
mod gzipped;
mod stream;
mod zipped;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::Arc,
};

use self::form::Form;
pub use self::zipped::Member;
use crate::{
    error::{Defect, DefectKind},
    input::{self, Source},
    text,
};

/// How a log is packed in its file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packing {
    /// The file is the log.
    Plain,
    /// The file is a gzip file of a log, or of a tar file with logs in it.
    Gzip,
    /// A member of a zip file is the log, or an archive of logs.
    ZipMember(Arc<Member>),
}

/// What is allowed of archives.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most bytes that a member may unpack to.
    pub member_size: u64,
    /// The password of encrypted members.
    pub password: Option<String>,
}

/// The most that an archive may be unpacked to in memory, where it cannot be read in place: 1 GiB.
const IN_MEMORY: u64 = 1 << 30;
/// No gzip file is unpacked to more than this many times its size: deflate cannot do more than 1032.
const RATIO: u64 = 1100;

impl Limits {
    /// The most bytes that an archive in an archive may unpack to, if it has to be held in memory.
    fn in_memory(&self) -> u64 {
        self.member_size.min(IN_MEMORY)
    }

    /// The most bytes that a tar file that is packed in `packed` bytes may have.
    fn total(&self, packed: u64) -> u64 {
        self.member_size.max(packed.saturating_mul(RATIO))
    }
}

/// How deep an archive lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// It is a file.
    File,
    /// It is in an archive that is a file. What is in it is not opened if it is an archive.
    Member,
}

/// What is wrong with an archive in an archive in an archive.
const TOO_DEEP: &str = "nested too deep: an archive in an archive in an archive is not opened";

/// Where logs that are unpacked go, and what could not be unpacked.
struct Unpacked<'a> {
    limits: &'a Limits,
    each: &'a mut dyn FnMut(&str, &mut dyn Read),
    defects: Vec<Defect>,
}

impl Unpacked<'_> {
    fn defect(&mut self, name: &str, cause: &str) {
        self.defects.push(defect(name, cause));
    }

    /// Hands on a member of `size` bytes: the log itself, or the logs in it.
    fn take(&mut self, form: Form, name: &str, size: u64, stream: &mut dyn Read) {
        match form {
            Form::Log => (self.each)(name, stream),
            Form::Gzip => gzipped::unpack(name, size, stream, Depth::Member, self),
            Form::Zip => zipped::unpack_in_memory(name, size, stream, self),
        }
    }
}

/// Whether a file met in a directory is a log or an archive, by its name.
#[must_use]
pub fn is_of_interest(path: &Path) -> bool {
    Form::of_name(&path.to_string_lossy()).is_some()
}

/// The logs in `file`: itself, or the members of an archive that are logs or archives of logs, and what is wrong with it.
///
/// What a file is, its first bytes say. One that starts like neither a zip nor a gzip file is a log, unless it has the name
/// of an archive.
#[must_use]
pub fn list(file: Source, limits: &Limits) -> (Vec<Source>, Vec<Defect>) {
    let named = Form::of_name(&file.path.to_string_lossy());
    let mut head = [0; 8];
    let read = File::open(&file.path).and_then(|file| input::read_at(&file, &mut head, 0));
    // What cannot be read is left for the scan to say.
    let Ok(size) = read else { return (vec![file], Vec::new()) };
    let found = Form::of_content(head.get(..size).unwrap_or_default());
    match (found, named) {
        (Some(Form::Zip), _) | (None, Some(Form::Zip)) => {
            match contained(|| zipped::list(&file, limits)).and_then(|listed| listed) {
                Ok(listed) => listed,
                // A damaged log can start with anything.
                Err(_) if named == Some(Form::Log) => (vec![file], Vec::new()),
                Err(cause) => (Vec::new(), vec![defect(&file.name, &cause)]),
            }
        }
        (Some(Form::Gzip), _) => (vec![Source { packing: Packing::Gzip, ..file }], Vec::new()),
        (None, Some(Form::Gzip)) => (Vec::new(), vec![defect(&file.name, "not a gzip file")]),
        _ => (vec![file], Vec::new()),
    }
}

/// Hands each log that is packed in `source` to `each`, with its name, as a stream. Returns what could not be unpacked.
pub fn unpack(source: &Source, limits: &Limits, each: &mut dyn FnMut(&str, &mut dyn Read)) -> Vec<Defect> {
    let mut out = Unpacked { limits, each, defects: Vec::new() };
    let done = contained(|| -> io::Result<()> {
        let mut file = File::open(&source.path)?;
        match &source.packing {
            Packing::Plain => (out.each)(&source.name, &mut file),
            Packing::Gzip => gzipped::unpack(&source.name, source.size, &mut file, Depth::File, &mut out),
            Packing::ZipMember(member) => zipped::unpack(&source.name, &file, member, &mut out),
        }
        Ok(())
    });
    match done {
        Ok(Ok(())) => {}
        Ok(Err(error)) => out.defects.push(Defect::of_path(&source.path, DefectKind::Path, &error)),
        Err(cause) => out.defect(&source.name, &cause),
    }
    out.defects
}

/// A defect of an archive or of a member, by its name.
fn defect(name: &str, cause: &str) -> Defect {
    let cause = text::printable(cause).into_owned();
    Defect { path: name.to_owned(), chunk: None, offset: None, kind: DefectKind::Archive, cause }
}

/// Does what may panic over a hostile archive.
fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What is left behind by a panic is findings that are whole, and readers that are not used again.
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| "the reader of archives failed on it".to_owned())
}

/// The names of members, each once.
#[derive(Debug, Default)]
struct Names(HashMap<String, u32>);

impl Names {
    /// `archive!member`, safe to print, with a number behind it if it is not the first of that name.
    fn of_member(&mut self, archive: &str, member: &str) -> String {
        let name = format!("{archive}!{}", text::printable(&member.replace('\\', "/")));
        let count = self.0.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name} ({count})") }
    }
}
