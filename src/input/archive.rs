//! Archives: logs that are packed in zip, 7z and tar files, or as gzip, bzip2, xz or Zstandard files, listed and unpacked as
//! streams, never to disk.
//!
//! An archive is hostile until it is read: what it states about its members is held against what comes out of them, and
//! what it must not do is a defect of that member. How the formats are laid out is the business of their crates, what a
//! log is that of [`crate::scan`].

mod foreign;
pub mod form;
mod header;
pub mod limits;
pub mod list;
mod member;
mod packed;
pub mod remains;
mod sevenz;
mod stream;
pub mod unpack;
pub mod zipped;
mod zstd;
