//! Throughput of the scan's steps, over a corpus that is made here: 32 MiB of Sysmon records, one chunk in twenty with
//! the wanted process in it.
//!
//! `cargo bench` shows each as bytes a second of one thread, but `whole_scan`, which uses all cores.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    dead_code,
    reason = "a benchmark, with the test writer in it"
)]

use std::{fs, hint::black_box, num::NonZeroUsize, path::PathBuf, sync::LazyLock};

use divan::{Bencher, counter::BytesCount};
use netsift::{
    cidr,
    connection::Field,
    event::Decoder,
    input,
    prefilter::Prefilter,
    record,
    rule::Rule,
    scan::{self, Decoding, Plan},
};

#[path = "../tests/cli/evtx_writer.rs"]
mod evtx_writer;

use evtx_writer::{CHUNK, Event, HEADER};

fn main() {
    divan::main();
}

/// 512 chunks of the test writer: process starts, image loads, connections of browsers, and a few of regsvcs.exe.
static LOG: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let ordinary: Vec<Event> = (0..900_u64)
        .map(|n| match n % 9 {
            0 => Event::connection().image(r"C:\Program Files\Browser\browser.exe").at(n),
            1..4 => Event::sysmon(1, 5).at(n).with("Image", r"C:\Windows\System32\cmd.exe").with("CommandLine", "/c x"),
            _ => Event::sysmon(7, 3).at(n).with("ImageLoaded", r"C:\Windows\System32\ntdll.dll").with("Image", "y.exe"),
        })
        .collect();
    let wanted: Vec<Event> = (0..900).map(|n| Event::connection().at(n)).collect();
    let chunks = |events: &[Event]| {
        let log = evtx_writer::log(events).0;
        log[HEADER..].chunks(CHUNK).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let (ordinary, wanted) = (chunks(&ordinary), chunks(&wanted));
    let mut log = evtx_writer::log(&[Event::connection()]).0[..HEADER].to_vec();
    for number in 0..512 {
        let from = if number % 20 == 7 { &wanted } else { &ordinary };
        log.extend_from_slice(&from[number % (from.len() - 1)]);
    }
    log
});

static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench.evtx");
    fs::write(&path, &*LOG).unwrap();
    path
});

fn chunks() -> impl Iterator<Item = &'static [u8]> {
    LOG[HEADER..].chunks(CHUNK)
}

fn bytes() -> BytesCount {
    BytesCount::new(LOG.len())
}

fn prefilter() -> Prefilter {
    Prefilter::new(&["regsvcs.exe".to_owned()]).unwrap()
}

#[divan::bench]
fn reading(bencher: Bencher<'_, '_>) {
    use std::io::Read;
    let mut buffer = vec![0; 512 * 1024];
    bencher.counter(bytes()).bench_local(|| {
        let mut file = fs::File::open(&*FILE).unwrap();
        while file.read(&mut buffer).unwrap() > 0 {}
    });
}

#[divan::bench]
fn walking_records(bencher: Bencher<'_, '_>) {
    bencher.counter(bytes()).bench(|| chunks().filter_map(record::walk).map(|records| records.len()).sum::<usize>());
}

#[divan::bench]
fn prefiltering(bencher: Bencher<'_, '_>) {
    let prefilter = prefilter();
    bencher.counter(bytes()).bench(|| {
        let may_match = |chunk: &&[u8]| prefilter.may_match(chunk, &record::walk(chunk).unwrap());
        chunks().filter(may_match).count()
    });
}

#[divan::bench]
fn decoding_every_record(bencher: Bencher<'_, '_>) {
    let decoder = Decoder::default();
    bencher.counter(bytes()).bench(|| {
        for chunk in chunks() {
            decoder.decode(
                chunk,
                |_| true,
                |event| {
                    black_box(event.field("Image"));
                },
            );
        }
    });
}

#[divan::bench(args = [Decoding::Candidates, Decoding::Everything])]
fn whole_scan(bencher: Bencher<'_, '_>, decoding: Decoding) {
    let plan = Plan {
        rule: Rule {
            processes: vec!["regsvcs.exe".to_owned()],
            detection: None,
            exclusion: [cidr::parse("10.0.0.0/8").unwrap()].into_iter().collect(),
        },
        prefilter: prefilter(),
        decoding,
        group_by: Field::ALL.to_vec(),
        threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
    };
    let logs = input::discover(std::slice::from_ref(&*FILE)).logs;
    bencher.counter(bytes()).bench(|| scan::scan(&plan, &logs, &|_| {}).unwrap().groups.len());
}
