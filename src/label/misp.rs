//! A MISP warninglist: JSON with a `name`, a `type` and a `list` of texts, as <https://github.com/MISP/misp-warninglists> has them.

use serde_json::Value;

use crate::{
    label::{entries::Entries, names::Reach},
    text,
};

/// The types that a list can be of.
const TYPES: [&str; 6] = ["cidr", "string", "hostname", "substring", "regex", "list"];

/// Reads the entries of a list of a type. Those that can be nothing that a connection has, such as hashes, are not used.
///
/// # Errors
///
/// There is no such type.
pub(super) fn read(kind: &str, list: &[Value]) -> Result<Entries, String> {
    let add: fn(&mut Entries, &str) -> bool = match kind {
        "cidr" => Entries::add_network,
        // An exact text: that of an address, or a name alone.
        "string" | "list" => |entries, text| entries.add_network(text) || entries.add_name(text, Reach::Exact),
        "hostname" => |entries, text| {
            entries.add_network(text) || entries.add_name(text.strip_prefix('.').unwrap_or(text), Reach::WithBelow)
        },
        "substring" => Entries::add_part,
        "regex" => |entries, text| entries.add_expression(expression(text)),
        _ => {
            let kind = text::quoted(&text::short(kind));
            return Err(format!("a warninglist of type {kind}: the types are {}", TYPES.join(", ")));
        }
    };
    let mut entries = Entries::default();
    for entry in list {
        match entry.as_str().map(str::trim) {
            Some(text) if add(&mut entries, text) => {}
            Some(text) => entries.leave(text),
            None => entries.leave(&entry.to_string()),
        }
    }
    Ok(entries)
}

/// A regular expression without the slashes that PHP has around one, and the letters behind it: case makes no difference here.
fn expression(text: &str) -> &str {
    let inside = text.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    inside.filter(|(_, flags)| flags.bytes().all(|byte| byte.is_ascii_lowercase())).map_or(text, |(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_list(kind: &str, list: &[&str]) -> Entries {
        let list: Vec<Value> = list.iter().map(|&text| text.into()).collect();
        read(kind, &list).unwrap()
    }

    #[test]
    fn each_type_is_read_as_what_it_is() {
        let networks = |entries: &Entries| entries.networks.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(networks(&read_list("cidr", &["10.1.2.3/8", "192.0.2.1"])), ["10.0.0.0/8", "192.0.2.1/32"]);
        let string = read_list("string", &["8.8.8.8", "Dns.Google", "d41d8cd9 8f00"]);
        assert_eq!((networks(&string), string.unused.count), (vec!["8.8.8.8/32".to_owned()], 1));
        assert!(string.names.has("dns.google") && !string.names.has("x.dns.google"));
        let hostname = read_list("hostname", &[".evil.test"]);
        assert!(hostname.names.has("evil.test") && hostname.names.has("x.evil.test"));
        let texts = read_list("substring", &["dyndns", ""]);
        assert_eq!((texts.count, texts.unused.count), (1, 1));
        assert!(texts.texts.finish().unwrap().have("a.dyndns.org"));
        let regex = read_list("regex", &["/^x\\d+$/i", "(?<!a)b"]);
        assert_eq!(regex.unused.first, ["(?<!a)b"]);
        assert!(regex.texts.finish().unwrap().have("x12"));
    }

    #[test]
    fn other_types_are_refused_and_entries_that_are_no_text_are_left() {
        assert!(read("hash", &[]).unwrap_err().contains("cidr, string, hostname"));
        assert_eq!(read("cidr", &[json!(7), json!({})]).unwrap().unused.count, 2);
    }
}
