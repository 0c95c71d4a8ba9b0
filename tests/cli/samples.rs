//! Real logs and the reports of an independent parser, where `../shared/samples` is at hand. In CI it has to be.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::case::{NETSIFT, Ran};

/// The samples' folder, or nothing where it is not at hand.
pub fn samples() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    let there = folder.is_dir();
    assert!(there || std::env::var_os("CI").is_none(), "in CI the samples have to be at {}", folder.display());
    there.then_some(folder)
}

/// Groups by their fields, with count, first and last time in units of 100 ns.
type Groups = BTreeMap<Vec<String>, (u64, i128, i128)>;

fn groups(csv: &str) -> Groups {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(header.len(), 22);
    assert_eq!(header[19..], ["count", "firstTime", "lastTime"]);
    let groups: Vec<_> = reader
        .records()
        .map(|row| {
            let row = row.unwrap();
            let key = row.iter().take(19).map(str::to_owned).collect::<Vec<_>>();
            (key, (row[19].parse().unwrap(), ticks(&row[20]), ticks(&row[21])))
        })
        .collect();
    let rows = groups.len();
    let groups: Groups = groups.into_iter().collect();
    assert_eq!(groups.len(), rows, "a group is given twice");
    groups
}

/// The reference writes microseconds without a zone.
fn ticks(time: &str) -> i128 {
    let time: jiff::Timestamp = format!("{}Z", time.trim_end_matches('Z')).parse().unwrap();
    time.as_nanosecond() / 100
}

#[track_caller]
fn agrees(args: &[&str], logs: &str, expected: &str) {
    let Some(samples) = samples() else { return };
    let expected = groups(&fs::read_to_string(samples.join("expected").join(expected)).unwrap());
    for slow in [&[][..], &["--no-prefilter"], &["--threads", "1"]] {
        let mut command = Command::new(NETSIFT);
        command.args(args).args(slow).arg(samples.join(logs));
        let ran = Ran::new(command);
        let actual = groups(ran.exits(0).report());
        assert_eq!(actual.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (key, (count, first, last)) in &expected {
            let (actual_count, actual_first, actual_last) = actual[key];
            assert_eq!(actual_count, *count, "{key:?}");
            // The reference rounds to microseconds by way of floats: 5 µs are 50 ticks.
            assert!((actual_first - first).abs() <= 50 && (actual_last - last).abs() <= 50, "{key:?}");
        }
    }
}

#[test]
fn the_default_detection_agrees_with_the_reference() {
    agrees(&["detect"], "regsvcs", "regsvcs-detect.csv");
}

#[test]
fn splunks_own_exclusions_agree_with_the_reference() {
    agrees(&["detect", "--exclusions", "splunk"], "regsvcs", "regsvcs-detect-splunk.csv");
}

#[test]
fn all_connections_agree_with_the_reference() {
    agrees(&["connections"], "regsvcs", "regsvcs-connections.csv");
    agrees(&["connections"], "sysmon", "sysmon-connections.csv");
}

#[test]
fn other_processes_agree_with_the_reference() {
    let processes = ["detect", "--process", "mshta.exe", "--process", "WMIC.exe", "--process", "powershell.exe"];
    agrees(&processes, "sysmon", "sysmon-detect-mshta-wmic-powershell.csv");
}

/// What each damaged sample shows: the file, the records that are read, those that `--recover` adds, and the defects by
/// kind. That the parser's own tool reads as many records of each was checked by hand.
#[expect(clippy::type_complexity, reason = "a table")]
const DAMAGED: &[(&str, u64, u64, &[(&str, u64)])] = &[
    (
        "2-vss_0-Microsoft-Windows-TerminalServices-RemoteConnectionManager-Operational.evtx",
        1795,
        245,
        &[("chunk data checksum", 2), ("missing", 1), ("record magic", 1), ("record not decoded", 1)],
    ),
    ("Application_no_crc32.evtx", 17, 0, &[]),
    ("issue_201.evtx", 1, 0, &[]),
    ("sample-with-irregular-bool-values.evtx", 3028, 0, &[]),
    ("sample-with-zero-data-size-event.evtx", 449, 0, &[("chunk data checksum", 1), ("record size", 1)]),
    (
        "sample_with_a_bad_chunk_magic.evtx",
        301,
        50,
        &[("chunk data checksum", 3), ("chunk magic", 2), ("missing", 2), ("record magic", 1), ("record size", 3)],
    ),
    ("security_bad_string_cache.evtx", 2261, 0, &[("chunk header checksum", 1)]),
    ("sysmon.evtx", 358, 0, &[("chunk magic", 8)]),
];

/// The one source of a manifest of `netsift connections` over a log.
fn source_of(log: &Path, args: &[&str]) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("manifest.json");
    let mut command = Command::new(NETSIFT);
    command.arg("connections").args(args).arg("--manifest").arg(&manifest).arg(log);
    let ran = Ran::new(command);
    assert!([0, 3].contains(&ran.status()), "{}", ran.stderr());
    let manifest: serde_json::Value = serde_json::from_str(&fs::read_to_string(manifest).unwrap()).unwrap();
    manifest["sources"][0].clone()
}

#[test]
fn damaged_samples_lose_no_more_than_they_must_and_every_loss_is_named() {
    let Some(samples) = samples() else { return };
    for (name, records, recovered, defects) in DAMAGED {
        let log = samples.join("damaged").join(name);
        let defects: BTreeMap<&str, u64> = defects.iter().copied().collect();
        let source = source_of(&log, &["--no-prefilter"]);
        assert_eq!(source["records"]["count"], *records, "{name}");
        assert_eq!(source["defects"], serde_json::json!(defects), "{name}");
        let source = source_of(&log, &["--no-prefilter", "--recover"]);
        assert_eq!(source["records"]["count"], *records, "{name}");
        assert_eq!(source["records"]["recovered"], *recovered, "{name}");
        // Without decoding, damage to the structure is named all the same.
        let structural = |defects: &serde_json::Value| {
            let mut defects = defects.as_object().unwrap().clone();
            defects.remove("record not decoded");
            defects
        };
        let unread = source_of(&log, &[]);
        assert_eq!(structural(&unread["defects"]), structural(&serde_json::json!(defects)), "{name}");
    }
}

#[test]
fn damage_to_one_chunk_costs_what_is_damaged() {
    let Some(samples) = samples() else { return };
    let whole = fs::read(samples.join("sysmon/PanacheSysmon_vs_AtomicRedTeam01.evtx")).unwrap();
    let chunk = 4096 + 8 * 65536;
    let damaged = |damage: &dyn Fn(&mut Vec<u8>)| {
        let mut log = whole.clone();
        damage(&mut log);
        log
    };
    let folder = tempfile::tempdir().unwrap();
    let mut all = 0;
    // The records that are read, of 565, those that come back with --recover, and the defects.
    for (name, log, records, recovered, defects) in [
        ("whole", whole.clone(), 565, 31, vec![]),
        (
            "cut off in the middle of the chunk",
            damaged(&|log| log.truncate(chunk + 30_000)),
            336,
            0,
            vec!["log cut off", "missing", "record size"],
        ),
        (
            "1 KiB of zeros",
            damaged(&|log| log[chunk + 20_000..][..1024].fill(0)),
            564,
            31,
            vec!["chunk data checksum", "record magic", "record size"],
        ),
        (
            "64 bytes flipped",
            damaged(&|log| log[chunk + 20_000..][..64].iter_mut().for_each(|byte| *byte = !*byte)),
            565,
            31,
            vec!["chunk data checksum"],
        ),
        ("no chunk header", damaged(&|log| log[chunk..][..512].fill(0)), 526, 31 + 39, vec!["chunk magic"]),
    ] {
        let path = folder.path().join(format!("{name}.evtx"));
        fs::write(&path, log).unwrap();
        let source = source_of(&path, &["--no-prefilter", "--recover"]);
        assert_eq!(source["records"]["count"], records, "{name}");
        assert_eq!(source["records"]["recovered"], recovered, "{name}");
        assert_eq!(source["defects"].as_object().unwrap().keys().collect::<Vec<_>>(), defects, "{name}");
        all += source_of(&path, &[])["connections"]["hits"].as_u64().unwrap();
    }
    // A folder with all of them in it gives all that is readable.
    let mut command = Command::new(NETSIFT);
    command.arg("connections").arg(folder.path());
    Ran::new(command).exits(3).says(&["searched  5 logs", &format!("found     {all} connections")]);
}
