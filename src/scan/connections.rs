//! [`Connections`]: what becomes of the connections of one chunk: left out, judged, counted and kept.

use crate::{
    bytes::utf16,
    connection::{
        audited, clock,
        filter::Property,
        glossary::{Connection, Field, INBOUND},
        logged::LoggedBy,
        met::Use,
        process,
        salvage::{self, Old},
        security,
        sysmon::{self, Part, RULE_NAME, UTC_TIME},
    },
    error::DefectKind,
    evtx::{
        chunk,
        decoder::Loss,
        event::Event,
        record::Record,
        typed::{Raw, Row, Scratch, Typed, Values},
    },
    group::{
        hit::{self, Hit},
        twins::Twins,
    },
    rule::{
        judge::{End, Verdict},
        set::Judgement,
        sigma::beside::Beside,
    },
    scan::{
        alike::Outcome,
        findings::{Findings, SourceFindings, SourceKey},
        kin,
        plan::{Plan, Purpose},
        tally::Tally,
        terms::Terms,
        unread,
        wanted::{self, Scope, Wanted},
    },
    text,
};

/// Text of connections that a chunk, or an exported event, can yield: 64 KiB of UTF-16 are at most 96 KiB of UTF-8, and templates repeat some of
/// it, such as the host's name. Only a forged template yields more, and then it can be a thousand times as much.
const CHUNK_TEXT: usize = 1 << 20;
/// What is left of each field once a chunk has yielded more, in bytes.
const CUT_TEXT: usize = 256;

/// Where a chunk is, or an event that was exported: its number is that of its line then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its number, or that of the place that is nearest.
    pub(super) number: u64,
    /// Where it starts in the source, in bytes.
    pub(super) offset: u64,
}

impl Place {
    /// Where chunk `number` belongs.
    pub(super) fn of(number: u64) -> Self {
        Self { number, offset: chunk::offset(number) }
    }

    /// Whether it is where a chunk of its number belongs.
    pub(super) fn is_regular(self) -> bool {
        self.offset == chunk::offset(self.number)
    }
}

/// Takes the connections of one chunk into the findings.
pub(super) struct Connections<'s> {
    plan: &'s Plan,
    source: &'s SourceKey,
    place: Place,
    found: &'s mut Findings,
    part: &'s mut SourceFindings,
    /// The rule that every connection is a hit of, if there is one: then none has to be judged.
    rule_of_all: Option<usize>,
    /// How much text there was so far, in bytes.
    text: usize,
    /// What is wrong with some of them.
    pub(super) losses: Vec<Loss>,
    /// The numbers of a group's values.
    numbers: Vec<u32>,
    /// The texts of a record: its id, `UtcTime` and `RuleName`.
    texts: [Vec<u8>; 3],
}

impl<'s> Connections<'s> {
    /// None yet, of a chunk of a source.
    pub(super) fn new(
        plan: &'s Plan,
        source: &'s SourceKey,
        place: Place,
        found: &'s mut Findings,
        part: &'s mut SourceFindings,
    ) -> Self {
        let rule_of_all = plan.terms.rules.of_everything().filter(|_| plan.terms.filter.is_open());
        let (losses, numbers, texts) = (Vec::new(), Vec::new(), Default::default());
        Self { plan, source, place, found, part, rule_of_all, text: 0, losses, numbers, texts }
    }

    /// Takes what old records say themselves, of which the parser has read none. Those that are connections are `recovered`.
    pub(super) fn take_all_old(&mut self, chunk: &[u8], old: &[Record], recovered: &mut Vec<Record>) {
        for &record in old {
            let found = salvage::read(chunk, record);
            if !matches!(found, Old::Other) {
                if !recovered.contains(&record) {
                    recovered.push(record);
                }
                self.take_old(record, found, None);
            }
        }
    }

    /// Takes what was read out of an old record by what stands in it itself, or else as the parser has it.
    pub(super) fn take_old(&mut self, place: Record, found: Old, parsed: Option<&Event<'_>>) {
        let is_told = |event: &Event<'_>, name| event.field(name).is_some_and(|value| !value.is_empty());
        match found {
            Old::Connection(event) => self.take(&event),
            Old::Lost(cause) if self.plan.terms.logged_by.has_sysmon() => {
                self.lose(place, DefectKind::Record, &cause);
            }
            // Without one of them, names were lost.
            Old::Other | Old::Lost(_) => {
                const NAMES: [&str; 6] =
                    ["Image", "DestinationIp", "Application", "DestAddress", "NewProcessName", "ProcessName"];
                if let Some(event) = parsed.filter(|event| NAMES.iter().any(|name| is_told(event, name))) {
                    self.take(event);
                }
            }
        }
    }

    /// Takes the records of a chunk that are connections and are not left out.
    pub(super) fn take_typed(&mut self, typed: &Typed<'_>) {
        let logged_by = self.plan.terms.logged_by;
        let ids: &[&[u16]] = match &self.plan.purpose {
            Purpose::Processes(..) => &[&process::EVENT_IDS, &audited::EVENT_IDS],
            Purpose::Ahead(questions) => &[questions.event_ids()],
            Purpose::Connections => &[logged_by.event_ids()],
        };
        let is_of_ids = |id: u16| ids.iter().any(|ids| ids.contains(&id));
        let providers: Vec<Vec<u8>> = self.plan.prefilter.providers().iter().map(|name| utf16(name)).collect();
        // Whether it is one of them; nothing where that is not plain to see.
        let names_one =
            |name: Raw<'_>| providers.iter().try_fold(false, |any, provider| Some(any | name.says(provider)?));
        let mut scratch = Scratch::default();
        // Where a template repeats a value, the text of all connections of a chunk counts.
        let is_plain = typed.is_plain();
        let unread = self.plan.counts_unread().then(unread::provider);
        for row in typed.rows() {
            let kind = typed.kind(row);
            let is_unread = unread.as_ref().is_some_and(|provider| unread::is_one(kind, provider));
            self.part.tally.security_unread += u64::from(is_unread);
            let is_of_interest = kind.and_then(|(provider, id)| Some(names_one(provider)? && is_of_ids(id)));
            let is_done = match is_of_interest {
                Some(true) => is_plain && self.pass_or_take(kind, typed, row, &mut scratch),
                Some(false) => true,
                None => false,
            };
            if is_done {
                continue;
            }
            match typed.event(row, &mut scratch) {
                Some(event) => self.take(&event),
                // It can be, of all that is read without the parser. Should it not be, that is not passed over.
                None => self.lose(row.record, DefectKind::Record, "the record's values cannot be shown"),
            }
        }
    }

    /// Takes a record by its values, or passes it by, where that is all it needs. Returns whether it was.
    fn pass_or_take(
        &mut self,
        kind: Option<(Raw<'_>, u16)>,
        typed: &Typed<'_>,
        row: &Row,
        scratch: &mut Scratch,
    ) -> bool {
        if self.found.alike.is_some() {
            return self.count_if_alike(typed, row, scratch);
        }
        let values = typed.values(row);
        let (Some((provider, id)), Some(values)) = (kind, &values) else { return false };
        match &self.plan.purpose {
            Purpose::Connections => self.take_values(values),
            Purpose::Ahead(_) => self.found.known.take_values(id, values, self.plan.known.talkers.as_ref()),
            Purpose::Processes(wanted, scope) => {
                let is_sysmons =
                    |name: Raw<'_>| self.plan.terms.logged_by == LoggedBy::Sysmon || name.text() == sysmon::PROVIDER;
                process::EVENT_IDS.contains(&id)
                    && is_sysmons(provider)
                    && self.of_processes(wanted, scope).passes_by(id, values)
            }
        }
    }

    /// Counts a connection that rules cannot tell from one that was no hit. Judges any other, and remembers what came of it. Neither has more
    /// text than one that is taken by its values.
    fn count_if_alike(&mut self, typed: &Typed<'_>, row: &Row, scratch: &mut Scratch) -> bool {
        let Some(alike) = self.found.alike.as_mut().filter(|_| typed.time(row).is_some()) else { return false };
        if let Some(outcome) = alike.find(typed, row) {
            self.count(outcome, false);
            return true;
        }
        let Some(event) = typed.event(row, scratch) else { return false };
        let outcome = self.take_connection(&event);
        if let Some(alike) = &mut self.found.alike {
            alike.remember(outcome);
        }
        true
    }

    fn count(&mut self, outcome: Outcome, recovered: bool) {
        self.part.judged(outcome.verdict, recovered);
        self.part.tally.unjoined += u64::from(outcome.is_unjoined);
        self.part.tally.excluded_peers += u64::from(outcome.is_peer_left_out);
    }

    /// Takes a connection by its values, where these are all that is asked of it. In a plain chunk they are at most two and a half
    /// times as long as text, and shown in three fields, so that there is never more text than a chunk can hold.
    fn take_values(&mut self, values: &Values<'_>) -> bool {
        let terms = &self.plan.terms;
        let Findings { met: Some(met), groups, hits, hosts, behind, .. } = &mut *self.found else { return false };
        let locals = self.plan.known.locals.as_ref();
        let seen = met.see(values, locals);
        let happened = || clock::read(values.field(UTC_TIME));
        let time = terms.clock.time(Some(values.time), happened);
        let (verdict, rule) = if self.rule_of_all.is_some() {
            (Verdict::Hit, self.rule_of_all)
        } else {
            let mut connection = met.connection(&seen, time);
            if let Some(locals) = locals.filter(|_| {
                terms.rules.everywhere.judged == End::Remote || terms.filter.fields().any(Field::is_of_ends)
            }) {
                connection.ends = Some(Box::new(locals.ends(&connection)));
            }
            if !terms.filter.keeps(&connection) {
                self.part.tally.filtered += 1;
                return true;
            }
            judged(terms, connection, values, &mut self.part.tally)
        };
        self.part.judged(verdict, false);
        if verdict != Verdict::Hit {
            return true;
        }
        let host = || sysmon::stated(&values.computer.text()).to_owned();
        self.part.skew.take(terms.clock, Some(values.time), happened(), host);
        self.part.inbound += u64::from(met.is_inbound(&seen));
        hosts.count_value(values.computer, time);
        if let Some(behind) = behind {
            behind.take(values.computer, Part::ProcessGuid.value(values));
        }
        if let Some(rule) = rule {
            *self.part.by_rule.entry(rule).or_default() += 1;
        }
        if let (Some(rule), false) = (rule, terms.groups_later()) {
            met.number_anew(Use::Groups, groups.generation());
            let mut number = |&field| met.number(Use::Groups, &seen, field, |text| groups.number(text));
            self.numbers.clear();
            self.numbers.extend(terms.group_by.iter().map(&mut number));
            groups.count_numbers(&self.numbers, &self.source.name, time, rule);
        }
        if self.plan.keeps_hits() {
            met.number_anew(Use::Hits, hits.generation());
            let mut number = |field| met.number(Use::Hits, &seen, field, |text| hits.number(text));
            let fields = Field::ALL.map(&mut number);
            let ends = locals.map(|_| Field::ENDS.map(number));
            let [record_id, utc_time, rule_name] = &mut self.texts;
            let place = hit::Place {
                record_id: values.record_id.text_in(record_id),
                source: &self.source.name,
                utc_time: sysmon::stated(values.field(UTC_TIME).text_in(utc_time)),
                rule_name: sysmon::stated(values.field(RULE_NAME).text_in(rule_name)),
                chunk: self.place.number,
                offset: self.place.offset.saturating_add(values.place.start()),
                ..hit::Place::default()
            };
            hits.push_numbers(&fields, ends, time, place, rule.as_slice());
        }
        true
    }

    /// Takes an event, if it is a connection that is not left out.
    pub(super) fn take(&mut self, event: &Event<'_>) {
        match &self.plan.purpose {
            Purpose::Connections => drop(self.take_connection(event)),
            Purpose::Ahead(_) => self.found.known.take(event, self.plan.known.talkers.as_ref()),
            Purpose::Processes(wanted, scope) => self.of_processes(wanted, scope).take(event),
        }
    }

    fn of_processes<'p>(&'p mut self, wanted: &'p Wanted, scope: &'p Scope) -> wanted::Part<'p> {
        let place = kin::Place { source: self.source.number, offset: self.place.offset };
        let Findings { kin, facts, looked, .. } = &mut *self.found;
        wanted::Part { wanted, scope, place, kin, facts, known: &looked.wanted }
    }

    /// The connection that an event is, with what its log does not say of it.
    fn connection<'e>(&mut self, event: &'e Event<'_>) -> Option<Connection<'e>>
    where
        's: 'e,
    {
        let plan = self.plan;
        let mut connection = plan.terms.logged_by.connection(event)?;
        if connection.time.is_none() {
            let cause =
                format!("the connection's time {} cannot be read", text::quoted(&text::short(&event.system_time)));
            self.lose(event.place, DefectKind::Time, &cause);
        }
        if let Some(user) = plan.known.user(&connection) {
            connection.user = user.into();
        }
        self.text += connection.text_size();
        if self.text > CHUNK_TEXT && connection.cut(CUT_TEXT) {
            let cause = "the connection has more text than a chunk can hold, and is cut off";
            self.lose(event.place, DefectKind::Text, cause);
        }
        if let Some(locals) = &plan.known.locals {
            connection.ends = Some(Box::new(locals.ends(&connection)));
        }
        Some(connection)
    }

    /// Judges a connection that is not left out. Returns what came of it.
    fn take_connection(&mut self, event: &Event<'_>) -> Option<Outcome> {
        let terms = &self.plan.terms;
        let mut connection = self.connection(event)?;
        let is_userless = self.plan.known.user(&connection).is_some_and(str::is_empty);
        let logged = connection.time;
        let happened = || event.field("UtcTime").and_then(|time| sysmon::time(sysmon::stated(time)));
        connection.time = terms.clock.time(logged, happened);
        let is_kept = terms.filter.keeps(&connection);
        if !(is_kept || is_userless && terms.filter.keeps_but_for(Property::User, &connection)) {
            self.part.tally.filtered += 1;
            return None;
        }
        let as_logged = event;
        let (image, of_sysmon);
        let event = if !terms.rules.sigma.is_empty() && security::is_connection(event) {
            image = self.plan.known.image(&connection);
            of_sysmon = security::as_of_sysmon(event, &connection, &image);
            &of_sysmon
        } else {
            event
        };
        let beside = self.plan.known.beside(event, &connection);
        let judgement = terms.rules.judge(event, &connection, &beside, self.found.memo.as_mut());
        let verdict = judgement.verdict;
        if !is_kept {
            // With its user, it might be one of those that are asked for.
            self.part.tally.userless += u64::from(verdict == Verdict::Hit);
            self.part.tally.filtered += 1;
            return None;
        }
        let is_asked_for_user = is_userless && verdict != Verdict::Hit && self.asks_for_user(&connection);
        self.part.tally.userless += u64::from(is_asked_for_user && self.may_match(event));
        let is_unjoined = judgement.is_unjoined && self.may_match(event);
        let is_peer_left_out = terms.rules.leaves_out_peer(&connection, verdict);
        let outcome = Outcome { verdict, is_unjoined, is_peer_left_out };
        self.count(outcome, event.recovered);
        if verdict == Verdict::Hit {
            if !security::is_connection(as_logged) {
                self.part.skew.take(terms.clock, logged, happened(), || connection.dvc.to_string());
            }
            self.hit(event, &connection, &beside, judgement);
        }
        Some(outcome)
    }

    /// Whether a rule looks at the user of a connection.
    fn asks_for_user(&self, connection: &Connection<'_>) -> bool {
        let rules = &self.plan.terms.rules;
        !rules.sigma.is_empty() && rules.sigma.looks_at("User") && rules.everywhere.judge(connection) == Verdict::Hit
    }

    /// Whether a rule can match an event by the texts in what it looks at: then it is decoded wherever it is.
    fn may_match(&self, event: &Event<'_>) -> bool {
        let Plan { terms, prefilter, .. } = self.plan;
        let looked_at = event.data.iter().filter(|(name, _)| terms.rules.sigma.looks_at(name));
        prefilter.has_text_in(looked_at.map(|(_, value)| &**value))
    }

    fn hit(&mut self, event: &Event<'_>, connection: &Connection<'_>, beside: &Beside<'_>, judgement: Judgement) {
        let Judgement { rules, name, .. } = judgement;
        let terms = &self.plan.terms;
        self.part.inbound += u64::from(connection.direction == INBOUND);
        self.found.hosts.count(&connection.dvc, connection.time);
        if let Some(behind) = &mut self.found.behind {
            behind.take_texts(&connection.dvc, &connection.process_guid);
        }
        for &rule in &rules {
            *self.part.by_rule.entry(rule).or_default() += 1;
            if !terms.groups_later() {
                self.found.groups.add(connection, &self.source.name, rule);
            }
        }
        if self.plan.keeps_hits() {
            let offset = self.place.offset.saturating_add(event.place.start());
            // Twins are told by it, whatever the clock.
            let logged = event.time.or_else(|| sysmon::time(&event.system_time));
            let logged = logged.filter(|_| terms.twins == Twins::Drop && logged != connection.time);
            let logged = logged.map_or_else(String::new, |time| time.to_string());
            let (source, chunk) = (&*self.source.name, self.place.number);
            let place = hit::Place { source, logged: &logged, chunk, offset, ..hit::Place::default() };
            let hit = Hit::of(connection, event, place, rules);
            let is_whole = terms.rules.sigma.correlations.is_some();
            self.found.hits.push(if is_whole { hit.with_data(event, beside, name) } else { hit });
        }
    }

    fn lose(&mut self, place: Record, kind: DefectKind, cause: &str) {
        self.losses.push(Loss { offset: Some(place.start()), kind, cause: cause.to_owned() });
    }
}

/// Judges a connection that has these values, as [`RuleSet::judge_connection`](crate::rule::set::RuleSet::judge_connection) does, and
/// counts it if its peer is left out with it.
fn judged(
    terms: &Terms,
    connection: Connection<'_>,
    values: &Values<'_>,
    tally: &mut Tally,
) -> (Verdict, Option<usize>) {
    let (verdict, rule) = terms.rules.judge_connection(&connection);
    if let Verdict::Excluded(_) = verdict {
        let [initiated, source] = [Part::Initiated, Part::SourceIp].map(|part| part.value(values).text());
        let direction = sysmon::direction(Part::Initiated.meaning(&initiated).truth);
        let connection = Connection { direction, src_ip: Part::SourceIp.meaning(&source).text, ..connection };
        tally.excluded_peers += u64::from(terms.rules.leaves_out_peer(&connection, verdict));
    }
    (verdict, rule)
}
