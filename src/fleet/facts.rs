//! The [`Facts`] of a partial result: all that is known of a run besides its groups or hits. JSON in the file's metadata, in the
//! shape that is documented in `docs/fleets.md`.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{cidr::CidrSet, filter::Filter, glossary::Field, locals::Locals},
    error::Defects,
    evtx::decoder::Carving,
    fleet::stream::Stream,
    group::{copies::Copies, twins::Twins},
    report::{
        manifest::{Counted, FiltersEntry},
        parquet::columns::Rows,
    },
    rule::{
        info::RuleInfo,
        judge::{End, Rule},
        set::RuleSet,
    },
    scan::{
        hosts::HitHosts,
        searched::{Searched, SearchedFile, SearchedSource},
        terms::Terms,
    },
    text,
};

/// The version that is written, and the newest that is read.
pub const VERSION: u32 = 1;

/// What is known of a run besides its groups.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Facts {
    /// [`VERSION`].
    pub version: u32,
    /// The version of the tool that wrote it.
    pub tool: String,
    /// What was looked for.
    pub rules: RulesFacts,
    /// What else decides what is counted.
    pub options: Counted,
    /// The fields of the groups.
    pub group_by: Vec<Field>,
    /// Whether somebody asked for these.
    #[serde(default)]
    pub is_grouped: bool,
    /// What the rows are.
    pub rows: Rows,
    /// Whether rows of hits tell the host from its peer, for a page.
    #[serde(default)]
    pub peers: bool,
    /// Whether the report has what is known of the processes behind connections.
    #[serde(default)]
    pub context: bool,
    /// What was read, by name. Rows say which one they are of by its place here.
    pub sources: Vec<SearchedSource>,
    /// The hosts that the hits name.
    #[serde(default)]
    pub hit_hosts: HitHosts,
    /// The archives that some of it is in, by name.
    pub archives: Vec<SearchedFile>,
    /// What was wrong, in sources and elsewhere.
    pub defects: Defects,
    /// Symbolic links that were not followed.
    pub links: u64,
    /// Files that were met and are neither logs nor archives of logs.
    #[serde(default)]
    pub others: u64,
    /// Files that were met and not opened, since only names count.
    #[serde(default)]
    pub unopened: u64,
    /// Paths that were given, and archives, without a log in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "text::read_all_printable")]
    pub empty: Vec<String>,
    /// Sigma rules that were not loaded, and why.
    pub refused: Vec<String>,
    /// Where what events said of all processes is: nowhere in a partial result of groups, or of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_events: Option<Stream>,
    /// The addresses that its logs say hosts have: nothing in a partial result of groups, or of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_addresses: Option<Locals>,
}

/// What was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesFacts {
    /// What is known of each rule. Groups say which one they are of by its place here.
    pub infos: Vec<RuleInfo>,
    /// The processes of the built-in rules, and the rule of each; null if none is applied.
    pub processes: Option<Vec<(String, usize)>>,
    /// Where a destination has to be; null for anywhere.
    pub detection: Option<Vec<IpNet>>,
    /// Where it must not be for the built-in rules.
    pub exclusion: Vec<IpNet>,
    /// Where it must not be for any rule.
    pub exclusion_of_all: Vec<IpNet>,
    /// Which end that is of.
    #[serde(default)]
    pub judged: End,
    /// Whether the report says which rule each group is of.
    pub named: bool,
    /// The titles of rules for which every connection was decoded.
    pub slow: Vec<String>,
    /// What was asked for and cannot be found.
    #[serde(default)]
    pub in_vain: Vec<String>,
}

impl RulesFacts {
    /// Of a set of rules.
    #[must_use]
    pub fn new(rules: &RuleSet) -> Self {
        let networks = |set: &CidrSet| set.networks().to_vec();
        Self {
            infos: rules.infos.clone(),
            processes: rules.builtin.as_ref().map(|_| rules.by_process.clone()),
            detection: rules.everywhere.detection.as_ref().map(networks),
            exclusion: rules.builtin.as_ref().map_or_else(Vec::new, |rule| networks(&rule.exclusion)),
            exclusion_of_all: networks(&rules.everywhere.exclusion),
            judged: rules.everywhere.judged,
            named: rules.named,
            slow: rules.slow.clone(),
            in_vain: rules.in_vain.clone(),
        }
    }

    /// The set of rules, as far as reports and summaries ask for it: it has no Sigma rules to judge by.
    #[must_use]
    pub fn into_rule_set(self) -> RuleSet {
        let set = |networks: Vec<IpNet>| networks.into_iter().collect::<CidrSet>();
        let detection = self.detection.map(set);
        let by_process = self.processes.clone().unwrap_or_default();
        let names = by_process.iter().map(|(name, _)| name.clone()).filter(|name| !name.is_empty()).collect();
        let exclusion = set(self.exclusion);
        let builtin = Rule { processes: names, detection: detection.clone(), exclusion, judged: self.judged };
        RuleSet {
            infos: self.infos,
            builtin: self.processes.map(|_| builtin),
            by_process,
            everywhere: Rule {
                processes: Vec::new(),
                detection,
                exclusion: set(self.exclusion_of_all),
                judged: self.judged,
            },
            named: self.named,
            slow: self.slow,
            in_vain: self.in_vain,
            ..RuleSet::default()
        }
    }
}

impl Facts {
    /// Of what was searched on these terms, for a partial result with such rows.
    #[must_use]
    pub fn new(terms: &Terms, rows: Rows, context: bool, searched: &Searched) -> Self {
        Self {
            version: VERSION,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            rules: RulesFacts::new(&terms.rules),
            options: Counted::new(terms),
            group_by: terms.group_by.clone(),
            is_grouped: terms.is_grouped,
            rows,
            peers: terms.peers,
            context,
            sources: searched.sources.clone(),
            hit_hosts: searched.hit_hosts.clone(),
            archives: searched.archives.clone(),
            defects: searched.defects.clone(),
            links: searched.links,
            others: searched.others,
            unopened: searched.unopened,
            empty: searched.empty.clone(),
            refused: terms.refused.clone(),
            process_events: None,
            own_addresses: searched.locals.clone().filter(|_| rows == Rows::Events),
        }
    }

    /// The terms that it is of, with other fields to group by.
    ///
    /// # Errors
    ///
    /// They are none that there can be.
    pub fn into_terms(self, group_by: Vec<Field>) -> Result<Terms, String> {
        Ok(Terms {
            logged_by: self.options.source,
            filter: self.filter()?,
            rules: Arc::new(self.rules.into_rule_set()),
            refused: self.refused,
            carving: if self.options.recover { Carving::Stale } else { Carving::Live },
            // Stale copies in the same log were dropped when it was scanned.
            copies: if self.options.dedup { Copies::Drop } else { Copies::Count },
            // So were twins.
            twins: Twins::Count,
            group_by,
            is_grouped: self.is_grouped,
            // Events with what is known of processes have them too.
            ends: self.options.ends || self.context,
            peers: self.peers,
            clock: self.options.clock,
            names: self.options.sigma_names,
        })
    }

    /// Which connections were left in before rules judged them.
    ///
    /// # Errors
    ///
    /// It is not a filter.
    pub fn filter(&self) -> Result<Filter, String> {
        self.options.filters.as_ref().map_or_else(|| Ok(Filter::default()), FiltersEntry::filter)
    }

    /// The place of each source in the table, by its name.
    #[must_use]
    pub fn places(&self) -> BTreeMap<String, u64> {
        // Of two with the same name, the first.
        let mut places = BTreeMap::new();
        for (place, source) in (0..).zip(&self.sources) {
            places.entry(source.file.name.clone()).or_insert(place);
        }
        places
    }

    /// The fields that the rows have: those of the groups, or all.
    #[must_use]
    pub fn columns(&self) -> Vec<Field> {
        match self.rows {
            Rows::Groups => self.group_by.clone(),
            Rows::Events => Field::ALL
                .into_iter()
                .chain(Field::ENDS.into_iter().filter(|_| self.options.ends || self.peers))
                .collect(),
        }
    }
}
