//! The types of BinXML values, MS-EVEN6 2.2.12.

pub(crate) const NULL: u8 = 0x00;
/// UTF-16.
pub(crate) const TEXT: u8 = 0x01;
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
pub(crate) const SID: u8 = 0x13;
pub(crate) const HEX32: u8 = 0x14;
pub(crate) const HEX64: u8 = 0x15;
/// BinXML of its own.
pub(crate) const FRAGMENT: u8 = 0x21;
