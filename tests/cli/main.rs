//! The command line tool, end to end: logs in, report out.
//!
//! - [`builtin`]: the built-in rules, each with a connection that it finds and a near miss; their listing.
//! - [`detection`]: which records are connections, how they are normalised, which of them are hits.
//! - [`reporting`]: the report's columns, rows, order, cells and files; the summary.
//! - [`options`]: networks, processes, grouping, threads, and what is refused.
//! - [`filters`]: times, hosts, users, ports, transports and directions that are left in, and chunks that are not read for it.
//! - [`beacons`]: channels that are used again and again, and their scores.
//! - [`context`]: the process behind a connection.
//! - [`labels`]: what lists and databases say of the peers of connections.
//! - [`security`]: connections that Windows' Security-Auditing has logged.
//! - [`formats`]: CSV, JSON lines and the table; times; the byte order mark.
//! - [`interchange`]: events in the formats of other tools, and the Community ID.
//! - [`evidence`]: stale records, duplicates, the report of events, the manifest and its verification.
//! - [`exhibits`]: archives as the files that they are, in the manifest and in its verification.
//! - [`exports`]: events that were exported as XML or JSON lines.
//! - [`fleet`]: partial results, how they are merged, and groups that do not fit into memory.
//! - [`apart`]: hosts whose logs are in several partial results.
//! - [`html`]: the page, and that hostile text stays text in it. [`page`]: its groups and its cards.
//! - [`bad_input`]: evidence that is missing, cut off, damaged or hostile.
//! - [`misfits`]: records with values whose sizes cannot be.
//! - [`archives`]: logs in zip, gzip and tar files, and archives that are damaged or hostile. [`behind`]: what is behind their ends.
//! - [`sigma`]: Sigma rules, alone and together, filters and correlations, and the listings of rules.
//! - [`joined`]: Sigma rules that ask for the process behind a connection, and the names that it asked for.
//! - [`shell`]: help, completions, manual pages, files of arguments, the environment.
//! - [`verdicts`]: that the short cuts to rules' verdicts change none.
//! - `windows`: what is different there.
//! - [`testdata`]: the committed logs and their expected reports; [`plan`] makes both, [`intrusion`] is one host's story.
//! - `readme`: that the README shows what its commands print.
//! - [`samples`]: real logs and reports from an independent parser, where they are at hand.
//!
//! [`case`] is the fixture that all of them use, [`evtx_writer`] makes their logs, [`archive_writer`] packs them,
//! [`mmdb_writer`] makes databases of networks, [`boundaries`] is a table.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "tests are read, not linked to, and state what they expect by panicking"
)]

mod apart;
mod archive_writer;
mod archives;
mod bad_input;
mod beacons;
mod behind;
mod boundaries;
mod builtin;
mod case;
mod context;
mod detection;
mod ends;
mod evidence;
mod evtx_writer;
mod exhibits;
mod exports;
mod filters;
mod fleet;
mod formats;
mod html;
mod interchange;
mod intrusion;
mod joined;
mod labels;
mod misfits;
#[path = "../../src/label/mmdb_writer.rs"]
mod mmdb_writer;
mod options;
mod page;
mod plan;
#[cfg(unix)]
mod readme;
mod reporting;
mod samples;
mod security;
mod shell;
mod sigma;
mod testdata;
mod unread;
mod verdicts;
#[cfg(windows)]
mod windows;
