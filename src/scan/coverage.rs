//! [`Coverage`]: what a log covers: whose it is, whether it is one in which connections are logged, and from when to when.
//!
//! An empty report means little of a host without Sysmon, or of a week that no log reaches.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{connection::logged::LoggedBy, evtx::event::Event};

/// Logs in which Sysmon's name can stand only in the text of other records. The same holds for Security-Auditing, except in Security.
const OF_WINDOWS: [&str; 3] = ["Application", SECURITY, "System"];
const SECURITY: &str = "Security";

/// The first and the last time.
pub type Span = (Timestamp, Timestamp);

/// What a log covers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The host of its first record; empty if that cannot be read.
    pub host: String,
    /// Whether Sysmon wrote into it, or a provider whose connections are read; `None` if its first record does not tell.
    pub is_sysmon: Option<bool>,
    /// The first and the last time in a header of a record at the start or the end of a chunk.
    pub span: Option<Span>,
}

impl Coverage {
    /// Takes what the first record says of the log, and of who logs connections.
    pub(crate) fn starts_with(&mut self, event: &Event<'_>, logged_by: LoggedBy) {
        let channel = event.system().find(|(name, _)| *name == "Channel").map_or("", |(_, channel)| channel);
        self.host = event.computer.to_string();
        // Another provider says that the log was cleared.
        let is_security = channel == SECURITY && logged_by.has_security();
        let is_it = is_security || logged_by.providers().contains(&&*event.provider);
        self.is_sysmon = (is_it || OF_WINDOWS.contains(&channel)).then_some(is_it);
    }

    /// Takes the time of a record.
    pub(crate) fn reaches(&mut self, time: Timestamp) {
        self.span = joined(self.span, Some((time, time)));
    }

    /// Adds what another part of the log covers.
    pub(crate) fn merge(&mut self, part: Self) {
        if self.host.is_empty() {
            self.host = part.host;
        }
        self.is_sysmon = self.is_sysmon.or(part.is_sysmon);
        self.span = joined(self.span, part.span);
    }
}

/// From the first to the last time of both.
pub(crate) fn joined(one: Option<Span>, other: Option<Span>) -> Option<Span> {
    let (Some((first, last)), Some((other_first, other_last))) = (one, other) else { return one.or(other) };
    Some((first.min(other_first), last.max(other_last)))
}
