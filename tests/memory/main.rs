//! What is kept of hits stays near the room that it was given, whatever their texts are like: it is spilled, and what is spilled is not
//! made text of all at once.

#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests are read, not linked to, and state what they expect by panicking"
)]

use jiff::Timestamp;
use netsift::inside::{
    beacons::Beacons,
    contexts::Contexts,
    glossary::Field,
    groups::{Groups, Sources},
    hit::{Hit, Place},
    hits::{Hits, SortedHits},
    processes::Processes,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const ROOM: usize = 4 << 20;
const HITS: u32 = 20_000;

/// Hits of processes with long paths, of which there are few, so that the numbers of their texts take little memory and the texts much.
fn hits() -> SortedHits {
    let mut hits = Hits::new(usize::MAX);
    let paths = ["a", "b", "c"].map(|name| format!(r"C:\{}\{name}.exe", "x".repeat(1_500)));
    for number in 0..HITS {
        let path = &paths[number as usize % paths.len()];
        let text = |field| match field {
            Field::App | Field::ProcessName | Field::ProcessExec => path.clone(),
            Field::SrcPort => number.to_string(),
            Field::ProcessGuid => format!("{{{}}}", number % 100),
            _ => "x".to_owned(),
        };
        let texts: Vec<String> = Field::ALL.into_iter().map(text).collect();
        let time = Timestamp::from_second(i64::from(number) * 7919 % 10_007).ok();
        hits.push(Hit::new(texts.iter().map(String::as_str), time, Place::default(), [0]));
    }
    hits.into_sorted().unwrap()
}

/// The most that was allocated for something that is made of the hits, in rooms; and how many came out of it.
fn rooms<T>(hits: &SortedHits, mut kept: T, add: impl Fn(&mut T, &Hit), count: impl Fn(T) -> usize) -> (usize, usize) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    hits.pass().unwrap().for_each(|hit| add(&mut kept, &hit.unwrap()));
    let count = count(kept);
    ((ALLOCATOR.peak_usage() - before) / ROOM, count)
}

#[test]
fn what_is_kept_stays_near_its_room_whatever_texts_are_like() {
    /// Vectors that grow are there twice, and so are texts that are put in order; and buffers of what is spilled and read again.
    const MOST: usize = 3;
    let hits = hits();
    let fields = Field::ALL.to_vec();
    let groups = rooms(
        &hits,
        Groups::new(fields.clone(), Sources::Together, ROOM),
        |groups, hit| groups.count_hit(hit, 0),
        |groups| groups.into_sorted().unwrap().pass().unwrap().count(),
    );
    let kept = rooms(
        &hits,
        Hits::new(ROOM),
        |kept, hit| kept.push(hit.clone()),
        |kept| kept.into_sorted().unwrap().pass().unwrap().count(),
    );
    let contexts = rooms(
        &hits,
        Contexts::new(&fields, ROOM),
        |contexts, hit| contexts.add(hit, 0, &Processes::default()),
        |contexts| contexts.into_sorted().unwrap().pass().unwrap().count(),
    );
    let beacons = rooms(&hits, Beacons::new(ROOM), Beacons::add, |beacons| {
        let channels = beacons.into_sorted().unwrap().channels();
        usize::try_from(channels.scored + channels.few).unwrap()
    });
    for (name, (rooms, count)) in [("groups", groups), ("hits", kept), ("contexts", contexts)] {
        assert!(rooms <= MOST, "{name}: {rooms} times its room");
        assert_eq!(count, HITS as usize, "{name}");
    }
    assert!(beacons.0 <= MOST && beacons.1 == 3, "beacons: {beacons:?}");
}
