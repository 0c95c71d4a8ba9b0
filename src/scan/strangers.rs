//! [`Stranger`]: a host that the filters ask for and that has no connection in the logs.
//!
//! A log says by its first record whose it is. A collector's log has records of other hosts too, so that all connections are looked at
//! before a host is called a stranger; that takes another look at the logs, where there may be one. A host with a log that Sysmon wrote
//! into is not called one, whatever else that log says.

use std::{collections::BTreeSet, io, sync::Arc};

use crate::{
    connection::{filter::Filter, glossary::Field},
    error::Error,
    scan::{elsewhere, findings::Findings, hosts::Host, plan::Plan},
    text,
};

/// A host that has no connection in the logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// As it was asked for.
    pub name: String,
    /// The host that was probably meant.
    pub nearest: Option<String>,
    /// Whether there are logs of it all the same.
    pub has_logs: bool,
    /// All hosts that have connections, by name.
    pub known: Arc<[String]>,
}

/// The plan of a look at the hosts of all connections, if the filters ask for one that none of these is with Sysmon.
///
/// # Errors
///
/// None but what the regex engine does not take.
pub fn look(plan: &Plan, hosts: &[Host]) -> Result<Option<Plan>, Error> {
    if plan.terms.filter.strange_hosts(&with_sysmon(hosts)).is_empty() {
        return Ok(None);
    }
    elsewhere::of_everything(plan, Filter::default(), vec![Field::Dvc]).map(Some)
}

/// The names of those that have Sysmon, or a provider whose connections are read.
fn with_sysmon(hosts: &[Host]) -> impl Iterator<Item = &str> + Clone {
    hosts.iter().filter(|host| host.has_sysmon).map(|host| host.name.as_str())
}

/// The strangers among the hosts that the filters ask for: none of these with Sysmon, and none that the look has found.
///
/// # Errors
///
/// What did not fit into memory cannot be read again.
pub fn among(filter: &Filter, hosts: &[Host], found: Findings) -> io::Result<Vec<Stranger>> {
    let mut known: BTreeSet<String> = with_sysmon(hosts).map(str::to_owned).collect();
    for group in found.groups.into_sorted()?.pass()? {
        let (key, _) = group?;
        known.extend(key.values().next().filter(|name| !name.is_empty()).map(str::to_owned));
    }
    let known: Arc<[String]> = known.into_iter().collect();
    let without_logs = filter.strange_hosts(&hosts.iter().map(|host| host.name.as_str()));
    let stranger = |name: &str| Stranger {
        name: name.to_owned(),
        nearest: nearest(name, &known),
        has_logs: !without_logs.contains(&name),
        known: Arc::clone(&known),
    };
    Ok(filter.strange_hosts(&known.iter().map(String::as_str)).into_iter().map(stranger).collect())
}

/// The host that was probably meant: that with the same name in another domain, or with one that is like it.
fn nearest(asked: &str, known: &[String]) -> Option<String> {
    let bare = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let compared: Vec<String> =
        known.iter().map(|name| if asked.contains('.') { name.clone() } else { bare(name) }).collect();
    let is_same = |name: &String| bare(name) == bare(asked);
    let alike = || {
        let alike = text::nearest(asked, compared.iter().map(String::as_str))?;
        compared.iter().position(|name| name == alike)
    };
    known.iter().position(is_same).or_else(alike).and_then(|at| known.get(at).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_the_same_name_is_nearer_than_one_of_the_same_domain() {
        let known = ["WS01.corp.example", "WS03", "SRV01.corp.example"].map(str::to_owned);
        for (asked, meant) in [
            ("ws03.corp.example", Some("WS03")),
            ("WS01.corp.exmple", Some("WS01.corp.example")),
            ("SRV1", Some("SRV01.corp.example")),
            ("NOSUCH", None),
            ("10.1.2.33", None),
        ] {
            assert_eq!(nearest(asked, &known).as_deref(), meant, "{asked}");
        }
    }
}
