//! The command line: what was typed, what it means, and what is shown on the way.
//!
//! In come the arguments; out goes an exit status. This room knows every other; none
//! knows it.
//!
//! - [`args`]: the command line as typed. [`usage`]: its help. [`arg_file`]: arguments in files. [`shell`]: completions and manual pages.
//! - [`config`]: what was typed, as it is meant; `time`: times as they are typed. `wildcards`: patterns of paths. `live`: the host's own
//!   logs. `named`: names of files to write. `lists`: values in files. `labels`: watchlists and databases.
//!   `vain`: what is asked for and cannot be found. `idle`: options that would do nothing.
//! - [`obey`]: the program. `scan`, `merge`, `verify`, [`rules`]: its commands. [`listing`]: rules as lists for a person.
//! - `terminal`, `progress`, `clock`: what is shown, and how far a run is. `interrupted`: the end of a run by a signal.

pub mod arg_file;
pub mod args;
mod clock;
pub mod config;
mod idle;
mod interrupted;
mod labels;
pub mod listing;
mod lists;
mod live;
mod merge;
mod named;
pub mod obey;
mod progress;
mod rules;
mod scan;
pub mod shell;
mod terminal;
mod time;
pub mod usage;
mod vain;
mod verify;
mod wildcards;
