//! [`Repeats`]: chunks with hits that were met more than once, as where a log is in a folder and in an archive beside it. Their hits count
//! as often as they were met, unless copies are dropped, so that is said.

use std::collections::HashMap;

/// How many chunks are remembered at most, so that memory does not grow with the logs: those of some 64 GiB.
const MOST: usize = 1 << 20;

/// Chunks with hits.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// By their checksums.
    met: HashMap<u64, Met, ahash::RandomState>,
    /// Whether there were more than are remembered, so that nothing is said.
    are_too_many: bool,
}

/// How often a chunk was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Met {
    times: u64,
    /// How many hits are in it.
    hits: u64,
    /// The numbers of the first source that it is in, and of the last.
    first: usize,
    last: usize,
}

/// Hits that count more than once, since the same chunk is in several logs, or in one several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// How many there are, without those that were met first.
    pub hits: u64,
    /// Two logs with the same chunk, safe to print.
    pub logs: [String; 2],
}

impl Repeats {
    /// Takes a chunk of a source with such checksums, which has hits.
    pub(super) fn meet(&mut self, checksums: u64, hits: u64, source: usize) {
        self.add(checksums, Met { times: 1, hits, first: source, last: source });
    }

    /// Adds those that another part of the scan has met.
    pub(super) fn merge(&mut self, other: Self) {
        self.are_too_many |= other.are_too_many;
        other.met.into_iter().for_each(|(checksums, met)| self.add(checksums, met));
    }

    /// The hits that count more than once, in sources that have these names.
    pub(super) fn repeated(&self, name: impl Fn(usize) -> String) -> Option<Repeated> {
        let again = self.met.values().filter(|met| met.times > 1);
        let first = again.clone().map(|met| [met.first, met.last]).min()?;
        let hits = again.map(|met| (met.times - 1).saturating_mul(met.hits)).fold(0, u64::saturating_add);
        (!self.are_too_many).then(|| Repeated { hits, logs: first.map(name) })
    }

    fn add(&mut self, checksums: u64, met: Met) {
        if self.are_too_many {
            return;
        }
        self.met
            .entry(checksums)
            .and_modify(|known| {
                known.times += met.times;
                known.first = known.first.min(met.first);
                known.last = known.last.max(met.last);
            })
            .or_insert(met);
        if self.met.len() > MOST {
            *self = Self { are_too_many: true, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_count_again_for_each_time_that_their_chunk_was_met_again() {
        let (mut one, mut other) = (Repeats::default(), Repeats::default());
        one.meet(7, 10, 4);
        one.meet(8, 100, 4);
        let name = |number: usize| format!("{number}.evtx");
        assert_eq!(one.repeated(name), None);
        other.meet(7, 10, 2);
        other.meet(7, 10, 3);
        other.meet(9, 1, 3);
        one.merge(other);
        assert_eq!(one.repeated(name), Some(Repeated { hits: 20, logs: [2, 4].map(name) }));
    }
}
