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
        beacons::{Beacons, SortedBeacons},
        contexts::Contexts,
        copies::{self, Dropped, Leaving},
        groups::Groups,
        hits::SortedHits,
        processes::Processes,
        rarity::{Places, Rarity},
        twins::{self, SortedTwins, Twins},
    },
    report::{
        background::Background,
        beacons,
        content::Report,
        events::{Made, Rows as EventRows},
        format,
        manifest::{
            self, DefectEntries, HostEntry, Manifest, Options, RulesEntry, RunEntry, SourceEntry, Tool, Written,
        },
        output::Pending,
        outputs::Outputs,
        page::{document, gathered::Gathered},
        parquet::columns::{Row, Rows},
        ran::Ran,
    },
    rule::sigma::correlation::Happening,
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
    let twins = match &hits {
        Some(hits) if terms.twins == Twins::Drop => {
            Some(twins::among(hits, searched.groups.room()).map_err(Error::Spill)?)
        }
        _ => None,
    };
    let kept =
        hits.as_ref().map(|hits| Kept { hits, leaving: Leaving { copies: terms.copies, twins: twins.as_ref() } });
    let known = match &hits {
        Some(hits) if outputs.need_processes() => {
            let found = second(hits)?;
            searched.learn(found.wrong);
            Some(found.processes)
        }
        _ => None,
    };
    let mut page = outputs.html.as_ref().map(|_| Gathered::new(terms, searched.groups.room()));
    let Settled { events, by_rule, parts, contexts, beacons } = match kept {
        Some(kept) => run.settle(kept, &mut searched, known.as_ref(), page.as_mut())?,
        None => Settled { by_rule: searched.by_rule(), ..Settled::default() },
    };
    let contexts = contexts.map(Contexts::into_sorted).transpose().map_err(Error::Spill)?;
    let beacons = beacons.map(Beacons::into_sorted).transpose().map_err(Error::Spill)?;
    let none = searched.groups.none();
    let groups = std::mem::replace(&mut searched.groups, none);
    let groups = run.write_partial(&searched, kept, known.as_ref(), groups)?;
    let groups = groups.into_sorted().map_err(Error::Spill)?;
    if let (None, Some(page)) = (&hits, &mut page) {
        page.add_groups(&terms.group_by, &groups).map_err(Error::Spill)?;
    }
    let rarity = places.map(|places| Rarity::new(places, &groups)).transpose().map_err(Error::Spill)?;
    let background = contexts.as_ref().zip(known.as_ref()).map(|(groups, processes)| Background { groups, processes });
    let report = Report {
        fields: &terms.group_by,
        groups: &groups,
        rules: terms.rules.named(),
        background,
        rarity: rarity.as_ref(),
        threads: outputs.threads,
    };
    let sha256 = outputs.report.write(&mut run.pending, |out| format::write(out, &report, &outputs.style))?;
    let written = Written { rows: groups.len(), sha256 };
    let written_beacons = beacons.as_ref().map(|beacons| run.write_beacons(beacons)).transpose()?.flatten();

    let channels = beacons.as_ref().filter(|_| outputs.beacons.is_some()).map(SortedBeacons::channels);
    let ran = Ran { by_rule, parts, beacons: channels, groups: written.rows, ..searched_for(&mut searched) };
    let mut manifest = Manifest { beacons: written_beacons, ..run.manifest(searched, &ran, written, events) };
    if let (Some(output), Some(page)) = (&outputs.html, page) {
        let sorted = page.into_sorted(outputs.rarity).map_err(Error::Spill)?;
        let report = &sorted.report(&report, known.as_ref());
        let (manifest, ran, sorted, beacons, case) =
            (&manifest, &ran, &sorted, beacons.as_ref(), outputs.case.as_deref());
        let content = document::Content { manifest, ran, terms, report, sorted, beacons, case };
        output.write(&mut run.pending, |out| document::write(out, &content))?;
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

/// What a run has to say of what was searched. The defects are taken out.
fn searched_for(searched: &mut Searched) -> Ran {
    Ran {
        dirty: searched.dirty(),
        tally: searched.tally(),
        excluded: searched.excluded(),
        duplicates: searched.duplicates(),
        twins: searched.twins(),
        links: searched.links,
        others: searched.others,
        hosts: searched.hosts(),
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
    pending: Pending,
}

/// The hits that were kept, and those of them that do not count.
#[derive(Clone, Copy)]
struct Kept<'a> {
    hits: &'a SortedHits,
    leaving: Leaving<'a>,
}

/// What came of the hits that were kept.
#[derive(Default)]
struct Settled {
    events: Option<Written>,
    by_rule: BTreeMap<usize, u64>,
    parts: u64,
    contexts: Option<Contexts>,
    beacons: Option<Beacons>,
}

impl Kept<'_> {
    /// What correlations look at of them. Twins are of no time, which is to be passed over.
    fn happenings(&self) -> io::Result<impl Iterator<Item = io::Result<Happening>>> {
        let mut twins = self.leaving.twins.map(SortedTwins::pass).transpose()?.into_iter().flatten().peekable();
        Ok(self.hits.pass()?.zip(0..).map(move |(hit, number)| {
            let is_twin =
                twins.next_if(|twin| twin.as_ref().map_or(true, |twin| *twin == number)).transpose()?.is_some();
            let happening = hit?.into_happening();
            Ok(if is_twin { Happening { time: None, ..happening } } else { happening })
        }))
    }
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
            beacons: None,
            exit_status: ran.exit_status(),
            run: None,
        }
    }

    /// Writes the table of beacons, if there is to be one.
    fn write_beacons(&mut self, beacons: &SortedBeacons) -> Result<Option<Written>, Error> {
        let Self { outputs, pending, .. } = self;
        let Some(output) = &outputs.beacons else { return Ok(None) };
        let sha256 = output.write(pending, |out| beacons::write(out, beacons, &outputs.style))?;
        Ok(Some(Written { rows: beacons.channels().scored, sha256 }))
    }

    /// Writes the partial result, if there is to be one, and returns the groups of all sources together.
    fn write_partial(
        &mut self,
        searched: &Searched,
        kept: Option<Kept<'_>>,
        known: Option<&Processes>,
        groups: Groups,
    ) -> Result<Groups, Error> {
        let Self { terms, outputs, pending } = self;
        let Some((output, rows)) = &outputs.partial else { return Ok(groups) };
        let facts = Facts::new(terms, *rows, outputs.context, searched);
        let processes = known.map(Processes::facts).unwrap_or_default();
        let places = facts.places();
        let place = |source: &str| places.get(source).copied().unwrap_or_default();
        match rows {
            Rows::Events => {
                output.write(pending, |out| {
                    partial::write(out, &facts, &processes, |write| {
                        let Some(Kept { hits, leaving }) = kept else { return Ok(()) };
                        copies::in_order(hits, leaving, |_, hit| {
                            hit.rules.iter().try_for_each(|&rule| {
                                write(Row::of_hit(place(hit.source()), hit, rule, terms.ends || terms.peers))
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
                    partial::write(out, &facts, &processes, |write| {
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

    /// Goes through the hits that were kept: fires correlations, drops copies, writes the events, shows them to the page, adds
    /// them to the beacons, and makes the groups if that had to wait for it.
    fn settle(
        &mut self,
        kept: Kept<'_>,
        searched: &mut Searched,
        known: Option<&Processes>,
        mut page: Option<&mut Gathered>,
    ) -> Result<Settled, Error> {
        let Self { terms, outputs, pending } = self;
        let mut by_rule = searched.by_rule();
        let groups = &mut searched.groups;
        let rules = &*terms.rules;
        let correlations = rules.sigma.correlations.as_ref();
        let mut fired = BTreeMap::new();
        if let Some(correlations) = correlations {
            fired = kept.happenings().and_then(|all| correlations.fire(all)).map_err(Error::Spill)?;
            by_rule.clear();
        }
        let mut contexts = known.filter(|_| outputs.context).map(|_| Contexts::new(&terms.group_by, groups.room()));
        let are_beacons_shown = outputs.beacons.is_some() || outputs.html.is_some();
        let mut beacons = are_beacons_shown.then(|| Beacons::new(groups.room()));
        let processes = known.filter(|_| outputs.context);
        let Outputs { style, threads, .. } = **outputs;
        let made = Made { style, threads, named: rules.named, ends: terms.ends, processes };
        let (mut dropped, mut rows, mut parts) = (Dropped::default(), 0, 0);
        let mut settle = |out: Option<&mut dyn Write>| -> io::Result<()> {
            let mut events = out.map(|out| EventRows::new(out, made)).transpose()?;
            dropped = copies::in_order(kept.hits, kept.leaving, |number, hit| {
                let is_part = |rule: &usize| correlations.is_some_and(|rules| rules.parts.contains(rule));
                let own = hit.rules.iter().copied().filter(|rule| !is_part(rule));
                let of: Vec<usize> = own.chain(fired.remove(&number).unwrap_or_default()).collect();
                parts += u64::from(of.is_empty());
                if let Some(page) = &mut page {
                    page.add(hit, &of, known);
                }
                if let (Some(beacons), false) = (&mut beacons, of.is_empty()) {
                    beacons.add(hit);
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
        searched.drop_hits(dropped);
        let events = written.map(|sha256| Written { rows, sha256 });
        Ok(Settled { events, by_rule, parts, contexts, beacons })
    }
}
