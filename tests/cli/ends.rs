//! Which end of a connection is the host and which its peer, and which of its two times it is of.

use std::fs;

use crate::{
    case::{Case, Ran, connections, detect},
    evtx_writer::{self, Event, Value},
    samples::samples,
};

const HOST: &str = "10.0.0.5";
const ENDS: &str = "remote,remote_ip,remote_port,local_ip,local_port";

/// A connection between two addresses, from port 1000 to port 443.
fn between(initiated: bool, source: &str, dest: &str) -> Event {
    Event::connection()
        .with("Initiated", Value::Bool(initiated))
        .with("SourceIp", source)
        .with("SourceHostname", "-")
        .with("SourcePort", Value::U16(1000))
        .dest(dest)
        .with("DestinationHostname", "-")
        .with("DestinationPort", Value::U16(443))
}

/// Logs of a host: what it has opened says in one log which address is its own in the other.
fn logs(case: Case) -> Case {
    let inbound = [between(false, "9.1.2.1", HOST), between(false, HOST, "9.1.2.2")];
    let elsewhere = [between(false, "9.1.2.3", HOST).on("OTHER.corp.example")];
    let outbound = [between(true, HOST, "9.9.9.9").image(r"C:\Windows\other.exe")];
    case.log("logs/a.evtx", &evtx_writer::log(&inbound))
        .log("logs/b.evtx", &evtx_writer::log(&elsewhere))
        .log("logs/c.evtx", &evtx_writer::log(&outbound))
}

/// What a report says of the ends, without count and times.
#[track_caller]
fn ends(ran: &Ran) -> Vec<String> {
    let mut lines = ran.report().lines();
    assert_eq!(lines.next().unwrap(), format!("{ENDS},count,firstTime,lastTime"), "{}", ran.stderr());
    let of_ends = |row: &str| row.rsplitn(4, ',').last().unwrap().to_owned();
    let mut rows: Vec<String> = lines.map(of_ends).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn the_peer_is_told_by_what_the_host_has_opened_in_any_log_of_the_run() {
    let case = logs(connections()).args(["--group-by", ENDS]);
    let all = [
        ",,,,",
        "9.1.2.1,9.1.2.1,1000,10.0.0.5,443",
        "9.1.2.2,9.1.2.2,443,10.0.0.5,1000",
        "9.9.9.9,9.9.9.9,443,10.0.0.5,1000",
    ];
    assert_eq!(ends(case.run_on(&["logs"]).exits(0)), all);
    // Without the log that tells it, it is not known which end is the host.
    assert_eq!(ends(case.run_on(&["logs/a.evtx", "logs/b.evtx"]).exits(0)), [",,,,"]);
    // A rule for one process learns from the connections of the others.
    let case = logs(detect()).args(["--exclusions", "none", "--group-by", ENDS]);
    assert_eq!(ends(case.run_on(&["logs"]).exits(0)), &all[..3]);
}

#[test]
fn the_peer_is_judged_in_place_of_the_destination_where_that_is_asked() {
    let excluded = ["--group-by", "src_ip,dest_ip"];
    let by_dest = logs(detect()).args(excluded);
    by_dest.run_on(&["logs"]).exits(0).says(&[
        "1 hit in 1 group, 2 excluded",
        "2 inbound connections among them have a source in no such network, which may be the peer: --judge remote",
    ]);
    let by_peer = logs(detect()).args(excluded).args(["--judge", "remote"]);
    let ran = by_peer.run_on(&["logs"]);
    ran.exits(0).says(&["3 hits in 3 groups, 0 excluded"]).does_not_say("may be the peer");
    for row in ["9.1.2.1,10.0.0.5,1,", "10.0.0.5,9.1.2.2,1,", "9.1.2.3,10.0.0.5,1,"] {
        assert!(ran.report().contains(row), "{row}: {}", ran.report());
    }
    // Where it is not known which end is the peer, both have to be excluded.
    let case = detect().events(&[between(false, "10.0.0.6", HOST), between(false, "9.1.2.3", HOST)]);
    let case = case.args(["--judge", "remote", "--group-by", "src_ip"]);
    case.run().exits(0).says(&["1 hit in 1 group, 1 excluded"]);
}

#[test]
fn a_peer_whose_address_is_not_stated_is_told_of_where_it_is_excluded_with_the_host() {
    for (source, name) in [("-", "peer.test"), ("-", "-"), ("not an address", "-"), ("9.9.9.9", "-")] {
        let opened = between(true, HOST, "9.9.9.9").image(r"C:\Windows\other.exe");
        let came_in = between(false, source, HOST).with("SourceHostname", name);
        let case = detect().events(&[opened, came_in]);
        case.run_on(&["log.evtx"]).exits(0).says(&[
            "0 hits in 0 groups, 1 excluded",
            "1 inbound connection among them has a source in no such network, which may be the peer: --judge remote",
        ]);
        case.run_on(&["--judge", "remote", "log.evtx"]).exits(0).says(&["1 hit in 1 group, 0 excluded"]);
    }
}

#[test]
fn a_peer_that_is_not_stated_is_in_no_network() {
    // The host's own address is in the network, and it is known which end that is.
    let out = [between(true, "8.8.8.8", "9.9.9.9"), between(true, "8.8.8.8", "-"), between(false, "-", "8.8.8.8")];
    let case = || connections().events(&out).args(["--judge", "remote", "--group-by", "src_ip,dest_ip"]);
    case()
        .args(["--detect-cidr", "8.8.8.0/24"])
        .run()
        .exits(0)
        .says(&["0 hits in 0 groups", "3 outside the detection"]);
    let ran = case().args(["--exclude-cidr", "8.8.8.0/24"]).run();
    ran.exits(0).says(&["3 hits in 3 groups, 0 excluded"]);
}

#[test]
fn of_a_host_that_talks_to_itself_the_direction_tells_the_ends() {
    let both = |initiated: Value| between(true, "9.9.9.9", "9.9.9.9").with("Initiated", initiated);
    for (initiated, expected) in [
        (Value::from("-"), ",,,,"),
        (Value::Bool(false), "9.9.9.9,9.9.9.9,,9.9.9.9,"),
        (Value::Bool(true), "9.9.9.9,9.9.9.9,443,9.9.9.9,1000"),
    ] {
        let case = connections().events(&[both(initiated)]).args(["--group-by", ENDS]);
        assert_eq!(ends(case.run().exits(0)), [expected]);
    }
}

#[test]
fn connections_are_left_in_by_their_peer_whichever_end_opened_them() {
    for (filters, rows) in [
        (&["--remote", "9.1.2.0/24"][..], &["10.0.0.5,9.1.2.2", "9.1.2.1,10.0.0.5"][..]),
        (&["--remote", "9.1.2.2,9.9.*"], &["10.0.0.5,9.1.2.2", "10.0.0.5,9.9.9.9"]),
        (&["--remote", "9.1.2.0/24", "--remote-port", "1000"], &["9.1.2.1,10.0.0.5"]),
        (&["--dest", "9.1.2.0/24"], &["10.0.0.5,9.1.2.2"]),
        (&["--app", r"C:\WINDOWS\OTHER*"], &["10.0.0.5,9.9.9.9"]),
    ] {
        let case = logs(connections()).args(filters.iter().copied()).args(["--group-by", "src_ip,dest_ip"]);
        let ran = case.run_on(&["logs"]);
        let mut found: Vec<&str> =
            ran.report().lines().skip(1).map(|row| row.rsplitn(4, ',').last().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, rows, "{filters:?} {}", ran.stderr());
    }
    let refused = |args: &[&str], message: &str| {
        let ran = logs(connections()).args(args.iter().copied()).run_on(&["logs"]);
        assert!(ran.status() == 2 && ran.stderr().contains(message), "{}", ran.stderr());
    };
    refused(&["--remote", "9.1.2.1/24"], r#"--remote "9.1.2.1/24" has host bits set: did you mean 9.1.2.0/24?"#);
    refused(&["--dest", ""], r#"--dest "" is not a destination: give a name, an address or a network"#);
    refused(&["--remote-port", "x"], r#"--remote-port "x" is not a port: give a port from 0 to 65535"#);
}

#[test]
fn events_have_the_ends_where_they_are_known() {
    let case = logs(connections()).args(["--context", "--events", "events.csv", "--group-by", "dvc"]);
    Ran::new(case.command(&["logs"])).exits(0);
    let events = case.read("events.csv");
    assert!(events.lines().next().unwrap().contains(&format!(",recovered,{ENDS},process,")), "{events}");
    assert!(events.contains(",false,9.1.2.1,9.1.2.1,1000,10.0.0.5,443,"), "{events}");
}

#[test]
fn merged_partials_give_the_ends_of_one_scan() {
    for rows in [&[][..], &["--partial-events"]] {
        let case = logs(connections()).args(["--group-by", "dvc,remote,local_port"]);
        let whole = Ran::new(case.command(&[&["--partial", "all.parquet"], rows, &["logs"]].concat()));
        whole.exits(0);
        let merged = Ran::new(case.another(&["merge", "all.parquet"]));
        assert_eq!(merged.exits(0).report(), whole.report());
        let coarser = Ran::new(case.another(&["merge", "--group-by", "remote", "all.parquet"]));
        assert!(coarser.exits(0).report().contains("\n9.1.2.2,1,"), "{}", coarser.report());
    }
}

/// Connections of which one happened two hours before it was logged, by its own account.
fn clocks() -> [Event; 3] {
    let at = |utc_time: &str, dest: &str| Event::connection().with("UtcTime", utc_time).dest(dest);
    [
        at("2024-03-05 14:07:09.250", "9.0.0.1"),
        at("2024-03-05 12:00:00.500", "9.0.0.2").on("SKEWED"),
        at("-", "9.0.0.3"),
    ]
}

#[test]
fn clocks_that_are_apart_are_named_and_either_can_be_chosen() {
    let case = detect().events(&clocks()).args(["--group-by", "dest_ip"]);
    let logged = case.run();
    logged.exits(0).says(&[
        "clocks    1 hit with a UtcTime more than a minute from the time of logging, up to 2 hours earlier on SKEWED: \
         the time of logging counts, a scan with --clock utc takes UtcTime",
    ]);
    let utc = case.args(["--clock", "utc"]);
    let ran = utc.run();
    ran.exits(0).says(&["earlier on SKEWED: UtcTime counts"]);
    assert!(ran.report().contains("9.0.0.2,1,2024-03-05T12:00:00.5000000Z,"), "{}", ran.report());
    assert!(ran.report().contains("9.0.0.1,1,2024-03-05T14:07:09.2500000Z,"), "{}", ran.report());
    let third = |ran: &Ran| ran.report().lines().find(|row| row.starts_with("9.0.0.3")).map(str::to_owned);
    assert_eq!(third(&ran), third(&logged), "what states none is of the time of logging");
    // Filters look at the time that was chosen, whatever a record says of its own.
    let early = utc.args(["--since", "2024-03-05T12:00:00Z", "--until", "2024-03-05T12:30:00Z"]);
    assert_eq!(early.run().report().lines().count(), 2);
}

#[test]
fn a_host_that_is_not_stated_and_a_time_that_cannot_be_read_are_said() {
    let events = [
        Event::connection().with("UtcTime", "2024-03-05 12:07:05.001").on(""),
        Event::connection().with("UtcTime", "soon"),
        Event::connection().with("UtcTime", "-"),
    ];
    let case = detect().events(&events);
    case.run().exits(0).says(&[" earlier on a host that is not stated: the time"]).does_not_say("that can be read");
    let unread = "; 2 hits without a UtcTime that can be read: the time of logging counts\n";
    case.args(["--clock", "utc"]).run().exits(0).says(&[unread]);
}

#[test]
fn the_command_that_shows_others_is_by_the_same_clock() {
    let skewed = &clocks()[1];
    let case = detect().events(&[skewed.clone().image(r"C:\other.exe")]);
    let early = ["--until", "2024-03-05T12:30:00Z"];
    case.args(early)
        .args(["--clock", "utc"])
        .run()
        .exits(0)
        .says(&["but 1 connection of 1 process", " --clock utc --until "]);
}

#[test]
fn queries_are_held_against_connections_by_the_clock_that_was_chosen() {
    let guid = || Value::Guid("6820d070-264c-65e7-0000-000000000001".to_owned());
    let connection = Event::connection().with("UtcTime", "2024-03-05 12:07:05.001").with("ProcessGuid", guid());
    let query = Event::sysmon(22, 5)
        .with("UtcTime", "2024-03-05 12:07:04.001")
        .with("ProcessGuid", guid())
        .with("QueryName", "bad.example")
        .with("QueryResults", "8.8.8.8;");
    let rule = "title: Bad\nlogsource: {category: network_connection}\ndetection: {s: {DestinationHostname: bad.example}, condition: s}\n";
    let elsewhen = Event { time: evtx_writer::time(9000), ..query.clone().with("QueryName", "later.example") };
    for clock in ["logged", "utc"] {
        let case =
            || detect().events(&[connection.clone(), query.clone()]).args(["--clock", clock, "--group-by", "dest_ip"]);
        let ran = case().args(["--context"]).run();
        assert!(ran.exits(0).report().contains(",bad.example,"), "{clock}: {}", ran.report());
        let ruled =
            case().file("rules/bad.yml", rule).args(["--rule", "none", "--rules", "rules", "--sigma-names", "queried"]);
        assert_eq!(ruled.run_on(&["log.evtx"]).exits(0).report().lines().count(), 2, "{clock}");
    }
    let case = detect().events(&[connection, elsewhen]).args(["--context", "--group-by", "dest_ip"]);
    assert!(!case.run().report().contains("later.example"));
    assert!(case.args(["--clock", "utc"]).run().report().contains(",later.example,"));
}

#[test]
fn clocks_are_in_the_manifest_and_in_merged_partials() {
    let case = detect().events(&clocks()).args(["--clock", "utc", "--group-by", "dest_ip"]);
    let whole = Ran::new(case.command(&["--partial", "all.parquet", "--manifest", "manifest.json", "."]));
    whole.exits(0);
    let manifest = fs::read_to_string(case.path("manifest.json")).unwrap();
    assert!(manifest.contains(r#""clock": "utc""#), "{manifest}");
    let merged = Ran::new(case.another(&["merge", "all.parquet"]));
    assert_eq!(merged.exits(0).report(), whole.report());
    merged.says(&["1 hit with a UtcTime more than a minute", "UtcTime counts"]);
}

#[test]
fn in_real_logs_the_ends_are_the_same_two_as_source_and_destination() {
    let Some(samples) = samples() else { return };
    let case = connections().args(["--group-by", "src_ip,dest_ip,remote_ip,local_ip"]);
    let ran = Ran::new(case.command(&[samples.join("sysmon").to_str().unwrap()]));
    let mut known = 0;
    for row in ran.report().lines().skip(1) {
        let [src, dest, remote, local, ..] = row.split(',').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let is_known = (remote, local) == (src, dest) || (remote, local) == (dest, src);
        assert!(is_known || (remote.is_empty() && local.is_empty()), "{row}");
        known += u32::from(is_known);
    }
    assert!(known > 0, "{}", ran.report());
}
