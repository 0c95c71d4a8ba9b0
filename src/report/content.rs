//! The [`Report`]: grouped connections, as every format has them.

use std::num::NonZeroUsize;

use jiff::Timestamp;

use crate::{
    connection::glossary::Field,
    group::{contexts::GroupContext, groups::SortedGroups, key::GroupKey, rarity::Rarity},
    report::background::{self, Background},
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
    /// What is known of their processes, if the report says so.
    pub background: Option<Background<'a>>,
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
        let fields = fields.chain(self.background.iter().flat_map(|_| background::COLUMNS));
        fields.chain(self.rarity.iter().flat_map(|_| Rarity::COLUMNS))
    }

    /// What is known of the process of a group, in the order of the columns, if the report says so.
    pub(super) fn background_of(
        &self,
        context: Option<&GroupContext>,
        show: impl Fn(Option<Timestamp>) -> String,
    ) -> Option<[String; background::COLUMNS.len()]> {
        self.background.zip(context).map(|(background, context)| background.of_group(context, show))
    }

    /// The rule that a group is of, if the report says so.
    pub(super) fn rule(&self, key: &GroupKey) -> Option<&RuleInfo> {
        self.rules.and_then(|rules| rules.get(key.rule))
    }
}
