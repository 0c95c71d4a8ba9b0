//! The [`Locals`]: the addresses that hosts have, and so which end of a connection is the host that logged it.
//!
//! Which end Windows calls the destination of an inbound connection depends on its version: up to Server 2008 R2 it is the peer,
//! from 2019 on the host itself for TCP, and either for UDP. So the addresses decide that the host's outbound connections came
//! from, in all logs of the run.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};

use crate::{
    connection::{
        ends::Ends,
        glossary::{Connection, Field, INBOUND, OUTBOUND},
        host,
        sysmon::{self, Part},
    },
    evtx::typed::{Raw, Values},
};

/// The addresses that hosts have, by what their outbound connections say; names of hosts are folded. Texts as reports show them, so that one that is not an
/// address counts too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, BTreeSet<String>>", from = "BTreeMap<String, BTreeSet<String>>")]
pub struct Locals {
    by_host: BTreeMap<String, BTreeSet<String>>,
    /// What they take in memory, in bytes.
    size: usize,
}

/// Connections that were learned from, by their values as these stand in logs. Most repeat.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    met: HashSet<Box<[u8]>, ahash::RandomState>,
    key: Vec<u8>,
}

/// How many connections are remembered at most, and how long the values of one are, in bytes.
const MOST_LEARNED: usize = 8192;
const LONGEST_LEARNED: usize = 512;

/// What an address or a host takes in memory besides its text, in bytes: a string, its allocation, and its share of a table.
const EACH: usize = size_of::<(String, BTreeSet<String>)>() + 32;

impl From<Locals> for BTreeMap<String, BTreeSet<String>> {
    fn from(locals: Locals) -> Self {
        locals.by_host
    }
}

impl From<BTreeMap<String, BTreeSet<String>>> for Locals {
    fn from(by_host: BTreeMap<String, BTreeSet<String>>) -> Self {
        let mut locals = Self::default();
        locals.merge(Self { by_host, size: 0 });
        locals
    }
}

impl Locals {
    /// Takes the source of an outbound connection as an address of its host.
    pub fn learn(&mut self, connection: &Connection<'_>) {
        self.learn_source(&connection.dvc, &connection.src_ip, connection.direction);
    }

    fn learn_source(&mut self, host: &str, src_ip: &str, direction: &str) {
        // Connections of which the host is not stated may be of any.
        if direction == OUTBOUND && !src_ip.is_empty() && !host.is_empty() {
            self.add(&host::folded(host), src_ip);
        }
    }

    /// Adds what another part of a scan has learned.
    pub fn merge(&mut self, other: Self) {
        for (host, addresses) in other.by_host {
            for address in addresses {
                self.add(&host, &address);
            }
        }
    }

    /// What they take in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    fn add(&mut self, host: &str, address: &str) {
        if self.has(host, address) {
            return;
        }
        if !self.by_host.contains_key(host) {
            self.by_host.insert(host.to_owned(), BTreeSet::new());
            self.size += EACH + host.len();
        }
        if let Some(addresses) = self.by_host.get_mut(host) {
            addresses.insert(address.to_owned());
            self.size += EACH + address.len();
        }
    }

    fn has(&self, host: &str, address: &str) -> bool {
        self.by_host.get(host).is_some_and(|addresses| addresses.contains(address))
    }

    /// The ends of a connection.
    #[must_use]
    pub fn ends(&self, connection: &Connection<'_>) -> Ends {
        let Connection { dvc, src_ip, dest_ip, direction, .. } = connection;
        let sides = self.sides(dvc, src_ip, dest_ip, direction);
        let end = |end| sides.field(end).map_or("", |field| connection.get(field)).to_owned();
        let remote_ip = end(Field::RemoteIp);
        Ends {
            remote: end(Field::Remote),
            remote_port: end(Field::RemotePort),
            local_ip: end(Field::LocalIp),
            local_port: end(Field::LocalPort),
            remote_addr: remote_ip.parse().ok(),
            remote_ip,
        }
    }

    /// On which sides the ends of a connection of this host are, with these addresses and this direction.
    #[must_use]
    pub fn sides(&self, host: &str, src_ip: &str, dest_ip: &str, direction: &str) -> Sides {
        let host = host::folded(host);
        let is_own = |address: &str| !address.is_empty() && self.has(&host, address);
        match ((is_own(src_ip), is_own(dest_ip)), direction) {
            ((false, true), _) => Sides::FromPeer,
            ((true, false), _) | (_, OUTBOUND) => Sides::FromHost,
            (_, INBOUND) => match (stays(src_ip), stays(dest_ip)) {
                (true, false) => Sides::FromHost,
                (false, true) => Sides::FromPeer,
                _ if src_ip == dest_ip && !dest_ip.is_empty() => Sides::Itself,
                _ => Sides::Unknown,
            },
            _ => Sides::Unknown,
        }
    }
}

impl Learned {
    /// Has `locals` learn from a connection that has these values, unless they have from one like it.
    pub fn learn(&mut self, values: &Values<'_>, locals: &mut Locals) {
        let parts = [Part::Computer, Part::Initiated, Part::SourceIp];
        self.key.clear();
        for Raw { kind, bytes } in parts.map(|part| part.value(values)) {
            self.key.push(kind);
            self.key.extend_from_slice(&bytes.len().to_le_bytes());
            self.key.extend_from_slice(bytes);
        }
        if self.met.contains(&*self.key) {
            return;
        }
        if self.key.len() <= LONGEST_LEARNED {
            if self.met.len() >= MOST_LEARNED {
                self.met.clear();
            }
            self.met.insert(self.key.as_slice().into());
        }
        let [host, initiated, source] = parts.map(|part| part.value(values).text());
        let direction = sysmon::direction(Part::Initiated.meaning(&initiated).truth);
        locals.learn_source(&Part::Computer.meaning(&host).text, &Part::SourceIp.meaning(&source).text, direction);
    }
}

/// On which side of a connection the host is, and on which its peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// The host is the source.
    FromHost,
    /// The peer is the source.
    FromPeer,
    /// A host that something in it has connected to: either address is the peer's, but which port is not known.
    Itself,
    /// It is not known.
    Unknown,
}

impl Sides {
    /// The field whose value one of the ends has: nothing if that is not known. Any other field has its own.
    #[must_use]
    pub fn field(self, field: Field) -> Option<Field> {
        if !field.is_of_ends() {
            return Some(field);
        }
        let [source, destination] =
            [[Field::Src, Field::SrcIp, Field::SrcPort], [Field::Dest, Field::DestIp, Field::DestPort]];
        let ([name, ip, port], [_, local_ip, local_port]) = match self {
            Self::FromHost | Self::Itself => (destination, source),
            Self::FromPeer => (source, destination),
            Self::Unknown => return None,
        };
        match field {
            Field::Remote => Some(name),
            Field::RemoteIp => Some(ip),
            Field::LocalIp => Some(local_ip),
            _ if self == Self::Itself => None,
            Field::RemotePort => Some(port),
            _ => Some(local_port),
        }
    }
}

/// Whether an address never leaves its host or its link, so that in a log of the host it is the host's own: loopback, and
/// link-local of IPv4 and IPv6 (RFC 1122, 3927, 4291).
fn stays(address: &str) -> bool {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unicast_link_local(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "10.0.0.5";

    fn connection(direction: &'static str, src: &'static str, dest: &'static str) -> Connection<'static> {
        Connection {
            dvc: "WS01".into(),
            direction,
            src: src.into(),
            src_ip: src.into(),
            src_port: "1".into(),
            dest: dest.into(),
            dest_ip: dest.into(),
            dest_addr: dest.parse().ok(),
            dest_port: "2".into(),
            ..Connection::default()
        }
    }

    #[test]
    fn the_end_that_a_host_has_connected_from_is_its_own() {
        let mut locals = Locals::default();
        locals.learn(&connection(OUTBOUND, HOST, "192.0.2.1"));
        locals.learn(&connection(OUTBOUND, HOST, "192.0.2.1"));
        locals.learn(&connection(INBOUND, "192.0.2.9", "192.0.2.8"));
        let peer = |direction, src, dest| {
            let ends = locals.ends(&connection(direction, src, dest));
            (ends.remote_ip, ends.remote_port, ends.local_ip, ends.local_port)
        };
        let is = |remote: &str, remote_port: &str, local: &str, local_port: &str| {
            (remote.to_owned(), remote_port.to_owned(), local.to_owned(), local_port.to_owned())
        };
        for (direction, src, dest, expected) in [
            (OUTBOUND, HOST, "192.0.2.1", is("192.0.2.1", "2", HOST, "1")),
            (INBOUND, "192.0.2.1", HOST, is("192.0.2.1", "1", HOST, "2")),
            (INBOUND, HOST, "192.0.2.1", is("192.0.2.1", "2", HOST, "1")),
            // Neither: the host is the source of what goes out, and of what comes in an address that never leaves it is its own.
            (OUTBOUND, "10.0.0.6", "192.0.2.1", is("192.0.2.1", "2", "10.0.0.6", "1")),
            (INBOUND, "fe80::1", "2001:db8::1", is("2001:db8::1", "2", "fe80::1", "1")),
            (INBOUND, "192.0.2.1", "169.254.3.4", is("192.0.2.1", "1", "169.254.3.4", "2")),
            (INBOUND, "192.0.2.1", "192.0.2.2", is("", "", "", "")),
            (INBOUND, "127.0.0.1", "127.0.0.1", is("127.0.0.1", "", "127.0.0.1", "")),
            ("", "192.0.2.1", "192.0.2.2", is("", "", "", "")),
            // Nothing tells who connected where the direction is not stated, and of what goes out the direction does.
            ("", "127.0.0.1", "127.0.0.1", is("", "", "", "")),
            ("", HOST, HOST, is("", "", "", "")),
            (INBOUND, HOST, HOST, is(HOST, "", HOST, "")),
            (OUTBOUND, HOST, HOST, is(HOST, "2", HOST, "1")),
            ("", HOST, "192.0.2.2", is("192.0.2.2", "2", HOST, "1")),
            (INBOUND, "", "", is("", "", "", "")),
        ] {
            assert_eq!(peer(direction, src, dest), expected, "{direction} {src} {dest}");
        }
        for same in ["ws01", "WS01."] {
            let same = Connection { dvc: same.into(), ..connection(INBOUND, "192.0.2.1", HOST) };
            assert_eq!(locals.ends(&same).remote_ip, "192.0.2.1");
        }
        let elsewhere = Connection { dvc: "WS02".into(), ..connection(INBOUND, "192.0.2.1", HOST) };
        assert_eq!(locals.ends(&elsewhere), Ends::default());
        // Two of which no host is stated may be of different ones.
        let unstated = |connection| Connection { dvc: "".into(), ..connection };
        locals.learn(&unstated(connection(OUTBOUND, HOST, "192.0.2.1")));
        assert_eq!(locals.ends(&unstated(connection(INBOUND, "192.0.2.1", HOST))), Ends::default());
    }
}
