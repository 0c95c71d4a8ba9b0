//! [`Form`]: what a file or a member is taken for, by its name or its first bytes. Whether that is right shows when it is
//! read.

/// What a file or a member is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// An event log.
    Log,
    /// A zip file.
    Zip,
    /// A gzip file of a log or of a tar file.
    Gzip,
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
        ]
        .into_iter()
        .find(|(end, _)| ends_with(name, end))
        .map(|(_, form)| form)
    }

    /// By the first bytes. Those of a log that is damaged say nothing.
    pub(super) fn of_content(head: &[u8]) -> Option<Self> {
        let magics: [(&[u8], Self); 4] = [
            (b"ElfFile", Self::Log),
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

/// Whether the unpacked content of a gzip file is a tar file: POSIX and GNU ones have a magic in their first header.
pub(super) fn looks_like_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
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
            ("notes.txt.gz", None),
            ("evtx", None),
            ("ä", None),
        ] {
            assert_eq!(Form::of_name(name), form, "{name}");
        }
    }
}
