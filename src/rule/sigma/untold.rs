//! Rules that match no connection of a source, whatever its events say: they ask for fields that it never tells, or for values of another
//! source's events.
//!
//! A field that is never told is absent, which denies are satisfied by, and one of several alternatives can do without. What is not known
//! to be impossible is taken to be possible, so a rule that is not named here may match nothing all the same.

use std::collections::BTreeSet;

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SigmaRule, SigmaString, SigmaValue,
    StringPart,
};

use crate::rule::sigma::{
    asking::{TOLD, is_for_none},
    names, values,
};

/// What connections of a source can have.
#[derive(Debug, Clone, Copy)]
pub struct Possible {
    /// Whether a field of this name, or a member of `System`, can be told of them.
    pub is_told: fn(&str) -> bool,
    /// Whether such a one can be this text.
    pub can_be: fn(&str, &str) -> bool,
}

/// What a rule asks for that keeps it from matching any connection of a source; nothing if it can match one.
pub(super) fn keeping(rule: &SigmaRule, possible: Possible) -> BTreeSet<String> {
    let mut look = Look { detections: &rule.detection, possible, missing: BTreeSet::new() };
    let can_match: Vec<bool> =
        rule.detection.conditions.iter().map(|condition| look.condition(condition, true)).collect();
    if can_match.contains(&true) { BTreeSet::new() } else { look.missing }
}

/// A look at all of a rule.
struct Look<'a> {
    detections: &'a Detections,
    possible: Possible,
    /// What was met that is not possible.
    missing: BTreeSet<String>,
}

impl Look<'_> {
    /// Whether a condition can hold, or can fail to.
    fn condition(&mut self, condition: &ConditionExpr, holds: bool) -> bool {
        let detections = self.detections;
        let (can, needed) = match condition {
            ConditionExpr::Not(part) => return self.condition(part, !holds),
            ConditionExpr::Identifier(name) => {
                return detections.named.get(name).is_none_or(|detection| self.detection(detection, holds));
            }
            ConditionExpr::And(parts) | ConditionExpr::Or(parts) => {
                let can: Vec<bool> = parts.iter().map(|part| self.condition(part, holds)).collect();
                let needed = if matches!(condition, ConditionExpr::And(_)) == holds { can.len() } else { 1 };
                (can, needed)
            }
            ConditionExpr::Selector { quantifier, pattern } => {
                let chosen = detections.named.iter().filter(|(name, _)| pattern.matches_detection_name(name));
                let can: Vec<bool> = chosen.map(|(_, detection)| self.detection(detection, holds)).collect();
                let of_all = match quantifier {
                    Quantifier::Any => 1,
                    Quantifier::All => can.len(),
                    Quantifier::Count(count) => usize::try_from(*count).unwrap_or(usize::MAX),
                };
                let needed = if holds { of_all } else { (can.len() + 1).saturating_sub(of_all) };
                (can, needed)
            }
        };
        can.into_iter().filter(|can| *can).count() >= needed
    }

    fn detection(&mut self, detection: &Detection, holds: bool) -> bool {
        let (can, is_all): (Vec<bool>, bool) = match detection {
            Detection::AllOf(items) => (items.iter().map(|item| self.item(item, holds)).collect(), true),
            Detection::And(parts) => (parts.iter().map(|part| self.detection(part, holds)).collect(), true),
            Detection::AnyOf(parts) => (parts.iter().map(|part| self.detection(part, holds)).collect(), false),
            Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => return true,
        };
        if is_all == holds { !can.contains(&false) } else { can.contains(&true) }
    }

    fn item(&mut self, item: &DetectionItem, holds: bool) -> bool {
        let Some(name) = item.field.name.as_deref() else { return true };
        let missing = if let Some(name) = name.strip_prefix(TOLD) {
            let is_possible = (self.possible.is_told)(name) || is_for_absent(item) == holds;
            (!is_possible).then(|| name.to_owned())
        } else {
            self.missing_for(item, &names::canonical(name), holds)
        };
        let can = missing.is_none();
        self.missing.extend(missing);
        can
    }

    /// What is missing of a field for an item about it to hold, or to fail to.
    fn missing_for(&self, item: &DetectionItem, name: &str, holds: bool) -> Option<String> {
        let modifiers = &item.field.modifiers;
        if !(self.possible.is_told)(name) {
            let can_be_both = modifiers.contains(&Modifier::FieldRef)
                || (is_for_none(item) && !modifiers.contains(&Modifier::Exists));
            let is_possible = can_be_both || is_for_absent(item) == holds;
            return (!is_possible).then(|| name.to_owned());
        }
        let is_impossible = |text: &String| !(self.possible.can_be)(name, text);
        let texts: Option<Vec<String>> = item.values.iter().map(|value| text(value).filter(is_impossible)).collect();
        let first = texts?.into_iter().next().filter(|_| holds && modifiers.is_empty())?;
        Some(format!("{name} {first}"))
    }
}

/// Whether an item asks that its field is not there.
fn is_for_absent(item: &DetectionItem) -> bool {
    item.field.modifiers.contains(&Modifier::Exists) && values::existence(item) == Ok(false)
}

/// A value as a text, if it is one without wildcards or a whole number.
fn text(value: &SigmaValue) -> Option<String> {
    match value {
        SigmaValue::Integer(number) => Some(number.to_string()),
        SigmaValue::String(SigmaString { parts, .. }) => match parts.as_slice() {
            [StringPart::Plain(text)] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(detection: &str) -> Vec<String> {
        let yaml = format!("title: t\nlogsource: {{category: network_connection}}\ndetection: {{{detection}}}\n");
        let parsed = rsigma_parser::parse_sigma_yaml(&yaml).unwrap();
        let possible = Possible {
            is_told: |name| name != "RuleName" && name != "UtcTime",
            can_be: |name, text| name != "EventID" || text == "5156",
        };
        keeping(&parsed.rules[0], possible).into_iter().collect()
    }

    #[test]
    fn what_is_never_told_keeps_a_rule_from_matching_where_nothing_else_can_do_in_its_place() {
        for (detection, expected) in [
            ("s: {RuleName: x, Image: y}, condition: s", &["RuleName"][..]),
            ("s: [{RuleName: x}, {UtcTime: y}], condition: s", &["RuleName", "UtcTime"]),
            ("s: [{RuleName: x}, {Image: y}], condition: s", &[]),
            ("s: {Image: y}, f: {RuleName: x}, condition: s and not f", &[]),
            ("s: {Image: y}, f: {RuleName: x}, condition: not (s or not f)", &["RuleName"]),
            ("s: {RuleName: [x, null]}, condition: s", &[]),
            ("s: {RuleName|exists: false}, condition: s", &[]),
            ("s: {RuleName|exists: true}, condition: s", &["RuleName"]),
            ("s: {RuleName|exists: no}, condition: s", &[]),
            ("s: {RuleName|exists: yes}, condition: s", &["RuleName"]),
            ("s: {RuleName|exists: false, Image: y}, condition: s", &[]),
            ("a1: {RuleName: x}, a2: {Image: y}, condition: 1 of a*", &[]),
            ("a1: {RuleName: x}, a2: {Image: y}, condition: all of a*", &["RuleName"]),
            ("a1: {RuleName: x}, a2: {Image: y}, condition: not all of a*", &[]),
            ("a1: {RuleName: x}, a2: {UtcTime: y}, condition: not 1 of a*", &[]),
            ("s: {EventID: 3}, condition: s", &["EventID 3"]),
            ("s: {EventID: [3, '22']}, condition: s", &["EventID 3"]),
            ("s: {EventID: [3, 5156]}, condition: s", &[]),
            ("s: {EventID: '5*'}, condition: s", &[]),
            ("s: {EventID|contains: '3'}, condition: s", &[]),
            ("s: {Image: y}, f: {EventID: 3}, condition: s and not f", &[]),
        ] {
            assert_eq!(missing(detection), expected, "{detection}");
        }
    }
}
