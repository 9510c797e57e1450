//! Rules, ready to be applied.

use std::sync::Arc;

use super::pattern::Pattern;
use super::variable::{IdentityVariable, Variable};

/// A rewrite rule set.
#[derive(Debug, Default)]
pub struct RewriteRuleSet {
    /// In order of execution.
    pub rules: Vec<RewriteRule>,
}

/// One rule, applied as a whole when all of its conditions hold.
#[derive(Debug, Default)]
pub struct RewriteRule {
    /// ARM name.
    pub name: Arc<str>,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// On the way to the backend. Where there are some, no condition and no value is about the response.
    pub request_headers: Vec<HeaderAction>,
    /// On the way to the client.
    pub response_headers: Vec<HeaderAction>,
}

/// Holds when a value matches, or does not. What is not there is an empty value.
#[derive(Debug)]
pub struct Condition {
    /// The value.
    pub source: Source,
    /// What it has to match.
    pub pattern: Pattern,
    /// Whether it must not match.
    pub negate: bool,
    /// Whether a value of the rule uses what is captured.
    pub captures: bool,
}

/// Sets a header field, or removes it.
#[derive(Debug)]
pub struct HeaderAction {
    /// Its name.
    pub name: Box<str>,
    /// Response only: which of several fields of this name is meant. Absent: all of them.
    pub matcher: Option<Matcher>,
    /// The parts of its value; none: the field is removed.
    pub value: Vec<Part>,
}

/// Means the fields whose value matches, or does not.
#[derive(Debug)]
pub struct Matcher {
    /// What the value is matched with.
    pub pattern: Pattern,
    /// Whether those are meant that do not match.
    pub negate: bool,
}

/// A part of a value.
#[derive(Debug)]
pub enum Part {
    /// Text.
    Text(Box<str>),
    /// A whole value.
    Source(Source),
    /// What a condition of the rule has captured.
    Capture {
        /// Index of the condition.
        condition: usize,
        /// Number of the group, from 1 on.
        group: usize,
    },
    /// What the matcher has captured; 0: the whole value of the field.
    MatcherCapture(usize),
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A cookie of the request.
    Cookie(Box<str>),
    /// What the client's certificate says.
    Identity(IdentityVariable),
    /// A field of the request.
    RequestHeader(Box<str>),
    /// A field of the response.
    ResponseHeader(Box<str>),
    /// Anything else.
    Variable(Variable),
}

impl Source {
    /// Whether it is known only once there is a response.
    pub(crate) fn is_of_response(&self) -> bool {
        matches!(
            self,
            Self::ResponseHeader(_) | Self::Variable(Variable::HttpStatus)
        )
    }
}
