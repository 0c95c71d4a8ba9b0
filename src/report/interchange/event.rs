//! An [`Event`]: a hit with all that its row in the report of events says.

use crate::{
    connection::{clock::Clock, glossary::Field, security, sysmon},
    group::hit::Hit,
    label::labels::Labels,
    report::{
        background,
        jsonl::{Value, counted, label, stated, value},
    },
    rule::info::RuleInfo,
    text,
};

/// The names of the columns of the record behind a hit.
pub(in crate::report) const RECORD: [&str; 8] =
    ["time", "utc_time", "record_id", "rule_name", "source", "chunk", "offset", "recovered"];

/// A hit with all that its row says.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Event<'a> {
    /// The hit.
    pub(in crate::report) hit: &'a Hit,
    /// Its time, as the row shows it.
    pub(in crate::report) time: &'a str,
    /// The rule that the row is of, if rows name theirs.
    pub(in crate::report) rule: Option<&'a RuleInfo>,
    /// Whether it is told which end is the host.
    pub(in crate::report) ends: bool,
    /// What is known of its process, in the order of [`background::COLUMNS`], if rows say it.
    pub(in crate::report) background: Option<&'a [String; background::COLUMNS.len()]>,
    /// What lists and databases say of its peer, if they were asked.
    pub(in crate::report) said: Option<Said<'a>>,
    /// Which of its times the hit is of.
    pub(in crate::report) clock: Clock,
}

/// What lists and databases say of a peer: a value for each of their columns.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Said<'a> {
    /// The lists and databases.
    pub(in crate::report) labels: &'a Labels,
    /// The values.
    pub(in crate::report) values: &'a [String],
}

impl<'a> Said<'a> {
    /// The columns with their values.
    pub(super) fn columns(self) -> impl Iterator<Item = (&'static str, &'a str)> {
        self.labels.columns().zip(self.values.iter().map(String::as_str))
    }
}

impl<'a> Event<'a> {
    /// The columns of the CSV and the Community ID, with their values; none for what is not stated.
    pub(super) fn members(self) -> impl Iterator<Item = (&'static str, Option<Value<'a>>)> {
        let Self { hit, time, rule, ends, background, said, .. } = self;
        let of_field = |field: Field| (field.name(), value(field, hit.get(field)));
        let fields = Field::ALL.into_iter().map(of_field);
        let record = [
            stated(time),
            stated(hit.utc_time()),
            record_id(hit.record_id()),
            stated(hit.rule_name()),
            stated(hit.source()),
            Some(counted(hit.chunk)),
            Some(counted(hit.offset)),
            Some(Value::Truth(hit.recovered)),
        ];
        let of_rule = |rule: &'a RuleInfo| RuleInfo::COLUMNS.into_iter().zip(rule.columns().map(stated));
        let ends = Field::ENDS.into_iter().filter(move |_| ends).map(of_field);
        let known = background.into_iter().flatten().map(|text| stated(text));
        fields
            .chain(RECORD.into_iter().zip(record))
            .chain(rule.into_iter().flat_map(of_rule))
            .chain(ends)
            .chain([of_field(Field::CommunityId)])
            .chain(background::COLUMNS.into_iter().zip(known))
            .chain(said.into_iter().flat_map(Said::columns).map(|(column, text)| (column, label(column, text))))
    }

    /// What is known of its process, by the name of the column; empty if it is not known.
    pub(super) fn known(self, column: &str) -> &'a str {
        let place = background::COLUMNS.iter().position(|&name| name == column);
        self.background.zip(place).and_then(|(values, place)| values.get(place)).map_or("", String::as_str)
    }
}

/// What logged a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Logged {
    /// The name of its provider.
    pub(super) provider: &'static str,
    /// The id of such events.
    pub(super) event_id: i64,
}

impl Logged {
    /// What logged this one, which its vendor and its action tell.
    pub(super) fn of(hit: &Hit) -> Self {
        let [allowed, blocked] = security::EVENT_IDS.map(i64::from);
        match (hit.get(Field::VendorProduct), hit.get(Field::Action)) {
            (security::VENDOR_PRODUCT, security::BLOCKED) => Self { provider: security::PROVIDER, event_id: blocked },
            (security::VENDOR_PRODUCT, _) => Self { provider: security::PROVIDER, event_id: allowed },
            _ => Self { provider: sysmon::PROVIDER, event_id: i64::from(sysmon::EVENT_ID) },
        }
    }
}

/// The id of a record: a number, if no reader of JSON takes it for another, or else its text.
fn record_id(text: &str) -> Option<Value<'_>> {
    // Numbers up to 2^53 are exact in all of them (RFC 8259, section 6).
    const MOST: i64 = 1 << 53;
    let number = text::number(text).filter(|number| (0..MOST).contains(number));
    number.map(Value::Number).or_else(|| stated(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_as_long_as_every_reader_takes_it_for_the_same() {
        assert_eq!(record_id("0"), Some(Value::Number(0)));
        assert_eq!(record_id("9007199254740991"), Some(Value::Number(9_007_199_254_740_991)));
        for text in ["9007199254740992", "18446744073709551615", "-1", "01", "+1", "x"] {
            assert_eq!(record_id(text), Some(Value::Text(text)));
        }
        assert_eq!(record_id(""), None);
    }
}
