//! A [`Tally`]: what was read of a source and how it was judged, in numbers that add up.
//!
//! Chunks are ruled out, decoded, never used or unreadable; every connection is left out by the filter, or has one verdict.
//! Sums of counts end at the largest number there is, since a partial result can say anything.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::{count::sum, rule::judge::Verdict};

macro_rules! tally {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// Counts of one source, or of all.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Tally {
            $($(#[$meta])* pub $name: u64,)*
        }

        impl AddAssign for Tally {
            fn add_assign(&mut self, other: Self) {
                $(self.$name = self.$name.saturating_add(other.$name);)*
            }
        }
    };
}

tally! {
    /// Logs whose start was read.
    logs,
    /// Bytes that were read.
    bytes,
    /// Chunks whose bytes show that no hit is in them.
    chunks_ruled_out,
    /// Chunks that were decoded.
    chunks_decoded,
    /// Chunks of zeros, never used.
    chunks_unused,
    /// Chunks that are neither used nor unused. With recovery, they are searched for records all the same.
    chunks_unreadable,
    /// Chunks, ruled out or decoded, that are out of place.
    chunks_displaced,
    /// Chunks that say they have no checksums.
    chunks_unchecked,
    /// Chunks that name Sysmon, or a provider whose connections are read, ruled out or not, and exports with events of one.
    chunks_sysmon,
    /// Connections that Windows' Security-Auditing has logged and that are not read, as far as they are plain to see.
    security_unread,
    /// Records that were read in chunks that were decoded.
    records_read,
    /// Records in chunks that were ruled out.
    records_ruled_out,
    /// Records that were carved out of space that is no longer part of the log; not among those read.
    records_recovered,
    /// Connections that the filter leaves out, of those in chunks that were decoded.
    filtered,
    /// Connections of other processes than the chosen ones.
    other_process,
    /// Connections of the chosen processes to no detection network.
    outside_detection,
    /// Connections of the chosen processes to an exclusion network.
    excluded,
    /// Inbound connections among those that are excluded by their destinations, whose sources are in no exclusion network.
    #[serde(default)]
    excluded_peers,
    /// Connections that the rule looks for.
    hits,
    /// Those of them from recovered records.
    hits_recovered,
    /// Connections that rules which ask for the process were not applied to, since that is not known.
    unjoined,
    /// Connections that were not found by their user, since that is not known.
    userless,
}

impl Tally {
    /// Counts a connection.
    pub fn judged(&mut self, verdict: Verdict, recovered: bool) {
        match verdict {
            Verdict::OtherProcess => self.other_process += 1,
            Verdict::OutsideDetection => self.outside_detection += 1,
            Verdict::Excluded(_) => self.excluded += 1,
            Verdict::Hit => {
                self.hits += 1;
                self.hits_recovered += u64::from(recovered);
            }
        }
    }

    /// All chunks.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        sum([self.chunks_ruled_out, self.chunks_decoded, self.chunks_unused, self.chunks_unreadable])
    }

    /// All records of the logs, read or ruled out.
    #[must_use]
    pub fn records(&self) -> u64 {
        sum([self.records_read, self.records_ruled_out])
    }

    /// All connections that were met.
    #[must_use]
    pub fn connections(&self) -> u64 {
        sum([self.filtered, self.other_process, self.of_chosen_processes()])
    }

    /// Hits that are not of recovered records.
    #[must_use]
    pub fn live_hits(&self) -> u64 {
        self.hits.saturating_sub(self.hits_recovered)
    }

    /// Connections of the chosen processes.
    #[must_use]
    pub fn of_chosen_processes(&self) -> u64 {
        sum([self.hits, self.outside_detection, self.excluded])
    }
}
