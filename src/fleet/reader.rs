//! Rows of a partial result, read from the columns of its file.

use std::{fs::File, iter, slice, vec};

use jiff::Timestamp;
use parquet::{
    column::reader::{get_column_reader, get_typed_column_reader},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type},
    errors::Result,
    schema::types::{ColumnDescPtr, SchemaDescriptor},
};

use crate::{
    connection::glossary::{Field, Kind},
    fleet::pages::{ColumnChunk, Footer, Pages, RowGroup},
    group::key::{Group, GroupKey},
    report::parquet::{
        columns::{ROWS, RecordCells, Row, Rows, TEXT, schema},
        fault::broken,
        writer::stated,
    },
};

/// Hands each row of a file of such rows to `each`.
///
/// # Errors
///
/// The file is not a partial result, or is damaged; or what `each` returns.
pub(super) fn read(file: &File, fields: &[Field], rows: Rows, mut each: impl FnMut(Row) -> Result<()>) -> Result<()> {
    let footer = Footer::read(file)?;
    let schema = SchemaDescriptor::new(schema(fields, rows)?);
    if !footer.columns().eq(schema.columns().iter().map(|column| Some(column.name().as_bytes()))) {
        return Err(broken("its columns are not those of a partial result"));
    }
    let mut counted = 0;
    for group in footer.row_groups() {
        let group = group?;
        counted += group.rows as u64;
        read_rows(Columns::new(file, &schema, group), fields, rows, &mut each)?;
    }
    if footer.rows() == Some(counted) { Ok(()) } else { Err(broken("it does not have as many rows as it says")) }
}

fn read_rows(
    mut columns: Columns<'_>,
    fields: &[Field],
    rows: Rows,
    each: &mut impl FnMut(Row) -> Result<()>,
) -> Result<()> {
    let source = columns.numbers()?;
    let rule = columns.numbers()?;
    let mut values = Vec::with_capacity(fields.len());
    for &field in fields {
        values.push(match field.kind() {
            Kind::Text => columns.texts()?,
            Kind::Address => {
                let texts = columns.texts()?;
                columns.skip();
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
    let records = (rows == Rows::Events).then(|| Records::read(&mut columns)).transpose()?;
    let mut texts = Vec::with_capacity(values.len());
    for row in 0..columns.rows {
        texts.clear();
        for column in &values {
            texts.push(text_of(value_of(column, row)?.as_ref())?);
        }
        let rule = usize::try_from(*value_of(&rule, row)?).map_err(|_| broken("a number is too large"))?;
        let (count, first, last) = (*value_of(&counts, row)?, *value_of(&first, row)?, *value_of(&last, row)?);
        each(Row {
            source: *value_of(&source, row)?,
            key: GroupKey::of_values(rule, texts.iter().copied()),
            group: Group { count, first, last },
            record: records.as_ref().map(|records| records.get(row)).transpose()?,
        })?;
    }
    Ok(())
}

/// The value that a row has in a column.
fn value_of<T>(column: &[T], row: usize) -> Result<&T> {
    column.get(row).ok_or_else(|| broken("a column is too short"))
}

/// A value as text; empty if it is not stated. It is borrowed: most texts are in a column many times.
fn text_of(text: Option<&ByteArray>) -> Result<&str> {
    text.map_or(Ok(""), ByteArray::as_utf8)
}

/// The columns of a row group, read one after the other.
struct Columns<'a> {
    file: &'a File,
    rows: usize,
    /// Those that were not read yet: what each is of, and where it is.
    left: iter::Zip<slice::Iter<'a, ColumnDescPtr>, vec::IntoIter<ColumnChunk>>,
    /// How much more their pages may take, in bytes.
    room: usize,
    /// How much more text there may be, in bytes: what a few bytes of a file stand for can be without bounds.
    text: usize,
}

impl<'a> Columns<'a> {
    fn new(file: &'a File, schema: &'a SchemaDescriptor, group: RowGroup) -> Self {
        // Of a value, with its length, its place in a dictionary and whether it is there, but for the text that is counted.
        const VALUE: usize = 48;
        // The longest times as text, of which a row has two that the writer does not count.
        const TIMES: usize = 2 * 40;
        let room = TEXT + VALUE * ROWS * schema.num_columns();
        let text = TEXT + TIMES * ROWS;
        let left = schema.columns().iter().zip(group.chunks);
        Self { file, rows: group.rows, left, room, text }
    }

    fn skip(&mut self) {
        self.left.next();
    }

    /// The values of the next column, and for each row whether it has one, if that is not known.
    fn values<T: DataType>(&mut self, stated: Option<&mut Vec<i16>>) -> Result<Vec<T::T>> {
        let (column, chunk) = self.left.next().ok_or_else(|| broken("a column is missing"))?;
        let pages = Pages::read(self.file, &chunk, &mut self.room)?;
        let mut reader = get_typed_column_reader::<T>(get_column_reader(column.clone(), Box::new(pages)));
        let mut values = Vec::new();
        reader.read_records(self.rows, stated, None, &mut values)?;
        Ok(values)
    }

    fn optional<T: DataType>(&mut self) -> Result<Vec<Option<T::T>>> {
        let mut stated = Vec::new();
        let mut values = self.values::<T>(Some(&mut stated))?.into_iter();
        Ok(stated.into_iter().map(|stated| if stated > 0 { values.next() } else { None }).collect())
    }

    fn texts(&mut self) -> Result<Vec<Option<ByteArray>>> {
        let texts = self.optional::<ByteArrayType>()?;
        for text in texts.iter().flatten() {
            self.text = self.text.checked_sub(text.len()).ok_or_else(|| broken("its texts are too long"))?;
        }
        Ok(texts)
    }

    /// Of a column in which every value is stated, and none is negative.
    fn numbers(&mut self) -> Result<Vec<u64>> {
        let values = self.values::<Int64Type>(None)?;
        values.into_iter().map(|value| u64::try_from(value).map_err(|_| broken("a number is negative"))).collect()
    }

    fn times(&mut self) -> Result<Vec<Option<Timestamp>>> {
        let (numbers, texts) = (self.optional::<Int64Type>()?, self.texts()?);
        let wrong = |error: jiff::Error| broken(&error.to_string());
        let time = |(number, text): (Option<i64>, Option<ByteArray>)| match number {
            Some(number) => Timestamp::from_nanosecond(number.into()).map(Some).map_err(wrong),
            None if text.is_none() => Ok(None),
            None => text_of(text.as_ref())?.parse().map(Some).map_err(wrong),
        };
        numbers.into_iter().zip(texts).map(time).collect()
    }
}

/// The columns of the records behind hits.
struct Records {
    texts: [Vec<Option<ByteArray>>; 3],
    chunk: Vec<u64>,
    offset: Vec<u64>,
    recovered: Vec<Option<bool>>,
}

impl Records {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            texts: [columns.texts()?, columns.texts()?, columns.texts()?],
            chunk: columns.numbers()?,
            offset: columns.numbers()?,
            recovered: columns.optional::<BoolType>()?,
        })
    }

    /// The record of a row.
    fn get(&self, row: usize) -> Result<RecordCells> {
        let text = |column| text_of(value_of::<Option<ByteArray>>(column, row)?.as_ref()).map(str::to_owned);
        let [record_id, utc_time, rule_name] = &self.texts;
        Ok(RecordCells {
            record_id: text(record_id)?,
            utc_time: text(utc_time)?,
            rule_name: text(rule_name)?,
            chunk: *value_of(&self.chunk, row)?,
            offset: *value_of(&self.offset, row)?,
            recovered: value_of(&self.recovered, row)?.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::parquet::{columns::RecordCells, writer::Writer};

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

    #[test]
    fn a_row_group_that_is_full_of_text_has_room_for_times() {
        let time = Some("9998-12-31T00:00:00.1234567Z".parse().unwrap());
        let row = |number: usize| Row {
            source: 0,
            key: GroupKey::of_values(0, std::iter::once(format!("{number:08}{}", "x".repeat(65_528)).as_str())),
            group: Group { count: 1, first: time, last: time },
            record: None,
        };
        let rows: Vec<Row> = (0..1024).map(row).collect();
        assert!(back(&rows, &[Field::Dvc], Rows::Groups) == rows);
    }

    #[test]
    fn rows_with_very_long_texts_are_fewer_to_a_row_group() {
        let row = |number: usize| Row {
            source: 0,
            key: GroupKey::of_values(number, std::iter::once("x".repeat(TEXT / 4 + number).as_str())),
            group: Group { count: 1, first: None, last: None },
            record: None,
        };
        let rows: Vec<Row> = (0..5).map(row).collect();
        assert!(back(&rows, &[Field::Dvc], Rows::Groups) == rows);
    }

    fn back(rows: &[Row], fields: &[Field], kind: Rows) -> Vec<Row> {
        let mut writer = Writer::new(tempfile::tempfile().unwrap(), fields, kind).unwrap();
        for row in rows {
            writer.push(row.clone()).unwrap();
        }
        let file = writer.finish([("facts", "{}".to_owned())]).unwrap();
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
