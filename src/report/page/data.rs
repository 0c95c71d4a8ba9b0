//! [`Data`]: everything that a page shows, in the shape in which its script reads it.
//!
//! Columns are compact: a text stands in them as its number in `strings`, a column whose values are all the same is that
//! value, and times are seconds since 1970 and ticks of 100 ns, since a script's numbers do not hold both in one.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::IpAddr,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::{
    connection::{
        cidr::{self, CidrSet},
        glossary::Field,
    },
    group::{
        groups::{Group, GroupKey, SortedGroups},
        rarity::Rarity,
    },
    report::{
        content::Report,
        page::{
            names::Names,
            observed::{Count, Observed},
            regularity::{ENOUGH, Regularity},
        },
    },
    rule::{builtin, info::RuleInfo},
};

/// Groups that are in the table.
const GROUPS: usize = 50_000;
/// Series of the timeline that have their own colour.
const SERIES: usize = 8;
const DESTINATIONS: usize = 50;
const REGULAR: usize = 100;
const MATRIX: usize = 24;
const RARE: usize = 100;
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

/// Seconds since 1970 and ticks of 100 ns; null if not stated.
type Time = Option<(i64, i64)>;

/// Some things, and how many more there are.
#[derive(Debug, Serialize)]
struct Top<T> {
    top: Vec<T>,
    more: usize,
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

#[derive(Debug, Serialize)]
struct Destination<'a> {
    dest: &'a str,
    dest_ip: &'a str,
    network: String,
    /// Whether the network is a special one, otherwise it is just the one around the address.
    special: bool,
    ports: Vec<&'a str>,
    hosts: u64,
    hits: u64,
    first: Time,
    last: Time,
}

#[derive(Debug, Serialize)]
struct Matrix<'a> {
    hosts: Vec<&'a str>,
    more_hosts: usize,
    destinations: Vec<[&'a str; 2]>,
    more_destinations: usize,
    /// By host, then by destination; the last of each are all others.
    hits: Vec<Vec<u64>>,
}

/// What a process and a destination have in common, on few hosts.
#[derive(Debug, Serialize)]
struct Rare<'a> {
    process: &'a str,
    destination: &'a str,
    hosts: usize,
    first_host: &'a str,
    hits: u64,
    first: Time,
    last: Time,
}

#[derive(Debug, Serialize)]
struct Channel<'a> {
    dvc: &'a str,
    app: &'a str,
    dest: &'a str,
    dest_ip: &'a str,
    dest_port: &'a str,
    count: u64,
    /// In milliseconds.
    median: u64,
    /// The median absolute deviation, in milliseconds.
    deviation: u64,
}

/// The first rows of the report.
#[derive(Debug, Serialize)]
struct GroupColumns {
    shown: usize,
    total: u64,
    fields: BTreeMap<&'static str, Column>,
    count: Column,
    first: [Column; 2],
    last: [Column; 2],
}

/// The first hits, in the order of time.
#[derive(Debug, Serialize)]
struct EventColumns {
    shown: usize,
    left_out: u64,
    /// For each member of a row, the row's index; null if that is not among those shown.
    member_row: Column,
    /// Which event it is; null if each event is a member once, in order.
    member_event: Option<Column>,
    members: usize,
    /// Each after the last that is stated, in seconds.
    seconds: Column,
    ticks: Column,
    /// The index of the series.
    stacks: [Column; 2],
    /// Fields that the group does not tell.
    more: BTreeMap<&'static str, Column>,
    record_id: Column,
    utc_time: Column,
    rule_name: Column,
    source: Column,
    chunk: Column,
    offset: Column,
    recovered: Column,
}

/// Numbers, as one if they are all the same.
#[derive(Debug, Default)]
struct Column(Vec<Option<i64>>);

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [first, rest @ ..] if rest.iter().all(|other| other == first) => first.serialize(serializer),
            all => all.serialize(serializer),
        }
    }
}

impl<N: TryInto<i64>> FromIterator<N> for Column {
    fn from_iter<I: IntoIterator<Item = N>>(numbers: I) -> Self {
        Self(numbers.into_iter().map(|number| number.try_into().ok()).collect())
    }
}

/// The groups that the page lists, and what it says of all.
pub(super) struct Listed {
    groups: Vec<(GroupKey, Group)>,
    total: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Listed {
    pub(super) fn new(groups: &SortedGroups) -> io::Result<Self> {
        let mut listed = Self { groups: Vec::new(), total: groups.len(), first: None, last: None };
        for group in groups.pass()? {
            let (key, group) = group?;
            if let Some((first, last)) = group.first.zip(group.last) {
                listed.first = Some(listed.first.map_or(first, |known| known.min(first)));
                listed.last = listed.last.max(Some(last));
            }
            if listed.groups.len() < GROUPS {
                listed.groups.push((key, group));
            }
        }
        Ok(listed)
    }
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
        let (groups, events) = columns(observed, report, groups, strings, [&dests, &apps]);
        Self {
            of_groups: observed.of_groups,
            hosts: observed.knows(HOST).then_some(observed.hosts.list.len()),
            untimed: observed.untimed,
            first,
            last,
            stacks,
            timeline: (observed.left_out > 0 && !observed.of_groups).then(|| buckets(observed, [&dests, &apps])),
            destinations: observed.knows(DESTINATION).then(|| destinations(observed)),
            matrix: (observed.knows(HOST) && observed.knows(DESTINATION)).then(|| matrix(observed)),
            rare: report.rarity.map(rare),
            regular: regular(observed),
            channels_left_out: observed.channels_left_out,
            groups,
            events,
            strings: strings.all().collect(),
        }
    }
}

impl Observed {
    fn destination(&self, index: usize) -> Option<&Count<(u32, u32)>> {
        self.destinations.list.get(index)
    }

    fn labels(&self, count: &Count<(u32, u32)>) -> [&str; 2] {
        [self.names.get(count.key.0), self.names.get(count.key.1)]
    }
}

fn stated(time: Option<Timestamp>) -> Time {
    self::time(time.map(Timestamp::as_nanosecond))
}

fn time(nanoseconds: Option<i128>) -> Time {
    let nanoseconds = nanoseconds?;
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).ok()?;
    Some((seconds, i64::try_from(nanoseconds.rem_euclid(1_000_000_000) / 100).ok()?))
}

fn columns(
    observed: &Observed,
    report: &Report<'_>,
    listed: &Listed,
    strings: &mut Names,
    series: [&[usize]; 2],
) -> (GroupColumns, EventColumns) {
    let Report { fields: group_by, rules, rarity, .. } = *report;
    let groups = &listed.groups;
    let mut rows = vec![None; observed.rows.len()];
    let mut fields: Vec<Column> = group_by.iter().map(|_| Column::default()).collect();
    for (index, (key, _)) in groups.iter().enumerate() {
        for (column, value) in fields.iter_mut().zip(key.values()) {
            column.0.push(Some(strings.id(value).into()));
        }
        if let Some(row) = observed.rows.get(key).and_then(|&met| rows.get_mut(met as usize)) {
            *row = i64::try_from(index).ok();
        }
    }
    let part = |times: Vec<Time>| {
        let (seconds, ticks) = times.into_iter().map(Option::unzip).unzip();
        [Column(seconds), Column(ticks)]
    };
    let of_rule = |name, value: fn(&RuleInfo) -> &str, strings: &mut Names| {
        let id = |rule: usize| rules.and_then(|rules| rules.get(rule)).map(|rule| strings.id(value(rule)).into());
        (name, Column(groups.iter().map(|(key, _)| key.rule).map(id).collect()))
    };
    let rule_columns = rules.map(|_| {
        [of_rule("rule_title", |rule| &rule.title, strings), of_rule("rule_level", |rule| &rule.level, strings)]
    });
    let rarities: Option<Vec<(usize, &str)>> =
        rarity.map(|rarity| groups.iter().map(|(key, _)| rarity.of(key)).collect());
    let rarity_columns = rarities.map(|rarities| {
        let mut ids = |text: &dyn Fn((usize, &str)) -> String| {
            rarities.iter().map(|&rarity| strings.id(&text(rarity))).collect::<Column>()
        };
        let [hosts, first] = Rarity::COLUMNS;
        [(hosts, ids(&|(hosts, _)| hosts.to_string())), (first, ids(&|(_, first)| first.to_owned()))]
    });
    let groups = GroupColumns {
        shown: groups.len(),
        total: listed.total,
        fields: group_by
            .iter()
            .map(|field| field.name())
            .zip(fields)
            .chain(rule_columns.into_iter().flatten())
            .chain(rarity_columns.into_iter().flatten())
            .collect(),
        count: groups.iter().map(|(_, group)| group.count).collect(),
        first: part(groups.iter().map(|(_, group)| stated(group.first)).collect()),
        last: part(groups.iter().map(|(_, group)| stated(group.last)).collect()),
    };

    let events = &observed.events;
    let mut text = |id: u32| strings.id(observed.names.get(id));
    let mut last = 0;
    let mut since_last = |seconds: i64| seconds - std::mem::replace(&mut last, seconds);
    let times: Vec<Time> = events.iter().map(|event| time(event.time)).collect();
    let stack = |indices: &[usize], of: &dyn Fn(&crate::report::page::observed::Shown) -> u32| {
        let series: HashMap<usize, usize> = indices.iter().copied().zip(0..).collect();
        events.iter().map(|event| series.get(&(of(event) as usize)).copied().unwrap_or(indices.len())).collect()
    };
    let [dests, apps] = series;
    let events = EventColumns {
        shown: events.len(),
        left_out: observed.left_out,
        member_row: Column(
            observed.members.iter().map(|&(row, _)| rows.get(row as usize).copied().flatten()).collect(),
        ),
        member_event: (observed.members.len() > events.len())
            .then(|| observed.members.iter().map(|&(_, event)| event).collect()),
        members: observed.members.len(),
        seconds: Column(times.iter().map(|time| time.map(|(seconds, _)| since_last(seconds))).collect()),
        ticks: Column(times.iter().map(|time| time.map(|(_, ticks)| ticks)).collect()),
        stacks: [stack(dests, &|event| event.destination), stack(apps, &|event| event.process)],
        more: (0..)
            .zip(&observed.more)
            .map(|(index, field): (usize, _)| {
                let value =
                    |event: &crate::report::page::observed::Shown| event.more.get(index).copied().unwrap_or_default();
                (field.name(), events.iter().map(|event| text(value(event))).collect())
            })
            .collect(),
        record_id: events.iter().map(|event| text(event.record_id)).collect(),
        utc_time: events.iter().map(|event| text(event.utc_time)).collect(),
        rule_name: events.iter().map(|event| text(event.rule_name)).collect(),
        source: events.iter().map(|event| text(event.source)).collect(),
        chunk: events.iter().map(|event| event.chunk).collect(),
        offset: events.iter().map(|event| event.offset).collect(),
        recovered: events.iter().map(|event| i64::from(event.recovered)).collect(),
    };
    (groups, events)
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

fn destinations(observed: &Observed) -> Top<Destination<'_>> {
    let special: CidrSet = (builtin::SPLUNK_NETWORKS.iter().chain(&builtin::IPV6_NETWORKS))
        .filter_map(|network| cidr::parse(network).ok())
        .collect();
    let mut hosts: HashMap<u32, u64> = HashMap::new();
    #[expect(clippy::iter_over_hash_type, reason = "adding up depends on no order")]
    for &(_, destination) in observed.matrix.keys() {
        *hosts.entry(destination).or_default() += 1;
    }
    let entry = |index: usize| {
        let count = observed.destination(index)?;
        let [dest, dest_ip] = observed.labels(count);
        let mut ports: Vec<&str> = observed.ports.get(index)?.iter().map(|&port| observed.names.get(port)).collect();
        ports.sort_by_key(|port| (port.parse::<u16>().ok(), *port));
        let (network, special) = network(dest_ip, &special);
        let hosts = u32::try_from(index).ok().and_then(|index| hosts.get(&index)).copied().unwrap_or(0);
        let (hits, first, last) = (count.hits, time(count.first), time(count.last));
        Some(Destination { dest, dest_ip, network, special, ports, hosts, hits, first, last })
    };
    let (top, more) = observed.destinations.top(DESTINATIONS);
    Top { top: top.into_iter().filter_map(entry).collect(), more }
}

/// The special-purpose network that an address is in, or else the /24 or /48 around it.
fn network(address: &str, special: &CidrSet) -> (String, bool) {
    let Ok(address) = address.parse::<IpAddr>() else { return (String::new(), false) };
    if let Some(network) = special.find(address) {
        return (network.to_string(), true);
    }
    let around = match address {
        IpAddr::V4(address) => Ipv4Net::new(address, 24).map(IpNet::V4),
        IpAddr::V6(address) => Ipv6Net::new(address, 48).map(IpNet::V6),
    };
    (around.map(|network| network.trunc().to_string()).unwrap_or_default(), false)
}

fn rare(rarity: &Rarity) -> Top<Rare<'_>> {
    let (pairs, more) = rarity.rarest(RARE);
    let pairs = pairs.into_iter().map(|pair| Rare {
        process: pair.process,
        destination: pair.destination,
        hosts: pair.hosts,
        first_host: pair.first_host,
        hits: pair.connections,
        first: stated(pair.first),
        last: stated(pair.last),
    });
    Top { top: pairs.collect(), more }
}

fn matrix(observed: &Observed) -> Matrix<'_> {
    let (hosts, more_hosts) = observed.hosts.top(MATRIX);
    let (destinations, more_destinations) = observed.destinations.top(MATRIX);
    let place = |indices: &[usize]| indices.iter().copied().zip(0..).collect::<HashMap<usize, usize>>();
    let (rows, columns) = (place(&hosts), place(&destinations));
    let mut hits = vec![vec![0; destinations.len() + 1]; hosts.len() + 1];
    #[expect(clippy::iter_over_hash_type, reason = "adding up depends on no order")]
    for (&(host, destination), &count) in &observed.matrix {
        let row = rows.get(&(host as usize)).copied().unwrap_or(hosts.len());
        let column = columns.get(&(destination as usize)).copied().unwrap_or(destinations.len());
        if let Some(cell) = hits.get_mut(row).and_then(|row| row.get_mut(column)) {
            *cell = count.saturating_add(*cell);
        }
    }
    let host = |index: usize| observed.hosts.list.get(index).map_or("", |count| observed.names.get(count.key));
    Matrix {
        hosts: hosts.into_iter().map(host).collect(),
        more_hosts,
        destinations: destinations
            .into_iter()
            .map(|index| observed.destination(index).map_or([""; 2], |count| observed.labels(count)))
            .collect(),
        more_destinations,
        hits,
    }
}

/// The kinds of connections that are repeated often enough, the most regular first.
fn regular(observed: &Observed) -> Top<Channel<'_>> {
    let mut found: Vec<(_, u64, Regularity)> = observed
        .channels
        .iter()
        .filter_map(|(&channel, intervals)| Some((channel, intervals.count, intervals.regularity()?)))
        .collect();
    found.sort_unstable_by_key(|&(channel, count, found)| (found.spread(), std::cmp::Reverse(count), channel));
    let more = found.len().saturating_sub(REGULAR);
    debug_assert!(found.iter().all(|&(_, count, _)| count >= ENOUGH));
    let entry = |((host, process, destination, port), count, found): (_, _, Regularity)| {
        let name = |list: &'_ [Count<u32>], id: u32| list.get(id as usize).map_or(0, |count| count.key);
        let [dest, dest_ip] = observed.destination(destination as usize).map_or([""; 2], |it| observed.labels(it));
        Channel {
            dvc: observed.names.get(name(&observed.hosts.list, host)),
            app: observed.names.get(name(&observed.processes.list, process)),
            dest,
            dest_ip,
            dest_port: observed.names.get(port),
            count,
            median: found.median,
            deviation: found.deviation,
        }
    };
    Top { top: found.into_iter().take(REGULAR).map(entry).collect(), more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_has_its_special_network_or_the_one_around_it() {
        let special: CidrSet = ["10.0.0.0/8", "fe80::/10"].map(|text| cidr::parse(text).unwrap()).into_iter().collect();
        for (address, expected) in [
            ("10.1.2.3", ("10.0.0.0/8", true)),
            ("8.8.8.8", ("8.8.8.0/24", false)),
            ("2606:4700:4700::1111", ("2606:4700:4700::/48", false)),
            ("fe80::1", ("fe80::/10", true)),
            ("not an address", ("", false)),
        ] {
            let (network, is_special) = network(address, &special);
            assert_eq!((network.as_str(), is_special), expected);
        }
    }
}
