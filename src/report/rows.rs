//! Rows: one for each group, put into a format on several threads, and written in order.

use std::{
    io, iter,
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::{
    group::{
        contexts::GroupContext,
        groups::Batch,
        key::{Group, GroupKey},
        labelled::GroupLabels,
    },
    report::content::Report,
};

/// How many rows a thread makes at once.
pub(super) const BATCH: usize = 1 << 10;

/// How many batches there are for each thread before any is written, so that none waits for long where another has more to do.
pub(super) const BATCHES: usize = 4;

/// What is known of a group besides, if the report says so.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside<'a> {
    /// Its process.
    pub(super) context: Option<&'a GroupContext>,
    /// What lists and databases say of it.
    pub(super) labels: Option<&'a GroupLabels>,
}

/// Some groups, and what is known of each besides.
struct Part<'a> {
    batch: Batch<'a>,
    contexts: Vec<GroupContext>,
    labels: Vec<GroupLabels>,
}

/// Writes what `row` adds for each group, in the order of the report.
///
/// # Errors
///
/// What `out` or `row` returns.
pub(super) fn write(
    mut out: impl io::Write,
    report: &Report<'_>,
    row: impl Fn(&mut Vec<u8>, &GroupKey, &Group, Beside<'_>) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let rows = |Part { batch, contexts, labels }: &Part<'_>| {
        let mut rows = Vec::new();
        let (mut contexts, mut labels) = (contexts.iter(), labels.iter());
        batch.each(|key, group| {
            row(&mut rows, key, group, Beside { context: contexts.next(), labels: labels.next() })
        })?;
        Ok(rows)
    };
    let mut contexts = report.background.map(|background| background.groups.pass()).transpose()?;
    let mut labels = report.labels.map(|labels| labels.groups.pass()).transpose()?;
    // All are in the order of the report.
    let mut batches = report.groups.batches(BATCH)?.map(|batch| {
        let contexts = contexts.iter_mut().flat_map(|contexts| contexts.by_ref().take(BATCH));
        let labels = labels.iter_mut().flat_map(|labels| labels.by_ref().take(BATCH));
        Ok(Part {
            batch: batch?,
            contexts: contexts.collect::<io::Result<_>>()?,
            labels: labels.collect::<io::Result<_>>()?,
        })
    });
    let mut ready: Vec<Vec<u8>> = Vec::new();
    loop {
        let next: Vec<Part<'_>> = batches.by_ref().take(BATCHES * report.threads.get()).collect::<io::Result<_>>()?;
        ready = made(&next, report.threads, rows, || ready.iter().try_for_each(|rows| out.write_all(rows)))?;
        if ready.is_empty() {
            return Ok(());
        }
    }
}

/// What `make` makes of each part, on so many threads. Meanwhile, this one does something else first.
///
/// # Errors
///
/// What either returns.
pub(super) fn made<T: Sync>(
    parts: &[T],
    threads: NonZeroUsize,
    make: impl Fn(&T) -> io::Result<Vec<u8>> + Sync,
    meanwhile: impl FnOnce() -> io::Result<()>,
) -> io::Result<Vec<Vec<u8>>> {
    let next = AtomicUsize::new(0);
    let take = || {
        let places = iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let parts = places.map_while(|place| Some((place, parts.get(place)?)));
        parts.map(|(place, part)| Ok((place, make(part)?))).collect::<io::Result<Vec<_>>>()
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads.get().min(parts.len())).map(|_| scope.spawn(take)).collect();
        meanwhile()?;
        let mut all = take()?;
        for other in others {
            let panicked = |_| Err(io::Error::other("a thread that makes rows has panicked"));
            all.append(&mut other.join().unwrap_or_else(panicked)?);
        }
        all.sort_unstable_by_key(|&(place, _)| place);
        Ok(all.into_iter().map(|(_, rows)| rows).collect())
    })
}
