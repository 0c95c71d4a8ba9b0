//! One chunk, sifted in every way. The first byte says how; what the input is short of a chunk is zeros.
//!
//! A seed is as long as what its chunk uses: short inputs are what makes a fuzzer fast.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netsift::inside::magic::FILE_HEADER_SIZE;

#[allow(dead_code, reason = "it mends whole logs too")]
#[path = "../../tests/hostile/mending.rs"]
mod mending;

#[allow(dead_code, reason = "the tests ask for defects")]
#[path = "../../tests/hostile/invariants.rs"]
mod invariants;

use invariants::Looking;

fuzz_target!(|input: &[u8]| {
    let Some((how, chunk)) = mending::input(input) else { return };
    let looking = [Looking::Detect, Looking::Connections, Looking::Within][usize::from(how >> 1) % 3];
    invariants::hold(looking, FILE_HEADER_SIZE as u64, &chunk);
});
