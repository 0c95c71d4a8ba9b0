//! [`Config`]: what will be done, made from what was typed. Everything that can be wrong with it is found here, before
//! any evidence is read.

use std::{collections::HashSet, ffi::OsString, fs, num::NonZeroUsize, path::PathBuf, thread};

use ipnet::IpNet;

use crate::{
    args::{Exclusions, ScanArgs, VerifyArgs},
    builtin::{self, BuiltinRule},
    cidr::{self, CidrSet},
    connection::Field,
    error::Error,
    event::Carving,
    events::Copies,
    input::{Limits, Links},
    output::{self, Existing, Output},
    prefilter::Prefilter,
    report::Cells,
    rule::Rule,
    scan::Method,
    sift::{Decoding, Plan},
};

/// A run, ready to start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to look for logs.
    pub paths: Vec<PathBuf>,
    /// Whether links are followed on the way.
    pub links: Links,
    /// What to look for.
    pub plan: Plan,
    /// How to scan for it.
    pub method: Method,
    /// The title of the built-in rule, if that is what is applied.
    pub title: Option<String>,
    /// Where the report goes.
    pub output: Output,
    /// Where the report of events goes, if there is to be one.
    pub events: Option<Output>,
    /// Where the manifest goes, if there is to be one.
    pub manifest: Option<Output>,
    /// Whether the manifest has facts about the run itself.
    pub run_info: bool,
    /// The command line as it was, without the tool's own name.
    pub arguments: Vec<String>,
    /// How values are put into the report's cells.
    pub cells: Cells,
    /// Whether a summary and progress are shown.
    pub quiet: bool,
}

impl Config {
    /// Makes sense of what `detect` or `connections` was given; `detect` has a built-in rule. `arguments` is the command
    /// line as it was, for the manifest.
    ///
    /// # Errors
    ///
    /// A value is wrong: a process, a network, a list of networks that cannot be read, a field, an output.
    pub fn new(args: ScanArgs, builtin: Option<&BuiltinRule>, arguments: Vec<String>) -> Result<Self, Error> {
        let exclusions = if builtin.is_some() { Exclusions::Special } else { Exclusions::None };
        let processes = match (args.process.as_slice(), builtin) {
            ([], Some(rule)) => vec![rule.process.to_owned()],
            (names, _) => names.iter().map(|name| process(name)).collect::<Result<_, _>>()?,
        };
        let detection = networks("--detect-cidr", &args.detect_cidr)?;
        let mut exclusion = builtin_networks(args.exclusions.unwrap_or(exclusions))?;
        exclusion.extend(networks("--exclude-cidr", &args.exclude_cidr)?);
        let prefilter = Prefilter::new(&processes)
            .map_err(|error| Error::Usage(format!("--process: {} names are too many: {error}", processes.len())))?;
        let copies = match (args.dedup, args.recover) {
            (true, _) => Copies::Drop,
            (false, true) => Copies::DropStale,
            (false, false) => Copies::Count,
        };
        let existing = if args.force { Existing::Replace } else { Existing::Keep };
        Ok(Self {
            title: builtin
                .filter(|_| args.process.is_empty())
                .map(|rule| format!("{} (MITRE ATT&CK {})", rule.title, rule.technique)),
            plan: Plan {
                prefilter,
                rule: Rule {
                    processes,
                    detection: (!args.detect_cidr.is_empty()).then(|| detection.into_iter().collect::<CidrSet>()),
                    exclusion: exclusion.into_iter().collect(),
                },
                decoding: if args.no_prefilter { Decoding::Everything } else { Decoding::Candidates },
                carving: if args.recover { Carving::Stale } else { Carving::Live },
                group_by: fields(&args.group_by)?,
                keep_hits: args.events.is_some() || copies != Copies::Count,
                copies,
                follow_ids: args.manifest.is_some(),
            },
            method: Method {
                threads: threads(args.threads),
                hashing: args.manifest.is_some(),
                limits: Limits { member_size: args.max_member_size, password: args.zip_password },
            },
            links: if args.follow { Links::Follow } else { Links::Skip },
            events: args.events.map(|path| Output::File { path, existing }),
            manifest: args.manifest.map(|path| Output::File { path, existing }),
            run_info: args.manifest_run_info,
            arguments,
            output: args.output.map_or(Output::Stdout, |path| Output::File { path, existing }),
            cells: if args.raw_cells { Cells::Raw } else { Cells::Guarded },
            quiet: args.quiet,
            paths: args.paths,
        })
    }
}

/// The command line for the manifest: without the tool's own name, and without passwords.
#[must_use]
pub fn arguments(line: impl IntoIterator<Item = OsString>) -> Vec<String> {
    const PASSWORD: &str = "--zip-password";
    let mut is_password = false;
    let shown = line.into_iter().skip(1).map(|argument| {
        let argument = argument.to_string_lossy().into_owned();
        let hidden = std::mem::replace(&mut is_password, argument == PASSWORD);
        match argument.split_once('=') {
            _ if hidden => "(hidden)".to_owned(),
            Some((PASSWORD, _)) => format!("{PASSWORD}=(hidden)"),
            _ => argument,
        }
    });
    shown.collect()
}

/// How a manifest is verified.
#[must_use]
pub fn verification(args: &VerifyArgs) -> Method {
    let limits = Limits { member_size: u64::MAX, password: args.zip_password.clone() };
    Method { threads: threads(args.threads), hashing: true, limits }
}

fn threads(given: Option<NonZeroUsize>) -> NonZeroUsize {
    given.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

impl Config {
    /// Makes sure, before the evidence is read, that everything can be written and nothing of it is evidence.
    ///
    /// # Errors
    ///
    /// See [`Output::check`] and [`output::distinct`].
    pub fn check_outputs(&self, met: &HashSet<PathBuf>) -> Result<(), Error> {
        let outputs = || [Some(&self.output), self.events.as_ref(), self.manifest.as_ref()].into_iter().flatten();
        outputs().try_for_each(|output| output.check(met))?;
        output::distinct(outputs())
    }
}

fn process(name: &str) -> Result<String, Error> {
    if name.is_empty() || name.contains(['\\', '/']) {
        return Err(Error::Usage(format!(
            "--process {name:?} is not a base name: give the name without its folder, for example regsvcs.exe"
        )));
    }
    Ok(name.to_owned())
}

fn builtin_networks(list: Exclusions) -> Result<Vec<IpNet>, Error> {
    let (splunk, ipv6): (&[&str], &[&str]) = match list {
        Exclusions::Special => (&builtin::SPLUNK_NETWORKS, &builtin::IPV6_NETWORKS),
        Exclusions::Splunk => (&builtin::SPLUNK_NETWORKS, &[]),
        Exclusions::None => (&[], &[]),
    };
    splunk.iter().chain(ipv6).map(|text| cidr::parse(text).map_err(Error::Usage)).collect()
}

fn networks(option: &str, values: &[String]) -> Result<Vec<IpNet>, Error> {
    let mut networks = Vec::new();
    for value in values {
        let wrong = |message: String| Error::Usage(format!("{option} {message}"));
        if let Some(path) = value.strip_prefix('@') {
            let wrong = |message: String| wrong(format!("{value}: {message}"));
            let list = fs::read_to_string(path).map_err(|error| wrong(format!("cannot read the list: {error}")))?;
            networks.extend(cidr::parse_list(&list).map_err(wrong)?);
        } else {
            networks.push(cidr::parse(value).map_err(wrong)?);
        }
    }
    Ok(networks)
}

fn fields(names: &[String]) -> Result<Vec<Field>, Error> {
    let mut fields = Vec::with_capacity(names.len());
    for name in names {
        let field = name.parse().map_err(|message| Error::Usage(format!("--group-by {message}")))?;
        if fields.contains(&field) {
            return Err(Error::Usage(format!("--group-by {name:?} is given twice: name each field once")));
        }
        fields.push(field);
    }
    Ok(if fields.is_empty() { Field::ALL.to_vec() } else { fields })
}
