//! A [`Watchlist`]: addresses, networks and names that an investigator looks out for, from a file in any of the formats.

use std::{net::IpAddr, path::Path};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    connection::cidr::CidrSet,
    label::{
        entries::{Entries, Unused},
        misp,
        names::Names,
        plain, stix,
        texts::Texts,
    },
    text,
};

/// A list.
#[derive(Debug)]
pub struct Watchlist {
    /// What it is called: a warninglist as it says itself, others as their file, without the ending.
    pub name: String,
    /// How many entries it has that are used.
    pub count: u64,
    /// Its entries that are not.
    pub unused: Unused,
    networks: CidrSet,
    names: Names,
    texts: Texts,
}

/// What of a JSON file tells what it is.
#[derive(Deserialize)]
struct Json {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    list: Option<Vec<Value>>,
    objects: Option<Vec<Value>>,
}

impl Watchlist {
    /// The list in a file with these bytes. The content decides which format it is.
    ///
    /// # Errors
    ///
    /// Text for a person: it has none of the formats, a line of it is not an entry, or nothing in it can be used.
    pub fn read(path: &Path, bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
            let is =
                if utf16 { "it is UTF-16".to_owned() } else { format!("byte {} is not UTF-8", error.valid_up_to()) };
            format!("{is}: save it as UTF-8")
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let (name, entries) = if text.trim_start().starts_with(['{', '[']) {
            let (name, entries) = json(text)?;
            (name.filter(|name| !name.trim().is_empty()).unwrap_or(stem), entries)
        } else {
            (stem, plain::read(text)?)
        };
        let Entries { networks, names, texts, count, unused } = entries;
        if count == 0 {
            let why =
                unused.first.first().map_or_else(String::new, |first| format!(", such as {}", text::quoted(first)));
            return Err(format!(
                "nothing in it can be used{why}: give addresses, networks or domain names, for example 198.51.100.0/24"
            ));
        }
        Ok(Self { name, count, unused, networks: networks.into_iter().collect(), names, texts: texts.finish()? })
    }

    /// The networks that are on it, addresses among them.
    #[must_use]
    pub fn networks(&self) -> &CidrSet {
        &self.networks
    }

    /// Whether something on it can be a name.
    #[must_use]
    pub fn has_names(&self) -> bool {
        !self.names.is_empty() || !self.texts.is_empty()
    }

    /// Whether something on it can be an address.
    #[must_use]
    pub fn has_addresses(&self) -> bool {
        !self.networks.networks().is_empty() || !self.texts.is_empty()
    }

    /// Whether an address is on it, which has this text.
    #[must_use]
    pub fn lists_address(&self, address: IpAddr, text: &str) -> bool {
        self.networks.find(address).is_some() || self.texts.have(text)
    }

    /// Whether a name is on it: a folded one, without a dot at its end.
    #[must_use]
    pub fn lists_name(&self, name: &str) -> bool {
        self.names.has(name) || self.texts.have_name(name)
    }
}

/// The entries of a file of JSON, and what it calls itself.
fn json(text: &str) -> Result<(Option<String>, Entries), String> {
    const FORM: &str = "give a MISP warninglist (name, type and list) or a STIX 2.1 bundle";
    let Json { kind, name, list, objects } = serde_json::from_str(text)
        .map_err(|error| format!("it is not a JSON list: {}; {FORM}", text::short(&error.to_string())))?;
    match (kind.as_deref(), list, objects) {
        (Some("bundle"), _, Some(objects)) => Ok((None, stix::read(&objects))),
        (Some(kind), Some(list), _) => Ok((name, misp::read(kind, &list)?)),
        _ => Err(format!("it is JSON, but neither kind of list: {FORM}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Watchlist, String> {
        Watchlist::read(Path::new(name), text.as_bytes())
    }

    #[test]
    fn a_list_is_called_as_it_says_or_as_its_file() {
        let misp = r#"{"name":"Public DNS","type":"cidr","list":["8.8.8.8/32"],"version":7,"description":"x"}"#;
        let stix = r#"{"type":"bundle","id":"bundle--1","objects":[{"type":"indicator","pattern":"[ipv4-addr:value = '8.8.8.8']"}]}"#;
        for (text, name) in [("8.8.8.8", "c2"), (misp, "Public DNS"), (stix, "c2"), ("\u{feff}8.8.8.8\n", "c2")] {
            let list = read("lists/c2.txt", text).unwrap();
            assert_eq!((list.name.as_str(), list.count), (name, 1));
            assert!(list.lists_address("8.8.8.8".parse().unwrap(), "8.8.8.8") && !list.has_names());
        }
    }

    #[test]
    fn what_is_no_list_or_has_nothing_that_can_be_used_is_refused() {
        for (text, what) in [
            ("", "nothing in it can be used"),
            ("# nothing\n", "nothing in it can be used"),
            ("{}", "neither kind of list"),
            ("[]", "it is not a JSON list"),
            ("[1]", "it is not a JSON list"),
            (r#"{"type":"bundle","objects":[]}"#, "nothing in it can be used"),
            (r#"{"type":"string","name":"x","list":["a b"]}"#, "such as \"a b\""),
            (r#"{"type":"hash","list":["x"]}"#, "the types are"),
            (r#"{"type":"cidr","list":"#, "it is not a JSON list"),
            ("nonsense!\n", "line 1: \"nonsense!\" is neither"),
        ] {
            let error = read("x", text).unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
        let long = "x".repeat(1 << 20);
        for text in [format!(r#"{{"list": "{long}"}}"#), format!(r#"{{"type": "{long}", "name": "x", "list": []}}"#)] {
            assert!(read("x", &text).unwrap_err().len() < 600);
        }
        assert!(Watchlist::read(Path::new("x"), b"\xff\xfe1\0").unwrap_err().contains("UTF-16"));
        assert!(Watchlist::read(Path::new("x"), b"a\x80").unwrap_err().contains("byte 1 is not UTF-8"));
    }
}
