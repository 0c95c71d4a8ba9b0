//! The program: from the arguments to the exit status.

use std::{ffi::OsString, process::ExitCode};

use clap::FromArgMatches;

use crate::{
    cli::{
        arg_file,
        args::{Args, Command, ManArgs},
        config::Builtin,
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
    arg_file::expand(arguments, usage::command()).and_then(obey).unwrap_or_else(|error| {
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
        Command::Completions { shell } => print(&shell::completions(shell)).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => man(&args),
    }
}

fn man(args: &ManArgs) -> Result<ExitCode, Error> {
    let Some(folder) = &args.dir else { return print(&shell::page(&args.name)?).map(|()| ExitCode::SUCCESS) };
    shell::write_pages(folder, if args.force { Existing::Replace } else { Existing::Keep })?;
    Ok(ExitCode::SUCCESS)
}
