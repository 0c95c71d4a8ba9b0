//! [`Form`]: what a file or a member is taken for, by its name or its first bytes. Whether that is right shows when it is
//! read.

use std::io::{self, Read};

use crate::{
    evidence::{
        archive::{foreign, header},
        export::{self, Export},
    },
    magic::FILE_HEADER_SIZE,
};

/// What a file or a member is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// An event log, or events that were exported from one.
    Log,
    /// A zip file.
    Zip,
    /// A 7z file.
    SevenZip,
    /// A packed log or tar file, or a tar file as it is.
    Packed(Coding),
    /// A packed file whose name does not say of what.
    SomePacked(Coding),
    /// What a name does not tell, and its first bytes have to.
    Unknown,
}

/// How a stream of one log, or of a tar file with logs in it, is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coding {
    /// Not at all: it is a tar file.
    Tar,
    /// As a gzip file.
    Gzip,
    /// As a bzip2 file.
    Bzip2,
    /// As an xz file.
    Xz,
    /// As a Zstandard file.
    Zstd,
}

impl Coding {
    /// The kind of file, with its article.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Tar => "a tar file",
            Self::Gzip => "a gzip file",
            Self::Bzip2 => "a bzip2 file",
            Self::Xz => "an xz file",
            Self::Zstd => "a Zstandard file",
        }
    }
}

/// What a packed file is one of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// An event log, or events that were exported from one.
    Log,
    /// A tar file.
    Tar,
    /// An archive of another form, or a file that is packed again.
    Archive(Form),
    /// Something that can hold logs and is not opened: what it is, and what to do.
    Foreign(String),
    /// Nothing that shows what it is, since it cannot be unpacked: why.
    Unread(String),
    /// Something else.
    Other,
}

const LOG: &[u8] = b"ElfFile";
pub(super) const CHUNK: &[u8] = b"ElfChnk";
/// As much of a file as shows what it is: with the first chunk's magic, if the log has lost its header.
const HEAD: usize = FILE_HEADER_SIZE + CHUNK.len();
const _: () = assert!(HEAD >= export::HEAD);

/// The first bytes of files, where they are, and what such files are. RFC 1952 has deflate as the only method of gzip; POSIX
/// and GNU tar files have a magic in their first header.
const MAGICS: [(usize, &[u8], Form); 10] = [
    (0, LOG, Form::Log),
    (0, CHUNK, Form::Log),
    // A member, or the end of an empty zip file.
    (0, b"PK\x03\x04", Form::Zip),
    (0, b"PK\x05\x06", Form::Zip),
    (0, b"7z\xbc\xaf\x27\x1c", Form::SevenZip),
    (0, b"\x1f\x8b\x08", Form::Packed(Coding::Gzip)),
    (0, b"BZh", Form::Packed(Coding::Bzip2)),
    (0, b"\xfd7zXZ\0", Form::Packed(Coding::Xz)),
    (0, b"\x28\xb5\x2f\xfd", Form::Packed(Coding::Zstd)),
    (257, b"ustar", Form::Packed(Coding::Tar)),
];

/// The ends of names of tar files, and how these are packed.
const TAR_NAMES: [(&str, Coding); 10] = [
    (".tar", Coding::Tar),
    (".tar.gz", Coding::Gzip),
    (".tgz", Coding::Gzip),
    (".tar.bz2", Coding::Bzip2),
    (".tbz2", Coding::Bzip2),
    (".tbz", Coding::Bzip2),
    (".tar.xz", Coding::Xz),
    (".txz", Coding::Xz),
    (".tar.zst", Coding::Zstd),
    (".tzst", Coding::Zstd),
];

/// The ends of other names, and what files of such names are.
const NAMES: [(&str, Form); 13] = [
    (".evtx", Form::Log),
    (".zip", Form::Zip),
    (".7z", Form::SevenZip),
    (".evtx.gz", Form::Packed(Coding::Gzip)),
    (".gz", Form::SomePacked(Coding::Gzip)),
    (".evtx.bz2", Form::Packed(Coding::Bzip2)),
    (".bz2", Form::SomePacked(Coding::Bzip2)),
    (".evtx.xz", Form::Packed(Coding::Xz)),
    (".xz", Form::SomePacked(Coding::Xz)),
    (".evtx.zst", Form::Packed(Coding::Zstd)),
    (".evtx.zstd", Form::Packed(Coding::Zstd)),
    (".zst", Form::SomePacked(Coding::Zstd)),
    (".zstd", Form::SomePacked(Coding::Zstd)),
];

/// The ends of names of pictures, sounds, films, fonts, programs and documents.
const OF_OTHERS: [&str; 34] = [
    ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".ico", ".svg", ".webp", ".tif", ".tiff", ".heic", ".mp3", ".wav",
    ".flac", ".mp4", ".avi", ".mov", ".mkv", ".ttf", ".otf", ".woff", ".woff2", ".exe", ".dll", ".sys", ".mui", ".lnk",
    ".pf", ".pdf", ".docx", ".xlsx", ".pptx", ".css", ".js",
];

/// Whether a file of this name is taken for neither a log nor an export, if its bytes cannot be read.
pub(super) fn names_something_else(name: &str) -> bool {
    OF_OTHERS.iter().any(|end| ends_with(name, end))
}

/// Whether a file with these first bytes, as [`export::read_head`] reads them, may be evidence: a log, a chunk of one, exported events, or
/// an archive of any kind, also of those that are not read.
#[must_use]
pub fn starts_like_evidence(head: &[u8]) -> bool {
    Form::of_content(head).is_some() || foreign::of_head(head).is_some()
}

impl Form {
    /// By the end of a name, in any case. Other names are of no interest.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let other = || NAMES.into_iter().find(|(end, _)| ends_with(name, end)).map(|(_, form)| form);
        tar_coding(name).map(Self::Packed).or_else(other)
    }

    /// By the first bytes, as [`export::read_head`] reads them. Those of a log that is damaged say nothing.
    pub(super) fn of_content(head: &[u8]) -> Option<Self> {
        let is_it = |(at, magic, _): &(usize, &[u8], Self)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic));
        let of_magic = MAGICS.into_iter().find(is_it).map(|(.., form)| form);
        of_magic.or_else(|| Export::of_head(head).map(|_| Self::Log))
    }
}

impl Form {
    /// The same, where no name says so too: text can start with the letters of a zip file, and anything can be packed.
    pub(super) fn of_content_alone(head: &[u8]) -> Option<Self> {
        let is_member = || head.first_chunk().is_some_and(header::is_plausible);
        match Self::of_content(head)? {
            Self::Zip if header::starts_one(head) && !is_member() => None,
            Self::Packed(Coding::Bzip2) if !is_bzip2(head) => None,
            Self::Packed(coding) if coding != Coding::Tar => Some(Self::SomePacked(coding)),
            form => Some(form),
        }
    }

    /// What a member is whose name does not say it, or an error that says what it is if that can hold logs and is not opened.
    pub(super) fn of_member(head: &[u8]) -> Option<Result<Self, String>> {
        let not_opened = || foreign::of_head(head).map(|what| Err(format!("not opened: {what}")));
        Self::of_content_alone(head).map(Ok).or_else(not_opened)
    }
}

/// Whether a bzip2 file starts here: behind its magic, which text can have too, are the size of its blocks and the magic of the first, or of
/// the end.
fn is_bzip2(head: &[u8]) -> bool {
    const BLOCK: &[u8] = &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
    const END: &[u8] = &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90];
    let behind = head.get(4..).unwrap_or_default();
    head.get(3).is_some_and(u8::is_ascii_digit) && (behind.starts_with(BLOCK) || behind.starts_with(END))
}

/// How many first bytes are enough to tell what a file is, unless it is an export.
pub const SHOWING: usize = export::HEAD;

/// Whether a packed file is one of a tar file, by its name.
pub(super) fn names_tar(name: &str) -> bool {
    tar_coding(name).is_some()
}

fn tar_coding(name: &str) -> Option<Coding> {
    TAR_NAMES.into_iter().find(|(end, _)| ends_with(name, end)).map(|(_, coding)| coding)
}

impl Content {
    /// By the first bytes, [`HEAD`] or more if there are as many, and the error that ends them, if one does.
    pub(super) fn of_head(head: &[u8], error: Option<&io::Error>) -> Self {
        if head.get(FILE_HEADER_SIZE..).is_some_and(|rest| rest.starts_with(CHUNK)) {
            return Self::Log;
        }
        match (Form::of_content_alone(head), error) {
            (Some(Form::Log), _) => Self::Log,
            (Some(Form::Packed(Coding::Tar)), _) => Self::Tar,
            (Some(form), _) => Self::Archive(form),
            (None, error) => match (foreign::of_head(head), error) {
                (Some(what), _) => Self::Foreign(what),
                (None, Some(error)) => Self::Unread(format!("it cannot be unpacked: {error}")),
                (None, None) => Self::Other,
            },
        }
    }
}

/// Reads the first bytes of what comes out of a packed file, and the error that ends them.
pub(super) fn read_head(unpacked: &mut dyn Read) -> (Vec<u8>, Option<io::Error>) {
    export::read_head(unpacked, HEAD)
}

fn ends_with(name: &str, end: &str) -> bool {
    let (name, end) = (name.as_bytes(), end.as_bytes());
    name.len().checked_sub(end.len()).and_then(|at| name.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_a_file_is_in_any_case() {
        for (name, form) in [
            ("a/Sysmon.EVTX", Some(Form::Log)),
            ("case.Zip", Some(Form::Zip)),
            ("case.7z", Some(Form::SevenZip)),
            ("a.evtx.gz", Some(Form::Packed(Coding::Gzip))),
            ("a.TAR.GZ", Some(Form::Packed(Coding::Gzip))),
            ("a.tgz", Some(Form::Packed(Coding::Gzip))),
            ("a.tar", Some(Form::Packed(Coding::Tar))),
            ("a.tar.xz", Some(Form::Packed(Coding::Xz))),
            ("notes.txt.gz", Some(Form::SomePacked(Coding::Gzip))),
            ("notes.zst", Some(Form::SomePacked(Coding::Zstd))),
            ("evtx", None),
            ("ä", None),
        ] {
            assert_eq!(Form::of_name(name), form, "{name}");
        }
    }

    #[test]
    fn evidence_starts_like_a_log_a_chunk_or_an_archive() {
        let tar = [&[b'a'; 257][..], b"ustar\x0000"].concat();
        for head in [
            b"ElfFile\0".as_slice(),
            b"ElfChnk\0",
            b"PK\x03\x04",
            b"PK\x05\x06",
            b"\x1f\x8b\x08",
            b"7z\xbc\xaf\x27\x1c\0",
            b"\xfd7zXZ\0",
            b"BZh9",
            b"\x28\xb5\x2f\xfd",
            b"Rar!\x1a\x07",
            b"vhdxfile",
            &tar,
        ] {
            assert!(starts_like_evidence(head), "{head:?}");
        }
        for head in [b"".as_slice(), b"Elf", b"action,app,dest\n", b"{\"schema\"", &tar[..260], &[0; 512]] {
            assert!(!starts_like_evidence(head), "{head:?}");
        }
    }
}
