//! A [`Connection`]: one network connection in the names of Splunk's Common Information Model. The glossary.
//!
//! Plain data, with no knowledge of where it came from. A field that is not stated is the empty string.

use std::{borrow::Cow, fmt, net::IpAddr, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{
        community::{Flow, Memo},
        ends::Ends,
    },
    text,
};

/// What [`Field::Protocol`] always is.
pub(crate) const PROTOCOL: &str = "ip";

/// What [`Field::Direction`] is of a connection that the host has opened.
pub(crate) const OUTBOUND: &str = "outbound";
/// What it is of one that another has opened to it.
pub(crate) const INBOUND: &str = "inbound";

/// One network connection, normalised. The text borrows from the event it was read from.
///
/// Names and meanings follow the CIM Network Traffic model as the Splunk Add-on for Sysmon fills it, see [`Field`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection<'a> {
    /// See [`Field::Action`].
    pub action: &'static str,
    /// See [`Field::App`].
    pub app: Cow<'a, str>,
    /// See [`Field::Dest`].
    pub dest: Cow<'a, str>,
    /// See [`Field::DestIp`].
    pub dest_ip: Cow<'a, str>,
    /// `dest_ip` as an address, IPv4 where it is an IPv4-mapped one; `None` if it is not stated or is not an address.
    pub dest_addr: Option<IpAddr>,
    /// See [`Field::DestPort`].
    pub dest_port: Cow<'a, str>,
    /// See [`Field::Direction`].
    pub direction: &'static str,
    /// See [`Field::Dvc`].
    pub dvc: Cow<'a, str>,
    /// See [`Field::ProtocolVersion`].
    pub protocol_version: &'static str,
    /// See [`Field::Src`].
    pub src: Cow<'a, str>,
    /// See [`Field::SrcIp`].
    pub src_ip: Cow<'a, str>,
    /// See [`Field::SrcPort`].
    pub src_port: Cow<'a, str>,
    /// See [`Field::Transport`].
    pub transport: Cow<'a, str>,
    /// See [`Field::User`].
    pub user: Cow<'a, str>,
    /// See [`Field::VendorProduct`].
    pub vendor_product: &'static str,
    /// See [`Field::ProcessGuid`].
    pub process_guid: Cow<'a, str>,
    /// See [`Field::ProcessId`].
    pub process_id: Cow<'a, str>,
    /// When it was logged, in UTC, to 100 ns; `None` if the record states no time.
    pub time: Option<Timestamp>,
    /// Which end is the host and which its peer, where the run asks for it.
    pub ends: Option<Box<Ends>>,
    /// See [`Field::CommunityId`], once it was asked for. Nothing that it is made of may change after that.
    pub community: Memo,
}

impl Connection<'_> {
    /// The base name of [`Field::App`]: what is behind the last `\`, case kept.
    #[must_use]
    pub fn process_name(&self) -> &str {
        base_name(&self.app)
    }

    /// How much text its fields are, in bytes.
    #[must_use]
    pub fn text_size(&self) -> usize {
        Field::ALL.iter().map(|&field| self.get(field).len()).sum()
    }

    /// Cuts fields that are longer than `size` bytes, at a character, and marks them with `…`. Returns whether any was. The
    /// end of `app` is kept, where the process's name is.
    pub fn cut(&mut self, size: usize) -> bool {
        let mut any = false;
        if self.app.len() > size {
            let start = self.app.ceil_char_boundary(self.app.len() - size);
            self.app = format!("…{}", &self.app.get(start..).unwrap_or_default()).into();
            any = true;
        }
        let Self { dest, dest_ip, dest_port, dvc, src, src_ip, src_port, .. } = self;
        let Self { transport, user, process_guid, process_id, .. } = self;
        for field in [dest, dest_ip, dest_port, dvc, src, src_ip, src_port, transport, user, process_guid, process_id] {
            if field.len() > size {
                let end = field.floor_char_boundary(size);
                *field = format!("{}…", field.get(..end).unwrap_or_default()).into();
                any = true;
            }
        }
        any
    }

    /// The value of one field, as the report shows it.
    #[must_use]
    pub fn get(&self, field: Field) -> &str {
        let of_ends = |value: fn(&Ends) -> &String| self.ends.as_deref().map(value).map_or("", |text| text);
        match field {
            Field::Action => self.action,
            Field::App => &self.app,
            Field::Dest => &self.dest,
            Field::DestIp => &self.dest_ip,
            Field::DestPort => &self.dest_port,
            Field::Direction => self.direction,
            Field::Dvc => &self.dvc,
            Field::Protocol => PROTOCOL,
            Field::ProtocolVersion => self.protocol_version,
            Field::Src => &self.src,
            Field::SrcIp => &self.src_ip,
            Field::SrcPort => &self.src_port,
            Field::Transport => &self.transport,
            Field::User => &self.user,
            Field::VendorProduct => self.vendor_product,
            Field::ProcessName | Field::ProcessExec => self.process_name(),
            Field::ProcessGuid => &self.process_guid,
            Field::ProcessId => &self.process_id,
            Field::Remote => of_ends(|ends| &ends.remote),
            Field::RemoteIp => of_ends(|ends| &ends.remote_ip),
            Field::RemotePort => of_ends(|ends| &ends.remote_port),
            Field::LocalIp => of_ends(|ends| &ends.local_ip),
            Field::LocalPort => of_ends(|ends| &ends.local_port),
            Field::CommunityId => self.community.of(Field::flow(|other| self.get(other))),
            Field::Peer | Field::PeerIp | Field::Service => self.get(field.stands_for(|other| self.get(other))),
        }
    }
}

/// Whether two names are of one host, in any case, with its domain or without.
fn is_same_host(one: &str, other: &str) -> bool {
    let [own, others] = [one, other].map(|name| name.split('.').next().unwrap_or_default());
    !one.is_empty() && own.eq_ignore_ascii_case(others) && one.parse::<IpAddr>().is_err()
}

/// What is behind the last `\` of a path.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('\\').next().unwrap_or_default()
}

/// The fields that connections can be grouped by: those that Splunk's rule groups them by, in its order, the ends, and what is made of
/// others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// `action`: `allowed`, as all are that Sysmon logs, or `blocked`.
    Action,
    /// `app`: the process's executable, full path.
    App,
    /// `dest`: the remote side as it is named, or else `dest_ip`. From reverse DNS: an attacker can choose it.
    Dest,
    /// `dest_ip`: the destination's address; IPv4 dotted, IPv6 per RFC 5952, other text as it stands.
    DestIp,
    /// `dest_port`: the destination's port, decimal.
    DestPort,
    /// `direction`: `outbound` or `inbound`, as seen from the host.
    Direction,
    /// `dvc`: the host that logged it.
    Dvc,
    /// `protocol`: always `ip`, the layer 3 protocol.
    Protocol,
    /// `protocol_version`: `ipv4` or `ipv6`.
    ProtocolVersion,
    /// `src`: the source as it is named, or else `src_ip`.
    Src,
    /// `src_ip`: the source's address, as `dest_ip`.
    SrcIp,
    /// `src_port`: the source's port, decimal.
    SrcPort,
    /// `transport`: `tcp` or `udp`, lower case; of Security-Auditing others too.
    Transport,
    /// `user`: the account, `DOMAIN\name`.
    User,
    /// `vendor_product`: what logged it, `Microsoft Sysmon` or `Microsoft Windows`.
    VendorProduct,
    /// `process_name`: the executable's base name, case kept.
    ProcessName,
    /// `process_exec`: the same.
    ProcessExec,
    /// `process_guid`: Sysmon's id of the process, in braces and upper case; empty where Sysmon did not log it.
    ProcessGuid,
    /// `process_id`: the process's id.
    ProcessId,
    /// `remote`: the peer as it is named, or else `remote_ip`. Like the other ends, it is empty where the log does not tell.
    Remote,
    /// `remote_ip`: the peer's address.
    RemoteIp,
    /// `remote_port`: the peer's port.
    RemotePort,
    /// `local_ip`: the address of the host itself.
    LocalIp,
    /// `local_port`: the port of the host itself.
    LocalPort,
    /// `community_id`: Community ID of version 1, by which other tools know the same flow. Made of the addresses, the ports and
    /// `transport`; empty where one of them is not known, or `transport` is neither TCP nor UDP.
    CommunityId,
    /// For tables alone, the other end: `remote`, or the end that is most likely it where the logs do not tell.
    Peer,
    /// For the page alone, the address of that end.
    PeerIp,
    /// For tables alone, the port: that of the end which was connected to.
    Service,
}

/// What the values of a field are like, as a rule. Any of them can be other text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// An IP address.
    Address,
    /// A number, decimal.
    Number,
}

impl Field {
    /// Those that stand in a record, in order: what reports group by unless told otherwise.
    pub const ALL: [Self; 19] = [
        Self::Action,
        Self::App,
        Self::Dest,
        Self::DestIp,
        Self::DestPort,
        Self::Direction,
        Self::Dvc,
        Self::Protocol,
        Self::ProtocolVersion,
        Self::Src,
        Self::SrcIp,
        Self::SrcPort,
        Self::Transport,
        Self::User,
        Self::VendorProduct,
        Self::ProcessName,
        Self::ProcessExec,
        Self::ProcessGuid,
        Self::ProcessId,
    ];

    /// Those that take all logs of the run to tell, in order.
    pub const ENDS: [Self; 5] = [Self::Remote, Self::RemoteIp, Self::RemotePort, Self::LocalIp, Self::LocalPort];

    /// All that can be asked for by name.
    pub fn every() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain(Self::ENDS).chain([Self::CommunityId])
    }

    /// The flow that a connection with these values is of.
    pub fn flow<'a>(value: impl Fn(Self) -> &'a str) -> Flow<'a> {
        Flow {
            transport: value(Self::Transport),
            src_ip: value(Self::SrcIp),
            src_port: value(Self::SrcPort),
            dest_ip: value(Self::DestIp),
            dest_port: value(Self::DestPort),
        }
    }

    /// What a table for a person groups by where nothing else was asked for: one row for what looks the same.
    pub const SHOWN: [Self; 5] = [Self::Dvc, Self::App, Self::Direction, Self::Peer, Self::Service];

    /// Whether it takes all logs of the run to tell it.
    #[must_use]
    pub fn is_of_ends(self) -> bool {
        Self::ENDS.contains(&self)
    }

    /// Which field's value this one has, for a connection with these values: itself, for all but those that a table shows.
    ///
    /// Of a connection that did not come in, they are the destination's. Of one that did, where it is not known which end is the
    /// host, an end with the host's name is. If neither has it, the source is the peer, as Windows has it since 2019.
    #[must_use]
    pub fn stands_for<'a>(self, value: impl Fn(Self) -> &'a str) -> Self {
        if !matches!(self, Self::Peer | Self::PeerIp | Self::Service) {
            return self;
        }
        let is_known = !value(Self::RemoteIp).is_empty() || !value(Self::Remote).is_empty();
        let is_inbound = value(Self::Direction) == INBOUND;
        let is_from_host = || is_inbound && is_same_host(value(Self::Src), value(Self::Dvc));
        match self {
            Self::Peer if is_inbound && is_known => Self::Remote,
            Self::Peer if is_inbound && !is_from_host() => Self::Src,
            Self::Peer => Self::Dest,
            Self::PeerIp if is_inbound && is_known => Self::RemoteIp,
            Self::PeerIp if is_inbound && !is_from_host() => Self::SrcIp,
            Self::PeerIp => Self::DestIp,
            Self::Service if is_inbound && !value(Self::LocalPort).is_empty() => Self::LocalPort,
            Self::Service if !is_known && is_from_host() => Self::SrcPort,
            Self::Service => Self::DestPort,
            other => other,
        }
    }

    /// What its values are like.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::DestIp | Self::SrcIp | Self::RemoteIp | Self::LocalIp | Self::PeerIp => Kind::Address,
            Self::DestPort | Self::SrcPort | Self::ProcessId | Self::RemotePort | Self::LocalPort | Self::Service => {
                Kind::Number
            }
            _ => Kind::Text,
        }
    }

    /// The name of the field, as in the report's header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::App => "app",
            Self::Dest => "dest",
            Self::DestIp => "dest_ip",
            Self::DestPort => "dest_port",
            Self::Direction => "direction",
            Self::Dvc => "dvc",
            Self::Protocol => "protocol",
            Self::ProtocolVersion => "protocol_version",
            Self::Src => "src",
            Self::SrcIp => "src_ip",
            Self::SrcPort => "src_port",
            Self::Transport => "transport",
            Self::User => "user",
            Self::VendorProduct => "vendor_product",
            Self::ProcessName => "process_name",
            Self::ProcessExec => "process_exec",
            Self::ProcessGuid => "process_guid",
            Self::ProcessId => "process_id",
            Self::Remote => "remote",
            Self::RemoteIp => "remote_ip",
            Self::RemotePort => "remote_port",
            Self::LocalIp => "local_ip",
            Self::LocalPort => "local_port",
            Self::CommunityId => "community_id",
            Self::Peer => "peer",
            Self::PeerIp => "peer_ip",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Field {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let asked = name.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        let by_heading = || HEADINGS.iter().find(|(heading, _)| *heading == asked).map(|&(_, field)| field);
        Self::every().find(|field| field.name() == asked).or_else(by_heading).ok_or_else(|| {
            let names: Vec<&str> = Self::every().map(Self::name).collect();
            let meant = nearest(&asked).map_or_else(String::new, |nearest| format!("did you mean {nearest}? "));
            format!("{} is not a field: {meant}the fields are {}", text::quoted(name), names.join(", "))
        })
    }
}

/// The name of a field or of a column that is most like another, if one is like it.
fn nearest(asked: &str) -> Option<&'static str> {
    let names = Field::every().map(Field::name).chain(HEADINGS.iter().map(|&(heading, _)| heading));
    text::nearest(asked, names)
}

/// What a table calls its columns, and other tools the same, where it is not the name of the field.
const HEADINGS: [(&str, Field); 7] = [
    ("host", Field::Dvc),
    ("computer", Field::Dvc),
    ("process", Field::App),
    ("destination", Field::Dest),
    ("address", Field::DestIp),
    ("port", Field::DestPort),
    ("dir", Field::Direction),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_is_what_is_behind_the_last_backslash() {
        for (app, name) in [
            (r"C:\Windows\RegSvcs.exe", "RegSvcs.exe"),
            ("System", "System"),
            (r"C:\Temp\regsvcs.exe\", ""),
            (r"\\host\share/regsvcs.exe", "share/regsvcs.exe"),
            ("", ""),
        ] {
            assert_eq!(Connection { app: app.into(), ..Connection::default() }.process_name(), name);
        }
    }

    #[test]
    fn long_fields_are_cut_at_a_character_and_the_process_keeps_its_name() {
        let app = format!(r"C:\{}\regsvcs.exe", "ä".repeat(300));
        let mut connection = Connection { app: app.into(), user: "ö".repeat(300).into(), ..Connection::default() };
        assert!(connection.cut(255));
        assert_eq!(connection.process_name(), "regsvcs.exe");
        assert_eq!(connection.user, format!("{}…", "ö".repeat(127)));
        assert!(!connection.cut(400));
    }

    #[test]
    fn a_table_shows_the_end_that_is_the_peer_or_most_likely_is() {
        let shown = |direction, src: &'static str, dest: &'static str, ends: Option<Ends>| {
            let connection = Connection {
                dvc: "WS01.corp.example".into(),
                direction,
                src: src.into(),
                src_ip: "source".into(),
                src_port: "1".into(),
                dest: dest.into(),
                dest_ip: "destination".into(),
                dest_port: "2".into(),
                ends: ends.map(Box::new),
                ..Connection::default()
            };
            [Field::Peer, Field::PeerIp, Field::Service].map(|field| connection.get(field).to_owned())
        };
        assert_eq!(shown(OUTBOUND, "ws01", "a", None), ["a", "destination", "2"]);
        assert_eq!(shown(INBOUND, "a", "192.0.2.1", None), ["a", "source", "2"]);
        assert_eq!(shown(INBOUND, "WS01", "a", None), ["a", "destination", "1"]);
        assert_eq!(shown("", "a", "b", None), ["b", "destination", "2"]);
        let ends = |remote: &str, local_port: &str| {
            Some(Ends {
                remote: remote.to_owned(),
                remote_ip: "peer".to_owned(),
                local_port: local_port.to_owned(),
                ..Ends::default()
            })
        };
        assert_eq!(shown(INBOUND, "a", "b", ends("b", "1")), ["b", "peer", "1"]);
        assert_eq!(shown(OUTBOUND, "a", "b", ends("b", "1")), ["b", "destination", "2"]);
    }

    #[test]
    fn every_field_is_found_by_its_name() {
        for field in Field::every() {
            assert_eq!(field.name().parse(), Ok(field));
            assert_eq!(serde_json::to_value(field).unwrap(), field.name());
        }
        for (name, field) in [("Dest IP", Field::DestIp), ("PROCESS-GUID", Field::ProcessGuid), ("Host", Field::Dvc)] {
            assert_eq!(name.parse(), Ok(field));
        }
        assert!("time".parse::<Field>().is_err());
        assert!("dest_host".parse::<Field>().unwrap_err().contains("dest_ip"));
    }
}
