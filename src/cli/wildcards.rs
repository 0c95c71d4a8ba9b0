//! Wildcards in paths: `*` for any text of a name, `?` for one character, and `**` for any folders one below the other, or none. The
//! shells of Windows leave them to the program.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Component, Path, PathBuf},
};

use glob::{MatchOptions, Pattern};

/// The paths, where each that names no file, but is a pattern, is replaced by those that match it, in order. One that nothing matches
/// stays, to be named as missing.
pub fn expand(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let expanded = |path: PathBuf| match matches(&path) {
        none if none.is_empty() => vec![path],
        some => some,
    };
    paths.into_iter().flat_map(expanded).collect()
}

/// The files and folders that a path means: itself, or those that match it. A folder on the way that cannot be read is one of them, to
/// be named for it: what is in it is not left out unsaid.
pub fn matches(path: &Path) -> Vec<PathBuf> {
    if path.exists() {
        return vec![path.to_owned()];
    }
    if !path.components().any(|part| pattern(part).is_some()) {
        return Vec::new();
    }
    let (mut found, mut unreadable) = (vec![PathBuf::new()], Vec::new());
    // A folder stands for all that is below it.
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        if part.as_os_str() == "**" {
            if parts.peek().is_none() {
                break;
            }
            found = found.into_iter().flat_map(|folder| with_folders_below(folder, &mut unreadable)).collect();
            continue;
        }
        let Some(pattern) = pattern(part) else {
            found = found.iter().map(|folder| folder.join(part)).filter(|path| may_exist(path)).collect();
            continue;
        };
        let options = MatchOptions { case_sensitive: !cfg!(windows), ..MatchOptions::new() };
        // What of a name is not text can be anything.
        let is_meant = |name: &OsStr| pattern.matches_with(&name.to_string_lossy(), options);
        let matching = |folder: PathBuf| in_folder(&folder, is_meant, &mut unreadable).unwrap_or_default();
        found = found.into_iter().flat_map(matching).collect();
    }
    found.append(&mut unreadable);
    found.sort_unstable();
    // Where `**` stands twice, there is more than one way to a file.
    found.dedup();
    found
}

/// A folder and all folders below it, but not behind links.
fn with_folders_below(folder: PathBuf, unreadable: &mut Vec<PathBuf>) -> Vec<PathBuf> {
    let (mut all, mut ahead) = (Vec::new(), vec![folder]);
    while let Some(folder) = ahead.pop() {
        let Some(paths) = in_folder(&folder, |_| true, unreadable) else { continue };
        ahead.extend(paths.into_iter().filter(|path| path.symlink_metadata().is_ok_and(|found| found.is_dir())));
        all.push(folder);
    }
    all
}

/// Whether there is something, or cannot be told.
fn may_exist(path: &Path) -> bool {
    path.try_exists().unwrap_or_else(|error| !is_absent(&error))
}

/// Whether there is no such folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The pattern that a part of a path is. A bracket is what it is: names of Windows have them.
fn pattern(part: Component<'_>) -> Option<Pattern> {
    let Component::Normal(name) = part else { return None };
    let mut name = name.to_str().filter(|name| name.contains(['*', '?']))?.replace('[', "[[]");
    while name.contains("**") {
        name = name.replace("**", "*");
    }
    Pattern::new(&name).ok()
}

/// What is in a folder under a name that is meant; nothing where there is no folder. One that cannot be read is added to the others.
fn in_folder(folder: &Path, is_meant: impl Fn(&OsStr) -> bool, unreadable: &mut Vec<PathBuf>) -> Option<Vec<PathBuf>> {
    let read = if folder == Path::new("") { Path::new(".") } else { folder };
    let names =
        || fs::read_dir(read)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>();
    match names() {
        Ok(names) => Some(names.into_iter().filter(|name| is_meant(name)).map(|name| folder.join(name)).collect()),
        Err(error) => {
            if !is_absent(&error) {
                unreadable.push(folder.to_owned());
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_matches_it_and_a_file_of_its_name_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in
            ["hosts[1]/a/x.evtx", "hosts[1]/b/y.evtx", "hosts[1]/b/y.txt", "hosts[1]/c.evtx", "hosts[1]/a/d/e/z.evtx"]
        {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs::write(path(name), "").unwrap();
        }
        let meant = |pattern: &str| expand(vec![path(pattern)]);
        assert_eq!(meant("hosts[1]/*/*.evtx"), ["hosts[1]/a/x.evtx", "hosts[1]/b/y.evtx"].map(path));
        let all = ["hosts[1]/a/d/e/z.evtx", "hosts[1]/a/x.evtx", "hosts[1]/b/y.evtx", "hosts[1]/c.evtx"].map(path);
        assert_eq!(meant("hosts[1]/**/?.evtx"), all);
        assert_eq!(meant("**/**/?.evtx"), all);
        assert_eq!(meant("hosts[1]/**x/?.evtx"), [path("hosts[1]/**x/?.evtx")]);
        assert_eq!(meant("hosts[1]/a/**"), [path("hosts[1]/a")]);
        assert_eq!(meant("hosts[1]/**/z.evtx"), [path("hosts[1]/a/d/e/z.evtx")]);
        assert_eq!(meant("*/c.evtx"), [path("hosts[1]/c.evtx")]);
        assert_eq!(meant("hosts[1]/*.zip"), [path("hosts[1]/*.zip")]);
        assert_eq!(meant("none"), [path("none")]);
        assert_eq!(meant("hosts[1]"), [path("hosts[1]")]);
        assert!(matches(&path("*/c.evtx/*")).is_empty());
        if cfg!(not(windows)) {
            fs::write(path("hosts[1]/*.evtx"), "").unwrap();
            assert_eq!(meant("hosts[1]/*.evtx"), [path("hosts[1]/*.evtx")]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_text_is_matched_and_a_folder_that_cannot_be_read_is_named() {
        use std::os::unix::{ffi::OsStrExt, fs::symlink};

        let folder = tempfile::tempdir().unwrap();
        let path = |name: &[u8]| folder.path().join(OsStr::from_bytes(name));
        fs::create_dir_all(path(b"a")).unwrap();
        // A link to itself cannot be read, whoever tries.
        symlink("loop", path(b"loop")).unwrap();
        for name in [&b"a/x.evtx"[..], b"a/\xff.evtx", b"file"] {
            fs::write(path(name), "").unwrap();
        }
        let meant = |pattern: &[u8]| expand(vec![path(pattern)]);
        let logs = [&b"a/x.evtx"[..], b"a/\xff.evtx"].map(path);
        assert_eq!(meant(b"a/*.evtx"), logs);
        assert_eq!(meant(b"*/*.evtx"), [&logs[..], &[path(b"loop")]].concat());
        assert_eq!(meant(b"*/x.evtx"), [path(b"a/x.evtx"), path(b"loop/x.evtx")]);
        assert_eq!(meant(b"*/none/*.evtx"), [path(b"loop/none")]);
    }
}
