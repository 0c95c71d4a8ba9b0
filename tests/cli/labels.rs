//! What lists and databases of an investigator say of the peers of connections: which are on what, and that nothing else changes for it.

use std::fs;

use crate::{
    case::{Case, Ran, connections, detect},
    evtx_writer::{self, Event, Value},
    mmdb_writer::{self, ipinfo, maxmind},
};

/// A connection of regsvcs.exe to an address, so many seconds after the first, whose name is logged if there is one.
fn to(address: &str, name: &str, seconds: u64) -> Event {
    let name = if name.is_empty() { "-" } else { name };
    Event::connection().dest(address).with("DestinationHostname", name).at(seconds)
}

/// That the process asked for a name and got an address, so many seconds after the first connection.
fn query(name: &str, address: &str, seconds: u64) -> Event {
    Event::sysmon(22, 5)
        .with("ProcessGuid", Value::Guid("11223344-5566-7788-99aa-bbccddeeff00".to_owned()))
        .with("QueryName", name)
        .with("QueryResults", &*format!("{address};"))
        .at(seconds)
}

/// A connection that came in from one address at another.
fn inbound(source: &str, dest: &str) -> Event {
    to(dest, "", 7).with("Initiated", Value::Bool(false)).with("SourceIp", source).with("SourceHostname", "-")
}

/// The rows without count and times.
#[track_caller]
fn rows(ran: &Ran, columns: &str) -> Vec<String> {
    let mut lines = ran.report().lines();
    let header = lines.next().unwrap_or_default();
    let without = |row: &str| {
        let cells: Vec<&str> = row.split(',').collect();
        let at = header.split(',').position(|column| column == "count").unwrap();
        [&cells[..at], &cells[at + 3..]].concat().join(",")
    };
    assert_eq!(without(header), columns, "{}", ran.stderr());
    lines.map(without).collect()
}

fn run_in(case: &Case, args: &[&str]) -> Ran {
    Ran::new(case.command(args))
}

#[test]
fn addresses_networks_names_below_a_domain_and_patterns_are_found() {
    let list = "9.9.9.9 # one\r\n2620:fe::/48\n\nEvil.test\n*.cdn.test\nws-*.odd.test\n198.41.*\n";
    let case = detect()
        .events(&[
            to("9.9.9.9", "", 0),
            to("9.9.9.10", "", 1),
            to("2620:fe::fe", "", 2),
            to("1.0.0.1", "evil.TEST", 3),
            to("1.0.0.2", "a.b.evil.test", 4),
            to("1.0.0.3", "notevil.test", 5),
            to("1.0.0.4", "cdn.test", 6),
            to("1.0.0.5", "x.cdn.test", 7),
            to("1.0.0.6", "ws-12.odd.test", 8),
            to("198.41.0.4", "", 9),
        ])
        .file("lists/bad.txt", list)
        .args(["--watchlist", "lists/bad.txt", "--group-by", "dest_ip"]);
    let ran = case.run_on(&["log.evtx"]);
    let on = |address: &str, list: &str| format!("{address},{list}");
    assert_eq!(
        rows(&ran, "dest_ip,watchlist"),
        [
            on("9.9.9.9", "bad"),
            on("9.9.9.10", ""),
            on("2620:fe::fe", "bad"),
            on("1.0.0.1", "bad"),
            on("1.0.0.2", "bad"),
            on("1.0.0.3", ""),
            on("1.0.0.4", ""),
            on("1.0.0.5", "bad"),
            on("1.0.0.6", "bad"),
            on("198.41.0.4", "bad"),
        ]
    );
    ran.exits(0).says(&["watchlist bad (6 entries): 7 hits in 7 groups\n"]);
}

#[test]
fn names_that_the_process_asked_for_count_without_context_too_from_any_log() {
    let case = detect()
        .events(&[to("9.9.9.9", "", 2), to("9.9.9.8", "", 3)])
        .log(
            "b/queries.evtx",
            &evtx_writer::log(&[query("www.evil.test", "9.9.9.9", 1), query("evil.test", "9.9.9.7", 1)]),
        )
        .file("bad.txt", "evil.test\n")
        .args(["--watchlist", "bad.txt", "--group-by", "dest_ip"]);
    let ran = case.run();
    assert_eq!(rows(&ran, "dest_ip,watchlist"), ["9.9.9.9,bad", "9.9.9.8,"]);
    ran.exits(0).says(&["watchlist bad (1 entry): 1 hit in 1 group\n"]);
}

#[test]
fn a_name_with_any_characters_does_not_take_the_place_of_others() {
    let events = [
        // Another process, which asked for nothing. Its name is as the two of the other would be in lines.
        to("9.9.9.9", "c\nevil.test", 0)
            .with("ProcessGuid", Value::Guid("99999999-5566-7788-99aa-bbccddeeff00".to_owned())),
        query("evil.test", "9.9.9.9", 1),
        to("9.9.9.9", "c", 2),
    ];
    let args = ["--watchlist", "bad.txt", "--group-by", "dest"];
    let ran = detect().events(&events).file("bad.txt", "evil.test\n").args(args).run_on(&["log.evtx"]);
    assert_eq!(rows(&ran, "dest,watchlist"), [r"c\nevil.test,", "c,bad"]);
}

#[test]
fn only_watched_keeps_whole_rows_in_all_that_is_written_and_counts_the_others() {
    // The second connection is long after the name was asked for.
    let events = [query("evil.test", "9.9.9.9", 0), to("9.9.9.9", "", 1), to("9.9.9.9", "", 900), to("9.9.9.8", "", 2)];
    let case = detect().events(&events).file("bad.txt", "evil.test\n");
    let args = ["--watchlist", "bad.txt", "--only-watched", "--group-by", "dest_ip"];
    let more = ["--events", "e.csv", "--html", "p.html", "--manifest", "m.json", "."];
    let ran = run_in(&case, &[&args[..], &more].concat());
    assert_eq!(rows(&ran, "dest_ip,watchlist"), ["9.9.9.9,bad"]);
    assert!(ran.report().contains("9.9.9.9,2,"), "{}", ran.report());
    ran.exits(0).says(&[
        "watchlist bad (1 entry): 1 hit in 1 group\n",
        "1 hit in 1 group on no list left out\n",
        "found     3 connections of regsvcs.exe: 3 hits in 2 groups, 1 of them left out, 0 excluded\n",
    ]);
    let events = fs::read_to_string(case.path("e.csv")).unwrap();
    let ends: Vec<&str> = events.lines().map(|row| row.rsplit(',').next().unwrap()).collect();
    assert_eq!(ends, ["watchlist", "bad", ""], "{events}");
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(case.path("m.json")).unwrap()).unwrap();
    assert_eq!(manifest["options"]["only_watched"], true);
    assert_eq!(page(&case)["groups"]["total"], 1);
    assert_eq!(page(&case)["events"]["shown"], 2);
    for [name, value] in [["--threads", "1"], ["--max-memory", "1"]] {
        let again = run_in(&case, &[&args[..], &[name, value, "."]].concat());
        assert_eq!(again.report(), ran.report());
    }
    let deduplicated = run_in(&case, &[&args[..], &["--dedup", "."]].concat());
    assert_eq!(deduplicated.report(), ran.report());
}

#[test]
fn rules_count_the_hits_that_only_watched_leaves_in() {
    let events = [to("9.9.9.9", "", 0), to("9.9.9.9", "", 1), to("9.9.9.8", "", 2)];
    let case = detect().events(&events).file("bad.txt", "9.9.9.9\n");
    let title = "Detect Regsvcs with Network Connection";
    for more in [&["--dedup"][..], &["--events", "e.csv"], &[]] {
        let args = [
            "--rule",
            "regsvcs,installutil",
            "--watchlist",
            "bad.txt",
            "--only-watched",
            "--force",
            "--html",
            "p.html",
        ];
        let ran = run_in(&case, &[&args[..], more, &["."]].concat());
        ran.exits(0).says(&[&format!("      2  {title}\n")]);
        assert_eq!(page(&case)["cards"][0]["hits"], 2, "{more:?}");
    }
    run_in(&case, &["--rule", "regsvcs,installutil", "-q", "--partial", "p.parquet", "."]).exits(0);
    let merged = Ran::new(case.another(&["merge", "--watchlist", "bad.txt", "--only-watched", "p.parquet"]));
    merged.exits(0).says(&[&format!("      2  {title}\n"), "1 hit in 1 group on no list left out\n"]);
}

#[test]
fn only_watched_without_a_list_is_refused() {
    for args in [["--only-watched"].as_slice(), &["--only-watched", "--geoip", "x.mmdb"]] {
        let case = detect().events(&[to("9.9.9.9", "", 0)]).args(args.iter().copied());
        case.run().exits(2).says(&["--only-watched without --watchlist", "for example --watchlist c2.txt"]);
    }
}

fn page(case: &Case) -> serde_json::Value {
    let page = fs::read_to_string(case.path("p.html")).unwrap();
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    serde_json::from_str(data).unwrap()
}

#[test]
fn of_what_came_in_the_peer_is_asked_of_and_both_ends_where_it_is_not_known() {
    let list = |case: Case| {
        case.file("bad.txt", "9.1.1.1\n9.2.2.2\n").args([
            "--watchlist",
            "bad.txt",
            "--group-by",
            "src_ip,dest_ip",
            "--exclusions",
            "none",
        ])
    };
    let came_in = [inbound("9.1.1.1", "9.2.2.2"), inbound("9.1.1.2", "9.2.2.2"), inbound("9.2.2.2", "9.3.3.3")];
    // What the host has opened says that 9.2.2.2 is its own.
    let opened = to("9.4.4.4", "", 9).image(r"C:\Windows\other.exe").with("SourceIp", "9.2.2.2");
    let both = list(detect()).events(&came_in);
    let labels = |ran: &Ran| rows(ran, "src_ip,dest_ip,watchlist").join(" ");
    assert_eq!(labels(&both.run()), "9.1.1.1,9.2.2.2,bad 9.1.1.2,9.2.2.2,bad 9.2.2.2,9.3.3.3,bad");
    let known = list(detect()).events(came_in.iter().chain([&opened]));
    assert_eq!(labels(&known.run()), "9.1.1.1,9.2.2.2,bad 9.1.1.2,9.2.2.2, 9.2.2.2,9.3.3.3,");
}

#[test]
fn nothing_is_asked_of_the_host_itself_where_its_peer_is_known_and_states_no_name_or_no_address() {
    // WS01 is 10.0.0.5, and its log names it where it is the source.
    let own = |event: Event| event.with("SourceIp", "10.0.0.5").with("SourceHostname", "ws01.test");
    let events = [
        own(to("1.1.1.1", "", 0)),
        own(inbound("10.0.0.5", "9.9.9.9")),
        own(inbound("10.0.0.5", "-")),
        inbound("-", "10.0.0.5"),
        inbound("9.9.9.9", "10.0.0.5"),
        to("10.0.0.5", "", 8).with("SourceIp", "-").with("SourceHostname", "ws01.test"),
    ];
    let database = mmdb_writer::database(&[("10.0.0.0", 8, maxmind(1, "OWN", "CH"))]);
    let case = connections()
        .events(&events)
        .file("own.txt", "ws01.test\n")
        .file("ip.txt", "10.0.0.0/8\n")
        .file("as.mmdb", database);
    let fields = "direction,remote_ip,local_ip,src_ip,src,dest_ip,dest,remote";
    let labels = ["--watchlist", "own.txt", "--watchlist", "ip.txt", "--geoip", "as.mmdb"];
    let with = |more: &[&str]| run_in(&case, &[&["-q", "--force", "--group-by", fields], more].concat());
    let ran = with(&[&labels[..], &["log.evtx"]].concat());
    // Of what the host has opened, the destination is the peer: here itself.
    let labelled: Vec<&str> = ran.report().lines().skip(1).filter(|row| !row.ends_with(",,,,")).collect();
    assert!(
        labelled.len() == 1 && labelled[0].starts_with("outbound,,10.0.0.5,,ws01.test,10.0.0.5,10.0.0.5,ws01.test,1,"),
        "{}",
        ran.report()
    );
    assert!(labelled[0].ends_with(",ip,1,OWN,CH"), "{}", ran.report());
    for partial in [&["--partial", "p.parquet"][..], &["--partial", "p.parquet", "--partial-events"]] {
        with(&[partial, &["log.evtx"]].concat()).exits(0);
        let merged = Ran::new(case.another(&[&["merge", "-q", "p.parquet"][..], &labels].concat()));
        assert_eq!(merged.exits(0).report(), ran.report());
    }
}

#[test]
fn a_row_of_many_peers_has_the_labels_of_all_of_them_once_and_in_order() {
    let database = mmdb_writer::database(&[
        ("9.9.9.0", 24, maxmind(19281, "QUAD9", "CH")),
        ("8.8.8.0", 24, maxmind(15169, "GOOGLE", "US")),
        ("8.8.4.0", 24, maxmind(15169, "GOOGLE", "US")),
    ]);
    let events = [to("8.8.8.8", "", 3), to("9.9.9.9", "", 1), to("8.8.4.4", "", 2), to("1.1.1.1", "", 0)];
    let case = detect()
        .events(&events)
        .file("b.txt", "8.8.8.8")
        .file("a.txt", "9.9.9.9\n8.8.8.8\n")
        .file("as.mmdb", database)
        .args(["--watchlist", "b.txt", "--watchlist", "a.txt", "--geoip", "as.mmdb", "--group-by", "dvc"]);
    let ran = case.run_on(&["log.evtx"]);
    let row = "WS01.corp.example,b;a,19281;15169,QUAD9;GOOGLE,CH;US";
    assert_eq!(rows(&ran, "dvc,watchlist,dest_asn,dest_as_org,dest_country"), [row]);
    ran.exits(0).says(&[
        "b (1 entry): 1 hit in 1 group",
        "a (2 entries): 2 hits in 1 group",
        "geoip     3 hits in 1 group",
    ]);
    let spilled = run_in(&case, &["--max-memory", "1", "log.evtx"]);
    assert_eq!(spilled.report(), ran.report());
}

#[test]
fn warninglists_and_bundles_are_lists_and_what_of_them_is_not_used_is_said() {
    let misp = r#"{"name": "Public, DNS", "type": "cidr", "version": 3, "list": ["9.9.9.0/24", "not one"]}"#;
    let stix = r#"{"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "indicator", "name": "C2", "pattern_type": "stix", "pattern": "[ipv4-addr:value = '9.9.9.9']"},
        {"type": "indicator", "name": "Two", "pattern_type": "stix", "pattern": "[ipv4-addr:value = '1.2.3.4' OR ipv4-addr:value = '1.2.3.5']"}]}"#;
    let case = detect()
        .events(&[to("9.9.9.9", "", 0), to("9.9.9.8", "", 1)])
        .file("l/misp.json", misp)
        .file("l/feed.json", stix)
        .args(["--watchlist", "l/misp.json", "--watchlist", "l/feed.json", "--group-by", "dest_ip"]);
    let ran = case.run_on(&["log.evtx"]);
    let report: Vec<&str> = ran.report().lines().skip(1).collect();
    assert!(report[0].ends_with(",\"Public, DNS;feed\"") && report[1].ends_with(",\"Public, DNS\""), "{report:?}");
    let said = [
        "--watchlist l/misp.json: 1 of 2 entries ignored, since no address or name can be compared with them, for example not one",
        "1 of 2 entries ignored, since no address or name can be compared with them, for example Two: [ipv4-addr:value = '1.2.3.4' OR",
    ];
    ran.exits(0).says(&said);
    run_in(&case, &["-q", "log.evtx"]).exits(0).says(&said);
}

#[test]
fn what_is_no_list_is_refused_with_the_file_and_the_line() {
    for (text, said) in [
        (
            "9.9.9.9\n10.0.0.0/33\n",
            "--watchlist bad.txt: line 2: \"10.0.0.0/33\" is neither an address, a network, a domain name",
        ),
        ("# none\n", "--watchlist bad.txt: nothing in it can be used"),
        ("{\"a\": 1}", "give a MISP warninglist (name, type and list) or a STIX 2.1 bundle"),
    ] {
        let case = detect().events(&[to("9.9.9.9", "", 0)]).file("bad.txt", text).args(["--watchlist", "bad.txt"]);
        case.run().exits(2).says(&[said]);
    }
    let missing = detect().events(&[to("9.9.9.9", "", 0)]).args(["--watchlist", "none.txt"]);
    missing.run().exits(2).says(&["--watchlist none.txt: cannot read it: "]);
}

#[test]
fn of_several_databases_the_first_that_knows_a_value_tells_it() {
    let country = mmdb_writer::database(&[("9.9.0.0", 16, ipinfo("", "", "CH", "Switzerland"))]);
    let systems = mmdb_writer::database(&[("9.9.9.0", 24, maxmind(19281, "=QUAD9", "XX"))]);
    let case = detect()
        .events(&[to("9.9.9.9", "", 0), to("9.9.8.8", "", 1), to("9.8.8.8", "", 2)])
        .file("c.mmdb", country)
        .file("as.mmdb", systems)
        .args(["--geoip", "c.mmdb", "--geoip", "as.mmdb", "--group-by", "dest_ip"]);
    let ran = case.run_on(&["log.evtx"]);
    let rows = rows(&ran, "dest_ip,dest_asn,dest_as_org,dest_country");
    assert_eq!(rows, ["9.9.9.9,19281,'=QUAD9,CH", "9.9.8.8,,,CH", "9.8.8.8,,,"]);
    ran.exits(0).says(&["geoip     2 hits in 2 groups\n"]);
    let json = run_in(&case, &["--format", "jsonl", "log.evtx"]);
    let first: serde_json::Value = serde_json::from_str(json.report().lines().next().unwrap()).unwrap();
    assert_eq!((&first["dest_asn"], &first["dest_as_org"]), (&19281.into(), &"=QUAD9".into()));
    let table = run_in(&case, &["--format", "table", "log.evtx"]);
    assert!(table.report().contains("\n  at AS19281, =QUAD9, CH\n"), "{}", table.report());
}

#[test]
fn a_database_that_is_none_or_is_damaged_is_an_error() {
    let whole = mmdb_writer::database(&[("9.9.9.0", 24, maxmind(19281, "QUAD9", "CH"))]);
    // The start of its only value is another type then.
    let at = whole
        .windows(11)
        .position(|part| part == b"\x58autonomous")
        .unwrap_or_else(|| whole.windows(10).position(|part| part == b"autonomous").unwrap() - 2);
    let mut damaged = whole.clone();
    damaged[at] = 0x20 | 0x1f;
    for (bytes, status, said) in [
        (b"nothing".to_vec(), 2, "--geoip as.mmdb: not a database in MaxMind's format: "),
        (whole[..whole.len() / 2].to_vec(), 2, "--geoip as.mmdb: not a database in MaxMind's format: "),
        (damaged, 1, "as.mmdb: cannot look up an address in it: "),
    ] {
        let case = detect().events(&[to("9.9.9.9", "", 0)]).file("as.mmdb", bytes).args(["--geoip", "as.mmdb"]);
        let ran = case.run_on(&["log.evtx"]);
        assert!(!ran.stderr().contains("panicked"), "{}", ran.stderr());
        ran.exits(status).says(&[said]);
        assert_eq!(ran.report(), "");
    }
}

/// Two logs, and a partial result of each.
fn parts(more: &[&str]) -> Case {
    let logs = [
        [to("9.9.9.9", "", 0), to("9.9.9.8", "evil.test", 1), query("evil.test", "9.9.9.7", 1), to("9.9.9.7", "", 2)],
        [
            to("9.9.9.9", "", 3).on("WS02"),
            to("1.1.1.1", "", 4).on("WS02"),
            inbound("9.9.9.9", "1.1.1.2").on("WS02"),
            to("1.1.1.3", "", 5),
        ],
    ];
    let database = mmdb_writer::database(&[("9.9.9.0", 24, maxmind(19281, "QUAD9", "CH"))]);
    let mut case = detect().file("bad.txt", "9.9.9.9\nevil.test\n").file("as.mmdb", database);
    fs::create_dir(case.path("parts")).unwrap();
    for (number, events) in logs.iter().enumerate() {
        case = case.log(&format!("logs/{number}.evtx"), &evtx_writer::log(events));
        let (name, log) = (format!("parts/{number}.parquet"), format!("logs/{number}.evtx"));
        run_in(&case, &[&["--partial", &name], more, &[&log]].concat()).exits(0);
    }
    case
}

#[test]
fn merging_labels_as_one_scan_does_and_groups_alone_as_far_as_they_tell() {
    let labels = ["--watchlist", "bad.txt", "--geoip", "as.mmdb"];
    let case = parts(&["--partial-events"]);
    for more in [&[][..], &["--only-watched"]] {
        let scan = run_in(&case, &[&labels[..], more, &["logs"]].concat());
        let merged = Ran::new(case.another(&[&["merge"], &labels[..], more, &["parts"]].concat()));
        merged.exits(0).says(&["watchlist bad (2 entries): 5 hits in 5 groups\n"]);
        assert_eq!(merged.report(), scan.report(), "{}", scan.stderr());
    }
    let case = parts(&[]);
    let unknown = "groups do not have the names that processes asked DNS for: --partial-events";
    let merged = Ran::new(case.another(&[&["merge"], &labels[..], &["parts"]].concat()));
    merged.exits(0).says(&[
        "watchlist bad (2 entries): 4 hits in 4 groups\n",
        "geoip     5 hits in 5 groups\n",
        unknown,
    ]);
    let only = Ran::new(case.another(&[&["merge", "--only-watched", "-q"], &labels[..], &["parts"]].concat()));
    assert_eq!(only.report().lines().count(), 5, "{}", only.report());
    only.exits(0).says(&[unknown]);
}

#[test]
fn groups_are_labelled_by_all_fields_that_partial_results_have_and_then_regrouped() {
    let case = parts(&[]);
    // As one scan, where nothing is asked for by name alone.
    fs::write(case.path("bad.txt"), "9.9.9.9\n1.1.1.3\n").unwrap();
    let labels = ["--watchlist", "bad.txt", "--geoip", "as.mmdb", "-q"];
    for fields in ["dvc", "dvc,dest_port", "process_name", "dvc,dest_ip"] {
        for more in [&[][..], &["--only-watched"]] {
            let more = &[&["--group-by", fields], more].concat();
            let scan = run_in(&case, &[&labels[..], more, &["logs"]].concat());
            let merged = Ran::new(case.another(&[&["merge"], &labels[..], more, &["parts"]].concat()));
            assert_eq!(merged.exits(0).report(), scan.report(), "{more:?}");
            assert!(merged.report().lines().count() > 1, "{more:?}");
        }
    }
    let counted = ["--group-by", "dvc", "--only-watched", "--watchlist", "bad.txt"];
    let merged = Ran::new(case.another(&[&["merge"], &counted[..], &["parts"]].concat()));
    merged
        .exits(0)
        .says(&["watchlist bad (2 entries): 4 hits in 2 groups\n", "0 hits in 0 groups on no list left out"]);
    run_in(&case, &["--group-by", "dvc,dest", "--partial", "parts/0.parquet", "--force", "logs/0.evtx"]).exits(0);
    let lacks = ["merge", "--group-by", "dvc,dest", "--watchlist", "bad.txt", "parts"];
    Ran::new(case.another(&lacks)).exits(2).says(&[
        "--watchlist: the groups in the partial results have no addresses without dest_ip: scan with dest_ip in --group-by, or with \
         --partial-events",
    ]);
}

#[test]
fn hosts_of_rows_that_only_watched_leaves_out_count_for_rarity() {
    // The process on WS02 has asked for the name, and another host had the same destination first.
    let events = [
        to("9.9.9.9", "", 1).on("WS01"),
        query("evil.test", "9.9.9.9", 2).on("WS02"),
        to("9.9.9.9", "", 3).on("WS02"),
        to("9.9.9.8", "x.test", 4).on("WS01"),
        to("9.9.9.7", "x.test", 5).on("WS02"),
    ];
    let case = detect().events(&events).file("n.txt", "evil.test\n").file("a.txt", "9.9.9.7\n");
    let rarity = ["merge", "--rarity", "--only-watched", "-q", "--force", "-o", "r.csv"];
    run_in(&case, &["--partial", "p.parquet", "--partial-events", "."]).exits(0);
    let args = [&rarity[..], &["--html", "p.html", "--watchlist", "n.txt", "p.parquet"]].concat();
    Ran::new(case.another(&args)).exits(0);
    let rows = fs::read_to_string(case.path("r.csv")).unwrap();
    assert!(rows.lines().count() == 2 && rows.ends_with(",n,2,WS01\n"), "{rows}");
    let data = page(&case);
    let texts = |field: &str| {
        // All rows of a column that is one value have it.
        let id = data["groups"]["fields"][field].as_u64().unwrap() as usize;
        data["strings"][id].as_str().unwrap().to_owned()
    };
    assert_eq!((texts("host_count"), texts("first_host")), ("2".to_owned(), "WS01".to_owned()));
    assert_eq!(data["rare"]["top"].as_array().unwrap().len(), 1, "{}", data["rare"]);
    let by_address = ["--partial", "p.parquet", "--force", "--group-by", "dvc,process_name,dest,dest_ip", "."];
    run_in(&case, &by_address).exits(0);
    let by_name = ["--group-by", "dvc,process_name,dest", "--watchlist", "a.txt", "p.parquet"];
    Ran::new(case.another(&[&rarity[..], &by_name].concat())).exits(0);
    let rows = fs::read_to_string(case.path("r.csv")).unwrap();
    assert!(rows.lines().count() == 2 && rows.ends_with(",a,2,WS01\n"), "{rows}");
}

#[test]
fn connections_whose_peer_their_groups_do_not_tell_are_counted() {
    let events = [to("9.9.9.9", "", 0), inbound("9.9.9.9", "10.1.2.3"), inbound("9.9.9.8", "10.1.2.3")];
    let case = connections().events(&events).file("bad.txt", "9.9.9.9\n");
    let merged = |fields: &str, more: &[&str]| {
        run_in(&case, &["--force", "--group-by", fields, "--partial", "p.parquet", "log.evtx"]).exits(0);
        Ran::new(case.another(&[&["merge", "--watchlist", "bad.txt", "p.parquet"], more].concat()))
    };
    let unknown =
        |count: u64| format!("the peer of {count} connections is not known, since their groups have no src_ip");
    merged("dvc,direction,dest_ip", &[]).exits(0).says(&["1 hit in 1 group\n", &unknown(2)]);
    merged("dvc,direction,dest_ip", &["-q", "--only-watched"]).exits(0).says(&[&unknown(2)]);
    merged("dvc,dest_ip", &[]).exits(0).says(&[&unknown(3)]);
    for told in ["direction,dest_ip,src_ip", "remote_ip", "src_ip,dest_ip"] {
        let merged = merged(told, &[]);
        assert!(!merged.stderr().contains("is not known"), "{told}: {}", merged.stderr());
        merged.exits(0);
    }
}

#[test]
fn fields_of_the_other_end_that_have_no_value_or_half_of_it_do_not_tell_the_peer() {
    // Nothing shows which end of the first is the host, of WS02. Of the second, WS01 has opened a connection itself.
    let events = [
        inbound("9.9.9.9", "10.1.2.3").on("WS02").with("SourceHostname", "peer.test"),
        inbound("9.9.9.9", "10.0.0.4").with("SourceHostname", "peer.test"),
        to("1.1.1.1", "", 9).with("SourceIp", "10.0.0.4"),
    ];
    let database = mmdb_writer::database(&[("9.9.9.0", 24, maxmind(19281, "QUAD9", "CH"))]);
    let case =
        connections().events(&events).file("a.txt", "9.9.9.9\n").file("n.txt", "peer.test\n").file("as.mmdb", database);
    let merged = |fields: &str, labels: &[&str]| {
        run_in(&case, &["-q", "--force", "--group-by", fields, "--partial", "p.parquet", "log.evtx"]).exits(0);
        Ran::new(case.another(&[&["merge", "-q", "p.parquet"], labels].concat()))
    };
    let (addresses, names) = (["--watchlist", "a.txt"], ["--watchlist", "n.txt"]);
    let unknown = |count: &str, lacking: &str| {
        format!("the peer of {count} is not known, since their groups have no {lacking}: add ")
    };
    let nat = "dvc,process_name,remote,remote_ip,local_port";
    for labels in [&addresses[..], &["--watchlist", "a.txt", "--only-watched"], &["--geoip", "as.mmdb"]] {
        merged(nat, labels).exits(0).says(&[&unknown("1 connection", "dest_ip or src_ip")]);
    }
    for (fields, labels, count, lacking) in [
        ("direction,dest_ip,remote", addresses, "2 connections", "src_ip"),
        ("direction,dest_ip,src", addresses, "2 connections", "src_ip"),
        ("direction,dest,remote_ip", names, "2 connections", "src"),
        ("direction,src_ip,dest", names, "2 connections", "src"),
    ] {
        merged(fields, &labels).exits(0).says(&[&unknown(count, lacking)]);
    }
    for (fields, labels) in [("direction,dest_ip,src_ip,remote", addresses), ("direction,dest,remote_ip,src", names)] {
        let merged = merged(fields, &labels);
        assert_eq!(
            merged.report().matches(if labels == names { ",n\n" } else { ",a\n" }).count(),
            2,
            "{}",
            merged.report()
        );
        merged.exits(0).does_not_say("is not known");
    }
}

#[test]
fn of_groups_by_the_other_end_the_peer_is_known_of_what_was_opened_too() {
    let events =
        [to("9.9.9.9", "", 0), to("9.9.9.8", "evil.test", 1), to("9.9.9.7", "", 2), inbound("9.9.9.9", "10.1.2.3")];
    let case = detect().events(&events).file("bad.txt", "9.9.9.9\nevil.test\n");
    let fields = ["--exclusions", "none", "--group-by", "direction,remote_ip,remote"];
    let labels = ["--watchlist", "bad.txt", "--only-watched"];
    let scan = run_in(&case, &[&fields[..], &labels, &["--partial", "p.parquet", "log.evtx"]].concat());
    let columns = "direction,remote_ip,remote,watchlist";
    let expected = ["outbound,9.9.9.9,9.9.9.9,bad", "outbound,9.9.9.8,evil.test,bad", "inbound,9.9.9.9,9.9.9.9,bad"];
    assert_eq!(rows(&scan, columns), expected);
    let merged = Ran::new(case.another(&[&["merge"], &labels[..], &["p.parquet"]].concat()));
    assert_eq!(rows(&merged, columns), expected);
}

#[test]
fn the_manifest_has_the_files_and_verify_compares_them() {
    let case = parts(&[]);
    let labels = ["--watchlist", "bad.txt", "--geoip", "as.mmdb"];
    run_in(&case, &[&labels[..], &["--manifest", "m.json", "logs"]].concat()).exits(0);
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(case.path("m.json")).unwrap()).unwrap();
    assert_eq!(
        (&manifest["watchlists"][0]["name"], &manifest["watchlists"][0]["size"]),
        (&"bad.txt".into(), &18.into())
    );
    assert_eq!(manifest["geoip"][0]["digests"]["sha256"].as_str().unwrap().len(), 64);
    assert!(manifest["options"].get("only_watched").is_none());
    Ran::new(case.another(&["verify", "m.json"])).exits(0).reports(&[
        "same     as.mmdb (geoip)",
        "same     bad.txt (watchlist)",
        "same     logs/0.evtx",
        "same     logs/1.evtx",
    ]);
    Ran::new(case.another(&[&["merge", "--manifest", "n.json"], &labels[..], &["parts"]].concat())).exits(0);
    fs::write(case.path("bad.txt"), "9.9.9.9\n").unwrap();
    fs::remove_file(case.path("as.mmdb")).unwrap();
    let changed = ["missing  as.mmdb (geoip)", "changed  bad.txt (watchlist)"];
    for manifest in ["m.json", "n.json"] {
        Ran::new(case.another(&["verify", "-q", manifest])).exits(3).reports(&changed);
    }
    // Without labels nothing of them is in a manifest.
    run_in(&case, &["--manifest", "plain.json", "logs"]).exits(0);
    let plain = fs::read_to_string(case.path("plain.json")).unwrap();
    assert!(!plain.contains("watchlist") && !plain.contains("geoip"));
}

#[test]
fn no_output_takes_the_place_of_a_list() {
    let case = detect().events(&[to("9.9.9.9", "", 0)]).file("bad.txt", "9.9.9.9").args(["--watchlist", "bad.txt"]);
    let ran = run_in(&case, &["-o", "bad.txt", "--force", "log.evtx"]);
    ran.exits(1).says(&["bad.txt: cannot write there: it is one of the files to read"]);
    assert_eq!(fs::read(case.path("bad.txt")).unwrap(), b"9.9.9.9");
}

#[test]
fn the_page_and_parquet_have_the_columns_and_hostile_names_are_guarded() {
    let misp = r#"{"name": "=cmd\n</script>", "type": "string", "list": ["9.9.9.9"]}"#;
    let case = detect().events(&[to("9.9.9.9", "", 0), to("9.9.9.8", "", 1)]).file("l/misp.json", misp);
    let args = ["--watchlist", "l/misp.json", "--group-by", "dest_ip"];
    let ran = run_in(&case, &[&args[..], &["--html", "p.html", "log.evtx"]].concat());
    assert_eq!(rows(&ran, "dest_ip,watchlist"), [r"9.9.9.9,'=cmd\n</script>", "9.9.9.8,"]);
    let data = page(&case);
    assert_eq!(data["of_labels"], serde_json::json!(["watchlist"]));
    assert!(data["fields"].as_array().unwrap().contains(&"watchlist".into()));
    let ids = data["groups"]["fields"]["watchlist"].as_array().unwrap();
    let texts: Vec<&str> =
        ids.iter().map(|id| data["strings"][id.as_u64().unwrap() as usize].as_str().unwrap()).collect();
    assert_eq!(texts, [r"=cmd\n</script>", ""]);
    run_in(&case, &[&args[..], &["-o", "r.parquet", "log.evtx"]].concat()).exits(0);
    let parquet = fs::read(case.path("r.parquet")).unwrap();
    assert!(parquet.windows(9).any(|part| part == b"watchlist") && parquet.windows(4).any(|part| part == b"=cmd"));
    run_in(&case, &[&args[..], &["-o", "r.jsonl", "log.evtx"]].concat()).exits(0);
    let row = fs::read_to_string(case.path("r.jsonl")).unwrap();
    let row: serde_json::Value = serde_json::from_str(row.lines().next().unwrap()).unwrap();
    assert_eq!(row["watchlist"], "=cmd\n</script>");
}

#[test]
fn lists_that_nothing_can_be_on_are_said() {
    let events = [to("9.9.9.9", "", 0)];
    let excluded =
        detect().events(&events).file("l/own.txt", "10.1.0.0/16\n192.168.1.1").args(["--watchlist", "l/own.txt", "-q"]);
    excluded
        .run_on(&["log.evtx"])
        .exits(0)
        .says(&[
            "--watchlist l/own.txt: connections to addresses on this list are left out, since each of its networks is excluded, such as \
             10.1.0.0/16 by 10.0.0.0/8; a scan with --exclusions none",
        ]);
    let remote = excluded.run_on(&["--judge", "remote", "log.evtx"]);
    remote.exits(0).says(&["--watchlist l/own.txt: connections with peers on this list are left out"]);
    run_in(&excluded, &["--partial", "p.parquet", "--partial-events", "log.evtx"]).exits(0);
    let merge = ["merge", "-q", "--watchlist", "l/own.txt", "p.parquet"];
    Ran::new(excluded.another(&merge))
        .exits(0)
        .says(&["connections to addresses on this list are left out", "a scan with --exclusions none"]);
    let given =
        ["--exclude-cidr", "10.0.0.0/8", "--exclude-cidr", "192.168.0.0/16", "--watchlist", "l/own.txt", "log.evtx"];
    let given = Ran::new(connections().events(&events).file("l/own.txt", "10.1.0.0/16").command(&given));
    given.exits(0).says(&["10.1.0.0/16 by 10.0.0.0/8\n"]).does_not_say("--exclusions none");
    let none = connections().events(&events).file("l/own.txt", "10.1.0.0/16").args(["--watchlist", "l/own.txt"]);
    none.run_on(&["log.evtx"]).exits(0).does_not_say("can be on it").says(&["watchlist own (1 entry): none\n"]);
    let names = connections().events(&events).file("l/n.txt", "evil.test").args([
        "--watchlist",
        "l/n.txt",
        "--source",
        "security",
    ]);
    names
        .run_on(&["log.evtx"])
        .exits(0)
        .says(&["--watchlist l/n.txt: no connection can be on it, since it has only names"]);
    run_in(&names, &["--partial", "p.parquet", "log.evtx"]).exits(0);
    let merge = ["merge", "-q", "--watchlist", "l/n.txt", "p.parquet"];
    Ran::new(names.another(&merge)).exits(0).says(&["no connection can be on it, since it has only names"]);
    let other = mmdb_writer::database(&[("0.0.0.0", 1, mmdb_writer::Value::Map(vec![]))]);
    let other = detect().events(&events).file("a.mmdb", other).args(["--geoip", "a.mmdb", "-q"]);
    other
        .run_on(&["log.evtx"])
        .exits(0)
        .says(&["--geoip a.mmdb: no autonomous system, owner or country was found in it"]);
    let mostly = mmdb_writer::database(&[
        ("0.0.0.0", 5, mmdb_writer::Value::Map(vec![])),
        ("9.9.9.9", 32, maxmind(19281, "QUAD9", "CH")),
    ]);
    let mostly = detect().events(&events).file("a.mmdb", mostly).args(["--geoip", "a.mmdb"]);
    mostly.run_on(&["log.evtx"]).exits(0).says(&["geoip     1 hit in 1 group\n"]).does_not_say("was found in it");
}

#[test]
fn lists_of_one_name_are_told_apart_by_their_files() {
    let case = detect()
        .events(&[to("9.9.9.9", "", 0)])
        .file("l/bad.txt", "9.9.9.9")
        .file("m/bad.txt", "9.9.9.8")
        .args(["--watchlist", "l/bad.txt", "--watchlist", "m/bad.txt"]);
    let ran = case.run_on(&["log.evtx"]);
    ran.exits(0).says(&["watchlist bad of l/bad.txt (1 entry): 1 hit", "          bad of m/bad.txt (1 entry): none\n"]);
}

#[test]
fn networks_that_are_excluded_are_looked_up_and_not_compared_one_by_one() {
    let lines = (0..100_000).map(|n| format!("9.{}.{}.{}\n", n >> 16, n >> 8 & 255, n & 255)).collect::<String>();
    let case =
        connections().events(&[to("9.1.2.3", "", 0)]).file("l/own.txt", lines).args(["--exclude-cidr", "@l/own.txt"]);
    let start = std::time::Instant::now();
    case.run_on(&["--watchlist", "l/own.txt", "log.evtx"]).exits(0).says(&["each of its networks is excluded"]);
    case.run_on(&["--detect-cidr", "@l/own.txt", "log.evtx"])
        .exits(0)
        .says(&["nothing can be found, since every address"]);
    // It took minutes.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn a_list_of_three_hundred_thousand_lines_is_read_and_asked() {
    let lines = (0..100_000).map(|n| {
        format!(
            "9.{}.{}.{}\n8.{}.{}.0/24\nhost{n}.evil{}.test\n",
            n >> 16,
            n >> 8 & 255,
            n & 255,
            n >> 8 & 255,
            n & 255,
            n % 977
        )
    });
    let case = detect()
        .events(&[
            to("9.1.2.3", "", 0),
            to("8.7.6.5", "", 1),
            to("1.0.0.1", "host977.evil0.test", 2),
            to("1.0.0.2", "evil0.test", 3),
        ])
        .file("l/big.txt", lines.collect::<String>())
        .args(["--watchlist", "l/big.txt", "--group-by", "dest_ip"]);
    let ran = run_in(&case, &["log.evtx"]);
    assert_eq!(rows(&ran, "dest_ip,watchlist"), ["9.1.2.3,big", "8.7.6.5,big", "1.0.0.1,big", "1.0.0.2,"]);
    ran.exits(0).says(&["watchlist big (300,000 entries): 3 hits in 3 groups"]);
}

#[test]
fn a_database_of_ipv4_alone_is_named_where_peers_have_ipv6_addresses() {
    let database = mmdb_writer::database(&[("9.9.9.0", 24, maxmind(19281, "QUAD9", "CH"))]);
    let line = "--geoip v4.mmdb: it has only IPv4 addresses, but some of the peers have IPv6 addresses\n";
    let case = |addresses: &[&str]| {
        let events: Vec<Event> = addresses.iter().map(|address| to(address, "", 0)).collect();
        connections().events(&events).file("v4.mmdb", database.clone()).args(["--geoip", "v4.mmdb"])
    };
    let with_ipv6 = case(&["9.9.9.9", "2620:fe::fe"]);
    with_ipv6.run_on(&["log.evtx"]).exits(0).says(&[line]);
    assert_eq!(with_ipv6.run_on(&["-q", "log.evtx"]).stderr(), format!("netsift: {line}"));
    for addresses in [&["9.9.9.9"][..], &["9.9.9.9", "fe80::1", "fd00::1", "::1", "ff02::fb"]] {
        assert_eq!(case(addresses).run_on(&["-q", "log.evtx"]).stderr(), "");
    }
}
