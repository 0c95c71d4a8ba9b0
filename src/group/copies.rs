//! The copies of an event, duplicates and recovered records among them, and which of them count. They are found in the order of hits,
//! and so twins ([`crate::group::twins`]) are left out here too.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use crate::group::{hit::Hit, hits::SortedHits, twins::SortedTwins};

/// Which copies of an event do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// All do.
    Count,
    /// Recovered ones of what is in the same log already: Windows leaves the bytes of the chunk before in free space.
    DropStale,
    /// All but the first: the one that is still part of its log, by the logs' names.
    Drop,
}

/// What does not count.
#[derive(Debug, Clone, Copy)]
pub struct Leaving<'a> {
    /// Copies of events.
    pub copies: Copies,
    /// Twins, if there can be any.
    pub twins: Option<&'a SortedTwins>,
}

/// What does not count of the hits of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Hits that are copies of others.
    pub copies: u64,
    /// Hits that are twins of others and count for no rule.
    pub twins: u64,
    /// For how many hits a rule does not count, by its index in the rule set.
    pub by_rule: BTreeMap<usize, u64>,
}

impl Dropped {
    fn drop_rules(&mut self, rules: &[usize]) {
        for &rule in rules {
            *self.by_rule.entry(rule).or_default() += 1;
        }
    }
}

/// Hands each hit to `each`, in order and with its number, without the copies and twins that do not count, and without the rules that a
/// twin does not count for. Returns how many of those there are, by source.
///
/// Copies are records of the same host with the same `EventRecordID`, `TimeCreated` and connection.
///
/// # Errors
///
/// What `each` returns, or the hits could not be spilled or read again.
pub fn in_order(
    hits: &SortedHits,
    Leaving { copies, twins }: Leaving<'_>,
    mut each: impl FnMut(usize, Hit) -> io::Result<()>,
) -> io::Result<BTreeMap<String, Dropped>> {
    let mut dropped: BTreeMap<String, Dropped> = BTreeMap::new();
    let mut twins = twins.map(SortedTwins::pass).transpose()?;
    // The last one that counts, which is handed on once the next is known to be no copy of it.
    let mut last: Option<(usize, Hit)> = None;
    // The sources that have the last event.
    let mut sources: BTreeSet<String> = BTreeSet::new();
    for (number, hit) in hits.pass()?.enumerate() {
        let mut hit = hit?;
        let uncounted = twins.as_mut().map_or(Ok(Vec::new()), |twins| twins.rules_of(number))?;
        if !uncounted.is_empty() {
            hit.rules = hit.rules.iter().copied().filter(|rule| !uncounted.contains(rule)).collect();
            let of_source = dropped.entry(hit.source().to_owned()).or_default();
            of_source.drop_rules(&uncounted);
            if hit.rules.is_empty() {
                of_source.twins += 1;
                continue;
            }
        }
        if copies == Copies::Count {
            each(number, hit)?;
            continue;
        }
        let is_copy = last.as_ref().is_some_and(|(_, last)| hit.is_copy_of(last));
        if !is_copy {
            sources.clear();
        }
        let drop = match copies {
            Copies::Count => false,
            Copies::DropStale => is_copy && hit.recovered && sources.contains(hit.source()),
            Copies::Drop => is_copy,
        };
        if drop {
            let of_source = dropped.entry(hit.source().to_owned()).or_default();
            of_source.drop_rules(&hit.rules);
            of_source.copies += 1;
        } else {
            if !sources.contains(hit.source()) {
                sources.insert(hit.source().to_owned());
            }
            if let Some((number, hit)) = last.replace((number, hit)) {
                each(number, hit)?;
            }
        }
    }
    if let Some((number, hit)) = last {
        each(number, hit)?;
    }
    Ok(dropped)
}
