//! The shapes in which programs write an event as JSON, each as the event that it is. How JSON is read is not known here.
//!
//! - `evtx_dump -o jsonl`: the event's elements as members, attributes beside them under `#attributes` or `Name_attributes`.
//!   Source: the `evtx` crate's `json_output`.
//! - `EvtxECmd --json`: what `System` states side by side, and `EventData` as JSON in the text of `Payload`. With `--fj`, XML as
//!   `Json.NET` writes it: attributes are members whose names start with `@`.
//!   Source: `EventRecord.cs` and `Program.cs` of <https://github.com/EricZimmerman/evtx>.
//! - Velociraptor's `parse_evtx`: the event's elements as members, attributes too, the time in seconds since 1970.
//!   Source: `evtx.go` of <https://github.com/Velocidex/evtx>.
//! - Winlogbeat: members of `winlog`, nested or with dots in their names, and beside it what its modules move there. Before
//!   version 7, the same without `winlog`, under names that differ in part.
//!   Source: <https://www.elastic.co/docs/reference/beats/winlogbeat/exported-fields-winlog>, and 6.8's `exported-fields-eventlog`.
//! - Elasticsearch: a document is in `_source`, as what exports an index writes it.
//! - `NXLog`: everything side by side, or what the event states in `EventData`.
//!   Source: <https://docs.nxlog.co/refman/current/im/msvistalog.html>, section on fields.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::evtx::{
    event::{COMPUTER, EVENT_ID, Event, PROVIDER_NAME, RECORD_ID, SYSTEM_TIME},
    exported::{
        ecs::{self, AUDIT},
        entities::unescaped,
        times,
    },
};

/// Values by their names: `{"a":{"b":1}}` and `{"a.b":1}` are the same.
pub(super) type Values = Vec<(String, String)>;

/// The members of `winlog` that are in `System`.
const OF_WINLOGBEAT: [(&str, &str); 14] = [
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
    ("winlog.version", VERSION),
    ("winlog.opcode", OPCODE),
    ("winlog.task", TASK),
    ("winlog.keywords", KEYWORDS),
];

/// What Winlogbeat called these before version 7. The others have `winlog.` before their names since then.
const OF_WINLOGBEAT_6: [(&str, &str); 7] = [
    ("source_name", "winlog.provider_name"),
    ("record_number", "winlog.record_id"),
    ("log_name", "winlog.channel"),
    ("process_id", "winlog.process.pid"),
    ("thread_id", "winlog.process.thread.id"),
    ("level", "log.level"),
    ("@timestamp", "@timestamp"),
];

/// What `EvtxECmd` calls the members of `System`.
const OF_EVTXECMD: [(&str, &str); 9] = [
    ("Provider", PROVIDER_NAME),
    ("EventId", EVENT_ID),
    ("Computer", COMPUTER),
    ("EventRecordId", RECORD_ID),
    ("TimeCreated", SYSTEM_TIME),
    ("Channel", "Channel"),
    ("UserId", "Security_UserID"),
    ("ProcessId", "Execution_ProcessID"),
    ("ThreadId", "Execution_ThreadID"),
];

/// What `NXLog` calls the members of `System`. `ProcessID` and `ThreadID` are of older versions.
const OF_NXLOG: [(&str, &str); 17] = [
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
    ("Version", VERSION),
    ("OpcodeValue", OPCODE),
    ("Opcode", OPCODE),
    ("Task", TASK),
    ("Keywords", KEYWORDS),
];

const LEVEL: &str = "Level";
const VERSION: &str = "Version";
const OPCODE: &str = "Opcode";
const TASK: &str = "Task";
const KEYWORDS: &str = "Keywords";

/// A `Level` of Windows, how Winlogbeat's `log.level` and `EvtxECmd`'s `Level` for it start, and `NXLog`'s `SeverityValue`.
const LEVELS: [(&str, &str, &str); 5] =
    [("1", "crit", "5"), ("2", "err", "4"), ("3", "warn", "3"), ("4", "info", "2"), ("5", "verb", "1")];

/// Fields of the audit's EventID 4688 and 4689 that are hexadecimal in logs, and numbers in Velociraptor's JSON.
const HEXADECIMAL: [&str; 4] = ["NewProcessId", "ProcessId", "SubjectLogonId", "TargetLogonId"];

/// The event that these values are, if they are of a shape that is known.
pub(super) fn event(mut values: Values) -> Result<Event<'static>, String> {
    let is_of = |values: &Values, prefix: &str| values.iter().any(|(name, _)| name.starts_with(prefix));
    if is_of(&values, "_source.") {
        let inside = |(name, value): (String, String)| Some((name.strip_prefix("_source.")?.to_owned(), value));
        values = values.into_iter().filter_map(inside).collect();
    }
    let is_of = |prefix: &str| is_of(&values, prefix);
    let has = |wanted: &str| values.iter().any(|(name, _)| name == wanted);
    if is_of("Event.System.") {
        Ok(of_elements(values, "Event."))
    } else if is_of("winlog.") {
        Ok(of_winlogbeat(values))
    } else if is_of("System.") {
        Ok(of_velociraptor(values))
    } else if has("EventId") && has("Provider") {
        Ok(of_evtxecmd(values))
    } else if has("event_id") && has("source_name") {
        Ok(of_winlogbeat_6(values))
    } else if has("EventID") && has("SourceName") {
        Ok(of_nxlog(values))
    } else {
        Err("not an event of a known shape".to_owned())
    }
}

/// The event whose elements and attributes these are, each by the names that lead to it. What is elsewhere is not the event's.
fn of_elements(values: Values, root: &str) -> Event<'static> {
    let mut event = Event::default();
    for (name, value) in values {
        let Some(name) = name.strip_prefix(root) else { continue };
        if let Some(name) = name.strip_prefix("System.") {
            let name = name.replace(".#attributes.", "_").replace("_attributes.", "_").replace(".@", "_");
            event.add_to_system(Cow::Owned(name.trim_end_matches(".#text").to_owned()), value.into());
        } else if let Some(name) = name.strip_prefix("EventData.") {
            event.data.push((Cow::Owned(name.trim_end_matches(".#text").to_owned()), value.into()));
        }
    }
    event
}

fn of_velociraptor(values: Values) -> Event<'static> {
    let attribute = |(name, value): (String, String)| match name.strip_prefix("System.") {
        Some("EventID.Value") => ("System.EventID".to_owned(), value),
        Some("TimeCreated.SystemTime") => ("System.TimeCreated.@SystemTime".to_owned(), time(&value).unwrap_or(value)),
        Some("Keywords") => (name, keywords(value).unwrap_or_default()),
        Some(part) => (format!("System.{}", part.replace('.', ".@")), value),
        None => (name, value),
    };
    let mut event = of_elements(values.into_iter().map(attribute).collect(), "");
    if event.provider == AUDIT && matches!(&*event.event_id, "4688" | "4689") {
        for (_, value) in event.data.iter_mut().filter(|(name, _)| HEXADECIMAL.contains(&&**name)) {
            if let Some(number) = ecs::hexadecimal(value) {
                *value = number.into();
            }
        }
    }
    event
}

/// Seconds since 1970 as a time in UTC. They went through a binary number, whose shortest decimals are at most two ticks of Windows from
/// the time: 200 nanoseconds.
fn time(seconds: &str) -> Option<String> {
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let nanoseconds: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let nanoseconds = if seconds.starts_with('-') { -nanoseconds } else { nanoseconds };
    Timestamp::new(seconds.parse().ok()?, nanoseconds).ok().map(|time| time.to_string())
}

fn of_evtxecmd(values: Values) -> Event<'static> {
    let mut event = Event::default();
    let mut own_level = None;
    for (name, value) in values {
        if let Some((_, own)) = OF_EVTXECMD.iter().find(|(theirs, _)| *theirs == name) {
            add_to_system(&mut event, own, value);
        } else if let Some(name) = name.strip_prefix("Payload.EventData.") {
            event.data.push((Cow::Owned(name.to_owned()), unescaped(&value).into()));
        } else if name == "Level" {
            own_level = level(&value);
        }
    }
    add_level(&mut event, own_level);
    event
}

fn of_winlogbeat_6(values: Values) -> Event<'static> {
    let renamed = |(name, value): (String, String)| match OF_WINLOGBEAT_6.iter().find(|(theirs, _)| *theirs == name) {
        Some((_, own)) => ((*own).to_owned(), value),
        None => (format!("winlog.{name}"), value),
    };
    of_winlogbeat(values.into_iter().map(renamed).collect())
}

fn of_winlogbeat(values: Values) -> Event<'static> {
    let mut event = Event::default();
    let (mut own_level, mut moved) = (None, Vec::new());
    for (name, value) in values {
        if let Some((_, own)) = OF_WINLOGBEAT.iter().find(|(theirs, _)| *theirs == name) {
            add_to_system(&mut event, own, value);
        } else if let Some(name) = name.strip_prefix("winlog.event_data.") {
            event.data.push((Cow::Owned(name.to_owned()), value.into()));
        } else if name == "log.level" {
            own_level = level(&value);
        } else {
            moved.push((name, value));
        }
    }
    add_level(&mut event, own_level);
    ecs::restore(&mut event, &moved);
    times::restore(&mut event, &moved);
    event
}

fn of_nxlog(values: Values) -> Event<'static> {
    let mut event = Event::default();
    // Newer versions leave the short names to events that have fields of them, such as Security-Auditing's 5156.
    let is_newer = values.iter().any(|(name, _)| name.starts_with("Execution"));
    let mut level = None;
    for (name, value) in values {
        let own = OF_NXLOG.iter().find(|(theirs, _)| *theirs == name);
        match own.filter(|(theirs, _)| !(is_newer && matches!(*theirs, "ProcessID" | "ThreadID"))) {
            Some((_, own)) => add_to_system(&mut event, own, value),
            None if name == "SeverityValue" => level = LEVELS.iter().find(|(.., theirs)| *theirs == value),
            None => {
                let name = name.strip_prefix("EventData.").map(str::to_owned).unwrap_or(name);
                event.data.push((Cow::Owned(name), value.into()));
            }
        }
    }
    add_level(&mut event, level.map(|(own, ..)| *own));
    // Without a zone it is the host's local time, of which the zone is not known. What Sysmon states itself is in UTC.
    if event.system_time.parse::<jiff::Timestamp>().is_err() {
        event.system_time = event.field("UtcTime").unwrap_or_default().to_owned().into();
    }
    event
}

/// Adds a member of `System` as logs show it. Where a program writes the text that Windows has for a number, there is none.
fn add_to_system(event: &mut Event<'static>, name: &'static str, value: String) {
    let value = match name {
        VERSION | OPCODE | TASK if value.parse::<u16>().is_err() => return,
        KEYWORDS => match keywords(value) {
            Some(value) => value,
            None => return,
        },
        _ => value,
    };
    if !event.system.iter().any(|(known, _)| known == name) {
        event.add_to_system(Cow::Borrowed(name), value.into());
    }
}

/// The `Level` of Windows that a program names.
fn level(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    LEVELS.iter().find(|(_, start, _)| name.starts_with(start)).map(|(own, ..)| *own)
}

fn add_level(event: &mut Event<'static>, level: Option<&'static str>) {
    if let Some(level) = level {
        let level = if event.provider == AUDIT { "0" } else { level };
        event.add_to_system(Cow::Borrowed(LEVEL), Cow::Borrowed(level));
    }
}

/// Keywords as the 64 bits that they are, in hexadecimal. `NXLog` writes them as a number with a sign.
fn keywords(value: String) -> Option<String> {
    if value.starts_with("0x") {
        return Some(value);
    }
    let bits = value.parse::<u64>().or_else(|_| value.parse::<i64>().map(i64::cast_unsigned));
    bits.ok().map(|bits| format!("{bits:#x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(&str, &str)]) -> Event<'static> {
        event(values.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()).unwrap()
    }

    #[test]
    fn members_of_system_are_those_of_the_log_where_they_are_numbers() {
        let system = |values: &[(&str, &str)]| -> Vec<(String, String)> {
            let event = of(values);
            event.system.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let expected =
            [("Version", "5"), ("Opcode", "0"), ("Task", "3"), ("Keywords", "0x8000000000000000"), ("Level", "4")];
        let nxlog = [
            ("SourceName", "Microsoft-Windows-Sysmon"),
            ("EventID", "3"),
            ("Version", "5"),
            ("Opcode", "Info"),
            ("OpcodeValue", "0"),
            ("Task", "3"),
            ("Keywords", "-9223372036854775808"),
            ("SeverityValue", "2"),
        ];
        assert_eq!(system(&nxlog), pairs(&expected));
        let winlogbeat = [
            ("winlog.provider_name", "Microsoft-Windows-Sysmon"),
            ("winlog.version", "5"),
            ("winlog.opcode", "0"),
            ("winlog.task", "3"),
            ("winlog.keywords", "0x8000000000000000"),
            ("log.level", "information"),
        ];
        assert_eq!(system(&winlogbeat), pairs(&expected));
        let named = [
            ("winlog.opcode", "Info"),
            ("winlog.task", "Network connection detected (rule: NetworkConnect)"),
            ("winlog.keywords", "Audit Success"),
            ("log.level", "information"),
            ("winlog.provider_name", "Microsoft-Windows-Security-Auditing"),
        ];
        assert_eq!(system(&named), pairs(&[("Level", "0")]));
    }

    #[test]
    fn what_the_sysmon_module_moves_has_its_own_name_again() {
        let sysmon = [("winlog.provider_name", "Microsoft-Windows-Sysmon"), ("winlog.event_data.User", "")];
        let field = |id: &str, values: &[(&str, &str)], name: &str| {
            let event = of(&[&sysmon[..], &[("winlog.event_id", id)], values].concat());
            event.field(name).unwrap_or_default().to_owned()
        };
        for (id, values, name, value) in [
            ("3", &[("process.executable", "C:\\a.exe"), ("process.name", "a.exe")][..], "Image", "C:\\a.exe"),
            ("3", &[("process.name", "a.exe")], "Image", "a.exe"),
            ("3", &[("user.domain", "D"), ("user.name", "u")], "User", "D\\u"),
            ("3", &[("network.direction", "egress")], "Initiated", "true"),
            ("3", &[("network.direction", "inbound")], "Initiated", "false"),
            ("3", &[("network.direction", "internal")], "Initiated", ""),
            ("3", &[("network.type", "ipv6")], "DestinationIsIpv6", "true"),
            ("3", &[("destination.port", "443"), ("winlog.event_data.DestinationPort", "80")], "DestinationPort", "80"),
            ("1", &[("process.hash.sha256", "ab"), ("process.hash.md5", "cd")], "Hashes", "MD5=CD,SHA256=AB"),
            ("1", &[("process.parent.executable", "C:\\p.exe")], "ParentImage", "C:\\p.exe"),
            (
                "22",
                &[("dns.answers.data", "a.b"), ("dns.answers.data", "::1"), ("dns.resolved_ip", "::1")],
                "QueryResults",
                "a.b;::1;",
            ),
            ("22", &[("dns.resolved_ip", "1.2.3.4")], "QueryResults", "1.2.3.4;"),
            // Its process is the one that is looked into.
            ("10", &[("process.executable", "C:\\a.exe")], "Image", ""),
        ] {
            assert_eq!(field(id, values, name), value, "{id}: {values:?}");
        }
    }
}
