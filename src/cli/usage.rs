//! [`command`]: the command line as clap knows it, with a short help that fits a screen. What can be typed is in
//! [`crate::cli::args`], and only there.

use std::{ffi::OsString, path::Path};

use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::cli::{args::Args, wildcards};

/// A command that scans, and so has too many options for a screen.
struct Scan {
    name: &'static str,
    /// What `-h` shows of it. The rest is for `--help`.
    most_used: &'static [&'static str],
}

const SCANS: [Scan; 2] = [
    Scan {
        name: "detect",
        most_used: &["paths", "output", "group_by", "context", "html", "process", "rule", "rules", "exclude_cidr"],
    },
    Scan {
        name: "connections",
        most_used: &["paths", "output", "group_by", "beacons", "html", "process", "public", "exclude_cidr"],
    },
];

/// The whole command line. Everything that reads it or tells of it starts here: the parser, the help, the completions and
/// the manual pages.
#[must_use]
pub fn command() -> Command {
    later_overrides(Args::command()).mut_subcommands(|command| {
        match SCANS.iter().find(|scan| scan.name == command.get_name()) {
            Some(scan) => with_defaults(short_help(command, scan), scan),
            None => command,
        }
    })
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

/// If an option is given twice, the last one counts, so that the command line can change what an arguments file says.
fn later_overrides(command: Command) -> Command {
    command.args_override_self(true).mut_subcommands(later_overrides)
}

/// What both commands take is described once, with the default of each, as in `[detect: special, connections: none]`. Each shows its own.
fn with_defaults(command: Command, scan: &Scan) -> Command {
    let own = |help: &str| {
        let (before, defaults) = help.split_once("[detect: ")?;
        let (defaults, after) = defaults.split_once(']')?;
        let (detect, connections) = defaults.split_once(", connections: ")?;
        let default = if scan.name == "detect" { detect } else { connections };
        Some(format!("{before}[default: {default}]{after}"))
    };
    command.mut_args(|mut arg| {
        if let Some(help) = arg.get_help().and_then(|help| own(&help.to_string())) {
            arg = arg.help(help);
        }
        if let Some(help) = arg.get_long_help().and_then(|help| own(&help.to_string())) {
            arg = arg.long_help(help);
        }
        arg
    })
}

fn short_help(command: Command, scan: &Scan) -> Command {
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .help_heading("Run")
        .hide_short_help(true)
        .help("Show the options that are used most; --help shows all")
        .long_help("Show all options; -h shows those that are used most");
    let is_most_used = |arg: &Arg| scan.most_used.iter().any(|id| arg.get_id() == id);
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
        for Scan { name, most_used } in SCANS {
            let command = command.find_subcommand(name).unwrap();
            for id in most_used {
                assert!(command.get_arguments().any(|arg| arg.get_id() == id), "{name} has no {id}");
            }
        }
    }

    #[test]
    fn each_command_shows_its_own_defaults() {
        for (name, defaults) in
            [("detect", ["regsvcs.exe", "regsvcs", "special"]), ("connections", ["all", "none", "none"])]
        {
            let mut command = command().find_subcommand(name).unwrap().clone();
            for help in [
                command.render_long_help().to_string(),
                command.clone().mut_args(|arg| arg.hide_short_help(false)).render_help().to_string(),
            ] {
                let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(!help.contains("[detect: "), "{help}");
                for default in defaults {
                    assert!(help.contains(&format!("[default: {default}]")), "{name}: {default}");
                }
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
