//! [`command`]: the command line as clap knows it, with a short help that fits a screen. What can be typed is in
//! [`crate::cli::args`], and only there.

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::cli::args::Args;

/// The commands that scan, and so have too many options for a screen.
const SCANS: [&str; 2] = ["detect", "connections"];

/// What `-h` shows of them. The rest is for `--help`.
const MOST_USED: [&str; 7] = ["paths", "output", "group_by", "html", "process", "rules", "exclude_cidr"];

/// The whole command line. Everything that reads it or tells of it starts here: the parser, the help, the completions and
/// the manual pages.
#[must_use]
pub fn command() -> Command {
    Args::command()
        .mut_subcommands(|command| if SCANS.contains(&command.get_name()) { short_help(command) } else { command })
}

fn short_help(command: Command) -> Command {
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .help_heading("Run")
        .help("Show these; --help shows all options")
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
