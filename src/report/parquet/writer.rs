//! [`Writer`]: rows, and groups of a report, written to the columns of a Parquet file.

use std::{
    io::{self, Write},
    net::IpAddr,
    ops::Range,
};

use jiff::Timestamp;
use parquet::{
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type},
    errors::{ParquetError, Result},
    file::{
        metadata::KeyValue,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
};

use crate::{
    connection::glossary::{Field, Kind},
    group::key::{Group, GroupKey},
    report::parquet::{
        checksums::{CHECKSUMS, Checksums, Summed},
        columns::{ROWS, RecordCells, Row, Rows, TEXT, properties, schema},
        fault::broken,
    },
    text,
};

/// Writes groups as they come.
pub(crate) struct Writer<W: Write + Send> {
    file: SerializedFileWriter<Summed<W>>,
    fields: Vec<Field>,
    kind: Rows,
    rows: Vec<Row>,
    /// The size of their texts, in bytes.
    text: usize,
}

impl<W: Write + Send> Writer<W> {
    /// For such rows with these fields.
    ///
    /// # Errors
    ///
    /// What `out` returns.
    pub(crate) fn new(out: W, fields: &[Field], rows: Rows) -> Result<Self> {
        let file = SerializedFileWriter::new(Summed::new(out), schema(fields, rows)?, properties())?;
        Ok(Self { file, fields: fields.to_vec(), kind: rows, rows: Vec::new(), text: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// What the output returns.
    pub(crate) fn push(&mut self, row: Row) -> Result<()> {
        let size = row.text_size();
        if self.rows.len() >= ROWS || self.text + size > TEXT {
            self.flush()?;
        }
        self.text += size;
        self.rows.push(row);
        Ok(())
    }

    /// Writes the rows that are left, and then what `write` does, for which no reader of Parquet looks. Returns where in the file that is.
    ///
    /// # Errors
    ///
    /// What the output or `write` returns.
    pub(crate) fn append<T>(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> Result<(Range<u64>, T)> {
        self.flush()?;
        let start = self.file.bytes_written() as u64;
        let written = write(&mut Payload(&mut self.file)).map_err(|error| ParquetError::External(error.into()))?;
        Ok((start..self.file.bytes_written() as u64, written))
    }

    /// Writes what is left, and the file's other facts under their names, with the checksums of both.
    ///
    /// # Errors
    ///
    /// What the output returns.
    pub(crate) fn finish(mut self, facts: impl IntoIterator<Item = (&'static str, String)>) -> Result<W> {
        self.flush()?;
        self.file.flush()?;
        let facts: Vec<_> = facts.into_iter().collect();
        let checksums = Checksums::new(self.file.inner(), facts.iter().map(|(_, text)| &**text));
        let checksums = serde_json::to_string(&checksums).map_err(|error| broken(&error.to_string()))?;
        for (name, text) in facts.into_iter().chain([(CHECKSUMS, checksums)]) {
            self.file.append_key_value_metadata(KeyValue::new(name.to_owned(), text));
        }
        self.file.into_inner().map(Summed::into_inner)
    }

    fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.text = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        write_required_ints(&mut group, rows.iter().map(|row| i64::try_from(row.source).ok()))?;
        write_required_ints(&mut group, rows.iter().map(|row| i64::try_from(row.key.rule).ok()))?;
        let groups: Vec<(&GroupKey, &Group)> = rows.iter().map(|row| (&row.key, &row.group)).collect();
        write_groups(&mut group, &self.fields, &groups)?;
        if self.kind == Rows::Events {
            write_records(&mut group, &rows.into_iter().map(|row| row.record.unwrap_or_default()).collect::<Vec<_>>())?;
        }
        group.close()?;
        Ok(())
    }
}

/// Where something is written that is not Parquet's.
struct Payload<'a, W: Write + Send>(&'a mut SerializedFileWriter<W>);

impl<W: Write + Send> Write for Payload<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
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
        write_required_ints(out, records.iter().map(|record| i64::try_from(place(record)).ok()))?;
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
                write_column::<Int64Type>(out, values().map(text::number::<i64>))?;
                let others = values().map(|text| stated(text).filter(|_| text::number::<i64>(text).is_none()));
                write_column::<ByteArrayType>(out, others)?;
            }
        }
    }
    // Only a partial result can claim more than there are numbers for.
    let counts = groups.iter().map(|(_, group)| Some(i64::try_from(group.count).unwrap_or(i64::MAX)));
    write_required_ints(out, counts)?;
    for time in [|group: &Group| group.first, |group: &Group| group.last] {
        write_column::<Int64Type>(out, groups.iter().map(|(_, group)| time(group).and_then(nanoseconds)))?;
        let others = groups.iter().map(|(_, group)| {
            let out_of_range = time(group).filter(|&time| nanoseconds(time).is_none());
            out_of_range.map(|time| ByteArray::from(time.to_string().as_str()))
        });
        write_column::<ByteArrayType>(out, others)?;
    }
    Ok(())
}

/// Writes the next column, in which every row has a number.
fn write_required_ints<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<i64>>,
) -> Result<()> {
    let Some(values) = values.collect::<Option<Vec<i64>>>() else { return Err(broken("a number is too large")) };
    let mut column = group.next_column()?.ok_or_else(|| broken("a column too many"))?;
    column.typed::<Int64Type>().write_batch(&values, None, None)?;
    column.close()
}

/// Writes the next column, null where there is no value.
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
