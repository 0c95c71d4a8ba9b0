//! The [`Contents`] of a file: a log, an archive of logs, or what is neither, by its first bytes and its name.

use std::{fs::File, sync::Arc};

use crate::{
    error::{Defect, DefectKind},
    evidence::{
        aligned::Aligned,
        archive::{
            foreign,
            form::{self, Coding, Content, Form, SHOWING},
            header,
            limits::Limits,
            member::defect,
            packed,
            remains::Remains,
            stream::contained,
            zipped::{self, Part},
        },
        export::{self, Export},
        read,
        source::{Kind, Origin, Packing, Source},
    },
    magic,
};

/// What a file was found to be.
#[derive(Debug)]
pub enum Contents {
    /// A log.
    Log(Source),
    /// An archive, or something with the name of one.
    Archive {
        /// The file as it is.
        file: Source,
        /// The file as a stream of logs, or the members that are logs or archives of logs.
        logs: Vec<Source>,
        /// What is wrong with it.
        defects: Vec<Defect>,
    },
    /// Something that can hold logs and is not opened: what it is, and what to do.
    Foreign(String),
    /// Something else, which was only met.
    LeftAlone,
}

impl Contents {
    /// An archive that is read from its start to its end.
    fn stream(file: Source, packing: Packing) -> Self {
        Self::Archive { logs: vec![Source { packing, ..file.clone() }], file, defects: Vec::new() }
    }

    /// What has the name of an archive, or is one of something else.
    fn unusable(file: Source, cause: &str) -> Self {
        Self::Archive { logs: Vec::new(), defects: vec![defect(&file.name, cause)], file }
    }
}

/// What is in `file`: it is a log itself, or an archive with members that are logs or archives of logs.
///
/// What a file is, its first bytes say. One that starts like no archive is a log, unless it has the name of an archive, can
/// hold logs in a way that is not read, or was only met. One with the name of a log is one, unless it can be read as an archive.
/// An archive of something else that was only met is left alone.
#[must_use]
pub fn list(file: Source, origin: Origin, limits: &Limits) -> Contents {
    let named = Form::of_name(&file.path.to_string_lossy());
    let read = File::open(&file.path).map(|mut opened| export::read_head(&mut opened, SHOWING));
    // What cannot be read is left for the scan to say.
    let Ok((head, None)) = read else { return Contents::Log(file) };
    let head = head.as_slice();
    let is_wanted = named.is_some() || origin == Origin::Given;
    let form = if is_wanted { Form::of_content(head) } else { Form::of_content_alone(head) };
    let foreign = match form {
        None => foreign::of_head(head),
        Some(Form::Zip) => foreign::of_magic(head),
        Some(_) => None,
    };
    if let Some(what) = foreign {
        return Contents::Foreign(what);
    }
    match (form, named) {
        (Some(Form::Zip), _) | (None, Some(Form::Zip)) => match list_zip(file, named, head, limits) {
            // A file of another kind that is a zip file too, as documents are.
            Contents::Archive { logs, defects, .. } if logs.is_empty() && !is_wanted && !has_unread(&defects) => {
                Contents::LeftAlone
            }
            contents => contents,
        },
        (Some(Form::Packed(coding) | Form::SomePacked(coding)), _) => list_packed(file, coding, named, origin),
        (Some(Form::SevenZip), _) => Contents::stream(file, Packing::SevenZip),
        // A tar file of before there was a magic.
        (None, Some(Form::Packed(Coding::Tar))) => Contents::stream(file, Packing::Stream(Coding::Tar)),
        (None, Some(Form::SomePacked(_))) if origin == Origin::Met => Contents::LeftAlone,
        (None, Some(Form::Packed(coding) | Form::SomePacked(coding))) => {
            Contents::unusable(file, &format!("not {}", coding.file()))
        }
        (None, Some(Form::SevenZip)) => Contents::unusable(file, "not a 7z file"),
        (Some(Form::Log), _) => {
            let kind = Export::of_head(head).map_or(Kind::Log, Kind::Export);
            Contents::Log(Source { kind, ..file })
        }
        _ if is_wanted => {
            let kind = if is_blank(&file) { Kind::Blank } else { Kind::Log };
            Contents::Log(Source { kind, ..file })
        }
        _ => foreign::of_disk(head, file.size).map_or(Contents::LeftAlone, Contents::Foreign),
    }
}

/// Whether there are members of an archive of which it cannot be told what they are.
fn has_unread(defects: &[Defect]) -> bool {
    defects.iter().any(|defect| defect.kind == DefectKind::NotOpened)
}

/// Whether nothing in a file looks like a chunk or a record. Of a file as large as an image of a disk, that shows when it is
/// searched.
fn is_blank(file: &Source) -> bool {
    const LARGEST: u64 = 1 << 30;
    const STEP: usize = 1 << 20;
    const SIGNS: [&[u8]; 2] = [form::CHUNK, &magic::RECORD];
    let Ok(opened) = File::open(&file.path) else { return false };
    let mut buffer = Aligned::new(STEP);
    let mut at = 0;
    while at < file.size && file.size <= LARGEST {
        let Ok(size) = read::read_at(&opened, &mut buffer, at) else { return false };
        let read = buffer.get(..size).unwrap_or_default();
        if SIGNS.iter().any(|sign| memchr::memmem::find(read, sign).is_some()) {
            return false;
        }
        // What lies across two reads is read again.
        at += if size < STEP { STEP } else { STEP - 8 } as u64;
    }
    file.size <= LARGEST
}

fn list_zip(file: Source, named: Option<Form>, head: &[u8], limits: &Limits) -> Contents {
    match contained(|| zipped::list(&file.name, &file.path, file.size, limits)).and_then(|listed| listed) {
        Ok((parts, defects)) => {
            let logs = parts.into_iter().map(|(name, part)| member(name, part, &file)).collect();
            Contents::Archive { file, logs, defects }
        }
        // A damaged log can start with anything.
        Err(_) if named == Some(Form::Log) => Contents::Log(file),
        Err(_) if header::starts_one(head) => {
            let remains = Remains::of_file(file.size);
            Contents::stream(file, Packing::ZipRemains(remains))
        }
        Err(cause) => Contents::unusable(file, &cause),
    }
}

/// A member of a zip file as a source of its own.
fn member(name: String, part: Part, file: &Source) -> Source {
    let (size, packing) = match part {
        Part::Member(member) => (member.size(), Packing::ZipMember(Arc::new(member))),
        Part::Remains(remains) => (remains.size(), Packing::ZipRemains(remains)),
    };
    Source { name, path: file.path.clone(), packing, size, kind: Kind::Log }
}

fn list_packed(file: Source, coding: Coding, named: Option<Form>, origin: Origin) -> Contents {
    // A cause why it cannot be opened is found again when it is unpacked.
    let content = File::open(&file.path).map_or(Content::Log, |mut file| packed::content(coding, &mut file));
    match content {
        Content::Log | Content::Tar | Content::Archive(_) => Contents::stream(file, Packing::Stream(coding)),
        _ if matches!(named, Some(Form::Packed(_))) => Contents::stream(file, Packing::Stream(coding)),
        _ if named == Some(Form::Log) => Contents::Log(file),
        Content::Foreign(what) => Contents::Foreign(format!("{} of {what}", coding.file())),
        Content::Unread(cause) => Contents::unusable(file, &cause),
        Content::Other if origin == Origin::Met => Contents::LeftAlone,
        Content::Other => {
            Contents::unusable(file, &format!("{} that holds neither an event log nor a tar file", coding.file()))
        }
    }
}
