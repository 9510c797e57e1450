//! The client authentication policy: whom a profile lets in.

use std::collections::BTreeSet;
use std::time::Duration;

use client_auth::{
    AttributeType, IdentityField, IdentityMatcher, IdentityRule, IdentityRules, Limits, MatchKind,
    Mode, Policy, RevocationFailure, RevocationMethod, RevocationPolicy, RevocationScope,
    SignatureAlgorithm, Strength, TrustBundle, TrustBundleError, TrustedCa,
};
use proto::config::v1 as wire;

use super::{Material, Rejected};
use crate::revocation::check_location;

const PROFILES: &str = "sslProfiles";
const CLIENT_CAS: &str = "trustedClientCertificates";

/// More than the largest depth is not possible, so that nobody can mean it.
const MAX_INTERMEDIATES: u32 = 6;

/// The policy, complete: nothing in it is defaulted but what the protocol says may be absent.
pub(super) fn policy(
    policy: &wire::ClientAuthPolicy,
    material: &Material,
) -> Result<Policy, Rejected> {
    let reject = |property: &'static str| {
        move |reason: String| Rejected::new(PROFILES, &policy.name, property, reason)
    };
    let trusted = policy
        .client_cas
        .iter()
        .map(|ca| trusted_ca(policy, ca, material));
    Ok(Policy {
        name: policy.name.clone(),
        mode: mode(policy.mode).map_err(reject("clientAuthConfiguration"))?,
        trusted: trusted.collect::<Result<_, _>>()?,
        verify_issuer: policy.verify_issuer,
        partial_chains: policy.partial_chains,
        strength: strength(policy.key_strength.as_ref()).map_err(reject("keyStrength"))?,
        identity: identity_rules(policy.identity_rules.as_ref())
            .map_err(reject("identityRules"))?,
        limits: limits(policy.max_intermediates).map_err(reject("maxIntermediateCertificates"))?,
    })
}

fn mode(mode: i32) -> Result<Mode, String> {
    match wire::ClientAuthMode::try_from(mode) {
        Ok(wire::ClientAuthMode::Strict) => Ok(Mode::Strict),
        Ok(wire::ClientAuthMode::Passthrough) => Ok(Mode::Passthrough),
        Ok(wire::ClientAuthMode::ReportOnly) => Ok(Mode::ReportOnly),
        Ok(wire::ClientAuthMode::Unspecified) | Err(_) => {
            Err(unknown("client authentication mode", mode))
        }
    }
}

fn limits(max_intermediates: u32) -> Result<Limits, String> {
    let possible = u8::try_from(max_intermediates)
        .ok()
        .filter(|_| max_intermediates <= MAX_INTERMEDIATES);
    let max_intermediates = possible.ok_or_else(|| {
        format!(
            "{max_intermediates} intermediates are not possible, at most {MAX_INTERMEDIATES} are"
        )
    })?;
    Ok(Limits {
        max_intermediates,
        ..Limits::default()
    })
}

fn trusted_ca(
    policy: &wire::ClientAuthPolicy,
    ca: &wire::ClientCa,
    material: &Material,
) -> Result<TrustedCa, Rejected> {
    let Some(bundle) = &ca.bundle else {
        let reason = "a client CA has no certificates";
        return Err(Rejected::new(PROFILES, &policy.name, CLIENT_CAS, reason));
    };
    let revocation = match &ca.revocation {
        Some(revocation) => revocation_policy(revocation)
            .map_err(|reason| Rejected::new(CLIENT_CAS, &bundle.name, "revocation", reason))?,
        None => RevocationPolicy::NONE,
    };
    let bundle = trust_bundle(bundle, policy.partial_chains, material)
        .map_err(|reason| Rejected::new(CLIENT_CAS, &bundle.name, "data", reason))?;
    Ok(TrustedCa { bundle, revocation })
}

/// A bundle needs a root, unless its intermediates are anchors.
fn trust_bundle(
    bundle: &wire::TrustBundle,
    partial_chains: bool,
    material: &Material,
) -> Result<TrustBundle, String> {
    let certificates = material.certificates(&bundle.sha256)?;
    let read = match TrustBundle::from_der(&bundle.name, &certificates) {
        Err(TrustBundleError::RootCount { found: 0 }) if partial_chains => {
            TrustBundle::partial(&bundle.name, &certificates)
        }
        read => read,
    };
    read.map_err(|error| error.to_string())
}

fn revocation_policy(policy: &wire::RevocationPolicy) -> Result<RevocationPolicy, String> {
    let method = match wire::RevocationMethod::try_from(policy.method) {
        Ok(wire::RevocationMethod::None) => RevocationMethod::None,
        Ok(wire::RevocationMethod::Ocsp) => RevocationMethod::Ocsp,
        Ok(wire::RevocationMethod::Crl) => RevocationMethod::Crl,
        Ok(wire::RevocationMethod::OcspThenCrl) => RevocationMethod::OcspThenCrl,
        Ok(wire::RevocationMethod::Unspecified) | Err(_) => {
            return Err(unknown("method", policy.method));
        }
    };
    let scope = match wire::RevocationScope::try_from(policy.scope) {
        Ok(wire::RevocationScope::Leaf) => RevocationScope::Leaf,
        Ok(wire::RevocationScope::Chain) => RevocationScope::Chain,
        Ok(wire::RevocationScope::Unspecified) | Err(_) => {
            return Err(unknown("scope", policy.scope));
        }
    };
    let failure = match policy.soft_fail_grace_seconds {
        0 => RevocationFailure::Hard,
        seconds => RevocationFailure::Soft {
            grace: Duration::from_secs(seconds.into()),
        },
    };
    let responder = Some(&policy.responder_url).filter(|url| !url.is_empty());
    if let Some(url) = responder {
        check_location(url)
            .map_err(|error| format!("the responder `{}`: {error}", url.escape_debug()))?;
    }
    Ok(RevocationPolicy {
        method,
        scope,
        failure,
        responder: responder.cloned(),
        nonce: policy.nonce,
        fetch_crls: policy.fetch_crls,
    })
}

fn strength(strength: Option<&wire::KeyStrength>) -> Result<Strength, String> {
    let Some(strength) = strength else {
        return Ok(Strength::default());
    };
    let bits = |what: &str, bits: u32, possible: std::ops::RangeInclusive<u16>| {
        u16::try_from(bits)
            .ok()
            .filter(|bits| possible.contains(bits))
            .ok_or_else(|| {
                let (least, most) = possible.into_inner();
                format!(
                    "a minimum of {bits} bits for {what} is not possible, {least} to {most} are"
                )
            })
    };
    let algorithms = strength.signature_algorithms.iter().copied();
    let algorithms: BTreeSet<_> = algorithms
        .map(signature_algorithm)
        .collect::<Result<_, _>>()?;
    Ok(Strength {
        min_rsa_bits: bits("RSA keys", strength.min_rsa_bits, 2048..=8192)?,
        min_ec_bits: bits("curves", strength.min_ec_bits, 256..=521)?,
        signature_algorithms: if algorithms.is_empty() {
            SignatureAlgorithm::ALL.into()
        } else {
            algorithms
        },
    })
}

fn signature_algorithm(number: i32) -> Result<SignatureAlgorithm, String> {
    use wire::SignatureAlgorithm as Wire;
    Ok(match Wire::try_from(number) {
        Ok(Wire::RsaPkcs1Sha256) => SignatureAlgorithm::RsaPkcs1Sha256,
        Ok(Wire::RsaPkcs1Sha384) => SignatureAlgorithm::RsaPkcs1Sha384,
        Ok(Wire::RsaPkcs1Sha512) => SignatureAlgorithm::RsaPkcs1Sha512,
        Ok(Wire::RsaPssSha256) => SignatureAlgorithm::RsaPssSha256,
        Ok(Wire::RsaPssSha384) => SignatureAlgorithm::RsaPssSha384,
        Ok(Wire::RsaPssSha512) => SignatureAlgorithm::RsaPssSha512,
        Ok(Wire::EcdsaSha256) => SignatureAlgorithm::EcdsaSha256,
        Ok(Wire::EcdsaSha384) => SignatureAlgorithm::EcdsaSha384,
        Ok(Wire::EcdsaSha512) => SignatureAlgorithm::EcdsaSha512,
        Ok(Wire::Ed25519) => SignatureAlgorithm::Ed25519,
        Ok(Wire::MlDsa44) => SignatureAlgorithm::MlDsa44,
        Ok(Wire::MlDsa65) => SignatureAlgorithm::MlDsa65,
        Ok(Wire::MlDsa87) => SignatureAlgorithm::MlDsa87,
        Ok(Wire::Unspecified) | Err(_) => return Err(unknown("signature algorithm", number)),
    })
}

fn identity_rules(rules: Option<&wire::IdentityRules>) -> Result<IdentityRules, String> {
    let Some(rules) = rules else {
        return Ok(IdentityRules::default());
    };
    let list = |kind: &str, list: &[wire::IdentityRule]| -> Result<Vec<IdentityRule>, String> {
        let rules = list.iter().map(|rule| {
            identity_rule(rule)
                .map_err(|reason| format!("{kind} rule `{}`: {reason}", rule.name.escape_debug()))
        });
        rules.collect()
    };
    Ok(IdentityRules {
        deny: list("deny", &rules.deny)?,
        allow: list("allow", &rules.allow)?,
    })
}

fn identity_rule(rule: &wire::IdentityRule) -> Result<IdentityRule, String> {
    if rule.all_of.is_empty() {
        return Err("it has no matcher".to_owned());
    }
    let matchers = rule.all_of.iter().enumerate().map(|(place, matcher)| {
        identity_matcher(matcher).map_err(|reason| format!("matcher {place}: {reason}"))
    });
    Ok(IdentityRule {
        name: rule.name.clone(),
        all_of: matchers.collect::<Result<_, _>>()?,
    })
}

fn identity_matcher(matcher: &wire::IdentityMatcher) -> Result<IdentityMatcher, String> {
    let kind = match wire::MatchKind::try_from(matcher.kind) {
        Ok(wire::MatchKind::Exact) => MatchKind::Exact,
        Ok(wire::MatchKind::Prefix) => MatchKind::Prefix,
        Ok(wire::MatchKind::Suffix) => MatchKind::Suffix,
        Ok(wire::MatchKind::Regex) => MatchKind::Regex,
        Ok(wire::MatchKind::Unspecified) | Err(_) => {
            return Err(unknown("kind of match", matcher.kind));
        }
    };
    let field = identity_field(matcher)?;
    IdentityMatcher::new(field, kind, &matcher.value, matcher.ignore_case)
        .map_err(|error| format!("the value {error}"))
}

fn identity_field(matcher: &wire::IdentityMatcher) -> Result<IdentityField, String> {
    use wire::IdentityField as Wire;
    let field = match Wire::try_from(matcher.field) {
        Ok(Wire::SanDns) => IdentityField::SanDns,
        Ok(Wire::SanUri) => IdentityField::SanUri,
        Ok(Wire::SanEmail) => IdentityField::SanEmail,
        Ok(Wire::SanIp) => IdentityField::SanIp,
        Ok(Wire::Subject) => IdentityField::Subject,
        Ok(Wire::SubjectAttribute) => return attribute(&matcher.attribute_oid),
        Ok(Wire::Issuer) => IdentityField::Issuer,
        Ok(Wire::Serial) => IdentityField::Serial,
        Ok(Wire::Fingerprint) => IdentityField::Fingerprint,
        Ok(Wire::Spki) => IdentityField::Spki,
        Ok(Wire::Unspecified) | Err(_) => return Err(unknown("field", matcher.field)),
    };
    if !matcher.attribute_oid.is_empty() {
        return Err(format!("{field} has no attribute type"));
    }
    Ok(field)
}

/// The protocol has identifiers only; keywords belong to the API.
fn attribute(oid: &str) -> Result<IdentityField, String> {
    match oid.parse::<AttributeType>() {
        Ok(kind) if kind.dotted() == oid => Ok(IdentityField::SubjectAttribute(kind)),
        Ok(_) | Err(_) => Err(format!(
            "`{}` is no object identifier of an attribute type",
            oid.escape_debug()
        )),
    }
}

fn unknown(what: &str, number: i32) -> String {
    format!("{what} {number} is not known")
}
