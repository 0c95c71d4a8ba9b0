//! The program: from the arguments to the exit status.

use std::{
    ffi::OsString,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use clap::{
    ArgMatches, FromArgMatches,
    error::{ContextKind, ErrorKind},
};

use crate::{
    cli::{
        arg_file::{self, Line},
        args::{Args, Command, ManArgs},
        config::Builtin,
        interrupted,
        merge::merge,
        rules::rules,
        scan::scan,
        shell,
        terminal::{print, tell},
        usage,
        verify::verify,
    },
    error::Error,
    report::output::Existing,
};

/// Runs the program with these arguments, the first of which is its name. What is wrong is said on standard error.
///
/// The status is 0 if all was done, 1 if it could not be, 2 if the arguments are wrong, 3 if not all of the evidence could be
/// read.
pub fn program(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    interrupted::prepare();
    let line = usage::with_command(arguments.into_iter().collect());
    status(|| arg_file::expand(line, usage::command()).and_then(obey))
}

/// What comes of some work. Of a panic on a thread of a pool, nothing was said yet.
fn status(work: impl FnOnce() -> Result<ExitCode, Error>) -> ExitCode {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|panic| Err(Error::internal(None, &*panic))).unwrap_or_else(|error| {
        tell(&format!("netsift: {error}\n"));
        ExitCode::from(if matches!(error, Error::Usage(_)) { 2 } else { 1 })
    })
}

fn obey(line: Line) -> Result<ExitCode, Error> {
    let mut matches = matches(&line.arguments)?;
    match Args::from_arg_matches_mut(&mut matches).map_err(|error| usage_error(&error))?.command {
        Command::Detect(args) => scan(args, Builtin::Default, line),
        Command::Connections(args) => scan(args, Builtin::Everything, line),
        Command::Rules(command) => rules(&command),
        Command::Merge(args) => merge(args, line),
        Command::Verify(args) => verify(&args),
        Command::Completions { shell } => print(&shell::completions(shell)).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => man(&args),
    }
}

/// What the line says. Help and the version are shown right here, and end the program.
fn matches(line: &[OsString]) -> Result<ArgMatches, Error> {
    let shown =
        [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion, ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand];
    usage::command().try_get_matches_from(line).map_err(|error| {
        if shown.contains(&error.kind()) {
            error.exit();
        }
        usage_error(&error)
    })
}

/// Options by other names, which are more like others than like these.
const MEANT: [(&str, &str); 4] =
    [("--dest-port", "--port"), ("--dest-ip", "--dest"), ("--remote-ip", "--remote"), ("--process-name", "--process")];

/// What is wrong with a command line, in the form of the tool's other messages: one line, without a reminder of the usage.
fn usage_error(error: &clap::Error) -> Error {
    let rendered = error.render().to_string();
    let paragraphs = rendered.split("\n\n").filter(|part| {
        let part = part.trim_start();
        !part.starts_with("Usage:") && !part.starts_with("For more information")
    });
    let lines = paragraphs.map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let message = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let asked = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    if let Some((_, meant)) = MEANT.iter().find(|(given, _)| *given == asked) {
        return Error::Usage(format!(
            "unexpected argument '{asked}' found; did you mean {meant}? --help shows what can be given"
        ));
    }
    let no_file = if error.kind() == ErrorKind::InvalidSubcommand { ", and there is no such file" } else { "" };
    Error::Usage(format!("{message}{no_file}; --help shows what can be given"))
}

fn man(args: &ManArgs) -> Result<ExitCode, Error> {
    let Some(folder) = &args.dir else { return print(&shell::page(&args.name)?).map(|()| ExitCode::SUCCESS) };
    shell::write_pages(folder, if args.force { Existing::Replace } else { Existing::Keep })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_of_the_run() {
        assert_eq!(status(|| panic!("over")), ExitCode::from(1));
        assert_eq!(status(|| Err(Error::Usage(String::new()))), ExitCode::from(2));
        assert_eq!(status(|| Ok(ExitCode::SUCCESS)), ExitCode::SUCCESS);
    }
}
