//! The decision "may this client certificate in?".
//!
//! Everything here is pure: no I/O, no clock (`now` is an argument), no configuration formats. The control plane uses
//! [`TrustBundle`] to validate uploads of client CAs; a data-plane worker turns an SSL profile into a [`Policy`], builds
//! one [`Authenticator`] of it and asks [`Authenticator::decide`] at each full TLS handshake.
//!
//! # What a decision does not cover
//! Proof of possession (the TLS `CertificateVerify` signature, RFC 8446 section 4.4.3) is the TLS library's work; it must
//! be checked for every handshake and never goes through the signature cache of this crate.
//!
//! # Documented limits
//! - Names are compared byte for byte; RFC 5280 section 7.1 would fold case and white space. A CA that encodes its own
//!   name in two ways is not found.
//! - Name constraints over DNS names and IP addresses are enforced; a CA with constraints of another type (directory
//!   name, email, URI) refuses every certificate that carries a name of that type, see [`Reason::NameConstraints`].

mod authenticator;
mod bundle;
mod certificate;
mod decision;
mod deepest;
mod der_value;
mod fingerprint;
mod identity;
mod issuers;
mod key_strength;
mod leaf;
mod name;
mod path;
mod policy;
mod reason;
mod signature;
mod signature_cache;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use authenticator::{Authenticator, SignatureChecks};
pub use bundle::{CaDefect, PinnedIssuer, TrustBundle, TrustBundleError};
pub use decision::{Check, CheckName, Decision, PathCertificate};
pub use fingerprint::{Fingerprint, Sha1Fingerprint, Sha256Fingerprint};
pub use identity::{ClientIdentity, SubjectAltNames};
pub use policy::{Limits, Mode, Policy};
pub use reason::{Alert, Reason, Refusal};
