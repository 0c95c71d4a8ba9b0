//! [`Table`]: groups in memory. A key is the numbers of its texts, of which each is kept once, so that groups cost some ten bytes for
//! each field and are told apart and put in order as numbers.

use jiff::Timestamp;

use crate::{
    group::{
        key::{GroupKey, Sum},
        order::{self, Numbered},
        texts::{MOST_NUMBERS, Texts},
    },
    index::{Index, Short},
    join::{self, Join},
};

/// How many bits of a key's hash say which shard it is in: there are eight, so that tables are merged by as many threads.
const SHARD_BITS: u32 = 3;

/// Groups by their keys.
#[derive(Debug)]
pub(super) struct Table<G> {
    /// What the numbers in keys are of.
    pub(super) texts: Texts,
    /// How many numbers a key has: those of the values, and the rule.
    width: usize,
    shards: Vec<Shard<G>>,
}

/// The groups with some of all keys.
#[derive(Debug)]
struct Shard<G> {
    /// The keys, one behind the other.
    keys: Vec<u32>,
    groups: Vec<G>,
    /// The place of each group among them.
    places: Index,
}

impl<G: Sum> Table<G> {
    /// Of keys with so many values.
    pub(super) fn new(values: usize) -> Self {
        let first = Index::default();
        let shard = |_| Shard { keys: Vec::new(), groups: Vec::new(), places: first.of_same_hashes() };
        Self { texts: Texts::default(), width: values + 1, shards: (0..1 << SHARD_BITS).map(shard).collect() }
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.groups.len()).sum()
    }

    /// What it takes in memory at most, in bytes: vectors are half full at least.
    pub(super) fn size(&self) -> usize {
        let each = self.width * size_of::<u32>() + size_of::<G>();
        self.texts.size() + (2 * each + Index::EACH) * self.len()
    }

    /// Whether it has no numbers left.
    pub(super) fn is_full(&self) -> bool {
        let longest = self.shards.iter().map(|shard| shard.groups.len()).max().unwrap_or(0);
        self.texts.len().max(longest << SHARD_BITS) >= MOST_NUMBERS
    }

    /// Counts what has this key: the numbers of its values, and the rule. Returns all that is counted of it.
    pub(super) fn count(&mut self, key: &[u32], group: G) -> Option<&mut G> {
        let hash = self.shards.first()?.places.hash(key);
        self.shards.get_mut(hash.first_bits(SHARD_BITS))?.count(hash, key, group)
    }

    /// Counts what another has, of keys with as many values.
    pub(super) fn add(&mut self, mut other: Self, join: Join) {
        let Self { texts, width, shards } = self;
        let Some(hasher) = shards.first().map(|first| first.places.of_same_hashes()) else { return };
        let numbers = texts.add(&other.texts);
        // Numbered as they are here, its keys have other hashes.
        let mut theirs: Vec<(&mut Shard<G>, Vec<Short>)> =
            other.shards.iter_mut().map(|shard| (shard, Vec::new())).collect();
        join::each(join, &mut theirs, &|(shard, hashes)| {
            shard.renumber(*width, &numbers);
            hashes.extend(shard.keys.chunks_exact(*width).map(|key| hasher.hash(key)));
        });
        let mut own: Vec<(usize, &mut Shard<G>)> = shards.iter_mut().enumerate().collect();
        join::each(join, &mut own, &|(number, own)| {
            let is_own = |hash: Short| hash.first_bits(SHARD_BITS) == *number;
            own.places.reserve(theirs.iter().flat_map(|(_, hashes)| hashes).filter(|&&hash| is_own(hash)).count());
            for (shard, hashes) in &theirs {
                let keys = shard.keys.chunks_exact(*width).zip(&shard.groups).zip(hashes);
                for ((key, group), &hash) in keys.filter(|&(_, &hash)| is_own(hash)) {
                    own.count(hash, key, group.clone());
                }
            }
        });
    }

    /// A group with its key.
    pub(super) fn get(&self, place: u32) -> (GroupKey, G) {
        let (values, rule) = parts(self.key(place));
        let key = GroupKey::of_values(rule as usize, values.iter().map(|&value| self.texts.get(value)));
        (key, self.group(place).cloned().unwrap_or_default())
    }

    /// Hands on groups with their keys, in the order of these places.
    ///
    /// # Errors
    ///
    /// What `each` returns.
    pub(super) fn each<E>(
        &self,
        places: &[u32],
        mut each: impl FnMut(&GroupKey, &G) -> Result<(), E>,
    ) -> Result<(), E> {
        // They are anywhere in memory. Where all are looked up at once, a processor waits for many at a time.
        let mut keys = Vec::with_capacity(places.len() * self.width);
        let mut groups = Vec::with_capacity(places.len());
        for (&place, group) in places.iter().filter_map(|place| Some((place, self.group(*place)?))) {
            keys.extend_from_slice(self.key(place));
            groups.push(group.clone());
        }
        let mut key = GroupKey::default();
        keys.chunks_exact(self.width).zip(&groups).try_for_each(|(numbers, group)| {
            let (values, rule) = parts(numbers);
            key.refill(rule as usize, values.iter().map(|&value| self.texts.get(value)));
            each(&key, group)
        })
    }

    /// The places of the groups in the order of their keys. Nothing more can be counted then.
    pub(super) fn by_key(&mut self) -> Vec<u32> {
        self.number_in_order(join::one_by_one);
        self.numbered_by_key()
    }

    /// The same, where the texts are in order.
    pub(super) fn numbered_by_key(&self) -> Vec<u32> {
        let mut places: Vec<u32> = self.times().map(|(_, place)| place).collect();
        order::by_numbers(&mut places, self, join::one_by_one);
        places
    }

    /// Changes all keys, once nothing more is counted.
    pub(super) fn rearrange(&mut self, key: impl Fn(&mut [u32])) {
        let width = self.width;
        self.shards.iter_mut().flat_map(|shard| shard.keys.chunks_exact_mut(width)).for_each(key);
    }

    /// The places of the groups in the order of their first times, not stated ones first, and then of their keys. Nothing more can be
    /// counted then.
    pub(super) fn by_time(&mut self, join: Join) -> Vec<u32> {
        self.number_in_order(join);
        self.numbered_by_time(join)
    }

    /// The same, where the texts are in order.
    pub(super) fn numbered_by_time(&self, join: Join) -> Vec<u32> {
        order::by_time(self.times(), self, join)
    }

    /// The first times of the groups, each with its place: its number in its shard, and which of them that is.
    fn times(&self) -> impl Iterator<Item = (Option<Timestamp>, u32)> {
        self.shards.iter().zip(0..).flat_map(|(shard, number)| {
            let place = move |in_shard: u32| in_shard << SHARD_BITS | number;
            shard.groups.iter().zip(0..).map(move |(group, in_shard)| (group.first(), place(in_shard)))
        })
    }

    /// Numbers the texts in their order, so that keys are in order where their numbers are.
    pub(super) fn number_in_order(&mut self, join: Join) {
        let ranks = self.texts.put_in_order(join);
        let width = self.width;
        join::each(join, &mut self.shards, &|shard| {
            shard.places.clear();
            shard.renumber(width, &ranks);
        });
    }

    /// Hands on all groups with their keys, in no order, and what the numbers in these are of.
    pub(super) fn drain(self, mut each: impl FnMut(&[u32], G)) -> Texts {
        for Shard { keys, groups, .. } in self.shards {
            keys.chunks_exact(self.width).zip(groups).for_each(|(key, group)| each(key, group));
        }
        self.texts
    }

    /// Forgets all, and keeps the memory for as much again.
    pub(super) fn clear(&mut self) {
        self.texts.clear();
        for Shard { keys, groups, places } in &mut self.shards {
            keys.clear();
            groups.clear();
            places.clear();
        }
    }

    fn key(&self, place: u32) -> &[u32] {
        let (shard, place) = self.in_shard(place);
        shard.map(|shard| shard.key(self.width, place)).unwrap_or_default()
    }

    pub(super) fn group(&self, place: u32) -> Option<&G> {
        let (shard, place) = self.in_shard(place);
        shard?.groups.get(place as usize)
    }

    /// The shard of a place, and the number in it.
    fn in_shard(&self, place: u32) -> (Option<&Shard<G>>, u32) {
        const MASK: u32 = (1 << SHARD_BITS) - 1;
        (self.shards.get((place & MASK) as usize), place >> SHARD_BITS)
    }
}

impl<G: Sum> Shard<G> {
    /// Counts what has this key, with its hash.
    fn count(&mut self, hash: Short, key: &[u32], group: G) -> Option<&mut G> {
        let Self { keys, groups, places } = self;
        let is = |place: u32| is_same(key_at(keys, key.len(), place), key);
        if let Some(place) = places.find(hash, is) {
            let known = groups.get_mut(place as usize)?;
            known.merge(group);
            return Some(known);
        }
        let place = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        keys.extend_from_slice(key);
        groups.push(group);
        places.insert(hash, place);
        groups.last_mut()
    }

    /// Gives the values in its keys the numbers that these say.
    fn renumber(&mut self, width: usize, numbers: &[u32]) {
        for key in self.keys.chunks_exact_mut(width) {
            let values = key.split_last_mut().map(|(_rule, values)| values).unwrap_or_default();
            for value in values {
                *value = numbers.get(*value as usize).copied().unwrap_or(0);
            }
        }
    }

    fn key(&self, width: usize, place: u32) -> &[u32] {
        key_at(&self.keys, width, place)
    }
}

/// By the numbers of their values, and then by rule: once texts are numbered in their order, as their keys are.
impl<G: Sum> Numbered for Table<G> {
    fn numbers(&self, place: u32) -> &[u32] {
        self.key(place)
    }
}

/// Whether two keys are the same, as they mostly are where their hashes are: all numbers are compared, without a branch for each.
fn is_same(one: &[u32], two: &[u32]) -> bool {
    one.len() == two.len() && one.iter().zip(two).fold(0, |differ, (one, two)| differ | one ^ two) == 0
}

/// The key at a place among those that are one behind the other.
fn key_at(keys: &[u32], width: usize, place: u32) -> &[u32] {
    keys.get(place as usize * width..).and_then(|keys| keys.get(..width)).unwrap_or_default()
}

/// The numbers of a key's values, and its rule.
fn parts(key: &[u32]) -> (&[u32], u32) {
    key.split_last().map_or((key, 0), |(&rule, values)| (values, rule))
}
