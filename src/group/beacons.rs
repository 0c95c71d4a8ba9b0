//! [`Beacons`]: the channels that are used again and again, the most regular first.
//!
//! A channel is a host, a process, a destination and its port. What makes its score is in [`crate::group::rhythm`]. Whether it is
//! command and control is for a person to judge: updates and clocks are regular too.
//!
//! Moments are kept by channel, in order, and spilled where they do not fit into memory. Of a channel that was spilled, only its
//! different intervals and its histogram are held, so two passes run side by side: one to its end, which then tells the span of the
//! other's histogram.

use std::{cmp::Reverse, collections::HashMap, io, mem};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::glossary::Field,
    group::{
        held::Held,
        hit::Hit,
        key::GroupKey,
        recall::Recall,
        rhythm::{Histogram, Intervals, Rhythm},
        spill::{SortedRuns, Sorter},
    },
};

/// What the connections of a channel share.
pub const FIELDS: [Field; 5] = [Field::Dvc, Field::App, Field::Dest, Field::DestIp, Field::DestPort];

/// Connections, collected in the order of hits.
#[derive(Debug)]
pub struct Beacons {
    /// Which of the times are of which channel.
    channels: HashMap<GroupKey, usize, ahash::RandomState>,
    /// The times of each channel in order, in nanoseconds since 1970.
    times: Vec<Vec<i128>>,
    /// The channel of the last hit, whose memory is used again.
    channel: GroupKey,
    recall: Recall<usize>,
    /// When the last hit was, and its texts.
    last: Option<(Option<Timestamp>, Held)>,
    /// What is held in memory, and may be, in bytes.
    size: usize,
    room: usize,
    spilled: Sorter<Moment>,
}

/// A connection of a channel. The order is that of channels, and of each of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Moment {
    channel: GroupKey,
    /// Nanoseconds since 1970.
    time: i128,
}

/// The second since 1970 of a time.
fn second(nanoseconds: i128) -> i64 {
    i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or_default()
}

/// A channel with its score. The order is that of the table: by score, then by connections, then by what the channel is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Beacon {
    score: Reverse<u16>,
    count: Reverse<u64>,
    channel: GroupKey,
    first: i128,
    last: i128,
    /// How regular it is.
    pub rhythm: Rhythm,
}

/// How many channels there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    /// With a score.
    pub scored: u64,
    /// With too few connections, or too few intervals that are not 0.
    pub few: u64,
}

impl Beacons {
    /// None yet. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self {
            channels: HashMap::default(),
            times: Vec::new(),
            channel: GroupKey::default(),
            recall: Recall::default(),
            last: None,
            size: 0,
            room,
            spilled: Sorter::new(usize::MAX),
        }
    }

    /// Adds a hit, in the order of hits. A copy of the one before does not count, nor does one of no time.
    pub fn add(&mut self, hit: &Hit) {
        let Some(time) = hit.time else { return };
        if self.last.as_ref().is_some_and(|(time, texts)| hit.has_said(*time, texts)) {
            return;
        }
        self.last = Some((hit.time, hit.texts.clone()));
        let number = self.recall.of(hit, 0, FIELDS.into_iter()).unwrap_or_else(|| self.number(hit));
        if let Some(times) = self.times.get_mut(number) {
            times.push(time.as_nanosecond());
        }
        // Of times that are half of what there is room for.
        self.size += 2 * size_of::<i128>();
        if self.size >= self.room {
            self.spill();
        }
    }

    /// The number of a hit's channel.
    fn number(&mut self, hit: &Hit) -> usize {
        let Self { channels, times, channel, recall, size, .. } = self;
        channel.refill(0, FIELDS.iter().map(|&field| hit.get(field)));
        let number = channels.get(channel).copied().unwrap_or_else(|| {
            let channel = channel.clone();
            *size += 2 * size_of::<(GroupKey, usize, Vec<i128>)>() + channel.heap_size();
            channels.insert(channel, times.len());
            times.push(Vec::new());
            times.len() - 1
        });
        recall.remember(number);
        number
    }

    fn spill(&mut self) {
        let channels = self.in_order().into_iter();
        let moments = channels
            .flat_map(|(channel, times)| times.into_iter().map(move |time| Moment { channel: channel.clone(), time }));
        self.spilled.spill_sorted(moments);
    }

    /// What is in memory, in the order of channels. Then it is no longer there.
    fn in_order(&mut self) -> Vec<(GroupKey, Vec<i128>)> {
        self.size = 0;
        self.recall.clear();
        let mut times = mem::take(&mut self.times);
        let mut of_channel = |(channel, number)| (channel, times.get_mut(number).map(mem::take).unwrap_or_default());
        let mut channels: Vec<_> = mem::take(&mut self.channels).into_iter().map(&mut of_channel).collect();
        channels.sort_unstable_by(|(one, _), (two, _)| one.cmp(two));
        channels
    }

    /// The channels that have a score, in the order of the table.
    ///
    /// # Errors
    ///
    /// They could not be spilled, or be read again.
    pub fn into_sorted(mut self) -> io::Result<SortedBeacons> {
        let mut scored = Scored { beacons: Sorter::new(self.room), few: 0 };
        if self.spilled.is_empty() {
            for (channel, times) in self.in_order() {
                let mut open = Open::default();
                for &time in &times {
                    open.add(time);
                }
                scored.add(channel, open, times.into_iter().map(Ok))?;
            }
            return scored.into_sorted();
        }
        self.spill();
        let moments = self.spilled.into_sorted()?;
        let mut ahead = moments.pass()?.peekable();
        let mut behind = moments.pass()?.map(|moment| moment.map(|moment| moment.time));
        while let Some(Moment { channel, time }) = ahead.next().transpose()? {
            let mut open = Open::default();
            open.add(time);
            let is_its = |next: &io::Result<Moment>| next.as_ref().map_or(true, |next| next.channel == channel);
            while let Some(next) = ahead.next_if(is_its).transpose()? {
                open.add(next.time);
            }
            scored.add(channel, open, &mut behind)?;
        }
        scored.into_sorted()
    }
}

/// Channels that were scored.
struct Scored {
    beacons: Sorter<Beacon>,
    few: u64,
}

impl Scored {
    /// Scores a channel. `behind` gives the same times once more, and may give those of others behind them.
    fn add(
        &mut self,
        channel: GroupKey,
        open: Open,
        mut behind: impl Iterator<Item = io::Result<i128>>,
    ) -> io::Result<()> {
        let Open { first, last, count, intervals } = open;
        let mut histogram = Histogram::new(second(first), second(last));
        for _ in 0..count {
            if let Some(time) = behind.next().transpose()? {
                histogram.add(second(time));
            }
        }
        let Some(rhythm) = Rhythm::new(&intervals, &histogram) else {
            self.few += 1;
            return Ok(());
        };
        let score = Reverse(rhythm.score());
        let beacon = Beacon { score, count: Reverse(count), channel, first, last, rhythm };
        let size = size_of::<Beacon>() + beacon.channel.heap_size();
        self.beacons.push(beacon, size);
        Ok(())
    }

    fn into_sorted(self) -> io::Result<SortedBeacons> {
        Ok(SortedBeacons { beacons: self.beacons.into_sorted()?, few: self.few })
    }
}

/// A channel whose connections are being counted. Times are nanoseconds since 1970.
#[derive(Default)]
struct Open {
    first: i128,
    last: i128,
    count: u64,
    intervals: Intervals,
}

impl Open {
    /// Adds a connection, not before the last one.
    fn add(&mut self, time: i128) {
        if self.count == 0 {
            self.first = time;
        }
        self.last = time;
        self.count += 1;
        self.intervals.add(second(time));
    }
}

impl Beacon {
    /// The values of the [`FIELDS`].
    pub fn values(&self) -> impl Iterator<Item = &str> + Clone {
        self.channel.values()
    }

    /// How many connections it is.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.0
    }

    /// When the first of them was.
    #[must_use]
    pub fn first(&self) -> Option<Timestamp> {
        Timestamp::from_nanosecond(self.first).ok()
    }

    /// When the last of them was.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        Timestamp::from_nanosecond(self.last).ok()
    }

    /// Its score, in thousandths.
    #[must_use]
    pub fn score(&self) -> u16 {
        self.score.0
    }
}

/// Channels with their scores, in the order of the table.
#[derive(Debug)]
pub struct SortedBeacons {
    beacons: SortedRuns<Beacon>,
    few: u64,
}

impl SortedBeacons {
    /// How many channels there are.
    #[must_use]
    pub fn channels(&self) -> Channels {
        Channels { scored: self.beacons.count(), few: self.few }
    }

    /// One by one. Each pass gives the same.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn pass(&self) -> io::Result<impl Iterator<Item = io::Result<Beacon>>> {
        self.beacons.pass()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::hit::Place;

    fn hit(dest_ip: &str, millisecond: i64, record_id: &str) -> Hit {
        let fields = Field::ALL.iter().map(|&field| if field == Field::DestIp { dest_ip } else { "x" });
        let time = Timestamp::from_millisecond(millisecond).ok();
        Hit::new(fields, time, Place { record_id, ..Place::default() }, vec![0])
    }

    /// The address, connections, median interval and score of each channel, with so much memory; and how many have too few.
    fn found(hits: &[Hit], room: usize) -> (Vec<(String, u64, u64, u16)>, u64) {
        let mut beacons = Beacons::new(room);
        for hit in hits {
            beacons.add(hit);
        }
        let sorted = beacons.into_sorted().unwrap();
        let row = |beacon: Beacon| {
            let address = beacon.values().nth(3).unwrap().to_owned();
            (address, beacon.count(), beacon.rhythm.median, beacon.score())
        };
        let rows = sorted.pass().unwrap().map(|beacon| row(beacon.unwrap())).collect();
        (rows, sorted.channels().few)
    }

    #[test]
    fn channels_are_scored_apart_and_copies_count_once_with_any_memory() {
        let mut hits = Vec::new();
        for minute in 0..240 {
            let at = minute * 60_000;
            hits.push(hit("regular", at, "1"));
            hits.push(hit("regular", at, "1"));
            // Others of the same second are the same moment.
            hits.push(hit("regular", at + 20, "2"));
            hits.push(hit("random", at + minute * minute * 7919 % 59_000 + 100, "3"));
        }
        hits.extend((0..3).map(|day| hit("rare", 20_000_000 + day * 86_400_000, "4")));
        let once = found(&hits, usize::MAX);
        let (rows, few) = &once;
        assert_eq!((&rows[0].0[..], rows[0].1, rows[0].2), ("regular", 480, 60_000));
        assert_eq!((&rows[1].0[..], rows[1].1, rows.len(), *few), ("random", 240, 2, 1));
        assert!(rows[0].3 > 990 && rows[1].3 < rows[0].3, "{rows:?}");
        assert_eq!(found(&hits, 1), once);
        assert_eq!(found(&hits, 5000), once);
    }

    #[test]
    fn of_the_same_score_the_one_with_more_connections_comes_first() {
        let mut hits = Vec::new();
        for (address, count) in [("c", 4), ("b", 5), ("a", 4)] {
            hits.extend((0..count).map(|number| hit(address, number * 60_000, "1")));
        }
        let (rows, _) = found(&hits, usize::MAX);
        let addresses: Vec<&str> = rows.iter().map(|row| &*row.0).collect();
        assert_eq!(addresses, ["b", "a", "c"], "{rows:?}");
    }
}
