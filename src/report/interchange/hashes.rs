//! The [`Hashes`] of a process's file as Sysmon logs them, `SHA256=...,MD5=...`, by their kinds.

/// Hashes by their kinds, in lower case. What is not among them is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hashes {
    pub(super) md5: String,
    pub(super) sha1: String,
    pub(super) sha256: String,
    /// The hash of what the file imports.
    pub(super) imphash: String,
    /// Whether there is something else in the text, or one is not of its kind.
    pub(super) is_more: bool,
}

impl Hashes {
    /// Of what was logged.
    pub(super) fn of(logged: &str) -> Self {
        let mut hashes = Self::default();
        for part in logged.split(',').filter(|part| !part.is_empty()) {
            let (kind, hash) = part.split_once('=').unwrap_or_default();
            // A kind with how many hexadecimal digits it has.
            let place = match kind.to_ascii_uppercase().as_str() {
                "MD5" => Some((&mut hashes.md5, 32)),
                "SHA1" => Some((&mut hashes.sha1, 40)),
                "SHA256" => Some((&mut hashes.sha256, 64)),
                "IMPHASH" => Some((&mut hashes.imphash, 32)),
                _ => None,
            };
            let is_hash = |digits| hash.len() == digits && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            match place.filter(|(place, digits)| place.is_empty() && is_hash(*digits)) {
                Some((place, _)) => *place = hash.to_ascii_lowercase(),
                None => hashes.is_more = true,
            }
        }
        hashes
    }

    /// Those that files are known by.
    pub(super) fn of_file(&self) -> [&str; 3] {
        [&self.md5, &self.sha1, &self.sha256]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_told_apart_by_their_kinds() {
        let [md5, sha1] =
            ["0123456789ABCDEF", "0123456789"].map(|digits| digits.repeat(if digits.len() == 16 { 2 } else { 4 }));
        let hashes = Hashes::of(&format!("SHA1={sha1},MD5={md5},IMPHASH={}", "0".repeat(32)));
        assert_eq!(hashes.md5, md5.to_ascii_lowercase());
        assert_eq!((&hashes.sha1, &*hashes.sha256, hashes.is_more), (&sha1, "", false));
        for more in ["SHA1=xyz", "MD5", &format!("MD5={md5},MD5={md5}"), "SHA512=00", "\u{e4}=1"] {
            assert!(Hashes::of(more).is_more, "{more}");
        }
        assert_eq!(Hashes::of(""), Hashes::default());
    }
}
