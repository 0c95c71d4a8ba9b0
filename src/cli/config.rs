//! [`Config`]: what will be done, made from what was typed. Everything that can be wrong with it is found here, before
//! any evidence is read.

use std::{ffi::OsString, num::NonZeroUsize, path::PathBuf, sync::Arc, thread};

use ipnet::IpNet;
use jiff::Timestamp;

use crate::{
    cli::{
        args::{
            MergeArgs, VerifyArgs,
            output::OutputArgs,
            scan::{ClockArg, Exclusions, FilterArgs, Judge, ScanArgs, SigmaNames, WantedArgs},
        },
        idle, labels, lists, live, named, time, vain, wildcards,
    },
    connection::{
        cidr::CidrSet,
        clock::Clock,
        filter::{Filter, Property},
        glossary::Field,
        logged::LoggedBy,
        pattern, possible,
    },
    error::Error,
    evidence::{
        archive::limits::{KnownBy, Limits},
        digest::Hashes,
        sources::Links,
    },
    evtx::{decoder::Carving, window::Window},
    fleet::merge::Merging,
    group::{copies::Copies, groups, twins::Twins},
    report::{
        output::{Existing, Output},
        outputs::{Outputs, Showing},
        parquet::columns::Rows,
        style::{Cells, EventsFormat, Format, Mark, Screen, Sheet, Style},
    },
    rule::{
        builtin::{self, BuiltinRule},
        info::RuleInfo,
        judge::{End, Rule},
        set::RuleSet,
        sigma::{
            beside::Names,
            load::{self, Loaded},
            wanted::Wanted,
        },
    },
    scan::{
        plan::{self, Decoding, Plan},
        pool::Method,
        prefilter::Prefilter,
        terms::Terms,
    },
    text,
};

/// A run, ready to start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to look for logs.
    pub paths: Vec<PathBuf>,
    /// The folder with the logs of this host, if they are searched.
    pub live: Option<PathBuf>,
    /// Whether links are followed on the way.
    pub links: Links,
    /// The options that decide which logs are read, and how, as words of a command line. No password is among them.
    pub reading: Vec<String>,
    /// What to look for.
    pub plan: Plan,
    /// How to scan for it.
    pub method: Method,
    /// What is written.
    pub outputs: Outputs,
    /// Whether neither a summary nor progress is shown.
    pub quiet: bool,
}

impl Config {
    /// Makes sense of what `detect` or `connections` was given. `arguments` is the command
    /// line as it was, for the manifest. Times that are so long ago are that long before `now`.
    ///
    /// # Errors
    ///
    /// A value is wrong: a process, a network, a list of networks that cannot be read, a filter, a field, a rule.
    pub fn new(args: ScanArgs, builtin: Builtin, arguments: Vec<String>, now: Timestamp) -> Result<Self, Error> {
        let live = args.live.then(live::folder).transpose()?;
        let reading = args.reading();
        let mut reads = lists::files(args.with_lists());
        let chosen = chosen_rules(&args, builtin)?;
        let filter = filter(&args.filter, now)?;
        let group_by = fields(&args.group_by)?;
        vain::of_source(&args, &filter, &group_by)?;
        let mut loaded = load(&args, &chosen.of_sigma)?;
        reads.append(&mut loaded.read);
        let rules = rule_set(&args, builtin, &chosen, &filter, &mut loaded)?;
        vain::check_apps(&filter, &rules)?;
        idle::check_judge(&args, &rules)?;
        let clock = match args.clock {
            ClockArg::Logged => Clock::Logged,
            ClockArg::Utc => Clock::Utc,
        };
        let texts = texts(&rules, &loaded, args.source);
        // A record's own time tells nothing of the other one.
        let window = if clock == Clock::Logged { filter.window } else { Window::default() };
        let prefilter = Prefilter::new(texts.as_deref(), args.source)?.within(window);
        let known_by = if args.only_names { KnownBy::Name } else { KnownBy::Content };
        let rows = rows_of_partial(&args, &rules)?;
        let partial = args.partial.map(|path| (path, rows));
        let mut labels = labels::read(&args.output)?;
        if let Some(labels) = &mut labels {
            labels::remark(labels, &rules, args.source);
        }
        let outputs = outputs(args.output, partial, threads(args.threads), arguments)?;
        let outputs = Outputs { context: args.context, labels: labels.map(Arc::new), reads, ..outputs };
        let terms = Terms {
            logged_by: args.source,
            rules: Arc::new(rules),
            refused: loaded.refused.iter().map(ToString::to_string).collect(),
            carving: if args.recover { Carving::Stale } else { Carving::Live },
            copies: match (args.dedup, args.recover) {
                (true, _) => Copies::Drop,
                (false, true) => Copies::DropStale,
                (false, false) => Copies::Count,
            },
            twins: if args.source == LoggedBy::All { Twins::Drop } else { Twins::Count },
            ends: false,
            clock,
            peers: false,
            names: names(args.sigma_names),
            filter,
            group_by,
            is_grouped: !args.group_by.is_empty(),
        };
        let peers = outputs.show_peers(terms.page_by());
        let shows_ends = outputs.context && (outputs.events.is_some() || outputs.partial.is_some());
        let terms = Terms { ends: terms.counts_by_ends() || shows_ends, peers, ..terms };
        Ok(Self {
            plan: Plan {
                decoding: if args.no_prefilter { Decoding::Everything } else { Decoding::Candidates },
                apart: if outputs.need_sources() { groups::Sources::Apart } else { groups::Sources::Together },
                keep_hits: outputs.need_hits(),
                follow_ids: outputs.hashes().is_some(),
                ..Plan::new(terms, prefilter, plan::room(args.max_memory, threads(args.threads)))
            },
            method: Method {
                threads: threads(args.threads),
                hashing: outputs.hashes(),
                limits: Limits::new(args.max_member_size, args.password).known_by(known_by),
            },
            reading,
            links: if args.follow { Links::Follow } else { Links::Skip },
            outputs,
            quiet: args.said.quiet,
            paths: wildcards::expand(args.paths).into_iter().chain(live.clone()).collect(),
            live,
        })
    }

    /// Standard output is this terminal, or none, and then this sheet. A table groups by what it shows, unless something else was
    /// asked for, or is written that needs all fields.
    pub fn show_on(&mut self, screen: Option<Screen>, sheet: Sheet) {
        self.outputs.show_on(screen, sheet);
        let needs_all = self.outputs.partial.is_some();
        if self.outputs.style.format() == Format::Table && !self.plan.terms.is_grouped && !needs_all {
            self.plan.terms.group_by = Field::SHOWN.to_vec();
        }
    }
}

/// What the rows of a partial result are, if there is to be one.
///
/// # Errors
///
/// Merging could not make of it what one scan gives.
fn rows_of_partial(args: &ScanArgs, rules: &RuleSet) -> Result<Rows, Error> {
    // What is known of a process is known by its hits.
    let rows = if args.partial_events || args.context { Rows::Events } else { Rows::Groups };
    let refused = |message: &str| Err(Error::Usage(message.to_owned()));
    if args.partial_events && args.partial.is_none() {
        return Err(idle::without("--partial-events", "--partial", "ws01.parquet"));
    }
    if args.partial.is_some() && rules.sigma.correlations.is_some() {
        return refused(
            "--partial with a correlation rule: the connections that it counts can be in several partial results; leave it out \
             with --exclude-rule",
        );
    }
    if args.partial.is_some() && args.dedup && rows == Rows::Groups {
        return refused(
            "--partial with --dedup: copies in other partial results are found only if each hit is kept; add --partial-events",
        );
    }
    Ok(rows)
}

/// Makes sense of what `merge` was given. `arguments` is the command line as it was, for the manifest.
///
/// # Errors
///
/// A value is wrong: a field, a format.
pub fn merging(args: MergeArgs, arguments: Vec<String>) -> Result<Merging, Error> {
    let labels = labels::read(&args.output)?.map(Arc::new);
    Ok(Merging {
        paths: wildcards::expand(args.paths),
        group_by: if args.group_by.is_empty() { Vec::new() } else { fields(&args.group_by)? },
        room: plan::room(args.max_memory, threads(args.threads)),
        threads: threads(args.threads),
        outputs: Outputs {
            rarity: args.rarity,
            labels,
            ..outputs(args.output, None, threads(args.threads), arguments)?
        },
        quiet: args.said.quiet,
    })
}

/// The command line for the manifest: without the tool's own name, and without passwords.
#[must_use]
pub fn arguments(line: impl IntoIterator<Item = OsString>) -> Vec<String> {
    const PASSWORDS: [&str; 2] = ["--password", "--zip-password"];
    let mut is_password = false;
    let shown = line.into_iter().skip(1).map(|argument| {
        let argument = argument.to_string_lossy().into_owned();
        let hidden = std::mem::replace(&mut is_password, PASSWORDS.contains(&&*argument));
        match argument.split_once('=') {
            _ if hidden => "(hidden)".to_owned(),
            Some((option, _)) if PASSWORDS.contains(&option) => format!("{option}=(hidden)"),
            _ => argument,
        }
    });
    shown.collect()
}

/// How a manifest is verified.
#[must_use]
pub fn verification(args: &VerifyArgs) -> Method {
    let limits = Limits::new(u64::MAX, args.password.clone());
    Method { threads: threads(args.threads), hashing: Some(Hashes::All), limits }
}

fn threads(given: Option<NonZeroUsize>) -> NonZeroUsize {
    given.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

/// Which connections are left in.
fn filter(args: &FilterArgs, now: Timestamp) -> Result<Filter, Error> {
    let time = |option: &str, text: &Option<String>| {
        let read = |text: &String| time::time(text, now).map_err(|message| Error::Usage(format!("{option} {message}")));
        text.as_ref().map(read).transpose()
    };
    let window = Window { since: time("--since", &args.since)?, until: time("--until", &args.until)? };
    if let (Some(since), Some(until)) = (window.since, window.until)
        && since >= until
    {
        return Err(Error::Usage(format!(
            "--since {since} is not before --until {until}: give an earlier time and a later one, for example \
             --since 2024-03-05 --until 2024-03-06"
        )));
    }
    let patterns = |property: Property, given: &[String]| {
        let patterns = lists::values(&format!("--{}", property.name()), given, |text| property.pattern(text));
        patterns.map(|patterns| (property, patterns))
    };
    let patterns = [
        patterns(Property::Host, &args.host)?,
        patterns(Property::User, &args.user)?,
        patterns(Property::Port, &args.port)?,
        patterns(Property::Transport, &args.transport)?,
        patterns(Property::Direction, &args.direction)?,
        patterns(Property::App, &args.app)?,
        patterns(Property::Dest, &args.dest)?,
        patterns(Property::Remote, &args.remote)?,
        patterns(Property::RemotePort, &args.remote_port)?,
    ];
    Ok(Filter::new(window, patterns))
}

/// A process's name, or a pattern for names.
///
/// # Errors
///
/// It is none. The text shows it, the accepted form and an example.
fn process(name: &str) -> Result<String, String> {
    let has_folder = name.trim().is_empty() || name.contains(['\\', '/']);
    let reason = possible::process(name).map(|reason| format!(": {reason}"));
    if has_folder || reason.is_some() {
        return Err(format!(
            "{} is not a base name{}: give the name without its folder, for example regsvcs.exe or reg*.exe",
            text::quoted(name),
            reason.unwrap_or_default(),
        ));
    }
    Ok(name.to_owned())
}

/// Whether there are built-in rules where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// The default one, as for `detect`.
    Default,
    /// None: every connection is wanted unless something is named, as for `connections`.
    Everything,
}

/// Loads the Sigma rules, those that are built in among them.
fn load(args: &ScanArgs, built_in: &[&str]) -> Result<Loaded, Error> {
    let wanted = wanted(&args.wanted);
    vain::check_wanted(&args.rules, &wanted, args.strict_rules)?;
    let mut loaded = load::load_on(threads(args.threads), built_in, &args.rules, &wanted);
    if args.strict_rules {
        if let Some(refusal) = loaded.refused.first() {
            return Err(Error::file(&refusal.path, "cannot load the rule", &refusal.reason));
        }
        if let Some((_, remark)) = loaded.doubts().next() {
            return Err(Error::file(&remark.path, "the rule cannot be right", &remark.what()));
        }
    }
    if let Some(path) = args.rules.iter().find(|path| !loaded.has_any_of(path)) {
        let reason = loaded.nothing_in(path, &wanted).or_else(|| {
            let refusal = loaded.refused.iter().find(|refusal| refusal.path.starts_with(path))?;
            let is_of_path = refusal.path == *path;
            Some(if is_of_path { refusal.what() } else { format!("none of its rules can be applied: {refusal}") })
        });
        return Err(Error::Usage(format!("--rules {}: {}", text::path(path), reason.unwrap_or_default())));
    }
    vain::check_excluded(&args.wanted.exclude_rule, &loaded)?;
    if args.sigma_names.is_some() && loaded.infos.is_empty() {
        return Err(Error::Usage(
            "--sigma-names without Sigma rules: nothing would see the names; give rules, for example --rules my-rules/"
                .to_owned(),
        ));
    }
    if args.sigma_names == Some(SigmaNames::Queried) && args.source == LoggedBy::Security {
        return Err(Error::Usage(
            "--sigma-names queried with --source security: only Sysmon's connections name the process that asked; give --source all, \
             or leave --sigma-names out"
                .to_owned(),
        ));
    }
    loaded.see(names(args.sigma_names));
    Ok(loaded)
}

/// Whose names Sigma rules see.
fn names(given: Option<SigmaNames>) -> Names {
    match given {
        Some(SigmaNames::Queried) => Names::Queried,
        Some(SigmaNames::Logged) | None => Names::Logged,
    }
}

/// Which Sigma rules are wanted.
#[must_use]
pub fn wanted(args: &WantedArgs) -> Wanted {
    Wanted { level: args.level.clone(), status: args.status.clone(), exclude: args.exclude_rule.clone() }
}

/// Everything that is looked for.
fn rule_set(
    args: &ScanArgs,
    builtin: Builtin,
    chosen: &Chosen,
    filter: &Filter,
    loaded: &mut Loaded,
) -> Result<RuleSet, Error> {
    let detection = lists::networks("--detect-cidr", &args.detect_cidr)?;
    let detection = (!args.detect_cidr.is_empty()).then(|| detection.into_iter().collect::<CidrSet>());
    let user_exclusion = lists::networks("--exclude-cidr", &args.exclude_cidr)?;
    let names = lists::values("--process", &args.process, process)?;
    check_chosen(args, chosen, &names)?;

    let mut by_title: Vec<(RuleInfo, Vec<String>)> = match (&*names, &chosen.by_process) {
        // Names replace those of the rules, if any rule is applied, or stand for themselves.
        (_, Some(rules)) if rules.is_empty() => Vec::new(),
        ([], Some(rules)) => {
            rules.iter().map(|rule| (RuleInfo::of_builtin(rule), vec![rule.process.to_owned()])).collect()
        }
        ([], None) if args.rules.is_empty() => vec![(RuleInfo::of_everything(), Vec::new())],
        ([], None) => Vec::new(),
        (names, _) => vec![(RuleInfo::of_processes(names), names.to_vec())],
    };
    by_title.extend(loaded.infos.iter().map(|info| (info.clone(), Vec::new())));
    // Sigma rules keep their order among themselves: they are sorted already.
    let own = by_title.len() - loaded.infos.len();
    vain::check_exclusions(args, own > 0)?;
    let processes: Vec<(String, usize)> = by_title
        .iter()
        .take(own)
        .enumerate()
        .flat_map(|(index, (_, names))| {
            let any = names.is_empty().then(String::new);
            names.iter().cloned().chain(any).map(move |name| (name, index)).collect::<Vec<_>>()
        })
        .collect();
    let public = args.public.then_some(Exclusions::Special);
    let default = if builtin == Builtin::Default { Exclusions::Special } else { Exclusions::None };
    let mut exclusion = builtin_networks(args.exclusions.or(public).unwrap_or(default))?;
    exclusion.extend(user_exclusion.iter().copied());
    let all_names = processes.iter().map(|(name, _)| name.clone()).filter(|name| !name.is_empty()).collect();
    let judged = match args.judge {
        Judge::Dest => End::Dest,
        Judge::Remote => End::Remote,
    };
    let exclusion = exclusion.into_iter().collect();
    let rule = Rule { processes: all_names, detection: detection.clone(), exclusion, judged };
    let doubts = loaded.doubts().map(|(kind, remark)| format!("{kind}: {remark}"));
    let everywhere = Rule { processes: Vec::new(), detection, exclusion: user_exclusion.into_iter().collect(), judged };
    let networks = vain::networks(&rule, &everywhere.exclusion, filter, loaded);
    let in_vain =
        doubts.chain(networks).chain(vain::asked(args.source, loaded)).chain(vain::paths(args.source, filter));
    let in_vain = in_vain.chain(chosen.replaced_by(&args.rule, &names)).collect();
    Ok(RuleSet {
        builtin: (own > 0).then_some(rule),
        by_process: processes,
        everywhere,
        sigma: loaded.compile(own).map_err(|error| Error::Usage(format!("--rules {error}")))?,
        named: !args.rules.is_empty() || !chosen.of_sigma.is_empty(),
        slow: loaded.without_literals.clone(),
        in_vain,
        infos: by_title.into_iter().map(|(info, _)| info).collect(),
    })
}

/// Refuses a choice by which nothing is looked for, or names that no chosen rule is there for.
fn check_chosen(args: &ScanArgs, chosen: &Chosen, names: &[String]) -> Result<(), Error> {
    if !chosen.by_process.as_ref().is_some_and(Vec::is_empty) {
        return Ok(());
    }
    if let Some(name) = names.first() {
        return Err(Error::Usage(format!(
            "--process {name} with --rule {}: process names apply only to the rules {}; leave one of the two out",
            args.rule.join(","),
            builtin::RULES.map(|rule| rule.name).join(" and "),
        )));
    }
    if args.rules.is_empty() && chosen.of_sigma.is_empty() {
        let message =
            "--rule none without --rules: nothing is looked for; give Sigma rules, for example --rules my-rules/";
        return Err(Error::Usage(message.to_owned()));
    }
    Ok(())
}

/// Makes sense of what was given, and of a partial result. `arguments` is the command line as it was.
///
/// # Errors
///
/// A mark for a format that has none.
fn outputs(
    args: OutputArgs,
    partial: Option<(PathBuf, Rows)>,
    threads: NonZeroUsize,
    arguments: Vec<String>,
) -> Result<Outputs, Error> {
    let style = style(&args)?;
    idle::check_alone(&args)?;
    named::check(&args, partial.as_ref().map(|(path, _)| &**path))?;
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let file = |path| Output::new(path, existing);
    if args.case.as_ref().is_some_and(|case| case.trim().is_empty()) {
        let message = "--case \"\" is empty: give a title for the page, for example --case 'Case 7: WS01'";
        return Err(Error::Usage(message.to_owned()));
    }
    Ok(Outputs {
        report: args.output.map_or(Output::Stdout, file),
        style,
        rarity: false,
        context: false,
        labels: None,
        showing: if args.labels.only_watched { Showing::Watched } else { Showing::All },
        events: args.events.map(file),
        beacons: args.beacons.map(file),
        html: args.html.map(file),
        case: args.case,
        manifest: args.manifest.map(file),
        partial: partial.map(|(path, rows)| (file(path), rows)),
        threads,
        run_info: args.manifest_run_info,
        arguments,
        reads: Vec::new(),
    })
}

fn style(args: &OutputArgs) -> Result<Style, Error> {
    let by_ending = args.output.as_ref().and_then(|path| Some((path, Format::of_ending(path)?)));
    if let (Some((path, of_ending)), Some(format)) = (by_ending, args.format)
        && format != of_ending
    {
        return Err(Error::Usage(format!(
            "-o {} with --format {}: the name says {}; leave --format out, or give another name",
            text::path(path),
            format.name(),
            of_ending.name(),
        )));
    }
    let format = args.format.or(by_ending.map(|(_, format)| format));
    let events = events_format(args)?;
    idle::check_csv(args, format, events)?;
    let mark = if args.bom { Mark::Utf8 } else { Mark::None };
    let cells = if args.raw_cells { Cells::Raw } else { Cells::Guarded };
    let Sheet(usual) = Sheet::default();
    let sheet = Sheet(Screen { width: args.look.width.map_or(usual.width, usize::from), ..usual });
    Ok(Style { format, time_format: args.time_format, events, cells, mark, screen: None, sheet })
}

/// The format of events that was asked for, or that the ending of their file's name chooses, or else CSV.
fn events_format(args: &OutputArgs) -> Result<EventsFormat, Error> {
    let Some(path) = &args.events else { return Ok(EventsFormat::default()) };
    let shown = text::path(path);
    if let Some(format @ (Format::Table | Format::Parquet)) = Format::of_ending(path) {
        return Err(Error::Usage(format!(
            "--events {shown}: the name says {}, which is not a format of events: give a name such as events.csv or events.jsonl",
            format.name()
        )));
    }
    let by_ending = EventsFormat::of_ending(path);
    let Some(format) = args.events_format else {
        return Ok(by_ending.and_then(<[_]>::first).copied().unwrap_or_default());
    };
    if by_ending.is_some_and(|formats| !formats.contains(&format)) {
        let other = if format == EventsFormat::Csv { "events.csv" } else { "events.jsonl" };
        return Err(Error::Usage(format!(
            "--events {shown} with --events-format {}: the name says another format; leave --events-format out, or give another \
             name, for example {other}",
            format.name(),
        )));
    }
    Ok(format)
}

/// Built-in rules that are chosen.
#[derive(Debug, Default)]
struct Chosen {
    /// Those by process, by title; `None` for every connection.
    by_process: Option<Vec<BuiltinRule>>,
    /// The texts of those that are written as Sigma rules.
    of_sigma: Vec<&'static str>,
}

impl Chosen {
    /// What there is to say of rules that are named and that names of processes take the place of.
    fn replaced_by(&self, chosen: &[String], processes: &[String]) -> Option<String> {
        let rules = self.by_process.as_ref().filter(|_| !chosen.is_empty() && !processes.is_empty())?;
        let [rule_names, own] = [|rule: &BuiltinRule| rule.name, |rule: &BuiltinRule| rule.process]
            .map(|part| rules.iter().map(part).collect::<Vec<_>>().join(" and "));
        let find = if rules.len() == 1 { "finds nothing of its own" } else { "find nothing of their own" };
        Some(format!("--process {}: replaces {own}, so --rule {rule_names} {find}", processes.join(",")))
    }
}

/// The built-in rules that are named, or those that apply where none is.
fn chosen_rules(args: &ScanArgs, builtin: Builtin) -> Result<Chosen, Error> {
    if let Some(other) = args.rule.iter().find(|name| *name != "none" && args.rule.iter().any(|name| name == "none")) {
        return Err(Error::Usage(format!(
            "--rule {}: none means no rule at all: leave it out, for example --rule {other}",
            text::printable(&args.rule.join(",")),
        )));
    }
    // For connections, none is what holds anyway.
    if args.rule.is_empty() || builtin == Builtin::Everything && args.rule.iter().all(|name| name == "none") {
        let by_process = (builtin == Builtin::Default).then(|| vec![builtin::REGSVCS]);
        return Ok(Chosen { by_process, ..Chosen::default() });
    }
    let (mut by_process, mut of_sigma) = (Vec::new(), Vec::new());
    for name in &args.rule {
        let is_named = |id: &str, own: &str| name == "all" || name == id || name == own;
        let processes = builtin::RULES.iter().filter(|rule| is_named(rule.id, rule.name));
        let texts = builtin::SIGMA.iter().filter(|rule| is_named(rule.id(), rule.name)).map(|rule| rule.text);
        let before = by_process.len() + of_sigma.len();
        by_process.extend(processes.copied());
        of_sigma.extend(texts);
        if by_process.len() + of_sigma.len() == before && name != "none" {
            let names = builtin::names().collect::<Vec<_>>().join(", ");
            return Err(Error::Usage(format!(
                "--rule {} is not a built-in rule: give {names}, all or none, for example --rule regsvcs,lolbas",
                text::quoted(name)
            )));
        }
    }
    by_process.sort_by_key(|rule| rule.title);
    by_process.dedup();
    of_sigma.sort_unstable();
    of_sigma.dedup();
    Ok(Chosen { by_process: Some(by_process), of_sigma })
}

/// Texts such that every connection that is looked for has at least one of them; nothing if there are no such texts, or too many to be
/// worth looking for.
///
/// Sigma rules name Sysmon's values, such as paths with a drive, which
/// Windows' Security-Auditing logs in another way.
fn texts(rules: &RuleSet, loaded: &Loaded, logged_by: LoggedBy) -> Option<Vec<String>> {
    let are_sysmons = logged_by == LoggedBy::Sysmon || loaded.infos.is_empty();
    if !are_sysmons {
        return None;
    }
    let mut texts: Vec<String> = match &rules.builtin {
        Some(rule) if rule.processes.is_empty() => return None,
        Some(rule) => {
            rule.processes.iter().map(|name| pattern::literal(name).map(str::to_owned)).collect::<Option<_>>()?
        }
        None => Vec::new(),
    };
    if !loaded.infos.is_empty() {
        texts.extend(loaded.literals.clone()?);
        if texts.len() > Prefilter::MOST_TEXTS {
            return None;
        }
    }
    Some(texts)
}

fn builtin_networks(list: Exclusions) -> Result<Vec<IpNet>, Error> {
    let lists: &[&[&str]] = match list {
        Exclusions::Special => &builtin::SPECIAL,
        Exclusions::Splunk => &[&builtin::SPLUNK_NETWORKS],
        Exclusions::None => &[],
    };
    builtin::networks(lists).map_err(Error::Usage)
}

fn fields(names: &[String]) -> Result<Vec<Field>, Error> {
    let mut fields = Vec::with_capacity(names.len());
    for name in names {
        let field = name.parse().map_err(|message| Error::Usage(format!("--group-by {message}")))?;
        if fields.contains(&field) {
            let name = text::quoted(name);
            return Err(Error::Usage(format!("--group-by {name} is given twice: name each field once")));
        }
        fields.push(field);
    }
    Ok(if fields.is_empty() { Field::ALL.to_vec() } else { fields })
}
