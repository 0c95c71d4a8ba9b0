//! The shapes in which programs write an event as JSON, each as the event that it is. How JSON is read is not known here.
//!
//! - `evtx_dump -o jsonl`: the event's elements as members, attributes beside them under `#attributes` or `Name_attributes`.
//!   Source: the `evtx` crate's `json_output`.
//! - Winlogbeat: members of `winlog`, nested or with dots in their names, and beside it what its Sysmon module moves there.
//!   Source: <https://www.elastic.co/docs/reference/beats/winlogbeat/exported-fields-winlog>.
//! - `NXLog`: everything side by side, or what the event states in `EventData`.
//!   Source: <https://docs.nxlog.co/refman/current/im/msvistalog.html>, section on fields.

use std::borrow::Cow;

use crate::evtx::{
    event::{COMPUTER, EVENT_ID, Event, PROVIDER_NAME, RECORD_ID, SYSTEM_TIME},
    exported::ecs,
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

/// A `Level` of Windows, Winlogbeat's `log.level` for it, and `NXLog`'s `SeverityValue`.
const LEVELS: [(&str, &str, &str); 5] = [
    ("1", "critical", "5"),
    ("2", "error", "4"),
    ("3", "warning", "3"),
    ("4", "information", "2"),
    ("5", "verbose", "1"),
];

/// The provider of Windows' audit, whose events have level 0. Both programs call them by what they audit.
const AUDIT: &str = "Microsoft-Windows-Security-Auditing";

/// The event that these values are, if they are of a shape that is known.
pub(super) fn event(values: Values) -> Result<Event<'static>, String> {
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
    let (mut level, mut moved) = (String::new(), Vec::new());
    for (name, value) in values {
        if let Some((_, own)) = OF_WINLOGBEAT.iter().find(|(theirs, _)| *theirs == name) {
            add_to_system(&mut event, own, value);
        } else if let Some(name) = name.strip_prefix("winlog.event_data.") {
            event.data.push((Cow::Owned(name.to_owned()), value.into()));
        } else if name == "log.level" {
            level = value;
        } else {
            moved.push((name, value));
        }
    }
    let level = LEVELS.iter().find(|(_, theirs, _)| *theirs == level);
    add_level(&mut event, level.map(|(own, ..)| *own));
    ecs::restore(&mut event, &moved);
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
