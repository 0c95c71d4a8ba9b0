//! A local header of a zip file, which stands before each member (APPNOTE.TXT 4.3.7).

use crate::bytes::u16_at;

const HEADER: &[u8] = b"PK\x03\x04";

/// The size of a local header without its name and its extra field.
pub(super) const HEADER_SIZE: usize = 30;

/// Whether a file with these first bytes starts with a member.
pub(super) fn starts_one(head: &[u8]) -> bool {
    head.starts_with(HEADER)
}

/// Whether these bytes can be a local header. The magic alone is also met by chance in what is packed.
pub(super) fn is_plausible(bytes: &[u8; HEADER_SIZE]) -> bool {
    let at = |offset| u16_at(bytes, offset).unwrap_or(0);
    // The newest version there is is 6.3, and every member has a name.
    bytes.starts_with(HEADER) && at(4) & 0xff <= 63 && at(8) < 100 && at(26) > 0
}
