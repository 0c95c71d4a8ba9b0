//! Mending: magics and checksums made right again, so that damage behind them is reached. Shared with the fuzz targets.

use netsift::inside::magic::{CHUNK_HEADER_SIZE, CHUNK_SIZE, FILE_HEADER_SIZE};

/// Mends a whole log, or what is left of one.
pub fn log(log: &mut [u8]) {
    let (header, chunks) = log.split_at_mut(FILE_HEADER_SIZE.min(log.len()));
    if header.len() == FILE_HEADER_SIZE {
        put(header, 0, b"ElfFile\0");
        let checksum = crc32fast::hash(&header[..120]);
        put(header, 124, &checksum.to_le_bytes());
    }
    chunks.chunks_mut(CHUNK_SIZE).for_each(chunk);
}

/// What a fuzzer's input says: how to look at it, and the chunk. Its first byte also says whether that is mended, and what it is
/// short of a chunk is zeros.
pub fn input(input: &[u8]) -> Option<(u8, Vec<u8>)> {
    let (&how, bytes) = input.split_first()?;
    let mut bytes = bytes.to_vec();
    bytes.resize(CHUNK_SIZE, 0);
    if how & 1 != 0 {
        chunk(&mut bytes);
    }
    Some((how, bytes))
}

/// Mends a chunk, or what is left of one.
pub fn chunk(chunk: &mut [u8]) {
    if chunk.len() < CHUNK_HEADER_SIZE {
        return;
    }
    put(chunk, 0, b"ElfChnk\0");
    let end = u32::from_le_bytes([chunk[48], chunk[49], chunk[50], chunk[51]]) as usize;
    if let Some(records) = chunk.get(CHUNK_HEADER_SIZE..end) {
        let checksum = crc32fast::hash(records);
        put(chunk, 52, &checksum.to_le_bytes());
    }
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&chunk[..120]);
    checksum.update(&chunk[128..CHUNK_HEADER_SIZE]);
    put(chunk, 124, &checksum.finalize().to_le_bytes());
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}
