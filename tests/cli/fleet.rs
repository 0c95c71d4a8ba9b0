//! Partial results and how they are merged: the same report as of one scan, each log once, and what cannot be merged is named.

use std::{fs, path::MAIN_SEPARATOR};

use crate::{
    archive_writer,
    case::{Case, NOT_FOUND, Ran, connections, detect, names_in, slashed},
    evtx_writer::{self, CHUNK, Event, HEADER, Log, Value},
    exports::{FORMS, export},
    samples,
};

/// A Sigma rule.
const RULE: &str = "title: One\nid: 1\nlevel: high\nlogsource: {category: network_connection, product: windows}\n\
                    detection: {s: {DestinationIp: 1.1.1.1}, condition: s}\n";

/// A log of a host with a few connections, some of them like those of every other host.
fn log(host: u64) -> Log {
    log_up_to(40, host)
}

/// The same with so many connections.
fn log_up_to(count: u64, host: u64) -> Log {
    let events: Vec<Event> = (0..count)
        .map(|n| {
            let dest = if n % 4 == 0 { "1.1.1.1".to_owned() } else { format!("9.9.{host}.{n}") };
            Event::connection().on(&format!("WS{host:02}")).dest(&dest).at(host * 1000 + n)
        })
        .collect();
    evtx_writer::log(&events)
}

/// A case with logs of three hosts, and a partial result of each.
fn three(more: &[&str]) -> Case {
    let case = (1..=3).fold(detect(), |case, host| case.log(&format!("logs/{host}.evtx"), &log(host)));
    for host in 1..=3 {
        partial(&case, &format!("{host}.parquet"), more, &format!("logs/{host}.evtx"));
    }
    case
}

fn partial(case: &Case, name: &str, more: &[&str], path: &str) -> Ran {
    let name = format!("parts/{name}");
    fs::create_dir_all(case.path("parts")).unwrap();
    Ran::new(case.command(&[&["--partial", &name], more, &[&native(path)]].concat()))
}

/// A path as this system writes it: what is found below it is named so.
fn native(path: &str) -> String {
    path.replace('/', std::path::MAIN_SEPARATOR_STR)
}

fn merge(case: &Case, args: &[&str]) -> Ran {
    Ran::new(case.another(&[&["merge"], args].concat()))
}

/// The summary without its time, and without what only merging says.
fn told(ran: &Ran) -> Vec<String> {
    let of_both = |line: &&str| {
        !line.starts_with("time") && !line.starts_with("merged") && !line.contains(" in more than one partial result: ")
    };
    ran.stderr().lines().filter(of_both).map(str::to_owned).collect()
}

#[test]
fn merged_partials_give_the_report_and_the_summary_of_one_scan() {
    for more in [&[][..], &["--group-by", "dest,dest_port,process_id"], &["--exclude-cidr", "1.1.1.1"], &["--recover"]]
    {
        let case = three(more);
        let one = Ran::new(case.command(&[more, &["logs"]].concat()));
        let merged = merge(&case, &["parts"]);
        assert_eq!(merged.report(), one.report());
        assert!(one.report().lines().count() > 30);
        assert_eq!(told(&merged), told(&one));
        merged.exits(0).says(&["merged    3 partial results"]);
        for threads in ["1", "2", "5"] {
            let again = merge(&case, &["--threads", threads, "parts"]);
            assert_eq!((again.report(), told(&again)), (merged.report(), told(&merged)));
        }
    }
}

#[test]
fn a_partial_changes_nothing_of_the_report_that_is_written_with_it() {
    let case = three(&[]);
    let alone = case.run_on(&["logs"]);
    let with = Ran::new(case.command(&["--partial", "all.parquet", "logs"]));
    assert_eq!(with.report(), alone.report());
    assert_eq!(merge(&case, &["all.parquet"]).report(), alone.report());
    let again = Ran::new(case.command(&["--partial", "again.parquet", "--threads", "1", "logs"]));
    again.exits(0);
    assert!(fs::read(case.path("all.parquet")).unwrap() == fs::read(case.path("again.parquet")).unwrap());
}

/// What partial results are grouped by unless told otherwise.
const ALL: &str = "action,app,dest,dest_ip,dest_port,direction,dvc,protocol,protocol_version,src,src_ip,src_port,\
                   transport,user,vendor_product,process_name,process_exec,process_guid,process_id";

#[cfg(unix)]
#[test]
fn a_merge_advises_nothing_that_it_does_not_take() {
    let skewed = Event::connection().with("UtcTime", "2024-03-04 12:00:00.500");
    let security = Event {
        provider: "Microsoft-Windows-Security-Auditing".to_owned(),
        channel: "Security".to_owned(),
        ..Event::sysmon(5156, 0)
    };
    let inbound =
        Event::connection().dest("10.0.0.1").with("SourceIp", "9.9.9.9").with("Initiated", Value::Bool(false));
    let case = detect().events(&[skewed, security, inbound]).file("logs/x", "");
    fs::rename(case.path("log.evtx"), case.path("logs/log.evtx")).unwrap();
    std::os::unix::fs::symlink("../log.evtx", case.path("logs/link.evtx")).unwrap();
    let advised = ["--follow does", "--clock utc takes", "--judge remote judges"];
    let said = partial(&case, "1.parquet", &[], "logs");
    said.exits(0).says(&advised);
    let merged = merge(&case, &["parts"]);
    merged.exits(0).says(&advised.map(|option| format!("a scan with {option}")).each_ref().map(String::as_str));
    partial(&case, "1.parquet", &["--force", "--process", "regsvcs.exe", "--host", "NOSUCH"], "logs");
    for quiet in [&[][..], &["-q"]] {
        merge(&case, &[quiet, &["parts"]].concat())
            .exits(0)
            .says(&["; a scan with --source security or --source all reads"]);
    }
}

#[test]
fn rules_and_other_formats_are_merged_too() {
    let case = three(&[]).file("rule.yml", RULE);
    for host in 1..=3 {
        partial(&case, &format!("r{host}.parquet"), &["--rules", "rule.yml"], &format!("logs/{host}.evtx")).exits(0);
    }
    let parts = ["parts/r1.parquet", "parts/r2.parquet", "parts/r3.parquet"];
    for format in ["csv", "jsonl", "table"] {
        // A table of one scan groups by less than partial results have.
        let fields = if format == "table" { ALL } else { "" };
        let group_by = if fields.is_empty() { vec![] } else { vec!["--group-by", fields] };
        let scan = [&["--rules", "rule.yml", "--format", format][..], &group_by, &["logs"]].concat();
        let one = Ran::new(case.command(&scan));
        let merged = merge(&case, &[&["--format", format][..], &parts].concat());
        assert!(merged.report().contains("One") && merged.report() == one.report(), "{}", merged.report());
    }
}

/// What a run writes besides the report.
fn written(case: &Case, run: impl FnOnce(&[&str]) -> Ran) -> (Ran, String, String) {
    let ran = run(&["--html", "page.html", "--events", "events.csv", "--force"]);
    let read = |name| case.read(name);
    (ran, read("page.html"), read("events.csv"))
}

#[test]
fn partials_with_events_give_the_page_and_the_events_of_one_scan_too() {
    let sigma = |title: &str, port: &str| {
        format!(
            "title: {title}\nid: {title}\nlevel: high\nlogsource: {{category: network_connection, product: windows}}\n\
             detection: {{s: {{DestinationPort: {port}}}, condition: s}}\n"
        )
    };
    let rules = ["--rules", "one.yml", "--rules", "two.yml"];
    for more in [&[][..], &rules, &["--group-by", "dest,dvc", "--since", "2019-01-01"], &["--recover"], &["--dedup"]] {
        let case = detect().file("one.yml", sigma("One", "443")).file("two.yml", sigma("Two", "[443, 80]"));
        // The third is of the same host as the second, and goes on where that ends.
        let logs = [log(1), log(2), log_up_to(60, 2), log(3).without_chunk_magic(0), log(4).with_stale_records(0, 20)];
        let case = (0..).zip(&logs).fold(case, |case, (number, log)| case.log(&format!("logs/{number}.evtx"), log));
        let parts: Vec<&str> = [more, &["--partial-events"]].concat();
        for number in 0..logs.len() {
            partial(&case, &format!("{number}.parquet"), &parts, &format!("logs/{number}.evtx"));
        }
        let (one, page, events) = written(&case, |outputs| {
            Ran::new(case.command(&[more, outputs, &["--manifest", "case.json", "logs"]].concat()))
        });
        let (merged, merged_page, merged_events) =
            written(&case, |outputs| merge(&case, &[outputs, &["parts"]].concat()));
        assert_eq!(merged.report(), one.report(), "{more:?}");
        assert!(one.report().lines().count() > 30);
        assert_eq!(told(&merged), told(&one), "{more:?}");
        assert_eq!(merged_events, events, "{more:?}");
        assert!(merged_page == page, "the pages differ with {more:?}");
        let (alone, alone_page, alone_events) =
            written(&case, |outputs| merge(&case, &[outputs, &["--threads", "1", "parts"]].concat()));
        assert!((alone.report(), &alone_page, &alone_events) == (one.report(), &page, &events), "{more:?}");
        merged.exits(3);
        assert_eq!(more.contains(&"--dedup"), merged.stderr().contains("40 hits dropped that are copies"), "{more:?}");
    }
}

/// A connection that came in to a host.
fn inbound(host: &str, from: &str, to: &str) -> Event {
    Event::connection().on(host).with("Initiated", Value::Bool(false)).with("SourceIp", from).dest(to)
}

/// What only a look for the addresses of hosts decodes is needed of hosts that something came in to.
#[test]
fn a_host_has_the_defects_that_it_has_alone() {
    let damaged = |host: &str| {
        let other = || Event::connection().on(host).image(r"C:\other.exe");
        evtx_writer::log(&[other(), other().with("ProcessId", Value::Any(8, vec![]))])
    };
    let case = detect()
        .log("logs/1/in.evtx", &evtx_writer::log(&[inbound("WS01", "198.41.0.4", "203.0.114.7")]))
        .log("logs/2/other.evtx", &damaged("WS02"));
    for status in [0, 3] {
        if status == 3 {
            fs::write(case.path("logs/1/other.evtx"), damaged("WS01").0).unwrap();
        }
        for (host, status) in [("1", status), ("2", 0)] {
            partial(&case, host, &["--partial-events", "--force"], &format!("logs/{host}")).exits(status);
        }
        let one = Ran::new(case.command(&["--html", "one.html", "--manifest", "one.json", "--force", "logs"]));
        let merged = merge(&case, &["--html", "merged.html", "--force", "parts"]);
        assert_eq!((merged.exits(status).report(), told(&merged)), (one.exits(status).report(), told(&one)));
        assert!(case.read("merged.html") == case.read("one.html"), "the pages differ");
        merged.does_not_say("logs/2/other.evtx");
    }
}

#[test]
fn sentences_of_events_are_those_of_one_scan_whatever_else_is_written() {
    let other = Event::connection().on("WS01").with("SourceIp", "10.0.0.5").image(r"C:\other.exe");
    let case = detect()
        .log("logs/in.evtx", &evtx_writer::log(&[inbound("WS01", "10.0.0.5", "9.1.2.2").with("SourceHostname", "-")]))
        .log("logs/other.evtx", &evtx_writer::log(&[other]));
    for (format, more) in ["timesketch", "ecs"]
        .into_iter()
        .flat_map(|format| [&[][..], &["--group-by", "dvc"]].map(|more| (format, more)))
    {
        partial(&case, "1", &[&["--partial-events", "--force"], more].concat(), "logs").exits(0);
        let events = ["--events", "events.jsonl", "--events-format", format, "--force"];
        Ran::new(case.command(&[&events, more, &["logs"]].concat())).exits(0);
        let alone = case.read("events.jsonl");
        assert!(alone.contains("was connected to from 9.1.2.2 "), "{alone}");
        Ran::new(case.command(&[&events, more, &["--html", "page.html", "logs"]].concat())).exits(0);
        assert_eq!(case.read("events.jsonl"), alone, "with a page and {more:?}");
        merge(&case, &[&events[..], &["parts"]].concat()).exits(0);
        assert_eq!(case.read("events.jsonl"), alone, "merged with {more:?}");
    }
}

#[test]
fn with_context_the_page_and_the_options_are_those_of_one_scan() {
    let case = three(&["--context"]);
    let outputs = |page, manifest| ["--html", page, "--manifest", manifest];
    let one = Ran::new(case.command(&[&["--context"][..], &outputs("one.html", "one.json"), &["logs"]].concat()));
    let merged = merge(&case, &[&outputs("merged.html", "merged.json")[..], &["parts"]].concat());
    assert_eq!(merged.exits(0).report(), one.exits(0).report());
    let options = |name| serde_json::from_str::<serde_json::Value>(&case.read(name)).unwrap()["options"].clone();
    assert_eq!(options("merged.json"), options("one.json"));
    assert!(case.read("merged.html") == case.read("one.html"), "the pages differ");
}

#[test]
fn real_logs_scanned_apart_and_merged_give_all_that_one_scan_of_them_gives() {
    let Some(samples) = samples::samples() else { return };
    for (folder, more) in [("sysmon", &[][..]), ("damaged", &["--recover"])] {
        let case = connections();
        let folder = native(samples.join(folder).to_str().unwrap());
        for (number, log) in (0..).zip(fs::read_dir(&folder).unwrap()) {
            let log = log.unwrap().path();
            let more = [more, &["--partial-events"]].concat();
            partial(&case, &format!("{number}.parquet"), &more, log.to_str().unwrap());
        }
        let (one, page, events) = written(&case, |outputs| {
            let outputs = [outputs, &["--manifest", "case.json", &folder]].concat();
            Ran::new(case.command(&[more, &outputs].concat()))
        });
        let (merged, merged_page, merged_events) =
            written(&case, |outputs| merge(&case, &[outputs, &["parts"]].concat()));
        assert_eq!(merged.report(), one.report());
        assert_eq!(told(&merged), told(&one));
        assert_eq!(merged_events, events);
        assert!(merged_page == page, "the pages of {folder} differ");
    }
}

#[test]
fn the_manifest_of_a_merge_names_the_partials_that_verify_compares_and_the_logs_behind_them() {
    let case = three(&[]);
    let merged = merge(&case, &["--manifest", "merged.json", "-o", "report.csv", "parts"]);
    let one = Ran::new(case.command(&["--manifest", "one.json", "-o", "one.csv", "logs"]));
    merged.exits(0);
    one.exits(0);
    let read = |name| serde_json::from_slice::<serde_json::Value>(&fs::read(case.path(name)).unwrap()).unwrap();
    let (mut merged, mut one) = (read("merged.json"), read("one.json"));
    let names: Vec<_> = merged["partials"].as_array().unwrap().iter().map(|file| file["name"].clone()).collect();
    assert_eq!(names, [1, 2, 3].map(|number| format!("parts{MAIN_SEPARATOR}{number}.parquet")));
    assert_eq!(merged["sources"][2]["records"]["last_id"], 40);
    for manifest in [&mut merged, &mut one] {
        manifest.as_object_mut().unwrap().retain(|key, _| key != "partials" && key != "arguments");
    }
    // Without a manifest of its own, a partial result tells logs apart by one digest.
    for source in one["sources"].as_array_mut().unwrap() {
        source["digests"].as_object_mut().unwrap().retain(|name, _| name == "sha256");
    }
    assert_eq!(merged, one);

    fs::write(case.path("parts/2.parquet"), "other").unwrap();
    fs::remove_file(case.path("parts/3.parquet")).unwrap();
    // The logs are on their hosts: what has their names here is something else.
    fs::write(case.path("logs/1.evtx"), "other").unwrap();
    let verified = Ran::new(case.another(&["verify", "merged.json"]));
    verified.exits(3).reports(&[
        "same     parts/1.parquet (partial result)",
        "changed  parts/2.parquet (partial result)",
        "missing  parts/3.parquet (partial result)",
    ]);
}

#[test]
fn events_are_not_made_up_where_a_partial_has_groups_only() {
    let case = three(&[]);
    partial(&case, "3.parquet", &["--partial-events", "--force"], "logs/3.evtx").exits(0);
    let refused = merge(&case, &["--events", "events.csv", "parts"]);
    refused
        .exits(1)
        .reports(&[])
        .says(&["parts/1.parquet: cannot be merged: --events needs each hit", "--partial-events"]);
    assert_eq!(merge(&case, &["parts"]).exits(0).report(), case.run_on(&["logs"]).report());
}

#[test]
fn a_log_in_two_partials_counts_once_and_is_named() {
    let case = three(&[]);
    partial(&case, "more.parquet", &[], "logs").exits(0);
    let merged = merge(&case, &["parts"]);
    assert_eq!(merged.report(), case.run_on(&["logs"]).report());
    merged.exits(0).says(&["3 logs not counted again, found in more than one", "logs/2.evtx in parts/more.parquet"]);
}

#[test]
fn logs_of_a_host_in_two_partials_are_named_where_they_have_to_be_joined() {
    const SPLIT: &str = "WS01, WS02 have logs in more than one partial result: ";
    let events = |host: &str| {
        let on_host = |n: u64| Event::connection().on(host).dest("1.1.1.1").at(n);
        evtx_writer::log(&(0..4).map(on_host).collect::<Vec<_>>())
    };
    for (more, what) in [
        (&[][..], None),
        (&["--context"], None),
        (&["--partial-events", "--source", "all"], Some("processes and twins")),
        (&["--group-by", "remote_ip,dvc"], Some("own addresses")),
        (&["--context", "--source", "all", "--judge", "remote"], Some("processes, own addresses and twins")),
    ] {
        let case = three(more).log("logs/4.evtx", &events("WS01")).log("logs/5.evtx", &events("WS02"));
        merge(&case, &["parts"]).exits(0).does_not_say("in more than one partial result");
        // The same log twice is not two.
        partial(&case, "same.parquet", more, "logs/1.evtx").exits(0);
        merge(&case, &["parts"]).exits(0).does_not_say("in more than one partial result");
        for log in ["4", "5"] {
            partial(&case, &format!("{log}.parquet"), more, &format!("logs/{log}.evtx")).exits(0);
        }
        let merged = merge(&case, &["parts", "--quiet"]);
        match what {
            Some(what) => {
                merged.exits(0).says(&[&format!("netsift: {SPLIT}{what} are joined only within each of them")]);
                merge(&case, &["parts"]).exits(0).says(&[&format!("{SPLIT}{what} ")]);
            }
            None => assert_eq!(merged.exits(0).stderr(), ""),
        }
        if more.contains(&"--partial-events") {
            let page = merge(&case, &["parts", "--html", "page.html"]);
            page.exits(0).says(&[&format!("{SPLIT}processes and twins ")]);
        }
    }
}

#[test]
fn hosts_of_a_collectors_log_that_is_repeated_have_their_logs_in_one_partial() {
    let of = |hosts: &[&str]| {
        let on_host = |host: &&str| Event::connection().on(host).dest("1.1.1.1");
        evtx_writer::log(&hosts.iter().map(on_host).collect::<Vec<_>>())
    };
    let case = detect()
        .log("a/collector.evtx", &of(&["SRV01", "SRV02", "SRV03"]))
        .log("a/own.evtx", &of(&["WS01"]))
        .log("b/other.evtx", &of(&["WS02", "SRV03"]));
    let of_all = ["--context", "--source", "all"];
    partial(&case, "1.parquet", &of_all, "a/collector.evtx").exits(0);
    partial(&case, "2.parquet", &of_all, "a").exits(0);
    merge(&case, &["parts"]).exits(0).does_not_say("in more than one partial result: ");
    fs::copy(case.path("a/collector.evtx"), case.path("b/collector.evtx")).unwrap();
    partial(&case, "3.parquet", &of_all, "b").exits(0);
    merge(&case, &["parts"])
        .exits(0)
        .says(&["          SRV03 has logs in more than one partial result: processes and twins "]);
}

#[test]
fn a_partial_of_any_name_is_found_in_a_folder() {
    let case = three(&[]);
    for (from, to) in [("1.parquet", "ws01"), ("2.parquet", "ws02.part")] {
        fs::rename(case.path(&format!("parts/{from}")), case.path(&format!("parts/{to}"))).unwrap();
    }
    let case = case.file("parts/notes.txt", "PAR").file("parts/empty", "");
    let merged = merge(&case, &["parts"]);
    assert_eq!(merged.report(), case.run_on(&["logs"]).report());
    merged.exits(0).says(&["merged    3 partial results"]);
}

#[test]
fn a_partial_counts_once_whatever_names_lead_to_it() {
    let case = three(&[]);
    let names = ["parts", "./parts/1.parquet", "parts/../parts/2.parquet"];
    #[cfg(unix)]
    let names = {
        std::os::unix::fs::symlink(case.path("parts/3.parquet"), case.path("link.parquet")).unwrap();
        [&names[..], &["link.parquet"]].concat()
    };
    let merged = merge(&case, &names);
    assert_eq!(merged.report(), case.run_on(&["logs"]).report());
    merged.exits(0).says(&["merged    3 partial results"]).does_not_say("not counted again");
}

#[test]
fn a_log_in_an_archive_that_is_cut_off_counts_once_too() {
    let mut archive = archive_writer::gzip(&log_up_to(500, 1).0);
    archive.truncate(archive.len() - 9);
    let case = detect().file("a/log.evtx.gz", &archive).file("b/again.evtx.gz", &archive);
    for folder in ["a", "b"] {
        partial(&case, &format!("{folder}.parquet"), &[], folder).exits(3);
    }
    let merged = merge(&case, &["parts"]);
    assert_eq!(merged.report(), case.run_on(&["a"]).report());
    assert!(merged.report().lines().count() > 100);
    merged.exits(3).says(&[
        "1 log not counted again",
        "b/again.evtx.gz in parts/b.parquet",
        "defects   1: 1 read error",
    ]);
}

#[test]
fn an_archive_in_two_partials_is_defective_once() {
    let zip = |name: &str, bytes: &[u8]| archive_writer::zip(&[(name, bytes, archive_writer::stored())]);
    let log = log(1).0;
    let too_deep = zip("one.zip", &zip("two.zip", &zip("three.zip", &log)));
    let archive = archive_writer::zip(
        &[("log.evtx", &log), ("deep.zip", &too_deep)]
            .map(|(name, bytes)| (name, &bytes[..], archive_writer::stored())),
    );
    let case = detect().file("a/x.zip", &archive).file("b/y.zip", &archive);
    for folder in ["a", "b"] {
        partial(&case, &format!("{folder}.parquet"), &[], folder).exits(3);
    }
    let merged = merge(&case, &["parts"]);
    let (told, of_one) = (told(&merged), told(&case.run_on(&["a"])));
    assert!(told.ends_with(&of_one), "{told:#?}\n{of_one:#?}");
    merged.exits(3).says(&["1 log not counted again", "defects   1: 1 not unpacked", "a/x.zip!deep.zip"]);
}

#[test]
fn an_archive_is_the_same_however_many_digests_of_it_a_partial_has() {
    let archive = archive_writer::zip(&[("log.evtx", &log(1).0, archive_writer::stored())]);
    for (more, less) in [("1.parquet", "2.parquet"), ("2.parquet", "1.parquet")] {
        let case = detect().file("case/x.zip", &archive).log("case/log.evtx", &log(2));
        partial(&case, more, &["--manifest", "case.json"], "case").exits(0);
        partial(&case, less, &[], "case/x.zip").exits(0);
        merge(&case, &["--manifest", "merged.json", "parts"]).exits(0);
        let read = |name| serde_json::from_str::<serde_json::Value>(&case.read(name)).unwrap();
        let (scanned, merged) = (read("case.json"), read("merged.json"));
        assert_eq!(merged["archives"], scanned["archives"], "{merged:#}");
        assert_eq!(merged["sources"][1]["name"], scanned["sources"][1]["name"], "{merged:#}");
    }
}

#[test]
fn logs_of_the_same_name_on_other_hosts_are_told_apart() {
    let case = (1..=3).fold(detect(), |case, host| {
        case.log(&format!("{host}/log.evtx"), &log_up_to(500, host).without_chunk_magic(1))
    });
    for host in 1..=3 {
        partial_inside(&case, &host.to_string(), &["log.evtx"]).exits(3);
    }
    let merged = merge(&case, &["--events", "events.csv", "--manifest", "case.json", "parts"]);
    let cause = format!("log.evtx: chunk 1 at {:#x}: no chunk here: it does not start with ElfChnk", HEADER + CHUNK);
    let named = (1..=3).map(|host| format!("          parts/{host}.parquet: {cause}")).collect::<Vec<_>>();
    merged.exits(3).says(&["defects   3: 3 chunk magic", &named.join("\n")]);
    let (events, manifest) = (case.path("events.csv"), case.path("case.json"));
    let (events, manifest) = (fs::read_to_string(events).unwrap(), fs::read_to_string(manifest).unwrap());
    for host in 1..=3 {
        let name = format!("parts{MAIN_SEPARATOR}{host}.parquet: log.evtx");
        assert!(manifest.contains(&format!("\"name\": {}", serde_json::json!(name))), "{manifest}");
        let of_host = |line: &&str| line.contains(&format!(",WS{host:02},"));
        assert!(events.lines().any(|line| line.contains(&name)));
        assert!(events.lines().filter(of_host).all(|line| line.contains(&name)));
    }
    // Where nothing else has its name, a log is named as it is.
    merge(&case, &["parts/2.parquet"]).exits(3).says(&[&format!("          {cause}")]);
}

/// The partial result of what is in a host's folder, scanned from inside of it, as on the host.
fn partial_inside(case: &Case, host: &str, paths: &[&str]) -> Ran {
    fs::create_dir_all(case.path("parts")).unwrap();
    let name = format!("../parts/{host}.parquet");
    let mut command = case.command(&[&["--partial", &name, "--partial-events"], paths].concat());
    command.current_dir(case.path(host));
    Ran::new(command)
}

/// On Windows no file has such a name.
#[cfg(unix)]
#[test]
fn names_are_told_apart_whatever_they_are() {
    // One of them is called what another is told apart by.
    let case = detect()
        .log("a/log.evtx", &log(1))
        .log("b/log.evtx", &log(2))
        .log("c/parts/a.parquet: log.evtx", &log(3))
        .log("b/parts/b.parquet: log.evtx", &log(6))
        .file("a/x.zip", archive_writer::zip(&[("log.evtx", &log(4).0, archive_writer::stored())]))
        .file("b/x.zip", archive_writer::zip(&[("log.evtx", &log(5).0, archive_writer::stored())]));
    partial_inside(&case, "a", &["log.evtx", "x.zip"]).exits(0);
    partial_inside(&case, "b", &["log.evtx", "x.zip", "parts/b.parquet: log.evtx"]).exits(0);
    partial_inside(&case, "c", &["parts/a.parquet: log.evtx"]).exits(0);
    merge(&case, &["--manifest", "case.json", "parts"]).exits(0);
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(case.path("case.json")).unwrap()).unwrap();
    let names = |of: &str| -> Vec<String> {
        manifest[of].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names("sources"),
        [
            "parts/a.parquet: log.evtx",
            "parts/a.parquet: parts/a.parquet: log.evtx",
            "parts/a.parquet: x.zip!log.evtx",
            "parts/b.parquet: log.evtx",
            "parts/b.parquet: parts/b.parquet: log.evtx",
            "parts/b.parquet: x.zip!log.evtx"
        ]
    );
    assert_eq!(names("archives"), ["parts/a.parquet: x.zip", "parts/b.parquet: x.zip"]);
}

#[test]
fn an_empty_log_of_each_host_is_a_loss_of_each() {
    let case = detect().file("a/log.evtx", "").file("b/log.evtx", "");
    for host in ["a", "b"] {
        partial_inside(&case, host, &["log.evtx"]).exits(3);
    }
    merge(&case, &["parts"])
        .exits(3)
        .says(&["parts/a.parquet: log.evtx: empty file", "parts/b.parquet: log.evtx: empty file"])
        .does_not_say("not counted again");
}

#[cfg(unix)]
#[test]
fn logs_whose_names_look_the_same_keep_all_their_events() {
    let case = detect().log("logs/x\u{1b}.evtx", &log(1)).log("logs/x\\u{1b}.evtx", &log(1));
    partial(&case, "1.parquet", &["--partial-events"], "logs").exits(0);
    let (one, page, events) =
        written(&case, |outputs| Ran::new(case.command(&[outputs, &["--manifest", "case.json", "logs"]].concat())));
    let (merged, merged_page, merged_events) = written(&case, |outputs| merge(&case, &[outputs, &["parts"]].concat()));
    assert_eq!((merged.report(), merged_events), (one.report(), events));
    assert!(merged_page == page);
}

#[test]
fn a_wrong_partial_that_another_could_stand_in_for_says_so() {
    let case = three(&[]);
    let mut damaged = fs::read(case.path("parts/1.parquet")).unwrap();
    damaged[4..200].fill(0);
    fs::write(case.path("parts/0.parquet"), damaged).unwrap();
    merge(&case, &["parts"]).exits(3).says(&[
        "1 log not counted again",
        "parts/0.parquet: its groups are wrong: ",
        "; logs of it are also in parts/1.parquet: merge without this one",
    ]);
}

#[test]
fn what_a_partial_says_drives_no_terminal() {
    let case = detect().log("Detect.evtx", &log_up_to(500, 1).without_chunk_magic(1));
    fs::create_dir_all(case.path("parts")).unwrap();
    for process in [&[][..], &["--process", "Detect.exe"]] {
        partial(&case, "1.parquet", &[process, &["--force"]].concat(), "Detect.evtx").exits(3);
        let mut hostile = fs::read(case.path("parts/1.parquet")).unwrap();
        let facts = hostile.windows(15).position(|bytes| bytes == b"netsift-partial").unwrap();
        while let Some(at) = hostile[facts..].windows(6).position(|bytes| bytes == b"Detect") {
            // An escape of JSON, as long as what it is in the place of.
            hostile[facts + at..facts + at + 6].copy_from_slice(b"\\u001b");
        }
        fs::write(case.path("parts/1.parquet"), without_checksums(hostile)).unwrap();
        let merged = merge(&case, &["parts"]);
        merged.exits(3).says(&["\\u{1b}.evtx: chunk 1", "\\u{1b}"]);
        assert!(!merged.stderr().contains('\u{1b}'), "{}", merged.stderr());
    }
}

/// A filter alone, which is no rule.
const FILTER: &str = "title: F
logsource: {category: network_connection}
filter: {rules: any, s: {Image: a}, condition: not s}
";

#[test]
fn the_same_rules_may_be_anywhere() {
    let case = three(&[]).file("here/rule.yml", RULE).file("there/rule.yml", RULE).file("none/filter.yml", FILTER);
    for (number, folder) in ["here", "there"].iter().enumerate() {
        let log = format!("logs/{}.evtx", number + 1);
        partial(&case, &format!("r{number}.parquet"), &["--rules", folder], &log).exits(0);
    }
    let one = Ran::new(case.command(&["--rules", "here", "logs/1.evtx", "logs/2.evtx"]));
    assert_eq!(merge(&case, &["parts/r0.parquet", "parts/r1.parquet"]).exits(0).report(), one.report());
    partial(&case, "none.parquet", &["--rules", "none"], "logs/3.evtx");
    merge(&case, &["parts/1.parquet", "parts/none.parquet"]).exits(1).says(&[
        "parts/none.parquet: cannot be merged: it was made with another choice of --rules than parts/1.parquet",
    ]);
}

#[test]
fn copies_are_dropped_only_where_each_hit_is_known() {
    let case = three(&[]);
    let refused = partial(&case, "x.parquet", &["--dedup"], "logs/1.evtx");
    refused.exits(2).says(&["--partial with --dedup", "--partial-events"]);
}

#[test]
fn defects_come_along_and_are_dropped_with_their_log() {
    let damaged =
        evtx_writer::log(&(0..500).map(|n| Event::connection().at(n)).collect::<Vec<_>>()).without_chunk_magic(1);
    let case = three(&[]).log("logs/bad.evtx", &damaged);
    partial(&case, "bad.parquet", &[], "logs/bad.evtx").exits(3);
    partial(&case, "again.parquet", &[], "logs/bad.evtx").exits(3);
    let merged = merge(&case, &["parts"]);
    let at = format!("logs/bad.evtx: chunk 1 at {:#x}: no chunk here", HEADER + CHUNK);
    merged.exits(3).says(&["defects   1: 1 chunk magic", &at]);
    assert_eq!(merged.report(), case.run_on(&["logs"]).report());
}

#[test]
fn partials_of_other_rules_networks_options_or_fields_are_refused_with_the_difference() {
    let case = three(&[]);
    for (more, difference) in [
        (&["--process", "mshta.exe"][..], "it has other rules (Network connections of mshta.exe; not Detect Regsvcs"),
        (&["--exclude-cidr", "8.8.8.8"], "it has other detection or exclusion networks than parts/1.parquet"),
        (&["--host", "WS*"], "it has other filters (\"host WS*\", not \"\") than parts/1.parquet"),
        (
            &["--dedup", "--partial-events"],
            "it was made with another choice of --recover or --dedup than parts/1.parquet",
        ),
        (
            &["--group-by", "dest"],
            "it is grouped by other fields (dest) than parts/1.parquet; --group-by takes some that all have",
        ),
    ] {
        partial(&case, "other.parquet", &[more, &["--force"]].concat(), "logs/1.evtx").exits(0);
        let refused = merge(&case, &["parts"]);
        refused.exits(1).reports(&[]).says(&["netsift: parts/other.parquet: cannot be merged: ", difference]);
        fs::remove_file(case.path("parts/other.parquet")).unwrap();
    }
}

#[test]
fn partials_of_other_fields_are_merged_by_fields_that_all_have() {
    let case = three(&[]);
    partial(&case, "coarse.parquet", &["--group-by", "dest,dvc"], "logs/1.evtx").exits(0);
    let merged = merge(&case, &["--group-by", "dvc,dest", "parts"]);
    let one = Ran::new(case.command(&["--group-by", "dvc,dest", "logs"]));
    assert_eq!(merged.exits(0).report(), one.report());
    merge(&case, &["--group-by", "app", "parts"])
        .exits(1)
        .says(&["coarse.parquet: cannot be merged: it is not grouped by app"]);
}

#[test]
fn what_is_no_partial_is_named_and_the_others_are_merged() {
    let case = three(&[]).file("parts/text.parquet", "no Parquet").file("parts/readme.txt", "left alone");
    let partial = fs::read(case.path("parts/1.parquet")).unwrap();
    fs::write(case.path("parts/cut.parquet"), &partial[..partial.len() / 2]).unwrap();
    let merged = merge(&case, &["parts"]);
    merged.exits(3).says(&["parts/text.parquet: not a partial result", "parts/cut.parquet: not a partial result"]);
    assert_eq!(merged.report(), case.run_on(&["logs"]).report());
    #[cfg(unix)]
    {
        // Nobody writes to it.
        assert!(std::process::Command::new("mkfifo").arg(case.path("pipe")).status().unwrap().success());
        merge(&case, &["pipe", "parts/1.parquet"]).exits(3).says(&["pipe: it is not a regular file"]);
    }
    merge(&case, &["parts/text.parquet"]).exits(1).reports(&[]).says(&["nothing to merge"]);
    merge(&case, &["nowhere"]).exits(1).says(&["netsift: nowhere: nothing to merge"]);
}

#[test]
fn what_is_not_merged_or_not_searched_is_named_whatever_else_is_wrong() {
    let lines = export(&log(1).0, FORMS[2]) + &"{\"a\":1}\n".repeat(1500);
    let case = connections().file("logs/export", lines).log("logs/2.evtx", &log(2));
    partial(&case, "a.parquet", &["zz-gone"], "logs/export").exits(3);
    partial(&case, "b.parquet", &[], "logs/2.evtx").exits(0);
    let mut damaged = fs::read(case.path("parts/b.parquet")).unwrap();
    let cut = &damaged[..damaged.len() / 2];
    let mut lost: Vec<String> = (0..25).map(|number| format!("parts/z{number:02}.parquet")).collect();
    lost.iter().for_each(|name| fs::write(case.path(name), cut).unwrap());
    damaged[4..200].fill(0);
    fs::write(case.path("parts/b.parquet"), damaged).unwrap();
    lost.extend(["parts/b.parquet", "zz-missing"].map(str::to_owned));
    for detail in [&[][..], &["--quiet"], &["--verbose"]] {
        let scanned = Ran::new(case.command(&[detail, &["logs", "zz-missing"]].concat()));
        scanned.exits(3).says(&["zz-missing: ", NOT_FOUND, "export: line "]);
        let manifest = ["--manifest", "case.json", "--force", "parts", "zz-missing"];
        let merged = merge(&case, &[detail, &manifest].concat());
        merged.exits(3).says(&["zz-gone: "]);
        let evidence = merged.stderr().find("export: line ").unwrap_or(merged.stderr().len());
        for name in &lost {
            merged.says(&[&format!("{name}: ")]);
            assert!(slashed(&merged.stderr()[..evidence]).contains(&**name), "{name} is behind others");
            assert!(slashed(&case.read("case.json").replace(r"\\", r"\")).contains(&format!("\"{name}\"")), "{name}");
        }
    }
    let of_kinds = "defects   1,528: 27 partial result, 1 path not searched, 1,500 record not decoded";
    merge(&case, &["parts", "zz-missing"]).says(&[of_kinds]);
}

#[test]
fn a_partial_has_no_more_columns_than_there_are_fields() {
    let case = three(&[]);
    partial(&case, "x.parquet", &["--group-by", "dest,dvc"], "logs/1.evtx").exits(0);
    let mut hostile = fs::read(case.path("parts/x.parquet")).unwrap();
    let fields = hostile.windows(12).rposition(|bytes| bytes == b"\"dest\",\"dvc\"").unwrap();
    hostile[fields..fields + 12].copy_from_slice(b"\"dvc\", \"dvc\"");
    fs::write(case.path("parts/x.parquet"), without_checksums(hostile)).unwrap();
    merge(&case, &["parts/x.parquet"])
        .exits(1)
        .says(&["parts/x.parquet: nothing to merge: not a partial result: it is \
                                                        grouped by a field twice"]);
}

#[test]
fn a_damaged_partial_does_no_harm_and_is_named() {
    for (more, context) in [(&[][..], None), (&["--context"], Some("context"))] {
        let case = three(more);
        let report = merge(&case, &["parts"]).exits(0).report().to_owned();
        assert!(context.is_none_or(|column| report.lines().next().unwrap().ends_with(column)), "{report}");
        let whole = fs::read(case.path("parts/1.parquet")).unwrap();
        for at in (0..whole.len()).step_by(97) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(case.path("parts/1.parquet"), &damaged).unwrap();
            let merged = merge(&case, &["-q", "parts"]);
            let is_named = [1, 3].contains(&merged.status()) && merged.stderr().contains("parts");
            assert!(is_named || merged.exits(0).report() == report, "byte {at} with {more:?}: {}", merged.stderr());
        }
        // One of a version that wrote none.
        fs::write(case.path("parts/1.parquet"), without_checksums(whole)).unwrap();
        assert_eq!(merge(&case, &["parts"]).exits(0).report(), report);
    }
}

/// A partial result whose checksums nobody finds.
pub fn without_checksums(mut partial: Vec<u8>) -> Vec<u8> {
    let name = b"netsift-checksums";
    let at = partial.windows(name.len()).rposition(|bytes| bytes == name).unwrap();
    partial[at] = b'N';
    partial
}

#[test]
fn correlations_have_no_partial_result() {
    let rules = "title: Base\nid: base\nname: base\nlogsource: {category: network_connection, product: windows}\n\
                 detection: {s: {Initiated: 'true'}, condition: s}\n---\ntitle: Many\nid: many\ncorrelation:\n  \
                 type: event_count\n  rules: [base]\n  group-by: [DestinationIp]\n  timespan: 1h\n  condition: {gte: 2}\n";
    let case = three(&[]).file("rules.yml", rules);
    let refused = partial(&case, "x.parquet", &["--rules", "rules.yml"], "logs/1.evtx");
    refused.exits(2).says(&["--partial", "correlation"]);
    assert!(!names_in(&case.path("parts")).contains(&"x.parquet".to_owned()));
}

#[test]
fn rarity_counts_hosts_for_each_process_and_destination() {
    let case = three(&[]);
    let merged = merge(&case, &["--rarity", "--group-by", "dvc,process_name,dest", "parts"]);
    let rows: Vec<&str> = merged.exits(0).report().lines().collect();
    assert!(rows[0].ends_with(",firstTime,lastTime,host_count,first_host"), "{}", rows[0]);
    assert!(rows.iter().filter(|row| row.contains(",1.1.1.1,")).all(|row| row.ends_with(",3,WS01")));
    assert!(rows.iter().any(|row| row.contains(",9.9.2.1,") && row.ends_with(",1,WS02")));
    merge(&case, &["--rarity", "--group-by", "dest", "parts"]).exits(2).says(&["--rarity needs groups by dvc"]);
}

#[test]
fn groups_that_do_not_fit_into_memory_give_the_same_bytes() {
    let events: Vec<Event> = (0..3_000)
        .map(|n| Event::connection().dest(&format!("9.9.{}.{}", n / 250 % 9, n % 250)).at(n * 7919 % 500))
        .collect();
    let case = connections().log("log.evtx", &evtx_writer::log(&events));
    let whole = case.run_on(&["log.evtx"]);
    for more in [&["--max-memory", "64KiB"][..], &["--max-memory", "1"], &["--max-memory", "64KiB", "--dedup"]] {
        let spilled = Ran::new(case.command(&[more, &["log.evtx"]].concat()));
        assert_eq!(spilled.exits(0).report(), whole.report());
    }
    Ran::new(case.command(&["--max-memory", "64KiB", "--partial", "p.parquet", "log.evtx"])).exits(0);
    let merged = merge(&case, &["--max-memory", "64KiB", "p.parquet"]);
    assert_eq!(merged.exits(0).report(), whole.report());
}

/// Nothing that was to be spilled is left out in silence.
#[test]
#[cfg(unix)]
fn without_a_folder_for_temporary_files_what_does_not_fit_into_memory_is_an_error() {
    let mut events: Vec<Event> =
        (0..300).map(|n| Event::connection().dest(&format!("9.9.9.{}", n % 250)).at(n * 60)).collect();
    events.push(Event::connection().dest("9.9.8.8").at(1));
    let case = connections().log("log.evtx", &evtx_writer::log(&events));
    for more in [
        &[][..],
        &["--events", "e.csv"],
        &["--beacons", "b.csv"],
        &["--html", "p.html"],
        &["--context", "--group-by", "dvc"],
        &["--dedup"],
        &["--partial", "p.parquet"],
    ] {
        let mut command = case.command(&[&["--max-memory", "1KiB", "-o", "r.csv", "log.evtx"], more].concat());
        command.env("TMPDIR", "/no/such/folder");
        Ran::new(command).exits(1).says(&["no temporary file can be made in /no/such/folder: "]);
        assert_eq!(names_in(&case.path("")), ["log.evtx"], "{more:?}");
    }
}

#[test]
fn a_partial_takes_no_place_of_anything() {
    let case = three(&[]);
    partial(&case, "1.parquet", &[], "logs/2.evtx").exits(1).says(&["parts/1.parquet: cannot write there: it exists"]);
    std::fs::copy(case.path("logs/1.evtx"), case.path("logs/1.parquet")).unwrap();
    Ran::new(case.command(&["--partial", "logs/1.parquet", "--force", "logs"]))
        .exits(1)
        .says(&["it is one of the files to read"]);
    merge(&case, &["-o", "parts/1.parquet", "parts"]).exits(1).says(&["it is one of the files to read"]);
    merge(&case, &["--force", "-o", "parts/1.parquet", "parts"]).exits(1).says(&["it is one of the files to read"]);
}

#[test]
fn a_report_as_parquet_starts_and_ends_as_one_and_is_the_same_each_time() {
    let case = three(&[]);
    let write = |name: &str, more: &[&str]| {
        Ran::new(case.command(&[&["--format", "parquet", "-o", name], more, &["logs"]].concat())).exits(0);
        fs::read(case.path(name)).unwrap()
    };
    let one = write("one.parquet", &[]);
    assert!(one.starts_with(b"PAR1") && one.ends_with(b"PAR1"));
    assert!(write("two.parquet", &["--threads", "1"]) == one);
    merge(&case, &["one.parquet"])
        .exits(1)
        .says(&["not a partial result: a Parquet file that netsift did not write as one"]);
    let refused = Ran::new(case.command(&["--format", "parquet", "--bom", "logs"]));
    refused.exits(2).says(&["--bom with --format parquet"]);
}
