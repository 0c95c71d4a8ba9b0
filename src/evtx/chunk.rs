//! The outer structure of a log: one file header, then chunks of 64 KiB; and what can be wrong with either.
//!
//! Sizes, offsets and checksums follow the EVTX format notes of the libevtx project ("Windows XML Event Log (EVTX)",
//! sections 2 and 3). What is in a record is not this file's concern.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::{
    bytes::{u32_at, u64_at},
    error::DefectKind,
    evtx::record,
    magic::{self, CHUNK_HEADER_SIZE, CHUNK_SIZE, FILE_HEADER_SIZE},
};

/// The part of either header that its checksum is over first; flags and the checksum itself follow.
const SUMMED: usize = 120;
const FLAGS: usize = 120;
const CHECKSUM: usize = 124;
/// Where the tables start in a chunk's header.
pub const CHUNK_TABLES: usize = 128;
/// The table of names: 64 offsets.
const NAMES: std::ops::Range<usize> = CHUNK_TABLES..384;
/// The table of templates: 32 offsets.
const TEMPLATES: std::ops::Range<usize> = 384..CHUNK_HEADER_SIZE;

/// The log was not closed: its header may be older than its chunks. Normal in copies from a live host.
const DIRTY: u32 = 1;
/// No checksums were written.
const NO_CHECKSUMS: u32 = 4;

/// Something wrong, without its place.
pub type Fault = (DefectKind, String);

/// What a file header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHeader {
    /// The flags as they stand there.
    pub flags: u32,
    /// How many chunks there are, modulo 65536. It can be fewer than there are, in copies from a live host.
    pub chunks: u16,
}

impl FileHeader {
    /// Whether the log was copied while it was in use.
    #[must_use]
    pub fn is_dirty(self) -> bool {
        self.flags & DIRTY != 0
    }
}

/// Reads a file header, and what is wrong with it. `head` is the file's first [`FILE_HEADER_SIZE`] bytes, or all of a
/// shorter file.
///
/// # Errors
///
/// It is not a file header, or only part of one.
pub fn file_header(head: &[u8]) -> Result<(FileHeader, Option<Fault>), Fault> {
    let wrong = |cause: String| Err((DefectKind::FileHeader, cause));
    if head.is_empty() {
        return wrong("empty file".to_owned());
    }
    if is_one(head) {
        return wrong("the file header is missing: the file starts with a chunk".to_owned());
    }
    if !head.starts_with(magic::FILE) {
        return wrong("not an event log: it does not start with ElfFile".to_owned());
    }
    let (Some(flags), Some(stated), Some(summed), Some(&[low, high]), FILE_HEADER_SIZE) =
        (u32_at(head, FLAGS), u32_at(head, CHECKSUM), head.get(..SUMMED), head.get(42..44), head.len())
    else {
        return wrong(format!("cut off in the file header: {} of {FILE_HEADER_SIZE} bytes", head.len()));
    };
    let computed = crc32fast::hash(summed);
    let fault = (computed != stated && flags & (DIRTY | NO_CHECKSUMS) == 0).then(|| {
        let cause = format!("the file header's checksum is {computed:#010x}, not {stated:#010x}");
        (DefectKind::FileHeaderChecksum, cause)
    });
    Ok((FileHeader { flags, chunks: u16::from_le_bytes([low, high]) }, fault))
}

/// Whether a used chunk has checksums. What is said to have none could have been changed.
#[must_use]
pub fn states_checksums(chunk: &[u8]) -> bool {
    u32_at(chunk, FLAGS).is_some_and(|flags| flags & NO_CHECKSUMS == 0)
}

/// What a chunk's first bytes say about the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkState {
    /// It starts with the magic, so it has records.
    Used,
    /// All zeros: space that the log reserved and never used.
    Unused,
    /// Anything else.
    Damaged,
}

/// Judges a chunk, or what is left of one, by its first bytes.
#[must_use]
pub fn state(chunk: &[u8]) -> ChunkState {
    if chunk.starts_with(magic::CHUNK) {
        ChunkState::Used
    } else if chunk.iter().all(|&byte| byte == 0) {
        ChunkState::Unused
    } else {
        ChunkState::Damaged
    }
}

/// Whether some bytes start with a chunk, wherever they are from: besides the magic, its header must be sound, or be followed
/// by a record.
#[must_use]
pub fn is_one(bytes: &[u8]) -> bool {
    let size_of_header = u32_at(bytes, 40) == Some(128);
    let is_sound = || header_checksum(bytes).is_some_and(|computed| u32_at(bytes, CHECKSUM) == Some(computed));
    let has_record = || bytes.get(CHUNK_HEADER_SIZE..).is_some_and(|records| records.starts_with(&magic::RECORD));
    bytes.starts_with(magic::CHUNK) && size_of_header && (has_record() || is_sound())
}

/// Where a chunk's records are, and what of its header can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Where the records end, as an offset in the chunk. What is behind is free space: zeros, or older records.
    pub end: usize,
    /// The id of the last record, if it is known.
    pub last_id: Option<u64>,
    /// Whether the tables of names and templates can be used.
    pub tables: bool,
}

impl Layout {
    /// Of a chunk without a header: no record is known to be in it.
    pub const UNKNOWN: Self = Self { end: CHUNK_HEADER_SIZE, last_id: None, tables: false };
}

/// Reads the header of a used chunk, or of what is left of one, checks it, and finds where the records end. Whether they are as they
/// were written is for [`records_fault`].
///
/// A header with a wrong checksum is not trusted: records then end where no record follows with a higher id, or where
/// the header says, whichever is further. And records that continue the header's ids where it says they end are
/// part of the chunk: the log was copied before its header was written.
#[must_use]
pub fn layout(chunk: &[u8]) -> (Layout, Vec<Fault>) {
    let mut faults = Vec::new();
    let field = |at| u32_at(chunk, at).unwrap_or(0);
    let (flags, stated_end) = (field(FLAGS), field(48) as usize);
    let checked = flags & NO_CHECKSUMS == 0;

    let stated = field(CHECKSUM);
    let computed = header_checksum(chunk);
    let header_is_sound = !checked || computed == Some(stated);
    if let (false, Some(computed)) = (header_is_sound, computed) {
        let cause = format!("the chunk header's checksum is {computed:#010x}, not {stated:#010x}");
        faults.push((DefectKind::ChunkHeaderChecksum, cause));
    }

    let end_is_possible = (CHUNK_HEADER_SIZE..=CHUNK_SIZE).contains(&stated_end);
    let last_id = u64_at(chunk, 32).unwrap_or(0);
    if header_is_sound && !end_is_possible {
        faults
            .push((DefectKind::ChunkHeader, format!("the chunk header says that its records end at {stated_end:#x}")));
    }
    let layout_end = match (header_is_sound, end_is_possible) {
        (true, true) => extend(chunk, stated_end, Some(last_id)),
        (false, true) => (last_end(chunk).max(stated_end), None),
        (_, false) => (last_end(chunk), None),
    };

    let names = outside(chunk, NAMES);
    let templates = outside(chunk, TEMPLATES);
    for (kind, what, offset) in
        [(DefectKind::StringTable, "names", names), (DefectKind::TemplateTable, "templates", templates)]
    {
        if let Some(offset) = offset {
            faults.push((kind, format!("the chunk's table of {what} points to {offset:#x}, outside the chunk")));
        }
    }
    let (end, last_id) = layout_end;
    (Layout { end, last_id, tables: names.or(templates).is_none() }, faults)
}

/// What is wrong with the sum of a used chunk's records. The rest of a chunk that is cut off cannot be summed up.
#[must_use]
pub fn records_fault(chunk: &[u8]) -> Option<Fault> {
    let end = u32_at(chunk, 48)? as usize;
    let records = chunk.get(CHUNK_HEADER_SIZE..end).filter(|_| states_checksums(chunk) && end <= CHUNK_SIZE)?;
    let (computed, stated) = (crc32fast::hash(records), u32_at(chunk, 52)?);
    let cause = || format!("the records' checksum is {computed:#010x}, not {stated:#010x}");
    (computed != stated).then(|| (DefectKind::ChunkDataChecksum, cause()))
}

/// Both checksums of a chunk that has some, as one number. That of the header is of the numbers of its records, too.
#[must_use]
pub fn checksums(chunk: &[u8]) -> Option<u64> {
    let stated = |at| u32_at(chunk, at).map(u64::from);
    Some(stated(CHECKSUM)? << u32::BITS | stated(52)?).filter(|_| states_checksums(chunk))
}

/// Where the records of a chunk end, or of what is left of one, if both of its checksums are right: nothing is missing up to
/// there.
#[must_use]
pub fn sound_end(chunk: &[u8]) -> Option<usize> {
    let stated_end = u32_at(chunk, 48)? as usize;
    let header_is_sound = states_checksums(chunk) && u32_at(chunk, CHECKSUM) == Some(header_checksum(chunk)?);
    let records = chunk.get(CHUNK_HEADER_SIZE..stated_end).filter(|_| header_is_sound)?;
    let is_sound = u32_at(chunk, 52) == Some(crc32fast::hash(records));
    is_sound.then(|| extend(chunk, stated_end, u64_at(chunk, 32)).0)
}

/// The checksum over a chunk's header, without the flags and the checksum itself.
fn header_checksum(chunk: &[u8]) -> Option<u32> {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(chunk.get(..SUMMED)?);
    checksum.update(chunk.get(NAMES.start..TEMPLATES.end)?);
    Some(checksum.finalize())
}

/// Records in a chunk whose header states none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstated {
    /// Where they are, by the header as it should be.
    pub layout: Layout,
    /// Their ids, each with the next behind it.
    pub ids: RangeInclusive<u64>,
    /// Whether the header, which says with which id its chunk starts, says that of the first of them.
    pub is_announced: bool,
}

/// The whole records right behind a header that states none, as in a log that was copied before the header of its last chunk
/// was written. They are part of the log if their ids go on from those of its other chunks: older ones, which the log has
/// begun to write over, have lower ids.
#[must_use]
pub fn unstated(chunk: &[u8], layout: &Layout) -> Option<Unstated> {
    let states_none = u32_at(chunk, 48).is_some_and(|end| end as usize == CHUNK_HEADER_SIZE);
    if !states_none {
        return None;
    }
    let (_, first) = record::at(chunk, CHUNK_HEADER_SIZE)?;
    let (end, last) = extend(chunk, CHUNK_HEADER_SIZE, None);
    let layout = Layout { end: end.max(layout.end), last_id: last, ..*layout };
    Some(Unstated { layout, ids: first..=last?, is_announced: u64_at(chunk, 8) == Some(first) })
}

/// The ids of a chunk's first and last record, as its header states them, or as they stand behind a header that states none.
#[must_use]
pub fn ids(chunk: &[u8]) -> Option<RangeInclusive<u64>> {
    let stated = u64_at(chunk, 24)?..=u64_at(chunk, 32)?;
    let states_any = *stated.end() != u64::MAX && *stated.end() != 0;
    match chunk.starts_with(magic::CHUNK) {
        true if states_any && !stated.is_empty() => Some(stated),
        true => unstated(chunk, &Layout::UNKNOWN).map(|unstated| unstated.ids),
        false => None,
    }
}

/// Follows records from `at`, each with the id after the one before, to where the next is none of them.
fn extend(chunk: &[u8], mut at: usize, mut last_id: Option<u64>) -> (usize, Option<u64>) {
    while let Some((record, id)) = record::at(chunk, at) {
        if last_id.is_some_and(|last| last.checked_add(1) != Some(id)) {
            break;
        }
        last_id = Some(id);
        at += record.whole();
    }
    (at, last_id)
}

/// Where the records of a chunk end whose header says nothing: behind the last one with a higher id than those before, by
/// no more than a chunk can hold. What is left of older records has lower ids.
fn last_end(chunk: &[u8]) -> usize {
    const MOST_RECORDS: u64 = 2340;
    let mut end = CHUNK_HEADER_SIZE;
    let mut last: Option<u64> = None;
    for (start, record, id) in record::all(chunk) {
        let follows = last.is_none_or(|last| id > last && id - last <= MOST_RECORDS);
        if start >= end && follows {
            last = Some(id);
            end = start + record.whole();
        }
    }
    end
}

/// The first offset in a table that is not inside a chunk.
fn outside(chunk: &[u8], table: std::ops::Range<usize>) -> Option<u32> {
    let offsets = chunk.get(table)?.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
    offsets.filter(|&offset| offset != 0).find(|&offset| {
        let offset = offset as usize;
        !(CHUNK_HEADER_SIZE..CHUNK_SIZE).contains(&offset)
    })
}

/// How many chunks a file of `size` bytes holds, the last of them perhaps cut off. The header's own count is
/// stale in logs copied from a live host and wraps in large ones, so it is not asked.
#[must_use]
pub fn count(size: u64) -> u64 {
    size.saturating_sub(FILE_HEADER_SIZE as u64).div_ceil(CHUNK_SIZE as u64)
}

/// The file offset of chunk `number`, in bytes.
#[must_use]
pub fn offset(number: u64) -> u64 {
    number.saturating_mul(CHUNK_SIZE as u64).saturating_add(FILE_HEADER_SIZE as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_size_decides_how_many_chunks_there_are() {
        assert_eq!([0, 4095, 4096, 4097, 4096 + 65536, 4096 + 65537].map(count), [0, 0, 0, 1, 1, 2]);
        assert_eq!(offset(2), 4096 + 131_072);
    }

    #[test]
    fn zeros_are_unused_and_noise_is_damage() {
        assert_eq!(state(&[0; 100]), ChunkState::Unused);
        assert_eq!(state(b"ElfChnk\0rest"), ChunkState::Used);
        assert_eq!(state(b"ElfChnk"), ChunkState::Damaged);
    }

    #[test]
    fn a_header_of_any_length_is_read_without_a_panic() {
        let mut chunk = b"ElfChnk\0".to_vec();
        for size in (8..700).step_by(7) {
            chunk.resize(size, 0xff);
            let (layout, _) = layout(&chunk);
            assert!(layout.end <= CHUNK_SIZE);
        }
    }
}
