//! The page: what a run found, as one HTML file that a browser opens from disk.
//!
//! In come the report, the hits and the manifest; out goes one file. This room does not know where it goes.
//!
//! - [`document`]: the file as a whole, and what keeps evidence from doing anything in it. `inert`: JSON that can do nothing.
//! - `data`: all that is shown, `columns` of groups and events, and `cards`. `family`: processes and those above them. `names`: texts, each once. `moment`: times. [`observed`]: what is gathered of the hits on the way.
//! - `timeline`: hits in buckets of time. `regularity`: how regularly something is repeated.
//! - `page.html`, `page.css`, `page.js`: the page itself.

mod cards;
mod columns;
mod data;
pub mod document;
mod family;
mod inert;
mod moment;
mod names;
pub mod observed;
mod regularity;
mod timeline;
