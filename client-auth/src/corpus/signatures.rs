//! Algorithms that certificates are signed with.

// T-29

use rcgen::KeyPair;

use super::authority::{Authority, Der, plain, tlv};
use super::reencoded::{ALGORITHM, changed, with_algorithm};
use super::{Corpus, below, client, client_of_key, trusting};
use crate::{Reason, SignatureAlgorithm};

const RULE: &str = "signature algorithms that are accepted at all";
const SAME: &str = "RFC 5280 section 4.1.1.2";
const DEMAND: &str = "the policy's algorithms";

const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1];
const ECDSA: [u8; 6] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4];

pub(super) fn add(corpus: &mut Corpus) {
    add_foreign(corpus);
    add_mismatches(corpus);
    add_demanded(corpus);
}

fn identifier(oid: &[u8], parameters: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x06, oid), parameters].concat())
}

fn rsa(last: u8) -> Vec<u8> {
    identifier(&[&RSA[..], &[last]].concat(), &[5, 0])
}

fn ecdsa(rest: &[u8]) -> Vec<u8> {
    identifier(&[&ECDSA[..], rest].concat(), &[])
}

/// Algorithms that nobody should use or that nobody here knows: at the client, and at a CA.
fn add_foreign(corpus: &mut Corpus) {
    let pss_sha1 = identifier(&[&RSA[..], &[10]].concat(), &[0x30, 0]);
    for (what, algorithm) in [
        ("RSA with MD2", rsa(2)),
        ("RSA with MD5", rsa(4)),
        ("RSA with SHA-1", rsa(5)),
        ("RSA with SHA-224", rsa(14)),
        ("PSS with SHA-1", pss_sha1),
        ("ECDSA with SHA-1", ecdsa(&[1])),
        ("ECDSA with SHA-224", ecdsa(&[3, 1])),
        (
            "DSA with SHA-1",
            identifier(&[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3], &[]),
        ),
        ("Ed448", identifier(&[0x2b, 0x65, 0x71], &[])),
        ("no known algorithm", identifier(&[0x2a, 3, 4], &[])),
        (
            "ECDSA with parameters",
            identifier(&[&ECDSA[..], &[3, 2]].concat(), &[5, 0]),
        ),
    ] {
        let unsupported = Reason::UnsupportedAlgorithm;
        let root = Authority::root("root");
        let policy = trusting(&[&[&root.der]]);
        let leaf = with_algorithm(&client(&root), &root, &algorithm);
        corpus.bad(
            format!("client signed with {what}"),
            RULE,
            unsupported,
            &policy,
            &[&leaf],
        );
        let one = below(&root, "one", &plain);
        let ca = with_algorithm(&one.der, &root, &algorithm);
        corpus.bad(
            format!("CA signed with {what}"),
            RULE,
            unsupported,
            &policy,
            &[&client(&one), &ca],
        );
    }
    let root = Authority::root("root");
    let leaf = with_algorithm(&client(&root), &root, &rsa(11));
    corpus.bad(
        "client signed with RSA by a CA with another key",
        RULE,
        Reason::BadSignature,
        &trusting(&[&[&root.der]]),
        &[&leaf],
    );
}

/// The algorithm is said twice.
fn add_mismatches(corpus: &mut Corpus) {
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let other = ecdsa(&[3, 3]);
    let inside = changed(&client(&root), &root, |fields| {
        fields[ALGORITHM].clone_from(&other);
    });
    corpus.bad(
        "client with two algorithms",
        SAME,
        Reason::Malformed,
        &policy,
        &[&inside],
    );
    let one = below(&root, "one", &plain);
    let ca = changed(&one.der, &root, |fields| {
        fields[ALGORITHM].clone_from(&other);
    });
    corpus.bad(
        "CA with two algorithms",
        SAME,
        Reason::Malformed,
        &policy,
        &[&client(&one), &ca],
    );
}

fn add_demanded(corpus: &mut Corpus) {
    use SignatureAlgorithm::{EcdsaSha256, EcdsaSha384, Ed25519};
    let p384 = || KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    // The root signs with SHA-384, the CA with SHA-256.
    let root = Authority::root_with("root", p384(), &plain);
    let one = below(&root, "one", &plain);
    let leaf = client(&one);
    let refused = Err(Reason::UnsupportedAlgorithm);
    let policy = |algorithms: &[SignatureAlgorithm]| {
        let mut policy = trusting(&[&[&root.der]]);
        policy.strength.signature_algorithms = algorithms.iter().copied().collect();
        policy
    };
    for (what, algorithms, verdict) in [
        ("both", &[EcdsaSha256, EcdsaSha384][..], Ok(())),
        ("that of the client's certificate", &[EcdsaSha256], refused),
        ("that of the CA's certificate", &[EcdsaSha384], refused),
        ("another one", &[Ed25519], refused),
        ("none", &[], refused),
    ] {
        let name = format!("allowed: {what}");
        corpus.judged(
            name,
            DEMAND,
            verdict,
            &policy(algorithms),
            &[&leaf, &one.der],
        );
    }
    let chain: [Der; 1] = [client_of_key(&root, &*super::CLIENT_KEY)];
    corpus.good(
        "the anchor's own signature does not count",
        DEMAND,
        &policy(&[EcdsaSha384]),
        &[&chain[0]],
    );
}
