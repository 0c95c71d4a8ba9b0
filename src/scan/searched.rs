//! What was [`Searched`]: every log and archive with what is known of it, and what was found in all of them. Everything that is
//! written comes from it.
//!
//! A scan gives it, and so does merging partial results, from where no log is at hand: what a log was read for is
//! [`crate::scan::findings`]' concern, and here only what came of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    mem,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{clock::Skew, locals::Locals},
    count,
    error::{DefectKind, Defects},
    evidence::{
        digest::{self, Digests},
        source::Source,
        sources::Sources,
    },
    evtx::{chunk::FileHeader, ids::Span},
    group::{
        copies::{Copies, Dropped},
        groups::Groups,
        hits::Hits,
    },
    scan::{
        coverage::{self, Coverage},
        findings::{Findings, SourceFindings, SourceKey, Wrong},
        hosts::{self, HitHosts, Host},
        plan::Plan,
        repeats::Repeated,
        strangers::Stranger,
        tally::Tally,
    },
    text,
};

/// What was searched.
#[derive(Debug)]
pub struct Searched {
    /// The logs, and other files that were searched, by name.
    pub sources: Vec<SearchedSource>,
    /// The archives that some of them are in, as the files that they are, by name.
    pub archives: Vec<SearchedFile>,
    /// The hits, grouped.
    pub groups: Groups,
    /// Each hit; `None` if nothing but their groups is known.
    pub hits: Option<Hits>,
    /// The hosts that the hits name.
    pub hit_hosts: HitHosts,
    /// How many of the hits are of chunks that were met before, with two logs that have the same one; if copies count.
    pub repeated: Option<Repeated>,
    /// What is wrong with the evidence.
    pub defects: Defects,
    /// Symbolic links that were not followed.
    pub links: u64,
    /// Files that were met and are neither logs nor archives of logs.
    pub others: u64,
    /// Files that were met and not opened, since only names count.
    pub unopened: u64,
    /// Paths that were given, and archives, without a log in them and with nothing wrong, safe to print.
    pub empty: Vec<String>,
    /// Hosts that were asked for and that are not in the logs.
    pub strangers: Vec<Stranger>,
    /// The addresses that hosts have, where it was asked which end of a connection is the host.
    pub locals: Option<Locals>,
    /// The partial results that it is from, if it is, and they are to be named; by path.
    pub partials: Vec<SearchedFile>,
}

/// The given paths and the archives in which there was no log, and nothing wrong. A packed stream shows only when it is read what is in it.
fn empty(sources: &Sources, found: &BTreeMap<SourceKey, SourceFindings>, defects: &Defects) -> Vec<String> {
    let full: HashSet<usize> =
        found.iter().filter(|(_, found)| found.tally.logs > 0).map(|(key, _)| key.number).collect();
    let mut read: BTreeMap<&Path, bool> = BTreeMap::new();
    for (number, log) in sources.logs.iter().enumerate() {
        *read.entry(&log.path).or_default() |= full.contains(&number);
    }
    let is_wrong = |archive: &Source| defects.first().any(|defect| defect.path.starts_with(&archive.name));
    let is_empty = |archive: &&Source| read.get(&*archive.path) == Some(&false) && !is_wrong(archive);
    let streams = sources.archives.iter().filter(is_empty).map(|archive| &archive.path);
    let paths: BTreeSet<String> = sources.empty.iter().chain(streams).map(|path| text::path(path)).collect();
    paths.into_iter().collect()
}

/// A file of evidence, a log in an archive, or a partial result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SearchedFile {
    /// Its name, as defects and events give it, safe to print. That of a log in an archive starts with the archive's.
    #[serde(deserialize_with = "text::read_printable")]
    pub name: String,
    /// The file it is in.
    pub file: String,
    /// The bytes of that in hexadecimal, if they are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_hex: Option<String>,
    /// How many bytes of it were read, or how many an archive had when it was found.
    pub size: u64,
    /// Its hashes; null if not all of it could be read, or it was not hashed.
    pub digests: Option<Digests>,
}

/// A log, or another file that was searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchedSource {
    /// What it is.
    #[serde(flatten)]
    pub file: SearchedFile,
    /// Its file header, if it has one.
    pub header: Option<FileHeader>,
    /// What was read of it, and how it was judged.
    pub tally: Tally,
    /// Whether there are used chunks behind unused ones, which Windows does not write so.
    pub unused_between: bool,
    /// The ids of its records, if they were followed.
    pub ids: Span,
    /// What it covers.
    #[serde(default)]
    pub coverage: Coverage,
    /// Connections to each exclusion network that would be hits otherwise.
    pub excluded: BTreeMap<IpNet, u64>,
    /// Hits of each rule, by its index in the rule set; without those that were dropped, once they were.
    pub by_rule: BTreeMap<usize, u64>,
    /// Its defects by kind.
    pub defects: BTreeMap<DefectKind, u64>,
    /// How far the two times of its hits are apart.
    #[serde(default)]
    pub skew: Skew,
    /// Copies of events in it that were dropped.
    pub duplicates: u64,
    /// Twins in it that were dropped.
    #[serde(default)]
    pub twins: u64,
}

impl Searched {
    /// Of a scan by this plan of these sources.
    #[must_use]
    pub fn new(plan: &Plan, sources: &Sources, findings: Findings) -> Self {
        let Findings { groups, hits, hosts, repeats, mut defects, sources: found, archives: mut hashed, .. } = findings;
        defects.merge(sources.defects.clone());
        let archives = sources.archives.iter().map(|archive| {
            let digests = hashed.remove(&archive.path).flatten();
            SearchedFile::new(archive.name.clone(), &archive.path, archive.size, digests)
        });
        let path = |number: usize| sources.logs.get(number).map_or(Path::new(""), |log: &Source| &log.path);
        let empty = empty(sources, &found, &defects);
        let name = |number: usize| sources.logs.get(number).map_or_else(String::new, |log| log.name.clone());
        let repeated = repeats.repeated(name).filter(|_| plan.terms.copies != Copies::Drop);
        Self {
            archives: archives.collect(),
            empty,
            sources: (found.into_iter())
                .map(|(key, found)| SearchedSource::new(key.name, path(key.number), found))
                .collect(),
            groups,
            hits: plan.keeps_hits().then_some(hits),
            hit_hosts: hosts.settled(),
            repeated,
            defects,
            links: sources.links,
            others: sources.others,
            unopened: sources.unopened,
            strangers: Vec::new(),
            locals: plan.known.locals.clone(),
            partials: Vec::new(),
        }
    }

    /// Notes what another look at the same logs found to be wrong.
    pub fn learn(&mut self, wrong: Wrong) {
        self.defects.merge(wrong.defects);
        for source in &mut self.sources {
            let more = wrong.by_source.get(&source.file.name).cloned().unwrap_or_default();
            count::add_counts(&mut source.defects, more);
        }
    }

    /// What was counted in all sources.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        self.sources.iter().for_each(|source| sum += source.tally);
        sum
    }

    /// How far the two times of hits are apart in all sources.
    #[must_use]
    pub fn skew(&self) -> Skew {
        let mut sum = Skew::default();
        self.sources.iter().for_each(|source| sum.merge(&source.skew));
        sum
    }

    /// The hosts that the logs are of and that hits name, those without a log of connections first.
    #[must_use]
    pub fn hosts(&self) -> Vec<Host> {
        hosts::hosts(self.sources.iter().map(|source| &source.coverage), &self.hit_hosts)
    }

    /// The first and the last time of all logs and hits.
    #[must_use]
    pub fn span(&self) -> Option<coverage::Span> {
        let logs = self.sources.iter().map(|source| source.coverage.span);
        logs.fold(self.hit_hosts.span(), coverage::joined)
    }

    /// Of how many sources the header says that they were copied while in use.
    #[must_use]
    pub fn dirty(&self) -> u64 {
        self.sources.iter().filter(|source| source.is_dirty()).count() as u64
    }

    /// Connections of all sources to each exclusion network that would be hits otherwise.
    #[must_use]
    pub fn excluded(&self) -> BTreeMap<IpNet, u64> {
        self.sum(|source| &source.excluded)
    }

    /// Hits of each rule in all sources, by its index in the rule set.
    #[must_use]
    pub fn by_rule(&self) -> BTreeMap<usize, u64> {
        self.sum(|source| &source.by_rule)
    }

    /// Copies of events that were dropped, by source.
    #[must_use]
    pub fn duplicates(&self) -> BTreeMap<String, u64> {
        let mut sum = BTreeMap::new();
        for source in self.sources.iter().filter(|source| source.duplicates > 0) {
            count::add_count(&mut sum, source.file.name.clone(), source.duplicates);
        }
        sum
    }

    /// Twins that were dropped.
    #[must_use]
    pub fn twins(&self) -> u64 {
        count::sum(self.sources.iter().map(|source| source.twins))
    }

    /// Notes hits that were dropped, by source. Of two with the same name, the first has them, and of each rule as many as it has hits.
    pub fn drop_hits(&mut self, mut dropped: BTreeMap<String, Dropped>) {
        for source in &mut self.sources {
            let Some(Dropped { copies, twins, by_rule }) = dropped.get_mut(&source.file.name) else { continue };
            source.duplicates = source.duplicates.saturating_add(mem::take(copies));
            source.twins = source.twins.saturating_add(mem::take(twins));
            for (rule, hits) in &mut source.by_rule {
                let Some(left) = by_rule.get_mut(rule) else { continue };
                let own = (*left).min(*hits);
                *hits -= own;
                *left -= own;
            }
            source.by_rule.retain(|_, hits| *hits > 0);
        }
    }

    fn sum<K: Ord + Copy>(&self, counts: impl Fn(&SearchedSource) -> &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
        let mut sum = BTreeMap::new();
        self.sources.iter().for_each(|source| count::add_counts(&mut sum, counts(source).clone()));
        sum
    }
}

impl SearchedFile {
    /// What is in a file under a name.
    #[must_use]
    pub fn new(name: String, file: &Path, size: u64, digests: Option<Digests>) -> Self {
        let file_hex = file.to_str().is_none().then(|| digest::hex(file.as_os_str().as_encoded_bytes()));
        Self { name, file: file.to_string_lossy().into(), file_hex, size, digests }
    }

    /// Whether the other is the same file, perhaps with more digests.
    #[must_use]
    pub fn is_among(&self, other: &Self) -> bool {
        let are_among = match (&self.digests, &other.digests) {
            (Some(own), Some(others)) => own.are_among(others),
            (own, other) => own == other,
        };
        (&self.name, &self.file, &self.file_hex, self.size) == (&other.name, &other.file, &other.file_hex, other.size)
            && are_among
    }

    /// The path of the file it is in.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        #[cfg(unix)]
        if let Some(bytes) = self.file_hex.as_deref().and_then(digest::from_hex) {
            use std::os::unix::ffi::OsStringExt;
            return std::ffi::OsString::from_vec(bytes).into();
        }
        PathBuf::from(&self.file)
    }
}

impl SearchedSource {
    fn new(name: String, file: &Path, found: SourceFindings) -> Self {
        let SourceFindings {
            tally,
            header,
            excluded,
            by_rule,
            unused_from,
            used_to,
            defects,
            ids,
            digests,
            coverage,
            skew,
            inbound: _,
        } = found;
        let is_sysmon = coverage.is_sysmon.unwrap_or(tally.chunks_sysmon > 0);
        Self {
            file: SearchedFile::new(name, file, tally.bytes, digests),
            header,
            tally,
            unused_between: unused_from.is_some_and(|unused| Some(unused) < used_to),
            ids: ids.span(),
            coverage: Coverage { is_sysmon: Some(is_sysmon), ..coverage },
            excluded,
            by_rule,
            defects,
            skew,
            duplicates: 0,
            twins: 0,
        }
    }

    /// Whether its header says that it was copied while in use.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.header.is_some_and(FileHeader::is_dirty)
    }
}
