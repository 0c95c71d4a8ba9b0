//! Evidence that is missing, cut off, damaged or hostile: a clear message, and everything else in the report.

use std::fs;
#[cfg(unix)]
use std::process::Command;

use crate::{
    archive_writer::{deflated, gzip, tar, zip},
    case::{Case, NOT_FOUND, Ran, connections, detect, names_in, slashed},
    evtx_writer::{self, CHUNK, Event, HEADER, Log, Value},
};

/// A log of three and a half chunks, each record with a destination of its own.
fn long_log() -> Log {
    evtx_writer::log(&distinct(500))
}

/// Connections, each to a destination of its own.
fn distinct(count: u64) -> Vec<Event> {
    (0..count).map(|n| Event::connection().dest(&format!("9.9.{}.{}", n / 256, n % 256)).at(n)).collect()
}

/// How many rows the report has.
fn rows(ran: &Ran) -> usize {
    ran.report().lines().count() - 1
}

/// A run over a damaged log and a good one, from which the good one's row must come.
#[track_caller]
fn with_a_good_log(bad: &Log) -> Ran {
    let case =
        connections().log("bad.evtx", bad).log("good.evtx", &evtx_writer::log(&[Event::connection().dest("1.1.1.1")]));
    let ran = case.run();
    assert!(ran.report().contains(",1.1.1.1,"), "{}", ran.report());
    ran
}

#[test]
fn a_path_that_does_not_exist_is_named_and_the_others_are_read() {
    let case = detect().events(&[Event::connection()]);
    let ran = case.run_on(&["missing.evtx", "log.evtx"]);
    ran.exits(3).says(&["missing.evtx: ", NOT_FOUND, "defects   1: 1 path not searched"]);
    assert_eq!(rows(&ran), 1);
}

#[test]
fn a_run_that_could_search_nothing_fails() {
    let nothing = "netsift: no event log found: give a log, an archive of logs, or a directory with either";
    detect().run_on(&["missing.evtx"]).exits(1).reports(&[]).says(&["netsift: missing.evtx: ", NOT_FOUND, nothing]);
    detect()
        .file("readme.txt", "no log")
        .run_on(&["."])
        .exits(1)
        .reports(&[])
        .says(&["netsift: .: no event log found: give a log"]);
    // No half report either.
    let case = detect();
    case.run_on(&["-o", "report.csv", "missing.evtx"]).exits(1);
    assert_eq!(names_in(&case.path(".")), [""; 0]);
}

#[test]
fn a_path_or_an_archive_without_a_log_is_named_beside_others() {
    let case = detect().events(&[Event::connection()]);
    let log = fs::read(case.path("log.evtx")).unwrap();
    let case = case
        .file("given.zip", zip(&[("readme.txt", b"no log", deflated())]))
        .file("case/met.zip", zip(&[]))
        .file("case/full.zip", zip(&[("log.evtx", &log, deflated())]))
        .file("case/packed.tar.gz", gzip(&tar(&[("readme.txt", b"no log")])))
        .file("others/readme.txt", "no log");
    let empty = "no event log in case/met.zip, case/packed.tar.gz, given.zip and 1 more";
    let paths = ["log.evtx", "others", "given.zip", "case", "log.evtx"];
    case.run_on(&paths).exits(0).says(&[empty]);
    let quiet = Ran::new(case.command(&[&paths[..], &["--quiet", "--partial", "p.parquet"]].concat()));
    assert_eq!(slashed(quiet.exits(0).stderr()), format!("netsift: {empty}\n"));
    let merged = Ran::new(case.another(&["merge", "p.parquet", "others"]));
    merged.exits(0).says(&["no partial result or event log in others, case/met.zip, case/packed.tar.gz and 2 more"]);
    case.run_on(&["others", "given.zip"])
        .exits(1)
        .says(&["netsift: given.zip, others: no event log found: give a log"]);
    case.run_on(&["log.evtx", "log.evtx", "case/full.zip"]).exits(0).does_not_say("no event log");
}

#[test]
fn times_that_no_log_reaches_are_said() {
    let case = connections().events(&[Event::connection()]);
    for (filter, time) in [("--since", "2030-01-01"), ("--until", "1990-01-01")] {
        let outside = "the logs do not reach the time that the filters want: they reach from 2024-03-05T14:07:11Z to";
        case.run_on(&[filter, time, "log.evtx", "--quiet"]).exits(0).says(&[&format!("netsift: {outside}")]);
        case.run_on(&[filter, time, "log.evtx"]).exits(0).says(&[outside]).does_not_say("the logs reach");
        let by_utc = ["--clock", "utc", filter, time, "log.evtx"];
        for quiet in [&[][..], &["-q"]] {
            case.run_on(&[&by_utc[..], quiet].concat()).exits(0).says(&[outside, "Z by the time of logging\n"]);
        }
    }
    // Of a chosen host, its own logs count.
    let later = evtx_writer::log(&[Event::connection().on("WS02").at(86_400)]);
    let both = connections().events(&[Event::connection()]).log("later.evtx", &later);
    let outside =
        "the own logs of WS01.corp.example (from 2024-03-05T14:07:11Z to 2024-03-05T14:07:11Z) do not reach the time";
    for quiet in [&[][..], &["-q"]] {
        let said = |host: &str| both.run_on(&[&["--host", host, "--since", "2024-03-06", "."], quiet].concat());
        said("ws*").exits(0).says(&[outside]).does_not_say("WS02 (");
        said("ws02").exits(0).does_not_say("do not reach");
    }
    let quiet = case.run_on(&["--since", "2024-03-05", "log.evtx", "--quiet"]);
    assert_eq!(quiet.exits(0).stderr(), "");
    case.run_on(&["--since", "2024-03-05", "log.evtx"]).exits(0).says(&["the logs reach from 2024-03-05T14:07:09Z"]);
}

/// Puts the tool where nobody can run it. Another process copies it: one that is being written cannot be run, and tests
/// that start processes at the same time keep it open.
#[cfg(unix)]
fn copy_netsift(case: &Case) {
    let copied = Command::new("install").args(["-m", "755", crate::case::NETSIFT]).arg(case.path("netsift")).status();
    assert!(copied.unwrap().success());
}

#[cfg(unix)]
#[test]
fn an_unreadable_log_is_named_and_the_others_are_read() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    let case = detect().events(&[Event::connection()]).file("secret.evtx", "");
    for (name, mode) in [(".", 0o755), ("secret.evtx", 0o000)] {
        fs::set_permissions(case.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    // Root can read everything, so that it runs as nobody, from where nobody can run it.
    let mut command = if fs::read(case.path("secret.evtx")).is_ok() {
        copy_netsift(&case);
        let mut command = Command::new(case.path("netsift"));
        command.uid(65534);
        command
    } else {
        Command::new(crate::case::NETSIFT)
    };
    command.current_dir(case.path("."));
    command.args(["detect", "--group-by", "dvc", "."]);
    let ran = Ran::new(command);
    ran.exits(3).says(&["secret.evtx: Permission denied"]);
    assert_eq!(rows(&ran), 1);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let case = detect().events(&[Event::connection()]);
    assert!(Command::new("mkfifo").arg(case.path("pipe.evtx")).status().unwrap().success());
    let ran = case.run();
    ran.exits(3).says(&["pipe.evtx: not a regular file"]);
    assert_eq!(rows(&ran), 1);
}

#[cfg(unix)]
#[test]
fn links_are_followed_where_given_and_counted_where_met() {
    let case = detect().log("elsewhere/log.evtx", &evtx_writer::log(&[Event::connection()])).file("case/x", "");
    std::os::unix::fs::symlink("../elsewhere/log.evtx", case.path("case/link.evtx")).unwrap();
    std::os::unix::fs::symlink("..", case.path("case/up")).unwrap();
    assert_eq!(rows(case.run_on(&["case/link.evtx"]).exits(0)), 1);
    case.run_on(&["case", "elsewhere"]).exits(0).says(&["searched  1 log,", "skipped   2 symbolic links not followed"]);
    case.run_on(&["-q", "case", "elsewhere"])
        .exits(0)
        .says(&["netsift: 2 symbolic links not followed: --follow does\n"]);
}

#[test]
fn an_empty_file_and_a_text_file_are_no_logs() {
    let case = detect()
        .events(&[Event::connection()])
        .file("empty.evtx", "")
        .file("short.evtx", "just text\n")
        .file("long.evtx", "just text\n".repeat(10_000));
    let ran = case.run();
    ran.exits(3).says(&[
        "empty.evtx: empty file",
        "short.evtx: not an event log: it does not start with ElfFile",
        "long.evtx: not an event log: it does not start with ElfFile",
    ]);
    assert_eq!(rows(&ran), 1);
}

#[test]
fn a_log_that_is_cut_off_gives_what_is_whole() {
    let log = long_log();
    let whole = log.records(0).len() + log.records(1).len();
    for (size, what, records) in [
        (100, "bad.evtx: cut off in the file header: 100 of 4096 bytes", 0),
        (
            HEADER + 2 * CHUNK + 300,
            "bad.evtx: chunk 2 at 0x21000: the log ends inside this chunk: 300 of 65536 bytes",
            whole,
        ),
        (
            HEADER + 2 * CHUNK + log.records(2)[5] + 40,
            "bad.evtx: chunk 2 at 0x21000: the log ends inside this chunk: ",
            whole + 5,
        ),
    ] {
        let ran = with_a_good_log(&log.clone().cut_at(size));
        ran.exits(3).says(&[what]);
        assert_eq!(rows(&ran), records + 1, "cut at {size}");
    }
}

#[test]
fn a_chunk_of_zeros_is_no_defect() {
    let log = long_log();
    let ran = with_a_good_log(&log.clone().with_unused_chunk(1));
    ran.exits(0).says(&["1 never used"]);
    assert_eq!(rows(&ran), 500 - log.records(1).len() + 1);
}

#[test]
fn a_chunk_with_wrong_magic_costs_that_chunk() {
    let log = long_log();
    let ran = with_a_good_log(&log.clone().without_chunk_magic(1));
    ran.exits(3).says(&["bad.evtx: chunk 1 at 0x11000: no chunk here: it does not start with ElfChnk"]);
    assert_eq!(rows(&ran), 500 - log.records(1).len() + 1);
}

#[test]
fn a_file_header_that_is_gone_costs_nothing_but_a_defect() {
    let mut log = long_log();
    log.0[..HEADER].fill(0);
    let ran = with_a_good_log(&log);
    ran.exits(3).says(&["bad.evtx: not an event log: it does not start with ElfFile"]);
    assert_eq!(rows(&ran), 501);
}

#[test]
fn a_chunk_header_with_a_wrong_checksum_hides_nothing() {
    // The id of the last record, and where the records end: a parser that believes them stops early.
    for (at, value) in [(32, 1_u32), (48, 512), (48, 0), (48, 0x7fff_ffff)] {
        let log = long_log().with_u32(1, at, value);
        let ran = with_a_good_log(&log);
        ran.exits(3)
            .says(&["bad.evtx: chunk 1 at 0x11000: the chunk header's checksum is ", "1 chunk header checksum"]);
        assert_eq!(rows(&ran), 501, "{value} at {at}");
    }
}

#[test]
fn a_forged_last_id_hides_nothing() {
    let mut log = long_log().with_u32(1, 32, 130);
    log.mend(1);
    let ran = with_a_good_log(&log);
    assert_eq!(rows(ran.exits(0)), 501);
}

#[test]
fn a_chunk_header_that_says_the_impossible_is_named() {
    let mut log = long_log();
    let end = log.end(1);
    log = log.with_u32(1, 48, 100);
    log.seal_header(1);
    let ran = with_a_good_log(&log);
    ran.exits(3).says(&["the chunk header says that its records end at 0x64"]);
    assert_eq!(rows(&ran), 501, "{end}");
}

#[test]
fn records_that_a_live_header_does_not_know_yet_are_read() {
    // The chunk as it was after three records, with the header of that time, and the records written since.
    let log = long_log();
    let records = log.records(1);
    let first_id = log.id(1, 0);
    let mut stale = log.clone().with_u32(1, 48, u32::try_from(records[3]).unwrap());
    stale =
        stale.with_u32(1, 32, u32::try_from(first_id).unwrap() + 2).with_u32(1, 44, u32::try_from(records[2]).unwrap());
    stale.mend(1);
    let ran = with_a_good_log(&stale);
    assert_eq!(rows(ran.exits(0)), 501);
}

#[test]
fn a_record_hidden_in_the_one_before_it_is_read_and_named() {
    // What tools do that delete single events: the record before spans the hidden one.
    let log = long_log();
    let records = log.records(1);
    let size = u32::try_from(records[9] - records[7]).unwrap();
    let spanning = log.with_u32(1, records[7] + 4, size);
    let copied = spanning.clone().with_u32(1, records[9] - 4, size);
    for mut log in [spanning, copied] {
        log.mend(1);
        let ran = with_a_good_log(&log);
        let hidden = format!("bad.evtx: chunk 1 at {:#x}: ", HEADER + CHUNK + records[8]);
        ran.exits(3).says(&[&format!("{hidden}a record is hidden in the one before it"), "1 hidden record"]);
        assert_eq!(rows(&ran), 501);
    }
}

#[test]
fn a_hidden_record_is_found_without_decoding_everything() {
    let mut events: Vec<Event> = (0..20).map(|n| Event::sysmon(1, 5).with("Image", "x.exe").at(n)).collect();
    events[8] = Event::connection();
    let log = evtx_writer::log(&events);
    let records = log.records(0);
    let mut log = log.clone().with_u32(0, records[7] + 4, u32::try_from(records[9] - records[7]).unwrap());
    log.mend(0);
    let ran = detect().log("log.evtx", &log).run();
    assert_eq!(rows(ran.exits(3).says(&["1 hidden record"])), 1);
}

/// Logs in which the record before a connection spans it: by its own size, and by that of its last value too.
fn with_a_hidden_connection(image: &str) -> [Log; 2] {
    let mut events: Vec<Event> = (0..20).map(|n| Event::sysmon(1, 5).with("Image", "x.exe").at(n)).collect();
    events[8] = Event::connection().image(image);
    let log = evtx_writer::log(&events);
    let records = log.records(0);
    let spanning = log.with_u32(0, records[7] + 4, u32::try_from(records[9] - records[7]).unwrap());
    let record = &spanning.0[HEADER + records[7]..HEADER + records[8]];
    let size = |at: usize| u16::from_le_bytes([record[at], record[at + 1]]);
    let is_fragment = |&at: &usize| record[at + 2..at + 4] == [0x21, 0] && (20..4096).contains(&size(at));
    let at = (24..record.len() - 4).find(is_fragment).unwrap();
    let longer = size(at) + u16::try_from(records[9] - records[8]).unwrap();
    let within = spanning.clone().with_bytes(0, records[7] + at, &longer.to_le_bytes());
    [spanning, within].map(|mut log| {
        log.mend(0);
        log
    })
}

#[test]
fn what_a_record_hides_is_read_however_large_it_says_its_values_are() {
    for log in with_a_hidden_connection(r"C:\RegSvcs.exe") {
        let ran = detect().log("log.evtx", &log).run();
        assert_eq!(rows(ran.exits(3).says(&["1 hidden record"])), 1);
    }
    // It is named where it is none of those that are looked for too.
    for log in with_a_hidden_connection(r"C:\other.exe") {
        let case = detect().log("log.evtx", &log);
        for mode in [&["."][..], &["--no-prefilter", "."], &["--since", "2030-01-01", "."]] {
            assert_eq!(rows(case.run_on(mode).exits(3).says(&["1 hidden record"])), 0);
        }
    }
}

#[test]
fn what_was_recovered_is_not_said_to_be_none() {
    let log = evtx_writer::log(&[Event::connection().image(r"C:\RegSvcs.exe")]).without_chunk_header(0);
    for quiet in [&["--recover", "."][..], &["--recover", "-q", "."]] {
        let ran = detect().log("log.evtx", &log).run_on(quiet);
        assert_eq!(rows(ran.exits(3)), 1);
        ran.does_not_say("nothing could be read").does_not_say("are these the right logs");
    }
    let ran = detect().log("log.evtx", &log).run();
    ran.exits(3).says(&["nothing could be read"]);
}

#[test]
fn a_damaged_record_leaves_its_chunk_in_the_reach_of_the_log() {
    let events: Vec<Event> = (0..9).map(|n| Event::sysmon(1, 5).with("Image", "x.exe").at(60 * n)).collect();
    let log = evtx_writer::log(&events);
    let records = log.records(0);
    let mut log = log.with_u32(0, records[4], 0);
    log.mend(0);
    let case = detect().log("log.evtx", &log);
    case.run().exits(3).says(&["Sysmon, from 2024-03-05T14:07:11Z to 2024-03-05T14:15:11Z"]);
    case.run_on(&["--since", "2024-03-05T14:15:00Z", "."]).does_not_say("do not reach");
    case.run_on(&["--since", "2024-03-06", "."]).says(&["in what could be read, the logs do not reach the time"]);
}

#[test]
fn a_forged_id_with_a_damaged_record_hides_nothing_unnamed() {
    let log = long_log();
    let records = log.records(1);
    let first_id = u32::try_from(log.id(1, 0)).unwrap();
    let mut log = log.with_u32(1, 32, first_id + 4).with_u32(1, records[10], 0);
    log.mend(1);
    let ran = with_a_good_log(&log);
    ran.exits(3).says(&["more of the chunk's records are not read: --recover reads them"]);
    let case = connections().log("bad.evtx", &log);
    assert_eq!(rows(&case.run_on(&["--recover", "."])), 499);
}

#[test]
fn a_damaged_header_and_a_damaged_record_cost_that_record() {
    let log = long_log();
    let record = log.records(1)[10];
    let ran = with_a_good_log(&log.with_u32(1, 48, 1000).with_u32(1, record, 0));
    ran.exits(3).says(&["1 chunk header checksum", "1 record magic"]);
    assert_eq!(rows(&ran), 500);
}

#[test]
fn records_and_chunks_that_a_header_states_and_that_are_gone_are_named() {
    let log = long_log();
    let (last, end) = (*log.records(1).last().unwrap(), log.end(1));
    let mut zeroed = log.clone().with_zeros(1, last, end - last);
    zeroed.mend(1);
    let ran = with_a_good_log(&zeroed);
    ran.exits(3).says(&["bad.evtx: chunk 1 at 0x11000: the chunk header's last record, "]);
    assert_eq!(rows(&ran), 500);
    let chunks = log.chunks();
    let cut = log.cut_at(HEADER + 2 * CHUNK);
    with_a_good_log(&cut).exits(3).says(&[&format!("bad.evtx: the file header states {chunks} chunks, there are 2")]);
}

#[test]
fn an_impossible_time_in_a_records_header_costs_nothing() {
    let log = long_log();
    let record = log.records(1)[7];
    let mut log = log.with_bytes(1, record + 16, &[0xff; 8]);
    log.mend(1);
    assert_eq!(rows(with_a_good_log(&log).exits(0)), 501);
}

#[test]
fn altered_bytes_are_named_by_the_checksum_and_passed_on() {
    let log = long_log();
    let record = log.records(1)[7];
    // In the text of a hostname.
    let ran = with_a_good_log(&log.with_flipped(1, record + 900, 2));
    ran.exits(3).says(&["bad.evtx: chunk 1 at 0x11000: the records' checksum is ", "1 chunk data checksum"]);
}

#[test]
fn a_file_header_with_a_wrong_checksum_is_a_defect_unless_it_is_dirty() {
    let mut log = long_log();
    log.0[24] ^= 1;
    let ran = with_a_good_log(&log);
    assert_eq!(rows(ran.exits(3).says(&["bad.evtx: the file header's checksum is "])), 501);
    log.0[120] |= 1;
    with_a_good_log(&log).exits(0).says(&["1 log copied while in use"]);
}

#[test]
fn a_record_that_reaches_past_its_chunk_or_into_nothing_costs_that_record() {
    let log = long_log();
    let record = log.records(1)[7];
    for size in [0, 27, 0x00ff_0000] {
        let ran = with_a_good_log(&log.clone().with_u32(1, record + 4, size));
        ran.exits(3).says(&[&format!("bad.evtx: chunk 1 at {:#x}: ", HEADER + CHUNK + record), "1 record size"]);
        assert_eq!(rows(&ran), 500, "{size}");
    }
}

#[test]
fn a_record_with_another_size_at_its_end_is_read_and_named_decoded_or_not() {
    let log = long_log();
    let records = log.records(1);
    let size = records[8] - records[7];
    let mut copied = log.with_u32(1, records[8] - 4, 77);
    copied.mend(1);
    let place = format!("bad.evtx: chunk 1 at {:#x}: ", HEADER + CHUNK + records[7]);
    let texts = [&format!("{place}the record's size is {size} at its start and 77 at its end"), "1 record size"];
    assert_eq!(rows(with_a_good_log(&copied).exits(3).says(&texts)), 501);
    let ruled_out = detect().log("bad.evtx", &copied).args(["--process", "none.exe"]);
    ruled_out.run().exits(3).says(&texts).says(&[" 0 decoded, "]);
    Ran::new(ruled_out.command(&["--no-prefilter", "."])).exits(3).says(&texts).says(&[" 0 ruled out unread, "]);
    // Where the records do not follow each other, the parser says which there are.
    let gap = copied.with_u32(1, records[20], 0);
    assert_eq!(rows(with_a_good_log(&gap).exits(3).says(&texts).says(&["1 record magic"])), 500);
}

#[test]
fn a_table_of_templates_that_points_outside_costs_no_record() {
    let mut log = long_log().with_u32(1, 384, 0x0100_0000);
    log.mend(1);
    let ran = with_a_good_log(&log);
    ran.exits(3).says(&["bad.evtx: chunk 1 at 0x11000: the chunk's table of templates points to 0x1000000"]);
    assert_eq!(rows(&ran), 501);
}

#[test]
fn a_template_that_holds_itself_costs_its_records() {
    let log = long_log();
    let record = log.records(1)[0];
    // The first record's BinXML is a fragment header, an instance, an id, an offset and the definition, whose own fragment
    // header an instance of itself follows now.
    let definition = record + 24 + 14;
    let mut instance = vec![0x0c, 1, 0, 0, 0, 0];
    instance.extend(u32::try_from(definition).unwrap().to_le_bytes());
    instance.extend([0; 4]);
    let mut log = log.with_bytes(1, definition + 24 + 4, &instance);
    log.mend(1);
    let ran = with_a_good_log(&log);
    ran.exits(3).says(&["record not decoded"]);
    assert_eq!(rows(&ran), 501 - log.records(1).len());
}

#[test]
fn text_that_a_forged_template_multiplies_is_cut_off_and_said_so() {
    // One substitution, placed two thousand times in the user's name, in every record.
    let user = Value::Text("x".repeat(400));
    let events: Vec<Event> = (0..50).map(|n| Event::connection().with("User", user.clone()).at(n)).collect();
    let log = evtx_writer::log_with_repeated_value(&events, "User", 2000);
    let ran = connections().args(["--group-by", "user"]).log("log.evtx", &log).run();
    ran.exits(3).says(&["the connection has more text than a chunk can hold, and is cut off"]);
    assert!(ran.report().len() < 4 << 20, "{}", ran.report().len());
    ran.says(&["50 connections"]);
}

#[test]
fn zeros_in_a_record_cost_that_record() {
    let log = long_log();
    let record = log.records(1)[7];
    let ran = with_a_good_log(&log.with_zeros(1, record, 24));
    ran.exits(3).says(&[&format!("bad.evtx: chunk 1 at {:#x}: ", HEADER + CHUNK + record)]);
    assert_eq!(rows(&ran), 500);
}

#[test]
fn a_bad_table_of_names_costs_no_record() {
    let ran = with_a_good_log(&long_log().with_bad_string_table(1));
    ran.exits(3).says(&[
        "bad.evtx: chunk 1 at 0x11000: the chunk's table of names points to 0xf00000, outside the chunk",
        "1 string table",
    ]);
    assert_eq!(rows(&ran), 501);
}

#[test]
fn text_that_is_no_unicode_does_not_hide_a_connection() {
    let image: Vec<u16> = [0xd800].into_iter().chain(r"\regsvcs.exe".encode_utf16()).collect();
    let ran = detect()
        .args(["--group-by", "process_name"])
        .events(&[Event::connection().with("Image", Value::Units(image))])
        .run();
    assert_eq!(rows(&ran), 1, "{}", ran.stderr());
}

#[test]
fn an_output_that_is_an_input_is_refused() {
    for args in [&["-o", "log.csv", "--force"][..], &["-o", "./sub/../log.csv", "--force"]] {
        let log = evtx_writer::log(&[Event::connection()]);
        let case = detect().log("log.csv", &log).file("sub/x", "").args(args.iter().copied());
        let before = fs::read(case.path("log.csv")).unwrap();
        case.run().exits(1).says(&["log.csv: cannot write there: it is one of the files to read"]);
        assert_eq!(fs::read(case.path("log.csv")).unwrap(), before);
    }
}

/// A Sigma rule that every connection is a hit of.
const EVERYTHING: &str =
    "title: T\nlogsource: { category: network_connection }\ndetection: { a: { Image: '*' }, condition: a }\n";

#[test]
fn an_output_that_an_option_was_read_from_is_refused() {
    let case = detect()
        .events(&[Event::connection()])
        .file("rule.txt", EVERYTHING)
        .file("networks", "10.0.0.0/8")
        .file("values", "a*")
        .file("arguments", "--quiet");
    let refused = |args: &[&str], output: &str| {
        let before = fs::read(case.path(output)).unwrap();
        let ran = case.run_on(&[&["--force"], args, &["log.evtx"]].concat());
        ran.exits(1).says(&[&format!("{output}: cannot write there: it is one of the files to read")]);
        assert_eq!(fs::read(case.path(output)).unwrap(), before);
    };
    refused(&["--rules", "rule.txt", "-o", "rule.txt"], "rule.txt");
    refused(&["--exclude-cidr", "@networks", "--html", "networks"], "networks");
    refused(&["--detect-cidr", "@networks", "--events", "networks"], "networks");
    for option in ["--process", "--host", "--user"] {
        refused(&[option, "@values", "-o", "values"], "values");
    }
    refused(&["@arguments", "-o", "./arguments"], "./arguments");
    case.run_on(&["--process", "@values", "@arguments", "-o", "report.csv", "log.evtx"]).exits(0);
}

#[cfg(unix)]
#[test]
fn an_output_that_a_link_to_a_list_leads_to_is_refused() {
    let case = detect().events(&[Event::connection()]).file("names", "regsvcs.exe").file("rule", EVERYTHING);
    std::os::unix::fs::symlink("names", case.path("list")).unwrap();
    std::os::unix::fs::symlink("list", case.path("out")).unwrap();
    for output in ["names", "list", "out"] {
        let ran = case.run_on(&["--force", "--process", "@list", "-o", output, "log.evtx"]);
        ran.exits(1).says(&["cannot write there: it is one of the files to read"]);
    }
    fs::create_dir(case.path("rules")).unwrap();
    std::os::unix::fs::symlink("../rule", case.path("rules/a.yml")).unwrap();
    let ran = case.run_on(&["--force", "--rules", "rules", "-o", "rule", "log.evtx"]);
    ran.exits(1).says(&["rule: cannot write there: it is one of the files to read"]);
}

#[cfg(unix)]
#[test]
fn an_output_that_links_to_an_input_is_refused() {
    let case = detect().events(&[Event::connection()]).args(["--force", "-o", "report.csv"]);
    std::os::unix::fs::symlink("log.evtx", case.path("report.csv")).unwrap();
    case.run().exits(1).says(&["report.csv: cannot write there: it is one of the files to read"]);
}

#[cfg(unix)]
#[test]
fn a_log_that_could_not_be_opened_or_was_not_followed_is_not_replaced_either() {
    use std::os::unix::fs::PermissionsExt;
    let case =
        detect().events(&[Event::connection()]).file("locked.evtx", "evidence").file("elsewhere/x.bin", "evidence");
    std::os::unix::fs::symlink("elsewhere/x.bin", case.path("link.log")).unwrap();
    std::os::unix::fs::symlink("elsewhere/x.bin", case.path("link.evtx")).unwrap();
    fs::set_permissions(case.path("locked.evtx"), fs::Permissions::from_mode(0o000)).unwrap();
    std::os::unix::fs::symlink("locked.evtx", case.path("locked.log")).unwrap();
    for output in ["locked.evtx", "link.evtx"] {
        let ran = case.run_on(&["--force", "-o", output, "."]);
        ran.exits(2).says(&[&format!("netsift: -o {output}: it is not written as evtx")]);
    }
    for output in ["locked.log", "link.log", "elsewhere/x.bin"] {
        let ran = case.run_on(&["--force", "-o", output, "."]);
        ran.exits(1).says(&[&format!("netsift: {output}: cannot write there: it is one of the files to read")]);
    }
    fs::set_permissions(case.path("locked.evtx"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(fs::read_to_string(case.path("locked.evtx")).unwrap(), "evidence");
}

#[test]
fn what_looks_like_evidence_is_not_replaced() {
    let case = detect()
        .events(&[Event::connection()])
        .log("other/copy.bin", &evtx_writer::log(&[Event::connection()]))
        .file("other/zip.bin", b"PK\x03\x04 and so on")
        .file("other/gz.bin", b"\x1f\x8b\x08 and so on");
    for output in ["other/copy.bin", "other/zip.bin", "other/gz.bin"] {
        let ran = case.run_on(&["--force", "-o", output, "log.evtx"]);
        ran.exits(1).says(&["cannot write there: it exists and is an event log or an archive"]);
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_a_device_and_standard_output_are_written_to_as_what_they_are() {
    let case = detect().events(&[Event::connection()]);
    let report = case.run_on(&["log.evtx"]).report().to_owned();
    assert!(Command::new("mkfifo").arg(case.path("pipe")).status().unwrap().success());
    let read = Command::new("cat").arg(case.path("pipe")).stdout(std::process::Stdio::piped()).spawn().unwrap();
    Ran::new(case.command(&["--force", "-o", "pipe", "log.evtx"])).exits(0);
    assert_eq!(String::from_utf8(read.wait_with_output().unwrap().stdout).unwrap(), report);
    for stdout in ["-", "/dev/stdout"] {
        assert_eq!(Ran::new(case.command(&["-o", stdout, "log.evtx"])).exits(0).report(), report, "{stdout}");
    }
    // Standard output as a file is that file, and not one of the name of the device.
    let to_file = format!("{} detect -o /dev/stdout log.evtx > out.csv 2> messages", crate::case::NETSIFT);
    assert!(Command::new("sh").arg("-c").arg(to_file).current_dir(case.path(".")).status().unwrap().success());
    assert_eq!(case.read("out.csv"), report);
    Ran::new(case.command(&["-o", "/dev/null", "--manifest", "m.json", "log.evtx"])).exits(0).reports(&[]);
    let full = ["-o", "/dev/full", "--manifest", "n.json", "log.evtx"];
    Ran::new(case.command(&full)).exits(1).says(&["netsift: /dev/full: cannot write: No space left on device"]);
    assert_eq!(names_in(&case.path(".")), ["log.evtx", "m.json", "messages", "out.csv", "pipe"]);
    Ran::new(case.command(&["-o", "-", "--events", "-", "log.evtx"])).exits(1).says(&["another output goes there"]);
}

#[cfg(unix)]
#[test]
fn outputs_of_a_run_appear_together_or_not_at_all() {
    let events: Vec<Event> = (0..40).map(|n| Event::connection().dest(&format!("9.0.0.{n}")).at(n)).collect();
    let case = detect().events(&events).file("r.csv", "as it was");
    // No file may have more than 64 KiB: the page has.
    let limited = format!(
        "trap '' XFSZ; ulimit -f 64; exec {} detect --force -o r.csv --manifest m.json --html page.html log.evtx",
        crate::case::NETSIFT
    );
    let mut command = Command::new("sh");
    command.arg("-c").arg(limited).current_dir(case.path("."));
    Ran::new(command).exits(1).says(&["netsift: page.html: cannot write: File too large"]);
    assert_eq!(case.read("r.csv"), "as it was");
    assert_eq!(names_in(&case.path(".")), ["log.evtx", "r.csv"]);
}

#[test]
fn the_ending_of_the_output_chooses_its_format() {
    let case = detect().events(&[Event::connection()]);
    let written = |args: &[&str], name: &str| {
        Ran::new(case.command(&[&["--force", "-o", name], args, &["log.evtx"]].concat())).exits(0);
        fs::read(case.path(name)).unwrap()
    };
    for (format, name) in [("csv", "a.csv"), ("jsonl", "a.JSONL"), ("table", "a.txt"), ("parquet", "a.parquet")] {
        assert!(written(&[], name) == written(&["--format", format], &format!("plain-{format}")), "{name}");
        assert!(written(&["--format", format], name) == written(&[], name), "{name}");
    }
    assert!(written(&[], "a.log") == written(&[], "a.csv"));
    Ran::new(case.command(&["-o", "b.csv", "--format", "jsonl", "log.evtx"]))
        .exits(2)
        .says(&["netsift: -o b.csv with --format jsonl: the name says csv; leave --format out, or give another name"]);
    Ran::new(case.command(&["-o", "b.jsonl", "--bom", "log.evtx"])).exits(2).says(&["--bom with --format jsonl"]);
}

#[test]
fn two_outputs_are_two_files() {
    let case = detect().events(&[Event::connection()]).file("sub/x", "");
    let ran = case.run_on(&["-o", "a.csv", "--events", "sub/../a.csv", "."]);
    ran.exits(1).says(&["cannot write there: another output goes there"]);
    for (option, log) in [("--events", "log.csv"), ("--manifest", "log.json")] {
        fs::copy(case.path("log.evtx"), case.path(log)).unwrap();
        case.run_on(&["-o", "b.csv", "--force", option, log, "."]).exits(1).says(&["it is one of the files to read"]);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_the_scan() {
    let case = |output: &str| Case::new("detect").events(&[Event::connection()]).args(["-o", output]).run();
    let missing = "netsift: no/such/folder/report.csv: cannot write there: its folder does not exist";
    case("no/such/folder/report.csv").exits(1).says(&[missing]);
    case("folder/").exits(1).says(&["netsift: folder/: cannot write there: it is a directory"]);
    case(".").exits(1).says(&["netsift: .: cannot write there: it is a directory"]);
    case("log.evtx/report.csv").exits(1).says(&["cannot write there"]);
}

#[cfg(unix)]
#[test]
fn an_output_folder_that_takes_no_file_is_named() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    let case = detect().events(&[Event::connection()]).file("out/x", "");
    fs::set_permissions(case.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(case.path("out"), fs::Permissions::from_mode(0o555)).unwrap();
    copy_netsift(&case);
    let mut command = Command::new(case.path("netsift"));
    if fs::write(case.path("out/probe"), "").is_ok() {
        command.uid(65534);
    }
    command.current_dir(case.path(".")).args(["detect", "-o", "out/report.csv", "log.evtx"]);
    Ran::new(command).exits(1).says(&["netsift: out/report.csv: cannot write there: permission denied"]);
}

/// A run that waits for its report to be read has written its events, which have no name yet. What a signal that is ignored does not end
/// goes on.
#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_interrupted_leaves_no_file() {
    use std::{io::Read, process::Stdio};
    for (signal, ignored) in [("INT", false), ("TERM", false), ("HUP", false), ("HUP", true), ("INT", true)] {
        let case = connections().events(&distinct(800));
        // Whatever the tests themselves were started to ignore.
        let set = format!("--{}-signal={signal}", if ignored { "ignore" } else { "default" });
        let mut command = Command::new("env");
        command.args([&set, crate::case::NETSIFT, "connections", "-q", "--events", "events.csv", "log.evtx"]);
        let mut child = command.current_dir(case.path(".")).stdout(Stdio::piped()).spawn().unwrap();
        let mut start = [0; 64];
        child.stdout.as_mut().unwrap().read_exact(&mut start).unwrap();
        assert_eq!(names_in(&case.path(".")).iter().filter(|name| name.starts_with(".netsift-")).count(), 1);
        let kill = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        if !ignored {
            // Before more of the report is read, which would let it go on.
            assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
            assert_eq!(names_in(&case.path(".")), ["log.evtx"], "{signal}");
            continue;
        }
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0), "{signal}");
        assert_eq!(names_in(&case.path(".")), ["events.csv", "log.evtx"], "{signal}");
    }
}

#[test]
fn wildcards_that_a_shell_has_left_stand_for_what_matches_them() {
    let case = connections().args(["--group-by", "dvc"]);
    let [one, other] = ["logs/a.evtx", "logs/b.evtx"].map(|name| (name, evtx_writer::log(&distinct(3))));
    let case = case.log(one.0, &one.1).log(other.0, &other.1).file("logs/c.txt", "");
    case.run_on(&["logs/*.evtx"]).exits(0).says(&["searched  2 logs"]);
    case.run_on(&["lo?s/[ab].evtx"]).exits(1).says(&["lo?s/[ab].evtx"]);
    case.run_on(&["logs/*.zip", "logs"]).exits(3).says(&["logs/*.zip: "]);
    Ran::new(case.another(&["logs/?.evtx"])).exits(0).says(&["searched  2 logs"]);
}

#[test]
fn the_logs_of_this_host_are_those_of_windows() {
    let case = connections().events(&distinct(1));
    if cfg!(not(windows)) {
        Ran::new(case.command(&["--live"])).exits(2).says(&["netsift: --live reads the logs of the Windows host"]);
    }
    Ran::new(case.command(&[])).exits(2).says(&["PATH"]);
}

#[test]
fn evidence_is_not_changed() {
    let case = detect().events(&[Event::connection()]);
    let state = || {
        let metadata = fs::metadata(case.path("log.evtx")).unwrap();
        (fs::read(case.path("log.evtx")).unwrap(), metadata.modified().unwrap())
    };
    let before = state();
    case.run().exits(0);
    assert_eq!(state(), before);
}

/// The log with all chunks full, and each record with a destination of its own, so that none is counted twice unseen.
fn groups_of(log: &Log) -> Vec<String> {
    let ran = connections().log("log.evtx", log).args(["--group-by", "dest_ip"]).run();
    let report = ran.report().to_owned();
    report.lines().skip(1).map(|line| line.split(',').take(2).collect::<Vec<_>>().join(" x")).collect()
}

#[test]
fn a_log_without_its_file_header_is_read_from_its_first_chunk_on() {
    let whole = long_log();
    let headless = Log(whole.0[HEADER..].to_vec());
    let ran = with_a_good_log(&headless);
    ran.exits(3).says(&[
        "bad.evtx: the file header is missing: the file starts with a chunk",
        "bad.evtx: chunk 0 at 0x0: the chunks from here on are 4096 bytes before their places",
        "defects   2: 1 file header, 1 chunk out of place",
    ]);
    assert_eq!(groups_of(&headless), groups_of(&whole));
}

#[test]
fn chunks_behind_lost_or_inserted_bytes_are_read_where_they_are() {
    let whole = long_log();
    let expected = groups_of(&whole);
    let chunk = evtx_writer::offset(1);

    // What is lost is free space of the first chunk.
    let mut lost = whole.clone();
    lost.0.drain(chunk - 8..chunk);
    let ran = with_a_good_log(&lost);
    ran.exits(3).says(&["bad.evtx: chunk 1 at 0x10ff8: the chunks from here on are 8 bytes before their places"]);
    assert_eq!(groups_of(&lost), expected);

    for size in [1, 512, 4096, 70_000] {
        let mut inserted = whole.clone();
        inserted.0.splice(chunk..chunk, vec![0xee; size]);
        assert_eq!(groups_of(&inserted), expected, "{size}");
    }
}

#[test]
fn chunks_anywhere_in_a_given_file_are_read() {
    let whole = long_log();
    // As in an image of a disk: each chunk at a sector of its own.
    let mut image = vec![0x5a; 123 * 512];
    for number in [2, 0, 5, 3, 1, 4] {
        image.extend(&whole.0[evtx_writer::offset(number)..].chunks(CHUNK).next().unwrap().to_vec());
        image.extend(vec![number as u8 + 1; 77 * 512]);
    }
    let case = connections().file("image.dd", &image).args(["--group-by", "dest_ip"]);
    let ran = case.run_on(&["image.dd"]);
    ran.exits(3).says(&["6 chunk out of place"]);
    assert_eq!(rows(&ran), groups_of(&whole).len());
}

#[test]
fn a_chunk_that_is_cut_off_by_the_next_one_gives_the_records_it_has() {
    let whole = long_log();
    let (first, second) = (evtx_writer::offset(0), evtx_writer::offset(1));
    let mut log = whole.clone();
    // Half of the first chunk is lost, and all others move up.
    log.0.drain(first + CHUNK / 2..second);
    log.0.drain(..HEADER);
    let ran = connections().log("log.evtx", &log).args(["--group-by", "dest_ip", "--verbose"]).run();
    ran.exits(3).says(&["chunk 0 at 0x0: this chunk is cut off: 32768 of 65536 bytes"]);
    let all = groups_of(&whole).len();
    assert!((all - 100..all - 30).contains(&rows(&ran)), "{} of {all}", rows(&ran));
}

#[test]
fn a_chunk_that_starts_inside_the_last_one_is_read() {
    let mut events = distinct(500);
    let whole = evtx_writer::log(&events);
    let last = whole.chunks() - 1;
    // So few records that the rest of the chunk is zeros.
    events.truncate(events.len() - whole.records(last).len() + 3);
    let whole = evtx_writer::log(&events);
    let (before, end) = (evtx_writer::offset(last - 1), evtx_writer::offset(last) + whole.end(last));
    let found_of_last = |log: &Log| {
        let groups = groups_of(log);
        groups_of(&whole).iter().rev().take(3).filter(|group| groups.contains(group)).count()
    };
    for lost in [20_000, 50_000, CHUNK - 1000] {
        let mut log = whole.clone();
        log.0.drain(before + 600..before + 600 + lost);
        // What is behind it is its own zeros, unused space, or nothing at all.
        let unused = log.clone().with_trailing(&[0; CHUNK]);
        let cut = log.clone().cut_at(end - lost);
        for log in [log, unused, cut] {
            assert_eq!(found_of_last(&log), 3, "{lost} {}", log.0.len());
        }
    }
}

#[test]
fn a_small_chunk_at_the_start_of_a_log_without_its_file_header_is_read() {
    let log = evtx_writer::log(&[Event::connection()]);
    assert!(log.end(0) < HEADER);
    for size in [log.end(0), HEADER, HEADER + 1, CHUNK] {
        let headless = Log(log.0[HEADER..][..size].to_vec());
        let ran = connections().log("log.evtx", &headless).run();
        assert_eq!(rows(ran.exits(3)), 1, "{size}");
        assert_eq!(ran.stderr().contains("cut off"), size < CHUNK, "{}", ran.stderr());
        // Nor need it be the first thing there.
        let behind = Log([&[7; 100], &*headless.0].concat());
        assert_eq!(rows(&connections().log("log.evtx", &behind).run()), 1, "{size}");
    }
}

#[test]
fn bytes_of_a_chunk_in_a_record_do_not_end_the_chunk_that_it_is_in() {
    let mut header = [0; 516];
    header[..8].copy_from_slice(b"ElfChnk\0");
    header[40] = 128;
    header[512..].copy_from_slice(&[0x2a, 0x2a, 0, 0]);
    let mut events = distinct(40);
    events[3] = events[3].clone().with("RuleName", Value::Ansi(header.to_vec()));
    let log = evtx_writer::log(&events);
    for behind in [vec![], vec![0; 4096], vec![0xee; CHUNK]] {
        assert_eq!(groups_of(&log.clone().with_trailing(&behind)).len(), 40);
    }
}

#[test]
fn a_chunk_header_that_states_no_records_hides_none_whose_ids_go_on() {
    let log = long_log();
    let (chunks, all) = (log.chunks(), 500);
    for last_id in [u64::MAX, 0] {
        for chunk in 0..chunks {
            for announced in [true, false] {
                let first_id = if announced { log.id(chunk, 0) } else { 0 };
                let case = connections().log("log.evtx", &log.clone().with_empty_header(chunk, first_id, last_id));
                let ran = case.run_on(&["log.evtx"]);
                // Of the last chunk, it may be that its header was not yet written when the log was copied.
                let is_last = chunk + 1 == chunks;
                ran.exits(if is_last { 0 } else { 3 });
                assert_eq!(rows(&ran), all, "{last_id} {chunk}");
                assert_eq!(ran.stderr().contains("the chunk header states no records"), !is_last, "{}", ran.stderr());
            }
        }
    }
    // All of them, and the only one.
    let every = (0..chunks).fold(log.clone(), |log, chunk| {
        let first_id = log.id(chunk, 0);
        log.with_empty_header(chunk, first_id, u64::MAX)
    });
    assert_eq!(rows(connections().log("log.evtx", &every).run_on(&["log.evtx"]).exits(3)), all);
    let only = evtx_writer::log(&distinct(20));
    for last_id in [u64::MAX, 0] {
        let case = connections().log("log.evtx", &only.clone().with_empty_header(0, 1, last_id));
        assert_eq!(rows(case.run_on(&["log.evtx"]).exits(0)), 20);
    }
}

#[test]
fn older_records_behind_a_header_that_states_none_are_not_of_the_log() {
    // As where a log that is full begins to write over its second chunk.
    let log = long_log();
    let old = log.with_stale_records(1, 0).with_empty_header(1, 501, u64::MAX);
    let of_second = old.records(0).len();
    let case = connections().log("log.evtx", &old);
    let live = rows(case.run_on(&["log.evtx"]).exits(0));
    assert!(live < 500 && live >= of_second, "{live}");
    assert_eq!(rows(case.run_on(&["--recover", "log.evtx"]).exits(0)), 500);
}

#[test]
fn a_value_that_is_not_as_long_as_its_type_says_makes_its_record_a_defect() {
    for (kind, size) in [(0x06, 0), (0x06, 4), (0x08, 2), (0x0f, 0), (0x0d, 1), (0x11, 4), (0x0a, 0), (0x13, 2)] {
        let odd = Event::connection().with("ProcessId", Value::Any(kind, vec![0; size])).dest("9.9.9.9");
        let case = connections().events(&[Event::connection(), odd]);
        let ran = case.run_on(&["log.evtx"]);
        let what = format!("a value cannot be read: value 3 of type {kind:#04x} is {size} byte");
        ran.exits(3).says(&["1 record not decoded", &what]);
        assert_eq!(rows(&ran), 1, "{}", ran.report());
    }
}
