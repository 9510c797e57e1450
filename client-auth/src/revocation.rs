//! Revocation: how it is checked by policy, and what has to be found out about one verified path.
//!
//! The crate does no I/O. A [`Decision`](crate::Decision) comes with a [`RevocationPlan`]; whoever has the evidence (OCSP
//! responses, CRLs) judges each of its questions with it: [`judge()`].

mod entry;
mod evidence;
mod finding;
mod judge;
mod planner;
pub(crate) mod serial;
pub(crate) mod sources;

use std::sync::Arc;
use std::time::Duration;

use crate::policy::FieldHasher;

pub use entry::{RevocationCause, RevocationEntry};
pub use evidence::{Evidence, OcspEvidence};
pub use judge::{Judgement, RevocationSource, judge};
pub(crate) use planner::Planner;

/// How certificates below one uploaded client CA are checked for revocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RevocationPolicy {
    /// Who is asked.
    pub method: RevocationMethod,
    /// About which certificates.
    pub scope: RevocationScope,
    /// What happens when nobody has an answer.
    pub failure: RevocationFailure,
    /// The responder to ask instead of that of the certificate.
    pub responder: Option<String>,
    /// Whether OCSP requests carry a nonce that the answer has to repeat (RFC 9654).
    pub nonce: bool,
    /// Whether CRLs are fetched from the distribution points of certificates, besides the uploaded ones.
    pub fetch_crls: bool,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationMethod {
    /// Nobody: revocation is not checked.
    None,
    /// An OCSP responder (RFC 6960).
    Ocsp,
    /// A CRL (RFC 5280 section 5).
    Crl,
    /// An OCSP responder, and the CRL where it has no answer.
    OcspThenCrl,
}

/// About which certificates of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationScope {
    /// The client's.
    Leaf,
    /// Every one but the anchor.
    Chain,
}

/// What happens when nobody has an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationFailure {
    /// The client is refused.
    Hard,
    /// The client is let in for as long as the outage has lasted no longer than `grace`.
    Soft {
        /// Bound of the outage.
        grace: Duration,
    },
}

impl RevocationPolicy {
    /// No check at all.
    pub const NONE: Self = Self {
        method: RevocationMethod::None,
        scope: RevocationScope::Leaf,
        failure: RevocationFailure::Hard,
        responder: None,
        nonce: false,
        fetch_crls: false,
    };

    pub(crate) fn hash_into(&self, hasher: &mut FieldHasher) {
        let method = match self.method {
            RevocationMethod::None => 0,
            RevocationMethod::Ocsp => 1,
            RevocationMethod::Crl => 2,
            RevocationMethod::OcspThenCrl => 3,
        };
        let scope = match self.scope {
            RevocationScope::Leaf => 0,
            RevocationScope::Chain => 1,
        };
        hasher.field(&[
            method,
            scope,
            u8::from(self.nonce),
            u8::from(self.fetch_crls),
        ]);
        match self.failure {
            RevocationFailure::Hard => hasher.field(&[]),
            RevocationFailure::Soft { grace } => hasher.field(&grace.as_secs().to_be_bytes()),
        }
        match &self.responder {
            None => hasher.field(&[]),
            Some(responder) => {
                hasher.field(&[1]);
                hasher.field(responder.as_bytes());
            }
        }
    }
}

/// Names a certificate among all certificates: the key and the name of its issuer, and its full serial number.
///
/// Fixed-width forms of serial numbers collide (0x01 and 0x0100); these are the contents of the DER INTEGER.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateId {
    /// SHA-256 of the issuer's `SubjectPublicKeyInfo`.
    pub issuer_key: [u8; 32],
    /// SHA-256 of the issuer's DER `Name`.
    pub issuer_name: [u8; 32],
    /// Contents of the INTEGER, in its shortest form.
    pub serial: Box<[u8]>,
}

/// What has to be found out about a verified path before its client may be served. Empty: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationPlan {
    /// Client first.
    pub questions: Vec<Arc<RevocationQuestion>>,
}

/// Whether one certificate has been revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationQuestion {
    /// Which certificate.
    pub certificate: CertificateId,
    /// Its subject (RFC 2253), for the log.
    pub subject: String,
    /// Whether it is a CA's: some CRLs cover only these, or all but these (RFC 5280 section 5.2.5).
    pub is_ca: bool,
    /// How the answer is found; never [`RevocationMethod::None`].
    pub policy: Arc<RevocationPolicy>,
    /// The issuer's certificate on the verified path: it, or whom it delegates to, signs answers.
    pub issuer: Arc<[u8]>,
    /// Where an OCSP responder is: the policy's, else those of the certificate (`http` and `https` only, RFC 5280 section
    /// 4.2.2.1), in order, at most four.
    pub responders: Vec<String>,
    /// Where the issuer's CRL is, if the policy lets CRLs be fetched (RFC 5280 section 4.2.1.13), at most four.
    pub distribution_points: Vec<String>,
    /// The `DistributionPoint` names of the certificate, DER `GeneralNames` contents each: the scope of a CRL is matched
    /// against them.
    pub distribution_point_names: Vec<Box<[u8]>>,
}
