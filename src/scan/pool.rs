//! The scan: sources read and sifted on all cores, partial findings merged once. The only file that names rayon.
//!
//! A unit of work is a range of chunks of one log, so that one large log uses every core, and so do thousands of small
//! ones. Where a log is to be hashed, or comes out of an archive, its bytes must be taken in order, and the unit is the
//! whole of it. A zip file is hashed by a unit of its own, a gzip file while it is unpacked. Threads take units in order,
//! which reads a disk forwards, and each keeps its own [`Findings`].

use std::{
    fs::{self, File},
    io::Read,
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, Ordering},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{
    error::{Defect, DefectKind, Error},
    evidence::{
        aligned::Aligned,
        archive::{limits::Limits, unpack},
        digest::{Digests, Hasher, Hashes},
        export::{self, Export},
        read,
        source::{Kind, Packing, Source},
        sources::Sources,
    },
    evtx::decoder::Decoder,
    scan::{
        blocks::{BUFFER_SIZE, read_block, scan_stream},
        exports::Exports,
        findings::{Findings, SourceKey},
        plan::Plan,
        sift::Sifter,
        units::{Blocks, Unit, Units, block},
    },
    text,
};

/// How a scan is done. The findings do not depend on it.
#[derive(Debug, Clone)]
pub struct Method {
    /// How many threads scan.
    pub threads: NonZeroUsize,
    /// How the sources are hashed as they are read, and the archives they are in, if they are.
    pub hashing: Option<Hashes>,
    /// What is allowed of archives.
    pub limits: Limits,
}

impl Method {
    /// The same for another look at the same logs, which are hashed once.
    #[must_use]
    pub fn without_hashing(&self) -> Self {
        Self { hashing: None, ..self.clone() }
    }

    fn hasher(&self) -> Option<Hasher> {
        self.hashing.map(|hashes| Hasher::new(hashes, side_by_side))
    }
}

/// How many bytes a scan tells its progress in all, as far as is known.
#[must_use]
pub fn size(method: &Method, sources: &Sources) -> u64 {
    Units::new(sources, method.hashing.is_some()).size()
}

/// Scans all of `sources`. `progress` is told how many bytes were done, from any thread.
///
/// # Errors
///
/// The threads cannot be started. Evidence that cannot be read is in the findings.
pub fn scan(
    plan: &Plan,
    method: &Method,
    sources: &Sources,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Findings, Error> {
    let pool = pool(method.threads)?;
    let units = Units::new(sources, method.hashing.is_some());
    let next = AtomicU64::new(0);
    let parts = pool.broadcast(|_| {
        let mut worker = Worker {
            plan,
            method,
            decoder: Decoder::new(plan.terms.carving),
            buffer: Aligned::new(BUFFER_SIZE),
            open: None,
        };
        let mut findings = Findings::new(plan);
        while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
            worker.work(&unit, &mut findings, progress);
        }
        findings
    });
    let merge = |one: Findings, other| one.merge(other, side_by_side);
    let findings = pool.install(|| parts.into_iter().reduce(merge));
    let mut findings = findings.unwrap_or_else(|| Findings::new(plan));
    note_what_is_missing(plan, &sources.logs, &mut findings);
    if plan.before.is_empty() {
        note_changed_archives(&sources.archives, &mut findings);
    }
    Ok(findings)
}

/// Threads for a scan or a merge, of the name whose panics are not shown.
///
/// # Errors
///
/// They cannot be started.
pub(crate) fn pool(threads: NonZeroUsize) -> Result<ThreadPool, Error> {
    ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .thread_name(|index| format!("scan-{index}"))
        .build()
        .map_err(|error| Error::Threads(error.to_string()))
}

/// Names what shows only when all of a log is read: that it has grown since, and that its header states more chunks than
/// there are.
fn note_what_is_missing(plan: &Plan, sources: &[Source], findings: &mut Findings) {
    let decoder = Decoder::new(plan.terms.carving);
    let mut notes = Vec::new();
    for (key, found) in &findings.sources {
        let stated = found.header.map_or(0, |header| header.chunks.into());
        if found.tally.chunks() < stated {
            let cause = format!("the file header states {stated} chunks, there are {}", found.tally.chunks());
            notes.push((key.clone(), None, DefectKind::Missing, cause));
        }
        let Some(source) = sources.get(key.number).filter(|source| source.packing == Packing::Plain) else { continue };
        // That it has shrunk was noticed when it was read.
        let now = fs::metadata(&source.path).map_or(source.size, |metadata| metadata.len());
        if let Some(growth) = now.checked_sub(source.size).filter(|growth| *growth > 0) {
            let cause = format!("{growth} bytes have been added since the log was found, and were not read");
            notes.push((key.clone(), Some(source.size), DefectKind::Changed, cause));
        }
    }
    for (key, offset, kind, cause) in notes {
        let mut sifter = Sifter::new(plan, &decoder, &key.name, key.number, findings);
        sifter.defect(None, offset, kind, &cause);
        sifter.finish();
    }
}

/// Names the archives that have another size than when they were found, unless that was noticed when they were read.
fn note_changed_archives(archives: &[Source], findings: &mut Findings) {
    for archive in archives {
        let Ok(now) = fs::metadata(&archive.path).map(|metadata| metadata.len()) else { continue };
        let was_noticed = findings.archives.get(&archive.path).is_some_and(Option::is_none);
        if let Some(growth) = now.checked_sub(archive.size).filter(|growth| *growth > 0) {
            let cause = format!("{growth} bytes have been added since the archive was found, and were not read");
            findings.defects.add(archive_defect(archive, archive.size, DefectKind::Changed, &cause));
        } else if now < archive.size && !was_noticed {
            let cause = gone(archive.size - now);
            findings.defects.add(archive_defect(archive, now, DefectKind::Changed, &cause));
        }
    }
}

/// What is wrong with an archive that has become smaller.
fn gone(bytes: u64) -> String {
    format!("{bytes} bytes are gone since the archive was found")
}

fn archive_defect(archive: &Source, offset: u64, kind: DefectKind, cause: &str) -> Defect {
    let cause = text::printable(cause).into_owned();
    Defect { path: archive.name.clone(), chunk: None, line: None, offset: Some(offset), kind, cause }
}

/// What a thread works with.
struct Worker<'a> {
    plan: &'a Plan,
    method: &'a Method,
    decoder: Decoder,
    buffer: Aligned,
    /// The log it read last, still open.
    open: Option<(&'a Source, File)>,
}

impl<'a> Worker<'a> {
    fn work(&mut self, unit: &Unit<'a>, findings: &mut Findings, progress: &dyn Fn(u64)) {
        match unit {
            Unit::Archive(archive) => {
                let mut left = archive.size;
                let Some(hasher) = self.method.hasher() else { return };
                let digests = hash(archive, (0, hasher), &mut self.buffer, &mut |bytes| {
                    left = left.saturating_sub(bytes);
                    progress(bytes);
                });
                progress(left);
                note_digests(archive, digests, &[], findings);
            }
            // Nothing of what is left to be read is in it.
            Unit::Blocks(blocks)
                if self.plan.rest().is_some_and(|rest| !rest.is_around(blocks.number, blocks.reach())) =>
            {
                progress(blocks.size());
            }
            Unit::Blocks(blocks) => {
                match (&blocks.source.packing, blocks.source.kind) {
                    (Packing::Plain, Kind::Export(export)) => self.scan_export(export, blocks, findings),
                    (Packing::Plain, _) => self.scan_log(blocks, findings),
                    _ => self.scan_archive(blocks, findings),
                }
                progress(blocks.size());
            }
        }
    }

    /// Scans some blocks of a log.
    fn scan_log(&mut self, unit: &Blocks<'a>, findings: &mut Findings) {
        let Self { plan, method, decoder, buffer, open } = self;
        let mut sifter = Sifter::new(plan, decoder, &unit.source.name, unit.number, findings);
        sifter.is_blank = unit.source.kind == Kind::Blank;
        let file = match open {
            Some((source, file)) if std::ptr::eq(*source, unit.source) => file,
            _ => match File::open(&unit.source.path) {
                Ok(file) => &open.insert((unit.source, file)).1,
                Err(error) => {
                    sifter.defect(None, None, DefectKind::Path, &error.to_string());
                    return sifter.finish();
                }
            },
        };
        let read = |bytes: &mut [u8], at| read::read_at(file, bytes, at);
        let mut hasher = method.hasher();
        for (offset, size) in unit.range.clone().map_while(|number| block(unit.source.size, number)) {
            let buffer = buffer.get_mut(..usize::try_from(size).unwrap_or(0)).unwrap_or_default();
            let whole = read_block(&read, buffer, offset, &mut sifter);
            hasher = hasher.filter(|_| whole);
            if let Some(hasher) = &mut hasher {
                hasher.update(buffer);
            }
        }
        sifter.part.digests = hasher.map(Hasher::finish);
        sifter.finish();
    }

    /// Scans events that were exported.
    fn scan_export(&mut self, export: Export, unit: &Blocks<'a>, findings: &mut Findings) {
        let source = unit.source;
        let key = SourceKey { name: source.name.clone(), number: unit.number };
        let mut exports = Exports::new(self.plan, key, findings);
        match File::open(&source.path) {
            Ok(file) => {
                let digests = exports.take(export, &mut file.take(source.size), self.method.hasher());
                let missing = source.size.saturating_sub(exports.part.tally.bytes);
                exports.part.digests = digests.filter(|_| missing == 0);
                if missing > 0 {
                    let cause = format!("{missing} bytes are gone since the log was found");
                    exports.defect(None, source.size - missing, DefectKind::Changed, &cause);
                }
            }
            Err(error) => exports.defect(None, 0, DefectKind::Path, &error.to_string()),
        }
        exports.finish();
    }

    /// Scans the logs in an archive, or in a member of one, as they are unpacked. A gzip file is hashed as it is read.
    fn scan_archive(&mut self, unit: &Blocks<'a>, findings: &mut Findings) {
        let Self { plan, method, decoder, buffer, .. } = self;
        let is_stream = matches!(unit.source.packing, Packing::Stream(_));
        let (mut hasher, mut at) = (method.hasher().filter(|_| is_stream), 0);
        let mut packed = |bytes: &[u8]| {
            if let Some(hasher) = &mut hasher {
                hasher.update(bytes);
                at += bytes.len() as u64;
            }
        };
        let defects = unpack::unpack(unit.source, &method.limits, &mut packed, &mut |name, log| {
            let (export, mut log) = export::peeked(log);
            if let Some(export) = export {
                let key = SourceKey { name: name.to_owned(), number: unit.number };
                let mut exports = Exports::new(plan, key, findings);
                exports.part.digests = exports.take(export, &mut log, method.hasher());
                return exports.finish();
            }
            let mut sifter = Sifter::new(plan, decoder, name, unit.number, findings).of_whole();
            let digests = scan_stream(&mut log, buffer, method.hasher(), &mut sifter);
            sifter.part.digests = digests;
            sifter.finish();
        });
        if let Some(hasher) = hasher {
            // What the reader had no use for is still part of the file.
            let digests = hash(unit.source, (at, hasher), buffer, &mut |_| {});
            note_digests(unit.source, digests, &defects, findings);
        }
        for defect in defects {
            let mut sifter = Sifter::new(plan, decoder, &defect.path, unit.number, findings);
            sifter.defect(defect.chunk, defect.offset, defect.kind, &defect.cause);
            sifter.finish();
        }
    }
}

/// Keeps the digests of an archive, or why there are none, unless that is known.
fn note_digests(archive: &Source, digests: Result<Digests, Defect>, known: &[Defect], findings: &mut Findings) {
    if let Err(defect) = &digests
        && !known.contains(defect)
    {
        findings.defects.add(defect.clone());
    }
    findings.archives.insert(archive.path.clone(), digests.ok());
}

/// Hashes an archive as the file that it is, up to the size it had when it was found, from where the hasher has come to. An
/// error is why not all of it could be read.
fn hash(
    archive: &Source,
    (mut at, mut hasher): (u64, Hasher),
    buffer: &mut [u8],
    progress: &mut dyn FnMut(u64),
) -> Result<Digests, Defect> {
    if at < archive.size {
        let file =
            File::open(&archive.path).map_err(|error| Defect::of_path(&archive.path, DefectKind::Path, &error))?;
        while at < archive.size {
            let left = usize::try_from(archive.size - at).unwrap_or(usize::MAX).min(buffer.len());
            let part = buffer.get_mut(..left).unwrap_or_default();
            let size = read::read_at(&file, part, at)
                .map_err(|error| archive_defect(archive, at, DefectKind::Read, &format!("cannot read on: {error}")))?;
            hasher.update(part.get(..size).unwrap_or_default());
            at += size as u64;
            progress(size as u64);
            if size < left {
                return Err(archive_defect(archive, at, DefectKind::Changed, &gone(archive.size - at)));
            }
        }
    }
    Ok(hasher.finish())
}

/// Runs two pieces of work at the same time, if another thread has nothing to do.
pub(crate) fn side_by_side(one: &mut (dyn FnMut() + Send), two: &mut (dyn FnMut() + Send)) {
    rayon::join(one, two);
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::{cli::config::Config, error::Defects, evidence::sources::Links, evtx::chunk};

    fn config() -> Config {
        use clap::Parser;
        let args = crate::cli::args::Args::parse_from(["netsift", "connections", "x"]);
        let crate::cli::args::Command::Connections(args) = args.command else { panic!("connections") };
        Config::new(args, crate::cli::config::Builtin::Everything, Vec::new(), jiff::Timestamp::UNIX_EPOCH).unwrap()
    }

    fn log() -> Vec<u8> {
        std::fs::read("testdata/case/WS01/Microsoft-Windows-Sysmon%4Operational.evtx").unwrap()
    }

    fn named(defects: &Defects) -> Vec<String> {
        defects.first().map(ToString::to_string).collect()
    }

    fn total(findings: &Findings) -> crate::scan::tally::Tally {
        findings.sources.values().fold(crate::scan::tally::Tally::default(), |mut sum, source| {
            sum += source.tally;
            sum
        })
    }

    #[test]
    fn a_read_error_costs_the_chunks_that_cannot_be_read() {
        let (plan, log) = (config().plan, log());
        let decoder = Decoder::new(plan.terms.carving);
        let chunks = chunk::count(log.len() as u64);
        let bad = chunk::offset(1);
        let read = |bytes: &mut [u8], at: u64| {
            let start = usize::try_from(at).unwrap();
            if (at..at + bytes.len() as u64).contains(&bad) {
                return Err(io::Error::other("bad sector"));
            }
            let there = &log[start.min(log.len())..log.len().min(start + bytes.len())];
            bytes[..there.len()].copy_from_slice(there);
            Ok(there.len())
        };
        let mut findings = Findings::new(&plan);
        let mut sifter = Sifter::new(&plan, &decoder, "log", 0, &mut findings);
        assert!(!read_block(&read, &mut vec![0; log.len()], 0, &mut sifter));
        sifter.finish();
        assert_eq!(named(&findings.defects), ["log: chunk 1 at 0x11000: 65536 bytes cannot be read: bad sector"]);
        let total = total(&findings);
        assert_eq!((total.chunks(), total.chunks_unreadable), (chunks, 1));
        assert!(total.hits > 0);
    }

    #[test]
    fn a_read_error_costs_no_chunk_that_is_out_of_place_beside_it() {
        let (plan, log) = (config().plan, log());
        // Each chunk stands 512 bytes behind its place, and the end of the third place cannot be read.
        let log = [&log[..4096], &[7; 512], &log[4096..]].concat();
        let bad = chunk::offset(3) - 1;
        let read = |bytes: &mut [u8], at: u64| {
            if (at..at + bytes.len() as u64).contains(&bad) {
                return Err(io::Error::other("bad sector"));
            }
            let start = log.len().min(usize::try_from(at).unwrap());
            let there = &log[start..log.len().min(start + bytes.len())];
            bytes[..there.len()].copy_from_slice(there);
            Ok(there.len())
        };
        let decoder = Decoder::new(plan.terms.carving);
        let mut findings = Findings::new(&plan);
        let mut sifter = Sifter::new(&plan, &decoder, "log", 0, &mut findings);
        assert!(!read_block(&read, &mut vec![0; log.len()], 0, &mut sifter));
        sifter.finish();
        let total = total(&findings);
        assert_eq!((total.chunks_displaced, total.chunks_unreadable), (5, 1), "{:?}", named(&findings.defects));
    }

    #[test]
    fn a_log_that_shrinks_or_grows_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.evtx");
        let log = log();
        std::fs::write(&path, &log).unwrap();
        let config = config();
        let scan_as_if = |size: u64| {
            let mut sources =
                crate::evidence::sources::discover(std::slice::from_ref(&path), Links::Skip, &config.method.limits);
            sources.logs[0].size = size;
            scan(&config.plan, &config.method, &sources, &|_| {}).unwrap()
        };
        let size = log.len() as u64;
        let whole = scan_as_if(size);
        assert!(whole.defects.is_empty());
        let shrunk = scan_as_if(size + 65536);
        assert!(named(&shrunk.defects)[0].ends_with(": 65536 bytes are gone since the log was found"));
        assert_eq!(total(&shrunk).hits, total(&whole).hits);
        let grown = scan_as_if(size - 65536);
        let expected = ": 65536 bytes have been added since the log was found, and were not read";
        assert!(named(&grown.defects).iter().any(|defect| defect.ends_with(expected)));
        assert!(total(&grown).hits > 0);
    }

    #[test]
    fn an_archive_that_shrinks_or_grows_is_named_and_all_of_its_bytes_are_progress() {
        let folder = tempfile::tempdir().unwrap();
        // Neither is read to its end for what is in it.
        let zip = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
        for (name, bytes) in [("case.zip", zip), ("log.evtx.gz", [b"\x1f\x8b".as_slice(), &vec![0; 700_000]].concat())]
        {
            let path = folder.path().join(name);
            std::fs::write(&path, &bytes).unwrap();
            let mut config = config();
            let mut scan_as_if = |hashing, size: u64| {
                config.method.hashing = Some(Hashes::All).filter(|_| hashing);
                let mut sources =
                    crate::evidence::sources::discover(std::slice::from_ref(&path), Links::Skip, &config.method.limits);
                sources.logs.iter_mut().chain(&mut sources.archives).for_each(|source| source.size = size);
                let done = AtomicU64::new(0);
                let progress = |bytes| {
                    done.fetch_add(bytes, Ordering::Relaxed);
                };
                let found = scan(&config.plan, &config.method, &sources, &progress).unwrap();
                let changed: Vec<String> = named(&found.defects)
                    .into_iter()
                    .filter_map(|defect| defect.split_once(" bytes ").map(|(_, what)| what.to_owned()))
                    .collect();
                assert_eq!(done.into_inner(), self::size(&config.method, &sources));
                (changed, found.archives.into_values().map(|digests| digests.is_some()).collect::<Vec<_>>())
            };
            let size = bytes.len() as u64;
            let (gone, added) = ("are gone since the archive was found", "have been added since the archive was found");
            for (as_if, change, whole) in
                [(size, None, true), (size + 9, Some(gone), false), (size - 9, Some(added), true)]
            {
                let (changed, hashed) = scan_as_if(true, as_if);
                assert_eq!(hashed, [whole], "{name} {as_if}");
                for changed in [changed, scan_as_if(false, as_if).0] {
                    assert_eq!(changed.len(), change.iter().len(), "{name} {as_if}: {changed:?}");
                    assert!(changed.iter().zip(change).all(|(changed, change)| changed.starts_with(change)));
                }
            }
        }
    }
}
