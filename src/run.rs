//! A run: from the logs that were found to everything that is written. No clock, and nothing is shown.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use crate::{
    chunk::FileHeader,
    config::Config,
    error::{Defects, Error},
    event::Carving,
    events::{self, Copies, Rows},
    input::{Source, Sources},
    manifest::{self, DefectEntries, Manifest, Options, RuleEntry, RunEntry, SourceEntry, Tool, Written},
    report, scan,
    sift::{Findings, SourceFindings, SourceKey},
    tally::Tally,
};

/// What a run has to say for itself.
#[derive(Debug)]
pub struct Ran {
    /// Of how many the header says that they were copied while in use.
    pub dirty: u64,
    /// What was counted in them.
    pub tally: Tally,
    /// Connections to each exclusion network, by its index in the rule's set.
    pub excluded: Vec<u64>,
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

/// Scans the logs and writes the report and whatever else is asked for. `run_info` is asked for facts about the run
/// itself once all but the manifest is written.
///
/// # Errors
///
/// Something cannot be written, or the scan cannot be started.
pub fn run(
    config: &Config,
    sources: Sources,
    progress: &(dyn Fn(u64) + Sync),
    run_info: impl FnOnce() -> Option<RunEntry>,
) -> Result<Ran, Error> {
    let mut findings = scan::scan(&config.plan, &config.method, &sources.logs, progress)?;
    findings.defects.merge(sources.defects);

    let (events, duplicates) = settle(config, &mut findings)?;
    let groups = std::mem::take(&mut findings.groups).into_sorted();
    let sha256 = config.output.write(|out| report::write(out, &config.plan.group_by, &groups, config.cells))?;
    let report = Written { rows: groups.len() as u64, sha256 };

    let dirty = |source: &SourceFindings| source.header.is_some_and(FileHeader::is_dirty);
    let ran = Ran {
        dirty: findings.sources.values().filter(|source| dirty(source)).count() as u64,
        tally: findings.total(),
        excluded: findings.excluded,
        groups: report.rows,
        duplicates,
        defects: findings.defects,
    };
    if let Some(output) = &config.manifest {
        let manifest = manifest(config, &sources.logs, findings.sources, &ran, (report, events), run_info());
        output.write(|out| {
            serde_json::to_writer_pretty(&mut *out, &manifest)?;
            out.write_all(b"\n")
        })?;
    }
    Ok(ran)
}

/// Goes through the hits that were kept: drops copies, writes the events, and makes the groups if copies do not count.
fn settle(config: &Config, findings: &mut Findings) -> Result<(Option<Written>, BTreeMap<String, u64>), Error> {
    let Findings { hits, groups, .. } = findings;
    let hits = std::mem::take(hits);
    let copies = config.plan.copies;
    let mut dropped = BTreeMap::new();
    let mut rows = 0;
    let settle = |out: Option<&mut dyn Write>| -> io::Result<()> {
        let mut events = out.map(|out| Rows::new(out, config.cells)).transpose()?;
        dropped = events::in_order(hits, copies, |hit| {
            rows += 1;
            if copies != Copies::Count {
                groups.count(|field| hit.get(field), hit.timestamp());
            }
            events.as_mut().map_or(Ok(()), |events| events.write(hit))
        })?;
        events.map_or(Ok(()), Rows::finish)
    };
    let written = match &config.events {
        Some(output) => Some(output.write(|out| settle(Some(out)))?),
        None => settle(None).map(|()| None).map_err(Error::Spill)?,
    };
    Ok((written.map(|sha256| Written { rows, sha256 }), dropped))
}

fn manifest(
    config: &Config,
    logs: &[Source],
    sources: BTreeMap<SourceKey, SourceFindings>,
    ran: &Ran,
    (report, events): (Written, Option<Written>),
    run: Option<RunEntry>,
) -> Manifest {
    let entry = |(key, found): (SourceKey, SourceFindings)| {
        let duplicates = ran.duplicates.get(&key.name).copied().unwrap_or(0);
        let file = logs.get(key.number).map_or_else(Default::default, |log| log.path.clone());
        SourceEntry::new(key.name, &file, found, duplicates)
    };
    Manifest {
        schema: manifest::SCHEMA,
        version: manifest::VERSION,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        arguments: config.arguments.clone(),
        rule: RuleEntry::new(config.title.clone(), &config.plan.rule),
        options: Options::new(
            &config.plan.group_by,
            config.plan.carving == Carving::Stale,
            config.plan.copies == Copies::Drop,
        ),
        sources: sources.into_iter().map(entry).collect(),
        defects: DefectEntries::new(&ran.defects),
        report,
        events,
        exit_status: ran.exit_status(),
        run,
    }
}
