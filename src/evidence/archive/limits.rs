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

    /// The most bytes that an archive in an archive may unpack to, if it has to be held in memory.
    pub(super) fn in_memory(&self) -> u64 {
        self.member_size.min(IN_MEMORY)
    }

    /// The most bytes that a member of this form may have.
    pub(super) fn stated(&self, form: Form) -> u64 {
        match form {
            Form::Log | Form::Packed(Coding::Gzip | Coding::Bzip2 | Coding::Xz | Coding::Zstd) => self.member_size,
            Form::Zip => self.in_memory(),
            // Nothing of it may be of interest. If it is, the log in it has the bound.
            Form::SomePacked(_) | Form::Packed(Coding::Tar) | Form::SevenZip | Form::Unknown => u64::MAX,
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

/// What is wrong with a member of `size` bytes, of which `limit` are allowed.
pub(super) fn too_large(size: u64, limit: u64) -> String {
    if limit == IN_MEMORY {
        return format!("{size} bytes: an archive in an archive must not unpack to more than {limit}");
    }
    format!("{size} bytes, which is more than the {limit} that --max-member-size allows")
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
