//! Events that were exported as XML or JSON lines: the same report as of the log that they are from.

use std::{fs, path::Path};

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

pub const FORMS: [Writer; 7] = [element, pretty, line, separate_line, winlogbeat, flat_winlogbeat, nxlog];

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
    for (n, write) in FORMS.into_iter().enumerate() {
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
    costs_one_event(line, long, "the line is longer than 1 MiB, and is skipped");
    for write in [line, winlogbeat, nxlog] {
        costs_one_event(write, |event| event[..event.len() - 9].to_owned(), "EOF while parsing");
        costs_one_event(write, |_| "{\"a\":1}".to_owned(), "not an event of a shape that is known");
        costs_one_event(write, |_| "[".repeat(100_000), "recursion limit exceeded");
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
fn a_document_type_is_not_read() {
    let dtd = "<!DOCTYPE Events [<!ENTITY a \"9.9.9.9\"><!ENTITY b \"&a;&a;\">]>\n";
    let events = export(&log(), element).replacen("9.9.9.2", "&b;", 1);
    let ran =
        connections().file("export.xml", format!("<Events>{}\n{dtd}{events}</Events>", export(&log(), element))).run();
    ran.exits(3).says(&["line 5 at 0x", "not an event", "line 7 at 0x", "the entity &b; is not defined"]);
    assert!(!ran.report().contains("9.9.9.9"));
    // One at the start is not looked behind.
    let ran = connections().file("export.xml", format!("{dtd}{events}")).file("log.evtx", log()).run();
    ran.exits(3).says(&["export.xml: an XML export of events: give the log"]);
}

#[test]
fn bytes_that_are_no_text_cost_their_event() {
    for write in [element as Writer, line] {
        let mut bytes = export(&log(), write).into_bytes();
        let at = bytes.windows(7).position(|part| part == b"9.9.9.2").unwrap();
        bytes[at] = 0xFF;
        let ran = connections().file("export", bytes).run();
        ran.exits(3).says(&["export: line 2 at 0x", ": not UTF-8"]);
        assert_eq!(ran.report().lines().count(), 3);
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
    let case = connections()
        .file("log.evtx", log())
        .file("party.xml", "<Events><Party name='event'/></Events>")
        .file("page.xml", "<?xml version=\"1.0\"?><html/>")
        .file("a.json", "{\"event\": 3}")
        .file("b.jsonl", "[1]\n[2]\n");
    case.run().exits(0).says(&["searched  1 log,", "4 other files in the folders"]);
    let case = connections().file("log.evtx", log()).file("export.json", export(&log(), line));
    case.run().exits(0).says(&["searched  2 logs,"]);
    case.run_on(&["--only-names", "."]).exits(0).says(&["searched  1 log,", "1 other file in the folders"]);
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

fn name(log: &Path) -> String {
    log.file_name().unwrap().to_string_lossy().into_owned()
}
