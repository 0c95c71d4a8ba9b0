//! An [`Export`]: events as text, which a program has written out of a log. What it is, its start says; how it is read is not
//! known here.
//!
//! Most files are none, and that shows in their first bytes. Text is looked at further, for an event may stand behind something else:
//! what is left of a line that a rotation has cut, a comment, or lines of the program's own.

use std::io::{self, Read};

use memchr::{
    memchr, memchr_iter, memchr3,
    memmem::{find, find_iter, rfind},
};

use serde_json::{Map, Value};

use crate::evidence::{
    encoding::{Encoding, MARK},
    objects::Object,
};

/// As many of its first bytes show what most files are.
pub const HEAD: usize = 4096;
/// As many are looked at of text.
const OF_TEXT: usize = 1 << 16;
/// As many are looked at of text that has one of the [`SIGNS`] in it, or that is cut off in a long line, in which one may be: the longest
/// event, 1 MiB, and what is before it.
const OF_EXPORT: usize = (1 << 20) + OF_TEXT;
/// Names of which an export has at least one, whatever stands before its first event, and few other files.
const SIGNS: [&str; 10] = [
    "<Event",
    "EventID",
    "EventId",
    "EventData",
    "event_data",
    "EventTime",
    "EventReceivedTime",
    "winlog",
    "Sysmon",
    "@timestamp",
];
/// A line that is longer, in bytes, may be of an event.
const LONG_LINE: usize = 4096;
/// The longest tag by which an event starts, in bytes.
const TAG: usize = 1024;

/// How events are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Export {
    /// `<Event>` elements, in another element or without, as `wevtutil`, `Get-WinEvent` and Event Viewer write them.
    Xml,
    /// JSON objects, as `evtx_dump`, `EvtxECmd`, Velociraptor, Winlogbeat or `NXLog` write them: one on each line, or in a list, or over many lines.
    JsonLines,
}

impl Export {
    /// What starts with these bytes, as many as [`read_head`] reads, if it is an export.
    #[must_use]
    pub fn of_head(head: &[u8]) -> Option<Self> {
        let text = Encoding::ascii(head);
        let start = text.get(..text.len().min(HEAD)).unwrap_or_default();
        Self::of_start(start).or_else(|| is_text(&text).then(|| Self::of_event(&text)).flatten())
    }

    /// By its first event, whole or not, or by the empty root of none.
    fn of_start(text: &[u8]) -> Option<Self> {
        let has = |part: &str| find(text, part.as_bytes()).is_some();
        match text.trim_ascii_start() {
            text @ [b'{', ..] => {
                let has = |name: &str| has_member(text, name);
                let is_winlogbeat = has("@timestamp") && (has("winlog") || find(text, br#""winlog."#).is_some());
                let is_known = has("Event") && has("System") || is_winlogbeat || has("SourceName") && has("EventID");
                // What others call so too: an event shows it, if it is whole.
                let may_be = has("ChunkNumber") && has("Payload")
                    || has("System") && has("EventID")
                    || has("source_name") && has("event_id");
                let whole = Object::default().end(text).and_then(|size| text.get(..size));
                // What an index of such documents is, and not a document.
                let is_mapping = has("mappings") && has("properties");
                ((is_known || may_be && whole.is_none_or(is_event)) && !is_mapping).then_some(Self::JsonLines)
            }
            text => {
                let text = without_declaration(text);
                let is_root = text.starts_with(b"<Events") || starts_event(text);
                let is_export = is_root && has("<Event") && has("<System");
                (is_export || is_empty_root(text)).then_some(Self::Xml)
            }
        }
    }

    /// By a whole event behind what an export can have before it. What quotes one, as documents and programs do, is none.
    fn of_event(text: &[u8]) -> Option<Self> {
        let (at, export) = match object(text) {
            Some(at) => (at, Self::JsonLines),
            None => (element(text)?, Self::Xml),
        };
        let (before, event) = text.split_at_checked(at)?;
        let is_alone = || match export {
            Self::Xml => elements_alone(event),
            Self::JsonLines => objects_alone(event),
        };
        (can_lead(before) || !is_page(before) && is_alone()).then_some(export)
    }
}

/// Whether this can be before the first event of an export: what is left of an event, and then the tags and comments of a document, a list,
/// other objects or zeros. It is no page of a web site.
pub(super) fn can_lead(text: &[u8]) -> bool {
    let is_of_export = |line: &[u8]| {
        let line = line.trim_ascii();
        let line = line.strip_prefix(MARK).unwrap_or(line);
        // What `evtx_dump` writes before each event.
        let is_number = line.strip_prefix(b"Record ").is_some_and(|number| number.iter().all(u8::is_ascii_digit));
        line.first().is_none_or(|first| b"<{[,#]}\"".contains(first) || !first.is_ascii_graphic())
            || is_number
            || line.starts_with(b"-->")
    };
    // The first line, or what is left of it, can be anything.
    (text.split(|&byte| byte == b'\n').skip(1).all(is_of_export) || is_prolog(text)) && !is_page(text)
}

/// Whether there is a page of a web site in this.
fn is_page(text: &[u8]) -> bool {
    let has = |tag: &str| text.windows(tag.len()).any(|start| start.eq_ignore_ascii_case(tag.as_bytes()));
    ["<html", "<!doctype html"].into_iter().any(has)
}

/// Whether there are whole tags, comments and declarations in this, over however many lines, and nothing else.
fn is_prolog(text: &[u8]) -> bool {
    let mut rest = text.strip_prefix(MARK).unwrap_or(text).trim_ascii_start();
    while !rest.is_empty() {
        let end: &[u8] = match rest {
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'?', ..] => b"?>",
            [b'<', ..] => b">",
            _ => return false,
        };
        let Some(at) = find(rest, end) else { return false };
        rest = rest.get(at + end.len()..).unwrap_or_default().trim_ascii_start();
    }
    true
}

/// Whether the elements from here on are those of an export, and not a quoted one: there is another one behind the first, and nothing but
/// tags behind the last.
fn elements_alone(text: &[u8]) -> bool {
    const END: &[u8] = b"</Event>";
    let behind = |at: Option<usize>| text.get(at? + END.len()..).map(<[u8]>::trim_ascii_start);
    let (Some(next), Some(rest)) = (behind(find(text, END)), behind(rfind(text, END))) else { return false };
    let next = without_declaration(next.strip_prefix(MARK).unwrap_or(next));
    starts_event(next) && (rest.is_empty() || rest.starts_with(b"<") || rest.starts_with(b"Record "))
}

/// Whether the objects from here on are those of an export, and not a quoted one: there is another event behind the first, and nothing
/// between them or behind them, as far as is looked at, but what makes a list of them.
fn objects_alone(text: &[u8]) -> bool {
    let mut rest = text;
    let mut events = 0;
    while let Some(size) = Object::default().end(rest) {
        let (object, behind) = rest.split_at_checked(size).unwrap_or_default();
        events += usize::from(events < 2 && is_event(object));
        let is_between = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']' | 0x1E);
        rest = behind.get(behind.iter().take_while(|byte| is_between(byte)).count()..).unwrap_or_default();
        if rest.first().is_none_or(|byte| *byte != b'{') {
            break;
        }
    }
    events > 1 && rest.first().is_none_or(|byte| *byte == b'{')
}

/// Whether an object has a member of this name, at any depth.
fn has_member(text: &[u8], name: &str) -> bool {
    let name = format!("\"{name}\"");
    find_iter(text, name.as_bytes()).any(|at| {
        let behind = text.get(at + name.len()..).unwrap_or_default().trim_ascii_start();
        behind.first().is_none_or(|byte| *byte == b':')
    })
}

/// Whether this is text, by as much as is looked at of any file: nothing but letters, white space, and what separates records.
pub(super) fn is_text(text: &[u8]) -> bool {
    let start = text.get(..text.len().min(HEAD)).unwrap_or_default();
    start.iter().all(|byte| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1E))
}

/// Whether a document ends behind the root that event logs have, with nothing in it.
fn is_empty_root(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"<Events") else { return false };
    let Some((tag, rest)) = memchr(b'>', rest).and_then(|at| rest.split_at_checked(at)) else { return false };
    let rest = rest.get(1..).unwrap_or_default().trim_ascii();
    rest == b"</Events>" || (rest.is_empty() && tag.ends_with(b"/"))
}

/// Where the first whole `<Event>` element is that starts with its `System`, and is not in a string of JSON.
fn element(text: &[u8]) -> Option<usize> {
    const ATTRIBUTES: usize = 128;
    let last = rfind(text, b"</Event>")?;
    let text = text.get(..last).unwrap_or_default();
    let mut strings = Strings { text, at: 0, open: None };
    find_iter(text, b"<Event").find(|&at| {
        let element = text.get(at..).unwrap_or_default();
        let tag = element.get(..element.len().min(TAG)).and_then(|tag| memchr(b'>', tag)).unwrap_or(element.len());
        let inside = element.get(tag.saturating_add(1)..).unwrap_or_default().trim_ascii_start();
        let start = element.get(..element.len().min(tag + ATTRIBUTES)).unwrap_or_default();
        starts_event(element)
            && (inside.starts_with(b"<System>") || inside.starts_with(b"<System "))
            && find(start, br#"=\""#).is_none()
            && !strings.hold(at)
    })
}

/// What of a text is in strings of JSON, as far as it was looked through.
struct Strings<'t> {
    text: &'t [u8],
    at: usize,
    /// Where the last quotation mark is, if it opens one.
    open: Option<usize>,
}

impl Strings<'_> {
    /// Whether an element is in a string of JSON. That is the value of a member or the item of a list, has no line breaks, and no element
    /// ends in it: a quotation mark in an event that was cut opens none.
    fn hold(&mut self, element: usize) -> bool {
        let part = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
        while let Some(found) = memchr3(b'"', b'\\', b'\n', part(self.at, element)) {
            let at = self.at + found;
            self.at = at + 1;
            match self.text.get(at) {
                Some(b'"') => self.open = if self.open.is_some() { None } else { Some(at) },
                Some(b'\\') => self.at += usize::from(self.open.is_some()),
                _ => self.open = None,
            }
        }
        self.at = self.at.max(element);
        self.open.is_some_and(|open| {
            let before = part(0, open).trim_ascii_end();
            before.ends_with(b":") || before.ends_with(b"[") || before.ends_with(b",")
        }) && self.open.is_some_and(|open| rfind(part(open, element), b"</Event>").is_none())
    }
}

/// Where the first whole object is that is an event.
fn object(text: &[u8]) -> Option<usize> {
    let mut rest = text;
    loop {
        rest = rest.get(memchr(b'{', rest)?..)?;
        let (object, behind) = rest.split_at_checked(Object::default().end(rest)?)?;
        if is_event(object) {
            return Some(text.len() - rest.len());
        }
        rest = behind;
    }
}

/// Whether an object is an event, or the document of one, by its own members.
fn is_event(object: &[u8]) -> bool {
    let text = String::from_utf8_lossy(object);
    let Ok(Value::Object(members)) = serde_json::from_str(&text) else { return false };
    has_id_and_provider(members.get("_source").and_then(Value::as_object).unwrap_or(&members))
}

/// Whether these are the members of an event. Its id is a number: what only describes events has names there.
fn has_id_and_provider(members: &Map<String, Value>) -> bool {
    let is_number = |value: Option<&Value>| match value {
        Some(Value::Number(_)) => true,
        Some(Value::String(text)) => text.bytes().next().is_some_and(|byte| byte.is_ascii_digit()),
        // As `evtx_dump` writes an element with attributes, and Velociraptor.
        Some(Value::Object(parts)) => parts.contains_key("#text") || parts.get("Value").is_some_and(Value::is_number),
        _ => false,
    };
    let is_text = |value: Option<&Value>| value.is_some_and(Value::is_string);
    let member = |name: &str, part: &str| members.get(name).and_then(|value| value.get(part));
    let of_winlog = |part: &str| member("winlog", part).or_else(|| members.get(&format!("winlog.{part}")));
    is_number(member("Event", "System").and_then(|system| system.get("EventID")))
        || is_number(member("System", "EventID")) && member("System", "Provider").is_some()
        || is_number(of_winlog("event_id")) && is_text(of_winlog("provider_name"))
        || is_number(members.get("event_id")) && is_text(members.get("source_name"))
        || is_number(members.get("EventId")) && is_text(members.get("Payload"))
        || is_number(members.get("EventID")) && is_text(members.get("SourceName"))
}

/// Whether an `<Event>` element starts here, and not one whose name only begins like it.
#[must_use]
pub fn starts_event(text: &[u8]) -> bool {
    let behind = text.strip_prefix(b"<Event").and_then(|rest| rest.first());
    behind.is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
}

/// Where the first element starts that is called an event, with a prefix or without.
pub(super) fn start_of_event(text: &[u8]) -> Option<usize> {
    let is_event = |&at: &usize| {
        let tag = text.get(at + 1..).unwrap_or_default();
        let name = tag.split(|byte| byte.is_ascii_whitespace() || b">/".contains(byte)).next().unwrap_or_default();
        name.split(|&byte| byte == b':').next_back() == Some(b"Event")
    };
    memchr_iter(b'<', text).find(is_event)
}

/// What is behind the XML declaration, and the line that `evtx_dump` writes before each.
fn without_declaration(text: &[u8]) -> &[u8] {
    let behind = |start: &[u8], end: &[u8]| {
        let rest = text.strip_prefix(start)?;
        rest.get(find(rest, end)?.checked_add(end.len())?..).map(<[u8]>::trim_ascii_start)
    };
    if let Some(text) = behind(b"Record ", b"\n") {
        return if text.starts_with(b"<?xml") { without_declaration(text) } else { text };
    }
    behind(b"<?xml", b"?>").unwrap_or(text)
}

/// What a stream starts like, and the same stream from its start.
pub fn peeked(stream: &mut dyn Read) -> (Option<Export>, impl Read + use<'_>) {
    let (head, failed) = read_head(stream, HEAD);
    let export = Export::of_head(&head);
    (export, io::Cursor::new(head).chain(Failed(failed)).chain(stream))
}

/// The first bytes of a stream, and the error that ends them: at least so many as are asked for, if there are as many, and more where an
/// export may only show behind them.
pub fn read_head(stream: &mut dyn Read, least: usize) -> (Vec<u8>, Option<io::Error>) {
    let mut head = Vec::new();
    for size in [least, OF_TEXT, OF_EXPORT] {
        let more = size.saturating_sub(head.len()) as u64;
        if let Err(error) = (&mut *stream).take(more).read_to_end(&mut head) {
            return (head, Some(error));
        }
        if head.len() < size || !may_become_export(&head) {
            break;
        }
    }
    (head, None)
}

/// Whether these first bytes are none of an export, and more of them may be.
fn may_become_export(head: &[u8]) -> bool {
    let text = Encoding::ascii(head);
    if text.is_empty() {
        return true;
    }
    let has_sign = || SIGNS.iter().any(|sign| find(&text, sign.as_bytes()).is_some());
    let is_in_long_line = || {
        let end = text.get(text.len().saturating_sub(LONG_LINE)..).unwrap_or_default();
        text.len() > LONG_LINE && memchr(b'\n', end).is_none()
    };
    is_text(&text) && (head.len() < OF_TEXT || is_in_long_line() || has_sign()) && Export::of_head(head).is_none()
}

/// A stream that is nothing but an error, or nothing at all.
pub(super) struct Failed(pub(super) Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_told_by_how_it_starts() {
        let xml = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>";
        for (text, export) in [
            (xml.to_owned(), Some(Export::Xml)),
            (format!("\n<?xml version=\"1.0\"?>\r\n<Events>{xml}"), Some(Export::Xml)),
            (format!("Record 1\n<?xml version=\"1.0\"?>\n{xml}"), Some(Export::Xml)),
            (r#"{"Event":{"System":{"EventID":3}}}"#.to_owned(), Some(Export::JsonLines)),
            (r#"{"@timestamp":"x","winlog":{"event_id":3}}"#.to_owned(), Some(Export::JsonLines)),
            (r#"{"@timestamp":"x","winlog.event_id":3}"#.to_owned(), Some(Export::JsonLines)),
            (r#"{"EventTime":"x","EventID":3,"SourceName":"y"}"#.to_owned(), Some(Export::JsonLines)),
            ("<Events><Event name=\"party\"/></Events>".to_owned(), None),
            ("<EventLog><System/></EventLog>".to_owned(), None),
            ("<html>".to_owned(), None),
            (r#"{"EventLog":"System","EventID":7045}"#.to_owned(), None),
            (r#"{"Channel":"System","EventID":7045,"Computer":"x"}"#.to_owned(), None),
            (r#"{"a":{"event_id":1,"source_name":"x"}}"#.to_owned(), None),
            (r#"{"ChunkNumber":1,"Payload":"x"}"#.to_owned(), None),
            (r#"{"System": {"Provider":{"Name":"x"},"EventID" : {"Value":3}},"#.to_owned(), Some(Export::JsonLines)),
            (r#"{"event":3}"#.to_owned(), None),
            (r#"{"mappings":{"properties":{"@timestamp":{},"winlog":{"properties":{}}}}}"#.to_owned(), None),
            ("<?xml version='1.0'?>\n<Events/>\n".to_owned(), Some(Export::Xml)),
            ("<Events a='b'>\n</Events>".to_owned(), Some(Export::Xml)),
            ("<Events>".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(Export::of_head(text.as_bytes()), export, "{text}");
            let units = || "\u{feff}".encode_utf16().chain(text.encode_utf16());
            let [low, high] =
                [u16::to_le_bytes, u16::to_be_bytes].map(|bytes| units().flat_map(bytes).collect::<Vec<_>>());
            assert_eq!(Export::of_head(&low), export, "{text}");
            assert_eq!(Export::of_head(&high), export, "{text}");
        }
    }
    /// What may stand before the first event, and each form of one.
    fn started() -> (Vec<Vec<u8>>, [(&'static str, Export); 10]) {
        let internal = "{\"EventReceivedTime\":\"x\",\"SourceModuleType\":\"im_internal\",\"Message\":\"started\"}\n";
        let starts = vec![
            Vec::new(),
            b"ip\":\"{1.2.3.4\"}}}\n".to_vec(),
            b"<Data Name='a'>{</Data></EventData></Event>\n".to_vec(),
            b"# exported by x\n".to_vec(),
            b"<!-- exported --><!DOCTYPE a><a>".to_vec(),
            b"[\n".to_vec(),
            vec![0; 3 * OF_TEXT],
            internal.repeat(50).into_bytes(),
            format!("{{\"@timestamp\":\"{}\"}}\n", "x".repeat(1 << 19)).into_bytes(),
        ];
        let events = [
            ("<Event xmlns='a'>\n <System><EventID>3</EventID></System></Event>", Export::Xml),
            (r#"{"Event":{"System":{"EventID":3,"EventRecordID":7}}}"#, Export::JsonLines),
            (r#"{"winlog":{"provider_name":"P","event_id":"3"}}"#, Export::JsonLines),
            (r#"{"winlog.provider_name":"P","winlog.event_id":3}"#, Export::JsonLines),
            ("{\n \"SourceName\": \"P\",\n \"EventID\": 3\n}", Export::JsonLines),
            (r##"{"Event":{"System":{"EventID":{"@Qualifiers":"","#text":"3"}}}}"##, Export::JsonLines),
            (r#"{"ChunkNumber":0,"Payload":"","Provider":"P","EventId":3}"#, Export::JsonLines),
            (r#"{"System":{"Provider":{"Name":"P"},"EventID":{"Value":3}}}"#, Export::JsonLines),
            (r#"{"event_data":{},"event_id":3,"source_name":"P"}"#, Export::JsonLines),
            (r#"{"_source":{"winlog":{"provider_name":"P","event_id":3}}}"#, Export::JsonLines),
        ];
        (starts, events)
    }

    #[test]
    fn an_export_is_told_by_an_event_behind_something_else() {
        let (starts, events) = started();
        for start in starts {
            for (event, export) in events {
                let bytes = [&start, event.as_bytes(), b"\n"].concat();
                let mut stream = bytes.as_slice();
                let (found, mut whole) = peeked(&mut stream);
                let name = String::from_utf8_lossy(&start[..start.len().min(40)]).into_owned();
                let is_utf16 = bytes.iter().all(|byte| *byte != 0);
                assert_eq!(found, Some(export), "{name}{event}");
                let mut read = Vec::new();
                whole.read_to_end(&mut read).unwrap();
                assert!(read == bytes, "{name}{event}");
                drop(whole);
                if is_utf16 {
                    let text = String::from_utf8(bytes).unwrap();
                    for to in [u16::to_le_bytes, u16::to_be_bytes] {
                        let bytes: Vec<u8> = text.encode_utf16().flat_map(to).collect();
                        assert_eq!(peeked(&mut bytes.as_slice()).0, Some(export), "{name}{event}");
                    }
                }
            }
        }
    }

    #[test]
    fn several_events_are_an_export_behind_lines_of_any_text() {
        let (_, events) = started();
        for start in [
            "Exported by me\nfrom host Y\n\n",
            "  Get-Item\n  $a = 1\n}\n</Data></EventData></Event>\n",
            "RuleName: -\nImage: a</Message></RenderingInfo></Event>",
            "    12,\n    true\n  ]\n}\n",
        ] {
            for (event, export) in events {
                let cut = if export == Export::Xml { "\n<Event><Sys" } else { "\n{\"a\":" };
                for end in ["", "\n", cut] {
                    let text = format!("{start}{event}\n{event}{end}");
                    assert_eq!(Export::of_head(text.as_bytes()), Some(export), "{text}");
                }
            }
        }
        for (event, _) in events {
            for (between, behind) in [("\n", "\n```\n"), ("\n", "\n\nand others.\n"), ("\nor\n", "\n"), ("\n", "\n'")] {
                let text = format!("# Tool\n\nIt reads\n\n{event}{between}{event}{behind}");
                assert_eq!(Export::of_head(text.as_bytes()), None, "{text}");
            }
        }
    }

    #[test]
    fn tags_and_comments_over_many_lines_are_before_an_event() {
        let event = "<Event xmlns='a'><System><EventID>3</EventID></System></Event>";
        for start in
            ["<?xml version='1.0'?>\n<!--\n  by X\n  on <Y>\n-->\n", "<Log\n  a='b'\n  c='2'>\n", "\u{feff}<a\nb='c'>"]
        {
            let text = format!("{start}{event}");
            assert_eq!(Export::of_head(text.as_bytes()), Some(Export::Xml), "{text}");
        }
        for start in ["<a\nb='c'>\ntext\n", "<a\nb='c'>\n<html>\n", "<!--\ntext\n"] {
            let text = format!("{start}{event}");
            assert_eq!(Export::of_head(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn elements_in_strings_of_json_are_none_however_they_are_quoted() {
        let event = r"<Event xmlns='a'><System><EventID>3</EventID></System><EventData>C:\\Windows</EventData></Event>";
        for text in [
            format!("{{\"_raw\": \"{event}\"}}\n").repeat(2),
            format!("{{\"a\":\"b\\\"\",\"message\":\"<14> x {event}\"}}\n").repeat(2),
            format!("[\n\"{event}\",\n\"{event}\"\n]\n"),
        ] {
            assert_eq!(Export::of_head(text.as_bytes()), None, "{text}");
        }
        for start in ["C: \"x -a</Data></EventData></Event>", "<a b=\"c\">", "x: \"y\n", "a \"b\\"] {
            let text = format!("{start}{event}");
            assert_eq!(Export::of_head(text.as_bytes()), Some(Export::Xml), "{text}");
        }
    }

    #[test]
    fn an_event_is_found_behind_and_in_long_lines() {
        let long = "y".repeat(300_000);
        let object = format!("{{\"Message\":\"{long}\",\"SourceName\":\"P\",\"EventID\":3}}\n");
        for text in [object.clone(), format!("{long}\n{object}"), format!("# by x\n{object}")] {
            assert_eq!(peeked(&mut text.as_bytes()).0, Some(Export::JsonLines));
        }
    }

    #[test]
    fn what_quotes_an_event_is_no_export() {
        let (_, events) = started();
        for (event, _) in events {
            for (before, behind) in [
                ("# Tool\n\nIt reads events such as\n\n", "\n\nand others.\n"),
                ("import tool\n\nEVENT = '''\n", "'''\n"),
                ("<!DOCTYPE HTML>\n<pre>\n", "\n</pre>\n"),
                ("<body>\n<p>See:</p>\n<Html>", "</Html>\n"),
            ] {
                let text = format!("{before}{event}{behind}");
                assert_eq!(Export::of_head(text.as_bytes()), None, "{text}");
            }
        }
        let inside = r#"{"event":{"original":"<Event xmlns=\"a\"><System><Provider Name=\"P\"/></System></Event>"}}"#;
        assert_eq!(Export::of_head(format!("x\n{inside}\n").as_bytes()), None);
        let behind = format!("{inside}\n{}\n", r#"{"winlog":{"provider_name":"P","event_id":"3"}}"#);
        assert_eq!(Export::of_head(format!("x\n{behind}").as_bytes()), Some(Export::JsonLines));
        let of_others = r#"[{"document":{"data":{"Event":{"System":{"EventID":3,"EventRecordID":7}}}}}]"#;
        assert_eq!(Export::of_head(of_others.as_bytes()), None);
    }

    #[test]
    fn what_only_names_events_is_none_and_little_of_it_is_read() {
        let long = |text: &str| format!("x\n{}", text.repeat((4 << 20) / text.len()));
        for (text, most) in [
            (long("MZ\0\u{1}\u{2}<Event"), HEAD),
            (long("a,b,c\n"), OF_TEXT),
            (long("<p>text</p>\n"), OF_TEXT),
            (long("{\"a\": 1}\n"), OF_TEXT),
            (
                long(
                    "{\"winlog\": {\"properties\": {\"event_id\": {\"type\": \"keyword\"}}}, \"provider_name\": \"\"}\n",
                ),
                OF_EXPORT,
            ),
            (long("{\"EventID\": \"{id}\", \"SourceName\": \"P\"}\n"), OF_EXPORT),
            (long("logsource: Sysmon\n  EventID: 3\n"), OF_EXPORT),
            (long("<Event><System>"), OF_EXPORT),
            (long("<Event><name/></Event>"), OF_EXPORT),
        ] {
            let mut rest = text.as_bytes();
            let (head, _) = read_head(&mut rest, HEAD);
            assert_eq!(head.len(), most, "{}", &text[..20]);
            assert_eq!(text.len() - rest.len(), most, "{}", &text[..20]);
            assert_eq!(Export::of_head(&head), None, "{}", &text[..20]);
        }
    }
}
