//! Verification: the sources of a manifest, hashed again and compared.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crate::{
    cidr::CidrSet,
    connection::Field,
    digest::Digests,
    error::Error,
    event::Carving,
    events::Copies,
    filter::Filter,
    input::{self, Links},
    manifest::{Recorded, RecordedSource},
    prefilter::Prefilter,
    rule::{Rule, RuleSet},
    scan::{self, Method},
    sift::{Decoding, Plan},
};

/// What has become of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its bytes are those of the manifest.
    Same,
    /// They are others.
    Changed,
    /// It is not there, or cannot be read as a whole.
    Missing,
    /// The manifest has no hashes of it: it could not be read as a whole then.
    Unknown,
}

impl Fate {
    /// As it is shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        }
    }
}

/// Hashes the sources of a manifest again. Returns what has become of each, by name.
///
/// # Errors
///
/// The scan cannot be started.
pub fn verify(
    recorded: &Recorded,
    method: &Method,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<(String, Fate)>, Error> {
    // What could not be hashed then is not read again.
    let known = recorded.sources.iter().filter(|source| source.digests.is_some());
    let mut files: Vec<PathBuf> = known.map(RecordedSource::path).collect();
    files.sort_unstable();
    files.dedup();
    let found = input::discover(&files, Links::Skip, &method.limits);
    let findings = scan::scan(&nothing()?, method, &found.logs, progress)?;
    let mut now: BTreeMap<(PathBuf, String), Digests> = BTreeMap::new();
    for (key, source) in findings.sources {
        if let (Some(log), Some(digests)) = (found.logs.get(key.number), source.digests) {
            now.insert((log.path.clone(), key.name), digests);
        }
    }
    let fate = |source: &RecordedSource| match (&source.digests, now.get(&(source.path(), source.name.clone()))) {
        (None, _) => Fate::Unknown,
        (Some(_), None) => Fate::Missing,
        (Some(then), Some(now)) if then == now => Fate::Same,
        _ => Fate::Changed,
    };
    Ok(recorded.sources.iter().map(|source| (source.name.clone(), fate(source))).collect())
}

/// A plan that looks for nothing: only the hashes matter.
fn nothing() -> Result<Plan, Error> {
    let processes = vec!["\u{0}".to_owned()];
    Ok(Plan {
        filter: Filter::default(),
        prefilter: Prefilter::new(Some(&processes)).map_err(|error| Error::Usage(error.to_string()))?,
        rules: Arc::new(RuleSet {
            builtin: Some(Rule { processes, detection: Some(CidrSet::default()), exclusion: CidrSet::default() }),
            ..RuleSet::default()
        }),
        decoding: Decoding::Candidates,
        carving: Carving::Live,
        group_by: vec![Field::Dvc],
        keep_hits: false,
        copies: Copies::Count,
        follow_ids: false,
    })
}
