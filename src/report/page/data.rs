//! [`Data`]: everything that a page shows, in the shape in which its script reads it: columns of groups
//! and events, and [`cards`].

use serde::Serialize;

use crate::{
    connection::glossary::Field,
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
const DESTINATION: &[Field] = &[Field::Dest, Field::DestIp];

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
    destinations: Option<Top<Destination<'a>>>,
    matrix: Option<Matrix<'a>>,
    /// Null if the report does not tell.
    rare: Option<Top<Rare<'a>>>,
    regular: Top<Channel<'a>>,
    channels_left_out: u64,
    groups: GroupColumns,
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

impl<'a> Data<'a> {
    /// Of what was observed and the groups of the report, in its order. `strings` is empty, and holds texts afterwards.
    pub(super) fn new(observed: &'a Observed, report: &'a Report<'_>, groups: &Listed, strings: &'a mut Names) -> Self {
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
        let (listed, groups) = (groups, GroupColumns::new(report, groups, strings));
        let events = EventColumns::new(observed, listed, strings, [&dests, &apps]);
        Self {
            of_groups: observed.of_groups,
            hosts: observed.knows(HOST).then_some(observed.hosts.list.len()),
            untimed: observed.untimed,
            first,
            last,
            stacks,
            timeline: (observed.left_out > 0 && !observed.of_groups).then(|| buckets(observed, [&dests, &apps])),
            destinations: observed.knows(DESTINATION).then(|| cards::destinations(observed)),
            matrix: (observed.knows(HOST) && observed.knows(DESTINATION)).then(|| cards::matrix(observed)),
            rare: report.rarity.map(cards::rare),
            regular: cards::regular(observed),
            channels_left_out: observed.channels_left_out,
            groups,
            events,
            strings: strings.all().collect(),
        }
    }
}

fn buckets(observed: &Observed, series: [&[usize]; 2]) -> Buckets {
    let (start, width) = observed.timeline.scale();
    let [dests, apps] = series;
    let flat = |stack, series| {
        let series = observed.timeline.series(stack, series).into_iter();
        series.map(|buckets| buckets.into_iter().flat_map(|(bucket, hits)| [bucket, hits]).collect()).collect()
    };
    Buckets { start, width, stacks: [flat(0, dests), flat(1, apps)] }
}
