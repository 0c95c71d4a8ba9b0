//! Archives: logs that are packed in zip, 7z and tar files, or as gzip, bzip2, xz or Zstandard files, listed and unpacked as
//! streams, never to disk.
//!
//! An archive is hostile until it is read: what it states about its members is held against what comes out of them, and
//! what it must not do is a defect of that member. How the formats are laid out is the business of their crates, what a
//! log is that of [`crate::scan`].

mod foreign;
mod form;
mod packed;
mod remains;
mod sevenz;
mod stream;
mod zipped;
mod zstd;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    panic::{self, AssertUnwindSafe},
    path::Path,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use self::{
    form::{Coding, starts_like_evidence},
    remains::Remains,
    zipped::Member,
};
use self::{
    form::{Content, Form, SHOWING},
    stream::{Bound, Bounded, Budget, Told},
};
use crate::{
    aligned::Aligned,
    error::{Defect, DefectKind},
    input::{self, Origin, Source},
    record, text,
};

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

/// How a file that is met, and a member of an archive, is known for a log or an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// By its name, or by its first bytes.
    Content,
    /// By its name alone.
    Name,
}

/// What is allowed of archives, and what is looked for in them.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most bytes that a member may unpack to.
    pub member_size: u64,
    /// The password of encrypted members.
    pub password: Option<String>,
    /// How files in folders and members of archives are known for logs and archives.
    known_by: KnownBy,
    /// Held by who holds an archive in memory, so that there is one at a time.
    memory: Arc<Mutex<()>>,
}

/// The most memory that a decoder may take, in bytes: 512 MiB. The largest dictionary of xz and 7z that is in use has 64 MiB,
/// that of Zstandard 128 MiB.
const MEMORY: u32 = 512 << 20;

/// The most that an archive may be unpacked to in memory, where it cannot be read in place: 1 GiB.
const IN_MEMORY: u64 = 1 << 30;
/// No file is unpacked to more than this many times its size: deflate cannot do more than 1032.
const RATIO: u64 = 1100;
/// What any file may be unpacked to: 64 MiB.
const ALWAYS: u64 = 64 << 20;

impl Limits {
    /// With these two, as they are on the command line.
    #[must_use]
    pub fn new(member_size: u64, password: Option<String>) -> Self {
        Self { member_size, password, known_by: KnownBy::Content, memory: Arc::default() }
    }

    /// The same, with logs and archives known in this way.
    #[must_use]
    pub fn known_by(self, known_by: KnownBy) -> Self {
        Self { known_by, ..self }
    }

    /// Whether a file that is met in a directory is looked at. What is no regular file is named if it has the name of a log.
    pub(super) fn look_at(&self, path: &Path, is_regular: bool) -> bool {
        is_of_interest(path) || (self.known_by == KnownBy::Content && is_regular)
    }

    /// What a member of this name is taken for, if it is looked at.
    fn form(&self, name: &str) -> Option<Form> {
        Form::of_name(name).or((self.known_by == KnownBy::Content).then_some(Form::Unknown))
    }

    /// The most bytes that an archive in an archive may unpack to, if it has to be held in memory.
    fn in_memory(&self) -> u64 {
        self.member_size.min(IN_MEMORY)
    }

    /// The most bytes that a member of this form may have.
    fn stated(&self, form: Form) -> u64 {
        match form {
            Form::Log | Form::Packed(Coding::Gzip | Coding::Bzip2 | Coding::Xz | Coding::Zstd) => self.member_size,
            Form::Zip => self.in_memory(),
            // Nothing of it may be of interest. If it is, the log in it has the bound.
            Form::SomePacked(_) | Form::Packed(Coding::Tar) | Form::SevenZip | Form::Unknown => u64::MAX,
        }
    }

    /// Waits until no other archive is held in memory.
    fn hold(&self) -> MutexGuard<'_, ()> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The most bytes that may come out of a file of `size` bytes: out of all of its members and of what is in those, logs
/// or not.
fn total(size: u64) -> u64 {
    size.saturating_mul(RATIO).max(ALWAYS)
}

/// The most bytes that may come out of a file of `size` bytes that is packed better than deflate can.
fn most_of(size: u64) -> u64 {
    total(size).saturating_mul(16)
}

/// How deep an archive lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Depth {
    /// It is a file.
    File,
    /// It is in an archive that is a file. What is in it is not opened if it is an archive.
    Member,
}

/// What is wrong with a 7z file in an archive: its directory is at its end, and its members cannot be read one by one.
const NOT_IN_PLACE: &str = "a 7z file in an archive is not opened: unpack it and give the folder";
/// What is wrong with an archive in an archive in an archive.
const TOO_DEEP: &str = "nested too deep: an archive in an archive in an archive is not opened";

/// Where logs that are unpacked go, and what could not be unpacked.
struct Unpacked<'a> {
    limits: &'a Limits,
    each: &'a mut dyn FnMut(&str, &mut dyn Read),
    defects: Vec<Defect>,
    budget: Rc<Budget>,
}

impl Unpacked<'_> {
    fn defect(&mut self, name: &str, cause: &str) {
        self.defects.push(defect(name, cause));
    }

    /// Hands on a member, of `size` bytes, of an archive of this depth: the log itself, or the logs in it.
    fn take(&mut self, form: Form, name: &str, depth: Depth, size: u64, stream: &mut dyn Read) {
        match form {
            Form::Log => (self.each)(name, stream),
            Form::Zip if depth == Depth::Member => self.defect(name, TOO_DEEP),
            Form::Zip => zipped::unpack_in_memory(name, size, stream, self),
            Form::SevenZip => self.defect(name, NOT_IN_PLACE),
            Form::Packed(_) | Form::SomePacked(_) => packed::unpack(name, form, stream, Some(depth), self),
            Form::Unknown => self.take_by_content(name, depth, size, stream),
        }
    }

    /// Hands on a member whose name does not say what it is, if its first bytes do.
    fn take_by_content(&mut self, name: &str, depth: Depth, size: u64, stream: &mut dyn Read) {
        let mut head = Vec::new();
        // What cannot be read says nothing, and would be no log either.
        let _ = (&mut *stream).take(SHOWING as u64).read_to_end(&mut head);
        let form = match Form::of_member(&head) {
            Some(Ok(form)) => form,
            Some(Err(cause)) => return self.defect(name, &cause),
            None => return,
        };
        // Without a name that says what is packed, it may be as much as with one.
        let limit = self.limits.stated(if let Form::SomePacked(coding) = form { Form::Packed(coding) } else { form });
        if size > limit {
            return self.defect(name, &too_large(size, limit));
        }
        let mut whole = head.as_slice().chain(stream);
        match form {
            Form::Log => (self.each)(name, &mut Bounded::new(whole, Bound::AtMost(self.limits.member_size))),
            form => self.take(form, name, depth, size, &mut whole),
        }
    }
}

/// Whether a file met in a directory is a log or an archive, by its name.
#[must_use]
pub fn is_of_interest(path: &Path) -> bool {
    Form::of_name(&path.to_string_lossy()).is_some()
}

/// What a file was found to be.
#[derive(Debug)]
pub enum Contents {
    /// A log.
    Log(Source),
    /// An archive, or something with the name of one.
    Archive {
        /// The file as it is.
        file: Source,
        /// The file as a stream of logs, or the members that are logs or archives of logs.
        logs: Vec<Source>,
        /// What is wrong with it.
        defects: Vec<Defect>,
    },
    /// Something that can hold logs and is not opened: what it is, and what to do.
    Foreign(String),
    /// Something else, which was only met.
    LeftAlone,
}

impl Contents {
    /// An archive that is read from its start to its end.
    fn stream(file: Source, packing: Packing) -> Self {
        Self::Archive { logs: vec![Source { packing, ..file.clone() }], file, defects: Vec::new() }
    }

    /// What has the name of an archive, or is one of something else.
    fn unusable(file: Source, cause: &str) -> Self {
        Self::Archive { logs: Vec::new(), defects: vec![defect(&file.name, cause)], file }
    }
}

/// What is in `file`: it is a log itself, or an archive with members that are logs or archives of logs.
///
/// What a file is, its first bytes say. One that starts like no archive is a log, unless it has the name of an archive, can
/// hold logs in a way that is not read, or was only met. One with the name of a log is one, unless it can be read as an archive.
/// An archive of something else that was only met is left alone.
#[must_use]
pub fn list(file: Source, origin: Origin, limits: &Limits) -> Contents {
    let named = Form::of_name(&file.path.to_string_lossy());
    let mut head = [0; SHOWING];
    let read = File::open(&file.path).and_then(|file| input::read_at(&file, &mut head, 0));
    // What cannot be read is left for the scan to say.
    let Ok(size) = read else { return Contents::Log(file) };
    let head = head.get(..size).unwrap_or_default();
    let is_wanted = named.is_some() || origin == Origin::Given;
    let form = if is_wanted { Form::of_content(head) } else { Form::of_content_alone(head) };
    if form.is_none_or(|form| form == Form::Zip)
        && let Some(what) = foreign::of_head(head)
    {
        return Contents::Foreign(what);
    }
    match (form, named) {
        (Some(Form::Zip), _) | (None, Some(Form::Zip)) => match list_zip(file, named, head, limits) {
            // A file of another kind that is a zip file too, as documents are.
            Contents::Archive { logs, .. } if logs.is_empty() && !is_wanted => Contents::LeftAlone,
            contents => contents,
        },
        (Some(Form::Packed(coding) | Form::SomePacked(coding)), _) => list_packed(file, coding, named, origin),
        (Some(Form::SevenZip), _) => Contents::stream(file, Packing::SevenZip),
        // A tar file of before there was a magic.
        (None, Some(Form::Packed(Coding::Tar))) => Contents::stream(file, Packing::Stream(Coding::Tar)),
        (None, Some(Form::SomePacked(_))) if origin == Origin::Met => Contents::LeftAlone,
        (None, Some(Form::Packed(coding) | Form::SomePacked(coding))) => {
            Contents::unusable(file, &format!("not {}", coding.file()))
        }
        (None, Some(Form::SevenZip)) => Contents::unusable(file, "not a 7z file"),
        (Some(Form::Log), _) => Contents::Log(file),
        _ if is_wanted => Contents::Log(Source { is_blank: is_blank(&file), ..file }),
        _ => Contents::LeftAlone,
    }
}

/// Whether nothing in a file looks like a chunk or a record. Of a file as large as an image of a disk, that shows when it is
/// searched.
fn is_blank(file: &Source) -> bool {
    const LARGEST: u64 = 1 << 30;
    const STEP: usize = 1 << 20;
    const SIGNS: [&[u8]; 2] = [form::CHUNK, &record::MAGIC];
    let Ok(opened) = File::open(&file.path) else { return false };
    let mut buffer = Aligned::new(STEP);
    let mut at = 0;
    while at < file.size && file.size <= LARGEST {
        let Ok(size) = input::read_at(&opened, &mut buffer, at) else { return false };
        let read = buffer.get(..size).unwrap_or_default();
        if SIGNS.iter().any(|sign| memchr::memmem::find(read, sign).is_some()) {
            return false;
        }
        // What lies across two reads is read again.
        at += if size < STEP { STEP } else { STEP - 8 } as u64;
    }
    file.size <= LARGEST
}

fn list_zip(file: Source, named: Option<Form>, head: &[u8], limits: &Limits) -> Contents {
    match contained(|| zipped::list(&file, limits)).and_then(|listed| listed) {
        Ok((logs, defects)) => Contents::Archive { file, logs, defects },
        // A damaged log can start with anything.
        Err(_) if named == Some(Form::Log) => Contents::Log(file),
        Err(_) if remains::starts_one(head) => {
            let remains = Remains::of_file(file.size);
            Contents::stream(file, Packing::ZipRemains(remains))
        }
        Err(cause) => Contents::unusable(file, &cause),
    }
}

fn list_packed(file: Source, coding: Coding, named: Option<Form>, origin: Origin) -> Contents {
    // A cause why it cannot be opened is found again when it is unpacked.
    let content = File::open(&file.path).map_or(Content::Log, |mut file| packed::content(coding, &mut file));
    if content != Content::Other || matches!(named, Some(Form::Packed(_))) {
        return Contents::stream(file, Packing::Stream(coding));
    }
    match named {
        Some(Form::Log) => Contents::Log(file),
        _ if origin == Origin::Met => Contents::LeftAlone,
        _ => Contents::unusable(file, &format!("{} of neither an event log nor a tar file", coding.file())),
    }
}

/// Hands each log that is packed in `source` to `each`, with its name, as a stream. Returns what could not be unpacked.
///
/// `packed` is told the bytes of a packed file as they are read, from its start and not always to its end.
pub fn unpack(
    source: &Source,
    limits: &Limits,
    packed: &mut dyn FnMut(&[u8]),
    each: &mut dyn FnMut(&str, &mut dyn Read),
) -> Vec<Defect> {
    let budget = match &source.packing {
        Packing::Plain => source.size,
        Packing::Stream(Coding::Tar | Coding::Gzip) => total(source.size),
        Packing::Stream(Coding::Bzip2 | Coding::Xz | Coding::Zstd) | Packing::SevenZip => most_of(source.size),
        Packing::ZipMember(member) => member.budget(),
        Packing::ZipRemains(remains) => remains.budget(),
    };
    let mut out = Unpacked { limits, each, defects: Vec::new(), budget: Budget::new(budget) };
    let done = contained(|| -> io::Result<()> {
        let mut file = File::open(&source.path)?;
        match &source.packing {
            Packing::Plain => (out.each)(&source.name, &mut file),
            Packing::Stream(coding) => {
                let mut file = Told { inner: file.take(source.size), told: packed };
                packed::unpack(&source.name, Form::Packed(*coding), &mut file, None, &mut out);
            }
            Packing::SevenZip => sevenz::unpack(&source.name, &file, source.size, &mut out),
            Packing::ZipMember(member) => zipped::unpack(&source.name, &file, member, &mut out),
            Packing::ZipRemains(remains) => remains::unpack(&source.name, &file, remains, &mut out),
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

/// What is wrong with a member of `size` bytes, of which `limit` are allowed.
fn too_large(size: u64, limit: u64) -> String {
    if limit == IN_MEMORY {
        return format!("{size} bytes: an archive in an archive must not unpack to more than {limit}");
    }
    format!("{size} bytes, which is more than the {limit} that --max-member-size allows")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_archive_is_held_in_memory_at_a_time_by_all_threads() {
        let limits = Limits::new(1, None);
        let of_another_thread = limits.clone();
        let held = limits.hold();
        assert!(of_another_thread.memory.try_lock().is_err());
        drop(held);
        assert!(of_another_thread.memory.try_lock().is_ok());
    }

    #[test]
    fn a_file_unpacks_to_what_deflate_can_do_or_64_mib() {
        assert_eq!(total(91), 64 << 20);
        assert_eq!(total(1 << 20), 1100 << 20);
        assert_eq!(total(u64::MAX), u64::MAX);
    }
}
