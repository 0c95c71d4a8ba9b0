//! Archives as the files that they are: their hashes in the manifest, and what becomes of them and of what is in them.

use std::{fs, process::Command};

use serde_json::Value as Json;
use zip::unstable::write::FileOptionsExt;

use crate::{
    archive_writer::{deflated, gzip, stored, tar, zip},
    case::{Case, NETSIFT, Ran, connections, hash_by, slashed},
    evtx_writer::{self, Event},
};

/// A log of one connection to this address.
fn log(address: &str) -> Vec<u8> {
    evtx_writer::log(&[Event::connection().dest(address)]).0
}

/// The manifest of a run over the folder.
fn manifest(case: &Case, args: &[&str]) -> Json {
    let all = [&["--force", "-o", "report.csv", "--manifest", "manifest.json"], args, &["."]].concat();
    let ran = case.run_on(&all);
    assert!([0, 3].contains(&ran.status()), "{}", ran.stderr());
    serde_json::from_str(&fs::read_to_string(case.path("manifest.json")).unwrap()).unwrap()
}

fn verify(case: &Case, args: &[&str]) -> Ran {
    let mut command = Command::new(NETSIFT);
    command.current_dir(case.path(".")).args(["verify", "manifest.json"]).args(args);
    Ran::new(command)
}

/// The archives of a manifest have to be these, with the hashes that other tools find.
#[track_caller]
fn has_archives(case: &Case, manifest: &Json, names: &[&str]) {
    let archives = manifest["archives"].as_array().unwrap();
    let named: Vec<String> = archives.iter().map(|archive| slashed(archive["name"].as_str().unwrap())).collect();
    assert_eq!(named, names);
    for archive in archives {
        let path = case.path(archive["file"].as_str().unwrap());
        assert_eq!(archive["size"], fs::metadata(&path).unwrap().len());
        for (tool, digest) in [("sha256sum", "sha256"), ("sha1sum", "sha1"), ("md5sum", "md5")] {
            if let Some(expected) = hash_by(tool, &path) {
                assert_eq!(archive["digests"][digest], expected, "{archive}");
            }
        }
    }
}

#[test]
fn each_archive_that_was_read_is_in_the_manifest_with_its_hashes() {
    let whole = zip(&[("a.evtx", &log("9.9.9.1"), deflated()), ("b.evtx", &log("9.9.9.2"), stored())]);
    let remains = &whole[..whole.len() - 30];
    let case = connections()
        .file("a/case.zip", &whole)
        .file("b/remains.zip", remains)
        .file("c/case.tgz", gzip(&tar(&[("a.evtx", &log("9.9.9.3")), ("in.zip", &whole)])))
        .file("d/log.evtx.gz", gzip(&log("9.9.9.4")))
        .file("e/log.gz", gzip(&log("9.9.9.5")))
        .file("f/zip.evtx", &whole)
        .file("g/empty.zip", zip(&[]))
        .file("h/notes.zip", zip(&[("readme.txt", b"no log", deflated())]))
        .file("i/text.zip", "no zip file")
        .file("j/text.tgz", "no gzip file")
        .file("messages.gz", gzip(b"left alone"))
        .file("log.evtx", log("9.9.9.6"));
    let names = [
        "./a/case.zip",
        "./b/remains.zip",
        "./c/case.tgz",
        "./d/log.evtx.gz",
        "./e/log.gz",
        "./f/zip.evtx",
        "./g/empty.zip",
        "./h/notes.zip",
        "./i/text.zip",
        "./j/text.tgz",
    ];
    let two = manifest(&case, &["--threads", "2"]);
    has_archives(&case, &two, &names);
    assert_eq!(manifest(&case, &["--threads", "1"])["archives"], two["archives"]);
    let lines = slashed(verify(&case, &[]).exits(0).report());
    assert_eq!(lines.matches(" (archive)\n").count(), names.len(), "{lines}");
    assert!(lines.contains("same     ./d/log.evtx.gz (archive)\nsame     ./d/log.evtx.gz\n"), "{lines}");
    assert!(!lines.contains("./b/remains.zip\n"), "the defects of an archive are no log: {lines}");
    assert!(lines.contains("same     ./log.evtx\n") && !lines.contains("messages"), "{lines}");
}

#[test]
fn a_manifest_without_archives_has_none() {
    assert_eq!(manifest(&connections().file("log.evtx", log("9.9.9.1")), &[])["archives"], serde_json::json!([]));
}

#[test]
fn a_gzip_file_is_hashed_to_its_end_wherever_its_reader_stops() {
    let (packed, garbage) = (gzip(&log("9.9.9.1")), b"behind it".repeat(100_000));
    let case = connections()
        .file("behind.evtx.gz", [packed.as_slice(), &garbage].concat())
        .file("broken.evtx.gz", [&packed[..20], garbage.as_slice()].concat())
        .file("large.evtx.gz", [gzip(&vec![7; 4 << 20]).as_slice(), &garbage].concat())
        .file("none.tgz", [b"\x1f\x8b\x08\xff".as_slice(), &garbage].concat())
        .file("zeros.evtx.gz", [packed.as_slice(), &[0; 600_000]].concat());
    let manifest = manifest(&case, &["--max-member-size", "1MiB"]);
    let names = ["./behind.evtx.gz", "./broken.evtx.gz", "./large.evtx.gz", "./none.tgz", "./zeros.evtx.gz"];
    has_archives(&case, &manifest, &names);
    assert_eq!(manifest["sources"][2]["digests"], Json::Null, "{manifest}");
    // What could not be unpacked is the same if its archive is.
    assert!(verify(&case, &[]).exits(0).report().lines().all(|line| line.starts_with("same ")));
}

#[cfg(unix)]
#[test]
fn archives_with_names_that_are_no_text_are_found_again() {
    use std::os::unix::ffi::OsStrExt;
    let case = connections().file("log.evtx", log("9.9.9.1"));
    let path = case.path(".").join(std::ffi::OsStr::from_bytes(b"x\xff.zip"));
    fs::write(&path, zip(&[("a.evtx", &log("9.9.9.2"), stored())])).unwrap();
    assert_eq!(manifest(&case, &[])["archives"][0]["file_hex"], "2e2f78ff2e7a6970");
    verify(&case, &[]).exits(0).reports(&[
        "same     ./log.evtx",
        r"same     ./x\xff.zip (archive)",
        r"same     ./x\xff.zip!a.evtx",
    ]);
    fs::remove_file(path).unwrap();
    verify(&case, &[]).exits(3).says(&[]).reports(&[
        "same     ./log.evtx",
        r"missing  ./x\xff.zip (archive)",
        r"missing  ./x\xff.zip!a.evtx",
    ]);
}

#[test]
fn verify_tells_which_members_of_a_changed_archive_are_new_changed_or_gone() {
    let (one, two, three) = (log("9.9.9.1"), log("9.9.9.2"), log("9.9.9.3"));
    let before = zip(&[("a.evtx", &one, deflated()), ("b.evtx", &two, deflated()), ("c.evtx", &three, stored())]);
    let after = zip(&[
        ("a.evtx", &one, stored()),
        ("b.evtx", &three, deflated()),
        ("d.evtx", &two, deflated()),
        ("readme.txt", b"no log", stored()),
        ("in.zip", &zip(&[("e.evtx", &one, stored())]), deflated()),
    ]);
    let case = connections()
        .file("case.zip", before)
        .file("empty.zip", zip(&[]))
        .file("log.evtx.gz", gzip(&one))
        .file("log.evtx", &one);
    let old = manifest(&case, &[]);
    assert_eq!(old["archives"].as_array().unwrap().len(), 3);
    verify(&case, &[]).exits(0).reports(&[
        "same     ./case.zip (archive)",
        "same     ./case.zip!a.evtx",
        "same     ./case.zip!b.evtx",
        "same     ./case.zip!c.evtx",
        "same     ./empty.zip (archive)",
        "same     ./log.evtx",
        "same     ./log.evtx.gz (archive)",
        "same     ./log.evtx.gz",
    ]);
    fs::write(case.path("case.zip"), after).unwrap();
    fs::write(case.path("empty.zip"), zip(&[("f.evtx", &one, stored())])).unwrap();
    // Packed another way, and a new log in a folder, which is not looked for.
    fs::write(case.path("log.evtx.gz"), [gzip(&one[..5000]), gzip(&one[5000..])].concat()).unwrap();
    fs::write(case.path("new.evtx"), &one).unwrap();
    let members = [
        "same     ./case.zip!a.evtx",
        "changed  ./case.zip!b.evtx",
        "missing  ./case.zip!c.evtx",
        "new      ./case.zip!d.evtx",
        "new      ./case.zip!in.zip!e.evtx",
    ];
    for threads in ["1", "3"] {
        let mut lines = vec!["changed  ./case.zip (archive)"];
        lines.extend(members);
        lines.extend(["changed  ./empty.zip (archive)", "new      ./empty.zip!f.evtx", "same     ./log.evtx"]);
        lines.extend(["changed  ./log.evtx.gz (archive)", "same     ./log.evtx.gz"]);
        verify(&case, &["--threads", threads]).exits(3).reports(&lines);
    }
    // As before there were archives in manifests.
    let mut older = old.clone();
    older.as_object_mut().unwrap().remove("archives");
    fs::write(case.path("manifest.json"), older.to_string()).unwrap();
    let mut lines = members.to_vec();
    lines.extend(["same     ./log.evtx", "same     ./log.evtx.gz"]);
    verify(&case, &[]).exits(3).reports(&lines);
    // And with one that could not be hashed.
    let mut unknown = old;
    unknown["archives"][0]["digests"] = Json::Null;
    fs::write(case.path("manifest.json"), unknown.to_string()).unwrap();
    let ran = verify(&case, &[]);
    assert!(slashed(ran.exits(3).report()).starts_with("unknown  ./case.zip (archive)\nsame     ./case.zip!a.evtx\n"));
    assert!(slashed(ran.report()).contains("new      ./case.zip!d.evtx\n"), "{}", ran.report());
}

#[test]
fn a_manifest_from_before_there_were_archives_in_them_is_verified() {
    let case = connections().file("case.zip", zip(&[("a.evtx", &log("9.9.9.1"), deflated())]));
    let mut older = manifest(&case, &[]);
    older.as_object_mut().unwrap().remove("archives");
    fs::write(case.path("manifest.json"), older.to_string()).unwrap();
    verify(&case, &[]).exits(0).reports(&["same     ./case.zip!a.evtx"]);
}

#[test]
fn what_is_in_an_archive_that_is_the_same_needs_no_password() {
    let options = deflated().with_deprecated_encryption(b"infected").unwrap();
    let case = connections().file("case.zip", zip(&[("a.evtx", &log("9.9.9.1"), options)]));
    let mut manifest = manifest(&case, &["--zip-password", "infected"]);
    verify(&case, &[]).exits(0).reports(&["same     ./case.zip (archive)", "same     ./case.zip!a.evtx"]);
    manifest["archives"][0]["digests"]["md5"] = "0".repeat(32).into();
    fs::write(case.path("manifest.json"), manifest.to_string()).unwrap();
    verify(&case, &[]).exits(3).reports(&["changed  ./case.zip (archive)", "missing  ./case.zip!a.evtx"]);
    let with_password = ["changed  ./case.zip (archive)", "same     ./case.zip!a.evtx"];
    verify(&case, &["--zip-password", "infected"]).exits(3).reports(&with_password);
}

#[test]
fn an_archive_that_was_replaced_by_something_else_has_changed() {
    let case =
        connections().file("case", zip(&[("a.evtx", &log("9.9.9.1"), deflated())])).file("b.evtx", log("9.9.9.2"));
    let ran = case.run_on(&["-o", "report.csv", "--manifest", "manifest.json", "case", "b.evtx"]);
    ran.exits(0);
    fs::write(case.path("case"), log("9.9.9.1")).unwrap();
    verify(&case, &[]).exits(3).reports(&["same     b.evtx", "changed  case (archive)", "missing  case!a.evtx"]);
    fs::remove_file(case.path("case")).unwrap();
    fs::create_dir(case.path("case")).unwrap();
    // What is in the folder was not in the archive.
    fs::write(case.path("case/new.zip"), zip(&[("a.evtx", &log("9.9.9.1"), deflated())])).unwrap();
    verify(&case, &[]).exits(3).reports(&["same     b.evtx", "missing  case (archive)", "missing  case!a.evtx"]);
}

#[test]
fn logs_that_have_become_one_file_are_still_verified_each() {
    let case =
        connections().file("a.evtx", log("9.9.9.1")).file("b.evtx", log("9.9.9.1")).file("c.evtx", log("9.9.9.2"));
    manifest(&case, &[]);
    // As tools that save space do it.
    for name in ["b.evtx", "c.evtx"] {
        fs::remove_file(case.path(name)).unwrap();
        fs::hard_link(case.path("a.evtx"), case.path(name)).unwrap();
    }
    verify(&case, &[]).exits(3).reports(&["same     ./a.evtx", "same     ./b.evtx", "changed  ./c.evtx"]);
}
