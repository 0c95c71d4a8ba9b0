//! A [`Text`]: a window on a stream of text, as UTF-8, which knows the line and the offset at which it starts.

use std::io::{self, Read};

use crate::evidence::encoding::Encoding;

/// As much is read at once, in bytes.
const STEP: usize = 1 << 16;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: u64,
    /// The offset in the stream, in bytes of its own encoding.
    pub offset: u64,
}

/// A stream of text, seen through a window that its reader fills and moves.
pub(super) struct Text<'a> {
    stream: &'a mut dyn Read,
    encoding: Encoding,
    /// Bytes that are not decoded yet: half of a code unit or of a pair of them.
    undecoded: Vec<u8>,
    window: Vec<u8>,
    /// Where the window starts, in the bytes that are held.
    start: usize,
    place: Place,
    /// How many bytes of the text were passed, as UTF-8.
    passed: u64,
    ended: bool,
    /// What ended the stream, if that was an error.
    failed: Option<io::Error>,
}

impl<'a> Text<'a> {
    pub(super) fn new(stream: &'a mut dyn Read) -> Self {
        let place = Place { line: 1, offset: 0 };
        let (undecoded, window) = (Vec::new(), Vec::new());
        let encoding = Encoding::Utf8;
        let mut text =
            Self { stream, encoding, undecoded, window, start: 0, place, passed: 0, ended: false, failed: None };
        text.read();
        let (encoding, mark) = Encoding::of_head(&text.undecoded);
        text.undecoded.drain(..mark);
        text.encoding = encoding;
        text.place.offset = mark as u64;
        text.decode();
        text
    }

    /// What was read and not passed.
    pub(super) fn window(&self) -> &[u8] {
        self.window.get(self.start..).unwrap_or_default()
    }

    /// Where the window starts.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// How many bytes of the text, as UTF-8, are before the window.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// Reads more into the window. Returns whether there may be more to read.
    pub(super) fn fill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        self.read();
        self.decode();
        true
    }

    /// Fills the window until it has so many bytes, or all that there are.
    pub(super) fn have(&mut self, size: usize) {
        while self.window().len() < size && self.fill() {}
    }

    /// Moves the start of the window.
    pub(super) fn pass(&mut self, size: usize) {
        let size = size.min(self.window().len());
        let passed = self.window.get(self.start..self.start + size).unwrap_or_default();
        self.place.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.place.offset += match self.encoding {
            Encoding::Utf8 => size as u64,
            Encoding::Utf16Le | Encoding::Utf16Be => passed.iter().map(|&byte| 2 * code_units(byte)).sum(),
        };
        self.start += size;
        self.passed += size as u64;
    }

    /// What ended the stream, if that was an error.
    pub(super) fn failure(self) -> io::Result<()> {
        self.failed.map_or(Ok(()), Err)
    }

    fn read(&mut self) {
        let read = (&mut *self.stream).take(STEP as u64).read_to_end(&mut self.undecoded);
        self.failed = read.as_ref().err().map(|error| io::Error::new(error.kind(), error.to_string()));
        self.ended = read.is_err() || read.is_ok_and(|size| size < STEP);
    }

    fn decode(&mut self) {
        self.window.drain(..self.start);
        self.start = 0;
        let of_two = match self.encoding {
            Encoding::Utf8 => return self.window.append(&mut self.undecoded),
            Encoding::Utf16Le => u16::from_le_bytes,
            Encoding::Utf16Be => u16::from_be_bytes,
        };
        let (pairs, _) = self.undecoded.as_chunks::<2>();
        let mut units: Vec<u16> = pairs.iter().copied().map(of_two).collect();
        if !self.ended && units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit)) {
            units.pop();
        }
        self.undecoded.drain(..units.len() * 2);
        let decoded = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
        self.window.extend_from_slice(decoded.collect::<String>().as_bytes());
    }
}

/// How many units of UTF-16 a character has whose UTF-8 has this byte: all are counted at its first.
fn code_units(byte: u8) -> u64 {
    match byte {
        0x80..0xC0 => 0,
        0xF0.. => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_one_of_the_stream_whatever_its_encoding() {
        let text = "ä\n𝄞€\nx";
        let utf16 = || text.encode_utf16();
        let le: Vec<u8> = [0xFF, 0xFE].into_iter().chain(utf16().flat_map(u16::to_le_bytes)).collect();
        let be: Vec<u8> = [0xFE, 0xFF].into_iter().chain(utf16().flat_map(u16::to_be_bytes)).collect();
        for (bytes, offset) in [(text.as_bytes().to_vec(), 11), (le.clone(), 14), (be, 14)] {
            let mut stream = bytes.as_slice();
            let mut window = Text::new(&mut stream);
            assert_eq!(window.window(), text.as_bytes());
            window.pass(text.len() - 1);
            assert_eq!((window.window(), window.place()), (b"x".as_slice(), Place { line: 3, offset }));
        }
        // A pair that two reads divide.
        let long = "a".repeat(STEP / 2 - 2) + "𝄞";
        let bytes: Vec<u8> = [0xFF, 0xFE].into_iter().chain(long.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let mut stream = bytes.as_slice();
        let mut window = Text::new(&mut stream);
        window.have(usize::MAX);
        assert_eq!(window.window(), long.as_bytes());
    }
}
