//! The [`Summary`]: what a run read, how it judged, and what was wrong, as a few lines for a person.

use std::{fmt, time::Duration};

use crate::{error::Defects, rule::Rule, tally::Tally};

/// What a run did, shown on standard error at its end.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a> {
    /// What was looked for.
    pub rule: &'a Rule,
    /// The rule's title, if it is the built-in one.
    pub title: Option<&'a str>,
    /// How many logs were read.
    pub logs: u64,
    /// What was counted in them.
    pub tally: Tally,
    /// Connections to each exclusion network, by its index in the rule's set.
    pub excluded: &'a [u64],
    /// How many rows the report has.
    pub groups: usize,
    /// What was wrong with the evidence.
    pub defects: &'a Defects,
    /// Symbolic links that were not followed.
    pub links: u64,
    /// How long the scan took.
    pub elapsed: Duration,
}

/// Defects that are named; a manifest of all of them is not the summary's job.
const NAMED_DEFECTS: usize = 20;

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(title) = self.title {
            writeln!(f, "rule      {title}")?;
        }
        self.searched(f)?;
        self.found(f)?;
        self.excluded(f)?;
        if self.links > 0 {
            writeln!(f, "skipped   {} not followed", counted(self.links, "symbolic link"))?;
        }
        self.defective(f)?;
        let seconds = self.elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "shown to three digits")]
        let rate = self.tally.bytes as f64 / 1e9 / seconds.max(1e-9);
        writeln!(f, "time      {seconds:.2} s, {rate:.1} GB/s")
    }
}

impl Summary<'_> {
    fn searched(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        writeln!(
            f,
            "searched  {}, {}, {}, {}",
            counted(self.logs, "log"),
            size(self.tally.bytes),
            counted(self.tally.chunks(), "chunk"),
            counted(self.tally.records(), "record"),
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
            grouped(self.tally.records_read),
            grouped(self.tally.records_ruled_out)
        )?;
        if self.tally.chunks_sysmon == 0 {
            writeln!(f, "          none of the chunks names Sysmon: are these the right logs?")?;
        }
        Ok(())
    }

    fn found(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { hits, outside_detection, excluded, .. } = self.tally;
        let whose = match self.rule.processes.as_slice() {
            [] => String::new(),
            names => format!(" of {}", names.join(", ")),
        };
        let chosen = self.tally.of_chosen_processes();
        if chosen == 0 {
            return writeln!(
                f,
                "found     nothing: no network connection{whose} in {} of {}",
                counted(self.tally.records(), "record"),
                counted(self.logs, "log")
            );
        }
        write!(f, "found     {}{whose}: {}", counted(chosen, "connection"), counted(hits, "hit"))?;
        write!(f, " in {}", counted(self.groups as u64, "group"))?;
        if outside_detection > 0 {
            write!(f, ", {} outside the detection networks", grouped(outside_detection))?;
        }
        writeln!(f, ", {} excluded", grouped(excluded))
    }

    fn excluded(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut label = "excluded";
        for (network, &count) in self.rule.exclusion.networks().iter().zip(self.excluded) {
            if count > 0 {
                writeln!(f, "{label:<10}{:>7}  {network}", grouped(count))?;
                label = "";
            }
        }
        Ok(())
    }

    fn defective(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.defects.is_empty() {
            return Ok(());
        }
        let kinds: Vec<String> =
            self.defects.counts().map(|(kind, count)| format!("{} {}", grouped(count), kind.name())).collect();
        writeln!(f, "defects   {}: {}", grouped(self.defects.total()), kinds.join(", "))?;
        for defect in self.defects.first().take(NAMED_DEFECTS) {
            writeln!(f, "          {defect}")?;
        }
        let unnamed = self.defects.total().saturating_sub(NAMED_DEFECTS as u64);
        if unnamed > 0 {
            writeln!(f, "          and {} more", grouped(unnamed))?;
        }
        Ok(())
    }
}

fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with a comma between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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
