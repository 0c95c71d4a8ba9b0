//! The [`Encoding`] of a text, by how it starts.

use std::borrow::Cow;

/// The byte order mark in UTF-8, which can stand between files that were put together.
pub const MARK: &[u8] = "\u{feff}".as_bytes();

/// As many bytes, behind those that are 0, show how a text without a byte order mark is encoded.
const SAMPLE: usize = 64;

/// How a text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, low bytes first.
    Utf16Le,
    /// UTF-16, high bytes first.
    Utf16Be,
}

impl Encoding {
    /// By the byte order mark, whose size in bytes comes with it. Without one it is UTF-16 if every other byte is 0, or nearly so.
    #[must_use]
    pub fn of_head(head: &[u8]) -> (Self, usize) {
        match head {
            [0xFF, 0xFE, ..] => (Self::Utf16Le, 2),
            [0xFE, 0xFF, ..] => (Self::Utf16Be, 2),
            [0xEF, 0xBB, 0xBF, ..] => (Self::Utf8, 3),
            _ => (Self::of_zeros(head).unwrap_or(Self::Utf8), 0),
        }
    }

    fn of_zeros(head: &[u8]) -> Option<Self> {
        let start = head.iter().position(|byte| *byte != 0)? & !1;
        let sample = head.get(start..)?;
        let (pairs, _) = sample.get(..sample.len().min(SAMPLE))?.as_chunks::<2>();
        let zeros = |place: fn(&[u8; 2]) -> u8| pairs.iter().filter(|pair| place(pair) == 0).count();
        match (zeros(|[first, _]| *first), zeros(|[_, second]| *second), pairs.len()) {
            (0, high, all) if high > 3 && high * 4 >= all * 3 => Some(Self::Utf16Le),
            (high, 0, all) if high > 3 && high * 4 >= all * 3 => Some(Self::Utf16Be),
            _ => None,
        }
    }

    /// What of a text is ASCII, one byte each, without a byte order mark and without bytes that are 0 before it.
    #[must_use]
    pub fn ascii(head: &[u8]) -> Cow<'_, [u8]> {
        let (encoding, mark) = Self::of_head(head);
        let text = head.get(mark..).unwrap_or_default();
        let bare = |text: &[u8]| text.iter().take_while(|byte| **byte == 0).count();
        let (low, high) = match encoding {
            Self::Utf8 => return Cow::Borrowed(text.get(bare(text)..).unwrap_or_default()),
            Self::Utf16Le => (0, 1),
            Self::Utf16Be => (1, 0),
        };
        let (pairs, _) = text.get(bare(text) & !1..).unwrap_or_default().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| match (pair.get(low), pair.get(high)) {
            (Some(low), Some(0)) => *low,
            _ => 0xFF,
        };
        Cow::Owned(pairs.iter().map(byte).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_is_known_by_its_mark_or_by_every_other_byte() {
        let text = "ä <Event> 日本";
        let bytes = |to: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to).collect::<Vec<u8>>();
        let (low, high) = (bytes(u16::to_le_bytes), bytes(u16::to_be_bytes));
        for (bytes, expected) in [
            (low.clone(), (Encoding::Utf16Le, 0)),
            (high.clone(), (Encoding::Utf16Be, 0)),
            ([&[0; 10], low.as_slice()].concat(), (Encoding::Utf16Le, 0)),
            ([&[0; 10], high.as_slice()].concat(), (Encoding::Utf16Be, 0)),
            ([&[0xFF, 0xFE], low.as_slice()].concat(), (Encoding::Utf16Le, 2)),
            (text.as_bytes().to_vec(), (Encoding::Utf8, 0)),
            (b"<\0".to_vec(), (Encoding::Utf8, 0)),
            (vec![0; 100], (Encoding::Utf8, 0)),
        ] {
            assert_eq!(Encoding::of_head(&bytes), expected, "{bytes:?}");
        }
        assert!(Encoding::ascii(&low).ends_with(b" <Event> \xFF\xFF"));
        assert!(Encoding::ascii(&[&[0; 10], high.as_slice()].concat()).ends_with(b" <Event> \xFF\xFF"));
        assert_eq!(&*Encoding::ascii(b"\0\0\0{}"), b"{}");
    }
}
