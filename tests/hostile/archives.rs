//! Archives: sound ones of each kind, which mutants and seeds are made from.

use std::io::{Cursor, Write};

use flate2::{Compression, write::GzEncoder};
use zip::{AesMode, CompressionMethod, ZipWriter, unstable::write::FileOptionsExt, write::SimpleFileOptions};

use crate::evtx_writer::{self, CHUNK, Event, HEADER};

/// Each with its name.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let log = log();
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let deflated = stored.compression_method(CompressionMethod::Deflated);
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
    let members: [(&str, &[u8]); 4] =
        [("a.evtx", &log), ("folder/inner.zip", &inner), ("b.evtx.gz", &packed), ("notes.txt", b"notes")];
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

/// A log that is cut off behind its only record, so that archives of it are small.
fn log() -> Vec<u8> {
    let mut log = evtx_writer::log(&[Event::connection()]).cut_at(HEADER + CHUNK).0;
    let end = log.iter().rposition(|&byte| byte != 0).unwrap();
    log.truncate(end + 1);
    log
}

fn zip(members: &[(&str, &[u8], SimpleFileOptions)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes, options) in members {
        zip.start_file(*name, *options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}
