//! [`Ancestor`]: a process in the line of those that a connection's comes from, each as its own event has it, or as that of one below it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    connection::{
        glossary::base_name,
        process::{self, Created, ProcessKey},
    },
    group::{
        life::Life,
        processes::{MOST_ABOVE, Processes, time},
    },
};

/// A process in the line of those that a connection's comes from. What is not known is empty.
#[derive(Debug)]
pub struct Ancestor {
    /// Which it is.
    pub key: ProcessKey,
    /// When it started.
    pub start: Option<Timestamp>,
    /// When it ended, if that was logged.
    pub end: Option<Timestamp>,
    told: ToldBy,
}

/// What tells of a process in that line.
#[derive(Debug, Clone)]
enum ToldBy {
    /// Its own event.
    Own(Arc<Life>),
    /// That of a process that it started, of which this is all that is known.
    Child(Arc<Life>),
    /// That of the one below it.
    Below(Arc<Life>),
}

impl Ancestor {
    /// The path of its executable.
    #[must_use]
    pub fn image(&self) -> &str {
        self.told.image()
    }

    /// Its command line.
    #[must_use]
    pub fn command_line(&self) -> &str {
        match &self.told {
            ToldBy::Own(life) => life.created.as_ref().map_or("", |created| &created.command_line),
            ToldBy::Child(life) => life.parent.as_ref().map_or("", |parent| &parent.command_line),
            ToldBy::Below(life) => life.created.as_ref().map_or("", |created| &created.parent_command_line),
        }
    }

    /// The hashes of its executable, as logged.
    #[must_use]
    pub fn hashes(&self) -> &str {
        self.told.created().map_or("", |created| &created.hashes)
    }
}

impl ToldBy {
    fn image(&self) -> &str {
        match self {
            Self::Own(life) => life.created.as_ref().map_or("", |created| &created.image),
            Self::Child(life) => life.parent.as_ref().map_or("", |parent| &parent.image),
            Self::Below(life) => life.created.as_ref().map_or("", |created| &created.parent_image),
        }
    }

    /// Its own event, if that is known.
    fn created(&self) -> Option<&Created> {
        if let Self::Own(life) = self { life.created.as_deref() } else { None }
    }
}

impl Processes {
    /// The process of this key and those above it, as far as any is known. `connected` tells when a process had a connection first, if
    /// it had one.
    #[must_use]
    pub fn lineage(&self, key: &ProcessKey, connected: impl Fn(&ProcessKey) -> Option<Timestamp>) -> Vec<Ancestor> {
        let mut below = None;
        let mut lineage = self.steps(key);
        for Ancestor { key, start, told, .. } in &mut lineage {
            // By its GUID, a process of Windows can have started hours after what it has started, or had a connection.
            let until = below.into_iter().chain(connected(key)).min();
            let by_guid = process::started(&key.guid).filter(|&start| until.is_none_or(|until| start <= until));
            *start = told.created().and_then(|created| time(created.time)).or(by_guid);
            below = start.or(until);
        }
        lineage
    }

    /// The process of this key and those above it, each as its own event has it, or else as that of the one below it does. When they have
    /// started is not told yet.
    fn steps(&self, key: &ProcessKey) -> Vec<Ancestor> {
        let Some(life) = self.lives.get(key) else { return Vec::new() };
        let (end, start) = (time(life.ended), None);
        let mut next = life.created.is_some().then(|| Arc::clone(&life));
        let told = match &*life {
            Life { created: Some(_), .. } => ToldBy::Own(life),
            Life { parent: Some(_), .. } => ToldBy::Child(life),
            _ => return Vec::new(),
        };
        let mut steps = vec![Ancestor { key: key.clone(), start, end, told }];
        while let (Some(below), Some(last), true) = (next, steps.last(), steps.len() <= MOST_ABOVE) {
            let host = last.key.host.clone();
            let guid = below.created.as_ref().map(|created| created.parent_guid.clone()).unwrap_or_default();
            let mut key = ProcessKey { host, guid };
            let life = self.lives.get(&key);
            let end = life.as_ref().and_then(|life| time(life.ended));
            next = life.filter(|life| life.created.is_some());
            let told = next.clone().map_or(ToldBy::Below(below), ToldBy::Own);
            // Only in a forged log, two come from each other.
            if told.image().is_empty() || steps.iter().any(|step| step.key == key) {
                break;
            }
            if key.guid.is_empty() {
                // Where its own id is not stated, it is known as what has started the other.
                key.guid = format!("above {}", last.key.guid);
            }
            steps.push(Ancestor { key, start, end, told });
        }
        steps
    }

    /// The names of the processes that one comes from, as far as they are known, and its own.
    pub(super) fn ancestry(&self, key: &ProcessKey) -> String {
        let steps = self.steps(key);
        let names: Vec<&str> = steps.iter().rev().map(|step| base_name(step.image())).collect();
        names.join(" > ")
    }
}
