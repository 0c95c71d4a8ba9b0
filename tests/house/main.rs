//! The house: no room names one above it, and no two files name each other, in whatever circle. The documents are in [`links`].
//!
//! The rooms and their order are those of `src/lib.rs`. A failure names the files and what they take from each other.

#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "tests are read, not linked to, and state what they expect by panicking"
)]

mod links;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// From the ground up. What stands together is of one floor.
const FLOORS: [&[&str]; 12] = [
    &["bytes", "count", "error", "fingerprint", "index", "join", "magic", "space", "text"],
    &["evidence"],
    &["evtx"],
    &["connection"],
    &["label"],
    &["rule"],
    &["group"],
    &["scan"],
    &["report"],
    &["fleet"],
    &["run", "search", "verify"],
    &["cli"],
];

#[test]
fn no_room_names_one_above_it() {
    let floor = |file: &str| {
        let room = file.split("::").next().unwrap();
        FLOORS.iter().position(|rooms| rooms.contains(&room)).unwrap_or_else(|| panic!("{file} is in no room"))
    };
    let mut up = Vec::new();
    for (file, names) in arrows() {
        up.extend(names.iter().filter(|name| floor(name) > floor(&file)).map(|name| format!("{file} names {name}")));
    }
    assert!(up.is_empty(), "arrows that run up:\n{}", up.join("\n"));
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let arrows = arrows();
    let reached = |start: &String| {
        let mut reached: BTreeSet<String> = BTreeSet::new();
        let mut ahead = vec![start.clone()];
        while let Some(file) = ahead.pop() {
            ahead.extend(arrows.get(&file).into_iter().flatten().filter(|&name| reached.insert(name.clone())).cloned());
        }
        reached
    };
    let circle: BTreeSet<&String> = arrows.keys().filter(|file| reached(file).contains(*file)).collect();
    let shown: Vec<String> = (arrows.iter().filter(|(file, _)| circle.contains(file)))
        .flat_map(|(file, names)| names.iter().map(move |name| (file, name)))
        .filter(|(_, name)| circle.contains(name))
        .map(|(file, name)| format!("{file} names {name}"))
        .collect();
    assert!(shown.is_empty(), "files in a circle:\n{}", shown.join("\n"));
}

/// A rule that is never broken may be one that nothing holds against the code.
#[test]
fn arrows_are_found_in_every_form() {
    let files = ["a", "a::b", "a::b::c", "d"].map(str::to_owned).into();
    let text = "\
        use crate::{a::{self, b::{c::Thing, Other}}, d};\nuse super::c;\n// crate::comment\nfn f() { crate::d::g(); }\n\
        #[cfg(test)]\nmod tests { use crate::nothing; }\n";
    assert_eq!(named(text, "a::b::x", &files), ["a", "a::b", "a::b::c", "d"].map(str::to_owned).into());
    assert_eq!(named("use super::super::d;", "a::b::x", &files), ["a".to_owned()].into());
    assert_eq!(named("use super::super::super::d;", "a::b::x", &files), ["d".to_owned()].into());
    assert_eq!(named("pub(crate) use self::c::Thing;", "a::b", &files), ["a::b::c".to_owned()].into());
    let count = arrows().values().map(BTreeSet::len).sum::<usize>();
    assert!(count > 300, "only {count} arrows");
}

/// Each file of the library but its root, as a path of modules, and the files that it names.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let mut texts = BTreeMap::new();
    read(Path::new("src"), "", &mut texts);
    let files: BTreeSet<String> = texts.keys().cloned().collect();
    texts.iter().map(|(file, text)| (file.clone(), named(text, file, &files))).collect()
}

fn read(folder: &Path, module: &str, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let inner = if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") };
        if path.is_dir() {
            read(&path, &inner, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            match name {
                "lib" | "main" => {}
                "mod" => drop(texts.insert(module.to_owned(), fs::read_to_string(&path).unwrap())),
                _ => drop(texts.insert(inner, fs::read_to_string(&path).unwrap())),
            }
        }
    }
}

/// The files that the text of a file names, tests and comments aside.
fn named(text: &str, file: &str, files: &BTreeSet<String>) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let text = lines.join(" ");
    let mut found = BTreeSet::new();
    for root in ["crate::", "super::", "self::"] {
        for (start, _) in text.match_indices(root) {
            if text[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let mut paths = Vec::new();
            leaves(&mut text[start..].chars().peekable(), &mut String::new(), &mut paths);
            found.extend(paths.iter().filter_map(|path| file_of(path, file, files)));
        }
    }
    found.remove(file);
    found
}

/// The paths that a tree of them has, such as `a::{b, c::d}`.
fn leaves(text: &mut std::iter::Peekable<std::str::Chars<'_>>, path: &mut String, found: &mut Vec<String>) {
    let start = path.len();
    while let Some(&next) = text.peek() {
        match next {
            '{' => {
                text.next();
                while text.peek().is_some_and(|&next| next != '}') {
                    leaves(text, path, found);
                    while text.next_if(|&next| next == ',' || next == ' ').is_some() {}
                }
                text.next();
                path.truncate(start);
                return;
            }
            next if next.is_alphanumeric() || next == '_' || next == ':' || next == '*' => path.push(next),
            ' ' if path.len() == start => {}
            _ => break,
        }
        text.next();
    }
    // What it is called here does not matter.
    while text.peek().is_some_and(|&next| !",};".contains(next)) && path.len() > start {
        text.next();
    }
    found.push(path.clone());
    path.truncate(start);
}

/// The file that a path leads into, seen from a file.
fn file_of(path: &str, file: &str, files: &BTreeSet<String>) -> Option<String> {
    let mut at: Vec<&str> = file.split("::").collect();
    for (index, step) in path.split("::").enumerate() {
        match step {
            "crate" if index == 0 => at.clear(),
            "self" | "" | "*" => {}
            "super" => drop(at.pop()),
            step => at.push(step),
        }
    }
    while !at.is_empty() && !files.contains(&at.join("::")) {
        at.pop();
    }
    Some(at.join("::")).filter(|file| !file.is_empty())
}
