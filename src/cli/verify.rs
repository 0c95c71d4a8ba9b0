//! The command `verify`: evidence held against a manifest.

use std::{fs, process::ExitCode};

use crate::{
    cli::{args::VerifyArgs, config, progress, terminal::print},
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
    let fates = verify::verify(&recorded, &config::verification(args), &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let fates = fates?;
    let line = |Verified { name, item, fate }: &Verified| {
        format!("{:<8} {}{}\n", fate.name(), text::printable(name), item.mark())
    };
    print(fates.iter().map(line).collect::<String>().as_bytes())?;
    Ok(ExitCode::from(if fates.iter().all(|verified| verified.fate == Fate::Same) { 0 } else { 3 }))
}
