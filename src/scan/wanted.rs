//! [`Wanted`]: the processes behind hits, which are looked for in the logs of their hosts.
//!
//! All processes of these hosts are taken, as any can be a parent's parent. What is not asked for in the end is dropped in
//! [`crate::group::processes`].

use std::{collections::HashSet, io};

use crate::{
    connection::{
        audited,
        clock::Clock,
        logged::LoggedBy,
        process::{self, ProcessKey},
    },
    error::Error,
    evtx::event::Event,
    group::{facts::Facts, hits::SortedHits, processes},
    scan::prefilter::{Prefilter, Records},
};

/// The processes that are looked for.
#[derive(Debug)]
pub struct Wanted {
    hosts: HashSet<String>,
    processes: HashSet<ProcessKey>,
    /// Which times the hits are of.
    clock: Clock,
}

impl Wanted {
    /// The processes of these hits, which are of the times that this clock tells.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn new(hits: &SortedHits, clock: Clock) -> io::Result<Self> {
        let mut wanted = Self { hosts: HashSet::new(), processes: HashSet::new(), clock };
        for hit in hits.pass()? {
            let key = processes::key(&hit?);
            if !wanted.hosts.contains(&key.host) {
                wanted.hosts.insert(key.host.clone());
            }
            if process::is_guid(&key.guid) || audited::is_key(&key) {
                wanted.processes.insert(key);
            }
        }
        Ok(wanted)
    }

    /// The processes, in no order.
    #[must_use]
    pub fn processes(&self) -> &HashSet<ProcessKey> {
        &self.processes
    }

    /// What a chunk must contain for something to be in it.
    ///
    /// # Errors
    ///
    /// See [`Prefilter::new`].
    pub fn prefilter(&self, logged_by: LoggedBy) -> Result<Prefilter, Error> {
        let mut hosts: Vec<String> = self.hosts.iter().cloned().collect();
        hosts.sort_unstable();
        let texts = (hosts.len() <= Prefilter::MOST_TEXTS).then_some(&*hosts);
        let prefilter = Prefilter::new(texts, logged_by).map_err(|error| Error::Usage(error.to_string()))?;
        Ok(prefilter.of(Records::Any))
    }

    /// Takes what an event says of processes of these hosts.
    pub(super) fn take(&self, event: &Event<'_>, facts: &mut Facts) {
        if !self.hosts.contains(&*event.computer) {
            return;
        }
        process::facts(event, self.clock, |process| self.processes.contains(process), |fact| facts.push(fact));
        if let Some(fact) = audited::fact(event, |process| self.processes.contains(process)) {
            facts.push(fact);
        }
    }
}
