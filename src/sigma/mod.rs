//! [`Sigma`]: rules in the format of the field, loaded from files and evaluated over connections. Only the files of this
//! folder name the `rsigma` crates.
//!
//! What of a rule a connection must contain is in [`literals`], how a connection looks to a rule in `view`, and rules
//! about several connections are in [`correlation`].

pub mod correlation;
pub mod literals;
pub mod load;
mod view;

use std::fmt;

use rsigma_eval::Engine;

use self::{correlation::Correlations, view::View};
use crate::event::Event;

/// Sigma rules, compiled together.
#[derive(Default)]
pub struct Sigma {
    /// Each rule's id is its index in the rule set, as text.
    engine: Option<Engine>,
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

    /// The rules that match an event, by their index, in no order.
    #[must_use]
    pub fn matches(&self, event: &Event<'_>) -> Vec<usize> {
        let Some(engine) = &self.engine else { return Vec::new() };
        let matches = engine.evaluate(&View::of_event(event));
        matches.into_iter().filter_map(|found| found.header.rule_id?.parse().ok()).collect()
    }
}
