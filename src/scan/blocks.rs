//! Blocks of a log: read from a file, part by part where a disk fails, or from a stream with what lies around them.

use std::{
    io::{self, Read},
    ops::Range,
};

use crate::{
    error::DefectKind,
    evidence::digest::{Digests, Hasher},
    magic::{CHUNK_SIZE, FILE_HEADER_SIZE},
    scan::{
        sift::Sifter,
        units::{BLOCK_CHUNKS, block},
    },
};

/// The most that is read at once: a file header and the chunks behind it.
const BLOCK_SIZE: usize = FILE_HEADER_SIZE + BLOCK_CHUNKS * CHUNK_SIZE;
/// What is lost at least where a disk cannot be read, in bytes.
const SECTOR: usize = 4096;
/// A block of a stream, with a chunk before and one behind it.
pub(super) const BUFFER_SIZE: usize = BLOCK_SIZE + 2 * CHUNK_SIZE;

/// Reads a positioned block and sifts it. Where it cannot be read as a whole, its chunks are read one by one, so that
/// what is lost is the chunk that cannot be read. Returns whether all of it was read.
pub(super) fn read_block(
    read: &dyn Fn(&mut [u8], u64) -> io::Result<usize>,
    buffer: &mut [u8],
    offset: u64,
    sifter: &mut Sifter<'_>,
) -> bool {
    let mut around = |range: Range<u64>| {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(0)];
        let size = read(&mut bytes, range.start).unwrap_or_else(|_| read_in_parts(read, &mut bytes, range.start));
        bytes.truncate(size);
        bytes
    };
    if let Ok(size) = read(buffer, offset) {
        sifter.block(offset, buffer.get(..size).unwrap_or_default(), &mut around);
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
            Ok(size) => sifter.block(start, part.get(..size).unwrap_or_default(), &mut around),
            Err(error) => {
                let cause = format!("{} bytes cannot be read: {error}", part.len());
                sifter.unreadable(start, &cause, &mut around);
            }
        }
        start += part.len() as u64;
    }
    false
}

/// Reads what can be read where not all of it can, and returns how much there is. The rest is zeros: that it cannot be read
/// is named where it stands.
fn read_in_parts(read: &dyn Fn(&mut [u8], u64) -> io::Result<usize>, bytes: &mut [u8], start: u64) -> usize {
    let mut total = 0;
    for part in bytes.chunks_mut(SECTOR) {
        let size = read(part, start + total as u64).unwrap_or_else(|_| {
            part.fill(0);
            part.len()
        });
        total += size;
        if size < part.len() {
            break;
        }
    }
    total
}

/// Sifts a log that comes as a stream, and hashes it if there is a hasher. The digests are those of a log that was read whole.
///
/// The buffer holds a block with a chunk before and one behind it, in case a chunk is out of place.
pub(super) fn scan_stream(
    log: &mut dyn Read,
    buffer: &mut [u8],
    mut hasher: Option<Hasher>,
    sifter: &mut Sifter<'_>,
) -> Option<Digests> {
    // What the buffer holds, as a range of the log.
    let mut held = 0..0;
    let (mut ended, mut failed) = (false, None);
    for number in 0.. {
        let (start, size) = block(u64::MAX, number)?;
        let first = start.saturating_sub(CHUNK_SIZE as u64);
        let within = |offset: u64| usize::try_from(offset - first).unwrap_or(usize::MAX);
        buffer.copy_within(
            usize::try_from(first - held.start).unwrap_or(0)..usize::try_from(held.end - held.start).unwrap_or(0),
            0,
        );
        held.start = first;
        if !ended {
            let free = buffer.get_mut(within(held.end)..within(start + size) + CHUNK_SIZE).unwrap_or_default();
            let (size, error) = read_full(log, free);
            if let Some(hasher) = &mut hasher {
                hasher.update(free.get(..size).unwrap_or_default());
            }
            ended = size < free.len();
            failed = error;
            held.end += size as u64;
        }
        let bytes = |range: Range<u64>| {
            let range = range.start.max(held.start)..range.end.min(held.end);
            buffer.get(within(range.start)..within(range.end.max(range.start))).unwrap_or_default()
        };
        let block = bytes(start..start + size);
        if !block.is_empty() || number == 0 {
            sifter.block(start, block, &mut |range| bytes(range).to_vec());
        }
        if held.end <= start + size && ended {
            break;
        }
    }
    if let Some(error) = failed {
        sifter.defect(None, Some(held.end), DefectKind::Read, &format!("cannot read on: {error}"));
        return None;
    }
    hasher.map(Hasher::finish)
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
