//! What must hold of any bytes that are taken for a partial result, and a sound one that mutants are made from.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use netsift::inside::{
    columns::{RecordCells, Row, Rows},
    facts::Facts,
    glossary::Field,
    key::{Group, GroupKey},
    partial,
    process::{Created, Fact, ProcessKey, Told},
};
use serde_json::{Value, json};

/// How many rows the sound one has.
const ROWS: u64 = 300;

/// The facts of one with hits of a log, as JSON.
fn facts() -> Value {
    let rule =
        json!({"title": "x", "id": "", "level": "", "status": "", "attack": "", "source": "connections", "text": ""});
    json!({
        "version": 1,
        "tool": "0.1.0",
        "rules": {
            "infos": [rule], "processes": [["", 0]], "detection": null, "exclusion": [], "exclusion_of_all": [],
            "named": false, "slow": [],
        },
        "options": {"recover": false, "dedup": false, "filters": null},
        "group_by": Field::ALL.map(Field::name),
        "rows": "events",
        "sources": [],
        "archives": [],
        "defects": {"counts": {}, "first": []},
        "links": 0,
        "refused": [],
    })
}

/// What is known of some processes, in order.
fn told() -> Vec<Fact> {
    let fact = |number: i128| {
        let of = ProcessKey::new("WS01", format!("{{6820D070-1F1B-6323-5C02-{number:012X}}}"));
        let created = Created { time: Some(number), command_line: format!("{number}.exe /x"), ..Created::default() };
        Fact { of, told: Told::Created(Box::new(created)) }
    };
    (0..40).map(fact).collect()
}

/// A sound one.
pub fn sound() -> Vec<u8> {
    let facts: Facts = serde_json::from_value(facts()).unwrap();
    let mut file = Vec::new();
    let processes = partial::Processes { of_hits: told(), of_all: Some(Box::new(told().into_iter().map(Ok))) };
    partial::write(&mut file, facts, processes, |write| {
        (0..ROWS).try_for_each(|number| {
            let values = Field::ALL.map(|field| format!("{} {}", field.name(), number % 7));
            let time = jiff::Timestamp::from_second(number as i64).ok();
            write(Row {
                source: 0,
                key: GroupKey::of_values(0, values.iter().map(String::as_str)),
                group: Group { count: 1, first: time, last: time },
                record: Some(RecordCells { record_id: number.to_string(), offset: number, ..RecordCells::default() }),
            })
        })
    })
    .unwrap();
    file
}

/// Reads `bytes` as the file at `path`, and returns how many rows came out.
pub fn hold(path: &Path, bytes: &[u8]) -> u64 {
    fs::write(path, bytes).unwrap();
    let (mut count, mut are_of_kind) = (0, true);
    // What the library makes of the bytes of a page can be a panic, which merging contains.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let Ok(facts) = partial::facts(path) else { return };
        let _ = partial::processes(path);
        let _ = facts.process_events.as_ref().map(|stream| partial::process_events(path, stream, |_| ()));
        let _ = partial::rows(path, &facts.columns(), facts.rows, |row| {
            are_of_kind &= row.record.is_some() == (facts.rows == Rows::Events);
            count += 1;
            Ok(())
        });
    }));
    assert!(are_of_kind, "rows are not what the facts say");
    count
}
