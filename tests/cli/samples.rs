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
