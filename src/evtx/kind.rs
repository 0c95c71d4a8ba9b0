//! The types of BinXML values, MS-EVEN6 2.2.12.

pub(crate) const NULL: u8 = 0x00;
/// UTF-16.
pub(crate) const TEXT: u8 = 0x01;
/// 8-bit text.
pub(crate) const ANSI: u8 = 0x02;
pub(crate) const INT8: u8 = 0x03;
pub(crate) const UINT8: u8 = 0x04;
pub(crate) const INT16: u8 = 0x05;
pub(crate) const UINT16: u8 = 0x06;
pub(crate) const INT32: u8 = 0x07;
pub(crate) const UINT32: u8 = 0x08;
pub(crate) const INT64: u8 = 0x09;
pub(crate) const UINT64: u8 = 0x0a;
pub(crate) const BOOL: u8 = 0x0d;
pub(crate) const GUID: u8 = 0x0f;
/// A size or an address, of 32 or 64 bits.
pub(crate) const SIZE: u8 = 0x10;
pub(crate) const FILETIME: u8 = 0x11;
pub(crate) const SYSTEMTIME: u8 = 0x12;
pub(crate) const SID: u8 = 0x13;
pub(crate) const HEX32: u8 = 0x14;
pub(crate) const HEX64: u8 = 0x15;
/// BinXML of its own.
pub(crate) const FRAGMENT: u8 = 0x21;
/// The bit of a type that makes it that of an array, whose items stand one behind the other.
pub(crate) const ARRAY: u8 = 0x80;

/// How many bytes a value of a type has, by type from 0x00 on: of integers, [`BOOL`], [`GUID`], [`FILETIME`] and the two hexadecimal ones. 0
/// where values differ, and of types that Sysmon does not use (MS-EVEN6 2.2.12).
pub(crate) const SIZES: [u8; 0x16] = [0, 0, 0, 1, 1, 2, 2, 4, 4, 8, 8, 0, 0, 4, 0, 16, 0, 8, 0, 0, 4, 8];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evtx::instance::fits;

    #[test]
    fn a_value_fits_if_it_has_the_size_of_its_type() {
        for kind in [INT8, UINT8, INT16, UINT16, INT32, UINT32, INT64, UINT64, BOOL, GUID, FILETIME, HEX32, HEX64] {
            let expected = usize::from(SIZES[usize::from(kind)]);
            assert!((0..64).all(|size| fits(kind, &vec![0; size]) == (size == expected)), "{kind:#x}");
        }
        assert_eq!(SIZES.iter().filter(|&&size| size > 0).count(), 13);
    }
}
