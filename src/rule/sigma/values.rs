//! Values of an item as the evaluating crate reads them: booleans and networks. What cannot be one is refused. What an item says with its
//! values is [`restated`](super::restated)'s concern, and the tests of both are there.

use rsigma_parser::{DetectionItem, Modifier, SigmaString, SigmaValue};

use crate::{connection::cidr, text};

/// An item with values as the crate reads them.
pub(super) fn normal(item: &DetectionItem) -> Result<DetectionItem, String> {
    let mut normal = item.clone();
    if item.field.modifiers.contains(&Modifier::Cidr) {
        normal.values = item.values.iter().map(network).collect::<Result<_, _>>()?;
    }
    if item.field.modifiers.contains(&Modifier::Exists) {
        normal.values = vec![SigmaValue::Bool(existence(item)?)];
    }
    Ok(normal)
}

/// A network as the command line reads it: a bare address is its own, and one with host bits set is refused.
fn network(value: &SigmaValue) -> Result<SigmaValue, String> {
    match value {
        SigmaValue::String(text) => {
            Ok(SigmaValue::String(SigmaString::from_raw(&cidr::parse(&text.original)?.to_string())))
        }
        other => Ok(other.clone()),
    }
}

/// Whether an item with `exists` asks that its field is there: a boolean of YAML 1.1, as pySigma reads it. The parser takes those of
/// YAML 1.2 alone for more than text, and the crate takes what it does not know for true.
pub(super) fn existence(item: &DetectionItem) -> Result<bool, String> {
    let name =
        item.field.name.as_deref().ok_or("exists without a field: give it one, for example User|exists: true")?;
    let value = match item.values.as_slice() {
        [SigmaValue::Bool(value)] => return Ok(*value),
        [SigmaValue::String(text)] => text.original.clone(),
        [other] => other.to_string(),
        _ => {
            return Err(format!(
                "exists with more or less than one value: give true or false, for example {name}|exists: true"
            ));
        }
    };
    let is_one_of = |texts: &[&str]| texts.iter().any(|text| text.eq_ignore_ascii_case(&value));
    if is_one_of(&["true", "yes", "on"]) {
        return Ok(true);
    }
    if is_one_of(&["false", "no", "off"]) {
        return Ok(false);
    }
    Err(format!("exists with {}: give true or false, for example {name}|exists: true", text::quoted(&value)))
}
