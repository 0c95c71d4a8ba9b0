//! [`Join`]: work that is done side by side. Who has the threads gives it to those who have the work.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_done_once_with_each() {
        for count in 0..20 {
            let mut things = vec![1; count];
            each(one_by_one, &mut things, &|thing| *thing += 1);
            assert_eq!(things, vec![2; count]);
        }
    }
}
