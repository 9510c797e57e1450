//! What tells lists apart, and which of two is the later one.

use std::cmp::Ordering;

use rustls_pki_types::UnixTime;

use super::CrlNumber;
use crate::Sha256Fingerprint;
use crate::certificate::Certificate;

/// What is known about a list whose signature was good, apart from its entries. Small enough to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlHead {
    /// SHA-256 of the `SubjectPublicKeyInfo` of the CA that signed it.
    pub issuer_key: [u8; 32],
    /// SHA-256 of the DER `Name` of that CA.
    pub issuer_name: [u8; 32],
    /// SHA-256 over which certificates it is about.
    pub scope: [u8; 32],
    /// Its number, if it has one.
    pub number: Option<CrlNumber>,
    /// When it was issued.
    pub this_update: UnixTime,
    /// When it expires.
    pub next_update: UnixTime,
    /// SHA-256 of its DER.
    pub sha256: [u8; 32],
}

/// What a list is to one that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Succession {
    /// A later list of the same issuer and scope: takes its place.
    Newer,
    /// The very same list.
    Same,
    /// No later list of the same issuer and scope: taking it instead would be a rollback.
    Older,
    /// A list of another issuer, which is another key or name, or of another scope: stands beside it.
    Unrelated,
}

impl CrlHead {
    /// What this list is to `stored`.
    ///
    /// The number decides (RFC 5280 section 5.2.3); if one of them has none, or they have the same, the time of issue. A
    /// namesake of the CA with another key is another issuer, so that its list neither replaces nor blocks one.
    pub fn succession(&self, stored: &Self) -> Succession {
        if self.line() != stored.line() {
            return Succession::Unrelated;
        }
        if self.sha256 == stored.sha256 {
            return Succession::Same;
        }
        let by_number = match (&self.number, &stored.number) {
            (Some(mine), Some(theirs)) => mine.cmp(theirs),
            (Some(_) | None, _) => Ordering::Equal,
        };
        match by_number.then(self.this_update.cmp(&stored.this_update)) {
            Ordering::Greater => Succession::Newer,
            Ordering::Equal | Ordering::Less => Succession::Older,
        }
    }

    /// Whether this is a list of a CA with this certificate in DER: of its name and key, which may sign lists
    /// (RFC 5280 section 4.2.1.3).
    pub fn is_signed_by(&self, ca: &[u8]) -> bool {
        Certificate::parse(ca).is_ok_and(|ca| {
            let may_sign = ca.extensions.key_usage.is_none_or(|usage| usage.crl_sign);
            may_sign
                && *ca.key_id().as_bytes() == self.issuer_key
                && *Sha256Fingerprint::of(ca.subject).as_bytes() == self.issuer_name
        })
    }

    fn line(&self) -> (&[u8; 32], &[u8; 32], &[u8; 32]) {
        (&self.issuer_key, &self.issuer_name, &self.scope)
    }
}
