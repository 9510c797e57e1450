//! What certificates say about their revocation, and the questions that follow.

use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension};

use super::{Der, at, decide, tlv, trusting};
use crate::{
    Policy, RevocationFailure, RevocationMethod, RevocationPolicy, RevocationQuestion,
    RevocationScope,
};

const OCSP: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];

/// A policy that refuses without an answer.
pub(crate) fn hard(method: RevocationMethod, scope: RevocationScope) -> RevocationPolicy {
    RevocationPolicy {
        method,
        scope,
        failure: RevocationFailure::Hard,
        ..RevocationPolicy::NONE
    }
}

/// `policy` with this revocation policy for each of its CAs.
pub(crate) fn revoking(mut policy: Policy, revocation: &RevocationPolicy) -> Policy {
    for trusted in &mut policy.trusted {
        trusted.revocation = revocation.clone();
    }
    policy
}

/// The questions about a client below `root`, the whole chain's.
pub(crate) fn questions(
    method: RevocationMethod,
    root: &Der,
    chain: &[&Der],
) -> Vec<Arc<RevocationQuestion>> {
    let policy = revoking(trusting(&[root]), &hard(method, RevocationScope::Chain));
    let decision = decide(&policy, chain, at(0));
    assert!(decision.verdict.is_ok(), "{decision:?}");
    decision.revocation.questions
}

/// Adds an authority information access extension with these OCSP responders.
pub(crate) fn name_responders(params: &mut CertificateParams, urls: &[&str]) {
    let places: Vec<_> = urls.iter().map(|url| access(OCSP, 0x86, url)).collect();
    add_access(params, &places);
}

/// One `AccessDescription`.
pub(crate) fn access(method: &[u8], tag: u8, location: &str) -> Vec<u8> {
    let fields = [tlv(0x06, method), tlv(tag, location.as_bytes())].concat();
    tlv(0x30, &fields)
}

/// Adds an authority information access extension.
pub(crate) fn add_access(params: &mut CertificateParams, descriptions: &[Vec<u8>]) {
    let value = tlv(0x30, &descriptions.concat());
    let id = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
    let extension = CustomExtension::from_oid_content(id, value);
    params.custom_extensions.push(extension);
}

/// A `DistributionPoint` with one full name of URIs.
pub(crate) fn point(urls: &[&str]) -> Vec<u8> {
    tlv(0x30, &tlv(0xa0, &tlv(0xa0, &general_names(urls))))
}

/// Contents of a `GeneralNames` of URIs.
pub(crate) fn general_names(urls: &[&str]) -> Vec<u8> {
    let names = urls.iter().map(|url| tlv(0x86, url.as_bytes()));
    names.collect::<Vec<_>>().concat()
}

/// Adds a CRL distribution points extension.
pub(crate) fn add_points(params: &mut CertificateParams, points: &[Vec<u8>]) {
    let value = tlv(0x30, &points.concat());
    let extension = CustomExtension::from_oid_content(&[2, 5, 29, 31], value);
    params.custom_extensions.push(extension);
}
