//! What a shell is given: completions, and manual pages. Both are made of [`usage::command`], so that they tell of every
//! option there is.

use std::{collections::HashSet, fs, io, path::Path};

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::{
    cli::usage,
    error::Error,
    report::output::{Existing, Output, Pending},
    text,
};

/// The script that completes `netsift` in `shell`.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut usage::command(), env!("CARGO_PKG_NAME"), &mut script);
    script
}

/// The manual page of a command, given as it is typed, such as `rules list`; of `netsift` itself for none.
///
/// # Errors
///
/// There is no such command.
pub fn page(name: &[String]) -> Result<Vec<u8>, Error> {
    let root = documented();
    let mut command = &root;
    for part in name {
        let Some(found) = command.find_subcommand(part) else {
            let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            return Err(Error::Usage(match &*names {
                [] => format!("{} is not a command: {} has none", text::quoted(part), called(command)),
                names => format!(
                    "{} is not a command: those of {} are {}",
                    text::quoted(part),
                    called(command),
                    names.join(", ")
                ),
            }));
        };
        command = found;
    }
    // Writing to memory cannot fail.
    rendered(command).map_err(Error::Stdout)
}

/// Writes the pages of all commands to `folder`, which is made if need be.
///
/// # Errors
///
/// A page exists and is to be kept, or cannot be written.
pub fn write_pages(folder: &Path, existing: Existing) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|cause| Error::file(folder, "cannot make the folder", &cause))?;
    let root = documented();
    let pages: Vec<(&Command, Output)> = family(&root)
        .into_iter()
        .map(|command| {
            let path = folder.join(format!("{}.1", called(command).replace(' ', "-")));
            (command, Output::File { path, existing })
        })
        .collect();
    pages.iter().try_for_each(|(_, output)| output.check(&HashSet::new()))?;
    let mut pending = Pending::default();
    for (command, output) in &pages {
        output.write(&mut pending, |out| out.write_all(&rendered(command)?))?;
    }
    pending.commit()
}

/// A command, and those under it.
fn family(command: &Command) -> Vec<&Command> {
    let mut all = vec![command];
    all.extend(command.get_subcommands().flat_map(family));
    all
}

fn documented() -> Command {
    let mut command = usage::command().disable_help_subcommand(true);
    command.build();
    command
}

/// A command with those it is under, such as `netsift rules list`.
fn called(command: &Command) -> &str {
    command.get_bin_name().unwrap_or_else(|| command.get_name())
}

fn rendered(command: &Command) -> io::Result<Vec<u8>> {
    let source = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    let usage = command.clone().render_usage().to_string();
    // Without the names of all options before those are explained, and with what the short help leaves out.
    let command = command.clone().override_usage(usage.trim_start_matches("Usage: ").to_owned());
    let command = command.mut_args(|arg| arg.hide_short_help(false));
    let mut page = Vec::new();
    Man::new(command).source(source).manual(env!("CARGO_PKG_NAME")).render(&mut page)?;
    Ok(page)
}
