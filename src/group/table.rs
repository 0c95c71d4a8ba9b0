//! [`Table`]: groups in memory. A key is the numbers of its texts, of which each is kept once, so that groups cost some ten bytes for
//! each field and are told apart and put in order as numbers.

use crate::{
    group::{
        key::{Group, GroupKey},
        order,
        texts::{MOST_NUMBERS, Texts},
    },
    index::Index,
};

/// Groups by their keys.
#[derive(Debug)]
pub(super) struct Table {
    /// What the numbers in keys are of.
    pub(super) texts: Texts,
    /// How many numbers a key has.
    width: usize,
    /// The keys, one behind the other: the numbers of the values, and the rule.
    keys: Vec<u32>,
    groups: Vec<Group>,
    /// The place of each group among them.
    places: Index,
}

impl Table {
    /// Of keys with so many values.
    pub(super) fn new(values: usize) -> Self {
        let (keys, groups, places) = (Vec::new(), Vec::new(), Index::default());
        Self { texts: Texts::default(), width: values + 1, keys, groups, places }
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// What it takes in memory at most, in bytes: vectors are half full at least.
    pub(super) fn size(&self) -> usize {
        let each = self.width * size_of::<u32>() + size_of::<Group>();
        self.texts.size() + (2 * each + Index::EACH) * self.len()
    }

    /// Whether it has no numbers left.
    pub(super) fn is_full(&self) -> bool {
        self.texts.len().max(self.len()) >= MOST_NUMBERS
    }

    /// Counts what has this key: the numbers of its values, and the rule.
    pub(super) fn count(&mut self, key: &[u32], group: Group) {
        let Self { width, keys, groups, places, .. } = self;
        let hash = places.hash(key);
        if let Some(place) = places.find(hash, |place| key_at(keys, *width, place) == key) {
            if let Some(known) = groups.get_mut(place as usize) {
                known.merge(group);
            }
            return;
        }
        let place = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        keys.extend_from_slice(key);
        groups.push(group);
        places.insert(hash, place);
    }

    /// Counts what another has, of keys with as many values.
    pub(super) fn add(&mut self, other: &Self) {
        let numbers = self.texts.add(&other.texts);
        self.places.reserve(other.len());
        let mut key = Vec::with_capacity(self.width);
        for (place, &group) in (0..).zip(&other.groups) {
            key.clear();
            let (values, rule) = other.parts(place);
            key.extend(values.iter().filter_map(|&value| numbers.get(value as usize)));
            key.push(rule);
            self.count(&key, group);
        }
    }

    /// A group with its key.
    pub(super) fn get(&self, place: u32) -> (GroupKey, Group) {
        let mut key = GroupKey::default();
        let group = self.read(place, &mut key);
        (key, group)
    }

    /// The same, with the key put into memory that is there.
    pub(super) fn read(&self, place: u32, key: &mut GroupKey) -> Group {
        let (values, rule) = self.parts(place);
        key.refill(rule as usize, values.iter().map(|&value| self.texts.get(value)));
        self.groups.get(place as usize).copied().unwrap_or_default()
    }

    /// The places of the groups in the order of their keys. Nothing more can be counted then.
    pub(super) fn by_key(&mut self) -> Vec<u32> {
        self.number_in_order();
        let mut places: Vec<u32> = (0..u32::MAX).take(self.len()).collect();
        places.sort_unstable_by(|&one, &two| self.key(one).cmp(self.key(two)));
        places
    }

    /// The places of the groups in the order of their first times, not stated ones first, and then of their keys. Nothing more can be
    /// counted then.
    pub(super) fn by_time(&mut self) -> Vec<u32> {
        self.number_in_order();
        let times = self.groups.iter().map(|group| group.first);
        order::by_time(times, |one, two| self.key(one).cmp(self.key(two)))
    }

    /// Numbers the texts in their order, so that keys are in order where their numbers are.
    fn number_in_order(&mut self) {
        self.places.clear();
        let ranks = self.texts.put_in_order();
        for key in self.keys.chunks_exact_mut(self.width) {
            let values = key.split_last_mut().map(|(_rule, values)| values).unwrap_or_default();
            for value in values {
                *value = ranks.get(*value as usize).copied().unwrap_or(0);
            }
        }
    }

    /// Forgets all, and keeps the memory for as much again.
    pub(super) fn clear(&mut self) {
        self.texts.clear();
        self.keys.clear();
        self.groups.clear();
        self.places.clear();
    }

    /// The numbers of a group's values, and its rule.
    fn parts(&self, place: u32) -> (&[u32], u32) {
        let key = self.key(place);
        key.split_last().map_or((key, 0), |(&rule, values)| (values, rule))
    }

    fn key(&self, place: u32) -> &[u32] {
        key_at(&self.keys, self.width, place)
    }
}

fn key_at(keys: &[u32], width: usize, place: u32) -> &[u32] {
    keys.get(place as usize * width..).and_then(|keys| keys.get(..width)).unwrap_or_default()
}
