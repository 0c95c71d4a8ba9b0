//! The documents: every link inside the repository leads somewhere, the README is short, and each page of the reference is in the book.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { document.clone() } else { document.parent().unwrap().join(path) };
            let leads_somewhere = match fs::read_to_string(&target) {
                Ok(text) => anchor.is_empty() || anchors(&text).any(|known| known == anchor),
                // A picture or a folder.
                Err(_) => target.exists() && anchor.is_empty(),
            };
            if !leads_somewhere {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
    assert!(count > 40, "only {count} links");
}

#[test]
fn the_readme_is_short() {
    assert!(fs::metadata("README.md").unwrap().len() < 9 << 10);
}

#[test]
fn every_page_of_the_reference_is_in_the_book_and_says_who_needs_it() {
    let summary = fs::read_to_string("docs/SUMMARY.md").unwrap();
    for page in documents().into_iter().filter(|path| path.starts_with("docs")) {
        let name = page.file_name().unwrap().to_str().unwrap();
        if ["SUMMARY.md", "index.md"].contains(&name) {
            continue;
        }
        assert!(summary.contains(&format!("({name})")), "{name} is not in docs/SUMMARY.md");
        let text = fs::read_to_string(&page).unwrap();
        let first = text.lines().nth(2).unwrap();
        assert!(first.starts_with("For whoever "), "{name} does not say first who needs it: {first}");
    }
}

#[test]
fn anchors_are_those_of_headings() {
    let anchors: Vec<String> = anchors("# One `--option`, two!\n```\n# no heading\n```\n## Three_four\n").collect();
    assert_eq!(anchors, ["one---option-two", "three_four"]);
    let text = "[a](b.md) `[c](d)`\n```\n[e](f)\n```\n[g]: h.md#i\n";
    assert_eq!(links(text).collect::<Vec<_>>(), ["b.md", "h.md#i"]);
}

fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in [".", "docs", "contrib", "fuzz"] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path.strip_prefix(".").unwrap_or(Path::new(&path)).to_owned());
            }
        }
    }
    assert!(found.len() > 15, "{found:?}");
    found
}

/// The lines of a document that are not code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

fn links(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| {
        let reference = line.strip_prefix('[').and_then(|rest| Some(rest.split_once("]: ")?.1.trim()));
        // What is between backticks is code.
        let parts = line.split('`').step_by(2);
        let inline =
            parts.flat_map(|part| part.match_indices("](").filter_map(|(at, _)| part[at + 2..].split_once(')')));
        reference.into_iter().chain(inline.map(|(link, _)| link)).collect::<Vec<_>>()
    })
}

/// As forges and mdbook make them of headings.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    prose(text).filter(|line| line.starts_with('#')).map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|&c| c.is_alphanumeric() || "-_ ".contains(c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}
