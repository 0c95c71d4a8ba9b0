//! A [`Displaced`] chunk: one that does not stand where the log's grid of 64 KiB has a place for it.
//!
//! A log that has lost its file header, or sectors in the middle, or that was carved out of a disk, still has its chunks, at
//! other offsets. They are looked for only around a place of the grid where no chunk is, so that a sound log is not searched
//! for them. What is in a chunk is not this file's concern.

use std::ops::Range;

use memchr::memmem;

use crate::{
    evtx::chunk::{self, ChunkState},
    magic::{self, CHUNK_HEADER_SIZE, CHUNK_SIZE},
};

/// A chunk that is out of place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Displaced {
    /// The number of the place that is nearest.
    pub number: u64,
    /// Where it starts in the source, in bytes.
    pub offset: u64,
    /// Which of the bytes that were searched are its own: up to the next chunk, or to their end.
    pub range: Range<usize>,
    /// Whether the chunk right before it is out of place too.
    pub continues: bool,
}

impl Displaced {
    /// How far it is from its place, as in `512 bytes before`.
    #[must_use]
    pub fn shift(&self) -> String {
        let place = chunk::offset(self.number);
        let side = if self.offset < place { "before" } else { "behind" };
        format!("{} bytes {side}", self.offset.abs_diff(place))
    }
}

/// What is around a place of the grid where no chunk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The chunks that start there, or that start in the place before and are not found from there.
    pub chunks: Vec<Displaced>,
    /// The bytes of the place, with zeros where they are part of a chunk.
    pub rest: Vec<u8>,
    /// Whether some of them are.
    pub covered: bool,
}

/// The bytes of a source that have to be searched around place `number`: from the place before it, where a chunk may start
/// that runs into it, to the end of the one behind it, into which one may run.
#[must_use]
pub fn surroundings(number: u64) -> Range<u64> {
    let start = number.checked_sub(1).map_or(0, chunk::offset);
    start..chunk::offset(number).saturating_add(2 * CHUNK_SIZE as u64)
}

/// Finds what is around place `number`, in the bytes of its [`surroundings`], or in as many of them as the source has.
#[must_use]
pub fn find(number: u64, bytes: &[u8]) -> Found {
    let place = place(number, bytes);
    let before_is_searched =
        number > 0 && chunk::state(bytes.get(..place.start).unwrap_or_default()) == ChunkState::Damaged;
    let mut found =
        Found { chunks: Vec::new(), rest: bytes.get(place.clone()).unwrap_or_default().to_vec(), covered: false };
    for chunk in up_to(number, bytes) {
        let own = chunk.range.start.max(place.start)..chunk.range.end.min(place.end);
        if let Some(covered) = found.rest.get_mut(own.start - place.start..own.end.saturating_sub(place.start)) {
            found.covered |= !covered.is_empty();
            covered.fill(0);
        }
        if chunk.range.start >= place.start || !before_is_searched {
            found.chunks.push(chunk);
        }
    }
    found
}

/// The chunks that start in the place before `number`, or before the first one, in the bytes of its [`surroundings`].
#[must_use]
pub fn before(number: u64, bytes: &[u8]) -> Vec<Displaced> {
    let place = place(number, bytes);
    up_to(number, bytes).into_iter().filter(|chunk| chunk.range.start < place.start).collect()
}

/// Whether one may start in some bytes, behind their first. It is quick, and asked before more is read.
#[must_use]
pub fn may_start_in(bytes: &[u8]) -> bool {
    let behind = bytes.get(1..).unwrap_or_default();
    let is_cut =
        (1..magic::CHUNK.len()).any(|size| magic::CHUNK.get(..size).is_some_and(|head| behind.ends_with(head)));
    is_cut || memmem::find(behind, magic::CHUNK).is_some()
}

/// Where place `number` is in the bytes of its surroundings.
fn place(number: u64, bytes: &[u8]) -> Range<usize> {
    let start = surroundings(number).start;
    let at = |offset: u64| usize::try_from(offset - start).unwrap_or(usize::MAX).min(bytes.len());
    at(chunk::offset(number))..at(chunk::offset(number + 1))
}

/// The chunks that start in place `number`, or before it in the bytes of its surroundings.
fn up_to(number: u64, bytes: &[u8]) -> Vec<Displaced> {
    let start = surroundings(number).start;
    let on_grid = |offset: usize| (start + offset as u64).checked_sub(chunk::offset(0)).is_some_and(is_whole_chunks);
    let starts = starts(bytes, on_grid);
    let place_end = place(number, bytes).end.max(1);
    let displaced = |(index, &from): (usize, &usize)| {
        let next = starts.get(index + 1).copied().unwrap_or(bytes.len());
        let offset = start + from as u64;
        let before = from.checked_sub(CHUNK_SIZE);
        let continues = before.is_some_and(|before| !on_grid(before) && starts.contains(&before));
        Displaced { number: nearest(offset), offset, range: from..next.min(from + CHUNK_SIZE), continues }
    };
    let of_interest = |(_, from): &(usize, &usize)| !on_grid(**from) && **from < place_end;
    starts.iter().enumerate().filter(of_interest).map(displaced).collect()
}

/// Where chunks start in some bytes: on the grid, wherever the magic is; elsewhere, where the rest of the header is one too,
/// and not in the header of another, or among its records if their checksum is right: one of them may have such bytes as data.
fn starts(bytes: &[u8], on_grid: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut free = 0;
    for start in memmem::find_iter(bytes, magic::CHUNK) {
        let chunk = bytes.get(start..bytes.len().min(start + CHUNK_SIZE)).unwrap_or_default();
        if on_grid(start) || (start >= free && chunk::is_one(chunk)) {
            starts.push(start);
            free = start + chunk::sound_end(chunk).unwrap_or(CHUNK_HEADER_SIZE);
        }
    }
    starts
}

fn is_whole_chunks(size: u64) -> bool {
    size.is_multiple_of(CHUNK_SIZE as u64)
}

/// The number of the place of the grid that is nearest to an offset.
fn nearest(offset: u64) -> u64 {
    (offset + CHUNK_SIZE as u64 / 2).saturating_sub(chunk::offset(0)) / CHUNK_SIZE as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chunk without records whose free space is `fill`.
    fn empty(fill: u8) -> Vec<u8> {
        let mut chunk = vec![fill; CHUNK_SIZE];
        chunk[..8].copy_from_slice(magic::CHUNK);
        chunk[40..44].copy_from_slice(&128_u32.to_le_bytes());
        chunk[512..516].copy_from_slice(&[0x2a, 0x2a, 0, 0]);
        chunk
    }

    fn log(parts: &[&[u8]]) -> Vec<u8> {
        [&[0; 4096], parts.concat().as_slice()].concat()
    }

    fn search(log: &[u8], number: u64) -> Found {
        let Range { start, end } = surroundings(number);
        let at = |offset: u64| usize::try_from(offset).unwrap().min(log.len());
        find(number, &log[at(start)..at(end)])
    }

    fn found(log: &[u8], number: u64) -> Vec<(u64, String, usize, bool)> {
        let chunks = search(log, number).chunks.into_iter();
        chunks.map(|chunk| (chunk.number, chunk.shift(), chunk.range.len(), chunk.continues)).collect()
    }

    #[test]
    fn chunks_behind_a_loss_are_found_from_the_places_that_they_run_into() {
        let (a, b, c) = (empty(1), empty(2), empty(3));
        let log = log(&[&a[..CHUNK_SIZE - 512], &b, &c]);
        assert_eq!(
            found(&log, 1),
            [
                (1, "512 bytes before".to_owned(), CHUNK_SIZE, false),
                (2, "512 bytes before".to_owned(), CHUNK_SIZE, true)
            ]
        );
        assert_eq!(found(&log, 2), []);
        assert!(search(&log, 2).covered);
    }

    #[test]
    fn chunks_behind_an_insertion_are_found_from_where_they_start() {
        let (a, b) = (empty(1), empty(2));
        let log = log(&[&a, &[9; 700], &b, &a]);
        assert_eq!(found(&log, 1), [(1, "700 bytes behind".to_owned(), CHUNK_SIZE, false)]);
        assert_eq!(found(&log, 2), [(2, "700 bytes behind".to_owned(), CHUNK_SIZE, true)]);
        assert_eq!(search(&log, 1).rest, [vec![9; 700], vec![0; CHUNK_SIZE - 700]].concat());
    }

    #[test]
    fn a_log_without_a_file_header_starts_before_its_place() {
        let log = [empty(1), empty(2)].concat();
        let shift = || "4096 bytes before".to_owned();
        assert_eq!(found(&log, 0), [(0, shift(), CHUNK_SIZE, false), (1, shift(), CHUNK_SIZE, true)]);
        assert_eq!(found(&log, 1), []);
        assert_eq!(found(&log[..1000], 0), [(0, shift(), 1000, false)]);
    }

    #[test]
    fn chunks_before_a_place_are_found_also_where_nothing_is_in_it() {
        let (a, b) = (empty(1), empty(0));
        let log = log(&[&a[..5000], &b, &[0; 9000]]);
        let starts = |number, log: &[u8]| {
            let Range { start, end } = surroundings(number);
            let at = |offset: u64| usize::try_from(offset).unwrap().min(log.len());
            let chunks = before(number, &log[at(start)..at(end)]);
            chunks.into_iter().map(|chunk| (chunk.number, chunk.offset, chunk.range.len())).collect::<Vec<_>>()
        };
        assert_eq!(starts(1, &log), [(0, 9096, CHUNK_SIZE)]);
        assert_eq!(starts(1, &log[..9096 + 700]), [(0, 9096, 700)]);
        assert_eq!(starts(0, &log), []);
        assert_eq!(starts(0, &b), [(0, 0, CHUNK_SIZE)]);
    }

    #[test]
    fn what_is_among_the_records_of_a_sound_chunk_starts_none() {
        let mut host = empty(1);
        host[2000..2600].copy_from_slice(&empty(0)[..600]);
        let found = |host: &[u8]| before(1, &[host, &[9; 100]].concat()).len();
        assert_eq!(found(&host), 1);
        host[48..52].copy_from_slice(&3000_u32.to_le_bytes());
        host[120..124].fill(0);
        let records = crc32fast::hash(&host[CHUNK_HEADER_SIZE..3000]);
        host[52..56].copy_from_slice(&records.to_le_bytes());
        let header = crc32fast::hash(&[&host[..120], &host[128..CHUNK_HEADER_SIZE]].concat());
        host[124..128].copy_from_slice(&header.to_le_bytes());
        assert_eq!(found(&host), 0);
        // In its free space it is one.
        host[4000..4600].copy_from_slice(&empty(0)[..600]);
        assert_eq!(found(&host), 1);
    }

    #[test]
    fn a_start_is_suspected_wherever_its_magic_is_or_is_cut_off() {
        for bytes in [&b"xElfChnk\0"[..], b"xxElfC", b"xE"] {
            assert!(may_start_in(bytes), "{bytes:?}");
        }
        // The first byte is where the chunk itself starts.
        for bytes in [&b""[..], b"E", b"ElfChnk\0", b"xElfChnx"] {
            assert!(!may_start_in(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn a_chunk_ends_where_the_next_one_starts_and_a_magic_alone_starts_none() {
        let (a, b) = (empty(1), empty(2));
        let log = log(&[&[9; 100], &a[..2000], &b[..CHUNK_SIZE - 2100], &empty(3)]);
        let lengths: Vec<usize> = found(&log, 0).iter().map(|found| found.2).collect();
        assert_eq!(lengths, [2000, CHUNK_SIZE - 2100]);
        assert_eq!(found(&[&[9; 5000][..], magic::CHUNK, &[9; 9000]].concat(), 0), []);
    }
}
