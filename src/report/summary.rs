//! The [`Summary`]: what a run read, how it judged, and what was wrong, as a few lines for a person.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use ipnet::IpNet;

use crate::{
    connection::clock::{Clock, Skew},
    count::{self, sum},
    error::{Defect, Defects},
    group::{beacons::Channels, copies::Copies},
    label::labels::Labels,
    report::{
        labels,
        losses::{self, Losses, NAMED, reach},
        ran::Ran,
    },
    rule::{
        info::{BUILT_IN, RuleInfo},
        judge::End,
    },
    scan::{elsewhere::Elsewhere, hosts, tally::Tally, terms::Terms},
    text::{self, counted, grouped},
};

/// What a run did, shown on standard error at its end.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a> {
    /// What was looked for.
    pub terms: &'a Terms,
    /// What the run has to say.
    pub ran: &'a Ran,
    /// The lists and databases that the report has labels from, if there are any.
    pub labels: Option<&'a Labels>,
    /// What else is in the logs, if it was asked.
    pub elsewhere: Option<&'a Elsewhere>,
    /// How long the run took.
    pub elapsed: Duration,
    /// Whether the evidence was read in that time, and not partial results of it.
    pub scanned: bool,
    /// How much it says.
    pub detail: Detail,
}

/// How much a summary says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What somebody has to know.
    Brief,
    /// Each exclusion network, and as many defects as are named at all.
    All,
}

/// Logs whose defects are named, defects that are named of each, and exclusion networks that are named, unless all is asked for.
const FEW: usize = 3;

/// As many built-in rules are named; of more, it is said how many there are.
const RULES: usize = 4;
/// Hosts that are named; the manifest has all of them.
const HOSTS: usize = 10;

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rules(f)?;
        self.filters(f)?;
        self.searched(f)?;
        self.hosts(f)?;
        self.excluded(f)?;
        if let Some(clocks) = clocks(self.ran, self.terms.clock) {
            writeln!(f, "clocks    {clocks}")?;
        }
        if let Some(links) = self.said().links() {
            writeln!(f, "skipped   {links}")?;
        }
        self.defective(f)?;
        let seconds = self.elapsed.as_secs_f64();
        write!(f, "time      {seconds:.2} s")?;
        if self.scanned {
            #[expect(clippy::cast_precision_loss, reason = "shown to a tenth")]
            let rate = self.ran.tally.bytes as f64 / seconds.max(1e-9);
            if rate < 1e9 {
                write!(f, ", {:.1} MB/s", rate / 1e6)?;
            } else {
                write!(f, ", {:.1} GB/s", rate / 1e9)?;
            }
        }
        writeln!(f)?;
        self.beacons(f)?;
        self.labels(f)?;
        self.found(f)?;
        self.elsewhere(f)?;
        self.unread(f)
    }
}

impl<'a> Summary<'a> {
    /// What a run has to say even if nothing else is wanted: what was not loaded, cannot be found or was lost, each on a line of
    /// its own.
    #[must_use]
    pub fn losses(&self) -> String {
        self.said().lines()
    }

    /// What of it is said in every mode.
    fn said(&self) -> Losses<'a> {
        let &Self { terms, ran, labels, elsewhere, scanned, .. } = self;
        Losses { terms, ran, labels, elsewhere, scanned }
    }

    /// The rules that are applied as Sigma rules: those behind the ones by process.
    fn of_sigma(&self) -> impl Iterator<Item = &RuleInfo> {
        let own = self.terms.rules.by_process.iter().map(|(_, rule)| rule.saturating_add(1)).max().unwrap_or(0);
        self.terms.rules.infos.iter().skip(own)
    }

    fn rules(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let built_in: Vec<&RuleInfo> = self.terms.rules.infos.iter().filter(|info| info.source == BUILT_IN).collect();
        if built_in.len() > RULES {
            writeln!(f, "rules     {} built-in rules: netsift rules list shows them", built_in.len())?;
        } else {
            for info in built_in {
                let technique = info.attack.split(' ').next().unwrap_or_default();
                let (title, technique) = (text::printable(&info.title), text::printable(technique));
                writeln!(f, "rule      {title} (MITRE ATT&CK {technique})")?;
            }
        }
        let loaded = self.of_sigma().filter(|info| info.source != BUILT_IN).count() as u64;
        if loaded > 0 {
            let alone = if self.terms.rules.builtin.is_none() { ": other connections are not reported" } else { "" };
            writeln!(f, "rules     {} loaded{alone}", counted(loaded, "Sigma rule"))?;
        }
        self.rules_with_networks(f)?;
        for line in self.said().in_vain() {
            writeln!(f, "          {line}")?;
        }
        self.slow_rules(f)
    }

    /// The rules for which every connection was decoded.
    fn slow_rules(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slow = &self.terms.rules.slow;
        if slow.is_empty() {
            return Ok(());
        }
        let (rules, which) = if slow.len() > FEW && self.detail == Detail::Brief {
            (counted(slow.len() as u64, "rule"), "--verbose names them".to_owned())
        } else {
            let titles: Vec<_> = slow.iter().map(|title| text::printable(title)).collect();
            ("rules".to_owned(), titles.join("; "))
        };
        writeln!(f, "          every connection was decoded for {rules} that name no text to look for: {which}")
    }

    /// For how many rules networks are left out, if not for all.
    fn rules_with_networks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let builtin = self.terms.rules.builtin.as_ref().filter(|rule| !rule.exclusion.networks().is_empty());
        if builtin.is_none() || self.of_sigma().next().is_none() {
            return Ok(());
        }
        let rules: BTreeSet<usize> = self.terms.rules.by_process.iter().map(|&(_, rule)| rule).collect();
        let leave = if rules.len() == 1 { "leaves" } else { "leave" };
        let rules = counted(rules.len() as u64, "rule");
        writeln!(f, "          {rules} {leave} out the exclusion networks; the others have conditions of their own")
    }

    fn filters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.terms.filter.is_open() {
            return Ok(());
        }
        writeln!(f, "filters   {}", text::printable(&self.terms.filter.to_string()))?;
        let left_out = counted(self.ran.tally.filtered, "connection");
        writeln!(f, "          {left_out} read and left out")?;
        self.said().strangers().into_iter().try_for_each(|said| line(f, Some(said)))?;
        match (self.said().outside(), self.ran.span) {
            (Some(outside), _) => line(f, Some(outside)),
            (None, Some(span)) if !self.terms.filter.window.is_open() => {
                line(f, Some(format!("the logs reach {}", reach(span))))
            }
            _ => Ok(()),
        }
    }

    /// Which hosts the logs are of, and which of them have Sysmon.
    fn hosts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = &self.ran.hosts;
        if hosts.is_empty() {
            return Ok(());
        }
        let with_sysmon = hosts.iter().filter(|host| host.has_sysmon).count() as u64;
        let without = (hosts.len() as u64).saturating_sub(with_sysmon);
        let (total, with_sysmon, without) = (hosts::number(hosts), grouped(with_sysmon), grouped(without));
        let [log, no_log] = self.terms.logged_by.log();
        writeln!(f, "hosts     {total}: {with_sysmon} with {log}, {without} without")?;
        for host in hosts.iter().take(HOSTS) {
            let sysmon = if host.has_sysmon { log } else { no_log };
            let reach = host.span.map_or_else(String::new, reach);
            writeln!(f, "          {}: {sysmon}, {reach}", text::printable(&host.name))?;
        }
        let more = hosts.len().saturating_sub(HOSTS);
        if more > 0 {
            writeln!(f, "          and {} more", grouped(more as u64))?;
        }
        Ok(())
    }

    fn searched(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.ran.tally;
        writeln!(
            f,
            "searched  {}, {}, {}, {}",
            counted(self.ran.tally.logs, "log"),
            size(self.ran.tally.bytes),
            counted(self.ran.tally.chunks(), "chunk"),
            counted(self.ran.tally.records(), "record"),
        )?;
        writeln!(
            f,
            "          chunks: {} decoded, {} ruled out unread, {} never used, {} unreadable",
            grouped(tally.chunks_decoded),
            grouped(tally.chunks_ruled_out),
            grouped(tally.chunks_unused),
            grouped(tally.chunks_unreadable),
        )?;
        writeln!(
            f,
            "          records: {} read, {} ruled out unread",
            grouped(self.ran.tally.records_read),
            grouped(self.ran.tally.records_ruled_out)
        )?;
        if self.ran.others > 0 {
            let others = counted(self.ran.others, "other file");
            writeln!(f, "          {others} in the folders: neither logs nor archives of logs")?;
        }
        if self.ran.unopened > 0 {
            let unopened = counted(self.ran.unopened, "other file");
            writeln!(f, "          {unopened} in the folders: not opened because of --only-names")?;
        }
        line(f, self.said().empty())?;
        if tally.records_recovered > 0 {
            writeln!(
                f,
                "          recovered: {} from free space and damaged chunks",
                counted(tally.records_recovered, "record")
            )?;
        }
        if self.ran.dirty > 0 {
            writeln!(f, "          {} copied while in use", counted(self.ran.dirty, "log"))?;
        }
        if tally.chunks_unchecked > 0 {
            writeln!(f, "          {} without checksums", counted(tally.chunks_unchecked, "chunk"))?;
        }
        line(f, self.said().of_none())
    }

    fn found(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { hits_recovered, outside_detection, excluded, .. } = self.ran.tally;
        let processes = self.terms.rules.processes();
        let whose = match processes {
            _ if self.of_sigma().next().is_some() => " that the rules look for".to_owned(),
            [] => String::new(),
            names => format!(" of {}", text::printable(&names.join(", "))),
        };
        if self.said().nothing_readable() {
            return writeln!(f, "found     nothing could be read: see the defects");
        }
        let chosen = self.ran.tally.of_chosen_processes();
        if chosen == 0 {
            writeln!(
                f,
                "found     nothing: no network connection{whose}{} in {} of {}",
                if self.terms.filter.is_open() { "" } else { " within the filters" },
                counted(self.ran.tally.records(), "record"),
                counted(self.ran.tally.logs, "log")
            )?;
            line(f, self.said().unjoined())?;
            return line(f, self.said().userless());
        }
        write!(f, "found     {}{whose}: {}", counted(chosen, "connection"), counted(self.ran.hits(), "hit"))?;
        let left_out = self.ran.labels.as_ref().and_then(|labels| labels.left_out).map_or(0, |count| count.groups);
        write!(f, " in {}", counted(self.ran.groups.saturating_add(left_out), "group"))?;
        if left_out > 0 {
            write!(f, ", {} of them left out", grouped(left_out))?;
        }
        if outside_detection > 0 {
            write!(f, ", {} outside the detection networks", grouped(outside_detection))?;
        }
        writeln!(f, ", {} excluded", grouped(excluded))?;
        if self.terms.rules.named {
            for (rule, &count) in &self.ran.by_rule {
                let title = self.terms.rules.infos.get(*rule).map_or("", |info| &info.title);
                writeln!(f, "          {:>7}  {}", grouped(count), text::printable(title))?;
            }
        }
        if self.ran.parts > 0 {
            writeln!(f, "          {} that are only parts of correlations", counted(self.ran.parts, "hit"))?;
        }
        line(f, self.said().unjoined())?;
        line(f, self.said().userless())?;
        if hits_recovered > 0 {
            let hits = counted(hits_recovered, "hit");
            writeln!(f, "          {hits} from recovered records{}", before_copies(self.ran))?;
        }
        if self.ran.twins > 0 {
            writeln!(f, "          {} dropped that Sysmon has logged too", counted(self.ran.twins, "hit"))?;
        }
        let copies = count::sum(self.ran.duplicates.values().copied());
        if copies > 0 {
            writeln!(f, "          {} dropped that are copies of others:", counted(copies, "hit"))?;
        }
        for (source, &count) in self.ran.duplicates.iter().take(NAMED) {
            writeln!(f, "          {:>7}  {source}", grouped(count))?;
        }
        if self.ran.duplicates.len() > NAMED {
            writeln!(f, "          and in {} more", counted((self.ran.duplicates.len() - NAMED) as u64, "log"))?;
        }
        line(f, losses::repeated(self.ran))
    }

    /// What lists and databases have said, and what of them is of no use.
    fn labels(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.labels.zip(self.ran.labels.as_ref()).map(|(labels, ran)| labels::summary(labels, ran));
        lines.iter().flatten().try_for_each(|line| writeln!(f, "{line}"))?;
        self.said().label_remarks().iter().try_for_each(|line| writeln!(f, "          {line}"))
    }

    /// How many channels are in the table of beacons, and why others are not.
    fn beacons(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const TOO_FEW: &str = "fewer than 4 connections, or fewer than 3 intervals that are not 0";
        match self.ran.beacons {
            None => Ok(()),
            Some(Channels { scored: 0, few: 0 }) => {
                let unwatched = self.ran.labels.as_ref().and_then(|labels| labels.left_out).map_or(0, |left| left.hits);
                let why = match self.ran.hits().saturating_sub(self.ran.parts) {
                    0 => "there are no hits",
                    hits if hits > 0 && hits == unwatched => "all hits were left out, since they are on no list",
                    _ => "the times of the hits are not known",
                };
                writeln!(f, "beacons   none: {why}")
            }
            Some(Channels { scored: 0, few }) => {
                writeln!(f, "beacons   none: {} with {TOO_FEW}", counted(few, "channel"))
            }
            Some(Channels { scored, few: 0 }) => writeln!(f, "beacons   {} scored", counted(scored, "channel")),
            Some(Channels { scored, few }) => {
                writeln!(f, "beacons   {} scored, {} not: {TOO_FEW}", counted(scored, "channel"), grouped(few))
            }
        }
    }

    /// What else is in the logs, where nothing was found.
    fn elsewhere(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.said().missing() {
            writeln!(f, "          {line}")?;
        }
        let Some(elsewhere) = self.elsewhere else { return Ok(()) };
        let (connections, processes) = elsewhere.public();
        if connections > 0 && self.ran.tally.hits == 0 {
            let (connections, them) =
                (counted(connections, "connection"), if connections == 1 { "it" } else { "them" });
            let processes = if processes == 1 { "1 process".to_owned() } else { format!("{processes} processes") };
            // The command leaves out copies, which are counted here.
            let is_most = elsewhere.may_have_twins() || self.terms.copies != Copies::Count;
            let up_to = if is_most { "up to " } else { "" };
            let whose = match elsewhere.judged {
                End::Dest => "to public addresses",
                End::Remote => "with peers at public addresses",
            };
            writeln!(f, "          but {up_to}{connections} of {processes} {whose}; this shows {them}:")?;
            writeln!(f, "          {}", elsewhere.command)?;
        }
        Ok(())
    }

    /// What of connections is not read, or not in the logs at all.
    fn unread(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, self.said().of_another_source())?;
        line(f, self.said().never_logged())
    }

    fn excluded(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail {
            Detail::All => {
                for (number, (network, &count)) in self.ran.excluded.iter().enumerate() {
                    let label = if number == 0 { "excluded" } else { "" };
                    writeln!(f, "{label:<10}{:>7}  {network}", grouped(count))?;
                }
            }
            Detail::Brief if self.ran.excluded.is_empty() => {}
            Detail::Brief => writeln!(f, "excluded  {}", most_excluded(&self.ran.excluded))?,
        }
        match self.ran.tally.excluded_peers {
            0 => Ok(()),
            peers => writeln!(
                f,
                "          {} among them {} a source in no such network, which may be the peer: {} judges by it",
                counted(peers, "inbound connection"),
                if peers == 1 { "has" } else { "have" },
                self.said().with("--judge remote"),
            ),
        }
    }

    fn defective(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ran.defects.is_empty() {
            return Ok(());
        }
        let kinds: Vec<String> =
            self.ran.defects.counts().map(|(kind, count)| format!("{} {}", grouped(count), kind.name())).collect();
        writeln!(f, "defects   {}: {}", grouped(self.ran.defects.total()), kinds.join(", "))?;
        let lines = match self.detail {
            Detail::All => losses::defects(&self.ran.defects),
            Detail::Brief => by_log(&self.ran.defects),
        };
        lines.iter().try_for_each(|line| writeln!(f, "          {line}"))
    }
}

/// A line below the first of its kind, if there is one.
fn line(f: &mut fmt::Formatter<'_>, line: Option<String>) -> fmt::Result {
    line.map_or(Ok(()), |line| writeln!(f, "          {line}"))
}

/// The networks to which most was excluded, the largest count first, and how much was to others.
fn most_excluded(excluded: &BTreeMap<IpNet, u64>) -> String {
    let mut networks: Vec<(&IpNet, u64)> = excluded.iter().map(|(network, &count)| (network, count)).collect();
    networks.sort_by_key(|&(_, count)| Reverse(count));
    let (few, others) = networks.split_at(networks.len().min(FEW));
    let mut parts: Vec<String> =
        few.iter().map(|(network, count)| format!("{} in {network}", grouped(*count))).collect();
    if !others.is_empty() {
        let count = grouped(sum(others.iter().map(|(_, count)| *count)));
        let more = counted(others.len() as u64, "more network");
        parts.push(format!("{count} in {more}: --verbose lists them"));
    }
    parts.join(", ")
}

/// What is not searched or merged as a whole, the first defects of the first logs, how many more there are, and where.
fn by_log(defects: &Defects) -> Vec<String> {
    let mut logs: BTreeMap<&str, Vec<&Defect>> = BTreeMap::new();
    for defect in defects.within() {
        logs.entry(&defect.path).or_default().push(defect);
    }
    let mut lines: Vec<String> = losses::of_whole(defects).map(ToString::to_string).collect();
    let mut seen = lines.len() as u64;
    for (path, of_log) in logs.iter().take(FEW) {
        lines.extend(of_log.iter().take(FEW).map(ToString::to_string));
        let more = of_log.len().saturating_sub(FEW) as u64;
        if more > 0 {
            lines.push(format!("{path}: and {} more", grouped(more)));
        }
        seen += of_log.len() as u64;
    }
    let others = defects.total().saturating_sub(seen);
    let is_any_hidden = others > 0 || logs.values().take(FEW).any(|of_log| of_log.len() > FEW);
    let files = counted(logs.len().saturating_sub(FEW) as u64, "more file");
    let rest = match (others, logs.len() > FEW) {
        (0, _) => String::new(),
        (others, true) => format!("and {} in {files}; ", grouped(others)),
        (others, false) => format!("and {} more; ", grouped(others)),
    };
    if is_any_hidden {
        let kept = grouped(Defects::KEPT as u64);
        lines.push(format!("{rest}--verbose names the first {NAMED}, --manifest FILE the first {kept}"));
    }
    lines
}

/// What to say of a number of hits that was counted before any were dropped, if any were.
pub(super) fn before_copies(ran: &Ran) -> &'static str {
    if ran.hits() == ran.tally.hits { "" } else { " (before any were dropped)" }
}

/// How far the two times of hits are apart, and of how many only one is known, if that is worth saying.
pub(super) fn clocks(ran: &Ran, clock: Clock) -> Option<String> {
    let Skew { count, largest, host, unread } = &ran.skew;
    let (apart, side) = (largest.unsigned_abs(), if *largest < 0 { "earlier" } else { "later" });
    let apart = match apart {
        0..120 => counted(apart, "second"),
        120..7200 => counted(apart / 60, "minute"),
        7200..172_800 => counted(apart / 3600, "hour"),
        _ => counted(apart / 86400, "day"),
    };
    let taken = match clock {
        Clock::Logged => "the time of logging counts, a scan with --clock utc takes UtcTime",
        Clock::Utc => "UtcTime counts",
    };
    let host = if host.is_empty() { "a host that is not stated".into() } else { text::printable(host) };
    let hits = format!("{}{}", counted(*count, "hit"), before_copies(ran));
    let skewed = (*count > 0).then(|| {
        format!(
            "{hits} with a UtcTime more than a minute from the time of logging, up to {apart} {side} on {host}: {taken}"
        )
    });
    let unread = (*unread > 0).then(|| {
        let hits = counted(*unread, "hit");
        format!("{hits}{} without a UtcTime that can be read: the time of logging counts", before_copies(ran))
    });
    let said: Vec<String> = skewed.into_iter().chain(unread).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

#[expect(clippy::cast_precision_loss, reason = "shown to one decimal")]
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => counted(bytes, "byte"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_nouns_counted() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "log"), "1 log");
        assert_eq!(counted(2, "log"), "2 logs");
        assert_eq!([1, 69632, 1_572_864].map(size), ["1 byte", "68.0 KiB", "1.5 MiB"]);
    }
}
