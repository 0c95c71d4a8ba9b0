//! The page: what a run found as one HTML file that a browser opens from disk, with a timeline, tables and the events.
//!
//! It is made of three parts that are here to be read, `page.html`, `page.css` and the script (`script/`), and of one block of data.
//! What keeps evidence from doing anything in it:
//!
//! 1. It is only in the block of data, which is JSON that cannot end its element (`inert`) and is not run.
//! 2. The script puts it on the page as text, never as markup.
//! 3. The content security policy allows that one script and that one style sheet, by their hashes, and no request.
//!
//! Of the script, 179 lines and 11 KB draw the timeline, the one chart there is, as SVG; the rest is tables and their filters. A
//! library would not be less: uPlot 1.6 is 51 KB, draws on a canvas, which has no text for a screen reader and is pixels on paper, and
//! leaves stacking to its user; Observable Plot 0.6 is 209 KB and needs D3, another 281 KB.
//!
//! Memory: the groups and the hits that are shown, which are bounded, and one entry per destination, host and process. The
//! page depends on the evidence, the rule and the version alone.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    count,
    group::{beacons::SortedBeacons, rarity::Rarity},
    report::{
        background,
        content::Report,
        manifest::{DefectEntry, Manifest, Options, RulesEntry, SourceEntry, Tool, Written},
        page::{
            columns::{self, Listed},
            data::Data,
            gathered::Sorted,
            inert,
            names::Names,
        },
        ran::Ran,
        summary,
    },
    rule::info::RuleInfo,
    scan::{searched::SearchedFile, terms::Terms},
};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// The parts of the script, one behind the other.
const SCRIPT: &str = concat!(
    include_str!("script/data.js"),
    include_str!("script/filter.js"),
    include_str!("script/timeline.js"),
    include_str!("script/cards.js"),
    include_str!("script/table.js"),
    include_str!("script/csv.js"),
    include_str!("script/made.js"),
    include_str!("script/page.js"),
);

/// How severe a hit can be, from the least.
const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];

/// Defects, logs and archives that are listed. The manifest has all of the logs and archives, and as many defects.
const LISTED: usize = 1000;

/// What was searched, how, and what came of it in numbers.
#[derive(Debug, Serialize)]
struct Page<'a> {
    tool: &'a Tool,
    rule: &'a RulesEntry,
    /// What the case is called, if somebody said so.
    case: Option<&'a str>,
    /// What the page is of: the rule's title, or how many rules there are.
    title: Option<String>,
    attack: Option<&'a str>,
    /// What connections that are counted are called.
    noun: &'static str,
    /// The rules that have hits, if the report says which rule each group is of.
    cards: Vec<RuleCard<'a>>,
    /// The columns of the table.
    fields: Vec<&'static str>,
    /// Those of them that are of the process behind a connection, if they are there.
    of_process: [&'static str; background::COLUMNS.len()],
    /// Those of them that are of lists and databases.
    of_labels: Vec<&'static str>,
    /// Connections to each exclusion network, in the rule's order.
    excluded: Vec<u64>,
    options: &'a Options,
    report: &'a Written,
    numbers: Numbers,
    sources: Vec<Source<'a>>,
    more_sources: usize,
    archives: Vec<File<'a>>,
    more_archives: usize,
    defects: BTreeMap<&'static str, u64>,
    first_defects: &'a [DefectEntry],
    #[serde(flatten)]
    found: Data<'a>,
}

/// The numbers of the summary.
#[derive(Debug, Serialize)]
struct Numbers {
    logs: u64,
    dirty: u64,
    bytes: u64,
    chunks: [u64; 4],
    records_read: u64,
    records_ruled_out: u64,
    records_recovered: u64,
    sysmon_chunks: u64,
    filtered: u64,
    chosen: u64,
    outside_detection: u64,
    excluded: u64,
    hits: u64,
    hits_recovered: u64,
    duplicates: u64,
    twins: u64,
    defects: u64,
    /// Inbound connections that may be excluded by their own host's address.
    excluded_peers: u64,
    /// Those that rules which ask for the process were not applied to.
    unjoined: u64,
    /// Those that were not found by their user, since that is not known.
    userless: u64,
    /// Hits that are in no row, since no list has them.
    unwatched: u64,
    /// How far the two times of hits are apart, if that is worth saying.
    clocks: Option<String>,
}

/// A rule and its hits.
#[derive(Debug, Serialize)]
struct RuleCard<'a> {
    /// Its index.
    rule: usize,
    title: &'a str,
    level: &'a str,
    attack: &'a str,
    author: &'a str,
    hits: u64,
}

/// A log.
#[derive(Debug, Serialize)]
struct Source<'a> {
    #[serde(flatten)]
    file: File<'a>,
    records: u64,
    hits: u64,
    defects: u64,
    dirty: bool,
}

/// A file of evidence, or a log in an archive.
#[derive(Debug, Serialize)]
struct File<'a> {
    name: &'a str,
    size: u64,
    sha256: Option<&'a str>,
}

/// What the page of a run is made of.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// The manifest, in which hashes can be missing.
    pub manifest: &'a Manifest,
    /// What the run has to say for itself.
    pub ran: &'a Ran,
    /// What it is of.
    pub terms: &'a Terms,
    /// The report as the page has it.
    pub report: &'a Report<'a>,
    /// What was gathered for the page.
    pub sorted: &'a Sorted,
    /// The channels that are used again and again, if hits are known.
    pub beacons: Option<&'a SortedBeacons>,
    /// What the page is called, if not after its rule.
    pub case: Option<&'a str>,
}

/// Writes the page of a run.
///
/// # Errors
///
/// What `out` returns, or what was spilled cannot be read again.
pub fn write(out: &mut dyn Write, content: &Content<'_>) -> io::Result<()> {
    let mut strings = Names::default();
    let groups = Listed::new(content.report)?;
    let page = page(content, &groups, &mut strings)?;
    // As a browser hashes them: line ends are newlines, however the files were checked out.
    let [style, script] = [STYLE, SCRIPT].map(|text| text.replace("\r\n", "\n"));
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; \
         form-action 'none'",
        hash(&script),
        hash(&style)
    );
    let mut rest = PAGE;
    while let Some((before, (name, after))) = rest.split_once("{{").and_then(|(b, r)| Some((b, r.split_once("}}")?))) {
        out.write_all(before.as_bytes())?;
        match name {
            "policy" => out.write_all(policy.as_bytes())?,
            "style" => out.write_all(style.as_bytes())?,
            "script" => out.write_all(script.as_bytes())?,
            _ => inert::write(out, &page)?,
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// All that the page says. `strings` is empty, and holds texts afterwards.
///
/// # Errors
///
/// What was spilled cannot be read again.
fn page<'a>(content: &Content<'a>, groups: &'a Listed, strings: &'a mut Names) -> io::Result<Page<'a>> {
    let Content { manifest, ran, terms, report, sorted, beacons, case } = *content;
    let (title, attack) = match terms.rules.infos.as_slice() {
        [rule] => (Some(rule.title.clone()), Some(&*rule.attack)),
        rules => (Some(format!("Network connections that {} rules look for", rules.len())), None),
    };
    let count = |network: &String| network.parse().ok().and_then(|network| ran.excluded.get(&network).copied());
    let fields = report.fields.iter().map(|&field| columns::name(field));
    let fields = fields.chain(report.rules.iter().flat_map(|_| RuleInfo::COLUMNS));
    Ok(Page {
        tool: &manifest.tool,
        rule: &manifest.rule,
        case,
        title,
        noun: if terms.rules.infos.iter().any(RuleInfo::is_rule) { "hit" } else { "connection" },
        cards: rule_cards(report, ran),
        attack: attack.filter(|attack| !attack.is_empty()),
        fields: fields
            .chain(report.rarity.iter().flat_map(|_| Rarity::COLUMNS))
            .chain(report.background.iter().flat_map(|_| background::COLUMNS))
            .chain(report.label_columns())
            .collect(),
        of_process: background::COLUMNS,
        of_labels: report.label_columns().collect(),
        excluded: manifest.rule.body.exclusion_networks.iter().map(|network| count(network).unwrap_or(0)).collect(),
        options: &manifest.options,
        report: &manifest.report,
        numbers: numbers(ran, terms),
        sources: manifest.sources.iter().take(LISTED).map(source).collect(),
        more_sources: manifest.sources.len().saturating_sub(LISTED),
        archives: manifest.archives.iter().take(LISTED).map(file).collect(),
        more_archives: manifest.archives.len().saturating_sub(LISTED),
        defects: ran.defects.counts().map(|(kind, count)| (kind.name(), count)).collect(),
        first_defects: &manifest.defects.first,
        found: Data::new(&sorted.observed, report, beacons, groups, strings)?,
    })
}

/// The rules that have hits, the most severe first, and of these the one with the most hits.
fn rule_cards<'a>(report: &Report<'a>, ran: &Ran) -> Vec<RuleCard<'a>> {
    let card = |(rule, info): (usize, &'a RuleInfo)| {
        let RuleInfo { title, level, attack, author, .. } = info;
        let hits = ran.by_rule.get(&rule).copied().filter(|&hits| hits > 0)?;
        Some(RuleCard { rule, title, level, attack, author, hits })
    };
    let mut cards: Vec<RuleCard<'a>> = report.rules.unwrap_or_default().iter().enumerate().filter_map(card).collect();
    let severity = |card: &RuleCard<'_>| LEVELS.iter().position(|level| *level == card.level);
    cards.sort_by_key(|card| std::cmp::Reverse((severity(card), card.hits)));
    cards
}

fn numbers(ran: &Ran, terms: &Terms) -> Numbers {
    let tally = &ran.tally;
    Numbers {
        logs: tally.logs,
        dirty: ran.dirty,
        bytes: tally.bytes,
        chunks: [tally.chunks_decoded, tally.chunks_ruled_out, tally.chunks_unused, tally.chunks_unreadable],
        records_read: tally.records_read,
        records_ruled_out: tally.records_ruled_out,
        records_recovered: tally.records_recovered,
        sysmon_chunks: tally.chunks_sysmon,
        filtered: tally.filtered,
        chosen: tally.of_chosen_processes(),
        outside_detection: tally.outside_detection,
        excluded: tally.excluded,
        hits: tally.hits,
        hits_recovered: tally.hits_recovered,
        duplicates: count::sum(ran.duplicates.values().copied()),
        twins: ran.twins,
        defects: ran.defects.total(),
        excluded_peers: tally.excluded_peers,
        unjoined: tally.unjoined,
        userless: tally.userless,
        unwatched: ran.labels.as_ref().and_then(|labels| labels.left_out).map_or(0, |left_out| left_out.hits),
        clocks: summary::clocks(ran, terms.clock),
    }
}

fn source(entry: &SourceEntry) -> Source<'_> {
    Source {
        file: file(&entry.file),
        records: entry.records.count,
        hits: entry.connections.hits,
        defects: count::sum(entry.defects.values().copied()),
        dirty: entry.header.as_ref().is_some_and(|header| header.dirty),
    }
}

fn file(file: &SearchedFile) -> File<'_> {
    File { name: &file.name, size: file.size, sha256: file.digests.as_ref().map(|digests| &*digests.sha256) }
}
