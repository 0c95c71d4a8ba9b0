//! Exported events as JSON: one object for each, on a line of its own, or in a list, or over many lines.
//!
//! Objects are found by their braces, and each is parsed by itself. It is flattened first: `{"a":{"b":1}}` and `{"a.b":1}` are the
//! same. Which names an event has is not known here.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{
    evidence::{encoding::MARK, objects::Object},
    evtx::{
        event::Event,
        exported::{
            ecs,
            piece::{LONGEST, Piece},
            shapes::{self, Values},
            text::Text,
        },
    },
};

/// The longest name of what has members of its own, in bytes. Longer ones are of no shape that is known, and would be repeated
/// before each of their members.
const LONGEST_NAME: usize = 64;

/// The most items of a list that are read where all are.
const MOST_ITEMS: usize = 4096;

/// The list of an event's values in XML that was made JSON, as `Json.NET` does it.
const NAMED_VALUES: &str = "EventData.Data";

/// What has the members of one event.
const OF_ONE_EVENT: [&str; 5] = ["Event", "Event.System", "System", "winlog", "_source"];

/// The member whose text is JSON itself, as `EvtxECmd` writes it, in a document or not.
const JSON_IN_TEXT: [&str; 2] = ["Payload", "_source.Payload"];

/// As many bytes show whether a line is one that `evtx_dump` writes before each event.
const RECORD: usize = b"Record 18446744073709551615\r\n".len();

/// How long the header of a syslog message can be: names and ids of RFC 5424, section 6, take less.
const HEADER: usize = 1024;

/// The objects of a text.
#[derive(Default)]
pub(super) struct Objects {
    /// Whether a list was opened.
    is_list: bool,
}

impl Objects {
    /// Finds the next object, or passes what is not one.
    pub(super) fn next(&mut self, text: &mut Text<'_>) -> Option<Piece> {
        self.pass_between(text);
        text.have(HEADER);
        if let Some(size) = behind_header(text.window()) {
            text.pass(size);
        }
        match text.window().first()? {
            b'{' => Some(object(text)),
            0 => Some(zeros(text)),
            _ => Some(self.junk(text)),
        }
    }

    /// Passes what may stand between objects: white space, what makes a list of them, and the lines of `evtx_dump`.
    fn pass_between(&mut self, text: &mut Text<'_>) {
        loop {
            text.have(RECORD);
            let window = text.window();
            let is_space = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | 0x1E);
            let size = match window.first() {
                Some(byte) if is_space(byte) => window.iter().take_while(|byte| is_space(byte)).count(),
                Some(b'[') if !self.is_list && opens_list(window) => 1,
                Some(b']') if self.is_list => 1,
                Some(b'R') => record(window),
                _ if window.starts_with(MARK) => MARK.len(),
                _ => 0,
            };
            match window.first() {
                _ if size == 0 => return,
                Some(b'[') => self.is_list = true,
                Some(b']') => self.is_list = false,
                _ => {}
            }
            text.pass(size);
        }
    }

    /// Passes lines up to one in which an object starts.
    fn junk(&mut self, text: &mut Text<'_>) -> Piece {
        let place = text.place();
        self.is_list = false;
        loop {
            pass_line(text);
            text.have(HEADER);
            let line = first_line(text.window()).trim_ascii_start();
            let is_start = matches!(line.first(), Some(b'{' | b'[' | 0))
                || line.starts_with(MARK)
                || record(line) > 0
                || behind_header(line).is_some();
            if is_start || text.window().is_empty() {
                return Piece::Fault(place, "not an event: skipped up to the next one".to_owned());
            }
        }
    }
}

/// Whether this is the start of a list of objects, or of an empty one.
fn opens_list(window: &[u8]) -> bool {
    matches!(window.get(1..).unwrap_or_default().trim_ascii_start().first(), None | Some(b'{' | b']'))
}

/// The size of a line that `evtx_dump` writes before an event: `Record 7`. It is 0 if there is none.
fn record(line: &[u8]) -> usize {
    let number = line.strip_prefix(b"Record ").unwrap_or_default();
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_line = number.get(digits).is_none_or(u8::is_ascii_whitespace);
    if digits > 0 && is_line { line.len() - number.len() + digits } else { 0 }
}

/// Up to the end of the line. What is behind it is not looked at: there can be a window full of empty lines.
fn first_line(window: &[u8]) -> &[u8] {
    window.get(..memchr::memchr(b'\n', window).unwrap_or(window.len())).unwrap_or_default()
}

/// How long the header of a syslog message is (RFC 3164, RFC 5424), if one stands here with an object as its text.
fn behind_header(window: &[u8]) -> Option<usize> {
    let digits = window.strip_prefix(b"<")?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_header = matches!(digits, 1..=3) && window.get(digits + 1) == Some(&b'>');
    let header = window.get(..window.len().min(HEADER))?;
    memchr::memmem::find(first_line(header), b"{\"").filter(|_| is_header)
}

/// Passes the rest of a line.
fn pass_line(text: &mut Text<'_>) {
    loop {
        if let Some(at) = memchr::memchr(b'\n', text.window()) {
            return text.pass(at + 1);
        }
        text.pass(usize::MAX);
        if !text.fill() {
            return;
        }
    }
}

/// Passes bytes that are 0, as a file system leaves them where nothing was written.
fn zeros(text: &mut Text<'_>) -> Piece {
    let place = text.place();
    loop {
        let size = text.window().iter().take_while(|byte| **byte == 0).count();
        text.pass(size);
        if !text.window().is_empty() || !text.fill() {
            return Piece::Fault(place, "bytes that are 0: skipped up to the next event".to_owned());
        }
    }
}

/// The object that starts here, up to its end.
fn object(text: &mut Text<'_>) -> Piece {
    let place = text.place();
    let mut object = Object::default();
    let (mut from, mut is_too_long) = (0, false);
    loop {
        let window = text.window();
        if let Some(size) = object.end(window.get(from..).unwrap_or_default()) {
            if !is_too_long && from + size <= LONGEST {
                return Piece::Event(from + size);
            }
            text.pass(from + size);
            break;
        }
        from = window.len();
        if from > LONGEST {
            is_too_long = true;
            text.pass(usize::MAX);
            from = 0;
        }
        if !text.fill() {
            if !is_too_long {
                return Piece::Event(from);
            }
            break;
        }
    }
    Piece::Fault(place, "the event is longer than 1 MiB, and is skipped".to_owned())
}

/// The event that an object is.
pub(super) fn event(object: &str) -> Result<Event<'static>, String> {
    let read = |text: &str| {
        let mut values = Values::new();
        flatten(text.trim_end(), "", &mut values).map(|()| values)
    };
    let values = read(object).or_else(|error| match without_halves(object) {
        Some(text) => read(&text),
        None => Err(error),
    });
    shapes::event(values.map_err(|error| cause(&error))?)
}

/// The same with the replacement character for escapes of half a pair of UTF-16, if there are any. They are in logs, as in names of
/// files, and no text has them.
fn without_halves(text: &str) -> Option<String> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut whole, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(found) = memchr::memchr(b'\\', text.as_bytes().get(at..)?) {
        let start = at + found;
        at = match (unit(start), unit(start + 6)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => start + 12,
            (Some(0xD800..0xE000), _) => {
                whole.push_str(text.get(copied..start)?);
                whole.push(char::REPLACEMENT_CHARACTER);
                copied = start + 6;
                copied
            }
            _ => start + 2,
        };
    }
    whole.push_str(text.get(copied..)?);
    (copied > 0).then_some(whole)
}

/// Why an object is not JSON. The parser's own line number is not that of the file.
fn cause(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

/// Adds all that is in a text of JSON, below a name.
fn flatten(text: &str, name: &str, values: &mut Values) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_str(text);
    Flattened { name: name.to_owned(), values }.deserialize(&mut json)?;
    json.end()
}

/// Gives a value its own name, where the last members are its `@Name` and its `#text`, if it has one.
fn give_name(values: &mut Values, first: usize, list: &str) {
    let member = |wanted: &str| {
        let mut members = values.iter().skip(first);
        members.find(|(name, _)| name.strip_prefix(list) == Some(wanted)).map(|(_, value)| value.clone())
    };
    if let Some(name) = member(".@Name") {
        let text = member(".#text").unwrap_or_default();
        values.truncate(first);
        values.push((format!("{}.{name}", list.trim_end_matches(".Data")), text));
    }
}

/// What takes a value and all that is in it, each by the names that lead to it; of most lists, the first.
struct Flattened<'v> {
    name: String,
    values: &'v mut Values,
}

impl Flattened<'_> {
    fn add(self, value: impl Into<String>) {
        self.values.push((self.name, value.into()));
    }
}

impl<'de> DeserializeSeed<'de> for Flattened<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Flattened<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let known = self.values.len();
        if JSON_IN_TEXT.contains(&&*self.name) && flatten(text, &self.name, self.values).is_ok() {
            return Ok(());
        }
        self.values.truncate(known);
        self.add(text);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.add(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.add(value.to_string());
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.add(value.to_string());
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.add(value.to_string());
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.add("");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { name, values } = self;
        let most = if ecs::is_list(&name) || name.ends_with(NAMED_VALUES) { MOST_ITEMS } else { 1 };
        for _ in 0..most {
            if items.next_element_seed(Flattened { name: name.clone(), values })?.is_none() {
                return Ok(());
            }
        }
        let mut more = 0_u64;
        while items.next_element::<IgnoredAny>()?.is_some() {
            more += 1;
        }
        if more > 0 && OF_ONE_EVENT.contains(&name.strip_prefix("_source.").unwrap_or(&name)) {
            let (count, name) = (more + 1, name.rsplit('.').next().unwrap_or_default());
            return Err(Error::custom(format!("{count} events as a list in {name}, and not as objects of their own,")));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let first = self.values.len();
        while let Some(member) = members.next_key::<Cow<'de, str>>()? {
            if self.name.len() > LONGEST_NAME {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            let name = if self.name.is_empty() { member.into_owned() } else { format!("{}.{member}", self.name) };
            members.next_value_seed(Flattened { name, values: self.values })?;
        }
        if self.name.ends_with(NAMED_VALUES) {
            give_name(self.values, first, &self.name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_the_same_event() {
        for line in [
            r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"P"}},"EventID":{"#attributes":{"Qualifiers":""},"#text":3},"TimeCreated":{"#attributes":{"SystemTime":"2020-02-04T14:59:39Z"}},"EventRecordID":7,"Computer":"H"},"EventData":{"Image":"i"}}}"##,
            r#"{"Event":{"System":{"Provider_attributes":{"Name":"P"},"EventID":3,"TimeCreated_attributes":{"SystemTime":"2020-02-04T14:59:39Z"},"EventRecordID":7,"Computer":"H"},"EventData":{"Image":"i"}}}"#,
            r#"{"@timestamp":"2020-02-04T14:59:39Z","winlog":{"provider_name":"P","event_id":3,"computer_name":"H","record_id":7,"event_data":{"Image":"i"}}}"#,
            r#"{"@timestamp":"2020-02-04T14:59:39Z","winlog.provider_name":"P","winlog.event_id":"3","winlog.computer_name":"H","winlog.record_id":"7","winlog.event_data.Image":"i"}"#,
            r#"{"EventTime":"2020-02-04T14:59:39Z","Hostname":"H","EventID":3,"SourceName":"P","RecordNumber":7,"Image":"i"}"#,
            r##"{"Computer":"H","Payload":"{\"EventData\":{\"Data\":[{\"@Name\":\"x\"},{\"@Name\":\"Image\",\"#text\":\"i\"}]}}","Provider":"P","EventId":3,"EventRecordId":"7","TimeCreated":"2020-02-04T14:59:39Z"}"##,
            r##"{"Event":{"System":{"Provider":{"@Name":"P"},"EventID":{"@Qualifiers":"","#text":"3"},"TimeCreated":{"@SystemTime":"2020-02-04T14:59:39Z"},"EventRecordID":"7","Computer":"H"},"EventData":{"Data":{"#text":"i","@Name":"Image"}}}}"##,
            r#"{"System":{"Provider":{"Name":"P"},"EventID":{"Value":3},"TimeCreated":{"SystemTime":1580828379.0},"EventRecordID":7,"Computer":"H"},"EventData":{"Image":"i"}}"#,
            r#"{"@timestamp":"2020-02-04T14:59:39Z","source_name":"P","event_id":3,"computer_name":"H","record_number":"7","event_data":{"Image":"i"}}"#,
            r#"{"_index":"x","_source":{"@timestamp":"2020-02-04T14:59:39Z","winlog":{"provider_name":"P","event_id":3,"computer_name":"H","record_id":7,"event_data":{"Image":"i"}}}}"#,
        ] {
            let event = event(line).unwrap();
            assert_eq!((&*event.provider, &*event.event_id, &*event.computer, &*event.record_id), ("P", "3", "H", "7"));
            assert_eq!((&*event.system_time, event.field("Image")), ("2020-02-04T14:59:39Z", Some("i")), "{line}");
        }
    }

    #[test]
    fn what_velociraptor_writes_as_numbers_is_as_in_the_log() {
        let line = r#"{"System":{"Provider":{"Name":"Microsoft-Windows-Security-Auditing"},"EventID":{"Value":4688},
            "Keywords":9232379236109516800,"TimeCreated":{"SystemTime":1549462715.946133},"Execution":{"ProcessID":676}},
            "EventData":{"NewProcessId":4764,"TargetLogonId":0,"TokenElevationType":"%%1936"}}"#;
        let event = event(line).unwrap();
        assert_eq!(event.system_time, "2019-02-06T14:18:35.946133Z");
        assert_eq!(event.field("NewProcessId"), Some("0x129c"));
        assert_eq!(event.field("TargetLogonId"), Some("0x0"));
        assert_eq!(
            event.system,
            [("Keywords", "0x8020000000000000"), ("Execution_ProcessID", "676")]
                .map(|(name, value)| (name.into(), value.into()))
        );
    }

    #[test]
    fn values_keep_their_own_names() {
        let line = r##"{"Event":{"System":{"EventID":3},"EventData":{"Data":[{"@Name":"a"},{"#text":"of none"},{"#text":"1","@Name":"b"},"2"]}}}"##;
        let event = event(line).unwrap();
        assert_eq!((event.field("a"), event.field("b")), (Some(""), Some("1")));
        let line = r#"{"Provider":"P","EventId":3,"Payload":"{\"EventData\""}"#;
        assert!(super::event(line).unwrap().data.is_empty());
        let line = r##"{"Provider":"P","EventId":3,"Payload":"{\"EventData\":{\"Data\":[{\"@Name\":\"a\",\"#text\":\"x &amp;amp; y\"}]}}"}"##;
        assert_eq!(super::event(line).unwrap().field("a"), Some("x &amp; y"));
    }

    #[test]
    fn a_local_time_of_nxlog_is_not_taken_for_one_in_utc() {
        let line =
            r#"{"EventTime":"2021-04-05 12:10:09","EventID":3,"SourceName":"P","UtcTime":"2021-04-05 04:10:09.363"}"#;
        assert_eq!(event(line).unwrap().system_time, "2021-04-05 04:10:09.363");
        assert_eq!(
            event(r#"{"EventTime":"2021-04-05 12:10:09","EventID":3,"SourceName":"P"}"#).unwrap().system_time,
            ""
        );
    }

    #[test]
    fn half_a_pair_of_utf_16_is_replaced_and_costs_nothing_else() {
        let field = |image: &str| {
            let line = format!(r#"{{"SourceName":"P","EventID":3,"Image":"{image}","x":"\\\\"}}"#);
            event(&line).map(|event| event.field("Image").unwrap().to_owned())
        };
        assert_eq!(field(r"a\ud800b"), Ok("a\u{fffd}b".to_owned()));
        assert_eq!(field(r"\ud834\udd1e\udc00\ud800"), Ok("𝄞\u{fffd}\u{fffd}".to_owned()));
        assert_eq!(field(r"\\ud800\ud800ä\n"), Ok("\\ud800\u{fffd}ä\n".to_owned()));
        assert!(field(r"\u12").is_err());
    }

    #[test]
    fn all_answers_of_dns_are_read_and_of_other_lists_the_first() {
        let line = r#"{"winlog":{"provider_name":"Microsoft-Windows-Sysmon","event_id":22,"keywords":[7,8]},
            "dns":{"answers":[{"type":"CNAME","data":"a.b"},{"data":"::1"}],"resolved_ip":["::1"]}}"#;
        let event = event(line).unwrap();
        assert_eq!(event.field("QueryResults"), Some("a.b;::1;"));
        assert_eq!(event.system, [("Keywords".into(), Cow::Borrowed("0x7"))]);
    }

    #[test]
    fn a_list_of_events_where_there_can_be_one_is_refused() {
        let inside = r#"{"provider_name":"P","event_id":3,"System":{"Provider":{"@Name":"P"},"EventID":3}}"#;
        for name in ["Event", "winlog", "System"] {
            assert!(event(&format!("{{\"{name}\":[{inside}]}}")).is_ok(), "{name}");
            for line in [
                format!("{{\"{name}\":[{inside},{inside}]}}"),
                format!("{{\"_source\":{{\"{name}\":[{inside},{inside}]}}}}"),
            ] {
                let cause = event(&line).unwrap_err();
                assert!(cause.starts_with(&format!("2 events as a list in {name}, and not")), "{cause}");
            }
        }
    }

    #[test]
    fn names_do_not_grow_with_what_is_in_them() {
        let name = "n".repeat(100_000);
        let members = "\"m\":1,".repeat(10_000);
        let line = format!("{{\"SourceName\":\"P\",\"EventID\":1,\"{name}\":{{{members}\"z\":1}}}}");
        assert!(event(&line).unwrap().data.is_empty());
    }
}
