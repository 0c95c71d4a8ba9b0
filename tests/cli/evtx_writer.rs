//! A small EVTX writer: logs in the shape in which Windows writes them, and damage to them by name.
//!
//! A record is an instance of the provider's outer template, whose last value is BinXML with an instance of the event's
//! own template. Definitions and names stand where they are used first in a chunk; later uses refer back. Checksums
//! are correct until damage makes them wrong. Layout: the EVTX format notes of the libevtx project; BinXML tokens:
//! MS-EVEN6 2.2.12.

use std::collections::BTreeMap;

pub const HEADER: usize = 4096;
pub const CHUNK: usize = 65536;
const CHUNK_HEADER: usize = 512;
const XMLNS: &str = "http://schemas.microsoft.com/win/2004/08/events/event";

/// FILETIME ticks (100 ns) between 1601 and 1970.
const UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// A value of a template instance, with its BinXML type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Text(String),
    /// A UTF-16 string given as code units, which may be no Unicode.
    Units(Vec<u16>),
    /// An 8-bit string.
    Ansi(Vec<u8>),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    Hex32(u32),
    Hex64(u64),
    Bool(bool),
    Guid(String),
    FileTime(u64),
    /// Year, month, day of the week, day, hour, minute, second, millisecond.
    SysTime([u16; 8]),
    Sid(Vec<u8>),
    /// A type, and bytes that may be none of it.
    Any(u8, Vec<u8>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// An event to write.
#[derive(Debug, Clone)]
pub struct Event {
    pub provider: String,
    pub computer: String,
    pub channel: String,
    pub id: Value,
    pub task: u16,
    pub version: u8,
    /// FILETIME of `TimeCreated`.
    pub time: u64,
    /// A value for `TimeCreated` in place of that.
    pub time_created: Option<Value>,
    /// FILETIME in the record header, which is another one in real logs.
    pub header_time: u64,
    /// `EventRecordID`, where it is not the record number.
    pub record_id: Option<u64>,
    /// Whether the EventID is text of the template instead of a value.
    pub literal_id: bool,
    /// Whether `Level` shows the data too.
    pub level_shows_data: bool,
    pub data: Vec<(String, Value)>,
    /// Fields whose elements are left out where another's value is NULL.
    pub depending: Vec<(String, String)>,
    /// Fields whose elements have text of the template before their values.
    pub led: Vec<(String, String)>,
}

/// 2024-03-05T14:07:09.1234567Z and so many seconds later.
pub fn time(seconds: u64) -> u64 {
    UNIX_EPOCH + (1_709_647_629 + seconds) * 10_000_000 + 1_234_567
}

impl Event {
    /// An event of Sysmon without data.
    pub fn sysmon(id: u16, version: u8) -> Self {
        Self {
            provider: "Microsoft-Windows-Sysmon".to_owned(),
            computer: "WS01.corp.example".to_owned(),
            channel: "Microsoft-Windows-Sysmon/Operational".to_owned(),
            id: Value::U16(id),
            task: id,
            version,
            time: time(0),
            time_created: None,
            header_time: time(2),
            record_id: None,
            literal_id: false,
            level_shows_data: false,
            data: Vec::new(),
            depending: Vec::new(),
            led: Vec::new(),
        }
    }

    /// A network connection as Sysmon 10 and later log it: regsvcs.exe to 8.8.8.8, TCP port 443.
    pub fn connection() -> Self {
        Self::sysmon(3, 5)
            .with("RuleName", "-")
            .with("UtcTime", "2024-03-05 14:07:05.001")
            .with("ProcessGuid", Value::Guid("11223344-5566-7788-99aa-bbccddeeff00".to_owned()))
            .with("ProcessId", Value::U32(4321))
            .with("Image", r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe")
            .with("User", r"CORP\alice")
            .with("Protocol", "tcp")
            .with("Initiated", Value::Bool(true))
            .with("SourceIsIpv6", Value::Bool(false))
            .with("SourceIp", "10.1.2.3")
            .with("SourceHostname", "WS01.corp.example")
            .with("SourcePort", Value::U16(50123))
            .with("SourcePortName", "-")
            .with("DestinationIsIpv6", Value::Bool(false))
            .with("DestinationIp", "8.8.8.8")
            .with("DestinationHostname", "-")
            .with("DestinationPort", Value::U16(443))
            .with("DestinationPortName", "https")
    }

    /// Sets a field, at its place if it is there already.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        match self.data.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.into(),
            None => self.data.push((name.to_owned(), value.into())),
        }
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.data.retain(|(known, _)| known != name);
        self
    }

    /// The element of a field is left out where the other's value is NULL.
    /// Writes a field whose value stands behind text of the template.
    pub fn led(mut self, name: &str, text: &str, value: impl Into<Value>) -> Self {
        self.led.push((name.to_owned(), text.to_owned()));
        self.with(name, value)
    }

    pub fn depending(mut self, name: &str, on: &str) -> Self {
        self.depending.push((name.to_owned(), on.to_owned()));
        self
    }

    pub fn image(self, image: &str) -> Self {
        self.with("Image", image)
    }

    pub fn dest(self, address: &str) -> Self {
        let ipv6 = address.contains(':');
        self.with("DestinationIp", address).with("DestinationIsIpv6", Value::Bool(ipv6))
    }

    pub fn on(mut self, computer: &str) -> Self {
        computer.clone_into(&mut self.computer);
        self
    }

    /// Logged so many seconds after the first.
    pub fn at(mut self, seconds: u64) -> Self {
        self.time = time(seconds);
        self.header_time = time(seconds + 2);
        self
    }
}

/// The bytes of a log. Damage is done to these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log(pub Vec<u8>);

/// The same events, logged by the same host under its name in other cases and with a dot at its end, one after another.
pub fn by_other_names(events: &[Event]) -> Vec<Event> {
    const NAMES: [&str; 4] = ["WS01.corp.example", "ws01.CORP.example", "WS01.corp.example.", "ws01.corp.example"];
    events.iter().cloned().zip(NAMES.into_iter().cycle()).map(|(event, name)| event.on(name)).collect()
}

/// Writes a log with these events, in as many chunks as they need.
pub fn log<'a>(events: impl IntoIterator<Item = &'a Event>) -> Log {
    log_with_repeated_value(events, "", 1)
}

/// The same, with a template that places the value of one field so many times in its element.
pub fn log_with_repeated_value<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    field: &'static str,
    times: usize,
) -> Log {
    let mut chunks = vec![Chunk::new(1)];
    chunks[0].repeat = (field, times);
    for (number, event) in (1..).zip(events) {
        let chunk = chunks.last_mut().unwrap();
        let before = chunk.clone();
        chunk.record(number, event);
        if chunk.bytes.len() > CHUNK {
            *chunk = before;
            let mut next = Chunk::new(number);
            next.repeat = (field, times);
            next.record(number, event);
            chunks.push(next);
        }
    }
    let mut bytes = file_header(&chunks);
    for chunk in chunks {
        bytes.extend(chunk.finish());
    }
    Log(bytes)
}

fn file_header(chunks: &[Chunk]) -> Vec<u8> {
    let mut header = vec![0; HEADER];
    put(&mut header, 0, b"ElfFile\0");
    put(&mut header, 16, &(chunks.len() as u64 - 1).to_le_bytes());
    put(&mut header, 24, &chunks.last().unwrap().next_record.to_le_bytes());
    put(&mut header, 32, &128_u32.to_le_bytes());
    put(&mut header, 36, &[1, 0, 3, 0, 0, 16]);
    put(&mut header, 42, &u16::try_from(chunks.len()).unwrap().to_le_bytes());
    let checksum = crc32fast::hash(&header[..120]);
    put(&mut header, 124, &checksum.to_le_bytes());
    header
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

impl Log {
    /// Cuts the log off after `size` bytes.
    pub fn cut_at(mut self, size: usize) -> Self {
        self.0.truncate(size);
        self
    }

    /// Overwrites a chunk's magic.
    pub fn without_chunk_magic(mut self, chunk: usize) -> Self {
        put(&mut self.0, offset(chunk), b"ElfJunk\0");
        self
    }

    /// Sets a whole chunk to zeros.
    pub fn with_unused_chunk(mut self, chunk: usize) -> Self {
        self.0[offset(chunk)..offset(chunk) + CHUNK].fill(0);
        self
    }

    /// Sets `size` bytes of a chunk at an offset in it to zeros, checksums as they were.
    pub fn with_zeros(mut self, chunk: usize, at: usize, size: usize) -> Self {
        self.0[offset(chunk) + at..][..size].fill(0);
        self
    }

    /// Flips every bit of some bytes of a chunk, checksums as they were.
    pub fn with_flipped(mut self, chunk: usize, at: usize, size: usize) -> Self {
        self.0[offset(chunk) + at..][..size].iter_mut().for_each(|byte| *byte = !*byte);
        self
    }

    /// Overwrites bytes of a chunk, checksums as they were.
    pub fn with_bytes(mut self, chunk: usize, at: usize, bytes: &[u8]) -> Self {
        put(&mut self.0, offset(chunk) + at, bytes);
        self
    }

    /// Overwrites a number in a chunk, checksums as they were.
    pub fn with_u32(self, chunk: usize, at: usize, value: u32) -> Self {
        self.with_bytes(chunk, at, &value.to_le_bytes())
    }

    /// Sets a chunk's header to what it is before a record is written: an end right behind it, a first id and a last one that
    /// is none. Checksums mended.
    pub fn with_empty_header(mut self, chunk: usize, first_id: u64, last_id: u64) -> Self {
        let header = [first_id, last_id, first_id, last_id].map(u64::to_le_bytes).concat();
        self = self.with_bytes(chunk, 8, &header).with_bytes(chunk, 44, &[0, 0, 0, 0, 0, 2, 0, 0]);
        self = self.with_zeros(chunk, 128, CHUNK_HEADER - 128);
        self.mend(chunk);
        self
    }

    /// Sets a chunk's header to zeros, as a cleared chunk's is.
    pub fn without_chunk_header(self, chunk: usize) -> Self {
        self.with_zeros(chunk, 0, CHUNK_HEADER)
    }

    /// Makes a chunk forget its records from this one on: they stay in its free space.
    pub fn with_stale_records(mut self, chunk: usize, from: usize) -> Self {
        let records = self.records(chunk);
        let last_id = self.id(chunk, from) - 1;
        put(&mut self.0, offset(chunk) + 48, &u32::try_from(records[from]).unwrap().to_le_bytes());
        put(&mut self.0, offset(chunk) + 32, &last_id.to_le_bytes());
        // What follows is from an older pass over the chunk: its ids do not continue.
        for &at in &records[from..] {
            let id = u64::from(u32_at(&self.0, offset(chunk) + at + 8)) + 1_000_000;
            put(&mut self.0, offset(chunk) + at + 8, &id.to_le_bytes());
        }
        self.mend(chunk);
        self
    }

    /// The id in the header of a chunk's record.
    pub fn id(&self, chunk: usize, record: usize) -> u64 {
        u64::from(u32_at(&self.0, offset(chunk) + self.records(chunk)[record] + 8))
    }

    /// Where a chunk's records end.
    pub fn end(&self, chunk: usize) -> usize {
        u32_at(&self.0, offset(chunk) + 48) as usize
    }

    /// Points the first entry of a chunk's table of names outside the chunk, checksums mended.
    pub fn with_bad_string_table(mut self, chunk: usize) -> Self {
        put(&mut self.0, offset(chunk) + 128, &0x00f0_0000_u32.to_le_bytes());
        self.mend(chunk);
        self
    }

    /// Adds bytes behind the last chunk.
    pub fn with_trailing(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Where the records of a chunk start, as offsets in the chunk.
    pub fn records(&self, chunk: usize) -> Vec<usize> {
        let bytes = &self.0[offset(chunk)..];
        let mut at = CHUNK_HEADER;
        let mut records = Vec::new();
        while at < u32_at(bytes, 48) as usize {
            records.push(at);
            at += u32_at(bytes, at + 4) as usize;
        }
        records
    }

    /// The sizes of a record's values and where they stand in its chunk: of the outer values, then of those of its data.
    pub fn sizes(&self, chunk: usize, record: usize) -> Vec<(usize, u16)> {
        let bytes = &self.0[offset(chunk)..];
        let mut sizes = Vec::new();
        // Of the last value, which is the data.
        let mut start = self.records(chunk)[record] + 24;
        for _ in 0..2 {
            let mut at = start + 14;
            if u32_at(bytes, start + 10) as usize == at {
                at += 24 + u32_at(bytes, at + 20) as usize;
            }
            let own = (0..u32_at(bytes, at) as usize).map(|index| at + 4 + 4 * index);
            let own: Vec<(usize, u16)> =
                own.map(|at| (at, u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()))).collect();
            let before: usize = own.iter().rev().skip(1).map(|(_, size)| usize::from(*size)).sum();
            start = at + 4 + 4 * own.len() + before;
            sizes.extend(own);
        }
        sizes
    }

    /// How many chunks it has, whole ones.
    pub fn chunks(&self) -> usize {
        (self.0.len() - HEADER) / CHUNK
    }

    /// Makes the checksum of a chunk's header right again.
    pub fn seal_header(&mut self, chunk: usize) {
        seal_header(&mut self.0[offset(chunk)..offset(chunk) + CHUNK]);
    }

    /// Makes a chunk's checksums right again.
    pub fn mend(&mut self, chunk: usize) {
        seal(&mut self.0[offset(chunk)..offset(chunk) + CHUNK]);
    }
}

/// The file offset of a chunk.
pub fn offset(chunk: usize) -> usize {
    HEADER + chunk * CHUNK
}

fn seal(chunk: &mut [u8]) {
    let free_space = u32_at(chunk, 48) as usize;
    let records = crc32fast::hash(&chunk[CHUNK_HEADER..free_space]);
    put(chunk, 52, &records.to_le_bytes());
    seal_header(chunk);
}

fn seal_header(chunk: &mut [u8]) {
    let mut header = crc32fast::Hasher::new();
    header.update(&chunk[..120]);
    header.update(&chunk[128..CHUNK_HEADER]);
    put(chunk, 124, &header.finalize().to_le_bytes());
}

/// A part of a template's definition.
enum Part<'a> {
    Open(&'a str, Vec<(&'a str, Content<'a>)>, Vec<Part<'a>>),
    Content(Content<'a>),
    /// An element that depends on the value with this number.
    Depending(u16, Box<Self>),
}

enum Content<'a> {
    Literal(&'a str),
    /// The value with this index, of this type.
    Value(u16, u8),
}

#[derive(Debug, Clone)]
struct Chunk {
    bytes: Vec<u8>,
    first_record: u64,
    next_record: u64,
    last_record_at: u32,
    names: BTreeMap<String, u32>,
    /// A field whose value its element repeats, and how often.
    repeat: (&'static str, usize),
    /// The last name and definition of each bucket, to link the next one to.
    buckets: BTreeMap<usize, u32>,
    definitions: BTreeMap<Vec<u8>, u32>,
}

impl Chunk {
    fn new(first_record: u64) -> Self {
        Self {
            bytes: vec![0; CHUNK_HEADER],
            first_record,
            next_record: first_record,
            last_record_at: 0,
            names: BTreeMap::new(),
            repeat: ("", 1),
            buckets: BTreeMap::new(),
            definitions: BTreeMap::new(),
        }
    }

    fn finish(self) -> Vec<u8> {
        let mut bytes = self.bytes;
        let free_space = u32::try_from(bytes.len()).unwrap();
        bytes.resize(CHUNK, 0);
        put(&mut bytes, 0, b"ElfChnk\0");
        for (at, number) in [(8, self.first_record), (16, self.next_record - 1)] {
            put(&mut bytes, at, &number.to_le_bytes());
            put(&mut bytes, at + 16, &number.to_le_bytes());
        }
        put(&mut bytes, 40, &128_u32.to_le_bytes());
        put(&mut bytes, 44, &self.last_record_at.to_le_bytes());
        put(&mut bytes, 48, &free_space.to_le_bytes());
        seal(&mut bytes);
        bytes
    }

    fn position(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap()
    }

    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn record(&mut self, number: u64, event: &Event) {
        let start = self.bytes.len();
        self.last_record_at = self.position();
        self.next_record = number + 1;
        self.add(&[0x2a, 0x2a, 0, 0, 0, 0, 0, 0]);
        self.add(&number.to_le_bytes());
        self.add(&event.header_time.to_le_bytes());
        self.outer_instance(number, event);
        // Records are a multiple of 8 bytes, the size included.
        while !(self.bytes.len() + 4).is_multiple_of(8) {
            self.add(&[0]);
        }
        let size = u32::try_from(self.bytes.len() + 4 - start).unwrap().to_le_bytes();
        self.add(&size);
        put(&mut self.bytes, start + 4, &size);
    }

    fn outer_instance(&mut self, number: u64, event: &Event) {
        use Content::{Literal, Value as Index};
        let leaf = |name, value: u16, kind: u8| Part::Open(name, vec![], vec![Part::Content(Index(value, kind))]);
        let id_text = match &event.id {
            Value::U16(id) => id.to_string(),
            Value::Text(text) => text.clone(),
            _ => String::new(),
        };
        let time = event.time_created.clone().unwrap_or(Value::FileTime(event.time));
        let event_id = if event.literal_id {
            Part::Open("EventID", vec![], vec![Part::Content(Literal(&id_text))])
        } else {
            leaf("EventID", 3, event.id.kind())
        };
        let system = vec![
            Part::Open("Provider", vec![("Name", Index(14, 0x01)), ("Guid", Index(15, 0x0f))], vec![]),
            event_id,
            leaf("Version", 11, 0x04),
            if event.level_shows_data { leaf("Level", 17, 0x21) } else { leaf("Level", 0, 0x04) },
            leaf("Task", 2, 0x06),
            leaf("Opcode", 1, 0x04),
            leaf("Keywords", 5, 0x15),
            Part::Open("TimeCreated", vec![("SystemTime", Index(6, time.kind()))], vec![]),
            leaf("EventRecordID", 10, 0x0a),
            Part::Open("Correlation", vec![("ActivityID", Index(7, 0x0f))], vec![]),
            Part::Open("Execution", vec![("ProcessID", Index(8, 0x08)), ("ThreadID", Index(9, 0x08))], vec![]),
            leaf("Channel", 16, 0x01),
            Part::Open("Computer", vec![], vec![Part::Content(Literal(&event.computer))]),
            Part::Open("Security", vec![("UserID", Index(12, 0x13))], vec![]),
        ];
        let root = Part::Open(
            "Event",
            vec![("xmlns", Literal(XMLNS))],
            vec![Part::Open("System", vec![], system), Part::Content(Index(17, 0x21))],
        );
        let mut key =
            format!("outer {} {} {:?}", event.computer, event.literal_id, event.literal_id.then_some(&event.id));
        if event.time_created.is_some() {
            key += &format!(" {}", time.kind());
        }
        if event.level_shows_data {
            key += " data";
        }
        let id = if event.literal_id { Value::Null } else { event.id.clone() };
        let values = [
            Value::U8(4),
            Value::U8(0),
            Value::U16(event.task),
            id,
            Value::Null,
            Value::Hex64(0x8000_0000_0000_0000),
            time,
            Value::Null,
            Value::U32(2044),
            Value::U32(3344),
            Value::U64(event.record_id.unwrap_or(number)),
            Value::U8(event.version),
            Value::Sid(vec![1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]),
            Value::Null,
            event.provider.as_str().into(),
            Value::Guid("5770385f-c22a-43e0-bf4c-06f5698ffbd9".to_owned()),
            event.channel.as_str().into(),
        ];
        let mut sizes = self.instance(key.as_bytes(), &root, &values, true);
        let start = self.bytes.len();
        self.data_instance(event);
        let size = u16::try_from(self.bytes.len() - start).unwrap();
        let descriptor = sizes.pop().unwrap();
        put(&mut self.bytes, descriptor, &size.to_le_bytes());
        self.add(&[0]);
    }

    fn data_instance(&mut self, event: &Event) {
        let fields = event.data.iter().zip(0..).map(|((name, value), index)| {
            let times = if self.repeat.0 == name { self.repeat.1 } else { 1 };
            let led = event.led.iter().filter(|(field, _)| field == name).map(|(_, text)| Content::Literal(text));
            let content = led.chain((0..times).map(|_| Content::Value(index, value.kind()))).map(Part::Content);
            let element = Part::Open("Data", vec![("Name", Content::Literal(name))], content.collect());
            let on = event.depending.iter().find(|(field, _)| field == name).map(|(_, on)| on);
            match on.and_then(|on| event.data.iter().position(|(name, _)| name == on)) {
                Some(on) => Part::Depending(u16::try_from(on).unwrap(), Box::new(element)),
                None => element,
            }
        });
        let root = Part::Open("EventData", vec![], fields.collect());
        let mut key: Vec<String> = event.data.iter().map(|(name, value)| format!("{name}:{}", value.kind())).collect();
        key.extend(event.depending.iter().map(|(name, on)| format!("{name} on {on}")));
        key.extend(event.led.iter().map(|(name, text)| format!("{name} behind {text}")));
        let values: Vec<Value> = event.data.iter().map(|(_, value)| value.clone()).collect();
        self.instance(key.join(",").as_bytes(), &root, &values, false);
        self.add(&[0]);
    }

    /// Writes an instance, its definition where it is the first of the chunk, and returns where the descriptors are.
    /// With `nested`, a descriptor of BinXML is added, whose size and value are left to the caller.
    fn instance(&mut self, key: &[u8], root: &Part<'_>, values: &[Value], nested: bool) -> Vec<usize> {
        let id = crc32fast::hash(key);
        self.add(&[0x0f, 1, 1, 0, 0x0c, 1]);
        self.add(&id.to_le_bytes());
        let here = self.position() + 4;
        let offset = *self.definitions.entry(key.to_vec()).or_insert(here);
        self.add(&offset.to_le_bytes());
        if offset == here {
            self.definition(id, root);
        }
        self.add(&u32::try_from(values.len() + usize::from(nested)).unwrap().to_le_bytes());
        let mut descriptors = Vec::new();
        let encoded: Vec<Vec<u8>> = values.iter().map(Value::bytes).collect();
        let own = values.iter().zip(&encoded).map(|(value, bytes)| (value.kind(), bytes.len()));
        for (kind, size) in own.chain(nested.then_some((0x21, 0))) {
            descriptors.push(self.bytes.len());
            self.add(&u16::try_from(size).unwrap().to_le_bytes());
            self.add(&[kind, 0]);
        }
        for bytes in encoded {
            self.add(&bytes);
        }
        descriptors
    }

    fn definition(&mut self, id: u32, root: &Part<'_>) {
        let start = self.position();
        self.link(384, 32, id as usize, start);
        self.add(&[0; 4]);
        self.add(&id.to_le_bytes());
        self.add(&[0xAB; 12]);
        let size_at = self.bytes.len();
        self.add(&[0; 4]);
        self.add(&[0x0f, 1, 1, 0]);
        self.part(root);
        self.add(&[0]);
        self.put_size(size_at);
    }

    /// Puts at `at` how many bytes have been written behind it.
    fn put_size(&mut self, at: usize) {
        let size = u32::try_from(self.bytes.len() - at - 4).unwrap();
        put(&mut self.bytes, at, &size.to_le_bytes());
    }

    fn part(&mut self, part: &Part<'_>) {
        match part {
            Part::Content(content) => self.content(content),
            Part::Depending(on, element) => {
                let start = self.bytes.len();
                self.part(element);
                put(&mut self.bytes, start + 1, &on.to_le_bytes());
            }
            Part::Open(name, attributes, children) => {
                self.add(&[if attributes.is_empty() { 0x01 } else { 0x41 }, 0xff, 0xff]);
                let size_at = self.bytes.len();
                self.add(&[0; 4]);
                self.name(name);
                if !attributes.is_empty() {
                    let list_at = self.bytes.len();
                    self.add(&[0; 4]);
                    for (index, (name, value)) in attributes.iter().enumerate() {
                        self.add(&[if index + 1 < attributes.len() { 0x46 } else { 0x06 }]);
                        self.name(name);
                        self.content(value);
                    }
                    self.put_size(list_at);
                }
                if children.is_empty() {
                    self.add(&[0x03]);
                } else {
                    self.add(&[0x02]);
                    children.iter().for_each(|child| self.part(child));
                    self.add(&[0x04]);
                }
                self.put_size(size_at);
            }
        }
    }

    fn content(&mut self, content: &Content<'_>) {
        match content {
            Content::Literal(text) => {
                self.add(&[0x05, 0x01]);
                self.add(&u16::try_from(text.encode_utf16().count()).unwrap().to_le_bytes());
                self.add(&utf16(text));
            }
            Content::Value(index, kind) => {
                self.add(&[0x0e]);
                self.add(&index.to_le_bytes());
                self.add(&[*kind]);
            }
        }
    }

    /// A reference to a name, and the name itself where it is the first of the chunk.
    fn name(&mut self, name: &str) {
        let here = self.position() + 4;
        let offset = *self.names.entry(name.to_owned()).or_insert(here);
        self.add(&offset.to_le_bytes());
        if offset == here {
            let hash =
                name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(65599).wrapping_add(u32::from(unit)));
            self.link(128, 64, (hash & 0xffff) as usize, here);
            self.add(&[0; 4]);
            self.add(&(hash as u16).to_le_bytes());
            self.add(&u16::try_from(name.encode_utf16().count()).unwrap().to_le_bytes());
            self.add(&utf16(name));
            self.add(&[0, 0]);
        }
    }

    /// Makes the entry at `offset` the last of its bucket in the table at `table`.
    fn link(&mut self, table: usize, buckets: usize, hash: usize, offset: u32) {
        let bucket = table + hash % buckets * 4;
        let from = self.buckets.insert(bucket, offset).map_or(bucket, |last| last as usize);
        put(&mut self.bytes, from, &offset.to_le_bytes());
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

impl Value {
    fn kind(&self) -> u8 {
        match self {
            Self::Null => 0x00,
            Self::Text(_) | Self::Units(_) => 0x01,
            Self::Ansi(_) => 0x02,
            Self::U8(_) => 0x04,
            Self::U16(_) => 0x06,
            Self::U32(_) => 0x08,
            Self::U64(_) => 0x0a,
            Self::Bool(_) => 0x0d,
            Self::Guid(_) => 0x0f,
            Self::FileTime(_) => 0x11,
            Self::SysTime(_) => 0x12,
            Self::Sid(_) => 0x13,
            Self::Hex32(_) => 0x14,
            Self::Hex64(_) => 0x15,
            Self::Any(kind, _) => *kind,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Null => Vec::new(),
            Self::Text(text) => utf16(text),
            Self::SysTime(parts) => parts.iter().copied().flat_map(u16::to_le_bytes).collect(),
            Self::Units(units) => units.iter().copied().flat_map(u16::to_le_bytes).collect(),
            Self::Ansi(bytes) | Self::Sid(bytes) => bytes.clone(),
            Self::U8(value) => vec![*value],
            Self::U16(value) => value.to_le_bytes().to_vec(),
            Self::U32(value) | Self::Hex32(value) => value.to_le_bytes().to_vec(),
            Self::U64(value) | Self::Hex64(value) | Self::FileTime(value) => value.to_le_bytes().to_vec(),
            Self::Bool(value) => u32::from(*value).to_le_bytes().to_vec(),
            Self::Guid(text) => guid(text),
            Self::Any(_, bytes) => bytes.clone(),
        }
    }
}

/// The first three parts of a GUID are little-endian numbers, the rest are bytes.
fn guid(text: &str) -> Vec<u8> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let mut bytes: Vec<u8> =
        (0..16).map(|index| u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).unwrap()).collect();
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}
