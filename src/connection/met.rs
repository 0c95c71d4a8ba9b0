//! [`Met`]: what the values of connections mean, remembered by their bytes as they stand in logs.
//!
//! Logs repeat their hosts, processes, addresses and ports. What was met before costs one hash and one comparison of bytes, and is
//! not made text of again.

use std::{collections::HashMap, net::IpAddr, ptr};

use jiff::Timestamp;

use crate::{
    bytes,
    connection::{
        glossary::{Connection, Field, PROTOCOL, base_name},
        locals::{Locals, Sides},
        sysmon::{self, ACTION, Meaning, Part, VENDOR_PRODUCT},
    },
    evtx::{
        kind::UINT16,
        typed::{Raw, Values},
    },
    index::{Index, Number},
};

/// How much is remembered at most, in bytes, before all of it is forgotten: each port and each address of a network fit in.
const MOST: usize = 16 << 20;

/// Values that were met, of each part of a connection.
#[derive(Debug)]
pub struct Met {
    /// The parts that are looked at.
    parts: Vec<Part>,
    columns: [Column; Part::ALL.len()],
    /// How much is remembered, and may be, in bytes.
    size: usize,
    room: usize,
    /// The numbers of texts that are none of a log's, for each use.
    fixed: [Vec<(&'static str, u32)>; USES],
    /// Which numbers these are: those of others mean nothing.
    generations: [u64; USES],
    /// Where the ends are of connections with these values, of [`OF_SIDES`].
    sides: HashMap<[u32; OF_SIDES.len()], Sides, ahash::RandomState>,
}

/// The fields by which ends are told, and whose values they have.
pub const OF_ENDS: [Field; 8] = [
    Field::Dvc,
    Field::Direction,
    Field::Src,
    Field::SrcIp,
    Field::SrcPort,
    Field::Dest,
    Field::DestIp,
    Field::DestPort,
];
/// The parts that tell where the ends are.
const OF_SIDES: [Part; 4] = [Part::Computer, Part::SourceIp, Part::DestinationIp, Part::Initiated];

/// How much room there must be for [`Column::of_16_bits`], in bytes: a quarter of a mebibyte for each part.
const ROOM_FOR_16_BITS: usize = 8 << 20;

/// What the numbers of texts are for. Each has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The keys of groups.
    Groups,
    /// Hits that are kept.
    Hits,
}

/// How many uses there are.
const USES: usize = 2;

/// The values of one connection, each as it was met.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    values: [u32; Part::ALL.len()],
    /// Where its ends are, if that is asked for.
    sides: Option<Sides>,
}

/// The values of one part. The first is that of connections of which the part is not looked at.
#[derive(Debug, Default)]
struct Column {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    by_bytes: Index,
    /// The value that was seen last of those with the same [`slot`]. Most are found there, without a hash.
    latest: Vec<u32>,
    /// The value of each number of 16 bits, by that: ports, of which there are more than slots. They are found without a look at the entry.
    of_16_bits: Vec<u32>,
    /// The numbers of the values' texts, for each use, by the entries: apart from these, so that those of ports are near to each other.
    numbers: [Vec<Numbers>; USES],
}

/// A value.
#[derive(Debug, Default)]
struct Entry {
    kind: u8,
    truth: Option<bool>,
    /// How long it is, and where its bytes start among those of the column.
    size: u16,
    start: u32,
    address: Option<IpAddr>,
    text: Box<str>,
}

/// The numbers of a value's text, and of the process's name in it, where they were asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Numbers {
    text: Number,
    name: Number,
}

impl Met {
    /// None yet, of the parts that these fields of a connection are made of, and that rules look at. No more than some `room` bytes
    /// are held in memory.
    #[must_use]
    pub fn new(fields: impl Iterator<Item = Field>, room: usize) -> Self {
        let of_rules = [Part::Image, Part::DestinationIp];
        let mut parts: Vec<Part> = fields.flat_map(|field| parts_of(field).iter().copied()).chain(of_rules).collect();
        parts.sort_unstable_by_key(|&part| part as usize);
        parts.dedup();
        let mut met = Self {
            parts,
            columns: Default::default(),
            size: 0,
            room: room.min(MOST),
            fixed: Default::default(),
            generations: [0; USES],
            sides: HashMap::default(),
        };
        met.forget();
        met
    }

    /// Looks at the values of a connection, and where its ends are if the addresses of hosts are given.
    pub fn see(&mut self, values: &Values<'_>, locals: Option<&Locals>) -> Seen {
        if self.size > self.room {
            self.forget();
        }
        let has_room = self.room >= ROOM_FOR_16_BITS;
        let mut seen = Seen { values: [0; Part::ALL.len()], sides: None };
        for &part in &self.parts {
            let raw = part.value(values);
            let (Some(column), Some(place)) = (self.columns.get_mut(part as usize), seen.values.get_mut(part as usize))
            else {
                continue;
            };
            *place = column.find(raw, part, &mut self.size, has_room);
        }
        seen.sides = locals.map(|locals| self.sides(&seen, locals));
        seen
    }

    fn sides(&mut self, seen: &Seen, locals: &Locals) -> Sides {
        let key = OF_SIDES.map(|part| seen.values.get(part as usize).copied().unwrap_or(0));
        if let Some(&known) = self.sides.get(&key) {
            return known;
        }
        let text = |field| self.text(seen, field);
        let sides = locals.sides(text(Field::Dvc), text(Field::SrcIp), text(Field::DestIp), text(Field::Direction));
        self.size += 2 * size_of::<([u32; OF_SIDES.len()], Sides)>();
        self.sides.insert(key, sides);
        sides
    }

    /// The field whose value is that of another one: of an end, or of what a table shows. Nothing if it is not known, and so empty.
    fn meant(&self, seen: &Seen, field: Field) -> Option<Field> {
        let Some(sides) = seen.sides else { return Some(field) };
        sides.field(field.stands_for(|other| sides.field(other).map_or("", |field| self.text(seen, field))))
    }

    /// The text of a field that is one part, or the name in one and else the address in another, or the direction.
    fn text(&self, seen: &Seen, field: Field) -> &str {
        if field == Field::Direction {
            return sysmon::direction(self.entry(seen, Part::Initiated).and_then(|entry| entry.truth));
        }
        let mut texts = parts_of(field).iter().filter_map(|&part| self.entry(seen, part)).map(|entry| &*entry.text);
        texts.find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The connection that was seen. Fields that are made of other parts than those looked at are empty.
    #[must_use]
    pub fn connection(&self, seen: &Seen, time: Option<Timestamp>) -> Connection<'_> {
        sysmon::of_parts(time, |part| {
            self.entry(seen, part).map_or_else(Meaning::default, |entry| Meaning {
                text: (&*entry.text).into(),
                address: entry.address,
                truth: entry.truth,
            })
        })
    }

    /// Whether the connection that was seen came in, if that is looked at.
    #[must_use]
    pub fn is_inbound(&self, seen: &Seen) -> bool {
        self.entry(seen, Part::Initiated).is_some_and(|entry| entry.truth == Some(false))
    }

    /// The number of a field's text, as `number` gives it for texts that have none yet in this generation.
    pub fn number(&mut self, of: Use, seen: &Seen, field: Field, mut number: impl FnMut(&str) -> u32) -> u32 {
        let Some(field) = self.meant(seen, field) else { return self.fixed_number(of, "", number) };
        let is_stated = |part| self.entry(seen, part).is_some_and(|entry| !entry.text.is_empty());
        let truth = |part| self.entry(seen, part).and_then(|entry| entry.truth);
        let address = |part| self.entry(seen, part).and_then(|entry| entry.address);
        let part = match field {
            Field::Action => return self.fixed_number(of, ACTION, number),
            Field::Protocol => return self.fixed_number(of, PROTOCOL, number),
            Field::VendorProduct => return self.fixed_number(of, VENDOR_PRODUCT, number),
            Field::Direction => {
                let direction = sysmon::direction(truth(Part::Initiated));
                return self.fixed_number(of, direction, number);
            }
            Field::ProtocolVersion => {
                let dest = address(Part::DestinationIp);
                let version = sysmon::protocol_version(dest, truth(Part::DestinationIsIpv6));
                return self.fixed_number(of, version, number);
            }
            Field::CommunityId => {
                let text = |field| {
                    let part = parts_of(field).first().copied();
                    part.and_then(|part| self.entry(seen, part)).map_or("", |entry| &*entry.text)
                };
                return number(&Field::flow(text).community_id());
            }
            // The name, or else the address.
            field => match parts_of(field) {
                &[part] => part,
                parts => {
                    let stated = parts.iter().find(|&&part| is_stated(part)).or(parts.last());
                    let Some(&part) = stated else { return number("") };
                    part
                }
            },
        };
        let (Some(column), Some(&index)) = (self.columns.get_mut(part as usize), seen.values.get(part as usize)) else {
            return number("");
        };
        let Column { entries, numbers, .. } = column;
        let text = || entries.get(index as usize).map_or("", |entry| &*entry.text);
        let Some(numbers) = numbers.get_mut(of as usize).and_then(|numbers| numbers.get_mut(index as usize)) else {
            return number(text());
        };
        match field {
            Field::ProcessName | Field::ProcessExec => numbers.name.get_or(|| number(base_name(text()))),
            _ => numbers.text.get_or(|| number(text())),
        }
    }

    /// Forgets the numbers of another generation.
    pub fn number_anew(&mut self, of: Use, generation: u64) {
        let of = of as usize;
        let (Some(known), Some(fixed)) = (self.generations.get_mut(of), self.fixed.get_mut(of)) else { return };
        if *known == generation {
            return;
        }
        *known = generation;
        fixed.clear();
        for numbers in self.columns.iter_mut().filter_map(|column| column.numbers.get_mut(of)) {
            numbers.fill(Numbers::default());
        }
    }

    fn fixed_number(&mut self, of: Use, text: &'static str, mut number: impl FnMut(&str) -> u32) -> u32 {
        let Some(fixed) = self.fixed.get_mut(of as usize) else { return number(text) };
        // Where they stand tells them apart: one that stands in two places is there twice, with the same number.
        if let Some(&(_, number)) = fixed.iter().find(|(known, _)| ptr::eq(*known, text)) {
            return number;
        }
        let number = number(text);
        fixed.push((text, number));
        number
    }

    fn entry(&self, seen: &Seen, part: Part) -> Option<&Entry> {
        self.columns.get(part as usize)?.entries.get(*seen.values.get(part as usize)? as usize)
    }

    fn forget(&mut self) {
        self.size = 0;
        self.sides.clear();
        for column in &mut self.columns {
            *column = Column { latest: vec![0; SLOTS], ..Column::default() };
            column.push(Entry::default());
        }
    }
}

impl Column {
    /// The index of a value's entry, which is made if there is none.
    fn find(&mut self, raw: Raw<'_>, part: Part, size: &mut usize, has_room: bool) -> u32 {
        match raw {
            Raw { kind: UINT16, bytes: &[low, high] } if has_room => {
                let place = usize::from(u16::from_le_bytes([low, high]));
                if let Some(&index) = self.of_16_bits.get(place).filter(|&&index| index > 0) {
                    return index;
                }
                let index = self.find_by_bytes(raw, part, size);
                self.of_16_bits.resize(1 << u16::BITS, 0);
                put(&mut self.of_16_bits, place, index);
                index
            }
            _ => {
                let place = slot(raw.bytes);
                if let Some(&index) = self.latest.get(place).filter(|&&index| self.is(index, raw)) {
                    return index;
                }
                let index = self.find_by_bytes(raw, part, size);
                put(&mut self.latest, place, index);
                index
            }
        }
    }

    /// Whether the value with this index is this one. The first is of no value of a log.
    fn is(&self, index: u32, raw: Raw<'_>) -> bool {
        let entry = self.entries.get(index as usize);
        index > 0
            && entry.is_some_and(|entry| entry.kind == raw.kind && bytes::same(entry.bytes(&self.bytes), raw.bytes))
    }

    fn find_by_bytes(&mut self, raw: Raw<'_>, part: Part, size: &mut usize) -> u32 {
        let hash = self.by_bytes.hash(raw.bytes);
        if let Some(index) = self.by_bytes.find(hash, |index| self.is(index, raw)) {
            return index;
        }
        let index = u32::try_from(self.entries.len()).unwrap_or(0);
        let start = u32::try_from(self.bytes.len()).unwrap_or(0);
        self.bytes.extend_from_slice(raw.bytes);
        let text = raw.text();
        let Meaning { text, address, truth } = part.meaning(&text);
        *size += Entry::SIZE + raw.bytes.len() + text.len();
        self.push(Entry {
            kind: raw.kind,
            truth,
            // Values are no longer: their descriptors have no room for more.
            size: u16::try_from(raw.bytes.len()).unwrap_or(0),
            start,
            address,
            text: text.into(),
        });
        self.by_bytes.insert(hash, index);
        index
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        self.numbers.iter_mut().for_each(|numbers| numbers.push(Numbers::default()));
    }
}

impl Entry {
    /// What it takes in memory besides its bytes and its text: itself and its numbers, in vectors that are half full at least, a place in
    /// an index, and what the allocator adds to a text.
    const SIZE: usize = 2 * (size_of::<Self>() + USES * size_of::<Numbers>()) + Index::EACH + 16;

    fn bytes<'a>(&self, all: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize;
        all.get(start..start + usize::from(self.size)).unwrap_or_default()
    }
}

/// Puts a number in its place, if there is that place.
fn put(numbers: &mut [u32], place: usize, number: u32) {
    if let Some(known) = numbers.get_mut(place) {
        *known = number;
    }
}

/// How many slots there are.
const SLOTS: usize = 1 << 11;

/// A slot for a value: of its size and of what is at its ends, where values differ.
fn slot(bytes: &[u8]) -> usize {
    let ends = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(20),
        _ => bytes.iter().fold(0, |all, &byte| all << 8 | u64::from(byte)),
    };
    // The golden ratio, which spreads numbers that are near to each other (D. Knuth, "Sorting and Searching", 6.4).
    let spread = (ends ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(spread >> (64 - SLOTS.ilog2())).unwrap_or(0)
}

/// What a field is made of.
fn parts_of(field: Field) -> &'static [Part] {
    match field {
        Field::App | Field::ProcessName | Field::ProcessExec => &[Part::Image],
        // As of one that went out: where a hit came in, they stand for others in the end.
        Field::Dest | Field::Peer => &[Part::DestinationHostname, Part::DestinationIp],
        Field::DestIp | Field::PeerIp => &[Part::DestinationIp],
        Field::DestPort | Field::Service => &[Part::DestinationPort],
        Field::Direction => &[Part::Initiated],
        Field::Dvc => &[Part::Computer],
        Field::ProtocolVersion => &[Part::DestinationIp, Part::DestinationIsIpv6],
        Field::Src => &[Part::SourceHostname, Part::SourceIp],
        Field::SrcIp => &[Part::SourceIp],
        Field::SrcPort => &[Part::SourcePort],
        Field::Transport => &[Part::Protocol],
        Field::User => &[Part::User],
        Field::ProcessGuid => &[Part::ProcessGuid],
        Field::ProcessId => &[Part::ProcessId],
        Field::CommunityId => {
            &[Part::Protocol, Part::SourceIp, Part::SourcePort, Part::DestinationIp, Part::DestinationPort]
        }
        // They are constant, or those of others.
        Field::Action
        | Field::Protocol
        | Field::VendorProduct
        | Field::Remote
        | Field::RemoteIp
        | Field::RemotePort
        | Field::LocalIp
        | Field::LocalPort => &[],
    }
}
