//! [`LoggedBy`]: which of Windows' event providers log the connections that are read: Sysmon, Security-Auditing, or both.
//!
//! What their events mean is in [`crate::connection::sysmon`] and [`crate::connection::security`].

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{
    connection::{glossary::Connection, security, sysmon},
    evtx::event::Event,
};

/// Who logs the connections that are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LoggedBy {
    /// Sysmon: EventID 3
    #[default]
    Sysmon,
    /// Windows' Security log: EventID 5156 and 5157
    Security,
    /// Both; a connection that is in both counts once
    All,
}

/// That the events are missing, and what Windows needs to log them.
const NO_SECURITY_EVENTS: &str = "no EventID 5156 or 5157 is in these logs: Windows logs them only where the audit policy \"Filtering \
                                  Platform Connection\" is on";

/// The providers of [`LoggedBy::All`], and the ids of their events. Those of each alone are parts of these.
const PROVIDERS: [&str; 2] = [sysmon::PROVIDER, security::PROVIDER];
const EVENT_IDS: [u16; 3] = [sysmon::EVENT_ID, security::EVENT_IDS[0], security::EVENT_IDS[1]];

impl LoggedBy {
    /// Its name, as it is given.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sysmon => "sysmon",
            Self::Security => "security",
            Self::All => "all",
        }
    }

    /// The log that the events are in, for people, and that there is none.
    #[must_use]
    pub fn log(self) -> [&'static str; 2] {
        match self {
            Self::Sysmon => ["Sysmon", "no Sysmon"],
            Self::Security => ["a Security log", "no Security log"],
            Self::All => ["Sysmon or a Security log", "neither Sysmon nor a Security log"],
        }
    }

    /// What there is to say where there is no connection at all, of any process.
    #[must_use]
    pub fn none(self) -> Option<&'static str> {
        (self == Self::Security).then_some(NO_SECURITY_EVENTS)
    }

    /// Whether Sysmon's events are read.
    #[must_use]
    pub fn has_sysmon(self) -> bool {
        self != Self::Security
    }

    /// Whether Security-Auditing's are.
    #[must_use]
    pub fn has_security(self) -> bool {
        self != Self::Sysmon
    }

    /// The names of the providers.
    #[must_use]
    pub fn providers(self) -> &'static [&'static str] {
        let [sysmon, security] = PROVIDERS.each_ref().map(std::slice::from_ref);
        match self {
            Self::Sysmon => sysmon,
            Self::Security => security,
            Self::All => &PROVIDERS,
        }
    }

    /// The ids of their events that are connections.
    #[must_use]
    pub fn event_ids(self) -> &'static [u16] {
        match self {
            Self::Sysmon => &[sysmon::EVENT_ID],
            Self::Security => &security::EVENT_IDS,
            Self::All => &EVENT_IDS,
        }
    }

    /// The connection that an event reports, if it is one that is read.
    #[must_use]
    pub fn connection<'a>(self, event: &'a Event<'_>) -> Option<Connection<'a>> {
        let of_sysmon = || sysmon::connection(event).filter(|_| self.has_sysmon());
        of_sysmon().or_else(|| security::connection(event).filter(|_| self.has_security()))
    }
}
