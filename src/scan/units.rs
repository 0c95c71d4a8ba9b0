//! The [`Unit`]s of work of a scan, numbered in order; one is made when it is asked for.

use std::{collections::HashSet, ops::Range, path::Path};

use crate::{
    evidence::{
        source::{Kind, Packing, Source},
        sources::Sources,
    },
    evtx::chunk,
};

/// Chunks that are read at once: 512 KiB, which stays in a core's cache while it is searched.
pub(super) const BLOCK_CHUNKS: usize = 8;

/// What a thread does before it asks for more.
#[derive(Debug, Clone)]
pub(super) enum Unit<'a> {
    /// An archive is hashed as the file that it is.
    Archive(&'a Source),
    /// Some blocks of a log are scanned, or all of a log that is packed.
    Blocks(Blocks<'a>),
}

impl Unit<'_> {
    /// The name of the archive or the log.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Archive(source) | Self::Blocks(Blocks { source, .. }) => &source.name,
        }
    }
}

/// Some blocks of a source.
#[derive(Debug, Clone)]
pub(super) struct Blocks<'a> {
    pub(super) source: &'a Source,
    /// The source's number.
    pub(super) number: usize,
    pub(super) range: Range<u64>,
}

impl Blocks<'_> {
    /// How many bytes it has, as far as is known.
    pub(super) fn size(&self) -> u64 {
        let range = self.range();
        range.end - range.start
    }

    /// Where chunks or events in it can be that are at their places: anywhere in what is packed or exported.
    pub(super) fn reach(&self) -> Range<u64> {
        if self.is_log() { self.range() } else { 0..u64::MAX }
    }

    /// The numbers of the chunks of a log; nothing of an export, and of what is packed.
    pub(super) fn chunks(&self) -> Option<Range<u64>> {
        let end = chunk::count(self.source.size).min(self.range.end.saturating_mul(BLOCK_CHUNKS as u64));
        self.is_log().then(|| self.range.start.saturating_mul(BLOCK_CHUNKS as u64)..end)
    }

    fn is_log(&self) -> bool {
        self.source.packing == Packing::Plain && !matches!(self.source.kind, Kind::Export(_))
    }

    fn range(&self) -> Range<u64> {
        let end = block(self.source.size, self.range.end).map_or(self.source.size, |(start, _)| start);
        block(self.source.size, self.range.start).map_or(end, |(start, _)| start)..end
    }
}

/// The units of all sources, by name: an archive, and then what is in it.
pub(super) struct Units<'a> {
    /// Each source, or archive, with the number of its first unit.
    items: Vec<(u64, Item<'a>)>,
    in_order: bool,
}

/// A source with its number, or an archive without one.
type Item<'a> = (&'a Source, Option<usize>);

impl<'a> Units<'a> {
    /// If they are to be hashed, sources are read in order, and archives are read that would not be read as streams.
    pub(super) fn new(sources: &'a Sources, hashing: bool) -> Self {
        let streams = sources.logs.iter().filter(|source| matches!(source.packing, Packing::Stream(_)));
        let streams: HashSet<&Path> = streams.map(|source| source.path.as_path()).collect();
        let archives = sources.archives.iter().filter(|archive| hashing && !streams.contains(&*archive.path));
        let mut items: Vec<Item<'a>> = archives.map(|archive| (archive, None)).collect();
        items.extend((0..).zip(&sources.logs).map(|(number, source)| (source, Some(number))));
        items.sort_by_key(|(source, number)| (&source.name, *number));
        let mut units = Self { items: Vec::with_capacity(items.len()), in_order: hashing };
        let mut next = 0;
        for item in items {
            units.items.push((next, item));
            next += if units.is_whole(item) { 1 } else { blocks(item.0.size) };
        }
        units
    }

    /// How many bytes there are to do, as far as is known.
    pub(super) fn size(&self) -> u64 {
        self.items.iter().map(|(_, (source, _))| source.size).fold(0, u64::saturating_add)
    }

    fn is_whole(&self, (source, number): Item<'_>) -> bool {
        self.in_order || number.is_none() || source.packing != Packing::Plain || matches!(source.kind, Kind::Export(_))
    }

    pub(super) fn get(&self, number: u64) -> Option<Unit<'a>> {
        let index = self.items.partition_point(|(first, _)| *first <= number).checked_sub(1)?;
        let &(first, item) = self.items.get(index)?;
        let block = number - first;
        let unit = |source, number, range| Unit::Blocks(Blocks { source, number, range });
        match item {
            (archive, None) => (block == 0).then_some(Unit::Archive(archive)),
            (source, Some(number)) if self.is_whole(item) => {
                (block == 0).then(|| unit(source, number, 0..blocks(source.size)))
            }
            (source, Some(number)) => (block < blocks(source.size)).then(|| unit(source, number, block..block + 1)),
        }
    }
}

/// How many blocks a log of `size` bytes has: at least one, if only of nothing.
fn blocks(size: u64) -> u64 {
    chunk::count(size).div_ceil(BLOCK_CHUNKS as u64).max(1)
}

/// Where block `number` of a log of `size` bytes starts, and how long it is. The first has the file header.
pub(super) fn block(size: u64, number: u64) -> Option<(u64, u64)> {
    let chunk = number.checked_mul(BLOCK_CHUNKS as u64)?;
    let start = if chunk == 0 { 0 } else { chunk::offset(chunk) };
    let end = chunk::offset(chunk + BLOCK_CHUNKS as u64).min(size);
    Some((start, end.checked_sub(start)?))
}
