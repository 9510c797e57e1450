//! Which certificates may take part in building a path.
//!
//! A client can send certificates that all claim to have issued each other. Before `webpki` tries to combine them, the
//! crowd is reduced to those that a trust anchor vouches for: an anchor signed it, or a CA that is vouched for signed
//! it. Nobody but a trusted CA can add to these, so that a client cannot make path building expensive (Go's
//! CVE-2018-16875 and its kin); the work is at most one signature for each pair of equal names.

use std::collections::BTreeMap;

use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::anchor_from_trusted_cert;

use crate::certificate::{Certificate, EMPTY_NAME, PublicKey};
use crate::signature::{Algorithms, SignatureFault};
use crate::{Policy, Reason, Refusal, Strength, key_strength, name, signature};

/// All that a policy trusts, indexed by subject (DER `Name` with its header).
#[derive(Debug, Default)]
pub(crate) struct Trust {
    /// What `webpki` sees of the anchors.
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
    /// The uploaded certificates of the anchors, in the same order.
    pub(crate) anchor_certificates: Vec<CertificateDer<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
    anchors_by_subject: BTreeMap<Vec<u8>, Vec<usize>>,
    intermediates_by_subject: BTreeMap<Vec<u8>, Vec<usize>>,
}

/// Certificates that may stand between a client and an anchor.
#[derive(Default)]
pub(crate) struct Issuers<'a> {
    /// Those that an anchor vouches for, the nearest to an anchor first: `webpki` tries them in this order, and so finds
    /// a short path before it loses its way. The order does not depend on how they were sent.
    pub(crate) vouched: Vec<Certificate<'a>>,
    /// Why others were left out, in such an order, too.
    pub(crate) failures: Vec<Refusal>,
}

impl Trust {
    /// Collects what `policy` trusts: of each bundle the root, or with partial chains every CA, is an anchor. What cannot
    /// be an anchor is left out: it vouches for nobody.
    pub(crate) fn new(policy: &Policy) -> Self {
        let mut trust = Self::default();
        for bundle in policy.trusted.iter().map(|trusted| &trusted.bundle) {
            if let Some(root) = bundle.root() {
                trust.add_anchor(root);
            }
            for intermediate in bundle.intermediates() {
                trust.add_intermediate(intermediate);
                if policy.partial_chains {
                    trust.add_anchor(intermediate);
                }
            }
        }
        trust
    }

    fn add_anchor(&mut self, der: &CertificateDer<'static>) {
        if self.anchor_certificates.contains(der) {
            return;
        }
        let (Ok(anchor), Ok(certificate)) =
            (anchor_from_trusted_cert(der), Certificate::parse(der))
        else {
            return;
        };
        let same_subject = self
            .anchors_by_subject
            .entry(certificate.subject.to_vec())
            .or_default();
        same_subject.push(self.anchor_certificates.len());
        self.anchors.push(anchor.to_owned());
        self.anchor_certificates.push(der.clone());
    }

    /// Whether this very certificate is an anchor.
    pub(crate) fn has_anchor(&self, certificate: &Certificate<'_>) -> bool {
        lookup(
            &self.anchors_by_subject,
            &self.anchor_certificates,
            certificate.subject,
        )
        .any(|anchor| anchor.der == certificate.der)
    }

    fn add_intermediate(&mut self, intermediate: &CertificateDer<'static>) {
        if self.intermediates.contains(intermediate) {
            return;
        }
        let Ok(certificate) = Certificate::parse(intermediate) else {
            return;
        };
        let same_subject = self
            .intermediates_by_subject
            .entry(certificate.subject.to_vec())
            .or_default();
        same_subject.push(self.intermediates.len());
        self.intermediates.push(intermediate.clone());
    }

    /// Selects those of the uploaded and `presented` certificates that can be on a path from `leaf` to an anchor.
    pub(crate) fn select<'a>(
        &'a self,
        leaf: &Certificate<'a>,
        presented: &'a [CertificateDer<'a>],
        strength: &Strength,
        algorithms: Algorithms<'_>,
    ) -> Issuers<'a> {
        let mut issuers = Issuers::default();
        let presented = issuers.read(leaf, presented);
        let (names, mut candidates) = self.reachable(leaf, &presented);
        candidates.sort_unstable_by_key(|candidate| candidate.der);
        let anchors = self.anchors_named(&names);
        let candidates = issuers.screen(candidates, &anchors, strength);
        let anchors = issuers.screen_anchors(anchors, strength);
        issuers.vouch(candidates, &anchors, algorithms);
        issuers
    }

    /// The names that lead upwards from `leaf`, and the certificates that have them; uploaded ones first, each once.
    fn reachable<'a>(
        &'a self,
        leaf: &Certificate<'a>,
        presented: &[Certificate<'a>],
    ) -> (Vec<&'a [u8]>, Vec<Certificate<'a>>) {
        let mut names = Vec::new();
        add_name(&mut names, leaf.issuer);
        let mut found: Vec<Certificate<'a>> = Vec::new();
        let mut position = 0;
        while let Some(name) = names.get(position).copied() {
            position += 1;
            let uploaded = lookup(&self.intermediates_by_subject, &self.intermediates, name);
            let sent = presented
                .iter()
                .filter(|sent| sent.subject == name)
                .copied();
            for certificate in uploaded.chain(sent) {
                if found.iter().any(|other| other.der == certificate.der) {
                    continue;
                }
                add_name(&mut names, certificate.issuer);
                found.push(certificate);
            }
        }
        (names, found)
    }

    fn anchors_named<'a>(&'a self, names: &[&[u8]]) -> Vec<Certificate<'a>> {
        names
            .iter()
            .flat_map(|name| lookup(&self.anchors_by_subject, &self.anchor_certificates, name))
            .collect()
    }
}

impl<'a> Issuers<'a> {
    /// Reads what the client sent besides its own certificate.
    fn read(
        &mut self,
        leaf: &Certificate<'a>,
        presented: &'a [CertificateDer<'a>],
    ) -> Vec<Certificate<'a>> {
        let mut readable = Vec::with_capacity(presented.len());
        for der in presented {
            match Certificate::parse(der) {
                Ok(certificate) if certificate.der != leaf.der => readable.push(certificate),
                Ok(_) => {}
                Err(_) => self.failures.push(Refusal::new(
                    Reason::Malformed,
                    "a certificate that the client sent besides its own is not readable",
                )),
            }
        }
        readable
    }

    /// Leaves out copies of anchors, which lead nowhere new, and what is too weak, before anything costly is done with it.
    fn screen(
        &mut self,
        candidates: Vec<Certificate<'a>>,
        anchors: &[Certificate<'a>],
        strength: &Strength,
    ) -> Vec<Certificate<'a>> {
        let mut screened = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            if is_copy(&candidate, anchors) {
                continue;
            }
            let strong = check_key(&candidate, strength)
                .and_then(|()| check_algorithm(&candidate, strength));
            match strong {
                Ok(()) => screened.push(candidate),
                Err(refusal) => self.failures.push(refusal),
            }
        }
        screened
    }

    /// An anchor with too weak a key vouches for nobody.
    fn screen_anchors(
        &mut self,
        mut anchors: Vec<Certificate<'a>>,
        strength: &Strength,
    ) -> Vec<Certificate<'a>> {
        anchors.retain(|anchor| match check_key(anchor, strength) {
            Ok(()) => true,
            Err(refusal) => {
                self.failures.push(refusal);
                false
            }
        });
        anchors
    }

    /// Finds out for whom the anchors vouch, level by level.
    fn vouch(
        &mut self,
        candidates: Vec<Certificate<'a>>,
        anchors: &[Certificate<'a>],
        algorithms: Algorithms<'_>,
    ) {
        let mut waiting: Vec<Waiting<'a>> = candidates.into_iter().map(Waiting::new).collect();
        let mut level: Vec<(&[u8], PublicKey<'_>)> = anchors.iter().map(identity).collect();
        while !level.is_empty() {
            let mut next = Vec::new();
            waiting.retain_mut(|candidate| {
                if !candidate.is_signed_by(&level, algorithms) {
                    return true;
                }
                let certificate = candidate.certificate;
                match check_may_issue(&certificate) {
                    Ok(()) => next.push(identity(&certificate)),
                    Err(refusal) => self.failures.push(refusal),
                }
                self.vouched.push(certificate);
                false
            });
            level = next;
        }
        self.failures
            .extend(waiting.iter().filter_map(Waiting::failure));
    }
}

/// A certificate for which nobody has vouched yet.
struct Waiting<'a> {
    certificate: Certificate<'a>,
    fault: Option<SignatureFault>,
}

impl<'a> Waiting<'a> {
    fn new(certificate: Certificate<'a>) -> Self {
        Self {
            certificate,
            fault: None,
        }
    }

    fn is_signed_by(
        &mut self,
        issuers: &[(&[u8], PublicKey<'_>)],
        algorithms: Algorithms<'_>,
    ) -> bool {
        for (subject, key) in issuers {
            if *subject != self.certificate.issuer {
                continue;
            }
            match signature::verify(&self.certificate.signed, key, algorithms) {
                Ok(()) => return true,
                Err(fault) => self.fault = Some(fault),
            }
        }
        false
    }

    fn failure(&self) -> Option<Refusal> {
        let subject = self.certificate.subject_text();
        self.fault.map(|fault| match fault {
            SignatureFault::UnsupportedAlgorithm => unsupported_algorithm(&subject),
            SignatureFault::Invalid => Refusal::new(
                Reason::BadSignature,
                format!(
                    "CA {subject} names {} as its issuer, which did not sign it",
                    name::rfc2253(self.certificate.issuer)
                ),
            ),
        })
    }
}

/// Whether a candidate leads nowhere that an anchor of the same key does not. A self-issued certificate can be the bridge
/// from a new key of a CA to its old one (RFC 4210 section 4.4), so it is kept where there is an anchor of another key.
fn is_copy(candidate: &Certificate<'_>, anchors: &[Certificate<'_>]) -> bool {
    let mut same_name = anchors
        .iter()
        .filter(|anchor| anchor.subject == candidate.issuer)
        .peekable();
    candidate.is_self_issued()
        && same_name.peek().is_some()
        && same_name.all(|anchor| anchor.key.spki == candidate.key.spki)
}

/// Adds a name once. A CA has a name (RFC 5280 section 4.1.2.6): an empty one leads nowhere.
fn add_name<'a>(names: &mut Vec<&'a [u8]>, name: &'a [u8]) {
    if name != EMPTY_NAME && !names.contains(&name) {
        names.push(name);
    }
}

/// Whether a certificate that others name as their issuer may be one.
fn check_may_issue(certificate: &Certificate<'_>) -> Result<(), Refusal> {
    if !certificate.is_ca() {
        return Err(Refusal::new(
            Reason::NotACa,
            format!(
                "{} is named as an issuer and is no CA",
                certificate.subject_text()
            ),
        ));
    }
    check_key_usage(certificate)
}

/// Whether the key usage of a CA lets it issue certificates.
pub(crate) fn check_key_usage(ca: &Certificate<'_>) -> Result<(), Refusal> {
    if ca.may_sign_certificates() {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::KeyUsage,
        format!(
            "the key usage of CA {} does not allow signing certificates",
            ca.subject_text()
        ),
    ))
}

/// Whether the key of a CA is strong enough for the policy.
pub(crate) fn check_key(ca: &Certificate<'_>, strength: &Strength) -> Result<(), Refusal> {
    key_strength::check_demanded(&ca.key, strength).map_err(|fault| {
        Refusal::new(
            Reason::WeakKey,
            format!("CA {}: {fault}", ca.subject_text()),
        )
    })
}

/// Whether a CA certificate is signed with an algorithm that the policy allows.
pub(crate) fn check_algorithm(ca: &Certificate<'_>, strength: &Strength) -> Result<(), Refusal> {
    if signature::is_allowed(&ca.signed, strength) {
        return Ok(());
    }
    Err(unsupported_algorithm(&ca.subject_text()))
}

fn unsupported_algorithm(subject: &str) -> Refusal {
    Refusal::new(
        Reason::UnsupportedAlgorithm,
        format!("CA {subject} is signed with an algorithm that is not accepted"),
    )
}

fn identity<'a>(certificate: &Certificate<'a>) -> (&'a [u8], PublicKey<'a>) {
    (certificate.subject, certificate.key)
}

fn lookup<'a>(
    by_subject: &'a BTreeMap<Vec<u8>, Vec<usize>>,
    certificates: &'a [CertificateDer<'static>],
    subject: &[u8],
) -> impl Iterator<Item = Certificate<'a>> {
    by_subject
        .get(subject)
        .into_iter()
        .flatten()
        .filter_map(|index| certificates.get(*index))
        .filter_map(|der| Certificate::parse(der).ok())
}
