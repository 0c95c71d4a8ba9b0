//! [`Recall`]: what was found out of a hit, recalled for those that have the same texts in some fields: by the numbers of these, where
//! hits share their texts.

use std::{collections::HashMap, sync::Arc};

use crate::{
    connection::glossary::Field,
    group::{hit::Hit, texts::Texts},
};

/// How much is recalled at most, before all of it is forgotten.
const MOST: usize = 1 << 16;

/// What was found out of hits.
#[derive(Debug)]
pub struct Recall<T> {
    /// What numbers are of.
    of: Option<Arc<Texts>>,
    known: HashMap<Box<[u32]>, T, ahash::RandomState>,
    /// The numbers of the hit that was asked for last; none if it shares no texts.
    numbers: Vec<u32>,
}

impl<T> Default for Recall<T> {
    fn default() -> Self {
        Self { of: None, known: HashMap::default(), numbers: Vec::new() }
    }
}

impl<T: Copy> Recall<T> {
    /// What was found out of a hit of this rule with the same texts in these fields, which are always the same ones.
    pub fn of(&mut self, hit: &Hit, rule: usize, fields: impl Iterator<Item = Field>) -> Option<T> {
        let Self { of, known, numbers } = self;
        numbers.clear();
        for field in fields {
            let Some((texts, number)) = hit.shared(field) else {
                numbers.clear();
                return None;
            };
            if !of.as_ref().is_some_and(|of| Arc::ptr_eq(of, texts)) {
                *of = Some(Arc::clone(texts));
                known.clear();
            }
            numbers.push(number);
        }
        numbers.push(u32::try_from(rule).unwrap_or(u32::MAX));
        known.get(&**numbers).copied()
    }

    /// Remembers what was found out of the hit that was asked for last.
    pub fn remember(&mut self, found: T) {
        if self.known.len() >= MOST {
            self.known.clear();
        }
        if !self.numbers.is_empty() {
            self.known.insert(self.numbers.as_slice().into(), found);
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{hit::Place, hits::Hits};

    const FIELDS: [Field; 2] = [Field::Dvc, Field::Peer];

    fn hits() -> impl Iterator<Item = Hit> {
        let mut hits = Hits::new(usize::MAX);
        for number in 0..64_u32 {
            let text = |field| match field {
                Field::Dvc => ["one", "two"][number as usize % 2],
                Field::Src => ["one", "other"][number as usize / 2 % 2],
                Field::Dest => ["one", "there"][number as usize / 4 % 2],
                Field::Direction => ["inbound", "outbound"][number as usize / 8 % 2],
                _ => "x",
            };
            hits.push(Hit::new(Field::ALL.into_iter().map(text), None, Place::default(), [0]));
        }
        let sorted = hits.into_sorted().unwrap();
        let hits: Vec<Hit> = sorted.pass().unwrap().map(Result::unwrap).collect();
        hits.into_iter()
    }

    #[test]
    fn what_is_recalled_was_found_out_of_a_hit_with_the_same_texts() {
        let mut recall = Recall::default();
        let (mut found, mut recalled) = (Vec::new(), 0);
        // Other hits have other numbers.
        for (hit, rule) in hits().chain(hits()).zip([0, 1].into_iter().cycle()) {
            let said = (rule, FIELDS.map(|field| hit.get(field).to_owned()));
            if let Some(index) = recall.of(&hit, rule, FIELDS.into_iter()) {
                assert_eq!(found[index], said);
                recalled += 1;
            } else {
                recall.remember(found.len());
                found.push(said);
            }
        }
        assert!(recalled > 90, "{recalled} of 128");
    }

    #[test]
    fn nothing_is_recalled_of_texts_that_are_not_shared() {
        let (mut recall, hit) = (Recall::default(), Hit::default());
        assert!(recall.of(&hit, 0, FIELDS.into_iter()).is_none());
        recall.remember(1);
        assert!(recall.of(&hit, 0, FIELDS.into_iter()).is_none());
        // Of several texts, none has a number.
        let hit = hits().next().unwrap();
        assert!(recall.of(&hit, 0, [Field::Dvc, Field::CommunityId].into_iter()).is_none());
    }
}
