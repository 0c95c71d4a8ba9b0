//! What Windows' Security-Auditing says of the process behind a connection: that it was created, EventID 4688, and that it ended, 4689.
//!
//! There is no GUID: a process is known by the id that it has on its host, and by its time. Version 1 of 4688 adds the command line, if
//! Windows is told to log it, and version 2 the path of the parent and the integrity level.

use jiff::Timestamp;

use crate::{
    connection::{
        process::{Created, Fact, ProcessKey, Told},
        security::PROVIDER,
        sysmon::{decimal, stated, time},
    },
    evtx::event::Event,
};

/// The ids of these events: `A new process has been created`, and `A process has exited`.
pub const EVENT_IDS: [u16; 2] = [4688, 4689];

/// The fields of these events that are read, besides [`process::FIELDS`](crate::connection::process::FIELDS).
pub const FIELDS: [&str; 5] = ["NewProcessId", "NewProcessName", "ProcessId", "ParentProcessName", "MandatoryLabel"];

/// What [`ProcessKey::guid`] starts with where it is no GUID.
const ID: &str = "id ";

/// All processes that have had this id on a host, one after another.
#[must_use]
pub fn key(host: &str, process_id: &str) -> ProcessKey {
    ProcessKey { host: host.to_owned(), guid: format!("{ID}{process_id}") }
}

/// The one of them that was created at this time.
#[must_use]
pub fn key_of_one(all: &ProcessKey, created: Option<i128>) -> ProcessKey {
    let created = created.map_or_else(String::new, |time| time.to_string());
    ProcessKey { host: all.host.clone(), guid: format!("{} {created}", all.guid) }
}

/// Whether a key is of these, and not a GUID's.
#[must_use]
pub fn is_key(key: &ProcessKey) -> bool {
    key.guid.starts_with(ID)
}

/// What an event says of a process with an id that is wanted.
pub fn fact(event: &Event<'_>, wanted: impl Fn(&ProcessKey) -> bool) -> Option<Fact> {
    if event.provider != PROVIDER || !matches!(&*event.event_id, "4688" | "4689") {
        return None;
    }
    let field = |name| stated(event.field(name).unwrap_or_default());
    let is_created = event.event_id == "4688";
    let id = decimal(field(if is_created { "NewProcessId" } else { "ProcessId" }));
    // One that is not stated is of no process.
    let of = Some(key(&event.computer, &id)).filter(|of| !id.is_empty() && wanted(of))?;
    let logged = event.time.or_else(|| time(&event.system_time)).map(Timestamp::as_nanosecond)?;
    let created = || Created {
        time: Some(logged),
        image: field("NewProcessName").to_owned(),
        command_line: field("CommandLine").to_owned(),
        integrity_level: integrity_level(field("MandatoryLabel")).to_owned(),
        parent_image: field("ParentProcessName").to_owned(),
        parent_id: decimal(field("ProcessId")).into_owned(),
        ..Created::default()
    };
    Some(Fact { of, told: if is_created { Told::Created(Box::new(created())) } else { Told::Ended(Some(logged)) } })
}

/// The name of an integrity level as Sysmon has it, by its SID; another SID is shown as it is.
/// Source: MS-DTYP 2.4.2.4, `ML_UNTRUSTED` to `ML_SYSTEM`.
fn integrity_level(sid: &str) -> &str {
    match sid {
        "S-1-16-0" => "Untrusted",
        "S-1-16-4096" => "Low",
        "S-1-16-8192" => "Medium",
        "S-1-16-12288" => "High",
        "S-1-16-16384" => "System",
        other => other,
    }
}
