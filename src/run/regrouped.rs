//! Groups whose hits are not known: labelled by all that they tell, and then grouped as the report is, as one scan labels hits and groups
//! them. What is said of hits is in [`settling`](super::settling).

use std::io;

use super::settling::LabelledHits;
use crate::{
    connection::glossary::Field,
    group::{
        groups::{Groups, SortedGroups, Sources},
        key::GroupKey,
        labelled::Labelled,
        labelling::{Labelling, Watched},
    },
};

/// Groups by the fields of the report, and what is said of them.
pub(super) struct Regrouped {
    pub(super) groups: Groups,
    pub(super) labelled: LabelledHits,
}

/// Labels groups that have `fields` among theirs, and groups them by these. Rows that are on no list are left out of what is said, if
/// `is_only_watched`.
///
/// # Errors
///
/// The groups could not be read again, or something not be asked: why is in [`Labelling::failed`].
pub(super) fn regrouped(
    groups: Groups,
    fields: &[Field],
    labelling: &mut Labelling<'_>,
    is_only_watched: bool,
) -> io::Result<Regrouped> {
    let (own, room) = (groups.fields().to_vec(), groups.room());
    let place = |field: &Field| own.iter().position(|other| other == field);
    let places: Vec<usize> = fields.iter().filter_map(place).collect();
    let row = |key: &GroupKey| key.coarsened(&places);
    // The order of time, in which labels are collected.
    let finer = groups.into_sorted()?;
    let watched = is_only_watched.then(|| watched(&finer, &own, row, labelling)).transpose()?;
    let mut groups = Groups::new(fields.to_vec(), Sources::Together, room);
    let (mut labelled, mut left_out) = (Labelled::new(fields, room), 0_u64);
    for group in finer.pass()? {
        let (key, group) = group?;
        let row = row(&key);
        groups.count_group(&row, group);
        labelled.lack(labelling.untold(&own, &key), group.count);
        if watched.as_ref().is_some_and(|watched| !watched.has(&row)) {
            left_out = left_out.saturating_add(group.count);
            continue;
        }
        let found = labelling.of_group(&own, &key)?;
        labelled.count(&found, group.count);
        labelled.add_group(row, group.first, &found);
    }
    Ok(Regrouped { groups, labelled: LabelledHits { labelled, watched, left_out } })
}

/// The rows with a group by these fields that is on a list.
fn watched(
    groups: &SortedGroups,
    fields: &[Field],
    row: impl Fn(&GroupKey) -> GroupKey,
    labelling: &mut Labelling<'_>,
) -> io::Result<Watched> {
    let mut watched = Watched::default();
    for group in groups.pass()? {
        let (key, _) = group?;
        if !labelling.of_group(fields, &key)?.lists.is_empty() {
            watched.add(&row(&key));
        }
    }
    Ok(watched)
}
