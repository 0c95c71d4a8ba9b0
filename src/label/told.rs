//! [`Found`]: what lists and databases say of one connection. [`Told`]: what they say of all connections of a row.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::label::geoip::Place;

/// How many different values a cell has at most. A row of a whole host can be of any number of networks.
const MOST: usize = 16;

/// What there is behind the last value of a cell that does not have all.
const MORE: &str = "…";

/// What is said of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Found {
    /// The lists that the connection is on, in order, by their places.
    pub lists: Vec<u32>,
    /// What databases say of its peer; of both ends where it is not known which of them that is.
    pub places: Vec<Place>,
}

/// What is said of connections, each thing once.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Told {
    lists: BTreeSet<u32>,
    asns: Distinct,
    as_orgs: Distinct,
    countries: Distinct,
}

/// Different texts, in the order in which they were added, as far as there is room for them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Distinct {
    texts: Vec<String>,
    has_more: bool,
}

impl Found {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.places.is_empty()
    }
}

impl Told {
    /// Adds what is said of a connection.
    pub fn add(&mut self, found: &Found) {
        self.lists.extend(&found.lists);
        for Place { asn, as_org, country } in &found.places {
            self.asns.add(asn);
            self.as_orgs.add(as_org);
            self.countries.add(country);
        }
    }

    /// The lists that one of the connections is on, by their places.
    pub fn lists(&self) -> impl Iterator<Item = u32> {
        self.lists.iter().copied()
    }

    /// Whether a database says something of one of them.
    #[must_use]
    pub fn is_placed(&self) -> bool {
        [&self.asns, &self.as_orgs, &self.countries].iter().any(|distinct| !distinct.texts.is_empty())
    }

    /// What it takes in memory besides itself, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        const OF_LIST: usize = 16;
        const OF_TEXT: usize = size_of::<String>() + 16;
        let texts = [&self.asns, &self.as_orgs, &self.countries].into_iter().flat_map(|distinct| &distinct.texts);
        OF_LIST * self.lists.len() + texts.map(|text| OF_TEXT + text.len()).sum::<usize>()
    }

    /// What databases say, each thing once, with `;` between several: systems, their owners, countries.
    #[must_use]
    pub fn places(&self) -> [String; 3] {
        [&self.asns, &self.as_orgs, &self.countries].map(Distinct::shown)
    }
}

impl Distinct {
    fn add(&mut self, text: &str) {
        if text.is_empty() || self.has_more || self.texts.iter().any(|known| known == text) {
            return;
        }
        if self.texts.len() < MOST {
            self.texts.push(text.to_owned());
        } else {
            self.has_more = true;
        }
    }

    fn shown(&self) -> String {
        let more = self.has_more.then_some(MORE);
        self.texts.iter().map(String::as_str).chain(more).collect::<Vec<_>>().join(";")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_there_once_in_order_and_no_more_than_a_cell_has_room_for() {
        let mut distinct = Distinct::default();
        for number in [3, 1, 3, 2, 1] {
            distinct.add(&number.to_string());
        }
        distinct.add("");
        assert_eq!(distinct.shown(), "3;1;2");
        (0..MOST + 5).for_each(|number| distinct.add(&number.to_string()));
        assert!(distinct.shown().ends_with(";…") && distinct.texts.len() == MOST);
    }
}
