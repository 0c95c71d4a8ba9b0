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
        // All names are known before one is made up.
        let is_of_another = |name: &&String| *self.first.entry((*name).clone()).or_insert(part) != part;
        let shared: Vec<&String> = names.into_iter().filter(is_of_another).collect();
        self.shared.extend(shared.iter().map(|&name| name.clone()));
        shared.into_iter().map(|name| (name.clone(), self.prefixed(part, path, name))).collect()
    }

    /// Other names for those that parts have, and parts behind them too; `path` says where a part is.
    pub(super) fn of_first<'a>(&mut self, path: impl Fn(usize) -> Option<&'a Path>) -> HashMap<String, String> {
        let mut others = HashMap::new();
        for name in std::mem::take(&mut self.shared) {
            let part = self.first.get(&name).copied().unwrap_or_default();
            if let Some(path) = path(part) {
                let other = self.prefixed(part, path, &name);
                others.insert(name, other);
            }
        }
        others
    }

    /// The name with that of the part's file before it, as often as it takes to be a new one.
    fn prefixed(&mut self, part: usize, path: &Path, name: &str) -> String {
        let mut prefixed = format!("{}: {name}", text::path(path));
        while self.first.contains_key(&prefixed) {
            prefixed = format!("{}: {prefixed}", text::path(path));
        }
        self.first.insert(prefixed.clone(), part);
        prefixed
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
