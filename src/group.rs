//! [`Groups`]: connections counted by their fields, as Splunk's `stats count min(_time) max(_time) BY` does.
//!
//! Adding and merging commute, so parts of a scan can be grouped apart and merged in any order.

use std::{cmp::Ordering, collections::HashMap};

use jiff::Timestamp;

use crate::connection::{Connection, Field};

/// The values that a group's connections share, one for each field that they are grouped by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct GroupKey {
    /// The rule that the connections are hits of, by its index in the rule set.
    pub rule: usize,
    text: String,
    /// Where each value ends in `text`.
    ends: Vec<usize>,
}

impl GroupKey {
    /// Of the values of some fields, and of a rule.
    #[must_use]
    pub fn new<'a>(fields: &[Field], rule: usize, value: impl Fn(Field) -> &'a str) -> Self {
        let mut key = Self::default();
        key.set(fields, rule, value);
        key
    }

    /// The values, in the order of the fields.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let value = self.text.get(start..end).unwrap_or_default();
            start = end;
            value
        })
    }

    fn set<'a>(&mut self, fields: &[Field], rule: usize, value: impl Fn(Field) -> &'a str) {
        self.rule = rule;
        self.text.clear();
        self.ends.clear();
        for &field in fields {
            self.text.push_str(value(field));
            self.ends.push(self.text.len());
        }
    }
}

/// How many connections a group has and when the first and last of them were; `None` where no time was stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// How many connections, at least one.
    pub count: u64,
    /// The earliest stated time.
    pub first: Option<Timestamp>,
    /// The latest stated time.
    pub last: Option<Timestamp>,
}

impl Group {
    fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        // `None` sorts below any time, so only the minimum needs care.
        self.first = match (self.first, other.first) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.last = self.last.max(other.last);
    }
}

/// Connections grouped by some of their fields.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    fields: Vec<Field>,
    by_key: HashMap<GroupKey, Group>,
    /// Reused, so that a connection of a known group allocates nothing.
    key: GroupKey,
}

impl Groups {
    /// No groups yet, of these fields.
    #[must_use]
    pub fn new(fields: Vec<Field>) -> Self {
        Self { fields, by_key: HashMap::new(), key: GroupKey::default() }
    }

    /// Counts one connection as a hit of a rule.
    pub fn add(&mut self, connection: &Connection<'_>, rule: usize) {
        self.count(|field| connection.get(field), connection.time, rule);
    }

    /// Counts one connection with these values at this time as a hit of a rule.
    pub fn count<'a>(&mut self, value: impl Fn(Field) -> &'a str, time: Option<Timestamp>, rule: usize) {
        let group = Group { count: 1, first: time, last: time };
        self.key.set(&self.fields, rule, value);
        match self.by_key.get_mut(&self.key) {
            Some(known) => known.merge(group),
            None => {
                self.by_key.insert(self.key.clone(), group);
            }
        }
    }

    /// Adds what another part of the scan has grouped, by the same fields.
    pub fn merge(&mut self, mut other: Self) {
        if self.by_key.len() < other.by_key.len() {
            std::mem::swap(&mut self.by_key, &mut other.by_key);
        }
        other.by_key.into_iter().for_each(|(key, group)| {
            self.by_key.entry(key).and_modify(|known| known.merge(group)).or_insert(group);
        });
    }

    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The groups in the order of the report: by first time (not stated comes first), then by their values as text, then by
    /// rule.
    #[must_use]
    pub fn into_sorted(self) -> Vec<(GroupKey, Group)> {
        let mut groups: Vec<_> = self.by_key.into_iter().collect();
        groups.sort_unstable_by(report_order);
        groups
    }
}

fn report_order((one_key, one): &(GroupKey, Group), (two_key, two): &(GroupKey, Group)) -> Ordering {
    let by_values = || one_key.values().cmp(two_key.values());
    one.first.cmp(&two.first).then_with(by_values).then(one_key.rule.cmp(&two_key.rule))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn connection(app: &'static str, dest: &'static str, second: Option<i64>) -> Connection<'static> {
        Connection {
            app: app.into(),
            dest: dest.into(),
            time: second.map(|second| Timestamp::from_second(second).unwrap()),
            ..Connection::default()
        }
    }

    type Row = (Vec<String>, u64, Option<i64>, Option<i64>);

    fn rows(groups: Groups) -> Vec<Row> {
        let second = |time: Option<Timestamp>| time.map(Timestamp::as_second);
        let rows = groups.into_sorted().into_iter();
        rows.map(|(key, group)| {
            (key.values().map(str::to_owned).collect(), group.count, second(group.first), second(group.last))
        })
        .collect()
    }

    #[test]
    fn values_that_concatenate_to_the_same_text_are_different_groups() {
        let mut groups = Groups::new(vec![Field::App, Field::Dest]);
        groups.add(&connection("ab", "c", Some(1)), 0);
        groups.add(&connection("a", "bc", Some(1)), 0);
        assert_eq!(groups.len(), 2);
    }

    #[test]
    fn hits_of_different_rules_are_different_groups() {
        let mut groups = Groups::new(vec![Field::App]);
        for rule in [1, 0, 1] {
            groups.add(&connection("a", "", Some(1)), rule);
        }
        let sorted = groups.into_sorted();
        let rules: Vec<_> = sorted.iter().map(|(key, group)| (key.rule, group.count)).collect();
        assert_eq!(rules, [(0, 1), (1, 2)]);
    }

    #[test]
    fn rows_are_ordered_by_first_time_then_by_text() {
        let mut groups = Groups::new(vec![Field::App]);
        for (app, second) in [("b", Some(2)), ("c", Some(1)), ("a", Some(2)), ("c", Some(9)), ("d", None)] {
            groups.add(&connection(app, "", second), 0);
        }
        assert_eq!(
            rows(groups),
            [
                (vec!["d".into()], 1, None, None),
                (vec!["c".into()], 2, Some(1), Some(9)),
                (vec!["a".into()], 1, Some(2), Some(2)),
                (vec!["b".into()], 1, Some(2), Some(2)),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_split_merged_in_any_order_gives_the_same_groups(
            all in prop::collection::vec((0..3_usize, 0..3_usize, prop::option::of(0..9_i64), 0..4_usize), 0..60)
        ) {
            let names = ["", "a", "aa"];
            let mut whole = Groups::new(vec![Field::App, Field::Dest]);
            let mut parts = vec![Groups::new(vec![Field::App, Field::Dest]); 4];
            for &(app, dest, second, part) in &all {
                let connection = connection(names[app], names[dest], second);
                whole.add(&connection, 0);
                parts[part].add(&connection, 0);
            }
            let merged = parts.into_iter().rev().reduce(|mut one, two| { one.merge(two); one }).unwrap();
            prop_assert_eq!(rows(merged), rows(whole));
        }
    }
}
