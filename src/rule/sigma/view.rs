//! A [`View`]: a connection as Sigma rules see it, field by field as Windows renders them: `Initiated` is `true`,
//! `DestinationPort` is `443`. Behind its own fields are those of its process, where that is known. Keywords are looked for in its own and
//! in `System`.
//!
//! An IPv4-mapped IPv6 address is shown as the IPv4 address that it is, so that `cidr` sees its network. Where else the evaluating crate
//! and the Sigma specification differ, [`restated`](super::restated) makes up for it.

use std::{borrow::Cow, net::IpAddr};

use rsigma_eval::event::{Event as Fields, EventValue};
use serde_json::Value;

use crate::{
    connection::started::{self, COMMAND_LINE, TELLS_ALL},
    evtx::event::Event,
    rule::sigma::{
        asking::{KNOWN, TOLD},
        beside::{Beside, HOSTNAME},
        names,
    },
};

/// The fields that hold addresses.
const ADDRESSES: [&str; 2] = ["DestinationIp", "SourceIp"];

/// A connection's fields by their names in the log.
pub(super) struct View<'a> {
    data: Data<'a>,
    process: Process<'a>,
    /// The name that stands in the place of one that is not stated.
    name: Option<&'a str>,
}

enum Data<'a> {
    Event(&'a Event<'a>),
    Pairs { data: &'a [(String, String)], system: &'a [(String, String)] },
}

/// What is known of the process behind it.
#[derive(Clone, Copy)]
enum Process<'a> {
    Unknown,
    Start(&'a started::Start),
    Pairs(&'a [(String, String)]),
}

impl<'a> View<'a> {
    /// Of an event and what is known beside it. The queried name of this number stands in the place of one that is not stated.
    pub(super) fn of_event(event: &'a Event<'a>, beside: &'a Beside<'a>, number: usize) -> Self {
        let process = beside.process.map_or(Process::Unknown, Process::Start);
        Self { data: Data::Event(event), process, name: beside.names.get(number).copied() }
    }

    /// Of fields that were kept: those of the `EventData`, and the members of `System`.
    pub(super) fn of_pairs(data: &'a [(String, String)], system: &'a [(String, String)]) -> Self {
        Self { data: Data::Pairs { data, system }, process: Process::Unknown, name: None }
    }

    /// The same, with the fields of its process that were kept, if that is known.
    pub(super) fn with_process(self, process: Option<&'a [(String, String)]>) -> Self {
        Self { process: process.map_or(Process::Unknown, Process::Pairs), ..self }
    }

    /// The values of its event: those of the `EventData` and of `System`. No chunk is ruled out by what keywords look for.
    fn values(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self.data {
            Data::Event(event) => {
                let data = event.data.iter().map(|(_, value)| &**value);
                Box::new(data.chain(event.system().map(|(_, value)| value)))
            }
            Data::Pairs { data, system } => Box::new(data.iter().chain(system).map(|(_, value)| &**value)),
        }
    }

    fn of_data(&self, name: &str) -> Option<&str> {
        match self.data {
            Data::Event(event) => event.field(name),
            Data::Pairs { data, .. } => value(data, name),
        }
    }

    /// The queried name, if this is the field that it stands in.
    fn of_query(&self, name: &str) -> Option<&str> {
        self.name.filter(|_| names::canonical(name) == HOSTNAME)
    }

    fn of_process(&self, name: &str) -> Option<&str> {
        match self.process {
            Process::Unknown => None,
            Process::Start(start) => start.value(name),
            Process::Pairs(pairs) => value(pairs, name),
        }
    }

    fn of_system(&self, name: &str) -> Option<&str> {
        match self.data {
            Data::Event(event) => event.system().find(|(member, _)| *member == name).map(|(_, value)| value),
            Data::Pairs { system, .. } => value(system, name),
        }
    }

    /// A field's text as the log has it. What the record calls by this name itself comes first.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        if name == KNOWN {
            let is_known = !matches!(self.process, Process::Unknown) || self.of_data(COMMAND_LINE).is_some();
            return is_known.then_some("known");
        }
        if let Some(name) = name.strip_prefix(TOLD) {
            let tells_all = match self.process {
                Process::Unknown => false,
                Process::Start(start) => start.tells_all(),
                Process::Pairs(pairs) => value(pairs, TELLS_ALL).is_some(),
            };
            // Some agents write it into the connection's own event.
            let is_told = tells_all || self.of_process(name).is_some() || self.of_data(COMMAND_LINE).is_some();
            return is_told.then_some("told");
        }
        self.of_query(name).or_else(|| self.of_data(name)).or_else(|| {
            let name = names::canonical(name);
            self.of_system(&name).or_else(|| self.of_data(&name)).or_else(|| self.of_process(&name))
        })
    }
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

impl Fields for View<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        let text = self.field(path)?;
        let mapped = || match text.parse::<IpAddr>().ok()? {
            IpAddr::V6(address) => address.to_ipv4_mapped(),
            IpAddr::V4(_) => None,
        };
        // Only IPv6 has a colon, and most values have none.
        let may_be_mapped = text.contains(':') && ADDRESSES.contains(&&*names::canonical(path));
        match may_be_mapped.then(mapped).flatten() {
            Some(address) => Some(EventValue::Str(Cow::Owned(address.to_string()))),
            None => Some(EventValue::Str(Cow::Borrowed(text))),
        }
    }

    fn any_string_value(&self, predicate: &dyn Fn(&str) -> bool) -> bool {
        self.values().any(predicate)
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        self.values().map(Cow::Borrowed).collect()
    }

    /// Nothing: what a rule matched is not asked for.
    fn to_json(&self) -> Value {
        Value::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, text: &str) -> Option<String> {
        let pairs = [(name.to_owned(), text.to_owned())];
        let view = View::of_pairs(&pairs, &[]);
        view.get_field(name).and_then(|value| value.as_str().map(Cow::into_owned))
    }

    #[test]
    fn mapped_addresses_are_ipv4_and_everything_else_is_as_windows_shows_it() {
        assert_eq!(value("DestinationIp", "::ffff:10.0.0.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(value("DestinationIp", "0:0:0:0:0:ffff:a00:1").as_deref(), Some("10.0.0.1"));
        assert_eq!(value("DestinationIp", "0:0:0:0:0:0:0:1").as_deref(), Some("0:0:0:0:0:0:0:1"));
        assert_eq!(value("Image", "::ffff:10.0.0.1").as_deref(), Some("::ffff:10.0.0.1"));
    }

    #[test]
    fn a_field_is_found_by_its_path_too_and_what_the_record_names_itself_comes_first() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let (data, system) = (pairs(&[("DestinationIp", "::ffff:a00:1"), ("UserID", "x")]), pairs(&[("Level", "4")]));
        let view = View::of_pairs(&data, &system);
        let value = |name| view.get_field(name).and_then(|value| value.as_str().map(Cow::into_owned));
        assert_eq!(value("Event.EventData.DestinationIp").as_deref(), Some("10.0.0.1"));
        assert_eq!(value("Event.System.Level").as_deref(), Some("4"));
        assert_eq!(value("UserID").as_deref(), Some("x"));
        assert_eq!(value("Opcode"), None);
    }
}
