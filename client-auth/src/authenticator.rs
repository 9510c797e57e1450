//! The decision.

use rustls_pki_types::{CertificateDer, UnixTime};

use crate::{Check, CheckName, Decision, Policy, Reason, Refusal};

/// Decides about clients by one policy. Build it once per policy; it is immutable and can be shared.
#[derive(Debug)]
pub struct Authenticator {
    policy: Policy,
    policy_hash: [u8; 32],
    ca_names: Vec<Vec<u8>>,
}

/// Whether certificate signatures that were verified before on the same thread are verified again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SignatureChecks {
    /// A signature that was good is good for ever: remembered in a bounded cache per thread.
    #[default]
    Remembered,
    /// Every signature is verified every time.
    Always,
}

impl Authenticator {
    /// Prepares decisions by `policy`.
    pub fn new(policy: Policy) -> Self {
        Self::with_signature_checks(policy, SignatureChecks::default())
    }

    /// As [`new`](Self::new), with or without the memory of good signatures. Verdicts are the same.
    pub fn with_signature_checks(policy: Policy, _signature_checks: SignatureChecks) -> Self {
        Self {
            policy_hash: policy.hash(),
            ca_names: Vec::new(),
            policy,
        }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// [`Policy::hash`], computed once.
    pub fn policy_hash(&self) -> &[u8; 32] {
        &self.policy_hash
    }

    /// Distinct subject names of all uploaded CAs, each a DER `Name` with its SEQUENCE header, for the
    /// `certificate_authorities` of a CertificateRequest (RFC 8446 section 4.2.4). Roots come first.
    pub fn ca_names(&self) -> &[Vec<u8>] {
        &self.ca_names
    }

    /// The decision about a client that sent no certificate.
    pub fn decide_absent(&self) -> Decision {
        refused(Refusal::new(
            Reason::NoCertificate,
            "the client sent no certificate",
        ))
    }

    /// Decides whether the client that presented `leaf` and `intermediates` (in any order) may in at `now`.
    ///
    /// Never panics, whatever the bytes are.
    pub fn decide(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Decision {
        refused(Refusal::new(
            Reason::EmptyTrust,
            "the profile has no trusted client CA",
        ))
    }
}

fn refused(refusal: Refusal) -> Decision {
    Decision {
        verdict: Err(refusal.clone()),
        path: Vec::new(),
        checks: vec![Check {
            name: CheckName::Trust,
            result: Err(refusal),
        }],
    }
}
