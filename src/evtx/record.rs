//! A [`Record`] in a chunk: where its bytes are, and which records there are, read or not. Nothing is decoded here.

use jiff::Timestamp;
use memchr::memmem;

use crate::{
    bytes::{u32_at, u64_at},
    magic::{self, CHUNK_HEADER_SIZE},
};

const HEADER_SIZE: usize = 24;
/// The header, and the copy of the size at the end.
const SMALLEST: usize = HEADER_SIZE + 4;

/// The last FILETIME that the parser takes in a record's header: 9999-12-30T22:00 UTC. It skips to what looks like the next
/// record otherwise.
pub(super) const LAST_FILETIME: u64 = (253_402_207_200 + 11_644_473_600) * 10_000_000 + 9_999_999;

/// The first FILETIME of the year 10000. From there on the parser shows other years.
pub(super) const YEAR_10000: u64 = (253_402_300_800 + 11_644_473_600) * 10_000_000;

/// A record, found but not decoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    /// Where its BinXML starts in the chunk, in bytes.
    pub offset: usize,
    /// How long its BinXML is, in bytes.
    pub size: usize,
}

impl Record {
    /// How long the whole record is, header and all, in bytes.
    #[must_use]
    pub fn whole(self) -> usize {
        self.size.saturating_add(SMALLEST)
    }

    /// Where its header starts in the chunk, in bytes.
    #[must_use]
    pub fn start(self) -> u64 {
        self.offset.saturating_sub(HEADER_SIZE) as u64
    }

    /// The id in its header, and its header's time as a FILETIME (100 ns since 1601).
    #[must_use]
    pub fn id_and_time(self, chunk: &[u8]) -> Option<(u64, u64)> {
        let header = chunk.get(self.offset.checked_sub(HEADER_SIZE)?..)?;
        Some((u64_at(header, 8)?, u64_at(header, 16)?))
    }
}

/// The records of a chunk, by their headers.
///
/// Returns `None` unless they fill the space up to `end`, one after the other: a chunk with any doubt about it is for
/// the parser, which names what is wrong. As for the parser, the copy of a record's size at its end does not matter here:
/// [`miscopied`] names it.
#[must_use]
pub fn walk(chunk: &[u8], end: usize) -> Option<Vec<Record>> {
    let mut records = Vec::with_capacity(128);
    let mut start = CHUNK_HEADER_SIZE;
    let chunk = chunk.get(..end)?;
    while start < end {
        let record = header_at(chunk, start)?;
        records.push(record);
        start += record.whole();
    }
    Some(records)
}

/// The record whose header is at an offset of a chunk, if all of it is there.
fn header_at(chunk: &[u8], start: usize) -> Option<Record> {
    let record = chunk.get(start..)?;
    let size = u32_at(record, 4)? as usize;
    let is_whole = record.starts_with(&magic::RECORD) && (SMALLEST..=record.len()).contains(&size);
    is_whole.then_some(Record { offset: start.checked_add(HEADER_SIZE)?, size: size.checked_sub(SMALLEST)? })
}

/// The record that starts at an offset of a chunk, with the copy of its size at its end, and its id.
#[must_use]
pub fn at(chunk: &[u8], start: usize) -> Option<(Record, u64)> {
    let record = header_at(chunk, start)?;
    miscopied(chunk, record).is_none().then_some((record, u64_at(chunk, start.checked_add(8)?)?))
}

/// The record's size at its start and at its end, in bytes, if the two are not the same.
#[must_use]
pub fn miscopied(chunk: &[u8], record: Record) -> Option<(usize, usize)> {
    let copy = u32_at(chunk, record.offset.checked_add(record.size)?)? as usize;
    (copy != record.whole()).then_some((record.whole(), copy))
}

/// Everything in a chunk that looks like a whole record, wherever it starts: where that is, the record, its id.
pub fn all(chunk: &[u8]) -> impl Iterator<Item = (usize, Record, u64)> {
    let starts = memmem::find_iter(chunk, &magic::RECORD).skip_while(|&start| start < CHUNK_HEADER_SIZE);
    starts.filter_map(|start| at(chunk, start).map(|(record, id)| (start, record, id)))
}

/// Everything in a chunk that starts as a record does and may be one, whatever the copy of its size says.
pub(super) fn starts(chunk: &[u8]) -> impl Iterator<Item = Record> {
    memmem::find_iter(chunk, &magic::RECORD).filter_map(|start| header_at(chunk, start))
}

/// Where in the used space of a chunk whole records start that are not among those that were read.
#[must_use]
pub fn unread(chunk: &[u8], end: usize, read: &[Record]) -> Vec<usize> {
    let mut read: Vec<usize> = read.iter().map(|record| record.offset).collect();
    read.sort_unstable();
    let mut behind = 0;
    let mut unread = Vec::new();
    for (start, record, _) in all(chunk) {
        if start >= behind && start < end {
            if read.binary_search(&record.offset).is_err() {
                unread.push(start);
            }
            behind = start + record.whole();
        }
    }
    unread
}

/// The whole records in a chunk that are neither among these nor inside one of them.
#[must_use]
pub fn old(chunk: &[u8], known: &[Record]) -> Vec<Record> {
    let mut known: Vec<(usize, usize)> =
        known.iter().map(|record| (record.offset.saturating_sub(HEADER_SIZE), record.whole())).collect();
    known.sort_unstable();
    let is_known = |start: usize| {
        let before = known.partition_point(|(other, _)| *other <= start).checked_sub(1);
        before.and_then(|index| known.get(index)).is_some_and(|(other, size)| start < other + size)
    };
    all(chunk).filter(|(start, ..)| !is_known(*start)).map(|(_, record, _)| record).collect()
}

/// A chunk, mended so that the parser reads all of it.
#[derive(Debug)]
pub struct Mended {
    /// The chunk.
    pub chunk: Vec<u8>,
    /// Where records start that were hidden in those before them.
    pub hidden: Vec<usize>,
}

/// Mends a copy of a chunk with these records, if there is something to mend.
///
/// Two things are: records that were hidden by making the one before span them, as a known tool for editing logs does;
/// and times in record headers that the parser refuses, and that nothing depends on.
#[must_use]
pub fn mend(chunk: &[u8], records: &[Record]) -> Option<Mended> {
    let mut mended: Option<Mended> = None;
    let mut put = |at: usize, bytes: &[u8], hidden: Option<usize>| {
        let mended = mended.get_or_insert_with(|| Mended { chunk: chunk.to_vec(), hidden: Vec::new() });
        if let Some(place) = mended.chunk.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        mended.hidden.extend(hidden);
    };
    for record in records {
        let start = record.offset.saturating_sub(HEADER_SIZE);
        if record.id_and_time(chunk).is_some_and(|(_, time)| time > LAST_FILETIME) {
            put(start + 16, &[0; 8], None);
        }
    }
    for Hidden { spanning, start } in hidden(chunk, records) {
        let size = u32::try_from(start - spanning).unwrap_or(0).to_le_bytes();
        put(spanning + 4, &size, Some(start));
    }
    mended
}

/// A record that is hidden in another.
struct Hidden {
    /// Where the one starts that spans it.
    spanning: usize,
    /// Where it starts.
    start: usize,
}

/// Whether these records of a chunk hide others.
#[must_use]
pub fn hide_others(chunk: &[u8], records: &[Record]) -> bool {
    !hidden(chunk, records).is_empty()
}

/// The records that are hidden in these, which follow each other: where a magic is that none of them starts with.
fn hidden(chunk: &[u8], records: &[Record]) -> Vec<Hidden> {
    let mut hidden = Vec::new();
    let mut rest = records.iter().map(|record| Span { start: record.offset.saturating_sub(HEADER_SIZE), record });
    let Some(mut span) = rest.next() else { return hidden };
    // Where the last record starts that is known in it; nothing once there is something else behind one.
    let mut spanning = Some(span.start);
    let used = records.last().map_or(0, |last| last.offset.saturating_add(last.size));
    for found in memmem::find_iter(chunk.get(..used).unwrap_or_default(), &magic::RECORD) {
        while found >= span.end() {
            let Some(next) = rest.next() else { return hidden };
            (span, spanning) = (next, Some(next.start));
        }
        // Most are those that the records start with.
        let Some(before) = spanning.filter(|_| found >= span.record.offset) else { continue };
        let inside = chunk.get(..span.end()).unwrap_or_default();
        let Some(inner) = whole_inside(inside, found) else { continue };
        let behind = found + inner.whole();
        // A record may hold the bytes of another as data; but not as the rest of it.
        if behind != span.end() && header_at(inside, behind).is_none() {
            spanning = None;
            continue;
        }
        hidden.push(Hidden { spanning: before, start: found });
        spanning = Some(found);
    }
    hidden
}

/// A record with its header.
#[derive(Clone, Copy)]
struct Span<'r> {
    start: usize,
    record: &'r Record,
}

impl Span<'_> {
    fn end(self) -> usize {
        self.start + self.record.whole()
    }
}

/// The record that starts at an offset, if it is whole, or is the rest: the copy of its size may be that of the record that spans it.
fn whole_inside(chunk: &[u8], start: usize) -> Option<Record> {
    let record = header_at(chunk, start)?;
    (start + record.whole() == chunk.len() || at(chunk, start).is_some()).then_some(record)
}

/// Where in a chunk the next record with this id starts, by its magic and its id, at or behind an offset.
#[must_use]
pub fn find(chunk: &[u8], from: usize, id: u64) -> Option<usize> {
    let mut starts = memmem::find_iter(chunk.get(from..)?, &magic::RECORD).map(|found| from + found);
    starts.find(|&start| u64_at(chunk, start + 8) == Some(id))
}

/// The time in a record's header, if there is one: it is zero otherwise.
#[must_use]
pub fn stated_time(ticks: u64) -> Option<Timestamp> {
    if ticks > 0 { filetime(ticks) } else { None }
}

/// A FILETIME, 100 ns since 1601, as a time, if it is one before the year 10000.
#[must_use]
pub fn filetime(ticks: u64) -> Option<Timestamp> {
    const SECONDS_FROM_1601_TO_1970: i64 = 11_644_473_600;
    let seconds = i64::try_from(ticks / 10_000_000).ok()?.checked_sub(SECONDS_FROM_1601_TO_1970)?;
    let nanoseconds = i32::try_from(ticks % 10_000_000 * 100).ok()?;
    Timestamp::new(seconds, nanoseconds).ok()
}
