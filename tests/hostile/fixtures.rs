//! Fixtures: the sound logs that mutants and the seeds of the fuzz targets are made from.

use std::{fs, path::Path};

use crate::evtx_writer::{self, CHUNK, Event, HEADER, Value};

/// A sound log, and where in it damage reaches most: offsets by kind.
pub struct Fixture {
    pub log: Vec<u8>,
    pub structure: Structure,
}

/// Offsets in a log by what is there.
#[derive(Default)]
pub struct Structure {
    pub headers: Vec<usize>,
    pub tables: Vec<usize>,
    pub records: Vec<usize>,
    /// The tokens of definitions, and their headers.
    pub definitions: Vec<usize>,
    /// Counts of values, descriptors, and the first values.
    pub values: Vec<usize>,
}

/// The committed logs, whole and chunk by chunk, and small ones of each shape that the writer knows.
pub fn all() -> Vec<Fixture> {
    let committed = [
        "WS01/Microsoft-Windows-Sysmon%4Operational.evtx",
        "WS01/Security.evtx",
        "WS02/sysmon-export.evtx",
        "WEC01/ForwardedEvents.evtx",
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/case");
    let committed: Vec<Vec<u8>> = committed.iter().map(|name| fs::read(folder.join(name)).unwrap()).collect();
    let mut logs: Vec<Vec<u8>> = committed.iter().flat_map(|log| single_chunks(log)).collect();
    logs.extend(committed);
    // Small ones are sifted faster, and damage to them is less often in text: most mutants are of these.
    logs.extend(small().into_iter().flat_map(|log| [log.clone(), log.clone(), log]));
    logs.into_iter().map(|log| Fixture { structure: structure(&log), log }).collect()
}

/// Logs of one chunk, each with the file header.
fn single_chunks(log: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let (header, chunks) = log.split_at(HEADER);
    chunks.chunks(CHUNK).map(move |chunk| [header, chunk].concat())
}

/// Logs of a few records.
pub fn small() -> Vec<Vec<u8>> {
    let connection = Event::connection;
    // Without a task of 3, nothing else says 3.
    let with_id = |id| Event { id, task: 0, ..connection() };
    let literal = || Event { literal_id: true, ..with_id(Value::U16(3)) };
    let other = |id: u16, version| Event::sysmon(id, version).with("Image", r"C:\Windows\regsvcs.exe");
    let shapes: Vec<Vec<Event>> = vec![
        vec![connection()],
        vec![connection().at(1), connection().dest("10.0.0.1").at(2), other(1, 5).at(3), other(7, 3).at(4)],
        vec![other(1, 5), other(7, 3), other(10, 3), other(22, 5)],
        vec![literal(), Event { literal_id: true, ..other(1, 5) }],
        vec![with_id(Value::Text("3".to_owned())), with_id(Value::Ansi(b"3".to_vec()))],
        vec![with_id(Value::Hex32(3)), with_id(Value::Hex64(3)), with_id(Value::U64(3)), with_id(Value::U32(3))],
        vec![
            with_id(Value::U16(3)),
            with_id(Value::Units(vec![0x33, 0, 0x33])),
            with_id(Value::Ansi(b"\x003\0".to_vec())),
        ],
        vec![
            connection().with("Image", Value::Ansi(br"C:\Temp\REGSVCS.exe".to_vec())),
            connection().with("Image", Value::Units(vec![0xd800, u16::from(b'\\'), u16::from(b'x')])),
            connection().with("DestinationPort", Value::Hex32(443)).with("ProcessId", Value::Null),
            connection().with("User", Value::Sid(vec![1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0])),
        ],
        (0..12).map(|n| if n % 3 == 0 { connection().at(n) } else { other(7, 3).at(n) }).collect(),
    ];
    let mut logs: Vec<Vec<u8>> = shapes.iter().map(|events| evtx_writer::log(events).0).collect();
    logs.push(with_stale_records());
    logs
}

/// A log whose free space holds the records of an earlier, longer one.
fn with_stale_records() -> Vec<u8> {
    let older: Vec<Event> = (0..8).map(|n| Event::connection().at(n)).collect();
    let older = evtx_writer::log(&older);
    let newer = evtx_writer::log(&[Event::connection().at(100), Event::sysmon(1, 5).at(101)]);
    let mut log = newer.0;
    let end = log[HEADER + 48..HEADER + 52].try_into().map(u32::from_le_bytes).unwrap() as usize;
    log[HEADER + end..].copy_from_slice(&older.0[HEADER + end..]);
    log
}

fn structure(log: &[u8]) -> Structure {
    let mut found = Structure { headers: (0..128).collect(), ..Structure::default() };
    for (number, chunk) in log[HEADER..].chunks(CHUNK).enumerate() {
        let start = HEADER + number * CHUNK;
        found.headers.extend(start..start + 128);
        found.tables.extend(start + 128..start + 512);
        for at in 512..chunk.len() - 4 {
            if chunk[at..].starts_with(&[0x2a, 0x2a, 0, 0]) {
                found.records.extend(start + at..start + at + 24);
            }
            if chunk[at..].starts_with(&[0x0f, 1, 1, 0, 0x0c, 1])
                && let Some((values, count)) = instance(chunk, at)
            {
                found.definitions.extend(start + at..start + values);
                found.values.extend(start + values..start + values + 4 + count * 4 + 16);
            }
        }
    }
    found
}

/// Where an instance's values start, behind its definition if that is inline, and how many there are.
pub fn instance(chunk: &[u8], at: usize) -> Option<(usize, usize)> {
    let number = |at: usize| Some(u32::from_le_bytes(*chunk.get(at..)?.first_chunk()?) as usize);
    let mut end = at + 14;
    if number(at + 10)? == end {
        end += 24 + number(end + 20)?;
    }
    Some((end, number(end)?.min(64)))
}
