//! The decision.

mod recheck;

use std::collections::BTreeSet;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, UnixTime};

use crate::certificate::Certificate;
use crate::leaf::Leaf;
use crate::path::{Found, PathFinder, VerifiedPath};
use crate::revocation::Planner;
use crate::{
    CertificateFacts, Check, CheckName, ClientIdentity, Decision, IdentityRule, Limits, Mode,
    Policy, Reason, Refusal, RevocationPlan, TrustBundle, Verification,
};

/// Decides about clients by one policy. Build it once per policy; it is immutable and can be shared.
#[derive(Debug)]
pub struct Authenticator {
    policy: Policy,
    policy_hash: [u8; 32],
    ca_names: Vec<Vec<u8>>,
    paths: PathFinder,
    planner: Planner,
}

/// Whether certificate signatures that were good before on the same thread are verified again.
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
    pub fn with_signature_checks(policy: Policy, signature_checks: SignatureChecks) -> Self {
        Self {
            policy_hash: policy.hash(),
            ca_names: ca_names(&policy),
            paths: PathFinder::new(&policy, signature_checks),
            planner: Planner::new(&policy),
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
    /// `certificate_authorities` of a `CertificateRequest` (RFC 8446 section 4.2.4). Roots come first.
    pub fn ca_names(&self) -> &[Vec<u8>] {
        &self.ca_names
    }

    /// The decision about a client that sent no certificate.
    pub fn decide_absent(&self) -> Decision {
        let refusal = Refusal::new(Reason::NoCertificate, "the client sent no certificate");
        let mut checks = Checks::default();
        let verdict = checks.record(CheckName::Size, Err(refusal));
        checks.decision(verdict, None, VerifiedPath::default())
    }

    /// Decides whether the client that presented `leaf` and `intermediates` may in at `now`.
    ///
    /// The order of `intermediates` makes no difference. Never panics, whatever the bytes are.
    pub fn decide(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Decision {
        match self.policy.mode {
            Mode::Strict | Mode::ReportOnly => self.decide_strict(leaf, intermediates, now),
            Mode::Passthrough => self.decide_passthrough(leaf, intermediates),
        }
    }

    /// Nothing is verified; what cannot be read is refused all the same, and so is what costs too much to keep.
    fn decide_passthrough(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Decision {
        let mut checks = Checks::default();
        let size = check_size(leaf, intermediates, &self.policy.limits);
        let read = checks.record(CheckName::Size, size);
        let read = read.and_then(|()| checks.record(CheckName::Encoding, Leaf::parse(leaf)));
        let facts = read.map(|leaf| Arc::new(CertificateFacts::new(&leaf.certificate)));
        let presented = facts.as_ref().ok().cloned();
        let verdict = facts.map(|certificate| ClientIdentity {
            path_not_after: certificate.not_after,
            certificate,
            verification: Verification::Passthrough,
        });
        checks.decision(verdict, presented, VerifiedPath::default())
    }

    fn decide_strict(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Decision {
        let mut checks = Checks::default();
        let leaf = match self.check_client(leaf, intermediates, now, &mut checks) {
            Ok(leaf) => leaf,
            Err(refusal) => {
                let presented = CertificateFacts::of(leaf);
                return checks.decision(Err(refusal), presented, VerifiedPath::default());
            }
        };
        let Found { result, path } = self.paths.find(&leaf, intermediates, now);
        let certificate = Arc::new(CertificateFacts::new(&leaf.certificate));
        let presented = Some(Arc::clone(&certificate));
        let verdict = self
            .record_path(result, &mut checks)
            .and_then(|()| self.check_identity(&certificate, &mut checks))
            .map(|()| ClientIdentity {
                certificate,
                verification: Verification::Verified,
                path_not_after: path.not_after,
            });
        let revocation = match &verdict {
            Ok(_) => self.planner.plan(&path.certificates),
            Err(_) => RevocationPlan::default(),
        };
        Decision {
            revocation,
            ..checks.decision(verdict, presented, path)
        }
    }

    /// All that can be said about the client's certificate alone.
    fn check_client<'a>(
        &self,
        leaf: &'a CertificateDer<'a>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        checks: &mut Checks,
    ) -> Result<Leaf<'a>, Refusal> {
        let size = check_size(leaf, intermediates, &self.policy.limits);
        checks.record(CheckName::Size, size)?;
        checks.record(CheckName::Trust, self.paths.check_trust())?;
        let leaf = checks.record(CheckName::Encoding, Leaf::parse(leaf))?;
        checks.record(CheckName::NotACa, leaf.check_not_a_ca())?;
        let strength = leaf.check_strength(&self.policy.strength);
        checks.record(CheckName::KeyStrength, strength)?;
        checks.record(CheckName::Validity, leaf.check_validity(now))?;
        checks.record(CheckName::Purpose, leaf.check_purpose())?;
        checks.record(CheckName::KeyUsage, leaf.check_key_usage())?;
        Ok(leaf)
    }

    fn check_identity(
        &self,
        certificate: &CertificateFacts,
        checks: &mut Checks,
    ) -> Result<(), Refusal> {
        if self.policy.identity.is_empty() {
            return Ok(());
        }
        let judged = self.policy.identity.judge(certificate);
        checks.explain(CheckName::Identity, judged.map(admitted_by))
    }

    fn record_path(&self, result: Result<(), Refusal>, checks: &mut Checks) -> Result<(), Refusal> {
        match result {
            Err(refusal) if refusal.reason == Reason::IssuerNotPinned => {
                checks.record(CheckName::Path, Ok(()))?;
                checks.record(CheckName::Issuer, Err(refusal))
            }
            result => {
                checks.record(CheckName::Path, result)?;
                if self.policy.verify_issuer {
                    checks.record(CheckName::Issuer, Ok(()))?;
                }
                Ok(())
            }
        }
    }
}

/// What is said about a client that the identity rules let in.
fn admitted_by(rule: Option<&IdentityRule>) -> String {
    match rule {
        Some(rule) => format!("the allow rule {:?} matches the client", rule.name),
        None => "no deny rule matches the client".to_owned(),
    }
}

/// The checks so far.
#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn record<T>(&mut self, name: CheckName, result: Result<T, Refusal>) -> Result<T, Refusal> {
        let summary = result.as_ref().map(|_| ()).map_err(Clone::clone);
        self.0.push(Check::new(name, summary));
        result
    }

    /// As [`record`](Self::record), for a check that tells what it has found.
    fn explain(&mut self, name: CheckName, found: Result<String, Refusal>) -> Result<(), Refusal> {
        self.0.push(match &found {
            Ok(detail) => Check::passed(name, detail),
            Err(refusal) => Check::new(name, Err(refusal.clone())),
        });
        found.map(|_| ())
    }

    fn decision(
        self,
        verdict: Result<ClientIdentity, Refusal>,
        presented: Option<Arc<CertificateFacts>>,
        path: VerifiedPath,
    ) -> Decision {
        Decision {
            verdict,
            presented,
            revocation: RevocationPlan::default(),
            path: path.certificates,
            checks: self.0,
        }
    }
}

fn check_size(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    limits: &Limits,
) -> Result<(), Refusal> {
    let count = intermediates.len() + 1;
    if count > limits.max_certificates {
        return Err(Refusal::new(
            Reason::TooManyCertificates,
            format!(
                "the client sent {count} certificates, at most {} are allowed",
                limits.max_certificates
            ),
        ));
    }
    let bytes = leaf.len() + intermediates.iter().map(|der| der.len()).sum::<usize>();
    if bytes > limits.max_chain_bytes {
        return Err(Refusal::new(
            Reason::ChainTooLarge,
            format!(
                "the client sent {bytes} bytes of certificates, at most {} are allowed",
                limits.max_chain_bytes
            ),
        ));
    }
    Ok(())
}

/// Subjects of the roots, then of the other CAs, each once.
fn ca_names(policy: &Policy) -> Vec<Vec<u8>> {
    let bundles = || policy.trusted.iter().map(|trusted| &trusted.bundle);
    let roots = bundles().filter_map(TrustBundle::root);
    let others = bundles().flat_map(TrustBundle::intermediates);
    let mut seen = BTreeSet::new();
    roots
        .chain(others)
        .filter_map(|der| Certificate::parse(der).ok())
        .map(|certificate| certificate.subject.to_vec())
        .filter(|name| seen.insert(name.clone()))
        .collect()
}
