//! [`Alike`]: connections that rules cannot tell from one that was met before, and that was no hit.
//!
//! They are known by their values as these stand in logs, so that no event has to be made of them. What counts of a value is what can have
//! a part in the verdict: it is looked at by a rule, or it says that this is a connection, of which process and where to. All else of a
//! record stands in its templates, its [`Form`].

use hashbrown::{Equivalent, HashMap};

use crate::{
    bytes,
    connection::started::COMMAND_LINE,
    evtx::{
        event::{COMPUTER, EVENT_ID, PROVIDER_NAME},
        form::{Form, Site},
        kind::UINT16,
        typed::{Raw, Row, Typed},
    },
    rule::{judge::Verdict, sigma::engine::Told},
};

/// What is remembered at most: connections, how long the values of one are, in bytes, and forms. Sysmon has one.
const ENTRIES: usize = 8192;
const KEY: usize = 512;
const FORMS: usize = 16;

/// What says that a record is a connection, and what is judged of it whatever the rules.
const JUDGED: [&str; 8] =
    [PROVIDER_NAME, EVENT_ID, COMPUTER, "Image", "Initiated", "SourceIp", "DestinationIp", COMMAND_LINE];
/// What says which process it is.
const OF_PROCESS: &str = "ProcessGuid";

/// What came of a connection that is no hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// What the rules say.
    pub verdict: Verdict,
    /// Whether rules that ask for its process were not applied.
    pub is_unjoined: bool,
    /// Whether it is left out by its own address while its peer might be a hit.
    pub is_peer_left_out: bool,
}

/// What came of connections that were met.
#[derive(Debug)]
pub struct Alike {
    /// What rules look at.
    told: Vec<Told>,
    forms: Vec<(Form, Vec<Counted>)>,
    outcomes: HashMap<Box<[u8]>, Outcome, ahash::RandomState>,
    /// Of the connection that was asked for last; nothing if there is none that can be remembered.
    key: Vec<u8>,
}

/// A key as it is asked for.
#[derive(Hash)]
struct Written<'a>(&'a [u8]);

impl Equivalent<Box<[u8]>> for Written<'_> {
    fn equivalent(&self, key: &Box<[u8]>) -> bool {
        bytes::same(self.0, key)
    }
}

/// A value that counts.
#[derive(Debug)]
struct Counted {
    site: Site,
    /// Of numbers of 16 bits, those that are told from others; nothing if all are.
    numbers: Option<Vec<u16>>,
}

impl Alike {
    /// None yet, for rules that look at this. They see how a process was started if that is known.
    #[must_use]
    pub fn new(mut told: Vec<Told>, are_starts_known: bool) -> Self {
        let of_process = are_starts_known.then_some(OF_PROCESS);
        told.extend(JUDGED.into_iter().chain(of_process).map(|name| Told { name: name.to_owned(), numbers: None }));
        Self { told, forms: Vec::new(), outcomes: HashMap::default(), key: Vec::new() }
    }

    /// What came of one that is like this record, if any was met.
    pub fn find(&mut self, typed: &Typed<'_>, row: &Row) -> Option<Outcome> {
        if self.write_key(typed, row).is_none() {
            self.key.clear();
        }
        self.outcomes.get(&Written(&self.key)).copied()
    }

    /// Remembers what came of the record that was asked for last, if it is no hit.
    pub fn remember(&mut self, outcome: Option<Outcome>) {
        let is_known = (1..=KEY).contains(&self.key.len());
        let Some(outcome) = outcome.filter(|outcome| is_known && outcome.verdict != Verdict::Hit) else { return };
        if self.outcomes.len() >= ENTRIES {
            self.outcomes.clear();
        }
        self.outcomes.insert(self.key.as_slice().into(), outcome);
    }

    /// Writes what counts of a record. Nothing if one of its values is not there.
    fn write_key(&mut self, typed: &Typed<'_>, row: &Row) -> Option<()> {
        let number = match self.forms.iter().position(|(form, _)| typed.is_of(row, form)) {
            Some(number) => number,
            None => self.add(typed.form(row)?),
        };
        let (_, counted) = self.forms.get(number)?;
        self.key.clear();
        self.key.push(u8::try_from(number).ok()?);
        for Counted { site, numbers } in counted {
            let Raw { kind, bytes: value } = typed.value(row, *site)?;
            match *value {
                [low, high]
                    if kind == UINT16
                        && numbers.as_ref().is_some_and(|own| !own.contains(&u16::from_le_bytes([low, high]))) =>
                {
                    self.key.push(u8::MAX);
                }
                _ => {
                    self.key.push(kind);
                    self.key.extend(u16::try_from(value.len()).ok()?.to_le_bytes());
                    bytes::push(&mut self.key, value);
                }
            }
        }
        Some(())
    }

    /// Adds a form. Returns its number.
    fn add(&mut self, form: Form) -> usize {
        if self.forms.len() >= FORMS {
            self.forms.clear();
            self.outcomes.clear();
        }
        let mut counted: Vec<Counted> = Vec::new();
        for (name, site) in form.values() {
            let mut is_told = false;
            let mut numbers = Some(Vec::new());
            for Told { numbers: more, .. } in self.told.iter().filter(|told| told.name == name) {
                is_told = true;
                // Where one tells any, all count.
                numbers = numbers.zip(more.as_deref()).map(|(all, more)| [&*all, more].concat());
            }
            if !is_told {
                continue;
            }
            match counted.iter_mut().find(|known| known.site == site) {
                Some(known) => known.numbers = None,
                None => counted.push(Counted { site, numbers }),
            }
        }
        self.forms.push((form, counted));
        self.forms.len() - 1
    }
}
