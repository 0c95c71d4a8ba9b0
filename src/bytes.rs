//! Little-endian numbers at an offset, or nothing where the bytes end; text as Windows has it in memory; and short pieces,
//! compared and copied without a call of the C library: that costs as much as the work, and in a static program more.

/// The `u16` at `offset`.
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

/// The `u32` at `offset`.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// The `u64` at `offset`.
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// A text in UTF-16, low bytes first.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Whether both are the same.
#[inline]
pub(crate) fn same(one: &[u8], two: &[u8]) -> bool {
    one.len() == two.len()
        && match one.len() {
            0 => true,
            1..4 => one.iter().zip(two).all(|(one, two)| one == two),
            4..8 => same_in::<4>(one, two),
            8..16 => same_in::<8>(one, two),
            _ => same_in::<16>(one, two),
        }
}

/// The same of two that are as long as each other, and have a block at least.
#[inline]
fn same_in<const BLOCK: usize>(one: &[u8], two: &[u8]) -> bool {
    let mut blocks = one.as_chunks::<BLOCK>().0.iter().zip(two.as_chunks::<BLOCK>().0);
    // The last block begins in the one before, if it is not one of them.
    blocks.all(|(one, two)| one == two) && one.last_chunk::<BLOCK>() == two.last_chunk::<BLOCK>()
}

/// Adds some to others, as `extend_from_slice` does.
#[inline]
pub(crate) fn push(all: &mut Vec<u8>, more: &[u8]) {
    match more.len() {
        0..4 => more.iter().for_each(|&byte| all.push(byte)),
        4..8 => push_ends::<4>(all, more),
        8..=16 => push_ends::<8>(all, more),
        17..=32 => push_ends::<16>(all, more),
        33..=64 => push_ends::<32>(all, more),
        65..=128 => push_ends::<64>(all, more),
        _ => all.extend_from_slice(more),
    }
}

/// The same of one to two blocks: of the first, as far as the last does not have it, and of the last.
#[inline]
fn push_ends<const BLOCK: usize>(all: &mut Vec<u8>, more: &[u8]) {
    if let (Some(first), Some(last)) = (more.first_chunk::<BLOCK>(), more.last_chunk::<BLOCK>()) {
        let behind = all.len() + more.len() - BLOCK;
        all.reserve(2 * BLOCK);
        all.extend_from_slice(first);
        all.truncate(behind);
        all.extend_from_slice(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_length_are_compared_and_copied_whole() {
        let all: Vec<u8> = (0..200).collect();
        for length in 0..=150 {
            let piece = &all[7..7 + length];
            assert!(same(piece, &Vec::from(piece)));
            assert!(!same(piece, &all[7..8 + length]) && !same(&all[7..8 + length], piece));
            for at in 0..length {
                let mut other = piece.to_vec();
                other[at] ^= 0x80;
                assert!(!same(piece, &other), "{at} of {length}");
            }
            let mut copied = b"before".to_vec();
            push(&mut copied, piece);
            push(&mut copied, b"behind");
            assert_eq!(copied, [b"before", piece, b"behind"].concat());
        }
    }
}
