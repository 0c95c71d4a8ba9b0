//! What is asked for in vain: what no connection of the source that is read can have, or what networks leave out.
//!
//! A value that cannot be right is refused. What is only of no use together with other options is said, and the run goes on. Values that
//! no source has are refused where they are read: [`crate::connection::possible`].

use ipnet::IpNet;

use crate::{
    cli::args::scan::{ClockArg, ScanArgs},
    connection::{
        audited,
        filter::{Filter, Property},
        glossary::Field,
        logged::LoggedBy,
        pattern::Pattern,
        possible,
    },
    error::Error,
    rule::{judge::Rule, sigma::load::Loaded},
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
    let is_of_sysmon = |text: &str| ["tcp", "udp"].iter().any(|&transport| Pattern::new(text).matches(transport));
    let text = filter.patterns(Property::Transport).find(|text| !is_of_sysmon(text))?;
    Some(format!(
        "--transport {} is not a transport: give tcp or udp; only with --source security or all there are others",
        text::quoted(text)
    ))
}

/// What Security-Auditing's connections never have, and Sysmon's do.
fn of_security(args: &ScanArgs, filter: &Filter, group_by: &[Field]) -> Option<String> {
    const WITH: &str = "with --source security:";
    if let Some((text, rest)) = filter.patterns(Property::App).find_map(|text| Some((text, without_drive(text)?))) {
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

/// What is behind the drive of a path that starts with one.
fn without_drive(text: &str) -> Option<&str> {
    let (drive, rest) = text.split_once(':')?;
    (drive.len() == 1 && drive.bytes().all(|byte| byte.is_ascii_alphabetic())).then_some(rest)
}

/// What there is to say of detection networks of which every address is excluded, unless there are rules that the exclusion is
/// not for.
pub(super) fn networks(rule: &Rule, loaded: &Loaded) -> Option<String> {
    let detection = rule.detection.as_ref().filter(|_| loaded.infos.is_empty())?.networks();
    let excluding = |network: &IpNet| rule.exclusion.networks().iter().find(|excluded| excluded.contains(network));
    let pairs: Vec<(&IpNet, &IpNet)> =
        detection.iter().map(|net| Some((net, excluding(net)?))).collect::<Option<_>>()?;
    let (network, excluded) = pairs.first()?;
    Some(format!(
        "--detect-cidr {network}: nothing can be found, since every address in it is excluded by {excluded}; --exclusions none \
         leaves the built-in ones out"
    ))
}

/// What there is to say of rules that ask for what nothing but Sysmon tells of processes, where its connections are not read.
pub(super) fn asked(logged_by: LoggedBy, loaded: &Loaded) -> impl Iterator<Item = String> {
    let is_told = |name: &str| audited::TOLD.contains(&name);
    let asking = loaded.asking.iter().filter(move |(_, asking)| !logged_by.has_sysmon() && !asking.is_met_by(is_told));
    asking.map(move |(info, asking)| {
        let names: Vec<&str> = asking.all.names().filter(|name| !is_told(name)).collect();
        format!(
            "rule {:?}: nothing can be found, since it asks for {} of the process, which only Sysmon tells: --source all reads its \
             connections too",
            info.title,
            names.join(", ")
        )
    })
}
