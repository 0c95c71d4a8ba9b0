//! Rules: which connections are hits.
//!
//! In comes a connection, and the event it is from; out goes a verdict. This room counts nothing and keeps nothing.
//!
//! - [`judge`]: one rule by process and network. [`builtin`]: the rules that are built in, as data. [`info`]: what is known of a rule.
//! - [`sigma`]: rules in the format of the field. [`set`]: all rules of a run together.

pub mod builtin;
pub mod info;
pub mod judge;
pub mod set;
pub mod sigma;
