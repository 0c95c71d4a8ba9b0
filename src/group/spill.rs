//! A [`Sorter`]: puts more things in order than fit into memory. Batches of them are sorted, spilled to a temporary file, and merged
//! from there when they are read.
//!
//! What the things are is not this file's concern.
//!
//! Crates for external sorting do not fit. extsort 0.5 bounds how many things are in memory and not their bytes, which evidence
//! chooses; its files have names, and stay when the process is killed; and what it returns can be read once, where a report takes
//! several passes. ext-sort 0.1 is the same in the last two, and brings `clap` and `env_logger` along.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    fs::File,
    io::{self, BufWriter},
    mem, slice,
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{group::block, space};

/// How much is compressed as a whole, at least, in bytes: of each run, that much is in memory while it is read.
const BLOCK: usize = 32 * 1024;

/// Things, collected in any order.
#[derive(Debug)]
pub struct Sorter<T> {
    batch: Vec<T>,
    /// How much the batch takes, as its things were said to.
    size: usize,
    /// How much a batch may take before it is spilled.
    room: usize,
    runs: Vec<Run>,
    spill: Option<BufWriter<File>>,
    spilled: u64,
    batches: u64,
    count: u64,
    failed: Option<io::Error>,
}

/// Things as they are spilled, to be put in order. They are in one piece of memory: many small ones that another thread gives back are slow.
#[derive(Debug)]
pub(super) struct Pack<R> {
    bytes: Vec<u8>,
    things: Vec<Packed<R>>,
}

/// What things are ordered by before all else, and where they are in their pack.
#[derive(Debug, Clone, Copy)]
struct Packed<R> {
    rank: R,
    start: usize,
    end: usize,
}

/// A sorted part of a spill file: blocks of whole things.
#[derive(Debug)]
struct Run {
    file: Option<Arc<File>>,
    start: u64,
    end: u64,
}

impl<T: Ord + Clone + Serialize + DeserializeOwned> Sorter<T> {
    /// Nothing yet. No more than `room` bytes are held in memory.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self {
            batch: Vec::new(),
            size: 0,
            room,
            runs: Vec::new(),
            spill: None,
            spilled: 0,
            batches: 0,
            count: 0,
            failed: None,
        }
    }

    /// Adds a thing that takes `size` bytes in memory.
    pub fn push(&mut self, thing: T, size: usize) {
        self.batch.push(thing);
        self.count += 1;
        self.size = self.size.saturating_add(size);
        if self.size >= self.room {
            self.spill();
        }
    }

    /// Adds things that are in order already, and spills them.
    pub fn spill_sorted(&mut self, things: impl Iterator<Item = T>) {
        let mut count = 0;
        let written = self.write(things.inspect(|_| count += 1), serialized);
        self.count += count;
        self.note(written);
    }

    /// Adds things, puts them in order of their ranks, and spills them. In their own order those of a lesser rank are first, and those of
    /// one rank are as they were pushed.
    pub(super) fn spill_pack<R: Ord + Copy>(&mut self, pack: Pack<R>) {
        let Pack { bytes: all, mut things } = pack;
        if things.is_empty() {
            return;
        }
        things.sort_unstable_by_key(|thing| (thing.rank, thing.start));
        self.count += things.len() as u64;
        let written = self.write(things.into_iter(), |thing, mut bytes| {
            bytes.extend_from_slice(all.get(thing.start..thing.end).unwrap_or_default());
            Ok(bytes)
        });
        self.note(written);
    }

    /// Whether there are none, and none were lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // Where no temporary file could be made, none was counted.
        self.count == 0 && self.failed.is_none()
    }

    /// How many batches were spilled, or were to be.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.batches
    }

    /// Adds what another part of the scan has collected.
    pub fn merge(&mut self, mut other: Self) {
        other.seal();
        self.runs.append(&mut other.runs);
        self.count += other.count - other.batch.len() as u64;
        let size = other.size.checked_div(other.batch.len()).unwrap_or(0);
        for thing in other.batch {
            self.push(thing, size);
        }
        self.failed = self.failed.take().or(other.failed);
    }

    /// The things, sorted.
    ///
    /// # Errors
    ///
    /// They could not be spilled.
    pub fn into_sorted(mut self) -> io::Result<SortedRuns<T>> {
        self.seal();
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.batch.sort_unstable();
        Ok(SortedRuns { memory: self.batch, runs: self.runs, count: self.count })
    }

    /// Spills the batch.
    fn spill(&mut self) {
        self.size = 0;
        self.batch.sort_unstable();
        let batch = mem::take(&mut self.batch);
        let written = self.write(batch.into_iter(), serialized);
        self.note(written);
    }

    /// Remembers that spilling failed. It is reported when the things are asked for; until then nothing can be done about it.
    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            let error = io::Error::new(error.kind(), space::told(&error, &tempfile::env::temp_dir()));
            self.failed.get_or_insert(error);
        }
    }

    /// Writes a run of things that are in order, each of which `add` puts behind some bytes.
    fn write<I>(
        &mut self,
        things: impl Iterator<Item = I>,
        add: impl Fn(&I, Vec<u8>) -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        self.batches += 1;
        let file = match &mut self.spill {
            Some(file) => file,
            none => none.insert(BufWriter::new(block::temporary()?)),
        };
        let start = self.spilled;
        let mut bytes = Vec::with_capacity(BLOCK);
        for thing in things {
            bytes = add(&thing, bytes)?;
            if bytes.len() >= BLOCK {
                self.spilled += block::write(file, &bytes)?;
                bytes.clear();
            }
        }
        if !bytes.is_empty() {
            self.spilled += block::write(file, &bytes)?;
        }
        self.runs.push(Run { file: None, start, end: self.spilled });
        Ok(())
    }

    /// Ends the spill file, so that its runs can be read.
    fn seal(&mut self) {
        let Some(spill) = self.spill.take() else { return };
        match spill.into_inner() {
            Ok(file) => {
                let file = Arc::new(file);
                for run in self.runs.iter_mut().filter(|run| run.file.is_none()) {
                    run.file = Some(Arc::clone(&file));
                }
                self.spilled = 0;
            }
            Err(error) => self.note(Err(error.into_error())),
        }
    }
}

/// Some bytes, with a thing behind them.
fn serialized(thing: &impl Serialize, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    postcard::to_extend(thing, bytes).map_err(io::Error::other)
}

impl<R> Pack<R> {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), things: Vec::new() }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// Adds a thing of a rank.
    ///
    /// # Errors
    ///
    /// It cannot be spilled at all.
    pub(super) fn push(&mut self, rank: R, thing: &impl Serialize) -> io::Result<()> {
        let start = self.bytes.len();
        self.bytes = serialized(thing, mem::take(&mut self.bytes))?;
        self.things.push(Packed { rank, start, end: self.bytes.len() });
        Ok(())
    }
}

/// Things in order, in memory and in what was spilled.
#[derive(Debug)]
pub struct SortedRuns<T> {
    memory: Vec<T>,
    runs: Vec<Run>,
    count: u64,
}

impl<T: Ord + Clone + DeserializeOwned> SortedRuns<T> {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The things, one by one. Each pass gives the same.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again, or is not what was written.
    pub fn pass(&self) -> io::Result<Sorted<'_, T>> {
        let runs = self.runs.iter().filter_map(RunReader::new).collect();
        let mut unread = Unread { memory: self.memory.iter(), runs };
        let mut heads = BinaryHeap::new();
        for source in 0..=unread.runs.len() {
            heads.extend(unread.next(source)?.map(|thing| Reverse((thing, source))));
        }
        Ok(Sorted { unread, heads })
    }
}

/// Things in order, or that one that was spilled cannot be read again.
pub type Each<'a, T> = Box<dyn Iterator<Item = io::Result<T>> + 'a>;

/// A pass over things in order.
#[derive(Debug)]
pub struct Sorted<'a, T> {
    unread: Unread<'a, T>,
    /// The next thing of each source.
    heads: BinaryHeap<Reverse<(T, usize)>>,
}

impl<T: Ord + Clone + DeserializeOwned> Iterator for Sorted<'_, T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut head = self.heads.peek_mut()?;
        let Reverse((thing, source)) = &mut *head;
        match self.unread.next(*source) {
            // In its place, so that the heap is put in order once.
            Ok(Some(next)) => Some(Ok(mem::replace(thing, next))),
            ended => {
                let Reverse((thing, _)) = PeekMut::pop(head);
                Some(ended.map(|_| thing))
            }
        }
    }
}

/// What is behind the heads of a pass. The sources are the runs, and memory as the last.
#[derive(Debug)]
struct Unread<'a, T> {
    memory: slice::Iter<'a, T>,
    runs: Vec<RunReader>,
}

impl<T: Clone + DeserializeOwned> Unread<'_, T> {
    fn next(&mut self, source: usize) -> io::Result<Option<T>> {
        match self.runs.get_mut(source) {
            Some(run) => run.next(),
            None => Ok(self.memory.next().cloned()),
        }
    }
}

/// Reads a run, block by block.
#[derive(Debug)]
struct RunReader {
    file: Arc<File>,
    /// Where the next block is.
    at: u64,
    end: u64,
    block: Vec<u8>,
    /// How much of the block was read.
    read: usize,
}

impl RunReader {
    fn new(run: &Run) -> Option<Self> {
        let file = Arc::clone(run.file.as_ref()?);
        Some(Self { file, at: run.start, end: run.end, block: Vec::new(), read: 0 })
    }

    fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        if self.read == self.block.len() {
            if self.at == self.end {
                return Ok(None);
            }
            (self.block, self.at) = block::read(&self.file, self.at, self.end)?;
            self.read = 0;
        }
        let bytes = self.block.get(self.read..).unwrap_or_default();
        let (thing, rest) = postcard::take_from_bytes(bytes).map_err(|_| block::damaged())?;
        self.read = self.block.len() - rest.len();
        Ok(Some(thing))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::*;
    use crate::evidence::read::read_at;

    #[test]
    fn what_is_spilled_comes_back_in_the_same_order_as_what_is_not() {
        let mut parts = [Sorter::new(1000), Sorter::new(1000)];
        // Scattered, with numbers that repeat.
        let all: Vec<(u64, String)> = (0..2017).map(|number| (number * 7919 % 1000, "x".repeat(19))).collect();
        for (number, thing) in all.iter().enumerate() {
            parts[usize::from(number % 50 == 0)].push(thing.clone(), 10);
        }
        assert!(parts[0].runs.len() > 10 && parts[1].runs.is_empty());
        let [mut one, two] = parts;
        one.merge(two);
        let sorted = one.into_sorted().unwrap();
        assert_eq!(sorted.count(), 2017);
        let mut expected = all;
        expected.sort();
        for _ in 0..2 {
            let pass: Vec<(u64, String)> = sorted.pass().unwrap().map(Result::unwrap).collect();
            assert!(pass == expected);
        }
    }

    /// Runs of several blocks each.
    fn spilled() -> SortedRuns<(u64, String)> {
        let mut sorter = Sorter::new(100_000);
        for number in 0..15_000 {
            sorter.push((number * 7919 % 1000, format!("{:x}", number * 0x9e37_79b9)), 20);
        }
        assert!(sorter.runs.len() == 3 && sorter.batch.is_empty());
        sorter.into_sorted().unwrap()
    }

    fn read(sorted: &SortedRuns<(u64, String)>) -> io::Result<Vec<(u64, String)>> {
        sorted.pass()?.collect()
    }

    #[test]
    fn packs_come_back_in_the_order_of_their_things_also_those_of_a_rank() {
        let things: Vec<(u32, u32)> = (0..3000).map(|number| (number * 7919 % 10, number * 104_729 % 3001)).collect();
        let mut spilled: Sorter<(u32, u32)> = Sorter::new(usize::MAX);
        for part in things.chunks(1100) {
            let (mut pack, mut part) = (Pack::new(), part.to_vec());
            part.sort_unstable_by_key(|thing| thing.1);
            for thing in &part {
                pack.push(thing.0, thing).unwrap();
            }
            spilled.spill_pack(pack);
        }
        spilled.spill_pack(Pack::<u32>::new());
        assert_eq!(spilled.runs(), 3);
        let sorted = spilled.into_sorted().unwrap();
        let mut expected = things;
        expected.sort_unstable();
        assert_eq!(sorted.count(), 3000);
        assert_eq!(sorted.pass().unwrap().collect::<io::Result<Vec<_>>>().unwrap(), expected);
    }

    #[test]
    fn a_spill_file_that_is_changed_or_cut_short_is_an_error() {
        let sorted = spilled();
        let file = sorted.runs[0].file.as_deref().unwrap();
        let all = read(&sorted).unwrap();
        let size = file.metadata().unwrap().len();
        assert!(all.len() == 15_000 && size > 3 * BLOCK as u64);
        let set = |mut file: &File, at: u64, byte: u8| {
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&[byte]).unwrap();
        };
        let heads = sorted.runs.iter().flat_map(|run| run.start..run.start + 12);
        for at in heads.chain((0..size).step_by(997)) {
            let mut byte = [0];
            read_at(file, &mut byte, at).unwrap();
            set(file, at, !byte[0]);
            assert_eq!(read(&sorted).unwrap_err().kind(), io::ErrorKind::InvalidData, "byte {at}");
            set(file, at, byte[0]);
        }
        assert!(read(&sorted).unwrap() == all);
        for cut in [size - 1, sorted.runs[2].start, sorted.runs[0].start + 3, 0] {
            file.set_len(cut).unwrap();
            assert_eq!(read(&sorted).unwrap_err().kind(), io::ErrorKind::InvalidData, "cut at {cut}");
        }
    }

    #[test]
    fn a_spill_file_that_cannot_be_written_is_an_error_once_things_are_asked_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut sorter = Sorter::new(100);
        sorter.spill = Some(BufWriter::new(File::open(file.path()).unwrap()));
        for number in 0..100_u64 {
            sorter.push(number, 10);
        }
        assert!(sorter.into_sorted().is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_is_full_only_at_the_end_is_told_with_its_folder_and_free_space() {
        let mut sorter = Sorter::new(100);
        sorter.spill = Some(BufWriter::new(File::options().write(true).open("/dev/full").unwrap()));
        // Little enough to be written when the file ends.
        for number in 0..10_u64 {
            sorter.push(number, 10);
        }
        let error = sorter.into_sorted().unwrap_err().to_string();
        assert!(error.contains(" bytes are free in "), "{error}");
    }
}
