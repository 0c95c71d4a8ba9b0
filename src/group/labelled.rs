//! [`Labelled`]: what lists and databases say of the connections of each group, in the order of the groups in the report.
//!
//! What is said of a hit of a group is put in order by group, added up, and put in the order of the report, and spilled where it does
//! not fit into memory, as groups are.

use std::{
    collections::{BTreeSet, HashSet},
    io,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::glossary::Field,
    group::{
        hit::Hit,
        key::{GroupKey, earlier, spilled_time},
        spill::{SortedRuns, Sorter},
    },
    label::told::{Found, Told},
};

/// How many are remembered of what was said before: of a group, nothing has to be said twice.
const REMEMBERED: usize = 1 << 16;

/// What is said of hits, collected in the order of time.
#[derive(Debug)]
pub struct Labelled {
    said: Sorter<Said>,
    fields: Vec<Field>,
    room: usize,
    number: u64,
    /// What was said of which group, by its hash.
    before: HashSet<u64>,
    hasher: ahash::RandomState,
    counts: Counts,
}

/// What is said of a hit of a group: in the order of groups, and of each in that of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Said {
    group: GroupKey,
    number: u64,
    #[serde(with = "spilled_time")]
    time: Option<Timestamp>,
    found: Found,
}

/// What is said of the connections of a group. The order is that of the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupLabels {
    #[serde(with = "spilled_time")]
    first: Option<Timestamp>,
    group: GroupKey,
    /// What is said.
    pub told: Told,
}

/// How many hits and groups something is said of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Hits.
    pub hits: u64,
    /// Groups, each for a row.
    pub groups: u64,
}

/// How many there are of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// On each list, by its place. Behind the last that has any, there are none.
    of_lists: Vec<Count>,
    /// On any of them.
    pub listed: Count,
    /// Those that a database says something of.
    pub placed: Count,
    /// What could not be looked up.
    pub unasked: Unasked,
}

/// What could not be looked up, since groups do not tell all of the peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unasked {
    /// How many connections.
    pub connections: u64,
    /// The fields that their groups lack.
    pub lacking: BTreeSet<Field>,
}

impl Labelled {
    /// None yet, of groups by these fields. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(fields: &[Field], room: usize) -> Self {
        Self {
            said: Sorter::new(room),
            fields: fields.to_vec(),
            room,
            number: 0,
            before: HashSet::new(),
            hasher: ahash::RandomState::new(),
            counts: Counts::default(),
        }
    }

    /// Counts hits that this is said of.
    pub fn count(&mut self, found: &Found, hits: u64) {
        self.counts.add_hits(found, hits);
    }

    /// Counts hits that could not be looked up, since their groups lack these fields; none, if they lack none.
    pub fn lack(&mut self, lacking: Vec<Field>, hits: u64) {
        let Unasked { connections, lacking: all } = &mut self.counts.unasked;
        if !lacking.is_empty() {
            *connections = connections.saturating_add(hits);
            all.extend(lacking);
        }
    }

    /// Adds what is said of a hit of a rule, in the order of time.
    pub fn add(&mut self, hit: &Hit, rule: usize, found: &Found) {
        let group = GroupKey::new(&self.fields, rule, |field| hit.get(field));
        self.add_group(group, hit.time, found);
    }

    /// Adds what is said of some connections of a group of which the first was at this time, in the order of time.
    pub fn add_group(&mut self, group: GroupKey, time: Option<Timestamp>, found: &Found) {
        // The first that has a time tells when the group's first is.
        if !self.before.insert(self.hasher.hash_one((&group, found, time.is_some()))) {
            return;
        }
        if self.before.len() >= REMEMBERED {
            self.before.clear();
        }
        let said = Said { group, number: self.number, time, found: found.clone() };
        self.number += 1;
        let size = size_of::<Said>() + said.group.heap_size() + size(found);
        self.said.push(said, size);
    }

    /// What is said of each group, in the order of the report.
    ///
    /// # Errors
    ///
    /// It could not be spilled, or be read again.
    pub fn into_sorted(self) -> io::Result<SortedLabels> {
        let mut sorted = Collected { labels: Sorter::new(self.room), counts: self.counts };
        let mut open: Option<GroupLabels> = None;
        for said in self.said.into_sorted()?.pass()? {
            let Said { group, time, found, .. } = said?;
            match &mut open {
                Some(labels) if labels.group == group => {
                    labels.first = earlier(labels.first, time);
                    labels.told.add(&found);
                }
                open => {
                    let mut told = Told::default();
                    told.add(&found);
                    if let Some(labels) = open.replace(GroupLabels { first: time, group, told }) {
                        sorted.push(labels);
                    }
                }
            }
        }
        if let Some(labels) = open {
            sorted.push(labels);
        }
        sorted.finish()
    }
}

/// What is said of groups, on the way to the order of the report.
struct Collected {
    labels: Sorter<GroupLabels>,
    counts: Counts,
}

impl Collected {
    fn push(&mut self, labels: GroupLabels) {
        self.counts.add_group(&labels.told);
        let size = size_of::<GroupLabels>() + labels.group.heap_size() + labels.told.size();
        self.labels.push(labels, size);
    }

    fn finish(self) -> io::Result<SortedLabels> {
        Ok(SortedLabels { labels: self.labels.into_sorted()?, counts: self.counts })
    }
}

/// What is said of each group, in the order of the report.
#[derive(Debug)]
pub struct SortedLabels {
    labels: SortedRuns<GroupLabels>,
    /// How many are labelled.
    pub counts: Counts,
}

impl SortedLabels {
    /// One by one. Each pass gives the same.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn pass(&self) -> io::Result<impl Iterator<Item = io::Result<GroupLabels>>> {
        self.labels.pass()
    }
}

impl Counts {
    /// How many are on the list at a place.
    #[must_use]
    pub fn of_list(&self, place: usize) -> Count {
        self.of_lists.get(place).copied().unwrap_or_default()
    }

    fn add_hits(&mut self, found: &Found, count: u64) {
        let add = |to: &mut Count| to.hits = to.hits.saturating_add(count);
        found.lists.iter().for_each(|&list| self.list(list).into_iter().for_each(add));
        if !found.lists.is_empty() {
            add(&mut self.listed);
        }
        if !found.places.is_empty() {
            add(&mut self.placed);
        }
    }

    fn add_group(&mut self, told: &Told) {
        let add = |to: &mut Count| to.groups = to.groups.saturating_add(1);
        told.lists().for_each(|list| self.list(list).into_iter().for_each(add));
        if told.lists().next().is_some() {
            add(&mut self.listed);
        }
        if told.is_placed() {
            add(&mut self.placed);
        }
    }

    fn list(&mut self, place: u32) -> Option<&mut Count> {
        let place = place as usize;
        if self.of_lists.len() <= place {
            self.of_lists.resize(place + 1, Count::default());
        }
        self.of_lists.get_mut(place)
    }
}

/// What it takes in memory besides itself, in bytes.
fn size(found: &Found) -> usize {
    let texts = found.places.iter().flat_map(|place| [&place.asn, &place.as_org, &place.country]);
    size_of_val(&*found.lists) + size_of_val(&*found.places) + texts.map(|text| 16 + text.len()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{group::hit::Place, label::geoip};

    fn hit(host: &str, second: Option<i64>) -> Hit {
        let fields = Field::ALL.iter().map(|&field| if field == Field::Dvc { host } else { "x" });
        Hit::new(fields, second.map(|second| Timestamp::from_second(second).unwrap()), Place::default(), vec![0])
    }

    fn found(list: u32, country: &str) -> Found {
        let place = geoip::Place { country: country.to_owned(), ..geoip::Place::default() };
        Found { lists: vec![list], places: vec![place] }
    }

    #[test]
    fn labels_are_those_of_all_hits_of_a_group_in_the_order_of_the_report_with_any_memory() {
        let rows = |room| {
            let mut labelled = Labelled::new(&[Field::Dvc], room);
            for (host, second, list, country) in [
                ("b", None, 2, "US"),
                ("c", Some(1), 0, "DE"),
                ("a", Some(2), 1, "FR"),
                ("b", Some(3), 0, "DE"),
                ("b", Some(4), 0, "DE"),
            ] {
                let found = found(list, country);
                labelled.count(&found, 1);
                labelled.add(&hit(host, second), 0, &found);
            }
            labelled.add(&hit("d", None), 0, &Found::default());
            let sorted = labelled.into_sorted().unwrap();
            let row = |labels: GroupLabels| {
                let [_, _, countries] = labels.told.places();
                (labels.group.values().collect::<String>(), labels.told.lists().collect::<Vec<_>>(), countries)
            };
            let rows: Vec<_> = sorted.pass().unwrap().map(|labels| row(labels.unwrap())).collect();
            (rows, sorted.counts)
        };
        let (of_all, counts) = rows(usize::MAX);
        let expected = [("d", vec![], ""), ("c", vec![0], "DE"), ("a", vec![1], "FR"), ("b", vec![0, 2], "US;DE")];
        assert_eq!(of_all, expected.map(|(host, lists, countries)| (host.to_owned(), lists, countries.to_owned())));
        assert_eq!((counts.of_list(0), counts.of_list(7)), (Count { hits: 3, groups: 2 }, Count::default()));
        assert_eq!((counts.listed, counts.placed), (Count { hits: 5, groups: 3 }, Count { hits: 5, groups: 3 }));
        assert_eq!(rows(1), (of_all, counts));
    }
}
