//! The [`Stream`] of a partial result: what events said of all processes of all hosts in its logs, so that connections of these hosts in
//! another partial result can be joined to them.
//!
//! It is behind the rows and in front of the footer, where other readers of Parquet do not look. It is gzip of one fact as JSON per line,
//! each once and in order. What a child's creation says of its parent is not written: the reader makes it of that creation
//! ([`process::parent`](crate::connection::process::parent)). It is read line by line, whatever it unpacks to, and it has to be what the
//! facts of the partial result say of it.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    ops::Range,
};

use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};

use crate::connection::process::Fact;

/// The most that a line is read for, in bytes. A fact has nine texts of at most 98,301 bytes, and JSON takes six bytes for one at most.
const MOST_LINE: u64 = 16 << 20;

/// Where it is, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Where it starts in the file, in bytes.
    offset: u64,
    /// How many bytes it has.
    length: u64,
    /// How many facts it has.
    count: u64,
    /// The hosts whose processes these are of, as [`host::folded`](crate::connection::host::folded) has them.
    hosts: BTreeSet<String>,
}

impl Stream {
    /// The hosts whose processes it tells of.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(String::as_str)
    }

    /// Says where it is, once it is written.
    pub(super) fn at(self, place: &Range<u64>) -> Self {
        Self { offset: place.start, length: place.end.saturating_sub(place.start), ..self }
    }

    /// Hands on the facts of it in a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or has another stream in that place than it says, or a damaged one. What came before was handed on.
    pub(super) fn read(&self, mut file: &File, mut each: impl FnMut(Fact)) -> io::Result<()> {
        let size = file.seek(SeekFrom::End(0))?;
        if self.offset.checked_add(self.length).is_none_or(|end| end > size) {
            return Err(io::Error::other("they are not in the file, which may be cut off"));
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut packed = BufReader::new(file.take(self.length));
        let mut unpacked = BufReader::new(GzDecoder::new(&mut packed));
        let (mut line, mut count, mut last) = (Vec::new(), 0, None);
        while let Some(fact) = next(&mut unpacked, &mut line)? {
            count += 1;
            if count > self.count {
                return Err(io::Error::other("there are more than it states"));
            }
            if !self.hosts.contains(&fact.of.host) {
                return Err(io::Error::other("one is of a host that it does not state"));
            }
            // So that nothing can be in it a great many times, for a few bytes.
            if last.as_ref().is_some_and(|last| *last >= fact) {
                return Err(io::Error::other("they are not in order"));
            }
            last = Some(fact.clone());
            each(fact);
        }
        if count < self.count || !packed.fill_buf()?.is_empty() {
            return Err(io::Error::other("there are fewer than it states"));
        }
        Ok(())
    }
}

/// Writes facts, which come in order. Where they are in the file is not known by then.
///
/// # Errors
///
/// They cannot be read, or what `out` returns.
pub(super) fn write(facts: impl Iterator<Item = io::Result<Fact>>, out: &mut dyn Write) -> io::Result<Stream> {
    let mut packed = GzEncoder::new(out, Compression::fast());
    let mut stream = Stream { offset: 0, length: 0, count: 0, hosts: BTreeSet::new() };
    let mut last: Option<Fact> = None;
    for fact in facts {
        let fact = fact?;
        // What was spilled can be there several times.
        if last.as_ref() == Some(&fact) {
            continue;
        }
        serde_json::to_writer(&mut packed, &fact)?;
        packed.write_all(b"\n")?;
        stream.count += 1;
        if stream.hosts.last() != Some(&fact.of.host) {
            stream.hosts.insert(fact.of.host.clone());
        }
        last = Some(fact);
    }
    packed.finish()?;
    Ok(stream)
}

/// The fact on the next line, if there is one. The line is read into the buffer.
fn next(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<Fact>> {
    line.clear();
    let size = lines.take(MOST_LINE).read_until(b'\n', line)?;
    if size == 0 {
        return Ok(None);
    }
    if !line.ends_with(b"\n") {
        return Err(io::Error::other("a line is cut off, or too long"));
    }
    Ok(Some(serde_json::from_slice(line)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::process::{Created, ProcessKey, Told};

    fn facts() -> Vec<Fact> {
        let told = |number: i128| {
            let created = Created { time: Some(number), command_line: "x".repeat(99), ..Created::default() };
            [Told::Created(Box::new(created)), Told::Ended(Some(number + 1))]
        };
        let of = |host: &str| ProcessKey::new(host, "{6820D070-1F1B-6323-5C02-000000001400}".to_owned());
        let facts =
            ["A", "B"].into_iter().flat_map(|host| (0..50).flat_map(told).map(move |told| Fact { of: of(host), told }));
        let mut facts: Vec<Fact> = facts.collect();
        facts.sort_unstable();
        facts
    }

    /// A file with these facts behind some bytes, and what it says of them.
    fn written(facts: &[Fact]) -> (Vec<u8>, Stream) {
        let mut bytes = b"rows".to_vec();
        let stream = write(facts.iter().cloned().map(Ok), &mut bytes).unwrap();
        let place = 4..bytes.len() as u64;
        bytes.extend(b"footer");
        (bytes, stream.at(&place))
    }

    fn read(bytes: &[u8], stream: &Stream) -> Result<Vec<Fact>, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut facts = Vec::new();
        stream.read(&file, |fact| facts.push(fact)).map_err(|error| error.to_string())?;
        Ok(facts)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (bytes, stream) = written(&facts());
        assert_eq!(read(&bytes, &stream).unwrap(), facts());
        assert_eq!(stream.hosts().collect::<Vec<_>>(), ["a", "b"]);
        assert!(stream.length < 2_000, "{stream:?}");
        let twice: Vec<Fact> = facts().into_iter().flat_map(|fact| [fact.clone(), fact]).collect();
        assert_eq!(written(&twice), (bytes, stream));
        let (bytes, stream) = written(&[]);
        assert_eq!(read(&bytes, &stream), Ok(Vec::new()));
    }

    #[test]
    fn a_stream_that_is_not_what_is_said_of_it_is_wrong() {
        let (bytes, stream) = written(&facts());
        let Stream { offset, length, count, hosts } = stream.clone();
        for (wrong, cause) in [
            (Stream { offset: u64::MAX, ..stream.clone() }, "not in the file"),
            (Stream { offset: bytes.len() as u64, ..stream.clone() }, "not in the file"),
            (Stream { offset: offset - 1, ..stream.clone() }, "invalid gzip header"),
            (Stream { length: length - 1, ..stream.clone() }, ""),
            (Stream { length: length + 1, ..stream.clone() }, "fewer"),
            (Stream { length: 0, ..stream.clone() }, ""),
            (Stream { count: count - 1, ..stream.clone() }, "more than it states"),
            (Stream { count: count + 1, ..stream.clone() }, "fewer"),
            (Stream { hosts: hosts.iter().take(1).cloned().collect(), ..stream.clone() }, "of a host"),
        ] {
            let error = read(&bytes, &wrong).unwrap_err();
            assert!(error.contains(cause), "{error}, not {cause}");
        }
        for at in 4..bytes.len() - 6 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            // The time in the gzip header, and the last bits in front of its checksum, say nothing of what is in it.
            let has_said = !(8..14).contains(&at) && at != bytes.len() - 6 - 8 - 1;
            assert_eq!(read(&damaged, &stream).is_err(), has_said, "byte {at}");
        }
        let mut again = facts();
        again.push(again[0].clone());
        let (bytes, stream) = written(&again);
        assert_eq!(read(&bytes, &stream), Err("they are not in order".to_owned()));
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut packed = GzEncoder::new(b"rows".to_vec(), Compression::best());
        (0..200).for_each(|_| packed.write_all(&vec![b' '; 1 << 20]).unwrap());
        let bytes = packed.finish().unwrap();
        let place = 4..bytes.len() as u64;
        let stream = Stream { offset: 0, length: 0, count: 1, hosts: BTreeSet::new() }.at(&place);
        assert_eq!(read(&bytes, &stream), Err("a line is cut off, or too long".to_owned()));
    }
}
