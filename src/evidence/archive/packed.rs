//! Packed files: of one log, or of a tar file with logs in it, and tar files as they are. All are streams, so that one is
//! unpacked from its start to its end by one thread.

use std::{
    io::{self, Read},
    rc::Rc,
};

use lzma_rust2::XzReader;
use tar::{Archive, Entry, EntryType, Header};

use crate::{
    evidence::{
        archive::{
            form::{self, Coding, Content, Form},
            limits::MEMORY,
            member::{Depth, Names, TOO_DEEP, Unpacked},
            parts,
            stream::{Bound, Bounded, Fence, Fenced, Holed, Metered, contained},
            zstd::Frames,
        },
        export::Failed,
    },
    text::numbered,
};

/// The most bytes between two members of a tar file: headers, long names, extensions. They are held in memory.
const BETWEEN: u64 = 1 << 20;

/// What is wrong with a member that has holes of which extended headers tell.
const SPARSE: &str = "a sparse file in the pax format, which is not read: unpack the tar file and give the folder";

/// The size of a header of a tar file, in bytes.
const BLOCK: u64 = 512;

/// What a packed file is one of.
pub(super) fn content(coding: Coding, file: &mut dyn Read) -> Content {
    match contained(|| form::read_head(&mut decoded(coding, file))) {
        Ok((head, error)) => Content::of_head(&head, error.as_ref()),
        Err(cause) => Content::Unread(cause),
    }
}

/// What comes out of a packed stream: all of its parts one after another, as each format has it.
fn decoded<'a>(coding: Coding, stream: &'a mut dyn Read) -> Box<dyn Read + 'a> {
    match coding {
        Coding::Tar => Box::new(stream),
        Coding::Gzip => Box::new(parts::gzip(stream)),
        Coding::Bzip2 => Box::new(parts::bzip2(stream)),
        Coding::Xz => Box::new(XzReader::new_mem_limit(stream, true, MEMORY / 1024)),
        Coding::Zstd => Box::new(Frames::new(stream)),
    }
}

/// Unpacks a packed file, which is in an archive of this depth, or none.
pub(super) fn unpack(name: &str, form: Form, stream: &mut dyn Read, within: Option<Depth>, out: &mut Unpacked<'_>) {
    let (Form::Packed(coding) | Form::SomePacked(coding)) = form else { return };
    let mut stream = Metered::new(decoded(coding, stream), &out.budget);
    let (head, error) = form::read_head(&mut stream);
    let content = Content::of_head(&head, error.as_ref());
    let is_some = matches!(form, Form::SomePacked(_));
    match &content {
        Content::Other if is_some => return,
        Content::Unread(cause) if is_some => return out.defect(name, cause),
        Content::Foreign(what) => return out.defect(name, &format!("not opened: {what}")),
        _ if within == Some(Depth::Member) => return out.defect(name, TOO_DEEP),
        Content::Unread(cause) if head.is_empty() => return out.defect(name, cause),
        _ => {}
    }
    // An error comes again where the log is read.
    let mut stream = head.as_slice().chain(Failed(error)).chain(stream);
    if let Content::Archive(form) = content {
        let depth = within.map_or(Depth::File, |_| Depth::Member);
        out.take(form, name, depth, 0, &mut stream);
    } else if content == Content::Tar || form::names_tar(name) {
        let depth = within.map_or(Depth::File, |_| Depth::Member);
        unpack_tar(&mut Tar { name, depth, names: Names::default() }, &mut stream, out);
    } else {
        let mut log = Bounded::new(stream, Bound::AtMost(out.limits.of_member()));
        (out.each)(name, &mut log);
    }
}

/// A tar file, or several that were joined.
struct Tar<'a> {
    name: &'a str,
    depth: Depth,
    names: Names,
}

/// What is behind the end of a tar file.
enum Behind {
    /// Padding, if anything.
    Nothing,
    /// Another tar file, with this first header.
    Tar(Vec<u8>),
    /// Something else, of so many bytes.
    Other(u64),
}

fn unpack_tar(tar: &mut Tar<'_>, stream: &mut dyn Read, out: &mut Unpacked<'_>) {
    let mut header = Vec::new();
    loop {
        let fence = Fence::default();
        let mut archive = Archive::new(Fenced { inner: header.as_slice().chain(&mut *stream), fence: &fence });
        if let Err(error) = unpack_members(tar, &mut archive, &fence, out) {
            return out.defect(tar.name, &format!("cannot read on: {error}"));
        }
        match behind(stream) {
            Ok(Behind::Tar(next)) => header = next,
            Ok(Behind::Nothing) => return,
            Ok(Behind::Other(size)) => {
                let size = numbered(size, "byte");
                return out.defect(tar.name, &format!("{size} behind its end, which are not a tar file, are not read"));
            }
            // The checksum of a packed one is behind its padding.
            Err(error) => return out.defect(tar.name, &format!("cannot read to the end: {error}")),
        }
    }
}

/// Skips the padding of a tar file, and reads what is behind it. No more is read than that: where nothing more may come out of the
/// file, the reader of the next tar file has to meet it.
fn behind(stream: &mut dyn Read) -> io::Result<Behind> {
    let mut block = Vec::new();
    loop {
        block.clear();
        (&mut *stream).take(BLOCK).read_to_end(&mut block)?;
        if block.is_empty() {
            return Ok(Behind::Nothing);
        }
        let zeros = block.iter().take_while(|&&byte| byte == 0).count();
        if zeros < block.len() {
            block.drain(..zeros);
            break;
        }
    }
    let rest = BLOCK.saturating_sub(block.len() as u64);
    (&mut *stream).take(rest).read_to_end(&mut block)?;
    if is_header(&block) {
        return Ok(Behind::Tar(block));
    }
    let rest = io::copy(stream, &mut io::sink())?;
    Ok(Behind::Other(rest.saturating_add(block.len() as u64)))
}

/// Whether a block is a member's header, by its checksum: the sum of its bytes, with spaces for the checksum itself.
fn is_header(block: &[u8]) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let own = |bytes: &[u8]| sum(bytes.get(148..156).unwrap_or_default());
    block.len() as u64 == BLOCK
        && Header::from_byte_slice(block).cksum().is_ok_and(|stated| stated == sum(block) - own(block) + 8 * 32)
}

fn unpack_members<R: Read>(
    tar: &mut Tar<'_>,
    archive: &mut Archive<R>,
    fence: &Fence,
    out: &mut Unpacked<'_>,
) -> io::Result<()> {
    fence.put(BETWEEN);
    for member in archive.entries()? {
        let mut member = member?;
        let end = fence.at().saturating_add(stored_size(&member)?);
        fence.put(u64::MAX);
        let path = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        if let Some(name) = sparse_name(&mut member)? {
            let form = out.limits.form(&name);
            let name = tar.names.of_member(tar.name, &name);
            match form {
                Some(Form::Unknown) => out.unread.add(&name, SPARSE),
                Some(_) => out.defect(&name, SPARSE),
                None => {}
            }
        } else if let Some(form) = out.limits.form(&path) {
            unpack_member(&tar.names.of_member(tar.name, &path), form, &mut member, fence, tar.depth, out);
        }
        // The reader of tar files skips what is left of the member, and holds what is before the next one.
        fence.put(end.saturating_add(BETWEEN));
    }
    Ok(())
}

/// The name of a member that is sparse in the way that extended headers tell ("Storing Sparse Files" in the manual of GNU tar). What such a
/// member has in the tar file is not what is in the file.
fn sparse_name<R: Read>(member: &mut Entry<'_, R>) -> io::Result<Option<String>> {
    let path = String::from_utf8_lossy(&member.path_bytes()).into_owned();
    let Some(extensions) = member.pax_extensions()? else { return Ok(None) };
    let (mut is_sparse, mut name) = (false, path);
    for extension in extensions.flatten() {
        is_sparse |= extension.key_bytes().starts_with(b"GNU.sparse.");
        if extension.key_bytes() == b"GNU.sparse.name" {
            name = String::from_utf8_lossy(extension.value_bytes()).into_owned();
        }
    }
    Ok(is_sparse.then_some(name))
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
