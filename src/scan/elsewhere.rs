//! [`Elsewhere`]: what else is in the logs where nothing was found: the connections of all processes, and which names are like
//! those that were looked for.
//!
//! It is another look at the same bytes, beside that of the scan, for a person who would otherwise have to guess whether a name was
//! misspelt or the logs hold no connections at all. No report depends on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
    sync::Arc,
};

use crate::{
    connection::{
        cidr::CidrSet,
        clock::Clock,
        filter::{Filter, Property},
        glossary::Field,
        logged::LoggedBy,
        pattern,
    },
    count,
    error::Error,
    evtx::window::Window,
    group::{copies::Copies, twins::Twins},
    rule::{
        builtin,
        info::RuleInfo,
        judge::{End, Rule},
        set::RuleSet,
    },
    scan::{
        findings::Findings,
        others::Aside,
        plan::{Decoding, Plan, Purpose},
        prefilter::Prefilter,
        terms::Terms,
    },
    text,
};

/// The connections in the logs that the filters leave in, by process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// By the process's name in lower case: its name as it stands in the logs, its connections, and those to public addresses.
    processes: BTreeMap<String, (String, Count)>,
    /// Whose connections to public addresses there are.
    vendors: BTreeSet<String>,
    /// Which end of them is public.
    pub judged: End,
    /// Whether there is no connection, and none that the filters leave out.
    is_none: bool,
    /// Connections that Windows' Security-Auditing has logged and that are not read, besides those that the scan has counted.
    pub security_unread: u64,
    /// The command that shows those to public addresses.
    pub command: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    all: u64,
    public: u64,
}

/// A name that no process in the logs has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The name as it was given.
    pub name: String,
    /// The names in the logs that are like it, the nearest first, and how many connections each has.
    pub nearest: Vec<(String, u64)>,
}

/// The look at what else is in the logs, if it can show something new: when only some connections are looked for. When `quiet`, only for
/// names that were given, or that hardly any process has.
///
/// It is over with the first hit, unless such a name is among those that are looked for.
///
/// # Errors
///
/// None but what the regex engine does not take.
pub fn aside(plan: &Plan, quiet: bool) -> Result<Option<Aside>, Error> {
    let rules = &plan.terms.rules;
    let is_odd = rules.processes().iter().any(|name| is_odd(name));
    // Of names that were given, it is said in every mode that another was probably meant.
    let are_given = rules.infos.iter().any(RuleInfo::is_of_processes);
    if rules.is_of_any_process() || quiet && !is_odd && !are_given {
        return Ok(None);
    }
    Ok(Some(Aside { plan: of_processes(plan)?, ends_with_a_hit: !is_odd }))
}

/// The same look after a scan that had none beside it and found no connection of the processes that it looked for, if it can show what is
/// said in every mode: that a source has no connections.
///
/// # Errors
///
/// As of [`aside`].
pub fn afterwards(plan: &Plan, findings: &Findings) -> Result<Option<Plan>, Error> {
    let Terms { rules, logged_by, .. } = &plan.terms;
    let is_any_found = findings.sources.values().any(|source| source.tally.of_chosen_processes() > 0);
    if is_any_found || logged_by.none().is_none() || rules.is_of_any_process() {
        return Ok(None);
    }
    of_processes(plan).map(Some)
}

/// The plan of a look for the connections of all processes that the filters leave in.
fn of_processes(plan: &Plan) -> Result<Plan, Error> {
    of_everything(plan, plan.terms.filter.clone(), fields(plan.terms.rules.everywhere.judged).to_vec())
}

/// The fields that tell processes and the addresses that are judged.
fn fields(judged: End) -> &'static [Field] {
    const OF_REMOTE: [Field; 6] =
        [Field::ProcessName, Field::VendorProduct, Field::DestIp, Field::SrcIp, Field::RemoteIp, Field::LocalIp];
    match judged {
        End::Dest => &[Field::ProcessName, Field::VendorProduct, Field::DestIp],
        End::Remote => &OF_REMOTE,
    }
}

/// Whether the address that is judged of a connection with these values is one outside these networks: either, where the peer is not known.
fn is_public<'a>(judged: End, special: &CidrSet, value: impl Fn(Field) -> &'a str) -> bool {
    let is_outside = |field| value(field).parse().is_ok_and(|address| special.find(address).is_none());
    let is_peer_known = || [Field::RemoteIp, Field::LocalIp].iter().any(|&field| !value(field).is_empty());
    match judged {
        End::Dest => is_outside(Field::DestIp),
        End::Remote if is_peer_known() => is_outside(Field::RemoteIp),
        End::Remote => is_outside(Field::DestIp) || is_outside(Field::SrcIp),
    }
}

/// The plan of a look for all connections that a filter leaves in, grouped by these fields.
pub(super) fn of_everything(plan: &Plan, filter: Filter, group_by: Vec<Field>) -> Result<Plan, Error> {
    // A record's own time tells nothing of the other one.
    let window = if plan.terms.clock == Clock::Logged { filter.window } else { Window::default() };
    let everything = RuleSet {
        infos: vec![RuleInfo::of_everything()],
        builtin: Some(Rule::default()),
        by_process: vec![(String::new(), 0)],
        ..RuleSet::default()
    };
    let prefilter = Prefilter::new(None, plan.terms.logged_by)?;
    Ok(Plan {
        terms: Terms {
            rules: Arc::new(everything),
            filter,
            group_by,
            copies: Copies::Count,
            twins: Twins::Count,
            ..plan.terms.clone()
        },
        decoding: Decoding::Candidates,
        // What is wrong with evidence the scan names.
        before: vec![plan.prefilter.clone()],
        ..plan.of_another_look(prefilter.within(window), Purpose::Connections)
    })
}

/// Processes of Windows itself whose names have no ending.
const WITHOUT_ENDING: [&str; 2] = ["System", "Registry"];

/// Whether a name is one that processes hardly have on Windows: it has no ending, or nothing else.
#[must_use]
pub fn is_odd(name: &str) -> bool {
    let is_whole = !name.trim_start_matches('.').contains(['.', '*']) && !name.contains('*');
    is_whole && !WITHOUT_ENDING.iter().any(|known| known.eq_ignore_ascii_case(name))
}

impl Elsewhere {
    /// What the look aside of a scan has found; nothing if no log is one that Sysmon wrote into, or a provider whose connections are read.
    ///
    /// # Errors
    ///
    /// What did not fit into memory cannot be read again.
    pub fn of_aside(found: Findings, findings: &Findings, terms: &Terms) -> io::Result<Option<Self>> {
        if !findings.sources.values().any(|source| source.tally.chunks_sysmon > 0) {
            return Ok(None);
        }
        let tallies = found.sources.values().map(|source| source.tally);
        let is_none = terms.filter.window.is_open() && tallies.clone().all(|tally| tally.filtered + tally.hits == 0);
        let security_unread = count::sum(tallies.map(|tally| tally.security_unread));
        Ok(Some(Self { is_none, security_unread, ..Self::of(found, terms.rules.everywhere.judged)? }))
    }

    fn of(found: Findings, judged: End) -> io::Result<Self> {
        let special = builtin::networks(&[&builtin::SPLUNK_NETWORKS, &builtin::IPV6_NETWORKS]);
        let special: CidrSet = special.map_err(io::Error::other)?.into_iter().collect();
        let mut elsewhere = Self { judged, ..Self::default() };
        for group in found.groups.into_sorted()?.pass()? {
            let (key, group) = group?;
            let value = |field| key.value(fields(judged), field);
            let name = value(Field::ProcessName);
            let is_public = is_public(judged, &special, value);
            if is_public {
                elsewhere.vendors.insert(value(Field::VendorProduct).to_owned());
            }
            let of_name = || (name.to_owned(), Count::default());
            let (_, count) = elsewhere.processes.entry(name.to_ascii_lowercase()).or_insert_with(of_name);
            count.all = count.all.saturating_add(group.count);
            count.public = count.public.saturating_add(if is_public { group.count } else { 0 });
        }
        Ok(elsewhere)
    }

    /// The same, with the command that shows the connections in these paths that the terms leave in. `reading` are the options that
    /// decide which logs are read, and how.
    #[must_use]
    pub fn shown_by(self, reading: &[String], paths: &[PathBuf], terms: &Terms) -> Self {
        let Terms { logged_by, clock, filter, .. } = terms;
        Self { command: command(reading, paths, *logged_by, *clock, filter, self.judged), ..self }
    }

    /// Whether no connection is in the logs, as far as they reach.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.is_none
    }

    /// How many connections to public addresses there are, and of how many processes.
    #[must_use]
    pub fn public(&self) -> (u64, usize) {
        let counts = self.processes.values().map(|(_, count)| count.public).filter(|&count| count > 0);
        (counts.clone().fold(0, u64::saturating_add), counts.count())
    }

    /// Whether some of these may be twins, which count once where they are hits.
    #[must_use]
    pub fn may_have_twins(&self) -> bool {
        self.vendors.len() > 1
    }

    /// Those of the names that no process has and that may be mistaken: others are like them, or they are odd.
    #[must_use]
    pub fn missing(&self, names: &[String]) -> Vec<Missing> {
        let has_any = |name: &str| self.processes.keys().any(|known| pattern::names(name, known));
        let missing = names.iter().filter(|name| !has_any(name));
        let missing = missing.map(|name| Missing { name: name.clone(), nearest: self.nearest(name) });
        missing.filter(|missing| is_odd(&missing.name) || !missing.nearest.is_empty()).collect()
    }

    fn nearest(&self, name: &str) -> Vec<(String, u64)> {
        // How many are named.
        const MOST: usize = 3;
        let name = name.to_ascii_lowercase();
        let likeness = |known: &str| {
            let stem = known.rsplit_once('.').map_or(known, |(stem, _)| stem);
            let is_stem = stem == name.trim_matches('*');
            if is_stem { 2.0 } else { strsim::jaro_winkler(known, &name).max(strsim::jaro_winkler(stem, &name)) }
        };
        let mut alike: Vec<(f64, &String)> = self.processes.keys().map(|known| (likeness(known), known)).collect();
        alike.retain(|(likeness, _)| *likeness >= text::ALIKE);
        alike.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let named = alike.into_iter().take(MOST).filter_map(|(_, known)| self.processes.get(known));
        named.map(|(name, count)| (name.clone(), count.all)).collect()
    }
}

/// The command that shows the connections to public addresses in these paths, read with these options, with these filters by this clock.
fn command(
    reading: &[String],
    paths: &[PathBuf],
    logged_by: LoggedBy,
    clock: Clock,
    filter: &Filter,
    judged: End,
) -> String {
    let end = match judged {
        End::Dest => "--group-by process_name,dest",
        End::Remote => "--judge remote --group-by process_name,remote",
    };
    let mut words = vec![format!("netsift connections --exclusions special {end}")];
    if logged_by != LoggedBy::Sysmon {
        words.push(format!("--source {}", logged_by.name()));
    }
    if clock == Clock::Utc {
        words.push("--clock utc".to_owned());
    }
    let times = [("since", filter.window.since), ("until", filter.window.until)];
    words.extend(times.into_iter().filter_map(|(name, time)| Some(format!("--{name} {}", time?))));
    for property in Property::ALL {
        // As a value, what starts with @ would be a list.
        let as_value = |text: &str| text.strip_prefix('@').map_or_else(|| text.to_owned(), |rest| format!("*{rest}"));
        let patterns: Vec<String> = filter.patterns(property).map(as_value).collect();
        if !patterns.is_empty() {
            let value = patterns.join(",");
            // Behind a space, one that starts with - would be an option.
            let link = if value.starts_with('-') { '=' } else { ' ' };
            words.push(format!("--{}{link}{}", property.name(), quoted(&value)));
        }
    }
    words.extend(reading.iter().cloned());
    words.extend(paths.iter().map(|path| quoted(&as_path(text::path(path)))));
    text::printable(&words.join(" ")).into_owned()
}

/// A path as an argument that is taken for one, and neither for an option nor for a list of arguments.
fn as_path(path: String) -> String {
    if path.starts_with(['-', '@']) { format!("./{path}") } else { path }
}

/// A word as a shell takes it.
fn quoted(text: &str) -> String {
    let is_plain =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:,=+".contains(&byte));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elsewhere(processes: &[(&str, u64, u64)]) -> Elsewhere {
        let of = |&(name, all, public): &(&str, u64, u64)| {
            (name.to_ascii_lowercase(), (name.to_owned(), Count { all, public }))
        };
        Elsewhere { processes: processes.iter().map(of).collect(), ..Elsewhere::default() }
    }

    #[test]
    fn a_name_that_no_process_has_is_told_with_those_that_are_like_it() {
        let logs =
            elsewhere(&[("mshta.exe", 3, 2), ("MSHTML.exe", 1, 0), ("PowerShell.exe", 9, 9), ("svchost.exe", 5, 0)]);
        let nearest = |name: &str| {
            let missing = logs.missing(&[name.to_owned()]);
            missing.into_iter().next().map(|missing| missing.nearest.into_iter().next())
        };
        assert_eq!(nearest("mshta"), Some(Some(("mshta.exe".to_owned(), 3))));
        assert_eq!(nearest("POWERSHELL"), Some(Some(("PowerShell.exe".to_owned(), 9))));
        assert_eq!(nearest("powershel.exe"), Some(Some(("PowerShell.exe".to_owned(), 9))));
        assert_eq!(nearest("regsvcs.exe"), None);
        assert_eq!(nearest("regsvcs"), Some(None));
        assert_eq!(nearest("MSHTA.exe"), None);
        assert_eq!(nearest("system"), None);
        assert_eq!(nearest("msh*"), None);
        assert!(nearest(".exe").is_some());
        assert_eq!(logs.public(), (11, 2));
    }

    #[test]
    fn the_command_has_what_was_given_in_words_that_a_shell_takes() {
        let filter = Filter::new(
            crate::evtx::window::Window { since: "2024-03-05T00:00:00Z".parse().ok(), until: None },
            [(Property::User, ["a b", "c*"].map(|text| Property::User.pattern(text).unwrap()).to_vec())],
        );
        let reading = ["--follow".to_owned()];
        let paths = ["case 1", "it's", "logs/x.evtx", "-dash", "@at", "-"].map(PathBuf::from);
        assert_eq!(
            command(&reading, &paths, LoggedBy::Sysmon, Clock::Logged, &filter, End::Dest),
            "netsift connections --exclusions special --group-by process_name,dest --since 2024-03-05T00:00:00Z \
             --user 'a b,c*' --follow 'case 1' 'it'\\''s' logs/x.evtx ./-dash './@at' ./-"
        );
    }

    #[test]
    fn values_that_would_be_an_option_or_a_list_are_written_otherwise() {
        let patterns = |texts: [&str; 2]| texts.map(|text| Property::User.pattern(text).unwrap()).to_vec();
        let said = |texts| {
            let filter = Filter::new(Window::default(), [(Property::User, patterns(texts))]);
            command(&[], &["x".into()], LoggedBy::Sysmon, Clock::Logged, &filter, End::Dest)
        };
        assert!(said(["-a", "b"]).ends_with(" --user=-a,b x"));
        assert!(said(["a", "@b"]).ends_with(" --user 'a,*b' x"));
    }
}
