//! The command `verify`: evidence held against a manifest.

use std::{collections::BTreeMap, fs, path::Path, process::ExitCode};

use crate::{
    cli::{
        args::VerifyArgs,
        config, progress,
        terminal::{print, tell},
    },
    error::Error,
    report::recorded::Recorded,
    text,
    verify::{self, Fate, Verified},
};

/// Verifies, and lists what has become of each log.
pub(super) fn verify(args: &VerifyArgs) -> Result<ExitCode, Error> {
    let wrong = |cause: String| Error::file(&args.manifest, "cannot read the manifest", &cause);
    let text = fs::read_to_string(&args.manifest).map_err(|error| wrong(error.to_string()))?;
    let recorded = Recorded::parse(&text).map_err(wrong)?;
    let bar = progress::spinner(args.quiet);
    let method = config::verification(args);
    let fates = verify::verify(&recorded, &method, &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let mut fates = fates?;
    if fates.is_empty() {
        return Err(wrong("it names no log, so there is nothing to verify".to_owned()));
    }
    if args.new {
        fates.extend(verify::new_in_folders(&recorded, &method));
        fates.sort();
    }
    let line = |Verified { name, item, fate, .. }: &Verified| {
        format!("{:<8} {}{}\n", fate.name(), text::printable(name), item.mark())
    };
    let shown = fates.iter().filter(|verified| !args.quiet || verified.fate != Fate::Same);
    print(shown.map(line).collect::<String>().as_bytes())?;
    for Verified { name, cause, .. } in &fates {
        if let Some(cause) = cause {
            tell(&format!("netsift: {}: cannot be read: {}\n", text::printable(name), text::printable(cause)));
        }
    }
    // From another folder, all logs with relative paths are missing.
    if fates.iter().all(|verified| verified.fate == Fate::Missing && Path::new(&verified.name).is_relative()) {
        tell("netsift: none of the logs is here: run this in the folder in which the logs were searched\n");
    }
    if !args.quiet {
        tell(&totals(&fates));
    }
    Ok(ExitCode::from(if fates.iter().all(|verified| verified.fate == Fate::Same) { 0 } else { 3 }))
}

/// How many there are of each fate.
fn totals(fates: &[Verified]) -> String {
    let mut counts: BTreeMap<Fate, u64> = BTreeMap::new();
    for verified in fates {
        *counts.entry(verified.fate).or_default() += 1;
    }
    let parts: Vec<String> =
        counts.iter().map(|(fate, &count)| format!("{} {}", text::grouped(count), fate.name())).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    format!("verified  {}{parts}\n", text::grouped(fates.len() as u64))
}
