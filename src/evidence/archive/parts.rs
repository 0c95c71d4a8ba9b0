//! [`Parts`]: what comes out of a gzip or bzip2 file, part after part. Zeros behind a part are padding.

use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;

use crate::evidence::archive::stream::skip_zeros;

/// A reader of one part, which leaves what is behind it.
pub(super) trait Part: Read {
    /// Where the part is read from.
    type Source: BufRead;

    fn new(source: Self::Source) -> Self;
    fn into_source(self) -> Self::Source;
}

impl<R: BufRead> Part for GzDecoder<R> {
    type Source = R;

    fn new(source: R) -> Self {
        Self::new(source)
    }

    fn into_source(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Part for BzDecoder<R> {
    type Source = R;

    fn new(source: R) -> Self {
        Self::new(source)
    }

    fn into_source(self) -> R {
        self.into_inner()
    }
}

/// The parts of a file, one after another.
pub(super) struct Parts<P> {
    /// The one that is read; none behind the last.
    part: Option<P>,
}

/// The parts of a gzip file.
pub(super) fn gzip<R: Read>(stream: R) -> Parts<GzDecoder<BufReader<R>>> {
    Parts { part: Some(Part::new(BufReader::new(stream))) }
}

/// The parts of a bzip2 file.
pub(super) fn bzip2<R: Read>(stream: R) -> Parts<BzDecoder<BufReader<R>>> {
    Parts { part: Some(Part::new(BufReader::new(stream))) }
}

impl<P: Part> Read for Parts<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(part) = &mut self.part {
            let size = part.read(buffer)?;
            if size > 0 || buffer.is_empty() {
                return Ok(size);
            }
            if let Some(mut source) = self.part.take().map(Part::into_source)
                && skip_zeros(&mut source)?
            {
                self.part = Some(Part::new(source));
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed() -> (Vec<u8>, Vec<u8>) {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"part").unwrap();
        let mut bzip2 = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
        bzip2.write_all(b"part").unwrap();
        (gzip.finish().unwrap(), bzip2.finish().unwrap())
    }

    #[test]
    fn all_parts_are_read_and_zeros_behind_each_are_padding() {
        let (one, other) = packed();
        for zeros in [0, 1, 512, 20_000] {
            let of = |packed: &[u8]| [packed, &vec![0; zeros]].concat().repeat(2);
            let (mut by_gzip, mut by_bzip2) = (String::new(), String::new());
            gzip(of(&one).as_slice()).read_to_string(&mut by_gzip).unwrap();
            bzip2(of(&other).as_slice()).read_to_string(&mut by_bzip2).unwrap();
            assert_eq!((&*by_gzip, &*by_bzip2), ("partpart", "partpart"), "{zeros}");
        }
    }

    #[test]
    fn what_is_neither_a_part_nor_zeros_is_an_error() {
        let (one, other) = packed();
        for behind in ["x", "\0\0x", "something else"] {
            let of = |packed: &[u8]| [packed, behind.as_bytes()].concat();
            let (mut by_gzip, mut by_bzip2) = (Vec::new(), Vec::new());
            assert!(gzip(of(&one).as_slice()).read_to_end(&mut by_gzip).is_err(), "{behind}");
            assert!(bzip2(of(&other).as_slice()).read_to_end(&mut by_bzip2).is_err(), "{behind}");
            assert_eq!((&*by_gzip, &*by_bzip2), (b"part".as_slice(), b"part".as_slice()));
        }
    }
}
