//! [`Exports`]: the events of an export, taken into the findings as those of a log are.

use std::io::{self, Read};

use crate::{
    connection::{glossary::Connection, security, sysmon},
    error::{Defect, DefectKind},
    evidence::{
        digest::{Digests, Hasher},
        export::Export,
    },
    evtx::{
        event::Event,
        exported::{export, text::Place},
    },
    scan::{
        connections::{self, Connections},
        findings::{Findings, SourceFindings, SourceKey},
        plan::Plan,
    },
    text,
};

/// What is wrong with a connection that states nothing of itself.
const UNKNOWN_NAMES: &str =
    "the connection states neither a process, nor an address, nor a port: the names of its fields are not known";

/// An export that is taken into the findings, from its start to its end.
pub(super) struct Exports<'a> {
    plan: &'a Plan,
    source: SourceKey,
    found: &'a mut Findings,
    pub(super) part: SourceFindings,
    /// Takes the same events for another look.
    aside: Option<Box<Self>>,
}

impl<'a> Exports<'a> {
    /// Nothing of it yet.
    pub(super) fn new(plan: &'a Plan, source: SourceKey, found: &'a mut Findings) -> Self {
        Self { plan, source, found, part: SourceFindings::default(), aside: None }
    }

    /// The same, with another look at the same events.
    pub(super) fn with(self, aside: Option<Self>) -> Self {
        Self { aside: aside.map(Box::new), ..self }
    }

    /// Takes all of a stream, and hashes it if there is a hasher. The digests are those of an export that was read whole.
    pub(super) fn take(&mut self, export: Export, stream: &mut dyn Read, hasher: Option<Hasher>) -> Option<Digests> {
        let mut stream = Counted { inner: stream, size: 0, hasher };
        let read = export::read(export, &mut stream, &mut |place, event| match event {
            Ok(event) if self.is_unknown(&event) => {
                self.defect(Some(place.line), place.offset, DefectKind::Record, UNKNOWN_NAMES);
            }
            Ok(event) => {
                self.event(place, &event);
                if let Some(aside) = &mut self.aside {
                    aside.event(place, &event);
                }
            }
            Err(fault) => self.defect(Some(place.line), place.offset, fault.kind, &fault.cause),
        });
        self.part.tally.logs += 1;
        self.part.tally.bytes += stream.size;
        if let Err(error) = read {
            self.defect(None, stream.size, DefectKind::Read, &format!("cannot read on: {error}"));
            return None;
        }
        stream.hasher.map(Hasher::finish)
    }

    /// Counts and holds a defect.
    pub(super) fn defect(&mut self, line: Option<u64>, offset: u64, kind: DefectKind, cause: &str) {
        // All of an export was read at the first look.
        if !self.plan.before.is_empty() {
            return;
        }
        *self.part.defects.entry(kind).or_default() += 1;
        let cause = text::printable(cause).into_owned();
        let (path, offset) = (self.source.name.clone(), Some(offset));
        self.found.defects.add(Defect { path, chunk: None, line, offset, kind, cause });
    }

    /// Adds what was found to the findings.
    pub(super) fn finish(self) {
        if let Some(aside) = self.aside {
            aside.found.add(aside.source, aside.part);
        }
        self.found.add(self.source, self.part);
    }

    /// Whether an event is a connection whose fields the program that exported it has renamed in a way that is not known.
    fn is_unknown(&self, event: &Event<'_>) -> bool {
        let connection = self.plan.terms.logged_by.connection(event);
        connection.is_some_and(|connection| {
            let Connection { app, src, src_port, dest, dest_port, .. } = &connection;
            [app, src, src_port, dest, dest_port].iter().all(|value| value.is_empty())
        })
    }

    fn event(&mut self, place: Place, event: &Event<'_>) {
        let logged_by = self.plan.terms.logged_by;
        if self.part.tally.records_read == 0 {
            self.part.coverage.starts_with(event, logged_by);
        }
        if let Some(time) = sysmon::time(&event.system_time) {
            self.part.coverage.reaches(time);
        }
        self.part.tally.records_read += 1;
        if logged_by.providers().contains(&&*event.provider) {
            self.part.tally.chunks_sysmon = 1;
            self.part.coverage.is_sysmon = Some(true);
        } else if self.plan.before.is_empty() && security::is_connection(event) {
            self.part.tally.security_unread += 1;
        }
        let at = connections::Place { number: place.line, offset: place.offset };
        let mut connections = Connections::new(self.plan, &self.source, at, self.found, &mut self.part);
        connections.take(event);
        for loss in connections.losses {
            self.defect(Some(place.line), place.offset, loss.kind, &loss.cause);
        }
    }
}

/// A stream whose bytes are counted, and hashed if there is a hasher.
struct Counted<'a> {
    inner: &'a mut dyn Read,
    size: u64,
    hasher: Option<Hasher>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.inner.read(buffer)?;
        self.size += size as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(buffer.get(..size).unwrap_or_default());
        }
        Ok(size)
    }
}
