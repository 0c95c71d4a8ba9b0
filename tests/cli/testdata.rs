//! The logs in `testdata/` and their expected reports, both made here.
//!
//! The reports are not made by the tool: each connection is planned with the row and the verdict that it must have.
//! `cargo test --test cli -- --ignored regenerate` writes the folder again, byte for byte.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    boundaries::BOUNDARIES,
    case::{NETSIFT, Ran, difference},
    evtx_writer::{Event, Value, log},
    intrusion,
    plan::{MISS, Plan, Planned, REGSVCS, Row, UNKNOWN, logged, moment, no_connection, rfc3339},
};

const HEADER: &str = "action,app,dest,dest_ip,dest_port,direction,dvc,protocol,protocol_version,src,src_ip,src_port,\
    transport,user,vendor_product,process_name,process_exec,process_guid,process_id,count,firstTime,lastTime";

/// What `--context` adds to that.
const CONTEXT: &str = "process,process_hash,original_file_name,process_integrity_level,process_start,process_end,\
    parent_process,parent_process_path,parent_process_name,parent_process_id,parent_process_guid,ancestry,dest_query,context";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// A workstation: regsvcs.exe to the edge of every excluded network, look-alikes, and other events about it.
fn workstation() -> Vec<Planned> {
    let mut records = vec![
        Plan::default().planned(),
        Plan { at: 3600, ..Plan::default() }.planned(),
        Plan { dest_name: "c2.example.net", dest: ("198.41.0.4", "198.41.0.4"), at: 60, ..Plan::default() }.planned(),
        Plan { dest: ("2606:4700:4700:0:0:0:0:1111", "2606:4700:4700::1111"), at: 61, ..Plan::default() }.planned(),
        Plan { dest: ("::ffff:1.1.1.1", "1.1.1.1"), at: 62, ..Plan::default() }.planned(),
        Plan { transport: "udp", port: 53, at: 63, ..Plan::default() }.planned(),
        Plan { outbound: false, port: 8080, at: 64, ..Plan::default() }.planned(),
        Plan { image: r"C:\Users\alice\REGSVCS.EXE", at: 65, ..Plan::default() }.planned(),
        Plan { image: r"C:\Temp\regsvcs.exe.bak", at: 66, hits: MISS, ..Plan::default() }.planned(),
        Plan { image: r"C:\Temp\notregsvcs.exe", at: 67, hits: MISS, ..Plan::default() }.planned(),
        Plan { image: r"C:\regsvcs.exe\other.exe", at: 68, hits: MISS, ..Plan::default() }.planned(),
        Plan { dest_name: "=HYPERLINK(0)", at: 69, ..Plan::default() }.planned(),
    ];
    // What a spreadsheet would run is guarded.
    let formula = records.last_mut().and_then(|record| record.row.as_mut()).unwrap();
    formula.fields = formula.fields.replace(",=HYPERLINK", ",'=HYPERLINK");
    for (at, &(spelled, canonical, special, splunk)) in (100..).zip(BOUNDARIES) {
        let plan = Plan { dest: (spelled, canonical), at, hits: (special, splunk), ..Plan::default() };
        records.push(plan.planned());
        let other = Plan { image: r"C:\Windows\System32\svchost.exe", user: r"NT AUTHORITY\SYSTEM", ..Plan::default() };
        records.push(Plan { dest: (spelled, canonical), at: at + 1000, hits: MISS, ..other }.planned());
        let started =
            logged(Event::sysmon(1, 5), at).with("Image", REGSVCS).with("CommandLine", "regsvcs.exe /u evil.dll");
        records.push(no_connection(started.with("ProcessId", Value::U32(3))));
        records.push(no_connection(
            logged(Event::sysmon(7, 3), at).with("Image", REGSVCS).with("ImageLoaded", "evil.dll"),
        ));
    }
    records
}

/// A host whose Sysmon is too old to write `RuleName`.
fn old_schema() -> Vec<Planned> {
    let hosts = ["WS02", "WS02", "WS02"];
    let plans = (0..).zip(hosts).map(|(n, host)| Plan { host, at: 7000 + n, port: 80, ..Plan::default() }.planned());
    plans
        .map(|mut record| {
            record.event = record.event.without("RuleName");
            record.event.version = 3;
            record
        })
        .collect()
}

/// A collector with the forwarded events of two hosts, some of them incomplete.
fn forwarded() -> Vec<Planned> {
    let mut records = vec![
        Plan { host: "SRV01.corp.example", at: 8000, ..Plan::default() }.planned(),
        Plan { host: "SRV02.corp.example", at: 8001, ..Plan::default() }.planned(),
        Plan { host: "SRV02.corp.example", at: 8002, dest: ("10.9.9.9", "10.9.9.9"), hits: MISS, ..Plan::default() }
            .planned(),
    ];
    let incomplete = Event::sysmon(3, 5).on("SRV03.corp.example").at(8003).image(REGSVCS).dest("9.9.9.9");
    let fields = format!(
        "allowed,{REGSVCS},9.9.9.9,9.9.9.9,,,SRV03.corp.example,ip,ipv4,,,,,,Microsoft Sysmon,RegSvcs.exe,RegSvcs.exe,,"
    );
    records.push(Planned {
        event: incomplete,
        row: Some(Row { fields, context: UNKNOWN.to_owned(), time: moment(8003), hit_special: true, hit_splunk: true }),
    });
    for (record, id) in records.iter_mut().zip(88_001..) {
        record.event.channel = "ForwardedEvents".to_owned();
        record.event.record_id = Some(id);
    }
    records
}

/// Another provider's log that names regsvcs.exe.
fn security() -> Vec<Planned> {
    let event = |n: u64| Event {
        provider: "Microsoft-Windows-Security-Auditing".to_owned(),
        channel: "Security".to_owned(),
        ..Event::sysmon(if n == 0 { 3 } else { 4688 }, 2).at(n).with("NewProcessName", REGSVCS).with("Image", REGSVCS)
    };
    (0..20).map(event).map(no_connection).collect()
}

/// Every file of the folder, by name.
fn files() -> BTreeMap<&'static str, Vec<u8>> {
    let logs = [
        ("case/WS01/Microsoft-Windows-Sysmon%4Operational.evtx", workstation()),
        ("case/WS01/Security.evtx", security()),
        ("case/WS02/sysmon-export.evtx", old_schema()),
        ("case/WS03/Microsoft-Windows-Sysmon%4Operational.evtx", intrusion::records()),
        ("case/WEC01/ForwardedEvents.evtx", forwarded()),
    ];
    let rows: Vec<&Row> =
        logs.iter().flat_map(|(_, records)| records).filter_map(|record| record.row.as_ref()).collect();
    let mut files = BTreeMap::from([
        ("expected/connections.csv", report(&rows, |_| true)),
        ("expected/detect.csv", report(&rows, |row| row.hit_special)),
        ("expected/detect-splunk.csv", report(&rows, |row| row.hit_splunk)),
        ("expected/detect-context.csv", report_with_context(&rows, |row| row.hit_special)),
        ("expected/connections-context.csv", report_with_context(&rows, |_| true)),
    ]);
    files.extend(logs.iter().map(|(name, records)| (*name, log(records.iter().map(|record| &record.event)).0)));
    files
}

fn report(rows: &[&Row], wanted: impl Fn(&Row) -> bool) -> Vec<u8> {
    written(HEADER, rows, wanted, |_| String::new())
}

fn report_with_context(rows: &[&Row], wanted: impl Fn(&Row) -> bool) -> Vec<u8> {
    written(&format!("{HEADER},{CONTEXT}"), rows, wanted, |row| format!(",{}", row.context))
}

/// The rows that are wanted, grouped by their fields, with something behind the times of each.
fn written(header: &str, rows: &[&Row], wanted: impl Fn(&Row) -> bool, behind: impl Fn(&Row) -> String) -> Vec<u8> {
    let mut groups: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| wanted(row)) {
        groups.entry(&row.fields).or_default().push(row);
    }
    let mut lines: Vec<(String, String)> = groups
        .into_iter()
        .map(|(fields, rows)| {
            let times = || rows.iter().map(|row| row.time);
            let (first, last) = (rfc3339(times().min().unwrap()), rfc3339(times().max().unwrap()));
            let behind = behind(rows[0]);
            (first.clone(), format!("{fields},{},{first},{last}{behind}\n", rows.len()))
        })
        .collect();
    lines.sort();
    [format!("{header}\n")].into_iter().chain(lines.into_iter().map(|(_, line)| line)).collect::<String>().into_bytes()
}

#[test]
fn the_committed_files_are_what_the_writer_writes() {
    for (name, bytes) in files() {
        let committed = fs::read(folder().join(name)).unwrap_or_default();
        assert!(committed == bytes, "testdata/{name} is not what the writer writes now: regenerate it, and look at it");
    }
}

#[test]
#[ignore = "writes testdata/ again"]
fn regenerate() {
    for (name, bytes) in files() {
        let path = folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[track_caller]
fn agrees(args: &[&str], expected: &str) {
    let expected = fs::read_to_string(folder().join("expected").join(expected)).unwrap();
    for slow in [&[][..], &["--no-prefilter"], &["--threads", "1"]] {
        let mut command = Command::new(NETSIFT);
        command.args(args).args(slow).arg(folder().join("case"));
        let ran = Ran::new(command);
        let (wanted, actual): (Vec<_>, Vec<_>) = (expected.lines().collect(), ran.exits(0).report().lines().collect());
        assert!(ran.report() == expected, "{args:?} {slow:?}\n{}", difference(&wanted, &actual));
    }
}

#[test]
fn the_default_detection_gives_the_planned_report() {
    agrees(&["detect"], "detect.csv");
}

#[test]
fn splunks_own_exclusions_give_the_planned_report() {
    agrees(&["detect", "--exclusions", "splunk"], "detect-splunk.csv");
}

#[test]
fn connections_gives_the_planned_report() {
    agrees(&["connections"], "connections.csv");
}

#[test]
fn the_process_behind_each_connection_is_the_planned_one() {
    agrees(&["detect", "--context"], "detect-context.csv");
    agrees(&["connections", "--context"], "connections-context.csv");
}

/// The lines of a report on the case, without its header.
fn lines(args: &[&str]) -> Vec<String> {
    let mut command = Command::new(NETSIFT);
    command.args(args).arg(folder().join("case"));
    Ran::new(command).exits(0).report().lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn the_rules_find_the_program_of_windows_that_fetched_a_file() {
    let options = ["--rule", "lolbas", "--host", "WS03", "--group-by", "app,dest_ip"];
    let found = lines(&[&["detect"][..], &options].concat());
    let starts = [r"C:\Windows\System32\certutil.exe,192.5.5.241,2,", r"C:\Users\Public\RegSvcs.exe,198.41.0.4,40,"];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    assert!(found.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{found:?}");
}

#[test]
fn the_program_that_calls_home_is_the_most_regular_and_the_browser_is_not() {
    let report = std::env::temp_dir().join(format!("netsift-{}-example.csv", std::process::id()));
    let found = lines(&["connections", "--beacons", "-", "--force", "-o", report.to_str().unwrap()]);
    fs::remove_file(report).unwrap();
    let score = |line: &str| line.rsplit(',').next().unwrap().parse::<f64>().unwrap();
    assert!(found[0].starts_with(r"WS03,C:\Users\Public\RegSvcs.exe,198.41.0.4,198.41.0.4,443,40,"), "{found:?}");
    assert!(score(&found[0]) > 0.8, "{found:?}");
    assert!(found[1..].iter().all(|line| score(line) < 0.6), "{found:?}");
}

#[test]
fn the_times_of_the_case_agree_so_that_the_summary_has_nothing_to_say_of_clocks() {
    let mut command = Command::new(NETSIFT);
    command.arg("connections").arg(folder().join("case"));
    let ran = Ran::new(command);
    assert!(!ran.exits(0).stderr().contains("clocks"), "{}", ran.stderr());
}

#[test]
fn the_workstations_log_has_several_chunks_with_back_references() {
    let log = log(workstation().iter().map(|record| &record.event));
    assert!(log.chunks() >= 3, "{}", log.chunks());
    // Records that refer back are shorter than the first of their kind.
    let starts = log.records(0);
    assert!(starts.len() > 50 && starts[2] - starts[1] < starts[1] - starts[0]);
}
