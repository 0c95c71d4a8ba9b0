//! A [`TimeFormat`]: how a time is written, always in UTC.

use std::ops::Deref;

use clap::ValueEnum;
use jiff::{Timestamp, tz::Offset};

/// The formats of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TimeFormat {
    /// 2024-03-05T14:07:09.1234567Z, all that is logged
    Rfc3339,
    /// 2024-03-05T14:07:09, as Splunk's rule shows it
    Splunk,
    /// 2024-03-05 14:07:09.123, which spreadsheets take for a time
    Excel,
}

impl TimeFormat {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rfc3339 => "rfc3339",
            Self::Splunk => "splunk",
            Self::Excel => "excel",
        }
    }

    /// A time in this format, or nothing if none was stated. What does not fit in is cut off, not rounded.
    ///
    /// The width is fixed, so that text order is time order.
    #[must_use]
    pub fn show(self, time: Option<Timestamp>) -> String {
        (*self.shown(time)).to_owned()
    }

    /// The same, without memory of its own for nearly all times.
    pub(super) fn shown(self, time: Option<Timestamp>) -> Shown {
        let Some(time) = time else { return Shown::Whole(String::new()) };
        self.digits(time).unwrap_or_else(|| Shown::Whole(self.format(time)))
    }

    fn format(self, time: Timestamp) -> String {
        match self {
            Self::Rfc3339 => format!("{time:.7}"),
            Self::Splunk => time.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            Self::Excel => time.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string(),
        }
    }

    /// The same of a year with four digits, which a report has many of, digit by digit.
    fn digits(self, time: Timestamp) -> Option<Shown> {
        let at = Offset::UTC.to_datetime(time);
        let number = |number: i8| u32::try_from(number).ok();
        let year = u32::try_from(at.year()).ok().filter(|&year| year > 0)?;
        let fraction = u32::try_from(at.subsec_nanosecond()).ok()?;
        // All zeros, how much of it counts, and the fraction: how many digits, of how many nanoseconds.
        let (mut text, size, digits, unit) = match self {
            Self::Rfc3339 => (*b"0000-00-00T00:00:00.0000000Z", 28, 7, 100),
            Self::Splunk => (*b"0000-00-00T00:00:00         ", 19, 0, 1),
            Self::Excel => (*b"0000-00-00 00:00:00.000     ", 23, 3, 1_000_000),
        };
        let mut put = |mut number: u32, start: usize, end: usize| {
            for digit in text.get_mut(start..end).unwrap_or_default().iter_mut().rev() {
                *digit += (number % 10) as u8;
                number /= 10;
            }
        };
        put(year, 0, 4);
        put(number(at.month())?, 5, 7);
        put(number(at.day())?, 8, 10);
        put(number(at.hour())?, 11, 13);
        put(number(at.minute())?, 14, 16);
        put(number(at.second())?, 17, 19);
        put(fraction / unit, 20, 20 + digits);
        Some(Shown::Short(text, size))
    }
}

/// A time as it is shown.
#[derive(Debug, Clone)]
pub(super) enum Shown {
    /// So many bytes of these.
    Short([u8; 28], usize),
    /// All of it: no time, or one whose year has not four digits.
    Whole(String),
}

impl Deref for Shown {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Short(text, size) => text.get(..*size).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default(),
            Self::Whole(text) => text,
        }
    }
}

/// A time as RFC 3339 in UTC with the seven fractional digits of the log, or nothing if none was stated.
#[must_use]
pub fn time(time: Option<Timestamp>) -> String {
    TimeFormat::Rfc3339.show(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> [String; 3] {
        let time: Timestamp = text.parse().unwrap();
        [TimeFormat::Rfc3339, TimeFormat::Splunk, TimeFormat::Excel].map(|format| format.show(Some(time)))
    }

    #[test]
    fn times_are_as_wide_as_their_format() {
        assert_eq!(
            shown("2019-02-16T10:01:46.8840384Z"),
            ["2019-02-16T10:01:46.8840384Z", "2019-02-16T10:01:46", "2019-02-16 10:01:46.884"]
        );
        assert_eq!(
            shown("0007-02-06T01:01:06Z"),
            ["0007-02-06T01:01:06.0000000Z", "0007-02-06T01:01:06", "0007-02-06 01:01:06.000"]
        );
        assert_eq!(time(None), "");
        assert_eq!(TimeFormat::Excel.show(None), "");
    }

    #[test]
    fn digits_are_cut_off_and_not_rounded_also_before_1970() {
        for day in ["2019-12-31", "1969-12-31", "1601-01-01"] {
            assert_eq!(
                shown(&format!("{day}T23:59:59.9999999Z")),
                [format!("{day}T23:59:59.9999999Z"), format!("{day}T23:59:59"), format!("{day} 23:59:59.999")]
            );
        }
    }

    #[test]
    fn digits_are_those_of_the_library() {
        let mut second = -62_135_596_800_i64;
        while second < 253_402_207_200 {
            for nanosecond in [0, 1, 99, 100, 123_456_789, 999_999_999] {
                let time = Timestamp::new(second, nanosecond).or_else(|_| Timestamp::new(second, -nanosecond)).unwrap();
                for format in [TimeFormat::Rfc3339, TimeFormat::Splunk, TimeFormat::Excel] {
                    assert!(format.digits(time).is_none_or(|digits| *digits == format.format(time)), "{time}");
                }
            }
            second += 98_765_432;
        }
    }
}
