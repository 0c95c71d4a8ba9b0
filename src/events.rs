//! The report of events: one CSV row a hit, in the order of time, with the record behind it; and the copies of an event,
//! which are found in that order.
//!
//! From a group's row in the report an investigator gets to its records by the columns that both have.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use crate::{
    connection::Field,
    hits::{Hit, SortedHits},
    report::{self, Style},
    rule::RuleInfo,
};

/// Which copies of an event do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// All do.
    Count,
    /// Recovered ones of what is in the same log already: Windows leaves the bytes of the chunk before in free space.
    DropStale,
    /// All but the first: the one that is still part of its log, by the logs' names.
    Drop,
}

/// Hands each hit to `each`, in order and with its number, without the copies that do not count. Returns how many of those
/// there are in each source.
///
/// Copies are records of the same host with the same `EventRecordID`, `TimeCreated` and connection.
///
/// # Errors
///
/// What `each` returns, or the hits could not be spilled or read again.
pub fn in_order(
    hits: &SortedHits,
    copies: Copies,
    mut each: impl FnMut(usize, &Hit) -> io::Result<()>,
) -> io::Result<BTreeMap<String, u64>> {
    let mut dropped = BTreeMap::new();
    let mut last: Option<Hit> = None;
    // The sources that have the last event.
    let mut sources = BTreeSet::new();
    for (number, hit) in hits.pass()?.enumerate() {
        let hit = hit?;
        let is_copy = last.as_ref().is_some_and(|last| hit.is_copy_of(last));
        if !is_copy {
            sources.clear();
        }
        let drop = match copies {
            Copies::Count => false,
            Copies::DropStale => is_copy && hit.recovered && sources.contains(&hit.source),
            Copies::Drop => is_copy,
        };
        if drop {
            *dropped.entry(hit.source).or_default() += 1;
        } else {
            each(number, &hit)?;
            sources.insert(hit.source.clone());
            last = Some(hit);
        }
    }
    Ok(dropped)
}

/// Writes rows of events.
pub struct Rows<W: Write> {
    csv: csv::Writer<W>,
    style: Style,
}

impl<W: Write> Rows<W> {
    /// Writes the header, with the columns of the rules if rows are to name theirs. It is CSV, whatever the report's format.
    ///
    /// # Errors
    ///
    /// What `out` returns.
    pub fn new(out: W, style: Style, named: bool) -> io::Result<Self> {
        let mut csv = report::csv_writer(out, style.mark)?;
        let more = ["time", "utc_time", "record_id", "rule_name", "source", "chunk", "offset", "recovered"];
        let rule = RuleInfo::COLUMNS.into_iter().filter(|_| named);
        csv.write_record(Field::ALL.map(Field::name).into_iter().chain(more).chain(rule)).map_err(report::io_error)?;
        Ok(Self { csv, style })
    }

    /// Writes one hit of a rule, which is given if rows are to name theirs.
    ///
    /// # Errors
    ///
    /// What the output returns.
    pub fn write(&mut self, hit: &Hit, rule: Option<&RuleInfo>) -> io::Result<()> {
        let time = self.style.time_format().show(hit.timestamp());
        let (chunk, offset) = (hit.chunk.to_string(), hit.offset.to_string());
        let more = [&time, &hit.utc_time, &hit.record_id, &hit.rule_name, &hit.source, &chunk, &offset];
        for value in hit.fields.iter().chain(more) {
            self.csv.write_field(&*report::cell(value, self.style.cells)).map_err(report::io_error)?;
        }
        let recovered = if hit.recovered { "true" } else { "false" };
        let rule = rule.into_iter().flat_map(RuleInfo::columns).map(|value| report::cell(value, self.style.cells));
        let last: Vec<_> = std::iter::once(recovered.into()).chain(rule).collect();
        self.csv.write_record(last.iter().map(|value| value.as_bytes())).map_err(report::io_error)
    }

    /// Hands on what is buffered.
    ///
    /// # Errors
    ///
    /// What the output returns.
    pub fn finish(mut self) -> io::Result<()> {
        self.csv.flush()
    }
}
