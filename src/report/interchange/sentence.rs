//! The sentence that says what an event is to a person: host, process, direction, the other end, user.

use std::{borrow::Cow, fmt::Write};

use crate::{
    connection::{
        glossary::{Field, INBOUND, OUTBOUND},
        security,
    },
    group::hit::Hit,
    text,
};

/// The sentence. Control characters in values are shown as escapes, so that it reads as it is.
///
/// The other end is that of a table: the peer, or of a connection that came in and whose peer is not known the end that most likely is.
pub(in crate::report) fn of(hit: &Hit) -> String {
    let or = |field, other: &'static str| match text::printable(hit.get(field)) {
        value if value.is_empty() => Cow::Borrowed(other),
        value => value,
    };
    let is_blocked = hit.get(Field::Action) == security::BLOCKED;
    let (did, toward, port) = match (hit.get(Field::Direction), is_blocked) {
        (OUTBOUND, false) => ("connected to", "", " port "),
        (OUTBOUND, true) => ("was kept from connecting to", "", " port "),
        (INBOUND, false) => ("was connected to from", "", " at its port "),
        (INBOUND, true) => ("was kept from a connection from", "", " at its port "),
        (_, false) => ("had a connection, direction not stated,", " with", " port "),
        (_, true) => ("was kept from a connection, direction not stated,", " with", " port "),
    };
    let mut sentence = format!("{}: {}", or(Field::Dvc, "unnamed host"), or(Field::ProcessName, "unnamed process"));
    // Writing to a string does not fail.
    let mut add = |text: std::fmt::Arguments<'_>| sentence.write_fmt(text).unwrap_or_default();
    let id = hit.get(Field::ProcessId);
    if !id.is_empty() {
        add(format_args!(" ({})", text::printable(id)));
    }
    add(format_args!(" {did}{toward} {}", or(Field::Peer, "an unnamed address")));
    let peer = Field::Peer.stands_for(|field| hit.get(field));
    let address = match peer {
        Field::Remote => hit.get(Field::RemoteIp),
        Field::Src => hit.get(Field::SrcIp),
        _ => hit.get(Field::DestIp),
    };
    if !address.is_empty() && address != hit.get(peer) {
        add(format_args!(" ({})", text::printable(address)));
    }
    for (before, field) in [(port, Field::Service), (" over ", Field::Transport), (" as ", Field::User)] {
        if !hit.get(field).is_empty() {
            add(format_args!("{before}{}", text::printable(hit.get(field))));
        }
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{connection::glossary::Connection, group::hit::Place};

    fn sentence(connection: &Connection<'_>) -> String {
        let fields = Field::ALL.map(|field| connection.get(field).to_owned());
        of(&Hit::new(fields.iter().map(String::as_str), None, Place::default(), Vec::new()))
    }

    #[test]
    fn a_sentence_says_who_did_what_with_whom() {
        let outbound = Connection {
            action: "allowed",
            dvc: "WS01.corp.example".into(),
            app: r"C:\Windows\RegSvcs.exe".into(),
            process_id: "4321".into(),
            direction: OUTBOUND,
            src: "WS01".into(),
            src_ip: "10.1.2.3".into(),
            src_port: "50123".into(),
            dest: "c2.example.net".into(),
            dest_ip: "198.41.0.4".into(),
            dest_port: "443".into(),
            transport: "tcp".into(),
            user: r"CORP\alice".into(),
            ..Connection::default()
        };
        let whole = r"WS01.corp.example: RegSvcs.exe (4321) connected to c2.example.net (198.41.0.4) port 443 over tcp as CORP\alice";
        assert_eq!(sentence(&outbound), whole);
        let blocked = Connection { action: security::BLOCKED, user: "".into(), ..outbound.clone() };
        let expected = "WS01.corp.example: RegSvcs.exe (4321) was kept from connecting to c2.example.net (198.41.0.4) port 443 over tcp";
        assert_eq!(sentence(&blocked), expected);
        let inbound = Connection {
            direction: INBOUND,
            src: "198.41.0.4".into(),
            src_ip: "198.41.0.4".into(),
            src_port: "1000".into(),
            dest: "WS01".into(),
            dest_ip: "10.1.2.3".into(),
            ..outbound
        };
        let expected = r"WS01.corp.example: RegSvcs.exe (4321) was connected to from 198.41.0.4 at its port 443 over tcp as CORP\alice";
        assert_eq!(sentence(&inbound), expected);
        let bare = Connection { dest: "a\u{202e}b\n".into(), ..Connection::default() };
        let expected = r"unnamed host: unnamed process had a connection, direction not stated, with a\u{202e}b\n";
        assert_eq!(sentence(&bare), expected);
    }
}
