//! Keys and signatures that a policy demands to be stronger.

use rcgen::{KeyPair, RsaKeySize, SignatureAlgorithm as Rcgen};

use crate::testing::{Authority, Der, RsaKey, at, check, decide, plain, trusting};
use crate::{Alert, CheckName, Policy, Reason, SignatureAlgorithm};

/// A path whose members have keys for these algorithms, root first; a member is signed with the key above it.
struct Chain {
    root: Der,
    one: Der,
    client: Der,
}

fn key(algorithm: &'static Rcgen) -> KeyPair {
    if algorithm == &rcgen::PKCS_RSA_SHA256 || algorithm == &rcgen::PKCS_RSA_SHA512 {
        return KeyPair::generate_rsa_for(algorithm, RsaKeySize::_2048).unwrap();
    }
    KeyPair::generate_for(algorithm).unwrap()
}

fn chain(algorithms: [&'static Rcgen; 3]) -> Chain {
    let [root, one, client] = algorithms;
    let root = Authority::root_with("root", key(root), &plain);
    let one = root.intermediate_with("one", key(one), &plain);
    Chain {
        client: one.client_for("client", &key(client), &plain),
        one: one.der,
        root: root.der,
    }
}

impl Chain {
    #[track_caller]
    fn check(&self, what: &str, demand: &dyn Fn(&mut Policy), expected: Result<(), Reason>) {
        let mut policy = trusting(&[&self.root]);
        demand(&mut policy);
        check(what, &policy, &[&self.client, &self.one], expected);
    }
}

// T-29
#[test]
fn key_sizes_are_demanded_of_every_certificate_of_the_path() {
    let (weak, strong) = (
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
    );
    let refused = Err(Reason::WeakKey);
    for (what, algorithms, expected) in [
        ("all strong", [strong, strong, strong], Ok(())),
        ("weak anchor", [weak, strong, strong], refused),
        ("weak intermediate", [strong, weak, strong], refused),
        ("weak client", [strong, strong, weak], refused),
    ] {
        let chain = chain(algorithms);
        chain.check(what, &|p| p.strength.min_ec_bits = 384, expected);
        chain.check(what, &|_| {}, Ok(()));
        chain.check(what, &|p| p.strength.min_rsa_bits = 8192, Ok(()));
    }
    let ed25519 = chain([&rcgen::PKCS_ED25519; 3]);
    ed25519.check(
        "Ed25519 as 256 bits",
        &|p| p.strength.min_ec_bits = 256,
        Ok(()),
    );
    ed25519.check(
        "Ed25519 is not 384 bits",
        &|p| p.strength.min_ec_bits = 384,
        refused,
    );
}

// T-29
#[test]
fn rsa_sizes_are_demanded_of_every_certificate_of_the_path() {
    let (rsa, ec) = (&rcgen::PKCS_RSA_SHA256, &rcgen::PKCS_ECDSA_P256_SHA256);
    let refused = Err(Reason::WeakKey);
    for algorithms in [[rsa, ec, ec], [ec, rsa, ec], [ec, ec, rsa]] {
        let chain = chain(algorithms);
        chain.check("2048", &|p| p.strength.min_rsa_bits = 2048, Ok(()));
        chain.check("less is no less", &|p| p.strength.min_rsa_bits = 0, Ok(()));
        chain.check("3072", &|p| p.strength.min_rsa_bits = 3072, refused);
        chain.check("curves", &|p| p.strength.min_ec_bits = 521, refused);
    }
    let root = Authority::root("root");
    let mut policy = trusting(&[&root.der]);
    policy.strength.min_rsa_bits = 0;
    let weak = root.client_for("client", &RsaKey::of_bits(1024), &plain);
    check("1024 bits are never enough", &policy, &[&weak], refused);
}

// T-29
#[test]
fn signature_algorithms_are_demanded_of_every_signature_but_the_anchors_own() {
    use SignatureAlgorithm::{EcdsaSha256, EcdsaSha384, EcdsaSha512, Ed25519, RsaPkcs1Sha256};
    let (p256, p384) = (
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
    );
    let only = |algorithms: &[SignatureAlgorithm]| {
        let algorithms = algorithms.iter().copied().collect();
        move |p: &mut Policy| p.strength.signature_algorithms.clone_from(&algorithms)
    };
    let refused = Err(Reason::UnsupportedAlgorithm);
    // The root signs itself and the intermediate with SHA-384, the intermediate signs the client with SHA-256.
    let mixed = chain([p384, p256, p256]);
    mixed.check("both", &only(&[EcdsaSha256, EcdsaSha384]), Ok(()));
    mixed.check("the root's only", &only(&[EcdsaSha384]), refused);
    mixed.check("the intermediate's only", &only(&[EcdsaSha256]), refused);
    mixed.check(
        "neither",
        &only(&[RsaPkcs1Sha256, Ed25519, EcdsaSha512]),
        refused,
    );
    mixed.check("none at all", &only(&[]), refused);
    let rsa = chain([&rcgen::PKCS_RSA_SHA256, &rcgen::PKCS_RSA_SHA256, p256]);
    rsa.check("RSA", &only(&[RsaPkcs1Sha256]), Ok(()));
    rsa.check("no RSA", &only(&[EcdsaSha256]), refused);

    let root = Authority::root_with("root", key(p384), &plain);
    let mut policy = trusting(&[&root.der]);
    let below = Authority::root_with("one", key(p256), &plain);
    policy.strength.signature_algorithms = [EcdsaSha384].into();
    check(
        "the anchor's own",
        &policy,
        &[&root.client("client")],
        Ok(()),
    );
    let foreign = below.client("client");
    check("before the path", &policy, &[&foreign, &below.der], refused);
}

// T-29
#[test]
fn what_is_too_weak_is_refused_before_anything_costly() {
    let chain = chain([&rcgen::PKCS_ECDSA_P256_SHA256; 3]);
    let mut policy = trusting(&[&chain.root]);
    policy.strength.min_ec_bits = 384;
    let decision = decide(&policy, &[&chain.client, &chain.one], at(0));
    let last = decision.checks.last().unwrap();
    assert_eq!(last.name, CheckName::KeyStrength);
    let refusal = decision.verdict.unwrap_err();
    assert_eq!(
        refusal.detail,
        "the public key is on a curve of 256 bits, at least 384 are demanded"
    );
    assert_eq!(refusal.reason.alert(), Alert::UnsupportedCertificate);

    let strong = Authority::root_with("one", key(&rcgen::PKCS_ECDSA_P384_SHA384), &plain);
    let client = strong.client_for("client", &key(&rcgen::PKCS_ECDSA_P384_SHA384), &plain);
    // No anchor and no intermediate is strong enough to be asked.
    let refusal = decide(&policy, &[&client, &chain.one], at(0))
        .verdict
        .unwrap_err();
    assert_eq!(refusal.reason, Reason::WeakKey);
}
