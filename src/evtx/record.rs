//! A record's bytes as they stand in a chunk: where it is, and whether it can be an EventID 3.
//!
//! Nothing is decoded here. This file recognises the one shape in which Windows writes records and answers "cannot
//! be" only for that; whatever it does not recognise "may be", and the parser decides.
//!
//! The shape, from the EVTX format notes of the libevtx project (sections 3.2 and 4) and MS-EVEN6 2.2.12:
//!
//! ```text
//! 2a 2a 00 00 | size u32 | record number u64 | FILETIME u64 | BinXML ... | size u32
//! BinXML: 0f 01 01 00 | 0c 01 | template id u32 | definition offset u32 | [definition] | values
//! values: count u32 | count descriptors (size u16, type u8, 0) | the values, one after the other
//! definition, in the record that uses it first: next u32 | GUID 16 | size u32 | size bytes of BinXML
//! ```

use std::fmt;

use jiff::Timestamp;
use memchr::memmem;

use crate::{
    bytes::{u32_at, u64_at},
    evtx::{
        definition::{self, FILETIME, TimeValue},
        window::Window,
    },
    magic::{self, CHUNK_HEADER_SIZE},
};

const HEADER_SIZE: usize = 24;
/// The header, and the copy of the size at the end.
const SMALLEST: usize = HEADER_SIZE + 4;

/// The last FILETIME that the parser takes in a record's header: 9999-12-30T22:00 UTC. It skips to what looks like the next
/// record otherwise.
const LAST_FILETIME: u64 = (253_402_207_200 + 11_644_473_600) * 10_000_000 + 9_999_999;

/// A fragment header, and the token of a template instance.
const INSTANCE: [u8; 6] = [0x0f, 0x01, 0x01, 0x00, 0x0c, 0x01];
/// The type of a value that is BinXML.
const FRAGMENT: u8 = 0x21;
/// The template id and the definition's offset.
const INSTANCE_IDS: usize = 8;
/// Next offset, GUID, size.
const DEFINITION_HEADER: usize = 24;

/// A record, found but not decoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    /// Where its BinXML starts in the chunk, in bytes.
    pub offset: usize,
    /// How long its BinXML is, in bytes.
    pub size: usize,
}

impl Record {
    /// How long the whole record is, header and all, in bytes.
    #[must_use]
    pub fn whole(self) -> usize {
        self.size.saturating_add(SMALLEST)
    }

    /// Where its header starts in the chunk, in bytes.
    #[must_use]
    pub fn start(self) -> u64 {
        self.offset.saturating_sub(HEADER_SIZE) as u64
    }

    /// The id in its header, and its header's time as a FILETIME (100 ns since 1601).
    #[must_use]
    pub fn id_and_time(self, chunk: &[u8]) -> Option<(u64, u64)> {
        let header = chunk.get(self.offset.checked_sub(HEADER_SIZE)?..)?;
        Some((u64_at(header, 8)?, u64_at(header, 16)?))
    }
}

/// The records of a chunk, by their headers.
///
/// Returns `None` unless they fill the space up to `end`, one after the other: a chunk with any doubt about it is for
/// the parser, which names what is wrong. As for the parser, the copy of a record's size at its end does not matter here:
/// [`miscopied`] names it.
#[must_use]
pub fn walk(chunk: &[u8], end: usize) -> Option<Vec<Record>> {
    let mut records = Vec::with_capacity(128);
    let mut start = CHUNK_HEADER_SIZE;
    let chunk = chunk.get(..end)?;
    while start < end {
        let record = header_at(chunk, start)?;
        records.push(record);
        start += record.whole();
    }
    Some(records)
}

/// The record whose header is at an offset of a chunk, if all of it is there.
fn header_at(chunk: &[u8], start: usize) -> Option<Record> {
    let record = chunk.get(start..)?;
    let size = u32_at(record, 4)? as usize;
    let is_whole = record.starts_with(&magic::RECORD) && (SMALLEST..=record.len()).contains(&size);
    is_whole.then_some(Record { offset: start.checked_add(HEADER_SIZE)?, size: size.checked_sub(SMALLEST)? })
}

/// The record that starts at an offset of a chunk, with the copy of its size at its end, and its id.
#[must_use]
pub fn at(chunk: &[u8], start: usize) -> Option<(Record, u64)> {
    let record = header_at(chunk, start)?;
    miscopied(chunk, record).is_none().then_some((record, u64_at(chunk, start.checked_add(8)?)?))
}

/// The record's size at its start and at its end, in bytes, if the two are not the same.
#[must_use]
pub fn miscopied(chunk: &[u8], record: Record) -> Option<(usize, usize)> {
    let copy = u32_at(chunk, record.offset.checked_add(record.size)?)? as usize;
    (copy != record.whole()).then_some((record.whole(), copy))
}

/// Everything in a chunk that looks like a whole record, wherever it starts: where that is, the record, its id.
pub fn all(chunk: &[u8]) -> impl Iterator<Item = (usize, Record, u64)> {
    let starts = memmem::find_iter(chunk, &magic::RECORD).skip_while(|&start| start < CHUNK_HEADER_SIZE);
    starts.filter_map(|start| at(chunk, start).map(|(record, id)| (start, record, id)))
}

/// Where in the used space of a chunk whole records start that are not among those that were read.
#[must_use]
pub fn unread(chunk: &[u8], end: usize, read: &[Record]) -> Vec<usize> {
    let mut behind = 0;
    let mut unread = Vec::new();
    for (start, record, _) in all(chunk) {
        if start >= behind && start < end {
            if !read.iter().any(|read| read.offset == record.offset) {
                unread.push(start);
            }
            behind = start + record.whole();
        }
    }
    unread
}

/// The whole records in a chunk that are neither among these nor inside one of them.
#[must_use]
pub fn old(chunk: &[u8], known: &[Record]) -> Vec<Record> {
    let mut known: Vec<(usize, usize)> =
        known.iter().map(|record| (record.offset.saturating_sub(HEADER_SIZE), record.whole())).collect();
    known.sort_unstable();
    let is_known = |start: usize| {
        let before = known.partition_point(|(other, _)| *other <= start).checked_sub(1);
        before.and_then(|index| known.get(index)).is_some_and(|(other, size)| start < other + size)
    };
    all(chunk).filter(|(start, ..)| !is_known(*start)).map(|(_, record, _)| record).collect()
}

/// A chunk, mended so that the parser reads all of it.
#[derive(Debug)]
pub struct Mended {
    /// The chunk.
    pub chunk: Vec<u8>,
    /// Where records start that were hidden in those before them.
    pub hidden: Vec<usize>,
}

/// Mends a copy of a chunk with these records, if there is something to mend.
///
/// Two things are: records that were hidden by making the one before span them, as a known tool for editing logs does;
/// and times in record headers that the parser refuses, and that nothing depends on.
#[must_use]
pub fn mend(chunk: &[u8], records: &[Record]) -> Option<Mended> {
    let mut mended: Option<Mended> = None;
    let mut put = |at: usize, bytes: &[u8], hidden: Option<usize>| {
        let mended = mended.get_or_insert_with(|| Mended { chunk: chunk.to_vec(), hidden: Vec::new() });
        if let Some(place) = mended.chunk.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        mended.hidden.extend(hidden);
    };
    for record in records {
        let start = record.offset.saturating_sub(HEADER_SIZE);
        if record.id_and_time(chunk).is_some_and(|(_, time)| time > LAST_FILETIME) {
            put(start + 16, &[0; 8], None);
        }
        let end = start + record.whole();
        let mut from = start;
        let inside = chunk.get(..end).unwrap_or_default();
        while let Some((hidden, inner)) = next_inside(inside, record.offset.max(from + 1)) {
            let behind = hidden + inner.whole();
            // A record may hold the bytes of another as data; but not as the rest of it.
            if behind != end && header_at(inside, behind).is_none() {
                break;
            }
            let size = u32::try_from(hidden - from).unwrap_or(0).to_le_bytes();
            put(from + 4, &size, Some(hidden));
            from = hidden;
        }
    }
    mended
}

/// The first record at or behind an offset that is whole, or is the rest: the copy of its size may be that of the record
/// that spans it.
fn next_inside(chunk: &[u8], from: usize) -> Option<(usize, Record)> {
    let starts = memmem::find_iter(chunk.get(from..)?, &magic::RECORD);
    starts.map(|found| from + found).find_map(|start| {
        let record = header_at(chunk, start)?;
        (start + record.whole() == chunk.len() || at(chunk, start).is_some()).then_some((start, record))
    })
}

/// Where in a chunk the next record with this id starts, by its magic and its id, at or behind an offset.
#[must_use]
pub fn find(chunk: &[u8], from: usize, id: u64) -> Option<usize> {
    let mut starts = memmem::find_iter(chunk.get(from..)?, &magic::RECORD).map(|found| from + found);
    starts.find(|&start| u64_at(chunk, start + 8) == Some(id))
}

/// A FILETIME, 100 ns since 1601, as a time, if it is one before the year 10000.
#[must_use]
pub fn filetime(ticks: u64) -> Option<Timestamp> {
    const SECONDS_FROM_1601_TO_1970: i64 = 11_644_473_600;
    let seconds = i64::try_from(ticks / 10_000_000).ok()?.checked_sub(SECONDS_FROM_1601_TO_1970)?;
    let nanoseconds = i32::try_from(ticks % 10_000_000 * 100).ok()?;
    Timestamp::new(seconds, nanoseconds).ok()
}

/// An instance of a template, as a record or a fragment in one has it: which template, and its values.
#[derive(Debug, Clone, Copy)]
pub struct Instance<'a> {
    template: u32,
    definition: usize,
    descriptors: &'a [[u8; 4]],
    values: &'a [u8],
    /// Where the values start in the chunk.
    offset: usize,
}

impl<'a> Instance<'a> {
    /// The instance that is all of a record's BinXML, or of a fragment's; nothing when the shape is not the known one.
    #[must_use]
    pub fn of(chunk: &'a [u8], binxml: Record) -> Option<Self> {
        let template = u32_at(chunk.get(binxml.offset..)?.strip_prefix(&INSTANCE)?, 0)?;
        let (definition, behind) = Candidates::new(chunk).parts(binxml)?;
        let (descriptors, values) = descriptors(behind)?;
        let offset = binxml.offset.checked_add(binxml.size)?.checked_sub(values.len())?;
        Some(Self { template, definition, descriptors, values, offset })
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.descriptors.len()
    }

    /// A value: its type and its bytes, if it has a size that its type can have.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<(u8, &'a [u8])> {
        let (start, size, kind) = self.range(index)?;
        let value = self.values.get(start..)?.get(..size)?;
        fits(kind, value).then_some((kind, value))
    }

    /// The first value that is a fragment.
    #[must_use]
    pub fn fragment(&self) -> Option<Record> {
        let index = self.descriptors.iter().position(|&[_, _, kind, _]| kind == FRAGMENT)?;
        let (start, size, _) = self.range(index)?;
        Some(Record { offset: self.offset.checked_add(start)?, size })
    }

    /// Where the definition of its template has its BinXML in the chunk, and how many bytes; nothing if what stands there is
    /// of another template.
    #[must_use]
    pub fn definition(&self, chunk: &[u8]) -> Option<(usize, usize)> {
        // The template's id is the start of its GUID.
        let header = chunk.get(self.definition..)?;
        let is_its = u32_at(header, 4)? == self.template;
        let size = u32_at(header, DEFINITION_HEADER - 4)? as usize;
        is_its.then_some((self.definition + DEFINITION_HEADER, size))
    }

    fn misfit(&self, chunk: &'a [u8], most_nested: usize) -> Option<Misfit> {
        let mut start = 0;
        for (index, &[low, high, kind, _]) in self.descriptors.iter().enumerate() {
            let size = usize::from(u16::from_le_bytes([low, high]));
            if !fits(kind, self.values.get(start..)?.get(..size)?) {
                return Some(Misfit { index, kind, size });
            }
            if let (FRAGMENT, Some(left)) = (kind, most_nested.checked_sub(1)) {
                let inner = Self::of(chunk, Record { offset: self.offset.checked_add(start)?, size });
                if let Some(misfit) = inner.and_then(|inner| inner.misfit(chunk, left)) {
                    return Some(misfit);
                }
            }
            start += size;
        }
        None
    }

    fn range(&self, index: usize) -> Option<(usize, usize, u8)> {
        let size = |&[low, high, _, _]: &[u8; 4]| usize::from(u16::from_le_bytes([low, high]));
        let (before, own) = self.descriptors.split_at_checked(index)?;
        let own = own.first()?;
        Some((before.iter().map(size).sum(), size(own), own[2]))
    }
}

/// How deep fragments are looked into. Windows writes one in a record.
const MOST_NESTED: usize = 3;

/// A value whose size its type cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit {
    /// Which of the values it is, from 0.
    pub index: usize,
    /// Its BinXML type.
    pub kind: u8,
    /// The size that is stated for it, in bytes.
    pub size: usize,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, kind, size } = self;
        write!(f, "value {index} is of type {kind:#04x} and {size} bytes long, which no such value is")
    }
}

/// Tells the records of one chunk that cannot be what is looked for from those that may: by their EventID and their time.
///
/// The EventID of a record is a value of its outermost template, or text in that template's definition. So "cannot"
/// needs two things: no value that says 3, and no text in the definition that says 3. As values count strings and
/// the integers of 16 bits and more (Windows writes a UInt16); 8-bit integers do not, since Sysmon's schema versions
/// are that, and a 3 among them. What could break it is a record whose `System` comes out of a nested fragment, or
/// one with an 8-bit EventID. Windows writes neither.
///
/// The time of a record, `TimeCreated`, is the value of that template that its definition says, if it says so in the way of
/// Windows ([`crate::evtx::definition`]). The parser shows a FILETIME there as the time that it is; past the year 9999, as
/// another. The time in the record's header is not asked: it can be another one, and mean nothing. A record in which another
/// could be hidden ([`mend`]) may have any time.
#[derive(Debug)]
pub struct Candidates<'a> {
    chunk: &'a [u8],
    /// For each definition met, by offset: whether its text says 3. Real chunks have one.
    definitions: Vec<(usize, bool)>,
    /// The same: which value is the time, if that is known.
    time_values: Vec<(usize, Option<TimeValue>)>,
}

impl<'a> Candidates<'a> {
    /// For the records of `chunk`.
    #[must_use]
    pub fn new(chunk: &'a [u8]) -> Self {
        Self { chunk, definitions: Vec::new(), time_values: Vec::new() }
    }

    /// Whether `record` can have the EventID 3. False yes is allowed, false no is not.
    pub fn may_be_event_3(&mut self, record: Record) -> bool {
        self.cannot_be(record) != Some(true)
    }

    /// Whether `record` can have a time in this window, or none that can be told. False yes is allowed, false no is not.
    pub fn may_be_within(&mut self, record: Record, window: &Window) -> bool {
        window.is_open() || self.time(record).is_none_or(|time| window.keeps(filetime(time)))
    }

    /// A value of `record`, or of a fragment in it, whose size is none that its type can have; nothing when there is none, or
    /// when the shape is not the known one.
    ///
    /// The parser takes so many bytes as the type has, whatever the size says, and reads all that follows at the wrong place.
    #[must_use]
    pub fn misfit(&self, record: Record) -> Option<Misfit> {
        Instance::of(self.chunk, record)?.misfit(self.chunk, MOST_NESTED)
    }

    /// Some(true) when it cannot be an EventID 3; nothing when the shape is not the known one.
    fn cannot_be(&mut self, record: Record) -> Option<bool> {
        let (definition, values) = self.parts(record)?;
        Some(!a_value_says_3(values)? && !self.definition_says_3(definition)?)
    }

    /// The FILETIME of `record`'s `TimeCreated`; nothing when the shape is not the known one.
    fn time(&mut self, record: Record) -> Option<u64> {
        let (definition, values) = self.parts(record)?;
        // That its values are of known shapes is what matters here.
        a_value_says_3(values)?;
        let binxml = self.chunk.get(record.offset..)?.get(..record.size)?;
        let TimeValue { index, up_to } = self.time_value(definition)?;
        let (descriptors, values) = descriptors(values)?;
        let is_fragment = |&index: &u16| matches!(descriptors.get(usize::from(index)), Some([_, _, FRAGMENT, _]));
        if up_to.iter().any(is_fragment) || memmem::find(binxml, &magic::RECORD).is_some() {
            return None;
        }
        let (before, own) = descriptors.split_at_checked(usize::from(*index))?;
        let start = before.iter().map(|&[low, high, _, _]| usize::from(u16::from_le_bytes([low, high]))).sum();
        matches!(own, [[8, 0, FILETIME, _], ..]).then(|| u64_at(values, start)).flatten()
    }

    /// The offset of a record's definition, and what is behind that if it is inline: its values, and the end of the stream.
    fn parts(&self, record: Record) -> Option<(usize, &'a [u8])> {
        let end = record.offset.checked_add(record.size)?;
        let instance = self.chunk.get(record.offset..end)?.strip_prefix(&INSTANCE)?;
        let definition = u32_at(instance, 4)? as usize;
        let behind_ids = record.offset.checked_add(INSTANCE.len() + INSTANCE_IDS)?;
        // The parser finds a definition inline by the same comparison.
        let definition_size =
            if definition == behind_ids { self.definition(definition)?.len() + DEFINITION_HEADER } else { 0 };
        Some((definition, instance.get(INSTANCE_IDS.checked_add(definition_size)?..)?))
    }

    /// The BinXML of the definition at `offset`.
    fn definition(&self, offset: usize) -> Option<&'a [u8]> {
        let definition = self.chunk.get(offset..)?;
        let size = u32_at(definition, DEFINITION_HEADER - 4)? as usize;
        definition.get(DEFINITION_HEADER..)?.get(..size)
    }

    fn definition_says_3(&mut self, offset: usize) -> Option<bool> {
        if let Some(&(_, says_3)) = self.definitions.iter().find(|(known, _)| *known == offset) {
            return Some(says_3);
        }
        let definition = self.definition(offset)?;
        let says_3 = (0..definition.len()).any(|at| definition.get(at..).is_some_and(literal_says_3));
        self.definitions.push((offset, says_3));
        Some(says_3)
    }

    fn time_value(&mut self, offset: usize) -> Option<&TimeValue> {
        if !self.time_values.iter().any(|(known, _)| *known == offset) {
            let size = self.definition(offset)?.len();
            let start = offset.checked_add(DEFINITION_HEADER)?;
            self.time_values.push((offset, definition::time_value(self.chunk, start..start + size)));
        }
        self.time_values.iter().find(|(known, _)| *known == offset)?.1.as_ref()
    }
}

/// Whether tokens start with one of literal text, MS-EVEN6 2.2.12, that says 3.
fn literal_says_3(tokens: &[u8]) -> bool {
    matches!(
        tokens,
        // A string or a CDATA section that starts with it, which a NUL may end: the length, and the text.
        [0x05 | 0x45, 0x01, _, _, b'3', ..] | [0x07 | 0x47, _, _, b'3', ..]
        // A number, or a bool, of which the parser makes one.
        | [0x05 | 0x45, 0x03..=0x0a | 0x0d | 0x14 | 0x15, 3, ..]
        // The character reference `&#51;`.
        | [0x08 | 0x48, b'3', 0, ..]
    )
}

/// Whether one of an instance's values says 3; nothing where the parser could see other values than these.
fn a_value_says_3(values: &[u8]) -> Option<bool> {
    let (descriptors, mut rest) = descriptors(values)?;
    let mut says_3 = false;
    for &[low, high, kind, _] in descriptors {
        let (value, behind) = rest.split_at_checked(usize::from(u16::from_le_bytes([low, high])))?;
        rest = behind;
        says_3 |= value_says_3(kind, value)?;
    }
    // The token that ends the stream, and bytes to fill up to a multiple of 8. What is longer has something else in it.
    (rest.len() <= 16 && rest.first().is_none_or(|&token| token == 0)).then_some(says_3)
}

/// The descriptors of an instance's values, and the bytes of those.
fn descriptors(values: &[u8]) -> Option<(&[[u8; 4]], &[u8])> {
    let count = u32_at(values, 0)? as usize;
    let (descriptors, values) = values.get(4..)?.split_at_checked(count.checked_mul(4)?)?;
    Some((descriptors.as_chunks().0, values))
}

/// Whether a value has a size that its type can have, MS-EVEN6 2.2.12 and 2.2.13. Arrays and what is not known may have any.
fn fits(kind: u8, value: &[u8]) -> bool {
    let size = value.len();
    match kind {
        0x01 => size.is_multiple_of(2),
        0x03 | 0x04 => size == 1,
        0x05 | 0x06 => size == 2,
        0x07 | 0x08 | 0x0b | 0x0d | 0x14 => size == 4,
        0x09 | 0x0a | 0x0c | FILETIME | 0x15 => size == 8,
        0x0f | 0x12 => size == 16,
        0x10 => size == 4 || size == 8,
        0x13 => value.get(1).is_some_and(|&authorities| size == 8 + 4 * usize::from(authorities)),
        _ => true,
    }
}

/// Whether one value says 3, whose length must be what its type says.
fn value_says_3(kind: u8, value: &[u8]) -> Option<bool> {
    let is_3 = || matches!(value, [3, rest @ ..] if rest.iter().all(|&byte| byte == 0));
    if !fits(kind, value) {
        return None;
    }
    match kind {
        // Integers: Int16 to UInt64 and the two that are shown as hex.
        // And bool, of which the parser makes a number where it is neither 0 nor 1.
        0x05..=0x0a | 0x0d | 0x14 | 0x15 => Some(is_3()),
        // A UTF-16 string, which a NUL may end.
        0x01 => Some(matches!(value, [b'3', 0] | [b'3', 0, 0, 0, ..])),
        // An 8-bit string, out of which the parser drops NULs.
        0x02 => Some(value.iter().filter(|&&byte| byte != 0).eq(b"3")),
        // Floats, whose 3.0 is shown as 3.
        0x0b => Some(value == 3_f32.to_le_bytes()),
        0x0c => Some(value == 3_f64.to_le_bytes()),
        // Null, bytes and nested BinXML of any size; 8-bit integers; GUID, times, SID.
        0x00 | 0x0e | FRAGMENT | 0x03 | 0x04 | 0x0f | FILETIME | 0x12 | 0x13 => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chunk whose only content is one template instance, its definition inline, at offset 512.
    fn chunk(definition: &[u8], values: &[(u8, &[u8])]) -> (Vec<u8>, Record) {
        let mut chunk = vec![0; CHUNK_HEADER_SIZE];
        let mut put = |bytes: &[u8]| chunk.extend_from_slice(bytes);
        let start = u32::try_from(CHUNK_HEADER_SIZE + INSTANCE.len() + INSTANCE_IDS).unwrap();
        put(&INSTANCE);
        put(&7_u32.to_le_bytes());
        put(&start.to_le_bytes());
        put(&[0; 20]);
        put(&u32::try_from(definition.len()).unwrap().to_le_bytes());
        put(definition);
        put(&u32::try_from(values.len()).unwrap().to_le_bytes());
        for (kind, value) in values {
            put(&u16::try_from(value.len()).unwrap().to_le_bytes());
            put(&[*kind, 0]);
        }
        for (_, value) in values {
            put(value);
        }
        let size = chunk.len() - CHUNK_HEADER_SIZE;
        (chunk, Record { offset: CHUNK_HEADER_SIZE, size })
    }

    fn may_be(definition: &[u8], values: &[(u8, &[u8])]) -> bool {
        let (chunk, record) = chunk(definition, values);
        Candidates::new(&chunk).may_be_event_3(record)
    }

    #[test]
    fn a_record_without_a_3_is_ruled_out() {
        assert!(!may_be(&[0; 40], &[(0x06, &[1, 0]), (0x04, &[3]), (0x08, &[3, 1, 0, 0])]));
    }

    #[test]
    fn a_3_of_any_wide_type_may_be_the_event_id() {
        assert!(may_be(&[0; 40], &[(0x06, &[3, 0])]));
        assert!(may_be(&[0; 40], &[(0x08, &[3, 0, 0, 0])]));
        assert!(may_be(&[0; 40], &[(0x15, &[3, 0, 0, 0, 0, 0, 0, 0])]));
        assert!(may_be(&[0; 40], &[(0x01, &[b'3', 0])]));
        assert!(may_be(&[0; 40], &[(0x02, b"3")]));
        assert!(may_be(&[0; 40], &[(0x01, b"3\0\0\0\0\0")]), "a NUL ends it");
        assert!(may_be(&[0; 40], &[(0x02, b"\x003\0\0\0\0")]), "NULs are dropped");
        assert!(may_be(&[0; 40], &[(0x0d, &[3, 0, 0, 0])]), "a bool that is neither is a number");
    }

    #[test]
    fn a_3_in_the_definitions_text_may_be_the_event_id() {
        assert!(may_be(&[0, 0x05, 0x01, 1, 0, b'3', 0, 0x04, 0], &[(0x06, &[1, 0])]));
        assert!(may_be(&[0, 0x05, 0x06, 3, 0, 0x04, 0], &[(0x06, &[1, 0])]));
        assert!(may_be(&[0, 0x05, 0x01, 2, 0, b'3', 0, 0, 0, 0x04, 0], &[(0x06, &[1, 0])]));
        assert!(may_be(&[0, 0x08, b'3', 0, 0x04, 0], &[(0x06, &[1, 0])]));
        assert!(may_be(&[0, 0x07, 2, 0, b'3', 0, 0, 0, 0x04, 0], &[(0x06, &[1, 0])]));
        assert!(may_be(&[0, 0x05, 0x0d, 3, 0, 0, 0, 0x04, 0], &[(0x06, &[1, 0])]), "a bool that is neither");
        assert!(may_be(&[0, 0x05, 0x04, 3], &[(0x06, &[1, 0])]), "at the end");
    }

    #[test]
    fn a_time_is_told_only_of_the_known_shape() {
        const TIME: u64 = 133_000_000_000_000_000;
        let window = |from: u64, to: u64| Window { since: filetime(from), until: filetime(to) };
        let (definition, time) = (&*time_is(0, 1), TIME.to_le_bytes());
        let may_be = |values: &[(u8, &[u8])], window: &Window| {
            let (chunk, record) = chunk(definition, values);
            Candidates::new(&chunk).may_be_within(record, window)
        };
        let values: &[(u8, &[u8])] = &[(0x06, &[3, 0]), (FILETIME, &time)];
        assert!(may_be(values, &window(TIME, TIME + 1)) && may_be(values, &window(TIME - 1, TIME + 1)));
        assert!(!may_be(values, &window(TIME + 1, TIME + 2)) && !may_be(values, &window(TIME - 1, TIME)));
        let outside = window(TIME + 1, TIME + 2);
        assert!(may_be(values, &Window::default()));
        for other in [
            &[(0x06, &[3, 0][..])][..],
            &[(FILETIME, &time), (0x06, &[3, 0])],
            &[(0x06, &[3, 0]), (0x0a, &time)],
            &[(0x06, &[3, 0]), (FILETIME | 0x80, &time)],
            &[(0x06, &[3, 0]), (FILETIME, &time[..7])],
            &[(0x06, &[3, 0]), (FILETIME, &u64::MAX.to_le_bytes())],
            &[(0x06, &[3, 0, 0]), (FILETIME, &time)],
            &[(FRAGMENT, &[]), (FILETIME, &time), (0x06, &[3, 0])],
            &[(0x06, &[3, 0]), (FILETIME, &time), (0x0e, &magic::RECORD)],
        ] {
            assert!(may_be(other, &outside), "{other:?}");
        }
    }

    /// A definition that says that the time is the value with an index, behind another value; for offset 512 of a chunk.
    fn time_is(before: u8, index: u8) -> Vec<u8> {
        let start = CHUNK_HEADER_SIZE + INSTANCE.len() + INSTANCE_IDS + DEFINITION_HEADER;
        let mut bytes = vec![0x0f, 1, 1, 0];
        let mut put = |before: &[u8], name: &str, behind: &[u8]| {
            bytes.extend(before);
            bytes.extend(u32::try_from(start + bytes.len() + 4).unwrap().to_le_bytes());
            bytes.extend([0, 0, 0, 0, 0, 0, u8::try_from(name.len()).unwrap(), 0]);
            bytes.extend(name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
            bytes.extend(behind);
        };
        put(&[0x01, 0xff, 0xff, 0, 0, 0, 0], "Event", &[0x02]);
        put(&[0x01, 0xff, 0xff, 0, 0, 0, 0], "System", &[0x02]);
        put(&[0x01, 0xff, 0xff, 0, 0, 0, 0], "EventID", &[0x02, 0x0e, before, 0, 0x06, 0x04]);
        put(&[0x41, 0xff, 0xff, 0, 0, 0, 0], "TimeCreated", &[0, 0, 0, 0]);
        put(&[0x06], "SystemTime", &[0x0d, index, 0, FILETIME, 0x03, 0x04, 0x04, 0x00]);
        bytes
    }

    #[test]
    fn a_value_of_a_size_that_its_type_cannot_have_is_found_also_in_a_fragment() {
        let misfit = |values: &[(u8, &[u8])]| {
            let (chunk, record) = chunk(&[0; 40], values);
            Candidates::new(&chunk).misfit(record).map(|misfit| (misfit.index, misfit.kind, misfit.size))
        };
        for kind in [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15] {
            assert_eq!(misfit(&[(1, b"ab"), (kind, &[])]), Some((1, kind, 0)), "{kind:#x}");
        }
        assert_eq!(misfit(&[(1, b"abc")]), Some((0, 1, 3)));
        let sound: [(u8, &[u8]); 7] = [
            (0, &[]),
            (1, &[]),
            (4, &[1]),
            (6, &[1, 2]),
            (0x13, &[1, 0, 0, 0, 0, 0, 0, 5]),
            (0x0e, &[1]),
            (0x81, &[1]),
        ];
        assert_eq!(misfit(&sound), None);
    }

    #[test]
    fn filetimes_are_times_to_100_ns() {
        let shown = |ticks| crate::report::times::time(filetime(ticks));
        assert_eq!(shown(132_000_000_000_000_001), "2019-04-17T18:40:00.0000001Z");
        assert_eq!(shown(0), "1601-01-01T00:00:00.0000000Z");
        assert_eq!(shown(u64::MAX), "");
    }

    #[test]
    fn an_unknown_shape_may_be_anything() {
        assert!(may_be(&[0; 40], &[(0x06, &[1, 0, 0])]), "a UInt16 of three bytes");
        assert!(may_be(&[0; 40], &[(0x81, &[1, 0])]), "an array");
        let (mut chunk, record) = chunk(&[0; 40], &[(0x06, &[1, 0])]);
        chunk.push(0x0c);
        let longer = Record { size: record.size + 1, ..record };
        assert!(Candidates::new(&chunk).may_be_event_3(longer), "more tokens behind it");
        chunk.truncate(record.offset + record.size - 1);
        assert!(Candidates::new(&chunk).may_be_event_3(record), "cut off");
    }
}
