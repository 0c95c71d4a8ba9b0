//! The two times of an event that Winlogbeat wrote: when it was logged (`TimeCreated`), and when it happened, as Sysmon says (`UtcTime`).
//!
//! Winlogbeat writes `TimeCreated` as `@timestamp`, and as `event.created` when it read the event, which can be years later. Its Sysmon
//! module puts `UtcTime` into `@timestamp`, to the millisecond, and removes it elsewhere: then `TimeCreated` is only in the XML, if the
//! export keeps that. Programs that get events as XML write `winlog.time_created`, which the module moves to `event.created`; so that
//! what this is depends on how the events came, and is taken for `TimeCreated` only of an input that is known to have it.
//!
//! Source: `ToEvent` in Winlogbeat's `winlogbeat/eventlog/eventlog.go`, which removes `time_created` in 7.x and 8.x; `parseUtcTime` in
//! `x-pack/winlogbeat/module/sysmon/config/winlogbeat-sysmon.js` (7.x) and `ingest/sysmon.yml` (8.x) there; `sysmon_operational` of
//! <https://github.com/elastic/integrations>, `packages/windows`, whose `sample_event.json` came by `httpjson`.

use jiff::Timestamp;

use crate::evtx::{event::Event, exported::ecs::SYSMON};

/// The `input.type` of events that were fetched as XML.
const FETCHED: &str = "httpjson";

/// Gives an event, whose time is `@timestamp` so far, the time that it was logged and the one that it happened, as these values tell.
pub(super) fn restore(event: &mut Event<'static>, values: &[(String, String)]) {
    let value = |wanted: &str| {
        values.iter().find(|(name, value)| name == wanted && !value.is_empty()).map(|(_, value)| value.as_str())
    };
    let is_processed = event.provider == SYSMON
        && event.field("UtcTime").unwrap_or_default().is_empty()
        && (value("event.module") == Some("sysmon") || value("process.entity_id").is_some());
    if is_processed && let Some(happened) = utc_time(&event.system_time) {
        event.data.retain(|(name, _)| name != "UtcTime");
        event.data.push(("UtcTime".into(), happened.into()));
    }
    let is_fetched = is_processed && value("input.type") == Some(FETCHED);
    let logged = [
        value("event.original").and_then(time_created),
        value("winlog.time_created"),
        value("event.created").filter(|_| is_fetched),
    ];
    if let Some(logged) = logged.into_iter().flatten().find(|time| time.parse::<Timestamp>().is_ok()) {
        event.system_time = logged.to_owned().into();
    }
}

/// A time as Sysmon writes it: `2019-02-16 10:01:46.884`. Nothing if it is not in whole milliseconds: then it is not Sysmon's.
fn utc_time(time: &str) -> Option<String> {
    let time: Timestamp = time.parse().ok()?;
    let is_whole = time.subsec_nanosecond() % 1_000_000 == 0;
    is_whole.then(|| time.strftime("%F %T%.3f").to_string())
}

/// The value of `TimeCreated/@SystemTime` of an event in XML.
fn time_created(xml: &str) -> Option<&str> {
    let (tag, _) = xml.split_once("<TimeCreated")?.1.split_once('>')?;
    let value = tag.split_once("SystemTime=")?.1;
    let quote = value.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    value.split(quote).nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: (&str, &str) = (
        "event.original",
        "<Event><System><TimeCreated SystemTime='2024-03-05T14:00:01.234567800Z'/></System></Event>",
    );
    const DOUBLE: (&str, &str) = ("event.original", r#"<TimeCreated a="" SystemTime="2024-03-05T14:00:02.2Z" />"#);
    const NO_XML: (&str, &str) = ("event.original", "<TimeCreated SystemTime='");
    const MODULE: (&str, &str) = ("event.module", "sysmon");
    const MOVED: (&str, &str) = ("process.entity_id", "{1}");
    const CREATED: (&str, &str) = ("event.created", "2024-03-05T14:00:01.234Z");
    const FETCHED: (&str, &str) = ("input.type", "httpjson");
    const READ: (&str, &str) = ("input.type", "winlog");
    const TIME_CREATED: (&str, &str) = ("winlog.time_created", "2024-03-05T14:00:03.5Z");

    /// The time that an event of Sysmon with this `@timestamp` was logged and the one that it happened.
    fn times(stamp: &str, values: &[(&str, &str)]) -> (String, String) {
        let mut event = Event { provider: SYSMON.into(), system_time: stamp.to_owned().into(), ..Event::default() };
        let values: Vec<_> = values.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        restore(&mut event, &values);
        (event.system_time.to_string(), event.field("UtcTime").unwrap_or_default().to_owned())
    }

    #[test]
    fn the_time_that_the_sysmon_module_puts_in_front_is_the_one_that_it_happened() {
        let stamp = "2024-03-05T13:59:59.07Z";
        let happened = "2024-03-05 13:59:59.070";
        for (values, logged, utc_time) in [
            (&[][..], stamp, ""),
            (&[MODULE], stamp, happened),
            (&[MOVED], stamp, happened),
            // When Winlogbeat read it.
            (&[MOVED, CREATED], stamp, happened),
            (&[MOVED, CREATED, READ], stamp, happened),
            (&[MOVED, CREATED, FETCHED], CREATED.1, happened),
            (&[CREATED, FETCHED], stamp, ""),
            (&[MOVED, TIME_CREATED], TIME_CREATED.1, happened),
            (&[TIME_CREATED], TIME_CREATED.1, ""),
            (&[MOVED, CREATED, XML, TIME_CREATED], "2024-03-05T14:00:01.234567800Z", happened),
            (&[MODULE, DOUBLE], "2024-03-05T14:00:02.2Z", happened),
            (&[MODULE, NO_XML], stamp, happened),
            (&[XML], "2024-03-05T14:00:01.234567800Z", ""),
        ] {
            assert_eq!(times(stamp, values), (logged.to_owned(), utc_time.to_owned()), "{values:?}");
        }
        // Sysmon has milliseconds: this is when it was logged, where the module could not read the other.
        let exact = "2024-03-05T13:59:59.0712345Z";
        assert_eq!(times(exact, &[MODULE]), (exact.to_owned(), String::new()));
        assert_eq!(times("yesterday", &[MODULE]), ("yesterday".to_owned(), String::new()));
    }

    #[test]
    fn events_of_other_providers_and_those_that_state_their_time_are_left_alone() {
        let stamp = "2024-03-05T13:59:59.071Z";
        let values = [MODULE, MOVED].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut other = Event { provider: "Other".into(), system_time: stamp.into(), ..Event::default() };
        restore(&mut other, &values);
        assert_eq!((other.field("UtcTime"), &*other.system_time), (None, stamp));
        let mut whole = Event { provider: SYSMON.into(), system_time: stamp.into(), ..Event::default() };
        whole.data.push(("UtcTime".into(), "2024-03-05 13:00:00.000".into()));
        restore(&mut whole, &values);
        assert_eq!((whole.field("UtcTime"), &*whole.system_time), (Some("2024-03-05 13:00:00.000"), stamp));
    }
}
