//! Why partial results cannot be merged: what one was made with that another was not, in words.

use std::path::Path;

use crate::{
    connection::glossary::Field,
    fleet::facts::{Facts, RulesFacts},
    report::{outputs::Outputs, parquet::columns::Rows},
    text,
};

/// Why a partial result cannot be merged with the first.
pub(super) fn difference(
    path: &Path,
    first: &Facts,
    facts: &Facts,
    group_by: &[Field],
    outputs: &Outputs,
) -> Option<String> {
    let of_first = |what: String| Some(format!("{} than {}", text::printable(&what), text::path(path)));
    if let Some(what) = other_rules(&first.rules, &facts.rules).or_else(|| other_options(first, facts)) {
        return of_first(what);
    }
    let ours = || facts.group_by.iter().map(|field| field.name()).collect::<Vec<_>>().join(",");
    if let Some(field) = group_by.iter().find(|field| !facts.group_by.contains(field)) {
        return Some(format!("it is not grouped by {field}, but by {}", ours()));
    }
    if group_by.is_empty() && facts.group_by != first.group_by {
        let (ours, first) = (ours(), text::path(path));
        return Some(format!(
            "it is grouped by other fields ({ours}) than {first}; --group-by takes some that all have"
        ));
    }
    if facts.options.dedup && facts.rows == Rows::Groups {
        return Some("--dedup needs each hit, but it has only groups: scan with --partial-events".to_owned());
    }
    let of_hits = [("--events", &outputs.events), ("--beacons", &outputs.beacons)];
    let of_hits = of_hits.into_iter().find(|(_, output)| output.is_some() && facts.rows == Rows::Groups);
    of_hits.map(|(option, _)| format!("{option} needs each hit, but it has only groups: scan with --partial-events"))
}

/// What a partial result has other rules in than the first.
fn other_rules(first: &RulesFacts, rules: &RulesFacts) -> Option<String> {
    let titles = |rules: &RulesFacts| rules.infos.iter().map(|info| info.title.clone()).collect::<Vec<_>>().join(", ");
    let are_same = rules.infos.len() == first.infos.len()
        && rules.infos.iter().zip(&first.infos).all(|(one, two)| one.is_same_rule(two));
    if !are_same || rules.processes != first.processes {
        let (ours, theirs) = (titles(rules), titles(first));
        let what = if ours == theirs {
            "the text of its rules is different".to_owned()
        } else {
            format!("it has other rules ({ours}; not {theirs})")
        };
        return Some(what);
    }
    let networks =
        |rules: &RulesFacts| (rules.detection.clone(), rules.exclusion.clone(), rules.exclusion_of_all.clone());
    let what = if networks(rules) != networks(first) {
        "it has other detection or exclusion networks"
    } else if rules.judged != first.judged {
        "it was made with another choice of --judge"
    } else if rules.named != first.named {
        "it was made with another choice of --rules"
    } else {
        return None;
    };
    Some(what.to_owned())
}

/// What a partial result was made with other options in than the first.
fn other_options(first: &Facts, facts: &Facts) -> Option<String> {
    let (ours, theirs) = (&facts.options, &first.options);
    if ours.filters != theirs.filters {
        let filters = |facts: &Facts| text::quoted(&facts.filter().unwrap_or_default().to_string());
        return Some(format!("it has other filters ({}, not {})", filters(facts), filters(first)));
    }
    if ours.source != theirs.source {
        let (ours, theirs) = (ours.source.name(), theirs.source.name());
        return Some(format!("it has another source of connections ({ours}, not {theirs})"));
    }
    let what = if ours.clock != theirs.clock {
        "it was made with another choice of --clock"
    } else if ours.sigma_names != theirs.sigma_names {
        "it was made with another choice of --sigma-names"
    } else if facts.context != first.context {
        "it was made with another choice of --context"
    } else if ours.ends != theirs.ends {
        "it tells hosts from their peers by other options (fields such as remote)"
    } else if ours != theirs {
        "it was made with another choice of --recover or --dedup"
    } else {
        return None;
    };
    Some(what.to_owned())
}
