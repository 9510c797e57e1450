//! The path from the client's certificate to a trust anchor.

use std::cell::RefCell;
use std::ptr;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};

use crate::certificate::Certificate;
use crate::explain::explain;
use crate::issuers::{Issuers, Trust};
use crate::leaf::{Leaf, check_validity};
use crate::path_rules::{PathRules, no_path};
use crate::purpose::ClientAuth;
use crate::signature;
use crate::{PathCertificate, Policy, Reason, Refusal, SignatureChecks};

/// Builds and checks paths by one policy.
#[derive(Debug)]
pub(crate) struct PathFinder {
    trust: Trust,
    rules: PathRules,
    algorithms: Vec<&'static dyn SignatureVerificationAlgorithm>,
}

/// A path whose signatures are good, client first, anchor last.
#[derive(Clone, Debug)]
pub(crate) struct VerifiedPath {
    pub(crate) certificates: Vec<PathCertificate>,
    /// The earliest end of validity.
    pub(crate) not_after: UnixTime,
}

/// The path that was found, or the one that came nearest.
pub(crate) struct Found {
    pub(crate) result: Result<(), Refusal>,
    pub(crate) path: VerifiedPath,
}

impl Default for VerifiedPath {
    fn default() -> Self {
        Self {
            certificates: Vec::new(),
            not_after: UnixTime::since_unix_epoch(std::time::Duration::ZERO),
        }
    }
}

impl PathFinder {
    pub(crate) fn new(policy: &Policy, signature_checks: SignatureChecks) -> Self {
        Self {
            trust: Trust::new(policy),
            rules: PathRules::new(policy),
            algorithms: signature::allowed(signature_checks, &policy.strength),
        }
    }

    /// Nothing to trust means that nobody gets in.
    pub(crate) fn check_trust(&self) -> Result<(), Refusal> {
        if self.trust.anchors.is_empty() {
            return Err(Refusal::new(
                Reason::EmptyTrust,
                "the profile has no trusted client CA",
            ));
        }
        Ok(())
    }

    /// Finds a path on which everything is good at `now`; else tells the most specific reason why there is none.
    pub(crate) fn find<'a>(
        &'a self,
        leaf: &Leaf<'a>,
        presented: &'a [CertificateDer<'a>],
        now: UnixTime,
    ) -> Found {
        let issuers = self.trust.select(
            &leaf.certificate,
            presented,
            self.rules.strength(),
            &self.algorithms,
        );
        let chain: Vec<_> = issuers.vouched.iter().map(Certificate::as_der).collect();
        let nearest = RefCell::new(Nearest::default());
        let check = |candidate: &webpki::VerifiedPath<'_>| {
            let members = self.resolve(&leaf.certificate, candidate, &issuers);
            self.rules.check(&members, now).map_err(|refusal| {
                nearest.borrow_mut().add(refusal, &members);
                // The least specific one: whatever else webpki finds wrong with other candidates counts.
                webpki::Error::UnknownIssuer
            })
        };
        let verified = leaf.end_entity.verify_for_usage(
            &self.algorithms,
            &self.trust.anchors,
            &chain,
            now,
            ClientAuth,
            None,
            Some(&check),
        );
        let error = match verified {
            Ok(verified) => {
                let members = self.resolve(&leaf.certificate, &verified, &issuers);
                return Found {
                    result: Ok(()),
                    path: VerifiedPath::of(&members),
                };
            }
            Err(error) => error,
        };
        let mut nearest = nearest.into_inner();
        nearest.add(explain(&error, &leaf.certificate, &issuers, now), &[]);
        for failure in issuers.failures {
            nearest.add(failure, &[]);
        }
        nearest.found()
    }

    /// Checks once more what time and policy can change about a path that was verified before, client first.
    pub(crate) fn recheck(
        &self,
        leaf: &Certificate<'_>,
        path: &[PathCertificate],
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let issuers: Result<Vec<_>, _> = path
            .iter()
            .skip(1)
            .map(|member| Certificate::parse(&member.der))
            .collect();
        let issuers = issuers.map_err(|_| {
            Refusal::new(
                Reason::Malformed,
                "a certificate of the path is not readable",
            )
        })?;
        let [intermediates @ .., anchor] = issuers.as_slice() else {
            return Err(no_path("the path has no anchor"));
        };
        if !self.trust.has_anchor(anchor) {
            return Err(no_path(
                "the path ends at a CA that is not trusted any more",
            ));
        }
        for ca in intermediates {
            check_validity(ca, now, || format!("CA {}", ca.subject_text()))?;
        }
        let members: Vec<_> = std::iter::once(leaf).chain(&issuers).copied().collect();
        self.rules.check(&members, now)
    }

    /// The certificates of a candidate, client first. Empty if one is not ours, which cannot happen and is refused.
    fn resolve<'a>(
        &'a self,
        leaf: &Certificate<'a>,
        candidate: &webpki::VerifiedPath<'_>,
        issuers: &Issuers<'a>,
    ) -> Vec<Certificate<'a>> {
        let intermediates = candidate.intermediate_certificates().map(|intermediate| {
            let der = intermediate.der();
            issuers
                .vouched
                .iter()
                .find(|issuer| issuer.der == der.as_ref())
                .copied()
        });
        let anchor = self
            .trust
            .anchors
            .iter()
            .zip(&self.trust.anchor_certificates)
            .find(|(anchor, _)| ptr::eq(*anchor, candidate.anchor()))
            .and_then(|(_, root)| Certificate::parse(root).ok());
        std::iter::once(Some(*leaf))
            .chain(intermediates)
            .chain(std::iter::once(anchor))
            .collect::<Option<Vec<_>>>()
            .unwrap_or_default()
    }
}

impl VerifiedPath {
    fn of(members: &[Certificate<'_>]) -> Self {
        let not_after = members.iter().map(|member| member.not_after).min();
        Self {
            certificates: members.iter().map(PathCertificate::new).collect(),
            not_after: not_after.unwrap_or(Self::default().not_after),
        }
    }
}

/// The most specific refusal so far, and the path that it is about.
#[derive(Default)]
struct Nearest {
    refusal: Option<Refusal>,
    path: VerifiedPath,
}

impl Nearest {
    fn add(&mut self, refusal: Refusal, members: &[Certificate<'_>]) {
        let known = self.refusal.as_ref().map(|known| known.reason);
        if known.is_none_or(|known| refusal.reason > known) {
            self.refusal = Some(refusal);
            self.path = VerifiedPath::of(members);
        }
    }

    fn found(self) -> Found {
        let refusal = self.refusal.unwrap_or_else(|| no_path("no path was found"));
        Found {
            result: Err(refusal),
            path: self.path,
        }
    }
}
