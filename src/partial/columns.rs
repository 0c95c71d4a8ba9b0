//! A [`Row`] of a partial result: a group of one source, written to the columns of a Parquet file and read back.
//!
//! What the columns are is in the README. A value that is typed and does not fit its type, which evidence can have, is in a
//! column of text beside it, so that nothing is lost. The file's other facts are not this file's concern.

use std::{io::Write, net::IpAddr, sync::Arc};

use jiff::Timestamp;
use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    column::reader::get_typed_column_reader,
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type},
    errors::{ParquetError, Result},
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        reader::{FileReader, RowGroupReader},
        serialized_reader::SerializedFileReader,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::{Type, TypePtr},
};

use crate::{
    connection::{Field, Kind},
    group::{Group, GroupKey},
    hits::Hit,
    partial::Rows,
};

/// Groups in a row group of the file: some tens of megabytes while they are written or read.
pub(crate) const ROWS: usize = 65_536;

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
    /// Of a hit of a rule, in a source.
    #[must_use]
    pub fn of_hit(source: u64, hit: &Hit, rule: usize) -> Self {
        let time = hit.timestamp();
        Self {
            source,
            key: GroupKey::of_values(rule, hit.fields.iter().map(String::as_str)),
            group: Group { count: 1, first: time, last: time },
            record: Some(RecordCells {
                record_id: hit.record_id.clone(),
                utc_time: hit.utc_time.clone(),
                rule_name: hit.rule_name.clone(),
                chunk: hit.chunk,
                offset: hit.offset,
                recovered: hit.recovered,
            }),
        }
    }

    /// The hit that it is of, in a source of this name; `None` if it is of a group.
    #[must_use]
    pub fn hit(&self, source: &str) -> Option<Hit> {
        let RecordCells { record_id, utc_time, rule_name, chunk, offset, recovered } = self.record.clone()?;
        Some(Hit {
            time: self.group.first.map(Timestamp::as_nanosecond),
            fields: self.key.values().map(str::to_owned).collect(),
            record_id,
            recovered,
            source: source.to_owned(),
            chunk,
            offset,
            utc_time,
            rule_name,
            rules: vec![self.key.rule],
            data: Vec::new(),
        })
    }
}

/// The schema for such rows with these fields.
fn schema(fields: &[Field], rows: Rows) -> Result<TypePtr> {
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

pub(crate) fn int(name: &str, repetition: Repetition) -> Result<Type> {
    Type::primitive_type_builder(name, Physical::INT64).with_repetition(repetition).build()
}

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

/// A number that is written as numbers are, so that its text is known.
fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

/// An address as 16 bytes, an IPv4 one mapped into IPv6.
fn bytes_of(text: &str) -> Option<FixedLenByteArray> {
    let address = match text.parse().ok()? {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    Some(ByteArray::from(address.octets().to_vec()).into())
}

fn nanoseconds(time: Timestamp) -> Option<i64> {
    i64::try_from(time.as_nanosecond()).ok()
}

/// How a file is written.
pub(crate) fn properties() -> Arc<WriterProperties> {
    let created_by = concat!("netsift ", env!("CARGO_PKG_VERSION")).to_owned();
    Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by(created_by).build())
}

/// Writes groups as they come.
pub struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    fields: Vec<Field>,
    kind: Rows,
    rows: Vec<Row>,
}

impl<W: Write + Send> Writer<W> {
    /// For such rows with these fields.
    ///
    /// # Errors
    ///
    /// What `out` returns.
    pub fn new(out: W, fields: &[Field], rows: Rows) -> Result<Self> {
        let file = SerializedFileWriter::new(out, schema(fields, rows)?, properties())?;
        Ok(Self { file, fields: fields.to_vec(), kind: rows, rows: Vec::new() })
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// What the output returns.
    pub fn push(&mut self, row: Row) -> Result<()> {
        self.rows.push(row);
        if self.rows.len() >= ROWS { self.flush() } else { Ok(()) }
    }

    /// Writes what is left, and the file's other facts under a name.
    ///
    /// # Errors
    ///
    /// What the output returns.
    pub fn finish(mut self, name: &str, facts: String) -> Result<W> {
        self.flush()?;
        self.file.append_key_value_metadata(KeyValue::new(name.to_owned(), facts));
        self.file.into_inner()
    }

    fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        write_ints(&mut group, rows.iter().map(|row| i64::try_from(row.source).ok()), Repetition::REQUIRED)?;
        write_ints(&mut group, rows.iter().map(|row| i64::try_from(row.key.rule).ok()), Repetition::REQUIRED)?;
        let groups: Vec<(&GroupKey, &Group)> = rows.iter().map(|row| (&row.key, &row.group)).collect();
        write_groups(&mut group, &self.fields, &groups)?;
        if self.kind == Rows::Events {
            write_records(&mut group, &rows.into_iter().map(|row| row.record.unwrap_or_default()).collect::<Vec<_>>())?;
        }
        group.close()?;
        Ok(())
    }
}

fn write_records<W: Write + Send>(out: &mut SerializedRowGroupWriter<'_, W>, records: &[RecordCells]) -> Result<()> {
    let texts: [fn(&RecordCells) -> &str; 3] =
        [|record| &record.record_id, |record| &record.utc_time, |record| &record.rule_name];
    for text in texts {
        write_column::<ByteArrayType>(out, records.iter().map(|record| stated(text(record))))?;
    }
    let places: [fn(&RecordCells) -> u64; 2] = [|record| record.chunk, |record| record.offset];
    for place in places {
        write_ints(out, records.iter().map(|record| i64::try_from(place(record)).ok()), Repetition::REQUIRED)?;
    }
    write_column::<BoolType>(out, records.iter().map(|record| Some(record.recovered)))
}

/// Text as a value; none if it is empty.
pub(crate) fn stated(text: &str) -> Option<ByteArray> {
    (!text.is_empty()).then(|| ByteArray::from(text))
}

/// Writes the columns of groups by these fields.
pub(crate) fn write_groups<W: Write + Send>(
    out: &mut SerializedRowGroupWriter<'_, W>,
    fields: &[Field],
    groups: &[(&GroupKey, &Group)],
) -> Result<()> {
    let rows: Vec<Vec<&str>> = groups.iter().map(|(key, _)| key.values().collect()).collect();
    for (index, &field) in fields.iter().enumerate() {
        let values = || rows.iter().map(move |row| row.get(index).copied().unwrap_or_default());
        match field.kind() {
            Kind::Text => write_column::<ByteArrayType>(out, values().map(stated))?,
            Kind::Address => {
                write_column::<ByteArrayType>(out, values().map(stated))?;
                write_column::<FixedLenByteArrayType>(out, values().map(bytes_of))?;
            }
            Kind::Number => {
                write_ints(out, values().map(number), Repetition::OPTIONAL)?;
                let others = values().map(|text| stated(text).filter(|_| number(text).is_none()));
                write_column::<ByteArrayType>(out, others)?;
            }
        }
    }
    write_ints(out, groups.iter().map(|(_, group)| i64::try_from(group.count).ok()), Repetition::REQUIRED)?;
    for time in [|group: &Group| group.first, |group: &Group| group.last] {
        write_ints(out, groups.iter().map(|(_, group)| time(group).and_then(nanoseconds)), Repetition::OPTIONAL)?;
        let others = groups.iter().map(|(_, group)| {
            let out_of_range = time(group).filter(|&time| nanoseconds(time).is_none());
            out_of_range.map(|time| ByteArray::from(time.to_string().as_str()))
        });
        write_column::<ByteArrayType>(out, others)?;
    }
    Ok(())
}

pub(crate) fn write_ints<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<i64>>,
    repetition: Repetition,
) -> Result<()> {
    if repetition == Repetition::OPTIONAL {
        return write_column::<Int64Type>(group, values);
    }
    let Some(values) = values.collect::<Option<Vec<i64>>>() else { return Err(broken("a number is too large")) };
    let mut column = group.next_column()?.ok_or_else(|| broken("a column too many"))?;
    column.typed::<Int64Type>().write_batch(&values, None, None)?;
    column.close()
}

pub(crate) fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<()> {
    let (mut stated, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        stated.extend(value);
    }
    let mut column = group.next_column()?.ok_or_else(|| broken("a column too many"))?;
    column.typed::<T>().write_batch(&stated, Some(&levels), None)?;
    column.close()
}

fn broken(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// Hands each row of a file of such rows to `each`.
///
/// # Errors
///
/// The file is no such file, or is damaged; or what `each` returns.
pub fn read<R: parquet::file::reader::ChunkReader + 'static>(
    file: &SerializedFileReader<R>,
    fields: &[Field],
    rows: Rows,
    mut each: impl FnMut(Row) -> Result<()>,
) -> Result<()> {
    let expected = schema(fields, rows)?;
    if file.metadata().file_metadata().schema().get_fields() != expected.get_fields() {
        return Err(broken("its columns are not those of a partial result"));
    }
    for index in 0..file.num_row_groups() {
        let group = file.get_row_group(index)?;
        let count = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        if count > ROWS {
            return Err(broken("a row group is too large"));
        }
        read_rows(&*group, (fields, rows), count, &mut each)?;
    }
    Ok(())
}

fn read_rows(
    group: &dyn RowGroupReader,
    (fields, rows): (&[Field], Rows),
    count: usize,
    each: &mut impl FnMut(Row) -> Result<()>,
) -> Result<()> {
    let mut columns = Columns { group, next: 0, count };
    let source = columns.numbers()?;
    let rule = columns.numbers()?;
    let mut values = Vec::with_capacity(fields.len());
    for &field in fields {
        values.push(match field.kind() {
            Kind::Text => columns.texts()?,
            Kind::Address => {
                let texts = columns.texts()?;
                columns.next += 1;
                texts
            }
            Kind::Number => {
                let numbers = columns.optional::<Int64Type>()?.into_iter().zip(columns.texts()?);
                numbers.map(|(number, text)| number.map_or(text, |number| stated(&number.to_string()))).collect()
            }
        });
    }
    let counts = columns.numbers()?;
    let (first, last) = (columns.times()?, columns.times()?);
    let mut records = match rows {
        Rows::Groups => None,
        Rows::Events => Some(columns.records()?.into_iter()),
    };
    let mut row = |index: usize| {
        let key = GroupKey::of_values(
            usize::try_from(*rule.get(index)?).ok()?,
            values.iter().map(|column| shown(column.get(index).and_then(Option::as_ref))),
        );
        let group = Group { count: *counts.get(index)?, first: *first.get(index)?, last: *last.get(index)? };
        let record = records.as_mut().map(|records| records.next().unwrap_or_default());
        Some(Row { source: *source.get(index)?, key, group, record })
    };
    (0..count).try_for_each(|index| each(row(index).ok_or_else(|| broken("a column is too short"))?))
}

/// A text of a column, which is known to be text. Most of them are many times in it, and none is copied before a row has it.
fn shown(text: Option<&ByteArray>) -> &str {
    text.and_then(|text| text.as_utf8().ok()).unwrap_or_default()
}

/// The columns of a row group, read one after the other.
struct Columns<'a> {
    group: &'a dyn RowGroupReader,
    next: usize,
    count: usize,
}

impl Columns<'_> {
    fn optional<T: DataType>(&mut self) -> Result<Vec<Option<T::T>>> {
        let mut reader = get_typed_column_reader::<T>(self.group.get_column_reader(self.next)?);
        self.next += 1;
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        reader.read_records(self.count, Some(&mut levels), None, &mut values)?;
        let mut values = values.into_iter();
        Ok(levels.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect())
    }

    fn texts(&mut self) -> Result<Vec<Option<ByteArray>>> {
        let texts = self.optional::<ByteArrayType>()?;
        texts.iter().flatten().try_for_each(|text| text.as_utf8().map(drop))?;
        Ok(texts)
    }

    /// Of a column in which every value is stated, and none is negative.
    fn numbers(&mut self) -> Result<Vec<u64>> {
        let mut reader = get_typed_column_reader::<Int64Type>(self.group.get_column_reader(self.next)?);
        self.next += 1;
        let mut values = Vec::new();
        reader.read_records(self.count, None, None, &mut values)?;
        values.into_iter().map(|value| u64::try_from(value).map_err(|_| broken("a number is negative"))).collect()
    }

    fn records(&mut self) -> Result<Vec<RecordCells>> {
        let texts = [self.texts()?, self.texts()?, self.texts()?];
        let [chunk, offset] = [self.numbers()?, self.numbers()?];
        let recovered = self.optional::<BoolType>()?;
        let record = |index: usize| {
            let [record_id, utc_time, rule_name] =
                texts.each_ref().map(|column| shown(column.get(index).and_then(Option::as_ref)).to_owned());
            let (chunk, offset) = (*chunk.get(index)?, *offset.get(index)?);
            let recovered = recovered.get(index).copied().flatten().unwrap_or_default();
            Some(RecordCells { record_id, utc_time, rule_name, chunk, offset, recovered })
        };
        (0..self.count).map(|index| record(index).ok_or_else(|| broken("a column is too short"))).collect()
    }

    fn times(&mut self) -> Result<Vec<Option<Timestamp>>> {
        let (numbers, texts) = (self.optional::<Int64Type>()?, self.texts()?);
        let time = |(number, text): (Option<i64>, Option<ByteArray>)| match number {
            Some(number) => Timestamp::from_nanosecond(number.into()).map(Some),
            None if text.is_none() => Ok(None),
            None => shown(text.as_ref()).parse().map(Some),
        };
        numbers.into_iter().zip(texts).map(|pair| time(pair).map_err(|error| broken(&error.to_string()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_whatever_the_values() {
        let fields = [Field::Dvc, Field::DestIp, Field::DestPort, Field::ProcessId];
        let time = |text: &str| Some(text.parse().unwrap());
        let rows: Vec<Row> = [
            (["WS01", "192.0.2.1", "443", "4"], time("2019-02-16T10:01:46.8840384Z"), time("2020-01-01T00:00:00Z")),
            (["", "", "", ""], None, None),
            (["\u{202e}ü", "::1", "0443", "-1"], time("9998-12-31T00:00:00.1234567Z"), time("-009000-01-01T00:00:00Z")),
            (["x", "no address", "https", "99999999999999999999"], time("1601-01-01T00:00:00Z"), None),
        ]
        .into_iter()
        .enumerate()
        .map(|(index, (values, first, last))| Row {
            source: index as u64 % 2,
            key: GroupKey::of_values(index, values.into_iter()),
            group: Group { count: 1 << index, first, last },
            record: None,
        })
        .collect();
        assert_eq!(back(&rows, &fields, Rows::Groups), rows);
        let record = |row: &Row| RecordCells {
            record_id: row.group.count.to_string(),
            utc_time: "2019-02-16 10:01:46.884".to_owned(),
            rule_name: String::new(),
            chunk: row.source,
            offset: u64::MAX >> 1,
            recovered: row.source == 1,
        };
        let events: Vec<Row> = rows.iter().map(|row| Row { record: Some(record(row)), ..row.clone() }).collect();
        assert_eq!(back(&events, &fields, Rows::Events), events);
    }

    fn back(rows: &[Row], fields: &[Field], kind: Rows) -> Vec<Row> {
        let mut writer = Writer::new(tempfile::tempfile().unwrap(), fields, kind).unwrap();
        for row in rows {
            writer.push(row.clone()).unwrap();
        }
        let file = SerializedFileReader::new(writer.finish("facts", "{}".to_owned()).unwrap()).unwrap();
        let mut back = Vec::new();
        read(&file, fields, kind, |row| {
            back.push(row);
            Ok(())
        })
        .unwrap();
        for (fields, kind) in
            [(&fields[1..], kind), (fields, if kind == Rows::Groups { Rows::Events } else { Rows::Groups })]
        {
            assert!(read(&file, fields, kind, |_| Ok(())).is_err());
        }
        back
    }
}
