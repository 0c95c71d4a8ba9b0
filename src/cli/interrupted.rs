//! The end of a run by a signal or a closed window: what is not finished is removed first.

use std::{io, process};

use crate::report::unfinished;

/// The status then: that of a command which Ctrl-C has ended in a shell.
const INTERRUPTED: i32 = 130;

/// From here on, whatever ends the process and can be met removes files that are not finished.
///
/// A signal that the process was started to ignore, as with `nohup` or in the background of a script, is ignored as before.
pub(super) fn prepare() {
    // Without it, a run that is ended leaves a file behind, which is no reason not to run.
    let _ = meet();
}

#[expect(clippy::exit, reason = "what was ended does not return")]
fn end() {
    unfinished::remove_all();
    process::exit(INTERRUPTED);
}

#[cfg(unix)]
fn meet() -> io::Result<()> {
    use signal_hook::{consts::signal, iterator::Signals};
    let ignored = ignored();
    // Signals have numbers from 1, and bits from 0.
    let is_met = |signal: &i32| ignored & (1 << (signal - 1)) == 0;
    let mut signals = Signals::new([signal::SIGHUP, signal::SIGINT, signal::SIGTERM].into_iter().filter(is_met))?;
    std::thread::Builder::new().name("interrupted".to_owned()).spawn(move || {
        if signals.forever().next().is_some() {
            end();
        }
    })?;
    Ok(())
}

/// The signals that are ignored, as Linux tells them: proc(5), `SigIgn` in `/proc/pid/status`. Where nothing does, a closed terminal
/// is taken for one of them.
#[cfg(unix)]
fn ignored() -> u64 {
    const SIGHUP_ALONE: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(SIGHUP_ALONE)
}

#[cfg(windows)]
fn meet() -> io::Result<()> {
    ctrlc::try_set_handler(end).map_err(io::Error::other)
}
