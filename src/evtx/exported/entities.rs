//! The five entities that XML defines itself, such as `&amp;`.

/// What one of them stands for. Source: <https://www.w3.org/TR/xml/#sec-predefined-ent>.
pub(super) fn predefined(name: &str) -> Option<&'static str> {
    match name {
        "lt" => Some("<"),
        "gt" => Some(">"),
        "amp" => Some("&"),
        "apos" => Some("'"),
        "quot" => Some("\""),
        _ => None,
    }
}

/// Text without the entities that XML defines itself.
pub(super) fn unescaped(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        whole.push_str(before);
        let entity = behind.split_once(';').and_then(|(name, behind)| Some((predefined(name)?, behind)));
        let (text, behind) = entity.unwrap_or(("&", behind));
        whole.push_str(text);
        rest = behind;
    }
    whole + rest
}
