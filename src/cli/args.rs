//! [`Args`]: the command line as it was typed. What it means is in [`crate::cli::config`]; no file is touched here.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{ArgAction, Parser, Subcommand, ValueEnum, ValueHint, value_parser};
use clap_complete::Shell;

use crate::{
    connection::logged::LoggedBy,
    report::{
        style::{EventsFormat, Format},
        times::TimeFormat,
    },
    rule::sigma::wanted::{LEVELS, STATUSES},
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
An argument @FILE stands for the arguments in FILE: one a line, an option with its value on one line, spaces kept, no \
quotation marks; blank lines and lines that start with # are left out. A path that starts with @ is given as ./@PATH.";

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
    /// Prints one line each: same, changed, missing, unknown where the manifest has no hashes of it, or new for a log in a
    /// changed archive, or with --new in a folder, that the manifest does not have. The logs in an archive that is the same are the same.
    /// Watchlists and geoip files of the run are compared too.
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
    /// Partial results, and directories that are searched for *.parquet
    #[arg(required = true, value_name = "PARTIAL", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// What is written.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Group by these, in this order, all of which each partial result has [default: all that they have]
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',', num_args = 1, action = ArgAction::Set, help_heading = "Output")]
    pub group_by: Vec<String>,

    /// Add on how many hosts a process had the destination, and on which first
    #[arg(long, help_heading = "Output")]
    pub rarity: bool,

    /// Put groups and hits that take more than SIZE of memory into temporary files
    #[arg(long, value_name = "SIZE", default_value = MEMORY, value_parser = size, help_heading = "Run")]
    pub max_memory: u64,

    /// Read with N threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Run")]
    pub threads: Option<NonZeroUsize>,

    /// Show neither a summary nor progress
    #[arg(short, long, help_heading = "Run")]
    pub quiet: bool,

    /// List every exclusion network and more defects in the summary
    #[arg(long, help_heading = "Run")]
    pub verbose: bool,
}

const VERIFY_STATUS: &str = "\
Exit status: 0 all is the same; 1 the manifest cannot be read; 2 the command line is wrong; 3 a log or an archive has \
changed, or is missing, unknown or new.";

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
    #[arg(long, alias = "zip-password", value_name = "PASSWORD")]
    pub password: Option<String>,

    /// Hash with N threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,

    /// Also look for new logs, in the folders that the logs and archives of the manifest are in, and below them
    #[arg(long)]
    pub new: bool,

    /// Show neither progress nor totals, and name only what is not the same
    #[arg(short, long)]
    pub quiet: bool,
}

/// What `--group-by` takes, in the long help.
const FIELDS: &str = "\
Group by these, in this order [default: 19 fields; a table: host, process, direction, remote end, port]

Who: dvc (or host), user, app (or process), process_name, process_exec, process_guid, process_id. The other side: dest, dest_ip, \
dest_port, remote, remote_ip, remote_port. Its own side: src, src_ip, src_port, local_ip, local_port. What kind: direction, \
transport, protocol, protocol_version, action, vendor_product. Both sides at once: community_id, by which Zeek and others know the \
same flow. In any case, with spaces or - for _. The ends remote and local are \
told by all logs together, which are read once more for that.";

const MEMBER_SIZE: &str = "4GiB";
const MEMORY: &str = "1GiB";

/// What both commands that scan take.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag as it was typed")]
pub struct ScanArgs {
    /// Logs, archives of logs, and directories with either
    ///
    /// Directories are searched for files that are logs, or zip, 7z or tar files, or gzip, bzip2, xz or Zstandard files of either,
    /// by their first bytes, whatever their names.
    #[arg(required_unless_present = "live", value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// What is written.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Report these processes [detect: regsvcs.exe, connections: all]
    ///
    /// Given by their base names, in any case; * stands for any text. Repeatable.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', help_heading = "Rules")]
    pub process: Vec<String>,

    /// Also apply the Sigma rules in PATH; repeatable
    ///
    /// PATH is a file or a folder.
    #[arg(long, value_name = "PATH", help_heading = "Rules")]
    pub rules: Vec<PathBuf>,

    /// Apply built-in rules, or all [detect: regsvcs, connections: none]
    ///
    /// By their names or ids; none for no rule. netsift rules list shows them. Repeatable.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', help_heading = "Rules")]
    pub rule: Vec<String>,

    /// Which Sigma rules are wanted.
    #[command(flatten)]
    pub wanted: WantedArgs,

    /// The names of destinations that Sigma rules see [default: logged]
    #[arg(long, value_name = "NAMES", help_heading = "Rules")]
    pub sigma_names: Option<SigmaNames>,

    /// Fail if a rule in PATH cannot be loaded
    #[arg(long, help_heading = "Rules")]
    pub strict_rules: bool,

    /// Report only destinations in this network, or in those that @FILE lists; repeatable
    #[arg(long, value_name = "CIDR|@FILE", help_heading = "Networks")]
    pub detect_cidr: Vec<String>,

    /// Leave out these destinations; repeatable
    ///
    /// Those in a network, or in one of those that @FILE lists.
    #[arg(long, value_name = "CIDR|@FILE", help_heading = "Networks")]
    pub exclude_cidr: Vec<String>,

    /// The built-in list of networks not to report [detect: special, connections: none]
    #[arg(long, value_name = "LIST", help_heading = "Networks")]
    pub exclusions: Option<Exclusions>,

    /// Leave out addresses that are not public
    ///
    /// Short for --exclusions special.
    #[arg(long, conflicts_with = "exclusions", help_heading = "Networks")]
    pub public: bool,

    /// Judge networks by this end of a connection
    #[arg(long, value_name = "END", default_value = "dest", help_heading = "Networks")]
    pub judge: Judge,

    /// What is left in.
    #[command(flatten)]
    pub filter: FilterArgs,

    /// Take connections to be of this time
    #[arg(long, value_name = "CLOCK", default_value = "logged", help_heading = "Filters")]
    pub clock: ClockArg,

    /// Group by these, in this order [default: 19 fields]
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',', num_args = 1, action = ArgAction::Set, help_heading = "Output")]
    #[arg(long_help = FIELDS)]
    pub group_by: Vec<String>,

    /// Add the process behind each connection
    ///
    /// Its command line, hashes, parents, start and end, and the DNS name it asked for.
    #[arg(long, help_heading = "Output")]
    pub context: bool,

    /// Read the connections that these have logged
    #[arg(long, value_name = "SOURCE", default_value = "sysmon", help_heading = "Evidence and archives")]
    pub source: LoggedBy,

    /// Also report records that are no longer part of the logs: in free space and in damaged chunks
    #[arg(long, help_heading = "Evidence and archives")]
    pub recover: bool,

    /// Count an event once, however many copies of it the logs hold
    #[arg(long, help_heading = "Evidence and archives")]
    pub dedup: bool,

    /// Write the groups of each source to FILE as Parquet, to be merged with those of other runs
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub partial: Option<PathBuf>,

    /// Put every hit into the partial result, not only groups, so that merging can write its page and its events
    ///
    /// Such a file grows with the hits. --dedup needs it: merging finds copies of an event in different partial results then.
    #[arg(long, requires = "partial", help_heading = "Output")]
    pub partial_events: bool,

    /// Put groups and hits that take more than SIZE of memory into temporary files
    #[arg(long, value_name = "SIZE", default_value = MEMORY, value_parser = size, help_heading = "Run")]
    pub max_memory: u64,

    /// On Windows, read the logs of this host, in %SystemRoot%\System32\winevt\Logs
    ///
    /// Most of them can be read by an administrator only. Nothing is written there.
    #[arg(long, help_heading = "Evidence and archives")]
    pub live: bool,

    /// Follow symbolic links in directories
    #[arg(long, help_heading = "Evidence and archives")]
    pub follow: bool,

    /// Open encrypted members of zip and 7z files with PASSWORD
    #[arg(long, alias = "zip-password", value_name = "PASSWORD", help_heading = "Evidence and archives")]
    pub password: Option<String>,

    /// Know logs and archives in folders and archives by their names alone, and open no other file
    #[arg(long, help_heading = "Evidence and archives")]
    pub only_names: bool,

    /// Do not unpack more than SIZE from a member of an archive
    #[arg(long, value_name = "SIZE", default_value = MEMBER_SIZE, value_parser = size, help_heading = "Evidence and archives")]
    pub max_member_size: u64,

    /// Scan with N threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Run")]
    pub threads: Option<NonZeroUsize>,

    /// Show neither a summary nor progress
    #[arg(short, long, help_heading = "Run")]
    pub quiet: bool,

    /// List every exclusion network and more defects in the summary
    #[arg(long, help_heading = "Run")]
    pub verbose: bool,

    /// Decode every record of every chunk, as a check on the prefilter
    #[arg(long, hide = true)]
    pub no_prefilter: bool,
}

/// Reads a number of threads: more than any machine has cores can only be a mistake.
fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse().ok().filter(|number: &NonZeroUsize| number.get() <= 1024);
    number.ok_or_else(|| "give a number from 1 to 1024".to_owned())
}

/// Reads a size: bytes, or with a unit of `KiB`, `MiB`, `GiB` or `TiB`, in any case, the `iB` optional.
fn size(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        "t" | "tib" => 40,
        _ => 64,
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1_u64.checked_shl(shift)?));
    bytes.ok_or_else(|| "give a number of bytes or with a unit, for example 512MiB or 4GiB".to_owned())
}

/// Which connections are left in.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// Only connections logged at or after TIME: as reports show it, in UTC unless it says otherwise, such as 2024-03-05 14:07, a
    /// date (00:00 UTC), or how long ago, such as 7d or 12h
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Only connections logged before TIME
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// Only connections that HOST logged, with its domain or without; * stands for any text, in any case; repeatable
    #[arg(long, value_name = "HOST,...", value_delimiter = ',')]
    pub host: Vec<String>,

    /// Only connections of USER, with its domain or without; as --host
    #[arg(long, value_name = "USER,...", value_delimiter = ',')]
    pub user: Vec<String>,

    /// Only connections to PORT, or to a range such as 8000-8999; as --host
    #[arg(long, value_name = "PORT,...", value_delimiter = ',')]
    pub port: Vec<String>,

    /// Only tcp or udp, of a Security log also icmp, ipv6-icmp or a number; as --host
    #[arg(long, value_name = "TRANSPORT,...", value_delimiter = ',')]
    pub transport: Vec<String>,

    /// Only inbound or outbound; as --host
    #[arg(long, value_name = "DIRECTION,...", value_delimiter = ',')]
    pub direction: Vec<String>,

    /// Only connections of the program with this whole path; as --host
    #[arg(long, value_name = "PATH,...", value_delimiter = ',')]
    pub app: Vec<String>,

    /// Only connections to DEST: a name, an address or a network; as --host
    #[arg(long, value_name = "DEST,...", value_delimiter = ',')]
    pub dest: Vec<String>,

    /// Only connections with the peer REMOTE, whichever end opened them: a name, an address or a network; as --host
    #[arg(long, value_name = "REMOTE,...", value_delimiter = ',')]
    pub remote: Vec<String>,

    /// Only connections with PORT at the peer's end; as --port
    #[arg(long, value_name = "PORT,...", value_delimiter = ',')]
    pub remote_port: Vec<String>,
}

/// Which Sigma rules are wanted.
#[derive(Debug, Default, clap::Args)]
pub struct WantedArgs {
    /// Load only Sigma rules of this level or a more severe one
    #[arg(long, value_name = "LEVEL", value_parser = LEVELS, help_heading = "Rules")]
    pub level: Option<String>,

    /// Load only Sigma rules with this status; repeatable
    #[arg(long, value_name = "STATUS", value_parser = STATUSES, help_heading = "Rules")]
    pub status: Vec<String>,

    /// Do not load this Sigma rule: its id, its title or its file's name without the ending; repeatable
    #[arg(long, value_name = "ID", help_heading = "Rules")]
    pub exclude_rule: Vec<String>,
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
    /// Says of each file whether its rules are loaded, or why not, which ask for the process behind a connection, which of their
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

/// The names of destinations that Sigma rules see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SigmaNames {
    /// Those that connections were logged with
    Logged,
    /// Where there is none, those that the process asked DNS for
    Queried,
}

/// The built-in lists of exclusion networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Exclusions {
    /// The rule's 23 IPv4 networks and their 12 IPv6 counterparts
    Special,
    /// The rule's own 23 IPv4 networks
    Splunk,
    /// No built-in network
    None,
}

/// The end of a connection that networks are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Judge {
    /// The destination, as Splunk's rule does
    Dest,
    /// The peer of the host, also where the log calls the host itself the destination
    Remote,
}

/// The time that a connection is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClockArg {
    /// When it was logged (`TimeCreated`)
    Logged,
    /// When it happened (Sysmon's `UtcTime`)
    Utc,
}

/// What is written, and how it looks.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag as it was typed")]
pub struct OutputArgs {
    /// Write the report to FILE, not to standard output
    ///
    /// Its ending chooses the format: .csv, .jsonl, .txt for a table, .parquet. - is standard output.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Replace the files to be written if they exist
    #[arg(long)]
    pub force: bool,

    /// Do not guard cells that a spreadsheet would run as formulas; JSON lines and tables never do
    #[arg(long)]
    pub raw_cells: bool,

    /// The format of the report [default: table on a terminal, otherwise csv]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,

    /// The format of times in the report and the events, in UTC [default: rfc3339; in a table to the second]
    ///
    /// Events for Timesketch and ECS have those that these ask for.
    #[arg(long, value_name = "FORMAT")]
    pub time_format: Option<TimeFormat>,

    /// Start CSV with a byte order mark, for spreadsheets that need it to read UTF-8
    #[arg(long)]
    pub bom: bool,

    /// Write every hit to FILE, with the record it is from
    ///
    /// Its ending chooses the format: .csv, .jsonl, .ndjson. - is standard output.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub events: Option<PathBuf>,

    /// The format of the events [default: csv]
    #[arg(long, value_name = "FORMAT", requires = "events")]
    pub events_format: Option<EventsFormat>,

    /// Write how regular repeated connections are to FILE
    ///
    /// As CSV, the most regular first. A row for each host, process, destination and port with at least 4 connections and 3 intervals that are not 0, with scores of
    /// how regular the connections are.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub beacons: Option<PathBuf>,

    /// Write a page for a browser to FILE
    ///
    /// HTML, to look at the hits: a timeline, tables, and the events behind them.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,

    /// Give the page this title
    ///
    /// Such as the name of the case. Without it, the page is called after its rule.
    #[arg(long, value_name = "TEXT", requires = "html")]
    pub case: Option<String>,

    /// Write a record of the run to FILE as JSON: the logs with their hashes, the rule, the defects
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub manifest: Option<PathBuf>,

    /// Add the time of the run and the name of this host to the manifest
    #[arg(long, requires = "manifest")]
    pub manifest_run_info: bool,

    /// What is said of the peers of connections.
    #[command(flatten)]
    pub labels: LabelArgs,

    /// How a table looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// What is said of the peers of connections, by files that somebody brings.
#[derive(Debug, clap::Args)]
pub struct LabelArgs {
    /// Add the names of watchlists that the remote end is on; repeatable
    ///
    /// FILE has an address, a network, a domain name (which stands for its subdomains too) or a pattern with * on each line, with # for
    /// comments, or is a MISP warninglist or a STIX 2.1 bundle. Compared are the remote address and name, dest, and the names
    /// that the process asked DNS for.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Labels")]
    pub watchlist: Vec<PathBuf>,

    /// Report only groups with a connection that is on a watchlist
    #[arg(long, help_heading = "Labels")]
    pub only_watched: bool,

    /// Add the autonomous system of the remote address, its owner and the country, by a FILE.mmdb; repeatable
    ///
    /// Of several files, the first that knows a value tells it.
    #[arg(long, value_name = "FILE.mmdb", value_hint = ValueHint::FilePath, help_heading = "Labels")]
    pub geoip: Vec<PathBuf>,
}

/// How a table looks.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct LookArgs {
    /// Make a table N columns wide [default: the terminal's width; without one COLUMNS, or 120]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(40..=1000))]
    pub width: Option<u16>,

    /// Whether a table on standard output has colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: ColorArg,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// On a terminal that has them, unless `NO_COLOR` or `CLICOLOR=0` is set; elsewhere with `CLICOLOR_FORCE`
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
