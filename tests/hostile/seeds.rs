//! Seeds: what the fuzz targets start from, written to `fuzz/corpus/`, which is not committed.

use std::{fs, path::Path};

use crate::{
    archives,
    evtx_writer::{CHUNK, HEADER},
    exporting, fixtures,
};

#[test]
#[ignore = "writes fuzz/corpus/"]
fn seeds() {
    for (number, fixture) in fixtures::all().iter().enumerate() {
        // Mended and as it is, with the detection and with every connection.
        let how = number as u8 % 6;
        write("log", number, &[&[how], used(&fixture.log)].concat());
        for (index, chunk) in fixture.log[HEADER..].chunks(CHUNK).enumerate() {
            write("chunk", number * 100 + index, &[&[how | 1], used(chunk)].concat());
        }
    }
    for (number, (name, archive)) in archives::all().iter().enumerate() {
        let how = ["x.zip", "x.evtx.gz", "x.tar.gz"].iter().position(|known| known == name).unwrap() as u8;
        write("archive", number, &[&[how], &archive[..]].concat());
    }
    write("archive", 100, &[&[3], &archives::tar_file()[..]].concat());
    for (number, (_, export)) in exporting::sound().iter().enumerate() {
        write("exports", number, &[&[number as u8], &export[..]].concat());
    }
    let rules = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sigma/rules")).unwrap();
    for (number, rule) in rules.enumerate() {
        write("rules", number, &fs::read(rule.unwrap().path()).unwrap());
    }
    for (number, list) in [
        "10.0.0.0/8\n",
        "# ours\r\n192.0.2.1 # one\r\n\r\n2001:db8::/32\r\n",
        "\u{feff}::ffff:10.0.0.0/104\nfc00::/7\n::/0\n0.0.0.0/0\n10.1.0.0/16\n10.1.2.3/32\n",
        "10.1.2.3/8\n",
    ]
    .iter()
    .enumerate()
    {
        write("cidr_list", number, list.as_bytes());
    }
}

/// All but the zeros at the end.
fn used(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

fn write(target: &str, number: usize, seed: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
}
