//! Blocks: bytes in a temporary file, compressed and with a checksum. The file has no name, so that it is gone however the run ends.

use std::{
    fs::File,
    io::{self, Write},
};

use crate::{bytes::u32_at, evidence::read::read_at, text};

/// Size and CRC-32 of a compressed block, as little-endian numbers.
pub(super) type Head = [u8; 8];

/// A file that has no name. The error names the folder.
pub(super) fn temporary() -> io::Result<File> {
    let folder = tempfile::env::temp_dir();
    let told = |error: io::Error| {
        io::Error::new(error.kind(), format!("no temporary file can be made in {}: {error}", text::path(&folder)))
    };
    tempfile::tempfile_in(&folder).map_err(told)
}

/// Writes a block behind those before it. Things repeat most of their text, and compressing it takes less time than writing it. Returns how
/// many bytes it has written.
pub(super) fn write(file: &mut impl Write, bytes: &[u8]) -> io::Result<u64> {
    let compressed = snap::raw::Encoder::new().compress_vec(bytes)?;
    let size = u32::try_from(compressed.len()).map_err(io::Error::other)?;
    let mut block = Vec::with_capacity(size_of::<Head>() + compressed.len());
    block.extend(size.to_le_bytes());
    block.extend(crc32fast::hash(&compressed).to_le_bytes());
    block.extend(compressed);
    file.write_all(&block)?;
    Ok(block.len() as u64)
}

/// Reads the block that starts at `at`, of those that end at `end`. Returns where it ends, too.
pub(super) fn read(file: &File, at: u64, end: u64) -> io::Result<(Vec<u8>, u64)> {
    let mut head = Head::default();
    let behind = read_whole(file, &mut head, at)?;
    let (Some(size), Some(checksum)) = (u32_at(&head, 0), u32_at(&head, 4)) else { return Err(damaged()) };
    // No more than is there is allocated, whatever the file says.
    if u64::from(size) > end.saturating_sub(behind) {
        return Err(damaged());
    }
    let mut compressed = vec![0; size as usize];
    let behind = read_whole(file, &mut compressed, behind)?;
    if crc32fast::hash(&compressed) != checksum {
        return Err(damaged());
    }
    let bytes = snap::raw::Decoder::new().decompress_vec(&compressed).map_err(|_| damaged())?;
    Ok((bytes, behind))
}

/// Fills the buffer. Returns where what it has read ends.
fn read_whole(file: &File, buffer: &mut [u8], at: u64) -> io::Result<u64> {
    let size = read_at(file, buffer, at)?;
    if size < buffer.len() { Err(damaged()) } else { Ok(at.saturating_add(size as u64)) }
}

/// That a temporary file is not as it was written.
pub(super) fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a temporary file is not as it was written")
}
