//! [`Fields`]: what of a connection the loaded rules look at, so that two connections that agree in it are judged alike.
//!
//! It is read off the compiled rules, filters included, variant by variant and without a wildcard: a kind of matcher that
//! is not known here does not compile. Rules that may look at anything (keywords, placeholders) have no such fields.

use std::collections::{BTreeMap, BTreeSet};

use rsigma_eval::{CompiledDetection, CompiledMatcher, CompiledRule};

use crate::text;

/// The fields that rules look at, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(BTreeMap<String, Looks>);

/// How rules look at a field.
#[derive(Debug, PartialEq, Eq)]
enum Looks {
    /// Whether its value is one of these texts or numbers, or is there at all. Of other numbers, one is like the other: it
    /// does not matter from which of thousands of source ports a connection came.
    IsOneOf(BTreeSet<String>),
    /// In another way.
    Anyhow,
}

/// Digits of the largest port.
const DIGITS: usize = 5;

impl Fields {
    /// The fields that these rules look at, or `None` if a rule may look at any.
    pub(super) fn of_rules(rules: &[CompiledRule]) -> Option<Self> {
        let mut fields = Self::default();
        let mut detections = rules.iter().flat_map(|rule| rule.detections.values());
        detections.all(|detection| fields.of_detection(detection)).then_some(fields)
    }

    /// Writes into `key`, for each field, whether it is there and what rules can tell of its value. The connections whose
    /// keys are the same are those that no rule tells apart.
    pub(super) fn write_key<'a>(&self, value: impl Fn(&str) -> Option<&'a str>, key: &mut Vec<u8>) {
        for (name, looks) in &self.0 {
            match value(name) {
                None => key.push(0),
                Some(number) if looks.are_the_same_for(number) => key.push(1),
                Some(text) => {
                    key.push(2);
                    key.extend_from_slice(&text.len().to_le_bytes());
                    key.extend_from_slice(text.as_bytes());
                }
            }
        }
    }

    /// The names that they have for them, with the numbers that they can tell from others, where that is all that they can tell of a number.
    pub(super) fn told(&self) -> impl Iterator<Item = (&str, Option<Vec<u16>>)> {
        self.0.iter().map(|(name, looks)| {
            let numbers = match looks {
                Looks::IsOneOf(values) => Some(values.iter().filter_map(|value| text::number::<u16>(value)).collect()),
                Looks::Anyhow => None,
            };
            (&**name, numbers)
        })
    }

    /// Adds what a detection looks at. Returns whether that is known.
    fn of_detection(&mut self, detection: &CompiledDetection) -> bool {
        match detection {
            CompiledDetection::AllOf(items) => {
                items.iter().all(|item| item.field.as_ref().is_some_and(|name| self.of_matcher(name, &item.matcher)))
            }
            CompiledDetection::AnyOf(parts) | CompiledDetection::And(parts) => {
                parts.iter().all(|part| self.of_detection(part))
            }
            CompiledDetection::Keywords(_)
            | CompiledDetection::ArrayMatch { .. }
            | CompiledDetection::Conditional { .. } => false,
        }
    }

    fn of_matcher(&mut self, name: &str, matcher: &CompiledMatcher) -> bool {
        match matcher {
            CompiledMatcher::Exact { value, .. } => self.note_compared(name, Some(value.clone())),
            // Without its sign, since minus zero is zero.
            CompiledMatcher::NumericEq(number) if number.fract() == 0.0 => {
                self.note_compared(name, Some(format!("{:.0}", number.abs())))
            }
            CompiledMatcher::Null | CompiledMatcher::Exists(_) => self.note_compared(name, None),
            CompiledMatcher::FieldRef { field, .. } => self.note_looked_at(name) && self.note_looked_at(field),
            CompiledMatcher::Not(inner) => self.of_matcher(name, inner),
            CompiledMatcher::AnyOf(parts) | CompiledMatcher::AllOf(parts) => {
                parts.iter().all(|part| self.of_matcher(name, part))
            }
            CompiledMatcher::CaseInsensitiveGroup { children, .. } => {
                children.iter().all(|part| self.of_matcher(name, part))
            }
            CompiledMatcher::Contains { .. }
            | CompiledMatcher::StartsWith { .. }
            | CompiledMatcher::EndsWith { .. }
            | CompiledMatcher::Regex(_)
            | CompiledMatcher::AhoCorasickSet { .. }
            | CompiledMatcher::RegexSetMatch { .. }
            | CompiledMatcher::Cidr(_)
            | CompiledMatcher::NumericEq(_)
            | CompiledMatcher::NumericGt(_)
            | CompiledMatcher::NumericGte(_)
            | CompiledMatcher::NumericLt(_)
            | CompiledMatcher::NumericLte(_)
            | CompiledMatcher::BoolEq(_) => self.note_looked_at(name),
            // They turn the value into another one first, or read fields that its text names.
            CompiledMatcher::TimestampPart { .. } | CompiledMatcher::Expand { .. } => false,
        }
    }

    /// The field is compared with this value, or asked whether it is there.
    fn note_compared(&mut self, name: &str, value: Option<String>) -> bool {
        let looks = self.0.entry(name.to_owned()).or_insert_with(|| Looks::IsOneOf(BTreeSet::new()));
        if let Looks::IsOneOf(values) = looks {
            values.extend(value);
        }
        true
    }

    fn note_looked_at(&mut self, name: &str) -> bool {
        self.0.insert(name.to_owned(), Looks::Anyhow);
        true
    }
}

impl Looks {
    /// Whether a value is a number, written as Windows writes ports, that is none of those that are looked for. As it is
    /// written in the only way in which such a number is written, it is not equal to any of them as text either.
    fn are_the_same_for(&self, value: &str) -> bool {
        let is_port = !value.is_empty()
            && value.len() <= DIGITS
            && value.bytes().all(|byte| byte.is_ascii_digit())
            && (value == "0" || !value.starts_with('0'));
        is_port && matches!(self, Self::IsOneOf(values) if !values.contains(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(detection: &str) -> Option<Fields> {
        let yaml = format!("title: t\nlogsource:\n  category: network_connection\ndetection:\n{detection}");
        let parsed = rsigma_parser::parse_sigma_yaml(&yaml).unwrap();
        Fields::of_rules(&[rsigma_eval::compile_rule(&parsed.rules[0]).unwrap()])
    }

    fn names(detection: &str) -> Vec<String> {
        of(detection).unwrap().0.into_keys().collect()
    }

    /// Whether rules can tell one value of `SourcePort` from another.
    fn tells(detection: &str, one: &str, other: &str) -> bool {
        let key = |port| {
            let mut key = Vec::new();
            of(detection).unwrap().write_key(|name| (name == "SourcePort").then_some(port), &mut key);
            key
        };
        key(one) != key(other)
    }

    #[test]
    fn fields_are_those_that_rules_and_references_name() {
        let rule = "  s:\n    Image|endswith: ['\\a.exe', '\\b.exe']\n    SourcePort: 1\n  f:\n    - User: null\n    - DestinationIp|cidr: '10.0.0.0/8'\n    - Protocol|exists: true\n    - Computer|re: 'a.*'\n  condition: s and not 1 of f*";
        assert_eq!(names(rule), ["Computer", "DestinationIp", "Image", "Protocol", "SourcePort", "User"]);
        let rule = "  s:\n    SourceHostname|fieldref: DestinationHostname\n  condition: s";
        assert_eq!(names(rule), ["DestinationHostname", "SourceHostname"]);
    }

    #[test]
    fn what_may_look_at_anything_has_no_fields() {
        for rule in [
            "  s:\n    - evil\n    - bad\n  condition: s",
            "  s:\n    UtcTime|hour: 3\n  condition: s",
            "  s:\n    Image|expand: '%User%'\n  condition: s",
            "  a:\n    SourcePort: 1\n  k:\n    - evil\n  condition: a or k",
        ] {
            assert_eq!(of(rule), None, "{rule}");
        }
    }

    #[test]
    fn numbers_that_no_rule_names_are_alike() {
        for rule in [
            "  s:\n    SourcePort: 3389\n  condition: s",
            "  s:\n    SourcePort: ['3389', 22, null, 'ssh']\n  f:\n    SourcePort|exists: false\n  condition: s and not f",
        ] {
            assert!(!tells(rule, "50000", "50001"), "{rule}");
            for other in ["3389", "050000", "50000.0", "", "0xc350", "٣", "ssh", "500000"] {
                assert!(tells(rule, "50000", other), "{rule} {other}");
            }
        }
    }

    #[test]
    fn zero_is_found_however_a_rule_writes_it() {
        for zero in ["0", "'0'", "-0.0", "0.0"] {
            assert!(tells(&format!("  s:\n    SourcePort: {zero}\n  condition: s"), "0", "1"), "{zero}");
        }
    }

    #[test]
    fn numbers_that_are_looked_at_in_another_way_are_not_alike() {
        for condition in [
            "SourcePort|gte: 49152",
            "SourcePort|endswith: '00'",
            "SourcePort: '5*'",
            "SourcePort|re: '.'",
            "SourcePort|fieldref: DestinationPort",
            "DestinationPort|fieldref: SourcePort",
            "SourcePort: 50000.5",
            "SourcePort: true",
        ] {
            let rule = format!("  s:\n    {condition}\n  also:\n    SourcePort: 3389\n  condition: s or also");
            assert!(tells(&rule, "50000", "50001"), "{rule}");
        }
    }
}
