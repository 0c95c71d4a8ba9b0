//! What comes of a run: from what was [`Searched`], by a scan or by merging, to everything that is written. No clock, and nothing
//! is shown.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use crate::{
    connection::glossary::Field,
    error::Error,
    fleet::{facts::Facts, partial},
    group::{
        beacons::{Beacons, SortedBeacons},
        contexts::Contexts,
        copies::{self, Dropped, Leaving},
        groups::{Groups, SortedGroups},
        hit::Hit,
        hits::SortedHits,
        key::GroupKey,
        labelled::{self, Count, Labelled, SortedLabels},
        labelling::{Labelling, Sifted, Watched},
        processes::Processes,
        rarity::{Places, Rarity},
        twins::{self, SortedTwins, Twins},
    },
    label::told::Found,
    report::{
        background::Background,
        beacons,
        content::Report,
        events::{Made, Rows as EventRows},
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
    rule::sigma::correlation::Happening,
    scan::{searched::Searched, second, terms::Terms},
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
    let mut labelling = outputs.labels.as_deref().map(|labels| Labelling::new(labels, known.as_ref()));
    let mut page =
        outputs.html.as_ref().map(|_| Gathered::new(terms, outputs.labels.is_some(), searched.groups.room()));
    let settled = match kept {
        Some(kept) => run.settle(kept, &mut searched, known.as_ref(), page.as_mut(), labelling.as_mut()),
        None => Ok(Settled { by_rule: searched.by_rule(), ..Settled::default() }),
    };
    // Why something could not be asked is not what a report that stops for it says.
    let failed = labelling.as_mut().and_then(Labelling::failed);
    let Settled { events, by_rule, parts, contexts, beacons, labelled } = failed.map_or(settled, Err)?;
    let contexts = contexts.map(Contexts::into_sorted).transpose().map_err(Error::Spill)?;
    let beacons = beacons.map(Beacons::into_sorted).transpose().map_err(Error::Spill)?;
    let none = searched.groups.none();
    let groups = std::mem::replace(&mut searched.groups, none);
    let groups = run.write_partial(&searched, kept, known.as_ref(), groups)?;
    let Shown { groups, labels } = run.shown(groups, labelled, labelling.as_mut())?;
    if let (None, Some(page)) = (&hits, &mut page) {
        let added = page.add_groups(&terms.group_by, &groups, labelling.as_mut());
        labelling.as_mut().and_then(Labelling::failed).map_or(added.map_err(Error::Spill), Err)?;
    }
    let rarity = places.map(|places| Rarity::new(places, &groups)).transpose().map_err(Error::Spill)?;
    let background = contexts.as_ref().zip(known.as_ref()).map(|(groups, processes)| Background { groups, processes });
    let report = Report {
        fields: &terms.group_by,
        groups: &groups,
        rules: terms.rules.named(),
        background,
        labels: outputs
            .labels
            .as_deref()
            .zip(labels.as_ref())
            .map(|(labels, (groups, _))| RowLabels { labels, groups }),
        rarity: rarity.as_ref(),
        threads: outputs.threads,
    };
    let sha256 = outputs.report.write(&mut run.pending, |out| format::write(out, &report, &outputs.style))?;
    let written = Written { rows: groups.len(), sha256, format: None };
    let written_beacons = beacons.as_ref().map(|beacons| run.write_beacons(beacons)).transpose()?.flatten();

    let channels = beacons.as_ref().filter(|_| outputs.beacons.is_some()).map(SortedBeacons::channels);
    let said = labels.as_ref().map(|(labels, left_out)| RanLabels {
        counts: labels.counts.clone(),
        left_out: *left_out,
        are_queries_known: known.is_some(),
    });
    let found = searched_for(&mut searched);
    let ran = Ran { by_rule, parts, beacons: channels, labels: said, groups: written.rows, ..found };
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

/// The groups that the report has, and what is said of them, with what was left out for it.
struct Shown {
    groups: SortedGroups,
    labels: Option<(SortedLabels, Option<Count>)>,
}

/// What lists and databases say of the hits that were kept.
struct LabelledHits {
    labelled: Labelled,
    /// The rows that are left in, if not all are.
    watched: Option<Watched>,
    /// How many hits are in none of them.
    left_out: u64,
}

/// What came of the hits that were kept.
#[derive(Default)]
struct Settled {
    events: Option<Written>,
    by_rule: BTreeMap<usize, u64>,
    parts: u64,
    contexts: Option<Contexts>,
    beacons: Option<Beacons>,
    labelled: Option<LabelledHits>,
}

impl LabelledHits {
    /// Takes what is said of a hit, and leaves of its rules those by which it is in a row that is left in.
    fn take(&mut self, hit: &Hit, rules: &mut Vec<usize>, found: &Found, fields: &[Field]) {
        let Self { labelled, watched, left_out } = self;
        if rules.is_empty() {
            return;
        }
        if let Some(watched) = watched {
            rules.retain(|&rule| watched.has(&GroupKey::new(fields, rule, |field| hit.get(field))));
        }
        if rules.is_empty() {
            *left_out += 1;
            return;
        }
        labelled.count(found);
        for &rule in &*rules {
            labelled.add(hit, rule, found);
        }
    }
}

impl Kept<'_> {
    /// The rows that are left in, if not all are.
    fn watched(
        &self,
        terms: &Terms,
        outputs: &Outputs,
        labelling: &mut Labelling<'_>,
        rules_of: &dyn Fn(usize, &Hit) -> Vec<usize>,
    ) -> io::Result<Option<Watched>> {
        let among = || Watched::among(self.hits, self.leaving, &terms.group_by, labelling, rules_of);
        outputs.only_watched().then(among).transpose()
    }

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
        labelled: Option<LabelledHits>,
        labelling: Option<&mut Labelling<'_>>,
    ) -> Result<Shown, Error> {
        let (fields, room) = (&self.terms.group_by, groups.room());
        let Some(labelling) = labelling else {
            return Ok(Shown { groups: groups.into_sorted().map_err(Error::Spill)?, labels: None });
        };
        let shown = || -> io::Result<Shown> {
            let (mut groups, mut left_out) = (groups, None);
            if self.outputs.only_watched() {
                let watched = labelled.as_ref().and_then(|labelled| labelled.watched.as_ref());
                let sifted = Sifted::new(groups, |key| match watched {
                    Some(watched) => Ok(watched.has(key)),
                    None => labelling.of_group(fields, key).map(|found| !found.lists.is_empty()),
                })?;
                let hits = labelled.as_ref().map_or(sifted.connections, |labelled| labelled.left_out);
                left_out = Some(Count { hits, groups: sifted.left_out });
                groups = sifted.groups;
            }
            let groups = groups.into_sorted()?;
            let labels = match labelled {
                Some(LabelledHits { labelled, .. }) => labelled.into_sorted()?,
                None => labelled::of_groups(&groups, fields, labelling, room)?,
            };
            Ok(Shown { groups, labels: Some((labels, left_out)) })
        };
        let shown = shown();
        labelling.failed().map_or(shown.map_err(Error::Spill), Err)
    }

    /// Writes the table of beacons, if there is to be one.
    fn write_beacons(&mut self, beacons: &SortedBeacons) -> Result<Option<Written>, Error> {
        let Self { outputs, pending, .. } = self;
        let Some(output) = &outputs.beacons else { return Ok(None) };
        let sha256 = output.write(pending, |out| beacons::write(out, beacons, &outputs.style))?;
        Ok(Some(Written { rows: beacons.channels().scored, sha256, format: None }))
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
        mut labelling: Option<&mut Labelling<'_>>,
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
        let labels = outputs.labels.as_deref();
        let community_id = terms.group_by.contains(&Field::CommunityId);
        let Terms { ends, clock, .. } = **terms;
        let made = Made { style, threads, named: rules.named, ends, community_id, clock, processes, labels };
        let is_part = |rule: &usize| correlations.is_some_and(|rules| rules.parts.contains(rule));
        let rules_of = |number: usize, hit: &Hit| -> Vec<usize> {
            let own = hit.rules.iter().copied().filter(|rule| !is_part(rule));
            own.chain(fired.get(&number).cloned().unwrap_or_default()).collect()
        };
        let mut labelled = match &mut labelling {
            Some(labelling) => {
                let labelled = Labelled::new(&terms.group_by, groups.room());
                let watched = kept.watched(terms, outputs, labelling, &rules_of).map_err(Error::Spill)?;
                Some(LabelledHits { labelled, watched, left_out: 0 })
            }
            None => None,
        };
        let (mut dropped, mut rows, mut parts) = (Dropped::default(), 0, 0);
        let mut settle = |out: Option<&mut dyn Write>| -> io::Result<()> {
            let mut events = out.map(|out| EventRows::new(out, made)).transpose()?;
            dropped = copies::in_order(kept.hits, kept.leaving, |number, hit| {
                let mut of = rules_of(number, hit);
                parts += u64::from(of.is_empty());
                for &rule in &of {
                    if correlations.is_some() {
                        *by_rule.entry(rule).or_default() += 1;
                    }
                    if terms.groups_later() {
                        groups.count(|field| hit.get(field), hit.source(), hit.time, rule);
                    }
                }
                let found = labelling.as_mut().map(|labelling| labelling.of_hit(hit)).transpose()?;
                if let (Some(labelled), Some(found)) = (&mut labelled, &found) {
                    labelled.take(hit, &mut of, found, &terms.group_by);
                }
                if let Some(page) = &mut page {
                    page.add(hit, &of, known, found.as_deref());
                }
                if let (Some(beacons), false) = (&mut beacons, of.is_empty()) {
                    beacons.add(hit);
                }
                for (index, &rule) in of.iter().enumerate() {
                    if let (Some(contexts), Some(known)) = (&mut contexts, known) {
                        contexts.add(hit, rule, known);
                    }
                    // Where rules are not named, a row is a hit, whatever its rules.
                    if let (Some(events), true) = (&mut events, rules.named || index == 0) {
                        rows += 1;
                        events.write(hit, rules.infos.get(rule).filter(|_| rules.named), found.clone())?;
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
        let events = written.map(|sha256| Written { rows, sha256, format: Some(style.events.name()) });
        Ok(Settled { events, by_rule, parts, contexts, beacons, labelled })
    }
}
