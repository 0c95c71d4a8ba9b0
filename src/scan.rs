//! The scan: work units spread over threads, partial results merged once. The only file that names rayon.
//!
//! A unit is a range of chunks of one log, so that one large log uses every core, and so do thousands of small
//! ones. Threads take units in order, which reads a disk forwards, and each keeps its own [`Findings`]. What is done
//! with a chunk is pure: bytes in, findings out.

use std::{
    fs::File,
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, Ordering},
};

use rayon::ThreadPoolBuilder;

use crate::{
    chunk::{self, CHUNK_SIZE, ChunkState, FILE_HEADER_SIZE},
    connection::Field,
    error::{Defect, DefectKind, Defects, Error},
    event::{Decoder, Loss},
    group::Groups,
    input::{self, Source},
    prefilter::Prefilter,
    record::{self, Candidates},
    rule::{Rule, Verdict},
    summary::Counters,
    sysmon, text,
};

/// Chunks that are read at once: 512 KiB, which stays in a core's cache while it is searched.
const UNIT_CHUNKS: usize = 8;
const UNIT_SIZE: usize = UNIT_CHUNKS * CHUNK_SIZE;

/// What a scan looks for and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which connections are hits.
    pub rule: Rule,
    /// What a chunk must contain for one of them to be in it.
    pub prefilter: Prefilter,
    /// Which records are decoded.
    pub decoding: Decoding,
    /// The fields that hits are grouped by.
    pub group_by: Vec<Field>,
    /// How many threads scan.
    pub threads: NonZeroUsize,
}

/// Which records are decoded. The findings are the same, but for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoding {
    /// Those that may matter by their raw bytes.
    Candidates,
    /// Every one: the slow path that the fast one is held against.
    Everything,
}

/// What a scan, or a part of one, has found.
#[derive(Debug, Clone)]
pub struct Findings {
    /// The hits, grouped.
    pub groups: Groups,
    /// What was read and how it was judged.
    pub counters: Counters,
    /// What is wrong with the evidence.
    pub defects: Defects,
}

impl Findings {
    fn new(plan: &Plan) -> Self {
        Self {
            groups: Groups::new(plan.group_by.clone()),
            counters: Counters::new(plan.rule.exclusion.networks().len()),
            defects: Defects::default(),
        }
    }

    fn merge(mut self, other: Self) -> Self {
        self.groups.merge(other.groups);
        self.counters.merge(&other.counters);
        self.defects.merge(other.defects);
        self
    }
}

/// Scans all of `logs`. `progress` is told how many bytes each unit had, from any thread.
///
/// # Errors
///
/// The threads cannot be started. Evidence that cannot be read is in the findings.
pub fn scan(plan: &Plan, logs: &[Source], progress: &(dyn Fn(u64) + Sync)) -> Result<Findings, Error> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(plan.threads.get())
        .thread_name(|index| format!("scan-{index}"))
        .build()
        .map_err(|error| Error::Threads(error.to_string()))?;
    let units = Units::new(logs);
    let next = AtomicU64::new(0);
    let parts = pool.broadcast(|_| {
        let mut findings = Findings::new(plan);
        let mut reader = Reader::default();
        let decoder = Decoder::default();
        while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
            scan_unit(plan, &decoder, &unit, &mut reader, &mut findings);
            progress(unit.size);
        }
        findings
    });
    Ok(parts.into_iter().fold(Findings::new(plan), Findings::merge))
}

/// A range of a log's bytes: the file header and the chunks behind it, or chunks.
#[derive(Debug, Clone, Copy)]
struct Unit<'a> {
    log: &'a Source,
    offset: u64,
    size: u64,
}

/// The units of all logs, numbered in order; a unit is made when it is asked for.
struct Units<'a> {
    logs: &'a [Source],
    /// For each log, the number of its first unit.
    first: Vec<u64>,
}

impl<'a> Units<'a> {
    fn new(logs: &'a [Source]) -> Self {
        let mut next = 0;
        let first = logs.iter().map(|log| {
            let first = next;
            next += chunk::count(log.size).div_ceil(UNIT_CHUNKS as u64).max(1);
            first
        });
        Self { first: first.collect(), logs }
    }

    fn get(&self, number: u64) -> Option<Unit<'a>> {
        let index = self.first.partition_point(|&first| first <= number).checked_sub(1)?;
        let (log, first) = (self.logs.get(index)?, self.first.get(index)?);
        let chunk = (number - first) * UNIT_CHUNKS as u64;
        let offset = if chunk == 0 { 0 } else { chunk::offset(chunk) };
        let end = chunk::offset(chunk + UNIT_CHUNKS as u64).min(log.size);
        // Past the last log's last unit there is nothing left.
        (end > offset || chunk == 0).then_some(Unit { log, offset, size: end.checked_sub(offset)? })
    }
}

/// A thread's buffer, and the log it read last, still open.
#[derive(Default)]
struct Reader<'a> {
    buffer: Vec<u8>,
    open: Option<(&'a Source, File)>,
}

impl<'a> Reader<'a> {
    /// Reads `size` bytes of a log at `offset`, or as many as it has there.
    fn read(&mut self, log: &'a Source, offset: u64, size: usize) -> std::io::Result<&[u8]> {
        if self.open.as_ref().is_none_or(|(open, _)| !std::ptr::eq(*open, log)) {
            self.open = Some((log, File::open(&log.path)?));
        }
        let Some((_, file)) = &self.open else { return Ok(&[]) };
        self.buffer.resize(FILE_HEADER_SIZE + UNIT_SIZE, 0);
        let buffer = self.buffer.get_mut(..size).unwrap_or_default();
        let read = input::read_at(file, buffer, offset)?;
        Ok(self.buffer.get(..read).unwrap_or_default())
    }
}

fn scan_unit<'a>(plan: &Plan, decoder: &Decoder, unit: &Unit<'a>, reader: &mut Reader<'a>, findings: &mut Findings) {
    let Unit { log, offset, size } = *unit;
    let defect = |at: u64, kind, cause: String| Defect { offset: Some(at), ..Defect::of_path(&log.path, kind, &cause) };
    let bytes = match reader.read(log, offset, usize::try_from(size).unwrap_or(usize::MAX)) {
        Ok(bytes) => bytes,
        Err(error) => {
            let cause = format!("{size} bytes could not be read: {error}");
            return findings.defects.add(defect(offset, DefectKind::Read, cause));
        }
    };
    findings.counters.bytes += bytes.len() as u64;
    if (bytes.len() as u64) < size {
        let cause = format!("{} bytes fewer than when it was found", size - bytes.len() as u64);
        findings.defects.add(defect(offset + bytes.len() as u64, DefectKind::Read, cause));
    }
    let (head, chunks) = bytes.split_at(if offset == 0 { FILE_HEADER_SIZE.min(bytes.len()) } else { 0 });
    if offset == 0 {
        findings.counters.logs += 1;
        if let Some(fault) = chunk::file_header_fault(head) {
            findings.defects.add(Defect::of_path(&log.path, DefectKind::FileHeader, &fault));
        }
    }
    let first = offset.saturating_sub(FILE_HEADER_SIZE as u64) / CHUNK_SIZE as u64;
    for (number, bytes) in (first..).zip(chunks.chunks(CHUNK_SIZE)) {
        scan_chunk(plan, decoder, &Chunk { log, number, bytes }, findings);
    }
}

/// A chunk and where it is from.
struct Chunk<'a> {
    log: &'a Source,
    number: u64,
    bytes: &'a [u8],
}

impl Chunk<'_> {
    fn defect(&self, loss: &Loss) -> Defect {
        Defect {
            path: text::path(&self.log.path),
            chunk: Some(self.number),
            offset: Some(chunk::offset(self.number).saturating_add(loss.offset.unwrap_or(0))),
            kind: loss.kind,
            cause: text::printable(&loss.cause).into_owned(),
        }
    }
}

fn scan_chunk(plan: &Plan, decoder: &Decoder, chunk: &Chunk<'_>, findings: &mut Findings) {
    let counters = &mut findings.counters;
    let bytes = chunk.bytes;
    if bytes.len() < CHUNK_SIZE {
        let cause = format!("the log ends inside this chunk: {} of {CHUNK_SIZE} bytes", bytes.len());
        findings.defects.add(chunk.defect(&Loss { offset: None, kind: DefectKind::Truncated, cause }));
    }
    match chunk::state(bytes) {
        ChunkState::Unused => counters.chunks_unused += 1,
        ChunkState::Damaged => {
            counters.chunks_unreadable += 1;
            let cause = "no chunk here: it does not start with ElfChnk".to_owned();
            findings.defects.add(chunk.defect(&Loss { offset: None, kind: DefectKind::ChunkMagic, cause }));
        }
        ChunkState::Used => {
            let names_sysmon = plan.prefilter.names_sysmon(bytes);
            counters.chunks_sysmon += u64::from(names_sysmon);
            let records = if plan.decoding == Decoding::Everything { None } else { record::walk(bytes) };
            match records {
                Some(records) if !(names_sysmon && plan.prefilter.may_match(bytes, &records)) => {
                    counters.chunks_ruled_out += 1;
                    counters.records_ruled_out += records.len() as u64;
                }
                _ => decode_chunk(plan, decoder, chunk, findings),
            }
        }
    }
}

fn decode_chunk(plan: &Plan, decoder: &Decoder, chunk: &Chunk<'_>, findings: &mut Findings) {
    let Findings { groups, counters, defects } = findings;
    let mut candidates = Candidates::new(chunk.bytes);
    let (records, losses) = decoder.decode(
        chunk.bytes,
        |record| plan.decoding == Decoding::Everything || candidates.may_be_event_3(record),
        |event| {
            if let Some(connection) = sysmon::connection(event) {
                let verdict = plan.rule.judge(&connection);
                counters.judged(verdict);
                if verdict == Verdict::Hit {
                    groups.add(&connection);
                }
            }
        },
    );
    counters.chunks_decoded += 1;
    counters.records_read += records;
    for loss in losses {
        defects.add(chunk.defect(&loss));
    }
}
