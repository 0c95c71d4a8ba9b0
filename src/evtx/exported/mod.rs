//! Exported events: XML and JSON lines that other programs have written out of logs, read as the events that they were.
//!
//! In comes a stream, out go events with their places, one at a time. At most one event and what was read behind it are held in memory.
//!
//! - [`export`]: a stream of either form. [`text`]: its text, and where in it one is. `xml` and `json`: what each form says.

pub mod export;
mod json;
mod piece;
pub mod text;
mod xml;
