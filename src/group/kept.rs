//! [`Kept`]: hits in memory, and [`Ordered`], once they are in order.
//!
//! Their texts are numbers of texts that are kept once each, so that a hit costs some two hundred bytes.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    connection::{community::Memo, glossary::Field},
    group::{
        held::{ENDS, Held, RECORD_ID, SOURCE, Share, TEXTS, UTC_TIME},
        hit::{Hit, Place, Whole},
        order::{self, Numbered},
        texts::{MOST_NUMBERS, Texts},
    },
    join::{self, Join},
};

/// How many hits are a batch.
const BATCH: usize = 256;
/// How many are numbered anew at once.
const PART: usize = 1 << 14;

/// Hits, in the order in which they were kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) texts: Texts,
    /// The numbers of all texts of each hit, one hit behind the other.
    numbers: Vec<[u32; TEXTS]>,
    rows: Vec<Row>,
    /// The rules that hits are of, each list of them once.
    rules: Vec<Arc<[usize]>>,
    by_rules: HashMap<Arc<[usize]>, u32>,
    /// The events of those that are kept whole.
    events: Vec<Whole>,
    /// What the events take in memory, in bytes.
    size_of_events: usize,
}

/// Hits in order.
#[derive(Debug)]
pub(super) struct Ordered {
    /// In order too, and so are their numbers.
    texts: Arc<Texts>,
    numbers: Vec<[u32; TEXTS]>,
    rows: Vec<Row>,
    rules: Vec<Arc<[usize]>>,
    events: Vec<Whole>,
    /// The places of the hits among those.
    order: Vec<u32>,
}

/// What the hits of a batch share, so that whoever makes something of them need not wait for who makes something of others.
struct Sharing<'a> {
    all: &'a Ordered,
    texts: Arc<Share>,
    /// The list of rules that was asked for last, and its number.
    rules: Option<(u32, Arc<[usize]>)>,
}

/// What a hit has besides texts.
#[derive(Debug, Clone, Copy)]
struct Row {
    time: Option<Timestamp>,
    chunk: u64,
    offset: u64,
    /// Which of the lists of rules.
    rules: u32,
    /// Which of the events.
    event: Option<u32>,
    recovered: bool,
}

impl Kept {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// What they take in memory at most, in bytes, with the vectors half full at least, and what sorting takes.
    pub(super) fn size(&self) -> usize {
        const EACH: usize = 2 * (size_of::<[u32; TEXTS]>() + size_of::<Row>()) + size_of::<u32>();
        self.texts.size() + EACH * self.len() + self.size_of_events
    }

    /// Whether it has no numbers left.
    pub(super) fn is_full(&self) -> bool {
        self.texts.len().max(self.len()).max(self.events.len()) >= MOST_NUMBERS
    }

    /// Keeps a hit.
    pub(super) fn push(&mut self, hit: Hit) {
        let Self { texts, numbers, .. } = self;
        let mut own = numbers.last().copied().unwrap_or([u32::MAX; TEXTS]);
        own.iter_mut().zip(hit.texts()).for_each(|(number, text)| renumber(number, text, texts));
        numbers.push(own);
        let rules = self.list(&hit.rules);
        let event = hit.whole.map(|event| {
            self.size_of_events += event.size() + size_of::<Whole>();
            self.events.push(*event);
            number(self.events.len() - 1)
        });
        let Hit { time, chunk, offset, recovered, .. } = hit;
        self.rows.push(Row { time, chunk, offset, rules, event, recovered });
    }

    /// Keeps a hit whose fields have these numbers.
    pub(super) fn push_numbers(
        &mut self,
        fields: &[u32; RECORD_ID],
        ends: Option<[u32; TEXTS - ENDS]>,
        time: Option<Timestamp>,
        place: Place<'_>,
        rules: &[usize],
    ) {
        let Self { texts, numbers, .. } = self;
        let mut own = numbers.last().copied().unwrap_or([u32::MAX; TEXTS]);
        if let Some((own_fields, behind)) = own.split_first_chunk_mut()
            && let Some((of_record, own_ends)) = behind.split_first_chunk_mut::<{ ENDS - RECORD_ID }>()
        {
            *own_fields = *fields;
            for ((number, text), at) in of_record.iter_mut().zip(place.texts()).zip(RECORD_ID..) {
                match at {
                    RECORD_ID | UTC_TIME => *number = texts.number(text),
                    _ => renumber(number, text, texts),
                }
            }
            match ends {
                Some(ends) => own_ends.copy_from_slice(&ends),
                None => own_ends.iter_mut().for_each(|number| renumber(number, "", texts)),
            }
        }
        numbers.push(own);
        let rules = self.list(rules);
        let Place { chunk, offset, recovered, .. } = place;
        self.rows.push(Row { time, chunk, offset, rules, event: None, recovered });
    }

    /// Adds what another part of the scan has kept.
    pub(super) fn add(&mut self, other: Self) {
        let numbers = self.texts.add(&other.texts);
        let own = |old: u32| numbers.get(old as usize).copied().unwrap_or(0);
        self.numbers.extend(other.numbers.iter().map(|old| old.map(own)));
        let lists: Vec<u32> = other.rules.iter().map(|rules| self.list(rules)).collect();
        let before = number(self.events.len());
        self.rows.extend(other.rows.into_iter().map(|row| Row {
            rules: lists.get(row.rules as usize).copied().unwrap_or(0),
            event: row.event.map(|event| event.saturating_add(before)),
            ..row
        }));
        self.events.extend(other.events);
        self.size_of_events += other.size_of_events;
    }

    /// The number of a list of rules.
    fn list(&mut self, rules: &[usize]) -> u32 {
        // Mostly those of the hit before.
        let last = self.rows.last().map(|row| row.rules);
        let is_that = |&last: &u32| self.rules.get(last as usize).is_some_and(|list| **list == *rules);
        if let Some(last) = last.filter(is_that) {
            return last;
        }
        if let Some(&known) = self.by_rules.get(rules) {
            return known;
        }
        let next = number(self.rules.len());
        let rules: Arc<[usize]> = rules.into();
        self.rules.push(Arc::clone(&rules));
        self.by_rules.insert(rules, next);
        next
    }

    /// The same, in order. `join` does pieces of work at the same time, if it can.
    pub(super) fn into_ordered(self, join: Join) -> Ordered {
        let Self { mut texts, mut numbers, rows, rules, events, .. } = self;
        let ranks = texts.put_in_order(join);
        let mut parts: Vec<&mut [[u32; TEXTS]]> = numbers.chunks_mut(PART).collect();
        join::each(join, &mut parts, &|part| {
            for number in part.iter_mut().flatten() {
                *number = ranks.get(*number as usize).copied().unwrap_or(0);
            }
        });
        let unordered = Ordered { texts: Arc::new(texts), numbers, rows, rules, events, order: Vec::new() };
        let times = unordered.rows.iter().map(|row| row.time).zip(0..);
        let order = order::by_time(times, &unordered, join);
        Ordered { order, ..unordered }
    }
}

impl Ordered {
    /// The hits.
    pub(super) fn iter(&self) -> impl Iterator<Item = Hit> {
        self.order.chunks(BATCH).flat_map(|places| {
            // They are anywhere in memory. Where all are looked up at once, a processor waits for many at a time.
            let hits: Vec<([u32; TEXTS], Row)> = places.iter().filter_map(|&place| self.at(place)).collect();
            let mut share = self.share();
            hits.into_iter().map(move |(numbers, row)| share.hit(numbers, row))
        })
    }

    /// One hit of all that have the same texts in these fields.
    pub(super) fn iter_of<const N: usize>(&self, fields: [Field; N]) -> impl Iterator<Item = Hit> {
        let mut met: HashSet<_, ahash::RandomState> = HashSet::default();
        let mut last = None;
        // As they stand in memory, and many are as the one before.
        let ones = self.numbers.iter().zip(&self.rows).filter(move |(numbers, _)| {
            let own = Some(fields.map(|field| numbers.get(field as usize).copied()));
            let is_new = last != own && met.insert(own);
            last = own;
            is_new
        });
        let mut share = self.share();
        ones.map(move |(numbers, row)| share.hit(*numbers, *row))
    }

    fn at(&self, place: u32) -> Option<([u32; TEXTS], Row)> {
        Some((*self.numbers.get(place as usize)?, *self.rows.get(place as usize)?))
    }

    fn share(&self) -> Sharing<'_> {
        Sharing { all: self, texts: Arc::new(Share(Arc::clone(&self.texts))), rules: None }
    }

    fn event(&self, row: &Row) -> Option<&Whole> {
        row.event.and_then(|event| self.events.get(event as usize))
    }
}

impl Sharing<'_> {
    fn hit(&mut self, numbers: [u32; TEXTS], row: Row) -> Hit {
        Hit {
            time: row.time,
            texts: Held::Shared(Arc::clone(&self.texts), numbers),
            recovered: row.recovered,
            chunk: row.chunk,
            offset: row.offset,
            rules: self.rules(row.rules),
            whole: self.all.event(&row).cloned().map(Box::new),
            community: Memo::default(),
        }
    }

    /// The list of rules with this number.
    fn rules(&mut self, list: u32) -> Arc<[usize]> {
        // Mostly that of the hit before.
        if let Some((_, rules)) = self.rules.as_ref().filter(|(last, _)| *last == list) {
            return Arc::clone(rules);
        }
        let rules: Arc<[usize]> =
            self.all.rules.get(list as usize).map(|rules| Arc::from(&**rules)).unwrap_or_default();
        self.rules = Some((list, Arc::clone(&rules)));
        rules
    }
}

/// As hits of the same time are ordered: by what they say, and then by where they are.
impl Numbered for Ordered {
    fn numbers(&self, place: u32) -> &[u32] {
        self.numbers.get(place as usize).and_then(|numbers| numbers.get(..SOURCE)).unwrap_or_default()
    }

    fn compare(&self, one: u32, two: u32) -> Ordering {
        let part =
            |place: u32| Some((self.numbers.get(place as usize)?.get(SOURCE..)?, self.rows.get(place as usize)?));
        let (Some((one_texts, one)), Some((two_texts, two))) = (part(one), part(two)) else { return Ordering::Equal };
        let place = |row: &Row| (row.chunk, row.offset);
        let rules = |row: &Row| self.rules.get(row.rules as usize);
        one.recovered
            .cmp(&two.recovered)
            .then_with(|| one_texts.first().cmp(&two_texts.first()))
            .then_with(|| place(one).cmp(&place(two)))
            .then_with(|| one_texts.cmp(two_texts))
            .then_with(|| rules(one).cmp(&rules(two)))
            .then_with(|| self.event(one).cmp(&self.event(two)))
    }
}

/// Makes a number that of a text. Much of a hit is as in the one before.
fn renumber(number: &mut u32, text: &str, texts: &mut Texts) {
    if *number == u32::MAX || !texts.is(*number, text) {
        *number = texts.number(text);
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
