//! What a CA says about a certificate that it revoked, in a CRL or in an OCSP response.

use rustls_pki_types::UnixTime;

use crate::der_value::{ENUMERATED, Values, malformed};
use crate::moment;

/// When a certificate was revoked, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RevocationEntry {
    /// When.
    pub at: UnixTime,
    /// Why, if the CA tells.
    pub cause: Option<RevocationCause>,
}

/// A `CRLReason` (RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RevocationCause {
    /// `unspecified` (0).
    Unspecified,
    /// `keyCompromise` (1).
    KeyCompromise,
    /// `cACompromise` (2).
    CaCompromise,
    /// `affiliationChanged` (3).
    AffiliationChanged,
    /// `superseded` (4).
    Superseded,
    /// `cessationOfOperation` (5).
    CessationOfOperation,
    /// `certificateHold` (6): suspended, which counts as revoked for as long as it lasts.
    CertificateHold,
    /// `removeFromCRL` (8): no longer suspended. Belongs into delta CRLs only; in a complete list it has no meaning, and
    /// the certificate is no less revoked.
    RemoveFromCrl,
    /// `privilegeWithdrawn` (9).
    PrivilegeWithdrawn,
    /// `aACompromise` (10).
    AaCompromise,
}

impl RevocationEntry {
    /// `at 2026-11-22T12:00:00Z (keyCompromise)`.
    pub(crate) fn text(&self) -> String {
        let at = moment::text(self.at);
        match self.cause {
            Some(cause) => format!("at {at} ({})", cause.label()),
            None => format!("at {at}"),
        }
    }
}

impl RevocationCause {
    /// All causes, by code.
    pub const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// Its code in the ENUMERATED.
    pub const fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// Reads a DER ENUMERATED. A certificate is no less revoked for a cause that nobody knows, which is `None`.
    pub(crate) fn parse(der: &[u8]) -> Result<Option<Self>, der::Error> {
        match Values::only(der, ENUMERATED)?.value {
            [code] => Ok(Self::from_code(*code)),
            _ => Err(malformed()),
        }
    }

    /// The cause with this code.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.code() == code)
    }

    /// The name that RFC 5280 gives it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}
