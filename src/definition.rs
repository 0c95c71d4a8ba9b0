//! A template's definition: which of an instance's values is the record's time.
//!
//! Like [`crate::record`], this file recognises the one shape in which Windows writes it, and knows nothing of any other. The
//! time of a record is the attribute `SystemTime` of its `Event/System/TimeCreated`, so in that shape
//!
//! 1. the root is `Event`, its first child is `System`, and all that is in `System` before `TimeCreated` are elements of
//!    other names: a value that were there could be a fragment with a `TimeCreated` of its own, and the parser takes the
//!    first of two;
//! 2. `SystemTime` is the only attribute of `TimeCreated`, and its value is one substitution of a FILETIME;
//! 3. neither `System` nor `TimeCreated` depends on another value, which would leave it out.
//!
//! Tokens are those of MS-EVEN6 2.2.12 as definitions have them, with names by their offset in the chunk. Sizes in them are
//! not believed, since the parser does not need them.

use std::ops::Range;

use crate::bytes::{u16_at, u32_at};

/// The BinXML type of a FILETIME.
pub(crate) const FILETIME: u8 = 0x11;

const FRAGMENT_HEADER: [u8; 4] = [0x0f, 0x01, 0x01, 0x00];
const NO_DEPENDENCY: u16 = 0xffff;
/// Of a name, before its length: the offset of the next one, and a hash.
const NAME_LINK: usize = 6;

/// The index of the value that is the time of records with the definition whose BinXML is here in `chunk`; nothing unless it
/// has the known shape.
pub(crate) fn time_value(chunk: &[u8], binxml: Range<usize>) -> Option<u16> {
    let mut tokens = Tokens { chunk, at: binxml.start, end: binxml.end };
    if tokens.take(FRAGMENT_HEADER.len())? != FRAGMENT_HEADER {
        return None;
    }
    tokens.open("Event")?;
    loop {
        match tokens.next()? {
            Token::CloseStart => break,
            Token::Attribute(_) | Token::Text | Token::Value { .. } => {}
            _ => return None,
        }
    }
    if tokens.open("System")? != NO_DEPENDENCY || tokens.next()? != Token::CloseStart {
        return None;
    }
    loop {
        let Token::Open { name, dependency } = tokens.next()? else { return None };
        if !is(name, "TimeCreated")? {
            tokens.skip_element()?;
            continue;
        }
        let Token::Attribute(name) = tokens.next()? else { return None };
        let Token::Value { index, kind: FILETIME } = tokens.next()? else { return None };
        let depends = dependency != NO_DEPENDENCY && dependency != index;
        let known = is(name, "SystemTime")? && tokens.next()? == Token::CloseEmpty && !depends;
        return known.then_some(index);
    }
}

/// A token, of those that are in the definitions of outer templates. Names are UTF-16LE.
#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    Open { name: &'a [u8], dependency: u16 },
    Attribute(&'a [u8]),
    Text,
    Value { index: u16, kind: u8 },
    CloseStart,
    CloseEmpty,
    CloseElement,
}

/// The tokens of a definition, one by one.
#[derive(Debug)]
struct Tokens<'a> {
    chunk: &'a [u8],
    at: usize,
    /// Where they end, in the chunk as well.
    end: usize,
}

impl<'a> Tokens<'a> {
    /// The next token; nothing if it is another than those known, or if there is none.
    fn next(&mut self) -> Option<Token<'a>> {
        let &[token] = self.take(1)? else { return None };
        match token {
            0x01 | 0x41 => {
                let dependency = self.u16()?;
                let _size = self.u32()?;
                let name = self.name()?;
                if token == 0x41 {
                    let _size_of_attributes = self.u32()?;
                }
                Some(Token::Open { name, dependency })
            }
            0x02 => Some(Token::CloseStart),
            0x03 => Some(Token::CloseEmpty),
            0x04 => Some(Token::CloseElement),
            0x05 | 0x45 => {
                // A UTF-16 string.
                if self.take(1)? != [0x01] {
                    return None;
                }
                let units = usize::from(self.u16()?);
                self.take(units * 2)?;
                Some(Token::Text)
            }
            0x06 | 0x46 => Some(Token::Attribute(self.name()?)),
            0x0d | 0x0e => {
                let index = self.u16()?;
                let &[kind] = self.take(1)? else { return None };
                Some(Token::Value { index, kind })
            }
            _ => None,
        }
    }

    /// Takes the start of an element with this name, and returns what it depends on.
    fn open(&mut self, expected: &str) -> Option<u16> {
        match self.next()? {
            Token::Open { name, dependency } if is(name, expected)? => Some(dependency),
            _ => None,
        }
    }

    /// Goes behind an element whose start was taken.
    fn skip_element(&mut self) -> Option<()> {
        let mut inside = 0_usize;
        loop {
            match self.next()? {
                Token::CloseStart => inside += 1,
                Token::CloseElement => inside = inside.checked_sub(1)?,
                Token::CloseEmpty => {}
                _ => continue,
            }
            if inside == 0 {
                return Some(());
            }
        }
    }

    /// The name that an offset in the chunk points to. It stands right here where it is used first.
    fn name(&mut self) -> Option<&'a [u8]> {
        let offset = self.u32()? as usize;
        let size = usize::from(u16_at(self.chunk, offset.checked_add(NAME_LINK)?)?) * 2;
        let name = self.chunk.get(offset + NAME_LINK + 2..)?.get(..size)?;
        if offset == self.at {
            // A NUL ends it.
            self.take(NAME_LINK + 2 + size + 2)?;
        }
        Some(name)
    }

    fn u16(&mut self) -> Option<u16> {
        u16_at(self.take(2)?, 0)
    }

    fn u32(&mut self) -> Option<u32> {
        u32_at(self.take(4)?, 0)
    }

    fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let taken = self.chunk.get(self.at..self.end)?.get(..size)?;
        self.at += size;
        Some(taken)
    }
}

/// Whether a name is this one; nothing if it is not made of letters and digits, as names are.
fn is(name: &[u8], expected: &str) -> Option<bool> {
    let (units, _) = name.as_chunks();
    let plain = |&[low, high]: &[u8; 2]| low.is_ascii_alphanumeric() && high == 0;
    units.iter().all(plain).then(|| units.iter().map(|&[low, _]| low).eq(expected.bytes()))
}
