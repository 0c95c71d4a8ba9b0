//! [`Ran`]: what a run has to say for itself, once everything is written.

use std::collections::BTreeMap;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::{
    connection::clock::Skew,
    count,
    error::Defects,
    group::{
        beacons::Channels,
        labelled::{Count, Counts},
    },
    scan::{hosts::Host, repeats::Repeated, strangers::Stranger, tally::Tally},
};

/// What a run has to say for itself.
#[derive(Debug, Default)]
pub struct Ran {
    /// Of how many the header says that they were copied while in use.
    pub dirty: u64,
    /// What was counted in them.
    pub tally: Tally,
    /// Connections to each exclusion network that would be hits otherwise.
    pub excluded: BTreeMap<IpNet, u64>,
    /// Hits of each rule, by its index in the rule set.
    pub by_rule: BTreeMap<usize, u64>,
    /// Hits that are only parts of correlations that did not come about.
    pub parts: u64,
    /// The channels that were looked at for beacons, if they were asked for.
    pub beacons: Option<Channels>,
    /// What lists and databases have said, if there are any.
    pub labels: Option<RanLabels>,
    /// How many rows the report has.
    pub groups: u64,
    /// Copies of events that were dropped, by source.
    pub duplicates: BTreeMap<String, u64>,
    /// Twins that were dropped.
    pub twins: u64,
    /// Hits that count more than once.
    pub repeated: Option<Repeated>,
    /// Symbolic links that were not followed.
    pub links: u64,
    /// Files that were met and are neither logs nor archives of logs.
    pub others: u64,
    /// Files that were met and not opened, since only names count.
    pub unopened: u64,
    /// Paths that were given, and archives, without a log in them.
    pub empty: Vec<String>,
    /// The hosts that the logs are of, those without Sysmon first.
    pub hosts: Vec<Host>,
    /// Hosts that were asked for and that are not in the logs.
    pub strangers: Vec<Stranger>,
    /// How far the two times of hits are apart.
    pub skew: Skew,
    /// The first and the last time of all logs.
    pub span: Option<(Timestamp, Timestamp)>,
    /// What is wrong with the evidence.
    pub defects: Defects,
}

/// What lists and databases have said.
#[derive(Debug, Clone, Default)]
pub struct RanLabels {
    /// Of how much.
    pub counts: Counts,
    /// What was left out since no list has it, if that was asked for.
    pub left_out: Option<Count>,
    /// Whether names could be asked of that processes asked DNS for.
    pub are_queries_known: bool,
}

impl Ran {
    /// How many hits count: those that were not dropped as copies or twins.
    #[must_use]
    pub fn hits(&self) -> u64 {
        let dropped = count::sum(self.duplicates.values().copied()).saturating_add(self.twins);
        self.tally.hits.saturating_sub(dropped)
    }

    /// 0 if everything was read, otherwise 3.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        if self.defects.is_empty() { 0 } else { 3 }
    }
}
