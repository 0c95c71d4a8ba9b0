//! [`Unlisted`]: what a zip file holds beside what its directory lists: members of another zip file that was joined to it, members
//! that were deleted, and what is behind its end.
//!
//! Other bytes between members are padding, and those before the first one can be a program that unpacks it: both are normal.

use std::{
    io::{self, BufReader, Read, Seek},
    ops::Range,
};

use crate::{
    bytes::{u16_at, u32_at},
    evidence::archive::{
        header::{HEADER_SIZE, starts_one},
        remains,
        stream::{Section, skip_zeros},
    },
    text::numbered,
};

/// The end of a zip file's directory (APPNOTE.TXT 4.3.16): its signature, and its size without the comment.
const END: &[u8] = b"PK\x05\x06";
const END_SIZE: u64 = 22;

/// What a zip file holds that its directory does not list.
#[derive(Debug, Default)]
pub(super) struct Unlisted {
    /// Where members are.
    pub(super) members: Vec<Range<u64>>,
    /// Where the zip file ends, if anything but zeros and members is behind it.
    pub(super) end: Option<u64>,
}

/// What is known of a part of a zip file by its directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: u64,
    /// Where it ends at least.
    pub(super) end: u64,
    /// How many bytes a member has when it is packed. Of what is not a member, the end is exact.
    pub(super) packed: Option<u64>,
}

impl Span {
    /// Of a member whose local header starts here and has a name as long as this.
    pub(super) fn of_member(start: u64, name: usize, packed: u64) -> Self {
        let header = (HEADER_SIZE as u64).saturating_add(name as u64);
        Self { start, end: start.saturating_add(header).saturating_add(packed), packed: Some(packed) }
    }
}

/// Looks for it in the zip file of `size` bytes that `reader` reads. Its directory lists these members, which do not overlap, and has its first and its last
/// entry at these places; there are none in an empty one.
pub(super) fn find<R: Read + Seek>(
    reader: &mut R,
    size: u64,
    members: &[Span],
    entries: Option<(u64, u64)>,
) -> io::Result<Unlisted> {
    let mut spans = members.to_vec();
    let end = entries.map(|(first, last)| end_of_directory(reader, size, first, last)).transpose()?.flatten();
    // Where its end is not found, all from there on is taken for it.
    let directory = entries.map(|(start, _)| Span { start, end: end.unwrap_or(size), packed: None });
    spans.extend(directory);
    spans.sort_unstable();
    spans.push(Span { start: size, end: size, packed: None });
    let mut found = Unlisted::default();
    let mut before = Span::default();
    for span in spans {
        if is_room(before.end..span.start) {
            for range in between(reader, before, span.start)? {
                if is_room(range.clone()) && remains::holds_member(&mut Section::new(reader, range.clone()))? {
                    found.members.push(range);
                }
            }
        }
        if span.end > before.end {
            before = span;
        }
    }
    found.end = match end {
        Some(end) if found.members.iter().all(|range| range.end <= end) => {
            let behind = Section::new(reader, end..size);
            skip_zeros(&mut BufReader::new(behind))?.then_some(end)
        }
        _ => None,
    };
    Ok(found)
}

/// What is wrong with an archive that ends here in a file of `size` bytes.
pub(super) fn behind(end: u64, size: u64) -> String {
    let bytes = numbered(size.saturating_sub(end), "byte");
    format!("{bytes} behind its end, from {end:#x} on, are not read: give them as a file of their own")
}

/// Whether a member has room there.
fn is_room(range: Range<u64>) -> bool {
    range.end.saturating_sub(range.start) > HEADER_SIZE as u64
}

/// What is not accounted for between what is listed and the start of what is listed next. How long a member is, its local header says:
/// it has an extra field of its own.
fn between<R: Read + Seek>(reader: &mut R, before: Span, next: u64) -> io::Result<[Range<u64>; 2]> {
    let all = [before.end..next, next..next];
    let Some(packed) = before.packed else { return Ok(all) };
    let mut header = Vec::new();
    let header_end = before.start.saturating_add(HEADER_SIZE as u64);
    Section::new(reader, before.start..header_end).read_to_end(&mut header)?;
    if !starts_one(&header) {
        return Ok(all);
    }
    let length = |at| u64::from(u16_at(&header, at).unwrap_or(0));
    let name_end = header_end.saturating_add(length(26));
    let data = name_end.saturating_add(length(28));
    // A member could also be hidden in the extra field.
    Ok([name_end..data.min(next), data.saturating_add(packed)..next])
}

/// Where the directory with the first and the last entry at these places ends, with its comment.
fn end_of_directory<R: Read + Seek>(reader: &mut R, size: u64, first: u64, last: u64) -> io::Result<Option<u64>> {
    let mut end = None;
    remains::search(reader, last, &mut |at, there| {
        let is_it = there.starts_with(END)
            && u32_at(there, 12)
                .is_some_and(|stated| stated == u32::MAX || u64::from(stated) <= at.saturating_sub(first));
        let comment = u16_at(there, 20).filter(|_| is_it);
        end = comment.map(|comment| at.saturating_add(END_SIZE).saturating_add(comment.into()).min(size));
        end.is_some()
    })?;
    Ok(end)
}
