//! What comes of a run: from what was [`Searched`], by a scan or by merging, to everything that is written. No clock, and nothing
//! is shown.
//!
//! - `settling`: what is made of each hit that was kept. `regrouped`: groups of a merge, grouped by fewer fields.

mod regrouped;
mod settling;

use std::{collections::BTreeMap, io, mem};

use self::{
    regrouped::Regrouped,
    settling::{Kept, LabelledHits, Settled, Settling},
};
use crate::{
    connection::process::Fact,
    error::Error,
    fleet::{facts::Facts, partial},
    group::{
        beacons::{Beacons, SortedBeacons},
        copies::{self, Leaving},
        groups::{Groups, SortedGroups},
        hits::SortedHits,
        labelled::{Count, SortedLabels},
        labelling::{Labelling, Sifted},
        processes::Processes,
        rarity::{Places, Rarity},
        spill::{Each, SortedRuns},
        twins::{self, SortedTwins, Twins},
    },
    join::Join,
    report::{
        background::Background,
        beacons,
        content::Report,
        format,
        labels::RowLabels,
        manifest::{
            self, DefectEntries, HostEntry, Manifest, Options, RulesEntry, RunEntry, SourceEntry, Tool, Written,
        },
        output::Pending,
        outputs::Outputs,
        page::{document, gathered::Gathered},
        parquet::columns::{Row, Rows},
        ran::{Ran, RanLabels},
    },
    scan::{
        pool::{self, Pool},
        searched::Searched,
        second,
        terms::Terms,
    },
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
    second: impl FnOnce(&SortedHits) -> Result<second::Found, Error>,
    run_info: impl FnOnce() -> Option<RunEntry>,
) -> Result<Ran, Error> {
    let pool = pool::pool(outputs.threads)?;
    let mut run = Run { terms, outputs, pool, pending: Pending::default() };
    let places = outputs.rarity.then(|| Places::new(&terms.group_by)).transpose().map_err(Error::Usage)?;
    let hits = searched.hits.take().map(|hits| run.sorted(|join| hits.into_sorted_by(join))).transpose()?;
    let twins = twins(terms, hits.as_ref(), &searched)?;
    let kept =
        hits.as_ref().map(|hits| Kept { hits, leaving: Leaving { copies: terms.copies, twins: twins.as_ref() } });
    let mut found = hits.as_ref().filter(|_| outputs.need_processes()).map(second).transpose()?;
    if let Some(found) = &mut found {
        searched.learn(mem::take(&mut found.wrong));
    }
    let known = found.as_ref().map(|found| &found.processes);
    let mut labelling = outputs.labels.as_deref().map(|labels| Labelling::new(labels, known));
    let mut page = outputs.html.as_ref().map(|_| Gathered::new(terms, outputs, searched.groups.room()));
    let settled = match kept {
        Some(kept) => run.settle(kept, &mut searched, known, page.as_mut(), labelling.as_mut())?,
        None => Settled { by_rule: searched.by_rule(), ..Settled::default() },
    };
    let Settled { events, by_rule, parts, contexts, beacons, labelled } = settled;
    let contexts = contexts.map(|contexts| run.sorted(|join| contexts.into_sorted_by(join))).transpose()?;
    let beacons = beacons.map(Beacons::into_sorted).transpose().map_err(Error::Spill)?;
    let none = searched.groups.none();
    let groups = std::mem::replace(&mut searched.groups, none);
    let groups = run.write_partial(&searched, kept, found.as_ref(), groups)?;
    let Shown { groups, all, labels, by_rule } = run.shown(groups, by_rule, labelled, labelling.as_mut())?;
    let all = all.as_ref().unwrap_or(&groups);
    if let (None, Some(page)) = (&hits, &mut page) {
        page.count_groups(&terms.group_by, all).map_err(Error::Spill)?;
        let added = page.add_groups(&terms.group_by, &groups, labelling.as_mut());
        labelling.as_mut().and_then(Labelling::failed).map_or(added.map_err(Error::Spill), Err)?;
    }
    let rarity = places.map(|places| Rarity::new(places, all, &groups)).transpose().map_err(Error::Spill)?;
    let background = contexts.as_ref().zip(known).map(|(groups, processes)| Background { groups, processes });
    let row_labels = outputs.labels.as_deref().zip(labels.as_ref());
    let report = Report {
        fields: &terms.group_by,
        groups: &groups,
        rules: terms.rules.named(),
        background,
        labels: row_labels.map(|(labels, (groups, _))| RowLabels { labels, groups }),
        rarity: rarity.as_ref(),
        threads: outputs.threads,
    };
    let sha256 = outputs.write(&outputs.report, &mut run.pending, |out| format::write(out, &report, &outputs.style))?;
    let written = Written { rows: groups.len(), sha256, format: None };
    let written_beacons = beacons.as_ref().map(|beacons| run.write_beacons(beacons)).transpose()?.flatten();

    let channels = beacons.as_ref().filter(|_| outputs.beacons.is_some()).map(SortedBeacons::channels);
    let told = labels.as_ref().map(|(labels, left_out)| RanLabels {
        counts: labels.counts.clone(),
        left_out: *left_out,
        are_queries_known: known.is_some(),
    });
    let found = searched_for(&mut searched);
    let ran = Ran { by_rule, parts, beacons: channels, labels: told, groups: written.rows, ..found };
    let mut manifest = Manifest { beacons: written_beacons, ..run.manifest(searched, &ran, written, events) };
    if let Some(page) = page {
        let sorted = page.into_sorted(outputs.rarity).map_err(Error::Spill)?;
        let report = &sorted.report(&report, known);
        let (manifest, sorted, case) = (&manifest, &sorted, outputs.case.as_deref());
        let beacons = beacons.as_ref();
        run.write_page(&document::Content { manifest, ran: &ran, terms, report, sorted, beacons, case })?;
    }
    manifest.run = outputs.manifest.is_some().then(run_info).flatten();
    run.write_manifest(&manifest)?;
    known.and_then(Processes::failed).map_or(Ok(()), |error| Err(Error::Spill(error)))?;
    run.pending.commit()?;
    Ok(ran)
}

/// The hits that are twins of others, where these are to be dropped.
fn twins(terms: &Terms, hits: Option<&SortedHits>, searched: &Searched) -> Result<Option<SortedTwins>, Error> {
    let hits = hits.filter(|_| terms.twins == Twins::Drop);
    hits.map(|hits| twins::among(hits, searched.groups.room())).transpose().map_err(Error::Spill)
}

/// What a run has to say of what was searched. The defects are taken out.
fn searched_for(searched: &mut Searched) -> Ran {
    Ran {
        dirty: searched.dirty(),
        tally: searched.tally(),
        excluded: searched.excluded(),
        duplicates: searched.duplicates(),
        twins: searched.twins(),
        repeated: searched.repeated.take(),
        links: searched.links,
        others: searched.others,
        unopened: searched.unopened,
        empty: std::mem::take(&mut searched.empty),
        hosts: searched.hosts(),
        strangers: std::mem::take(&mut searched.strangers),
        skew: searched.skew(),
        span: searched.span(),
        defects: std::mem::take(&mut searched.defects),
        ..Ran::default()
    }
}

/// What is written in a run, and on what terms. It appears all together in the end.
struct Run<'a> {
    terms: &'a Terms,
    outputs: &'a Outputs,
    pool: Pool,
    pending: Pending,
}

/// The groups that the report has, and what is said of them, with what was left out for it.
struct Shown {
    groups: SortedGroups,
    /// With those that are left out, if any can be.
    all: Option<SortedGroups>,
    labels: Option<(SortedLabels, Option<Count>)>,
    /// How many hits of each rule they have.
    by_rule: BTreeMap<usize, u64>,
}

impl Run<'_> {
    /// Has something put in order by all threads.
    fn sorted<T: Send>(&self, sort: impl FnOnce(Join) -> io::Result<T> + Send) -> Result<T, Error> {
        self.pool.install(|| sort(pool::side_by_side)).map_err(Error::Spill)
    }

    fn manifest(&self, searched: Searched, ran: &Ran, report: Written, events: Option<Written>) -> Manifest {
        let Self { terms, outputs, .. } = self;
        let [watchlists, geoip] = manifest::label_files(outputs.labels.as_deref());
        Manifest {
            schema: manifest::SCHEMA,
            version: manifest::VERSION,
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            arguments: outputs.arguments.clone(),
            rule: RulesEntry::new(&terms.rules),
            options: Options::new(terms, &outputs.style, outputs.only_watched()),
            sources: searched.sources.into_iter().map(SourceEntry::new).collect(),
            hosts: ran.hosts.iter().map(HostEntry::new).collect(),
            archives: searched.archives,
            partials: searched.partials,
            watchlists,
            geoip,
            defects: DefectEntries::new(&ran.defects),
            report,
            events,
            beacons: None,
            exit_status: ran.exit_status(),
            run: None,
        }
    }

    /// The groups that the report has, in its order, and what is said of them: of the hits that are known, or else of the groups.
    fn shown(
        &self,
        groups: Groups,
        by_rule: BTreeMap<usize, u64>,
        labelled: Option<LabelledHits>,
        labelling: Option<&mut Labelling<'_>>,
    ) -> Result<Shown, Error> {
        let Some(labelling) = labelling else {
            let groups = self.sorted(|join| groups.into_sorted_by(join))?;
            return Ok(Shown { groups, all: None, labels: None, by_rule });
        };
        let fields = &self.terms.group_by;
        let Regrouped { groups, labelled } = if let Some(labelled) = labelled {
            Regrouped { groups, labelled }
        } else {
            let regrouped = regrouped::regrouped(groups, fields, labelling, self.outputs.only_watched());
            labelling.failed().map_or(regrouped.map_err(Error::Spill), Err)?
        };
        self.left_in(groups, by_rule, labelled).map_err(Error::Spill)
    }

    /// The groups that are left in, and what is said of them.
    fn left_in(&self, groups: Groups, by_rule: BTreeMap<usize, u64>, labelled: LabelledHits) -> io::Result<Shown> {
        let LabelledHits { labelled, watched, left_out } = labelled;
        let none = groups.none();
        let all = self.pool.install(|| groups.into_sorted_by(pool::side_by_side))?;
        let labels = labelled.into_sorted()?;
        let Some(watched) = watched else {
            return Ok(Shown { groups: all, all: None, labels: Some((labels, None)), by_rule });
        };
        let Sifted { groups, left_out: rows, by_rule, .. } = Sifted::new(&all, none, &watched)?;
        let left_out = Count { hits: left_out, groups: rows };
        Ok(Shown { groups: groups.into_sorted()?, all: Some(all), labels: Some((labels, Some(left_out))), by_rule })
    }

    /// Writes the page, if there is to be one.
    fn write_page(&mut self, content: &document::Content<'_>) -> Result<(), Error> {
        let Self { outputs, pending, .. } = self;
        let Some(output) = &outputs.html else { return Ok(()) };
        output.write(pending, |out| document::write(out, content))
    }

    /// Writes the manifest, if there is to be one.
    fn write_manifest(&mut self, manifest: &Manifest) -> Result<(), Error> {
        let Self { outputs, pending, .. } = self;
        let Some(output) = &outputs.manifest else { return Ok(()) };
        output.write(pending, |out| {
            serde_json::to_writer_pretty(&mut *out, manifest)?;
            out.write_all(b"\n")
        })
    }

    /// Writes the table of beacons, if there is to be one.
    fn write_beacons(&mut self, beacons: &SortedBeacons) -> Result<Option<Written>, Error> {
        let Self { outputs, pending, .. } = self;
        let Some(output) = &outputs.beacons else { return Ok(None) };
        let sha256 = outputs.write(output, pending, |out| beacons::write(out, beacons, &outputs.style))?;
        Ok(Some(Written { rows: beacons.channels().scored, sha256, format: None }))
    }

    /// Writes the partial result, if there is to be one, and returns the groups of all sources together.
    fn write_partial(
        &mut self,
        searched: &Searched,
        kept: Option<Kept<'_>>,
        found: Option<&second::Found>,
        groups: Groups,
    ) -> Result<Groups, Error> {
        let Self { terms, outputs, pending, .. } = self;
        let Some((output, rows)) = &outputs.partial else { return Ok(groups) };
        let facts = Facts::new(terms, *rows, outputs.context, searched);
        let places = facts.places();
        let place = |source: &str| places.get(source).copied().unwrap_or_default();
        match rows {
            Rows::Events => {
                output.write(pending, |out| {
                    let all = found.and_then(|found| found.all.as_ref()).map(SortedRuns::pass).transpose()?;
                    let processes = partial::Processes {
                        of_hits: found.map(|found| found.processes.facts()).unwrap_or_default(),
                        of_all: all.map(|all| -> Each<'_, Fact> { Box::new(all) }),
                    };
                    partial::write(out, facts, processes, |write| {
                        let Some(Kept { hits, leaving }) = kept else { return Ok(()) };
                        copies::in_order(hits, leaving, |_, hit| {
                            hit.rules.iter().try_for_each(|&rule| {
                                write(Row::of_hit(place(hit.source()), &hit, rule, terms.ends || terms.peers))
                            })
                        })
                        .map(drop)
                    })
                })?;
                Ok(groups)
            }
            Rows::Groups => {
                let mut together = groups.none();
                output.write(pending, |out| {
                    partial::write(out, facts, partial::Processes::default(), |write| {
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

    /// Goes through the hits that were kept, for all that is made of them, and writes the events.
    fn settle(
        &mut self,
        kept: Kept<'_>,
        searched: &mut Searched,
        known: Option<&Processes>,
        page: Option<&mut Gathered>,
        labelling: Option<&mut Labelling<'_>>,
    ) -> Result<Settled, Error> {
        let Self { terms, outputs, pending, .. } = self;
        let settling = Settling::new(terms, outputs, &mut searched.groups, known, page, labelling);
        let (settled, dropped) = settling.settle(kept, pending)?;
        searched.drop_hits(dropped);
        if terms.rules.sigma.correlations.is_some() {
            return Ok(settled);
        }
        Ok(Settled { by_rule: searched.by_rule(), ..settled })
    }
}
