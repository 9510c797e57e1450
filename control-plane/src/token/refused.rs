//! Why a token is not taken.

/// A closed set of reasons. None of them holds anything that the token said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a signed JWT, of another `typ`, with critical extensions, or with a claim of the wrong type.
    #[error("the token is malformed")]
    Malformed,
    /// Longer than 8 KiB.
    #[error("the token is too long")]
    TooLong,
    /// `iss` names nobody whose tokens are taken.
    #[error("the token's issuer is not known")]
    UnknownIssuer,
    /// `none`, a shared secret, or another algorithm that the issuer or the key is not for.
    #[error("the token's algorithm is not allowed")]
    Algorithm,
    /// `kid` is absent, or names no key of the issuer.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the token's signature does not verify")]
    Signature,
    /// `aud` names somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// Past `exp` and leeway.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf` or `iat`, and leeway.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// A claim is absent; `principal` stands for the configured claim that names the principal.
    #[error("the token lacks the claim {0}")]
    MissingClaim(&'static str),
    /// The issuer's keys were never fetched, or too long ago.
    #[error("the keys of the token's issuer are not available")]
    KeysUnavailable,
}

impl Refused {
    /// A label for metrics and log lines.
    pub fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::UnknownIssuer => "unknown_issuer",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::MissingClaim(_) => "missing_claim",
            Self::KeysUnavailable => "keys_unavailable",
        }
    }
}
