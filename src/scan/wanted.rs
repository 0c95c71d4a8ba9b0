//! [`Wanted`]: the processes behind hits, which are looked for in the logs of their hosts.
//!
//! What is taken besides, and not asked for in the end, is dropped in [`crate::group::processes`].

use std::{
    array,
    collections::{HashMap, HashSet},
    io,
    sync::Arc,
};

use crate::{
    connection::{
        audited,
        clock::Clock,
        host,
        logged::LoggedBy,
        process::{self, Fact, Mention, ProcessKey, Told},
    },
    error::Error,
    evtx::{
        event::Event,
        typed::{Raw, Values},
    },
    fingerprint::Fingerprints,
    group::{facts::Facts, hits::SortedHits, processes},
    scan::{
        kin::{Kin, Place, Process, Rest, Set},
        prefilter::{Prefilter, Records},
    },
};

/// The processes that are looked for.
#[derive(Debug)]
pub struct Wanted {
    /// Their hosts, with the fingerprint of each.
    hosts: HashMap<String, u128>,
    /// The fingerprints of their keys.
    keys: HashSet<u128>,
    fingerprints: Fingerprints,
    /// Those with a GUID.
    processes: Set<Process>,
    /// Which times the hits are of.
    clock: Clock,
}

/// Of which processes events are taken.
#[derive(Debug, Clone)]
pub enum Scope {
    /// All of the hosts, as any can be a parent's parent: the slow path that the others are held against.
    Hosts,
    /// Those of hits, and those above them as far as they are known by then. What is passed by is noted.
    Near,
    /// Those of hits as far as they are known by then, and those above them, of any host. What is passed by is noted.
    Along,
    /// Those that were passed by.
    Rest(Arc<Rest>),
    /// All of all hosts, of these providers, whatever the hits are.
    All(LoggedBy),
}

/// A part of a look for these processes.
pub(super) struct Part<'f> {
    pub(super) wanted: &'f Wanted,
    pub(super) scope: &'f Scope,
    /// Where it looks.
    pub(super) place: Place,
    pub(super) kin: &'f mut Kin,
    pub(super) facts: &'f mut Facts,
    /// Those that are known by then to be of hits, where not all are.
    pub(super) known: &'f Set<Process>,
}

impl Wanted {
    /// The processes of these hits, which are of the times that this clock tells. Hosts and keys are known by these fingerprints.
    ///
    /// # Errors
    ///
    /// What was spilled cannot be read again.
    pub fn new(hits: &SortedHits, clock: Clock, fingerprints: Fingerprints) -> io::Result<Self> {
        let mut wanted = Self::none(clock, fingerprints);
        for hit in hits.pass_of(processes::OF_KEY)? {
            let key = processes::key(&hit?);
            let host = wanted.fingerprints.of(&*key.host);
            if !wanted.hosts.contains_key(&key.host) {
                wanted.hosts.insert(key.host.clone(), host);
            }
            let guid = process::number(&key.guid);
            wanted.processes.extend(guid.map(|guid| Process { host, guid }));
            if guid.is_some() || audited::is_key(&key) {
                wanted.keys.insert(wanted.fingerprints.of(&key));
            }
        }
        Ok(wanted)
    }

    /// None yet.
    pub(super) fn none(clock: Clock, fingerprints: Fingerprints) -> Self {
        let (hosts, keys, processes) = (HashMap::new(), HashSet::new(), HashSet::default());
        Self { hosts, keys, fingerprints, processes, clock }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether this is one of the processes.
    #[must_use]
    pub fn has(&self, process: &ProcessKey) -> bool {
        self.keys.contains(&self.fingerprints.of(process))
    }

    /// What a chunk must contain for something to be in it: of any host, where none is known.
    ///
    /// # Errors
    ///
    /// See [`Prefilter::new`].
    pub fn prefilter(&self, logged_by: LoggedBy) -> Result<Prefilter, Error> {
        let mut hosts: Vec<String> = self.hosts.keys().cloned().collect();
        hosts.sort_unstable();
        let are_known = (1..=Prefilter::MOST_TEXTS).contains(&hosts.len());
        let texts = are_known.then_some(&*hosts);
        let prefilter = Prefilter::new(texts, logged_by)?;
        Ok(prefilter.of(Records::Any))
    }

    /// Whether this is one of their hosts, by its name as [`host::folded`] has it.
    pub fn has_host(&self, name: &str) -> bool {
        self.hosts.contains_key(name)
    }

    /// The fingerprint of a host, if events of it are taken.
    fn host(&self, scope: &Scope, name: &str) -> Option<u128> {
        let name = host::folded(name);
        match scope {
            Scope::Along | Scope::All(_) => Some(self.fingerprints.of(&*name)),
            _ => self.hosts.get(&*name).copied(),
        }
    }

    /// What is left to be read where this was met; nothing if everything has to be.
    pub(super) fn rest(&self, kin: Kin) -> Option<Rest> {
        kin.rest(&self.processes)
    }
}

impl Part<'_> {
    /// Takes what an event says of processes of these hosts.
    pub(super) fn take(&mut self, event: &Event<'_>) {
        if let Scope::All(logged_by) = *self.scope {
            return self.take_all(event, logged_by);
        }
        let Some(host) = self.wanted.host(self.scope, &event.computer) else { return };
        let clock = self.wanted.clock;
        // Which are of hits is not known yet: what is told of the others is dropped in the end.
        let is_early = matches!(self.scope, Scope::Along);
        let is_wanted = |process: &ProcessKey| is_early || self.wanted.has(process);
        if process::mention(event).is_some_and(|mention| self.meet(host, mention)) {
            process::facts(event, clock, is_wanted, |fact| self.facts.push(fact));
        }
        if let Some(fact) = audited::fact(event, |process| self.wanted.has(process)) {
            self.facts.push(fact);
        }
    }

    /// Takes all that an event says of processes, but for what the creation of one says of its parent: that fact is made of it again
    /// ([`process::parent`]).
    fn take_all(&mut self, event: &Event<'_>, logged_by: LoggedBy) {
        if logged_by.has_sysmon() {
            let is_told = |fact: &Fact| !matches!(fact.told, Told::Parent(_));
            process::facts(
                event,
                self.wanted.clock,
                |_| true,
                |fact| {
                    if is_told(&fact) {
                        self.facts.push(fact);
                    }
                },
            );
        }
        if let Some(fact) = audited::fact(event, |_| logged_by.has_security()) {
            self.facts.push(fact);
        }
    }

    /// Whether nothing is to be taken of an event of Sysmon's with this id, by its values.
    pub(super) fn passes_by(&mut self, id: u16, values: &Values<'_>) -> bool {
        let (wanted, scope) = (self.wanted, self.scope);
        let host = self.kin.host(values.computer, |name| wanted.host(scope, name));
        let Some((host, mention)) = host.zip(process::mentioned(id, |field| values.field(field))) else { return true };
        let told = || array::from_fn::<Raw<'_>, { process::FIELDS.len() }, _>(|field| values.field(field));
        !(self.meet(host, mention) && self.kin.is_new(host, &(id, values.time, told())))
    }

    fn meet(&mut self, host: u128, mention: Mention) -> bool {
        match self.scope {
            Scope::Hosts | Scope::All(_) => true,
            Scope::Near => self.kin.meet(&self.wanted.processes, host, mention, self.place),
            Scope::Along => self.kin.meet_early(self.known, host, mention, self.place),
            Scope::Rest(rest) => rest.has(host, mention),
        }
    }
}
