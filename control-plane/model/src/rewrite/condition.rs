//! Conditions of rules.

use super::pattern::Pattern;
use super::source::Source;

/// Holds when a value matches a pattern, or when it does not. What is not there is an empty value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    written: Box<str>,
    source: Source,
    pattern: Pattern,
    negate: bool,
}

impl Condition {
    /// Joins the parts; `written` is how `source` stands in the document.
    pub fn new(written: &str, source: Source, pattern: Pattern, negate: bool) -> Self {
        Self {
            written: written.into(),
            source,
            pattern,
            negate,
        }
    }

    /// What it looks at, as written: captures refer to it by these letters, in this case.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// What it looks at.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What the value has to match.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Whether the value must not match.
    pub fn is_negated(&self) -> bool {
        self.negate
    }
}
