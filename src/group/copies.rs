//! The copies of an event, duplicates and recovered records among them, and which of them count. They are found in the order of hits.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use crate::group::{hit::Hit, hits::SortedHits};

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

/// Hands each hit to `each`, in order and with its number, without the copies that do not count. Returns how many of those
/// there are in each source.
///
/// Copies are records of the same host with the same `EventRecordID`, `TimeCreated` and connection.
///
/// # Errors
///
/// What `each` returns, or the hits could not be spilled or read again.
pub fn in_order(
    hits: &SortedHits,
    copies: Copies,
    mut each: impl FnMut(usize, &Hit) -> io::Result<()>,
) -> io::Result<BTreeMap<String, u64>> {
    let mut dropped: BTreeMap<String, u64> = BTreeMap::new();
    let mut last: Option<Hit> = None;
    // The sources that have the last event.
    let mut sources: BTreeSet<String> = BTreeSet::new();
    for (number, hit) in hits.pass()?.enumerate() {
        let hit = hit?;
        let is_copy = last.as_ref().is_some_and(|last| hit.is_copy_of(last));
        if !is_copy {
            sources.clear();
        }
        let drop = match copies {
            Copies::Count => false,
            Copies::DropStale => is_copy && hit.recovered && sources.contains(hit.source()),
            Copies::Drop => is_copy,
        };
        if drop {
            *dropped.entry(hit.source().to_owned()).or_default() += 1;
        } else {
            each(number, &hit)?;
            if !sources.contains(hit.source()) {
                sources.insert(hit.source().to_owned());
            }
            last = Some(hit);
        }
    }
    Ok(dropped)
}
