//! The look ahead: what has to be known of all logs before a connection can be judged.
//!
//! Which addresses are a host's own, whose its processes were, how they were started and what they asked DNS for can stand in any of its
//! logs, and after the connection that it matters for. So the logs are read once for that, and then once more for connections. They are
//! read only once if nothing needs this.
//!
//! What events say of processes can be more than there is room for. Few processes have connections: so a second look finds these, and a
//! third one keeps only what is said of them.

use std::sync::Arc;

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
    let learn = |plan: &Plan, questions, progress| learn(plan, questions, method, sources, progress);
    let (mut known, wrong) = learn(plan, questions, progress)?;
    if known.is_none() && questions.is_of_processes() {
        // What is wrong with the evidence has been named.
        let (talkers, _) = learn(plan, questions.of_talkers(), &|_| {})?;
        if let Some(talkers) = talkers {
            let room = plan.room.saturating_sub(talkers.size());
            (known, _) = learn(&Plan { room, known: Arc::new(talkers), ..plan.clone() }, questions, &|_| {})?;
        }
    }
    let Some(mut known) = known else {
        let what = questions.what();
        return Err(Error::Usage(format!(
            "--max-memory is too small for {what}: give more, for example twice as much"
        )));
    };
    known.settle();
    Ok((known, wrong))
}

/// Looks for what is asked once. There is nothing known if it takes more memory than it may.
fn learn(
    plan: &Plan,
    questions: Questions,
    method: &Method,
    sources: &Sources,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(Option<Known>, Wrong), Error> {
    let prefilter = Prefilter::new(None, questions.asked())?;
    let prefilter = prefilter.of(Records::Of(questions.event_ids()));
    let ahead =
        Plan { before: vec![plan.prefilter.clone()], ..plan.of_another_look(prefilter, Purpose::Ahead(questions)) };
    let mut findings = pool::scan(&ahead, &method.without_hashing(), sources, progress)?;
    let mut known = std::mem::take(&mut findings.known);
    known.prefilter = Some(ahead.prefilter);
    let fits = known.size() < plan.room;
    Ok((fits.then_some(known), Wrong::of(findings)))
}
