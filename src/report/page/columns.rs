//! The columns of a page: groups and events, as compact as they are worth.
//!
//! A text stands in them as its number among the page's strings, a column whose values are all the same is that value, and
//! times are seconds since 1970 and ticks of 100 ns, since a script's numbers do not hold both in one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::{
    connection::{glossary::Field, process::ProcessKey},
    group::{
        key::{Group, GroupKey},
        rarity::Rarity,
    },
    report::{
        background,
        content::Report,
        page::{
            cards,
            family::Family,
            moment::{Time, stated, time},
            names::Names,
            observed::{GROUPS, Observed, Shown},
        },
        times::TimeFormat,
    },
    rule::info::RuleInfo,
};

/// What the page calls a field.
pub(super) fn name(field: Field) -> &'static str {
    match field {
        Field::Peer => "remote",
        Field::PeerIp => "remote_ip",
        Field::Service => "port",
        field => field.name(),
    }
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
#[derive(Default)]
pub(super) struct Listed {
    groups: Vec<(GroupKey, Group)>,
    /// What is known of the process of each, if the page says so.
    known: Vec<[String; background::COLUMNS.len()]>,
    /// What lists and databases say of each, if the page says so.
    labels: Vec<Vec<String>>,
    /// The process of each, in the same way.
    processes: Vec<ProcessKey>,
    /// When the first connection was that a row shows of each.
    connected: HashMap<ProcessKey, Timestamp>,
    total: u64,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

impl Listed {
    pub(super) fn new(report: &Report<'_>) -> io::Result<Self> {
        let mut listed = Self { total: report.groups.len(), ..Self::default() };
        if let Some(background) = report.background {
            for context in background.groups.pass()?.take(GROUPS) {
                let context = context?;
                listed.known.push(background.of_group(&context, |time| TimeFormat::Rfc3339.show(time)));
                if let Some(time) = context.time {
                    let first = listed.connected.entry(context.process.clone()).or_insert(time);
                    *first = time.min(*first);
                }
                listed.processes.push(context.process);
            }
        }
        if let Some(labels) = &report.labels {
            for group in labels.groups.pass()?.take(GROUPS) {
                listed.labels.push(labels.of_group(&group?));
            }
        }
        for group in report.groups.pass()? {
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

impl Listed {
    /// Which row each is, of those that were met.
    pub(super) fn rows(&self, observed: &Observed) -> Vec<Option<u32>> {
        self.groups.iter().map(|(key, _)| observed.row_of(key)).collect()
    }
}

/// The first rows of the report.
#[derive(Debug, Serialize)]
pub(super) struct GroupColumns<'a> {
    shown: usize,
    total: u64,
    fields: BTreeMap<&'static str, Column>,
    count: Column,
    first: [Column; 2],
    last: [Column; 2],
    /// The place of each one's process in the family; null if it is not known.
    process: Column,
    family: Family<'a>,
    /// The rule of each.
    rule: Column,
    /// The address of the destination, of the first hit of each, and the network that it is in.
    address: Column,
    network: Column,
    /// The networks that are special ones.
    special: BTreeSet<u32>,
    /// The index of the series in each stack of the timeline, of the first hit of each.
    stacks: [Column; 2],
}

impl<'a> GroupColumns<'a> {
    /// Of the groups that are listed. Texts go to `strings`.
    pub(super) fn new(report: &Report<'_>, listed: &'a Listed, strings: &mut Names) -> Self {
        let Report { fields: group_by, rules, rarity, .. } = *report;
        let groups = &listed.groups;
        let mut fields: Vec<Column> = group_by.iter().map(|_| Column::default()).collect();
        for (key, _) in groups {
            for (column, value) in fields.iter_mut().zip(key.values()) {
                column.0.push(Some(strings.id(value).into()));
            }
        }
        let rule_columns = rules.map(|rules| rule_columns(rules, groups, strings));
        let rarity_columns = rarity.map(|rarity| rarity_columns(rarity, groups, strings));
        let is_known = !listed.known.is_empty();
        let known_columns = (0..).zip(background::COLUMNS).filter(|_| is_known).map(|(index, name): (usize, _)| {
            let ids = listed.known.iter().map(|values| strings.id(values.get(index).map_or("", String::as_str)));
            (name, ids.collect::<Column>())
        });
        let known_columns: Vec<(&str, Column)> = known_columns.collect();
        let label_columns = report.label_columns().enumerate().map(|(index, name)| {
            let ids = listed.labels.iter().map(|values| strings.id(values.get(index).map_or("", String::as_str)));
            (name, ids.collect::<Column>())
        });
        let label_columns: Vec<(&str, Column)> = label_columns.collect();
        let mut family = Family::new(&listed.connected);
        let place = |key| report.background.and_then(|background| family.add(background.processes, key, strings));
        let places = listed.processes.iter().map(place).map(|place| i64::try_from(place?).ok()).collect();
        Self {
            shown: groups.len(),
            total: listed.total,
            fields: group_by
                .iter()
                .map(|&field| name(field))
                .zip(fields)
                .chain(rule_columns.into_iter().flatten())
                .chain(rarity_columns.into_iter().flatten())
                .chain(known_columns)
                .chain(label_columns)
                .collect(),
            count: groups.iter().map(|(_, group)| group.count).collect(),
            first: parts(groups.iter().map(|(_, group)| stated(group.first)).collect()),
            last: parts(groups.iter().map(|(_, group)| stated(group.last)).collect()),
            process: Column(places),
            family,
            rule: groups.iter().map(|(key, _)| key.rule).collect(),
            address: Column::default(),
            network: Column::default(),
            special: BTreeSet::new(),
            stacks: [Column::default(), Column::default()],
        }
    }

    /// With where their first hits went. `rows` are those of the groups, of those that were met, and `series` as for [`EventColumns`].
    pub(super) fn with_courses(
        mut self,
        observed: &Observed,
        rows: &[Option<u32>],
        strings: &mut Names,
        series: [&[usize]; 2],
    ) -> Self {
        let networks = cards::special();
        let series = series.map(places);
        for row in rows {
            let course = row.and_then(|row| observed.courses.get(row as usize));
            let address = course.and_then(|&[destination, _]| observed.destination(destination as usize));
            let address = address.map_or("", |count| observed.labels(count)[1]);
            let (network, is_special) = cards::network(address, &networks);
            let network = strings.id(&network);
            if is_special {
                self.special.insert(network);
            }
            self.address.0.push(Some(strings.id(address).into()));
            self.network.0.push(Some(network.into()));
            for ((column, series), number) in self.stacks.iter_mut().zip(&series).zip([0, 1]) {
                let index = course.and_then(|course| course.get(number)).map_or(usize::MAX, |&index| index as usize);
                let place = series.get(&index).copied().unwrap_or(series.len());
                column.0.push(i64::try_from(place).ok());
            }
        }
        self
    }
}

/// The places of these, by what they are.
fn places(indices: &[usize]) -> HashMap<usize, usize> {
    indices.iter().copied().zip(0..).collect()
}

fn rule_columns(rules: &[RuleInfo], groups: &[(GroupKey, Group)], strings: &mut Names) -> Vec<(&'static str, Column)> {
    let mut column = |(index, name): (usize, &'static str)| {
        let mut value = |rule: usize| rules.get(rule)?.columns().get(index).map(|value| strings.id(value).into());
        (name, Column(groups.iter().map(|(key, _)| value(key.rule)).collect()))
    };
    RuleInfo::COLUMNS.into_iter().enumerate().map(&mut column).collect()
}

fn rarity_columns(rarity: &Rarity, groups: &[(GroupKey, Group)], strings: &mut Names) -> [(&'static str, Column); 2] {
    let rarities: Vec<(usize, &str)> = groups.iter().map(|(key, _)| rarity.of(key)).collect();
    let mut ids = |text: &dyn Fn((usize, &str)) -> String| {
        rarities.iter().map(|&rarity| strings.id(&text(rarity))).collect::<Column>()
    };
    let [hosts, first] = Rarity::COLUMNS;
    [(hosts, ids(&|(hosts, _)| hosts.to_string())), (first, ids(&|(_, first)| first.to_owned()))]
}

/// The seconds of times, and their ticks.
fn parts(times: Vec<Time>) -> [Column; 2] {
    let (seconds, ticks) = times.into_iter().map(Option::unzip).unzip();
    [Column(seconds), Column(ticks)]
}

/// The first hits, in the order of time.
#[derive(Debug, Serialize)]
pub(super) struct EventColumns {
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

impl EventColumns {
    /// Of the hits that were observed, which are members of the groups of these rows. `series` are the destinations and the
    /// processes that have one in the timeline. Texts go to `strings`.
    pub(super) fn new(observed: &Observed, rows: &[Option<u32>], strings: &mut Names, series: [&[usize]; 2]) -> Self {
        let events = &observed.events;
        let listed: HashMap<u32, i64> =
            rows.iter().zip(0..).filter_map(|(row, place)| Some(((*row)?, place))).collect();
        let mut text = |id: u32| strings.id(observed.names.get(id));
        let mut last = 0;
        let mut since_last = |seconds: i64| seconds - std::mem::replace(&mut last, seconds);
        let times: Vec<Time> = events.iter().map(|event| time(event.time)).collect();
        let stack = |indices: &[usize], of: &dyn Fn(&Shown) -> u32| {
            let series = places(indices);
            events.iter().map(|event| series.get(&(of(event) as usize)).copied().unwrap_or(indices.len())).collect()
        };
        let [dests, apps] = series;
        Self {
            shown: events.len(),
            left_out: observed.left_out,
            member_row: Column(observed.members.iter().map(|(row, _)| listed.get(row.as_ref()?).copied()).collect()),
            member_event: (observed.members.len() > events.len())
                .then(|| observed.members.iter().map(|&(_, event)| event).collect()),
            members: observed.members.len(),
            seconds: Column(times.iter().map(|time| time.map(|(seconds, _)| since_last(seconds))).collect()),
            ticks: Column(times.iter().map(|time| time.map(|(_, ticks)| ticks)).collect()),
            stacks: [stack(dests, &|event| event.destination), stack(apps, &|event| event.process)],
            more: (0..)
                .zip(&observed.more)
                .map(|(index, field): (usize, _)| {
                    let value = |event: &Shown| event.more.get(index).copied().unwrap_or_default();
                    (name(*field), events.iter().map(|event| text(value(event))).collect())
                })
                .collect(),
            record_id: events.iter().map(|event| text(event.record_id)).collect(),
            utc_time: events.iter().map(|event| text(event.utc_time)).collect(),
            rule_name: events.iter().map(|event| text(event.rule_name)).collect(),
            source: events.iter().map(|event| text(event.source)).collect(),
            chunk: events.iter().map(|event| event.chunk).collect(),
            offset: events.iter().map(|event| event.offset).collect(),
            recovered: events.iter().map(|event| i64::from(event.recovered)).collect(),
        }
    }
}
