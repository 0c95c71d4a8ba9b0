//! What tells a log from outside: the sizes of its parts and what they start with.
//!
//! From the EVTX format notes of the libevtx project ("Windows XML Event Log (EVTX)", sections 2 to 4).

/// The file header's block: 128 bytes that are used, padded to 4096.
pub const FILE_HEADER_SIZE: usize = 4096;
/// A chunk's size. Chunks follow the file header without gaps.
pub const CHUNK_SIZE: usize = 65536;
/// The chunk header: 128 bytes, a table of names and a table of templates. Records start behind it.
pub const CHUNK_HEADER_SIZE: usize = 512;
/// What a file starts with.
pub const FILE: &[u8] = b"ElfFile\0";
/// What a chunk starts with.
pub const CHUNK: &[u8] = b"ElfChnk\0";
/// What a record starts with.
pub const RECORD: [u8; 4] = [0x2a, 0x2a, 0, 0];
