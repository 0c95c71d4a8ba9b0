//! Gzip files: of one log, or of a tar file with logs in it. Both are streams, so that one is unpacked from its start to its
//! end by one thread.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use super::{
    Depth, Names, TOO_DEEP, Unpacked,
    form::{self, Form},
    stream::{Bound, Bounded, Fence, Fenced},
};

/// The most bytes between two members of a tar file: headers, long names, extensions. They are held in memory.
const BETWEEN: u64 = 1 << 20;

/// Unpacks a gzip file of `size` bytes: its members one after another, as gzip does.
pub(super) fn unpack(name: &str, size: u64, stream: &mut dyn Read, depth: Depth, out: &mut Unpacked<'_>) {
    let mut stream = MultiGzDecoder::new(stream);
    let mut head = Vec::new();
    let read = (&mut stream).take(512).read_to_end(&mut head);
    // An error comes again where the log is read.
    let failed = Failed(read.err());
    let mut stream = head.as_slice().chain(failed).chain(stream);
    if form::looks_like_tar(&head) || form::names_tar(name) {
        unpack_tar(name, size, &mut stream, depth, out);
    } else {
        let mut log = Bounded::new(stream, Bound::AtMost(out.limits.member_size));
        (out.each)(name, &mut log);
    }
}

/// A stream that is nothing but an error, or nothing at all.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn unpack_tar(name: &str, size: u64, stream: &mut dyn Read, depth: Depth, out: &mut Unpacked<'_>) {
    let fence = Fence::default();
    let limit = out.limits.total(size);
    let mut archive = Archive::new(Fenced { inner: stream, fence: &fence });
    if let Err(error) = unpack_members(name, &mut archive, (&fence, limit), depth, out) {
        out.defect(name, &format!("cannot read on: {error}"));
        return;
    }
    // What is behind the last member is padding, but the checksum is behind that.
    fence.put(limit);
    if let Err(error) = io::copy(&mut archive.into_inner(), &mut io::sink()) {
        out.defect(name, &format!("cannot read to the end: {error}"));
    }
}

fn unpack_members<R: Read>(
    name: &str,
    archive: &mut Archive<R>,
    (fence, limit): (&Fence, u64),
    depth: Depth,
    out: &mut Unpacked<'_>,
) -> io::Result<()> {
    let mut names = Names::default();
    fence.put(BETWEEN.min(limit));
    for member in archive.entries()? {
        let mut member = member?;
        let end = fence.at().saturating_add(stored_size(&member)?);
        fence.put(limit);
        unpack_member(name, &mut names, &mut member, depth, out);
        // The reader of tar files skips what is left of the member, and holds what is before the next one.
        fence.put(end.saturating_add(BETWEEN).min(limit));
    }
    Ok(())
}

/// How many bytes a member has in the tar file; a sparse one has more when it is unpacked.
fn stored_size<R: Read>(member: &Entry<'_, R>) -> io::Result<u64> {
    let header = member.header();
    if header.entry_type() == EntryType::GNUSparse { header.entry_size() } else { Ok(member.size()) }
}

fn unpack_member<R: Read>(
    archive: &str,
    names: &mut Names,
    member: &mut Entry<'_, R>,
    depth: Depth,
    out: &mut Unpacked<'_>,
) {
    let path = String::from_utf8_lossy(&member.path_bytes()).into_owned();
    let Some(form) = Form::of_name(&path) else { return };
    let kind = member.header().entry_type();
    if !matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse) {
        return;
    }
    let name = names.of_member(archive, &path);
    let size = member.size();
    let limit = if form == Form::Zip { out.limits.in_memory() } else { out.limits.member_size };
    if form != Form::Log && depth == Depth::Member {
        out.defect(&name, TOO_DEEP);
    } else if size > limit {
        out.defect(&name, &super::zipped::too_large(size, limit));
    } else {
        out.take(form, &name, size, &mut Bounded::new(member, Bound::Stated(size)));
    }
}
