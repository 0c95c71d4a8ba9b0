//! [`Worker`]: what one thread does with a unit of a scan: opens it, reads or unpacks it, hashes it, and has each of its looks sift it.

use std::{fs::File, io::Read};

use crate::{
    error::{Defect, DefectKind},
    evidence::{
        aligned::Aligned,
        archive::{limits::Limits, unpack},
        digest::{Digests, Hasher},
        export::{self, Export},
        read,
        source::{Kind, Packing, Source},
    },
    evtx::decoder::Decoder,
    scan::{
        along::Along,
        blocks::{BUFFER_SIZE, read_block, scan_stream},
        exports::Exports,
        findings::{Findings, SourceKey},
        others::{Found, Others},
        plan::Plan,
        sift::Sifter,
        units::{Blocks, Unit, block},
    },
    text,
};

/// What a thread works with.
pub(super) struct Worker<'a> {
    looks: Looks<'a>,
    limits: &'a Limits,
    /// Gives a hasher for a source, if sources are hashed.
    hasher: &'a dyn Fn() -> Option<Hasher>,
    buffer: Aligned,
    /// The log it read last, still open.
    open: Option<(&'a Source, File)>,
}

/// The look that a scan is for, and perhaps others beside it.
struct Looks<'a> {
    own: Look<'a>,
    aside: Option<Look<'a>>,
    /// One for the processes of hits, which goes along in the logs that are files of their own.
    along: Option<Look<'a>>,
}

/// What is looked for, and what was found of it.
struct Look<'a> {
    plan: &'a Plan,
    decoder: Decoder,
    findings: Findings,
}

impl Looks<'_> {
    /// Sifts the source with this name and number for all of them.
    fn sifter<'s>(&'s mut self, name: &'s str, number: usize) -> Sifter<'s> {
        let Self { own, aside, along } = self;
        let others = [aside, along].map(|look| look.as_mut().map(|look| look.sifter(name, number)));
        own.sifter(name, number).with(others)
    }

    /// Takes the events of the export with this name and number for the two that read exports.
    fn exports<'s>(&'s mut self, name: &'s str, number: usize) -> Exports<'s> {
        let aside = self.aside.as_mut().map(|aside| aside.exports(name, number));
        self.own.exports(name, number).with(aside)
    }
}

impl<'a> Look<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self { plan, decoder: Decoder::new(plan.terms.carving), findings: Findings::new(plan) }
    }

    fn sifter<'s>(&'s mut self, name: &'s str, number: usize) -> Sifter<'s> {
        Sifter::new(self.plan, &self.decoder, name, number, &mut self.findings)
    }

    fn exports<'s>(&'s mut self, name: &str, number: usize) -> Exports<'s> {
        Exports::new(self.plan, SourceKey { name: name.to_owned(), number }, &mut self.findings)
    }
}

impl<'a> Worker<'a> {
    /// For a scan by a plan, and other looks beside it if there are to be some. What archives may do is limited, and all is hashed if there
    /// are hashers.
    pub(super) fn new(
        plan: &'a Plan,
        others: &'a Others,
        limits: &'a Limits,
        hasher: &'a dyn Fn() -> Option<Hasher>,
    ) -> Self {
        let aside = others.aside.as_ref().map(|aside| Look::new(&aside.plan));
        let looks = Looks { own: Look::new(plan), aside, along: others.along.as_ref().map(Look::new) };
        Self { looks, limits, hasher, buffer: Aligned::new(BUFFER_SIZE), open: None }
    }

    /// What was found, and what the other looks have found, as far as there are any.
    pub(super) fn finish(self) -> Found {
        let [aside, along] = [self.looks.aside, self.looks.along].map(|look| look.map(|look| look.findings));
        Found { own: self.looks.own.findings, aside, along }
    }

    /// Whether there is a hit of the scan's own.
    pub(super) fn has_hit(&self) -> bool {
        self.looks.own.findings.has_hit
    }

    /// Does a unit of work.
    pub(super) fn work(&mut self, unit: &Unit<'a>, progress: &dyn Fn(u64)) {
        match unit {
            Unit::Archive(archive) => {
                let mut left = archive.size;
                let Some(hasher) = (self.hasher)() else { return };
                let digests = hash(archive, (0, hasher), &mut self.buffer, &mut |bytes| {
                    left = left.saturating_sub(bytes);
                    progress(bytes);
                });
                progress(left);
                self.note_digests(archive, digests, &[]);
            }
            Unit::Blocks(blocks) => {
                match (&blocks.source.packing, blocks.source.kind) {
                    _ if self.has_nothing(blocks) => {}
                    (Packing::Plain, Kind::Export(export)) => self.scan_export(export, blocks),
                    (Packing::Plain, _) => self.scan_log(blocks),
                    _ => self.scan_archive(blocks),
                }
                progress(blocks.size());
            }
        }
    }

    /// Looks no more for what is looked for beside.
    pub(super) fn drop_aside(&mut self) {
        self.looks.aside = None;
    }

    /// Whether nothing of what is left to be read is in it, if that is all that is read, or all of it was looked at.
    fn has_nothing(&self, blocks: &Blocks<'_>) -> bool {
        let plan = self.looks.own.plan;
        let is_left_out = plan.rest().is_some_and(|rest| !rest.is_around(blocks.number, blocks.reach()));
        let Along::Went(looked) = &plan.along else { return is_left_out };
        is_left_out || blocks.chunks().is_some_and(|mut chunks| chunks.all(|chunk| looked.has(blocks.number, chunk)))
    }

    /// Scans some blocks of a log.
    fn scan_log(&mut self, unit: &Blocks<'a>) {
        let Self { looks, hasher, buffer, open, .. } = self;
        let mut sifter = looks.sifter(&unit.source.name, unit.number);
        sifter.is_blank = unit.source.kind == Kind::Blank;
        let file = match open {
            Some((source, file)) if std::ptr::eq(*source, unit.source) => file,
            _ => match File::open(&unit.source.path) {
                Ok(file) => &open.insert((unit.source, file)).1,
                Err(error) => {
                    sifter.defect(None, None, DefectKind::Path, &error.to_string());
                    return sifter.finish();
                }
            },
        };
        let read = |bytes: &mut [u8], at| read::read_at(file, bytes, at);
        let mut hasher = hasher();
        for (offset, size) in unit.range.clone().map_while(|number| block(unit.source.size, number)) {
            let buffer = buffer.get_mut(..usize::try_from(size).unwrap_or(0)).unwrap_or_default();
            let whole = read_block(&read, buffer, offset, &mut sifter);
            hasher = hasher.filter(|_| whole);
            if let Some(hasher) = &mut hasher {
                hasher.update(buffer);
            }
        }
        sifter.part.digests = hasher.map(Hasher::finish);
        sifter.finish();
    }

    /// Scans events that were exported.
    fn scan_export(&mut self, export: Export, unit: &Blocks<'a>) {
        let source = unit.source;
        let mut exports = self.looks.exports(&source.name, unit.number);
        let file = match File::open(&source.path) {
            Ok(file) => file,
            Err(error) => {
                exports.defect(None, 0, DefectKind::Path, &error.to_string());
                return exports.finish();
            }
        };
        let digests = exports.take(export, &mut file.take(source.size), (self.hasher)());
        let missing = source.size.saturating_sub(exports.part.tally.bytes);
        exports.part.digests = digests.filter(|_| missing == 0);
        if missing > 0 {
            let cause = format!("{missing} bytes are gone since the log was found");
            exports.defect(None, source.size - missing, DefectKind::Changed, &cause);
        }
        exports.finish();
    }

    /// Scans the logs in an archive, or in a member of one, as they are unpacked. A packed stream, such as a gzip or a tar file, is hashed as it is read.
    fn scan_archive(&mut self, unit: &Blocks<'a>) {
        let Self { looks, limits, hasher, buffer, .. } = self;
        let is_stream = matches!(unit.source.packing, Packing::Stream(_));
        let (mut packed_hasher, mut at) = (hasher().filter(|_| is_stream), 0);
        let mut packed = |bytes: &[u8]| {
            if let Some(hasher) = &mut packed_hasher {
                hasher.update(bytes);
                at += bytes.len() as u64;
            }
        };
        let defects = unpack::unpack(unit.source, limits, &mut packed, &mut |name, log| {
            let (export, mut log) = export::peeked(log);
            if let Some(export) = export {
                let mut exports = looks.exports(name, unit.number);
                exports.part.digests = exports.take(export, &mut log, hasher());
                exports.finish();
            } else {
                let mut sifter = looks.sifter(name, unit.number).of_whole();
                sifter.part.digests = scan_stream(&mut log, buffer, hasher(), &mut sifter);
                sifter.finish();
            }
        });
        if let Some(hasher) = packed_hasher {
            // What the reader had no use for is still part of the file.
            let digests = hash(unit.source, (at, hasher), buffer, &mut |_| {});
            self.note_digests(unit.source, digests, &defects);
        }
        for defect in defects {
            let mut sifter = self.looks.sifter(&defect.path, unit.number);
            sifter.defect(defect.chunk, defect.offset, defect.kind, &defect.cause);
            sifter.finish();
        }
    }

    /// Keeps the digests of an archive, or why there are none, unless that is known.
    fn note_digests(&mut self, archive: &Source, digests: Result<Digests, Defect>, known: &[Defect]) {
        let findings = &mut self.looks.own.findings;
        if let Err(defect) = &digests
            && !known.contains(defect)
        {
            findings.defects.add(defect.clone());
        }
        findings.archives.insert(archive.path.clone(), digests.ok());
    }
}

/// Hashes an archive as the file that it is, up to the size it had when it was found, from where the hasher has come to. An
/// error is why not all of it could be read.
fn hash(
    archive: &Source,
    (mut at, mut hasher): (u64, Hasher),
    buffer: &mut [u8],
    progress: &mut dyn FnMut(u64),
) -> Result<Digests, Defect> {
    if at < archive.size {
        let file =
            File::open(&archive.path).map_err(|error| Defect::of_path(&archive.path, DefectKind::Path, &error))?;
        while at < archive.size {
            let left = usize::try_from(archive.size - at).unwrap_or(usize::MAX).min(buffer.len());
            let part = buffer.get_mut(..left).unwrap_or_default();
            let size = read::read_at(&file, part, at)
                .map_err(|error| archive_defect(archive, at, DefectKind::Read, &format!("cannot read on: {error}")))?;
            hasher.update(part.get(..size).unwrap_or_default());
            at += size as u64;
            progress(size as u64);
            if size < left {
                return Err(archive_defect(archive, at, DefectKind::Changed, &gone(archive.size - at)));
            }
        }
    }
    Ok(hasher.finish())
}

/// What is wrong with an archive that has become smaller.
pub(super) fn gone(bytes: u64) -> String {
    format!("{bytes} bytes are gone since the archive was found")
}

pub(super) fn archive_defect(archive: &Source, offset: u64, kind: DefectKind, cause: &str) -> Defect {
    let cause = text::printable(cause).into_owned();
    Defect { path: archive.name.clone(), chunk: None, line: None, offset: Some(offset), kind, cause }
}
