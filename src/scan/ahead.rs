//! The look ahead: what has to be known of all logs before a connection can be judged.
//!
//! Which addresses are a host's own, whose its processes were, how they were started and what they asked of DNS can stand in any log of
//! it, behind the connection that it matters for. So the logs are read once for that, and then once more for connections. There is no
//! such look where nothing is asked that needs it.

use crate::{
    error::Error,
    evidence::sources::Sources,
    scan::{
        findings::Wrong,
        known::{Known, Questions},
        plan::{Plan, Purpose},
        pool::{self, Method},
        prefilter::{Prefilter, Records},
    },
};

/// Looks for what is asked before a scan by this plan.
///
/// # Errors
///
/// Threads cannot be started, or what is to be known takes more memory than it may.
pub fn look(
    plan: &Plan,
    questions: Questions,
    method: &Method,
    sources: &Sources,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(Known, Wrong), Error> {
    let prefilter = Prefilter::new(None, questions.asked()).map_err(|error| Error::Usage(error.to_string()))?;
    let prefilter = prefilter.of(Records::Of(questions.event_ids()));
    let ahead =
        Plan { before: vec![plan.prefilter.clone()], ..plan.of_another_look(prefilter, Purpose::Ahead(questions)) };
    let mut findings = pool::scan(&ahead, &method.without_hashing(), sources, progress)?;
    let mut known = std::mem::take(&mut findings.known);
    if known.size() >= plan.room {
        return Err(Error::Usage(format!(
            "--max-memory: {} in these logs take more memory: give more, for example 4GiB",
            questions.what()
        )));
    }
    known.settle();
    known.prefilter = Some(ahead.prefilter);
    Ok((known, Wrong::of(findings)))
}
