//! Regular expressions of conditions and matchers.

use regex::bytes::RegexBuilder;

/// A regular expression that compiles, in the syntax of RE2 (no look-around, no back references). It is matched against
/// octets, as the workers do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    ignore_case: bool,
    groups: usize,
}

/// The text is not a usable regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// See [`Pattern::LONGEST`].
    #[error("it has {0} bytes, at most {limit} are allowed", limit = Pattern::LONGEST)]
    TooLong(usize),
    /// Compiled, it takes more than [`Pattern::MOST_MEMORY`].
    #[error("it is too complex: {0}")]
    TooComplex(String),
    /// It does not compile.
    #[error("it is no regular expression: {0}")]
    Syntax(String),
}

impl Pattern {
    /// Bytes of its text.
    pub const LONGEST: usize = 2048;
    /// Bytes that it may take when compiled. Workers have the same limit.
    pub const MOST_MEMORY: usize = 128 * 1024;

    /// Takes a pattern that matches anywhere unless it is anchored.
    ///
    /// # Errors
    /// [`InvalidPattern`].
    pub fn parse(text: &str, ignore_case: bool) -> Result<Self, InvalidPattern> {
        if text.len() > Self::LONGEST {
            return Err(InvalidPattern::TooLong(text.len()));
        }
        let compiled = RegexBuilder::new(text)
            .unicode(false)
            .case_insensitive(ignore_case)
            .size_limit(Self::MOST_MEMORY)
            .build();
        let compiled = compiled.map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => {
                InvalidPattern::TooComplex(format!("it would take more than {limit} bytes"))
            }
            error => InvalidPattern::Syntax(last_line(&error.to_string())),
        })?;
        Ok(Self {
            text: text.into(),
            ignore_case,
            groups: compiled.captures_len() - 1,
        })
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether ASCII letters compare without case.
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    /// How many groups it captures.
    pub fn groups(&self) -> usize {
        self.groups
    }
}

/// The parser draws the place of the error in lines of its own; the last one says what is wrong.
fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_counted() {
        for (text, groups) in [("a", 0), ("(a)(?:b)(c(d))", 3), ("(?P<n>a)", 1), (r"\(", 0)] {
            assert_eq!(
                Pattern::parse(text, false).unwrap().groups(),
                groups,
                "{text}"
            );
        }
    }

    #[test]
    fn what_does_not_compile_is_told_why() {
        let check = |text: &str, expected: &str| {
            let error = Pattern::parse(text, true).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        };
        check("(a", "it is no regular expression: unclosed group");
        check(
            "(?=a)",
            "it is no regular expression: look-around, including look-ahead and look-behind, is not supported",
        );
        check(
            r"(a)\1",
            "it is no regular expression: backreferences are not supported",
        );
        check(
            &"x".repeat(2049),
            "it has 2049 bytes, at most 2048 are allowed",
        );
        check(
            "((a{1,500}){1,500}){1,500}",
            "it is too complex: it would take more than 131072 bytes",
        );
    }

    #[test]
    fn patterns_of_azures_documentation_compile() {
        for text in [
            r"(https?):\/\/.*azurewebsites\.net(.*)$",
            r"CN=(.*?)[,|$]",
            "cookie2=(.*)",
            "(cookie1=.*)",
            "/(.+)/(.+)",
            r"(\d)+",
            ".+",
        ] {
            assert!(Pattern::parse(text, false).is_ok(), "{text}");
        }
    }
}
