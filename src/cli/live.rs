//! `--live`: the logs of the host that this runs on. They are read, and nothing is written beside them.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use crate::{error::Error, evidence::source, report::outputs::Outputs};

/// Where Windows keeps the logs of its host. Source: Microsoft, "Event Log File Format" and `wevtutil gl`, `logFileName`.
const LOGS: [&str; 3] = ["System32", "winevt", "Logs"];

/// The folder with the host's own logs.
///
/// # Errors
///
/// There is no such folder: this is not Windows, or the folder is missing.
pub fn folder() -> Result<PathBuf, Error> {
    let windows = env::var_os("SystemRoot").filter(|_| cfg!(windows)).ok_or_else(|| {
        Error::Usage(
            "--live reads the logs of the Windows host that it runs on: give a PATH, for example case/".to_owned(),
        )
    })?;
    let folder = LOGS.iter().fold(PathBuf::from(windows), |folder, part| folder.join(part));
    if folder.is_dir() {
        return Ok(folder);
    }
    Err(Error::file(&folder, "cannot read the logs of this host", &"there is no such folder"))
}

/// Makes sure that nothing is written where those logs are.
///
/// # Errors
///
/// Something would be.
pub fn keeps_out(outputs: &Outputs, folder: &Path) -> Result<(), Error> {
    let Ok(folder) = folder.canonicalize() else { return Ok(()) };
    match outputs.files().find(|path| source::in_folder(path).is_some_and(|path| path.starts_with(&folder))) {
        None => Ok(()),
        Some(path) => Err(Error::file(path, "cannot write there", &"it is the folder of this host's logs")),
    }
}

/// Whether Windows keeps some of these logs from who runs this, as it does without elevation.
pub fn is_kept_from(folder: &Path) -> bool {
    let is_denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    match fs::read_dir(folder) {
        Err(error) => is_denied(&error),
        Ok(entries) => {
            entries.flatten().any(|entry| fs::File::open(entry.path()).is_err_and(|error| is_denied(&error)))
        }
    }
}
