//! From what workers get to the policy that they decide by, as the protocol says.

use std::time::Duration;

use client_auth::{
    IdentityField, IdentityMatcher, IdentityRule, IdentityRules, Limits, MatchKind, Mode, Policy,
    RevocationFailure, RevocationMethod, RevocationPolicy, RevocationScope, SignatureAlgorithm,
    Strength, TrustBundle, TrustedCa,
};
use prost::Message;
use proto::config::v1 as wire;
use rustls_pki_types::CertificateDer;

use crate::compile::Compiled;

/// The first policy of a snapshot.
pub(super) fn policy(compiled: &Compiled) -> Policy {
    let snapshot = wire::GatewaySnapshot::decode(compiled.snapshot.as_slice()).unwrap();
    let policy = &snapshot.client_auth_policies[0];
    let trusted = policy.client_cas.iter().map(|ca| TrustedCa {
        bundle: bundle(compiled, ca.bundle.as_ref().unwrap()),
        revocation: ca
            .revocation
            .as_ref()
            .map_or(RevocationPolicy::NONE, revocation),
    });
    let rules = policy.identity_rules.clone().unwrap_or_default();
    Policy {
        name: policy.name.clone(),
        mode: match policy.mode() {
            wire::ClientAuthMode::Strict => Mode::Strict,
            wire::ClientAuthMode::ReportOnly => Mode::ReportOnly,
            other => panic!("{other:?}"),
        },
        trusted: trusted.collect(),
        verify_issuer: policy.verify_issuer,
        partial_chains: policy.partial_chains,
        strength: policy
            .key_strength
            .as_ref()
            .map_or_else(Strength::default, strength),
        identity: IdentityRules {
            deny: rules.deny.iter().map(rule).collect(),
            allow: rules.allow.iter().map(rule).collect(),
        },
        limits: Limits {
            max_intermediates: u8::try_from(policy.max_intermediates).unwrap(),
            ..Limits::default()
        },
    }
}

fn bundle(compiled: &Compiled, bundle: &wire::TrustBundle) -> TrustBundle {
    let blob = compiled
        .blobs
        .iter()
        .find(|blob| blob.sha256[..] == bundle.sha256)
        .unwrap();
    let list = wire::CertificateList::decode(blob.bytes.as_slice()).unwrap();
    let certificates: Vec<_> = list
        .certificates
        .into_iter()
        .map(CertificateDer::from)
        .collect();
    TrustBundle::from_der(&bundle.name, &certificates).unwrap()
}

fn revocation(policy: &wire::RevocationPolicy) -> RevocationPolicy {
    RevocationPolicy {
        method: match policy.method() {
            wire::RevocationMethod::Ocsp => RevocationMethod::Ocsp,
            wire::RevocationMethod::Crl => RevocationMethod::Crl,
            wire::RevocationMethod::OcspThenCrl => RevocationMethod::OcspThenCrl,
            other => panic!("{other:?}"),
        },
        scope: match policy.scope() {
            wire::RevocationScope::Leaf => RevocationScope::Leaf,
            wire::RevocationScope::Chain => RevocationScope::Chain,
            wire::RevocationScope::Unspecified => panic!("no scope"),
        },
        failure: match policy.soft_fail_grace_seconds {
            0 => RevocationFailure::Hard,
            seconds => RevocationFailure::Soft {
                grace: Duration::from_secs(seconds.into()),
            },
        },
        responder: Some(policy.responder_url.clone()).filter(|url| !url.is_empty()),
        nonce: policy.nonce,
        fetch_crls: policy.fetch_crls,
    }
}

fn strength(strength: &wire::KeyStrength) -> Strength {
    // Both enums have the same words in the same order, the protocol's after `Unspecified`.
    let named = strength.signature_algorithms.iter();
    let algorithms: Vec<_> = named
        .map(|number| SignatureAlgorithm::ALL[usize::try_from(number - 1).unwrap()])
        .collect();
    Strength {
        min_rsa_bits: u16::try_from(strength.min_rsa_bits).unwrap(),
        min_ec_bits: u16::try_from(strength.min_ec_bits).unwrap(),
        signature_algorithms: if algorithms.is_empty() {
            SignatureAlgorithm::ALL.into()
        } else {
            algorithms.into_iter().collect()
        },
    }
}

fn rule(rule: &wire::IdentityRule) -> IdentityRule {
    IdentityRule {
        name: rule.name.clone(),
        all_of: rule.all_of.iter().map(matcher).collect(),
    }
}

fn matcher(matcher: &wire::IdentityMatcher) -> IdentityMatcher {
    let field = match matcher.field() {
        wire::IdentityField::SanDns => IdentityField::SanDns,
        wire::IdentityField::SanUri => IdentityField::SanUri,
        wire::IdentityField::SanEmail => IdentityField::SanEmail,
        wire::IdentityField::SanIp => IdentityField::SanIp,
        wire::IdentityField::Subject => IdentityField::Subject,
        wire::IdentityField::SubjectAttribute => {
            IdentityField::SubjectAttribute(matcher.attribute_oid.parse().unwrap())
        }
        wire::IdentityField::Issuer => IdentityField::Issuer,
        wire::IdentityField::Serial => IdentityField::Serial,
        wire::IdentityField::Fingerprint => IdentityField::Fingerprint,
        wire::IdentityField::Spki => IdentityField::Spki,
        wire::IdentityField::Unspecified => panic!("no field"),
    };
    let kind = match matcher.kind() {
        wire::MatchKind::Exact => MatchKind::Exact,
        wire::MatchKind::Prefix => MatchKind::Prefix,
        wire::MatchKind::Suffix => MatchKind::Suffix,
        wire::MatchKind::Regex => MatchKind::Regex,
        wire::MatchKind::Unspecified => panic!("no kind"),
    };
    IdentityMatcher::new(field, kind, &matcher.value, matcher.ignore_case).unwrap()
}
