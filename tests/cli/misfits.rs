//! Sizes of values that cannot be: the record is a defect, and nothing of it is in the report.

use crate::{
    case::{Case, Ran, connections, detect},
    evtx_writer::{self, Event, Log, Value},
};

/// The sizes that are stated in place of one: shifts by one byte, by one letter, by a number, to the end and past it.
fn other_sizes(size: u16) -> Vec<u16> {
    let near = [1, 2, 3, 4, 6, 7, 8].into_iter().flat_map(|by| [size.checked_sub(by), size.checked_add(by)]);
    let mut sizes: Vec<u16> =
        near.flatten().chain([0, 24, 255, 4096, u16::MAX]).filter(|&other| other != size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// A log of events that are followed by the same again, each with another size of one of its values. Returns how many of those
/// there are.
fn with_misfits(event: impl Fn(u64) -> Event) -> (Log, usize) {
    let of = |count: u64| evtx_writer::log(&(0..count).map(&event).collect::<Vec<_>>());
    let sizes = of(1).sizes(0, 0);
    let misfits: Vec<(usize, u16)> = (sizes.iter().enumerate())
        .flat_map(|(value, &(_, size))| other_sizes(size).into_iter().map(move |other| (value, other)))
        .collect();
    let mut log = of(2 * misfits.len() as u64);
    let places: Vec<(usize, usize)> = (0..log.chunks())
        .flat_map(|chunk| (0..log.records(chunk).len()).map(move |record| (chunk, record)).collect::<Vec<_>>())
        .collect();
    for (&(chunk, record), &(value, size)) in places.iter().skip(1).step_by(2).zip(&misfits) {
        let (at, _) = log.sizes(chunk, record)[value];
        log = log.with_bytes(chunk, at, &size.to_le_bytes());
    }
    (0..log.chunks()).for_each(|chunk| log.mend(chunk));
    (log, misfits.len())
}

/// A connection of a process of its own to an address of its own.
fn distinct(number: u64) -> Event {
    Event::connection()
        .with("ProcessId", Value::U32(u32::try_from(number).unwrap()))
        // As long as any other.
        .dest(&format!("9.9.{}.{}", 100 + number / 100, 100 + number % 100))
        .at(number)
}

fn rows(ran: &Ran) -> Vec<&str> {
    ran.report().lines().skip(1).collect()
}

/// A run in which so many records are defects.
#[track_caller]
fn run(case: &Case, args: &[&str], misfits: usize) -> Ran {
    let ran = case.run_on(&[args, &["log.evtx"]].concat());
    ran.exits(3).says(&[&format!("defects   {misfits}: {misfits} record not decoded")]);
    let slow = Ran::new(case.command(&[args, &["--no-prefilter", "log.evtx"]].concat()));
    slow.exits(3).says(&[&format!("defects   {misfits}: {misfits} record not decoded")]);
    ran
}

#[test]
fn sizes_that_do_not_add_up_make_a_connection_a_defect_and_no_row() {
    let (log, misfits) = with_misfits(distinct);
    let all =
        connections().log("log.evtx", &evtx_writer::log(&(0..2 * misfits as u64).map(distinct).collect::<Vec<_>>()));
    let all = all.run_on(&["--group-by", "dest,dest_ip,dest_port,process_id,dvc,app,transport,direction", "log.evtx"]);
    let all = rows(all.exits(0));
    for (case, none) in [(connections(), &[][..]), (detect(), &[]), (detect(), &["--exclusions", "none"])] {
        let case = case.log("log.evtx", &log);
        for more in [&[][..], &["--recover"], &["--since", "2024-03-05"], &["--context"]] {
            let group_by = ["--group-by", "dest,dest_ip,dest_port,process_id,dvc,app,transport,direction"];
            let ran = run(&case, &[none, more, &group_by].concat(), misfits);
            let rows = rows(&ran);
            let without = |row: &str| row.split(',').take(10).collect::<Vec<_>>().join(",");
            let known = rows.iter().filter(|row| all.iter().any(|all| without(all) == without(row))).count();
            assert_eq!((rows.len(), known), (all.len() - misfits, rows.len()), "{more:?}\n{}", ran.report());
        }
    }
}

#[test]
fn sizes_that_do_not_add_up_make_an_event_of_a_process_a_defect() {
    let process = |number: u64| format!("6820d070-264c-65e7-0000-0000{number:08x}");
    let created = |number: u64| {
        Event::sysmon(1, 5)
            .with("UtcTime", "2024-03-05 14:05:00.123")
            .with("ProcessGuid", Value::Guid(process(number)))
            .with("ProcessId", Value::U32(4321))
            .with("Image", r"C:\Temp\regsvcs.exe")
            .with("CommandLine", "regsvcs.exe /u")
            .with("ParentProcessGuid", Value::Guid(process(0x00ff_0000)))
            .with("ParentImage", r"C:\Windows\explorer.exe")
    };
    let (log, misfits) = with_misfits(created);
    let own = |number| Event::connection().with("ProcessGuid", Value::Guid(process(number))).at(number);
    let connections: Vec<Event> = (0..2 * misfits as u64).map(own).collect();
    let case = detect().log("log.evtx", &log).log("hits.evtx", &evtx_writer::log(&connections));
    let args = ["--context", "--group-by", "process_guid", "hits.evtx"];
    let ran = run(&case, &args, misfits);
    let known = rows(&ran).iter().filter(|row| row.ends_with(",own")).count();
    assert_eq!((rows(&ran).len(), known), (2 * misfits, misfits), "{}", ran.report());
    assert!(rows(&ran).iter().filter(|row| row.ends_with(",own")).all(|row| row.contains("regsvcs.exe /u")));
}

#[test]
fn an_old_record_whose_sizes_do_not_add_up_is_a_defect_and_no_row() {
    let (log, _) = with_misfits(distinct);
    let last = log.chunks() - 1;
    let old = log.records(last).len() / 2 * 2;
    let misfits = (0..last).map(|chunk| log.records(chunk).len()).sum::<usize>() / 2;
    let case = connections().log("log.evtx", &log.with_stale_records(last, 0));
    let live = rows(run(&case, &[], misfits).exits(3)).len();
    let both = case.run_on(&["--recover", "log.evtx"]);
    assert_eq!(rows(both.exits(3)).len(), live + old / 2, "{}", both.stderr());
}
