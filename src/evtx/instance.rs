//! The [`Instance`] of a template: a record in the one shape in which Windows writes them, and its values with
//! their types. Which value can be an EventID is in [`candidates`](crate::evtx::candidates).
//!
//! The shape, from the EVTX format notes of the libevtx project (sections 3.2 and 4) and MS-EVEN6 2.2.12:
//!
//! ```text
//! 2a 2a 00 00 | size u32 | record number u64 | FILETIME u64 | BinXML ... | size u32
//! BinXML: 0f 01 01 00 | 0c 01 | template id u32 | definition offset u32 | [definition] | values
//! values: count u32 | count descriptors (size u16, type u8, 0) | the values, one after the other
//! definition, in the record that uses it first: next u32 | GUID 16 | size u32 | size bytes of BinXML
//! ```

use crate::{
    bytes::u32_at,
    evtx::{
        kind::{FILETIME, FRAGMENT},
        record::Record,
    },
};

/// A fragment header, and the token of a template instance.
pub(super) const INSTANCE: [u8; 6] = [0x0f, 0x01, 0x01, 0x00, 0x0c, 0x01];

/// The token alone, as a fragment can have it.
const BARE_INSTANCE: &[u8] = &[0x0c, 0x01];

/// The template id and the definition's offset.
pub(super) const INSTANCE_IDS: usize = 8;

/// Next offset, GUID, size.
pub(super) const DEFINITION_HEADER: usize = 24;

/// The token that ends BinXML.
const END: u8 = 0x00;

/// How many bytes records are a multiple of.
const ALIGNMENT: usize = 8;

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
        Self::behind(chunk, binxml, &INSTANCE)
    }

    /// The same of a fragment, which need not start with a header.
    pub(super) fn of_fragment(chunk: &'a [u8], binxml: Record) -> Option<Self> {
        let is_bare = chunk.get(binxml.offset..)?.starts_with(BARE_INSTANCE);
        Self::behind(chunk, binxml, if is_bare { BARE_INSTANCE } else { &INSTANCE })
    }

    /// The instance that some BinXML starts with, whose tokens the parser takes for one: of the bytes around them it asks nothing.
    pub(super) fn as_parsed(chunk: &'a [u8], binxml: Record) -> Option<Self> {
        let tokens = chunk.get(binxml.offset..)?.get(..binxml.size)?;
        Self::behind(chunk, binxml, tokens.get(..size_of_start(tokens)?)?)
    }

    /// Whether BinXML starts with what the parser takes for an instance.
    pub(super) fn starts(binxml: &[u8]) -> bool {
        size_of_start(binxml).is_some()
    }

    fn behind(chunk: &'a [u8], binxml: Record, start: &[u8]) -> Option<Self> {
        let template = u32_at(chunk.get(binxml.offset..)?.strip_prefix(start)?, 0)?;
        let (definition, behind) = parts_behind(chunk, binxml, start)?;
        let (descriptors, values) = descriptors(behind)?;
        let offset = binxml.offset.checked_add(binxml.size)?.checked_sub(values.len())?;
        Some(Self { template, definition, descriptors, values, offset })
    }

    /// The id of its template: the start of its GUID.
    pub(super) fn template(&self) -> u32 {
        self.template
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

    /// The types of its values and their sizes, in order.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = (u8, u16)> {
        self.descriptors.iter().map(|&[low, high, kind, _]| (kind, u16::from_le_bytes([low, high])))
    }

    /// The same as they stand in the record: a size, a type, and a byte that means nothing, in little-endian order.
    pub(super) fn stated(&self) -> impl ExactSizeIterator<Item = u32> {
        self.descriptors.iter().map(|&descriptor| u32::from_le_bytes(descriptor))
    }

    /// Where the type of a value stands in the chunk: in its descriptor, before all values.
    pub(super) fn place_of_kind(&self, index: usize) -> usize {
        let behind = self.count().saturating_sub(index).saturating_mul(4);
        self.offset.saturating_sub(behind).saturating_add(2)
    }

    /// Where the values start in the chunk.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// The bytes of its values, one after the other, and what is behind them.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.values
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

    fn range(&self, index: usize) -> Option<(usize, usize, u8)> {
        let size = |&[low, high, _, _]: &[u8; 4]| usize::from(u16::from_le_bytes([low, high]));
        let (before, own) = self.descriptors.split_at_checked(index)?;
        let own = own.first()?;
        Some((before.iter().map(size).sum(), size(own), own[2]))
    }
}

/// The descriptors of an instance's values, and the bytes of those.
pub(super) fn descriptors(values: &[u8]) -> Option<(&[[u8; 4]], &[u8])> {
    let count = u32_at(values, 0)? as usize;
    let (descriptors, values) = values.get(4..)?.split_at_checked(count.checked_mul(4)?)?;
    Some((descriptors.as_chunks().0, values))
}

/// Whether a value has a size that its type can have, MS-EVEN6 2.2.12 and 2.2.13. Other arrays and what is not known may have any.
#[inline]
pub(super) fn fits(kind: u8, value: &[u8]) -> bool {
    let size = value.len();
    match kind {
        0x01 => size.is_multiple_of(2),
        // An array of such strings, each of which a NUL ends.
        0x81 => size.is_multiple_of(2) && (size == 0 || value.ends_with(&[0, 0])),
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

/// Whether what is behind a record's values is its end: the token, and what makes the record a multiple of 8 bytes long, which can be
/// any bytes. A record that was cut off while it was written has zeros up to its end.
pub(super) fn is_end_of_record(behind: &[u8]) -> bool {
    behind.first() == Some(&END) && (behind.len() <= ALIGNMENT || behind.iter().all(|&byte| byte == END))
}

/// Whether what is behind a fragment's values is its end: the token, and nothing else.
pub(super) fn is_end_of_fragment(behind: &[u8]) -> bool {
    behind == [END]
}

/// How long the tokens are that the parser takes for the start of an instance, with or without a fragment header before it.
fn size_of_start(binxml: &[u8]) -> Option<usize> {
    match binxml {
        [0x0f, _, _, _, 0x0c, _, ..] => Some(INSTANCE.len()),
        [0x0c, _, ..] => Some(BARE_INSTANCE.len()),
        _ => None,
    }
}

/// The offset of a record's definition, and what is behind that if it is inline: its values, and the end of the stream.
pub(super) fn parts(chunk: &[u8], record: Record) -> Option<(usize, &[u8])> {
    parts_behind(chunk, record, &INSTANCE)
}

fn parts_behind<'a>(chunk: &'a [u8], record: Record, start: &[u8]) -> Option<(usize, &'a [u8])> {
    let end = record.offset.checked_add(record.size)?;
    let instance = chunk.get(record.offset..end)?.strip_prefix(start)?;
    let offset = u32_at(instance, 4)? as usize;
    let behind_ids = record.offset.checked_add(start.len() + INSTANCE_IDS)?;
    // The parser finds a definition inline by the same comparison.
    let definition_size = if offset == behind_ids { definition(chunk, offset)?.len() + DEFINITION_HEADER } else { 0 };
    Some((offset, instance.get(INSTANCE_IDS.checked_add(definition_size)?..)?))
}

/// The BinXML of the definition at `offset`.
pub(super) fn definition(chunk: &[u8], offset: usize) -> Option<&[u8]> {
    let definition = chunk.get(offset..)?;
    let size = u32_at(definition, DEFINITION_HEADER - 4)? as usize;
    definition.get(DEFINITION_HEADER..)?.get(..size)
}

#[cfg(test)]
pub(super) mod tests {
    /// BinXML of one instance, whose definition is in the chunk's header, with an end behind it.
    pub(crate) fn instance(values: &[(u8, &[u8])], end: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x0f, 0x01, 0x01, 0x00, 0x0c, 0x01, 7, 0, 0, 0, 8, 0, 0, 0];
        bytes.extend(u32::try_from(values.len()).unwrap().to_le_bytes());
        for (kind, value) in values {
            bytes.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
            bytes.extend([*kind, 0]);
        }
        bytes.extend(values.iter().flat_map(|(_, value)| *value));
        bytes.extend(end);
        bytes
    }
}
