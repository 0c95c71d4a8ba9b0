//! A file of rules as text, of a size and a depth that are parsed in reasonable time. What the text says is [`super::load`]'s
//! concern.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// The most bytes that a file of rules has. All of Sigma's collection are fewer.
const MOST_BYTES: u64 = 16 << 20;
/// The most brackets that are open at a time in a file of rules. The parser takes 128, but first a time that grows with the
/// square of them.
const MOST_OPEN: usize = 1000;

/// The text of a file of rules.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    // A byte order mark, which editors of Windows write and YAML allows.
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    if text.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("it is larger than 16 MiB"));
    }
    if most_open(&text) > MOST_OPEN {
        return Err(io::Error::other("brackets are nested more than 1000 deep"));
    }
    Ok(text)
}

/// The most brackets that are open at a time in a document of a YAML file, those in texts among them.
fn most_open(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for line in text.lines() {
        if line.starts_with("---") {
            open = 0;
        }
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => open += 1,
                b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
            most = most.max(open);
        }
    }
    most
}
