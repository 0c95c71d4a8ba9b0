//! What must hold of any bytes that are sifted as a log, whatever is in them. The fuzz targets hold them to it too.
//!
//! How the bytes came to be is not this file's concern.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use ipnet::IpNet;
use netsift::{
    Defect,
    inside::{
        builtin,
        cidr::{self, CidrSet},
        decoder::{Carving, Decoder},
        filter::Filter,
        findings::Findings,
        glossary::Field,
        hit::Hit,
        info::RuleInfo,
        judge::Rule,
        key::{Group, GroupKey},
        logged::LoggedBy,
        magic::{self, CHUNK_SIZE, FILE_HEADER_SIZE},
        plan::{Decoding, Plan},
        prefilter::Prefilter,
        searched::Searched,
        set::RuleSet,
        sift::Sifter,
        sources::Sources,
        sysmon::PROVIDER,
        tally::Tally,
        terms::Terms,
        window::Window,
    },
};

/// The process of the built-in detection.
const PROCESS: &str = builtin::REGSVCS.process;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub enum Looking {
    /// The built-in detection.
    Detect,
    /// Every connection.
    Connections,
    /// Every connection within some ten minutes, which are some of those of the fixtures.
    Within,
}

/// Sifts `bytes`, which stand at `offset` of a log, in each way there is.
///
/// Returns how many hits the scan finds in them. Panics unless nothing else does, the counters add up, and the prefilter
/// loses no hit.
pub fn hold(looking: Looking, offset: u64, bytes: &[u8]) -> u64 {
    let mut hits = 0;
    for carving in [Carving::Live, Carving::Stale] {
        let mut plan = plan(looking);
        plan.terms.carving = carving;
        let fast = Sifted::new(&plan, offset, bytes);
        let slow = Sifted::new(&Plan { decoding: Decoding::Everything, ..plan.clone() }, offset, bytes);
        if carving == Carving::Live {
            // Where no hit is kept, they are counted by their values. With little room, groups are spilled in between.
            let room = if matches!(looking, Looking::Within) { 2000 } else { usize::MAX };
            let alone = sift(&Plan { keep_hits: false, room, ..plan.clone() }, offset, bytes);
            let groups: Vec<_> = alone.groups.into_sorted().unwrap().pass().unwrap().map(Result::unwrap).collect();
            assert_eq!(groups, fast.groups);
        }
        if !fast.agrees_with(&slow) {
            explain(plan, offset, bytes);
        }
        if carving == Carving::Live {
            hits = fast.tally.hits;
        }
    }
    hits
}

/// What is wrong with a log, record by record.
pub fn defects(log: &[u8]) -> Vec<Defect> {
    let everything = Plan { decoding: Decoding::Everything, ..plan(Looking::Connections) };
    Sifted::new(&everything, 0, log).defects
}

fn plan(looking: Looking) -> Plan {
    // Compiling the prefilter takes longer than sifting.
    static DETECT: LazyLock<Plan> = LazyLock::new(|| {
        let networks = builtin::SPLUNK_NETWORKS.iter().chain(&builtin::IPV6_NETWORKS);
        new_plan(vec![PROCESS.to_owned()], networks.map(|text| cidr::parse(text).unwrap()).collect())
    });
    static CONNECTIONS: LazyLock<Plan> = LazyLock::new(|| new_plan(Vec::new(), CidrSet::default()));
    match looking {
        Looking::Detect => DETECT.clone(),
        Looking::Connections => CONNECTIONS.clone(),
        Looking::Within => {
            let mut plan = CONNECTIONS.clone();
            plan.terms.filter = Filter::new(window(), []);
            plan
        }
    }
}

/// The second second of the fixtures' connections, and those up to the seven hundredth.
fn window() -> Window {
    let time = |text: &str| Some(text.parse().unwrap());
    Window { since: time("2024-03-05T14:07:10Z"), until: time("2024-03-05T14:18:50Z") }
}

fn new_plan(processes: Vec<String>, exclusion: CidrSet) -> Plan {
    let names = if processes.is_empty() { vec![String::new()] } else { processes.clone() };
    let prefilter = Prefilter::new((!processes.is_empty()).then_some(&*processes), LoggedBy::Sysmon).unwrap();
    let rules = RuleSet {
        infos: vec![RuleInfo::of_everything()],
        builtin: Some(Rule { processes, exclusion, ..Rule::default() }),
        by_process: names.into_iter().map(|name| (name, 0)).collect(),
        ..RuleSet::default()
    };
    let terms = Terms::new(rules, Field::ALL.to_vec());
    Plan { keep_hits: true, follow_ids: true, ..Plan::new(terms, prefilter, usize::MAX) }
}

/// What one way of sifting gave.
struct Sifted {
    tally: Tally,
    groups: Vec<(GroupKey, Group)>,
    hits: BTreeSet<Hit>,
    excluded: BTreeMap<IpNet, u64>,
    /// The first defects.
    defects: Vec<Defect>,
}

fn sift(plan: &Plan, offset: u64, bytes: &[u8]) -> Searched {
    let mut found = Findings::new(plan);
    let decoder = Decoder::new(plan.terms.carving);
    let mut sifter = Sifter::new(plan, &decoder, "log", 0, &mut found);
    sifter.block(offset, bytes, &mut |range| {
        let at = |end: u64| bytes.len().min(end.saturating_sub(offset) as usize);
        bytes[at(range.start)..at(range.end)].to_vec()
    });
    sifter.finish();
    Searched::new(plan, &Sources::default(), found)
}

impl Sifted {
    fn new(plan: &Plan, offset: u64, bytes: &[u8]) -> Self {
        let found = sift(plan, offset, bytes);
        let by_source: u64 = found.sources.iter().flat_map(|source| source.defects.values()).sum();
        assert_eq!(by_source, found.defects.total());
        assert!(found.sources.iter().all(|source| source.ids.gaps.is_some()));
        let (tally, excluded) = (found.tally(), found.excluded());
        let hits: Vec<Hit> = found.hits.unwrap().into_sorted().unwrap().pass().unwrap().map(Result::unwrap).collect();
        let sifted = Self {
            tally,
            groups: found.groups.into_sorted().unwrap().pass().unwrap().map(Result::unwrap).collect(),
            hits: hits.iter().cloned().collect(),
            excluded,
            defects: found.defects.first().cloned().collect(),
        };
        let places: BTreeSet<u64> = hits.iter().map(|hit| hit.offset).collect();
        assert_eq!(places.len(), hits.len(), "a hit is found twice in one place");
        sifted.adds_up(offset, bytes);
        sifted
    }

    fn adds_up(&self, offset: u64, bytes: &[u8]) {
        let tally = &self.tally;
        let head = if offset == 0 { FILE_HEADER_SIZE.min(bytes.len()) } else { 0 };
        assert_eq!(tally.bytes, bytes.len() as u64);
        let places = (bytes.len() - head).div_ceil(CHUNK_SIZE) as u64;
        if tally.chunks_displaced == 0 {
            assert_eq!(tally.chunks(), places);
        }
        assert!(tally.chunks() <= places + tally.chunks_displaced);
        assert!(tally.chunks_sysmon <= tally.chunks_ruled_out + tally.chunks_decoded);
        assert_eq!(tally.hits, self.hits.len() as u64);
        assert_eq!(tally.hits, self.groups.iter().map(|(_, group)| group.count).sum::<u64>());
        assert_eq!(tally.hits_recovered, self.hits.iter().filter(|hit| hit.recovered).count() as u64);
        assert_eq!(tally.excluded, self.excluded.values().sum::<u64>());
        assert_eq!(tally.outside_detection, 0);
        let connections = tally.of_chosen_processes() + tally.other_process + tally.filtered;
        assert!(connections <= tally.records_read + tally.records_recovered);
    }

    /// Whether all is the same that must not depend on which records were decoded.
    fn agrees_with(&self, other: &Self) -> bool {
        let chosen = |sifted: &Self| sifted.tally.of_chosen_processes();
        self.groups == other.groups
            && self.hits == other.hits
            && self.excluded == other.excluded
            && chosen(self) == chosen(other)
    }
}

/// Panics unless the difference between decoding candidates and decoding everything is of a kind that is known.
fn explain(plan: Plan, offset: u64, bytes: &[u8]) {
    // Every connection of the chosen processes is a hit now, so that each can be looked at.
    let processes = plan.terms.rules.builtin.as_ref().map_or_else(Vec::new, |rule| rule.processes.clone());
    let Terms { carving, filter, .. } = plan.terms;
    let mut plan = Plan { decoding: plan.decoding, ..new_plan(processes.clone(), CidrSet::default()) };
    (plan.terms.carving, plan.terms.filter) = (carving, filter);
    let fast = Sifted::new(&plan, offset, bytes);
    let slow = Sifted::new(&Plan { decoding: Decoding::Everything, ..plan.clone() }, offset, bytes);
    assert!(fast.hits != slow.hits, "the same connections were judged differently");
    for hit in slow.hits.difference(&fast.hits) {
        let record = (hit.offset - offset) as usize;
        // Its chunk may be out of place.
        let magic = |&at: &usize| bytes[at..].starts_with(magic::CHUNK);
        let start = (record.saturating_sub(CHUNK_SIZE)..record).rev().find(magic).unwrap_or(0);
        let chunk = &bytes[start..bytes.len().min(start + CHUNK_SIZE)];
        let record = record - start;
        let names = processes.iter().map(String::as_str).chain([PROVIDER]);
        // What `prefilter` says would break it, and `record`.
        let in_pieces = names.into_iter().any(|name| !stands_in(chunk, name));
        assert!(in_pieces || has_an_8_bit_3(chunk, record) == Some(true), "the prefilter loses {hit:#?}");
    }
    for hit in fast.hits.difference(&slow.hits) {
        // Decoding everything costs more, and the parser stops where a chunk costs too much.
        let spent =
            |defect: &Defect| defect.chunk == Some(hit.chunk) && defect.cause.contains("spent its render budget");
        assert!(slow.defects.iter().any(spent), "decoding everything loses {hit:#?}: {:#?}", slow.defects);
    }
}

/// Whether a name stands in a chunk as one run of bytes, in any ASCII case, UTF-16LE or 8-bit.
fn stands_in(chunk: &[u8], name: &str) -> bool {
    let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut wanted = [utf16.as_slice(), name.as_bytes()].into_iter();
    wanted.any(|wanted| chunk.windows(wanted.len()).any(|bytes| bytes.eq_ignore_ascii_case(wanted)))
}

/// Whether one of the values of a record's outermost template is a 3 of 8 bits.
fn has_an_8_bit_3(chunk: &[u8], record: usize) -> Option<bool> {
    let number = |at: usize| Some(u32::from_le_bytes(*chunk.get(at..)?.first_chunk()?) as usize);
    let mut at = record + 24 + 14;
    if number(at - 4)? == at {
        at += 24 + number(at + 20)?;
    }
    let descriptors = chunk.get(at + 4..)?.get(..number(at)?.checked_mul(4)?)?;
    let mut value = at + 4 + descriptors.len();
    for &[low, high, kind, _] in descriptors.as_chunks().0 {
        let size = u16::from_le_bytes([low, high]);
        if matches!((size, kind, chunk.get(value)), (1, 0x03 | 0x04, Some(3))) {
            return Some(true);
        }
        value += usize::from(size);
    }
    Some(false)
}
