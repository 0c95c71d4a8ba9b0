//! Archives: sound ones of each kind, which mutants and seeds are made from.

use zip::{AesMode, unstable::write::FileOptionsExt, write::SimpleFileOptions};

use crate::{
    archive_writer::{deflated, gzip, stored, tar, zip},
    evtx_writer::{self, CHUNK, Event, HEADER},
};

/// Each with its name.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let log = log();
    let (stored, deflated) = (stored(), deflated());
    let inner = zip(&[("inner.evtx", &log, deflated)]);
    let packed = gzip(&log);
    vec![
        ("x.zip", zip(&[("a.evtx", &log, deflated), ("b.evtx", &log, stored), ("notes.txt", b"notes", deflated)])),
        (
            "x.zip",
            zip(&[("inner.zip", &inner, stored), ("again.zip", &inner, deflated), ("b.evtx.gz", &packed, stored)]),
        ),
        ("x.zip", zip(&[("a.evtx", &log, deflated.with_aes_encryption(AesMode::Aes256, "infected"))])),
        ("x.zip", zip(&[("a.evtx", &log, deflated.with_deprecated_encryption(b"infected").unwrap())])),
        ("x.evtx.gz", packed.clone()),
        ("x.evtx.gz", [packed.clone(), packed].concat()),
        ("x.tar.gz", gzip(&tar_file())),
    ]
}

/// A tar file with a log and with archives in it, not packed.
pub fn tar_file() -> Vec<u8> {
    let log = log();
    let inner = zip(&[("inner.evtx", &log, SimpleFileOptions::default())]);
    let packed = gzip(&log);
    tar(&[("a.evtx", &log), ("folder/inner.zip", &inner), ("b.evtx.gz", &packed), ("notes.txt", b"notes")])
}

/// A log that is cut off behind its only record, so that archives of it are small.
fn log() -> Vec<u8> {
    let mut log = evtx_writer::log(&[Event::connection()]).cut_at(HEADER + CHUNK).0;
    let end = log.iter().rposition(|&byte| byte != 0).unwrap();
    log.truncate(end + 1);
    log
}
