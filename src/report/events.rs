//! The report of events: one CSV row a hit, in the order of time, with the record behind it.
//!
//! From a group's row in the report an investigator gets to its records by the columns that both have.

use std::io::{self, Write};

use crate::{
    connection::glossary::Field,
    group::hits::Hit,
    report::{csv, style::Style},
    rule::info::RuleInfo,
};

/// Writes rows of events.
pub struct Rows<W: Write> {
    csv: ::csv::Writer<W>,
    style: Style,
}

impl<W: Write> Rows<W> {
    /// Writes the header, with the columns of the rules if rows are to name theirs. It is CSV, whatever the report's format.
    ///
    /// # Errors
    ///
    /// What `out` returns.
    pub fn new(out: W, style: Style, named: bool) -> io::Result<Self> {
        let mut csv = csv::writer(out, style.mark)?;
        let more = ["time", "utc_time", "record_id", "rule_name", "source", "chunk", "offset", "recovered"];
        let rule = RuleInfo::COLUMNS.into_iter().filter(|_| named);
        csv.write_record(Field::ALL.map(Field::name).into_iter().chain(more).chain(rule)).map_err(csv::io_error)?;
        Ok(Self { csv, style })
    }

    /// Writes one hit of a rule, which is given if rows are to name theirs.
    ///
    /// # Errors
    ///
    /// What the output returns.
    pub fn write(&mut self, hit: &Hit, rule: Option<&RuleInfo>) -> io::Result<()> {
        let time = self.style.time_format().show(hit.time);
        let (chunk, offset) = (hit.chunk.to_string(), hit.offset.to_string());
        let more = [&time, hit.utc_time(), hit.record_id(), hit.rule_name(), hit.source(), &chunk, &offset];
        for value in hit.fields().chain(more) {
            self.csv.write_field(&*csv::cell(value, self.style.cells)).map_err(csv::io_error)?;
        }
        let recovered = if hit.recovered { "true" } else { "false" };
        let rule = rule.into_iter().flat_map(RuleInfo::columns).map(|value| csv::cell(value, self.style.cells));
        let last: Vec<_> = std::iter::once(recovered.into()).chain(rule).collect();
        self.csv.write_record(last.iter().map(|value| value.as_bytes())).map_err(csv::io_error)
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
