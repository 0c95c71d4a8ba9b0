//! The table of beacons: one CSV row per channel, the most regular first.

use std::io::{self, Write};

use crate::{
    connection::glossary::Field,
    group::{
        beacons::{Beacon, FIELDS, SortedBeacons},
        rhythm::Thousandths,
    },
    report::{csv, style::Style},
};

/// The columns behind those of the channel.
const COLUMNS: [&str; 10] = [
    "count",
    "firstTime",
    "lastTime",
    "median_interval",
    "mad",
    "skew_score",
    "mad_score",
    "histogram_score",
    "duration_score",
    "score",
];

/// Writes the header and the rows. It is CSV, whatever the report's format.
///
/// # Errors
///
/// What `out` returns, or beacons that were spilled cannot be read again.
pub fn write(out: &mut dyn Write, beacons: &SortedBeacons, style: &Style) -> io::Result<()> {
    csv::header(&mut *out, style.mark, FIELDS.map(Field::name).into_iter().chain(COLUMNS))?;
    let mut line = Vec::new();
    for beacon in beacons.pass()? {
        let beacon = beacon?;
        let numbers = numbers(&beacon, style);
        line.clear();
        csv::push(&mut line, beacon.values().chain(numbers.iter().map(String::as_str)), style.cells)?;
        out.write_all(&line)?;
    }
    Ok(())
}

fn numbers(beacon: &Beacon, style: &Style) -> [String; COLUMNS.len()] {
    let time = |time| style.time_format().show(time);
    let rhythm = &beacon.rhythm;
    [
        beacon.count().to_string(),
        time(beacon.first()),
        time(beacon.last()),
        seconds(rhythm.median),
        seconds(rhythm.deviation),
        score(rhythm.skew),
        score(rhythm.mad),
        score(rhythm.histogram),
        score(rhythm.duration),
        score(beacon.score()),
    ]
}

/// Milliseconds as seconds, with as many decimals as there are.
fn seconds(milliseconds: u64) -> String {
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// With three decimals.
fn score(thousandths: Thousandths) -> String {
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_the_decimals_that_there_are_and_scores_three() {
        assert_eq!([0, 250, 1500, 60_000, 100_075].map(seconds), ["0", "0.25", "1.5", "60", "100.075"]);
        assert_eq!([0, 7, 995, 1000].map(score), ["0.000", "0.007", "0.995", "1.000"]);
    }
}
