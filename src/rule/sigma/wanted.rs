//! Which rules are [`Wanted`]: by how severe they are, how far they are tested, and what they are called.

use std::path::Path;

use crate::rule::info::RuleInfo;

/// The levels, from the least to the most severe.
pub const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];

/// The statuses.
pub const STATUSES: [&str; 5] = ["stable", "test", "experimental", "deprecated", "unsupported"];

/// Which rules are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The least level, from `informational` to `critical`.
    pub level: Option<String>,
    /// The statuses, such as `stable`.
    pub status: Vec<String>,
    /// Rules that are not wanted, by id, file name or title.
    pub exclude: Vec<String>,
}

impl Wanted {
    /// Those of the excluded names that are this rule's.
    pub(super) fn excluding(&self, info: &RuleInfo) -> impl Iterator<Item = &String> {
        let own = [&*info.id, &*info.title, stem(Path::new(&info.source))];
        self.exclude.iter().filter(move |name| own.contains(&name.as_str()))
    }
}

/// The name of a file without its ending.
pub(super) fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

/// Whether a rule is wanted.
#[must_use]
pub fn is_wanted(info: &RuleInfo, wanted: &Wanted) -> bool {
    let rank = |level: &str| LEVELS.iter().position(|known| *known == level);
    wanted.level.as_ref().is_none_or(|least| rank(&info.level) >= rank(least))
        && (wanted.status.is_empty() || wanted.status.contains(&info.status))
        && wanted.excluding(info).next().is_none()
}
