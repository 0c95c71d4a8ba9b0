//! [`Answers`]: the names that a process asked DNS for, by the addresses that it got.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::connection::process::Query;

/// The queries of a process. What it asked for without a name or without an address in return is not kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(into = "Vec<Query>", from = "Vec<Query>")]
pub struct Answers {
    names: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32, ahash::RandomState>,
    by_address: HashMap<IpAddr, Answer, ahash::RandomState>,
}

/// The queries that an address came of.
#[derive(Debug, Clone, Default)]
struct Answer {
    /// When each was, and the number of its name: in order once they are settled.
    queries: Vec<(i128, u32)>,
    /// The times of each name, in order.
    by_name: Vec<(u32, Vec<i128>)>,
}

impl Answers {
    /// Takes a query. Returns what that takes in memory, in bytes.
    pub fn add(&mut self, query: &Query) -> usize {
        const OF_QUERY: usize = 96;
        const OF_NAME: usize = 2 * (size_of::<(Box<str>, u32)>() + 16);
        if query.name.is_empty() || query.addresses.is_empty() {
            return 0;
        }
        let mut size = 0;
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let number = if let Some(&number) = self.numbers.get(&*query.name) {
            number
        } else {
            size += OF_NAME + 2 * query.name.len();
            self.names.push(query.name.as_str().into());
            *self.numbers.entry(query.name.as_str().into()).or_insert(next)
        };
        for &address in &query.addresses {
            size += OF_QUERY;
            self.by_address.entry(address).or_default().queries.push((query.time, number));
        }
        size
    }

    /// Puts them in order, without which nothing is found.
    #[expect(clippy::iter_over_hash_type, reason = "each is settled by itself")]
    pub fn settle(&mut self) {
        for Answer { queries, by_name } in self.by_address.values_mut() {
            queries.sort_unstable();
            // Logs that were collected twice tell the same twice.
            queries.dedup();
            let mut times: HashMap<u32, Vec<i128>, ahash::RandomState> = HashMap::default();
            for &(time, name) in &*queries {
                times.entry(name).or_default().push(time);
            }
            *by_name = times.into_iter().collect();
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }

    /// The names that gave the destination of a connection at this time, the oldest first, each once, with when it was asked for first:
    /// no more than these many.
    #[must_use]
    pub fn of(&self, address: IpAddr, time: Timestamp, most: usize) -> Vec<(i128, &str)> {
        let Some(Answer { queries, by_name }) = self.by_address.get(&address) else { return Vec::new() };
        let (from, to) = Query::window(time);
        let start = queries.partition_point(|&(time, _)| time < from);
        let within = queries.get(start..).unwrap_or_default();
        let within = within.get(..within.partition_point(|&(time, _)| time <= to)).unwrap_or_default();
        let mut found: Vec<(i128, u32)> = Vec::new();
        // Whoever makes many queries of one name, or of many names at other times, is not to make it slow.
        if within.len() <= by_name.len() {
            let mut met = HashSet::new();
            found.extend(within.iter().filter(|(_, name)| met.insert(*name)));
        } else {
            let first = |times: &[i128]| times.get(times.partition_point(|&time| time < from)).copied();
            let of_names = by_name.iter().filter_map(|(name, times)| Some((first(times)?, *name)));
            found.extend(of_names.filter(|&(first, _)| first <= to));
        }
        let name = |(time, number): (i128, u32)| Some((time, &**self.names.get(number as usize)?));
        let mut found: Vec<(i128, &str)> = found.into_iter().filter_map(name).collect();
        if most < found.len() {
            found.select_nth_unstable(most);
            found.truncate(most);
        }
        found.sort_unstable();
        found
    }

    /// The same queries again, one for each address that it got.
    pub fn queries(&self) -> impl Iterator<Item = Query> {
        let of_address = |(&address, answer): (&IpAddr, &'_ Answer)| {
            let query =
                |&(time, number): &(i128, u32)| (time, self.names.get(number as usize).cloned().unwrap_or_default());
            let told: Vec<(i128, Box<str>)> = answer.queries.iter().map(query).collect();
            told.into_iter().map(move |(time, name)| Query { time, name: name.into(), addresses: vec![address] })
        };
        self.by_address.iter().flat_map(of_address)
    }
}

impl From<Answers> for Vec<Query> {
    fn from(answers: Answers) -> Self {
        answers.queries().collect()
    }
}

impl From<Vec<Query>> for Answers {
    fn from(queries: Vec<Query>) -> Self {
        let mut answers = Self::default();
        for query in &queries {
            answers.add(query);
        }
        answers.settle();
        answers
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn query(second: i64, name: u8, addresses: &[u8]) -> Query {
        let name = if name == 0 { String::new() } else { format!("{name}.example") };
        let addresses = addresses.iter().map(|last| IpAddr::from([192, 0, 2, *last])).collect();
        Query { time: i128::from(second) * 1_000_000_000, name, addresses }
    }

    proptest! {
        #[test]
        fn names_are_those_of_the_queries_within_the_time(
            queries in prop::collection::vec((0..900_i64, 0..6_u8, prop::collection::vec(0..3_u8, 0..3)), 0..60),
            second in 0..900_i64,
        ) {
            let queries: Vec<Query> = queries.iter().map(|(at, name, addresses)| query(*at, *name, addresses)).collect();
            let mut answers = Answers::default();
            for query in &queries {
                answers.add(query);
            }
            answers.settle();
            let mut again = Answers::default();
            for query in answers.queries() {
                again.add(&query);
            }
            again.settle();
            let (address, time) = (IpAddr::from([192, 0, 2, 1]), Timestamp::from_second(second).unwrap());
            let mut first: BTreeMap<&str, i128> = BTreeMap::new();
            let (from, to) = Query::window(time);
            let is_of_it = |query: &&Query| (from..=to).contains(&query.time) && query.addresses.contains(&address);
            for query in queries.iter().filter(is_of_it).filter(|query| !query.name.is_empty()) {
                let first = first.entry(&query.name).or_insert(query.time);
                *first = query.time.min(*first);
            }
            let mut expected: Vec<(i128, &str)> = first.into_iter().map(|(name, time)| (time, name)).collect();
            expected.sort_unstable();
            prop_assert_eq!(answers.of(address, time, usize::MAX), &*expected);
            prop_assert_eq!(again.of(address, time, usize::MAX), &*expected);
            let first = expected.iter().take(2).copied().collect::<Vec<_>>();
            prop_assert_eq!(answers.of(address, time, 2), first);
        }
    }
}
