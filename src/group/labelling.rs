//! [`Labelling`]: hits and groups held against lists and databases, each thing that is asked of them once.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write,
    io,
    sync::Arc,
};

use crate::{
    connection::glossary::Field,
    count,
    error::Error,
    fingerprint::Fingerprints,
    group::{
        copies::{self, Leaving},
        groups::{Groups, SortedGroups},
        hit::Hit,
        hits::SortedHits,
        key::GroupKey,
        processes::Processes,
    },
    label::{
        labels::{Asked, Labels},
        told::Found,
    },
};

/// How many answers are remembered: more are forgotten, since there are as many as connections have peers.
const REMEMBERED: usize = 1 << 16;

/// Holds hits and groups against labels.
#[derive(Debug)]
pub struct Labelling<'a> {
    labels: &'a Labels,
    /// What is known of the processes of hits, if anything is.
    processes: Option<&'a Processes>,
    /// What was asked, by the fingerprint of its text, and the answer. The text can have thousands of names.
    known: HashMap<u128, Arc<Found>>,
    fingerprints: Fingerprints,
    failed: Option<Error>,
}

impl<'a> Labelling<'a> {
    /// By these labels, with what is known of processes.
    #[must_use]
    pub fn new(labels: &'a Labels, processes: Option<&'a Processes>) -> Self {
        Self { labels, processes, known: HashMap::new(), fingerprints: Fingerprints::default(), failed: None }
    }

    /// What is said of a hit.
    ///
    /// # Errors
    ///
    /// A database is damaged: why is in [`Self::failed`].
    pub fn of_hit(&mut self, hit: &Hit) -> io::Result<Arc<Found>> {
        let Some(processes) = self.processes else {
            return self.answer(&Labels::asked(|field| hit.get(field), std::iter::empty()));
        };
        processes.with_names(&processes.key(hit), hit, |names| {
            let names = names.iter().map(|(_, name)| *name);
            self.answer(&Labels::asked(|field| hit.get(field), names))
        })
    }

    /// What is said of the connections of a group by these fields.
    ///
    /// # Errors
    ///
    /// A database is damaged: why is in [`Self::failed`].
    pub fn of_group(&mut self, fields: &[Field], key: &GroupKey) -> io::Result<Arc<Found>> {
        let asked = Labels::asked(|field| key.value(fields, field), std::iter::empty());
        self.answer(&asked)
    }

    /// The fields that a group by these fields lacks to tell what is asked: none if it tells it.
    #[must_use]
    pub fn untold(&self, fields: &[Field], key: &GroupKey) -> Vec<Field> {
        self.labels.untold(fields, |field| key.value(fields, field))
    }

    /// What it failed of, if it did. It is not asked again then.
    pub fn failed(&mut self) -> Option<Error> {
        self.failed.take()
    }

    fn answer(&mut self, asked: &Asked<'_>) -> io::Result<Arc<Found>> {
        let key = self.fingerprints.of(&told_apart(asked));
        if let Some(found) = self.known.get(&key) {
            return Ok(Arc::clone(found));
        }
        match self.labels.find(asked) {
            Ok(found) => {
                let found = Arc::new(found);
                if self.known.len() >= REMEMBERED {
                    self.known.clear();
                }
                self.known.insert(key, Arc::clone(&found));
                Ok(found)
            }
            Err(error) => {
                let cause = io::Error::other(error.to_string());
                self.failed.get_or_insert(error);
                Err(cause)
            }
        }
    }
}

/// What is asked, as one text that nothing else has: evidence can have any character in a name, so each text stands behind its length.
fn told_apart(Asked { addresses, names }: &Asked<'_>) -> String {
    let mut apart = String::new();
    for (kind, text) in addresses.iter().map(|text| ('a', text)).chain(names.iter().map(|text| ('n', text))) {
        // Writing to a string does not fail.
        write!(apart, "{kind}{}:{text}", text.len()).unwrap_or_default();
    }
    apart
}

/// The rows that are watched: those with a connection that is on a list. They are known by their fingerprints.
#[derive(Debug, Default)]
pub struct Watched {
    rows: HashSet<u128>,
    fingerprints: Fingerprints,
}

/// The groups that are watched, and how many are not.
#[derive(Debug)]
pub struct Sifted {
    /// Those that are.
    pub groups: Groups,
    /// How many are not.
    pub left_out: u64,
    /// How many connections the groups have that are, by rule.
    pub by_rule: BTreeMap<usize, u64>,
}

impl Watched {
    /// The rows by these fields that hits are in which are on a list. `rules_of` says which rules a hit with its number is of.
    ///
    /// # Errors
    ///
    /// The hits could not be read again, or something not be asked.
    pub fn among(
        hits: &SortedHits,
        leaving: Leaving<'_>,
        fields: &[Field],
        labelling: &mut Labelling<'_>,
        rules_of: &dyn for<'h> Fn(usize, &'h Hit) -> Cow<'h, [usize]>,
    ) -> io::Result<Self> {
        let mut watched = Self::default();
        copies::in_order(hits, leaving, |number, hit| {
            if !labelling.of_hit(&hit)?.lists.is_empty() {
                for &rule in &*rules_of(number, &hit) {
                    watched.add(&GroupKey::new(fields, rule, |field| hit.get(field)));
                }
            }
            Ok(())
        })?;
        Ok(watched)
    }

    /// Adds a row.
    pub fn add(&mut self, key: &GroupKey) {
        self.rows.insert(self.fingerprints.of(key));
    }

    /// Whether a row is one of them.
    #[must_use]
    pub fn has(&self, key: &GroupKey) -> bool {
        self.rows.contains(&self.fingerprints.of(key))
    }
}

impl Sifted {
    /// The groups among all of them that are watched. `none` is to be filled with them.
    ///
    /// # Errors
    ///
    /// They could not be read again.
    pub fn new(all: &SortedGroups, none: Groups, watched: &Watched) -> io::Result<Self> {
        let mut sifted = Self { groups: none, left_out: 0, by_rule: BTreeMap::new() };
        for group in all.pass()? {
            let (key, group) = group?;
            if watched.has(&key) {
                count::add_count(&mut sifted.by_rule, key.rule, group.count);
                sifted.groups.count_group(&key, group);
            } else {
                sifted.left_out += 1;
            }
        }
        Ok(sifted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_told_apart_whatever_characters_evidence_has() {
        let asked = |addresses: &[&'static str], names: &[&'static str]| {
            told_apart(&Asked { addresses: addresses.to_vec(), names: names.to_vec() })
        };
        let different = [
            asked(&[], &["c\nevil.test"]),
            asked(&[], &["c", "evil.test"]),
            asked(&["c"], &["evil.test"]),
            asked(&["c\0evil.test"], &[]),
            asked(&[], &["cn9:evil.test"]),
            asked(&["c", "evil.test"], &[]),
        ];
        for (place, text) in different.iter().enumerate() {
            assert!(!different.iter().take(place).any(|other| other == text), "{text:?}");
        }
    }
}
