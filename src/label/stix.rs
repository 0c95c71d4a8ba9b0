//! A STIX 2.1 bundle: its indicators whose pattern is one comparison of an address or a domain name.

use serde_json::Value;

use crate::label::{entries::Entries, names::Reach};

/// Reads the indicators among the objects of a bundle. A domain name stands for itself alone, as the comparison says. Indicators with
/// other patterns are not used, nor are those that were revoked.
pub(super) fn read(objects: &[Value]) -> Entries {
    let mut entries = Entries::default();
    let text = |object: &'_ Value, name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    for object in objects.iter().filter(|object| text(object, "type").as_deref() == Some("indicator")) {
        let pattern = text(object, "pattern").unwrap_or_default();
        let is_stix = text(object, "pattern_type").is_none_or(|kind| kind == "stix");
        let is_revoked = object.get("revoked").and_then(Value::as_bool).unwrap_or(false);
        let is_used = is_stix && !is_revoked && add(&mut entries, &pattern);
        if !is_used {
            let why = if is_revoked { " (revoked)" } else { "" };
            let name = text(object, "name").or_else(|| text(object, "id")).unwrap_or_default();
            entries.leave(&format!("{name}: {pattern}{why}"));
        }
    }
    entries
}

/// Adds what a pattern compares with. Returns whether it is such a pattern.
fn add(entries: &mut Entries, pattern: &str) -> bool {
    let Some((path, comparison, value)) = comparison(pattern) else { return false };
    match (path, comparison) {
        ("ipv4-addr:value" | "ipv6-addr:value", "=" | "ISSUBSET") => entries.add_network(&value),
        ("domain-name:value", "=") => entries.add_name(&value, Reach::Exact),
        _ => false,
    }
}

/// The path, the comparison and the text of a pattern that is one comparison, as in `[ipv4-addr:value = '198.51.100.1']`.
fn comparison(pattern: &str) -> Option<(&str, &str, String)> {
    let inside = pattern.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let (before, literal) = inside.split_at(inside.find('\'')?);
    let before = before.trim_end();
    let (path, comparison) = match before.strip_suffix('=') {
        Some(path) => (path.trim_end(), "="),
        None => before.rsplit_once(char::is_whitespace)?,
    };
    Some((path.trim_end(), comparison, unquoted(literal)?))
}

/// What is between the quotation marks of a literal; nothing if there is something behind it.
fn unquoted(literal: &str) -> Option<String> {
    let mut chars = literal.strip_prefix('\'')?.chars();
    let mut value = String::new();
    loop {
        match chars.next()? {
            '\'' => return chars.as_str().is_empty().then_some(value),
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_of_one_comparison_are_used_and_others_are_counted_and_named() {
        let used = [
            "[ipv4-addr:value = '198.51.100.1']",
            " [ ipv4-addr:value='198.51.100.0/24' ] ",
            "[ipv6-addr:value ISSUBSET '2001:db8::/32']",
            "[domain-name:value = 'Evil.test']",
        ];
        let unused = [
            "[ipv4-addr:value = '198.51.100.1' OR ipv4-addr:value = '198.51.100.2']",
            "[ipv4-addr:value = '198.51.100.1'] AND [domain-name:value = 'x.test']",
            "[ipv4-addr:value != '198.51.100.1']",
            "[ipv4-addr:value NOT ISSUBSET '198.51.100.0/24']",
            "[ipv4-addr:value = 'x']",
            "[domain-name:value LIKE '%.test']",
            "[domain-name:value = 'a' b']",
            "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",
            "[url:value = 'http://x.test/']",
            "[domain-name:value = 'x.test",
            "",
        ];
        let indicator = |pattern: &str| json!({"type": "indicator", "name": "one", "pattern": pattern});
        let mut objects: Vec<Value> = used.iter().chain(&unused).map(|pattern| indicator(pattern)).collect();
        objects.push(json!({"type": "indicator", "pattern": used[0], "revoked": true, "id": "indicator--1"}));
        objects.push(json!({"type": "indicator", "pattern": used[0], "pattern_type": "snort"}));
        objects.push(json!({"type": "malware", "name": "x"}));
        objects.push(json!(7));
        let entries = read(&objects);
        assert_eq!((entries.count, entries.unused.count), (used.len() as u64, unused.len() as u64 + 2));
        assert!(entries.unused.first[0].starts_with("one: [ipv4-addr:value = '198.51.100.1' OR"));
        assert!(entries.names.has("evil.test") && !entries.names.has("x.evil.test"));
    }
}
