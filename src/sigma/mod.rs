//! [`Sigma`]: rules in the format of the field, loaded from files and evaluated over connections. Only the files of this
//! folder name the `rsigma` crates.
//!
//! [`load`] reads rules, from what `file` takes for a file of them, those that are about connections by `scope`; what filters
//! make of them is in `narrowing`. What of a rule a connection must contain is in [`literals`], how a connection looks to a rule
//! in `view`, by which names it is asked in [`known`], what rules look at in `fields`, and rules about several connections are in [`correlation`]. A [`memo`] saves judging
//! the same twice, and `flags` evaluating rules that do not match.

pub mod correlation;
mod fields;
mod file;
mod flags;
pub mod known;
pub mod literals;
pub mod load;
pub mod memo;
mod narrowing;
mod scope;
mod view;

use std::fmt;

use rsigma_eval::{Engine, EvaluationResult};

use crate::{
    event::Event,
    sigma::{correlation::Correlations, fields::Fields, memo::Memo, view::View},
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
    fn new(engine: Engine, correlations: Option<Correlations>) -> Self {
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
