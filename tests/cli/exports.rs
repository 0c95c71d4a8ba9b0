//! Events that were exported as XML or JSON lines: the same report as of the log that they are from.

use std::{borrow::Cow, fs, path::Path};

use netsift::inside::{
    chunk,
    decoder::{Carving, Decoder},
    event::Event as Decoded,
};
use serde_json::{Map, Value, json};

use crate::{
    archive_writer::{bzip2, deflated, gzip, seven_z, tar, xz, zip, zstd},
    case::{Case, Ran, connections, detect},
    evtx_writer::{self, Event},
    samples::samples,
};

/// What an exporter writes of an event.
pub type Writer = fn(&Decoded<'_>) -> String;

/// The programs that write times as they are.
pub const FORMS: [Writer; 13] = [
    element,
    pretty,
    line,
    separate_line,
    evtxecmd,
    full_evtxecmd,
    winlogbeat,
    flat_winlogbeat,
    moved_winlogbeat,
    old_winlogbeat,
    document,
    nxlog,
    nested_nxlog,
];

/// All events of a log, written one after another.
pub fn export(log: &[u8], write: Writer) -> String {
    let decoder = Decoder::new(Carving::Live);
    let mut text = String::new();
    for bytes in log[4096..].chunks(65536).filter(|bytes| bytes.starts_with(b"ElfChnk")) {
        let (layout, _) = chunk::layout(bytes);
        decoder.decode(bytes, &layout, |_, _| true, |event| text += &write(event), |loss| unreachable!("{loss:?}"));
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\\', "&#x5C;")
}

/// As `wevtutil qe /f:xml` writes it.
fn element(event: &Decoded<'_>) -> String {
    let data: String =
        event.data.iter().map(|(name, value)| format!("<Data Name='{name}'>{}</Data>", escaped(value))).collect();
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{}'/>\
         <EventID Qualifiers=''>{}</EventID><TimeCreated SystemTime='{}'/><EventRecordID>{}</EventRecordID>\
         <Correlation/><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>{}</Computer></System>\
         <EventData>{data}</EventData></Event>\n",
        event.provider,
        event.event_id,
        event.system_time.replace('Z', "00Z"),
        event.record_id,
        event.computer
    )
}

/// The same, as `evtx_dump` writes it.
fn pretty(event: &Decoded<'_>) -> String {
    let element = element(event).replace("><", ">\r\n  <").replace("'>\r\n  </Data>", "'></Data>");
    format!("Record {}\n<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{element}", event.record_id)
}

fn data(event: &Decoded<'_>) -> Map<String, Value> {
    event.data.iter().map(|(name, value)| (name.to_string(), json!(value))).collect()
}

/// As `evtx_dump -o jsonl` writes it.
fn line(event: &Decoded<'_>) -> String {
    let system = json!({
        "Provider": {"#attributes": {"Name": event.provider}},
        "EventID": {"#attributes": {"Qualifiers": ""}, "#text": event.event_id.parse::<u32>().unwrap()},
        "TimeCreated": {"#attributes": {"SystemTime": event.system_time}},
        "EventRecordID": event.record_id.parse::<u64>().unwrap(),
        "Correlation": null,
        "Computer": event.computer,
    });
    json!({"Event": {"System": system, "EventData": data(event)}}).to_string() + "\n"
}

/// The same with `--separate-json-attributes`.
fn separate_line(event: &Decoded<'_>) -> String {
    let system = json!({
        "Provider_attributes": {"Name": event.provider},
        "EventID": event.event_id.parse::<u32>().unwrap(),
        "TimeCreated_attributes": {"SystemTime": event.system_time},
        "EventRecordID": event.record_id,
        "Computer": event.computer,
    });
    json!({"Event": {"EventData": data(event), "System": system}}).to_string() + "\r\n"
}

/// The values of `EventData` as `Json.NET` makes JSON of them.
fn named_values(event: &Decoded<'_>) -> Value {
    let value = |(name, value): &(Cow<'_, str>, Cow<'_, str>)| match &**value {
        "" => json!({"@Name": name}),
        text => json!({"@Name": name, "#text": text}),
    };
    match &*event.data.iter().map(value).collect::<Vec<_>>() {
        [only] => json!({"Data": only}),
        values => json!({"Data": values}),
    }
}

/// As `EvtxECmd --json` writes it, which shows GUIDs in its own way.
fn evtxecmd(event: &Decoded<'_>) -> String {
    let lowered = |name: &str, value: &str| match name.ends_with("Guid") {
        true => value.trim_matches(['{', '}']).to_lowercase(),
        false => value.replace('&', "&amp;"),
    };
    let mut lower = Decoded { provider: event.provider.clone(), ..Decoded::default() };
    lower.data = event.data.iter().map(|(name, value)| (name.clone(), lowered(name, value).into())).collect();
    let line = json!({
        "PayloadData1": "ProcessID: 1, ProcessGUID: x",
        "MapDescription": "Network connection",
        "ChunkNumber": 0,
        "Computer": event.computer,
        "Payload": json!({"EventData": named_values(&lower)}).to_string(),
        "UserId": "S-1-5-18",
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Provider": event.provider,
        "EventId": event.event_id.parse::<u32>().unwrap(),
        "EventRecordId": event.record_id,
        "ProcessId": 3028,
        "ThreadId": 4452,
        "Level": "Info",
        "Keywords": "Classic",
        "SourceFile": "a.evtx",
        "TimeCreated": event.system_time.replace('Z', "+00:00"),
    });
    line.to_string() + "\r\n"
}

/// The same with `--fj`.
fn full_evtxecmd(event: &Decoded<'_>) -> String {
    let system = json!({
        "Provider": {"@Name": event.provider, "@Guid": "5770385f-c22a-43e0-bf4c-06f5698ffbd9"},
        "EventID": event.event_id,
        "TimeCreated": {"@SystemTime": event.system_time.replace('T', " ").trim_end_matches('Z')},
        "EventRecordID": event.record_id,
        "Correlation": null,
        "Computer": event.computer,
    });
    json!({"Event": {"System": system, "EventData": named_values(event)}}).to_string() + "\r\n"
}

/// As Velociraptor's `parse_evtx` writes it: numbers and truth values are no text, and a time is in seconds.
fn velociraptor(event: &Decoded<'_>) -> String {
    let typed = |name: &str, value: &str| match value {
        "true" | "false" => json!(value == "true"),
        _ if name.ends_with("Guid") => json!(value.trim_matches(['{', '}'])),
        _ => match value.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16)) {
            Some(Ok(number)) => json!(number),
            _ => value.parse::<u64>().map_or_else(|_| json!(value), Value::from),
        },
    };
    let data: Map<String, Value> =
        event.data.iter().map(|(name, value)| (name.to_string(), typed(name, value))).collect();
    let time: jiff::Timestamp = event.system_time.parse().unwrap();
    let system = json!({
        "Provider": {"Name": event.provider, "Guid": "5770385F-C22A-43E0-BF4C-06F5698FFBD9"},
        "EventID": {"Value": event.event_id.parse::<u32>().unwrap()},
        "Keywords": 9_223_372_036_854_775_808_u64,
        "TimeCreated": {"SystemTime": time.as_duration().as_secs_f64()},
        "EventRecordID": event.record_id.parse::<u64>().unwrap(),
        "Correlation": {},
        "Execution": {"ProcessID": 4, "ThreadID": 8},
        "Computer": event.computer,
    });
    json!({"System": system, "EventData": data, "Message": "", "OSPath": "C:\\a.evtx"}).to_string() + "\n"
}

/// Before version 7.
fn old_winlogbeat(event: &Decoded<'_>) -> String {
    let line = json!({
        "@timestamp": event.system_time,
        "source_name": event.provider,
        "event_id": event.event_id.parse::<u32>().unwrap(),
        "computer_name": event.computer,
        "record_number": event.record_id,
        "log_name": "Microsoft-Windows-Sysmon/Operational",
        "level": "Information",
        "process_id": 4,
        "user": {"name": "SYSTEM", "identifier": "S-1-5-18"},
        "event_data": data(event),
    });
    line.to_string() + "\n"
}

/// What Winlogbeat sent, out of an index of Elasticsearch.
fn document(event: &Decoded<'_>) -> String {
    let source: Value = serde_json::from_str(&winlogbeat(event)).unwrap();
    json!({"_index": "winlogbeat-7", "_id": event.record_id, "_source": source, "sort": [1]}).to_string() + "\n"
}

fn winlogbeat(event: &Decoded<'_>) -> String {
    let winlog = json!({
        "provider_name": event.provider,
        "event_id": event.event_id.parse::<u32>().unwrap(),
        "computer_name": event.computer,
        "record_id": event.record_id,
        "event_data": data(event),
    });
    json!({"@timestamp": event.system_time, "message": "Network connection detected", "winlog": winlog}).to_string()
        + "\n"
}

fn flat_winlogbeat(event: &Decoded<'_>) -> String {
    let mut line: Map<String, Value> =
        event.data.iter().map(|(name, value)| (format!("winlog.event_data.{name}"), json!(value))).collect();
    line.insert("@timestamp".to_owned(), json!(event.system_time));
    line.insert("winlog.provider_name".to_owned(), json!(event.provider));
    line.insert("winlog.event_id".to_owned(), json!(event.event_id));
    line.insert("winlog.computer_name".to_owned(), json!(event.computer));
    line.insert("winlog.record_id".to_owned(), json!(event.record_id));
    Value::from(line).to_string() + "\n"
}

fn nxlog(event: &Decoded<'_>) -> String {
    let mut line = data(event);
    line.insert("EventTime".to_owned(), json!(event.system_time.replace('Z', "+00:00")));
    line.insert("ExecutionProcessID".to_owned(), json!(4));
    line.insert("SourceName".to_owned(), json!(event.provider));
    line.insert("EventID".to_owned(), json!(event.event_id.parse::<u32>().unwrap()));
    line.insert("Hostname".to_owned(), json!(event.computer));
    line.insert("RecordNumber".to_owned(), json!(event.record_id));
    Value::from(line).to_string() + "\n"
}

/// A log of three connections.
fn log() -> Vec<u8> {
    let events: Vec<Event> = (1..=3).map(|n| Event::connection().dest(&format!("9.9.9.{n}")).at(n)).collect();
    evtx_writer::log(&events).0
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

/// The file has to be read like the log, without a defect.
#[track_caller]
fn reads_as_the_log(name: &str, bytes: &[u8]) -> Ran {
    let of_log = connections().file("log.evtx", log()).run();
    let ran = connections().file(name, bytes).run();
    assert_eq!(ran.exits(0).report(), of_log.exits(0).report(), "{name}\n{}", ran.stderr());
    assert_eq!(ran.report().lines().count(), 4);
    ran
}

/// The three events with something in the middle: the other two are reported, and the defect is named.
#[track_caller]
fn costs_one_event(write: Writer, damage: impl Fn(&str) -> String, text: &str) {
    let events = export(&log(), write);
    let [first, second, third] = events.lines().collect::<Vec<_>>()[..] else { unreachable!("{events}") };
    let bytes = format!("{first}\n{}\n{third}\n", damage(second));
    let ran = connections().file("export.txt", &bytes).run();
    ran.exits(3).says(&[&format!("export.txt: line 2 at {:#x}: {text}", first.len() + 1)]);
    for (dest, is_there) in [("9.9.9.1", true), ("9.9.9.2", false), ("9.9.9.3", true)] {
        assert_eq!(ran.report().contains(dest), is_there, "{dest}\n{}", ran.report());
    }
}

#[test]
fn an_export_of_each_form_is_read_like_its_log() {
    for (n, write) in FORMS.into_iter().chain([velociraptor as Writer]).enumerate() {
        let text = export(&log(), write);
        reads_as_the_log(&format!("{n}.txt"), text.as_bytes()).says(&["searched  1 log,"]).does_not_say("Sysmon:");
        reads_as_the_log("bom.txt", format!("\u{feff}{text}").as_bytes());
        reads_as_the_log("le.txt", &utf16(&text, u16::to_le_bytes));
        reads_as_the_log("be.txt", &utf16(&text, u16::to_be_bytes));
        reads_as_the_log("log.evtx", text.as_bytes());
        reads_as_the_log("end.json", text.trim_end().as_bytes());
    }
    let events = export(&log(), element);
    let declaration = "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>";
    reads_as_the_log("events.xml", format!("{declaration}\n<Events>{events}</Events>\n").as_bytes());
}

/// What Winlogbeat's Sysmon module leaves in `winlog.event_data`, and what it makes of the rest. The time of logging is in the XML alone.
fn moved_winlogbeat(event: &Decoded<'_>) -> String {
    if event.provider == "Microsoft-Windows-Security-Auditing" {
        return moved_of_security(event);
    }
    if event.provider != "Microsoft-Windows-Sysmon" || !["1", "3", "5", "22"].contains(&&*event.event_id) {
        return winlogbeat(event);
    }
    let mut line: Value = serde_json::from_str(&winlogbeat(event)).unwrap();
    line["event"] = json!({"module": "sysmon", "created": "2026-01-01T00:00:00.000Z", "original": element(event)});
    let data = std::mem::take(&mut line["winlog"]["event_data"]);
    let moved = [
        ("ProcessGuid", "/process/entity_id"),
        ("ProcessId", "/process/pid"),
        ("Image", "/process/executable"),
        ("CommandLine", "/process/command_line"),
        ("CurrentDirectory", "/process/working_directory"),
        ("ParentProcessGuid", "/process/parent/entity_id"),
        ("ParentProcessId", "/process/parent/pid"),
        ("ParentImage", "/process/parent/executable"),
        ("ParentCommandLine", "/process/parent/command_line"),
        ("OriginalFileName", "/process/pe/original_file_name"),
        ("Protocol", "/network/transport"),
        ("SourceIp", "/source/ip"),
        ("SourceHostname", "/source/domain"),
        ("SourcePort", "/source/port"),
        ("DestinationIp", "/destination/ip"),
        ("DestinationHostname", "/destination/domain"),
        ("DestinationPort", "/destination/port"),
        ("RuleName", "/rule/name"),
        ("QueryName", "/dns/question/name"),
    ];
    let mut put = |path: &str, value: Value| {
        let place = path[1..].split('/').fold(&mut line, |part, name| &mut part[name]);
        *place = value;
    };
    for (name, value) in data.as_object().unwrap() {
        let text = value.as_str().unwrap();
        let number = text.parse::<u64>().map(Value::from);
        match name.as_str() {
            _ if text.is_empty() => {}
            "UtcTime" => put("/@timestamp", json!(text.replace(' ', "T") + "Z")),
            "Initiated" => put("/network/direction", json!(if text == "true" { "egress" } else { "ingress" })),
            "DestinationIsIpv6" => put("/network/type", json!(if text == "true" { "ipv6" } else { "ipv4" })),
            "SourceIsIpv6" => {}
            "User" => {
                let (domain, user) = text.split_once('\\').unwrap();
                put("/user/domain", json!(domain));
                put("/user/name", json!(user));
            }
            "Hashes" => {
                for (name, hash) in text.split(',').filter_map(|hash| hash.split_once('=')) {
                    put(&format!("/process/hash/{}", name.to_lowercase()), json!(hash.to_lowercase()));
                }
            }
            "QueryResults" => {
                let answers = text.split(';').filter(|answer| !answer.is_empty());
                put("/dns/answers", answers.map(|answer| json!({"data": answer})).collect());
            }
            name => match moved.iter().find(|(own, _)| *own == name) {
                Some((_, path)) => put(path, number.unwrap_or_else(|_| json!(text))),
                None => put(&format!("/winlog/event_data/{name}"), json!(text)),
            },
        }
    }
    line.to_string() + "\n"
}

/// What Winlogbeat's Security module leaves in `winlog.event_data`, what it makes of the rest, and a direction as newer versions write it.
fn moved_of_security(event: &Decoded<'_>) -> String {
    let mut line: Value = serde_json::from_str(&winlogbeat(event)).unwrap();
    let moved: &[(&str, &str)] = match &*event.event_id {
        "4688" => &[
            ("NewProcessId", "/process/pid"),
            ("NewProcessName", "/process/executable"),
            ("ParentProcessName", "/process/parent/executable"),
        ],
        "4689" => &[("ProcessId", "/process/pid"), ("ProcessName", "/process/executable")],
        _ => &[],
    };
    for (own, path) in moved {
        let Some(value) = line["winlog"]["event_data"].as_object_mut().unwrap().remove(*own) else { continue };
        let text = value.as_str().unwrap();
        let number = text.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16).unwrap());
        let place = path[1..].split('/').fold(&mut line, |part, name| &mut part[name]);
        *place = number.map_or(value, Value::from);
    }
    line.to_string().replace("%%14592", "Inbound").replace("%%14593", "Outbound") + "\n"
}

#[test]
fn what_the_security_module_of_winlogbeat_moves_is_joined_to_its_connections() {
    let event = |id: u32, second: u32, process: Value, data: Value| {
        let line = json!({
            "@timestamp": format!("2024-03-05T14:00:0{second}.000Z"),
            "process": process,
            "user": {"name": "bob", "domain": "C"},
            "winlog": {
                "provider_name": "Microsoft-Windows-Security-Auditing",
                "event_id": id,
                "computer_name": "H1",
                "event_data": data,
            },
        });
        line.to_string() + "\n"
    };
    let parent = json!({"executable": r"C:\w\winword.exe", "name": "winword.exe"});
    let process = json!({"pid": 820, "executable": r"C:\a\q.exe", "command_line": "q r", "parent": parent});
    let subject = json!({"SubjectUserName": "bob", "SubjectDomainName": "C", "ProcessId": "0x5"});
    let created = event(4688, 0, process, subject);
    let connected = |second: u32| {
        let data = json!({
            "ProcessID": "820",
            "Application": r"\device\harddiskvolume1\a\q.exe",
            "Direction": "Outbound",
            "DestAddress": "9.9.9.1",
            "DestPort": "444",
            "Protocol": "6",
        });
        event(5156, second, json!({}), data)
    };
    let ended = event(4689, 5, json!({"pid": 820, "executable": r"C:\a\q.exe"}), json!({"SubjectUserName": "bob"}));
    let export = [created, connected(3), ended, connected(7)].concat();
    let case = connections().args(["--source", "security", "--context", "--group-by", "user,direction,process_id"]);
    let ran = case.file("export.json", export).run();
    let rows: Vec<&str> = ran.exits(0).report().lines().skip(1).collect();
    let [own, none] = rows[..] else { unreachable!("{rows:?}") };
    assert!(own.starts_with(r"C\bob,outbound,820,1,"), "{own}");
    assert!(
        own.contains(r",q r,") && own.contains("2024-03-05T14:00:00.0000000Z,2024-03-05T14:00:05.0000000Z"),
        "{own}"
    );
    assert!(own.ends_with(r"winword.exe > q.exe,,own"), "{own}");
    // The id is that of another process by then.
    assert!(none.starts_with(",outbound,820,1,") && none.ends_with(",none"), "{none}");
}

#[test]
fn the_times_that_the_sysmon_module_of_winlogbeat_moves_are_told_apart() {
    let event = |id: u32, time: &str, rest: Value| {
        let mut line = json!({
            "@timestamp": format!("2024-03-05T{time}Z"),
            "event": {"module": "sysmon", "created": "2024-03-06T00:00:00.000Z"},
            "process": {"entity_id": "{A1B2C3D4-1E00-65E7-0000-001000000009}", "pid": 7, "executable": "C:\\q.exe"},
            "destination": {"ip": "9.9.9.1", "port": 443},
            "winlog": {"provider_name": "Microsoft-Windows-Sysmon", "event_id": id, "computer_name": "H1"},
        });
        line.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        line.to_string() + "\n"
    };
    let export = |rest: &Value| {
        [(1, "13:59:00.100"), (3, "14:00:00.100"), (5, "14:09:00.1")]
            .map(|(id, time)| event(id, time, rest.clone()))
            .concat()
    };
    let start_and_end = "2024-03-05T13:59:00.1000000Z,2024-03-05T14:09:00.1000000Z";
    let times = |rest: &Value, more: &[&str]| {
        let case = connections().args(["--context", "--group-by", "dest_ip"]).args(more.iter().copied());
        let ran = case.file("export.json", export(rest)).run();
        let row = ran.exits(0).report().lines().nth(1).unwrap().to_owned();
        assert!(row.contains(start_and_end), "{row}");
        row.split(',').nth(2).unwrap().to_owned()
    };
    let happened = "2024-03-05T14:00:00.1000000Z";
    // Winlogbeat says when it read the event, and nothing of when it was logged.
    assert_eq!(times(&json!({}), &[]), happened);
    let fetched = json!({
        "input": {"type": "httpjson"},
        "event": {"created": "2024-03-05T14:09:30.250Z"},
    });
    assert_eq!(times(&fetched, &[]), "2024-03-05T14:09:30.2500000Z");
    assert_eq!(times(&fetched, &["--clock", "utc"]), happened);
    let xml = json!({
        "event": {"original": "<Event><System><TimeCreated SystemTime='2024-03-05T14:09:30.123456700Z'/></System></Event>"},
    });
    assert_eq!(times(&xml, &[]), "2024-03-05T14:09:30.1234567Z");
    assert_eq!(times(&xml, &["--clock", "utc"]), happened);
}

/// Fields in an object of their own.
fn nested_nxlog(event: &Decoded<'_>) -> String {
    let mut line: Map<String, Value> = serde_json::from_str(&nxlog(event)).unwrap();
    line.retain(|name, _| event.field(name).is_none());
    line.insert("EventData".to_owned(), data(event).into());
    Value::from(line).to_string() + "\n"
}

/// All events in one list, over many lines.
fn indented(text: &str) -> String {
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    serde_json::to_string_pretty(&all).unwrap()
}

#[test]
fn objects_are_read_in_a_list_and_over_many_lines() {
    for write in FORMS.into_iter().filter(|write| export(&log(), *write).starts_with('{')) {
        let text = export(&log(), write);
        reads_as_the_log("list.json", indented(&text).as_bytes());
        reads_as_the_log("list.json", format!("[{}]", text.trim_end().replace('\n', ",")).as_bytes());
        reads_as_the_log("lines.json", indented(&text).trim_matches(['[', ']']).replace("\n  ", "\n").as_bytes());
        reads_as_the_log("cr.json", text.replace('\n', "\r").as_bytes());
        reads_as_the_log("twice.json", text.replace('\n', "\n\u{feff}").as_bytes());
    }
    // A schema inside does not make it XML.
    let xml = export(&log(), element);
    let lines: Vec<String> = export(&log(), winlogbeat)
        .lines()
        .zip(xml.lines())
        .map(|(line, xml)| line.replacen('{', &format!("{{\"event\":{{\"original\":{}}},", json!(xml)), 1))
        .collect();
    reads_as_the_log("xml.json", lines.join("\n").as_bytes());
}

#[test]
fn elements_are_read_whatever_is_around_them() {
    let events = export(&log(), element);
    reads_as_the_log("root.xml", format!("<root>\n{events}</root>").as_bytes());
    reads_as_the_log(
        "comment.xml",
        format!("<?xml version='1.0'?><!-- by x -->\n<Events>{events}</Events>").as_bytes(),
    );
    reads_as_the_log("type.xml", format!("<!DOCTYPE Events>\n<Events>{events}</Events>").as_bytes());
    let again = events.replace("<Event ", "\u{feff}<Event ");
    reads_as_the_log("twice.xml", again.as_bytes());
    reads_as_the_log("no-mark.xml", &utf16(&events, u16::to_le_bytes)[2..]);
    reads_as_the_log("no-mark.xml", &utf16(&events, u16::to_be_bytes)[2..]);
    for empty in ["<Events></Events>", "<?xml version=\"1.0\"?>\r\n<Events/>"] {
        let ran = connections().file("log.evtx", log()).file("empty.xml", empty).run();
        ran.exits(0).says(&["searched  2 logs,"]);
    }
}

#[test]
fn an_export_whose_start_is_damaged_is_read_from_its_first_event() {
    let of_log = connections().file("log.evtx", log()).run();
    let internal = "{\"SourceModuleType\":\"im_internal\",\"Message\":\"started\"}\n".repeat(100);
    for write in FORMS {
        let text = export(&log(), write);
        let first = text[..text.find("9.9.9.2").unwrap()].to_owned();
        let cut = first.rfind("9.9.9.1").unwrap();
        let zeros = "\0".repeat(5000);
        for start in [&first[cut - 20..=first.rfind('\n').unwrap()], "# exported by x\n", &zeros, &internal] {
            if text.starts_with("Record") && start.contains("9.9.9.1") {
                continue;
            }
            let text = format!("{start}{text}");
            for (name, bytes) in
                [("a/export", text.as_bytes().to_vec()), ("case.zip", zip(&[("x", text.as_bytes(), deflated())]))]
            {
                let ran = connections().file(name, bytes).run();
                assert_eq!(ran.exits(3).report(), of_log.report(), "{start:.60}\n{text:.600}\n{}", ran.stderr());
                ran.says(&["line 1 at 0x0: "]);
            }
        }
        let long = text.replace("<System>", &format!("<System><a>{}</a>", "x".repeat(9000)));
        let member = format!("{{\"a\":\"{}\",", "x".repeat(9000));
        let long = if text.starts_with('{') {
            text.replace("\n{", &format!("\n{member}")).replacen('{', &member, 1)
        } else {
            long
        };
        reads_as_the_log("a/long", long.as_bytes());
    }
}

#[test]
fn a_connection_whose_fields_are_not_known_is_a_defect_of_its_line() {
    for write in FORMS {
        let text = export(&log(), write);
        let mut renamed = text.replace("EventData", "EvntData").replace("event_data", "evt_data");
        for name in ["process", "source", "destination"] {
            renamed = renamed.replace(&format!("\"{name}\":"), &format!("\"x{name}\":"));
        }
        for name in [
            "Image",
            "SourceIp",
            "SourceHostname",
            "SourcePort",
            "DestinationIp",
            "DestinationHostname",
            "DestinationPort",
        ] {
            renamed = renamed.replace(&format!("\"{name}\""), &format!("\"X{name}\""));
        }
        let ran = connections().file("export", &renamed).run();
        ran.exits(3).says(&[": the connection states neither a process, nor an address, nor a port"]);
        assert_eq!(ran.report().lines().count(), 1, "{}", ran.report());
    }
}

#[test]
fn exports_are_read_in_folders_archives_and_packed_files() {
    for write in FORMS {
        let bytes = export(&log(), write).into_bytes();
        reads_as_the_log("a/b/export", &bytes);
        reads_as_the_log("case.zip", &zip(&[("a/export.json", &bytes, deflated()), ("b.xml", b"<html/>", deflated())]));
        reads_as_the_log("case.7z", &seven_z(&[("export.xml", &bytes)], None));
        reads_as_the_log("case.tar", &tar(&[("export", &bytes)]));
        reads_as_the_log("case.tgz", &gzip(&tar(&[("export", &bytes)])));
        reads_as_the_log("export.gz", &gzip(&bytes));
        reads_as_the_log("export.xml.bz2", &bzip2(&bytes));
        reads_as_the_log("export.xz", &xz(&bytes));
        reads_as_the_log("export.jsonl.zst", &zstd(&bytes));
    }
}

#[test]
fn what_is_wrong_costs_its_event_and_is_named_by_its_line() {
    costs_one_event(element, |event| event.replace("</EventID>", "</EventId>"), "");
    costs_one_event(element, |event| event.replace("</Event>", ""), "the event has no end before the next one");
    costs_one_event(element, |event| event.replace("9.9.9.2", "&e;"), "the entity &e; is not defined");
    costs_one_event(element, |_| "junk".to_owned(), "not an event");
    let long = |event: &str| event.replace("9.9.9.2", &"x".repeat(5 << 20));
    costs_one_event(element, long, "the event is longer than 1 MiB, and is skipped");
    costs_one_event(line, long, "the event is longer than 1 MiB, and is skipped");
    for write in [line, winlogbeat, nxlog] {
        costs_one_event(write, |event| event[..event.len() - 9].to_owned(), "EOF while parsing");
        costs_one_event(write, |_| "{\"a\":1}".to_owned(), "not an event of a known shape");
        costs_one_event(write, |_| "[".repeat(100_000), "not an event");
        costs_one_event(
            write,
            |_| format!("{}1{}", "{\"a\":".repeat(1000), "}".repeat(1000)),
            "not an event of a known shape",
        );
    }
}

#[test]
fn an_export_that_is_cut_off_is_read_up_to_there() {
    for (write, cause) in [(element as Writer, "the text ends inside the event"), (line, "EOF while parsing")] {
        let text = export(&log(), write);
        let start = text.trim_end().rfind('\n').unwrap() + 1;
        let ran = connections().file("export", &text[..text.len() - 20]).run();
        ran.exits(3).says(&[&format!("export: line 3 at {start:#x}: {cause}")]);
        assert_eq!(ran.report().lines().count(), 3);
    }
}

#[test]
fn what_a_document_type_defines_is_not_known() {
    let dtd = "<!DOCTYPE Events [<!ENTITY a \"9.9.9.9\"><!ENTITY b \"&a;&a;\">]>\n";
    let sound = export(&log(), element);
    let events = sound.replacen("9.9.9.2", "&b;", 1);
    for text in [format!("{dtd}<Events>{events}</Events>"), format!("<Events>{sound}</Events>\n{dtd}{events}")] {
        let ran = connections().file("export.xml", text).run();
        ran.exits(3).says(&["export.xml: line ", "the entity &b; is not defined"]).does_not_say("not an event");
        assert!(!ran.report().contains("9.9.9.9"));
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced_and_named_once() {
    for write in [element as Writer, line, nxlog] {
        let text = export(&log(), write).replace("CORP", "C\u{e9}RP");
        let bytes: Vec<u8> = text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
        let ran = connections().file("export", &bytes).run();
        ran.exits(3).says(&["1: 1 bytes replaced", "export: line 1 at 0x0: bytes that are not UTF-8 are replaced: "]);
        let replaced = connections().file("export", text.replace('\u{e9}', "\u{fffd}")).run();
        assert_eq!(ran.report(), replaced.exits(0).report());
        assert!(ran.report().contains('\u{fffd}'));
    }
}

#[test]
fn values_without_a_name_are_no_fields() {
    let text = export(&log(), element).replace("Name='Image'", "");
    let ran = connections().file("export", text).run();
    ran.exits(0);
    assert!(!ran.report().to_lowercase().contains("regsvcs"), "{}", ran.report());
}

#[test]
fn other_files_of_xml_and_json_stay_other_files() {
    let template = r#"{"mappings":{"@timestamp":{},"x":{"winlog":{"properties":{"event_id":{"type":"keyword"}}}}}}"#;
    let case = connections()
        .file("log.evtx", log())
        .file("notes.md", format!("{}: Sysmon logs EventID 3\n", "x".repeat(5000)))
        .file("template.json", format!("{{\"a\":\"{}\"}}\n{template}\n", "x".repeat(5000)))
        .file("zeros", vec![0; 3 << 20])
        .file("party.xml", "<Events><Party name='event'/></Events>")
        .file("page.xml", "<?xml version=\"1.0\"?><html/>")
        .file("a.json", "{\"event\": 3}")
        .file("b.jsonl", "[1]\n[2]\n");
    case.run().exits(0).says(&["searched  1 log,", "7 other files in the folders"]);
    let case = connections().file("log.evtx", log()).file("export.json", export(&log(), line));
    case.run().exits(0).says(&["searched  2 logs,"]);
    case.run_on(&["--only-names", "."])
        .exits(0)
        .says(&["searched  1 log,", "1 other file in the folders: not opened because of --only-names"]);
}

#[test]
fn the_manifest_and_the_rows_of_events_say_where_they_are_from() {
    let text = export(&log(), line);
    let case = connections().file("export.json", &text);
    let ran = Ran::new(case.command(&["export.json", "-o", "r.csv", "--events", "e.csv", "--manifest", "m.json"]));
    ran.exits(0);
    let events = case.read("e.csv");
    let mut reader = csv::Reader::from_reader(events.as_bytes());
    let places: Vec<(String, String)> = reader
        .deserialize::<std::collections::BTreeMap<String, String>>()
        .map(|row| row.map(|row| (row["chunk"].clone(), row["offset"].clone())).unwrap())
        .collect();
    let starts = [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).take(3);
    let expected: Vec<_> =
        (1..).zip(starts).map(|(line, at): (u32, usize)| (line.to_string(), at.to_string())).collect();
    assert_eq!(places, expected);
    let manifest: Value = serde_json::from_str(&fs::read_to_string(case.path("m.json")).unwrap()).unwrap();
    let shown = manifest.to_string();
    assert!(shown.contains(&format!("\"size\":{}", text.len())), "{shown}");
    assert!(shown.contains("\"records\":{\"count\":3"), "{shown}");
    let verified = Ran::new(case.another(&["verify", "m.json"]));
    verified.exits(0);
    fs::write(case.path("export.json"), text.replace("9.9.9.1", "9.9.9.7")).unwrap();
    assert_ne!(Ran::new(case.another(&["verify", "m.json"])).status(), 0);
}

#[test]
fn real_logs_and_their_exports_have_the_same_reports() {
    let Some(samples) = samples() else { return };
    let logs: Vec<_> = fs::read_dir(samples.join("sysmon")).unwrap().map(|log| log.unwrap().path()).collect();
    assert!(logs.len() > 10);
    let with_logs = |case: Case| logs.iter().fold(case, |case, log| case.file(&name(log), fs::read(log).unwrap()));
    for (n, write) in FORMS.into_iter().enumerate() {
        let with_exports = |case: Case| {
            logs.iter().fold(case, |case, log| case.file(&name(log), export(&fs::read(log).unwrap(), write)))
        };
        let commands: [fn() -> Case; 3] = [connections, detect, || connections().args(["--context"])];
        for command in commands {
            let (of_logs, of_exports) = (with_logs(command()).run(), with_exports(command()).run());
            assert_eq!(of_exports.exits(0).report(), of_logs.exits(0).report(), "form {n}");
        }
    }
}

#[test]
fn what_velociraptor_writes_of_real_logs_is_right_to_the_microsecond() {
    let Some(samples) = samples() else { return };
    let rows = |ran: &Ran| -> Vec<(String, f64)> {
        let seconds = |time: &str| time.parse::<jiff::Timestamp>().unwrap().as_duration().as_secs_f64();
        let row = |row: &str| {
            let (start, last) = row.rsplit_once(',').unwrap();
            (start.rsplit_once(',').unwrap().0.to_owned(), seconds(last))
        };
        let mut rows: Vec<_> = ran.report().lines().skip(1).map(row).collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        rows
    };
    for folder in ["sysmon", "security"] {
        let logs: Vec<_> = fs::read_dir(samples.join(folder)).unwrap().map(|log| log.unwrap().path()).collect();
        let logs = logs.iter().filter(|log| log.extension().is_some_and(|ending| ending == "evtx"));
        let command = || connections().args(["--source", "all"]);
        let (of_logs, of_exports) = logs.fold((command(), command()), |(of_logs, of_exports), log| {
            let bytes = fs::read(log).unwrap();
            let text = export(&bytes, velociraptor);
            (of_logs.file(&name(log), bytes), of_exports.file(&name(log), text))
        });
        let (of_logs, of_exports) = (of_logs.run(), of_exports.run());
        let (expected, found) = (rows(of_logs.exits(0)), rows(of_exports.exits(0)));
        assert!(expected.len() > 10 && expected.len() == found.len(), "{folder}");
        for ((expected, time), (row, found)) in expected.iter().zip(&found) {
            assert!(row == expected && (time - found).abs() < 1e-6, "{folder}: {row}, not {expected}");
        }
    }
}

fn name(log: &Path) -> String {
    log.file_name().unwrap().to_string_lossy().into_owned()
}
