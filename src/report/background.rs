//! The columns of [`Background`]: the process behind a connection, as every format has them.

use jiff::Timestamp;

use crate::{
    connection::glossary::base_name,
    group::{
        contexts::{GroupContext, SortedContexts},
        hit::Hit,
        processes::{Context, Processes},
    },
};

/// The names of the columns.
pub(super) const COLUMNS: [&str; 14] = [
    "process",
    "process_hash",
    "original_file_name",
    "process_integrity_level",
    "process_start",
    "process_end",
    "parent_process",
    "parent_process_path",
    "parent_process_name",
    "parent_process_id",
    "parent_process_guid",
    "ancestry",
    "dest_query",
    "context",
];

/// What a table shows of a row's values: those that are stated, with what they are.
pub(super) fn seen(row: &[String; COLUMNS.len()]) -> impl Iterator<Item = (&'static str, &str)> {
    let [process, .., ancestry, query, _] = row;
    let shown = [("ran", process), ("from", ancestry), ("asked for", query)];
    shown.into_iter().map(|(label, value)| (label, value.as_str())).filter(|(_, value)| !value.is_empty())
}

/// How many of the columns a table does not show.
pub(super) const UNSEEN: usize = COLUMNS.len() - 3;

/// What is known of the processes of all groups.
#[derive(Debug, Clone, Copy)]
pub struct Background<'a> {
    /// Of each group, in the order of the report.
    pub groups: &'a SortedContexts,
    /// Of each process.
    pub processes: &'a Processes,
}

impl Background<'_> {
    /// The values of the columns for a group, with times as this shows them.
    pub(super) fn of_group(
        &self,
        group: &GroupContext,
        show: impl Fn(Option<Timestamp>) -> String,
    ) -> [String; COLUMNS.len()] {
        let context = self.processes.context(&group.process, group.time);
        let mut values = values(context, group.queries.clone(), show);
        if let (Some(origin), true) = (values.last_mut(), group.processes > 1) {
            *origin = format!("{origin} ({} processes)", group.processes);
        }
        values
    }
}

/// The values of the columns for a hit.
pub(super) fn of_hit(
    processes: &Processes,
    hit: &Hit,
    show: impl Fn(Option<Timestamp>) -> String,
) -> [String; COLUMNS.len()] {
    let key = processes.key(hit);
    values(processes.context(&key, hit.time), processes.queries(&key, hit).shown(), show)
}

fn values(context: Context, queries: String, show: impl Fn(Option<Timestamp>) -> String) -> [String; COLUMNS.len()] {
    let parent_name = base_name(&context.parent_path).to_owned();
    [
        context.process,
        context.hashes,
        context.original_file_name,
        context.integrity_level,
        show(context.start),
        show(context.end),
        context.parent_process,
        context.parent_path,
        parent_name,
        context.parent_id,
        context.parent_guid,
        context.ancestry,
        queries,
        context.origin.name().to_owned(),
    ]
}
