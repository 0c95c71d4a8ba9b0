//! [`Pieces`]: whether the texts of records stand in a chunk in one piece each, so that a text that the chunk does not have is in none of
//! them.
//!
//! A template can put a text together from its own and from several values, and the parser drops NULs out of 8-bit strings. Windows
//! writes neither into events of interest, but an attacker can. What is not of the known shapes may be in pieces, too.

use crate::evtx::{
    instance::Instance,
    kind::{ANSI, ARRAY, FRAGMENT},
    record::Record,
    shape::{Extent, Plain},
    shapes::Shapes,
};

/// Whether a value of this type can be shown as other text than its bytes are, or as several.
fn is_in_pieces(kind: u8) -> bool {
    kind == ANSI || kind >= ARRAY
}

/// Tells the records of a chunk whose texts may be in pieces.
pub(super) struct Pieces<'c, 's> {
    chunk: &'c [u8],
    extent: Extent,
    shapes: &'s mut Shapes,
    /// Whether each part of interest is one value, by where the definition is.
    known: Vec<(usize, bool)>,
}

impl<'c, 's> Pieces<'c, 's> {
    pub(super) fn new(chunk: &'c [u8], extent: Extent, shapes: &'s mut Shapes) -> Self {
        Self { chunk, extent, shapes, known: Vec::new() }
    }

    /// Whether each text of interest in a record is one value in UTF-16. False no is allowed, false yes is not.
    pub(super) fn is_whole(&mut self, record: Record) -> bool {
        self.are_values_whole(record) == Some(true)
    }

    fn are_values_whole(&mut self, record: Record) -> Option<bool> {
        let outer = Instance::of(self.chunk, record)?;
        let (mut start, mut fragment) = (outer.offset(), None);
        for (kind, size) in outer.descriptors() {
            let size = usize::from(size);
            if is_in_pieces(kind) || kind == FRAGMENT && fragment.replace(Record { offset: start, size }).is_some() {
                return Some(false);
            }
            start = start.checked_add(size)?;
        }
        if !self.is_plain(&outer)? {
            return Some(false);
        }
        let Some(fragment) = fragment.filter(|fragment| fragment.size > 0) else { return Some(true) };
        let data = Instance::of_fragment(self.chunk, fragment)?;
        let is_any = data.descriptors().any(|(kind, _)| is_in_pieces(kind) || kind == FRAGMENT);
        Some(!is_any && self.is_plain(&data)?)
    }

    fn is_plain(&mut self, instance: &Instance<'_>) -> Option<bool> {
        let (definition, size) = instance.definition(self.chunk)?;
        if let Some(&(_, is_plain)) = self.known.iter().find(|(known, _)| *known == definition) {
            return Some(is_plain);
        }
        let shape = self.shapes.of(self.chunk, instance.template(), definition, size, self.extent);
        let is_plain = shape.is_some_and(|(shape, _)| !matches!(shape.plain, Plain::No));
        self.known.push((definition, is_plain));
        Some(is_plain)
    }
}
