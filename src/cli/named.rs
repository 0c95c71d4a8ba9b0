//! Names of files to write: their endings have to say what is written.
//!
//! An ending that says no format, or none that is known here, goes with all of them.

use std::path::{Path, PathBuf};

use crate::{
    cli::args::output::OutputArgs,
    error::Error,
    report::style::{EventsFormat, Format},
    text,
};

/// Endings that say a format, in lower case.
const KNOWN: [&str; 21] = [
    "csv", "jsonl", "ndjson", "txt", "parquet", "json", "html", "htm", "xlsx", "xls", "ods", "tsv", "xml", "evtx",
    "pdf", "md", "zip", "gz", "yml", "yaml", "db",
];

/// Formats of the report. Of events, other formats of reports are refused with theirs.
const REPORT: &[&str] = &["csv", "jsonl", "ndjson", "txt", "parquet"];
/// What JSON lines are also called, where they are asked for.
const LINES: &[&str] = &["jsonl", "ndjson", "json"];

/// Refuses names of files that say another format than is written.
///
/// # Errors
///
/// There is such a name. The text says which, and what to give in its place.
pub(super) fn check(args: &OutputArgs, partial: Option<&Path>) -> Result<(), Error> {
    const REPORT_ADVICE: &str =
        "give a name such as report.csv, report.jsonl, report.txt for a table or report.parquet";
    let has_lines = args.format == Some(Format::Jsonl);
    let events_have_lines = args.events_format.is_some_and(|format| format != EventsFormat::Csv);
    let checks: [(&str, Option<&Path>, &[&str], &str); 6] = [
        ("-o", args.output.as_deref(), of_lines(args.output.as_ref(), has_lines), REPORT_ADVICE),
        (
            "--events",
            args.events.as_deref(),
            of_lines(args.events.as_ref(), events_have_lines),
            "give a name such as events.csv or events.jsonl",
        ),
        ("--beacons", args.beacons.as_deref(), &["csv"], "beacons are CSV: give a name such as beacons.csv"),
        ("--html", args.html.as_deref(), &["html", "htm"], "give a name such as page.html"),
        ("--manifest", args.manifest.as_deref(), &["json"], "give a name such as case.json"),
        ("--partial", partial, &["parquet"], "a partial result is Parquet: give a name such as ws01.parquet"),
    ];
    checks.into_iter().try_for_each(|(option, path, endings, advice)| {
        path.map_or(Ok(()), |path| check_one(option, path, endings, advice))
    })
}

/// The endings of a report, or of JSON lines where these are asked for under a name that they often have.
fn of_lines(path: Option<&PathBuf>, has_lines: bool) -> &'static [&'static str] {
    let ending = path.and_then(|path| path.extension());
    let is_json = ending.is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if has_lines && is_json { LINES } else { REPORT }
}

/// Makes sure that the ending of a file's name says none but these formats. `advice` is what to give in its place.
///
/// # Errors
///
/// It says another.
fn check_one(option: &str, path: &Path, endings: &[&str], advice: &str) -> Result<(), Error> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let (is_known, is_right) = (KNOWN.contains(&&*ending), endings.contains(&&*ending));
    if is_known && !is_right {
        let path = text::path(path);
        return Err(Error::Usage(format!("{option} {path}: it is not written as {ending}: {advice}")));
    }
    Ok(())
}
