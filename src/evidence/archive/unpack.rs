//! Unpacking: an archive as streams of the logs in it, whatever is packed in what.

use std::{
    fs::File,
    io::{self, Read},
};

use crate::{
    error::{Defect, DefectKind},
    evidence::{
        archive::{
            form::{Coding, Form, SHOWING},
            limits::{Limits, most_of, total},
            member::{Depth, NOT_IN_PLACE, Piece, TOO_DEEP, Unpacked},
            packed, remains, sevenz,
            stream::{Bound, Bounded, Told, contained},
            zipped,
        },
        export::{self, Failed},
        source::{Packing, Source},
    },
};

/// Hands each log that is packed in `source` to `each`, with its name, as a stream. Returns what could not be unpacked.
///
/// `packed` is told the bytes of a packed file as they are read, from its start and not always to its end.
pub fn unpack(
    source: &Source,
    limits: &Limits,
    packed: &mut dyn FnMut(&[u8]),
    each: &mut dyn FnMut(&str, &mut dyn Read),
) -> Vec<Defect> {
    let budget = match &source.packing {
        Packing::Plain => source.size,
        Packing::Stream(Coding::Tar | Coding::Gzip) => total(source.size),
        Packing::Stream(Coding::Bzip2 | Coding::Xz | Coding::Zstd) | Packing::SevenZip => most_of(source.size),
        Packing::ZipMember(member) => member.budget(),
        Packing::ZipRemains(remains) => remains.budget(),
    };
    let mut out = Unpacked::new(limits, budget, each, open);
    let done = contained(|| -> io::Result<()> {
        let mut file = File::open(&source.path)?;
        match &source.packing {
            Packing::Plain => (out.each)(&source.name, &mut file),
            Packing::Stream(coding) => {
                let mut file = Told { inner: file.take(source.size), told: packed };
                packed::unpack(&source.name, Form::Packed(*coding), &mut file, None, &mut out);
            }
            Packing::SevenZip => sevenz::unpack(&source.name, &file, source.size, &mut out),
            Packing::ZipMember(member) => zipped::unpack(&source.name, &file, member, &mut out),
            Packing::ZipRemains(remains) => remains::unpack(&source.name, &file, remains, &mut out),
        }
        Ok(())
    });
    match done {
        Ok(Ok(())) => {}
        Ok(Err(error)) => out.defects.push(Defect::of_path(&source.path, DefectKind::Path, &error)),
        Err(cause) => out.defect(&source.name, &cause),
    }
    out.into_defects(&source.name)
}

/// Opens a member as what its name says, or its content where the name says nothing.
fn open(out: &mut Unpacked<'_>, piece: Piece<'_>) {
    let Piece { form, name, depth, size, stream } = piece;
    match form {
        Form::Log => (out.each)(name, stream),
        Form::Zip if depth == Depth::Member => out.defect(name, TOO_DEEP),
        Form::Zip => zipped::unpack_in_memory(name, size, stream, out),
        Form::SevenZip => out.defect(name, NOT_IN_PLACE),
        Form::Packed(_) | Form::SomePacked(_) => packed::unpack(name, form, stream, Some(depth), out),
        Form::Unknown => open_by_content(out, Piece { form, name, depth, size, stream }),
    }
}

fn open_by_content(out: &mut Unpacked<'_>, piece: Piece<'_>) {
    let Piece { name, depth, size, stream, .. } = piece;
    // If what can be read shows what it is, the error comes again where that is read.
    let (head, error) = export::read_head(stream, SHOWING);
    let form = match (Form::of_member(&head), error.as_ref()) {
        (Some(Ok(form)), _) => form,
        (Some(Err(cause)), _) => return out.defect(name, &cause),
        // A checksum that is wrong changes nothing of what it is.
        (None, Some(error)) if size == 0 || (head.len() as u64) < size => {
            return out.unread.add(name, &error.to_string());
        }
        (None, _) => return,
    };
    // Without a name that says what is packed, it may be as much as with one.
    let limited = if let Form::SomePacked(coding) = form { Form::Packed(coding) } else { form };
    if let Some(cause) = out.limits.too_large(limited, size) {
        return out.defect(name, &cause);
    }
    let mut whole = head.as_slice().chain(Failed(error)).chain(stream);
    match form {
        Form::Log => (out.each)(name, &mut Bounded::new(whole, Bound::AtMost(out.limits.of_member()))),
        form => open(out, Piece { form, name, depth, size, stream: &mut whole }),
    }
}
