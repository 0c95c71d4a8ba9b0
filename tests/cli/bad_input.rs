//! Evidence that is missing, cut off, damaged or hostile: a clear message, and everything else in the report.

use std::{fs, process::Command};

use crate::{
    case::{Case, Ran, connections, detect, names_in},
    evtx_writer::{self, CHUNK, Event, HEADER, Log, Value},
};

/// A log of three and a half chunks, each record with a destination of its own.
fn long_log() -> Log {
    let events: Vec<Event> =
        (0..500_u64).map(|n| Event::connection().dest(&format!("9.9.{}.{}", n / 256, n % 256)).at(n)).collect();
    evtx_writer::log(&events)
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
    ran.exits(3).says(&["missing.evtx: No such file or directory", "defects   1: 1 path not searched"]);
    assert_eq!(rows(&ran), 1);
}

#[test]
fn a_run_that_could_search_nothing_fails() {
    let nothing = "netsift: no event log found: give a log, or a directory that holds *.evtx files";
    detect().run_on(&["missing.evtx"]).exits(1).reports(&[]).says(&["netsift: missing.evtx: No such file", nothing]);
    detect().file("readme.txt", "no log").run_on(&["."]).exits(1).reports(&[]).says(&[nothing]);
    // No half report either.
    let case = detect();
    case.run_on(&["-o", "report.csv", "missing.evtx"]).exits(1);
    assert_eq!(names_in(&case.path(".")), [""; 0]);
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
        fs::copy(crate::case::NETSIFT, case.path("netsift")).unwrap();
        fs::set_permissions(case.path("netsift"), fs::Permissions::from_mode(0o755)).unwrap();
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
    for args in [&["-o", "log.evtx", "--force"][..], &["-o", "./sub/../log.evtx", "--force"]] {
        let case = detect().events(&[Event::connection()]).file("sub/x", "").args(args.iter().copied());
        let before = fs::read(case.path("log.evtx")).unwrap();
        case.run().exits(1).says(&["log.evtx: cannot write there: it is one of the logs to read"]);
        assert_eq!(fs::read(case.path("log.evtx")).unwrap(), before);
    }
}

#[cfg(unix)]
#[test]
fn an_output_that_links_to_an_input_is_refused() {
    let case = detect().events(&[Event::connection()]).args(["--force", "-o", "report.csv"]);
    std::os::unix::fs::symlink("log.evtx", case.path("report.csv")).unwrap();
    case.run().exits(1).says(&["report.csv: cannot write there: it is one of the logs to read"]);
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_the_scan() {
    let case = |output: &str| Case::new("detect").events(&[Event::connection()]).args(["-o", output]).run();
    case("no/such/folder/report.csv").exits(1).says(&["netsift: no/such/folder/report.csv: cannot write there: "]);
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
    fs::copy(crate::case::NETSIFT, case.path("netsift")).unwrap();
    fs::set_permissions(case.path("netsift"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(case.path("netsift"));
    if fs::write(case.path("out/probe"), "").is_ok() {
        command.uid(65534);
    }
    command.current_dir(case.path(".")).args(["detect", "-o", "out/report.csv", "log.evtx"]);
    Ran::new(command).exits(1).says(&["netsift: out/report.csv: cannot write there: Permission denied"]);
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
