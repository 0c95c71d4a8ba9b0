//! Loading: Sigma rules from files and folders, and why some of them are not loaded.

use std::{
    collections::BTreeSet,
    fmt, fs, mem,
    num::NonZeroUsize,
    panic,
    path::{Path, PathBuf},
    thread,
};

use rsigma_eval::{CompiledRule, Engine};
use rsigma_parser::{
    CorrelationRule, CorrelationType, Detection, Detections, FilterRule, FilterRuleTarget, Level, LogSource, Modifier,
    SigmaCollection, SigmaRule, SigmaValue, Status,
};
use walkdir::WalkDir;

use super::{
    Sigma,
    correlation::{self, Correlations},
    flags, literals,
};
use crate::{rule::RuleInfo, text};

/// Which rules are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The least level, from `informational` to `critical`.
    pub level: Option<String>,
    /// The statuses, such as `stable`.
    pub status: Vec<String>,
    /// Rules that are not wanted, by id, file name or title.
    pub exclude: Vec<String>,
}

/// The levels, from the least to the most severe.
pub const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
/// The statuses.
pub const STATUSES: [&str; 5] = ["stable", "test", "experimental", "deprecated", "unsupported"];

/// A rule, or a file of rules, that was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The file.
    pub path: PathBuf,
    /// The rule's title, where it is known.
    pub title: Option<String>,
    /// Why.
    pub reason: String,
}

impl Refusal {
    /// The rule, where it is known, and why it was not loaded, safe to print.
    #[must_use]
    pub fn what(&self) -> String {
        let title = self.title.as_ref().map_or_else(String::new, |title| format!("{title}: "));
        text::printable(&format!("{title}{}", self.reason)).into_owned()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", text::path(&self.path), self.what())
    }
}

/// What is loaded.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What is known of each rule, by title, then by id. Correlations are among them.
    pub infos: Vec<RuleInfo>,
    /// Literals of which one has to be in a record for any rule to match it; `None` if there are rules without.
    pub literals: Option<literals::Literals>,
    /// The titles of rules without literals, for which every connection has to be decoded.
    pub without_literals: Vec<String>,
    /// What was not loaded.
    pub refused: Vec<Refusal>,
    rules: Vec<Loadable>,
    correlations: Vec<(CorrelationRule, RuleInfo)>,
    filters: Vec<FilterRule>,
}

/// A rule that can be evaluated.
#[derive(Debug)]
struct Loadable {
    rule: SigmaRule,
    compiled: CompiledRule,
    info: RuleInfo,
}

/// Reads the rules in these files and folders (`*.yml` and `*.yaml`), in the order of their paths. A rule that is given
/// twice is loaded once.
#[must_use]
pub fn load(paths: &[PathBuf], wanted: &Wanted) -> Loaded {
    load_on(NonZeroUsize::MIN, paths, wanted)
}

/// The same on up to so many threads. What is loaded does not depend on how many.
#[must_use]
pub fn load_on(threads: NonZeroUsize, paths: &[PathBuf], wanted: &Wanted) -> Loaded {
    let mut loaded = Loaded::default();
    let mut files = BTreeSet::new();
    for path in paths {
        for entry in WalkDir::new(path).follow_links(true) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) if entry.depth() == 0 || is_yaml(entry.path()) => {
                    files.insert(entry.into_path());
                }
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(path).to_owned();
                    let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    loaded.refused.push(Refusal { path, title: None, reason });
                }
            }
        }
    }
    let files: Vec<PathBuf> = files.into_iter().collect();
    loaded.files(&files, wanted, threads);
    loaded.finish();
    loaded
}

/// Files for which another thread is worth while, at least.
const FILES: usize = 16;
/// What a thread has of stack, in bytes: as much as the first one. Conditions can be nested deep.
const STACK: usize = 8 << 20;

/// What is unusual about a file of rules, by the conventions of Sigma's collection.
#[must_use]
pub fn lint(path: &Path) -> Vec<String> {
    let Ok(text) = fs::read_to_string(path) else { return Vec::new() };
    let found = rsigma_parser::lint::lint_yaml_str(&text);
    found.into_iter().map(|warning| format!("{:?}: {}", warning.severity, warning.message).to_lowercase()).collect()
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("yml") || extension.eq_ignore_ascii_case("yaml"))
}

impl Loaded {
    /// Compiles the rules, whose indices in the rule set start at `first`, in the order of `infos`. They are then taken out.
    ///
    /// # Errors
    ///
    /// A correlation that cannot be evaluated.
    pub fn compile(&mut self, first: usize) -> Result<Sigma, String> {
        if self.infos.is_empty() {
            return Ok(Sigma::default());
        }
        let rules = mem::take(&mut self.rules);
        let index = |info: &RuleInfo| first + self.infos.iter().position(|known| known == info).unwrap_or(0);
        let correlations = if self.correlations.is_empty() {
            None
        } else {
            let silent = |rule: &CorrelationRule| if rule.generate { Vec::new() } else { rule.rules.clone() };
            let named: BTreeSet<String> = self.correlations.iter().flat_map(|(rule, _)| silent(rule)).collect();
            let is_part = |rule: &SigmaRule| names(rule).any(|name| named.contains(name));
            let parts = rules.iter().filter(|loaded| is_part(&loaded.rule)).map(|loaded| index(&loaded.info));
            let parts = parts.collect();
            let indices: Vec<(&CorrelationRule, usize)> =
                self.correlations.iter().map(|(rule, info)| (rule, index(info))).collect();
            let mut collection = SigmaCollection::new();
            collection.rules.extend(rules.iter().map(|loaded| loaded.rule.clone()));
            collection.filters.clone_from(&self.filters);
            collection.correlations.extend(self.correlations.iter().map(|(rule, _)| rule.clone()));
            Some(Correlations::new(collection, &indices, parts)?)
        };
        let (indices, mut compiled): (Vec<usize>, Vec<CompiledRule>) =
            rules.into_iter().map(|Loadable { info, compiled, .. }| (index(&info), compiled)).unzip();
        // Filters change the rules they name, by their ids; then the ids can be the indices. An engine indexes what it is
        // given, which takes as long as all else, so there is one for filters only where there are some.
        if !self.filters.is_empty() {
            let mut staged = Engine::new();
            staged.extend_compiled_rules(compiled);
            let mut filters = SigmaCollection::new();
            filters.filters.clone_from(&self.filters);
            staged.add_collection(&filters).map_err(|error| error.to_string())?;
            compiled = staged.rules().to_vec();
        }
        let mut engine = Engine::new();
        engine.extend_compiled_rules(compiled.into_iter().zip(indices).map(|(mut rule, index)| {
            rule.id = Some(index.to_string());
            flags::set_aside(rule)
        }));
        Ok(Sigma::new(engine, correlations))
    }

    /// Reads files, a share of them on each thread.
    fn files(&mut self, files: &[PathBuf], wanted: &Wanted, threads: NonZeroUsize) {
        let read = |files: &[PathBuf]| {
            let mut part = Self::default();
            for file in files {
                part.file(file, wanted);
            }
            part
        };
        let shares = files.chunks(files.len().div_ceil(threads.get()).max(FILES));
        thread::scope(|scope| {
            let start = |share| {
                let thread = thread::Builder::new().name("rules".to_owned()).stack_size(STACK);
                // Where there can be no more threads, this one does it.
                thread.spawn_scoped(scope, move || read(share)).map_err(|_| share)
            };
            let started: Vec<_> = shares.map(start).collect();
            for part in started {
                match part.map(thread::ScopedJoinHandle::join) {
                    Ok(Ok(part)) => self.add(part),
                    Ok(Err(panic)) => panic::resume_unwind(panic),
                    Err(share) => self.add(read(share)),
                }
            }
        });
    }

    /// Adds what was read by another.
    fn add(&mut self, part: Self) {
        self.rules.extend(part.rules);
        self.correlations.extend(part.correlations);
        self.filters.extend(part.filters);
        self.refused.extend(part.refused);
    }

    fn file(&mut self, path: &Path, wanted: &Wanted) {
        let mut refuse = |title: Option<&str>, reason: String| {
            let reason = text::printable(&reason).into_owned();
            self.refused.push(Refusal { path: path.to_owned(), title: title.map(str::to_owned), reason });
        };
        let parsed = fs::read_to_string(path).map_err(|error| error.to_string()).and_then(|text| {
            rsigma_parser::parse_sigma_yaml(&text).map(|rules| (text, rules)).map_err(|e| e.to_string())
        });
        let (text, parsed) = match parsed {
            Ok(parsed) => parsed,
            Err(error) => return refuse(None, error),
        };
        for error in &parsed.errors {
            refuse(None, error.clone());
        }
        if parsed.errors.is_empty()
            && parsed.rules.is_empty()
            && parsed.correlations.is_empty()
            && parsed.filters.is_empty()
        {
            refuse(None, "no Sigma rule in it".to_owned());
        }
        let source = path.to_string_lossy().into_owned();
        for rule in parsed.rules {
            let info = info([&rule.title, &source, &text], rule.id.as_ref(), (rule.level, rule.status), &rule.tags);
            if is_wanted(&info, wanted) {
                match compile(&rule) {
                    Err(reason) => refuse(Some(&rule.title), reason),
                    Ok(compiled) => self.rules.push(Loadable { rule, compiled, info }),
                }
            }
        }
        for rule in parsed.correlations.into_iter().map(correlation::as_specified) {
            let info = info([&rule.title, &source, &text], rule.id.as_ref(), (rule.level, rule.status), &rule.tags);
            if !is_wanted(&info, wanted) {
                continue;
            }
            if matches!(
                rule.correlation_type,
                CorrelationType::EventCount | CorrelationType::ValueCount | CorrelationType::Temporal
            ) {
                self.correlations.push((rule, info));
            } else {
                let kind = rule.correlation_type.as_str();
                refuse(
                    Some(&rule.title),
                    format!("a correlation of type {kind}: event_count, value_count and temporal are known"),
                );
            }
        }
        self.filters.extend(parsed.filters);
    }

    /// Drops what is given twice, and correlations and filters whose rules are not loaded; sorts; finds the literals.
    fn finish(&mut self) {
        let order = |info: &RuleInfo| (info.title.clone(), info.id.clone(), info.source.clone());
        let mut known = BTreeSet::new();
        self.rules.sort_by_key(|loaded| order(&loaded.info));
        self.rules.retain(|Loadable { info, .. }| info.id.is_empty() || known.insert(info.id.clone()));
        let loaded: BTreeSet<&str> = self.rules.iter().flat_map(|loaded| names(&loaded.rule)).collect();
        let missing = |names: &[String]| names.iter().find(|name| !loaded.contains(name.as_str())).cloned();
        let refused = &mut self.refused;
        let mut refuse = |source: &str, title: &str, name: &str| {
            let reason = format!("it is about the rule {name:?}, which is not loaded");
            refused.push(Refusal { path: PathBuf::from(source), title: Some(title.to_owned()), reason });
        };
        self.correlations.retain(|(rule, info)| match missing(&rule.rules) {
            Some(name) => {
                refuse(&info.source, &info.title, &name);
                false
            }
            None => true,
        });
        // A filter for rules that are not there filters nothing.
        self.filters.retain(|filter| match &filter.rules {
            FilterRuleTarget::Any => true,
            FilterRuleTarget::Specific(names) => names.iter().any(|name| loaded.contains(name.as_str())),
        });
        self.correlations.sort_by_key(|(_, info)| order(info));
        self.infos = self.rules.iter().map(|loaded| loaded.info.clone()).collect();
        self.infos.extend(self.correlations.iter().map(|(_, info)| info.clone()));
        self.infos.sort_by_key(order);
        let mut all = Some(Vec::new());
        for Loadable { rule, info, .. } in &self.rules {
            match (literals::of_rule(rule), &mut all) {
                (Some(literals), Some(all)) => all.extend(literals),
                (Some(_), None) => {}
                (None, _) => {
                    self.without_literals.push(info.title.clone());
                    all = None;
                }
            }
        }
        self.literals = all;
        self.refused.sort();
    }
}

/// By what other rules know a rule.
fn names(rule: &SigmaRule) -> impl Iterator<Item = &str> {
    [rule.id.as_deref(), rule.name.as_deref(), Some(rule.title.as_str())].into_iter().flatten()
}

fn info(
    [title, source, text]: [&str; 3],
    id: Option<&String>,
    (level, status): (Option<Level>, Option<Status>),
    tags: &[String],
) -> RuleInfo {
    RuleInfo {
        title: title.to_owned(),
        id: id.cloned().unwrap_or_default(),
        level: level.map_or("", |level| level.as_str()).to_owned(),
        status: status.map_or_else(String::new, |status| format!("{status:?}").to_lowercase()),
        attack: RuleInfo::attack_of_tags(tags),
        source: source.to_owned(),
        text: text.to_owned(),
    }
}

fn is_wanted(info: &RuleInfo, wanted: &Wanted) -> bool {
    let rank = |level: &str| LEVELS.iter().position(|known| *known == level);
    let file = Path::new(&info.source).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let is_excluded = |name: &String| [info.id.as_str(), info.title.as_str(), file].contains(&name.as_str());
    wanted.level.as_ref().is_none_or(|least| rank(&info.level) >= rank(least))
        && (wanted.status.is_empty() || wanted.status.contains(&info.status))
        && !wanted.exclude.iter().any(is_excluded)
}

/// A rule as it is evaluated over connections, or why it cannot be.
fn compile(rule: &SigmaRule) -> Result<CompiledRule, String> {
    let LogSource { category, product, service, .. } = &rule.logsource;
    let is = |text: &Option<String>, expected: &str| text.as_deref() == Some(expected);
    let on_windows = product.is_none() || is(product, "windows");
    let is_ours = (is(category, "network_connection") && service.as_deref().is_none_or(|name| name == "sysmon"))
        || (category.is_none() && is(service, "sysmon"));
    if !on_windows || !is_ours {
        let part = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
        let parts = [part("product", product), part("category", category), part("service", service)];
        let source = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        return Err(format!(
            "another log source ({source}): windows network_connection, or sysmon with EventID 3, is read"
        ));
    }
    if let Some(name) = placeholder(&rule.detection) {
        return Err(format!("it needs the placeholder of {name} expanded, and no value is known for it"));
    }
    let ids: Vec<&SigmaValue> =
        items(&rule.detection).filter(|(name, ..)| *name == Some("EventID")).flat_map(|(_, _, v)| v).collect();
    let is_3 = |value: &&SigmaValue| match value {
        SigmaValue::Integer(id) => *id == 3,
        SigmaValue::String(text) => text.original == "3",
        _ => false,
    };
    if !ids.is_empty() && !ids.iter().any(is_3) {
        return Err("it looks for other events than EventID 3".to_owned());
    }
    rsigma_eval::compile_rule(rule).map_err(|error| error.to_string())
}

/// The first field with a placeholder.
fn placeholder(detections: &Detections) -> Option<String> {
    items(detections)
        .find(|(_, modifiers, _)| modifiers.contains(&Modifier::Expand))
        .map(|(name, ..)| name.unwrap_or("a keyword").to_owned())
}

type Item<'a> = (Option<&'a str>, &'a [Modifier], &'a [SigmaValue]);

fn items(detections: &Detections) -> impl Iterator<Item = Item<'_>> {
    let mut items = Vec::new();
    detections.named.values().for_each(|detection| collect(detection, &mut items));
    items.into_iter()
}

fn collect<'a>(detection: &'a Detection, items: &mut Vec<Item<'a>>) {
    match detection {
        Detection::AllOf(all) => {
            items.extend(all.iter().map(|item| (item.field.name.as_deref(), &*item.field.modifiers, &*item.values)));
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| collect(part, items)),
        Detection::ArrayMatch { body, .. } => collect(body, items),
        Detection::Conditional { named, .. } => named.values().for_each(|part| collect(part, items)),
        Detection::Keywords(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_loaded_does_not_depend_on_the_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..3 * FILES {
            let rule = match number % 5 {
                0 => "title: [unfinished".to_owned(),
                1 => format!(
                    "title: F{number}\nlogsource: {{category: network_connection}}\nfilter: {{rules: any, s: {{User: a}}, condition: not s}}"
                ),
                _ => format!(
                    "title: R{number}\nlogsource: {{category: network_connection}}\ndetection: {{s: {{Image: text{number}}}, condition: s}}"
                ),
            };
            fs::write(folder.path().join(format!("{number}.yml")), rule).unwrap();
        }
        let load = |threads| {
            let threads = NonZeroUsize::new(threads).unwrap();
            let loaded = load_on(threads, &[folder.path().to_owned()], &Wanted::default());
            let filters: Vec<String> = loaded.filters.iter().map(|filter| filter.title.clone()).collect();
            (loaded.infos, loaded.refused, loaded.literals, filters)
        };
        let (infos, refused, literals, filters) = load(1);
        let literals_count = literals.as_ref().map(Vec::len);
        assert_eq!((infos.len(), refused.len(), literals_count, filters.len()), (28, 10, Some(28), 10));
        for threads in [2, 3, 64] {
            assert_eq!(load(threads), (infos.clone(), refused.clone(), literals.clone(), filters.clone()), "{threads}");
        }
    }
}
