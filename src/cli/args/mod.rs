//! [`Args`]: the command line as it was typed. What it means is in [`crate::cli::config`]; no file is touched here.
//!
//! - [`scan`]: what `detect` and `connections` take. [`output`]: what is written, and how it looks, by any command. `values`: how values
//!   are read that are neither text nor one of a list.

pub mod output;
pub mod scan;
mod values;

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{ArgAction, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use self::{
    output::{OutputArgs, SaidArgs},
    scan::{ScanArgs, WantedArgs},
    values::{MEMORY, password, size, threads},
};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "netsift", version, about, long_about = LONG_ABOUT, max_term_width = 100)]
#[command(after_help = QUESTIONS)]
#[command(after_long_help = QUESTIONS.to_owned() + "\n\n" + ARGUMENTS_FILE)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const LONG_ABOUT: &str = "\
Finds the network connections of chosen processes in collected Sysmon event logs (.evtx).

Logs are opened for reading only and never changed. The report has one row per group of connections: a table on a terminal, \
otherwise CSV. A summary of what was read, excluded and could not be read goes to standard error.

netsift PATH... without a command is netsift detect PATH...";

const QUESTIONS: &str = "\
Three questions, and the command for each:
  Who talked that should not?  netsift detect --context case/
  Is something beaconing?      netsift connections --beacons beacons.csv case/
  What do more rules say?      netsift detect --rule all case/";

const ARGUMENTS_FILE: &str = "\
An argument @FILE stands for the arguments in FILE: one per line, an option and its value on the same line; \
spaces are kept, quotation marks are not allowed. Blank lines and lines that start with # are skipped. A path that starts with @ is \
given as ./@PATH.";

const EXIT_STATUS: &str = "\
Exit status: 0 everything was read; 1 the run failed and there is no report; 2 the command line is wrong; \
3 the report is written, but some evidence could not be read, and the summary says what.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report what rules look for [default: regsvcs.exe on the internet]
    ///
    /// Applies Splunk's "Detect Regsvcs with Network Connection": connections of regsvcs.exe, a signed Microsoft
    /// binary, to any address but private, reserved and special ones. Other processes and networks can be given.
    #[command(after_help = "Example: netsift detect -o report.csv case/\n--help shows all options")]
    #[command(after_long_help = DETECT_EXAMPLES.to_owned() + ARGUMENTS_FILE + "\n\n" + EXIT_STATUS)]
    Detect(ScanArgs),
    /// Report every network connection that Sysmon or Windows logged
    ///
    /// Lists all EventID 3 connections, grouped. Process and network filters apply only where they are given.
    #[command(after_help = "Example: netsift connections --public case/\n--help shows all options")]
    #[command(after_long_help = CONNECTIONS_EXAMPLES.to_owned() + ARGUMENTS_FILE + "\n\n" + EXIT_STATUS)]
    Connections(ScanArgs),
    /// List, show and check rules
    #[command(subcommand, after_help = "Example: netsift rules check my-rules/")]
    Rules(RulesCommand),
    /// Merge partial results as if their sources were scanned together
    ///
    /// Takes files that detect or connections wrote with --partial. A log that is in more than one of them, by its SHA-256,
    /// counts once.
    #[command(after_help = MERGE_EXAMPLES.to_owned() + EXIT_STATUS)]
    Merge(MergeArgs),
    /// Hash the evidence of a manifest again and say what has changed
    ///
    /// Prints one line for each log and archive: same, changed, missing, unreadable, unknown (the manifest has no hashes of it) or new
    /// (the manifest does not list it; looked for in changed archives and, with --new, in folders). If an archive is the same, so are
    /// the logs in it. Watchlists and geoip files of the run are compared too.
    #[command(after_help = "Example: netsift verify case.json\n\n".to_owned() + VERIFY_STATUS)]
    Verify(VerifyArgs),
    /// Print a script that completes commands and options in a shell
    ///
    /// Where it goes: for bash ~/.local/share/bash-completion/completions/netsift, for zsh _netsift in a folder of $fpath,
    /// for fish ~/.config/fish/completions/netsift.fish; for PowerShell and elvish into the file that starts a session.
    #[command(after_help = "Example: source <(netsift completions bash)")]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print a manual page, or write all of them
    #[command(after_help = "Examples:\n  netsift man detect | man -l -\n  netsift man --dir ~/.local/share/man/man1")]
    Man(ManArgs),
}

const DETECT_EXAMPLES: &str = "\
Examples:
  netsift detect -o report.csv case/
  netsift detect --process mshta.exe --exclude-cidr @offices.txt case.zip
  netsift detect @case.args case/

";

const CONNECTIONS_EXAMPLES: &str = "\
Examples:
  netsift connections --public case/
  netsift connections --group-by host,process,dest case/
  netsift connections --detect-cidr 198.51.100.0/24 -o report.csv Sysmon.evtx

";

const MERGE_EXAMPLES: &str = "\
Examples:
  netsift merge -o report.csv partials/
  netsift merge --rarity --group-by dvc,dest,process_name partials/

";

/// What `merge` takes.
#[derive(Debug, clap::Args)]
pub struct MergeArgs {
    /// Partial results, and directories that are searched for them
    #[arg(required = true, value_name = "PARTIAL", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// What is written.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Group by these fields, in this order; each partial result must have them [default: all that they have]
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',', num_args = 1, action = ArgAction::Set, help_heading = "Output")]
    pub group_by: Vec<String>,

    /// Add on how many hosts a process connected to the destination, and on which first
    #[arg(long, help_heading = "Output")]
    pub rarity: bool,

    /// Put groups and hits that take more than SIZE of memory into temporary files
    #[arg(long, value_name = "SIZE", default_value = MEMORY, value_parser = size, help_heading = "Run")]
    pub max_memory: u64,

    /// Read with N threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Run")]
    pub threads: Option<NonZeroUsize>,

    /// How much is said.
    #[command(flatten)]
    pub said: SaidArgs,
}

const VERIFY_STATUS: &str = "\
Exit status: 0 all is the same; 1 the manifest cannot be read; 2 the command line is wrong; 3 a log or an archive has \
changed, or is missing, unreadable, unknown or new.";

/// What `man` takes.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The command, such as detect or rules list; netsift itself if left out
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub name: Vec<String>,

    /// Write the pages of all commands to DIR
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,

    /// Replace pages that are there
    #[arg(long, requires = "dir")]
    pub force: bool,
}

/// What `verify` takes.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// A manifest that was written with --manifest
    #[arg(value_name = "MANIFEST")]
    pub manifest: PathBuf,

    /// Open encrypted members of zip and 7z files with PASSWORD
    #[arg(long, alias = "zip-password", value_name = "PASSWORD", value_parser = password)]
    pub password: Option<String>,

    /// Hash with N threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,

    /// Also look for new logs, in the folders of the manifest's logs and archives, and below them
    #[arg(long)]
    pub new: bool,

    /// Show neither progress nor totals, and name only what is not the same
    #[arg(short, long)]
    pub quiet: bool,
}

/// What `rules` does.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// List the built-in rules, and the Sigma rules in PATH
    #[command(after_help = "Example: netsift rules list --rules sigma/ --level high")]
    List(RulesArgs),
    /// Show the whole of a rule
    #[command(after_help = "Example: netsift rules show regsvcs")]
    Show {
        /// Its id, its title, or a built-in rule's name
        #[arg(value_name = "ID")]
        id: String,
        /// Which rules there are.
        #[command(flatten)]
        rules: RulesArgs,
    },
    /// Check a file or folder of Sigma rules for use with this tool
    ///
    /// Says for each file whether its rules are loaded, or why not, which ask about the process behind a connection, which of their
    /// fields no connection has, and what is unusual about it.
    #[command(after_help = "Example: netsift rules check my-rules/")]
    Check {
        /// Files and folders
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<PathBuf>,
    },
}

/// Which rules are listed or shown.
#[derive(Debug, clap::Args)]
pub struct RulesArgs {
    /// Also the Sigma rules in PATH, a file or a folder; repeatable
    #[arg(long, value_name = "PATH", help_heading = "Rules")]
    pub rules: Vec<PathBuf>,

    /// Which Sigma rules are wanted.
    #[command(flatten)]
    pub wanted: WantedArgs,
}
