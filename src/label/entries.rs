//! [`Entries`]: what a list is made of, whichever format it has.

use ipnet::IpNet;

use crate::{
    connection::{cidr, pattern::undotted},
    label::{
        names::{self, Names, Reach},
        texts::Collected,
    },
    text,
};

/// How many of the entries that are not used are named.
const NAMED: usize = 3;

/// What is on a list, collected as its file is read.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) networks: Vec<IpNet>,
    pub(super) names: Names,
    pub(super) texts: Collected,
    /// How many are used.
    pub(super) count: u64,
    pub(super) unused: Unused,
}

/// Entries that are not used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unused {
    /// How many.
    pub count: u64,
    /// The first of them, safe to print.
    pub first: Vec<String>,
}

impl Entries {
    /// Adds a network or an address; one with host bits as the network that it is in. Returns whether it is one.
    pub(super) fn add_network(&mut self, text: &str) -> bool {
        let network = cidr::parse_around(text);
        let is_one = network.is_ok();
        self.networks.extend(network);
        self.counted(is_one)
    }

    /// Adds a name. Returns whether it can be one.
    pub(super) fn add_name(&mut self, text: &str, reach: Reach) -> bool {
        let name = names::name(text);
        let is_one = name.is_some();
        if let Some(name) = name {
            self.names.add(name, reach);
        }
        self.counted(is_one)
    }

    /// Adds a pattern with `*`, without the dot at its end, as names are compared. Returns whether there is something that it does not fit.
    ///
    /// One that only has a `*` for the names below a domain is found as such names are.
    pub(super) fn add_pattern(&mut self, text: &str) -> bool {
        let text = undotted(text);
        let below = text.strip_prefix("*.").and_then(names::name);
        let is_one = match below {
            Some(name) => {
                self.names.add(name, Reach::Below);
                true
            }
            None => self.texts.add_pattern(text),
        };
        self.counted(is_one)
    }

    /// Adds a part of names and addresses. Returns whether it is one.
    pub(super) fn add_part(&mut self, text: &str) -> bool {
        let is_one = self.texts.add_part(text);
        self.counted(is_one)
    }

    /// Adds a regular expression. Returns whether it is one that can be used.
    pub(super) fn add_expression(&mut self, text: &str) -> bool {
        let is_one = self.texts.add_expression(text);
        self.counted(is_one)
    }

    /// Notes an entry that is not used.
    pub(super) fn leave(&mut self, what: &str) {
        self.unused.count += 1;
        if self.unused.first.len() < NAMED {
            self.unused.first.push(text::printable(&text::short(what)).into_owned());
        }
    }

    fn counted(&mut self, is_one: bool) -> bool {
        self.count += u64::from(is_one);
        is_one
    }
}
