//! A [`Filter`]: what the command line leaves in before any rule judges, by time and by patterns over fields.
//!
//! It is the filter macro at the end of Splunk's rule, which a user fills in. Networks and processes are the rules' concern.

use std::fmt;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::Offset};

use crate::{
    connection::{Connection, Field},
    pattern::{Pattern, folded},
};

/// Which connections are left in: those in the window, of which every property that has patterns fits one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// When they were logged.
    pub window: Window,
    /// For each property that has any, its patterns: one of them must fit.
    patterns: Vec<(Property, Vec<Pattern>)>,
}

impl Filter {
    /// Of a window, and of patterns for each property; a property without patterns may be anything.
    #[must_use]
    pub fn new(window: Window, patterns: impl IntoIterator<Item = (Property, Vec<Pattern>)>) -> Self {
        Self { window, patterns: patterns.into_iter().filter(|(_, patterns)| !patterns.is_empty()).collect() }
    }

    /// Whether every connection is left in.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.window.is_open() && self.patterns.is_empty()
    }

    /// Whether a connection is left in.
    #[must_use]
    pub fn keeps(&self, connection: &Connection<'_>) -> bool {
        let has_one = |(property, patterns): &(Property, Vec<Pattern>)| property.has_one(connection, patterns);
        self.window.keeps(connection.time) && self.patterns.iter().all(has_one)
    }

    /// The patterns for a property, as they were given.
    pub fn patterns(&self, property: Property) -> impl Iterator<Item = &str> {
        let of_property = self.patterns.iter().filter(move |(given, _)| *given == property);
        of_property.flat_map(|(_, patterns)| patterns).map(Pattern::as_str)
    }
}

/// As the summary shows it: `since 2024-03-05T00:00:00Z; host WS01 or WS02; port 443`.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Window { since, until } = self.window;
        let times = [("since", since), ("until", until)];
        let times = times.into_iter().filter_map(|(name, time)| Some(format!("{name} {}", time?)));
        let patterns = self.patterns.iter().map(|(property, patterns)| {
            let patterns: Vec<&str> = patterns.iter().map(Pattern::as_str).collect();
            format!("{} {}", property.name(), patterns.join(" or "))
        });
        f.write_str(&times.chain(patterns).collect::<Vec<_>>().join("; "))
    }
}

/// A time from which on, and one before which, connections were logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The first that is in it; `None` for the beginning of time.
    pub since: Option<Timestamp>,
    /// The first that is not; `None` for the end.
    pub until: Option<Timestamp>,
}

impl Window {
    /// Whether any time is in it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a time is in it. One that is not stated cannot be judged, and is kept.
    #[must_use]
    pub fn keeps(&self, time: Option<Timestamp>) -> bool {
        let keeps = |time| self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time < until);
        time.is_none_or(keeps)
    }
}

/// What there can be patterns for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// [`Field::Dvc`], with its domain or without.
    Host,
    /// [`Field::User`], with its domain or without.
    User,
    /// [`Field::DestPort`].
    Port,
    /// [`Field::Transport`].
    Transport,
    /// [`Field::Direction`].
    Direction,
}

impl Property {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Host, Self::User, Self::Port, Self::Transport, Self::Direction];

    /// As its option and the manifest name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::User => "user",
            Self::Port => "port",
            Self::Transport => "transport",
            Self::Direction => "direction",
        }
    }

    /// Reads patterns for it.
    ///
    /// # Errors
    ///
    /// One that no value can have. The text shows it, the accepted form and an example.
    pub fn patterns(self, texts: &[String]) -> Result<Vec<Pattern>, String> {
        let pattern = |text: &String| {
            let range = if self == Self::Port { Pattern::range(text) } else { None };
            let pattern = range.unwrap_or_else(|| Pattern::new(text));
            let any = |values: &[&str]| values.iter().any(|value| pattern.matches(&folded(value)));
            let (is_possible, form) = match self {
                Self::Host => (!text.is_empty(), "a host, for example WS01, WS01.corp.example or WS*"),
                Self::User => (!text.is_empty(), r"a user, for example alice, CORP\alice or svc-*"),
                Self::Port => {
                    let is_port = (0..=u16::MAX).any(|port| pattern.matches(&port.to_string()));
                    (is_port, "a port from 0 to 65535, for example 443, 8000-8999 or 80*")
                }
                Self::Transport => (any(&["tcp", "udp"]), "tcp or udp"),
                Self::Direction => (any(&["inbound", "outbound"]), "inbound or outbound"),
            };
            if is_possible { Ok(pattern) } else { Err(format!("{text:?} is no {}: give {form}", self.name())) }
        };
        texts.iter().map(pattern).collect()
    }

    fn has_one(self, connection: &Connection<'_>, patterns: &[Pattern]) -> bool {
        let whole = folded(connection.get(self.field()));
        // Without its domain: behind a user's, in front of a host's.
        let bare = match self {
            Self::Host => whole.split_once('.').map(|(name, _)| name),
            Self::User => whole.rsplit_once('\\').map(|(_, name)| name),
            _ => None,
        };
        patterns.iter().any(|pattern| pattern.matches(&whole) || bare.is_some_and(|bare| pattern.matches(bare)))
    }

    fn field(self) -> Field {
        match self {
            Self::Host => Field::Dvc,
            Self::User => Field::User,
            Self::Port => Field::DestPort,
            Self::Transport => Field::Transport,
            Self::Direction => Field::Direction,
        }
    }
}

/// Reads a time: RFC 3339, a date, which is its midnight in UTC, or how long before `now`.
///
/// # Errors
///
/// It is none. The text shows it, the accepted forms and an example of each.
pub fn time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    // A date may not be what is left of a time without a zone.
    let date = |text: &str| {
        let date = (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten()?;
        Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
    };
    let time = text.parse().ok().or_else(|| date(text)).or_else(|| now.checked_sub(ago(text)?).ok());
    time.ok_or_else(|| {
        format!(
            "{text:?} is no time: give one with its zone, for example 2024-03-05T14:00:00Z, a date, for example \
             2024-03-05, or how long ago, for example 7d (s, m, h, d or w)"
        )
    })
}

fn ago(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = number.parse().ok().filter(|_| is_number)?;
    number.checked_mul(seconds).map(SignedDuration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        time(text, "2024-03-05T14:07:09.5Z".parse().unwrap()).ok().map(|time| time.to_string())
    }

    #[test]
    fn times_are_of_three_forms() {
        for (text, expected) in [
            ("2024-03-05T14:00:00Z", "2024-03-05T14:00:00Z"),
            ("2024-03-05T14:00:00+01:00", "2024-03-05T13:00:00Z"),
            ("2024-03-05T14:07:09.1234567Z", "2024-03-05T14:07:09.1234567Z"),
            ("2024-03-05", "2024-03-05T00:00:00Z"),
            ("90s", "2024-03-05T14:05:39.5Z"),
            ("5m", "2024-03-05T14:02:09.5Z"),
            ("12h", "2024-03-05T02:07:09.5Z"),
            ("7d", "2024-02-27T14:07:09.5Z"),
            ("2w", "2024-02-20T14:07:09.5Z"),
            ("0s", "2024-03-05T14:07:09.5Z"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "d",
            "yesterday",
            "7",
            "-7d",
            "+7d",
            "7 d",
            "7D",
            "7ä",
            "2024-03-05T14:00:00",
            "2024-03-05 14",
            "2024-02-30",
            "2024-3-5",
            "99999999999999999999d",
            "9999999999d",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn a_window_has_its_first_instant_and_not_its_last() {
        let at = |text: &str| -> Option<Timestamp> { Some(text.parse().unwrap()) };
        let window = Window { since: at("2024-03-05T00:00:00Z"), until: at("2024-03-06T00:00:00Z") };
        for (time, kept) in [
            ("2024-03-04T23:59:59.9999999Z", false),
            ("2024-03-05T00:00:00Z", true),
            ("2024-03-05T23:59:59.9999999Z", true),
            ("2024-03-06T00:00:00Z", false),
        ] {
            assert_eq!(window.keeps(at(time)), kept, "{time}");
        }
        assert!(window.keeps(None) && Window::default().keeps(None));
    }
}
