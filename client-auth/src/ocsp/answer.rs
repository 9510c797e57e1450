//! What a responder says.

use rustls_pki_types::UnixTime;

use crate::RevocationEntry;

/// What a responder says about one certificate, in a response whose signature, signer and times were good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer {
    /// The status.
    pub status: OcspStatus,
    /// When the status was known to be correct.
    pub this_update: UnixTime,
    /// When newer information will be there, if the responder tells.
    pub next_update: Option<UnixTime>,
    /// Until when the answer may be believed, inclusive.
    pub valid_until: UnixTime,
}

/// `CertStatus` (RFC 6960 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OcspStatus {
    /// Not revoked.
    Good,
    /// Revoked, for good or for now.
    Revoked(RevocationEntry),
    /// The responder does not know the certificate.
    Unknown,
}

impl OcspStatus {
    /// A stable name in lower case for logs and metric labels.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked(_) => "revoked",
            Self::Unknown => "unknown",
        }
    }

    /// Of contradicting statuses the one with the highest rank counts.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Unknown => 1,
            Self::Revoked(_) => 2,
        }
    }
}
