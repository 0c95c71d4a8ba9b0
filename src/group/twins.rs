//! [`Twins`]: connections that Sysmon and Windows' Security-Auditing have both logged, and that are to count once.
//!
//! Where both are read, an EventID 5156 that has an EventID 3 of the same host, with both endpoints in either order and the transport,
//! within 5 s, is its twin and does not count. Sysmon logs it 1 to 2 s later. The process id is no part of it, since Sysmon's is another
//! one in a fifth of them. All EventID 3 are compared, hits or not, and what does not fit into memory is spilled.

use std::{io, iter::Peekable};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{
        glossary::{Connection, Field},
        security, sysmon,
    },
    group::{
        hit::Hit,
        hits::SortedHits,
        spill::{Each, SortedRuns, Sorter},
    },
};

/// How far apart twins are logged at most, in nanoseconds.
const APART: i128 = 5_000_000_000;

/// Which twins count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twins {
    /// All do: there are none, or they were dropped before.
    Count,
    /// Those that Sysmon has logged.
    Drop,
}

/// What twins have in common. The endpoints are in order, whatever end the connection is from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Meeting {
    host: String,
    transport: String,
    ends: [(String, String); 2],
}

impl Meeting {
    fn of<'a>(field: impl Fn(Field) -> &'a str) -> Self {
        let end = |ip, port| (field(ip).to_owned(), field(port).to_owned());
        let mut ends = [end(Field::SrcIp, Field::SrcPort), end(Field::DestIp, Field::DestPort)];
        ends.sort_unstable();
        Self { host: field(Field::Dvc).to_owned(), transport: field(Field::Transport).to_owned(), ends }
    }

    /// What it takes in memory, in bytes.
    fn size(&self) -> usize {
        let [(one, port), (other, other_port)] = &self.ends;
        let texts = [&self.host, &self.transport, one, port, other, other_port];
        size_of::<Mark>() + texts.iter().map(|text| 16 + text.len()).sum::<usize>()
    }
}

/// That Sysmon has logged a connection. The order is that of the connections, and of each of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Mark {
    meeting: Meeting,
    /// Nanoseconds since 1970.
    time: i128,
}

/// An EventID 5156 that may be a twin, in the same order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Other {
    meeting: Meeting,
    time: i128,
    /// Which of the hits it is.
    number: u64,
}

/// What Sysmon has logged, collected in any order.
#[derive(Debug)]
pub struct Marks {
    marks: Sorter<Mark>,
    room: usize,
}

impl Marks {
    /// None yet. No more than some `room` bytes are held in memory.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self { marks: Sorter::new(room), room }
    }

    /// Adds a connection, if Sysmon has logged it and it is known when.
    pub fn add(&mut self, connection: &Connection<'_>, logged: Option<Timestamp>) {
        if let (sysmon::VENDOR_PRODUCT, Some(time)) = (connection.vendor_product, logged) {
            let meeting = Meeting::of(|field| connection.get(field));
            let size = meeting.size();
            self.marks.push(Mark { meeting, time: time.as_nanosecond() }, size);
        }
    }

    /// Adds what another part of the scan has found.
    pub fn merge(&mut self, other: Self) {
        self.marks.merge(other.marks);
    }

    /// Which of the hits are twins.
    ///
    /// # Errors
    ///
    /// They could not be spilled, or be read again.
    pub fn among(self, hits: &SortedHits) -> io::Result<SortedTwins> {
        let mut others = Sorter::new(self.room);
        for (number, hit) in (0..).zip(hits.pass()?) {
            let hit = hit?;
            if let Some(time) = hit.time.filter(|_| may_be_one(&hit)) {
                let meeting = Meeting::of(|field| hit.get(field));
                let size = meeting.size() + size_of::<u64>();
                others.push(Other { meeting, time: time.as_nanosecond(), number }, size);
            }
        }
        let (marks, others) = (self.marks.into_sorted()?, others.into_sorted()?);
        let mut twins = Sorter::new(self.room);
        let mut marks = marks.pass()?.peekable();
        for other in others.pass()? {
            let other = other?;
            if has_mark(&mut marks, &other)? {
                twins.push(other.number, size_of::<u64>());
            }
        }
        Ok(SortedTwins(twins.into_sorted()?))
    }
}

fn may_be_one(hit: &Hit) -> bool {
    let (by, action) = (hit.get(Field::VendorProduct), hit.get(Field::Action));
    (by, action) == (security::VENDOR_PRODUCT, security::ALLOWED) && !hit.get(Field::DestIp).is_empty()
}

/// Whether one of the marks is of the other's connection and time. Marks before that are passed by: those that come after the other need
/// later ones.
fn has_mark(marks: &mut Peekable<impl Iterator<Item = io::Result<Mark>>>, other: &Other) -> io::Result<bool> {
    let is_before = |mark: &Mark| (&mark.meeting, mark.time) < (&other.meeting, other.time - APART);
    while marks.peek().is_some_and(|mark| mark.as_ref().map_or(true, is_before)) {
        marks.next().transpose()?;
    }
    let is_it = |mark: &Mark| mark.meeting == other.meeting && mark.time <= other.time + APART;
    Ok(marks.peek().is_some_and(|mark| mark.as_ref().is_ok_and(is_it)))
}

/// The numbers of the hits that are twins, in order.
#[derive(Debug)]
pub struct SortedTwins(SortedRuns<u64>);

impl SortedTwins {
    /// The numbers, one by one. Each pass gives the same.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn pass(&self) -> io::Result<Each<'_, u64>> {
        Ok(Box::new(self.0.pass()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{hit::Place, hits::Hits};

    fn connection(by: &'static str, ports: (&'static str, &'static str), seconds: i64) -> Connection<'static> {
        Connection {
            action: security::ALLOWED,
            vendor_product: by,
            dvc: "HOST".into(),
            transport: "tcp".into(),
            src_ip: "10.0.0.1".into(),
            src_port: ports.0.into(),
            dest_ip: "10.0.0.1".into(),
            dest_port: ports.1.into(),
            time: Timestamp::from_second(seconds).ok(),
            ..Connection::default()
        }
    }

    /// The numbers of twins, with so much memory.
    fn twins(sysmon: &[((&'static str, &'static str), i64)], others: &[Connection<'_>], room: usize) -> Vec<u64> {
        let (mut marks, mut hits) = (Marks::new(room), Hits::new(room));
        for &(ports, time) in sysmon {
            let one = connection(sysmon::VENDOR_PRODUCT, ports, time);
            marks.add(&one, one.time);
        }
        for other in others {
            let fields = Field::ALL.iter().map(|&field| other.get(field));
            hits.push(Hit::new(fields, other.time, Place::default(), vec![0]));
        }
        let sorted = marks.among(&hits.into_sorted().unwrap()).unwrap();
        sorted.pass().unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn twins_are_within_five_seconds_of_each_other_in_either_order() {
        let other = |ports, time| connection(security::VENDOR_PRODUCT, ports, time);
        let others = [94, 95, 98, 99, 105, 106, 110, 111]
            .map(|time| other(("1", "2"), time))
            .into_iter()
            .chain([other(("2", "1"), 120)]);
        let others: Vec<Connection<'_>> = others.collect();
        let sysmon = [(("2", "1"), 100), (("1", "2"), 105), (("1", "3"), 94), (("1", "2"), 115)];
        for room in [usize::MAX, 1] {
            assert_eq!(twins(&sysmon, &others, room), [1, 2, 3, 4, 5, 6, 7, 8]);
            assert_eq!(twins(&sysmon[..1], &others, room), [1, 2, 3, 4]);
            assert_eq!(twins(&sysmon[2..3], &others, room), [0; 0]);
        }
    }

    #[test]
    fn what_was_blocked_or_is_of_sysmon_is_no_twin() {
        let blocked = Connection { action: "blocked", ..connection(security::VENDOR_PRODUCT, ("1", "2"), 100) };
        let own = connection(sysmon::VENDOR_PRODUCT, ("1", "2"), 100);
        assert_eq!(twins(&[(("1", "2"), 100)], &[blocked, own], usize::MAX), [0; 0]);
    }
}
