//! The order of what is in memory: by time, and then by numbers that stand for texts.

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::join::{self, Join};

/// How many things are put in order by looking at two of them at a time.
const FEW: usize = 16;
/// How many are not worth another thread.
const NOT_MANY: usize = 1 << 12;

/// What is ordered by numbers, one after the other, and by the rest where these are the same.
pub(super) trait Numbered: Sync {
    /// The numbers of a thing, as many as of any other.
    fn numbers(&self, place: u32) -> &[u32];

    /// The order of two things with the same numbers.
    fn compare(&self, _one: u32, _two: u32) -> Ordering {
        Ordering::Equal
    }
}

/// The places of things, each with its time, in the order of the times, none before all others, and of the things where these are the
/// same.
///
/// Times are put in order as numbers, without looking at the things. `join` does pieces of work at the same time, if it can.
pub(super) fn by_time(
    times: impl Iterator<Item = (Option<Timestamp>, u32)>,
    things: &impl Numbered,
    join: Join,
) -> Vec<u32> {
    let ranked = |(time, place): (Option<Timestamp>, u32)| rank(time) << u32::BITS | u128::from(place);
    let mut ranked: Vec<u128> = times.map(ranked).collect();
    join::sort_by(join, &mut ranked, &u128::cmp);
    let place = |&rank: &u128| u32::try_from(rank & u128::from(u32::MAX)).unwrap_or(u32::MAX);
    let mut places: Vec<u32> = ranked.iter().map(place).collect();
    each_by_numbers(&mut places, &ranked, |one, two| one >> u32::BITS == two >> u32::BITS, things, join);
    places
}

/// Puts the places of things in the order of the things.
///
/// Of many, those with the same numbers so far are put in order by the next number alone, without a walk through memory for each pair.
pub(super) fn by_numbers(places: &mut [u32], things: &impl Numbered, join: Join) {
    let first = match places.first() {
        Some(&first) if places.len() > FEW => things.numbers(first),
        _ => {
            places.sort_unstable_by(|&one, &two| {
                things.numbers(one).cmp(things.numbers(two)).then_with(|| things.compare(one, two))
            });
            return;
        }
    };
    // Up to here, all numbers are those of the first.
    let mut shared = first.len();
    for &place in &*places {
        let both = first.iter().zip(things.numbers(place)).take(shared);
        shared = both.take_while(|(one, two)| one == two).count();
    }
    if shared == first.len() {
        places.sort_unstable_by(|&one, &two| things.compare(one, two));
        return;
    }
    let ranked = |&place: &u32| {
        let number = things.numbers(place).get(shared).copied().unwrap_or(0);
        u64::from(number) << u32::BITS | u64::from(place)
    };
    let mut ranked: Vec<u64> = places.iter().map(ranked).collect();
    join::sort_by(join, &mut ranked, &u64::cmp);
    for (place, &rank) in places.iter_mut().zip(&ranked) {
        *place = u32::try_from(rank & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    }
    each_by_numbers(places, &ranked, |one, two| one >> u32::BITS == two >> u32::BITS, things, join);
}

/// Puts places in the order of the things where their ranks, as many and in order, are the same so far.
fn each_by_numbers<T: Sync>(
    mut places: &mut [u32],
    ranked: &[T],
    is_same: fn(&T, &T) -> bool,
    things: &impl Numbered,
    join: Join,
) {
    if let Some(middle) = Some(ranked.len() / 2).filter(|_| ranked.len() > NOT_MANY)
        && let (some, [first, ..]) = ranked.split_at(middle)
    {
        let middle = some.len() - some.iter().rev().take_while(|rank| is_same(rank, first)).count();
        let ((own, others), (own_ranked, others_ranked)) = (places.split_at_mut(middle), ranked.split_at(middle));
        if !own.is_empty() {
            return join(&mut || each_by_numbers(own, own_ranked, is_same, things, join), &mut || {
                each_by_numbers(others, others_ranked, is_same, things, join);
            });
        }
    }
    for same in ranked.chunk_by(is_same) {
        let Some((own, behind)) = places.split_at_mut_checked(same.len()) else { break };
        by_numbers(own, things, join);
        places = behind;
    }
}

/// A number that is in order as times are, with none before all others. It leaves the upper bits for another.
fn rank(time: Option<Timestamp>) -> u128 {
    time.map_or(0, |time| time.as_nanosecond().abs_diff(Timestamp::MIN.as_nanosecond()) + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_and_the_last_time_there_is_have_ranks_with_room_for_a_place() {
        let ranks = [None, Some(Timestamp::MIN), Some(Timestamp::UNIX_EPOCH), Some(Timestamp::MAX)].map(rank);
        assert!(ranks.is_sorted() && ranks[0] < ranks[1], "{ranks:?}");
        assert!(ranks[3] < 1 << (u128::BITS - u32::BITS));
    }

    /// Things with their times, their numbers, and the rest.
    struct Things(Vec<(Option<i64>, [u32; 3], u8)>);

    impl Numbered for Things {
        fn numbers(&self, place: u32) -> &[u32] {
            &self.0[place as usize].1
        }

        fn compare(&self, one: u32, two: u32) -> Ordering {
            (self.0[one as usize].2, one).cmp(&(self.0[two as usize].2, two))
        }
    }

    proptest! {
        #[test]
        fn places_are_in_the_order_of_times_and_then_of_the_rest(
            things in prop::collection::vec((prop::option::of(-1..1_i64), prop::array::uniform3(0..3_u32), 0..3_u8), 0..300)
        ) {
            let things = Things(things);
            let time = |nanosecond: i64| Timestamp::from_nanosecond(nanosecond.into()).unwrap();
            let times = things.0.iter().map(|&(nanosecond, ..)| nanosecond.map(time)).zip(0..);
            let places = by_time(times, &things, join::one_by_one);
            let mut expected: Vec<u32> = (0..).take(things.0.len()).collect();
            expected.sort_by_key(|&place| (things.0[place as usize], place));
            prop_assert_eq!(places, expected);
        }
    }
}
