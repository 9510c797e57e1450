//! Names of header fields.

use std::fmt;

use crate::caseless::Caseless;

/// The name of a header field: 1 to 256 letters, digits and hyphens, for response fields also the other characters of a
/// token (RFC 9110, 5.6.2). Compares without case.
///
/// Request fields with other names never reach a backend (Azure, limitations of rewriting).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldName(Caseless);

/// The text is not the name of a header field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFieldName {
    /// Of a request.
    #[error("{0:?} is not the name of a request header: 1 to 256 letters, digits and '-'")]
    Request(String),
    /// Of a response.
    #[error(
        "{0:?} is not the name of a response header: 1 to 256 characters of a token (RFC 9110, section 5.6.2)"
    )]
    Response(String),
}

const LONGEST: usize = 256;

impl FieldName {
    /// Takes the name of a request field.
    ///
    /// # Errors
    /// [`InvalidFieldName::Request`].
    pub fn of_request(text: &str) -> Result<Self, InvalidFieldName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        Self::checked(text, allowed).ok_or_else(|| InvalidFieldName::Request(clip(text)))
    }

    /// Takes the name of a response field.
    ///
    /// # Errors
    /// [`InvalidFieldName::Response`].
    pub fn of_response(text: &str) -> Result<Self, InvalidFieldName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        Self::checked(text, allowed).ok_or_else(|| InvalidFieldName::Response(clip(text)))
    }

    fn checked(text: &str, allowed: impl Fn(u8) -> bool) -> Option<Self> {
        let valid = (1..=LONGEST).contains(&text.len()) && text.bytes().all(allowed);
        valid.then(|| Self(Caseless::new(text)))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is the field `known`, in any case.
    pub fn is(&self, known: &str) -> bool {
        self.as_str().eq_ignore_ascii_case(known)
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn clip(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_request_fields_have_letters_digits_and_hyphens() {
        for good in ["X-Client-Cert", "a", "1", &"x".repeat(256)] {
            assert!(FieldName::of_request(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "X_Client",
            "X.Client",
            "a b",
            "a:",
            "é",
            "a\r\nb",
            &"x".repeat(257),
        ] {
            assert!(FieldName::of_request(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_response_fields_are_tokens() {
        for good in ["X_Client", "X.Client", "a!#$%&'*+-.^_`|~"] {
            assert!(FieldName::of_response(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a:", "a\0", "é", "a\r\nb", "a/b", "a(b)"] {
            assert!(FieldName::of_response(bad).is_err(), "{bad}");
        }
    }
}
