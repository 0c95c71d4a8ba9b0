//! Events as JSON lines: an object for each, with the columns of the CSV and the Community ID.

use std::io;

use crate::report::{interchange::event::Event, jsonl};

/// Adds the line of an event.
///
/// # Errors
///
/// None that memory does not have.
pub(in crate::report) fn push(lines: &mut Vec<u8>, event: Event<'_>) -> io::Result<()> {
    jsonl::push(lines, event.members())
}
