//! A [`Memo`] of verdicts: which rules match connections that were met before.
//!
//! Most connections repeat: the same process, destination and port, over and over. What is remembered is by all that the
//! rules look at (`inputs`), so a verdict that is met again is the one that the rules would reach again. It holds
//! so much and no more, whatever is in the evidence. Verdicts without it are one option away (`--no-prefilter`), and tests
//! compare the two.

use std::{collections::HashMap, fmt};

/// Connections that are remembered at most. With `KEY` bytes each, they are 4 MiB.
const ENTRIES: usize = 8192;
/// The most bytes that a remembered connection's values have.
const KEY: usize = 512;

/// Verdicts by what rules look at. Each thread has one.
#[derive(Default)]
pub struct Memo {
    rules: HashMap<Box<[u8]>, Box<[usize]>>,
    key: Vec<u8>,
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").field("entries", &self.rules.len()).finish_non_exhaustive()
    }
}

impl Memo {
    /// The rules for the key that `write_key` writes, remembered or else found out.
    pub(super) fn get(
        &mut self,
        write_key: impl FnOnce(&mut Vec<u8>),
        find_out: impl FnOnce() -> Vec<usize>,
    ) -> Vec<usize> {
        self.key.clear();
        write_key(&mut self.key);
        if let Some(rules) = self.rules.get(&*self.key) {
            return rules.to_vec();
        }
        let rules = find_out();
        if self.key.len() <= KEY {
            if self.rules.len() >= ENTRIES {
                self.rules.clear();
            }
            self.rules.insert(self.key.as_slice().into(), rules.as_slice().into());
        } else {
            // A value of megabytes, which only a forged record has, leaves no buffer of its size behind.
            self.key = Vec::new();
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(memo: &mut Memo, key: &[u8], rule: usize) -> Vec<usize> {
        memo.get(|buffer| buffer.extend_from_slice(key), || vec![rule])
    }

    #[test]
    fn a_verdict_is_reached_once_for_a_key() {
        let mut memo = Memo::default();
        assert_eq!(get(&mut memo, b"one", 1), [1]);
        assert_eq!(get(&mut memo, b"two", 2), [2]);
        assert_eq!(get(&mut memo, b"one", 3), [1]);
    }

    #[test]
    fn it_does_not_grow_with_the_evidence() {
        let mut memo = Memo::default();
        for number in 0..3 * ENTRIES {
            assert_eq!(get(&mut memo, &number.to_le_bytes(), number), [number]);
            assert!(memo.rules.len() <= ENTRIES);
        }
        let long = vec![b'x'; 1 << 20];
        let entries = memo.rules.len();
        assert_eq!(get(&mut memo, &long, 1), [1]);
        assert_eq!(get(&mut memo, &long, 2), [2]);
        assert_eq!(memo.rules.len(), entries);
        assert!(memo.key.capacity() < 2 * KEY);
    }
}
