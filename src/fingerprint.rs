//! [`Fingerprints`]: things known by 16 bytes each, whatever they are. Nobody can foresee them, so that no evidence is made to have two
//! things with the same one.

use std::hash::Hash;

/// Tells fingerprints. Each has seeds of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fingerprints([ahash::RandomState; 2]);

impl Fingerprints {
    /// The fingerprint of a thing.
    pub(crate) fn of(&self, thing: &(impl Hash + ?Sized)) -> u128 {
        let [high, low] = self.0.each_ref().map(|hasher| u128::from(hasher.hash_one(thing)));
        high << u64::BITS | low
    }
}
