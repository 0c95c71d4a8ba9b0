//! A [`Rule`] by process and network: which connections are hits.
//!
//! Connections are judged one at a time, and nothing is counted here.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::connection::{cidr::CidrSet, ends::Ends, glossary::Connection, pattern};

/// A detection: processes, detection networks and exclusion networks.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// Base names of processes, in which `*` stands for any text, compared without regard to ASCII case as Splunk's `search` does;
    /// none means any.
    pub processes: Vec<String>,
    /// Where a destination must be; `None` means anywhere.
    pub detection: Option<CidrSet>,
    /// Where a destination must not be.
    pub exclusion: CidrSet,
    /// What is judged in place of the destination.
    pub judged: End,
}

/// Which end of a connection networks are of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The destination, as Splunk's rule has it.
    #[default]
    Dest,
    /// The peer of the host that logged it.
    Remote,
}

/// What a rule says about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Another process than those of the rule.
    OtherProcess,
    /// One of the processes, to a destination in no detection network.
    OutsideDetection,
    /// One of the processes, to a destination in this exclusion network.
    Excluded(IpNet),
    /// What the rule is looking for.
    Hit,
}

impl Rule {
    /// Judges one connection.
    ///
    /// A destination that is not stated or is not an address is in no network. So it is never excluded, and it is a hit
    /// unless detection networks are given.
    #[must_use]
    pub fn judge(&self, connection: &Connection<'_>) -> Verdict {
        if !self.processes.is_empty() {
            let name = connection.process_name();
            if !self.processes.iter().any(|wanted| pattern::names(wanted, name)) {
                return Verdict::OtherProcess;
            }
        }
        let judged = self.judged.of(connection);
        if self.detection.as_ref().is_some_and(|networks| judged.any_network(networks).is_none()) {
            return Verdict::OutsideDetection;
        }
        judged.common_network(&self.exclusion).map_or(Verdict::Hit, Verdict::Excluded)
    }
}

/// The address that is judged, or both where either may be it.
#[derive(Debug, Clone, Copy)]
enum Judged {
    One(Option<IpAddr>),
    Either(Option<IpAddr>, Option<IpAddr>),
}

impl End {
    fn of(self, connection: &Connection<'_>) -> Judged {
        let Self::Remote = self else { return Judged::One(connection.dest_addr) };
        // Where an address of either end is told, it is known which end is the peer, also if its own is not stated.
        let is_told = |ends: &&Ends| !ends.remote_ip.is_empty() || !ends.local_ip.is_empty();
        match connection.ends.as_deref().filter(is_told) {
            Some(ends) => Judged::One(ends.remote_addr),
            None => Judged::Either(connection.dest_addr, connection.src_ip.parse().ok()),
        }
    }
}

impl Judged {
    /// The network that it is in, or else what may be it.
    fn any_network(self, networks: &CidrSet) -> Option<IpNet> {
        match self {
            Self::One(address) => networks.find(address?),
            Self::Either(one, other) => Self::One(one).any_network(networks).or_else(|| networks.find(other?)),
        }
    }

    /// The network that it is in, and if either may be it, that both are in some of them.
    fn common_network(self, networks: &CidrSet) -> Option<IpNet> {
        match self {
            Self::One(address) => networks.find(address?),
            Self::Either(one, other) => networks.find(other?).and(networks.find(one?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::cidr;

    fn rule() -> Rule {
        Rule {
            processes: vec!["regsvcs.exe".to_owned()],
            detection: None,
            exclusion: ["10.0.0.0/8", "10.1.0.0/16"].map(|text| cidr::parse(text).unwrap()).into_iter().collect(),
            judged: End::Dest,
        }
    }

    fn connection(app: &'static str, dest_ip: &'static str) -> Connection<'static> {
        Connection {
            app: app.into(),
            dest_ip: dest_ip.into(),
            dest_addr: dest_ip.parse().ok(),
            ..Connection::default()
        }
    }

    #[test]
    fn names_match_whole_and_in_any_ascii_case() {
        for app in [r"C:\Windows\RegSvcs.exe", "REGSVCS.EXE"] {
            assert_eq!(rule().judge(&connection(app, "8.8.8.8")), Verdict::Hit);
        }
        for app in [r"C:\Temp\regsvcs.exe.bak", r"C:\notregsvcs.exe", r"C:\regsvcs.exe\other.exe", "", "regſvcs.exe"] {
            assert_eq!(rule().judge(&connection(app, "8.8.8.8")), Verdict::OtherProcess);
        }
    }

    #[test]
    fn the_narrowest_exclusion_is_named() {
        assert_eq!(
            rule().judge(&connection("regsvcs.exe", "10.1.2.3")),
            Verdict::Excluded(cidr::parse("10.1.0.0/16").unwrap())
        );
        assert_eq!(
            rule().judge(&connection("regsvcs.exe", "10.2.2.3")),
            Verdict::Excluded(cidr::parse("10.0.0.0/8").unwrap())
        );
    }

    #[test]
    fn what_cannot_be_judged_is_never_excluded() {
        for dest_ip in ["", "not an address"] {
            assert_eq!(rule().judge(&connection("regsvcs.exe", dest_ip)), Verdict::Hit);
            let detecting = Rule { detection: Some(CidrSet::default()), ..rule() };
            assert_eq!(detecting.judge(&connection("regsvcs.exe", dest_ip)), Verdict::OutsideDetection);
        }
    }

    #[test]
    fn the_peer_is_judged_and_both_ends_where_it_is_not_known() {
        let judge = |src: &'static str, dest: &'static str, remote: Option<&str>| {
            let local = remote.map(|remote| if remote == src { dest } else { src });
            let ends = Ends {
                local_ip: local.unwrap_or_default().to_owned(),
                remote_ip: remote.unwrap_or_default().to_owned(),
                remote_addr: remote.and_then(|text| text.parse().ok()),
                ..Ends::default()
            };
            let connection =
                Connection { src_ip: src.into(), ends: Some(Box::new(ends)), ..connection("regsvcs.exe", dest) };
            let detection = Some(["192.0.2.0/24"].map(|text| cidr::parse(text).unwrap()).into_iter().collect());
            let remote = Rule { judged: End::Remote, ..rule() };
            (remote.judge(&connection), Rule { detection, ..remote }.judge(&connection))
        };
        let excluded = Verdict::Excluded(cidr::parse("10.0.0.0/8").unwrap());
        assert_eq!(judge("192.0.2.1", "10.0.0.5", Some("192.0.2.1")), (Verdict::Hit, Verdict::Hit));
        assert_eq!(judge("192.0.2.1", "10.0.0.5", Some("10.0.0.5")), (excluded, Verdict::OutsideDetection));
        assert_eq!(judge("192.0.2.1", "10.0.0.5", None), (Verdict::Hit, Verdict::Hit));
        assert_eq!(judge("10.0.0.6", "10.0.0.5", None), (excluded, Verdict::OutsideDetection));
        assert_eq!(judge("192.0.2.1", "", None), (Verdict::Hit, Verdict::Hit));
        // A peer that is not stated is in no network, whatever the host's own address is in.
        assert_eq!(judge("192.0.2.1", "", Some("")), (Verdict::Hit, Verdict::OutsideDetection));
        assert_eq!(judge("", "10.0.0.5", Some("")), (Verdict::Hit, Verdict::OutsideDetection));
        assert_eq!(judge("", "", Some("")), (Verdict::Hit, Verdict::OutsideDetection));
    }
}
