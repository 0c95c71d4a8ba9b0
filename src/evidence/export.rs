//! An [`Export`]: events as text, which a program has written out of a log. What it is, its first bytes say; how it is read is not
//! known here.

use std::io::{self, Read};

use memchr::memmem::find;

/// As many of its first bytes show what a file is: what Winlogbeat writes has its `winlog` behind a message.
pub const HEAD: usize = 4096;

/// How events are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Export {
    /// `<Event>` elements, in an `<Events>` element or without, as `wevtutil`, `Get-WinEvent` and Event Viewer write them.
    Xml,
    /// One JSON object on each line, as `evtx_dump`, Winlogbeat or `NXLog` write it.
    JsonLines,
}

/// How the text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, low bytes first, behind a byte order mark.
    Utf16Le,
    /// UTF-16, high bytes first, behind a byte order mark.
    Utf16Be,
}

impl Encoding {
    /// By the byte order mark, whose size in bytes comes with it.
    #[must_use]
    pub fn of_head(head: &[u8]) -> (Self, usize) {
        match head {
            [0xFF, 0xFE, ..] => (Self::Utf16Le, 2),
            [0xFE, 0xFF, ..] => (Self::Utf16Be, 2),
            [0xEF, 0xBB, 0xBF, ..] => (Self::Utf8, 3),
            _ => (Self::Utf8, 0),
        }
    }
}

impl Export {
    /// What starts with these bytes, [`HEAD`] if there are as many, if it is an export.
    #[must_use]
    pub fn of_head(head: &[u8]) -> Option<Self> {
        let (encoding, mark) = Encoding::of_head(head);
        let text = head.get(mark..).unwrap_or_default();
        // All that tells an export is ASCII.
        let every_second = |from| text.iter().skip(from).step_by(2).copied().collect::<Vec<u8>>();
        match encoding {
            Encoding::Utf8 => Self::of_text(text),
            Encoding::Utf16Le => Self::of_text(&every_second(0)),
            Encoding::Utf16Be => Self::of_text(&every_second(1)),
        }
    }

    fn of_text(text: &[u8]) -> Option<Self> {
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
                (is_root && has("<Event") && has("<System")).then_some(Self::Xml)
            }
        }
    }
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
    let mut head = Vec::new();
    let failed = (&mut *stream).take(HEAD as u64).read_to_end(&mut head).err();
    let export = Export::of_head(&head);
    (export, io::Cursor::new(head).chain(Failed(failed)).chain(stream))
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
}
