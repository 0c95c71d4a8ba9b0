//! [`Held`]: the texts of a hit, its own or those that many hits share.

use std::{cmp::Ordering, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    connection::glossary::Field,
    group::{key::Values, texts::Texts},
};

/// Where the texts of the record are, behind the fields in the order of [`Field::ALL`].
pub(super) const RECORD_ID: usize = Field::ALL.len();
pub(super) const SOURCE: usize = RECORD_ID + 1;
pub(super) const UTC_TIME: usize = RECORD_ID + 2;
pub(super) const RULE_NAME: usize = RECORD_ID + 3;
pub(super) const LOGGED: usize = RECORD_ID + 4;
/// Where those of [`Field::ENDS`] are.
pub(super) const ENDS: usize = RECORD_ID + 5;
/// How many texts there are.
pub(super) const TEXTS: usize = ENDS + Field::ENDS.len();

/// The texts of a hit. Which of the two it has does not show, but in what it costs to copy them: the numbers are a tenth of the texts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Values", into = "Values")]
pub(super) enum Held {
    /// Its own.
    Own(Values),
    /// The numbers of texts that are in order.
    Shared(Arc<Share>, [u32; TEXTS]),
}

/// Texts that are shared by the hits of a batch. Their owners are counted for each batch: of one count for all, threads would wait for each
/// other.
#[derive(Debug, Clone)]
pub(super) struct Share(pub(super) Arc<Texts>);

impl Held {
    /// The text at this place; nothing if there is none.
    pub(super) fn get(&self, place: usize) -> &str {
        match self {
            Self::Own(values) => values.get(place),
            Self::Shared(texts, numbers) => numbers.get(place).map_or("", |&number| texts.0.get(number)),
        }
    }

    /// The texts that it shares, and the numbers of its own among them; nothing if it has texts of its own.
    pub(super) fn shared(&self) -> Option<(&Arc<Texts>, &[u32; TEXTS])> {
        match self {
            Self::Own(_) => None,
            Self::Shared(texts, numbers) => Some((&texts.0, numbers)),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Own(values) => values.len(),
            Self::Shared(_, numbers) => numbers.len(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.len()).map(|place| self.get(place))
    }

    /// The order of the first `count` texts of both, one after the other.
    pub(super) fn compare(&self, other: &Self, count: usize) -> Ordering {
        match (self, other) {
            (Self::Own(own), Self::Own(others)) => own.compare(others, count),
            (Self::Shared(texts, own), Self::Shared(same, others)) if Arc::ptr_eq(&texts.0, &same.0) => {
                own.iter().take(count).cmp(others.iter().take(count))
            }
            _ => self.iter().take(count).cmp(other.iter().take(count)),
        }
    }
}

impl Default for Held {
    fn default() -> Self {
        Self::Own(Values::default())
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other, usize::MAX).is_eq()
    }
}

impl Eq for Held {}

impl From<Values> for Held {
    fn from(values: Values) -> Self {
        Self::Own(values)
    }
}

impl From<Held> for Values {
    fn from(held: Held) -> Self {
        match held {
            Held::Own(values) => values,
            held @ Held::Shared(..) => Self::of(held.iter()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::join;

    #[test]
    fn shared_texts_are_as_ones_own() {
        let all = ["b", "", "a", "ab"];
        let in_order = || {
            let mut texts = Texts::default();
            let numbers = all.map(|text| texts.number(text));
            let ranks = texts.put_in_order(join::one_by_one);
            (Arc::new(texts), numbers.map(|number| ranks[number as usize]))
        };
        let ((one, numbers), (other, _)) = (in_order(), in_order());
        let of = |start: usize| std::array::from_fn::<usize, TEXTS, _>(|place| (start + place * place) % all.len());
        let shared = |texts: &Arc<Texts>, places: [usize; TEXTS]| {
            Held::Shared(Arc::new(Share(Arc::clone(texts))), places.map(|place| numbers[place]))
        };
        let own = |places: [usize; TEXTS]| Held::Own(Values::of(places.iter().map(|&place| all[place])));
        for (first, second) in
            (0..all.len()).flat_map(|first| (0..all.len()).map(move |second| (of(first), of(second))))
        {
            let expected = own(first).compare(&own(second), TEXTS);
            assert_eq!(shared(&one, first).compare(&shared(&one, second), TEXTS), expected);
            assert_eq!(shared(&one, first).compare(&shared(&other, second), TEXTS), expected);
            assert_eq!(shared(&one, first).compare(&own(second), TEXTS), expected);
            assert_eq!(shared(&one, first) == own(second), first == second);
            assert_eq!(Values::from(shared(&one, first)), Values::from(own(first)));
        }
    }
}
