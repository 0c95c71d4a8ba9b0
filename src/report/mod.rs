//! What is written: the report in its formats, events, the page, the manifest, the summary.
//!
//! In come groups, hits and what was searched; out go bytes to where they were asked for. This room does not know the command line, nor
//! how anything was found.
//!
//! - [`content`]: the report as every format has it. [`style`]: how it looks. [`times`]: how a time looks. [`format`](mod@format): the choice of a format.
//! - [`csv`], `jsonl`, `table` (with `layout` and `fit`), [`parquet`]: the formats. `rows`: a row for each group. `making`: rows
//!   made on several threads. `background` and `labels`: what is known of processes, and what lists say, as columns.
//! - [`events`]: a row for each hit. `interchange`: the same in the formats of other tools. [`beacons`]: a row for each channel that is used again and again. [`page`]: the page for a browser.
//! - [`manifest`]: the record of a run. [`recorded`]: the same, read back. [`ran`] and [`summary`]: what a run has to say for itself; `losses`: what of
//!   it is said in every mode.
//! - [`output`]: where one thing is written to, with `filename`, names that are none on Windows, and [`unfinished`], files without their
//!   names. `behind`: what is written on a thread of its own. [`outputs`]: everything that a run writes.

pub mod background;
pub mod beacons;
mod behind;
pub mod content;
pub mod csv;
pub mod events;
mod filename;
mod fit;
pub mod format;
mod interchange;
mod jsonl;
pub mod labels;
mod layout;
mod losses;
mod making;
pub mod manifest;
pub mod output;
pub mod outputs;
pub mod page;
pub mod parquet;
pub mod ran;
pub mod recorded;
mod rows;
pub mod style;
pub mod summary;
mod table;
pub mod times;
pub mod unfinished;
