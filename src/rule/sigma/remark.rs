//! A [`Remark`] on a rule: why it is refused, or what cannot be right in it.

use std::{fmt, path::PathBuf};

use crate::text;

/// What is wrong with a rule or a file of rules: why it was not loaded, or what it asks for in vain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    /// The file.
    pub path: PathBuf,
    /// The rule's title, where it is known.
    pub title: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl Remark {
    /// The rule, where it is known, and what is wrong with it, safe to print.
    #[must_use]
    pub fn what(&self) -> String {
        let title = self.title.as_ref().map_or_else(String::new, |title| format!("{title}: "));
        text::printable(&format!("{title}{}", self.reason)).into_owned()
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", text::path(&self.path), self.what())
    }
}
