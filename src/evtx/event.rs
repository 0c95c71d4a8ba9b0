//! An [`Event`]: a record, decoded. What a Sysmon event means is not known here.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::evtx::record::Record;

/// The members of `System` that an [`Event`] has fields for.
pub(crate) const PROVIDER_NAME: &str = "Provider_Name";
pub(crate) const EVENT_ID: &str = "EventID";
pub(crate) const COMPUTER: &str = "Computer";
pub(super) const SYSTEM_TIME: &str = "TimeCreated_SystemTime";
pub(super) const RECORD_ID: &str = "EventRecordID";

/// Names in the DNS are no longer, in bytes.
pub(crate) const LONGEST_NAME: usize = 255;

/// A decoded record. A part that the record does not have is empty.
#[derive(Debug, Default)]
pub struct Event<'a> {
    /// `System/Provider/@Name`.
    pub provider: Cow<'a, str>,
    /// `System/EventID`, as text.
    pub event_id: Cow<'a, str>,
    /// `System/Computer`.
    pub computer: Cow<'a, str>,
    /// `System/TimeCreated/@SystemTime`, as the parser renders it: RFC 3339 in UTC.
    pub system_time: Cow<'a, str>,
    /// `System/EventRecordID`, as text.
    pub record_id: Cow<'a, str>,
    /// The same, where it was read as a time and `system_time` is empty for it.
    pub time: Option<Timestamp>,
    /// Where the record is in its chunk.
    pub place: Record,
    /// Whether the record was carved out of space that is no longer part of the log.
    pub recovered: bool,
    /// The rest of `System` that has a value, in the record's order: elements by their names, attributes by those of both, as
    /// `Level` and `Execution_ProcessID`.
    pub system: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The named values of `EventData` as text, in the record's order.
    pub data: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Event<'_> {
    /// The members of `System` that it has fields for.
    pub(super) const OWN: [&'static str; 5] = [PROVIDER_NAME, EVENT_ID, COMPUTER, SYSTEM_TIME, RECORD_ID];

    /// The value of the `EventData` field with this name; the first, should there be more.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.data.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// The members of `System` that have a value: elements by their names, attributes by those of both, as `Computer` and
    /// `Provider_Name`.
    pub fn system(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = [
            (PROVIDER_NAME, &self.provider),
            (EVENT_ID, &self.event_id),
            (COMPUTER, &self.computer),
            (SYSTEM_TIME, &self.system_time),
            (RECORD_ID, &self.record_id),
        ];
        let own = own.into_iter().map(|(name, value)| (name, &**value)).filter(|(_, value)| !value.is_empty());
        own.chain(self.system.iter().map(|(name, value)| (&**name, &**value)))
    }
}

impl<'a> Event<'a> {
    pub(super) fn add_to_system(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) {
        let field = match &*name {
            _ if value.is_empty() => return,
            PROVIDER_NAME => &mut self.provider,
            EVENT_ID => &mut self.event_id,
            COMPUTER => &mut self.computer,
            SYSTEM_TIME => &mut self.system_time,
            RECORD_ID => &mut self.record_id,
            _ => return self.system.push((name, value)),
        };
        // The first, should there be more.
        if field.is_empty() {
            *field = value;
        }
    }
}

/// An attribute's name behind that of its element; those that nearly every record has cost no copy.
pub(super) fn joined(element: &str, attribute: &str) -> Cow<'static, str> {
    const USUAL: [(&str, &str, &str); 7] = [
        ("Provider", "Name", PROVIDER_NAME),
        ("Provider", "Guid", "Provider_Guid"),
        ("TimeCreated", "SystemTime", SYSTEM_TIME),
        ("Execution", "ProcessID", "Execution_ProcessID"),
        ("Execution", "ThreadID", "Execution_ThreadID"),
        ("Security", "UserID", "Security_UserID"),
        ("Correlation", "ActivityID", "Correlation_ActivityID"),
    ];
    let usual = USUAL.iter().find(|(of, name, _)| (*of, *name) == (element, attribute));
    usual.map_or_else(|| Cow::Owned(format!("{element}_{attribute}")), |(.., name)| Cow::Borrowed(*name))
}
