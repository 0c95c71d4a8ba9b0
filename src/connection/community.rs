//! The Community ID of a [`Flow`]: one short name for a connection, the same in every tool that computes it, so that a row here and
//! the flow that Zeek, Suricata or a packet capture saw can be joined.
//!
//! Version 1 with the seed 0, of TCP and UDP alone. The `community-id` crate is not used: for thirty lines it would bring older
//! versions of `sha1` and `base64` beside those that are here, and `unsafe` code.

use std::{net::IpAddr, sync::OnceLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::{Digest, Sha1};

use crate::text;

/// What tells one flow from another, as reports show it.
#[derive(Debug, Clone, Copy)]
pub struct Flow<'a> {
    /// `tcp` or `udp`.
    pub transport: &'a str,
    /// The address of one end.
    pub src_ip: &'a str,
    /// Its port, decimal.
    pub src_port: &'a str,
    /// The address of the other end.
    pub dest_ip: &'a str,
    /// Its port, decimal.
    pub dest_port: &'a str,
}

/// What the text of an id of version 1 starts with.
const VERSION: &str = "1:";
/// The seed, by which organisations can have ids of their own.
const SEED: u16 = 0;

impl Flow<'_> {
    /// Its Community ID, such as `1:LQU9qZlK+B5F3KDmev6m5PMibrg=`; the same from either end. Empty if it is neither TCP nor UDP, an
    /// address or a port is not one, or the addresses are of two kinds.
    ///
    /// The hash is SHA-1 of, in network byte order: the seed, the address and then the other address, the protocol's number, a byte
    /// 0, the port and then the other port; the end with the smaller address, or else the smaller port, comes first
    /// (<https://github.com/corelight/community-id-spec>).
    #[must_use]
    pub fn community_id(&self) -> String {
        self.hash().map_or_else(String::new, |hash| format!("{VERSION}{}", STANDARD.encode(hash)))
    }

    fn hash(&self) -> Option<[u8; 20]> {
        // The numbers that IANA has given to the protocols.
        let protocol: u8 = match self.transport {
            "tcp" => 6,
            "udp" => 17,
            _ => return None,
        };
        let source = (self.src_ip.parse::<IpAddr>().ok()?, text::number::<u16>(self.src_port)?);
        let dest = (self.dest_ip.parse::<IpAddr>().ok()?, text::number::<u16>(self.dest_port)?);
        if source.0.is_ipv4() != dest.0.is_ipv4() {
            return None;
        }
        let (one, other) = (source.min(dest), source.max(dest));
        let mut hash = Sha1::new_with_prefix(SEED.to_be_bytes());
        for (address, _) in [one, other] {
            match address {
                IpAddr::V4(address) => hash.update(address.octets()),
                IpAddr::V6(address) => hash.update(address.octets()),
            }
        }
        hash.update([protocol, 0]);
        for (_, port) in [one, other] {
            hash.update(port.to_be_bytes());
        }
        Some(hash.finalize().into())
    }
}

/// The Community ID of what it is in, once it was asked for. It says nothing that the other fields do not: two are always equal, and a
/// copy starts without.
#[derive(Debug, Default)]
pub struct Memo(OnceLock<String>);

impl Memo {
    /// The id of a flow, which is always the same one.
    pub fn of(&self, flow: Flow<'_>) -> &str {
        self.0.get_or_init(|| flow.community_id())
    }
}

impl Clone for Memo {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Memo {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memo {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flows with the ids that Corelight's `communityid` 1.5.0 gives, the reference implementation.
    const KNOWN: [(&str, &str, &str, &str, &str, &str); 8] = [
        ("tcp", "10.1.2.3", "50123", "198.41.0.4", "443", "1:Koqjtyx7bzyu70o08Wk12FShPk0="),
        ("tcp", "192.0.2.7", "443", "192.0.2.6", "50000", "1:9npE5wouc/x6dAPMHKDTsCsGL70="),
        ("udp", "10.1.2.3", "53", "10.1.2.3", "5353", "1:X4nXCSRqR6DfzMjdK82q1ukWx84="),
        ("udp", "192.168.1.52", "54585", "8.8.8.8", "53", "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        ("tcp", "2001:db8::1", "1024", "2606:4700:4700::1111", "443", "1:K7q+i8viDICXcQIt92wu5OjMfTo="),
        ("udp", "fe80::1", "546", "ff02::1:2", "547", "1:o26QFv3mif4Dx/VQdbDgpj4ygjU="),
        ("tcp", "255.255.255.255", "0", "0.0.0.0", "65535", "1:M2ra/AZ8okY4P3Zk2U5117mnMgw="),
        ("tcp", "128.232.110.120", "34855", "66.35.250.204", "80", "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    ];

    #[test]
    fn ids_are_those_of_the_reference_from_either_end() {
        for (transport, src_ip, src_port, dest_ip, dest_port, id) in KNOWN {
            let flow = Flow { transport, src_ip, src_port, dest_ip, dest_port };
            assert_eq!(flow.community_id(), id, "{flow:?}");
            let back = Flow { transport, src_ip: dest_ip, src_port: dest_port, dest_ip: src_ip, dest_port: src_port };
            assert_eq!(back.community_id(), id, "{back:?}");
        }
    }

    #[test]
    fn what_has_no_id_gets_none() {
        let flow =
            Flow { transport: "tcp", src_ip: "10.0.0.1", src_port: "1", dest_ip: "10.0.0.2", dest_port: "65535" };
        assert!(!flow.community_id().is_empty());
        for without in [
            Flow { transport: "icmp", ..flow },
            Flow { transport: "", ..flow },
            Flow { src_ip: "", ..flow },
            Flow { src_ip: "host", ..flow },
            Flow { src_ip: "fe80::1%12", ..flow },
            Flow { dest_ip: "2001:db8::1", ..flow },
            Flow { src_port: "", ..flow },
            Flow { src_port: "65536", ..flow },
            Flow { src_port: "+1", ..flow },
            Flow { dest_port: "0443", ..flow },
        ] {
            assert_eq!(without.community_id(), "", "{without:?}");
        }
    }
}
