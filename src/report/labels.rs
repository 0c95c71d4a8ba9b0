//! The columns of [`RowLabels`]: what lists and databases say of the peers of a row's connections, as every format has them.

use crate::{
    group::labelled::{Count, GroupLabels, SortedLabels, Unasked},
    label::{
        labels::{LabelFile, Labels, OF_LISTS, OF_NUMBER},
        told::{Found, Told},
        watchlist::Watchlist,
    },
    report::ran::RanLabels,
    text::{self, counted, grouped},
};

/// How many lists the summary names.
const NAMED: usize = 20;

/// What is said of all groups.
#[derive(Debug, Clone, Copy)]
pub struct RowLabels<'a> {
    /// The lists and databases.
    pub labels: &'a Labels,
    /// Of each group, in the order of the report.
    pub groups: &'a SortedLabels,
}

impl RowLabels<'_> {
    /// The names of the columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.labels.columns()
    }

    /// The values of the columns for a group.
    pub(super) fn of_group(&self, group: &GroupLabels) -> Vec<String> {
        self.labels.values(&group.told)
    }
}

/// The values of the columns for a hit.
pub(super) fn of_hit(labels: &Labels, found: &Found) -> Vec<String> {
    let mut told = Told::default();
    told.add(found);
    labels.values(&told)
}

/// What a table shows of a row's values: the lists, and who has the networks where, with what it is.
pub(super) fn seen(labels: &RowLabels<'_>, row: &[String]) -> Vec<(&'static str, String)> {
    let values: Vec<(&str, &str)> = labels.columns().zip(row.iter().map(String::as_str)).collect();
    let lists = values.iter().filter(|(column, _)| *column == OF_LISTS).map(|&(_, lists)| ("on", lists.to_owned()));
    let places = values.iter().filter(|(column, value)| *column != OF_LISTS && !value.is_empty());
    let place =
        places.map(|&(column, value)| if column == OF_NUMBER { format!("AS{value}") } else { value.to_owned() });
    let place = ("at", place.collect::<Vec<_>>().join(", "));
    lists.chain([place]).filter(|(_, value)| !value.is_empty()).collect()
}

/// What the summary says of lists and databases: one line for each, with its label in front.
pub(super) fn summary(labels: &Labels, ran: &RanLabels) -> Vec<String> {
    let RanLabels { counts, left_out, .. } = ran;
    let shown = |Count { hits, groups }: Count| format!("{} in {}", counted(hits, "hit"), counted(groups, "group"));
    let or_none = |count: Count| if count == Count::default() { "none".to_owned() } else { shown(count) };
    let mut lines = Vec::new();
    for (place, (file, list)) in labels.lists().enumerate().take(NAMED) {
        let entries = if list.count == 1 { "entry" } else { "entries" };
        let (name, entries) = (named(labels, file, list), format!("{} {entries}", grouped(list.count)));
        lines.push(("watchlist", format!("{name} ({entries}): {}", or_none(counts.of_list(place)))));
    }
    let more = labels.lists().count().saturating_sub(NAMED);
    if more > 0 {
        lines.push((
            "watchlist",
            format!("and {}; on all lists together: {}", counted(more as u64, "more list"), or_none(counts.listed)),
        ));
    }
    if let Some(left_out) = left_out {
        lines.push(("watchlist", format!("{} on no list left out", shown(*left_out))));
    }
    if labels.has_databases() {
        lines.push(("geoip", or_none(counts.placed)));
    }
    let mut last = "";
    let label = |(what, line): (&'static str, String)| {
        let label = if what == last { "" } else { what };
        last = what;
        format!("{label:<10}{line}")
    };
    lines.into_iter().map(label).collect()
}

/// What the summary calls a list: with its file where another has the same name.
fn named(labels: &Labels, file: &LabelFile, list: &Watchlist) -> String {
    let name = text::printable(&list.name);
    let is_one_of_several = labels.lists().filter(|(_, other)| other.name == list.name).count() > 1;
    if is_one_of_several { format!("{name} of {}", file.shown()) } else { name.into_owned() }
}

/// What lists and databases were not asked for, although somebody may think so.
pub(super) fn not_asked(labels: &Labels, ran: &RanLabels) -> Vec<String> {
    let names = (labels.ask_names() && !ran.are_queries_known).then(|| {
        "watchlist: groups do not have the names that processes asked DNS for: --partial-events puts them into partial results"
            .to_owned()
    });
    let Unasked { connections, lacking } = &ran.counts.unasked;
    let peers = (*connections > 0).then(|| {
        let them = if lacking.len() == 1 { "it" } else { "them" };
        let lacking = lacking.iter().map(|field| field.name()).collect::<Vec<_>>().join(" or ");
        format!(
            "the peer of {} is not known, since their groups have no {lacking}: add {them} to --group-by of the scans, or scan with --partial-events",
            counted(*connections, "connection")
        )
    });
    let without_ipv6 = labels.without_ipv6().map(|file| {
        format!("--geoip {}: it has only IPv4 addresses, but some of the peers have IPv6 addresses", file.shown())
    });
    let useless = labels
        .useless()
        .map(|file| format!("--geoip {}: no autonomous system, owner or country was found in it", file.shown()));
    names.into_iter().chain(peers).chain(without_ipv6).chain(useless).collect()
}
