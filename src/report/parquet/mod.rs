//! Parquet: groups and hits as typed columns, for reports and for partial results.
//!
//! In come rows; out goes a file that Spark, DuckDB and others read. This room does not know what a partial result is for.
//!
//! - [`columns`]: a row, and the columns it is in. [`writer`]: rows written to them. [`fault`]: what can be wrong with a file.
//!   `checksums`: what tells that it is not as it was written.
//! - `groups`: the report as such a file.

pub(crate) mod checksums;
pub mod columns;
pub mod fault;
pub(crate) mod groups;
pub mod writer;
