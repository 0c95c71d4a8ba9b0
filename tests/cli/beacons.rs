//! `--beacons`: the channels that are used again and again, with their scores, the most regular first.
//!
//! The expected scores are worked out by hand from the formulas in `docs/beacons.md`.

use std::fs;

use crate::{
    case::{Case, Ran, connections, detect},
    evtx_writer::{self, Event},
};

const HEADER: &str = "dvc,app,dest,dest_ip,dest_port,count,firstTime,lastTime,median_interval,mad,skew_score,mad_score,\
                      histogram_score,duration_score,score";

const REGULAR: &str = r"WS01.corp.example,C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe,8.8.8.8,8.8.8.8,443,25,2024-03-05T14:07:09.1234567Z,2024-03-05T14:31:09.1234567Z,60,1,1.000,0.983,0.808,1.000,0.948";

const RANDOM: &str = r"WS01.corp.example,C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe,9.9.9.9,9.9.9.9,443,8,2024-03-05T14:07:09.1234567Z,2024-03-05T14:31:09.1234567Z,95,90,0.319,0.053,0.000,0.333,0.176";

/// Every minute, each second time one second late.
fn regular() -> Vec<Event> {
    (0..25).map(|minute| Event::connection().at(minute * 60 + minute % 2)).collect()
}

fn random() -> Vec<Event> {
    [0, 5, 100, 130, 700, 705, 1300, 1440].map(|second| Event::connection().dest("9.9.9.9").at(second)).into()
}

/// Three connections, and four of which two are of one second.
fn few() -> Vec<Event> {
    let three = [0, 60, 120].map(|second| Event::connection().dest("1.1.1.1").at(second));
    let four = [0, 60, 60, 120].map(|second| Event::connection().dest("1.0.0.1").at(second));
    three.into_iter().chain(four).collect()
}

fn all() -> Vec<Event> {
    [random(), regular(), few()].concat()
}

/// The table that a run with these arguments writes.
#[track_caller]
fn table(case: &Case, args: &[&str]) -> (String, Ran) {
    let ran = Ran::new(case.command(&[&["--beacons", "beacons.csv", "--force", "-o", "report.csv"], args].concat()));
    ran.exits(0);
    (case.read("beacons.csv"), ran)
}

#[test]
fn a_beacon_comes_before_what_is_random_and_what_is_rare_is_not_scored() {
    let expected = [HEADER, REGULAR, RANDOM, ""].join("\n");
    for case in [detect(), connections()] {
        let case = case.events(&all());
        for more in [&[][..], &["--threads", "1"], &["--no-prefilter"], &["--group-by", "dvc"], &["--dedup"]] {
            let (table, ran) = table(&case, &[more, &["log.evtx"]].concat());
            assert_eq!(table, expected, "{more:?}");
            ran.says(&["beacons   2 channels scored, 2 not: fewer than 4 connections, or fewer than 3 intervals"]);
        }
    }
}

#[test]
fn copies_of_an_event_count_once_also_without_dedup() {
    let log = evtx_writer::log(&all());
    let case = connections().log("a.evtx", &log).log("b.evtx", &log);
    let (table, ran) = table(&case, &["a.evtx", "b.evtx"]);
    assert_eq!(table, [HEADER, REGULAR, RANDOM, ""].join("\n"));
    ran.does_not_say("copies of others");
}

#[test]
fn channels_that_do_not_fit_into_memory_have_the_same_table() {
    let far = |host: u64| {
        let at = move |number: u64| host % 7 + number * (host % 50 + 1) + number * number % (host % 11 + 1);
        let name = format!("HOST{:04}", host * 7919 % 1000);
        (0..6).map(move |number| Event::connection().on(&name).at(at(number)))
    };
    let events: Vec<Event> = (0..900).flat_map(far).collect();
    let case = connections().events(&events);
    let (whole, _) = table(&case, &["log.evtx"]);
    assert!(whole.lines().count() > 700, "{}", whole.lines().count());
    let scores: Vec<&str> = whole.lines().skip(1).map(|line| line.rsplit(',').next().unwrap()).collect();
    assert!(scores.is_sorted_by(|one, two| one >= two) && scores.first() != scores.last());
    for threads in ["1", "2"] {
        let (spilled, _) = table(&case, &["--max-memory", "64KiB", "--threads", threads, "log.evtx"]);
        assert!(spilled == whole);
    }
}

#[test]
fn partial_results_with_events_give_the_table_of_one_scan() {
    let case = connections().log("1.evtx", &evtx_writer::log(&regular())).log("2.evtx", &evtx_writer::log(&random()));
    for (log, part) in [("1.evtx", "1.parquet"), ("2.evtx", "2.parquet")] {
        let args = ["--partial", part, "--partial-events", "--force", "-o", "report.csv", log];
        Ran::new(case.command(&args)).exits(0);
    }
    let merge = |table, parts: &[&str]| {
        Ran::new(case.another(&[&["merge", "--beacons", table, "-o", "report.csv", "--force"], parts].concat()))
    };
    let merged = merge("merged.csv", &["1.parquet", "2.parquet"]);
    merged.exits(0).says(&["beacons   2 channels scored"]);
    let (one, _) = table(&case, &["1.evtx", "2.evtx"]);
    assert_eq!(one, [HEADER, REGULAR, RANDOM, ""].join("\n"));
    assert_eq!(case.read("merged.csv"), one);
    Ran::new(case.command(&["--partial", "groups.parquet", "--force", "-o", "report.csv", "1.evtx"])).exits(0);
    let refused = merge("none.csv", &["groups.parquet"]);
    refused.exits(1).says(&["--beacons needs each hit, but it has only groups: scan with --partial-events"]);
    assert!(!case.path("none.csv").exists());
}

#[test]
fn where_nothing_is_scored_the_summary_says_why() {
    let case = connections().events(&few());
    let (table_of_few, ran) = table(&case, &["log.evtx"]);
    assert_eq!(table_of_few, format!("{HEADER}\n"));
    ran.says(&["beacons   none: 2 channels with fewer than 4 connections, or fewer than 3 intervals that are not 0"]);
    let (_, ran) = table(&case, &["--host", "OTHER", "log.evtx"]);
    ran.says(&["beacons   none: there are no hits\n"]);
    let case = case.file("list.txt", "203.0.113.7\n").args(["--watchlist", "list.txt", "--only-watched"]);
    let (table_of_none, ran) = table(&case, &["log.evtx"]);
    assert_eq!(table_of_none, format!("{HEADER}\n"));
    ran.says(&["beacons   none: all hits were left out, since they are on no list"]);
}

#[test]
fn cells_are_guarded_and_times_and_the_mark_are_those_of_the_report() {
    let events = regular().into_iter().map(|event| event.with("DestinationHostname", "=cmd()"));
    let case = connections().events(&events.collect::<Vec<_>>());
    let (guarded, _) = table(&case, &["--bom", "--time-format", "excel", "log.evtx"]);
    assert!(guarded.starts_with("\u{feff}dvc,"), "{guarded}");
    assert!(
        guarded.contains(",'=cmd(),8.8.8.8,443,25,2024-03-05 14:07:09.123,2024-03-05 14:31:09.123,60,"),
        "{guarded}"
    );
    let (raw, _) = table(&case, &["--raw-cells", "log.evtx"]);
    assert!(raw.contains(",=cmd(),8.8.8.8,443,25,"), "{raw}");
}

#[test]
fn the_table_is_in_the_manifest_and_never_in_place_of_evidence() {
    let case = connections().events(&all());
    let (table_of_all, _) = table(&case, &["--manifest", "case.json", "log.evtx"]);
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(case.path("case.json")).unwrap()).unwrap();
    assert_eq!(manifest["beacons"]["rows"], 2);
    assert_eq!(manifest["beacons"]["sha256"], sha256(&table_of_all));
    let run = |args: &[&str]| Ran::new(case.command(&[args, &["log.evtx"]].concat()));
    fs::copy(case.path("log.evtx"), case.path("log.csv")).unwrap();
    run(&["--beacons", "log.csv", "--force", "log.csv"]).exits(1).says(&["it is one of the files to read"]);
    run(&["--beacons", "beacons.csv"]).exits(1).says(&["it exists; --force replaces it"]);
    run(&["--beacons", "same.csv", "--events", "same.csv"]).exits(1).says(&["another output goes there"]);
    run(&["--beacons", "beacons.jsonl"]).exits(2).says(&["beacons are CSV: give a name such as beacons.csv"]);
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
