//! [`Misfit`]: what is wrong with the sizes of a record's values.
//!
//! The parser takes so many bytes as the type of a value has, whatever its size says, and reads on past the end of a record. So it
//! shows values that are none of the record's, and says nothing. This file does not read values, and knows nothing of their order.
//!
//! Behind the values of a record are the token that ends BinXML, and up to 7 bytes of anything, which make the record a multiple of 8
//! bytes long. Behind those of a fragment is that token alone, or another instance. That is so in all of 51,000 records and 49,000
//! fragments of public logs, but for those that damage has cut off: zeros are at their end.

use std::fmt;

use crate::evtx::{
    instance::{Instance, fits, is_end_of_fragment, is_end_of_record},
    kind::FRAGMENT,
    record::Record,
};

/// How deep fragments are looked into. Windows writes one in a record.
const MOST_NESTED: usize = 3;

/// What is wrong with the sizes of an instance's values. A value is told by which it is, from 0, and by its BinXML type. Sizes are in
/// bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// A value has a size that its type cannot have.
    Size {
        /// Which value.
        index: usize,
        /// Its type.
        kind: u8,
        /// Its stated size.
        size: usize,
    },
    /// A value reaches past the end of what it is in.
    Past {
        /// Which value.
        index: usize,
        /// Its type.
        kind: u8,
        /// Its stated size.
        size: usize,
        /// How many bytes are left for it.
        left: usize,
    },
    /// A value that should be BinXML starts as none does.
    Start {
        /// Which value.
        index: usize,
    },
    /// The list of sizes itself reaches past the end of what it is in.
    List,
    /// So many bytes are left behind the last value, and are not its end.
    Left(usize),
}

impl Misfit {
    /// That of a record's values, or of the values of a fragment in it; nothing if there is none, or if the record is not an instance
    /// of a template.
    #[must_use]
    pub fn of(chunk: &[u8], record: Record) -> Option<Self> {
        of_instances(chunk, record, MOST_NESTED, Place::Record)
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const APART: &str = "the values cannot be told apart:";
        match self {
            Self::Size { index, kind, size } => {
                let value = format!("value {index} of type {kind:#04x} is {size} bytes long");
                write!(f, "a value cannot be read: {value}, which a value of this type cannot be")
            }
            Self::Past { index, kind, size, left } => {
                write!(f, "{APART} value {index} of type {kind:#04x} is {size} bytes long, and {left} are left for it")
            }
            Self::Start { index } => write!(f, "{APART} value {index} does not start as BinXML does"),
            Self::List => write!(f, "{APART} the list of their sizes is longer than the record"),
            Self::Left(size) => write!(f, "{APART} {size} bytes are left behind the last one"),
        }
    }
}

/// What BinXML is all of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Record,
    Fragment,
}

/// That of the instances in some BinXML: one, or several of a fragment, one behind the other.
fn of_instances(chunk: &[u8], binxml: Record, nested: usize, place: Place) -> Option<Misfit> {
    let is_end = if place == Place::Record { is_end_of_record } else { is_end_of_fragment };
    let mut rest = binxml;
    if !Instance::starts(chunk.get(rest.offset..)?.get(..rest.size)?) {
        return None;
    }
    loop {
        let Some(instance) = Instance::as_parsed(chunk, rest) else { return Some(Misfit::List) };
        let behind = match of_values(chunk, &instance, nested) {
            Ok(behind) => behind,
            Err(misfit) => return Some(misfit),
        };
        if is_end(behind) {
            return None;
        }
        // Behind a fragment that is said to be empty, it would be that.
        let may_go_on = place == Place::Fragment && instance.descriptors().last() != Some((FRAGMENT, 0));
        if !(may_go_on && Instance::starts(behind)) {
            return Some(Misfit::Left(behind.len()));
        }
        let end = rest.offset.checked_add(rest.size)?;
        rest = Record { offset: end.checked_sub(behind.len())?, size: behind.len() };
    }
}

/// What is behind the values of an instance, if they fit.
fn of_values<'a>(chunk: &[u8], instance: &Instance<'a>, nested: usize) -> Result<&'a [u8], Misfit> {
    let mut rest = instance.bytes();
    let mut start = instance.offset();
    for (index, (kind, size)) in instance.descriptors().enumerate() {
        let size = usize::from(size);
        let Some((value, behind)) = rest.split_at_checked(size) else {
            return Err(Misfit::Past { index, kind, size, left: rest.len() });
        };
        if !fits(kind, value) {
            return Err(Misfit::Size { index, kind, size });
        }
        if let (FRAGMENT, Some(nested)) = (kind, nested.checked_sub(1)) {
            if !may_be_binxml(value) {
                return Err(Misfit::Start { index });
            }
            let inner = of_instances(chunk, Record { offset: start, size }, nested, Place::Fragment);
            inner.map_or(Ok(()), Err)?;
        }
        (rest, start) = (behind, start.saturating_add(size));
    }
    Ok(rest)
}

/// Whether bytes can be BinXML of their own, MS-EVEN6 2.2.12: nothing, or zeros, or what starts with the token of a fragment header, an
/// instance, an element or a processing instruction.
fn may_be_binxml(value: &[u8]) -> bool {
    match value.first() {
        Some(0x0f | 0x0c | 0x01 | 0x41 | 0x0a) => true,
        _ => value.iter().all(|&byte| byte == 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        evtx::{chunk, decoder::tests::chunks, instance::tests::instance, record},
        magic::CHUNK_HEADER_SIZE,
    };

    fn of(binxml: &[u8]) -> Option<Misfit> {
        let chunk = [&[0; CHUNK_HEADER_SIZE], binxml, &[0; 40]].concat();
        Misfit::of(&chunk, Record { offset: CHUNK_HEADER_SIZE, size: binxml.len() })
    }

    fn of_values(values: &[(u8, &[u8])]) -> Option<Misfit> {
        of(&instance(values, &[0]))
    }

    /// The same BinXML, where the size of a value is another.
    fn resized(binxml: &[u8], index: usize, size: u16) -> Vec<u8> {
        let mut other = binxml.to_vec();
        other[18 + 4 * index..][..2].copy_from_slice(&size.to_le_bytes());
        other
    }

    #[test]
    fn a_value_has_a_size_that_its_type_can_have() {
        for kind in [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15] {
            let expected = Some(Misfit::Size { index: 1, kind, size: 0 });
            assert_eq!(of_values(&[(1, b"ab"), (kind, &[])]), expected);
            let inner = instance(&[(1, b"ab"), (kind, &[])], &[0]);
            assert_eq!(of_values(&[(FRAGMENT, &inner)]), expected, "in a fragment");
        }
        assert_eq!(of_values(&[(1, b"abc")]), Some(Misfit::Size { index: 0, kind: 1, size: 3 }));
        for array in [&b"a"[..], b"a\0", b"a\0b\0"] {
            let expected = Some(Misfit::Size { index: 0, kind: 0x81, size: array.len() });
            assert_eq!(of_values(&[(0x81, array)]), expected, "the parser looks for a NUL");
        }
        let sid = [1, 0, 0, 0, 0, 0, 0, 5];
        let sound: [(u8, &[u8]); 10] = [
            (0, &[]),
            (0, &[1, 2, 3]),
            (1, &[]),
            (4, &[1]),
            (6, &[1, 2]),
            (0x13, &sid),
            (0x0e, &[1]),
            (0x81, &[]),
            (0x81, b"a\0\0\0"),
            (0x86, &[1]),
        ];
        assert_eq!(of_values(&sound), None);
    }

    #[test]
    fn the_sizes_of_the_values_are_those_of_all_that_is_there() {
        // Of types that can have any size, so that nothing else can be wrong.
        let inner = instance(&[(0x0e, &[7; 5]), (0, &[]), (2, b"text")], &[0]);
        let outer = instance(&[(0x0e, &[7; 5]), (0, &[9; 4]), (FRAGMENT, &inner)], &[0, 1, 2, 3, 4]);
        assert_eq!(of(&outer), None);
        for (index, size) in [(0, 5_u16), (1, 4), (2, u16::try_from(inner.len()).unwrap())] {
            for other in (0..=300).chain([0x7fff, u16::MAX]).filter(|&other| other != size) {
                assert!(of(&resized(&outer, index, other)).is_some(), "value {index} with {other} bytes");
            }
        }
        for (index, size) in [(0, 5), (1, 0), (2, 4)] {
            for other in (0..=300).chain([u16::MAX]).filter(|&other| other != size) {
                let inner = resized(&inner, index, other);
                assert!(of_values(&[(FRAGMENT, &inner)]).is_some(), "value {index} with {other} bytes, in a fragment");
            }
        }
    }

    #[test]
    fn what_windows_has_behind_values_is_no_misfit_and_all_else_is() {
        let value: (u8, &[u8]) = (6, &[3, 0]);
        for end in [&[0][..], &[0, 9, 9, 9, 9, 9, 9, 9], &[0; 8], &[0; 300]] {
            assert_eq!(of(&instance(&[value], end)), None, "{end:?}");
        }
        for end in [&[][..], &[1], &[9, 0], &[0, 0, 0, 0, 0, 0, 0, 0, 1]] {
            assert_eq!(of(&instance(&[value], end)), Some(Misfit::Left(end.len())), "{end:?}");
        }
        let fragment = |inner: &[u8]| of_values(&[(FRAGMENT, inner)]);
        for end in [&[][..], &[0, 0], &[0, 1], &[1]] {
            assert_eq!(fragment(&instance(&[value], end)), Some(Misfit::Left(end.len())), "{end:?}");
        }
        // Two instances, as some providers write them.
        let [two, bad] = [&[value][..], &[(6, &[3])]].map(|values| instance(&[value], &instance(values, &[0])));
        assert_eq!(fragment(&two), None);
        assert_eq!(of(&two), Some(Misfit::Left(two.len() / 2 + 1)), "not of a record");
        let empty = instance(&[(FRAGMENT, &[])], &two);
        assert_eq!(fragment(&empty), Some(Misfit::Left(two.len())), "the bytes of the fragment");
        assert_eq!(fragment(&bad), Some(Misfit::Size { index: 0, kind: 6, size: 1 }));
        for other in [&[][..], &[0; 5], &[0x01, 9, 0, 0], &[0x0f, 1, 1, 0, 0x41, 9]] {
            assert_eq!(fragment(other), None, "{other:?}");
        }
        assert_eq!(fragment(&[0, 1]), Some(Misfit::Start { index: 0 }));
        assert_eq!(fragment(b"x"), Some(Misfit::Start { index: 0 }));
    }

    #[test]
    fn a_list_of_sizes_is_as_long_as_it_says() {
        let mut binxml = instance(&[(6, &[3, 0])], &[0]);
        for count in [2_u32, 9, 5000, u32::MAX] {
            binxml[14..18].copy_from_slice(&count.to_le_bytes());
            assert_eq!(of(&binxml), Some(Misfit::List), "{count}");
        }
        assert_eq!(of(&binxml[..16]), Some(Misfit::List), "cut off");
        // Of these, the parser asks nothing.
        binxml = instance(&[(6, &[3])], &[0]);
        (binxml[1], binxml[2], binxml[3], binxml[5]) = (9, 9, 9, 9);
        assert_eq!(of(&binxml), Some(Misfit::Size { index: 0, kind: 6, size: 1 }));
        assert_eq!(of(&binxml[4..]), Some(Misfit::Size { index: 0, kind: 6, size: 1 }));
    }

    #[test]
    fn sound_logs_have_none() {
        let mut count = 0;
        chunks(&mut |path, chunk| {
            if path.components().any(|part| part.as_os_str() == "damaged") {
                return;
            }
            for record in record::walk(chunk, chunk::layout(chunk).0.end).into_iter().flatten() {
                assert_eq!(Misfit::of(chunk, record), None, "{} at {}", path.display(), record.start());
                count += 1;
            }
        });
        assert!(count > 1000, "only {count} records");
    }
}
