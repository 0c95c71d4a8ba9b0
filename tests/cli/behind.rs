//! What is behind the end of an archive, or beside what its directory lists: read if it is more of the archive, and a defect otherwise.

use zip::write::FileOptions;

use crate::{
    archive_writer::{bzip2, deflated, gzip, seven_z, stored, tar, xz, zip, zstd},
    archives::{HEADER_OFFSET, UNPACKED_SIZE, is_a_defect, log, patch, reports_as, rows, streamed},
    case::{Case, connections},
};

type Pack = fn(&[u8]) -> Vec<u8>;

/// How a tar file or a log can be packed, with the ends of their names.
const PACKINGS: [(&str, &str, Pack); 4] = [
    ("case.tgz", "log.evtx.gz", gzip),
    ("case.tbz", "log.evtx.bz2", bzip2),
    ("case.txz", "log.evtx.xz", xz),
    ("case.tzst", "log.evtx.zst", zstd),
];

/// Bytes that are nothing, as they are behind an archive that was overwritten by a shorter one.
const SOMETHING: &[u8] = b"something else";

/// A case with one archive and a good log, of which the rows are counted.
fn beside_a_good_log(name: &str, archive: &[u8]) -> Case {
    connections().file(name, archive).file("good.evtx", log(200))
}

#[test]
fn tar_files_that_are_joined_are_all_read() {
    let logs = [log(1), log(2), log(3)];
    let tars = [0, 1, 2].map(|n: usize| tar(&[("Sysmon.evtx", &logs[n])]));
    let logs = [logs[0].as_slice(), &logs[1], &logs[2]];
    reports_as("case.tar", &tars.concat(), &logs).says(&["searched  3 logs,"]);
    for (name, _, pack) in PACKINGS {
        reports_as(name, &pack(&tars.concat()), &logs);
        reports_as(name, &tars.clone().map(|tar| pack(&tar)).concat(), &logs);
    }
    let inner = zip(&[("case.tar", &tars.concat(), stored()), ("case.tgz", &gzip(&tars.concat()), deflated())]);
    reports_as("case.zip", &inner, &[logs, logs].concat());
    // Whatever padding is between them: none, or more than the two blocks of zeros that end each.
    for padding in [0, 1024, 1025, 1535, 10_240, 100_001] {
        let padded = |tar: &[u8]| [&tar[..tar.len() - 1024], &vec![0; padding]].concat();
        reports_as("case.tar", &tars.each_ref().map(|tar| padded(tar)).concat(), &logs);
    }
}

#[test]
fn what_is_behind_a_tar_file_and_is_not_one_is_a_defect() {
    let (whole, log) = (tar(&[("a.evtx", &log(1))]), gzip(&log(2)));
    for behind in [b"x".as_slice(), SOMETHING, &vec![7; 512], &vec![7; 70_000], &log] {
        let joined = [whole.as_slice(), behind].concat();
        let noun = if behind.len() == 1 { "byte" } else { "bytes" };
        let said = format!(" {noun} behind its end, which are not a tar file, are not read");
        for (name, archive) in [("case.tar", joined.clone()), ("case.tgz", gzip(&joined))] {
            let ran = beside_a_good_log(name, &archive).run();
            ran.exits(3).says(&[&said, "1 not unpacked"]);
            assert_eq!(rows(&ran), 300, "{}", ran.stderr());
        }
    }
    // The header of the second one is damaged.
    let mut damaged = whole.repeat(2);
    damaged[whole.len()] ^= 1;
    beside_a_good_log("case.tar", &damaged).run().exits(3).says(&["which are not a tar file, are not read"]);
}

#[test]
fn zeros_behind_an_archive_are_padding() {
    let one = log(1);
    let tar = tar(&[("a.evtx", &one)]);
    for zeros in [4, 512, 100_000] {
        let padded = |archive: &[u8]| [archive, &vec![0; zeros]].concat();
        for (of_tar, of_log, pack) in PACKINGS {
            reports_as(of_tar, &padded(&pack(&tar)), &[&one]);
            reports_as(of_log, &padded(&pack(&one)), &[&one]);
            // Also inside of another archive.
            reports_as("case.zip", &zip(&[(of_log, &padded(&pack(&one)), stored())]), &[&one]);
        }
        reports_as("case.tar", &padded(&tar), &[&one]);
        reports_as("case.7z", &padded(&seven_z(&[("a.evtx", &one)], None)), &[&one]);
    }
    let archive = zip(&[("a.evtx", &one, deflated())]);
    reports_as("case.zip", &[archive.as_slice(), &[0; 512]].concat(), &[&one]);
}

#[test]
fn what_is_behind_a_packed_file_and_its_padding_is_a_defect() {
    for (_, name, pack) in PACKINGS {
        for zeros in [0, 8] {
            let behind = [pack(&log(1)).as_slice(), &vec![0; zeros], SOMETHING].concat();
            let ran = beside_a_good_log(name, &behind).run();
            ran.exits(3).says(&["cannot read on: "]).does_not_say("BadMagicNumber");
            assert!(rows(&ran) >= 150, "{}", ran.stderr());
        }
    }
}

#[test]
fn what_is_behind_a_7z_file_is_a_defect() {
    let archive = seven_z(&[("a.evtx", &log(1))], None);
    for behind in [SOMETHING, &archive] {
        let (size, at) = (behind.len(), archive.len());
        let said = format!("case.7z: {size} bytes behind its end, from {at:#x} on, are not read");
        let ran = beside_a_good_log("case.7z", &[archive.as_slice(), behind].concat()).run();
        assert_eq!(rows(ran.exits(3).says(&[&said])), 300);
    }
}

#[test]
fn what_is_behind_a_zip_file_is_a_defect() {
    let archive = zip(&[("a.evtx", &log(1), deflated())]);
    for behind in [SOMETHING, &gzip(&log(2)), &seven_z(&[("b.evtx", &log(2))], None)] {
        let (size, at) = (behind.len(), archive.len());
        let said = format!("case.zip: {size} bytes behind its end, from {at:#x} on, are not read");
        is_a_defect(&[archive.as_slice(), behind].concat(), &[], 150, &[&said]);
    }
}

const READ: &str = " bytes that the directory does not list hold members: read member by member";

#[test]
fn zip_files_that_are_joined_are_all_read_with_a_defect() {
    let [one, two, three] = [1, 2, 3].map(|n| zip(&[("Sysmon.evtx", &log(n), deflated()), ("n.txt", b"n", stored())]));
    let said = format!("case.zip!(unlisted): {}{READ}", one.len());
    is_a_defect(&[one.as_slice(), &two].concat(), &[], 300, &[&said, "1 not unpacked"]);
    let said = format!("case.zip!(unlisted): {}{READ}", one.len() + two.len());
    is_a_defect(&[one.as_slice(), &two, &three].concat(), &[], 450, &[&said]);
    let empty = zip(&[]);
    is_a_defect(&[one.as_slice(), &empty].concat(), &[], 150, &[READ]);
    is_a_defect(&[&empty, one.as_slice(), &two].concat(), &[], 300, &[READ]);
    // In another one, read in place or in memory.
    for options in [stored(), deflated()] {
        let outer = zip(&[("in.zip", &[one.as_slice(), &two].concat(), options)]);
        is_a_defect(&outer, &[], 300, &["case.zip!in.zip!(unlisted): ", READ]);
    }
}

#[test]
fn members_that_the_directory_leaves_out_are_read_with_a_defect() {
    let members = [("a.evtx", log(1)), ("b.evtx", log(2)), ("c.evtx", log(3))];
    let members = members.each_ref().map(|(name, log)| (*name, log.as_slice(), deflated()));
    for archive in [zip(&members), streamed(&members)] {
        // The entry of the second one says where the first one is, and both are refused, since they overlap.
        is_a_defect(&patch(archive, 1, HEADER_OFFSET, 0), &[], 450, &["!(unlisted): ", READ]);
    }
}

/// A member's local header has an extra field of so many zeros.
fn aligned(to: u16) -> FileOptions<'static, 'static, ()> {
    stored().with_alignment(to)
}

#[test]
fn what_is_normal_beside_the_members_of_a_zip_file_is_no_defect() {
    let (one, two) = (log(1), log(2));
    let inner = zip(&[("c.evtx", &one, stored())]);
    let members = [
        ("a.evtx", one.as_slice(), deflated()),
        ("b.evtx", &two, deflated().large_file(true)),
        ("notes", b"PK\x03\x04", stored()),
    ];
    let aligned = zip(&[("in.zip", &inner, aligned(4096)), ("b.evtx", &two, aligned(16_384))]);
    for archive in [zip(&members), streamed(&members), aligned] {
        reports_as("case.zip", &archive, &[&one, &two]);
        // The program of an archive that unpacks itself, and a comment.
        let program = [b"MZ".as_slice(), &vec![7; 100_000], b"PK\x03\x04", &[0; 1000]].concat();
        let mut commented = [program.as_slice(), &archive].concat();
        let end = commented.len() - 2;
        commented[end..].copy_from_slice(&14_u16.to_le_bytes());
        reports_as("case.zip", &[commented.as_slice(), SOMETHING].concat(), &[&one, &two]);
    }
    let false_size = patch(zip(&members), 0, UNPACKED_SIZE, 0xf000_0000);
    is_a_defect(&false_size, &[], 150, &["a false size"]).does_not_say("(unlisted)");
}
