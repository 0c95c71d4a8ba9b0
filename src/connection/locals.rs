//! The [`Locals`]: the addresses that hosts have, and so which end of a connection is the host that logged it.
//!
//! Which end Windows calls the destination of an inbound connection depends on its version: up to Server 2008 R2 it is the peer,
//! from 2019 on the host itself for TCP, and either for UDP. So the addresses decide that the host's outbound connections came
//! from, in all logs of the run.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::connection::{
    ends::Ends,
    glossary::{Connection, INBOUND, OUTBOUND},
};

/// The addresses that hosts have, by what their outbound connections say. Texts as reports show them, so that one that is not an
/// address counts too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locals {
    by_host: BTreeMap<String, BTreeSet<String>>,
    /// What they take in memory, in bytes.
    size: usize,
}

/// What an address or a host takes in memory besides its text, in bytes: a string, its allocation, and its share of a table.
const EACH: usize = size_of::<(String, BTreeSet<String>)>() + 32;

impl Locals {
    /// Takes the source of an outbound connection as an address of its host.
    pub fn learn(&mut self, connection: &Connection<'_>) {
        if connection.direction == OUTBOUND && !connection.src_ip.is_empty() {
            self.add(&connection.dvc, &connection.src_ip);
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
        let is_own = |address: &str| !address.is_empty() && self.has(&connection.dvc, address);
        let known = (is_own(&connection.src_ip), is_own(&connection.dest_ip));
        let is_source = match (known, connection.direction) {
            ((false, true), _) => Some(false),
            ((true, false), _) | (_, OUTBOUND) => Some(true),
            (_, INBOUND) => match (stays(&connection.src_ip), stays(&connection.dest_ip)) {
                (true, false) => Some(true),
                (false, true) => Some(false),
                _ => None,
            },
            _ => None,
        };
        match is_source {
            Some(true) => ends(&End::destination(connection), &End::source(connection)),
            Some(false) => ends(&End::source(connection), &End::destination(connection)),
            // A host that talks to itself: either address is the peer's, but which port is not known.
            None if connection.src_ip == connection.dest_ip && !connection.dest_ip.is_empty() => Ends {
                remote: connection.dest.clone().into_owned(),
                remote_ip: connection.dest_ip.clone().into_owned(),
                remote_addr: connection.dest_addr,
                local_ip: connection.src_ip.clone().into_owned(),
                ..Ends::default()
            },
            None => Ends::default(),
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

/// One end of a connection.
struct End<'a> {
    name: &'a str,
    ip: &'a str,
    port: &'a str,
}

impl<'a> End<'a> {
    fn source(connection: &'a Connection<'_>) -> Self {
        Self { name: &connection.src, ip: &connection.src_ip, port: &connection.src_port }
    }

    fn destination(connection: &'a Connection<'_>) -> Self {
        Self { name: &connection.dest, ip: &connection.dest_ip, port: &connection.dest_port }
    }
}

/// The ends, where it is known which is which.
fn ends(remote: &End<'_>, local: &End<'_>) -> Ends {
    Ends {
        remote: remote.name.to_owned(),
        remote_ip: remote.ip.to_owned(),
        remote_port: remote.port.to_owned(),
        local_ip: local.ip.to_owned(),
        local_port: local.port.to_owned(),
        remote_addr: remote.ip.parse().ok(),
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
            ("", HOST, "192.0.2.2", is("192.0.2.2", "2", HOST, "1")),
            (INBOUND, "", "", is("", "", "", "")),
        ] {
            assert_eq!(peer(direction, src, dest), expected, "{direction} {src} {dest}");
        }
        let elsewhere = Connection { dvc: "WS02".into(), ..connection(INBOUND, "192.0.2.1", HOST) };
        assert_eq!(locals.ends(&elsewhere), Ends::default());
    }
}
