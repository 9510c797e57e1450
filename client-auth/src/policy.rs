//! Whom an SSL profile lets in.

use aws_lc_rs::digest;

use crate::fingerprint::truncated;
use crate::{IdentityRules, RevocationPolicy, Strength, TrustBundle};

/// The client authentication of one SSL profile.
#[derive(Clone, Debug)]
pub struct Policy {
    /// ARM name of the SSL profile; for logs only.
    pub name: String,
    /// What is asked of a client.
    pub mode: Mode,
    /// The uploaded client CAs. None at all: nobody gets in.
    pub trusted: Vec<TrustedCa>,
    /// `verifyClientCertIssuerDN`: the immediate issuer in the verified path must be the pinned issuer of one of the
    /// bundles, by name and key.
    pub verify_issuer: bool,
    /// Whether every uploaded CA is a trust anchor, and not the roots only.
    ///
    /// Beyond Azure. What is above an anchor no longer counts; its own validity, key usage, purpose, path length and name
    /// constraints do.
    pub partial_chains: bool,
    /// What keys and signatures must be.
    pub strength: Strength,
    /// Which of the clients with a good path may in.
    pub identity: IdentityRules,
    /// Bounds on what a client may send.
    pub limits: Limits,
}

/// An uploaded client CA in a policy.
#[derive(Clone, Debug)]
pub struct TrustedCa {
    /// The upload.
    pub bundle: TrustBundle,
    /// How certificates below it are checked for revocation.
    pub revocation: RevocationPolicy,
}

/// What is asked of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A certificate is required and must verify.
    Strict,
    /// A certificate is asked for and not verified, but for the proof of possession; none is fine, too.
    Passthrough,
    /// As [`Strict`](Self::Strict), but whoever enforces the decision lets everybody in and counts the refusals.
    ReportOnly,
}

/// Bounds on what a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Intermediate certificates between the client's and the trust anchor; at most 6 are ever possible.
    ///
    /// Differs from Azure: it promises any number of intermediates.
    pub max_intermediates: u8,
    /// Certificates that a client may send, its own included.
    pub max_certificates: usize,
    /// Bytes of DER that a client may send in all.
    pub max_chain_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_intermediates: 4,
            max_certificates: 10,
            max_chain_bytes: 64 * 1024,
        }
    }
}

impl Policy {
    /// A strict policy with default limits and strength, for everybody with a good path to a root.
    pub fn strict(
        name: impl Into<String>,
        trust_bundles: Vec<TrustBundle>,
        verify_issuer: bool,
    ) -> Self {
        Self {
            name: name.into(),
            mode: Mode::Strict,
            trusted: trust_bundles.into_iter().map(TrustedCa::from).collect(),
            verify_issuer,
            partial_chains: false,
            strength: Strength::default(),
            identity: IdentityRules::default(),
            limits: Limits::default(),
        }
    }

    /// SHA-256 over everything that influences a verdict.
    ///
    /// Two policies with equal hashes give equal verdicts; session tickets are bound to it. Names of the profile and
    /// of the bundles, and the order of the bundles, do not count. Every field is length-prefixed, so that no two
    /// policies have the same input. What revocation evidence there is does not count either: it is no part of a policy.
    pub fn hash(&self) -> [u8; 32] {
        let mut bundles: Vec<_> = self.trusted.iter().map(TrustedCa::hash).collect();
        bundles.sort_unstable();
        let mode = match self.mode {
            Mode::Strict => 1,
            Mode::Passthrough => 2,
            Mode::ReportOnly => 3,
        };
        let mut hasher = FieldHasher::new(b"portcullis client-auth policy 3");
        hasher.field(&[mode, u8::from(self.verify_issuer)]);
        hasher.field(&[u8::from(self.partial_chains)]);
        hasher.field(&[self.limits.max_intermediates]);
        hasher.number(self.limits.max_certificates);
        hasher.number(self.limits.max_chain_bytes);
        self.strength.hash_into(&mut hasher);
        self.identity.hash_into(&mut hasher);
        hasher.number(bundles.len());
        for bundle in &bundles {
            hasher.field(bundle);
        }
        hasher.finish()
    }
}

impl TrustedCa {
    fn hash(&self) -> [u8; 32] {
        let mut hasher = FieldHasher::new(b"portcullis trusted ca 1");
        hasher.field(&self.bundle.hash());
        self.revocation.hash_into(&mut hasher);
        hasher.finish()
    }
}

impl From<TrustBundle> for TrustedCa {
    /// Without a check for revocation.
    fn from(bundle: TrustBundle) -> Self {
        Self {
            bundle,
            revocation: RevocationPolicy::NONE,
        }
    }
}

/// SHA-256 over length-prefixed fields.
pub(crate) struct FieldHasher(digest::Context);

impl FieldHasher {
    pub(crate) fn new(domain: &[u8]) -> Self {
        let mut hasher = Self(digest::Context::new(&digest::SHA256));
        hasher.field(domain);
        hasher
    }

    pub(crate) fn field(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn number(&mut self, number: usize) {
        self.field(&(number as u64).to_be_bytes());
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        truncated(self.0.finish().as_ref())
    }
}
