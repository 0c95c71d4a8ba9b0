//! Exported events. The first byte says whether they are XML or JSON lines.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netsift::inside::export::Export;

#[path = "../../tests/hostile/exporting.rs"]
mod exporting;

fuzz_target!(|input: &[u8]| {
    let Some((how, bytes)) = input.split_first() else { return };
    exporting::hold(if how % 2 == 0 { Export::Xml } else { Export::JsonLines }, bytes);
});
