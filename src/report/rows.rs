//! Rows: one for each group, put into a format on several threads, and written in order.

use std::{io, thread};

use crate::{
    group::{
        groups::Batch,
        key::{Group, GroupKey},
    },
    report::content::Report,
};

/// How many groups a thread takes at once.
const BATCH: usize = 1 << 12;

/// Writes what `row` adds for each group, in the order of the report.
///
/// # Errors
///
/// What `out` or `row` returns.
pub(super) fn write(
    mut out: impl io::Write,
    report: &Report<'_>,
    row: impl Fn(&mut Vec<u8>, &GroupKey, &Group) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let rows = |batch: &Batch<'_>| {
        let mut rows = Vec::new();
        batch.each(|key, group| row(&mut rows, key, group))?;
        Ok::<Vec<u8>, io::Error>(rows)
    };
    let mut batches = report.groups.batches(BATCH)?;
    let mut ready: Vec<Vec<u8>> = Vec::new();
    loop {
        let next: Vec<Batch<'_>> = batches.by_ref().take(report.threads.get()).collect::<io::Result<_>>()?;
        // What is ready is written while the next are made.
        let made = thread::scope(|scope| {
            let (own, others) = next.split_first().map_or((None, &[][..]), |(own, others)| (Some(own), others));
            let others: Vec<_> = others.iter().map(|batch| scope.spawn(|| rows(batch))).collect();
            ready.iter().try_for_each(|rows| out.write_all(rows))?;
            let own = own.into_iter().map(rows);
            let panicked = |_| Err(io::Error::other("a thread that makes rows has panicked"));
            let others = others.into_iter().map(|made| made.join().unwrap_or_else(panicked));
            own.chain(others).collect::<io::Result<Vec<_>>>()
        });
        ready = made?;
        if ready.is_empty() {
            return Ok(());
        }
    }
}
