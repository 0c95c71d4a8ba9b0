//! The [`Shape`] of a template: where in its values the parts of an event are.

use std::borrow::Cow;

use crate::{
    bytes::utf16,
    evtx::{
        event::{COMPUTER, EVENT_ID, Event, LONGEST_NAME, PROVIDER_NAME, RECORD_ID, SYSTEM_TIME, joined},
        kind::{FRAGMENT, HEX64, NULL},
        tokens::{FRAGMENT_HEADER, NO_DEPENDENCY, Names, Token, Tokens, Use, is},
        tree,
    },
};

/// How much of an event is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Of `System` the members that an [`Event`] has fields for, of `EventData` the fields with these names, and the time as
    /// [`Event::time`] where it is one.
    Only(&'static [&'static str]),
}

/// Where the members of `System` and the fields of `EventData` stand in a template.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// By the names of [`Event::system`].
    pub(super) system: Vec<(Cow<'static, str>, Member)>,
    pub(super) data: Vec<(Cow<'static, str>, Member)>,
    /// The value that is the time, and need not be text where [`Extent::Only`] some of an event is read.
    pub(super) time: Option<usize>,
    /// The value that is the event's data, as BinXML of its own.
    pub(super) fragment: Option<usize>,
    /// Whether there is no event without its data.
    pub(super) depends: bool,
    /// The values that its members are made of or depend on.
    used: Vec<usize>,
    /// How many values an instance must have.
    pub(super) values: usize,
    /// Where the values of an event are that is known by them, and not by what the template says.
    pub(super) plain: Plain,
}

/// A template in which each part of interest is one value, and each value one part at most.
#[derive(Debug, Default)]
pub(super) enum Plain {
    /// This is none.
    #[default]
    No,
    /// The `System`.
    System { provider: Name, event_id: usize, record_id: usize, computer: Name },
    /// The fields, those that [`Extent::Only`] names: which value each is, if there is such a field.
    Data(Vec<Option<usize>>),
    /// The fields, all of which are read.
    AllData,
}

/// What stands in a place, and the value without which its element is left out.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) part: Part,
    pub(super) dependency: Option<usize>,
}

#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    Value(usize),
}

impl Shape {
    /// Of the definition with `size` bytes of BinXML at `start` of a chunk: an `Event` with its `System` and the place of its
    /// data, or an `EventData`, and nothing behind it. Besides, the names in it.
    pub(super) fn read(chunk: &[u8], start: usize, size: usize, extent: Extent) -> Option<(Self, Vec<Use<'_>>)> {
        let mut shape = Self::default();
        let mut tokens = Tokens::new(chunk, start..start.checked_add(size)?, Names::Plain);
        if tokens.take(FRAGMENT_HEADER.len())? != FRAGMENT_HEADER {
            return None;
        }
        let Token::Open { name, dependency } = tokens.next()? else { return None };
        if is(name, "Event") {
            shape.read_event(&mut tokens, dependency, extent)?;
            shape.plain = shape.plain_system().unwrap_or_default();
        } else if is(name, "EventData") && dependency == NO_DEPENDENCY {
            shape.read_data(&mut tokens, extent)?;
            shape.plain = shape.plain_data(extent).unwrap_or_default();
        } else {
            return None;
        }
        let rest = tokens.rest();
        (rest.is_empty() || rest == END).then_some((shape, tokens.uses))
    }

    fn read_event(&mut self, tokens: &mut Tokens<'_>, dependency: u16, extent: Extent) -> Option<()> {
        loop {
            match tokens.next()? {
                Token::Attribute(_) => match tokens.next()? {
                    Token::Text(_) => {}
                    _ => return None,
                },
                Token::CloseStart => break,
                _ => return None,
            }
        }
        let Token::Open { name, dependency: NO_DEPENDENCY } = tokens.next()? else { return None };
        if !is(name, "System") || tokens.next()? != Token::CloseStart {
            return None;
        }
        let mut names: Vec<&[u8]> = Vec::with_capacity(16);
        loop {
            match tokens.next()? {
                Token::Open { name, dependency } if !names.contains(&name) => {
                    names.push(name);
                    self.read_member(tokens, name, dependency, extent)?;
                }
                Token::CloseElement => break,
                _ => return None,
            }
        }
        let Token::Value { index: data, kind } = tokens.next()? else { return None };
        if !is_type(kind) || tokens.next()? != Token::CloseElement || ![NO_DEPENDENCY, data].contains(&dependency) {
            return None;
        }
        // What shows the data besides is for the parser.
        if self.used.contains(&data.into()) {
            return None;
        }
        self.needs(data.into());
        self.fragment = Some(data.into());
        self.depends = dependency != NO_DEPENDENCY;
        Some(())
    }

    /// Reads the attributes and the text of an element of `System` whose start was taken.
    fn read_member(&mut self, tokens: &mut Tokens<'_>, name: &[u8], dependency: u16, extent: Extent) -> Option<()> {
        let element = plain(name);
        let mut names: Vec<&[u8]> = Vec::new();
        loop {
            match tokens.next()? {
                Token::Attribute(name) if !names.contains(&name) => {
                    names.push(name);
                    let member = self.member(&tokens.next()?, dependency)?;
                    self.add_to_system(joined(&element, &plain(name)), member, extent);
                }
                Token::CloseStart => break,
                Token::CloseEmpty => return Some(()),
                _ => return None,
            }
        }
        match tokens.next()? {
            Token::CloseElement => return Some(()),
            token => {
                let member = self.member(&token, dependency)?;
                self.add_to_system(Cow::Owned(element), member, extent);
            }
        }
        (tokens.next()? == Token::CloseElement).then_some(())
    }

    fn add_to_system(&mut self, name: Cow<'static, str>, member: Member, extent: Extent) {
        if extent != Extent::Whole && !Event::OWN.contains(&&*name) {
            return;
        }
        if let (SYSTEM_TIME, &Member { part: Part::Value(index), dependency: None }) = (&*name, &member) {
            self.time = Some(index);
        }
        self.system.push((name, member));
    }

    fn read_data(&mut self, tokens: &mut Tokens<'_>, extent: Extent) -> Option<()> {
        if tokens.next()? != Token::CloseStart {
            return None;
        }
        let mut names: Vec<&[u8]> = Vec::with_capacity(32);
        let mut next = 0;
        loop {
            let dependency = match tokens.next()? {
                Token::Open { name, dependency } if is(name, "Data") => dependency,
                Token::CloseElement => return Some(()),
                _ => return None,
            };
            let Token::Attribute(attribute) = tokens.next()? else { return None };
            let Token::Text(name) = tokens.next()? else { return None };
            let is_known = is(attribute, "Name") && is_plain(name) && !names.contains(&name);
            if !is_known || tokens.next()? != Token::CloseStart {
                return None;
            }
            names.push(name);
            let member = self.member(&tokens.next()?, dependency)?;
            if tokens.next()? != Token::CloseElement {
                return None;
            }
            match extent {
                Extent::Whole => self.data.push((Cow::Owned(plain(name)), member)),
                Extent::Only(fields) => {
                    // Mostly they are in the same order here and there.
                    let (before, behind) = fields.split_at(next);
                    let found = behind.iter().chain(before).position(|field| is(name, field));
                    if let Some(place) = found.map(|found| (next + found) % fields.len()) {
                        self.data.extend(fields.get(place).map(|&field| (Cow::Borrowed(field), member)));
                        next = (place + 1) % fields.len();
                    }
                }
            }
        }
    }

    fn member(&mut self, content: &Token<'_>, dependency: u16) -> Option<Member> {
        let part = match *content {
            Token::Text(text) if !has_surrogates(text) && !text.as_chunks::<2>().0.contains(&[0, 0]) => {
                Part::Text(tree::text(text))
            }
            Token::Value { index, kind } if is_type(kind) => Part::Value(index.into()),
            _ => return None,
        };
        let dependency = (dependency != NO_DEPENDENCY).then_some(usize::from(dependency));
        let indices = dependency.into_iter().chain(if let Part::Value(index) = part { Some(index) } else { None });
        indices.for_each(|index| self.needs(index));
        Some(Member { part, dependency })
    }

    pub(super) fn is_time(&self, index: usize) -> bool {
        self.time.is_some() && self.system.get(index).is_some_and(|(name, _)| name == SYSTEM_TIME)
    }

    fn plain_system(&self) -> Option<Plain> {
        let only = |name: &str| {
            let mut named = self.system.iter().filter(|(other, _)| other == name).map(|(_, member)| member);
            named.next().filter(|_| named.next().is_none())
        };
        let name = |name: &str| {
            let member = only(name)?;
            match &member.part {
                Part::Value(_) => member.value().map(Name::Value),
                Part::Text(text) if member.dependency.is_none() && text.len() <= LONGEST_NAME => {
                    Some(Name::Text(utf16(text)))
                }
                Part::Text(_) => None,
            }
        };
        let event_id = only(EVENT_ID)?.value()?;
        let record_id = only(RECORD_ID)?.value()?;
        Some(Plain::System { provider: name(PROVIDER_NAME)?, event_id, record_id, computer: name(COMPUTER)? })
    }

    fn plain_data(&self, extent: Extent) -> Option<Plain> {
        let values: Vec<usize> = self.data.iter().map(|(_, member)| member.value()).collect::<Option<_>>()?;
        let is_repeated = |(place, value)| values.iter().take(place).any(|before| before == value);
        if values.iter().enumerate().any(is_repeated) {
            return None;
        }
        let Extent::Only(fields) = extent else { return Some(Plain::AllData) };
        let place = |field: &&'static str| self.data.iter().position(|(name, _)| name == field);
        Some(Plain::Data(fields.iter().map(|field| values.get(place(field)?).copied()).collect()))
    }

    fn needs(&mut self, index: usize) {
        self.used.push(index);
        self.values = self.values.max(index.saturating_add(1));
    }
}

/// Where the name of the provider or of the host is.
#[derive(Debug)]
pub(super) enum Name {
    /// In a value.
    Value(usize),
    /// In the template, in UTF-16. It is no longer than [`LONGEST_NAME`], since each record repeats it.
    Text(Vec<u8>),
}

impl Member {
    /// The value that it is, if it is that and depends on no other.
    fn value(&self) -> Option<usize> {
        match self.part {
            Part::Value(index) if self.dependency.is_none_or(|other| other == index) => Some(index),
            _ => None,
        }
    }
}

/// Whether the parser knows a value type. That of a substitution does not matter beyond that: its value has one of its own.
fn is_type(kind: u8) -> bool {
    matches!(kind, NULL..=HEX64 | FRAGMENT | 0x81..=0x95)
}

/// What ends BinXML.
const END: [u8; 1] = [0];

fn is_plain(name: &[u8]) -> bool {
    let is_plain = |&[low, high]: &[u8; 2]| low.is_ascii_alphanumeric() && high == 0;
    !name.is_empty() && name.as_chunks().0.iter().all(is_plain)
}

/// A plain name as text.
fn plain(name: &[u8]) -> String {
    name.as_chunks::<2>().0.iter().map(|&[low, _]| char::from(low)).collect()
}

/// Whether UTF-16 text has one of the units that are half of a character, or of none.
pub(super) fn has_surrogates(units: &[u8]) -> bool {
    let (long, rest) = units.as_chunks::<64>();
    long.iter().any(has_one)
        || match units.last_chunk::<16>() {
            Some(last) => rest.as_chunks::<16>().0.iter().any(has_one) || has_one(last),
            None => rest.as_chunks().0.iter().copied().any(is_surrogate),
        }
}

/// The same of a block, which is told at once, without a branch for each unit.
fn has_one<const SIZE: usize>(block: &[u8; SIZE]) -> bool {
    block.as_chunks().0.iter().fold(false, |any, &unit| any | is_surrogate(unit))
}

fn is_surrogate(unit: [u8; 2]) -> bool {
    u16::from_le_bytes(unit) & 0xf800 == 0xd800
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surrogate_is_seen_wherever_it_stands() {
        for count in 0..90 {
            let units =
                [0xd7ff_u16, 0xe000].repeat(count).iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>();
            for length in [2 * count, 4 * count] {
                let mut units = units[..length].to_vec();
                assert!(!has_surrogates(&units));
                for at in (0..length).step_by(2) {
                    let high = std::mem::replace(&mut units[at + 1], [0xd8, 0xdf][at / 2 % 2]);
                    assert!(has_surrogates(&units), "{at} of {length}");
                    units[at + 1] = high;
                }
            }
        }
    }
}
