//! The [`Terms`]: what a report is of. They decide which connections it counts, and by what.
//!
//! How these are found is in [`crate::scan::plan`]; results of the same terms can be put together ([`crate::fleet::merge`]).

use std::sync::Arc;

use crate::{
    connection::{clock::Clock, filter::Filter, glossary::Field, logged::LoggedBy},
    evtx::decoder::Carving,
    group::{copies::Copies, twins::Twins},
    rule::{judge::End, set::RuleSet, sigma::beside::Names},
};

/// What a report is of.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Whose connections they are.
    pub logged_by: LoggedBy,
    /// Which connections are left in, before rules judge them.
    pub filter: Filter,
    /// Which connections are hits.
    pub rules: Arc<RuleSet>,
    /// The Sigma rules that were not loaded, and why.
    pub refused: Vec<String>,
    /// Whether stale records are carved.
    pub carving: Carving,
    /// Which copies of an event do not count. Unless all do, groups are made from the hits kept.
    pub copies: Copies,
    /// Which twins do not count; the same holds for them.
    pub twins: Twins,
    /// Whose names of destinations Sigma rules see.
    pub names: Names,
    /// The fields that hits are grouped by.
    pub group_by: Vec<Field>,
    /// Whether somebody asked for these fields. Otherwise the page groups by what it shows.
    pub is_grouped: bool,
    /// Whether the logs are read to tell which end of each connection is the host and which its peer.
    pub ends: bool,
    /// Whether it is told only for what shows the peer, a page or sentences. Events have no columns for it then.
    pub peers: bool,
    /// Which of its times a connection is of.
    pub clock: Clock,
}

impl Terms {
    /// All of Sysmon's connections that are in logs, as they were logged, judged by these rules.
    #[must_use]
    pub fn new(rules: RuleSet, group_by: Vec<Field>) -> Self {
        Self {
            logged_by: LoggedBy::Sysmon,
            filter: Filter::default(),
            rules: Arc::new(rules),
            refused: Vec::new(),
            carving: Carving::Live,
            copies: Copies::Count,
            twins: Twins::Count,
            names: Names::Logged,
            group_by,
            is_grouped: true,
            ends: false,
            peers: false,
            clock: Clock::Logged,
        }
    }

    /// The fields that a page groups hits by.
    #[must_use]
    pub fn page_by(&self) -> &[Field] {
        if self.is_grouped || self.group_by != Field::ALL { &self.group_by } else { &Field::SHOWN }
    }

    /// Whether connections are judged, left in or grouped by which end is the host and which its peer.
    #[must_use]
    pub fn counts_by_ends(&self) -> bool {
        self.rules.everywhere.judged == End::Remote
            || self.group_by.iter().copied().chain(self.filter.fields()).any(Field::is_of_ends)
    }

    /// Whether groups are made from the hits that are kept, once it is known which of them count.
    #[must_use]
    pub fn groups_later(&self) -> bool {
        self.copies != Copies::Count || self.twins == Twins::Drop || self.rules.sigma.correlations.is_some()
    }
}
