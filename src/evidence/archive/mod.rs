//! Archives: logs that are packed in zip, 7z and tar files, or as gzip, bzip2, xz or Zstandard files, listed and unpacked as
//! streams, never to disk.
//!
//! An archive is hostile until it is read: what it states about its members is held against what comes out of them, and
//! what it must not do is a defect of that member. How the formats are laid out is the business of their crates, what a
//! log is that of [`crate::scan`].
//!
//! In comes a file; out go the logs in it as streams, and what is wrong with it. This room does not know what a log is, but for its
//! first bytes.
//!
//! - [`form`]: which format something is of, by its name and its first bytes. `foreign`: formats that are named and not opened.
//! - [`list`]: which logs are in a file. [`unpack`]: their bytes. [`limits`]: how much that may be.
//! - `member`: what comes out of an archive. `stream`: streams with bounds.
//! - [`zipped`] and `header`: zip files. [`remains`]: zip files without their directory. `unlisted`: what a directory does not list.
//! - `packed`: gzip, bzip2, xz, Zstandard and tar. `parts`: gzip and bzip2. `zstd`: Zstandard. `sevenz`: 7z.

mod foreign;
pub mod form;
mod header;
pub mod limits;
pub mod list;
mod member;
mod packed;
mod parts;
pub mod remains;
mod sevenz;
mod stream;
mod unlisted;
pub mod unpack;
pub mod zipped;
mod zstd;
