//! The [`Decoder`]: events out of the records of a chunk, and the adapter to the parser, the only file that names the `evtx` crate.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use evtx::{
    EvtxChunk, EvtxChunkHeader, ParserSettings,
    err::{ChunkError, DeserializationError, EvtxError},
};
use serde::Deserialize;

use crate::{
    error::{self, DefectKind},
    evtx::{
        chunk::{CHUNK_TABLES, Layout},
        event::{Event, joined},
        impossible,
        json::{Element, Fields},
        pieces::Pieces,
        record::{self, Record},
        shape::Extent,
        shapes::Shapes,
        typed::Typed,
    },
    magic::CHUNK_HEADER_SIZE,
};

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
    carving: Carving,
    /// Those that were met without the parser.
    shapes: RefCell<Shapes>,
}

impl Decoder {
    /// A decoder of these records.
    #[must_use]
    pub fn new(carving: Carving) -> Self {
        // One thread: the scan's threads call it.
        let settings = ParserSettings::new().num_threads(1).indent(false);
        Self {
            settings: Arc::new(settings.recover_records(carving == Carving::Stale)),
            carving,
            shapes: RefCell::default(),
        }
    }

    /// The records of a chunk without the parser, if all in it are as Windows writes them: the fast path, of which as much of each
    /// event is read as is asked for. It gives the events that [`decode`](Self::decode) gives, which loses nothing of such a chunk.
    #[must_use]
    pub fn typed<'c>(&self, chunk: &'c [u8], layout: &Layout, extent: Extent) -> Option<Typed<'c>> {
        if self.carving == Carving::Stale {
            return None;
        }
        let typed = || Typed::of(chunk, layout, extent, &mut *self.shapes.try_borrow_mut().ok()?);
        catch_unwind(AssertUnwindSafe(typed)).ok().flatten()
    }

    /// Whether all texts of these records that are read to this extent stand in the chunk in one piece each, and in UTF-16. False no is
    /// allowed, false yes is not.
    #[must_use]
    pub fn are_whole(&self, chunk: &[u8], mut records: impl Iterator<Item = Record>, extent: Extent) -> bool {
        let Ok(mut shapes) = self.shapes.try_borrow_mut() else { return false };
        let mut pieces = Pieces::new(chunk, extent, &mut shapes);
        records.all(|record| pieces.is_whole(record))
    }

    /// Decodes the records of `chunk` that `wanted` picks by their bytes, and hands each [`Event`] to `found`.
    ///
    /// `wanted` is also told whether the record was carved, and is asked about every record once. Calls `lost` for what could
    /// not be read. A time that cannot be is not shown as another. A panic of the parser costs the rest of the chunk and is a loss.
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
            let what = error::of_panic(&*panic);
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
        let mended = impossible::mend(chunk);
        let chunk = mended.as_deref().unwrap_or(chunk);
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

#[cfg(test)]
pub(crate) mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{
        evtx::{chunk, typed::Scratch},
        magic::{CHUNK_SIZE, FILE_HEADER_SIZE},
    };

    /// Hands on the chunks of all logs that are at hand.
    pub(crate) fn chunks(each: &mut dyn FnMut(&Path, &[u8])) {
        for folder in ["testdata", "../shared/samples", "../shared/cases"] {
            chunks_of(Path::new(folder), each);
        }
    }

    /// The events of a chunk without the parser, as text, if they can be read so.
    fn typed(decoder: &Decoder, chunk: &[u8]) -> Option<Vec<String>> {
        let typed = decoder.typed(chunk, &chunk::layout(chunk).0, Extent::Whole)?;
        let mut scratch = Scratch::default();
        Some(typed.rows().iter().map(|row| format!("{:#?}", typed.event(row, &mut scratch).unwrap())).collect())
    }

    /// The events of a chunk by the parser, and what it lost, as text.
    fn parsed(chunk: &[u8]) -> (Vec<String>, Vec<String>) {
        let (mut events, mut losses) = (Vec::new(), Vec::new());
        let (layout, _) = chunk::layout(chunk);
        Decoder::new(Carving::Live).decode(
            chunk,
            &layout,
            |_, _| true,
            |event| events.push(format!("{event:#?}")),
            |loss| losses.push(format!("{loss:?}")),
        );
        (events, losses)
    }

    /// Whether a chunk is read without the parser. If it is, both give the same, and the parser loses nothing. That does not depend on
    /// what the decoder has met before.
    fn is_typed(decoder: &Decoder, chunk: &[u8], what: &str) -> bool {
        let fast = typed(decoder, chunk);
        assert!(fast == typed(&Decoder::new(Carving::Live), chunk), "{what}");
        let Some(fast) = fast else { return false };
        let (slow, losses) = parsed(chunk);
        for (fast, slow) in fast.iter().zip(&slow) {
            assert!(fast == slow, "{what}\n{fast}\n{slow}");
        }
        assert_eq!((fast.len(), losses), (slow.len(), Vec::new()), "{what}");
        true
    }

    fn chunks_of(folder: &Path, each: &mut dyn FnMut(&Path, &[u8])) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                chunks_of(&path, each);
            } else if path.extension().is_some_and(|extension| extension == "evtx") {
                let log = fs::read(&path).unwrap();
                let chunks = log.get(FILE_HEADER_SIZE..).unwrap_or_default().chunks(CHUNK_SIZE);
                chunks.filter(|chunk| chunk.starts_with(crate::magic::CHUNK)).for_each(|chunk| each(&path, chunk));
            }
        }
    }

    #[test]
    fn both_readings_give_the_same_events_and_losses() {
        let decoder = Decoder::new(Carving::Live);
        let (mut all, mut typed) = (0, 0);
        chunks(&mut |path, chunk| {
            all += 1;
            typed += usize::from(is_typed(&decoder, chunk, &path.display().to_string()));
        });
        assert!(typed * 2 > all, "only {typed} of {all} chunks are read without the parser");
    }

    #[test]
    fn both_readings_give_the_same_of_damaged_chunks() {
        // Each run damages the same bytes.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % below as u64).unwrap()
        };
        let decoder = Decoder::new(Carving::Live);
        let (mut all, mut typed) = (0, 0);
        chunks(&mut |path, chunk| {
            let end = chunk::layout(chunk).0.end;
            if end <= CHUNK_HEADER_SIZE {
                return;
            }
            for _ in 0..MUTANTS {
                let mut mutant = chunk.to_vec();
                let at = CHUNK_HEADER_SIZE + random(end - CHUNK_HEADER_SIZE);
                mutant[at] = match random(4) {
                    0 => mutant[at] ^ (1 << random(8)),
                    1 => 0,
                    2 => u8::try_from(random(256)).unwrap(),
                    // A type of a value, a token, a small number.
                    _ => [0x01, 0x02, 0x06, 0x08, 0x0d, 0x0e, 0x0f, 0x11, 0x13, 0x21, 0x81, 0xff][random(12)],
                };
                all += 1;
                typed +=
                    usize::from(is_typed(&decoder, &mutant, &format!("{} with another byte at {at}", path.display())));
            }
        });
        assert!(typed * 4 > all, "only {typed} of {all} damaged chunks are read without the parser");
    }

    /// Of each chunk. There are a hundred and more where real logs are at hand.
    const MUTANTS: usize = 24;
}
