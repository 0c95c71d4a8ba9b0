//! A [`Row`] of a partial result, a group of one source, and the columns of a Parquet file that it is in.
//!
//! What the columns are is in `docs/fleets.md`. A value that is typed and does not fit its type, which evidence can have, is in a
//! column of text beside it, so that nothing is lost. How they are written is in `writer`, how they are read in
//! `reader`.

use std::sync::Arc;

use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    errors::Result,
    file::properties::WriterProperties,
    schema::types::{Type, TypePtr},
};
use serde::{Deserialize, Serialize};

use crate::{
    connection::glossary::{Field, Kind},
    group::{
        hit::{Hit, Place},
        key::{Group, GroupKey},
    },
};

/// The most rows in a row group of the file: some tens of megabytes while they are written or read.
pub(crate) const ROWS: usize = 65_536;

/// The most text of the rows in a row group, in bytes, which logs with very long texts would come to first. A row has less,
/// whatever its log: `scan::connections` cuts off what is more than a chunk can hold.
pub(crate) const TEXT: usize = 64 << 20;

/// What the rows of a partial result are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rows {
    /// Groups of a source.
    Groups,
    /// Hits, one for each rule that they are hits of, with all fields and the record behind them.
    Events,
}

/// A group of one source, or a hit as a group of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which source it is of, by its place in the file's table of sources.
    pub source: u64,
    /// The rule and the values.
    pub key: GroupKey,
    /// What is counted.
    pub group: Group,
    /// The record behind it, if it is a hit.
    pub record: Option<RecordCells>,
}

/// The record behind a hit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordCells {
    /// `EventRecordID`.
    pub record_id: String,
    /// Sysmon's `UtcTime`.
    pub utc_time: String,
    /// Sysmon's `RuleName`.
    pub rule_name: String,
    /// The chunk's number in the log.
    pub chunk: u64,
    /// The record's offset in the log, in bytes.
    pub offset: u64,
    /// Whether it was carved out of space that is no longer part of the log.
    pub recovered: bool,
}

impl Row {
    /// Of a hit of a rule, in a source; with its ends if they are told.
    #[must_use]
    pub fn of_hit(source: u64, hit: &Hit, rule: usize, with_ends: bool) -> Self {
        let time = hit.time;
        Self {
            source,
            key: GroupKey::of_values(rule, hit.fields().chain(hit.ends().filter(move |_| with_ends))),
            group: Group { count: 1, first: time, last: time },
            record: Some(RecordCells {
                record_id: hit.record_id().to_owned(),
                utc_time: hit.utc_time().to_owned(),
                rule_name: hit.rule_name().to_owned(),
                chunk: hit.chunk,
                offset: hit.offset,
                recovered: hit.recovered,
            }),
        }
    }

    /// The size of its texts, in bytes.
    #[must_use]
    pub fn text_size(&self) -> usize {
        let record = self.record.as_ref();
        let of_record = |record: &RecordCells| record.record_id.len() + record.utc_time.len() + record.rule_name.len();
        self.key.text_size() + record.map_or(0, of_record)
    }

    /// The hit that it is of, in a source of this name; `None` if it is of a group.
    #[must_use]
    pub fn hit(&self, source: &str) -> Option<Hit> {
        let RecordCells { record_id, utc_time, rule_name, chunk, offset, recovered } = self.record.as_ref()?;
        let (chunk, offset, recovered) = (*chunk, *offset, *recovered);
        let place = Place { record_id, source, utc_time, rule_name, chunk, offset, recovered, ..Place::default() };
        Some(Hit::new(self.key.values(), self.group.first, place, [self.key.rule]))
    }
}

/// The schema for such rows with these fields.
pub(crate) fn schema(fields: &[Field], rows: Rows) -> Result<TypePtr> {
    let lead = [int("source", Repetition::REQUIRED), int("rule", Repetition::REQUIRED)];
    let record = || {
        let texts = ["record_id", "utc_time", "rule_name"].map(text);
        let places = ["chunk", "offset"].map(|name| int(name, Repetition::REQUIRED));
        let recovered = Type::primitive_type_builder("recovered", Physical::BOOLEAN);
        let recovered = recovered.with_repetition(Repetition::OPTIONAL).build();
        texts.into_iter().chain(places).chain([recovered])
    };
    let record = (rows == Rows::Events).then(record);
    schema_of(lead.into_iter().chain(of_groups(fields)).chain(record.into_iter().flatten()))
}

/// A schema of these columns.
pub(crate) fn schema_of(columns: impl Iterator<Item = Result<Type>>) -> Result<TypePtr> {
    let columns = columns.map(|column| column.map(Arc::new)).collect::<Result<_>>()?;
    Ok(Arc::new(Type::group_type_builder("groups").with_fields(columns).build()?))
}

/// The columns of groups by these fields.
pub(crate) fn of_groups(fields: &[Field]) -> Vec<Result<Type>> {
    let mut columns = Vec::new();
    for &field in fields {
        let name = field.name();
        match field.kind() {
            Kind::Text => columns.push(text(name)),
            Kind::Address => columns.extend([text(name), address(&format!("{name}_bytes"))]),
            Kind::Number => columns.extend([int(name, Repetition::OPTIONAL), text(&format!("{name}_text"))]),
        }
    }
    columns.push(int("count", Repetition::REQUIRED));
    for name in ["first_time", "last_time"] {
        columns.extend([time(name), text(&format!("{name}_text"))]);
    }
    columns
}

/// A column of numbers.
pub(crate) fn int(name: &str, repetition: Repetition) -> Result<Type> {
    Type::primitive_type_builder(name, Physical::INT64).with_repetition(repetition).build()
}

/// A column of text, null where it is not stated.
pub(crate) fn text(name: &str) -> Result<Type> {
    let column = Type::primitive_type_builder(name, Physical::BYTE_ARRAY).with_repetition(Repetition::OPTIONAL);
    column.with_logical_type(Some(LogicalType::String)).build()
}

fn address(name: &str) -> Result<Type> {
    let column = Type::primitive_type_builder(name, Physical::FIXED_LEN_BYTE_ARRAY).with_length(16);
    column.with_repetition(Repetition::OPTIONAL).build()
}

fn time(name: &str) -> Result<Type> {
    let column = Type::primitive_type_builder(name, Physical::INT64).with_repetition(Repetition::OPTIONAL);
    column.with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::NANOS))).build()
}

/// How a file is written.
pub(crate) fn properties() -> Arc<WriterProperties> {
    let created_by = concat!("netsift ", env!("CARGO_PKG_VERSION")).to_owned();
    Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by(created_by).build())
}
