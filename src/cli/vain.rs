//! What is asked for in vain: what no connection of the source that is read can have, or what networks leave out.
//!
//! A value that cannot be right is refused. What is only of no use together with other options is said, and the run goes on. Values that
//! no source has are refused where they are read: [`crate::connection::possible`].

use std::{collections::BTreeMap, path::PathBuf};

use ipnet::IpNet;

use crate::{
    cli::args::scan::{ClockArg, Exclusions, ScanArgs},
    connection::{
        audited,
        cidr::{self, CidrSet},
        filter::{Filter, Property},
        glossary::Field,
        logged::LoggedBy,
        pattern::Pattern,
        possible, security, started, sysmon,
    },
    error::Error,
    rule::{
        judge::{End, Rule},
        set::RuleSet,
        sigma::{load::Loaded, untold::Possible, wanted::Wanted},
    },
    text,
};

/// Refuses what no connection of the source has.
///
/// # Errors
///
/// There is such a value. The text says which, why, and what to give in its place.
pub(super) fn of_source(args: &ScanArgs, filter: &Filter, group_by: &[Field]) -> Result<(), Error> {
    let wrong = match args.source {
        LoggedBy::Sysmon => of_sysmon(filter),
        LoggedBy::Security => of_security(args, filter, group_by),
        LoggedBy::All => None,
    };
    wrong.map_or(Ok(()), |message| Err(Error::Usage(message)))
}

/// What Sysmon's connections never have, and the other source's do.
fn of_sysmon(filter: &Filter) -> Option<String> {
    let is_of_sysmon = |text: &str| {
        let pattern = Pattern::new(text);
        ["tcp", "udp"].iter().any(|name| {
            pattern.matches(name) || security::protocol_number(name).is_some_and(|number| pattern.matches(number))
        })
    };
    let text = filter.patterns(Property::Transport).find(|text| !is_of_sysmon(text))?;
    Some(format!(
        "--transport {} is not a transport: give tcp or udp; others exist only with --source security or --source all",
        text::quoted(text)
    ))
}

/// What Security-Auditing's connections never have, and Sysmon's do.
fn of_security(args: &ScanArgs, filter: &Filter, group_by: &[Field]) -> Option<String> {
    const WITH: &str = "with --source security:";
    if let Some((text, rest)) = filter.patterns(Property::App).find_map(|text| Some((text, behind_drive(text)?))) {
        let text = text::quoted(text);
        return Some(format!(
            r"--app {text} {WITH} its paths have \device\harddiskvolumeN in place of a drive: give '*{}'",
            text::printable(rest)
        ));
    }
    for end in [Property::Dest, Property::Remote] {
        if let Some(text) = filter.patterns(end).find(|text| !possible::can_be_address(text)) {
            return Some(format!(
                "--{} {} {WITH} its connections have no names: give an address or a network, for example 192.0.2.0/24; --source all \
                 reads Sysmon's connections too",
                end.name(),
                text::quoted(text)
            ));
        }
    }
    if args.clock == ClockArg::Utc {
        return Some(format!(
            "--clock utc {WITH} its connections have no UtcTime: leave --clock out, or give --source all"
        ));
    }
    (!args.group_by.is_empty() && group_by.contains(&Field::ProcessGuid)).then(|| {
        format!(
            "--group-by process_guid {WITH} its connections have none: give another field, for example process_id, or --source all"
        )
    })
}

/// What is behind the drive of a pattern for paths that have one.
fn behind_drive(text: &str) -> Option<&str> {
    let (before, rest) = text.split_once(':')?;
    let is_drive = before.len() == 1 && before.bytes().all(|byte| byte.is_ascii_alphabetic());
    // A name has a colon where a stream of a file runs.
    (is_drive || rest.starts_with('\\')).then_some(rest)
}

/// What is behind the volume of a pattern for paths as the kernel and the Security log have them; nothing if it has no more.
fn behind_volume(text: &str) -> Option<&str> {
    const DEVICE: &str = r"\device\";
    let starts = |part: &str| text.get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part));
    // What runs from another host has no drive.
    if !starts(DEVICE) || starts(r"\device\mup") || starts(r"\device\lanman") {
        return None;
    }
    let volume = text.get(DEVICE.len()..)?;
    volume.find('\\').and_then(|end| volume.get(end..)).or(Some("*"))
}

/// Refuses patterns for whole paths that no process fits which is looked for, where these are known by name.
///
/// # Errors
///
/// There is such a pattern.
pub(super) fn check_apps(filter: &Filter, rules: &RuleSet) -> Result<(), Error> {
    let by_name = rules.builtin.as_ref().filter(|rule| !rule.processes.is_empty() && rules.sigma.is_empty());
    let Some(Rule { processes, .. }) = by_name else { return Ok(()) };
    let is_strange = |path: &&str| !processes.iter().any(|name| possible::has_name(path, name));
    let Some(path) = filter.patterns(Property::App).find(is_strange) else { return Ok(()) };
    let names = text::few(processes);
    let name = path.rsplit('\\').next().filter(|name| name.contains(|c| c != '*'));
    let advice = match name {
        Some(name) if name == path && !path.starts_with('*') => format!(r"give '*\{path}' if it is in a folder, or "),
        _ => String::new(),
    };
    Err(Error::Usage(format!(
        "--app {}: nothing can be found, since only {names} is looked for, and no path that fits is of such a process: {advice}give \
         --process {}",
        text::quoted(path),
        name.map_or_else(|| "NAME".to_owned(), |name| text::printable(name).into_owned()),
    )))
}

/// What there is to say of patterns for paths that fit none of one source's, which are read.
pub(super) fn paths(logged_by: LoggedBy, filter: &Filter) -> Vec<String> {
    let given: Vec<&str> = filter.patterns(Property::App).collect();
    let is_given = |pattern: &str| given.iter().any(|given| given.eq_ignore_ascii_case(pattern));
    let line = |path: &&str| {
        let drive = behind_drive(path).filter(|_| logged_by.has_security()).map(|rest| {
            let why = r"finds no connections of the Security log, whose paths have \device\harddiskvolumeN in place of a drive";
            (rest, why)
        });
        let volume = || {
            let why = "finds none of Sysmon's connections but those from volumes without a drive, since its paths have drives";
            behind_volume(path).filter(|_| logged_by.has_sysmon()).map(|rest| (rest, why))
        };
        let (rest, why) = drive.or_else(volume)?;
        let other = format!("*{}", rest.trim_start_matches('*'));
        (!is_given(&other)).then(|| format!("--app {}: {why}: '{other}' finds them all", text::quoted(path)))
    };
    given.iter().filter_map(line).collect()
}

/// Refuses options that choose among Sigma rules where there are none to choose from.
///
/// # Errors
///
/// There is such an option.
pub(super) fn check_wanted(rules: &[PathBuf], wanted: &Wanted, is_strict: bool) -> Result<(), Error> {
    let given = [
        ("--level", wanted.level.is_some()),
        ("--status", !wanted.status.is_empty()),
        ("--exclude-rule", !wanted.exclude.is_empty()),
        ("--strict-rules", is_strict),
    ];
    match given.iter().find(|(_, is_given)| *is_given && rules.is_empty()) {
        Some((option, _)) => Err(Error::Usage(format!(
            "{option} without --rules: it is about Sigma rules of your own; give rules, for example --rules my-rules/"
        ))),
        None => Ok(()),
    }
}

/// Refuses to leave out a rule that is not there.
///
/// # Errors
///
/// There is no rule with such an id, title or name.
pub(super) fn check_excluded(names: &[String], loaded: &Loaded) -> Result<(), Error> {
    match names.iter().find(|name| !loaded.excluded.contains(*name)) {
        Some(name) => Err(Error::Usage(format!(
            "--exclude-rule {}: no rule in --rules has this id, title or file name: netsift rules list --rules PATH lists them",
            text::quoted(name)
        ))),
        None => Ok(()),
    }
}

/// Refuses a built-in list of networks where no rule that is applied, by process, leaves its networks out.
///
/// # Errors
///
/// One is given.
pub(super) fn check_exclusions(args: &ScanArgs, is_any_by_process: bool) -> Result<(), Error> {
    let option = match args.exclusions {
        _ if args.public => "--public",
        None | Some(Exclusions::None) => return Ok(()),
        Some(Exclusions::Special) => "--exclusions special",
        Some(Exclusions::Splunk) => "--exclusions splunk",
    };
    if is_any_by_process {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{option}: none of the applied rules uses a built-in list of networks, only regsvcs and regasm do: leave it out, or name \
         networks, for example --exclude-cidr 10.0.0.0/8"
    )))
}

/// Says if every address in the networks of the rules or of the filters is excluded, or every address there is.
///
/// `everywhere` are the networks that are excluded for every rule. Rules with conditions of their own have no others.
pub(super) fn networks(rule: &Rule, everywhere: &CidrSet, filter: &Filter, loaded: &Loaded) -> Option<String> {
    let exclusion = if loaded.infos.is_empty() { &rule.exclusion } else { everywhere };
    let [end, other] = match rule.judged {
        End::Dest => [Property::Dest, Property::Remote],
        End::Remote => [Property::Remote, Property::Dest],
    };
    let is_of_direction = filter.patterns(Property::Direction).next().is_some();
    // Who asks for a direction knows of it.
    let by_other = if is_of_direction { Vec::new() } else { networks_of(filter, other) };
    let filtered = networks_of(filter, end);
    let detection = rule.detection.as_ref().map_or(&[][..], CidrSet::networks);
    // The two ends are the same of every connection that went out.
    let inbound = "only inbound connections";
    for (option, networks, found) in
        [("detect-cidr", detection, None), (end.name(), &filtered, None), (other.name(), &by_other, Some(inbound))]
    {
        if let Some((network, excluding)) = all_excluded(networks, exclusion) {
            let is_built_in = everywhere.holding(&excluding).is_none();
            let hint = if is_built_in { "; --exclusions none turns the built-in exclusions off" } else { "" };
            let found = found.unwrap_or("nothing");
            return Some(format!(
                "--{option} {network}: {found} can be found, since every address in it is excluded by {excluding}{hint}"
            ));
        }
    }
    if let (Some(first), Some(detection)) = (filtered.first(), &rule.detection)
        && !detection.networks().is_empty()
        && !meet(&filtered, detection)
    {
        let option = end.name();
        return Some(format!(
            "--{option} {first}: nothing can be found, since no address in it is in a network of --detect-cidr"
        ));
    }
    let every = ["0.0.0.0/0", "::/0"].map(cidr::parse).into_iter().collect::<Result<Vec<_>, _>>().unwrap_or_default();
    all_excluded(&every, exclusion).map(|_| {
        "--exclude-cidr: every address is excluded, so only connections without an address can be found".to_owned()
    })
}

/// Whether an address is in some networks and in others.
fn meet(networks: &[IpNet], others: &CidrSet) -> bool {
    let set: CidrSet = networks.iter().copied().collect();
    networks.iter().any(|network| others.holding(network).is_some())
        || others.networks().iter().any(|other| set.holding(other).is_some())
}

/// The networks that one end of connections has to be in, if it has to be in one.
fn networks_of(filter: &Filter, end: Property) -> Vec<IpNet> {
    let networks: Option<Vec<IpNet>> = filter.patterns(end).map(|text| cidr::parse(text).ok()).collect();
    networks.unwrap_or_default()
}

/// The first of some networks and what excludes it, if all of them are excluded.
fn all_excluded(networks: &[IpNet], exclusion: &CidrSet) -> Option<(IpNet, IpNet)> {
    let first = *networks.first()?;
    // Several can exclude together what none does alone.
    let together: CidrSet = IpNet::aggregate(&exclusion.networks().to_vec()).into_iter().collect();
    let excluding = exclusion.holding(&first).or_else(|| together.holding(&first))?;
    networks.iter().all(|network| together.holding(network).is_some()).then_some((first, excluding))
}

/// What there is to say of rules that match nothing where Sysmon's connections are not read.
pub(super) fn asked(logged_by: LoggedBy, loaded: &Loaded) -> Vec<String> {
    if logged_by.has_sysmon() {
        return Vec::new();
    }
    let possible = Possible { is_told: is_told_by_security, can_be: security::can_be };
    let mut titles: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for (info, missing) in loaded.unmatched(possible) {
        titles.entry(missing.into_iter().collect()).or_default().push(text::quoted(&info.title));
    }
    let say = |(missing, titles): (Vec<String>, Vec<String>)| {
        let (rules, ask) = if titles.len() == 1 { ("rule", "it asks") } else { ("rules", "they ask") };
        format!(
            "{rules} {}: nothing can be found, since {ask} for {}, which only Sysmon logs: a scan with --source all reads its connections too",
            titles.join(", "),
            missing.join(", ")
        )
    };
    titles.into_iter().map(say).collect()
}

/// Whether Security-Auditing tells a field of a connection or of its process. A name that is not known is not said to be missing here.
fn is_told_by_security(name: &str) -> bool {
    let is_of_sysmon = sysmon::FIELDS.contains(&name) || started::FIELDS.contains(&name);
    !is_of_sysmon || security::TOLD.contains(&name) || audited::TOLD.contains(&name)
}
