//! Built-in rules: what each finds and what it just does not, alone and together; how they are listed and shown.

use crate::{
    case::{Case, Ran, detect},
    evtx_writer::{Event, Value},
};

fn to(image: &str, port: u16) -> Event {
    Event::connection().image(image).with("DestinationPort", Value::U16(port)).with("DestinationPortName", "-")
}

/// A rule's name, a connection that it finds, and one that it just does not.
fn pairs() -> [(&'static str, Event, Event); 9] {
    [
        ("lolbas", to(r"C:\Windows\System32\MSHTA.exe", 80), to(r"C:\Windows\System32\mshta.exe.bak", 80)),
        ("adws", to(r"C:\x\tool.exe", 9389), to(r"C:\x\tool.exe", 9388)),
        ("ftp", to(r"C:\x\tool.exe", 21), to(r"C:\Program Files (x86)\ftp\tool.exe", 21)),
        ("mail", to(r"D:\Program Files\tool.exe", 587), to(r"c:\windows\system32\tool.exe", 25)),
        ("authentication", to(r"C:\Users\a\tool.exe", 636), to(r"C:\Users\a\tool.exe", 3268)),
        ("java", to(r"C:\jre\bin\javaw.exe", 1389), to(r"C:\jre\bin\notjava.exe", 1389)),
        ("kerberos", to(r"C:\x\tool.exe", 88), to(r"C:\Windows\System32\lsass.exe", 88)),
        ("winlogon", to(r"C:\Windows\System32\winlogon.exe", 80), to(r"C:\x\winlogon.exe", 80).dest("172.31.0.1")),
        ("installutil", to(r"C:\x\InstallUtil.exe", 80), to(r"C:\x\InstallUtil.exe", 0)),
    ]
}

#[test]
fn each_rule_finds_its_connection_and_not_the_near_miss() {
    for (name, hit, miss) in pairs() {
        let case = detect().events(&[hit, miss.at(9)]).args(["--rule", name, "--group-by", "transport"]);
        let ran = case.run_on(&["--format", "jsonl", "log.evtx"]);
        let rows: Vec<serde_json::Value> =
            ran.exits(0).report().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 1, "{name}");
        assert_eq!(
            (&rows[0]["count"], &rows[0]["firstTime"]),
            (&1.into(), &"2024-03-05T14:07:09.1234567Z".into()),
            "{name}"
        );
    }
}

/// A rule's name, the connection's image and port, and command lines of a process that it finds and of one that it just does not.
const JOINED: [(&str, &str, u16, &str, &str); 7] = [
    (
        "rundll32",
        r"C:\Windows\System32\RUNDLL32.exe",
        80,
        r#""C:\Windows\System32\rundll32.exe" "#,
        "rundll32.exe x.dll",
    ),
    ("dllhost", r"C:\Windows\System32\dllhost.exe", 80, "DllHost.exe", "dllhost.exe /Processid:{AB}"),
    ("gpupdate", r"C:\Windows\System32\gpupdate.exe", 80, "gpupdate.exe", "gpupdate.exe /force"),
    (
        "searchprotocolhost",
        r"C:\Windows\System32\SearchProtocolHost.exe",
        80,
        "searchprotocolhost.exe",
        "searchprotocolhost.exe Global",
    ),
    ("uninstall", r"C:\x\InstallUtil.exe", 80, "InstallUtil.exe /U a.dll", "InstallUtil.exe a.dll"),
    ("msiexec", r"C:\Windows\System32\msiexec.exe", 443, "msiexec.exe /i a", ""),
    (
        "webdav",
        r"C:\Windows\System32\rundll32.exe",
        80,
        r"rundll32.exe C:\windows\system32\davclnt.dll,DavSetCookie x",
        r"rundll32.exe C:\windows\system32\davclnt.dll,Other x",
    ),
];

fn of_process(event: Event, number: u8) -> Event {
    event.with("ProcessGuid", Value::Guid(format!("6820d070-264c-65e7-0000-0000000000{number:02x}")))
}

fn created(number: u8, image: &str, command_line: &str) -> Event {
    let event = of_process(Event::sysmon(1, 5), number).with("Image", image).with("CommandLine", command_line);
    event.with("ParentImage", r"C:\Windows\System32\svchost.exe")
}

#[test]
fn each_rule_of_a_process_finds_its_connection_and_not_the_near_miss() {
    for (name, image, port, hit, miss) in JOINED {
        let mut events = vec![of_process(to(image, port), 1), of_process(to(image, port), 2).at(9)];
        events.push(created(1, image, hit));
        if !miss.is_empty() {
            events.push(created(2, image, miss));
        }
        let case = detect().events(&events).args(["--rule", name, "--group-by", "transport"]);
        let ran = case.run_on(&["--format", "jsonl", "log.evtx"]);
        let rows: Vec<serde_json::Value> =
            ran.exits(0).report().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 1, "{name}");
        let first = "2024-03-05T14:07:09.1234567Z";
        assert_eq!((&rows[0]["count"], &rows[0]["firstTime"]), (&1.into(), &first.into()), "{name}");
    }
}

/// The destinations of the connections that a rule finds.
fn found(rule: &str, events: &[Event]) -> Vec<String> {
    let case = detect().events(events).args(["--rule", rule, "--group-by", "dest_ip"]);
    let ran = case.run_on(&["--format", "jsonl", "log.evtx"]);
    let dest = |line: &str| -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["dest_ip"].clone()
    };
    ran.exits(0).report().lines().map(|line| dest(line).as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_name_without_a_folder_is_as_good_as_a_path() {
    for (name, image, port) in [
        ("java", "java.exe", 389),
        ("java", "JavaW.exe", 1099),
        ("winlogon", "winlogon.exe", 80),
        ("installutil", "InstallUtil.exe", 80),
        ("lolbas", "mshta.exe", 80),
    ] {
        let near = format!("not{image}");
        let near = if name == "lolbas" { "mshta.exe.bak" } else { &near };
        let events = [to(image, port).dest("203.0.114.1"), to(near, port).dest("203.0.114.2").at(1)];
        assert_eq!(found(name, &events), ["203.0.114.1"], "{name} {image}");
    }
    let events = [to("lsass.exe", 88).dest("203.0.114.1"), to("notlsass.exe", 88).dest("203.0.114.2").at(1)];
    assert_eq!(found("kerberos", &events), ["203.0.114.2"]);
    for (name, path, port, hit, _) in JOINED {
        let image = path.rsplit('\\').next().unwrap();
        let parent = created(1, image, hit).with("ParentImage", "svchost.exe");
        let events = [of_process(to(image, port), 1).dest("203.0.114.1"), parent];
        assert_eq!(found(name, &events), ["203.0.114.1"], "{name}");
    }
}

#[test]
fn lolbas_takes_pwsh_as_splunk_does() {
    let to = |image: &str, octet: u8| to(image, 443).dest(&format!("203.0.114.{octet}")).at(octet.into());
    let events = [to(r"C:\Program Files\PowerShell\7\pwsh.exe", 1), to(r"C:\x\notpwsh.exe", 2)];
    assert_eq!(found("lolbas", &events), ["203.0.114.1"]);
}

#[test]
fn a_renamed_copy_is_known_by_its_original_name() {
    let image = r"C:\x\renamed.exe";
    let events = [
        of_process(to(image, 443), 1),
        created(1, image, r"renamed.exe rundll32.exe").with("OriginalFileName", "RUNDLL32.EXE"),
        of_process(to(image, 443), 2).at(1),
        created(2, image, "renamed.exe").with("OriginalFileName", "msiexec.exe"),
    ];
    let case = detect().events(&events).args(["--rule", "rundll32,msiexec", "--group-by", "dest_port"]);
    let ran = case.run_on(&["log.evtx"]);
    let titles: Vec<&str> = ran.exits(0).report().lines().skip(1).map(|line| line.split(',').nth(4).unwrap()).collect();
    assert_eq!(
        titles,
        ["Rundll32 with no Command Line Arguments with Network", "Windows HTTP Network Communication From MSIExec"]
    );
}

#[test]
fn a_name_of_a_port_is_enough_and_ipv6_loopback_is_not_public() {
    let named = |name: &str| to(r"C:\x\tool.exe", 2121).with("DestinationPortName", name);
    let loopback = to(r"C:\Windows\System32\winlogon.exe", 80).dest("0:0:0:0:0:0:0:1");
    let case = detect().events(&[named("ftp"), named("smtp").at(1), loopback.at(2)]);
    case.run_on(&["--rule", "ftp,mail,winlogon", "--group-by", "dest_port", "log.evtx"]).exits(0).reports(&[
        "dest_port,count,firstTime,lastTime,rule_title,rule_id,rule_level,mitre_attack,rule_author",
        "2121,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z,Windows File Transfer Protocol In Non-Common Process Path,\
         0f43758f-1fe9-470a-a9e4-780acc4d5407,low,T1071.003 command-and-control,\"Teoderick Contreras, Splunk\"",
        "2121,1,2024-03-05T14:07:10.1234567Z,2024-03-05T14:07:10.1234567Z,Windows Mail Protocol In Non-Common Process Path,\
         ac3311f5-661d-4e99-bd1f-3ec665b05441,low,T1071.003 command-and-control,\"Teoderick Contreras, Splunk\"",
    ]);
}

#[test]
fn all_of_them_are_applied_in_one_pass_and_merged_with_their_authors() {
    let case = detect().events(&[Event::connection(), to(r"C:\x\InstallUtil.exe", 88).at(1)]);
    let args = ["--rule", "all", "--group-by", "process_name", "log.evtx"];
    let ran = case.run_on(&args);
    ran.exits(0).does_not_say("Sigma rule").says(&[
        "rules     18 built-in rules: netsift rules list shows them",
        "          2 rules leave out the exclusion networks; the others have conditions of their own",
        "every connection was decoded for 8 rules that name no text to look for: --verbose names them\n",
    ]);
    Ran::new(case.command(&[&["--verbose"], &args[..]].concat())).exits(0).says(&[
        "every connection was decoded for rules that name no text to look for: Network Traffic to Active Directory",
        "; Unknown Process Using The Kerberos Protocol; ",
    ]);
    let rows = [
        "process_name,count,firstTime,lastTime,rule_title,rule_id,rule_level,mitre_attack,rule_author",
        "RegSvcs.exe,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z,Detect Regsvcs with Network Connection,\
         e3e7a1c0-f2b9-445c-8493-f30a63522d1a,high,T1218.009 defense-evasion,\"Michael Haag, Splunk\"",
        "RegSvcs.exe,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z,LOLBAS With Network Traffic,\
         2820f032-19eb-497e-8642-25b04a880359,low,T1105 T1567 T1218 command-and-control exfiltration defense-evasion,Steven Dick",
        "InstallUtil.exe,1,2024-03-05T14:07:10.1234567Z,2024-03-05T14:07:10.1234567Z,LOLBAS With Network Traffic,\
         2820f032-19eb-497e-8642-25b04a880359,low,T1105 T1567 T1218 command-and-control exfiltration defense-evasion,Steven Dick",
        "InstallUtil.exe,1,2024-03-05T14:07:10.1234567Z,2024-03-05T14:07:10.1234567Z,Unknown Process Using The Kerberos Protocol,\
         c91a0852-9fbb-11ec-af44-acde48001122,low,T1550 defense-evasion lateral-movement,\"Mauricio Velazco, Splunk\"",
        "InstallUtil.exe,1,2024-03-05T14:07:10.1234567Z,2024-03-05T14:07:10.1234567Z,Windows InstallUtil Remote Network Connection,\
         4fbf9270-43da-11ec-9486-acde48001122,high,T1218.004 T1218 defense-evasion,\"Michael Haag, Splunk\"",
    ];
    ran.reports(&rows);
    let partial = case.command(&["--rule", "all", "--group-by", "process_name", "--partial", "p.parquet", "log.evtx"]);
    Ran::new(partial).exits(0);
    Ran::new(case.another(&["merge", "p.parquet"])).exits(0).reports(&rows);
}

#[test]
fn names_of_processes_are_refused_where_no_rule_takes_them() {
    let case = detect().events(&[Event::connection()]);
    case.run_on(&["--rule", "adws,ftp", "--process", "a.exe", "log.evtx"]).exits(2).says(&[
        "netsift: --process a.exe with --rule adws,ftp: process names apply only to the rules regsvcs and regasm; leave one",
    ]);
}

#[test]
fn they_are_listed_with_loaded_rules_that_cover_the_same_and_shown_with_their_differences() {
    let rule = "title: Other\ntags: [attack.t1218.004]\nlogsource: {category: network_connection}\ndetection:\n    \
                s: {Image|endswith: '\\InstallUtil.exe'}\n    condition: s\n";
    let case = Case::new("rules").file("rules/a.yml", rule);
    let list = Ran::new(case.command(&["list", "--rules", "rules"]));
    let ends = |text: &str| list.exits(0).report().lines().filter(|line| line.ends_with(text)).count();
    assert_eq!(ends("built-in (--rule installutil); similar: \"Other\" in rules/a.yml"), 1, "{}", list.report());
    assert_eq!(ends("built-in (--rule lolbas)"), 1, "{}", list.report());
    for name in pairs().map(|(name, ..)| name).into_iter().chain(JOINED.map(|(name, ..)| name)) {
        let shown = Ran::new(case.command(&["show", name]));
        let shown = shown.exits(0).report().split_whitespace().collect::<Vec<_>>().join(" ");
        for says in ["Differences from Splunk's search: ", " It is as in version "] {
            assert!(shown.contains(says), "{name}: {says}");
        }
        assert!(["2024", "2025", "2026"].iter().any(|year| shown.contains(year)), "{name}");
    }
    let shown =
        |name: &str| Ran::new(case.command(&["show", name])).report().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown("regsvcs").contains("differences from Splunk's search: IPv6"));
    assert!(shown("regasm").contains("versions of September 2024 left out only 10.0.0.0/8"));
    for says in ["leaves out those whose command line is unknown", "a private address with a name is a hit there"] {
        assert!(shown("winlogon").contains(says), "{says}");
    }
    assert!(shown("msiexec").contains("version 12 of July 2026 has the same conditions"));
    assert!(shown("msiexec").contains("Versions 3 of January 2025 and 7 of September 2025 have the same title and id"));
    assert!(shown("kerberos").contains("by its process id and its host"));
    assert!(shown("rundll32").contains("version 10 of February 2025 does not look at the command line"));
    assert!(shown("dllhost").contains("version 9 of November 2024 does not look at the command line"));
}

#[test]
fn they_are_listed_with_the_rules_of_sigmas_collection_that_look_for_a_port_or_have_another_technique() {
    let pairs = [
        ("adws", "b3ad3c0f-c949-47a1-a30e-b0491ccae876", "DestinationPort: 9389"),
        ("kerberos", "e54979bd-c5f9-4d6c-967b-a04b19ac4c74", "DestinationPort: 88"),
        ("mail", "9976fa64-2804-423c-8a5b-646ade840773", "DestinationPort: [25, 587]"),
        ("winlogon", "7610a4ea-c06d-495f-a2ac-0a696abcfd3b", "Image|endswith: '\\winlogon.exe'"),
        ("dllhost", "20384606-a124-4fec-acbb-8bd373728613", "Image|endswith: '\\dllhost.exe'"),
    ];
    let case = pairs.iter().fold(Case::new("rules"), |case, (name, id, detection)| {
        let rule = format!(
            "title: Of {name}\nid: {id}\nlogsource: {{category: network_connection}}\n\
             detection:\n    s: {{{detection}}}\n    condition: s\n"
        );
        case.file(&format!("rules/{name}.yml"), &rule)
    });
    let list = Ran::new(case.command(&["list", "--rules", "rules"]));
    let list = list.exits(0).report();
    for (name, ..) in pairs {
        let source = format!("built-in (--rule {name}); similar: \"Of {name}\" in rules/{name}.yml");
        assert_eq!(list.lines().filter(|line| line.ends_with(&source)).count(), 1, "{name}: {list}");
    }
    assert!(list.lines().any(|line| line.ends_with("built-in (--rule ftp)")), "{list}");
}
