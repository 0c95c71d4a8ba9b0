//! The name of a host as names of hosts are compared. Reports show it as it was logged.

use std::borrow::Cow;

use crate::connection::{
    pattern::undotted,
    sysmon::{lower_case, stated},
};

/// What a host takes in memory besides its name, in bytes, where something is kept for each of its processes: a map, with what the allocator adds.
pub(super) const SIZE: usize = 256;

/// The name of a host, by which all that its logs say is joined: in lower case as far as it is ASCII, without a dot at its end, and empty if it is
/// not stated. Logs of one host can differ in these, as after it was renamed.
#[must_use]
pub fn folded(name: &str) -> Cow<'_, str> {
    lower_case(undotted(stated(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_host_are_the_same() {
        for name in ["ws01.corp", "WS01.corp", "ws01.CORP.", "Ws01.Corp"] {
            assert_eq!(folded(name), "ws01.corp");
        }
        for (name, other) in [("-", ""), ("", ""), (".", ""), ("WS01..", "ws01."), ("Ä", "Ä")] {
            assert_eq!(folded(name), other);
        }
    }
}
