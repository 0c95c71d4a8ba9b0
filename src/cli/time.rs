//! Times as they are typed, for `--since` and `--until`.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::Offset,
};

use crate::text;

/// Reads a time: RFC 3339; the same without its zone, which is UTC then, with a space for the `T` or without seconds; a date, which
/// is its midnight in UTC; or how long before `now`.
///
/// # Errors
///
/// The text is not a time. The message shows it, the accepted forms and an example of each.
pub fn time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    // A date may not be what is left of a time without a zone.
    let date = |text: &str| {
        let date = (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten()?;
        Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
    };
    let without_zone = |text: &str| {
        let is_one =
            text.len() >= "2024-03-05 14:07".len() && text.bytes().all(|byte| b"0123456789-:.T ".contains(&byte));
        let time = is_one.then(|| text.parse::<DateTime>().ok()).flatten()?;
        Offset::UTC.to_timestamp(time).ok()
    };
    let stated = || text.parse().ok().or_else(|| date(text)).or_else(|| without_zone(text));
    let time = stated().or_else(|| now.checked_sub(ago(text)?).ok());
    time.ok_or_else(|| {
        format!(
            "{} is not a time: give one, for example 2024-03-05T14:00:00Z or 2024-03-05 14:00 (UTC), a date, for example \
             2024-03-05, or how long ago, for example 7d (s, m, h, d or w)",
            text::quoted(text)
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
    fn times_are_read_as_reports_show_them_and_people_type_them() {
        for (text, expected) in [
            ("2024-03-05T14:00:00Z", "2024-03-05T14:00:00Z"),
            ("2024-03-05T14:00:00+01:00", "2024-03-05T13:00:00Z"),
            ("2024-03-05T14:07:09.1234567Z", "2024-03-05T14:07:09.1234567Z"),
            ("2024-03-05T14:07:09", "2024-03-05T14:07:09Z"),
            ("2024-03-05 14:07:09.123", "2024-03-05T14:07:09.123Z"),
            ("2024-03-05 14:07:09", "2024-03-05T14:07:09Z"),
            ("2024-03-05T14:07:09.1234567", "2024-03-05T14:07:09.1234567Z"),
            ("2019-05-14 17:17", "2019-05-14T17:17:00Z"),
            ("2019-05-14T17:17", "2019-05-14T17:17:00Z"),
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
            "2024-03-05 14",
            "2024-03-05 1407",
            "2024-03-05 14:07:",
            "2024-03-05 25:00",
            "20240305T140709Z.",
            "2024-02-30",
            "2024-3-5",
            "99999999999999999999d",
            "9999999999d",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
