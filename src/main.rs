//! The `netsift` command: parse, configure, scan, write, exit status.

mod progress;

use std::{
    io::{self, Write},
    panic,
    process::ExitCode,
    thread,
    time::Instant,
};

use clap::Parser;
use netsift::{args::Args, config::Config, error::Error, input, report, scan, summary::Summary};

fn main() -> ExitCode {
    silence_contained_panics();
    match run(Args::parse()) {
        Ok(status) => status,
        Err(error) => {
            tell(&format!("netsift: {error}\n"));
            ExitCode::from(if matches!(error, Error::Usage(_)) { 2 } else { 1 })
        }
    }
}

fn run(args: Args) -> Result<ExitCode, Error> {
    let config = Config::new(args)?;
    let mut sources = input::discover(&config.paths, config.links, &config.method.limits);
    if sources.logs.is_empty() {
        sources.defects.first().for_each(|defect| tell(&format!("netsift: {defect}\n")));
        return Err(Error::NothingToSearch);
    }
    config.output.check(&sources.logs)?;

    let started = Instant::now();
    let bar = progress::bar(&sources.logs, config.quiet);
    let mut findings = scan::scan(&config.plan, &config.method, &sources.logs, &|bytes| bar.inc(bytes))?;
    let elapsed = started.elapsed();
    bar.finish_and_clear();
    findings.defects.merge(std::mem::take(&mut sources.defects));

    let (logs, tally) = (findings.sources.len() as u64, findings.total());
    let groups = findings.groups.into_sorted();
    config.output.write(|out| report::write(out, &config.plan.group_by, &groups, config.cells))?;

    if !config.quiet {
        let summary = Summary {
            rule: &config.plan.rule,
            title: config.title.as_deref(),
            logs,
            tally,
            excluded: &findings.excluded,
            groups: groups.len(),
            defects: &findings.defects,
            links: sources.links,
            elapsed,
        };
        tell(&summary.to_string());
    }
    Ok(if findings.defects.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// Writes to standard error. That it is closed is no reason to stop.
fn tell(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A panic in a scan thread is contained and becomes a defect, so the default message would only alarm.
fn silence_contained_panics() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !thread::current().name().is_some_and(|name| name.starts_with("scan-")) {
            default(info);
        }
    }));
}
