//! What is not read: connections that Windows' Security-Auditing has logged, counted where only Sysmon's are read, so that the summary
//! can say that there are more.
//!
//! They are counted in chunks that do not name Sysmon, and in those that are decoded for its connections: at least so many there are.
//! Other chunks of Sysmon's logs are not searched for them, and are read as fast as before.

use crate::{
    bytes::utf16,
    connection::security::{self, EVENT_IDS, PROVIDER},
    evtx::{
        candidates::Candidates,
        chunk::Layout,
        decoder::{Carving, Decoder},
        event::Event,
        record::Record,
        shape::Extent,
        typed::Raw,
    },
    scan::prefilter::Prefilter,
};

/// How many there are in a chunk with these records.
pub(super) fn count(prefilter: &Prefilter, chunk: &[u8], records: &[Record], layout: &Layout) -> u64 {
    let mut candidates = Candidates::new(chunk, &EVENT_IDS);
    if !records.iter().any(|&record| candidates.may_be(record)) || !prefilter.names_security(chunk) {
        return 0;
    }
    let layout = Layout { last_id: None, ..*layout };
    let decoder = Decoder::new(Carving::Live);
    let Some(typed) = decoder.typed(chunk, &layout, Extent::Only(&[])) else {
        let mut count = 0;
        let counted = |event: &Event<'_>| count += u64::from(security::is_connection(event));
        decoder.decode(chunk, &layout, |record, carved| !carved && candidates.may_be(record), counted, drop);
        return count;
    };
    let provider = provider();
    typed.rows().iter().filter(|row| is_one(typed.kind(row), &provider)).count() as u64
}

/// The name of the provider, as values have it.
pub(super) fn provider() -> Vec<u8> {
    utf16(PROVIDER)
}

/// Whether a record of this kind is one of them, with the name of their provider.
pub(super) fn is_one(kind: Option<(Raw<'_>, u16)>, provider: &[u8]) -> bool {
    kind.is_some_and(|(name, id)| EVENT_IDS.contains(&id) && name.says(provider) == Some(true))
}
