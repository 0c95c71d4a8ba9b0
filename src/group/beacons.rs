//! [`Beacons`]: the channels that are used again and again, the most regular first.
//!
//! A channel is a host, a process, a destination and its port. What makes its score is in [`crate::group::rhythm`]. Whether it is
//! command and control is for a person to judge: updates and clocks are regular too.
//!
//! Moments are put in order by channel, and spilled where they do not fit into memory. Of a channel, only its different intervals and
//! its histogram are held, so two passes run side by side: one to its end, which then tells the span of the other's histogram.

use std::{cmp::Reverse, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::glossary::Field,
    group::{
        hit::Hit,
        key::GroupKey,
        rhythm::{Histogram, Intervals, Rhythm},
        spill::{SortedRuns, Sorter},
    },
};

/// What the connections of a channel share.
pub const FIELDS: [Field; 5] = [Field::Dvc, Field::App, Field::Dest, Field::DestIp, Field::DestPort];

/// Connections, collected in the order of hits.
#[derive(Debug)]
pub struct Beacons {
    moments: Sorter<Moment>,
    room: usize,
    last: Option<Hit>,
}

/// A connection of a channel. The order is that of channels, and of each of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Moment {
    channel: GroupKey,
    /// Nanoseconds since 1970.
    time: i128,
}

impl Moment {
    fn second(&self) -> i64 {
        i64::try_from(self.time.div_euclid(1_000_000_000)).unwrap_or_default()
    }
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
        Self { moments: Sorter::new(room), room, last: None }
    }

    /// Adds a hit, in the order of hits. A copy of the one before does not count, nor does one of no time.
    pub fn add(&mut self, hit: &Hit) {
        let Some(time) = hit.time else { return };
        if self.last.as_ref().is_some_and(|last| hit.is_copy_of(last)) {
            return;
        }
        let moment = Moment { channel: GroupKey::new(&FIELDS, 0, |field| hit.get(field)), time: time.as_nanosecond() };
        let size = size_of::<Moment>() + moment.channel.heap_size();
        self.moments.push(moment, size);
        self.last = Some(hit.clone());
    }

    /// The channels that have a score, in the order of the table.
    ///
    /// # Errors
    ///
    /// They could not be spilled, or be read again.
    pub fn into_sorted(self) -> io::Result<SortedBeacons> {
        let moments = self.moments.into_sorted()?;
        let mut beacons = Sorter::new(self.room);
        let (mut ahead, mut behind) = (moments.pass()?.peekable(), moments.pass()?);
        let mut few = 0;
        while let Some(first) = ahead.next().transpose()? {
            let mut open = Open::of(first);
            let is_its = |next: &io::Result<Moment>, open: &Open| {
                next.as_ref().map_or(true, |next| next.channel == open.first.channel)
            };
            while let Some(next) = ahead.next_if(|next| is_its(next, &open)).transpose()? {
                open.add(&next);
            }
            match open.closed(&mut behind)? {
                Some(beacon) => {
                    let size = size_of::<Beacon>() + beacon.channel.heap_size();
                    beacons.push(beacon, size);
                }
                None => few += 1,
            }
        }
        Ok(SortedBeacons { beacons: beacons.into_sorted()?, few })
    }
}

/// A channel whose connections are being counted.
struct Open {
    first: Moment,
    last: i128,
    end: i64,
    count: u64,
    intervals: Intervals,
}

impl Open {
    fn of(first: Moment) -> Self {
        let mut intervals = Intervals::default();
        intervals.add(first.second());
        Self { last: first.time, end: first.second(), count: 1, intervals, first }
    }

    fn add(&mut self, next: &Moment) {
        self.intervals.add(next.second());
        (self.last, self.end) = (next.time, next.second());
        self.count += 1;
    }

    /// Its score, if it has one. The same connections are taken from `behind`.
    fn closed(self, behind: &mut impl Iterator<Item = io::Result<Moment>>) -> io::Result<Option<Beacon>> {
        let mut histogram = Histogram::new(self.first.second(), self.end);
        for _ in 0..self.count {
            if let Some(moment) = behind.next().transpose()? {
                histogram.add(moment.second());
            }
        }
        Ok(Rhythm::new(&self.intervals, &histogram).map(|rhythm| Beacon {
            score: Reverse(rhythm.score()),
            count: Reverse(self.count),
            channel: self.first.channel,
            first: self.first.time,
            last: self.last,
            rhythm,
        }))
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
