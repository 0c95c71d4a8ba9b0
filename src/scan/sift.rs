//! Sifting: from a block of a log's bytes to [`Findings`]. Pure: no files, no clock, no threads.
//!
//! Where chunks are is told here, and what is read of one in `used`. Where the bytes come from is the concern of `blocks` and `worker`, and on how many
//! threads this runs, that of [`crate::scan::pool`].

use std::ops::Range;

use crate::{
    error::{Defect, DefectKind},
    evtx::{
        chunk::{self, ChunkState, Layout},
        decoder::{Carving, Decoder, Loss},
        displaced::{self, Displaced},
    },
    magic::{self, CHUNK_SIZE, FILE_HEADER_SIZE},
    scan::{
        connections::Place,
        findings::{Findings, SourceFindings, SourceKey},
        plan::Plan,
        prefilter::Prefilter,
    },
    text,
};

/// How many of the first chunks of a source are asked whose it is, if their first records cannot be read.
const MOST_ASKED: u8 = 4;

/// Gives the bytes of a source in a range, as far as it has them.
pub type Around<'a> = &'a mut dyn FnMut(Range<u64>) -> Vec<u8>;

/// Sifts the blocks of one source.
#[derive(Debug)]
pub struct Sifter<'a> {
    pub(super) plan: &'a Plan,
    pub(super) decoder: &'a Decoder,
    pub(super) source: SourceKey,
    pub(super) found: &'a mut Findings,
    /// What was found in this source so far.
    pub part: SourceFindings,
    /// Whether there is nothing in the source but perhaps a file header.
    pub is_blank: bool,
    /// The other looks that name what is wrong: all of them, but for a chunk those that do not rule it out. What only this one decodes,
    /// it names itself.
    pub(super) named_by: Vec<&'a Prefilter>,
    /// How many more chunks are asked whose the source is.
    pub(super) to_ask: u8,
    /// Places without a chunk, for as long as no chunk is found; of a source whose blocks come one after another.
    held: Option<Vec<(Place, DefectKind, String)>>,
    /// Decodes the chunks that may hold what another look is for, with this one's providers, ids and times, but without its texts.
    pub(super) aside: Option<Box<Self>>,
    /// Looks for the processes of hits in the chunks of a log that has some.
    pub(super) along: Option<Box<Self>>,
}

impl<'a> Sifter<'a> {
    /// For blocks of the source with this name and number.
    pub fn new(plan: &'a Plan, decoder: &'a Decoder, source: &'a str, number: usize, found: &'a mut Findings) -> Self {
        Self {
            plan,
            decoder,
            source: SourceKey { name: source.to_owned(), number },
            found,
            part: SourceFindings::default(),
            is_blank: false,
            named_by: plan.before.iter().collect(),
            to_ask: 0,
            held: None,
            aside: None,
            along: None,
        }
    }

    /// The same, for all blocks of a source that is unpacked, one after another: of one that is not a log and has no chunk, it is said
    /// once. None goes along, as the number of the source can be that of several.
    #[must_use]
    pub fn of_whole(self) -> Self {
        Self { held: Some(Vec::new()), along: None, ..self }
    }

    /// The same, with another look at the same chunks, whose only concern is what is decoded, and one that looks for the processes of hits
    /// in all of them in which nothing is wrong.
    pub(super) fn with(self, [aside, along]: [Option<Self>; 2]) -> Self {
        let [aside, along] = [aside, along].map(|look| look.map(Box::new));
        Self { aside, along, ..self }
    }

    /// Adds what was found in the source to the findings.
    pub fn finish(mut self) {
        if self.part.header.is_some() {
            self.release();
        }
        if let Some(aside) = self.aside {
            aside.found.add(aside.source, aside.part);
        }
        self.found.add(self.source, self.part);
    }

    /// Sifts a block that starts at `offset` of the source: at the file header, or at a chunk. `around` gives the source's bytes
    /// in a range, as far as it has them; it is asked where a chunk is missing.
    pub fn block(&mut self, offset: u64, bytes: &[u8], around: Around<'_>) {
        self.part.tally.bytes += bytes.len() as u64;
        let (head, chunks) = bytes.split_at(if offset == 0 { FILE_HEADER_SIZE.min(bytes.len()) } else { 0 });
        if offset == 0 {
            self.part.tally.logs += 1;
            self.to_ask = MOST_ASKED;
            self.file_header(head);
            let first = chunks.get(..CHUNK_SIZE).unwrap_or(chunks);
            // Where the first chunk is damaged, it is searched from there.
            if !self.is_blank
                && chunk::state(first) != ChunkState::Damaged
                && (chunk::is_one(head) || displaced::may_start_in(head))
            {
                let bytes = around(displaced::surroundings(0));
                self.displaced_chunks(displaced::before(0, &bytes), &bytes);
            }
        }
        if self.is_blank {
            return;
        }
        let first = offset.saturating_sub(FILE_HEADER_SIZE as u64) / CHUNK_SIZE as u64;
        let mut behind = chunks;
        for number in first.. {
            let (bytes, rest) = behind.split_at(CHUNK_SIZE.min(behind.len()));
            if bytes.is_empty() {
                break;
            }
            behind = rest;
            self.chunk(Place::of(number), bytes, behind, around);
        }
    }

    /// Counts a file header or chunk at `offset` that cannot be read. `around` gives what can be, with zeros for the rest: a
    /// chunk that is out of place may start there.
    pub fn unreadable(&mut self, offset: u64, cause: &str, around: Around<'_>) {
        let chunk = offset.checked_sub(FILE_HEADER_SIZE as u64).map(|offset| offset / CHUNK_SIZE as u64);
        self.part.tally.chunks_unreadable += u64::from(chunk.is_some());
        self.defect(chunk, Some(offset), DefectKind::Read, cause);
        if let Some(number) = chunk
            && chunk::state(&around(chunk::offset(number)..chunk::offset(number + 1))) == ChunkState::Damaged
        {
            self.displaced(number, around);
        }
    }

    /// Counts and holds a defect at an offset of the source.
    pub fn defect(&mut self, chunk: Option<u64>, offset: Option<u64>, kind: DefectKind, cause: &str) {
        if !self.named_by.is_empty() {
            return;
        }
        *self.part.defects.entry(kind).or_default() += 1;
        let cause = text::printable(cause).into_owned();
        self.found.defects.add(Defect { path: self.source.name.clone(), chunk, line: None, offset, kind, cause });
    }

    fn file_header(&mut self, head: &[u8]) {
        let fault = match chunk::file_header(head) {
            Ok((header, fault)) => {
                self.part.header = Some(header);
                fault
            }
            Err(fault) => Some(fault),
        };
        if let Some((kind, cause)) = fault {
            self.defect(None, None, kind, &cause);
        }
    }

    fn chunk(&mut self, place: Place, bytes: &[u8], behind: &[u8], around: Around<'_>) {
        let cut_off = |sifter: &mut Self| {
            if bytes.len() < CHUNK_SIZE {
                let cause = format!("the log ends inside this chunk: {} of {CHUNK_SIZE} bytes", bytes.len());
                sifter.chunk_defect(place, DefectKind::Truncated, &cause);
            }
        };
        match chunk::state(bytes) {
            ChunkState::Unused if is_a_chunks_end(place, bytes, around) => {}
            ChunkState::Unused => {
                if let Some(along) = self.along.as_mut().filter(|_| bytes.len() == CHUNK_SIZE) {
                    along.found.looked.add(self.source.number, place.number);
                }
                cut_off(self);
                self.part.tally.chunks_unused += 1;
                self.part.unused_from = self.part.unused_from.or(Some(place.number));
            }
            ChunkState::Damaged => {
                let (covered, rest) = self.displaced(place.number, around);
                if !covered {
                    cut_off(self);
                    self.part.tally.chunks_unreadable += 1;
                    self.chunk_defect(place, DefectKind::ChunkMagic, "no chunk here: it does not start with ElfChnk");
                }
                if self.plan.terms.carving == Carving::Stale {
                    self.parse(place, &rest, &Layout::UNKNOWN);
                    if let Some(aside) = &mut self.aside {
                        aside.parse(place, &rest, &Layout::UNKNOWN);
                    }
                }
            }
            ChunkState::Used => {
                let own = self.own(place, bytes, behind, around);
                if own.len() == bytes.len() {
                    cut_off(self);
                }
                self.used_chunk(place, own, around);
            }
        }
    }

    /// What of a used chunk's bytes is its own: up to where one starts that is out of place, if there is no chunk behind it.
    /// Where what is behind is not searched, since there is nothing, that one is sifted here.
    fn own<'b>(&mut self, place: Place, bytes: &'b [u8], behind: &[u8], around: Around<'_>) -> &'b [u8] {
        let next = Place::of(place.number.saturating_add(1));
        let is_sound = match behind {
            // Of a block's last chunk, what is behind is read from the source: first as little as shows a chunk.
            [] => around(next.offset..next.offset.saturating_add(magic::CHUNK.len() as u64)) == magic::CHUNK,
            behind => behind.starts_with(magic::CHUNK),
        };
        if is_sound || !displaced::may_start_in(bytes) {
            return bytes;
        }
        let surroundings = around(displaced::surroundings(next.number));
        let found = displaced::before(next.number, &surroundings);
        let start = found.first().and_then(|first| usize::try_from(first.offset - place.offset).ok());
        let Some(own) = start.and_then(|start| bytes.get(..start)) else { return bytes };
        let cause = format!("this chunk is cut off: {} of {CHUNK_SIZE} bytes", own.len());
        self.chunk_defect(place, DefectKind::Truncated, &cause);
        let behind = surroundings.get(CHUNK_SIZE..).unwrap_or_default();
        if chunk::state(behind.get(..CHUNK_SIZE).unwrap_or(behind)) != ChunkState::Damaged {
            self.displaced_chunks(found, &surroundings);
        }
        own
    }

    /// Sifts what is around a place where no chunk is. Returns whether chunks cover some of it, and what they do not.
    fn displaced(&mut self, number: u64, around: Around<'_>) -> (bool, Vec<u8>) {
        let bytes = around(displaced::surroundings(number));
        let found = displaced::find(number, &bytes);
        self.displaced_chunks(found.chunks, &bytes);
        (found.covered, found.rest)
    }

    /// Sifts chunks that are out of place, which are in these bytes.
    fn displaced_chunks(&mut self, found: Vec<Displaced>, bytes: &[u8]) {
        for chunk in found {
            let place = Place { number: chunk.number, offset: chunk.offset };
            let bytes = bytes.get(chunk.range.clone()).unwrap_or_default();
            if !chunk.continues {
                let cause = format!("the chunks from here on are {} their places", chunk.shift());
                self.chunk_defect(place, DefectKind::Displaced, &cause);
            }
            if bytes.len() < CHUNK_SIZE {
                let cause = format!("this chunk is cut off: {} of {CHUNK_SIZE} bytes", bytes.len());
                self.chunk_defect(place, DefectKind::Truncated, &cause);
            }
            self.part.tally.chunks_displaced += 1;
            self.used_chunk(place, bytes, &mut |_| Vec::new());
        }
    }

    /// Names the places without a chunk that were held.
    pub(super) fn release(&mut self) {
        for (place, kind, cause) in self.held.take().unwrap_or_default() {
            self.chunk_defect(place, kind, &cause);
        }
    }

    pub(super) fn chunk_defect(&mut self, place: Place, kind: DefectKind, cause: &str) {
        // So many of them are not just a file that was mistaken for a log.
        const MOST_HELD: usize = 1 << 12;
        if let Some(held) = self.held.as_mut().filter(|held| held.len() < MOST_HELD) {
            return held.push((place, kind, cause.to_owned()));
        }
        self.release();
        self.defect(Some(place.number), Some(place.offset), kind, cause);
    }

    pub(super) fn lose(&mut self, place: Place, losses: Vec<Loss>) {
        for loss in losses {
            let offset = place.offset.saturating_add(loss.offset.unwrap_or(0));
            self.defect(Some(place.number), Some(offset), loss.kind, &loss.cause);
        }
    }
}

/// Whether a place without anything in it, at the end of the source, is the end of a chunk that is out of place.
fn is_a_chunks_end(place: Place, bytes: &[u8], around: Around<'_>) -> bool {
    if bytes.len() == CHUNK_SIZE {
        return false;
    }
    let end = place.offset.saturating_add(bytes.len() as u64);
    let before = displaced::before(place.number, &around(displaced::surroundings(place.number)));
    before.last().is_some_and(|chunk| chunk.offset.saturating_add(chunk.range.len() as u64) >= end)
}
