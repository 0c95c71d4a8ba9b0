//! [`Making`]: rows that are made on several threads, and written in order.

use std::{
    io, iter,
    num::NonZeroUsize,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, Scope},
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
    makers: Vec<Maker<'s, T>>,
}

/// The rows of parts, by the places of these.
type Rows = Vec<(usize, Vec<u8>)>;

/// Another thread, which is there until all is made: one that waits goes on at once.
struct Maker<'s, T> {
    work: Sender<Arc<Work<'s, T>>>,
    rows: Receiver<io::Result<Rows>>,
}

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
        Self { work: None, makers: Vec::new() }
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

impl<'s, T: Send + Sync + 's> Maker<'s, T> {
    /// One in this scope; nothing where no thread can be started.
    fn start(scope: &'s Scope<'s, '_>) -> Option<Self> {
        let (work, next_work) = mpsc::channel::<Arc<Work<'s, T>>>();
        let (made, rows) = mpsc::channel();
        let thread = move || {
            for work in next_work {
                let rows = panic::catch_unwind(AssertUnwindSafe(|| work.rows())).unwrap_or_else(|_| Err(panicked()));
                // The parts are given back where they were made: an allocator is slower where others give back.
                drop(work);
                if made.send(rows).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().spawn_scoped(scope, thread).ok().map(|_| Self { work, rows })
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
        // This thread is one of them. Where no more can be started, fewer make them.
        let wanted = (threads.get() - 1).min(parts.len());
        while self.makers.len() < wanted
            && let Some(maker) = Maker::start(scope)
        {
            self.makers.push(maker);
        }
        let work = Arc::new(Work { parts, next: AtomicUsize::new(0), make: Box::new(make) });
        for maker in &self.makers {
            maker.work.send(Arc::clone(&work)).map_err(|_| panicked())?;
        }
        self.work = Some(work);
        ready.iter().try_for_each(|(_, rows)| out.write_all(rows))
    }

    /// The rows of the parts before, in order.
    fn finish(&mut self) -> io::Result<Rows> {
        let Some(work) = self.work.take() else { return Ok(Vec::new()) };
        let own = work.rows();
        let others = self.makers.iter().map(|maker| maker.rows.recv().unwrap_or_else(|_| Err(panicked())));
        // All are waited for, also where one has failed.
        let made: Vec<io::Result<Rows>> = iter::once(own).chain(others).collect();
        let mut all: Rows = made.into_iter().collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect();
        all.sort_unstable_by_key(|&(place, _)| place);
        Ok(all)
    }
}

fn panicked() -> io::Error {
    io::Error::other("a thread that makes rows has panicked")
}
