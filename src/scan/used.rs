//! A used chunk, sifted: which of its records can matter, how they are read, and what is wrong with it.
//!
//! The other half of the [`Sifter`], which tells where chunks are.

use std::{collections::BTreeSet, mem};

use crate::{
    connection::salvage,
    error::DefectKind,
    evtx::{
        candidates::Candidates,
        chunk::{self, Layout},
        decoder::{Carving, Loss},
        misfit::Misfit,
        record::{self, Record},
    },
    magic::CHUNK_SIZE,
    scan::{
        along::Along,
        connections::{Connections, Place},
        kin::{self, Rest},
        plan::Decoding,
        prefilter::Prefilter,
        sift::{Around, Sifter},
        unread,
    },
};

impl<'a> Sifter<'a> {
    pub(super) fn used_chunk(&mut self, place: Place, bytes: &[u8], around: Around<'_>) {
        let is_in = |rest: &Rest| rest.is_in(kin::Place { source: self.source.number, offset: place.offset });
        if !self.plan.rest().is_none_or(is_in) || self.was_looked_at(place) {
            return;
        }
        self.release();
        self.part.used_to = self.part.used_to.max(Some(place.number));
        let (layout, faults) = chunk::layout(bytes);
        // A look before has named what is wrong with the sum.
        let sum = if self.plan.before.is_empty() { chunk::records_fault(bytes) } else { None };
        let checksums = chunk::checksums(bytes).filter(|_| faults.is_empty() && sum.is_none());
        let hits = self.part.tally.live_hits();
        for (kind, cause) in faults.into_iter().chain(sum) {
            self.chunk_defect(place, kind, &cause);
        }
        let layout = self.unstated(place, bytes, around, &layout).unwrap_or(layout);
        self.part.tally.chunks_unchecked += u64::from(!chunk::states_checksums(bytes));
        let is_named = self.plan.prefilter.names_provider(bytes);
        self.part.tally.chunks_sysmon += u64::from(is_named);
        let records = record::walk(bytes, layout.end);
        if let Some(records) = &records {
            self.cover(bytes, records, &layout);
            self.follow_ids(bytes, records);
            self.miscopied_sizes(place, bytes, records);
        }
        let records = records.as_deref();
        let prefilter = &self.plan.prefilter;
        let mut candidates = prefilter.candidates(bytes);
        let may_be = records.is_none_or(|records| self.may_be_in(prefilter, &mut candidates, is_named, records));
        // What a record hides can be anything, and is named in any case.
        let hides = || records.is_some_and(|records| record::hide_others(bytes, records));
        let mut has_none = || match records {
            Some(records) if may_be => self.has_no_text_among(prefilter, bytes, &mut candidates, records),
            _ => !may_be,
        };
        let is_ruled_out = self.plan.decoding == Decoding::Candidates && has_none() && !hides();
        if let Some(aside) = self.aside.as_mut().filter(|_| may_be) {
            let unread = aside.part.tally.security_unread;
            aside.decode(place, bytes, layout, records);
            if records.is_none() || !is_ruled_out || !is_named {
                // Those of this chunk are counted here.
                aside.part.tally.security_unread = unread;
            }
        }
        let is_sound = match records {
            Some(records) if is_ruled_out => {
                self.part.tally.chunks_ruled_out += 1;
                self.part.tally.records_ruled_out += records.len() as u64;
                if !is_named {
                    self.count_unread(bytes, records, &layout);
                }
                true
            }
            records => self.decode(place, bytes, layout, records),
        };
        let hits = self.part.tally.live_hits().saturating_sub(hits);
        if let Some(checksums) = checksums.filter(|_| hits > 0) {
            self.found.repeats.meet(checksums, hits, self.source.number);
        }
        if let (Some(along), Some(behind)) = (&mut self.along, &mut self.found.behind) {
            let looked = &mut along.found.looked;
            looked.wanted.extend(behind.new_ones());
            if hits > 0 {
                looked.has_hit(self.source.number);
            }
            if let Some(records) = records.filter(|_| is_sound) {
                along.follow(place, bytes, layout, records, is_named);
            }
        }
    }

    /// Whether a look that went along with the scan has found all that is in a chunk.
    fn was_looked_at(&self, place: Place) -> bool {
        let Along::Went(looked) = &self.plan.along else { return false };
        place.is_regular() && looked.has(self.source.number, place.number)
    }

    /// Looks along at a chunk in which nothing is wrong, if it is one of a log that has hits. One that only the parser can read, or in
    /// which it turns out that something is wrong, is left for the look that comes after the scan.
    fn follow(&mut self, place: Place, bytes: &[u8], layout: Layout, records: &[Record], is_named: bool) {
        let number = self.source.number;
        if !self.found.looked.follows(number) || !place.is_regular() || bytes.len() < CHUNK_SIZE {
            return;
        }
        let layout = Layout { last_id: None, ..layout };
        let prefilter = &self.plan.prefilter;
        let may_be = is_named && prefilter.may_be_in(&mut prefilter.candidates(bytes), Some(records));
        if !may_be || self.read_typed(place, bytes, &layout).is_some_and(|losses| losses.is_empty()) {
            self.found.looked.add(number, place.number);
        }
    }

    /// Decodes a chunk: without the parser if its records, which follow each other to the end, are as Windows writes them. Returns whether
    /// they are, and hide nothing.
    fn decode(&mut self, place: Place, bytes: &[u8], layout: Layout, records: Option<&[Record]>) -> bool {
        self.part.tally.chunks_decoded += 1;
        let Some(records) = records else {
            let parsed = self.parse(place, bytes, &layout);
            self.cover(bytes, &parsed.read, &layout);
            self.follow_ids(bytes, &parsed.read);
            self.miscopied_sizes(place, bytes, &parsed.read);
            self.count_unread(bytes, &parsed.read, &layout);
            self.unread_records(place, bytes, &layout, &parsed);
            return false;
        };
        // Such records need no id to end with, which a forged header could state too early.
        let layout = Layout { last_id: None, ..layout };
        let mended = record::mend(bytes, records);
        for &hidden in mended.iter().flat_map(|mended| &mended.hidden) {
            let at = Some(place.offset.saturating_add(hidden as u64));
            self.defect(Some(place.number), at, DefectKind::Hidden, "a record is hidden in the one before it");
        }
        let whole = mended.as_ref().map_or(bytes, |mended| &mended.chunk);
        let losses = self.read_typed(place, whole, &layout);
        let is_typed = losses.is_some();
        if let Some(losses) = losses {
            self.lose(place, losses);
        } else {
            self.named_by = self.decoded_by(bytes, records);
            self.parse(place, whole, &layout);
            self.named_by = self.plan.before.iter().collect();
            self.count_unread(whole, records, &layout);
        }
        is_typed && mended.is_none()
    }

    /// Counts what Security-Auditing has logged in a chunk and is not read.
    fn count_unread(&mut self, bytes: &[u8], records: &[Record], layout: &Layout) {
        if self.plan.counts_unread() {
            self.part.tally.security_unread += unread::count(&self.plan.prefilter, bytes, records, layout);
        }
    }

    /// The layout of a chunk whose header states no records and behind which the log's records go on.
    fn unstated(&mut self, place: Place, bytes: &[u8], around: Around<'_>, layout: &Layout) -> Option<Layout> {
        let unstated = chunk::unstated(bytes, layout)?;
        let mut ids_at = |offset: u64| chunk::ids(&around(offset..offset.saturating_add(CHUNK_SIZE as u64)));
        let before = place.offset.checked_sub(CHUNK_SIZE as u64).and_then(&mut ids_at);
        let behind = ids_at(place.offset.saturating_add(CHUNK_SIZE as u64));
        let (first, last) = (*unstated.ids.start(), *unstated.ids.end());
        let goes_on = before.as_ref().map(|ids| ids.end().checked_add(1) == Some(first));
        let is_gone_on_from = behind.as_ref().map(|ids| last.checked_add(1) == Some(*ids.start()));
        // What the chunks at its sides say counts; without any, what its own header says, or the first id of a log.
        let is_part = match (goes_on, is_gone_on_from) {
            (None, None) => unstated.is_announced || first == 1,
            (before, behind) => before == Some(true) || behind == Some(true),
        };
        if !is_part {
            return None;
        }
        if is_gone_on_from == Some(true) {
            let cause =
                format!("the chunk header states no records; records {first} to {last} stand there and are read");
            self.chunk_defect(place, DefectKind::ChunkHeader, &cause);
        }
        Some(unstated.layout)
    }

    /// Takes from a chunk when its records are of, and from one of the first of the source whose it is.
    fn cover(&mut self, chunk: &[u8], records: &[Record], layout: &Layout) {
        // In many a log the header of the last record has no time.
        let time = |record: &Record| record.id_and_time(chunk).and_then(|(_, ticks)| record::stated_time(ticks));
        let times = [records.iter().find_map(time), records.iter().rev().find_map(time)];
        times.into_iter().flatten().for_each(|time| self.part.coverage.reaches(time));
        if let (Some(first), Some(left)) = (records.first(), self.to_ask.checked_sub(1))
            && self.part.coverage.host.is_empty()
        {
            self.to_ask = left;
            let end = usize::try_from(first.start()).unwrap_or(0).saturating_add(first.whole());
            let first = Layout { end, last_id: None, ..*layout };
            let (coverage, logged_by) = (&mut self.part.coverage, self.plan.terms.logged_by);
            self.decoder.decode(
                chunk,
                &first,
                |_, carved| !carved,
                |event| coverage.starts_with(event, logged_by),
                drop,
            );
        }
    }

    fn follow_ids(&mut self, chunk: &[u8], records: &[Record]) {
        if self.plan.follow_ids {
            records.iter().filter_map(|record| record.id_and_time(chunk)).for_each(|id| self.part.ids.add(id));
        }
    }

    /// Names the records whose sizes at their starts and at their ends differ. They are read by the first.
    fn miscopied_sizes(&mut self, place: Place, chunk: &[u8], records: &[Record]) {
        for record in records {
            if let Some((size, copy)) = record::miscopied(chunk, *record) {
                let at = Some(place.offset.saturating_add(record.start()));
                let cause = format!("the record's size is {size} at its start and {copy} at its end");
                self.defect(Some(place.number), at, DefectKind::RecordSize, &cause);
            }
        }
    }

    /// Names the records that are in a chunk with a gap between its records, by all signs, and were not read.
    fn unread_records(&mut self, place: Place, bytes: &[u8], layout: &Layout, parsed: &Parsed) {
        let mut unread = record::unread(bytes, layout.end, &parsed.read);
        // What cannot be decoded is named by itself.
        unread.retain(|start| !parsed.lost.contains(&(*start as u64)));
        if let (Some(first), Carving::Live) = (unread.first(), self.plan.terms.carving) {
            let at = Some(place.offset.saturating_add(*first as u64));
            let cause = format!("{} more of the chunk's records are not read: --recover reads them", unread.len());
            self.defect(Some(place.number), at, DefectKind::Unread, &cause);
        }
        let last = parsed.read.iter().filter_map(|record| record.id_and_time(bytes)).map(|(id, _)| id).max();
        if layout.last_id.is_some_and(|stated| Some(stated) != last) && unread.is_empty() {
            let cause = format!("the chunk header's last record, {}, is not there", layout.last_id.unwrap_or(0));
            self.chunk_defect(place, DefectKind::Missing, &cause);
        }
    }

    /// The other looks that do not rule a chunk out.
    fn decoded_by(&self, chunk: &[u8], records: &[Record]) -> Vec<&'a Prefilter> {
        let is_all = self.plan.decoding == Decoding::Everything;
        let may_match = |before: &Prefilter| {
            let mut candidates = before.candidates(chunk);
            self.may_be_in(before, &mut candidates, before.names_provider(chunk), records)
                && !self.has_no_text_among(before, chunk, &mut candidates, records)
        };
        self.plan.before.iter().filter(|before| is_all || may_match(before)).collect()
    }

    /// Whether none of these records has one of the texts that are looked for.
    fn has_no_text_among(
        &self,
        prefilter: &Prefilter,
        chunk: &[u8],
        candidates: &mut Candidates<'_>,
        records: &[Record],
    ) -> bool {
        if prefilter.has_text(chunk) {
            return false;
        }
        let wanted = records.iter().copied().filter(|&record| prefilter.may_be(record, candidates));
        // Of what is carved, the parser reads more than these.
        let is_live = self.plan.terms.carving == Carving::Live;
        !is_live || self.plan.extent().is_some_and(|extent| self.decoder.are_whole(chunk, wanted, extent))
    }

    /// Whether a chunk can hold what is looked for, but for the texts in it.
    fn may_be_in(
        &self,
        prefilter: &Prefilter,
        candidates: &mut Candidates<'_>,
        is_named: bool,
        records: &[Record],
    ) -> bool {
        // What is carved is not among the records. An old one needs no name of its provider in the chunk: that can be overwritten.
        let records = (self.plan.terms.carving == Carving::Live).then_some(records);
        (is_named || records.is_none()) && prefilter.may_be_in(candidates, records)
    }

    /// Takes the records of a chunk that follow each other to the end, without the parser, if that can be. Then nothing of it is lost but
    /// what is said of connections, which is returned and no look before this one has named.
    fn read_typed(&mut self, place: Place, bytes: &[u8], layout: &Layout) -> Option<Vec<Loss>> {
        let typed = self.decoder.typed(bytes, layout, self.plan.extent()?)?;
        let mut connections = Connections::new(self.plan, &self.source, place, self.found, &mut self.part);
        connections.take_typed(&typed);
        let losses = connections.losses;
        self.part.tally.records_read += typed.rows().len() as u64;
        Some(losses)
    }

    /// Decodes a chunk by the parser, and returns the records that are part of the log.
    pub(super) fn parse(&mut self, place: Place, bytes: &[u8], layout: &Layout) -> Parsed {
        let plan = self.plan;
        let is_all = plan.decoding == Decoding::Everything;
        let mut candidates = plan.prefilter.candidates(bytes);
        let mut others: Vec<_> = self.named_by.iter().map(|other| (*other, other.candidates(bytes))).collect();
        // Where the records start that no other look decodes.
        let mut own = Vec::new();
        let (mut read, mut carved_out, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        let (mut losses, mut misfits): (Vec<Loss>, Vec<Loss>) = (Vec::new(), Vec::new());
        let mut connections = Connections::new(plan, &self.source, place, self.found, &mut self.part);
        self.decoder.decode(
            bytes,
            layout,
            |record, carved| {
                if carved {
                    carved_out.push(record);
                } else {
                    read.push(record);
                }
                let may_be = plan.prefilter.may_be(record, &mut candidates);
                let is_own = may_be && !others.iter_mut().any(|(other, candidates)| other.may_be(record, candidates));
                if is_own && !is_all && !others.is_empty() {
                    own.push(record.start());
                }
                let misfit = if may_be || is_all { Misfit::of(bytes, record) } else { None };
                // What was carved and does not fit was not a record, unless it says that it is a connection.
                let is_named = is_own && !carved;
                misfits.extend(misfit.filter(|_| is_named).map(|misfit| of_misfit(record, misfit)));
                misfit.is_none() && (may_be || is_all)
            },
            |event| {
                if event.recovered {
                    taken.push(event.place);
                    connections.take_old(event.place, salvage::read(bytes, event.place), Some(event));
                } else {
                    connections.take(event);
                }
            },
            |loss| losses.push(loss),
        );
        if plan.terms.carving == Carving::Stale {
            let old = record::old(bytes, &[read.as_slice(), &taken].concat());
            connections.take_all_old(bytes, &old, &mut carved_out);
        }
        let is_own = |loss: &mut Loss| loss.offset.is_some_and(|start| own.contains(&start));
        misfits.extend(losses.extract_if(.., is_own));
        // What the parser could not read was looked at again, as old records are.
        let named: BTreeSet<Option<u64>> = losses.iter().chain(&misfits).map(|loss| loss.offset).collect();
        losses.extend(mem::take(&mut connections.losses).into_iter().filter(|loss| !named.contains(&loss.offset)));
        self.part.tally.records_read += read.len() as u64;
        self.part.tally.records_recovered += carved_out.len() as u64;
        let lost = losses.iter().chain(&misfits).filter_map(|loss| loss.offset).collect();
        self.lose(place, losses);
        // What no other look decodes.
        let named_by = mem::take(&mut self.named_by);
        self.lose(place, misfits);
        self.named_by = named_by;
        Parsed { read, lost }
    }
}

/// What the parser made of a chunk.
pub(super) struct Parsed {
    /// The records that it read, in its order.
    read: Vec<Record>,
    /// Where the records start that it could not decode.
    lost: BTreeSet<u64>,
}

/// What is lost of a record with values whose sizes cannot be.
fn of_misfit(record: Record, misfit: Misfit) -> Loss {
    Loss { offset: Some(record.start()), kind: DefectKind::Record, cause: misfit.to_string() }
}
