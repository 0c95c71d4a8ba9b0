//! The scan: logs read and sifted on all cores.
//!
//! In come sources and a plan; out goes what was searched, with all that was found in it. This room does not know what is written of it,
//! nor the command line.
//!
//! - [`terms`]: what a report is of. [`plan`]: how it is looked for.
//! - [`pool`]: sources read on all cores, the only file that names rayon. [`units`]: what one thread does before it asks for more, and `worker` how. [`others`]: other looks at the same bytes. `blocks`: logs read block by block.
//! - [`prefilter`]: which chunks need not be decoded. [`sift`]: a block of bytes sifted, without files, clock or threads; `used`: a chunk in it; `connections`: what becomes of those in it. [`alike`]: those that are known to be no hits.
//! - `exports`: the same of events that were exported. `unread`: connections that another provider has logged, counted.
//! - [`findings`]: what was found, in parts. [`tally`]: what was read, in numbers. [`coverage`]: which host and which time a log is of. [`hosts`]: the hosts of logs and hits. [`repeats`]: hits of chunks that are there twice.
//! - [`ahead`]: a look ahead, for what has to be [`known`] of all logs before connections are judged.
//! - [`searched`]: what was searched, with all of that. [`second`]: a second look, for the processes that are [`wanted`] and those above them, their [`kin`], where [`along`] with the scan they were not taken. [`elsewhere`]: what else is in the logs, where nothing was found. [`strangers`]: hosts that are asked for and that are not in the logs.

pub mod ahead;
pub mod alike;
pub mod along;
mod blocks;
mod connections;
pub mod coverage;
pub mod elsewhere;
mod exports;
pub mod findings;
pub mod hosts;
pub mod kin;
pub mod known;
pub mod others;
pub mod plan;
pub mod pool;
pub mod prefilter;
pub mod repeats;
pub mod searched;
pub mod second;
pub mod sift;
pub mod strangers;
pub mod tally;
pub mod terms;
pub mod units;
mod unread;
mod used;
pub mod wanted;
mod worker;
