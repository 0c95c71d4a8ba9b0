//! An [`Output`]: where something that is written goes. The files of a run appear whole, at its end and one right after the
//! other, or none of them does; never in place of what was evidence when the run started. A run that is cut off between two of them, or
//! cannot name the second, leaves the first. Streams have what was written to them until then.

use std::{
    collections::HashSet,
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use crate::{
    error::Error,
    evidence::{
        archive::{form, limits},
        digest::HashingWriter,
        export, source,
    },
    report::{filename, unfinished::Unfinished},
    space,
};

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
    /// A pipe or a device that is there, such as `/dev/null`: it is written to as what it is.
    Stream(PathBuf),
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// What happens to a file that has this name.
        existing: Existing,
    },
}

impl Output {
    /// Where a path of the command line leads: `-` is standard output, and so is `/dev/stdout`.
    #[must_use]
    pub fn new(path: PathBuf, existing: Existing) -> Self {
        if ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|stdout| path == Path::new(stdout)) {
            return Self::Stdout;
        }
        if is_stream(&path) { Self::Stream(path) } else { Self::File { path, existing } }
    }

    /// Makes sure, before the evidence is read, that it can be written and would take the place of no evidence.
    ///
    /// What counts as evidence are the files that were `met` on the way, read or not, and whatever has the name or the start
    /// of a log or an archive.
    ///
    /// # Errors
    ///
    /// The file exists and is to be kept, is evidence, a directory or a device, or its folder is missing or takes no
    /// file.
    pub fn check(&self, met: &HashSet<PathBuf>) -> Result<(), Error> {
        if let Self::Stream(path) = self
            && source::identities(path).any(|path| met.contains(&path))
        {
            return Err(refused(path, &"it is one of the files to read"));
        }
        let Self::File { path, existing } = self else { return Ok(()) };
        if path.file_name().is_none() || path.to_string_lossy().ends_with(std::path::is_separator) {
            return Err(refused(path, &"it is a directory"));
        }
        if let Some(cause) = filename::refusal(path).filter(|_| cfg!(windows)) {
            return Err(refused(path, &cause));
        }
        if !source::folder(path).is_dir() {
            return Err(refused(path, &"its folder does not exist"));
        }
        if source::identities(path).any(|path| met.contains(&path)) {
            return Err(refused(path, &"it is one of the files to read"));
        }
        // The name itself, not what a link of that name points to, is what would be replaced.
        if let Ok(metadata) = fs::symlink_metadata(path) {
            if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
                return Err(refused(path, &"it is a directory"));
            }
            if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
                return Err(refused(path, &"it is not a regular file"));
            }
            if limits::is_of_interest(path) || (metadata.is_file() && starts_like_evidence(path)) {
                return Err(refused(path, &"it exists and is an event log or an archive"));
            }
            if *existing == Existing::Keep {
                return Err(refused(path, &"it exists; --force replaces it"));
            }
        }
        // The error of the temporary file would name that.
        Unfinished::new(source::folder(path)).map_err(|cause| refused(path, &cause.kind()))?;
        Ok(())
    }

    /// Writes with `write`, and returns the SHA-256 of what was written, in hexadecimal.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_hashed(
        &self,
        pending: &mut Pending,
        write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<String, Error> {
        let mut sha256 = String::new();
        self.write(pending, |out| {
            let mut out = HashingWriter::new(out);
            write(&mut out)?;
            sha256 = out.finish();
            Ok(())
        })?;
        Ok(sha256)
    }

    /// Writes with `write`.
    ///
    /// A file is written beside its name and synced; it gets its name when what is `pending` is committed. A reader that
    /// closes standard output has seen what it wanted: that is not an error.
    ///
    /// # Errors
    ///
    /// It cannot be written. Of a file, the text has its folder and the free space there, if there is too little.
    pub fn write(
        &self,
        pending: &mut Pending,
        write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<(), Error> {
        match self {
            Self::Stdout => write_through(io::stdout(), write).map_err(Error::Stdout),
            Self::Stream(path) => {
                let stream = fs::OpenOptions::new().write(true).open(path);
                let written = stream.and_then(|stream| write_through(stream, write));
                written.map_err(|cause| Error::file(path, "cannot write", &cause))
            }
            Self::File { path, existing } => {
                let file = write_beside(path, write)
                    .map_err(|cause| Error::file(path, "cannot write", &space::told(&cause, source::folder(path))))?;
                pending.0.push(Finished { file, path: path.clone(), existing: *existing });
                Ok(())
            }
        }
    }
}

/// Files that are written and do not have their names yet. Dropped, they are gone.
#[derive(Debug, Default)]
pub struct Pending(Vec<Finished>);

#[derive(Debug)]
struct Finished {
    file: Unfinished,
    path: PathBuf,
    existing: Existing,
}

impl Pending {
    /// Gives the files their names.
    ///
    /// # Errors
    ///
    /// A file of such a name has appeared, or one cannot be named so. If that shows before any is named, none is.
    pub fn commit(self) -> Result<(), Error> {
        let appeared = |one: &&Finished| one.existing == Existing::Keep && fs::symlink_metadata(&one.path).is_ok();
        if let Some(one) = self.0.iter().find(appeared) {
            return Err(Error::file(&one.path, "cannot write", &"a file of this name has appeared during the run"));
        }
        for Finished { file, path, existing } in self.0 {
            file.finish(&path, existing == Existing::Replace)
                .map_err(|error| Error::file(&path, "cannot write", &error))?;
        }
        Ok(())
    }
}

/// Whether a path is a pipe, a socket or a device that takes bytes one after another. A disk is not one.
#[cfg(unix)]
fn is_stream(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let kind = fs::metadata(path).map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_char_device() || kind.is_socket())
}

/// Whether a path is a pipe, the console, or the device that takes everything.
#[cfg(not(unix))]
fn is_stream(path: &Path) -> bool {
    let path = path.to_string_lossy().replace('/', "\\").to_lowercase();
    let device = path.strip_prefix(r"\\.\").unwrap_or(&path);
    ["nul", "con"].contains(&device) || path.starts_with(r"\\.\pipe\")
}

/// Whether an error is that of a pipe which no one reads any more.
fn is_closed(error: &io::Error) -> bool {
    /// What Windows also returns then, which std does not count as a broken pipe. Source: Microsoft, "System Error Codes (0-499)".
    const ERROR_PIPE_NOT_CONNECTED: i32 = 233;
    error.kind() == io::ErrorKind::BrokenPipe || cfg!(windows) && error.raw_os_error() == Some(ERROR_PIPE_NOT_CONNECTED)
}

/// Standard output, as long as someone reads it. What is written later counts as written.
struct UntilClosed<W> {
    inner: W,
    closed: bool,
}

impl<W: Write> UntilClosed<W> {
    fn unless_closed<T>(&mut self, done: io::Result<T>, otherwise: T) -> io::Result<T> {
        match done {
            Err(error) if is_closed(&error) => {
                self.closed = true;
                Ok(otherwise)
            }
            done => done,
        }
    }
}

impl<W: Write> Write for UntilClosed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let written = self.inner.write(bytes);
        self.unless_closed(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let flushed = self.inner.flush();
        self.unless_closed(flushed, ())
    }
}

fn starts_like_evidence(path: &Path) -> bool {
    let read = fs::File::open(path).map(|mut file| export::read_head(&mut file, form::SHOWING));
    read.is_ok_and(|(start, error)| error.is_none() && form::starts_like_evidence(&start))
}

fn refused(path: &Path, cause: &impl ToString) -> Error {
    Error::file(path, "cannot write there", cause)
}

/// Writes to a stream as far as it is read.
fn write_through(
    stream: impl Write + Send,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::new(UntilClosed { inner: stream, closed: false });
    write(&mut out)?;
    out.flush()
}

fn write_beside(path: &Path, write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>) -> io::Result<Unfinished> {
    let mut out = BufWriter::new(Unfinished::new(source::folder(path))?);
    write(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync()?;
    Ok(file)
}

/// Makes sure that no two outputs are one file.
///
/// # Errors
///
/// Two are.
pub fn distinct<'a>(outputs: impl IntoIterator<Item = &'a Output>) -> Result<(), Error> {
    let mut known = HashSet::new();
    let mut has_stdout = false;
    for output in outputs {
        if *output == Output::Stdout && std::mem::replace(&mut has_stdout, true) {
            let cause = "another output goes there: -o FILE puts the report elsewhere, for example -o report.csv";
            return Err(refused(Path::new("-"), &cause));
        }
        let Output::File { path, .. } = output else { continue };
        let file = source::in_folder(path).unwrap_or_else(|| path.clone());
        // Windows keeps names of another case for the same.
        if !known.insert(if cfg!(windows) { file.to_string_lossy().to_lowercase().into() } else { file }) {
            return Err(refused(path, &"another output goes there"));
        }
    }
    Ok(())
}
