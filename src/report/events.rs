//! The report of events: a row for each hit, in the order of time, with the record behind it. CSV, or a format of
//! [`crate::report::interchange`].
//!
//! From a group's row in the report an investigator gets to its records by the columns that both have.

use std::{
    io::{self, Write},
    mem,
    num::NonZeroUsize,
    sync::Arc,
    thread::Scope,
};

use crate::{
    connection::{clock::Clock, glossary::Field},
    group::{hit::Hit, processes::Processes},
    label::{labels::Labels, told::Found},
    report::{
        background, csv,
        interchange::{
            ecs,
            event::{Event, RECORD, Said},
            jsonl, timesketch,
        },
        labels,
        making::{self, BATCH, Making},
        style::{EventsFormat, Style},
        times::TimeFormat,
    },
    rule::info::RuleInfo,
};

/// How rows of events are made.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// How they look.
    pub style: Style,
    /// How many threads make them.
    pub threads: NonZeroUsize,
    /// Whether they name their rules.
    pub named: bool,
    /// Whether they say which end is the host and which its peer.
    pub ends: bool,
    /// Whether those of CSV have the Community ID, as those of the other formats always have.
    pub community_id: bool,
    /// Which of its times a hit is of.
    pub clock: Clock,
    /// What is known of the processes, if they say it.
    pub processes: Option<&'a Processes>,
    /// The lists and databases, if they say what these say.
    pub labels: Option<&'a Labels>,
}

/// A hit of which a row is to be made.
struct Waiting<'a> {
    hit: Hit,
    rule: Option<&'a RuleInfo>,
    found: Option<Arc<Found>>,
}

/// Writes rows of events, which are made on several threads.
pub struct Rows<'s, 'e, W: Write> {
    out: W,
    made: Made<'s>,
    scope: &'s Scope<'s, 'e>,
    /// Hits of which rows are to be made, in batches.
    hits: Vec<Vec<Waiting<'s>>>,
    making: Making<'s, Vec<Waiting<'s>>>,
}

impl<'s, 'e, W: Write> Rows<'s, 'e, W> {
    /// Writes the header of CSV, with the columns of the rules if rows are to name theirs. The rows are made in this scope.
    ///
    /// # Errors
    ///
    /// What `out` returns.
    pub fn new(mut out: W, made: Made<'s>, scope: &'s Scope<'s, 'e>) -> io::Result<Self> {
        let rule = RuleInfo::COLUMNS.into_iter().filter(|_| made.named);
        let background = made.processes.iter().flat_map(|_| background::COLUMNS);
        let ends = Field::ENDS.map(Field::name).into_iter().filter(|_| made.ends);
        let community = [Field::CommunityId.name()].into_iter().filter(|_| made.community_id);
        let columns = Field::ALL.map(Field::name).into_iter().chain(RECORD).chain(rule);
        if made.style.events == EventsFormat::Csv {
            let labels = made.labels.into_iter().flat_map(Labels::columns);
            let columns = columns.chain(ends).chain(community).chain(background).chain(labels);
            csv::header(&mut out, made.style.mark, columns)?;
        }
        Ok(Self { out, made, scope, hits: Vec::new(), making: Making::default() })
    }

    /// Writes one hit of a rule, which is given if rows are to name theirs, with what labels say of it.
    ///
    /// # Errors
    ///
    /// What the output returns.
    pub fn write(&mut self, hit: Hit, rule: Option<&'s RuleInfo>, found: Option<Arc<Found>>) -> io::Result<()> {
        let waiting = Waiting { hit, rule, found };
        if let Some(batch) = self.hits.last_mut().filter(|batch| batch.len() < BATCH) {
            batch.push(waiting);
            return Ok(());
        }
        if self.hits.len() >= making::parts(self.made.threads) {
            self.make()?;
        }
        let mut batch = Vec::with_capacity(BATCH);
        batch.push(waiting);
        self.hits.push(batch);
        Ok(())
    }

    /// Hands on what is left.
    ///
    /// # Errors
    ///
    /// What the output returns.
    pub fn finish(mut self) -> io::Result<()> {
        self.make()?;
        self.make()
    }

    /// Has the rows made, and writes those before.
    fn make(&mut self) -> io::Result<()> {
        let Self { out, made, scope, hits, making } = self;
        let made = *made;
        let rows = move |part: &Vec<Waiting<'_>>| {
            let mut rows = Vec::new();
            part.iter().try_for_each(|one| add(&mut rows, one, &made))?;
            Ok(rows)
        };
        making.go_on(scope, made.threads, mem::take(hits), rows, out)
    }
}

/// Adds the row of a hit.
fn add(rows: &mut Vec<u8>, waiting: &Waiting<'_>, made: &Made<'_>) -> io::Result<()> {
    let times = match made.style.events {
        EventsFormat::Csv => return add_csv(rows, waiting, made),
        EventsFormat::Jsonl => made.style.time_format(),
        // They have fields of times, which are to be read as such.
        EventsFormat::Timesketch | EventsFormat::Ecs => TimeFormat::Rfc3339,
    };
    let &Waiting { ref hit, rule, ref found } = waiting;
    let background = made.processes.map(|processes| background::of_hit(processes, hit, |time| times.show(time)));
    let time = times.shown(hit.time);
    let values = made.labels.zip(found.as_ref()).map(|(labels, found)| labels::of_hit(labels, found));
    let said = made.labels.zip(values.as_deref()).map(|(labels, values)| Said { labels, values });
    let Made { ends, clock, .. } = *made;
    let event = Event { hit, time: &time, rule, ends, background: background.as_ref(), said, clock };
    match made.style.events {
        EventsFormat::Timesketch => timesketch::push(rows, event),
        EventsFormat::Ecs => ecs::push(rows, event),
        EventsFormat::Csv | EventsFormat::Jsonl => jsonl::push(rows, event),
    }
}

/// Adds it as CSV.
fn add_csv(rows: &mut Vec<u8>, Waiting { hit, rule, found }: &Waiting<'_>, made: &Made<'_>) -> io::Result<()> {
    let show = |time| made.style.time_format().show(time);
    let time = made.style.time_format().shown(hit.time);
    let [mut chunk, mut offset] = [itoa::Buffer::new(); 2];
    let (chunk, offset) = (chunk.format(hit.chunk), offset.format(hit.offset));
    let recovered = if hit.recovered { "true" } else { "false" };
    let more = [&time, hit.utc_time(), hit.record_id(), hit.rule_name(), hit.source(), chunk, offset, recovered];
    let background = made.processes.map(|processes| background::of_hit(processes, hit, show));
    let labels = made.labels.zip(found.as_ref()).map(|(labels, found)| labels::of_hit(labels, found));
    let ends = hit.ends().filter(|_| made.ends);
    let values = hit.fields().chain(more).chain(rule.iter().copied().flat_map(RuleInfo::columns)).chain(ends);
    let values = values.chain(made.community_id.then(|| hit.get(Field::CommunityId)));
    let known = background.iter().flatten().chain(labels.iter().flatten()).map(String::as_str);
    csv::push(rows, values.chain(known), made.style.cells)
}
