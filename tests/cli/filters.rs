//! What the command line leaves in before rules judge, and the chunks that a window of time rules out.
//!
//! Each run is repeated with every record decoded, as [`crate::case`] does it, so that ruling out is held to lose nothing.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use crate::{
    case::{Case, Ran, connections, detect},
    evtx_writer::{self, Event, Value},
};

/// 2024-03-05T14:07:09.1234567Z, which is the time of every event that does not say otherwise.
const FIRST: &str = "2024-03-05T14:07:09.1234567Z";

/// An event for each destination, one log each, so that each is in a chunk of its own.
fn logs<'a>(case: Case, events: impl IntoIterator<Item = (&'a str, Event)>) -> Case {
    let write = |case: Case, (dest, event): (&str, Event)| {
        case.log(&format!("{dest}.evtx"), &evtx_writer::log(&[event.dest(dest)]))
    };
    events.into_iter().fold(case, write)
}

/// The destinations that are reported.
#[track_caller]
fn left_in(case: &Case, args: &[&str]) -> Vec<String> {
    let ran = case.run_on(&[args, &["--group-by", "dest_ip", "."]].concat());
    assert!([0, 3].contains(&ran.status()), "{}", ran.stderr());
    destinations(&ran)
}

fn destinations(ran: &Ran) -> Vec<String> {
    let mut all: Vec<String> =
        ran.report().lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned()).collect();
    all.sort();
    all
}

#[track_caller]
fn refused(args: &[&str], message: &str) {
    let case = detect().events(&[Event::connection()]).args(args.iter().copied());
    case.run().exits(2).reports(&[]).says(&[&format!("netsift: {message}")]);
}

/// A connection so many ticks of 100 ns after [`FIRST`], with that time in the header of its record too.
fn ticks(ticks: i64) -> Event {
    let time = evtx_writer::time(0).checked_add_signed(ticks).unwrap();
    Event { time, header_time: time, ..Event::connection() }
}

#[test]
fn lists_for_filters_have_a_thousand_values_at_most() {
    let case = |count: usize| {
        let list: String = (0..count).map(|number| format!("9.9.{}.{}\r", number / 256, number % 256)).collect();
        detect()
            .events(&[Event::connection().dest("9.9.0.7")])
            .file("l.txt", list)
            .args(["--dest", "@l.txt", "log.evtx"])
    };
    case(1000).run_on(&["-q"]).exits(0);
    case(1001)
        .run_on(&["-q"])
        .exits(2)
        .says(&["--dest @l.txt: it has 1,001 values, and a list for a filter has 1,000 at most"]);
}

#[test]
fn a_list_that_is_too_long_is_refused_with_what_its_option_can_do_instead() {
    let (watchlist, pattern, range) = (
        "; a list of addresses or names for --watchlist can be",
        "; * stands for any text",
        "; a range such as 8000-8999",
    );
    for (option, advice) in [
        ("--dest", watchlist),
        ("--remote", watchlist),
        ("--process", pattern),
        ("--host", pattern),
        ("--user", pattern),
        ("--app", pattern),
        ("--port", range),
        ("--remote-port", range),
    ] {
        let value = |number: u64| match option {
            "--dest" | "--remote" => format!("9.9.{}.{}\n", number / 256, number % 256),
            "--process" => format!("p{number}.exe\n"),
            "--app" => format!("C:\\p{number}.exe\n"),
            _ => format!("{}\n", number + 1),
        };
        let list: String = (0..1001).map(value).collect();
        let case = detect().events(&[Event::connection()]).file("l.txt", list).args([option, "@l.txt", "log.evtx"]);
        let told = format!("{option} @l.txt: it has 1,001 values, and a list for a filter has 1,000 at most{advice}");
        let ran = case.run_on(&["-q"]);
        ran.exits(2).says(&[&told]);
        assert_eq!(ran.stderr().contains("--watchlist"), advice == watchlist, "{}", ran.stderr());
    }
}

#[test]
fn hosts_that_nothing_is_of_are_said_in_every_mode() {
    let on = |host: &str| Event::connection().on(host);
    // A collector's log, whose first record tells only one of its hosts.
    let case = detect().events(&[on("WS01.corp.example"), on("SRV02").image("other.exe"), on("WS03")]);
    for quiet in [&[][..], &["-q"]] {
        let run = |host: &str| case.run_on(&[&["--host", host, "log.evtx"], quiet].concat());
        for (host, hint) in [
            ("WS01.corp.exmple", ": did you mean WS01.corp.example?"),
            ("ws03.corp.example", ": did you mean WS03?"),
            ("NOSUCH*", "; they are of SRV02, WS01.corp.example, WS03"),
            ("10.1.2.33", "; they are of "),
            ("WS01,NOSUCH", "NOSUCH has no connection in these logs; they are of "),
        ] {
            run(host).exits(0).says(&[" has no connection in these logs", hint]);
        }
        for host in ["ws01", "SRV02", "WS03.", "WS*"] {
            run(host).exits(0).does_not_say("has no connection");
        }
    }
}

#[test]
fn since_is_left_in_and_until_is_not_to_100_ns() {
    let case = logs(connections(), [("9.0.0.1", ticks(-1)), ("9.0.0.2", ticks(0)), ("9.0.0.3", ticks(1))]);
    assert_eq!(left_in(&case, &["--since", FIRST]), ["9.0.0.2", "9.0.0.3"]);
    assert_eq!(left_in(&case, &["--until", FIRST]), ["9.0.0.1"]);
    let next = "2024-03-05T14:07:09.1234568Z";
    assert_eq!(left_in(&case, &["--since", FIRST, "--until", next]), ["9.0.0.2"]);
    // Between the ticks.
    assert_eq!(left_in(&case, &["--since", "2024-03-05T14:07:09.12345675Z"]), ["9.0.0.3"]);
    assert_eq!(left_in(&case, &["--until", "2024-03-05T14:07:09.12345675Z"]), ["9.0.0.1", "9.0.0.2"]);
}

#[test]
fn a_date_is_its_midnight_in_utc_and_a_zone_is_heeded() {
    let midnight = 9 * 3600 + 52 * 60 + 50;
    let case = logs(
        detect(),
        [("9.0.0.1", Event::connection().at(midnight)), ("9.0.0.2", Event::connection().at(midnight + 1))],
    );
    assert_eq!(left_in(&case, &["--until", "2024-03-06"]), ["9.0.0.1"]);
    assert_eq!(left_in(&case, &["--since", "2024-03-06"]), ["9.0.0.2"]);
    assert_eq!(left_in(&case, &["--since", "2024-03-06T02:00:00+02:00"]), ["9.0.0.2"]);
    assert_eq!(left_in(&case, &["--since", "2024-03-06T02:00:00Z"]), [""; 0]);
}

#[test]
fn how_long_ago_is_before_the_run_and_the_manifest_says_when_that_was() {
    let now = Timestamp::now();
    let ago = |days: i64| {
        let seconds = u64::try_from(now.as_second() - days * 86_400 - 1_709_647_629).unwrap();
        Event::connection().at(seconds)
    };
    let case = logs(detect(), [("9.0.0.1", ago(8)), ("9.0.0.2", ago(6)), ("9.0.0.3", ago(1))]);
    assert_eq!(left_in(&case, &["--since", "7d"]), ["9.0.0.2", "9.0.0.3"]);
    assert_eq!(left_in(&case, &["--since", "1w", "--until", "48h"]), ["9.0.0.2"]);
    let (manifest, _) = made(&case, &["--since", "7d", "--until", "0s"]);
    let instant = |name: &str| manifest["options"]["filters"][name].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(now <= instant("until") && instant("until") <= Timestamp::now());
    assert_eq!(instant("until").duration_since(instant("since")), SignedDuration::from_hours(7 * 24));
}

#[test]
fn chunks_outside_the_window_are_ruled_out_unread() {
    let hour = |n: u64| Event::connection().at(n * 3600);
    let case = logs(detect(), [("9.0.0.1", hour(0)), ("9.0.0.2", hour(1)), ("9.0.0.3", hour(2))]);
    let window = ["--since", "2024-03-05T15:00:00Z", "--until", "2024-03-05T16:00:00Z"];
    let ran = case.run_on(&[&window[..], &["."]].concat());
    ran.exits(0).says(&[
        "filters   since 2024-03-05T15:00:00Z; until 2024-03-05T16:00:00Z",
        "0 connections read and left out",
        "chunks: 1 decoded, 2 ruled out unread",
        "found     1 connection of regsvcs.exe",
    ]);
    let ran = Ran::new(case.command(&[&window[..], &["--no-prefilter", "."]].concat()));
    ran.exits(0).says(&["2 connections read and left out", "chunks: 3 decoded, 0 ruled out unread"]);
    // Older records could be in free space.
    case.run_on(&[&window[..], &["--recover", "."]].concat()).exits(0).says(&["chunks: 3 decoded"]);
    let ran = case.run_on(&["--since", "2025-01-01", "."]);
    ran.exits(0).says(&["found     nothing: no network connection of regsvcs.exe within the filters in 3 records"]);
}

#[test]
fn a_chunk_with_one_record_in_the_window_is_decoded() {
    let events: Vec<Event> = (0..40).map(|n| Event::connection().dest(&format!("9.0.0.{n}")).at(n * 3600)).collect();
    let case = detect().events(&events);
    let ran = case.run_on(&["--since", "2024-03-06T15:00:00Z", "--until", "2024-03-06T16:00:00Z", "."]);
    ran.exits(0).says(&["1 hit in 1 group", "39 connections read and left out"]);
}

#[test]
fn the_time_in_a_records_header_proves_nothing() {
    let with_header =
        |n: u64, header: u64| Event { header_time: evtx_writer::time(header), ..Event::connection().at(n) };
    let day = 86_400;
    let case = logs(connections(), [("9.0.0.1", with_header(0, 5 * day)), ("9.0.0.2", with_header(5 * day, 0))]);
    assert_eq!(left_in(&case, &["--since", "2024-03-06"]), ["9.0.0.2"]);
    assert_eq!(left_in(&case, &["--until", "2024-03-06"]), ["9.0.0.1"]);
}

#[test]
fn a_connection_whose_time_cannot_be_read_is_left_in_and_named() {
    let with = |value: Value| Event { time_created: Some(value), ..Event::connection() };
    let case = logs(
        detect(),
        [
            ("9.0.0.1", with(Value::Null)),
            ("9.0.0.2", with("yesterday".into())),
            ("9.0.0.3", with(Value::U64(evtx_writer::time(0)))),
            ("9.0.0.4", with(Value::Hex64(evtx_writer::time(0)))),
            ("9.0.0.5", with(Value::FileTime(u64::MAX))),
            ("9.0.0.6", with(Value::FileTime(2_650_467_743_999_999_999))),
            ("9.0.0.7", with(Value::FileTime(evtx_writer::time(0)))),
        ],
    );
    for window in [["--since", "2024-04-01"], ["--until", "2024-03-01"]] {
        let ran = case.run_on(&[&window[..], &["--group-by", "dest_ip", "."]].concat());
        ran.exits(3).says(&["defects   6: 6 time not read", "found     6 connections"]);
        assert_eq!(destinations(&ran), (1..7).map(|n| format!("9.0.0.{n}")).collect::<Vec<_>>());
    }
    // Other filters can judge it.
    case.run_on(&["--until", "2024-03-01", "--port", "444", "."]).exits(3).says(&["found     nothing"]);
}

/// In ticks of 100 ns. Of a year, the parser shows the last four digits.
const TEN_THOUSAND_YEARS: u64 = 3_155_695_200_000_000_000;

/// Times that cannot be, which the parser shows as others.
fn impossible_times() -> Vec<Value> {
    let late = evtx_writer::time(0) + TEN_THOUSAND_YEARS;
    // The others are the first of the year 10000, the last that the parser shows as a time, and the one behind that.
    let filetimes = [late, 2_650_467_744_000_000_000, i64::MAX as u64, i64::MAX as u64 + 1].map(Value::FileTime);
    let systemtimes =
        [[2024, 13, 0, 5, 14, 0, 0, 0], [2024, 3, 0, 5, 14, 60, 0, 0], [12_024, 3, 0, 5, 14, 0, 0, 0], [0; 8]];
    let array = Value::Any(0x91, late.to_le_bytes().to_vec());
    filetimes.into_iter().chain(systemtimes.map(Value::SysTime)).chain([array]).collect()
}

#[test]
fn a_time_that_cannot_be_is_not_shown_as_another_and_is_left_in_and_named() {
    let with = |value: Value| Event { time_created: Some(value), ..Event::connection() };
    let times = impossible_times();
    let names: Vec<String> = (1..=times.len()).map(|n| format!("9.0.0.{n}")).collect();
    let case = logs(detect(), names.iter().map(String::as_str).zip(times.iter().cloned().map(with)));
    let defects = format!("defects   {0}: {0} time not read", times.len());
    let expected: Vec<String> = names.iter().map(|name| format!("{name},1,,")).collect();
    for options in [
        &[][..],
        &["--recover"],
        &["--since", "2024-04-01"],
        &["--until", "2024-03-01"],
        &["--since", "2024-04-01", "--recover"],
        &["--context"],
    ] {
        let ran = case.run_on(&[options, &["--group-by", "dest_ip", "."]].concat());
        ran.exits(3).says(&[&defects, "the connection's time ", " cannot be read"]);
        let mut rows: Vec<String> =
            ran.report().lines().skip(1).map(|row| row.split(',').take(4).collect::<Vec<_>>().join(",")).collect();
        rows.sort();
        assert_eq!(rows, expected, "{options:?}");
    }
    // One chunk, in which most can be read.
    let events: Vec<Event> = times.into_iter().flat_map(|time| [with(time), Event::connection().at(1)]).collect();
    let ran = detect().events(&events).run_on(&["--since", "2024-04-01", "--group-by", "dest_ip", "."]);
    ran.exits(3)
        .says(&[&defects, "9 connections read and left out"])
        .reports(&["dest_ip,count,firstTime,lastTime", "8.8.8.8,9,,"]);
}

#[test]
fn a_utc_time_that_cannot_be_is_not_taken_for_another() {
    let times = impossible_times();
    let events: Vec<Event> = times.into_iter().map(|time| Event::connection().with("UtcTime", time)).collect();
    let case = detect().args(["--clock", "utc", "--group-by", "dest_ip"]);
    let row = format!("8.8.8.8,9,{FIRST},{FIRST}");
    let expected = ["dest_ip,count,firstTime,lastTime", row.as_str()];
    // Some are read without the parser, and all with it.
    let case = case.log("some.evtx", &evtx_writer::log(&events[..3])).log("rest.evtx", &evtx_writer::log(&events[3..]));
    case.run_on(&["."]).exits(0).reports(&expected);
    case.run_on(&["--recover", "."]).exits(0).reports(&expected);
}

#[test]
fn a_time_of_another_type_is_judged_by_what_it_says() {
    let with = |value: Value| Event { time_created: Some(value), ..Event::connection() };
    let case = logs(
        connections(),
        [
            ("9.0.0.1", with("2024-03-05T14:00:00Z".into())),
            ("9.0.0.2", with(Value::Ansi(b"2024-03-05T14:00:00Z".to_vec()))),
            ("9.0.0.3", with(Value::SysTime([2024, 3, 0, 5, 14, 0, 0, 0]))),
            ("9.0.0.4", with(Value::FileTime(0))),
        ],
    );
    let day = ["--since", "2024-03-05", "--until", "2024-03-06"];
    assert_eq!(left_in(&case, &day), ["9.0.0.1", "9.0.0.2", "9.0.0.3"]);
    assert_eq!(left_in(&case, &["--until", "2024-03-05"]), ["9.0.0.4"]);
    assert_eq!(left_in(&case, &["--since", "2024-03-06"]), [""; 0]);
}

#[test]
fn recovered_records_are_judged_alike() {
    let events: Vec<Event> = (0..30).map(|n| Event::connection().dest(&format!("9.0.0.{n}")).at(n * 60)).collect();
    let case = connections().log("log.evtx", &evtx_writer::log(&events).with_stale_records(0, 10));
    let window = ["--since", "2024-03-05T14:12:00Z", "--until", "2024-03-05T14:22:00Z"];
    assert_eq!(left_in(&case, &window).len(), 5);
    assert_eq!(left_in(&case, &[&window[..], &["--recover"]].concat()).len(), 10);
}

#[test]
fn a_hidden_record_is_not_ruled_out_with_the_one_that_hides_it() {
    let events = [Event::connection().dest("9.0.0.1"), Event::connection().dest("9.0.0.2").at(86_400)];
    let mut log = evtx_writer::log(&events);
    let records = log.records(0);
    let size = u32::try_from(log.end(0) - records[0]).unwrap();
    log = log.with_u32(0, records[0] + 4, size);
    log.mend(0);
    let case = detect().log("log.evtx", &log);
    assert_eq!(left_in(&case, &["--since", "2024-03-06"]), ["9.0.0.2"]);
}

fn on_hosts(names: &[&str]) -> Case {
    let event = |(n, name): (usize, &&str)| Event::connection().on(name).dest(&format!("9.0.0.{n}"));
    connections().events(&names.iter().enumerate().map(event).collect::<Vec<_>>())
}

fn of_users(names: &[&str]) -> Case {
    let event = |(n, &name): (usize, &&str)| Event::connection().with("User", name).dest(&format!("9.0.0.{n}"));
    connections().events(&names.iter().enumerate().map(event).collect::<Vec<_>>())
}

#[test]
fn a_host_is_found_with_its_domain_and_without_in_any_case() {
    let case = on_hosts(&["WS01.corp.example", "ws01", "WS010.corp.example", "SRV01.corp.example", "-"]);
    assert_eq!(left_in(&case, &["--host", "Ws01"]), ["9.0.0.0", "9.0.0.1"]);
    assert_eq!(left_in(&case, &["--host", "ws01.CORP.example"]), ["9.0.0.0"]);
    assert_eq!(left_in(&case, &["--host", "ws*"]), ["9.0.0.0", "9.0.0.1", "9.0.0.2"]);
    assert_eq!(left_in(&case, &["--host", "*01"]), ["9.0.0.0", "9.0.0.1", "9.0.0.3"]);
    assert_eq!(left_in(&case, &["--host", "*.corp.example"]), ["9.0.0.0", "9.0.0.2", "9.0.0.3"]);
    assert_eq!(left_in(&case, &["--host", "ws01", "--host", "srv01"]), ["9.0.0.0", "9.0.0.1", "9.0.0.3"]);
    assert_eq!(left_in(&case, &["--host", "corp.example"]), [""; 0]);
    assert_eq!(left_in(&case, &["--host", "*"]).len(), 5, "also where it is not stated");
}

#[test]
fn names_are_the_same_with_a_dot_at_their_end() {
    let case = on_hosts(&["WS01.corp.example.", "ws01.corp.example", "ws01.", "ws02.corp.example."]);
    for host in ["ws01.corp.example", "ws01.corp.example.", "WS01.*", "*.example", "*.EXAMPLE."] {
        let of_ws02 = host.starts_with("*.").then_some("9.0.0.3");
        let found: Vec<&str> = ["9.0.0.0", "9.0.0.1"].into_iter().chain(of_ws02).collect();
        assert_eq!(left_in(&case, &["--host", host]), found, "{host}");
    }
    assert_eq!(left_in(&case, &["--host", "ws01"]), ["9.0.0.0", "9.0.0.1", "9.0.0.2"]);
    let named = |name: &str| Event::connection().with("DestinationHostname", name);
    let events = [("9.0.0.0", named("c2.Evil.test.")), ("9.0.0.1", named("c2.evil.test")), ("9.0.0.2", named("-"))];
    let case = logs(connections(), events);
    for option in ["--dest", "--remote"] {
        for name in ["c2.evil.test", "C2.evil.test.", "*.evil.test", "*.evil.test.", "c2.*", "*.test"] {
            assert_eq!(left_in(&case, &[option, name]), ["9.0.0.0", "9.0.0.1"], "{option} {name}");
        }
        assert_eq!(left_in(&case, &[option, "evil.test"]), [""; 0]);
        refused(&[option, "."], &format!("{option} \".\" is no"));
    }
}

#[test]
fn a_user_is_found_with_its_domain_and_without_in_any_case() {
    let case = of_users(&[r"CORP\alice", r"OTHER\Alice", "ALICE", r"CORP\alice2", r"NT AUTHORITY\SYSTEM", "-"]);
    assert_eq!(left_in(&case, &["--user", "alice"]), ["9.0.0.0", "9.0.0.1", "9.0.0.2"]);
    assert_eq!(left_in(&case, &["--user", r"corp\alice"]), ["9.0.0.0"]);
    assert_eq!(left_in(&case, &["--user", r"corp\*"]), ["9.0.0.0", "9.0.0.3"]);
    assert_eq!(left_in(&case, &["--user", "system"]), ["9.0.0.4"]);
    let case = of_users(&[r"CORP\ÄRZTIN", r"ДОМ\Ирина", r"X\Οδυσσέας"]);
    assert_eq!(left_in(&case, &["--user", "ärztin"]), ["9.0.0.0"]);
    assert_eq!(left_in(&case, &["--user", r"дом\*"]), ["9.0.0.1"]);
    assert_eq!(left_in(&case, &["--user", "ΟΔΥΣΣΈΑΣ"]), ["9.0.0.2"]);
}

#[test]
fn ports_transports_and_directions_are_those_of_the_report() {
    let event = |n: u64, port: u16, transport: &str, initiated: Value| {
        let event = Event::connection().dest(&format!("9.0.0.{n}")).with("DestinationPort", Value::U16(port));
        event.with("Protocol", transport).with("Initiated", initiated)
    };
    let events = [
        event(1, 443, "tcp", Value::Bool(true)),
        event(2, 4430, "TCP", Value::Bool(false)),
        event(3, 53, "udp", Value::Bool(true)),
        event(4, 443, "-", Value::Null).with("SourcePort", Value::U16(53)),
    ];
    let case = connections().events(&events);
    assert_eq!(left_in(&case, &["--port", "443"]), ["9.0.0.1", "9.0.0.4"]);
    assert_eq!(left_in(&case, &["--port", "443*"]), ["9.0.0.1", "9.0.0.2", "9.0.0.4"]);
    assert_eq!(left_in(&case, &["--port", "53"]), ["9.0.0.3"]);
    assert_eq!(left_in(&case, &["--transport", "TCP"]), ["9.0.0.1", "9.0.0.2"]);
    assert_eq!(left_in(&case, &["--transport", "*p"]), ["9.0.0.1", "9.0.0.2", "9.0.0.3"]);
    assert_eq!(left_in(&case, &["--direction", "outbound"]), ["9.0.0.1", "9.0.0.3"]);
    assert_eq!(left_in(&case, &["--direction", "In*"]), ["9.0.0.2"]);
    assert_eq!(left_in(&case, &["--direction", "outbound", "--port", "443", "--port", "4430"]), ["9.0.0.1"]);
}

#[test]
fn filters_come_before_rules_and_the_numbers_add_up() {
    let on = |host: &str, dest: &str| Event::connection().on(host).dest(dest);
    let events = [
        on("A", "9.0.0.1"),
        on("A", "10.0.0.1"),
        on("B", "10.0.0.2"),
        on("B", "9.0.0.2"),
        on("A", "9.0.0.3").image("other.exe"),
        on("B", "9.0.0.4").image("other.exe"),
    ];
    let case = detect().events(&events).args(["--host", "a"]);
    case.run().exits(0).says(&[
        "filters   host a\n          3 connections read and left out",
        "found     2 connections of regsvcs.exe: 1 hit in 1 group, 1 excluded",
        "excluded  1 in 10.0.0.0/8",
    ]);
    let (manifest, page) = made(&case, &[]);
    assert_eq!(
        manifest["sources"][0]["connections"],
        serde_json::json!({
            "filtered": 3, "other_process": 1, "outside_detection": 0, "excluded": 1, "hits": 1, "hits_recovered": 0
        })
    );
    let filters = serde_json::json!({
        "since": null, "until": null, "host": ["a"], "user": [], "port": [], "transport": [], "direction": [],
        "app": [], "dest": [], "remote": [], "remote_port": []
    });
    assert_eq!(manifest["options"]["filters"], filters);
    assert_eq!(page["options"]["filters"], filters);
    assert_eq!(page["numbers"]["filtered"], 3);
}

#[test]
fn without_filters_nothing_is_said_of_them() {
    let case = detect().events(&[Event::connection()]);
    case.run().does_not_say("filters").does_not_say("left out");
    let (manifest, page) = made(&case, &[]);
    assert_eq!((&manifest["options"]["filters"], &page["options"]["filters"]), (&Json::Null, &Json::Null));
    assert_eq!(manifest["sources"][0]["connections"]["filtered"], 0);
}

/// The manifest and the data of the page.
#[track_caller]
fn made(case: &Case, args: &[&str]) -> (Json, Json) {
    let files = ["--force", "-o", "r.csv", "--manifest", "m.json", "--html", "p.html"];
    case.run_on(&[&files[..], args, &["."]].concat()).exits(0);
    let read = |name: &str| case.read(name);
    let page = read("p.html");
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    (serde_json::from_str(&read("m.json")).unwrap(), serde_json::from_str(data).unwrap())
}

#[test]
fn correlations_are_made_of_what_is_left_in() {
    let rules = "title: Any\nid: 11111111-aaaa-bbbb-cccc-000000000001\nname: any\nlogsource:\n    category: network_connection\n    \
                 product: windows\ndetection:\n    selection:\n        DestinationPort: 443\n    condition: selection\n---\n\
                 title: Many\nid: 11111111-aaaa-bbbb-cccc-000000000009\ncorrelation:\n    type: event_count\n    rules: [any]\n    \
                 group-by: [Image]\n    timespan: 10m\n    condition:\n        gte: 3\n";
    let on = |host: &str, n: u64| Event::connection().on(host).dest(&format!("9.0.0.{n}")).at(n);
    let case = detect()
        .file("rules/many.yml", rules)
        .events(&[on("A", 1), on("B", 2), on("A", 3), on("B", 4), on("A", 5)])
        .args(["--rule", "none", "--rules", "rules"]);
    assert_eq!(left_in(&case, &[]).len(), 5);
    assert_eq!(left_in(&case, &["--host", "A"]), ["9.0.0.1", "9.0.0.3", "9.0.0.5"]);
    assert_eq!(left_in(&case, &["--host", "B"]), [""; 0]);
    assert_eq!(left_in(&case, &["--since", "2024-03-05T14:07:12Z"]), ["9.0.0.3", "9.0.0.4", "9.0.0.5"]);
    assert_eq!(left_in(&case, &["--since", "2024-03-05T14:07:13Z"]), [""; 0]);
}

#[test]
fn copies_are_told_from_what_is_left_in() {
    let events: Vec<Event> = (0..6).map(|n| Event::connection().dest(&format!("9.0.0.{n}")).at(n)).collect();
    let log = evtx_writer::log(&events);
    let case =
        connections().log("a.evtx", &log).log("b.evtx", &log).args(["--dedup", "--since", "2024-03-05T14:07:12Z"]);
    case.run().exits(0).says(&["found     6 connections: 3 hits in 3 groups", "3 hits dropped that are copies"]);
}

#[test]
fn wrong_values_are_refused_with_the_form_and_an_example() {
    refused(
        &["--since", "yesterday"],
        r#"--since "yesterday" is not a time: give one, for example 2024-03-05T14:00:00Z or 2024-03-05 14:00 (UTC), a date, for example 2024-03-05, or how long ago, for example 7d"#,
    );
    refused(&["--until", "2024-03-05T14"], r#"--until "2024-03-05T14" is not a time: give one"#);
    refused(
        &["--since", "2024-03-06", "--until", "2024-03-05"],
        "--since 2024-03-06T00:00:00Z is not before --until 2024-03-05T00:00:00Z: give an earlier time and a later one, \
         for example --since 2024-03-05 --until 2024-03-06",
    );
    refused(&["--since", "2024-03-06", "--until", "2024-03-06"], "--since 2024-03-06T00:00:00Z is not before");
    refused(&["--since", "1d", "--until", "2d"], "--since ");
    refused(
        &["--port", "70000"],
        r#"--port "70000" is not a port: give a port from 0 to 65535, for example 443, 8000-8999 or 80*"#,
    );
    refused(&["--port", "https"], r#"--port "https" is not a port"#);
    refused(&["--port", "443,"], r#"--port "" is not a port"#);
    refused(&["--port", "9000-8000"], r#"--port "9000-8000" is not a port"#);
    refused(&["--transport", "icmp"], r#"--transport "icmp" is not a transport: give tcp or udp"#);
    refused(&["--direction", "out"], r#"--direction "out" is not a direction: give inbound or outbound"#);
    refused(&["--host", ""], r#"--host "" is not a host: give a host, for example WS01, WS01.corp.example or WS*"#);
    refused(
        &["--user", "alice", "--user", ""],
        r#"--user "" is not a user: give a user, for example alice, CORP\alice"#,
    );
}

#[test]
fn ranges_of_addresses_are_refused_with_the_networks_that_they_are() {
    for option in ["--dest", "--remote", "--exclude-cidr", "--detect-cidr"] {
        for (range, networks) in [
            ("10.0.0.0-10.0.0.255", "10.0.0.0/24"),
            ("9.9.9.9-9.9.9.11", "9.9.9.9/32,9.9.9.10/31"),
            ("2001:db8::-2001:db8::ff", "2001:db8::/120"),
        ] {
            let given = format!("a range of addresses is given as its networks, here {networks}");
            let ran = connections().events(&[Event::connection()]).run_on(&[option, range, "."]);
            ran.exits(2).says(&[option, range, &given]).does_not_say("octal");
        }
    }
    refused(&["--exclude-cidr", "10.0.0.0-255"], r#"--exclude-cidr "10.0.0.0-255" is not a network: give"#);
    refused(&["--exclude-cidr", "10.0.0.010"], r#"--exclude-cidr "10.0.0.010" has a number with a zero in front"#);
}

#[test]
fn paths_that_no_process_has_which_is_looked_for_are_refused() {
    let events = [Event::connection(), Event::connection().image(r"C:\a\certutil.exe")];
    let rule = "title: Any\nlogsource: { product: windows, category: network_connection }\ndetection: { a: { Image: '*' }, condition: a }\n";
    let [wanted, all] = [detect, connections].map(|command| command().events(&events).file("any.yml", rule));
    for (case, args, message) in [
        (
            &wanted,
            &["--app", r"*\certutil.exe"][..],
            "nothing can be found, since only regsvcs.exe is looked for, and no path that fits is of such a process: give --process certutil.exe",
        ),
        (&wanted, &["--app", "RegSvcs*"], r"give '*\RegSvcs*' if it is in a folder, or give --process RegSvcs*"),
        (
            &wanted,
            &["--rule", "regsvcs,regasm", "--app", r"C:\*\other.exe"],
            "only regasm.exe, regsvcs.exe is looked for",
        ),
        (&all, &["--process", "regsvcs.exe", "--app", r"*\foo.exe"], "give --process foo.exe"),
        (&all, &["--process", "regsvcs.exe", "--app", r"C:\*,*\foo*.com"], "give --process foo*.com"),
    ] {
        let ran = case.run_on(&[&["--quiet"], args, &["."]].concat());
        ran.exits(2).reports(&[]).says(&[message]);
    }
    for (case, args, rows) in [
        (&wanted, &["--app", r"*\REGSVCS.exe"][..], 1),
        (&wanted, &["--app", r"C:\Windows\*"], 1),
        (&wanted, &["--app", "*svcs*"], 1),
        (&wanted, &["--process", "certutil.exe", "--app", r"*\certutil.exe"], 1),
        (&wanted, &["--rule", "none", "--rules", "any.yml", "--app", r"*\certutil.exe"], 1),
        (&all, &["--app", r"*\certutil.exe"], 1),
        (&all, &["--process", "cert*", "--app", r"*\certutil.exe"], 1),
        (&all, &["--rule", "none"], 2),
    ] {
        let ran = case.run_on(&[args, &["--group-by", "app", "--exclusions", "none", "log.evtx"]].concat());
        assert_eq!(ran.exits(0).report().lines().count(), 1 + rows, "{args:?}");
    }
}

#[test]
fn transports_can_be_asked_for_by_their_numbers() {
    let tcp = connections().events(&[Event::connection()]);
    for (number, rows) in [("6", 1), ("17", 0)] {
        let ran = tcp.run_on(&["--transport", number, "."]);
        assert_eq!(ran.exits(0).report().lines().count(), 1 + rows, "{number}");
        ran.says(&[&format!("transport {number}")]);
    }
    refused(&["--transport", "47"], r#"--transport "47" is not a transport: give tcp or udp"#);
}

#[test]
fn values_that_no_connection_has_are_refused_with_what_to_give() {
    for (option, value, reason) in [
        ("--process", " b.exe", "it starts or ends with a space: give b.exe, or * where a space is meant"),
        ("--process", "a.exe, b.exe", "it starts or ends with a space: give b.exe"),
        ("--process", "\"a.exe\"", "no name has the character \""),
        ("--process", "a?.exe", "no name has the character ?, and * stands for any text"),
        ("--process", "a|b", "no name has the character |"),
        ("--dest", "198.41.0.4:443", "it has a port: give 198.41.0.4, and --port 443"),
        ("--remote", "[2001:db8::1]:443", "it has a port: give 2001:db8::1, and --remote-port 443"),
        ("--dest", "198.41.0.999", "it is written like an address, and is not one"),
        ("--remote", "https://a.example/x", "it is a URL, and connections have names and addresses alone"),
        ("--dest", "a.example ", "it starts or ends with a space: give a.example"),
        ("--user", "CORP/carol", r"\ stands between a domain and a user, as in CORP\carol"),
        ("--user", r"CORP\\carol", r"one \ stands between a domain and a user"),
        ("--user", "\"carol\"", "no name has the character \""),
        ("--host", r"\\WS01", r"a host's name has neither \ nor /"),
        (
            "--app",
            "RegSvcs.exe",
            r"it has no folder: --process RegSvcs.exe looks for a name, and --app '*\RegSvcs.exe' leaves in what other rules",
        ),
        ("--app", "C:/Users/*", r"a path has \ and not /"),
        ("--app", r"C:\\Users\\*", r"a path has one \ between its parts"),
        ("--app", r"Windows\*", r"a path starts with a drive or \, and *\Windows\* stands for it in any folder"),
        ("--dest", ".example.net", "no name starts with a dot: *.example.net finds every name below example.net"),
        ("--host", ".example.net", "no name starts with a dot: *.example.net finds"),
        ("--user", "s-1-5-18", "users are logged by name, and S-1-5-18 is SYSTEM"),
        ("--app", r"C:\Temp\", r"it is a folder, in which C:\Temp\* finds every program"),
    ] {
        refused(&[option, value], &format!("{option} \""));
        let ran = connections().events(&[Event::connection()]).run_on(&[option, value, "."]);
        ran.exits(2).says(&[reason, " give ", "for example "]);
    }
    let case =
        connections().events(&[Event::connection().image("<unknown process>"), Event::connection().image("System")]);
    for (args, rows) in [
        (["--process", "<unknown process>"], 1),
        (["--app", "<unknown process>"], 1),
        (["--app", "System"], 1),
        (["--process", "<unknown*,System"], 2),
    ] {
        let ran = case.run_on(&[&args[..], &["--group-by", "app", "."]].concat());
        assert_eq!(ran.exits(0).report().lines().count(), 1 + rows, "{args:?}");
    }
}
