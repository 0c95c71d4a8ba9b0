//! The command `rules`: rules listed, shown and checked.

use std::process::ExitCode;

use crate::{
    cli::{
        args::RulesCommand,
        config, listing,
        terminal::{columns, print},
        wildcards,
    },
    error::Error,
};

/// Prints what was asked about rules.
pub(super) fn rules(command: &RulesCommand) -> Result<ExitCode, Error> {
    let (text, all_is_well) = match command {
        RulesCommand::List(args) => listing::list(&args.rules, &config::wanted(&args.wanted), columns())?,
        RulesCommand::Show { id, rules } => {
            listing::show(id, &rules.rules, &config::wanted(&rules.wanted)).map(|text| (text, true))?
        }
        RulesCommand::Check { paths } => listing::check(&wildcards::expand(paths.clone()))?,
    };
    print(text.as_bytes())?;
    Ok(ExitCode::from(if all_is_well { 0 } else { 3 }))
}
