//! [`Tokens`]: what the definition of a template is made of, one token after the other.
//!
//! They are those of MS-EVEN6 2.2.12 as definitions have them, with names by their offset in the chunk. Sizes in them are not believed,
//! since the parser does not need them.

use std::ops::Range;

use crate::bytes::{u16_at, u32_at};

/// What BinXML of its own starts with.
pub(crate) const FRAGMENT_HEADER: [u8; 4] = [0x0f, 0x01, 0x01, 0x00];
/// What an element depends on that depends on nothing.
pub(crate) const NO_DEPENDENCY: u16 = 0xffff;
/// Of a name, before its length: the offset of the next one, and a hash.
pub(super) const NAME_LINK: usize = 6;
/// What stands before the letters of a name: that and its length.
pub(super) const NAME_HEADER: usize = NAME_LINK + 2;

/// A token, of those that are in Windows' definitions. Names and text are UTF-16LE.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Open { name: &'a [u8], dependency: u16 },
    Attribute(&'a [u8]),
    Text(&'a [u8]),
    Value { index: u16, kind: u8 },
    CloseStart,
    CloseEmpty,
    CloseElement,
}

/// Which names tokens may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Letters and digits.
    Plain,
    /// Any; one that is not in the chunk is empty.
    Any,
}

/// A name that a token has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use<'a> {
    /// Where its offset stands, from the start of the tokens.
    pub(super) at: usize,
    /// Whether it stands right behind that.
    pub(super) is_here: bool,
    pub(super) name: &'a [u8],
}

/// The tokens of a definition, one by one.
#[derive(Debug)]
pub(crate) struct Tokens<'a> {
    chunk: &'a [u8],
    at: usize,
    /// Where they end, in the chunk as well.
    end: usize,
    /// The indices of the values that were met.
    pub(super) values: Vec<u16>,
    names: Names,
    start: usize,
    /// The names that were met.
    pub(super) uses: Vec<Use<'a>>,
}

impl<'a> Tokens<'a> {
    /// Those of the BinXML that is here in `chunk`.
    pub(crate) fn new(chunk: &'a [u8], binxml: Range<usize>, names: Names) -> Self {
        Self {
            chunk,
            at: binxml.start,
            end: binxml.end,
            values: Vec::new(),
            names,
            start: binxml.start,
            uses: Vec::new(),
        }
    }

    /// The next token; nothing if it is another than those known, or if there is none.
    pub(crate) fn next(&mut self) -> Option<Token<'a>> {
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
                self.take(units * 2).map(Token::Text)
            }
            0x06 | 0x46 => Some(Token::Attribute(self.name()?)),
            0x0d | 0x0e => {
                let index = self.u16()?;
                let &[kind] = self.take(1)? else { return None };
                self.values.push(index);
                Some(Token::Value { index, kind })
            }
            _ => None,
        }
    }

    /// Takes the start of an element with this name, and returns what it depends on.
    pub(super) fn open(&mut self, expected: &str) -> Option<u16> {
        match self.next()? {
            Token::Open { name, dependency } if is(name, expected) => Some(dependency),
            _ => None,
        }
    }

    /// Goes behind an element whose start was taken.
    pub(super) fn skip_element(&mut self) -> Option<()> {
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
        let at = self.at - self.start;
        let offset = self.u32()? as usize;
        let name = name_at(self.chunk, offset);
        if self.names == Names::Plain {
            self.uses.push(Use { at, is_here: offset == self.at, name: name.unwrap_or_default() });
        }
        if offset == self.at {
            // A NUL ends it.
            self.take(NAME_HEADER + name?.len() + 2)?;
        }
        let plain = |&[low, high]: &[u8; 2]| low.is_ascii_alphanumeric() && high == 0;
        match self.names {
            Names::Plain => name.filter(|name| name.as_chunks().0.iter().fold(true, |all, unit| all & plain(unit))),
            Names::Any => Some(name.unwrap_or_default()),
        }
    }

    fn u16(&mut self) -> Option<u16> {
        u16_at(self.take(2)?, 0)
    }

    fn u32(&mut self) -> Option<u32> {
        u32_at(self.take(4)?, 0)
    }

    /// What is behind the tokens that were taken.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.chunk.get(self.at..self.end).unwrap_or_default()
    }

    /// Takes some bytes.
    pub(crate) fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let taken = self.chunk.get(self.at..self.end)?.get(..size)?;
        self.at += size;
        Some(taken)
    }
}

/// The letters of the name at an offset of a chunk.
pub(super) fn name_at(chunk: &[u8], offset: usize) -> Option<&[u8]> {
    let size = usize::from(u16_at(chunk, offset.checked_add(NAME_LINK)?)?) * 2;
    chunk.get(offset + NAME_HEADER..)?.get(..size)
}

/// Whether a plain name is this one.
pub(crate) fn is(name: &[u8], expected: &str) -> bool {
    name.len() == 2 * expected.len() && name.as_chunks().0.iter().map(|&[low, _]| low).eq(expected.bytes())
}
