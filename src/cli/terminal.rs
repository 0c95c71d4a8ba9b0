//! The terminal: what standard output is, and what is written to it and to standard error.

use std::{
    env,
    io::{self, IsTerminal, Write},
};

use crate::{
    cli::args::output::{ColorArg, LookArgs},
    error::Error,
    report::{
        output::{Output, Pending},
        style::{Ink, Screen, Sheet},
    },
};

/// What standard output is, if it is a terminal.
pub(super) fn screen(look: LookArgs) -> Option<Screen> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let width = || columns().unwrap_or(80);
    let is_wanted = || {
        anstyle_query::clicolor_force()
            || anstyle_query::clicolor() != Some(false) && anstyle_query::term_supports_color()
    };
    let enabled = anstyle_query::windows::enable_ansi_colors().unwrap_or(true);
    Some(Screen { width: look.width.map_or_else(width, usize::from), ink: ink(look, || enabled && is_wanted()) })
}

/// How many columns standard output has, if it is a terminal that says so.
pub(super) fn columns() -> Option<usize> {
    let out = io::stdout();
    let size = out.is_terminal().then(|| terminal_size::terminal_size_of(&out)).flatten();
    size.map(|(width, _)| width.0.into())
}

/// What a table is written on where standard output is not a terminal.
pub(super) fn sheet(look: LookArgs) -> Sheet {
    let Sheet(usual) = Sheet::default();
    let columns = || env::var("COLUMNS").ok()?.parse().ok().filter(|&width: &usize| width > 0);
    let width = look.width.map(usize::from).or_else(columns).unwrap_or(usual.width);
    Sheet(Screen { width, ink: ink(look, anstyle_query::clicolor_force) })
}

/// Whether there are colours: as was asked for, and else not with `NO_COLOR`, and else where `auto` says so.
fn ink(look: LookArgs, auto: impl Fn() -> bool) -> Ink {
    let is_coloured = match look.color {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto => !anstyle_query::no_color() && auto(),
    };
    if is_coloured { Ink::Colour } else { Ink::Plain }
}

/// Writes to standard output. That nobody reads on is no reason to fail.
pub(super) fn print(text: &[u8]) -> Result<(), Error> {
    Output::Stdout.write(&mut Pending::default(), |out| out.write_all(text))
}

/// Writes to standard error. That it is closed is no reason to stop.
pub(super) fn tell(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
