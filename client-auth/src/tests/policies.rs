use std::collections::BTreeSet;
use std::time::Duration;

use super::rules::{attribute, ignoring_case, matcher, rule};
use crate::testing::revocation::{hard, revoking};
use crate::testing::{Authority, bundle, trusting};
use crate::{
    Authenticator, IdentityField, IdentityMatcher, IdentityRule, MatchKind, Mode, Policy,
    RevocationFailure, RevocationMethod, RevocationPolicy, RevocationScope, SignatureAlgorithm,
};

#[test]
fn the_hash_covers_what_influences_a_verdict_and_nothing_else() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let other = Authority::root("other");
    let (a, b) = (bundle(&[&root.der]), bundle(&[&other.der]));
    let base = Policy::strict("profile", vec![a.clone(), b.clone()], false);

    let same = [
        Policy::strict("renamed", vec![a.clone(), b.clone()], false),
        Policy::strict("profile", vec![b.clone(), a.clone()], false),
    ];
    for policy in &same {
        assert_eq!(policy.hash(), base.hash(), "{}", policy.name);
    }

    let limited = |edit: &dyn Fn(&mut Policy)| {
        let mut policy = base.clone();
        edit(&mut policy);
        policy
    };
    let different = [
        base.clone(),
        Policy::strict("profile", vec![], false),
        Policy::strict("profile", vec![a.clone()], false),
        Policy::strict("profile", vec![a.clone(), b.clone()], true),
        Policy::strict(
            "profile",
            vec![bundle(&[&root.der, &one.der]), b.clone()],
            false,
        ),
        Policy::strict("profile", vec![bundle(&[&one.der, &root.der]), b], false),
        limited(&|p| p.limits.max_intermediates = 3),
        limited(&|p| p.limits.max_certificates = 9),
        limited(&|p| p.limits.max_chain_bytes = 9),
        limited(&|p| p.partial_chains = true),
        limited(&|p| p.strength.min_rsa_bits = 3072),
        limited(&|p| p.strength.min_ec_bits = 384),
        limited(&|p| {
            p.strength
                .signature_algorithms
                .remove(&SignatureAlgorithm::Ed25519);
        }),
        limited(&|p| p.identity.deny = vec![rule("r", vec![exact("a")])]),
        limited(&|p| p.identity.allow = vec![rule("r", vec![exact("a")])]),
        limited(&|p| p.identity.allow = vec![rule("r", vec![exact("b")])]),
        limited(&|p| p.identity.allow = vec![rule("r", vec![exact("a"), exact("b")])]),
        limited(&|p| {
            p.identity.allow = vec![rule("r", vec![exact("a")]), rule("r", vec![exact("b")])];
        }),
        limited(&|p| {
            p.identity.allow = vec![rule(
                "r",
                vec![ignoring_case(attribute("CN"), MatchKind::Exact, "a")],
            )];
        }),
        limited(&|p| {
            p.identity.allow = vec![rule(
                "r",
                vec![matcher(attribute("CN"), MatchKind::Prefix, "a")],
            )];
        }),
        limited(&|p| {
            let field = attribute("O");
            p.identity.allow = vec![rule("r", vec![matcher(field, MatchKind::Exact, "a")])];
        }),
        limited(&|p| {
            let field = IdentityField::SanUri;
            p.identity.allow = vec![rule("r", vec![matcher(field, MatchKind::Exact, "a")])];
        }),
    ];
    let hashes: BTreeSet<_> = different.iter().map(Policy::hash).collect();
    assert_eq!(hashes.len(), different.len());
    assert_eq!(*Authenticator::new(base.clone()).policy_hash(), base.hash());
}

#[test]
fn the_hash_covers_the_mode_and_how_revocation_is_checked() {
    let root = Authority::root("root");
    let of_mode = |mode| Policy {
        mode,
        ..trusting(&[&root.der])
    };
    let base = hard(RevocationMethod::Ocsp, RevocationScope::Leaf);
    let checked = |edit: &dyn Fn(&mut RevocationPolicy)| {
        let mut revocation = base.clone();
        edit(&mut revocation);
        revoking(trusting(&[&root.der]), &revocation)
    };
    let soft = |seconds| RevocationFailure::Soft {
        grace: Duration::from_secs(seconds),
    };
    let different = [
        of_mode(Mode::Strict),
        of_mode(Mode::Passthrough),
        of_mode(Mode::ReportOnly),
        checked(&|_| {}),
        checked(&|r| r.method = RevocationMethod::Crl),
        checked(&|r| r.method = RevocationMethod::OcspThenCrl),
        checked(&|r| r.scope = RevocationScope::Chain),
        checked(&|r| r.failure = soft(0)),
        checked(&|r| r.failure = soft(600)),
        checked(&|r| r.responder = Some(String::new())),
        checked(&|r| r.responder = Some("http://a.example/".to_owned())),
        checked(&|r| r.nonce = true),
        checked(&|r| r.fetch_crls = true),
    ];
    let hashes: BTreeSet<_> = different.iter().map(Policy::hash).collect();
    assert_eq!(hashes.len(), different.len());
}

fn exact(value: &str) -> IdentityMatcher {
    matcher(attribute("CN"), MatchKind::Exact, value)
}

#[test]
fn names_and_order_of_identity_rules_do_not_count_in_the_hash() {
    let root = Authority::root("root");
    let hash = |allow: Vec<IdentityRule>| {
        let mut policy = trusting(&[&root.der]);
        policy.identity.allow = allow;
        policy.hash()
    };
    let (a, b) = (|| vec![exact("a")], || vec![exact("b"), exact("c")]);
    let first = hash(vec![rule("1", a()), rule("2", b())]);
    let reversed = vec![exact("c"), exact("b")];
    assert_eq!(hash(vec![rule("3", reversed), rule("4", a())]), first);
    let repeated = vec![rule("1", a()), rule("2", b()), rule("3", a())];
    assert_eq!(hash(repeated), first);
}

#[test]
fn ca_names_are_distinct_subjects_roots_first() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let other = Authority::root("other");
    let bundles = vec![
        bundle(&[&one.der, &root.der]),
        bundle(&[&root.der]),
        bundle(&[&other.der]),
    ];
    let authenticator = Authenticator::new(Policy::strict("profile", bundles, false));
    let texts: Vec<_> = authenticator
        .ca_names()
        .iter()
        .map(|name| crate::name::rfc2253(name))
        .collect();
    assert_eq!(texts, ["CN=root", "CN=other", "CN=one"]);
    assert!(
        Authenticator::new(Policy::strict("p", vec![], false))
            .ca_names()
            .is_empty()
    );
}

#[test]
fn an_authenticator_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(&Authenticator::new(trusting(&[
        &Authority::root("root").der
    ])));
}
