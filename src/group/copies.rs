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

/// How many hits do not count, by source.
#[derive(Debug, Default)]
pub struct Dropped {
    /// Copies of events.
    pub copies: BTreeMap<String, u64>,
    /// Twins.
    pub twins: BTreeMap<String, u64>,
}

/// Hands each hit to `each`, in order and with its number, without the copies and twins that do not count. Returns how many of those
/// there are.
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
) -> io::Result<Dropped> {
    let mut dropped = Dropped::default();
    let mut twins = twins.map(SortedTwins::pass).transpose()?;
    let mut next_twin = || twins.as_mut().and_then(Iterator::next).transpose();
    let mut twin = next_twin()?;
    // The last one that counts, which is handed on once the next is known to be no copy of it.
    let mut last: Option<(usize, Hit)> = None;
    // The sources that have the last event.
    let mut sources: BTreeSet<String> = BTreeSet::new();
    for (number, hit) in hits.pass()?.enumerate() {
        let hit = hit?;
        if twin == Some(number as u64) {
            twin = next_twin()?;
            *dropped.twins.entry(hit.source().to_owned()).or_default() += 1;
            continue;
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
            *dropped.copies.entry(hit.source().to_owned()).or_default() += 1;
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
