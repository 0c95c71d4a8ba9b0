//! [`read`]: a connection out of an old, deleted record that was recovered, by what stands in the record itself.
//!
//! The names in a record's template (`EventData`, `Data`, `System` …) are shared by all records of a chunk and stand where they
//! were used first. In a chunk that is in use again, something else is there by now, and the parser reads names that mean
//! nothing, or none. What a record needs is still known: the names of the fields of Sysmon's events are values in their
//! template, which often is in the record; Sysmon has the fields of an event in a fixed order; and Windows the members of
//! `System`, and the values of the template around it.
//!
//! A definition somewhere else in the chunk is believed if it is of the template that the record states.

use std::borrow::Cow;

use crate::{
    connection::sysmon::{self, FIELDS},
    evtx::{
        event::Event,
        instance::Instance,
        kind::{BOOL, FILETIME, GUID, HEX64, NULL, TEXT, UINT8, UINT16, UINT32, UINT64},
        misfit::Misfit,
        record::{self, Record},
        shown,
        tree::{self, Content, Element},
    },
};

/// What an old record is.
#[derive(Debug)]
pub enum Old {
    /// A connection.
    Connection(Box<Event<'static>>),
    /// A connection too little of which is left.
    Lost(String),
    /// Another event, or nothing of a known shape.
    Other,
}

/// The members of `System` in the order in which Windows has them in the template of every provider that is described by a
/// manifest.
const SYSTEM: [&str; 14] = [
    "Provider",
    "EventID",
    "Version",
    "Level",
    "Task",
    "Opcode",
    "Keywords",
    "TimeCreated",
    "EventRecordID",
    "Correlation",
    "Execution",
    "Channel",
    "Computer",
    "Security",
];
/// Which value of that template is which member, by its index.
const VALUES: [(&str, usize, u8); 9] = [
    ("Level", 0, UINT8),
    ("Opcode", 1, UINT8),
    ("Task", 2, UINT16),
    ("EventID", 3, UINT16),
    ("TimeCreated_SystemTime", 6, FILETIME),
    ("Execution_ProcessID", 8, UINT32),
    ("Execution_ThreadID", 9, UINT32),
    ("EventRecordID", 10, UINT64),
    ("Version", 11, UINT8),
];
/// The types of the values of Sysmon's fields, in their order.
const KINDS: [u8; FIELDS.len()] =
    [TEXT, TEXT, GUID, UINT32, TEXT, TEXT, TEXT, BOOL, BOOL, TEXT, TEXT, UINT16, TEXT, BOOL, TEXT, TEXT, UINT16, TEXT];
/// Without these there is no connection.
const NEEDED: [&str; 2] = ["Image", "DestinationIp"];

/// Reads an old record of a chunk.
#[must_use]
pub fn read(chunk: &[u8], record: Record) -> Old {
    let Some(outer) = Instance::of(chunk, record) else { return Old::Other };
    let system = outer_members(chunk, &outer);
    let member = |name: &str| system.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
    if member("EventID") != sysmon::NETWORK_CONNECTION {
        return Old::Other;
    }
    let provider = member("Provider_Name");
    let data = outer.fragment().and_then(|inner| Instance::of(chunk, inner));
    let is_sysmon = provider == sysmon::PROVIDER || (provider.is_empty() && data.as_ref().is_some_and(is_schema));
    if !is_sysmon {
        return Old::Other;
    }
    if let Some(misfit) = Misfit::of(chunk, record) {
        return Old::Lost(format!("an old connection: {misfit}"));
    }
    let Some(data) = data else { return Old::Other };
    let fields = fields(chunk, &data);
    let has = |name: &&str| fields.iter().any(|(known, value)| known == name && !value.is_empty());
    if !NEEDED.iter().all(has) {
        return Old::Lost("an old connection whose fields can no longer be told apart".to_owned());
    }
    let mut event = Event {
        provider: Cow::Borrowed(sysmon::PROVIDER),
        event_id: Cow::Borrowed(sysmon::NETWORK_CONNECTION),
        place: record,
        recovered: true,
        data: fields,
        ..Event::default()
    };
    for (name, value) in system {
        match &*name {
            "Provider_Name" | "EventID" => {}
            "Computer" => event.computer = value.into(),
            "TimeCreated_SystemTime" => event.system_time = value.into(),
            "EventRecordID" => event.record_id = value.into(),
            _ => event.system.push((Cow::Owned(name), value.into())),
        }
    }
    Old::Connection(Box::new(event))
}

/// The members of `System` that can be told, by the names of [`Event::system`].
fn outer_members(chunk: &[u8], outer: &Instance<'_>) -> Vec<(String, String)> {
    let mut members = Vec::new();
    let mut add = |name: &str, content: &Content| {
        let value = match content {
            Content::Text(text) => Some(text.clone()),
            Content::Value(index) => outer.value(*index).and_then(|(kind, bytes)| shown(kind, bytes)),
            Content::Element(_) => None,
        };
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            members.push((name.to_owned(), value));
        }
    };
    let root = outer.definition(chunk).and_then(|(start, size)| tree::any(chunk, start, size));
    let system = root.as_ref().and_then(|root| root.elements().next()).filter(|system| system.elements().count() > 0);
    let Some(system) = system else {
        // The definition is lost: what Windows has at known places.
        for (name, index, kind) in VALUES {
            if outer.value(index).is_some_and(|(other, _)| other == kind) {
                add(name, &Content::Value(index));
            }
        }
        return members;
    };
    let in_order = system.elements().count() == SYSTEM.len();
    for (number, element) in system.elements().enumerate() {
        let by_order = SYSTEM.get(number).filter(|_| in_order).copied();
        let Some(name) = by_order.or_else(|| SYSTEM.into_iter().find(|name| *name == element.name)) else { continue };
        let attributes: &[&str] = match name {
            "Provider" => &["Provider_Name", "Provider_Guid"],
            "TimeCreated" => &["TimeCreated_SystemTime"],
            "Execution" => &["Execution_ProcessID", "Execution_ThreadID"],
            _ => &[],
        };
        for (name, content) in attributes.iter().zip(element.attributes.iter().map(|(_, content)| content)) {
            add(name, content);
        }
        if let Some(content) = element.content.first() {
            add(name, content);
        }
    }
    members
}

/// The fields of an instance of a template for `EventData`: by the names that its definition has as values, if that is there,
/// or in Sysmon's order.
fn fields(chunk: &[u8], data: &Instance<'_>) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    let show = |index: usize| data.value(index).and_then(|(kind, bytes)| shown(kind, bytes));
    if let Some(root) = data.definition(chunk).and_then(|(start, size)| tree::any(chunk, start, size)) {
        let of_element = |element: &Element| {
            let [(_, Content::Text(name)), ..] = element.attributes.as_slice() else { return None };
            let Some(Content::Value(index)) = element.content.first() else { return None };
            Some((Cow::Owned(name.clone()), Cow::Owned(show(*index)?)))
        };
        let named: Vec<_> = root.elements().filter_map(of_element).collect();
        if !named.is_empty() {
            return named;
        }
    }
    if !is_schema(data) {
        return Vec::new();
    }
    let names = FIELDS.iter().skip(FIELDS.len() - data.count());
    let shown = names.enumerate().map(|(index, name)| Some((Cow::Borrowed(*name), Cow::Owned(show(index)?))));
    shown.collect::<Option<_>>().unwrap_or_default()
}

/// Whether the values are of the types that Sysmon's are, in its order.
fn is_schema(data: &Instance<'_>) -> bool {
    let Some(skipped) = FIELDS.len().checked_sub(data.count()).filter(|&skipped| skipped <= 1) else { return false };
    let fits = |(index, kind): (usize, &u8)| {
        data.value(index).is_some_and(|(other, _)| other == *kind || other == TEXT || other == NULL)
    };
    KINDS.iter().skip(skipped).enumerate().all(fits)
}

/// A value as the parser shows it; nothing for types that Sysmon has no field of.
fn shown(kind: u8, bytes: &[u8]) -> Option<String> {
    let number = |size: usize| {
        let is_right = bytes.len() == size;
        is_right.then(|| bytes.iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte)))
    };
    match kind {
        NULL => Some(String::new()),
        TEXT => Some(tree::text(bytes)),
        UINT8 => Some(number(1)?.to_string()),
        UINT16 => Some(number(2)?.to_string()),
        UINT32 => Some(number(4)?.to_string()),
        UINT64 => Some(number(8)?.to_string()),
        HEX64 => Some(format!("{:#x}", number(8)?)),
        BOOL => match number(4)? {
            0 => Some("false".to_owned()),
            1 => Some("true".to_owned()),
            other => Some(other.to_string()),
        },
        GUID => guid(bytes),
        FILETIME => record::filetime(number(8)?).map(|time| time.to_string()),
        _ => None,
    }
}

/// As Sysmon shows it, in upper case.
fn guid(bytes: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    shown::push_guid(&mut text, bytes.get(..16).filter(|guid| guid.len() == bytes.len())?)?;
    text.make_ascii_uppercase();
    String::from_utf8(text).ok()
}
