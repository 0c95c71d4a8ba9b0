//! Verification: the logs and archives of a manifest, or the partial results, hashed again and compared.
//!
//! An archive is hashed first. Where its bytes are the same, so is what is in it, and nothing is unpacked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
    slice,
};

use crate::{
    connection::{glossary::Field, logged::LoggedBy},
    error::Error,
    evidence::{
        digest::{self, Digests},
        source::{self, Packing},
        sources::{self, Links, Sources},
    },
    report::recorded::Recorded,
    rule::set::RuleSet,
    scan::{
        plan::Plan,
        pool::{self, Method},
        prefilter::{Prefilter, Records},
        searched::SearchedFile,
        terms::Terms,
    },
};

/// What has become of a log or an archive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verified {
    /// Its name.
    pub name: String,
    /// What it is.
    pub item: Item,
    /// What has become of it.
    pub fate: Fate,
    /// Why it cannot be read, if that has become of it.
    pub cause: Option<String>,
}

/// What was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// An archive, as the file that it is.
    Archive,
    /// A log.
    Log,
    /// A partial result.
    Partial,
    /// A list of what was looked out for.
    Watchlist,
    /// A database of networks.
    GeoIp,
}

impl Item {
    /// What is shown behind its name: a gzip file and the log in it have the same.
    #[must_use]
    pub fn mark(self) -> &'static str {
        match self {
            Self::Archive => " (archive)",
            Self::Log => "",
            Self::Partial => " (partial result)",
            Self::Watchlist => " (watchlist)",
            Self::GeoIp => " (geoip)",
        }
    }
}

/// What has become of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Its bytes are those of the manifest.
    Same,
    /// They are others.
    Changed,
    /// It is not there.
    Missing,
    /// It is there, and cannot be read as a whole.
    Unreadable,
    /// The manifest has no hashes of it: it could not be read as a whole then.
    Unknown,
    /// The manifest does not have it: it is a log in an archive now.
    New,
}

impl Fate {
    /// As it is shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::Unknown => "unknown",
            Self::New => "new",
        }
    }

    fn of(then: Option<&Digests>, now: Option<&Digests>) -> Self {
        match (then, now) {
            (None, _) => Self::Unknown,
            (Some(_), None) => Self::Missing,
            (Some(then), Some(now)) if then.are_among(now) => Self::Same,
            _ => Self::Changed,
        }
    }
}

/// Hashes the logs and archives of a manifest again, or the partial results that were merged. Returns what has become of each,
/// by name, an archive before what is in it.
///
/// # Errors
///
/// The scan cannot be started.
pub fn verify(recorded: &Recorded, method: &Method, progress: &(dyn Fn(u64) + Sync)) -> Result<Vec<Verified>, Error> {
    let lists = recorded.watchlists.iter().map(|then| file(then, Item::Watchlist));
    let mut all: Vec<Verified> = lists.chain(recorded.geoip.iter().map(|then| file(then, Item::GeoIp))).collect();
    // What these were made of is elsewhere: files of the same names here are others.
    if !recorded.partials.is_empty() {
        all.extend(recorded.partials.iter().map(|then| file(then, Item::Partial)));
        all.sort();
        return Ok(all);
    }
    let archives = archives(recorded, method, progress)?;
    let fate_of = |file: &SearchedFile| archives.get(&file.path()).copied();
    // What could not be hashed then is not read again, but may be in an archive with something new in it.
    let known =
        recorded.sources.iter().filter(|source| source.digests.is_some() && fate_of(source) != Some(Fate::Same));
    let opened = recorded.archives.iter().filter(|archive| fate_of(archive) != Some(Fate::Same));
    let files: BTreeSet<PathBuf> = known.chain(opened).map(SearchedFile::path).collect();
    let now = logs(&Vec::from_iter(files), method, progress)?;

    let mut add = |name: &str, item, fate| all.push(Verified { name: name.to_owned(), item, fate, cause: None });
    for archive in &recorded.archives {
        add(&archive.name, Item::Archive, fate_of(archive).unwrap_or(Fate::Missing));
    }
    let key_of = |file: &SearchedFile| (file.path(), file.name.clone());
    let exhibits: BTreeSet<_> = recorded.archives.iter().map(key_of).collect();
    let mut names = BTreeSet::new();
    for source in &recorded.sources {
        let key = key_of(source);
        // Where an archive has defects of its own, or nothing could be read of the log that it is, its own line says it all.
        if source.digests.is_none() && exhibits.contains(&key) {
            names.insert(key);
            continue;
        }
        let fate = match fate_of(source) {
            Some(Fate::Same) => Fate::Same,
            _ => Fate::of(source.digests.as_ref(), now.get(&key).and_then(|log| log.digests.as_ref())),
        };
        add(&source.name, Item::Log, fate);
        names.insert(key);
    }
    for (key, log) in &now {
        if log.is_in_archive && !names.contains(key) {
            add(&key.1, Item::Log, Fate::New);
        }
    }
    let paths: BTreeMap<&str, PathBuf> =
        recorded.archives.iter().chain(&recorded.sources).map(|file| (&*file.name, file.path())).collect();
    for verified in all.iter_mut().filter(|verified| verified.fate == Fate::Missing) {
        let path = paths.get(&*verified.name);
        verified.cause = path.and_then(|path| unreadable(path)).or_else(|| {
            let is_there = path.is_some_and(|path| now.contains_key(&(path.clone(), verified.name.clone())));
            is_there.then(|| "it is damaged, and not all of it can be unpacked".to_owned())
        });
        if verified.cause.is_some() {
            verified.fate = Fate::Unreadable;
        }
    }
    all.sort();
    Ok(all)
}

/// Opens a file. What is not a regular one is not opened: a pipe would be waited for, and some devices have no end.
fn open(path: &Path) -> io::Result<File> {
    source::file(path)?;
    File::open(path)
}

/// Why a file that is there cannot be read, if so.
fn unreadable(path: &Path) -> Option<String> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return None;
    }
    let read = open(path).and_then(|mut file| file.read(&mut [0]));
    let error = read.err().filter(|error| ![ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()))?;
    Some(error.to_string())
}

/// The logs and archives that the manifest does not have, in the folders that those it has are in, and below them.
///
/// A file that it has under another name is not new.
#[must_use]
pub fn new_in_folders(recorded: &Recorded, method: &Method) -> Vec<Verified> {
    // What was merged is of other machines.
    if !recorded.partials.is_empty() {
        return Vec::new();
    }
    let files = || recorded.sources.iter().chain(&recorded.archives).map(SearchedFile::path);
    let known: BTreeSet<PathBuf> = files().filter_map(|path| path.canonicalize().ok()).collect();
    let folders: BTreeSet<PathBuf> = files().map(|path| source::folder(&path).to_owned()).collect();
    let found = sources::discover(&Vec::from_iter(folders), Links::Skip, &method.limits);
    let archives = found.archives.iter().map(|archive| (Item::Archive, archive));
    // The logs in a new archive are new with it.
    let logs = found.logs.iter().filter(|log| log.packing == Packing::Plain).map(|log| (Item::Log, log));
    let is_new = |path: &PathBuf| path.canonicalize().is_ok_and(|path| !known.contains(&path));
    let new = archives.chain(logs).filter(|(_, file)| is_new(&file.path));
    new.map(|(item, file)| Verified { name: file.name.clone(), item, fate: Fate::New, cause: None }).collect()
}

/// What has become of a file that is not evidence.
fn file(then: &SearchedFile, item: Item) -> Verified {
    let now = open(&then.path()).and_then(digest::read);
    let now = now.ok().map(|(digests, _)| digests);
    let fate = Fate::of(then.digests.as_ref(), now.as_ref());
    let cause = unreadable(&then.path()).filter(|_| fate == Fate::Missing);
    Verified { name: then.name.clone(), item, fate: if cause.is_some() { Fate::Unreadable } else { fate }, cause }
}

/// What has become of the archives, by path.
fn archives(
    recorded: &Recorded,
    method: &Method,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<BTreeMap<PathBuf, Fate>, Error> {
    let then: BTreeMap<PathBuf, Option<&Digests>> =
        recorded.archives.iter().map(|archive| (archive.path(), archive.digests.as_ref())).collect();
    let known = then.iter().filter(|(_, digests)| digests.is_some());
    let there = known.filter_map(|(path, _)| source::file(path).ok()).collect();
    let sources = Sources { archives: there, ..Sources::default() };
    let now = pool::scan(&nothing()?, method, &sources, progress)?.archives;
    let fate = |(path, then)| {
        let fate = Fate::of(then, now.get(&path).and_then(Option::as_ref));
        (path, fate)
    };
    Ok(then.into_iter().map(fate).collect())
}

/// A log as it is now.
struct Now {
    /// Its digests, if all of it could be read.
    digests: Option<Digests>,
    is_in_archive: bool,
}

/// The logs in some files, by path and name.
fn logs(
    files: &[PathBuf],
    method: &Method,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<BTreeMap<(PathBuf, String), Now>, Error> {
    // One by one, since a file is found under one of its names only, and two may have become links to the same one. A
    // folder in the place of a file is none. The archives themselves were hashed before.
    let logs_in = |file: &PathBuf| sources::discover(slice::from_ref(file), Links::Skip, &method.limits).logs;
    let logs = files.iter().filter(|file| !file.is_dir()).flat_map(logs_in).collect();
    let found = Sources { logs, ..Sources::default() };
    let findings = pool::scan(&nothing()?, method, &found, progress)?;
    let read = findings.sources.into_iter().filter(|(_, source)| source.tally.logs > 0);
    let now = read.filter_map(|(key, source)| {
        let file = found.logs.get(key.number)?;
        let is_in_archive = file.packing != Packing::Plain;
        Some(((file.path.clone(), key.name), Now { digests: source.digests, is_in_archive }))
    });
    Ok(now.collect())
}

/// A plan that looks for no record: only the hashes matter.
fn nothing() -> Result<Plan, Error> {
    let prefilter = Prefilter::new(None, LoggedBy::Sysmon)?.of(Records::Of(&[]));
    Ok(Plan::new(Terms::new(RuleSet::default(), vec![Field::Dvc]), prefilter, usize::MAX))
}
