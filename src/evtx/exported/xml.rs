//! Exported events as XML. The schema is that of Windows: <https://learn.microsoft.com/windows/win32/wes/eventschema-schema>.
//!
//! There need be no document: `wevtutil qe /f:xml` and `ToXml()` write one element after another, without a root. So elements are found
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
    evidence::{encoding::MARK, export::starts_event},
    evtx::{
        event::{Event, joined},
        exported::{
            entities::{predefined, unescaped},
            piece::{LONGEST, Piece},
            text::Text,
        },
    },
};

/// As many bytes show whether a tag is one of an event.
const TAG: usize = b"</Event>".len();

/// As many bytes show what a tag is.
const NAMED: usize = 80;
/// The longest name of an element around events, in bytes.
const LONGEST_NAME: usize = 64;
/// So many elements may be around events.
const MOST_AROUND: usize = 4;

/// The events of a text.
pub(super) struct Elements {
    /// What may stand between events: declarations, comments, a document type and the lines of `evtx_dump`.
    marks: [Mark; 4],
    /// The end of a document type that defines something.
    definitions: Mark,
    /// The end of a tag.
    tag: Mark,
    /// The names of the elements that are around events.
    around: Vec<Vec<u8>>,
    /// Whether there was an event, or what is not one.
    has_begun: bool,
}

impl Default for Elements {
    fn default() -> Self {
        let mark = |start: &'static [u8], end: &'static [u8]| Mark { start, end, searched: 0 };
        Self {
            marks: [mark(b"<?", b"?>"), mark(b"<!--", b"-->"), mark(b"<!DOCTYPE", b">"), mark(b"Record ", b"\n")],
            definitions: mark(b"<!DOCTYPE", b"]>"),
            tag: mark(b"<", b">"),
            around: vec![b"Events".to_vec()],
            has_begun: false,
        }
    }
}

impl Elements {
    /// Finds the next event, or passes what is not one.
    pub(super) fn next(&mut self, text: &mut Text<'_>) -> Option<Piece> {
        loop {
            pass_white_space(text);
            text.have(NAMED);
            if text.window().is_empty() {
                return None;
            }
            if starts_event(text.window()) {
                self.has_begun = true;
                return Some(element(text));
            }
            if let Some(size) = self.between(text) {
                text.pass(size);
                continue;
            }
            self.has_begun = true;
            let place = text.place();
            seek(text);
            return Some(Piece::Fault(place, "not an event: skipped up to the next one".to_owned()));
        }
    }

    /// The size of what may stand between events. What a document type defines is passed, and not known afterwards.
    fn between(&mut self, text: &mut Text<'_>) -> Option<usize> {
        let Some(mark) = self.marks.iter_mut().find(|mark| text.window().starts_with(mark.start)) else {
            return self.around(text);
        };
        let size = mark.size(text)?;
        let has_definitions = mark.start == self.definitions.start
            && text.window().get(..size).is_some_and(|part| memchr::memchr(b'[', part).is_some());
        if has_definitions { self.definitions.size(text) } else { Some(size) }
    }

    /// The size of a tag of an element around the events. Which these are shows before the first event.
    fn around(&mut self, text: &mut Text<'_>) -> Option<usize> {
        let tag = text.window().strip_prefix(b"<")?;
        let (is_end, tag) = tag.strip_prefix(b"/").map_or((false, tag), |rest| (true, rest));
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | 0x80..);
        let size = tag.iter().take_while(|byte| is_name(byte)).count();
        let (name, rest) = tag.split_at_checked(size)?;
        if !matches!(size, 1..=LONGEST_NAME) || !rest.first().is_some_and(|byte| b" \t\r\n/>".contains(byte)) {
            return None;
        }
        if !self.around.iter().any(|known| known == name) {
            if is_end || self.has_begun || self.around.len() == MOST_AROUND {
                return None;
            }
            let name = name.to_vec();
            self.around.push(name);
        }
        self.tag.size(text)
    }
}

/// What stands between two others, and how far it is known to have no end.
struct Mark {
    start: &'static [u8],
    end: &'static [u8],
    /// As far as it was looked for in vain, in bytes of the text. What starts before that is not looked through again.
    searched: u64,
}

impl Mark {
    /// The size of what starts here, up to its end.
    fn size(&mut self, text: &mut Text<'_>) -> Option<usize> {
        let mut from = usize::try_from(self.searched.saturating_sub(text.passed())).unwrap_or(usize::MAX);
        loop {
            let window = text.window();
            if let Some(at) = memmem::find(window.get(from..).unwrap_or_default(), self.end) {
                return Some(from + at + self.end.len());
            }
            from = from.max(window.len().saturating_sub(self.end.len() - 1));
            if window.len() > LONGEST || !text.fill() {
                self.searched = text.passed() + from as u64;
                return None;
            }
        }
    }
}

fn pass_white_space(text: &mut Text<'_>) {
    loop {
        let window = text.window();
        let rest = window.trim_ascii_start();
        let mark = if rest.starts_with(MARK) { MARK.len() } else { 0 };
        let size = window.len() - rest.len() + mark;
        text.pass(size);
        if mark == 0 && (!text.window().is_empty() || !text.fill()) {
            return;
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
pub(super) fn event(text: &str) -> Result<Event<'static>, String> {
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
            Tag::Eof if element.depth == 0 => return Ok(element.finish()),
            Tag::Eof => return Err("an element has no end".to_owned()),
            Tag::DocType(_) => return Err("a document type inside an event".to_owned()),
            Tag::Comment(_) | Tag::Decl(_) | Tag::PI(_) => {}
        }
    }
}

/// An element while it is read.
#[derive(Default)]
struct Element {
    event: Event<'static>,
    /// How many elements are open: 1 in `Event`, 2 in its parts, 3 in a value.
    depth: usize,
    /// Whether the event states the schema that it is of.
    has_schema: bool,
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
            (1, _) => self.has_schema = tag.attributes().with_checks(false).next().is_some(),
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

    /// The event. `EvtxECmd` escapes what is escaped already. It states no schema, and its times have a space where others have a `T`.
    fn finish(self) -> Event<'static> {
        let Self { mut event, has_schema, .. } = self;
        let is_evtxecmd = !has_schema && event.system_time.as_bytes().get(10) == Some(&b' ');
        if is_evtxecmd {
            for (_, value) in event.data.iter_mut().filter(|(_, value)| value.contains('&')) {
                *value = unescaped(value).into();
            }
        }
        event
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_evtxecmd_writes_is_unescaped_twice() {
        let text = |start: &str, time: &str| {
            let text = format!(
                "{start}<System><TimeCreated SystemTime='{time}'/></System><EventData><Data Name='a'>x &amp;amp; y &amp; \
                 &amp;lt;z &amp;b; &amp;</Data></EventData></Event>"
            );
            event(&text).unwrap().field("a").unwrap().to_owned()
        };
        let once = "x &amp; y & &lt;z &b; &";
        assert_eq!(text("<Event>", "2019-05-23 16:48:35.4872237"), "x & y & <z &b; &");
        assert_eq!(text("<Event>", "2019-05-23T16:48:35.4872237Z"), once);
        assert_eq!(text("<Event xmlns='s'>", "2019-05-23 16:48:35.4872237"), once);
    }
}
