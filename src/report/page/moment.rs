//! A moment as a page's script reads it: its [`Time`].

use jiff::Timestamp;

/// Seconds since 1970 and ticks of 100 ns; null if not stated.
pub(super) type Time = Option<(i64, i64)>;

pub(super) fn stated(time: Option<Timestamp>) -> Time {
    self::time(time.map(Timestamp::as_nanosecond))
}

pub(super) fn time(nanoseconds: Option<i128>) -> Time {
    let nanoseconds = nanoseconds?;
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).ok()?;
    Some((seconds, i64::try_from(nanoseconds.rem_euclid(1_000_000_000) / 100).ok()?))
}
