//! A local header of a zip file, which stands before each member (APPNOTE.TXT 4.3.7).

const HEADER: &[u8] = b"PK\x03\x04";

/// The size of a local header without its name and its extra field.
pub(super) const HEADER_SIZE: usize = 30;

/// Whether a file with these first bytes starts with a member.
pub(super) fn starts_one(head: &[u8]) -> bool {
    head.starts_with(HEADER)
}

/// Whether these bytes can be a local header. The magic alone is also met by chance in what is packed.
pub(super) fn is_plausible(bytes: &[u8; HEADER_SIZE]) -> bool {
    // The newest version there is is 6.3, and every member has a name.
    bytes.starts_with(HEADER) && u16_at(bytes, 4) & 0xff <= 63 && u16_at(bytes, 8) < 100 && u16_at(bytes, 26) > 0
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}
