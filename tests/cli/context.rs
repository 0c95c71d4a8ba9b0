//! The process behind a connection: where it is found, what is shown of it, and that nothing else changes for it.
//!
//! Each run is repeated with every record decoded, as [`crate::case`] does it, so that what a second look rules out is held to lose
//! nothing.

use std::fs;

use crate::{
    archive_writer,
    case::{Case, Ran, connections, detect},
    evtx_writer::{self, Event, Value},
    samples::samples,
};

const COLUMNS: &str = "process,process_hash,original_file_name,process_integrity_level,process_start,process_end,\
                       parent_process,parent_process_path,parent_process_name,parent_process_id,parent_process_guid,\
                       ancestry,dest_query,context";

/// A GUID that says that its process started so many seconds after 2024-03-05T14:00:00Z.
pub fn guid(seconds: u32, number: u8) -> String {
    let time = 1_709_647_200 + seconds;
    format!("6820d070-{:04x}-{:04x}-0000-0000000000{number:02x}", time & 0xffff, time >> 16)
}

pub fn value(guid: &str) -> Value {
    Value::Guid(guid.to_owned())
}

fn own() -> String {
    guid(300, 1)
}

pub fn connection() -> Event {
    Event::connection().with("ProcessGuid", value(&own()))
}

/// An EventID 1 as Sysmon 10 and later log it.
pub fn created(process: &str, image: &str, parent: &str, parent_image: &str) -> Event {
    let name = |path: &str| path.rsplit('\\').next().unwrap().to_owned();
    Event::sysmon(1, 5)
        .with("UtcTime", "2024-03-05 14:05:00.123")
        .with("ProcessGuid", value(process))
        .with("ProcessId", Value::U32(4321))
        .with("Image", image)
        .with("OriginalFileName", "RegSvcs.exe")
        .with("CommandLine", &*format!("{} /u \"a b\"", name(image)))
        .with("IntegrityLevel", "High")
        .with("Hashes", "MD5=0,SHA256=1")
        .with("ParentProcessGuid", value(parent))
        .with("ParentProcessId", Value::U32(99))
        .with("ParentImage", parent_image)
        .with("ParentCommandLine", &*format!("{} -x", name(parent_image)))
}

pub fn regsvcs() -> Event {
    created(&own(), r"C:\Temp\regsvcs.exe", &guid(200, 2), r"C:\Windows\powershell.exe")
}

pub fn ended(seconds: &str) -> Event {
    Event::sysmon(5, 3).with("UtcTime", &*format!("2024-03-05 14:09:{seconds}")).with("ProcessGuid", value(&own()))
}

pub fn query(name: &str, results: &str) -> Event {
    Event::sysmon(22, 5)
        .with("UtcTime", "2024-03-05 14:07:01.000")
        .with("ProcessGuid", value(&own()))
        .with("Image", r"C:\Temp\regsvcs.exe")
        .with("QueryName", name)
        .with("QueryResults", results)
}

/// What is known of the process of each group.
#[track_caller]
fn known(ran: &Ran) -> Vec<String> {
    let mut lines = ran.report().lines();
    assert_eq!(lines.next().unwrap(), format!("dest_ip,count,firstTime,lastTime,{COLUMNS}"), "{}", ran.stderr());
    let behind_times = |row: &str| row.splitn(5, ',').last().unwrap().to_owned();
    lines.map(behind_times).collect()
}

fn context(case: Case) -> Case {
    case.args(["--context", "--group-by", "dest_ip"])
}

#[test]
fn a_process_is_known_by_its_own_event_in_any_log_of_its_host() {
    let parents = [
        created(&guid(200, 2), r"C:\Windows\powershell.exe", &guid(100, 3), r"C:\Office\winword.exe"),
        created(&guid(100, 3), r"C:\Office\winword.exe", &guid(0, 4), r"C:\Windows\explorer.exe"),
    ];
    let row = r#""regsvcs.exe /u ""a b""","MD5=0,SHA256=1",RegSvcs.exe,High,2024-03-05T14:05:00.1230000Z,2024-03-05T14:09:01.5000000Z,powershell.exe -x,C:\Windows\powershell.exe,powershell.exe,99,{6820D070-2628-65E7-0000-000000000002},explorer.exe > winword.exe > powershell.exe > regsvcs.exe,,own"#;
    let case = context(detect())
        .events(&[connection()])
        .log("b/processes.evtx", &evtx_writer::log(&[ended("01.500"), regsvcs()]))
        .log("c/parents.evtx", &evtx_writer::log(&parents));
    assert_eq!(known(case.run().exits(0)), [row]);
    let together =
        context(detect()).events([&[ended("01.500"), connection(), regsvcs()], &parents[..]].concat().iter());
    assert_eq!(known(together.run().exits(0)), [row]);
}

#[test]
fn a_process_of_another_host_is_another_one() {
    let case = context(detect()).events(&[connection(), regsvcs().on("WS02"), ended("01.500").on("WS02")]);
    assert_eq!(known(case.run().exits(0)), [",,,,2024-03-05T14:05:00.0000000Z,,,,,,,,,guid"]);
}

#[test]
fn a_host_is_one_whatever_the_case_of_its_name() {
    let parents = [
        created(&guid(200, 2), r"C:\Windows\powershell.exe", &guid(100, 3), r"C:\Office\winword.exe"),
        created(&guid(100, 3), r"C:\Office\winword.exe", &guid(0, 4), r"C:\Windows\explorer.exe"),
    ];
    let more = [connection(), query("c2.test", "8.8.8.8;"), ended("01.500"), connection().at(1), regsvcs()];
    let events = [&parents[..], &more].concat();
    let run = |events: &[Event], args: &[&str]| {
        let half = events.len() / 2;
        let [one, other] = [&events[..half], &events[half..]].map(evtx_writer::log);
        let case = context(detect()).log("a.evtx", &one).log("b.evtx", &other);
        let ran = Ran::new(case.command(&[args, &["a.evtx", "b.evtx"]].concat()));
        let merged = || Ran::new(case.another(&["merge", "p.parquet"]));
        (known(ran.exits(0)), args.contains(&"--partial").then(|| known(merged().exits(0))))
    };
    let renamed = evtx_writer::by_other_names(&events);
    let one = run(&events, &[]).0;
    assert!(one[0].contains("explorer.exe > winword.exe") && one[0].ends_with(",c2.test,own"), "{one:?}");
    for args in [&[][..], &["--no-prefilter"], &["--max-memory", "1"], &["--partial", "p.parquet"]] {
        let (scan, merged) = run(&renamed, args);
        assert_eq!(scan, one, "{args:?}");
        assert!(merged.is_none_or(|merged| merged == one));
    }
    // The name is shown as it was logged, and the host is counted once.
    let case = detect().args(["--context", "--group-by", "dvc"]).events(&renamed);
    let ran = case.run_on(&["log.evtx"]);
    assert_eq!(
        ran.exits(0).report().lines().skip(1).map(|row| row.split(',').next().unwrap()).collect::<Vec<_>>(),
        ["WS01.corp.example.", "ws01.CORP.example"]
    );
    ran.says(&["hosts     1: 1 with Sysmon"]);
    let by_host = ["--partial", "p.parquet", "--group-by", "dvc,process_name,dest", "log.evtx"];
    let case = detect().events(&renamed);
    Ran::new(case.command(&by_host)).exits(0);
    let rarity = Ran::new(case.another(&["merge", "--rarity", "p.parquet"]));
    let rarity: Vec<&str> =
        rarity.exits(0).report().lines().skip(1).filter(|row| row.ends_with(",1,WS01.corp.example.")).collect();
    assert_eq!(rarity.len(), 2, "{rarity:?}");
}

#[test]
fn what_a_process_started_tells_its_command_line() {
    let child = created(&guid(310, 9), r"C:\Windows\cmd.exe", &own(), r"C:\Temp\regsvcs.exe");
    let case = context(detect()).events(&[connection(), child]);
    assert_eq!(known(case.run().exits(0)), ["regsvcs.exe -x,,,,2024-03-05T14:05:00.0000000Z,,,,,,,regsvcs.exe,,child"]);
}

#[test]
fn a_guid_tells_the_start_unless_that_is_after_the_connection() {
    let none = ",,,,,,,,,,,,,none";
    for (guid, row) in [
        (value(&guid(429, 1)), ",,,,2024-03-05T14:07:09.0000000Z,,,,,,,,,guid"),
        (value(&guid(430, 1)), none),
        (value("00000000-0000-0000-0000-000000000000"), none),
        (Value::from("-"), none),
        (Value::from("{not a guid}"), none),
    ] {
        let case = context(detect()).events(&[Event::connection().with("ProcessGuid", guid)]);
        assert_eq!(known(case.run().exits(0)), [row]);
    }
}

#[test]
fn nothing_is_known_only_where_nothing_is_shown() {
    // By its GUID, the process has started after the connection.
    let late = |event: Event| event.with("ProcessGuid", value(&guid(9_000, 1)));
    let (end, name) = ("2024-03-05T14:09:01.5000000Z", "c2.test");
    for (more, row) in [
        (vec![], ",,,,,,,,,,,,,none".to_owned()),
        (vec![ended("01.500")], format!(",,,,,{end},,,,,,,,guid")),
        (vec![query(name, "8.8.8.8;")], format!(",,,,,,,,,,,,{name},guid")),
        (vec![ended("01.500"), query(name, "8.8.8.8;")], format!(",,,,,{end},,,,,,,{name},guid")),
    ] {
        let events: Vec<Event> = more.into_iter().chain([connection()]).map(late).collect();
        let case = context(detect()).events(&events);
        assert_eq!(known(case.run_on(&["log.evtx"]).exits(0)), [row]);
    }
}

#[test]
fn names_are_those_that_were_asked_for_shortly_before_and_gave_the_address() {
    let events = [
        connection(),
        query("late.example", "8.8.8.8;").at(6),
        query("second.example", "type:  5 cdn.example;::ffff:8.8.8.8;").at(1),
        query("first.example", "1.1.1.1;8.8.8.8;"),
        query("first.example", "8.8.8.8;").at(2),
        query("other.example", "8.8.8.80;"),
        query("elsewhere.example", "8.8.8.8;").on("WS02"),
    ];
    let row = ",,,,2024-03-05T14:05:00.0000000Z,,,,,,,,first.example;second.example,guid";
    assert_eq!(known(context(detect()).events(&events).run().exits(0)), [row]);
    // 300 s after it was asked for, and a second more.
    for (seconds, name) in [(300, "first.example"), (301, "")] {
        let case = context(detect()).events(&[query("first.example", "8.8.8.8"), connection().at(seconds)]);
        let row = format!(",,,,2024-03-05T14:05:00.0000000Z,,,,,,,,{name},guid");
        assert_eq!(known(case.run().exits(0)), [row]);
    }
}

#[test]
fn of_very_many_names_the_first_ones_are_shown_and_that_there_are_more() {
    let mut events = vec![connection().at(1), connection().at(2).dest("8.8.4.4"), connection().at(3)];
    events.extend((0..150).rev().map(|number| query(&format!("{number:03}.example"), "8.8.8.8;")));
    events.extend((0..100).map(|number| query(&format!("{number:03}.test"), "8.8.4.4")));
    let names = |domain: &str| (0..100).map(|number| format!("{number:03}.{domain}")).collect::<Vec<_>>().join(";");
    let (first, all) = (format!(",{};(and more),guid", names("example")), format!(",{},guid", names("test")));
    let case = context(detect()).events(&events).args(["--events", "events.csv", "--force"]);
    for args in [&["."][..], &["--max-memory", "1KiB", "."]] {
        let ran = case.run_on(args);
        let rows = known(ran.exits(0));
        assert!(rows.len() == 2 && rows[0].ends_with(&first) && rows[1].ends_with(&all), "{rows:?}");
        let events = case.read("events.csv");
        let ends: Vec<bool> = events.lines().skip(1).map(|row| row.ends_with(&first)).collect();
        assert_eq!(ends, [true, false, true], "{events}");
    }
    // A list is held against all of them.
    let watched = case.file("list.txt", "149.example\n").args(["--watchlist", "list.txt", "--only-watched"]).run();
    assert_eq!(watched.exits(0).report().lines().count(), 2);
}

#[test]
fn a_group_of_several_processes_shows_the_first_and_how_many_there_are() {
    let other = connection().with("ProcessGuid", value(&guid(301, 7))).at(5);
    let case = context(detect()).events(&[other, connection(), connection().at(9), regsvcs()]);
    let rows = known(case.run().exits(0));
    assert!(rows[0].ends_with(",powershell.exe > regsvcs.exe,,own (2 processes)"), "{rows:?}");
}

#[test]
fn of_two_events_that_say_the_same_the_earlier_counts() {
    let later = regsvcs().with("UtcTime", "2024-03-05 14:05:01.000").with("CommandLine", "forged");
    let case = context(detect()).events(&[connection(), later, regsvcs(), ended("02.000"), ended("01.000")]);
    let rows = known(case.run().exits(0));
    assert!(rows[0].starts_with(r#""regsvcs.exe /u"#) && rows[0].contains("14:09:01.0000000Z"), "{rows:?}");
}

#[test]
fn of_two_events_that_say_the_same_the_one_that_tells_most_counts() {
    let whole = known(context(detect()).events(&[connection(), regsvcs()]).run().exits(0));
    let blank = " ".repeat("regsvcs.exe /u \"a b\"".len());
    for worse in [
        regsvcs().with("CommandLine", "-").with("Hashes", "-").with("ParentCommandLine", "-"),
        regsvcs().without("CommandLine").with("UtcTime", "2024-03-05 14:04:00.000"),
        regsvcs().without("UtcTime").with("CommandLine", "forged"),
        regsvcs().with("CommandLine", "regsvcs"),
        regsvcs().with("CommandLine", &*blank),
    ] {
        for events in [[connection(), worse.clone(), regsvcs()], [connection(), regsvcs(), worse]] {
            assert_eq!(known(context(detect()).events(&events).run().exits(0)), whole);
        }
    }
    let child = |seconds, line: &str| {
        created(&guid(seconds, 5), r"C:\child.exe", &own(), r"C:\Temp\regsvcs.exe").with("ParentCommandLine", line)
    };
    let children = [connection(), child(310, "-").with("ParentImage", "-"), child(320, "regsvcs.exe /u")];
    let rows = known(context(detect()).events(&children).run().exits(0));
    assert!(rows[0].starts_with("regsvcs.exe /u,") && rows[0].ends_with(",regsvcs.exe,,child"), "{rows:?}");
}

#[test]
fn a_host_that_is_not_stated_is_one_host() {
    let of = |event: Event| event.on("-");
    let case = || context(detect()).events(&[of(connection()), of(regsvcs()), of(query("a.example", "8.8.8.8;"))]);
    let rows = known(case().run().exits(0));
    assert!(rows[0].starts_with("\"regsvcs.exe /u") && rows[0].ends_with(",a.example,own"), "{rows:?}");
}

#[test]
fn a_name_that_is_not_stated_is_none() {
    let names = ["a.example", "-", "b.example", "a.example"].map(|name| query(name, "8.8.8.8;"));
    let rows = known(context(detect()).events([&[connection()], &names[..]].concat().iter()).run().exits(0));
    assert!(rows[0].ends_with(",a.example;b.example,guid"), "{rows:?}");
}

#[test]
fn processes_that_started_each_other_are_followed_to_an_end() {
    let round = [
        created(&own(), r"C:\a.exe", &guid(200, 2), r"C:\b.exe"),
        created(&guid(200, 2), r"C:\b.exe", &own(), r"C:\a.exe"),
    ];
    let rows = known(context(detect()).events([&[connection()], &round[..]].concat().iter()).run().exits(0));
    assert!(rows[0].contains(",b.exe > a.exe,,own"), "{rows:?}");
    let alone = [connection(), created(&own(), r"C:\a.exe", &own(), r"C:\a.exe")];
    assert!(known(context(detect()).events(&alone).run().exits(0))[0].contains(",a.exe,,own"));
}

#[test]
fn hostile_command_lines_are_guarded_cells_on_one_line() {
    let created = regsvcs().with("CommandLine", "=cmd|' /c calc'!A1").with("ParentCommandLine", "@x\r\ny");
    let rows = known(context(detect()).events(&[connection(), created]).run().exits(0));
    assert!(rows[0].starts_with("'=cmd|' /c calc'!A1,") && rows[0].contains(r",'@x\r\ny,"), "{rows:?}");
}

#[test]
fn events_and_json_lines_and_parquet_have_the_same_columns() {
    let case = detect().events(&[connection(), regsvcs(), query("first.example", "8.8.8.8")]);
    case.command(&["--context", "--events", "events.csv", "-q", "-o", "report.parquet", "."]).output().unwrap();
    let events = case.read("events.csv");
    let mut lines = events.lines();
    let ends = "remote,remote_ip,remote_port,local_ip,local_port";
    assert!(lines.next().unwrap().ends_with(&format!(",recovered,{ends},{COLUMNS}")));
    assert!(lines.next().unwrap().ends_with(",powershell.exe > regsvcs.exe,first.example,own"));
    assert!(fs::read(case.path("report.parquet")).unwrap().windows(13).any(|part| part == b"first.example"));
    let ran = case.args(["--context", "--format", "jsonl"]).run();
    let row: serde_json::Value = serde_json::from_str(ran.report()).unwrap();
    let members: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    let columns: Vec<&str> = COLUMNS.split(',').collect();
    assert!(columns.iter().all(|column| members.contains(column)), "{members:?}");
    assert_eq!(row["ancestry"], "powershell.exe > regsvcs.exe");
    assert_eq!(row["process_end"], serde_json::Value::Null);
}

#[test]
fn without_the_option_nothing_changes() {
    let case = detect().events(&[connection(), regsvcs()]);
    let with = context(detect()).events(&[connection(), regsvcs()]).run();
    let without = case.args(["--group-by", "dest_ip"]).run();
    let cut = |report: &str| {
        report.lines().map(|row| row.splitn(5, ',').take(4).collect::<Vec<_>>().join(",")).collect::<Vec<_>>()
    };
    assert_eq!(cut(with.report()), cut(without.report()));
    assert_eq!(without.report().lines().next(), Some("dest_ip,count,firstTime,lastTime"));
}

#[test]
fn more_than_fits_into_memory_gives_the_same() {
    let mut events = Vec::new();
    for number in 0..60_u8 {
        let (process, parent) = (guid(300 + u32::from(number), number), guid(200, 200 + number % 3));
        events.push(created(&process, &format!(r"C:\{number}.exe"), &parent, r"C:\parent.exe"));
        let dest = format!("9.0.0.{}", number % 7);
        events.push(Event::connection().with("ProcessGuid", value(&process)).dest(&dest).at(u64::from(number)));
    }
    let whole = context(connections()).events(&events).run();
    assert_eq!(whole.report().lines().count(), 8);
    let little = context(connections()).events(&events).args(["--max-memory", "1KiB"]).run();
    assert_eq!(whole.report(), little.report());
}

#[test]
fn processes_far_above_are_found_wherever_they_are_told_of() {
    // Each process of a line is told of some chunks before the one that it started, among many that matter to no hit. The hit's host
    // and another one have processes of the same GUIDs.
    let filler = |number: u32| {
        let process = guid(10_000 + number, 0);
        created(&process, &format!(r"C:\{}.exe", "f".repeat(4000)), &guid(20_000, 1), r"C:\filler.exe")
    };
    let step = |number: u8| {
        let parent = guid(u32::from(number) - 1, number - 1);
        created(&guid(u32::from(number), number), &format!(r"C:\{number}.exe"), &parent, r"C:\above.exe")
    };
    let end = |number: u8| {
        let process = value(&guid(u32::from(number), number));
        Event::sysmon(5, 3).with("UtcTime", "2024-03-05 14:09:00.000").with("ProcessGuid", process)
    };
    let mut events = Vec::new();
    for number in 1..9 {
        events.extend([step(number), step(number).with("Image", r"C:\other.exe").on("WS02")]);
        events.extend((0..60).map(|index| filler(u32::from(number) * 1000 + index)));
    }
    events.extend((1..9).map(end));
    events.push(created(&guid(500, 90), r"C:\child.exe", &guid(400, 91), r"C:\gone.exe"));
    let hit = |process: &str, dest| Event::connection().with("ProcessGuid", value(process)).dest(dest);
    events.extend([
        hit(&guid(8, 8), "9.0.0.1"),
        hit(&guid(8, 8), "9.0.0.2").on("WS02"),
        hit(&guid(400, 91), "9.0.0.3"),
    ]);
    let line = |first: &str, last: &str| {
        [first, &["2.exe", "3.exe", "4.exe", "5.exe", "6.exe", "7.exe"].join(" > "), last].join(" > ")
    };
    let others = ["other.exe"; 8].join(" > ");
    let log = evtx_writer::log(&events);
    assert!(log.chunks() > 3 * 8, "more than are read at once");
    let backwards = evtx_writer::log(events.iter().rev());
    let zipped = archive_writer::zip(&[("log.evtx", &log.0, archive_writer::deflated())]);
    for (name, bytes) in [("log.evtx", &log.0), ("log.evtx", &backwards.0), ("log.zip", &zipped)] {
        for more in [&[][..], &["--max-memory", "64KiB"], &["--max-memory", "1KiB"]] {
            let ran = context(detect()).file(name, bytes).args(more.iter().copied()).run();
            let rows = known(ran.exits(0));
            let [one, other, child] = &rows[..] else { panic!("{rows:?}") };
            assert!(one.contains(&format!("{},,own", line("above.exe > 1.exe", "8.exe"))), "{name} {more:?} {one}");
            assert!(other.contains(&format!("above.exe > {others},,own")), "{name} {more:?} {other}");
            assert!(child.starts_with("gone.exe -x") && child.ends_with("gone.exe,,child"), "{name} {more:?} {child}");
        }
    }
}

/// Numbers that look as if they were drawn, the same in each run (L'Ecuyer, "Tables of linear congruential generators", 1999).
pub struct Drawn(pub u64);

impl Drawn {
    pub fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(3_935_559_000_370_003_845).wrapping_add(2_691_343_689_449_507_681);
        u32::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Events of processes that start each other anyhow, of two hosts, in any order, over many chunks.
pub fn anyhow(drawn: &mut Drawn) -> Vec<Event> {
    const PROCESSES: u32 = 40;
    let mut events = Vec::new();
    for _ in 0..400 {
        let own = drawn.below(PROCESSES);
        let (kind, host) = (drawn.below(8), ["WS01", "WS02"][drawn.below(2) as usize]);
        // Half of them have no connections.
        let own = if kind < 6 { own } else { own / 2 };
        let number = u8::try_from(own).unwrap();
        let process = guid(own, number);
        let event = match kind {
            // Of some, only those that they have started tell.
            0..4 if own % 4 > 0 => {
                let parent = drawn.below(PROCESSES);
                let parent = guid(parent, u8::try_from(parent).unwrap());
                // As long as that few are in a chunk.
                let image = format!(r"C:\{}\{number}.exe", "f".repeat(4000));
                created(&process, &image, &parent, &format!(r"C:\by{number}.exe"))
            }
            0..5 => Event::sysmon(5, 3).with("UtcTime", "2024-03-05 14:09:00.000").with("ProcessGuid", value(&process)),
            5 => query(&format!("{number}.example"), "9.0.0.1;").with("ProcessGuid", value(&process)).at(299),
            // One of two is no hit.
            6 => Event::connection().with("ProcessGuid", value(&process)).dest("10.0.0.1").at(300),
            _ => Event::connection().with("ProcessGuid", value(&process)).dest("9.0.0.1").at(300),
        };
        events.push(event.on(host));
    }
    events
}

#[test]
fn processes_are_the_same_whether_they_are_looked_for_along_with_the_scan_or_behind_it() {
    for seed in 1..6 {
        let mut drawn = Drawn(seed);
        let [mut one, other] = [(), ()].map(|()| evtx_writer::log(&anyhow(&mut drawn)));
        assert!(one.chunks() > 8, "more than are read at once");
        let (damaged, unused) = (drawn.below(8) as usize, drawn.below(8) as usize);
        match seed % 3 {
            0 => one = one.with_unused_chunk(unused),
            1 => one = one.with_zeros(damaged, 20_000, 300),
            _ => {}
        }
        let zipped = archive_writer::zip(&[("other.evtx", &other.0, archive_writer::deflated())]);
        let case = detect().args(["--context", "--group-by", "dvc,process_guid"]);
        let case = case.log("one.evtx", &one).file("other.zip", zipped);
        let whole = case.run();
        let is_whole = |row: &str| row.contains(" > ") && row.contains(".example") && row.ends_with(",own");
        assert!(whole.report().lines().filter(|row| is_whole(row)).count() > 10, "{seed}");
        assert!(whole.report().lines().any(|row| row.ends_with(",child")), "{seed}");
        for more in [&["--max-memory", "64KiB"][..], &["--max-memory", "1KiB"]] {
            assert_eq!(Ran::new(case.command(&[more, &["."]].concat())).report(), whole.report(), "{seed} {more:?}");
        }
    }
}

#[test]
fn a_damaged_event_of_a_process_is_named_though_no_connection_is_near_it() {
    let log = evtx_writer::log(&[regsvcs()]);
    let at = log.records(0)[0] + 24;
    let case = context(detect()).events(&[connection()]).log("processes.evtx", &{
        let mut log = log.with_bytes(0, at, &[0xff]);
        log.mend(0);
        log
    });
    let ran = case.run();
    ran.exits(3).says(&["processes.evtx: chunk 0"]);
    assert_eq!(known(&ran), [",,,,2024-03-05T14:05:00.0000000Z,,,,,,,,,guid"]);
}

#[test]
fn what_is_wrong_where_a_process_far_above_is_told_of_is_named_once() {
    let parent = created(&guid(200, 2), r"C:\Windows\powershell.exe", &guid(100, 3), r"C:\Office\winword.exe");
    let log = evtx_writer::log(&[parent, ended("01.500")]);
    let at = log.records(0)[1] + 24;
    let mut damaged = log.with_bytes(0, at, &[0xff]);
    damaged.mend(0);
    let case = context(detect()).log("a.evtx", &damaged).events(&[connection(), regsvcs()]);
    for more in [&[][..], &["--threads", "1"], &["--no-prefilter"], &["--max-memory", "1KiB"]] {
        let ran = Ran::new(case.command(&[more, &["--manifest", "m.json", "--force", "."]].concat()));
        ran.exits(3).says(&["a.evtx: chunk 0"]);
        assert!(known(&ran)[0].contains("winword.exe > powershell.exe > regsvcs.exe"), "{more:?}");
        let manifest: serde_json::Value = serde_json::from_str(&case.read("m.json")).unwrap();
        assert_eq!(manifest["defects"]["total"], 1, "{more:?}");
    }
}

#[test]
fn merged_partials_give_what_one_scan_knows_of_processes() {
    let host = |name: &str| {
        let parent = created(&guid(200, 2), r"C:\Windows\powershell.exe", &guid(100, 3), r"C:\Office\winword.exe");
        let other = connection().with("ProcessGuid", value(&guid(250, 9)));
        let events = [connection(), other, regsvcs(), parent, ended("01.500"), query("first.example", "8.8.8.8")];
        evtx_writer::log(&events.map(|event| event.on(name)))
    };
    for (more, outputs) in [
        (&["--context"][..], &["--events", "e.csv", "--html", "p.html", "--manifest", "m.json"][..]),
        (&["--partial-events"], &["--html", "p.html", "--manifest", "m.json"]),
        (&["--context", "--format", "jsonl"], &[]),
    ] {
        let case = detect().log("logs/a.evtx", &host("A")).log("logs/b.evtx", &host("B"));
        let written = |ran: Ran| {
            let files = ["e.csv", "p.html"].map(|name| fs::read_to_string(case.path(name)).unwrap_or_default());
            let rest =
                files.map(|text| text.lines().filter(|line| !line.contains("\"arguments\"")).collect::<String>());
            for name in ["e.csv", "p.html", "m.json"] {
                drop(fs::remove_file(case.path(name)));
            }
            (ran.exits(0).report().to_owned(), rest)
        };
        let columns: Vec<&str> = more.iter().copied().filter(|arg| *arg != "--partial-events").collect();
        let one = written(Ran::new(case.command(&[&columns, outputs, &["logs"]].concat())));
        for log in ["a", "b"] {
            let (partial, path) = (format!("{log}.parquet"), format!("logs/{log}.evtx"));
            Ran::new(case.command(&[more, &["--partial", &partial, &path]].concat())).exits(0);
        }
        let format = &more[more.len().min(1)..];
        let merge = [&["merge"], format, outputs, &["a.parquet", "b.parquet"]].concat();
        let merged = written(Ran::new(case.another(&merge)));
        assert_eq!(merged.0, one.0, "{more:?}");
        assert_eq!(merged.1[0], one.1[0], "{more:?}");
        assert!(merged.1[1] == one.1[1], "the pages differ with {more:?}");
        assert!(one.1[1].is_empty() || one.1[1].contains("first.example"), "the page always says it");
        assert_eq!(one.0.contains("first.example"), more.contains(&"--context"), "{}", one.0);
    }
}

#[test]
fn partials_with_it_and_without_do_not_go_together() {
    let case = detect().events(&[connection(), regsvcs()]);
    Ran::new(case.command(&["--context", "--partial", "a.parquet", "."])).exits(0);
    Ran::new(case.command(&["--partial-events", "--partial", "b.parquet", "log.evtx"])).exits(0);
    let merged = Ran::new(case.another(&["merge", "a.parquet", "b.parquet"]));
    merged.exits(1).says(&["cannot be merged: it was made with another choice of --context than a.parquet"]);
}

#[test]
fn names_are_asked_for_by_the_clock_that_was_chosen() {
    // By its own account all of it happened two hours before it was logged, and the connection was logged an hour late.
    let at = |event: Event, time: &str| event.with("UtcTime", time);
    let events = [
        at(query("first.example", "8.8.8.8"), "2024-03-05 12:07:01.000"),
        at(connection(), "2024-03-05 12:07:02.000").at(3600),
    ];
    let rows = |clock: &str| {
        let case = context(detect()).events(&events).args(["--clock", clock]);
        case.run().report().lines().skip(1).map(|row| row.contains("first.example")).collect::<Vec<_>>()
    };
    assert_eq!((rows("logged"), rows("utc")), (vec![false], vec![true]));
}

#[test]
fn processes_in_real_logs_are_those_that_their_events_tell() {
    let Some(samples) = samples() else { return };
    for (name, rows) in [
        ("metasploit-sysmon.evtx", "WmiPrvSE.exe > cmd.exe > hello.exe,192.168.37.203,own"),
        ("powercat_revShell_sysmon_1_3.evtx", "powershell,,,,2019-06-20T08:00:05.0000000Z,,,,,,,powershell.exe,,child"),
        ("Sysmon_UACME_38.evtx", "cmd.exe > UACME.exe > mmc.exe,,own"),
    ] {
        let log = fs::read(samples.join("context").join(name)).unwrap();
        let ran = context(connections()).file(name, log).run();
        let known = known(ran.exits(0));
        assert!(known.len() == 1 && known[0].ends_with(rows), "{known:?}");
    }
}

#[test]
fn the_page_draws_the_processes_that_a_connection_comes_from() {
    let parent = created(&guid(200, 2), r"C:\Windows\powershell.exe", &guid(400, 3), r"C:\Office\winword.exe");
    let case = detect().events(&[connection(), connection(), regsvcs(), parent, ended("01.500")]);
    case.command(&["--html", "page.html", "--rule", "regsvcs,lolbas", "."]).output().unwrap();
    let page = fs::read_to_string(case.path("page.html")).unwrap();
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    let members = data["groups"]["family"]["members"].as_array().unwrap();
    let text = |id: &serde_json::Value| data["strings"][id.as_u64().unwrap() as usize].as_str().unwrap().to_owned();
    let line = |member: &serde_json::Value| {
        (text(&member["image"]), text(&member["command"]), member["above"].as_u64(), member["end"].is_null())
    };
    let expected = [
        // By its GUID it has started after what it has started, so that it is not said when.
        (r"C:\Office\winword.exe", "winword.exe -x", None, true),
        (r"C:\Windows\powershell.exe", "powershell.exe /u \"a b\"", Some(0), true),
        (r"C:\Temp\regsvcs.exe", "regsvcs.exe /u \"a b\"", Some(1), false),
    ];
    let expected = expected.map(|(image, command, above, end)| (image.to_owned(), command.to_owned(), above, end));
    assert_eq!(members.iter().map(line).collect::<Vec<_>>(), expected, "{data:#}");
    assert!(members[0]["start"].is_null(), "{}", members[0]);
    assert_eq!(data["groups"]["process"], 2);
    assert!(data["groups"]["fields"]["rule_author"].is_number() || data["groups"]["fields"]["rule_author"].is_array());
    assert!(!data["groups"]["fields"]["rule_id"].is_null() && !data["groups"]["fields"]["mitre_attack"].is_null());
}

#[test]
fn the_page_says_no_start_after_a_connection() {
    let late = guid(800, 1);
    let child = created(&guid(310, 9), r"C:\Windows\cmd.exe", &late, r"C:\Temp\regsvcs.exe");
    // By its GUID it has started between its connections.
    let of_it = connection().with("ProcessGuid", value(&late));
    let case = detect().events(&[of_it.clone().dest("9.9.9.9").at(3600), of_it, child]);
    case.command(&["--html", "page.html", "."]).output().unwrap();
    let page = fs::read_to_string(case.path("page.html")).unwrap();
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    let members = data["groups"]["family"]["members"].as_array().unwrap();
    assert!(members.len() == 1 && members[0]["start"].is_null(), "{members:?}");
}

#[test]
fn a_process_above_of_which_only_the_end_is_known_is_drawn_as_the_one_below_has_it() {
    let end = ended("02.500").with("ProcessGuid", value(&guid(200, 2)));
    let case = detect().events(&[connection(), regsvcs(), end]);
    case.command(&["--html", "page.html", "."]).output().unwrap();
    let page = fs::read_to_string(case.path("page.html")).unwrap();
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    let members = data["groups"]["family"]["members"].as_array().unwrap();
    assert_eq!(members.len(), 2, "{data:#}");
    assert_eq!(data["strings"][members[0]["image"].as_u64().unwrap() as usize], r"C:\Windows\powershell.exe");
    assert!(!members[0]["end"].is_null() && members[1]["above"] == 0, "{members:?}");
}
