//! [`told`]: an error of writing, with the space that is free where it is too little.

use std::{io, path::Path};

use crate::text;

/// An error of writing into a folder as text; if the folder is full, with its name and the free space, in bytes.
pub(crate) fn told(error: &io::Error, folder: &Path) -> String {
    let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    match fs4::available_space(folder) {
        Ok(free) if is_full => format!("{error}: {free} bytes are free in {}", text::path(folder)),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_space_is_told_where_it_is_too_little() {
        let folder = tempfile::tempdir().unwrap();
        let full = told(&io::Error::from(io::ErrorKind::StorageFull), folder.path());
        assert!(full.starts_with("no storage space: ") && full.contains(" bytes are free in "), "{full}");
        assert!(full.ends_with(&*folder.path().to_string_lossy()), "{full}");
        assert_eq!(told(&io::Error::from(io::ErrorKind::NotFound), folder.path()), "entity not found");
    }
}
