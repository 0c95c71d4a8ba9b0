//! Listings of rules as text: a table of all, the whole of one, and what is wrong with those of a folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use crate::{
    error::Error,
    rule::{
        builtin,
        info::{BUILT_IN, RuleInfo},
        sigma::{
            load::{self, Loaded},
            wanted::Wanted,
        },
    },
    text::{self, counted},
};

/// The built-in rules and the Sigma rules in these paths, one a line, and what is wrong with them; and whether nothing is.
#[must_use]
pub fn list(paths: &[PathBuf], wanted: &Wanted) -> (String, bool) {
    let loaded = load_all(paths, wanted);
    let header = ["ID", "LEVEL", "STATUS", "MITRE ATT&CK", "TITLE", "SOURCE"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(header)
        .chain(infos(&loaded).map(|info| {
            let source = source(&info, &loaded);
            let RuleInfo { id, level, status, attack, title, .. } = info;
            let ids =
                attack.split(' ').filter(|tag| tag.starts_with('T') || tag.starts_with('G') || tag.starts_with('S'));
            let attack = ids.collect::<Vec<_>>().join(" ");
            [id, level, status, attack, title, source].map(|cell| text::printable(&cell).into_owned())
        }))
        .collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..5).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(widths.iter().chain([&0])) {
            let _ = write!(out, "{cell:<width$}  ");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    for refusal in &loaded.refused {
        let _ = writeln!(out, "not loaded: {refusal}");
    }
    for unknown in &loaded.unknown {
        let _ = writeln!(out, "unknown field: {unknown}");
    }
    (out, is_well(&loaded))
}

/// The whole of the rule with this id or title, or of the built-in rule of this name.
///
/// # Errors
///
/// There is none.
pub fn show(id: &str, paths: &[PathBuf], wanted: &Wanted) -> Result<String, Error> {
    let loaded = load_all(paths, wanted);
    let by_process = builtin::RULES.iter().find(|rule| rule.name == id).map(|rule| rule.id);
    let of_sigma = builtin::SIGMA.iter().find(|rule| rule.name == id).map(builtin::SigmaText::id);
    let name = by_process.or(of_sigma).unwrap_or(id);
    let found = infos(&loaded).find(|info| info.id == name || info.title == name);
    let none = || {
        Error::Usage(format!("{id:?} is no rule that is loaded: netsift rules list --rules PATH shows those there are"))
    };
    let shown = |info: RuleInfo| {
        let lines = info.text.lines().map(|line| format!("{}\n", text::printable(line)));
        let is_by_process = builtin::RULES.iter().any(|rule| info.source == BUILT_IN && rule.id == info.id);
        let difference = if is_by_process { format!("{}\n", builtin::DIFFERENCE) } else { String::new() };
        format!("# {}\n{}{difference}", text::printable(&info.source), lines.collect::<String>())
    };
    found.map(shown).ok_or_else(none)
}

/// What there is to say of each file in these paths, and whether nothing is wrong with them.
#[must_use]
pub fn check(paths: &[PathBuf]) -> (String, bool) {
    let loaded = load::load(paths, &Wanted::default());
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for info in &loaded.infos {
        let is_slow = loaded.without_literals.contains(&info.title);
        let slow = is_slow.then(|| "names no text to look for: every connection is decoded for it".to_owned());
        let asks = asks(&loaded, info).map(|fields| format!("asks for the process behind a connection: {fields}"));
        let remarks: Vec<String> = slow.into_iter().chain(asks).collect();
        let remarks = if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join("; ")) };
        lines.entry(info.source.clone()).or_default().push(format!("loaded: {}{remarks}", info.title));
    }
    for unknown in &loaded.unknown {
        let line = format!("unknown field: {}", unknown.what());
        lines.entry(unknown.path.to_string_lossy().into_owned()).or_default().push(line);
    }
    for refusal in &loaded.refused {
        let line = format!("not loaded: {}", refusal.what());
        lines.entry(refusal.path.to_string_lossy().into_owned()).or_default().push(line);
    }
    let mut out = String::new();
    for (file, mut lines) in lines {
        lines.extend(load::lint(Path::new(&file)));
        for line in lines {
            let _ = writeln!(out, "{}: {}", text::printable(&file), text::printable(&line));
        }
    }
    let unknown = match loaded.unknown.len() as u64 {
        0 => String::new(),
        unknown => format!(", {} that no connection has", counted(unknown, "field")),
    };
    let joined = match loaded.asking.len() {
        0 => String::new(),
        asking => format!(", {asking} of them with the process behind a connection"),
    };
    let _ = writeln!(out, "{} loaded{joined}, {} not loaded{unknown}", loaded.infos.len(), loaded.refused.len());
    (out, is_well(&loaded))
}

/// What a rule asks of the process behind a connection, if anything.
fn asks(loaded: &Loaded, info: &RuleInfo) -> Option<String> {
    let (_, asking) = loaded.asking.iter().find(|(known, _)| known == info)?;
    Some(asking.all.names().collect::<Vec<_>>().join(", "))
}

/// Whether every rule is loaded and asks for what a connection can have.
fn is_well(loaded: &Loaded) -> bool {
    loaded.refused.is_empty() && loaded.unknown.is_empty()
}

/// The built-in rules that are written as Sigma rules, and those in these paths.
fn load_all(paths: &[PathBuf], wanted: &Wanted) -> Loaded {
    load::load_on(NonZeroUsize::MIN, &builtin::SIGMA.map(|rule| rule.text), paths, wanted)
}

/// The built-in rules first.
fn infos(loaded: &Loaded) -> impl Iterator<Item = RuleInfo> {
    let (built_in, others): (Vec<&RuleInfo>, Vec<&RuleInfo>) =
        loaded.infos.iter().partition(|info| info.source == BUILT_IN);
    builtin::RULES.iter().map(RuleInfo::of_builtin).chain(built_in.into_iter().chain(others).cloned())
}

/// Where a rule is from: its file, or its short name and the loaded rules that cover the same.
fn source(info: &RuleInfo, loaded: &Loaded) -> String {
    let by_process = builtin::RULES.iter().find(|rule| rule.id == info.id);
    let of_sigma = builtin::SIGMA.iter().find(|rule| rule.id() == info.id);
    let name = by_process.map(|rule| rule.name).or(of_sigma.map(|rule| rule.name));
    let Some(name) = name.filter(|_| info.source == BUILT_IN) else { return info.source.clone() };
    let own = by_process.map(|rule| BTreeSet::from([rule.process.to_owned()]));
    let own = own.or_else(|| loaded.with_processes().find(|(known, _)| *known == info).map(|(_, names)| names));
    let own = own.unwrap_or_default();
    let others = loaded.with_processes().filter(|(other, _)| other.source != BUILT_IN);
    let covering = others.filter(|(other, names)| {
        other.title == info.title || (!own.is_disjoint(names) && share_a_technique(info, other))
    });
    let covering = covering.map(|(other, _)| format!("; similar: {:?} in {}", other.title, other.source));
    format!("{BUILT_IN} (--rule {name}){}", covering.collect::<String>())
}

/// Whether two rules detect one technique.
fn share_a_technique(one: &RuleInfo, two: &RuleInfo) -> bool {
    let is_technique = |tag: &&str| tag.starts_with('T');
    one.attack.split(' ').filter(is_technique).any(|tag| two.attack.split(' ').any(|other| other == tag))
}
