//! [`Hits`]: every hit with where it is from, in the order of time. For the report of events and for duplicates.
//!
//! They can be more than fit into memory: beyond a batch they are sorted, spilled to a temporary file that has no name,
//! and merged from there when they are read.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufWriter, Read, Write},
    slice,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    connection::{Connection, Field},
    event::Event,
    input::read_at,
};

/// A hit. Its order is that of time, then of what makes it the same event as another, then of where it is from, the
/// live one first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hit {
    /// Nanoseconds since 1970; `None` if the record states no time.
    pub time: Option<i128>,
    /// The values of all fields, in the order of [`Field::ALL`].
    pub fields: Vec<String>,
    /// `EventRecordID`.
    pub record_id: String,
    /// Whether it was carved out of space that is no longer part of the log.
    pub recovered: bool,
    /// The log's name.
    pub source: String,
    /// The chunk's number in the log.
    pub chunk: u64,
    /// The record's offset in the log, in bytes.
    pub offset: u64,
    /// Sysmon's `UtcTime`.
    pub utc_time: String,
    /// Sysmon's `RuleName`.
    pub rule_name: String,
    /// The rules that it is a hit of, by their index in the rule set.
    pub rules: Vec<usize>,
    /// The event's data as it was logged, and its `Computer`; kept only for correlations.
    pub data: Vec<(String, String)>,
}

/// Where a record is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The log's name.
    pub source: &'a str,
    /// The chunk's number in the log.
    pub chunk: u64,
    /// The record's offset in the log, in bytes.
    pub offset: u64,
}

impl Hit {
    /// A hit of this event.
    #[must_use]
    pub fn new(event: &Event<'_>, connection: &Connection<'_>, place: Place<'_>, rules: Vec<usize>) -> Self {
        let Place { source, chunk, offset } = place;
        let field = |name| event.field(name).filter(|&value| value != "-").unwrap_or_default().to_owned();
        Self {
            time: connection.time.map(jiff::Timestamp::as_nanosecond),
            fields: Field::ALL.map(|field| connection.get(field).to_owned()).into(),
            record_id: event.record_id.clone().into_owned(),
            recovered: event.recovered,
            source: source.to_owned(),
            chunk,
            offset,
            utc_time: field("UtcTime"),
            rule_name: field("RuleName"),
            rules,
            data: Vec::new(),
        }
    }

    /// The same, with the event's data.
    #[must_use]
    pub fn with_data(mut self, event: &Event<'_>) -> Self {
        self.data = event.data.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        self.data.push(("Computer".to_owned(), event.computer.to_string()));
        self
    }

    /// Whether the other is the same event in another place: same host, record id, time and connection.
    #[must_use]
    pub fn is_copy_of(&self, other: &Self) -> bool {
        (self.time, &self.fields, &self.record_id) == (other.time, &other.fields, &other.record_id)
    }

    /// When it was logged; `None` if the record states no time.
    #[must_use]
    pub fn timestamp(&self) -> Option<jiff::Timestamp> {
        self.time.and_then(|time| jiff::Timestamp::from_nanosecond(time).ok())
    }

    /// The value of one field.
    #[must_use]
    pub fn get(&self, field: Field) -> &str {
        self.fields.get(field as usize).map_or("", String::as_str)
    }
}

/// Hits, collected in any order.
#[derive(Debug, Default)]
pub struct Hits {
    batch: Vec<Hit>,
    runs: Vec<Run>,
    spill: Option<BufWriter<File>>,
    spilled: u64,
    failed: Option<io::Error>,
}

/// A sorted part of a spill file.
#[derive(Debug)]
struct Run {
    file: Option<Arc<File>>,
    start: u64,
    end: u64,
}

/// Hits that are held in memory before they are spilled, for each thread: some 100 MiB.
const BATCH: usize = 100_000;

impl Hits {
    /// Adds a hit.
    pub fn push(&mut self, hit: Hit) {
        self.batch.push(hit);
        if self.batch.len() >= BATCH
            && let Err(error) = self.spill()
        {
            // Told when the hits are asked for; until then nothing can be done about it.
            self.failed.get_or_insert(error);
            self.batch.clear();
        }
    }

    /// Adds what another part of the scan has found.
    pub fn merge(&mut self, mut other: Self) {
        other.seal();
        self.runs.append(&mut other.runs);
        for hit in other.batch {
            self.push(hit);
        }
        self.failed = self.failed.take().or(other.failed);
    }

    /// The hits, sorted.
    ///
    /// # Errors
    ///
    /// They could not be spilled.
    pub fn into_sorted(mut self) -> io::Result<SortedHits> {
        self.seal();
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.batch.sort_unstable();
        Ok(SortedHits { memory: self.batch, runs: self.runs })
    }

    fn spill(&mut self) -> io::Result<()> {
        self.batch.sort_unstable();
        let file = match &mut self.spill {
            Some(file) => file,
            none => none.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        let start = self.spilled;
        for hit in self.batch.drain(..) {
            let bytes = serde_json::to_vec(&hit)?;
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

/// Hits in order, in memory and in what was spilled.
#[derive(Debug)]
pub struct SortedHits {
    memory: Vec<Hit>,
    runs: Vec<Run>,
}

impl SortedHits {
    /// The hits, one by one. Each pass gives the same.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn pass(&self) -> io::Result<Sorted<'_>> {
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

/// A pass over hits in order.
#[derive(Debug)]
pub struct Sorted<'a> {
    memory: slice::Iter<'a, Hit>,
    runs: Vec<io::BufReader<RunReader>>,
    /// The next hit of each; the runs come first, memory is the last.
    heads: BinaryHeap<Reverse<(Hit, usize)>>,
}

impl Sorted<'_> {
    fn refill(&mut self, source: usize) -> io::Result<()> {
        let next = match self.runs.get_mut(source) {
            Some(run) => read_hit(run)?,
            None => self.memory.next().cloned(),
        };
        if let Some(hit) = next {
            self.heads.push(Reverse((hit, source)));
        }
        Ok(())
    }
}

impl Iterator for Sorted<'_> {
    type Item = io::Result<Hit>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((hit, source)) = self.heads.pop()?;
        Some(self.refill(source).map(|()| hit))
    }
}

fn read_hit(run: &mut impl Read) -> io::Result<Option<Hit>> {
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

    fn hit(number: u64) -> Hit {
        Hit {
            // Scattered, with times that repeat.
            time: Some(i128::from(number * 7919 % 1000)),
            fields: vec!["x".repeat(19)],
            record_id: number.to_string(),
            recovered: false,
            source: "log".to_owned(),
            chunk: 0,
            offset: number,
            utc_time: String::new(),
            rule_name: String::new(),
            rules: Vec::new(),
            data: Vec::new(),
        }
    }

    #[test]
    fn what_is_spilled_comes_back_in_the_same_order_as_what_is_not() {
        let count = 2 * BATCH as u64 + 17;
        let mut parts = [Hits::default(), Hits::default()];
        for number in 0..count {
            parts[usize::from(number % 5 == 0)].push(hit(number));
        }
        assert_eq!((parts[0].runs.len(), parts[1].runs.len()), (1, 0));
        let [mut one, two] = parts;
        one.merge(two);
        let sorted: Vec<Hit> = one.into_sorted().unwrap().pass().unwrap().map(Result::unwrap).collect();
        let mut expected: Vec<Hit> = (0..count).map(hit).collect();
        expected.sort();
        assert!(sorted == expected);
    }
}
