//! [`Others`]: other looks at the bytes of a scan, while they are at hand, and what all of them have [`Found`].

use crate::scan::{findings::Findings, plan::Plan};

/// Another look at the bytes of a scan.
#[derive(Debug)]
pub struct Aside {
    /// What is looked for: events of the providers, ids and times that the scan looks for, with any texts in them.
    pub plan: Plan,
    /// Whether nobody wants to know once there is a hit of the scan's own.
    pub ends_with_a_hit: bool,
}

/// Other looks at the bytes of a scan.
#[derive(Debug, Default)]
pub struct Others {
    /// One that may end before the scan does.
    pub aside: Option<Aside>,
    /// One for the processes of hits, which goes along in logs that have some.
    pub along: Option<Plan>,
}

/// What a scan has found, and other looks beside it.
#[derive(Debug)]
pub struct Found {
    /// What it was for.
    pub own: Findings,
    /// Nothing, if there was no such look or it is no longer wanted.
    pub aside: Option<Findings>,
    /// Nothing, if there was no such look.
    pub along: Option<Findings>,
}
