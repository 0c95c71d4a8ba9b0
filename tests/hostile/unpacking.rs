//! What must hold of any bytes that are taken for an archive. The fuzz target holds them to it too.

use std::{collections::BTreeSet, fs, path::Path};

use netsift::inside::{
    limits::Limits,
    list::{self, Contents},
    source::{Kind, Origin, Packing, Source},
    unpack,
};

/// What a member may unpack to, in bytes: two logs of the test writer.
const MEMBER_SIZE: u64 = 160 << 10;

/// Lists and unpacks `bytes` as the file at `path`, whose name says what they are taken for.
///
/// Returns how many bytes of logs came out. Panics unless nothing else does, names are unique, and no log has more bytes
/// than it may.
pub fn hold(path: &Path, bytes: &[u8]) -> u64 {
    fs::write(path, bytes).unwrap();
    let limits = Limits::new(MEMBER_SIZE, Some("infected".to_owned()));
    let name = path.display().to_string();
    let file =
        Source { name, path: path.to_owned(), packing: Packing::Plain, size: bytes.len() as u64, kind: Kind::Log };
    let sources = match list::list(file, Origin::Given, &limits) {
        Contents::Log(log) => vec![log],
        Contents::Archive { logs, .. } => logs,
        Contents::Foreign { .. } | Contents::LeftAlone => Vec::new(),
    };
    let names: BTreeSet<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names.len(), sources.len(), "two logs have the same name");
    let mut total = 0;
    for source in &sources {
        let mut packed = 0;
        unpack::unpack(source, &limits, &mut |bytes| packed += bytes.len(), &mut |_, log| {
            let mut size = 0;
            let mut buffer = [0; 16 << 10];
            // An error ends a log, and what came before it counts.
            while let Ok(read @ 1..) = log.read(&mut buffer) {
                size += read as u64;
            }
            assert!(source.packing == Packing::Plain || size <= MEMBER_SIZE, "a log of {size} bytes");
            total += size;
        });
        assert!(packed <= bytes.len(), "{packed} bytes of a file of {}", bytes.len());
    }
    total
}
