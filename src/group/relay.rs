//! Hits in order, read and put together on a thread of their own while the ones before are taken on this one.

use std::{
    collections::BTreeMap,
    io, mem,
    num::NonZeroUsize,
    panic,
    sync::mpsc::{self, SyncSender},
    thread,
};

use crate::group::{
    copies::{self, Dropped, Leaving},
    hit::Hit,
    hits::SortedHits,
};

/// How many hits are handed over at once, and how many such batches wait at most.
const BATCH: usize = 256;
const WAITING: usize = 4;

/// A hit with its number.
type Numbered = (usize, Hit);

/// Hands each hit to `each` as [`copies::in_order`] does, with one thread more if there may be.
///
/// # Errors
///
/// Those of [`copies::in_order`].
pub fn in_order(
    hits: &SortedHits,
    leaving: Leaving<'_>,
    threads: NonZeroUsize,
    mut each: impl FnMut(usize, Hit) -> io::Result<()>,
) -> io::Result<BTreeMap<String, Dropped>> {
    thread::scope(|scope| {
        let (sender, batches) = mpsc::sync_channel(WAITING);
        let reading = move || read(hits, leaving, &sender);
        let reading = (threads.get() > 1).then(|| thread::Builder::new().spawn_scoped(scope, reading).ok()).flatten();
        let Some(reading) = reading else { return copies::in_order(hits, leaving, each) };
        // Where this ends early, the other thread has nobody to hand hits to, and ends too.
        batches.into_iter().flatten().try_for_each(|(number, hit): Numbered| each(number, hit))?;
        reading.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    })
}

fn read(
    hits: &SortedHits,
    leaving: Leaving<'_>,
    sender: &SyncSender<Vec<Numbered>>,
) -> io::Result<BTreeMap<String, Dropped>> {
    let send = |batch| sender.send(batch).map_err(io::Error::other);
    let mut batch = Vec::with_capacity(BATCH);
    let dropped = copies::in_order(hits, leaving, |number, hit| {
        batch.push((number, hit));
        if batch.len() < BATCH {
            return Ok(());
        }
        send(mem::replace(&mut batch, Vec::with_capacity(BATCH)))
    })?;
    send(batch)?;
    Ok(dropped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::glossary::Field,
        group::{copies::Copies, hit::Place, hits::Hits},
    };

    const LEAVING: Leaving<'_> = Leaving { copies: Copies::Drop, twins: None };

    fn hits(count: usize) -> SortedHits {
        let mut hits = Hits::new(1 << 16);
        for number in 0..count {
            // Each third is a copy of the one before.
            let record_id = (number - number % 3 / 2).to_string();
            let place = Place { record_id: &record_id, source: "log", ..Place::default() };
            hits.push(Hit::new(Field::ALL.iter().map(|_| "x"), None, place, [0]));
        }
        hits.into_sorted().unwrap()
    }

    #[test]
    fn a_thread_more_gives_the_same_hits_in_the_same_order() {
        for count in [0, 1, BATCH, BATCH * (WAITING + 3) + 1] {
            let hits = hits(count);
            let [one, two] = [1, 2].map(|threads| {
                let mut taken = Vec::new();
                let take = |number, hit| {
                    taken.push((number, hit));
                    Ok(())
                };
                let dropped = in_order(&hits, LEAVING, NonZeroUsize::new(threads).unwrap(), take).unwrap();
                (taken, dropped)
            });
            assert!(one == two, "{count}");
            assert_eq!(one.0.len(), count - count / 3);
        }
    }

    #[test]
    fn where_a_hit_cannot_be_taken_that_is_said_and_nothing_waits() {
        let hits = hits(BATCH * (WAITING + 9));
        let mut taken = 0;
        let failed = in_order(&hits, LEAVING, NonZeroUsize::new(2).unwrap(), |_, _| {
            taken += 1;
            if taken > BATCH { Err(io::Error::other("full")) } else { Ok(()) }
        });
        assert_eq!((failed.unwrap_err().to_string(), taken), ("full".to_owned(), BATCH + 1));
    }
}
