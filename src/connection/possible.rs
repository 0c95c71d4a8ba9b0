//! Values that can be a connection's: why a text that was given for one can be none.
//!
//! What is wrong is said as a reason alone; the option and the accepted form are the caller's. Texts are patterns, in which `*` stands for
//! any text. A text is wrong only if Windows has no such names, not if they are rare.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::connection::{cidr, pattern::Pattern};

/// What Sysmon calls a process that was gone before it could be looked at.
const UNKNOWN: &str = "<unknown process>";

/// What is in no name of a file, a host or a user. Source: Microsoft, "Naming Files, Paths, and Namespaces" and "Naming conventions
/// in Active Directory".
const NEVER: [char; 5] = ['?', '"', '<', '>', '|'];

/// Why no process has this base name.
#[must_use]
pub fn process(text: &str) -> Option<String> {
    spaces(text).or_else(|| character(text).filter(|_| !Pattern::new(text).matches(UNKNOWN)))
}

/// Why no program has this whole path.
#[must_use]
pub fn path(text: &str) -> Option<String> {
    if Pattern::new(text).matches(UNKNOWN) {
        return None;
    }
    // These stand in front of some paths.
    let rest = [r"\\?\", r"\??\", r"\\"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    let has_pieces = text.contains(['\\', '*']);
    let forms = || {
        if rest.contains('/') {
            Some(r"a path has \ and not /".to_owned())
        } else if rest.contains(r"\\") {
            Some(r"a path has one \ between its parts".to_owned())
        } else if rest.ends_with('\\') {
            Some(format!("it is a folder, in which {text}* finds every program"))
        } else if !has_pieces && text.contains('.') {
            Some(format!(r"it has no folder: --process {text} takes a name alone, and --app '*\{text}' any folder"))
        } else {
            None
        }
    };
    spaces(text).or_else(|| character(rest)).or_else(forms)
}

/// Why no host has this name.
#[must_use]
pub fn host(text: &str) -> Option<String> {
    let slash = || text.contains(['\\', '/']).then(|| r"a host's name has neither \ nor /".to_owned());
    spaces(text).or_else(|| character(text)).or_else(slash)
}

/// Why no user has this name.
#[must_use]
pub fn user(text: &str) -> Option<String> {
    let domain = || {
        let (domain, name) = text.split_once('/').filter(|_| !text.contains('\\'))?;
        Some(format!(r"\ stands between a domain and a user, as in {domain}\{name}"))
    };
    let twice = || text.contains(r"\\").then(|| r"one \ stands between a domain and a user".to_owned());
    spaces(text).or_else(|| character(text)).or_else(domain).or_else(twice)
}

/// Why no end of a connection has this name, address or network. Ports of that end are what the option `port` takes.
#[must_use]
pub fn end(text: &str, port: &str) -> Option<String> {
    if cidr::parse(text).is_ok() {
        return None;
    }
    spaces(text).or_else(|| character(text)).or_else(|| no_end(text, port))
}

/// Whether an address can be one of those that a pattern stands for.
#[must_use]
pub fn can_be_address(text: &str) -> bool {
    cidr::parse(text).is_ok() || text.chars().all(|c| c.is_ascii_hexdigit() || ".:*".contains(c))
}

fn no_end(text: &str, port: &str) -> Option<String> {
    if text.contains("://") {
        return Some("it is a URL, and connections have names and addresses alone".to_owned());
    }
    if let Some((address, _)) = text.split_once('/') {
        // Its own message says what is wrong with a network.
        let is_network = address.parse::<IpAddr>().is_ok();
        return (!is_network).then(|| "/ is in networks alone".to_owned());
    }
    if text.contains('*') {
        return None;
    }
    // An address can have the scope that it is of behind it.
    if text.split_once('%').is_some_and(|(address, _)| address.parse::<Ipv6Addr>().is_ok()) {
        return None;
    }
    if let Some((host, number)) = with_port(text) {
        return Some(format!("it has a port: give {host}, and --{port} {number}"));
    }
    if text.contains(['[', ']']) {
        return Some("an address has no brackets".to_owned());
    }
    if text.contains(':') {
        return Some("it is not an IPv6 address, and no name has a colon".to_owned());
    }
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_like_address = text.split('.').count() == 4 && text.split('.').all(is_part);
    is_like_address.then(|| "it is written like an address, and is not one".to_owned())
}

/// A name or an address and the port behind it.
fn with_port(text: &str) -> Option<(&str, u16)> {
    let (host, number) = text.rsplit_once(':')?;
    let number = number.parse().ok()?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_alone = host.parse::<Ipv4Addr>().is_ok() || !host.contains(':');
    bare.or(Some(host).filter(|_| is_alone)).map(|host| (host, number))
}

fn spaces(text: &str) -> Option<String> {
    let is_wrong = text.trim() != text && !text.trim().is_empty();
    is_wrong.then(|| format!("it starts or ends with a space: give {}, or * where a space is meant", text.trim()))
}

fn character(text: &str) -> Option<String> {
    let wrong = text.chars().find(|c| NEVER.contains(c))?;
    let instead = if wrong == '?' { ", and * stands for any text" } else { "" };
    Some(format!("no name has the character {wrong}{instead}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_has_is_taken() {
        for name in
            ["regsvcs.exe", "reg*", "<unknown process>", "<unknown*", "*", "System", "a'b.exe", "日本.exe", "a b.exe"]
        {
            assert_eq!(process(name), None, "{name}");
        }
        for app in [
            r"C:\Windows\*",
            r"*\Temp\*",
            r"\\server\share\a.exe",
            r"\\?\C:\a.exe",
            r"\??\C:\a.exe",
            r"\device\harddiskvolume2\a.exe",
            "System",
            "Registry",
            "MemCompression",
            "<unknown process>",
            "*regsvcs.exe",
        ] {
            assert_eq!(path(app), None, "{app}");
        }
        for name in ["alice", r"CORP\alice", r"NT AUTHORITY\SYSTEM", "svc-*", "o'hara", "a@example.org", "WS01$"] {
            assert_eq!(user(name), None, "{name}");
        }
        for name in ["WS01", "ws01.corp.example", "ws*"] {
            assert_eq!(host(name), None, "{name}");
        }
        for name in [
            "a.example.org",
            "*.example.org",
            "9.9.9.9",
            "10.0.0.0/8",
            "10.*.5",
            "10.0.0.*",
            "2001:db8::1",
            "2001:db8::/32",
            "2001:db8:*",
            "ws01",
            "host-1",
            "x.99a",
            "_srv.example",
            "*:1",
            "ff02*:3",
            "fe80::1%12",
            "12345",
            "host.123",
        ] {
            assert_eq!(end(name, "port"), None, "{name}");
        }
    }

    #[test]
    fn what_windows_never_has_is_not() {
        for name in [" a.exe", "a.exe ", "\"a.exe\"", "a?.exe", "<a>", "a|b", "a\t"] {
            assert!(process(name).is_some(), "{name}");
        }
        for app in
            ["RegSvcs.exe", "C:/Users/a.exe", r"C:\\Users\\a.exe", r"*\\a.exe", r"C:\Temp\", r"C:\a?.exe", r" C:\a"]
        {
            assert!(path(app).is_some(), "{app}");
        }
        for name in ["CORP/carol", r"CORP\\carol", " carol", "\"carol\"", "a?"] {
            assert!(user(name).is_some(), "{name}");
        }
        for name in [r"\\WS01", "WS01 ", "ws?1"] {
            assert!(host(name).is_some(), "{name}");
        }
        for name in [
            "198.41.0.4:443",
            "[2001:db8::1]:443",
            "[2001:db8::1]",
            "a.example:443",
            "198.41.0.999",
            "https://a.example/",
            "a.example/b",
            "2001:db8::zz",
            " a.example",
            "a?.example",
        ] {
            assert!(end(name, "port").is_some(), "{name}");
        }
    }

    #[test]
    fn addresses_are_told_from_names() {
        for text in ["9.9.9.9", "10.0.0.0/8", "10.*", "2001:db8::*", "*", "fe80*"] {
            assert!(can_be_address(text), "{text}");
        }
        for text in ["*.example.org", "ws01", "*.com"] {
            assert!(!can_be_address(text), "{text}");
        }
    }
}
