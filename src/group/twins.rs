//! [`Twins`]: connections that Sysmon and Windows' Security-Auditing have both logged, and that are to count once.
//!
//! Where both are read, an EventID 5156 that has an EventID 3 of the same host, with both endpoints in either order and the transport,
//! within 5 s by the times of logging, is its twin. It does not count for rules that Sysmon's matches too, and is left out if it matches no others: where Sysmon
//! names another process, or its event was left out, the 5156 is all there is of the hit. Sysmon logs its event 1 to 2 s later. The process id is not
//! compared, since Sysmon states another one in a fifth of them. What does not fit into memory is spilled.

use std::{io, iter::Peekable};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{glossary::Field, host, security, sysmon},
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
    /// Its name, folded.
    host: String,
    transport: String,
    ends: [(String, String); 2],
    /// A rule that both are hits of. A hit of several rules has as many of these.
    rule: usize,
}

impl Meeting {
    fn of(hit: &Hit, rule: usize) -> Self {
        let field = |field| hit.get(field).to_owned();
        let mut ends = [(field(Field::SrcIp), field(Field::SrcPort)), (field(Field::DestIp), field(Field::DestPort))];
        ends.sort_unstable();
        Self { host: host::folded(hit.get(Field::Dvc)).into_owned(), transport: field(Field::Transport), ends, rule }
    }

    /// Whether both endpoints are stated, without which one connection is like many others.
    fn is_stated(hit: &Hit) -> bool {
        [Field::SrcIp, Field::SrcPort, Field::DestIp, Field::DestPort].iter().all(|&field| !hit.get(field).is_empty())
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

/// That a hit does not count for a rule.
type Twin = (u64, usize);

/// Which of the hits are twins, and of which rules. No more than some `room` bytes are held in memory.
///
/// # Errors
///
/// They could not be spilled, or be read again.
pub fn among(hits: &SortedHits, room: usize) -> io::Result<SortedTwins> {
    let (mut marks, mut others) = (Sorter::new(room), Sorter::new(room));
    for (number, hit) in (0..).zip(hits.pass()?) {
        let hit = hit?;
        let Some(time) = hit.logged().map(Timestamp::as_nanosecond).filter(|_| Meeting::is_stated(&hit)) else {
            continue;
        };
        for meeting in hit.rules.iter().map(|&rule| Meeting::of(&hit, rule)) {
            let size = meeting.size() + size_of::<u64>();
            match (hit.get(Field::VendorProduct), hit.get(Field::Action)) {
                (sysmon::VENDOR_PRODUCT, _) => marks.push(Mark { meeting, time }, size),
                (security::VENDOR_PRODUCT, security::ALLOWED) => others.push(Other { meeting, time, number }, size),
                _ => {}
            }
        }
    }
    let (marks, others) = (marks.into_sorted()?, others.into_sorted()?);
    let mut twins = Sorter::new(room);
    let mut marks = marks.pass()?.peekable();
    for other in others.pass()? {
        let other = other?;
        if has_mark(&mut marks, &other)? {
            twins.push((other.number, other.meeting.rule), size_of::<Twin>());
        }
    }
    Ok(SortedTwins(twins.into_sorted()?))
}

/// Whether one of the marks is of the other's connection and time. Earlier marks are dropped: later candidates cannot need them.
fn has_mark(marks: &mut Peekable<impl Iterator<Item = io::Result<Mark>>>, other: &Other) -> io::Result<bool> {
    let is_before = |mark: &Mark| (&mark.meeting, mark.time) < (&other.meeting, other.time - APART);
    while marks.peek().is_some_and(|mark| mark.as_ref().map_or(true, is_before)) {
        marks.next().transpose()?;
    }
    let is_it = |mark: &Mark| mark.meeting == other.meeting && mark.time <= other.time + APART;
    Ok(marks.peek().is_some_and(|mark| mark.as_ref().is_ok_and(is_it)))
}

/// The hits that are twins, by their numbers in order, each with the rules that it does not count for.
#[derive(Debug)]
pub struct SortedTwins(SortedRuns<Twin>);

/// The twins that were not passed by.
pub struct Pass<'a>(Peekable<Each<'a, Twin>>);

impl SortedTwins {
    /// The twins, from the first on.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn pass(&self) -> io::Result<Pass<'_>> {
        let twins: Each<'_, Twin> = Box::new(self.0.pass()?);
        Ok(Pass(twins.peekable()))
    }
}

impl Pass<'_> {
    /// The rules that the hit with this number does not count for. Numbers have to be asked for in order, and none may be left out.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn rules_of(&mut self, number: usize) -> io::Result<Vec<usize>> {
        let mut rules = Vec::new();
        let is_it = |twin: &io::Result<Twin>| twin.as_ref().map_or(true, |&(other, _)| other == number as u64);
        while let Some(twin) = self.0.next_if(is_it) {
            rules.push(twin?.1);
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::glossary::Connection,
        group::{hit::Place, hits::Hits},
    };

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

    /// The numbers of twins among the others, and the rules that they do not count for, with so much memory. Each has its rules.
    fn twins_of(all: &[(Connection<'_>, &[usize])], room: usize) -> Vec<(usize, Vec<usize>)> {
        let mut hits = Hits::new(room);
        for (number, (one, rules)) in all.iter().enumerate() {
            let fields = Field::ALL.iter().map(|&field| one.get(field));
            let place = Place { offset: number as u64, ..Place::default() };
            hits.push(Hit::new(fields, one.time, place, *rules));
        }
        let hits = hits.into_sorted().unwrap();
        let sorted = among(&hits, room).unwrap();
        let mut twins = sorted.pass().unwrap();
        let of_hit = |(number, hit): (usize, io::Result<Hit>)| {
            (usize::try_from(hit.unwrap().offset).unwrap(), twins.rules_of(number).unwrap())
        };
        let mut found: Vec<_> = hits.pass().unwrap().enumerate().map(of_hit).collect();
        found.retain(|(_, rules)| !rules.is_empty());
        found.sort_unstable();
        found
    }

    /// The same, of one rule.
    fn twins(sysmon: &[((&'static str, &'static str), i64)], others: &[Connection<'_>], room: usize) -> Vec<usize> {
        let sysmons = sysmon.iter().map(|&(ports, time)| connection(sysmon::VENDOR_PRODUCT, ports, time));
        let all: Vec<_> = sysmons.chain(others.iter().cloned()).map(|one| (one, [0].as_slice())).collect();
        twins_of(&all, room).into_iter().map(|(number, _)| number - sysmon.len()).collect()
    }

    #[test]
    fn a_twin_counts_for_the_rules_that_sysmons_is_no_hit_of() {
        let by = |vendor, time| connection(vendor, ("1", "2"), time);
        let (sysmon, other) = (|time| by(sysmon::VENDOR_PRODUCT, time), |time| by(security::VENDOR_PRODUCT, time));
        for room in [usize::MAX, 1] {
            let rules_of = |sysmons: &[(i64, &'static [usize])], own: &'static [usize]| {
                let sysmons = sysmons.iter().map(|&(time, rules)| (sysmon(time), rules));
                let all: Vec<_> = [(other(100), own)].into_iter().chain(sysmons).collect();
                twins_of(&all, room).into_iter().next().map_or_else(Vec::new, |(_, rules)| rules)
            };
            assert_eq!(rules_of(&[(101, &[0, 1])], &[0]), [0]);
            assert_eq!(rules_of(&[(101, &[1])], &[0, 1, 2]), [1]);
            assert_eq!(rules_of(&[(101, &[1])], &[0]), [0; 0]);
            // Several of Sysmon's are each its twin.
            assert_eq!(rules_of(&[(101, &[2]), (102, &[0, 2]), (106, &[1])], &[0, 1, 2]), [0, 2]);
        }
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
