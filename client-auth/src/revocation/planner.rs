//! What has to be found out about a verified path.

use std::collections::HashMap;
use std::sync::Arc;

use super::serial;
use super::sources::{self, DistributionPoints};
use super::{
    CertificateId, RevocationMethod, RevocationPlan, RevocationPolicy, RevocationQuestion,
    RevocationScope,
};
use crate::certificate::Certificate;
use crate::{PathCertificate, Policy, Sha256Fingerprint, TrustedCa};

/// The revocation policies of a profile, by the keys that they apply below.
#[derive(Debug, Default)]
pub(crate) struct Planner {
    by_anchor: HashMap<Sha256Fingerprint, Vec<Arc<RevocationPolicy>>>,
}

impl Planner {
    /// An upload applies to a path that ends at one of its CAs. These are told by their keys: a renewed root is the same
    /// CA, and a second upload of it without a check does not undo the check of the first.
    pub(crate) fn new(policy: &Policy) -> Self {
        let mut planner = Self::default();
        let checks = |trusted: &&TrustedCa| trusted.revocation.method != RevocationMethod::None;
        for trusted in policy.trusted.iter().filter(checks) {
            planner.add(trusted);
        }
        planner
    }

    fn add(&mut self, trusted: &TrustedCa) {
        let policy = Arc::new(trusted.revocation.clone());
        let certificates = trusted.bundle.certificates().iter();
        for ca in certificates.filter_map(|der| Certificate::parse(der).ok()) {
            let policies = self.by_anchor.entry(ca.key_id()).or_default();
            if !policies.contains(&policy) {
                policies.push(Arc::clone(&policy));
            }
        }
    }

    /// The questions about a verified path, client first. Without any check in the profile this costs nothing.
    pub(crate) fn plan(&self, path: &[PathCertificate]) -> RevocationPlan {
        let anchor = path.last().filter(|_| !self.by_anchor.is_empty());
        let policies = anchor.and_then(|anchor| self.by_anchor.get(&anchor.key_id));
        let questions = policies.into_iter().flatten();
        RevocationPlan {
            questions: questions.flat_map(|policy| ask(policy, path)).collect(),
        }
    }
}

/// One policy's questions: about the client, or about every certificate below the anchor.
fn ask(policy: &Arc<RevocationPolicy>, path: &[PathCertificate]) -> Vec<Arc<RevocationQuestion>> {
    let with_issuers = path.iter().zip(path.iter().skip(1));
    let asked = match policy.scope {
        RevocationScope::Leaf => 1,
        RevocationScope::Chain => path.len(),
    };
    with_issuers
        .take(asked)
        .map(|(certificate, issuer)| Arc::new(question(policy, certificate, issuer)))
        .collect()
}

fn question(
    policy: &Arc<RevocationPolicy>,
    certificate: &PathCertificate,
    issuer: &PathCertificate,
) -> RevocationQuestion {
    // Both are on a verified path, so that they are readable. If they were not, nothing could answer the question.
    let parsed = Certificate::parse(&certificate.der).ok();
    let extensions = parsed.map(|parsed| parsed.extensions).unwrap_or_default();
    let (ocsp, crl) = match policy.method {
        RevocationMethod::None => (false, false),
        RevocationMethod::Ocsp => (true, false),
        RevocationMethod::Crl => (false, true),
        RevocationMethod::OcspThenCrl => (true, true),
    };
    let responders = match &policy.responder {
        Some(responder) => vec![responder.clone()],
        None => sources::responders(extensions.authority_info),
    };
    let points = DistributionPoints::of(extensions.distribution_points.filter(|_| crl));
    RevocationQuestion {
        certificate: CertificateId {
            issuer_key: *issuer.key_id.as_bytes(),
            issuer_name: parsed.map_or([0; 32], |parsed| {
                *Sha256Fingerprint::of(parsed.issuer).as_bytes()
            }),
            serial: parsed.map_or([].into(), |parsed| serial::shortest(parsed.serial).into()),
        },
        subject: certificate.subject.clone(),
        is_ca: parsed.is_some_and(|parsed| parsed.is_ca()),
        policy: Arc::clone(policy),
        issuer: Arc::clone(&issuer.der),
        responders: if ocsp { responders } else { Vec::new() },
        distribution_points: if policy.fetch_crls {
            points.urls()
        } else {
            Vec::new()
        },
        distribution_point_names: points.names.into_iter().map(Box::from).collect(),
    }
}
