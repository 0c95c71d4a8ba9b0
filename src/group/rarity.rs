//! [`Rarity`]: on how many hosts a process had a destination, and on which first. What one host in ten thousand does is where
//! an investigator looks first.
//!
//! A process is its base name in any ASCII case, a destination its name or else its address. Memory grows with the hosts of
//! each pair of them.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use jiff::Timestamp;

use crate::{
    connection::{
        glossary::{Field, base_name},
        host,
    },
    group::{groups::SortedGroups, key::GroupKey},
};

/// The pairs of process and destination in a report. Rows that were left out of it count for the hosts of the others.
#[derive(Debug)]
pub struct Rarity {
    places: Places,
    pairs: HashMap<(String, String), Hosts>,
}

/// Where in a group's key the host, the process and the destination are.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    host: usize,
    process: usize,
    destination: usize,
}

/// The hosts of a pair.
#[derive(Debug, Default)]
struct Hosts {
    /// By their number.
    all: HashSet<u32>,
    first: Option<(Timestamp, String)>,
    /// For want of one with a time.
    any: String,
    last: Option<Timestamp>,
    connections: u64,
    /// Whether a row of the report has the pair.
    is_shown: bool,
}

/// A pair of process and destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The base name of the process, in lower case.
    pub process: &'a str,
    /// The destination's name, or else its address.
    pub destination: &'a str,
    /// On how many hosts it was seen.
    pub hosts: usize,
    /// On which first; of the same time, the one whose name sorts first.
    pub first_host: &'a str,
    /// How many connections there were.
    pub connections: u64,
    /// When it was first seen.
    pub first: Option<Timestamp>,
    /// When it was last seen.
    pub last: Option<Timestamp>,
}

impl Rarity {
    /// The names of the columns.
    pub const COLUMNS: [&'static str; 2] = ["host_count", "first_host"];

    /// Of all groups, whose keys have them at these places, and of the ones among these that are shown.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn new(places: Places, all: &SortedGroups, shown: &SortedGroups) -> io::Result<Self> {
        let mut rarity = Self { places, pairs: HashMap::new() }.with(all)?;
        for group in shown.pass()? {
            let (_, pair) = places.of(&group?.0);
            if let Some(hosts) = rarity.pairs.get_mut(&pair) {
                hosts.is_shown = true;
            }
        }
        Ok(rarity)
    }

    /// How many hosts have the pair of a group, and which one had it first.
    #[must_use]
    pub fn of(&self, key: &GroupKey) -> (usize, &str) {
        let (_, pair) = self.places.of(key);
        self.pairs.get(&pair).map_or((0, ""), |hosts| (hosts.all.len(), hosts.first_host()))
    }

    /// Of the pairs that are shown those on the fewest hosts, those that were seen first before others, and how many more there are.
    #[must_use]
    pub fn rarest(&self, number: usize) -> (Vec<Pair<'_>>, usize) {
        let shown = self.pairs.iter().filter(|(_, hosts)| hosts.is_shown);
        let pairs = shown.map(|((process, destination), hosts)| Pair {
            process,
            destination,
            hosts: hosts.all.len(),
            first_host: hosts.first_host(),
            connections: hosts.connections,
            first: hosts.first.as_ref().map(|&(time, _)| time),
            last: hosts.last,
        });
        let mut pairs: Vec<Pair<'_>> = pairs.collect();
        pairs.sort_unstable_by_key(|pair| {
            (pair.hosts, pair.first.is_none(), pair.first, pair.process, pair.destination)
        });
        let more = pairs.len().saturating_sub(number);
        pairs.truncate(number);
        (pairs, more)
    }

    fn with(mut self, groups: &SortedGroups) -> io::Result<Self> {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        for group in groups.pass()? {
            let (key, group) = group?;
            let (host, pair) = self.places.of(&key);
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            let number = *numbers.entry(host::folded(host).into_owned()).or_insert(next);
            let hosts = self.pairs.entry(pair).or_default();
            hosts.all.insert(number);
            hosts.connections = hosts.connections.saturating_add(group.count);
            hosts.last = hosts.last.max(group.last);
            if hosts.any.is_empty() {
                host.clone_into(&mut hosts.any);
            }
            // Of the same time, the host whose name sorts first.
            if let Some(time) = group.first
                && hosts.first.as_ref().is_none_or(|(first, name)| (time, host) < (*first, name.as_str()))
            {
                hosts.first = Some((time, host.to_owned()));
            }
        }
        Ok(self)
    }
}

impl Hosts {
    fn first_host(&self) -> &str {
        self.first.as_ref().map_or(&self.any, |(_, host)| host)
    }
}

impl Places {
    /// Of groups by these fields.
    ///
    /// # Errors
    ///
    /// One of the three is not among them; the text says what is needed.
    pub fn new(fields: &[Field]) -> Result<Self, String> {
        let place = |choice: &[Field]| choice.iter().find_map(|field| fields.iter().position(|other| other == field));
        let host = place(&[Field::Dvc]);
        let process = place(&[Field::ProcessName, Field::ProcessExec, Field::App]);
        let destination = place(&[Field::Peer, Field::Dest, Field::DestIp]);
        let (Some(host), Some(process), Some(destination)) = (host, process, destination) else {
            return Err("--rarity needs groups by dvc, process_name or app, and dest or dest_ip: for example \
                        --group-by dvc,process_name,dest"
                .to_owned());
        };
        Ok(Self { host, process, destination })
    }

    /// The host of a group, and its pair of process and destination.
    fn of(self, key: &GroupKey) -> (&str, (String, String)) {
        let values: Vec<&str> = key.values().collect();
        let value = |place: usize| values.get(place).copied().unwrap_or_default();
        let process = base_name(value(self.process));
        (value(self.host), (process.to_ascii_lowercase(), value(self.destination).to_owned()))
    }
}
