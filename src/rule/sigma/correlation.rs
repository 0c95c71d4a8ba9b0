//! [`Correlations`]: Sigma rules about several connections: how many, of how many values, or several rules in a time.
//!
//! They need the connections in the order of time, so they are evaluated over the hits once all are found.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
};

use jiff::Timestamp;
use rsigma_eval::{
    CorrelationConfig, CorrelationEngine, CorrelationEventMode,
    result::{EvaluationResult, ResultBody},
};
use rsigma_parser::{ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, SigmaCollection};

use crate::rule::sigma::{restated::restated, view::View};

/// Correlation rules and the rules they are about.
#[derive(Clone)]
pub struct Correlations {
    /// The id of each correlation rule is its index in the rule set, as text.
    collection: SigmaCollection,
    /// The index in the rule set of each rule of the collection.
    indices: Vec<usize>,
    /// The rules that are only parts of correlations, and are not reported for themselves.
    pub parts: BTreeSet<usize>,
}

impl fmt::Debug for Correlations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Correlations")
            .field("correlations", &self.collection.correlations.len())
            .finish_non_exhaustive()
    }
}

/// A correlation as the specification means it, where the crate that parses it means something else.
///
/// A temporal correlation without a condition is of all of its rules; the crate takes one of them for enough.
pub(super) fn as_specified(mut rule: CorrelationRule) -> CorrelationRule {
    if let (CorrelationType::Temporal, CorrelationCondition::Threshold { predicates, .. }) =
        (rule.correlation_type, &mut rule.condition)
        && *predicates == [(ConditionOperator::Gte, 1)]
    {
        *predicates = vec![(ConditionOperator::Gte, rule.rules.len() as u64)];
    }
    rule
}

/// A hit as a correlation looks at it.
#[derive(Debug, Clone)]
pub struct Happening {
    /// When it was logged, if that is stated.
    pub time: Option<Timestamp>,
    /// The event's data.
    pub data: Vec<(String, String)>,
    /// The members of its `System`.
    pub system: Vec<(String, String)>,
    /// The fields of its process, if that is known.
    pub process: Option<Vec<(String, String)>>,
    /// The rules that it does not count for, by their index in the rule set: another hit counts for them.
    pub uncounted: Vec<usize>,
}

/// Whether a correlation can be evaluated.
///
/// # Errors
///
/// Why it cannot.
pub(super) fn check(rule: &CorrelationRule) -> Result<(), String> {
    match rule.correlation_type {
        CorrelationType::EventCount | CorrelationType::ValueCount | CorrelationType::Temporal => {
            let mut engine = CorrelationEngine::new(CorrelationConfig::default());
            engine.add_correlation(rule).map_err(|error| error.to_string())
        }
        other => {
            let kind = other.as_str();
            Err(format!("a correlation of type {kind}: event_count, value_count and temporal are known"))
        }
    }
}

/// Connections that a correlation looks at before and with the one that fires it, at most.
const EVENTS: usize = 100_000;

impl Correlations {
    /// Of a collection whose correlation rules have their indices for ids, the indices of its other rules, and of those that are only
    /// parts.
    ///
    /// # Errors
    ///
    /// A correlation that cannot be evaluated.
    pub(super) fn new(
        mut collection: SigmaCollection,
        indices: Vec<usize>,
        parts: BTreeSet<usize>,
    ) -> Result<Self, String> {
        for rule in &mut collection.rules {
            *rule = restated(rule)?;
        }
        let correlations = Self { collection, indices, parts };
        correlations.engine().map(|_| correlations)
    }

    fn engine(&self) -> Result<CorrelationEngine, String> {
        let mut engine = CorrelationEngine::new(CorrelationConfig::default());
        engine.set_correlation_event_mode(CorrelationEventMode::Refs);
        engine.set_max_correlation_events(EVENTS);
        engine.add_collection(&self.collection).map_err(|error| error.to_string())?;
        Ok(engine)
    }

    /// Goes through the hits in the order of time. Returns, for each correlation rule, the hits by their number that made it
    /// fire.
    ///
    /// # Errors
    ///
    /// The hits cannot be read.
    pub fn fire(&self, hits: impl Iterator<Item = io::Result<Happening>>) -> io::Result<BTreeMap<usize, Vec<usize>>> {
        let mut engine = self.engine().map_err(io::Error::other)?;
        let mut fired: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (number, hit) in hits.enumerate() {
            let hit = hit?;
            let Some(time) = hit.time else { continue };
            let view = View::of_pairs(&hit.data, &hit.system, number).with_process(hit.process.as_deref());
            let mut matches = engine.evaluate(&view);
            matches.retain(|found| !self.is_any_of(&hit.uncounted, found));
            let results = engine.process_with_detections(&view, matches, time.as_second());
            for (rule, numbers) in results.iter().filter_map(of_result) {
                fired.entry(rule).or_default().extend(numbers);
                fired.entry(rule).or_default().insert(number);
            }
        }
        let mut by_hit: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (rule, numbers) in fired {
            for number in numbers {
                by_hit.entry(number).or_default().push(rule);
            }
        }
        Ok(by_hit)
    }

    /// Whether it is one of these rules that was found.
    fn is_any_of(&self, rules: &[usize], found: &EvaluationResult) -> bool {
        let ids = self.collection.rules.iter().zip(&self.indices).filter(|(_, index)| rules.contains(index));
        !rules.is_empty() && ids.into_iter().any(|(rule, _)| rule.id == found.header.rule_id)
    }
}

/// The index of a correlation that fired, and the numbers of the hits that it names.
fn of_result(result: &EvaluationResult) -> Option<(usize, Vec<usize>)> {
    let ResultBody::Correlation(body) = &result.body else { return None };
    let references = body.event_refs.iter().flatten();
    let numbers = references.filter_map(|reference| reference.id.as_ref()?.parse().ok()).collect();
    Some((result.header.rule_id.as_ref()?.parse().ok()?, numbers))
}
