//! The second look: what is known of the processes behind hits.
//!
//! It is in any log of their hosts, before their connections or after them, so it can be looked for only once the hits are known. A
//! chunk that names none of the hosts is ruled out, and the rest is read as connections are: damaged logs, archives and all.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    error::{DefectKind, Defects, Error},
    evidence::sources::Sources,
    group::{groups, hits::SortedHits, processes::Processes},
    scan::{
        findings::Findings,
        plan::Plan,
        pool::{self, Method},
        wanted::Wanted,
    },
};

/// What a second look has found.
#[derive(Debug, Default)]
pub struct Found {
    /// What is known of the processes.
    pub processes: Processes,
    /// What is wrong with evidence that the first look had no need to decode.
    pub defects: Defects,
    /// The same by log and by kind.
    pub by_source: BTreeMap<String, BTreeMap<DefectKind, u64>>,
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
    let wanted = Wanted::new(hits, plan.prefilter.clone()).map_err(Error::Spill)?;
    if wanted.processes().is_empty() {
        return Ok(Found::default());
    }
    let wanted = Arc::new(wanted);
    let plan = Plan {
        prefilter: wanted.prefilter(plan.terms.logged_by)?,
        wanted: Some(Arc::clone(&wanted)),
        apart: groups::Sources::Together,
        keep_hits: false,
        follow_ids: false,
        ..plan.clone()
    };
    let method = Method { hashing: None, ..method.clone() };
    let Findings { facts, defects, sources, .. } = pool::scan(&plan, &method, sources, progress)?;
    let facts = facts.into_sorted().map_err(Error::Spill)?;
    let processes = Processes::new(wanted.processes(), &facts).map_err(Error::Spill)?;
    let by_source = sources.into_iter().map(|(key, found)| (key.name, found.defects));
    Ok(Found { processes, defects, by_source: by_source.filter(|(_, defects)| !defects.is_empty()).collect() })
}
