//! Mutants: logs with damage done to them at random, the same for the same seed.

use crate::{
    fixtures::{Fixture, Structure},
    mending,
};

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // Seeds that are next to each other would give overlapping sequences.
        Self(Self(seed).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Numbers that mean something: value types and tokens, sizes of headers, ends of types, offsets around a chunk's.
const NUMBERS: [u32; 22] = [
    0,
    1,
    2,
    3,
    0x0d,
    0x0e,
    0x18,
    0x1c,
    0x21,
    0x7f,
    0x80,
    0xff,
    0x200,
    0x20e,
    0x7fff,
    0xffff,
    0x1_0000,
    0x1_0200,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff0,
    0xffff_ffff,
];

/// A mutant of one of the fixtures: up to six kinds of damage, and in half of them mended checksums.
pub fn mutant(random: &mut Random, fixtures: &[Fixture]) -> Vec<u8> {
    let fixture = random.pick(fixtures);
    let mut log = fixture.log.clone();
    for _ in 0..1 + random.below(6) {
        damage(random, &mut log, fixture, fixtures);
    }
    if random.below(2) == 0 {
        mending::log(&mut log);
    }
    // Something is lost, such as the file header, or comes in between, so that what is behind is out of place.
    if random.below(20) == 0 {
        let at = [0, place(random, &log, fixture), 4096][random.below(3)];
        let by = [8, 512, 4096, 20_000][random.below(4)];
        let end = (at + [0, by][random.below(2)]).min(log.len());
        let into = vec![random.below(256) as u8; if end == at { by } else { 0 }];
        log.splice(at..end, into);
    }
    // Few, since most of a log that is cut off early is gone.
    if random.below(30) == 0 {
        log.truncate(random.below(log.len()));
    }
    log
}

/// A mutant of some bytes of which nothing is known, or of which little matters but what is around their ends.
pub fn mutant_of(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        let from_end = random.below(3) * random.below(mutant.len().min(400));
        let at = if from_end == 0 { random.below(mutant.len()) } else { mutant.len().saturating_sub(from_end + 1) };
        match random.below(4) {
            0 => mutant[at] ^= 1 << random.below(8),
            1 => mutant[at] = random.below(256) as u8,
            2 => {
                let number = random.pick(&NUMBERS).to_le_bytes();
                put(&mut mutant, at, &number[..[1, 2, 4][random.below(3)]]);
            }
            _ => {
                let end = (at + random.below(64)).min(mutant.len());
                let to = (at / 2).min(mutant.len() - (end - at));
                mutant.copy_within(at..end, to);
            }
        }
    }
    if random.below(20) == 0 {
        mutant.truncate(random.below(mutant.len()));
    }
    mutant
}

fn damage(random: &mut Random, log: &mut [u8], fixture: &Fixture, fixtures: &[Fixture]) {
    let at = place(random, log, fixture);
    let size = [1, 2, 4, 8, 24, 64, 512, 4096][random.below(8)].min(log.len() - at);
    match random.below(12) {
        0 | 1 => log[at] ^= 1 << random.below(8),
        2 => log[at] = [0, 0xff, random.below(256) as u8][random.below(3)],
        3 => log[at] = log[at].wrapping_add([1, 0xff][random.below(2)]),
        4 | 5 => {
            let number = random.pick(&NUMBERS).to_le_bytes();
            put(log, at, &number[..[1, 2, 4][random.below(3)]]);
        }
        6 => {
            let number = random.pick(&NUMBERS).to_le_bytes();
            put(log, at & !3, &number);
        }
        // An offset of something else in the same chunk, or a small size.
        7 => {
            let other = place(random, log, fixture).saturating_sub(4096) % 65536;
            let number = [other, random.below(600)][random.below(2)] as u32;
            put(log, at, &number.to_le_bytes());
        }
        8 => {
            let from = place(random, log, fixture).min(log.len() - size);
            log.copy_within(from..from + size, at);
        }
        9 => {
            let from = place(random, log, fixture);
            let size = size.min(log.len() - from);
            (0..size).for_each(|by| log.swap(from + by, at + by));
        }
        10 => {
            // What is behind moves up by some bytes, or down.
            let end = (at + [64, 512, 65536][random.below(3)]).min(log.len());
            let by = size.min(end - at);
            if random.below(2) == 0 { log[at..end].rotate_left(by) } else { log[at..end].rotate_right(by) }
        }
        _ => {
            let other = &random.pick(fixtures).log;
            let end = (at + size).min(other.len());
            if let Some(bytes) = other.get(at..end) {
                put(log, at, bytes);
            }
        }
    }
}

/// Most places are in the structure, the others anywhere, but seldom in what a log has not used.
fn place(random: &mut Random, log: &[u8], fixture: &Fixture) -> usize {
    let Structure { headers, tables, records, definitions, values } = &fixture.structure;
    let kinds = [headers, tables, records, definitions, definitions, values, values, values];
    if random.below(4) > 0 {
        let kind = kinds[random.below(kinds.len())];
        return *random.pick(kind);
    }
    let anywhere = random.below(log.len());
    if log[anywhere] == 0 { 4096 + random.below(log.len().min(8192) - 4096) } else { anywhere }
}

fn put(log: &mut [u8], at: usize, bytes: &[u8]) {
    log.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
}
