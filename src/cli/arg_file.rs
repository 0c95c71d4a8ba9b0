//! An arguments file: `@FILE` on the command line stands for the arguments in FILE, one per line.
//!
//! Only where an argument is expected: the value of an option is its own affair, and may start with `@` as well. What the
//! arguments mean is clap's concern.

use std::{ffi::OsString, fs::File, io::Read, path::PathBuf};

use clap::{Arg, Command};

use crate::{error::Error, text};

/// An arguments file that is larger can only be a mistake, or a device.
const MOST_BYTES: u64 = 1 << 20;

/// The command line, from the tool's name on.
#[derive(Debug, Default)]
pub struct Line {
    /// Its arguments, those of each `@FILE` in its place.
    pub arguments: Vec<OsString>,
    /// These files.
    pub files: Vec<PathBuf>,
}

/// The command line with the arguments of files.
///
/// After `--` all arguments are paths, and left as they are.
///
/// # Errors
///
/// A file cannot be read, or has a line that is not one argument.
pub fn expand(line: impl IntoIterator<Item = OsString>, mut command: Command) -> Result<Line, Error> {
    command.build();
    let mut command = &command;
    let Line { arguments: mut expanded, mut files } = Line::default();
    let mut line = line.into_iter();
    expanded.extend(line.next());
    while let Some(argument) = line.next() {
        // Text that is no Unicode can be a path or a value, and the file is not found under what stands here for it.
        let word = argument.to_string_lossy().into_owned();
        if let Some(path) = word.strip_prefix('@').filter(|path| !path.is_empty()) {
            expanded.extend(arguments(path, &mut command)?.into_iter().map(OsString::from));
            files.push(path.into());
            continue;
        }
        expanded.push(argument);
        match Word::of(&word, command) {
            Word::Positional => command = command.find_subcommand(&word).unwrap_or(command),
            Word::Unknown if word == "--" => expanded.extend(line.by_ref()),
            Word::Option { needs_value: true } => expanded.extend(line.next()),
            Word::Option { needs_value: false } | Word::Whole | Word::Unknown => {}
        }
    }
    Ok(Line { arguments: expanded, files })
}

/// The arguments in the file at `path`. Those that name a command are followed into it.
fn arguments(path: &str, command: &mut &Command) -> Result<Vec<String>, Error> {
    let name = text::printable(path);
    let cannot = |cause: &dyn std::fmt::Display| {
        Error::Usage(format!(
            "{name}: cannot read the arguments: {cause}; a path that starts with @ is given as ./@{name}"
        ))
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| cannot(&error))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(cannot(&"it is larger than 1 MiB"));
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let text = text.ok_or_else(|| cannot(&"it is not UTF-8 text"))?;
    let mut all = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |cause: String| Error::Usage(format!("{name}: line {number}: {cause}"));
        if line.contains(|c: char| c.is_control() && c != '\t') {
            return Err(wrong("it has a control character: give one argument per line".to_owned()));
        }
        all.extend(split(line, command).map_err(wrong)?);
    }
    Ok(all)
}

/// A line as one argument, or as an option and its value.
fn split(line: &str, command: &mut &Command) -> Result<Vec<String>, String> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim_start();
    // Without what may be a password.
    let shown = word.split_once('=').map_or(word, |(name, _)| name);
    let (arguments, value) = match (Word::of(word, command), rest) {
        (Word::Positional, _) if line.starts_with('@') => {
            return Err(format!(
                "{} is not read: an arguments file cannot name another; give a path as ./{}",
                text::quoted(line),
                text::printable(line)
            ));
        }
        (Word::Positional, _) => {
            *command = command.find_subcommand(line).unwrap_or(command);
            (vec![line], line)
        }
        (Word::Whole, _) => (vec![line], line.split_once('=').map_or("", |(_, value)| value)),
        (Word::Option { needs_value: false }, "") => (vec![word], ""),
        (Word::Option { needs_value: true }, "") => {
            return Err(format!("{shown} has no value: give it on the same line, for example {shown} VALUE"));
        }
        (Word::Option { needs_value: false }, _) => {
            return Err(format!("{shown} takes no value: give one argument per line"));
        }
        (Word::Option { needs_value: true }, value) => (vec![word, value], value),
        (Word::Unknown, _) => {
            let of = command.get_bin_name().unwrap_or_else(|| command.get_name());
            return Err(format!("{shown} is not an option of {of}: {of} --help lists them"));
        }
    };
    if is_quoted(value) {
        return Err(
            "a value is in quotation marks, which would be part of it: leave them out, spaces are kept".to_owned()
        );
    }
    Ok(arguments.into_iter().map(str::to_owned).collect())
}

fn is_quoted(value: &str) -> bool {
    ['"', '\''].iter().any(|&mark| value.len() > 1 && value.starts_with(mark) && value.ends_with(mark))
}

/// What a word on the command line is, where an argument is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// A path, a command or another argument without a name.
    Positional,
    /// One option, or several short ones, and whether the next word is the value of the last.
    Option {
        /// Whether it is.
        needs_value: bool,
    },
    /// An option with its value.
    Whole,
    /// It looks like an option.
    Unknown,
}

impl Word {
    fn of(word: &str, command: &Command) -> Self {
        if let Some(long) = word.strip_prefix("--") {
            let name = long.split_once('=').map_or(long, |(name, _)| name);
            return match command.get_arguments().find(|arg| {
                let mut names = arg.get_all_aliases().unwrap_or_default().into_iter().chain(arg.get_long());
                names.any(|known| known == name)
            }) {
                None => Self::Unknown,
                Some(_) if name != long => Self::Whole,
                Some(arg) => Self::Option { needs_value: needs_value(arg) },
            };
        }
        let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) else { return Self::Positional };
        for (at, letter) in short.char_indices() {
            let Some(arg) = command.get_arguments().find(|arg| arg.get_short() == Some(letter)) else {
                return Self::Unknown;
            };
            if needs_value(arg) {
                let is_last = at + letter.len_utf8() == short.len();
                return if is_last { Self::Option { needs_value: true } } else { Self::Whole };
            }
        }
        Self::Option { needs_value: false }
    }
}

fn needs_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && arg.get_num_args().is_some_and(|range| range.min_values() > 0)
}
