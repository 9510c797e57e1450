//! A list whose signature was good.

use std::time::Duration;

use rustls_pki_types::UnixTime;

use super::CrlHead;
use super::index::Index;
use super::scope::{Coverage, Scope};
use crate::{RevocationEntry, RevocationQuestion};

/// How long before its end a list that has not been replaced is worth a warning.
pub const EXPIRY_WARNINGS: [Duration; 2] = [Duration::from_hours(7 * 24), Duration::from_hours(24)];

/// A list that its issuer signed. Made by [`Crl::check_signed_by`](super::Crl::check_signed_by) only.
#[derive(Clone, Debug)]
pub struct SignedCrl {
    pub(super) head: CrlHead,
    pub(super) issuer: String,
    pub(super) size: usize,
    pub(super) scope: Scope,
    pub(super) index: Index,
}

impl SignedCrl {
    /// Issuer, scope, number and times.
    pub fn head(&self) -> &CrlHead {
        &self.head
    }

    /// The CA that signed it, in the form of RFC 2253.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// How many certificates it lists.
    pub fn entry_count(&self) -> usize {
        self.index.len()
    }

    /// Bytes of its DER.
    pub fn size_bytes(&self) -> usize {
        self.size
    }

    /// Bytes of memory that its entries take.
    pub fn memory_bytes(&self) -> usize {
        self.index.memory()
    }

    /// How long it still counts; `None` when it has expired. See [`EXPIRY_WARNINGS`].
    pub fn expires_in(&self, now: UnixTime) -> Option<Duration> {
        let left = self.head.next_update.as_secs().checked_sub(now.as_secs());
        left.map(Duration::from_secs)
    }

    pub(super) fn coverage(&self, question: &RevocationQuestion) -> Coverage {
        self.scope.coverage(question)
    }

    pub(super) fn find(&self, question: &RevocationQuestion) -> Option<RevocationEntry> {
        self.index.find(&question.certificate.serial)
    }
}
