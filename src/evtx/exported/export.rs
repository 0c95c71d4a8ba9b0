//! Reading an export: a stream of XML or of JSON lines, as the events in it, each at its place.

use std::{
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    evidence::export::Export,
    evtx::{
        event::Event,
        exported::{
            json,
            piece::Piece,
            text::{Place, Text},
            xml,
        },
    },
};

/// Hands each event of an export to `each` with its place, or what is wrong there. An event that cannot be read is skipped.
///
/// # Errors
///
/// Why the stream cannot be read on.
pub fn read(
    export: Export,
    stream: &mut dyn Read,
    each: &mut dyn FnMut(Place, Result<Event<'_>, String>),
) -> io::Result<()> {
    let mut text = Text::new(stream);
    let (next, parse): (Next, Parse) = match export {
        Export::Xml => (xml::next, xml::event),
        Export::JsonLines => (json::next, json::event),
    };
    while let Some(piece) = next(&mut text) {
        match piece {
            Piece::Event(size) => {
                let bytes = text.window().get(..size).unwrap_or_default();
                each(text.place(), whole(bytes, parse));
                text.pass(size);
            }
            Piece::Fault(place, cause) => each(place, Err(cause)),
        }
    }
    text.failure()
}

/// Finds what comes next in a text.
type Next = fn(&mut Text<'_>) -> Option<Piece>;

/// Reads an event.
type Parse = fn(&str) -> Result<Event<'_>, String>;

fn whole(bytes: &[u8], parse: Parse) -> Result<Event<'_>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
    let event = catch_unwind(AssertUnwindSafe(|| parse(text))).map_err(|_| "the parser panicked".to_owned())??;
    if event.provider.is_empty() || event.event_id.is_empty() {
        return Err("not an event: it states no provider or no event id".to_owned());
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evtx::exported::piece::LONGEST;

    fn read_all(export: Export, mut bytes: &[u8]) -> Vec<(u64, u64, Result<String, String>)> {
        let mut all = Vec::new();
        read(export, &mut bytes, &mut |place, event| {
            all.push((place.line, place.offset, event.map(|event| event.record_id.into_owned())));
        })
        .unwrap();
        all
    }

    fn xml(id: u32) -> String {
        format!(
            "<Event><System><Provider Name='P'/><EventID>3</EventID><EventRecordID>{id}</EventRecordID></System></Event>"
        )
    }

    #[test]
    fn elements_are_read_on_behind_what_is_wrong() {
        let long = format!("<Event><a>{}</a></Event>", "x".repeat(3 * LONGEST));
        let text =
            ["<Events>", &xml(1), "<Event><System>", &xml(2), "junk", &xml(3), &long, &xml(4), "<Event>"].join("\n");
        let found = read_all(Export::Xml, text.as_bytes());
        let lines: Vec<(u64, Result<&str, &str>)> =
            found.iter().map(|(line, _, event)| (*line, event.as_deref().map_err(String::as_str))).collect();
        assert_eq!(
            lines,
            [
                (2, Ok("1")),
                (3, Err("the event has no end before the next one")),
                (4, Ok("2")),
                (5, Err("not an event: skipped up to the next one")),
                (6, Ok("3")),
                (7, Err("the event is longer than 1 MiB, and is skipped")),
                (8, Ok("4")),
                (9, Err("the text ends inside the event")),
            ]
        );
        for (_, offset, _) in found {
            assert!(["<Event", "junk"].iter().any(|start| text[usize::try_from(offset).unwrap()..].starts_with(start)));
        }
    }

    #[test]
    fn nothing_that_is_cut_or_turned_over_panics_or_hangs() {
        let line = r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"P"}},"EventID":3}}}"##;
        let texts = [
            (Export::Xml, format!("<?xml version='1.0'?>{}&#x41;<!--x-->", xml(1))),
            (Export::JsonLines, line.to_owned()),
        ];
        for (export, text) in texts {
            for at in 0..text.len() {
                read_all(export, &text.as_bytes()[..at]);
                for byte in [0, b'<', b'"', b'&', 0xFF, b'\n'] {
                    let mut bytes = text.clone().into_bytes();
                    bytes[at] = byte;
                    read_all(export, &bytes);
                }
            }
        }
        let deep = "[".repeat(500_000);
        assert!(read_all(Export::JsonLines, deep.as_bytes())[0].2.is_err());
        let deep = format!("<Event>{}</Event>", "<a>".repeat(300_000));
        assert!(read_all(Export::Xml, deep.as_bytes())[0].2.is_err());
        let attributes = " a=''".repeat(100_000);
        assert!(read_all(Export::Xml, format!("<Event{attributes}></Event>").as_bytes())[0].2.is_err());
    }
}
