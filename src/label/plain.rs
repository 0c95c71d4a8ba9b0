//! A plain list: one address, network, domain name or pattern per line, `#` for comments.

use ipnet::IpNet;

use crate::{
    connection::cidr,
    label::{entries::Entries, names::Reach},
    text,
};

/// Reads a list. A name stands for those below it too.
///
/// # Errors
///
/// Text for a person: the number of a line that is none of these, the line, the accepted form and an example.
pub(super) fn read(text: &str) -> Result<Entries, String> {
    let mut entries = Entries::default();
    for (number, line) in (1..).zip(text::lines(text)) {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if !entry.is_empty() {
            add(&mut entries, entry).map_err(|cause| format!("line {number}: {cause}"))?;
        }
    }
    Ok(entries)
}

fn add(entries: &mut Entries, text: &str) -> Result<(), String> {
    const FORM: &str = "give an address, a network, a domain name or a pattern with * on each line, for example 203.0.113.7, \
                        198.51.100.0/24, example.com or c2-*.example.com";
    let shown = text::quoted(&text::short(text));
    if text.parse::<IpNet>().is_ok() {
        // One with host bits is refused with the network that was probably meant.
        cidr::parse(text)?;
    }
    if text.contains('*') {
        let is_of_pattern = |c: char| c.is_alphanumeric() || "*.-_:".contains(c);
        if !text.chars().all(is_of_pattern) {
            return Err(format!("{shown} is a pattern with a character that no name or address has: {FORM}"));
        }
        if text.starts_with('.') || text.contains("..") {
            return Err(format!("{shown} fits no name or address, since none has an empty part: {FORM}"));
        }
        if !entries.add_pattern(text) {
            return Err(format!("{shown} fits every name and address: {FORM}"));
        }
        return Ok(());
    }
    let name = text.strip_prefix('.').unwrap_or(text);
    if entries.add_network(text) || entries.add_name(name, Reach::WithBelow) {
        return Ok(());
    }
    Err(format!("{shown} is neither an address, a network, a domain name nor a pattern: {FORM}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_none_of_it_are_refused_with_their_number_and_the_form() {
        for (line, what) in [
            ("10.0.0.0/33", "\"10.0.0.0/33\" is neither an address"),
            ("10.1.2.3/8", "\"10.1.2.3/8\" has host bits set: did you mean 10.0.0.0/8?"),
            ("300.1.2.3", "is neither"),
            ("203.0.113.7:443", "is neither"),
            ("http://evil.test/", "is neither"),
            ("evil[.]test", "is neither"),
            ("0.0.0.0 evil.test", "is neither"),
            ("-", "\"-\" is neither"),
            (".-", "is neither"),
            ("http://*.test/", "is a pattern with a character"),
            ("***", "fits every name"),
            ("*.", "fits every name"),
            (".c2-*.test", "fits no name"),
            ("c2-*..test", "fits no name"),
        ] {
            let error = read(&format!("# mine\n\n{line}\n")).unwrap_err();
            assert!(error.starts_with("line 3: ") && error.contains(what), "{line}: {error}");
            assert!(line == "10.1.2.3/8" || error.contains("for example 203.0.113.7"), "{line}: {error}");
        }
    }

    #[test]
    fn a_line_of_any_length_is_named_by_its_start() {
        for line in ["a".repeat(1 << 20), "é*\u{7}".repeat(1 << 20), format!("a..{}*", "b".repeat(1 << 20))] {
            let error = read(&line).unwrap_err();
            assert!(error.len() < 600 && error.contains("…\" "), "{} bytes", error.len());
        }
    }

    #[test]
    fn a_pattern_is_compared_without_the_dot_at_its_end_as_names_are() {
        let entries = read("c2-*.evil.test.\n*.x.test.\n").unwrap();
        assert!(entries.names.has("a.x.test"));
        let texts = entries.texts.finish().unwrap();
        assert!(texts.have("c2-7.evil.test") && !texts.have("c2-7.evil.test.org"));
    }

    #[test]
    fn comments_blank_lines_and_windows_line_ends_are_no_entries() {
        let entries =
            read("# all\r\n\r\n 203.0.113.7 # one\r\n::ffff:198.51.100.0/120\r\n.evil.test\r\n*.x.test\r\n").unwrap();
        let networks: Vec<String> = entries.networks.iter().map(ToString::to_string).collect();
        assert_eq!((networks.join(" ").as_str(), entries.count), ("203.0.113.7/32 198.51.100.0/24", 4));
        assert!(entries.names.has("evil.test") && entries.names.has("a.x.test") && !entries.names.has("x.test"));
        let of_old_macs = read("# all\r203.0.113.7 # one\r\rx.test\r").unwrap();
        assert_eq!(of_old_macs.count, 2);
        assert!(read("# all\rx.test\r-\r").unwrap_err().starts_with("line 3: "));
    }
}
