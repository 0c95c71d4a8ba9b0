//! Narrowing: a rule as a Sigma filter leaves it, with the filter's detections beside its own and both conditions to hold.
//!
//! The evaluating crate can do so too, but lets a selector such as `1 of them` in either condition see the detections of
//! both, so that a filter could silence its rule, and knows no rule by its name.

use rsigma_parser::{
    ConditionExpr, Detections, FilterRule, FilterRuleTarget, LogSource, Quantifier, SelectorPattern, SigmaRule,
};

use crate::rule::sigma::restated::selects_some;

/// By what filters know a rule: its id, its name or its title.
fn names(rule: &SigmaRule) -> impl Iterator<Item = &str> {
    [rule.id.as_deref(), rule.name.as_deref(), Some(rule.title.as_str())].into_iter().flatten()
}

/// Whether a filter is for a rule.
pub(super) fn is_for(filter: &FilterRule, rule: &SigmaRule) -> bool {
    is_named(filter, rule) && filter.logsource.as_ref().is_none_or(|source| covers(source, &rule.logsource))
}

fn is_named(filter: &FilterRule, rule: &SigmaRule) -> bool {
    match &filter.rules {
        FilterRuleTarget::Any => true,
        FilterRuleTarget::Specific(wanted) => names(rule).any(|name| wanted.iter().any(|one| one == name)),
    }
}

/// The first rule that a filter names, if it is about connections, and names none of these.
pub(super) fn names_only_others<'f, 'r>(
    filter: &'f FilterRule,
    mut rules: impl Iterator<Item = &'r SigmaRule>,
) -> Option<&'f str> {
    let FilterRuleTarget::Specific(wanted) = &filter.rules else { return None };
    let is_ours = filter.logsource.as_ref().is_none_or(|source| {
        source.category.as_deref().is_none_or(|category| category == "network_connection")
            && source.product.as_deref().is_none_or(|product| product == "windows")
    });
    let is_for_none = is_ours && !rules.any(|rule| is_named(filter, rule));
    wanted.first().filter(|_| is_for_none).map(String::as_str)
}

/// What a log source says, another says too.
fn covers(source: &LogSource, other: &LogSource) -> bool {
    let parts = |source: &LogSource| [&source.category, &source.product, &source.service].map(Clone::clone);
    let says = |(one, other): (Option<String>, Option<String>)| {
        one.is_none_or(|one| other.is_some_and(|other| one.eq_ignore_ascii_case(&other)))
    };
    parts(source).into_iter().zip(parts(other)).all(says)
}

/// A rule that also has to satisfy the `number`th of its filters.
///
/// # Errors
///
/// It counts detections in a way that cannot be told from counting the filter's.
pub(super) fn narrowed(rule: &SigmaRule, filter: &FilterRule, number: usize) -> Result<SigmaRule, String> {
    let prefix = format!("__filter_{number}_");
    filter.detection.conditions.iter().try_for_each(|condition| selects_some(condition, &filter.detection))?;
    let mut narrowed = rule.clone();
    let Detections { named, conditions, .. } = &mut narrowed.detection;
    for condition in conditions.iter_mut() {
        *condition = explicit(condition, &rule.detection, "")
            .ok_or("a condition of the rule counts detections of any name, and cannot be filtered")?;
    }
    let of_filter = match filter.detection.conditions.as_slice() {
        [] => Some(ConditionExpr::And(
            sorted(&filter.detection).map(|name| ConditionExpr::Identifier(format!("{prefix}{name}"))).collect(),
        )),
        all => all
            .iter()
            .map(|one| explicit(one, &filter.detection, &prefix))
            .collect::<Option<_>>()
            .map(ConditionExpr::Or),
    };
    let of_filter = of_filter.ok_or("its condition counts detections: give 1 of or all of")?;
    named.extend(filter.detection.named.iter().map(|(name, detection)| (format!("{prefix}{name}"), detection.clone())));
    for condition in conditions {
        *condition = ConditionExpr::And(vec![condition.clone(), of_filter.clone()]);
    }
    Ok(narrowed)
}

/// A condition that names each of these detections, behind a prefix; `None` for a count of them.
pub(super) fn explicit(condition: &ConditionExpr, detections: &Detections, prefix: &str) -> Option<ConditionExpr> {
    let all = |parts: &[ConditionExpr]| {
        parts.iter().map(|part| explicit(part, detections, prefix)).collect::<Option<Vec<_>>>()
    };
    Some(match condition {
        ConditionExpr::And(parts) => ConditionExpr::And(all(parts)?),
        ConditionExpr::Or(parts) => ConditionExpr::Or(all(parts)?),
        ConditionExpr::Not(part) => ConditionExpr::Not(Box::new(explicit(part, detections, prefix)?)),
        ConditionExpr::Identifier(name) => ConditionExpr::Identifier(format!("{prefix}{name}")),
        ConditionExpr::Selector { quantifier, pattern } => {
            let chosen: Vec<ConditionExpr> = sorted(detections)
                .filter(|name| pattern.matches_detection_name(name))
                .map(|name| ConditionExpr::Identifier(format!("{prefix}{name}")))
                .collect();
            match quantifier {
                Quantifier::Any | Quantifier::Count(1) => ConditionExpr::Or(chosen),
                Quantifier::All => ConditionExpr::And(chosen),
                Quantifier::Count(count) if *count == chosen.len() as u64 => ConditionExpr::And(chosen),
                // Of a rule's own detections, as long as no name of a filter's fits in.
                Quantifier::Count(_) if prefix.is_empty() && !is_for_any(pattern) => condition.clone(),
                Quantifier::Count(_) => return None,
            }
        }
    })
}

/// Whether a pattern may also select detections that a filter adds.
fn is_for_any(pattern: &SelectorPattern) -> bool {
    matches!(pattern, SelectorPattern::Pattern(pattern) if pattern.starts_with(['*', '_']))
}

fn sorted(detections: &Detections) -> impl Iterator<Item = &str> {
    let mut names: Vec<&str> = detections.named.keys().map(String::as_str).collect();
    names.sort_unstable();
    names.into_iter()
}
