//! Connections: what one is, and how an event becomes one.
//!
//! In comes an event; out goes a connection in the names of the report. This room does not know rules, nor where an event is from.
//!
//! - [`glossary`]: a connection and its fields, which are the columns of the report, in the names of Splunk's Common Information Model.
//! - [`sysmon`]: what Sysmon's EventID 3 means. [`salvage`]: the same, of an old record whose template is gone. [`met`]: what was
//!   met before.
//! - [`security`]: what EventID 5156 and 5157 of Windows' Security-Auditing mean. [`logged`]: whose events are read.
//! - [`ends`]: the host and its peer, whichever is called the destination, by the addresses that hosts have ([`locals`]). [`host`]: which names are
//!   of one host.
//! - [`community`]: the id by which other tools know the same flow.
//! - [`clock`]: which of its two times a connection is of.
//! - [`process`]: what events say of the processes behind connections; [`audited`]: those of Security-Auditing; [`rank`]: which of those that state the same counts. [`lives`]: whose processes
//!   are, by their ids. [`volumes`]: which drive a volume is.
//! - [`started`]: how processes were started, and [`queried`]: the names that they asked for (one by one, [`answers`]), for rules that look at it.
//!   [`talkers`]: the processes that have connections, where there is no room for facts about others.
//! - [`cidr`]: networks. `pattern`: texts in which `*` stands for any text. [`filter`]: which connections are left in before rules judge.
//!   [`possible`]: texts that can be a connection's value.

pub mod answers;
pub mod audited;
pub mod cidr;
pub mod clock;
pub mod community;
pub mod ends;
pub mod filter;
pub mod glossary;
pub mod host;
pub mod lives;
pub mod locals;
pub mod logged;
pub mod met;
pub(crate) mod pattern;
pub mod possible;
pub mod process;
pub mod queried;
pub mod rank;
pub mod salvage;
pub mod security;
pub mod started;
pub mod sysmon;
pub mod talkers;
pub mod volumes;
