//! Exported events as XML. The schema is that of Windows: <https://learn.microsoft.com/windows/win32/wes/eventschema-schema>.
//!
//! There is no document: `wevtutil qe /f:xml` and `ToXml()` write one element after another, without a root. So elements are found
//! by their tags, and each is parsed by itself. Entities are the five of XML itself, and characters by their numbers.

use std::borrow::Cow;

use memchr::{memchr_iter, memmem};
use quick_xml::{
    Reader, XmlVersion,
    events::{
        BytesStart, Event as Tag,
        attributes::{AttrError, Attribute},
    },
};

use crate::{
    evidence::export::starts_event,
    evtx::{
        event::{Event, joined},
        exported::{
            piece::{LONGEST, Piece},
            text::Text,
        },
    },
};

/// As many bytes show whether a tag is one of an event.
const TAG: usize = b"</Event>".len();

/// Finds the next event, or passes what is not one.
pub(super) fn next(text: &mut Text<'_>) -> Option<Piece> {
    loop {
        pass_white_space(text);
        text.have(TAG);
        if text.window().is_empty() {
            return None;
        }
        if starts_event(text.window()) {
            return Some(element(text));
        }
        if let Some(size) = between(text) {
            text.pass(size);
            continue;
        }
        let place = text.place();
        seek(text);
        return Some(Piece::Fault(place, "not an event: skipped up to the next one".to_owned()));
    }
}

fn pass_white_space(text: &mut Text<'_>) {
    loop {
        let window = text.window();
        let size = window.len() - window.trim_ascii_start().len();
        text.pass(size);
        if !text.window().is_empty() || !text.fill() {
            return;
        }
    }
}

/// The size of what may stand between events: declarations, the root's tags, comments, and the lines of `evtx_dump`.
fn between(text: &mut Text<'_>) -> Option<usize> {
    const MARKS: [(&[u8], &[u8]); 5] =
        [(b"<?", b"?>"), (b"<!--", b"-->"), (b"<Events", b">"), (b"</Events", b">"), (b"Record ", b"\n")];
    let (_, end) = MARKS.into_iter().find(|(start, _)| text.window().starts_with(start))?;
    let mut from = 0;
    loop {
        let window = text.window();
        if let Some(at) = memmem::find(window.get(from..).unwrap_or_default(), end) {
            return Some(from + at + end.len());
        }
        from = window.len().saturating_sub(end.len());
        if window.len() > LONGEST || !text.fill() {
            return None;
        }
    }
}

/// Passes everything up to the next event.
fn seek(text: &mut Text<'_>) {
    // The text may start with an event that is passed.
    text.pass(1);
    loop {
        let window = text.window();
        let is_start = |&at: &usize| window.get(at..).is_some_and(starts_event);
        if let Some(at) = memchr_iter(b'<', window).find(is_start) {
            return text.pass(at);
        }
        text.pass(text.window().len().saturating_sub(TAG));
        if !text.fill() {
            return text.pass(TAG);
        }
    }
}

/// The element that starts here, up to its end tag.
fn element(text: &mut Text<'_>) -> Piece {
    let place = text.place();
    let mut from = 1;
    loop {
        let window = text.window();
        for at in memchr_iter(b'<', window.get(from..).unwrap_or_default()).map(|at| at + from) {
            let tag = window.get(at..).unwrap_or_default();
            let end = tag.strip_prefix(b"</Event").and_then(end_of_tag);
            match end.map(|end| at + b"</Event".len() + end) {
                Some(size) if size <= LONGEST => return Piece::Event(size),
                None if starts_event(tag) && at <= LONGEST => {
                    text.pass(at);
                    return Piece::Fault(place, "the event has no end before the next one".to_owned());
                }
                _ => {}
            }
        }
        // A tag that is cut off is looked at again.
        from = window.len().saturating_sub(TAG).max(1);
        if window.len() > LONGEST {
            seek(text);
            return Piece::Fault(place, "the event is longer than 1 MiB, and is skipped".to_owned());
        }
        if !text.fill() {
            text.pass(usize::MAX);
            return Piece::Fault(place, "the text ends inside the event".to_owned());
        }
    }
}

/// Behind the name of an end tag: nothing but white space up to its end.
fn end_of_tag(rest: &[u8]) -> Option<usize> {
    let space = rest.len() - rest.trim_ascii_start().len();
    (rest.get(space) == Some(&b'>')).then_some(space + 1)
}

/// The event that an element is.
pub(super) fn event(text: &str) -> Result<Event<'_>, String> {
    let mut reader = Reader::from_str(text);
    let mut element = Element::default();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Tag::Start(tag) => element.start(&tag)?,
            Tag::Empty(tag) => {
                element.start(&tag)?;
                element.end();
            }
            Tag::End(_) => element.end(),
            Tag::Text(part) => element.add(&part),
            Tag::CData(part) => element.add(&part),
            Tag::GeneralRef(name) => match name.resolve_char_ref().map_err(|error| error.to_string())? {
                Some(character) => element.add(character.encode_utf8(&mut [0; 4])),
                None => {
                    element.add(predefined(&name).ok_or_else(|| format!("the entity &{}; is not defined", &*name))?);
                }
            },
            Tag::Eof if element.depth == 0 => return Ok(element.event),
            Tag::Eof => return Err("an element has no end".to_owned()),
            Tag::DocType(_) => return Err("a document type inside an event".to_owned()),
            Tag::Comment(_) | Tag::Decl(_) | Tag::PI(_) => {}
        }
    }
}

/// The entities that XML defines itself: <https://www.w3.org/TR/xml/#sec-predefined-ent>.
fn predefined(name: &str) -> Option<&'static str> {
    match name {
        "lt" => Some("<"),
        "gt" => Some(">"),
        "amp" => Some("&"),
        "apos" => Some("'"),
        "quot" => Some("\""),
        _ => None,
    }
}

/// An element while it is read.
#[derive(Default)]
struct Element {
    event: Event<'static>,
    /// How many elements are open: 1 in `Event`, 2 in its parts, 3 in a value.
    depth: usize,
    part: Part,
    /// The name of the value, if it has one.
    name: Option<Cow<'static, str>>,
    value: String,
}

/// A part of an event.
#[derive(Default, Clone, Copy)]
enum Part {
    System,
    EventData,
    #[default]
    Other,
}

impl Element {
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        self.depth += 1;
        let name = tag.local_name();
        let name = name.as_ref();
        match (self.depth, self.part) {
            (2, _) => {
                self.part = match name {
                    "System" => Part::System,
                    "EventData" => Part::EventData,
                    _ => Part::Other,
                }
            }
            (3, Part::System) => {
                for (attribute, value) in attributes(tag)? {
                    self.event.add_to_system(joined(name, &attribute), value.into());
                }
                self.open(Some(name.to_owned()));
            }
            (3, Part::EventData) => {
                let named = attributes(tag)?.into_iter().find(|(attribute, _)| attribute == "Name");
                self.open(named.map(|(_, value)| value));
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, name: Option<String>) {
        self.name = name.map(Cow::Owned);
        self.value.clear();
    }

    fn add(&mut self, part: &str) {
        if self.depth == 3 && self.name.is_some() {
            self.value.push_str(part);
        }
    }

    fn end(&mut self) {
        if let (3, Some(name)) = (self.depth, self.name.take_if(|_| self.depth == 3)) {
            let value = std::mem::take(&mut self.value);
            match self.part {
                Part::System => self.event.add_to_system(name, value.trim().to_owned().into()),
                Part::EventData => self.event.data.push((name, value.into())),
                Part::Other => {}
            }
        }
        self.depth = self.depth.saturating_sub(1);
    }
}

/// The attributes of a tag, by their names. That there are no two of a name is not verified: it takes long where there are many.
fn attributes(tag: &BytesStart<'_>) -> Result<Vec<(String, String)>, String> {
    let pair = |attribute: Result<Attribute<'_>, AttrError>| {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        Ok((attribute.key.as_ref().to_owned(), value.into_owned()))
    };
    tag.attributes().with_checks(false).map(pair).collect()
}
