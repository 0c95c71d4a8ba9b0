//! A [`Sorter`]: puts more things in order than fit into memory. Batches of them are sorted, spilled to a temporary file that
//! has no name, so that it is gone however the run ends, and merged from there when they are read.
//!
//! What the things are is not this file's concern.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufWriter, Read, Write},
    slice,
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::input::read_at;

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
    count: u64,
    failed: Option<io::Error>,
}

/// A sorted part of a spill file.
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
        Self { batch: Vec::new(), size: 0, room, runs: Vec::new(), spill: None, spilled: 0, count: 0, failed: None }
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

    /// Adds things that are spilled when the caller says so.
    pub fn extend(&mut self, things: impl Iterator<Item = T>) {
        let before = self.batch.len();
        self.batch.extend(things);
        self.count += (self.batch.len() - before) as u64;
    }

    /// How many things there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
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

    /// Spills the batch. That it fails is told when the things are asked for; until then nothing can be done about it.
    pub fn spill(&mut self) {
        self.size = 0;
        self.batch.sort_unstable();
        let batch = std::mem::take(&mut self.batch);
        if let Err(error) = self.write(batch) {
            self.failed.get_or_insert(error);
        }
    }

    fn write(&mut self, batch: Vec<T>) -> io::Result<()> {
        let file = match &mut self.spill {
            Some(file) => file,
            none => none.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        let start = self.spilled;
        for thing in batch {
            let bytes = serde_json::to_vec(&thing)?;
            let size = u32::try_from(bytes.len()).map_err(io::Error::other)?;
            file.write_all(&size.to_le_bytes())?;
            file.write_all(&bytes)?;
            self.spilled += 4 + u64::from(size);
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
            Err(error) => self.failed = Some(error.into_error()),
        }
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
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The things, one by one. Each pass gives the same.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn pass(&self) -> io::Result<Sorted<'_, T>> {
        let reader = |run: &Run| {
            let file = Arc::clone(run.file.as_ref()?);
            Some(io::BufReader::with_capacity(32 * 1024, RunReader { file, at: run.start, end: run.end }))
        };
        let runs = self.runs.iter().filter_map(reader).collect();
        let mut sorted = Sorted { memory: self.memory.iter(), runs, heads: BinaryHeap::new() };
        for source in 0..=sorted.runs.len() {
            sorted.refill(source)?;
        }
        Ok(sorted)
    }
}

/// A pass over things in order.
#[derive(Debug)]
pub struct Sorted<'a, T> {
    memory: slice::Iter<'a, T>,
    runs: Vec<io::BufReader<RunReader>>,
    /// The next thing of each; the runs come first, memory is the last.
    heads: BinaryHeap<Reverse<(T, usize)>>,
}

impl<T: Ord + Clone + DeserializeOwned> Sorted<'_, T> {
    fn refill(&mut self, source: usize) -> io::Result<()> {
        let next = match self.runs.get_mut(source) {
            Some(run) => read(run)?,
            None => self.memory.next().cloned(),
        };
        if let Some(thing) = next {
            self.heads.push(Reverse((thing, source)));
        }
        Ok(())
    }
}

impl<T: Ord + Clone + DeserializeOwned> Iterator for Sorted<'_, T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((thing, source)) = self.heads.pop()?;
        Some(self.refill(source).map(|()| thing))
    }
}

fn read<T: DeserializeOwned>(run: &mut impl Read) -> io::Result<Option<T>> {
    let mut size = [0; 4];
    match run.read_exact(&mut size) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut bytes = vec![0; u32::from_le_bytes(size) as usize];
    run.read_exact(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}

#[derive(Debug)]
struct RunReader {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for RunReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = buffer.len().min(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        let read = read_at(&self.file, buffer.get_mut(..size).unwrap_or_default(), self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(one.len(), 2017);
        let sorted = one.into_sorted().unwrap();
        let mut expected = all;
        expected.sort();
        for _ in 0..2 {
            let pass: Vec<(u64, String)> = sorted.pass().unwrap().map(Result::unwrap).collect();
            assert!(pass == expected);
        }
    }
}
