//! [`Compact`]: structs in Thrift's compact protocol, which Parquet's headers are in, as far as it takes to find something in
//! them.
//!
//! The protocol is described at <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>. Nothing
//! is allocated, whatever the bytes say. The crate `thrift` makes structs of what it reads, so it would allocate before the
//! bounds of [`pages`](crate::fleet::pages) could be held against it; parquet's own reader of headers is private.

/// The bytes from where a struct starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compact<'a>(pub(super) &'a [u8]);

/// What a value is, as the protocol numbers it.
mod kind {
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I32: u8 = 5;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const SET: u8 = 10;
    pub(super) const STRUCT: u8 = 12;
}

/// Structs in lists in structs that are gone through: Parquet has no more than some six.
const DEPTH: u8 = 16;

impl<'a> Compact<'a> {
    /// The number that is the field of this id; `None` if there is none.
    pub(super) fn number(self, id: i16) -> Option<i64> {
        let (kind, mut value) = self.field(id)?;
        matches!(kind, kind::I16 | kind::I32 | kind::I64).then(|| value.signed()).flatten()
    }

    /// The bytes or the text that is the field of this id.
    pub(super) fn bytes(self, id: i16) -> Option<&'a [u8]> {
        let (kind, mut value) = self.field(id)?;
        if kind == kind::BINARY { value.binary() } else { None }
    }

    /// The struct that is the field of this id.
    pub(super) fn structure(self, id: i16) -> Option<Self> {
        self.field(id).filter(|&(kind, _)| kind == kind::STRUCT).map(|(_, value)| value)
    }

    /// The structs in the list that is the field of this id, as far as they can be read.
    pub(super) fn structures(self, id: i16) -> impl Iterator<Item = Self> {
        let list = self.field(id).filter(|&(kind, _)| kind == kind::LIST);
        let list = list.and_then(|(_, mut value)| value.list().map(|list| (list, value)));
        let (mut left, mut rest) = match list {
            Some(((size, kind::STRUCT), first)) => (size, first),
            _ => (0, Self(&[])),
        };
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let structure = rest;
            rest = Self(structure.behind()?);
            Some(structure)
        })
    }

    /// What is behind the struct.
    pub(super) fn behind(mut self) -> Option<&'a [u8]> {
        self.skip(kind::STRUCT, DEPTH)?;
        Some(self.0)
    }

    /// What the field of this id is, and where its value starts. Of two with the same id, the first.
    fn field(mut self, wanted: i16) -> Option<(u8, Self)> {
        let mut id = 0;
        while let Some(kind) = self.next_field(&mut id)? {
            if id == wanted {
                return Some((kind, self));
            }
            self.skip(kind, DEPTH)?;
        }
        None
    }

    /// The kind of the field that starts here, whose id is made of the last one's; none at the struct's end.
    #[expect(clippy::option_option, reason = "none at the end, and none where it cannot be read")]
    fn next_field(&mut self, id: &mut i16) -> Option<Option<u8>> {
        let (more, kind) = split(self.byte()?);
        if kind == 0 {
            return Some(None);
        }
        *id = match more {
            0 => i16::try_from(self.signed()?).ok()?,
            more => id.checked_add(more.into())?,
        };
        Some(Some(kind))
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            kind::TRUE | kind::FALSE => Some(()),
            kind::BYTE => self.take(1).map(drop),
            kind::I16 | kind::I32 | kind::I64 => self.varint().map(drop),
            kind::DOUBLE => self.take(8).map(drop),
            kind::BINARY => self.binary().map(drop),
            kind::LIST | kind::SET => {
                let (size, kind) = self.list()?;
                // In a list, a truth value is a byte.
                let kind = if matches!(kind, kind::TRUE | kind::FALSE) { kind::BYTE } else { kind };
                (0..size).try_for_each(|_| self.skip(kind, depth))
            }
            kind::STRUCT => {
                let mut id = 0;
                while let Some(kind) = self.next_field(&mut id)? {
                    self.skip(kind, depth)?;
                }
                Some(())
            }
            // Parquet has no maps.
            _ => None,
        }
    }

    /// How many values a list has, and what they are. None of them takes less than a byte.
    fn list(&mut self) -> Option<(usize, u8)> {
        let (size, kind) = split(self.byte()?);
        let size = if size == 15 { usize::try_from(self.varint()?).ok()? } else { size.into() };
        (size <= self.0.len()).then_some((size, kind))
    }

    fn binary(&mut self) -> Option<&'a [u8]> {
        let size = usize::try_from(self.varint()?).ok()?;
        self.take(size)
    }

    /// A number whose sign is its last bit.
    fn signed(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A number in as many bytes as it takes, seven bits in each, the lowest first.
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(taken)
    }
}

/// The upper and the lower half of a byte.
fn split(byte: u8) -> (u8, u8) {
    (byte >> 4, byte & 0xf)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A struct: 1, a number; 2, a list of two structs of a text; 20, a struct of a truth value and a double; then its end.
    const STRUCT: &[u8] = &[
        0x15, 0x83, 0x02, 0x19, 0x2c, 0x18, 1, b'a', 0, 0x18, 2, b'b', b'c', 0, 0x0c, 40, 0x11, 0x17, 0, 1, 2, 3, 4, 5,
        6, 7, 0, 0, 0xaa,
    ];

    #[test]
    fn fields_are_found_by_their_ids() {
        let found = Compact(STRUCT);
        assert_eq!(found.number(1), Some(-130));
        let texts: Vec<_> = found.structures(2).map(|text| text.bytes(1)).collect();
        assert_eq!(texts, [Some(&b"a"[..]), Some(b"bc")]);
        assert_eq!(found.structure(20).and_then(Compact::behind), Some(&[0, 0xaa][..]));
        assert_eq!(found.behind(), Some(&[0xaa][..]));
        assert_eq!((found.number(2), found.bytes(1), found.number(3)), (None, None, None));
    }

    #[test]
    fn what_is_cut_off_too_deep_or_claims_too_much_is_not_there() {
        for end in 0..STRUCT.len() - 2 {
            assert_eq!(Compact(&STRUCT[..end]).behind(), None, "{end}");
        }
        assert_eq!(Compact(&[0x1c; 1000]).behind(), None);
        assert_eq!(Compact(&[0x19; 1000]).behind(), None);
        for claim in [&[0x18, 0xff, 0xff, 0xff, 0xff, 0x0f, 0][..], &[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]] {
            assert_eq!(Compact(claim).behind(), None);
            assert_eq!(Compact(claim).structures(1).count(), 0);
        }
        assert_eq!(
            Compact(&[0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]).behind(),
            None
        );
    }
}
