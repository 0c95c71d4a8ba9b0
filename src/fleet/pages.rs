//! What of a file's bytes is handed to the reader of Parquet: the [`Pages`] of its columns, found by its [`Footer`].
//!
//! A partial result comes from a host that may be an attacker's. The library believes what it states: with parquet 60.1, a file of
//! 19,520 bytes whose last page states 2 GiB makes its page reader allocate 2 GiB. So what a few bytes can claim, a page of
//! gigabytes or a schema nested a hundred thousand deep, is refused here before anything is allocated for it. What is in a page is
//! read by the library. How many rows a file has, and so how long it takes, is not bounded: a few bytes can stand for many that are
//! alike. Only what netsift writes is read: the numbers of fields, encodings and codecs are those of
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    vec,
};

use parquet::{
    basic::Encoding,
    column::page::{Page, PageMetadata, PageReader},
    errors::Result,
};

use crate::{
    fleet::thrift::Compact,
    report::parquet::{columns::ROWS, fault::broken},
};

/// What a file is about: where it has which columns, and what else is known. It is at the file's end.
pub(super) struct Footer(Vec<u8>);

/// Where the columns of some rows are.
pub(super) struct RowGroup {
    /// How many rows.
    pub(super) rows: usize,
    /// Where each column is.
    pub(super) chunks: Vec<ColumnChunk>,
}

/// Where a column of some rows is.
pub(super) struct ColumnChunk {
    start: u64,
    size: u64,
    is_compressed: bool,
}

/// What a file starts and ends with.
pub(super) const MAGIC: &[u8; 4] = b"PAR1";

impl Footer {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or does not end with a footer.
    pub(super) fn read(mut file: &File) -> Result<Self> {
        let mut tail = [0; 8];
        let end = file.seek(SeekFrom::End(0))?.checked_sub(8).ok_or_else(|| broken("it is too short"))?;
        file.seek(SeekFrom::Start(end))?;
        file.read_exact(&mut tail)?;
        let [a, b, c, d, magic @ ..] = tail;
        if magic != *MAGIC {
            return Err(broken("it does not end as a Parquet file does"));
        }
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        let start = end.checked_sub(length).ok_or_else(|| broken("it is cut off"))?;
        let mut footer = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(length).read_to_end(&mut footer)?;
        // It is gone through to its end once: from then on, a list that ends early is short, and not damaged.
        match Compact(&footer).behind() {
            Some([]) => Ok(Self(footer)),
            _ => Err(broken("its metadata is damaged")),
        }
    }

    /// The text that it has under a name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let named = |pair: &Compact<'_>| pair.bytes(1) == Some(name.as_bytes());
        std::str::from_utf8(self.metadata().structures(5).find(named)?.bytes(2)?).ok()
    }

    /// The names of its columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = Option<&[u8]>> {
        // The first is the schema itself.
        self.metadata().structures(2).skip(1).map(|column| column.bytes(4))
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> Option<u64> {
        self.metadata().number(3)?.try_into().ok()
    }

    /// Its row groups. Each has to be behind the one before it, or the same few bytes could be the pages of many.
    pub(super) fn row_groups(&self) -> impl Iterator<Item = Result<RowGroup>> {
        let mut end = 0;
        self.metadata().structures(4).map(move |group| {
            let group = RowGroup::new(group).filter(|group| group.is_behind(&mut end));
            group.ok_or_else(|| broken("a row group is damaged"))
        })
    }

    fn metadata(&self) -> Compact<'_> {
        Compact(&self.0)
    }
}

impl RowGroup {
    fn new(group: Compact<'_>) -> Option<Self> {
        let rows = usize::try_from(group.number(3)?).ok().filter(|rows| (1..=ROWS).contains(rows))?;
        let chunks = group.structures(1).map(|column| ColumnChunk::new(column.structure(3)?)).collect::<Option<_>>()?;
        Some(Self { rows, chunks })
    }

    /// Whether each column is behind the one before it, and the first behind `end`, which is then their end.
    fn is_behind(&self, end: &mut u64) -> bool {
        self.chunks.iter().all(|chunk| {
            let is_behind = chunk.start >= *end;
            *end = chunk.start.saturating_add(chunk.size);
            is_behind
        })
    }
}

impl ColumnChunk {
    fn new(column: Compact<'_>) -> Option<Self> {
        const UNCOMPRESSED: i64 = 0;
        const SNAPPY: i64 = 1;
        let is_compressed = match column.number(4)? {
            UNCOMPRESSED => false,
            SNAPPY => true,
            _ => return None,
        };
        // A dictionary comes before the data.
        let start = column.number(11).map_or_else(|| column.number(9), Some)?;
        Some(Self { start: start.try_into().ok()?, size: column.number(7)?.try_into().ok()?, is_compressed })
    }
}

/// The pages of a column of some rows, in memory.
pub(super) struct Pages(vec::IntoIter<Page>);

impl Pages {
    /// Reads them. Unpacked, they take no more than `room`, in bytes, and leave the rest of it.
    ///
    /// # Errors
    ///
    /// They cannot be read, are damaged, or would take more.
    pub(super) fn read(mut file: &File, chunk: &ColumnChunk, room: &mut usize) -> Result<Self> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(chunk.start))?;
        // Snappy adds a sixth at most; the rest is for the headers of pages.
        if chunk.size > (*room + *room / 5) as u64 {
            return Err(broken("its pages are too large"));
        }
        file.take(chunk.size).read_to_end(&mut bytes)?;
        let (mut rest, mut pages) = (&*bytes, Vec::new());
        while !rest.is_empty() {
            let (page, behind) = page(rest, chunk.is_compressed, room)?;
            pages.push(page);
            rest = behind;
        }
        Ok(Self(pages.into_iter()))
    }
}

/// The page that the bytes start with, and those behind it.
fn page<'a>(bytes: &'a [u8], is_compressed: bool, room: &mut usize) -> Result<(Page, &'a [u8])> {
    let damaged = || broken("a page is damaged");
    let header = Compact(bytes);
    let content = header.behind().ok_or_else(damaged)?;
    let size = |id| header.number(id).and_then(|size| usize::try_from(size).ok()).ok_or_else(damaged);
    let (unpacked, packed) = (size(2)?, size(3)?);
    *room = room
        .checked_sub(unpacked.saturating_add(size_of::<Page>()))
        .ok_or_else(|| broken("its pages are too large"))?;
    let (content, behind) = content.split_at_checked(packed).ok_or_else(damaged)?;
    let buffer = if is_compressed {
        let mut buffer = vec![0; unpacked];
        let written = snap::raw::Decoder::new().decompress(content, &mut buffer).map_err(|_| damaged())?;
        buffer.truncate(written);
        buffer
    } else {
        content.to_vec()
    };
    if buffer.len() != unpacked {
        return Err(damaged());
    }
    let page = page_of(header, buffer).ok_or_else(|| broken("a page is of a kind that netsift does not write"))?;
    Ok((page, behind))
}

/// A page with this header and these bytes; `None` if it is of a kind that is not written.
fn page_of(header: Compact<'_>, buffer: Vec<u8>) -> Option<Page> {
    // The kinds of pages, and the encodings.
    const DATA: i64 = 0;
    const DICTIONARY: i64 = 2;
    const PLAIN: i64 = 0;
    const PLAIN_DICTIONARY: i64 = 2;
    const RLE: i64 = 3;
    const RLE_DICTIONARY: i64 = 8;
    let buf = buffer.into();
    let values =
        |header: Compact<'_>| header.number(1)?.try_into().ok().filter(|&values: &u32| values as usize <= ROWS);
    match header.number(1)? {
        DICTIONARY => {
            let header = header.structure(7)?;
            let (PLAIN | PLAIN_DICTIONARY) = header.number(2)? else { return None };
            let (num_values, encoding) = (values(header)?, Encoding::PLAIN);
            Some(Page::DictionaryPage { buf, num_values, encoding, is_sorted: false })
        }
        DATA => {
            let header = header.structure(5)?;
            let encoding = match header.number(2)? {
                PLAIN => Encoding::PLAIN,
                RLE => Encoding::RLE,
                PLAIN_DICTIONARY | RLE_DICTIONARY => Encoding::RLE_DICTIONARY,
                _ => return None,
            };
            // Which rows have a value is in runs (definition levels).
            let RLE = header.number(3)? else { return None };
            Some(Page::DataPage {
                buf,
                num_values: values(header)?,
                encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            })
        }
        _ => None,
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(Ok)
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        Ok(self.0.next())
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(broken("pages are read one after the other"))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Err(broken("pages are read one after the other"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A number that is a field, after so many that are left out.
    fn number(step: u8, number: usize) -> Vec<u8> {
        let mut bytes = vec![step << 4 | 5];
        let mut rest = number * 2;
        loop {
            let [byte, ..] = rest.to_le_bytes();
            rest >>= 7;
            bytes.push(if rest == 0 { byte & 0x7f } else { byte | 0x80 });
            if rest == 0 {
                return bytes;
            }
        }
    }

    /// A page of data with what its header says of it: how large it is, how many values it has, and in which encoding.
    fn data(unpacked: usize, values: usize, encoding: usize, content: &[u8]) -> Vec<u8> {
        let data = [number(1, values), number(1, encoding), number(1, 3), number(1, 3), vec![0]].concat();
        let size = number(1, content.len());
        [number(1, 0), number(1, unpacked), size, vec![0x2c], data, vec![0], content.to_vec()].concat()
    }

    #[test]
    fn a_page_is_no_larger_than_it_may_be_whatever_it_claims() {
        let read = |bytes: &[u8], is_compressed, mut room: usize| {
            let page = page(bytes, is_compressed, &mut room).map_err(|error| error.to_string());
            page.map(|(page, behind)| (page.buffer().len(), page.num_values(), behind.len(), room))
        };
        let packed = snap::raw::Encoder::new().compress_vec(&[7; 1000]).unwrap();
        let page = size_of::<Page>();
        assert_eq!(read(&data(1000, 9, 0, &packed), true, 1500 + page), Ok((1000, 9, 0, 500)));
        assert_eq!(read(&[data(4, 1, 8, b"four"), vec![1, 2]].concat(), false, 4 + page), Ok((4, 1, 2, 0)));
        for (bytes, is_compressed) in [
            (data(0x7fff_ffff, 9, 0, &packed), true),
            (data(999, 9, 0, &packed), true),
            (data(1001, 9, 0, &packed), true),
            (data(5, 1, 8, b"four"), false),
            // More values than a row group has, and an encoding in which a few bytes stand for any number of long texts.
            (data(4, ROWS + 1, 8, b"four"), false),
            (data(4, 1, 7, b"four"), false),
            (data(4, 1, 8, b"four")[..12].to_vec(), false),
        ] {
            assert!(read(&bytes, is_compressed, 1 << 20).is_err());
        }
    }

    #[test]
    fn a_schema_is_not_built_before_it_is_known_to_be_the_expected_one() {
        let element = [vec![0x48, 1, b'x'], number(1, 1), vec![0]].concat();
        let count = 100_000;
        let schema = element.repeat(count);
        let list = [vec![0x19, 0xfc], vec![0xa0, 0x8d, 0x06], schema].concat();
        let footer = [number(1, 1), list, vec![0x16, 0, 0x19, 0x0c, 0]].concat();
        let mut file = tempfile::tempfile().unwrap();
        let size = u32::try_from(footer.len()).unwrap();
        file.write_all(&[&MAGIC[..], &footer, &size.to_le_bytes(), MAGIC].concat()).unwrap();
        let footer = Footer::read(&file).unwrap();
        assert_eq!(footer.columns().count(), count - 1);
        assert_eq!((footer.rows(), footer.row_groups().count(), footer.text("x")), (Some(0), 0, None));
    }
}
