//! Lists of values: `@FILE` as the value of an option stands for those in FILE.
//!
//! What a value may be is the option's own concern. An `@FILE` that is an argument of its own is [`crate::cli::arg_file`]'s.

use std::{
    fs,
    io::{self, ErrorKind},
    path::PathBuf,
};

use ipnet::IpNet;

use crate::{
    connection::cidr,
    error::Error,
    text::{self, grouped},
};

/// How many values a list for a filter has at most: each connection is compared with all of them.
const MOST: usize = 1000;

/// Reads networks, each given as itself or in a list, one per line; `#` starts a comment.
///
/// # Errors
///
/// One is wrong, or a list cannot be read or has none.
pub(super) fn networks(option: &str, given: &[String]) -> Result<Vec<IpNet>, Error> {
    each(option, given, cidr::parse, |path| cidr::parse_list(&list(path)?))
}

/// Reads values with `read`, each given as itself or in a list, one per line. Commas part values there as on the command line. A `#`
/// starts a comment, unless it is inside a word: there are names such as `C#.exe`.
///
/// # Errors
///
/// One is wrong, or a list cannot be read or has none. `read` says what is wrong with a value.
pub(super) fn values<T>(
    option: &str,
    given: &[String],
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Error> {
    each(option, given, &read, |path| listed(option, path, &read))
}

/// The files of the lists among these values.
pub(super) fn files<'a>(given: impl IntoIterator<Item = &'a [String]>) -> Vec<PathBuf> {
    given.into_iter().flatten().filter_map(|value| value.strip_prefix('@')).map(PathBuf::from).collect()
}

/// Reads values with `read`, and lists of them with `read_list`.
fn each<T>(
    option: &str,
    given: &[String],
    read: impl Fn(&str) -> Result<T, String>,
    read_list: impl Fn(&str) -> Result<Vec<T>, String>,
) -> Result<Vec<T>, Error> {
    let mut values = Vec::new();
    for value in given {
        let wrong = |message: String| Error::Usage(format!("{option} {message}"));
        match value.strip_prefix('@') {
            None => values.push(read(value).map_err(wrong)?),
            Some(path) => {
                let of_list = |message: String| wrong(format!("{}: {message}", text::printable(value)));
                values.extend(read_list(path).map_err(of_list)?);
            }
        }
    }
    Ok(values)
}

fn listed<T>(option: &str, path: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let list =
        list(path).map_err(|cause| format!("{cause}; if the name itself starts with @, write * in place of it"))?;
    let mut values = Vec::new();
    for (number, line) in (1..).zip(text::lines(list.trim_start_matches('\u{feff}'))) {
        for value in without_comment(line).split(',').map(str::trim).filter(|value| !value.is_empty()) {
            values.push(read(value).map_err(|message| format!("line {number}: {message}"))?);
        }
    }
    match values.len() {
        0 => Err("it has no value: give one per line".to_owned()),
        1..=MOST => Ok(values),
        count => {
            let advice = match option {
                // A watchlist knows the peers of connections, and nothing else.
                "--dest" | "--remote" => "; a list of addresses or names for --watchlist can be of any length",
                "--process" | "--host" | "--user" | "--app" => {
                    "; * stands for any text, so that one value can be several"
                }
                "--port" | "--remote-port" => "; a range such as 8000-8999 is one value",
                _ => "",
            };
            let (count, most) = (grouped(count as u64), grouped(MOST as u64));
            Err(format!("it has {count} values, and a list for a filter has {most} at most{advice}"))
        }
    }
}

fn list(path: &str) -> Result<String, String> {
    let cause = |error: io::Error| match error.kind() {
        ErrorKind::InvalidData => "it is not text in UTF-8: save it as that".to_owned(),
        _ => error.to_string(),
    };
    fs::read_to_string(path).map_err(|error| format!("cannot read the list: {}", cause(error)))
}

fn without_comment(line: &str) -> &str {
    let starts = |&(at, _): &(usize, &str)| line.get(..at).is_none_or(|before| before.trim_end().len() < at || at == 0);
    line.match_indices('#').find(starts).map_or(line, |(at, _)| line.get(..at).unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_starts_where_a_word_can() {
        for (line, value) in [("a.exe # c", "a.exe "), ("# c", ""), ("C#.exe", "C#.exe"), ("C#.exe\t#", "C#.exe\t")] {
            assert_eq!(without_comment(line), value, "{line}");
        }
    }
}
