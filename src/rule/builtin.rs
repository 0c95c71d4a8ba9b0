//! The built-in rules as data: Splunk's detections that a network connection can be judged by, alone or with its process.
//!
//! Those of regsvcs.exe and regasm.exe name a process and networks; how they are applied is in [`crate::rule::judge`]. The others
//! are written as Sigma rules and applied as such.

use ipnet::IpNet;

use crate::connection::cidr;

/// A detection of connections to public addresses by the process that makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltinRule {
    /// A short name for the command line.
    pub name: &'static str,
    /// The rule's id, as its author published it.
    pub id: &'static str,
    /// The rule's title, as its author published it.
    pub title: &'static str,
    /// Its author.
    pub author: &'static str,
    /// Where it is published.
    pub reference: &'static str,
    /// How severe a hit is, in Sigma's terms. The author gives a risk score of 80 of 100.
    pub level: &'static str,
    /// How far it is tested, in Sigma's terms. The author says `production`.
    pub status: &'static str,
    /// The ATT&CK technique it detects.
    pub technique: &'static str,
    /// The technique's name.
    pub technique_name: &'static str,
    /// The technique's tactic.
    pub tactic: &'static str,
    /// The process's base name, in any ASCII case.
    pub process: &'static str,
}

/// "Detect Regsvcs with Network Connection" by Michael Haag, Splunk, from Splunk Security Content.
///
/// Regsvcs.exe is a signed Microsoft binary that registers .NET assemblies; used to get past application control, it
/// can run code that talks to command and control (<https://attack.mitre.org/techniques/T1218/009/>).
pub const REGSVCS: BuiltinRule = BuiltinRule {
    name: "regsvcs",
    id: "e3e7a1c0-f2b9-445c-8493-f30a63522d1a",
    title: "Detect Regsvcs with Network Connection",
    author: "Michael Haag, Splunk",
    reference: "https://research.splunk.com/endpoint/e3e7a1c0-f2b9-445c-8493-f30a63522d1a/",
    level: "high",
    status: "stable",
    technique: "T1218.009",
    technique_name: "System Binary Proxy Execution: Regsvcs/Regasm",
    tactic: "Defense Evasion",
    process: "regsvcs.exe",
};

/// "Detect Regasm with Network Connection" by the same author: the same for regasm.exe, with the same networks.
pub const REGASM: BuiltinRule = BuiltinRule {
    name: "regasm",
    id: "07921114-6db4-4e2e-ae58-3ea8a52ae93f",
    title: "Detect Regasm with Network Connection",
    reference: "https://research.splunk.com/endpoint/07921114-6db4-4e2e-ae58-3ea8a52ae93f/",
    process: "regasm.exe",
    ..REGSVCS
};

/// The built-in rules by process, the default one first.
pub const RULES: [BuiltinRule; 2] = [REGSVCS, REGASM];

/// Where they differ from Splunk's searches.
pub const DIFFERENCE: &str = "\
differences from Splunk's search: IPv6 networks that are not public are left out too (--exclusions splunk: only Splunk's own 23); it is as in \
versions of 2026 (15 of regsvcs, May 2026), and versions of September 2024 left out only 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16";

/// A built-in rule that is written as a Sigma rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigmaText {
    /// A short name for the command line.
    pub name: &'static str,
    /// The rule, with the title and the id that Splunk published it by, and where it differs from Splunk's search.
    ///
    /// Its level follows from Splunk's risk score: `high` from 80, `medium` from 40, `low` from 20 and otherwise `informational`.
    pub text: &'static str,
}

impl SigmaText {
    /// The rule's id, as its text states it.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap_or_default()
    }
}

/// The built-in rules that are written as Sigma rules. Conditions: Splunk Security Content, `detections/endpoint`.
pub const SIGMA: [SigmaText; 16] = [
    SigmaText { name: "lolbas", text: include_str!("builtin/lolbas.yml") },
    SigmaText { name: "adws", text: include_str!("builtin/adws.yml") },
    SigmaText { name: "ftp", text: include_str!("builtin/ftp.yml") },
    SigmaText { name: "mail", text: include_str!("builtin/mail.yml") },
    SigmaText { name: "authentication", text: include_str!("builtin/authentication.yml") },
    SigmaText { name: "java", text: include_str!("builtin/java.yml") },
    SigmaText { name: "kerberos", text: include_str!("builtin/kerberos.yml") },
    SigmaText { name: "winlogon", text: include_str!("builtin/winlogon.yml") },
    SigmaText { name: "installutil", text: include_str!("builtin/installutil.yml") },
    SigmaText { name: "rundll32", text: include_str!("builtin/rundll32.yml") },
    SigmaText { name: "dllhost", text: include_str!("builtin/dllhost.yml") },
    SigmaText { name: "gpupdate", text: include_str!("builtin/gpupdate.yml") },
    SigmaText { name: "searchprotocolhost", text: include_str!("builtin/searchprotocolhost.yml") },
    SigmaText { name: "uninstall", text: include_str!("builtin/uninstall.yml") },
    SigmaText { name: "msiexec", text: include_str!("builtin/msiexec.yml") },
    SigmaText { name: "webdav", text: include_str!("builtin/webdav.yml") },
];

/// The names of all built-in rules.
pub fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name).chain(SIGMA.iter().map(|rule| rule.name))
}

/// The rule's own 23 networks that are not "public", in the order of its search.
///
/// They are the IPv4 special-purpose addresses of the IANA registry (RFC 6890), multicast, and reserved space.
pub const SPLUNK_NETWORKS: [&str; 23] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.0.0/29",
    "192.0.0.10/32",
    "192.0.0.170/32",
    "192.0.0.171/32",
    "192.0.0.8/32",
    "192.0.0.9/32",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// Their IPv6 counterparts, which the rule means but does not list.
///
/// From the IANA IPv6 special-purpose address registry: unspecified and loopback (RFC 4291), local NAT64 (RFC 8215),
/// discard-only (RFC 6666), benchmarking (RFC 5180), documentation (RFC 3849, RFC 9637), segment routing (RFC 9602),
/// unique local (RFC 4193), link local (RFC 4291), site local (RFC 3879), multicast (RFC 4291). Teredo (`2001::/32`) and
/// 6to4 (`2002::/16`) reach hosts on the internet and are not among them.
pub const IPV6_NETWORKS: [&str; 12] = [
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "100::/64",
    "2001:2::/48",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// The lists of all networks that are not public.
pub const SPECIAL: [&[&str]; 2] = [&SPLUNK_NETWORKS, &IPV6_NETWORKS];

/// The networks of these lists.
///
/// # Errors
///
/// One is none, which no built-in network is.
pub fn networks(lists: &[&[&str]]) -> Result<Vec<IpNet>, String> {
    lists.iter().copied().flatten().map(|text| cidr::parse(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::cidr::CidrSet;

    #[test]
    fn every_built_in_network_is_one() {
        let networks: CidrSet =
            SPLUNK_NETWORKS.iter().chain(&IPV6_NETWORKS).map(|text| cidr::parse(text).unwrap()).collect();
        assert_eq!(networks.networks().len(), 23 + 12);
    }
}
