//! [`Split`]: the hosts that have logs in more than one partial result.
//!
//! A process, a twin or an address of a host can be in another of its logs than the connection. A scan looks in all logs that it has. Of
//! what is in those of another scan, processes are joined to connections when the two are merged, and addresses tell which end of these is
//! the host. The rest is not joined, and that has to be said.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    connection::{glossary::Field, host, logged::LoggedBy},
    fleet::part::Part,
    report::outputs::Outputs,
    rule::judge::End,
    scan::{known::Questions, terms::Terms},
    text,
};

/// Hosts, by their folded names, and which of them are in more than one partial result.
#[derive(Debug, Default)]
pub(super) struct Split {
    hosts: BTreeMap<String, Host>,
}

/// A host.
#[derive(Debug)]
struct Host {
    /// Its name in the first partial result that it is in.
    name: String,
    /// The places of these.
    places: BTreeSet<usize>,
}

impl Split {
    /// Takes the hosts of the partial result at this place.
    pub(super) fn add<'a>(&mut self, place: usize, hosts: impl Iterator<Item = &'a str>) {
        for host in hosts.filter(|host| !host.is_empty()) {
            let folded = host::folded(host);
            if let Some(known) = self.hosts.get_mut(&*folded) {
                known.places.insert(place);
            } else {
                let new = Host { name: host.to_owned(), places: BTreeSet::from([place]) };
                self.hosts.insert(folded.into_owned(), new);
            }
        }
    }

    /// The folded names of those that are in more than one.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.several().map(|(name, _)| name.clone()).collect()
    }

    fn several(&self) -> impl Iterator<Item = (&String, &Host)> {
        self.hosts.iter().filter(|(_, host)| host.places.len() > 1)
    }

    /// One line that says what is not joined, and for which hosts; nothing if there is nothing to join.
    ///
    /// Processes are joined to connections, and the ends of these are told again, where all of the partial results tell what that takes.
    /// But rules, filters and users are of one scan.
    pub(super) fn says(&self, terms: &Terms, outputs: &Outputs, parts: &[Part]) -> Option<String> {
        let questions = Questions::new(terms, outputs.need_hits());
        let all = |tells: fn(&Part) -> bool| {
            let mut places = self.several().flat_map(|(_, host)| &host.places);
            places.all(|&place| parts.get(place).is_some_and(tells))
        };
        let processes = outputs.need_processes() && !all(|part| part.stream.is_some());
        let are_ends_judged =
            terms.rules.everywhere.judged == End::Remote || terms.filter.fields().any(Field::is_of_ends);
        // Partial results have what a page or events show besides, whether any are made or not.
        let shows_ends = outputs.events.is_some() || outputs.html.is_some() || outputs.labels.is_some();
        let ends = are_ends_judged || (shows_ends || terms.counts_by_ends()) && !all(|part| part.tells_locals);
        let what = [
            ("processes", processes || questions.is_of_processes()),
            ("own addresses", questions.locals && ends),
            ("twins", terms.logged_by == LoggedBy::All),
        ];
        let what: Vec<&str> = what.into_iter().filter_map(|(what, is_asked)| is_asked.then_some(what)).collect();
        let (last, others) = what.split_last()?;
        let what = if others.is_empty() { (*last).to_owned() } else { format!("{} and {last}", others.join(", ")) };
        let hosts: Vec<String> = self.several().map(|(_, host)| text::printable(&host.name).into_owned()).collect();
        let have = match hosts.len() {
            0 => return None,
            1 => "has",
            _ => "have",
        };
        Some(format!(
            "{} {have} logs in more than one partial result: {what} are joined only within each of them; scan all logs of a host together",
            text::few(&hosts)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_several_are_named() {
        let mut split = Split::default();
        split.add(0, ["a", "b", "b", ""].into_iter());
        split.add(1, ["c", "", "b"].into_iter());
        split.add(2, ["b", "c"].into_iter());
        split.add(3, ["D.", "E"].into_iter());
        split.add(4, ["d", "B"].into_iter());
        assert_eq!(split.several().map(|(_, host)| &*host.name).collect::<Vec<_>>(), ["b", "c", "D."]);
        assert_eq!(split.names().into_iter().collect::<Vec<_>>(), ["b", "c", "d"]);
    }
}
