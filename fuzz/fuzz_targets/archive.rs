//! A file that is taken for an archive, listed and unpacked. The first byte says by which name, or that it is a tar file
//! which is yet to be packed.

#![no_main]

use std::{env, io::Write, process};

use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/hostile/unpacking.rs"]
mod unpacking;

fuzz_target!(|input: &[u8]| {
    let Some((how, bytes)) = input.split_first() else { return };
    let name = ["x.zip", "x.evtx.gz", "x.tar.gz", "x.tar.gz"][usize::from(how % 4)];
    let path = env::temp_dir().join(format!("netsift-fuzz-{}-{name}", process::id()));
    if how % 4 == 3 {
        let mut packed = GzEncoder::new(Vec::new(), Compression::none());
        packed.write_all(bytes).unwrap();
        unpacking::hold(&path, &packed.finish().unwrap());
    } else {
        unpacking::hold(&path, bytes);
    }
});
