//! [`Lives`]: when the processes of hosts lived, and whose they were, by EventID 4688 and 4689 of Windows' Security-Auditing.
//!
//! A connection that Security-Auditing has logged states the id of its process and nothing of the user. Windows gives ids to the next
//! process, so that it takes the time as well: the process is that of the latest 4688 before, with no 4689 between.

use std::{cmp::Ordering, collections::HashMap};

use jiff::Timestamp;

use crate::{
    connection::{
        security::PROVIDER,
        sysmon::{decimal, stated, time},
    },
    evtx::event::Event,
};

/// The fields of these events that are read, besides `ProcessId`. Version 2 of 4688 adds those that start with `Target`.
pub const FIELDS: [&str; 5] =
    ["NewProcessId", "SubjectUserName", "SubjectDomainName", "TargetUserName", "TargetDomainName"];

/// What was logged of processes, in any order until they are sorted.
#[derive(Debug, Clone, Default)]
pub struct Lives {
    changes: Vec<Change>,
    /// How many of them are sorted, and there once each.
    sorted: usize,
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
    /// What the texts take in memory, in bytes.
    size: usize,
}

/// That a process was created or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// The number of the host's name.
    host: u32,
    process: u32,
    /// Nanoseconds since 1970.
    time: i64,
    /// The number of the user's name where it was created, nothing where it ended.
    user: Option<u32>,
}

impl Lives {
    /// Takes what an event says of a process, if it is one of the two.
    pub fn learn(&mut self, event: &Event<'_>) {
        let field = |name| stated(event.field(name).unwrap_or_default());
        let (id, user) = match &*event.event_id {
            _ if event.provider != PROVIDER => return,
            "4688" => (field("NewProcessId"), Some(user(field))),
            "4689" => (field("ProcessId"), None),
            _ => return,
        };
        let logged = event.time.or_else(|| time(&event.system_time)).and_then(nanoseconds);
        let (Ok(process), Some(time)) = (decimal(id).parse(), logged) else { return };
        let host = self.number(&event.computer);
        let user = user.map(|user| self.number(&user));
        self.push(Change { host, process, time, user });
    }

    /// Adds what another part of a look has learned.
    pub fn merge(&mut self, other: Self) {
        let numbers: Vec<u32> = other.texts.iter().map(|text| self.number(text)).collect();
        let own = |number: u32| numbers.get(number as usize).copied().unwrap_or(0);
        for change in other.changes {
            self.push(Change { host: own(change.host), user: change.user.map(own), ..change });
        }
    }

    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size + self.changes.capacity() * size_of::<Change>()
    }

    /// Sorts what was learned, without which nothing is found.
    pub fn sort(&mut self) {
        let Self { changes, texts, .. } = self;
        let text = |user: Option<u32>| user.and_then(|user| texts.get(user as usize));
        changes.sort_unstable_by(|one, other| {
            one.place().cmp(&other.place()).then_with(|| text(one.user).cmp(&text(other.user)))
        });
        changes.dedup();
        self.sorted = changes.len();
    }

    /// The user of the process that had this id on a host at a time; empty if that is not known.
    #[must_use]
    pub fn user(&self, host: &str, process_id: &str, time: Option<Timestamp>) -> &str {
        let find = || {
            let (host, process) = (*self.numbers.get(host)?, process_id.parse().ok()?);
            let time = time.and_then(nanoseconds)?;
            let is_until = |change: &Change| (change.host, change.process, change.time) <= (host, process, time);
            let last = self.changes.get(self.changes.partition_point(is_until).checked_sub(1)?)?;
            let user = last.user.filter(|_| (last.host, last.process) == (host, process))?;
            self.texts.get(user as usize)
        };
        find().map_or("", |user| user)
    }

    fn push(&mut self, change: Change) {
        // Logs that were collected twice say all of it twice.
        const FEW: usize = 1 << 16;
        if self.changes.len() >= 2 * self.sorted + FEW {
            self.sort();
        }
        self.changes.push(change);
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
    /// What a process's end is before, where its id was given to another one at that time.
    fn place(&self) -> (u32, u32, i64, Ordering) {
        (self.host, self.process, self.time, if self.user.is_some() { Ordering::Greater } else { Ordering::Less })
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
            if index % 2 == 0 { &mut one } else { &mut other }.learn(event);
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
