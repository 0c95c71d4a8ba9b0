//! Which rules are about connections: those of their log sources that can be evaluated over EventID 3, compiled.

use std::collections::BTreeSet;

use rsigma_eval::CompiledRule;
use rsigma_parser::{Detection, Detections, LogSource, Modifier, SigmaRule, SigmaValue};

use crate::rule::sigma::{names, restated};

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
    let ids: Vec<&SigmaValue> = items(&rule.detection)
        .filter(|(name, ..)| name.map(names::canonical).as_deref() == Some("EventID"))
        .flat_map(|(_, _, v)| v)
        .collect();
    let is_3 = |value: &&SigmaValue| match value {
        SigmaValue::Integer(id) => *id == 3,
        SigmaValue::String(text) => text.original == "3",
        _ => false,
    };
    if !ids.is_empty() && !ids.iter().any(is_3) {
        return Err("it looks for other events than EventID 3".to_owned());
    }
    restated::compile(rule)
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
