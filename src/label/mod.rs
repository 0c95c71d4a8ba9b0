//! Labels: what lists and databases that an investigator brings say of the other end of a connection.
//!
//! In come files that are not evidence, and then addresses and names; out goes what is said of them. Nothing is built in, nothing is
//! looked up elsewhere, and a label leaves nothing out.
//!
//! - [`labels`]: all lists and databases of a run, and what they say of a connection, by its [`peer`]. [`told`]: the same, of many connections.
//! - [`watchlist`]: one list, and what is on it: [`names`], [`texts`] with their [`needles`], and networks.
//! - [`entries`]: what a list is made of, whichever format it has: [`plain`] lines, a [`misp`] warninglist, a [`stix`] bundle.
//! - [`geoip`]: a database of networks, their owners and countries; only this file names the `maxminddb` crate.
//!   `mmdb_writer`: such a database, for tests.

pub mod entries;
pub mod geoip;
pub mod labels;
mod misp;
#[cfg(test)]
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "a fixture, which the tests of the command line use too"
)]
mod mmdb_writer;
mod names;
mod needles;
mod peer;
mod plain;
mod stix;
mod texts;
pub mod told;
pub mod watchlist;
