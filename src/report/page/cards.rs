//! The cards of a page: the top destinations, which host had which, what is rare, and what is repeated regularly.

use std::{collections::HashMap, io, net::IpAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Serialize;

use crate::{
    connection::cidr::CidrSet,
    group::{
        beacons::{Beacon, SortedBeacons},
        rarity::Rarity,
    },
    report::page::{
        moment::{Time, stated, time},
        observed::{Count, Observed},
    },
    rule::builtin,
};

const DESTINATIONS: usize = 50;
const REGULAR: usize = 1000;
const MATRIX: usize = 24;
const RARE: usize = 100;

/// Some things, and how many more there are.
#[derive(Debug, Serialize)]
pub(super) struct Top<T> {
    top: Vec<T>,
    more: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Destination<'a> {
    dest: &'a str,
    dest_ip: &'a str,
    network: String,
    /// Whether the network is a special one, otherwise it is just the one around the address.
    special: bool,
    ports: Vec<&'a str>,
    hosts: u64,
    hits: u64,
    first: Time,
    last: Time,
}

#[derive(Debug, Serialize)]
pub(super) struct Matrix<'a> {
    hosts: Vec<&'a str>,
    more_hosts: usize,
    destinations: Vec<[&'a str; 2]>,
    more_destinations: usize,
    /// By host, then by destination; the last of each are all others.
    hits: Vec<Vec<u64>>,
}

/// What a process and a destination have in common, on few hosts.
#[derive(Debug, Serialize)]
pub(super) struct Rare<'a> {
    process: &'a str,
    destination: &'a str,
    hosts: usize,
    first_host: &'a str,
    hits: u64,
    first: Time,
    last: Time,
}

/// A row of the table of beacons.
#[derive(Debug, Serialize)]
pub(super) struct Channel {
    /// Host, process, destination, its address and its port.
    values: Vec<String>,
    count: u64,
    first: Time,
    last: Time,
    /// In milliseconds.
    median: u64,
    /// The median absolute deviation, in milliseconds.
    deviation: u64,
    /// In thousandths.
    score: u16,
}

impl Observed {
    pub(super) fn destination(&self, index: usize) -> Option<&Count<(u32, u32)>> {
        self.destinations.list.get(index)
    }

    pub(super) fn labels(&self, count: &Count<(u32, u32)>) -> [&str; 2] {
        [self.names.get(count.key.0), self.names.get(count.key.1)]
    }
}

pub(super) fn destinations(observed: &Observed) -> Top<Destination<'_>> {
    let special = special();
    let mut hosts: HashMap<u32, u64> = HashMap::new();
    for &((_, destination), _) in &observed.matrix {
        *hosts.entry(destination).or_default() += 1;
    }
    let entry = |index: usize| {
        let count = observed.destination(index)?;
        let [dest, dest_ip] = observed.labels(count);
        let mut ports: Vec<&str> = observed.ports.get(index)?.iter().map(|&port| observed.names.get(port)).collect();
        ports.sort_by_key(|port| (port.parse::<u16>().ok(), *port));
        let (network, special) = network(dest_ip, &special);
        let hosts = u32::try_from(index).ok().and_then(|index| hosts.get(&index)).copied().unwrap_or(0);
        let (hits, first, last) = (count.hits, time(count.first), time(count.last));
        Some(Destination { dest, dest_ip, network, special, ports, hosts, hits, first, last })
    };
    let (top, more) = observed.destinations.top(DESTINATIONS);
    Top { top: top.into_iter().filter_map(entry).collect(), more }
}

/// The special-purpose networks.
pub(super) fn special() -> CidrSet {
    builtin::networks(&builtin::SPECIAL).unwrap_or_default().into_iter().collect()
}

/// The special-purpose network that an address is in, or else the /24 or /48 around it; and whether it is a special one.
pub(super) fn network(address: &str, special: &CidrSet) -> (String, bool) {
    let Ok(address) = address.parse::<IpAddr>() else { return (String::new(), false) };
    if let Some(network) = special.find(address) {
        return (network.to_string(), true);
    }
    let around = match address {
        IpAddr::V4(address) => Ipv4Net::new(address, 24).map(IpNet::V4),
        IpAddr::V6(address) => Ipv6Net::new(address, 48).map(IpNet::V6),
    };
    (around.map(|network| network.trunc().to_string()).unwrap_or_default(), false)
}

pub(super) fn rare(rarity: &Rarity) -> Top<Rare<'_>> {
    let (pairs, more) = rarity.rarest(RARE);
    let pairs = pairs.into_iter().map(|pair| Rare {
        process: pair.process,
        destination: pair.destination,
        hosts: pair.hosts,
        first_host: pair.first_host,
        hits: pair.connections,
        first: stated(pair.first),
        last: stated(pair.last),
    });
    Top { top: pairs.collect(), more }
}

pub(super) fn matrix(observed: &Observed) -> Matrix<'_> {
    let (hosts, more_hosts) = observed.hosts.top(MATRIX);
    let (destinations, more_destinations) = observed.destinations.top(MATRIX);
    let place = |indices: &[usize]| indices.iter().copied().zip(0..).collect::<HashMap<usize, usize>>();
    let (rows, columns) = (place(&hosts), place(&destinations));
    let mut hits = vec![vec![0; destinations.len() + 1]; hosts.len() + 1];
    for &((host, destination), count) in &observed.matrix {
        let row = rows.get(&(host as usize)).copied().unwrap_or(hosts.len());
        let column = columns.get(&(destination as usize)).copied().unwrap_or(destinations.len());
        if let Some(cell) = hits.get_mut(row).and_then(|row| row.get_mut(column)) {
            *cell = count.saturating_add(*cell);
        }
    }
    let host = |index: usize| observed.hosts.list.get(index).map_or("", |count| observed.names.get(count.key));
    Matrix {
        hosts: hosts.into_iter().map(host).collect(),
        more_hosts,
        destinations: destinations
            .into_iter()
            .map(|index| observed.destination(index).map_or([""; 2], |count| observed.labels(count)))
            .collect(),
        more_destinations,
        hits,
    }
}

/// The most regular channels, in the order of the table of beacons.
///
/// # Errors
///
/// What was spilled cannot be read again.
pub(super) fn regular(beacons: &SortedBeacons) -> io::Result<Top<Channel>> {
    let row = |beacon: Beacon| Channel {
        values: beacon.values().map(str::to_owned).collect(),
        count: beacon.count(),
        first: stated(beacon.first()),
        last: stated(beacon.last()),
        median: beacon.rhythm.median,
        deviation: beacon.rhythm.deviation,
        score: beacon.score(),
    };
    let top: Vec<Channel> = beacons.pass()?.take(REGULAR).map(|beacon| beacon.map(row)).collect::<io::Result<_>>()?;
    let scored = usize::try_from(beacons.channels().scored).unwrap_or(usize::MAX);
    Ok(Top { more: scored.saturating_sub(top.len()), top })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::cidr;

    #[test]
    fn a_destination_has_its_special_network_or_the_one_around_it() {
        let special: CidrSet = ["10.0.0.0/8", "fe80::/10"].map(|text| cidr::parse(text).unwrap()).into_iter().collect();
        for (address, expected) in [
            ("10.1.2.3", ("10.0.0.0/8", true)),
            ("8.8.8.8", ("8.8.8.0/24", false)),
            ("2606:4700:4700::1111", ("2606:4700:4700::/48", false)),
            ("fe80::1", ("fe80::/10", true)),
            ("not an address", ("", false)),
        ] {
            let (network, is_special) = network(address, &special);
            assert_eq!((network.as_str(), is_special), expected);
        }
    }
}
