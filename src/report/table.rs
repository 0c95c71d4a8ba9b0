//! The report as a table to look at: as wide as its terminal, one row per group, with the columns that matter.
//!
//! All groups are in it, not all of their columns, and long values are cut; a last line says so. It is made in two passes over
//! the groups, one that measures and one that writes, and holds a row at a time.
//!
//! Crates for tables hold all cells: for 400,000 rows of seven columns, comfy-table 7 takes 802 MiB and 3.4 s, tabled 0.20 takes
//! 394 MiB and 1.8 s. And they cut every column at its end, where a path keeps its name.

use std::{borrow::Cow, io};

use anstyle::{AnsiColor, Effects};
use jiff::Timestamp;

use crate::{
    connection::glossary::{Field, INBOUND, OUTBOUND},
    group::key::{Group, GroupKey},
    report::{
        background,
        content::Report,
        fit::{self, Keep},
        labels,
        layout::{self, Claim, Demand, INDENT, Placed},
        style::{Ink, Style},
    },
    rule::info::RuleInfo,
    text,
};

/// The least and the most width of any: what is narrower wraps its lines, and nobody looks at what is wider.
const WIDTHS: (usize, usize) = (40, 1000);

/// A column of the table.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    cell: Cell,
    claim: Claim,
    keep: Keep,
    /// The least width, and the width that is good to read, if no value needs less.
    widths: (usize, usize),
}

/// Where a cell is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// The value at this place of the key.
    Value(usize),
    /// The port at this place of the key.
    Port(usize),
    /// The address at the first place, if it is not what the second says already.
    Address(usize, usize),
    /// The direction at this place of the key, which is there if any is not outbound.
    Way(usize),
    Count,
    First,
    Last,
    /// On how many hosts the process had the destination.
    Hosts,
    Level,
    Title,
}

/// Where everything is.
struct Table {
    columns: Vec<Column>,
    lines: Vec<Vec<Placed>>,
    gap: usize,
    ink: Ink,
}

/// A group.
struct Row<'a> {
    values: Vec<&'a str>,
    group: &'a Group,
    rule: Option<&'a RuleInfo>,
    hosts: Option<usize>,
}

/// Writes the header, one row per group, and a last line if that is not all there is.
///
/// # Errors
///
/// What `out` returns.
pub(super) fn write(out: &mut dyn io::Write, report: &Report<'_>, style: &Style) -> io::Result<()> {
    let screen = style.screen.unwrap_or(style.sheet.0);
    let width = screen.width.clamp(WIDTHS.0, WIDTHS.1);
    let (columns, demands) =
        measured(columns(report.fields, report.rules.is_some(), report.rarity.is_some()), report, style)?;
    let lines = layout::lay_out(&demands, width);
    let table = Table { columns, lines, gap: layout::gap(width), ink: screen.ink };
    table.write_row(out, |column| (column.name.clone().into(), anstyle::Style::new().bold()))?;
    let mut contexts = report.background.map(|background| background.groups.pass()).transpose()?;
    let mut labels = report.labels.map(|labels| labels.groups.pass()).transpose()?;
    let dimmed = paint(anstyle::Style::new().dimmed(), screen.ink);
    for group in report.groups.pass()? {
        let (key, group) = &group?;
        let row = row(report, key, group);
        table.write_row(out, |column| (row.text(column.cell, style), row.tone(column.cell)))?;
        let context = contexts.as_mut().and_then(Iterator::next).transpose()?;
        if let Some(known) = report.background_of(context.as_ref(), |at| time(at, style)) {
            write_beside(out, background::seen(&known), width, dimmed)?;
        }
        let of_group = labels.as_mut().and_then(Iterator::next).transpose()?;
        if let Some(all) = &report.labels {
            let seen = labels::seen(all, &report.labels_of(of_group.as_ref()));
            write_beside(out, seen.iter().map(|(label, value)| (*label, &**value)), width, dimmed)?;
        }
    }
    let unseen = report.background.map_or(0, |_| background::UNSEEN);
    let losses = table.losses(&demands, unseen + left_out_of_key(report.fields));
    match losses.filter(|_| !report.groups.is_empty()) {
        Some(losses) => {
            let groups = text::counted(report.groups.len(), "group");
            let last = format!("{groups}; {losses}: --format csv has all of it");
            write_wrapped(out, &last, width, dimmed)
        }
        None => Ok(()),
    }
}

/// How many columns CSV has that the groups of a table for a person do not know.
fn left_out_of_key(fields: &[Field]) -> usize {
    if fields == Field::SHOWN { Field::ALL.len() - 4 } else { 0 }
}

/// The columns that a table of these fields can have, in their order.
///
/// A host, a process, a destination and a port are there if they can be; others take the place of those that cannot.
fn columns(fields: &[Field], named: bool, rarity: bool) -> Vec<Column> {
    let place = |field: Field| fields.iter().position(|&other| other == field);
    let first = |choice: &[Field]| choice.iter().find_map(|&field| place(field));
    let column = |name: &str, cell: Cell, claim: Claim, keep: Keep, widths: (usize, usize)| Column {
        name: name.to_uppercase(),
        cell,
        claim,
        keep,
        widths,
    };
    let app = first(&[Field::App, Field::ProcessName, Field::ProcessExec]);
    let (name, address) = (place(Field::Dest), place(Field::DestIp));
    let peer = first(&[Field::Peer, Field::Remote, Field::RemoteIp]).filter(|_| name.or(address).is_none());
    let port_at = first(&[Field::Service, Field::DestPort, Field::RemotePort]);
    let end = if peer.is_some() { "remote" } else { "destination" };
    let main = [
        place(Field::Dvc).map(|at| column("host", Cell::Value(at), Claim::Always, Keep::Start, (8, 16))),
        app.map(|at| column("process", Cell::Value(at), Claim::Always, Keep::Name, (11, 16))),
        name.or(address).or(peer).map(|at| column(end, Cell::Value(at), Claim::Always, Keep::Ends, (15, 24))),
        port_at.map(|at| column("port", Cell::Port(at), Claim::Always, Keep::Start, (5, 8))),
    ];
    let free = main.iter().filter(|column| column.is_none()).count();
    let way = place(Field::Direction).filter(|_| fields == Field::SHOWN);
    let [host, process, destination, port] = main;
    let address = name.zip(address).map(|(name, address)| {
        column("address", Cell::Address(address, name), Claim::IfThereIsRoom, Keep::Ends, (15, 39))
    });
    let way = way.map(|at| column("dir", Cell::Way(at), Claim::Always, Keep::Start, (3, 8)));
    let mut columns: Vec<Column> = [host, process, way, destination, address, port].into_iter().flatten().collect();
    let is_chosen = |field: &Field| match field {
        Field::Direction => fields != Field::SHOWN,
        Field::Remote | Field::RemoteIp => place(*field) != peer,
        Field::RemotePort => place(*field) != port_at,
        field => fields.len() < Field::ALL.len() || !CONSTANT.contains(field),
    };
    let others = OTHERS.into_iter().filter(is_chosen).filter_map(|field| Some((place(field)?, field)));
    for (number, (at, field)) in others.enumerate() {
        let claim = if number < free { Claim::Always } else { Claim::IfThereIsRoom };
        columns.push(column(field.name(), Cell::Value(at), claim, Keep::Ends, (10, 40)));
    }
    let whole = (usize::MAX, usize::MAX);
    columns.push(column("count", Cell::Count, Claim::Always, Keep::Start, whole));
    columns.push(column("first (UTC)", Cell::First, Claim::Always, Keep::Start, whole));
    columns.push(column("last", Cell::Last, Claim::IfItFits, Keep::Start, whole));
    if rarity {
        columns.push(column("hosts", Cell::Hosts, Claim::Always, Keep::Start, whole));
    }
    if named {
        columns.push(column("level", Cell::Level, Claim::Always, Keep::Start, (8, 13)));
        columns.push(column("rule", Cell::Title, Claim::Always, Keep::Start, (16, 40)));
    }
    columns
}

/// The fields that have no column of their own above, those first that matter most.
const OTHERS: [Field; 18] = [
    Field::User,
    Field::Direction,
    Field::Transport,
    Field::Remote,
    Field::RemoteIp,
    Field::RemotePort,
    Field::LocalIp,
    Field::LocalPort,
    Field::SrcIp,
    Field::SrcPort,
    Field::Src,
    Field::ProcessId,
    Field::ProcessGuid,
    Field::CommunityId,
    Field::ProtocolVersion,
    Field::Protocol,
    Field::Action,
    Field::VendorProduct,
];

/// The fields that say the same of every connection; they are there only if they were chosen.
const CONSTANT: [Field; 3] = [Field::Protocol, Field::Action, Field::VendorProduct];

/// The columns that have something to show, or have to be there, with what they ask for.
fn measured(columns: Vec<Column>, report: &Report<'_>, style: &Style) -> io::Result<(Vec<Column>, Vec<Demand>)> {
    let mut widest = vec![0; columns.len()];
    for group in report.groups.pass()? {
        let (key, group) = &group?;
        let row = row(report, key, group);
        for (column, widest) in columns.iter().zip(&mut widest) {
            *widest = row.width(column.cell, style).max(*widest);
        }
    }
    let demand = |column: &Column, widest: usize| {
        let whole = widest.max(column.name.len());
        let (least, good) = column.widths;
        let is_dear = column.keep == Keep::Ends && column.claim == Claim::Always;
        Demand { claim: column.claim, is_dear, least: least.min(whole), good: good.min(whole), whole }
    };
    let is_there = |(column, widest): &(Column, usize)| {
        *widest > 0 || (column.claim != Claim::IfThereIsRoom && !matches!(column.cell, Cell::Way(_)))
    };
    let shown = columns.into_iter().zip(widest).filter(is_there);
    let with_demand = |(column, widest): (Column, usize)| {
        let demand = demand(&column, widest);
        (column, demand)
    };
    Ok(shown.map(with_demand).unzip())
}

fn row<'a>(report: &'a Report<'_>, key: &'a GroupKey, group: &'a Group) -> Row<'a> {
    let hosts = report.rarity.map(|rarity| rarity.of(key).0);
    Row { values: key.values().collect(), group, rule: report.rule(key), hosts }
}

impl<'a> Row<'a> {
    fn text(&self, cell: Cell, style: &Style) -> Cow<'a, str> {
        let value = |at: usize| self.values.get(at).copied().unwrap_or_default();
        match cell {
            Cell::Value(at) | Cell::Port(at) => fit::visible(value(at)),
            Cell::Address(address, name) if value(address) == value(name) => Cow::default(),
            Cell::Address(address, _) => fit::visible(value(address)),
            Cell::Way(at) => match value(at) {
                OUTBOUND => "out".into(),
                INBOUND => "in".into(),
                other => fit::visible(other),
            },
            Cell::Count => self.group.count.to_string().into(),
            Cell::First => time(self.group.first, style).into(),
            Cell::Last => self.last(style).into(),
            Cell::Hosts => self.hosts.map(|hosts| hosts.to_string()).unwrap_or_default().into(),
            Cell::Level => self.rule.map_or_else(Cow::default, |rule| fit::visible(&rule.level)),
            Cell::Title => self.rule.map_or_else(Cow::default, |rule| fit::visible(&rule.title)),
        }
    }

    /// How wide a cell is. What every connection is unless it is said takes no width of its own.
    fn width(&self, cell: Cell, style: &Style) -> usize {
        match cell {
            Cell::Way(at) if self.values.get(at) == Some(&OUTBOUND) => 0,
            cell => fit::width(&self.text(cell, style)),
        }
    }

    /// The last time; without its day if that is the day of the first.
    fn last(&self, style: &Style) -> String {
        let [first, last] = [self.group.first, self.group.last].map(|time| self::time(time, style));
        let time =
            if style.time_format.is_none() { first.get(..DAY).and_then(|day| last.strip_prefix(day)) } else { None };
        time.map(str::to_owned).unwrap_or(last)
    }

    fn tone(&self, cell: Cell) -> anstyle::Style {
        let level = self.rule.map_or("", |rule| &rule.level);
        match (cell, level) {
            (Cell::First | Cell::Last | Cell::Address(..), _) => anstyle::Style::new().dimmed(),
            (Cell::Level, "critical") => AnsiColor::Red.on_default().effects(Effects::BOLD),
            (Cell::Level, "high") => AnsiColor::Red.on_default(),
            (Cell::Level, "medium") => AnsiColor::Yellow.on_default(),
            (Cell::Level, "low") => AnsiColor::Cyan.on_default(),
            _ => anstyle::Style::new(),
        }
    }
}

/// How much of a time in a table is its day, and the space behind it.
const DAY: usize = "2024-03-05 ".len();

/// A time in the format that was asked for, or else to the second.
fn time(time: Option<Timestamp>, style: &Style) -> String {
    let short = || time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default();
    style.time_format.map_or_else(short, |format| format.show(time))
}

impl Table {
    /// Writes the lines of a row, without spaces at their ends.
    fn write_row<'a>(
        &self,
        out: &mut dyn io::Write,
        cell: impl Fn(&Column) -> (Cow<'a, str>, anstyle::Style),
    ) -> io::Result<()> {
        for (number, line) in self.lines.iter().enumerate() {
            let mut spaces = if number == 0 { 0 } else { INDENT };
            for &(column, width) in line {
                let Some(column) = self.columns.get(column) else { continue };
                let (text, tone) = cell(column);
                let text = fit::shorten(&text, width, column.keep);
                let left = width.saturating_sub(fit::width(&text));
                let is_number = matches!(column.cell, Cell::Port(_) | Cell::Count | Cell::Last | Cell::Hosts);
                let (before, after) = if is_number { (left, 0) } else { (0, left) };
                spaces += before;
                if !text.is_empty() {
                    let tone = paint(tone, self.ink);
                    write!(out, "{:spaces$}{tone}{text}{tone:#}", "")?;
                    spaces = 0;
                }
                spaces += after + self.gap;
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// What of the report is not in the table, if anything is not.
    fn losses(&self, demands: &[Demand], unseen: usize) -> Option<String> {
        let placed = || self.lines.iter().flatten();
        let left_out = self.columns.len().saturating_sub(placed().count()) + unseen;
        let is_cut = |&(column, width): &Placed| demands.get(column).is_some_and(|demand| demand.whole > width);
        let columns = (left_out > 0).then(|| format!("{} left out", text::counted(left_out as u64, "column")));
        let values = placed().any(is_cut).then(|| "long values cut".to_owned());
        columns.into_iter().chain(values).reduce(|one, two| format!("{one} and {two}"))
    }
}

/// Writes what is known of a group besides, each part of it on a line under the group.
fn write_beside<'a>(
    out: &mut dyn io::Write,
    known: impl Iterator<Item = (&'static str, &'a str)>,
    width: usize,
    tone: anstyle::Style,
) -> io::Result<()> {
    for (label, value) in known {
        let left = width.saturating_sub(INDENT + label.len() + 1);
        let value = fit::visible(value);
        writeln!(out, "{:INDENT$}{tone}{label} {}{tone:#}", "", fit::shorten(&value, left, Keep::Ends))?;
    }
    Ok(())
}

/// Writes words on lines of at most `width`.
fn write_wrapped(out: &mut dyn io::Write, text: &str, width: usize, tone: anstyle::Style) -> io::Result<()> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().try_for_each(|line| writeln!(out, "{tone}{line}{tone:#}"))
}

fn paint(tone: anstyle::Style, ink: Ink) -> anstyle::Style {
    if ink == Ink::Colour { tone } else { anstyle::Style::new() }
}
