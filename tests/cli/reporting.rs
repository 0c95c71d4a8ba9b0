//! The report's rows, order, cells and files, and the summary.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use crate::{
    case::{connections, detect, names_in},
    evtx_writer::{self, Event, Value},
};

#[test]
fn a_header_is_there_also_at_zero_rows_and_nothing_says_what_was_searched() {
    let ran = detect().events(&[Event::connection().image("other.exe")]).run();
    ran.exits(0).says(&["found     nothing: no network connection of regsvcs.exe in 1 record of 1 log"]);
    assert_eq!(ran.report().lines().count(), 1);
    assert!(ran.report().starts_with("action,app,dest,"));
}

#[test]
fn logs_that_are_not_sysmons_are_called_that() {
    let security = Event {
        provider: "Microsoft-Windows-Security-Auditing".to_owned(),
        channel: "Security".to_owned(),
        ..Event::sysmon(4688, 2)
    };
    detect().events(&[security]).run().exits(0).says(&["no chunk mentions Sysmon: are these the right logs?"]);
    detect().events(&[Event::sysmon(1, 5)]).run().does_not_say("right logs");
}

#[test]
fn rows_are_ordered_by_first_time_then_by_text() {
    let events = [
        Event::connection().dest("8.0.0.3").at(5),
        Event::connection().dest("8.0.0.2").at(5),
        Event::connection().dest("8.0.0.1").at(9),
        Event::connection().dest("8.0.0.4").at(7),
        Event::connection().dest("8.0.0.4").at(1),
    ];
    detect().args(["--group-by", "dest_ip"]).events(&events).run().reports(&[
        "dest_ip,count,firstTime,lastTime",
        "8.0.0.4,2,2024-03-05T14:07:10.1234567Z,2024-03-05T14:07:16.1234567Z",
        "8.0.0.2,1,2024-03-05T14:07:14.1234567Z,2024-03-05T14:07:14.1234567Z",
        "8.0.0.3,1,2024-03-05T14:07:14.1234567Z,2024-03-05T14:07:14.1234567Z",
        "8.0.0.1,1,2024-03-05T14:07:18.1234567Z,2024-03-05T14:07:18.1234567Z",
    ]);
}

#[test]
fn cells_are_safe_to_open_in_a_spreadsheet_and_a_row_is_a_line() {
    let hostname = |n: u64, name: &str| Event::connection().with("DestinationHostname", name).at(n);
    let events = [
        hostname(0, "=cmd|' /C calc'!A0"),
        hostname(1, "+1"),
        hostname(2, "-1"),
        hostname(3, "@SUM(A1)"),
        hostname(4, "\t=1"),
        hostname(5, "a,\"b\"\r\nc\u{7}"),
        hostname(6, "b\u{202e}gpj.exe"),
    ];
    let cells = |raw: &[&str]| {
        let ran = detect().args(["--group-by", "dest"]).args(raw.iter().copied()).events(&events).run();
        ran.report().lines().skip(1).map(|row| row.split(",1,2024").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let common = [r#""a,""b""\r\nc\u{7}""#, r"b\u{202e}gpj.exe"];
    assert_eq!(cells(&[])[..5], ["'=cmd|' /C calc'!A0", "'+1", "'-1", "'@SUM(A1)", r"'\t=1"]);
    assert_eq!(cells(&[])[5..], common);
    assert_eq!(cells(&["--raw-cells"])[..5], ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", r"\t=1"]);
    assert_eq!(cells(&["--raw-cells"])[5..], common);
}

#[test]
fn groups_that_differ_only_in_case_or_split_stay_apart() {
    let events = [
        Event::connection().with("DestinationHostname", "a.example").with("User", "b"),
        Event::connection().with("DestinationHostname", "A.example").with("User", "b"),
        Event::connection().with("DestinationHostname", "a.exampleb").with("User", ""),
    ];
    let ran = detect().args(["--group-by", "dest,user"]).events(&events).run();
    assert_eq!(ran.report().lines().count(), 4);
}

#[test]
fn the_order_of_paths_does_not_matter_and_a_log_given_twice_is_read_once() {
    let case = detect()
        .log("a.evtx", &evtx_writer::log(&[Event::connection().dest("8.0.0.1")]))
        .log("sub/b.EVTX", &evtx_writer::log(&[Event::connection().dest("8.0.0.2")]))
        .log("c.log", &evtx_writer::log(&[Event::connection().dest("8.0.0.3")]));
    let both = case.run_on(&["a.evtx", "sub", "c.log"]);
    both.exits(0).says(&["searched  3 logs"]);
    assert_eq!(both.report().lines().count(), 4);
    assert_eq!(case.run_on(&["c.log", "./sub/b.EVTX", "a.evtx", "sub/../a.evtx", "sub"]).report(), both.report());
    fs::hard_link(case.path("a.evtx"), case.path("sub/hard.evtx")).unwrap();
    assert_eq!(case.run_on(&["a.evtx", "sub", "c.log"]).report(), both.report());
    // By names alone, a directory is searched for *.evtx only; a file that is given is read whatever its name.
    case.run_on(&["."]).says(&["searched  3 logs"]);
    case.run_on(&["--only-names", "."]).says(&["searched  2 logs"]);
}

#[test]
fn an_output_file_holds_what_standard_output_would_have() {
    let case = detect().events(&[Event::connection()]);
    let report = case.run().report().to_owned();
    let ran = case.run_on(&["-o", "report.csv", "log.evtx"]);
    ran.exits(0).reports(&[]);
    assert_eq!(case.read("report.csv"), report);
    assert_eq!(names_in(&case.path(".")), ["log.evtx", "report.csv"]);
}

#[test]
fn an_existing_output_is_replaced_only_with_force() {
    let case = detect().args(["-o", "report.csv"]).file("report.csv", "mine").events(&[Event::connection()]);
    case.run().exits(1).says(&["netsift: report.csv: cannot write there: it exists; --force replaces it"]);
    assert_eq!(case.read("report.csv"), "mine");
    case.run_on(&["--force", "."]).exits(0);
    assert!(case.read("report.csv").starts_with("action,"));
    assert_eq!(names_in(&case.path(".")), ["log.evtx", "report.csv"]);
}

#[cfg(unix)]
#[test]
fn a_new_output_gets_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let case = detect().args(["-o", "report.csv"]).file("new", "").events(&[Event::connection()]);
    case.run().exits(0);
    let mode = |name: &str| fs::metadata(case.path(name)).unwrap().permissions().mode();
    assert_eq!(mode("report.csv"), mode("new"));
}

#[test]
fn a_reader_that_closes_the_pipe_ends_the_run_quietly() {
    let events: Vec<Event> =
        (0..3000).map(|n| Event::connection().dest(&format!("9.9.{}.{}", n / 256, n % 256))).collect();
    let case = connections().args(["-q"]).events(&events);
    let mut child = case.command(&["."]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(first.starts_with("action,"));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn quiet_says_nothing() {
    let ran = detect().args(["-q"]).events(&[Event::connection()]).run();
    assert_eq!(ran.exits(0).stderr(), "");
}

#[test]
fn the_summary_adds_up() {
    let mut events: Vec<Event> = (0..200).map(|n| Event::sysmon(1, 5).with("Image", "x.exe").at(n)).collect();
    events.extend((0..200).map(|n| Event::connection().with("SourcePort", Value::U16(n)).at(n.into())));
    events.push(Event::connection().dest("10.0.0.1"));
    let log = evtx_writer::log(&events);
    let chunks = log.chunks();
    let log = log.with_trailing(&[0; evtx_writer::CHUNK]).with_trailing(&[7; evtx_writer::CHUNK]);
    let ran = detect().log("log.evtx", &log).run();
    ran.exits(3).says(&[
        "rule      Detect Regsvcs with Network Connection (MITRE ATT&CK T1218.009)",
        &format!("{} chunks, 401 records", chunks + 2),
        "1 never used, 1 unreadable",
        "found     201 connections of regsvcs.exe: 200 hits in 200 groups, 1 excluded",
        "defects   1: 1 chunk magic",
    ]);
}

#[test]
fn what_was_found_is_said_last() {
    let events = [Event::connection(), Event::connection().dest("10.0.0.1")];
    let ran = detect().events(&events).run_on(&["log.evtx", "gone.evtx"]);
    let starts = ["rule ", "searched ", "hosts ", "excluded ", "defects ", "time ", "found "];
    let labels: Vec<&str> = ran.exits(3).stderr().lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(labels.len(), starts.len(), "{}", ran.stderr());
    assert!(labels.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{}", ran.stderr());
}

#[test]
fn three_defects_of_three_logs_are_named_and_where_the_others_are() {
    let wrong = [7; evtx_writer::CHUNK];
    let log = evtx_writer::log(&[Event::connection()]);
    let log = (0..5).fold(log, |log, _| log.with_trailing(&wrong));
    let other = evtx_writer::log(&[Event::connection()]).with_trailing(&wrong);
    let logs = ["b.evtx", "c.evtx", "d.evtx", "e.evtx"];
    let case = logs.iter().fold(detect().log("a.evtx", &log), |case, name| case.log(name, &other));
    let paths = [&["a.evtx"][..], &logs, &["f.gone"]].concat();
    case.run_on(&paths).exits(3).says(&[
        "          f.gone: ",
        "chunk 3 at 0x31000: ",
        "          a.evtx: and 2 more\n          b.evtx: ",
        "          and 2 in 2 more files; --verbose names the first 20, --manifest FILE the first 1,000\n",
    ]);
    let ran = case.run_on(&[&["--verbose"][..], &paths].concat());
    ran.says(&["chunk 5 at 0x51000: ", "          e.evtx: "]).does_not_say("more");
}

/// On Windows no file has such a name.
#[cfg(unix)]
#[test]
fn nothing_in_evidence_reaches_the_terminal_as_it_is() {
    let case = detect().log("evil\u{1b}[2J\n.evtx", &evtx_writer::log(&[Event::connection()]).without_chunk_magic(0));
    let ran = case.run();
    ran.exits(3).says(&[r"evil\u{1b}[2J\n.evtx: chunk 0 at 0x1000: "]).does_not_say("\u{1b}");
}
