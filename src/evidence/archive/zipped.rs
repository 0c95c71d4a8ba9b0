//! Zip files: their [`Member`]s listed once, and opened one by one on any thread.
//!
//! The central directory says what there is; the local headers are not believed. Members of the same name are all read,
//! where a map by names would hide one of them.

use std::{
    cmp::Ordering,
    fs::File,
    io::{Cursor, Read, Seek},
    ops::Range,
    path::Path,
};

use zip::{
    CompressionMethod, ZipReadOptions,
    read::{Config, OwnedZipFileEntry, ZipFile},
    result::ZipError,
    unstable::read::ZipIterable,
};

use crate::{
    error::Defect,
    evidence::{
        archive::{
            form::{Form, SHOWING},
            limits::{Limits, RATIO, total},
            member::{
                Depth, NO_PASSWORD, NOT_IN_PLACE, Names, Opened, TOO_DEEP, Unpacked, Unread, defect, hand_on,
                not_opened,
            },
            remains::{self, Remains},
            stream::{self, Bound, Bounded, Section, Window, contained},
            unlisted::{self, Span, Unlisted},
        },
        export,
    },
};

/// A member of a zip file that is a log or an archive of logs.
#[derive(Debug)]
pub struct Member {
    entry: OwnedZipFileEntry,
    form: Form,
    /// Why it is not opened.
    refused: Option<String>,
    /// The range of the file that is the zip file: offset and size.
    window: (u64, u64),
    /// How deep the zip file lies.
    depth: Depth,
    /// The most bytes that may come out of it.
    budget: u64,
}

impl Member {
    pub(super) fn budget(&self) -> u64 {
        self.budget
    }

    /// How many bytes come out of it, as far as is known: none where it is refused.
    pub(super) fn size(&self) -> u64 {
        if self.refused.is_some() { 0 } else { self.entry.size() }
    }

    /// Where it is listed. There is one at a place.
    fn place(&self) -> (u64, u64) {
        (self.window.0, self.entry.central_header_start())
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Member {}

impl PartialOrd for Member {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Member {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

/// What is wrong with a member that has bytes of another one.
const OVERLAPS: &str = "it overlaps another member of the zip file";

/// What a zip file holds.
struct Listed {
    /// Its members with their full names.
    members: Vec<(String, Member)>,
    /// Where there are members that its directory does not list, with their full names.
    unlisted: Vec<(String, Remains)>,
    /// The members whose first bytes cannot be read.
    unread: Unread,
    /// What is wrong with the rest.
    faults: Vec<String>,
}

impl Listed {
    /// What is wrong with the zip file of this name.
    fn defects(&self, archive: &str) -> impl Iterator<Item = Defect> {
        self.faults.iter().map(move |cause| defect(archive, cause)).chain(self.unread.defect(archive))
    }
}

/// What there is to unpack, by its full name, and what is wrong with the rest.
type Parts = (Vec<(String, Part)>, Vec<Defect>);

/// What there is to unpack of a zip file.
pub(super) enum Part {
    Member(Member),
    Remains(Remains),
}

/// The logs and archives in a zip file, and the logs in those of them that need no unpacking. An error is why it is no
/// zip file.
pub(super) fn list(archive: &str, path: &Path, size: u64, limits: &Limits) -> Result<Parts, String> {
    let opened = File::open(path).map_err(|error| error.to_string())?;
    let window = (0, size);
    let listed = members(archive, Window::new(&opened, 0, size), window, Depth::File, limits)?;
    let mut defects: Vec<Defect> = listed.defects(archive).collect();
    let mut parts = Vec::with_capacity(listed.members.len());
    let unlisted = |(name, remains)| (name, Part::Remains(remains));
    parts.extend(listed.unlisted.into_iter().map(unlisted));
    for (name, member) in listed.members {
        let Some((start, size)) = inner_window(&opened, &member) else {
            parts.push((name, Part::Member(member)));
            continue;
        };
        let mut inner = Window::new(&opened, start, size);
        match self::members(&name, &mut inner, (start, size), Depth::Member, limits) {
            Ok(listed) => {
                defects.extend(listed.defects(&name));
                parts.extend(listed.members.into_iter().map(|(name, member)| (name, Part::Member(member))));
                parts.extend(listed.unlisted.into_iter().map(unlisted));
            }
            Err(_) if remains::start(&mut inner) => parts.push((name, Part::Remains(Remains::of_member(start, size)))),
            Err(cause) => defects.push(defect(&name, &cause)),
        }
    }
    allot(total(size), &mut parts);
    Ok((parts, defects))
}

/// Divides what may come out of a file, `total` bytes, among its parts, which are unpacked on any thread. Each gets what it
/// is stated to unpack to, in order, for as long as there is something left. Of the rest, archives get what is their share
/// by packed size. So what comes out of each does not depend on the others being read.
fn allot(total: u64, parts: &mut [(String, Part)]) {
    let mut left = total;
    let mut packed = 0;
    for (_, part) in parts.iter_mut() {
        if let Part::Member(member) = part
            && member.refused.is_none()
        {
            member.budget = member.entry.size();
            match left.checked_sub(member.budget) {
                Some(rest) => left = rest,
                None => member.refused = Some(stream::bomb(total)),
            }
        }
        packed += u128::from(packed_archive(part));
    }
    for (_, part) in parts {
        let share = u128::from(left) * u128::from(packed_archive(part)) / packed.max(1);
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        match part {
            Part::Member(member) => member.budget = member.budget.saturating_add(share),
            Part::Remains(remains) => remains.grant(share),
        }
    }
}

/// How many bytes a part takes up if it is an archive, which unpacks to more than is stated of it.
fn packed_archive(part: &Part) -> u64 {
    match part {
        Part::Member(member) if member.refused.is_some() || member.form == Form::Log => 0,
        Part::Member(member) => member.entry.compressed_size(),
        Part::Remains(remains) => remains.size(),
    }
}

/// Where in the file a zip file is that is stored as it is in another one.
fn inner_window(file: &File, member: &Member) -> Option<(u64, u64)> {
    let entry = &member.entry;
    let stored = entry.compression() == CompressionMethod::Stored && !entry.encrypted();
    if member.form != Form::Zip || !stored || member.refused.is_some() {
        return None;
    }
    let mut window = Window::new(file, member.window.0, member.window.1);
    let opened = entry.as_ref().with_reader(&mut window, ZipReadOptions::new()).ok()?;
    Some((opened.data_start()?, entry.compressed_size().min(member.window.1)))
}

/// Lists the zip file that `reader` reads, which is `window` of its file.
fn members<R: Read + Seek>(
    archive: &str,
    reader: R,
    window: (u64, u64),
    depth: Depth,
    limits: &Limits,
) -> Result<Listed, String> {
    let mut reader = reader;
    let mut zip = ZipIterable::try_new(&mut reader, Config::default())
        .map_err(|error| format!("not read as a zip file: {error}"))?;
    let mut names = Names::default();
    let (mut found, mut spans, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    let mut places: Option<(u64, u64)> = None;
    let entries = zip.files().map_err(|error| error.to_string())?;
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                faults.push(format!("members are lost: cannot read on in the directory of the zip file: {error}"));
                break;
            }
        };
        let place = entry.central_header_start();
        places = Some((places.map_or(place, |(first, _)| first), place));
        spans.push(Span::of_member(entry.header_start(), entry.name_raw().len(), entry.compressed_size()));
        let member = entry.name().map_or_else(|_| String::from_utf8_lossy(entry.name_raw()).into_owned(), String::from);
        if let Some(form) = limits.form(&member).filter(|_| !member.ends_with(['/', '\\'])) {
            found.push((spans.len() - 1, names.of_member(archive, &member), form, OwnedZipFileEntry::from(entry)));
        }
    }
    let overlapping = overlapping(&spans);
    let mut members = Vec::with_capacity(found.len());
    let mut unread = Unread::default();
    for (index, name, form, entry) in found {
        let overlaps = overlapping.get(index).copied().unwrap_or(true);
        let known = match form {
            // It is not known whose bytes they are.
            Form::Unknown if overlaps => Err(OVERLAPS.to_owned()),
            Form::Unknown => by_content(&entry, &mut reader, limits),
            form => Ok(Some(Ok(form))),
        };
        let (form, refused) = match known {
            Ok(Some(Ok(form))) => (form, refusal(&entry, form, overlaps, depth, limits)),
            Ok(Some(Err(cause))) => (form, Some(cause)),
            Ok(None) => continue,
            Err(cause) => {
                unread.add(&name, &cause);
                continue;
            }
        };
        members.push((name, Member { entry, form, refused, window, depth, budget: 0 }));
    }
    let unlisted = unlisted::find(&mut reader, window.1, &apart(&spans, &overlapping), places);
    let unlisted = unlisted.unwrap_or_else(|error| {
        faults.push(format!("cannot look for members that its directory does not list: {error}"));
        Unlisted::default()
    });
    faults.extend(unlisted.end.map(|end| unlisted::behind(end, window.1)));
    let remains = |range: Range<u64>| {
        let (start, size) = (window.0.saturating_add(range.start), range.end.saturating_sub(range.start));
        (names.of_member(archive, "(unlisted)"), Remains::unlisted(start, size, depth))
    };
    let unlisted = unlisted.members.into_iter().map(remains).collect();
    Ok(Listed { members, unlisted, unread, faults })
}

/// What a member is by its first bytes, as [`Form::of_member`] tells it. An error is why they cannot be read.
fn by_content<R: Read + Seek>(
    entry: &OwnedZipFileEntry,
    reader: &mut R,
    limits: &Limits,
) -> Result<Option<Result<Form, String>>, String> {
    if entry.size() == 0 {
        return Ok(None);
    }
    if entry.encrypted() && limits.password.is_none() {
        return Err(NO_PASSWORD.to_owned());
    }
    let read = contained(|| {
        let mut opened = open(entry, reader, limits)?;
        Ok::<_, ZipError>(export::read_head(&mut opened, SHOWING))
    });
    let (head, error) = read?.map_err(|error| not_opened(&error))?;
    match (Form::of_member(&head), error) {
        // A checksum that is wrong, of a member as short as that, changes nothing of what it is.
        (None, Some(error)) if (head.len() as u64) < entry.size() => Err(format!("cannot read on: {error}")),
        (form, _) => Ok(form),
    }
}

/// The spans that do not overlap. What does is refused, and its bytes can be other members.
fn apart(spans: &[Span], overlapping: &[bool]) -> Vec<Span> {
    let apart = spans.iter().zip(overlapping).filter(|(_, overlaps)| !**overlaps);
    apart.map(|(span, _)| *span).collect()
}

/// Which of the spans share bytes with another one.
fn overlapping(spans: &[Span]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    let span = |index: usize| spans.get(index).copied().unwrap_or_default();
    order.sort_unstable_by_key(|&index| span(index));
    let mut overlapping = vec![false; spans.len()];
    let mut furthest: Option<usize> = None;
    for index in order {
        if let Some(before) = furthest.filter(|&before| span(index).start < span(before).end) {
            for both in [before, index] {
                if let Some(overlaps) = overlapping.get_mut(both) {
                    *overlaps = true;
                }
            }
        }
        furthest = furthest.filter(|&before| span(before).end >= span(index).end).or(Some(index));
    }
    overlapping
}

/// Why a member is not opened, by what is stated of it.
fn refusal(entry: &OwnedZipFileEntry, form: Form, overlaps: bool, depth: Depth, limits: &Limits) -> Option<String> {
    let (size, packed) = (entry.size(), entry.compressed_size());
    let stored = entry.compression() == CompressionMethod::Stored;
    if matches!(form, Form::Zip | Form::Packed(_)) && depth == Depth::Member {
        return Some(TOO_DEEP.to_owned());
    }
    if form == Form::SevenZip {
        return Some(NOT_IN_PLACE.to_owned());
    }
    if overlaps {
        return Some(OVERLAPS.to_owned());
    }
    if entry.encrypted() && limits.password.is_none() {
        return Some(NO_PASSWORD.to_owned());
    }
    // What is stored as it is can be read in place.
    let is_in_place = form == Form::Zip && stored && !entry.encrypted();
    if let Some(cause) = limits.too_large(form, size).filter(|_| !is_in_place) {
        return Some(cause);
    }
    let most = match entry.compression() {
        // What is encrypted is longer by its header.
        CompressionMethod::Stored => packed,
        CompressionMethod::Deflated => packed.saturating_mul(RATIO).saturating_add(1024),
        _ => u64::MAX,
    };
    (size > most).then(|| format!("a false size: {packed} bytes are stated to unpack to {size}"))
}

/// Unpacks a member of a zip file that was listed.
pub(super) fn unpack(name: &str, file: &File, member: &Member, out: &mut Unpacked<'_>) {
    unpack_from(name, &mut Window::new(file, member.window.0, member.window.1), member, out);
}

/// Unpacks the zip file that is `stream`. A directory at its end says what is in it, so that it has to be held.
pub(super) fn unpack_in_memory(name: &str, size: u64, stream: &mut dyn Read, out: &mut Unpacked<'_>) {
    let _held = out.limits.hold();
    let limit = out.limits.in_memory();
    let mut bytes = Vec::new();
    let size = size.min(out.budget.left());
    if let Some(cause) = limit.too_large(size) {
        return out.defect(name, &cause);
    }
    if bytes.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX)).is_err() {
        return out.defect(name, &format!("{size} bytes, which do not fit into memory"));
    }
    // What is stated of it, if anything is, says nothing of what comes.
    let mut stream = Bounded::new(stream, Bound::AtMost(limit));
    // With an error at the very end, a wrong checksum, there is still everything to read.
    if let Err(error) = stream.read_to_end(&mut bytes) {
        out.defect(name, &format!("cannot read on: {error}"));
    }
    let window = (0, bytes.len() as u64);
    let mut reader = Cursor::new(bytes);
    match members(name, &mut reader, window, Depth::Member, out.limits) {
        Ok(listed) => {
            out.defects.extend(listed.defects(name));
            for (name, member) in listed.members {
                unpack_from(&name, &mut reader, &member, out);
            }
            for (name, remains) in listed.unlisted {
                remains::unpack_from(&name, &mut Section::new(&mut reader, remains.range()), &remains, out);
            }
        }
        Err(_) if remains::start(&mut reader) => {
            remains::unpack_from(name, &mut reader, &Remains::of_member(0, window.1), out);
        }
        Err(cause) => out.defect(name, &cause),
    }
}

fn unpack_from<R: Read + Seek>(name: &str, reader: &mut R, member: &Member, out: &mut Unpacked<'_>) {
    if let Some(cause) = &member.refused {
        return out.defect(name, cause);
    }
    match open(&member.entry, reader, out.limits) {
        Ok(opened) => {
            let (bound, encrypted) = (Bound::Stated(member.entry.size()), member.entry.encrypted());
            hand_on(name, Opened { stream: opened, form: member.form, bound, encrypted, depth: member.depth }, out);
        }
        Err(error) => out.defect(name, &not_opened(&error)),
    }
}

fn open<'a, R: Read + Seek>(
    entry: &'a OwnedZipFileEntry,
    reader: &'a mut R,
    limits: &'a Limits,
) -> Result<ZipFile<'a, R>, ZipError> {
    let password = limits.password.as_deref().map(str::as_bytes);
    entry.as_ref().with_reader(reader, ZipReadOptions::new().password(password))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::evidence::archive::stream::Told;

    #[test]
    fn an_archive_of_a_size_that_is_not_stated_is_held_as_far_as_is_allowed() {
        let limits = Limits::new(1 << 20, None);
        let (mut each, mut read) = (|_: &str, _: &mut dyn Read| {}, 0);
        let mut out = Unpacked::new(&limits, u64::MAX, &mut each, |_, _| {});
        let mut count = |bytes: &[u8]| read += bytes.len();
        let mut stream = Told { inner: io::repeat(b'P').take(64 << 20), told: &mut count };
        unpack_in_memory("inner", 0, &mut stream, &mut out);
        let cause = "cannot read on: there is more of it than the 1048576 bytes that --max-member-size allows";
        assert_eq!(out.defects.first().map(|defect| &*defect.cause), Some(cause));
        assert_eq!(read, (1 << 20) + 1);
    }
}
