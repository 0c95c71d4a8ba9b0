//! [`Shapes`]: the shapes of templates that were met, so that a definition need not be read again in each chunk that has it.
//!
//! A definition in another chunk differs only in where its names are. So the one that was read is compared with the other token by
//! token: all bytes but the offsets of names must be the same, and each offset must lead to the same name, or the same name must
//! stand right behind it. Then [`Shape::read`] would take the same steps, and give the same.

use std::{collections::HashMap, sync::Arc};

use crate::{
    bytes::{self, u32_at},
    evtx::{
        places::Pattern,
        shape::{Extent, Shape},
        tokens::{NAME_HEADER, Use, name_at},
    },
};

/// How many are kept, with a pattern each. Windows has some hundred templates in its most varied logs; a forged log can have any number.
const MOST: usize = 1 << 10;
/// How long the bytes of one may be, its names among them. Sysmon's longest definition takes less than 3 KiB.
const LONGEST: usize = 8 << 10;
/// Of a name, behind its letters: a NUL.
const NAME_END: usize = 2;

/// The shapes that were met, each by the first bytes of its definition's header and its size.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes {
    known: HashMap<Key, Known, ahash::RandomState>,
    /// What the values of the last records were like, by the number of the shape.
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    template: u32,
    size: usize,
}

/// A definition that was read.
#[derive(Debug, Clone)]
struct Known {
    binxml: Box<[u8]>,
    names: Vec<Name>,
    extent: Extent,
    shape: Arc<Shape>,
    /// Which of the patterns is its own.
    number: usize,
}

/// A name that a definition has.
#[derive(Debug, Clone)]
struct Name {
    /// Where its offset stands in the definition.
    at: usize,
    /// Whether it stands right behind that.
    is_here: bool,
    letters: Box<[u8]>,
}

impl Shapes {
    /// The shape of a template, as [`Shape::read`] gives it, of the definition with `size` bytes of BinXML at `start` of a chunk, and its
    /// number.
    pub(super) fn of(
        &mut self,
        chunk: &[u8],
        template: u32,
        start: usize,
        size: usize,
        extent: Extent,
    ) -> Option<(Arc<Shape>, usize)> {
        let key = Key { template, size };
        let known = self.known.get(&key).filter(|known| known.extent == extent && known.is(chunk, start));
        if let Some(known) = known {
            return Some((Arc::clone(&known.shape), known.number));
        }
        let (shape, uses) = Shape::read(chunk, start, size, extent)?;
        let shape = Arc::new(shape);
        if size + uses.iter().map(|used| used.name.len()).sum::<usize>() > LONGEST {
            return Some((shape, usize::MAX));
        }
        if self.known.len() >= MOST {
            *self = Self::default();
        }
        let binxml = chunk.get(start..start.checked_add(size)?)?.into();
        let name = |used: Use<'_>| Name { at: used.at, is_here: used.is_here, letters: used.name.into() };
        let names = uses.into_iter().map(name).collect();
        // A definition takes the place of another with the same key, and of its pattern: else there would be no end to these.
        let number = self.known.get(&key).map_or(self.patterns.len(), |replaced| replaced.number);
        if number == self.patterns.len() {
            self.patterns.push(Pattern::default());
        }
        self.known.insert(key, Known { binxml, names, extent, shape: Arc::clone(&shape), number });
        Some((shape, number))
    }

    /// What the values of the last record with this shape were like, if that is kept. Any pattern is as good as another, but for time.
    pub(super) fn pattern(&mut self, number: usize) -> Option<&mut Pattern> {
        self.patterns.get_mut(number)
    }
}

impl Known {
    /// Whether the definition at an offset of a chunk has the same tokens.
    fn is(&self, chunk: &[u8], start: usize) -> bool {
        self.compare(chunk, start).is_some()
    }

    fn compare(&self, chunk: &[u8], start: usize) -> Option<()> {
        let other = chunk.get(start..start.checked_add(self.binxml.len())?)?;
        let are_same = |from, to| Some(bytes::same(self.binxml.get(from..to)?, other.get(from..to)?));
        let mut at = 0;
        for name in &self.names {
            let behind = name.at.checked_add(size_of::<u32>())?;
            let offset = u32_at(other, name.at)? as usize;
            let is_here = offset == start.checked_add(behind)?;
            if !are_same(at, name.at)?
                || is_here != name.is_here
                || !bytes::same(name_at(chunk, offset)?, &name.letters)
            {
                return None;
            }
            at = if is_here { behind + NAME_HEADER + name.letters.len() + NAME_END } else { behind };
        }
        are_same(at, self.binxml.len())?.then_some(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        evtx::{chunk, decoder::tests::chunks, typed::Typed},
        magic::CHUNK_HEADER_SIZE,
    };

    /// Where definitions that are known start in a chunk, with their keys.
    fn places(met: &Shapes, chunk: &[u8]) -> Vec<(usize, Key)> {
        let starts = CHUNK_HEADER_SIZE..chunk.len();
        let known = |start| met.known.iter().filter(move |(_, known)| known.is(chunk, start));
        starts.flat_map(|start| known(start).map(move |(&key, _)| (start, key))).collect()
    }

    #[test]
    fn a_definition_is_another_one_where_any_of_what_it_was_read_from_is() {
        let (mut within, mut elsewhere) = (0, 0);
        chunks(&mut |path, chunk| {
            let mut met = Shapes::default();
            let _ = Typed::of(chunk, &chunk::layout(chunk).0, Extent::Whole, &mut met);
            for (start, key) in places(&met, chunk) {
                let names = met.known[&key].names.clone();
                let offset = |name: &Name| u32_at(chunk, start + name.at).unwrap() as usize;
                // The length of a name, its first letter, and the middle of the definition.
                let mut changed: BTreeSet<usize> =
                    names.iter().flat_map(|name| [6, 8].map(|at| offset(name) + at)).collect();
                changed.insert(start + key.size / 2);
                within += 1;
                elsewhere += names.iter().filter(|name| !name.is_here).count();
                for at in changed {
                    let mut other = chunk.to_vec();
                    other[at] ^= 1;
                    let anew = Shape::read(&other, start, key.size, Extent::Whole).map(|(shape, _)| Arc::new(shape));
                    let met = met.of(&other, key.template, start, key.size, Extent::Whole);
                    let shape = met.map(|(shape, _)| shape);
                    assert!(format!("{shape:?}") == format!("{anew:?}"), "{}: {at} of that at {start}", path.display());
                }
            }
        });
        assert!(within > 0 && elsewhere > 0, "{within} definitions have {elsewhere} names elsewhere");
    }

    #[test]
    fn a_definition_that_takes_the_place_of_another_has_its_pattern() {
        let mut replaced = 0;
        chunks(&mut |_, chunk| {
            let mut met = Shapes::default();
            let layout = chunk::layout(chunk).0;
            // With either extent, a key has another shape.
            for extent in [Extent::Whole, Extent::Only(&["Image"]), Extent::Whole] {
                let _ = Typed::of(chunk, &layout, extent, &mut met);
                assert_eq!(met.patterns.len(), met.known.len());
                replaced += met.known.len();
            }
        });
        assert!(replaced > 0);
    }
}
