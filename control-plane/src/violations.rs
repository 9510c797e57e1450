//! All that is wrong with one request.

use model::{Violation, ViolationCode};

/// So many violations are told at once; a hostile body could break the rules a million times.
const LIMIT: usize = 100;

/// All that is wrong with a request. Never empty; at most 100.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document breaks {} rules: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// In the order in which they were found: shape first, then each part, then how the parts fit together.
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.0.iter()
    }

    /// `error.code` of the reply: `InvalidRequestFormat` when the JSON does not fit the schema, else the code that all
    /// violations share, else `MultipleErrorsOccurred`.
    pub fn code(&self) -> &'static str {
        let first = self
            .0
            .first()
            .map_or(ViolationCode::InvalidJson, |violation| violation.code);
        if self.has_format_errors() {
            "InvalidRequestFormat"
        } else if self.iter().all(|violation| violation.code == first) {
            first.as_str()
        } else {
            "MultipleErrorsOccurred"
        }
    }

    /// `error.message` of the reply.
    pub fn message(&self) -> &str {
        match self.0.as_slice() {
            _ if self.has_format_errors() => "Cannot parse the request.",
            [only] => &only.message,
            _ => "Multiple errors occurred. Please see details.",
        }
    }

    /// `error.target` of the reply: that of the only violation.
    pub fn target(&self) -> Option<&str> {
        match self.0.as_slice() {
            [only] if !only.target.is_empty() => Some(&only.target),
            _ => None,
        }
    }

    /// `error.details` of the reply; empty when `error` itself says it all.
    pub fn details(&self) -> &[Violation] {
        let says_all = self.0.len() == 1 && !self.has_format_errors();
        if says_all { &[] } else { &self.0 }
    }

    fn has_format_errors(&self) -> bool {
        self.iter()
            .any(|violation| violation.code == ViolationCode::InvalidJson)
    }
}

impl<'a> IntoIterator for &'a Violations {
    type Item = &'a Violation;
    type IntoIter = std::slice::Iter<'a, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Violation> for Violations {
    fn from(only: Violation) -> Self {
        Self(vec![only])
    }
}

/// Collects violations. Only the first at a target counts: what follows from it is noise.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Violation>);

impl Findings {
    pub(crate) fn add(&mut self, code: ViolationCode, target: &str, message: impl Into<String>) {
        self.extend([Violation::new(code, target, message)]);
    }

    pub(crate) fn extend(&mut self, violations: impl IntoIterator<Item = Violation>) {
        for violation in violations {
            if self.0.len() < LIMIT && !self.0.iter().any(|known| known.target == violation.target)
            {
                self.0.push(violation);
            }
        }
    }

    /// Whether anything at `path` or below it was found wrong.
    pub(crate) fn concern(&self, path: &str) -> bool {
        let below = |target: &str| {
            target
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.0.iter().any(|violation| below(&violation.target))
    }

    /// What was found; there is something.
    pub(crate) fn into_violations(self) -> Violations {
        Violations(self.0)
    }

    /// `Err` if anything was found.
    pub(crate) fn finish(self) -> Result<(), Violations> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Violations(self.0))
        }
    }
}
