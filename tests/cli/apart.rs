//! Hosts whose logs are in several partial results: their connections in one, what tells of their processes in others. Merged, they give
//! what one scan of all of them gives.

use std::{fs, path::Path};

use crate::{
    case::{Case, Ran, connections, detect},
    context::{Drawn, anyhow, connection, created, ended, guid, query, regsvcs, value},
    evtx_writer::{self, Event},
    fleet::without_checksums,
    samples::samples,
    security::{allowed, security},
};

const OUTPUTS: [&str; 6] = ["--events", "e.csv", "--html", "p.html", "--manifest", "m.json"];

/// The report, the events and the page of a run, which are removed.
#[derive(Debug, PartialEq, Eq)]
struct Written([String; 3]);

fn written(case: &Case, ran: &Ran) -> Written {
    let files = ["e.csv", "p.html", "m.json"].map(|name| {
        let text = fs::read_to_string(case.path(name)).unwrap_or_default();
        drop(fs::remove_file(case.path(name)));
        text
    });
    let [events, page, _] = files;
    // It names the command.
    let page = page.lines().filter(|line| !line.contains("\"arguments\"")).collect();
    Written([ran.report().to_owned(), events, page])
}

/// What one scan of some logs gives by these arguments, and what merging partial results of each part of them does, which are made by
/// `of_parts`, each with another bound on memory or threads. `outputs` are of both.
fn one_and_merged(
    case: &Case,
    args: &[&str],
    of_parts: &[&str],
    outputs: &[&str],
    parts: &[&[&str]],
) -> (Written, Written, Ran) {
    let all: Vec<&str> = parts.concat();
    let one = Ran::new(case.command(&[args, outputs, &all].concat()));
    let one = written(case, &one);
    let slow = [&[][..], &["--max-memory", "64KiB"], &["--threads", "1"]];
    drop(fs::remove_dir_all(case.path("parts")));
    fs::create_dir_all(case.path("parts")).unwrap();
    for ((number, logs), slow) in parts.iter().enumerate().zip(slow.iter().cycle()) {
        let name = format!("parts/{number}.parquet");
        let scanned = Ran::new(case.command(&[of_parts, slow, &["--partial", &name], logs].concat()));
        let beside = Ran::new(case.command(&[args, logs].concat()));
        assert!(scanned.report() == beside.report(), "{slow:?} {logs:?}\n{}", scanned.stderr());
    }
    let format: Vec<&str> = match args.iter().position(|arg| *arg == "--format") {
        Some(at) => args[at..at + 2].to_vec(),
        None => Vec::new(),
    };
    let merged = Ran::new(case.another(&[&["merge"], &*format, outputs, &["parts"]].concat()));
    (one, written(case, &merged), merged)
}

/// The logs of a host: of its connections, of the process behind most of them, and of those above it.
fn logs(host: &str) -> [evtx_writer::Log; 3] {
    let parent = created(&guid(200, 2), r"C:\Windows\powershell.exe", &guid(100, 3), r"C:\Office\winword.exe");
    let other = connection().with("ProcessGuid", value(&guid(250, 9)));
    // One that is known by what it has started.
    let child = created(&guid(260, 8), r"C:\Temp\child.exe", &guid(250, 9), r"C:\Temp\regsvcs.exe");
    let own = [regsvcs(), query("first.example", "8.8.8.8"), ended("01.500"), child];
    let log =
        |events: &[Event]| evtx_writer::log(&events.iter().cloned().map(|event| event.on(host)).collect::<Vec<_>>());
    [log(&[connection(), other]), log(&own), log(&[parent])]
}

#[test]
fn a_process_is_known_by_its_event_in_any_partial_result() {
    let [connections, processes, parents] = logs("WS01");
    let [more, ..] = logs("ws01.");
    let case = detect()
        .log("a/connections.evtx", &connections)
        .log("b/processes.evtx", &processes)
        .log("c/parents.evtx", &parents)
        .log("d/more.evtx", &more)
        .log("e/of_another.evtx", &logs("WS02")[1]);
    let of_each: [&[&str]; 5] = [&["a"], &["b"], &["c"], &["d"], &["e"]];
    let of_two: [&[&str]; 2] = [&["a", "b"], &["c", "d", "e"]];
    for parts in [&of_each[..], &of_two] {
        for (args, outputs) in [
            (&["--context"][..], &OUTPUTS[..]),
            (&["--context", "--format", "jsonl"], &[]),
            (&["--context", "--group-by", "dvc,process_guid"], &OUTPUTS),
        ] {
            let (one, merged, ran) = one_and_merged(&case, args, args, outputs, parts);
            let [report, events, _] = &merged.0;
            assert_eq!(*report, one.0[0], "{args:?} {}", ran.stderr());
            assert_eq!(*events, one.0[1], "{args:?}");
            assert!(merged == one, "the pages differ with {args:?}");
            for told in ["winword.exe > powershell.exe > regsvcs.exe", "first.example", "2024-03-05T14:09:01.5"] {
                assert!(report.contains(told), "{told}:\n{report}");
            }
            ran.exits(0).does_not_say(": processes");
        }
    }
}

#[test]
fn what_is_shown_of_processes_is_that_of_one_scan_whatever_memory_there_is() {
    let [connections, processes, parents] = logs("WS01");
    let case = detect().log("a.evtx", &connections).log("b.evtx", &processes).log("c.evtx", &parents);
    let (one, ..) =
        one_and_merged(&case, &["--context"], &["--context"], &[], &[&["a.evtx"], &["b.evtx"], &["c.evtx"]]);
    for more in [&["--max-memory", "1KiB"][..], &["--max-memory", "64KiB"], &["--threads", "1"]] {
        let merged = Ran::new(case.another(&[&["merge"], more, &["parts"]].concat()));
        assert_eq!(merged.exits(0).report(), one.0[0], "{more:?}");
    }
}

#[test]
fn a_log_in_two_partial_results_tells_the_same_of_processes() {
    let [connections, processes, parents] = logs("WS01");
    let case = detect().log("a.evtx", &connections).log("b.evtx", &processes).log("c.evtx", &parents);
    let (one, ..) =
        one_and_merged(&case, &["--context"], &["--context"], &[], &[&["a.evtx"], &["b.evtx"], &["c.evtx"]]);
    for logs in [&["b.evtx", "c.evtx"][..], &["a.evtx", "b.evtx"], &["a.evtx"], &["c.evtx"]] {
        Ran::new(case.command(&[&["--context", "--force", "--partial", "parts/again.parquet"], logs].concat()))
            .exits(0);
        let merged = Ran::new(case.another(&["merge", "parts"]));
        assert_eq!(merged.exits(0).report(), one.0[0], "{logs:?}");
    }
}

#[test]
fn what_security_auditing_says_of_processes_is_joined_too() {
    let created = |seconds, name: &str| {
        security(4688, 2)
            .with("NewProcessId", "0x10e1")
            .with("NewProcessName", name)
            .with("CommandLine", &*format!("{name} /x"))
            .with("ProcessId", "0x4")
            .at(seconds)
    };
    let exited = security(4689, 0).with("ProcessId", "0x10e1").at(100);
    let case = connections()
        .log("a.evtx", &evtx_writer::log(&[allowed().at(50), allowed().at(150)]))
        .log("b.evtx", &evtx_writer::log(&[created(10, r"C:\a.exe")]))
        .log("c.evtx", &evtx_writer::log(&[exited, created(120, r"C:\b.exe")]));
    let args = ["--context", "--source", "security", "--group-by", "dvc,dest_ip"];
    let (one, merged, ran) = one_and_merged(&case, &args, &args, &[], &[&["a.evtx"], &["b.evtx"], &["c.evtx"]]);
    assert_eq!(merged.0[0], one.0[0], "{}", ran.stderr());
    assert!(one.0[0].contains("/x") && one.0[0].contains("2 processes"), "{}", one.0[0]);
}

#[test]
fn logs_that_are_scanned_apart_in_any_way_give_what_one_scan_gives() {
    for seed in 1..6 {
        let mut drawn = Drawn(seed);
        let mut parts: Vec<Vec<Event>> = vec![Vec::new(); 2 + seed as usize % 3];
        for event in [anyhow(&mut drawn), anyhow(&mut drawn)].concat() {
            let count = u32::try_from(parts.len()).unwrap();
            parts[drawn.below(count) as usize].push(event);
        }
        let names: Vec<String> = (0..parts.len()).map(|number| format!("{number}.evtx")).collect();
        let logs = names.iter().zip(&parts);
        let case = logs.fold(detect(), |case, (name, events)| case.log(name, &evtx_writer::log(events)));
        let parts: Vec<[&str; 1]> = names.iter().map(|name| [&**name]).collect();
        let parts: Vec<&[&str]> = parts.iter().map(|part| &part[..]).collect();
        let args = ["--context", "--group-by", "dvc,process_guid"];
        let (one, merged, ran) = one_and_merged(&case, &args, &args, &OUTPUTS, &parts);
        let is_whole = |row: &str| row.contains(" > ") && row.contains(".example") && row.ends_with(",own");
        assert!(one.0[0].lines().filter(|row| is_whole(row)).count() > 10, "{seed}");
        assert_eq!(merged.0[..2], one.0[..2], "{seed} {}", ran.stderr());
        assert!(merged == one, "the pages differ with {seed}");
        let again = [&args[..], &["--no-prefilter", "--force", "--partial", "parts/0.parquet", "0.evtx"]].concat();
        Ran::new(case.command(&again)).exits(0);
        assert_eq!(Ran::new(case.another(&["merge", "parts"])).report(), one.0[0], "{seed}");
    }
}

#[test]
fn real_logs_of_a_host_that_are_scanned_apart_give_what_one_scan_gives() {
    let Some(samples) = samples() else { return };
    for folder in ["sysmon", "context"] {
        let mut logs: Vec<String> = fs::read_dir(samples.join(folder))
            .unwrap()
            .map(|log| log.unwrap().path().to_str().unwrap().to_owned())
            .filter(|log| Path::new(log).extension().is_some_and(|extension| extension == "evtx"))
            .collect();
        logs.sort();
        let halves = [0, 1].map(|half| logs.iter().map(|log| &**log).skip(half).step_by(2).collect::<Vec<_>>());
        let case = connections();
        let (one, merged, _) =
            one_and_merged(&case, &["--context"], &["--context"], &OUTPUTS, &[&halves[0], &halves[1]]);
        assert_eq!(merged.0[0], one.0[0], "{folder}");
        assert_eq!(merged.0[1], one.0[1], "{folder}");
        assert!(merged == one, "the pages of {folder} differ");
    }
}

#[test]
fn an_address_is_a_hosts_own_by_its_connections_in_any_partial_result() {
    let [came_out, came_in] =
        [("true", "10.1.2.3", "8.8.8.8"), ("false", "10.1.2.3", "9.9.9.9")].map(|(initiated, source, dest)| {
            let event = Event::connection().with("Initiated", initiated).with("SourceIp", source).dest(dest);
            evtx_writer::log(&[event.on("WS01")])
        });
    // The same end is the host's where it is the destination.
    let other_way =
        Event::connection().with("Initiated", "false").with("SourceIp", "9.9.9.9").dest("10.1.2.3").on("ws01");
    let case =
        connections().log("a.evtx", &came_out).log("b.evtx", &came_in).log("c.evtx", &evtx_writer::log(&[other_way]));
    let parts: [&[&str]; 3] = [&["a.evtx"], &["b.evtx"], &["c.evtx"]];
    for args in
        [&["--context"][..], &["--partial-events"], &["--partial-events", "--group-by", "dvc,remote_ip,local_ip"]]
    {
        let of_both: Vec<&str> = args.iter().copied().filter(|arg| *arg != "--partial-events").collect();
        let (one, merged, ran) = one_and_merged(&case, &of_both, args, &OUTPUTS, &parts);
        assert_eq!(merged.0[..2], one.0[..2], "{args:?} {}", ran.stderr());
        assert!(merged == one, "the pages differ with {args:?}");
        assert!(args.len() < 2 || one.0[0].contains("WS01,9.9.9.9,10.1.2.3,1,"), "{}", one.0[0]);
        ran.exits(0).does_not_say("in more than one partial result");
    }
    // Which connections are hits is decided by the scan.
    for args in [&["--judge", "remote", "--exclude-cidr", "9.9.9.0/24"][..], &["--remote", "9.9.9.9"]] {
        let of_parts = [args, &["--partial-events"]].concat();
        let (.., ran) = one_and_merged(&case, args, &of_parts, &[], &parts);
        ran.says(&["WS01 has logs in more than one partial result: own addresses are joined only within each"]);
    }
}

/// A case with partial results of a host's logs in `parts`, and the bytes of the one with its processes.
fn told_apart() -> (Case, Vec<u8>) {
    let [connections, processes, _] = logs("WS01");
    let case = detect().log("a.evtx", &connections).log("b.evtx", &processes);
    fs::create_dir(case.path("parts")).unwrap();
    for name in ["a", "b"] {
        let (partial, log) = (format!("parts/{name}.parquet"), format!("{name}.evtx"));
        Ran::new(case.command(&["--context", "--partial", &partial, &log])).exits(0);
    }
    let bytes = fs::read(case.path("parts/b.parquet")).unwrap();
    (case, bytes)
}

#[test]
fn what_is_wrong_with_what_a_partial_result_says_of_processes_is_named() {
    let (case, sound) = told_apart();
    let find = |text: &[u8]| sound.windows(text.len()).rposition(|bytes| bytes == text).unwrap();
    let hit = "8.8.8.8";
    let packed = find(b"\x1f\x8b\x08");
    for at in (packed..packed + 3).chain((packed + 10..packed + 300).step_by(7)) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x10;
        fs::write(case.path("parts/b.parquet"), damaged).unwrap();
        let merged = Ran::new(case.another(&["merge", "parts"]));
        merged.exits(3).says(&["parts/b.parquet: what it says about processes is wrong: "]);
        assert!(merged.report().contains(hit), "byte {at}");
    }
    let place = |name: &str| find(format!("\"{name}\":").as_bytes()) + name.len() + 3;
    for (name, digit) in [("offset", b'9'), ("offset", b'0'), ("length", b'9'), ("length", b'1'), ("count", b'9')] {
        let mut lying = sound.clone();
        let at = place(name);
        assert_ne!(std::mem::replace(&mut lying[at], digit), digit, "{name}");
        fs::write(case.path("parts/b.parquet"), &lying).unwrap();
        let merged = Ran::new(case.another(&["merge", "parts"]));
        merged.exits(3).says(&["parts/b.parquet: not a partial result: what it says of itself is damaged"]);
        // A forger has the checksums in order.
        fs::write(case.path("parts/b.parquet"), without_checksums(lying)).unwrap();
        let merged = Ran::new(case.another(&["merge", "parts"]));
        merged.exits(3).says(&["parts/b.parquet: what it says about processes is wrong: "]);
        assert!(merged.report().contains(hit), "{name}");
    }
}

#[test]
fn partial_results_of_a_version_that_told_no_more_than_its_own_hits_are_merged_and_what_is_missing_is_said() {
    let (case, mut sound) = told_apart();
    let name = b"process_events";
    let at = sound.windows(name.len()).rposition(|bytes| bytes == name).unwrap();
    sound[at] = b'P';
    fs::write(case.path("parts/b.parquet"), without_checksums(sound)).unwrap();
    let merged = Ran::new(case.another(&["merge", "parts"]));
    merged
        .exits(0)
        .says(&["WS01 has logs in more than one partial result: processes are joined only within each of them"]);
    assert!(merged.report().contains("8.8.8.8") && !merged.report().contains("first.example"));
}
