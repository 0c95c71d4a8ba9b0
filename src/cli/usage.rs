//! [`command`]: the command line as clap knows it, with a short help that fits a screen. What can be typed is in
//! [`crate::cli::args`], and only there.

use std::{ffi::OsString, path::Path};

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::cli::{args::Args, wildcards};

/// The commands that scan, and so have too many options for a screen.
const SCANS: [&str; 2] = ["detect", "connections"];

/// What `-h` shows of them. The rest is for `--help`.
const MOST_USED: [&str; 8] = ["paths", "output", "group_by", "html", "process", "rules", "public", "exclude_cidr"];

/// The whole command line. Everything that reads it or tells of it starts here: the parser, the help, the completions and
/// the manual pages.
#[must_use]
pub fn command() -> Command {
    later_overrides(Args::command())
        .mut_subcommands(|command| if SCANS.contains(&command.get_name()) { short_help(command) } else { command })
}

/// The command line with `detect` in it if it has no command, but a file or a folder.
///
/// A command goes before a file of its name. A word that is neither is left for the parser to refuse, with the nearest command.
#[must_use]
pub fn with_command(mut line: Vec<OsString>) -> Vec<OsString> {
    let command = command();
    let is_command =
        |word: &OsString| word == "help" || word.to_str().is_some_and(|name| command.find_subcommand(name).is_some());
    let words = line.get(1..).unwrap_or_default();
    let is_path = |word: &OsString| !wildcards::matches(Path::new(word)).is_empty();
    let asks_for_help = |word: &OsString| ["-h", "--help", "-V", "--version"].iter().any(|asked| word == asked);
    let is_meant = match words.first() {
        Some(first) if first.as_encoded_bytes().starts_with(b"-") => {
            !asks_for_help(first) && !words.iter().any(is_command) && words.iter().any(is_path)
        }
        Some(first) => !is_command(first) && is_path(first),
        None => false,
    };
    if is_meant {
        line.insert(1, "detect".into());
    }
    line
}

/// An option that is given twice is what it was last, so that a line can change what a file of arguments says.
fn later_overrides(command: Command) -> Command {
    command.args_override_self(true).mut_subcommands(later_overrides)
}

fn short_help(command: Command) -> Command {
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .help_heading("Run")
        .hide_short_help(true)
        .help("Show the options that are used most; --help shows all")
        .long_help("Show all options; -h shows those that are used most");
    let is_most_used = |arg: &Arg| MOST_USED.iter().any(|id| arg.get_id() == id);
    command
        .mut_args(|arg| if is_most_used(&arg) { arg } else { arg.hide_short_help(true) })
        .disable_help_flag(true)
        .arg(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_the_most_used_options_exist() {
        let mut command = command();
        command.build();
        command.clone().debug_assert();
        for name in SCANS {
            let command = command.find_subcommand(name).unwrap();
            for id in MOST_USED {
                assert!(command.get_arguments().any(|arg| arg.get_id() == id), "{name} has no {id}");
            }
        }
    }

    #[test]
    fn every_option_of_a_scan_is_under_a_heading() {
        let command = command();
        for arg in command.find_subcommand("detect").unwrap().get_opts() {
            assert!(arg.is_hide_set() || arg.get_help_heading().is_some(), "--{} has no heading", arg.get_id());
        }
    }
}
