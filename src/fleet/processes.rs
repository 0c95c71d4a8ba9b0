//! What partial results say of the processes behind their hits, put together as one scan of all their logs would have.

use std::path::PathBuf;

use crate::{
    connection::{
        clock::Clock,
        process::{Fact, ProcessKey},
    },
    error::{Defect, DefectKind, Error},
    fingerprint::Fingerprints,
    fleet::partial,
    group::{facts::Facts, hits::SortedHits, processes::Processes},
    scan::{second::Found, wanted::Wanted},
};

/// Reads what the partial results at these paths say of the processes of hits. What one says is read as a whole; of what all
/// say, no more than some `room` bytes are held in memory. What cannot be read is a defect.
///
/// # Errors
///
/// What does not fit into memory cannot be kept in temporary files.
pub fn known(paths: &[PathBuf], hits: &SortedHits, room: usize) -> Result<Found, Error> {
    // What is told has its times already.
    let wanted = Wanted::new(hits, Clock::default(), Fingerprints::default()).map_err(Error::Spill)?;
    let (mut found, mut facts) = (Found::default(), Facts::new(room));
    for path in paths {
        match partial::processes(path) {
            Ok(told) => told.into_iter().for_each(|Fact { of, told }| {
                // Earlier versions have the names of hosts as they were logged.
                facts.push(Fact { of: ProcessKey::new(&of.host, of.guid), told });
            }),
            Err(cause) => {
                let cause = format!("what it says about processes is wrong: {cause}");
                found.wrong.defects.add(Defect::of_path(path, DefectKind::Partial, &cause));
            }
        }
    }
    let facts = facts.into_sorted().map_err(Error::Spill)?;
    found.processes = Processes::new(|process| wanted.has(process), &facts, room).map_err(Error::Spill)?;
    Ok(found)
}
