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

pub(super) fn is_wanted(info: &RuleInfo, wanted: &Wanted) -> bool {
    let rank = |level: &str| LEVELS.iter().position(|known| *known == level);
    let file = Path::new(&info.source).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let is_excluded = |name: &String| [info.id.as_str(), info.title.as_str(), file].contains(&name.as_str());
    wanted.level.as_ref().is_none_or(|least| rank(&info.level) >= rank(least))
        && (wanted.status.is_empty() || wanted.status.contains(&info.status))
        && !wanted.exclude.iter().any(is_excluded)
}
