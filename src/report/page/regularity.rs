//! [`Intervals`]: how regularly something is repeated. Beaconing is what command and control looks like.
//!
//! Whether it is beaconing is for a person to judge: updates and clocks are regular too.

/// From how many connections on their regularity is told.
pub(super) const ENOUGH: u64 = 5;

/// Intervals that are kept of one kind of connection.
const KEPT: usize = 512;

/// The time between one connection and the next, in milliseconds, with a bound: when there are too many, every second one
/// of those that are kept is dropped, and from then on only every second one is kept.
#[derive(Debug, Default)]
pub(super) struct Intervals {
    /// Connections whose time is known.
    pub(super) count: u64,
    last: Option<i128>,
    kept: Vec<u64>,
    /// Every how manieth interval is kept, as a power of two.
    stride: u32,
}

/// The median of the intervals and the median distance from it, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Regularity {
    /// The median interval.
    pub(super) median: u64,
    /// The median absolute deviation from it.
    pub(super) deviation: u64,
}

impl Intervals {
    /// Adds a connection, not before the last one, by its time in nanoseconds.
    pub(super) fn add(&mut self, time: i128) {
        if let Some(last) = self.last.replace(time) {
            let number = self.count - 1;
            if number.is_multiple_of(1_u64.checked_shl(self.stride).unwrap_or(u64::MAX)) {
                self.kept.push(u64::try_from((time - last) / 1_000_000).unwrap_or(u64::MAX));
            }
            if self.kept.len() > KEPT {
                let mut keep = false;
                self.kept.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.stride += 1;
            }
        }
        self.count += 1;
    }

    /// How regular they are, if there are [`ENOUGH`].
    pub(super) fn regularity(&self) -> Option<Regularity> {
        if self.count < ENOUGH {
            return None;
        }
        let median = median(self.kept.clone());
        let deviation = self::median(self.kept.iter().map(|&interval| interval.abs_diff(median)).collect());
        Some(Regularity { median, deviation })
    }
}

impl Regularity {
    /// The deviation in thousandths of the median; the highest number where the median is 0.
    pub(super) fn spread(self) -> u64 {
        self.deviation.saturating_mul(1000).checked_div(self.median).unwrap_or(u64::MAX)
    }
}

/// The median, of an even number the mean of the two in the middle.
fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    let upper = numbers.get(numbers.len() / 2).copied().unwrap_or(0);
    let lower = numbers.get(numbers.len().saturating_sub(1) / 2).copied().unwrap_or(0);
    lower.midpoint(upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seconds: impl IntoIterator<Item = i128>) -> Option<Regularity> {
        let mut intervals = Intervals::default();
        seconds.into_iter().for_each(|second| intervals.add(second * 1_000_000_000));
        assert!(intervals.kept.len() <= KEPT);
        intervals.regularity()
    }

    #[test]
    fn a_beacon_has_its_interval_and_the_spread_of_its_jitter() {
        // 60, 61, 59, 60, 300: one that was missed does not hide the rest.
        let found = of([0, 60, 121, 180, 240, 540]).unwrap();
        assert_eq!(found, Regularity { median: 60_000, deviation: 1_000 });
        assert_eq!(found.spread(), 16);
        assert_eq!(of([0, 60, 120, 180]), None);
        assert_eq!(of([7; 5]).unwrap().spread(), u64::MAX);
    }

    #[test]
    fn of_very_many_connections_a_sample_tells_the_same() {
        let found = of((0..100_000).map(|n| n * 30 + n % 3)).unwrap();
        assert_eq!(found, Regularity { median: 31_000, deviation: 0 });
    }
}
