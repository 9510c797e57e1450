//! Whom an SSL profile lets in.

use aws_lc_rs::digest;

use crate::TrustBundle;
use crate::fingerprint::truncated;

/// The client authentication of one SSL profile.
#[derive(Clone, Debug)]
pub struct Policy {
    /// ARM name of the SSL profile; for logs only.
    pub name: String,
    /// What is asked of a client.
    pub mode: Mode,
    /// The uploaded client CAs. None at all: nobody gets in.
    pub trust_bundles: Vec<TrustBundle>,
    /// `verifyClientCertIssuerDN`: the immediate issuer in the verified path must be the pinned issuer of one of the
    /// bundles, by name and key.
    pub verify_issuer: bool,
    /// Bounds on what a client may send.
    pub limits: Limits,
}

/// What is asked of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A certificate is required and must verify.
    Strict,
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
    /// A strict policy with default limits.
    pub fn strict(
        name: impl Into<String>,
        trust_bundles: Vec<TrustBundle>,
        verify_issuer: bool,
    ) -> Self {
        Self {
            name: name.into(),
            mode: Mode::Strict,
            trust_bundles,
            verify_issuer,
            limits: Limits::default(),
        }
    }

    /// SHA-256 over everything that influences a verdict.
    ///
    /// Two policies with equal hashes give equal verdicts; session tickets are bound to it. Names of the profile and
    /// of the bundles, and the order of the bundles, do not count. Every field is length-prefixed, so that no two
    /// policies have the same input.
    pub fn hash(&self) -> [u8; 32] {
        let mut bundles: Vec<_> = self.trust_bundles.iter().map(TrustBundle::hash).collect();
        bundles.sort_unstable();
        let mode = match self.mode {
            Mode::Strict => 1,
        };
        let mut hasher = FieldHasher::new(b"portcullis client-auth policy 1");
        hasher.field(&[mode, u8::from(self.verify_issuer)]);
        hasher.field(&[self.limits.max_intermediates]);
        hasher.number(self.limits.max_certificates);
        hasher.number(self.limits.max_chain_bytes);
        for bundle in &bundles {
            hasher.field(bundle);
        }
        hasher.finish()
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
