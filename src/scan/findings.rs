//! [`Findings`]: what was found in all sources, or in a part of them. Parts are found apart, and merged in any order.
//!
//! How it is found is in [`crate::scan::sift`], what comes of it in [`crate::run`].

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use ipnet::IpNet;

use crate::{
    connection::{
        clock::Skew,
        glossary::Field,
        host,
        met::{Met, OF_ENDS},
    },
    count::add_counts,
    error::{DefectKind, Defects},
    evidence::digest::Digests,
    evtx::{chunk::FileHeader, ids::Ids},
    group::{facts::Facts, groups::Groups, hits::Hits},
    join::Join,
    rule::{judge::Verdict, sigma::memo::Memo},
    scan::{
        alike::Alike,
        along::{Along, Behind, Looked},
        coverage::Coverage,
        hosts::HitHosts,
        kin::Kin,
        known::Known,
        plan::{Decoding, Plan, Purpose},
        repeats::Repeats,
        tally::Tally,
    },
};

/// What was found in all sources, or in a part of them.
#[derive(Debug)]
pub struct Findings {
    /// The hits, grouped.
    pub groups: Groups,
    /// The hits, each; empty unless the plan keeps them.
    pub hits: Hits,
    /// The hosts that the hits name.
    pub hosts: HitHosts,
    /// The chunks that these are in.
    pub(super) repeats: Repeats,
    /// What is wrong with the evidence.
    pub defects: Defects,
    /// What was found in each source.
    pub sources: BTreeMap<SourceKey, SourceFindings>,
    /// Whether there is a hit in any of them.
    pub(super) has_hit: bool,
    /// The digests of each archive file, if they were asked for; none if not all of it could be read.
    pub archives: BTreeMap<PathBuf, Option<Digests>>,
    /// What was told of processes, where the plan is for these.
    pub facts: Facts,
    /// Which of these started which, where not all of them are taken.
    pub kin: Kin,
    /// The chunks in which they were looked for, where the plan is for looking along with a scan.
    pub(super) looked: Looked,
    /// The processes behind the hits, where another look goes along.
    pub(super) behind: Option<Behind>,
    /// What is known of all logs, where the plan is for that.
    pub known: Known,
    /// What the rules say of connections that were met, unless they are to be judged anew each time.
    pub memo: Option<Memo>,
    /// What values of connections mean that were met, where their fields are all that is asked of them.
    pub met: Option<Met>,
    /// Those that rules could not tell from others, where that is seen by their values.
    pub(super) alike: Option<Alike>,
}

/// A log that was read: its name, and the number of the file or member of an archive that it came out of, since a name
/// can be made to look like another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceKey {
    /// The name, as in defects and events.
    pub name: String,
    /// The number in what was scanned.
    pub number: usize,
}

/// What was found in one source.
#[derive(Debug, Default)]
pub struct SourceFindings {
    /// What was read, and how it was judged.
    pub tally: Tally,
    /// The file header, if there is one.
    pub header: Option<FileHeader>,
    /// Connections to each exclusion network that would be hits otherwise.
    pub excluded: BTreeMap<IpNet, u64>,
    /// Hits of each rule, by its index in the rule set.
    pub by_rule: BTreeMap<usize, u64>,
    /// The lowest number of a chunk that was never used, and the highest of one that was.
    pub unused_from: Option<u64>,
    /// See `unused_from`.
    pub used_to: Option<u64>,
    /// Defects by kind.
    pub defects: BTreeMap<DefectKind, u64>,
    /// The ids of its records, if the plan follows them.
    pub ids: Ids,
    /// What it covers.
    pub coverage: Coverage,
    /// How far the two times of its hits are apart.
    pub skew: Skew,
    /// Hits that came in, by their direction.
    pub inbound: u64,
    /// Its digests, if all of it was read and they were asked for.
    pub digests: Option<Digests>,
}

/// What is wrong with evidence that the look for connections has no need to decode, in all and by log and kind.
#[derive(Debug, Default)]
pub struct Wrong {
    /// All of it.
    pub defects: Defects,
    /// The same by log and by kind.
    pub by_source: BTreeMap<String, BTreeMap<DefectKind, u64>>,
}

impl SourceFindings {
    /// Counts a connection, recovered or not, that was judged.
    pub fn judged(&mut self, verdict: Verdict, recovered: bool) {
        self.tally.judged(verdict, recovered);
        if let Verdict::Excluded(network) = verdict {
            *self.excluded.entry(network).or_default() += 1;
        }
    }
}

impl Wrong {
    /// What a look has found to be wrong.
    pub(super) fn of(findings: Findings) -> Self {
        let by_source = findings.sources.into_iter().map(|(key, found)| (key.name, found.defects));
        let by_source = by_source.filter(|(_, defects)| !defects.is_empty()).collect();
        Self { defects: findings.defects, by_source }
    }

    /// What is wrong by a first look, or by a later one with the logs of hosts to which connections came: only these need what it was
    /// for. Otherwise logs of one host would have defects because of what was found on another.
    #[must_use]
    pub fn then_later(self, later: Self, findings: &Findings) -> Self {
        let of_inbound = |source: &&SourceFindings| source.inbound > 0;
        let hosts: BTreeSet<Cow<'_, str>> =
            findings.sources.values().filter(of_inbound).map(|source| host::folded(&source.coverage.host)).collect();
        let is_needed = |source: &SourceFindings| {
            source.inbound > 0
                || !source.coverage.host.is_empty() && hosts.contains(&host::folded(&source.coverage.host))
        };
        let needed: BTreeSet<&str> =
            findings.sources.iter().filter(|(_, source)| is_needed(source)).map(|(key, _)| &*key.name).collect();
        let mut wrong = self.of_logs(|name| !needed.contains(name));
        let later = later.of_logs(|name| needed.contains(name));
        wrong.defects.merge(later.defects);
        wrong.by_source.extend(later.by_source);
        wrong
    }

    /// What of it is wrong with logs of such names.
    fn of_logs(self, is_one: impl Fn(&str) -> bool) -> Self {
        let Self { mut defects, mut by_source } = self;
        for (name, counts) in by_source.extract_if(.., |name, _| !is_one(name)) {
            defects.drop_source(&name, &counts);
        }
        Self { defects, by_source }
    }
}

impl Findings {
    /// Nothing yet.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self {
            groups: Groups::new(plan.terms.group_by.clone(), plan.apart, plan.room),
            hits: Hits::new(plan.room),
            hosts: HitHosts::default(),
            defects: Defects::default(),
            sources: BTreeMap::new(),
            has_hit: false,
            archives: BTreeMap::new(),
            facts: Facts::new(plan.room),
            kin: Kin::new(plan.room),
            looked: Looked::default(),
            behind: match &plan.along {
                Along::Goes(hosts) => Some(Behind::new(hosts.clone())),
                Along::None | Along::Went(_) => None,
            },
            repeats: Repeats::default(),
            known: match plan.purpose {
                Purpose::Ahead(questions) => Known::of(questions, plan.room),
                _ => Known::default(),
            },
            memo: (plan.decoding == Decoding::Candidates).then(Memo::default),
            alike: plan.told().map(|told| Alike::new(told, plan.known.tells_starts())),
            met: plan.is_of_fields().then(|| {
                let terms = &plan.terms;
                let all = Field::ALL.into_iter().filter(|_| plan.keeps_hits());
                let of_ends = OF_ENDS.into_iter().filter(|_| plan.known.locals.is_some());
                Met::new(
                    terms.group_by.iter().copied().chain(terms.filter.fields()).chain(all).chain(of_ends),
                    plan.room,
                )
            }),
        }
    }

    /// Adds what another part has found. `side_by_side` does two pieces of work at the same time, if it can.
    #[must_use]
    pub fn merge(mut self, other: Self, side_by_side: Join) -> Self {
        // Where there are many, each takes a good part of the time of finding them.
        let (mut hits, mut groups) = (Some(other.hits), Some(other.groups));
        let merge_hits = &mut || hits.take().into_iter().for_each(|hits| self.hits.merge(hits));
        let merge_groups = &mut || groups.take().into_iter().for_each(|groups| self.groups.merge(groups, side_by_side));
        side_by_side(merge_hits, merge_groups);
        self.hosts.merge(other.hosts);
        self.facts.merge(other.facts);
        self.kin.merge(other.kin);
        self.looked.merge(other.looked);
        self.repeats.merge(other.repeats);
        self.known.merge(other.known);
        self.defects.merge(other.defects);
        for (key, source) in other.sources {
            self.add(key, source);
        }
        self.archives.extend(other.archives);
        self
    }

    /// Adds what was found in a part of a source.
    pub fn add(&mut self, key: SourceKey, part: SourceFindings) {
        self.has_hit |= part.tally.hits > 0;
        let source = self.sources.entry(key).or_default();
        source.tally += part.tally;
        source.header = source.header.or(part.header);
        source.unused_from = source.unused_from.into_iter().chain(part.unused_from).min();
        source.used_to = source.used_to.max(part.used_to);
        add_counts(&mut source.excluded, part.excluded);
        add_counts(&mut source.by_rule, part.by_rule);
        add_counts(&mut source.defects, part.defects);
        source.ids.merge(part.ids);
        source.coverage.merge(part.coverage);
        source.skew.merge(&part.skew);
        source.inbound = source.inbound.saturating_add(part.inbound);
        source.digests = source.digests.take().or(part.digests);
    }
}
