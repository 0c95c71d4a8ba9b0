//! Evidence: logs found under paths and in archives, and read. Nothing here writes.
//!
//! In come paths; out go sources of bytes, and what cannot be read. This room does not know what is in a log.
//!
//! - [`source`]: one log to read. [`sources`]: how they are found. [`archive`]: logs in archives.
//! - [`export`]: events that were exported from a log, known by how they start. [`encoding`]: that of their text. [`objects`]: where an object of JSON ends.
//! - [`read`](mod@read), [`aligned`]: how bytes are read. [`digest`]: their hashes.
//! - [`walk`]: files that are not evidence: rules and partial results.

pub mod aligned;
pub mod archive;
pub mod digest;
pub mod encoding;
pub mod export;
pub mod objects;
pub mod read;
pub mod source;
pub mod sources;
pub mod walk;
