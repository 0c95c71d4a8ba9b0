//! [`Sigma`]: rules in the format of the field, compiled together and evaluated over connections.

use std::{collections::BTreeMap, fmt};

use rsigma_eval::{Engine, EvaluationResult};

use crate::{
    connection::started::Asked,
    evtx::event::Event,
    rule::sigma::{
        asking::Asking, beside::Beside, correlation::Correlations, inputs::Fields, memo::Memo, names, view::View,
    },
};

/// Sigma rules, compiled together.
#[derive(Default)]
pub struct Sigma {
    /// Each rule's id is its index in the rule set, as text.
    engine: Option<Engine>,
    /// What its rules look at, if that is not everything.
    fields: Option<Fields>,
    /// Rules about several connections, and those they are about.
    pub correlations: Option<Correlations>,
    /// What they ask of the processes behind connections, and which of them do, by their index.
    asking: BTreeMap<Asking, Vec<usize>>,
}

/// A name that rules have for what they look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// As they have it, or as the record has it.
    pub name: String,
    /// Where what it names is a number of 16 bits, the numbers that they tell from others; nothing if they may tell any.
    pub numbers: Option<Vec<u16>>,
}

/// The rules that match a connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// By their index, in no order.
    pub rules: Vec<usize>,
    /// The number of the first queried name by which any does.
    pub name: usize,
}

impl fmt::Debug for Sigma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sigma").field("rules", &self.engine.as_ref().map(Engine::rule_count)).finish_non_exhaustive()
    }
}

impl Sigma {
    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.engine.is_none()
    }

    /// Of compiled rules, filters applied, whose ids are their indices.
    pub(super) fn new(engine: Engine, correlations: Option<Correlations>) -> Self {
        Self { fields: Fields::of_rules(engine.rules()), engine: Some(engine), correlations, ..Self::default() }
    }

    /// The same, of which these, by their index, ask so much of processes.
    pub(super) fn asking(mut self, asking: impl Iterator<Item = (usize, Asking)>) -> Self {
        for (rule, asking) in asking {
            self.asking.entry(asking).or_default().push(rule);
        }
        self
    }

    /// What they ask of the processes behind connections.
    #[must_use]
    pub fn asked(&self) -> Asked {
        let mut all = Asked::default();
        self.asking.keys().for_each(|asking| all.merge(asking.all));
        all
    }

    /// Whether each of them that does not match can be judged by what is told of a connection's process. One that matches would do so
    /// whatever the rest is.
    #[must_use]
    pub fn are_told(&self, event: &Event<'_>, beside: &Beside<'_>, matching: &[usize]) -> bool {
        let match_all = |rules: &[usize]| rules.iter().all(|rule| matching.contains(rule));
        self.asking.iter().all(|(&asking, rules)| beside.tells(asking, event) || match_all(rules))
    }

    /// Whether its rules look at a field of an event.
    #[must_use]
    pub fn looks_at(&self, field: &str) -> bool {
        let is_it = |(name, _): (&str, _)| name == field || names::canonical(name) == field;
        self.fields.as_ref().is_none_or(|fields| fields.told().any(is_it))
    }

    /// What its rules look at; nothing if that may be anything.
    #[must_use]
    pub fn told(&self) -> Option<Vec<Told>> {
        let names = |(name, numbers): (&str, Option<Vec<u16>>)| {
            let in_record = names::canonical(name).into_owned();
            [name.to_owned(), in_record].map(|name| Told { name, numbers: numbers.clone() })
        };
        self.fields.as_ref().map(|fields| fields.told().flat_map(names).collect())
    }

    /// The rules that match an event, by any of the names that were queried. Without a memo every rule is evaluated, one by one:
    /// the slow path that the fast one is held against.
    #[must_use]
    pub fn matches(&self, event: &Event<'_>, beside: &Beside<'_>, mut memo: Option<&mut Memo>) -> Matches {
        let mut matches = Matches::default();
        for number in 0..beside.names.len().max(1) {
            let found = self.evaluate(&View::of_event(event, beside, number), memo.as_deref_mut());
            if matches.rules.is_empty() && !found.is_empty() {
                matches.name = number;
            }
            matches.rules.extend(found);
        }
        if beside.names.len() > 1 {
            matches.rules.sort_unstable();
            matches.rules.dedup();
        }
        matches
    }

    fn evaluate(&self, view: &View<'_>, memo: Option<&mut Memo>) -> Vec<usize> {
        let Some(engine) = &self.engine else { return Vec::new() };
        match (memo, &self.fields) {
            (None, _) => indices(engine.rules().iter().filter_map(|rule| rsigma_eval::evaluate_rule(rule, view))),
            (Some(memo), Some(fields)) => {
                memo.get(|key| fields.write_key(|name| view.field(name), key), || indices(engine.evaluate(view)))
            }
            (Some(_), None) => indices(engine.evaluate(view)),
        }
    }
}

fn indices(found: impl IntoIterator<Item = EvaluationResult>) -> Vec<usize> {
    found.into_iter().filter_map(|found| found.header.rule_id?.parse().ok()).collect()
}
