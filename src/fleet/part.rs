//! [`Part`]: a partial result whose rows are yet to be counted, and what was [`Counted`] in some of them, by several threads.
//!
//! What a part is of, and which of its sources count, is known before.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::{
    connection::{glossary::Field, host, locals::Locals},
    error::{Defect, DefectKind, Defects, Error},
    evidence::digest,
    fleet::{partial, stream::Stream},
    group::{
        groups::{Groups, Sources},
        hit::Hit,
        hits::Hits,
        key::GroupKey,
    },
    report::parquet::columns::{Row, Rows},
    scan::{pool, searched::SearchedFile, terms::Terms},
    text,
};

/// A partial result whose rows are to be counted.
pub(super) struct Part {
    /// Where it is.
    pub(super) path: PathBuf,
    /// How many bytes it has.
    pub(super) size: u64,
    /// What its rows are.
    pub(super) rows: Rows,
    /// The fields that they have.
    pub(super) columns: Vec<Field>,
    /// The names of its sources, by their places.
    pub(super) names: Vec<String>,
    /// The places of those that are in a partial result before.
    pub(super) repeated: BTreeSet<u64>,
    /// Hosts that its hits name, of which only its rows tell whether they are of a log that counts.
    pub(super) doubtful: BTreeSet<String>,
    /// How many connections its rows have to be of, if that is known.
    pub(super) connections: Option<u64>,
    /// What events said of all processes, if that is in it.
    pub(super) stream: Option<Stream>,
    /// Whether the addresses that its logs say hosts have are in it.
    pub(super) tells_locals: bool,
}

/// Hosts that are in several parts.
#[derive(Default)]
pub(super) struct Apart {
    /// Their folded names.
    pub(super) hosts: BTreeSet<String>,
    /// The addresses that hosts have, by all parts.
    pub(super) locals: Locals,
}

/// How parts are counted.
#[derive(Clone, Copy)]
pub(super) struct Counting<'a> {
    /// What all of them are of.
    pub(super) terms: &'a Terms,
    /// What groups are by.
    pub(super) fields: &'a [Field],
    /// Whether hits are kept.
    pub(super) keeps_hits: bool,
    /// Whether the files are hashed.
    pub(super) hashing: bool,
    /// How much groups may take in memory, and hits as much again, in bytes, for each thread.
    pub(super) room: usize,
    /// Which hosts are in several of them, and the addresses that all of these say they have.
    pub(super) apart: &'a Apart,
    /// Is told how many bytes have been counted since it was told last.
    pub(super) progress: &'a (dyn Fn(u64) + Sync),
}

/// What was counted in some of the parts. They are counted apart, and merged in any order.
pub(super) struct Counted {
    pub(super) groups: Groups,
    pub(super) hits: Hits,
    /// What is wrong with the files themselves.
    pub(super) defects: Defects,
    /// What is wrong with the rows of some, by the places of the parts.
    pub(super) wrong: BTreeMap<usize, String>,
    /// The doubtful hosts that rows of a log that counts have, by the places of the parts.
    pub(super) hosts: BTreeMap<usize, BTreeSet<String>>,
    /// The files, by the places of the parts.
    pub(super) partials: BTreeMap<usize, SearchedFile>,
}

impl Counting<'_> {
    /// Counts the rows of all parts.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub(super) fn count(&self, parts: &[Part], threads: NonZeroUsize) -> Result<Counted, Error> {
        let next = AtomicUsize::new(0);
        let pool = pool::pool(threads)?;
        let counted = pool.broadcast(|_| {
            let mut counted = self.nothing();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(part) = parts.get(place) else { break counted };
                self.add(place, part, &mut counted);
            }
        });
        Ok(pool.install(|| counted.into_iter().fold(self.nothing(), Counted::merge)))
    }

    fn nothing(&self) -> Counted {
        Counted {
            groups: Groups::new(self.fields.to_vec(), Sources::Together, self.room),
            hits: Hits::new(self.room),
            defects: Defects::default(),
            wrong: BTreeMap::new(),
            hosts: BTreeMap::new(),
            partials: BTreeMap::new(),
        }
    }

    fn add(&self, place: usize, part: &Part, counted: &mut Counted) {
        let mut hosts = BTreeSet::new();
        let added = catch_unwind(AssertUnwindSafe(|| part.add_rows(self, counted, &mut hosts)));
        let added = added.unwrap_or_else(|_| Err(io::Error::other("the reader of Parquet files failed on it")));
        if let Err(error) = added {
            counted.wrong.insert(place, error.to_string());
        }
        if !hosts.is_empty() {
            counted.hosts.insert(place, hosts);
        }
        if self.hashing {
            let file = hashed(&part.path, &mut counted.defects);
            counted.partials.insert(place, file);
        }
        (self.progress)(part.size);
    }
}

impl Counted {
    fn merge(mut self, other: Self) -> Self {
        self.groups.merge(other.groups, pool::side_by_side);
        self.hits.merge(other.hits);
        self.defects.merge(other.defects);
        self.wrong.extend(other.wrong);
        self.hosts.extend(other.hosts);
        self.partials.extend(other.partials);
        self
    }
}

impl Part {
    /// Counts its rows, but for those of sources that are in another. Where hits are wanted, they are kept. `hosts` gets the doubtful
    /// ones that such a row has.
    ///
    /// # Errors
    ///
    /// It cannot be read, or its rows are not as many connections as they have to be.
    fn add_rows(&self, counting: &Counting<'_>, counted: &mut Counted, hosts: &mut BTreeSet<String>) -> io::Result<()> {
        let Counting { terms, fields, keeps_hits, .. } = *counting;
        let Counted { groups, hits, .. } = counted;
        let place = |field: &Field| self.columns.iter().position(|other| other == field);
        let places: Vec<usize> = fields.iter().filter_map(place).collect();
        let is_same = self.columns == fields;
        // It is made of the columns that there are.
        let is_made = fields.contains(&Field::CommunityId) && !self.columns.contains(&Field::CommunityId);
        let counts_later = keeps_hits && terms.groups_later();
        let mut connections: u64 = 0;
        let mut last: Option<Hit> = None;
        let has_ends = self.tells_locals && Field::ENDS.iter().all(|field| self.columns.contains(field));
        let apart = Some(counting.apart).filter(|apart| has_ends && !apart.hosts.is_empty());
        let read = partial::rows(&self.path, &self.columns, self.rows, |mut row| {
            let source = usize::try_from(row.source).ok().and_then(|place| self.names.get(place));
            let Some(source) = source.filter(|_| row.key.rule < terms.rules.infos.len()) else {
                return Err(io::Error::other("one has a rule or a source that is not listed"));
            };
            connections = connections.saturating_add(row.group.count);
            if self.connections.is_some_and(|stated| connections > stated) {
                return Err(io::Error::other("they have more connections than it states"));
            }
            if self.repeated.contains(&row.source) {
                return Ok(());
            }
            hosts.extend(self.doubtful_host(&row).cloned());
            if let Some(key) = apart.and_then(|apart| self.with_ends(&row, apart)) {
                row.key = key;
            }
            let hit = (keeps_hits || is_made).then(|| row.hit(source)).flatten();
            let made = hit.as_ref().filter(|_| is_made);
            let made = made.map(|hit| GroupKey::new(fields, row.key.rule, |field| hit.get(field)));
            if let Some(hit) = hit.filter(|_| keeps_hits) {
                // A hit of several rules is in as many rows. Of the same rule, it is one of another log with that name.
                match &mut last {
                    Some(last) if last.is_at_the_place_of(&hit) && !last.rules.contains(&row.key.rule) => {
                        last.rules = last.rules.iter().chain(&*hit.rules).copied().collect();
                    }
                    last => last.replace(hit).into_iter().for_each(|hit| hits.push(hit)),
                }
            }
            if !counts_later {
                let key = match made {
                    Some(key) => key,
                    None if is_same => row.key,
                    None => row.key.coarsened(&places),
                };
                groups.count_group(&key, row.group);
            }
            Ok(())
        });
        if let Some(hit) = last {
            hits.push(hit);
        }
        read?;
        match self.connections.filter(|&stated| stated != connections) {
            Some(stated) => {
                Err(io::Error::other(format!("they have {connections} connections, but it states {stated}")))
            }
            None => Ok(()),
        }
    }

    /// The values of a row whose ends are to be told again, since more is known of its host in other partial results.
    fn with_ends(&self, row: &Row, apart: &Apart) -> Option<GroupKey> {
        let value = |field| row.key.value(&self.columns, field);
        let host = Some(value(Field::Dvc)).filter(|host| apart.hosts.contains(&*host::folded(host)))?;
        let sides = apart.locals.sides(host, value(Field::SrcIp), value(Field::DestIp), value(Field::Direction));
        let told = self.columns.iter().map(|&field| sides.field(field).map_or("", value));
        Some(GroupKey::of_values(row.key.rule, told))
    }

    /// The host of a row, if it is one of the doubtful ones.
    fn doubtful_host(&self, row: &Row) -> Option<&String> {
        if self.doubtful.is_empty() { None } else { self.doubtful.get(row.key.value(&self.columns, Field::Dvc)) }
    }
}

/// A partial result, as the manifest names it.
fn hashed(path: &Path, defects: &mut Defects) -> SearchedFile {
    let (digests, size) = match File::open(path).and_then(digest::read) {
        Ok((digests, size)) => (Some(digests), size),
        Err(error) => {
            defects.add(Defect::of_path(path, DefectKind::Partial, &error));
            (None, 0)
        }
    };
    SearchedFile::new(text::path(path), path, size, digests)
}
