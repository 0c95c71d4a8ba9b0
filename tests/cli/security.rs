//! Connections that Windows' Security-Auditing has logged, alone and beside those of Sysmon.

use std::fs;

use crate::{
    archive_writer::{deflated, zip},
    case::{Case, Ran, connections, detect},
    evtx_writer::{self, Event, Value},
    exports::{FORMS, export},
    samples::samples,
};

const PROVIDER: &str = "Microsoft-Windows-Security-Auditing";
const REGSVCS: &str = r"\device\harddiskvolume3\windows\microsoft.net\framework64\v4.0.30319\regsvcs.exe";
const HEADER: &str = "action,app,dest,dest_ip,dest_port,direction,dvc,protocol,protocol_version,src,src_ip,src_port,transport,user,\
                      vendor_product,process_name,process_exec,process_guid,process_id,count,firstTime,lastTime";

/// An event of the Security log without data.
pub fn security(id: u16, version: u8) -> Event {
    Event {
        provider: PROVIDER.to_owned(),
        channel: "Security".to_owned(),
        task: 12810,
        version,
        ..Event::sysmon(id, version)
    }
}

/// An EventID 5156 of version 0, of the connection that [`Event::connection`] is.
pub fn allowed() -> Event {
    logged(5156, 0)
}

fn blocked() -> Event {
    logged(5157, 0)
}

fn logged(id: u16, version: u8) -> Event {
    security(id, version)
        .with("ProcessID", Value::U64(4321))
        .with("Application", REGSVCS)
        .with("Direction", "%%14593")
        .with("SourceAddress", "10.1.2.3")
        .with("SourcePort", "50123")
        .with("DestAddress", "8.8.8.8")
        .with("DestPort", "443")
        .with("Protocol", Value::U32(6))
        .with("FilterRTID", Value::U64(65865))
        .with("LayerName", "%%14611")
        .with("LayerRTID", Value::U64(48))
}

/// What version 1 adds.
fn version_1(event: Event) -> Event {
    let nobody = Value::Sid(vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    Event { version: 1, ..event.with("RemoteUserID", nobody.clone()).with("RemoteMachineID", nobody) }
}

fn of(source: &str, case: Case) -> Case {
    case.args(["--source", source])
}

fn rows(ran: &Ran) -> Vec<&str> {
    ran.report().lines().skip(1).collect()
}

#[test]
fn a_connection_has_the_fields_that_sysmons_have() {
    let row = |action: &str| {
        format!(
            "{action},{REGSVCS},8.8.8.8,8.8.8.8,443,outbound,WS01.corp.example,ip,ipv4,10.1.2.3,10.1.2.3,50123,tcp,,\
             Microsoft Windows,regsvcs.exe,regsvcs.exe,,4321,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z"
        )
    };
    for (event, action) in [
        (allowed(), "allowed"),
        (version_1(allowed()), "allowed"),
        (blocked(), "blocked"),
        (version_1(blocked()), "blocked"),
    ] {
        let ran = of("security", detect()).events(&[event]).run();
        ran.exits(0).reports(&[HEADER, &row(action)]);
    }
}

#[test]
fn addresses_protocols_and_directions_are_as_the_log_tells_them() {
    let fields = "direction,transport,src_ip,src_port,dest_ip,dest_port,protocol_version,process_name";
    let udp = allowed()
        .with("Application", "System")
        .with("Direction", "%%14592")
        .with("LayerName", "%%14610")
        .with("SourceAddress", "FE80:0:0:0:0:0:0:1")
        .with("DestAddress", "ff02::1:2")
        .with("DestPort", "547")
        .with("Protocol", Value::U32(17));
    let icmp = allowed().with("Direction", "-").with("LayerName", "%%14610").with("Protocol", Value::U32(58)).at(1);
    let other = allowed().without("Direction").without("DestAddress").with("Protocol", Value::U32(47)).at(2);
    let hexadecimal = allowed().with("Protocol", Value::Hex32(17)).at(4);
    let unknown = allowed().without("Direction").without("LayerName").with("DestAddress", "::ffff:192.0.2.7").at(3);
    let ran = of("security", connections())
        .args(["--group-by", fields])
        .events(&[udp, icmp, other, unknown, hexadecimal])
        .run();
    let rows: Vec<String> =
        rows(ran.exits(0)).iter().map(|row| row.rsplitn(4, ',').last().unwrap().to_owned()).collect();
    assert_eq!(
        rows,
        [
            "inbound,udp,fe80::1,50123,ff02::1:2,547,ipv6,System",
            "inbound,ipv6-icmp,10.1.2.3,50123,8.8.8.8,443,ipv4,regsvcs.exe",
            "outbound,47,10.1.2.3,50123,,443,,regsvcs.exe",
            ",tcp,10.1.2.3,50123,192.0.2.7,443,ipv4,regsvcs.exe",
            "outbound,udp,10.1.2.3,50123,8.8.8.8,443,ipv4,regsvcs.exe",
        ]
    );
}

#[test]
fn only_the_two_events_of_the_provider_count() {
    let elsewhere = Event { provider: "Other".to_owned(), ..allowed() };
    let events = [elsewhere, security(5158, 0).with("Application", REGSVCS), Event::connection()];
    of("security", connections()).events(&events).run().exits(0).says(&["found     nothing"]);
    let forwarded = Event { channel: "ForwardedEvents".to_owned(), ..allowed() };
    let ran = of("security", detect()).log("x", &evtx_writer::log(&[Event::connection(), forwarded])).run();
    assert_eq!(rows(ran.exits(0)).len(), 1);
}

#[test]
fn rules_filters_and_networks_are_the_same() {
    let svchost = allowed().with("Application", r"\device\harddiskvolume3\windows\system32\svchost.exe");
    let private = allowed().with("DestAddress", "10.0.0.1");
    let events = [allowed(), svchost, private, allowed().on("WS02").at(5)];
    let ran = of("security", detect()).events(&events).run();
    ran.exits(0).says(&["3 connections of regsvcs.exe: 2 hits in 2 groups, 1 excluded"]);
    for (filter, count) in
        [("--host=WS02", 1), ("--port=443", 2), ("--transport=udp", 0), ("--since=2024-03-05T14:07:12Z", 1)]
    {
        let case = of("security", detect()).args([filter]).events(&events);
        assert_eq!(rows(case.run().exits(0)).len(), count, "{filter}");
    }
}

#[test]
fn with_sysmons_alone_the_others_are_counted_and_said() {
    let says = "not read: at least 2 Security events 5156 or 5157; --source security or --source all reads them";
    let security_log = evtx_writer::log(&[allowed(), blocked(), security(5158, 0)]);
    let case = detect().events(&[Event::connection()]).log("Security.evtx", &security_log);
    assert_eq!(rows(case.run().exits(0).says(&[says])).len(), 1);
    detect().log("Security.evtx", &security_log).run().exits(0).says(&[says]);
    detect().log("Security.evtx", &security_log).args(["--recover"]).run().says(&[says]);
    // Numbers of other values are no ids.
    let other = Event { record_id: Some(5156), ..security(4624, 2) };
    detect().events(&[other]).run().does_not_say("not read");
    of("all", detect()).log("Security.evtx", &security_log).run().does_not_say("not read");
}

#[test]
fn others_are_counted_where_sysmons_are_in_the_same_chunks() {
    let forwarded = |seconds| Event { channel: "ForwardedEvents".to_owned(), ..allowed() }.at(seconds);
    let mixed: Vec<Event> = (0..200)
        .flat_map(|number| [forwarded(number), blocked().at(number), Event::connection().at(number), created(2, 7)])
        .collect();
    let log = evtx_writer::log(&mixed);
    assert!(log.chunks() > 2);
    let says = ["not read: at least 400 Security events 5156 or 5157; --source security or --source all reads them"];
    const JUDGED: [&str; 4] = ["--judge", "remote", "--exclude-cidr", "192.0.2.0/24"];
    for case in [detect(), connections()] {
        let case = case.log("ForwardedEvents.evtx", &log);
        let others: [&[&str]; 5] = [&[], &["--no-prefilter"], &["--recover"], &["--context"], &JUDGED];
        for args in others.into_iter().chain([["--threads", "1"].as_slice(), &["--threads", "5"]]) {
            Ran::new(case.command(&[args, &["."]].concat())).exits(0).says(&says);
        }
        Ran::new(case.command(&["--source", "all", "."])).exits(0).does_not_say("not read");
    }
    // Each once, in whatever chunk it is.
    let two = evtx_writer::log(&[allowed(), blocked()]);
    let apart = detect().log("a.evtx", &log).log("b.evtx", &two).file("export", export(&two.0, FORMS[0]));
    for args in [["."].as_slice(), &["--no-prefilter", "."]] {
        Ran::new(apart.command(args)).exits(0).says(&["not read: at least 404 Security events"]);
    }
    // Where nothing is found, more chunks are decoded, for what else is in the logs.
    for args in [[].as_slice(), &["--no-prefilter"], &["--recover"], &["--threads", "1"], &["--threads", "5"]] {
        let args = [args, &["--process", "none.exe", "."]].concat();
        Ran::new(apart.command(&args)).exits(0).says(&["not read: at least 404 Security events"]);
    }
}

#[test]
fn that_windows_logs_none_of_them_is_said() {
    let says = "no EventID 5156 or 5157 is in these logs: Windows logs them only where the audit policy \"Filtering Platform \
                Connection\" is on";
    let events = [security(4624, 2), Event::connection()];
    of("security", connections()).events(&events).run().exits(0).says(&[says]);
    of("security", detect()).events(&events).run().exits(0).says(&[says]);
    of("security", detect()).events(&[security(5158, 0), allowed().image("x")]).run().does_not_say(says);
    let svchost = allowed().with("Application", r"\device\harddiskvolume3\windows\system32\svchost.exe");
    let ran = of("security", detect()).events(&[svchost]).run();
    ran.exits(0).does_not_say(says);
    ran.says(&["netsift connections --exclusions special --group-by process_name,dest --source security ."]);
}

#[test]
fn the_summary_speaks_of_the_logs_that_were_chosen() {
    let cleared = Event { provider: "Microsoft-Windows-Eventlog".to_owned(), ..security(1102, 0) };
    let ran = of("security", detect()).log("a.evtx", &evtx_writer::log(&[cleared, allowed()])).run();
    ran.says(&["hosts     1: 1 with a Security log, 0 without"]);
    let ran = of("security", detect()).events(&[Event::connection()]).run();
    ran.says(&["no chunk mentions Microsoft-Windows-Security-Auditing: are these the right logs?", "no Security log"]);
    let other = Event { provider: "Other".to_owned(), channel: "System".to_owned(), ..security(1, 0) };
    of("all", detect()).events(&[other]).run().says(&["neither Sysmon nor a Security log"]);
}

#[test]
fn of_twins_sysmons_counts() {
    let swapped = |event: Event| {
        event
            .with("SourceAddress", "8.8.8.8")
            .with("SourcePort", "443")
            .with("DestAddress", "10.1.2.3")
            .with("DestPort", "50123")
            .with("Direction", "%%14592")
    };
    let twins =
        [allowed().at(5), swapped(allowed()).at(15), version_1(allowed().with("ProcessID", Value::U64(1))).at(10)];
    let others = [
        allowed().at(4),
        allowed().at(16),
        blocked().at(10),
        allowed().on("WS02").at(10),
        allowed().with("Protocol", Value::U32(17)).at(10),
        allowed().with("SourcePort", "50124").at(10),
        allowed().with("DestAddress", "8.8.4.4").at(10),
    ];
    let case = || of("all", connections()).log("Sysmon.evtx", &evtx_writer::log(&[Event::connection().at(10)]));
    let security_log = evtx_writer::log(twins.iter().chain(&others));
    let ran = case().log("Security.evtx", &security_log).run();
    assert_eq!(
        rows(
            ran.exits(0)
                .says(&["found     11 connections: 8 hits in 7 groups", "3 hits dropped that Sysmon has logged too"])
        )
        .len(),
        7
    );
    assert!(ran.report().contains("Microsoft Sysmon"));
    let little = case().log("Security.evtx", &security_log).args(["--max-memory", "1KiB"]).run();
    assert_eq!(little.report(), ran.report());
    // Where Sysmon names another process, or that one was left out, this is all there is of the hit.
    let unknown = Event::connection().image("<unknown process>").at(10);
    let ran = of("all", detect()).events(&[unknown, allowed().at(10)]).run();
    ran.exits(0).does_not_say("dropped");
    assert!(rows(&ran).len() == 1 && ran.report().contains("Microsoft Windows"), "{}", ran.report());
    let ran = of("all", detect()).events(&[Event::connection().at(10), allowed().at(10)]).run();
    let says = ["found     2 connections of regsvcs.exe: 1 hit in 1 group", "1 hit dropped that Sysmon has logged too"];
    assert_eq!(rows(ran.exits(0).says(&says)).len(), 1);
}

#[test]
fn of_what_else_there_is_twins_may_be_counted_twice_and_that_is_said() {
    let case = |events: &[Event]| of("all", detect()).args(["--process", "none.exe"]).events(events);
    let public = "to public addresses; this shows";
    let (sysmon, other) = (Event::connection().at(10), allowed().at(10));
    for (events, says) in [
        (vec![sysmon.clone(), other.clone()], "but up to 2 connections of 1 process "),
        (vec![sysmon.clone(), other.clone().with("DestAddress", "10.0.0.1")], "but 1 connection of 1 process "),
        (vec![sysmon], "but 1 connection of 1 process "),
        (vec![other], "but 1 connection of 1 process "),
    ] {
        case(&events).run_on(&["log.evtx"]).exits(0).says(&[&format!("{says}{public}")]);
    }
}

#[test]
fn of_what_else_there_is_copies_may_be_counted_twice_and_that_is_said() {
    let log = evtx_writer::log(&[Event::connection().image("other.exe")]);
    let case = detect().log("a.evtx", &log).log("b.evtx", &log);
    case.run_on(&["a.evtx", "b.evtx"]).exits(0).says(&["but 2 connections of 1 process"]);
    case.run_on(&["--recover", "a.evtx"]).exits(0).says(&["but up to 1 connection of 1 process"]);
    let ran = case.run_on(&["--dedup", "a.evtx", "b.evtx"]);
    ran.exits(0).says(&["but up to 2 connections of 1 process", " --dedup a.evtx b.evtx\n"]);
}

#[test]
fn names_that_nobody_typed_are_not_said_to_be_missing() {
    let case = detect().events(&[Event::connection().image(r"C:\Windows\System32\regsvr32.exe")]);
    case.run().exits(0).does_not_say("did you mean");
    case.run_on(&["--rule", "regasm", "."]).exits(0).does_not_say("did you mean");
    case.run_on(&["--process", "regsvcs.exe", "."])
        .exits(0)
        .says(&["no process regsvcs.exe: did you mean regsvr32.exe"]);
}

/// Rules of which Sysmon's connection is a hit of the first two, and the EventID 5156 of the first and the last.
const BY_RULE: &str = "title: by address\nid: 0c4d1f4d-0000-0000-0000-000000000001\n\
                       logsource: {category: network_connection}\ndetection: {s: {DestinationIp: 8.8.8.8}, condition: s}\n---\n\
                       title: by name\nid: 0c4d1f4d-0000-0000-0000-000000000002\n\
                       logsource: {category: network_connection}\ndetection: {s: {DestinationHostname: c2.test}, condition: s}\n";
const BY_PATH: &str = "title: by path\nid: 0c4d1f4d-0000-0000-0000-000000000003\n\
                       logsource: {category: network_connection}\ndetection: {s: {Image|startswith: '\\device'}, condition: s}\n";

/// A connection that both have logged, five times.
fn both_by_rule(rules: &str) -> Case {
    let named = Event::connection().with("DestinationHostname", "c2.test");
    let times = [0, 60, 120, 180, 245];
    let sysmon_log = evtx_writer::log(&times.map(|time| named.clone().at(time + 1)));
    let case = of("all", connections()).file("rules/r.yml", rules).log("Sysmon.evtx", &sysmon_log);
    let case = case.log("Security.evtx", &evtx_writer::log(&times.map(|time| allowed().at(time))));
    case.args(["--rules", "rules", "--rule", "none", "--group-by", "vendor_product"])
}

/// The provider, the count and the title of each row.
fn by_rule(report: &str) -> Vec<String> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        format!("{} {} {}", cells[0], cells[1], cells[4])
    };
    let mut rows: Vec<String> = report.lines().skip(1).map(row).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn a_twin_counts_for_the_rules_that_sysmons_is_no_hit_of() {
    let with_path = [BY_RULE, "---\n", BY_PATH].concat();
    let sysmons = ["Microsoft Sysmon 5 by address", "Microsoft Sysmon 5 by name"];
    let all = [sysmons.as_slice(), &["Microsoft Windows 5 by path"]].concat();
    for (rules, expected, found) in
        [(BY_RULE, &sysmons[..], "5 hits in 2 groups"), (&with_path, &all, "10 hits in 3 groups")]
    {
        let case = both_by_rule(rules);
        let says = [found, "5  by address", "5  by name"];
        for args in [&[][..], &["--max-memory", "1KiB"], &["--threads", "5"], &["--threads", "3"], &["--dedup"]] {
            let ran = case.run_on(&[args, &["Security.evtx", "Sysmon.evtx"]].concat());
            assert_eq!(by_rule(ran.exits(0).says(&says).report()), expected, "{args:?}");
        }
        let dropped = "5 hits dropped that Sysmon has logged too";
        assert_eq!(case.run().stderr().contains(dropped), rules == BY_RULE);
        let outputs = ["--events", "e.csv", "--beacons", "b.csv", "-o", "r.csv", "Security.evtx", "Sysmon.evtx"];
        Ran::new(case.command(&outputs)).exits(0);
        assert_eq!(case.read("e.csv").lines().count(), 1 + 5 * expected.len());
        assert_eq!(case.read("b.csv").lines().count(), expected.len());
        for (name, more) in [("groups.parquet", None), ("hits.parquet", Some("--partial-events"))] {
            let args = [["--partial", name, "-q", "Security.evtx", "Sysmon.evtx"].as_slice(), more.as_slice()].concat();
            Ran::new(case.command(&args)).exits(0);
            let merged = Ran::new(case.another(&["merge", name]));
            assert_eq!(merged.exits(0).says(&says).report(), case.read("r.csv"), "{name}");
        }
    }
}

#[test]
fn a_twin_is_no_part_of_correlations_about_the_rules_that_it_does_not_count_for() {
    let many = |name: &str, gte: u64| {
        format!(
            "---\ntitle: many\nid: 0c4d1f4d-0000-0000-0000-000000000009\ncorrelation:\n  type: event_count\n  rules:\n    - {name}\n  \
             group-by:\n    - Computer\n  timespan: 10m\n  condition:\n    gte: {gte}\nlevel: high\n"
        )
    };
    for (rule, gte, fires) in [
        ("0c4d1f4d-0000-0000-0000-000000000001", 5, true),
        ("0c4d1f4d-0000-0000-0000-000000000001", 6, false),
        ("0c4d1f4d-0000-0000-0000-000000000003", 5, true),
        ("0c4d1f4d-0000-0000-0000-000000000003", 6, false),
    ] {
        let case = both_by_rule(&[BY_RULE, "---\n", BY_PATH, &many(rule, gte)].concat());
        let ran = case.run_on(&["Security.evtx", "Sysmon.evtx"]);
        assert_eq!(ran.exits(0).report().contains(",many,"), fires, "{rule} {gte}: {}", ran.report());
    }
}

#[test]
fn twins_are_told_by_the_time_of_logging_whatever_the_clock() {
    let sysmon = |utc_time: &str, seconds| Event::connection().with("UtcTime", utc_time).at(seconds);
    for (event, count) in [
        (sysmon("2024-03-05 13:57:09.123", 1), 1),
        (sysmon("1601-01-01 00:00:00.000", 1), 1),
        (sysmon("9998-12-31 00:00:00.000", 5), 1),
        (sysmon("-", 1), 1),
        (sysmon("2024-03-05 14:07:09.123", 1), 1),
        // It happened at the same time by its own account, and was logged a minute later.
        (sysmon("2024-03-05 14:07:09.123", 60), 2),
        (sysmon("2024-03-05 13:57:09.123", 6), 2),
    ] {
        for clock in ["logged", "utc"] {
            let case = of("all", detect()).args(["--clock", clock, "--group-by", "vendor_product"]);
            let case = case.log("a.evtx", &evtx_writer::log(&[allowed()])).log("b.evtx", &evtx_writer::log([&event]));
            for args in [&["."][..], &["--max-memory", "1KiB", "."], &["--threads", "5", "."], &["--dedup", "."]] {
                let ran = case.run_on(args);
                assert_eq!(rows(ran.exits(0)).len(), count, "{clock} {args:?} {event:?}");
            }
            Ran::new(case.command(&["--partial", "p.parquet", "--partial-events", "-q", "a.evtx", "b.evtx"])).exits(0);
            assert_eq!(
                rows(Ran::new(case.another(&["merge", "p.parquet"])).exits(0)).len(),
                count,
                "{clock} {event:?}"
            );
        }
    }
}

#[test]
fn where_not_all_processes_fit_into_memory_those_with_connections_do() {
    let created = |process: u32, user: &str| {
        security(4688, 2)
            .with("NewProcessId", Value::U64(process.into()))
            .with("TargetUserName", user)
            .with("TargetDomainName", "CORP")
            .at(1)
    };
    let others = (0..300).map(|number| created(5000 + number, &"x".repeat(200 + number as usize)));
    let events: Vec<Event> = others.chain([created(4321, "alice"), allowed().at(2)]).collect();
    let case = || of("security", connections()).events(&events);
    let little = case().args(["--threads", "1", "--max-memory", "64KiB"]).run();
    assert_eq!(little.exits(0).report(), case().run().report());
    assert!(little.report().contains(r"CORP\alice"), "{}", little.report());
}

#[test]
fn a_twin_outside_the_time_that_is_asked_for_is_none() {
    let case = of("all", connections()).events(&[allowed(), Event::connection().at(2)]);
    let ran = case.args(["--until", "2024-03-05T14:07:10Z"]).run();
    let rows = rows(ran.exits(0));
    assert!(rows.len() == 1 && rows[0].contains("Microsoft Windows"), "{rows:?}");
}

#[test]
fn events_and_the_page_and_partial_results_are_without_twins() {
    let case = of("all", detect()).events(&[Event::connection(), allowed().at(1), allowed().at(9), blocked()]);
    let lines = |name: &str| case.read(name).lines().count();
    let outputs = ["--events", "events.csv", "--html", "page.html", "--manifest", "run.json", "-o", "report.csv", "."];
    Ran::new(case.command(&outputs)).exits(0);
    assert_eq!((lines("events.csv"), lines("report.csv")), (4, 4));
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(case.path("run.json")).unwrap()).unwrap();
    assert_eq!((&manifest["options"]["source"], &manifest["sources"][0]["twins"]), (&"all".into(), &1.into()));
    let report = case.read("report.csv");
    for (name, more) in [("groups.parquet", None), ("hits.parquet", Some("--partial-events"))] {
        let args = [["--partial", name, "-q"].as_slice(), more.as_slice(), &["."]].concat();
        Ran::new(case.command(&args)).exits(0);
        let merged = Ran::new(case.another(&["merge", name]));
        merged.exits(0).says(&["1 hit dropped that Sysmon has logged too"]);
        assert_eq!(merged.report(), report, "{name}");
    }
}

#[test]
fn partial_results_of_other_sources_are_refused() {
    let case = detect().events(&[Event::connection(), allowed()]);
    Ran::new(case.command(&["--partial", "a.parquet", "."])).exits(0);
    Ran::new(case.command(&["--partial", "b.parquet", "--source", "security", "."])).exits(0);
    let merged = Ran::new(case.another(&["merge", "a.parquet", "b.parquet"]));
    merged.exits(1).says(&["it has another source of connections (security, not sysmon)"]);
}

#[test]
fn sigma_rules_see_them_under_sysmons_names() {
    let rule = |detection: &str| {
        format!(
            "title: t\nid: 0c4d1f4d-0000-0000-0000-000000000001\nlogsource:\n  product: windows\n  category: network_connection\ndetection:\n  s:\n{detection}\n  condition: s\nlevel: high\n"
        )
    };
    for (detection, count) in [
        ("    Image|endswith: '\\RegSvcs.exe'\n    Initiated: 'true'\n    DestinationPort: 443", 1),
        (
            "    DestinationIp|cidr: '8.8.8.0/24'\n    SourcePort|gte: 50000\n    Protocol: tcp\n    DestinationIsIpv6: 'false'",
            1,
        ),
        ("    Computer: WS01.corp.example\n    ProcessId: 4321\n    User: null\n    DestinationHostname: null", 1),
        ("    Initiated: 'false'", 0),
        ("    DestAddress: 8.8.8.8", 0),
    ] {
        for source in ["security", "all"] {
            let case = of(source, connections()).events(&[allowed()]).file("rules/t.yml", rule(detection));
            let ran = case.args(["--rules", "rules", "--rule", "none"]).run_on(&["log.evtx"]);
            assert_eq!(rows(ran.exits(0)).len(), count, "{detection} {source}");
        }
    }
}

/// An EventID 4688 of version 0, and what versions 1 and 2 add.
fn created(version: u8, id: u32) -> Event {
    let event = Event { task: 13312, ..security(4688, version) }
        .with("SubjectUserSid", Value::Sid(vec![1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]))
        .with("SubjectUserName", "WS01$")
        .with("SubjectDomainName", "CORP")
        .with("SubjectLogonId", Value::Hex64(0x3e7))
        .with("NewProcessId", Value::Hex64(id.into()))
        .with("NewProcessName", r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe")
        .with("TokenElevationType", "%%1936")
        .with("ProcessId", Value::Hex64(0x278));
    let event = if version > 0 { event.with("CommandLine", "regsvcs.exe /u x.dll") } else { event };
    match version {
        0 | 1 => event,
        _ => event
            .with("TargetUserSid", Value::Sid(vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
            .with("TargetUserName", "alice")
            .with("TargetDomainName", "CORP")
            .with("TargetLogonId", Value::Hex64(0x2ed80))
            .with("ParentProcessName", r"C:\Windows\explorer.exe")
            .with("MandatoryLabel", Value::Sid(vec![1, 1, 0, 0, 0, 0, 0, 16, 0, 48, 0, 0])),
    }
}

fn ended(id: u32) -> Event {
    Event { task: 13313, ..security(4689, 0) }
        .with("SubjectUserName", "alice")
        .with("Status", Value::Hex32(0))
        .with("ProcessId", Value::Hex64(id.into()))
        .with("ProcessName", r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe")
}

const ID: u32 = 4321;

/// The users of the connections in a report, in its order.
fn users(ran: &Ran) -> Vec<String> {
    rows(ran.exits(0)).iter().map(|row| row.split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn the_user_is_that_of_the_process_that_had_the_id_at_the_time() {
    let case = |events: &[Event]| of("security", detect()).args(["--group-by", "user"]).events(events);
    for (event, user) in [
        (created(0, ID), r"CORP\WS01$"),
        (created(1, ID), r"CORP\WS01$"),
        (created(2, ID), r"CORP\alice"),
        (created(2, ID).with("TargetUserName", "-").with("TargetDomainName", "-"), r"CORP\WS01$"),
        (created(2, ID).with("TargetDomainName", "-"), "alice"),
        (created(2, ID).with("NewProcessId", "0X10E1"), r"CORP\alice"),
        (created(2, ID).on("WS02"), ""),
        (created(2, ID + 1), ""),
        (created(2, ID).at(11), ""),
    ] {
        let before = [event.clone(), allowed().at(10)];
        assert_eq!(users(&case(&before).run()), [user]);
        // Where it is in the logs does not matter.
        let later =
            of("security", detect()).args(["--group-by", "user"]).log("a.evtx", &evtx_writer::log(&[allowed().at(10)]));
        assert_eq!(users(&later.log("b.evtx", &evtx_writer::log(&[event])).run()), [user]);
    }
}

#[test]
fn a_host_is_one_whatever_the_case_of_its_name() {
    let events = [
        created(2, ID).at(10),
        allowed().at(11),
        ended(ID).at(20),
        created(0, ID).at(30),
        allowed().at(31),
        // The next is the twin of this one.
        Event::connection().with("SourceIp", "10.1.2.3").at(41),
        allowed().at(40),
        created(2, 77).with("NewProcessName", r"C:\Temp\a.exe").at(42),
        allowed().with("Application", r"\device\harddiskvolume3\temp\a.exe").at(60),
    ];
    let rule = |number: u8, selection: &str| {
        format!(
            "title: t{number}\nid: 0c4d1f4d-0000-0000-0000-00000000000{number}\nlogsource: {{category: network_connection}}\n\
             detection: {{s: {{{selection}}}, condition: s}}\n"
        )
    };
    let rule = [rule(1, r"Image: 'C:\Temp\a.exe'"), rule(2, "CommandLine|contains: x.dll")].join("---\n");
    let run = |events: &[Event], more: &[&str]| {
        let fields = ["--source", "all", "--group-by", "user,process_name", "--threads", "1"];
        let case = connections().file("t.yml", &rule).events(events);
        let ran = Ran::new(case.command(&[&fields[..], more, &["log.evtx"]].concat()));
        ran.exits(0).report().to_owned()
    };
    let renamed = evtx_writer::by_other_names(&events);
    let ruled = ["--rules", "t.yml", "--rule", "none"];
    let of_rule = run(&events, &ruled);
    assert!(of_rule.contains("a.exe") && of_rule.contains("regsvcs.exe"), "{of_rule}");
    for more in [&[][..], &["--context"], &ruled, &["--rules", "t.yml", "--rule", "none", "--max-memory", "32KiB"]] {
        assert_eq!(run(&renamed, more), run(&events, more), "{more:?}");
    }
    let all = run(&events, &[]);
    assert!(all.contains(r"CORP\alice,regsvcs.exe,1,") && all.lines().count() == 5, "{all}");
}

#[test]
fn an_id_that_is_given_again_is_another_process() {
    let events = [
        created(2, ID).at(10),
        ended(ID).at(20),
        created(0, ID).at(30),
        created(2, ID).with("TargetUserName", "bob").at(40),
        allowed().at(9),
        allowed().at(15),
        allowed().at(25),
        allowed().at(35),
        allowed().at(45),
    ];
    let ran = of("security", detect()).args(["--group-by", "user,process_id"]).events(&events).run();
    assert_eq!(users(&ran), ["", r"CORP\alice", r"CORP\WS01$", r"CORP\bob"]);
    let ran = of("security", detect()).args(["--user", "ALICE"]).events(&events).run();
    assert!(rows(&ran).len() == 1 && ran.report().contains("14:07:24"), "{}", ran.report());
    // What is before the time that is asked for still tells it.
    let since =
        of("security", detect()).args(["--group-by", "user", "--since", "2024-03-05T14:07:23Z"]).events(&events);
    assert_eq!(users(&since.run()), [r"CORP\alice", "", r"CORP\WS01$", r"CORP\bob"]);
}

#[test]
fn the_process_behind_a_connection_is_that_of_its_4688() {
    let known = |ran: &Ran| -> Vec<String> {
        rows(ran.exits(0)).iter().map(|row| row.splitn(5, ',').last().unwrap().to_owned()).collect()
    };
    let none = ",,,,,,,,,,,,,none";
    let whole = r"regsvcs.exe /u x.dll,,,High,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:29.1234567Z,,C:\Windows\explorer.exe,explorer.exe,632,,explorer.exe > RegSvcs.exe,,own";
    for (events, row) in [
        (vec![created(2, ID), allowed().at(1), ended(ID).at(20)], whole),
        (vec![allowed().at(1), created(2, ID + 1)], none),
        (vec![created(2, ID), ended(ID).at(1), allowed().at(2)], none),
        (vec![created(0, ID), allowed().at(1)], ",,,,2024-03-05T14:07:09.1234567Z,,,,,632,,RegSvcs.exe,,own"),
        (
            vec![created(1, ID), allowed().at(1)],
            "regsvcs.exe /u x.dll,,,,2024-03-05T14:07:09.1234567Z,,,,,632,,RegSvcs.exe,,own",
        ),
    ] {
        let case = of("security", detect()).args(["--context", "--group-by", "dest_ip"]).events(&events);
        assert_eq!(known(&case.run()), [row]);
        let case = of("all", detect()).args(["--context", "--group-by", "dest_ip"]).events(&events);
        assert_eq!(known(&case.run()), [row]);
    }
    let two = [created(2, ID), allowed().at(1), created(0, ID).at(2), ended(ID).at(2), allowed().at(3)];
    let ran = of("security", detect()).args(["--context", "--group-by", "dest_ip"]).events(&two).run();
    assert!(known(&ran)[0].ends_with(",own (2 processes)"), "{}", ran.report());
    let case = of("security", detect()).events(&two);
    Ran::new(case.command(&["--context", "--events", "events.csv", "-q", "."])).exits(0);
    let events = case.read("events.csv");
    let commands: Vec<bool> = events.lines().skip(1).map(|line| line.contains("/u x.dll")).collect();
    assert_eq!(commands, [true, false]);
}

#[test]
fn rules_that_ask_for_the_process_are_told_by_its_4688() {
    const UNJOINED: &str = "1 connection was not judged by rules that ask for the process: the start of its process is not in these \
                            logs, or does not tell what they ask for";
    let found = |detection: &str, events: &[Event]| -> [(usize, bool); 2] {
        let rule = format!(
            "title: t\nlogsource:\n  product: windows\n  category: network_connection\ndetection:\n{detection}\n"
        );
        ["security", "all"].map(|source| {
            let case = of(source, connections()).file("t.yml", &rule).args(["--rules", "t.yml", "--rule", "none"]);
            // Where it is in the logs does not matter.
            let (last, others) = events.split_last().unwrap();
            let case = case.log("a.evtx", &evtx_writer::log([last])).log("b.evtx", &evtx_writer::log(others));
            let ran = case.run();
            (rows(ran.exits(0)).len(), ran.stderr().contains(UNJOINED))
        })
    };
    let line = "  s:\n    CommandLine|contains: '/u x'\n  condition: s";
    let not_line = "  s:\n    DestinationPort: 443\n  f:\n    CommandLine|contains: '/i'\n  condition: s and not f";
    let parent = "  s:\n    ParentImage|endswith: '\\explorer.exe'\n    IntegrityLevel: High\n    ParentProcessId: 632\n  condition: s";
    let hash = "  s:\n    CommandLine|contains: '/u x'\n    Hashes|contains: 'MD5'\n  condition: s";
    let not_hash = "  s:\n    CommandLine|contains: '/u x'\n  f:\n    Hashes|contains: 'MD5'\n  condition: s and not f";
    let or_name = "  s:\n    DestinationPort: 443\n  o:\n    OriginalFileName: x\n  condition: s or o";
    let not_both = "  s:\n    DestinationPort: 443\n  f:\n    DestinationPort: 80\n    OriginalFileName: x\n  condition: s and not f";
    let one_of =
        "  s:\n    - DestinationPort: 443\n    - OriginalFileName: x\n    - Hashes|contains: x\n  condition: 1 of s*";
    let two_of = "  s1:\n    DestinationPort: 443\n  s2:\n    Protocol: tcp\n  s3:\n    OriginalFileName: x\n  condition: 2 of s*";
    let two_of_others =
        "  s1:\n    DestinationPort: 443\n  s2:\n    Company: x\n  s3:\n    OriginalFileName: x\n  condition: 2 of s*";
    let silent = created(2, ID).with("CommandLine", "");
    for (detection, events, expected) in [
        (line, vec![created(2, ID), allowed().at(1)], (1, false)),
        (line, vec![created(1, ID), allowed().at(1)], (1, false)),
        (line, vec![created(0, ID), allowed().at(1)], (0, true)),
        (line, vec![silent.clone(), allowed().at(1)], (0, true)),
        (line, vec![created(2, ID + 1), allowed().at(1)], (0, true)),
        (line, vec![created(2, ID).on("WS02"), allowed().at(1)], (0, true)),
        (line, vec![created(2, ID), ended(ID).at(1), allowed().at(2)], (0, true)),
        (line, vec![created(2, ID).at(3), allowed().at(1)], (0, true)),
        (not_line, vec![created(2, ID), allowed().at(1)], (1, false)),
        (not_line, vec![created(2, ID).with("CommandLine", "x /i"), allowed().at(1)], (0, false)),
        (not_line, vec![created(0, ID), allowed().at(1)], (0, true)),
        (not_line, vec![silent.clone(), allowed().at(1)], (0, true)),
        (parent, vec![created(2, ID), allowed().at(1)], (1, false)),
        (parent, vec![silent, allowed().at(1)], (1, false)),
        (parent, vec![created(1, ID), allowed().at(1)], (0, false)),
        (hash, vec![created(2, ID), allowed().at(1)], (0, false)),
        (not_hash, vec![created(2, ID), allowed().at(1)], (0, true)),
        // What is not told cannot change that these match, or what is told of the process.
        (or_name, vec![created(2, ID), allowed().at(1)], (1, false)),
        (or_name, vec![created(0, ID), allowed().at(1)], (1, false)),
        (not_both, vec![created(0, ID), allowed().at(1)], (1, false)),
        (one_of, vec![created(0, ID), allowed().at(1)], (1, false)),
        (two_of, vec![created(0, ID), allowed().at(1)], (1, false)),
        (two_of_others, vec![created(0, ID), allowed().at(1)], (0, true)),
        // Of a process that is not known at all, nothing does.
        (or_name, vec![created(2, ID + 1), allowed().at(1)], (0, true)),
        (not_both, vec![created(2, ID + 1), allowed().at(1)], (0, true)),
    ] {
        assert_eq!(found(detection, &events), [expected; 2], "{detection}");
    }
}

#[test]
fn a_poorer_copy_of_a_4688_takes_nothing_away() {
    let rule = "title: t\nlogsource: {category: network_connection}\ndetection:\n  s: {ParentImage|endswith: '\\explorer.exe'}\n  condition: s\n";
    let case = |events: &[Event]| {
        let case =
            of("security", detect()).file("t.yml", rule).events(events).args(["--rules", "t.yml", "--rule", "none"]);
        case.args(["--context", "--group-by", "user"]).run()
    };
    let whole = created(2, ID);
    let expected = case(&[whole.clone(), allowed().at(1)]);
    assert!(rows(expected.exits(0))[0].starts_with(r"CORP\alice,"), "{}", expected.report());
    let without = |names: &[&str]| names.iter().fold(whole.clone(), |event, name| event.without(name));
    for copy in [
        created(0, ID),
        created(1, ID)
            .with("CommandLine", "regsvcs.exe /u x.dll with more text than the other")
            .with("SubjectUserName", "zoe"),
        without(&["ParentProcessName", "CommandLine"]).with("TargetUserName", "zoe"),
        without(&["TargetUserName", "TargetDomainName"]).with("SubjectUserName", "a-longer-name-than-the-other"),
        whole.clone().with("ParentProcessName", "").with("TargetUserName", "zoe"),
    ] {
        for events in [[copy.clone(), whole.clone(), allowed().at(1)], [whole.clone(), copy, allowed().at(1)]] {
            assert_eq!(case(&events).exits(0).report(), expected.report());
        }
    }
}

#[test]
fn of_two_4688_of_a_start_a_row_is_of_one() {
    // They state as much, in texts of the same length, and differ in all: the order of their texts is not the same for each.
    let one = created(2, ID).with("CommandLine", "b").with("ParentProcessName", r"C:\a.exe");
    let other =
        created(2, ID).with("CommandLine", "a").with("ParentProcessName", r"C:\b.exe").with("TargetUserName", "other");
    let rule =
        "title: t\nlogsource: {category: network_connection}\ndetection:\n  s: {CommandLine: a}\n  condition: s\n";
    for events in [[one.clone(), other.clone(), allowed().at(1)], [other, one, allowed().at(1)]] {
        let case =
            of("security", detect()).file("t.yml", rule).events(&events).args(["--context", "--group-by", "user"]);
        let row = rows(case.run().exits(0))[0].to_owned();
        let is_other = row.starts_with(r"CORP\other,");
        assert_eq!((row.contains(",a,"), row.contains(r"C:\b.exe")), (is_other, is_other), "{row}");
        let ruled = case.args(["--rules", "t.yml", "--rule", "none"]).run();
        assert_eq!(rows(ruled.exits(0)).len(), usize::from(is_other), "{row}");
    }
}

#[test]
fn of_connections_that_are_asked_for_by_user_it_is_said_whose_is_not_known() {
    const SAID: &str =
        "2 connections were not judged by user: no EventID 4688 in these logs tells who started their processes";
    let other = |event: Event| event.with("ProcessID", Value::U64(1));
    let events =
        [created(2, ID), allowed().at(1), other(allowed()).at(2), other(allowed()).at(3), other(allowed()).at(9)];
    let window = ["--until", "2024-03-05T14:07:14Z"];
    for source in ["security", "all"] {
        let case = || of(source, connections()).events(&events);
        let by_user = |user| case().args(["--user", user]).args(window);
        let ran = by_user("nobody").run();
        ran.exits(0).says(&["found     nothing", "within the filters", SAID]);
        assert_eq!(by_user("nobody").args(["-q"]).run().exits(0).stderr(), format!("netsift: {SAID}\n"));
        assert_eq!(rows(by_user("alice").run().exits(0).says(&[SAID])).len(), 1);
        by_user("nobody").args(["--port", "80"]).run().exits(0).does_not_say("not judged by user");
        case().args(window).run().exits(0).does_not_say("not judged by user");
        let rule = "title: t\nlogsource: {category: network_connection}\ndetection:\n  s: {User|contains: alice}\n  condition: s\n";
        let ruled = case().args(window).file("t.yml", rule).args(["--rules", "t.yml", "--rule", "none"]).run();
        assert_eq!(rows(ruled.exits(0).says(&[SAID])).len(), 1);
    }
}

#[test]
fn a_rule_about_the_parent_needs_no_command_line_whatever_others_ask_for() {
    let rule = |title: &str, field: &str| {
        format!(
            "title: {title}\nlogsource: {{category: network_connection}}\ndetection: {{s: {{{field}}}, condition: s}}\n"
        )
    };
    let case = of("security", detect())
        .file("rules/a.yml", rule("Parent", "ParentImage|endswith: explorer.exe"))
        .file("rules/b.yml", rule("Line", "CommandLine|contains: evil"))
        .events(&[created(2, ID).with("CommandLine", ""), allowed().at(1)]);
    for rules in ["rules/a.yml", "rules"] {
        let ran = case.run_on(&["--rule", "none", "--rules", rules, "log.evtx"]);
        assert_eq!(rows(ran.exits(0)).len(), 1, "{}", ran.stderr());
    }
}

#[test]
fn built_in_rules_that_ask_for_the_process_find_it_in_the_security_log_too() {
    let events = [
        created(1, ID).with("CommandLine", r"C:\Windows\System32\rundll32.exe"),
        allowed().with("Application", r"\device\harddiskvolume2\windows\system32\rundll32.exe").at(1),
        created(1, ID + 1).with("CommandLine", r"rundll32.exe x.dll,Entry"),
        allowed()
            .with("Application", r"\device\harddiskvolume2\windows\system32\rundll32.exe")
            .with("ProcessID", Value::U64(u64::from(ID) + 1))
            .at(2),
    ];
    let case = of("security", detect()).events(&events).args(["--rule", "rundll32", "--group-by", "process_id"]);
    assert_eq!(users(&case.run()), [ID.to_string()]);
    // 4688 does not tell the original name, which is one of the two that this rule looks for.
    let of_msiexec = allowed().with("Application", r"\device\harddiskvolume2\windows\system32\msiexec.exe").at(1);
    let case = of("security", detect()).events(&[created(0, ID), of_msiexec]).args(["--rule", "msiexec"]);
    let ran = case.args(["--group-by", "process_id"]).run();
    assert_eq!(users(&ran), [ID.to_string()]);
    ran.does_not_say("not judged");
}

#[test]
fn sysmons_processes_are_known_beside_them() {
    let sysmon =
        Event::connection().with("ProcessGuid", Value::Guid("6820d070-262c-65e7-0000-000000000001".to_owned()));
    let events = [sysmon.at(30), created(2, ID), allowed().at(1)];
    let ran = of("all", detect()).args(["--context", "--group-by", "vendor_product"]).events(&events).run();
    let rows = rows(ran.exits(0));
    assert!(rows[0].starts_with("Microsoft Windows,") && rows[0].ends_with(",own"), "{rows:?}");
    assert!(rows[1].starts_with("Microsoft Sysmon,") && rows[1].ends_with(",guid"), "{rows:?}");
}

#[test]
fn sigma_rules_see_the_drive_where_the_logs_show_which_volume_it_is() {
    let rule = "title: t\nid: 0c4d1f4d-0000-0000-0000-000000000001\nlogsource:\n  product: windows\n  category: network_connection\n\
                detection:\n  s:\n    Image: 'C:\\Temp\\a.exe'\n    User|endswith: '\\alice'\n  condition: s\nlevel: high\n";
    let connection = allowed().with("Application", r"\device\harddiskvolume3\temp\a.exe").at(10);
    let shows = |path: &str| created(2, 77).with("NewProcessName", path).at(20);
    let sysmon = |path: &str| Event::sysmon(1, 5).with("Image", path).at(30);
    let own = created(2, ID);
    let on_c = r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe";
    let on_d = r"D:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe";
    for (more, count) in [
        (vec![shows(on_c)], 1),
        (vec![sysmon(on_c)], 1),
        (vec![shows(on_c), sysmon(on_d)], 0),
        (vec![shows(on_d)], 0),
        (vec![shows(on_c).on("WS02")], 0),
    ] {
        // Without a creation of its own the other path is the only one that matters.
        let own = own.clone().with("NewProcessName", "a.exe");
        let events = [vec![own, connection.clone(), allowed().at(11)], more].concat();
        let case =
            of("security", connections()).file("rules/t.yml", rule).log("Security.evtx", &evtx_writer::log(&events));
        let ran = case.args(["--rules", "rules", "--rule", "none"]).run_on(&["Security.evtx"]);
        assert_eq!(rows(ran.exits(0)).len(), count, "{}", ran.stderr());
    }
}

#[test]
fn correlations_do_not_count_twins() {
    let rules = "title: base\nname: base\nlogsource:\n  product: windows\n  category: network_connection\ndetection:\n  s:\n    \
                 DestinationPort: 443\n  condition: s\nlevel: low\n---\ntitle: many\ncorrelation:\n  type: event_count\n  rules:\n    - \
                 base\n  group-by:\n    - Computer\n  timespan: 10m\n  condition:\n    gte: 2\nlevel: high\n";
    for (other, count) in [(allowed().at(1), 0), (allowed().at(9), 2), (blocked().at(1), 2)] {
        let case = of("all", connections()).events(&[Event::connection(), other]).file("rules/r.yml", rules);
        let case = case.args(["--rules", "rules", "--rule", "none", "--group-by", "vendor_product,action"]);
        assert_eq!(rows(case.run_on(&["log.evtx"]).exits(0)).len(), count);
    }
}

#[test]
fn exports_are_read_like_their_logs() {
    let events = [
        created(2, ID),
        allowed().at(1),
        version_1(blocked()).at(2),
        ended(ID).at(9),
        Event::connection().at(30),
        allowed().at(29),
        allowed().on("WS02").at(3),
    ];
    let log = evtx_writer::log(&events).0;
    for source in ["security", "all"] {
        for more in [["--group-by", "user,direction,action,transport,vendor_product"].as_slice(), &["--context"]] {
            let case = || of(source, detect()).args(more.iter().copied());
            let of_log = case().file("log.evtx", &log).run();
            assert!(rows(of_log.exits(0)).len() >= 3, "{}", of_log.report());
            for (n, write) in FORMS.into_iter().enumerate() {
                let text = export(&log, write);
                let ran = case().file("export", &text).run();
                assert_eq!(ran.exits(0).report(), of_log.report(), "{source} {n}\n{text}");
            }
        }
    }
    let text = export(&log, FORMS[0]);
    detect().file("export", &text).run().exits(0).says(&["not read: at least 4 Security events"]);
    let packed = zip(&[("a/export.xml", text.as_bytes(), deflated()), ("log.evtx", &log, deflated())]);
    let ran = of("security", detect()).file("case.zip", &packed).args(["--dedup"]).run();
    assert_eq!(ran.exits(0).report(), of("security", detect()).file("log.evtx", &log).run().report());
}

#[test]
fn what_is_damaged_is_named_in_whatever_look_it_is_met() {
    // In a chunk without a connection, which only the look ahead reads.
    let log = evtx_writer::log(&[created(2, ID)]);
    let at = log.records(0)[0] + 24;
    let mut damaged = log.with_bytes(0, at, &[0xff]);
    damaged.mend(0);
    let ran = of("security", detect()).events(&[allowed().at(1)]).log("processes.evtx", &damaged).run();
    ran.exits(3).says(&["processes.evtx: chunk 0"]);
    let stale = evtx_writer::log(&[allowed(), allowed().at(1), allowed().at(2)]).with_stale_records(0, 1);
    let case = || of("security", detect()).args(["--group-by", "dest_ip"]).log("a.evtx", &stale);
    assert!(case().run().exits(0).report().contains("8.8.8.8,1,"));
    let ran = case().args(["--recover"]).run();
    assert!(ran.exits(0).report().contains("8.8.8.8,3,"), "{}", ran.report());
    let stale = evtx_writer::log(&[allowed().at(1), created(2, ID), ended(ID).at(2)]).with_stale_records(0, 1);
    let case = of("security", detect()).args(["--group-by", "user", "--context", "--recover"]).log("a.evtx", &stale);
    let report = case.run().exits(0).report().to_owned();
    assert!(report.contains(r"CORP\alice,1,") && report.contains(",2024-03-05T14:07:11.1234567Z,,"), "{report}");
    let both = evtx_writer::log(&[Event::connection(), Event::connection().at(1)]).with_stale_records(0, 1);
    of("security", detect()).args(["--recover"]).log("a.evtx", &both).run().exits(0).reports(&[HEADER]);
}

#[test]
fn a_damaged_event_of_a_process_is_named_once_beside_a_connection_too() {
    let odd = |event: Event| event.with("Odd", Value::Any(0x08, vec![0; 2]));
    let query =
        Event::sysmon(22, 5).with("ProcessGuid", Value::Guid("6820d070-264c-65e7-0000-000000000001".to_owned()));
    let rule = "title: Asks\nlogsource: {category: network_connection}\ndetection: {s: {CommandLine: x, DestinationHostname: y}, condition: s}\n";
    let rules = ["--rules", "rules", "--sigma-names", "queried"];
    let both = [rules.as_slice(), &["--context"]].concat();
    for (event, args) in [
        (Event::sysmon(1, 5), ["--context"].as_slice()),
        (Event::sysmon(1, 5), &rules),
        (query.clone(), &["--context"]),
        (query.clone(), &rules),
        (query, &both),
        (created(2, ID), &["--source", "security", "--group-by", "user"]),
        (created(2, ID), &["--source", "security", "--group-by", "user", "--context"]),
        (created(2, ID), &["--source", "all", "--context"]),
    ] {
        let connections = [Event::connection(), allowed().at(20)];
        let case = detect()
            .file("rules/asks.yml", rule)
            .events(connections.iter().chain([&odd(event)]))
            .args(args.iter().copied());
        let what = ["defects   1: 1 record not decoded", "a value cannot be read: "];
        case.run_on(&["log.evtx"]).exits(3).says(&what);
        Ran::new(case.command(&["--no-prefilter", "log.evtx"])).exits(3).says(&what);
    }
    // What nothing is asked of does not matter.
    detect().events(&[Event::connection(), odd(Event::sysmon(1, 5))]).run().exits(0);
}

#[test]
fn an_id_that_is_not_stated_is_of_no_process() {
    let events = [created(2, ID).without("NewProcessId"), allowed().without("ProcessID").at(1)];
    let ran = of("security", detect()).args(["--context", "--group-by", "dest_ip"]).events(&events).run();
    assert!(rows(ran.exits(0))[0].ends_with(",none"), "{}", ran.report());
}

#[test]
fn what_is_asked_of_them_in_vain_is_refused_or_said() {
    let rule = "title: Asks\nlogsource: {category: network_connection}\ndetection: {s: {Hashes: x}, condition: s}\n";
    let case =
        |source| of(source, detect()).file("rules/asks.yml", rule).events(&[allowed()]).args(["--rules", "rules"]);
    let queried = ["--sigma-names", "queried", "log.evtx"];
    case("security").run_on(&queried).exits(2).says(&["--sigma-names queried with --source security: "]);
    case("all").run_on(&queried).exits(0);
    let says = r#"rule "Asks": nothing can be found, since it asks for Hashes, which only Sysmon logs"#;
    let ran = case("security").run_on(&["log.evtx"]);
    ran.exits(0).says(&[says, "1 connection was not judged by rules that ask for the process: "]);
    case("security").run_on(&["-q", "log.evtx"]).exits(0).says(&[says]);
    case("all").run_on(&["log.evtx"]).exits(0).does_not_say("nothing can be found");
}

#[test]
fn rules_that_match_none_of_its_connections_are_named_with_what_they_ask_for() {
    const SYSMON: &str = "Microsoft-Windows-Sysmon";
    let channel = format!("Channel: {SYSMON}/Operational");
    let provider = format!("Provider_Name: {SYSMON}");
    let in_vain = [
        ("s: {DestinationHostname|endswith: .example}, condition: s", "DestinationHostname"),
        ("s: {Image: x, ProcessGuid: y}, condition: s", "ProcessGuid"),
        ("s: {RuleName: x}, condition: s", "RuleName"),
        (
            "s: {DestinationPortName: https}, t: {SourceHostname: x}, condition: 1 of *",
            "DestinationPortName, SourceHostname",
        ),
        ("s: {UtcTime|contains: '2024'}, condition: s", "UtcTime"),
        ("s: {EventID: 3, DestinationPort: 443}, condition: s", "EventID 3"),
        (&*format!("s: {{{channel}}}, condition: s"), &*channel.replace(':', "")),
        (&*format!("s: {{{provider}}}, condition: s"), &*provider.replace(':', "")),
        ("s: {DestinationPort: 443}, f: {OriginalFileName: x}, condition: s and not f", "OriginalFileName"),
    ];
    let can_match = [
        "s: {DestinationPort: 443}, f: {DestinationHostname|endswith: .example}, condition: s and not f",
        "s: [{DestinationHostname: x}, {DestinationPort: 443}], condition: s",
        "s: {DestinationPort: 443, RuleName: null}, condition: s",
        "s: {EventID: [3, 5156]}, condition: s",
        "s: {EventID: 3, DestinationPort: 1}, t: {DestinationPort: 443}, condition: 1 of *",
        "s: {Channel|contains: i}, t: {DestinationPort: 443}, condition: s or t",
    ];
    let rule = |detection: &str| {
        format!("title: Asks\nlogsource: {{category: network_connection}}\ndetection: {{{detection}}}\n")
    };
    let ran = |source, detection: &str| {
        let case = of(source, detect()).file("r.yml", rule(detection)).events(&[allowed()]);
        case.args(["--rule", "none", "--rules", "r.yml"]).run()
    };
    for (detection, missing) in in_vain {
        let says = format!("rule \"Asks\": nothing can be found, since it asks for {missing}, which only Sysmon logs");
        let found = ran("security", detection);
        assert_eq!(rows(found.exits(0).says(&[&says])).len(), 0, "{detection}");
        ran("all", detection).exits(0).does_not_say("nothing can be found");
    }
    for detection in can_match {
        let found = ran("security", detection);
        assert_eq!(rows(found.exits(0).does_not_say("nothing can be found")).len(), 1, "{detection}");
    }
    // They can match where a 4688 tells of the process.
    for detection in [
        "s: {DestinationPort: 443}, o: {OriginalFileName: x}, condition: s or o",
        "s: [{DestinationPort: 443}, {OriginalFileName: x}], condition: s",
        "s: {DestinationPort: 443}, f: {DestinationPort: 80, Company: x}, condition: s and not f",
    ] {
        ran("security", detection).exits(0).does_not_say("nothing can be found");
    }
}

#[test]
fn a_correlation_of_rules_that_match_none_of_its_connections_is_named_too() {
    let rules = "title: Base\nname: base\nlogsource: {category: network_connection}\n\
                 detection: {s: {RuleName: x}, condition: s}\n---\ntitle: Many\ncorrelation:\n    type: event_count\n    \
                 rules: [base]\n    group-by: [Image]\n    timespan: 1h\n    condition: {gte: 2}\n";
    let case = of("security", detect()).file("r.yml", rules).events(&[allowed()]);
    let ran = case.args(["--rule", "none", "--rules", "r.yml"]).run();
    ran.exits(0).says(&[
        r#"rules "Base", "Many": nothing can be found, since they ask for RuleName, which only Sysmon logs: a scan with --source all reads"#,
    ]);
}

#[test]
fn folders_where_programs_usually_are_are_usual_on_a_volume_whose_drive_is_not_known() {
    let of_app = |app: &str, port: u16, octet: u8| {
        let event = allowed().with("Application", app).with("DestPort", &*port.to_string());
        event.with("DestAddress", &*format!("203.0.114.{octet}")).at(octet.into())
    };
    let events = [
        of_app(r"\device\harddiskvolume2\program files\microsoft office\outlook.exe", 587, 1),
        of_app(r"\device\harddiskvolume2\windows\system32\svchost.exe", 25, 2),
        of_app(r"\device\harddiskvolume12\windows\syswow64\ftp.exe", 21, 3),
        of_app(r"\Device\HarddiskVolume2\Program Files (x86)\a\b.exe", 21, 4),
        of_app(r"\device\harddiskvolume2\users\a\program files\x.exe", 587, 5),
        of_app(r"\device\harddiskvolume2\windows\temp\x.exe", 21, 6),
        of_app(r"\device\harddiskvolume2\program files.exe", 21, 7),
        of_app("System", 25, 8),
    ];
    let case = of("security", detect()).events(&events).args(["--rule", "ftp,mail", "--group-by", "dest_ip"]);
    for extra in [&["log.evtx"][..], &["--no-prefilter", "--threads", "1", "log.evtx"]] {
        let ran = case.run_on(extra);
        let mut found: Vec<String> =
            rows(ran.exits(0)).iter().map(|row| row.split(',').next().unwrap().to_owned()).collect();
        found.sort();
        assert_eq!(found, ["203.0.114.5", "203.0.114.6", "203.0.114.7", "203.0.114.8"]);
    }
}

#[test]
fn transports_that_sysmon_does_not_name_can_be_asked_for() {
    let icmp = allowed().with("Protocol", Value::U32(1));
    let gre = allowed().with("Protocol", Value::U32(47)).at(1);
    for (transport, count) in
        [("icmp", 1), ("47", 1), ("icmp,47", 2), ("ipv6-*", 0), ("tcp", 1), ("6", 1), ("1", 1), ("17", 0)]
    {
        let events = [icmp.clone(), gre.clone(), allowed().at(2)];
        let ran = of("security", detect()).args(["--transport", transport]).events(&events).run();
        assert_eq!(rows(ran.exits(0)).len(), count, "{transport}");
    }
    let case = of("security", detect()).events(&[icmp]);
    case.run_on(&["--transport", "tpc", "."])
        .exits(2)
        .says(&[r#"--transport "tpc" is not a transport: give tcp or udp; "#]);
}

#[test]
fn what_no_connection_of_a_security_log_has_is_refused_where_it_is_read_alone() {
    for (args, message) in [
        (
            ["--app", r"C:\Users\*"],
            r#"--app "C:\Users\*" with --source security: its paths have \device\harddiskvolumeN in place of a drive: give '*\Users\*'"#,
        ),
        (
            ["--app", r"*:\*"],
            r"with --source security: its paths have \device\harddiskvolumeN in place of a drive: give '*\*'",
        ),
        (
            ["--dest", "*.example.org"],
            r#"--dest "*.example.org" with --source security: its connections have no names: give an address or a network"#,
        ),
        (["--remote", "ws01"], r#"--remote "ws01" with --source security: its connections have no names"#),
        (["--clock", "utc"], "--clock utc with --source security: its connections have no UtcTime: leave --clock out"),
        (
            ["--group-by", "dvc,process_guid"],
            "--group-by process_guid with --source security: its connections have none: give another field",
        ),
    ] {
        let case = |source| of(source, connections()).args(args).events(&[Event::connection()]);
        case("security").run().exits(2).reports(&[]).says(&[message]);
        case("all").run().exits(0);
    }
    for args in [["--app", r"*\users\*"], ["--app", "System"], ["--dest", "9.*"], ["--remote", "2001:db8::*"]] {
        of("security", connections()).args(args).events(&[Event::connection()]).run().exits(0);
    }
}

#[test]
fn paths_that_only_one_source_has_are_said_where_both_are_read() {
    let volume = r"\device\harddiskvolume2\windows\*";
    let of_security =
        r"finds no connections of the Security log, whose paths have \device\harddiskvolumeN in place of a drive: ";
    let of_sysmon =
        "finds none of Sysmon's connections but those from volumes without a drive, since its paths have drives: ";
    for (source, path, message, other) in [
        ("all", r"C:\Windows\*", of_security, r"*\Windows\*"),
        ("all", r"*:\*", of_security, r"*\*"),
        ("all", volume, of_sysmon, r"*\windows\*"),
        ("sysmon", volume, of_sysmon, r"*\windows\*"),
        ("sysmon", r"\Device\*", of_sysmon, "*"),
    ] {
        let case = of(source, connections()).events(&[allowed(), Event::connection()]).args(["--quiet"]);
        let message = format!("{message}'{other}' finds them all");
        case.run_on(&["--app", path, "."]).exits(0).says(&[&message]);
        case.run_on(&["--app", path, "--app", other, "."]).exits(0).does_not_say("finds them all");
    }
    for (source, path) in [("security", volume), ("sysmon", r"C:\Windows\*"), ("sysmon", r"\Device\Mup\a\*")] {
        let case = of(source, connections()).events(&[allowed(), Event::connection()]).args(["--quiet"]);
        case.run_on(&["--app", path, "."]).exits(0).does_not_say("finds them all");
    }
}

#[test]
fn the_peer_is_told_of_them_too() {
    let inbound = allowed()
        .with("Direction", "%%14592")
        .with("SourceAddress", "10.1.2.3")
        .with("SourcePort", "3389")
        .with("DestAddress", "9.9.9.9")
        .with("DestPort", "50000");
    let case = of("security", connections()).args(["--group-by", "direction,remote_ip,remote_port,local_ip"]);
    let ran = case.events(&[allowed(), inbound.at(1)]).run();
    let rows: Vec<String> =
        rows(ran.exits(0)).iter().map(|row| row.rsplitn(4, ',').last().unwrap().to_owned()).collect();
    assert_eq!(rows, ["outbound,8.8.8.8,443,10.1.2.3", "inbound,9.9.9.9,50000,10.1.2.3"]);
}

#[test]
fn real_connections_are_those_that_their_events_tell() {
    let Some(samples) = samples() else { return };
    let log = fs::read(samples.join("security/DE_RDP_Tunnel_5156.evtx")).unwrap();
    let ran = of("security", connections())
        .args(["--group-by", "process_name,direction,transport"])
        .file("x.evtx", &log)
        .run();
    ran.exits(0).says(&["63 connections: 63 hits"]);
    let rows: Vec<String> = rows(&ran).iter().map(|row| row.rsplitn(3, ',').last().unwrap().to_owned()).collect();
    assert_eq!(
        rows,
        [
            "svchost.exe,outbound,udp,14",
            "lsass.exe,outbound,tcp,16",
            "plink.exe,outbound,tcp,3",
            "System,inbound,udp,4",
            "System,outbound,tcp,2",
            "System,inbound,tcp,3",
            "svchost.exe,inbound,udp,20",
            "svchost.exe,outbound,tcp,1",
        ]
    );
    let args = ["--process", "plink.exe", "--context", "--group-by", "user,dest_ip,dest_port,process_id"];
    of("security", connections()).args(args).file("x.evtx", &log).run().exits(0).reports(&[
        "user,dest_ip,dest_port,process_id,count,firstTime,lastTime,process,process_hash,original_file_name,\
         process_integrity_level,process_start,process_end,parent_process,parent_process_path,parent_process_name,\
         parent_process_id,parent_process_guid,ancestry,dest_query,context",
        r"EXAMPLE\user01,10.0.2.18,80,3324,1,2019-02-13T18:03:28.3485590Z,2019-02-13T18:03:28.3485590Z,,,,,2019-02-13T18:03:28.3184408Z,,,,,3680,,plink.exe,,own",
        r"EXAMPLE\user01,127.0.0.2,3389,3324,2,2019-02-13T18:04:01.6321208Z,2019-02-13T18:04:45.9057832Z,,,,,2019-02-13T18:03:28.3184408Z,,,,,3680,,plink.exe,,own",
    ]);
    let ran = connections().file("x.evtx", &log).run();
    ran.exits(0).says(&["not read: at least 63 Security events 5156 or 5157"]);
}

#[test]
fn a_host_whose_only_connections_are_of_another_source_is_said_in_every_mode() {
    let sysmon = evtx_writer::log(&[Event::connection().on("WS01")]);
    let security = evtx_writer::log(&[allowed().on("PC01")]);
    let case = |command: Case| command.log("sysmon.evtx", &sysmon).log("security.evtx", &security);
    for quiet in [&[][..], &["-q"]] {
        for hosts in ["pc01", "PC*", "WS01,PC01"] {
            let args = [&["--host", hosts][..], quiet].concat();
            case(connections()).args(args).run().exits(0).says(&[
                " has no connection in these logs: in its own logs there is no Sysmon\n",
                "not read: at least 1 Security event 5156 or 5157; --source security or --source all reads them\n",
            ]);
        }
        let args = [&["--host", "WS01"][..], quiet].concat();
        case(of("security", connections()))
            .args(args)
            .run()
            .exits(0)
            .says(&["host WS01 has no connection in these logs: in its own logs there is no Security log\n"]);
        case(of("all", connections()))
            .args(["--host", "WS01,PC01"])
            .args(quiet.iter().copied())
            .run()
            .exits(0)
            .does_not_say("no connection");
    }
    assert_eq!(case(connections()).args(["-q", "--host", "WS01"]).run().exits(0).stderr(), "");
}

#[test]
fn quiet_runs_say_that_the_logs_are_of_another_source() {
    let case = connections().events(&[allowed(), allowed().at(3)]).args(["-q"]);
    let said = "netsift: no chunk mentions Sysmon: are these the right logs?\n\
                netsift: not read: at least 2 Security events 5156 or 5157; --source security or --source all reads them\n";
    assert_eq!(case.run().exits(0).stderr(), said);
    assert_eq!(of("security", connections()).events(&[allowed()]).args(["-q"]).run().exits(0).stderr(), "");
    assert_eq!(of("security", detect()).events(&[allowed()]).args(["-q"]).run().exits(0).stderr(), "");
    let ran = detect().events(&[Event::connection().image("other.exe"), allowed()]).args(["-q"]).run();
    ran.exits(0).says(&["netsift: not read: at least 1 Security event 5156 or 5157"]);
    let ran = detect().events(&[Event::connection(), allowed()]).args(["-q"]).run();
    assert_eq!(ran.exits(0).stderr(), "");
    let none = Event { id: "4624".into(), ..allowed() };
    for command in [connections(), detect()] {
        let ran = of("security", command).events(std::slice::from_ref(&none)).args(["-q"]).run();
        ran.exits(0).says(&["netsift: no EventID 5156 or 5157 is in these logs"]);
    }
}
