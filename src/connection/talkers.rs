//! [`Talkers`]: the processes that have connections. Where there is no room for what events say of all processes, what they say of these
//! is enough, and mostly they are few.

use std::collections::{HashMap, HashSet};

use crate::connection::{
    glossary::{Connection, Field},
    host,
    process::number,
    security::VENDOR_PRODUCT,
};

/// The processes of each host that connections are of: their GUIDs as numbers, or their ids where there are no GUIDs.
#[derive(Debug, Clone, Default)]
pub struct Talkers {
    /// By the host's name, folded.
    by_host: HashMap<Box<str>, HashSet<u128, ahash::RandomState>>,
    /// What they take in memory, in bytes.
    size: usize,
}

impl Talkers {
    /// What a process and a host take in memory at most, in bytes, in tables that are half full at least.
    const OF_PROCESS: usize = 2 * (size_of::<u128>() + 1);
    const OF_HOST: usize = 2 * size_of::<(Box<str>, HashSet<u128, ahash::RandomState>)>() + 16;

    /// Takes the process of a connection.
    pub fn learn(&mut self, connection: &Connection<'_>) {
        let process = match connection.vendor_product {
            VENDOR_PRODUCT => connection.process_id.parse::<u32>().ok().map(u128::from),
            _ => number(connection.get(Field::ProcessGuid)),
        };
        if let Some(process) = process {
            self.add(&host::folded(connection.get(Field::Dvc)), process);
        }
    }

    /// Whether a process of a host, by any of its names, is one of them.
    #[must_use]
    pub fn has(&self, host: &str, process: u128) -> bool {
        self.by_host.get(&*host::folded(host)).is_some_and(|processes| processes.contains(&process))
    }

    /// Adds what another part of a look has taken.
    #[expect(clippy::iter_over_hash_type, reason = "what is kept does not depend on the order")]
    pub fn merge(&mut self, other: Self) {
        for (host, processes) in other.by_host {
            for process in processes {
                self.add(&host, process);
            }
        }
    }

    /// What they take in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    fn add(&mut self, host: &str, process: u128) {
        if !self.by_host.contains_key(host) {
            self.size += Self::OF_HOST + host.len();
            self.by_host.insert(host.into(), HashSet::default());
        }
        let is_new = self.by_host.get_mut(host).is_some_and(|processes| processes.insert(process));
        self.size += if is_new { Self::OF_PROCESS } else { 0 };
    }
}
