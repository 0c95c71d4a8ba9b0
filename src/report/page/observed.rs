//! [`Observed`]: what a page shows of the hits, gathered one by one in the order of time; or of their groups, where these are all
//! that is known.
//!
//! Nothing of it is text yet that a page could show; that is made in [`super::data`].

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use crate::{
    connection::glossary::Field,
    group::{
        hit::Hit,
        key::{Group, GroupKey},
        recall::Recall,
    },
    report::page::{
        names::Names,
        timeline::{Fineness, Timeline},
    },
};

/// Hits that are in the page with their records; the rest only counts.
const EVENTS: usize = 100_000;
/// How much text hits may bring, in bytes, before no more of them are in the page.
const TEXT: usize = 32 << 20;
/// Groups that are in the page.
pub(super) const GROUPS: usize = 50_000;
/// Ports that are named of a destination, and one more.
const PORTS: usize = 9;
/// How fine the timeline of all hits is, and that of each group.
const FINE: Fineness = Fineness { buckets: 2_000, held: 1 << 20 };
const COARSE: Fineness = Fineness { buckets: 500, held: 1 << 18 };

/// What was gathered of the hits.
#[derive(Debug)]
pub struct Observed {
    /// Whether it was gathered of groups: then nothing is known of each hit, nor of fields that they are not grouped by.
    pub(super) of_groups: bool,
    pub(super) names: Names,
    rows: HashMap<GroupKey, u32, ahash::RandomState>,
    /// The key of the last group, whose memory is used again.
    key: GroupKey,
    /// Which row a hit is of.
    recall: Recall<u32>,
    /// Which course.
    recalled: Recall<Course>,
    /// The first groups, in the order in which they were met, with the destination and the process of the first hit of each.
    pub(super) courses: Vec<[u32; 2]>,
    /// When the last of them was met.
    met: Option<i128>,
    /// Which row, of those met, has which event: one for each rule that an event is a hit of.
    pub(super) members: Vec<(Option<u32>, u32)>,
    pub(super) hosts: Counted<u32>,
    pub(super) processes: Counted<u32>,
    /// Name and address.
    pub(super) destinations: Counted<(u32, u32)>,
    pub(super) ports: Vec<BTreeSet<u32>>,
    /// Hosts with destinations, in the order in which they were met, and how many hits are of each pair.
    pairs: HashMap<(u32, u32), u32, ahash::RandomState>,
    pub(super) matrix: Vec<((u32, u32), u64)>,
    /// By destination and by process.
    pub(super) timeline: Timeline<2>,
    /// By group.
    pub(super) by_row: Timeline<1>,
    pub(super) events: Vec<Shown>,
    /// Hits that are not among the events.
    pub(super) left_out: u64,
    /// Hits whose time is not stated.
    pub(super) untimed: u64,
    group_by: Vec<Field>,
    /// The fields that are a destination's name, its address and its port.
    destination: [Field; 3],
    /// Fields of the events that their group does not tell.
    pub(super) more: Vec<Field>,
}

/// A hit that is in the page. Texts are numbers of names.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) time: Option<i128>,
    pub(super) destination: u32,
    pub(super) process: u32,
    pub(super) more: Box<[u32]>,
    pub(super) record_id: u32,
    pub(super) utc_time: u32,
    pub(super) rule_name: u32,
    pub(super) source: u32,
    pub(super) chunk: u64,
    pub(super) offset: u64,
    pub(super) recovered: bool,
}

/// Things that are counted, by their index in the order in which they were met.
#[derive(Debug)]
pub(super) struct Counted<K> {
    ids: HashMap<K, u32, ahash::RandomState>,
    pub(super) list: Vec<Count<K>>,
}

/// How often a thing was met, and when, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count<K> {
    pub(super) key: K,
    pub(super) hits: u64,
    pub(super) first: Option<i128>,
    pub(super) last: Option<i128>,
}

/// Hits that are alike: how many, and when, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Met {
    hits: u64,
    first: Option<i128>,
    last: Option<i128>,
}

/// Which host and process hits are of, and where they go to, by their indices.
#[derive(Debug, Clone, Copy)]
struct Course {
    host: u32,
    process: u32,
    destination: u32,
    /// The host with the destination.
    pair: u32,
}

impl<K: Copy + Eq + std::hash::Hash> Counted<K> {
    fn new() -> Self {
        Self { ids: HashMap::default(), list: Vec::new() }
    }

    /// The index of a thing.
    fn id(&mut self, key: K) -> u32 {
        let next = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let id = *self.ids.entry(key).or_insert(next);
        if id == next {
            self.list.push(Count { key, hits: 0, first: None, last: None });
        }
        id
    }

    fn count(&mut self, id: u32, met: Met) {
        if let Some(count) = self.list.get_mut(id as usize) {
            count.hits = count.hits.saturating_add(met.hits);
            count.first = count.first.into_iter().chain(met.first).min();
            count.last = count.last.max(met.last);
        }
    }

    /// The indices of those with the most hits, and how many more there are.
    pub(super) fn top(&self, number: usize) -> (Vec<usize>, usize) {
        let mut order: Vec<(usize, u64)> = self.list.iter().map(|count| count.hits).enumerate().collect();
        // What was met first comes first: the sort is stable.
        order.sort_by_key(|&(_, hits)| std::cmp::Reverse(hits));
        let more = order.len().saturating_sub(number);
        (order.into_iter().take(number).map(|(index, _)| index).collect(), more)
    }
}

impl Observed {
    /// Nothing yet, for a page of these groups.
    #[must_use]
    pub fn new(group_by: &[Field]) -> Self {
        use Field::{Dest, DestIp, DestPort, Peer, PeerIp, ProcessExec, ProcessName, Protocol, Service};
        let is_of_peers = group_by.contains(&Peer);
        let constant = [Protocol, ProcessExec, ProcessName];
        let more = |field: &Field| !group_by.contains(field) && !constant.contains(field);
        let fields = Field::ALL.into_iter().chain(is_of_peers.then_some(PeerIp));
        Self {
            of_groups: false,
            names: Names::default(),
            rows: HashMap::default(),
            key: GroupKey::default(),
            recall: Recall::default(),
            recalled: Recall::default(),
            courses: Vec::new(),
            met: None,
            hosts: Counted::new(),
            processes: Counted::new(),
            destinations: Counted::new(),
            ports: Vec::new(),
            pairs: HashMap::default(),
            matrix: Vec::new(),
            timeline: Timeline::new(FINE),
            by_row: Timeline::new(COARSE),
            events: Vec::new(),
            members: Vec::new(),
            left_out: 0,
            untimed: 0,
            group_by: group_by.to_vec(),
            destination: if is_of_peers { [Peer, PeerIp, Service] } else { [Dest, DestIp, DestPort] },
            more: fields.filter(more).collect(),
        }
    }

    /// Adds a hit of these rules, which is not before the last one. Those without a time come first.
    pub fn add(&mut self, hit: &Hit, rules: &[usize]) {
        let time = hit.time.map(Timestamp::as_nanosecond);
        let course = self.course_of_hit(hit);
        self.count(course, Met { hits: 1, first: time, last: time });
        match time {
            None => self.untimed += 1,
            Some(time) => self.timeline.add(time, [course.destination as usize, course.process as usize]),
        }
        let is_shown = self.events.len() < EVENTS && self.names.size() < TEXT && self.left_out == 0;
        for &rule in rules {
            let row = self.row_of_hit(hit, rule, time, course);
            if let (Some(row), Some(time)) = (row, time) {
                self.by_row.add(time, [row as usize]);
            }
            if is_shown {
                self.members.push((row, u32::try_from(self.events.len()).unwrap_or(u32::MAX)));
            }
        }
        if is_shown {
            let shown = self.shown(hit, course);
            self.events.push(shown);
        } else {
            self.left_out += 1;
        }
    }

    /// Adds a group, of whose hits nothing more is known than these values.
    pub fn add_group<'a>(&mut self, key: GroupKey, group: Group, value: impl Fn(Field) -> &'a str) {
        self.of_groups = true;
        self.left_out = self.left_out.saturating_add(group.count);
        let nanoseconds = |time: Option<Timestamp>| time.map(Timestamp::as_nanosecond);
        let (first, last) = (nanoseconds(group.first), nanoseconds(group.last));
        let course = self.course(|names, field| names.id(value(field)));
        self.count(course, Met { hits: group.count, first, last });
        self.key = key;
        self.row(first, course);
    }

    /// Whether one of these fields is known of each hit.
    pub(super) fn knows(&self, fields: &[Field]) -> bool {
        !self.of_groups || fields.iter().any(|field| self.group_by.contains(field))
    }

    /// The row of a hit of a rule.
    fn row_of_hit(&mut self, hit: &Hit, rule: usize, time: Option<i128>, course: Course) -> Option<u32> {
        if let Some(row) = self.recall.of(hit, rule, self.group_by.iter().copied()) {
            return Some(row);
        }
        self.key.refill(rule, self.group_by.iter().map(|&field| hit.get(field)));
        let row = self.row(time, course)?;
        self.recall.remember(row);
        Some(row)
    }

    /// Which row a group is, of those met, if it is among the first.
    pub(super) fn row_of(&self, key: &GroupKey) -> Option<u32> {
        self.rows.get(key).copied()
    }

    /// The row of the group with the key, of which a hit of this time was met. Groups are shown in the order in which they are met, but for
    /// those of the same time.
    fn row(&mut self, time: Option<i128>, Course { destination, process, .. }: Course) -> Option<u32> {
        if let Some(&row) = self.rows.get(&self.key) {
            return Some(row);
        }
        if self.rows.len() >= GROUPS && self.met != time {
            return None;
        }
        self.met = time;
        let next = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.insert(self.key.clone(), next);
        self.courses.push([destination, process]);
        Some(next)
    }

    /// The course of a hit.
    fn course_of_hit(&mut self, hit: &Hit) -> Course {
        let fields = [Field::Dvc, Field::App].into_iter().chain(self.destination);
        if let Some(course) = self.recalled.of(hit, 0, fields) {
            return course;
        }
        let course = self.course(|names, field| names.id_of(hit, field));
        self.recalled.remember(course);
        course
    }

    /// The course of hits whose fields have these names.
    fn course(&mut self, id: impl Fn(&mut Names, Field) -> u32) -> Course {
        let names = &mut self.names;
        let host = id(names, Field::Dvc);
        let process = id(names, Field::App);
        let [dest, dest_ip, port] = self.destination.map(|field| id(names, field));

        let host = self.hosts.id(host);
        let process = self.processes.id(process);
        let destination = self.destinations.id((dest, dest_ip));
        if self.ports.len() <= destination as usize {
            self.ports.push(BTreeSet::new());
        }
        if let Some(ports) = self.ports.get_mut(destination as usize).filter(|ports| ports.len() < PORTS) {
            ports.insert(port);
        }
        let next = u32::try_from(self.matrix.len()).unwrap_or(u32::MAX);
        let pair = *self.pairs.entry((host, destination)).or_insert(next);
        if pair == next {
            self.matrix.push(((host, destination), 0));
        }
        Course { host, process, destination, pair }
    }

    fn count(&mut self, Course { host, process, destination, pair }: Course, met: Met) {
        self.hosts.count(host, met);
        self.processes.count(process, met);
        self.destinations.count(destination, met);
        if let Some((_, hits)) = self.matrix.get_mut(pair as usize) {
            *hits = hits.saturating_add(met.hits);
        }
    }

    fn shown(&mut self, hit: &Hit, Course { destination, process, .. }: Course) -> Shown {
        let names = &mut self.names;
        Shown {
            time: hit.time.map(Timestamp::as_nanosecond),
            destination,
            process,
            more: self.more.iter().map(|&field| names.id_of(hit, field)).collect(),
            record_id: names.id(hit.record_id()),
            utc_time: names.id(hit.utc_time()),
            rule_name: names.id(hit.rule_name()),
            source: names.id(hit.source()),
            chunk: hit.chunk,
            offset: hit.offset,
            recovered: hit.recovered,
        }
    }
}
