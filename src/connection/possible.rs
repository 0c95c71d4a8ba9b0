//! Values that can be a connection's: why a text that was given for one can be none.
//!
//! What is wrong is said as a reason alone; the option and the accepted form are the caller's. Texts are patterns, in which `*` stands for
//! any text. A text is wrong only if Windows has no such names, not if they are rare.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::connection::{
    cidr,
    pattern::{Pattern, undotted},
};

/// What Sysmon calls a process that was gone before it could be looked at.
const UNKNOWN: &str = "<unknown process>";

/// What is in no name of a file, a host or a user. Source: Microsoft, "Naming Files, Paths, and Namespaces" and "Naming conventions
/// in Active Directory".
const NEVER: [char; 5] = ['?', '"', '<', '>', '|'];

/// The accounts that every Windows knows by name. Others can be logged by their SID, where they are gone. Source: Microsoft, "Security
/// identifiers", well-known SIDs.
const SIDS: [(&str, &str); 3] =
    [("S-1-5-18", "SYSTEM"), ("S-1-5-19", "LOCAL SERVICE"), ("S-1-5-20", "NETWORK SERVICE")];

/// Why no connection's event says this in a field, by the name that Sysmon gives the field. What is not stated can be.
#[must_use]
pub fn value(field: &str, text: &str) -> Option<&'static str> {
    if text.is_empty() || text == "-" {
        return None;
    }
    let is_number = |most: u64| text.parse().is_ok_and(|number: u64| number <= most);
    let is_truth = || ["true", "false"].iter().any(|truth| text.eq_ignore_ascii_case(truth));
    match field {
        "SourcePort" | "DestinationPort" if !is_number(u16::MAX.into()) => Some("a port is a number up to 65535"),
        "ProcessId" if !is_number(u32::MAX.into()) => Some("a process id is a number"),
        "Initiated" | "SourceIsIpv6" | "DestinationIsIpv6" if !is_truth() => Some("it is true or false"),
        "SourceIp" | "DestinationIp" if text.parse::<IpAddr>().is_err() => {
            Some("it is an address, and |cidr asks for a network")
        }
        "Image" if has_no_folder(text) => Some(r"it is a whole path, and |endswith asks for \NAME"),
        _ => None,
    }
}

/// Why no process has this base name.
#[must_use]
pub fn process(text: &str) -> Option<String> {
    spaces(text).or_else(|| character(text).filter(|_| !Pattern::new(text).matches(UNKNOWN))).or_else(|| several(text))
}

/// Whether a program's name is all that a path is.
fn has_no_folder(path: &str) -> bool {
    path.contains('.') && !path.contains('\\')
}

/// Why no program has this whole path.
#[must_use]
pub fn path(text: &str) -> Option<String> {
    if Pattern::new(text).matches(UNKNOWN) {
        return None;
    }
    // These stand in front of some paths.
    let rest = [r"\\?\", r"\??\", r"\\"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    let forms = || {
        if rest.contains('/') {
            Some(r"a path has \ and not /".to_owned())
        } else if rest.contains(r"\\") {
            Some(r"a path has one \ between its parts".to_owned())
        } else if rest.ends_with('\\') {
            Some(format!("it is a folder, in which {text}* finds every program"))
        } else if has_no_folder(text) && !text.contains('*') {
            Some(format!(
                r"it has no folder: --process {text} looks for a name, and --app '*\{text}' leaves in what other rules find of it"
            ))
        } else if text.contains('\\') && !starts_path(text) {
            Some(format!(r"a path starts with a drive or \, and *\{text} stands for it in any folder"))
        } else {
            None
        }
    };
    // Folders can have a ; in their names.
    let several = || several(text).filter(|_| text.split(';').map(str::trim).all(starts_path));
    spaces(text).or_else(|| character(rest)).or_else(several).or_else(forms)
}

/// Whether a program that fits a pattern for whole paths can have a base name that fits another.
#[must_use]
pub fn has_name(path: &str, name: &str) -> bool {
    let (whole, in_folder) = (Pattern::new(path), Pattern::new(&format!(r"*\{name}")));
    // What is in no folder is no file, as System and Registry.
    let is_alone = || !name.contains('.') && whole.meets(&Pattern::new(name));
    starts_path(path) && whole.meets(&in_folder) || is_alone()
}

/// Whether a path can start so.
fn starts_path(text: &str) -> bool {
    text.starts_with(['\\', '*']) || text.get(1..).is_some_and(|rest| rest.starts_with([':', '*']))
}

/// Why no host has this name.
#[must_use]
pub fn host(text: &str) -> Option<String> {
    let slash = || text.contains(['\\', '/']).then(|| r"a host's name has neither \ nor /".to_owned());
    spaces(text).or_else(|| character(text)).or_else(|| several(text)).or_else(slash).or_else(|| dot(text))
}

/// Why no user has this name.
#[must_use]
pub fn user(text: &str) -> Option<String> {
    let domain = || {
        let (domain, name) = text.split_once('/').filter(|_| !text.contains('\\'))?;
        Some(format!(r"\ stands between a domain and a user, as in {domain}\{name}"))
    };
    let twice = || text.contains(r"\\").then(|| r"one \ stands between a domain and a user".to_owned());
    let half = || match text.split_once('\\')? {
        ("" | ".", "") => Some("it has no name".to_owned()),
        (_, "") => Some(format!("it is a domain alone, in which {text}* finds every user")),
        ("" | ".", name) => Some(format!(r"it has no domain: {name} alone finds that user in any")),
        _ => None,
    };
    let sid = || {
        let (sid, name) = SIDS.iter().find(|(sid, _)| text.eq_ignore_ascii_case(sid))?;
        Some(format!(
            "users are logged by name, and {sid} is {name}, or what it is called in the language of that Windows"
        ))
    };
    let forms = || domain().or_else(twice).or_else(half).or_else(sid);
    spaces(text).or_else(|| character(text)).or_else(|| several(text)).or_else(forms)
}

/// Why no end of a connection has this name, address or network. Ports of that end are what the option `port` takes.
#[must_use]
pub fn end(text: &str, port: &str) -> Option<String> {
    if cidr::parse(text).is_ok() {
        return None;
    }
    spaces(text)
        .or_else(|| character(text))
        .or_else(|| several(text))
        .or_else(|| dot(text))
        .or_else(|| no_end(text, port))
}

/// That no name starts with a dot, as some tools have what is below a domain.
fn dot(text: &str) -> Option<String> {
    let below = text.strip_prefix('.').filter(|rest| !rest.is_empty())?;
    Some(format!("no name starts with a dot: *.{below} finds every name below {below}"))
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
    if let Some(networks) = cidr::of_range(text) {
        return Some(networks);
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
    // No name that has dots ends in a number; one without can.
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = undotted(text).split('.');
    let is_like_address = parts.clone().count() > 1 && parts.clone().all(|part| part.split('-').all(is_number));
    let are_bytes = parts.clone().all(|part| part.parse::<u8>().is_ok());
    is_like_address.then(|| match parts.count() {
        count @ 2..4 if are_bytes => {
            format!(
                "it is part of an address: give {0}.*, or {0}{1}/{2}",
                undotted(text),
                ".0".repeat(4 - count),
                8 * count
            )
        }
        _ => "it is written like an address, and is not one".to_owned(),
    })
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

/// That commas part values, where semicolons seem to.
fn several(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
    let is_so = text.contains(';') && !parts.is_empty();
    is_so.then(|| format!("commas part values, as in {}; * stands for a ; in a name", parts.join(",")))
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
            r"C:\a;b\c.exe",
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
        for name in ["a.exe;b.exe", "a.exe;", " a.exe", "a.exe ", "\"a.exe\"", "a?.exe", "<a>", "a|b", "a\t"] {
            assert!(process(name).is_some(), "{name}");
        }
        for app in [
            "RegSvcs.exe",
            "C:/Users/a.exe",
            r"C:\\Users\\a.exe",
            r"*\\a.exe",
            r"C:\Temp\",
            r"C:\a?.exe",
            r" C:\a",
            r"C:\a.exe;D:\b.exe",
        ] {
            assert!(path(app).is_some(), "{app}");
        }
        for name in ["CORP/carol", r"CORP\\carol", " carol", "\"carol\"", "a?", r"CORP\", r"\carol", r".\carol", "a;b"]
        {
            assert!(user(name).is_some(), "{name}");
        }
        for name in [r"\\WS01", "WS01 ", "ws?1", "WS01;WS02"] {
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
            "8.8.8",
            "8.8.8.",
            "10.0-9.1",
            "8.8.8.8-8.8.8.9",
            "8.8.8.8-9",
            "8.8.8.8.8",
            "a.example;b.example",
            " a.example",
            "a?.example",
        ] {
            assert!(end(name, "port").is_some(), "{name}");
        }
    }

    #[test]
    fn what_was_meant_by_parts_and_ranges_of_addresses_is_told() {
        for (text, meant) in [
            ("8.8.8", "it is part of an address: give 8.8.8.*, or 8.8.8.0/24"),
            ("10.1", "it is part of an address: give 10.1.*, or 10.1.0.0/16"),
            ("8.8.8.8-8.8.8.9", "a range of addresses is given as its networks, here 8.8.8.8/31"),
            ("8.8.8.1-8.8.8.4", "a range of addresses is given as its networks, here 8.8.8.1/32,8.8.8.2/31,8.8.8.4/32"),
            ("2001:db8::-2001:db8::f", "a range of addresses is given as its networks, here 2001:db8::/124"),
            ("1.0.0.1-1.0.1.254", "here 1.0.0.1/32,1.0.0.2/31,1.0.0.4/30,1.0.0.8/29 and so on"),
        ] {
            assert!(end(text, "port").unwrap().ends_with(meant), "{text}: {:?}", end(text, "port"));
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
