//! [`Typed`]: the records of a chunk read as Windows writes them, straight from their values, without the parser.
//!
//! It reads a chunk whole or not at all: every record has to be of the one shape that Windows writes
//! ([`crate::evtx::instance`]), with definitions that are understood in full, values of known types and sizes, and text that is
//! UTF-16 without surrogates. Of such a chunk the parser would lose nothing, and gives the same events, which the tests hold it
//! to. Any other chunk is for the parser.

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;

use crate::{
    bytes::{self, u16_at, u32_at, u64_at},
    evtx::{
        chunk::{CHUNK_TABLES, Layout},
        event::Event,
        form::{Form, Site},
        instance::{Instance, is_end_of_fragment, is_end_of_record},
        kind::{FILETIME, FRAGMENT, GUID, NULL, TEXT, UINT16},
        places::{Pattern, Places},
        record::{self, LAST_FILETIME, Record},
        shape::{Extent, Member, Name, Part, Plain, Shape, has_surrogates},
        shapes::Shapes,
        shown,
        tokens::{NAME_HEADER, name_at},
    },
    magic::CHUNK_HEADER_SIZE,
};

/// A chunk in which every record is of the known shape.
#[derive(Debug)]
pub struct Typed<'a> {
    chunk: &'a [u8],
    extent: Extent,
    shapes: Vec<Known>,
    rows: Vec<Row>,
    /// Where the values of all records are.
    places: Places,
}

/// A definition that some of its records are of.
#[derive(Debug)]
struct Known {
    /// Where its BinXML starts.
    start: usize,
    shape: Arc<Shape>,
    /// The number of the shape.
    number: usize,
}

/// A record.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Where it is in its chunk.
    pub record: Record,
    outer: Filled,
    data: Option<Filled>,
}

/// An instance of a template.
#[derive(Debug, Clone, Copy)]
struct Filled {
    /// Which of the shapes.
    shape: usize,
    /// The first of its places.
    first: usize,
    /// How many of its values are BinXML of their own.
    fragments: usize,
}

/// A value as it stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Raw<'a> {
    /// Its BinXML type.
    pub kind: u8,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What an event says, by its values as they stand in the log.
#[derive(Debug, Clone, Copy)]
pub struct Values<'t> {
    typed: &'t Typed<'t>,
    /// `System/TimeCreated/@SystemTime`.
    pub time: Timestamp,
    /// `System/EventRecordID`.
    pub record_id: Raw<'t>,
    /// `System/Computer`.
    pub computer: Raw<'t>,
    /// Where the record is in its chunk.
    pub place: Record,
    /// Which value is which field, and where the first is.
    fields: Option<(&'t [Option<usize>], usize)>,
}

impl<'t> Values<'t> {
    /// The value of the field with this number among those that were asked for; one of no type if it has none.
    #[must_use]
    pub fn field(&self, number: usize) -> Raw<'t> {
        self.stated(number).unwrap_or_default()
    }

    /// The same; nothing if it has none.
    #[must_use]
    pub fn stated(&self, number: usize) -> Option<Raw<'t>> {
        let (indices, first) = self.fields?;
        let index = indices.get(number).copied().flatten()?;
        self.typed.raw(first.checked_add(index)?)
    }
}

impl Default for Raw<'_> {
    fn default() -> Self {
        Self { kind: NULL, bytes: &[] }
    }
}

impl Raw<'_> {
    /// Whether its text is this one, in UTF-16 and without a NUL; nothing where that is not plain to see.
    #[must_use]
    pub fn says(self, text: &[u8]) -> Option<bool> {
        match self.kind {
            TEXT if bytes::same(self.bytes, text) => Some(true),
            TEXT if !self.bytes.as_chunks::<2>().0.contains(&[0, 0]) => Some(false),
            _ => None,
        }
    }

    /// What the digits of a GUID say, as one number, if it is one: three little-endian numbers, and eight bytes.
    #[must_use]
    pub fn guid(self) -> Option<u128> {
        let (numbers, rest) = self.bytes.split_first_chunk::<8>().filter(|_| self.kind == GUID)?;
        let numbers = (u32_at(numbers, 0)?, u16_at(numbers, 4)?, u16_at(numbers, 6)?);
        let numbers = u128::from(numbers.0) << 32 | u128::from(numbers.1) << 16 | u128::from(numbers.2);
        Some(numbers << 64 | u128::from(u64::from_be_bytes(rest.try_into().ok()?)))
    }

    /// Its text, as the parser shows it, in UTF-8.
    #[must_use]
    pub fn text(self) -> String {
        let mut text = Vec::with_capacity(self.bytes.len());
        let shown = shown::push(&mut text, self.kind, self.bytes);
        shown.and_then(|()| String::from_utf8(text).ok()).unwrap_or_default()
    }

    /// The same, in memory that is there.
    pub fn text_in(self, memory: &mut Vec<u8>) -> &str {
        memory.clear();
        let shown = shown::push(memory, self.kind, self.bytes);
        shown.and_then(|()| str::from_utf8(memory).ok()).unwrap_or_default()
    }
}

/// The text of one event's values.
#[derive(Debug, Default)]
pub struct Scratch {
    /// UTF-8.
    text: Vec<u8>,
    /// Where each value ends; nothing if its element is left out.
    ends: Vec<Option<usize>>,
}

impl<'a> Typed<'a> {
    /// Of a chunk with this layout, if all in it is of the known shape.
    #[must_use]
    pub(super) fn of(chunk: &'a [u8], layout: &Layout, extent: Extent, shapes: &mut Shapes) -> Option<Self> {
        if *layout == Layout::UNKNOWN || !layout.tables || !has_sound_names(chunk) {
            return None;
        }
        let records = record::walk(chunk, layout.end)?;
        let (last, before) = records.split_last()?;
        // The parser stops behind the record with the last id.
        let ends = |record: &Record| record.id_and_time(chunk).map(|(id, _)| Some(id) == layout.last_id);
        if before.iter().any(|record| ends(record) != Some(false)) {
            return None;
        }
        ends(last)?;
        let (rows, places) = (Vec::with_capacity(records.len()), Places::of(records.len()));
        let mut typed = Self { chunk, extent, shapes: Vec::new(), rows, places };
        records.iter().try_for_each(|&record| typed.read(record, shapes))?;
        Some(typed)
    }

    /// Its records, all of them, in their order.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether all that its records say is in their values, each of which says one thing: then they have no more text than the chunk
    /// has values for, a few times over.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.shapes.iter().all(|known| !matches!(known.shape.plain, Plain::No))
    }

    /// Reads a record, if it is of the known shape.
    fn read(&mut self, record: Record, shapes: &mut Shapes) -> Option<()> {
        let (_, time) = record.id_and_time(self.chunk)?;
        if time > LAST_FILETIME {
            return None;
        }
        let instance = Instance::of(self.chunk, record)?;
        let outer = self.instance(&instance, is_end_of_record, shapes)?;
        let shape = self.shape(outer)?;
        let (fragment, depends) = (outer.first.checked_add(shape.fragment?)?, shape.depends);
        let place = self.places.get(fragment)?;
        if outer.fragments > usize::from(place.kind == FRAGMENT) {
            return None;
        }
        let data = if place.kind == FRAGMENT && place.size > 0 {
            let binxml = Record { offset: place.start as usize, size: place.size.into() };
            let data = self.instance(&Instance::of_fragment(self.chunk, binxml)?, is_end_of_fragment, shapes)?;
            let shape = self.shape(data)?;
            if shape.fragment.is_some() || !shape.system.is_empty() || data.fragments > 0 {
                return None;
            }
            Some(data)
        } else if depends {
            return None;
        } else {
            None
        };
        self.rows.push(Row { record, outer, data });
        Some(())
    }

    /// Notes where an instance's values are, if they are of known types and sizes, and nothing but its end is behind them.
    fn instance(
        &mut self,
        instance: &Instance<'_>,
        is_end: impl Fn(&[u8]) -> bool,
        shapes: &mut Shapes,
    ) -> Option<Filled> {
        let (definition, size) = instance.definition(self.chunk)?;
        let known = self.shapes.iter().position(|known| known.start == definition);
        if known.is_none() {
            let (shape, number) = shapes.of(self.chunk, instance.template(), definition, size, self.extent)?;
            self.shapes.push(Known { start: definition, shape, number });
        }
        let shape = known.unwrap_or(self.shapes.len().checked_sub(1)?);
        let Known { shape: of_all, number, .. } = self.shapes.get(shape)?;
        if of_all.values > instance.count() {
            return None;
        }
        let mut unkept = Pattern::default();
        let (first, behind) = self.places.add(instance, shapes.pattern(*number).unwrap_or(&mut unkept))?;
        let fragments = instance.descriptors().filter(|&(kind, _)| kind == FRAGMENT).count();
        is_end(behind).then_some(Filled { shape, first, fragments })
    }

    fn shape(&self, part: Filled) -> Option<&Shape> {
        self.shapes.get(part.shape).map(|known| &*known.shape)
    }

    fn raw(&self, place: usize) -> Option<Raw<'a>> {
        let place = self.places.get(place)?;
        let bytes = self.chunk.get(place.start as usize..)?.get(..place.size.into())?;
        Some(Raw { kind: place.kind, bytes })
    }

    /// What a record is of, if that can be told by its values: the provider's name and the EventID.
    #[must_use]
    pub fn kind(&self, row: &Row) -> Option<(Raw<'_>, u16)> {
        let Plain::System { provider, event_id, .. } = &self.shape(row.outer)?.plain else { return None };
        let Raw { kind: UINT16, bytes } = self.raw(row.outer.first.checked_add(*event_id)?)? else { return None };
        Some((self.name(row, provider)?, u16_at(bytes, 0)?))
    }

    /// What one of its records says besides, if all of interest is in its values.
    #[must_use]
    pub fn values(&self, row: &Row) -> Option<Values<'_>> {
        let shape = self.shape(row.outer)?;
        let Plain::System { record_id, computer, .. } = &shape.plain else { return None };
        let own = |index: usize| self.raw(row.outer.first.checked_add(index)?);
        let fields = match row.data {
            None => None,
            Some(data) => match &self.shape(data)?.plain {
                Plain::Data(fields) => Some((&**fields, data.first)),
                // Of all of an event, no field has a number.
                _ => return None,
            },
        };
        Some(Values {
            typed: self,
            time: self.time(row)?,
            record_id: own(*record_id)?,
            computer: self.name(row, computer)?,
            place: row.record,
            fields,
        })
    }

    /// The time of one of its records, where that is a value that the parser shows as it is.
    #[must_use]
    pub fn time(&self, row: &Row) -> Option<Timestamp> {
        let index = self.shape(row.outer)?.time?;
        time_of(self.raw(row.outer.first.checked_add(index)?)?)
    }

    fn name<'t>(&'t self, row: &Row, name: &'t Name) -> Option<Raw<'t>> {
        match name {
            Name::Value(index) => self.raw(row.outer.first.checked_add(*index)?),
            Name::Text(text) => Some(Raw { kind: TEXT, bytes: text }),
        }
    }

    /// Whether one of its records is of a form.
    #[must_use]
    pub fn is_of(&self, row: &Row, form: &Form) -> bool {
        self.shape(row.outer).is_some_and(|outer| form.is(outer, row.data.and_then(|data| self.shape(data))))
    }

    /// The form of one of its records.
    #[must_use]
    pub fn form(&self, row: &Row) -> Option<Form> {
        let shape = |part: Filled| self.shapes.get(part.shape).map(|known| Arc::clone(&known.shape));
        Some(Form { outer: shape(row.outer)?, data: row.data.and_then(shape) })
    }

    /// One of the values of a record.
    #[must_use]
    pub fn value(&self, row: &Row, Site { is_of_data, index }: Site) -> Option<Raw<'_>> {
        let part = if is_of_data { row.data? } else { row.outer };
        self.raw(part.first.checked_add(index)?)
    }

    /// The event of one of its records.
    pub fn event<'s>(&'s self, row: &Row, scratch: &'s mut Scratch) -> Option<Event<'s>> {
        let shape = self.shape(row.outer)?;
        let data = row.data.and_then(|data| Some((self.shape(data)?, data)));
        scratch.text.clear();
        scratch.ends.clear();
        let time = if self.extent == Extent::Whole { None } else { self.time(row) };
        for (index, (_, member)) in shape.system.iter().enumerate() {
            if time.is_some() && shape.is_time(index) {
                scratch.ends.push(Some(scratch.text.len()));
            } else {
                self.add(member, row.outer, scratch)?;
            }
        }
        if let Some((shape, part)) = data {
            shape.data.iter().try_for_each(|(_, member)| self.add(member, part, scratch))?;
        }
        let mut start = 0;
        let all = std::str::from_utf8(&scratch.text).ok()?;
        let mut texts = scratch.ends.iter().map(|&end| {
            let text = all.get(start..end?).unwrap_or_default();
            start = end?;
            Some(text)
        });
        let mut event = Event { time, place: row.record, ..Event::default() };
        if self.extent == Extent::Whole {
            event.system.reserve_exact(shape.system.len());
        }
        for ((name, _), text) in shape.system.iter().zip(&mut texts) {
            event.add_to_system(Cow::Borrowed(name), Cow::Borrowed(text.unwrap_or_default()));
        }
        if let Some((shape, _)) = data {
            let named = shape.data.iter().map(|(name, _)| Cow::Borrowed(&**name));
            event.data = named.zip(texts).filter_map(|(name, text)| Some((name, Cow::Borrowed(text?)))).collect();
        }
        Some(event)
    }

    /// Adds what stands somewhere, as the parser shows it.
    fn add(&self, member: &Member, part: Filled, scratch: &mut Scratch) -> Option<()> {
        let value = |index: usize| self.raw(part.first.checked_add(index)?);
        let is_left_out = |index| value(index).is_none_or(|value| value.kind == NULL);
        if member.dependency.is_some_and(is_left_out) {
            scratch.ends.push(None);
            return Some(());
        }
        match &member.part {
            Part::Text(text) => scratch.text.extend_from_slice(text.as_bytes()),
            Part::Value(index) => {
                let Raw { kind, bytes } = value(*index)?;
                shown::push(&mut scratch.text, kind, bytes)?;
            }
        }
        scratch.ends.push(Some(scratch.text.len()));
        Some(())
    }
}

/// A value as a time, if it is one that the parser shows as it is.
fn time_of(value: Raw<'_>) -> Option<Timestamp> {
    let ticks = if value.kind == FILETIME { u64_at(value.bytes, 0)? } else { return None };
    if ticks <= LAST_FILETIME { record::filetime(ticks) } else { None }
}

/// Whether the parser can read all names that the table of names leads to.
fn has_sound_names(chunk: &[u8]) -> bool {
    const NAMES: usize = 64;
    const MOST: usize = 1 << 12;
    let mut met = [0_u64; 1 << 10];
    let mut count = 0;
    for index in 0..NAMES {
        let Some(mut at) = u32_at(chunk, CHUNK_TABLES + 4 * index) else { return false };
        while at != 0 {
            let Some(next) = sound_name(chunk, at as usize) else { return false };
            let (word, bit) = (at as usize / 64, 1_u64 << (at % 64));
            let Some(word) = met.get_mut(word) else { return false };
            count += 1;
            if *word & bit != 0 || count > MOST {
                break;
            }
            *word |= bit;
            at = next;
        }
    }
    count <= MOST
}

/// The next name behind the one at an offset, if that is one.
fn sound_name(chunk: &[u8], at: usize) -> Option<u32> {
    let name = name_at(chunk, at)?;
    let behind = chunk.get(at.checked_add(NAME_HEADER)?.checked_add(name.len())?..)?;
    let is_sound = at >= CHUNK_HEADER_SIZE && !has_surrogates(name) && behind.starts_with(&[0, 0]);
    u32_at(chunk, at).filter(|_| is_sound)
}
