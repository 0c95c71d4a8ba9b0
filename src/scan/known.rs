//! [`Known`]: what is known of all logs of a run before its connections are judged. [`Questions`] say what of it is asked for.

use crate::{
    connection::{
        glossary::Connection,
        locals::Locals,
        queried::Queried,
        started::{self, Asked, Starts},
        sysmon::{self, EVENT_ID, stated},
    },
    evtx::event::Event,
    rule::sigma::beside::{Beside, HOSTNAME, Names},
    scan::{
        prefilter::{Prefilter, Records},
        terms::Terms,
    },
};

/// The events that say any of it.
const EVENT_IDS: [u16; 3] = [EVENT_ID, 1, 22];

/// What connections cannot be judged, filtered or grouped without, that stands in other records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Questions {
    /// Which addresses are a host's own.
    pub locals: bool,
    /// What of how processes were started.
    pub starts: Asked,
    /// The names that processes asked for.
    pub names: bool,
}

impl Questions {
    /// Those of a report on these terms.
    #[must_use]
    pub fn new(terms: &Terms) -> Self {
        Self { locals: terms.ends, starts: terms.rules.sigma.asked, names: terms.names == Names::Queried }
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Which records of Sysmon are to be looked at.
    #[must_use]
    pub fn records(self) -> Records {
        if self.is_of_connections() { Records::Connections } else { Records::Any }
    }

    /// The ids of their events.
    pub(super) fn event_ids(self) -> &'static [u16] {
        if self.is_of_connections() { &[EVENT_ID] } else { &EVENT_IDS }
    }

    /// Their fields.
    pub(super) fn fields(self) -> &'static [&'static str] {
        if self.is_of_connections() { sysmon::OF_CONNECTION } else { &started::READ }
    }

    /// What answers them, in words.
    pub(super) fn what(self) -> &'static str {
        match (self.locals, self.starts.is_empty(), self.names) {
            (true, true, false) => "the addresses of the hosts",
            (false, true, true) => "the names that processes asked for",
            (false, false, false) => "what rules ask for of the processes",
            _ => "the addresses of the hosts, what rules ask for of the processes, and the names that these asked for",
        }
    }

    /// Whether connections tell all of it.
    fn is_of_connections(self) -> bool {
        self.starts.is_empty() && !self.names
    }
}

/// What is known. What was not asked for is not there.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The addresses of each host.
    pub locals: Option<Locals>,
    /// How processes were started.
    pub starts: Option<Starts>,
    /// The names that they asked for.
    pub queried: Option<Queried>,
    /// What chunks were ruled out by that it was looked for in; nothing if it was not.
    pub prefilter: Option<Prefilter>,
}

impl Known {
    /// Nothing yet, of what is asked. Once that takes some `room` bytes, no more is taken.
    #[must_use]
    pub fn of(questions: Questions, room: usize) -> Self {
        Self {
            locals: questions.locals.then(Locals::default),
            starts: (!questions.starts.is_empty()).then(|| Starts::new(questions.starts, room)),
            queried: questions.names.then(|| Queried::new(room)),
            prefilter: None,
        }
    }

    /// What is known of a connection besides its own event. A name that it was logged with is the only one.
    #[must_use]
    pub fn beside<'a>(&'a self, event: &Event<'_>, connection: &Connection<'_>) -> Beside<'a> {
        let is_named = !stated(event.field(HOSTNAME).unwrap_or_default()).is_empty();
        let queried = self.queried.as_ref().filter(|_| !is_named);
        Beside {
            process: self.starts.as_ref().and_then(|starts| starts.of(connection)),
            names: queried.map(|queried| queried.of(connection)).unwrap_or_default(),
        }
    }

    /// Takes what an event says of it.
    pub(super) fn take(&mut self, event: &Event<'_>) {
        if let (Some(locals), Some(connection)) = (&mut self.locals, sysmon::connection(event)) {
            locals.learn(&connection);
        }
        if let Some(starts) = &mut self.starts {
            starts.take(event);
        }
        if let Some(queried) = &mut self.queried {
            queried.take(event);
        }
    }

    /// Adds what another part of a look has taken.
    pub(super) fn merge(&mut self, other: Self) {
        add(&mut self.locals, other.locals, Locals::merge);
        add(&mut self.starts, other.starts, Starts::merge);
        add(&mut self.queried, other.queried, Queried::merge);
    }

    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let locals = self.locals.as_ref().map_or(0, Locals::size);
        let starts = self.starts.as_ref().map_or(0, Starts::size);
        let queried = self.queried.as_ref().map_or(0, Queried::size);
        locals.saturating_add(starts).saturating_add(queried)
    }
}

/// Adds what another part has taken, if both have taken any.
fn add<T>(own: &mut Option<T>, other: Option<T>, merge: fn(&mut T, T)) {
    match (own.as_mut(), other) {
        (Some(own), Some(other)) => merge(own, other),
        (None, other) => *own = other,
        (Some(_), None) => {}
    }
}
