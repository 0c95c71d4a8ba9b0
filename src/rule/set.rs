//! A [`RuleSet`]: everything that a run looks for, judged in one pass over the connections.

use crate::{
    connection::{
        glossary::{Connection, INBOUND},
        pattern,
    },
    evtx::event::Event,
    rule::{
        info::RuleInfo,
        judge::{End, Rule, Verdict},
        sigma::{
            beside::Beside,
            engine::{Matches, Sigma},
            memo::Memo,
        },
    },
};

/// The built-in rules, or processes in their place, and the Sigma rules that are loaded.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// What is known of each rule, in the order in which reports show them: by title, then by id.
    pub infos: Vec<RuleInfo>,
    /// The built-in rules as one: their processes, and the networks of all of them. `None` if none is chosen.
    pub builtin: Option<Rule>,
    /// Which rule, by its index in `infos`, looks for which process; the last for any.
    pub by_process: Vec<(String, usize)>,
    /// The networks that the command line gives for every rule. It has no processes.
    pub everywhere: Rule,
    /// The Sigma rules.
    pub sigma: Sigma,
    /// Whether the report says which rule each group is of.
    pub named: bool,
    /// The titles of rules for which every connection has to be decoded, where that costs something.
    pub slow: Vec<String>,
    /// What is asked for and cannot be found, each as a line that names it.
    pub in_vain: Vec<String>,
}

/// What the rules say about a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// [`Verdict::Hit`] if any rule looks for it; otherwise what the rule says that comes closest.
    pub verdict: Verdict,
    /// The rules that look for it, by their index.
    pub rules: Vec<usize>,
    /// The number of the queried name by which a Sigma rule does.
    pub name: usize,
    /// Whether rules that ask for its process were not applied, since that is not known.
    pub is_unjoined: bool,
}

impl RuleSet {
    /// What is known of each rule, if the report says which rule each group is of.
    #[must_use]
    pub fn named(&self) -> Option<&[RuleInfo]> {
        self.named.then_some(&*self.infos)
    }

    /// The processes that the built-in rules look for; none if there are no such rules, or if they look for any.
    #[must_use]
    pub fn processes(&self) -> &[String] {
        self.builtin.as_ref().map_or(&[], |rule| &rule.processes)
    }

    /// Judges one connection, with the event that it is from and what is known beside it. Without a memo it does so the slow way.
    #[must_use]
    pub fn judge(
        &self,
        event: &Event<'_>,
        connection: &Connection<'_>,
        beside: &Beside<'_>,
        memo: Option<&mut Memo>,
    ) -> Judgement {
        let (builtin, rule) = self.judge_connection(connection);
        let mut rules: Vec<usize> = rule.into_iter().collect();
        if self.sigma.is_empty() {
            return Judgement { verdict: builtin, rules, name: 0, is_unjoined: false };
        }
        let everywhere = self.everywhere.judge(connection);
        let Matches { rules: matches, name } = self.sigma.matches(event, beside, memo);
        let verdict = match (builtin, everywhere, matches.is_empty()) {
            (Verdict::Hit, ..) | (_, Verdict::Hit, false) => Verdict::Hit,
            (Verdict::OtherProcess, elsewhere, false) => elsewhere,
            (builtin, ..) => builtin,
        };
        if everywhere == Verdict::Hit {
            rules.extend(matches);
        }
        rules.sort_unstable();
        let is_unjoined = everywhere == Verdict::Hit && !self.sigma.are_told(event, beside, &rules);
        Judgement { verdict, rules, name, is_unjoined }
    }

    /// What the built-in rules say of a connection, which is all there is to say where there are no Sigma rules: and which of
    /// them looks for it.
    #[must_use]
    pub fn judge_connection(&self, connection: &Connection<'_>) -> (Verdict, Option<usize>) {
        let verdict = self.builtin.as_ref().map_or(Verdict::OtherProcess, |rule| rule.judge(connection));
        let rule = if verdict == Verdict::Hit { self.rule_of(connection) } else { None };
        (verdict, rule)
    }

    /// Whether the built-in rule, if there is one, is of any process.
    #[must_use]
    pub fn is_of_any_process(&self) -> bool {
        self.builtin.as_ref().is_some_and(|rule| rule.processes.is_empty())
    }

    /// The rule that every connection is a hit of, if there is one and no Sigma rule besides.
    #[must_use]
    pub fn of_everything(&self) -> Option<usize> {
        let is_of_all =
            |rule: &Rule| rule.processes.is_empty() && rule.detection.is_none() && rule.exclusion.networks().is_empty();
        let first = self.by_process.first().filter(|(name, _)| name.is_empty() && self.sigma.is_empty());
        first.filter(|_| self.builtin.as_ref().is_some_and(is_of_all)).map(|&(_, rule)| rule)
    }

    /// Whether an inbound connection is excluded by its destination, which can be the host itself, while its source is in no network
    /// that is, as where it is not an address: judged by its peer, it might be a hit.
    #[must_use]
    pub fn leaves_out_peer(&self, connection: &Connection<'_>, verdict: Verdict) -> bool {
        let rules = self.builtin.iter().chain([&self.everywhere]);
        matches!(verdict, Verdict::Excluded(_))
            && connection.direction == INBOUND
            && self.everywhere.judged == End::Dest
            && connection
                .src_ip
                .parse()
                .map_or(true, |source| rules.clone().all(|rule| rule.exclusion.find(source).is_none()))
    }

    fn rule_of(&self, connection: &Connection<'_>) -> Option<usize> {
        let of_process =
            |(name, _): &&(String, usize)| name.is_empty() || pattern::names(name, connection.process_name());
        self.by_process.iter().find(of_process).map(|(_, rule)| *rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(process: &str, rule: Rule) -> RuleSet {
        RuleSet { by_process: vec![(process.to_owned(), 7)], builtin: Some(rule), ..RuleSet::default() }
    }

    #[test]
    fn a_peer_is_left_out_with_its_host_unless_it_is_in_an_exclusion_network_itself() {
        let networks = ["10.0.0.0/8".parse().unwrap()];
        let rules = set("", Rule { exclusion: networks.into_iter().collect(), ..Rule::default() });
        for (src_ip, is_left_out) in
            [("10.0.0.6", false), ("9.9.9.9", true), ("", true), ("not an address", true), ("10.0.0", true)]
        {
            let connection = Connection {
                direction: INBOUND,
                src_ip: src_ip.into(),
                dest_addr: "10.0.0.5".parse().ok(),
                ..Connection::default()
            };
            let (verdict, _) = rules.judge_connection(&connection);
            assert_eq!(rules.leaves_out_peer(&connection, verdict), is_left_out, "{src_ip}");
            assert!(!rules.leaves_out_peer(&Connection { direction: "", ..connection }, verdict));
        }
    }

    #[test]
    fn a_rule_of_everything_has_no_process_and_no_network() {
        let connection =
            Connection { app: r"C:\a.exe".into(), dest_addr: "1.2.3.4".parse().ok(), ..Connection::default() };
        let everything = set("", Rule::default());
        assert_eq!(everything.of_everything(), Some(7));
        assert_eq!(everything.judge_connection(&connection), (Verdict::Hit, Some(7)));
        let networks = || ["10.0.0.0/8".parse().unwrap()].into_iter().collect();
        for other in [
            set("b.exe", Rule { processes: vec!["b.exe".to_owned()], ..Rule::default() }),
            set("", Rule { detection: Some(networks()), ..Rule::default() }),
            set("", Rule { exclusion: networks(), ..Rule::default() }),
            RuleSet::default(),
        ] {
            assert_eq!(other.of_everything(), None, "{other:?}");
        }
    }
}
