//! Certificate revocation lists (RFC 5280 section 5).
//!
//! [`Crl::parse`] reads what is around the entries, [`Crl::check_signed_by`] verifies the signature and only then reads
//! the entries into a compact index, [`CrlSet`] answers questions from all lists of an issuer together. A set is immutable:
//! a new list makes a new set, which takes the place of the old one at once.
//!
//! # Documented limits
//! - Only lists that an issuer signs for its own certificates, with the key it issues with: no indirect ones.
//! - No delta lists.
//! - Distribution points named relative to their issuer are matched by nothing.

mod answer;
mod entries;
mod error;
mod head;
mod index;
mod list;
mod number;
mod scope;
mod set;
mod signed;

pub use answer::CrlAnswer;
pub use error::CrlError;
pub use head::{CrlHead, Succession};
pub use list::Crl;
pub use number::CrlNumber;
pub use set::CrlSet;
pub use signed::{EXPIRY_WARNINGS, SignedCrl};

/// Largest list that is read, in bytes.
pub const MAX_CRL: usize = 50 * 1024 * 1024;

/// Most entries that a list may have.
pub const MAX_ENTRIES: usize = 500_000;
