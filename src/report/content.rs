//! The [`Report`]: grouped connections, as every format has them.

use std::num::NonZeroUsize;

use crate::{
    connection::glossary::Field,
    group::{groups::SortedGroups, key::GroupKey, rarity::Rarity},
    rule::info::RuleInfo,
};

/// What a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The fields of the groups.
    pub fields: &'a [Field],
    /// The groups, in the order of the report.
    pub groups: &'a SortedGroups,
    /// The rules by their index, if the report says which rule each group is of.
    pub rules: Option<&'a [RuleInfo]>,
    /// How rare each is, if the report says so.
    pub rarity: Option<&'a Rarity>,
    /// How many threads make its rows.
    pub threads: NonZeroUsize,
}

impl Report<'_> {
    /// The names of the columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> {
        let fields = self.fields.iter().map(|field| field.name());
        let fields = fields.chain(["count", "firstTime", "lastTime"]);
        let fields = fields.chain(self.rules.iter().flat_map(|_| RuleInfo::COLUMNS));
        fields.chain(self.rarity.iter().flat_map(|_| Rarity::COLUMNS))
    }

    /// The rule that a group is of, if the report says so.
    pub(super) fn rule(&self, key: &GroupKey) -> Option<&RuleInfo> {
        self.rules.and_then(|rules| rules.get(key.rule))
    }
}
