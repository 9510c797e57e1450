//! The short names of issuers.

use std::fmt;

/// The name of an issuer in settings, role assignments and the audit log: `built-in`, or as configured.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerName(String);

/// Why a text is no name of an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssuerNameError {
    /// Empty, too long or with other characters.
    #[error("must be 1 to 64 of the characters a-z, 0-9, `.`, `_`, `-`")]
    Malformed,
    /// `built-in`.
    #[error("`built-in` is the name of the own issuer")]
    Reserved,
}

impl IssuerName {
    /// The issuer that is part of the control plane.
    pub fn built_in() -> Self {
        Self(BUILT_IN.to_owned())
    }

    /// The name of an external issuer.
    ///
    /// # Errors
    /// [`IssuerNameError`].
    pub fn external(name: &str) -> Result<Self, IssuerNameError> {
        let fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if name.is_empty() || name.len() > MAX_LEN || !name.bytes().all(fits) {
            return Err(IssuerNameError::Malformed);
        }
        if name == BUILT_IN {
            return Err(IssuerNameError::Reserved);
        }
        Ok(Self(name.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IssuerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

const BUILT_IN: &str = "built-in";
const MAX_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_lower_case_and_not_that_of_the_own_issuer() {
        let check = |name: &str, expected: Result<(), IssuerNameError>| {
            assert_eq!(IssuerName::external(name).map(drop), expected, "{name}");
        };
        check("entra", Ok(()));
        check("a.b-c_9", Ok(()));
        check(&"a".repeat(64), Ok(()));
        check(&"a".repeat(65), Err(IssuerNameError::Malformed));
        check("", Err(IssuerNameError::Malformed));
        check("Entra", Err(IssuerNameError::Malformed));
        check("a/b", Err(IssuerNameError::Malformed));
        check("built-in", Err(IssuerNameError::Reserved));
    }
}
