//! The names by which rules ask for what a connection has, and [`Unknown`] ones, which none has.
//!
//! A field of the `EventData` has the name that Sysmon gives it. A member of `System` has several: that of Sigma's
//! collection, of an alias of Hayabusa's or Zircolite's, or its path in a record that the `evtx` crate renders, in either of
//! its two forms. Names are compared letter by letter, as Sigma has it. A field of EventID 1 is of the process behind a connection.

use std::{borrow::Cow, fmt};

use rsigma_parser::{
    CorrelationCondition, CorrelationRule, Detection, DetectionItem, Detections, Modifier, SigmaValue,
};

use crate::{
    connection::{
        started::{self, Asked},
        sysmon::FIELDS,
    },
    text,
};

/// The members of `System` as [`crate::evtx::event::Event::system`] names them, and other names of each.
/// Source: the event schema of Windows, type `SystemPropertiesType`.
const SYSTEM: [(&str, &[&str]); 17] = [
    ("Provider_Name", &["Provider", "ProviderName", "SourceName"]),
    ("Provider_Guid", &["ProviderGuid"]),
    ("EventID", &[]),
    ("EventID_Qualifiers", &["Qualifiers"]),
    ("Version", &[]),
    ("Level", &[]),
    ("Task", &[]),
    ("Opcode", &[]),
    ("Keywords", &[]),
    ("TimeCreated_SystemTime", &["TimeCreated", "SystemTime"]),
    ("EventRecordID", &["EventRecordId", "RecordID"]),
    ("Correlation_ActivityID", &["ActivityID", "CorrelationActivityID"]),
    ("Execution_ProcessID", &["ExecutionProcessID"]),
    ("Execution_ThreadID", &["ExecutionThreadID"]),
    ("Channel", &[]),
    ("Computer", &["ComputerName", "Computername"]),
    ("Security_UserID", &["UserID", "SecurityUserID"]),
];

/// The name in the record of what a rule asks for: of the `EventData`, or of a member of `System`. A name that is not known
/// is what it is.
pub(super) fn canonical(name: &str) -> Cow<'_, str> {
    let path = name.strip_prefix("Event.").unwrap_or(name);
    if let Some(field) = path.strip_prefix("EventData.") {
        return Cow::Borrowed(field);
    }
    let path = path.strip_prefix("System.").unwrap_or(path);
    let joined = match path.split_once('.') {
        None => Cow::Borrowed(path),
        Some((element, attribute)) => {
            let element = element.strip_suffix("_attributes").unwrap_or(element);
            let attribute = attribute.strip_prefix("#attributes.").unwrap_or(attribute);
            Cow::Owned(format!("{element}_{attribute}"))
        }
    };
    let is_it = |(member, others): &&(&str, &[&str])| *member == joined || others.contains(&&*joined);
    SYSTEM.iter().find(is_it).map_or(Cow::Borrowed(name), |(member, _)| Cow::Borrowed(*member))
}

/// Whether a connection or the process behind it can have a field by this name.
fn is_known(name: &str) -> bool {
    let name = canonical(name);
    FIELDS.contains(&&*name) || started::FIELDS.contains(&&*name) || SYSTEM.iter().any(|(member, _)| *member == name)
}

/// A field that no connection has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown {
    /// Its name in the rule.
    pub name: String,
    /// The field whose name is most like it, if any is.
    pub nearest: Option<&'static str>,
}

impl Unknown {
    /// A name, if no connection has a field by it.
    fn of(name: &str) -> Option<Self> {
        if is_known(name) {
            return None;
        }
        let names = FIELDS.into_iter().chain(started::FIELDS).chain(SYSTEM.iter().map(|(member, _)| *member));
        Some(Self { name: name.to_owned(), nearest: text::nearest(name, names) })
    }
}

impl fmt::Display for Unknown {
    /// As a sentence, as in `no connection has a field "DestinationHostName" (did you mean DestinationHostname?)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection has a field {:?}", self.name)?;
        self.nearest.map_or(Ok(()), |nearest| write!(f, " (did you mean {nearest}?)"))
    }
}

/// The fields that detections ask for and no connection has, each once.
pub(super) fn unknown_in_detections(detections: &Detections) -> Vec<Unknown> {
    unknown(in_detections(detections).into_iter())
}

/// The fields that a correlation counts or groups by and no connection has, each once.
pub(super) fn unknown_in_correlation(rule: &CorrelationRule) -> Vec<Unknown> {
    unknown(in_correlation(rule))
}

/// What detections ask of the process behind a connection.
pub(super) fn asked_in_detections(detections: &Detections) -> Asked {
    asked(in_detections(detections).into_iter())
}

/// What a correlation counts or groups by of it.
pub(super) fn asked_in_correlation(rule: &CorrelationRule) -> Asked {
    asked(in_correlation(rule))
}

pub(super) fn asked<'a>(names: impl Iterator<Item = &'a str>) -> Asked {
    let mut asked = Asked::default();
    for name in names {
        asked.add(&canonical(name));
    }
    asked
}

fn in_detections(detections: &Detections) -> Vec<&str> {
    let mut names = Vec::new();
    detections.named.values().for_each(|detection| collect(detection, &mut names));
    names
}

fn in_correlation(rule: &CorrelationRule) -> impl Iterator<Item = &str> {
    let counted = match &rule.condition {
        CorrelationCondition::Threshold { field, .. } => field.as_deref().unwrap_or_default(),
        CorrelationCondition::Extended(_) => &[],
    };
    let is_alias = |name: &&str| rule.aliases.iter().any(|alias| alias.alias == **name);
    let own = rule.group_by.iter().chain(counted).map(String::as_str).filter(move |name| !is_alias(name));
    let of_aliases = rule.aliases.iter().flat_map(|alias| alias.mapping.values().map(String::as_str));
    own.chain(of_aliases)
}

fn unknown<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Unknown> {
    let mut unknown: Vec<Unknown> = names.filter_map(Unknown::of).collect();
    unknown.sort();
    unknown.dedup();
    unknown
}

/// The names of the fields that an item looks at: its own, and those that its values refer to.
pub(super) fn of_item(item: &DetectionItem) -> impl Iterator<Item = &str> {
    let others = item.values.iter().filter(|_| item.field.modifiers.contains(&Modifier::FieldRef));
    let others = others.filter_map(|value| match value {
        SigmaValue::String(text) => Some(text.original.as_str()),
        _ => None,
    });
    item.field.name.as_deref().into_iter().chain(others)
}

/// The names of fields in a detection, those that values refer to among them.
pub(super) fn collect<'a>(detection: &'a Detection, names: &mut Vec<&'a str>) {
    match detection {
        Detection::AllOf(items) => names.extend(items.iter().flat_map(of_item)),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| collect(part, names)),
        // Its body is about the members of a list, which no field of a connection is.
        Detection::ArrayMatch { field, .. } => names.push(field),
        Detection::Conditional { named, .. } => named.values().for_each(|part| collect(part, names)),
        Detection::Keywords(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_of_system_has_the_names_that_collections_of_rules_give_it() {
        for (member, _) in SYSTEM {
            assert_eq!(canonical(member), member);
            if let Some((element, attribute)) = member.split_once('_') {
                for path in [
                    format!("Event.System.{element}_attributes.{attribute}"),
                    format!("Event.System.{element}.#attributes.{attribute}"),
                    format!("Event.System.{element}.{attribute}"),
                    format!("System.{element}_attributes.{attribute}"),
                ] {
                    assert_eq!(canonical(&path), member, "{path}");
                }
            } else {
                assert_eq!(canonical(&format!("Event.System.{member}")), member);
            }
        }
        for (name, member) in [
            ("UserID", "Security_UserID"),
            ("TimeCreated", "TimeCreated_SystemTime"),
            ("Event.System.Provider", "Provider_Name"),
            ("Event.EventData.DestinationIp", "DestinationIp"),
            ("Image", "Image"),
        ] {
            assert_eq!(canonical(name), member);
        }
    }

    #[test]
    fn an_unknown_field_is_named_with_the_nearest() {
        let nearest = |name| Unknown::of(name).map(|unknown| unknown.nearest);
        assert_eq!(nearest("DestinationHostName"), Some(Some("DestinationHostname")));
        assert_eq!(nearest("destinationip"), Some(Some("DestinationIp")));
        assert_eq!(nearest("DestinatonPort"), Some(Some("DestinationPort")));
        assert_eq!(nearest("dst_ip"), Some(None));
        assert_eq!(nearest("CommandLine"), None);
        assert_eq!(nearest("Commandline"), Some(Some("CommandLine")));
        assert_eq!(nearest("ProcessID"), Some(Some("ProcessId")));
        assert_eq!(nearest("channel"), Some(Some("Channel")));
        assert_eq!(nearest("DestinationHostname"), None);
    }

    #[test]
    fn every_place_in_which_a_rule_names_a_field_is_looked_at() {
        let of = |detection: &str| {
            let yaml = format!("title: t\nlogsource:\n  category: network_connection\ndetection:\n{detection}");
            let parsed = rsigma_parser::parse_sigma_yaml(&yaml).unwrap();
            unknown_in_detections(&parsed.rules[0].detection)
                .into_iter()
                .map(|unknown| unknown.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(of("  s:\n    Imag: a\n    Image: b\n  condition: s"), ["Imag"]);
        assert_eq!(of("  s:\n    - Imag: a\n    - Image|endswith: b\n  condition: s"), ["Imag"]);
        assert_eq!(of("  s:\n    Imag|exists: false\n  condition: not s"), ["Imag"]);
        assert_eq!(of("  s:\n    SourceIp|fieldref: DestIp\n  condition: s"), ["DestIp"]);
        assert_eq!(of("  s:\n    SourceIp|fieldref: DestinationIp\n  condition: s"), [""; 0]);
        assert_eq!(
            of("  s:\n    Imag: [a, b]\n  t:\n    Imag: null\n    Usr: x\n  condition: 1 of them"),
            ["Imag", "Usr"]
        );
        assert_eq!(of("  s:\n    - keyword\n  condition: s"), [""; 0]);
    }
}
