//! [`Queried`]: the names that processes asked DNS for, by EventID 22, and which of them stand for a connection's destination.

use std::collections::HashMap;

use crate::{
    connection::{
        answers::Answers,
        clock::Clock,
        glossary::{Connection, Field},
        host,
        process::{self, Fact, ProcessKey, Query, Told},
        talkers::Talkers,
    },
    evtx::event::Event,
};

/// The fields of this event that are read, besides what tells its process and its time.
pub const FIELDS: [&str; 2] = ["QueryName", "QueryResults"];

/// The names that processes asked for.
#[derive(Debug, Clone, Default)]
pub struct Queried {
    /// By host, whose name is folded, and GUID.
    by_host: HashMap<Box<str>, HashMap<Box<str>, Answers>>,
    /// By which clock that is.
    clock: Clock,
    /// What they take in memory, in bytes.
    size: usize,
}

impl Queried {
    /// None yet, of the times that this clock tells.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, ..Self::default() }
    }

    /// Takes what an event says of it, if it is an EventID 22; of these processes alone, if some are given.
    pub fn take(&mut self, event: &Event<'_>, among: Option<&Talkers>) {
        let is_asked = |of: &ProcessKey| {
            among.is_none_or(|among| process::number(&of.guid).is_some_and(|guid| among.has(&of.host, guid)))
        };
        if event.event_id == "22" {
            process::facts(event, self.clock, is_asked, |fact| self.learn(fact));
        }
    }

    /// Adds what another part of a look has taken.
    #[expect(clippy::iter_over_hash_type, reason = "what is kept does not depend on the order")]
    pub fn merge(&mut self, other: Self) {
        for (host, processes) in other.by_host {
            for (guid, queries) in processes {
                for query in queries.queries() {
                    self.add(&host, &guid, &query);
                }
            }
        }
    }

    /// The names that the process of a connection asked for and that gave its destination, each once, the oldest first.
    #[must_use]
    pub fn of(&self, connection: &Connection<'_>) -> Vec<&str> {
        let queries = self.by_host.get(&*host::folded(connection.get(Field::Dvc)));
        let queries = queries.and_then(|processes| processes.get(connection.get(Field::ProcessGuid)));
        let (Some(queries), Some(time), Some(address)) = (queries, connection.time, connection.dest_addr) else {
            return Vec::new();
        };
        queries.of(address, time, usize::MAX).into_iter().map(|(_, name)| name).collect()
    }

    /// Puts them in order, without which nothing is found.
    pub fn settle(&mut self) {
        self.by_host.values_mut().flat_map(HashMap::values_mut).for_each(Answers::settle);
    }

    /// What they take in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    fn learn(&mut self, fact: Fact) {
        if let Told::Queried(query) = fact.told {
            self.add(&fact.of.host, &fact.of.guid, &query);
        }
    }

    fn add(&mut self, host: &str, guid: &str, query: &Query) {
        const OF_PROCESS: usize = 256;
        if !self.by_host.contains_key(host) {
            self.size += host::SIZE + host.len();
            self.by_host.insert(host.into(), HashMap::new());
        }
        let Some(processes) = self.by_host.get_mut(host) else { return };
        if !processes.contains_key(guid) {
            self.size += OF_PROCESS + guid.len();
            processes.insert(guid.into(), Answers::default());
        }
        self.size += processes.get_mut(guid).map_or(0, |answers| answers.add(query));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_hosts_and_processes_take_room_once() {
        let query = Query { time: 0, name: "a.example".into(), addresses: Vec::new() };
        let of = |host: &str, guid: &str, times: usize| {
            let mut queried = Queried::default();
            (0..times).for_each(|_| queried.add(host, guid, &query));
            queried.size()
        };
        let long = "h".repeat(1000);
        let short = of("h", "g", 1);
        assert_eq!((of(&long, "g", 1), of("h", &long, 1)), (short + 999, short + 999));
        assert_eq!(of(&long, &long, 2) - of(&long, &long, 1), of("h", "g", 2) - short);
    }
}
