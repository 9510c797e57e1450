//! The path from the client's certificate to an uploaded root.

use std::cell::RefCell;
use std::ptr;

use rustls_pki_types::{CertificateDer, UnixTime};

use crate::certificate::Certificate;
use crate::explain::explain;
use crate::issuers::{Issuers, Trust};
use crate::leaf::{Leaf, check_validity};
use crate::purpose::ClientAuth;
use crate::signature::{self, Algorithms};
use crate::{PathCertificate, PinnedIssuer, Policy, Reason, Refusal, SignatureChecks, TrustBundle};

/// Builds and checks paths by one policy.
#[derive(Debug)]
pub(crate) struct PathFinder {
    trust: Trust,
    /// Present exactly when the policy pins issuers.
    pinned: Option<Vec<PinnedIssuer>>,
    max_intermediates: usize,
    algorithms: Algorithms,
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
        let bundles = || policy.trusted.iter().map(|trusted| &trusted.bundle);
        let pinned = || bundles().map(TrustBundle::issuer).cloned().collect();
        Self {
            trust: Trust::new(bundles()),
            pinned: policy.verify_issuer.then(pinned),
            max_intermediates: policy.limits.max_intermediates.into(),
            algorithms: signature::algorithms(signature_checks),
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
        let issuers = self
            .trust
            .select(&leaf.certificate, presented, self.algorithms);
        let chain: Vec<_> = issuers.vouched.iter().map(Certificate::as_der).collect();
        let nearest = RefCell::new(Nearest::default());
        let check = |candidate: &webpki::VerifiedPath<'_>| {
            let members = self.resolve(&leaf.certificate, candidate, &issuers);
            self.check(&members, now).map_err(|refusal| {
                nearest.borrow_mut().add(refusal, &members);
                // The least specific one: whatever else webpki finds wrong with other candidates counts.
                webpki::Error::UnknownIssuer
            })
        };
        let verified = leaf.end_entity.verify_for_usage(
            self.algorithms,
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
            .zip(&self.trust.roots)
            .find(|(anchor, _)| ptr::eq(*anchor, candidate.anchor()))
            .and_then(|(_, root)| Certificate::parse(root).ok());
        std::iter::once(Some(*leaf))
            .chain(intermediates)
            .chain(std::iter::once(anchor))
            .collect::<Option<Vec<_>>>()
            .unwrap_or_default()
    }

    /// What `webpki` does not check on a path, the most specific reason first.
    fn check(&self, members: &[Certificate<'_>], now: UnixTime) -> Result<(), Refusal> {
        let [_leaf, issuers @ ..] = members else {
            return Err(no_path("the path is empty"));
        };
        let [intermediates @ .., anchor] = issuers else {
            return Err(no_path("the path has no anchor"));
        };
        check_validity(anchor, now, || root_text(anchor))?;
        if let Some(issuer) = issuers.iter().find(|ca| !ca.may_sign_certificates()) {
            return Err(Refusal::new(
                Reason::KeyUsage,
                format!(
                    "the key usage of CA {} does not allow signing certificates",
                    issuer.subject_text()
                ),
            ));
        }
        check_email_constraints(members)?;
        check_path_length(anchor, intermediates.len())?;
        if intermediates.len() > self.max_intermediates {
            return Err(Refusal::new(
                Reason::TooDeep,
                format!(
                    "the path has {} intermediate certificates, at most {} are allowed",
                    intermediates.len(),
                    self.max_intermediates
                ),
            ));
        }
        self.check_issuer(issuers.first())
    }

    /// `verifyClientCertIssuerDN`, by name and key.
    fn check_issuer(&self, issuer: Option<&Certificate<'_>>) -> Result<(), Refusal> {
        let (Some(pinned), Some(issuer)) = (&self.pinned, issuer) else {
            return Ok(());
        };
        let matches =
            |pin: &PinnedIssuer| pin.subject == issuer.subject && pin.spki == issuer.key.spki;
        if pinned.iter().any(matches) {
            return Ok(());
        }
        let same_name = pinned.iter().any(|pin| pin.subject == issuer.subject);
        let difference = if same_name {
            "has another key than the pinned one"
        } else {
            "is not pinned"
        };
        Err(Refusal::new(
            Reason::IssuerNotPinned,
            format!("the issuer {} {difference}", issuer.subject_text()),
        ))
    }
}

impl VerifiedPath {
    fn of(members: &[Certificate<'_>]) -> Self {
        let not_after = members.iter().map(|member| member.not_after).min();
        Self {
            certificates: members.iter().map(path_certificate).collect(),
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

/// The anchor's `pathLenConstraint` (RFC 5280 section 4.2.1.9). As in `webpki`, self-issued certificates count, too.
fn check_path_length(anchor: &Certificate<'_>, intermediates: usize) -> Result<(), Refusal> {
    let limit = anchor
        .extensions
        .basic_constraints
        .and_then(|constraints| constraints.path_length);
    match limit {
        Some(limit) if intermediates > usize::from(limit) => Err(Refusal::new(
            Reason::PathLength,
            format!(
                "{} allows {limit} intermediate certificates, the path has {intermediates}",
                root_text(anchor)
            ),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Constraints on email addresses apply to `emailAddress` attributes of a subject, too (RFC 5280 section 4.2.1.10).
///
/// `webpki` looks at alternative names only. Such attributes are refused rather than compared.
fn check_email_constraints(members: &[Certificate<'_>]) -> Result<(), Refusal> {
    let constrains = |ca: &Certificate<'_>| ca.extensions.constrains_email == Some(true);
    let Some(position) = members.iter().rposition(constrains) else {
        return Ok(());
    };
    match members
        .iter()
        .take(position)
        .find(|below| below.has_email_in_subject())
    {
        Some(below) => Err(Refusal::new(
            Reason::NameConstraints,
            format!(
                "{} has an email address in its subject, and a CA above it constrains email addresses",
                below.subject_text()
            ),
        )),
        None => Ok(()),
    }
}

fn root_text(anchor: &Certificate<'_>) -> String {
    format!("the trusted root {}", anchor.subject_text())
}

fn path_certificate(certificate: &Certificate<'_>) -> PathCertificate {
    PathCertificate {
        subject: certificate.subject_text(),
        key_id: certificate.key_id(),
        sha256: certificate.sha256(),
        der: certificate.der.into(),
    }
}

fn no_path(detail: &str) -> Refusal {
    Refusal::new(Reason::UnknownIssuer, detail)
}
