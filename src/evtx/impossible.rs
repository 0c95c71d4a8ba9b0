//! Impossible times: values of records that are past the year 9999, or not a date. The parser shows them as other times.
//!
//! Of a year past 9999 it shows the last four digits, and any SYSTEMTIME that is not a date it shows as 1601. This file looks at all
//! values of these types, and does not know which of them is the time of a record. It does not look into the definitions of templates.

use jiff::civil::DateTime;

use crate::{
    bytes::u16_at,
    evtx::{
        instance::Instance,
        kind::{ARRAY, FILETIME, FRAGMENT, NULL, SYSTEMTIME},
        record::{self, Record, YEAR_10000},
    },
};

/// A FILETIME that nothing takes for a time: it is shown as zeros.
const NEVER: [u8; 8] = [0xff; 8];

/// A copy of a chunk without impossible times, if it has some. A FILETIME is shown as zeros there, and a SYSTEMTIME is not stated.
pub(super) fn mend(chunk: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut put = |at: usize, bytes: &[u8]| {
        let mended = mended.get_or_insert_with(|| chunk.to_vec());
        if let Some(place) = mended.get_mut(at..at.saturating_add(bytes.len())) {
            place.copy_from_slice(bytes);
        }
    };
    let mut binxml = Vec::new();
    for record in record::starts(chunk) {
        binxml.push(record);
        while let Some(next) = binxml.pop() {
            mend_values(chunk, next, &mut binxml, &mut put);
        }
    }
    mended
}

/// Puts something else in the place of each impossible time among the values of some BinXML. What else is BinXML in it, or is behind
/// it, is added to `more`.
fn mend_values(chunk: &[u8], binxml: Record, more: &mut Vec<Record>, put: &mut dyn FnMut(usize, &[u8])) {
    let Some(instance) = Instance::as_parsed(chunk, binxml) else { return };
    let (mut values, mut start) = (instance.bytes(), instance.offset());
    for (index, (kind, size)) in instance.descriptors().enumerate() {
        let Some((value, behind)) = values.split_at_checked(size.into()) else { return };
        match kind & !ARRAY {
            FILETIME => {
                let items = (start..).step_by(NEVER.len()).zip(value.as_chunks().0);
                let past = items.filter(|(_, item)| u64::from_le_bytes(**item) >= YEAR_10000);
                past.for_each(|(at, _)| put(at, &NEVER));
            }
            SYSTEMTIME if !value.as_chunks().0.iter().all(is_date) => put(instance.place_of_kind(index), &[NULL]),
            _ if kind == FRAGMENT => more.push(Record { offset: start, size: value.len() }),
            _ => {}
        }
        (values, start) = (behind, start.saturating_add(value.len()));
    }
    more.push(Record { offset: start, size: values.len() });
}

/// Whether a SYSTEMTIME (MS-DTYP 2.3.13) is a date and a time of day up to the year 9999. As for Windows, the day of the week does not
/// matter, and no date is before 1601.
fn is_date(value: &[u8; 16]) -> bool {
    let number = |index: usize| u16_at(value, 2 * index);
    let small = |index: usize| i8::try_from(number(index)?).ok();
    let date = || {
        let year = i16::try_from(number(0)?).ok().filter(|&year| year >= 1601)?;
        let nanoseconds = i32::from(number(7)?).checked_mul(1_000_000)?;
        DateTime::new(year, small(1)?, small(3)?, small(4)?, small(5)?, small(6)?, nanoseconds).ok()
    };
    date().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        evtx::instance,
        magic::{self, CHUNK_HEADER_SIZE},
    };

    fn instance(values: &[(u8, &[u8])]) -> Vec<u8> {
        instance::tests::instance(values, &[])
    }

    /// A chunk with one record, some bytes behind its header.
    fn chunk(binxml: &[u8]) -> Vec<u8> {
        let size = u32::try_from(24 + binxml.len() + 4).unwrap().to_le_bytes();
        [&[0; CHUNK_HEADER_SIZE + 40], &magic::RECORD[..], &size, &[1; 16], binxml, &size, &[0; 40]].concat()
    }

    fn systemtime(fields: [u16; 8]) -> Vec<u8> {
        fields.map(u16::to_le_bytes).concat()
    }

    #[test]
    fn a_filetime_is_one_before_the_year_10000() {
        for ticks in [0, 1, 132_000_000_000_000_000, record::LAST_FILETIME, YEAR_10000 - 1, YEAR_10000, u64::MAX] {
            let before = chunk(&instance(&[(1, b"ab"), (FILETIME, &ticks.to_le_bytes())]));
            let after = chunk(&instance(&[(1, b"ab"), (FILETIME, &NEVER)]));
            assert_eq!(mend(&before), (ticks >= YEAR_10000).then_some(after), "{ticks}");
        }
    }

    #[test]
    fn a_systemtime_is_a_date_from_1601_to_9999() {
        let is_date = |fields: [u16; 8]| {
            let value = systemtime(fields);
            let after = chunk(&instance(&[(1, b"ab"), (NULL, &value)]));
            let mended = mend(&chunk(&instance(&[(1, b"ab"), (SYSTEMTIME, &value)])));
            assert!(mended.is_none() || mended == Some(after));
            mended.is_none()
        };
        for fields in
            [[1601, 1, 0, 1, 0, 0, 0, 0], [2024, 2, 77, 29, 23, 59, 59, 999], [9999, 12, 5, 31, 23, 59, 59, 999]]
        {
            assert!(is_date(fields), "{fields:?}");
        }
        for fields in [
            [0; 8],
            [u16::MAX; 8],
            [1600, 12, 0, 31, 0, 0, 0, 0],
            [10_000, 1, 0, 1, 0, 0, 0, 0],
            [12_024, 3, 0, 5, 14, 7, 9, 0],
            [30_828, 1, 0, 1, 0, 0, 0, 0],
            [2024, 13, 0, 5, 0, 0, 0, 0],
            [2024, 0, 0, 5, 0, 0, 0, 0],
            [2023, 2, 0, 29, 0, 0, 0, 0],
            [2024, 3, 0, 5, 24, 0, 0, 0],
            [2024, 3, 0, 5, 0, 60, 0, 0],
            [2024, 3, 0, 5, 0, 0, 60, 0],
            [2024, 3, 0, 5, 0, 0, 0, 1000],
        ] {
            assert!(!is_date(fields), "{fields:?}");
        }
    }

    #[test]
    fn times_in_fragments_and_in_arrays_are_mended_alike() {
        let (good, bad) = (1_u64.to_le_bytes(), YEAR_10000.to_le_bytes());
        let [date, none] = [2024, 12024].map(|year| systemtime([year, 3, 0, 5, 14, 7, 9, 0]));
        let of = |time: [u8; 8], kind: u8| {
            let dates = [&date[..], &none].concat();
            let inner = instance(&[(0x06, &[3, 0]), (FILETIME, &time), (ARRAY | kind, &dates)]);
            let times = [good, time, good].concat();
            // Two instances in a fragment, as some providers write them.
            let two = [&instance(&[(SYSTEMTIME, &date), (FILETIME, &good)])[..], &inner].concat();
            let nested = instance(&[(FRAGMENT, &two), (ARRAY | FILETIME, &times)]);
            chunk(&instance(&[(FRAGMENT, &nested), (FRAGMENT, &inner), (FILETIME, &time)]))
        };
        let mended = mend(&of(bad, SYSTEMTIME)).unwrap();
        let mut expected = of(NEVER, SYSTEMTIME);
        let array = [ARRAY | SYSTEMTIME, 0];
        for at in 1..expected.len() {
            if expected[at..].starts_with(&array) {
                expected[at] = NULL;
            }
        }
        assert!(mended == expected);
        assert_eq!(mend(&mended[..]).map(|again| again == mended), Some(true), "once is enough");
    }

    #[test]
    fn numbers_of_other_types_and_values_past_the_end_stay() {
        for kind in [0x0a, 0x15, 0x0e, 0x01] {
            assert_eq!(mend(&chunk(&instance(&[(kind, &NEVER)]))), None, "{kind:#x}");
        }
        let mut cut = instance(&[(0x06, &[3, 0]), (FILETIME, &YEAR_10000.to_le_bytes())]);
        cut.truncate(cut.len() - 1);
        assert_eq!(mend(&chunk(&cut)), None);
    }
}
