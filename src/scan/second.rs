//! The second look: what is known of the processes behind hits.
//!
//! It is in any log of their hosts, before their connections or after them, so it can be looked for only once the hits are known. A
//! chunk that names none of the hosts is ruled out, and the rest is read as connections are: damaged logs, archives and all.
//!
//! Few of the processes of a host are above those of hits, but which they are shows only in the end. So the look passes most
//! events by, notes which process started which ([`crate::scan::kin`]), and then goes back to the places where it has passed by
//! some that matter. That takes a third of the processor time of taking all events of the hosts, which is still done where every
//! record is decoded, and where the notes take too much memory. Of logs with hits, most is looked at along with the scan for these
//! ([`crate::scan::along`]), and is not read again. The tests hold all of these to the same bytes.
//!
//! For a partial result, [`all`] takes what is told of any process besides: that is a look of its own, and adds nothing to what the scan
//! itself reports.

use std::{mem, sync::Arc};

use crate::{
    connection::process::Fact,
    error::Error,
    evidence::sources::Sources,
    fingerprint::Fingerprints,
    group::{facts::Facts, hits::SortedHits, processes::Processes, spill::SortedRuns},
    scan::{
        along::Along,
        findings::{Findings, Wrong},
        kin::Kin,
        plan::{Decoding, Plan, Purpose},
        pool::{self, Method},
        prefilter::Prefilter,
        wanted::{Scope, Wanted},
    },
};

/// What a second look has found.
#[derive(Debug, Default)]
pub struct Found {
    /// What is known of the processes.
    pub processes: Processes,
    /// What is wrong with evidence that the looks before had no need to decode.
    pub wrong: Wrong,
    /// What was told of all processes of all hosts, where that was looked for.
    pub all: Option<SortedRuns<Fact>>,
}

/// The plan of a look for the processes of hits that goes along with a scan by this one, if one does.
///
/// # Errors
///
/// None but what the regex engine does not take.
pub fn along(plan: &Plan) -> Result<Option<Plan>, Error> {
    let Along::Goes(fingerprints) = &plan.along else { return Ok(None) };
    let wanted = Wanted::none(plan.terms.clock, fingerprints.clone());
    let prefilter = wanted.prefilter(plan.terms.logged_by)?;
    let purpose = Purpose::Processes(Arc::new(wanted), Scope::Along);
    // Groups and hits have theirs besides.
    Ok(Some(Plan { room: plan.room / 2, ..plan.of_another_look(prefilter, purpose) }))
}

/// Looks for the processes of hits that were found by a plan, as far as they were not found `along` with these.
///
/// # Errors
///
/// Threads cannot be started, or what does not fit into memory cannot be kept in temporary files.
pub fn look(
    plan: &Plan,
    method: &Method,
    sources: &Sources,
    along: Option<Findings>,
    hits: &SortedHits,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Found, Error> {
    let fingerprints = plan.along.fingerprints();
    let wanted = Wanted::new(hits, plan.terms.clock, fingerprints).map_err(Error::Spill)?;
    if wanted.is_empty() {
        return Ok(Found::default());
    }
    let wanted = Arc::new(wanted);
    let prefilter = wanted.prefilter(plan.terms.logged_by)?;
    let before: Vec<Prefilter> = plan.known.prefilter.iter().chain([&plan.prefilter]).cloned().collect();
    let look = |scope| {
        let purpose = Purpose::Processes(Arc::clone(&wanted), scope);
        Plan { before: before.clone(), ..plan.of_another_look(prefilter.clone(), purpose) }
    };
    let scan = |look: &Plan, progress| pool::scan(look, &method.without_hashing(), sources, progress);
    let is_all = plan.decoding == Decoding::Everything;
    let (mut kin, mut facts) = (Kin::new(plan.room), Facts::new(plan.room));
    let mut first = look(if is_all { Scope::Hosts } else { Scope::Near });
    if let Some(along) = along.filter(|along| along.kin.is_all()) {
        kin.merge(along.kin);
        facts.merge(along.facts);
        first.along = Along::Went(Arc::new(along.looked));
    }
    let mut findings = scan(&first, progress)?;
    facts.merge(mem::replace(&mut findings.facts, Facts::new(0)));
    kin.merge(mem::take(&mut findings.kin));
    let rest = wanted.rest(kin);
    if !is_all && rest.as_ref().is_none_or(|rest| !rest.is_empty()) {
        let mut back = look(rest.map_or(Scope::Hosts, |rest| Scope::Rest(Arc::new(rest))));
        // What is wrong with evidence has been named.
        back.before.push(prefilter.clone());
        facts.merge(scan(&back, &|_| {})?.facts);
    }
    let facts = facts.into_sorted().map_err(Error::Spill)?;
    let processes = Processes::new(|process| wanted.has(process), &facts, plan.room).map_err(Error::Spill)?;
    Ok(Found { processes, wrong: Wrong::of(findings), all: None })
}

/// Looks for all processes of all hosts, whatever the hits are, for a partial result: the connections of a host can be in another one.
/// What is wrong with evidence is not told, since the logs of a host would have defects then that a scan of them does not name.
///
/// # Errors
///
/// As of [`look`].
pub fn all(
    plan: &Plan,
    method: &Method,
    sources: &Sources,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<SortedRuns<Fact>, Error> {
    let logged_by = plan.terms.logged_by;
    let wanted = Wanted::none(plan.terms.clock, Fingerprints::default());
    let prefilter = wanted.prefilter(logged_by)?;
    let purpose = Purpose::Processes(Arc::new(wanted), Scope::All(logged_by));
    let look = Plan { before: vec![prefilter.clone()], ..plan.of_another_look(prefilter, purpose) };
    let findings = pool::scan(&look, &method.without_hashing(), sources, progress)?;
    findings.facts.into_sorted().map_err(Error::Spill)
}
