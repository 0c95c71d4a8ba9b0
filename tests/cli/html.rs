//! The page: that nothing from evidence can do anything in it, that it is the same for the same evidence, what is in it;
//! and the logs for `tests/browser/run.sh`, which opens pages in a browser.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::{
    archive_writer::{deflated, zip},
    case::{Case, connections, detect},
    evtx_writer::{self, Event, Value},
};

/// What must do nothing: markup, the end of the data, quotes, entities, a formula, marks that reorder text, controls.
const HOSTILE: &str =
    "</script><script>alert(1)</script><!--\"'`&lt;\\u003c\u{202e}gpj\u{2066}\u{200f}\u{2028}\u{7}\n\t\u{1b}[2J\u{85}";
/// The same as it is shown.
const SHOWN: &str = "</script><script>alert(1)</script><!--\"'`&lt;\\u003c\\u{202e}gpj\\u{2066}\\u{200f}\\u{2028}\\u{7}\\n\\t\\u{1b}[2J\\u{85}";

/// Runs the case with a page and returns the page.
#[track_caller]
fn page(case: &Case, args: &[&str]) -> String {
    let ran = case.run_on(&[&["--force", "-o", "report.csv", "--html", "page.html"], args].concat());
    assert!([0, 3].contains(&ran.status()), "{}", ran.stderr());
    fs::read_to_string(case.path("page.html")).unwrap()
}

/// What is between two texts.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

fn data_text(page: &str) -> &str {
    between(page, "<script type=\"application/json\" id=\"data\">", "</script>")
}

fn data(page: &str) -> Json {
    serde_json::from_str(data_text(page)).unwrap()
}

fn hostile_event() -> Event {
    let mut event = Event::connection().on(&format!("host{HOSTILE}"));
    for name in ["RuleName", "UtcTime", "User", "Protocol", "SourceIp", "SourceHostname", "DestinationHostname"] {
        event = event.with(name, &*format!("{name}{HOSTILE}"));
    }
    for name in ["DestinationIp", "SourcePort", "DestinationPort", "ProcessGuid", "ProcessId"] {
        event = event.with(name, &*format!("{name}{HOSTILE}"));
    }
    event.image(&format!("C:\\Image{HOSTILE}\\regsvcs.exe"))
}

#[test]
fn hostile_text_in_every_field_stays_text() {
    let events: Vec<Event> = (0..6).map(|n| hostile_event().at(n * 60)).collect();
    let log = evtx_writer::log(&events);
    let name = "a<script>alert(1)\u{202e}&\"'.evtx";
    let case = connections().log(name, &log).file("</b>\n.evtx", "no log");
    let page = page(&case, &["--process", "regsvcs.exe", "--process", "&'\u{202e}.exe", "."]);

    // The only markup is that of the page itself, and no control or mark is in it.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    let text = data_text(&page);
    assert!(!text.contains(['<', '>', '&']) && !text.contains(|c: char| c.is_control()));
    assert!(!page.contains(['\u{202e}', '\u{2066}', '\u{200f}', '\u{2028}', '\u{85}', '\u{7}', '\u{1b}']));

    // All of it is there as text.
    let data = data(&page);
    let strings: Vec<&str> = data["strings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let names =
        ["host", "RuleName", "UtcTime", "User", "SourceIp", "SourceHostname", "DestinationHostname", "SourcePort"];
    for name in names.into_iter().chain(["DestinationIp", "DestinationPort", "ProcessId"]) {
        assert!(strings.contains(&&*format!("{name}{SHOWN}")), "{name}: {strings:#?}");
    }
    assert!(strings.contains(&&*format!("C:\\Image{SHOWN}\\regsvcs.exe")));
    assert!(strings.contains(&"./a<script>alert(1)\\u{202e}&\"'.evtx"), "{strings:#?}");
    assert_eq!(data["rule"]["processes"][1], "&'\\u{202e}.exe");
    assert_eq!(data["regular"]["top"][0]["values"][0], format!("host{SHOWN}"));
    assert_eq!(data["destinations"]["top"][0]["dest"], format!("DestinationHostname{SHOWN}"));
    assert_eq!(data["matrix"]["hosts"][0], format!("host{SHOWN}"));
    assert_eq!(data["first_defects"][0]["path"], "./</b>\\\\n.evtx".replace("\\\\", "\\"));
}

#[test]
fn the_policy_allows_the_pages_own_script_and_style_and_nothing_else() {
    let page = page(&detect().events(&[Event::connection()]), &["."]);
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    let policy = between(&page, "<meta http-equiv=\"Content-Security-Policy\" content=\"", "\">");
    let style = hash(between(&page, "<style>", "</style>"));
    let script = hash(between(&page, "<script>", "</script>"));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src data:; \
             base-uri 'none'; form-action 'none'"
        )
    );
    for request in ["http://", "https://", "src=", "@import", "url(", "innerHTML =", "eval(", "fetch(", "{{"] {
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains(request), "{request}");
    }
}

#[test]
fn a_page_is_the_same_bytes_for_the_same_evidence_on_any_number_of_threads() {
    let events: Vec<Event> = (0..400)
        .map(|n| Event::connection().dest(&format!("9.9.{}.9", n % 50)).on(&format!("H{}", n % 7)).at(n))
        .collect();
    let case = detect().events(&events).log("b.evtx", &evtx_writer::log(&events).without_chunk_magic(1));
    let first = page(&case, &["--threads", "2", "."]);
    for threads in ["1", "2", "3"] {
        assert!(page(&case, &["--threads", threads, "."]) == first, "{threads} threads");
    }
}

#[test]
fn a_host_that_is_not_stated_is_not_counted() {
    let case = connections().events(&[Event::connection(), Event::connection().on("").at(1)]);
    case.run_on(&["log.evtx"]).exits(0).says(&["hosts     1: "]);
    assert_eq!(data(&page(&case, &["."]))["hosts"], 1);
}

#[test]
fn a_page_has_what_the_report_and_the_events_have() {
    let beacon = (0..10).map(|n| Event::connection().dest("9.9.9.9").on("WS01").at(n * 60));
    let others = (0..3).map(|n| Event::connection().dest("9.9.8.8").on("WS02").at(n * 7)).chain([
        Event::connection().dest("10.0.0.1"),
        Event {
            record_id: Some(77),
            ..Event::connection().with("DestinationHostname", "x.example").at(900).on("WS02")
        },
    ]);
    let events: Vec<Event> = beacon.chain(others).collect();
    let case = detect().events(&events);
    let data = data(&page(&case, &["--group-by", "dvc,dest", "."]));
    assert_eq!(data["numbers"]["hits"], 14);
    assert_eq!(data["numbers"]["excluded"], 1);
    assert_eq!(data["hosts"], 2, "as the summary counts them");
    assert_eq!(data["groups"]["count"], serde_json::json!([10, 3, 1]));
    let texts = |column: &Json| -> Vec<String> {
        let text =
            |id: &Json| data["strings"][usize::try_from(id.as_u64().unwrap()).unwrap()].as_str().unwrap().to_owned();
        column.as_array().unwrap().iter().map(text).collect()
    };
    assert_eq!(texts(&data["groups"]["fields"]["dvc"]), ["WS01", "WS02", "WS02"]);
    assert_eq!(texts(&data["groups"]["fields"]["dest"]), ["9.9.9.9", "9.9.8.8", "x.example"]);
    assert_eq!(data["first"], serde_json::json!([1_709_647_629, 1_234_567]));
    assert_eq!(data["last"], serde_json::json!([1_709_648_529, 1_234_567]));
    assert_eq!(data["timeline"], Json::Null);

    let regular = &data["regular"]["top"];
    assert_eq!(regular.as_array().unwrap().len(), 1);
    assert_eq!((&regular[0]["values"][3], &regular[0]["median"]), (&"9.9.9.9".into(), &60_000.into()));
    assert_eq!((&regular[0]["count"], &regular[0]["deviation"]), (&10.into(), &0.into()));
    let destination = &data["destinations"]["top"][2];
    assert_eq!((&destination["dest"], &destination["dest_ip"]), (&"x.example".into(), &"8.8.8.8".into()));
    assert_eq!((&destination["network"], &destination["ports"][0]), (&"8.8.8.0/24".into(), &"443".into()));
    assert_eq!(data["matrix"]["hits"], serde_json::json!([[10, 0, 0, 0], [0, 3, 1, 0], [0, 0, 0, 0]]));

    assert_eq!(data["events"]["shown"], 14);
    assert_eq!(data["events"]["member_row"].as_array().unwrap().iter().filter(|row| **row == 0).count(), 10);
    assert_eq!(texts(&data["events"]["record_id"]).last().unwrap(), "77");
    assert!(data["events"]["more"].get("src_port").is_some() && data["events"]["more"].get("dest").is_none());
}

#[test]
fn a_page_of_nothing_says_what_was_searched() {
    let case = detect().events(&[Event::connection().image("other.exe")]);
    let data = data(&page(&case, &["."]));
    assert_eq!((&data["groups"]["total"], &data["numbers"]["logs"]), (&0.into(), &1.into()));
    assert_eq!(data["sources"][0]["name"], "./log.evtx");
}

#[test]
fn archives_are_listed_with_their_hashes_if_there_is_a_manifest() {
    let log = evtx_writer::log(&[Event::connection()]).0;
    let case = detect().file("case.zip", zip(&[("a.evtx", &log, deflated())]));
    let listed = |args: &[&str]| data(&page(&case, args))["archives"].clone();
    let bytes = fs::read(case.path("case.zip")).unwrap();
    let entry =
        |sha256: Option<String>| serde_json::json!([{"name": "./case.zip", "size": bytes.len(), "sha256": sha256}]);
    assert_eq!(listed(&["."]), entry(None));
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(listed(&["--manifest", "manifest.json", "."]), entry(Some(sha256)));
}

#[test]
fn copies_and_recovered_records_are_told_in_the_page() {
    let events: Vec<Event> = (0..500).map(|n| Event::connection().dest(&format!("9.9.9.{}", n % 9)).at(n)).collect();
    let log = evtx_writer::log(&events);
    let case = detect().log("a.evtx", &log.clone().with_stale_records(0, 50)).log("b.evtx", &log);
    let data = data(&page(&case, &["--dedup", "--recover", "."]));
    assert_eq!(data["numbers"]["duplicates"], 500);
    assert_eq!(data["events"]["shown"], 500);
    assert_eq!(data["options"]["dedup"], true);
}

#[test]
fn a_page_takes_the_place_of_no_log_and_of_no_other_output() {
    let case = detect().events(&[Event::connection()]).log("b.evtx", &evtx_writer::log(&[Event::connection()]));
    let log = fs::read(case.path("log.evtx")).unwrap();
    fs::copy(case.path("log.evtx"), case.path("log.html")).unwrap();
    case.run_on(&["--force", "-o", "r.csv", "--html", "log.html", "b.evtx"])
        .exits(1)
        .says(&["log.html: cannot write there"]);
    fs::remove_file(case.path("log.html")).unwrap();
    case.run_on(&["--force", "-o", "r", "--html", "r", "."]).exits(1).says(&["another output goes there"]);
    assert!(fs::read(case.path("log.evtx")).unwrap() == log);
    page(&case, &["."]);
    case.run_on(&["-o", "r.csv", "--html", "page.html", "."])
        .exits(1)
        .says(&["page.html: cannot write there: it exists"]);
}

/// Numbers that look random and are the same each time.
fn scattered(seed: u64) -> u64 {
    let mixed = (seed ^ (seed >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

/// Ten thousand groups on forty hosts, with more hits than a page lists.
fn many(host: u64) -> Vec<Event> {
    let mut events: Vec<Event> = (0..250_u64)
        .flat_map(|group| (0..11_u64).map(move |n| (group, n)))
        .map(|(group, n)| {
            let (seed, ip) = (host * 1000 + group, scattered(group * 7 + host % 9));
            let name = if group % 3 == 0 { format!("cdn{}.example.net", group % 90) } else { "-".to_owned() };
            Event::connection()
                .on(&format!("WS{host:02}.corp.example"))
                .dest(&format!("9.{}.{}.{}", ip % 3, group, ip % 200))
                .with("DestinationHostname", &*name)
                .with(
                    "DestinationPort",
                    Value::U16([443, 80, 8080, 8443][usize::try_from(scattered(seed) % 4).unwrap()]),
                )
                .with("User", &*format!(r"CORP\user{host}"))
                .at(scattered(seed) % 500_000 + n * 1800 + scattered(seed * 11 + n) % 900)
        })
        .collect();
    events.sort_by_key(|event| event.time);
    events
}

/// A case to look at: a beacon that spreads from one workstation to two more, and what else regsvcs.exe talked to.
fn story() -> Vec<Event> {
    let hosts =
        ["FIN-WS07", "FIN-WS12", "ENG-WS03", "HR-WS01", "SRV-FILE01"].map(|host| format!("{host}.corp.example"));
    let connection = |host: usize, user: &str, dest: (&str, &str), port: u16, at: u64| {
        Event::connection()
            .on(&hosts[host])
            .with("SourceHostname", &*hosts[host])
            .with("SourceIp", &*format!("10.1.{}.{}", host + 1, 20 + host * 7))
            .with("SourcePort", Value::U16(u16::try_from(49_200 + scattered(at) % 15_000).unwrap()))
            .with("User", user)
            .dest(dest.1)
            .with("DestinationHostname", dest.0)
            .with("DestinationPort", Value::U16(port))
            .at(at)
    };
    let (c2, drop) = (("updates.cdn-sync.example", "9.40.112.7"), ("-", "9.40.112.19"));
    let mut events = Vec::new();
    let beacons =
        [(0, r"CORP\m.berger", 4_000, 600), (1, r"CORP\j.okafor", 61_000, 600), (4, r"CORP\svc-backup", 97_000, 3600)];
    for (host, user, from, every) in beacons {
        for n in 0..(172_000 - from) / every {
            let at = from + n * every + scattered(n * 31 + from) % (every / 12);
            events.push(connection(host, user, c2, 443, at));
        }
    }
    for n in 0..70 {
        let at = 104_000 + n * 55 + scattered(n) % 240;
        events.push(connection(4, r"CORP\svc-backup", drop, 8443, at));
    }
    let others = [
        ("login.example.com", "9.12.0.20"),
        ("crl.example.org", "9.77.3.8"),
        ("-", "9.200.1.14"),
        ("api.telemetry.example", "2606:4700::9"),
    ];
    for n in 0..160 {
        let host = usize::try_from(scattered(n * 3) % 4).unwrap();
        let user = [r"CORP\m.berger", r"CORP\j.okafor", r"CORP\a.lind", r"CORP\p.novak"][host];
        let dest = others[usize::try_from(scattered(n * 5 + 1) % 4).unwrap()];
        let port = if scattered(n).is_multiple_of(5) { 80 } else { 443 };
        let office = 25_000 + n % 2 * 86_400 + scattered(n * 17) % 33_000;
        events.push(connection(host, user, dest, port, office));
    }
    for n in 0..90 {
        events.push(connection(2, r"CORP\a.lind", ("intranet.corp.example", "10.1.0.5"), 443, 26_000 + n * 1000));
    }
    events.sort_by_key(|event| event.time);
    events
}

#[test]
#[ignore = "writes the logs for tests/browser/run.sh"]
fn logs_for_the_browser() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    let write = |path: PathBuf, events: &[Event]| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, evtx_writer::log(events).0).unwrap();
    };
    (0..40).for_each(|host| write(folder.join(format!("many/WS{host:02}.evtx")), &many(host)));
    write(folder.join("story/Sysmon.evtx"), &story());
    write(folder.join("hostile/Sysmon.evtx"), &(0..6).map(|n| hostile_event().at(n * 60)).collect::<Vec<_>>());
    write(folder.join("nothing/Sysmon.evtx"), &[Event::connection().image("other.exe")]);
}
