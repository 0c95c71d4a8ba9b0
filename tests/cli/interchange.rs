//! Events in the formats of other tools, and the Community ID by which those know the same flow.

use std::{collections::BTreeSet, fs, net::IpAddr};

use serde_json::{Value as Json, json};

use crate::{
    case::{Case, Ran, connections, detect},
    evtx_writer::{Event, Value},
    mmdb_writer,
};

const FORMATS: [&str; 4] = ["csv", "jsonl", "timesketch", "ecs"];
/// Of [`Event::connection`], by Corelight's `communityid` 1.5.0.
const ID: &str = "1:njsmcAAkGtqJstj4mqouBgRk51k=";

const RULE: &str = "title: To Port 443
id: 11111111-aaaa-bbbb-cccc-000000000002
author: A. Author, B. Author
level: high
tags: [attack.command-and-control, attack.t1071.001, attack.g0007]
logsource: {product: windows, category: network_connection}
detection: {selection: {Initiated: 'true'}, condition: selection}
";

/// What the fields that are written are, by `generated/csv/fields.csv` of the Elastic Common Schema 9.4.0: a type, and `[]` where values
/// are listed ("array" in its column for normalization). Which values the last four take is in `schemas/event.yml` and
/// `schemas/network.yml`.
const ECS: [(&str, &str); 67] = [
    ("@timestamp", "date"),
    ("message", "keyword"),
    ("tags", "keyword[]"),
    ("ecs.version", "keyword"),
    ("event.action", "keyword"),
    ("event.code", "keyword"),
    ("event.id", "keyword"),
    ("event.provider", "keyword"),
    ("event.start", "date"),
    ("host.name", "keyword"),
    ("host.os.type", "keyword"),
    ("user.domain", "keyword"),
    ("user.name", "keyword"),
    ("network.community_id", "keyword"),
    ("network.iana_number", "keyword"),
    ("network.transport", "keyword"),
    ("network.type", "keyword"),
    ("source.address", "keyword"),
    ("source.domain", "keyword"),
    ("source.ip", "ip"),
    ("source.port", "long"),
    ("destination.address", "keyword"),
    ("destination.domain", "keyword"),
    ("destination.ip", "ip"),
    ("destination.port", "long"),
    ("destination.as.number", "long"),
    ("destination.as.organization.name", "keyword"),
    ("destination.geo.country_iso_code", "keyword"),
    ("process.command_line", "keyword"),
    ("process.end", "date"),
    ("process.entity_id", "keyword"),
    ("process.executable", "keyword"),
    ("process.hash.md5", "keyword"),
    ("process.hash.sha1", "keyword"),
    ("process.hash.sha256", "keyword"),
    ("process.name", "keyword"),
    ("process.parent.command_line", "keyword"),
    ("process.parent.entity_id", "keyword"),
    ("process.parent.executable", "keyword"),
    ("process.parent.name", "keyword"),
    ("process.parent.pid", "long"),
    ("process.pe.imphash", "keyword"),
    ("process.pe.original_file_name", "keyword"),
    ("process.pid", "long"),
    ("process.start", "date"),
    ("rule.author", "keyword[]"),
    ("rule.id", "keyword"),
    ("rule.name", "keyword"),
    ("threat.framework", "keyword"),
    ("threat.tactic.name", "keyword[]"),
    ("threat.technique.id", "keyword[]"),
    ("threat.technique.subtechnique.id", "keyword[]"),
    ("dns.question.name", "keyword"),
    ("log.file.path", "keyword"),
    ("related.hash", "keyword[]"),
    ("related.hosts", "keyword[]"),
    ("related.ip", "ip[]"),
    ("related.user", "keyword[]"),
    // The tool's own.
    ("netsift.chunk", "long"),
    ("netsift.offset", "long"),
    ("netsift.recovered", "boolean"),
    ("netsift.*", "keyword"),
    // With the values that they take.
    ("event.category", "network[]"),
    ("event.kind", "event alert"),
    ("event.type", "connection start allowed denied[]"),
    ("network.direction", "ingress egress"),
    ("network.protocol", ""),
];

fn guid(text: &str) -> Value {
    Value::Guid(text.to_owned())
}

const PROCESS: &str = "6820d070-264c-65e7-0000-000000000001";
const PARENT: &str = "6820d070-2628-65e7-0000-000000000002";

/// A connection with all that can be known of one, and one of which little is, and that in odd shapes.
fn events() -> [Event; 4] {
    let connection = Event::connection()
        .with("ProcessGuid", guid(PROCESS))
        .with("DestinationHostname", "c2.example.net")
        .with("RuleName", "Usermode");
    let hashes = format!("MD5={},SHA256={},IMPHASH={}", "0A".repeat(16), "1B".repeat(32), "2C".repeat(16));
    let created = Event::sysmon(1, 5)
        .with("UtcTime", "2024-03-05 14:05:00.123")
        .with("ProcessGuid", guid(PROCESS))
        .with("ProcessId", Value::U32(4321))
        .with("Image", r"C:\Temp\regsvcs.exe")
        .with("OriginalFileName", "RegSvcs.exe")
        .with("CommandLine", "regsvcs.exe /u \"a b\"")
        .with("IntegrityLevel", "High")
        .with("Hashes", &*hashes)
        .with("ParentProcessGuid", guid(PARENT))
        .with("ParentProcessId", Value::U32(99))
        .with("ParentImage", r"C:\Windows\powershell.exe")
        .with("ParentCommandLine", "powershell.exe -x");
    let query = Event::sysmon(22, 5)
        .with("UtcTime", "2024-03-05 14:07:01.000")
        .with("ProcessGuid", guid(PROCESS))
        .with("QueryName", "asked.example")
        .with("QueryResults", "::ffff:8.8.8.8;");
    let odd = Event::connection()
        .with("Initiated", Value::Bool(false))
        .with("SourceIp", "not an address")
        .with("SourceHostname", "-")
        .with("SourcePort", "0443")
        .with("DestinationPort", "=1+1")
        .with("ProcessId", "x")
        .with("User", r"\alice")
        .with("UtcTime", "a while ago")
        .with("Protocol", "47")
        .at(1);
    [connection, created, query, odd]
}

fn all(case: Case) -> Case {
    let network = mmdb_writer::maxmind(15169, "GOOGLE", "US");
    case.events(&events())
        .file("rules/to443.yml", RULE)
        .file("c2.txt", "8.8.8.8")
        .file("as.mmdb", mmdb_writer::database(&[("8.8.8.0", 24, network)]))
        .args(["--rules", "rules", "--context", "--group-by", "dvc", "--watchlist", "c2.txt", "--geoip", "as.mmdb"])
}

/// What is written as events in this format.
#[track_caller]
fn written(case: &Case, format: &str, more: &[&str]) -> String {
    let args = ["--force", "--events", "events.log", "--events-format", format];
    Ran::new(case.command(&[&args, more, &["log.evtx"]].concat())).exits(0);
    fs::read_to_string(case.path("events.log")).unwrap()
}

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The documents behind the actions.
#[track_caller]
fn documents(text: &str) -> Vec<Json> {
    let lines = lines(text);
    assert!(text.ends_with('\n') && lines.iter().step_by(2).all(|action| *action == json!({"create": {}})), "{text}");
    lines.into_iter().skip(1).step_by(2).collect()
}

/// The rows of CSV, by their columns.
fn rows(text: &str) -> Vec<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let pairs = |row: csv::StringRecord| names.iter().map(str::to_owned).zip(row.iter().map(str::to_owned)).collect();
    reader.records().map(|row| pairs(row.unwrap())).collect()
}

/// The text of a value, as CSV has it.
fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The values in a document, by their dotted names.
fn leaves(value: &Json, name: &str, found: &mut Vec<(String, Json)>) {
    match value {
        Json::Object(members) => {
            for (member, value) in members {
                leaves(value, &if name.is_empty() { member.clone() } else { format!("{name}.{member}") }, found);
            }
        }
        value => found.push((name.to_owned(), value.clone())),
    }
}

#[test]
fn json_lines_have_the_columns_of_the_csv_and_the_community_id() {
    let case = all(detect());
    let csv = rows(&written(&case, "csv", &["--raw-cells", "--exclusions", "none"]));
    let jsonl = written(&case, "jsonl", &["--exclusions", "none"]);
    assert_eq!(csv.len(), 3);
    for (row, (object, line)) in csv.iter().zip(lines(&jsonl).iter().zip(jsonl.lines())) {
        for (name, value) in row {
            assert_eq!(text(&object[name]), *value, "{name}");
        }
        assert_eq!(object.as_object().unwrap().len(), row.len() + 1);
        // In the order of the columns.
        let places: Vec<usize> = row.iter().map(|(name, _)| line.find(&format!("\"{name}\":")).unwrap()).collect();
        assert!(places.is_sorted(), "{line}");
    }
    let first = &lines(&jsonl)[0];
    for (name, value) in [
        ("dest_port", json!(443)),
        ("process_id", json!(4321)),
        ("record_id", json!(1)),
        ("recovered", json!(false)),
        ("parent_process_id", json!("99")),
        ("community_id", json!(ID)),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    let odd = &lines(&jsonl)[2];
    for (name, value) in [("src_port", json!("0443")), ("community_id", json!(null)), ("dest_port", json!("=1+1"))] {
        assert_eq!(odd[name], value, "{name}");
    }
}

#[test]
fn timesketch_gets_what_it_asks_for_in_types_that_stay() {
    let case = all(detect());
    let csv = rows(&written(&case, "csv", &["--raw-cells", "--exclusions", "none"]));
    let events = lines(&written(&case, "timesketch", &["--exclusions", "none", "--time-format", "excel"]));
    let first = &events[0];
    for (name, value) in [
        (
            "message",
            json!(
                r"WS01.corp.example: RegSvcs.exe (4321) connected to c2.example.net (8.8.8.8) port 443 over tcp as CORP\alice"
            ),
        ),
        ("datetime", json!("2024-03-05T14:07:09.123456+00:00")),
        ("timestamp", json!(1_709_647_629_123_456_i64)),
        ("timestamp_desc", json!("Event Logged")),
        ("data_type", json!("windows:evtx:record")),
        ("source_name", json!("Microsoft-Windows-Sysmon")),
        ("event_identifier", json!(3)),
        ("computer_name", json!("WS01.corp.example")),
        ("time", json!("2024-03-05T14:07:09.1234567Z")),
        ("dest_port", json!(443)),
        ("process", json!("regsvcs.exe /u \"a b\"")),
        ("community_id", json!(ID)),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    for (row, event) in csv.iter().zip(&events) {
        assert!(event.as_object().unwrap().values().all(|value| !value.is_null()));
        for (name, value) in row {
            let place = if event[name].is_null() { format!("{name}_text") } else { name.clone() };
            assert_eq!(text(&event[&place]), *value, "{name}");
            let is_number =
                ["_port", "process_id", "record_id", "chunk", "offset", "_asn"].iter().any(|end| name.ends_with(end));
            let is_number = is_number && name != "parent_process_id";
            assert!(event[name].is_null() || event[name].is_number() == is_number, "{name} {event}");
        }
    }
    assert_eq!(events[2]["src_port_text"], "0443");
    let by_utc = lines(&written(&case, "timesketch", &["--clock", "utc"]));
    assert_eq!(by_utc[0]["timestamp_desc"], "Connection Time");
}

/// An export of a connection that was logged at this time.
fn exported(time: &str) -> String {
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>\
         <Provider Name='Microsoft-Windows-Sysmon'/><EventID>3</EventID><TimeCreated SystemTime='{time}'/>\
         <EventRecordID>7</EventRecordID><Computer>WS01</Computer></System><EventData>\
         <Data Name='Image'>C:\\regsvcs.exe</Data><Data Name='DestinationIp'>8.8.8.8</Data></EventData></Event>\n"
    )
}

#[test]
fn a_time_that_is_not_stated_is_said_and_stops_no_import() {
    let case = connections().file("log.xml", exported("whenever"));
    let written = |format: &str| {
        let args = ["--force", "-o", "r.csv", "--events", "events.log", "--events-format", format, "log.xml"];
        Ran::new(case.command(&args)).exits(3).says(&["the connection's time \"whenever\" cannot be read"]);
        fs::read_to_string(case.path("events.log")).unwrap()
    };
    let event = &lines(&written("timesketch"))[0];
    assert_eq!((&event["time"], &event["datetime"]), (&Json::Null, &json!("1970-01-01T00:00:00.000000+00:00")));
    assert_eq!((&event["timestamp"], &event["timestamp_desc"]), (&json!(0), &json!("Not a time")));
    let document = &documents(&written("ecs"))[0];
    assert_eq!(document["@timestamp"], "1970-01-01T00:00:00.0000000Z");
    assert_eq!(document["tags"], json!(["time_not_stated"]));
    assert_eq!(lines(&written("jsonl"))[0]["time"], Json::Null);
}

#[test]
fn times_before_1970_are_cut_off_like_all_others() {
    for (time, datetime, microseconds) in [
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999+00:00", -1_i64),
        ("1601-01-01T00:00:00.0000001Z", "1601-01-01T00:00:00.000000+00:00", -11_644_473_600_000_000),
        // Python has no year 0.
        ("0000-06-01T00:00:00.0000000Z", "1970-01-01T00:00:00.000000+00:00", 0),
    ] {
        let case = connections().file("log.xml", exported(time));
        let args = ["--force", "-o", "r.csv", "--events", "e.jsonl", "--events-format", "timesketch", "log.xml"];
        Ran::new(case.command(&args)).exits(0);
        let event = &lines(&fs::read_to_string(case.path("e.jsonl")).unwrap())[0];
        assert_eq!((&event["time"], &event["datetime"]), (&json!(time), &json!(datetime)));
        assert_eq!(event["timestamp"], json!(microseconds), "{time}");
    }
}

#[test]
fn ecs_documents_have_the_fields_of_the_schema() {
    let document = &documents(&written(&all(detect()), "ecs", &["--rule", "none"]))[0];
    let hash = |digits: &str, count| json!(digits.repeat(count));
    let expected = json!({
        "@timestamp": "2024-03-05T14:07:09.1234567Z",
        "message": r"WS01.corp.example: RegSvcs.exe (4321) connected to c2.example.net (8.8.8.8) port 443 over tcp as CORP\alice",
        "ecs": {"version": "9.4.0"},
        "event": {
            "action": "allowed", "category": ["network"], "code": "3", "id": "1", "kind": "alert",
            "provider": "Microsoft-Windows-Sysmon", "start": "2024-03-05T14:07:05.0010000Z",
            "type": ["connection", "start", "allowed"],
        },
        "host": {"name": "WS01.corp.example", "os": {"type": "windows"}},
        "user": {"domain": "CORP", "name": "alice"},
        "network": {
            "community_id": ID, "direction": "egress", "iana_number": "6", "transport": "tcp", "type": "ipv4",
        },
        "source": {"address": "WS01.corp.example", "domain": "WS01.corp.example", "ip": "10.1.2.3", "port": 50123},
        "destination": {
            "address": "c2.example.net", "domain": "c2.example.net", "ip": "8.8.8.8", "port": 443,
            "as": {"number": 15169, "organization": {"name": "GOOGLE"}}, "geo": {"country_iso_code": "US"},
        },
        "process": {
            "command_line": "regsvcs.exe /u \"a b\"",
            "entity_id": format!("{{{}}}", PROCESS.to_uppercase()),
            "executable": r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe",
            "hash": {"md5": hash("0a", 16), "sha256": hash("1b", 32)},
            "name": "RegSvcs.exe",
            "parent": {
                "command_line": "powershell.exe -x", "entity_id": format!("{{{}}}", PARENT.to_uppercase()),
                "executable": r"C:\Windows\powershell.exe", "name": "powershell.exe", "pid": 99,
            },
            "pe": {"imphash": hash("2c", 16), "original_file_name": "RegSvcs.exe"},
            "pid": 4321,
            "start": "2024-03-05T14:05:00.1230000Z",
        },
        "rule": {
            "author": ["A. Author, B. Author"], "id": "11111111-aaaa-bbbb-cccc-000000000002", "name": "To Port 443",
        },
        "threat": {
            "framework": "MITRE ATT&CK",
            "tactic": {"name": ["Command and Control"]},
            "technique": {"id": ["T1071"], "subtechnique": {"id": ["T1071.001"]}},
        },
        "dns": {"question": {"name": "asked.example"}},
        "log": {"file": {"path": "log.evtx"}},
        "related": {
            "hash": [hash("0a", 16), hash("1b", 32)],
            "hosts": ["WS01.corp.example", "c2.example.net", "asked.example"],
            "ip": ["10.1.2.3", "8.8.8.8"],
            "user": ["alice"],
        },
        "netsift": {
            "process_integrity_level": "High", "ancestry": "powershell.exe > regsvcs.exe", "context": "own",
            "rule_level": "high", "mitre_attack": "T1071.001 G0007 command-and-control",
            "chunk": 0, "offset": document["netsift"]["offset"], "recovered": false, "rule_name": "Usermode",
            "remote": "c2.example.net", "remote_ip": "8.8.8.8", "remote_port": "443", "local_ip": "10.1.2.3",
            "local_port": "50123", "watchlist": "c2",
        },
    });
    assert_eq!(*document, expected, "{document:#}");
}

#[test]
fn ecs_fields_are_of_their_types_and_nothing_that_the_csv_has_is_lost() {
    let case = all(detect()).args(["--exclusions", "none"]);
    let csv = rows(&written(&case, "csv", &["--raw-cells"]));
    let ecs = written(&case, "ecs", &[]);
    // No object has a member twice, which parsers pass over.
    for line in ecs.lines() {
        let parsed: Json = serde_json::from_str(line).unwrap();
        assert_eq!(parsed.to_string().len(), line.len(), "{line}");
    }
    let documents = documents(&ecs);
    assert_eq!((csv.len(), documents.len()), (3, 3));
    for (row, document) in csv.iter().zip(&documents) {
        let mut found = Vec::new();
        leaves(document, "", &mut found);
        for (name, value) in &found {
            let own = name.strip_prefix("netsift.").map(|_| "netsift.*");
            let known =
                ECS.iter().find(|(field, _)| field == name).or(ECS.iter().find(|(field, _)| Some(*field) == own));
            let (_, kind) = known.unwrap_or_else(|| panic!("{name} is no field that was looked up"));
            let (kind, values) = match kind.strip_suffix("[]") {
                Some(kind) => (kind, value.as_array().unwrap().clone()),
                None => (*kind, vec![value.clone()]),
            };
            assert!(values.iter().all(|value| is_of(kind, value)), "{name}: {value} is no {kind}");
        }
        let each = |value: &Json| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let values: BTreeSet<String> =
            found.iter().flat_map(|(_, value)| each(value)).map(|value| text(&value)).collect();
        let user = format!("{}\\{}", text(&document["user"]["domain"]), text(&document["user"]["name"]));
        let translated = [
            ("protocol", "ip"),
            ("vendor_product", "Microsoft Sysmon"),
            ("direction", "outbound"),
            ("direction", "inbound"),
            ("user", &user),
            ("utc_time", "2024-03-05 14:07:05.001"),
        ];
        for (name, value) in row {
            let is_hash = name == "process_hash" && value.starts_with("MD5=");
            let is_known = value.is_empty() || is_hash || translated.contains(&(name, value)) || values.contains(value);
            assert!(is_known, "{name} {value:?} is not in {document:#}");
        }
    }
    let odd = &documents[2];
    assert_eq!(odd["user"], json!({"name": r"\alice"}));
    assert_eq!(odd["network"], json!({"direction": "ingress", "iana_number": "47", "type": "ipv4"}));
    assert_eq!(odd["source"], json!({"address": "not an address"}));
    assert_eq!(odd["netsift"]["src_ip"], "not an address");
    assert_eq!(odd["netsift"]["dest_port"], "=1+1");
    assert_eq!(odd["netsift"]["utc_time"], "a while ago");
}

/// Whether a value is of a type, or one of the values that a field takes.
fn is_of(kind: &str, value: &Json) -> bool {
    match kind {
        "keyword" => value.is_string(),
        "long" => value.is_i64(),
        "boolean" => value.is_boolean(),
        "ip" => value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok()),
        "date" => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        values => values.split(' ').any(|allowed| value == allowed),
    }
}

#[test]
fn events_of_the_security_log_are_called_what_they_are() {
    let blocked = Event {
        provider: "Microsoft-Windows-Security-Auditing".to_owned(),
        channel: "Security".to_owned(),
        ..Event::sysmon(5157, 0)
    };
    let blocked = blocked
        .with("ProcessID", Value::U64(4321))
        .with("Application", r"\device\harddiskvolume3\regsvcs.exe")
        .with("Direction", "%%14593")
        .with("SourceAddress", "10.1.2.3")
        .with("SourcePort", "50123")
        .with("DestAddress", "8.8.8.8")
        .with("DestPort", "443")
        .with("Protocol", Value::U32(6));
    let case = connections().events(&[blocked]).args(["--source", "security"]);
    let document = &documents(&written(&case, "ecs", &[]))[0];
    assert_eq!(document["event"]["type"], json!(["connection", "denied"]));
    assert_eq!(document["event"]["code"], "5157");
    assert_eq!(document["event"]["provider"], "Microsoft-Windows-Security-Auditing");
    assert_eq!(document["network"]["community_id"], ID);
    let event = &lines(&written(&case, "timesketch", &[]))[0];
    assert_eq!((&event["event_identifier"], &event["source_name"]), (&json!(5157), &document["event"]["provider"]));
    assert!(event["message"].as_str().unwrap().contains("was kept from connecting to 8.8.8.8 port 443 over tcp"));
}

#[test]
fn events_are_the_same_by_any_reading_and_of_merged_partials() {
    // What takes other logs to tell has to fit into memory.
    let all = (all(detect()).args(["--exclusions", "none"]), &["--dedup"][..]);
    let plain = connections().events(&events());
    for format in FORMATS {
        let memory = if ["csv", "jsonl"].contains(&format) { "1" } else { "64KiB" };
        for (case, more) in [(&all.0, all.1), (&plain, &["--max-memory", memory])] {
            let whole = written(case, format, &[]);
            assert!(whole.lines().count() > 1);
            for slow in [&["--threads", "1"][..], &["--no-prefilter"], more] {
                assert!(written(case, format, slow) == whole, "{format} {slow:?}");
            }
            written(case, format, &["--partial-events", "--partial", "part.parquet"]);
            let args =
                ["merge", "--force", "-o", "r.csv", "--events", "m.log", "--events-format", format, "part.parquet"];
            let labels = ["--watchlist", "c2.txt", "--geoip", "as.mmdb"];
            let labels = if case.path("c2.txt").exists() { &labels[..] } else { &[] };
            Ran::new(case.another(&[&args[..], labels].concat())).exits(0);
            assert!(fs::read_to_string(case.path("m.log")).unwrap() == whole, "{format}");
        }
    }
}

#[test]
fn the_ending_chooses_the_format_and_what_makes_no_sense_is_refused() {
    let case = connections().events(&[Event::connection()]);
    let start = |args: &[&str]| {
        let name = args[1];
        Ran::new(case.command(&[&["--force", "-o", "r.csv"], args, &["log.evtx"]].concat())).exits(0);
        case.read(name).chars().take(9).collect::<String>()
    };
    for (args, expected) in [
        (&["--events", "e.csv"][..], "action,ap"),
        (&["--events", "e.log"], "action,ap"),
        (&["--events", "e.JSONL"], r#"{"action""#),
        (&["--events", "e.ndjson"], r#"{"action""#),
        (&["--events", "e.log", "--events-format", "jsonl"], r#"{"action""#),
        (&["--events", "e.jsonl", "--events-format", "timesketch"], r#"{"message"#),
        (&["--events", "e.ndjson", "--events-format", "ecs"], r#"{"create""#),
        // The mark is of the report then.
        (&["--events", "e.jsonl", "--bom"], r#"{"action""#),
    ] {
        assert_eq!(start(args), expected, "{args:?}");
    }
    let ran = Ran::new(case.command(&["-o", "s.csv", "--events", "-", "--events-format", "ecs", "log.evtx"]));
    assert_eq!(documents(ran.exits(0).report()).len(), 1);
    for (args, message) in [
        (
            &["--events", "e.csv", "--events-format", "jsonl"][..],
            "netsift: --events e.csv with --events-format jsonl: the name says another format; leave --events-format out, or give \
             another name, for example events.jsonl",
        ),
        (&["--events", "e.ndjson", "--events-format", "timesketch"], "for example events.jsonl"),
        (&["--events", "e.jsonl", "--events-format", "csv"], "or give another name, for example events.csv"),
        (
            &["--events", "e.parquet"],
            "netsift: --events e.parquet: the name says parquet, which is not a format of events: give a name such as events.csv or \
             events.jsonl",
        ),
        (&["--events", "e.txt", "--events-format", "ecs"], "--events e.txt: the name says table"),
        (&["--beacons", "e.jsonl"], "--beacons e.jsonl: it is not written as jsonl: beacons are CSV"),
        (&["--events", "e", "--events-format", "elastic"], "[possible values: csv, jsonl, timesketch, ecs]"),
        (&["--events-format", "ecs"], "--events-format without --events: it does nothing"),
    ] {
        for quiet in [&[][..], &["--quiet"]] {
            Ran::new(case.command(&[args, quiet, &["log.evtx"]].concat())).exits(2).says(&[message]);
        }
    }
}

#[test]
fn the_manifest_has_the_format_of_the_events() {
    let case = connections().events(&[Event::connection()]);
    for format in FORMATS {
        written(&case, format, &["--manifest", "m.json"]);
        let manifest: Json = serde_json::from_slice(&fs::read(case.path("m.json")).unwrap()).unwrap();
        assert_eq!((&manifest["events"]["format"], &manifest["events"]["rows"]), (&json!(format), &json!(1)));
        assert!(manifest["report"].get("format").is_none());
    }
}

/// Two ends of one flow, each as its host logged it, and a flow that has no id.
fn flows() -> [Event; 3] {
    let there = Event::connection();
    let back = Event::connection()
        .on("DNS.example")
        .with("Initiated", Value::Bool(false))
        .with("SourceIp", "8.8.8.8")
        .with("SourcePort", Value::U16(443))
        .dest("10.1.2.3")
        .with("DestinationPort", Value::U16(50123))
        .at(1);
    [there, back, Event::connection().without("DestinationPort").at(2)]
}

#[test]
fn both_ends_of_a_flow_are_one_group_by_its_community_id() {
    let expected = [
        "community_id,count,firstTime,lastTime",
        &format!("{ID},2,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:10.1234567Z"),
        ",1,2024-03-05T14:07:11.1234567Z,2024-03-05T14:07:11.1234567Z",
    ];
    let case = || connections().events(&flows());
    for name in ["community_id", "Community-ID"] {
        case().args(["--group-by", name]).run().exits(0).reports(&expected);
    }
    // Read by values and by events, kept first and grouped later, spilled, and with what takes other logs to tell.
    for more in [&["--dedup"][..], &["--max-memory", "1"], &["--recover"], &["--remote", "*"], &["--events", "e.csv"]] {
        case()
            .args(["--group-by", "community_id", "--force"])
            .args(more.iter().copied())
            .run()
            .exits(0)
            .reports(&expected);
    }
    let page = case().args(["--group-by", "community_id,dvc", "--html", "page.html", "--force"]);
    Ran::new(page.command(&["log.evtx"])).exits(0);
    assert!(fs::read_to_string(page.path("page.html")).unwrap().contains(ID));
}

#[test]
fn merged_partials_have_the_community_id_of_one_scan() {
    for rows in [&[][..], &["--partial-events"], &["--partial-events", "--dedup"]] {
        let case = connections().events(&flows()).args(["--group-by", "dvc,community_id"]);
        let whole = Ran::new(case.command(&[&["--partial", "part.parquet"], rows, &["log.evtx"]].concat()));
        let merged = Ran::new(case.another(&["merge", "part.parquet"]));
        assert_eq!(merged.exits(0).report(), whole.exits(0).report());
        let coarser = Ran::new(case.another(&["merge", "--group-by", "community_id", "part.parquet"]));
        assert!(coarser.exits(0).report().contains(&format!("\n{ID},2,")), "{}", coarser.report());
    }
}

#[test]
fn events_in_csv_have_the_community_id_where_it_was_asked_for() {
    let case = connections().events(&flows());
    let plain = written(&case, "csv", &[]);
    let grouped = written(&case, "csv", &["--group-by", "dvc,community_id"]);
    let stripped =
        grouped.replace(&format!(",{ID}\n"), "\n").replace(",community_id\n", "\n").replace("false,\n", "false\n");
    assert!(grouped.contains(&format!(",false,{ID}\n")), "{grouped}");
    assert_eq!(stripped, plain);
}

#[test]
fn for_the_number_of_a_protocol_only_what_is_written_as_one_is_taken() {
    for (protocol, network) in [
        ("47", json!({"direction": "egress", "iana_number": "47", "type": "ipv4"})),
        ("+6", json!({"direction": "egress", "transport": "+6", "type": "ipv4"})),
        ("06", json!({"direction": "egress", "transport": "06", "type": "ipv4"})),
    ] {
        let case = detect().events(&[Event::connection().with("Protocol", protocol)]);
        assert_eq!(documents(&written(&case, "ecs", &[]))[0]["network"], network);
    }
}
