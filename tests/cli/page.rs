//! What the page groups by and what its cards are of: what looks the same is one row, the report keeps its fields.

use std::fs;

use serde_json::{Value as Json, json};

use crate::{
    case::{Case, Ran, connections, detect},
    evtx_writer::{self, Event, Value},
};

/// The data of a page that a run has written.
#[track_caller]
fn read(case: &Case, ran: &Ran) -> Json {
    ran.exits(0);
    let page = fs::read_to_string(case.path("page.html")).unwrap();
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    serde_json::from_str(data).unwrap()
}

/// The data of the page of a case.
#[track_caller]
fn data(case: &Case, args: &[&str]) -> Json {
    let ran = Ran::new(case.command(&[&["--force", "-o", "report.csv", "--html", "page.html"], args].concat()));
    read(case, &ran)
}

/// The values of some fields, row by row, and the count of each.
fn rows(data: &Json, fields: &[&str]) -> Vec<String> {
    let groups = &data["groups"];
    let count = groups["shown"].as_u64().unwrap() as usize;
    let at = |column: &Json, row: usize| column.as_array().map_or_else(|| column.clone(), |all| all[row].clone());
    let text = |column: &Json, row: usize| {
        data["strings"][at(column, row).as_u64().unwrap() as usize].as_str().unwrap().to_owned()
    };
    let value = |name: &str, row: usize| match name {
        "address" | "network" => text(&groups[name], row),
        name => text(&groups["fields"][name], row),
    };
    (0..count)
        .map(|row| {
            let values: Vec<String> = fields.iter().map(|name| value(name, row)).collect();
            format!("{} {}", values.join(" "), at(&groups["count"], row))
        })
        .collect()
}

/// The first fields of a page.
fn fields(data: &Json, count: usize) -> Vec<&str> {
    data["fields"].as_array().unwrap().iter().take(count).map(|field| field.as_str().unwrap()).collect()
}

const HOST: &str = "10.0.0.5";

/// Two connections of two processes of one program to a named address, and two that came in from a peer; what the host has opened says
/// which end is its own.
fn events() -> Vec<Event> {
    let inbound = |port: u16, at: u64| {
        Event::connection()
            .with("Initiated", Value::Bool(false))
            .with("SourceIp", HOST)
            .with("SourceHostname", "-")
            .with("SourcePort", Value::U16(3389))
            .dest("8.1.1.1")
            .with("DestinationPort", Value::U16(port))
            .at(at)
    };
    let out = |id: u32, at: u64| {
        Event::connection()
            .with("ProcessId", Value::U32(id))
            .with("SourceIp", HOST)
            .with("DestinationHostname", "c2.example")
            .dest("8.8.8.8")
            .at(at)
    };
    vec![out(1, 1), out(2, 2), inbound(50_001, 3), inbound(50_002, 4)]
}

const SHOWN: [&str; 5] = ["dvc", "direction", "remote", "address", "port"];

#[test]
fn a_page_has_one_row_for_what_looks_the_same_and_the_peer_of_what_came_in() {
    let expected =
        ["WS01.corp.example outbound c2.example 8.8.8.8 443 2", "WS01.corp.example inbound 8.1.1.1 8.1.1.1 3389 2"];
    for case in [connections(), detect().args(["--exclusions", "none"])] {
        let case = case.events(&events());
        let alone = Ran::new(case.command(&["."]));
        let data = data(&case, &["."]);
        assert_eq!(rows(&data, &SHOWN), expected);
        assert_eq!(fields(&data, 5), ["dvc", "app", "direction", "remote", "port"]);
        // The report keeps its fields.
        assert_eq!(fs::read_to_string(case.path("report.csv")).unwrap(), alone.report());
        assert_eq!(alone.report().lines().count(), 5);
        assert_eq!((&data["report"]["rows"], &data["groups"]["total"]), (&4.into(), &2.into()));
        // Cards are of the peer too, and each event has its record and what the row does not tell.
        let names = |top: &Json| -> Vec<String> {
            top["top"].as_array().unwrap().iter().map(|one| one["dest"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&data["destinations"]), ["c2.example", "8.1.1.1"]);
        assert_eq!(data["matrix"]["hits"][0], json!([2, 2, 0]));
        assert_eq!(data["events"]["member_row"], json!([0, 0, 1, 1]));
        assert!(data["events"]["more"]["process_id"].is_array() && data["events"]["more"]["dest_ip"].is_array());
    }
}

#[test]
fn groups_that_were_asked_for_are_those_of_the_page() {
    let case = connections().events(&events());
    let asked = data(&case, &["--group-by", "dest_ip,process_id", "."]);
    assert_eq!(fields(&asked, 2), ["dest_ip", "process_id"]);
    assert_eq!(rows(&asked, &["dest_ip", "process_id"]).len(), 3);
    assert_eq!(data(&case, &["--format", "table", "-o", "r.txt", "."])["groups"]["total"], 2);
}

#[test]
fn merged_hits_have_the_page_of_one_scan_and_merged_groups_its_rows() {
    let other = evtx_writer::log(&[Event::connection().on("WS02").dest("9.9.9.9").at(9)]);
    let case = connections().log("logs/a.evtx", &evtx_writer::log(&events())).log("logs/b.evtx", &other);
    let one = data(&case, &["--manifest", "m.json", "logs"]);
    for (kind, more) in [("events", &["--partial-events"][..]), ("groups", &[])] {
        fs::create_dir_all(case.path(kind)).unwrap();
        for log in ["a", "b"] {
            let partial = format!("{kind}/{log}.parquet");
            let log = format!("logs/{log}.evtx");
            let ran = [&["--partial", &partial], more, &[&log]].concat();
            Ran::new(case.command(&ran)).exits(0);
        }
        let merge = ["merge", "--force", "--manifest", "m.json", "-o", "report.csv", "--html", "page.html", kind];
        let merged = read(&case, &Ran::new(case.another(&merge)));
        if kind == "events" {
            assert_eq!(merged["groups"], one["groups"]);
            assert_eq!(merged["events"], one["events"]);
            assert_eq!(merged["regular"], one["regular"]);
        } else {
            // Which end is the host takes all of its logs to tell; without them it is the source that is shown.
            assert_eq!(
                rows(&merged, &SHOWN),
                [
                    "WS01.corp.example outbound c2.example 8.8.8.8 443 2",
                    "WS01.corp.example inbound 10.0.0.5 10.0.0.5 50001 1",
                    "WS01.corp.example inbound 10.0.0.5 10.0.0.5 50002 1",
                    "WS02 outbound 9.9.9.9 9.9.9.9 443 1",
                ]
            );
            assert_eq!((&merged["regular"], &merged["of_groups"]), (&Json::Null, &true.into()));
        }
    }
}

#[test]
fn a_page_is_the_same_with_little_memory() {
    let events: Vec<Event> = (0..300).map(|n| Event::connection().dest(&format!("9.9.{}.9", n % 70)).at(n)).collect();
    let case = connections().events(&events);
    let mut pages = ["1GiB", "64KiB"].map(|memory| data(&case, &["--max-memory", memory, "."]));
    assert_eq!(pages[0]["groups"]["total"], 70);
    let [usual, spilled] = pages.each_mut().map(Json::take);
    assert!(usual == spilled);
}

#[test]
fn rarity_is_of_what_the_page_shows() {
    let case = connections().events(&events());
    Ran::new(case.command(&["--partial", "p.parquet", "--partial-events", "."])).exits(0);
    let merge = ["merge", "--rarity", "-o", "report.csv", "--html", "page.html", "p.parquet"];
    let data = read(&case, &Ran::new(case.another(&merge)));
    assert_eq!(rows(&data, &["remote", "host_count", "first_host"])[1], "8.1.1.1 1 WS01.corp.example 2");
    assert_eq!(data["rare"]["top"].as_array().unwrap().len(), 2);
}

#[test]
fn regularity_is_the_table_of_beacons_and_counts_copies_once() {
    let minute = |n: u64| Event { record_id: Some(100 + n), ..Event::connection().at(n * 60) };
    let log = evtx_writer::log(&(0..8).map(minute).collect::<Vec<_>>());
    let case = connections().log("a.evtx", &log).log("b.evtx", &log);
    let data = data(&case, &["--beacons", "beacons.csv", "."]);
    assert_eq!(data["numbers"]["hits"], 16);
    let channel = &data["regular"]["top"][0];
    assert_eq!((&channel["count"], &channel["median"], &channel["deviation"]), (&8.into(), &60_000.into(), &0.into()));
    let table = fs::read_to_string(case.path("beacons.csv")).unwrap();
    let row: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(json!(row[..5]), channel["values"]);
    let score = channel["score"].as_u64().unwrap();
    assert_eq!(format!("{}.{:03}", score / 1000, score % 1000), *row.last().unwrap());
    assert_eq!(table.lines().count() - 1, data["regular"]["top"].as_array().unwrap().len());
    // Without the table, the summary does not speak of it.
    let alone = Ran::new(case.command(&["--force", "-o", "report.csv", "--html", "page.html", "."]));
    alone.exits(0).does_not_say("channel");
    assert_eq!(read(&case, &alone)["regular"], data["regular"]);
}

#[test]
fn a_case_gives_the_page_its_title() {
    let case = detect().events(&[Event::connection()]);
    assert_eq!(data(&case, &["--case", "Case <7>", "."])["case"], "Case <7>");
    assert!(!fs::read_to_string(case.path("page.html")).unwrap().contains("<7>"));
    assert_eq!(data(&case, &["."])["case"], Json::Null);
    Ran::new(case.command(&["--case", "Case 7", "."])).exits(2).says(&["--html"]);
    Ran::new(case.command(&["--case", " ", "--html", "p.html", "."])).exits(2).says(&["--case \"\" is empty"]);
}

#[test]
fn connections_are_hits_only_where_rules_look_for_them() {
    let noun = |case: Case, args: &[&str]| data(&case.events(&[Event::connection()]), args)["noun"].clone();
    assert_eq!(noun(detect(), &["."]), "hit");
    assert_eq!(noun(connections(), &["--rule", "regsvcs", "."]), "hit");
    assert_eq!(noun(connections(), &["."]), "connection");
    assert_eq!(noun(detect(), &["--process", "regsvcs.exe", "."]), "connection");
}

#[test]
fn each_rule_that_has_hits_has_a_card_the_most_severe_first() {
    let rule = |title: &str, level: &str, dest: &str| {
        format!(
            "title: {title}\nlevel: {level}\nlogsource: {{category: network_connection, product: windows}}\n\
             detection: {{s: {{DestinationIp: {dest}}}, condition: s}}\n"
        )
    };
    let case = connections()
        .events(&[Event::connection(), Event::connection().at(1), Event::connection().dest("1.1.1.1").at(2)])
        .file("rules/a.yml", rule("Low", "low", "8.8.8.8"))
        .file("rules/b.yml", rule("High", "high", "1.1.1.1"))
        .file("rules/c.yml", rule("None", "high", "2.2.2.2"));
    let data = data(&case, &["--rules", "rules", "log.evtx"]);
    let cards: Vec<[&Json; 3]> =
        data["cards"].as_array().unwrap().iter().map(|card| [&card["title"], &card["level"], &card["hits"]]).collect();
    assert_eq!(json!(cards), json!([["High", "high", 1], ["Low", "low", 2]]));
    let of_rows: Vec<&Json> = data["groups"]["rule"].as_array().unwrap().iter().collect();
    assert_eq!(of_rows, [&data["cards"][1]["rule"], &data["cards"][0]["rule"]]);
}
