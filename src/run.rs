//! What comes of a run: from what was [`Searched`], by a scan or by merging, to everything that is written. No clock, and nothing
//! is shown.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use crate::{
    error::Error,
    fleet::{facts::Facts, partial},
    group::{
        contexts::Contexts,
        copies,
        groups::{Groups, SortedGroups},
        hit::Hit,
        hits::SortedHits,
        processes::Processes,
        rarity::{Places, Rarity},
    },
    report::{
        background::Background,
        content::Report,
        events::{Made, Rows as EventRows},
        format,
        manifest::{
            self, DefectEntries, HostEntry, Manifest, Options, RulesEntry, RunEntry, SourceEntry, Tool, Written,
        },
        output::Pending,
        outputs::Outputs,
        page::{document, observed::Observed},
        parquet::columns::{Row, Rows},
        ran::Ran,
    },
    scan::{searched::Searched, second::Found, terms::Terms},
};

/// Writes the report of what was searched on these terms, and whatever else is asked for. `run_info` is asked for facts about
/// the run itself once all but the manifest is written.
///
/// # Errors
///
/// Something cannot be written, or rarity is asked of fields that do not tell it.
pub fn write(
    terms: &Terms,
    outputs: &Outputs,
    mut searched: Searched,
    second: impl FnOnce(&SortedHits) -> Result<Found, Error>,
    run_info: impl FnOnce() -> Option<RunEntry>,
) -> Result<Ran, Error> {
    let mut run = Run { terms, outputs, pending: Pending::default() };
    let places = outputs.rarity.then(|| Places::new(&terms.group_by)).transpose().map_err(Error::Usage)?;
    let hits = searched.hits.take().map(|hits| hits.into_sorted().map_err(Error::Spill)).transpose()?;
    let known = match &hits {
        Some(hits) if outputs.context => {
            let found = second(hits)?;
            searched.learn(found.wrong);
            Some(found.processes)
        }
        _ => None,
    };
    let mut observed = outputs.html.is_some().then(|| Observed::new(&terms.group_by));
    let Settled { events, by_rule, parts, contexts } = match &hits {
        Some(hits) => run.settle(hits, &mut searched, known.as_ref(), observed.as_mut())?,
        None => Settled { by_rule: searched.by_rule(), ..Settled::default() },
    };
    let contexts = contexts.map(Contexts::into_sorted).transpose().map_err(Error::Spill)?;
    let none = searched.groups.none();
    let groups = std::mem::replace(&mut searched.groups, none);
    let groups = run.write_partial(&searched, hits.as_ref(), groups)?;
    let groups = groups.into_sorted().map_err(Error::Spill)?;
    if let (None, Some(observed)) = (&hits, &mut observed) {
        observe(observed, &groups).map_err(Error::Spill)?;
    }
    let rarity = places.map(|places| Rarity::new(places, &groups)).transpose().map_err(Error::Spill)?;
    let report = Report {
        fields: &terms.group_by,
        groups: &groups,
        rules: terms.rules.named(),
        background: (contexts.as_ref().zip(known.as_ref())).map(|(groups, processes)| Background { groups, processes }),
        rarity: rarity.as_ref(),
        threads: outputs.threads,
    };
    let sha256 = outputs.report.write(&mut run.pending, |out| format::write(out, &report, &outputs.style))?;
    let written = Written { rows: groups.len(), sha256 };

    let ran = Ran {
        dirty: searched.dirty(),
        tally: searched.tally(),
        excluded: searched.excluded(),
        by_rule,
        parts,
        groups: written.rows,
        duplicates: searched.duplicates(),
        links: searched.links,
        others: searched.others,
        hosts: searched.hosts(),
        skew: searched.skew(),
        span: searched.span(),
        defects: std::mem::take(&mut searched.defects),
    };
    let mut manifest = run.manifest(searched, &ran, written, events);
    if let (Some(output), Some(observed)) = (&outputs.html, observed) {
        output.write(&mut run.pending, |out| document::write(out, &manifest, &ran, terms, &report, &observed))?;
    }
    if let Some(output) = &outputs.manifest {
        manifest.run = run_info();
        output.write(&mut run.pending, |out| {
            serde_json::to_writer_pretty(&mut *out, &manifest)?;
            out.write_all(b"\n")
        })?;
    }
    run.pending.commit()?;
    Ok(ran)
}

/// Shows the groups to the page, where these are all that is known of the hits.
fn observe(observed: &mut Observed, groups: &SortedGroups) -> io::Result<()> {
    for group in groups.pass()? {
        let (key, group) = group?;
        observed.add_group(&key, group);
    }
    Ok(())
}

/// What is written in a run, and on what terms. It appears all together in the end.
struct Run<'a> {
    terms: &'a Terms,
    outputs: &'a Outputs,
    pending: Pending,
}

/// What came of the hits that were kept.
#[derive(Default)]
struct Settled {
    events: Option<Written>,
    by_rule: BTreeMap<usize, u64>,
    parts: u64,
    contexts: Option<Contexts>,
}

impl Run<'_> {
    fn manifest(&self, searched: Searched, ran: &Ran, report: Written, events: Option<Written>) -> Manifest {
        let Self { terms, outputs, .. } = self;
        Manifest {
            schema: manifest::SCHEMA,
            version: manifest::VERSION,
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            arguments: outputs.arguments.clone(),
            rule: RulesEntry::new(&terms.rules),
            options: Options::new(terms, &outputs.style),
            sources: searched.sources.into_iter().map(SourceEntry::new).collect(),
            hosts: ran.hosts.iter().map(HostEntry::new).collect(),
            archives: searched.archives,
            partials: searched.partials,
            defects: DefectEntries::new(&ran.defects),
            report,
            events,
            exit_status: ran.exit_status(),
            run: None,
        }
    }

    /// Writes the partial result, if there is to be one, and returns the groups of all sources together.
    fn write_partial(
        &mut self,
        searched: &Searched,
        hits: Option<&SortedHits>,
        groups: Groups,
    ) -> Result<Groups, Error> {
        let Self { terms, outputs, pending } = self;
        let Some((output, rows)) = &outputs.partial else { return Ok(groups) };
        let facts = Facts::new(terms, *rows, searched);
        let places = facts.places();
        let place = |source: &str| places.get(source).copied().unwrap_or_default();
        match rows {
            Rows::Events => {
                output.write(pending, |out| {
                    partial::write(out, &facts, |write| {
                        let Some(hits) = hits else { return Ok(()) };
                        copies::in_order(hits, terms.copies, |_, hit| {
                            hit.rules
                                .iter()
                                .try_for_each(|&rule| write(Row::of_hit(place(hit.source()), hit, rule, terms.ends)))
                        })
                        .map(drop)
                    })
                })?;
                Ok(groups)
            }
            Rows::Groups => {
                let mut together = groups.none();
                output.write(pending, |out| {
                    partial::write(out, &facts, |write| {
                        groups.each_by_key(|key, group| {
                            let (source, key) = key.without_source();
                            write(Row { source: place(source), key: key.clone(), group, record: None })?;
                            together.count_group(&key, group);
                            Ok(())
                        })
                    })
                })?;
                Ok(together)
            }
        }
    }

    /// Goes through the hits that were kept: fires correlations, drops copies, writes the events, shows them to the page, and
    /// makes the groups if that had to wait for it.
    fn settle(
        &mut self,
        hits: &SortedHits,
        searched: &mut Searched,
        known: Option<&Processes>,
        mut observed: Option<&mut Observed>,
    ) -> Result<Settled, Error> {
        let Self { terms, outputs, pending } = self;
        let mut by_rule = searched.by_rule();
        let groups = &mut searched.groups;
        let rules = &*terms.rules;
        let correlations = rules.sigma.correlations.as_ref();
        let mut fired = match correlations {
            Some(correlations) => hits
                .pass()
                .and_then(|hits| correlations.fire(hits.map(|hit| hit.map(Hit::into_happening))))
                .map_err(Error::Spill)?,
            None => BTreeMap::new(),
        };
        if correlations.is_some() {
            by_rule.clear();
        }
        let mut contexts = known.map(|_| Contexts::new(&terms.group_by, groups.room()));
        let (mut dropped, mut rows, mut parts) = (BTreeMap::new(), 0, 0);
        let mut settle = |out: Option<&mut dyn Write>| -> io::Result<()> {
            let made = Made {
                style: outputs.style,
                threads: outputs.threads,
                named: rules.named,
                ends: terms.ends,
                processes: known,
            };
            let mut events = out.map(|out| EventRows::new(out, made)).transpose()?;
            dropped = copies::in_order(hits, terms.copies, |number, hit| {
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
                    if terms.groups_later() {
                        groups.count(|field| hit.get(field), hit.source(), hit.time, rule);
                    }
                    if let (Some(contexts), Some(known)) = (&mut contexts, known) {
                        contexts.add(hit, rule, known);
                    }
                    // Where rules are not named, a row is a hit, whatever its rules.
                    if let (Some(events), true) = (&mut events, rules.named || index == 0) {
                        rows += 1;
                        events.write(hit, rules.infos.get(rule).filter(|_| rules.named))?;
                    }
                }
                Ok(())
            })?;
            events.map_or(Ok(()), EventRows::finish)
        };
        let written = match &outputs.events {
            Some(output) => Some(output.write(pending, |out| settle(Some(out)))?),
            None => settle(None).map(|()| None).map_err(Error::Spill)?,
        };
        searched.drop_copies(dropped);
        let events = written.map(|sha256| Written { rows, sha256 });
        Ok(Settled { events, by_rule, parts, contexts })
    }
}
