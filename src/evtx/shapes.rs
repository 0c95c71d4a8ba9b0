//! [`Shapes`]: the shapes of templates that were met, so that a definition need not be read again in each chunk that has it.
//!
//! A definition in another chunk differs only in where its names are. So the one that was read is compared with the other token by
//! token: all bytes but the offsets of names must be the same, and each offset must lead to the same name, or the same name must
//! stand right behind it. Then [`Shape::read`] would take the same steps, and give the same.

use std::{collections::HashMap, sync::Arc};

use crate::{
    bytes::u32_at,
    evtx::{
        definition::{NAME_HEADER, Use, name_at},
        shape::{Extent, Shape},
    },
};

/// How many are kept. Windows has some hundred templates in its most varied logs; a forged log can have any number.
const MOST: usize = 1 << 10;
/// Of a name, behind its letters: a NUL.
const NAME_END: usize = 2;

/// The shapes that were met, each by the first bytes of its definition's header and its size.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes {
    known: HashMap<Key, Known, ahash::RandomState>,
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
    uses: Vec<Use>,
    extent: Extent,
    shape: Arc<Shape>,
}

impl Shapes {
    /// The shape of a template, as [`Shape::read`] gives it, of the definition with `size` bytes of BinXML at `start` of a chunk.
    pub(super) fn of(
        &mut self,
        chunk: &[u8],
        template: u32,
        start: usize,
        size: usize,
        extent: Extent,
    ) -> Option<Arc<Shape>> {
        let key = Key { template, size };
        let known = self.known.get(&key).filter(|known| known.extent == extent && known.is(chunk, start));
        if let Some(known) = known {
            return Some(Arc::clone(&known.shape));
        }
        let (shape, uses) = Shape::read(chunk, start, size, extent)?;
        let shape = Arc::new(shape);
        if self.known.len() >= MOST {
            self.known.clear();
        }
        let binxml = chunk.get(start..start.checked_add(size)?)?.into();
        self.known.insert(key, Known { binxml, uses, extent, shape: Arc::clone(&shape) });
        Some(shape)
    }
}

impl Known {
    /// Whether the definition at an offset of a chunk has the same tokens.
    fn is(&self, chunk: &[u8], start: usize) -> bool {
        self.compare(chunk, start).is_some()
    }

    fn compare(&self, chunk: &[u8], start: usize) -> Option<()> {
        let other = chunk.get(start..start.checked_add(self.binxml.len())?)?;
        let are_same = |from, to| Some(self.binxml.get(from..to)? == other.get(from..to)?);
        let mut at = 0;
        for used in &self.uses {
            let behind = used.at.checked_add(size_of::<u32>())?;
            let offset = u32_at(other, used.at)? as usize;
            let is_here = offset == start.checked_add(behind)?;
            if !are_same(at, used.at)? || is_here != used.is_here || name_at(chunk, offset)? != &*used.name {
                return None;
            }
            at = if is_here { behind + NAME_HEADER + used.name.len() + NAME_END } else { behind };
        }
        are_same(at, self.binxml.len())?.then_some(())
    }
}
