//! Listings of rules as text: a table of all, the whole of one, and what is wrong with those of a folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use crate::{
    cli::vain,
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

/// The built-in rules and the wanted ones among the Sigma rules in these paths, one per line, and what is wrong with them; and whether
/// nothing is wrong. If that is wider than so many columns, each rule takes several lines.
///
/// # Errors
///
/// A path has no rules or none that is wanted, or there are none to choose from.
pub fn list(paths: &[PathBuf], wanted: &Wanted, columns: Option<usize>) -> Result<(String, bool), Error> {
    vain::check_wanted(paths, wanted, false)?;
    let loaded = load_all(paths, wanted);
    refuse_empty("--rules ", paths, wanted, &loaded)?;
    vain::check_excluded(&wanted.exclude, &loaded)?;
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
    let table = table(&rows);
    let is_wide = |columns: &usize| table.lines().any(|line| line.chars().count() > *columns);
    let narrow = columns.filter(is_wide);
    let mut out = narrow.map_or_else(|| table.clone(), |columns| blocks(&rows, columns));
    let mut remark =
        |line: String| out.push_str(&narrow.map_or_else(|| line.clone() + "\n", |columns| wrapped(&line, 0, columns)));
    loaded.refused.iter().for_each(|refusal| remark(format!("not loaded: {refusal}")));
    loaded.doubts().for_each(|(kind, doubt)| remark(format!("{kind}: {doubt}")));
    Ok((out, is_well(&loaded)))
}

/// Rows as a table, as wide as it gets.
fn table(rows: &[[String; 6]]) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..5).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(widths.iter().chain([&0])) {
            let _ = write!(out, "{cell:<width$}  ");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

/// The same for few columns: of each rule its title, and below it the rest.
fn blocks(rows: &[[String; 6]], columns: usize) -> String {
    let block = |[id, level, status, attack, title, source]: &[String; 6]| {
        let words: Vec<&str> =
            [level, status, attack].into_iter().map(|cell| &**cell).filter(|cell| !cell.is_empty()).collect();
        let lines = [(0, &**title), (4, &words.join(", ")), (4, id), (4, source)];
        lines
            .into_iter()
            .filter(|(_, line)| !line.is_empty())
            .map(|(indent, line)| wrapped(line, indent, columns))
            .collect()
    };
    rows.iter().skip(1).map(block).collect::<Vec<String>>().join("\n")
}

/// A text on lines of so many columns at most, split between words, those behind the first one further in. A word that is longer has a
/// line of its own.
fn wrapped(text: &str, indent: usize, columns: usize) -> String {
    let (mut out, mut width) = (String::new(), 0);
    for word in text.split(' ') {
        let size = word.chars().count();
        if out.is_empty() {
            out = " ".repeat(indent);
            width = indent;
        } else if width + 1 + size > columns {
            out.push('\n');
            out.push_str(&" ".repeat(indent + 4));
            width = indent + 4;
        } else {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += size;
    }
    out + "\n"
}

/// Refuses a path from which nothing at all is read.
fn refuse_empty(option: &str, paths: &[PathBuf], wanted: &Wanted, loaded: &Loaded) -> Result<(), Error> {
    match paths.iter().find_map(|path| Some((path, loaded.nothing_in(path, wanted)?))) {
        Some((path, reason)) => Err(Error::Usage(format!("{option}{}: {reason}", text::path(path)))),
        None => Ok(()),
    }
}

/// The whole of the rule with this id or title, or of the built-in rule of this name.
///
/// # Errors
///
/// There is no such rule.
pub fn show(id: &str, paths: &[PathBuf], wanted: &Wanted) -> Result<String, Error> {
    let loaded = load_all(paths, wanted);
    let by_process = builtin::RULES.iter().find(|rule| rule.name == id).map(|rule| rule.id);
    let of_sigma = builtin::SIGMA.iter().find(|rule| rule.name == id).map(builtin::SigmaText::id);
    let name = by_process.or(of_sigma).unwrap_or(id);
    let found = infos(&loaded).find(|info| info.id == name || info.title == name);
    let none = || {
        Error::Usage(format!(
            "{} is not a rule that is loaded: netsift rules list --rules PATH lists them",
            text::quoted(id)
        ))
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
///
/// # Errors
///
/// A path has no rules.
pub fn check(paths: &[PathBuf]) -> Result<(String, bool), Error> {
    let loaded = load::load(paths, &Wanted::default());
    refuse_empty("", paths, &Wanted::default(), &loaded)?;
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for info in &loaded.infos {
        let is_slow = loaded.without_literals.contains(&info.title);
        let slow = is_slow.then(|| "names no text to look for: every connection is decoded for it".to_owned());
        let asks = asks(&loaded, info).map(|fields| format!("asks for the process behind a connection: {fields}"));
        let remarks: Vec<String> = slow.into_iter().chain(asks).collect();
        let remarks = if remarks.is_empty() { String::new() } else { format!(" ({})", remarks.join("; ")) };
        lines.entry(info.source.clone()).or_default().push(format!("loaded: {}{remarks}", info.title));
    }
    let refused = loaded.refused.iter().map(|refusal| ("not loaded", refusal));
    for (kind, remark) in loaded.doubts().chain(refused) {
        let line = format!("{kind}: {}", remark.what());
        lines.entry(remark.path.to_string_lossy().into_owned()).or_default().push(line);
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
    let unmatching = match loaded.unmatching.len() {
        0 => String::new(),
        rules => format!(", {rules} of which can match nothing"),
    };
    let joined = match loaded.asking.len() {
        0 => String::new(),
        asking => format!(", {asking} of them with the process behind a connection"),
    };
    let _ = writeln!(
        out,
        "{} loaded{joined}{unmatching}, {} not loaded{unknown}",
        loaded.infos.len(),
        loaded.refused.len()
    );
    Ok((out, is_well(&loaded)))
}

/// What a rule asks of the process behind a connection, if anything.
fn asks(loaded: &Loaded, info: &RuleInfo) -> Option<String> {
    let (_, asking) = loaded.asking.iter().find(|(known, _)| known == info)?;
    Some(asking.all.names().collect::<Vec<_>>().join(", "))
}

/// Whether every rule is loaded and asks for what a connection can have.
fn is_well(loaded: &Loaded) -> bool {
    loaded.refused.is_empty() && loaded.doubts().next().is_none()
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
    let similar: BTreeSet<&str> = loaded.similar(info).collect();
    let covering = others.filter(|(other, names)| {
        let is_similar = other.title == info.title || similar.contains(&*other.id);
        is_similar || (!own.is_disjoint(names) && share_a_technique(info, other))
    });
    let covering = covering.map(|(other, _)| format!("; similar: {} in {}", text::quoted(&other.title), other.source));
    format!("{BUILT_IN} (--rule {name}){}", covering.collect::<String>())
}

/// Whether two rules detect one technique.
fn share_a_technique(one: &RuleInfo, two: &RuleInfo) -> bool {
    let is_technique = |tag: &&str| tag.starts_with('T');
    one.attack.split(' ').filter(is_technique).any(|tag| two.attack.split(' ').any(|other| other == tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_fits_into_the_columns_that_there_are_and_splits_no_word() {
        let (whole, _) = list(&[], &Wanted::default(), None).unwrap();
        let words: BTreeSet<&str> = whole.split_whitespace().map(|word| word.trim_matches(',')).collect();
        for columns in [60, 80, 100] {
            let (narrow, _) = list(&[], &Wanted::default(), Some(columns)).unwrap();
            assert!(narrow.lines().all(|line| line.chars().count() <= columns), "{narrow}");
            assert!(narrow.split_whitespace().all(|word| words.contains(word.trim_matches(','))), "{narrow}");
            assert!(
                narrow.contains(
                    "Detect Regsvcs with Network Connection\n    high, stable, T1218.009\n    \
                     e3e7a1c0-f2b9-445c-8493-f30a63522d1a\n    built-in (--rule regsvcs)\n\n"
                ),
                "{narrow}"
            );
        }
        assert_eq!(list(&[], &Wanted::default(), Some(400)).unwrap().0, whole);
    }
}
