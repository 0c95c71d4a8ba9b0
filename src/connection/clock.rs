//! The [`Clock`]: which of its two times a connection is of, and how far they are apart.
//!
//! A record has the time at which it was logged (`TimeCreated`), and Sysmon's events have the time of what happened (`UtcTime`).
//! They are milliseconds apart, unless the host's clock was set in between, or the log was made up.

use std::{cmp::Reverse, ops::Range};

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde::{Deserialize, Serialize};

use crate::{
    connection::sysmon,
    evtx::{kind::TEXT, typed::Raw},
};

/// Which time a connection is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// When it was logged: `TimeCreated`.
    #[default]
    Logged,
    /// When it happened, as Sysmon has it: `UtcTime`; when it was logged where that is not stated or cannot be read.
    Utc,
}

/// How many seconds after it was logged a connection happened; negative if it happened before. Nothing if one of the times is not known,
/// or if they are at most a minute apart, which is not worth saying.
fn apart(logged: Option<Timestamp>, happened: Option<Timestamp>) -> Option<i64> {
    let apart = happened?.as_millisecond().saturating_sub(logged?.as_millisecond());
    (apart.abs() > 60_000).then_some(apart / 1000)
}

/// How far the two times of connections are apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    /// Of how many connections.
    pub count: u64,
    /// The largest difference, `UtcTime` minus `TimeCreated`, in seconds.
    pub largest: i64,
    /// The host of that.
    pub host: String,
    /// How many are of the time of logging, although the other was asked for: it is not stated or cannot be read.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unread: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Clock {
    /// The time of a connection that was logged at one time and happened at another, as far as they are known. The other is asked for
    /// only where it counts.
    pub fn time(self, logged: Option<Timestamp>, happened: impl FnOnce() -> Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::Logged => logged,
            Self::Utc => happened().or(logged),
        }
    }
}

impl Skew {
    /// Counts a hit of Sysmon by this clock, of a host: when it was logged, and when it happened.
    #[inline]
    pub fn take(
        &mut self,
        clock: Clock,
        logged: Option<Timestamp>,
        happened: Option<Timestamp>,
        host: impl FnOnce() -> String,
    ) {
        if let Some(largest) = apart(logged, happened) {
            self.merge(&Self { count: 1, largest, host: host(), unread: 0 });
        }
        if clock == Clock::Utc && happened.is_none() {
            self.unread = self.unread.saturating_add(1);
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.unread = self.unread.saturating_add(other.unread);
        if other.rank() > self.rank() {
            self.largest = other.largest;
            self.host.clone_from(&other.host);
        }
    }

    /// The largest difference counts, and of the hosts that have it the first by name.
    fn rank(&self) -> (u64, i64, Reverse<&str>) {
        (self.largest.unsigned_abs(), self.largest, Reverse(&self.host))
    }
}

/// How long `2019-02-16 10:01:46.884` is in UTF-16, in bytes.
const WHOLE: usize = 2 * 23;

/// The time that a value of `UtcTime` says: straight from its digits where it is written as Sysmon does.
#[must_use]
pub fn read(value: Raw<'_>) -> Option<Timestamp> {
    let is_usual = value.kind == TEXT && value.bytes.len() == WHOLE;
    let digits = if is_usual { digits(value.bytes) } else { None };
    let Some([year, month, day, hour, minute, second, milliseconds]) = digits else {
        return sysmon::time(sysmon::stated(&value.text()));
    };
    let [month, day, hour, minute, second] =
        [month, day, hour, minute, second].map(|part| i8::try_from(part).unwrap_or(-1));
    let time = DateTime::new(year, month, day, hour, minute, second, i32::from(milliseconds) * 1_000_000);
    time.ok().and_then(|time| Offset::UTC.to_timestamp(time).ok()).or_else(|| sysmon::time(&value.text()))
}

/// The numbers in `2019-02-16 10:01:46.884`, if it is written so.
fn digits(text: &[u8]) -> Option<[i16; 7]> {
    let unit = |place: usize| match text.get(2 * place..2 * place + 2)? {
        [byte, 0] => Some(*byte),
        _ => None,
    };
    let number = |mut places: Range<usize>| {
        places.try_fold(0, |number, place| {
            let digit = unit(place).filter(u8::is_ascii_digit)?;
            Some(10 * number + i16::from(digit - b'0'))
        })
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':'), (19, b'.')];
    let is_marked = marks.iter().all(|&(place, mark)| unit(place) == Some(mark));
    let numbers = [0..4, 5..7, 8..10, 11..13, 14..16, 17..19, 20..23].map(number);
    let [Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second), Some(rest)] = numbers else {
        return None;
    };
    is_marked.then_some([year, month, day, hour, minute, second, rest])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_the_text_is() {
        for text in [
            "2019-02-16 10:01:46.884",
            "2019-02-16 10:01:47.001",
            "2019-02-16 10:01:60.000",
            "2019-02-16 10:01:5x.000",
            "2019-02-16 10:01:5",
            "2019-02-30 10:01:46.884",
            "2019-02-30 10:01:47.884",
            "2019-02-16 10:61:46.884",
            "2019-02-16 10:01:46,884",
            "2019-02-16T10:01:46.884",
            "-",
            "",
        ] {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(read(Raw { kind: TEXT, bytes: &bytes }), sysmon::time(text), "{text}");
        }
    }

    #[test]
    fn the_largest_difference_counts_whatever_the_order() {
        let logged = "2019-02-16T10:01:46Z".parse().ok();
        let mut skews = Vec::new();
        for (host, utc_time) in [
            ("A", "2019-02-16 10:02:46.000"),
            ("B", "2019-02-16 10:02:46.001"),
            ("C", "2019-02-16 09:00:00.000"),
            ("D", "-"),
        ] {
            let mut skew = Skew::default();
            skew.take(Clock::Utc, logged, sysmon::time(utc_time), || host.to_owned());
            skews.push(skew);
        }
        let sum = |skews: &mut dyn Iterator<Item = &Skew>| {
            let mut sum = Skew::default();
            skews.for_each(|skew| sum.merge(skew));
            sum
        };
        let expected = Skew { count: 2, largest: -3706, host: "C".to_owned(), unread: 1 };
        assert_eq!(sum(&mut skews.iter()), expected);
        assert_eq!(sum(&mut skews.iter().rev()), expected);
    }

    #[test]
    fn the_time_of_what_happened_is_taken_where_it_is_stated() {
        let logged = "2019-02-16T10:01:46Z".parse().ok();
        let happened = sysmon::time("2019-02-16 09:00:00.123");
        assert!(happened.is_some());
        assert_eq!(Clock::Utc.time(logged, || happened), happened);
        assert_eq!(Clock::Utc.time(logged, || None), logged);
        assert_eq!(Clock::Logged.time(logged, || happened), logged);
    }
}
