//! An [`Event`]: a record, decoded; and the adapter to the parser, the only file that names the `evtx` crate.
//!
//! What a Sysmon event means is not known here.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use evtx::{EvtxChunk, EvtxChunkHeader, ParserSettings, err::EvtxError};
use serde::Deserialize;

use crate::{
    chunk::CHUNK_HEADER_SIZE,
    error::DefectKind,
    json::{Fields, Text},
    record::Record,
};

/// A decoded record. A part that the record does not have is empty.
#[derive(Debug, Default)]
pub struct Event<'a> {
    /// `System/Provider/@Name`.
    pub provider: Cow<'a, str>,
    /// `System/EventID`, as text.
    pub event_id: Cow<'a, str>,
    /// `System/Computer`.
    pub computer: Cow<'a, str>,
    /// `System/TimeCreated/@SystemTime`, as the parser renders it: RFC 3339 in UTC.
    pub system_time: Cow<'a, str>,
    /// The named values of `EventData` as text, in the record's order.
    pub data: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Event<'_> {
    /// The value of the `EventData` field with this name; the first, should there be more.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.data.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }
}

/// Something that a chunk lost, at an offset in the chunk.
#[derive(Debug)]
pub struct Loss {
    /// Where in the chunk, in bytes, if that is known.
    pub offset: Option<u64>,
    /// What kind of defect it is.
    pub kind: DefectKind,
    /// What is wrong.
    pub cause: String,
}

/// The parser, set up once and shared.
#[derive(Debug, Clone)]
pub struct Decoder {
    settings: Arc<ParserSettings>,
}

impl Default for Decoder {
    fn default() -> Self {
        // One thread: the scan's threads call it.
        Self { settings: Arc::new(ParserSettings::new().num_threads(1).indent(false)) }
    }
}

impl Decoder {
    /// Decodes the records of `chunk` that `wanted` picks by their bytes, and hands each [`Event`] to `found`.
    ///
    /// Returns how many records were read, picked or not, and what was lost. A panic of the parser costs the
    /// rest of the chunk and is a loss. `chunk` is a whole chunk or the start of one, with its magic.
    pub fn decode(
        &self,
        chunk: &[u8],
        mut wanted: impl FnMut(Record) -> bool,
        mut found: impl FnMut(&Event<'_>),
    ) -> (u64, Vec<Loss>) {
        let mut records = 0;
        let mut losses = Vec::new();
        let decoding = AssertUnwindSafe(|| {
            self.decode_unguarded(chunk, &mut wanted, &mut found, &mut records, &mut losses);
        });
        if let Err(panic) = catch_unwind(decoding) {
            let what = panic.downcast_ref::<&str>().map(|&text| text.to_owned());
            let what = what.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            losses.push(Loss { offset: None, kind: DefectKind::Chunk, cause: format!("the parser panicked: {what}") });
        }
        (records, losses)
    }

    fn decode_unguarded(
        &self,
        chunk: &[u8],
        wanted: &mut dyn FnMut(Record) -> bool,
        found: &mut dyn FnMut(&Event<'_>),
        records: &mut u64,
        losses: &mut Vec<Loss>,
    ) {
        let whole = |cause: String| Loss { offset: None, kind: DefectKind::Chunk, cause };
        let header = match EvtxChunkHeader::from_bytes(chunk) {
            Ok(header) => header,
            Err(error) => return losses.push(whole(chain(&error))),
        };
        let without_tables;
        let mut parsed = match EvtxChunk::new(chunk, &header, Arc::clone(&self.settings)) {
            Ok(parsed) => parsed,
            Err(error) => {
                // The table of names is an index: names are also read where they are used.
                losses.push(Loss { offset: None, kind: DefectKind::StringTable, cause: chain(&error) });
                let Some(header) = header_without_tables(chunk) else { return };
                without_tables = header;
                match EvtxChunk::new(chunk, &without_tables, Arc::clone(&self.settings)) {
                    Ok(parsed) => parsed,
                    Err(error) => return losses.push(whole(chain(&error))),
                }
            }
        };
        for record in parsed.iter() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    losses.push(record_loss(&error));
                    continue;
                }
            };
            *records += 1;
            let offset = record.binxml_offset;
            // Both are within a chunk.
            let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            if !wanted(Record { offset: place(offset), size: place(record.binxml_size.into()) }) {
                continue;
            }
            let lost = |cause: String| Loss { offset: Some(offset), kind: DefectKind::Record, cause };
            match record.into_json_bytes() {
                Ok(json) => match serde_json::from_slice::<Rendered<'_>>(&json.data) {
                    Ok(rendered) => found(&rendered.into_event()),
                    Err(error) => losses.push(lost(format!("record {}: {error}", json.event_record_id))),
                },
                Err(error) => losses.push(lost(chain(&error))),
            }
        }
    }
}

/// The chunk's header, read from a copy in which the tables of names and templates are empty.
fn header_without_tables(chunk: &[u8]) -> Option<EvtxChunkHeader> {
    let mut header: [u8; CHUNK_HEADER_SIZE] = *chunk.first_chunk()?;
    header.iter_mut().skip(128).for_each(|byte| *byte = 0);
    EvtxChunkHeader::from_bytes(&header).ok()
}

fn record_loss(error: &EvtxError) -> Loss {
    let offset = match error {
        EvtxError::FailedToReadRecordAt { offset, .. } => Some(*offset),
        _ => None,
    };
    Loss { offset, kind: DefectKind::Record, cause: chain(error) }
}

/// An error and its causes on one line, in the style of this tool's messages.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = lower_first(&error.to_string());
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = lower_first(&cause.to_string());
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

fn lower_first(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    match chars.next() {
        // An acronym keeps its case.
        Some(first) if !chars.as_str().starts_with(char::is_uppercase) => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// A record as the parser renders it to JSON: elements are members, attributes are in `#attributes`, text of an
/// element with attributes is in `#text`, and `EventData` maps the names of its `Data` to their values.
#[derive(Deserialize)]
struct Rendered<'a> {
    #[serde(borrow, rename = "Event", default)]
    event: Option<RenderedEvent<'a>>,
}

#[derive(Deserialize, Default)]
struct RenderedEvent<'a> {
    #[serde(borrow, rename = "System", default)]
    system: Option<System<'a>>,
    #[serde(borrow, rename = "EventData", default)]
    data: Fields<'a>,
}

#[derive(Deserialize, Default)]
struct System<'a> {
    #[serde(borrow, rename = "Provider", default)]
    provider: Option<WithAttributes<'a>>,
    #[serde(borrow, rename = "EventID", default)]
    event_id: Text<'a>,
    #[serde(borrow, rename = "TimeCreated", default)]
    time_created: Option<WithAttributes<'a>>,
    #[serde(borrow, rename = "Computer", default)]
    computer: Text<'a>,
}

#[derive(Deserialize, Default)]
struct WithAttributes<'a> {
    #[serde(borrow, rename = "#attributes", default)]
    attributes: Fields<'a>,
}

impl<'a> Rendered<'a> {
    fn into_event(self) -> Event<'a> {
        let event = self.event.unwrap_or_default();
        let system = event.system.unwrap_or_default();
        let attribute = |element: Option<WithAttributes<'a>>, name: &str| {
            let mut fields = element.unwrap_or_default().attributes.0.into_iter();
            fields.find(|(key, _)| key == name).map(|(_, value)| value).unwrap_or_default()
        };
        Event {
            provider: attribute(system.provider, "Name"),
            event_id: system.event_id.0,
            computer: system.computer.0,
            system_time: attribute(system.time_created, "SystemTime"),
            data: event.data.0,
        }
    }
}
