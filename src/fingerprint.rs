//! [`Fingerprints`]: things known by 16 bytes each, whatever they are. Nobody can foresee them, so that no evidence is made to have two
//! things with the same one.

use std::hash::{BuildHasher, Hash, Hasher};

/// Tells fingerprints. Each has seeds of its own.
#[derive(Debug, Clone, Default)]
pub struct Fingerprints([ahash::RandomState; 2]);

impl Fingerprints {
    /// The fingerprint of a thing.
    pub(crate) fn of(&self, thing: &(impl Hash + ?Sized)) -> u128 {
        let mut both = Both(self.0.each_ref().map(BuildHasher::build_hasher));
        thing.hash(&mut both);
        let [high, low] = both.0.map(|hasher| u128::from(hasher.finish()));
        high << u64::BITS | low
    }
}

/// Two hashers of the same. Neither waits for the other, so that a processor does both in the time of one.
struct Both<H>([H; 2]);

impl<H: Hasher> Hasher for Both<H> {
    fn finish(&self) -> u64 {
        let [first, _] = &self.0;
        first.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.iter_mut().for_each(|hasher| hasher.write(bytes));
    }

    fn write_u64(&mut self, number: u64) {
        self.0.iter_mut().for_each(|hasher| hasher.write_u64(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.0.iter_mut().for_each(|hasher| hasher.write_usize(number));
    }
}
