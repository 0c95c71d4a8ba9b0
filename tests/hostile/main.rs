//! Hostile input: logs, archives and partial results with damage of every kind.
//!
//! - [`regressions`]: what it has found.
//! - [`invariants`]: what must hold of any bytes that are sifted; [`unpacking`]: of any that are unpacked; [`partials`]: of any
//!   that are taken for a partial result; [`exporting`]: of any that are taken for exported events.
//! - [`mutants`]: damage at random, from a seed, to the sound [`fixtures`] and [`archives`]; [`mending`] repairs checksums.
//!
//! The fuzz targets in `fuzz/` hold their inputs to the same invariants; [`seeds`] is what they start from.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests are read, not linked to, and state what they expect by panicking"
)]

#[path = "../cli/archive_writer.rs"]
mod archive_writer;
mod archives;
#[path = "../cli/evtx_writer.rs"]
mod evtx_writer;
mod exporting;
mod fixtures;
mod invariants;
mod mending;
mod mutants;
mod partials;
mod regressions;
mod seeds;
mod unpacking;

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use invariants::Looking;
use mutants::Random;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// A mutant is done in a few milliseconds, and must be in a second. The rest is for debug builds on busy machines.
const SLOWEST: Duration = Duration::from_secs(5);

/// No mutant is done any more.
const HUNG: Duration = Duration::from_secs(60);

/// The most that the whole process may have allocated at any time, in MiB.
///
/// What the parser renders the records of a chunk to is at most 64 MiB (`MAX_CHUNK_OUTPUT` in its `binxml/compiled.rs`).
/// It may need as much again to build them, and there are two threads.
const MOST_ALLOCATED: f32 = 256.0;

const THREADS: usize = 2;

#[test]
fn a_mutant_of_a_log_costs_no_more_than_what_is_damaged() {
    logs(0..20_000);
}

#[test]
#[ignore = "takes half an hour"]
fn nor_does_any_of_very_many() {
    logs(20_000..2_000_000);
}

fn logs(numbers: Range<u64>) {
    let fixtures = fixtures::all();
    let mutants = numbers.end - numbers.start;
    let hits = hold(numbers, move |number| {
        let mut random = Random::new(number);
        let mutant = mutants::mutant(&mut random, &fixtures);
        let looking = [Looking::Detect, Looking::Connections, Looking::Within][random.below(3)];
        u64::from(invariants::hold(looking, 0, &mutant) > 0)
    });
    // Damage is not so heavy that nothing is left to find.
    assert!((mutants / 4..mutants).contains(&hits), "{hits} of {mutants} have hits");
}

#[test]
fn a_mutant_of_an_archive_costs_no_more_than_what_is_damaged() {
    let archives = archives::all();
    let folder = tempfile::tempdir().unwrap();
    let mutants = 4_000;
    let some = hold(0..mutants, move |number| {
        let mut random = Random::new(number);
        let (name, archive) = &archives[random.below(archives.len())];
        let path = folder.path().join(format!("{number}-{name}"));
        let size = unpacking::hold(&path, &mutants::mutant_of(&mut random, archive));
        std::fs::remove_file(path).unwrap();
        u64::from(size > 0)
    });
    assert!((mutants / 4..mutants).contains(&some), "logs come out of {some} of {mutants}");
}

#[test]
fn a_mutant_of_a_partial_result_costs_no_more_than_its_rows() {
    let sound = partials::sound();
    let folder = tempfile::tempdir().unwrap();
    assert!(partials::hold(&folder.path().join("sound"), &sound) > 0);
    let mutants = 10_000;
    let some = hold(0..mutants, move |number| {
        let mut random = Random::new(number);
        let path = folder.path().join(number.to_string());
        let rows = partials::hold(&path, &mutants::mutant_of(&mut random, &sound));
        std::fs::remove_file(path).unwrap();
        u64::from(rows > 0)
    });
    assert!((mutants / 20..mutants).contains(&some), "rows come out of {some} of {mutants}");
}

#[test]
fn a_mutant_of_an_export_costs_no_more_than_its_events() {
    let sound = exporting::sound();
    for (export, bytes) in &sound {
        assert_eq!(exporting::hold(*export, bytes), 8, "{export:?}");
    }
    let mutants = 20_000;
    let some = hold(0..mutants, move |number| {
        let mut random = Random::new(number);
        let (export, bytes) = &sound[random.below(2)];
        u64::from(exporting::hold(*export, &mutants::mutant_of(&mut random, bytes)) > 0)
    });
    assert!((mutants / 20..mutants).contains(&some), "events come out of {some} of {mutants}");
}

/// Does `check` for each number, and returns the sum of its results. Panics unless each holds, within the bounds of time and
/// memory.
fn hold(numbers: Range<u64>, check: impl Fn(u64) -> u64 + Send + Sync + 'static) -> u64 {
    let check = Arc::new(check);
    let next = Arc::new(AtomicU64::new(numbers.start));
    let (send, done) = mpsc::channel();
    for _ in 0..THREADS {
        // Not waited for, since one of them could hang.
        let (check, next, send) = (Arc::clone(&check), Arc::clone(&next), send.clone());
        let end = numbers.end;
        thread::spawn(move || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    break;
                }
                let start = Instant::now();
                let held = catch_unwind(AssertUnwindSafe(|| check(number))).ok();
                let _ = send.send((number, held, start.elapsed()));
            }
        });
    }
    let mut sum = 0;
    let mut broken = Vec::new();
    for _ in numbers {
        let next = || next.load(Ordering::Relaxed);
        let (number, held, took) = done.recv_timeout(HUNG).unwrap_or_else(|_| panic!("one before {} hangs", next()));
        let peak = ALLOCATOR.peak_usage_as_mb();
        if held.is_none() || took > SLOWEST || peak > MOST_ALLOCATED {
            broken.push(format!("{number}: {held:?}, {took:?}, at most {peak} MiB so far"));
        }
        sum += held.unwrap_or(0);
    }
    assert!(broken.is_empty(), "{} mutants: {broken:#?}", broken.len());
    sum
}
