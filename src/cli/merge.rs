//! The command `merge`: partial results put together, and a report of what is in all of them.

use std::{process::ExitCode, sync::Arc};

use crate::{
    cli::{
        arg_file::Line,
        args::MergeArgs,
        clock::Clock,
        config, idle, labels, progress,
        scan::detail,
        terminal::{screen, sheet, tell},
    },
    error::Error,
    fleet::merge as fleet,
    group::hits::SortedHits,
    report::summary::Summary,
    run,
};

/// Merges, and writes what was asked for. `line` is the command line as it was.
pub(super) fn merge(args: MergeArgs, line: Line) -> Result<ExitCode, Error> {
    let clock = Clock::start();
    let (look, detail) = (args.output.look, detail(args.said.verbose));
    let mut config = config::merging(args, config::arguments(line.arguments))?;
    config.outputs.reads.extend(line.files);
    config.outputs.show_on(screen(look), sheet(look));
    idle::check_look(look, &config.outputs)?;
    let gathered = fleet::gather(&config)?;
    config.outputs.context = gathered.context();
    // Nothing else has them yet.
    if let Some(labels) = config.outputs.labels.as_mut().and_then(Arc::get_mut) {
        let terms = gathered.terms();
        labels::remark(labels, &terms.rules, terms.logged_by);
    }
    let bar = progress::bar(gathered.size(), config.quiet);
    let merged = gathered.merge(&config, &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let merged = merged?;
    let (terms, what_was_merged) = (&merged.terms, merged.what_was_merged());
    let run_info = || config.outputs.run_info.then(|| clock.run_info());
    let known = |hits: &SortedHits| merged.telling.of_hits(hits, config.room);
    let ran = run::write(terms, &config.outputs, merged.searched, known, run_info)?;
    let elapsed = clock.elapsed();
    let labels = config.outputs.labels.as_deref();
    let summary = Summary { terms, ran: &ran, labels, elsewhere: None, elapsed, scanned: false, detail };
    let split = merged.split.map(|line| format!("netsift: {line}\n")).unwrap_or_default();
    tell(&if config.quiet { format!("{split}{}", summary.losses()) } else { format!("{what_was_merged}{summary}") });
    Ok(ExitCode::from(ran.exit_status()))
}
