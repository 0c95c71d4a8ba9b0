//! [`Join`]: work that is done side by side. Who has the threads gives it to those who have the work.

use std::cmp::Ordering;

/// Runs two pieces of work, at the same time where it can.
pub(crate) type Join = fn(&mut (dyn FnMut() + Send), &mut (dyn FnMut() + Send));

/// Where there are no threads.
pub(crate) fn one_by_one(one: &mut (dyn FnMut() + Send), two: &mut (dyn FnMut() + Send)) {
    one();
    two();
}

/// Does the same with each of these things, at the same time where that can be.
pub(crate) fn each<T: Send>(join: Join, things: &mut [T], work: &(impl Fn(&mut T) + Sync)) {
    match things {
        [] => {}
        [thing] => work(thing),
        things => {
            let (some, others) = things.split_at_mut(things.len() / 2);
            join(&mut || each(join, some, work), &mut || each(join, others, work));
        }
    }
}

/// Puts things in this order, in parts at the same time where that can be.
pub(crate) fn sort_by<T: Send>(join: Join, things: &mut [T], compare: &(impl Fn(&T, &T) -> Ordering + Sync)) {
    /// So many are not worth another thread.
    const FEW: usize = 1 << 14;
    if things.len() <= FEW {
        return things.sort_unstable_by(compare);
    }
    let (some, _, others) = things.select_nth_unstable_by(things.len() / 2, compare);
    join(&mut || sort_by(join, some, compare), &mut || sort_by(join, others, compare));
}

#[cfg(test)]
pub(crate) mod tests {
    use std::thread;

    use super::*;

    /// On two threads.
    pub(crate) fn side_by_side(one: &mut (dyn FnMut() + Send), two: &mut (dyn FnMut() + Send)) {
        thread::scope(|scope| {
            scope.spawn(one);
            two();
        });
    }

    #[test]
    fn what_is_sorted_in_parts_is_in_order() {
        for (count, values) in [(0, 1), (100, 7), (100_000, 3), (100_000, 50_021)] {
            let things: Vec<u64> = (0..count).map(|number| number * 0x9e37 % values).collect();
            let mut expected = things.clone();
            expected.sort_unstable();
            for join in [one_by_one as Join, side_by_side] {
                let mut things = things.clone();
                sort_by(join, &mut things, &u64::cmp);
                assert_eq!(things, expected);
            }
        }
    }

    #[test]
    fn the_work_is_done_once_with_each() {
        for count in 0..20 {
            let mut things = vec![1; count];
            each(one_by_one, &mut things, &|thing| *thing += 1);
            assert_eq!(things, vec![2; count]);
        }
    }
}
