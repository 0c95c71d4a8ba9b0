//! Reading an export: a stream of XML or of JSON, as the events in it, each at its place.

use std::{
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    str::Utf8Error,
};

use crate::{
    error::DefectKind,
    evidence::export::Export,
    evtx::{
        event::{Event, LONGEST_NAME},
        exported::{
            json::{self, Objects},
            piece::{Fault, Piece},
            text::{Place, Text},
            xml::{self, Elements},
        },
    },
};

/// Hands each event of an export to `each` with its place, or what is wrong there. An event that cannot be read is skipped. Bytes
/// that are not UTF-8 are replaced, which is said once, at the first event that has some.
///
/// # Errors
///
/// Why the stream cannot be read on.
pub fn read(
    export: Export,
    stream: &mut dyn Read,
    each: &mut dyn FnMut(Place, Result<Event<'_>, Fault>),
) -> io::Result<()> {
    let mut text = Text::new(stream);
    let (mut elements, mut objects) = (Elements::default(), Objects::default());
    let (next, parse): (&mut Next<'_>, Parse) = match export {
        Export::Xml => (&mut |text| elements.next(text), xml::event),
        Export::JsonLines => (&mut |text| objects.next(text), json::event),
    };
    let mut is_replaced = false;
    while let Some(piece) = next(&mut text) {
        match piece {
            Piece::Event(size) => {
                let bytes = text.window().get(..size).unwrap_or_default();
                if let Err(error) = std::str::from_utf8(bytes)
                    && !is_replaced
                {
                    is_replaced = true;
                    each(text.place(), Err(replaced(error)));
                }
                let mut event = whole(&String::from_utf8_lossy(bytes), parse);
                if event.as_mut().is_ok_and(cut_host) {
                    each(text.place(), Err(long_host()));
                }
                each(text.place(), event.map_err(Fault::of_event));
                text.pass(size);
            }
            Piece::Fault(place, cause) => each(place, Err(Fault::of_event(cause))),
        }
    }
    text.failure()
}

/// Finds what comes next in a text.
type Next<'n> = dyn FnMut(&mut Text<'_>) -> Option<Piece> + 'n;

/// Reads an event.
type Parse = fn(&str) -> Result<Event<'static>, String>;

fn whole(text: &str, parse: Parse) -> Result<Event<'static>, String> {
    let event = catch_unwind(AssertUnwindSafe(|| parse(text))).map_err(|_| "the parser panicked".to_owned())??;
    if event.provider.is_empty() || event.event_id.is_empty() {
        return Err("not an event: it states no provider or no event id".to_owned());
    }
    Ok(event)
}

/// Cuts off the name of the host of an event, if it is longer than one can be: it is kept for each host, and a file that is made up can name
/// another in each event. Returns whether it was.
fn cut_host(event: &mut Event<'_>) -> bool {
    let end = event.computer.floor_char_boundary(LONGEST_NAME);
    let is_long = end < event.computer.len();
    if is_long {
        event.computer = event.computer.get(..end).unwrap_or_default().to_owned().into();
    }
    is_long
}

/// That the name of a host is cut off.
fn long_host() -> Fault {
    let cause = format!("the name of the host has more than {LONGEST_NAME} bytes, and is cut off");
    Fault { kind: DefectKind::Text, cause }
}

/// That bytes are replaced, here and in whatever comes behind.
fn replaced(error: Utf8Error) -> Fault {
    Fault { kind: DefectKind::Replaced, cause: format!("bytes that are not UTF-8 are replaced: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evtx::exported::piece::LONGEST;

    fn read_all(export: Export, mut bytes: &[u8]) -> Vec<(u64, u64, Result<String, String>)> {
        let mut all = Vec::new();
        read(export, &mut bytes, &mut |place, event| {
            all.push((
                place.line,
                place.offset,
                event.map(|event| event.record_id.into_owned()).map_err(|fault| fault.cause),
            ));
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

    fn object(id: u32) -> String {
        format!(r#"{{"SourceName":"P","EventID":3,"RecordNumber":{id}}}"#)
    }

    fn ids(export: Export, text: &str) -> (Vec<String>, Vec<(u64, String)>) {
        let (mut ids, mut faults) = (Vec::new(), Vec::new());
        for (line, _, event) in read_all(export, text.as_bytes()) {
            match event {
                Ok(id) => ids.push(id),
                Err(cause) => faults.push((line, cause)),
            }
        }
        (ids, faults)
    }

    #[test]
    fn objects_are_read_however_they_stand_side_by_side() {
        let all = || [1, 2, 3].map(object);
        let indented = all().map(|object| object.replace(',', ",\n  ").replace('{', "{\n  ").replace('}', "\n}"));
        for text in [
            all().join("\n"),
            all().join("\r"),
            all().join("\r\n\r\n"),
            all().join(""),
            all().join(",\n"),
            all().join("\n\u{feff}"),
            all().map(|object| format!("[{object}]")).join("\n"),
            format!("\u{feff}[{}]", all().join(",")),
            format!("[\n{}\n]\n", indented.join(",\n")),
            indented.join("\n"),
            indented.map(|object| format!("Record 7\n{object}")).join("\n"),
        ] {
            assert_eq!(ids(Export::JsonLines, &text), (vec!["1".into(), "2".into(), "3".into()], Vec::new()), "{text}");
        }
    }

    #[test]
    fn objects_behind_headers_of_syslog_are_read() {
        let [one, two] = [1, 2].map(object);
        let text = format!("<14>1 2019-07-19T14:42:51Z HOST Sysmon 1 - - {one}\n<14>Jul 19 14:42:51 H a[1]: {two}\n");
        assert_eq!(ids(Export::JsonLines, &text), (vec!["1".into(), "2".into()], Vec::new()));
        for text in [format!("{one}\n<14>x\n{two}"), format!("{one}\n<1444>{two}\n{two}")] {
            let (ids, faults) = ids(Export::JsonLines, &text);
            assert_eq!((ids, faults.len()), (vec!["1".to_owned(), "2".to_owned()], 1), "{text}");
        }
    }

    #[test]
    fn objects_are_read_on_behind_what_is_wrong() {
        let [one, two] = [1, 2].map(object);
        let not_one = "not an event: skipped up to the next one";
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(3 * LONGEST));
        for (text, line, cause) in [
            (format!("{}\n{one}\n{two}", &one[5..]), 1, not_one),
            (format!("# by x\n\n# and y\n{one}\n{two}"), 1, not_one),
            (format!("{one}\n[[[[[\n{two}"), 2, not_one),
            (format!("{one}}}}}\n{two}"), 1, not_one),
            (format!("\0\0\0{one}\n{two}"), 1, "bytes that are 0: skipped up to the next event"),
            (format!("{one}\n{two}\n\0\0\0"), 3, "bytes that are 0: skipped up to the next event"),
            (format!("{one}\n{long}\n{two}"), 2, "the event is longer than 1 MiB, and is skipped"),
            (format!("{one}\n{{\"a\":1}}\n{two}"), 2, "not an event of a known shape"),
            (format!("{one}\n{{\"a\":\"b\n{two}"), 2, "EOF while parsing a string at column 7"),
            (format!("{one}\n{{\"a\":{{\n{two}"), 2, "EOF while parsing an object at column 6"),
        ] {
            let (ids, faults) = ids(Export::JsonLines, &text);
            assert_eq!(ids, ["1", "2"], "{}", &text[..40]);
            assert_eq!(faults, [(line, cause.to_owned())], "{}", &text[..40]);
        }
    }

    #[test]
    fn what_may_stand_around_elements_is_passed() {
        let (one, two) = (xml(1), xml(2));
        for text in [
            format!("<?xml version='1.0'?><!-- <Event> --><root><list a='b'>{one}{two}</list></root>"),
            format!("<!DOCTYPE Events SYSTEM \"x\">\n<Events>{one}{two}</Events>"),
            format!("<!DOCTYPE Events [<!ENTITY a \"b\"><!ENTITY c \"&a;\">]>\n<Events>{one}{two}</Events>"),
            format!("\u{feff}<Events>{one}</Events>\n\u{feff}<?xml version='1.0'?>\n<Events>{two}</Events>"),
        ] {
            assert_eq!(ids(Export::Xml, &text), (vec!["1".into(), "2".into()], Vec::new()), "{text}");
        }
        for text in ["<Events/>", "<?xml version='1.0'?>\n<Events></Events>\n"] {
            assert_eq!(ids(Export::Xml, text), (Vec::new(), Vec::new()), "{text}");
        }
        let (ids, faults) = ids(Export::Xml, &format!("{one}<root>{two}"));
        assert_eq!((ids.len(), faults.len()), (2, 1));
    }

    /// Each was looked for through 1 MiB: together that took minutes.
    #[test]
    fn what_has_no_end_is_looked_through_once() {
        for start in ["<!--", "<?", "<!DOCTYPE [>", "<Events"] {
            let text = format!("<Event></Event>{start}").repeat(150_000);
            assert!(read_all(Export::Xml, text.as_bytes()).len() > 150_000 / 2, "{start}");
        }
    }

    /// Each was looked for behind all the others: together that took minutes.
    #[test]
    fn empty_lines_are_looked_through_once() {
        for lines in ["\n".repeat(LONGEST), " \n".repeat(LONGEST / 2)] {
            let [one, two] = [1, 2].map(object);
            let (ids, faults) = ids(Export::JsonLines, &format!("{one}\nx{lines}{two}"));
            assert_eq!((ids.len(), faults.len()), (2, 1));
            let found = read_all(Export::Xml, format!("{}\nx{lines}{}", xml(1), xml(2)).as_bytes());
            assert_eq!(found.len(), 3);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_said_once() {
        let text = [1, 2, 3].map(|id| xml(id).replace("'P'", "'P\u{e9}'")).concat();
        let bytes: Vec<u8> = text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
        let mut found = Vec::new();
        read(Export::Xml, &mut bytes.as_slice(), &mut |place, event| {
            found.push((place.offset, event.map(|event| event.provider.into_owned()).map_err(|fault| fault.kind)));
        })
        .unwrap();
        assert_eq!(found.len(), 4);
        assert_eq!(found[0], (0, Err(DefectKind::Replaced)));
        assert!(found[1..].iter().all(|(_, provider)| *provider == Ok("P\u{fffd}".to_owned())), "{found:?}");
    }

    #[test]
    fn a_host_with_a_name_longer_than_any_is_cut_off_and_said() {
        let text = [254, 255, 256, 1 << 19].map(|size| {
            let name = format!("{}ä", "x".repeat(size - 2));
            xml(1).replace("</System>", &format!("<Computer>{name}</Computer></System>"))
        });
        let mut found = Vec::new();
        read(Export::Xml, &mut text.concat().as_bytes(), &mut |_, event| {
            found.push(event.map(|event| event.computer.len()).map_err(|fault| fault.kind));
        })
        .unwrap();
        let cut = || Err(DefectKind::Text);
        assert_eq!(found, [Ok(254), Ok(255), cut(), Ok(254), cut(), Ok(255)]);
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
