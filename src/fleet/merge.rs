//! Merging: partial results put together, as one scan of all their sources would have given.
//!
//! Groups with the same key are counted together, which is exact: counts are added, and the first and the last time are kept. A source
//! that is in more than one partial result, by its SHA-256, counts once; sources that only have the same name are told apart. Nothing of
//! the sources is read, and what a partial result says is believed.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::Read,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use crate::{
    connection::{glossary::Field, host, locals::Locals},
    count,
    error::{Defect, DefectKind, Defects, Error},
    evidence::{
        source,
        walk::{Walked, walk},
    },
    fleet::{
        difference::difference,
        facts::Facts,
        names::{self, Names},
        pages,
        part::{Apart, Counted, Counting, Part},
        partial::facts,
        processes::Telling,
        split::Split,
        stream::Stream,
    },
    group::rarity::Places,
    label::labels,
    report::{outputs::Outputs, parquet::columns::Rows},
    scan::{
        hosts::HitHosts,
        searched::{Searched, SearchedFile, SearchedSource},
        terms::Terms,
    },
    text,
};

/// Merging, ready to start.
#[derive(Debug, Clone)]
pub struct Merging {
    /// Where the partial results are.
    pub paths: Vec<PathBuf>,
    /// The fields to group by, of those that each has; none for all of them.
    pub group_by: Vec<Field>,
    /// How much memory groups may take, and hits as much again, in bytes, for each thread.
    pub room: usize,
    /// How many threads read them.
    pub threads: NonZeroUsize,
    /// What is written.
    pub outputs: Outputs,
    /// Whether neither a summary nor progress is shown.
    pub quiet: bool,
}

/// What came of it.
pub struct Merged {
    /// What was looked for in all of them.
    pub terms: Terms,
    /// What was searched for it in all of them together.
    pub searched: Searched,
    /// How many partial results there were.
    pub count: u64,
    /// Logs that did not count, since they were in another partial result.
    pub repeated: Vec<Repeated>,
    /// What was not joined, since logs of a host are in more than one of them.
    pub split: Option<String>,
    /// What they say of processes.
    pub telling: Telling,
}

/// A log that does not count, since it is in a partial result before.
pub struct Repeated {
    /// Its name.
    pub name: String,
    /// The partial result that it does not count in.
    pub path: PathBuf,
    /// The part that it counts in.
    owner: usize,
}

/// Partial results that go together. Everything in them has been read except their rows.
pub struct Gathered {
    terms: Terms,
    /// What their groups are by until they are labelled: what the report groups by, and what else labels ask and all of them have.
    fields: Vec<Field>,
    merger: Merger,
}

/// Gathers partial results: the given files, and files in folders that are partial results or are named `*.parquet`.
///
/// # Errors
///
/// There is no partial result, they have different rules, options or fields, an option needs each hit but there are only groups, or an
/// output would replace one of them.
pub fn gather(config: &Merging) -> Result<Gathered, Error> {
    let Walked { files, failed, empty } = walk(&config.paths, is_parquet);
    let empty = empty.iter().map(|path| text::path(path)).collect();
    config.outputs.check(&files.iter().flat_map(|path| source::identities(path)).collect())?;
    let mut merger = Merger { empty, ..Merger::default() };
    for (path, cause) in failed {
        merger.defects.add(Defect::of_path(&path, DefectKind::Partial, &cause));
    }
    for path in files {
        match facts(&path) {
            Ok(facts) => merger.add(path, facts, config)?,
            Err(cause) => merger.defects.add(Defect::of_path(&path, DefectKind::Partial, &cause)),
        }
    }
    let Some((path, first)) = merger.first.take() else { return Err(nothing(config, &merger.defects)) };
    merger.context = first.context;
    let fields = if config.group_by.is_empty() { &first.group_by } else { &config.group_by }.clone();
    let terms = first.into_terms(fields).map_err(|cause| Error::file(&path, "cannot be merged", &cause))?;
    let is_grouped = terms.is_grouped || !config.group_by.is_empty();
    let terms = Terms { is_grouped, ..terms };
    if config.outputs.rarity {
        Places::new(&terms.group_by).map_err(Error::Usage)?;
    }
    let mut fields = terms.group_by.clone();
    if let (Some(labels), false) = (&config.outputs.labels, merger.are_hits_known()) {
        let is_asked = |field: &Field| !terms.group_by.contains(field) && merger.all_have(*field);
        fields.extend(labels::ASKED.into_iter().filter(is_asked));
        labels.check_fields(&fields).map_err(Error::Usage)?;
    }
    Ok(Gathered { terms, fields, merger })
}

impl Gathered {
    /// What was looked for in all of them.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Whether they were made with `--context`, so that the report has its columns.
    #[must_use]
    pub fn context(&self) -> bool {
        self.merger.context
    }

    /// How many bytes they have.
    #[must_use]
    pub fn size(&self) -> u64 {
        count::sum(self.merger.parts.iter().map(|part| part.size))
    }

    /// Merges them. `progress` is told how many bytes have been merged since it was told last. What is wrong with the rows of
    /// one is a defect.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn merge(self, config: &Merging, progress: &(dyn Fn(u64) + Sync)) -> Result<Merged, Error> {
        let Self { terms, fields, mut merger } = self;
        merger.tell_first_apart();
        let apart = Apart { hosts: merger.hosts.names(), locals: std::mem::take(&mut merger.locals) };
        let are_hits_wanted = config.outputs.need_hits() || terms.groups_later();
        let counting = Counting {
            terms: &terms,
            fields: &fields,
            keeps_hits: merger.are_hits_known() && are_hits_wanted,
            hashing: config.outputs.manifest.is_some(),
            room: config.room,
            apart: &apart,
            progress,
        };
        let Counted { groups, hits, defects, wrong, hosts, partials } =
            counting.count(&merger.parts, config.threads)?;
        let hits = counting.keeps_hits.then_some(hits);
        let count = merger.parts.len() as u64;
        merger.defects.merge(defects);
        for (place, cause) in wrong {
            merger.add_wrong(place, &cause);
        }
        for (place, hosts) in hosts {
            merger.split.add(place, hosts.iter().map(String::as_str));
        }
        let Merger {
            mut sources,
            hit_hosts,
            archives,
            defects,
            links,
            others,
            unopened,
            empty,
            repeated,
            split,
            parts,
            ..
        } = merger;
        sources.sort_by(|one, two| one.file.name.cmp(&two.file.name));
        let mut archives: Vec<SearchedFile> = archives.into_iter().collect();
        // Of the same file, one with more digests is behind one with less.
        archives.dedup_by(|next, known| {
            let is_known = known.is_among(next);
            if is_known {
                std::mem::swap(next, known);
            }
            is_known
        });
        let partials = partials.into_values().collect();
        let searched = Searched {
            sources,
            archives,
            groups,
            hits,
            hit_hosts,
            // No log is in two of them: they are told by their hashes.
            repeated: None,
            defects,
            links,
            others,
            unopened,
            empty,
            strangers: Vec::new(),
            locals: None,
            partials,
        };
        let split = split.says(&terms, &config.outputs, &parts);
        let telling = Telling { parts, of_several: apart.hosts };
        Ok(Merged { terms, searched, count, repeated, split, telling })
    }
}

fn nothing(config: &Merging, defects: &Defects) -> Error {
    let (path, cause) = match defects.first().next() {
        Some(defect) => (Path::new(&defect.path), defect.cause.as_str()),
        None => (config.paths.first().map_or(Path::new(""), PathBuf::as_path), "no partial result in it"),
    };
    Error::file(path, "nothing to merge", &cause)
}

/// Whether a file is named as a partial result mostly is, or is one of any name: these start with Parquet's magic.
fn is_parquet(path: &Path) -> bool {
    let is_named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    is_named || path.is_file() && starts_with_magic(path)
}

fn starts_with_magic(path: &Path) -> bool {
    let mut start = [0; pages::MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *pages::MAGIC
}

/// What is known of partial results together, as one after the other is added.
#[derive(Default)]
struct Merger {
    /// The first of them, with which the others have to agree.
    first: Option<(PathBuf, Facts)>,
    /// Whether they were made with `--context`.
    context: bool,
    parts: Vec<Part>,
    sources: Vec<SearchedSource>,
    hit_hosts: HitHosts,
    archives: BTreeSet<SearchedFile>,
    defects: Defects,
    links: u64,
    others: u64,
    unopened: u64,
    empty: Vec<String>,
    /// In which of the parts each source was first, by what tells that it is the same.
    owners: HashMap<String, usize>,
    repeated: Vec<Repeated>,
    /// The hosts of logs that count.
    split: Split,
    /// Those of all logs, and of all that is told of processes.
    hosts: Split,
    /// The addresses that hosts have.
    locals: Locals,
    names: Names,
}

impl Merger {
    /// Adds what is known of a partial result besides its rows.
    ///
    /// # Errors
    ///
    /// It cannot be merged with the first.
    fn add(&mut self, path: PathBuf, mut facts: Facts, config: &Merging) -> Result<(), Error> {
        let (first_path, first) = self.first.as_ref().map_or((&*path, &facts), |(path, first)| (&**path, first));
        if let Some(cause) = difference(first_path, first, &facts, &config.group_by, &config.outputs) {
            return Err(Error::file(&path, "cannot be merged", &cause));
        }
        let repeated = self.repeated(&path, &mut facts);
        self.tell_apart(&path, &mut facts, &repeated);
        self.defects.merge(std::mem::take(&mut facts.defects));
        self.links = self.links.saturating_add(facts.links);
        self.others = self.others.saturating_add(facts.others);
        self.unopened = self.unopened.saturating_add(facts.unopened);
        self.empty.append(&mut facts.empty);
        self.archives.extend(std::mem::take(&mut facts.archives));
        let (sources, hit_hosts) = (std::mem::take(&mut facts.sources), std::mem::take(&mut facts.hit_hosts));
        let (again, anew): (Vec<_>, Vec<_>) = (0..).zip(&sources).partition(|(place, _)| repeated.contains(place));
        let of_logs = anew.iter().map(|(_, log)| &log.coverage).filter(|log| log.is_sysmon == Some(true));
        let columns = facts.columns();
        let stream = facts.process_events.take();
        let of_processes = || stream.iter().flat_map(Stream::hosts);
        let all = sources.iter().map(|source| &*source.coverage.host).chain(hit_hosts.names()).chain(of_processes());
        self.hosts.add(self.parts.len(), all);
        // Where a log counts in another, hits can name hosts that are in that log alone.
        let are_doubtful = !again.is_empty() && columns.contains(&Field::Dvc);
        let doubtful: BTreeSet<String> = hit_hosts.names().filter(|_| are_doubtful).map(str::to_owned).collect();
        let is_anew = |host: &&str| {
            !are_doubtful && !again.iter().any(|(_, log)| host::folded(&log.coverage.host) == host::folded(host))
        };
        // Which log told of a process is not known.
        let of_processes = of_processes().filter(|_| again.is_empty());
        let of_hits = hit_hosts.names().filter(is_anew);
        self.split.add(self.parts.len(), of_logs.map(|log| &*log.host).chain(of_hits).chain(of_processes));
        self.hit_hosts.merge(hit_hosts);
        // Other versions count copies and twins among the hits of a rule.
        let has_copies = sources.iter().any(|source| source.duplicates > 0 || source.twins > 0);
        let connections = count::sum(sources.iter().flat_map(|source| source.by_rule.values().copied()));
        let names = sources.iter().map(|source| source.file.name.clone()).collect();
        let counting = (0..).zip(sources).filter(|(place, _)| !repeated.contains(place));
        self.sources.extend(counting.map(|(_, source)| source));
        let locals = facts.own_addresses.take();
        self.parts.push(Part {
            size: path.metadata().map_or(0, |metadata| metadata.len()),
            rows: facts.rows,
            columns,
            names,
            doubtful,
            connections: (!has_copies).then_some(connections),
            path: path.clone(),
            repeated,
            stream,
            tells_locals: locals.is_some(),
        });
        self.locals.merge(locals.unwrap_or_default());
        self.first.get_or_insert((path, facts));
        Ok(())
    }

    /// Whether each hit is known, and not only groups.
    fn are_hits_known(&self) -> bool {
        self.parts.iter().all(|part| part.rows == Rows::Events)
    }

    /// Whether the rows of all parts have a field.
    fn all_have(&self, field: Field) -> bool {
        self.parts.iter().all(|part| part.columns.contains(&field))
    }

    /// Adds as a defect what is wrong with the rows of a part, and names partial results whose logs count in this one only.
    fn add_wrong(&mut self, place: usize, cause: &str) {
        let Some(part) = self.parts.get(place) else { return };
        let elsewhere: BTreeSet<&PathBuf> =
            self.repeated.iter().filter(|log| log.owner == place).map(|log| &log.path).collect();
        let more = if elsewhere.len() > 1 { format!(" and {} more", elsewhere.len() - 1) } else { String::new() };
        let elsewhere = elsewhere.first().map_or_else(String::new, |other| {
            format!("; logs of it are also in {}{more}: merge without this one", text::path(other))
        });
        let cause = format!("its groups are wrong: {cause}{elsewhere}");
        self.defects.add(Defect::of_path(&part.path, DefectKind::Partial, &cause));
    }

    /// The places of sources that are in a partial result before. Their defects are taken out.
    fn repeated(&mut self, path: &Path, facts: &mut Facts) -> BTreeSet<u64> {
        let mut repeated = BTreeSet::new();
        let mut names: HashMap<&str, u64> = HashMap::new();
        for source in &facts.sources {
            *names.entry(&source.file.name).or_default() += 1;
        }
        let archives = facts.archives.iter().map(|archive| (archive.path(), archive)).collect();
        for (place, source) in (0..).zip(&facts.sources) {
            let name = &source.file.name;
            // Of two with the same name, rows and defects do not tell which one they are of.
            let identity = identity(source, &archives).filter(|_| names.get(&**name) == Some(&1));
            let Some(identity) = identity else { continue };
            let owner = *self.owners.entry(identity).or_insert(self.parts.len());
            if owner != self.parts.len() {
                repeated.insert(place);
                facts.defects.drop_source(name, &source.defects);
                if source.tally.logs > 0 {
                    self.repeated.push(Repeated { name: name.clone(), path: path.to_owned(), owner });
                }
            }
        }
        repeated
    }

    /// Names sources, archives and what has defects after their partial result too, where another has something else of that
    /// name. The first that has a name keeps it until all are known.
    fn tell_apart(&mut self, path: &Path, facts: &mut Facts, repeated: &BTreeSet<u64>) {
        let sources = (0..).zip(&facts.sources).filter(|(place, _)| !repeated.contains(place));
        // An archive that is in a partial result before is in the list of archives already, or has another name.
        let archives = facts.archives.iter().filter(|archive| !self.has_archive(archive));
        let names: BTreeSet<&String> = (sources.map(|(_, source)| &source.file.name))
            .chain(archives.map(|archive| &archive.name))
            .chain(facts.defects.first().map(|defect| &defect.path))
            .collect();
        let others = self.names.add(self.parts.len(), path, names);
        let sources = facts.sources.iter_mut().map(|source| &mut source.file.name);
        names::rename(sources.chain(facts.archives.iter_mut().map(|archive| &mut archive.name)), &others);
        facts.defects.rename(&others);
    }

    /// Whether an archive is in a partial result before, which may have more or less digests of it.
    fn has_archive(&self, archive: &SearchedFile) -> bool {
        let without_digests = SearchedFile { digests: None, ..archive.clone() };
        let of_its_name = self.archives.range(without_digests..).take_while(|known| known.name == archive.name);
        of_its_name.into_iter().any(|known| known.is_among(archive) || archive.is_among(known))
    }

    /// Does the same for the first that have a name.
    fn tell_first_apart(&mut self) {
        let others = self.names.of_first(|part| self.parts.get(part).map(|part| &*part.path));
        let mut archives: Vec<SearchedFile> = std::mem::take(&mut self.archives).into_iter().collect();
        let names = self.parts.iter_mut().flat_map(|part| &mut part.names);
        let names = names.chain(self.sources.iter_mut().map(|source| &mut source.file.name));
        names::rename(names.chain(archives.iter_mut().map(|archive| &mut archive.name)), &others);
        self.archives = archives.into_iter().collect();
        self.defects.rename(&others);
    }
}

/// What a source is known by again: its SHA-256; of a log that its archive is cut off in, the archive's SHA-256, its name in
/// it and how much was read. `None` if it has neither, or is empty.
fn identity(source: &SearchedSource, archives: &HashMap<PathBuf, &SearchedFile>) -> Option<String> {
    if let Some(digests) = &source.file.digests {
        // All empty files are the same, and each is a loss of its host's.
        return (source.file.size > 0).then(|| digests.sha256.clone());
    }
    let archive = archives.get(&source.file.path())?;
    let member = source.file.name.strip_prefix(&archive.name)?;
    Some(format!("{}{member} {}", archive.digests.as_ref()?.sha256, source.file.size))
}

impl Merged {
    /// How many partial results there were, and which sources did not count, as lines of a summary.
    #[must_use]
    pub fn what_was_merged(&self) -> String {
        const NAMED: usize = 20;
        let mut lines = vec![format!("merged    {}\n", text::counted(self.count, "partial result"))];
        lines.extend(self.split.iter().map(|line| format!("          {line}\n")));
        if !self.repeated.is_empty() {
            let sources = text::counted(self.repeated.len() as u64, "log");
            lines.push(format!("          {sources} not counted again, found in more than one:\n"));
        }
        let named = self.repeated.iter().take(NAMED);
        lines.extend(named.map(|log| format!("          {} in {}\n", log.name, text::path(&log.path))));
        if self.repeated.len() > NAMED {
            lines.push(format!("          and {} more\n", self.repeated.len() - NAMED));
        }
        lines.concat()
    }
}
