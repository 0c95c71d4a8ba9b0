//! What Windows' Security-Auditing says of the process behind a connection: that it was created, EventID 4688, and that it ended, 4689.
//!
//! There is no GUID: a process is known by the id that it has on its host, and by its time. Version 1 of 4688 adds the command line, if
//! Windows is set to log it, and version 2 the path of the parent and the integrity level.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::{
    connection::{
        process::{Created, Fact, ProcessKey, Told},
        security::PROVIDER,
        started::{Asked, Start},
        sysmon::{decimal, stated, time},
    },
    evtx::event::Event,
};

/// The ids of these events: `A new process has been created`, and `A process has exited`.
pub const EVENT_IDS: [u16; 2] = [4688, 4689];

/// The fields of these events that are read, besides [`process::FIELDS`](crate::connection::process::FIELDS).
pub const FIELDS: [&str; 5] = ["NewProcessId", "NewProcessName", "ProcessId", "ParentProcessName", "MandatoryLabel"];

/// What EventID 4688 tells of how a process was started, by the names that Sysmon has for it.
pub const TOLD: [&str; 4] = ["CommandLine", "IntegrityLevel", "ParentImage", "ParentProcessId"];

/// What [`ProcessKey::guid`] starts with where it is no GUID.
const ID: &str = "id ";

/// All processes that have had this id on a host, one after another.
#[must_use]
pub fn key(host: &str, process_id: &str) -> ProcessKey {
    ProcessKey::new(host, format!("{ID}{process_id}"))
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
    let created = || Told::Created(Box::new(created(event, logged)));
    Some(Fact { of, told: if is_created { created() } else { Told::Ended(Some(logged)) } })
}

/// How a process was created, by an EventID 4688 that was logged at this time.
#[must_use]
pub fn created(event: &Event<'_>, logged: i128) -> Created {
    let field = |name| stated(event.field(name).unwrap_or_default());
    Created {
        time: Some(logged),
        image: field("NewProcessName").to_owned(),
        command_line: field("CommandLine").to_owned(),
        integrity_level: integrity_level(field("MandatoryLabel")).to_owned(),
        parent_image: field("ParentProcessName").to_owned(),
        parent_id: decimal(field("ProcessId")).into_owned(),
        ..Created::default()
    }
}

/// How a process was started, as far as it is asked for and the event tells it, under the names that Sysmon has for it.
#[must_use]
pub fn start(event: &Event<'_>, asked: Asked) -> Start {
    let field = |name| event.field(name).map(stated).filter(|value| !value.is_empty());
    let value = |name: &str| match name {
        "CommandLine" => field("CommandLine").map(Cow::Borrowed),
        "IntegrityLevel" => field("MandatoryLabel").map(|sid| integrity_level(sid).into()),
        "ParentImage" => field("ParentProcessName").map(Cow::Borrowed),
        "ParentProcessId" => field("ProcessId").map(decimal),
        _ => None,
    };
    Start::told(asked, value)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::started::FIELDS as FIELDS_OF_START;

    #[test]
    fn what_is_told_of_a_start_is_all_that_is_said_to_be_told() {
        let data = [
            ("CommandLine", "a.exe /x"),
            ("MandatoryLabel", "S-1-16-12288"),
            ("ParentProcessName", r"C:\b.exe"),
            ("ProcessId", "0x10"),
            ("Hashes", "of another event"),
        ];
        let mut event = Event {
            provider: PROVIDER.into(),
            event_id: "4688".into(),
            data: data.map(|(name, value)| (name.into(), value.into())).into(),
            ..Event::default()
        };
        let mut asked = Asked::default();
        assert!(FIELDS_OF_START.iter().all(|name| asked.add(name)));
        let told = start(&event, asked);
        let mut pairs: Vec<(&str, &str)> = told.kept().collect();
        pairs.sort_unstable();
        assert_eq!(pairs.iter().map(|(name, _)| *name).collect::<Vec<_>>(), TOLD);
        assert_eq!(pairs.iter().map(|(_, value)| *value).collect::<Vec<_>>(), ["a.exe /x", "High", r"C:\b.exe", "16"]);
        event.data.remove(0);
        let told = start(&event, asked);
        assert_eq!((told.value("CommandLine"), told.value("ParentImage")), (None, Some(r"C:\b.exe")));
        event.data.clear();
        assert_eq!(start(&event, asked).kept().count(), 0);
    }
}
