//! What partial results say of the processes behind hits, put together as one scan of all their logs would have.
//!
//! Each says what its logs tell of the processes of its own hits. Of hosts that are in several, it takes what events said of any process
//! too, which is in the [`Stream`]s of those that are not of an older version.

use std::collections::BTreeSet;

use crate::{
    connection::{
        audited,
        clock::Clock,
        process::{self, Fact, ProcessKey, Told},
    },
    error::{Defect, DefectKind, Error},
    fingerprint::Fingerprints,
    fleet::{part::Part, partial, stream::Stream},
    group::{facts::Facts, hits::SortedHits, processes::Processes},
    scan::{second::Found, wanted::Wanted},
};

/// What partial results say of processes, and of which hosts.
pub struct Telling {
    pub(super) parts: Vec<Part>,
    /// The folded names of hosts that are in several of them.
    pub(super) of_several: BTreeSet<String>,
}

impl Telling {
    /// Reads what they say of the processes of hits. What one says of those of its own is read as a whole; of what all say, no
    /// more than some `room` bytes are held in memory. What cannot be read is a defect.
    ///
    /// # Errors
    ///
    /// What does not fit into memory cannot be kept in temporary files.
    pub fn of_hits(&self, hits: &SortedHits, room: usize) -> Result<Found, Error> {
        // What is told has its times already.
        let wanted = Wanted::new(hits, Clock::default(), Fingerprints::default()).map_err(Error::Spill)?;
        let (mut found, mut facts) = (Found::default(), Facts::new(room));
        for part in &self.parts {
            let told = partial::processes(&part.path).map(|told| {
                for Fact { of, told } in told {
                    // Earlier versions have the names of hosts as they were logged.
                    facts.push(Fact { of: ProcessKey::new(&of.host, of.guid), told });
                }
            });
            let stream = part.stream.as_ref().filter(|stream| stream.hosts().any(|host| self.is_joined(host, &wanted)));
            let take = |stream: &Stream| {
                partial::process_events(&part.path, stream, |fact| {
                    if self.is_joined(&fact.of.host, &wanted) {
                        add_any(fact, &wanted, &mut facts);
                    }
                })
            };
            if let Err(cause) = told.and_then(|()| stream.map_or(Ok(()), take)) {
                let cause = format!("what it says about processes is wrong: {cause}");
                found.wrong.defects.add(Defect::of_path(&part.path, DefectKind::Partial, &cause));
            }
        }
        let facts = facts.into_sorted().map_err(Error::Spill)?;
        found.processes = Processes::new(|process| wanted.has(process), &facts, room).map_err(Error::Spill)?;
        Ok(found)
    }

    /// Whether a host has hits, and is in several of them.
    fn is_joined(&self, host: &str, wanted: &Wanted) -> bool {
        self.of_several.contains(host) && wanted.has_host(host)
    }
}

/// Adds a fact of any process as far as a scan takes it: any can be above those of hits, but of the others it is only asked how they were
/// created, and when they ended.
fn add_any(fact: Fact, wanted: &Wanted, facts: &mut Facts) {
    if let Some(parent) = process::parent(&fact).filter(|parent| wanted.has(&parent.of)) {
        facts.push(parent);
    }
    let is_of_any = matches!(fact.told, Told::Created(_) | Told::Ended(_)) && !audited::is_key(&fact.of);
    if is_of_any || wanted.has(&fact.of) {
        facts.push(fact);
    }
}
