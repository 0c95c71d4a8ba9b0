//! Values as text, as the parser shows them.

use std::io::Write;

use crate::{
    bytes::{u16_at, u32_at, u64_at},
    evtx::{
        kind::{
            BOOL, FILETIME, GUID, HEX32, HEX64, INT8, INT16, INT32, INT64, NULL, SID, SIZE, TEXT, UINT8, UINT16,
            UINT32, UINT64,
        },
        record::YEAR_10000,
    },
};

/// Adds a value of a type as UTF-8; nothing if the type is none of these, or the value has not the size for it. Text must be
/// without surrogates.
pub(crate) fn push(text: &mut Vec<u8>, kind: u8, value: &[u8]) -> Option<()> {
    match kind {
        NULL => Some(()),
        TEXT => {
            push_utf16(text, value);
            Some(())
        }
        UINT8 => push_number(text, u64::from(*value.first()?)),
        UINT16 => push_number(text, u64::from(u16_at(value, 0)?)),
        UINT32 => push_number(text, u64::from(u32_at(value, 0)?)),
        UINT64 => push_number(text, u64_at(value, 0)?),
        INT8 => write!(text, "{}", value.first()?.cast_signed()).ok(),
        INT16 => write!(text, "{}", u16_at(value, 0)?.cast_signed()).ok(),
        INT32 => write!(text, "{}", u32_at(value, 0)?.cast_signed()).ok(),
        INT64 => write!(text, "{}", u64_at(value, 0)?.cast_signed()).ok(),
        BOOL => match u32_at(value, 0)?.cast_signed() {
            0 => text.write_all(b"false").ok(),
            1 => text.write_all(b"true").ok(),
            other => write!(text, "{other}").ok(),
        },
        GUID => push_guid(text, value),
        FILETIME => {
            push_time(text, u64_at(value, 0)?);
            Some(())
        }
        SID => push_sid(text, value),
        SIZE if value.len() == 4 => write!(text, "{:#x}", u32_at(value, 0)?).ok(),
        HEX32 => write!(text, "{:#x}", u32_at(value, 0)?).ok(),
        SIZE | HEX64 => write!(text, "{:#x}", u64_at(value, 0)?).ok(),
        _ => None,
    }
}

/// UTF-16 without surrogates, up to its first NUL.
fn push_utf16(text: &mut Vec<u8>, units: &[u8]) {
    let units = units.as_chunks::<2>().0;
    // Mostly it is ASCII, of which a block is told at once.
    let is_ascii = |block: &&[[u8; 2]]| {
        let others = block.iter().fold(0, |others, &[low, high]| others | high | (low & 0x80) | u8::from(low == 0));
        others == 0
    };
    let ascii: usize = units.chunks(16).take_while(is_ascii).map(<[_]>::len).sum();
    let (ascii, rest) = units.split_at_checked(ascii).unwrap_or((units, &[]));
    text.extend(ascii.iter().map(|&[low, _]| low));
    for unit in rest {
        match char::from_u32(u32::from(u16::from_le_bytes(*unit))) {
            Some('\0') | None => return,
            Some(unit) => text.extend_from_slice(unit.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn push_number(text: &mut Vec<u8>, mut number: u64) -> Option<()> {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at = at.checked_sub(1)?;
        *digits.get_mut(at)? = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(digits.get(at..)?);
    Some(())
}

/// Three numbers, little-endian, and eight bytes, in lower case and braces.
pub(crate) fn push_guid(text: &mut Vec<u8>, value: &[u8]) -> Option<()> {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    text.push(b'{');
    for (number, index) in ORDER.into_iter().enumerate() {
        if matches!(number, 4 | 6 | 8 | 10) {
            text.push(b'-');
        }
        let byte = *value.get(index)?;
        text.extend([digit(byte >> 4), digit(byte & 0xf)]);
    }
    text.push(b'}');
    Some(())
}

/// The time of a FILETIME; zeros from the year 10000 on.
fn push_time(text: &mut Vec<u8>, ticks: u64) {
    const SECOND: u64 = 10_000_000;
    const DAY: u64 = 86_400 * SECOND;
    if ticks >= YEAR_10000 {
        return text.extend_from_slice(b"0000-00-00T00:00:00.0000000Z");
    }
    let (days, ticks) = (ticks / DAY, ticks % DAY);
    // Days from the first of March of the year 0, in eras of 400 years: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let days = days + 584_694;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let seconds = ticks / SECOND;
    let parts = [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (seconds / 3600, 2, b':'),
        (seconds / 60 % 60, 2, b':'),
        (seconds % 60, 2, b'.'),
        (ticks % SECOND, 7, b'Z'),
    ];
    for (number, width, behind) in parts {
        for place in (0..width).rev() {
            text.push(b'0' + (number / 10_u64.pow(place) % 10) as u8);
        }
        text.push(behind);
    }
}

/// A security identifier, MS-DTYP 2.4.2.
fn push_sid(text: &mut Vec<u8>, value: &[u8]) -> Option<()> {
    let (&[revision, count], rest) = value.split_first_chunk()?;
    let (authority, rest) = rest.split_first_chunk::<6>()?;
    let authority = authority.iter().fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
    write!(text, "S-{revision}-{authority}").ok()?;
    for authority in rest.as_chunks().0.iter().take(count.into()) {
        write!(text, "-{}", u32::from_le_bytes(*authority)).ok()?;
    }
    Some(())
}
