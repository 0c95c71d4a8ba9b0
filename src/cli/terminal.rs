//! The terminal: what standard output is, and what is written to it and to standard error.

use std::io::{self, IsTerminal, Write};

use crate::{
    error::Error,
    report::{
        output::{Output, Pending},
        style::{Ink, Screen},
    },
};

/// What standard output is, if it is a terminal.
pub(super) fn screen() -> Option<Screen> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let width = terminal_size::terminal_size_of(&out).map_or(80, |(width, _)| width.0.into());
    let is_wanted = !anstyle_query::no_color() && anstyle_query::clicolor() != Some(false);
    let has_colours =
        anstyle_query::term_supports_color() && anstyle_query::windows::enable_ansi_colors().unwrap_or(true);
    Some(Screen { width, ink: if is_wanted && has_colours { Ink::Colour } else { Ink::Plain } })
}

/// Writes to standard output. That nobody reads on is no reason to fail.
pub(super) fn print(text: &[u8]) -> Result<(), Error> {
    Output::Stdout.write(&mut Pending::default(), |out| out.write_all(text)).map(drop)
}

/// Writes to standard error. That it is closed is no reason to stop.
pub(super) fn tell(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
