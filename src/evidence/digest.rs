//! [`Digests`]: the hashes by which investigators' case systems know a file.
//!
//! The hashes are those of the `RustCrypto` project. What is here is which of them there are, and that they are made at the same time.

use std::io::{self, Read, Write};

use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{
    evidence::aligned::Aligned,
    join::{self, Join},
};

/// SHA-256, and if they were asked for SHA-1 and MD5, in lower case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digests {
    /// SHA-256.
    pub sha256: String,
    /// SHA-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
    /// MD5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
}

impl Digests {
    /// Whether these are of the same bytes as others, of which there may be more.
    #[must_use]
    pub fn are_among(&self, others: &Self) -> bool {
        let is_same = |own: &Option<String>, other: &Option<String>| own.is_none() || own == other;
        self.sha256 == others.sha256 && is_same(&self.sha1, &others.sha1) && is_same(&self.md5, &others.md5)
    }
}

/// Which hashes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashes {
    /// All of them, by which any case system knows a file.
    All,
    /// SHA-256, which alone tells files apart.
    Sha256,
}

/// Hashes bytes as they come.
#[derive(Debug, Clone)]
pub struct Hasher {
    sha256: Sha256,
    others: Option<(Sha1, Md5)>,
    join: Join,
}

impl Hasher {
    /// Of no bytes yet. The work is shared by `join`.
    #[must_use]
    pub fn new(hashes: Hashes, join: Join) -> Self {
        let others = (hashes == Hashes::All).then(Default::default);
        Self { sha256: Sha256::default(), others, join }
    }

    /// Adds bytes. MD5 takes as long as the others together, so it is one piece of work.
    pub fn update(&mut self, bytes: &[u8]) {
        let Self { sha256, others, join } = self;
        match others {
            None => sha256.update(bytes),
            Some((sha1, md5)) => join(&mut || md5.update(bytes), &mut || {
                sha256.update(bytes);
                sha1.update(bytes);
            }),
        }
    }

    /// The hashes of all bytes added.
    #[must_use]
    pub fn finish(self) -> Digests {
        let (sha1, md5) = self.others.map(|(sha1, md5)| (hex(&sha1.finalize()), hex(&md5.finalize()))).unzip();
        Digests { sha256: hex(&self.sha256.finalize()), sha1, md5 }
    }
}

/// The hashes of all that a reader gives, and how many bytes that is.
///
/// # Errors
///
/// What it returns.
pub fn read(mut reader: impl Read) -> io::Result<(Digests, u64)> {
    let (mut hasher, mut size, mut buffer) = (Hasher::new(Hashes::All, join::one_by_one), 0, Aligned::new(64 * 1024));
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finish(), size)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        hasher.update(buffer.get(..count).unwrap_or_default());
        size += count as u64;
    }
}

/// Hashes with SHA-256 what is written through it.
#[derive(Debug)]
pub struct HashingWriter<W> {
    inner: W,
    sha256: Sha256,
}

impl<W: Write> HashingWriter<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, sha256: Sha256::default() }
    }

    /// The SHA-256 of what was written, in lower case hexadecimal.
    pub fn finish(self) -> String {
        hex(&self.sha256.finalize())
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let size = self.inner.write(bytes)?;
        self.sha256.update(bytes.get(..size).unwrap_or_default());
        Ok(size)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The SHA-256 of some bytes, in lower case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes from hexadecimal.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().as_chunks().0.iter();
    pairs.map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// Bytes in lower case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
