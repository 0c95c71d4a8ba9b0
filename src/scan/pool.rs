//! The scan: sources read and sifted on all cores, partial findings merged once. The only file that names rayon.
//!
//! A unit of work is a range of chunks of one log, so that one large log uses every core, and so do thousands of small
//! ones. Where a log is to be hashed, or comes out of an archive, its bytes must be taken in order, and the unit is the
//! whole of it. A zip file is hashed by a unit of its own, a stream such as a gzip file while it is unpacked. Threads take units in order,
//! which reads a disk forwards, and each keeps its own [`Findings`].

use std::{
    fs,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{
    error::{DefectKind, Error},
    evidence::{
        archive::limits::Limits,
        digest::{Hasher, Hashes},
        source::{Packing, Source},
        sources::Sources,
    },
    evtx::decoder::Decoder,
    scan::{
        findings::Findings,
        others::{Found, Others},
        plan::Plan,
        sift::Sifter,
        units::Units,
        worker::{Worker, archive_defect, gone},
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
/// The threads cannot be started, or one of them panics where that is not contained. Evidence that cannot be read is in the findings.
pub fn scan(
    plan: &Plan,
    method: &Method,
    sources: &Sources,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Findings, Error> {
    Ok(scan_with(plan, &Others::default(), method, sources, progress)?.own)
}

/// The same, with what other looks find in the same bytes.
///
/// # Errors
///
/// As of [`scan`].
pub fn scan_with(
    plan: &Plan,
    others: &Others,
    method: &Method,
    sources: &Sources,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Found, Error> {
    let pool = pool(method.threads)?;
    let units = Units::new(sources, method.hashing.is_some());
    let (next, is_found, failed) = (AtomicU64::new(0), AtomicBool::new(false), OnceLock::new());
    let hasher = || method.hasher();
    let ends_with_a_hit = others.aside.as_ref().is_some_and(|aside| aside.ends_with_a_hit);
    let is_over = || ends_with_a_hit && is_found.load(Ordering::Relaxed);
    let parts = pool.broadcast(|_| {
        let mut worker = Worker::new(plan, others, &method.limits, &hasher);
        while failed.get().is_none()
            && let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed))
        {
            if is_over() {
                worker.drop_aside();
            }
            // What was found until then does not add up, and is not used.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| worker.work(&unit, progress))) {
                failed.get_or_init(|| Error::internal(Some(unit.name()), &*panic));
                break;
            }
            if worker.has_hit() {
                is_found.store(true, Ordering::Relaxed);
            }
        }
        worker.finish()
    });
    if let Some(error) = failed.into_inner() {
        return Err(error);
    }
    let (mut own, mut aside, mut along) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        own.push(part.own);
        aside.extend(part.aside);
        along.extend(part.along);
    }
    let merged =
        |parts: Vec<Findings>| pool.install(|| parts.into_iter().reduce(|one, other| one.merge(other, side_by_side)));
    let mut own = merged(own).unwrap_or_else(|| Findings::new(plan));
    note_what_is_missing(plan, &sources.logs, &mut own);
    if plan.before.is_empty() {
        note_changed_archives(&sources.archives, &mut own);
    }
    // Where a part was dropped, there was a hit.
    let aside = if is_over() { None } else { merged(aside) };
    Ok(Found { own, aside, along: merged(along) })
}

/// Threads that wait for work.
pub(crate) type Pool = ThreadPool;

/// The stack of each thread, in bytes: what threads have unless the environment says otherwise.
const STACK: usize = 2 << 20;

/// Threads for a scan or a merge, of the name whose panics are not shown.
///
/// # Errors
///
/// They cannot be started.
pub(crate) fn pool(threads: NonZeroUsize) -> Result<Pool, Error> {
    ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .stack_size(STACK)
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
            let cause = format!(
                "the file header states {}, there are {}",
                text::counted(stated, "chunk"),
                found.tally.chunks()
            );
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

/// Runs two pieces of work at the same time, if another thread has nothing to do.
pub(crate) fn side_by_side(one: &mut (dyn FnMut() + Send), two: &mut (dyn FnMut() + Send)) {
    rayon::join(one, two);
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::{
        cli::config::Config,
        error::Defects,
        evidence::sources::Links,
        evtx::chunk,
        scan::{blocks::read_block, elsewhere},
    };

    fn config_of(line: &[&str]) -> Config {
        use clap::Parser;

        use crate::cli::{
            args::{Args, Command},
            config::Builtin,
        };
        let (args, builtin) = match Args::parse_from(line).command {
            Command::Connections(args) => (args, Builtin::Everything),
            Command::Detect(args) => (args, Builtin::Default),
            _ => panic!("{line:?}"),
        };
        Config::new(args, builtin, Vec::new(), jiff::Timestamp::UNIX_EPOCH).unwrap()
    }

    fn config() -> Config {
        config_of(&["netsift", "connections", "x"])
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

    #[test]
    fn a_panic_that_is_not_contained_ends_the_scan_and_names_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log.evtx"), log()).unwrap();
        let config = config();
        let paths = [folder.path().to_owned()];
        let sources = crate::evidence::sources::discover(&paths, Links::Skip, &config.method.limits);
        let error = scan(&config.plan, &config.method, &sources, &|_| panic!("seven is {}", 7)).unwrap_err();
        let expected = format!("{}: internal error while it was read: seven is 7", sources.logs[0].name);
        assert_eq!(error.to_string(), expected);
    }

    /// A log, the same with a damaged chunk and packed, and an export.
    fn case() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        let (mut log, mut packed) = (log(), Vec::new());
        write("whole.evtx", &log);
        io::copy(&mut flate2::read::GzEncoder::new(&*log, flate2::Compression::fast()), &mut packed).unwrap();
        write("packed.evtx.gz", &packed);
        log[4096..4104].fill(7);
        write("damaged.evtx", &log);
        let data = [("Image", r"C:\x\exported.exe"), ("SourceIp", "10.0.0.1"), ("DestinationIp", "192.0.2.1")];
        let data = data.map(|(name, value)| format!("<Data Name='{name}'>{value}</Data>")).concat();
        let system = "<Provider Name='Microsoft-Windows-Sysmon'/><EventID>3</EventID><Computer>HOST</Computer>";
        let event = format!("<Event><System>{system}</System><EventData>{data}</EventData></Event>");
        write("export.xml", format!("<Events>{event}</Events>").as_bytes());
        folder
    }

    #[test]
    fn another_look_finds_beside_a_scan_what_it_finds_by_itself_until_that_has_a_hit() {
        let case = case();
        let found = |process: &str, carving: &[&str]| {
            let line = ["netsift", "detect", "--process", process, case.path().to_str().unwrap()];
            let Config { plan, method, paths, .. } = &config_of(&[&line[..], carving].concat());
            let sources = crate::evidence::sources::discover(paths, Links::Skip, &method.limits);
            let aside = elsewhere::aside(plan, false).unwrap().unwrap();
            let alone = [plan, &aside.plan].map(|plan| scan(plan, method, &sources, &|_| {}).unwrap());
            let others = Others { aside: Some(aside), along: None };
            let Found { own, aside: beside, .. } = scan_with(plan, &others, method, &sources, &|_| {}).unwrap();
            let groups = |found: Findings| -> Vec<_> {
                found.groups.into_sorted().unwrap().pass().unwrap().map(Result::unwrap).collect()
            };
            let is_beside = beside.is_some();
            let [own_alone, alone] = alone.map(groups);
            assert_eq!(groups(own), own_alone);
            assert!(
                alone.iter().any(|(key, _)| key.values().eq(["exported.exe", "Microsoft Sysmon", "192.0.2.1"])),
                "{alone:?}"
            );
            assert!(beside.is_none_or(|beside| groups(beside) == alone));
            is_beside
        };
        for carving in [&[][..], &["--recover"]] {
            assert!(found("none.exe", carving) && found("regsvcs", carving));
            assert!(!found("regsvcs.exe", carving));
        }
    }
}
