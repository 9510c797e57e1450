//! Why nobody gave an answer.

use std::fmt::{Display, Write};

/// The failures of all that were asked, for the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NoAnswer {
    /// What each of them did instead.
    pub(super) why: String,
    /// Whether one of them was there at all. If not, the outage is theirs and not the certificate's.
    pub(super) was_reached: bool,
}

impl NoAnswer {
    /// Adds the failure of one. URLs in questions are printable.
    pub(super) fn add(&mut self, url: &str, error: &dyn Display, was_reached: bool) {
        let separator = if self.why.is_empty() { "" } else { "; " };
        // Writing to a string does not fail.
        let _infallible = write!(self.why, "{separator}{url}: {error}");
        self.was_reached |= was_reached;
    }
}
