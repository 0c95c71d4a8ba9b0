//! Rows: one for each group, put into a format on several threads, and written in order.

use std::{io, thread};

use crate::{
    group::{
        contexts::GroupContext,
        groups::Batch,
        key::{Group, GroupKey},
    },
    report::content::Report,
};

/// How many groups a thread takes at once.
pub(super) const BATCH: usize = 1 << 12;

/// Writes what `row` adds for each group, in the order of the report.
///
/// # Errors
///
/// What `out` or `row` returns.
pub(super) fn write(
    mut out: impl io::Write,
    report: &Report<'_>,
    row: impl Fn(&mut Vec<u8>, &GroupKey, &Group, Option<&GroupContext>) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let rows = |(batch, contexts): &(Batch<'_>, Vec<GroupContext>)| {
        let mut rows = Vec::new();
        let mut contexts = contexts.iter();
        batch.each(|key, group| row(&mut rows, key, group, contexts.next()))?;
        Ok(rows)
    };
    let mut contexts = report.background.map(|background| background.groups.pass()).transpose()?;
    // Both are in the order of the report.
    let mut batches = report.groups.batches(BATCH)?.map(|batch| {
        let contexts = contexts.iter_mut().flat_map(|contexts| contexts.by_ref().take(BATCH));
        Ok((batch?, contexts.collect::<io::Result<_>>()?))
    });
    let mut ready: Vec<Vec<u8>> = Vec::new();
    loop {
        let next: Vec<(Batch<'_>, Vec<GroupContext>)> =
            batches.by_ref().take(report.threads.get()).collect::<io::Result<_>>()?;
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
