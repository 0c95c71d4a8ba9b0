//! [`Sigma`]: rules in the format of the field, compiled together and evaluated over connections.

use std::fmt;

use rsigma_eval::{Engine, EvaluationResult};

use crate::{
    evtx::event::Event,
    rule::sigma::{correlation::Correlations, inputs::Fields, memo::Memo, view::View},
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
        Self { fields: Fields::of_rules(engine.rules()), engine: Some(engine), correlations }
    }

    /// The rules that match an event, by their index, in no order. Without a memo every rule is evaluated, one by one: the
    /// slow path that the fast one is held against.
    #[must_use]
    pub fn matches(&self, event: &Event<'_>, memo: Option<&mut Memo>) -> Vec<usize> {
        let Some(engine) = &self.engine else { return Vec::new() };
        let view = View::of_event(event);
        match (memo, &self.fields) {
            (None, _) => indices(engine.rules().iter().filter_map(|rule| rsigma_eval::evaluate_rule(rule, &view))),
            (Some(memo), Some(fields)) => {
                memo.get(|key| fields.write_key(|name| view.field(name), key), || indices(engine.evaluate(&view)))
            }
            (Some(_), None) => indices(engine.evaluate(&view)),
        }
    }
}

fn indices(found: impl IntoIterator<Item = EvaluationResult>) -> Vec<usize> {
    found.into_iter().filter_map(|found| found.header.rule_id?.parse().ok()).collect()
}
