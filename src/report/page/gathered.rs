//! [`Gathered`]: all that a page is made of besides what the report is of, hit by hit: what was [`Observed`], and the page's groups
//! with what is known of their processes.
//!
//! A page groups by what it shows, a report by all fields, unless somebody asked for some. Groups and contexts are spilled where they
//! do not fit into memory, as those of the report are.

use std::io;

use crate::{
    connection::glossary::Field,
    group::{
        contexts::{Contexts, SortedContexts},
        groups::{Groups, SortedGroups, Sources},
        hit::Hit,
        key::GroupKey,
        labelled::{Labelled, SortedLabels},
        labelling::Labelling,
        processes::Processes,
        rarity::{Places, Rarity},
    },
    label::told::Found,
    report::{background::Background, content::Report, labels::RowLabels, outputs::Outputs, page::observed::Observed},
    scan::terms::Terms,
};

/// What was gathered.
#[derive(Debug)]
pub struct Gathered {
    /// What was seen of each hit.
    observed: Observed,
    fields: Vec<Field>,
    /// The groups, if they are not those of the report.
    groups: Option<Groups>,
    /// Its own groups with those that are left out, if it takes them to tell how rare the others are.
    all: Option<Groups>,
    contexts: Contexts,
    /// What lists and databases say of its own groups, if they are asked.
    labels: Option<Labelled>,
}

/// The same, in the order of the page.
#[derive(Debug)]
pub struct Sorted {
    pub(super) observed: Observed,
    fields: Vec<Field>,
    groups: Option<SortedGroups>,
    rarity: Option<Rarity>,
    contexts: SortedContexts,
    labels: Option<SortedLabels>,
}

impl Gathered {
    /// Nothing yet, of hits on these terms. No more than some `room` bytes of groups are held in memory, and as much of contexts.
    #[must_use]
    pub fn new(terms: &Terms, outputs: &Outputs, room: usize) -> Self {
        let fields = terms.page_by().to_vec();
        let is_its_own = fields != terms.group_by;
        let groups = || Groups::new(fields.clone(), Sources::Together, room);
        let is_labelled = outputs.labels.is_some();
        Self {
            observed: Observed::new(&fields),
            groups: is_its_own.then(groups),
            all: (is_its_own && outputs.rarity && outputs.only_watched()).then(groups),
            contexts: Contexts::new(&fields, room),
            labels: (is_its_own && is_labelled).then(|| Labelled::new(&fields, room)),
            fields,
        }
    }

    /// Counts a hit of these rules that may be left out.
    pub fn count(&mut self, hit: &Hit, rules: &[usize]) {
        if let Some(all) = &mut self.all {
            for &rule in rules {
                all.count_hit(hit, rule);
            }
        }
    }

    /// Counts groups by these fields that may be left out.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn count_groups(&mut self, fields: &[Field], groups: &SortedGroups) -> io::Result<()> {
        let Self { all: Some(all), fields: own, .. } = self else { return Ok(()) };
        for group in groups.pass()? {
            let (key, group) = group?;
            all.count_group(&GroupKey::new(own, key.rule, stood_for(&key, fields)), group);
        }
        Ok(())
    }

    /// Adds a hit of these rules, which is not before the last one, with what is known of its process and found of its peer.
    pub fn add(&mut self, hit: &Hit, rules: &[usize], known: Option<&Processes>, found: Option<&Found>) {
        if rules.is_empty() {
            return;
        }
        self.observed.add(hit, rules);
        for &rule in rules {
            if let Some(groups) = &mut self.groups {
                groups.count_hit(hit, rule);
            }
            if let Some(known) = known {
                self.contexts.add(hit, rule, known);
            }
            if let (Some(labels), Some(found)) = (&mut self.labels, found) {
                labels.add(hit, rule, found);
            }
        }
    }

    /// Adds the groups of the report, by these fields, where these are all that is known of the hits.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again, or something not be asked.
    pub fn add_groups(
        &mut self,
        fields: &[Field],
        groups: &SortedGroups,
        mut labelling: Option<&mut Labelling<'_>>,
    ) -> io::Result<()> {
        for group in groups.pass()? {
            let (key, group) = group?;
            let value = stood_for(&key, fields);
            let own = GroupKey::new(&self.fields, key.rule, &value);
            if let Some(groups) = &mut self.groups {
                groups.count_group(&own, group);
            }
            if let (Some(labels), Some(labelling)) = (&mut self.labels, &mut labelling) {
                labels.add_group(own.clone(), group.first, &*labelling.of_group(fields, &key)?);
            }
            self.observed.add_group(own, group, value);
        }
        Ok(())
    }

    /// The same, in the order of the page, and how rare its groups are, if it is to say so.
    ///
    /// # Errors
    ///
    /// What does not fit into memory could not be spilled, or be read again.
    pub fn into_sorted(self, is_rarity_asked: bool) -> io::Result<Sorted> {
        let Self { observed, fields, groups, all, contexts, labels } = self;
        let groups = groups.map(Groups::into_sorted).transpose()?;
        let all = all.map(Groups::into_sorted).transpose()?;
        let places = Places::new(&fields).ok().filter(|_| is_rarity_asked);
        let rarity = places.zip(groups.as_ref());
        let rarity =
            rarity.map(|(places, shown)| Rarity::new(places, all.as_ref().unwrap_or(shown), shown)).transpose()?;
        let labels = labels.map(Labelled::into_sorted).transpose()?;
        Ok(Sorted { observed, fields, groups, rarity, contexts: contexts.into_sorted()?, labels })
    }
}

impl Sorted {
    /// The report as the page has it: with its own groups, and what is known of their processes.
    #[must_use]
    pub fn report<'a>(&'a self, report: &Report<'a>, known: Option<&'a Processes>) -> Report<'a> {
        Report {
            fields: &self.fields,
            groups: self.groups.as_ref().unwrap_or(report.groups),
            rarity: self.rarity.as_ref().or(report.rarity),
            background: known.map(|processes| Background { groups: &self.contexts, processes }),
            labels: report.labels.map(|of| RowLabels { groups: self.labels.as_ref().unwrap_or(of.groups), ..of }),
            ..*report
        }
    }
}

/// The values of groups by these fields, and of those that some of them stand for.
fn stood_for<'k>(key: &'k GroupKey, fields: &'k [Field]) -> impl Fn(Field) -> &'k str {
    let stored = |field| key.value(fields, field);
    move |field: Field| stored(field.stands_for(stored))
}
