//! A list of networks: it is refused, or written out again it reads as the same, and every network is found.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netsift::inside::cidr::{self, CidrSet};

fuzz_target!(|text: &str| {
    let Ok(networks) = cidr::parse_list(text) else { return };
    let written: String = networks.iter().map(|network| format!("{network}\n")).collect();
    assert_eq!(cidr::parse_list(&written).as_ref(), Ok(&networks));

    let set: CidrSet = networks.iter().copied().collect();
    assert_eq!(set.networks().iter().copied().collect::<CidrSet>(), set);
    for network in &networks {
        let address = network.network();
        let narrowest = networks.iter().filter(|other| other.contains(&address)).max_by_key(|other| other.prefix_len());
        assert_eq!(set.find(address), narrowest.copied());
    }
});
