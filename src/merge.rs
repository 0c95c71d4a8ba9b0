//! Merging: partial results put together, as one scan of all their sources would have given.
//!
//! Groups with the same key are counted together, which is exact: counts are added, and of the times the first and the last
//! are taken. A source that is in more than one partial result, by its SHA-256, counts once. Nothing of the sources is
//! read, and what a partial result says is believed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    path::{Path, PathBuf},
    thread,
};

use walkdir::WalkDir;

use crate::{
    config::Merging,
    connection::Field,
    error::{Defect, DefectKind, Defects, Error},
    findings::add_counts,
    group::{self, Groups, SortedGroups},
    input,
    partial::{Facts, Partial, SourceFacts},
    rarity::Rarity,
    report::{self, Report},
    run::Ran,
    summary,
    tally::Tally,
    text,
};

/// What came of it.
pub struct Merged {
    /// The facts of all, but for their sources: rules and options are the same in each.
    pub facts: Facts,
    /// The fields of the groups.
    pub fields: Vec<Field>,
    /// The groups.
    pub groups: SortedGroups,
    /// What there is to say of all sources together.
    pub ran: Ran,
    /// How many partial results there were.
    pub partials: u64,
    /// Sources that did not count, since they were in another partial result: their name, and where they were.
    pub repeated: Vec<(String, PathBuf)>,
}

/// Merges partial results: files, and what is named `*.parquet` in folders.
///
/// # Errors
///
/// There is none, some are of different rules, options or fields, the report would take the place of one, or there is no room
/// for temporary files.
pub fn merge(config: &Merging) -> Result<Merged, Error> {
    let mut defects = Defects::default();
    let mut partials = Vec::new();
    let files = find(&config.paths, &mut defects);
    config.output.check(&files.iter().flat_map(|path| input::identities(path)).collect())?;
    for path in files {
        match contained(|| Partial::open(&path)).and_then(|opened| opened) {
            Ok(partial) => partials.push((path, partial.facts)),
            Err(cause) => defects.add(Defect::of_path(&path, DefectKind::Path, &cause)),
        }
    }
    let Some((first_path, first)) = partials.first().cloned() else {
        let cause = defects.first().next().map_or_else(|| "no *.parquet in it".to_owned(), ToString::to_string);
        return Err(Error::file(
            config.paths.first().map_or(Path::new(""), PathBuf::as_path),
            "nothing to merge",
            &cause,
        ));
    };
    let fields = match &*config.group_by {
        [] => first.fields().map_err(Error::Usage)?,
        chosen => chosen.to_vec(),
    };
    for (path, facts) in &partials {
        if let Some(difference) = difference((&first_path, &first), facts, &config.group_by) {
            return Err(Error::file(path, "cannot be merged", &difference));
        }
    }

    let mut merged = Totals { defects, ..Totals::default() };
    let mut groups = Groups::new(fields.clone(), group::Sources::Together, config.room);
    let mut owners: HashMap<String, usize> = HashMap::new();
    let count = partials.len() as u64;
    for (number, (path, facts)) in partials.into_iter().enumerate() {
        let repeated = merged.add(&path, number, &facts, &mut owners);
        let added = contained(|| add_groups(&path, &facts, &repeated, (&fields, &mut groups)));
        if let Err(cause) = added.and_then(|added| added.map_err(|error| error.to_string())) {
            merged.defects.add(Defect::of_path(&path, DefectKind::Read, &format!("groups of it are wrong: {cause}")));
        }
    }
    let groups = groups.into_sorted().map_err(Error::Spill)?;
    let (ran, repeated) = merged.into_ran(groups.len());
    Ok(Merged { facts: Facts { sources: Vec::new(), ..first }, fields, groups, ran, partials: count, repeated })
}

/// The files, by path, each once.
fn find(paths: &[PathBuf], defects: &mut Defects) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for path in paths {
        for entry in WalkDir::new(path).follow_links(true) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) if entry.depth() == 0 || is_parquet(entry.path()) => {
                    files.insert(entry.into_path());
                }
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(path).to_owned();
                    let cause = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    defects.add(Defect::of_path(&path, DefectKind::Path, &cause));
                }
            }
        }
    }
    files
}

fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

/// In what a partial result is different from the first, if they cannot be merged for it.
fn difference((path, first): (&Path, &Facts), facts: &Facts, group_by: &[Field]) -> Option<String> {
    let of_first = |what: &str| Some(format!("{what} than {}", text::path(path)));
    let titles = |facts: &Facts| facts.rules.infos.iter().map(|info| info.title.clone()).collect::<Vec<_>>().join(", ");
    if facts.rules.infos != first.rules.infos || facts.rules.processes != first.rules.processes {
        let (ours, theirs) = (titles(facts), titles(first));
        let what = if ours == theirs {
            "its rules have other texts".to_owned()
        } else {
            format!("it has other rules ({ours}; not {theirs})")
        };
        return of_first(&text::printable(&what));
    }
    if facts.rules != first.rules {
        return of_first("it has other detection or exclusion networks");
    }
    if facts.options.filters != first.options.filters {
        let (ours, theirs) = (&facts.options.filters, &first.options.filters);
        return of_first(&text::printable(&format!("it has other filters ({ours:?}, not {theirs:?})")));
    }
    if facts.options != first.options {
        return of_first("it was made with another choice of --recover or --dedup");
    }
    let has = |field: &Field| facts.group_by.iter().any(|name| name == field.name());
    match group_by.iter().find(|field| !has(field)) {
        Some(field) => Some(format!("it is not grouped by {field}, but by {}", facts.group_by.join(","))),
        None if group_by.is_empty() && facts.group_by != first.group_by => of_first(&format!(
            "it is grouped by other fields ({}); --group-by takes some that all have",
            facts.group_by.join(",")
        )),
        None => None,
    }
}

/// Does what may panic over a hostile file.
fn contained<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    // In a thread of the name whose panics are not shown.
    thread::scope(|scope| {
        let running = thread::Builder::new().name("scan-merge".to_owned()).spawn_scoped(scope, work);
        let running = running.map_err(|error| error.to_string())?;
        running.join().map_err(|_| "the reader of Parquet files failed on it".to_owned())
    })
}

/// Counts the groups of a partial result, but for those of sources that were in another.
///
/// # Errors
///
/// It cannot be read, or its groups are not as many connections as its facts say.
fn add_groups(
    path: &Path,
    facts: &Facts,
    repeated: &BTreeSet<u64>,
    (fields, groups): (&[Field], &mut Groups),
) -> io::Result<()> {
    let partial = Partial::open(path).map_err(io::Error::other)?;
    let theirs = facts.fields().map_err(io::Error::other)?;
    let rules = facts.rules.infos.len();
    let place = |field: &Field| theirs.iter().position(|other| other == field);
    let places: Vec<usize> = fields.iter().filter_map(place).collect();
    let is_same = theirs == fields;
    let mut counted: u64 = 0;
    partial.rows(|row| {
        if row.key.rule >= rules || row.source >= facts.sources.len() as u64 {
            return Err(io::Error::other("a group of a rule or a source that it does not have"));
        }
        counted = counted.saturating_add(row.group.count);
        if repeated.contains(&row.source) {
            return Ok(());
        }
        let key = if is_same { row.key } else { row.key.coarsened(&places) };
        groups.count_group(key, row.group);
        Ok(())
    })?;
    // Copies are dropped for some rules of a connection or for all, so that less is known.
    let hits = |source: &SourceFacts| source.by_rule.values().sum::<u64>();
    let copies: u64 = facts.sources.iter().map(|source| source.duplicates).sum();
    let hits: u64 = facts.sources.iter().map(hits).sum();
    if copies == 0 && counted != hits {
        return Err(io::Error::other(format!("they are of {counted} connections, not of {hits}")));
    }
    Ok(())
}

/// What is known of all sources, added up.
#[derive(Default)]
struct Totals {
    tally: Tally,
    dirty: u64,
    excluded: BTreeMap<ipnet::IpNet, u64>,
    by_rule: BTreeMap<usize, u64>,
    duplicates: BTreeMap<String, u64>,
    defects: Defects,
    repeated: Vec<(String, PathBuf)>,
}

impl Totals {
    /// Adds a partial result. Returns the places of its sources that do not count.
    fn add(&mut self, path: &Path, number: usize, facts: &Facts, owners: &mut HashMap<String, usize>) -> BTreeSet<u64> {
        let mut repeated = BTreeSet::new();
        let mut defects = facts.defects.clone();
        for (place, source) in (0..).zip(&facts.sources) {
            let owner = source.digests.as_ref().map(|digests| *owners.entry(digests.sha256.clone()).or_insert(number));
            if owner.is_some_and(|owner| owner != number) {
                repeated.insert(place);
                defects.drop_source(&source.name, &source.defects);
                self.repeated.push((text::printable(&source.name).into_owned(), path.to_owned()));
            } else {
                self.add_source(source);
            }
        }
        self.defects.merge(defects);
        repeated
    }

    fn add_source(&mut self, source: &SourceFacts) {
        self.tally += source.tally;
        self.dirty += u64::from(source.dirty);
        add_counts(&mut self.excluded, source.excluded.clone());
        add_counts(&mut self.by_rule, source.by_rule.clone());
        if source.duplicates > 0 {
            *self.duplicates.entry(source.name.clone()).or_default() += source.duplicates;
        }
    }

    fn into_ran(self, groups: u64) -> (Ran, Vec<(String, PathBuf)>) {
        let Self { tally, dirty, excluded, by_rule, duplicates, defects, repeated } = self;
        (Ran { dirty, tally, excluded, by_rule, parts: 0, groups, duplicates, defects }, repeated)
    }
}

impl Merged {
    /// Writes the report.
    ///
    /// # Errors
    ///
    /// It cannot be written, or rarity is asked of fields that do not tell it.
    pub fn write(&self, config: &Merging) -> Result<(), Error> {
        let rarity =
            config.rarity.then(|| Rarity::new(&self.fields, &self.groups)).transpose().map_err(Error::Usage)?;
        let rarity = rarity.transpose().map_err(Error::Spill)?;
        let rules = self.facts.rules.named.then_some(&*self.facts.rules.infos);
        let report = Report { fields: &self.fields, groups: &self.groups, rules, rarity: rarity.as_ref() };
        config.output.write(|out| report::write(out, &report, &config.style))?;
        Ok(())
    }

    /// How many partial results there were, and which sources did not count, as lines of a summary.
    #[must_use]
    pub fn what_was_merged(&self) -> String {
        const NAMED: usize = 20;
        let mut lines = vec![format!("merged    {}\n", summary::counted(self.partials, "partial result"))];
        if !self.repeated.is_empty() {
            let sources = summary::counted(self.repeated.len() as u64, "log");
            lines.push(format!("          {sources} not counted again, found in more than one:\n"));
        }
        let named = self.repeated.iter().take(NAMED);
        lines.extend(named.map(|(source, path)| format!("          {source} in {}\n", text::path(path))));
        if self.repeated.len() > NAMED {
            lines.push(format!("          and {} more\n", self.repeated.len() - NAMED));
        }
        lines.concat()
    }
}
