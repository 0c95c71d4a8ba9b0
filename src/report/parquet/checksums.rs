//! The [`Checksums`] of a file of rows: they tell that a bit of it is not as it was written, which would be another report and nothing else.
//!
//! They are CRC32s, against damage and not against forgery. The pages of Parquet have a place for one each, which the library does not
//! write. A file of a version that did not write them has none.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
};

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};

/// Under what name they are in the file's metadata, as JSON.
pub(crate) const CHECKSUMS: &str = "netsift-checksums";

/// The checksums of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksums {
    /// How many bytes of the file the rows end behind.
    bytes: u64,
    /// The checksum of these.
    rows: u32,
    /// The checksum of the texts in the metadata, one behind the other.
    texts: u32,
}

/// An output, and the checksum of what was written to it.
pub(crate) struct Summed<W> {
    out: W,
    bytes: u64,
    sum: Hasher,
}

impl Checksums {
    /// Of a file to which all rows are written, and whose metadata will have these texts.
    pub(crate) fn new<'t, W>(written: &Summed<W>, texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self { bytes: written.bytes, rows: written.sum.clone().finalize(), texts: sum(texts) }
    }

    /// Whether these are the texts that were written.
    pub(crate) fn are_of_texts<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> bool {
        self.texts == sum(texts)
    }

    /// Whether a file has the rows that were written.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn are_of_rows(&self, mut file: &File) -> io::Result<bool> {
        let mut read = Summed::new(io::sink());
        file.rewind()?;
        io::copy(&mut file.take(self.bytes), &mut read)?;
        Ok((read.bytes, read.sum.finalize()) == (self.bytes, self.rows))
    }
}

impl<W> Summed<W> {
    /// Nothing is written yet.
    pub(crate) fn new(out: W) -> Self {
        Self { out, bytes: 0, sum: Hasher::new() }
    }

    /// The output.
    pub(crate) fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum.update(bytes.get(..written).unwrap_or(bytes));
        self.bytes = self.bytes.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn sum<'t>(texts: impl IntoIterator<Item = &'t str>) -> u32 {
    let mut sum = Hasher::new();
    texts.into_iter().for_each(|text| sum.update(text.as_bytes()));
    sum.finalize()
}
