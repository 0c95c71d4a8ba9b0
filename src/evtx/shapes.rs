//! [`Shapes`]: the shapes of definitions, remembered by the bytes that they were read from. The chunks of a log repeat the definitions of
//! its events, mostly at the same places.

use std::{iter, sync::Arc};

use crate::evtx::shape::{Extent, Shape};

/// How many shapes are remembered at most, before all are forgotten. A log of Sysmon's has some thirty definitions, at a few places each.
const MOST: usize = 256;

/// How long the bytes of one may be. Sysmon's longest definition takes less than 3 KiB.
const LONGEST: usize = 8 << 10;

/// Shapes that were read before.
#[derive(Debug, Default)]
pub(super) struct Shapes(Vec<Known>);

#[derive(Debug)]
struct Known {
    extent: Extent,
    /// All that the shape was read from: the definition, and the names that it has elsewhere.
    pieces: Vec<Piece>,
    shape: Arc<Shape>,
}

/// Some bytes of a chunk.
#[derive(Debug)]
struct Piece {
    start: usize,
    bytes: Box<[u8]>,
}

impl Piece {
    fn is_in(&self, chunk: &[u8]) -> bool {
        chunk.get(self.start..).is_some_and(|bytes| bytes.starts_with(&self.bytes))
    }
}

impl Known {
    /// Whether a definition is the one that it was read from, in the same place, with the same names.
    fn is(&self, chunk: &[u8], start: usize, size: usize, extent: Extent) -> bool {
        let is_there = self.pieces.first().is_some_and(|piece| piece.start == start && piece.bytes.len() == size);
        is_there && self.extent == extent && self.pieces.iter().all(|piece| piece.is_in(chunk))
    }
}

impl Shapes {
    /// The shape of the definition with `size` bytes of BinXML at `start` of a chunk, as [`Shape::read`] has it.
    pub(super) fn read(&mut self, chunk: &[u8], start: usize, size: usize, extent: Extent) -> Option<Arc<Shape>> {
        if let Some(known) = self.0.iter().find(|known| known.is(chunk, start, size, extent)) {
            return Some(Arc::clone(&known.shape));
        }
        let shape = Arc::new(Shape::read(chunk, start, size, extent)?);
        let ranges = iter::once(start..start.checked_add(size)?).chain(shape.elsewhere.iter().cloned());
        let pieces: Option<Vec<Piece>> =
            ranges.map(|range| Some(Piece { start: range.start, bytes: chunk.get(range)?.into() })).collect();
        let pieces = pieces.filter(|pieces| pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>() <= LONGEST);
        if let Some(pieces) = pieces {
            if self.0.len() >= MOST {
                self.0.clear();
            }
            self.0.push(Known { extent, pieces, shape: Arc::clone(&shape) });
        }
        Some(shape)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::evtx::{chunk, decoder::tests::chunks, typed::Typed};

    #[test]
    fn a_definition_is_another_one_where_any_of_what_it_was_read_from_is() {
        let (mut within, mut elsewhere) = (0, 0);
        chunks(&mut |path, chunk| {
            let mut met = Shapes::default();
            let _ = Typed::of(chunk, &chunk::layout(chunk).0, Extent::Whole, &mut met);
            let mut places = BTreeSet::new();
            for known in &met.0 {
                let [definition, names @ ..] = &known.pieces[..] else { panic!("it was read from nothing") };
                let (start, size) = (definition.start, definition.bytes.len());
                // The length of a name, its first letter, and the middle of the definition.
                places
                    .extend(names.iter().flat_map(|name| [name.start + 6, name.start + 8].map(|at| (start, size, at))));
                places.insert((start, size, start + size / 2));
                (within, elsewhere) = (within + 1, elsewhere + names.len());
            }
            for (start, size, at) in places {
                let mut other = chunk.to_vec();
                other[at] ^= 1;
                let anew = format!("{:?}", Shape::read(&other, start, size, Extent::Whole).map(Arc::new));
                let shape = format!("{:?}", met.read(&other, start, size, Extent::Whole));
                assert!(shape == anew, "{}: {at} of the definition at {start}", path.display());
            }
        });
        assert!(within > 0 && elsewhere > 0, "{within} definitions have {elsewhere} names elsewhere");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut met = Shapes::default();
        chunks(&mut |_, chunk| {
            let _ = Typed::of(chunk, &chunk::layout(chunk).0, Extent::Whole, &mut met);
            assert!(met.0.len() <= MOST);
        });
    }
}
