//! A rule made certain: it matches only where it would match whatever the unknown values of a process are.
//!
//! A value that is not known is absent. No condition on it holds, so a condition that does hold is certain. But a negated condition, or
//! one that asks for an absent value, would hold only for want of the value. So a detection that is negated gets a copy that also holds
//! where its values are not known, and a condition that asks for an absent value holds only where it is known whether there is one.

use std::collections::BTreeSet;

use rsigma_parser::{ConditionExpr, Detection, DetectionItem, Detections, FieldSpec, Modifier, SigmaRule, SigmaValue};

use crate::{
    connection::started::Asked,
    rule::sigma::{
        asking::{TOLD, is_for_none},
        names, narrowing,
    },
};

/// What stands before the name of a detection's copy.
const DENIED: &str = "__denied_";

/// The rule made certain; nothing if it counts detections in a way that it cannot be made so.
pub(super) fn of(rule: &SigmaRule) -> Option<SigmaRule> {
    let mut certain = rule.clone();
    let Detections { named, conditions, .. } = &mut certain.detection;
    let mut denied = BTreeSet::new();
    for condition in conditions.iter_mut() {
        *condition = denying(&narrowing::explicit(condition, &rule.detection, "")?, false, &mut denied)?;
    }
    let denied = denied
        .iter()
        .filter_map(|name| Some((format!("{DENIED}{name}"), made_certain(rule.detection.named.get(name)?, true))));
    let own = rule.detection.named.iter().map(|(name, detection)| (name.clone(), made_certain(detection, false)));
    *named = own.chain(denied).collect();
    Some(certain)
}

/// The condition with the copies of detections in place of those that are denied, whose names are added.
fn denying(condition: &ConditionExpr, is_denied: bool, denied: &mut BTreeSet<String>) -> Option<ConditionExpr> {
    let mut all =
        |parts: &[ConditionExpr]| parts.iter().map(|part| denying(part, is_denied, denied)).collect::<Option<Vec<_>>>();
    Some(match condition {
        ConditionExpr::And(parts) => ConditionExpr::And(all(parts)?),
        ConditionExpr::Or(parts) => ConditionExpr::Or(all(parts)?),
        ConditionExpr::Not(part) => ConditionExpr::Not(Box::new(denying(part, !is_denied, denied)?)),
        ConditionExpr::Identifier(name) if is_denied => {
            denied.insert(name.clone());
            ConditionExpr::Identifier(format!("{DENIED}{name}"))
        }
        ConditionExpr::Identifier(_) => condition.clone(),
        ConditionExpr::Selector { .. } => return None,
    })
}

fn made_certain(detection: &Detection, is_denied: bool) -> Detection {
    let all = |parts: &[Detection]| parts.iter().map(|part| made_certain(part, is_denied)).collect();
    match detection {
        Detection::AllOf(items) if items.iter().any(|item| of_process(item).next().is_some()) => {
            Detection::And(items.iter().map(|item| item_made_certain(item, is_denied)).collect())
        }
        Detection::AnyOf(parts) => Detection::AnyOf(all(parts)),
        Detection::And(parts) => Detection::And(all(parts)),
        other => other.clone(),
    }
}

fn item_made_certain(item: &DetectionItem, is_denied: bool) -> Detection {
    let own = Detection::AllOf(vec![item.clone()]);
    let told = |is_told: bool| of_process(item).map(move |name| Detection::AllOf(vec![exists(&name, is_told)]));
    if is_denied {
        Detection::AnyOf(std::iter::once(own).chain(told(false)).collect())
    } else {
        Detection::And(std::iter::once(own).chain(told(true).filter(|_| is_for_none(item))).collect())
    }
}

/// The fields of the process that an item looks at, as records have them.
fn of_process(item: &DetectionItem) -> impl Iterator<Item = String> {
    let names = names::of_item(item).map(|name| names::canonical(name).into_owned());
    names.filter(|name| Asked::default().add(name))
}

/// That it is told what a field's value is, or that it is not.
fn exists(name: &str, is_told: bool) -> DetectionItem {
    let field = FieldSpec::new(Some(format!("{TOLD}{name}")), vec![Modifier::Exists]);
    DetectionItem { field, values: vec![SigmaValue::Bool(is_told)] }
}
