//! [`Known`]: what is known of all logs of a run before its connections are judged. [`Questions`] say what of it is asked for.

use std::borrow::Cow;

use crate::{
    connection::{
        glossary::{Connection, Field},
        lives::Lives,
        locals::Locals,
        logged::LoggedBy,
        security,
        volumes::Volumes,
    },
    evtx::event::Event,
    scan::{prefilter::Prefilter, terms::Terms},
};

/// What connections cannot be judged, filtered or grouped without, that stands in other records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Questions {
    /// Whose connections are judged.
    pub logged_by: LoggedBy,
    /// Which addresses are a host's own.
    pub locals: bool,
    /// Whose processes were.
    pub users: bool,
    /// Which drives volumes are.
    pub volumes: bool,
}

/// The ids of events that say whose a process was, and of all events that something is asked of.
const OF_USERS: [u16; 2] = [4688, 4689];
const OF_ANY: [u16; 6] = [1, 3, 4688, 4689, 5156, 5157];

impl Questions {
    /// Those of a report on these terms, for which hits are kept or not.
    #[must_use]
    pub fn new(terms: &Terms, keeps_hits: bool) -> Self {
        let logged_by = terms.logged_by;
        let has_rules = !terms.rules.sigma.is_empty();
        let asks_user = terms.group_by.iter().copied().chain(terms.filter.fields()).any(|field| field == Field::User);
        Self {
            logged_by,
            locals: terms.ends,
            users: logged_by.has_security() && (has_rules || keeps_hits || asks_user),
            volumes: logged_by.has_security() && has_rules,
        }
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(self) -> bool {
        !(self.locals || self.users || self.volumes)
    }

    /// Who logs the events that something is asked of.
    #[must_use]
    pub fn asked(self) -> LoggedBy {
        match self {
            // A path with a drive can be in an event of either.
            Self { volumes: true, .. } => LoggedBy::All,
            Self { locals: false, users: true, .. } => LoggedBy::Security,
            Self { logged_by, .. } => logged_by,
        }
    }

    /// The ids of these events.
    #[must_use]
    pub fn event_ids(self) -> &'static [u16] {
        match self {
            Self { locals: false, volumes: false, .. } => &OF_USERS,
            Self { users: false, volumes: false, logged_by, .. } => logged_by.event_ids(),
            _ => &OF_ANY,
        }
    }
}

/// What is known. What was not asked for is not there.
#[derive(Debug, Clone, Default)]
pub struct Known {
    logged_by: LoggedBy,
    /// The addresses of each host.
    pub locals: Option<Locals>,
    /// The processes of each host.
    lives: Option<Lives>,
    /// The volumes of each host.
    volumes: Option<Volumes>,
    /// What chunks were ruled out by that it was looked for in; nothing if it was not.
    pub prefilter: Option<Prefilter>,
}

impl Known {
    /// Nothing yet, of what is asked.
    #[must_use]
    pub fn of(questions: Questions) -> Self {
        Self {
            logged_by: questions.logged_by,
            locals: questions.locals.then(Locals::default),
            lives: questions.users.then(Lives::default),
            volumes: questions.volumes.then(Volumes::default),
            prefilter: None,
        }
    }

    /// Takes what an event says of it.
    pub(super) fn take(&mut self, event: &Event<'_>) {
        if let (Some(locals), Some(connection)) = (&mut self.locals, self.logged_by.connection(event)) {
            locals.learn(&connection);
        }
        if let Some(lives) = &mut self.lives {
            lives.learn(event);
        }
        if let Some(volumes) = &mut self.volumes {
            volumes.learn(event);
        }
    }

    /// Adds what another part of a look has taken.
    pub(super) fn merge(&mut self, other: Self) {
        merge(&mut self.locals, other.locals, Locals::merge);
        merge(&mut self.lives, other.lives, Lives::merge);
        merge(&mut self.volumes, other.volumes, Volumes::merge);
    }

    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let locals = self.locals.as_ref().map_or(0, Locals::size);
        let (lives, volumes) = (self.lives.as_ref(), self.volumes.as_ref());
        locals + lives.map_or(0, Lives::size) + volumes.map_or(0, Volumes::size)
    }

    /// Makes it ready to be asked, once all is taken.
    pub(super) fn settle(&mut self) {
        if let Some(lives) = &mut self.lives {
            lives.sort();
        }
        if let Some(volumes) = &mut self.volumes {
            volumes.match_up();
        }
    }

    /// The user of a connection whose event does not say.
    pub(super) fn user(&self, connection: &Connection<'_>) -> Option<&str> {
        let lives = self.lives.as_ref().filter(|_| connection.vendor_product == security::VENDOR_PRODUCT)?;
        Some(lives.user(&connection.dvc, &connection.process_id, connection.time))
    }

    /// The path of a connection's process as rules know it, with its drive if that is known.
    pub(super) fn image<'c>(&self, connection: &'c Connection<'_>) -> Cow<'c, str> {
        let on_drive = self.volumes.as_ref().and_then(|volumes| volumes.on_drive(&connection.dvc, &connection.app));
        on_drive.map_or(Cow::Borrowed(&*connection.app), Cow::Owned)
    }
}

fn merge<T>(own: &mut Option<T>, other: Option<T>, merge: impl FnOnce(&mut T, T)) {
    match (own.as_mut(), other) {
        (Some(own), Some(other)) => merge(own, other),
        (None, Some(other)) => *own = Some(other),
        (_, None) => {}
    }
}
