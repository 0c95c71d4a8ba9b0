//! The command line: what was typed, what it means, and what is shown on the way.
//!
//! In come the arguments; out goes a run, ready to start, or an error that says what to type instead. This room knows every other; none
//! knows it.
//!
//! - [`args`]: the command line as typed. [`usage`]: its help. [`arg_file`]: arguments in files. [`shell`]: completions and manual pages.
//! - [`config`]: what was typed, as it is meant.
//! - [`listing`]: rules as lists for a person. [`progress`]: how far a run is.

pub mod arg_file;
pub mod args;
pub mod config;
pub mod listing;
pub mod progress;
pub mod shell;
pub mod usage;
