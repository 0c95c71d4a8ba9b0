//! Flags: fields with one of two or three values, by which rules are not worth finding.
//!
//! The engine finds the rules that may match by one thing that each needs, and takes equality for the rarest. Of a rule
//! about `Initiated: true` and an `Image`, that is `Initiated`, which holds for most connections, so nearly all rules would
//! be evaluated for each. What is negated twice is the same, and the engine does not go by it.

use rsigma_eval::{CompiledDetection, CompiledMatcher, CompiledRule};

use crate::rule::sigma::names;

const FLAGS: [&str; 13] = [
    "Initiated",
    "Protocol",
    "SourceIsIpv6",
    "DestinationIsIpv6",
    "Provider_Name",
    "Provider_Guid",
    "EventID",
    "Version",
    "Level",
    "Task",
    "Opcode",
    "Keywords",
    "Channel",
];

/// The rule, which matches what it did, to be found by something else than its flags.
pub(super) fn set_aside(mut rule: CompiledRule) -> CompiledRule {
    rule.detections.values_mut().for_each(of_detection);
    rule
}

fn of_detection(detection: &mut CompiledDetection) {
    match detection {
        CompiledDetection::AllOf(items) => {
            for item in items.iter_mut().filter(|item| item.exists.is_none()) {
                if item.field.as_ref().is_some_and(|name| FLAGS.contains(&&*names::canonical(name)))
                    && is_value(&item.matcher)
                {
                    let matcher = std::mem::replace(&mut item.matcher, CompiledMatcher::Null);
                    item.matcher = not(not(matcher));
                }
            }
        }
        CompiledDetection::AnyOf(parts) | CompiledDetection::And(parts) => parts.iter_mut().for_each(of_detection),
        CompiledDetection::Keywords(_)
        | CompiledDetection::ArrayMatch { .. }
        | CompiledDetection::Conditional { .. } => {}
    }
}

/// Whether it is a comparison with one value, which no field that is not there is equal to, negated twice or not.
fn is_value(matcher: &CompiledMatcher) -> bool {
    matches!(matcher, CompiledMatcher::Exact { .. } | CompiledMatcher::BoolEq(_) | CompiledMatcher::NumericEq(_))
}

fn not(matcher: CompiledMatcher) -> CompiledMatcher {
    CompiledMatcher::Not(Box::new(matcher))
}

#[cfg(test)]
mod tests {
    use rsigma_eval::evaluate_rule;

    use super::*;
    use crate::rule::sigma::view::View;

    #[test]
    fn a_rule_whose_flags_are_set_aside_matches_what_it_did() {
        let conditions = ["Initiated: 'true'", "Initiated: true", "Initiated: null", "Initiated: 1", "Initiated: ''"];
        let others =
            ["Initiated|exists: true", "Initiated: ['true', null]", "Initiated|startswith: t", "Protocol: TCP"];
        for condition in conditions.iter().chain(&others) {
            for negation in ["", "not "] {
                let yaml = format!(
                    "title: t\nlogsource:\n  category: network_connection\ndetection:\n  s:\n    {condition}\n  condition: {negation}s"
                );
                let parsed = rsigma_parser::parse_sigma_yaml(&yaml).unwrap();
                let rule = rsigma_eval::compile_rule(&parsed.rules[0]).unwrap();
                let aside = set_aside(rule.clone());
                for value in [Some("true"), Some("TRUE"), Some("false"), Some("1"), Some(""), Some("tcp"), None] {
                    let name = condition.split([':', '|']).next().unwrap();
                    let data: Vec<_> = value.iter().map(|&value| (name.to_owned(), value.to_owned())).collect();
                    let matches = |rule| evaluate_rule(rule, &View::of_pairs(&data, &[])).is_some();
                    assert_eq!(matches(&rule), matches(&aside), "{negation}{condition} {value:?}");
                }
            }
        }
    }
}
