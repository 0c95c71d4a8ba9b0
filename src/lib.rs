//! `netsift` finds the network connections of chosen processes in collected Sysmon event logs.
//!
//! The data goes one way, from room to room. Each room is a folder, and names only those on its left:
//!
//! ```text
//! evidence → evtx → connection → rule → group → scan → report → fleet
//!  sources   events  what one is  hits   counted  on all  what is  parts put
//!  of bytes                              and kept  cores  written  together
//! ```
//!
//! Above them, `run` writes all that a run is asked for, `verify` holds evidence against a manifest, and `cli` is the command line.
//! Below them lie `error`, `text` and a few more that every room uses.
//!
//! | room | in comes | out goes |
//! | --- | --- | --- |
//! | [`evidence`] | paths | logs as streams of bytes, also those in archives |
//! | [`evtx`] | bytes | events, and what is wrong with the bytes |
//! | [`connection`] | an event | a connection, in the names of the report |
//! | [`rule`] | a connection | whether it is a hit, and of which rules |
//! | [`group`] | hits | groups and hits in order, also when they do not fit into memory |
//! | [`scan`] | logs and a plan | what was searched, and all that was found in it |
//! | [`report`] | what was searched | the report, the page, the manifest, the summary |
//! | [`fleet`] | partial results | the same as one scan of all their logs |
//! | [`cli`] | arguments | an exit status |
//!
//! What always holds:
//!
//! 1. Evidence is untrusted. A bad record costs that record, a bad chunk that chunk, a bad file that file, and each
//!    loss is a [`Defect`](error::Defect) with its place.
//! 2. Evidence is opened for reading only.
//! 3. The prefilter never loses a hit: what it rules out cannot match, and a slow path that decodes everything is
//!    there to be compared with.
//! 4. Memory does not grow with the size of the logs: one buffer a thread, the groups, and what a page counts, with bounds.
//!    Groups and hits that do not fit are spilled to disk, and only an archive that is compressed in another archive is held in
//!    memory, with a bound.
//! 5. From the bytes of a chunk to the groups there are no files, no clock and no environment. So the report depends on the
//!    evidence, the rules and the version alone, whatever the number of threads.

mod bytes;
pub mod cli;
pub mod connection;
mod count;
pub mod error;
pub mod evidence;
pub mod evtx;
pub mod fleet;
pub mod group;
pub mod magic;
pub mod report;
pub mod rule;
pub mod run;
pub mod scan;
mod space;
pub mod text;
pub mod verify;
