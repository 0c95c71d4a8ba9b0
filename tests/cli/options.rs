//! Networks, processes, grouping and threads, and what of them is refused.

use crate::{
    case::{Case, Ran, connections, detect},
    evtx_writer::{Event, Value},
};

fn to(addresses: &[&str]) -> Vec<Event> {
    (0..).zip(addresses).map(|(n, address)| Event::connection().dest(address).at(n)).collect()
}

/// The destinations that are reported.
#[track_caller]
fn destinations(case: &Case) -> Vec<String> {
    let ran = case.run_on(&["--group-by", "dest_ip", "log.evtx"]);
    ran.exits(0).report().lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned()).collect()
}

#[track_caller]
fn refused(args: &[&str], message: &str) {
    let case = detect().events(&[Event::connection()]).args(args.iter().copied());
    case.run().exits(2).reports(&[]).says(&[&format!("netsift: {message}")]);
}

#[test]
fn exclusions_add_to_the_chosen_list() {
    let events = to(&["10.0.0.1", "8.8.8.8", "9.9.9.9", "fe80::1"]);
    let case = |args: &[&str]| detect().args(args.iter().copied()).events(&events);
    assert_eq!(destinations(&case(&["--exclude-cidr", "8.8.8.8"])), ["9.9.9.9"]);
    assert_eq!(destinations(&case(&["--exclude-cidr", "8.0.0.0/7"])), [""; 0]);
    assert_eq!(
        destinations(&case(&["--exclusions", "none", "--exclude-cidr", "8.0.0.0/8"])),
        ["10.0.0.1", "9.9.9.9", "fe80::1"]
    );
    assert_eq!(destinations(&case(&["--exclusions", "splunk"])), ["8.8.8.8", "9.9.9.9", "fe80::1"]);
}

#[test]
fn detection_networks_replace_everything() {
    let events = to(&["10.0.0.1", "8.8.8.8", "9.9.9.9", "2001:4860::1", "nonsense"]);
    let case = |args: &[&str]| detect().args(args.iter().copied()).events(&events);
    assert_eq!(destinations(&case(&["--detect-cidr", "8.0.0.0/7"])), ["8.8.8.8", "9.9.9.9"]);
    assert_eq!(
        destinations(&case(&["--detect-cidr", "9.9.9.9", "--detect-cidr", "2001::/16"])),
        ["9.9.9.9", "2001:4860::1"]
    );
    assert_eq!(destinations(&case(&["--detect-cidr", "10.0.0.0/8"])), [""; 0], "it is still excluded");
    let in_vain = "--detect-cidr 10.0.0.0/8: nothing can be found, since every address in it is excluded by 10.0.0.0/8";
    for quiet in [&[][..], &["--quiet"]] {
        case(&["--detect-cidr", "10.0.0.0/8"]).run_on(&[quiet, &["."]].concat()).says(&[in_vain]);
        case(&["--detect-cidr", "10.0.0.0/7"]).run_on(&[quiet, &["."]].concat()).does_not_say(in_vain);
    }
    case(&["--detect-cidr", "8.0.0.0/8"])
        .run()
        .says(&["1 hit in 1 group, 4 outside the detection networks, 0 excluded"]);
}

#[test]
fn networks_that_leave_nothing_in_are_said_in_every_mode() {
    let events = to(&["10.0.0.1", "8.8.8.8", "127.0.0.1", "2001:4860::1"]);
    let excluded = |network: &str, by: &str| {
        format!("{network}: nothing can be found, since every address in it is excluded by {by}")
    };
    let every = "--exclude-cidr: every address is excluded, so only connections without an address can be found";
    for (case, args, message) in [
        (connections(), &["--exclude-cidr", "0.0.0.0/0", "--exclude-cidr", "::/0"][..], every.to_owned()),
        (
            connections(),
            &["--exclude-cidr", "0.0.0.0/1", "--exclude-cidr", "128.0.0.0/1", "--exclude-cidr", "::/0"],
            every.to_owned(),
        ),
        (detect(), &["--dest", "10.0.0.0/8"], excluded("--dest 10.0.0.0/8", "10.0.0.0/8; --exclusions none")),
        (detect(), &["--dest", "127.0.0.1"], excluded("--dest 127.0.0.1/32", "127.0.0.0/8; --exclusions none")),
        (
            detect(),
            &["--remote", "10.1.0.0/16", "--judge", "remote"],
            excluded("--remote 10.1.0.0/16", "10.0.0.0/8; --exclusions none"),
        ),
        (
            detect(),
            &["--remote", "10.0.0.0/8"],
            excluded("--remote 10.0.0.0/8", "10.0.0.0/8; --exclusions none")
                .replace("nothing can", "only inbound connections can"),
        ),
        (
            connections(),
            &["--dest", "9.9.9.9", "--detect-cidr", "8.0.0.0/8"],
            "--dest 9.9.9.9/32: nothing can be found, since no address in it is in a network of --detect-cidr"
                .to_owned(),
        ),
    ] {
        let case = case.events(&events);
        for quiet in [&[][..], &["--quiet"]] {
            case.run_on(&[args, quiet, &["--group-by", "dest_ip", "log.evtx"]].concat()).exits(0).says(&[&message]);
        }
    }
    for args in [
        &["--exclude-cidr", "0.0.0.0/0"][..],
        &["--dest", "10.0.0.0/8", "--exclusions", "none"],
        &["--dest", "10.0.0.0/8,8.8.8.8"],
        &["--dest", "10.0.0.0/8,*.example.org"],
        &["--remote", "10.0.0.0/8,8.8.8.8"],
        &["--remote", "10.0.0.0/8", "--exclusions", "none"],
    ] {
        let ran = detect().events(&events).run_on(&[args, &["--quiet", "log.evtx"]].concat());
        ran.exits(0).does_not_say("found");
    }
}

#[test]
fn lists_of_networks_come_from_files() {
    let case = detect()
        .events(&to(&["8.8.8.8", "9.9.9.9", "2001:4860::1"]))
        .file("ours.txt", "# offices\n8.8.8.0/24 # one\n\n2001:4860::/32\n")
        .args(["--exclude-cidr", "@ours.txt"]);
    assert_eq!(destinations(&case), ["9.9.9.9"]);
}

#[test]
fn lists_of_names_and_values_come_from_files() {
    let events = [("a.exe", "443"), ("b.exe", "80"), ("c#.exe", "443"), ("regsvcs.exe", "25")]
        .map(|(image, port)| Event::connection().image(image).with("DestinationPort", port));
    let case = connections()
        .events(&events)
        .file("names.txt", "\u{feff}# ours\r\nA.exe # one\r\n\r\nb.exe, c#.exe\r\n")
        .file("values.txt", "25\n8.8.8.0/24\nregsvcs.exe\n")
        .file("none.txt", "# nothing\n\n");
    let found = |args: &[&str]| {
        let ran = case.run_on(&[args, &["--group-by", "process_name", "log.evtx"]].concat());
        ran.exits(0).report().lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(&["--process", "@names.txt"]), ["a.exe", "b.exe", "c#.exe"]);
    assert_eq!(found(&["--process", "@names.txt,regsvcs.exe", "--port", "443,25"]), ["a.exe", "c#.exe", "regsvcs.exe"]);
    for option in ["--process", "--host", "--user", "--dest", "--remote", "--app", "--port"] {
        let refused = |list: &str, message: &str| {
            case.run_on(&[option, list, "."]).exits(2).says(&[&format!("netsift: {option} {list}: {message}")]);
        };
        refused("@no.txt", "cannot read the list: ");
        refused("@none.txt", "it has no value: give one per line");
    }
    case.run_on(&["--port", "@values.txt", "."])
        .exits(2)
        .says(&["--port @values.txt: line 2: \"8.8.8.0/24\" is not a port"]);
}

#[test]
fn connections_filters_only_where_asked_to() {
    let mut events = to(&["10.0.0.1", "8.8.8.8", "-"]);
    events.push(Event::connection().image("other.exe").dest("127.0.0.1").at(9));
    let case = |args: &[&str]| connections().args(args.iter().copied()).events(&events);
    assert_eq!(destinations(&case(&[])), ["10.0.0.1", "8.8.8.8", "", "127.0.0.1"]);
    assert_eq!(destinations(&case(&["--process", "OTHER.EXE"])), ["127.0.0.1"]);
    assert_eq!(destinations(&case(&["--exclusions", "special"])), ["8.8.8.8", ""]);
    assert_eq!(destinations(&case(&["--detect-cidr", "10.0.0.0/8"])), ["10.0.0.1"]);
}

#[test]
fn processes_replace_the_rules_own() {
    let events = ["a.exe", "b.exe", "regsvcs.exe", r"C:\ünï\ДОМ.exe"].map(|image| Event::connection().image(image));
    let case = detect().events(&events).args(["--process", "A.EXE", "--process", "ДОМ.exe", "--group-by", "app"]);
    let ran = case.run();
    ran.says(&["found     2 connections of A.EXE, ДОМ.exe: 2 hits"]).does_not_say("Detect Regsvcs");
    assert_eq!(ran.report().lines().count(), 3);
}

#[test]
fn grouping_takes_fields_in_the_order_given() {
    detect().events(&to(&["8.8.8.8", "8.8.8.8"])).args(["--group-by", "user,dest_port,dvc"]).run().reports(&[
        "user,dest_port,dvc,count,firstTime,lastTime",
        r"CORP\alice,443,WS01.corp.example,2,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:10.1234567Z",
    ]);
}

#[test]
fn bad_networks_are_refused_with_an_example_or_what_was_meant() {
    refused(
        &["--exclude-cidr", "10.1.2.3/8"],
        r#"--exclude-cidr "10.1.2.3/8" has host bits set: did you mean 10.0.0.0/8?"#,
    );
    refused(
        &["--detect-cidr", "ten"],
        r#"--detect-cidr "ten" is not a network: give ADDRESS/BITS, for example 10.0.0.0/8 or fc00::/7"#,
    );
    refused(&["--exclude-cidr", "10.0.0.0/33"], r#"--exclude-cidr "10.0.0.0/33" is not a network"#);
    refused(&["--exclude-cidr", "@none.txt"], "--exclude-cidr @none.txt: cannot read the list: ");
}

#[test]
fn bad_lists_are_refused_with_the_line() {
    let case = |text: &str| {
        detect().events(&[Event::connection()]).file("list.txt", text).args(["--exclude-cidr", "@list.txt"]).run()
    };
    case("").exits(2).says(&["netsift: --exclude-cidr @list.txt: it has no network: give one per line"]);
    case("# nothing\n\n").exits(2).says(&["it has no network"]);
    case("10.0.0.0/8\n10.0.0.1/8\n").exits(2).says(&["@list.txt: line 2: \"10.0.0.1/8\" has host bits set"]);
}

#[test]
fn bad_fields_are_refused_with_the_choice() {
    refused(
        &["--group-by", "dvc,hostname"],
        r#"--group-by "hostname" is not a field: did you mean host? the fields are action, app, dest, "#,
    );
    refused(&["--group-by", "dvc,dest,dvc"], r#"--group-by "dvc" is given twice: name each field once"#);
    refused(&["--group-by", ""], r#"--group-by "" is not a field: the fields"#);
}

#[test]
fn a_process_is_a_base_name() {
    refused(&["--process", r"C:\Windows\regsvcs.exe"], r#"--process "C:\Windows\regsvcs.exe" is not a base name"#);
    refused(&["--process", ""], r#"--process "" is not a base name"#);
    refused(
        &["--process", "regsvcs.exe;mshta.exe"],
        r#"--process "regsvcs.exe;mshta.exe" is not a base name: commas part values, as in regsvcs.exe,mshta.exe; * stands for a ; in a name"#,
    );
}

#[test]
fn a_command_line_that_makes_no_sense_exits_with_2() {
    for args in [&["--threads", "0"][..], &["--exclusions", "some"], &["--no-such-option"]] {
        detect().events(&[Event::connection()]).args(args.iter().copied()).run().exits(2).reports(&[]);
    }
    Case::new("detect").run_on(&[]).exits(2).says(&["PATH"]);
    Case::new("find").run_on(&["."]).exits(2);
}

#[test]
fn help_and_version_are_there() {
    let help = Case::new("--help").command(&[]).output().unwrap();
    assert!(help.status.success() && String::from_utf8(help.stdout).unwrap().contains("connections"));
    let version = Case::new("--version").command(&[]).output().unwrap();
    assert_eq!(String::from_utf8(version.stdout).unwrap(), concat!("netsift ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn processes_ports_hosts_and_users_are_lists_of_patterns_and_ports_have_ranges() {
    let event = |image: &str, port: u16, user: &str| {
        Event::connection()
            .image(&format!(r"C:\x\{image}"))
            .with("DestinationPort", Value::U16(port))
            .with("User", user)
    };
    let events = [event("a.exe", 80, r"C\x"), event("AB.exe", 8080, r"C\y"), event("b.exe", 8090, r"C\z")];
    let case = connections().events(&events);
    let found = |args: &[&str]| {
        let ran = case.run_on(&[args, &["--group-by", "process_name", "log.evtx"]].concat());
        let name = |line: &str| line.split(',').next().unwrap().to_owned();
        ran.exits(0).report().lines().skip(1).map(name).collect::<Vec<_>>()
    };
    assert_eq!(found(&["--process", "a*"]), ["AB.exe", "a.exe"]);
    assert_eq!(found(&["--process", "a.exe,B.EXE"]), ["a.exe", "b.exe"]);
    assert_eq!(found(&["--process", "*b.*"]), ["AB.exe", "b.exe"]);
    assert_eq!(found(&["--process", "*"]), ["AB.exe", "a.exe", "b.exe"]);
    assert_eq!(found(&["--port", "80,8090"]), ["a.exe", "b.exe"]);
    assert_eq!(found(&["--port", "8000-8999"]), ["AB.exe", "b.exe"]);
    assert_eq!(found(&["--user", "x,C\\y"]), ["AB.exe", "a.exe"]);
}

#[cfg(unix)]
#[test]
fn the_command_that_is_said_to_show_what_else_there_is_shows_it() {
    use std::process::Command;

    use zip::AesMode;

    use crate::{
        archive_writer::{deflated, zip},
        case::NETSIFT,
        evtx_writer,
    };
    let other = |dest: &str| evtx_writer::log(&[Event::connection().image(r"C:\x\a.exe").dest(dest)]).0;
    let encrypted = deflated().with_aes_encryption(AesMode::Aes256, "infected");
    let stale: Vec<Event> =
        (1..=9).map(|n| Event::connection().image(r"C:\x\a.exe").dest(&format!("9.9.9.{n}"))).collect();
    let stale = evtx_writer::log(&stale).with_stale_records(0, 1);
    let large = zip(&[("large.evtx", &vec![0; 1 << 20], deflated()), ("a.evtx", &other("9.9.9.2"), deflated())]);
    let case = detect()
        .file("-dash/log.evtx", other("9.9.9.1"))
        .file("@at/a log.evtx", other("9.9.9.1"))
        .file("it's 1.evtx", other("9.9.9.1"))
        .file("names/log", other("9.9.9.1"))
        .file("names/log.evtx", other("9.9.9.1"))
        .file("locked.zip", zip(&[("a.evtx", &other("9.9.9.1"), encrypted)]))
        .file("large.zip", large)
        .log("stale.evtx", &stale)
        .file("linked/x", "");
    std::os::unix::fs::symlink("../@at", case.path("linked/logs")).unwrap();
    for (args, option, rows) in [
        (&["./-dash"][..], "", 1),
        (&["--", "-dash"], "", 1),
        (&["./@at", "it's 1.evtx"], "", 2),
        (&["--follow", "linked"], "--follow", 1),
        (&["--only-names", "names"], "--only-names", 1),
        (&["--recover", "stale.evtx"], "--recover", 9),
        (&["--max-member-size", "512KiB", "large.zip"], "--max-member-size 512KiB", 1),
        (&["--max-memory", "512MiB", "stale.evtx"], "--max-memory 512MiB", 1),
        (&["--password", "infected", "locked.zip"], "--password PASSWORD", 1),
    ] {
        let ran = Ran::new(case.command(args));
        let command = ran.stderr().lines().map(str::trim).find(|line| line.starts_with("netsift connections --excl"));
        let command = command.unwrap_or_else(|| panic!("{}", ran.stderr()));
        assert!(command.contains(option) && !command.contains("infected"), "{command}");
        // The password is for the reader to put in.
        let command = command.replace("PASSWORD", "infected").replace("netsift", NETSIFT);
        let mut shell = Command::new("sh");
        shell.current_dir(case.path(".")).args(["-c", &command]);
        let shown = Ran::new(shell);
        let count = shown
            .report()
            .lines()
            .skip(1)
            .filter_map(|line| line.split(',').nth(2))
            .map(|count| count.parse::<usize>().unwrap());
        assert_eq!(count.sum::<usize>(), rows, "{command}\n{}\n{}", shown.report(), shown.stderr());
    }
}

#[test]
fn what_else_there_is_is_counted_by_the_end_that_is_judged() {
    let host = |initiated: bool, source: &str, dest: &str| {
        let event = Event::connection().image(r"C:\x\a.exe").dest(dest);
        event.with("SourceIp", source).with("Initiated", crate::evtx_writer::Value::Bool(initiated))
    };
    let events = [
        host(true, "10.0.0.5", "10.0.0.9"),
        host(false, "9.9.9.9", "10.0.0.5"),
        host(false, "8.8.8.8", "10.0.0.5").at(1),
        host(false, "10.0.0.7", "10.0.0.5").at(2),
        // Of these, it is not known which end is the peer.
        host(false, "10.0.0.7", "9.9.9.8").at(3).on("WS02"),
        host(false, "10.0.0.7", "10.0.0.8").at(4).on("WS02"),
    ];
    let case = detect().events(&events);
    case.run_on(&["log.evtx"]).exits(0).says(&["but 1 connection of 1 process to public addresses; this shows it:"]);
    let command = "connections --exclusions special --judge remote --group-by process_name,remote";
    let ran = case.run_on(&["--judge", "remote", "log.evtx"]);
    ran.exits(0).says(&[
        "but 3 connections of 1 process with peers at public addresses; this shows them:",
        &format!("netsift {command} log.evtx\n"),
    ]);
    let words: Vec<&str> = command.split(' ').chain(["log.evtx"]).collect();
    Ran::new(case.another(&words)).exits(0).says(&["6 connections: 3 hits in "]);
}

#[test]
fn where_nothing_is_found_it_is_said_what_else_there_is() {
    let other = |image: &str, dest: &str| Event::connection().image(&format!(r"C:\x\{image}")).dest(dest);
    let events = [
        other("mshta.exe", "9.9.9.9"),
        other("mshta.exe", "10.0.0.1"),
        other("a.exe", "8.8.8.8").at(60),
        other("b.exe", "192.168.0.1"),
    ];
    let case = detect().events(&events);
    let command = "netsift connections --exclusions special --group-by process_name,dest log.evtx";
    case.run_on(&["log.evtx"]).exits(0).says(&[
        "but 2 connections of 2 processes to public addresses; this shows them:",
        command,
        "hosts     1: 1 with Sysmon, 0 without\n          WS01.corp.example: Sysmon, from 2024-03-05T14:07:11Z to 2024-03-05T",
    ]);
    let shown = connections().events(&events);
    assert_eq!(shown.run_on(&["--exclusions", "special", "log.evtx"]).report().lines().count(), 1 + 2);
    case.run_on(&["--process", "mshta", "log.evtx"])
        .exits(0)
        .says(&["no process mshta: did you mean mshta.exe (2 connections)?"]);
    let quiet = case.run_on(&["--quiet", "--process", "mshta,a.exe", "log.evtx"]);
    assert_eq!(quiet.stderr(), "netsift: no process mshta: did you mean mshta.exe (2 connections)?\n");
    let found = case.run_on(&["--process", "mshta.exe", "log.evtx"]);
    found.does_not_say("public addresses").does_not_say("no process");
    // Another look, where nothing was found.
    for (name, said) in [
        ("msht.exe", "netsift: no process msht.exe: did you mean mshta.exe (2 connections)?\n"),
        (".exe", "netsift: no process .exe: did you mean *.exe?\n"),
        ("mshta.exe", ""),
        ("zzz.com", ""),
    ] {
        assert_eq!(case.run_on(&["--quiet", "--process", name, "log.evtx"]).stderr(), said);
    }
    assert_eq!(case.run_on(&["--quiet", "log.evtx"]).stderr(), "");
    let filtered = case.run_on(&["--host", "ws01", "--port", "443", "log.evtx"]);
    filtered.says(&["process_name,dest --host ws01 --port 443 log.evtx"]);
    let since = case.run_on(&["--since", "2024-03-06", "log.evtx"]);
    since.says(&["they reach from 2024-03-05T14:07:11Z to "]).does_not_say("public addresses");
}

#[test]
fn hosts_without_sysmon_are_named_first() {
    let of_windows = |host: &str| {
        let mut event = Event::sysmon(4624, 2).on(host);
        event.provider = "Microsoft-Windows-Security-Auditing".to_owned();
        event.channel = "Security".to_owned();
        event.with("ProcessName", "Microsoft-Windows-Sysmon")
    };
    let case = connections()
        .log("a.evtx", &crate::evtx_writer::log(&[Event::connection().on("A")]))
        .log("a-security.evtx", &crate::evtx_writer::log(&[of_windows("A")]))
        .log("b-security.evtx", &crate::evtx_writer::log(&[of_windows("B")]));
    let ran = case.run_on(&["--manifest", "m.json", "--force", "."]);
    ran.says(&["hosts     2: 1 with Sysmon, 1 without\n          B: no Sysmon, from ", "\n          A: Sysmon, from "]);
    let manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(case.path("m.json")).unwrap()).unwrap();
    let hosts = manifest["hosts"].as_array().unwrap();
    assert_eq!((hosts[0]["name"].as_str(), hosts[0]["sysmon"].as_bool()), (Some("B"), Some(false)));
    assert_eq!((hosts[1]["name"].as_str(), hosts[1]["sysmon"].as_bool()), (Some("A"), Some(true)));
}

#[test]
fn hosts_of_a_collectors_log_are_named_as_far_as_there_are_hits_of_them_and_reach_as_far_as_these() {
    let on = |host: &str, second| Event::connection().on(host).dest("8.8.8.8").at(second);
    // The record is written two seconds after the connection, which is the last record's time too.
    let events = [on("A", 0), on("B", 10), on("D", 20), on("B", 7000), on("C", 30).dest("10.0.0.1"), on("a.", 40)];
    let named = [
        "hosts     3: 3 with Sysmon, 0 without",
        "          A: Sysmon, from 2024-03-05T14:07:09Z to 2024-03-05T14:07:51Z",
        "          B: Sysmon, from 2024-03-05T14:07:19Z to 2024-03-05T16:03:49Z",
        "          D: Sysmon, from 2024-03-05T14:07:29Z to 2024-03-05T14:07:29Z\n",
    ]
    .join("\n");
    let case = detect().log("collected.evtx", &crate::evtx_writer::log(&events));
    for fields in ["dvc,dest_ip", "process_name"] {
        case.run_on(&["--group-by", fields, "."]).exits(0).says(&[&named]);
        for rows in [&[][..], &["--partial-events"]] {
            let args = ["--group-by", fields, "-q", "--force", "--partial", "part.parquet", "."];
            case.run_on(&[rows, &args].concat()).exits(0);
            Ran::new(case.another(&["merge", "part.parquet"])).exits(0).says(&[&named]);
        }
    }
    let sigma = "title: t\nlogsource: {product: windows, category: network_connection}\n\
                 detection: {s: {DestinationIp: 8.8.8.8}, condition: s}\n";
    case.file("r.yml", sigma).run_on(&["--rules", "r.yml", "--dedup", "."]).exits(0).says(&[&named]);
}

#[test]
fn fields_have_the_names_of_a_table_too_and_are_written_as_people_write_them() {
    let case = connections().events(&to(&["8.8.8.8"]));
    let header = |fields: &str| {
        let ran = case.run_on(&["--group-by", fields, "."]);
        ran.exits(0).report().lines().next().unwrap().trim_end_matches(",count,firstTime,lastTime").to_owned()
    };
    assert_eq!(header("host,process,dir,remote,port"), "dvc,app,direction,remote,dest_port");
    assert_eq!(header("Dest IP,PROCESS-NAME, Transport,user"), "dest_ip,process_name,transport,user");
    refused(&["--group-by", "dvc,host"], "--group-by \"host\" is given twice: name each field once");
    refused(&["--group-by", "time"], "--group-by \"time\" is not a field: the fields are action, app,");
    refused(&["--group-by", "proces"], "--group-by \"proces\" is not a field: did you mean process? the fields are");
}

#[test]
fn of_an_option_that_is_given_twice_the_later_one_counts() {
    let events = to(&["8.8.8.8", "9.9.9.9"]);
    let case = detect().events(&events).file("case.args", "--group-by dest_ip\n--format jsonl\n--threads 2\n--force");
    let ran = case.run_on(&["@case.args", "--group-by", "dest", "--format", "csv", "--force", "log.evtx"]);
    assert_eq!(ran.exits(0).report().lines().next().unwrap(), "dest,count,firstTime,lastTime");
    // Those that take several values still do.
    let case = detect().events(&events).args(["--exclude-cidr", "8.8.8.8", "--exclude-cidr", "9.9.9.9"]);
    assert_eq!(destinations(&case), [""; 0]);
}

#[test]
fn public_is_short_for_the_list_of_what_is_not() {
    let events = to(&["10.0.0.1", "8.8.8.8"]);
    assert_eq!(destinations(&connections().events(&events)), ["10.0.0.1", "8.8.8.8"]);
    assert_eq!(destinations(&connections().events(&events).args(["--public"])), ["8.8.8.8"]);
    assert_eq!(destinations(&detect().events(&events).args(["--public"])), ["8.8.8.8"]);
    refused(
        &["--public", "--exclusions", "none"],
        "the argument '--public' cannot be used with '--exclusions <LIST>'; --help shows what can be given",
    );
}

#[test]
fn options_that_are_meant_otherwise_or_do_nothing_alone_are_named() {
    refused(&["--dest-port", "443"], "unexpected argument '--dest-port' found; did you mean --port? --help shows");
    refused(&["--case", "x"], "--case without --html: it does nothing; add --html, for example --html page.html");
    refused(&["--events-format", "ecs"], "--events-format without --events: it does nothing; add --events");
    refused(&["--manifest-run-info"], "--manifest-run-info without --manifest: it does nothing");
    let judge =
        "--judge remote without a network: it does nothing, since none is judged; leave it out, or name networks";
    for rules in [["--exclusions", "none"], ["--rule", "mail,ftp"]] {
        refused(&[&rules[..], &["--judge", "remote"]].concat(), judge);
        // It does something for these, or for a network.
        for more in [
            ["--events", "e.csv"],
            ["--partial", "p.parquet"],
            ["--exclude-cidr", "10.0.0.0/8"],
            ["--detect-cidr", "8.0.0.0/8"],
        ] {
            let case = detect().events(&[Event::connection()]).args(["--judge", "remote"]);
            Ran::new(case.command(&[&rules[..], &more, &["log.evtx"]].concat())).exits(0);
        }
    }
    let case = connections().events(&[Event::connection()]).args(["--judge", "remote"]);
    case.run().exits(2).says(&[judge]);
    refused(&["--partial-events"], "--partial-events without --partial: it does nothing");
    refused(
        &["--time-format", "excel", "--format", "parquet"],
        "--time-format with a parquet report: Parquet has times as",
    );
    refused(
        &["--width", "80", "-o", "a.csv"],
        "--width with a csv report: only a table has a width; leave it out, or give --format table",
    );
    refused(&["--width", "80", "-o", "a.parquet"], "--width with a parquet report: only a table has a width");
    refused(&["--color", "always", "-o", "a.csv"], "--color always with a csv report: only a table has colours");
    refused(
        &["--color", "always", "-o", "a.txt"],
        "--color always with -o: only a table on standard output has colours",
    );
    // A format that was chosen is that of standard output too, whether it is a terminal or not.
    for format in ["csv", "jsonl", "parquet"] {
        let told = format!("--width with a {format} report: only a table has a width");
        refused(&["--width", "80", "--format", format], &told);
        refused(&["--width", "80", "--format", format, "-o", "-"], &told);
        let told = format!("--color always with a {format} report: only a table has colours");
        refused(&["--color", "always", "--format", format], &told);
    }
    refused(&["--password", ""], "invalid value '' for '--password <PASSWORD>': give the password");
    // These apply to what is written besides the report.
    let beside = |args: &[&str]| {
        let case = detect().events(&[Event::connection()]).args(["-q", "--force"]).args(args.iter().copied());
        assert_eq!(case.run_on(&["log.evtx"]).exits(0).stderr(), "");
    };
    // Without a format that was chosen, these would be a table on a terminal.
    beside(&["--width", "80"]);
    beside(&["--color", "always"]);
    beside(&["--width", "80", "--color", "always", "--format", "table"]);
    beside(&["--color", "auto", "--format", "csv"]);
    beside(&["--color", "never", "-o", "b.csv"]);
    beside(&["--time-format", "excel", "-o", "report.parquet", "--beacons", "beacons.csv"]);
    beside(&["--width", "80", "-o", "a.txt"]);
    for option in ["--max-memory", "--max-member-size"] {
        let told = "<SIZE>': give a number of bytes above 0, or one with a unit, for example 512MiB or 4GiB";
        refused(&[option, "0"], &format!("invalid value '0' for '{option} {told}"));
        refused(&[option, "0GiB"], &format!("invalid value '0GiB' for '{option} {told}"));
    }
    refused(
        &["--width", "0"],
        "invalid value '0' for '--width <N>': give a number of columns from 40 to 1000, for example 120",
    );
}
