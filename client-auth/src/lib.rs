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
//! Revocation: a decision says what has to be found out ([`RevocationPlan`]); [`ocsp`] and [`crl`] turn bytes from
//! outside into answers that can be believed, and [`revocation::judge()`] gives the verdict.
//!
//! # Documented limits
//! - Names are compared byte for byte; RFC 5280 section 7.1 would fold case and white space. A CA that encodes its own
//!   name in two ways is not found.
//! - Name constraints over DNS names and IP addresses are enforced. Constraints over directory names refuse every
//!   certificate below; those over email addresses and URIs refuse every certificate that has a name of that type.
//! - Certificates with critical extensions other than basic constraints, key usage, extended key usage, alternative names,
//!   name constraints and CRL distribution points are refused: critical policy extensions, for example.
//! - Certificates with policy constraints, critical or not, are refused, too: policies are not evaluated.
//! - Self-issued certificates (a CA's new key signed with its old one) count for path lengths, and their names are
//!   constrained. Path lengths over 127 are not read.
//! - A path has at most 6 intermediate certificates, whatever the policy says.
//! - Certificates of version 1 and 2, with unique identifiers, or with times before 1970 are not read.
//! - RSA keys under the identifier of RSASSA-PSS are refused; RSASSA-PSS signatures with ordinary RSA keys are fine.

mod authenticator;
mod bundle;
mod certificate;
#[cfg(any(test, feature = "testing"))]
pub mod corpus;
pub mod crl;
mod decision;
mod deepest;
mod der_value;
mod der_writer;
mod explain;
mod extension;
mod facts;
mod fingerprint;
mod identity;
mod identity_rules;
mod issuers;
mod key_strength;
mod leaf;
mod moment;
mod name;
pub mod ocsp;
mod path;
mod path_rules;
mod policy;
mod purpose;
mod reason;
pub mod revocation;
mod signature;
mod signature_cache;
mod strength;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use authenticator::{Authenticator, SignatureChecks};
pub use bundle::{CaDefect, PinnedIssuer, TrustBundle, TrustBundleError};
pub use decision::{Check, CheckName, Decision, PathCertificate};
pub use facts::{CertificateFacts, SubjectAltNames};
pub use fingerprint::{Fingerprint, Sha1Fingerprint, Sha256Fingerprint};
pub use identity::{ClientIdentity, Verification};
pub use identity_rules::{
    AttributeType, IdentityField, IdentityMatcher, IdentityRule, IdentityRules, MatchKind,
    MatcherError, RuleFinding, RuleList, RuleProblem, Severity,
};
pub use policy::{Limits, Mode, Policy, TrustedCa};
pub use reason::{Alert, Reason, Refusal};
pub use revocation::{
    CertificateId, Evidence, Judgement, OcspEvidence, RevocationCause, RevocationEntry,
    RevocationFailure, RevocationMethod, RevocationPlan, RevocationPolicy, RevocationQuestion,
    RevocationScope, RevocationSource,
};
pub use strength::{SignatureAlgorithm, Strength};
