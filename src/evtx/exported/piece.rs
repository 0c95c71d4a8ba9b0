//! A [`Piece`] of a text: an event, or what stands where one should. How either form is divided is not known here.

use crate::evtx::exported::text::Place;

/// The longest event or line that is read, in bytes: 1 MiB. A record of a log has at most 64 KiB.
pub(super) const LONGEST: usize = 1 << 20;

/// What comes next in a text.
pub(super) enum Piece {
    /// An event, in as many bytes at the start of the window.
    Event(usize),
    /// Something that is not one, and was passed.
    Fault(Place, String),
}
