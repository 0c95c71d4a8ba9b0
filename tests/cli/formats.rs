//! The formats of the report: CSV, JSON lines and the table; of times; and the byte order mark.

use std::fs;
#[cfg(target_os = "linux")]
use std::process::Command;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::{
    case::{Case, Ran, connections, detect},
    evtx_writer::{Event, Value},
};

const PORT: &str = "title: To Port 4444
id: 11111111-aaaa-bbbb-cccc-000000000002
status: test
level: high
tags: [attack.command-and-control, attack.t1571]
logsource:
    product: windows
    category: network_connection
detection:
    selection:
        DestinationPort: 4444
    condition: selection
";

/// A name that drives, breaks, reorders and hides.
const HOSTILE: &str = "a\u{1b}[2J\"b\n\u{202e}\u{2028}\u{200b}\u{9b}";

/// Three groups: of two days, with a name; without most of what can be stated; on a wide host.
fn events() -> [Event; 4] {
    let named = Event::connection().with("DestinationHostname", "c2.example.net").dest("198.41.0.4");
    let bare = Event::sysmon(3, 5).on("").image("regsvcs.exe").dest("9.9.9.9").at(60);
    let wide = Event::connection().on("日本語サーバー").dest("2606:4700:4700:0:0:0:0:1111");
    [named.clone(), named.at(86_400), bare, wide.with("DestinationPort", Value::U16(8443)).at(61)]
}

fn case() -> Case {
    detect().events(&events())
}

/// What a terminal of this width is sent.
#[cfg(target_os = "linux")]
fn on_terminal(case: &Case, width: usize, environment: (&str, &str), args: &str) -> String {
    let line = format!("stty cols {width} rows 50 && exec '{}' detect -q {args}", crate::case::NETSIFT);
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(case.path(".")).stdin(std::process::Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    let output = command.env("TERM", "xterm").env(environment.0, environment.1).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

#[test]
fn csv_is_what_it_was() {
    let lines = [
        "action,app,dest,dest_ip,dest_port,direction,dvc,protocol,protocol_version,src,src_ip,src_port,transport,user,\
         vendor_product,process_name,process_exec,process_guid,process_id,count,firstTime,lastTime",
        r"allowed,C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe,c2.example.net,198.41.0.4,443,outbound,WS01.corp.example,ip,ipv4,WS01.corp.example,10.1.2.3,50123,tcp,CORP\alice,Microsoft Sysmon,RegSvcs.exe,RegSvcs.exe,{11223344-5566-7788-99AA-BBCCDDEEFF00},4321,2,2024-03-05T14:07:09.1234567Z,2024-03-06T14:07:09.1234567Z",
        "allowed,regsvcs.exe,9.9.9.9,9.9.9.9,,,,ip,ipv4,,,,,,Microsoft Sysmon,regsvcs.exe,regsvcs.exe,,,1,2024-03-05T14:08:09.1234567Z,2024-03-05T14:08:09.1234567Z",
        r"allowed,C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe,2606:4700:4700::1111,2606:4700:4700::1111,8443,outbound,日本語サーバー,ip,ipv6,WS01.corp.example,10.1.2.3,50123,tcp,CORP\alice,Microsoft Sysmon,RegSvcs.exe,RegSvcs.exe,{11223344-5566-7788-99AA-BBCCDDEEFF00},4321,1,2024-03-05T14:08:10.1234567Z,2024-03-05T14:08:10.1234567Z",
    ];
    case().run().exits(0).reports(&lines);
    case().run_on(&["--format", "csv", "--time-format", "rfc3339", "."]).exits(0).reports(&lines);
    assert_eq!(case().run().report(), format!("{}\n", lines.join("\n")));
}

#[test]
fn json_lines_have_numbers_and_nulls_in_the_order_of_the_columns() {
    let lines = [
        r#"{"action":"allowed","app":"C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\RegSvcs.exe","dest":"c2.example.net","dest_ip":"198.41.0.4","dest_port":443,"direction":"outbound","dvc":"WS01.corp.example","protocol":"ip","protocol_version":"ipv4","src":"WS01.corp.example","src_ip":"10.1.2.3","src_port":50123,"transport":"tcp","user":"CORP\\alice","vendor_product":"Microsoft Sysmon","process_name":"RegSvcs.exe","process_exec":"RegSvcs.exe","process_guid":"{11223344-5566-7788-99AA-BBCCDDEEFF00}","process_id":4321,"count":2,"firstTime":"2024-03-05T14:07:09.1234567Z","lastTime":"2024-03-06T14:07:09.1234567Z"}"#,
        r#"{"action":"allowed","app":"regsvcs.exe","dest":"9.9.9.9","dest_ip":"9.9.9.9","dest_port":null,"direction":null,"dvc":null,"protocol":"ip","protocol_version":"ipv4","src":null,"src_ip":null,"src_port":null,"transport":null,"user":null,"vendor_product":"Microsoft Sysmon","process_name":"regsvcs.exe","process_exec":"regsvcs.exe","process_guid":null,"process_id":null,"count":1,"firstTime":"2024-03-05T14:08:09.1234567Z","lastTime":"2024-03-05T14:08:09.1234567Z"}"#,
    ];
    let ran = case().run_on(&["--format", "jsonl", "."]);
    assert_eq!(ran.exits(0).report().lines().take(2).collect::<Vec<_>>(), lines);
    assert!(ran.report().ends_with("}\n"));
    let none = detect().args(["--format", "jsonl"]).events(&[Event::connection().image("other.exe")]).run();
    assert_eq!(none.exits(0).report(), "");
}

#[test]
fn json_lines_keep_every_value_and_read_as_they_are() {
    let event = Event::connection()
        .with("DestinationHostname", HOSTILE)
        .with("DestinationPort", "0443")
        .with("SourcePort", "=1+1")
        .with("ProcessId", Value::U64(u64::MAX));
    let case =
        connections().events(&[event]).args(["--format", "jsonl", "--group-by", "src_port,dest,dest_port,process_id"]);
    let ran = case.run();
    let line = r#"{"src_port":"=1+1","dest":"a\u001b[2J\"b\n\u202e\u2028\u200b\u009b","dest_port":"0443","process_id":"18446744073709551615","count":1,"firstTime":"2024-03-05T14:07:09.1234567Z","lastTime":"2024-03-05T14:07:09.1234567Z"}"#;
    ran.exits(0).reports(&[line]);
    let parsed: Json = serde_json::from_str(ran.report()).unwrap();
    assert_eq!(parsed["dest"], HOSTILE);
}

#[test]
fn every_format_names_the_rules_where_the_others_do() {
    let events =
        [Event::connection().image("x.exe").with("DestinationPort", Value::U16(4444)), Event::connection().at(1)];
    let case = detect().events(&events).file("port.yml", PORT).args(["--rules", "port.yml", "--group-by", "dest_port"]);
    let ran = case.run_on(&["--format", "jsonl", "log.evtx"]);
    let rows: Vec<Json> = ran.exits(0).report().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        rows[0],
        json!({
            "dest_port": 4444, "count": 1, "firstTime": "2024-03-05T14:07:09.1234567Z",
            "lastTime": "2024-03-05T14:07:09.1234567Z", "rule_title": "To Port 4444",
            "rule_id": "11111111-aaaa-bbbb-cccc-000000000002", "rule_level": "high",
            "mitre_attack": "T1571 command-and-control", "rule_author": null
        })
    );
    assert_eq!(rows[1]["rule_title"], "Detect Regsvcs with Network Connection");
    case.run_on(&["--format", "table", "log.evtx"]).exits(0).reports(&[
        "PORT  COUNT  FIRST (UTC)              LAST  LEVEL  RULE",
        "4444      1  2024-03-05 14:07:09  14:07:09  high   To Port 4444",
        " 443      1  2024-03-05 14:07:10  14:07:10  high   Detect Regsvcs with Network Connection",
    ]);
}

#[test]
fn a_table_that_no_terminal_shows_has_a_width_of_its_own_and_no_colour() {
    let lines = [
        r"HOST               PROCESS                   REMOTE                PORT  COUNT  FIRST (UTC)                         LAST",
        r"WS01.corp.example  …\v4.0.30319\RegSvcs.exe  c2.example.net         443      2  2024-03-05 14:07:09  2024-03-06 14:07:09",
        r"                   regsvcs.exe               9.9.9.9                         1  2024-03-05 14:08:09             14:08:09",
        r"日本語サーバー     …\v4.0.30319\RegSvcs.exe  2606:4700:4700::1111  8443      1  2024-03-05 14:08:10             14:08:10",
        r"3 groups; 15 columns left out and long values cut: --format csv has all of it",
    ];
    let case = case();
    let ran = case.run_on(&["--format", "table", "."]);
    ran.exits(0).reports(&lines);
    case.run_on(&["--format", "table", "-o", "x.txt", "."]).exits(0);
    assert_eq!(fs::read_to_string(case.path("x.txt")).unwrap(), ran.report());
}

#[test]
fn a_table_has_a_header_also_at_zero_rows_and_no_last_line_if_nothing_is_missing() {
    let none = detect().args(["--format", "table"]).events(&[Event::connection().image("other.exe")]).run();
    none.exits(0).reports(&["HOST  PROCESS  REMOTE  PORT  COUNT  FIRST (UTC)  LAST"]);
    case().run_on(&["--format", "table", "--group-by", "dest", "."]).exits(0).reports(&[
        "DESTINATION           COUNT  FIRST (UTC)                         LAST",
        "c2.example.net            2  2024-03-05 14:07:09  2024-03-06 14:07:09",
        "9.9.9.9                   1  2024-03-05 14:08:09             14:08:09",
        "2606:4700:4700::1111      1  2024-03-05 14:08:10             14:08:10",
    ]);
}

#[test]
fn other_fields_take_the_place_of_those_that_are_not_there() {
    let case = case();
    case.run_on(&["--format", "table", "--group-by", "process_id,process_exec,dest_ip", "."]).exits(0).reports(&[
        "PROCESS      DESTINATION           PROCESS_ID  COUNT  FIRST (UTC)                         LAST",
        "RegSvcs.exe  198.41.0.4            4321            2  2024-03-05 14:07:09  2024-03-06 14:07:09",
        "regsvcs.exe  9.9.9.9                               1  2024-03-05 14:08:09             14:08:09",
        "RegSvcs.exe  2606:4700:4700::1111  4321            1  2024-03-05 14:08:10             14:08:10",
    ]);
    case.run_on(&["--format", "table", "--group-by", "vendor_product", "."]).exits(0).reports(&[
        "VENDOR_PRODUCT    COUNT  FIRST (UTC)                         LAST",
        "Microsoft Sysmon      4  2024-03-05 14:07:09  2024-03-06 14:07:09",
    ]);
}

#[test]
fn hostile_and_wide_text_is_shown_as_what_it_is_and_moves_no_column() {
    let events = [
        Event::connection().on(HOSTILE).with("DestinationPort", HOSTILE),
        Event::connection().on("e\u{301}\u{301}\u{301}\u{301}").with("DestinationHostname", &*"長".repeat(200)).at(1),
    ];
    let case = detect().events(&events).args(["--format", "table", "--group-by", "dvc,dest,dest_port"]);
    case.run().exits(0).reports(&[
        "HOST                        DESTINATION                                       PORT  COUNT  FIRST (UTC)              LAST",
        r#"a\u{1b}[2J"b\n\u{202e}\u{…  8.8.8.8                     a\u{1b}[2J"b\n\u{202e}\u{…      1  2024-03-05 14:07:09  14:07:09"#,
        "e\u{301}\u{301}\\u{301}\\u{301}             長長長長…長長長長長長長長                          443      1  2024-03-05 14:07:10  14:07:10",
        "2 groups; long values cut: --format csv has all of it",
    ]);
}

#[test]
fn a_table_has_one_row_for_what_looks_the_same_and_the_peer_of_what_came_in() {
    let inbound = |src: &str, src_name: &str, dest: &str, port: u16| {
        let event = Event::connection().with("Initiated", Value::Bool(false)).with("SourceIp", src).dest(dest);
        event
            .with("SourceHostname", src_name)
            .with("SourcePort", Value::U16(port))
            .with("DestinationPort", Value::U16(3389))
    };
    let events = [
        Event::connection().with("ProcessId", Value::U32(1)).at(1),
        Event::connection().with("ProcessId", Value::U32(2)).at(2),
        inbound("8.1.1.1", "-", "10.1.2.3", 50_001).at(3),
        inbound("8.1.1.1", "-", "10.1.2.3", 50_002).at(4),
    ];
    let case = connections().events(&events).args(["--format", "table"]);
    case.run().exits(0).reports(&[
        r"HOST               PROCESS                                      DIR  REMOTE   PORT  COUNT  FIRST (UTC)              LAST",
        r"WS01.corp.example  …\Framework64\v4.0.30319\RegSvcs.exe         out  8.8.8.8   443      2  2024-03-05 14:07:10  14:07:11",
        r"WS01.corp.example  …\Framework64\v4.0.30319\RegSvcs.exe         in   8.1.1.1  3389      2  2024-03-05 14:07:12  14:07:13",
        r"2 groups; 15 columns left out and long values cut: --format csv has all of it",
    ]);
    let detected = detect().events(&events).args(["--format", "table", "--exclusions", "none"]).run();
    assert_eq!(detected.exits(0).report(), case.run().report());
    // Where nothing came in, one look is enough.
    let outbound = detect().events(&events[..2]).args(["--format", "table", "--width", "80"]).run();
    outbound.exits(0).reports(&[
        r"HOST             PROCESS         REMOTE  PORT COUNT FIRST (UTC)             LAST",
        r"WS01.corp.examp… …\RegSvcs.exe   8.8.8.8  443     2 2024-03-05 14:07:10 14:07:11",
        r"1 group; 15 columns left out and long values cut: --format csv has all of it",
    ]);
    // What was asked for keeps its groups.
    assert_eq!(case.run_on(&["--group-by", "dest_ip,src_port", "."]).exits(0).report().lines().count(), 4);
    let csv = connections().events(&events).run();
    assert_eq!(csv.exits(0).report().lines().count(), 5);
}

#[test]
fn a_table_is_as_wide_and_as_coloured_as_was_asked_for() {
    let case = case();
    let shown = |environment: (&str, &str), args: &[&str]| {
        let mut command = case.command(&[&["--format", "table"], args, &["log.evtx"]].concat());
        command.env_remove("NO_COLOR").env(environment.0, environment.1);
        crate::case::Ran::new(command).exits(0).report().to_owned()
    };
    let none = ("TERM", "dumb");
    let wide = shown(none, &[]);
    assert_eq!(shown(none, &["--width", "120"]), wide);
    assert_eq!(shown(("COLUMNS", "120"), &[]), wide);
    assert_eq!(shown(("COLUMNS", "no number"), &[]), wide);
    let narrow = shown(none, &["--width", "60"]);
    assert!(narrow != wide && narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
    assert_eq!(shown(("COLUMNS", "60"), &[]), narrow);
    assert_eq!(shown(("COLUMNS", "200"), &["--width", "60"]), narrow);
    assert!(shown(none, &["--color", "always"]).starts_with("\u{1b}[1mHOST"));
    assert!(shown(("CLICOLOR_FORCE", "1"), &[]).starts_with("\u{1b}[1mHOST"));
    assert_eq!(shown(("CLICOLOR_FORCE", "1"), &["--color", "never"]), wide);
    assert_eq!(shown(("NO_COLOR", "1"), &["--color", "auto"]), wide);
    case.run_on(&["--width", "39", "."])
        .exits(2)
        .says(&["netsift: invalid value '39' for '--width <N>'", "from 40 to 1000"]);
}

#[test]
fn every_group_is_in_a_table() {
    let events: Vec<Event> =
        (0..10_000).map(|n| Event::connection().dest(&format!("9.9.{}.{}", n / 256, n % 256)).at(n)).collect();
    let case = connections().events(&events);
    let ran = case.run_on(&["--format", "table", "."]);
    let lines: Vec<&str> = ran.exits(0).report().lines().collect();
    assert_eq!(lines.len(), 10_002);
    assert!(lines[10_000].contains("  9.9.39.15 "), "{}", lines[10_000]);
    assert!(lines[10_001].starts_with("10,000 groups; "), "{}", lines[10_001]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_a_table_that_fits_it() {
    let case = case();
    let shown = |width| on_terminal(&case, width, ("NO_COLOR", "1"), "log.evtx");
    assert_eq!(
        shown(40).lines().collect::<Vec<_>>(),
        [
            "HOST     PROCESS     REMOTE",
            "  PORT COUNT FIRST (UTC)",
            "WS01.co… RegSvcs.exe c2.example.net",
            "   443     2 2024-03-05 14:07:09",
            "         regsvcs.exe 9.9.9.9",
            "           1 2024-03-05 14:08:09",
            "日本語…  RegSvcs.exe 2606:4…0:4700::1111",
            "  8443     1 2024-03-05 14:08:10",
            "3 groups; 16 columns left out and long",
            "values cut: --format csv has all of it",
        ]
    );
    assert_eq!(
        shown(80).lines().collect::<Vec<_>>(),
        [
            "HOST           PROCESS       REMOTE               PORT COUNT FIRST (UTC)",
            "WS01.corp.exa… …\\RegSvcs.exe c2.example.net        443     2 2024-03-05 14:07:09",
            "               regsvcs.exe   9.9.9.9                       1 2024-03-05 14:08:09",
            "日本語サーバー …\\RegSvcs.exe 2606:4700:4700::1111 8443     1 2024-03-05 14:08:10",
            "3 groups; 16 columns left out and long values cut: --format csv has all of it",
        ]
    );
    for width in [40, 41, 60, 80, 99, 100, 120, 200, 65_535] {
        let table = shown(width);
        assert!(!table.contains('\u{1b}'), "{table:?}");
        for line in table.lines() {
            let wide = line.chars().filter(|c| ('\u{3000}'..'\u{a000}').contains(c)).count();
            assert!(line.chars().count() + wide <= width, "{width}\n{table}");
        }
    }
    // Of a terminal that is too narrow, as of one that does not know its width.
    assert_eq!(shown(10), shown(40));
    assert_eq!(shown(0), shown(80));
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colours_unless_they_are_not_wanted() {
    let case = case().file("port.yml", PORT);
    let table = on_terminal(&case, 80, ("TERM", "xterm-256color"), "--rules port.yml --group-by dvc log.evtx");
    let (bold, dim, red, off) = ("\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[0m");
    assert_eq!(
        table.lines().take(2).collect::<Vec<_>>(),
        [
            format!(
                "{bold}HOST{off}        {bold}COUNT{off} {bold}FIRST (UTC){off}                        {bold}LAST{off} \
                 {bold}LEVEL{off} {bold}RULE{off}"
            ),
            format!(
                "WS01.corp.…     2 {dim}2024-03-05 14:07:09{off} {dim}2024-03-06 14:07:09{off} {red}high{off}  \
                 Detect Regsvcs …"
            ),
        ]
    );
    assert!(table.ends_with(&format!("{dim}3 groups; long values cut: --format csv has all of it{off}\n")), "{table}");
    for plain in [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")] {
        assert!(!on_terminal(&case, 80, plain, "log.evtx").contains('\u{1b}'), "{plain:?}");
    }
    assert!(on_terminal(&case, 80, ("NO_COLOR", ""), "log.evtx").contains("\u{1b}[1mHOST"));
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_asked_for_decides_also_on_a_terminal() {
    let case = case();
    let csv = case.run().report().to_owned();
    let shown = |args: &str| on_terminal(&case, 80, ("NO_COLOR", "1"), args);
    assert_eq!(shown("--format csv log.evtx"), csv);
    assert_eq!(shown("--bom log.evtx"), format!("\u{feff}{csv}"));
    assert_eq!(shown("--format jsonl log.evtx"), case.run_on(&["--format", "jsonl", "."]).report());
    assert_eq!(shown("-o report log.evtx"), "");
    assert_eq!(fs::read_to_string(case.path("report")).unwrap(), csv);
    assert_eq!(shown("-o table --format table log.evtx"), "");
    let piped = case.run_on(&["--format", "table", "."]);
    assert_eq!(fs::read_to_string(case.path("table")).unwrap(), piped.report());
}

/// The first and the last time of each row, whatever the format.
fn times(case: &Case, format: &str, time_format: &str) -> Vec<String> {
    let args = ["--group-by", "dest_ip", "--format", format, "--time-format", time_format, "log.evtx"];
    let rows = case.run_on(&args).exits(0).report().replace(['"', '}'], "");
    let start = |row: &str| row.find("2024-").map(|at| row[at..].to_owned());
    rows.lines().filter_map(start).collect()
}

#[test]
fn times_are_in_the_format_that_was_asked_for_in_every_format_of_the_report() {
    let case = case();
    assert_eq!(
        times(&case, "csv", "splunk"),
        [
            "2024-03-05T14:07:09,2024-03-06T14:07:09",
            "2024-03-05T14:08:09,2024-03-05T14:08:09",
            "2024-03-05T14:08:10,2024-03-05T14:08:10"
        ]
    );
    assert_eq!(times(&case, "csv", "excel")[0], "2024-03-05 14:07:09.123,2024-03-06 14:07:09.123");
    assert_eq!(times(&case, "jsonl", "splunk")[0], "2024-03-05T14:07:09,lastTime:2024-03-06T14:07:09");
    assert_eq!(times(&case, "jsonl", "excel")[0], "2024-03-05 14:07:09.123,lastTime:2024-03-06 14:07:09.123");
    assert_eq!(times(&case, "table", "splunk")[1], "2024-03-05T14:08:09  2024-03-05T14:08:09");
    assert_eq!(times(&case, "table", "excel")[1], "2024-03-05 14:08:09.123  2024-03-05 14:08:09.123");
    assert_eq!(times(&case, "table", "rfc3339")[1], "2024-03-05T14:08:09.1234567Z  2024-03-05T14:08:09.1234567Z");
}

#[test]
fn rows_keep_their_order_where_their_times_look_the_same() {
    let later = Event { time: crate::evtx_writer::time(0) + 1, ..Event::connection().dest("8.0.0.1") };
    let case = detect().events(&[later, Event::connection().dest("8.0.0.2")]).args(["--group-by", "dest_ip"]);
    case.run_on(&["--time-format", "splunk", "."]).exits(0).reports(&[
        "dest_ip,count,firstTime,lastTime",
        "8.0.0.2,1,2024-03-05T14:07:09,2024-03-05T14:07:09",
        "8.0.0.1,1,2024-03-05T14:07:09,2024-03-05T14:07:09",
    ]);
}

#[test]
fn events_have_the_times_and_the_mark_and_stay_csv() {
    let case = case();
    let events = |args: &[&str]| {
        case.run_on(&[&["--force", "-o", "report", "--events", "events.csv"], args, &["log.evtx"]].concat()).exits(0);
        case.read("events.csv")
    };
    let plain = events(&[]);
    for format in ["jsonl", "table"] {
        assert_eq!(events(&["--format", format]), plain);
    }
    let excel = events(&["--bom", "--time-format", "excel"]);
    // Sysmon's own UtcTime stays as it was logged.
    assert!(excel.contains(",2024-03-05 14:07:09.123,2024-03-05 14:07:05.001,1,"), "{excel}");
    let back = excel.strip_prefix('\u{feff}').unwrap();
    let day = |text: &str| format!("2024-03-0{text}");
    let long = ["5T14:07:09", "6T14:07:09", "5T14:08:09", "5T14:08:10"];
    let back = long.iter().fold(back.to_owned(), |rows, time| {
        rows.replace(&format!("{}.123,", day(&time.replace('T', " "))), &format!("{}.1234567Z,", day(time)))
    });
    assert_eq!(back, plain);
}

#[test]
fn the_mark_is_once_at_the_start_and_part_of_what_is_hashed() {
    let case = case();
    let plain = case.run().report().to_owned();
    assert_eq!(case.run_on(&["--bom", "."]).exits(0).report(), format!("\u{feff}{plain}"));
    let args = ["--bom", "-o", "report.csv", "--events", "events.csv", "--manifest", "manifest.json", "log.evtx"];
    case.run_on(&args).exits(0);
    let manifest: Json = serde_json::from_str(&fs::read_to_string(case.path("manifest.json")).unwrap()).unwrap();
    for (name, file) in [("report", "report.csv"), ("events", "events.csv")] {
        let bytes = fs::read(case.path(file)).unwrap();
        assert!(bytes.starts_with(b"\xef\xbb\xbfaction,"));
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(manifest[name]["sha256"], hash);
    }
}

#[test]
fn a_manifest_states_the_formats() {
    let case = case();
    let options = |args: &[&str]| {
        case.run_on(&[&["--force", "-o", "report", "--manifest", "m.json"], args, &["log.evtx"]].concat()).exits(0);
        let manifest: Json = serde_json::from_str(&fs::read_to_string(case.path("m.json")).unwrap()).unwrap();
        let report = fs::read_to_string(case.path("report")).unwrap();
        assert_eq!(manifest["report"]["rows"], 3, "{report}");
        (manifest["options"]["format"].clone(), manifest["options"]["time_format"].clone())
    };
    assert_eq!(options(&[]), (json!("csv"), json!("rfc3339")));
    assert_eq!(options(&["--format", "table"]), (json!("table"), json!("seconds")));
    assert_eq!(options(&["--format", "jsonl", "--time-format", "splunk"]), (json!("jsonl"), json!("splunk")));
    assert_eq!(options(&["--format", "table", "--time-format", "rfc3339"]), (json!("table"), json!("rfc3339")));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = |args: &[&str], message: &str| {
        case().args(args.iter().copied()).run().exits(2).reports(&[]).says(&[message]);
    };
    for format in ["jsonl", "table"] {
        let message = format!(
            "netsift: --bom with --format {format}: only CSV has a byte order mark, for example --format csv --bom"
        );
        refused(&["--bom", "--format", format], &message);
        refused(&["--bom", "--format", format, "--events", "events.jsonl"], &message);
        let message = format!("netsift: --raw-cells with --format {format}: only CSV has cells that are guarded");
        refused(&["--raw-cells", "--format", format], &message);
    }
    refused(&["--raw-cells", "-o", "r.parquet"], "netsift: --raw-cells with --format parquet: only CSV has");
    refused(&["--format", "json"], "[possible values: csv, jsonl, table, parquet]");
    refused(&["--format", "CSV"], "[possible values: csv, jsonl, table, parquet]");
    refused(&["--time-format", "iso"], "[possible values: rfc3339, splunk, excel]");
}

#[test]
fn options_about_csv_are_taken_where_something_beside_the_report_is_csv() {
    let case = case().args(["--format", "jsonl", "--bom", "--raw-cells"]);
    for (option, name) in [("--events", "events.csv"), ("--beacons", "beacons.csv")] {
        Ran::new(case.command(&[option, name, "log.evtx"])).exits(0);
        assert!(case.read(name).starts_with('\u{feff}'), "{name}");
    }
}

#[test]
fn a_name_that_says_another_format_than_is_written_is_refused_with_what_to_give() {
    let case = connections().events(&[Event::connection()]);
    for (option, name, message) in [
        (
            "-o",
            "report.json",
            "-o report.json: it is not written as json: give a name such as report.csv, report.jsonl",
        ),
        ("-o", "report.XLSX", "-o report.XLSX: it is not written as xlsx"),
        ("-o", "report.html", "-o report.html: it is not written as html"),
        ("-o", "report.evtx", "-o report.evtx: it is not written as evtx"),
        (
            "--events",
            "x.json",
            "--events x.json: it is not written as json: give a name such as events.csv or events.jsonl",
        ),
        ("--html", "page.csv", "--html page.csv: it is not written as csv: give a name such as page.html"),
        ("--manifest", "case.csv", "--manifest case.csv: it is not written as csv: give a name such as case.json"),
        ("--partial", "part.csv", "--partial part.csv: it is not written as csv: a partial result is Parquet"),
    ] {
        case.run_on(&[option, name, "log.evtx"]).exits(2).says(&[message, "give a name such as "]);
        assert!(!case.path(name).exists(), "{name}");
    }
    case.run_on(&["-q", "-o", "report.ndjson", "log.evtx"]).exits(0);
    assert!(case.read("report.ndjson").starts_with("{\"action\""));
    for name in ["report.json", "REPORT.JSON"] {
        case.run_on(&["-q", "-o", name, "--format", "jsonl", "log.evtx"]).exits(0);
        case.run_on(&["-q", "-o", name, "--format", "csv", "log.evtx"]).exits(2);
    }
    Ran::new(case.command(&["-q", "--events", "x.json", "--events-format", "jsonl", "log.evtx"])).exits(0);
    for name in ["report", "report.log", "report.2024"] {
        case.run_on(&["-q", "-o", name, "log.evtx"]).exits(0);
    }
}
