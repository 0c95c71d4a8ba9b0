//! One chunk, read without the parser and by it: where the first can be done, both give the same events, and the parser loses none.
//!
//! The seeds are those of `chunk`, whose first byte says whether checksums are mended.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netsift::inside::{
    chunk,
    decoder::{Carving, Decoder},
    shape::Extent,
    typed::Scratch,
};

#[allow(dead_code, reason = "it mends whole logs too")]
#[path = "../../tests/hostile/mending.rs"]
mod mending;

fuzz_target!(|input: &[u8]| {
    let Some((_, chunk)) = mending::input(input) else { return };
    let (layout, _) = chunk::layout(&chunk);
    let decoder = Decoder::new(Carving::Live);
    let Some(typed) = decoder.typed(&chunk, &layout, Extent::Whole) else { return };
    let mut scratch = Scratch::default();
    let fast: Vec<String> =
        typed.rows().iter().map(|row| format!("{:?}", typed.event(row, &mut scratch).unwrap())).collect();
    let mut slow = Vec::new();
    decoder.decode(&chunk, &layout, |_, _| true, |event| slow.push(format!("{event:?}")), |loss| panic!("{loss:?}"));
    assert_eq!(fast, slow);
});
