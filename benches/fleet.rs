//! What scanning for ten million groups and merging as many take in 256 MiB: seconds, seconds of processors, which a busy
//! machine changes less, and the most memory that was resident.
//!
//! usage: `cargo bench --bench fleet [-- NETSIFT]` makes 80 logs of 125,000 distinct connections each and ten thousand partial
//! results of a thousand groups each in a temporary folder, and runs `netsift`, or that other build of it, over an eighth, a
//! fourth, half and all of each, and over all with as much memory as it takes; the reports of these are compared. It needs 20 GB
//! of disk, 10 GB of memory, and GNU time.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::allow_attributes,
    dead_code,
    reason = "a benchmark panics and prints, and has the test writer in it"
)]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use clap::Parser;
use jiff::Timestamp;
use netsift::inside::{
    args::{self, Args},
    clock::Skew,
    columns::{Row, Rows},
    config::{Builtin, Config},
    coverage::Coverage,
    digest::Digests,
    facts::Facts,
    findings::Findings,
    glossary::Field,
    ids::Span,
    key::{Group, GroupKey},
    partial,
    searched::{Searched, SearchedFile, SearchedSource},
    sources,
    tally::Tally,
};

#[path = "../tests/cli/evtx_writer.rs"]
mod evtx_writer;

use evtx_writer::{Event, Value};

const LOGS: u64 = 80;
const CONNECTIONS: u64 = 125_000;
const PARTIALS: u64 = 10_000;
const GROUPS: u64 = 1_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    // `cargo test --benches` only asks whether it runs.
    if args.iter().any(|arg| arg == "--test") {
        return;
    }
    let netsift = args.first().map_or(env!("CARGO_BIN_EXE_netsift"), String::as_str);
    let folder = tempfile::tempdir().unwrap();
    let facts = facts();
    let logs = written(folder.path(), "evtx", LOGS, write_log);
    measure(netsift, &["connections"], &logs, CONNECTIONS);
    logs.iter().for_each(|log| fs::remove_file(log).unwrap());
    let partials = written(folder.path(), "parquet", PARTIALS, |path, host| write_partial(path, &facts, host));
    measure(netsift, &["merge"], &partials, GROUPS);
}

/// Writes a file for each host, on all cores.
fn written(folder: &Path, kind: &str, hosts: u64, write: impl Fn(&Path, u64) + Sync) -> Vec<PathBuf> {
    let paths: Vec<PathBuf> = (0..hosts).map(|host| folder.join(format!("{host:05}.{kind}"))).collect();
    let next = AtomicU64::new(0);
    let take = || {
        let host = next.fetch_add(1, Ordering::Relaxed);
        paths.get(host as usize).map(|path| (host, path))
    };
    let work = || {
        while let Some((host, path)) = take() {
            write(path, host);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    paths
}

/// Runs a command over parts of these files, each of which has so many groups of its own.
fn measure(netsift: &str, command: &[&str], files: &[PathBuf], groups: u64) {
    let folder = files[0].parent().unwrap();
    let [bounded, unbounded] = ["bounded.csv", "unbounded.csv"].map(|name| folder.join(name));
    for part in [8, 4, 2, 1] {
        let files = &files[..files.len() / part];
        run(netsift, command, files, "256MiB", &bounded);
        // The lines of a report are its header and its groups: no value has a line break.
        let lines = BufReader::new(File::open(&bounded).unwrap()).split(b'\n').count() as u64;
        assert_eq!(lines, 1 + files.len() as u64 * groups);
    }
    run(netsift, command, files, "1024GiB", &unbounded);
    let [one, two] = [&bounded, &unbounded].map(|path| BufReader::new(File::open(path).unwrap()).split(b'\n'));
    assert!(one.map(Result::unwrap).eq(two.map(Result::unwrap)));
    fs::remove_file(bounded).unwrap();
    fs::remove_file(unbounded).unwrap();
}

fn run(netsift: &str, command: &[&str], files: &[PathBuf], memory: &str, report: &Path) {
    let mut timed = Command::new("time");
    timed.args(["--quiet", "--format=%e %U %S %M", netsift]).args(command).args([
        "--quiet",
        "--force",
        "--max-memory",
        memory,
    ]);
    let output = timed.arg("-o").arg(report).args(files).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    let numbers: Vec<f64> =
        told.split_whitespace().map(|number| number.parse().unwrap_or_else(|_| panic!("{told}"))).collect();
    let [seconds, user, system, kib] = numbers[..] else { panic!("{told}") };
    let (command, busy, size) = (command.join(" "), user + system, kib / 1024.0);
    let files = files.len();
    println!(
        "netsift {command} --max-memory {memory}, {files} files: {seconds:.1} s, processors {busy:.1} s, {size:.0} MiB"
    );
}

/// Writes the log of a host. Of its connections, no two have the same source port and destination.
fn write_log(path: &Path, host: u64) {
    let computer = format!("WS{host:05}.corp.example");
    let connection = Event::connection().on(&computer).with("SourceHostname", &*computer);
    let event = |number: u64| {
        let port = Value::U16((49_152 + number % 16_384) as u16);
        let address = format!("198.51.{}.{}", number / 16_384, number % 250);
        // Scattered over 116 days.
        let time = (host * CONNECTIONS + number) * 7919 % 10_000_000;
        connection.clone().at(time).dest(&address).with("SourcePort", port)
    };
    let events: Vec<Event> = (0..CONNECTIONS).map(event).collect();
    fs::write(path, evtx_writer::log(&events).0).unwrap();
}

/// The facts of a run over nothing.
fn facts() -> Facts {
    let args::Command::Detect(args) = Args::parse_from(["netsift", "detect", "x"]).command else { unreachable!() };
    let config = Config::new(args, Builtin::Default, Vec::new(), Timestamp::UNIX_EPOCH).unwrap();
    let nothing = Searched::new(&config.plan, &sources::Sources::default(), Findings::new(&config.plan));
    Facts::new(&config.plan.terms, Rows::Groups, false, &nothing)
}

/// Writes the partial result of a host.
fn write_partial(path: &Path, facts: &Facts, host: u64) {
    let digest = format!("{host:064x}");
    let source = SearchedSource {
        file: SearchedFile {
            name: format!("WS{host:05}.evtx"),
            file: String::new(),
            file_hex: None,
            size: 1 << 20,
            digests: Some(Digests { sha256: digest, sha1: None, md5: None }),
        },
        header: None,
        tally: Tally { hits: GROUPS, chunks_sysmon: 1, ..Tally::default() },
        unused_between: false,
        ids: Span::default(),
        coverage: Coverage::default(),
        excluded: BTreeMap::new(),
        by_rule: BTreeMap::from([(0, GROUPS)]),
        defects: BTreeMap::new(),
        skew: Skew::default(),
        duplicates: 0,
        twins: 0,
    };
    let facts = Facts { sources: vec![source], ..facts.clone() };
    let mut file = File::create(path).unwrap();
    let rows = |write: &mut dyn FnMut(Row) -> io::Result<()>| {
        (0..GROUPS).try_for_each(|number| {
            write(Row { source: 0, key: key(host, number), group: group(host * GROUPS + number), record: None })
        })
    };
    partial::write(&mut file, facts, partial::Processes::default(), rows).unwrap();
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
        _ => "",
    })
}

fn group(number: u64) -> Group {
    let time = Timestamp::from_second(1_700_000_000 + (number * 7919 % 10_000_000) as i64).ok();
    Group { count: 1, first: time, last: time }
}
