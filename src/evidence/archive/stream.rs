//! Streams with bounds: what an archive states is held against what comes out of it. Formats are not known here.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufRead, Read, Seek, SeekFrom},
    ops::Range,
    panic::{self, AssertUnwindSafe},
    rc::Rc,
};

use crate::evidence::{archive::limits::Limit, read};

/// How many bytes a stream may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// As many as the archive states.
    Stated(u64),
    /// Not more than this.
    AtMost(Limit),
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
        let left = match bound {
            Bound::Stated(stated) => stated,
            Bound::AtMost(limit) => limit.bytes(),
        };
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
                Err(io::Error::other(format!("it ends {} bytes short of the {stated} that are stated", self.left)))
            }
            Bound::Stated(stated) if size > 0 && left == 0 => {
                Err(io::Error::other(format!("there is more of it than the {stated} bytes that are stated")))
            }
            Bound::AtMost(limit) if size > 0 && left == 0 => Err(io::Error::other(limit.exceeded())),
            _ => {
                self.left = self.left.saturating_sub(size as u64);
                Ok(size)
            }
        }
    }
}

/// How many bytes may come out of a file, over all that is in it.
#[derive(Debug)]
pub(super) struct Budget {
    total: u64,
    left: Cell<u64>,
}

impl Budget {
    pub(super) fn new(total: u64) -> Rc<Self> {
        Rc::new(Self { total, left: Cell::new(total) })
    }

    pub(super) fn left(&self) -> u64 {
        self.left.get()
    }

    /// Counts bytes that came out.
    fn charge(&self, size: u64) -> io::Result<()> {
        let left = self.left.get().checked_sub(size);
        self.left.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| io::Error::other(bomb(self.total)))
    }
}

/// What is wrong with a file out of which more than `total` bytes would come.
pub(super) fn bomb(total: u64) -> String {
    format!("a bomb: more than {total} bytes would come out of it")
}

/// What comes out of a decompressor, counted.
#[derive(Debug)]
pub(super) struct Metered<R> {
    inner: R,
    budget: Rc<Budget>,
}

impl<R: Read> Metered<R> {
    pub(super) fn new(inner: R, budget: &Rc<Budget>) -> Self {
        Self { inner, budget: Rc::clone(budget) }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // At the end one more byte is asked for, to see whether there is one.
        let mut probe = [0];
        let left = usize::try_from(self.budget.left()).unwrap_or(usize::MAX).min(buffer.len());
        let part = if left == 0 { &mut probe[..] } else { buffer.get_mut(..left).unwrap_or_default() };
        let size = self.inner.read(part)?;
        self.budget.charge(size as u64)?;
        Ok(size)
    }
}

/// A member of a [`Fenced`] stream. What is in no part of that stream, the holes of a sparse file, is counted too.
#[derive(Debug)]
pub(super) struct Holed<'a, R> {
    pub(super) inner: R,
    pub(super) fence: &'a Fence,
    pub(super) budget: Rc<Budget>,
}

impl<R: Read> Read for Holed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let before = self.fence.at();
        let size = self.inner.read(buffer)?;
        self.budget.charge((size as u64).saturating_sub(self.fence.at() - before))?;
        Ok(size)
    }
}

/// A stream whose bytes are also told to someone else as they are read.
pub(super) struct Told<'a, R> {
    pub(super) inner: R,
    pub(super) told: &'a mut dyn FnMut(&[u8]),
}

impl<R: Read> Read for Told<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.inner.read(buffer)?;
        (self.told)(buffer.get(..size).unwrap_or_default());
        Ok(size)
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
        let size = read::read_at(self.file, part, self.start.saturating_add(self.at))?;
        self.at += size as u64;
        Ok(size)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = sought(to, self.at, self.size)?;
        Ok(self.at)
    }
}

/// A range of what another reader reads, as a reader of its own.
#[derive(Debug)]
pub(super) struct Section<'a, R> {
    inner: &'a mut R,
    range: Range<u64>,
    at: u64,
}

impl<'a, R> Section<'a, R> {
    pub(super) fn new(inner: &'a mut R, range: Range<u64>) -> Self {
        Self { inner, range, at: 0 }
    }
}

impl<R: Read + Seek> Read for Section<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = self.range.start.saturating_add(self.at);
        let left = usize::try_from(self.range.end.saturating_sub(start)).unwrap_or(usize::MAX).min(buffer.len());
        self.inner.seek(SeekFrom::Start(start))?;
        let size = self.inner.read(buffer.get_mut(..left).unwrap_or_default())?;
        self.at += size as u64;
        Ok(size)
    }
}

impl<R> Seek for Section<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = sought(to, self.at, self.range.end.saturating_sub(self.range.start))?;
        Ok(self.at)
    }
}

/// Where to read on in a range of `size` bytes.
fn sought(to: SeekFrom, at: u64, size: u64) -> io::Result<u64> {
    let at = match to {
        SeekFrom::Start(at) => Some(at),
        SeekFrom::End(by) => size.checked_add_signed(by),
        SeekFrom::Current(by) => at.checked_add_signed(by),
    };
    at.ok_or_else(|| io::Error::other("seek to before the start"))
}

/// Skips zeros. Returns whether anything is behind them.
pub(super) fn skip_zeros(stream: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = match stream.fill_buf() {
            Ok([]) => return Ok(false),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let (zeros, all) = (bytes.iter().take_while(|&&byte| byte == 0).count(), bytes.len());
        stream.consume(zeros);
        if zeros < all {
            return Ok(true);
        }
    }
}

/// Does what may panic over a hostile archive.
pub(super) fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What is left behind by a panic is findings that are whole, and readers that are not used again.
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| "the reader of archives failed on it".to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

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
    fn zeros_are_skipped_across_buffers_and_interruptions() {
        for (bytes, rest) in [("", ""), ("\0\0\0\0\0", ""), ("x", "x"), ("\0\0\0\0\0x\0", "x\0")] {
            let mut stream = BufReader::with_capacity(2, Interrupted(bytes.as_bytes(), false));
            assert_eq!(skip_zeros(&mut stream).unwrap(), !rest.is_empty());
            let mut left = String::new();
            stream.read_to_string(&mut left).unwrap();
            assert_eq!(left, rest);
        }
    }
}
