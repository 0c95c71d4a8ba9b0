//! A [`Window`] of time, and what is in it.

use jiff::Timestamp;

/// A time from which on, and one before which, connections were logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The first that is in it; `None` for the beginning of time.
    pub since: Option<Timestamp>,
    /// The first that is not; `None` for the end.
    pub until: Option<Timestamp>,
}

impl Window {
    /// Whether every time is in it.
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

#[cfg(test)]
mod tests {
    use super::*;

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
