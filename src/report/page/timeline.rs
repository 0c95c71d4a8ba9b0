//! A [`Timeline`]: hits counted in buckets of time, by destination and by process, or by group.
//!
//! Hits come in the order of time. How long they span is not known until the last, so the buckets start fine and become
//! twice as wide whenever there would be too many of them.

const SECOND: i128 = 1_000_000_000;

/// How fine a timeline is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fineness {
    /// The most buckets that there can be.
    pub(super) buckets: u32,
    /// The most that are held, of all series together, unless there are as many series: 8 bytes each.
    pub(super) held: usize,
}

/// Hits by time, in so many stacks of series. A series is known by its index.
#[derive(Debug)]
pub(super) struct Timeline<const STACKS: usize> {
    /// The whole second of the first hit, in nanoseconds since 1970.
    start: Option<i128>,
    /// Of a bucket, in nanoseconds.
    width: i128,
    /// For each stack and each series in it, the buckets that have hits and how many, in order.
    stacks: [Vec<Vec<(u32, u32)>>; STACKS],
    held: usize,
    limit: usize,
    buckets: i128,
}

impl<const STACKS: usize> Timeline<STACKS> {
    /// No hits yet.
    pub(super) fn new(Fineness { buckets, held }: Fineness) -> Self {
        let stacks = std::array::from_fn(|_| Vec::new());
        Self { start: None, width: SECOND, stacks, held: 0, limit: held, buckets: buckets.into() }
    }

    /// Counts a hit, which is not before the last one, in a series of each stack.
    pub(super) fn add(&mut self, time: i128, series: [usize; STACKS]) {
        let start = *self.start.get_or_insert(time.div_euclid(SECOND) * SECOND);
        while (time - start) / self.width >= self.buckets || self.held > self.limit {
            self.coarsen();
        }
        let bucket = u32::try_from((time - start) / self.width).unwrap_or(0);
        for (stack, index) in self.stacks.iter_mut().zip(series) {
            if stack.len() <= index {
                stack.resize(index + 1, Vec::new());
            }
            let Some(series) = stack.get_mut(index) else { continue };
            match series.last_mut() {
                Some((last, count)) if *last == bucket => *count = count.saturating_add(1),
                _ => {
                    series.push((bucket, 1));
                    self.held += 1;
                }
            }
        }
    }

    /// When it starts, in seconds since 1970, and how wide a bucket is, in seconds.
    pub(super) fn scale(&self) -> (i128, i128) {
        (self.start.unwrap_or(0) / SECOND, self.width / SECOND)
    }

    /// The buckets of one series of a stack.
    pub(super) fn one(&self, stack: usize, index: usize) -> &[(u32, u32)] {
        self.stacks.get(stack).and_then(|stack| stack.get(index)).map_or(&[], Vec::as_slice)
    }

    /// The buckets of some series of a stack, and of all others of it together.
    pub(super) fn series(&self, stack: usize, chosen: &[usize]) -> Vec<Vec<(u32, u32)>> {
        let all = self.stacks.get(stack).map_or(&[][..], Vec::as_slice);
        let mut series: Vec<_> = chosen.iter().map(|&index| all.get(index).cloned().unwrap_or_default()).collect();
        let mut others: Vec<(u32, u32)> = all
            .iter()
            .enumerate()
            .filter(|(index, _)| !chosen.contains(index))
            .flat_map(|(_, it)| it)
            .copied()
            .collect();
        others.sort_unstable_by_key(|&(bucket, _)| bucket);
        series.push(merged(others, |bucket| bucket));
        series
    }

    fn coarsen(&mut self) {
        self.width *= 2;
        self.held = 0;
        for series in self.stacks.iter_mut().flatten() {
            *series = merged(std::mem::take(series), |bucket| bucket / 2);
            self.held += series.len();
        }
        // Where every series has one bucket there is nothing to be won: the series are as many as the destinations.
        self.limit = self.limit.max(self.held * 2);
    }
}

/// Buckets in order with new numbers, the same ones added up.
fn merged(buckets: Vec<(u32, u32)>, number: impl Fn(u32) -> u32) -> Vec<(u32, u32)> {
    let mut merged: Vec<(u32, u32)> = Vec::with_capacity(buckets.len());
    for (bucket, more) in buckets {
        match merged.last_mut() {
            Some((last, count)) if *last == number(bucket) => *count = count.saturating_add(more),
            _ => merged.push((number(bucket), more)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_widen_until_all_hits_fit_and_lose_none() {
        let mut timeline = Timeline::new(Fineness { buckets: 2_000, held: 1 << 20 });
        for n in 0..5_000_i128 {
            timeline.add(1_500_000_000 + n * n * 1_000_000, [usize::from(n % 3 == 0), 7]);
        }
        let (start, width) = timeline.scale();
        assert_eq!((start, width), (1, 16));
        let count = |series: &[(u32, u32)]| series.iter().map(|&(_, count)| count).sum::<u32>();
        let by_dest: Vec<u32> = timeline.series(0, &[1]).iter().map(|series| count(series)).collect();
        assert_eq!(by_dest, [1667, 3333]);
        let last = *timeline.series(1, &[7])[0].last().unwrap();
        assert_eq!(last.0, 24_990 / 16);
    }
}
