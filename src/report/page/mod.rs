//! The page: what a run found, as one HTML file that a browser opens from disk.
//!
//! In come the report, the hits and the manifest; out goes one file. This room does not know where it goes.
//!
//! - [`document`]: the file as a whole, and what keeps evidence from doing anything in it. `inert`: JSON that can do nothing.
//! - [`gathered`]: what is gathered of the hits on the way, what was `observed` of each and the page's groups.
//! - `data`: all that is shown, `columns` of groups and events, and `cards`. `family`: processes and those above them. `names`: texts, each once. `moment`: times.
//! - `timeline`: hits in buckets of time.
//! - `page.html`, `page.css`, `script/`: the page itself.

mod cards;
mod columns;
mod data;
pub mod document;
mod family;
pub mod gathered;
mod inert;
mod moment;
mod names;
mod observed;
mod timeline;
