//! The report as Parquet: the columns of a partial result ([`crate::report::parquet::columns`]), but for the source, with those of the
//! rules and of rarity as the report has them.

use std::io;

use parquet::{
    basic::Repetition,
    data_type::{ByteArrayType, Int64Type},
    errors::Result,
    file::writer::SerializedFileWriter,
};

use crate::{
    group::{
        contexts::GroupContext,
        key::{Group, GroupKey},
        labelled::GroupLabels,
        rarity::Rarity,
    },
    report::{
        background,
        content::Report,
        parquet::{columns, fault, writer},
        times::TimeFormat,
    },
    rule::info::RuleInfo,
};

/// Writes the file.
///
/// # Errors
///
/// What `out` returns.
pub(crate) fn write(out: &mut (dyn io::Write + Send), report: &Report<'_>) -> io::Result<()> {
    let file = || -> Result<()> {
        let mut columns = columns::of_groups(report.fields);
        columns.extend(report.rules.iter().flat_map(|_| RuleInfo::COLUMNS.map(columns::text)));
        columns.extend(report.background.iter().flat_map(|_| background::COLUMNS.map(columns::text)));
        columns.extend(report.labels.iter().flat_map(|labels| labels.columns().map(columns::text)));
        if report.rarity.is_some() {
            let [hosts, first] = Rarity::COLUMNS;
            columns.extend([columns::int(hosts, Repetition::OPTIONAL), columns::text(first)]);
        }
        let mut file = SerializedFileWriter::new(out, columns::schema_of(columns.into_iter())?, columns::properties())?;
        let mut groups = report.groups.pass()?;
        let mut contexts = report.background.map(|background| background.groups.pass()).transpose()?;
        let mut labels = report.labels.map(|labels| labels.groups.pass()).transpose()?;
        loop {
            let (mut part, mut text) = (Vec::new(), 0);
            while part.len() < columns::ROWS && text < columns::TEXT {
                let Some(group) = groups.next().transpose()? else { break };
                text += group.0.text_size();
                part.push(group);
            }
            if part.is_empty() {
                break;
            }
            let contexts = contexts.iter_mut().flat_map(|contexts| contexts.by_ref().take(part.len()));
            let contexts: Vec<GroupContext> = contexts.collect::<io::Result<_>>()?;
            let labels = labels.iter_mut().flat_map(|labels| labels.by_ref().take(part.len()));
            let labels: Vec<GroupLabels> = labels.collect::<io::Result<_>>()?;
            write_part(&mut file, report, &part, Beside { contexts: &contexts, labels: &labels })?;
        }
        file.close()?;
        Ok(())
    };
    file().map_err(fault::io_error)
}

/// What is known of the groups of a part besides.
#[derive(Clone, Copy)]
struct Beside<'a> {
    contexts: &'a [GroupContext],
    labels: &'a [GroupLabels],
}

fn write_part<W: io::Write + Send>(
    file: &mut SerializedFileWriter<W>,
    report: &Report<'_>,
    part: &[(GroupKey, Group)],
    beside: Beside<'_>,
) -> Result<()> {
    let Beside { contexts, labels } = beside;
    let mut out = file.next_row_group()?;
    let groups: Vec<(&GroupKey, &Group)> = part.iter().map(|(key, group)| (key, group)).collect();
    writer::write_groups(&mut out, report.fields, &groups)?;
    if report.rules.is_some() {
        for index in 0..RuleInfo::COLUMNS.len() {
            let value = |(key, _): &(GroupKey, Group)| {
                report.rule(key).and_then(|rule| writer::stated(rule.columns().get(index).copied().unwrap_or_default()))
            };
            writer::write_column::<ByteArrayType>(&mut out, part.iter().map(value))?;
        }
    }
    if report.background.is_some() {
        let show = |time| TimeFormat::Rfc3339.show(time);
        let rows: Vec<_> = contexts.iter().filter_map(|context| report.background_of(Some(context), show)).collect();
        for index in 0..background::COLUMNS.len() {
            let value = |row: &'_ [String; background::COLUMNS.len()]| row.get(index).cloned().unwrap_or_default();
            let values: Vec<String> = rows.iter().map(value).collect();
            writer::write_column::<ByteArrayType>(&mut out, values.iter().map(|value| writer::stated(value)))?;
        }
    }
    if let Some(all) = &report.labels {
        let rows: Vec<Vec<String>> = labels.iter().map(|labels| all.of_group(labels)).collect();
        for index in 0..all.columns().count() {
            let value = |row: &'_ Vec<String>| row.get(index).cloned().unwrap_or_default();
            let values: Vec<String> = rows.iter().map(value).collect();
            writer::write_column::<ByteArrayType>(&mut out, values.iter().map(|value| writer::stated(value)))?;
        }
    }
    if let Some(rarity) = report.rarity {
        let rarities: Vec<(usize, &str)> = part.iter().map(|(key, _)| rarity.of(key)).collect();
        let hosts = rarities.iter().map(|&(hosts, _)| i64::try_from(hosts).ok());
        writer::write_column::<Int64Type>(&mut out, hosts)?;
        writer::write_column::<ByteArrayType>(&mut out, rarities.iter().map(|(_, first)| writer::stated(first)))?;
    }
    out.close()?;
    Ok(())
}
