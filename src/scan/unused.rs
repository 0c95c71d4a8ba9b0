//! [`Unused`]: the chunks of a log that are zeros. Those behind all others were never used; others were, and are lost: a sector that a
//! disk could not read, or a hole in a copy.

use std::ops::Range;

use crate::{evtx::chunk::FileHeader, text::numbered};

/// Where in a log chunks of zeros are, by the chunks' numbers.
#[derive(Debug, Default)]
pub struct Unused {
    /// Runs of them, as they were met.
    runs: Vec<Range<u64>>,
    /// The highest number of another chunk.
    used_to: Option<u64>,
}

impl Unused {
    /// Runs that are kept. Only a forged log has as many as this.
    const KEPT: usize = 1 << 20;

    /// Adds a chunk of zeros.
    pub fn add(&mut self, number: u64) {
        self.add_run(number..number.saturating_add(1));
    }

    /// Takes note of a chunk that has records.
    pub fn used(&mut self, number: u64) {
        self.used_to = self.used_to.max(Some(number));
    }

    /// Adds those of another part of the log.
    pub fn merge(&mut self, other: Self) {
        self.used_to = self.used_to.max(other.used_to);
        other.runs.into_iter().for_each(|run| self.add_run(run));
    }

    fn add_run(&mut self, run: Range<u64>) {
        let is_full = self.runs.len() >= Self::KEPT;
        match self.runs.last_mut() {
            Some(last) if last.end == run.start => last.end = run.end,
            _ if is_full => {}
            _ => self.runs.push(run),
        }
    }

    /// Whether there is one before a chunk that has records.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.runs.iter().any(|run| Some(run.start) < self.used_to)
    }

    /// Those that were used and are lost, and how that is known: the file header states them, or chunks with records follow. Without a
    /// header it is not known whether the file is a log, or an image of a disk.
    #[must_use]
    pub fn lost(&self, header: Option<FileHeader>) -> Vec<(Range<u64>, String)> {
        let Some(header) = header else { return Vec::new() };
        let stated = u64::from(header.chunks);
        let end = self.used_to.map_or(stated, |used| used.max(stated));
        let mut runs = self.runs.clone();
        runs.sort_unstable_by_key(|run| run.start);
        let mut lost: Vec<Range<u64>> = Vec::new();
        for run in runs.into_iter().map(|run| run.start..run.end.min(end)).filter(|run| !run.is_empty()) {
            match lost.last_mut() {
                Some(before) if before.end == run.start => before.end = run.end,
                _ => lost.push(run),
            }
        }
        lost.into_iter().map(|run| (run.clone(), cause(&run, stated))).collect()
    }
}

fn cause(run: &Range<u64>, stated: u64) -> String {
    let which = match run.end.saturating_sub(run.start) {
        1 => "this one is".to_owned(),
        count => format!("{count} from here on are"),
    };
    if run.start < stated {
        let chunks = numbered(stated, "chunk");
        format!("the file header states {chunks}, and {which} zeros")
    } else {
        format!("chunks with records follow, and {which} zeros")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(parts: &[&[u64]], used: &[u64], stated: u16) -> Vec<(Range<u64>, String)> {
        let mut unused = Unused::default();
        for &number in used {
            unused.used(number);
        }
        for part in parts {
            let mut of_part = Unused::default();
            for &number in *part {
                of_part.add(number);
            }
            unused.merge(of_part);
        }
        unused.lost(Some(FileHeader { flags: 0, chunks: stated }))
    }

    #[test]
    fn zeros_are_lost_chunks_where_the_header_states_them_or_others_follow() {
        let of = |range: Range<u64>, cause: &str| (range, cause.to_owned());
        assert_eq!(lost(&[&[3, 4]], &[0, 1, 2], 3), []);
        assert_eq!(lost(&[&[1, 3]], &[0, 2], 3), [of(1..2, "the file header states 3 chunks, and this one is zeros")]);
        assert_eq!(lost(&[&[0, 1]], &[], 1), [of(0..1, "the file header states 1 chunk, and this one is zeros")]);
        // Parts come in any order.
        let stated = "the file header states 16 chunks, and 5 from here on are zeros";
        assert_eq!(lost(&[&[4, 5], &[1, 2, 3]], &[0, 6], 16), [of(1..6, stated)]);
        let follow = "chunks with records follow, and 2 from here on are zeros";
        assert_eq!(lost(&[&[10, 11, 13]], &[9, 12], 4), [of(10..12, follow)]);
    }

    #[test]
    fn without_a_header_nothing_is_known_to_be_lost() {
        let mut unused = Unused::default();
        unused.add(1);
        unused.used(2);
        assert!(unused.is_between() && unused.lost(None).is_empty());
    }
}
