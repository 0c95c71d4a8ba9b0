//! A [`View`]: a connection as Sigma rules see it, field by field as Windows renders them: `Initiated` is `true`,
//! `DestinationPort` is `443`.
//!
//! Where the evaluating crate and the Sigma specification differ, it is made up for here and nowhere else. What is:
//!
//! - An IPv4-mapped IPv6 address is shown as the IPv4 address that it is, so that `cidr` sees its network.
//!
//! (What it takes a correlation for is made up for in `correlation::as_specified`.)

use std::{borrow::Cow, net::IpAddr};

use rsigma_eval::event::{Event as Fields, EventValue};
use serde_json::Value;

use crate::event::Event;

/// The fields that hold addresses.
const ADDRESSES: [&str; 2] = ["DestinationIp", "SourceIp"];

/// A connection's fields by their names in the log.
pub(super) struct View<'a> {
    computer: &'a str,
    data: Data<'a>,
    /// By what a correlation knows it.
    id: usize,
}

enum Data<'a> {
    Event(&'a Event<'a>),
    Pairs(&'a [(String, String)]),
}

impl<'a> View<'a> {
    pub(super) fn of_event(event: &'a Event<'a>) -> Self {
        Self { computer: &event.computer, data: Data::Event(event), id: 0 }
    }

    /// Of fields that were kept, `Computer` among them.
    pub(super) fn of_pairs(data: &'a [(String, String)], id: usize) -> Self {
        Self { computer: "", data: Data::Pairs(data), id }
    }

    fn pairs(&self) -> Box<dyn Iterator<Item = (&str, &str)> + '_> {
        match self.data {
            Data::Event(event) => Box::new(event.data.iter().map(|(name, value)| (&**name, &**value))),
            Data::Pairs(pairs) => Box::new(pairs.iter().map(|(name, value)| (&**name, &**value))),
        }
    }

    /// A field's text as the log has it.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let found = match self.data {
            Data::Event(event) => event.field(name),
            Data::Pairs(pairs) => pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()),
        };
        found.or_else(|| self.of_system(name))
    }

    /// Fields that are not of the `EventData`.
    fn of_system(&self, name: &str) -> Option<&str> {
        match name {
            "EventID" => Some("3"),
            "Provider_Name" => Some(crate::sysmon::PROVIDER),
            "Computer" if !self.computer.is_empty() => Some(self.computer),
            _ => None,
        }
    }
}

impl Fields for View<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        let text = self.field(path)?;
        let mapped = || match text.parse::<IpAddr>().ok()? {
            IpAddr::V6(address) => address.to_ipv4_mapped(),
            IpAddr::V4(_) => None,
        };
        match ADDRESSES.contains(&path).then(mapped).flatten() {
            Some(address) => Some(EventValue::Str(Cow::Owned(address.to_string()))),
            None => Some(EventValue::Str(Cow::Borrowed(text))),
        }
    }

    fn any_string_value(&self, predicate: &dyn Fn(&str) -> bool) -> bool {
        self.pairs().any(|(_, value)| predicate(value))
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        self.pairs().map(|(_, value)| Cow::Borrowed(value)).collect()
    }

    /// What a correlation keeps of it: its id.
    fn to_json(&self) -> Value {
        serde_json::json!({ "id": self.id.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, text: &str) -> Option<String> {
        let pairs = [(name.to_owned(), text.to_owned())];
        let view = View::of_pairs(&pairs, 0);
        view.get_field(name).and_then(|value| value.as_str().map(Cow::into_owned))
    }

    #[test]
    fn mapped_addresses_are_ipv4_and_everything_else_is_as_windows_shows_it() {
        assert_eq!(value("DestinationIp", "::ffff:10.0.0.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(value("DestinationIp", "0:0:0:0:0:ffff:a00:1").as_deref(), Some("10.0.0.1"));
        assert_eq!(value("DestinationIp", "0:0:0:0:0:0:0:1").as_deref(), Some("0:0:0:0:0:0:0:1"));
        assert_eq!(value("Image", "::ffff:10.0.0.1").as_deref(), Some("::ffff:10.0.0.1"));
        assert_eq!(value("EventID", "3").as_deref(), Some("3"));
    }
}
