//! [`Unfinished`]: a file that is written and does not have its name yet. It is gone if the run ends before it has, also where a
//! signal or a closed window ends it.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tempfile::{Builder, NamedTempFile};

/// Those that there are in this process. A signal has no other way to them.
static ALL: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn all() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all that there are. For the end of the process: none can be written or finished later.
pub fn remove_all() {
    let all = all();
    for path in &*all {
        // What cannot be removed stays; there is no one to tell.
        let _ = fs::remove_file(path);
    }
    // Nothing appears while the process ends.
    std::mem::forget(all);
}

/// A file in the folder where it is to be. Dropped, it is removed.
#[derive(Debug)]
pub struct Unfinished {
    file: NamedTempFile,
    _noted: Noted,
}

/// One of [`ALL`], for as long as this lives.
#[derive(Debug)]
struct Noted(PathBuf);

impl Drop for Noted {
    fn drop(&mut self) {
        all().remove(&self.0);
    }
}

impl Unfinished {
    /// A new one, empty.
    ///
    /// # Errors
    ///
    /// The folder takes no file.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let mut builder = Builder::new();
        builder.prefix(".netsift-").suffix(".tmp");
        // As any new file is made, so that the umask decides who reads it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut all = all();
        let file = builder.tempfile_in(folder)?;
        let path = file.path().to_owned();
        all.insert(path.clone());
        Ok(Self { file, _noted: Noted(path) })
    }

    /// Waits until it is on the disk.
    ///
    /// # Errors
    ///
    /// What the operating system returns.
    pub fn sync(&self) -> io::Result<()> {
        self.file.as_file().sync_all()
    }

    /// Gives it its name.
    ///
    /// # Errors
    ///
    /// It cannot be named so, or a file of that name is there and is not to be replaced.
    pub fn finish(self, path: &Path, replace: bool) -> io::Result<()> {
        let named = if replace { self.file.persist(path) } else { self.file.persist_noclobber(path) };
        named.map(drop).map_err(|error| error.error)
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
