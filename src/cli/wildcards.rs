//! Wildcards in paths: `*` for any text of a name and `?` for one character, which the shells of Windows leave to the program.

use std::{
    ffi::OsStr,
    fs,
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

/// The files and folders that a path means: itself, or those that match it.
pub fn matches(path: &Path) -> Vec<PathBuf> {
    if path.exists() {
        return vec![path.to_owned()];
    }
    if !path.components().any(|part| pattern(part).is_some()) {
        return Vec::new();
    }
    let mut found = vec![PathBuf::new()];
    for part in path.components() {
        found = match pattern(part) {
            Some(pattern) => found.iter().flat_map(|folder| in_folder(folder, &pattern)).collect(),
            None => found.iter().map(|folder| folder.join(part)).filter(|path| path.exists()).collect(),
        };
    }
    found.sort_unstable();
    found
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

/// What is in a folder under a name of this pattern.
fn in_folder(folder: &Path, pattern: &Pattern) -> Vec<PathBuf> {
    let read = if folder == Path::new("") { Path::new(".") } else { folder };
    let options = MatchOptions { case_sensitive: !cfg!(windows), ..MatchOptions::new() };
    let is_meant = |name: &OsStr| name.to_str().is_some_and(|name| pattern.matches_with(name, options));
    let entries = fs::read_dir(read).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).filter(|name| is_meant(name)).map(|name| folder.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_matches_it_and_a_file_of_its_name_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["hosts[1]/a/x.evtx", "hosts[1]/b/y.evtx", "hosts[1]/b/y.txt", "hosts[1]/c.evtx"] {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs::write(path(name), "").unwrap();
        }
        let meant = |pattern: &str| expand(vec![path(pattern)]);
        assert_eq!(meant("hosts[1]/*/*.evtx"), ["hosts[1]/a/x.evtx", "hosts[1]/b/y.evtx"].map(path));
        assert_eq!(meant("hosts[1]/**/?.evtx"), ["hosts[1]/a/x.evtx", "hosts[1]/b/y.evtx"].map(path));
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
}
