//! Options that would do nothing, given what is written.
//!
//! They are refused, with what they need. Values that find nothing are [`crate::cli::vain`]'s.

use crate::{
    cli::args::{
        output::{ColorArg, LookArgs, OutputArgs},
        scan::{Judge, ScanArgs},
    },
    error::Error,
    report::{
        output::Output,
        outputs::Outputs,
        style::{EventsFormat, Format, Style},
    },
    rule::{judge::Rule, set::RuleSet},
};

/// Refuses options about a file that is not written.
///
/// # Errors
///
/// There is such an option.
pub(super) fn check_alone(args: &OutputArgs) -> Result<(), Error> {
    let pairs = [
        ("--case", args.case.is_some(), "--html", args.html.is_some(), "page.html"),
        ("--events-format", args.events_format.is_some(), "--events", args.events.is_some(), "events.jsonl"),
        ("--manifest-run-info", args.manifest_run_info, "--manifest", args.manifest.is_some(), "case.json"),
    ];
    match pairs.iter().find(|(_, is_given, _, is_written, _)| *is_given && !is_written) {
        Some((option, _, other, _, example)) => Err(without(option, other, example)),
        None => Ok(()),
    }
}

/// Refuses options about CSV where nothing is written as that. Without a format, the report can be.
///
/// # Errors
///
/// There is such an option.
pub(super) fn check_csv(args: &OutputArgs, format: Option<Format>, events: EventsFormat) -> Result<(), Error> {
    let is_csv = format.is_none_or(|format| format == Format::Csv);
    if is_csv || args.beacons.is_some() || args.events.is_some() && events == EventsFormat::Csv {
        return Ok(());
    }
    let given = [
        ("--bom", args.bom, "has a byte order mark"),
        ("--raw-cells", args.raw_cells, "has cells that are guarded against formulas"),
    ];
    match given.iter().find(|(_, is_given, _)| *is_given) {
        Some((option, _, what)) => Err(Error::Usage(format!(
            "{option} with --format {}: only CSV {what}, for example --format csv {option}",
            format.map_or("", Format::name)
        ))),
        None => Ok(()),
    }
}

/// Refuses to judge networks by another end where there are none. Events and partial results have the fields of the ends for it.
///
/// # Errors
///
/// That is so.
pub(super) fn check_judge(args: &ScanArgs, rules: &RuleSet) -> Result<(), Error> {
    let has_network = |rule: &Rule| rule.detection.is_some() || !rule.exclusion.networks().is_empty();
    let is_judged = rules.builtin.iter().chain([&rules.everywhere]).any(has_network);
    let is_shown = args.output.events.is_some() || args.partial.is_some();
    if args.judge == Judge::Dest || is_judged || is_shown {
        return Ok(());
    }
    Err(Error::Usage(
        "--judge remote without a network: it does nothing, since none is judged; leave it out, or name networks, for example \
         --exclude-cidr 10.0.0.0/8"
            .to_owned(),
    ))
}

/// That an option does nothing without another one, of which there is an example of a value.
pub(super) fn without(option: &str, other: &str, example: &str) -> Error {
    Error::Usage(format!("{option} without {other}: it does nothing; add {other}, for example {other} {example}"))
}

/// Refuses options about how something looks that is not written in such a way. It has to be known where the report goes.
///
/// # Errors
///
/// There is such an option.
pub(super) fn check_look(look: LookArgs, outputs: &Outputs) -> Result<(), Error> {
    let Style { time_format, events, .. } = outputs.style;
    let (format, has_colour) = (outputs.style.format(), look.color == ColorArg::Always);
    let (has_events, has_beacons) = (outputs.events.is_some(), outputs.beacons.is_some());
    let has_times = format != Format::Parquet || has_beacons || has_events && !events.has_sentences();
    // Where no format was chosen, what goes to standard output is a table on a terminal: a command works with and without one.
    let is_table = format == Format::Table || outputs.style.format.is_none() && outputs.report == Output::Stdout;
    let checks = [
        ("--time-format", time_format.is_some() && !has_times, "Parquet has times as numbers", Format::Csv),
        ("--width", look.width.is_some() && !is_table, "only a table has a width", Format::Table),
        ("--color always", has_colour && !is_table, "only a table has colours", Format::Table),
    ];
    if let Some((option, _, why, other)) = checks.into_iter().find(|(_, is_idle, ..)| *is_idle) {
        let (format, other) = (format.name(), other.name());
        return Err(Error::Usage(format!(
            "{option} with a {format} report: {why}; leave it out, or give --format {other}"
        )));
    }
    if has_colour && outputs.report != Output::Stdout {
        return Err(Error::Usage(
            "--color always with -o: only a table on standard output has colours; leave one of the two out".to_owned(),
        ));
    }
    Ok(())
}
