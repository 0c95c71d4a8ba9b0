//! The names of the Elastic Common Schema to which Winlogbeat's Sysmon module moves what events state, and Sysmon's own names.
//!
//! Source: Winlogbeat's `x-pack/winlogbeat/module/sysmon`, the script of 7.x and the ingest pipeline of 8.x. Both move the fields of
//! EventID 1, 3, 5 and 22 in the same way, and keep in `winlog.event_data` what has no name in the schema.

use std::collections::HashMap;

use crate::evtx::event::Event;

/// The provider whose events are moved.
const PROVIDER: &str = "Microsoft-Windows-Sysmon";
/// The events whose fields are moved in the way that is known here.
const EVENT_IDS: [&str; 4] = ["1", "3", "5", "22"];

/// What only has another name. The later of two for the same field is the less exact one.
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

/// Gives an event the fields that it lacks and that stand among these values.
pub(super) fn restore(event: &mut Event<'static>, values: &[(String, String)]) {
    if event.provider != PROVIDER || !EVENT_IDS.contains(&&*event.event_id) {
        return;
    }
    let mut first = HashMap::new();
    for (name, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
        first.entry(name.as_str()).or_insert(value.as_str());
    }
    for (theirs, own) in NAMES {
        if let Some(value) = first.get(theirs) {
            add(event, own, value);
        }
    }
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
    add(event, "Hashes", &hashes(&first));
    let answers = ANSWERS.into_iter().find(|name| first.contains_key(name)).unwrap_or_default();
    let answers = values.iter().filter(|(name, value)| name == answers && !value.is_empty());
    add(event, "QueryResults", &answers.flat_map(|(_, answer)| [answer.as_str(), ";"]).collect::<String>());
}

/// Adds a field with a value, unless the event has it.
fn add(event: &mut Event<'static>, name: &'static str, value: &str) {
    if value.is_empty() || event.field(name).is_some_and(|value| !value.is_empty()) {
        return;
    }
    event.data.retain(|(field, _)| field != name);
    event.data.push((name.into(), value.to_owned().into()));
}

/// Hashes as Sysmon writes them: `MD5=…,SHA256=…`.
fn hashes(first: &HashMap<&str, &str>) -> String {
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
