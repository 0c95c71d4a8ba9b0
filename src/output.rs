//! An [`Output`]: where something that is written goes. A file appears whole or not at all, and never in place of evidence.

use std::{
    collections::HashSet,
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};

use crate::{digest::HashingWriter, error::Error, input::Source};

/// Whether an existing file may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is kept, and the run fails.
    Keep,
    /// It is replaced.
    Replace,
}

/// Where something that is written goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// What happens to a file that has this name.
        existing: Existing,
    },
}

impl Output {
    /// Makes sure, before the evidence is read, that it can be written and is none of `sources`.
    ///
    /// # Errors
    ///
    /// The file exists and is to be kept, is a source or a directory, or its folder is missing or takes no file.
    pub fn check(&self, sources: &[Source]) -> Result<(), Error> {
        let Self::File { path, existing } = self else { return Ok(()) };
        if let Ok(canonical) = path.canonicalize() {
            if sources.iter().any(|source| source.canonical == canonical) {
                return Err(refused(path, &"it is one of the logs to read"));
            }
            if canonical.is_dir() {
                return Err(refused(path, &"it is a directory"));
            }
        }
        // The name itself, not what a link of that name points to, is what would be replaced.
        if *existing == Existing::Keep && fs::symlink_metadata(path).is_ok() {
            return Err(refused(path, &"it exists; --force replaces it"));
        }
        beside(path).map_err(|cause| refused(path, &cause))?;
        Ok(())
    }

    /// Writes with `write`, and returns the SHA-256 of what was written, in hexadecimal.
    ///
    /// A file is written beside its name, synced, and renamed into place. A reader that closes standard output has seen
    /// what it wanted: that is no error.
    ///
    /// # Errors
    ///
    /// It cannot be written, or a file of that name has appeared.
    pub fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<String, Error> {
        match self {
            Self::Stdout => {
                let mut out = HashingWriter::new(BufWriter::new(io::stdout().lock()));
                match write(&mut out).and_then(|()| out.flush()) {
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Stdout(error)),
                    _ => Ok(out.finish().1),
                }
            }
            Self::File { path, existing } => {
                write_file(path, *existing, write).map_err(|cause| Error::file(path, "cannot write", &cause))
            }
        }
    }
}

fn refused(path: &Path, cause: &impl ToString) -> Error {
    Error::file(path, "cannot write there", cause)
}

fn write_file(
    path: &Path,
    existing: Existing,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<String> {
    let mut out = HashingWriter::new(BufWriter::new(beside(path)?));
    write(&mut out)?;
    let (file, sha256) = out.finish();
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    match existing {
        Existing::Replace => file.persist(path)?,
        Existing::Keep => file.persist_noclobber(path)?,
    };
    Ok(sha256)
}

/// Makes sure that no two outputs are one file.
///
/// # Errors
///
/// Two are.
pub fn distinct<'a>(outputs: impl IntoIterator<Item = &'a Output>) -> Result<(), Error> {
    let mut known = HashSet::new();
    for output in outputs {
        let Output::File { path, .. } = output else { continue };
        let folder = folder(path).canonicalize().unwrap_or_else(|_| folder(path).to_owned());
        if !known.insert((folder, path.file_name().map(ToOwned::to_owned))) {
            return Err(refused(path, &"another output goes there"));
        }
    }
    Ok(())
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// A new file in the folder of `path`, which is removed unless it is renamed.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".netsift-").suffix(".tmp");
    // As any new file is made, so that the umask decides who reads it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder(path))
}
