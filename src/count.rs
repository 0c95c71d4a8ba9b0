//! Counts put together. A sum ends at the largest number there is: evidence, and a partial result, can say anything.

use std::collections::BTreeMap;

/// The sum of some counts.
pub(crate) fn sum(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

/// Adds counts to others.
pub(crate) fn add_counts<K: Ord>(to: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, count) in from {
        add_count(to, key, count);
    }
}

/// Adds a count to others.
pub(crate) fn add_count<K: Ord>(to: &mut BTreeMap<K, u64>, key: K, count: u64) {
    let sum = to.entry(key).or_default();
    *sum = sum.saturating_add(count);
}
