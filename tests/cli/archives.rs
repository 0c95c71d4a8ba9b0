//! Logs in zip, gzip and tar files: the same report as of the logs themselves, and a defect with its name for the rest.

use std::{fs, io::Write};

use zip::{AesMode, ZipWriter, unstable::write::FileOptionsExt, write::FileOptions};

use crate::{
    archive_writer::{bzip2, deflated, gzip, seven_z, stored, tar, xz, zip, zstd},
    case::{Case, Ran, connections, names_in},
    evtx_writer::{self, Event},
};

/// A log with a few connections to addresses of its own.
pub fn log(network: u8) -> Vec<u8> {
    let events: Vec<Event> = (0..150).map(|n| Event::connection().dest(&format!("9.9.{network}.{n}")).at(n)).collect();
    evtx_writer::log(&events).0
}

/// A zip file with one member, encrypted with this password.
fn encrypted(name: &str, bytes: &[u8], password: &str, aes: bool) -> Vec<u8> {
    let options = if aes {
        deflated().with_aes_encryption(AesMode::Aes256, password)
    } else {
        deflated().with_deprecated_encryption(password.as_bytes()).unwrap()
    };
    zip(&[(name, bytes, options)])
}

/// Where `needle` is, each time.
fn find(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|&at| bytes[at..].starts_with(needle)).collect()
}

fn replace(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places = find(&bytes, from);
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// Overwrites a field of a member's entry in the central directory.
pub fn patch(mut bytes: Vec<u8>, member: usize, field: usize, value: u32) -> Vec<u8> {
    let at = find(&bytes, b"PK\x01\x02")[member] + field;
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

pub const UNPACKED_SIZE: usize = 24;
pub const HEADER_OFFSET: usize = 42;

pub fn rows(ran: &Ran) -> usize {
    ran.report().lines().count() - 1
}

/// The archive's report has to be that of these logs, without a defect.
#[track_caller]
pub fn reports_as(name: &str, archive: &[u8], logs: &[&[u8]]) -> Ran {
    let plain = logs.iter().enumerate().fold(connections(), |case, (n, log)| case.file(&format!("{n}.evtx"), log));
    let plain = plain.run();
    let ran = connections().file(name, archive).run_on(&[name]);
    ran.exits(0);
    assert!(rows(&ran) > 0 && ran.report() == plain.exits(0).report(), "{}", ran.stderr());
    ran
}

/// The archive beside a good log: the defect is named, and the report has the good log's rows and `more`.
#[track_caller]
pub fn is_a_defect(archive: &[u8], args: &[&str], more: usize, texts: &[&str]) -> Ran {
    let case = connections().args(args.iter().copied()).file("case.zip", archive).file("good.evtx", log(200));
    let ran = case.run();
    ran.exits(3).says(texts);
    assert_eq!(rows(&ran), 150 + more, "{}", ran.stderr());
    ran
}

#[test]
fn a_zip_file_is_read_like_the_logs_in_it() {
    let (one, two, three) = (log(1), log(2), log(3));
    let archive = zip(&[
        ("C/Windows/System32/winevt/Logs/Sysmon.evtx", &one, deflated()),
        ("readme.txt", b"no log", deflated()),
        ("C/Windows/Security.EVTX", &two, stored()),
        ("three.evtx", &three, deflated().large_file(true)),
    ]);
    reports_as("case.zip", &archive, &[&one, &two, &three]).says(&["searched  3 logs,"]);
}

#[test]
fn what_a_given_path_is_its_content_says() {
    let log = log(1);
    reports_as("case", &zip(&[("a.evtx", &log, deflated())]), &[&log]);
    reports_as("case.evtx", &zip(&[("a.evtx", &log, deflated())]), &[&log]);
    reports_as("case.zip", &log, &[&log]);
    reports_as("log", &gzip(&log), &[&log]);
    reports_as("log.gz", &gzip(&tar(&[("a.evtx", &log)])), &[&log]);
}

#[test]
fn a_directory_is_searched_for_archives_by_content_or_by_name_alone() {
    let case = connections()
        .file("a/case.ZIP", zip(&[("a.evtx", &log(1), deflated())]))
        .file("b/log.evtx.gz", gzip(&log(2)))
        .file("c/case.tar.gz", gzip(&tar(&[("c.evtx", &log(3))])))
        .file("d/case.tgz", gzip(&tar(&[("d.evtx", &log(4))])))
        .file("e/Sysmon.gz", gzip(&log(5)))
        .file("e/messages.gz", gzip(b"no log"))
        .file("e/text.gz", "no gzip file")
        .file("f/other", zip(&[("a.evtx", &log(6), deflated())]));
    let ran = case.run();
    ran.exits(0).says(&["searched  6 logs,", "2 other files in the folders: neither logs nor archives of logs"]);
    assert_eq!(rows(&ran), 6 * 150);
    let ran = case.run_on(&["--only-names", "."]);
    ran.exits(0).says(&["searched  5 logs,", "1 other file in the folders: not opened because of --only-names"]);
    assert_eq!(rows(&ran), 5 * 150);
    assert_eq!(names_in(&case.path(".")), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(names_in(&case.path("a")), ["case.ZIP"]);
}

#[test]
fn a_given_gzip_file_of_something_else_is_a_defect() {
    let case = connections().file("messages.gz", gzip(b"no log")).file("text.gz", "text").file("good.evtx", log(1));
    let ran = case.run_on(&["messages.gz", "text.gz", "."]);
    ran.exits(3).says(&[
        "messages.gz: a gzip file that holds neither an event log nor a tar file",
        "text.gz: not a gzip file",
        "2 not unpacked",
    ]);
    assert_eq!(rows(&ran), 150);
}

#[test]
fn gzip_files_in_archives_are_judged_by_their_content() {
    let (one, two) = (log(1), log(2));
    let (gz, tgz, other) = (gzip(&one), gzip(&tar(&[("b.evtx", &two)])), gzip(b"no log"));
    let archive = zip(&[("Sysmon.gz", &gz, stored()), ("b.gz", &tgz, deflated()), ("messages.gz", &other, stored())]);
    reports_as("case.zip", &archive, &[&one, &two]);
    reports_as("case.tgz", &gzip(&tar(&[("Sysmon.gz", &gz), ("messages.gz", &other)])), &[&one]);
    // One level further down, those with something to lose are named.
    for options in [stored(), deflated()] {
        let ran = is_a_defect(
            &zip(&[("in.zip", &archive, options)]),
            &[],
            0,
            &["case.zip!in.zip!Sysmon.gz: nested too deep"],
        );
        ran.says(&["case.zip!in.zip!b.gz: nested too deep"]).does_not_say("messages");
    }
}

#[test]
fn a_log_that_starts_like_an_archive_is_read_as_a_log() {
    for magic in [b"\x1f\x8b\x08\x04".as_slice(), b"PK\x03\x04", b"PK\x05\x06"] {
        let mut log = log(1);
        log[..magic.len()].copy_from_slice(magic);
        let ran = connections().file("a.evtx", &log).run();
        ran.exits(3).says(&["a.evtx: "]).does_not_say("not unpacked");
        assert_eq!(rows(&ran), 150, "{}", ran.stderr());
    }
}

#[test]
fn a_log_without_its_header_in_a_gzip_file_is_read() {
    let mut log = log(1);
    log[..4096].fill(0);
    let case = connections().file("Sysmon.gz", gzip(&log));
    assert_eq!(rows(case.run().exits(3).says(&["Sysmon.gz: "])), 150);
}

#[test]
fn an_archive_without_a_log_is_no_defect() {
    let case = connections()
        .file("notes.zip", zip(&[("readme.txt", b"no log", deflated())]))
        .file("empty.zip", zip(&[]))
        .file("notes.tar.gz", gzip(&tar(&[("readme.txt", b"no log")])))
        .file("log.evtx", log(1));
    assert_eq!(rows(case.run().exits(0)), 150);
}

#[test]
fn an_archive_given_twice_is_read_once() {
    let case = connections().file("case.zip", zip(&[("a.evtx", &log(1), deflated())]));
    case.run_on(&["case.zip", "./case.zip", "."]).exits(0).says(&["searched  1 log,"]);
}

#[test]
fn names_of_members_are_shown_safe_and_with_slashes() {
    let bad = b"no log".as_slice();
    let archive = zip(&[
        ("log@.evtx", bad, stored()),
        ("Ünï/日本.evtx", bad, stored()),
        ("C\\Logs\\back.evtx", bad, stored()),
        ("esc\u{1b}.evtx", bad, stored()),
        ("../../up.evtx", bad, stored()),
    ]);
    let archive = replace(archive, b"log@.evtx", b"log\x84.evtx");
    is_a_defect(
        &archive,
        &["--verbose"],
        0,
        &[
            "case.zip!logä.evtx: not an event log",
            "case.zip!Ünï/日本.evtx: not an event log",
            "case.zip!C/Logs/back.evtx: not an event log",
            "case.zip!esc\\u{1b}.evtx: not an event log",
            "case.zip!../../up.evtx: not an event log",
        ],
    );
}

#[test]
fn members_of_the_same_name_are_both_read() {
    let (one, two) = (log(1), log(2));
    let archive = zip(&[("logs/a.evtx", &one, deflated()), ("logs/b.evtx", &two, deflated())]);
    let archive = replace(archive, b"logs/b.evtx", b"logs/a.evtx");
    reports_as("case.zip", &archive, &[&one, &two]).says(&["searched  2 logs,"]);
    let archive = zip(&[("logs/a.evtx", b"no log", stored()), ("logs/b.evtx", b"no log", stored())]);
    let archive = replace(archive, b"logs/b.evtx", b"logs/a.evtx");
    is_a_defect(&archive, &[], 0, &["case.zip!logs/a.evtx: not", "case.zip!logs/a.evtx (2): not"]);
}

#[test]
fn archives_in_archives_are_read_one_level_down() {
    let (one, two) = (log(1), log(2));
    let inner = zip(&[("logs/a.evtx", &one, deflated()), ("b.evtx", &two, stored())]);
    for options in [stored(), deflated()] {
        reports_as("case.zip", &zip(&[("x/inner.zip", &inner, options)]), &[&one, &two]);
        is_a_defect(
            &zip(&[("x/inner.zip", &zip(&[("bad.evtx", b"no log", stored())]), options)]),
            &[],
            0,
            &["case.zip!x/inner.zip!bad.evtx: not an event log"],
        );
    }
    let gz = gzip(&one);
    let tgz = gzip(&tar(&[("b.evtx", &two)]));
    reports_as("case.zip", &zip(&[("a.evtx.gz", &gz, stored()), ("b.tgz", &tgz, deflated())]), &[&one, &two]);
    reports_as("case.tgz", &gzip(&tar(&[("in.zip", &inner)])), &[&one, &two]);
}

#[test]
fn archives_that_lie_deeper_are_named() {
    let innermost = zip(&[("a.evtx", &log(1), deflated())]);
    let two = log(2);
    let inner = zip(&[("deep.zip", &innermost, stored()), ("b.evtx", &two, deflated())]);
    for options in [stored(), deflated()] {
        is_a_defect(
            &zip(&[("inner.zip", &inner, options)]),
            &[],
            150,
            &["case.zip!inner.zip!deep.zip: nested too deep", "1 not unpacked"],
        );
    }
}

#[test]
fn encrypted_members_need_the_password() {
    let log = log(1);
    for aes in [false, true] {
        let archive = encrypted("a.evtx", &log, "infected", aes);
        let ran = connections().args(["--password", "infected"]).file("case.zip", &archive).run();
        assert_eq!(rows(ran.exits(0)), 150);
        is_a_defect(&archive, &[], 0, &["case.zip!a.evtx: encrypted: give its password with --password"]);
        is_a_defect(&archive, &["--password", "wrong"], 0, &["case.zip!a.evtx: ", "--password"]);
    }
    // A password where none is needed does no harm.
    for quiet in [&[][..], &["-q"]] {
        let case = connections().log("log.evtx", &evtx_writer::log(&[Event::connection()])).args(["--password", "x"]);
        case.run_on(&[quiet, &["."]].concat())
            .exits(0)
            .says(&["netsift: --password: not used, since there is no archive\n"]);
    }
    let ran = connections().args(["--password", "x"]).file("case.zip", zip(&[("a.evtx", &log, deflated())])).run();
    assert_eq!(rows(ran.exits(0)), 150);
}

#[test]
fn a_member_that_is_too_large_is_named_and_not_unpacked() {
    let zeros = vec![0; 64 << 20];
    let archive = zip(&[("bomb.evtx", &zeros, deflated()), ("a.evtx", &log(1), deflated())]);
    let limit = ["--max-member-size", "1MiB"];
    is_a_defect(
        &archive,
        &limit,
        150,
        &["case.zip!bomb.evtx: 67108864 bytes, which is more than the 1048576 that --max-member-size allows"],
    );
    let zeros = &zeros[..8 << 20];
    let inner = zip(&[("inner.zip", zeros, deflated())]);
    is_a_defect(&inner, &limit, 0, &["case.zip!inner.zip: 8388608 bytes, which is more than"]);
    // A gzip file does not say how large it is.
    let case = connections().args(limit).file("bomb.evtx.gz", gzip(zeros)).file("a.evtx", log(1));
    let ran = case.run();
    ran.exits(3).says(&["bomb.evtx.gz: ", "there is more of it than the 1048576 bytes that --max-member-size allows"]);
    assert_eq!(rows(&ran), 150);
    let tar = gzip(&tar(&[("bomb.evtx", zeros), ("a.evtx", &log(1))]));
    let ran = connections().args(limit).file("case.tgz", tar).run();
    ran.exits(3).says(&["case.tgz!bomb.evtx: 8388608 bytes, which is more than"]);
    assert_eq!(rows(&ran), 150);
}

#[test]
fn lying_sizes_are_defects() {
    let log = log(1);
    let archive = zip(&[("a.evtx", &log, deflated())]);
    let size = u32::try_from(log.len()).unwrap();
    // Less than there is: the log as far as it is stated, and then an error.
    is_a_defect(
        &patch(archive.clone(), 0, UNPACKED_SIZE, 4096 + 65536),
        &[],
        evtx_writer::Log(log.clone()).records(0).len(),
        &["case.zip!a.evtx: at 0x11000: ", "cannot read on: File is larger than its declared uncompressed size"],
    );
    is_a_defect(
        &patch(archive.clone(), 0, UNPACKED_SIZE, size + 10),
        &[],
        150,
        &["case.zip!a.evtx: ", "it ends 10 bytes short of the "],
    );
    is_a_defect(
        &patch(archive, 0, UNPACKED_SIZE, 0xf000_0000),
        &[],
        0,
        &["case.zip!a.evtx: a false size: ", "bytes are stated to unpack to 4026531840"],
    );
}

#[test]
fn a_wrong_checksum_is_a_defect_and_the_log_is_in_the_report() {
    let archive = zip(&[("a.evtx", &log(1), deflated())]);
    is_a_defect(&patch(archive, 0, 16, 0xdead_beef), &[], 150, &["case.zip!a.evtx: ", "Invalid checksum"]);
}

#[test]
fn members_that_overlap_are_refused() {
    let archive =
        zip(&[("a.evtx", &log(1), deflated()), ("b.evtx", &log(2), deflated()), ("c.evtx", &log(3), stored())]);
    let archive = patch(archive, 1, HEADER_OFFSET, 0);
    is_a_defect(
        &archive,
        &[],
        450,
        &["case.zip!a.evtx: it overlaps another member", "case.zip!b.evtx: it overlaps another member"],
    );
}

#[test]
fn what_is_no_archive_is_named() {
    let archive = zip(&[("a.evtx", &log(1), deflated())]);
    is_a_defect(b"just text", &[], 0, &["case.zip: not read as a zip file: "]);
    is_a_defect(b"", &[], 0, &["case.zip: not read as a zip file: "]);
    is_a_defect(&archive[archive.len() / 2..], &[], 0, &["case.zip: not read as a zip file: "]);
    let case = connections().file("a.evtx.gz", "just text").file("good.evtx", log(1));
    assert_eq!(rows(case.run().exits(3).says(&["a.evtx.gz: not a gzip file"])), 150);
    connections().file("case.zip", "just text").run().exits(1).reports(&[]);
}

#[test]
fn a_gzip_file_of_several_members_is_one_log() {
    let log = log(1);
    let (one, two) = log.split_at(10_000);
    reports_as("a.evtx.gz", &[gzip(one), gzip(two)].concat(), &[&log]);
}

#[test]
fn a_gzip_file_that_is_cut_off_gives_what_is_whole() {
    let log = log(1);
    let gz = gzip(&log);
    let case = connections().file("a.evtx.gz", &gz[..gz.len() - 10]);
    let ran = case.run();
    ran.exits(3).says(&["a.evtx.gz: at 0x", "cannot read on: "]);
    assert!(rows(&ran) > 0, "{}", ran.stderr());
}

#[test]
fn a_tar_file_is_read_like_the_logs_in_it() {
    let (one, two) = (log(1), log(2));
    let long = format!("{}/Sysmon.evtx", "folder/".repeat(40));
    let archive = gzip(&tar(&[(&long, &one), ("readme.txt", b"no log"), ("a.evtx", &two)]));
    for name in ["case.tar.gz", "case.tgz"] {
        reports_as(name, &archive, &[&one, &two]).says(&["searched  2 logs,"]);
    }
    let ran = connections().file("case.tgz", gzip(&tar(&[(&long, b"no log"), ("a.evtx", &one)]))).run();
    ran.exits(3).says(&[&format!("case.tgz!{long}: not an event log")]);
    assert_eq!(rows(&ran), 150);
}

#[test]
fn a_tar_file_that_is_cut_off_gives_what_is_whole() {
    let archive = gzip(&tar(&[("a.evtx", &log(1)), ("b.evtx", &log(2))]));
    let ran = connections().file("case.tgz", &archive[..archive.len() - 12]).run();
    ran.exits(3).says(&["case.tgz"]);
    assert!(rows(&ran) >= 150, "{}", ran.stderr());
}

#[test]
fn a_long_name_in_a_tar_file_does_not_fill_the_memory() {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(8 << 20);
    header.set_cksum();
    let bytes = [header.as_bytes().as_slice(), &vec![b'a'; 8 << 20]].concat();
    let case = connections().args(["--max-member-size", "64MiB"]).file("case.tgz", gzip(&bytes));
    let ran = case.file("a.evtx", log(1)).run();
    ran.exits(3).says(&["case.tgz: cannot read on: it unpacks to more than is allowed"]);
}

#[test]
fn archives_are_not_changed() {
    let case = Case::new("connections").file("case.zip", zip(&[("a.evtx", &log(1), deflated())]));
    let before = fs::read(case.path("case.zip")).unwrap();
    case.run().exits(0);
    assert_eq!(fs::read(case.path("case.zip")).unwrap(), before);
    assert_eq!(names_in(&case.path(".")), ["case.zip"]);
}

/// A gzip file of so many MiB of zeros, in members, which compresses again.
fn gzip_of_zeros(mebibytes: usize) -> Vec<u8> {
    gzip(&vec![0; 4 << 20]).repeat(mebibytes / 4)
}

/// The header of a sparse file in a tar file that is all hole.
fn hole(name: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(0);
    let gnu = header.as_gnu_mut().unwrap();
    for field in [&mut gnu.sparse[0].offset, &mut gnu.realsize] {
        field.copy_from_slice(format!("{size:011o}\0").as_bytes());
    }
    gnu.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
    header.set_cksum();
    header.as_bytes().to_vec()
}

const BOMB: &str = "a bomb: more than 67108864 bytes would come out of it";

#[test]
fn holes_in_a_tar_file_count() {
    let one = log(1);
    let logs = tar(&[("first.evtx", &one)]);
    // Without the two blocks that end it.
    let bytes = [&logs[..logs.len() - 1024], &hole("a.evtx", 4 << 30), &hole("b.evtx", 4 << 30), &[0; 1024]].concat();
    let ran = connections().file("case.tgz", gzip(&bytes)).run();
    ran.exits(3).says(&["case.tgz!a.evtx: at 0x", &format!("case.tgz: cannot read on: {BOMB}")]);
    assert_eq!(rows(&ran), 150);
    // A few are how a tar file says what is not used in a log.
    let small = [&logs[..logs.len() - 1024], &hole("a.evtx", 4096 + 65536), &[0; 1024]].concat();
    let ran = connections().file("case.tgz", gzip(&small)).run();
    assert_eq!(rows(ran.exits(3).says(&["case.tgz!a.evtx: "])), 150);
    ran.does_not_say("bomb");
}

#[test]
fn what_is_skipped_in_a_tar_file_counts() {
    let mut header = tar::Header::new_gnu();
    header.set_path("readme.txt").unwrap();
    header.set_size(1 << 30);
    header.set_cksum();
    let logs = tar(&[("first.evtx", &log(1))]);
    let start = [&logs[..logs.len() - 1024], header.as_bytes().as_slice()].concat();
    // Compressed twice: the first time alone stays below what deflate can do.
    let inner = [gzip(&start), gzip_of_zeros(96)].concat();
    let ran = connections().file("case.zip", zip(&[("in.tgz", &inner, deflated())])).run();
    ran.exits(3).says(&["case.zip!in.tgz: cannot read on: ", "a bomb: more than "]);
    assert_eq!(rows(&ran), 150);
}

#[test]
fn a_gzip_file_in_a_zip_file_has_its_share_of_what_may_come_out_of_that() {
    let bomb = gzip_of_zeros(96);
    let one = log(1);
    let archive = zip(&[
        ("0.evtx.gz", &bomb, deflated()),
        ("1.evtx.gz", &bomb, deflated()),
        ("a.evtx", &one, deflated()),
        ("b.evtx.gz", &gzip(&log(2)), deflated()),
    ]);
    let ran = is_a_defect(&archive, &[], 300, &["case.zip!0.evtx.gz: at 0x", "case.zip!1.evtx.gz: at 0x"]);
    ran.says(&["a bomb: more than "]);
    let inner = zip(&[("0.evtx", &vec![0; 80 << 20], deflated())]);
    let archive = zip(&[("in.zip", &inner, deflated()), ("a.evtx", &one, deflated())]);
    is_a_defect(&archive, &[], 150, &["case.zip!in.zip!0.evtx: at 0x", "a bomb: more than "]);
}

#[test]
fn members_that_are_stated_to_unpack_to_too_much_together_are_refused() {
    let one = log(1);
    let archive = zip(&[("a.evtx", &one, deflated()), ("b.evtx", &log(2), deflated()), ("c.evtx", b"", stored())]);
    // Deflate64 has no bound of its own that would show the lie.
    let mut archive = archive;
    for (magic, field) in [(b"PK\x01\x02", 10), (b"PK\x03\x04", 8)] {
        let at = find(&archive, magic)[1] + field;
        archive[at] = 9;
    }
    let archive = patch(archive, 1, UNPACKED_SIZE, 1 << 30);
    is_a_defect(&archive, &[], 150, &[&format!("case.zip!b.evtx: {BOMB}"), "case.zip!c.evtx: "]);
}

#[test]
fn links_in_a_tar_file_are_named() {
    let mut tar = tar::Builder::new(Vec::new());
    for (kind, name) in [
        (tar::EntryType::Symlink, "soft.evtx"),
        (tar::EntryType::Link, "hard.evtx"),
        (tar::EntryType::Symlink, "readme.txt"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        tar.append_link(&mut header, name, "../a.evtx").unwrap();
    }
    let ran = connections().file("case.tgz", gzip(&tar.into_inner().unwrap())).file("a.evtx", log(1)).run();
    ran.exits(3)
        .says(&[
            "case.tgz!soft.evtx: a link to ../a.evtx inside the archive: not followed",
            "case.tgz!hard.evtx: a link to ../a.evtx inside the archive: not followed",
        ])
        .does_not_say("readme");
    assert_eq!(rows(&ran), 150);
}

const NO_DIRECTORY: &str = ": its directory is missing: read member by member";

/// The zip file up to its directory.
fn without_directory(zip: &[u8]) -> &[u8] {
    let (_, end) = zip.split_at(zip.len() - 22);
    let start = u32::from_le_bytes(end[16..20].try_into().unwrap());
    &zip[..start.try_into().unwrap()]
}

/// A zip file that is written as a stream, with the sizes behind the members.
pub fn streamed(members: &[(&str, &[u8], FileOptions<'_, '_, ()>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new_stream(Vec::new());
    for (name, bytes, options) in members {
        zip.start_file(*name, *options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_zip_file_without_its_directory_is_read_member_by_member() {
    let (one, two, three) = (log(1), log(2), log(3));
    let inner = zip(&[("c.evtx", &three, deflated())]);
    let members = [
        ("logs/a.evtx", one.as_slice(), deflated()),
        ("readme.txt", b"PK\x03\x04 no log", stored()),
        ("in.zip", &inner, stored()),
        ("b.evtx", &two, stored()),
        ("large.evtx", b"no log", deflated().large_file(true)),
    ];
    for archive in [zip(&members), streamed(&members)] {
        let cut = without_directory(&archive);
        let texts = [&format!("case.zip{NO_DIRECTORY}"), "case.zip!large.evtx: not an event log", "1 not unpacked"];
        is_a_defect(cut, &[], 450, &texts);
        // With part of the directory.
        is_a_defect(&archive[..archive.len() - 30], &[], 450, &texts);
    }
}

#[test]
fn the_member_that_is_cut_off_gives_what_is_whole() {
    let (one, two) = (log(1), log(2));
    for options in [stored(), deflated()] {
        let members = [("a.evtx", one.as_slice(), options), ("b.evtx", &two, options)];
        for archive in [zip(&members), streamed(&members)] {
            let cut = without_directory(&archive);
            let cut = &cut[..cut.len() - cut.len() / 10];
            let case = connections().file("case.zip", cut);
            let ran = case.run();
            ran.exits(3).says(&[&format!("case.zip{NO_DIRECTORY}"), "case.zip!b.evtx: at 0x", "cannot read on: "]);
            assert!((150..300).contains(&rows(&ran)), "{}", ran.stderr());
        }
    }
}

#[test]
fn a_zip_file_without_its_directory_in_another_one_is_read_member_by_member() {
    let (one, two) = (log(1), log(2));
    let inner = zip(&[("a.evtx", &one, deflated()), ("b.evtx", &two, stored()), ("c.tgz", b"", stored())]);
    for options in [stored(), deflated()] {
        let archive = zip(&[("in.zip", without_directory(&inner), options)]);
        let texts = [&format!("case.zip!in.zip{NO_DIRECTORY}"), "case.zip!in.zip!c.tgz: nested too deep"];
        is_a_defect(&archive, &[], 300, &texts);
    }
}

#[test]
fn encrypted_members_are_read_without_a_directory() {
    for aes in [false, true] {
        let archive = encrypted("a.evtx", &log(1), "infected", aes);
        let cut = without_directory(&archive);
        is_a_defect(cut, &["--password", "infected"], 150, &[NO_DIRECTORY]);
        is_a_defect(cut, &[], 0, &["case.zip!a.evtx: encrypted: give its password with --password"]);
    }
}

#[test]
fn a_zip_file_without_its_directory_has_the_same_limits() {
    let one = log(1);
    let large = vec![0; 8 << 20];
    for archive in
        [zip, streamed].map(|make| make(&[("bomb.evtx", large.as_slice(), deflated()), ("a.evtx", &one, deflated())]))
    {
        let texts = ["case.zip!bomb.evtx: 8388608 bytes, which is more than the 1048576 that --max-member-size allows"];
        is_a_defect(without_directory(&archive), &["--max-member-size", "1MiB"], 150, &texts);
    }
    let bomb = gzip_of_zeros(96);
    let archive = zip(&[("a.evtx", &one, deflated()), ("0.evtx.gz", &bomb, deflated())]);
    is_a_defect(without_directory(&archive), &[], 150, &["case.zip!0.evtx.gz: at 0x", "a bomb: more than "]);
    // Headers all the way, each with its end nowhere.
    let header = [b"PK\x03\x04\x14\0\x08\0\x08\0".as_slice(), &[0; 16], b"\x01\0\0\0a"].concat();
    let ran = connections().file("case.zip", header.repeat(200_000)).file("a.evtx", one).run();
    assert_eq!(rows(ran.exits(3)), 150);
}

#[test]
fn chunks_that_are_out_of_place_are_found_in_a_stream_as_in_a_file() {
    // Some 20 chunks, in three blocks.
    let events: Vec<Event> =
        (0..2_000).map(|n| Event::connection().dest(&format!("9.9.{}.{}", n / 250, n % 250)).at(n)).collect();
    let whole = evtx_writer::log(&events);
    assert!(whole.chunks() > 17);
    let headless = whole.0[evtx_writer::HEADER..].to_vec();
    // The last in a block, the first in one, the last but one, and the last of all.
    let losses = [7, 8, 14, whole.chunks() - 1].map(|chunk| {
        let mut log = whole.0.clone();
        log.drain(evtx_writer::offset(chunk) - 8..evtx_writer::offset(chunk));
        log
    });
    let insertions = [7, 8, 15].map(|chunk| {
        let mut log = whole.0.clone();
        log.splice(evtx_writer::offset(chunk)..evtx_writer::offset(chunk), [0xee; 5000]);
        log
    });
    for log in [headless].into_iter().chain(losses).chain(insertions) {
        let plain = connections().file("x.evtx", &log).run();
        let packed = connections().file("x.evtx.gz", gzip(&log)).run();
        assert_eq!(rows(&plain), events.len(), "{}", plain.stderr());
        assert_eq!(packed.report(), plain.report());
        let told = |ran: &Ran| {
            ran.stderr()
                .replace(".gz:", ":")
                .lines()
                .filter(|line| !line.starts_with("time"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&packed), told(&plain));
    }
}

/// Packs the bytes of a file.
type Pack = fn(&[u8]) -> Vec<u8>;

/// The kinds of packed files, by the ends of their names.
const PACKINGS: [(&str, Pack); 4] = [("gz", gzip), ("bz2", bzip2), ("xz", xz), ("zst", zstd)];

#[test]
fn a_log_is_read_out_of_every_kind_of_packed_file_and_archive() {
    let (one, two) = (log(1), log(2));
    let both = tar(&[("a.evtx", &one), ("b/notes.txt", b"no log"), ("b/c.evtx", &two)]);
    for (ending, pack) in PACKINGS {
        reports_as(&format!("log.evtx.{ending}"), &pack(&one), &[&one]);
        reports_as(&format!("log.{ending}"), &pack(&one), &[&one]);
        reports_as(&format!("case.tar.{ending}"), &pack(&both), &[&one, &two]);
        reports_as("case", &pack(&both), &[&one, &two]);
        reports_as("in.zip", &zip(&[("log.evtx.packed", &pack(&one), stored())]), &[&one]);
    }
    reports_as("case.tar", &both, &[&one, &two]);
    reports_as("case", &both, &[&one, &two]);
    reports_as("in.zip", &zip(&[("case.tar", &both, deflated())]), &[&one, &two]);
    let members = [("a.evtx", one.as_slice()), ("notes.txt", b"no log"), ("c.evtx", &two)];
    for name in ["case.7z", "case"] {
        reports_as(name, &seven_z(&members, None), &[&one, &two]);
    }
    let frames = [zstd(&one[..5000]), b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), zstd(&one[5000..])].concat();
    reports_as("frames.zst", &frames, &[&one]);
}

#[test]
fn a_packed_file_that_is_cut_off_or_changed_gives_a_defect_and_what_is_whole() {
    let log = log(1);
    for (ending, pack) in PACKINGS {
        let packed = pack(&log);
        for size in [packed.len() - 1, packed.len() * 3 / 4, packed.len() / 2] {
            let case = connections().file(&format!("log.evtx.{ending}"), &packed[..size]);
            let ran = case.run();
            ran.exits(3).says(&["defects   "]);
            assert!(rows(&ran) <= 150);
        }
        // Every kind has a checksum, which is at the end or near it.
        let mut changed = packed.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 0x10;
        connections().file(&format!("log.evtx.{ending}"), &changed).run().exits(3);
    }
    let archive = seven_z(&[("a.evtx", &log)], None);
    for size in (0..archive.len()).step_by(archive.len() / 20) {
        connections().file("case.7z", &archive[..size]).file("a.evtx", &log).run().exits(3);
    }
}

#[test]
fn a_7z_file_is_opened_with_its_password() {
    let log = log(1);
    let archive = seven_z(&[("a.evtx", &log)], Some("infected"));
    for option in ["--password", "--zip-password"] {
        let ran = connections().args([option, "infected"]).file("case.7z", &archive).run();
        assert_eq!(rows(ran.exits(0)), 150);
    }
    is_a_defect_named("case.7z", &archive, &[], "case.7z: encrypted: give its password with --password");
    is_a_defect_named("case.7z", &archive, &["--password", "wrong"], "--password is not its password");
    let only = connections().args(["--password", "wrong"]).file("case.7z", &archive).run();
    only.exits(3).says(&["found     nothing could be read"]);
}

/// The archive beside a good log: the defect is named, and the report has the good log's rows.
#[track_caller]
fn is_a_defect_named(name: &str, archive: &[u8], args: &[&str], text: &str) {
    let case = connections().args(args.iter().copied()).file(name, archive).file("good.evtx", log(200));
    let ran = case.run();
    ran.exits(3).says(&[text]);
    assert_eq!(rows(&ran), 150);
}

#[test]
fn what_comes_out_of_a_packed_file_is_bounded_whatever_packs_it() {
    let zeros = [log(1), vec![0; 8 << 20]].concat();
    for (ending, pack) in PACKINGS {
        let name = format!("log.evtx.{ending}");
        is_a_defect_named(&name, &pack(&vec![0; 4 << 20]), &["--max-member-size", "1MiB"], "--max-member-size allows");
    }
    let archive = seven_z(&[("a.evtx", &zeros)], None);
    is_a_defect_named("case.7z", &archive, &["--max-member-size", "1MiB"], "--max-member-size allows");
}

#[test]
fn logs_are_known_by_their_first_bytes_in_folders_and_in_archives() {
    let names = ["Sysmon.evtx_data", "Sysmon.evtx.bak", "Sysmon.evtx.1", "file.None.0xffff.Sysmon.evtx.dat", "Sysmon"];
    let case = names.iter().zip(1..).fold(connections(), |case, (name, n)| case.file(&format!("logs/{name}"), log(n)));
    let members: Vec<Vec<u8>> = (10..15).map(log).collect();
    let members: Vec<(&str, &[u8])> = names.iter().copied().zip(members.iter().map(Vec::as_slice)).collect();
    let zipped: Vec<_> = members.iter().map(|&(name, bytes)| (name, bytes, deflated())).collect();
    let case = case.file("logs/notes.txt", "nothing").file("logs/letter", zip(&[("word/a.xml", b"<a/>", deflated())]));
    let ran = case.run();
    ran.exits(0).says(&["searched  5 logs,", "2 other files in the folders"]);
    assert_eq!(rows(&ran), 5 * 150);
    for archive in [tar(&members), zip(&zipped), seven_z(&members, None), gzip(&tar(&members))] {
        let case = connections().file("case", archive);
        assert_eq!(rows(case.run().exits(0)), 5 * 150);
        case.run_on(&["--only-names", "."])
            .exits(1)
            .says(&["no event log found", "files that were not opened because of --only-names: 1"]);
        let by_names = case.run_on(&["--only-names", "case"]);
        assert!(by_names.report().lines().count() <= 1, "{}", by_names.stderr());
    }
}

#[test]
fn what_can_hold_logs_and_is_not_opened_is_named_once() {
    let image = [b"EVF\x09\x0d\x0a\xff\0".as_slice(), &vec![7; 300_000]].concat();
    let says = "case.img: an EnCase image (E01): mount it, or export the logs from it, and give the folder";
    let case = connections().file("case.img", &image).file("good.evtx", log(1));
    for args in [&["."][..], &["case.img", "good.evtx"], &["--quiet", "."]] {
        let ran = case.run_on(args);
        ran.exits(3).says(&[says]);
        assert_eq!(ran.stderr().matches("case.img").count(), 1, "{}", ran.stderr());
    }
    // A raw image has chunks where they lie, and is searched for them where it is given.
    let mut image = [log(1), vec![0; 1 << 20]].concat();
    image.splice(0..512, [&b"\xeb\x52\x90NTFS    "[..], &[0; 499], b"\x55\xaa"].concat());
    let case = connections().file("disk.dd", &image).file("good.evtx", log(1));
    for quiet in [&[][..], &["-q"]] {
        let ran = case.run_on(&[quiet, &["."]].concat());
        ran.exits(3).says(&["disk.dd: a raw disk image: mount it, or export the logs from it, and give the folder"]);
        assert_eq!(rows(&ran), 150);
    }
    assert_eq!(rows(&case.run_on(&["disk.dd"])), 150);
    let archive = zip(&[("disk.vhdx", b"vhdxfile", deflated()), ("a.evtx", &log(1), deflated())]);
    let text = "case.zip!disk.vhdx: not opened: a virtual disk (VHDX): mount it";
    is_a_defect(&archive, &[], 150, &[text]);
    let in_a_tar = tar(&[("x.rar", b"Rar!\x1a\x07\x01\0"), ("a.evtx", &log(1))]);
    let ran = connections().file("case.tar", in_a_tar).run();
    ran.exits(3).says(&["case.tar!x.rar: not opened: a RAR archive: unpack it and give the folder"]);
    assert_eq!(rows(&ran), 150);
}

#[test]
fn an_archive_or_an_image_with_an_event_in_its_first_bytes_is_read() {
    let tag = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'";
    let system = "<System><Provider Name='P'/><EventID>1</EventID><Computer>WS01.corp.example</Computer></System>";
    let (event, part) = (format!("{tag}>{system}</Event>"), format!("{tag}/>"));
    let (first, second) = (log(1), log(2));
    for (name, text) in
        [("a.xml", event), ("notes.txt", format!("# Tool\nIt reads events such as\n{part}\nand others.\n"))]
    {
        let members = [(name, text.as_bytes()), ("b.evtx", &first)];
        let zipped = zip(&members.map(|(name, bytes)| (name, bytes, stored())));
        reports_as("case.zip", &zipped, &[&first]);
        reports_as("case.bin", &zipped, &[&first]);
        reports_as("case.tar", &tar(&members), &[&first]);
        let case = connections().file("case/x.zip", zipped).file("case/good.evtx", &second);
        assert_eq!(rows(case.run_on(&["case"]).exits(0)), 300);
    }
    for start in [&[0; 512][..], b"\xebR\x90NTFS    \0", b"{\0", b"<\0"] {
        let mut image = [start, part.as_bytes()].concat();
        image.resize(4096, 0);
        image.extend_from_slice(&first);
        // That the log is not at its start is a defect.
        let ran = connections().file("case.dd", &image).run_on(&["case.dd"]);
        assert_eq!(rows(ran.exits(3).says(&["the chunks from here on are 4096 bytes behind their places"])), 150);
    }
}

#[test]
fn what_is_no_log_and_has_none_in_it_is_said_in_one_line() {
    let junk = vec![b'x'; 1_000_000];
    for (name, args) in [("notes", "notes"), ("bad.evtx", "."), ("bad.evtx.gz", ".")] {
        let bytes = if name.ends_with(".gz") { gzip(&junk) } else { junk.clone() };
        let case = connections().file(name, bytes).file("good/good.evtx", log(1));
        for hashed in [&[][..], &["--manifest", "m.json", "--force"]] {
            let ran = Ran::new(case.command(&[hashed, &[args, "good"]].concat()));
            ran.exits(3).says(&["defects   1: 1 file header", &format!("{name}: not an event log")]);
            assert_eq!(rows(&ran), 150);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_folder_whose_logs_are_behind_links_says_so() {
    let case = connections().file("logs/a.evtx", log(1)).file("links/notes.txt", "");
    std::os::unix::fs::symlink("../logs/a.evtx", case.path("links/a.evtx")).unwrap();
    case.run_on(&["links"]).exits(1).says(&["symbolic links that only --follow follows: 1"]);
    assert_eq!(rows(case.run_on(&["--follow", "links"]).exits(0)), 150);
}
