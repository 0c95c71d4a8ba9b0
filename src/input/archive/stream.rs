//! Streams with bounds: what an archive states is held against what comes out of it. Formats are not known here.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use super::contained;
use crate::input;

/// How many bytes a stream may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// As many as the archive states.
    Stated(u64),
    /// Not more than `--max-member-size` allows.
    AtMost(u64),
}

/// A stream that fails where it breaks its bound, or where its reader panics. What came before is handed out.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    inner: R,
    bound: Bound,
    left: u64,
}

impl<R: Read> Bounded<R> {
    pub(super) fn new(inner: R, bound: Bound) -> Self {
        let (Bound::Stated(left) | Bound::AtMost(left)) = bound;
        Self { inner, bound, left }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // At the end one more byte is asked for, which also makes the reader verify its checksum.
        let mut probe = [0];
        let left = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let part = if left == 0 { &mut probe[..] } else { buffer.get_mut(..left).unwrap_or_default() };
        let size = contained(|| self.inner.read(part)).map_err(io::Error::other)??;
        match self.bound {
            Bound::Stated(stated) if size == 0 && left > 0 => {
                Err(io::Error::other(format!("it ends {} bytes before the {stated} that are stated", self.left)))
            }
            Bound::Stated(stated) if size > 0 && left == 0 => {
                Err(io::Error::other(format!("there is more of it than the {stated} bytes that are stated")))
            }
            Bound::AtMost(limit) if size > 0 && left == 0 => Err(io::Error::other(format!(
                "there is more of it than the {limit} bytes that --max-member-size allows"
            ))),
            _ => {
                self.left = self.left.saturating_sub(size as u64);
                Ok(size)
            }
        }
    }
}

/// How far a [`Fenced`] stream is, and how far it may go.
#[derive(Debug, Default)]
pub(super) struct Fence {
    at: Cell<u64>,
    end: Cell<u64>,
}

impl Fence {
    /// The bytes that were read so far.
    pub(super) fn at(&self) -> u64 {
        self.at.get()
    }

    /// Moves the fence to `end` bytes from the start of the stream.
    pub(super) fn put(&self, end: u64) {
        self.end.set(end);
    }
}

/// A stream that fails at a fence, which can be moved while the stream is in other hands.
#[derive(Debug)]
pub(super) struct Fenced<'a, R> {
    pub(super) inner: R,
    pub(super) fence: &'a Fence,
}

impl<R: Read> Read for Fenced<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.fence.end.get().saturating_sub(self.fence.at.get());
        if left == 0 {
            return Err(io::Error::other("it unpacks to more than is allowed"));
        }
        let left = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let size = self.inner.read(buffer.get_mut(..left).unwrap_or_default())?;
        self.fence.at.set(self.fence.at.get() + size as u64);
        Ok(size)
    }
}

/// A range of a file, as a file. It does not move the file's own position, so many can be open at once.
#[derive(Debug)]
pub(super) struct Window<'a> {
    file: &'a File,
    start: u64,
    size: u64,
    at: u64,
}

impl<'a> Window<'a> {
    pub(super) fn new(file: &'a File, start: u64, size: u64) -> Self {
        Self { file, start, size, at: 0 }
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buffer.len());
        let part = buffer.get_mut(..left).unwrap_or_default();
        let size = input::read_at(self.file, part, self.start.saturating_add(self.at))?;
        self.at += size as u64;
        Ok(size)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::other("seek to before the start"))?;
        Ok(self.at)
    }
}
