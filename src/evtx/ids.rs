//! [`Ids`]: the record ids of a log, for what is missing between them. A cleared or tampered log shows there.
//!
//! A set of ranges from a crate, such as `rangemap`, has neither the bound on runs that a forged log calls for, nor the times of the
//! first and the last id. Ids come in order, so that adding one is one comparison.

use serde::{Deserialize, Serialize};

/// A record's id, and the FILETIME of its header.
pub type Id = (u64, u64);

/// The ids of a log's records, as runs without gaps.
#[derive(Debug, Default)]
pub struct Ids {
    runs: Vec<(u64, u64)>,
    first: Option<Id>,
    last: Option<Id>,
    /// Whether there were too many runs to keep: not a log that Windows wrote.
    overrun: bool,
}

/// From where to where the ids of a log go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The lowest id, and its record's time as a FILETIME; `None` if there are no records, or their ids were not followed.
    pub first: Option<Id>,
    /// The highest id, and its record's time as a FILETIME.
    pub last: Option<Id>,
    /// The gaps between the two; `None` if there were too many to follow.
    pub gaps: Option<Gaps>,
}

/// What is missing between the ids of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// How many gaps there are.
    pub count: u64,
    /// How many ids are missing in all of them.
    pub missing: u64,
    /// How many ids are missing in the largest of them.
    pub largest: u64,
    /// The last id before the largest.
    pub largest_after: Option<u64>,
}

impl Ids {
    /// Runs that are kept. A log that wrapped around has two for each gap; only a forged one has as many as this.
    const KEPT: usize = 1 << 20;

    /// Adds a record's id and time.
    pub fn add(&mut self, id: Id) {
        self.first = Some(self.first.map_or(id, |first| first.min(id)));
        self.last = Some(self.last.map_or(id, |last| last.max(id)));
        let (id, _) = id;
        let full = self.runs.len() >= Self::KEPT;
        match self.runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(id) => *last = id,
            _ if full => self.overrun = true,
            _ => self.runs.push((id, id)),
        }
    }

    /// Adds the ids of another part of the log.
    pub fn merge(&mut self, other: Self) {
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.into_iter().chain(other.last).max();
        self.overrun |= other.overrun || self.runs.len() + other.runs.len() > Self::KEPT;
        self.runs.extend(other.runs.into_iter().take(Self::KEPT.saturating_sub(self.runs.len())));
    }

    /// From where to where they go.
    #[must_use]
    pub fn span(&self) -> Span {
        Span { first: self.first, last: self.last, gaps: self.gaps() }
    }

    fn gaps(&self) -> Option<Gaps> {
        if self.overrun {
            return None;
        }
        let mut runs = self.runs.clone();
        runs.sort_unstable();
        let mut gaps = Gaps { count: 0, missing: 0, largest: 0, largest_after: None };
        let mut end: Option<u64> = None;
        for (first, last) in runs {
            if let Some(end) = end {
                let missing = first.saturating_sub(end).saturating_sub(1);
                if missing > 0 {
                    gaps.count += 1;
                    gaps.missing = gaps.missing.saturating_add(missing);
                    if missing > gaps.largest {
                        (gaps.largest, gaps.largest_after) = (missing, Some(end));
                    }
                }
            }
            end = end.max(Some(last));
        }
        Some(gaps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(ids: &[u64]) -> (u64, u64, u64, Option<u64>) {
        let mut followed = Ids::default();
        for &id in ids {
            followed.add((id, 0));
        }
        let gaps = followed.gaps().unwrap();
        (gaps.count, gaps.missing, gaps.largest, gaps.largest_after)
    }

    #[test]
    fn gaps_are_counted_also_where_a_log_has_wrapped_around() {
        assert_eq!(gaps(&[]), (0, 0, 0, None));
        assert_eq!(gaps(&[5, 6, 7]), (0, 0, 0, None));
        assert_eq!(gaps(&[10, 11, 20, 21, 5, 6, 7]), (2, 10, 8, Some(11)));
        assert_eq!(gaps(&[1, 2, 2, 3, 1]), (0, 0, 0, None));
        assert_eq!(gaps(&[0, u64::MAX]), (1, u64::MAX - 1, u64::MAX - 1, Some(0)));
    }
}
