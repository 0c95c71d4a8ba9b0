//! [`Lives`]: when the processes of hosts lived, whose they were and how they were started, by EventID 4688 and 4689 of Windows'
//! Security-Auditing.
//!
//! A connection that Security-Auditing has logged states the id of its process and nothing else of it. Windows gives ids to the next
//! process, so that it takes the time as well: the process is that of the latest 4688 before, with no 4689 between.

use std::{
    cmp::{Ordering, Reverse},
    collections::HashMap,
};

use jiff::Timestamp;

use crate::{
    connection::{
        audited, host,
        rank::Weight,
        security::PROVIDER,
        started::{Asked, Start},
        sysmon::{decimal, stated, time},
        talkers::Talkers,
    },
    evtx::event::Event,
};

/// The fields of these events that are read, besides those that tell a [`Weight`]: [`audited::FIELDS`] and the command line. Version 2 of
/// 4688 adds those that start with `Target`.
pub const FIELDS: [&str; 4] = ["SubjectUserName", "SubjectDomainName", "TargetUserName", "TargetDomainName"];

/// What was logged of processes, in any order until they are sorted.
#[derive(Debug, Clone, Default)]
pub struct Lives {
    asked: Asked,
    changes: Vec<Change>,
    /// How many of them are sorted, and there once each.
    sorted: usize,
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
    starts: Vec<Start>,
    start_numbers: HashMap<Start, u32>,
    /// What texts and starts take in memory, in bytes.
    size: usize,
}

/// That a process was created or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// The number of the host's name, folded.
    host: u32,
    process: u32,
    /// Nanoseconds since 1970.
    time: i64,
    /// Nothing where it ended.
    created: Option<Created>,
}

/// What is known of a process from when it was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Created {
    /// The number of the user's name.
    user: u32,
    /// Whether that is the account that it runs as, and not the one that has created it.
    runs_as: bool,
    /// The number of how it was started, if that is asked for.
    start: Option<u32>,
    /// That of its event: of several, the same counts as where all of it is kept.
    weight: Weight,
}

impl Lives {
    /// None yet, of whose starts this is asked for.
    #[must_use]
    pub fn new(asked: Asked) -> Self {
        Self { asked, ..Self::default() }
    }

    /// Takes what an event says of a process, if it is one of the two; of these processes alone, if some are given.
    pub fn learn(&mut self, event: &Event<'_>, among: Option<&Talkers>) {
        let field = |name| stated(event.field(name).unwrap_or_default());
        let (id, is_created) = match &*event.event_id {
            _ if event.provider != PROVIDER => return,
            "4688" => (field("NewProcessId"), true),
            "4689" => (field("ProcessId"), false),
            _ => return,
        };
        let logged = event.time.or_else(|| time(&event.system_time)).and_then(nanoseconds);
        let (Ok(process), Some(time)) = (decimal(id).parse::<u32>(), logged) else { return };
        if among.is_some_and(|among| !among.has(&event.computer, u128::from(process))) {
            return;
        }
        let host = self.number(&host::folded(&event.computer));
        let created = is_created.then(|| Created {
            user: self.number(&user(field)),
            runs_as: !field("TargetUserName").is_empty(),
            start: (!self.asked.is_empty()).then(|| self.start_number(audited::start(event, self.asked))),
            weight: audited::created(event, time.into()).weight(),
        });
        self.push(Change { host, process, time, created });
    }

    /// Adds what another part of a look has learned.
    pub fn merge(&mut self, other: Self) {
        let numbers: Vec<u32> = other.texts.iter().map(|text| self.number(text)).collect();
        let starts: Vec<u32> = other.starts.into_iter().map(|start| self.start_number(start)).collect();
        let own = |numbers: &[u32], number: u32| numbers.get(number as usize).copied().unwrap_or(0);
        for change in other.changes {
            let created = change.created.map(|created| Created {
                user: own(&numbers, created.user),
                start: created.start.map(|start| own(&starts, start)),
                ..created
            });
            self.push(Change { host: own(&numbers, change.host), created, ..change });
        }
    }

    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size + self.changes.capacity() * size_of::<Change>()
    }

    /// Sorts what was learned, without which nothing is found. Of several events that tell the same creation, the first by its weight counts,
    /// for all that is told of it: where these do not differ, the one that names the account, then the longest name.
    pub fn sort(&mut self) {
        let Self { changes, texts, starts, .. } = self;
        let rank = |change: &Change| {
            let Created { user, runs_as, start, weight } = change.created?;
            let user = texts.get(user as usize).map(|user| (user.len(), user));
            Some((weight, Reverse((runs_as, user, start.and_then(|start| starts.get(start as usize))))))
        };
        changes
            .sort_unstable_by(|one, other| one.place().cmp(&other.place()).then_with(|| rank(one).cmp(&rank(other))));
        changes.dedup_by_key(|change| change.place());
        self.sorted = changes.len();
    }

    /// The user of the process that had this id on a host at a time; empty if that is not known.
    #[must_use]
    pub fn user(&self, host: &str, process_id: &str, time: Option<Timestamp>) -> &str {
        let created = self.created(host, process_id, time);
        created.and_then(|created| self.texts.get(created.user as usize)).map_or("", |user| user)
    }

    /// How it was started, if that is known.
    #[must_use]
    pub fn start(&self, host: &str, process_id: &str, time: Option<Timestamp>) -> Option<&Start> {
        self.starts.get(self.created(host, process_id, time)?.start? as usize)
    }

    fn created(&self, host: &str, process_id: &str, time: Option<Timestamp>) -> Option<Created> {
        let (host, process) = (*self.numbers.get(&*host::folded(host))?, process_id.parse().ok()?);
        let time = time.and_then(nanoseconds)?;
        let is_until = |change: &Change| (change.host, change.process, change.time) <= (host, process, time);
        let last = self.changes.get(self.changes.partition_point(is_until).checked_sub(1)?)?;
        last.created.filter(|_| (last.host, last.process) == (host, process))
    }

    fn push(&mut self, change: Change) {
        // Logs that were collected twice say all of it twice.
        const FEW: usize = 1 << 16;
        if self.changes.len() >= 2 * self.sorted + FEW {
            self.sort();
        }
        self.changes.push(change);
    }

    fn start_number(&mut self, start: Start) -> u32 {
        if let Some(&number) = self.start_numbers.get(&start) {
            return number;
        }
        let number = u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        self.size += 2 * start.size();
        self.starts.push(start.clone());
        self.start_numbers.insert(start, number);
        number
    }

    fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.size += 2 * (text.len() + size_of::<(Box<str>, u32)>() + 16);
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }
}

impl Change {
    /// The order of changes: of two at the same time, the end of one process comes before the start of the next with its id.
    fn place(&self) -> (u32, u32, i64, Ordering) {
        (self.host, self.process, self.time, if self.created.is_some() { Ordering::Greater } else { Ordering::Less })
    }
}

/// Whose a process is: the account that it runs as, or else that which has created it.
fn user<'a>(field: impl Fn(&'static str) -> &'a str) -> String {
    let target = field("TargetUserName");
    let (domain, name) = match target {
        "" => (field("SubjectDomainName"), field("SubjectUserName")),
        target => (field("TargetDomainName"), target),
    };
    if domain.is_empty() || name.is_empty() { name.to_owned() } else { format!("{domain}\\{name}") }
}

fn nanoseconds(time: Timestamp) -> Option<i64> {
    i64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event<'a>(id: &'a str, seconds: i64, data: &[(&'a str, &'a str)]) -> Event<'a> {
        Event {
            provider: PROVIDER.into(),
            event_id: id.into(),
            computer: "HOST".into(),
            time: Timestamp::from_second(seconds).ok(),
            data: data.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
            ..Event::default()
        }
    }

    fn created<'a>(seconds: i64, id: &'a str, name: &'a str) -> Event<'a> {
        event("4688", seconds, &[("NewProcessId", id), ("SubjectUserName", name), ("SubjectDomainName", "CORP")])
    }

    fn ended(seconds: i64, id: &str) -> Event<'_> {
        event("4689", seconds, &[("ProcessId", id)])
    }

    fn lives(events: &[Event<'_>]) -> Lives {
        let (mut one, mut other) = (Lives::default(), Lives::default());
        for (index, event) in events.iter().enumerate() {
            if index % 2 == 0 { &mut one } else { &mut other }.learn(event, None);
        }
        one.merge(other);
        one.sort();
        one
    }

    #[test]
    fn a_process_is_that_of_the_latest_creation_unless_it_has_ended() {
        let events = [
            created(10, "0x10", "first"),
            ended(20, "0x10"),
            created(30, "0x10", "second"),
            created(40, "0x10", "third"),
            ended(50, "0x10"),
            created(50, "0x10", "fourth"),
            created(10, "0x11", "other"),
            created(10, "0x10", "first"),
        ];
        let lives = lives(&events);
        let user = |host, id, seconds| lives.user(host, id, Timestamp::from_second(seconds).ok());
        for (seconds, name) in [
            (9, ""),
            (10, r"CORP\first"),
            (19, r"CORP\first"),
            (20, ""),
            (30, r"CORP\second"),
            (45, r"CORP\third"),
            (50, r"CORP\fourth"),
            (9999, r"CORP\fourth"),
        ] {
            assert_eq!(user("HOST", "16", seconds), name, "{seconds}");
        }
        assert_eq!(user("HOST", "17", 11), r"CORP\other");
        assert_eq!((user("HOST", "18", 11), user("OTHER", "16", 11), user("HOST", "", 11)), ("", "", ""));
        assert_eq!(lives.changes.len(), 7);
    }

    #[test]
    fn the_account_that_it_runs_as_comes_first() {
        let target = [("TargetUserName", "alice"), ("TargetDomainName", "CORP")];
        let subject = [("NewProcessId", "0x1"), ("SubjectUserName", "WS01$"), ("SubjectDomainName", "-")];
        for (more, name) in [(&target[..], r"CORP\alice"), (&[("TargetUserName", "-")], "WS01$"), (&[], "WS01$")] {
            let lives = lives(&[event("4688", 1, &[&subject, more].concat())]);
            assert_eq!(lives.user("HOST", "1", Timestamp::from_second(1).ok()), name);
        }
    }

    #[test]
    fn of_two_accounts_at_once_it_is_the_same_in_any_order() {
        let mut events = [created(1, "1", "b"), created(1, "1", "a")];
        let one = lives(&events).user("HOST", "1", Timestamp::from_second(1).ok()).to_owned();
        events.reverse();
        assert_eq!(lives(&events).user("HOST", "1", Timestamp::from_second(1).ok()), one);
    }
}
