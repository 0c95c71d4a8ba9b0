//! [`Losses`]: what a run has to say in every mode, also where nothing else is wanted: what was not loaded, cannot be found, was not read
//! or was not judged. Without it, an empty report would be taken for an answer. Each is one line, which the summary shows in its place.

use jiff::Timestamp;

use crate::{
    connection::{clock::Clock, logged::LoggedBy},
    error::{Defect, Defects},
    evtx::window::Window,
    label::labels::Labels,
    report::{labels, ran::Ran},
    rule::info::RuleInfo,
    scan::{
        elsewhere::{Elsewhere, Missing},
        repeats::Repeated,
        strangers::Stranger,
        tally::Tally,
        terms::Terms,
    },
    text::{self, counted, grouped},
};

/// What a run has to say even if nothing else is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Losses<'a> {
    /// What was looked for.
    pub(super) terms: &'a Terms,
    /// What the run has to say.
    pub(super) ran: &'a Ran,
    /// The lists and databases that the report has labels from, if there are any.
    pub(super) labels: Option<&'a Labels>,
    /// What else is in the logs, if it was asked.
    pub(super) elsewhere: Option<&'a Elsewhere>,
    /// Whether the evidence was read, and not partial results of it.
    pub(super) scanned: bool,
}

/// Defects and logs that are named; the manifest has more of them.
pub(super) const NAMED: usize = 20;

/// Partial results that are not merged are named up to this number, and so are paths that are not searched: each can be a host.
const WHOLE: usize = 100;

impl Losses<'_> {
    /// All of it, each on a line of its own.
    pub(super) fn lines(&self) -> String {
        let mut lines = self.in_vain();
        lines.extend(self.label_remarks());
        lines.extend(defects(&self.ran.defects));
        lines.extend(self.missing());
        lines.extend(self.empty());
        lines.extend(self.links());
        lines.extend(self.unjoined());
        lines.extend(self.userless());
        lines.extend(self.strangers());
        lines.extend(self.outside());
        if self.nothing_readable() {
            lines.push("nothing could be read".to_owned());
        }
        let of_none = self.of_none();
        if of_none.is_none() {
            lines.extend(self.never_logged());
        }
        lines.extend(of_none);
        // Where there are hits of all hosts that were asked for, that is what was asked.
        if self.ran.tally.hits == 0 || !self.ran.strangers.is_empty() {
            lines.extend(self.of_another_source());
        }
        lines.iter().flat_map(|line| ["netsift: ", line, "\n"]).collect()
    }

    /// The rules that were not loaded, and what is asked for and cannot be found.
    pub(super) fn in_vain(&self) -> Vec<String> {
        let (refused, in_vain) = (&self.terms.refused, &self.terms.rules.in_vain);
        let not_loaded = refused.iter().map(|refusal| format!("not loaded: {}", text::printable(refusal)));
        let mut lines = first(not_loaded, refused.len() as u64);
        lines.extend(first(in_vain.iter().map(|line| text::printable(line).into_owned()), in_vain.len() as u64));
        lines
    }

    /// Whether no record could be read, and something is wrong with the evidence.
    pub(super) fn nothing_readable(&self) -> bool {
        let Tally { records_recovered, .. } = self.ran.tally;
        self.ran.tally.records().saturating_add(records_recovered) == 0 && !self.ran.defects.is_empty()
    }

    /// That the time that is asked for is before or behind that of all logs, or of those of hosts that are asked for, if so.
    pub(super) fn outside(&self) -> Option<String> {
        let span = self.ran.span?;
        // How far logs reach is told by when their records were written.
        let by = if self.terms.clock == Clock::Logged { "" } else { " by the time of logging" };
        let Window { since, until } = self.terms.filter.window;
        let is_outside =
            |(first, last)| since.is_some_and(|since| since > last) || until.is_some_and(|until| until <= first);
        if is_outside(span) && self.ran.tally.hits == 0 {
            let reach = reach(span);
            let said = format!("the logs do not reach the time that the filters want: they reach {reach}{by}");
            return Some(self.as_far_as_read(&said));
        }
        // Times that differ may have hits in the window all the same.
        if self.terms.clock != Clock::Logged && self.ran.tally.hits > 0 {
            return None;
        }
        let chosen = self.ran.hosts.iter().filter(|host| self.terms.filter.names_host(&host.name));
        let outside = chosen.filter_map(|host| Some((host, host.span.filter(|&span| is_outside(span))?)));
        let hosts: Vec<String> =
            outside.map(|(host, span)| format!("{} ({})", text::printable(&host.name), reach(span))).collect();
        // Events that were forwarded are in others' logs.
        let said = || format!("the own logs of {} do not reach the time that the filters want{by}", text::few(&hosts));
        (!hosts.is_empty()).then(|| self.as_far_as_read(&said()))
    }

    /// The hosts that were asked for and that have no connection in the logs.
    pub(super) fn strangers(&self) -> Vec<String> {
        let [_, no_log] = self.terms.logged_by.log();
        let line = |Stranger { name, nearest, has_logs, known }: &Stranger| {
            let hint = match nearest {
                _ if *has_logs => format!(": in its own logs there is {no_log}"),
                Some(nearest) => format!(": did you mean {nearest}?"),
                None if known.is_empty() => String::new(),
                None => format!("; they are of {}", text::few(known)),
            };
            let said = format!("host {name} has no connection in these logs{hint}");
            text::printable(&self.as_far_as_read(&said)).into_owned()
        };
        first(self.ran.strangers.iter().map(line), self.ran.strangers.len() as u64)
    }

    /// That nothing of what was read is of those who log connections, if so.
    pub(super) fn of_none(&self) -> Option<String> {
        let names = match self.terms.logged_by {
            LoggedBy::Sysmon => "Sysmon".to_owned(),
            others => others.providers().join(" or "),
        };
        let is_so = self.ran.tally.chunks_sysmon == 0 && self.ran.tally.connections() == 0 && !self.nothing_readable();
        is_so.then(|| format!("no chunk mentions {names}: are these the right logs?"))
    }

    /// The paths and archives in which there was nothing to read.
    pub(super) fn empty(&self) -> Option<String> {
        let what = if self.scanned { "no event log" } else { "no partial result or event log" };
        (!self.ran.empty.is_empty()).then(|| format!("{what} in {}", text::few(&self.ran.empty)))
    }

    /// How many events of another source there are, if any were met.
    pub(super) fn of_another_source(&self) -> Option<String> {
        let elsewhere = self.elsewhere.map_or(0, |elsewhere| elsewhere.security_unread);
        let unread = self.ran.tally.security_unread.saturating_add(elsewhere);
        let events = counted(unread, "Security event");
        let with = self.with("--source security or --source all");
        (unread > 0).then(|| format!("not read: at least {events} 5156 or 5157; {with} reads them"))
    }

    /// Symbolic links that were met and not followed, if there are any.
    pub(super) fn links(&self) -> Option<String> {
        let Ran { links, .. } = self.ran;
        (*links > 0)
            .then(|| format!("{} not followed: {} does", counted(*links, "symbolic link"), self.with("--follow")))
    }

    /// What to run with options that only a scan takes.
    pub(super) fn with(&self, options: &str) -> String {
        if self.scanned { options.to_owned() } else { format!("a scan with {options}") }
    }

    /// What of lists and databases is of no use, or was not asked.
    pub(super) fn label_remarks(&self) -> Vec<String> {
        let Some(labels) = self.labels else { return Vec::new() };
        let not_asked = self.ran.labels.as_ref().map(|ran| labels::not_asked(labels, ran));
        labels.remarks.iter().cloned().chain(not_asked.into_iter().flatten()).collect()
    }

    /// How many connections rules that ask for the process were not applied to.
    pub(super) fn unjoined(&self) -> Option<String> {
        not_judged(self.ran.tally.unjoined, "rules that ask for the process", |its| match self.terms.logged_by {
            LoggedBy::Sysmon => format!("the start of {its} is not in these logs"),
            LoggedBy::Security | LoggedBy::All => {
                format!("the start of {its} is not in these logs, or does not tell what they ask for")
            }
        })
    }

    /// How many connections were not found by their user, where a user is asked for.
    pub(super) fn userless(&self) -> Option<String> {
        let why = |its: &str| format!("no EventID 4688 in these logs tells who started {its}");
        not_judged(self.ran.tally.userless, "user", why)
    }

    /// The names of processes that were typed and no process in the logs has.
    pub(super) fn missing(&self) -> Vec<String> {
        let are_typed = self.terms.rules.infos.iter().any(RuleInfo::is_of_processes);
        let names = if are_typed { self.terms.rules.processes() } else { &[] };
        let line = |Missing { name, nearest }: Missing| {
            let with_count = |(name, count): (String, u64)| format!("{name} ({})", counted(count, "connection"));
            let is_ending = name.starts_with('.');
            let nearest: Vec<String> =
                if is_ending { vec![format!("*{name}")] } else { nearest.into_iter().map(with_count).collect() };
            let meant =
                if nearest.is_empty() { String::new() } else { format!(": did you mean {}?", nearest.join(" or ")) };
            text::printable(&format!("no process {name}{meant}")).into_owned()
        };
        let missing: Vec<String> =
            self.elsewhere.map_or_else(Vec::new, |elsewhere| elsewhere.missing(names).into_iter().map(line).collect());
        // Hits of other rules would hide that there is none of these.
        let rules = &self.terms.rules;
        let is_unmet = !rules.sigma.is_empty()
            && missing.is_empty()
            && rules
                .infos
                .iter()
                .zip(0..)
                .any(|(info, rule)| info.is_of_processes() && !self.ran.by_rule.contains_key(&rule));
        let unmet = is_unmet.then(|| text::printable(&format!("--process {}: no hits", names.join(","))).into_owned());
        missing.into_iter().chain(unmet).collect()
    }

    /// That no connection is logged in all of the logs, if that is known, and why.
    pub(super) fn never_logged(&self) -> Option<String> {
        let tally = &self.ran.tally;
        let is_any_read = self.terms.rules.is_of_any_process();
        let none_is_read = tally.connections() == 0;
        let is_none =
            self.elsewhere.map_or(is_any_read && none_is_read && self.terms.filter.is_open(), Elsewhere::is_none);
        let none = self.terms.logged_by.none().filter(|_| is_none && !self.nothing_readable());
        none.map(|none| self.as_far_as_read(none))
    }

    /// What is said of all logs, if all of them could be read.
    fn as_far_as_read(&self, said: &str) -> String {
        if self.ran.defects.is_empty() { said.to_owned() } else { format!("in what could be read, {said}") }
    }
}

/// From one time to another, to the second.
pub(super) fn reach((first, last): (Timestamp, Timestamp)) -> String {
    let shown = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    format!("from {} to {}", shown(first), shown(last))
}

/// Those of partial results and of paths that are named.
pub(super) fn of_whole(defects: &Defects) -> impl Iterator<Item = &Defect> {
    defects.of_whole(WHOLE)
}

/// The defects that are named, and how many more there are.
pub(super) fn defects(defects: &Defects) -> Vec<String> {
    let named = of_whole(defects).chain(defects.within()).map(ToString::to_string);
    up_to(NAMED.max(of_whole(defects).count()), named, defects.total())
}

/// The first of so many lines, and how many more there are.
pub(super) fn first(lines: impl Iterator<Item = String>, total: u64) -> Vec<String> {
    up_to(NAMED, lines, total)
}

fn up_to(most: usize, lines: impl Iterator<Item = String>, total: u64) -> Vec<String> {
    let mut first: Vec<String> = lines.take(most).collect();
    let more = total.saturating_sub(most as u64);
    if more > 0 {
        first.push(format!("and {} more", grouped(more)));
    }
    first
}

/// How many connections were not judged by something, if there are any, and why: `why` is told what their processes are called.
fn not_judged(count: u64, by: &str, why: impl FnOnce(&str) -> String) -> Option<String> {
    let (were, its) = if count == 1 { ("was", "its process") } else { ("were", "their processes") };
    (count > 0).then(|| format!("{} {were} not judged by {by}: {}", counted(count, "connection"), why(its)))
}

/// How many hits count again, since the same chunks were met more than once.
pub(super) fn repeated(ran: &Ran) -> Option<String> {
    let Repeated { hits, logs: [one, other] } = ran.repeated.as_ref()?;
    let (hits, are) = (counted(*hits, "hit"), if *hits == 1 { "is" } else { "are" });
    let place = if one == other { format!("twice in {one}") } else { format!("in {one} and in {other}") };
    Some(format!(
        "{hits} {are} counted again: the same chunks are there twice, such as {place}; --dedup counts each event once"
    ))
}
