//! A [`Case`]: a folder with logs, a command over it, and what is expected of it.
//!
//! Every run is repeated with one thread and with every record decoded; report and exit status must be the same.
//!
//! What is expected has `/` in paths, which is compared with `\` as the same on Windows.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::evtx_writer::{self, Event, Log};

pub const NETSIFT: &str = env!("CARGO_BIN_EXE_netsift");

/// What the system says of a file that is not there.
pub const NOT_FOUND: &str = if cfg!(windows) { "(os error 2)" } else { "No such file or directory" };

pub struct Case {
    folder: TempDir,
    args: Vec<String>,
}

/// What a run printed and returned.
pub struct Ran {
    command: String,
    output: Output,
}

/// `netsift detect` over the logs that are added.
pub fn detect() -> Case {
    Case::new("detect")
}

/// `netsift connections` over the logs that are added.
pub fn connections() -> Case {
    Case::new("connections")
}

impl Case {
    pub fn new(command: &str) -> Self {
        Self { folder: TempDir::new().unwrap(), args: vec![command.to_owned()] }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a file.
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Adds a file, in folders if its name has them.
    pub fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    /// Adds a log.
    pub fn log(self, name: &str, log: &Log) -> Self {
        self.file(name, &log.0)
    }

    /// Adds `log.evtx` with these events.
    pub fn events<'a>(self, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let log = evtx_writer::log(events);
        self.log("log.evtx", &log)
    }

    pub fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.args.extend(args.into_iter().map(str::to_owned));
        self
    }

    /// The command, run in the folder, with `more` arguments.
    pub fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(NETSIFT);
        command.current_dir(self.folder.path()).args(&self.args).args(more).stdin(Stdio::null());
        // What the screen that the tests are started from says of itself.
        for name in ["COLUMNS", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command
    }

    /// Another command, run in the folder.
    pub fn another(&self, args: &[&str]) -> Command {
        let mut command = Command::new(NETSIFT);
        command.current_dir(self.folder.path()).args(args).stdin(Stdio::null());
        command
    }

    /// Runs it over the whole folder.
    #[track_caller]
    pub fn run(&self) -> Ran {
        self.run_on(&["."])
    }

    /// Runs it with these as the last arguments.
    #[track_caller]
    pub fn run_on(&self, paths: &[&str]) -> Ran {
        let run = |more: &[&str]| Ran::new(self.command(&[more, paths].concat()));
        let ran = run(&[]);
        // A file that was written would be in the way of the next runs. That all ways to read give the same does not depend on the
        // system.
        if cfg!(not(windows)) && !self.args.iter().any(|arg| arg == "-o") && !paths.contains(&"-o") {
            for slow in [["--threads", "1"].as_slice(), &["--no-prefilter"]] {
                let slow = run(slow);
                assert!(slow.report() == ran.report(), "the report differs from that of\n  {}", slow.command);
                assert_eq!(slow.status(), ran.status(), "the status differs from that of\n  {}", slow.command);
            }
        }
        ran
    }
}

impl Ran {
    pub fn new(mut command: Command) -> Self {
        let mut output = command.output();
        // Where the machine is busy, Wine says now and then that a program could not be started: ERROR_INTERNAL_ERROR.
        if cfg!(windows) && matches!(&output, Err(error) if error.raw_os_error() == Some(1359)) {
            output = command.output();
        }
        Self { command: format!("{command:?}"), output: output.unwrap() }
    }

    pub fn report(&self) -> &str {
        std::str::from_utf8(&self.output.stdout).unwrap()
    }

    pub fn stderr(&self) -> &str {
        std::str::from_utf8(&self.output.stderr).unwrap()
    }

    pub fn status(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    #[track_caller]
    pub fn exits(&self, status: i32) -> &Self {
        assert_eq!(self.status(), status, "{}\n{}", self.command, self.stderr());
        self
    }

    /// The report is these lines.
    #[track_caller]
    pub fn reports(&self, lines: &[&str]) -> &Self {
        let report = slashed(self.report());
        let report: Vec<&str> = report.lines().collect();
        let lines: Vec<String> = lines.iter().map(|line| slashed(line)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert!(report == lines, "{}\n{}\n{}", self.command, difference(&lines, &report), self.stderr());
        self
    }

    /// Every text is on standard error.
    #[track_caller]
    pub fn says(&self, texts: &[&str]) -> &Self {
        for text in texts {
            assert!(
                slashed(self.stderr()).contains(&slashed(text)),
                "{}\ndoes not say {text:?}:\n{}",
                self.command,
                self.stderr()
            );
        }
        self
    }

    #[track_caller]
    pub fn does_not_say(&self, text: &str) -> &Self {
        assert!(
            !slashed(self.stderr()).contains(&slashed(text)),
            "{}\nsays {text:?}:\n{}",
            self.command,
            self.stderr()
        );
        self
    }
}

/// The hash of a file by a tool such as `sha256sum`; nothing on a system that has no such tool.
pub fn hash_by(tool: &str, path: &Path) -> Option<String> {
    let output = match Command::new(tool).arg(path).output() {
        Err(_) if cfg!(windows) => return None,
        output => String::from_utf8(output.unwrap().stdout).unwrap(),
    };
    output.split(' ').next().map(str::to_owned)
}

/// A text in which paths of any system look the same.
pub fn slashed(text: &str) -> String {
    if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() }
}

/// The lines that only one side has.
pub fn difference(expected: &[&str], actual: &[&str]) -> String {
    let missing = expected.iter().filter(|line| !actual.contains(line)).map(|line| format!("- {line}\n"));
    let extra = actual.iter().filter(|line| !expected.contains(line)).map(|line| format!("+ {line}\n"));
    let lines: String = missing.chain(extra).collect();
    if lines.is_empty() { "the same lines in another order or number\n".to_owned() } else { lines }
}

/// Files in a folder, by name.
pub fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
