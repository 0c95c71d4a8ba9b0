//! [`Known`]: what is known of all logs of a run before its connections are judged. [`Questions`] say what of it is asked for.

use crate::{
    connection::{locals::Locals, sysmon},
    evtx::event::Event,
    scan::{prefilter::Prefilter, terms::Terms},
};

/// What connections cannot be judged, filtered or grouped without, that stands in other records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Questions {
    /// Which addresses are a host's own.
    pub locals: bool,
}

impl Questions {
    /// Those of a report on these terms.
    #[must_use]
    pub fn new(terms: &Terms) -> Self {
        Self { locals: terms.ends }
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// What is known. What was not asked for is not there.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The addresses of each host.
    pub locals: Option<Locals>,
    /// What chunks were ruled out by that it was looked for in; nothing if it was not.
    pub prefilter: Option<Prefilter>,
}

impl Known {
    /// Nothing yet, of what is asked.
    #[must_use]
    pub fn of(questions: Questions) -> Self {
        Self { locals: questions.locals.then(Locals::default), prefilter: None }
    }

    /// Takes what an event says of it.
    pub(super) fn take(&mut self, event: &Event<'_>) {
        if let (Some(locals), Some(connection)) = (&mut self.locals, sysmon::connection(event)) {
            locals.learn(&connection);
        }
    }

    /// Adds what another part of a look has taken.
    pub(super) fn merge(&mut self, other: Self) {
        match (&mut self.locals, other.locals) {
            (Some(own), Some(others)) => own.merge(others),
            (own, others) => *own = own.take().or(others),
        }
    }

    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.locals.as_ref().map_or(0, Locals::size)
    }
}
