//! [`Known`]: what is known of all logs of a run before its connections are judged. [`Questions`] say what of it is asked for.

use std::borrow::Cow;

use crate::{
    connection::{
        clock::Clock,
        glossary::{Connection, Field},
        lives::Lives,
        locals::{Learned, Locals},
        logged::LoggedBy,
        process,
        queried::Queried,
        security,
        started::{Asked, Start, Starts},
        sysmon::{self, stated},
        talkers::Talkers,
        volumes::Volumes,
    },
    evtx::{event::Event, typed::Values},
    rule::sigma::beside::{Beside, HOSTNAME, Names},
    scan::{prefilter::Prefilter, terms::Terms},
};

/// What connections cannot be judged, filtered or grouped without, that stands in other records.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Questions {
    /// Whose connections are judged.
    pub logged_by: LoggedBy,
    /// Which addresses are a host's own.
    pub locals: bool,
    /// What of how processes were started.
    pub starts: Asked,
    /// The names that processes asked for.
    pub names: bool,
    /// By which clock they did.
    pub clock: Clock,
    /// Whose processes were.
    pub users: bool,
    /// Which drives volumes are.
    pub volumes: bool,
    /// Which processes have connections. That is asked alone.
    pub talkers: bool,
}

/// The ids of events that say whose a process was; how processes were started, what they asked for, and which addresses are the host's;
/// and of all events that something is asked of.
const OF_USERS: [u16; 2] = [4688, 4689];
const OF_STARTS: [u16; 3] = [process::CREATED, 3, process::QUERIED];
const OF_ANY: [u16; 7] = [1, 3, 22, 4688, 4689, 5156, 5157];

impl Questions {
    /// Those of a report on these terms, for which hits are kept or not.
    #[must_use]
    pub fn new(terms: &Terms, keeps_hits: bool) -> Self {
        let logged_by = terms.logged_by;
        let has_rules = !terms.rules.sigma.is_empty();
        let asks_user = terms.group_by.iter().copied().chain(terms.filter.fields()).any(|field| field == Field::User);
        Self {
            logged_by,
            locals: terms.ends || terms.peers || terms.group_by.contains(&Field::Peer),
            starts: terms.rules.sigma.asked(),
            names: terms.names == Names::Queried,
            clock: terms.clock,
            users: logged_by.has_security() && (has_rules || keeps_hits || asks_user),
            volumes: logged_by.has_security() && has_rules,
            talkers: false,
        }
    }

    /// Which processes have connections, and nothing else.
    #[must_use]
    pub fn of_talkers(self) -> Self {
        Self { logged_by: self.logged_by, talkers: true, ..Self::default() }
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(self) -> bool {
        !(self.locals || self.is_of_processes())
    }

    /// Who logs the events that something is asked of.
    #[must_use]
    pub fn asked(self) -> LoggedBy {
        match self {
            // A path with a drive can be in an event of either.
            Self { volumes: true, .. } => LoggedBy::All,
            Self { logged_by, talkers: true, .. } => logged_by,
            Self { users: true, .. } if self.is_of_starts() => LoggedBy::All,
            Self { users: true, locals: false, .. } => LoggedBy::Security,
            Self { users: false, locals: false, .. } => LoggedBy::Sysmon,
            Self { logged_by: LoggedBy::Security, .. } if self.is_of_starts() => LoggedBy::All,
            Self { logged_by, .. } => logged_by,
        }
    }

    /// The ids of these events.
    #[must_use]
    pub fn event_ids(self) -> &'static [u16] {
        match (self.is_of_starts(), self.is_of_security(), self.locals) {
            (false, false, _) => self.logged_by.event_ids(),
            (false, true, false) if !self.volumes => &OF_USERS,
            (true, false, false) if !self.names => &[process::CREATED],
            (true, false, false) if self.starts.is_empty() => &[process::QUERIED],
            (true, false, false) => &[process::CREATED, process::QUERIED],
            (true, false, true) if self.logged_by == LoggedBy::Sysmon => &OF_STARTS,
            _ => &OF_ANY,
        }
    }

    /// What answers them, in words.
    pub(super) fn what(self) -> &'static str {
        match (self.locals, self.starts.is_empty(), self.names || self.is_of_security()) {
            (true, true, false) => "the addresses of the hosts",
            (false, false, false) => "the processes that rules ask about",
            _ => "what must be known of hosts and processes before connections are judged",
        }
    }

    /// Whether something of processes is asked.
    #[must_use]
    pub fn is_of_processes(self) -> bool {
        self.is_of_starts() || self.is_of_security()
    }

    /// Whether Sysmon's events of processes tell some of it.
    pub(super) fn is_of_starts(self) -> bool {
        !self.starts.is_empty() || self.names
    }

    /// Whether Security-Auditing's events of processes tell some of it.
    pub(super) fn is_of_security(self) -> bool {
        self.users || self.volumes
    }
}

/// What is known. What was not asked for is not there.
#[derive(Debug, Clone, Default)]
pub struct Known {
    logged_by: LoggedBy,
    /// What it may take in memory, in bytes.
    room: usize,
    /// Whether there was more than there is room for.
    is_full: bool,
    /// The addresses of each host.
    pub locals: Option<Locals>,
    learned: Learned,
    /// How processes were started.
    starts: Option<Starts>,
    /// The names that they asked for.
    queried: Option<Queried>,
    /// The processes of each host, by their ids.
    lives: Option<Lives>,
    /// The volumes of each host.
    volumes: Option<Volumes>,
    /// The processes that have connections.
    pub(super) talkers: Option<Talkers>,
    /// What chunks were ruled out by that it was looked for in; nothing if it was not.
    pub prefilter: Option<Prefilter>,
}

impl Known {
    /// Nothing yet, of what is asked. Once that takes some `room` bytes, no more is taken.
    #[must_use]
    pub fn of(questions: Questions, room: usize) -> Self {
        Self {
            logged_by: questions.logged_by,
            room,
            is_full: false,
            locals: questions.locals.then(Locals::default),
            learned: Learned::default(),
            starts: (!questions.starts.is_empty()).then(|| Starts::new(questions.starts)),
            queried: questions.names.then(|| Queried::new(questions.clock)),
            lives: questions.users.then(|| Lives::new(questions.starts)),
            volumes: questions.volumes.then(Volumes::default),
            talkers: questions.talkers.then(Talkers::default),
            prefilter: None,
        }
    }

    /// What is known of a connection besides its own event. A name that it was logged with is the only one.
    #[must_use]
    pub fn beside<'a>(&'a self, event: &Event<'_>, connection: &Connection<'_>) -> Beside<'a> {
        let is_named = !stated(event.field(HOSTNAME).unwrap_or_default()).is_empty();
        let queried = self.queried.as_ref().filter(|_| !is_named);
        Beside {
            process: self.start(connection),
            names: queried.map(|queried| queried.of(connection)).unwrap_or_default(),
        }
    }

    /// Whether it is known how processes were started.
    pub(super) fn tells_starts(&self) -> bool {
        self.starts.is_some()
    }

    /// Whether it is known which names processes asked for.
    pub(super) fn tells_names(&self) -> bool {
        self.queried.is_some()
    }

    /// How the process of a connection was started.
    fn start(&self, connection: &Connection<'_>) -> Option<&Start> {
        if let Some(lives) = self.lives_of(connection) {
            return lives.start(&connection.dvc, &connection.process_id, connection.time);
        }
        self.starts.as_ref()?.of(connection)
    }

    /// The processes, by their ids, of which this connection's is one.
    fn lives_of(&self, connection: &Connection<'_>) -> Option<&Lives> {
        self.lives.as_ref().filter(|_| connection.vendor_product == security::VENDOR_PRODUCT)
    }

    /// Takes what an event says of it; what it says of processes, of these alone, if some are given.
    pub(super) fn take(&mut self, event: &Event<'_>, among: Option<&Talkers>) {
        if !self.make_room() {
            return;
        }
        if let (Some(locals), Some(connection)) = (&mut self.locals, self.logged_by.connection(event)) {
            locals.learn(&connection);
        }
        if let (Some(talkers), Some(connection)) = (&mut self.talkers, self.logged_by.connection(event)) {
            talkers.learn(&connection);
        }
        if let Some(starts) = &mut self.starts {
            starts.take(event, among);
        }
        if let Some(queried) = &mut self.queried {
            queried.take(event, among);
        }
        if let Some(lives) = &mut self.lives {
            lives.learn(event, among);
        }
        if let Some(volumes) = &mut self.volumes {
            volumes.learn(event);
        }
    }

    /// Takes the same of an event of Sysmon's with this id by its values, if these are all that is needed. Returns whether they are.
    pub(super) fn take_values(&mut self, id: u16, values: &Values<'_>, among: Option<&Talkers>) -> bool {
        let has_room = self.make_room();
        let Self {
            logged_by, locals, learned, starts, queried: None, lives: None, volumes: None, talkers: None, ..
        } = self
        else {
            return false;
        };
        match (locals, starts, id) {
            (None, Some(starts), process::CREATED) => {
                if has_room {
                    starts.take_values(values, among);
                }
            }
            (Some(locals), None, sysmon::EVENT_ID) if *logged_by == LoggedBy::Sysmon => {
                if has_room {
                    learned.learn(values, locals);
                }
            }
            _ => return false,
        }
        true
    }

    /// Whether there is room for more. Notes if not.
    fn make_room(&mut self) -> bool {
        self.is_full = self.size() >= self.room;
        !self.is_full
    }

    /// Adds what another part of a look has taken.
    pub(super) fn merge(&mut self, other: Self) {
        self.is_full |= other.is_full;
        add(&mut self.locals, other.locals, Locals::merge);
        add(&mut self.starts, other.starts, Starts::merge);
        add(&mut self.queried, other.queried, Queried::merge);
        add(&mut self.lives, other.lives, Lives::merge);
        add(&mut self.volumes, other.volumes, Volumes::merge);
        add(&mut self.talkers, other.talkers, Talkers::merge);
    }

    /// What it takes in memory, in bytes; the most that there is if some was not taken.
    #[must_use]
    pub fn size(&self) -> usize {
        if self.is_full {
            return usize::MAX;
        }
        let locals = self.locals.as_ref().map_or(0, Locals::size);
        let starts = self.starts.as_ref().map_or(0, Starts::size);
        let queried = self.queried.as_ref().map_or(0, Queried::size);
        let lives = self.lives.as_ref().map_or(0, Lives::size);
        let volumes = self.volumes.as_ref().map_or(0, Volumes::size);
        let talkers = self.talkers.as_ref().map_or(0, Talkers::size);
        [starts, queried, lives, volumes, talkers].into_iter().fold(locals, usize::saturating_add)
    }

    /// Makes it ready to be asked, once all is taken.
    pub(super) fn settle(&mut self) {
        self.learned = Learned::default();
        if let Some(starts) = &mut self.starts {
            starts.forget_values();
        }
        if let Some(queried) = &mut self.queried {
            queried.settle();
        }
        if let Some(lives) = &mut self.lives {
            lives.sort();
        }
        if let Some(volumes) = &mut self.volumes {
            volumes.match_up();
        }
    }

    /// The user of a connection whose event does not say.
    pub(super) fn user(&self, connection: &Connection<'_>) -> Option<&str> {
        let lives = self.lives_of(connection)?;
        Some(lives.user(&connection.dvc, &connection.process_id, connection.time))
    }

    /// The path of a connection's process as rules know it, with its drive if that is known.
    pub(super) fn image<'c>(&self, connection: &'c Connection<'_>) -> Cow<'c, str> {
        let on_drive = self.volumes.as_ref().and_then(|volumes| volumes.on_drive(&connection.dvc, &connection.app));
        on_drive.map_or(Cow::Borrowed(&*connection.app), Cow::Owned)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::{started, sysmon::PROVIDER},
        evtx::{
            chunk,
            decoder::{self, Carving, Decoder},
            typed::{Scratch, Typed},
        },
        scan::plan,
    };

    #[test]
    fn no_more_is_taken_than_there_is_room_for() {
        let questions = Questions { locals: true, ..Questions::default() };
        let long = "x".repeat(1 << 10);
        let [mut known, mut other] = [1 << 14, usize::MAX].map(|room| Known::of(questions, room));
        for number in 0..100 {
            let source = format!("{number}{long}");
            let data = [("Initiated", "true"), ("SourceIp", &*source)];
            let event = Event {
                provider: PROVIDER.into(),
                event_id: "3".into(),
                computer: "WS01".into(),
                data: data.map(|(name, value)| (name.into(), value.into())).into(),
                ..Event::default()
            };
            known.take(&event, None);
        }
        assert!(known.locals.as_ref().is_some_and(|locals| locals.size() < 1 << 15));
        other.merge(known);
        assert_eq!(other.size(), usize::MAX);
    }

    #[test]
    fn of_processes_nothing_is_taken_without_room() {
        const GUID: &str = "{6820D070-1F1B-6323-5C02-000000001400}";
        let mut starts = Asked::default();
        assert!(starts.add("CommandLine"));
        let questions = Questions { starts, ..Questions::default() };
        let [mut none, mut merged] = [0, usize::MAX].map(|room| Known::of(questions, room));
        let data = [("ProcessGuid", GUID), ("CommandLine", "first")];
        let event = Event {
            provider: PROVIDER.into(),
            event_id: "1".into(),
            computer: "HOST".into(),
            data: data.map(|(name, value)| (name.into(), value.into())).into(),
            ..Event::default()
        };
        none.take(&event, None);
        let connection = Connection { dvc: "HOST".into(), process_guid: GUID.into(), ..Connection::default() };
        assert!(none.beside(&Event::default(), &connection).process.is_none());
        merged.merge(none);
        assert_eq!(merged.size(), usize::MAX);
    }

    #[test]
    fn the_values_of_an_event_tell_what_it_does() {
        let mut starts = Asked::default();
        assert!(started::FIELDS.iter().all(|name| starts.add(name)));
        let mut without = Asked::default();
        assert!(started::FIELDS[1..].iter().all(|name| without.add(name)));
        for starts in [starts, without] {
            let questions = Questions { starts, ..Questions::default() };
            let [mut by_events, mut by_values] = [(); 2].map(|()| Known::of(questions, usize::MAX));
            let mut processes = Vec::new();
            let decoder = Decoder::new(Carving::Live);
            decoder::tests::chunks(&mut |_, chunk| {
                let typed = decoder.typed(chunk, &chunk::layout(chunk).0, plan::ahead(questions));
                let Some(typed) = typed else { return };
                let mut scratch = Scratch::default();
                for row in typed.rows() {
                    let Some((provider, process::CREATED)) = typed.kind(row) else { continue };
                    let Some(values) = typed.values(row).filter(|_| provider.text() == PROVIDER) else { continue };
                    let event = typed.event(row, &mut scratch).unwrap();
                    by_events.take(&event, None);
                    assert!(by_values.take_values(process::CREATED, &values, None));
                    for guid in ["ProcessGuid", "ParentProcessGuid"].map(|name| event.field(name).unwrap_or_default()) {
                        processes.push((event.computer.to_string(), guid.to_owned()));
                    }
                }
            });
            by_values.settle();
            let mut found = 0;
            for (dvc, guid) in &processes {
                let process_guid = format!("{{{}}}", guid.trim_matches(['{', '}'])).into();
                let connection = Connection { dvc: dvc.into(), process_guid, ..Connection::default() };
                assert_eq!(by_values.start(&connection), by_events.start(&connection), "{dvc} {guid}");
                found += usize::from(by_events.start(&connection).is_some());
            }
            assert!(found > 100, "only {found} processes");
        }
    }
    #[test]
    fn the_values_of_a_connection_tell_which_addresses_are_its_hosts() {
        let questions = Questions { locals: true, ..Questions::default() };
        let [mut by_events, mut by_values] = [(); 2].map(|()| Known::of(questions, usize::MAX));
        let decoder = Decoder::new(Carving::Live);
        let mut count = 0;
        decoder::tests::chunks(&mut |_, chunk| {
            let typed = decoder.typed(chunk, &chunk::layout(chunk).0, plan::ahead(questions));
            let Some(typed) = typed.filter(Typed::is_plain) else { return };
            let mut scratch = Scratch::default();
            for row in typed.rows() {
                let Some((provider, sysmon::EVENT_ID)) = typed.kind(row) else { continue };
                let Some(values) = typed.values(row).filter(|_| provider.text() == PROVIDER) else { continue };
                by_events.take(&typed.event(row, &mut scratch).unwrap(), None);
                assert!(by_values.take_values(sysmon::EVENT_ID, &values, None));
                count += 1;
            }
        });
        let told = |mut known: Known| {
            known.settle();
            format!("{:?}", known.locals)
        };
        assert!(count > 100, "only {count} connections");
        assert_eq!(told(by_values), told(by_events));
    }
}
