//! What is [`Unpacked`] of an archive: its members, each a stream with a name and a bound, and what is wrong with them.

use std::{
    collections::HashMap,
    io::{self, Read},
    rc::Rc,
};

use zip::result::ZipError;

use crate::{
    error::{Defect, DefectKind},
    evidence::archive::{
        form::{self, Form},
        limits::Limits,
        stream::{Bound, Bounded, Budget, Metered},
    },
    text,
};

/// How deep an archive lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depth {
    /// It is a file.
    File,
    /// It is in an archive that is a file. What is in it is not opened if it is an archive.
    Member,
}

/// What is wrong with a 7z file in an archive: its directory is at its end, and its members cannot be read one by one.
pub(super) const NOT_IN_PLACE: &str = "a 7z file in an archive is not opened: unpack it and give the folder";

/// What is wrong with an archive in an archive in an archive.
pub(super) const TOO_DEEP: &str = "nested too deep: an archive in an archive in an archive is not opened";

/// Where logs that are unpacked go, and what could not be unpacked.
pub(super) struct Unpacked<'a> {
    pub(super) limits: &'a Limits,
    pub(super) each: &'a mut dyn FnMut(&str, &mut dyn Read),
    pub(super) defects: Vec<Defect>,
    pub(super) unread: Unread,
    pub(super) budget: Rc<Budget>,
    /// What opens a member of any form; handed down, so that no format has to know another.
    open: Opener,
}

impl<'a> Unpacked<'a> {
    /// Nothing as yet. What comes out of the archive goes to `each`, and may be as much as the budget; `open` opens its members.
    pub(super) fn new(
        limits: &'a Limits,
        budget: u64,
        each: &'a mut dyn FnMut(&str, &mut dyn Read),
        open: Opener,
    ) -> Self {
        let (defects, unread) = (Vec::new(), Unread::default());
        Self { limits, each, defects, unread, budget: Budget::new(budget), open }
    }

    /// What is wrong with the archive of this name.
    pub(super) fn into_defects(self, archive: &str) -> Vec<Defect> {
        let unread = self.unread.defect(archive);
        self.defects.into_iter().chain(unread).collect()
    }

    pub(super) fn defect(&mut self, name: &str, cause: &str) {
        self.defects.push(defect(name, cause));
    }

    /// Takes a member that is in a file or in another member, `depth`, and has as many bytes as `size` says, if that is known.
    pub(super) fn take(&mut self, form: Form, name: &str, depth: Depth, size: u64, stream: &mut dyn Read) {
        (self.open)(self, Piece { form, name, depth, size, stream });
    }
}

/// A member of an archive, before anything of it is unpacked.
pub(super) struct Piece<'a> {
    pub(super) form: Form,
    pub(super) name: &'a str,
    pub(super) depth: Depth,
    /// How many bytes it states; 0 if it does not.
    pub(super) size: u64,
    pub(super) stream: &'a mut dyn Read,
}

/// What opens a member, whatever its form.
pub(super) type Opener = fn(&mut Unpacked<'_>, Piece<'_>);

/// A defect of an archive or of a member, by its name.
pub(super) fn defect(name: &str, cause: &str) -> Defect {
    let cause = text::printable(cause).into_owned();
    Defect { path: name.to_owned(), chunk: None, line: None, offset: None, kind: DefectKind::Archive, cause }
}

/// The members of an archive that only their first bytes could have told, and these cannot be read. They are one defect, so that an
/// encrypted archive of thousands of notes does not hide the others.
#[derive(Debug, Default)]
pub(super) struct Unread {
    count: usize,
    /// The first of them, each with the cause.
    first: Vec<(String, String)>,
}

impl Unread {
    const NAMED: usize = 3;

    /// Adds a member by its full name, unless that is one of a picture, a program, or another file that is never a log.
    pub(super) fn add(&mut self, name: &str, cause: &str) {
        if form::names_something_else(name) {
            return;
        }
        self.count += 1;
        if self.first.len() < Self::NAMED {
            self.first.push((name.to_owned(), cause.to_owned()));
        }
    }

    /// That they cannot be read, if there are any.
    pub(super) fn defect(&self, archive: &str) -> Option<Defect> {
        let unread = |name: &str, cause: &str| Defect { kind: DefectKind::NotOpened, ..defect(name, cause) };
        if let [(name, cause)] = &*self.first {
            return Some(unread(name, &format!("it may be a log, and cannot be read: {cause}")));
        }
        let named = |(name, cause): &(String, String)| {
            let name = name.strip_prefix(archive).and_then(|name| name.strip_prefix('!')).unwrap_or(name);
            format!("{name} ({cause})")
        };
        let first: Vec<String> = self.first.iter().map(named).collect();
        let more = if self.count > first.len() { ", ..." } else { "" };
        let cause = format!("{} members may be logs, and cannot be read: {}{more}", self.count, first.join(", "));
        (self.count > 0).then(|| unread(archive, &cause))
    }
}

/// The names of members, each once.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, u32>);

impl Names {
    /// `archive!member`, safe to print, with a number behind it if it is not the first of that name.
    pub(super) fn of_member(&mut self, archive: &str, member: &str) -> String {
        let name = format!("{archive}!{}", text::printable(&member.replace('\\', "/")));
        let count = self.0.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name} ({count})") }
    }
}

/// A member that was opened.
pub(super) struct Opened<R> {
    pub(super) stream: R,
    pub(super) form: Form,
    pub(super) bound: Bound,
    pub(super) encrypted: bool,
    /// How deep the zip file lies.
    pub(super) depth: Depth,
}

/// Hands on what comes out of a member.
pub(super) fn hand_on(name: &str, opened: Opened<impl Read>, out: &mut Unpacked<'_>) {
    let Opened { stream, form, bound, encrypted, depth } = opened;
    let size = if let Bound::Stated(size) = bound { size } else { 0 };
    let mut stream = Metered::new(Bounded::new(stream, bound), &out.budget);
    if encrypted {
        out.take(form, name, depth, size, &mut Doubted(stream));
    } else {
        out.take(form, name, depth, size, &mut stream);
    }
}

/// What is wrong with a member that is encrypted, where no password is given.
pub(super) const NO_PASSWORD: &str = "encrypted: give its password with --password";

/// What is wrong with a member that cannot be opened.
pub(super) fn not_opened(error: &ZipError) -> String {
    match error {
        ZipError::InvalidPassword => "encrypted: --password is not its password".to_owned(),
        error => error.to_string(),
    }
}

/// A stream that was decrypted. The older encryption takes a wrong password for the right one in 1 of 256 cases, and then
/// it is the content that looks damaged.
struct Doubted<R>(R);

impl<R: Read> Read for Doubted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let doubt = |error| io::Error::other(format!("{error}, or --password is not its password"));
        self.0.read(buffer).map_err(doubt)
    }
}
