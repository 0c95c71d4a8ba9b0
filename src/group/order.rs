//! The order of what is in memory by time.

use std::cmp::Ordering;

use jiff::Timestamp;

/// The places of things with these times in the order of the times, none before all others, and of `compare` where these are the same.
///
/// Times are put in order as numbers, without looking at the things.
pub(super) fn by_time(
    times: impl Iterator<Item = Option<Timestamp>>,
    compare: impl Fn(u32, u32) -> Ordering,
) -> Vec<u32> {
    let ranked = |(time, place): (Option<Timestamp>, u32)| rank(time) << u32::BITS | u128::from(place);
    let mut ranked: Vec<u128> = times.zip(0..).map(ranked).collect();
    ranked.sort_unstable();
    let place = |&rank: &u128| u32::try_from(rank & u128::from(u32::MAX)).unwrap_or(u32::MAX);
    let mut places: Vec<u32> = ranked.iter().map(place).collect();
    let mut rest = &mut places[..];
    for same in ranked.chunk_by(|one, two| one >> u32::BITS == two >> u32::BITS) {
        let Some((places, behind)) = rest.split_at_mut_checked(same.len()) else { break };
        places.sort_unstable_by(|&one, &two| compare(one, two));
        rest = behind;
    }
    places
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

    proptest! {
        #[test]
        fn places_are_in_the_order_of_times_and_then_of_the_rest(
            things in prop::collection::vec((prop::option::of(-3..3_i64), 0..3_u8), 0..50)
        ) {
            let time = |nanosecond: i64| Timestamp::from_nanosecond(nanosecond.into()).unwrap();
            let key = |place: u32| {
                let (nanosecond, rest) = things[place as usize];
                (nanosecond.map(time), rest, place)
            };
            let times = things.iter().map(|&(nanosecond, _)| nanosecond.map(time));
            let places = by_time(times, |one, two| key(one).cmp(&key(two)));
            let mut expected: Vec<u32> = (0..).take(things.len()).collect();
            expected.sort_by_key(|&place| key(place));
            prop_assert_eq!(places, expected);
        }
    }
}
