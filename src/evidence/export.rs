//! An [`Export`]: events as text, which a program has written out of a log. What it is, its start says; how it is read is not
//! known here.
//!
//! Most files are none, and that shows in their first bytes. Text is looked at further, for an event may stand behind something else:
//! what is left of a line that a rotation has cut, a comment, or lines of the program's own.

use std::io::{self, Read};

use memchr::{
    memchr,
    memmem::{find, find_iter, rfind},
};

use crate::evidence::{encoding::Encoding, objects::Object};

/// As many of its first bytes show what most files are.
pub const HEAD: usize = 4096;
/// As many are looked at of text.
const OF_TEXT: usize = 1 << 16;
/// As many are looked at of text that has one of the [`SIGNS`] in it: the longest event, 1 MiB, and what is before it.
const OF_EXPORT: usize = (1 << 20) + OF_TEXT;
/// Names of which an export has at least one, whatever stands before its first event, and few other files.
const SIGNS: [&str; 8] =
    ["<Event", "EventID", "EventData", "EventTime", "EventReceivedTime", "winlog", "Sysmon", "@timestamp"];
/// The longest tag by which an event starts, in bytes.
const TAG: usize = 1024;

/// How events are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Export {
    /// `<Event>` elements, in another element or without, as `wevtutil`, `Get-WinEvent` and Event Viewer write them.
    Xml,
    /// JSON objects, as `evtx_dump`, Winlogbeat or `NXLog` write them: one on each line, or in a list, or over many lines.
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
            [b'{', ..] => {
                let is_evtx_dump = has(r#""Event""#) && has(r#""System""#);
                let is_winlogbeat = has(r#""@timestamp""#) && (has(r#""winlog""#) || has(r#""winlog."#));
                let is_nxlog = has(r#""SourceName""#) && has(r#""EventID""#);
                (is_evtx_dump || is_winlogbeat || is_nxlog).then_some(Self::JsonLines)
            }
            text => {
                let text = without_declaration(text);
                let is_root = text.starts_with(b"<Events") || starts_event(text);
                let is_export = is_root && has("<Event") && has("<System");
                (is_export || is_empty_root(text)).then_some(Self::Xml)
            }
        }
    }

    /// By a whole event, wherever it is.
    fn of_event(text: &[u8]) -> Option<Self> {
        has_element(text).then_some(Self::Xml).or_else(|| has_object(text).then_some(Self::JsonLines))
    }
}

/// Whether this is text, by as much as is looked at of any file: nothing but letters, white space, and what separates records.
fn is_text(text: &[u8]) -> bool {
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

/// Whether there is a whole `<Event>` element that starts with its `System`.
fn has_element(text: &[u8]) -> bool {
    let Some(last) = rfind(text, b"</Event>") else { return false };
    let text = text.get(..last).unwrap_or_default();
    find_iter(text, b"<Event").filter_map(|at| text.get(at..)).any(|element| {
        let tag = element.get(..element.len().min(TAG)).and_then(|tag| memchr(b'>', tag));
        let inside = tag.and_then(|at| element.get(at + 1..)).unwrap_or_default().trim_ascii_start();
        starts_event(element) && (inside.starts_with(b"<System>") || inside.starts_with(b"<System "))
    })
}

/// Whether there is a whole object that is an event.
fn has_object(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(start) = memchr(b'{', rest) {
        rest = rest.get(start..).unwrap_or_default();
        let Some((object, behind)) = Object::default().end(rest).and_then(|size| rest.split_at_checked(size)) else {
            return false;
        };
        if is_event(object) {
            return true;
        }
        rest = behind;
    }
    false
}

/// Whether an object is an event, by its members. Its id is a number: what only describes events has names there.
fn is_event(object: &[u8]) -> bool {
    let is = |name: &str, is: fn(&[u8]) -> bool| {
        let name = format!("\"{name}\"");
        find_iter(object, &name).any(|at| {
            let value = object.get(at + name.len()..).unwrap_or_default().trim_ascii_start();
            value.strip_prefix(b":").is_some_and(|value| is(value.trim_ascii_start()))
        })
    };
    let is_number: fn(&[u8]) -> bool =
        |value| value.strip_prefix(b"\"").unwrap_or(value).first().is_some_and(u8::is_ascii_digit);
    let is_object: fn(&[u8]) -> bool = |value| value.starts_with(b"{");
    let is_text: fn(&[u8]) -> bool = |value| value.starts_with(b"\"");
    let is_evtx_dump = || is("Event", is_object) && is("System", is_object) && is("EventRecordID", is_number);
    let is_winlogbeat = || {
        (is("event_id", is_number) && is("winlog", is_object) && is("provider_name", is_text))
            || (is("winlog.event_id", is_number) && is("winlog.provider_name", is_text))
    };
    let is_nxlog = || is("EventID", is_number) && is("SourceName", is_text);
    is_evtx_dump() || is_winlogbeat() || is_nxlog()
}

/// Whether an `<Event>` element starts here, and not one whose name only begins like it.
#[must_use]
pub fn starts_event(text: &[u8]) -> bool {
    let behind = text.strip_prefix(b"<Event").and_then(|rest| rest.first());
    behind.is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
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
    is_text(&text) && (head.len() < OF_TEXT || has_sign()) && Export::of_head(head).is_none()
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
            (r#"{"event":3}"#.to_owned(), None),
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
    fn started() -> (Vec<Vec<u8>>, [(&'static str, Export); 5]) {
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
