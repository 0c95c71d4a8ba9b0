//! What is different on Windows: names of paths, files that others hold, the host's own logs.
//!
//! What a system cannot do is skipped by name, with the reason on standard output.

use std::{
    fs,
    os::windows::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{
    case::{Case, Ran, connections, names_in},
    evtx_writer::Event,
};

/// A log in a folder, and the report of it.
fn case() -> (Case, String) {
    let case = connections().events(&[Event::connection()]).args(["--group-by", "dvc,dest_ip"]);
    let report = case.run_on(&["log.evtx"]).exits(0).report().to_owned();
    assert_eq!(report.lines().count(), 2);
    (case, report)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// The path with its drive's letter.
fn absolute(case: &Case, name: &str) -> PathBuf {
    std::path::absolute(case.path(name)).unwrap()
}

#[test]
fn a_log_is_read_by_whatever_path_leads_to_it() {
    let (case, report) = case();
    let whole = text(&absolute(&case, "log.evtx"));
    let (drive, rest) = whole.split_once(':').unwrap();
    let ways = [
        r".\log.evtx".to_owned(),
        "./LOG.Evtx".to_owned(),
        whole.clone(),
        whole.replace('\\', "/"),
        format!(r"\\?\{whole}"),
        format!(r"\\.\{whole}"),
        format!(r"{}:{rest}", drive.to_lowercase()),
        // Relative to its drive, and to the root of it.
        rest.to_owned(),
    ];
    for way in &ways {
        assert_eq!(case.run_on(&[way]).exits(0).report(), report, "{way}");
    }
    // It is one log.
    let all: Vec<&str> = ways.iter().map(String::as_str).collect();
    let ran = case.run_on(&all);
    assert_eq!(ran.exits(0).report(), report);
    ran.says(&["searched  1 log,"]);
}

#[test]
fn a_log_on_a_share_or_in_a_shadow_copy_is_read() {
    let (case, report) = case();
    let whole = text(&absolute(&case, "log.evtx"));
    let (drive, rest) = whole.split_once(':').unwrap();
    let copies = (1..=9).map(|number| format!(r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy{number}{rest}"));
    let on_volumes = (1..=9).map(|number| format!(r"\\?\GLOBALROOT\Device\HarddiskVolume{number}{rest}"));
    let shares = [format!(r"\\localhost\{drive}${rest}"), format!(r"\\?\UNC\localhost\{drive}${rest}")];
    for (what, paths) in [
        ("a share of this host", shares.to_vec()),
        ("a shadow copy or a volume by its device", copies.chain(on_volumes).collect()),
    ] {
        match paths.iter().find(|path| Path::new(path).exists()) {
            Some(path) => assert_eq!(case.run_on(&[path]).exits(0).report(), report, "{path}"),
            None => println!("skipped: {what}: this system has none"),
        }
    }
}

#[test]
fn a_log_with_several_names_is_read_once() {
    let (case, report) = case();
    fs::hard_link(case.path("log.evtx"), case.path("other.evtx")).unwrap();
    let ran = case.run_on(&["log.evtx", "other.evtx", "."]);
    assert_eq!(ran.exits(0).report(), report);
    ran.says(&["searched  1 log,"]);
}

#[test]
fn wildcards_stand_for_what_matches_them() {
    let (case, report) = case();
    let case = case.file("hosts[1]/x/note.txt", "").file("hosts[1]/x/b.EVTX", "");
    fs::copy(case.path("log.evtx"), case.path("hosts[1]/x/b.EVTX")).unwrap();
    for pattern in [r"*.evtx", r"hosts[1]\*\*.evtx", r"HOSTS?1?\x\?.evtx"] {
        assert_eq!(case.run_on(&[pattern]).exits(0).report(), report, "{pattern}");
    }
    let none = case.run_on(&["*.zip"]);
    none.exits(1).says(&["netsift: *.zip: "]);
    assert_eq!(Ran::new(case.another(&["*.evtx"])).exits(0).report().lines().count(), 2);
    Ran::new(case.another(&["*.evt"])).exits(2).says(&["*.evt"]);
    // The values of options are left as they are.
    case.run_on(&["--process", "log*", "log.evtx"]).exits(0).reports(&["dvc,dest_ip,count,firstTime,lastTime"]);
}

#[test]
fn names_that_are_longer_than_most_programs_take_and_in_other_scripts_are_read_and_written() {
    let (case, report) = case();
    let folder = ["ж".repeat(100), "日本".repeat(50), "🦀".repeat(25)].join(r"\");
    let name = format!(r"{folder}\журнал.evtx");
    fs::create_dir_all(absolute(&case, &folder)).unwrap();
    fs::copy(case.path("log.evtx"), absolute(&case, &name)).unwrap();
    assert!(name.encode_utf16().count() > 260);
    let name = text(&absolute(&case, &name));
    assert_eq!(case.run_on(&[&name]).exits(0).report(), report);
    let written = text(&absolute(&case, &format!(r"{folder}\отчёт.csv")));
    let events = text(&absolute(&case, &format!(r"{folder}\события.csv")));
    Ran::new(case.command(&["-o", &written, "--events", &events, &name])).exits(0);
    assert_eq!(fs::read_to_string(&written).unwrap(), report);
    assert!(fs::read_to_string(&events).unwrap().contains("журнал.evtx"));
}

#[test]
fn no_output_has_a_name_with_another_meaning() {
    let (case, _) = case();
    let log = fs::read(case.path("log.evtx")).unwrap();
    let device = "on Windows that is the name of a device";
    let stream = "a file name on Windows has none of";
    for (name, cause) in [
        ("NUL.csv", device),
        ("com1", device),
        ("aux.csv", device),
        ("log.evtx:stream", stream),
        ("log.evtx::$DATA", stream),
        ("report?.csv", stream),
        ("report.csv.", "Windows drops a dot"),
        ("log.evtx ", "Windows drops a dot or a space"),
    ] {
        for option in ["-o", "--events", "--manifest"] {
            let name = &if option == "--manifest" { name.replace(".csv", ".json") } else { name.to_owned() };
            case.run_on(&["--force", "log.evtx", option, name])
                .exits(1)
                .says(&[&format!("{name}: cannot write there: {cause}")]);
        }
    }
    fs::copy(case.path("log.evtx"), case.path("log.csv")).unwrap();
    for name in ["LOG.CSV", r".\log.csv", r"sub\..\Log.csv"] {
        fs::create_dir_all(case.path("sub")).unwrap();
        case.run_on(&["--force", "log.csv", "-o", name]).exits(1).says(&["it is one of the files to read"]);
    }
    case.run_on(&["log.evtx", "-o", "a.csv", "--events", "A.CSV"]).exits(1).says(&["another output goes there"]);
    assert_eq!(fs::read(case.path("log.evtx")).unwrap(), log);
    assert_eq!(names_in(&case.path(".")), ["log.csv", "log.evtx", "sub"]);
}

#[test]
fn what_is_written_to_the_null_device_is_gone() {
    let (case, report) = case();
    for name in ["NUL", "nul", r"\\.\NUL"] {
        let ran = case.run_on(&["log.evtx", "--events", name, "-o", "-"]);
        assert_eq!(ran.exits(0).report(), report, "{name}");
    }
    assert_eq!(names_in(&case.path(".")), ["log.evtx"]);
}

#[test]
fn a_device_is_no_log() {
    let (case, _) = case();
    for name in ["NUL", r"\\.\NUL", "CON", r"\\.\PhysicalDrive0"] {
        let ran = Ran::new(case.command(&[name, "log.evtx"]));
        ran.exits(3).says(&[name]);
        assert_eq!(ran.report().lines().count(), 2);
    }
}

#[test]
fn a_log_that_another_program_holds_open_is_read_if_that_lets_it_be() {
    const SHARES_ALL: u32 = 7;
    let (case, report) = case();
    let open = |shared: u32| {
        fs::OpenOptions::new().read(true).write(true).share_mode(shared).open(case.path("log.evtx")).unwrap()
    };
    let held = open(SHARES_ALL);
    assert_eq!(case.run_on(&["."]).exits(0).report(), report);
    drop(held);
    let _held = open(0);
    let ran = case.run_on(&["."]);
    ran.exits(1).says(&["log.evtx: ", "os error 32"]);
}

#[test]
fn a_log_that_is_read_only_is_read_and_stays_so() {
    let (case, report) = case();
    let path = case.path("log.evtx");
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions.clone()).unwrap();
    assert_eq!(case.run_on(&["."]).exits(0).report(), report);
    assert!(fs::metadata(&path).unwrap().permissions().readonly());
    #[expect(clippy::permissions_set_readonly_false, reason = "this is Windows, and the folder is to be removed")]
    permissions.set_readonly(false);
    fs::set_permissions(&path, permissions).unwrap();
}

#[test]
fn lines_of_windows_are_lines_in_lists_and_in_files_of_arguments() {
    let (case, report) = case();
    let case = case
        .file("list.txt", "\u{feff}# what is looked for\r\n8.8.8.0/24\r\n\r\n")
        .file("case.args", "\u{feff}connections\r\n--group-by dvc,dest_ip\r\n--detect-cidr @list.txt\r\nlog.evtx\r\n");
    assert_eq!(Ran::new(case.another(&["@case.args"])).exits(0).report(), report);
}

#[test]
fn a_reader_that_closes_its_pipe_has_seen_what_it_wanted() {
    let events: Vec<Event> = (0..2000).map(|number| Event::connection().at(number)).collect();
    let case = connections().events(&events).args(["-q", "--group-by", "dvc,process_guid,dest", "log.evtx"]);
    for args in [&[][..], &["--events", "-", "-o", "report.csv", "--force"]] {
        let mut child = case.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{args:?}");
    }
}

/// Wine sets `SystemRoot` anew for every program, and has no logs of its own. Where there are some, they are left alone.
#[test]
fn the_logs_of_this_host_are_read_where_windows_has_them_and_nothing_is_written_there() {
    let (case, report) = case();
    let logs = PathBuf::from(std::env::var_os("SystemRoot").unwrap()).join(r"System32\winevt\Logs");
    let inside = text(&logs.join("report.csv"));
    let refused = "cannot write there: it is the folder of this host's logs";
    if logs.exists() {
        println!("skipped: how this host's logs are read: it has some");
        case.run_on(&["--live", "-o", &inside]).exits(1).says(&[refused]);
        return;
    }
    case.run_on(&["--live"]).exits(1).says(&["cannot read the logs of this host: there is no such folder"]);
    fs::create_dir_all(&logs).unwrap();
    case.run_on(&["--live"]).exits(1).says(&["no event log found: give a log"]);
    fs::copy(case.path("log.evtx"), logs.join("Microsoft-Windows-Sysmon%4Operational.evtx")).unwrap();
    assert_eq!(case.run_on(&["--live"]).exits(0).report(), report);
    case.run_on(&["--live", "-o", &inside]).exits(1).says(&[refused]);
    case.run_on(&["--live", "-o", "report.csv", "--events", &inside]).exits(1).says(&[refused]);
    assert_eq!(names_in(&logs).len(), 1);
    fs::remove_dir_all(&logs).unwrap();
}
