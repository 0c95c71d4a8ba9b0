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
    evtx_writer::{Event, Value, log, time},
};

const HEADER: &str = "action,app,dest,dest_ip,dest_port,direction,dvc,protocol,protocol_version,src,src_ip,src_port,\
    transport,user,vendor_product,process_name,process_exec,process_guid,process_id,count,firstTime,lastTime";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// A record, and for a connection the row and the verdicts that it must have.
struct Planned {
    event: Event,
    row: Option<Row>,
}

struct Row {
    /// The fields as they stand in the report.
    fields: String,
    time: u64,
    hit_special: bool,
    hit_splunk: bool,
}

struct Plan {
    host: &'static str,
    image: &'static str,
    user: &'static str,
    /// As it stands in the log, and in the report.
    dest: (&'static str, &'static str),
    dest_name: &'static str,
    port: u16,
    transport: &'static str,
    outbound: bool,
    /// Seconds after the first.
    at: u64,
    hits: (bool, bool),
}

const REGSVCS: &str = r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe";

impl Default for Plan {
    fn default() -> Self {
        Self {
            host: "WS01.corp.example",
            image: REGSVCS,
            user: r"CORP\alice",
            dest: ("8.8.8.8", "8.8.8.8"),
            dest_name: "-",
            port: 443,
            transport: "tcp",
            outbound: true,
            at: 0,
            hits: (true, true),
        }
    }
}

impl Plan {
    fn planned(self) -> Planned {
        let Self { host, image, user, dest, dest_name, port, transport, outbound, at, hits } = self;
        let event = Event::connection()
            .on(host)
            .at(at)
            .image(image)
            .dest(dest.0)
            .with("User", user)
            .with("Protocol", transport)
            .with("Initiated", Value::Bool(outbound))
            .with("SourceHostname", host)
            .with("DestinationHostname", dest_name)
            .with("DestinationPort", Value::U16(port));
        let name = image.rsplit('\\').next().unwrap();
        let direction = if outbound { "outbound" } else { "inbound" };
        let version = if dest.1.contains(':') { "ipv6" } else { "ipv4" };
        let dest_name = if dest_name == "-" { dest.1 } else { dest_name };
        let fields = format!(
            "allowed,{image},{dest_name},{},{port},{direction},{host},ip,{version},{host},10.1.2.3,50123,{transport},\
             {user},Microsoft Sysmon,{name},{name},{{11223344-5566-7788-99AA-BBCCDDEEFF00}},4321",
            dest.1
        );
        Planned { event, row: Some(Row { fields, time: time(at), hit_special: hits.0, hit_splunk: hits.1 }) }
    }
}

fn no_connection(event: Event) -> Planned {
    Planned { event, row: None }
}

/// A workstation: regsvcs.exe to the edge of every excluded network, look-alikes, and other events about it.
fn workstation() -> Vec<Planned> {
    let miss = (false, false);
    let mut records = vec![
        Plan::default().planned(),
        Plan { at: 3600, ..Plan::default() }.planned(),
        Plan { dest_name: "c2.example.net", dest: ("198.41.0.4", "198.41.0.4"), at: 60, ..Plan::default() }.planned(),
        Plan { dest: ("2606:4700:4700:0:0:0:0:1111", "2606:4700:4700::1111"), at: 61, ..Plan::default() }.planned(),
        Plan { dest: ("::ffff:1.1.1.1", "1.1.1.1"), at: 62, ..Plan::default() }.planned(),
        Plan { transport: "udp", port: 53, at: 63, ..Plan::default() }.planned(),
        Plan { outbound: false, port: 8080, at: 64, ..Plan::default() }.planned(),
        Plan { image: r"C:\Users\alice\REGSVCS.EXE", at: 65, ..Plan::default() }.planned(),
        Plan { image: r"C:\Temp\regsvcs.exe.bak", at: 66, hits: miss, ..Plan::default() }.planned(),
        Plan { image: r"C:\Temp\notregsvcs.exe", at: 67, hits: miss, ..Plan::default() }.planned(),
        Plan { image: r"C:\regsvcs.exe\other.exe", at: 68, hits: miss, ..Plan::default() }.planned(),
        Plan { dest_name: "=HYPERLINK(0)", at: 69, ..Plan::default() }.planned(),
    ];
    // What a spreadsheet would run is guarded.
    let formula = records.last_mut().and_then(|record| record.row.as_mut()).unwrap();
    formula.fields = formula.fields.replace(",=HYPERLINK", ",'=HYPERLINK");
    for (at, &(spelled, canonical, special, splunk)) in (100..).zip(BOUNDARIES) {
        let plan = Plan { dest: (spelled, canonical), at, hits: (special, splunk), ..Plan::default() };
        records.push(plan.planned());
        let other = Plan { image: r"C:\Windows\System32\svchost.exe", user: r"NT AUTHORITY\SYSTEM", ..Plan::default() };
        records.push(Plan { dest: (spelled, canonical), at: at + 1000, hits: miss, ..other }.planned());
        let started = Event::sysmon(1, 5).at(at).with("Image", REGSVCS).with("CommandLine", "regsvcs.exe /u evil.dll");
        records.push(no_connection(started.with("ProcessId", Value::U32(3))));
        records.push(no_connection(Event::sysmon(7, 3).at(at).with("Image", REGSVCS).with("ImageLoaded", "evil.dll")));
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
        Plan {
            host: "SRV02.corp.example",
            at: 8002,
            dest: ("10.9.9.9", "10.9.9.9"),
            hits: (false, false),
            ..Plan::default()
        }
        .planned(),
    ];
    let incomplete = Event::sysmon(3, 5).on("SRV03.corp.example").at(8003).image(REGSVCS).dest("9.9.9.9");
    let fields = format!(
        "allowed,{REGSVCS},9.9.9.9,9.9.9.9,,,SRV03.corp.example,ip,ipv4,,,,,,Microsoft Sysmon,RegSvcs.exe,RegSvcs.exe,,"
    );
    records.push(Planned {
        event: incomplete,
        row: Some(Row { fields, time: time(8003), hit_special: true, hit_splunk: true }),
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
        ("case/WEC01/ForwardedEvents.evtx", forwarded()),
    ];
    let rows: Vec<&Row> =
        logs.iter().flat_map(|(_, records)| records).filter_map(|record| record.row.as_ref()).collect();
    let mut files = BTreeMap::from([
        ("expected/connections.csv", report(&rows, |_| true)),
        ("expected/detect.csv", report(&rows, |row| row.hit_special)),
        ("expected/detect-splunk.csv", report(&rows, |row| row.hit_splunk)),
    ]);
    files.extend(logs.iter().map(|(name, records)| (*name, log(records.iter().map(|record| &record.event)).0)));
    files
}

fn report(rows: &[&Row], wanted: impl Fn(&Row) -> bool) -> Vec<u8> {
    let mut groups: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| wanted(row)) {
        groups.entry(&row.fields).or_default().push(row.time);
    }
    let mut lines: Vec<(String, String)> = groups
        .into_iter()
        .map(|(fields, times)| {
            let (first, last) = (rfc3339(*times.iter().min().unwrap()), rfc3339(*times.iter().max().unwrap()));
            (first.clone(), format!("{fields},{},{first},{last}\n", times.len()))
        })
        .collect();
    lines.sort();
    [format!("{HEADER}\n")].into_iter().chain(lines.into_iter().map(|(_, line)| line)).collect::<String>().into_bytes()
}

fn rfc3339(filetime: u64) -> String {
    let since_1970 = i64::try_from(filetime).unwrap() - 116_444_736_000_000_000;
    let seconds = jiff::Timestamp::from_second(since_1970 / 10_000_000).unwrap();
    format!("{}.{:07}Z", seconds.to_string().trim_end_matches('Z'), since_1970 % 10_000_000)
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
fn the_workstations_log_has_several_chunks_with_back_references() {
    let log = log(workstation().iter().map(|record| &record.event));
    assert!(log.chunks() >= 3, "{}", log.chunks());
    // Records that refer back are shorter than the first of their kind.
    let starts = log.records(0);
    assert!(starts.len() > 50 && starts[2] - starts[1] < starts[1] - starts[0]);
}
