//! Members and packed files of which it cannot be read what they are: each is named, since it may be a log.

use zip::unstable::write::FileOptionsExt;

use crate::{
    archive_writer::{bzip2, deflated, gzip, seven_z, stored, tar, xz, zip, zstd},
    archives::{is_a_defect, log, reports_as, rows},
    case::{Case, connections},
};

/// An event as text, which only its content tells.
const EVENT: &str = "{\"SourceName\":\"P\",\"EventID\":3,\"RecordNumber\":1}\n";

fn folder_with(name: &str, bytes: &[u8]) -> Case {
    connections().file(name, bytes).file("good.evtx", log(200))
}

#[test]
fn encrypted_members_that_no_name_tells_are_one_defect() {
    let options = || deflated().with_deprecated_encryption(b"infected").unwrap();
    let (log, export) = (log(1), EVENT.repeat(100));
    let mut members = vec![("a.jpg", &*log, options()), ("empty", b"", options()), ("noname", &*log, options())];
    let one = zip(&members);
    let says = "case.zip!noname: it may be a log, and cannot be read: encrypted: give its password with --password";
    is_a_defect(&one, &[], 0, &[says, "1 not opened"]);
    is_a_defect(&one, &["--password", "wrong"], 0, &["case.zip!noname: it may be a log"]);
    is_a_defect(&one, &["--password", "wrong", "--quiet"], 0, &["case.zip!noname: it may be a log"]);
    let names: Vec<String> = (0..50).map(|n| format!("export{n}.jsonl")).collect();
    members.extend(names.iter().map(|name| (&**name, export.as_bytes(), options())));
    let many = zip(&members);
    let says = "case.zip: 51 members may be logs, and cannot be read: noname (encrypted: give its password with --password), \
                export0.jsonl (";
    is_a_defect(&many, &[], 0, &[says, "), ...", "1 not opened"]);
    // Given alone, or met under a name that says nothing.
    for name in ["case.zip", "case.bin"] {
        connections().file(name, &many).run_on(&[name]).exits(1).says(&["51 members may be logs"]);
        folder_with(name, &many).run().exits(3).says(&["51 members may be logs"]);
    }
    // In another zip file, and where the directory is missing.
    for options in [stored(), deflated()] {
        let outer = zip(&[("in.zip", &many, options)]);
        is_a_defect(&outer, &[], 0, &["case.zip!in.zip: 51 members may be logs", "1 not opened"]);
    }
    let directory = many.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    is_a_defect(&many[..directory], &[], 0, &[" members may be logs, and cannot be read: ", "1 not opened"]);
    let pictures = zip(&[("a.jpg", &log, options()), ("b.exe", &log, options())]);
    folder_with("case.zip", &pictures).run().exits(0);
}

#[test]
fn damaged_members_that_no_name_tells_are_named() {
    let export = EVENT.repeat(1000);
    let good = zip(&[("export.jsonl", export.as_bytes(), deflated())]);
    let data = 30 + "export.jsonl".len();
    let with = |at: usize, bytes: &[u8]| {
        let mut zip = good.clone();
        zip[at..at + bytes.len()].copy_from_slice(bytes);
        zip
    };
    let directory = good.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    for damaged in [with(data, &[0xFF; 8]), with(26, &[0xFF; 2]), with(directory + 10, &[98, 0])] {
        is_a_defect(&damaged, &[], 0, &["export.jsonl: it may be a log, and cannot be read: "]);
    }
}

#[test]
fn packed_files_that_cannot_be_unpacked_are_named_wherever_they_are() {
    let export = EVENT.repeat(1000);
    let export = export.as_bytes();
    for (name, packed) in
        [("a.json.gz", gzip(export)), ("a.json.bz2", bzip2(export)), ("a.json.xz", xz(export)), ("a.zst", zstd(export))]
    {
        let cut = [&packed[..14], &[0xFF; 40]].concat();
        for name in [name, "noname"] {
            let text = format!("{name}: it cannot be unpacked: ");
            folder_with(name, &cut).run().exits(3).says(&[&text, "1 not unpacked"]);
            is_a_defect(&zip(&[(name, &cut, deflated())]), &[], 0, &[&text]);
            folder_with("case.tar", &tar(&[(name, &cut)])).run().exits(3).says(&[&text]);
            connections().file(name, &cut).run_on(&[name]).exits(1).says(&[&text]).does_not_say("neither");
        }
    }
    let ran = folder_with("a.evtx.xz", &[&xz(b"x")[..12], &[0xFF; 40]].concat()).run();
    ran.exits(3).says(&["a.evtx.xz: it cannot be unpacked: "]).does_not_say("empty");
    folder_with("notes", b"BZh is not a magic alone\n").run().exits(0);
}

#[test]
fn a_packed_file_of_an_archive_is_opened_or_named() {
    let one = log(1);
    let zipped = zip(&[("a.evtx", &one, deflated())]);
    reports_as("case.zip.gz", &gzip(&zipped), &[&one]);
    reports_as("a.evtx.gz.gz", &gzip(&gzip(&one)), &[&one]);
    reports_as("a.tar.xz.gz", &gzip(&xz(&tar(&[("a.evtx", &one)]))), &[&one]);
    let seven = gzip(&seven_z(&[("a.evtx", &one)], None));
    folder_with("case.7z.gz", &seven).run().exits(3).says(&["case.7z.gz: a 7z file in an archive is not opened"]);
    for packed in [gzip(&gzip(&one)), gzip(&zipped)] {
        is_a_defect(&zip(&[("b.gz", &packed, stored())]), &[], 0, &["case.zip!b.gz: nested too deep"]);
    }
    folder_with("b.gz", &gzip(&gzip(&gzip(&one)))).run().exits(3).says(&["b.gz: nested too deep"]);
    // Of nothing else is anything said.
    for packed in [gzip(&gzip(b"notes")), gzip(&zip(&[("word/a.xml", b"<a/>", deflated())]))] {
        assert_eq!(rows(folder_with("b.gz", &packed).run().exits(0)), 150);
    }
}

#[test]
fn what_is_named_as_it_is_is_named_when_it_is_packed() {
    let export = br#"[{"group":"x","document":{"data":{"Event":{"System":{"EventID":3}}}}}]"#;
    let text = "a JSON export of events: give the log that it was exported from";
    let packed = gzip(export);
    let says = format!("chainsaw.json.gz: a gzip file of {text}");
    folder_with("chainsaw.json.gz", &packed).run().exits(3).says(&[&says]);
    is_a_defect(&zip(&[("a.gz", &packed, stored())]), &[], 0, &[&format!("case.zip!a.gz: not opened: {text}")]);
}

#[test]
fn sparse_members_of_which_extended_headers_tell_are_named() {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, stored) in [("a.evtx", "GNUSparseFile.1/a.evtx"), ("export.json", "GNUSparseFile.1/export.json")] {
        let extensions = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", name)];
        builder.append_pax_extensions(extensions.map(|(key, value)| (key, value.as_bytes()))).unwrap();
        let content = format!("1\n0\n5\n{:506}x", "");
        let mut header = ::tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, stored, content.as_bytes()).unwrap();
    }
    let ran = folder_with("case.tar", &builder.into_inner().unwrap()).run();
    ran.exits(3).says(&[
        "case.tar!a.evtx: a sparse file in the pax format, which is not read: unpack the tar file",
        "case.tar!export.json: it may be a log, and cannot be read: a sparse file in the pax format",
    ]);
}
