//! The tree of [`Element`]s that a template's definition is: which of an instance's values stands where.
//!
//! Tokens are those of [`crate::evtx::definition`]. A definition with any other is nothing here.

use crate::evtx::tokens::{FRAGMENT_HEADER, Names, Token, Tokens};

/// An element of a definition.
#[derive(Debug)]
pub struct Element {
    /// Its name, where it can still be read; UTF-16 that is none is replaced.
    pub name: String,
    /// Its attributes and their values, in order.
    pub attributes: Vec<(String, Content)>,
    /// What is in it, in order.
    pub content: Vec<Content>,
}

/// What an attribute or an element has.
#[derive(Debug)]
pub enum Content {
    /// Text of the definition.
    Text(String),
    /// A value of the instance, by its index.
    Value(usize),
    /// An element.
    Element(Element),
}

impl Element {
    /// The elements in it, in order.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.content
            .iter()
            .filter_map(|content| if let Content::Element(element) = content { Some(element) } else { None })
    }
}

/// How deep elements are nested in Windows' templates, and some more.
const DEPTH: usize = 8;

/// The root element of the definition with `size` bytes of BinXML at `start` of a chunk, whatever follows it. Names need not be
/// readable: where they stand is enough.
#[must_use]
pub fn any(chunk: &[u8], start: usize, size: usize) -> Option<Element> {
    let mut tokens = Tokens::new(chunk, start..start.checked_add(size)?, Names::Any);
    if tokens.take(FRAGMENT_HEADER.len())? != FRAGMENT_HEADER {
        return None;
    }
    let Token::Open { name, .. } = tokens.next()? else { return None };
    element(name, &mut tokens, DEPTH)
}

/// The element whose start and name were taken.
fn element(name: &[u8], tokens: &mut Tokens<'_>, depth: usize) -> Option<Element> {
    let depth = depth.checked_sub(1)?;
    let mut element = Element { name: text(name), attributes: Vec::new(), content: Vec::new() };
    loop {
        match tokens.next()? {
            Token::Attribute(name) => {
                let name = text(name);
                let token = tokens.next()?;
                element.attributes.push((name, content(&token)?));
            }
            Token::CloseStart => break,
            Token::CloseEmpty => return Some(element),
            _ => return None,
        }
    }
    loop {
        match tokens.next()? {
            Token::CloseElement => return Some(element),
            Token::Open { name, .. } => {
                element.content.push(Content::Element(self::element(name, tokens, depth)?));
            }
            token => element.content.push(content(&token)?),
        }
    }
}

fn content(token: &Token<'_>) -> Option<Content> {
    match *token {
        Token::Text(units) => Some(Content::Text(text(units))),
        Token::Value { index, .. } => Some(Content::Value(index.into())),
        _ => None,
    }
}

/// UTF-16, which a NUL may end.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let units = bytes.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit)).take_while(|&unit| unit != 0);
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
