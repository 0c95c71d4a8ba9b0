//! The [`Report`]: grouped connections, as every format has them.

use std::num::NonZeroUsize;

use jiff::Timestamp;

use crate::{
    connection::glossary::Field,
    group::{contexts::GroupContext, groups::SortedGroups, key::GroupKey, labelled::GroupLabels, rarity::Rarity},
    report::{
        background::{self, Background},
        labels::RowLabels,
    },
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
    /// What lists and databases say of them, if the report says so.
    pub labels: Option<RowLabels<'a>>,
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
        let fields = fields.chain(self.label_columns());
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

    /// The names of the columns of lists and databases.
    pub(super) fn label_columns(&self) -> impl Iterator<Item = &'static str> {
        self.labels.into_iter().flat_map(|labels| labels.columns())
    }

    /// What is said of a group, in the order of the columns; nothing if the report does not say it.
    pub(super) fn labels_of(&self, labels: Option<&GroupLabels>) -> Vec<String> {
        match (self.labels, labels) {
            (Some(all), Some(labels)) => all.of_group(labels),
            _ => self.label_columns().map(|_| String::new()).collect(),
        }
    }

    /// The rule that a group is of, if the report says so.
    pub(super) fn rule(&self, key: &GroupKey) -> Option<&RuleInfo> {
        self.rules.and_then(|rules| rules.get(key.rule))
    }
}
