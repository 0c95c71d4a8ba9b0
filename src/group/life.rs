//! A [`Life`]: what is known of one process. Facts are put together here: where two events say the same of a process, the one that says
//! more counts, and of two that say as much, the earlier.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::connection::{
    answers::Answers,
    audited,
    process::{Created, Fact, Parent, ProcessKey, Told},
};

/// What is known of a process.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Life {
    /// Which it is.
    pub(super) of: ProcessKey,
    /// How it was created.
    pub(super) created: Option<Box<Created>>,
    /// What the first process that it started says of it.
    pub(super) parent: Option<Box<Parent>>,
    /// When it ended.
    pub(super) ended: Option<i128>,
    /// The names that it asked DNS for.
    pub(super) answers: Answers,
}

/// When processes of an id were created, and when some have ended, each in order.
#[derive(Debug, Default)]
pub(super) struct OfId {
    created: Vec<i128>,
    ended: Vec<i128>,
}

/// What facts that come in their order say of one key.
#[derive(Debug)]
pub(super) struct Telling {
    /// The key.
    pub(super) of: ProcessKey,
    /// What they say.
    pub(super) told: OfKey,
    /// What it takes in memory, in bytes.
    pub(super) size: usize,
}

/// The process that has a key, or all that have had it as their id: how they were created, by when that was, and when some have ended.
#[derive(Debug)]
pub(super) enum OfKey {
    One(Box<Life>),
    Id(BTreeMap<Option<i128>, Box<Created>>, Vec<i128>),
}

impl Life {
    /// What is known, as facts that give the same again.
    pub(super) fn facts(&self) -> impl Iterator<Item = Told> {
        let created = self.created.iter().cloned().map(Told::Created);
        let parent = self.parent.iter().cloned().map(Told::Parent);
        let ended = self.ended.map(|time| Told::Ended(Some(time)));
        created.chain(parent).chain(ended).chain(self.answers.queries().map(Told::Queried))
    }

    /// Takes a fact, unless it is known. Returns what that takes in memory, in bytes.
    fn learn(&mut self, told: Told, size: usize) -> usize {
        match told {
            Told::Created(created) if self.created.is_none() => self.created = Some(created),
            Told::Parent(parent) if self.parent.is_none() => self.parent = Some(parent),
            Told::Ended(time) => self.ended = self.ended.or(time),
            Told::Queried(query) => return self.answers.add(&query),
            Told::Created(_) | Told::Parent(_) => return 0,
        }
        size
    }
}

impl OfId {
    /// Of processes that were created at these times, which are in order, and of which some have ended.
    pub(super) fn new(created: Vec<i128>, mut ended: Vec<i128>) -> Self {
        ended.sort_unstable();
        Self { created, ended }
    }

    /// When the process was created that there was at a time.
    pub(super) fn at(&self, time: i128) -> Option<i128> {
        let created = *self.created.get(self.created.partition_point(|&created| created <= time).checked_sub(1)?)?;
        self.end(created).is_none_or(|end| end > time).then_some(created)
    }

    /// When the processes were created, in order.
    pub(super) fn created(&self) -> &[i128] {
        &self.created
    }

    /// When some have ended, as facts.
    pub(super) fn ends(&self) -> impl Iterator<Item = Told> {
        self.ended.iter().map(|&time| Told::Ended(Some(time)))
    }

    /// When the process ended that was created at this time.
    pub(super) fn end(&self, created: i128) -> Option<i128> {
        let next = self.created.get(self.created.partition_point(|&other| other <= created));
        let end = *self.ended.get(self.ended.partition_point(|&end| end <= created))?;
        next.is_none_or(|&next| end <= next).then_some(end)
    }
}

impl Telling {
    /// Starts with a fact.
    pub(super) fn of(fact: Fact) -> Self {
        let told = if audited::is_key(&fact.of) {
            OfKey::Id(BTreeMap::new(), Vec::new())
        } else {
            OfKey::One(Box::new(Life { of: fact.of.clone(), ..Life::default() }))
        };
        let mut telling = Self { of: fact.of.clone(), told, size: 0 };
        telling.learn(fact);
        telling
    }

    /// Whether a fact is of the same key.
    pub(super) fn goes_on(&self, fact: &Fact) -> bool {
        self.of == fact.of
    }

    /// Takes a fact of this key.
    pub(super) fn learn(&mut self, fact: Fact) {
        let size = fact.size();
        match &mut self.told {
            OfKey::One(life) => self.size += life.learn(fact.told, size),
            OfKey::Id(all, ended) => match fact.told {
                // The first of the same time says most.
                Told::Created(created) => {
                    all.entry(created.time).or_insert(created);
                }
                Told::Ended(time) => ended.extend(time),
                Told::Parent(_) | Told::Queried(_) => {}
            },
        }
    }
}
