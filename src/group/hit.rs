//! A [`Hit`]: a connection that a rule looks for, with the record that it is from.

use std::{cmp::Ordering, iter, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{
        community::Memo,
        glossary::{Connection, Field},
        sysmon,
    },
    evtx::event::Event,
    group::{
        held::{ENDS, Held, LOGGED, RECORD_ID, RULE_NAME, SOURCE, UTC_TIME},
        key::{Values, spilled_time},
        texts::{Texts, Translation},
    },
    rule::sigma::{
        beside::{Beside, HOSTNAME},
        correlation::Happening,
    },
};

/// A hit. Its order is that of time, then of what makes it the same event as another, then of where it is from, the
/// live one first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// When it was logged, or happened, as the clock has it; `None` if the record states no time.
    #[serde(with = "spilled_time")]
    pub time: Option<Timestamp>,
    /// The values of the fields in the order of [`Field::ALL`], behind them the texts of the record, and then the ends in the order
    /// of [`Field::ENDS`].
    pub(super) texts: Held,
    /// Whether it was carved out of space that is no longer part of the log.
    pub recovered: bool,
    /// The chunk's number in the log.
    pub chunk: u64,
    /// The record's offset in the log, in bytes.
    pub offset: u64,
    /// The rules that it is a hit of, by their index in the rule set.
    pub rules: Arc<[usize]>,
    /// The whole event; kept only for correlations.
    pub(super) whole: Option<Box<Whole>>,
    /// See [`Field::CommunityId`], once it was asked for.
    #[serde(skip)]
    pub(super) community: Memo,
}

/// All that an event says.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Whole {
    /// Its data as it was logged.
    data: Vec<(String, String)>,
    /// The members of its `System`.
    system: Vec<(String, String)>,
    /// The fields of its process, if that is known.
    process: Option<Vec<(String, String)>>,
}

/// The record behind a hit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// `EventRecordID`.
    pub record_id: &'a str,
    /// The log's name.
    pub source: &'a str,
    /// Sysmon's `UtcTime`.
    pub utc_time: &'a str,
    /// Sysmon's `RuleName`.
    pub rule_name: &'a str,
    /// When it was logged, as RFC 3339, where that is asked for and is not the hit's time.
    pub logged: &'a str,
    /// The chunk's number in the log.
    pub chunk: u64,
    /// The record's offset in the log, in bytes.
    pub offset: u64,
    /// Whether it was carved out of space that is no longer part of the log.
    pub recovered: bool,
}

impl<'a> Place<'a> {
    /// Its texts, in the order in which they are behind the fields.
    pub(super) fn texts(self) -> [&'a str; ENDS - RECORD_ID] {
        [self.record_id, self.source, self.utc_time, self.rule_name, self.logged]
    }
}

impl Hit {
    /// A hit of these rules, with the values of all fields in their order and then of the ends, at a time, out of a record. Values
    /// that are missing are empty.
    pub fn new<'a>(
        fields: impl Iterator<Item = &'a str> + Clone,
        time: Option<Timestamp>,
        place: Place<'a>,
        rules: impl Into<Arc<[usize]>>,
    ) -> Self {
        let Place { chunk, offset, recovered, .. } = place;
        let fields = fields.chain(iter::repeat(""));
        let ends = fields.clone().skip(Field::ALL.len()).take(Field::ENDS.len());
        let texts = Values::of(fields.take(Field::ALL.len()).chain(place.texts()).chain(ends)).into();
        let rules = rules.into();
        Self { time, texts, recovered, chunk, offset, rules, whole: None, community: Memo::default() }
    }

    /// A hit of a connection, which this event of a log is.
    #[must_use]
    pub fn of(connection: &Connection<'_>, event: &Event<'_>, place: Place<'_>, rules: Vec<usize>) -> Self {
        let field = |name| sysmon::stated(event.field(name).unwrap_or_default());
        let place = Place {
            record_id: &event.record_id,
            utc_time: field("UtcTime"),
            rule_name: field("RuleName"),
            recovered: event.recovered,
            ..place
        };
        let fields = Field::ALL.into_iter().chain(Field::ENDS).map(|field| connection.get(field));
        Self::new(fields, connection.time, place, rules)
    }

    /// The same, with the whole of the event as rules saw it: with what is known beside it, and the queried name of this number.
    #[must_use]
    pub fn with_data(mut self, event: &Event<'_>, beside: &Beside<'_>, number: usize) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let name = beside.names.get(number).map(|name| (HOSTNAME, *name));
        let data = event.data.iter().map(|(name, value)| (&**name, &**value));
        let data = data.filter(|(field, _)| name.is_none() || *field != HOSTNAME);
        self.whole = Some(Box::new(Whole {
            data: data.chain(name).map(owned).collect(),
            system: event.system().map(owned).collect(),
            process: beside.process.map(|start| start.kept().map(owned).collect()),
        }));
        self
    }

    /// Whether the other is the same event in another place: same host, record id, time and connection.
    #[must_use]
    pub fn is_copy_of(&self, other: &Self) -> bool {
        self.has_said(other.time, &other.texts)
    }

    /// The same, of an event of this time with these texts.
    pub(super) fn has_said(&self, time: Option<Timestamp>, texts: &Held) -> bool {
        self.time == time && self.texts.compare(texts, SOURCE).is_eq()
    }

    /// Whether the other is of the same record.
    #[must_use]
    pub fn is_at_the_place_of(&self, other: &Self) -> bool {
        (self.source(), self.offset, self.recovered) == (other.source(), other.offset, other.recovered)
    }

    /// What a correlation looks at of it.
    #[must_use]
    pub fn into_happening(self) -> Happening {
        let Whole { data, system, process } = self.whole.map(|whole| *whole).unwrap_or_default();
        Happening { time: self.time, rules: self.rules.to_vec(), data, system, process }
    }

    /// All of its texts, in the order in which they are kept.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter()
    }

    /// The value of one field.
    #[must_use]
    pub fn get(&self, field: Field) -> &str {
        if field == Field::CommunityId {
            return self.community.of(Field::flow(|other| self.stored(other)));
        }
        self.stored(field.stands_for(|other| self.stored(other)))
    }

    /// The texts that it shares with others, and the number of a field's value among them; nothing if it shares none, or the value is not
    /// one of them.
    pub(super) fn shared(&self, field: Field) -> Option<(&Arc<Texts>, u32)> {
        let (texts, numbers) = self.texts.shared()?;
        Some((texts, *numbers.get(self.place(field)?)?))
    }

    /// The number of a field's value in other texts, which is asked for once where hits share theirs.
    pub fn number(&self, field: Field, texts: &mut Texts, translation: &mut Translation) -> u32 {
        let Some((own, here)) = self.shared(field) else { return texts.number(self.get(field)) };
        translation.turn_to(own);
        translation.get(here, |text| texts.number(text))
    }

    /// The place of a field's value among its texts; nothing if it is made of several.
    pub(super) fn place(&self, field: Field) -> Option<usize> {
        (field != Field::CommunityId).then(|| place(field.stands_for(|other| self.stored(other))))
    }

    /// The value of a field that is kept.
    fn stored(&self, field: Field) -> &str {
        self.texts.get(place(field))
    }

    /// The values of all fields, in the order of [`Field::ALL`].
    pub fn fields(&self) -> impl Iterator<Item = &str> + Clone {
        self.texts.iter().take(Field::ALL.len())
    }

    /// The ends, in the order of [`Field::ENDS`].
    pub fn ends(&self) -> impl Iterator<Item = &str> + Clone {
        self.texts.iter().skip(ENDS)
    }

    /// `EventRecordID`.
    #[must_use]
    pub fn record_id(&self) -> &str {
        self.texts.get(RECORD_ID)
    }

    /// The log's name.
    #[must_use]
    pub fn source(&self) -> &str {
        self.texts.get(SOURCE)
    }

    /// Sysmon's `UtcTime`.
    #[must_use]
    pub fn utc_time(&self) -> &str {
        self.texts.get(UTC_TIME)
    }

    /// When it was logged: its time, unless it has another and this was asked for.
    #[must_use]
    pub fn logged(&self) -> Option<Timestamp> {
        self.texts.get(LOGGED).parse().ok().or(self.time)
    }

    /// Sysmon's `RuleName`.
    #[must_use]
    pub fn rule_name(&self) -> &str {
        self.texts.get(RULE_NAME)
    }
}

/// The place of a field that is kept.
fn place(field: Field) -> usize {
    Field::ENDS.iter().position(|&end| end == field).map_or(field as usize, |end| ENDS + end)
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        let what = self.texts.compare(&other.texts, SOURCE);
        let texts = || self.texts.iter().skip(SOURCE).cmp(other.texts.iter().skip(SOURCE));
        let place = |hit: &Self| (hit.chunk, hit.offset);
        self.time
            .cmp(&other.time)
            .then(what)
            .then_with(|| self.recovered.cmp(&other.recovered))
            .then_with(|| self.source().cmp(other.source()))
            .then_with(|| place(self).cmp(&place(other)))
            .then_with(texts)
            .then_with(|| (&self.rules, &self.whole).cmp(&(&other.rules, &other.whole)))
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Whole {
    /// What it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        // A text, and what the allocator adds to it.
        const TEXT: usize = size_of::<String>() + 16;
        let texts = self.data.iter().chain(&self.system).flat_map(|(name, value)| [name, value]);
        size_of::<Self>() + texts.map(|text| TEXT + text.len()).sum::<usize>()
    }
}
