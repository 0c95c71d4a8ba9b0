//! [`RuleInfo`]: what is known of a rule besides what it looks for, for the report and for listings.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rule::builtin::BuiltinRule;

/// The source of the rules that are built in.
pub const BUILT_IN: &str = "built-in";

/// The sources of what the command line asks for.
const OF_PROCESSES: &str = "--process";
const OF_EVERYTHING: &str = "connections";

/// A rule as reports and listings show it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// Its title.
    pub title: String,
    /// Its id; empty if it has none.
    pub id: String,
    /// How severe a hit is: `informational`, `low`, `medium`, `high`, `critical`; empty if it does not say.
    pub level: String,
    /// How far it is tested: `stable`, `test`, `experimental`, `deprecated`, `unsupported`; empty if it does not say.
    pub status: String,
    /// MITRE ATT&CK: techniques and tactics, as in `T1218.009 defense-evasion`.
    pub attack: String,
    /// Who wrote it; empty if it does not say.
    #[serde(default)]
    pub author: String,
    /// The file it is from, or [`BUILT_IN`].
    pub source: String,
    /// The whole of its file as text, which the rules of a file share.
    pub text: Arc<str>,
}

impl RuleInfo {
    /// Whether it is the same rule, wherever its file is.
    #[must_use]
    pub fn is_same_rule(&self, other: &Self) -> bool {
        // Its author is in its text.
        let Self { title, id, level, status, attack, author: _, source: _, text } = self;
        (title, id, level, status, attack, text)
            == (&other.title, &other.id, &other.level, &other.status, &other.attack, &other.text)
    }

    /// Of a built-in rule.
    #[must_use]
    pub fn of_builtin(rule: &BuiltinRule) -> Self {
        let tactic = rule.tactic.to_ascii_lowercase().replace(' ', "-");
        let text = format!(
            "title: {}\nid: {}\nauthor: {}\nreference: {}\nlevel: {}\nstatus: {}\nattack: {} {} ({})\nprocess: {}\n\
             networks: any but those of --exclusions (special: private, reserved and special addresses)\n",
            rule.title,
            rule.id,
            rule.author,
            rule.reference,
            rule.level,
            rule.status,
            rule.technique,
            rule.technique_name,
            rule.tactic,
            rule.process
        );
        Self {
            title: rule.title.to_owned(),
            id: rule.id.to_owned(),
            level: rule.level.to_owned(),
            status: rule.status.to_owned(),
            attack: format!("{} {tactic}", rule.technique),
            author: rule.author.to_owned(),
            source: BUILT_IN.to_owned(),
            text: text.into(),
        }
    }

    /// Of the processes that the command line names instead of a built-in rule's.
    #[must_use]
    pub fn of_processes(processes: &[String]) -> Self {
        Self {
            title: format!("Network connections of {}", processes.join(", ")),
            source: OF_PROCESSES.to_owned(),
            ..Self::default()
        }
    }

    /// Whether it is a rule, and not only what the command line asks for.
    #[must_use]
    pub fn is_rule(&self) -> bool {
        ![OF_PROCESSES, OF_EVERYTHING].contains(&&*self.source)
    }

    /// Whether it is of processes that the command line names.
    #[must_use]
    pub fn is_of_processes(&self) -> bool {
        self.source == OF_PROCESSES
    }

    /// Of every connection.
    #[must_use]
    pub fn of_everything() -> Self {
        Self { title: "Network connections".to_owned(), source: OF_EVERYTHING.to_owned(), ..Self::default() }
    }

    /// MITRE ATT&CK from a rule's tags, as in `attack.t1218.009`: techniques first.
    #[must_use]
    pub fn attack_of_tags(tags: &[String]) -> String {
        let of_attack = tags.iter().filter_map(|tag| tag.strip_prefix("attack."));
        let is_id = |tag: &&str| tag.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let (ids, tactics): (Vec<&str>, Vec<&str>) = of_attack.partition(is_id);
        let ids = ids.into_iter().map(str::to_ascii_uppercase);
        ids.chain(tactics.into_iter().map(str::to_owned)).collect::<Vec<_>>().join(" ")
    }

    /// The values of the report's columns: title, id, level, MITRE ATT&CK, author.
    #[must_use]
    pub fn columns(&self) -> [&str; 5] {
        [&self.title, &self.id, &self.level, &self.attack, &self.author]
    }

    /// The names of those columns.
    pub const COLUMNS: [&'static str; 5] = ["rule_title", "rule_id", "rule_level", "mitre_attack", "rule_author"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_come_before_tactics_and_other_tags_are_left_out() {
        let tags = ["attack.command-and-control", "cve.2021-1", "attack.t1105", "attack.g0007", "attack.t1218.009"];
        let attack = RuleInfo::attack_of_tags(&tags.map(str::to_owned));
        assert_eq!(attack, "T1105 G0007 T1218.009 command-and-control");
    }
}
