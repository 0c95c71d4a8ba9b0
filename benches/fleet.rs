//! What merging partial results and grouping more than fits into memory take: seconds, and the most memory that was allocated.
//!
//! usage: `cargo bench --bench fleet` makes ten thousand partial results of a thousand groups each in a temporary folder (some
//! 700 MB), merges 1250, 2500, 5000 and all of them, and groups ten million connections of as many groups in 256 MiB.

#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::allow_attributes,
    reason = "a benchmark panics and prints"
)]

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Parser;
use jiff::Timestamp;
use netsift::{
    args::{Args, Command},
    config::{Builtin, Config, Merging},
    connection::Field,
    digest::Digests,
    findings::Findings,
    group::{Group, GroupKey, Groups, Sources},
    ids::Span,
    input, merge,
    partial::{self, Facts, Rows, columns::Row},
    searched::{Searched, SearchedFile, SearchedSource},
    tally::Tally,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const PARTIALS: u64 = 10_000;
const GROUPS: u64 = 1_000;

fn main() {
    // `cargo test --benches` only asks whether it runs.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let facts = facts();
    measured(&format!("write {PARTIALS} partial results of {GROUPS} groups"), || {
        (0..PARTIALS).for_each(|host| write(&folder.path().join(format!("{host:05}.parquet")), &facts, host));
    });
    let all: Vec<PathBuf> = (0..PARTIALS).map(|host| folder.path().join(format!("{host:05}.parquet"))).collect();
    for part in [8, 4, 2, 1] {
        let paths = all.iter().take(all.len() / part);
        let line = ["netsift", "merge"].map(Into::into).into_iter().chain(paths.map(|path| path.into()));
        let line = line.chain(["--max-memory=256MiB", "-o"].map(Into::into)).chain([folder.path().join("x").into()]);
        let Command::Merge(args) = Args::parse_from(line.collect::<Vec<OsString>>()).command else { return };
        let config = Merging::new(args, Vec::new()).unwrap();
        measured(&format!("merge {} of them in 256 MiB", all.len() / part), || {
            let merged = merge::merge(&config).unwrap();
            assert_eq!(merged.searched.groups.into_sorted().unwrap().len(), (all.len() / part) as u64 * GROUPS);
        });
    }
    measured("group 10,000,000 connections of as many groups in 256 MiB", || {
        let mut groups = Groups::new(Field::ALL.to_vec(), Sources::Together, 256 << 20);
        for number in 0..PARTIALS * GROUPS {
            groups.count_group(key(number % PARTIALS, number / PARTIALS), group(number));
        }
        let sorted = groups.into_sorted().unwrap();
        assert_eq!(sorted.pass().unwrap().map(Result::unwrap).count() as u64, PARTIALS * GROUPS);
    });
}

fn measured(what: &str, work: impl FnOnce()) {
    ALLOCATOR.reset_peak_usage();
    let start = Instant::now();
    work();
    println!("{what}: {:.1} s, {:.0} MiB", start.elapsed().as_secs_f64(), ALLOCATOR.peak_usage_as_mb());
}

/// The facts of a run over nothing.
fn facts() -> Facts {
    let Command::Detect(args) = Args::parse_from(["netsift", "detect", "x"]).command else { unreachable!() };
    let config = Config::new(args, Builtin::Default, Vec::new(), Timestamp::UNIX_EPOCH).unwrap();
    let nothing = Searched::new(&config.plan, input::Sources::default(), Findings::new(&config.plan));
    Facts::new(&config.plan.terms, Rows::Groups, &nothing)
}

/// Writes the partial result of a host.
fn write(path: &Path, facts: &Facts, host: u64) {
    let digest = format!("{host:064x}");
    let source = SearchedSource {
        file: SearchedFile {
            name: format!("WS{host:05}.evtx"),
            file: String::new(),
            file_hex: None,
            size: 0,
            digests: Some(Digests { sha256: digest.clone(), sha1: digest.clone(), md5: digest }),
        },
        header: None,
        tally: Tally { hits: GROUPS, ..Tally::default() },
        unused_between: false,
        ids: Span::default(),
        excluded: BTreeMap::new(),
        by_rule: BTreeMap::from([(0, GROUPS)]),
        defects: BTreeMap::new(),
        duplicates: 0,
    };
    let facts = Facts { sources: vec![source], ..facts.clone() };
    let mut file = File::create(path).unwrap();
    let rows = |write: &mut dyn FnMut(Row) -> io::Result<()>| {
        (0..GROUPS).try_for_each(|number| {
            write(Row { source: 0, key: key(host, number), group: group(host * GROUPS + number), record: None })
        })
    };
    partial::write(&mut file, &facts, rows).unwrap();
}

/// A group's key as real ones are: most of it repeats.
fn key(host: u64, number: u64) -> GroupKey {
    let (port, address) = ((49152 + number % 16384).to_string(), format!("198.51.{}.{}", number / 250, number % 250));
    let (dvc, guid) = (format!("WS{host:05}.corp.example"), format!("{{{host:08X}-0000-0000-0000-{number:012X}}}"));
    let app = r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe";
    GroupKey::new(&Field::ALL, 0, |field| match field {
        Field::Action => "allowed",
        Field::App => app,
        Field::Dest | Field::DestIp => &address,
        Field::DestPort => "443",
        Field::Direction => "outbound",
        Field::Dvc | Field::Src => &dvc,
        Field::Protocol => "ip",
        Field::ProtocolVersion => "ipv4",
        Field::SrcIp => "10.1.2.3",
        Field::SrcPort | Field::ProcessId => &port,
        Field::Transport => "tcp",
        Field::User => r"CORP\alice",
        Field::VendorProduct => "Microsoft Sysmon",
        Field::ProcessName | Field::ProcessExec => "RegSvcs.exe",
        Field::ProcessGuid => &guid,
    })
}

fn group(number: u64) -> Group {
    let time = Timestamp::from_second(1_700_000_000 + (number * 7919 % 10_000_000) as i64).ok();
    Group { count: 1, first: time, last: time }
}
