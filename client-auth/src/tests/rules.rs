//! Identity rules: which values a matcher sees, and what it makes of them.

mod alt_names;
mod numbers;
mod patterns;
mod subjects;
mod verdicts;

use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension};

use crate::testing::{Authority, tlv};
use crate::{
    CertificateFacts, IdentityField, IdentityMatcher, IdentityRule, IdentityRules, MatchKind,
};

fn facts(edit: &dyn Fn(&mut CertificateParams)) -> Arc<CertificateFacts> {
    let root = Authority::root("root");
    CertificateFacts::of(&root.client_with("client", edit)).unwrap()
}

pub(super) fn matcher(field: IdentityField, kind: MatchKind, value: &str) -> IdentityMatcher {
    IdentityMatcher::new(field, kind, value, false).unwrap()
}

pub(super) fn ignoring_case(field: IdentityField, kind: MatchKind, value: &str) -> IdentityMatcher {
    IdentityMatcher::new(field, kind, value, true).unwrap()
}

pub(super) fn rule(name: &str, all_of: Vec<IdentityMatcher>) -> IdentityRule {
    IdentityRule {
        name: name.to_owned(),
        all_of,
    }
}

pub(super) fn attribute(kind: &str) -> IdentityField {
    IdentityField::SubjectAttribute(kind.parse().unwrap())
}

fn allowing(matcher: IdentityMatcher) -> IdentityRules {
    IdentityRules {
        deny: Vec::new(),
        allow: vec![rule("rule", vec![matcher])],
    }
}

/// Whether a matcher matches; asked as a deny rule and as an allow rule, which must agree.
#[track_caller]
fn matches(matcher: &IdentityMatcher, certificate: &CertificateFacts) -> bool {
    let allowed = allowing(matcher.clone()).judge(certificate).is_ok();
    let denying = IdentityRules {
        deny: vec![rule("rule", vec![matcher.clone()])],
        allow: Vec::new(),
    };
    assert_eq!(denying.judge(certificate).is_err(), allowed, "{matcher:?}");
    allowed
}

/// The alternative names of a certificate, as they are encoded.
fn alt_names(names: &[(u8, &[u8])]) -> CustomExtension {
    let names: Vec<_> = names.iter().map(|(tag, name)| tlv(*tag, name)).collect();
    CustomExtension::from_oid_content(&[2, 5, 29, 17], tlv(0x30, &names.concat()))
}

fn with_names(names: &[(u8, &[u8])]) -> Arc<CertificateFacts> {
    facts(&|p| p.custom_extensions.push(alt_names(names)))
}

const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const REGISTERED_ID: u8 = 0x88;
const IP: u8 = 0x87;
const OTHER_NAME: u8 = 0xa0;
