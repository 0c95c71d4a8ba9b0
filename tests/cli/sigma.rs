//! Sigma rules: what is loaded, what they find, alone and together; filters and correlations; listings.

use std::{collections::BTreeMap, fs, path::Path};

use rsigma_parser::{ConditionExpr, Detection, Detections, Modifier, Quantifier, SigmaRule, SigmaValue, StringPart};

use crate::{
    case::{Case, NOT_FOUND, Ran, connections, detect},
    evtx_writer::{self, Event, Value},
    samples,
};

const NOTEPAD: &str = "title: Notepad Talks
id: 11111111-aaaa-bbbb-cccc-000000000001
status: test
level: high
author: The Author
tags: [attack.command-and-control, attack.t1105]
logsource:
    category: network_connection
    product: windows
detection:
    selection:
        Initiated: 'true'
        Image|endswith: '\\notepad.exe'
    filter:
        DestinationIp|cidr: ['10.0.0.0/8', '::1/128', 'fe80::/10']
    condition: selection and not filter
";

const PORT: &str = "title: Odd Port
id: 11111111-aaaa-bbbb-cccc-000000000002
status: experimental
level: low
logsource:
    product: windows
    service: sysmon
detection:
    selection:
        EventID: 3
        DestinationPort: [4444, 1337]
    condition: selection
";

fn notepad() -> Event {
    Event::connection().image(r"C:\Windows\System32\NOTEPAD.exe")
}

fn to_port(port: u16) -> Event {
    Event::connection().image(r"C:\x\other.exe").with("DestinationPort", Value::U16(port))
}

/// Rows of process, address and rule.
fn rows(case: &Case, more: &[&str]) -> Vec<String> {
    let args = [&["--group-by", "process_name,dest_ip", "--rules", "rules"], more, &["log.evtx"]].concat();
    let ran = case.run_on(&args);
    assert!([0, 3].contains(&ran.status()), "{}", ran.stderr());
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        format!("{},{},{}", cells[0], cells[1], cells[5])
    };
    ran.report().lines().skip(1).map(row).collect()
}

#[test]
fn all_rules_are_applied_in_one_pass_and_a_connection_is_in_a_group_of_each() {
    let events = [
        notepad(),
        notepad().dest("10.1.1.1").at(1),
        notepad().dest("0:0:0:0:0:0:0:1").at(2),
        notepad().dest("::ffff:10.0.0.1").at(3),
        notepad().with("DestinationPort", Value::U16(4444)).at(4),
        to_port(1337).at(5),
        to_port(80).at(6),
        Event::connection().at(7),
    ];
    let case = detect().file("rules/a.yml", NOTEPAD).file("rules/sub/b.yaml", PORT).events(&events);
    let ran = case.run_on(&["--rules", "rules", "log.evtx"]);
    ran.exits(0).says(&[
        "rule      Detect Regsvcs with Network Connection",
        "rules     2 Sigma rules loaded",
        "every connection was decoded for rules that name no text to look for: Odd Port",
        "found     4 connections that the rules look for: 4 hits",
        "2  Notepad Talks",
    ]);
    let header = ran.report().lines().next().unwrap();
    assert!(
        header.ends_with(",count,firstTime,lastTime,rule_title,rule_id,rule_level,mitre_attack,rule_author"),
        "{header}"
    );
    let first = ran.report().lines().nth(1).unwrap();
    let tail = "Notepad Talks,11111111-aaaa-bbbb-cccc-000000000001,high,T1105 command-and-control,The Author";
    assert!(first.ends_with(tail), "{first}");
    assert_eq!(
        rows(&case, &[]),
        [
            "NOTEPAD.exe,8.8.8.8,Notepad Talks",
            "NOTEPAD.exe,8.8.8.8,Odd Port",
            "other.exe,8.8.8.8,Odd Port",
            "RegSvcs.exe,8.8.8.8,Detect Regsvcs with Network Connection",
        ]
    );
    assert_eq!(rows(&case, &["--rule", "none", "--level", "medium"]), ["NOTEPAD.exe,8.8.8.8,Notepad Talks"]);
}

#[test]
fn without_rules_the_columns_stay_as_they_are() {
    let regasm = Event::connection().image(r"C:\x\RegAsm.exe").at(1);
    let case = detect().events(&[Event::connection(), regasm]).args(["--group-by", "process_name"]);
    assert_eq!(case.run().report().lines().count(), 2);
    let ran = case.run_on(&["--rule", "regsvcs,regasm", "."]);
    ran.says(&["rule      Detect Regasm with Network Connection (MITRE ATT&CK T1218.009)"]).reports(&[
        "process_name,count,firstTime,lastTime",
        "RegSvcs.exe,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z",
        "RegAsm.exe,1,2024-03-05T14:07:10.1234567Z,2024-03-05T14:07:10.1234567Z",
    ]);
    let ids = ["07921114-6db4-4e2e-ae58-3ea8a52ae93f", "regasm"];
    for id in ids {
        assert_eq!(
            case.run_on(&["--rule", id, "."]).report().lines().nth(1).unwrap().split(',').next(),
            Some("RegAsm.exe")
        );
    }
    let wrong = case.run_on(&["--rule", "regsvr", "."]);
    wrong.exits(2).says(&[
        "netsift: --rule \"regsvr\" is not a built-in rule: give regsvcs, regasm, lolbas, adws, ftp, mail, authentication, java, \
         kerberos, winlogon, installutil, rundll32, dllhost, gpupdate, searchprotocolhost, uninstall, msiexec, webdav, all or none, for example --rule regsvcs,lolbas",
    ]);
}

#[test]
fn networks_of_the_command_line_are_for_all_rules_and_the_built_in_list_is_not() {
    let events = [notepad().dest("192.0.2.7"), Event::connection().dest("192.0.2.7"), notepad().dest("9.9.9.9").at(1)];
    let case = detect().file("rules/a.yml", NOTEPAD).events(&events);
    assert_eq!(rows(&case, &[]), ["NOTEPAD.exe,192.0.2.7,Notepad Talks", "NOTEPAD.exe,9.9.9.9,Notepad Talks"]);
    assert_eq!(rows(&case, &["--exclude-cidr", "9.0.0.0/8"]), ["NOTEPAD.exe,192.0.2.7,Notepad Talks"]);
    assert_eq!(rows(&case, &["--detect-cidr", "9.0.0.0/8"]), ["NOTEPAD.exe,9.9.9.9,Notepad Talks"]);
    case.run_on(&["--rules", "rules", "--exclude-cidr", "9.0.0.0/8", "."]).says(&["excluded  1 in 9.0.0.0/8"]);
}

#[test]
fn what_cannot_be_loaded_is_named_with_the_reason_and_does_not_stop_the_run() {
    let other = NOTEPAD.replace("network_connection", "process_creation");
    let expand = NOTEPAD.replace("Image|endswith", "Image|expand");
    let modifier = NOTEPAD.replace("Image|endswith", "Image|nonsense");
    let event_id = PORT.replace("EventID: 3", "EventID: 22");
    let case = detect()
        .file("rules/a.yml", NOTEPAD)
        .file("rules/b.yml", other)
        .file("rules/c.yml", expand)
        .file("rules/d.yml", modifier)
        .file("rules/e.yml", event_id)
        .file("rules/f.yml", "title: [unfinished")
        .file("rules/g.yml", "just: text\n")
        .file("rules/notes.txt", "no rule")
        .events(&[notepad()]);
    let ran = case.run_on(&["--rules", "rules", "log.evtx"]);
    ran.exits(0).says(&[
        "rules     1 Sigma rule loaded",
        "not loaded: rules/b.yml: Notepad Talks: another log source (product windows, category process_creation)",
        "not loaded: rules/c.yml: Notepad Talks: it needs the placeholder of Image expanded",
        "not loaded: rules/d.yml: ",
        "not loaded: rules/e.yml: Odd Port: it looks for other events than EventID 3",
        "not loaded: rules/f.yml: ",
        "not loaded: rules/g.yml: ",
    ]);
    ran.does_not_say("notes.txt");
    assert_eq!(rows(&case, &[]), ["NOTEPAD.exe,8.8.8.8,Notepad Talks"]);
    case.run_on(&["--strict-rules", "--rules", "rules", "log.evtx"])
        .exits(1)
        .reports(&[])
        .says(&["netsift: rules/b.yml: cannot load the rule: another log source"]);
    case.run_on(&["--rules", "missing", "log.evtx"]).exits(2).says(&["netsift: --rules missing: ", NOT_FOUND]);
    let case =
        case.file("others/b.yml", NOTEPAD.replace("network_connection", "process_creation")).file("no/x.txt", "");
    case.run_on(&["--rules", "rules", "--rules", "others", "log.evtx"]).exits(2).says(&[
        "netsift: --rules others: none of its rules can be applied: others/b.yml: Notepad Talks: another log source",
    ]);
    case.run_on(&["--rules", "no", "log.evtx"])
        .exits(2)
        .says(&["netsift: --rules no: no Sigma rule (*.yml, *.yaml) in it"]);
    let case = case.file("copy/a.yml", NOTEPAD);
    case.run_on(&["--rules", "rules", "--rules", "copy", "log.evtx"]).exits(0).says(&["1 Sigma rule loaded"]);
    case.run_on(&["--rule", "none", "log.evtx"])
        .exits(2)
        .says(&["netsift: --rule none without --rules: nothing is looked"]);
    let named = ["--rule", "none", "--rules", "copy", "--process", "a.exe", "log.evtx"];
    case.run_on(&named).exits(2).says(&["netsift: --process a.exe with --rule none"]);
}

#[test]
fn levels_statuses_and_exclusions_choose_what_is_loaded() {
    let events = [notepad().with("DestinationPort", Value::U16(4444))];
    let case = detect().file("rules/a.yml", NOTEPAD).file("rules/port.yml", PORT).events(&events);
    let titles = |args: &[&str]| {
        rows(&case, args).iter().map(|row| row.rsplit(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(titles(&["--level", "low"]), ["Notepad Talks", "Odd Port"]);
    assert_eq!(titles(&["--level", "high"]), ["Notepad Talks"]);
    assert_eq!(titles(&["--status", "experimental"]), ["Odd Port"]);
    for id in ["11111111-aaaa-bbbb-cccc-000000000001", "Notepad Talks", "a"] {
        assert_eq!(titles(&["--exclude-rule", id]), ["Odd Port"], "{id}");
    }
    case.run_on(&["--level", "severe", "."]).exits(2);
    // The built-in ones are chosen by their names alone.
    let case = case.log("log.evtx", &evtx_writer::log(&[to_port(9389)]));
    let adws = ["--rule", "adws", "--rules", "rules", "--level", "high", "--format", "jsonl", "log.evtx"];
    assert_eq!(case.run_on(&adws).exits(0).report().lines().count(), 1);
}

#[test]
fn a_sigma_filter_quietens_the_rule_it_names() {
    let filter = "title: Known
logsource: {category: network_connection, product: windows}
filter:
    rules: [11111111-aaaa-bbbb-cccc-000000000001]
    selection:
        DestinationHostname|endswith: '.corp.example'
    condition: not selection
";
    let events = [notepad().with("DestinationHostname", "proxy.corp.example"), notepad().dest("9.9.9.9").at(1)];
    let case = detect().file("rules/a.yml", NOTEPAD).file("rules/filter.yml", filter).events(&events);
    assert_eq!(rows(&case, &[]), ["NOTEPAD.exe,9.9.9.9,Notepad Talks"]);
}

fn correlation(kind: &str, condition: &str) -> String {
    format!(
        "title: Many\nid: 11111111-aaaa-bbbb-cccc-000000000009\nlevel: critical\ncorrelation:\n    type: {kind}\n    \
         rules: [11111111-aaaa-bbbb-cccc-000000000001]\n    group-by: [Computer]\n    timespan: 60s\n    condition:\n{condition}"
    )
}

#[test]
fn a_correlation_reports_the_connections_that_made_it_fire() {
    let count = correlation("event_count", "        gte: 3\n");
    let mut events: Vec<Event> = [0, 300, 310, 320, 900].map(|at| notepad().at(at)).into();
    events.extend([300, 310].map(|at| notepad().on("WS02").at(at)));
    let case = detect().file("rules/a.yml", NOTEPAD).file("rules/many.yml", count).events(&events);
    let ran = case.run_on(&["--rule", "none", "--rules", "rules", "--group-by", "dvc", "log.evtx"]);
    ran.exits(0).says(&["2 Sigma rules loaded", "4 hits that are only parts of correlations", "3  Many"]).reports(&[
        "dvc,count,firstTime,lastTime,rule_title,rule_id,rule_level,mitre_attack,rule_author",
        "WS01.corp.example,3,2024-03-05T14:12:09.1234567Z,2024-03-05T14:12:29.1234567Z,Many,11111111-aaaa-bbbb-cccc-000000000009,critical,,",
    ]);
}

#[test]
fn a_correlation_does_not_count_copies_that_are_dropped() {
    let count = correlation("event_count", "        gte: 2\n");
    let log = evtx_writer::log(&[notepad()]);
    let case =
        detect().file("rules/a.yml", NOTEPAD).file("rules/many.yml", &count).log("a.evtx", &log).log("b.evtx", &log);
    let args = ["--rule", "none", "--rules", "rules", "--group-by", "dvc"];
    let rows = |more: &[&str]| case.run_on(&[&args[..], more].concat()).report().lines().count() - 1;
    assert_eq!((rows(&["a.evtx", "b.evtx"]), rows(&["--dedup", "a.evtx", "b.evtx"])), (1, 0));
}

#[test]
fn a_filter_whose_condition_selects_nothing_is_refused() {
    for condition in ["1 of slection_*", "not 1 of slection_*", "all of slection_*"] {
        let filter = format!(
            "title: F\nlogsource: {{category: network_connection}}\nfilter:\n  rules: any\n  selection_a: {{User: x}}\n  condition: {condition}\n"
        );
        let case = detect().file("rules/a.yml", NOTEPAD).file("rules/f.yml", filter).events(&[notepad()]);
        assert_eq!(rows(&case, &[]), ["NOTEPAD.exe,8.8.8.8,Notepad Talks"], "{condition}");
        case.run_on(&["--rules", "rules", "log.evtx"])
            .says(&["not loaded: rules/f.yml: F: ", "no detection has such a name"]);
    }
}

#[test]
fn correlations_of_values_and_of_rules_in_time_are_known_and_others_refused_by_name() {
    let values = correlation("value_count", "        field: DestinationIp\n        gte: 3\n");
    let events: Vec<Event> = (0..4_u64).map(|n| notepad().dest(&format!("9.9.9.{}", n / 2)).at(n)).collect();
    let case = |rule: &str, events: &[Event]| {
        detect().file("rules/a.yml", NOTEPAD).file("rules/b.yml", PORT).file("rules/c.yml", rule).events(events)
    };
    let dvc = ["--rule", "none", "--rules", "rules", "--group-by", "dvc", "log.evtx"];
    let rows = |ran: &Ran| ran.report().lines().filter(|line| line.contains("Many")).count();
    assert_eq!(rows(case(&values, &events).run_on(&dvc).exits(0)), 0);
    let mut more = events.clone();
    more.push(notepad().dest("9.9.9.9").at(9));
    assert_eq!(rows(case(&values, &more).run_on(&dvc).exits(0)), 1);

    let temporal = "title: Many\nid: x\ncorrelation:\n    type: temporal\n    rules: [11111111-aaaa-bbbb-cccc-000000000001, \
        11111111-aaaa-bbbb-cccc-000000000002]\n    group-by: [Computer]\n    timespan: 60s\n";
    let together = [notepad(), to_port(4444).at(30)];
    let apart = [notepad(), to_port(4444).at(300)];
    assert_eq!(rows(case(temporal, &together).run_on(&dvc).exits(0)), 1);
    assert_eq!(rows(case(temporal, &apart).run_on(&dvc).exits(0)), 0);

    let ordered = temporal.replace("type: temporal", "type: temporal_ordered");
    case(&ordered, &together)
        .run_on(&dvc)
        .says(&["not loaded: rules/c.yml: Many: a correlation of type temporal_ordered"]);
    let orphan = correlation("event_count", "        gte: 3\n").replace("000000000001", "00000000000f");
    case(&orphan, &together).run_on(&dvc).says(&["not loaded: rules/c.yml: Many: it is about the rule"]);
}

#[test]
fn events_have_a_row_for_each_rule_and_the_manifest_each_rules_hash() {
    let events = [notepad().with("DestinationPort", Value::U16(4444)), Event::connection().at(1)];
    let case = detect().file("rules/a.yml", NOTEPAD).file("rules/b.yml", PORT).events(&events);
    case.run_on(&["--rules", "rules", "-o", "r.csv", "--events", "e.csv", "--manifest", "m.json", "log.evtx"]).exits(0);
    let rows = case.read("e.csv");
    let titles: Vec<&str> = rows.lines().skip(1).map(|row| row.split(',').nth(27).unwrap()).collect();
    assert_eq!(titles, ["Notepad Talks", "Odd Port", "Detect Regsvcs with Network Connection"]);
    let manifest: serde_json::Value = serde_json::from_str(&fs::read_to_string(case.path("m.json")).unwrap()).unwrap();
    let rules = manifest["rule"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 3);
    assert!(rules.iter().all(|rule| rule["sha256"].as_str().unwrap().len() == 64));
}

#[test]
fn rules_are_listed_shown_and_checked() {
    let marks = format!("{}# \u{202e}backwards\n", nameless("Marks", "pad.exe"));
    let case = Case::new("rules").file("rules/a.yml", NOTEPAD).file("rules/b.yml", PORT).file("bad/c.yml", "x: [");
    let case = case.file("marks/m.yml", marks);
    let run = |args: &[&str]| Ran::new(case.command(args));
    let list = run(&["list", "--rules", "rules"]);
    assert_eq!(list.exits(0).report().lines().count(), 1 + 18 + 2);
    assert!(list.report().contains("11111111-aaaa-bbbb-cccc-000000000001  high           test"), "{}", list.report());
    let high = run(&["list", "--level", "high", "--rules", "rules"]);
    let titles = |ran: &Ran| ["Notepad Talks", "Odd Port"].map(|title| ran.report().contains(title));
    // They choose among the rules that are given, as they do for a run: the built-in ones are all there.
    assert_eq!((titles(high.exits(0)), high.report().lines().count()), ([true, false], 1 + 18 + 1));
    let experimental = run(&["list", "--status", "experimental", "--rules", "rules"]);
    assert_eq!((titles(experimental.exits(0)), experimental.report().lines().count()), ([false, true], 1 + 18 + 1));
    let excluding = run(&["list", "--exclude-rule", "Notepad Talks", "--rules", "rules"]);
    assert_eq!((titles(excluding.exits(0)), excluding.report().lines().count()), ([false, true], 1 + 18 + 1));
    run(&["list", "--exclude-rule", "LOLBAS With Network Traffic", "--rules", "rules"])
        .exits(2)
        .says(&["--exclude-rule \"LOLBAS With Network Traffic\": no rule in --rules has this id, title or file name"]);
    let none =
        "--rules rules: no Sigma rule (*.yml, *.yaml) in it, or none that --level, --status and --exclude-rule leave";
    run(&["list", "--level", "critical", "--rules", "rules"]).exits(2).reports(&[]).says(&[none]);
    for args in [["--level", "critical"], ["--status", "test"], ["--exclude-rule", "LOLBAS With Network Traffic"]] {
        let says = format!("{} without --rules: it is about Sigma rules of your own", args[0]);
        run(&[&["list"][..], &args].concat()).exits(2).reports(&[]).says(&[&says]);
    }
    for args in [&["list", "--rules", "no"][..], &["check", "no"]] {
        run(args).exits(2).reports(&[]).says(&["no: cannot be read: "]);
    }
    let case = case.file("empty/x.txt", "");
    let run = |args: &[&str]| Ran::new(case.command(args));
    for args in [&["list", "--rules", "empty"][..], &["check", "empty"]] {
        run(args).exits(2).reports(&[]).says(&["empty: no Sigma rule (*.yml, *.yaml) in it"]);
    }
    let shown = run(&["show", "Notepad Talks", "--rules", "rules"]);
    assert!(shown.exits(0).report().ends_with(NOTEPAD));
    assert!(run(&["show", "Marks", "--rules", "marks"]).exits(0).report().ends_with("\n# \\u{202e}backwards\n"));
    assert!(run(&["show", "regasm"]).exits(0).report().contains("process: regasm.exe"));
    run(&["show", "nothing"]).exits(2).says(&["netsift: \"nothing\" is not a rule that is loaded"]);
    let checked = run(&["check", "rules"]);
    assert!(checked.exits(0).report().contains("rules/a.yml: loaded: Notepad Talks\n"), "{}", checked.report());
    assert!(
        checked.report().contains("rules/b.yml: loaded: Odd Port (names no text to look for"),
        "{}",
        checked.report()
    );
    assert!(run(&["check", "bad"]).exits(3).report().contains("bad/c.yml: not loaded: "));
}

/// The folder of the public collection's rules, or nothing where it is not at hand.
pub fn collection() -> Option<Vec<(String, SigmaRule)>> {
    let folder = samples::samples()?.parent()?.join("sigma");
    let mut rules = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yml") {
            let text = fs::read_to_string(&path).unwrap();
            let parsed = rsigma_parser::parse_sigma_yaml(&text).unwrap();
            rules.extend(parsed.rules.into_iter().map(|rule| (text.clone(), rule)));
        }
    }
    rules.sort_by(|one, two| one.1.title.cmp(&two.1.title));
    Some(rules)
}

#[test]
fn every_rule_of_the_collection_is_loaded_or_named() {
    let Some(samples) = samples::samples() else { return };
    let sigma = samples.parent().unwrap().join("sigma");
    let case = connections().events(&[notepad()]);
    let ran = case.run_on(&["--rules", sigma.to_str().unwrap(), "log.evtx"]);
    ran.exits(0).says(&["rules     51 Sigma rules loaded"]);
    assert_eq!(ran.stderr().matches("not loaded: ").count(), 2, "{}", ran.stderr());
    assert_eq!(ran.stderr().matches("it needs the placeholder of ").count(), 2);
}

/// The fields of a connection that satisfies a rule, several ways; what must not hold is left to the fields' own values.
pub type Wanted = BTreeMap<String, Vec<(Vec<Modifier>, SigmaValue)>>;

fn of_condition(condition: &ConditionExpr, detections: &Detections) -> Vec<Wanted> {
    match condition {
        ConditionExpr::And(parts) => merged(parts.iter().map(|part| of_condition(part, detections))),
        ConditionExpr::Or(parts) => parts.iter().flat_map(|part| of_condition(part, detections)).collect(),
        ConditionExpr::Not(_) => vec![Wanted::new()],
        ConditionExpr::Identifier(name) => of_detection(&detections.named[name]),
        ConditionExpr::Selector { quantifier, pattern } => {
            let chosen: BTreeMap<_, _> =
                detections.named.iter().filter(|(name, _)| pattern.matches_detection_name(name)).collect();
            let parts = chosen.values().map(|detection| of_detection(detection));
            if *quantifier == Quantifier::All { merged(parts) } else { parts.flatten().collect() }
        }
    }
}

fn of_detection(detection: &Detection) -> Vec<Wanted> {
    match detection {
        Detection::AnyOf(parts) => parts.iter().flat_map(of_detection).collect(),
        Detection::And(parts) => merged(parts.iter().map(of_detection)),
        Detection::AllOf(items) => merged(items.iter().map(|item| {
            let name = item.field.name.clone().unwrap();
            let all = item.field.modifiers.contains(&Modifier::All);
            let of = |values: &[SigmaValue]| {
                let values = values.iter().map(|value| (item.field.modifiers.clone(), value.clone())).collect();
                Wanted::from([(name.clone(), values)])
            };
            if all { vec![of(&item.values)] } else { item.values.chunks(1).map(of).collect() }
        })),
        _ => Vec::new(),
    }
}

/// Every way of the first, with ways of the others in turn.
fn merged(parts: impl Iterator<Item = Vec<Wanted>>) -> Vec<Wanted> {
    parts.fold(vec![Wanted::new()], |all, ways| {
        let count = all.len().max(ways.len());
        let merge = |index: usize| {
            let mut one = all[index % all.len()].clone();
            for (field, values) in ways[index % ways.len()].clone() {
                one.entry(field).or_default().extend(values);
            }
            one
        };
        if ways.is_empty() { all } else { (0..count).map(merge).collect() }
    })
}

fn text(value: &SigmaValue) -> String {
    match value {
        SigmaValue::String(text) => text
            .parts
            .iter()
            .map(|part| match part {
                StringPart::Plain(text) => text.clone(),
                StringPart::Special(_) => "w".to_owned(),
            })
            .collect(),
        SigmaValue::Integer(number) => number.to_string(),
        SigmaValue::Bool(value) => value.to_string(),
        _ => String::new(),
    }
}

/// A connection with these fields, whose event tells its command line itself.
fn connection(wanted: &Wanted) -> Event {
    let neutral = Event::connection().image(r"C:\neutral\tool.exe").dest("9.9.9.9");
    let neutral = neutral.with("DestinationPort", Value::U16(8123)).with("CommandLine", "tool.exe --neutral");
    wanted.iter().fold(neutral, |event, (field, values)| {
        let (mut start, mut middle, mut end, mut whole) = (String::new(), String::new(), String::new(), None);
        for (modifiers, value) in values {
            let value = text(value);
            match modifiers.first() {
                Some(Modifier::StartsWith) => start = value,
                Some(Modifier::EndsWith) => end = value,
                Some(Modifier::Contains) => middle.push_str(&value),
                Some(Modifier::Cidr) => whole = value.split('/').next().map(str::to_owned),
                _ => whole = Some(value),
            }
        }
        let value = whole.unwrap_or_else(|| format!("{start}{middle}{end}"));
        match (field.as_str(), value.parse::<u16>(), value.as_str()) {
            ("DestinationPort" | "SourcePort", Ok(port), _) => event.with(field, Value::U16(port)),
            ("Initiated", _, flag @ ("true" | "false")) => event.with(field, Value::Bool(flag == "true")),
            _ => event.with(field, value.as_str()),
        }
    })
}

/// Ways to satisfy a rule.
pub fn ways(detections: &Detections) -> Vec<Wanted> {
    let ways = detections.conditions.first().map(|condition| of_condition(condition, detections));
    ways.unwrap_or_default().into_iter().take(12).collect()
}

/// Connections that satisfy a rule, those that miss by one field, and one that misses by all.
pub fn near_misses(ways: &[Wanted]) -> Vec<Event> {
    let mut events: Vec<Event> = ways.iter().map(connection).collect();
    for way in ways {
        for field in way.keys() {
            let mut less = way.clone();
            less.remove(field);
            events.push(connection(&less));
        }
    }
    events.push(connection(&Wanted::new()));
    events
}

#[test]
fn for_every_rule_the_prefilter_changes_no_verdict() {
    let Some(rules) = collection() else { return };
    let mut missed = Vec::new();
    for (text, rule) in rules {
        let events = near_misses(&ways(&rule.detection));
        // Chunks of their own, so that one does not bring the others with it.
        let mut log = evtx_writer::log(&events[..1]);
        for event in &events[1..] {
            log = log.with_trailing(&evtx_writer::log([event]).0[evtx_writer::HEADER..]);
        }
        log.0[42] = 0;
        let checksum = crc32fast::hash(&log.0[..120]);
        log.0[124..128].copy_from_slice(&checksum.to_le_bytes());
        let case =
            detect().file("rules/rule.yml", text).log("log.evtx", &log).args(["--rule", "none", "--rules", "rules"]);
        // Runs with the prefilter and without, and compares.
        let ran = case.run_on(&["--group-by", "app,dest,dest_ip,dest_port,direction", "log.evtx"]);
        if ran.stderr().contains("it needs the placeholder of ") {
            ran.exits(2);
            continue;
        }
        let found =
            ran.exits(0).report().lines().skip(1).map(|row| row.split(',').nth(5).unwrap().parse::<usize>().unwrap());
        let found = found.sum::<usize>();
        let is_loaded = ran.stderr().contains("1 Sigma rule loaded");
        if is_loaded && (found == 0 || found == events.len()) {
            missed.push(format!("{}: {found} of {}", rule.title, events.len()));
        }
    }
    assert!(missed.is_empty(), "none or all of the connections match:\n{}", missed.join("\n"));
}

#[test]
fn the_file_of_a_rule_is_read_and_not_changed() {
    let case = detect().file("rules/a.yml", NOTEPAD).events(&[notepad()]);
    case.run_on(&["--rules", "rules/a.yml", "log.evtx"]).exits(0);
    assert_eq!(fs::read_to_string(case.path("rules/a.yml")).unwrap(), NOTEPAD);
    assert!(Path::new(&case.path("log.evtx")).exists());
}

/// A rule without an id, for processes whose path ends so.
fn nameless(title: &str, end: &str) -> String {
    format!(
        "title: {title}\nlogsource: {{category: network_connection}}\ndetection: {{s: {{Image|endswith: '{end}'}}, condition: s}}\n"
    )
}

#[test]
fn rules_that_differ_are_all_applied_and_counted_for_themselves_whatever_they_share() {
    let same_title = [nameless("Same", "pad.exe"), nameless("Same", r"\notepad.exe")].join("---\n");
    let same_id = NOTEPAD.replace("notepad.exe", "other.exe");
    let case = detect()
        .file("rules/title.yml", same_title)
        .file("rules/a.yml", NOTEPAD)
        .file("rules/b.yml", same_id)
        .events(&[notepad(), to_port(80).at(1)]);
    let ran = case.run_on(&["--rules", "rules", "--group-by", "process_name", "log.evtx"]);
    let counts: Vec<&str> = ran.report().lines().skip(1).collect();
    let time = "2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z";
    let later = "2024-03-05T14:07:10.1234567Z,2024-03-05T14:07:10.1234567Z";
    let talks = "Notepad Talks,11111111-aaaa-bbbb-cccc-000000000001,high,T1105 command-and-control,The Author";
    assert_eq!(
        counts,
        [
            format!("NOTEPAD.exe,1,{time},{talks}"),
            format!("NOTEPAD.exe,1,{time},Same,,,,"),
            format!("NOTEPAD.exe,1,{time},Same,,,,"),
            format!("other.exe,1,{later},{talks}"),
        ]
    );
}

#[test]
fn a_rule_that_is_given_twice_is_applied_once() {
    let case = detect().file("rules/a.yml", nameless("Same", "pad.exe")).events(&[notepad()]);
    let ran = case.run_on(&["--rules", "rules", "--rules", "./rules/a.yml", "--group-by", "app", "log.evtx"]);
    assert_eq!(ran.says(&["1 Sigma rule loaded"]).report().lines().count(), 2, "{}", ran.report());
    let correlation = "title: Often\ncorrelation: {type: event_count, rules: [Same], timespan: 1h, group-by: [Image], condition: {gte: 2}}\n";
    let case = detect()
        .file("rules/a.yml", nameless("Same", "pad.exe"))
        .file("rules/b.yml", correlation)
        .file("rules/c.yml", correlation)
        .file("rules/d.yml", correlation.replace("gte: 2", "gte: 1"))
        .events(&[notepad(), notepad().at(1)]);
    let ran = case.run_on(&["--rules", "rules", "--group-by", "app", "log.evtx"]);
    ran.says(&["3 Sigma rules loaded", "2 hits in 2 groups"]);
}

#[test]
fn a_file_of_rules_costs_no_more_than_its_size() {
    let many: String =
        (0..2000).map(|number| "---\n".to_owned() + &nameless(&format!("R{number}"), "\\notepad.exe")).collect();
    let deep = format!("title: deep\ndetection: {{s: {}}}\n", "[".repeat(200_000));
    let large = "#".repeat((16 << 20) + 1);
    let case = detect().file("rules/many.yml", many).file("rules/deep.yml", deep).file("rules/large.yml", large);
    let started = std::time::Instant::now();
    let ran = Ran::new(Case::new("rules").file("none", "").command(&["check", case.path("rules").to_str().unwrap()]));
    // Twenty seconds on an idle machine. What grows faster than its size takes hours.
    assert!(started.elapsed().as_secs() < 600, "{:?}", started.elapsed());
    ran.exits(3);
    for part in [
        "not loaded: brackets are nested more than 1000 deep",
        "not loaded: it is larger than 16 MiB",
        "2000 loaded, 2 not loaded",
    ] {
        assert!(ran.report().contains(part), "{part}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_in_a_folder_of_rules_is_named_and_not_waited_for() {
    let case = detect().file("rules/a.yml", NOTEPAD).events(&[notepad()]);
    let pipe = case.path("rules/pipe.yml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    case.run_on(&["--rules", "rules", "log.evtx"]).exits(0).says(&["pipe.yml: it is not a regular file"]);
}

/// How many hits there are with a filter of NOTEPAD, and what is said.
fn filtered(rule: &str, filter: &str) -> (usize, String) {
    let filter = format!("title: F\nlogsource: {{category: network_connection}}\nfilter:\n{filter}");
    let events = [notepad(), notepad().with("DestinationPort", Value::U16(53)).at(1)];
    let case = detect().file("rules/a.yml", rule).file("rules/f.yml", filter).events(&events);
    let ran = case.run_on(&["--rules", "rules", "--rule", "none", "--group-by", "dest_port", "log.evtx"]);
    (ran.report().lines().count() - 1, ran.exits(0).stderr().to_owned())
}

#[test]
fn a_filter_leaves_out_what_it_says_and_nothing_else_however_conditions_are_written() {
    let named = NOTEPAD.replace("status: test", "status: test\nname: notepad_talks");
    let nameless = named.replace("id: 11111111-aaaa-bbbb-cccc-000000000001\n", "");
    let of = |condition: &str| NOTEPAD.replace("selection and not filter", condition);
    let id = "  rules: [11111111-aaaa-bbbb-cccc-000000000001]\n";
    let dns = "  selection: {DestinationPort: 53}\n  condition: not ";
    for (rule, filter) in [
        (NOTEPAD, format!("{id}{dns}selection")),
        (NOTEPAD, format!("{id}{dns}1 of selection*")),
        (NOTEPAD, format!("{id}{dns}all of them")),
        (NOTEPAD, format!("  rules: any\n{dns}1 of them")),
        (&of("selection and not 1 of f*"), format!("{id}{dns}selection")),
        (&of("1 of *"), format!("{id}{dns}selection")),
        (&of("all of sel*"), format!("{id}{dns}selection")),
        (&of("all of *").replace("10.0.0.0/8", "8.0.0.0/8"), format!("{id}{dns}selection")),
        (&named, format!("  rules: [notepad_talks]\n{dns}selection")),
        (&nameless, format!("  rules: [notepad_talks]\n{dns}selection")),
        (&nameless, format!("  rules: [Notepad Talks]\n{dns}selection")),
    ] {
        assert_eq!(filtered(rule, &filter).0, 1, "{rule}{filter}");
    }
    for filter in ["  s: {Image|re: '('}\n  condition: not s", "  s: {User: a}\n  condition: not t"] {
        let (hits, said) = filtered(NOTEPAD, &format!("{id}{filter}"));
        assert_eq!(hits, 2, "{filter}");
        assert!(said.contains("f.yml: ") && said.contains("not loaded: "), "{said}");
    }
}

#[test]
fn correlations_know_rules_by_id_name_and_title_and_a_broken_one_stops_nothing() {
    let base = nameless("Same", "pad.exe");
    let correlation = |rule: &str, more: &str| {
        format!(
            "title: Often\ncorrelation: {{type: event_count, rules: [{rule}], timespan: 1h, group-by: [Image], {more}}}\n"
        )
    };
    for (rule, name) in [
        (base.clone(), "Same"),
        (format!("name: other\n{base}"), "other"),
        (format!("id: 11111111-aaaa-bbbb-cccc-000000000003\n{base}"), "11111111-aaaa-bbbb-cccc-000000000003"),
    ] {
        let case = detect()
            .file("rules/a.yml", &rule)
            .file("rules/c.yml", correlation(name, "condition: {gte: 2}"))
            .events(&[notepad(), notepad().at(1)]);
        assert_eq!(rows(&case, &[]), ["NOTEPAD.exe,8.8.8.8,Often"], "{rule}");
    }
    let case = detect()
        .file("rules/a.yml", NOTEPAD)
        .file("rules/b.yml", correlation("nobody", "condition: {gte: 2}"))
        .file("rules/c.yml", correlation("Notepad Talks", "condition: Notepad Talks and Same"))
        .events(&[notepad()]);
    assert_eq!(rows(&case, &[]), ["NOTEPAD.exe,8.8.8.8,Notepad Talks"]);
}

/// A rule as a collection for converters has it: with the channel asked for too.
fn with_channel(rule: &str) -> String {
    let line = |line: &str| match line.split_once("condition: ") {
        Some((indent, condition)) => format!("{indent}condition: sysmon_channel and ({condition})\n"),
        None if line == "detection:" => {
            format!("{line}\n    sysmon_channel:\n        Channel: Microsoft-Windows-Sysmon/Operational\n")
        }
        None => format!("{line}\n"),
    };
    rule.lines().map(line).collect()
}

#[test]
fn every_rule_of_the_collection_finds_the_same_with_the_channel_asked_for() {
    let Some(rules) = collection() else { return };
    let mut events: Vec<Event> = Vec::new();
    let mut case = detect();
    for (number, (text, rule)) in rules.iter().enumerate() {
        events.extend(near_misses(&ways(&rule.detection)));
        let name = format!("{number:02}.yml");
        case = case.file(&format!("as-they-are/{name}"), text);
        case = case.file(&format!("with-channel/{name}"), with_channel(text));
    }
    let case = case.events(&events).args(["--rule", "none"]);
    let without = case.run_on(&["--rules", "as-they-are", "log.evtx"]);
    let with = case.run_on(&["--rules", "with-channel", "log.evtx"]);
    assert!(without.exits(0).report().lines().count() > 100);
    assert!(without.report() == with.exits(0).report());
}

#[test]
fn rules_see_every_member_of_system_by_each_of_its_names() {
    let names = [
        ("Channel", "Microsoft-Windows-Sysmon/Operational"),
        ("Provider_Name", "Microsoft-Windows-Sysmon"),
        ("ProviderName", "Microsoft-Windows-Sysmon"),
        ("Event.System.Provider_attributes.Name", "Microsoft-Windows-Sysmon"),
        ("Event.System.Provider.#attributes.Name", "Microsoft-Windows-Sysmon"),
        ("Provider_Guid", "'*5770385F-C22A-43E0-BF4C-06F5698FFBD9*'"),
        ("EventID", "3"),
        ("Event.System.EventID", "3"),
        ("Version", "5"),
        ("Level", "4"),
        ("Task", "3"),
        ("Opcode", "0"),
        ("Keywords", "'0x8000000000000000'"),
        ("EventRecordID", "77"),
        ("TimeCreated", "'2024-03-05T14:07:09.*'"),
        ("SystemTime", "'2024-03-05T14:07:09.*'"),
        ("Execution_ProcessID", "2044"),
        ("Execution_ThreadID", "3344"),
        ("UserID", "S-1-5-18"),
        ("Security_UserID", "S-1-5-18"),
        ("Computer", "WS01.corp.example"),
        ("ComputerName", "WS01.corp.example"),
        ("Event.EventData.Image", "'*\\regsvcs.exe'"),
    ];
    for (name, value) in names {
        // A correlation too: it sees what was kept of a connection.
        let rule = format!(
            "title: a\nname: a\nlogsource:\n  category: network_connection\n  product: windows\ndetection:\n  s:\n    {name}: \
             {value}\n  condition: s\n---\ntitle: one host\ncorrelation:\n  type: value_count\n  rules: [a]\n  group-by: [\
             {name}]\n  timespan: 1d\n  generate: true\n  condition:\n    field: {name}\n    gte: 1\n"
        );
        let mut seen = Event::connection();
        seen.record_id = Some(77);
        let case = detect().file("rule.yml", rule).events(&[seen]);
        let ran = case.run_on(&["--rule", "none", "--rules", "rule.yml", "--group-by", "dest_ip", "log.evtx"]);
        assert_eq!(ran.exits(0).report().lines().count(), 3, "{name}: {}\n{}", ran.report(), ran.stderr());
        assert!(!ran.stderr().contains("unknown field"), "{}", ran.stderr());
    }
}

#[test]
fn keywords_are_found_in_system_too_whatever_else_is_in_the_chunk() {
    let rule = |detection: &str| {
        format!("title: Words\nlogsource: {{category: network_connection}}\ndetection: {{{detection}}}\n")
    };
    let other = |number| notepad().on("OTHER").at(number);
    let together = vec![notepad().on("WS77.corp.example"), other(1)];
    // Those of another host are in chunks of their own.
    let apart = [(1..300).map(other).collect(), vec![notepad().on("WS77.corp.example").at(400)]].concat();
    for events in [&together, &apart] {
        for (detection, hits) in [
            ("k: [WS77], condition: k", 1),
            ("k: ['ws77.*.EXAMPLE'], condition: k", 1),
            ("k: {'|all': [WS77, notepad, Microsoft-Windows-Sysmon/Operational]}, condition: k", 1),
            ("k: {'|re': '^WS77[.]'}, condition: k", 1),
            ("k: [Microsoft-Windows-Sysmon], condition: k", events.len()),
            ("k: [OTHER], s: {Image|endswith: notepad.exe}, condition: s and not k", 1),
            ("k: [WS78], condition: k", 0),
        ] {
            let case = detect().file("rules/r.yml", rule(detection)).events(events);
            for more in [&[][..], &["--no-prefilter"]] {
                let args =
                    [&["--rule", "none", "--rules", "rules", "--format", "jsonl", "--group-by", "dvc"], more].concat();
                let ran = case.run_on(&[&args[..], &["log.evtx"]].concat());
                let count =
                    |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["count"].as_u64().unwrap();
                let found: u64 = ran.report().lines().map(count).sum();
                assert_eq!(found, hits as u64, "{detection}");
            }
        }
    }
}

#[test]
fn a_field_that_no_connection_has_is_said_wherever_rules_are() {
    let misspelt = nameless("Misspelt", "pad.exe").replace("Image|", "image|");
    let case = detect().file("bad/m.yml", &misspelt).file("good/a.yml", NOTEPAD).events(&[notepad()]);
    let what = "Misspelt: no connection has a field \"image\" (did you mean Image?)";
    let run = |args: &[&str]| Ran::new(case.another(args));
    let line = format!("bad/m.yml: unknown field: {what}\n");
    assert!(run(&["rules", "check", "good", "bad"]).exits(3).report().contains(&line));
    assert!(
        run(&["rules", "check", "good", "bad"]).report().contains("2 loaded, 0 not loaded, 1 field that no connection")
    );
    assert!(run(&["rules", "list", "--rules", "bad"]).exits(3).report().contains("unknown field: bad/m.yml: Misspelt"));
    case.run_on(&["--rules", "bad", "log.evtx"]).exits(0).says(&[&format!("unknown field: bad/m.yml: {what}")]);
    let quiet = case.run_on(&["--rules", "bad", "--quiet", "log.evtx"]);
    assert_eq!(quiet.exits(0).stderr(), format!("netsift: unknown field: bad/m.yml: {what}\n"));
    let strict = case.run_on(&["--rules", "bad", "--strict-rules", "log.evtx"]);
    strict.exits(1).says(&[&format!("netsift: bad/m.yml: the rule cannot be right: {what}")]);
}

#[test]
fn a_rule_with_a_value_that_no_connection_has_is_said_wherever_rules_are() {
    const VAIN: [(&str, &str); 6] = [
        ("Image: pad.exe", "Image \"pad.exe\": it is a whole path, and |endswith asks for \\NAME"),
        ("DestinationPort: 70000", "DestinationPort \"70000\": a port is a number up to 65535"),
        ("SourcePort: http", "SourcePort \"http\": a port is a number up to 65535"),
        ("DestinationIp: 10.0.0.0/8", "DestinationIp \"10.0.0.0/8\": it is an address, and |cidr asks for a network"),
        ("Initiated: 1", "Initiated \"1\": it is true or false"),
        ("ProcessId: abc", "ProcessId \"abc\": a process id is a number"),
    ];
    const POSSIBLE: [&str; 12] = [
        "Image|endswith: pad.exe",
        "Image: System",
        "Image: ['pad.exe', 'C:\\pad.exe']",
        "Image: '*.exe'",
        "DestinationPort: 443",
        "DestinationPort|gt: 1000",
        "DestinationIp: 8.8.8.8",
        "DestinationIp|cidr: 10.0.0.0/8",
        "SourceIp: 'fe80:0:0:0:0:0:0:1'",
        "DestinationIp: '-'",
        "Initiated: 'TRUE'",
        "Initiated: true",
    ];
    let rule = |selection: &str| {
        let detection = format!("{{s: {{{selection}}}, condition: s}}");
        format!("title: Vain\nlogsource: {{category: network_connection, product: windows}}\ndetection: {detection}\n")
    };
    for (selection, value) in VAIN {
        let what = format!("Vain: no connection has the {value}");
        let case = detect().file("bad/v.yml", rule(selection)).file("good/a.yml", NOTEPAD).events(&[notepad()]);
        let run = |args: &[&str]| Ran::new(case.another(args));
        let check = run(&["rules", "check", "good", "bad"]).exits(3).report().to_owned();
        assert!(check.contains(&format!("bad/v.yml: matches nothing: {what}\n")), "{check}");
        assert!(check.contains("2 loaded, 1 of which can match nothing, 0 not loaded"), "{check}");
        let list = run(&["rules", "list", "--rules", "bad"]).exits(3).report().to_owned();
        assert!(list.contains("matches nothing: bad/v.yml: Vain"), "{list}");
        let quiet = case.run_on(&["--rules", "bad", "--quiet", "log.evtx"]);
        assert_eq!(quiet.exits(0).stderr(), format!("netsift: matches nothing: bad/v.yml: {what}\n"));
        let strict = case.run_on(&["--rules", "bad", "--strict-rules", "log.evtx"]);
        strict.exits(1).says(&[&format!("netsift: bad/v.yml: the rule cannot be right: {what}")]);
    }
    for selection in POSSIBLE {
        let case = detect().file("good/v.yml", rule(selection)).events(&[notepad()]);
        let check = Ran::new(case.another(&["rules", "check", "good"]));
        assert!(!check.report().contains("nothing"), "{selection}: {}", check.report());
    }
}

#[test]
fn options_about_rules_that_do_nothing_are_refused() {
    let case = detect().file("rules/a.yml", NOTEPAD).events(&[notepad()]);
    for (args, message) in [
        (&["--rule", "none,regsvcs"][..], "--rule none,regsvcs: none means no rule at all: leave it out"),
        (&["--level", "high"], "--level without --rules: it is about Sigma rules of your own; give rules"),
        (&["--status", "test", "--rule", "all"], "--status without --rules: "),
        (&["--exclude-rule", "x"], "--exclude-rule without --rules: "),
        (&["--strict-rules"], "--strict-rules without --rules: "),
        (
            &["--rules", "rules", "--exclude-rule", "Notepad"],
            "--exclude-rule \"Notepad\": no rule in --rules has this id, title or file name",
        ),
        (&["--rule", "lolbas", "--public"], "--public: none of the applied rules uses a built-in list of networks"),
        (
            &["--rule", "none", "--rules", "rules", "--exclusions", "splunk"],
            "--exclusions splunk: none of the applied rules uses a built-in list of networks",
        ),
    ] {
        case.run_on(&[args, &["log.evtx"]].concat()).exits(2).reports(&[]).says(&["netsift: ", message]);
    }
    for args in [
        &["--rules", "rules", "--public"][..],
        &["--rule", "none", "--rules", "rules", "--exclusions", "none"],
        &["--rules", "rules", "--level", "low", "--strict-rules"],
    ] {
        case.run_on(&[args, &["log.evtx"]].concat()).exits(0);
    }
}

#[test]
fn names_that_take_the_place_of_rules_and_have_no_hit_are_said() {
    let case = detect().file("rules/a.yml", NOTEPAD).events(&[notepad(), Event::connection().image("met.exe")]);
    let replaced = |name: &str| {
        format!(
            "--process {name}: replaces regasm.exe and regsvcs.exe, so --rule regasm and regsvcs find nothing of their own"
        )
    };
    for quiet in [&[][..], &["-q"]] {
        let run = |args: &[&str]| case.run_on(&[args, quiet, &["log.evtx"]].concat());
        run(&["--rule", "all", "--process", "foo.exe"]).exits(0).says(&[&replaced("foo.exe"), "foo.exe: no hits"]);
        let met = run(&["--rule", "all", "--process", "met.exe"]);
        met.exits(0).says(&[&replaced("met.exe")]).does_not_say(": no hits");
        run(&["--rules", "rules", "--process", "foo.exe"]).exits(0).says(&["--process foo.exe: no hits"]);
        run(&["--process", "foo.exe"]).exits(0).does_not_say("in place of");
    }
}
