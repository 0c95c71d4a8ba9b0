//! [`Data`]: everything that a page shows, in the shape in which its script reads it: columns of groups
//! and events, and [`cards`].

use std::io;

use serde::Serialize;

use crate::{
    connection::glossary::Field,
    group::beacons::SortedBeacons,
    report::{
        content::Report,
        page::{
            cards::{self, Channel, Destination, Matrix, Rare, Top},
            columns::{EventColumns, GroupColumns, Listed},
            moment::{Time, stated},
            names::Names,
            observed::Observed,
        },
    },
};

/// Series of the timeline that have their own colour.
const SERIES: usize = 8;
/// What tells a host, and a destination.
const HOST: &[Field] = &[Field::Dvc];
const DESTINATION: &[Field] = &[Field::Dest, Field::DestIp, Field::Peer];

/// What was found, of the hits and their groups.
#[derive(Debug, Serialize)]
pub(super) struct Data<'a> {
    /// Whether only the groups of the hits are known.
    of_groups: bool,
    /// How many there are; null if that is not known.
    hosts: Option<usize>,
    untimed: u64,
    first: Time,
    last: Time,
    stacks: [Stack<'a>; 2],
    /// Null if all hits are among the events.
    timeline: Option<Buckets>,
    /// The same of each group.
    by_group: Option<OfGroups>,
    destinations: Option<Top<Destination<'a>>>,
    matrix: Option<Matrix<'a>>,
    /// Null if the report does not tell.
    rare: Option<Top<Rare<'a>>>,
    /// Null if single hits are not known.
    regular: Option<Top<Channel>>,
    groups: GroupColumns<'a>,
    events: EventColumns,
    strings: Vec<&'a str>,
}

/// What the timeline can be stacked by, with the labels of its series, without that of all others.
#[derive(Debug, Serialize)]
struct Stack<'a> {
    by: &'static str,
    labels: Vec<[&'a str; 2]>,
    hits: Vec<u64>,
    more: usize,
}

/// The timeline of all hits. A series is `bucket, hits, bucket, hits...`.
#[derive(Debug, Serialize)]
struct Buckets {
    start: i128,
    width: i128,
    stacks: [Vec<Vec<u32>>; 2],
}

/// The timelines of groups. One is `bucket, hits, bucket, hits...`.
#[derive(Debug, Serialize)]
struct OfGroups {
    start: i128,
    width: i128,
    groups: Vec<Vec<u32>>,
}

impl<'a> Data<'a> {
    /// Of what was observed and the groups of the report, in its order. `strings` is empty, and holds texts afterwards.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub(super) fn new(
        observed: &'a Observed,
        report: &'a Report<'_>,
        beacons: Option<&SortedBeacons>,
        groups: &'a Listed,
        strings: &'a mut Names,
    ) -> io::Result<Self> {
        let destination = |&index: &usize| observed.destination(index).map_or([""; 2], |count| observed.labels(count));
        let process = |&index: &usize| {
            observed.processes.list.get(index).map_or([""; 2], |count| [observed.names.get(count.key), ""])
        };
        let (dests, more_dests) = observed.destinations.top(SERIES);
        let (apps, more_apps) = observed.processes.top(SERIES);
        let hits = |list: Vec<Option<u64>>| list.into_iter().flatten().collect();
        let stacks = [
            Stack {
                by: "destination",
                labels: dests.iter().map(destination).collect(),
                hits: hits(dests.iter().map(|&index| observed.destination(index).map(|it| it.hits)).collect()),
                more: more_dests,
            },
            Stack {
                by: "process",
                labels: apps.iter().map(process).collect(),
                hits: hits(apps.iter().map(|&index| observed.processes.list.get(index).map(|it| it.hits)).collect()),
                more: more_apps,
            },
        ];
        strings.id("");
        let (first, last) = (stated(groups.first), stated(groups.last));
        let rows = groups.rows(observed);
        let groups = GroupColumns::new(report, groups, strings).with_courses(observed, &rows, strings, [&dests, &apps]);
        let events = EventColumns::new(observed, &rows, strings, [&dests, &apps]);
        let are_all_shown = observed.left_out == 0 || observed.of_groups;
        Ok(Self {
            of_groups: observed.of_groups,
            hosts: observed.knows(HOST).then(|| hosts(observed)),
            untimed: observed.untimed,
            first,
            last,
            stacks,
            timeline: (!are_all_shown).then(|| buckets(observed, [&dests, &apps])),
            by_group: (!are_all_shown).then(|| of_groups(observed, &rows)),
            destinations: observed.knows(DESTINATION).then(|| cards::destinations(observed)),
            matrix: (observed.knows(HOST) && observed.knows(DESTINATION)).then(|| cards::matrix(observed)),
            rare: report.rarity.map(cards::rare),
            regular: beacons.map(cards::regular).transpose()?,
            groups,
            events,
            strings: strings.all().collect(),
        })
    }
}

/// How many hosts are stated.
fn hosts(observed: &Observed) -> usize {
    observed.hosts.list.iter().filter(|host| !observed.names.get(host.key).is_empty()).count()
}

fn buckets(observed: &Observed, series: [&[usize]; 2]) -> Buckets {
    let (start, width) = observed.timeline.scale();
    let [dests, apps] = series;
    let all = |stack, series| observed.timeline.series(stack, series).iter().map(|buckets| flat(buckets)).collect();
    Buckets { start, width, stacks: [all(0, dests), all(1, apps)] }
}

/// Of groups whose rows, of those that were met, are these.
fn of_groups(observed: &Observed, rows: &[Option<u32>]) -> OfGroups {
    let (start, width) = observed.by_row.scale();
    let of_row = |row: &Option<u32>| row.map_or_else(Vec::new, |row| flat(observed.by_row.one(0, row as usize)));
    OfGroups { start, width, groups: rows.iter().map(of_row).collect() }
}

fn flat(buckets: &[(u32, u32)]) -> Vec<u32> {
    buckets.iter().flat_map(|&(bucket, hits)| [bucket, hits]).collect()
}
