//! 7z files: their logs as streams, in the order in which they are packed, by one thread. Members are packed together, so that
//! one cannot be read without those before it.

use std::{
    fs::File,
    io::{self, BufReader, Read},
};

use sevenz_rust2::{ArchiveEntry, ArchiveReader, Error, Password};

use crate::{
    bytes::u64_at,
    evidence::archive::{
        form::Form,
        limits::{MEMORY, most_of},
        member::{self, Depth, Names, Opened, Unpacked},
        stream::{self, Bound, Window, skip_zeros},
        unlisted,
    },
};

/// The size of the header that a 7z file starts with, in bytes (7zFormat.txt of its maker, "Signature header").
const HEADER_SIZE: u64 = 32;

/// Unpacks the 7z file of `size` bytes.
pub(super) fn unpack(name: &str, file: &File, size: u64, out: &mut Unpacked<'_>) {
    if let Err(error) = unpack_members(name, file, size, out) {
        let cause = cause(&error, out.limits.password.is_some());
        return out.defect(name, &cause);
    }
    match behind(file, size) {
        Ok(Some(end)) => out.defect(name, &unlisted::behind(end, size)),
        Ok(None) => {}
        Err(error) => out.defect(name, &format!("cannot read to the end: {error}")),
    }
}

/// Where a 7z file ends in a file of `size` bytes, if there is anything but zeros behind it.
fn behind(file: &File, size: u64) -> io::Result<Option<u64>> {
    let mut header = Vec::new();
    Window::new(file, 0, HEADER_SIZE).read_to_end(&mut header)?;
    // Where the directory is, behind the header, and how long it is.
    let (at, length) = (u64_at(&header, 12).unwrap_or(0), u64_at(&header, 20).unwrap_or(0));
    let end = HEADER_SIZE.saturating_add(at).saturating_add(length);
    let rest = size.saturating_sub(end);
    Ok(skip_zeros(&mut BufReader::new(Window::new(file, end, rest)))?.then_some(end))
}

fn unpack_members(archive: &str, file: &File, size: u64, out: &mut Unpacked<'_>) -> Result<(), Error> {
    let password = out.limits.password.as_deref().map_or_else(Password::empty, Password::from);
    let window = Window::new(file, 0, size);
    let mut reader = ArchiveReader::new_with_memory_limit(window, password, MEMORY as usize / 1024)?;
    // The scan has threads of its own.
    reader.set_thread_count(1);
    let stated = reader.archive().files.iter().map(|entry| entry.size).fold(0, u64::saturating_add);
    // What is not read is unpacked too.
    if stated > most_of(size) {
        out.defect(archive, &stream::bomb(most_of(size)));
        return Ok(());
    }
    let mut names = Names::default();
    reader.for_each_entries(|entry, stream| {
        if !entry.is_directory
            && let Some(form) = out.limits.form(&entry.name)
        {
            unpack_member(&names.of_member(archive, &entry.name), form, entry, stream, out);
        }
        Ok(true)
    })
}

fn unpack_member(name: &str, form: Form, entry: &ArchiveEntry, stream: &mut dyn Read, out: &mut Unpacked<'_>) {
    if let Some(cause) = out.limits.too_large(form, entry.size) {
        return out.defect(name, &cause);
    }
    let bound = Bound::Stated(entry.size);
    member::hand_on(name, Opened { stream, form, bound, encrypted: false, depth: Depth::File }, out);
}

/// What is wrong with a 7z file, or with its password.
fn cause(error: &Error, has_password: bool) -> String {
    match error {
        Error::PasswordRequired => member::NO_PASSWORD.to_owned(),
        Error::MaybeBadPassword(_) | Error::ChecksumVerificationFailed if has_password => {
            "it is damaged, or --password is not its password".to_owned()
        }
        Error::MaxMemLimited { actaul_kb, max_kb } => {
            format!("it needs {actaul_kb} KiB of memory to be unpacked, and {max_kb} are allowed")
        }
        Error::Other(cause) | Error::Unsupported(cause) => format!("not read as a 7z file: {cause}"),
        Error::Io(cause, _) | Error::MaybeBadPassword(cause) => format!("cannot read on: {cause}"),
        error => format!("not read as a 7z file: {error}"),
    }
}
