//! [`Frames`]: what comes out of a Zstandard file, frame after frame, with the checksum of each verified (RFC 8878, 3.1).
//! Zeros behind a frame are padding.

use std::io::{self, BufRead, BufReader, Read};

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use crate::evidence::archive::{limits::MEMORY, stream::skip_zeros};

/// The frames of a file, one after another.
pub(super) struct Frames<R> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    is_inside: bool,
    /// Whether a frame was read, behind which there can be padding.
    has_frame: bool,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(inner: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MEMORY.into());
        Self { source: BufReader::new(inner), decoder, is_inside: false, has_frame: false }
    }

    /// Starts the next frame with content. Returns whether there is one.
    fn start(&mut self) -> io::Result<bool> {
        while self.is_more()? {
            self.has_frame = true;
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut (&mut self.source).take(length.into()), &mut io::sink())?;
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_))) => {
                    return Err(io::Error::other("invalid Zstandard header"));
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    fn is_more(&mut self) -> io::Result<bool> {
        if self.has_frame {
            skip_zeros(&mut self.source)
        } else {
            self.source.fill_buf().map(|bytes| !bytes.is_empty())
        }
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
