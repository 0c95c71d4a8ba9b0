//! [`Names`] of what partial results have: on every host, logs have the same paths, and are not the same.
//!
//! What is the same although it has another name is not this file's concern.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use crate::text;

/// Which part has which names.
#[derive(Default)]
pub(super) struct Names {
    /// In which part each was first.
    first: HashMap<String, usize>,
    /// Those that others have too.
    shared: BTreeSet<String>,
}

impl Names {
    /// Adds the names that a part has, whose file is at `path`. Returns other names for those that a part before has.
    pub(super) fn add(&mut self, part: usize, path: &Path, names: BTreeSet<&String>) -> HashMap<String, String> {
        let mut others = HashMap::new();
        for name in names {
            if *self.first.entry(name.clone()).or_insert(part) != part {
                others.insert(name.clone(), self.other(part, path, name));
                self.shared.insert(name.clone());
            }
        }
        others
    }

    /// Other names for those that parts have, and parts behind them too; `path` says where a part is.
    pub(super) fn of_first<'a>(&mut self, path: impl Fn(usize) -> Option<&'a Path>) -> HashMap<String, String> {
        let mut others = HashMap::new();
        for name in std::mem::take(&mut self.shared) {
            let part = self.first.get(&name).copied().unwrap_or_default();
            if let Some(path) = path(part) {
                let other = self.other(part, path, &name);
                others.insert(name, other);
            }
        }
        others
    }

    /// Another name for what a part has, after the part's file.
    fn other(&mut self, part: usize, path: &Path, name: &str) -> String {
        let mut other = format!("{}: {name}", text::path(path));
        while self.first.contains_key(&other) {
            other = format!("{}: {other}", text::path(path));
        }
        self.first.insert(other.clone(), part);
        other
    }
}

/// Puts other names in the place of these, where there are some.
pub(super) fn rename<'a>(names: impl Iterator<Item = &'a mut String>, others: &HashMap<String, String>) {
    for name in names {
        if let Some(other) = others.get(name) {
            name.clone_from(other);
        }
    }
}
