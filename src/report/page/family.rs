//! The [`Family`] of a page: the processes behind its groups and those that they come from, each once, with the one above it.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    connection::process::ProcessKey,
    group::processes::Processes,
    report::page::{
        moment::{Time, stated},
        names::Names,
    },
};

/// Processes, in any order.
#[derive(Debug, Serialize)]
pub(super) struct Family<'a> {
    members: Vec<Member>,
    #[serde(skip)]
    places: HashMap<ProcessKey, usize>,
    #[serde(skip)]
    connected: &'a HashMap<ProcessKey, Timestamp>,
}

/// A process. Texts are numbers of the page's strings.
#[derive(Debug, Serialize)]
struct Member {
    image: u32,
    command: u32,
    hashes: u32,
    start: Time,
    end: Time,
    /// The place of the process that started it.
    above: Option<usize>,
}

impl<'a> Family<'a> {
    /// Of processes that had their first connections at these times. A process stands there once, whatever the page shows of it: by its GUID
    /// alone it is not said to have started after any of these.
    pub(super) fn new(connected: &'a HashMap<ProcessKey, Timestamp>) -> Self {
        Self { members: Vec::new(), places: HashMap::new(), connected }
    }

    /// Adds a process and those above it, as far as any is known. Returns its place. Texts go to `strings`.
    pub(super) fn add(&mut self, processes: &Processes, key: &ProcessKey, strings: &mut Names) -> Option<usize> {
        if let Some(&place) = self.places.get(key) {
            return Some(place);
        }
        let mut above = None;
        let connected = |key: &ProcessKey| self.connected.get(key).copied();
        for ancestor in processes.lineage(key, connected).into_iter().rev() {
            let place = self.places.get(&ancestor.key).copied().unwrap_or_else(|| {
                self.members.push(Member {
                    image: strings.id(ancestor.image()),
                    command: strings.id(ancestor.command_line()),
                    hashes: strings.id(ancestor.hashes()),
                    start: stated(ancestor.start),
                    end: stated(ancestor.end),
                    above,
                });
                self.places.insert(ancestor.key, self.members.len() - 1);
                self.members.len() - 1
            });
            above = Some(place);
        }
        above
    }
}
