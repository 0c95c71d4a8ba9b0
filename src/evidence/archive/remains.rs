//! [`Remains`]: a zip file without its directory, as a collection that was cut off leaves it, or a part of one that its directory does not
//! list. It is read member by member.
//!
//! Only the local headers, and the descriptors behind members, are looked for here (APPNOTE.TXT 4.3.7 and 4.3.9). What is
//! packed between them is read by the crate for zip files.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

use zip::{ZipReadOptions, read::read_zipfile_from_stream_with_options};

use crate::{
    bytes,
    evidence::archive::{
        form::Form,
        header::{HEADER_SIZE, is_plausible, starts_one},
        limits::total,
        member::{self, Depth, Names, Opened, Unpacked},
        stream::{Bound, Window},
    },
    text::numbered,
};

/// Where in its file a zip file is that has lost its directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remains {
    start: u64,
    size: u64,
    depth: Depth,
    /// The most bytes that may come out of it.
    budget: u64,
    why: Why,
}

/// Why members are read without a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// It is missing.
    Missing,
    /// There is one, which does not list these members.
    Unlisted,
}

impl Remains {
    /// The zip file is a file of `size` bytes.
    pub(super) fn of_file(size: u64) -> Self {
        Self { start: 0, size, depth: Depth::File, budget: total(size), why: Why::Missing }
    }

    /// The zip file is part of another one. Nothing may come out of it yet.
    pub(super) fn of_member(start: u64, size: u64) -> Self {
        Self { start, size, depth: Depth::Member, budget: 0, why: Why::Missing }
    }

    /// The members are in a zip file of this depth, whose directory does not list them. Nothing may come out of them yet.
    pub(super) fn unlisted(start: u64, size: u64, depth: Depth) -> Self {
        Self { start, size, depth, budget: 0, why: Why::Unlisted }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Where in its file it is.
    pub(super) fn range(&self) -> Range<u64> {
        self.start..self.start.saturating_add(self.size)
    }

    pub(super) fn budget(&self) -> u64 {
        self.budget
    }

    /// Allows so many bytes more to come out of it.
    pub(super) fn grant(&mut self, bytes: u64) {
        self.budget = self.budget.saturating_add(bytes);
    }
}

const DESCRIPTOR: &[u8] = b"PK\x07\x08";
/// The flag of a member whose sizes are in the descriptor behind it.
const SIZES_BEHIND: u16 = 1 << 3;
/// As many members may have no descriptor before it is not looked for any more: each time, that is to the end of the file.
const SEARCHES: u32 = 16;

/// Whether what `reader` reads starts with a member.
pub(super) fn start<R: Read + Seek>(reader: &mut R) -> bool {
    let mut head = [0; 4];
    reader.rewind().and_then(|()| reader.read_exact(&mut head)).is_ok_and(|()| starts_one(&head))
}

/// Whether there is a member in what `reader` reads.
pub(super) fn holds_member<R: Read + Seek>(reader: &mut R) -> io::Result<bool> {
    Ok(next_header(reader, 0)?.is_some())
}

/// Unpacks what was found to be one.
pub(super) fn unpack(name: &str, file: &File, remains: &Remains, out: &mut Unpacked<'_>) {
    let mut window = Window::new(file, remains.start, remains.size);
    unpack_from(name, &mut window, remains, out);
}

/// Unpacks it from `reader`, which reads nothing else.
pub(super) fn unpack_from<R: Read + Seek>(name: &str, reader: &mut R, remains: &Remains, out: &mut Unpacked<'_>) {
    match remains.why {
        Why::Missing => out.defect(name, "its directory is missing: read member by member"),
        Why::Unlisted => {
            let bytes = numbered(remains.size, "byte");
            out.defect(name, &format!("{bytes} that the directory does not list hold members: read member by member"));
        }
    }
    if let Err(error) = walk(name, reader, remains.size, remains.depth, out) {
        out.defect(name, &format!("cannot read on: {error}"));
    }
}

fn walk<R: Read + Seek>(
    archive: &str,
    reader: &mut R,
    size: u64,
    depth: Depth,
    out: &mut Unpacked<'_>,
) -> io::Result<()> {
    let mut names = Names::default();
    let mut searches = SEARCHES;
    let mut at = 0;
    while let Some(header) = next_header(reader, at)? {
        let form = out.limits.form(&header.name).filter(|_| !header.name.ends_with('/'));
        let extent = extent(reader, &header, size, &mut searches)?;
        let end = match (&extent, form) {
            (Extent::Whole { end, .. }, _) => *end,
            // What is found in it would be found again when it is read.
            (Extent::Open { .. }, Some(Form::Zip)) => size,
            (Extent::Open { .. }, _) => next_header(reader, header.data)?.map_or(size, |next| next.start),
        };
        if let Some(form) = form {
            let piece = Piece { header: &header, extent: &extent, end, form, depth };
            unpack_member(archive, &mut names, reader, &piece, out)?;
        }
        at = end;
    }
    Ok(())
}

/// A local header: what is known of a member before it is read.
struct Header {
    start: u64,
    /// Where the member's bytes are.
    data: u64,
    flags: u16,
    /// What is stated of its bytes: how many there are, and how many come out of them.
    sizes: (u64, u64),
    name: String,
}

/// The next local header, not before `from`.
fn next_header<R: Read + Seek>(reader: &mut R, from: u64) -> io::Result<Option<Header>> {
    let mut fixed = [0; HEADER_SIZE];
    let found = search(reader, from, &mut |_, bytes| match bytes.first_chunk() {
        Some(bytes) if is_plausible(bytes) => {
            fixed = *bytes;
            true
        }
        _ => false,
    });
    let Some(start) = found? else { return Ok(None) };
    let short = |at| bytes::u16_at(&fixed, at).unwrap_or(0);
    let (name_size, extra_size) = (short(26), short(28));
    let mut name = vec![0; usize::from(name_size)];
    let mut extra = vec![0; usize::from(extra_size)];
    reader.seek(SeekFrom::Start(start + HEADER_SIZE as u64))?;
    match reader.read_exact(&mut name).and_then(|()| reader.read_exact(&mut extra)) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let size = |at| bytes::u32_at(&fixed, at).unwrap_or(0);
    let (packed, unpacked) = (size(18), size(22));
    let long = if packed == u32::MAX || unpacked == u32::MAX { long_sizes(&extra) } else { None };
    Ok(Some(Header {
        start,
        data: start + HEADER_SIZE as u64 + u64::from(name_size) + u64::from(extra_size),
        flags: short(6),
        sizes: long.unwrap_or((packed.into(), unpacked.into())),
        name: String::from_utf8_lossy(&name).into_owned(),
    }))
}

/// The sizes in a ZIP64 extra field (4.5.3), which has both in a local header.
fn long_sizes(mut extra: &[u8]) -> Option<(u64, u64)> {
    while let Some((header, rest)) = extra.split_at_checked(4) {
        let (field, rest) = rest.split_at_checked(bytes::u16_at(header, 2)?.into())?;
        if bytes::u16_at(header, 0) == Some(1) {
            return Some((bytes::u64_at(field, 8)?, bytes::u64_at(field, 0)?));
        }
        extra = rest;
    }
    None
}

/// How far a member goes.
enum Extent {
    /// To here, with this checksum and so many bytes to come out of it; a header states its checksum itself.
    Whole { end: u64, crc: Option<u32>, unpacked: u64 },
    /// To where it is cut off, or to an end that is not marked, with as many bytes to come out of it as are stated.
    Open { unpacked: Option<u64> },
}

fn extent<R: Read + Seek>(reader: &mut R, header: &Header, size: u64, searches: &mut u32) -> io::Result<Extent> {
    if header.flags & SIZES_BEHIND == 0 {
        let (packed, unpacked) = header.sizes;
        let end = header.data.saturating_add(packed);
        let open = Extent::Open { unpacked: Some(unpacked) };
        return Ok(if end <= size { Extent::Whole { end, crc: None, unpacked } } else { open });
    }
    if *searches > 0 {
        if let Some(whole) = descriptor(reader, header.data)? {
            return Ok(whole);
        }
        *searches -= 1;
    }
    Ok(Extent::Open { unpacked: None })
}

/// The member whose bytes start at `data`, by the descriptor behind it: one that states as many bytes as there are before
/// it. Whether its sizes are of 32 or 64 bits, only what follows can say: another signature.
fn descriptor<R: Read + Seek>(reader: &mut R, data: u64) -> io::Result<Option<Extent>> {
    let mut found = None;
    search(reader, data, &mut |end, there| {
        if !there.starts_with(DESCRIPTOR) {
            return false;
        }
        let packed = end - data;
        let is_followed = there.get(16..18).is_some_and(|next| next == b"PK");
        let unpacked = if bytes::u64_at(there, 8) == Some(packed) && !is_followed {
            bytes::u64_at(there, 16)
        } else {
            let is_it = bytes::u32_at(there, 8).is_some_and(|size| u64::from(size) == packed);
            bytes::u32_at(there, 12).map(u64::from).filter(|_| is_it)
        };
        found = unpacked.map(|unpacked| Extent::Whole { end, crc: bytes::u32_at(there, 4), unpacked });
        found.is_some()
    })?;
    Ok(found)
}

/// A member that may be of interest.
struct Piece<'a> {
    header: &'a Header,
    extent: &'a Extent,
    /// Where what belongs to it ends.
    end: u64,
    form: Form,
    depth: Depth,
}

/// Unpacks a member that goes to the end of its piece.
fn unpack_member<R: Read + Seek>(
    archive: &str,
    names: &mut Names,
    reader: &mut R,
    piece: &Piece<'_>,
    out: &mut Unpacked<'_>,
) -> io::Result<()> {
    let &Piece { header, extent, end, form, depth } = piece;
    let limits = out.limits;
    let encrypted = header.flags & 1 != 0;
    let options = ZipReadOptions::new().password(limits.password.as_deref().map(str::as_bytes));
    let options = options.override_compressed_size(end - header.data);
    let (options, unpacked) = match *extent {
        Extent::Whole { crc: Some(crc), unpacked, .. } => {
            (options.override_uncompressed_size(unpacked).override_crc(crc), Some(unpacked))
        }
        Extent::Whole { crc: None, unpacked, .. } => (options, Some(unpacked)),
        Extent::Open { unpacked } => (options.ignore_crc32(true), unpacked),
    };
    reader.seek(SeekFrom::Start(header.start))?;
    let mut part = reader.take(end - header.start);
    match read_zipfile_from_stream_with_options(&mut part, options) {
        Ok(Some(opened)) => {
            let name = opened.name().map_or_else(|_| header.name.clone(), String::from);
            let name = names.of_member(archive, &name);
            match (unpacked, unpacked.and_then(|size| limits.too_large(form, size))) {
                (_, Some(cause)) => out.defect(&name, &cause),
                (Some(size), None) => {
                    let bound = Bound::Stated(size);
                    member::hand_on(&name, Opened { stream: opened, form, bound, encrypted, depth }, out);
                }
                (None, None) => {
                    let bound = Bound::AtMost(limits.of_member());
                    let stream = Unended(opened);
                    member::hand_on(&name, Opened { stream, form, bound, encrypted, depth }, out);
                }
            }
        }
        Ok(None) => {}
        Err(error) => {
            let has_no_password = encrypted && limits.password.is_none();
            let cause = if has_no_password { member::NO_PASSWORD.to_owned() } else { member::not_opened(&error) };
            let name = names.of_member(archive, &header.name);
            match form {
                Form::Unknown => out.unread.add(&name, &cause),
                _ => out.defect(&name, &cause),
            }
        }
    }
    Ok(())
}

/// A stream of a size that is stated nowhere, so that its end says nothing.
struct Unended<R>(R);

impl<R: Read> Read for Unended<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) if !buffer.is_empty() => Err(io::Error::other("its size is stated nowhere: it may be cut off here")),
            read => read,
        }
    }
}

/// The first place, not before `from`, where there is `PK` and what is `wanted`, which is told the place and what is there:
/// at least [`HEADER_SIZE`] bytes, or what is left.
pub(super) fn search<R: Read + Seek>(
    reader: &mut R,
    from: u64,
    wanted: &mut dyn FnMut(u64, &[u8]) -> bool,
) -> io::Result<Option<u64>> {
    let mut bytes = Vec::with_capacity(4 << 10);
    let mut start = from;
    // Mostly it is right there.
    let mut block = 4 << 10;
    loop {
        bytes.clear();
        reader.seek(SeekFrom::Start(start))?;
        reader.take(block).read_to_end(&mut bytes)?;
        let is_last = (bytes.len() as u64) < block;
        let end = if is_last { bytes.len() } else { bytes.len().saturating_sub(HEADER_SIZE) };
        let mut at = 0;
        while let Some(next) = bytes.get(at..end).and_then(|rest| rest.iter().position(|&byte| byte == b'P')) {
            at += next;
            let there = bytes.get(at..).unwrap_or_default();
            if there.starts_with(b"PK") && wanted(start + at as u64, there) {
                return Ok(Some(start + at as u64));
            }
            at += 1;
        }
        if is_last {
            return Ok(None);
        }
        start += end as u64;
        block = 64 << 10;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn what_is_looked_for_is_found_across_blocks() {
        for at in [0, 4066, 4067, 4095, 4096, 4066 + (64 << 10), 200_000] {
            let mut bytes = vec![b'P'; at];
            bytes.extend_from_slice(b"PK\x07\x08");
            bytes.extend_from_slice(&[0; 100]);
            let mut wanted = |_, there: &[u8]| there.starts_with(DESCRIPTOR);
            assert_eq!(search(&mut Cursor::new(bytes), 0, &mut wanted).unwrap(), Some(at as u64));
        }
    }

    #[test]
    fn a_descriptor_has_sizes_of_32_or_64_bits() {
        let short = [DESCRIPTOR, &[1, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0]].concat();
        let long = [DESCRIPTOR, &[1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]].concat();
        for (descriptor, next) in
            [(&short, b"PK\x03\x04".as_slice()), (&short, b""), (&long, b"PK\x01\x02"), (&long, b"")]
        {
            let bytes = [b"abc", descriptor.as_slice(), next].concat();
            assert_eq!(descriptor_of(&bytes), Some((3, Some(1), 9)), "{bytes:?}");
            // What looks like one, but states another size, is part of the member.
            assert_eq!(descriptor_of(&[b"abcd", descriptor.as_slice()].concat()), None);
        }
    }

    fn descriptor_of(bytes: &[u8]) -> Option<(u64, Option<u32>, u64)> {
        match descriptor(&mut Cursor::new(bytes), 0).unwrap()? {
            Extent::Whole { end, crc, unpacked } => Some((end, crc, unpacked)),
            Extent::Open { .. } => None,
        }
    }

    #[test]
    fn long_sizes_are_in_their_field() {
        let field = [&[1, 0, 16, 0], 5_u64.to_le_bytes().as_slice(), &3_u64.to_le_bytes()].concat();
        assert_eq!(long_sizes(&[&[9, 9, 2, 0, 7, 7], field.as_slice()].concat()), Some((3, 5)));
        assert_eq!(long_sizes(&field[..12]), None);
        assert_eq!(long_sizes(&[]), None);
    }
}
