//! Partial results: what one host found, kept in a file, and the files of many hosts put together.
//!
//! In comes what was searched; out goes the same, of all parts together, as one scan of all their logs would have given it. This room
//! does not know where the parts come from, nor what is written in the end.
//!
//! - [`partial`]: a partial result, written and read. [`facts`]: all it says besides its rows. `reader`: its rows, read again.
//! - [`processes`]: what parts say of the processes behind hits.
//! - `pages` and `thrift`: what keeps a hostile file from taking more memory than its rows do.
//! - [`merge`]: parts put together. `difference`: why some cannot be. `part`: one of them. `names`: logs of different hosts that have the same path.
//! - `split`: hosts whose logs are in several parts. `stream`: what events of these said of processes. [`processes`]: what comes of it.

mod difference;
pub mod facts;
pub mod merge;
mod names;
mod pages;
mod part;
pub mod partial;
pub mod processes;
mod reader;
mod split;
mod stream;
mod thrift;
