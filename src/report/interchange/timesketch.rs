//! Events as Timesketch imports them: JSON lines with what it asks for (`message`, `datetime`, `timestamp_desc`), what it makes of that
//! otherwise (`timestamp`), what its searches and analyzers go by (`data_type` and kin), and the columns of the CSV.
//!
//! `OpenSearch` gives an attribute the type of its first value, and loses events with another. So an attribute of numbers has numbers
//! alone; what is to be one and is not is in one of text beside it, such as `dest_port_text`. What is not stated is left out.

use std::io;

use jiff::{Timestamp, tz::Offset};

use crate::{
    connection::{clock::Clock, glossary::Field, sysmon},
    report::{
        interchange::{
            event::{Event, Logged},
            sentence,
        },
        jsonl::{self, Value, stated},
        times,
    },
};

/// What Plaso calls an event of a Windows event log.
const DATA_TYPE: &str = "windows:evtx:record";
/// What it says of the time of an event that has none, which is then that of 1970.
const NOT_A_TIME: &str = "Not a time";

/// Attributes of numbers, with those of text beside them.
const NUMBERS: [(&str, &str); 7] = [
    ("dest_port", "dest_port_text"),
    ("src_port", "src_port_text"),
    ("process_id", "process_id_text"),
    ("remote_port", "remote_port_text"),
    ("local_port", "local_port_text"),
    ("record_id", "record_id_text"),
    ("dest_asn", "dest_asn_text"),
];

/// Adds the line of an event.
///
/// # Errors
///
/// None that memory does not have.
pub(in crate::report) fn push(lines: &mut Vec<u8>, event: Event<'_>) -> io::Result<()> {
    let Event { hit, .. } = event;
    let message = sentence::of(hit);
    let time = hit.time.filter(|&time| is_read(time));
    let datetime = datetime(time);
    let microseconds = time.unwrap_or_default().as_nanosecond().div_euclid(1000);
    let logged = Logged::of(hit);
    let lead = [
        ("message", stated(&message)),
        ("datetime", stated(&datetime)),
        ("timestamp", i64::try_from(microseconds).ok().map(Value::Number)),
        ("timestamp_desc", stated(time.map_or(NOT_A_TIME, |_| described(event)))),
        ("data_type", stated(DATA_TYPE)),
        ("source_name", stated(logged.provider)),
        ("event_identifier", Some(Value::Number(logged.event_id))),
        ("computer_name", stated(hit.get(Field::Dvc))),
    ];
    let members = lead.into_iter().chain(event.members().map(|(name, value)| (beside(name, value.as_ref()), value)));
    jsonl::push(lines, members.filter(|(_, value)| value.is_some()))
}

/// Whether the importer, which is Python, reads a time: of the years 1 to 9999.
fn is_read(time: Timestamp) -> bool {
    (1..=9999).contains(&Offset::UTC.to_datetime(time).year())
}

/// A time in ISO 8601 with its offset, to the microsecond, cut off and not rounded.
fn datetime(time: Option<Timestamp>) -> String {
    let whole = times::time(Some(time.unwrap_or_default()));
    format!("{}+00:00", whole.get(.."1970-01-01T00:00:00.000000".len()).unwrap_or_default())
}

/// What the time of an event is of.
fn described(Event { hit, clock, .. }: Event<'_>) -> &'static str {
    match clock {
        Clock::Utc if sysmon::time(hit.utc_time()).is_some() => "Connection Time",
        _ => "Event Logged",
    }
}

/// The name of an attribute that has this value.
fn beside(name: &'static str, value: Option<&Value<'_>>) -> &'static str {
    let number = NUMBERS.iter().find(|(number, _)| *number == name && matches!(value, Some(Value::Text(_))));
    number.map_or(name, |&(_, text)| text)
}
