//! [`Split`]: the hosts that have logs in more than one partial result.
//!
//! A process, a twin or an address of a host can be in another of its logs than the connection. A scan looks in all logs that it has; what
//! is in those of another scan is not joined when the two are merged, and that has to be said.

use std::collections::{BTreeMap, HashMap};

use crate::{
    connection::{host, logged::LoggedBy},
    report::outputs::Outputs,
    scan::{known::Questions, terms::Terms},
    text,
};

/// Hosts, and which of them are in more than one partial result.
#[derive(Debug, Default)]
pub(super) struct Split {
    /// The place of the first partial result of each, and its name there. Names are folded.
    first: HashMap<String, (usize, String)>,
    hosts: BTreeMap<String, String>,
}

impl Split {
    /// Takes the hosts of the partial result at this place.
    pub(super) fn add<'a>(&mut self, place: usize, hosts: impl Iterator<Item = &'a str>) {
        for host in hosts.filter(|host| !host.is_empty()) {
            let folded = host::folded(host);
            match self.first.get(&*folded) {
                Some((first, name)) if *first != place => drop(self.hosts.insert(folded.into_owned(), name.clone())),
                Some(_) => {}
                None => drop(self.first.insert(folded.into_owned(), (place, host.to_owned()))),
            }
        }
    }

    /// One line that says what is not joined, and for which hosts; nothing if there is nothing to join.
    pub(super) fn says(&self, terms: &Terms, outputs: &Outputs) -> Option<String> {
        let questions = Questions::new(terms, outputs.need_hits());
        let has_processes = outputs.need_processes() || questions.is_of_processes();
        // Partial results have what a page or events show besides, whether any are made or not.
        let shows_ends = outputs.events.is_some() || outputs.html.is_some() || outputs.labels.is_some();
        let what = [
            ("processes", has_processes),
            ("own addresses", questions.locals && (shows_ends || terms.counts_by_ends())),
            ("twins", terms.logged_by == LoggedBy::All),
        ];
        let what: Vec<&str> = what.into_iter().filter_map(|(what, is_asked)| is_asked.then_some(what)).collect();
        let (last, others) = what.split_last()?;
        let what = if others.is_empty() { (*last).to_owned() } else { format!("{} and {last}", others.join(", ")) };
        let have = match self.hosts.len() {
            0 => return None,
            1 => "has",
            _ => "have",
        };
        let hosts: Vec<String> = self.hosts.values().map(|host| text::printable(host).into_owned()).collect();
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
        assert_eq!(split.hosts.values().collect::<Vec<_>>(), ["b", "c", "D."]);
    }
}
