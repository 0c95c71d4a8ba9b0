//! The [`Manifest`]: a record of a run that stands up later. What was read, with hashes; how it was judged; what was wrong.
//!
//! Two runs over the same evidence give the same bytes, unless facts about the run itself are asked for. The schema is
//! in `docs/manifest.md`; [`VERSION`] changes with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    connection::{
        cidr::CidrSet,
        clock::Clock,
        filter::{Filter, Property},
        logged::LoggedBy,
    },
    error::Defects,
    evidence::digest,
    evtx::{
        decoder::Carving,
        ids::{Gaps, Id},
        record,
        window::Window,
    },
    group::copies::Copies,
    label::labels::{LabelFile, Labels},
    report::{style::Style, times},
    rule::{info::RuleInfo, judge::End, set::RuleSet, sigma::beside::Names},
    scan::{
        hosts::Host,
        searched::{SearchedFile, SearchedSource},
        tally::Tally,
        terms::Terms,
    },
    text,
};

/// What a manifest says it is.
pub const SCHEMA: &str = "netsift-manifest";
/// The version of the schema that is written, and the newest that is read.
pub const VERSION: u32 = 1;

/// A record of a run.
#[derive(Debug, Serialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// [`VERSION`].
    pub version: u32,
    /// The tool that wrote it.
    pub tool: Tool,
    /// The command line, without the tool's own name.
    pub arguments: Vec<String>,
    /// What was looked for.
    pub rule: RulesEntry,
    /// What was done with it.
    pub options: Options,
    /// What was read, by name.
    pub sources: Vec<SourceEntry>,
    /// The hosts that the logs are of, those without Sysmon first.
    pub hosts: Vec<HostEntry>,
    /// The archives that some of it is from, as the files that they are, by name.
    pub archives: Vec<SearchedFile>,
    /// The partial results that were merged, by path; none for a scan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partials: Vec<SearchedFile>,
    /// The lists whose names the report has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watchlists: Vec<SearchedFile>,
    /// The databases of networks whose values it has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub geoip: Vec<SearchedFile>,
    /// What was wrong.
    pub defects: DefectEntries,
    /// What was written.
    pub report: Written,
    /// The report of events, if one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Written>,
    /// The table of beacons, if one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beacons: Option<Written>,
    /// The exit status of the run.
    pub exit_status: u8,
    /// Facts about the run itself, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunEntry>,
}

/// A tool.
#[derive(Debug, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// What was looked for, and its hash.
#[derive(Debug, Serialize)]
pub struct RulesEntry {
    /// The rules.
    #[serde(flatten)]
    pub body: RulesBody,
    /// The SHA-256 of that as compact JSON, in the order of the schema.
    pub sha256: String,
}

/// What was looked for.
#[derive(Debug, Serialize)]
pub struct RulesBody {
    /// Each rule.
    pub rules: Vec<RuleEntry>,
    /// Base names of the processes that the built-in rules look for; none for any; null if no built-in rule is applied.
    pub processes: Option<Vec<String>>,
    /// Where a destination has to be for any rule; null for anywhere.
    pub detection_networks: Option<Vec<String>>,
    /// Where it must not be for the built-in rules.
    pub exclusion_networks: Vec<String>,
    /// Where it must not be for any rule.
    pub exclusion_networks_of_all: Vec<String>,
    /// Which end networks are of: `dest`, or `remote` for the peer of the host.
    pub judged: End,
}

/// A rule.
#[derive(Debug, Serialize)]
pub struct RuleEntry {
    /// Its title.
    pub title: String,
    /// Its id.
    pub id: String,
    /// Its file, or `built-in`.
    pub source: String,
    /// The SHA-256 of that file, or of the built-in rule as `netsift rules show` shows it.
    pub sha256: String,
}

/// How the report was made.
#[derive(Debug, Serialize)]
pub struct Options {
    /// The fields of the groups.
    pub group_by: Vec<&'static str>,
    /// What was counted.
    #[serde(flatten)]
    pub counted: Counted,
    /// The format of the report.
    pub format: &'static str,
    /// The format of the times in it.
    pub time_format: &'static str,
    /// Whether it has only rows with a connection that is on a list; left out if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub only_watched: bool,
}

/// What is counted, besides what rules say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Whose connections are.
    #[serde(default)]
    pub source: LoggedBy,
    /// Whether stale records are.
    pub recover: bool,
    /// Whether copies of events are not.
    pub dedup: bool,
    /// Which connections are; null for all.
    pub filters: Option<FiltersEntry>,
    /// Which of its times a connection is of: `logged` or `utc`.
    #[serde(default)]
    pub clock: Clock,
    /// Whether the logs were read to tell which end of each connection is the host and which its peer.
    #[serde(default)]
    pub ends: bool,
    /// Whose names of destinations Sigma rules saw; left out for those that connections were logged with.
    #[serde(default, skip_serializing_if = "Names::are_logged")]
    pub sigma_names: Names,
}

/// Which connections were left in: those in a time, and with one of the patterns for each property that has any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiltersEntry {
    /// The first time that is left in; null for any.
    pub since: Option<String>,
    /// The first time that is not; null for any.
    pub until: Option<String>,
    /// Patterns of the host that logged it, as `--host` takes them; empty for any, as in the lists below.
    pub host: Vec<String>,
    /// Patterns of the account.
    pub user: Vec<String>,
    /// Ports of the destination, and ranges of them.
    pub port: Vec<String>,
    /// Transport protocols, by name or number.
    pub transport: Vec<String>,
    /// `inbound`, `outbound` or patterns of these.
    pub direction: Vec<String>,
    /// Patterns of the program's whole path.
    #[serde(default)]
    pub app: Vec<String>,
    /// Patterns of the destination's name, addresses and networks of it.
    #[serde(default)]
    pub dest: Vec<String>,
    /// The same of the peer.
    #[serde(default)]
    pub remote: Vec<String>,
    /// Ports of the peer, and ranges of them.
    #[serde(default)]
    pub remote_port: Vec<String>,
}

/// A log.
#[derive(Debug, Serialize)]
pub struct SourceEntry {
    /// What it is.
    #[serde(flatten)]
    pub file: SearchedFile,
    /// The flags of its file header, and whether they say that it was copied while in use.
    pub header: Option<HeaderEntry>,
    /// Its chunks by kind.
    pub chunks: ChunksEntry,
    /// Its records.
    pub records: RecordsEntry,
    /// Its connections by verdict.
    pub connections: ConnectionsEntry,
    /// Copies of events in it that were dropped.
    pub duplicates: u64,
    /// Twins in it that were dropped: connections that Sysmon has logged too.
    pub twins: u64,
    /// Its defects by kind.
    pub defects: BTreeMap<&'static str, u64>,
}

/// A host that logs are of.
#[derive(Debug, Serialize)]
pub struct HostEntry {
    /// Its name.
    pub name: String,
    /// Whether Sysmon wrote into one of its logs, or a provider whose connections are read.
    pub sysmon: bool,
    /// The first time in a record's header in those logs, or, without any, in all of its logs; null if there is none.
    pub first_time: Option<String>,
    /// The last one.
    pub last_time: Option<String>,
}

impl HostEntry {
    /// Of what is known of a host.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let time = |time| times::time(Some(time));
        Self {
            name: text::printable(&host.name).into_owned(),
            sysmon: host.has_sysmon,
            first_time: host.span.map(|(first, _)| time(first)),
            last_time: host.span.map(|(_, last)| time(last)),
        }
    }
}

/// A file header.
#[derive(Debug, Serialize)]
pub struct HeaderEntry {
    /// The flags as they stand there.
    pub flags: u32,
    /// Whether the log was copied while it was in use.
    pub dirty: bool,
}

/// Chunks by kind.
#[derive(Debug, Serialize)]
pub struct ChunksEntry {
    /// Chunks that were decoded.
    pub decoded: u64,
    /// Chunks whose bytes show that no hit is in them, which were not decoded.
    pub ruled_out: u64,
    /// Chunks of zeros, never used.
    pub unused: u64,
    /// Chunks that are neither used nor unused.
    pub unreadable: u64,
    /// Chunks that say they have no checksums.
    pub unchecked: u64,
    /// Chunks, ruled out or decoded, that are out of place.
    pub displaced: u64,
    /// Whether there are used chunks behind unused ones, which Windows does not write so.
    pub unused_between: bool,
}

/// Records, and the ids of those whose chunks are whole.
#[derive(Debug, Serialize)]
pub struct RecordsEntry {
    /// Read or ruled out.
    pub count: u64,
    /// Carved from what is no longer part of the log.
    pub recovered: u64,
    /// The lowest id.
    pub first_id: Option<u64>,
    /// The time in its header.
    pub first_time: Option<String>,
    /// The highest id.
    pub last_id: Option<u64>,
    /// The time in its header.
    pub last_time: Option<String>,
    /// What is missing between the two; null if there is too much to follow.
    pub gaps: Option<Gaps>,
}

/// Connections that the filters left out, and the others by verdict: those in chunks that were decoded.
#[derive(Debug, Serialize)]
pub struct ConnectionsEntry {
    /// Connections that the filters left out.
    pub filtered: u64,
    /// Connections of other processes than the chosen ones.
    pub other_process: u64,
    /// Connections of the chosen processes to no detection network.
    pub outside_detection: u64,
    /// Connections of the chosen processes to an exclusion network.
    pub excluded: u64,
    /// Connections that a rule looks for.
    pub hits: u64,
    /// Those of them from recovered records.
    pub hits_recovered: u64,
}

/// Defects: how many, and the first of them.
#[derive(Debug, Serialize)]
pub struct DefectEntries {
    /// How many there are.
    pub total: u64,
    /// The first: see [`Defects::first`].
    pub first: Vec<DefectEntry>,
}

/// A defect.
#[derive(Debug, Serialize)]
pub struct DefectEntry {
    /// The log.
    pub path: String,
    /// The chunk's number in it.
    pub chunk: Option<u64>,
    /// The line in it, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The offset in it, in bytes.
    pub offset: Option<u64>,
    /// Its kind.
    pub kind: &'static str,
    /// What is wrong.
    pub cause: String,
}

/// A file that was written.
#[derive(Debug, Serialize)]
pub struct Written {
    /// Its rows, without the header: hits, of events.
    pub rows: u64,
    /// Its SHA-256. It is known wherever it is shown.
    pub sha256: Option<String>,
    /// Its format, of events, which have others than the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<&'static str>,
}

/// Facts about the run itself.
#[derive(Debug, Clone, Serialize)]
pub struct RunEntry {
    /// When it started, in UTC.
    pub started: String,
    /// When the manifest was written, in UTC.
    pub finished: String,
    /// The name of the host it ran on.
    pub host: String,
}

impl RulesEntry {
    /// Of all rules.
    #[must_use]
    pub fn new(rules: &RuleSet) -> Self {
        let networks = |set: &CidrSet| set.networks().iter().map(ToString::to_string).collect();
        let entry = |info: &RuleInfo| RuleEntry {
            title: info.title.clone(),
            id: info.id.clone(),
            source: info.source.clone(),
            sha256: digest::sha256(info.text.as_bytes()),
        };
        let body = RulesBody {
            rules: rules.infos.iter().map(entry).collect(),
            processes: rules.builtin.as_ref().map(|rule| rule.processes.clone()),
            detection_networks: rules.everywhere.detection.as_ref().map(networks),
            exclusion_networks: rules.builtin.as_ref().map_or_else(Vec::new, |rule| networks(&rule.exclusion)),
            exclusion_networks_of_all: networks(&rules.everywhere.exclusion),
            judged: rules.everywhere.judged,
        };
        let sha256 = digest::sha256(&serde_json::to_vec(&body).unwrap_or_default());
        Self { body, sha256 }
    }
}

impl Options {
    /// Of the report's fields and of what was counted.
    #[must_use]
    pub fn new(terms: &Terms, style: &Style, only_watched: bool) -> Self {
        Self {
            group_by: terms.group_by.iter().map(|field| field.name()).collect(),
            counted: Counted::new(terms),
            format: style.format().name(),
            time_format: style.time_format_name(),
            only_watched,
        }
    }
}

/// The files of labels, as they were read: lists, and databases.
#[must_use]
pub fn label_files(labels: Option<&Labels>) -> [Vec<SearchedFile>; 2] {
    let file = |file: &LabelFile| SearchedFile::new(file.shown(), &file.path, file.size, file.digests.clone());
    let lists = labels.into_iter().flat_map(Labels::lists).map(|(list, _)| file(list));
    [lists.collect(), labels.into_iter().flat_map(Labels::databases).map(file).collect()]
}

impl Counted {
    /// On these terms.
    #[must_use]
    pub fn new(terms: &Terms) -> Self {
        Self {
            source: terms.logged_by,
            recover: terms.carving == Carving::Stale,
            dedup: terms.copies == Copies::Drop,
            filters: (!terms.filter.is_open()).then(|| FiltersEntry::new(&terms.filter)),
            clock: terms.clock,
            ends: terms.counts_by_ends(),
            sigma_names: terms.names,
        }
    }
}

impl FiltersEntry {
    fn new(filter: &Filter) -> Self {
        let patterns = |property| filter.patterns(property).map(str::to_owned).collect();
        Self {
            since: filter.window.since.map(|time| time.to_string()),
            until: filter.window.until.map(|time| time.to_string()),
            host: patterns(Property::Host),
            user: patterns(Property::User),
            port: patterns(Property::Port),
            transport: patterns(Property::Transport),
            direction: patterns(Property::Direction),
            app: patterns(Property::App),
            dest: patterns(Property::Dest),
            remote: patterns(Property::Remote),
            remote_port: patterns(Property::RemotePort),
        }
    }

    /// The filter again.
    ///
    /// # Errors
    ///
    /// A time or a pattern in it cannot be read.
    pub fn filter(&self) -> Result<Filter, String> {
        let time = |text: &Option<String>| {
            let read =
                |text: &String| text.parse().map_err(|error| format!("{} is not a time: {error}", text::quoted(text)));
            text.as_ref().map(read).transpose()
        };
        let window = Window { since: time(&self.since)?, until: time(&self.until)? };
        let patterns = [
            (Property::Host, &self.host),
            (Property::User, &self.user),
            (Property::Port, &self.port),
            (Property::Transport, &self.transport),
            (Property::Direction, &self.direction),
            (Property::App, &self.app),
            (Property::Dest, &self.dest),
            (Property::Remote, &self.remote),
            (Property::RemotePort, &self.remote_port),
        ];
        let read = |(property, texts): (Property, &Vec<String>)| {
            Ok((property, texts.iter().map(|text| property.pattern(text)).collect::<Result<_, _>>()?))
        };
        Ok(Filter::new(window, patterns.into_iter().map(read).collect::<Result<Vec<_>, String>>()?))
    }
}

impl SourceEntry {
    /// Of what is known of a source.
    #[must_use]
    pub fn new(source: SearchedSource) -> Self {
        let SearchedSource { file, header, tally, unused_between, ids, defects, duplicates, twins, .. } = source;
        let Tally { chunks_decoded, chunks_ruled_out, chunks_unused, chunks_unreadable, .. } = tally;
        let Tally { filtered, other_process, outside_detection, excluded, hits, hits_recovered, .. } = tally;
        let time =
            |id: Option<Id>| id.and_then(|(_, time)| record::stated_time(time)).map(|time| times::time(Some(time)));
        Self {
            file,
            header: header.map(|header| HeaderEntry { flags: header.flags, dirty: header.is_dirty() }),
            chunks: ChunksEntry {
                decoded: chunks_decoded,
                ruled_out: chunks_ruled_out,
                unused: chunks_unused,
                unreadable: chunks_unreadable,
                unchecked: tally.chunks_unchecked,
                displaced: tally.chunks_displaced,
                unused_between,
            },
            records: RecordsEntry {
                count: tally.records(),
                recovered: tally.records_recovered,
                first_id: ids.first.map(|(id, _)| id),
                first_time: time(ids.first),
                last_id: ids.last.map(|(id, _)| id),
                last_time: time(ids.last),
                gaps: ids.gaps,
            },
            connections: ConnectionsEntry {
                filtered,
                other_process,
                outside_detection,
                excluded,
                hits,
                hits_recovered,
            },
            duplicates,
            twins,
            defects: defects.into_iter().map(|(kind, count)| (kind.name(), count)).collect(),
        }
    }
}

impl DefectEntries {
    /// Of all defects of a run.
    #[must_use]
    pub fn new(defects: &Defects) -> Self {
        let entry = |defect: &crate::error::Defect| DefectEntry {
            path: defect.path.clone(),
            chunk: defect.chunk,
            line: defect.line,
            offset: defect.offset,
            kind: defect.kind.name(),
            cause: defect.cause.clone(),
        };
        Self { total: defects.total(), first: defects.first().map(entry).collect() }
    }
}
