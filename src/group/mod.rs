//! Counting and keeping: hits grouped by their fields, and hits kept in the order of time, more than fit into memory.
//!
//! In come hits; out go groups and hits in order. This room does not know what is looked for, nor what is written.
//!
//! - [`key`]: what the connections of a group share, and what is counted of them.
//! - [`groups`]: hits counted by their fields, in a [`table`] of numbers that stand for [`texts`]. [`rarity`]: on how many hosts a group's process has its destination.
//! - [`hit`]: a hit with its record, and the texts that it has [`held`]. [`hits`]: hits in the order of time, in memory as [`kept`] has them. [`copies`]: which of them are the same event. [`twins`]: which are logged by both providers.
//! - [`facts`]: what was told of processes. [`processes`]: what is known of the processes of hits, each with its [`life`]. [`lineage`]: those that they come from. [`queries`]: the names that they asked for, in a cell. [`contexts`]: the same, of each group.
//! - [`labelling`]: hits and groups held against lists and databases. [`labelled`]: what these say, of each group.
//! - [`beacons`]: the channels that are used again and again. [`rhythm`]: how regularly.
//! - [`recall`]: what was found out of a hit, for those like it.
//! - [`spill`]: what does not fit into memory, sorted on disk. [`shelf`]: the same, found by its key. [`block`]: how both are written. `order`: what is in memory, put in order. `relay`: hits put in order on a thread of their own.

pub mod beacons;
mod block;
pub mod contexts;
pub mod copies;
pub mod facts;
pub mod groups;
mod held;
pub mod hit;
pub mod hits;
mod kept;
pub mod key;
pub mod labelled;
pub mod labelling;
mod life;
pub mod lineage;
mod order;
pub mod processes;
pub mod queries;
pub mod rarity;
pub mod recall;
pub mod relay;
pub mod rhythm;
mod shelf;
pub mod spill;
mod table;
pub mod texts;
pub mod twins;
