//! The [`Limits`] of what archives may unpack to, and what of them is looked at.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::evidence::archive::form::{Coding, Form};

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
pub(super) const MEMORY: u32 = 512 << 20;

/// The most that an archive may be unpacked to in memory, where it cannot be read in place: 1 GiB.
const IN_MEMORY: u64 = 1 << 30;

/// No file is unpacked to more than this many times its size: deflate cannot do more than 1032.
pub(super) const RATIO: u64 = 1100;

/// What any file may be unpacked to: 64 MiB.
const ALWAYS: u64 = 64 << 20;

/// The most bytes that a member may have, by what limits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// What `--max-member-size` allows.
    MemberSize(u64),
    /// What may be held in memory, whatever that option allows.
    InMemory,
}

impl Limit {
    /// In bytes.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::MemberSize(bytes) => bytes,
            Self::InMemory => IN_MEMORY,
        }
    }

    /// What is wrong with a member of `size` bytes, if that is more.
    pub(super) fn too_large(self, size: u64) -> Option<String> {
        (size > self.bytes()).then(|| match self {
            Self::MemberSize(most) => {
                format!("{size} bytes, which is more than the {most} that --max-member-size allows")
            }
            Self::InMemory => {
                format!("{size} bytes: an archive in an archive must not unpack to more than {IN_MEMORY}")
            }
        })
    }

    /// What is wrong with a member of which more comes, where its size is not stated.
    pub(super) fn exceeded(self) -> String {
        match self {
            Self::MemberSize(most) => {
                format!("there is more of it than the {most} bytes that --max-member-size allows")
            }
            Self::InMemory => {
                format!("there is more of it than the {IN_MEMORY} bytes that an archive in an archive may unpack to")
            }
        }
    }
}

impl Limits {
    /// Limits with this member size and password.
    #[must_use]
    pub fn new(member_size: u64, password: Option<String>) -> Self {
        Self { member_size, password, known_by: KnownBy::Content, memory: Arc::default() }
    }

    /// The same, with logs and archives known in this way.
    #[must_use]
    pub fn known_by(self, known_by: KnownBy) -> Self {
        Self { known_by, ..self }
    }

    /// Whether a file that is met in a directory is looked at. What is not a regular file is named if it has the name of a log.
    pub(crate) fn look_at(&self, path: &Path, is_regular: bool) -> bool {
        is_of_interest(path) || (self.known_by == KnownBy::Content && is_regular)
    }

    /// What a member of this name is taken for, if it is looked at.
    pub(super) fn form(&self, name: &str) -> Option<Form> {
        Form::of_name(name).or((self.known_by == KnownBy::Content).then_some(Form::Unknown))
    }

    /// The most bytes that a member may have.
    pub(super) fn of_member(&self) -> Limit {
        Limit::MemberSize(self.member_size)
    }

    /// The most bytes that an archive in an archive may unpack to, if it has to be held in memory.
    pub(super) fn in_memory(&self) -> Limit {
        if self.member_size < IN_MEMORY { self.of_member() } else { Limit::InMemory }
    }

    /// Why a member of this form is not read, if `size` bytes are more than it may have.
    pub(super) fn too_large(&self, form: Form, size: u64) -> Option<String> {
        match form {
            Form::Log | Form::Packed(Coding::Gzip | Coding::Bzip2 | Coding::Xz | Coding::Zstd) => {
                self.of_member().too_large(size)
            }
            Form::Zip => self.in_memory().too_large(size),
            // Nothing of it may be of interest. If it is, the log in it has the bound.
            Form::SomePacked(_) | Form::Packed(Coding::Tar) | Form::SevenZip | Form::Unknown => None,
        }
    }

    /// Waits until no other archive is held in memory.
    pub(super) fn hold(&self) -> MutexGuard<'_, ()> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The most bytes that may come out of a file of `size` bytes: out of all of its members and of what is in those, logs
/// or not.
pub(super) fn total(size: u64) -> u64 {
    size.saturating_mul(RATIO).max(ALWAYS)
}

/// The most bytes that may come out of a file of `size` bytes that is packed better than deflate can.
pub(super) fn most_of(size: u64) -> u64 {
    total(size).saturating_mul(16)
}

/// Whether a file met in a directory is a log or an archive, by its name.
#[must_use]
pub fn is_of_interest(path: &Path) -> bool {
    Form::of_name(&path.to_string_lossy()).is_some()
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
    fn what_is_too_large_is_told_what_limits_it() {
        let cause = |member_size: u64, form, size| Limits::new(member_size, None).too_large(form, size);
        let says = |cause: Option<String>, text| {
            assert!(cause.as_ref().is_some_and(|cause| cause.ends_with(text)), "{cause:?}");
        };
        says(cause(1 << 30, Form::Log, 2 << 30), "more than the 1073741824 that --max-member-size allows");
        says(cause(1 << 20, Form::Zip, 2 << 20), "more than the 1048576 that --max-member-size allows");
        for member_size in [1 << 30, 4 << 30] {
            says(
                cause(member_size, Form::Zip, 2 << 30),
                "an archive in an archive must not unpack to more than 1073741824",
            );
            assert_eq!(cause(member_size, Form::Zip, 1 << 30), None);
        }
        assert_eq!(cause(1, Form::Packed(Coding::Tar), u64::MAX), None);
    }

    #[test]
    fn a_file_unpacks_to_what_deflate_can_do_or_64_mib() {
        assert_eq!(total(91), 64 << 20);
        assert_eq!(total(1 << 20), 1100 << 20);
        assert_eq!(total(u64::MAX), u64::MAX);
    }
}
