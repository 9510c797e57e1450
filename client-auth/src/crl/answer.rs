//! What lists say.

use rustls_pki_types::UnixTime;

use crate::RevocationEntry;

/// What the CRLs at hand say about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrlAnswer {
    /// A list that covers the certificate does not have it, and no other one has it either.
    Good {
        /// When the oldest of these lists was issued.
        this_update: UnixTime,
        /// Until when that may be believed, inclusive.
        valid_until: UnixTime,
    },
    /// A list has it.
    Revoked {
        /// What the list says about it.
        entry: RevocationEntry,
        /// When the list was issued.
        this_update: UnixTime,
        /// Until when that may be believed, inclusive.
        valid_until: UnixTime,
    },
    /// No list at hand covers the certificate now.
    Unavailable {
        /// Since when, if there ever was one. A soft failure is bounded by it, and never lets anybody in without it.
        since: Option<UnixTime>,
        /// Why, for the operator.
        why: String,
    },
}

impl CrlAnswer {
    /// The answer of no list at all.
    pub fn none() -> Self {
        Self::Unavailable {
            since: None,
            why: "there is no CRL of the issuer".to_owned(),
        }
    }

    /// The same answer; if there never was a list, the outage counts from `since`, which must not move while it goes on.
    #[must_use]
    pub fn unavailable_since(self, first_failure: UnixTime) -> Self {
        match self {
            Self::Unavailable { since, why } => Self::Unavailable {
                since: since.or(Some(first_failure)),
                why,
            },
            Self::Good { .. } | Self::Revoked { .. } => self,
        }
    }
}
