//! An [`Event`]: a record, decoded; and the adapter to the parser, the only file that names the `evtx` crate.
//!
//! What a Sysmon event means is not known here.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use evtx::{
    EvtxChunk, EvtxChunkHeader, ParserSettings,
    err::{ChunkError, DeserializationError, EvtxError},
};
use serde::Deserialize;

use crate::{
    error::DefectKind,
    evtx::{
        chunk::{CHUNK_TABLES, Layout},
        json::{Element, Fields},
        record::{self, Record},
    },
    magic::CHUNK_HEADER_SIZE,
};

/// The members of `System` that an [`Event`] has fields for.
const PROVIDER_NAME: &str = "Provider_Name";
const EVENT_ID: &str = "EventID";
const COMPUTER: &str = "Computer";
const SYSTEM_TIME: &str = "TimeCreated_SystemTime";
const RECORD_ID: &str = "EventRecordID";

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
    /// `System/EventRecordID`, as text.
    pub record_id: Cow<'a, str>,
    /// Where the record is in its chunk.
    pub place: Record,
    /// Whether the record was carved out of space that is no longer part of the log.
    pub recovered: bool,
    /// The rest of `System` that has a value, in the record's order: elements by their names, attributes by those of both, as
    /// `Level` and `Execution_ProcessID`.
    pub system: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The named values of `EventData` as text, in the record's order.
    pub data: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Event<'_> {
    /// The value of the `EventData` field with this name; the first, should there be more.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.data.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// The members of `System` that have a value: elements by their names, attributes by those of both, as `Computer` and
    /// `Provider_Name`.
    pub fn system(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = [
            (PROVIDER_NAME, &self.provider),
            (EVENT_ID, &self.event_id),
            (COMPUTER, &self.computer),
            (SYSTEM_TIME, &self.system_time),
            (RECORD_ID, &self.record_id),
        ];
        let own = own.into_iter().map(|(name, value)| (name, &**value)).filter(|(_, value)| !value.is_empty());
        own.chain(self.system.iter().map(|(name, value)| (&**name, &**value)))
    }
}

/// Something that a chunk lost, at an offset in the chunk.
#[derive(Debug)]
pub struct Loss {
    /// Where in the chunk, in bytes; `None` for the chunk as a whole.
    pub offset: Option<u64>,
    /// What kind of defect it is.
    pub kind: DefectKind,
    /// What is wrong.
    pub cause: String,
}

/// Which records of a chunk are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carving {
    /// Those that are part of the log.
    Live,
    /// Older ones too, whole records in space that is free or has lost its header.
    Stale,
}

/// The parser, set up once for each thread.
#[derive(Debug, Clone)]
pub struct Decoder {
    settings: Arc<ParserSettings>,
}

impl Decoder {
    /// A decoder of these records.
    #[must_use]
    pub fn new(carving: Carving) -> Self {
        // One thread: the scan's threads call it.
        let settings = ParserSettings::new().num_threads(1).indent(false);
        Self { settings: Arc::new(settings.recover_records(carving == Carving::Stale)) }
    }

    /// Decodes the records of `chunk` that `wanted` picks by their bytes, and hands each [`Event`] to `found`.
    ///
    /// `wanted` is also told whether the record was carved, and is asked about every record once. Calls `lost` for what could
    /// not be read. A panic of the parser costs the rest of the chunk and is a loss.
    pub fn decode(
        &self,
        chunk: &[u8],
        layout: &Layout,
        mut wanted: impl FnMut(Record, bool) -> bool,
        mut found: impl FnMut(&Event<'_>),
        mut lost: impl FnMut(Loss),
    ) {
        let decoding = AssertUnwindSafe(|| self.decode_unguarded(chunk, layout, &mut wanted, &mut found, &mut lost));
        if let Err(panic) = catch_unwind(decoding) {
            let what = panic.downcast_ref::<&str>().map(|&text| text.to_owned());
            let what = what.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            lost(Loss { offset: None, kind: DefectKind::Chunk, cause: format!("the parser panicked: {what}") });
        }
    }

    fn decode_unguarded(
        &self,
        chunk: &[u8],
        layout: &Layout,
        wanted: &mut dyn FnMut(Record, bool) -> bool,
        found: &mut dyn FnMut(&Event<'_>),
        lost: &mut dyn FnMut(Loss),
    ) {
        let whole = |kind, cause| Loss { offset: None, kind, cause };
        let header = parser_header(chunk, layout).and_then(|header| match self.open(chunk, &header).err() {
            Some(error) if layout.tables => {
                // The table of names is an index: names are also read where they are used.
                lost(whole(DefectKind::StringTable, chain(&error)));
                parser_header(chunk, &Layout { tables: false, ..*layout })
            }
            _ => Ok(header),
        });
        let header = match header {
            Ok(header) => header,
            Err(error) => return lost(whole(DefectKind::Chunk, chain(&error))),
        };
        let mut parsed = match self.open(chunk, &header) {
            Ok(parsed) => parsed,
            Err(error) => return lost(whole(DefectKind::Chunk, chain(&error))),
        };
        // Behind the last record whose place is known. A chunk of nothing but lost records is searched once, not for each.
        let mut behind = CHUNK_HEADER_SIZE;
        for record in parsed.iter() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    lost(record_loss(chunk, &mut behind, &error));
                    continue;
                }
            };
            // Both are within a chunk.
            let within = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            let place = Record { offset: within(record.binxml_offset), size: within(record.binxml_size.into()) };
            behind = place.offset.saturating_add(place.size);
            if !wanted(place, record.recovered) {
                continue;
            }
            let lost_record = |cause| Loss { offset: Some(place.start()), kind: DefectKind::Record, cause };
            let recovered = record.recovered;
            match record.into_json_bytes() {
                Ok(json) => match serde_json::from_slice::<Rendered<'_>>(&json.data) {
                    Ok(rendered) => found(&rendered.into_event(place, recovered)),
                    // Names that were overwritten can be any bytes.
                    Err(_) if recovered => {}
                    Err(error) => lost(lost_record(format!("record {}: {error}", json.event_record_id))),
                },
                // What was carved and does not decode was not a record.
                Err(_) if recovered => {}
                Err(error) => lost(lost_record(chain(&error))),
            }
        }
    }

    fn open<'c>(&self, chunk: &'c [u8], header: &'c EvtxChunkHeader) -> Result<EvtxChunk<'c>, ChunkError> {
        EvtxChunk::new(chunk, header, Arc::clone(&self.settings))
    }
}

/// The chunk's header as the parser takes it: with the layout's word on where the records end, and with empty tables
/// where they cannot be used. Without a usable chunk header, one of no records.
fn parser_header(chunk: &[u8], layout: &Layout) -> Result<EvtxChunkHeader, DeserializationError> {
    if *layout == Layout::UNKNOWN {
        let mut header = [0; CHUNK_HEADER_SIZE];
        for (byte, magic) in header.iter_mut().zip(b"ElfChnk") {
            *byte = *magic;
        }
        let mut header = EvtxChunkHeader::from_bytes(&header)?;
        header.free_space_offset = within_chunk(layout.end);
        return Ok(header);
    }
    let mut header = if layout.tables {
        EvtxChunkHeader::from_bytes(chunk)?
    } else {
        let tables = chunk.first_chunk::<CHUNK_HEADER_SIZE>().map(|header| {
            let mut header = *header;
            header.iter_mut().skip(CHUNK_TABLES).for_each(|byte| *byte = 0);
            header
        });
        EvtxChunkHeader::from_bytes(tables.as_ref().map_or(chunk, <[u8; CHUNK_HEADER_SIZE]>::as_slice))?
    };
    let end = within_chunk(layout.end);
    if (end, layout.last_id) != (header.free_space_offset, Some(header.last_event_record_id)) {
        header.free_space_offset = end;
        header.last_event_record_data_offset = end;
        header.first_event_record_id = layout.last_id.map_or(0, |_| header.first_event_record_id);
        header.last_event_record_id = layout.last_id.unwrap_or(u64::MAX);
    }
    Ok(header)
}

fn within_chunk(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// What the parser could not read as a record, with its place where the parser tells or its id shows it. `behind` is where
/// it can be, and then where the next one can be.
fn record_loss(chunk: &[u8], behind: &mut usize, error: &EvtxError) -> Loss {
    let lost = |offset, kind, error: &dyn std::error::Error| Loss { offset, kind, cause: chain(error) };
    match error {
        EvtxError::FailedToReadRecordAt { offset, source, .. } => lost(Some(*offset), record_kind(source), source),
        EvtxError::FailedToParseRecord { record_id, source } => {
            let start = record::find(chunk, *behind, *record_id);
            *behind = start.map_or(*behind, |start| start.saturating_add(1));
            let Loss { kind, cause, .. } = lost(None, record_kind(source), source);
            Loss { offset: start.map(|start| start as u64), kind, cause: format!("record {record_id}: {cause}") }
        }
        error => lost(None, record_kind(error), error),
    }
}

fn record_kind(error: &EvtxError) -> DefectKind {
    match error {
        EvtxError::FailedToParseRecord { source, .. } => record_kind(source),
        EvtxError::DeserializationError(DeserializationError::InvalidEvtxRecordHeaderMagic { .. }) => {
            DefectKind::RecordMagic
        }
        // The second is what the parser says of a record that reaches past its chunk.
        EvtxError::InvalidDataSize { .. }
        | EvtxError::FailedToCreateRecordModel("record BinXML slice is out of bounds") => DefectKind::RecordSize,
        _ => DefectKind::Record,
    }
}

/// An error and its causes on one line, in the style of this tool's messages, without those that only say that there
/// was one.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes
        .map(|error| lower_first(&error.to_string()))
        .filter(|text| !text.starts_with("an error occurred while"))
        .collect();
    // Some errors show their cause themselves.
    texts.dedup_by(|cause, text| text.ends_with(&*cause));
    texts.join(": ")
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
    system: Fields<'a, Element<'a>>,
    #[serde(borrow, rename = "EventData", default)]
    data: Fields<'a>,
}

impl<'a> Rendered<'a> {
    fn into_event(self, place: Record, recovered: bool) -> Event<'a> {
        let RenderedEvent { system, data } = self.event.unwrap_or_default();
        let system_members = Vec::with_capacity(system.0.len());
        let mut event = Event { place, recovered, data: data.0, system: system_members, ..Event::default() };
        for (name, Element { text, attributes }) in system.0 {
            for (attribute, value) in attributes {
                event.add_to_system(joined(&name, &attribute), value);
            }
            event.add_to_system(name, text);
        }
        event
    }
}

impl<'a> Event<'a> {
    fn add_to_system(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) {
        let field = match &*name {
            _ if value.is_empty() => return,
            PROVIDER_NAME => &mut self.provider,
            EVENT_ID => &mut self.event_id,
            COMPUTER => &mut self.computer,
            SYSTEM_TIME => &mut self.system_time,
            RECORD_ID => &mut self.record_id,
            _ => return self.system.push((name, value)),
        };
        // The first, should there be more.
        if field.is_empty() {
            *field = value;
        }
    }
}

/// An attribute's name behind that of its element; those that nearly every record has cost no copy.
fn joined<'a>(element: &str, attribute: &str) -> Cow<'a, str> {
    const USUAL: [(&str, &str, &str); 7] = [
        ("Provider", "Name", PROVIDER_NAME),
        ("Provider", "Guid", "Provider_Guid"),
        ("TimeCreated", "SystemTime", SYSTEM_TIME),
        ("Execution", "ProcessID", "Execution_ProcessID"),
        ("Execution", "ThreadID", "Execution_ThreadID"),
        ("Security", "UserID", "Security_UserID"),
        ("Correlation", "ActivityID", "Correlation_ActivityID"),
    ];
    let usual = USUAL.iter().find(|(of, name, _)| (*of, *name) == (element, attribute));
    usual.map_or_else(|| Cow::Owned(format!("{element}_{attribute}")), |(.., name)| Cow::Borrowed(*name))
}
