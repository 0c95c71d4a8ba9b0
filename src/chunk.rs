//! The outer structure of a log: one file header, then chunks of 64 KiB.
//!
//! Sizes and magics follow the EVTX format notes of the libevtx project ("Windows XML Event Log (EVTX)", sections
//! 2 and 3). Records and what is in them are not this file's concern.

/// The file header's block: 128 bytes that are used, padded to 4096.
pub const FILE_HEADER_SIZE: usize = 4096;
/// A chunk's size. Chunks follow the file header without gaps.
pub const CHUNK_SIZE: usize = 65536;
/// The chunk header: 128 bytes and two tables; records start behind it.
pub const CHUNK_HEADER_SIZE: usize = 512;

const FILE_MAGIC: &[u8] = b"ElfFile\0";
const CHUNK_MAGIC: &[u8] = b"ElfChnk\0";

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
    if chunk.starts_with(CHUNK_MAGIC) {
        ChunkState::Used
    } else if chunk.iter().all(|&byte| byte == 0) {
        ChunkState::Unused
    } else {
        ChunkState::Damaged
    }
}

/// What is wrong with a file header, if anything is: `head` is the file's first [`FILE_HEADER_SIZE`] bytes, or all
/// of a shorter file.
#[must_use]
pub fn file_header_fault(head: &[u8]) -> Option<String> {
    if head.is_empty() {
        Some("empty file".to_owned())
    } else if !head.starts_with(FILE_MAGIC) {
        Some("not an event log: it does not start with ElfFile".to_owned())
    } else if head.len() < FILE_HEADER_SIZE {
        Some(format!("cut off in the file header: {} of {FILE_HEADER_SIZE} bytes", head.len()))
    } else {
        None
    }
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
}
