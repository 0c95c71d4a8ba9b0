//! A small writer of databases in MaxMind's format, for tests: a tree of address bits, data, and what is said of both.
//!
//! The format: <https://maxmind.github.io/MaxMind-DB/>, version 2.0.

use std::net::IpAddr;

/// A value of the data.
pub enum Value {
    Text(&'static str),
    U32(u32),
    Map(Vec<(&'static str, Value)>),
}

/// Where a bit leads.
#[derive(Clone, Copy)]
enum Slot {
    Nowhere,
    Node(usize),
    Data(usize),
}

/// What a system is, and where, in the words of MaxMind.
pub fn maxmind(asn: u32, as_org: &'static str, country: &'static str) -> Value {
    Value::Map(vec![
        ("autonomous_system_number", Value::U32(asn)),
        ("autonomous_system_organization", Value::Text(as_org)),
        ("country", Value::Map(vec![("geoname_id", Value::U32(1)), ("iso_code", Value::Text(country))])),
    ])
}

/// The same, in those of `IPinfo`.
pub fn ipinfo(asn: &'static str, as_name: &'static str, country_code: &'static str, country: &'static str) -> Value {
    let texts = [("asn", asn), ("as_name", as_name), ("country_code", country_code), ("country", country)];
    Value::Map(
        texts
            .map(|(name, text)| (name, Value::Text(text)))
            .into_iter()
            .filter(|(_, value)| value.is_stated())
            .collect(),
    )
}

impl Value {
    fn is_stated(&self) -> bool {
        !matches!(self, Self::Text(""))
    }
}

/// A database of networks, each an address with the number of its bits that count. With IPv6 addresses it is one of IPv6.
pub fn database(networks: &[(&str, u8, Value)]) -> Vec<u8> {
    let networks: Vec<(IpAddr, u8, &Value)> =
        networks.iter().map(|(address, bits, value)| (address.parse().unwrap(), *bits, value)).collect();
    let is_v6 = networks.iter().any(|(address, ..)| address.is_ipv6());
    let (mut nodes, mut data) = (vec![[Slot::Nowhere; 2]], Vec::new());
    for (address, bits, value) in networks {
        // An IPv4 address is the end of an IPv6 one whose other bits are 0.
        let (address, bits) = match address {
            IpAddr::V4(address) if is_v6 => (u128::from(u32::from(address)), bits + 96),
            IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, bits),
            IpAddr::V6(address) => (u128::from(address), bits),
        };
        let bit = |at: u8| usize::from(address >> (127 - at) & 1 == 1);
        let mut node = 0;
        for at in 0..bits - 1 {
            node = match nodes[node][bit(at)] {
                Slot::Node(next) => next,
                _ => {
                    nodes.push([Slot::Nowhere; 2]);
                    let next = nodes.len() - 1;
                    nodes[node][bit(at)] = Slot::Node(next);
                    next
                }
            };
        }
        nodes[node][bit(bits - 1)] = Slot::Data(data.len());
        write(&mut data, value);
    }
    let count = nodes.len();
    let record = |slot: Slot| match slot {
        Slot::Nowhere => count,
        Slot::Node(node) => node,
        Slot::Data(at) => count + 16 + at,
    };
    let mut file = Vec::new();
    for slot in nodes.iter().flatten() {
        file.extend(&u32::try_from(record(*slot)).unwrap().to_be_bytes()[1..]);
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.extend(metadata(u32::try_from(count).unwrap(), if is_v6 { 6 } else { 4 }));
    file
}

fn metadata(nodes: u32, version: u8) -> Vec<u8> {
    let mut out = vec![7 << 5 | 9];
    let mut member = |name: &'static str, value: &[u8]| {
        write(&mut out, &Value::Text(name));
        out.extend(value);
    };
    let u16 = |value: u8| vec![5 << 5 | 1, value];
    member("binary_format_major_version", &u16(2));
    member("binary_format_minor_version", &u16(0));
    // Numbers of 64 bits and lists are of types that do not fit into the first byte.
    member("build_epoch", &[1, 2, 1]);
    member("database_type", b"\x44Test");
    member("description", &[7 << 5]);
    member("ip_version", &u16(version));
    member("languages", &[0, 4]);
    member("node_count", &[&[6 << 5 | 4][..], &nodes.to_be_bytes()].concat());
    member("record_size", &u16(24));
    out
}

fn write(out: &mut Vec<u8>, value: &Value) {
    let head = |out: &mut Vec<u8>, kind: u8, size: usize| match u8::try_from(size).unwrap() {
        size @ 0..29 => out.push(kind << 5 | size),
        size => out.extend([kind << 5 | 29, size - 29]),
    };
    match value {
        Value::Text(text) => {
            head(out, 2, text.len());
            out.extend(text.as_bytes());
        }
        Value::U32(number) => {
            head(out, 6, 4);
            out.extend(number.to_be_bytes());
        }
        Value::Map(members) => {
            head(out, 7, members.len());
            for (name, value) in members {
                write(out, &Value::Text(name));
                write(out, value);
            }
        }
    }
}
