//! A log, whole or cut off, sifted in every way. The first byte says how.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "it makes chunks of inputs too")]
#[path = "../../tests/hostile/mending.rs"]
mod mending;

#[allow(dead_code, reason = "the tests ask for defects")]
#[path = "../../tests/hostile/invariants.rs"]
mod invariants;

use invariants::Looking;

fuzz_target!(|input: &[u8]| {
    let Some((how, bytes)) = input.split_first() else { return };
    let mut log = bytes.to_vec();
    if how & 1 != 0 {
        mending::log(&mut log);
    }
    let looking = [Looking::Detect, Looking::Connections, Looking::Within][usize::from(how >> 1) % 3];
    invariants::hold(looking, 0, &log);
});
