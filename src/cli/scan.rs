//! The commands `detect` and `connections`: logs scanned, and a report of what was found.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use jiff::Timestamp;

use crate::{
    cli::{
        arg_file::Line,
        args::scan::ScanArgs,
        clock::Clock,
        config::{self, Builtin, Config},
        idle, live, progress,
        terminal::{screen, sheet, tell},
    },
    error::Error,
    evidence::sources::{self, Sources},
    group::hits::SortedHits,
    report::summary::{Detail, Summary},
    run,
    scan::{
        ahead,
        elsewhere::{self, Elsewhere},
        findings::{Findings, Wrong},
        hosts::Host,
        known::Questions,
        others::{Found, Others},
        plan::Plan,
        pool,
        searched::Searched,
        second,
        strangers::{self, Stranger},
    },
    text,
};

/// Scans, and writes what was asked for. `line` is the command line as it was.
pub(super) fn scan(args: ScanArgs, builtin: Builtin, line: Line) -> Result<ExitCode, Error> {
    let clock = Clock::start();
    let (look, detail) = (args.output.look, detail(args.said.verbose));
    let mut config = Config::new(args, builtin, config::arguments(line.arguments), Timestamp::now())?;
    config.outputs.reads.extend(line.files);
    config.show_on(screen(look), sheet(look));
    if config.outputs.need_processes() {
        config.plan = config.plan.going_along();
    }
    idle::check_look(look, &config.outputs)?;
    if let Some(folder) = &config.live {
        live::keeps_out(&config.outputs, folder)?;
        if live::is_kept_from(folder) {
            let folder = text::path(folder);
            tell(&format!(
                "netsift: {folder}: Windows keeps some of these logs from you: run netsift as administrator\n"
            ));
        }
    }
    let sources = sources::discover(&config.paths, config.links, &config.method.limits);
    if sources.logs.is_empty() {
        sources.defects.first().for_each(|defect| tell(&format!("netsift: {defect}\n")));
    }
    sources.has_logs()?;
    config.outputs.check(&sources.met)?;
    if config.method.limits.password.is_some() && sources.archives.is_empty() {
        tell("netsift: --password: not used, since there is no archive\n");
    }

    let (Found { own, along, .. }, elsewhere, wrong) = findings(&mut config, &sources)?;
    let mut searched = Searched::new(&config.plan, &sources, own);
    searched.learn(wrong);
    searched.strangers = strangers(&config, &sources, &searched.hosts())?;
    let terms = &config.plan.terms;
    let second = |hits: &SortedHits| {
        let Config { plan, method, outputs, .. } = &config;
        let look = |progress: &(dyn Fn(u64) + Sync)| second::look(plan, method, &sources, along, hits, progress);
        let found = shown(&config, &sources, look)?;
        let all = |progress: &(dyn Fn(u64) + Sync)| second::all(plan, method, &sources, progress);
        let all = outputs.has_hits().then(|| shown(&config, &sources, all)).transpose()?;
        Ok(second::Found { all, ..found })
    };
    let ran =
        run::write(terms, &config.outputs, searched, second, || config.outputs.run_info.then(|| clock.run_info()))?;
    let (elsewhere, elapsed) = (elsewhere.as_ref(), clock.elapsed());
    let labels = config.outputs.labels.as_deref();
    let summary = Summary { terms, ran: &ran, labels, elsewhere, elapsed, scanned: true, detail };
    tell(&if config.quiet { summary.losses() } else { summary.to_string() });
    Ok(ExitCode::from(ran.exit_status()))
}

/// How much the summary says.
pub(super) fn detail(verbose: bool) -> Detail {
    if verbose { Detail::All } else { Detail::Brief }
}

/// What is found, and what is wrong with what was read before the scan.
///
/// A table and a page show the peers of connections that came in, and lists are asked of them, and it takes all logs to tell them. Where only some connections are looked
/// for, it may be that none of them came in: that is tried first, since it is several times as fast. What is wrong with logs that were read for this alone is a defect
/// of the hosts to which connections came, so that those of a host do not depend on the logs of others.
fn findings(config: &mut Config, sources: &Sources) -> Result<(Found, Option<Elsewhere>, Wrong), Error> {
    let questions = Questions::new(&config.plan.terms, config.plan.keeps_hits());
    // Lists and databases are asked of the peers too.
    let questions = Questions { locals: questions.locals || config.outputs.labels.is_some(), ..questions };
    let terms = &config.plan.terms;
    let is_only_shown = questions.locals && !terms.counts_by_ends();
    if !is_only_shown || terms.rules.is_of_any_process() || terms.groups_later() {
        let wrong = look_ahead(config, sources, questions)?;
        let (found, elsewhere) = scan_once(config, sources)?;
        return Ok((found, elsewhere, wrong));
    }
    // Where a host's logs are in several partial results, connections that came in can be in another one.
    let are_all_told = terms.ends || config.outputs.has_hits();
    let wrong = look_ahead(config, sources, Questions { locals: false, ..questions })?;
    if !are_all_told {
        let (found, elsewhere) = scan_once(config, sources)?;
        if found.own.sources.values().all(|source| source.inbound == 0) {
            return Ok((found, elsewhere, wrong));
        }
    }
    let later = look_ahead(config, sources, questions)?;
    let (found, elsewhere) = scan_once(config, sources)?;
    let wrong = wrong.then_later(later, &found.own);
    Ok((found, elsewhere, wrong))
}

/// What is found, and what else is in the logs if that is worth a look.
fn scan_once(config: &Config, sources: &Sources) -> Result<(Found, Option<Elsewhere>), Error> {
    let Config { plan, method, paths, live, reading, quiet, .. } = config;
    let others = Others { aside: elsewhere::aside(plan, *quiet)?, along: second::along(plan)? };
    let scan = |progress: &(dyn Fn(u64) + Sync)| pool::scan_with(plan, &others, method, sources, progress);
    let mut found = shown(config, sources, scan)?;
    if others.aside.is_none()
        && let Some(look) = elsewhere::afterwards(plan, &found.own)?
    {
        found.aside = Some(scan_again(config, sources, &look)?);
    }
    let elsewhere = found
        .aside
        .take()
        .map(|aside| Elsewhere::of_aside(aside, &found.own, &plan.terms))
        .transpose()
        .map_err(Error::Spill)?;
    let given: Vec<PathBuf> = paths.iter().filter(|path| Some(*path) != live.as_ref()).cloned().collect();
    Ok((found, elsewhere.flatten().map(|elsewhere| elsewhere.shown_by(reading, &given, &plan.terms))))
}

/// The hosts that the filters ask for and that are not in the logs.
fn strangers(config: &Config, sources: &Sources, hosts: &[Host]) -> Result<Vec<Stranger>, Error> {
    let Some(look) = strangers::look(&config.plan, hosts)? else { return Ok(Vec::new()) };
    let found = scan_again(config, sources, &look)?;
    strangers::among(&config.plan.terms.filter, hosts, found).map_err(Error::Spill)
}

/// What another look at sources finds that were hashed before.
fn scan_again(config: &Config, sources: &Sources, look: &Plan) -> Result<Findings, Error> {
    let method = config.method.without_hashing();
    shown(config, sources, |progress| pool::scan(look, &method, sources, progress))
}

/// Looks at all sources, and shows how far that is.
fn shown<T>(config: &Config, sources: &Sources, look: impl FnOnce(&(dyn Fn(u64) + Sync)) -> T) -> T {
    let bar = progress::bar(pool::size(&config.method, sources), config.quiet);
    let found = look(&|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    found
}

/// Looks for what has to be known of all logs before the scan, if anything has, and returns what is wrong with what was read for it.
fn look_ahead(config: &mut Config, sources: &Sources, questions: Questions) -> Result<Wrong, Error> {
    if questions.is_empty() {
        return Ok(Wrong::default());
    }
    let look =
        |progress: &(dyn Fn(u64) + Sync)| ahead::look(&config.plan, questions, &config.method, sources, progress);
    let (known, wrong) = shown(config, sources, look)?;
    config.plan.known = Arc::new(known);
    Ok(wrong)
}
