//! From an [`Event`] to a [`Connection`]: what Sysmon's EventID 3 means. Quirks of its schemas live here only.
//!
//! Fields are looked up by name: older schemas lack `RuleName`, and forwarded records can miss any field. The schema
//! is Sysmon's own manifest (`sysmon64 -m`, `sysmon -s`), versions 3 to 15.

use std::{borrow::Cow, net::IpAddr};

use jiff::{Timestamp, civil::DateTime, tz::Offset};

use crate::{
    connection::{
        community::Memo,
        glossary::{Connection, INBOUND, OUTBOUND},
    },
    evtx::{
        event::Event,
        typed::{Raw, Values},
    },
};

/// The name of Sysmon's event provider.
pub const PROVIDER: &str = "Microsoft-Windows-Sysmon";
/// `Network connection detected`, as events state it.
pub const NETWORK_CONNECTION: &str = "3";
/// The same, as a number.
pub const EVENT_ID: u16 = 3;
/// What [`Field::Action`] is of its connections: they happened.
///
/// [`Field::Action`]: crate::connection::glossary::Field::Action
pub(crate) const ACTION: &str = "allowed";
/// What [`Field::VendorProduct`] is of its connections.
///
/// [`Field::VendorProduct`]: crate::connection::glossary::Field::VendorProduct
pub(crate) const VENDOR_PRODUCT: &str = "Microsoft Sysmon";
/// The fields of a connection, in the order in which Sysmon has them; the first since schema version 4.0.
/// Source: `sysmon -s`, event `SYSMONEVENT_NETWORK_CONNECT`, schema versions 3.0 to 4.91.
pub const FIELDS: [&str; 18] = [
    "RuleName",
    "UtcTime",
    "ProcessGuid",
    "ProcessId",
    "Image",
    "User",
    "Protocol",
    "Initiated",
    "SourceIsIpv6",
    "SourceIp",
    "SourceHostname",
    "SourcePort",
    "SourcePortName",
    "DestinationIsIpv6",
    "DestinationIp",
    "DestinationHostname",
    "DestinationPort",
    "DestinationPortName",
];

/// Those of them that a hit has that is kept: what a [`Connection`] is made of, in the order of [`Part`], and two more.
pub const OF_HIT: [&str; 15] = [
    "ProcessGuid",
    "ProcessId",
    "Image",
    "User",
    "Protocol",
    "Initiated",
    "SourceIp",
    "SourceHostname",
    "SourcePort",
    "DestinationIsIpv6",
    "DestinationIp",
    "DestinationHostname",
    "DestinationPort",
    "UtcTime",
    "RuleName",
];
/// Where the two are in it.
pub const UTC_TIME: usize = 13;
/// See [`UTC_TIME`].
pub const RULE_NAME: usize = 14;
/// What a [`Connection`] is made of.
pub const OF_CONNECTION: &[&str] = OF_HIT.split_at(UTC_TIME).0;
/// The same, and the time of what happened.
pub const OF_JUDGED: &[&str] = OF_HIT.split_at(RULE_NAME).0;

/// What a [`Connection`] is made of: the fields of [`OF_CONNECTION`], and of `System` the computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Sysmon's")]
pub enum Part {
    ProcessGuid,
    ProcessId,
    Image,
    User,
    Protocol,
    Initiated,
    SourceIp,
    SourceHostname,
    SourcePort,
    DestinationIsIpv6,
    DestinationIp,
    DestinationHostname,
    DestinationPort,
    Computer,
}

/// What a part of a connection means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meaning<'a> {
    /// Its text as reports show it.
    pub text: Cow<'a, str>,
    /// The address that it is.
    pub address: Option<IpAddr>,
    /// Whether it is true or false.
    pub truth: Option<bool>,
}

impl Part {
    /// All of them, in order.
    pub const ALL: [Self; 14] = [
        Self::ProcessGuid,
        Self::ProcessId,
        Self::Image,
        Self::User,
        Self::Protocol,
        Self::Initiated,
        Self::SourceIp,
        Self::SourceHostname,
        Self::SourcePort,
        Self::DestinationIsIpv6,
        Self::DestinationIp,
        Self::DestinationHostname,
        Self::DestinationPort,
        Self::Computer,
    ];

    /// What this part means, by its text in the event.
    #[must_use]
    pub fn meaning(self, text: &str) -> Meaning<'_> {
        let text = stated(text);
        match self {
            Self::SourceIp | Self::DestinationIp => {
                let (text, address) = address(text);
                Meaning { text, address, truth: None }
            }
            Self::Initiated | Self::DestinationIsIpv6 => Meaning { truth: parse_bool(text), ..Meaning::default() },
            Self::ProcessGuid => guid(text).into(),
            Self::ProcessId | Self::SourcePort | Self::DestinationPort => decimal(text).into(),
            Self::Protocol => lower_case(text).into(),
            _ => Cow::Borrowed(text).into(),
        }
    }

    /// Its value among those of an event of which the fields of [`OF_CONNECTION`] are read first; one of no type if it has none.
    #[must_use]
    pub fn value<'a>(self, values: &Values<'a>) -> Raw<'a> {
        if self == Self::Computer { values.computer } else { values.field(self as usize) }
    }

    fn of<'a>(self, event: &'a Event<'_>) -> &'a str {
        match OF_CONNECTION.get(self as usize) {
            Some(name) => event.field(name).unwrap_or_default(),
            None => &event.computer,
        }
    }
}

impl<'a> From<Cow<'a, str>> for Meaning<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self { text, address: None, truth: None }
    }
}

/// The connection that `event` reports, if it is one: Sysmon's EventID 3, judged on the record alone.
#[must_use]
pub fn connection<'a>(event: &'a Event<'_>) -> Option<Connection<'a>> {
    if event.provider != PROVIDER || event.event_id != NETWORK_CONNECTION {
        return None;
    }
    let time = event.time.or_else(|| time(&event.system_time));
    Some(of_parts(time, |part| part.meaning(part.of(event))))
}

/// The connection whose parts mean this.
pub fn of_parts<'a>(time: Option<Timestamp>, of: impl Fn(Part) -> Meaning<'a>) -> Connection<'a> {
    let text = |part| of(part).text;
    let Meaning { text: dest_ip, address: dest_addr, .. } = of(Part::DestinationIp);
    let src_ip = text(Part::SourceIp);
    Connection {
        action: ACTION,
        app: text(Part::Image),
        dest: or(text(Part::DestinationHostname), &dest_ip),
        dest_port: text(Part::DestinationPort),
        direction: direction(of(Part::Initiated).truth),
        dvc: text(Part::Computer),
        protocol_version: protocol_version(dest_addr, of(Part::DestinationIsIpv6).truth),
        src: or(text(Part::SourceHostname), &src_ip),
        src_port: text(Part::SourcePort),
        transport: text(Part::Protocol),
        user: text(Part::User),
        vendor_product: VENDOR_PRODUCT,
        process_guid: text(Part::ProcessGuid),
        process_id: text(Part::ProcessId),
        time,
        dest_ip,
        dest_addr,
        src_ip,
        ends: None,
        community: Memo::default(),
    }
}

/// A time as RFC 3339; one without a zone, which a forwarder could write, is in UTC as all of them are. Years before 0 are
/// none of the log's, and would not be four digits wide.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let zoned = text.parse::<Timestamp>();
    let time = zoned.or_else(|_| text.parse::<DateTime>().and_then(|time| Offset::UTC.to_timestamp(time))).ok()?;
    (Offset::UTC.to_datetime(time).year() >= 0).then_some(time)
}

/// Sysmon writes `-` for what it does not know.
#[must_use]
pub fn stated(value: &str) -> &str {
    if value == "-" { "" } else { value }
}

fn or<'a>(name: Cow<'a, str>, address: &Cow<'a, str>) -> Cow<'a, str> {
    if name.is_empty() { address.clone() } else { name }
}

/// An address in canonical text, and as a value if it is one. Sysmon writes IPv6 in full: `0:0:0:0:0:0:0:1`.
pub(super) fn address(text: &str) -> (Cow<'_, str>, Option<IpAddr>) {
    match text.parse::<IpAddr>() {
        // IPv4 has one spelling.
        Ok(address @ IpAddr::V4(_)) => (text.into(), Some(address)),
        Ok(address) => {
            let address = address.to_canonical();
            let canonical = address.to_string();
            (if canonical == text { text.into() } else { canonical.into() }, Some(address))
        }
        Err(_) => (text.into(), None),
    }
}

pub(crate) fn direction(initiated: Option<bool>) -> &'static str {
    match initiated {
        Some(true) => OUTBOUND,
        Some(false) => INBOUND,
        None => "",
    }
}

pub(super) fn protocol_version(destination: Option<IpAddr>, is_ipv6: Option<bool>) -> &'static str {
    match (destination, is_ipv6) {
        (Some(IpAddr::V4(_)), _) | (None, Some(false)) => "ipv4",
        (Some(IpAddr::V6(_)), _) | (None, Some(true)) => "ipv6",
        (None, None) => "",
    }
}

/// `true` and `false`, in any case: forwarded and exported records write them as text. A number is what Windows calls a `BOOL`, of which
/// any but 0 is true; the parser shows one that is neither 0 nor 1 as a number.
fn parse_bool(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        text.parse().ok().map(|number: i32| number != 0)
    }
}

/// A number in decimal. A number that was logged as hexadecimal, `0x1bb`, is converted; other text is kept.
pub(super) fn decimal(text: &str) -> Cow<'_, str> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).map(|digits| u64::from_str_radix(digits, 16)) {
        Some(Ok(number)) => number.to_string().into(),
        _ => text.into(),
    }
}

pub(super) fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text.into() }
}

/// A GUID as Sysmon shows it, `{UPPER-CASE}`; text that is not a GUID is kept.
pub(super) fn guid(text: &str) -> Cow<'_, str> {
    let bare = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let is_guid = bare.len() == 36
        && bare.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    match is_guid {
        true if bare.len() == text.len() => format!("{{{}}}", bare.to_ascii_uppercase()).into(),
        true => text.to_ascii_uppercase().into(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evtx::{
        decoder::{self, Carving, Decoder},
        shape::Extent,
        typed::Scratch,
    };

    fn event<'a>(data: &[(&'a str, &'a str)]) -> Event<'a> {
        Event {
            provider: PROVIDER.into(),
            event_id: "3".into(),
            computer: "HOST".into(),
            system_time: "2019-02-16T10:01:46.8840384Z".into(),
            time: None,
            record_id: "7".into(),
            place: crate::evtx::record::Record::default(),
            recovered: false,
            system: Vec::new(),
            data: data.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
        }
    }

    #[test]
    fn what_a_connection_is_made_of_is_all_it_takes() {
        let text = |event: &Event<'_>| connection(event).map(|connection| format!("{connection:?}"));
        let decoder = Decoder::new(Carving::Live);
        let mut count = 0;
        decoder::tests::chunks(&mut |path, chunk| {
            let (layout, _) = crate::evtx::chunk::layout(chunk);
            let Some(typed) = decoder.typed(chunk, &layout, Extent::Only(OF_CONNECTION)) else { return };
            let mut scratch = Scratch::default();
            let found: Vec<String> =
                typed.rows().iter().filter_map(|row| text(&typed.event(row, &mut scratch).unwrap())).collect();
            let mut parsed = Vec::new();
            decoder.decode(chunk, &layout, |_, _| true, |event| parsed.extend(text(event)), drop);
            assert_eq!(found, parsed, "{}", path.display());
            count += found.len();
        });
        assert!(count > 100, "only {count} connections");
    }

    #[test]
    fn parts_are_in_the_order_of_their_names() {
        let names = Part::ALL.map(|part| format!("{part:?}"));
        assert_eq!(names[..OF_CONNECTION.len()], *OF_CONNECTION);
        assert!(Part::ALL.iter().enumerate().all(|(index, &part)| index == part as usize));
    }

    #[test]
    fn only_sysmons_event_3_is_a_connection() {
        assert!(connection(&event(&[])).is_some());
        assert!(connection(&Event { event_id: "1".into(), ..event(&[]) }).is_none());
        assert!(connection(&Event { event_id: "03".into(), ..event(&[]) }).is_none());
        assert!(connection(&Event { provider: "Microsoft-Windows-Sysmon2".into(), ..event(&[]) }).is_none());
    }

    #[test]
    fn what_is_not_stated_is_empty_and_the_address_stands_in_for_the_name() {
        let event = event(&[
            ("DestinationHostname", "-"),
            ("DestinationIp", "8.8.8.8"),
            ("SourceHostname", ""),
            ("SourceIp", "-"),
            ("User", "-"),
        ]);
        let connection = connection(&event).unwrap();
        assert_eq!((&*connection.dest, &*connection.src, &*connection.user), ("8.8.8.8", "", ""));
        assert_eq!((connection.direction, &*connection.app, connection.protocol_version), ("", "", "ipv4"));
    }

    #[test]
    fn the_version_falls_back_to_what_sysmon_says() {
        for (ip, flag, version) in
            [("", "true", "ipv6"), ("x", "False", "ipv4"), ("::1", "false", "ipv6"), ("", "", "")]
        {
            let event = event(&[("DestinationIp", ip), ("DestinationIsIpv6", flag)]);
            assert_eq!(connection(&event).unwrap().protocol_version, version);
        }
    }

    #[test]
    fn any_number_but_0_is_true() {
        for (initiated, direction) in [
            ("1", "outbound"),
            ("2", "outbound"),
            ("-1", "outbound"),
            ("-2147483648", "outbound"),
            ("True", "outbound"),
            ("0", "inbound"),
            ("FALSE", "inbound"),
            ("", ""),
            ("-", ""),
            ("yes", ""),
        ] {
            assert_eq!(connection(&event(&[("Initiated", initiated)])).unwrap().direction, direction, "{initiated}");
            let event = event(&[("DestinationIsIpv6", initiated)]);
            let version = [("outbound", "ipv6"), ("inbound", "ipv4"), ("", "")].iter().find(|(of, _)| *of == direction);
            assert_eq!(connection(&event).unwrap().protocol_version, version.unwrap().1, "{initiated}");
        }
    }

    #[test]
    fn addresses_are_canonical_and_other_text_is_kept() {
        for (text, canonical) in [
            ("0:0:0:0:0:0:0:1", "::1"),
            ("FE80:0:0:0:80AC:4126:FA58:1B81", "fe80::80ac:4126:fa58:1b81"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("010.0.0.1", "010.0.0.1"),
            ("fe80::1%4", "fe80::1%4"),
            ("1.2.3", "1.2.3"),
        ] {
            assert_eq!(address(text).0, canonical);
        }
        assert_eq!(address("::ffff:192.0.2.1").1, Some(IpAddr::from([192, 0, 2, 1])));
        assert_eq!(address("fe80::1%4").1, None);
    }

    #[test]
    fn times_are_utc_with_or_without_a_zone() {
        let expected = "2019-02-16T10:01:46.8840384Z".parse().ok();
        assert_eq!(time("2019-02-16T10:01:46.8840384Z"), expected);
        assert_eq!(time("2019-02-16T10:01:46.8840384"), expected);
        assert_eq!(time("2019-02-16T11:01:46.8840384+01:00"), expected);
        assert_eq!(time("-000001-01-01T00:00:00Z"), None);
        assert_eq!(time(""), None);
    }

    #[test]
    fn guids_and_numbers_are_shown_one_way() {
        assert_eq!(guid("{747f3d96-7e78-5fd2-0000-0010e1c40000}"), "{747F3D96-7E78-5FD2-0000-0010E1C40000}");
        assert_eq!(guid("747f3d96-7e78-5fd2-0000-0010e1c40000"), "{747F3D96-7E78-5FD2-0000-0010E1C40000}");
        assert_eq!(guid("not a guid"), "not a guid");
        assert_eq!(decimal("0x1bb"), "443");
        assert_eq!(decimal("0X1BB"), "443");
        assert_eq!(decimal("443"), "443");
        assert_eq!(decimal("0xyz"), "0xyz");
    }

    proptest! {
        #[test]
        fn canonical_text_is_a_fixed_point_of_the_same_address(wide: u128, narrow: u32) {
            for ip in [IpAddr::from(wide.to_be_bytes()), IpAddr::from(narrow.to_be_bytes())] {
                let spelled_out = match ip {
                    IpAddr::V4(ip) => ip.to_string(),
                    IpAddr::V6(ip) => ip.segments().map(|part| format!("{part:x}")).join(":"),
                };
                let (canonical, parsed) = address(&spelled_out);
                prop_assert_eq!(parsed, Some(ip.to_canonical()));
                prop_assert_eq!(&address(&canonical).0, &canonical);
            }
        }
    }
}
