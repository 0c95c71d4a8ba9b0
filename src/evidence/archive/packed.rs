//! Packed files: of one log, or of a tar file with logs in it, and tar files as they are. All are streams, so that one is
//! unpacked from its start to its end by one thread.

use std::{
    io::{self, Read},
    rc::Rc,
};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use tar::{Archive, Entry, EntryType};

use crate::evidence::{
    archive::{
        form::{self, Coding, Content, Form},
        limits::MEMORY,
        member::{Depth, Names, TOO_DEEP, Unpacked},
        stream::{Bound, Bounded, Fence, Fenced, Holed, Metered, contained},
        zstd::Frames,
    },
    export::Failed,
};

/// The most bytes between two members of a tar file: headers, long names, extensions. They are held in memory.
const BETWEEN: u64 = 1 << 20;

/// What a packed file is one of.
pub(super) fn content(coding: Coding, file: &mut dyn Read) -> Content {
    let head = contained(|| form::read_head(&mut decoded(coding, file)).0);
    head.map_or(Content::Other, |head| Content::of_head(&head))
}

/// What comes out of a packed stream: all of its parts one after another, as each format has it.
fn decoded<'a>(coding: Coding, stream: &'a mut dyn Read) -> Box<dyn Read + 'a> {
    match coding {
        Coding::Tar => Box::new(stream),
        Coding::Gzip => Box::new(MultiGzDecoder::new(stream)),
        Coding::Bzip2 => Box::new(MultiBzDecoder::new(stream)),
        Coding::Xz => Box::new(XzReader::new_mem_limit(stream, true, MEMORY / 1024)),
        Coding::Zstd => Box::new(Frames::new(stream)),
    }
}

/// Unpacks a packed file, which is in an archive of this depth, or none.
pub(super) fn unpack(name: &str, form: Form, stream: &mut dyn Read, within: Option<Depth>, out: &mut Unpacked<'_>) {
    let (Form::Packed(coding) | Form::SomePacked(coding)) = form else { return };
    let mut stream = Metered::new(decoded(coding, stream), &out.budget);
    let (head, error) = form::read_head(&mut stream);
    let content = Content::of_head(&head);
    if matches!(form, Form::SomePacked(_)) && content == Content::Other {
        return;
    }
    if within == Some(Depth::Member) {
        return out.defect(name, TOO_DEEP);
    }
    // An error comes again where the log is read.
    let mut stream = head.as_slice().chain(Failed(error)).chain(stream);
    if content == Content::Tar || form::names_tar(name) {
        unpack_tar(name, &mut stream, within.map_or(Depth::File, |_| Depth::Member), out);
    } else {
        let mut log = Bounded::new(stream, Bound::AtMost(out.limits.of_member()));
        (out.each)(name, &mut log);
    }
}

fn unpack_tar(name: &str, stream: &mut dyn Read, depth: Depth, out: &mut Unpacked<'_>) {
    let fence = Fence::default();
    let mut archive = Archive::new(Fenced { inner: stream, fence: &fence });
    if let Err(error) = unpack_members(name, &mut archive, &fence, depth, out) {
        out.defect(name, &format!("cannot read on: {error}"));
        return;
    }
    // What is behind the last member is padding, but the checksum is behind that.
    fence.put(u64::MAX);
    if let Err(error) = io::copy(&mut archive.into_inner(), &mut io::sink()) {
        out.defect(name, &format!("cannot read to the end: {error}"));
    }
}

fn unpack_members<R: Read>(
    name: &str,
    archive: &mut Archive<R>,
    fence: &Fence,
    depth: Depth,
    out: &mut Unpacked<'_>,
) -> io::Result<()> {
    let mut names = Names::default();
    fence.put(BETWEEN);
    for member in archive.entries()? {
        let mut member = member?;
        let end = fence.at().saturating_add(stored_size(&member)?);
        fence.put(u64::MAX);
        let path = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        if let Some(form) = out.limits.form(&path) {
            unpack_member(&names.of_member(name, &path), form, &mut member, fence, depth, out);
        }
        // The reader of tar files skips what is left of the member, and holds what is before the next one.
        fence.put(end.saturating_add(BETWEEN));
    }
    Ok(())
}

/// How many bytes a member has in the tar file; a sparse one has more when it is unpacked.
fn stored_size<R: Read>(member: &Entry<'_, R>) -> io::Result<u64> {
    let header = member.header();
    if header.entry_type() == EntryType::GNUSparse { header.entry_size() } else { Ok(member.size()) }
}

fn unpack_member<R: Read>(
    name: &str,
    form: Form,
    member: &mut Entry<'_, R>,
    fence: &Fence,
    depth: Depth,
    out: &mut Unpacked<'_>,
) {
    let size = member.size();
    match member.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            if let Some(cause) = out.limits.too_large(form, size) {
                return out.defect(name, &cause);
            }
            let member = Holed { inner: member, fence, budget: Rc::clone(&out.budget) };
            out.take(form, name, depth, size, &mut Bounded::new(member, Bound::Stated(size)));
        }
        EntryType::Link | EntryType::Symlink if !matches!(form, Form::SomePacked(_) | Form::Unknown) => {
            let target = member.link_name_bytes().unwrap_or_default();
            let target = String::from_utf8_lossy(&target).into_owned();
            out.defect(name, &format!("a link to {target} inside the archive: not followed"));
        }
        _ => {}
    }
}
