//! What hostile input has found, each as the smallest log that shows it.

use netsift::DefectKind;

use crate::{
    evtx_writer::{self, Event, HEADER, Log, Value},
    fixtures,
    invariants::{self, Looking},
    mending,
};

/// A connection whose EventID is the only value that can say 3.
fn with_id(id: Value) -> Log {
    evtx_writer::log(&[Event { id, task: 0, ..Event::connection() }])
}

/// The offset of the EventID's descriptor in the only record.
fn descriptor(log: &Log) -> usize {
    let chunk = &log.0[HEADER..];
    HEADER + fixtures::instance(chunk, 512 + 24).unwrap().0 + 4 + 3 * 4
}

/// Gives the EventID another type of the same size.
fn retyped(mut log: Log, kind: u8) -> Log {
    let at = descriptor(&log);
    log.0[at + 2] = kind;
    log.mend(0);
    log
}

#[track_caller]
fn is_found(log: &Log) {
    for looking in [Looking::Detect, Looking::Connections] {
        assert_eq!(invariants::hold(looking, 0, &log.0), 1);
    }
}

#[test]
fn an_event_id_ends_with_its_first_nul() {
    is_found(&with_id(Value::Text("3".to_owned())));
    is_found(&with_id(Value::Text("3\0and more".to_owned())));
    // In a definition too.
    let id = Value::Text("3\0and more".to_owned());
    is_found(&evtx_writer::log(&[Event { id, task: 0, literal_id: true, ..Event::connection() }]));
}

#[test]
fn an_8_bit_event_id_loses_its_nuls() {
    is_found(&with_id(Value::Ansi(b"3".to_vec())));
    is_found(&with_id(Value::Ansi(b"\0\0\0\0\0\x003\0".to_vec())));
}

#[test]
fn a_bool_that_is_neither_true_nor_false_is_a_number() {
    is_found(&retyped(with_id(Value::U32(3)), 0x0d));
}

/// Each was looked for from the start of its chunk: 4 MiB of nothing but such records took three seconds.
#[test]
fn a_lost_record_is_looked_for_behind_the_one_before() {
    let mut log = evtx_writer::log(&[Event::connection()]).0;
    let ends = [512, 540, 568, 596];
    for pair in ends.windows(2) {
        // A header without BinXML, and the copy of the size.
        let mut record = [0; 28];
        record[..8].copy_from_slice(&[0x2a, 0x2a, 0, 0, 28, 0, 0, 0]);
        record[8] = 7;
        record[24] = 28;
        log[HEADER + pair[0]..HEADER + pair[1]].copy_from_slice(&record);
    }
    // No names, no templates.
    log[HEADER + 128..HEADER + 512].fill(0);
    log[HEADER + 48..HEADER + 52].copy_from_slice(&596_u32.to_le_bytes());
    mending::log(&mut log);
    let places: Vec<_> = invariants::defects(&log).iter().map(|defect| (defect.kind, defect.offset)).collect();
    assert_eq!(places, [512, 540, 568].map(|at| (DefectKind::Record, Some(HEADER as u64 + at))));
}

/// A chunk that starts inside another was read twice: as itself, and carved out of the other's free space.
#[test]
fn a_chunk_that_starts_inside_another_ends_it() {
    let mut log = evtx_writer::log(&(0..100).map(|n| Event::connection().at(n)).collect::<Vec<_>>()).0;
    let chunk = log[HEADER..].to_vec();
    log.truncate(HEADER + 40_000);
    log.extend(&chunk);
    for looking in [Looking::Detect, Looking::Connections] {
        assert!(invariants::hold(looking, 0, &log) > 100);
    }
}
