//! Loading: Sigma rules from files and folders, and why some of them are not loaded.

use std::{
    collections::BTreeSet,
    fs, mem,
    num::NonZeroUsize,
    panic,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use rsigma_eval::{CompiledRule, Engine};
use rsigma_parser::{CorrelationRule, FilterRule, Level, RelationType, SigmaRule, Status};

use crate::{
    connection::possible,
    evidence::walk::{Walked, walk},
    rule::{
        info::{BUILT_IN, RuleInfo},
        sigma::{
            asking::Asking,
            beside::{self, Names},
            correlation::{Correlation, Correlations, Part},
            engine::Sigma,
            file, flags, literals,
            names::{self, Unknown},
            narrowing,
            remark::Remark,
            restated, scope,
            untold::{self, Possible},
            wanted::{self, Wanted, is_wanted},
        },
    },
    text,
};

/// What is loaded.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What is known of each rule, by title, then by id. Correlations are among them.
    pub infos: Vec<RuleInfo>,
    /// Literals of which one has to be in a record for any rule to match it; `None` if there are rules without.
    pub literals: Option<literals::Literals>,
    /// The titles of rules without literals, for which every connection has to be decoded.
    pub without_literals: Vec<String>,
    /// What loaded rules ask for and no connection has, by file, rule and field.
    pub unknown: Vec<Remark>,
    /// The rules that match no connection, since none has a value that they ask for.
    pub unmatching: Vec<Remark>,
    /// What was not loaded.
    pub refused: Vec<Remark>,
    /// The rules that ask for the process behind a connection, and for what of it.
    pub asking: Vec<(RuleInfo, Asking)>,
    /// Names of rules that are not wanted, and that rules or files have.
    pub excluded: BTreeSet<String>,
    names: Names,
    /// The files that were read.
    pub read: Vec<PathBuf>,
    /// The files of what can be applied.
    giving: BTreeSet<PathBuf>,
    rules: Vec<Loadable>,
    correlations: Vec<(CorrelationRule, RuleInfo)>,
    filters: Vec<(FilterRule, PathBuf)>,
}

/// A rule that can be evaluated.
#[derive(Debug)]
struct Loadable {
    rule: SigmaRule,
    compiled: CompiledRule,
    info: RuleInfo,
    /// What it asks of processes.
    asking: Asking,
}

/// Reads the rules in these files and folders (`*.yml` and `*.yaml`), in the order of their paths. A rule that is given
/// twice is loaded once; rules that differ are all loaded, also with the same id.
#[must_use]
pub fn load(paths: &[PathBuf], wanted: &Wanted) -> Loaded {
    load_on(NonZeroUsize::MIN, &[], paths, wanted)
}

/// The same on up to so many threads, with rules that are built in, which are wanted in any case. What is loaded does not
/// depend on how many threads there are.
#[must_use]
pub fn load_on(threads: NonZeroUsize, built_in: &[&str], paths: &[PathBuf], wanted: &Wanted) -> Loaded {
    let Walked { files, failed, .. } = walk(paths, is_yaml);
    let refused = failed.into_iter().map(|(path, reason)| Remark { path, title: None, reason });
    let mut loaded = Loaded { refused: refused.collect(), ..Loaded::default() };
    let files: Vec<PathBuf> = files.into_iter().collect();
    for text in built_in {
        loaded.text(Path::new(BUILT_IN), (*text).to_owned(), &Wanted::default());
    }
    loaded.files(&files, wanted, threads);
    loaded.read = files;
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
    let Ok(text) = file::read(path) else { return Vec::new() };
    let found = rsigma_parser::lint::lint_yaml_str(&text);
    found.into_iter().map(|warning| format!("{:?}: {}", warning.severity, warning.message).to_lowercase()).collect()
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("yml") || extension.eq_ignore_ascii_case("yaml"))
}

impl Loaded {
    /// Why nothing at all is read from a path: it cannot be read, or it has no file of rules.
    #[must_use]
    pub fn nothing_in(&self, path: &Path, wanted: &Wanted) -> Option<String> {
        let is_folder = fs::metadata(path).map(|metadata| metadata.is_dir());
        let readable = is_folder.and_then(|is_folder| if is_folder { Ok(()) } else { fs::File::open(path).map(drop) });
        if let Err(error) = readable {
            return Some(format!("cannot be read: {error}"));
        }
        let is_any = self.has_any_of(path) || self.refused.iter().any(|refusal| refusal.path.starts_with(path));
        let all_are_wanted = wanted.level.is_none() && wanted.status.is_empty() && wanted.exclude.is_empty();
        let or = if all_are_wanted { "" } else { ", or none that --level, --status and --exclude-rule leave" };
        (!is_any).then(|| format!("no Sigma rule (*.yml, *.yaml) in it{or}"))
    }

    /// Whether this file or folder gives a rule, a correlation or a filter that can be applied, also one that is given twice.
    #[must_use]
    pub fn has_any_of(&self, path: &Path) -> bool {
        // A link in a folder can lead out of it, and of the names of one file only the first was read.
        let is_in = |file: &PathBuf| {
            file.starts_with(path)
                || fs::canonicalize(path)
                    .is_ok_and(|path| fs::canonicalize(file).is_ok_and(|file| file.starts_with(path)))
        };
        self.giving.iter().any(is_in)
    }

    /// What is known of each rule but correlations, and the processes that it names, by their base names in lower case.
    pub fn with_processes(&self) -> impl Iterator<Item = (&RuleInfo, BTreeSet<String>)> {
        self.rules.iter().map(|loaded| (&loaded.info, scope::processes(&loaded.rule.detection)))
    }

    /// The ids of the rules that a rule, unless it is a correlation, says are similar to it.
    pub fn similar(&self, info: &RuleInfo) -> impl Iterator<Item = &str> {
        let own = self.rules.iter().filter(move |loaded| loaded.info == *info);
        let related = own.flat_map(|loaded| &loaded.rule.related);
        related.filter(|related| related.relation_type == RelationType::Similar).map(|related| related.id.as_str())
    }

    /// What cannot be right in rules that are loaded, each with what it is.
    pub fn doubts(&self) -> impl Iterator<Item = (&'static str, &Remark)> {
        let unknown = self.unknown.iter().map(|remark| ("unknown field", remark));
        unknown.chain(self.unmatching.iter().map(|remark| ("matches nothing", remark)))
    }

    /// The rules that match no connection of a source, and what they ask for that none of it has. A correlation is one of them where all
    /// of its rules are, or where nothing that it asks of processes is told.
    #[must_use]
    pub fn unmatched(&self, possible: Possible) -> Vec<(&RuleInfo, BTreeSet<String>)> {
        let keeping = |loaded: &Loadable| untold::keeping(&loaded.rule, possible);
        let of_rules: Vec<_> = self.rules.iter().map(|loaded| (loaded, keeping(loaded))).collect();
        let of_correlation = |(rule, info): &(CorrelationRule, RuleInfo)| {
            let asking = self.asking.iter().find(|(known, _)| known == info).map(|(_, asking)| asking);
            if let Some(asking) = asking.filter(|asking| !asking.is_met_by(possible.is_told)) {
                return asking.all.names().filter(|name| !(possible.is_told)(name)).map(str::to_owned).collect();
            }
            let is_its = |loaded: &Loadable| rule.rules.iter().any(|name| is_known_by(&loaded.rule, name));
            let its: Vec<_> =
                of_rules.iter().filter(|(loaded, _)| is_its(loaded)).map(|(_, missing)| missing).collect();
            if its.iter().any(|missing| missing.is_empty()) {
                return BTreeSet::new();
            }
            its.into_iter().flatten().cloned().collect()
        };
        let of_correlations = self.correlations.iter().map(|one| (&one.1, of_correlation(one)));
        let all = of_rules.iter().map(|(loaded, missing)| (&loaded.info, missing.clone())).chain(of_correlations);
        all.filter(|(_, missing)| !missing.is_empty()).collect()
    }

    /// Has the rules see these names.
    pub fn see(&mut self, names: Names) {
        self.names = names;
        self.find_literals();
    }

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
        let mut indices = self.indices(first);
        let of_rules: Vec<usize> = rules.iter().map(|loaded| indices(&loaded.info)).collect();
        let of_correlations: Vec<usize> = self.correlations.iter().map(|(_, info)| indices(info)).collect();
        let correlations = if self.correlations.is_empty() {
            None
        } else {
            Some(self.correlations_of(&rules, &of_rules, &of_correlations)?)
        };
        let of_rule = rules.iter().map(|loaded| loaded.asking).zip(&of_rules);
        let of_correlation = self.correlations.iter().map(|(rule, _)| Asking::of_correlation(rule));
        let asking = of_rule.chain(of_correlation.zip(&of_correlations)).map(|(asking, index)| (*index, asking));
        let asking: Vec<(usize, Asking)> = asking.filter(|(_, asking)| !asking.is_empty()).collect();
        let compiled: Vec<CompiledRule> = rules.into_iter().map(|loaded| loaded.compiled).collect();
        let mut engine = Engine::new();
        // The engine finds them by their ids, which are their indices.
        engine.extend_compiled_rules(compiled.into_iter().zip(of_rules).map(|(mut rule, index)| {
            rule.id = Some(index.to_string());
            flags::set_aside(rule)
        }));
        Ok(Sigma::new(engine, correlations).asking(asking.into_iter()))
    }

    /// Tells the index of a rule by what is known of it, from `first` on. Of rules of which the same is known, as two without an
    /// id in a file can be, each gets another.
    fn indices(&self, first: usize) -> impl FnMut(&RuleInfo) -> usize {
        let mut left: Vec<Option<&RuleInfo>> = self.infos.iter().map(Some).collect();
        move |info| {
            let at = left.iter().position(|known| *known == Some(info)).unwrap_or(0);
            left.get_mut(at).map(Option::take);
            first + at
        }
    }

    /// The correlations of these rules, with the indices of both.
    fn correlations_of(
        &self,
        rules: &[Loadable],
        of_rules: &[usize],
        of_correlations: &[usize],
    ) -> Result<Correlations, String> {
        let silent = |rule: &CorrelationRule| if rule.generate { Vec::new() } else { rule.rules.clone() };
        let named: BTreeSet<String> = self.correlations.iter().flat_map(|(rule, _)| silent(rule)).collect();
        let is_part = |rule: &SigmaRule| referable(rule).any(|name| named.contains(name));
        let parts = rules.iter().zip(of_rules).filter(|(loaded, _)| is_part(&loaded.rule)).map(|(_, &index)| index);
        let parts = parts.collect();
        let correlations = self.correlations.iter().zip(of_correlations);
        let correlations =
            correlations.map(|((rule, _), &index)| Correlation::new(rule, index, parts_of(rule, rules, of_rules)));
        Ok(Correlations::new(correlations.collect::<Result<_, _>>()?, parts))
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
        self.giving.extend(part.giving);
        self.refused.extend(part.refused);
        self.excluded.extend(part.excluded);
    }

    /// How many rules, correlations and filters there are.
    fn count(&self) -> usize {
        self.rules.len() + self.correlations.len() + self.filters.len()
    }

    fn file(&mut self, path: &Path, wanted: &Wanted) {
        let before = self.count();
        let stem = wanted::stem(path);
        self.excluded.extend(wanted.exclude.iter().filter(|name| *name == stem).cloned());
        match file::read(path) {
            Ok(text) => self.text(path, text, wanted),
            Err(error) => {
                let reason = text::printable(&error.to_string()).into_owned();
                self.refused.push(Remark { path: path.to_owned(), title: None, reason });
            }
        }
        if self.count() > before {
            self.giving.insert(path.to_owned());
        }
    }

    /// Takes the rules of a text, which is the whole of the file of this path.
    fn text(&mut self, path: &Path, text: String, wanted: &Wanted) {
        let mut refuse = |title: Option<&str>, reason: String| {
            let reason = text::printable(&reason).into_owned();
            self.refused.push(Remark { path: path.to_owned(), title: title.map(str::to_owned), reason });
        };
        let parsed = match rsigma_parser::parse_sigma_yaml(&text) {
            Ok(parsed) => parsed,
            Err(error) => return refuse(None, error.to_string()),
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
        let text: Arc<str> = text.into();
        for rule in parsed.rules {
            let info = RuleInfo {
                author: rule.author.clone().unwrap_or_default(),
                ..info(&rule.title, &source, &text, rule.id.as_ref(), rule.level, rule.status, &rule.tags)
            };
            self.excluded.extend(wanted.excluding(&info).cloned());
            if is_wanted(&info, wanted) {
                match scope::compile(&rule) {
                    Err(reason) => refuse(Some(&rule.title), reason),
                    Ok(compiled) => self.rules.push(Loadable { rule, compiled, info, asking: Asking::default() }),
                }
            }
        }
        for rule in parsed.correlations {
            let info = RuleInfo {
                author: rule.author.clone().unwrap_or_default(),
                ..info(&rule.title, &source, &text, rule.id.as_ref(), rule.level, rule.status, &rule.tags)
            };
            self.excluded.extend(wanted.excluding(&info).cloned());
            if !is_wanted(&info, wanted) {
                continue;
            }
            self.correlations.push((rule, info));
        }
        self.filters.extend(parsed.filters.into_iter().map(|filter| (filter, path.to_owned())));
    }

    /// Drops what is given twice, and correlations and filters whose rules are not loaded; sorts; finds the literals.
    fn finish(&mut self) {
        let order = |info: &RuleInfo| (info.title.clone(), info.id.clone(), info.source.clone());
        self.rules.sort_by_key(|loaded| order(&loaded.info));
        once(&mut self.rules, |loaded| (&loaded.info, &loaded.rule));
        let loaded: BTreeSet<&str> = self.rules.iter().flat_map(|loaded| referable(&loaded.rule)).collect();
        let missing = |names: &[String]| names.iter().find(|name| !loaded.contains(name.as_str())).cloned();
        let correlations: BTreeSet<String> =
            self.correlations.iter().flat_map(|(rule, _)| names_of(rule)).map(str::to_owned).collect();
        let refused = &mut self.refused;
        let (rules, indices): (_, Vec<usize>) = (&self.rules, (0..self.rules.len()).collect());
        let evaluated = |rule: &CorrelationRule| match missing(&rule.rules) {
            Some(name) if correlations.contains(&name) => {
                Err(format!("it is about {name:?}, which is a correlation itself: only rules are counted"))
            }
            Some(name) => Err(format!("it is about the rule {name:?}, which is not loaded")),
            None => Correlation::new(rule, 0, parts_of(rule, rules, &indices)).map(drop),
        };
        self.correlations.retain(|(rule, info)| {
            let evaluated = evaluated(rule);
            if let Err(reason) = &evaluated {
                let (path, title) = (PathBuf::from(&info.source), Some(info.title.clone()));
                refused.push(Remark { path, title, reason: text::printable(reason).into_owned() });
            }
            evaluated.is_ok()
        });
        self.correlations.sort_by_key(|(_, info)| order(info));
        once(&mut self.correlations, |(rule, info)| (info, rule));
        self.infos = self.rules.iter().map(|loaded| loaded.info.clone()).collect();
        self.infos.extend(self.correlations.iter().map(|(_, info)| info.clone()));
        self.infos.sort_by_key(order);
        self.find_literals();
        self.unknown = self.unknown_fields();
        self.narrow();
        self.ask();
        self.unmatching = self.with_impossible_values();
        self.refused.sort();
    }

    /// Finds the literals, of which one has to be in the connection's own record: what its process is told by can be anywhere.
    fn find_literals(&mut self) {
        self.without_literals.clear();
        let mut all = Some(Vec::new());
        for Loadable { rule, info, .. } in &self.rules {
            match (literals::of_rule(rule, self.names), &mut all) {
                (Some(literals), Some(all)) => all.extend(literals),
                (Some(_), None) => {}
                (None, _) => {
                    self.without_literals.push(info.title.clone());
                    all = None;
                }
            }
        }
        self.literals = all;
    }

    /// Finds what rules, filters applied, ask of processes. A rule that asks for any is then of connections whose process is known.
    fn ask(&mut self) {
        let Self { rules, infos, asking, refused, .. } = self;
        rules.retain_mut(|loaded| {
            let of_rule = Asking::of_rule(&loaded.rule.detection);
            if of_rule.is_empty() {
                return true;
            }
            let rule = beside::of_known_process(&loaded.rule, of_rule);
            match rule.and_then(|rule| Ok((restated::compile(&rule)?, rule))) {
                Ok((compiled, rule)) => {
                    (loaded.compiled, loaded.rule, loaded.asking) = (compiled, rule, of_rule);
                    asking.push((loaded.info.clone(), of_rule));
                    true
                }
                Err(reason) => {
                    let (path, title) = (PathBuf::from(&loaded.info.source), Some(loaded.info.title.clone()));
                    let reason = format!("it asks for the process of a connection: {reason}");
                    refused.push(Remark { path, title, reason });
                    infos.retain(|info| *info != loaded.info);
                    false
                }
            }
        });
        let correlations = self.correlations.iter();
        let correlations = correlations.map(|(rule, info)| (info.clone(), Asking::of_correlation(rule)));
        self.asking.extend(correlations.filter(|(_, of_rule)| !of_rule.is_empty()));
    }

    /// What rules, correlations and filters ask for and no connection has.
    fn unknown_fields(&self) -> Vec<Remark> {
        let of = |path: &Path, title: &str, fields: Vec<Unknown>| {
            let (path, title) = (path.to_owned(), title.to_owned());
            fields.into_iter().map(move |field| Remark {
                path: path.clone(),
                title: Some(title.clone()),
                reason: field.to_string(),
            })
        };
        let rules = self.rules.iter().flat_map(|Loadable { rule, info, .. }| {
            of(Path::new(&info.source), &info.title, names::unknown_in_detections(&rule.detection))
        });
        let correlations = self
            .correlations
            .iter()
            .flat_map(|(rule, info)| of(Path::new(&info.source), &info.title, names::unknown_in_correlation(rule)));
        let is_applied = |filter: &FilterRule| self.rules.iter().any(|loaded| narrowing::is_for(filter, &loaded.rule));
        let filters = self
            .filters
            .iter()
            .filter(|(filter, _)| is_applied(filter))
            .flat_map(|(filter, path)| of(path, &filter.title, names::unknown_in_detections(&filter.detection)));
        let mut unknown: Vec<Remark> = rules.chain(correlations).chain(filters).collect();
        unknown.sort();
        unknown
    }

    /// The rules that ask for what no connection says in a field that it has.
    fn with_impossible_values(&self) -> Vec<Remark> {
        let why = |asked: String| {
            let (field, value) = asked.split_once(' ')?;
            let reason = possible::value(field, value)?;
            Some(format!("no connection has the {field} {}: {reason}", text::quoted(value)))
        };
        let possible = Possible { is_told: |_| true, can_be: |field, text| possible::value(field, text).is_none() };
        let unmatched = self.unmatched(possible).into_iter().map(|(info, asked)| Remark {
            path: PathBuf::from(&info.source),
            title: Some(info.title.clone()),
            reason: asked.into_iter().filter_map(why).collect::<Vec<_>>().join("; "),
        });
        unmatched.collect()
    }

    /// Applies the filters to the rules that they name. One that cannot be applied is named, and filters nothing.
    fn narrow(&mut self) {
        for (number, (filter, path)) in self.filters.iter().enumerate() {
            if let Some(name) = narrowing::names_only_others(filter, self.rules.iter().map(|loaded| &loaded.rule)) {
                let reason = format!("it filters the rule {name:?}, which is not loaded");
                self.refused.push(Remark { path: path.clone(), title: Some(filter.title.clone()), reason });
            }
            for loaded in self.rules.iter_mut().filter(|loaded| narrowing::is_for(filter, &loaded.rule)) {
                let narrowed = narrowing::narrowed(&loaded.rule, filter, number);
                match narrowed.and_then(|rule| Ok((restated::compile(&rule)?, rule))) {
                    Ok((compiled, rule)) => (loaded.compiled, loaded.rule) = (compiled, rule),
                    Err(reason) => {
                        let reason = format!("a filter that cannot be applied to {:?}: {reason}", loaded.rule.title);
                        let title = Some(filter.title.clone());
                        self.refused.push(Remark { path: path.clone(), title, reason });
                    }
                }
            }
        }
    }
}

/// Keeps the first of rules that are the same, of rules in the order of their titles and ids.
fn once<T, R: PartialEq>(rules: &mut Vec<T>, parts: fn(&T) -> (&RuleInfo, &R)) {
    let mut kept: Vec<T> = Vec::with_capacity(rules.len());
    for loaded in rules.drain(..) {
        let (info, rule) = parts(&loaded);
        let is_namesake = |known: &RuleInfo| (&known.title, &known.id) == (&info.title, &info.id);
        let mut namesakes = kept.iter().rev().map(parts).take_while(|(known, _)| is_namesake(known));
        if !namesakes.any(|(_, known)| known == rule) {
            kept.push(loaded);
        }
    }
    *rules = kept;
}

/// The rules that a correlation is about, by their indices.
fn parts_of(correlation: &CorrelationRule, rules: &[Loadable], indices: &[usize]) -> Vec<Part> {
    let part = |name: &String| {
        let is_it = |(loaded, _): &(&Loadable, _)| is_known_by(&loaded.rule, name);
        let (named, indices): (Vec<_>, Vec<_>) = rules.iter().zip(indices.iter().copied()).filter(is_it).unzip();
        Part::new(named.into_iter().flat_map(|loaded| referable(&loaded.rule)).map(str::to_owned).collect(), indices)
    };
    correlation.rules.iter().map(part).collect()
}

/// By what correlations know a rule.
fn referable(rule: &SigmaRule) -> impl Iterator<Item = &str> {
    id_and_name(rule.id.as_deref(), rule.name.as_deref(), &rule.title)
}

/// Whether correlations know a rule by this.
fn is_known_by(rule: &SigmaRule, name: &str) -> bool {
    referable(rule).any(|own| own == name)
}

/// By what one could know a correlation.
fn names_of(rule: &CorrelationRule) -> impl Iterator<Item = &str> {
    id_and_name(rule.id.as_deref(), rule.name.as_deref(), &rule.title)
}

/// By what correlations know what has these: its title only where it has no name.
fn id_and_name<'r>(id: Option<&'r str>, name: Option<&'r str>, title: &'r str) -> impl Iterator<Item = &'r str> {
    id.into_iter().chain([name.unwrap_or(title)])
}

fn info(
    title: &str,
    source: &str,
    text: &Arc<str>,
    id: Option<&String>,
    level: Option<Level>,
    status: Option<Status>,
    tags: &[String],
) -> RuleInfo {
    RuleInfo {
        title: title.to_owned(),
        id: id.cloned().unwrap_or_default(),
        level: level.map_or("", |level| level.as_str()).to_owned(),
        status: status.map_or_else(String::new, |status| format!("{status:?}").to_lowercase()),
        attack: RuleInfo::attack_of_tags(tags),
        source: source.to_owned(),
        text: Arc::clone(text),
        ..RuleInfo::default()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
            let loaded = load_on(threads, &[], &[folder.path().to_owned()], &Wanted::default());
            let filters: Vec<String> = loaded.filters.iter().map(|(filter, _)| filter.title.clone()).collect();
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
