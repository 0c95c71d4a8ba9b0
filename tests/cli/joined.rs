//! Sigma rules that ask for the process behind a connection, and the names that it asked for: judged with what other events tell,
//! wherever these are, and not at all where nothing does.
//!
//! Each run is repeated with every record decoded, as [`crate::case`] does it, so that no literal rules out what it must not.

use std::path::Path;

use crate::{
    case::{Case, Ran, connections, detect},
    evtx_writer::{self, Event, Value},
    samples::samples,
};

const EVIL: &str = "title: Evil Argument
id: 11111111-aaaa-bbbb-cccc-000000000011
logsource: {category: network_connection, product: windows}
detection:
    s:
        Image|endswith: '\\tool.exe'
        CommandLine|contains: '--evil-argument'
    condition: s
";

const NOT_GOOD: &str = "title: Not Good
id: 11111111-aaaa-bbbb-cccc-000000000012
logsource: {category: network_connection, product: windows}
detection:
    s: {Image|endswith: '\\tool.exe'}
    f: {CommandLine|contains: 'good'}
    condition: s and not f
";

/// Only what stands in other records.
const PARENT: &str = "title: Parent
id: 11111111-aaaa-bbbb-cccc-000000000013
logsource: {category: network_connection, product: windows}
detection:
    s: {ParentImage|endswith: '\\winword.exe'}
    condition: s
";

fn guid(number: u8) -> String {
    format!("6820d070-264c-65e7-0000-0000000000{number:02x}")
}

fn value(number: u8) -> Value {
    Value::Guid(guid(number))
}

fn connection(number: u8) -> Event {
    Event::connection().image(r"C:\x\tool.exe").with("ProcessGuid", value(number))
}

fn created(number: u8, command_line: &str) -> Event {
    Event::sysmon(1, 5)
        .with("UtcTime", "2024-03-05 14:05:00.123")
        .with("ProcessGuid", value(number))
        .with("Image", r"C:\x\tool.exe")
        .with("CommandLine", command_line)
        .with("ParentProcessGuid", value(200))
        .with("ParentImage", r"C:\Office\winword.exe")
        .with("ParentCommandLine", "winword.exe /n")
}

fn query(number: u8, name: &str) -> Event {
    Event::sysmon(22, 5)
        .with("UtcTime", "2024-03-05 14:07:09.000")
        .with("ProcessGuid", value(number))
        .with("QueryName", name)
        .with("QueryResults", "8.8.8.8;")
}

/// `detect` with these rules alone.
fn ruled(rules: &[&str]) -> Case {
    let case = detect().args(["--rule", "none", "--rules", "rules", "--group-by", "process_guid"]);
    rules.iter().enumerate().fold(case, |case, (number, rule)| case.file(&format!("rules/{number}.yml"), rule))
}

/// The last two digits of each group's process, and the title of its rule.
#[track_caller]
fn found(ran: &Ran) -> Vec<String> {
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        format!("{} {}", &cells[0][35..37], cells[4])
    };
    let mut rows: Vec<String> = ran.report().lines().skip(1).map(row).collect();
    rows.sort();
    rows
}

#[test]
fn a_rule_sees_the_process_wherever_its_start_is_logged() {
    let processes = [created(1, "tool.exe --evil-argument"), created(2, "tool.exe good")];
    let far: Vec<Event> = (0..400).map(|number| connection(9).image(r"C:\x\other.exe").at(number)).collect();
    let rules = [EVIL, NOT_GOOD, PARENT];
    let all = ["01 Evil Argument", "01 Not Good", "01 Parent", "02 Parent"];
    let together = ruled(&rules).events([&processes[..], &[connection(1), connection(2)]].concat().iter());
    assert_eq!(found(&together.run_on(&["log.evtx"])), all);
    // In other chunks, before and behind; then in another log.
    let apart = [&processes[..1], &far, &[connection(1), connection(2)], &far, &processes[1..]].concat();
    let apart = ruled(&rules).log("log.evtx", &evtx_writer::log(&apart));
    assert_eq!(found(&apart.run_on(&["log.evtx"])), all);
    let logs = ruled(&rules).events(&[connection(1), connection(2)]).log("z.evtx", &evtx_writer::log(&processes));
    let ran = logs.run_on(&["log.evtx", "z.evtx"]);
    assert_eq!(found(&ran), all);
    ran.does_not_say("ask for the process:");
}

#[test]
fn where_the_process_is_not_known_nothing_matches_and_the_summary_says_so() {
    let case = ruled(&[EVIL, NOT_GOOD]).events(&[connection(1), connection(2).dest("10.0.0.1"), connection(3)]);
    let ran = case.run_on(&["--exclude-cidr", "10.0.0.0/8", "log.evtx"]);
    assert_eq!(found(&ran), [""; 0]);
    ran.says(&[
        "2 connections were not judged by rules that ask for the process: the start of their processes is not in",
    ]);
    // Neither is that of another host, or of another process.
    let elsewhere = ruled(&[NOT_GOOD]).events(&[connection(1), created(1, "x").on("WS02"), created(2, "x")]);
    let ran = elsewhere.run_on(&["log.evtx"]);
    assert_eq!(found(&ran), [""; 0]);
    ran.says(&["1 connection was not judged by rules that ask for the process: the start of its process is not in"]);
}

#[test]
fn a_field_that_a_known_process_lacks_is_missing() {
    let older = created(1, "tool.exe").without("ParentImage");
    let null = "title: Absent\nlogsource: {category: network_connection}\ndetection: {s: {Product: null, Image|endswith: tool.exe}, condition: s}\n";
    let case = ruled(&[NOT_GOOD, PARENT, null]).events(&[connection(1), older]);
    assert_eq!(found(&case.run_on(&["log.evtx"])), ["01 Absent", "01 Not Good"]);
}

#[test]
fn what_a_process_started_tells_its_command_line() {
    let child = created(5, "other.exe")
        .with("ParentProcessGuid", value(1))
        .with("ParentCommandLine", "tool.exe --evil-argument");
    let case = ruled(&[EVIL, PARENT]).events(&[connection(1), child]);
    assert_eq!(found(&case.run_on(&["log.evtx"])), ["01 Evil Argument"]);
    let of_no_line = created(5, "other.exe").with("ParentProcessGuid", value(1)).with("ParentCommandLine", "-");
    let case = ruled(&[NOT_GOOD]).events(&[connection(1), of_no_line]);
    assert_eq!(found(&case.run_on(&["log.evtx"])), [""; 0]);
}

#[test]
fn a_rule_is_judged_by_what_it_asks_for_whatever_others_do() {
    const NOT_JUDGED: &str = "1 connection was not judged by rules that ask for the process";
    let not_parent = "title: Not Parent\nlogsource: {category: network_connection}\n\
                      detection: {s: {Image|endswith: tool.exe}, f: {ParentImage|endswith: x.exe}, condition: s and not f}\n";
    // What is certain whatever the parent is: it is on another port than what is left out.
    let by_port = |port: &str| {
        format!(
            "title: Port {port}\nlogsource: {{category: network_connection}}\ndetection: {{s: {{CommandLine|contains: evil}}, \
             f: {{ParentImage|endswith: x.exe, DestinationPort: {port}}}, condition: s and not 1 of f*}}\n"
        )
    };
    let [other_port, own_port] = ["1", "443"].map(by_port);
    let absent = "title: No Parent\nlogsource: {category: network_connection}\n\
                  detection: {s: {CommandLine|contains: evil, ParentImage: null}, condition: s}\n";
    let either = "title: Either\nlogsource: {category: network_connection}\n\
                  detection: {a: {CommandLine|contains: evil}, b: {Hashes|contains: x}, condition: a or b}\n";
    // The child tells the command line and nothing else.
    let child = created(5, "other.exe").with("ParentProcessGuid", value(1)).with("ParentCommandLine", "tool.exe evil");
    let events = [connection(1), child];
    for (rules, hits, is_judged) in [
        (&[not_parent][..], &[][..], false),
        (&[not_parent, NOT_GOOD], &["01 Not Good"], false),
        (&[NOT_GOOD], &["01 Not Good"], true),
        (&[either], &["01 Either"], true),
        (&[either, not_parent, PARENT], &["01 Either"], false),
        // It matches whatever the parent is.
        (&[&*other_port], &["01 Port 1"], true),
        (&[&*own_port, absent], &[], false),
    ] {
        let ran = ruled(rules).events(&events).run_on(&["log.evtx"]);
        assert_eq!(found(&ran), hits, "{rules:?}");
        assert_eq!(ran.stderr().contains(NOT_JUDGED), !is_judged, "{}", ran.stderr());
    }
}

#[test]
fn what_is_not_told_of_a_known_process_takes_no_match_away() {
    let rule = |condition: &str| {
        format!(
            "title: Either\nlogsource: {{category: network_connection}}\ndetection: {{s: {{Image|endswith: tool.exe}}, \
             o: {{OriginalFileName: tool.exe}}, condition: {condition}}}\n"
        )
    };
    let child = created(5, "other.exe").with("ParentProcessGuid", value(1));
    let silent = child.clone().with("ParentCommandLine", "-");
    let of_another = child.clone().with("ParentProcessGuid", value(2));
    for condition in ["s or o", "1 of them", "s and not (o and not s)"] {
        for (event, hits) in [(&child, &["01 Either"][..]), (&silent, &["01 Either"]), (&of_another, &[])] {
            let case = ruled(&[&*rule(condition)]).events(&[connection(1), event.clone()]);
            for args in [&["log.evtx"][..], &["--no-prefilter", "log.evtx"]] {
                let ran = case.run_on(args);
                assert_eq!(found(&ran), hits, "{condition}");
                assert_eq!(ran.stderr().contains("not judged"), hits.is_empty(), "{}", ran.stderr());
            }
        }
    }
    // A child that tells no command line does not hide one that does.
    let told = child.with("ParentCommandLine", "tool.exe --evil-argument").without("ParentImage").without("User");
    let case = ruled(&[EVIL]).events(&[connection(1), silent, told]);
    assert_eq!(found(&case.run_on(&["log.evtx"])), ["01 Evil Argument"]);
}

#[test]
fn of_connections_that_are_not_judged_those_count_that_a_rule_could_match() {
    let other = |number| connection(number).image(r"C:\x\other.exe");
    let together = vec![connection(1), other(2), other(3)];
    let apart = [&[connection(1)], &vec![other(2); 300][..]].concat();
    for events in [together, apart] {
        let case = ruled(&[EVIL]).events(&events);
        // The run with every record decoded says the same.
        case.run_on(&["log.evtx"]).says(&["1 connection was not judged by rules that ask for the process"]);
        case.run_on(&["--no-prefilter", "log.evtx"]).says(&["1 connection was not judged by rules that ask for"]);
        case.run_on(&["--quiet", "log.evtx"]).says(&["netsift: 1 connection was not judged by rules that ask for"]);
    }
}

#[test]
fn of_two_events_of_a_process_the_one_that_states_most_counts() {
    let whole = created(1, "tool.exe --evil-argument");
    for worse in [
        created(1, "-").with("UtcTime", "2024-03-05 14:04:00.000"),
        created(1, "tool.exe").without("UtcTime"),
        whole.clone().without("CommandLine").with("UtcTime", "2024-03-05 14:04:00.000"),
        created(1, &" ".repeat("tool.exe --evil-argument".len())),
    ] {
        for events in [[connection(1), worse.clone(), whole.clone()], [connection(1), whole.clone(), worse]] {
            assert_eq!(found(&ruled(&[EVIL]).events(&events).run_on(&["log.evtx"])), ["01 Evil Argument"]);
        }
    }
}

#[test]
fn which_of_two_events_of_a_process_counts_does_not_depend_on_what_is_asked() {
    const HASH: &str = "title: Hash
id: 11111111-aaaa-bbbb-cccc-000000000014
logsource: {category: network_connection, product: windows}
detection:
    s: {Hashes|contains: 'MD5=F'}
    condition: s
";
    let poor = created(1, "tool.exe --evil-argument").with("UtcTime", "2024-03-05 14:04:00.000");
    let full = created(1, "tool.exe plain").with("Hashes", "MD5=0").with("IntegrityLevel", "High");
    for events in [[connection(1), poor.clone(), full.clone()], [connection(1), full, poor]] {
        for rules in [&[EVIL][..], &[EVIL, HASH]] {
            let case = ruled(rules).events(&events);
            assert!(found(&case.run_on(&["log.evtx"])).is_empty());
            // Nor on how they are read.
            assert!(found(&case.run_on(&["--no-prefilter", "log.evtx"])).is_empty());
        }
    }
}

#[test]
fn a_connections_own_fields_come_first() {
    let rule = "title: Own\nlogsource: {category: network_connection}\ndetection: {s: {User: own, CommandLine: x}, condition: s}\n";
    let case = ruled(&[rule]).events(&[
        connection(1).with("User", "own"),
        created(1, "x").with("User", "other"),
        connection(2).with("User", "other"),
        created(2, "x").with("User", "own"),
    ]);
    assert_eq!(found(&case.run_on(&["log.evtx"])), ["01 Own"]);
}

#[test]
fn an_agents_own_event_may_tell_the_process_itself() {
    let case = ruled(&[EVIL, NOT_GOOD]).events(&[connection(1).with("CommandLine", "tool.exe --evil-argument")]);
    let ran = case.run_on(&["log.evtx"]);
    assert_eq!(found(&ran), ["01 Evil Argument", "01 Not Good"]);
    ran.does_not_say("ask for the process:");
}

#[test]
fn a_filter_can_ask_for_the_process_too() {
    let rule = "title: Tool\nid: 11111111-aaaa-bbbb-cccc-000000000014\nlogsource: {category: network_connection}\ndetection: {s: {Image|endswith: '\\tool.exe'}, condition: s}\n";
    let filter = "title: Good\nlogsource: {category: network_connection}\nfilter: {rules: any, g: {CommandLine|contains: good}, condition: not g}\n";
    let events = [connection(1), created(1, "x"), connection(2), created(2, "good"), connection(3)];
    let case = ruled(&[rule, filter]).events(&events);
    let ran = case.run_on(&["log.evtx"]);
    assert_eq!(found(&ran), ["01 Tool"]);
    ran.says(&["1 connection was not judged"]);
}

#[test]
fn a_correlation_sees_the_processes_of_its_parts() {
    let correlation = "title: Many\ncorrelation: {type: event_count, rules: [Not Good], group-by: [CommandLine], timespan: 1h, condition: {gte: 2}}\n";
    let mut events = vec![created(1, "x"), created(2, "x"), created(3, "y"), created(4, "good")];
    events.extend((1..=5).map(|number| connection(number).at(number.into())));
    let case = ruled(&[NOT_GOOD, correlation]).events(&events);
    assert_eq!(found(&case.run_on(&["log.evtx"])), ["01 Many", "02 Many"]);
}

const NAMED: &str = "title: Named
logsource: {category: network_connection, product: windows}
detection:
    s: {DestinationHostname|endswith: 'bad.example'}
    condition: s
";
const UNNAMED: &str = "title: Other Name
logsource: {category: network_connection, product: windows}
detection:
    s: {Image|endswith: '\\tool.exe'}
    f: {DestinationHostname|endswith: 'bad.example'}
    condition: s and not f
";

#[test]
fn names_that_were_queried_stand_where_none_was_logged() {
    let unnamed = |number| connection(number).with("DestinationHostname", "-");
    let events = [
        unnamed(1),
        query(1, "bad.example"),
        unnamed(2),
        query(2, "good.example"),
        query(2, "very.bad.example"),
        connection(3).with("DestinationHostname", "logged.example"),
        query(3, "bad.example"),
        unnamed(4),
    ];
    let case = ruled(&[NAMED, UNNAMED]).events(&events[..]);
    let logged = ["01 Other Name", "02 Other Name", "03 Other Name", "04 Other Name"];
    assert_eq!(found(&case.run_on(&["log.evtx"])), logged);
    assert_eq!(found(&case.run_on(&["--sigma-names", "logged", "log.evtx"])), logged);
    let queried = ["01 Named", "02 Named", "02 Other Name", "03 Other Name", "04 Other Name"];
    assert_eq!(found(&case.run_on(&["--sigma-names", "queried", "log.evtx"])), queried);
    // The name is in another log than the connection, and nothing else is looked for.
    let apart = ruled(&[NAMED]).events(&[unnamed(1)]).log("z.evtx", &evtx_writer::log(&[query(1, "bad.example")]));
    assert_eq!(found(&apart.run_on(&["--sigma-names", "queried", "log.evtx", "z.evtx"])), ["01 Named"]);
}

#[test]
fn a_correlation_sees_the_name_by_which_its_part_matched() {
    let correlation = "title: Many\ncorrelation: {type: event_count, rules: [Named], group-by: [DestinationHostname], timespan: 1h, condition: {gte: 2}}\n";
    let unnamed = |number| connection(number).with("DestinationHostname", "-");
    let events = [unnamed(1), query(1, "good.example"), query(1, "bad.example"), unnamed(2), query(2, "bad.example")];
    let case = ruled(&[NAMED, correlation]).events(&events[..]);
    assert_eq!(found(&case.run_on(&["--sigma-names", "queried", "log.evtx"])), ["01 Many", "02 Many"]);
}

#[test]
fn names_for_no_rule_and_processes_for_no_room_are_refused() {
    let case = connections().events(&[connection(1)]);
    case.run_on(&["--sigma-names", "queried", "log.evtx"]).exits(2).says(&["--sigma-names without Sigma rules: "]);
    let case =
        ruled(&[EVIL]).events(&(0..100).flat_map(|number| [started(number), connection(number)]).collect::<Vec<_>>());
    let ran = Ran::new(case.command(&["--max-memory", "16KiB", "log.evtx"]));
    ran.exits(2).says(&[
        "--max-memory is too small for the processes that rules ask about: give more, for example twice as much",
    ]);
}

/// How a process was started, with a command line that no other has.
fn started(number: u8) -> Event {
    created(number, &"x".repeat(500 + usize::from(number)))
}

#[test]
fn where_not_all_processes_fit_into_memory_those_with_connections_do() {
    const LITTLE: [&str; 4] = ["--threads", "1", "--max-memory", "32KiB"];
    let unnamed = |number| connection(number).with("DestinationHostname", "-");
    let queries = (0..150).map(|number| query(number, if number == 7 { "bad.example" } else { "good.example" }));
    let asked: Vec<Event> = queries.chain([unnamed(7), unnamed(8)]).collect();
    let mut started: Vec<Event> = (0..100).map(started).chain([connection(120), connection(121)]).collect();
    started.extend([created(120, "tool.exe --evil-argument"), created(121, "tool.exe")]);
    // A command line can be told by a process that the one with the connection has started.
    started.extend([connection(200), connection(122)]);
    let wanted = ["78 Evil Argument"];
    for (case, more, wanted) in [
        (ruled(&[EVIL]).events(&started), &[][..], &wanted[..]),
        (ruled(&[NOT_GOOD]).events(&started), &[], &["78 Not Good", "79 Not Good", "C8 Not Good"]),
        (ruled(&[NAMED]).events(&asked), &["--sigma-names", "queried"], &["07 Named"]),
    ] {
        let [much, little] = [&[][..], &LITTLE].map(|room| case.run_on(&[room, more, &["log.evtx"]].concat()));
        assert_eq!(found(&much), wanted);
        assert_eq!((found(&little), without_time(&little)), (found(&much), without_time(&much)));
    }
}

#[test]
fn a_host_is_one_whatever_the_case_of_its_name() {
    let unnamed = |number| connection(number).with("DestinationHostname", "-");
    let processes = [created(1, "tool.exe --evil-argument"), created(2, "tool.exe good")];
    let started = [&processes[..], &[connection(1), connection(200), connection(2)]].concat();
    let asked = [query(1, "bad.example"), unnamed(1), unnamed(2)];
    for (case, events, more) in [
        (ruled(&[EVIL, NOT_GOOD, PARENT]), &started[..], &[][..]),
        (ruled(&[NAMED]), &asked, &["--sigma-names", "queried"]),
    ] {
        let renamed = evtx_writer::by_other_names(events);
        let case = case.events(events).log("renamed.evtx", &evtx_writer::log(&renamed));
        let of = |more: &[&str], log| found(&case.run_on(&[more, &[log]].concat()));
        assert!(!of(more, "log.evtx").is_empty());
        for room in [&[][..], &["--max-memory", "32KiB", "--threads", "1"]] {
            assert_eq!(of(&[more, room].concat(), "renamed.evtx"), of(more, "log.evtx"));
        }
    }
}

/// The summary, without the time that it took.
fn without_time(ran: &Ran) -> Vec<&str> {
    ran.stderr().lines().filter(|line| !line.starts_with("time")).collect()
}

#[test]
fn a_check_says_which_rules_ask_for_the_process() {
    let case = Case::new("rules").file("rules/a.yml", NOT_GOOD).file("rules/b.yml", NAMED);
    let check = Ran::new(case.command(&["check", "rules"]));
    let report = check.report();
    assert!(report.contains("loaded: Not Good (asks for the process behind a connection: CommandLine)\n"), "{report}");
    assert!(report.contains("loaded: Named\n"), "{report}");
    assert!(report.contains("2 loaded, 1 of them with the process behind a connection, 0 not loaded"), "{report}");
}

#[test]
fn partial_results_carry_how_many_connections_were_not_judged() {
    let case = ruled(&[NOT_GOOD]).events(&[connection(1), connection(2), created(2, "x")]);
    let partial = Ran::new(case.command(&["--partial", "p.parquet", "log.evtx"]));
    assert_eq!(found(&partial), ["02 Not Good"]);
    let merged = Ran::new(case.another(&["merge", "p.parquet"]));
    merged.exits(0).says(&["1 connection was not judged by rules that ask for the process"]);
    assert_eq!(merged.report(), partial.report());
    Ran::new(case.command(&["--sigma-names", "queried", "--partial", "q.parquet", "log.evtx"])).exits(0);
    let other = Ran::new(case.another(&["merge", "p.parquet", "q.parquet"]));
    other.says(&["it was made with another choice of --sigma-names"]);
}

#[test]
fn rules_of_the_field_that_ask_for_the_process_are_loaded_and_judged() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/sigma");
    let Some(_) = samples().filter(|_| rules.is_dir()) else { return };
    let rules = rules.to_str().unwrap();
    let check = Ran::new(Case::new("rules").command(&["check", rules]));
    let asking: Vec<&str> = check
        .report()
        .lines()
        .filter(|line| line.contains("asks for the process"))
        .map(|line| line.rsplit(['/', '\\']).next().unwrap().split(':').next().unwrap())
        .collect();
    assert_eq!(
        asking,
        [
            "net_connection_win_python.yml",
            "net_connection_win_rundll32_net_connections.yml",
            "net_connection_win_susp_binary_no_cmdline.yml",
            "net_connection_win_wuauclt_network_connection.yml",
        ],
        "{}",
        check.report()
    );
    let rundll32 = |number: u8| connection(number).image(r"C:\Windows\System32\rundll32.exe");
    let update = |number: u8| connection(number).image(r"C:\Windows\System32\wuauclt.exe");
    let events = [
        rundll32(1),
        created(1, r"C:\Windows\System32\rundll32.exe"),
        rundll32(2),
        created(2, "rundll32.exe x.dll,Run"),
        update(3),
        created(3, "wuauclt.exe /RunHandlerComServer"),
        update(4),
        created(4, "wuauclt.exe /other"),
        connection(5).image(r"C:\py\python.exe"),
        created(5, "python.exe pip.exe install x"),
        connection(6).image(r"C:\py\python.exe"),
        created(6, "python.exe x.py"),
    ];
    let case = detect().events(&events[..]).args(["--rule", "none", "--rules", rules, "--group-by", "process_guid"]);
    assert_eq!(
        found(&case.run_on(&["log.evtx"])),
        [
            "01 Rundll32 Internet Connection",
            "01 Suspicious Network Connection Binary No CommandLine",
            "02 Rundll32 Internet Connection",
            "03 Potentially Suspicious Wuauclt Network Connection",
            "06 Python Initiated Connection",
        ]
    );
}
