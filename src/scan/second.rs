//! The second look: what is known of the processes behind hits.
//!
//! It is in any log of their hosts, before their connections or after them, so it can be looked for only once the hits are known. A
//! chunk that names none of the hosts is ruled out, and the rest is read as connections are: damaged logs, archives and all.

use std::sync::Arc;

use crate::{
    error::Error,
    evidence::sources::Sources,
    group::{facts::Facts, hits::SortedHits, processes::Processes},
    scan::{
        findings::Wrong,
        plan::{Plan, Purpose},
        pool::{self, Method},
        wanted::Wanted,
    },
};

/// What a second look has found.
#[derive(Debug, Default)]
pub struct Found {
    /// What is known of the processes.
    pub processes: Processes,
    /// What is wrong with evidence that the looks before had no need to decode.
    pub wrong: Wrong,
}

/// Looks for the processes of hits that were found by a plan.
///
/// # Errors
///
/// Threads cannot be started, or what does not fit into memory cannot be kept in temporary files.
pub fn look(
    plan: &Plan,
    method: &Method,
    sources: &Sources,
    hits: &SortedHits,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Found, Error> {
    let wanted = Wanted::new(hits, plan.terms.clock).map_err(Error::Spill)?;
    if wanted.processes().is_empty() {
        return Ok(Found::default());
    }
    let wanted = Arc::new(wanted);
    let plan = Plan {
        before: plan.known.prefilter.iter().chain([&plan.prefilter]).cloned().collect(),
        ..plan.of_another_look(wanted.prefilter(plan.terms.logged_by)?, Purpose::Processes(Arc::clone(&wanted)))
    };
    let mut findings = pool::scan(&plan, &method.without_hashing(), sources, progress)?;
    let facts = std::mem::replace(&mut findings.facts, Facts::new(0)).into_sorted().map_err(Error::Spill)?;
    let processes = Processes::new(wanted.processes(), &facts).map_err(Error::Spill)?;
    Ok(Found { processes, wrong: Wrong::of(findings) })
}
