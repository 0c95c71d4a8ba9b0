//! [`Places`]: where the values of a chunk's records are, all of them of known types, and each as long as such a value is.

use std::ops::RangeInclusive;

use crate::evtx::{
    instance::{Instance, fits},
    kind::{FRAGMENT, NULL, SID, SIZE, SIZES, TEXT},
    shape::has_surrogates,
};

/// How many values an instance may have of which a pattern is kept. Those of Windows have some fifty; of a forged log, thousands.
const LONGEST: usize = 1 << 7;

/// Where values are, those of one instance behind those of another.
#[derive(Debug)]
pub(super) struct Places(Vec<Place>);

/// Where a value is in the chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: u32,
    pub(super) size: u16,
    pub(super) kind: u8,
}

/// The types and sizes that the values of an instance had, all of which were known. Those of the next one of the same template mostly
/// are alike, which is told of all at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Pattern {
    /// What is asked of each descriptor.
    slots: Vec<Slot>,
    /// Spans of values of which most are text: it is cheaper to look at all of them once than at each.
    spans: Vec<RangeInclusive<usize>>,
    /// Which values are text, as runs of some that stand one behind the other.
    texts: Vec<RangeInclusive<usize>>,
    /// Which have a size that they state themselves.
    sids: Vec<usize>,
}

/// The bits of a descriptor that count, and what they were.
#[derive(Debug, Clone, Copy)]
struct Slot {
    mask: u32,
    bits: u32,
}

impl Places {
    /// None yet, with room for the values of so many records.
    pub(super) fn of(records: usize) -> Self {
        Self(Vec::with_capacity(40 * records))
    }

    pub(super) fn get(&self, index: usize) -> Option<Place> {
        self.0.get(index).copied()
    }

    /// Notes where the values of an instance are, if they are of known types and sizes. Returns which is the first, and what is behind them
    /// all.
    pub(super) fn add<'a>(&mut self, instance: &Instance<'a>, pattern: &mut Pattern) -> Option<(usize, &'a [u8])> {
        let first = self.0.len();
        let behind = self.add_alike(instance, pattern).or_else(|| {
            self.0.truncate(first);
            let behind = self.add_each(instance)?;
            pattern.learn(self.0.get(first..)?);
            Some(behind)
        })?;
        Some((first, behind))
    }

    /// The same of values that are like those of a pattern. What it does not take need not be wrong.
    fn add_alike<'a>(&mut self, instance: &Instance<'a>, pattern: &Pattern) -> Option<&'a [u8]> {
        if !pattern.is_of(instance) {
            return None;
        }
        let first = self.0.len();
        let offset = u32::try_from(instance.offset()).ok()?;
        let mut start = offset;
        self.0.extend(instance.descriptors().map(|(kind, size)| {
            let place = Place { start, size, kind };
            start = start.saturating_add(size.into());
            place
        }));
        let (values, behind) = instance.bytes().split_at_checked((start - offset) as usize)?;
        let own = self.0.get(first..)?;
        let bytes = |range: &RangeInclusive<usize>| {
            let (from, to) = (own.get(*range.start())?.start, own.get(*range.end())?.end());
            values.get((from - offset) as usize..(to - offset) as usize)
        };
        let is_plain = |range: &RangeInclusive<usize>| bytes(range).is_some_and(|bytes| !has_surrogates(bytes));
        let are_plain = pattern.spans.iter().all(is_plain) || pattern.texts.iter().all(is_plain);
        let fits_itself = |&sid: &usize| bytes(&(sid..=sid)).is_some_and(|bytes| fits(SID, bytes));
        (are_plain && pattern.sids.iter().all(fits_itself)).then_some(behind)
    }

    fn add_each<'a>(&mut self, instance: &Instance<'a>) -> Option<&'a [u8]> {
        let (mut values, mut start) = (instance.bytes(), u32::try_from(instance.offset()).ok()?);
        for (kind, size) in instance.descriptors() {
            let (value, behind) = values.split_at_checked(size.into())?;
            if !is_known(kind, value) {
                return None;
            }
            self.0.push(Place { start, size, kind });
            (values, start) = (behind, start.checked_add(size.into())?);
        }
        Some(values)
    }
}

impl Place {
    fn end(self) -> u32 {
        self.start.saturating_add(self.size.into())
    }
}

impl Pattern {
    /// Becomes that of values that are known.
    fn learn(&mut self, places: &[Place]) {
        let Self { slots, spans, texts, sids } = self;
        slots.clear();
        spans.clear();
        texts.clear();
        sids.clear();
        if places.len() > LONGEST {
            return;
        }
        for (index, &Place { size, kind, .. }) in places.iter().enumerate() {
            let sizes = match kind {
                TEXT => 0x0001,
                NULL | FRAGMENT => 0x0000,
                _ => 0xffff,
            };
            let bits = u32::from(kind) << 16 | u32::from(size) & sizes;
            self.slots.push(Slot { mask: 0x00ff_0000 | sizes, bits });
            match kind {
                TEXT => self.add_text(index, places),
                SID => self.sids.push(index),
                _ => {}
            }
        }
    }

    /// Adds a text to the span before, if between them are only few values, such as ports, that hardly ever look like what is looked for in
    /// texts. It finds these units of 16 bits where there are whole ones.
    fn add_text(&mut self, index: usize, places: &[Place]) {
        let is_between = |place: &Place| matches!(place.size, 2 | 4) && !matches!(place.kind, NULL | FRAGMENT);
        let between = |last: usize| places.get(last + 1..index).unwrap_or_default();
        extend(&mut self.spans, index, |last| between(last).iter().all(is_between));
        extend(&mut self.texts, index, |last| last + 1 == index);
    }

    /// Whether an instance has as many values, all of the same types and of sizes that these can have.
    fn is_of(&self, instance: &Instance<'_>) -> bool {
        // Without a branch for each.
        let differ = |differing, (stated, slot): (u32, &Slot)| differing | stated & slot.mask ^ slot.bits;
        instance.count() == self.slots.len() && instance.stated().zip(&self.slots).fold(0, differ) == 0
    }
}

/// Adds an index to the last of some ranges, if that goes on to it, or else as one of its own.
fn extend(ranges: &mut Vec<RangeInclusive<usize>>, index: usize, goes_on: impl Fn(usize) -> bool) {
    match ranges.last_mut().filter(|last| goes_on(*last.end())) {
        Some(last) => *last = *last.start()..=index,
        None => ranges.push(index..=index),
    }
}

/// Whether a value is of a known type, and as long as such a value is. Those that are BinXML of their own are for who knows where
/// there may be one.
#[inline]
fn is_known(kind: u8, value: &[u8]) -> bool {
    // Half of all values are text, and it costs to guess wrongly which type comes next.
    if kind == TEXT {
        return value.len().is_multiple_of(2) && !has_surrogates(value);
    }
    match SIZES.get(usize::from(kind)) {
        Some(&size) if size > 0 => value.len() == usize::from(size),
        _ => matches!(kind, NULL | FRAGMENT) || matches!(kind, SIZE | SID) && fits(kind, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evtx::{
        instance::tests::instance,
        kind::{BOOL, GUID, UINT16},
        record::Record,
    };

    /// What is noted of an instance with these values, and what is behind them.
    fn added(values: &[(u8, &[u8])], pattern: &mut Pattern) -> Option<(Vec<Place>, Vec<u8>)> {
        // The first place of an instance need not be the first of all.
        let mut places = Places(vec![Place { start: 1, size: 2, kind: TEXT }]);
        let binxml = instance(values, &[0, 7]);
        let whole = Instance::of(&binxml, Record { offset: 0, size: binxml.len() }).unwrap();
        let (first, behind) = places.add(&whole, pattern)?;
        assert_eq!(first, 1);
        Some((places.0, behind.to_vec()))
    }

    #[test]
    fn values_that_are_alike_are_taken_at_once_as_each_for_itself_would_be() {
        const SOUND: [(u8, &[u8]); 14] = [
            (TEXT, b"a\0b\0"),
            (TEXT, b""),
            (TEXT, &[b'x'; 80]),
            (NULL, b""),
            (NULL, b"any"),
            (UINT16, b"12"),
            (UINT16, &[0xd8; 2]),
            (BOOL, b"1234"),
            (GUID, &[0xd8; 16]),
            (SIZE, b"1234"),
            (SIZE, b"12345678"),
            (SID, &[1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]),
            (SID, &[1, 2, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, 0, 0, 0, 0]),
            (FRAGMENT, b"0123"),
        ];
        const UNSOUND: [(u8, &[u8]); 9] = [
            (TEXT, b"a\0b"),
            (TEXT, &[0, 0xd8]),
            (TEXT, &[0xdf; 90]),
            (UINT16, b"1"),
            (BOOL, b""),
            (GUID, &[0; 17]),
            (SIZE, b"12345"),
            (SID, &[1, 9, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]),
            (0x81, b"a\0\0\0"),
        ];
        let all = || SOUND.into_iter().chain(UNSOUND);
        let text: (u8, &[u8]) = (TEXT, b"t\0");
        for first in SOUND {
            for second in SOUND {
                let mut pattern = Pattern::default();
                let (noted, behind) = added(&[first, second, text], &mut pattern).unwrap();
                assert_eq!((noted.len(), &*behind), (4, &[0, 7][..]));
                for (other, last) in all().flat_map(|other| [(other, text), (other, (TEXT, &[0, 0xd8]))]) {
                    for values in [&[other, second, last][..], &[first, other, last], &[first, second, last, other]] {
                        let mut known = pattern.clone();
                        assert_eq!(added(values, &mut known), added(values, &mut Pattern::default()), "{values:?}");
                    }
                }
            }
        }
        for unsound in UNSOUND {
            assert_eq!(added(&[text, unsound], &mut Pattern::default()), None, "{unsound:?}");
        }
    }

    #[test]
    fn sizes_beyond_the_end_are_those_of_no_values() {
        let mut pattern = Pattern::default();
        let mut binxml = instance(&[(TEXT, b"a\0"), (TEXT, b"b\0")], &[0]);
        let noted = |binxml: &[u8], pattern: &mut Pattern| {
            let whole = Instance::of(binxml, Record { offset: 0, size: binxml.len() }).unwrap();
            Places(Vec::new()).add(&whole, pattern).map(|(first, behind)| (first, behind.to_vec()))
        };
        assert_eq!(noted(&binxml, &mut pattern), Some((0, vec![0])));
        let size = binxml.windows(4).rposition(|bytes| bytes == [2, 0, TEXT, 0]).unwrap();
        for more in [4, 0xfe] {
            binxml[size] = more;
            assert_eq!(noted(&binxml, &mut pattern), None);
        }
    }
}
