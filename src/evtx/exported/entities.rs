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

/// The longest name of one, in bytes.
const LONGEST_NAME: usize = 4;

/// Text without the entities that XML defines itself.
pub(super) fn unescaped(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        whole.push_str(before);
        let (text, behind) = entity(behind).unwrap_or(("&", behind));
        whole.push_str(text);
        rest = behind;
    }
    whole + rest
}

/// What the entity stands for whose name starts here, and what is behind it. Its end is not looked for further than it can be: a text of
/// nothing but `&` has none.
fn entity(text: &str) -> Option<(&'static str, &str)> {
    let end = text.bytes().take(LONGEST_NAME + 1).position(|byte| byte == b';')?;
    Some((predefined(text.get(..end)?)?, text.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of each was looked for through all that is behind it: together that took minutes.
    #[test]
    fn what_starts_like_an_entity_and_has_no_end_is_looked_through_once() {
        let text = "&".repeat(4 << 20);
        assert!(unescaped(&text) == text);
        assert!(unescaped(&format!("{text};")) == format!("{text};"));
        assert_eq!(unescaped("&quot;&apos;&amp;lt;&lt;&toolong;&;&ää;&am"), "\"'&lt;<&toolong;&;&ää;&am");
    }
}
