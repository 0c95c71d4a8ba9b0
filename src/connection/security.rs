//! From an [`Event`] to a [`Connection`]: what EventID 5156 and 5157 of Windows' Security-Auditing mean: the Windows Filtering Platform
//! has allowed a connection, or blocked it.
//!
//! Windows logs them only where the audit policy "Filtering Platform Connection" is on. Fields are looked up by name: version 1 adds
//! `RemoteUserID` and `RemoteMachineID`, and forwarded records can miss any field. Who the user was is not in them, and not known here.

use std::borrow::Cow;

use crate::{
    connection::{
        community::Memo,
        glossary::{Connection, INBOUND, OUTBOUND},
        sysmon::{address, decimal, protocol_version, stated, time},
    },
    evtx::event::Event,
};

/// The name of the event provider.
pub const PROVIDER: &str = "Microsoft-Windows-Security-Auditing";
/// `The Windows Filtering Platform has permitted a connection`, and `has blocked a connection`.
pub const EVENT_IDS: [u16; 2] = [5156, 5157];
/// What [`Field::VendorProduct`] is of these connections.
///
/// [`Field::VendorProduct`]: crate::connection::glossary::Field::VendorProduct
pub(crate) const VENDOR_PRODUCT: &str = "Microsoft Windows";
/// What [`Field::Action`] is of a connection that was allowed.
///
/// [`Field::Action`]: crate::connection::glossary::Field::Action
pub(crate) const ALLOWED: &str = "allowed";
pub(crate) const BLOCKED: &str = "blocked";

/// The fields that a connection is made of. Source: `Get-WinEvent -ListProvider Microsoft-Windows-Security-Auditing`, events 5156
/// and 5157, versions 0 and 1.
pub const FIELDS: [&str; 9] = [
    "ProcessID",
    "Application",
    "Direction",
    "SourceAddress",
    "SourcePort",
    "DestAddress",
    "DestPort",
    "Protocol",
    "LayerName",
];

/// The fields of these connections by the names that Sysmon has for them: all that [`as_of_sysmon`] can have.
pub const TOLD: [&str; 11] = [
    "ProcessId",
    "Image",
    "User",
    "Protocol",
    "Initiated",
    "SourceIsIpv6",
    "SourceIp",
    "SourcePort",
    "DestinationIsIpv6",
    "DestinationIp",
    "DestinationPort",
];

/// Whether a field of these connections, or a member of `System`, can be this text.
#[must_use]
pub fn can_be(name: &str, text: &str) -> bool {
    match name {
        "EventID" => EVENT_IDS.iter().any(|id| id.to_string() == text),
        "Provider_Name" => text.eq_ignore_ascii_case(PROVIDER),
        "Channel" => !text.eq_ignore_ascii_case(SYSMON_CHANNEL),
        _ => true,
    }
}

/// The log that Sysmon's events are in, and these never are.
const SYSMON_CHANNEL: &str = "Microsoft-Windows-Sysmon/Operational";

/// The connection that `event` reports, if it is one of the two, judged on the record alone.
#[must_use]
pub fn connection<'a>(event: &'a Event<'_>) -> Option<Connection<'a>> {
    let action = action(event)?;
    let field = |name| stated(event.field(name).unwrap_or_default());
    let (dest_ip, dest_addr) = address(field("DestAddress"));
    let src_ip = address(field("SourceAddress")).0;
    Some(Connection {
        action,
        app: field("Application").into(),
        dest: dest_ip.clone(),
        dest_port: decimal(field("DestPort")),
        direction: direction(field("Direction"), field("LayerName")),
        dvc: stated(&event.computer).into(),
        protocol_version: protocol_version(dest_addr, None),
        src: src_ip.clone(),
        src_port: decimal(field("SourcePort")),
        transport: transport(field("Protocol")),
        user: Cow::Borrowed(""),
        vendor_product: VENDOR_PRODUCT,
        process_guid: Cow::Borrowed(""),
        process_id: decimal(field("ProcessID")),
        time: event.time.or_else(|| time(&event.system_time)),
        dest_ip,
        dest_addr,
        src_ip,
        ends: None,
        community: Memo::default(),
    })
}

/// The same event under the names that Sysmon gives to the fields of a connection, which is this, and with this path of its process: as
/// rules see it. What is not known is left out.
#[must_use]
pub fn as_of_sysmon<'a>(event: &'a Event<'_>, connection: &'a Connection<'_>, image: &'a str) -> Event<'a> {
    let text = |text: &'a str| Some(text).filter(|text| !text.is_empty());
    let truth = |truth: bool| Some(if truth { "true" } else { "false" });
    let is_ipv6 = |address: &'a str| text(address).and_then(|address| truth(address.contains(':')));
    let initiated = text(connection.direction).and_then(|direction| truth(direction == OUTBOUND));
    let data = [
        ("ProcessId", text(&connection.process_id)),
        ("Image", text(image)),
        ("User", text(&connection.user)),
        ("Protocol", text(&connection.transport)),
        ("Initiated", initiated),
        ("SourceIsIpv6", is_ipv6(&connection.src_ip)),
        ("SourceIp", text(&connection.src_ip)),
        ("SourcePort", text(&connection.src_port)),
        ("DestinationIsIpv6", is_ipv6(&connection.dest_ip)),
        ("DestinationIp", text(&connection.dest_ip)),
        ("DestinationPort", text(&connection.dest_port)),
    ];
    Event {
        provider: Cow::Borrowed(&event.provider),
        event_id: Cow::Borrowed(&event.event_id),
        computer: Cow::Borrowed(&event.computer),
        system_time: Cow::Borrowed(&event.system_time),
        record_id: Cow::Borrowed(&event.record_id),
        time: event.time,
        place: event.place,
        recovered: event.recovered,
        system: event.system.iter().map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&**value))).collect(),
        data: data.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))).collect(),
    }
}

/// Whether `event` is one of the two.
#[must_use]
pub fn is_connection(event: &Event<'_>) -> bool {
    action(event).is_some()
}

fn action(event: &Event<'_>) -> Option<&'static str> {
    match &*event.event_id {
        _ if event.provider != PROVIDER => None,
        "5156" => Some(ALLOWED),
        "5157" => Some(BLOCKED),
        _ => None,
    }
}

/// `Direction` is a message of the provider's, and so is `LayerName`: that of the layer where a connection is accepted, or made.
fn direction(direction: &str, layer: &str) -> &'static str {
    let told = match direction {
        "%%14592" => Some(INBOUND),
        "%%14593" => Some(OUTBOUND),
        _ => None,
    };
    told.unwrap_or(match layer {
        "%%14610" => INBOUND,
        "%%14611" => OUTBOUND,
        _ => "",
    })
}

/// The protocols that have names here, by the numbers that the IANA has given them.
const PROTOCOLS: [(&str, &str); 4] = [("1", "icmp"), ("6", "tcp"), ("17", "udp"), ("58", "ipv6-icmp")];

/// The name of a protocol, however its number is written; others are shown by their number.
fn transport(number: &str) -> Cow<'_, str> {
    let number = decimal(number);
    let named = PROTOCOLS.iter().find(|(other, _)| *other == number.trim_start_matches('0'));
    named.map_or(number.clone(), |&(_, name)| name.into())
}

/// The number of a protocol with this name, decimal, if it has both here.
#[must_use]
pub fn protocol_number(name: &str) -> Option<&'static str> {
    PROTOCOLS.iter().find(|(_, other)| *other == name).map(|&(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, data: &[(&'static str, &'static str)]) -> Event<'static> {
        Event {
            provider: PROVIDER.into(),
            event_id: id.to_owned().into(),
            computer: "HOST".into(),
            system_time: "2019-02-16T10:01:46.8840384Z".into(),
            data: data.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
            ..Event::default()
        }
    }

    #[test]
    fn directions_are_told_by_the_direction_or_else_by_the_layer() {
        for (told, expected) in [
            (("%%14592", "%%14611"), "inbound"),
            (("%%14593", "%%14610"), "outbound"),
            (("", "%%14610"), "inbound"),
            (("-", "%%14611"), "outbound"),
            (("%%1", "%%14597"), ""),
        ] {
            assert_eq!(direction(told.0, told.1), expected, "{told:?}");
        }
    }

    #[test]
    fn protocols_have_names_or_numbers() {
        for (number, name) in [
            ("1", "icmp"),
            ("6", "tcp"),
            ("17", "udp"),
            ("58", "ipv6-icmp"),
            ("47", "47"),
            ("0x2f", "47"),
            ("", ""),
            ("0x6", "tcp"),
            ("0X06", "tcp"),
            ("06", "tcp"),
            ("0x11", "udp"),
            ("0x1", "icmp"),
            ("0X3A", "ipv6-icmp"),
            ("0", "0"),
            ("60", "60"),
            ("0xyz", "0xyz"),
        ] {
            assert_eq!(transport(number), name);
        }
    }

    #[test]
    fn rules_see_the_fields_that_are_said_to_be_told() {
        let pairs = FIELDS.map(|name| (name, if name == "Direction" { "%%14593" } else { "1" }));
        let event = event("5156", &pairs);
        let connection = Connection { user: "u".into(), ..connection(&event).unwrap() };
        let seen = as_of_sysmon(&event, &connection, "System");
        assert_eq!(seen.data.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), TOLD);
    }

    #[test]
    fn only_the_two_events_of_the_provider_are_connections() {
        let fields =
            &[("DestAddress", "::ffff:192.0.2.7"), ("SourceAddress", "0:0:0:0:0:0:0:1"), ("Application", "System")];
        let allowed = event("5156", fields);
        let connection = connection(&allowed).unwrap();
        assert_eq!(
            (connection.action, &*connection.dest, connection.protocol_version),
            ("allowed", "192.0.2.7", "ipv4")
        );
        assert_eq!((&*connection.src, connection.process_name()), ("::1", "System"));
        assert_eq!(action(&event("5157", fields)), Some("blocked"));
        assert!(!is_connection(&event("5158", fields)));
        assert!(!is_connection(&Event { provider: "Other".into(), ..event("5156", fields) }));
    }
}
