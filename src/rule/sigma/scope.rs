//! Which rules are about connections: those of their log sources that can be evaluated over EventID 3, compiled.

use std::collections::BTreeSet;

use rsigma_eval::CompiledRule;
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, LogSource, Modifier, SigmaRule, SigmaString, SigmaValue,
};

use crate::{
    evtx::event::EVENT_ID,
    rule::sigma::{
        names, restated,
        untold::{self, Possible},
        view::View,
    },
};

/// A rule as it is evaluated over connections, or why it cannot be.
pub(super) fn compile(rule: &SigmaRule) -> Result<CompiledRule, String> {
    let LogSource { category, product, service, .. } = &rule.logsource;
    let is = |text: &Option<String>, expected: &str| text.as_deref() == Some(expected);
    let on_windows = product.is_none() || is(product, "windows");
    let is_ours = (is(category, "network_connection") && service.as_deref().is_none_or(|name| name == "sysmon"))
        || (category.is_none() && is(service, "sysmon"));
    if !on_windows || !is_ours {
        let part = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
        let parts = [part("product", product), part("category", category), part("service", service)];
        let source = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        return Err(format!(
            "another log source ({source}): windows network_connection, or sysmon with EventID 3, is read"
        ));
    }
    if let Some(name) = placeholder(&rule.detection) {
        return Err(format!("it needs the placeholder of {name} expanded, and no value is known for it"));
    }
    let compiled = restated::compile(rule)?;
    if !can_be_of_connection(rule) {
        return Err("it looks for other events than EventID 3".to_owned());
    }
    Ok(compiled)
}

/// The id of Sysmon's connections, and those of Security-Auditing's.
const CONNECTION: &str = "3";
const OF_SECURITY: [&str; 2] = ["5156", "5157"];
/// What stands for any other.
const OTHER: &str = "0";

/// Whether a rule can match an event with the id of a connection, whatever else is in it. One that names ids has to name Sysmon's.
fn can_be_of_connection(rule: &SigmaRule) -> bool {
    let mut decided = rule.clone();
    decided.detection.named.values_mut().for_each(|detection| decide(detection, rule));
    let possible = Possible { is_told: |_| true, can_be: |name, text| name != EVENT_ID || text == CONNECTION };
    untold::keeping(&decided, possible).is_empty()
}

/// Puts the name of another id in the place of each item that holds of no connection's.
fn decide(detection: &mut Detection, rule: &SigmaRule) {
    match detection {
        Detection::AllOf(items) => {
            for item in items.iter_mut().filter(|item| item.field.name.as_deref().is_some_and(is_id)) {
                if !holds_of_connection(item, rule) {
                    item.field.modifiers.clear();
                    item.values = vec![SigmaValue::String(SigmaString::from_raw(OTHER))];
                }
            }
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().for_each(|part| decide(part, rule)),
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
    }
}

/// Whether an item about the id can hold of a connection.
fn holds_of_connection(item: &DetectionItem, rule: &SigmaRule) -> bool {
    let mut alone = rule.clone();
    alone.detection.named = [("s".to_owned(), Detection::AllOf(vec![item.clone()]))].into();
    alone.detection.conditions = vec![ConditionExpr::Identifier("s".to_owned())];
    let Ok(compiled) = restated::compile(&alone) else { return true };
    let holds = |id: &str| {
        let system = [(EVENT_ID.to_owned(), id.to_owned())];
        rsigma_eval::evaluate_rule(&compiled, &View::of_pairs(&[], &system)).is_some()
    };
    // What it holds of depends on another field.
    item.field.modifiers.contains(&Modifier::FieldRef) || holds(CONNECTION) || OF_SECURITY.into_iter().any(holds)
}

fn is_id(name: &str) -> bool {
    names::canonical(name) == EVENT_ID
}

/// The base names of the processes that it names whole, in lower case, whether it looks for them or leaves them out.
pub(super) fn processes(detections: &Detections) -> BTreeSet<String> {
    let images = items(detections).filter(|(name, ..)| name.map(names::canonical).as_deref() == Some("Image"));
    let texts = images.flat_map(|(_, _, values)| values).filter_map(|value| match value {
        SigmaValue::String(text) => Some(text.original.to_ascii_lowercase()),
        _ => None,
    });
    let names = texts.filter_map(|text| text.rsplit(['\\', '*']).next().map(str::to_owned));
    names.filter(|name| name.strip_suffix(".exe").is_some()).collect()
}

/// The first field with a placeholder.
fn placeholder(detections: &Detections) -> Option<String> {
    items(detections)
        .find(|(_, modifiers, _)| modifiers.contains(&Modifier::Expand))
        .map(|(name, ..)| name.unwrap_or("a keyword").to_owned())
}

type Item<'a> = (Option<&'a str>, &'a [Modifier], &'a [SigmaValue]);

fn items(detections: &Detections) -> impl Iterator<Item = Item<'_>> {
    let mut items = Vec::new();
    detections.named.values().for_each(|detection| collect(detection, &mut items));
    items.into_iter()
}

fn collect<'a>(detection: &'a Detection, items: &mut Vec<Item<'a>>) {
    match detection {
        Detection::AllOf(all) => {
            items.extend(all.iter().map(|item| (item.field.name.as_deref(), &*item.field.modifiers, &*item.values)));
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| collect(part, items)),
        Detection::ArrayMatch { body, .. } => collect(body, items),
        Detection::Conditional { named, .. } => named.values().for_each(|part| collect(part, items)),
        Detection::Keywords(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_loaded_if_it_can_match_events_with_the_id_of_connections() {
        let load = |detection: &str| {
            let yaml =
                format!("title: t\nlogsource: {{service: sysmon, product: windows}}\ndetection: {{{detection}}}\n");
            compile(&rsigma_parser::parse_sigma_yaml(&yaml).unwrap().rules[0]).map(drop)
        };
        for detection in [
            "s: {EventID: 3}, condition: s",
            "s: {EventID: '3'}, condition: s",
            "s: {EventID: [1, 3]}, condition: s",
            "s: {Image: x}, f: {EventID: 1}, condition: s and not f",
            "s: {Image: x}, f: {EventID: 1}, condition: s and not 1 of f*",
            "s: {EventID: 1}, t: {Image: x}, condition: s or t",
            "s: [{EventID: 1}, {Image: x}], condition: s",
            "s: {EventID: 1}, t: {Image: x}, condition: 1 of them",
            "s: {EventID|gte: 2}, condition: s",
            "s: {EventID|gt: 2, EventID|lt: 4}, condition: s",
            "s: {EventID: '3*'}, condition: s",
            "s: {EventID|startswith: 3}, condition: s",
            "s: {EventID|re: '^(3|22)$'}, condition: s",
            "s: {Event.System.EventID: '?'}, condition: s",
            "s: {EventID|neq: 1}, condition: s",
            "s: {EventID|neq: 3}, condition: s",
            "s: {EventID|gte: 4}, condition: s",
            "s: {Image: x}, f: {EventID: 3}, condition: s and not f",
            "s: {EventID|exists: yes}, condition: s",
            "s: {EventID|fieldref: Version}, condition: s",
        ] {
            assert_eq!(load(detection), Ok(()), "{detection}");
        }
        for detection in [
            "s: {EventID: 1}, condition: s",
            "s: {EventID: [1, 22], Image: x}, condition: s",
            "s: {EventID: 1}, t: {Image: x}, condition: s and t",
            "s: {EventID: 1}, t: {EventID: 22}, condition: s or t",
            "s: {EventID|gte: 6000}, condition: s",
            "s: {EventID: '2*'}, condition: s",
            "s: {EventID|re: '^(13|22)$'}, condition: s",
            "s: {EventID|neq: [3, 5156, 5157]}, condition: s",
            "s: {EventID|exists: false}, condition: s",
            "s: {System.EventID: 5156}, condition: s",
        ] {
            assert_eq!(load(detection), Err("it looks for other events than EventID 3".to_owned()), "{detection}");
        }
        // What is wrong with it otherwise comes first.
        assert!(load("s: {EventID|contains|startswith: 1}, condition: s").unwrap_err().contains("more than one of"));
    }
}
