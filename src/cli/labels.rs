//! The lists and databases of the command line: read, and which of them can be of no use. What they say is in [`crate::label`].

use ipnet::IpNet;

use crate::{
    cli::args::output::{LabelArgs, OutputArgs},
    connection::logged::LoggedBy,
    error::Error,
    label::{labels::Labels, watchlist::Watchlist},
    rule::{
        judge::{End, Rule},
        set::RuleSet,
    },
};

/// The lists and databases that are given, if any are. They are hashed for the manifest.
///
/// # Errors
///
/// A file cannot be read, or is not a list or a database; or rows are to be left out and there is no list.
pub(super) fn read(args: &OutputArgs) -> Result<Option<Labels>, Error> {
    let LabelArgs { watchlist, only_watched, geoip } = &args.labels;
    if *only_watched && watchlist.is_empty() {
        return Err(Error::Usage(
            "--only-watched without --watchlist: nothing would be left; give a list, for example --watchlist c2.txt"
                .to_owned(),
        ));
    }
    Labels::read(watchlist, geoip, args.manifest.is_some())
}

/// Adds a line for each list that no connection can be on, or all of whose networks are left out, given what is read and left out.
pub(super) fn remark(labels: &mut Labels, rules: &RuleSet, logged_by: LoggedBy) {
    let in_vain: Vec<String> = in_vain(labels, rules, logged_by).collect();
    labels.remarks.extend(in_vain);
}

fn in_vain(labels: &Labels, rules: &RuleSet, logged_by: LoggedBy) -> impl Iterator<Item = String> {
    let rule = rules.builtin.as_ref().filter(|_| rules.sigma.is_empty());
    let judged = rules.everywhere.judged;
    labels.lists().filter_map(move |(file, list)| {
        let (file, excluded) = (file.shown(), rule.and_then(|rule| excluding(list, rule)));
        if logged_by == LoggedBy::Security && !list.has_addresses() {
            Some(format!(
                "--watchlist {file}: no connection can be on it, since it has only names, and Windows' Security log has none: a scan \
                 with --source all reads Sysmon's connections too"
            ))
        } else {
            excluded.map(|(network, excluding)| {
                let to_it = if judged == End::Remote { "with peers on this list" } else { "to addresses on this list" };
                let is_built_in = rules.everywhere.exclusion.holding(&excluding).is_none();
                let hint = if is_built_in { "; a scan with --exclusions none turns the built-in exclusions off" } else { "" };
                format!(
                    "--watchlist {file}: connections {to_it} are left out, since each of its networks is excluded, such as {network} by \
                     {excluding}{hint}"
                )
            })
        }
    })
}

/// A network of a list and the one that excludes it, if each is excluded and there is nothing else on the list.
fn excluding(list: &Watchlist, rule: &Rule) -> Option<(IpNet, IpNet)> {
    let networks = list.networks().networks();
    let first = *networks.first().filter(|_| !list.has_names())?;
    let excluding = rule.exclusion.holding(&first)?;
    networks.iter().all(|network| rule.exclusion.holding(network).is_some()).then_some((first, excluding))
}
