//! Exported events as JSON lines: one object on each line, in one of the shapes that programs write.
//!
//! - `evtx_dump -o jsonl`: the event's elements as members, attributes beside them under `#attributes` or `Name_attributes`.
//!   Source: the `evtx` crate's `json_output`.
//! - Winlogbeat: members of `winlog`, nested or with dots in their names.
//!   Source: <https://www.elastic.co/docs/reference/beats/winlogbeat/exported-fields-winlog>.
//! - `NXLog`: everything side by side. Source: <https://docs.nxlog.co/refman/current/im/msvistalog.html>, section on fields.
//!
//! A line is flattened first: `{"a":{"b":1}}` and `{"a.b":1}` are the same.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::evtx::{
    event::{COMPUTER, EVENT_ID, Event, PROVIDER_NAME, RECORD_ID, SYSTEM_TIME},
    exported::{
        piece::{LONGEST, Piece},
        text::Text,
    },
};

/// The longest name of what has members of its own, in bytes. Longer ones are of no shape that is known, and would be repeated
/// before each of their members.
const LONGEST_NAME: usize = 64;

/// The members of `winlog` that are in `System`.
const OF_WINLOGBEAT: [(&str, &str); 10] = [
    ("winlog.provider_name", PROVIDER_NAME),
    ("winlog.event_id", EVENT_ID),
    ("winlog.computer_name", COMPUTER),
    ("winlog.record_id", RECORD_ID),
    ("@timestamp", SYSTEM_TIME),
    ("winlog.channel", "Channel"),
    ("winlog.provider_guid", "Provider_Guid"),
    ("winlog.process.pid", "Execution_ProcessID"),
    ("winlog.process.thread.id", "Execution_ThreadID"),
    ("winlog.user.identifier", "Security_UserID"),
];

/// What `NXLog` calls the members of `System`. The last two are of older versions.
const OF_NXLOG: [(&str, &str); 12] = [
    ("SourceName", PROVIDER_NAME),
    ("EventID", EVENT_ID),
    ("Hostname", COMPUTER),
    ("RecordNumber", RECORD_ID),
    ("EventTime", SYSTEM_TIME),
    ("Channel", "Channel"),
    ("ProviderGuid", "Provider_Guid"),
    ("UserID", "Security_UserID"),
    ("ExecutionProcessID", "Execution_ProcessID"),
    ("ExecutionThreadID", "Execution_ThreadID"),
    ("ProcessID", "Execution_ProcessID"),
    ("ThreadID", "Execution_ThreadID"),
];

/// Finds the next line that has anything on it, or passes one that is too long.
pub(super) fn next(text: &mut Text<'_>) -> Option<Piece> {
    let mut from = 0;
    loop {
        let window = text.window();
        if let Some(at) = memchr::memchr(b'\n', window.get(from..).unwrap_or_default()) {
            let size = from + at + 1;
            if window.get(..size).unwrap_or_default().trim_ascii().is_empty() {
                text.pass(size);
                from = 0;
                continue;
            }
            return Some(if size > LONGEST { too_long(text) } else { Piece::Event(size) });
        }
        from = window.len();
        if from > LONGEST {
            return Some(too_long(text));
        }
        if !text.fill() {
            let window = text.window();
            return (!window.trim_ascii().is_empty()).then_some(Piece::Event(window.len()));
        }
    }
}

/// Passes a line that is too long.
fn too_long(text: &mut Text<'_>) -> Piece {
    let place = text.place();
    loop {
        if let Some(at) = memchr::memchr(b'\n', text.window()) {
            text.pass(at + 1);
            break;
        }
        text.pass(usize::MAX);
        if !text.fill() {
            break;
        }
    }
    Piece::Fault(place, "the line is longer than 1 MiB, and is skipped".to_owned())
}

/// The event that a line is.
pub(super) fn event(line: &str) -> Result<Event<'_>, String> {
    let mut values = Vec::new();
    let mut json = serde_json::Deserializer::from_str(line.trim_end());
    let read = Flattened { name: String::new(), values: &mut values }.deserialize(&mut json);
    read.and_then(|()| json.end()).map_err(|error| cause(&error))?;
    let has = |wanted: &str| values.iter().any(|(name, _)| name == wanted);
    let is_of = |prefix: &str| values.iter().any(|(name, _)| name.starts_with(prefix));
    if is_of("Event.System.") {
        Ok(of_evtx_dump(values))
    } else if is_of("winlog.") {
        Ok(of_winlogbeat(values))
    } else if has("SourceName") && has("EventID") {
        Ok(of_nxlog(values))
    } else {
        Err("not an event of a shape that is known".to_owned())
    }
}

/// Why a line is no JSON. The parser's own number of the line is not that of the file.
fn cause(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

/// Values by their names.
type Values = Vec<(String, String)>;

fn of_evtx_dump(values: Values) -> Event<'static> {
    let mut event = Event::default();
    for (name, value) in values {
        if let Some(name) = name.strip_prefix("Event.System.") {
            let name = name.replace(".#attributes.", "_").replace("_attributes.", "_");
            event.add_to_system(Cow::Owned(name.trim_end_matches(".#text").to_owned()), value.into());
        } else if let Some(name) = name.strip_prefix("Event.EventData.") {
            event.data.push((Cow::Owned(name.trim_end_matches(".#text").to_owned()), value.into()));
        }
    }
    event
}

fn of_winlogbeat(values: Values) -> Event<'static> {
    let mut event = Event::default();
    for (name, value) in values {
        if let Some((_, own)) = OF_WINLOGBEAT.iter().find(|(theirs, _)| *theirs == name) {
            event.add_to_system(Cow::Borrowed(*own), value.into());
        } else if let Some(name) = name.strip_prefix("winlog.event_data.") {
            event.data.push((Cow::Owned(name.to_owned()), value.into()));
        }
    }
    event
}

fn of_nxlog(values: Values) -> Event<'static> {
    let mut event = Event::default();
    // Newer versions leave the short names to events that have fields of them, such as Security-Auditing's 5156.
    let is_newer = values.iter().any(|(name, _)| name.starts_with("Execution"));
    for (name, value) in values {
        let own = OF_NXLOG.iter().find(|(theirs, _)| *theirs == name);
        match own.filter(|(theirs, _)| !(is_newer && matches!(*theirs, "ProcessID" | "ThreadID"))) {
            Some((_, own)) => event.add_to_system(Cow::Borrowed(*own), value.into()),
            None => event.data.push((Cow::Owned(name), value.into())),
        }
    }
    // Without a zone it is the host's local time, of which the zone is not known. What Sysmon states itself is in UTC.
    if event.system_time.parse::<jiff::Timestamp>().is_err() {
        event.system_time = event.field("UtcTime").unwrap_or_default().to_owned().into();
    }
    event
}

/// What takes a value and all that is in it, each by the names that lead to it; of a list, the first.
struct Flattened<'v> {
    name: String,
    values: &'v mut Values,
}

impl Flattened<'_> {
    fn add(self, value: impl Into<String>) {
        self.values.push((self.name, value.into()));
    }
}

impl<'de> DeserializeSeed<'de> for Flattened<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Flattened<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.add(text);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.add(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.add(value.to_string());
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.add(value.to_string());
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.add(value.to_string());
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.add("");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        items.next_element_seed(self)?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(member) = members.next_key::<Cow<'de, str>>()? {
            if self.name.len() > LONGEST_NAME {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            let name = if self.name.is_empty() { member.into_owned() } else { format!("{}.{member}", self.name) };
            members.next_value_seed(Flattened { name, values: self.values })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_the_same_event() {
        for line in [
            r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"P"}},"EventID":{"#attributes":{"Qualifiers":""},"#text":3},"TimeCreated":{"#attributes":{"SystemTime":"2020-02-04T14:59:39Z"}},"EventRecordID":7,"Computer":"H"},"EventData":{"Image":"i"}}}"##,
            r#"{"Event":{"System":{"Provider_attributes":{"Name":"P"},"EventID":3,"TimeCreated_attributes":{"SystemTime":"2020-02-04T14:59:39Z"},"EventRecordID":7,"Computer":"H"},"EventData":{"Image":"i"}}}"#,
            r#"{"@timestamp":"2020-02-04T14:59:39Z","winlog":{"provider_name":"P","event_id":3,"computer_name":"H","record_id":7,"event_data":{"Image":"i"}}}"#,
            r#"{"@timestamp":"2020-02-04T14:59:39Z","winlog.provider_name":"P","winlog.event_id":"3","winlog.computer_name":"H","winlog.record_id":"7","winlog.event_data.Image":"i"}"#,
            r#"{"EventTime":"2020-02-04T14:59:39Z","Hostname":"H","EventID":3,"SourceName":"P","RecordNumber":7,"Image":"i"}"#,
        ] {
            let event = event(line).unwrap();
            assert_eq!((&*event.provider, &*event.event_id, &*event.computer, &*event.record_id), ("P", "3", "H", "7"));
            assert_eq!((&*event.system_time, event.field("Image")), ("2020-02-04T14:59:39Z", Some("i")), "{line}");
        }
    }

    #[test]
    fn a_local_time_of_nxlog_is_not_taken_for_one_in_utc() {
        let line =
            r#"{"EventTime":"2021-04-05 12:10:09","EventID":3,"SourceName":"P","UtcTime":"2021-04-05 04:10:09.363"}"#;
        assert_eq!(event(line).unwrap().system_time, "2021-04-05 04:10:09.363");
        assert_eq!(
            event(r#"{"EventTime":"2021-04-05 12:10:09","EventID":3,"SourceName":"P"}"#).unwrap().system_time,
            ""
        );
    }

    #[test]
    fn names_do_not_grow_with_what_is_in_them() {
        let name = "n".repeat(100_000);
        let members = "\"m\":1,".repeat(10_000);
        let line = format!("{{\"SourceName\":\"P\",\"EventID\":1,\"{name}\":{{{members}\"z\":1}}}}");
        assert!(event(&line).unwrap().data.is_empty());
    }
}
