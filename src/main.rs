//! The `netsift` command: parse, configure, run, exit status.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, IsTerminal, Write},
    panic,
    process::ExitCode,
    thread,
    time::Instant,
};

use clap::FromArgMatches;
use jiff::Timestamp;
use netsift::{
    cli::{
        arg_file,
        args::{Args, Command, ManArgs, MergeArgs, RulesCommand, ScanArgs, VerifyArgs},
        config::{self, Builtin, Config},
        listing, shell, usage,
    },
    error::Error,
    evidence::sources::{self, Sources},
    fleet::merge,
    report::{
        manifest::RunEntry,
        output::{Existing, Output, Pending},
        recorded::Recorded,
        style::{Ink, Screen},
        summary::Summary,
    },
    run,
    scan::{
        elsewhere::{self, Elsewhere},
        findings::Findings,
        pool,
        searched::Searched,
    },
    text,
    verify::{self, Fate, Verified},
};

fn main() -> ExitCode {
    silence_contained_panics();
    arg_file::expand(env::args_os(), usage::command()).and_then(obey).unwrap_or_else(|error| {
        tell(&format!("netsift: {error}\n"));
        ExitCode::from(if matches!(error, Error::Usage(_)) { 2 } else { 1 })
    })
}

fn obey(line: Vec<OsString>) -> Result<ExitCode, Error> {
    let mut matches = usage::command().get_matches_from(&line);
    match Args::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.exit()).command {
        Command::Detect(args) => scan(args, Builtin::Default, line),
        Command::Connections(args) => scan(args, Builtin::Everything, line),
        Command::Rules(command) => rules(&command),
        Command::Merge(args) => merge(args, line),
        Command::Verify(args) => verify(&args),
        Command::Completions { shell } => print(&shell::completions(shell)),
        Command::Man(args) => man(&args),
    }
}

fn scan(args: ScanArgs, builtin: Builtin, line: Vec<OsString>) -> Result<ExitCode, Error> {
    let mut config = Config::new(args, builtin, config::arguments(line), Timestamp::now())?;
    config.outputs.show_on(screen());
    let sources = sources::discover(&config.paths, config.links, &config.method.limits);
    if sources.logs.is_empty() {
        sources.defects.first().for_each(|defect| tell(&format!("netsift: {defect}\n")));
        return Err(Error::NothingToSearch { others: sources.others, links: sources.links });
    }
    config.outputs.check(&sources.met)?;

    let clock = Clock::start();
    let bar = netsift::cli::progress::bar(pool::size(&config.method, &sources), config.quiet);
    let findings = pool::scan(&config.plan, &config.method, &sources, &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let findings = findings?;
    let elsewhere = elsewhere(&config, &sources, &findings)?;
    let searched = Searched::new(&config.plan, sources, findings);
    let terms = &config.plan.terms;
    let ran = run::write(terms, &config.outputs, searched, || config.outputs.run_info.then(|| clock.run_info()))?;
    let (elsewhere, elapsed) = (elsewhere.as_ref(), clock.elapsed.elapsed());
    let summary = Summary { terms, ran: &ran, elsewhere, elapsed, scanned: true };
    tell(&if config.quiet { summary.losses() } else { summary.to_string() });
    Ok(ExitCode::from(ran.exit_status()))
}

/// What else is in the logs, if it is worth a look. With `--quiet`, that is only for a name that can hardly be one.
fn elsewhere(config: &Config, sources: &Sources, findings: &Findings) -> Result<Option<Elsewhere>, Error> {
    let is_wanted = !config.quiet || config.plan.terms.rules.processes().iter().any(|name| elsewhere::is_odd(name));
    if !is_wanted || !elsewhere::is_worth_a_look(&config.plan, findings) {
        return Ok(None);
    }
    let bar = netsift::cli::progress::bar(pool::size(&config.method, sources), config.quiet);
    let elsewhere = Elsewhere::look(&config.plan, &config.method, sources, &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    Ok(Some(elsewhere?.shown_by(&config.paths, &config.plan.terms.filter)))
}

/// When a run started.
struct Clock {
    started: Timestamp,
    elapsed: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { started: Timestamp::now(), elapsed: Instant::now() }
    }

    fn run_info(&self) -> RunEntry {
        RunEntry {
            started: self.started.to_string(),
            finished: Timestamp::now().to_string(),
            host: gethostname::gethostname().to_string_lossy().into_owned(),
        }
    }
}

/// What standard output is, if it is a terminal.
fn screen() -> Option<Screen> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let width = terminal_size::terminal_size_of(&out).map_or(80, |(width, _)| width.0.into());
    let is_wanted = !anstyle_query::no_color() && anstyle_query::clicolor() != Some(false);
    let has_colours =
        anstyle_query::term_supports_color() && anstyle_query::windows::enable_ansi_colors().unwrap_or(true);
    Some(Screen { width, ink: if is_wanted && has_colours { Ink::Colour } else { Ink::Plain } })
}

fn rules(command: &RulesCommand) -> Result<ExitCode, Error> {
    let (text, all_is_well) = match command {
        RulesCommand::List(args) => listing::list(&args.rules, &config::wanted(&args.wanted)),
        RulesCommand::Show { id, rules } => {
            listing::show(id, &rules.rules, &config::wanted(&rules.wanted)).map(|text| (text, true))?
        }
        RulesCommand::Check { paths } => listing::check(paths),
    };
    print(text.as_bytes())?;
    Ok(ExitCode::from(if all_is_well { 0 } else { 3 }))
}

fn merge(args: MergeArgs, line: Vec<OsString>) -> Result<ExitCode, Error> {
    let clock = Clock::start();
    let mut config = config::merging(args, config::arguments(line))?;
    config.outputs.show_on(screen());
    let gathered = merge::gather(&config)?;
    let bar = netsift::cli::progress::bar(gathered.size(), config.quiet);
    let merged = gathered.merge(&config, &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let merged = merged?;
    let (terms, what_was_merged) = (&merged.terms, merged.what_was_merged());
    let run_info = || config.outputs.run_info.then(|| clock.run_info());
    let ran = run::write(terms, &config.outputs, merged.searched, run_info)?;
    let elapsed = clock.elapsed.elapsed();
    let summary = Summary { terms, ran: &ran, elsewhere: None, elapsed, scanned: false };
    tell(&if config.quiet { summary.losses() } else { format!("{what_was_merged}{summary}") });
    Ok(ExitCode::from(ran.exit_status()))
}

fn verify(args: &VerifyArgs) -> Result<ExitCode, Error> {
    let wrong = |cause: String| Error::file(&args.manifest, "cannot read the manifest", &cause);
    let text = fs::read_to_string(&args.manifest).map_err(|error| wrong(error.to_string()))?;
    let recorded = Recorded::parse(&text).map_err(wrong)?;
    let bar = netsift::cli::progress::spinner(args.quiet);
    let fates = verify::verify(&recorded, &config::verification(args), &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let fates = fates?;
    let line = |Verified { name, item, fate }: &Verified| {
        format!("{:<8} {}{}\n", fate.name(), text::printable(name), item.mark())
    };
    print(fates.iter().map(line).collect::<String>().as_bytes())?;
    Ok(ExitCode::from(if fates.iter().all(|verified| verified.fate == Fate::Same) { 0 } else { 3 }))
}

fn man(args: &ManArgs) -> Result<ExitCode, Error> {
    let Some(folder) = &args.dir else { return print(&shell::page(&args.name)?) };
    shell::write_pages(folder, if args.force { Existing::Replace } else { Existing::Keep })?;
    Ok(ExitCode::SUCCESS)
}

/// Writes to standard output. That nobody reads on is no reason to fail.
fn print(text: &[u8]) -> Result<ExitCode, Error> {
    Output::Stdout.write(&mut Pending::default(), |out| out.write_all(text))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes to standard error. That it is closed is no reason to stop.
fn tell(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A panic in a thread named `scan-…`, of a scan or a merge, is contained and becomes a defect: the default message would only
/// alarm.
fn silence_contained_panics() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !thread::current().name().is_some_and(|name| name.starts_with("scan-")) {
            default(info);
        }
    }));
}
