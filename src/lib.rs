//! `netsift` finds the network connections of chosen processes in collected Sysmon event logs.
//!
//! Data goes one way:
//!
//! ```text
//! Source → chunk → prefilter → Event → Connection → filter → Verdict → Groups → report
//!    │                                                          └→ Hits → events, page
//!    └──── tallies and defects from every arrow ──────────────────────→ Summary, Manifest
//! ```
//!
//! What a scan gives is [`Searched`](searched::Searched), and so is what merging partial results gives. From there it is the same
//! way.
//!
//! From the bytes of a chunk to the groups it is pure: no files, no clock, no environment. So the report depends on the
//! evidence, the rule and the version alone, whatever the number of threads.
//!
//! What always holds:
//!
//! 1. Evidence is untrusted. A bad record costs that record, a bad chunk that chunk, a bad file that file, and each
//!    loss is a [`Defect`](error::Defect) with its place.
//! 2. Evidence is opened for reading only.
//! 3. The prefilter never loses a hit: what it rules out cannot match, and a slow path that decodes everything is
//!    there to be compared with.
//! 4. Memory does not grow with the size of the logs: one buffer a thread, the groups, and what a page counts, with bounds.
//!    Groups and hits that do not fit are spilled to disk, and only an archive that is compressed in another archive is held in memory, with a bound.
//! 5. Nothing here prints, exits, or reads the clock or the environment.
//!
//! In reading order:
//!
//! - [`connection`]: what a connection is, in the names of the report; [`sysmon`]: how an event becomes one.
//! - [`filter`]: which connections are left in before rules judge.
//! - [`rule`], [`sigma`] and [`cidr`]: which connections are hits. [`group`] and [`hits`]: how hits are counted and kept,
//!   also when they are more than fit into memory ([`spill`]).
//! - [`input`]: how logs are found, also in archives. [`chunk`], [`record`] and [`definition`]: how their bytes are laid out.
//!   [`displaced`]: chunks that are out of place.
//! - [`prefilter`]: what need not be decoded. [`event`]: the adapter to the parser.
//! - [`sift`]: all of that for a block of bytes, into [`findings`] with a [`tally`] and the [`ids`] of records; [`scan`]: on all
//!   cores.
//! - [`terms`]: what a report is of. [`searched`]: what was searched for it. [`run`]: what comes of it.
//! - [`report`], [`events`], [`html`], [`manifest`] and [`summary`]: what is written and said. [`outputs`] and [`output`]: where to.
//! - [`partial`] and [`merge`]: results of parts of a fleet, put together, with their [`rarity`]. [`verify`]: whether evidence is as it was.
//! - [`args`] and [`config`]: the command line as typed, and as meant. [`usage`], [`arg_file`] and [`shell`]: its help, its files
//!   of arguments, its completions and manual pages.
//! - [`error`], [`digest`], [`text`] and [`walk`]: what all of them use.

mod aligned;
pub mod arg_file;
pub mod args;
mod bytes;
pub mod chunk;
pub mod cidr;
pub mod config;
pub mod connection;
pub mod copies;
mod count;
pub mod coverage;
pub mod definition;
pub mod digest;
pub mod displaced;
pub mod elsewhere;
pub mod error;
pub mod event;
pub mod events;
pub mod filter;
pub mod findings;
pub mod group;
pub mod hits;
pub mod html;
pub mod ids;
pub mod input;
mod json;
pub mod listing;
pub mod magic;
pub mod manifest;
pub mod merge;
pub mod output;
pub mod outputs;
pub mod partial;
mod pattern;
pub mod plan;
pub mod prefilter;
pub mod ran;
pub mod rarity;
pub mod record;
pub mod report;
pub mod rule;
pub mod run;
pub mod salvage;
pub mod scan;
pub mod searched;
pub mod shell;
pub mod sift;
pub mod sigma;
mod space;
pub mod spill;
pub mod summary;
pub mod sysmon;
pub mod tally;
pub mod terms;
pub mod text;
pub mod usage;
pub mod verify;
pub mod walk;
pub mod window;
