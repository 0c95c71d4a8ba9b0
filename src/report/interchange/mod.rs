//! Events in the formats that other tools read.
//!
//! In comes a hit with what is said of it; out goes a line, or two. This room does not know where the lines go, nor how many threads
//! make them.
//!
//! - `event`: a hit with all that its row says, as names and values. `sentence`: the same for a person.
//! - [`jsonl`]: an object with the columns of the CSV. [`timesketch`]: the same, as Timesketch imports it.
//! - [`ecs`]: a document of the Elastic Common Schema. `document`: how its dotted names become objects. `hashes`: those of a process,
//!   by their kinds.

pub(super) mod document;
pub(super) mod ecs;
pub(super) mod event;
pub(super) mod hashes;
pub(super) mod jsonl;
pub(super) mod sentence;
pub(super) mod timesketch;
