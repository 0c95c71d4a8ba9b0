//! A [`Filter`]: what the command line leaves in before any rule judges, by a [`Window`] of time and by patterns over fields.
//!
//! It is the filter macro at the end of Splunk's rule, which a user fills in. Networks and processes are the rules' concern.

use std::{fmt, slice};

use crate::{
    connection::{
        glossary::{Connection, Field, INBOUND, OUTBOUND},
        pattern::{Pattern, folded, undotted},
        possible, security,
    },
    evtx::window::Window,
    text::{self, grouped},
};

/// Which connections are left in: those in the window, of which every property that has patterns fits one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// When they were logged.
    pub window: Window,
    /// For each property that has any, its patterns: one of them must fit.
    patterns: Vec<(Property, Vec<Pattern>)>,
}

impl Filter {
    /// Of a window, and of patterns for each property; a property without patterns may be anything.
    #[must_use]
    pub fn new(window: Window, patterns: impl IntoIterator<Item = (Property, Vec<Pattern>)>) -> Self {
        Self { window, patterns: patterns.into_iter().filter(|(_, patterns)| !patterns.is_empty()).collect() }
    }

    /// Whether every connection is left in.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.window.is_open() && self.patterns.is_empty()
    }

    /// Whether a connection is left in.
    #[must_use]
    pub fn keeps(&self, connection: &Connection<'_>) -> bool {
        let has_one = |(property, patterns): &(Property, Vec<Pattern>)| property.has_one(connection, patterns);
        self.window.keeps(connection.time) && self.patterns.iter().all(has_one)
    }

    /// Whether a connection is left in, whatever a property is.
    #[must_use]
    pub fn keeps_but_for(&self, property: Property, connection: &Connection<'_>) -> bool {
        let mut others = self.patterns.iter().filter(|(other, _)| *other != property);
        self.window.keeps(connection.time) && others.all(|(other, patterns)| other.has_one(connection, patterns))
    }

    /// Whether a host of this name is asked for by name.
    #[must_use]
    pub fn names_host(&self, name: &str) -> bool {
        self.given(Property::Host).any(|pattern| is_host(pattern, name))
    }

    /// The patterns for hosts that none of these names fits, as they were given.
    pub fn strange_hosts<'n>(&self, names: &(impl Iterator<Item = &'n str> + Clone)) -> Vec<&str> {
        let is_strange = |pattern: &&Pattern| !names.clone().any(|name| is_host(pattern, name));
        self.given(Property::Host).filter(is_strange).map(Pattern::as_str).collect()
    }

    /// The fields that it looks at.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        self.patterns.iter().flat_map(|(property, _)| property.fields()).copied()
    }

    /// The patterns for a property, as they were given.
    pub fn patterns(&self, property: Property) -> impl Iterator<Item = &str> {
        self.given(property).map(Pattern::as_str)
    }

    fn given(&self, property: Property) -> impl Iterator<Item = &Pattern> {
        let of_property = self.patterns.iter().filter(move |(given, _)| *given == property);
        of_property.flat_map(|(_, patterns)| patterns)
    }
}

/// Whether a pattern for hosts fits this name.
fn is_host(pattern: &Pattern, name: &str) -> bool {
    let connection = Connection { dvc: name.into(), ..Connection::default() };
    Property::Host.has_one(&connection, slice::from_ref(pattern))
}

/// How many patterns of a property are shown.
const NAMED: usize = 20;

/// As the summary shows it: `since 2024-03-05T00:00:00Z; host WS01 or WS02; port 443`.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Window { since, until } = self.window;
        let times = [("since", since), ("until", until)];
        let times = times.into_iter().filter_map(|(name, time)| Some(format!("{name} {}", time?)));
        let patterns = self.patterns.iter().map(|(property, patterns)| {
            let named: Vec<&str> = patterns.iter().take(NAMED).map(Pattern::as_str).collect();
            let named = named.join(" or ");
            match patterns.len() - patterns.len().min(NAMED) {
                0 => format!("{} {named}", property.name()),
                more => format!("{} {named} or {} more", property.name(), grouped(more as u64)),
            }
        });
        f.write_str(&times.chain(patterns).collect::<Vec<_>>().join("; "))
    }
}

/// What there can be patterns for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// [`Field::Dvc`], with its domain or without.
    Host,
    /// [`Field::User`], with its domain or without.
    User,
    /// [`Field::DestPort`].
    Port,
    /// [`Field::Transport`], by its name or its number.
    Transport,
    /// [`Field::Direction`].
    Direction,
    /// [`Field::App`], the whole path.
    App,
    /// [`Field::Dest`], or [`Field::DestIp`], which can be in a network.
    Dest,
    /// [`Field::Remote`], or [`Field::RemoteIp`], which can be in a network.
    Remote,
    /// [`Field::RemotePort`].
    RemotePort,
}

impl Property {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Host,
        Self::User,
        Self::Port,
        Self::Transport,
        Self::Direction,
        Self::App,
        Self::Dest,
        Self::Remote,
        Self::RemotePort,
    ];

    /// As its option and the manifest name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::User => "user",
            Self::Port => "port",
            Self::Transport => "transport",
            Self::Direction => "direction",
            Self::App => "app",
            Self::Dest => "dest",
            Self::Remote => "remote",
            Self::RemotePort => "remote-port",
        }
    }

    /// Reads a pattern for it.
    ///
    /// # Errors
    ///
    /// No value can be as it says. The text shows it, the accepted form and an example.
    pub fn pattern(self, text: &str) -> Result<Pattern, String> {
        if let Some(reason) = self.impossible(text) {
            return Err(format!("{} is not {}: {reason}; give {}", text::quoted(text), self.noun(), self.form()));
        }
        let special = match self {
            Self::Port | Self::RemotePort => Pattern::range(text),
            Self::Dest | Self::Remote => Pattern::network(text)?,
            _ => None,
        };
        let new = if self.is_of_names() { Pattern::of_name } else { Pattern::new };
        let pattern = special.unwrap_or_else(|| new(text));
        let any = |values: &[&str]| values.iter().any(|value| pattern.matches(&folded(value)));
        let is_possible = match self {
            Self::Port | Self::RemotePort => (0..=u16::MAX).any(|port| pattern.matches(&port.to_string())),
            // Sysmon names the first two; Windows' Security log has others too, by their numbers if they have no names.
            Self::Transport => {
                any(&["tcp", "udp", "icmp", "ipv6-icmp"])
                    || (0..=u8::MAX).any(|number| pattern.matches(&number.to_string()))
            }
            Self::Direction => any(&[INBOUND, OUTBOUND]),
            _ if self.is_of_names() => !undotted(text).trim().is_empty(),
            _ => !text.trim().is_empty(),
        };
        let wrong = || format!("{} is not {}: give {}", text::quoted(text), self.noun(), self.form());
        if is_possible { Ok(pattern) } else { Err(wrong()) }
    }

    /// Why no connection has a value that a text stands for, if that is known of the text alone.
    fn impossible(self, text: &str) -> Option<String> {
        match self {
            Self::Host => possible::host(text),
            Self::User => possible::user(text),
            Self::App => possible::path(text),
            Self::Dest => possible::end(text, Self::Port.name()),
            Self::Remote => possible::end(text, Self::RemotePort.name()),
            Self::Port | Self::RemotePort | Self::Transport | Self::Direction => None,
        }
    }

    /// What a value of it is.
    fn noun(self) -> &'static str {
        match self {
            Self::Host => "a host",
            Self::User => "a user",
            Self::Port | Self::RemotePort => "a port",
            Self::Transport => "a transport",
            Self::Direction => "a direction",
            Self::App => "a program's path",
            Self::Dest => "a destination",
            Self::Remote => "a peer",
        }
    }

    /// What can be given for it.
    fn form(self) -> &'static str {
        match self {
            Self::Host => "a host, for example WS01, WS01.corp.example or WS*",
            Self::User => r"a user, for example alice, CORP\alice or svc-*",
            Self::Port | Self::RemotePort => "a port from 0 to 65535, for example 443, 8000-8999 or 80*",
            Self::Transport => "tcp or udp; in a Security log also icmp, ipv6-icmp or another protocol's number",
            Self::Direction => "inbound or outbound",
            Self::App => r"a program's path, for example C:\Users\* or *\Temp\*",
            Self::Dest | Self::Remote => "a name, an address or a network, for example *.example.org or 192.0.2.0/24",
        }
    }

    fn has_one(self, connection: &Connection<'_>, patterns: &[Pattern]) -> bool {
        self.fields().iter().any(|&field| {
            let value = connection.get(field);
            let whole = folded(if self.is_of_names() { undotted(value) } else { value });
            // Without its domain: behind a user's, in front of a host's.
            let bare = match self {
                Self::Host => whole.split_once('.').map(|(name, _)| name),
                Self::User => whole.rsplit_once('\\').map(|(_, name)| name),
                // By its number, as logs and other tools have it.
                Self::Transport => security::protocol_number(&whole),
                _ => None,
            };
            patterns.iter().any(|pattern| pattern.matches(&whole) || bare.is_some_and(|bare| pattern.matches(bare)))
        })
    }

    /// Whether its values are names of hosts, which are the same with a dot at their end.
    fn is_of_names(self) -> bool {
        matches!(self, Self::Host | Self::Dest | Self::Remote)
    }

    /// The fields of which one has to fit.
    fn fields(self) -> &'static [Field] {
        match self {
            Self::Host => &[Field::Dvc],
            Self::User => &[Field::User],
            Self::Port => &[Field::DestPort],
            Self::Transport => &[Field::Transport],
            Self::Direction => &[Field::Direction],
            Self::App => &[Field::App],
            Self::Dest => &[Field::Dest, Field::DestIp],
            Self::Remote => &[Field::Remote, Field::RemoteIp],
            Self::RemotePort => &[Field::RemotePort],
        }
    }
}
