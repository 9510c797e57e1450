//! Regular expressions.

use std::fmt;

use regex::bytes::{Captures, Regex, RegexBuilder};

/// A regular expression over octets, in the syntax of RE2: it takes linear time, whatever the client sends.
#[derive(Clone)]
pub struct Pattern(Regex);

/// It does not compile, or takes too much memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern does not compile: {0}")]
pub struct InvalidPattern(String);

/// Bytes that a pattern may take when compiled; the control plane refuses more as well.
const MOST_MEMORY: usize = 128 * 1024;
/// Bytes of the states that each thread keeps of a pattern while it matches.
const MOST_CACHE: usize = 256 * 1024;

impl Pattern {
    /// Compiles a pattern that matches anywhere unless it is anchored.
    ///
    /// # Errors
    /// [`InvalidPattern`].
    pub fn new(text: &str, ignore_case: bool) -> Result<Self, InvalidPattern> {
        RegexBuilder::new(text)
            .unicode(false)
            .case_insensitive(ignore_case)
            .size_limit(MOST_MEMORY)
            .dfa_size_limit(MOST_CACHE)
            .build()
            .map(Self)
            .map_err(|error| InvalidPattern(error.to_string()))
    }

    /// How many groups it captures.
    pub(crate) fn groups(&self) -> usize {
        self.0.captures_len().saturating_sub(1)
    }

    pub(crate) fn is_match(&self, value: &[u8]) -> bool {
        self.0.is_match(value)
    }

    /// What the groups capture, from the whole match on; `None` where nothing matches.
    pub(crate) fn captures(&self, value: &[u8]) -> Option<Groups> {
        self.0.captures(value).map(|captures| Groups::of(&captures))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_str(), formatter)
    }
}

/// What groups have captured; empty where a group took no part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups(Vec<Box<[u8]>>);

impl Groups {
    fn of(captures: &Captures<'_>) -> Self {
        let text = |group: Option<regex::bytes::Match<'_>>| {
            group
                .map(|group| group.as_bytes())
                .unwrap_or_default()
                .into()
        };
        Self(captures.iter().map(text).collect())
    }

    pub(crate) fn get(&self, group: usize) -> &[u8] {
        self.0.get(group).map(|text| &**text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_that_are_no_text_can_be_matched() {
        let pattern = Pattern::new("^a(.)b$", false).unwrap();
        assert_eq!(pattern.captures(b"a\xffb").unwrap().get(1), b"\xff");
        assert!(!pattern.is_match(b"a\nb"));
        assert!(Pattern::new("B", true).unwrap().is_match(b"abc"));
        assert!(!Pattern::new("B", false).unwrap().is_match(b"abc"));
    }

    #[test]
    fn a_group_that_took_no_part_is_empty() {
        let groups = Pattern::new("(a)|(b)", false)
            .unwrap()
            .captures(b"b")
            .unwrap();
        assert_eq!(
            [groups.get(0), groups.get(1), groups.get(2), groups.get(9)],
            [&b"b"[..], b"", b"b", b""]
        );
    }

    #[test]
    fn what_is_too_large_or_no_pattern_is_refused() {
        for bad in ["(", "(?=a)", r"(a)\1", "((a{1,500}){1,500}){1,500}"] {
            assert!(Pattern::new(bad, false).is_err(), "{bad}");
        }
    }
}
