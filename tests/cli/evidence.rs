//! Stale records, duplicates, the report of events, the manifest and its verification.

use std::{
    fs,
    process::{Command, Stdio},
};

use serde_json::Value as Json;

use crate::{
    case::{Case, NETSIFT, NOT_FOUND, Ran, connections, detect, hash_by, slashed},
    evtx_writer::{self, CHUNK, Event, HEADER, Log, Value},
};

fn events(count: u64) -> Vec<Event> {
    (0..count).map(|n| Event::connection().dest(&format!("9.9.{}.{}", n / 256, n % 256)).at(n)).collect()
}

fn rows(ran: &Ran) -> usize {
    ran.report().lines().count() - 1
}

fn long_log() -> Log {
    evtx_writer::log(&events(500))
}

#[test]
fn stale_records_count_only_with_recover() {
    let log = long_log();
    let stale = log.records(1).len() - 5;
    let case = connections().log("log.evtx", &log.with_stale_records(1, 5));
    let ran = case.run();
    ran.exits(0).does_not_say("recovered");
    assert_eq!(rows(&ran), 500 - stale);
    let ran = case.run_on(&["--recover", "."]);
    ran.exits(0).says(&[
        &format!("recovered: {stale} records from free space and damaged chunks"),
        &format!("{stale} hits from recovered records"),
    ]);
    assert_eq!(rows(&ran), 500);
}

#[test]
fn the_records_of_a_chunk_that_lost_its_header_come_back_with_recover() {
    let log = long_log();
    let lost = log.records(1).len();
    for damaged in [log.clone().without_chunk_header(1), log.clone().without_chunk_magic(1)] {
        let case = detect().log("log.evtx", &damaged);
        assert_eq!(rows(case.run().exits(3)), 500 - lost);
        let ran = case.run_on(&["--recover", "."]);
        assert_eq!(rows(ran.exits(3).says(&["1 chunk magic", &format!("recovered: {lost} records")])), 500);
    }
}

#[test]
fn trailing_bytes_are_read_as_far_as_they_are_records() {
    let log = long_log();
    let chunk = log.0[HEADER..HEADER + CHUNK].to_vec();
    let whole = log.records(0).iter().filter(|&&at| at < 30_000).count() - 1;
    // The start of a chunk, and one without its header.
    let with_header = log.clone().with_trailing(&chunk[..30_000]);
    let ran = connections().args(["--group-by", "dvc"]).log("log.evtx", &with_header).run();
    ran.exits(3).says(&["1 log cut off", &format!("found     {} connections", 500 + whole)]);
    let mut headless = chunk;
    headless[..512].fill(7);
    let case = connections().args(["--group-by", "dvc"]).log("log.evtx", &log.with_trailing(&headless[..30_000]));
    case.run().exits(3).says(&["found     500 connections"]);
    case.run_on(&["--recover", "."]).exits(3).says(&[&format!("found     {} connections", 500 + whole)]);
}

#[test]
fn copies_of_an_event_count_once_with_dedup() {
    let all = events(20);
    // Exported again: another record number in the header, the same EventRecordID.
    let exported: Vec<Event> = (1..)
        .zip(&all)
        .skip(10)
        .map(|(id, event)| Event { record_id: Some(id), header_time: 0, ..event.clone() })
        .collect();
    let other_host: Vec<Event> = all[..3].iter().map(|event| event.clone().on("WS02")).collect();
    let case = detect()
        .log("a.evtx", &evtx_writer::log(&all))
        .log("b/shadow.evtx", &evtx_writer::log(&all))
        .log("c/export.evtx", &evtx_writer::log(&exported))
        .log("d.evtx", &evtx_writer::log(&other_host))
        .args(["--group-by", "dvc"]);
    case.run().exits(0).says(&["found     53 connections"]).says(&[
        "20 hits are counted again: the same chunks are there twice, such as in ./a.evtx and in ./b/shadow.evtx; --dedup counts each event once",
    ]);
    case.run_on(&["--recover", "."]).says(&["20 hits are counted again"]);
    case.run_on(&["a.evtx", "c", "d.evtx"]).does_not_say("counted again");
    let ran = case.run_on(&["--dedup", "."]);
    ran.does_not_say("counted again");
    ran.exits(0).says(&[
        "found     53 connections of regsvcs.exe: 23 hits in 2 groups",
        "30 hits dropped that are copies of others:",
        "20  ./b/shadow.evtx",
        "10  ./c/export.evtx",
    ]);
    ran.reports(&[
        "dvc,count,firstTime,lastTime",
        "WS01.corp.example,20,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:28.1234567Z",
        "WS02,3,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:11.1234567Z",
    ]);
}

#[test]
fn events_show_each_hit_with_its_record() {
    let log = evtx_writer::log(&[
        Event::connection().dest("8.8.4.4").at(9).with("RuleName", "technique_id=T1218"),
        Event::connection().image("other.exe"),
        Event { record_id: Some(77_001), ..Event::connection().with("DestinationHostname", "=1+1").at(3) },
    ]);
    let case = detect().log("sub/log.evtx", &log);
    case.run_on(&["-o", "report.csv", "--events", "events.csv", "."]).exits(0);
    let events = slashed(&case.read("events.csv"));
    let report = slashed(&case.read("report.csv"));
    let lines: Vec<&str> = events.lines().collect();
    assert!(lines[0].ends_with("process_id,time,utc_time,record_id,rule_name,source,chunk,offset,recovered"));
    let at = |record: usize| HEADER + log.records(0)[record];
    let tail = |time, id, rule, record| {
        format!("{time},2024-03-05 14:07:05.001,{id},{rule},./sub/log.evtx,0,{},false", at(record))
    };
    assert!(lines[1].ends_with(&tail("2024-03-05T14:07:12.1234567Z", "77001", "", 2)), "{}", lines[1]);
    assert!(lines[1].contains(",'=1+1,8.8.8.8,"), "{}", lines[1]);
    assert!(lines[2].ends_with(&tail("2024-03-05T14:07:18.1234567Z", "1", "technique_id=T1218", 0)), "{}", lines[2]);
    // The columns of a group are in every row of its events.
    for (event, group) in lines[1..].iter().zip(report.lines().skip(1)) {
        let key = group.split(",4321,").next().unwrap();
        assert!(event.starts_with(key), "{event}\n{group}");
    }
}

#[test]
fn events_of_recovered_records_say_so_and_a_live_copy_is_kept_before_a_stale_one() {
    let log = long_log().with_stale_records(0, 50);
    let stale = 500 - rows(&connections().log("log.evtx", &log).run());
    let case = connections().log("log.evtx", &log).log("whole.evtx", &long_log());
    case.run_on(&["--recover", "--dedup", "-o", "report.csv", "--events", "events.csv", "."]).exits(0);
    let events = case.read("events.csv");
    assert_eq!(events.lines().count(), 501);
    assert_eq!(events.lines().filter(|line| line.ends_with(",true")).count(), 0);
    case.run_on(&["--force", "--recover", "-o", "report.csv", "--events", "events.csv", "log.evtx"]).exits(0);
    let events = case.read("events.csv");
    assert_eq!(events.lines().filter(|line| line.ends_with(",true")).count(), stale);
}

fn manifest(case: &Case, args: &[&str]) -> Json {
    let all = [&["--force", "-o", "report.csv", "--manifest", "manifest.json"], args].concat();
    let ran = case.run_on(&all);
    assert!([0, 3].contains(&ran.status()), "{}", ran.stderr());
    serde_json::from_str(&fs::read_to_string(case.path("manifest.json")).unwrap()).unwrap()
}

#[test]
fn a_manifest_says_what_was_read_and_what_came_of_it() {
    let mut log = long_log();
    log.0[120] |= 1;
    let gone = log.records(1).len() as u64;
    let first_gone = log.id(1, 0);
    let log = log.without_chunk_magic(1).with_trailing(&[0; CHUNK]);
    let case = detect().log("log.evtx", &log);
    let manifest = manifest(&case, &["--exclude-cidr", "9.9.0.0/24", "log.evtx"]);
    assert_eq!(manifest["schema"], "netsift-manifest");
    assert_eq!(manifest["version"], 1);
    assert_eq!(manifest["tool"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["arguments"][0], "detect");
    assert_eq!(manifest["rule"]["processes"], serde_json::json!(["regsvcs.exe"]));
    assert_eq!(manifest["rule"]["detection_networks"], Json::Null);
    assert_eq!(manifest["rule"]["exclusion_networks"].as_array().unwrap().len(), 36);
    assert_eq!(manifest["rule"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(manifest["exit_status"], 3);
    assert_eq!(manifest.get("run"), None);

    let source = &manifest["sources"][0];
    assert_eq!(source["name"], "log.evtx");
    assert_eq!(source["file"], "log.evtx");
    assert_eq!(source["size"], log.0.len());
    assert_eq!(source["header"], serde_json::json!({"flags": 1, "dirty": true}));
    let chunks = u64::try_from(log.chunks()).unwrap();
    assert_eq!(
        source["chunks"],
        serde_json::json!({
            "decoded": chunks - 2, "ruled_out": 0, "unused": 1, "unreadable": 1, "unchecked": 0, "displaced": 0, "unused_between": false
        })
    );
    let records = &source["records"];
    assert_eq!(records["count"], 500 - gone);
    assert_eq!((&records["first_id"], &records["last_id"]), (&1.into(), &500.into()));
    assert_eq!(records["first_time"], "2024-03-05T14:07:11.1234567Z");
    assert_eq!(
        records["gaps"],
        serde_json::json!({"count": 1, "missing": gone, "largest": gone, "largest_after": first_gone - 1})
    );
    assert_eq!(source["defects"], serde_json::json!({"chunk magic": 1}));
    assert_eq!(
        source["connections"]["hits"].as_u64().unwrap() + source["connections"]["excluded"].as_u64().unwrap(),
        500 - gone
    );
    assert_eq!(manifest["defects"]["first"][0]["offset"], HEADER + CHUNK);
}

#[test]
fn hashes_are_those_of_the_files() {
    let case = detect().events(&events(300)).log("b.evtx", &long_log());
    let manifest = manifest(&case, &["--threads", "2", "."]);
    for (tool, name) in [("sha256sum", "sha256"), ("sha1sum", "sha1"), ("md5sum", "md5")] {
        for source in manifest["sources"].as_array().unwrap() {
            let file = case.path(source["file"].as_str().unwrap());
            if let Some(expected) = hash_by(tool, &file) {
                assert_eq!(source["digests"][name], expected);
            }
        }
    }
    if let Some(expected) = hash_by("sha256sum", &case.path("report.csv")) {
        assert_eq!(manifest["report"]["sha256"], expected);
    }
    assert_eq!(manifest["report"]["rows"], 500);
}

#[test]
fn a_manifest_is_the_same_bytes_for_the_same_evidence_unless_asked_about_the_run() {
    let case = detect().events(&events(300)).log("b.evtx", &long_log().without_chunk_magic(1));
    let bytes = |args: &[&str]| {
        let manifest = manifest(&case, args);
        (fs::read(case.path("manifest.json")).unwrap(), manifest)
    };
    let (first, _) = bytes(&["--threads", "2", "."]);
    assert!(bytes(&["--threads", "2", "."]).0 == first);
    // Threads are among the arguments, and nowhere else.
    let sources = |threads| bytes(&["--threads", threads, "."]).1["sources"].clone();
    assert_eq!(sources("1"), sources("3"));
    let (_, with_run) = bytes(&["--manifest-run-info", "."]);
    assert!(with_run["run"]["started"].as_str().unwrap() <= with_run["run"]["finished"].as_str().unwrap());
    assert!(!with_run["run"]["host"].as_str().unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn a_run_starts_before_what_it_is_given_is_read() {
    let case = detect().events(&events(1));
    assert!(Command::new("mkfifo").arg(case.path("list.txt")).status().unwrap().success());
    let args = ["--manifest", "manifest.json", "--manifest-run-info", "--watchlist", "list.txt", "log.evtx"];
    let mut run = case.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // This waits until the list is opened.
    let mut list = fs::OpenOptions::new().write(true).open(case.path("list.txt")).unwrap();
    let opened = jiff::Timestamp::now();
    std::io::Write::write_all(&mut list, b"9.9.9.9\n").unwrap();
    drop(list);
    run.wait().unwrap();
    let manifest: Json = serde_json::from_str(&case.read("manifest.json")).unwrap();
    let started: jiff::Timestamp = manifest["run"]["started"].as_str().unwrap().parse().unwrap();
    assert!(started <= opened, "{started} {opened}");
}

#[test]
fn the_report_is_the_same_with_a_manifest_and_without() {
    let case = detect().events(&events(300)).log("b.evtx", &long_log().without_chunk_magic(1));
    let without = case.run().report().to_owned();
    manifest(&case, &["."]);
    assert_eq!(case.read("report.csv"), without);
}

#[test]
fn verify_tells_what_changed_and_what_is_missing() {
    let case = detect().events(&events(3)).log("b.evtx", &long_log()).log("c.evtx", &long_log());
    manifest(&case, &["."]);
    let verify = || {
        let mut command = Command::new(NETSIFT);
        command.current_dir(case.path(".")).args(["verify", "manifest.json"]);
        Ran::new(command)
    };
    verify().exits(0).reports(&["same     ./b.evtx", "same     ./c.evtx", "same     ./log.evtx"]);
    let mut log = long_log();
    log.0[70_000] ^= 1;
    fs::write(case.path("b.evtx"), &log.0).unwrap();
    fs::remove_file(case.path("c.evtx")).unwrap();
    verify().exits(3).reports(&["changed  ./b.evtx", "missing  ./c.evtx", "same     ./log.evtx"]);
    fs::write(case.path("manifest.json"), "{}").unwrap();
    verify().exits(1).says(&["netsift: manifest.json: cannot read the manifest: not a manifest"]);
    fs::remove_file(case.path("manifest.json")).unwrap();
    verify().exits(1).says(&["netsift: manifest.json: cannot read the manifest: ", NOT_FOUND]);
}

#[test]
fn verify_says_how_many_there_are_and_finds_new_logs_where_that_is_asked() {
    let case = detect().log("logs/a.evtx", &long_log()).log("logs/b.evtx", &long_log());
    manifest(&case, &["logs"]);
    let verify = |args: &[&str]| {
        let mut command = Command::new(NETSIFT);
        command.current_dir(case.path(".")).args(["verify", "manifest.json"]).args(args);
        Ran::new(command)
    };
    let same = ["same     logs/a.evtx", "same     logs/b.evtx"];
    verify(&[]).exits(0).reports(&same).says(&["verified  2: 2 same\n"]);
    verify(&["--new"]).exits(0).reports(&same);
    verify(&["--quiet", "--new"]).exits(0).reports(&[]).does_not_say("verified");
    fs::create_dir(case.path("logs/more")).unwrap();
    fs::write(case.path("logs/more/c.evtx"), &long_log().0).unwrap();
    fs::write(case.path("elsewhere.evtx"), &long_log().0).unwrap();
    fs::remove_file(case.path("logs/b.evtx")).unwrap();
    verify(&["--quiet"]).exits(3).reports(&["missing  logs/b.evtx"]);
    let ran = verify(&["--new"]);
    ran.exits(3).reports(&["same     logs/a.evtx", "missing  logs/b.evtx", "new      logs/more/c.evtx"]);
    ran.says(&["verified  3: 1 same, 1 missing, 1 new\n"]);
    ran.does_not_say("run this in the folder");
}

#[test]
fn verify_says_where_to_run_it_and_refuses_a_manifest_without_logs() {
    let case = detect().log("logs/a.evtx", &long_log());
    manifest(&case, &["logs"]);
    let elsewhere = Ran::new({
        let mut command = case.another(&["verify", "../manifest.json"]);
        command.current_dir(case.path("logs"));
        command
    });
    elsewhere.exits(3).says(&["none of the logs is here: run this in the folder in which the logs were searched"]);
    let mut of_none: serde_json::Value = serde_json::from_str(&case.read("manifest.json")).unwrap();
    of_none["sources"] = serde_json::json!([]);
    let case = case.file("none.json", of_none.to_string());
    let ran = Ran::new(case.another(&["verify", "--quiet", "none.json"]));
    ran.exits(1)
        .says(&["netsift: none.json: cannot read the manifest: it names no log, so there is nothing to verify"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_only_when_asked_to() {
    let case = detect().log("elsewhere/log.evtx", &evtx_writer::log(&[Event::connection()])).file("case/x", "");
    std::os::unix::fs::symlink("../elsewhere", case.path("case/logs")).unwrap();
    std::os::unix::fs::symlink("..", case.path("case/circle")).unwrap();
    case.run_on(&["case"]).exits(1);
    // The circle leads back to what is read in any case.
    let ran = case.run_on(&["--follow", "case"]);
    assert_eq!(rows(ran.exits(0)), 1);
    ran.does_not_say("loop");
    fs::remove_file(case.path("case/logs")).unwrap();
    case.run_on(&["--follow", "case"]).exits(1);
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_are_defects() {
    let case = detect().log("case/log.evtx", &evtx_writer::log(&[Event::connection()]));
    std::os::unix::fs::symlink("round.evtx", case.path("case/round.evtx")).unwrap();
    case.run_on(&["--follow", "case"]).exits(3).says(&["round.evtx: ", "1 path not searched"]);
}

#[test]
fn values_of_an_unusual_shape_keep_their_place_in_the_events() {
    let event = Event::connection().with("UtcTime", Value::Null).with("RuleName", Value::U32(7));
    let case = detect().events(&[event]);
    case.run_on(&["-o", "r.csv", "--events", "e.csv", "."]).exits(0);
    let events = slashed(&case.read("e.csv"));
    assert!(events.lines().nth(1).unwrap().contains("1234567Z,,1,7,./log.evtx,"), "{events}");
}

#[test]
fn a_stale_copy_of_a_live_record_is_not_another_connection() {
    // What Windows leaves in the free space of a chunk: the bytes of the chunk before.
    let log = evtx_writer::log(&events(120));
    let records = log.records(1);
    let from = records[3];
    let mut bytes = log.0.clone();
    let (chunk, before) = (evtx_writer::offset(1), evtx_writer::offset(0));
    let copied = bytes[before + from..before + CHUNK].to_vec();
    bytes[chunk + from..chunk + CHUNK].copy_from_slice(&copied);
    bytes[chunk + 48..chunk + 52].copy_from_slice(&u32::try_from(from).unwrap().to_le_bytes());
    let last = log.id(1, 2);
    bytes[chunk + 32..chunk + 40].copy_from_slice(&last.to_le_bytes());
    let mut log = Log(bytes);
    log.mend(1);
    let case = connections().log("log.evtx", &log).args(["--group-by", "dvc"]);
    let live = u64::try_from(log.records(0).len()).unwrap() + 3;
    case.run().says(&[&format!("found     {live} connections")]);
    let ran = case.run_on(&["--recover", "."]);
    ran.exits(0).says(&["dropped that are copies of others"]);
    assert!(ran.report().contains(&format!("WS01.corp.example,{live},")), "{}", ran.report());
}

#[cfg(unix)]
#[test]
fn names_that_look_alike_are_different_sources() {
    use std::os::unix::ffi::OsStrExt;
    let case = detect().log("a.evtx", &evtx_writer::log(&events(2)));
    for (name, count) in [(&b"x\xff.evtx"[..], 3), (b"x\xfe.evtx", 4), (b"x\\xff.evtx", 5)] {
        let name = std::ffi::OsStr::from_bytes(name);
        fs::write(case.path(".").join(name), evtx_writer::log(&events(count)).0).unwrap();
    }
    let manifest = manifest(&case, &["."]);
    let hits: Vec<u64> =
        manifest["sources"].as_array().unwrap().iter().map(|s| s["connections"]["hits"].as_u64().unwrap()).collect();
    assert_eq!(hits.iter().sum::<u64>(), 2 + 3 + 4 + 5);
    assert_eq!(hits.len(), 4);
    let mut command = Command::new(NETSIFT);
    command.current_dir(case.path(".")).args(["verify", "manifest.json"]);
    let ran = Ran::new(command);
    assert_eq!(ran.exits(0).report().matches("same").count(), 4, "{}", ran.report());
}

#[test]
fn passwords_are_not_put_into_the_manifest() {
    let case = detect().events(&events(1));
    for args in [&["--zip-password", "s3cret", "."][..], &["--zip-password=s3cret", "."]] {
        let manifest = manifest(&case, args).to_string();
        assert!(!manifest.contains("s3cret") && manifest.contains("(hidden)"), "{manifest}");
    }
}

#[test]
fn a_closed_pipe_does_not_change_what_the_manifest_says_of_the_report() {
    let case = detect().events(&events(500));
    let whole = manifest(&case, &["."])["report"].clone();
    let mut command = case.command(&["-q", "--force", "--manifest", "m.json", "."]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let manifest: Json = serde_json::from_str(&fs::read_to_string(case.path("m.json")).unwrap()).unwrap();
    assert_eq!(manifest["report"], whole);
}

#[test]
fn gaps_are_those_of_the_records_that_were_read() {
    let log = long_log();
    let (id, record) = (log.id(1, 7), log.records(1)[7]);
    let case = detect().log("log.evtx", &log.with_zeros(1, record, 24));
    let gaps = manifest(&case, &["."])["sources"][0]["records"]["gaps"].clone();
    assert_eq!(gaps, serde_json::json!({"count": 1, "missing": 1, "largest": 1, "largest_after": id - 1}));
}

#[test]
fn old_records_whose_shared_names_were_overwritten_are_read_by_what_stands_in_them() {
    // In the old use of the chunk the names `EventData` and `Data` stand in the first records; in the new one, something else.
    let other = |host: &str| Event::sysmon(5, 3).on(host).with("Image", "x").with("User", "y");
    let first = [other("WS01.corp.example"), other("WS01.corp.example")];
    let connections_of_old = [Event::connection(), Event::connection().dest("9.9.9.9").at(1)];
    let old = evtx_writer::log(first.iter().chain(&connections_of_old));
    let behind = old.records(0)[2];
    let end = old.end(0);
    // The host is text of the template around it, which is overwritten too.
    let of_record = "app,dest,dest_ip,dest_port,direction,src,src_ip,src_port,transport,user,process_guid,process_id";
    let live = connections().log("log.evtx", &old).args(["--group-by", of_record]);
    let expected = live.run_on(&["log.evtx"]).report().to_owned();
    assert_eq!(expected.lines().count(), 3);
    for length in 1..=30 {
        let new = evtx_writer::log([&other(&"N".repeat(length))]);
        assert!(new.end(0) < behind, "{length}");
        let start = evtx_writer::offset(0);
        let mut reused = new.clone();
        reused.0[start + behind..start + end].copy_from_slice(&old.0[start + behind..start + end]);
        let case = connections().log("log.evtx", &reused).args(["--group-by", of_record]);
        let ran = case.run_on(&["--recover", "log.evtx"]);
        assert_eq!(ran.report(), expected, "{length}: {}", ran.stderr());
    }
}

#[cfg(unix)]
#[test]
fn what_is_there_and_cannot_be_read_is_not_said_to_be_missing() {
    use std::os::unix::fs::PermissionsExt;
    let case = detect().events(&[Event::connection()]);
    case.run_on(&["--force", "--manifest", "case.json", "-q", "log.evtx"]).exits(0);
    let log = case.path("log.evtx");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads it all the same: then a link that leads to itself stands in its place.
    if fs::File::open(&log).is_ok() {
        fs::remove_file(&log).unwrap();
        std::os::unix::fs::symlink("log.evtx", &log).unwrap();
    }
    for quiet in [&[][..], &["--quiet"]] {
        let ran = Ran::new(case.another(&[&["verify", "case.json"], quiet].concat()));
        ran.exits(3).says(&["netsift: log.evtx: cannot be read: "]);
        assert_eq!(ran.report(), "unreadable log.evtx\n");
    }
    fs::remove_file(&log).unwrap();
    let ran = Ran::new(case.another(&["verify", "case.json"]));
    assert_eq!(ran.exits(3).report(), "missing  log.evtx\n");
    fs::write(case.path("empty.txt"), "").unwrap();
    Ran::new(case.another(&["verify", "empty.txt"])).exits(1).says(&[
        "netsift: empty.txt: cannot read the manifest: not a manifest: it is empty: give a file that was written with",
    ]);
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_in_the_place_of_a_log_or_a_list_is_not_waited_for() {
    let case = detect().events(&[Event::connection()]).file("list.txt", "9.9.9.9\n");
    case.run_on(&["--force", "--manifest", "case.json", "-q", "--watchlist", "list.txt", "log.evtx"]).exits(0);
    let becomes = |program: &str, args: &[&str]| {
        for name in ["list.txt", "log.evtx"] {
            fs::remove_file(case.path(name)).unwrap();
            let made = Command::new(program).args(args).arg(case.path(name)).status();
            assert!(made.unwrap().success());
        }
        let ran = Ran::new(case.another(&["verify", "case.json"]));
        assert_eq!(ran.exits(3).report(), "unreadable list.txt (watchlist)\nunreadable log.evtx\n");
        ran.says(&["netsift: log.evtx: cannot be read: not a regular file"]);
    };
    becomes("ln", &["-s", "/dev/null"]);
    becomes("mkfifo", &[]);
}
