//! A [`Clock`]: when a run started, for its summary and its manifest.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::report::manifest::RunEntry;

/// When a run started.
pub(super) struct Clock {
    started: Timestamp,
    elapsed: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { started: Timestamp::now(), elapsed: Instant::now() }
    }

    /// Facts about the run, as far as it has come.
    pub(super) fn run_info(&self) -> RunEntry {
        RunEntry {
            started: self.started.to_string(),
            finished: Timestamp::now().to_string(),
            host: gethostname::gethostname().to_string_lossy().into_owned(),
        }
    }

    /// How long the run has taken.
    pub(super) fn elapsed(&self) -> Duration {
        self.elapsed.elapsed()
    }
}
