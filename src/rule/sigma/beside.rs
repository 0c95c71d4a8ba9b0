//! [`Beside`]: what is known of a connection besides its own event, which rules see with it: its process and the names that were
//! asked for.
//!
//! Where it is from is not known here. A rule that asks about the process gets one more detection: that the process is known, and as much
//! of it as is needed. Without that it cannot match, not even by a negation, whatever other rules ask about. The memo of verdicts and the
//! evaluation of correlations keep to that without knowing about it.

use rsigma_parser::SigmaRule;
use serde::{Deserialize, Serialize};

use crate::{
    connection::started::{COMMAND_LINE, Start},
    evtx::event::Event,
    rule::sigma::{asking::Asking, certain, narrowing},
};

/// What is known of a connection besides its event.
#[derive(Debug, Clone, Default)]
pub struct Beside<'a> {
    /// How its process was started.
    pub process: Option<&'a Start>,
    /// The names that its process asked for and that gave its destination, where rules are to see them.
    pub names: Vec<&'a str>,
}

impl Beside<'_> {
    /// Whether a rule that asks so much of a connection's process can be judged. Some agents write it into the connection's own event.
    #[must_use]
    pub fn tells(&self, asking: Asking, event: &Event<'_>) -> bool {
        self.process.is_some_and(|start| asking.is_met(start)) || event.field(COMMAND_LINE).is_some()
    }
}

/// Whose names rules see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Names {
    /// Those that connections were logged with.
    #[default]
    Logged,
    /// Where there is none, those that the process asked for.
    Queried,
}

impl Names {
    /// Whether they are those that connections were logged with.
    #[must_use]
    pub fn are_logged(&self) -> bool {
        *self == Self::Logged
    }
}

/// The field that a queried name stands in.
pub const HOSTNAME: &str = "DestinationHostname";

/// The rule, which matches only where the process is known, and where it would whatever is not told of it.
///
/// # Errors
///
/// It counts detections in a way that cannot be told from counting this one.
pub(super) fn of_known_process(rule: &SigmaRule, asking: Asking) -> Result<SigmaRule, String> {
    let certain = certain::of(rule);
    let filter = asking.as_filter(certain.is_some());
    let rule = certain.as_ref().unwrap_or(rule);
    let parsed = rsigma_parser::parse_sigma_yaml(&filter).map_err(|error| error.to_string())?;
    let filter = parsed.filters.first().ok_or("there is no such filter")?;
    narrowing::narrowed(rule, filter, usize::MAX)
}
