//! [`Candidates`]: records that can be one of the events that are looked for, by their bytes.
//!
//! This file recognises the one shape in which Windows writes records ([`crate::evtx::instance`]), and answers "cannot be" only for
//! that; whatever it does not recognise "may be", and the parser decides.

use std::ops::Range;

use memchr::memmem;

use crate::{
    bytes::u64_at,
    evtx::{
        definition::{self, TimeValue},
        instance::{self, DEFINITION_HEADER, descriptors, fits},
        kind::{FILETIME, FRAGMENT, INT8, UINT8},
        misfit::Misfit,
        record::{Record, filetime},
        window::Window,
    },
    magic,
};

/// Tells the records of one chunk that cannot be what is looked for from those that may: by their EventID and their time.
///
/// The EventID of a record is a value of its outermost template, or text in that template's definition. A
/// definition of the shape that Windows writes tells which value, and that alone counts. Otherwise "cannot" needs two things: no value that
/// says one of the ids, and no text in the definition that does. As values count strings and
/// integers (Windows writes a UInt16). Of text in a definition, it is enough that it starts as an id does. What could break it is a
/// record whose `System` comes out of a nested fragment. Windows does not write that.
///
/// The time of a record, `TimeCreated`, is the value of that template that its definition says, if it says so in the way of
/// Windows ([`crate::evtx::definition`]). A FILETIME there is shown as the time that it is; past the year 9999, as
/// zeros. The time in the record's header is not asked: it can be another one, and mean nothing. A record in which another
/// could be hidden ([`mend`](crate::evtx::record::mend)) may have any time.
#[derive(Debug)]
pub struct Candidates<'a> {
    chunk: &'a [u8],
    /// The ids that are looked for.
    ids: &'static [u16],
    /// The definitions that were met. Real chunks have one.
    definitions: Vec<Known>,
    /// The same: which value is the time, if that is known.
    time_values: Vec<(usize, Option<TimeValue>)>,
}

/// What is known of a definition.
#[derive(Debug)]
struct Known {
    offset: usize,
    /// Whether its text says one of the ids.
    says_one: bool,
    /// Which value is the EventID, if that is known.
    id: Option<u16>,
}

impl<'a> Candidates<'a> {
    /// For the records of `chunk` with one of these ids.
    #[must_use]
    pub fn new(chunk: &'a [u8], ids: &'static [u16]) -> Self {
        Self { chunk, ids, definitions: Vec::new(), time_values: Vec::new() }
    }

    /// Whether `record` can have one of the ids. False yes is allowed, false no is not.
    pub fn may_be(&mut self, record: Record) -> bool {
        self.cannot_be(record) != Some(true)
    }

    /// Whether `record` can have a time in this window, or none that can be told. False yes is allowed, false no is not.
    pub fn may_be_within(&mut self, record: Record, window: &Window) -> bool {
        window.is_open() || self.time(record).is_none_or(|time| window.keeps(filetime(time)))
    }

    /// Some(true) when it cannot have one of the ids; nothing when the shape is not the known one.
    fn cannot_be(&mut self, record: Record) -> Option<bool> {
        let (definition, values) = instance::parts(self.chunk, record)?;
        let &Known { says_one, id, .. } = self.known(definition)?;
        match id {
            Some(id) if !says_one => Some(!id_says(values, id, self.ids)?),
            _ => Some(!says_one && !one_says(values, self.ids)?),
        }
    }

    /// The FILETIME of `record`'s `TimeCreated`; nothing when the shape is not the known one.
    fn time(&mut self, record: Record) -> Option<u64> {
        let (definition, values) = instance::parts(self.chunk, record)?;
        // That its values are of known shapes is what matters here.
        one_says(values, self.ids)?;
        if Misfit::of(self.chunk, record).is_some() {
            return None;
        }
        let binxml = self.chunk.get(record.offset..)?.get(..record.size)?;
        let TimeValue { index, up_to } = self.time_value(definition)?;
        let (descriptors, values) = descriptors(values)?;
        let is_fragment = |&index: &u16| matches!(descriptors.get(usize::from(index)), Some([_, _, FRAGMENT, _]));
        if up_to.iter().any(is_fragment) || memmem::find(binxml, &magic::RECORD).is_some() {
            return None;
        }
        let (before, own) = descriptors.split_at_checked(usize::from(*index))?;
        let start = before.iter().map(|&[low, high, _, _]| usize::from(u16::from_le_bytes([low, high]))).sum();
        matches!(own, [[8, 0, FILETIME, _], ..]).then(|| u64_at(values, start)).flatten()
    }

    fn known(&mut self, offset: usize) -> Option<&Known> {
        let known = self.definitions.iter().position(|known| known.offset == offset);
        let index = if let Some(index) = known {
            index
        } else {
            let definition = instance::definition(self.chunk, offset)?;
            let id = definition::id_value(self.chunk, binxml(definition, offset)?);
            self.definitions.push(Known { offset, says_one: says_literally(definition, self.ids), id });
            self.definitions.len() - 1
        };
        self.definitions.get(index)
    }

    fn time_value(&mut self, offset: usize) -> Option<&TimeValue> {
        if !self.time_values.iter().any(|(known, _)| *known == offset) {
            let binxml = binxml(instance::definition(self.chunk, offset)?, offset)?;
            self.time_values.push((offset, definition::time_value(self.chunk, binxml)));
        }
        self.time_values.iter().find(|(known, _)| *known == offset)?.1.as_ref()
    }
}

/// Where the BinXML of a definition at this offset is in its chunk.
fn binxml(definition: &[u8], offset: usize) -> Option<Range<usize>> {
    let start = offset.checked_add(DEFINITION_HEADER)?;
    Some(start..start.checked_add(definition.len())?)
}

/// Whether literal text starts as one of the ids does, anywhere in these bytes.
fn says_literally(definition: &[u8], ids: &[u16]) -> bool {
    const BLOCK: usize = 32;
    let says = |at: usize| definition.get(at..).is_some_and(|tokens| ids.iter().any(|&id| literal_says(tokens, id)));
    // In most blocks no byte can be a token, which is told of all of them at once.
    (0..).step_by(BLOCK).zip(definition.chunks(BLOCK)).any(|(start, block)| {
        block.iter().fold(false, |any, &byte| any | may_be_literal(byte))
            && (start..).zip(block).any(|(at, &byte)| may_be_literal(byte) && says(at))
    })
}

/// Whether a byte may be one of the tokens of [`literal_says`].
fn may_be_literal(byte: u8) -> bool {
    // The bit that says whether more follows.
    const MORE: u8 = 0x40;
    matches!(byte & !MORE, 0x05 | 0x07 | 0x08)
}

/// Whether tokens start with one of literal text, MS-EVEN6 2.2.12, that starts as an id does.
fn literal_says(tokens: &[u8], id: u16) -> bool {
    let [low, _] = id.to_le_bytes();
    let is_first = |byte: u8| byte == first_digit(id);
    match *tokens {
        // A string or a CDATA section that starts with it, which a NUL may end: the length, and the text. The character
        // reference `&#51;`.
        [0x05 | 0x45, 0x01, _, _, digit, ..] | [0x07 | 0x47, _, _, digit, ..] if is_first(digit) => true,
        [0x08 | 0x48, digit, 0, ..] => is_first(digit),
        // A number, or a bool, of which the parser makes one.
        [0x05 | 0x45, 0x03..=0x0a | 0x0d | 0x14 | 0x15, number, ..] => number == low,
        _ => false,
    }
}

/// The first digit of a number, as text.
fn first_digit(mut number: u16) -> u8 {
    while number >= 10 {
        number /= 10;
    }
    u8::try_from(number).map_or(b'0', |digit| b'0' + digit)
}

/// Whether the value that is the EventID says one of the ids; nothing where the parser could see another value there, or more than an
/// instance.
fn id_says(values: &[u8], id: u16, ids: &[u16]) -> Option<bool> {
    let (descriptors, mut rest) = descriptors(values)?;
    let size = |&[low, high, _, _]: &[u8; 4]| usize::from(u16::from_le_bytes([low, high]));
    is_end(rest.get(descriptors.iter().map(size).sum::<usize>()..)?).then_some(())?;
    let mut last = None;
    for descriptor in descriptors.get(..=usize::from(id))? {
        let (value, behind) = rest.split_at_checked(size(descriptor))?;
        let [_, _, kind, _] = *descriptor;
        fits(kind, value).then_some(())?;
        (last, rest) = (Some((kind, value)), behind);
    }
    // What BinXML of its own shows, it does not say here.
    let (kind, value) = last.filter(|&(kind, _)| kind != FRAGMENT)?;
    Some(value_says(kind, value, ids)? || byte_says(kind, value, ids))
}

/// Whether this can be behind an instance: the token that ends the stream, and bytes to fill up to a multiple of 8. What is longer has
/// something else in it.
fn is_end(rest: &[u8]) -> bool {
    rest.len() <= 16 && rest.first().is_none_or(|&token| token == 0)
}

/// Whether one of an instance's values says one of the ids; nothing where the parser could see other values than these.
fn one_says(values: &[u8], ids: &[u16]) -> Option<bool> {
    let (descriptors, mut rest) = descriptors(values)?;
    let mut says_one = false;
    for &[low, high, kind, _] in descriptors {
        let (value, behind) = rest.split_at_checked(usize::from(u16::from_le_bytes([low, high])))?;
        rest = behind;
        says_one |= value_says(kind, value, ids)? || byte_says(kind, value, ids);
    }
    is_end(rest).then_some(says_one)
}

/// Whether an 8-bit integer says one of the ids.
fn byte_says(kind: u8, value: &[u8], ids: &[u16]) -> bool {
    matches!((kind, value), (INT8 | UINT8, &[byte]) if is_among(byte.into(), ids))
}

/// Whether a number is one of the ids. Most often there is one, and this is asked for each value of each record.
fn is_among(number: u16, ids: &[u16]) -> bool {
    match ids {
        [id] => *id == number,
        ids => ids.contains(&number),
    }
}

/// Whether one value says one of the ids; its length must be what its type says.
fn value_says(kind: u8, value: &[u8], ids: &[u16]) -> Option<bool> {
    let is_one = || match value {
        [low, high, rest @ ..] => {
            is_among(u16::from_le_bytes([*low, *high]), ids) && rest.iter().all(|&byte| byte == 0)
        }
        _ => false,
    };
    if !fits(kind, value) {
        return None;
    }
    match kind {
        // Integers: Int16 to UInt64 and the two that are shown as hex.
        // And bool, of which the parser makes a number where it is neither 0 nor 1.
        0x05..=0x0a | 0x0d | 0x14 | 0x15 => Some(is_one()),
        // A UTF-16 string, which a NUL may end.
        0x01 => {
            let (units, _) = value.as_chunks::<2>();
            let text = units.iter().take_while(|unit| **unit != [0, 0]).map(|&[low, high]| low | high);
            Some(number(text).is_some_and(|number| ids.contains(&number)))
        }
        // An 8-bit string, out of which the parser drops NULs.
        0x02 => {
            let text = value.iter().copied().filter(|&byte| byte != 0);
            Some(number(text).is_some_and(|number| ids.contains(&number)))
        }
        // Floats, whose 3.0 is shown as 3.
        0x0b => Some(ids.iter().any(|&id| value == f32::from(id).to_le_bytes())),
        0x0c => Some(ids.iter().any(|&id| value == f64::from(id).to_le_bytes())),
        // Null, bytes and nested BinXML of any size; 8-bit integers; GUID, times, SID.
        0x00 | 0x0e | FRAGMENT | 0x03 | 0x04 | 0x0f | FILETIME | 0x12 | 0x13 => Some(false),
        _ => None,
    }
}

/// The number that digits say; nothing if there is anything else.
fn number(mut digits: impl Iterator<Item = u8>) -> Option<u16> {
    let first = digits.next()?;
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    digits.try_fold(digit(first)?, |number, byte| number.checked_mul(10)?.checked_add(digit(byte)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        evtx::instance::{INSTANCE, INSTANCE_IDS},
        magic::CHUNK_HEADER_SIZE,
    };

    /// A chunk whose only content is one template instance, its definition inline, at offset 512.
    fn chunk(definition: &[u8], values: &[(u8, &[u8])]) -> (Vec<u8>, Record) {
        let mut chunk = vec![0; CHUNK_HEADER_SIZE];
        let mut put = |bytes: &[u8]| chunk.extend_from_slice(bytes);
        let start = u32::try_from(CHUNK_HEADER_SIZE + INSTANCE.len() + INSTANCE_IDS).unwrap();
        put(&INSTANCE);
        put(&7_u32.to_le_bytes());
        put(&start.to_le_bytes());
        put(&[0; 20]);
        put(&u32::try_from(definition.len()).unwrap().to_le_bytes());
        put(definition);
        put(&u32::try_from(values.len()).unwrap().to_le_bytes());
        for (kind, value) in values {
            put(&u16::try_from(value.len()).unwrap().to_le_bytes());
            put(&[*kind, 0]);
        }
        for (_, value) in values {
            put(value);
        }
        put(&[0]);
        let size = chunk.len() - CHUNK_HEADER_SIZE;
        (chunk, Record { offset: CHUNK_HEADER_SIZE, size })
    }

    proptest! {
        #[test]
        fn literal_text_is_found_wherever_it_stands(
            before in prop::collection::vec(any::<u8>(), 0..70),
            tokens in prop::sample::select(vec![
                vec![0x05, 0x01, 1, 0, b'3'], vec![0x45, 0x06, 3], vec![0x47, 1, 0, b'3'], vec![0x48, b'3', 0], vec![0x08, b'1', 0],
            ]),
            behind in prop::collection::vec(any::<u8>(), 0..70),
        ) {
            let definition = [before, tokens, behind].concat();
            let expected = (0..definition.len()).any(|at| [3, 22].iter().any(|&id| literal_says(&definition[at..], id)));
            prop_assert_eq!(says_literally(&definition, &[3, 22]), expected);
        }
    }

    fn may_be(definition: &[u8], values: &[(u8, &[u8])]) -> bool {
        let (chunk, record) = chunk(definition, values);
        Candidates::new(&chunk, &[3]).may_be(record)
    }

    #[test]
    fn a_record_without_a_3_is_ruled_out() {
        assert!(!may_be(&[0; 40], &[(0x06, &[1, 0]), (0x04, &[5]), (0x08, &[3, 1, 0, 0])]));
    }

    #[test]
    fn a_byte_may_be_the_event_id_where_that_is_not_known_to_be_another_value() {
        for kind in [0x03, 0x04] {
            assert!(may_be(&[0; 40], &[(0x06, &[1, 0]), (kind, &[3])]));
            // A descriptor for each of two values, these, and the end.
            let values = [&[2, 0, 0, 0][..], &[2, 0, 0x06, 0], &[1, 0, kind, 0], &[1, 0, 3, 0]].concat();
            assert_eq!([0, 1, 2].map(|id| id_says(&values, id, &[3])), [Some(false), Some(true), None]);
            let more = [&values[..values.len() - 1], &[1]].concat();
            assert_eq!(id_says(&more, 0, &[3]), None, "something is behind it");
        }
    }

    #[test]
    fn a_3_of_any_wide_type_may_be_the_event_id() {
        assert!(may_be(&[0; 40], &[(0x06, &[3, 0])]));
        assert!(may_be(&[0; 40], &[(0x08, &[3, 0, 0, 0])]));
        assert!(may_be(&[0; 40], &[(0x15, &[3, 0, 0, 0, 0, 0, 0, 0])]));
        assert!(may_be(&[0; 40], &[(0x01, &[b'3', 0])]));
        assert!(may_be(&[0; 40], &[(0x02, b"3")]));
        assert!(may_be(&[0; 40], &[(0x01, b"3\0\0\0\0\0")]), "a NUL ends it");
        assert!(may_be(&[0; 40], &[(0x02, b"\x003\0\0\0\0")]), "NULs are dropped");
        assert!(may_be(&[0; 40], &[(0x0d, &[3, 0, 0, 0])]), "a bool that is neither is a number");
    }

    #[test]
    fn any_of_several_ids_is_looked_for() {
        let may_be = |values: &[(u8, &[u8])]| {
            let (chunk, record) = chunk(&[0; 40], values);
            Candidates::new(&chunk, &[3, 5156, 5157]).may_be(record)
        };
        for (kind, value) in [
            (0x06, &[0x24, 0x14][..]),
            (0x08, &[0x25, 0x14, 0, 0]),
            (0x01, b"5\x001\x005\x006\0"),
            (0x02, b"5157"),
            (0x0c, &5156_f64.to_le_bytes()),
            (0x06, &[3, 0]),
        ] {
            assert!(may_be(&[(kind, value)]), "{kind:#x} {value:?}");
        }
        assert!(!may_be(&[
            (0x06, &[0x26, 0x14]),
            (0x08, &[0x24, 0x14, 1, 0]),
            (0x01, b"5\x001\x005\0"),
            (0x02, b"515x")
        ]));
    }

    #[test]
    fn a_3_in_the_definitions_text_may_be_the_event_id() {
        assert!(may_be(&[0, 0x05, 0x01, 1, 0, b'3', 0, 0x04, 0], &[(0x06, &[1, 0])]));
        assert!(may_be(&[0, 0x05, 0x06, 3, 0, 0x04, 0], &[(0x06, &[1, 0])]));
        assert!(may_be(&[0, 0x05, 0x01, 2, 0, b'3', 0, 0, 0, 0x04, 0], &[(0x06, &[1, 0])]));
        assert!(may_be(&[0, 0x08, b'3', 0, 0x04, 0], &[(0x06, &[1, 0])]));
        assert!(may_be(&[0, 0x07, 2, 0, b'3', 0, 0, 0, 0x04, 0], &[(0x06, &[1, 0])]));
        assert!(may_be(&[0, 0x05, 0x0d, 3, 0, 0, 0, 0x04, 0], &[(0x06, &[1, 0])]), "a bool that is neither");
        assert!(may_be(&[0, 0x05, 0x04, 3], &[(0x06, &[1, 0])]), "at the end");
    }

    #[test]
    fn a_time_is_told_only_of_the_known_shape() {
        const TIME: u64 = 133_000_000_000_000_000;
        let window = |from: u64, to: u64| Window { since: filetime(from), until: filetime(to) };
        let (definition, time) = (&*time_is(0, 1), TIME.to_le_bytes());
        let may_be = |values: &[(u8, &[u8])], window: &Window| {
            let (chunk, record) = chunk(definition, values);
            Candidates::new(&chunk, &[3]).may_be_within(record, window)
        };
        let values: &[(u8, &[u8])] = &[(0x06, &[3, 0]), (FILETIME, &time)];
        assert!(may_be(values, &window(TIME, TIME + 1)) && may_be(values, &window(TIME - 1, TIME + 1)));
        assert!(!may_be(values, &window(TIME + 1, TIME + 2)) && !may_be(values, &window(TIME - 1, TIME)));
        let outside = window(TIME + 1, TIME + 2);
        assert!(may_be(values, &Window::default()));
        for other in [
            &[(0x06, &[3, 0][..])][..],
            &[(FILETIME, &time), (0x06, &[3, 0])],
            &[(0x06, &[3, 0]), (0x0a, &time)],
            &[(0x06, &[3, 0]), (FILETIME | 0x80, &time)],
            &[(0x06, &[3, 0]), (FILETIME, &time[..7])],
            &[(0x06, &[3, 0]), (FILETIME, &u64::MAX.to_le_bytes())],
            &[(0x06, &[3, 0, 0]), (FILETIME, &time)],
            &[(FRAGMENT, &[]), (FILETIME, &time), (0x06, &[3, 0])],
            &[(0x06, &[3, 0]), (FILETIME, &time), (0x0e, &magic::RECORD)],
        ] {
            assert!(may_be(other, &outside), "{other:?}");
        }
    }

    /// A definition that says that the time is the value with an index, behind another value; for offset 512 of a chunk.
    fn time_is(before: u8, index: u8) -> Vec<u8> {
        let start = CHUNK_HEADER_SIZE + INSTANCE.len() + INSTANCE_IDS + DEFINITION_HEADER;
        let mut bytes = vec![0x0f, 1, 1, 0];
        let mut put = |before: &[u8], name: &str, behind: &[u8]| {
            bytes.extend(before);
            bytes.extend(u32::try_from(start + bytes.len() + 4).unwrap().to_le_bytes());
            bytes.extend([0, 0, 0, 0, 0, 0, u8::try_from(name.len()).unwrap(), 0]);
            bytes.extend(name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
            bytes.extend(behind);
        };
        put(&[0x01, 0xff, 0xff, 0, 0, 0, 0], "Event", &[0x02]);
        put(&[0x01, 0xff, 0xff, 0, 0, 0, 0], "System", &[0x02]);
        put(&[0x01, 0xff, 0xff, 0, 0, 0, 0], "EventID", &[0x02, 0x0e, before, 0, 0x06, 0x04]);
        put(&[0x41, 0xff, 0xff, 0, 0, 0, 0], "TimeCreated", &[0, 0, 0, 0]);
        put(&[0x06], "SystemTime", &[0x0d, index, 0, FILETIME, 0x03, 0x04, 0x04, 0x00]);
        bytes
    }

    #[test]
    fn filetimes_are_times_to_100_ns() {
        let shown = |ticks| crate::report::times::time(filetime(ticks));
        assert_eq!(shown(132_000_000_000_000_001), "2019-04-17T18:40:00.0000001Z");
        assert_eq!(shown(0), "1601-01-01T00:00:00.0000000Z");
        assert_eq!(shown(u64::MAX), "");
    }

    #[test]
    fn an_unknown_shape_may_be_anything() {
        assert!(may_be(&[0; 40], &[(0x06, &[1, 0, 0])]), "a UInt16 of three bytes");
        assert!(may_be(&[0; 40], &[(0x81, &[1, 0])]), "an array");
        let (mut chunk, record) = chunk(&[0; 40], &[(0x06, &[1, 0])]);
        *chunk.last_mut().unwrap() = 0x0c;
        assert!(Candidates::new(&chunk, &[3]).may_be(record), "more tokens behind it");
        chunk.truncate(record.offset + record.size - 1);
        assert!(Candidates::new(&chunk, &[3]).may_be(record), "cut off");
    }
}
