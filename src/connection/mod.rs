//! Connections: what one is, and how an event becomes one.
//!
//! In comes an event; out goes a connection in the names of the report. This room does not know rules, nor where an event is from.
//!
//! - [`glossary`]: a connection and its fields, which are the columns of the report, in the names of Splunk's Common Information Model.
//! - [`sysmon`]: what Sysmon's EventID 3 means. [`salvage`]: the same, of an old record whose template is gone. [`met`]: what was
//!   met before.
//! - [`ends`]: the host and its peer, whichever is called the destination, by the addresses that hosts have ([`locals`]).
//! - [`clock`]: which of its two times a connection is of.
//! - [`process`]: what events say of the processes behind connections. [`started`]: how these were started, and [`queried`]: the
//!   names that they asked for, for rules that look at it.
//! - [`cidr`]: networks. `pattern`: texts in which `*` stands for any text. [`filter`]: which connections are left in before rules judge.

pub mod cidr;
pub mod clock;
pub mod ends;
pub mod filter;
pub mod glossary;
pub mod locals;
pub mod met;
pub(crate) mod pattern;
pub mod process;
pub mod queried;
pub mod salvage;
pub mod started;
pub mod sysmon;
