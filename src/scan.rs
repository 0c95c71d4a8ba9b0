//! The scan: sources read and sifted on all cores, partial findings merged once. The only file that names rayon.
//!
//! A unit of work is a range of chunks of one log, so that one large log uses every core, and so do thousands of small
//! ones. Where a log is to be hashed, or comes out of an archive, its bytes must be taken in order, and the unit is the
//! whole of it. Threads take units in order, which reads a disk forwards, and each keeps its own [`Findings`].

use std::{
    fs::{self, File},
    io::{self, Read},
    num::NonZeroUsize,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use rayon::ThreadPoolBuilder;

use crate::{
    chunk::{self, CHUNK_SIZE, FILE_HEADER_SIZE},
    digest::Hasher,
    error::{DefectKind, Error},
    event::Decoder,
    input::{self, Limits, Packing, Source},
    sift::{Findings, Plan, Sifter},
};

/// Chunks that are read at once: 512 KiB, which stays in a core's cache while it is searched.
const BLOCK_CHUNKS: usize = 8;
/// The most that is read at once: a file header and the chunks behind it.
const BLOCK_SIZE: usize = FILE_HEADER_SIZE + BLOCK_CHUNKS * CHUNK_SIZE;

/// How a scan is done. The findings do not depend on it.
#[derive(Debug, Clone)]
pub struct Method {
    /// How many threads scan.
    pub threads: NonZeroUsize,
    /// Whether the sources are hashed as they are read.
    pub hashing: bool,
    /// What is allowed of archives.
    pub limits: Limits,
}

/// Scans all of `sources`. `progress` is told how many bytes were done, from any thread.
///
/// # Errors
///
/// The threads cannot be started. Evidence that cannot be read is in the findings.
pub fn scan(
    plan: &Plan,
    method: &Method,
    sources: &[Source],
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Findings, Error> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(method.threads.get())
        .thread_name(|index| format!("scan-{index}"))
        .build()
        .map_err(|error| Error::Threads(error.to_string()))?;
    let units = Units::new(sources, method.hashing);
    let next = AtomicU64::new(0);
    let parts = pool.broadcast(|_| {
        let mut worker =
            Worker { plan, method, decoder: Decoder::new(plan.carving), buffer: vec![0; BLOCK_SIZE], open: None };
        let mut findings = Findings::new(plan);
        while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
            worker.scan(&unit, &mut findings);
            progress(unit.size());
        }
        findings
    });
    let mut findings = parts.into_iter().fold(Findings::new(plan), Findings::merge);
    note_what_is_missing(plan, sources, &mut findings);
    Ok(findings)
}

/// Names what shows only when all of a log is read: that it has grown since, and that its header states more chunks than
/// there are.
fn note_what_is_missing(plan: &Plan, sources: &[Source], findings: &mut Findings) {
    let decoder = Decoder::new(plan.carving);
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
        let mut sifter = Sifter::new(plan, &decoder, (&key.name, key.number), findings);
        sifter.defect(None, offset, kind, &cause);
        sifter.finish();
    }
}

/// Some blocks of a source.
#[derive(Debug, Clone)]
struct Unit<'a> {
    source: &'a Source,
    /// The source's number.
    number: usize,
    blocks: Range<u64>,
}

impl Unit<'_> {
    /// How many bytes it has, as far as is known.
    fn size(&self) -> u64 {
        let end = block(self.source.size, self.blocks.end).map_or(self.source.size, |(start, _)| start);
        end - block(self.source.size, self.blocks.start).map_or(end, |(start, _)| start)
    }
}

/// The units of all sources, numbered in order; a unit is made when it is asked for.
struct Units<'a> {
    sources: &'a [Source],
    /// For each source, the number of its first unit.
    first: Vec<u64>,
    in_order: bool,
}

impl<'a> Units<'a> {
    fn new(sources: &'a [Source], in_order: bool) -> Self {
        let mut units = Self { first: Vec::with_capacity(sources.len()), sources, in_order };
        let mut next = 0;
        for source in sources {
            units.first.push(next);
            next += if units.is_whole(source) { 1 } else { blocks(source.size) };
        }
        units
    }

    fn is_whole(&self, source: &Source) -> bool {
        self.in_order || source.packing != Packing::Plain
    }

    fn get(&self, number: u64) -> Option<Unit<'a>> {
        let index = self.first.partition_point(|&first| first <= number).checked_sub(1)?;
        let (source, first) = (self.sources.get(index)?, self.first.get(index)?);
        let block = number - first;
        if self.is_whole(source) {
            return (block == 0).then(|| Unit { source, number: index, blocks: 0..blocks(source.size) });
        }
        (block < blocks(source.size)).then(|| Unit { source, number: index, blocks: block..block + 1 })
    }
}

/// How many blocks a log of `size` bytes has: at least one, if only of nothing.
fn blocks(size: u64) -> u64 {
    chunk::count(size).div_ceil(BLOCK_CHUNKS as u64).max(1)
}

/// Where block `number` of a log of `size` bytes starts, and how long it is. The first has the file header.
fn block(size: u64, number: u64) -> Option<(u64, u64)> {
    let chunk = number.checked_mul(BLOCK_CHUNKS as u64)?;
    let start = if chunk == 0 { 0 } else { chunk::offset(chunk) };
    let end = chunk::offset(chunk + BLOCK_CHUNKS as u64).min(size);
    Some((start, end.checked_sub(start)?))
}

/// What a thread works with.
struct Worker<'a> {
    plan: &'a Plan,
    method: &'a Method,
    decoder: Decoder,
    buffer: Vec<u8>,
    /// The log it read last, still open.
    open: Option<(&'a Source, File)>,
}

impl<'a> Worker<'a> {
    fn scan(&mut self, unit: &Unit<'a>, findings: &mut Findings) {
        if unit.source.packing == Packing::Plain {
            self.scan_log(unit, findings);
        } else {
            self.scan_archive(unit, findings);
        }
    }

    /// Scans some blocks of a log.
    fn scan_log(&mut self, unit: &Unit<'a>, findings: &mut Findings) {
        let Self { plan, method, decoder, buffer, open } = self;
        let mut sifter = Sifter::new(plan, decoder, (&unit.source.name, unit.number), findings);
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
        let mut read = |bytes: &mut [u8], at| input::read_at(file, bytes, at);
        let mut hasher = method.hashing.then(Hasher::default);
        for (offset, size) in unit.blocks.clone().map_while(|number| block(unit.source.size, number)) {
            let buffer = buffer.get_mut(..usize::try_from(size).unwrap_or(0)).unwrap_or_default();
            let whole = read_block(&mut read, buffer, offset, &mut sifter);
            hasher = hasher.filter(|_| whole);
            if let Some(hasher) = &mut hasher {
                hasher.update(buffer, side_by_side);
            }
        }
        sifter.part.digests = hasher.map(Hasher::finish);
        sifter.finish();
    }

    /// Scans the logs in an archive, or in a member of one, as they are unpacked.
    fn scan_archive(&mut self, unit: &Unit<'a>, findings: &mut Findings) {
        let Self { plan, method, decoder, buffer, .. } = self;
        let defects = input::archive::unpack(unit.source, &method.limits, &mut |name, log| {
            let mut sifter = Sifter::new(plan, decoder, (name, unit.number), findings);
            let digests = scan_stream(log, buffer, method.hashing, &mut sifter);
            sifter.part.digests = digests;
            sifter.finish();
        });
        for defect in defects {
            let mut sifter = Sifter::new(plan, decoder, (&defect.path, unit.number), findings);
            sifter.defect(defect.chunk, defect.offset, defect.kind, &defect.cause);
            sifter.finish();
        }
    }
}

/// Runs two pieces of work at the same time, if another thread has nothing to do.
fn side_by_side(one: &mut (dyn FnMut() + Send), two: &mut (dyn FnMut() + Send)) {
    rayon::join(one, two);
}

/// Reads a positioned block and sifts it. Where it cannot be read as a whole, its chunks are read one by one, so that
/// what is lost is the chunk that cannot be read. Returns whether all of it was read.
fn read_block(
    read: &mut dyn FnMut(&mut [u8], u64) -> io::Result<usize>,
    buffer: &mut [u8],
    offset: u64,
    sifter: &mut Sifter<'_>,
) -> bool {
    if let Ok(size) = read(buffer, offset) {
        sifter.block(offset, buffer.get(..size).unwrap_or_default());
        let missing = buffer.len().saturating_sub(size);
        if missing > 0 {
            let cause = format!("{missing} bytes are gone since the log was found");
            sifter.defect(None, Some(offset + size as u64), DefectKind::Changed, &cause);
        }
        return missing == 0;
    }
    let mut start = offset;
    let (head, chunks) = buffer.split_at_mut(if offset == 0 { FILE_HEADER_SIZE.min(buffer.len()) } else { 0 });
    for part in std::iter::once(head).filter(|head| !head.is_empty()).chain(chunks.chunks_mut(CHUNK_SIZE)) {
        match read(part, start) {
            Ok(size) => sifter.block(start, part.get(..size).unwrap_or_default()),
            Err(error) => sifter.unreadable(start, &format!("{} bytes cannot be read: {error}", part.len())),
        }
        start += part.len() as u64;
    }
    false
}

/// Sifts a log that comes as a stream, and hashes it if asked to. The digests are those of a log that was read whole.
fn scan_stream(
    log: &mut dyn Read,
    buffer: &mut [u8],
    hashing: bool,
    sifter: &mut Sifter<'_>,
) -> Option<crate::digest::Digests> {
    let mut hasher = Hasher::default();
    for number in 0.. {
        let (start, size) = block(u64::MAX, number)?;
        let block = buffer.get_mut(..usize::try_from(size).unwrap_or(0)).unwrap_or_default();
        let (size, error) = read_full(log, block);
        let bytes = block.get(..size).unwrap_or_default();
        if size > 0 || number == 0 {
            sifter.block(start, bytes);
        }
        if hashing {
            hasher.update(bytes, side_by_side);
        }
        if let Some(error) = error {
            sifter.defect(None, Some(start + size as u64), DefectKind::Read, &format!("cannot read on: {error}"));
            return None;
        }
        if size < block.len() {
            return hashing.then(|| hasher.finish());
        }
    }
    None
}

/// Fills `buffer` from a stream, or as much of it as there is before the end or an error.
fn read_full(stream: &mut dyn Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest) {
            Ok(0) => break,
            Ok(size) => filled += size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(error)),
        }
    }
    (filled, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, error::Defects, input::Links};

    fn config() -> Config {
        use clap::Parser;
        let args = crate::args::Args::parse_from(["netsift", "connections", "x"]);
        let crate::args::Command::Connections(args) = args.command else { panic!("connections") };
        Config::new(args, crate::config::Builtin::Everything, Vec::new(), jiff::Timestamp::UNIX_EPOCH).unwrap()
    }

    fn log() -> Vec<u8> {
        std::fs::read("testdata/case/WS01/Microsoft-Windows-Sysmon%4Operational.evtx").unwrap()
    }

    fn named(defects: &Defects) -> Vec<String> {
        defects.first().map(ToString::to_string).collect()
    }

    #[test]
    fn a_read_error_costs_the_chunks_that_cannot_be_read() {
        let (plan, log) = (config().plan, log());
        let decoder = Decoder::new(plan.carving);
        let chunks = chunk::count(log.len() as u64);
        let bad = chunk::offset(1);
        let mut read = |bytes: &mut [u8], at: u64| {
            let start = usize::try_from(at).unwrap();
            if (at..at + bytes.len() as u64).contains(&bad) {
                return Err(io::Error::other("bad sector"));
            }
            bytes.copy_from_slice(&log[start..start + bytes.len()]);
            Ok(bytes.len())
        };
        let mut findings = Findings::new(&plan);
        let mut sifter = Sifter::new(&plan, &decoder, ("log", 0), &mut findings);
        assert!(!read_block(&mut read, &mut vec![0; log.len()], 0, &mut sifter));
        sifter.finish();
        assert_eq!(named(&findings.defects), ["log: chunk 1 at 0x11000: 65536 bytes cannot be read: bad sector"]);
        let total = findings.total();
        assert_eq!((total.chunks(), total.chunks_unreadable), (chunks, 1));
        assert!(total.hits > 0);
    }

    #[test]
    fn a_log_that_shrinks_or_grows_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.evtx");
        let log = log();
        std::fs::write(&path, &log).unwrap();
        let config = config();
        let scan_as_if = |size: u64| {
            let mut sources = input::discover(std::slice::from_ref(&path), Links::Skip, &config.method.limits).logs;
            sources[0].size = size;
            scan(&config.plan, &config.method, &sources, &|_| {}).unwrap()
        };
        let size = log.len() as u64;
        let whole = scan_as_if(size);
        assert!(whole.defects.is_empty());
        let shrunk = scan_as_if(size + 65536);
        assert!(named(&shrunk.defects)[0].ends_with(": 65536 bytes are gone since the log was found"));
        assert_eq!(shrunk.total().hits, whole.total().hits);
        let grown = scan_as_if(size - 65536);
        let expected = ": 65536 bytes have been added since the log was found, and were not read";
        assert!(named(&grown.defects).iter().any(|defect| defect.ends_with(expected)));
        assert!(grown.total().hits > 0);
    }
}
