//! A [`Rule`] by process and network: which connections are hits.
//!
//! Connections are judged one at a time, and nothing is counted here.

use ipnet::IpNet;

use crate::connection::{cidr::CidrSet, glossary::Connection, pattern};

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
        let find = |networks: &CidrSet| connection.dest_addr.and_then(|address| networks.find(address));
        if self.detection.as_ref().is_some_and(|networks| find(networks).is_none()) {
            return Verdict::OutsideDetection;
        }
        find(&self.exclusion).map_or(Verdict::Hit, Verdict::Excluded)
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
}
