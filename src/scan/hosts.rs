//! [`Host`]: a host that logs are of or that hits name; and the [`HitHosts`] that hits name.
//!
//! The first record of a log says whose it is. A collector's log has records of many hosts, and of those the hits tell.

use std::{borrow::Cow, collections::BTreeMap, mem};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{host, sysmon},
    evtx::{event::LONGEST_NAME, kind::TEXT, typed::Raw},
    scan::coverage::{Coverage, Span, joined},
    text,
};

/// How many hosts of hits are kept; where there are as many, there can be more. Whoever makes a log can name another host in each record.
const KEPT: usize = 1 << 16;

/// A host that logs are of, or that hits name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Whether there is a hit of it, or one of its logs is one that Sysmon wrote into, or a provider whose connections are read.
    pub has_sysmon: bool,
    /// The first and the last time of those logs and hits, or, without any, of all of its logs.
    pub span: Option<Span>,
}

/// The hosts that hits name, each with the times of its first and last hit.
///
/// Of more than 65,536, those that come last by name are left out, so that the same are kept in whatever order hits are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HitHosts {
    by_name: BTreeMap<String, Option<Span>>,
    /// The host of the hit before, which is added to the others when it changes: most hits in a row are of one.
    #[serde(skip)]
    latest: Latest,
}

/// A host, as a record has it too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Latest {
    name: String,
    /// Its name in UTF-16, if a record gave it so.
    utf16: Option<Vec<u8>>,
    span: Option<Span>,
}

impl HitHosts {
    /// Takes a hit by the value of `Computer` in its record.
    pub(super) fn count_value(&mut self, computer: Raw<'_>, time: Option<Timestamp>) {
        let utf16 = Some(computer.bytes).filter(|_| computer.kind == TEXT);
        if utf16.is_none() || utf16 != self.latest.utf16.as_deref() {
            let name = computer.text();
            self.turn_to(sysmon::stated(&name));
            self.latest.utf16 = utf16.map(<[u8]>::to_vec);
        }
        self.reach(time);
    }

    /// Takes a hit by the name of its host.
    pub(super) fn count(&mut self, name: &str, time: Option<Timestamp>) {
        if name != self.latest.name {
            self.turn_to(name);
        }
        self.reach(time);
    }

    /// Adds what other parts have named.
    pub fn merge(&mut self, other: Self) {
        for (name, span) in other.settled().by_name {
            self.add(name, span);
        }
    }

    /// The same, with all of them among the others.
    #[must_use]
    pub(super) fn settled(mut self) -> Self {
        self.turn_to("");
        self
    }

    fn reach(&mut self, time: Option<Timestamp>) {
        self.latest.span = joined(self.latest.span, time.map(|time| (time, time)));
    }

    fn turn_to(&mut self, name: &str) {
        let next = Latest { name: name.to_owned(), ..Latest::default() };
        let Latest { name, span, .. } = mem::replace(&mut self.latest, next);
        self.add(name, span);
    }

    fn add(&mut self, mut name: String, span: Option<Span>) {
        if name.is_empty() {
            return;
        }
        // A record that is made up can have a longer one.
        name.truncate(name.floor_char_boundary(LONGEST_NAME));
        let known = self.by_name.entry(name).or_default();
        *known = joined(*known, span);
        if self.by_name.len() > KEPT {
            self.by_name.pop_last();
        }
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// From the first to the last hit.
    pub(super) fn span(&self) -> Option<Span> {
        self.by_name.values().fold(None, |sum, &span| joined(sum, span))
    }
}

/// How many hosts there are, for a person: at least so many where some may have been left out.
#[must_use]
pub fn number(hosts: &[Host]) -> String {
    let at_least = if hosts.len() < KEPT { "" } else { "at least " };
    format!("{at_least}{}", text::grouped(hosts.len() as u64))
}

/// The hosts of logs and of hits, those without Sysmon first, then by name.
pub(super) fn hosts<'a>(logs: impl Iterator<Item = &'a Coverage>, hits: &'a HitHosts) -> Vec<Host> {
    let of_logs = logs.map(|log| (log.host.as_str(), log.is_sysmon == Some(true), log.span));
    let of_hits = hits.by_name.iter().map(|(name, &span)| (name.as_str(), true, span));
    let mut hosts: BTreeMap<Cow<'_, str>, Host> = BTreeMap::new();
    for (name, has_sysmon, span) in of_logs.chain(of_hits).filter(|(name, ..)| !name.is_empty()) {
        let none = || Host { name: name.to_owned(), has_sysmon, span: None };
        let host = hosts.entry(host::folded(name)).or_insert_with(none);
        if has_sysmon && !host.has_sysmon {
            *host = none();
        }
        if has_sysmon == host.has_sysmon {
            host.span = joined(host.span, span);
            // Of the names of one host, the first by name is shown.
            if name < &*host.name {
                name.clone_into(&mut host.name);
            }
        }
    }
    let mut hosts: Vec<Host> = hosts.into_values().collect();
    hosts.sort_by_key(|host| host.has_sysmon);
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3600).unwrap()
    }

    #[test]
    fn a_host_has_the_span_of_its_sysmon_logs_and_hits_if_it_has_any() {
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
            log("d", false, 7, 8),
            Coverage::default(),
        ];
        let host = |name: &str, has_sysmon, first, last| Host {
            name: name.to_owned(),
            has_sysmon,
            span: Some((at(first), at(last))),
        };
        let mut hits = HitHosts::default();
        for (name, hour) in [("a", 9), ("d", 3), ("e", 2), ("d", 4), ("", 20)] {
            hits.count(name, Some(at(hour)));
        }
        let hits = hits.settled();
        assert_eq!(
            hosts(logs.iter(), &hits),
            [
                host("c", false, 7, 8),
                host("a", true, 5, 9),
                host("b", true, 1, 4),
                host("d", true, 3, 4),
                host("e", true, 2, 2)
            ]
        );
        assert_eq!(hits.span(), Some((at(2), at(9))));
    }

    #[test]
    fn values_of_records_and_names_count_alike_in_any_order_and_parts() {
        let names = ["A", "A", "b", "", "A", "-", "b"];
        let (mut whole, mut parts) = (HitHosts::default(), [HitHosts::default(), HitHosts::default()]);
        for (hour, name) in (0..).zip(names) {
            let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            whole.count(sysmon::stated(name), Some(at(hour)));
            parts[usize::from(hour % 2 == 0)].count_value(Raw { kind: TEXT, bytes: &utf16 }, Some(at(hour)));
        }
        let [mut one, other] = parts;
        one.merge(other);
        let (one, whole) = (one.settled(), whole.settled());
        assert_eq!(one.by_name, whole.by_name);
        assert_eq!(one.by_name["A"], Some((at(0), at(4))));
        assert_eq!(one.by_name["b"], Some((at(2), at(6))));
        assert_eq!(one.by_name.len(), 2);

        let mut mixed = HitHosts::default();
        mixed.count("A", Some(at(1)));
        mixed.count_value(Raw { kind: TEXT, bytes: &[] }, Some(at(2)));
        assert_eq!(mixed.span(), Some((at(1), at(1))));
    }

    #[test]
    fn no_more_of_a_name_is_kept_than_a_name_can_be_long() {
        let mut hits = HitHosts::default();
        hits.count(&"h".repeat(1 << 16), None);
        assert_eq!(hits.settled().names().map(str::len).collect::<Vec<_>>(), [LONGEST_NAME]);
    }

    #[test]
    fn the_same_hosts_are_kept_whatever_the_order() {
        let names: Vec<String> = (0..KEPT + 3).map(|number| format!("{number:06}")).collect();
        let mut up = HitHosts::default();
        for name in &names {
            up.count(name, None);
        }
        let mut down = HitHosts::default();
        for name in names.iter().rev() {
            down.count(name, None);
        }
        let mut sum = down.clone();
        sum.merge(up.clone());
        let (up, down) = (up.settled(), down.settled());
        assert_eq!(up.by_name, down.by_name);
        assert_eq!(up.by_name, sum.by_name);
        assert_eq!(up.by_name.len(), KEPT);
        let mut all = hosts([].iter(), &up);
        assert_eq!(number(&all), "at least 65,536");
        all.pop();
        assert_eq!(number(&all), "65,535");
    }
}
