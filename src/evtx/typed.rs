//! [`Typed`]: the records of a chunk read as Windows writes them, straight from their values, without the parser.
//!
//! It reads a chunk whole or not at all: every record has to be of the one shape that Windows writes
//! ([`crate::evtx::instance`]), with definitions that are understood in full, values of known types and sizes, and text that is
//! UTF-16 without surrogates. Of such a chunk the parser would lose nothing, and gives the same events, which the tests hold it
//! to. Any other chunk is for the parser.

use std::{borrow::Cow, io::Write};

use crate::{
    bytes::{u16_at, u32_at, u64_at},
    evtx::{
        chunk::{CHUNK_TABLES, Layout},
        definition::{FRAGMENT_HEADER, NAME_HEADER, NO_DEPENDENCY, Names, Token, Tokens, is, name_at},
        event::{Event, SYSTEM_TIME, joined},
        instance::{Instance, fits},
        kind::{
            BOOL, FILETIME, FRAGMENT, GUID, HEX32, HEX64, INT8, INT16, INT32, INT64, NULL, SID, SIZE, TEXT, UINT8,
            UINT16, UINT32, UINT64,
        },
        record::{self, LAST_FILETIME, Record},
        tree,
    },
    magic::CHUNK_HEADER_SIZE,
};

/// A chunk in which every record is of the known shape.
#[derive(Debug)]
pub(super) struct Typed<'a> {
    chunk: &'a [u8],
    /// Its records, all of them.
    pub(super) records: Vec<Record>,
    shapes: Vec<(usize, Shape)>,
    extent: Extent,
}

/// How much of an event is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Of `System` the members that an [`Event`] has fields for, of `EventData` the fields with these names, and the time as
    /// [`Event::time`] where it is one.
    Only(&'static [&'static str]),
}

/// Where the members of `System` and the fields of `EventData` stand in a template.
#[derive(Debug, Default)]
struct Shape {
    /// By the names of [`Event::system`].
    system: Vec<(Cow<'static, str>, Member)>,
    data: Vec<(Cow<'static, str>, Member)>,
    /// The value that is the time, where that need not be text.
    time: Option<usize>,
    /// The value that is the event's data, as BinXML of its own.
    fragment: Option<usize>,
    /// Whether there is no event without its data.
    depends: bool,
    /// How many values an instance must have.
    values: usize,
}

/// What stands in a place, and the value without which its element is left out.
#[derive(Debug)]
struct Member {
    part: Part,
    dependency: Option<usize>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Value(usize),
}

/// The text of one event's values.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// UTF-8.
    text: Vec<u8>,
    /// Where each value ends.
    ends: Vec<usize>,
    /// The values of the instance that is read: their types, where they start, and their sizes.
    places: Vec<(u8, usize, usize)>,
}

impl<'a> Typed<'a> {
    /// Of a chunk with this layout, if all in it is of the known shape.
    pub(super) fn of(chunk: &'a [u8], layout: &Layout, extent: Extent) -> Option<Self> {
        if *layout == Layout::UNKNOWN || !layout.tables || !has_sound_names(chunk) {
            return None;
        }
        let mut typed = Self { chunk, records: record::walk(chunk, layout.end)?, shapes: Vec::new(), extent };
        let records = std::mem::take(&mut typed.records);
        let (last, before) = records.split_last()?;
        // The parser stops behind the record with the last id.
        let ends = |record: &Record| record.id_and_time(chunk).map(|(id, _)| Some(id) == layout.last_id);
        if before.iter().any(|record| ends(record) != Some(false)) {
            return None;
        }
        ends(last)?;
        records.iter().try_for_each(|&record| typed.check(record))?;
        typed.records = records;
        Some(typed)
    }

    /// Whether a record is of the known shape.
    fn check(&mut self, record: Record) -> Option<()> {
        let (_, time) = record.id_and_time(self.chunk)?;
        let outer = Instance::of(self.chunk, record)?;
        let shape = self.shape_of(&outer)?;
        let (fragment, depends) = (shape.fragment, shape.depends);
        if time > LAST_FILETIME || !Self::has_known_values(&outer, fragment) {
            return None;
        }
        let inner = fragment.and_then(|index| outer.fragment_at(index));
        if fragment.is_none() || (depends && inner.is_none()) {
            return None;
        }
        if let Some(inner) = inner {
            let inner = Instance::of_fragment(self.chunk, inner)?;
            let shape = self.shape_of(&inner)?;
            if shape.fragment.is_some() || !shape.system.is_empty() || !Self::has_known_values(&inner, None) {
                return None;
            }
        }
        Some(())
    }

    fn has_known_values(instance: &Instance<'_>, fragment: Option<usize>) -> bool {
        let mut rest = instance.bytes();
        for (index, (kind, size)) in instance.descriptors().enumerate() {
            let Some((value, behind)) = rest.split_at_checked(size) else { return false };
            let is_known = match kind {
                NULL => true,
                TEXT => fits(kind, value) && !has_surrogates(value),
                INT8..=UINT64 | BOOL | GUID | SIZE | FILETIME | SID | HEX32 | HEX64 => fits(kind, value),
                FRAGMENT => fragment == Some(index),
                _ => false,
            };
            if !is_known {
                return false;
            }
            rest = behind;
        }
        // The end of the BinXML, behind which anything may be.
        rest.first().is_none_or(|&token| token == 0)
    }

    fn shape_of(&mut self, instance: &Instance<'_>) -> Option<&Shape> {
        let (start, size) = instance.definition(self.chunk)?;
        if self.known_shape(start).is_none() {
            let shape = Shape::read(self.chunk, start, size, self.extent)?;
            self.shapes.push((start, shape));
        }
        self.known_shape(start).filter(|shape| shape.values <= instance.count())
    }

    /// The shape of the definition with its BinXML at `start`.
    fn known_shape(&self, start: usize) -> Option<&Shape> {
        self.shapes.iter().find(|&&(known, _)| known == start).map(|(_, shape)| shape)
    }

    /// The event of one of its records.
    pub(super) fn event<'s>(&'s self, place: Record, scratch: &'s mut Scratch) -> Option<Event<'s>> {
        let outer = Instance::of(self.chunk, place)?;
        let shape = self.known_shape(outer.definition(self.chunk)?.0)?;
        let inner = shape.fragment.and_then(|index| outer.fragment_at(index));
        let inner = inner.and_then(|inner| Instance::of_fragment(self.chunk, inner));
        let data = inner.as_ref().and_then(|inner| Some((self.known_shape(inner.definition(self.chunk)?.0)?, inner)));
        scratch.text.clear();
        scratch.ends.clear();
        scratch.take(&outer);
        let time = shape.time.and_then(|index| match scratch.value(&outer, index)? {
            (FILETIME, value) => u64_at(value, 0).filter(|&ticks| ticks <= LAST_FILETIME).and_then(record::filetime),
            _ => None,
        });
        for (index, (_, member)) in shape.system.iter().enumerate() {
            if time.is_some() && shape.is_time(index) {
                scratch.ends.push(scratch.text.len());
            } else {
                scratch.add(member, &outer)?;
            }
        }
        if let Some((shape, inner)) = data {
            scratch.take(inner);
            for (_, member) in &shape.data {
                scratch.add(member, inner)?;
            }
        }
        let mut start = 0;
        let all = std::str::from_utf8(&scratch.text).ok()?;
        let mut texts = scratch.ends.iter().map(|&end| {
            let text = all.get(start..end).unwrap_or_default();
            start = end;
            text
        });
        let mut event = Event { time, place, ..Event::default() };
        if self.extent == Extent::Whole {
            event.system.reserve_exact(shape.system.len());
        }
        for ((name, _), text) in shape.system.iter().zip(&mut texts) {
            event.add_to_system(Cow::Borrowed(name), Cow::Borrowed(text));
        }
        if let Some((shape, _)) = data {
            let named = shape.data.iter().map(|(name, _)| Cow::Borrowed(&**name));
            event.data = named.zip(texts.map(Cow::Borrowed)).collect();
        }
        Some(event)
    }
}

impl Shape {
    /// Of the definition with `size` bytes of BinXML at `start` of a chunk: an `Event` with its `System` and the place of its
    /// data, or an `EventData`, and nothing behind it.
    fn read(chunk: &[u8], start: usize, size: usize, extent: Extent) -> Option<Self> {
        let mut shape = Self::default();
        let mut tokens = Tokens::new(chunk, start..start.checked_add(size)?, Names::Plain);
        if tokens.take(FRAGMENT_HEADER.len())? != FRAGMENT_HEADER {
            return None;
        }
        let Token::Open { name, dependency } = tokens.next()? else { return None };
        if is(name, "Event") {
            shape.read_event(&mut tokens, dependency, extent)?;
        } else if is(name, "EventData") && dependency == NO_DEPENDENCY {
            shape.read_data(&mut tokens, extent)?;
        } else {
            return None;
        }
        let rest = tokens.rest();
        (rest.is_empty() || rest == END).then_some(shape)
    }

    fn read_event(&mut self, tokens: &mut Tokens<'_>, dependency: u16, extent: Extent) -> Option<()> {
        loop {
            match tokens.next()? {
                Token::Attribute(_) => match tokens.next()? {
                    Token::Text(_) => {}
                    _ => return None,
                },
                Token::CloseStart => break,
                _ => return None,
            }
        }
        let Token::Open { name, dependency: NO_DEPENDENCY } = tokens.next()? else { return None };
        if !is(name, "System") || tokens.next()? != Token::CloseStart {
            return None;
        }
        let mut names: Vec<&[u8]> = Vec::with_capacity(16);
        loop {
            match tokens.next()? {
                Token::Open { name, dependency } if !names.contains(&name) => {
                    names.push(name);
                    self.read_member(tokens, name, dependency, extent)?;
                }
                Token::CloseElement => break,
                _ => return None,
            }
        }
        let Token::Value { index: data, kind } = tokens.next()? else { return None };
        if !is_type(kind) || tokens.next()? != Token::CloseElement || ![NO_DEPENDENCY, data].contains(&dependency) {
            return None;
        }
        self.needs(data.into());
        self.fragment = Some(data.into());
        self.depends = dependency != NO_DEPENDENCY;
        Some(())
    }

    /// Reads the attributes and the text of an element of `System` whose start was taken.
    fn read_member(&mut self, tokens: &mut Tokens<'_>, name: &[u8], dependency: u16, extent: Extent) -> Option<()> {
        let element = plain(name);
        let mut names: Vec<&[u8]> = Vec::new();
        loop {
            match tokens.next()? {
                Token::Attribute(name) if !names.contains(&name) => {
                    names.push(name);
                    let member = self.member(&tokens.next()?, dependency)?;
                    self.add_to_system(joined(&element, &plain(name)), member, extent);
                }
                Token::CloseStart => break,
                Token::CloseEmpty => return Some(()),
                _ => return None,
            }
        }
        match tokens.next()? {
            Token::CloseElement => return Some(()),
            token => {
                let member = self.member(&token, dependency)?;
                self.add_to_system(Cow::Owned(element), member, extent);
            }
        }
        (tokens.next()? == Token::CloseElement).then_some(())
    }

    fn add_to_system(&mut self, name: Cow<'static, str>, member: Member, extent: Extent) {
        if extent != Extent::Whole {
            if !Event::OWN.contains(&&*name) {
                return;
            }
            if let (SYSTEM_TIME, &Member { part: Part::Value(index), dependency: None }) = (&*name, &member) {
                self.time = Some(index);
            }
        }
        self.system.push((name, member));
    }

    fn read_data(&mut self, tokens: &mut Tokens<'_>, extent: Extent) -> Option<()> {
        if tokens.next()? != Token::CloseStart {
            return None;
        }
        let mut names: Vec<&[u8]> = Vec::with_capacity(32);
        loop {
            let dependency = match tokens.next()? {
                Token::Open { name, dependency } if is(name, "Data") => dependency,
                Token::CloseElement => return Some(()),
                _ => return None,
            };
            let Token::Attribute(attribute) = tokens.next()? else { return None };
            let Token::Text(name) = tokens.next()? else { return None };
            let is_known = is(attribute, "Name") && is_plain(name) && !names.contains(&name);
            if !is_known || tokens.next()? != Token::CloseStart {
                return None;
            }
            names.push(name);
            let member = self.member(&tokens.next()?, dependency)?;
            if tokens.next()? != Token::CloseElement {
                return None;
            }
            match extent {
                Extent::Whole => self.data.push((Cow::Owned(plain(name)), member)),
                Extent::Only(fields) => {
                    let field = fields.iter().find(|field| is(name, field));
                    self.data.extend(field.map(|field| (Cow::Borrowed(*field), member)));
                }
            }
        }
    }

    fn member(&mut self, content: &Token<'_>, dependency: u16) -> Option<Member> {
        let part = match *content {
            Token::Text(text) if !has_surrogates(text) && !text.as_chunks::<2>().0.contains(&[0, 0]) => {
                Part::Text(tree::text(text))
            }
            Token::Value { index, kind } if is_type(kind) => Part::Value(index.into()),
            _ => return None,
        };
        let dependency = (dependency != NO_DEPENDENCY).then_some(usize::from(dependency));
        let indices = dependency.into_iter().chain(if let Part::Value(index) = part { Some(index) } else { None });
        indices.for_each(|index| self.needs(index));
        Some(Member { part, dependency })
    }

    fn is_time(&self, index: usize) -> bool {
        self.time.is_some() && self.system.get(index).is_some_and(|(name, _)| name == SYSTEM_TIME)
    }

    fn needs(&mut self, index: usize) {
        self.values = self.values.max(index.saturating_add(1));
    }
}

/// Whether the parser knows a value type. That of a substitution does not matter beyond that: its value has one of its own.
fn is_type(kind: u8) -> bool {
    matches!(kind, NULL..=HEX64 | FRAGMENT | 0x81..=0x95)
}

/// What ends BinXML.
const END: [u8; 1] = [0];

fn is_plain(name: &[u8]) -> bool {
    let is_plain = |&[low, high]: &[u8; 2]| low.is_ascii_alphanumeric() && high == 0;
    !name.is_empty() && name.as_chunks().0.iter().all(is_plain)
}

/// A plain name as text.
fn plain(name: &[u8]) -> String {
    name.as_chunks::<2>().0.iter().map(|&[low, _]| char::from(low)).collect()
}

impl Scratch {
    /// Notes where the values of an instance are.
    fn take(&mut self, instance: &Instance<'_>) {
        self.places.clear();
        let mut start = 0;
        for (kind, size) in instance.descriptors() {
            self.places.push((kind, start, size));
            start += size;
        }
    }

    /// A value of the instance that was taken: its type and its bytes.
    fn value<'a>(&self, instance: &Instance<'a>, index: usize) -> Option<(u8, &'a [u8])> {
        let &(kind, start, size) = self.places.get(index)?;
        Some((kind, instance.bytes().get(start..)?.get(..size)?))
    }

    /// Adds what stands somewhere, as the parser shows it.
    fn add(&mut self, member: &Member, instance: &Instance<'_>) -> Option<()> {
        let is_left_out = |index: usize| self.places.get(index).is_none_or(|&(kind, ..)| kind == NULL);
        match &member.part {
            _ if member.dependency.is_some_and(is_left_out) => {}
            Part::Text(text) => self.text.extend_from_slice(text.as_bytes()),
            Part::Value(index) => {
                let (kind, value) = self.value(instance, *index)?;
                self.show(kind, value)?;
            }
        }
        self.ends.push(self.text.len());
        Some(())
    }

    fn show(&mut self, kind: u8, value: &[u8]) -> Option<()> {
        let text = &mut self.text;
        match kind {
            NULL => Some(()),
            TEXT => {
                push_utf16(text, value);
                Some(())
            }
            UINT8 => push_number(text, u64::from(*value.first()?)),
            UINT16 => push_number(text, u64::from(u16_at(value, 0)?)),
            UINT32 => push_number(text, u64::from(u32_at(value, 0)?)),
            UINT64 => push_number(text, u64_at(value, 0)?),
            INT8 => write!(text, "{}", value.first()?.cast_signed()).ok(),
            INT16 => write!(text, "{}", u16_at(value, 0)?.cast_signed()).ok(),
            INT32 => write!(text, "{}", u32_at(value, 0)?.cast_signed()).ok(),
            INT64 => write!(text, "{}", u64_at(value, 0)?.cast_signed()).ok(),
            BOOL => match u32_at(value, 0)?.cast_signed() {
                0 => text.write_all(b"false").ok(),
                1 => text.write_all(b"true").ok(),
                other => write!(text, "{other}").ok(),
            },
            GUID => push_guid(text, value),
            FILETIME => {
                push_time(text, u64_at(value, 0)?);
                Some(())
            }
            SID => push_sid(text, value),
            SIZE if value.len() == 4 => write!(text, "{:#x}", u32_at(value, 0)?).ok(),
            HEX32 => write!(text, "{:#x}", u32_at(value, 0)?).ok(),
            SIZE | HEX64 => write!(text, "{:#x}", u64_at(value, 0)?).ok(),
            _ => None,
        }
    }
}

/// UTF-16 without surrogates, up to its first NUL.
fn push_utf16(text: &mut Vec<u8>, units: &[u8]) {
    let units = units.as_chunks::<2>().0;
    // Mostly it is ASCII, of which a block is told at once.
    let is_ascii = |block: &&[[u8; 2]]| {
        let others = block.iter().fold(0, |others, &[low, high]| others | high | (low & 0x80) | u8::from(low == 0));
        others == 0
    };
    let ascii: usize = units.chunks(16).take_while(is_ascii).map(<[_]>::len).sum();
    let (ascii, rest) = units.split_at_checked(ascii).unwrap_or((units, &[]));
    text.extend(ascii.iter().map(|&[low, _]| low));
    for unit in rest {
        match char::from_u32(u32::from(u16::from_le_bytes(*unit))) {
            Some('\0') | None => return,
            Some(unit) => text.extend_from_slice(unit.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn has_surrogates(units: &[u8]) -> bool {
    units.as_chunks::<2>().0.iter().any(|[_, high]| high & 0xf8 == 0xd8)
}

fn push_number(text: &mut Vec<u8>, mut number: u64) -> Option<()> {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at = at.checked_sub(1)?;
        *digits.get_mut(at)? = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(digits.get(at..)?);
    Some(())
}

/// Three numbers, little-endian, and eight bytes, in lower case and braces.
pub(crate) fn push_guid(text: &mut Vec<u8>, value: &[u8]) -> Option<()> {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    text.push(b'{');
    for (number, index) in ORDER.into_iter().enumerate() {
        if matches!(number, 4 | 6 | 8 | 10) {
            text.push(b'-');
        }
        let byte = *value.get(index)?;
        text.extend([digit(byte >> 4), digit(byte & 0xf)]);
    }
    text.push(b'}');
    Some(())
}

/// The time of a FILETIME; of what is none, what the parser makes of it.
fn push_time(text: &mut Vec<u8>, ticks: u64) {
    const SECOND: u64 = 10_000_000;
    const DAY: u64 = 86_400 * SECOND;
    if ticks > i64::MAX.cast_unsigned() {
        return text.extend_from_slice(b"0000-00-00T00:00:00.0000000Z");
    }
    let (days, ticks) = (ticks / DAY, ticks % DAY);
    // Days from the first of March of the year 0, in eras of 400 years: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let days = days + 584_694;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let seconds = ticks / SECOND;
    let parts = [
        (year % 10_000, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (seconds / 3600, 2, b':'),
        (seconds / 60 % 60, 2, b':'),
        (seconds % 60, 2, b'.'),
        (ticks % SECOND, 7, b'Z'),
    ];
    for (number, width, behind) in parts {
        for place in (0..width).rev() {
            text.push(b'0' + (number / 10_u64.pow(place) % 10) as u8);
        }
        text.push(behind);
    }
}

/// A security identifier, MS-DTYP 2.4.2.
fn push_sid(text: &mut Vec<u8>, value: &[u8]) -> Option<()> {
    let (&[revision, count], rest) = value.split_first_chunk()?;
    let (authority, rest) = rest.split_first_chunk::<6>()?;
    let authority = authority.iter().fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
    write!(text, "S-{revision}-{authority}").ok()?;
    for authority in rest.as_chunks().0.iter().take(count.into()) {
        write!(text, "-{}", u32::from_le_bytes(*authority)).ok()?;
    }
    Some(())
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
