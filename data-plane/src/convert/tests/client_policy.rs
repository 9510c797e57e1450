//! The client authentication policy of a snapshot, field by field.

use std::time::Duration;

use ::client_auth::{
    IdentityField, IdentityMatcher, MatchKind, Policy, RevocationFailure, RevocationMethod,
    RevocationPolicy, RevocationScope, SignatureAlgorithm, Strength,
};

use super::*;

const PROFILE: &str = "sslProfiles/strict";

/// The policy that the fixture has with this change.
fn converted(change: impl FnOnce(&mut wire::ClientAuthPolicy)) -> Policy {
    let mut fixture = fixture();
    change(&mut fixture.gateway.client_auth_policies[0]);
    policy_of(&fixture)
}

fn policy_of(fixture: &Fixture) -> Policy {
    let converted = convert(fixture, &Built::default()).expect("good");
    let tls = converted.snapshot.binds[1].virtual_hosts[0].tls.as_ref();
    let client_auth = tls.and_then(|tls| tls.client_auth.as_ref());
    client_auth
        .expect("a policy")
        .authenticator
        .policy()
        .clone()
}

/// Expects the policy with this change to be refused for this property, with these words.
#[track_caller]
fn refused(property: &str, words: &str, change: impl FnOnce(&mut wire::ClientAuthPolicy)) {
    let mut fixture = fixture();
    change(&mut fixture.gateway.client_auth_policies[0]);
    let rejected = convert(&fixture, &Built::default()).expect_err("should be refused");
    assert_eq!(
        (&*rejected.resource, &*rejected.property),
        (PROFILE, property),
        "{rejected}"
    );
    assert!(rejected.reason.contains(words), "{rejected}");
}

fn matcher(
    field: wire::IdentityField,
    kind: wire::MatchKind,
    value: &str,
) -> wire::IdentityMatcher {
    wire::IdentityMatcher {
        field: field.into(),
        kind: kind.into(),
        value: value.to_owned(),
        ..Default::default()
    }
}

fn rules(
    deny: Vec<wire::IdentityMatcher>,
    allow: Vec<wire::IdentityMatcher>,
) -> wire::IdentityRules {
    let rule = |name: &str, all_of: Vec<_>| wire::IdentityRule {
        name: name.to_owned(),
        all_of,
    };
    wire::IdentityRules {
        deny: vec![rule("no", deny)],
        allow: vec![rule("yes", allow)],
    }
}

#[test]
fn what_is_absent_is_the_strict_policy() {
    let policy = converted(|_| {});
    let bundles: Vec<_> = policy
        .trusted
        .iter()
        .map(|trusted| trusted.bundle.clone())
        .collect();
    let strict = Policy::strict("strict", bundles, false);
    assert_eq!(policy.hash(), strict.hash());
    assert_eq!(policy.name, "strict");
    assert_eq!(policy.trusted[0].revocation, RevocationPolicy::NONE);
    assert_eq!(policy.strength, Strength::default());
    assert!(policy.identity.is_empty());
}

#[test]
fn every_field_is_taken_over() {
    let base = converted(|_| {}).hash();
    let hashes: HashSet<_> = [
        converted(|p| p.verify_issuer = true),
        converted(|p| p.partial_chains = true),
        converted(|p| p.max_intermediates = 0),
        converted(|p| p.max_intermediates = 6),
        converted(|p| p.mode = wire::ClientAuthMode::ReportOnly.into()),
        converted(|p| p.mode = wire::ClientAuthMode::Passthrough.into()),
        converted(|p| p.client_cas.clear()),
        converted(|p| {
            p.key_strength = Some(wire::KeyStrength {
                min_rsa_bits: 3072,
                min_ec_bits: 256,
                signature_algorithms: vec![],
            });
        }),
        converted(|p| p.client_cas[0].revocation = Some(ocsp())),
        converted(|p| {
            let dns = matcher(wire::IdentityField::SanDns, wire::MatchKind::Exact, "a");
            p.identity_rules = Some(rules(vec![dns.clone()], vec![dns]));
        }),
    ]
    .iter()
    .map(Policy::hash)
    .collect();
    assert_eq!(hashes.len(), 10);
    assert!(!hashes.contains(&base));
    assert_eq!(
        converted(|p| p.max_intermediates = 6)
            .limits
            .max_intermediates,
        6
    );
    refused("maxIntermediateCertificates", "at most 6", |p| {
        p.max_intermediates = 7;
    });
    refused("maxIntermediateCertificates", "at most 6", |p| {
        p.max_intermediates = 260;
    });
}

#[test]
fn strength_is_within_what_is_possible() {
    let strength = |rsa, ec, algorithms: &[i32]| {
        let strength = wire::KeyStrength {
            min_rsa_bits: rsa,
            min_ec_bits: ec,
            signature_algorithms: algorithms.to_vec(),
        };
        move |p: &mut wire::ClientAuthPolicy| p.key_strength = Some(strength)
    };
    let all: Vec<i32> = (1..=13).collect();
    let converted_all = converted(strength(2048, 256, &all)).strength;
    assert_eq!(converted_all, Strength::default());
    assert_eq!(
        converted(strength(2048, 256, &[])).strength,
        Strength::default()
    );
    assert_eq!(
        converted(strength(8192, 521, &[7, 10, 7])).strength,
        Strength {
            min_rsa_bits: 8192,
            min_ec_bits: 521,
            signature_algorithms: [SignatureAlgorithm::EcdsaSha256, SignatureAlgorithm::Ed25519]
                .into(),
        }
    );
    // Each number of the protocol is the algorithm of that name.
    for number in all {
        let wire = wire::SignatureAlgorithm::try_from(number).expect("known");
        let strength = converted(strength(2048, 256, &[number])).strength;
        let algorithms: Vec<_> = strength.signature_algorithms.into_iter().collect();
        let name = wire
            .as_str_name()
            .strip_prefix("SIGNATURE_ALGORITHM_")
            .expect("prefix");
        assert_eq!(algorithms.len(), 1);
        let label = algorithms[0].label().to_uppercase();
        assert_eq!(label, name.replace('_', ""));
    }
    for (rsa, ec, algorithms, words) in [
        (0, 256, &[][..], "0 bits for RSA"),
        (2047, 256, &[], "2047 bits for RSA"),
        (8193, 256, &[], "8193 bits for RSA"),
        (70_000, 256, &[], "70000 bits for RSA"),
        (2048, 0, &[], "0 bits for curves"),
        (2048, 255, &[], "255 bits for curves"),
        (2048, 522, &[], "522 bits for curves"),
        (2048, 256, &[0], "signature algorithm 0 is not known"),
        (2048, 256, &[1, 14], "signature algorithm 14 is not known"),
        (2048, 256, &[-1], "signature algorithm -1 is not known"),
    ] {
        refused("keyStrength", words, strength(rsa, ec, algorithms));
    }
}

#[test]
fn identity_rules_become_matchers() {
    use wire::IdentityField as Field;
    use wire::MatchKind as Kind;
    let digest = "ab".repeat(32);
    let mut matchers = vec![
        matcher(Field::SanDns, Kind::Exact, "A.example.com."),
        matcher(Field::SanUri, Kind::Prefix, "spiffe://td/"),
        matcher(Field::SanEmail, Kind::Suffix, "@example.com"),
        matcher(Field::SanIp, Kind::Prefix, "10.0.0.0/8"),
        matcher(Field::Subject, Kind::Regex, "CN=[a-z]+"),
        matcher(Field::Issuer, Kind::Exact, "CN=one"),
        matcher(Field::Serial, Kind::Exact, "1"),
        matcher(Field::Fingerprint, Kind::Exact, &digest),
        matcher(Field::Spki, Kind::Exact, &digest),
    ];
    let mut attribute = matcher(Field::SubjectAttribute, Kind::Exact, "Contoso");
    attribute.attribute_oid = "2.5.4.10".to_owned();
    attribute.ignore_case = true;
    matchers.push(attribute);
    let expected = |field, kind, value: &str, ignore_case| {
        IdentityMatcher::new(field, kind, value, ignore_case).expect("good")
    };
    let organization = IdentityField::SubjectAttribute("O".parse().expect("known"));
    let all = [
        expected(
            IdentityField::SanDns,
            MatchKind::Exact,
            "a.example.com",
            false,
        ),
        expected(
            IdentityField::SanUri,
            MatchKind::Prefix,
            "spiffe://td/",
            false,
        ),
        expected(
            IdentityField::SanEmail,
            MatchKind::Suffix,
            "@example.com",
            false,
        ),
        expected(IdentityField::SanIp, MatchKind::Prefix, "10.0.0.0/8", false),
        expected(IdentityField::Subject, MatchKind::Regex, "CN=[a-z]+", false),
        expected(IdentityField::Issuer, MatchKind::Exact, "CN=one", false),
        expected(IdentityField::Serial, MatchKind::Exact, "01", false),
        expected(IdentityField::Fingerprint, MatchKind::Exact, &digest, false),
        expected(IdentityField::Spki, MatchKind::Exact, &digest, false),
        expected(organization, MatchKind::Exact, "Contoso", true),
    ];
    let policy = converted(|p| p.identity_rules = Some(rules(matchers[..1].to_vec(), matchers)));
    assert_eq!(policy.identity.deny[0].name, "no");
    assert_eq!(policy.identity.deny[0].all_of, all[..1]);
    assert_eq!(policy.identity.allow[0].name, "yes");
    assert_eq!(policy.identity.allow[0].all_of, all);
}

#[test]
fn identity_rules_that_are_not_understood_are_refused() {
    use wire::IdentityField as Field;
    use wire::MatchKind as Kind;
    let good = || matcher(Field::SanDns, Kind::Exact, "a");
    let changed = |change: &dyn Fn(&mut wire::IdentityMatcher)| {
        let mut matcher = good();
        change(&mut matcher);
        matcher
    };
    for (words, bad) in [
        ("field 0 is not known", changed(&|m| m.field = 0)),
        ("field 11 is not known", changed(&|m| m.field = 11)),
        ("field -1 is not known", changed(&|m| m.field = -1)),
        ("kind of match 0 is not known", changed(&|m| m.kind = 0)),
        ("kind of match 5 is not known", changed(&|m| m.kind = 5)),
        ("the value is empty", changed(&|m| m.value.clear())),
        (
            "SanDns has no attribute type",
            changed(&|m| m.attribute_oid = "2.5.4.3".to_owned()),
        ),
        (
            "`` is no object identifier",
            matcher(Field::SubjectAttribute, Kind::Exact, "a"),
        ),
        ("`CN` is no object identifier", {
            let mut keyword = matcher(Field::SubjectAttribute, Kind::Exact, "a");
            keyword.attribute_oid = "CN".to_owned();
            keyword
        }),
        (
            "not a usable regular expression",
            matcher(Field::SanDns, Kind::Regex, "("),
        ),
        ("not an IP address", matcher(Field::SanIp, Kind::Exact, "a")),
        (
            "Prefix match, which Spki does not have",
            matcher(Field::Spki, Kind::Prefix, "a"),
        ),
    ] {
        for deny in [true, false] {
            let list = vec![good(), bad.clone()];
            let place = if deny {
                "deny rule `no`: matcher 1: "
            } else {
                "allow rule `yes`: matcher 1: "
            };
            let rules = if deny {
                rules(list, vec![good()])
            } else {
                rules(vec![good()], list)
            };
            refused("identityRules", place, |p| {
                p.identity_rules = Some(rules.clone());
            });
            refused("identityRules", words, |p| {
                p.identity_rules = Some(rules.clone());
            });
        }
    }
    refused(
        "identityRules",
        "allow rule `yes`: it has no matcher",
        |p| {
            p.identity_rules = Some(rules(vec![good()], vec![]));
        },
    );
    refused("identityRules", "deny rule `no`: it has no matcher", |p| {
        p.identity_rules = Some(rules(vec![], vec![good()]));
    });
}

fn ocsp() -> wire::RevocationPolicy {
    wire::RevocationPolicy {
        method: wire::RevocationMethod::Ocsp.into(),
        scope: wire::RevocationScope::Chain.into(),
        soft_fail_grace_seconds: 60,
        responder_url: "http://ocsp.example/".to_owned(),
        nonce: true,
        fetch_crls: true,
    }
}

#[test]
fn revocation_policies_are_taken_over() {
    let revocation = |change: &dyn Fn(&mut wire::RevocationPolicy)| {
        let mut revocation = ocsp();
        change(&mut revocation);
        let policy = converted(|p| p.client_cas[0].revocation = Some(revocation));
        policy.trusted[0].revocation.clone()
    };
    let expected = RevocationPolicy {
        method: RevocationMethod::Ocsp,
        scope: RevocationScope::Chain,
        failure: RevocationFailure::Soft {
            grace: Duration::from_mins(1),
        },
        responder: Some("http://ocsp.example/".to_owned()),
        nonce: true,
        fetch_crls: true,
    };
    assert_eq!(revocation(&|_| {}), expected);
    let hard = revocation(&|r| r.soft_fail_grace_seconds = 0);
    assert_eq!(hard.failure, RevocationFailure::Hard);
    assert_eq!(revocation(&|r| r.responder_url.clear()).responder, None);
    assert_eq!(revocation(&|r| r.scope = 1).scope, RevocationScope::Leaf);
    for (number, method) in [
        (1, RevocationMethod::None),
        (2, RevocationMethod::Ocsp),
        (3, RevocationMethod::Crl),
        (4, RevocationMethod::OcspThenCrl),
    ] {
        assert_eq!(revocation(&|r| r.method = number).method, method);
    }
}

#[test]
fn revocation_policies_that_are_not_understood_are_refused() {
    let refused = |words: &str, change: &dyn Fn(&mut wire::RevocationPolicy)| {
        let mut revocation = ocsp();
        change(&mut revocation);
        let mut fixture = fixture();
        fixture.gateway.client_auth_policies[0].client_cas[0].revocation = Some(revocation);
        let rejected = convert(&fixture, &Built::default()).expect_err("should be refused");
        assert_eq!(rejected.resource, "trustedClientCertificates/client-ca");
        assert_eq!(rejected.property, "revocation");
        assert!(rejected.reason.contains(words), "{rejected}");
    };
    for number in [0, 5, -1] {
        refused(&format!("method {number} is not known"), &|r| {
            r.method = number;
        });
    }
    for number in [0, 3, -1] {
        refused(&format!("scope {number} is not known"), &|r| {
            r.scope = number;
        });
    }
    for url in [
        "ocsp.example",
        "ftp://ocsp.example/",
        "http://",
        "http://me@ocsp.example/",
        "\n",
    ] {
        refused("the responder", &|r| r.responder_url = url.to_owned());
    }
}

#[test]
fn a_client_ca_has_certificates() {
    refused("trustedClientCertificates", "no certificates", |p| {
        p.client_cas[0].bundle = None;
    });
}

// T-25
#[test]
fn an_upload_without_a_root_is_for_partial_chains_only() {
    let root = Ca::new("root");
    let one = root.intermediate("one");
    let leaf = one.client("leaf");
    let with = |partial_chains: bool, certificates: &[&CertificateDer<'_>]| {
        let mut fixture = fixture();
        let policy = &mut fixture.gateway.client_auth_policies[0];
        policy.partial_chains = partial_chains;
        let sha256 = fixture.material.add_certificates(certificates);
        bundle(&mut fixture.gateway).sha256 = sha256;
        fixture
    };
    let rejected = |fixture: &Fixture| {
        let rejected = convert(fixture, &Built::default()).expect_err("should be refused");
        (rejected.resource, rejected.property)
    };
    let at = || {
        (
            "trustedClientCertificates/client-ca".to_owned(),
            "data".to_owned(),
        )
    };
    assert_eq!(rejected(&with(false, &[&one.certificate])), at());
    assert_eq!(rejected(&with(true, &[&leaf.certificate])), at());
    let other = Ca::new("other");
    assert_eq!(
        rejected(&with(true, &[&root.certificate, &other.certificate])),
        at()
    );

    let partial = policy_of(&with(true, &[&one.certificate]));
    assert_eq!(partial.trusted[0].bundle.root(), None);
    let both = policy_of(&with(true, &[&one.certificate, &root.certificate]));
    assert_eq!(both.trusted[0].bundle.root(), Some(&root.certificate));
}
