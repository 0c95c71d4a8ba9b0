//! [`ScanArgs`]: what both commands that scan take.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{ArgAction, ValueEnum};

use super::{
    output::{OutputArgs, SaidArgs},
    values::{MEMORY, password, size, sized, threads},
};
use crate::{
    connection::logged::LoggedBy,
    rule::sigma::wanted::{LEVELS, STATUSES},
};

/// What `--group-by` takes, in the long help.
const FIELDS: &str = "\
Group by these fields, in this order [default: 19 fields; a table: host, process, direction, remote end, port]

Who: dvc (or host), user, app (or process), process_name, process_exec, process_guid, process_id. The other side: dest, dest_ip, \
dest_port, remote, remote_ip, remote_port. Its own side: src, src_ip, src_port, local_ip, local_port. What kind: direction, \
transport, protocol, protocol_version, action, vendor_product. Both sides at once: community_id, by which Zeek and others know the \
same flow. In any case, with spaces or - for _. The fields remote and local depend on all logs together, so the logs are read a \
second time.";

const MEMBER_SIZE: &str = "4GiB";

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
    /// Given by their base names, in any case; * stands for any text, and @FILE for the names in FILE, one per line. Repeatable.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', help_heading = "Rules")]
    pub process: Vec<String>,

    /// Also apply the Sigma rules in PATH; repeatable
    ///
    /// PATH is a file, or a folder with *.yml and *.yaml files.
    #[arg(long, value_name = "PATH", help_heading = "Rules")]
    pub rules: Vec<PathBuf>,

    /// Apply these built-in rules [detect: regsvcs, connections: none]
    ///
    /// Give names or ids; all applies every built-in rule, none applies none. netsift rules list shows them. Repeatable.
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
    /// Destinations in this network, or in those that @FILE lists.
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

    /// Which time of a connection counts
    #[arg(long, value_name = "CLOCK", default_value = "logged", help_heading = "Filters")]
    pub clock: ClockArg,

    /// Group by these fields, in order [default: 19]
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',', num_args = 1, action = ArgAction::Set, help_heading = "Output")]
    #[arg(long_help = FIELDS)]
    pub group_by: Vec<String>,

    /// Add the process behind each connection
    ///
    /// Its command line, hashes, parents, start and end, and the DNS name it asked for.
    #[arg(long, help_heading = "Output")]
    pub context: bool,

    /// Which log to read connections from
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
    /// Such a file grows with the hits. --dedup needs it: merging then finds copies of an event in different partial results.
    #[arg(long, help_heading = "Output")]
    pub partial_events: bool,

    /// Put groups and hits that take more than SIZE of memory into temporary files
    #[arg(long, value_name = "SIZE", default_value = MEMORY, value_parser = size, help_heading = "Run")]
    pub max_memory: u64,

    /// On Windows, read the logs of this host, in %SystemRoot%\System32\winevt\Logs
    ///
    /// Only an administrator can read most of them. Nothing is written there.
    #[arg(long, help_heading = "Evidence and archives")]
    pub live: bool,

    /// Follow symbolic links in directories
    #[arg(long, help_heading = "Evidence and archives")]
    pub follow: bool,

    /// Open encrypted members of zip and 7z files with PASSWORD
    #[arg(long, alias = "zip-password", value_name = "PASSWORD", value_parser = password, help_heading = "Evidence and archives")]
    pub password: Option<String>,

    /// Recognise logs and archives in folders and archives by their names alone, and open no other file
    #[arg(long, help_heading = "Evidence and archives")]
    pub only_names: bool,

    /// Do not unpack more than SIZE from a member of an archive
    #[arg(long, value_name = "SIZE", default_value = MEMBER_SIZE, value_parser = size, help_heading = "Evidence and archives")]
    pub max_member_size: u64,

    /// Scan with N threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Run")]
    pub threads: Option<NonZeroUsize>,

    /// How much is said.
    #[command(flatten)]
    pub said: SaidArgs,

    /// Decode every record of every chunk, as a check on the prefilter
    #[arg(long, hide = true)]
    pub no_prefilter: bool,
}

impl ScanArgs {
    /// The values of the options that take lists of them as `@FILE`.
    pub fn with_lists(&self) -> impl Iterator<Item = &[String]> {
        let FilterArgs { since: _, until: _, host, user, port, transport, direction, app, dest, remote, remote_port } =
            &self.filter;
        let of_filter = [host, user, port, transport, direction, app, dest, remote, remote_port];
        let of_rules = [&self.process, &self.detect_cidr, &self.exclude_cidr];
        of_rules.into_iter().chain(of_filter).map(Vec::as_slice)
    }

    /// The options that decide which logs are read, and how, as words of a command line that reads the same. In the place of a password is
    /// what stands for it in the help.
    #[must_use]
    pub fn reading(&self) -> Vec<String> {
        let is_other = |bytes: u64, usual: &str| size(usual) != Ok(bytes);
        let options = [
            (self.live, "--live".to_owned()),
            (self.follow, "--follow".to_owned()),
            (self.only_names, "--only-names".to_owned()),
            (self.recover, "--recover".to_owned()),
            (self.dedup, "--dedup".to_owned()),
            (self.password.is_some(), "--password PASSWORD".to_owned()),
            (is_other(self.max_member_size, MEMBER_SIZE), format!("--max-member-size {}", sized(self.max_member_size))),
            (is_other(self.max_memory, MEMORY), format!("--max-memory {}", sized(self.max_memory))),
        ];
        options.into_iter().filter_map(|(is_given, option)| is_given.then_some(option)).collect()
    }
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

    /// Only connections that HOST logged, with its domain or without, in any case; * stands for any text, and @FILE for the values in
    /// FILE, one per line; repeatable
    #[arg(long, value_name = "HOST,...", value_delimiter = ',')]
    pub host: Vec<String>,

    /// Only connections of USER, with its domain or without; takes *, @FILE and several values as --host does
    #[arg(long, value_name = "USER,...", value_delimiter = ',')]
    pub user: Vec<String>,

    /// Only connections to PORT, or to a range such as 8000-8999; several values as for --host
    #[arg(long, value_name = "PORT,...", value_delimiter = ',')]
    pub port: Vec<String>,

    /// Only tcp or udp, in a Security log also icmp, ipv6-icmp or a number; several values as for --host
    #[arg(long, value_name = "TRANSPORT,...", value_delimiter = ',')]
    pub transport: Vec<String>,

    /// Only inbound or only outbound connections
    #[arg(long, value_name = "DIRECTION,...", value_delimiter = ',')]
    pub direction: Vec<String>,

    /// Only connections of the program with this whole path; takes *, @FILE and several values as --host does
    #[arg(long, value_name = "PATH,...", value_delimiter = ',')]
    pub app: Vec<String>,

    /// Only connections to DEST: a name, an address or a network; takes *, @FILE and several values as --host does
    #[arg(long, value_name = "DEST,...", value_delimiter = ',')]
    pub dest: Vec<String>,

    /// Only connections with the peer REMOTE, whichever end opened them: a name, an address or a network; takes *, @FILE and several
    /// values as --host does
    #[arg(long, value_name = "REMOTE,...", value_delimiter = ',')]
    pub remote: Vec<String>,

    /// Only connections with PORT at the peer's end, or with one in a range as for --port
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

    /// Do not load the Sigma rule with this id, title or file name (without its ending); repeatable
    #[arg(long, value_name = "ID", help_heading = "Rules")]
    pub exclude_rule: Vec<String>,
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
