//! [`Correlations`]: Sigma rules about several connections: how many, of how many values, or several rules in a time.
//!
//! They need the connections in the order of time, so they are evaluated over the hits once all are found. Each hit is looked at once,
//! and is held as long as it is within a correlation's timespan. The evaluating crate knows correlations too, but counts in whole
//! seconds, forgets groups where there are many, and goes through all of a timespan again for each hit.
//!
//! Source: <https://sigmahq.io/sigma-specification/specification/sigma-correlation-rules-specification.html>.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
};

use jiff::{SignedDuration, Timestamp};
use rsigma_eval::event::Event as _;
use rsigma_parser::{
    ConditionExpr, ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Quantifier, WindowMode,
};

use crate::rule::sigma::view::View;

/// Correlation rules.
#[derive(Debug, Clone)]
pub struct Correlations {
    correlations: Vec<Correlation>,
    /// The rules that are only parts of correlations, and are not reported for themselves.
    pub parts: BTreeSet<usize>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Correlation {
    /// Its index in the rule set.
    index: usize,
    /// The rules that it is about.
    rules: Vec<Part>,
    group_by: Vec<String>,
    timespan: SignedDuration,
    fires: Fires,
}

/// A rule that a correlation is about.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The names by which the correlation can know it.
    pub(super) names: Vec<String>,
    /// The rules of these names, by their indices in the rule set.
    pub(super) indices: Vec<usize>,
    /// What it calls the fields that the correlation has names of its own for.
    aliases: BTreeMap<String, String>,
}

/// When a correlation fires.
#[derive(Debug, Clone)]
enum Fires {
    /// At so many hits.
    Count(usize),
    /// At so many values of some fields.
    Values(Vec<String>, usize),
    /// At hits of so many of the rules.
    Rules(usize),
    /// Where the rules that were seen satisfy a condition.
    Condition(ConditionExpr),
}

/// A hit as a correlation looks at it.
#[derive(Debug, Clone)]
pub struct Happening {
    /// When it was logged, if that is stated.
    pub time: Option<Timestamp>,
    /// The rules that it counts for, by their index in the rule set.
    pub rules: Vec<usize>,
    /// The event's data.
    pub data: Vec<(String, String)>,
    /// The members of its `System`.
    pub system: Vec<(String, String)>,
    /// The fields of its process, if that is known.
    pub process: Option<Vec<(String, String)>>,
}

impl Correlation {
    /// Of a rule with this index in the rule set, which is about `rules`.
    ///
    /// # Errors
    ///
    /// Why it cannot be evaluated.
    pub(super) fn new(rule: &CorrelationRule, index: usize, mut rules: Vec<Part>) -> Result<Self, String> {
        if rule.window != WindowMode::Sliding || rule.gap.is_some() {
            return Err("it has a window or a gap of its own: only a timespan is known".to_owned());
        }
        // A rule that is named twice is one.
        let mut known = BTreeSet::new();
        rules.retain(|part| known.insert(part.indices.clone()));
        for part in &mut rules {
            part.learn(rule)?;
        }
        let fires = Fires::of(rule, &rules)?;
        let timespan = i64::try_from(rule.timespan.seconds).map_err(|_| "its timespan is too long")?;
        let (group_by, timespan) = (rule.group_by.clone(), SignedDuration::from_secs(timespan));
        Ok(Self { index, rules, group_by, timespan, fires })
    }

    /// Where a hit belongs as one of a rule; nowhere if it lacks a value that is counted.
    fn entry(&self, part: &Part, view: &View<'_>) -> Option<Entry> {
        let value = |name: &String| value(view, part.aliases.get(name).unwrap_or(name));
        let counted = if let Fires::Values(fields, _) = &self.fires { fields.as_slice() } else { &[] };
        let values = counted.iter().map(value).collect::<Option<_>>()?;
        Some(Entry { group: self.group_by.iter().map(value).collect(), values })
    }
}

/// Where a hit belongs.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// The values that hits are grouped by, as far as it has them.
    group: Vec<Option<String>>,
    /// Those that are counted.
    values: Vec<String>,
}

impl Part {
    pub(super) fn new(names: Vec<String>, indices: Vec<usize>) -> Self {
        Self { names, indices, aliases: BTreeMap::new() }
    }

    /// Whether a correlation means it by a name.
    fn is(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }

    /// Learns what it calls the fields of a correlation.
    fn learn(&mut self, rule: &CorrelationRule) -> Result<(), String> {
        for alias in &rule.aliases {
            let own = alias.mapping.iter().find(|(name, _)| self.is(name));
            let (_, field) = own.ok_or_else(|| {
                let name = self.names.first().map_or("", String::as_str);
                format!("its alias {:?} has no field of the rule {name:?}", alias.alias)
            })?;
            self.aliases.insert(alias.alias.clone(), field.clone());
        }
        Ok(())
    }
}

impl Fires {
    fn of(rule: &CorrelationRule, rules: &[Part]) -> Result<Self, String> {
        let condition = &rule.condition;
        match (rule.correlation_type, condition) {
            (CorrelationType::EventCount, CorrelationCondition::Threshold { .. }) => Ok(Self::Count(least(condition)?)),
            (CorrelationType::ValueCount, CorrelationCondition::Threshold { field: Some(fields), .. }) => {
                Ok(Self::Values(fields.clone(), least(condition)?))
            }
            (CorrelationType::ValueCount, _) => Err("a value_count needs a field in its condition".to_owned()),
            // Without a condition, the parser gives that of at least one.
            (CorrelationType::Temporal, CorrelationCondition::Threshold { predicates, .. }) => {
                let is_stated = *predicates != [(ConditionOperator::Gte, 1)];
                let least = if is_stated { least(condition)? } else { rules.len() };
                if least > rules.len() {
                    return Err(format!("its condition asks for {least} rules, and it is about {}", rules.len()));
                }
                Ok(Self::Rules(least))
            }
            (CorrelationType::Temporal, CorrelationCondition::Extended(condition)) => {
                can_hold(condition, rules)?;
                Ok(Self::Condition(condition.clone()))
            }
            (other, _) => {
                let kind = other.as_str();
                Err(format!("a correlation of type {kind}: event_count, value_count and temporal are known"))
            }
        }
    }
}

/// How many it takes at least.
fn least(condition: &CorrelationCondition) -> Result<usize, String> {
    let CorrelationCondition::Threshold { predicates, .. } = condition else {
        return Err("a condition on rules is one of a temporal correlation".to_owned());
    };
    let mut least = 1;
    for (operator, number) in predicates {
        // The parser takes a negative number for that of the same bits.
        if let Some(negative) = i64::try_from(*number).err().map(|_| number.cast_signed()) {
            return Err(format!("its condition counts to {negative}: give a number from 0 on, for example gte: 5"));
        }
        let number = usize::try_from(*number).unwrap_or(usize::MAX);
        least = least.max(match operator {
            ConditionOperator::Gte => number,
            ConditionOperator::Gt => number.saturating_add(1),
            _ => {
                return Err("more hits could undo its condition (lt, lte, eq or neq): use gte or gt".to_owned());
            }
        });
    }
    Ok(least)
}

/// Refuses a condition that more hits can undo, or that asks for rules that the correlation is not about.
fn can_hold(condition: &ConditionExpr, rules: &[Part]) -> Result<(), String> {
    let is_any = |is_it: &dyn Fn(&str) -> bool| rules.iter().any(|part| part.names.iter().any(|name| is_it(name)));
    let unknown = |asked: &str| Err(format!("its condition asks for {asked}, which is none of its rules"));
    match condition {
        ConditionExpr::And(parts) | ConditionExpr::Or(parts) => parts.iter().try_for_each(|part| can_hold(part, rules)),
        ConditionExpr::Not(_) => Err("more hits could undo its condition (not): use and or or".to_owned()),
        ConditionExpr::Identifier(wanted) if !is_any(&|name| name == wanted) => unknown(wanted),
        ConditionExpr::Selector { pattern, .. } if !is_any(&|name| pattern.matches_detection_name(name)) => {
            unknown(&pattern.to_string())
        }
        ConditionExpr::Identifier(_) | ConditionExpr::Selector { .. } => Ok(()),
    }
}

/// Whether the rules that were seen satisfy a condition, which denies nothing.
fn holds(condition: &ConditionExpr, rules: &[Part], seen: &[usize]) -> bool {
    let is_seen = |number: usize| seen.get(number).is_some_and(|count| *count > 0);
    let seen_of = |is_it: &dyn Fn(&str) -> bool| {
        let chosen: Vec<bool> = (0..)
            .zip(rules)
            .filter(|(_, part)| part.names.iter().any(|name| is_it(name)))
            .map(|(n, _)| is_seen(n))
            .collect();
        (chosen.iter().filter(|is_seen| **is_seen).count(), chosen.len())
    };
    match condition {
        ConditionExpr::And(parts) => parts.iter().all(|part| holds(part, rules, seen)),
        ConditionExpr::Or(parts) => parts.iter().any(|part| holds(part, rules, seen)),
        ConditionExpr::Not(_) => false,
        ConditionExpr::Identifier(wanted) => seen_of(&|name| name == wanted).0 > 0,
        ConditionExpr::Selector { quantifier, pattern } => {
            let (seen, all) = seen_of(&|name| pattern.matches_detection_name(name));
            match quantifier {
                Quantifier::Any => seen > 0,
                Quantifier::All => seen > 0 && seen == all,
                Quantifier::Count(count) => seen as u64 >= *count,
            }
        }
    }
}

fn value(view: &View<'_>, name: &str) -> Option<String> {
    view.get_field(name).and_then(|value| value.as_str().map(Cow::into_owned))
}

/// The hits of one group that are within a timespan.
#[derive(Debug, Default)]
struct Window {
    hits: VecDeque<Held>,
    /// How many hits were ever in it.
    count: usize,
    /// How many of these were reported.
    reported: usize,
    /// How many hits there are of each value, and of each rule.
    values: HashMap<Vec<String>, usize>,
    rules: Vec<usize>,
}

/// A hit that is held.
#[derive(Debug)]
struct Held {
    time: Timestamp,
    number: usize,
    values: Vec<String>,
    /// The rules by which it is in the group, by their place in the correlation.
    rules: Vec<usize>,
}

impl Window {
    /// Forgets the hits from before a time.
    fn forget(&mut self, before: Timestamp) {
        while let Some(hit) = self.hits.pop_front_if(|hit| hit.time < before) {
            if let Some(count) = self.values.get_mut(&hit.values) {
                *count -= 1;
                if *count == 0 {
                    self.values.remove(&hit.values);
                }
            }
            for rule in hit.rules {
                if let Some(count) = self.rules.get_mut(rule) {
                    *count -= 1;
                }
            }
        }
    }

    fn add(&mut self, hit: Held) {
        self.count += 1;
        if let Some(count) = self.values.get_mut(&hit.values) {
            *count += 1;
        } else if !hit.values.is_empty() {
            self.values.insert(hit.values.clone(), 1);
        }
        for &rule in &hit.rules {
            self.rules.resize(self.rules.len().max(rule + 1), 0);
            if let Some(count) = self.rules.get_mut(rule) {
                *count += 1;
            }
        }
        self.hits.push_back(hit);
    }

    fn fires(&self, correlation: &Correlation) -> bool {
        match &correlation.fires {
            Fires::Count(least) => self.hits.len() >= *least,
            Fires::Values(_, least) => self.values.len() >= *least,
            Fires::Rules(least) => self.rules.iter().filter(|count| **count > 0).count() >= *least,
            Fires::Condition(condition) => holds(condition, &correlation.rules, &self.rules),
        }
    }

    /// The hits in it that were not reported, which are reported with this.
    fn report(&mut self) -> impl Iterator<Item = usize> {
        let unreported = (self.count - self.reported).min(self.hits.len());
        self.reported = self.count;
        self.hits.iter().skip(self.hits.len() - unreported).map(|hit| hit.number)
    }
}

/// Windows of a correlation, by their groups.
#[derive(Debug, Default)]
struct Windows {
    windows: HashMap<Vec<Option<String>>, Window>,
    /// How many there were when those without hits were last dropped.
    kept: usize,
}

/// Fewer windows are not worth looking through.
const FEW: usize = 1 << 12;

impl Windows {
    /// Takes a hit, and returns those that made the correlation fire with it and were not reported before.
    fn take(&mut self, correlation: &Correlation, hit: &Happening, number: usize) -> Vec<usize> {
        let Some(time) = hit.time else { return Vec::new() };
        let view = View::of_pairs(&hit.data, &hit.system).with_process(hit.process.as_deref());
        let before = time.saturating_sub(correlation.timespan).unwrap_or(Timestamp::MIN);
        let mut entries: BTreeMap<Entry, Vec<usize>> = BTreeMap::new();
        for (place, part) in correlation.rules.iter().enumerate() {
            if part.indices.iter().any(|index| hit.rules.contains(index))
                && let Some(entry) = correlation.entry(part, &view)
            {
                entries.entry(entry).or_default().push(place);
            }
        }
        self.drop_old(before);
        let mut fired = Vec::new();
        for (Entry { group, values }, rules) in entries {
            let window = self.windows.entry(group).or_default();
            window.forget(before);
            window.add(Held { time, number, values, rules });
            if window.fires(correlation) {
                fired.extend(window.report());
            }
        }
        fired
    }

    /// Drops the windows in which no hit is left, once there are twice as many as were kept.
    fn drop_old(&mut self, before: Timestamp) {
        if self.windows.len() > FEW.max(2 * self.kept) {
            self.windows.retain(|_, window| window.hits.back().is_some_and(|hit| hit.time >= before));
            self.kept = self.windows.len();
        }
    }
}

impl Correlations {
    /// Of these correlations, and the indices of the rules that are only parts of them.
    pub(super) fn new(correlations: Vec<Correlation>, parts: BTreeSet<usize>) -> Self {
        Self { correlations, parts }
    }

    /// What goes through the hits.
    #[must_use]
    pub fn start(&self) -> Firing<'_> {
        let windows = self.correlations.iter().map(|_| Windows::default()).collect();
        Firing { correlations: &self.correlations, windows, by_hit: BTreeMap::new() }
    }
}

/// What goes through the hits, in the order of time.
#[derive(Debug)]
pub struct Firing<'c> {
    correlations: &'c [Correlation],
    /// Of each.
    windows: Vec<Windows>,
    /// The correlations that fired at a hit, by its number.
    by_hit: BTreeMap<usize, BTreeSet<usize>>,
}

impl Firing<'_> {
    /// Takes the hit with this number.
    pub fn take(&mut self, number: usize, hit: &Happening) {
        for (correlation, windows) in self.correlations.iter().zip(&mut self.windows) {
            for fired in windows.take(correlation, hit, number) {
                self.by_hit.entry(fired).or_default().insert(correlation.index);
            }
        }
    }

    /// For each hit by its number, the correlations that it made fire, or that fired with it.
    #[must_use]
    pub fn finish(self) -> BTreeMap<usize, Vec<usize>> {
        self.by_hit.into_iter().map(|(number, rules)| (number, rules.into_iter().collect())).collect()
    }
}

#[cfg(test)]
mod tests {
    use rsigma_parser::parse_sigma_yaml;

    use super::*;

    fn correlation(kind: &str, more: &str) -> Result<Correlation, String> {
        let yaml =
            format!("title: t\ncorrelation: {{type: {kind}, rules: [a, b], group-by: [User], timespan: 10s{more}}}");
        let rule = parse_sigma_yaml(&yaml).unwrap().correlations.remove(0);
        let part = |name: &str, index| Part::new(vec![name.to_owned(), format!("id of {name}")], vec![index]);
        // One of them by another of its names too.
        Correlation::new(&rule, 9, vec![part("a", 0), part("b", 1), part("x", 1)])
    }

    /// A hit of these rules, so many milliseconds after 1970.
    fn hit(at: i64, rules: &[usize], user: &str, port: &str) -> Happening {
        let data = [("User", user), ("SourcePort", port)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let time = Timestamp::from_millisecond(at).ok();
        Happening { time, rules: rules.to_vec(), data: data.into(), system: Vec::new(), process: None }
    }

    fn fired(correlation: Correlation, hits: &[Happening]) -> Vec<usize> {
        let correlations = Correlations::new(vec![correlation], BTreeSet::new());
        let mut firing = correlations.start();
        hits.iter().enumerate().for_each(|(number, hit)| firing.take(number, hit));
        let fired = firing.finish();
        assert!(fired.values().all(|rules| *rules == [9]));
        fired.into_keys().collect()
    }

    #[test]
    fn each_hit_of_a_timespan_in_which_it_fires_is_reported() {
        let hits: Vec<Happening> = (0..400)
            .map(|n: i64| {
                let random = n.wrapping_mul(7919) % 101;
                let rules: &[usize] = [&[0][..], &[1], &[0, 1], &[]][usize::try_from(random % 4).unwrap()];
                hit(
                    n * 900 + random * 7,
                    rules,
                    ["x", "y", "z"][usize::try_from(random % 3).unwrap()],
                    &(random % 5).to_string(),
                )
            })
            .collect();
        let cases = [
            ("event_count", ", condition: {gte: 4}"),
            ("event_count", ", condition: {gt: 4}"),
            ("value_count", ", condition: {field: SourcePort, gte: 3}"),
            ("temporal", ""),
            ("temporal", ", condition: a and b"),
            ("temporal", ", condition: {gte: 1}"),
        ];
        for (kind, more) in cases {
            let user = |hit: &Happening| hit.data[0].1.clone();
            let mut expected = BTreeSet::new();
            for (last, one) in hits.iter().enumerate().filter(|(_, hit)| !hit.rules.is_empty()) {
                let start = one.time.unwrap().as_millisecond() - 10_000;
                let is_in = |other: &Happening| {
                    !other.rules.is_empty() && user(other) == user(one) && other.time.unwrap().as_millisecond() >= start
                };
                let window: Vec<usize> = (0..=last).filter(|&n| is_in(&hits[n])).collect();
                let of =
                    |count: fn(&Happening) -> String| window.iter().map(|&n| count(&hits[n])).collect::<BTreeSet<_>>();
                let has = |rule: usize| window.iter().any(|&n| hits[n].rules.contains(&rule));
                let fires = match (kind, more.contains("gt:"), more.contains("{gte: 1}")) {
                    ("event_count", is_more, _) => window.len() >= 4 + usize::from(is_more),
                    ("value_count", ..) => of(|hit| hit.data[1].1.clone()).len() >= 3,
                    // The parser does not tell a condition of one from none.
                    _ => has(0) && has(1),
                };
                expected.extend(window.into_iter().filter(|_| fires));
            }
            let found = fired(correlation(kind, more).unwrap(), &hits);
            assert!(expected.len() > 20 && expected.len() < hits.len(), "{kind}{more}: {}", expected.len());
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{kind}{more}");
        }
    }

    #[test]
    fn a_timespan_ends_to_the_millisecond() {
        for (apart, is_within) in [(10_000, true), (10_001, false), (10_900, false)] {
            let hits = [hit(500, &[0], "x", "1"), hit(500 + apart, &[0], "x", "1")];
            let found = fired(correlation("event_count", ", condition: {gte: 2}").unwrap(), &hits);
            assert_eq!(!found.is_empty(), is_within, "{apart}");
        }
    }

    #[test]
    fn groups_are_not_forgotten_however_many_there_are() {
        let mut hits = vec![hit(0, &[0], "first", "1")];
        hits.extend((0..20_000).map(|n| hit(1, &[0], &n.to_string(), "1")));
        hits.push(hit(2, &[1], "first", "1"));
        assert_eq!(fired(correlation("temporal", "").unwrap(), &hits), [0, 20_001]);
    }

    #[test]
    fn fields_have_the_names_of_their_rules() {
        let aliases = "aliases: {it: {id of a: User, b: SourcePort}}";
        let mut by_alias = correlation("event_count", &format!(", condition: {{gte: 2}}, {aliases}")).unwrap();
        by_alias.group_by = vec!["it".to_owned()];
        let hits = [hit(0, &[0], "x", "1"), hit(1, &[1], "y", "x"), hit(2, &[1], "x", "2")];
        assert_eq!(fired(by_alias, &hits), [0, 1]);
        let values = format!(", condition: {{field: it, gte: 3}}, {aliases}");
        let mut of_all = correlation("value_count", &values).unwrap();
        of_all.group_by.clear();
        assert_eq!(fired(of_all.clone(), &hits), [0; 0]);
        assert_eq!(fired(of_all, &[&hits[..], &[hit(3, &[0], "z", "1")]].concat()), [0, 1, 2, 3]);
        let error = correlation("event_count", ", condition: {gte: 2}, aliases: {it: {a: User}}").unwrap_err();
        assert!(error.contains("no field of the rule"), "{error}");
    }

    #[test]
    fn what_more_hits_can_undo_or_nothing_can_satisfy_is_refused() {
        for (kind, more, reason) in [
            ("event_count", ", condition: {lt: 3}", "lt, lte"),
            ("event_count", ", condition: {gt: 1, lt: 3}", "lt, lte"),
            ("event_count", ", condition: {eq: 3}", "lt, lte"),
            ("event_count", ", condition: {gte: -1}", "its condition counts to -1"),
            ("event_count", ", condition: {gt: -1}", "its condition counts to -1"),
            ("event_count", ", condition: {gte: 2, gt: -9223372036854775808}", "counts to -9223372036854775808"),
            ("value_count", ", condition: {field: User, gte: -2}", "its condition counts to -2"),
            ("temporal", ", condition: {gte: -1}", "its condition counts to -1"),
            ("temporal", ", condition: {gte: 3}", "asks for 3 rules, and it is about 2"),
            ("temporal", ", condition: {gt: 2}", "asks for 3 rules, and it is about 2"),
            ("temporal", ", condition: a and not b", "not"),
            ("temporal", ", condition: a and c", "none of its rules"),
            ("temporal", ", condition: all of c*", "none of its rules"),
            ("temporal_ordered", "", "temporal_ordered"),
        ] {
            let error = correlation(kind, more).unwrap_err();
            assert!(error.contains(reason), "{more}: {error}");
        }
    }
}
