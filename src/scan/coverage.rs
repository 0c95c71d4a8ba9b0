//! [`Coverage`]: what a log covers: whose it is, whether it is one in which connections are logged, and from when to when; and the [`Host`]s that come
//! of all logs.
//!
//! An empty report means little of a host without Sysmon, or of a week that no log reaches.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{connection::logged::LoggedBy, evtx::event::Event};

/// Logs that name Sysmon, if at all, in the text of other records; and so the others with Security-Auditing.
const OF_WINDOWS: [&str; 3] = ["Application", SECURITY, "System"];
const SECURITY: &str = "Security";

/// What a log covers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The host of its first record; empty if that cannot be read.
    pub host: String,
    /// Whether Sysmon wrote into it, or a provider whose connections are read; `None` if its first record does not tell.
    pub is_sysmon: Option<bool>,
    /// The first and the last time in a header of a record at the start or the end of a chunk.
    pub span: Option<(Timestamp, Timestamp)>,
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
pub(crate) fn joined(
    one: Option<(Timestamp, Timestamp)>,
    other: Option<(Timestamp, Timestamp)>,
) -> Option<(Timestamp, Timestamp)> {
    let (Some((first, last)), Some((other_first, other_last))) = (one, other) else { return one.or(other) };
    Some((first.min(other_first), last.max(other_last)))
}

/// A host that logs are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Whether one of its logs is one that Sysmon wrote into, or a provider whose connections are read.
    pub has_sysmon: bool,
    /// The first and the last time of those logs, or, without any, of all of its logs.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// The hosts of logs, those without Sysmon first, then by name.
pub(crate) fn hosts<'a>(logs: impl Iterator<Item = &'a Coverage>) -> Vec<Host> {
    let mut hosts: BTreeMap<&str, Host> = BTreeMap::new();
    for Coverage { host: name, is_sysmon, span } in logs.filter(|log| !log.host.is_empty()) {
        let has_sysmon = *is_sysmon == Some(true);
        let none = || Host { name: name.clone(), has_sysmon, span: None };
        let host = hosts.entry(name).or_insert_with(none);
        if has_sysmon && !host.has_sysmon {
            *host = none();
        }
        if has_sysmon == host.has_sysmon {
            host.span = joined(host.span, *span);
        }
    }
    let mut hosts: Vec<Host> = hosts.into_values().collect();
    hosts.sort_by_key(|host| host.has_sysmon);
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_the_span_of_its_sysmon_logs_if_it_has_any() {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let log = |host: &str, is_sysmon, first, last| Coverage {
            host: host.to_owned(),
            is_sysmon: Some(is_sysmon),
            span: Some((at(first), at(last))),
        };
        let logs = [
            log("b", false, 0, 9),
            log("b", true, 3, 4),
            log("a", true, 5, 6),
            log("b", true, 1, 2),
            log("c", false, 7, 8),
        ];
        let host = |name: &str, has_sysmon, first, last| Host {
            name: name.to_owned(),
            has_sysmon,
            span: Some((at(first), at(last))),
        };
        let unknown = Coverage::default();
        let hosts = hosts(logs.iter().chain([&unknown]));
        assert_eq!(hosts, [host("c", false, 7, 8), host("a", true, 5, 6), host("b", true, 1, 4)]);
    }
}
