//! Rows: one for each group, put into a format, and written in order.

use std::{io, thread};

use crate::{
    group::{
        contexts::GroupContext,
        groups::Batch,
        key::{Group, GroupKey},
        labelled::GroupLabels,
    },
    report::{
        content::Report,
        making::{self, BATCH, Making},
    },
};

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
    let row = &row;
    let rows = move |Part { batch, contexts, labels }: &Part<'_>| {
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
    thread::scope(|scope| {
        let mut making = Making::default();
        loop {
            let next: Vec<Part<'_>> =
                batches.by_ref().take(making::parts(report.threads)).collect::<io::Result<_>>()?;
            let is_last = next.is_empty();
            making.go_on(scope, report.threads, next, rows, &mut out)?;
            if is_last {
                return Ok(());
            }
        }
    })
}
