//! Rows: one for each group, put into a format on several threads, and written in order.

use std::{io, thread};

use crate::{
    group::{
        contexts::GroupContext,
        groups::Batch,
        key::{Group, GroupKey},
        labelled::GroupLabels,
    },
    report::content::Report,
};

/// How many groups a thread takes at once.
pub(super) const BATCH: usize = 1 << 12;

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
        let next: Vec<Part<'_>> = batches.by_ref().take(report.threads.get()).collect::<io::Result<_>>()?;
        ready = made(&next, rows, || ready.iter().try_for_each(|rows| out.write_all(rows)))?;
        if ready.is_empty() {
            return Ok(());
        }
    }
}

/// What `make` makes of each part, on as many threads. Meanwhile, this one does something else first.
///
/// # Errors
///
/// What either returns.
pub(super) fn made<T: Sync>(
    parts: &[T],
    make: impl Fn(&T) -> io::Result<Vec<u8>> + Sync,
    meanwhile: impl FnOnce() -> io::Result<()>,
) -> io::Result<Vec<Vec<u8>>> {
    let make = &make;
    thread::scope(|scope| {
        let (own, others) = parts.split_first().map_or((None, &[][..]), |(own, others)| (Some(own), others));
        let others: Vec<_> = others.iter().map(|part| scope.spawn(move || make(part))).collect();
        meanwhile()?;
        let own = own.into_iter().map(make);
        let panicked = |_| Err(io::Error::other("a thread that makes rows has panicked"));
        own.chain(others.into_iter().map(|made| made.join().unwrap_or_else(panicked))).collect()
    })
}
