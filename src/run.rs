//! A run: from the logs that were found to everything that is written. No clock, and nothing is shown.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::PathBuf,
};

use ipnet::IpNet;

use crate::{
    chunk::FileHeader,
    config::Config,
    digest::Digests,
    error::{Defects, Error},
    events::{self, Rows},
    findings::{Findings, SourceFindings, SourceKey},
    group::{self, Groups},
    hits::Hits,
    html::{self, Observed},
    input::Sources,
    manifest::{
        self, ArchiveEntry, DefectEntries, Manifest, Options, RulesEntry, RunEntry, SourceEntry, Tool, Written,
    },
    output::Output,
    partial::{self, Facts, columns::Row},
    report::{self, Report},
    scan,
    tally::Tally,
};

/// What a run has to say for itself.
#[derive(Debug)]
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
    /// How many rows the report has.
    pub groups: u64,
    /// Copies of events that were dropped, by source.
    pub duplicates: BTreeMap<String, u64>,
    /// What is wrong with the evidence.
    pub defects: Defects,
}

impl Ran {
    /// 0 if everything was read, otherwise 3.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        if self.defects.is_empty() { 0 } else { 3 }
    }
}

/// Scans the logs and writes the report and whatever else is asked for. `scanned` is called in between, and `run_info` is
/// asked for facts about the run itself once all but the manifest is written.
///
/// # Errors
///
/// Something cannot be written, or the scan cannot be started.
pub fn run(
    config: &Config,
    mut sources: Sources,
    progress: &(dyn Fn(u64) + Sync),
    scanned: impl FnOnce(),
    run_info: impl FnOnce() -> Option<RunEntry>,
) -> Result<Ran, Error> {
    let mut findings = scan::scan(&config.plan, &config.method, &sources, progress)?;
    findings.defects.merge(std::mem::take(&mut sources.defects));
    scanned();

    let mut observed = config.html.is_some().then(|| Observed::new(&config.plan.group_by));
    let Settled { events, duplicates, by_rule, parts } = settle(config, &mut findings, observed.as_mut())?;
    let groups = match &config.partial {
        Some(output) => write_partial(output, config, &mut findings, &duplicates)?,
        None => findings.take_groups(),
    };
    let groups = groups.into_sorted().map_err(Error::Spill)?;
    let written =
        Report { fields: &config.plan.group_by, groups: &groups, rules: config.plan.rules.named(), rarity: None };
    let sha256 = config.output.write(|out| report::write(out, &written, &config.style))?;
    let report = Written { rows: groups.len(), sha256 };

    let dirty = |source: &SourceFindings| source.header.is_some_and(FileHeader::is_dirty);
    let ran = Ran {
        dirty: findings.sources.values().filter(|source| dirty(source)).count() as u64,
        tally: findings.total(),
        excluded: findings.excluded(),
        by_rule,
        parts,
        groups: report.rows,
        duplicates,
        defects: findings.defects,
    };
    let found = (findings.sources, findings.archives);
    let mut manifest = manifest(config, &sources, found, &ran, (report, events));
    if let (Some(output), Some(observed)) = (&config.html, observed) {
        output.write(|out| html::write(out, &manifest, &ran, (&config.plan, &groups), &observed))?;
    }
    if let Some(output) = &config.manifest {
        manifest.run = run_info();
        output.write(|out| {
            serde_json::to_writer_pretty(&mut *out, &manifest)?;
            out.write_all(b"\n")
        })?;
    }
    Ok(ran)
}

/// Writes the partial result, and returns the groups of all sources together.
fn write_partial(
    output: &Output,
    config: &Config,
    findings: &mut Findings,
    duplicates: &BTreeMap<String, u64>,
) -> Result<Groups, Error> {
    let plan = &config.plan;
    let apart = findings.take_groups();
    let facts = Facts::new(config, findings, duplicates);
    let places = facts.places();
    let mut together = Groups::new(plan.group_by.clone(), group::Sources::Together, plan.room);
    output.write(|out| {
        partial::write(out, &plan.group_by, &facts, |write| {
            apart.each_by_key(|key, group| {
                let (source, key) = key.without_source();
                let source = places.get(source).copied().unwrap_or_default();
                write(Row { source, key: key.clone(), group })?;
                together.count_group(key, group);
                Ok(())
            })
        })
    })?;
    Ok(together)
}

/// What came of the hits that were kept.
struct Settled {
    events: Option<Written>,
    duplicates: BTreeMap<String, u64>,
    by_rule: BTreeMap<usize, u64>,
    parts: u64,
}

/// Goes through the hits that were kept: fires correlations, drops copies, writes the events, shows them to the page, and
/// makes the groups if that had to wait for it.
fn settle(config: &Config, findings: &mut Findings, mut observed: Option<&mut Observed>) -> Result<Settled, Error> {
    let mut by_rule = findings.by_rule();
    let hits = std::mem::replace(&mut findings.hits, Hits::new(0));
    let groups = &mut findings.groups;
    let (plan, rules) = (&config.plan, &*config.plan.rules);
    let hits = hits.into_sorted().map_err(Error::Spill)?;
    let correlations = rules.sigma.correlations.as_ref();
    let mut fired = match correlations {
        Some(correlations) => hits.pass().and_then(|hits| correlations.fire(hits)).map_err(Error::Spill)?,
        None => BTreeMap::new(),
    };
    if correlations.is_some() {
        by_rule.clear();
    }
    let (mut duplicates, mut rows, mut parts) = (BTreeMap::new(), 0, 0);
    let mut settle = |out: Option<&mut dyn Write>| -> io::Result<()> {
        let mut events = out.map(|out| Rows::new(out, config.style, rules.named)).transpose()?;
        duplicates = events::in_order(&hits, plan.copies, |number, hit| {
            let is_part = |rule: &usize| correlations.is_some_and(|rules| rules.parts.contains(rule));
            let own = hit.rules.iter().copied().filter(|rule| !is_part(rule));
            let of: Vec<usize> = own.chain(fired.remove(&number).unwrap_or_default()).collect();
            parts += u64::from(of.is_empty());
            if let (Some(observed), false) = (&mut observed, of.is_empty()) {
                observed.add(hit, &of);
            }
            for (index, &rule) in of.iter().enumerate() {
                if correlations.is_some() {
                    *by_rule.entry(rule).or_default() += 1;
                }
                if plan.groups_later() {
                    groups.count(|field| hit.get(field), (&hit.source, hit.timestamp()), rule);
                }
                // Where rules are not named, a row is a hit, whatever its rules.
                if let (Some(events), true) = (&mut events, rules.named || index == 0) {
                    rows += 1;
                    events.write(hit, rules.infos.get(rule).filter(|_| rules.named))?;
                }
            }
            Ok(())
        })?;
        events.map_or(Ok(()), Rows::finish)
    };
    let written = match &config.events {
        Some(output) => Some(output.write(|out| settle(Some(out)))?),
        None => settle(None).map(|()| None).map_err(Error::Spill)?,
    };
    let events = written.map(|sha256| Written { rows, sha256 });
    Ok(Settled { events, duplicates, by_rule, parts })
}

fn manifest(
    config: &Config,
    sources: &Sources,
    (logs, mut digests): (BTreeMap<SourceKey, SourceFindings>, BTreeMap<PathBuf, Option<Digests>>),
    ran: &Ran,
    (report, events): (Written, Option<Written>),
) -> Manifest {
    let entry = |(key, found): (SourceKey, SourceFindings)| {
        let duplicates = ran.duplicates.get(&key.name).copied().unwrap_or(0);
        let file = sources.logs.get(key.number).map_or_else(Default::default, |log| log.path.clone());
        SourceEntry::new(key.name, &file, found, duplicates)
    };
    Manifest {
        schema: manifest::SCHEMA,
        version: manifest::VERSION,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        arguments: config.arguments.clone(),
        rule: RulesEntry::new(&config.plan.rules),
        options: Options::new(&config.plan, &config.style),
        sources: logs.into_iter().map(entry).collect(),
        archives: (sources.archives.iter())
            .map(|archive| ArchiveEntry::new(archive, digests.remove(&archive.path).flatten()))
            .collect(),
        defects: DefectEntries::new(&ran.defects),
        report,
        events,
        exit_status: ran.exit_status(),
        run: None,
    }
}
