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
    clippy::panic,
    clippy::allow_attributes,
    dead_code,
    reason = "a benchmark, with the test writer in it"
)]

use std::{fs, hint::black_box, path::PathBuf, sync::LazyLock};

use clap::Parser;
use divan::{Bencher, counter::BytesCount};
use jiff::Timestamp;
use netsift::inside::{
    args::{Args, Command},
    chunk,
    config::{Builtin, Config},
    decoder::{Carving, Decoder},
    logged::LoggedBy,
    magic, pool,
    prefilter::Prefilter,
    record,
    shape::Extent,
    sources,
    sysmon::OF_CONNECTION,
    typed::Scratch,
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
    Prefilter::new(Some(&["regsvcs.exe".to_owned()]), LoggedBy::Sysmon).unwrap()
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

/// Reading each chunk's header and checking its checksums.
#[divan::bench]
fn checksums(bencher: Bencher<'_, '_>) {
    bencher.counter(bytes()).bench(|| chunks().map(|chunk| chunk::layout(chunk).1.len()).sum::<usize>());
}

fn walk(chunk: &[u8]) -> Option<Vec<record::Record>> {
    record::walk(chunk, magic::CHUNK_SIZE.min(u32::from_le_bytes(chunk[48..52].try_into().unwrap()) as usize))
}

#[divan::bench]
fn walking_records(bencher: Bencher<'_, '_>) {
    bencher.counter(bytes()).bench(|| chunks().filter_map(walk).map(|records| records.len()).sum::<usize>());
}

#[divan::bench]
fn prefiltering(bencher: Bencher<'_, '_>) {
    let prefilter = prefilter();
    bencher.counter(bytes()).bench(|| {
        let may_match = |chunk: &&[u8]| {
            prefilter.may_be_in(&mut prefilter.candidates(chunk), walk(chunk).as_deref()) && prefilter.has_text(chunk)
        };
        chunks().filter(may_match).count()
    });
}

/// Making sure that all values of each record are of known types and sizes, which reading without the parser starts with.
#[divan::bench]
fn checking_every_value(bencher: Bencher<'_, '_>) {
    let decoder = Decoder::new(Carving::Live);
    bencher.counter(bytes()).bench_local(|| {
        let typed = |chunk| decoder.typed(chunk, &chunk::layout(chunk).0, Extent::Only(OF_CONNECTION));
        chunks().filter_map(typed).map(|typed| typed.rows().len()).sum::<usize>()
    });
}

/// The same, and an event made of each record.
#[divan::bench]
fn reading_every_record(bencher: Bencher<'_, '_>) {
    let decoder = Decoder::new(Carving::Live);
    let mut scratch = Scratch::default();
    bencher.counter(bytes()).bench_local(|| {
        for chunk in chunks() {
            let typed = decoder.typed(chunk, &chunk::layout(chunk).0, Extent::Whole).unwrap();
            for row in typed.rows() {
                black_box(typed.event(row, &mut scratch).unwrap().field("Image"));
            }
        }
    });
}

/// The same by the parser.
#[divan::bench]
fn decoding_every_record(bencher: Bencher<'_, '_>) {
    let decoder = Decoder::new(Carving::Live);
    bencher.counter(bytes()).bench_local(|| {
        for chunk in chunks() {
            let (layout, _) = chunk::layout(chunk);
            let look = |event: &netsift::inside::event::Event<'_>| {
                black_box(event.field("Image"));
            };
            decoder.decode(chunk, &layout, |_, _| true, look, |loss| panic!("{loss:?}"));
        }
    });
}

/// `netsift detect` without its output, as it is and with options that cost something.
#[divan::bench(args = ["--quiet", "--no-prefilter", "--manifest=x"])]
fn whole_scan(bencher: Bencher<'_, '_>, option: &str) {
    let Command::Detect(args) = Args::parse_from(["netsift", "detect", option, "x"]).command else { unreachable!() };
    let config = Config::new(args, Builtin::Default, Vec::new(), Timestamp::UNIX_EPOCH).unwrap();
    let sources = sources::discover(std::slice::from_ref(&*FILE), config.links, &config.method.limits);
    bencher.counter(bytes()).bench(|| {
        pool::scan(&config.plan, &config.method, &sources, &|_| {}).unwrap().groups.into_sorted().unwrap().len()
    });
}
