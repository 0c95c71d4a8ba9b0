//! [`Frames`]: what comes out of a Zstandard file, frame after frame, with the checksum of each verified (RFC 8878, 3.1).

use std::io::{self, Read};

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use crate::evidence::archive::limits::MEMORY;

/// The frames of a file, one after another.
pub(super) struct Frames<R> {
    source: Peeked<R>,
    decoder: FrameDecoder,
    is_inside: bool,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(inner: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MEMORY.into());
        Self { source: Peeked { inner, peeked: None }, decoder, is_inside: false }
    }

    /// Starts the next frame with content. Returns whether there is one.
    fn start(&mut self) -> io::Result<bool> {
        while self.source.peek()? {
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut (&mut self.source).take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    fn check(&self) -> io::Result<()> {
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(stated), Some(computed)) if stated != computed => Err(io::Error::other("wrong checksum")),
            _ => Ok(()),
        }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_inside && !self.start()? {
                return Ok(0);
            }
            self.is_inside = true;
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let decoded = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1));
                decoded.map_err(io::Error::other)?;
            }
            let size = self.decoder.read(buffer)?;
            if size > 0 || buffer.is_empty() {
                return Ok(size);
            }
            self.check()?;
            self.is_inside = false;
        }
    }
}

/// A stream of which it can be asked whether there is more.
struct Peeked<R> {
    inner: R,
    peeked: Option<u8>,
}

impl<R: Read> Peeked<R> {
    fn peek(&mut self) -> io::Result<bool> {
        let mut byte = [0];
        while self.peeked.is_none() {
            match self.inner.read(&mut byte) {
                Ok(0) => break,
                Ok(_) => self.peeked = Some(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.peeked.is_some())
    }
}

impl<R: Read> Read for Peeked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (buffer.first_mut(), self.peeked) {
            (Some(first), Some(byte)) => {
                *first = byte;
                self.peeked = None;
                Ok(1)
            }
            _ => self.inner.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that is interrupted once before each read.
    struct Interrupted<'a>(&'a [u8], bool);

    impl Read for Interrupted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(buffer) }
        }
    }

    #[test]
    fn what_is_interrupted_is_read_again() {
        let mut peeked = Peeked { inner: Interrupted(b"x", false), peeked: None };
        assert!(peeked.peek().unwrap() && peeked.peek().unwrap());
        assert_eq!(peeked.read(&mut [0; 9]).unwrap(), 1);
        assert!(!peeked.peek().unwrap());
    }
}
