use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rcgen::{KeyPair, PublicKeyData};

use crate::testing::{Authority, Der, at, check, decide, owned, plain, trusting};
use crate::{Authenticator, Policy, Reason, SignatureChecks, TrustBundle};

/// Generous for a debug build on a busy machine, and far below what an unbounded search takes.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn a_mesh_that_no_anchor_vouches_for_costs_next_to_nothing() {
    let root = Authority::root("root");
    let mesh: Vec<_> = (0..9).map(|_| Authority::root("mesh")).collect();
    let client = mesh[0].client("client");
    let mut chain = vec![&client];
    chain.extend(mesh.iter().map(|ca| &ca.der));
    let started = Instant::now();
    check(
        "mesh",
        &trusting(&[&root.der]),
        &chain,
        Err(Reason::UnknownIssuer),
    );
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[test]
fn a_mesh_below_a_trusted_ca_is_given_up_soon() {
    let root = Authority::root("root");
    // One name for all: by name each could have issued each other, in 60,000 orders.
    let first = root.intermediate("mesh");
    let others: Vec<_> = (0..8).map(|_| first.intermediate("mesh")).collect();
    let client = Authority::root("mesh").client("client");
    let mut chain = vec![&client, &first.der];
    chain.extend(others.iter().map(|ca| &ca.der));
    let started = Instant::now();
    check(
        "mesh",
        &trusting(&[&root.der]),
        &chain,
        Err(Reason::TooComplex),
    );
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[test]
fn garbage_is_malformed_and_never_panics() {
    let root = Authority::root("root");
    let client = root.client("client");
    let policy = trusting(&[&root.der]);
    for garbage in [
        &b""[..],
        b"\0",
        b"garbage",
        b"\x30",
        b"\x30\x80\0\0",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\0",
    ] {
        let garbage = Der::from(garbage.to_vec());
        check("client", &policy, &[&garbage], Err(Reason::Malformed));
        check("besides", &policy, &[&client, &garbage], Ok(()));
        let below = root.intermediate("one").client("client");
        check(
            "instead of the issuer",
            &policy,
            &[&below, &garbage],
            Err(Reason::Malformed),
        );
    }
}

#[test]
fn every_truncation_is_refused() {
    let root = Authority::root("root");
    let client = root.client("client");
    let authenticator = Authenticator::new(trusting(&[&root.der]));
    for length in 0..client.len() {
        let cut = Der::from(client[..length].to_vec());
        assert!(authenticator.decide(&cut, &[], at(0)).verdict.is_err());
        assert!(TrustBundle::from_der("ca", &[cut]).is_err());
    }
}

/// One good deployment for all generated cases.
struct World {
    policy: Policy,
    always: Authenticator,
    remembered: Authenticator,
    chain: Vec<Der>,
    root: Der,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let root = Authority::root("root");
    let one = root.intermediate_with("one", KeyPair::generate().unwrap(), &|p| {
        p.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("example.com".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    let client = one.client_with("client", &|p| {
        p.subject_alt_names = vec![rcgen::SanType::DnsName("a.example.com".try_into().unwrap())];
    });
    let policy = trusting(&[&root.der]);
    World {
        always: Authenticator::with_signature_checks(policy.clone(), SignatureChecks::Always),
        remembered: Authenticator::new(policy.clone()),
        policy,
        chain: vec![client, one.der],
        root: root.der,
    }
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is done to a chain, remembering signatures changes no verdict, and any change is noticed.
    #[test]
    fn remembered_and_verified_signatures_give_the_same_verdict(
        which in 0..2_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let world = &*WORLD;
        let mut bytes = world.chain[which].to_vec();
        for (place, value) in &changes {
            bytes[place.index(world.chain[which].len())] = *value;
        }
        let mut chain = world.chain.clone();
        let changed = bytes != *chain[which];
        chain[which] = bytes.into();
        let decision = world.always.decide(&chain[0], &chain[1..], at(0));
        // The memory holds the good chain's signatures.
        prop_assert!(world.remembered.decide(&world.chain[0], &world.chain[1..], at(0)).verdict.is_ok());
        prop_assert_eq!(&world.remembered.decide(&chain[0], &chain[1..], at(0)), &decision);
        prop_assert_eq!(decision.verdict.is_err(), changed);
    }

    #[test]
    fn a_changed_root_is_never_the_same_bundle(
        place in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut bytes = WORLD.root.to_vec();
        let place = place.index(bytes.len());
        bytes[place] = value;
        let changed = bytes != *WORLD.root;
        prop_assert_eq!(TrustBundle::from_der("ca", &[bytes.into()]).is_err(), changed);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let der = Der::from(bytes);
        let verdict = WORLD.remembered.decide(&der, std::slice::from_ref(&der), at(0)).verdict;
        prop_assert!(verdict.is_err());
        prop_assert!(TrustBundle::from_der("ca", &[der]).is_err());
    }

    /// The order in which a client sends its certificates changes nothing.
    #[test]
    fn order_does_not_matter(order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let crowd = &*CROWD;
        let shuffled: Vec<_> = order.iter().map(|index| crowd.1[*index].clone()).collect();
        let expected = WORLD.always.decide(&crowd.0, &crowd.1, at(0));
        prop_assert_eq!(WORLD.always.decide(&crowd.0, &shuffled, at(0)), expected);
    }
}

/// A client whose issuer is expired, forged, weak and unknown at once.
static CROWD: LazyLock<(Der, Vec<Der>)> = LazyLock::new(|| {
    let issuer = Authority::root("one");
    let others = (0..5).map(|_| Authority::root("one").der);
    let chain = others.chain([Der::from(b"garbage".to_vec())]).collect();
    (issuer.client("client"), chain)
});

#[test]
fn a_good_chain_stays_good_among_forgeries_of_every_part() {
    let world = &*WORLD;
    let forged_root = Authority::root("root");
    let forged_one = forged_root.intermediate("one");
    let chain = owned(&[
        &world.chain[0],
        &forged_one.der,
        &forged_root.der,
        &world.chain[1],
        &Authority::root("one").der,
    ]);
    let chain: Vec<_> = chain.iter().collect();
    assert!(decide(&world.policy, &chain, at(0)).verdict.is_ok());
}

#[test]
fn an_unknown_key_type_does_not_panic() {
    struct Nonsense;
    impl PublicKeyData for Nonsense {
        fn der_bytes(&self) -> &[u8] {
            b"\x30"
        }
        fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
            &rcgen::PKCS_RSA_SHA256
        }
    }
    let root = Authority::root("root");
    let client = root.client_for("client", &Nonsense, &plain);
    check(
        "RSA key of one byte",
        &trusting(&[&root.der]),
        &[&client],
        Err(Reason::WeakKey),
    );
}
