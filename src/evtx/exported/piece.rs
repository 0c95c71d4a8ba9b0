//! A [`Piece`] of a text: an event, or what stands where one should; and a [`Fault`], what is wrong there. How either form is divided is not known here.

use crate::{error::DefectKind, evtx::exported::text::Place};

/// The longest event or line that is read, in bytes: 1 MiB. A record of a log has at most 64 KiB.
pub(super) const LONGEST: usize = 1 << 20;

/// What comes next in a text.
pub(super) enum Piece {
    /// An event, in as many bytes at the start of the window.
    Event(usize),
    /// Something that is not one, and was passed.
    Fault(Place, String),
}

/// What is wrong with an export at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of defect it is.
    pub kind: DefectKind,
    /// What is wrong.
    pub cause: String,
}

impl Fault {
    /// There is no event, or none that can be read.
    pub(super) fn of_event(cause: String) -> Self {
        Self { kind: DefectKind::Record, cause }
    }
}
