//! [`Asking`]: what a rule asks of the process behind a connection, and what of that has to be told for it to be judged.
//!
//! Of some processes only a part is told. What is not is no value, which no condition finds, so that a rule is judged by the rest; but not
//! where it denies something of it, since what is not there would satisfy that. Of a process that is not known at all, no rule that asks
//! for any is judged.

use rsigma_parser::{ConditionExpr, CorrelationRule, Detection, DetectionItem, Detections, Modifier, SigmaValue};

use crate::{
    connection::started::{Asked, Start},
    rule::sigma::names,
};

/// What stands before the name of a field that a connection has if that is told of its process. None of Sysmon's starts so.
pub(super) const TOLD: &str = "(process) ";

/// The field that a connection has if its process is known, whatever is told of it.
pub(super) const KNOWN: &str = "(process) is known";

/// What a rule asks of processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asking {
    /// All of it.
    pub all: Asked,
    /// What of it no value would satisfy.
    denied: Asked,
}

impl Asking {
    /// What a rule with these detections asks.
    pub(super) fn of_rule(detections: &Detections) -> Self {
        let mut denied = Vec::new();
        detections.conditions.iter().for_each(|condition| deny(condition, false, detections, &mut denied));
        Self { all: names::asked_in_detections(detections), denied: names::asked(denied.into_iter()) }
    }

    /// What a correlation counts or groups by.
    pub(super) fn of_correlation(rule: &CorrelationRule) -> Self {
        Self { all: names::asked_in_correlation(rule), denied: Asked::default() }
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.all.is_empty()
    }

    /// Whether a rule can be judged by what is told of a process.
    #[must_use]
    pub fn is_met(self, start: &Start) -> bool {
        start.tells_all() || self.is_met_by(|name| start.value(name).is_some())
    }

    /// Whether it can be judged by what it asks where this, and no more, is told.
    pub fn is_met_by(self, is_told: impl Fn(&str) -> bool) -> bool {
        self.all.names().any(&is_told) && self.denied.names().all(&is_told)
    }

    /// What a rule that asks this needs, as a filter: fields that are there if what is behind [`TOLD`] is told. Of a rule that is certain,
    /// it is enough that the process is [`KNOWN`]: what is not told of it cannot change what the rule finds.
    pub(super) fn as_filter(self, is_certain: bool) -> String {
        let is_told = |name: &str| format!("\"{TOLD}{name}|exists\": true");
        let denied = self.denied.names().filter(|_| !is_certain).map(is_told);
        let needed: Vec<String> = [format!("\"{KNOWN}|exists\": true")].into_iter().chain(denied).collect();
        format!(
            "title: of a known process\nlogsource: {{category: network_connection}}\n\
             filter: {{rules: any, needed: {{{}}}, condition: needed}}\n",
            needed.join(", ")
        )
    }
}

/// Adds the fields that a condition, or the contrary of it, would be satisfied by if they had no value.
fn deny<'a>(condition: &ConditionExpr, is_denied: bool, detections: &'a Detections, names: &mut Vec<&'a str>) {
    match condition {
        ConditionExpr::And(parts) | ConditionExpr::Or(parts) => {
            for part in parts {
                deny(part, is_denied, detections, names);
            }
        }
        ConditionExpr::Not(part) => deny(part, !is_denied, detections, names),
        ConditionExpr::Identifier(name) => {
            detections.named.get(name).into_iter().for_each(|detection| without_value(detection, is_denied, names));
        }
        ConditionExpr::Selector { pattern, .. } => {
            let chosen = detections.named.iter().filter(|(name, _)| pattern.matches_detection_name(name));
            chosen.for_each(|(_, detection)| without_value(detection, is_denied, names));
        }
    }
}

/// Adds the fields of a detection that is denied, or those of which it asks that they are not there or not this.
fn without_value<'a>(detection: &'a Detection, is_denied: bool, names: &mut Vec<&'a str>) {
    match detection {
        Detection::AllOf(items) => {
            let wanted = items.iter().filter(|item| is_denied || is_for_none(item));
            names.extend(wanted.filter_map(|item| item.field.name.as_deref()));
        }
        Detection::AnyOf(parts) | Detection::And(parts) => {
            for part in parts {
                without_value(part, is_denied, names);
            }
        }
        Detection::Conditional { named, .. } => named.values().for_each(|part| names::collect(part, names)),
        Detection::ArrayMatch { field, .. } => names.push(field),
        Detection::Keywords(_) => {}
    }
}

/// Whether an item can hold of a field that is not there.
pub(super) fn is_for_none(item: &DetectionItem) -> bool {
    let is_none = |value: &SigmaValue| match value {
        SigmaValue::Null => true,
        SigmaValue::String(text) => text.original.is_empty(),
        _ => false,
    };
    let modifiers = &item.field.modifiers;
    modifiers.contains(&Modifier::Exists) || modifiers.contains(&Modifier::Neq) || item.values.iter().any(is_none)
}
