//! [`Rhythm`]: how regularly a channel is used, as RITA version 5 scores it.
//!
//! The formulas are those of `analysis/beacons.go` in <https://github.com/activecm/rita> (v5.1.1), with the quartiles of
//! <https://github.com/montanaflynn/stats>, which it calls: Q1 and Q3 are the medians of the lower and the upper half, without the
//! one in the middle of an odd number. As there, times are whole seconds, so that connections opened at once are one moment.
//!
//! It differs from RITA in this: data sizes are not logged and not scored; the histogram is over the channel's own span and not that of
//! all logs, so coverage is the share of its 24 bins that are used; there is no bimodal fit; all scores are rounded to the nearest
//! thousandth; and the score is the mean of the four.
//!
//! Everything is counted in whole numbers, so that the same times have the same scores on every machine.

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};

/// From how many intervals on that are not 0 there are scores.
pub const ENOUGH: u64 = 3;

/// How many bins a histogram has.
const BINS: usize = 24;

/// From how many bins with a connection on there is a score of duration.
const BARS: usize = 6;

/// How many bins with a connection, one behind the other, have the highest score of duration.
const RUN: usize = 12;

/// Quartiles closer than this have no skew, in seconds.
const CLOSE: u64 = 10;

/// A score from 0 to 1, in thousandths.
pub type Thousandths = u16;

/// How regularly a channel is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rhythm {
    /// The median interval, in milliseconds.
    pub median: u64,
    /// The median absolute deviation from it, in milliseconds.
    pub deviation: u64,
    /// How symmetric the intervals are.
    pub skew: Thousandths,
    /// How close they are to their median.
    pub mad: Thousandths,
    /// How even the histogram is.
    pub histogram: Thousandths,
    /// How much of the span has connections.
    pub duration: Thousandths,
}

impl Rhythm {
    /// Of the intervals of a channel and of its histogram, if there are [`ENOUGH`] intervals.
    #[must_use]
    pub fn new(intervals: &Intervals, histogram: &Histogram) -> Option<Self> {
        if !intervals.are_enough() {
            return None;
        }
        let Intervals { counts, total, .. } = intervals;
        let (half, total) = (total / 2, *total);
        // Twice each, so that they are whole numbers.
        let [lower, median, upper] = [0..half, 0..total, total - half..total].map(|part| twice_median(counts, part));
        let mut deviations = BTreeMap::new();
        for (interval, count) in counts {
            *deviations.entry(interval.saturating_mul(2).abs_diff(median)).or_default() += count;
        }
        let four_deviations = twice_median(&deviations, 0..total);
        let four_medians = median.saturating_mul(2);
        Some(Self {
            median: median.saturating_mul(500),
            deviation: four_deviations.saturating_mul(250),
            skew: skew_score(lower, median, upper),
            mad: thousandths(four_medians.saturating_sub(four_deviations), four_medians),
            histogram: histogram.evenness(),
            duration: histogram.duration(),
        })
    }

    /// The mean of the four scores.
    #[must_use]
    pub fn score(&self) -> Thousandths {
        (self.skew + self.mad + self.histogram + self.duration + 2) / 4
    }
}

/// The intervals between the connections of a channel that are not 0, in seconds, each with how often it is there.
///
/// Different ones are few, whatever there is of them: `n` of them make a span of `n * (n + 1) / 2` seconds at least.
#[derive(Debug, Default)]
pub struct Intervals {
    counts: BTreeMap<u64, u64>,
    total: u64,
    last: Option<i64>,
}

impl Intervals {
    /// Adds a connection, not before the last one, by its second since 1970.
    pub fn add(&mut self, second: i64) {
        let interval = self.last.replace(second).map_or(0, |last| second.abs_diff(last));
        if interval > 0 {
            *self.counts.entry(interval).or_default() += 1;
            self.total += 1;
        }
    }

    /// Whether there are [`ENOUGH`].
    #[must_use]
    pub fn are_enough(&self) -> bool {
        self.total >= ENOUGH
    }
}

/// Twice the median of a part of some numbers: of those in these places, when all are in order.
fn twice_median(counts: &BTreeMap<u64, u64>, part: Range<u64>) -> u64 {
    let size = part.end - part.start;
    let at = |place: u64| {
        let mut before = 0;
        let mut numbers = counts.iter();
        let found = numbers.find(|&(_, count)| {
            before += count;
            place < before
        });
        found.map_or(0, |(&number, _)| number)
    };
    at(part.start + size.saturating_sub(1) / 2).saturating_add(at(part.start + size / 2))
}

/// 1 - |skew|, where skew is Bowley's: (Q1 + Q3 - 2 Q2) / (Q3 - Q1). It takes twice the quartiles, which are whole numbers.
fn skew_score(lower: u64, median: u64, upper: u64) -> Thousandths {
    let (below, above) = (median.saturating_sub(lower), upper.saturating_sub(median));
    let range = below.saturating_add(above);
    if range < 2 * CLOSE || below == 0 || above == 0 {
        return 1000;
    }
    thousandths(range - below.abs_diff(above), range)
}

/// How many connections are in each of 24 equal parts of a span.
#[derive(Debug)]
pub struct Histogram {
    first: i64,
    span: u64,
    bins: [u64; BINS],
}

impl Histogram {
    /// Empty, from one second since 1970 to another.
    #[must_use]
    pub fn new(first: i64, last: i64) -> Self {
        Self { first, span: last.abs_diff(first).max(1), bins: [0; BINS] }
    }

    /// Adds a connection at a second. The last one of the span is in the last bin.
    pub fn add(&mut self, second: i64) {
        let bin = second.abs_diff(self.first).saturating_mul(BINS as u64) / self.span;
        let bin = usize::try_from(bin).unwrap_or(BINS).min(BINS - 1);
        if let Some(bin) = self.bins.get_mut(bin) {
            *bin += 1;
        }
    }

    /// 1 minus the coefficient of variation of the bins, at least 0.
    fn evenness(&self) -> Thousandths {
        let total: u128 = self.bins.iter().map(|&bin| u128::from(bin)).sum();
        let squares: u128 = self.bins.iter().map(|&bin| u128::from(bin).pow(2)).sum();
        // The coefficient is the root of this over the total.
        let variance = (BINS as u128 * squares).saturating_sub(total.pow(2));
        let twice = variance.saturating_mul(4_000_000).isqrt();
        let coefficient = (twice + total).checked_div(2 * total).unwrap_or(1000);
        u16::try_from(1000_u128.saturating_sub(coefficient)).unwrap_or(0)
    }

    /// The share of bins with a connection, or the longest run of such bins over 12 if that is more; 0 if they are fewer than 6. As
    /// in RITA, the first bin comes behind the last one.
    fn duration(&self) -> Thousandths {
        let bars = self.bins.iter().filter(|&&bin| bin > 0).count();
        if bars < BARS {
            return 0;
        }
        let (mut run, mut longest) = (0, 0);
        for &bin in self.bins.iter().chain(&self.bins) {
            run = if bin > 0 { run + 1 } else { 0 };
            longest = run.max(longest);
        }
        let consistency = thousandths(longest.min(RUN) as u64, RUN as u64);
        thousandths(bars as u64, BINS as u64).max(consistency)
    }
}

/// A part of a whole, rounded to the nearest thousandth.
fn thousandths(part: u64, whole: u64) -> Thousandths {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let rounded = (2000 * part + whole).checked_div(2 * whole).unwrap_or(0);
    u16::try_from(rounded).unwrap_or(1000).min(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of connections with these intervals between them.
    fn of(intervals: &[i64]) -> Option<Rhythm> {
        let mut seconds = vec![1_700_000_000];
        for interval in intervals {
            seconds.push(seconds.last().unwrap() + interval);
        }
        let mut counted = Intervals::default();
        let mut histogram = Histogram::new(seconds[0], *seconds.last().unwrap());
        for &second in &seconds {
            counted.add(second);
            histogram.add(second);
        }
        Rhythm::new(&counted, &histogram)
    }

    fn histogram(bins: [u64; BINS]) -> Histogram {
        Histogram { first: 0, span: 24, bins }
    }

    #[test]
    fn three_intervals_that_are_not_0_are_enough() {
        assert_eq!(of(&[60, 60]), None);
        assert_eq!(of(&[60, 0, 0, 60]), None);
        let three = of(&[60, 0, 60, 60]).unwrap();
        assert_eq!((three.median, three.deviation, three.skew, three.mad), (60_000, 0, 1000, 1000));
    }

    #[test]
    fn skew_is_of_the_medians_of_both_halves_without_the_middle() {
        // Q1 = 15, Q2 = 30, Q3 = 85: (15 + 85 - 60) / 70 = 0.571.
        assert_eq!(of(&[10, 20, 30, 80, 90]).unwrap().skew, 429);
        // Of an even number, Q1 = 20, Q2 = 55, Q3 = 85: (20 + 85 - 110) / 65 = -0.077.
        assert_eq!(of(&[90, 10, 80, 20, 85, 30]).unwrap().skew, 923);
        // Of three, Q1 = 10 and Q3 = 100: (10 + 100 - 40) / 90 = 0.778.
        assert_eq!(of(&[10, 20, 100]).unwrap().skew, 222);
    }

    #[test]
    fn there_is_no_skew_where_quartiles_are_close_or_the_same() {
        // Q3 - Q1 = 9; then 10, where Q1 = 50, Q2 = 51, Q3 = 60: 8 / 10.
        assert_eq!(of(&[50, 51, 59]).unwrap().skew, 1000);
        assert_eq!(of(&[50, 51, 60]).unwrap().skew, 200);
        assert_eq!(of(&[50, 50, 500]).unwrap().skew, 1000);
        assert_eq!(of(&[50, 500, 500]).unwrap().skew, 1000);
    }

    #[test]
    fn deviation_is_from_the_median_and_over_it() {
        // The distances from 60 are 2, 1, 0, 1, 240.
        let found = of(&[58, 59, 60, 61, 300]).unwrap();
        assert_eq!((found.median, found.deviation, found.mad), (60_000, 1000, 983));
        // From 25: 15, 5, 5, 375; the median is 10.
        let found = of(&[10, 20, 30, 400]).unwrap();
        assert_eq!((found.median, found.deviation, found.mad), (25_000, 10_000, 600));
        // From 1.5: 0.5, 0.5, 0.5, 7.5.
        let found = of(&[1, 1, 2, 9]).unwrap();
        assert_eq!((found.median, found.deviation, found.mad), (1500, 500, 667));
    }

    #[test]
    fn an_even_histogram_scores_1_and_one_with_one_high_bin_0() {
        assert_eq!(histogram([7; BINS]).evenness(), 1000);
        let mut one = [0; BINS];
        one[3] = 100;
        assert_eq!(histogram(one).evenness(), 0);
        // Half of the bins with 1, half with 3: the mean is 2, the deviation 1.
        let mut halves = [1; BINS];
        halves[12..].fill(3);
        assert_eq!(histogram(halves).evenness(), 500);
        // 23 with 5 and one with 4: the mean is 119/24, the deviation sqrt(23)/24, which is 0.0403 of it.
        let mut nearly = [5; BINS];
        nearly[0] = 4;
        assert_eq!(histogram(nearly).evenness(), 960);
    }

    #[test]
    fn connections_are_in_the_bin_of_their_part_of_the_span() {
        let mut histogram = Histogram::new(-100, -100 + 240);
        for second in [-100, -91, -90, 139, 140] {
            histogram.add(second);
        }
        let mut expected = [0; BINS];
        (expected[0], expected[1], expected[23]) = (2, 1, 2);
        assert_eq!(histogram.bins, expected);
    }

    #[test]
    fn duration_is_coverage_or_the_longest_run_whichever_is_more() {
        let with = |used: &[usize]| {
            let mut bins = [0; BINS];
            for &bin in used {
                bins[bin] = 1;
            }
            histogram(bins).duration()
        };
        // Five are too few.
        assert_eq!(with(&[0, 1, 2, 3, 4]), 0);
        // 6 of 24, all in a run of 6 over 12.
        assert_eq!(with(&[0, 1, 2, 3, 4, 5]), 500);
        // 8 of 24, no two together but the last and the first.
        assert_eq!(with(&[0, 2, 5, 8, 11, 14, 17, 23]), 333);
        // A run of 9 over the end.
        assert_eq!(with(&[20, 21, 22, 23, 0, 1, 2, 3, 4]), 750);
        assert_eq!(histogram([1; BINS]).duration(), 1000);
    }

    #[test]
    fn the_score_is_the_mean_of_the_four() {
        let regular = of(&[60; 240]).unwrap();
        assert_eq!((regular.skew, regular.mad, regular.duration), (1000, 1000, 1000));
        // 23 bins with 10, and the last with one more: the deviation is sqrt(23)/24 of a mean of 241/24.
        assert_eq!((regular.histogram, regular.score()), (980, 995));
    }
}
