//! A partial result: the groups of each source, and all that is known of the run, in a file from which exactly the same
//! report can be made as from the sources, together with other partial results.
//!
//! The file is Parquet, which Spark, `DuckDB` and others read: its columns are in [`columns`], and its [`Facts`] are JSON in
//! its metadata. Both are in the README, and [`VERSION`] changes with them. How results are put together is in
//! [`crate::merge`].

pub mod columns;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    path::Path,
};

use ipnet::IpNet;
use parquet::{
    errors::ParquetError,
    file::{reader::FileReader, serialized_reader::SerializedFileReader},
};
use serde::{Deserialize, Serialize};

use self::columns::Row;
use crate::{
    chunk::FileHeader,
    cidr::CidrSet,
    config::Config,
    connection::Field,
    digest::Digests,
    error::{DefectKind, Defects},
    event::Carving,
    events::Copies,
    findings::{Findings, SourceFindings, SourceKey},
    rule::{Rule, RuleInfo, RuleSet},
    tally::Tally,
};

/// Under what name the facts are in the file's metadata.
pub const SCHEMA: &str = "netsift-partial";
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
    pub options: OptionsFacts,
    /// The fields of the groups.
    pub group_by: Vec<String>,
    /// What was read, by name. Groups say which one they are of by its place here.
    pub sources: Vec<SourceFacts>,
    /// What was wrong, in sources and elsewhere.
    pub defects: Defects,
    /// Sigma rules that were not loaded, and why.
    pub refused: Vec<String>,
}

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionsFacts {
    /// Whether stale records are.
    pub recover: bool,
    /// Whether copies of events are not.
    pub dedup: bool,
    /// Which connections are, as the summary says it; empty for all.
    pub filters: String,
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
    /// Whether the report says which rule each group is of.
    pub named: bool,
    /// The titles of rules for which every connection was decoded.
    pub slow: Vec<String>,
}

/// A log, or what was searched and is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// Its name.
    pub name: String,
    /// Its hashes; null if not all of it could be read.
    pub digests: Option<Digests>,
    /// Whether its header says that it was copied while in use.
    pub dirty: bool,
    /// What was counted in it.
    pub tally: Tally,
    /// Connections to each exclusion network that would be hits otherwise.
    pub excluded: BTreeMap<IpNet, u64>,
    /// Hits of each rule.
    pub by_rule: BTreeMap<usize, u64>,
    /// Its defects by kind.
    pub defects: BTreeMap<DefectKind, u64>,
    /// Copies of events in it that were dropped.
    pub duplicates: u64,
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
            named: rules.named,
            slow: rules.slow.clone(),
        }
    }

    /// The set of rules, as far as reports and summaries ask for it: it has no Sigma rules to judge by.
    #[must_use]
    pub fn into_rule_set(self) -> RuleSet {
        let set = |networks: Vec<IpNet>| networks.into_iter().collect::<CidrSet>();
        let detection = self.detection.map(set);
        let by_process = self.processes.clone().unwrap_or_default();
        let names = by_process.iter().map(|(name, _)| name.clone()).filter(|name| !name.is_empty()).collect();
        let builtin = Rule { processes: names, detection: detection.clone(), exclusion: set(self.exclusion) };
        RuleSet {
            infos: self.infos,
            builtin: self.processes.map(|_| builtin),
            by_process,
            everywhere: Rule { processes: Vec::new(), detection, exclusion: set(self.exclusion_of_all) },
            named: self.named,
            slow: self.slow,
            ..RuleSet::default()
        }
    }
}

impl Facts {
    /// Of a run whose findings are complete.
    #[must_use]
    pub fn new(config: &Config, findings: &Findings, duplicates: &BTreeMap<String, u64>) -> Self {
        // Groups know their sources by name. Of two with the same one, only of both together is known what is in them.
        let mut numbers: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for key in findings.sources.keys() {
            let (first, count) = numbers.entry(&key.name).or_insert((key.number, 0));
            *first = (*first).min(key.number);
            *count += 1;
        }
        let source = |(key, found): (&SourceKey, &SourceFindings)| SourceFacts {
            digests: found.digests.clone().filter(|_| numbers.get(&*key.name).is_some_and(|&(_, count)| count == 1)),
            duplicates: match numbers.get(&*key.name) {
                Some((first, _)) if *first == key.number => duplicates.get(&key.name).copied().unwrap_or(0),
                _ => 0,
            },
            name: key.name.clone(),
            dirty: found.header.is_some_and(FileHeader::is_dirty),
            tally: found.tally,
            excluded: found.excluded.clone(),
            by_rule: found.by_rule.clone(),
            defects: found.defects.clone(),
        };
        Self {
            version: VERSION,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            rules: RulesFacts::new(&config.plan.rules),
            options: OptionsFacts {
                recover: config.plan.carving == Carving::Stale,
                dedup: config.plan.copies == Copies::Drop,
                filters: config.plan.filter.to_string(),
            },
            group_by: config.plan.group_by.iter().map(|field| field.name().to_owned()).collect(),
            sources: findings.sources.iter().map(source).collect(),
            defects: findings.defects.clone(),
            refused: config.refused.iter().map(ToString::to_string).collect(),
        }
    }

    /// The place of each source in the table, by its name.
    #[must_use]
    pub fn places(&self) -> BTreeMap<String, u64> {
        // Of two with the same name, the first.
        let mut places = BTreeMap::new();
        for (place, source) in (0..).zip(&self.sources) {
            places.entry(source.name.clone()).or_insert(place);
        }
        places
    }

    /// The fields of the groups.
    ///
    /// # Errors
    ///
    /// One is not known.
    pub fn fields(&self) -> Result<Vec<Field>, String> {
        self.group_by.iter().map(|name| name.parse()).collect()
    }
}

/// Writes a partial result. `rows` hands on the groups, each once.
///
/// # Errors
///
/// What `out` or `rows` returns.
pub fn write(
    out: &mut (dyn Write + Send),
    fields: &[Field],
    facts: &Facts,
    rows: impl FnOnce(&mut dyn FnMut(Row) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = columns::Writer::new(out, fields).map_err(io_error)?;
    rows(&mut |row| writer.push(row).map_err(io_error))?;
    writer.finish(SCHEMA, serde_json::to_string(facts)?).map_err(io_error)?;
    Ok(())
}

/// A partial result that is open.
pub struct Partial {
    file: SerializedFileReader<File>,
    /// Its facts.
    pub facts: Facts,
}

impl Partial {
    /// Opens one and reads its facts.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no partial result, or one of a newer version.
    pub fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let file = SerializedFileReader::new(file).map_err(|error| format!("not a partial result: {error}"))?;
        let metadata = file.metadata().file_metadata().key_value_metadata();
        let facts = metadata.into_iter().flatten().find(|pair| pair.key == SCHEMA);
        let text = facts.and_then(|pair| pair.value.as_deref());
        let text = text.ok_or("not a partial result: a Parquet file that netsift did not write as one")?;
        let version =
            serde_json::from_str::<Versioned>(text).map_err(|error| format!("not a partial result: {error}"))?;
        if version.version > VERSION {
            let version = version.version;
            return Err(format!("a partial result of version {version}: this tool reads versions up to {VERSION}"));
        }
        let facts = serde_json::from_str(text).map_err(|error| format!("not a partial result: {error}"))?;
        Ok(Self { file, facts })
    }

    /// Hands on its groups.
    ///
    /// # Errors
    ///
    /// It cannot be read, or what `each` returns.
    pub fn rows(&self, mut each: impl FnMut(Row) -> io::Result<()>) -> io::Result<()> {
        let fields = self.facts.fields().map_err(io::Error::other)?;
        columns::read(&self.file, &fields, |row| each(row).map_err(|error| ParquetError::External(error.into())))
            .map_err(io_error)
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

pub(crate) fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}
