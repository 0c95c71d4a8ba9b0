//! [`Making`]: rows that are made on several threads, and written in order.

use std::{
    io, iter,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, Scope, ScopedJoinHandle},
};

/// How many rows are a part, which a thread makes at once.
pub(super) const BATCH: usize = 1 << 10;

/// How many parts there are before rows are made of any: for each thread so many that none waits for long where another has more to do. As
/// many are collected meanwhile.
pub(super) fn parts(threads: NonZeroUsize) -> usize {
    2 * threads.get()
}

/// Rows that are being made of parts, on other threads while this one collects the next.
pub(super) struct Making<'s, T> {
    work: Option<Arc<Work<'s, T>>>,
    others: Vec<ScopedJoinHandle<'s, io::Result<Rows>>>,
}

/// The rows of parts, by the places of these.
type Rows = Vec<(usize, Vec<u8>)>;

struct Work<'s, T> {
    parts: Vec<T>,
    /// The place of the next part of which no rows are made.
    next: AtomicUsize,
    make: Box<Make<'s, T>>,
}

/// Makes the rows of a part.
type Make<'s, T> = dyn Fn(&T) -> io::Result<Vec<u8>> + Send + Sync + 's;

impl<T> Default for Making<'_, T> {
    fn default() -> Self {
        Self { work: None, others: Vec::new() }
    }
}

impl<T> Work<'_, T> {
    /// Makes rows for as long as there are parts.
    fn rows(&self) -> io::Result<Rows> {
        let places = iter::repeat_with(|| self.next.fetch_add(1, Ordering::Relaxed));
        let parts = places.map_while(|place| Some((place, self.parts.get(place)?)));
        parts.map(|(place, part)| Ok((place, (self.make)(part)?))).collect()
    }
}

impl<'s, T: Send + Sync + 's> Making<'s, T> {
    /// Finishes the rows of the parts before, starts on those of the next, and writes the former.
    ///
    /// # Errors
    ///
    /// What `out` or `make` returns.
    pub(super) fn go_on(
        &mut self,
        scope: &'s Scope<'s, '_>,
        threads: NonZeroUsize,
        parts: Vec<T>,
        make: impl Fn(&T) -> io::Result<Vec<u8>> + Send + Sync + 's,
        out: &mut impl io::Write,
    ) -> io::Result<()> {
        let ready = self.finish()?;
        // This thread is one of them.
        let others = (1..threads.get()).take(parts.len());
        let work = Arc::new(Work { parts, next: AtomicUsize::new(0), make: Box::new(make) });
        // Where no thread can be started, fewer make them.
        let spawn = |_| {
            let work = Arc::clone(&work);
            thread::Builder::new().spawn_scoped(scope, move || work.rows()).ok()
        };
        self.others = others.filter_map(spawn).collect();
        self.work = Some(work);
        ready.iter().try_for_each(|(_, rows)| out.write_all(rows))
    }

    /// The rows of the parts before, in order.
    fn finish(&mut self) -> io::Result<Rows> {
        // The parts are given back here, where they were made: an allocator is slower where others give back.
        let Some(work) = self.work.take() else { return Ok(Vec::new()) };
        let panicked = |_| Err(io::Error::other("a thread that makes rows has panicked"));
        let others = self.others.drain(..).map(|other| other.join().unwrap_or_else(panicked));
        // All are waited for, also where one has failed.
        let made: Vec<io::Result<Rows>> = iter::once(work.rows()).chain(others).collect();
        let mut all: Rows = made.into_iter().collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect();
        all.sort_unstable_by_key(|&(place, _)| place);
        Ok(all)
    }
}
