//! What is between a person and the command: help, completions, manual pages, files of arguments, the environment.

use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

use crate::{
    case::{Case, NETSIFT, connections, detect, names_in},
    evtx_writer::{self, Event},
};

const COMMANDS: [&str; 10] = [
    "detect",
    "connections",
    "rules list",
    "rules show",
    "rules check",
    "rules",
    "merge",
    "verify",
    "completions",
    "man",
];

/// What `netsift` with these arguments prints to a screen of 80 columns.
#[track_caller]
fn printed(args: &[&str]) -> String {
    let output = Command::new(NETSIFT).args(args).env("COLUMNS", "80").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs another program with this on its standard input; nothing where it is not installed.
fn fed(program: &str, args: &[&str], input: &str) -> Option<Output> {
    let streams = || Stdio::piped();
    let mut child =
        Command::new(program).args(args).stdin(streams()).stdout(streams()).stderr(streams()).spawn().ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    Some(output)
}

#[test]
fn the_short_help_of_a_scan_fits_a_screen_and_says_that_there_is_more() {
    for command in ["detect", "connections"] {
        let help = printed(&[command, "-h"]);
        // The prompt is the 24th line.
        assert!(help.lines().count() <= 23, "hide what is not used every day, see src/usage.rs:\n{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        assert!(help.contains("--help shows all options") && !help.contains("--max-member-size"), "{help}");
    }
}

#[test]
fn the_help_fits_a_screen_and_has_a_command_for_each_of_three_questions() {
    let help = printed(&["-h"]);
    // The prompt is the 24th line.
    assert!(help.lines().count() <= 23, "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    let alone = Command::new(NETSIFT).env("COLUMNS", "80").output().unwrap();
    assert_eq!((alone.status.code(), String::from_utf8(alone.stderr).unwrap()), (Some(2), help.clone()));

    let commands = |help: &str| -> Vec<String> {
        let (_, questions) = help.split_once("Three questions").unwrap();
        questions
            .lines()
            .filter_map(|line| line.split_once("?  "))
            .map(|(_, command)| command.trim().to_owned())
            .collect()
    };
    assert_eq!(commands(&help), commands(&printed(&["--help"])));
    assert_eq!(commands(&help).len(), 3, "{help}");
    let rule =
        "title: R\nlogsource: {category: network_connection}\ndetection: {a: {Initiated: 'true'}, condition: a}\n";
    for line in commands(&help) {
        let words: Vec<&str> = line.strip_prefix("netsift ").unwrap().split(' ').collect();
        let case = Case::new(words[0])
            .file("sigma/rule.yml", rule)
            .file("case/log.evtx", evtx_writer::log(&[Event::connection()]).0);
        case.run_on(&[&words[1..], &["--force"]].concat()).exits(0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_to_standard_output_is_no_success() {
    let case = detect().file("manifest.json", "").file("rules/a.yml", "").events(&[Event::connection()]);
    case.run_on(&["--manifest", "manifest.json", "--force", "log.evtx", "-o", "report.csv"]).exits(0);
    for args in
        ["detect log.evtx", "rules list", "rules show regsvcs", "rules check rules", "verify manifest.json", "man"]
    {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(NETSIFT);
        let output = command.current_dir(case.path(".")).args(args.split(' ')).stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args}: {stderr}");
        assert!(stderr.starts_with("netsift: standard output: cannot write to it: "), "{args}: {stderr}");
    }
}

#[test]
fn the_long_help_is_grouped_and_has_what_the_short_one_leaves_out() {
    let help = printed(&["detect", "--help"]);
    let headings =
        ["\nOutput:\n", "\nRules:\n", "\nNetworks:\n", "\nFilters:\n", "\nEvidence and archives:\n", "\nRun:\n"];
    let found: Vec<usize> = headings.iter().map(|heading| help.find(heading).unwrap()).collect();
    assert!(found.is_sorted(), "{help}");
    for text in ["--max-member-size", "--strict-rules", "--manifest-run-info", "@case.args", "Exit status"] {
        assert!(help.contains(text), "{text} is missing:\n{help}");
    }
    assert!(!help.contains("\nOptions:\n") && !help.contains("--no-prefilter"), "{help}");
}

#[test]
fn every_command_has_an_example() {
    for command in COMMANDS {
        for help in ["-h", "--help"] {
            let args: Vec<&str> = command.split(' ').chain([help]).collect();
            let text = printed(&args);
            assert!(text.contains("Example"), "{text}");
            assert!(text.contains(&format!("netsift {command}")), "{text}");
        }
    }
}

#[test]
fn completions_of_all_shells_know_commands_and_options() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = printed(&["completions", shell]);
        for word in ["detect", "connections", "verify", "completions", "exclude-cidr", "strict-rules"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    Case::new("completions").run_on(&["tcsh"]).exits(2).says(&["bash, elvish, fish, powershell, zsh"]);
}

#[test]
fn the_completions_are_scripts_that_their_shells_read() {
    for (shell, args) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        if let Some(output) = fed(shell, &[args], &printed(&["completions", shell])) {
            assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
        }
    }
}

#[test]
fn bash_completes_commands_and_options() {
    let complete = |words: &str| {
        let script = printed(&["completions", "bash"]);
        let ask = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _netsift netsift \"${{COMP_WORDS[-1]}}\" netsift\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        );
        fed("bash", &["--norc"], &ask).map(|output| String::from_utf8(output.stdout).unwrap())
    };
    let Some(commands) = complete("netsift det") else { return };
    assert_eq!(commands, "detect\n");
    assert_eq!(complete("netsift detect --exclude").unwrap(), "--exclude-rule\n--exclude-cidr\n");
    assert_eq!(complete("netsift rules ch").unwrap(), "check\n");
}

#[test]
fn a_manual_page_is_printed_for_every_command_and_groff_has_nothing_against_it() {
    for command in COMMANDS.iter().chain(&[""]) {
        let args: Vec<&str> = ["man"].into_iter().chain(command.split(' ').filter(|part| !part.is_empty())).collect();
        let page = printed(&args);
        let name = format!("netsift {command}").trim_end().to_owned();
        assert!(page.contains(&format!("\n.TH {} 1 ", name.replace(' ', "-"))), "{page}");
        assert!(page.contains(concat!("\"netsift ", env!("CARGO_PKG_VERSION"), "\"")), "{page}");
        let Some(output) = fed("groff", &["-man", "-ww", "-Tascii", "-P-cbou"], &page) else { continue };
        assert!(output.status.success() && output.stderr.is_empty(), "{name}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&format!("{} - ", name.replace(' ', "-"))), "{text}");
        assert!(text.contains(if command.is_empty() { "Three questions" } else { "Example" }), "{text}");
    }
}

#[test]
fn a_manual_page_explains_the_options_that_the_short_help_leaves_out() {
    let page = printed(&["man", "connections"]);
    for text in ["Report only destinations in this network", "Count an event once", "Scan with N threads"] {
        assert!(page.contains(text), "{text} is missing:\n{page}");
    }
    assert!(!page.contains("prefilter"), "{page}");
}

#[test]
fn the_manual_page_of_a_command_that_is_not_there_is_refused_with_those_there_are() {
    Case::new("man").run_on(&["find"]).exits(2).says(&[
        "netsift: \"find\" is not a command: those of netsift are detect, connections, rules, merge, verify, completions, man",
    ]);
    Case::new("man")
        .run_on(&["detect", "x"])
        .exits(2)
        .says(&["netsift: \"x\" is not a command: netsift detect has none"]);
}

#[test]
fn all_manual_pages_go_to_a_folder_and_replace_others_only_with_force() {
    let case = Case::new("man").args(["--dir", "share/man1"]);
    case.command(&[]).status().unwrap();
    let mut names = COMMANDS.map(|name| format!("netsift-{}.1", name.replace(' ', "-"))).to_vec();
    names.push("netsift.1".to_owned());
    names.sort();
    assert_eq!(names_in(&case.path("share/man1")), names);
    let page = case.path("share/man1/netsift-rules-list.1");
    assert_eq!(fs::read_to_string(&page).unwrap(), printed(&["man", "rules", "list"]));

    fs::write(&page, "mine").unwrap();
    fs::remove_file(case.path("share/man1/netsift.1")).unwrap();
    let kept = case.command(&[]).output().unwrap();
    assert_eq!(kept.status.code(), Some(1));
    assert!(String::from_utf8(kept.stderr).unwrap().contains("it exists; --force replaces it"));
    assert_eq!(fs::read_to_string(&page).unwrap(), "mine");
    assert!(!case.path("share/man1/netsift.1").exists(), "all or nothing");
    assert!(case.command(&["--force"]).status().unwrap().success());
    assert_ne!(fs::read_to_string(&page).unwrap(), "mine");
}

/// Two processes, two destinations.
fn events() -> Vec<Event> {
    [("a.exe", "8.8.8.8"), ("a.exe", "9.9.9.9"), ("b c.exe", "8.8.8.8"), ("d.exe", "9.9.9.9")]
        .map(|(image, dest)| Event::connection().image(image).dest(dest))
        .to_vec()
}

/// The processes and destinations that are reported with this file of arguments.
#[track_caller]
fn reported(text: &str) -> Vec<String> {
    let case = detect().events(&events()).file("case.args", text).args(["@case.args", "--group-by", "app,dest_ip"]);
    let ran = case.run();
    let mut rows: Vec<String> =
        ran.exits(0).report().lines().skip(1).map(|row| row.split(",1,").next().unwrap().to_owned()).collect();
    rows.sort();
    rows
}

#[test]
fn a_file_of_arguments_has_one_a_line_with_spaces_kept() {
    let text = "# the case\n\n--process a.exe\n  --process=b c.exe  \r\n--exclude-cidr   @our offices.txt\n--force\n";
    let case = detect().events(&events()).file("case.args", text).file("our offices.txt", "9.9.9.0/24\n").args([
        "@case.args",
        "--group-by",
        "app",
    ]);
    let ran = case.run();
    let rows: Vec<&str> = ran.exits(0).report().lines().map(|row| row.split(',').next().unwrap()).collect();
    assert_eq!(rows, ["app", "a.exe", "b c.exe"]);
    assert_eq!(reported("\u{feff}--process b c.exe"), ["b c.exe,8.8.8.8"], "with a byte order mark");
    assert_eq!(reported("--process #1.exe\n--process a.exe\n--exclude-cidr=8.8.8.8"), ["a.exe,9.9.9.9"]);
}

#[test]
fn a_file_of_arguments_can_hold_the_command_and_the_paths() {
    let case = Case::new("@all.args")
        .file("all.args", "detect\n--process d.exe\n-q\n--group-by=app\nmy logs/log one.evtx\n")
        .log("my logs/log one.evtx", &crate::evtx_writer::log(&events()));
    let output = case.command(&[]).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 2);
}

#[test]
fn short_options_in_a_file_of_arguments_have_their_values_with_them() {
    let with = |line: &str| {
        let case = detect().events(&events()).file("case.args", line).args(["@case.args"]);
        let output = case.command(&["--process", "a.exe", "."]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
        assert!(case.path("my report.csv").exists(), "{line}");
    };
    ["-o my report.csv", "-omy report.csv", "-qo my report.csv", "--output=my report.csv"].into_iter().for_each(with);
}

#[test]
fn an_option_takes_what_follows_as_its_value_whatever_it_starts_with() {
    // The list of networks is no file of arguments, and neither is a path after two dashes or with a folder.
    let case = detect()
        .events(&events())
        .file("@list.txt", "9.9.9.0/24\n")
        .file("list.txt", "9.9.9.0/24\n")
        .log("@log", &crate::evtx_writer::log(&events()))
        .args(["--process", "a.exe", "--group-by", "dest_ip"]);
    let destinations = |args: &[&str]| {
        let ran = case.run_on(args);
        ran.exits(0).report().lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(destinations(&["--exclude-cidr", "@list.txt", "log.evtx"]), ["8.8.8.8"]);
    assert_eq!(destinations(&["--exclude-cidr=@list.txt", "log.evtx"]), ["8.8.8.8"]);
    assert_eq!(destinations(&["./@log"]), ["8.8.8.8", "9.9.9.9"]);
    assert_eq!(destinations(&["--", "@log"]), ["8.8.8.8", "9.9.9.9"]);
    case.run_on(&["@log"]).exits(2).says(&["netsift: log: cannot read the arguments: "]);
    let output = case.command(&["-qo", "@out", "log.evtx"]).output().unwrap();
    assert!(output.status.success() && case.path("@out").exists(), "{output:?}");
}

#[test]
fn a_file_of_arguments_that_makes_no_sense_is_refused_with_the_line() {
    let refused = |bytes: &[u8], message: &str| {
        let case = detect().events(&events()).file("case.args", bytes).args(["@case.args"]);
        case.run().exits(2).reports(&[]).says(&[&format!("netsift: case.args: {message}")]);
    };
    refused(
        b"--force\n--proces a.exe",
        "line 2: --proces is not an option of netsift detect: netsift detect --help lists them",
    );
    refused(
        b"--process\na.exe",
        "line 1: --process has no value: give it on the same line, for example --process VALUE",
    );
    refused(b"\n#\n--force --quiet", "line 3: --force takes no value: give one argument per line");
    refused(b"--process \"a.exe\"", "line 1: a value is in quotation marks, which would be part of it: leave them out");
    refused(b"--process='a.exe'", "line 1: a value is in quotation marks");
    refused(b"\"my logs/\"", "line 1: a value is in quotation marks");
    refused(b"@other.args", "line 1: \"@other.args\" is not read: an arguments file cannot name another");
    refused(b"--\n-x", "line 1: -- is not an option");
    refused(b"--zip-passwort=geheim", "line 1: --zip-passwort is not an option");
    refused(b"-q\n--process a.exe\r--force", "line 2: it has a control character: give one argument per line");
    refused(b"--process \xff.exe", "cannot read the arguments: it is not UTF-8 text");
    refused(
        "--force".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().as_slice(),
        "cannot read the arguments: it is not UTF-8 text",
    );
    refused(&vec![b'\n'; (1 << 20) + 1], "cannot read the arguments: it is larger than 1 MiB");
    detect().events(&events()).args(["@none.args"]).run().exits(2).says(&[
        "netsift: none.args: cannot read the arguments: ",
        "; a path that starts with @ is given as ./@none.args",
    ]);
}

#[test]
fn a_manifest_has_the_arguments_of_a_file_without_its_password() {
    for password in ["--zip-password geheim", "--zip-password=geheim", "--zip-password # geheim"] {
        let case = connections()
            .events(&events())
            .file("case.args", format!("--group-by dest_ip\n{password}\n--manifest case.json"))
            .args(["@case.args"]);
        let output = case.command(&["-o", "report.csv", "log.evtx"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let manifest = fs::read_to_string(case.path("case.json")).unwrap();
        assert!(!manifest.contains("geheim"), "{manifest}");
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        let arguments: Vec<&str> =
            manifest["arguments"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap()).collect();
        let shown = arguments.join(" ");
        assert!(
            shown.starts_with("connections --group-by dest_ip --zip-password") && shown.contains("(hidden)"),
            "{shown}"
        );
        assert!(shown.ends_with("--manifest case.json -o report.csv log.evtx"), "{shown}");
    }
}

#[test]
fn the_environment_does_not_change_what_is_computed() {
    let args =
        ["--events", "events.csv", "--html", "page.html", "--manifest", "case.json", "-o", "report.csv", "--recover"];
    let outputs = |environment: &[(&str, &str)]| {
        let case = connections().events(&events()).args(args);
        let mut command = case.command(&["log.evtx"]);
        command.env_clear().envs(environment.iter().copied());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        ["events.csv", "page.html", "case.json", "report.csv"].map(|name| fs::read(case.path(name)).unwrap())
    };
    let hostile = [
        ("TZ", "Pacific/Kiritimati"),
        ("LANG", "tr_TR.UTF-8"),
        ("LC_ALL", "de_DE.ISO-8859-1"),
        ("COLUMNS", "1"),
        ("LINES", "0"),
        ("TERM", "dumb"),
        ("NO_COLOR", "1"),
        ("CLICOLOR_FORCE", "1"),
        ("RAYON_NUM_THREADS", "7"),
        ("RUST_LOG", "trace"),
        ("RUST_BACKTRACE", "full"),
        ("RUST_MIN_STACK", "100000"),
        ("SOURCE_DATE_EPOCH", "0"),
        ("HOME", "/nowhere"),
        ("PATH", "/nowhere"),
        ("NETSIFT_THREADS", "x"),
        ("NETSIFT_EXCLUSIONS", "none"),
    ];
    // Windows finds its own libraries by this one.
    let needed: Vec<(&str, String)> =
        std::env::var("SystemRoot").map(|root| ("SystemRoot", root)).into_iter().collect();
    let scrubbed: Vec<(&str, &str)> = needed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let hostile: Vec<(&str, &str)> = scrubbed.iter().copied().chain(hostile).collect();
    assert!(outputs(&scrubbed) == outputs(&hostile), "the environment shows in an output");
}

#[test]
fn a_path_without_a_command_is_searched_as_detect_does() {
    let case = Case::new("log.evtx").events(&events()).args(["--process", "a.exe", "--group-by", "dest_ip"]);
    let ran = case.run_on(&[]);
    assert_eq!(ran.exits(0).report().lines().count(), 3);
    let first = case.another(&["-q", "--process", "a.exe", "--group-by", "dest_ip", "log.evtx"]).output().unwrap();
    assert_eq!(String::from_utf8(first.stdout).unwrap(), ran.report());
    let refused = |args: &[&str], text: &str| {
        let output = case.another(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(text) && stderr.lines().count() == 1, "{stderr}");
    };
    let nearest = "netsift: unrecognized subcommand 'detct'; tip: a similar subcommand exists: 'detect', and there is no such file";
    refused(&["detct", "log.evtx"], nearest);
    refused(&["gone.evtx"], "netsift: unrecognized subcommand 'gone.evtx'");
    refused(&["--proces", "a.exe", "gone.evtx"], "netsift: unexpected argument '--proces' found");
}

#[test]
fn what_is_wrong_with_the_command_line_is_said_in_one_line() {
    let says = |args: &[&str], text: &str| {
        let output = Command::new(NETSIFT).args(args).output().unwrap();
        assert_eq!((output.status.code(), &*output.stdout), (Some(2), &b""[..]), "{args:?}");
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            format!("netsift: {text}; --help shows what can be given\n")
        );
    };
    says(&["detect"], "the following required arguments were not provided: <PATH>...");
    says(
        &["detect", "--format", "json", "."],
        "invalid value 'json' for '--format <FORMAT>' [possible values: csv, jsonl, table, parquet]; tip: a similar value exists: 'jsonl'",
    );
    says(
        &["detect", "--proces", "x", "."],
        "unexpected argument '--proces' found; tip: a similar argument exists: '--process'",
    );
}

#[test]
fn the_long_help_lists_the_fields() {
    let help = printed(&["connections", "--help"]);
    let words: Vec<&str> = help.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let refusal = connections().events(&events()).run_on(&["--group-by", "none", "."]).stderr().to_owned();
    let fields = refusal.split("the fields are ").nth(1).unwrap().trim_end().split(", ");
    let missing: Vec<&str> = fields.filter(|field| !words.contains(field)).collect();
    assert!(missing.is_empty(), "{missing:?}\n{help}");
}
