//! A [`TimeFormat`]: how a time is written, always in UTC.

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
        let Some(time) = time else { return String::new() };
        self.digits(time).unwrap_or_else(|| self.format(time))
    }

    fn format(self, time: Timestamp) -> String {
        match self {
            Self::Rfc3339 => format!("{time:.7}"),
            Self::Splunk => time.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            Self::Excel => time.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string(),
        }
    }

    /// The same of a year with four digits, which a report has many of, digit by digit.
    fn digits(self, time: Timestamp) -> Option<String> {
        let at = Offset::UTC.to_datetime(time);
        let number = |number: i8| u32::try_from(number).ok();
        let year = u32::try_from(at.year()).ok().filter(|&year| year > 0)?;
        let fraction = u32::try_from(at.subsec_nanosecond()).ok()?;
        let between = if self == Self::Excel { " " } else { "T" };
        let behind_seconds = if self == Self::Splunk { "" } else { "." };
        let mut text = Vec::with_capacity("2024-03-05T14:07:09.1234567Z".len());
        let mut push = |mut number: u32, width: usize, behind: &str| {
            let start = text.len();
            text.resize(start + width, b'0');
            for digit in text.iter_mut().skip(start).rev() {
                *digit += (number % 10) as u8;
                number /= 10;
            }
            text.extend_from_slice(behind.as_bytes());
        };
        push(year, 4, "-");
        push(number(at.month())?, 2, "-");
        push(number(at.day())?, 2, between);
        push(number(at.hour())?, 2, ":");
        push(number(at.minute())?, 2, ":");
        push(number(at.second())?, 2, behind_seconds);
        match self {
            Self::Rfc3339 => push(fraction / 100, 7, "Z"),
            Self::Splunk => {}
            Self::Excel => push(fraction / 1_000_000, 3, ""),
        }
        String::from_utf8(text).ok()
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
                    assert!(format.digits(time).is_none_or(|digits| digits == format.format(time)), "{time}");
                }
            }
            second += 98_765_432;
        }
    }
}
