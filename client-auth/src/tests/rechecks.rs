//! Whether a client that was let in may stay: time passes, and policies change.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use rcgen::KeyPair;

use super::rules::{attribute, matcher, rule};
use crate::testing::{Authority, DAY, Der, at, bundle, date, decide, owned, trusting};
use crate::{
    Authenticator, ClientIdentity, Decision, IdentityRules, MatchKind, Mode, PathCertificate,
    Policy, Reason, SignatureAlgorithm, TrustBundle, Verification,
};

/// A client that was let in.
struct Admitted {
    path: Vec<PathCertificate>,
    identity: ClientIdentity,
}

impl Admitted {
    fn by(policy: &Policy, chain: &[&Der]) -> Self {
        let decision = decide(policy, chain, at(0));
        Self {
            path: decision.path,
            identity: decision.verdict.unwrap(),
        }
    }

    fn recheck(&self, policy: &Policy, seconds: i64) -> Result<(), Reason> {
        Authenticator::new(policy.clone())
            .recheck(&self.path, &self.identity, at(seconds))
            .map_err(|refusal| refusal.reason)
    }
}

/// What `policy` decides about a client that presents this path.
fn decide_on(policy: &Policy, path: &[PathCertificate], seconds: i64) -> Decision {
    let chain: Vec<_> = path
        .iter()
        .map(|member| Der::from(member.der.to_vec()))
        .collect();
    Authenticator::new(policy.clone()).decide(&chain[0], &chain[1..], at(seconds))
}

fn named(kind: &str, value: &str) -> IdentityRules {
    IdentityRules {
        deny: vec![rule(
            "r",
            vec![matcher(attribute(kind), MatchKind::Exact, value)],
        )],
        allow: Vec::new(),
    }
}

#[test]
fn a_change_of_policy_is_noticed() {
    let root = Authority::root("root");
    let other = Authority::root("other");
    let one = root.intermediate("one");
    let client = one.client("client");
    let policy = trusting(&[&root.der]);
    let admitted = Admitted::by(&policy, &[&client, &one.der]);
    let changed = |change: &dyn Fn(&mut Policy)| {
        let mut policy = policy.clone();
        change(&mut policy);
        admitted.recheck(&policy, 0)
    };
    let upload = |certificates: &[&Der]| vec![bundle(certificates).into()];
    assert_eq!(changed(&|_| {}), Ok(()));
    assert_eq!(changed(&|p| p.trusted.clear()), Err(Reason::EmptyTrust));
    assert_eq!(
        changed(&|p| p.trusted = upload(&[&other.der])),
        Err(Reason::UnknownIssuer)
    );
    assert_eq!(
        changed(&|p| p.trusted.extend(upload(&[&other.der]))),
        Ok(())
    );
    assert_eq!(
        changed(&|p| p.trusted = upload(&[&root.der, &one.der])),
        Ok(())
    );
    assert_eq!(
        changed(&|p| p.verify_issuer = true),
        Err(Reason::IssuerNotPinned)
    );
    assert_eq!(
        changed(&|p| {
            p.verify_issuer = true;
            p.trusted = upload(&[&root.der, &one.der]);
        }),
        Ok(())
    );
    assert_eq!(
        changed(&|p| p.limits.max_intermediates = 0),
        Err(Reason::TooDeep)
    );
    assert_eq!(
        changed(&|p| p.strength.min_ec_bits = 384),
        Err(Reason::WeakKey)
    );
    assert_eq!(
        changed(&|p| p.strength.signature_algorithms = [SignatureAlgorithm::Ed25519].into()),
        Err(Reason::UnsupportedAlgorithm)
    );
    assert_eq!(
        changed(&|p| p.identity = named("CN", "client")),
        Err(Reason::IdentityDenied)
    );
    assert_eq!(changed(&|p| p.identity = named("CN", "other")), Ok(()));
    assert_eq!(
        changed(&|p| p.identity.allow = named("CN", "other").deny),
        Err(Reason::IdentityNotAllowed)
    );
    assert_eq!(changed(&|p| p.mode = Mode::Passthrough), Ok(()));
    assert_eq!(
        changed(&|p| {
            p.mode = Mode::ReportOnly;
            p.trusted.clear();
        }),
        Err(Reason::EmptyTrust)
    );
}

#[test]
fn an_anchor_that_is_none_any_more_ends_its_paths_only() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let mut policy = trusting(&[&root.der, &one.der]);
    policy.partial_chains = true;
    let by_one = Admitted::by(&policy, &[&one.client("client")]);
    let by_root = Admitted::by(&policy, &[&root.client("client")]);
    assert_eq!(by_one.path.len(), 2);
    policy.partial_chains = false;
    assert_eq!(by_one.recheck(&policy, 0), Err(Reason::UnknownIssuer));
    assert_eq!(by_root.recheck(&policy, 0), Ok(()));
}

#[test]
fn a_renewed_anchor_is_another_certificate() {
    let root = Authority::root("root");
    let renewed = root.renewed();
    assert_ne!(root.der, renewed);
    let admitted = Admitted::by(&trusting(&[&root.der]), &[&root.client("client")]);
    assert_eq!(
        admitted.recheck(&trusting(&[&renewed]), 0),
        Err(Reason::UnknownIssuer)
    );
}

// T-06
#[test]
fn what_the_client_sent_besides_its_path_changes_nothing() {
    let (root, foreign) = (Authority::root("root"), Authority::root("foreign"));
    let one = root.intermediate("one");
    let both = Policy::strict(
        "profile",
        vec![bundle(&[&root.der]), bundle(&[&foreign.der])],
        false,
    );
    let client = one.client("client");
    let padded = Admitted::by(
        &both,
        &[&client, &foreign.der, &one.der, &foreign.client("x")],
    );
    assert_eq!(padded.recheck(&trusting(&[&root.der]), 0), Ok(()));
    let withdrawn = trusting(&[&foreign.der]);
    assert_eq!(padded.recheck(&withdrawn, 0), Err(Reason::UnknownIssuer));
}

#[test]
fn a_client_that_was_not_verified_is_refused_by_a_policy_that_verifies() {
    let root = Authority::root("root");
    let policy = trusting(&[&root.der]);
    let client = root.client("client");
    let mut passthrough = policy.clone();
    passthrough.mode = Mode::Passthrough;
    let unverified = Admitted::by(&passthrough, &[&client]);
    assert_eq!(unverified.recheck(&passthrough, 0), Ok(()));
    assert_eq!(unverified.recheck(&policy, 0), Err(Reason::UnknownIssuer));

    let mut verified = Admitted::by(&policy, &[&client]);
    verified.identity.verification = Verification::Passthrough;
    assert_eq!(verified.recheck(&policy, 0), Err(Reason::UnknownIssuer));
}

// T-27
#[test]
fn a_path_of_somebody_else_is_refused() {
    let root = Authority::root("root");
    let policy = trusting(&[&root.der]);
    let admitted = Admitted::by(&policy, &[&root.client("client")]);
    let other = Admitted::by(&policy, &[&root.client("other")]);
    let expect = |path: &[PathCertificate], reason| {
        let path = path.to_vec();
        let mixed = Admitted {
            path,
            identity: admitted.identity.clone(),
        };
        assert_eq!(mixed.recheck(&policy, 0), Err(reason));
    };
    expect(&other.path, Reason::UnknownIssuer);
    expect(&[], Reason::UnknownIssuer);
    expect(&admitted.path[..1], Reason::UnknownIssuer);
    expect(&admitted.path[1..], Reason::UnknownIssuer);
    let mut unreadable = admitted.path.clone();
    unreadable[1].der = b"garbage"[..].into();
    expect(&unreadable, Reason::Malformed);
}

#[test]
fn the_path_can_be_kept_as_der_alone() {
    let root = Authority::root("root");
    let admitted = Admitted::by(&trusting(&[&root.der]), &[&root.client("client")]);
    let read: Vec<_> = admitted
        .path
        .iter()
        .map(|c| PathCertificate::of(&c.der).unwrap())
        .collect();
    assert_eq!(read, admitted.path);
    assert_eq!(PathCertificate::of(b"garbage"), None);
}

/// A path whose members are valid for some time around the moment of most decisions.
fn windowed(windows: &[(i64, i64); 3]) -> (Der, [Der; 2]) {
    let [root, one, client] = windows.map(|(before, after)| {
        move |p: &mut rcgen::CertificateParams| {
            p.not_before = date(-before);
            p.not_after = date(after);
        }
    });
    let key = || KeyPair::generate().unwrap();
    let root = Authority::root_with("root", key(), &root);
    let one = root.intermediate_with("one", key(), &one);
    let client = one.client_with("client", &client);
    (root.der, [client, one.der])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Under the same policy time is all that changes, and it does the same to both.
    #[test]
    fn recheck_agrees_with_decide_as_time_moves(
        windows in prop::array::uniform3((0..2000_i64, 0..2000_i64)),
        moments in prop::collection::vec(-2500..2500_i64, 10),
    ) {
        let (root, [client, one]) = windowed(&windows);
        let policy = trusting(&[&root]);
        let admitted = Admitted::by(&policy, &[&client, &one]);
        let ends = windows.iter().flat_map(|(before, after)| [-before - 1, -*before, *after, after + 1]);
        for seconds in moments.into_iter().chain(ends) {
            let decided = decide_on(&policy, &admitted.path, seconds).verdict;
            let decided = decided.map(|_| ()).map_err(|refusal| refusal.reason);
            prop_assert_eq!(admitted.recheck(&policy, seconds), decided, "at {}", seconds);
        }
    }
}

/// What policies are made of, and clients that may or may not get in.
struct World {
    trusts: Vec<Vec<TrustBundle>>,
    clients: Vec<Vec<Der>>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = |algorithm| KeyPair::generate_for(algorithm).unwrap();
    let (p256, p384) = (
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
    );
    let root = Authority::root_with("root", key(p384), &|_| {});
    let other = Authority::root_with("other", key(p256), &|p| p.not_after = date(1000));
    let one = root.intermediate_with("one", key(p384), &|p| p.not_after = date(1500));
    let two = one.intermediate_with("two", key(p256), &|_| {});
    let crossed = other.cross_sign(&one);
    let strong = one.client_for("strong", &key(p384), &|p| p.not_after = date(2000));
    let partial = |certificates: &[&Der]| TrustBundle::partial("ca", &owned(certificates)).unwrap();
    World {
        trusts: vec![
            vec![],
            vec![bundle(&[&root.der])],
            vec![bundle(&[&root.der, &one.der])],
            vec![bundle(&[&root.der, &two.der, &one.der])],
            vec![bundle(&[&other.der])],
            vec![bundle(&[&other.der]), bundle(&[&root.der])],
            vec![partial(&[&one.der])],
            vec![partial(&[&two.der]), bundle(&[&other.der, &crossed])],
        ],
        clients: vec![
            owned(&[&strong, &one.der]),
            owned(&[&strong, &crossed]),
            owned(&[&strong, &crossed, &one.der]),
            owned(&[&two.client("deep"), &two.der, &one.der]),
            owned(&[&root.client("direct")]),
            owned(&[&other.client("other")]),
        ],
    }
});

fn policies() -> impl Strategy<Value = Policy> {
    let allowing = IdentityRules {
        deny: Vec::new(),
        allow: named("CN", "strong").deny,
    };
    let rules = prop_oneof![
        5 => Just(IdentityRules::default()),
        1 => Just(named("CN", "strong")),
        1 => Just(named("CN", "deep")),
        1 => Just(allowing),
    ];
    let algorithms = prop_oneof![
        5 => Just(SignatureAlgorithm::ALL.to_vec()),
        1 => Just(vec![SignatureAlgorithm::EcdsaSha384]),
        1 => Just(vec![SignatureAlgorithm::EcdsaSha256]),
    ];
    (
        0..WORLD.trusts.len(),
        (any::<bool>(), prop::bool::weighted(0.2)),
        prop_oneof![3 => Just(4_u8), 1 => 0..3_u8],
        prop_oneof![4 => Just(256_u16), 1 => Just(384)],
        algorithms,
        rules,
        prop::sample::select(vec![Mode::Strict, Mode::ReportOnly]),
    )
        .prop_map(
            |(trust, (partial_chains, verify_issuer), depth, bits, algorithms, identity, mode)| {
                let mut policy = Policy::strict("p", WORLD.trusts[trust].clone(), verify_issuer);
                policy.partial_chains = partial_chains;
                policy.limits.max_intermediates = depth;
                policy.strength.min_ec_bits = bits;
                policy.strength.signature_algorithms = algorithms.into_iter().collect();
                policy.identity = identity;
                policy.mode = mode;
                policy
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whoever may stay under another policy could come in anew under it.
    #[test]
    fn recheck_never_accepts_what_decide_would_refuse(
        before in policies(),
        after in policies(),
        seconds in prop::sample::select(vec![0, 1000, 1001, 1500, 1501, 2000, 2001, DAY]),
    ) {
        for chain in &WORLD.clients {
            let decision = Authenticator::new(before.clone()).decide(&chain[0], &chain[1..], at(0));
            let Ok(identity) = decision.verdict else { continue };
            let admitted = Admitted { path: decision.path, identity };
            for policy in [&before, &after] {
                let decided = decide_on(policy, &admitted.path, seconds).verdict;
                if admitted.recheck(policy, seconds).is_ok() {
                    prop_assert!(decided.is_ok(), "{:?}", decided);
                }
            }
            prop_assert_eq!(admitted.recheck(&before, 0), Ok(()));
        }
    }
}

#[test]
fn many_of_the_generated_policies_let_somebody_in() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut stayed = 0;
    let mut cut = 0;
    for _ in 0..300 {
        let pair = (policies(), policies())
            .new_tree(&mut runner)
            .unwrap()
            .current();
        for chain in &WORLD.clients {
            let decision = Authenticator::new(pair.0.clone()).decide(&chain[0], &chain[1..], at(0));
            let Ok(identity) = decision.verdict else {
                continue;
            };
            let admitted = Admitted {
                path: decision.path,
                identity,
            };
            match admitted.recheck(&pair.1, 0) {
                Ok(()) => stayed += 1,
                Err(_) => cut += 1,
            }
        }
    }
    assert!(stayed > 20 && cut > 20, "{stayed} stayed, {cut} were cut");
}
