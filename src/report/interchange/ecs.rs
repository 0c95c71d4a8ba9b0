//! Events as documents of the Elastic Common Schema, each behind an action, as the bulk API of Elasticsearch takes them.
//!
//! Names and types are those of the schema's version [`VERSION`] (<https://www.elastic.co/docs/reference/ecs>). An index has one type
//! for each field and refuses a document with another, so a value is in a field only if it is of its type. What is of another type, and
//! what the schema has no field for, is under `netsift`, by the name of the column, as text but for `chunk`, `offset` and `recovered`. `protocol`, which is the same of every
//! connection, is left out, and `vendor_product` is `event.provider`.

use std::{borrow::Cow, io, net::IpAddr};

use crate::{
    connection::{
        glossary::{Field, INBOUND, OUTBOUND},
        security, sysmon,
    },
    group::{hit::Hit, queries::AND_MORE},
    report::{
        interchange::{
            document::Document,
            event::{Event, Logged, Said},
            hashes::Hashes,
            sentence,
        },
        times,
    },
    text,
};

/// The version of the schema.
const VERSION: &str = "9.4.0";
/// The line in front of each document: it is new, in the index or data stream that the request names.
const ACTION: &[u8] = b"{\"create\":{}}\n";
/// The time of an event that states none, since a data stream takes no document without; and the tag that says so.
const NO_TIME: &str = "1970-01-01T00:00:00.0000000Z";
const NO_TIME_TAG: &str = "time_not_stated";

/// Adds the two lines of an event.
///
/// # Errors
///
/// None that memory does not have.
pub(in crate::report) fn push(lines: &mut Vec<u8>, event: Event<'_>) -> io::Result<()> {
    lines.extend_from_slice(ACTION);
    let (mut document, mut own) = (Document::default(), Document::default());
    lead(&mut document, &mut own, event);
    network(&mut document, event.hit);
    end(&mut document, &mut own, event.hit, &SOURCE);
    end(&mut document, &mut own, event.hit, &DESTINATION);
    labels(&mut document, &mut own, event);
    let hashes = Hashes::of(event.known("process_hash"));
    process(&mut document, &mut own, event, &hashes);
    rule(&mut document, &mut own, event);
    let queries = event.known("dest_query");
    let mut names = queries.split(';');
    document.text("dns.question.name", if names.clone().count() > 1 { "" } else { names.next().unwrap_or_default() });
    document.text("log.file.path", event.hit.source());
    related(&mut document, event, &hashes);
    record(&mut own, event);
    document.append(own);
    document.push(lines)
}

/// What every document of the schema has, what kind of event it is, the host and the user.
fn lead<'a>(document: &mut Document<'a>, own: &mut Document<'a>, event: Event<'a>) {
    let Event { hit, time, rule, .. } = event;
    let Logged { provider, event_id } = Logged::of(hit);
    let action = hit.get(Field::Action);
    let is_blocked = action == security::BLOCKED;
    document.text("@timestamp", if time.is_empty() { NO_TIME } else { time });
    document.text("message", sentence::of(hit));
    document.list("tags", [if time.is_empty() { NO_TIME_TAG } else { "" }]);
    document.text("ecs.version", VERSION);
    document.text("event.action", action);
    document.list("event.category", ["network"]);
    document.text("event.code", event_id.to_string());
    document.text("event.id", hit.record_id());
    document.text("event.kind", if rule.is_some() { "alert" } else { "event" });
    document.text("event.provider", provider);
    let happened = sysmon::time(hit.utc_time());
    document.text("event.start", times::time(happened));
    if happened.is_none() {
        own.text("netsift.utc_time", hit.utc_time());
    }
    let kinds = if is_blocked { ["connection", "denied", ""] } else { ["connection", "start", "allowed"] };
    document.list("event.type", kinds);
    document.text("host.name", hit.get(Field::Dvc));
    document.text("host.os.type", "windows");
    let user = hit.get(Field::User);
    let split = user.split_once('\\').filter(|(domain, name)| !domain.is_empty() && !name.is_empty());
    document.text("user.domain", split.map_or("", |(domain, _)| domain));
    document.text("user.name", split.map_or(user, |(_, name)| name));
}

fn network<'a>(document: &mut Document<'a>, hit: &'a Hit) {
    let transport = hit.get(Field::Transport);
    // Protocols without a name are logged by the numbers that IANA has given them.
    let number =
        security::protocol_number(transport).or(Some(transport).filter(|text| text::number::<u8>(text).is_some()));
    let number = number.unwrap_or_default();
    document.text("network.community_id", hit.get(Field::CommunityId));
    document.text(
        "network.direction",
        match hit.get(Field::Direction) {
            OUTBOUND => "egress",
            INBOUND => "ingress",
            _ => "",
        },
    );
    document.text("network.iana_number", number);
    document.text("network.transport", if number == transport { "" } else { transport });
    document.text("network.type", hit.get(Field::ProtocolVersion));
}

/// The fields of one end of a connection, with the names of the schema.
struct EndNames {
    name: Field,
    ip: Field,
    port: Field,
    in_schema: [&'static str; 4],
}

const SOURCE: EndNames = EndNames {
    name: Field::Src,
    ip: Field::SrcIp,
    port: Field::SrcPort,
    in_schema: ["source.address", "source.domain", "source.ip", "source.port"],
};

const DESTINATION: EndNames = EndNames {
    name: Field::Dest,
    ip: Field::DestIp,
    port: Field::DestPort,
    in_schema: ["destination.address", "destination.domain", "destination.ip", "destination.port"],
};

fn end<'a>(document: &mut Document<'a>, own: &mut Document<'a>, hit: &'a Hit, end: &EndNames) {
    let [name, ip] = [end.name, end.ip].map(|field| hit.get(field));
    let [as_address, as_domain, as_ip, as_port] = end.in_schema;
    document.text(as_address, name);
    document.text(as_domain, if name == ip { "" } else { name });
    if ip.parse::<IpAddr>().is_ok() {
        document.text(as_ip, ip);
    } else {
        own.text(own_name(end.ip.name()), ip);
    }
    number(document, own, as_port, Column { name: end.port.name(), text: hit.get(end.port) });
}

/// A column with its value.
#[derive(Clone, Copy)]
struct Column<'a> {
    name: &'static str,
    text: &'a str,
}

/// Adds a number under the schema's name, or what is not one under the tool's own. Ports and ids of processes have 32 bits at most.
fn number<'a>(document: &mut Document<'a>, own: &mut Document<'a>, name: &'static str, column: Column<'a>) {
    let number = text::number::<u32>(column.text);
    document.number(name, number.map(i64::from));
    if number.is_none() {
        own.text(own_name(column.name), column.text);
    }
}

fn own_name(column: &'static str) -> Cow<'static, str> {
    format!("netsift.{column}").into()
}

fn process<'a>(document: &mut Document<'a>, own: &mut Document<'a>, event: Event<'a>, hashes: &Hashes) {
    let Event { hit, .. } = event;
    let known = |column| event.known(column);
    document.text("process.command_line", known("process"));
    document.text("process.end", known("process_end"));
    document.text("process.entity_id", hit.get(Field::ProcessGuid));
    document.text("process.executable", hit.get(Field::App));
    document.text("process.hash.md5", hashes.md5.clone());
    document.text("process.hash.sha1", hashes.sha1.clone());
    document.text("process.hash.sha256", hashes.sha256.clone());
    document.text("process.name", hit.get(Field::ProcessName));
    document.text("process.parent.command_line", known("parent_process"));
    document.text("process.parent.entity_id", known("parent_process_guid"));
    document.text("process.parent.executable", known("parent_process_path"));
    document.text("process.parent.name", known("parent_process_name"));
    let parent = Column { name: "parent_process_id", text: known("parent_process_id") };
    number(document, own, "process.parent.pid", parent);
    document.text("process.pe.imphash", hashes.imphash.clone());
    document.text("process.pe.original_file_name", known("original_file_name"));
    number(document, own, "process.pid", Column { name: "process_id", text: hit.get(Field::ProcessId) });
    document.text("process.start", known("process_start"));
    if hashes.is_more {
        own.text("netsift.process_hash", known("process_hash"));
    }
    for column in ["process_integrity_level", "ancestry", "context"] {
        own.text(own_name(column), known(column));
    }
    let queries = known("dest_query");
    own.text("netsift.dest_query", if queries.contains(';') { queries } else { "" });
}

/// The rule, and the techniques and tactics of MITRE ATT&CK that it is for.
fn rule<'a>(document: &mut Document<'a>, own: &mut Document<'a>, Event { rule, .. }: Event<'a>) {
    let Some(rule) = rule else { return };
    document.list("rule.author", [&*rule.author]);
    document.text("rule.id", &*rule.id);
    document.text("rule.name", &*rule.title);
    own.text("netsift.rule_level", &*rule.level);
    own.text("netsift.mitre_attack", &*rule.attack);
    let is_technique =
        |word: &&str| word.strip_prefix('T').is_some_and(|id| id.starts_with(|c: char| c.is_ascii_digit()));
    let is_other_id = |word: &&str| word.starts_with(|c: char| c.is_ascii_uppercase());
    let (ids, others): (Vec<&str>, Vec<&str>) = rule.attack.split(' ').partition(is_technique);
    let tactics = others.into_iter().filter(|word| !is_other_id(word)).map(tactic);
    let tactics: Vec<String> = tactics.filter(|tactic| !tactic.is_empty()).collect();
    document.text("threat.framework", if ids.is_empty() && tactics.is_empty() { "" } else { "MITRE ATT&CK" });
    document.list("threat.tactic.name", tactics);
    document.list("threat.technique.id", ids.iter().filter_map(|id| id.split('.').next()));
    document.list("threat.technique.subtechnique.id", ids.iter().copied().filter(|id| id.contains('.')));
}

/// A tactic as the schema writes it: `Command and Control` of `command-and-control`.
fn tactic(tag: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().filter(|_| word != "and").map(|first| first.to_ascii_uppercase());
        first.map_or_else(|| word.to_owned(), |first| format!("{first}{}", letters.as_str()))
    };
    tag.split('-').map(capital).collect::<Vec<_>>().join(" ")
}

/// What lists and databases say of the peer. The schema says whose network an end is in: that of what a host has opened is the
/// destination.
fn labels<'a>(document: &mut Document<'a>, own: &mut Document<'a>, Event { hit, said, .. }: Event<'a>) {
    let is_destination = hit.get(Field::Direction) == OUTBOUND;
    for (name, text) in said.into_iter().flat_map(Said::columns) {
        match name {
            "dest_asn" if is_destination => number(document, own, "destination.as.number", Column { name, text }),
            "dest_as_org" if is_destination => document.text("destination.as.organization.name", text),
            "dest_country" if is_destination => document.text("destination.geo.country_iso_code", text),
            _ => own.text(own_name(name), text),
        }
    }
}

/// What other events can be found by.
fn related<'a>(document: &mut Document<'a>, event: Event<'a>, hashes: &Hashes) {
    let get = |field| event.hit.get(field);
    document.list("related.hash", hashes.of_file().map(str::to_owned));
    let unless_address = |name: Field, ip: Field| if get(name) == get(ip) { "" } else { get(name) };
    let ends = [unless_address(Field::Src, Field::SrcIp), unless_address(Field::Dest, Field::DestIp)];
    let names = event.known("dest_query").split(';').filter(|&name| name != AND_MORE);
    document.list("related.hosts", [get(Field::Dvc)].into_iter().chain(ends).chain(names));
    let addresses = [get(Field::SrcIp), get(Field::DestIp)];
    document.list("related.ip", addresses.into_iter().filter(|address| address.parse::<IpAddr>().is_ok()));
    let user = get(Field::User);
    let name = user.split_once('\\').map_or(user, |(_, name)| name);
    document.list("related.user", [name]);
}

/// What the schema has no fields for: where exactly the record is, Sysmon's rule, and which end is the host.
fn record<'a>(own: &mut Document<'a>, Event { hit, ends, .. }: Event<'a>) {
    own.number("netsift.chunk", i64::try_from(hit.chunk).ok());
    own.number("netsift.offset", i64::try_from(hit.offset).ok());
    own.truth("netsift.recovered", hit.recovered);
    own.text("netsift.rule_name", hit.rule_name());
    for field in Field::ENDS.into_iter().filter(|_| ends) {
        own.text(own_name(field.name()), hit.get(field));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tactics_are_written_as_in_the_schema() {
        for (tag, name) in [("execution", "Execution"), ("command-and-control", "Command and Control"), ("", "")] {
            assert_eq!(tactic(tag), name);
        }
    }
}
