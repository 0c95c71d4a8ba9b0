//! The names of the Elastic Common Schema to which Winlogbeat's modules move what events state, and the events' own names.
//!
//! Source: Winlogbeat's `x-pack/winlogbeat/module/sysmon` and `module/security`, the scripts of 7.x and the ingest pipelines of 8.x. Both
//! versions move fields in the same way, and keep in `winlog.event_data` what has no name in the schema. Of Sysmon these are fields of
//! EventID 1, 3, 5 and 22; of Security-Auditing the process of 4688 and 4689 (`renameNewProcessFields`, `renameCommonAuthFields`; `Process
//! Event 4688` and `Rename Common Auth Fields` in 8.x), whose id becomes decimal. The modules do not touch 5156 and 5157, but newer
//! versions write text for the messages that values name, in the language of the host: <https://github.com/elastic/beats/issues/40386>.

use std::collections::HashMap;

use crate::evtx::event::Event;

/// The provider whose events have `UtcTime`.
pub(super) const SYSMON: &str = "Microsoft-Windows-Sysmon";
/// The provider of Windows' audit, whose events have level 0 and hexadecimal ids. Programs call them by what they audit.
pub(super) const AUDIT: &str = "Microsoft-Windows-Security-Auditing";

/// What only has another name in events of Sysmon. The later of two for the same field is the less exact one.
const NAMES: [(&str, &str); 29] = [
    ("rule.name", "RuleName"),
    ("process.entity_id", "ProcessGuid"),
    ("process.pid", "ProcessId"),
    ("process.executable", "Image"),
    ("process.name", "Image"),
    ("process.command_line", "CommandLine"),
    ("process.working_directory", "CurrentDirectory"),
    ("process.parent.entity_id", "ParentProcessGuid"),
    ("process.parent.pid", "ParentProcessId"),
    ("process.parent.executable", "ParentImage"),
    ("process.parent.name", "ParentImage"),
    ("process.parent.command_line", "ParentCommandLine"),
    ("process.pe.original_file_name", "OriginalFileName"),
    ("process.pe.company", "Company"),
    ("process.pe.description", "Description"),
    ("process.pe.product", "Product"),
    ("process.pe.file_version", "FileVersion"),
    ("network.transport", "Protocol"),
    ("network.protocol", "DestinationPortName"),
    ("source.ip", "SourceIp"),
    ("source.domain", "SourceHostname"),
    ("source.port", "SourcePort"),
    ("destination.ip", "DestinationIp"),
    ("destination.domain", "DestinationHostname"),
    ("destination.port", "DestinationPort"),
    ("dns.question.name", "QueryName"),
    ("sysmon.dns.status", "QueryStatus"),
    ("source.address", "SourceIp"),
    ("destination.address", "DestinationIp"),
];

/// What only has another name in EventID 4688.
const NAMES_OF_CREATED: [(&str, &str); 5] = [
    ("process.executable", "NewProcessName"),
    ("process.name", "NewProcessName"),
    ("process.parent.executable", "ParentProcessName"),
    ("process.parent.name", "ParentProcessName"),
    ("process.command_line", "CommandLine"),
];

/// What only has another name in EventID 4689.
const NAMES_OF_ENDED: [(&str, &str); 2] = [("process.executable", "ProcessName"), ("process.name", "ProcessName")];

/// What the provider calls a direction, in English, and the layers that filter connections in it, with IPv4 and with IPv6; and the value
/// that it has in logs. Source: `msobjs.dll`; `FWPS_BUILTIN_LAYERS` in `fwpstypes.h`, `ALE_AUTH_RECV_ACCEPT` and `ALE_AUTH_CONNECT`.
const DIRECTIONS: [(&str, [&str; 2], &str); 2] =
    [("Inbound", ["44", "46"], "%%14592"), ("Outbound", ["48", "50"], "%%14593")];

/// Hashes, and what Sysmon writes before each, in its order.
const HASHES: [(&str, &str); 10] = [
    ("process.hash.sha1", "SHA1"),
    ("process.hash.md5", "MD5"),
    ("process.hash.sha256", "SHA256"),
    ("process.hash.imphash", "IMPHASH"),
    ("process.pe.imphash", "IMPHASH"),
    ("hash.sha1", "SHA1"),
    ("hash.md5", "MD5"),
    ("hash.sha256", "SHA256"),
    ("hash.imphash", "IMPHASH"),
    ("winlog.event_data.Imphash", "IMPHASH"),
];

/// Answers of DNS; those of the first name that has some.
const ANSWERS: [&str; 2] = ["dns.answers.data", "dns.resolved_ip"];

/// Whether all items of a list of this name are told, and not the first alone.
pub(super) fn is_list(name: &str) -> bool {
    matches!(name, "dns.answers" | "dns.answers.data" | "dns.resolved_ip")
}

/// The first value of each name.
type First<'v> = HashMap<&'v str, &'v str>;

/// Gives an event the fields that it lacks and that stand among these values.
pub(super) fn restore(event: &mut Event<'static>, values: &[(String, String)]) {
    let mut first = First::new();
    for (name, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
        first.entry(name.as_str()).or_insert(value.as_str());
    }
    match (&*event.provider, &*event.event_id) {
        (SYSMON, "1" | "3" | "5" | "22") => restore_sysmon(event, values, &first),
        (AUDIT, "4688") => {
            add_number(event, "NewProcessId", first.get("process.pid"));
            add_number(event, "ProcessId", first.get("process.parent.pid"));
            add_all(event, &NAMES_OF_CREATED, &first);
            add_account(event, ["TargetUserName", "TargetDomainName"], "user.effective", &first);
            add_account(event, ["SubjectUserName", "SubjectDomainName"], "user", &first);
        }
        (AUDIT, "4689") => {
            add_number(event, "ProcessId", first.get("process.pid"));
            add_all(event, &NAMES_OF_ENDED, &first);
        }
        (AUDIT, "5156" | "5157") => restore_direction(event),
        _ => {}
    }
}

fn restore_sysmon(event: &mut Event<'static>, values: &[(String, String)], first: &First<'_>) {
    add_all(event, &NAMES, first);
    if let Some(user) = first.get("user.name") {
        let user = first.get("user.domain").map_or_else(|| (*user).to_owned(), |domain| format!("{domain}\\{user}"));
        add(event, "User", &user);
    }
    let initiated = match first.get("network.direction").copied() {
        Some("egress" | "outbound") => "true",
        Some("ingress" | "inbound") => "false",
        _ => "",
    };
    add(event, "Initiated", initiated);
    let is_ipv6 = match first.get("network.type").copied() {
        Some("ipv6") => "true",
        Some("ipv4") => "false",
        _ => "",
    };
    add(event, "SourceIsIpv6", is_ipv6);
    add(event, "DestinationIsIpv6", is_ipv6);
    add(event, "Hashes", &hashes(first));
    let answers = ANSWERS.into_iter().find(|name| first.contains_key(name)).unwrap_or_default();
    let answers = values.iter().filter(|(name, value)| name == answers && !value.is_empty());
    add(event, "QueryResults", &answers.flat_map(|(_, answer)| [answer.as_str(), ";"]).collect::<String>());
}

/// Gives a direction that is text the value that it has in logs; by the layer, if the text is in another language.
fn restore_direction(event: &mut Event<'static>) {
    let direction = event.field("Direction").unwrap_or_default();
    let layer = event.field("LayerRTID").unwrap_or_default();
    let known = DIRECTIONS.iter().find(|(text, ..)| *text == direction);
    let known = known.or_else(|| DIRECTIONS.iter().find(|(_, layers, _)| layers.contains(&layer)));
    if let Some((.., value)) = known.filter(|_| !direction.starts_with("%%")) {
        event.data.retain(|(name, _)| name != "Direction");
        event.data.push(("Direction".into(), (*value).into()));
    }
}

/// Adds the fields that have other names among these values.
fn add_all(event: &mut Event<'static>, names: &[(&str, &'static str)], first: &First<'_>) {
    for (theirs, own) in names {
        if let Some(value) = first.get(theirs) {
            add(event, own, value);
        }
    }
}

/// Adds the name and the domain of an account, unless the event has the name.
fn add_account(event: &mut Event<'static>, own: [&'static str; 2], theirs: &str, first: &First<'_>) {
    let [name, domain] = own;
    if event.field(name).is_some_and(|value| !value.is_empty()) {
        return;
    }
    for (own, part) in [(name, "name"), (domain, "domain")] {
        if let Some(value) = first.get(format!("{theirs}.{part}").as_str()) {
            add(event, own, value);
        }
    }
}

/// Adds an id that is hexadecimal in logs.
fn add_number(event: &mut Event<'static>, name: &'static str, value: Option<&&str>) {
    if let Some(value) = value {
        add(event, name, &hexadecimal(value).unwrap_or_else(|| (*value).to_owned()));
    }
}

/// Adds a field with a value, unless the event has it.
fn add(event: &mut Event<'static>, name: &'static str, value: &str) {
    if value.is_empty() || event.field(name).is_some_and(|value| !value.is_empty()) {
        return;
    }
    event.data.retain(|(field, _)| field != name);
    event.data.push((name.into(), value.to_owned().into()));
}

/// A number that is decimal, as logs have those of Security-Auditing; nothing if it is not.
pub(super) fn hexadecimal(number: &str) -> Option<String> {
    number.parse::<u64>().ok().map(|number| format!("{number:#x}"))
}

/// Hashes as Sysmon writes them: `MD5=…,SHA256=…`.
fn hashes(first: &First<'_>) -> String {
    let mut all: Vec<(&str, String)> = Vec::new();
    for (theirs, own) in HASHES {
        if let Some(hash) = first.get(theirs)
            && all.iter().all(|(known, _)| *known != own)
        {
            all.push((own, format!("{own}={}", hash.to_ascii_uppercase())));
        }
    }
    all.into_iter().map(|(_, hash)| hash).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a field of an event of Security-Auditing, of which these are left in its place and others were moved.
    fn field(id: &str, left: &[(&'static str, &'static str)], moved: &[(&str, &str)], name: &str) -> String {
        let mut event = Event { provider: AUDIT.into(), event_id: id.to_owned().into(), ..Event::default() };
        event.data = left.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        let moved: Vec<_> = moved.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        restore(&mut event, &moved);
        event.field(name).unwrap_or_default().to_owned()
    }

    #[test]
    fn what_the_security_module_moves_has_its_own_name_again() {
        let process = [
            ("process.pid", "820"),
            ("process.executable", r"C:\a\q.exe"),
            ("process.name", "q.exe"),
            ("process.command_line", "q r"),
            ("process.parent.executable", r"C:\w.exe"),
            ("process.parent.name", "w.exe"),
            ("process.parent.pid", "5"),
            ("user.name", "bob"),
            ("user.domain", "C"),
            ("user.effective.name", "eve"),
            ("user.effective.domain", "D"),
        ];
        for (id, name, value) in [
            ("4688", "NewProcessId", "0x334"),
            ("4688", "NewProcessName", r"C:\a\q.exe"),
            ("4688", "CommandLine", "q r"),
            ("4688", "ParentProcessName", r"C:\w.exe"),
            ("4688", "ProcessId", "0x5"),
            ("4688", "SubjectUserName", "bob"),
            ("4688", "SubjectDomainName", "C"),
            ("4688", "TargetUserName", "eve"),
            ("4688", "TargetDomainName", "D"),
            ("4689", "ProcessId", "0x334"),
            ("4689", "ProcessName", r"C:\a\q.exe"),
            ("4689", "NewProcessId", ""),
            ("5156", "ProcessID", ""),
        ] {
            assert_eq!(field(id, &[], &process, name), value, "{id} {name}");
        }
        let left = [("ProcessId", "0x7"), ("NewProcessId", "0x8"), ("TargetUserName", "-"), ("SubjectUserName", "amy")];
        for (name, value) in left.into_iter().chain([("TargetDomainName", ""), ("SubjectDomainName", "")]) {
            assert_eq!(field("4688", &left, &process, name), value, "{name}");
        }
        assert_eq!(field("4688", &[], &[("process.pid", "0x9")], "NewProcessId"), "0x9");
    }

    #[test]
    fn a_direction_that_is_text_is_as_in_the_log() {
        for (id, direction, layer, value) in [
            ("5156", "Outbound", "48", "%%14593"),
            ("5157", "Inbound", "", "%%14592"),
            ("5156", "Ausgehend", "50", "%%14593"),
            ("5156", "Eingehend", "46", "%%14592"),
            ("5156", "Eingehend", "36", "Eingehend"),
            ("5156", "%%14592", "48", "%%14592"),
            ("5158", "Outbound", "48", "Outbound"),
        ] {
            let left = [("Direction", direction), ("LayerRTID", layer)];
            assert_eq!(field(id, &left, &[], "Direction"), value, "{id}: {left:?}");
        }
    }
}
