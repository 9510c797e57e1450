//! What is wrong with a matcher.

use super::{IdentityField, MatchKind};

/// Why something is no matcher. The texts continue "the value" and are made for whoever wrote the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// It would match everything or nothing.
    #[error("is empty")]
    Empty,
    /// Longer than anyone needs.
    #[error("is longer than {limit} bytes")]
    TooLong {
        /// How long it may be.
        limit: usize,
    },
    /// The field holds ASCII only, so that it could never match. Domain names are compared in their A-label form.
    #[error("has characters other than printable ASCII, which {field} never has")]
    NotAscii {
        /// The field.
        field: IdentityField,
    },
    /// The kind makes no sense for the field: a prefix of a fingerprint is no fingerprint.
    #[error("is a {kind} match, which {field} does not have")]
    KindOfField {
        /// The field.
        field: IdentityField,
        /// The kind.
        kind: MatchKind,
    },
    /// No IP address.
    #[error("is not an IP address")]
    NotAnAddress,
    /// No network in CIDR notation.
    #[error("is not a network such as 10.0.0.0/8, with no bit set behind the prefix")]
    NotANetwork,
    /// No hexadecimal number.
    #[error("is not a hexadecimal serial number")]
    NotASerial,
    /// No SHA-256 digest.
    #[error("is not a SHA-256 digest of 64 hexadecimal digits")]
    NotADigest,
    /// No attribute type.
    #[error("is neither a dotted object identifier nor the keyword of an attribute type")]
    NotAnAttributeType,
    /// No regular expression, or too large a one.
    #[error("is not a usable regular expression: {0}")]
    Regex(String),
}
