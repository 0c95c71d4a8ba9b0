//! [`Settling`]: the hits that were kept, taken one after another, for all that is made of them.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
    thread,
};

use crate::{
    connection::glossary::Field,
    error::Error,
    group::{
        beacons::Beacons,
        contexts::Contexts,
        copies::{self, Dropped, Leaving},
        groups::Groups,
        hit::Hit,
        hits::SortedHits,
        key::GroupKey,
        labelled::Labelled,
        labelling::{Labelling, Watched},
        processes::Processes,
        relay,
    },
    label::told::Found,
    report::{
        events::{Made, Rows as EventRows},
        manifest::Written,
        output::Pending,
        outputs::Outputs,
        page::gathered::Gathered,
    },
    rule::set::RuleSet,
    scan::terms::Terms,
};

/// The hits that were kept, and those of them that do not count.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    pub(super) hits: &'a SortedHits,
    pub(super) leaving: Leaving<'a>,
}

/// What came of the hits that were kept.
#[derive(Default)]
pub(super) struct Settled {
    /// The events that were written, if they are wanted.
    pub(super) events: Option<Written>,
    /// Hits of each rule, once correlations have fired.
    pub(super) by_rule: BTreeMap<usize, u64>,
    /// Hits that are nothing but parts of correlations.
    pub(super) parts: u64,
    /// What is known of the processes behind each group, if it is wanted.
    pub(super) contexts: Option<Contexts>,
    /// The channels, if they are wanted.
    pub(super) beacons: Option<Beacons>,
    /// What lists and databases say, if there are any.
    pub(super) labelled: Option<LabelledHits>,
}

/// What lists and databases say of hits.
pub(super) struct LabelledHits {
    pub(super) labelled: Labelled,
    /// The rows that are left in, if not all are.
    pub(super) watched: Option<Watched>,
    /// How many hits are in none of them.
    pub(super) left_out: u64,
}

/// Takes hits one after another: makes the groups if that had to wait for it, labels them, shows them to the page, adds them to the
/// beacons and to what is known of processes, and writes the events.
pub(super) struct Settling<'a, 'l> {
    terms: &'a Terms,
    outputs: &'a Outputs,
    groups: &'a mut Groups,
    known: Option<&'a Processes>,
    page: Option<&'a mut Gathered>,
    labelling: Option<&'a mut Labelling<'l>>,
    settled: Settled,
    /// Rows of events so far.
    rows: u64,
}

/// Which rules a hit is of, once correlations have fired.
struct Fired<'a> {
    rules: &'a RuleSet,
    /// The correlations that fire at a hit, by its number.
    by_hit: BTreeMap<usize, Vec<usize>>,
}

impl Kept<'_> {
    /// The rows that are left in, if not all are.
    fn watched(
        &self,
        terms: &Terms,
        outputs: &Outputs,
        labelling: &mut Labelling<'_>,
        fired: &Fired<'_>,
    ) -> io::Result<Option<Watched>> {
        let among = || {
            Watched::among(self.hits, self.leaving, &terms.group_by, labelling, &|number, hit| {
                fired.rules_of(number, &hit.rules)
            })
        };
        outputs.only_watched().then(among).transpose()
    }
}

impl<'a> Fired<'a> {
    /// Fires the correlations among these rules, if there are any.
    fn new(rules: &'a RuleSet, kept: Kept<'_>) -> io::Result<Self> {
        let Some(correlations) = &rules.sigma.correlations else { return Ok(Self { rules, by_hit: BTreeMap::new() }) };
        let mut firing = correlations.start();
        let take = |number, hit: Hit| {
            firing.take(number, &hit.into_happening());
            Ok(())
        };
        copies::in_order(kept.hits, kept.leaving, take)?;
        Ok(Self { rules, by_hit: firing.finish() })
    }

    /// The rules that the hit with this number is of, where these are its own before correlations fire.
    fn rules_of<'h>(&self, number: usize, own: &'h [usize]) -> Cow<'h, [usize]> {
        let Some(correlations) = &self.rules.sigma.correlations else { return Cow::Borrowed(own) };
        let own = own.iter().copied().filter(|rule| !correlations.parts.contains(rule));
        own.chain(self.by_hit.get(&number).into_iter().flatten().copied()).collect()
    }
}

impl LabelledHits {
    /// Takes what is said of a hit, and leaves of its rules those by which it is in a row that is left in.
    fn take(&mut self, hit: &Hit, rules: &mut Cow<'_, [usize]>, found: &Found, fields: &[Field]) {
        let Self { labelled, watched, left_out } = self;
        if rules.is_empty() {
            return;
        }
        if let Some(watched) = watched {
            rules.to_mut().retain(|&rule| watched.has(&GroupKey::new(fields, rule, |field| hit.get(field))));
        }
        if rules.is_empty() {
            *left_out += 1;
            return;
        }
        labelled.count(found, 1);
        for &rule in &**rules {
            labelled.add(hit, rule, found);
        }
    }
}

impl<'a, 'l> Settling<'a, 'l> {
    /// For what is asked for, with what is known of processes, the page, and the lists and databases, as far as there are any.
    pub(super) fn new(
        terms: &'a Terms,
        outputs: &'a Outputs,
        groups: &'a mut Groups,
        known: Option<&'a Processes>,
        page: Option<&'a mut Gathered>,
        labelling: Option<&'a mut Labelling<'l>>,
    ) -> Self {
        let room = groups.room();
        let are_beacons_shown = outputs.beacons.is_some() || outputs.html.is_some();
        let beacons = are_beacons_shown.then(|| Beacons::new(room));
        let contexts = known.filter(|_| outputs.context).map(|_| Contexts::new(&terms.group_by, room));
        let settled = Settled { contexts, beacons, ..Settled::default() };
        Self { terms, outputs, groups, known, page, labelling, settled, rows: 0 }
    }

    /// Takes them all, and returns what came of them, and how many of them were dropped, by source.
    ///
    /// # Errors
    ///
    /// They cannot be read again, the events cannot be written, or a database cannot be asked.
    pub(super) fn settle(
        mut self,
        kept: Kept<'_>,
        pending: &mut Pending,
    ) -> Result<(Settled, BTreeMap<String, Dropped>), Error> {
        let settled = self.take_all(kept, pending);
        // Why something could not be asked is not what a report that stops for it says.
        let failed = self.labelling.as_mut().and_then(|labelling| labelling.failed());
        let dropped = failed.map_or(settled, Err)?;
        Ok((self.settled, dropped))
    }

    fn take_all(&mut self, kept: Kept<'_>, pending: &mut Pending) -> Result<BTreeMap<String, Dropped>, Error> {
        let fired = Fired::new(&self.terms.rules, kept).map_err(Error::Spill)?;
        if let Some(labelling) = &mut self.labelling {
            let watched = kept.watched(self.terms, self.outputs, labelling, &fired).map_err(Error::Spill)?;
            let labelled = Labelled::new(&self.terms.group_by, self.groups.room());
            self.settled.labelled = Some(LabelledHits { labelled, watched, left_out: 0 });
        }
        let mut dropped = BTreeMap::new();
        let outputs = self.outputs;
        let mut each = |out: Option<&mut dyn Write>| -> io::Result<()> {
            thread::scope(|scope| {
                let mut events = out.map(|out| EventRows::new(out, self.made(), scope)).transpose()?;
                let take = |number, hit: Hit| {
                    let own = Arc::clone(&hit.rules);
                    self.take(hit, fired.rules_of(number, &own), events.as_mut())
                };
                dropped = relay::in_order(kept.hits, kept.leaving, outputs.threads, take)?;
                events.map_or(Ok(()), EventRows::finish)
            })
        };
        let Some(output) = &outputs.events else {
            each(None).map_err(Error::Spill)?;
            return Ok(dropped);
        };
        let sha256 = outputs.write(output, pending, |out| each(Some(out)))?;
        self.settled.events = Some(Written { rows: self.rows, sha256, format: Some(outputs.style.events.name()) });
        Ok(dropped)
    }

    /// How rows of events are made.
    fn made(&self) -> Made<'a> {
        let Self { terms, outputs, known, .. } = self;
        Made {
            style: outputs.style,
            threads: outputs.threads,
            named: terms.rules.named,
            ends: terms.ends,
            community_id: terms.group_by.contains(&Field::CommunityId),
            clock: terms.clock,
            processes: known.filter(|_| outputs.context),
            labels: outputs.labels.as_deref(),
        }
    }

    /// Takes a hit of these rules; none if it is only a part of correlations.
    fn take<'s, W: Write>(
        &mut self,
        hit: Hit,
        mut rules: Cow<'_, [usize]>,
        events: Option<&mut EventRows<'s, '_, W>>,
    ) -> io::Result<()>
    where
        'a: 's,
    {
        self.count(&hit, &rules);
        let Self { terms, known, settled, .. } = self;
        let found = self.labelling.as_mut().map(|labelling| labelling.of_hit(&hit)).transpose()?;
        if let Some(page) = &mut self.page {
            page.count(&hit, &rules);
        }
        if let (Some(labelled), Some(found)) = (&mut settled.labelled, &found) {
            labelled.take(&hit, &mut rules, found, &terms.group_by);
        }
        if let Some(page) = &mut self.page {
            page.add(&hit, &rules, *known, found.as_deref());
        }
        if let (Some(beacons), false) = (&mut settled.beacons, rules.is_empty()) {
            beacons.add(&hit);
        }
        if let (Some(contexts), Some(known)) = (&mut settled.contexts, known) {
            for &rule in &*rules {
                contexts.add(&hit, rule, known);
            }
        }
        let Some(events) = events else { return Ok(()) };
        let is_named = terms.rules.named;
        // Where rules are not named, a row is a hit, whatever its rules.
        let rows = if is_named { rules.len() } else { rules.len().min(1) };
        let mut rules = rules.iter().take(rows).map(|&rule| terms.rules.infos.get(rule).filter(|_| is_named));
        self.rows += rows as u64;
        let Some(last) = rules.next_back() else { return Ok(()) };
        rules.try_for_each(|rule| events.write(hit.clone(), rule, found.clone()))?;
        events.write(hit, last, found)
    }

    /// Counts a hit for its rules and in their groups, where that had to wait for correlations, copies and twins.
    fn count(&mut self, hit: &Hit, rules: &[usize]) {
        let Self { terms, settled, groups, .. } = self;
        settled.parts += u64::from(rules.is_empty());
        for &rule in rules {
            if terms.rules.sigma.correlations.is_some() {
                *settled.by_rule.entry(rule).or_default() += 1;
            }
            if terms.groups_later() {
                groups.count_hit(hit, rule);
            }
        }
    }
}
