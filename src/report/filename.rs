//! Names that Windows does not give to files: of devices, and those with a meaning of their own.
//!
//! Such a name is not an error there. What is written to `NUL.csv` is gone, and `log.evtx:x` is written into the log.

use std::path::Path;

/// What stands before the first dot in the names of devices. Source: Microsoft, "Naming Files, Paths, and Namespaces", reserved names.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
/// The same, with a digit behind it, which can be a superscript one.
const PORTS: [&str; 2] = ["COM", "LPT"];
const DIGITS: &str = "0123456789¹²³";

/// Why Windows gives this name to no file, if it does not.
pub fn refusal(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy();
    if name.contains(['<', '>', ':', '"', '|', '?', '*']) || name.contains(char::is_control) {
        return Some("a file name on Windows has none of < > : \" | ? *");
    }
    if name.ends_with(['.', ' ']) {
        return Some("Windows drops a dot or a space at the end of a name");
    }
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let is_port = PORTS.iter().any(|port| stem.strip_prefix(port).is_some_and(is_digit));
    (DEVICES.contains(&&*stem) || is_port).then_some("on Windows that is the name of a device")
}

fn is_digit(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|digit| DIGITS.contains(digit)) && characters.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_and_of_streams_are_told_from_those_of_files() {
        for name in ["nul.csv", "NUL", "aux .txt", "com1.csv", "LPT³", "log.evtx:x", "a?.csv", "a*", "a.csv.", "a.csv "]
        {
            assert!(refusal(Path::new(name)).is_some(), "{name}");
        }
        for name in ["report.csv", "null.csv", "com.csv", "com10.csv", "lpt-1.csv", "日本.csv", ".csv", "a b.csv"] {
            assert_eq!(refusal(Path::new(name)), None, "{name}");
        }
    }
}
