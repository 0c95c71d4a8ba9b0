//! [`TimeValue`]: which value of an instance is the time of its record, as the definition of its template says; and which is its EventID.
//!
//! Like [`crate::evtx::instance`], this file recognises the one shape in which Windows writes it, and knows nothing of any other.
//! The time of a record is the attribute `SystemTime` of its `Event/System/TimeCreated`, so in that shape
//!
//! 1. the root is `Event`, its first child is `System`, and all that is in `System` before `TimeCreated` are elements of
//!    other names: a value between them could be a fragment with a `TimeCreated` of its own, and the parser gives the name
//!    to the first of two;
//! 2. `SystemTime` is the only attribute of `TimeCreated`, and its value is one substitution of a FILETIME;
//! 3. the names up to there are letters and digits, since the parser writes a quote in one into its JSON as it is, and no
//!    value up to there is a fragment with names of its own, which only an instance tells;
//! 4. neither `System` nor `TimeCreated` depends on another value, which would leave it out.

use std::ops::Range;

use crate::evtx::{
    kind::FILETIME,
    tokens::{FRAGMENT_HEADER, NO_DEPENDENCY, Names, Token, Tokens, is},
};

/// Where an instance has its record's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeValue {
    /// The index of the value.
    pub index: u16,
    /// The indices of those that are in the definition up to it. None of them may be a fragment.
    pub up_to: Vec<u16>,
}

/// Where the time is of records with the definition whose BinXML is here in `chunk`; nothing unless it has the known shape.
#[must_use]
pub fn time_value(chunk: &[u8], binxml: Range<usize>) -> Option<TimeValue> {
    let mut tokens = in_system(chunk, binxml)?;
    loop {
        let Token::Open { name, dependency } = tokens.next()? else { return None };
        if !is(name, "TimeCreated") {
            tokens.skip_element()?;
            continue;
        }
        let Token::Attribute(name) = tokens.next()? else { return None };
        let Token::Value { index, kind: FILETIME } = tokens.next()? else { return None };
        let depends = dependency != NO_DEPENDENCY && dependency != index;
        let known = is(name, "SystemTime") && tokens.next()? == Token::CloseEmpty && !depends;
        return known.then_some(TimeValue { index, up_to: tokens.values });
    }
}

/// Which value is the EventID of records with the definition whose BinXML is here in `chunk`, if that is one value; nothing unless the
/// definition has the known shape.
#[must_use]
pub fn id_value(chunk: &[u8], binxml: Range<usize>) -> Option<u16> {
    let mut tokens = in_system(chunk, binxml)?;
    let mut id = None;
    loop {
        let name = match tokens.next()? {
            Token::Open { name, .. } => name,
            Token::CloseElement => return id,
            _ => return None,
        };
        if !is(name, "EventID") {
            tokens.skip_element()?;
            continue;
        }
        loop {
            match tokens.next()? {
                Token::CloseStart => break,
                Token::Attribute(_) | Token::Text(_) | Token::Value { .. } => {}
                _ => return None,
            }
        }
        let Token::Value { index, .. } = tokens.next()? else { return None };
        if tokens.next()? != Token::CloseElement || id.replace(index).is_some() {
            return None;
        }
    }
}

/// The tokens of a definition from the first member of its `System` on.
fn in_system(chunk: &[u8], binxml: Range<usize>) -> Option<Tokens<'_>> {
    let mut tokens = Tokens::new(chunk, binxml, Names::Plain);
    if tokens.take(FRAGMENT_HEADER.len())? != FRAGMENT_HEADER {
        return None;
    }
    tokens.open("Event")?;
    loop {
        match tokens.next()? {
            Token::CloseStart => break,
            Token::Attribute(_) | Token::Text(_) | Token::Value { .. } => {}
            _ => return None,
        }
    }
    if tokens.open("System")? != NO_DEPENDENCY || tokens.next()? != Token::CloseStart {
        return None;
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evtx::tokens::NAME_LINK;

    /// A token to write: an element's start with what it depends on, an attribute, a value, a text, a byte.
    #[derive(Clone, Copy)]
    enum Piece {
        Open(&'static str, u16),
        Attribute(&'static str),
        Value(u16, u8),
        Text,
        Byte(u8),
    }
    use Piece::{Attribute, Byte, Open, Text, Value};

    const START: Piece = Byte(0x02);
    const EMPTY: Piece = Byte(0x03);
    const END: Piece = Byte(0x04);
    const NONE: u16 = NO_DEPENDENCY;

    fn definition(pieces: &[Piece]) -> Vec<u8> {
        let mut bytes = FRAGMENT_HEADER.to_vec();
        let name = |bytes: &mut Vec<u8>, name: &str| {
            let here = u32::try_from(bytes.len() + 4).unwrap().to_le_bytes();
            bytes.extend([&here[..], &[0; NAME_LINK], &u16::try_from(name.len()).unwrap().to_le_bytes()].concat());
            bytes.extend(name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
        };
        for (index, piece) in pieces.iter().enumerate() {
            match *piece {
                Open(element, dependency) => {
                    let has_attributes = matches!(pieces.get(index + 1), Some(Attribute(_)));
                    bytes.push(if has_attributes { 0x41 } else { 0x01 });
                    bytes.extend(dependency.to_le_bytes());
                    bytes.extend([0; 4]);
                    name(&mut bytes, element);
                    bytes.extend([0; 4].iter().filter(|_| has_attributes));
                }
                Attribute(attribute) => {
                    bytes.push(0x06);
                    name(&mut bytes, attribute);
                }
                Value(index, kind) => {
                    bytes.push(0x0e);
                    bytes.extend(index.to_le_bytes());
                    bytes.push(kind);
                }
                Text => bytes.extend([0x05, 0x01, 1, 0, b'x', 0]),
                Byte(byte) => bytes.push(byte),
            }
        }
        bytes
    }

    fn time_of(pieces: &[Piece]) -> Option<u16> {
        let bytes = definition(pieces);
        time_value(&bytes, 0..bytes.len()).map(|time| time.index)
    }

    /// As Windows writes it, but for elements that tell nothing more.
    #[rustfmt::skip]
    const WINDOWS: [Piece; 24] = [
        Open("Event", 17), Attribute("xmlns"), Text, START,
        Open("System", NONE), START,
        Open("Provider", NONE), Attribute("Name"), Value(14, 1), EMPTY,
        Open("EventID", 3), Attribute("Qualifiers"), Value(4, 6), START, Value(3, 6), END,
        Open("TimeCreated", NONE), Attribute("SystemTime"), Value(6, FILETIME), EMPTY,
        END, Value(17, 0x21), END, Byte(0),
    ];

    #[test]
    fn the_event_id_is_the_value_of_its_element() {
        let id_of = |pieces: &[Piece]| {
            let bytes = definition(pieces);
            id_value(&bytes, 0..bytes.len())
        };
        let with = |at: usize, pieces: &[Piece]| {
            let mut all = WINDOWS.to_vec();
            all.splice(at..=at, pieces.iter().copied());
            id_of(&all)
        };
        assert_eq!(id_of(&WINDOWS), Some(3));
        assert_eq!(with(14, &[Value(9, 0x03)]), Some(9));
        for (at, pieces, why) in [
            (14, &[Text][..], "text"),
            (14, &[Value(3, 6), Value(4, 6)], "two values"),
            (14, &[Text, Value(3, 6)], "text and a value"),
            (15, &[END, Open("EventID", 3), START, Value(5, 4), END], "twice"),
            (13, &[EMPTY, Open("Version", NONE), START], "empty"),
        ] {
            assert_eq!(with(at, pieces), None, "{why}");
        }
    }

    fn with(at: usize, pieces: &[Piece]) -> Option<u16> {
        let mut all = WINDOWS.to_vec();
        all.splice(at..=at, pieces.iter().copied());
        time_of(&all)
    }

    #[test]
    fn the_time_is_the_value_of_its_attribute() {
        let bytes = definition(&WINDOWS);
        let time = TimeValue { index: 6, up_to: vec![14, 4, 3, 6] };
        assert_eq!(time_value(&bytes, 0..bytes.len()), Some(time));
        assert_eq!(with(18, &[Value(9, FILETIME)]), Some(9));
        assert_eq!(with(16, &[Open("TimeCreated", 6)]), Some(6), "depends on itself");
        let nested =
            [Open("A", 1), START, Open("TimeCreated", NONE), EMPTY, Open("B", 1), START, END, Value(1, 1), END];
        assert_eq!(with(5, &[&[START], &nested[..]].concat()), Some(6), "in another element");
    }

    #[test]
    fn any_other_shape_tells_nothing() {
        for (at, pieces, why) in [
            (0, &[Open("Events", NONE)][..], "another root"),
            (3, &[START, Value(17, 0x21)], "a fragment before System"),
            (3, &[START, Open("EventData", NONE), EMPTY], "an element before System"),
            (3, &[EMPTY], "nothing in the root"),
            (4, &[Open("System", 5)], "System may be left out"),
            (5, &[START, Value(7, 0x21)], "a fragment in System"),
            (1, &[Attribute("xmlns\"")], "a quote in the name of an attribute"),
            (6, &[Open("Provider\"", NONE)], "a quote in the name of an element"),
            (9, &[START, Open("\"", NONE), EMPTY, END], "a quote in a name further down"),
            (5, &[START, Text], "text in System"),
            (5, &[START, END], "an end too many"),
            (15, &[END, Open("TimeCreated", NONE), EMPTY], "another TimeCreated before it"),
            (15, &[END, Open("TimeCreated\0x", NONE), EMPTY], "a name that ends with its NUL"),
            (16, &[Open("TimeCreated", 5)], "TimeCreated may be left out"),
            (17, &[Attribute("RawTime"), Text, Attribute("SystemTime")], "another attribute before it"),
            (17, &[Attribute("RawTime")], "another attribute in its place"),
            (18, &[Text], "text"),
            (18, &[Value(6, 0x01)], "another type"),
            (18, &[Value(6, FILETIME), Value(6, FILETIME)], "two values"),
            (18, &[Value(6, FILETIME), Attribute("RawTime"), Text], "another attribute behind it"),
            (19, &[START, Text, END], "content"),
            (9, &[Byte(0x0c), EMPTY], "an unknown token"),
        ] {
            assert_eq!(with(at, pieces), None, "{why}");
        }
    }

    #[test]
    fn a_definition_that_is_cut_off_tells_nothing_and_its_sizes_do_not_matter() {
        let bytes = definition(&WINDOWS);
        let whole = (0..bytes.len()).find(|&end| time_value(&bytes, 0..end).is_some());
        assert_eq!(whole, Some(definition(&WINDOWS[..20]).len()));
        for end in 0..bytes.len() {
            assert_eq!(time_value(&bytes[..end], 0..bytes.len()), None);
        }
        assert_eq!(time_value(&bytes, bytes.len() + 1..bytes.len()), None);
    }
}
