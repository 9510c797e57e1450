//! Host names of listeners.

use std::fmt;

/// A host name of a multi-site listener, in lower case, with `*` (any characters, dots too) and `?` (one character) as
/// wildcards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPattern(String);

/// Why a host name is refused. The limits on wildcards are Azure's (multiple-site-overview).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHostPattern {
    /// Something that is neither letter, digit, `-`, `.`, `*` nor `?`.
    #[error("host name {0:?} may hold letters, digits, '-', '.', '*' and '?' only")]
    Character(String),
    /// Longer than 253, or a part between dots that is empty or longer than 63.
    #[error("host name {0:?} has an empty or overlong part")]
    Length(String),
    /// A part between dots with more than one `*`, or with `*` beside `?`.
    #[error("host name {0:?} has more than one '*', or '*' beside '?', between two dots")]
    WildcardsInLabel(String),
    /// More than two `*`, or more than four wildcards.
    #[error("host name {0:?} has more than two '*' or more than four wildcards")]
    TooManyWildcards(String),
    /// A wildcard where none is allowed.
    #[error("host name {0:?} has a wildcard; only hostNames takes wildcards")]
    Wildcard(String),
}

impl HostPattern {
    /// Takes a host name, with or without wildcards (`hostNames`).
    ///
    /// # Errors
    /// [`InvalidHostPattern`].
    pub fn parse(text: &str) -> Result<Self, InvalidHostPattern> {
        let clip = || text.chars().take(100).collect();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.*?".contains(&byte);
        if !text.bytes().all(allowed) {
            return Err(InvalidHostPattern::Character(clip()));
        }
        let labels = || text.split('.');
        if text.len() > 253 || labels().any(|label| label.is_empty() || label.len() > 63) {
            return Err(InvalidHostPattern::Length(clip()));
        }
        let beside = |label: &str| label.contains("*?") || label.contains("?*");
        if labels().any(|label| count(label, b'*') > 1 || beside(label)) {
            return Err(InvalidHostPattern::WildcardsInLabel(clip()));
        }
        let stars = count(text, b'*');
        if stars > 2 || stars + count(text, b'?') > 4 {
            return Err(InvalidHostPattern::TooManyWildcards(clip()));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// Takes a host name without wildcards (`hostName`).
    ///
    /// # Errors
    /// [`InvalidHostPattern`].
    pub fn parse_exact(text: &str) -> Result<Self, InvalidHostPattern> {
        let pattern = Self::parse(text)?;
        if pattern.0.contains(['*', '?']) {
            Err(InvalidHostPattern::Wildcard(pattern.0))
        } else {
            Ok(pattern)
        }
    }

    /// The pattern in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn count(text: &str, wanted: u8) -> usize {
    text.bytes().filter(|byte| *byte == wanted).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn azures_examples_decide() {
        for good in [
            "*.contoso.com",
            "*.contoso.*",
            "*.contoso-*.com",
            "w??.contoso*.edu.*",
            "????.contoso.com",
            "a",
            "*",
            "127.0.0.1",
        ] {
            assert!(HostPattern::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "*.contoso.*.*.com",
            "????.contoso.*",
            "*?.contoso.com",
            "?*.contoso.com",
            "**.contoso.com",
            "*a*.contoso.com",
            "a..b",
            ".a",
            "a.",
            "a_b.com",
            "a b",
            "[::1]",
            "a/b",
            "é.com",
            &"x".repeat(64),
            &"x.".repeat(130),
        ] {
            assert!(HostPattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_exact_host_takes_no_wildcard() {
        assert_eq!(
            HostPattern::parse_exact("WWW.Contoso.com")
                .unwrap()
                .as_str(),
            "www.contoso.com"
        );
        assert!(matches!(
            HostPattern::parse_exact("*.contoso.com"),
            Err(InvalidHostPattern::Wildcard(_))
        ));
    }

    proptest! {
        #[test]
        fn what_parses_is_lower_case_and_parses_again(text in "[a-zA-Z0-9.*?_-]{0,80}") {
            if let Ok(pattern) = HostPattern::parse(&text) {
                prop_assert_eq!(pattern.as_str(), text.to_lowercase());
                prop_assert_eq!(HostPattern::parse(pattern.as_str()), Ok(pattern));
            }
        }
    }
}
