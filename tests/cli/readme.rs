//! What the README shows: each command that stands behind a `$` is run, and prints the lines below it.
//!
//! In their order, each line whole; `...` stands for lines that are left out.

use std::{env, os::unix::fs::symlink, path::Path, process::Command};

use crate::case::{NETSIFT, detect};

const README: &str = include_str!("../../README.md");

/// A command, and the lines that are shown of what it prints.
struct Shown {
    command: &'static str,
    lines: Vec<&'static str>,
}

fn shown() -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for block in README.split("```").skip(1).step_by(2) {
        let before = all.len();
        for line in block.lines().skip(1) {
            match line.strip_prefix("$ ") {
                Some(command) => all.push(Shown { command, lines: Vec::new() }),
                None if all.len() > before => all.last_mut().unwrap().lines.push(line),
                None => (),
            }
        }
    }
    all
}

#[test]
fn the_readme_shows_what_its_commands_print_on_a_terminal_of_80_columns() {
    let case = detect().file("README.md", README);
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    symlink(source.join("testdata"), case.path("testdata")).unwrap();
    symlink(source.join("tests"), case.path("tests")).unwrap();
    let path = [Path::new(NETSIFT).parent().unwrap().to_owned()];
    let path = env::join_paths(path.into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap()))).unwrap();
    let shown = shown();
    assert!(shown.len() >= 4, "{}", shown.len());
    for Shown { command, lines } in shown {
        // With -o there is no table.
        let is_table = command.starts_with("netsift") && !command.contains(" -o ");
        let table = if is_table { " --format table --width 80" } else { "" };
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{command}{table}")).env("PATH", &path).current_dir(case.path("."));
        let output = shell.output().unwrap();
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{command}: {printed}");
        let mut rest = printed.lines().map(str::trim_end);
        for line in lines.into_iter().filter(|&line| !["", "..."].contains(&line)) {
            assert!(rest.any(|printed| printed == line), "{command} does not print, in that order: {line}\n{printed}");
        }
    }
}
