//! A [`Search`]: the way from paths to groups and connections for programs that use this library.

use std::{io, num::NonZeroUsize, path::Path, thread};

use crate::{
    connection::{cidr::CidrSet, glossary::Field, logged::LoggedBy},
    error::{Defects, Error},
    evidence::{
        archive::limits::Limits,
        sources::{self, Links},
    },
    evtx::decoder::Carving,
    group::{
        copies::{self, Copies, Leaving},
        groups::SortedGroups,
        hit::Hit,
        hits::{Hits, SortedHits},
        key::{Group, GroupKey},
    },
    rule::{
        builtin,
        info::RuleInfo,
        judge::{End, Rule},
        set::RuleSet,
    },
    scan::{
        plan::{self, Plan},
        pool::{self, Method},
        prefilter::Prefilter,
        searched::Searched,
        terms::Terms,
    },
};

/// What to look for in logs.
#[derive(Debug, Clone)]
pub struct Search {
    rule: Rule,
    info: RuleInfo,
    group_by: Vec<Field>,
    password: Option<String>,
    recover: bool,
}

/// The memory that groups, and hits beyond them, may take before they are spilled to disk, in bytes.
const MEMORY: u64 = 1 << 30;
/// The most that a log in an archive may unpack to, in bytes.
const MEMBER: u64 = 4 << 30;

impl Search {
    /// Looks for every connection that Sysmon logged.
    #[must_use]
    pub fn connections() -> Self {
        Self::new(Rule::default(), RuleInfo::of_everything())
    }

    /// Looks for what the built-in detection looks for: connections of regsvcs.exe to public addresses.
    ///
    /// # Errors
    ///
    /// None that is known: the built-in networks are networks.
    pub fn detection() -> Result<Self, Error> {
        let exclusion: CidrSet = builtin::networks(&builtin::SPECIAL).map_err(Error::Usage)?.into_iter().collect();
        let processes = vec![builtin::REGSVCS.process.to_owned()];
        Ok(Self::new(
            Rule { processes, detection: None, exclusion, judged: End::Dest },
            RuleInfo::of_builtin(&builtin::REGSVCS),
        ))
    }

    fn new(rule: Rule, info: RuleInfo) -> Self {
        Self { rule, info, group_by: Field::ALL.to_vec(), password: None, recover: false }
    }

    /// Groups connections by these fields, and not by all.
    #[must_use]
    pub fn group_by(self, fields: &[Field]) -> Self {
        Self { group_by: fields.to_vec(), ..self }
    }

    /// Opens encrypted archives with this password.
    #[must_use]
    pub fn password(self, password: &str) -> Self {
        Self { password: Some(password.to_owned()), ..self }
    }

    /// Also looks for deleted records, in the space that a log no longer uses. A recovered record that is still in its log
    /// does not count.
    #[must_use]
    pub fn recover(self) -> Self {
        Self { recover: true, ..self }
    }

    /// Searches the logs under these paths: files, folders, and archives of them. Evidence is opened for reading only.
    ///
    /// # Errors
    ///
    /// There is no log, threads cannot be started, or what does not fit into memory cannot be kept in temporary files. What
    /// cannot be read is not an error: see [`Found::defects`].
    pub fn of(&self, paths: &[impl AsRef<Path>]) -> Result<Found, Error> {
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let limits = Limits::new(MEMBER, self.password.clone());
        let paths: Vec<_> = paths.iter().map(|path| path.as_ref().to_owned()).collect();
        let sources = sources::discover(&paths, Links::Skip, &limits);
        sources.has_logs()?;
        let plan = self.plan(threads)?;
        let findings = pool::scan(&plan, &Method { threads, hashing: None, limits }, &sources, &|_| {})?;
        Found::new(&plan.terms, Searched::new(&plan, &sources, findings)).map_err(Error::Spill)
    }

    fn plan(&self, threads: NonZeroUsize) -> Result<Plan, Error> {
        let names = &self.rule.processes;
        let prefilter = Prefilter::new((!names.is_empty()).then_some(names), LoggedBy::Sysmon)?;
        let any = names.is_empty().then(String::new);
        let rules = RuleSet {
            infos: vec![self.info.clone()],
            by_process: names.iter().cloned().chain(any).map(|name| (name, 0)).collect(),
            builtin: Some(self.rule.clone()),
            ..RuleSet::default()
        };
        let (carving, copies) =
            if self.recover { (Carving::Stale, Copies::DropStale) } else { (Carving::Live, Copies::Count) };
        let terms = Terms { carving, copies, ..Terms::new(rules, self.group_by.clone()) };
        Ok(Plan { keep_hits: true, ..Plan::new(terms, prefilter, plan::room(MEMORY, threads)) })
    }
}

/// What a [`Search`] found.
#[derive(Debug)]
pub struct Found {
    groups: SortedGroups,
    hits: SortedHits,
    defects: Defects,
    copies: Copies,
}

impl Found {
    fn new(terms: &Terms, searched: Searched) -> io::Result<Self> {
        let Searched { mut groups, hits, defects, .. } = searched;
        let Some(hits) = hits.map(Hits::into_sorted).transpose()? else {
            return Err(io::Error::other("hits were not kept"));
        };
        if terms.groups_later() {
            copies::in_order(&hits, Leaving { copies: terms.copies, twins: None }, |_, hit| {
                groups.count_hit(&hit, 0);
                Ok(())
            })?;
        }
        Ok(Self { groups: groups.into_sorted()?, hits, defects, copies: terms.copies })
    }

    /// The groups, in the order of the report: by time of the first connection. Each has a value for each field that was
    /// grouped by.
    ///
    /// # Errors
    ///
    /// What was spilled to a temporary file cannot be read again.
    pub fn groups(&self) -> io::Result<impl Iterator<Item = io::Result<(GroupKey, Group)>>> {
        self.groups.pass()
    }

    /// Hands each connection to `each`, in the order of time.
    ///
    /// # Errors
    ///
    /// What `each` returns, or what was spilled to a temporary file cannot be read again.
    pub fn connections(&self, mut each: impl FnMut(&Hit) -> io::Result<()>) -> io::Result<()> {
        let leaving = Leaving { copies: self.copies, twins: None };
        copies::in_order(&self.hits, leaving, |_, hit| each(&hit)).map(drop)
    }

    /// What is wrong with the evidence. If there is none, all of it was read.
    #[must_use]
    pub fn defects(&self) -> &Defects {
        &self.defects
    }
}
