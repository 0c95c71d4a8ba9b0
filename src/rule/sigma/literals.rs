//! What a connection must contain for a rule to match it: [`Literals`], of which at least one has to be in its record.
//!
//! A rule is walked from its condition down. Of things that must all hold, the best one is enough; of things of which one
//! must hold, all are needed; of what must not hold, nothing can be said. Text is only what Sysmon writes as text:
//! ports, times, addresses and flags are numbers in a record, or may be written in more than one way. What a rule asks of the process,
//! or of names that were queried, stands in other records, and nothing follows from it for the connection's.

use std::collections::HashMap;

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SigmaRule, SigmaString, SigmaValue,
    StringPart,
};

use crate::rule::sigma::beside::{HOSTNAME, Names};

/// Pieces of text, in any ASCII case.
pub type Literals = Vec<String>;

/// Fields that Sysmon writes as text into a connection's own record.
const TEXT: [&str; 8] = [
    "Image",
    "User",
    "Protocol",
    "SourceHostname",
    "SourcePortName",
    "DestinationHostname",
    "DestinationPortName",
    "RuleName",
];

/// Shorter pieces are in nearly every chunk.
const SHORTEST: usize = 4;

/// The literals of a rule, or `None` if it matches connections without any that is known.
#[must_use]
pub fn of_rule(rule: &SigmaRule, names: Names) -> Option<Literals> {
    let Detections { named, conditions, .. } = &rule.detection;
    let of = Of { named, names };
    any(conditions.iter().map(|condition| of.condition(condition)))
}

/// All of them are needed, so the one with the fewest and longest is enough.
fn all(parts: impl Iterator<Item = Option<Literals>>) -> Option<Literals> {
    let shortest = |literals: &Literals| literals.iter().map(String::len).min().unwrap_or(0);
    parts.flatten().min_by_key(|literals| (literals.len(), usize::MAX - shortest(literals)))
}

/// One of them is enough, so the literals of each are.
fn any(parts: impl Iterator<Item = Option<Literals>>) -> Option<Literals> {
    let literals: Vec<Literals> = parts.collect::<Option<_>>()?;
    (!literals.is_empty()).then(|| literals.concat())
}

/// What literals are of.
struct Of<'a> {
    /// The rule's detections.
    named: &'a HashMap<String, Detection>,
    /// The names that it sees.
    names: Names,
}

impl Of<'_> {
    fn condition(&self, condition: &ConditionExpr) -> Option<Literals> {
        match condition {
            ConditionExpr::And(parts) => all(parts.iter().map(|part| self.condition(part))),
            ConditionExpr::Or(parts) => any(parts.iter().map(|part| self.condition(part))),
            ConditionExpr::Not(_) => None,
            ConditionExpr::Identifier(name) => self.detection(self.named.get(name)?),
            ConditionExpr::Selector { quantifier, pattern } => {
                // More than it selects is no harm where one of them is enough, and less is none where all of them are needed, but either
                // is the other way around: so it has to be exact.
                let chosen = self.named.iter().filter(|(name, _)| pattern.matches_detection_name(name));
                let parts = chosen.map(|(_, detection)| self.detection(detection));
                match quantifier {
                    Quantifier::All => all(parts),
                    Quantifier::Any => any(parts),
                    Quantifier::Count(count) if *count > 0 => any(parts),
                    Quantifier::Count(_) => None,
                }
            }
        }
    }

    fn detection(&self, detection: &Detection) -> Option<Literals> {
        match detection {
            Detection::AllOf(items) => all(items.iter().map(|item| self.item(item))),
            Detection::AnyOf(parts) => any(parts.iter().map(|part| self.detection(part))),
            Detection::And(parts) => all(parts.iter().map(|part| self.detection(part))),
            Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => None,
        }
    }

    fn item(&self, item: &DetectionItem) -> Option<Literals> {
        let name = item.field.name.as_deref()?;
        let modifiers = &item.field.modifiers;
        let plain = |modifier: &Modifier| {
            matches!(
                modifier,
                Modifier::Contains | Modifier::StartsWith | Modifier::EndsWith | Modifier::All | Modifier::Cased
            )
        };
        let is_elsewhere = self.names == Names::Queried && name == HOSTNAME;
        if is_elsewhere || !TEXT.contains(&name) || !modifiers.iter().all(plain) {
            return None;
        }
        let values = item.values.iter().map(|value| match value {
            SigmaValue::String(text) => of_text(text).map(|literal| vec![literal]),
            _ => None,
        });
        if modifiers.contains(&Modifier::All) { all(values) } else { any(values) }
    }
}

/// The longest piece of a text between its wildcards, in ASCII: other letters have cases of their own.
fn of_text(text: &SigmaString) -> Option<String> {
    let plain = text.parts.iter().filter_map(|part| match part {
        StringPart::Plain(text) => Some(text.as_str()),
        StringPart::Special(_) => None,
    });
    let pieces = plain.flat_map(|text| text.split(|c: char| !c.is_ascii() || "&<>\"'".contains(c)));
    pieces.max_by_key(|piece| piece.len()).filter(|piece| piece.len() >= SHORTEST).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(detection: &str) -> Option<Literals> {
        let yaml = format!("title: t\nlogsource:\n  category: network_connection\ndetection:\n{detection}");
        let mut literals = of_rule(&rsigma_parser::parse_sigma_yaml(&yaml).unwrap().rules[0], Names::Logged);
        if let Some(literals) = &mut literals {
            literals.sort();
        }
        literals
    }

    fn literals(texts: &[&str]) -> Literals {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_best_of_what_must_all_hold_is_enough() {
        let rule = "  s:\n    Initiated: 'true'\n    Image|endswith: '\\notepad.exe'\n    User|contains: ['adm', 'system']\n  condition: s";
        assert_eq!(of(rule), Some(literals(&["\\notepad.exe"])));
    }

    #[test]
    fn all_of_what_may_hold_are_needed() {
        let rule = "  a:\n    Image|endswith: ['\\one.exe', '\\two.exe']\n  b:\n    DestinationHostname|contains: 'example'\n  condition: a or b";
        assert_eq!(of(rule), Some(literals(&["\\one.exe", "\\two.exe", "example"])));
        let rule =
            "  sel_a:\n    Image: 'C:\\x*\\three.exe'\n  sel_b:\n    DestinationPort: 443\n  condition: 1 of sel_*";
        assert_eq!(of(rule), None);
        let rule =
            "  sel_a:\n    Image: 'C:\\x*\\three.exe'\n  sel_b:\n    DestinationPort: 443\n  condition: all of sel_*";
        assert_eq!(of(rule), Some(literals(&["\\three.exe"])));
    }

    #[test]
    fn nothing_is_said_of_what_must_not_hold_or_is_no_text() {
        for rule in [
            "  s:\n    Image|endswith: '\\a.exe'\n  condition: not s",
            "  s:\n    DestinationPort: 4444\n    Initiated: 'true'\n  condition: s",
            "  s:\n    DestinationIp: '192.0.2.1'\n  condition: s",
            "  s:\n    Image|re: '.*evil.*'\n  condition: s",
            "  s:\n    Image|endswith: 'äö'\n  condition: s",
            "  s:\n    - evil\n    - bad\n  condition: s",
            "  s:\n    CommandLine|contains: evil.dll\n  condition: s",
            "  s:\n    Image|endswith: '\\x.exe'\n  t:\n    ParentImage|endswith: '\\parent.exe'\n  condition: s or t",
        ] {
            assert_eq!(of(rule), None, "{rule}");
        }
    }

    #[test]
    fn a_name_that_was_queried_is_in_another_record() {
        let rule = "title: t\nlogsource:\n  category: network_connection\ndetection:\n  s:\n    DestinationHostname: evil.example\n    Image|endswith: '\\a.exe'\n  condition: s";
        let rule = &rsigma_parser::parse_sigma_yaml(rule).unwrap().rules[0];
        assert_eq!(of_rule(rule, Names::Logged), Some(literals(&["evil.example"])));
        assert_eq!(of_rule(rule, Names::Queried), Some(literals(&["\\a.exe"])));
    }
}
