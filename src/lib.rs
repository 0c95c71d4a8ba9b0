//! `netsift` finds the network connections of chosen processes in collected Sysmon event logs.
//!
//! The data goes one way, from room to room. Each room is a folder, and names only those on its left:
//!
//! ```text
//! evidence → evtx → connection → label → rule → group → scan → report → fleet
//!  sources   events  what one is  what   hits   counted  on all  what is  parts put
//!  of bytes                      lists say      and kept  cores  written  together
//! ```
//!
//! Above them, `run` writes all that a run is asked for, `verify` holds evidence against a manifest, `search` is for other
//! programs, and `cli` is the command line.
//! Below them lie `error`, `text` and a few more that every room uses.
//!
//! | room | in comes | out goes |
//! | --- | --- | --- |
//! | [`evidence`] | paths | logs as streams of bytes, also those in archives |
//! | [`evtx`] | bytes | events, and what is wrong with the bytes |
//! | [`connection`] | an event | a connection, in the names of the report |
//! | [`label`] | lists and databases of the investigator, addresses and names | what they say of these |
//! | [`rule`] | a connection | whether it is a hit, and of which rules |
//! | [`group`] | hits | groups and hits in order, also when they do not fit into memory |
//! | [`scan`] | logs and a plan | what was searched, and all that was found in it |
//! | [`report`] | what was searched | the report, the page, the manifest, the summary |
//! | [`fleet`] | partial results | the same as one scan of all their logs |
//! | [`run`] | what was searched | all files that were asked for |
//! | [`verify`] | a manifest | which evidence differs from it |
//! | [`search`] | what another program looks for | groups and connections |
//! | [`cli`] | arguments | an exit status |
//!
//! What always holds:
//!
//! 1. Evidence is untrusted. A bad record costs that record, a bad chunk that chunk, a bad file that file, and each
//!    loss is a [`Defect`] with its place.
//! 2. Evidence is opened for reading only.
//! 3. The prefilter never loses a hit: what it rules out cannot match, and a slow path that decodes everything is
//!    there to be compared with.
//! 4. Memory does not grow with the bytes of the logs: each thread has its buffers, groups and hits that do not fit are spilled
//!    to disk, and of archives only one that is compressed in another is held, up to a bound. It does grow with the number of
//!    logs, a little with what was spilled, and with what has to be told apart. That is: the processes of hits (`--context`), the
//!    hosts of each pair (`--rarity`), the groups on a list (`--watchlist`), the hosts, processes and destinations of a page, and
//!    what rules count that count.
//! 5. From the bytes of a chunk to the groups there is no clock, and no files and no environment but for what is spilled, and where
//!    to. So the report depends on the evidence, the rules and the version alone, whatever the number of threads.
//!
//! [`Search`] is the way in for other programs:
//!
//! ```
//! use netsift::{Field, Search};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let found = Search::detection()?.group_by(&[Field::Dvc, Field::DestIp]).of(&["testdata/case"])?;
//!
//! let mut hosts = std::collections::BTreeSet::new();
//! for group in found.groups()? {
//!     let (key, group) = group?;
//!     let values: Vec<&str> = key.values().collect();
//!     println!("{} to {}: {} connections", values[0], values[1], group.count);
//!     hosts.insert(values[0].to_owned());
//! }
//! assert!(hosts.contains("WS02"));
//!
//! let mut connections = 0;
//! found.connections(|connection| {
//!     assert!(connection.get(Field::App).to_lowercase().ends_with("regsvcs.exe"));
//!     connections += 1;
//!     Ok(())
//! })?;
//! assert_eq!(connections, 102);
//!
//! // What could not be read is named. Here all could.
//! assert!(found.defects().is_empty());
//! # Ok(())
//! # }
//! ```

mod bytes;
mod cli;
mod connection;
mod count;
mod error;
mod evidence;
mod evtx;
mod fingerprint;
mod fleet;
mod group;
mod index;
mod join;
mod label;
mod magic;
mod report;
mod rule;
mod run;
mod scan;
mod search;
mod space;
mod text;
mod verify;

pub use crate::{
    cli::obey::program,
    connection::glossary::{Field, Kind},
    error::{Defect, DefectKind, Defects, Error},
    group::{
        hit::Hit,
        key::{Group, GroupKey},
    },
    search::{Found, Search},
};

/// What the tests, fuzz targets and benchmarks of this repository look at. It is not part of the interface.
#[doc(hidden)]
pub mod inside {
    pub mod magic {
        pub use crate::magic::*;
    }

    pub mod exported {
        pub use crate::evtx::exported::{export::read, piece::Fault, text::Place};
    }

    pub use crate::{
        cli::{args, config},
        connection::{cidr, clock, filter, glossary, logged, process, sysmon},
        evidence::{
            archive::{form, limits, list, unpack},
            digest, export, source, sources,
        },
        evtx::{chunk, decoder, event, ids, record, shape, typed, window},
        fleet::{facts, partial},
        group::{beacons, contexts, copies, groups, hit, hits, key, processes, twins},
        report::parquet::columns,
        rule::{builtin, info, judge, set, sigma::beside},
        scan::{along, coverage, findings, hosts, plan, pool, prefilter, searched, sift, tally, terms},
    };
}
