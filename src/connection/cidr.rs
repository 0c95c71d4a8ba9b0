//! A [`CidrSet`]: networks in CIDR notation, with a fast "which of them holds this address".
//!
//! What a set means, detection or exclusion, is the rule's concern.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Subnets};

use crate::text;

/// Networks of both families, without repetition.
///
/// CIDR networks nest or are disjoint. So the networks, sorted by address and then from wide to narrow, form a forest:
/// the narrowest network that holds an address is the last one that starts at or before it, or one of those
/// around that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CidrSet {
    networks: Vec<IpNet>,
    /// For each network, the index of the narrowest network around it.
    around: Vec<Option<usize>>,
}

impl CidrSet {
    /// The networks, sorted: IPv4 first, by address, wide before narrow.
    #[must_use]
    pub fn networks(&self) -> &[IpNet] {
        &self.networks
    }

    /// The narrowest network that holds `address`.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<IpNet> {
        let behind = self.networks.partition_point(|network| network.network() <= address);
        self.first_around(behind, |network| network.contains(&address))
    }

    /// The narrowest network that holds all of `inner`.
    #[must_use]
    pub fn holding(&self, inner: &IpNet) -> Option<IpNet> {
        let sorted = |network: &IpNet| (network.network(), network.prefix_len());
        let behind = self.networks.partition_point(|network| sorted(network) <= sorted(inner));
        self.first_around(behind, |network| network.contains(inner))
    }

    /// Of the network before a place and those around it, from the narrowest on, the first that holds something.
    fn first_around(&self, place: usize, holds: impl Fn(&IpNet) -> bool) -> Option<IpNet> {
        let mut candidate = place.checked_sub(1);
        while let Some(index) = candidate {
            let network = self.networks.get(index)?;
            if holds(network) {
                return Some(*network);
            }
            candidate = *self.around.get(index)?;
        }
        None
    }
}

impl FromIterator<IpNet> for CidrSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        let mut networks: Vec<IpNet> = networks.into_iter().collect();
        networks.sort_unstable_by_key(|network| (network.network(), network.prefix_len()));
        networks.dedup();
        let mut around = Vec::with_capacity(networks.len());
        let mut open: Vec<(usize, IpNet)> = Vec::new();
        for (index, network) in networks.iter().enumerate() {
            while open.pop_if(|(_, outer)| !outer.contains(network)).is_some() {}
            around.push(open.last().map(|&(outer, _)| outer));
            open.push((index, *network));
        }
        Self { networks, around }
    }
}

/// Reads one network: `10.0.0.0/8`, `2001:db8::/32`, or a bare address, which is its own /32 or /128.
///
/// A network inside `::ffff:0:0/96` is the IPv4 network that it maps.
///
/// # Errors
///
/// Text for a person: the value, the accepted form and an example. A network with host bits set is refused with the
/// network that was probably meant, and zeros in front of a number, which is octal for some programs.
pub fn parse(text: &str) -> Result<IpNet, String> {
    let network = read(text)?;
    if network.addr() != network.network() {
        return Err(format!("{} has host bits set: did you mean {}?", text::quoted(text), network.trunc()));
    }
    Ok(unmapped(network))
}

/// The same, where a network with host bits set is the one that it is in.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_around(text: &str) -> Result<IpNet, String> {
    read(text).map(|network| unmapped(network.trunc()))
}

fn read(text: &str) -> Result<IpNet, String> {
    const FORM: &str = "give ADDRESS/BITS, for example 10.0.0.0/8 or fc00::/7";
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let network = address.parse::<IpAddr>().ok().and_then(|address| match bits {
        None => Some(address.into()),
        Some(bits) => IpNet::new(address, text::number(bits)?).ok(),
    });
    network.ok_or_else(|| {
        let shown = text::quoted(text);
        if let Some(networks) = of_range(text) {
            return format!("{shown} is not a network: {networks}");
        }
        let has_zeros =
            |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit());
        // That is how IPv6 addresses are often written.
        if text.parse::<IpNet>().is_ok() || !text.contains(':') && text.split(['.', '/']).any(has_zeros) {
            return format!("{shown} has a number with a zero in front, which is octal for some programs: {FORM}");
        }
        format!("{shown} is not a network: {FORM}")
    })
}

/// Which networks are to be given for a range of addresses, such as `192.0.2.0-192.0.2.9`; `None` if it is not one.
pub(super) fn of_range(text: &str) -> Option<String> {
    const NAMED: usize = 4;
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim().parse::<IpAddr>().ok()?, last.trim().parse::<IpAddr>().ok()?);
    let networks: Vec<IpNet> = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            Ipv4Subnets::new(first, last, 0).map(IpNet::V4).take(NAMED + 1).collect()
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            Ipv6Subnets::new(first, last, 0).map(IpNet::V6).take(NAMED + 1).collect()
        }
        _ => return None,
    };
    let shown: Vec<String> = networks.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if networks.len() > NAMED { " and so on" } else { "" };
    let given = || format!("a range of addresses is given as its networks, here {}{more}", shown.join(","));
    (!shown.is_empty()).then(given)
}

/// Reads one network per line; `#` starts a comment, blank lines are skipped.
///
/// # Errors
///
/// As [`parse`], with the line's number; or it has no network.
pub fn parse_list(text: &str) -> Result<Vec<IpNet>, String> {
    let mut networks = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text::lines(text).enumerate() {
        let network = line.split('#').next().unwrap_or_default().trim();
        if !network.is_empty() {
            networks.push(parse(network).map_err(|message| format!("line {}: {message}", index + 1))?);
        }
    }
    if networks.is_empty() {
        return Err("it has no network: give one per line, for example 10.0.0.0/8".to_owned());
    }
    Ok(networks)
}

/// The IPv4 network that an IPv4-mapped one stands for; others as they are.
fn unmapped(network: IpNet) -> IpNet {
    let mapped = |network: IpNet| match network {
        IpNet::V6(v6) => Ipv4Net::new(v6.network().to_ipv4_mapped()?, v6.prefix_len().checked_sub(96)?).ok(),
        IpNet::V4(_) => None,
    };
    mapped(network).map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(networks: &[&str]) -> CidrSet {
        networks.iter().map(|text| parse(text).unwrap()).collect()
    }

    fn found(set: &CidrSet, address: &str) -> Option<String> {
        set.find(address.parse().unwrap()).map(|network| network.to_string())
    }

    #[test]
    fn the_narrowest_network_is_found() {
        let set = set(&["192.0.0.0/24", "192.0.0.0/29", "192.0.0.8", "10.0.0.0/8", "fc00::/7", "0.0.0.0/0"]);
        for (address, network) in [
            ("192.0.0.7", "192.0.0.0/29"),
            ("192.0.0.8", "192.0.0.8/32"),
            ("192.0.0.9", "192.0.0.0/24"),
            ("192.0.1.0", "0.0.0.0/0"),
            ("10.255.255.255", "10.0.0.0/8"),
            ("fdff::1", "fc00::/7"),
        ] {
            assert_eq!(found(&set, address).as_deref(), Some(network));
        }
        assert_eq!(found(&set, "fe00::"), None);
        assert_eq!(found(&CidrSet::default(), "10.0.0.1"), None);
    }

    #[test]
    fn an_all_of_one_family_does_not_hold_the_other() {
        assert_eq!(found(&set(&["::/0"]), "10.0.0.1"), None);
        assert_eq!(found(&set(&["0.0.0.0/0"]), "::1"), None);
    }

    #[test]
    fn host_bits_are_refused_with_what_was_meant() {
        assert_eq!(parse("10.1.2.3/8").unwrap_err(), r#""10.1.2.3/8" has host bits set: did you mean 10.0.0.0/8?"#);
        assert!(parse("fe80::1/10").unwrap_err().contains("fe80::/10"));
    }

    #[test]
    fn what_is_no_network_is_refused_with_an_example() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "example.org", "10.0.0.0/", "::/129"] {
            assert!(parse(text).unwrap_err().contains("for example 10.0.0.0/8"), "{text}");
        }
    }

    #[test]
    fn zeros_in_front_of_a_number_are_refused_in_addresses_and_networks_alike() {
        for text in
            ["010.0.0.0/8", "45.76.12.027/32", "45.76.12.027", "10.00.0.0/8", "8.0.0.0/08", "::/08", "00.0.0.0/0"]
        {
            for refused in [parse(text), parse_around(text)] {
                let told = refused.unwrap_err();
                assert!(told.contains("has a number with a zero in front") && told.contains("10.0.0.0/8"), "{told}");
            }
        }
        assert_eq!(parse("0.0.0.0/0").unwrap().to_string(), "0.0.0.0/0");
        assert_eq!(parse("2001:0db8:0000::/32"), parse("2001:db8::/32"));
        for text in ["10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8/8", "/8"] {
            assert!(parse(text).unwrap_err().contains("is not a network: give ADDRESS/BITS"), "{text}");
        }
    }

    #[test]
    fn host_bits_can_be_cut_off() {
        assert_eq!(parse_around("10.1.2.3/8"), parse("10.0.0.0/8"));
        assert_eq!(parse_around("::ffff:10.1.2.3/104"), parse("10.0.0.0/8"));
        assert_eq!(parse_around("10.1.2.3"), parse("10.1.2.3/32"));
    }

    #[test]
    fn mapped_networks_are_ipv4() {
        assert_eq!(parse("::ffff:10.0.0.0/104"), parse("10.0.0.0/8"));
        assert_eq!(parse("::ffff:10.0.0.1"), parse("10.0.0.1/32"));
        assert_eq!(parse("::/0").unwrap().to_string(), "::/0");
    }

    #[test]
    fn lists_have_comments_and_name_the_line_at_fault() {
        for text in
            ["\u{feff}# ours\r\n10.0.0.0/8 # office\n\n  192.0.2.1\n", "# ours\r10.0.0.0/8 # office\r\r192.0.2.1\r"]
        {
            assert_eq!(parse_list(text).unwrap(), [parse("10.0.0.0/8").unwrap(), parse("192.0.2.1/32").unwrap()]);
        }
        assert!(parse_list("10.0.0.0/8\nnonsense\n").unwrap_err().starts_with("line 2: "));
        assert!(parse_list("# only a comment\n").unwrap_err().starts_with("it has no network"));
    }

    fn any_network() -> impl Strategy<Value = IpNet> {
        // Few distinct leading bits, so that networks nest and addresses hit.
        prop_oneof![
            (0..4_u32, 0..=32_u8).prop_map(|(bits, len)| (bits << 28 | 5, len, false)),
            (0..4_u32, 0..=128_u8).prop_map(|(bits, len)| (bits << 28 | 5, len, true)),
        ]
        .prop_map(|(bits, len, v6)| {
            let address: IpAddr =
                if v6 { (u128::from(bits) << 96 | 9).to_be_bytes().into() } else { bits.to_be_bytes().into() };
            IpNet::new(address, len).unwrap().trunc()
        })
    }

    proptest! {
        #[test]
        fn finding_agrees_with_asking_every_network(
            networks in prop::collection::vec(any_network(), 0..20), probe in any_network()
        ) {
            let set: CidrSet = networks.iter().copied().collect();
            let address = probe.network();
            let slow = networks.iter().filter(|network| network.contains(&address)).max_by_key(|n| n.prefix_len());
            prop_assert_eq!(set.find(address), slow.copied());
            let slow = networks.iter().filter(|network| network.contains(&probe)).max_by_key(|n| n.prefix_len());
            prop_assert_eq!(set.holding(&probe), slow.copied());
        }
    }
}
