//! [`Form`]: what a file or a member is taken for, by its name or its first bytes. Whether that is right shows when it is
//! read.

use std::io::{self, Read};

use crate::chunk::FILE_HEADER_SIZE;

/// What a file or a member is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// An event log.
    Log,
    /// A zip file.
    Zip,
    /// A gzip file of a log or of a tar file.
    Gzip,
    /// A gzip file whose name does not say of what.
    SomeGzip,
}

/// What a gzip file is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// An event log.
    Log,
    /// A tar file.
    Tar,
    /// Something else, or nothing that can be unpacked.
    Other,
}

/// The first bytes of packed and archived files, and where they are.
const PACKED: [(usize, &[u8]); 9] = [
    (0, b"PK\x03\x04"),
    (0, b"PK\x05\x06"),
    (0, b"\x1f\x8b"),
    (0, b"7z\xbc\xaf\x27\x1c"),
    (0, b"\xfd7zXZ\0"),
    (0, b"BZh"),
    (0, b"\x28\xb5\x2f\xfd"),
    (0, b"Rar!"),
    (257, b"ustar"),
];
const LOG: &[u8] = b"ElfFile";
const CHUNK: &[u8] = b"ElfChnk";
/// As much of a file as shows what it is: with the first chunk's magic, if the log has lost its header.
const HEAD: usize = FILE_HEADER_SIZE + CHUNK.len();

/// Whether a file with these first bytes, 512 if it has them, may be evidence: a log, a chunk of one, or an archive of any
/// kind, also of those that are not read.
#[must_use]
pub fn starts_like_evidence(head: &[u8]) -> bool {
    let packed = PACKED.iter().any(|(at, magic)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    packed || head.starts_with(LOG) || head.starts_with(CHUNK)
}

impl Form {
    /// By the end of a name, in any case. Other names are of no interest.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        [
            (".evtx", Self::Log),
            (".zip", Self::Zip),
            (".evtx.gz", Self::Gzip),
            (".tar.gz", Self::Gzip),
            (".tgz", Self::Gzip),
            (".gz", Self::SomeGzip),
        ]
        .into_iter()
        .find(|(end, _)| ends_with(name, end))
        .map(|(_, form)| form)
    }

    /// By the first bytes. Those of a log that is damaged say nothing.
    pub(super) fn of_content(head: &[u8]) -> Option<Self> {
        let magics: [(&[u8], Self); 4] = [
            (LOG, Self::Log),
            // A member, or the end of an empty zip file.
            (b"PK\x03\x04", Self::Zip),
            (b"PK\x05\x06", Self::Zip),
            // RFC 1952, with deflate as the only method there is.
            (b"\x1f\x8b\x08", Self::Gzip),
        ];
        magics.into_iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, form)| form)
    }
}

/// Whether a gzip file is one of a tar file, by its name.
pub(super) fn names_tar(name: &str) -> bool {
    ends_with(name, ".tar.gz") || ends_with(name, ".tgz")
}

impl Content {
    /// By the first [`HEAD`] bytes, if there are as many. POSIX and GNU tar files have a magic in their first header.
    pub(super) fn of_head(head: &[u8]) -> Self {
        let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        if at(0, LOG) || at(0, CHUNK) || at(FILE_HEADER_SIZE, CHUNK) {
            Self::Log
        } else if at(257, b"ustar") {
            Self::Tar
        } else {
            Self::Other
        }
    }
}

/// Reads the first bytes of what comes out of a gzip file, and the error that ends them.
pub(super) fn read_head(unpacked: &mut dyn Read) -> (Vec<u8>, Option<io::Error>) {
    let mut head = Vec::new();
    let read = unpacked.take(HEAD as u64).read_to_end(&mut head);
    (head, read.err())
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
            ("a.evtx.gz", Some(Form::Gzip)),
            ("a.TAR.GZ", Some(Form::Gzip)),
            ("a.tgz", Some(Form::Gzip)),
            ("notes.txt.gz", Some(Form::SomeGzip)),
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
            &tar,
        ] {
            assert!(starts_like_evidence(head), "{head:?}");
        }
        for head in [b"".as_slice(), b"Elf", b"action,app,dest\n", b"{\"schema\"", &tar[..260], &[0; 512]] {
            assert!(!starts_like_evidence(head), "{head:?}");
        }
    }
}
