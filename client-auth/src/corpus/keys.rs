//! Public keys: what is too weak, too large or of a type that nobody here verifies with.

// T-29

use rcgen::{KeyPair, PublicKeyData, RsaKeySize};

use super::authority::{Authority, Der, RsaKey, plain, tlv};
use super::reencoded::{KEY, changed};
use super::{Corpus, below, client, client_of_key, new_key, trusting};
use crate::{Policy, Reason};

const RULE: &str = "key types and sizes that are accepted at all";
const DEMAND: &str = "the policy's minimum";

pub(super) fn add(corpus: &mut Corpus) {
    add_good(corpus);
    add_sizes(corpus);
    add_foreign(corpus);
    add_demanded(corpus);
}

fn generated(algorithm: &'static rcgen::SignatureAlgorithm) -> KeyPair {
    if [
        &rcgen::PKCS_RSA_SHA256,
        &rcgen::PKCS_RSA_SHA384,
        &rcgen::PKCS_RSA_SHA512,
    ]
    .contains(&algorithm)
    {
        return KeyPair::generate_rsa_for(algorithm, RsaKeySize::_2048).unwrap();
    }
    KeyPair::generate_for(algorithm).unwrap()
}

fn add_good(corpus: &mut Corpus) {
    for (what, algorithm) in [
        ("P-256", &rcgen::PKCS_ECDSA_P256_SHA256),
        ("P-384", &rcgen::PKCS_ECDSA_P384_SHA384),
        ("P-521", &rcgen::PKCS_ECDSA_P521_SHA512),
        ("Ed25519", &rcgen::PKCS_ED25519),
        ("RSA of 2048 bits", &rcgen::PKCS_RSA_SHA256),
    ] {
        let (root_key, key) = (generated(algorithm), generated(algorithm));
        let root = Authority::root_with("root", root_key, &plain);
        let one = root.intermediate_with("one", generated(algorithm), &plain);
        let leaf = client_of_key(&one, &key);
        let policy = trusting(&[&[&root.der]]);
        corpus.good(what, RULE, &policy, &[&leaf, &one.der]).key = key.serialize_der();
    }
}

/// A client with this key, a CA with it, and an upload with it.
fn add_weak(corpus: &mut Corpus, what: &str, key: &impl PublicKeyData) {
    let weak = Reason::WeakKey;
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    corpus.bad(
        format!("client with {what}"),
        RULE,
        weak,
        &policy,
        &[&client_of_key(&root, key)],
    );
    let ca = root.certify("weak", key, &plain);
    // The signature does not matter: nobody gets as far.
    let leaf = client(&Authority::root("weak"));
    corpus.bad(
        format!("CA with {what}"),
        RULE,
        weak,
        &policy,
        &[&leaf, &ca],
    );
    let uploaded = trusting(&[&[&root.der, &ca]]);
    corpus.bad(
        format!("uploaded CA with {what}"),
        RULE,
        Reason::EmptyTrust,
        &uploaded,
        &[&leaf],
    );
}

fn add_sizes(corpus: &mut Corpus) {
    for bits in [512, 1024, 2040, 8200, 16_384] {
        add_weak(
            corpus,
            &format!("RSA of {bits} bits"),
            &RsaKey::of_bits(bits),
        );
    }
    for (what, exponent) in [
        ("1", &[1][..]),
        ("2", &[2]),
        ("0", &[0]),
        ("65536", &[1, 0, 0]),
    ] {
        add_weak(
            corpus,
            &format!("RSA of exponent {what}"),
            &RsaKey::with_exponent(exponent),
        );
    }
}

/// Replaces the `SubjectPublicKeyInfo`.
fn with_key(der: &Der, issuer: &Authority, algorithm: &[u8], bits: &[u8]) -> Der {
    let bits = tlv(0x03, &[&[0], bits].concat());
    let spki = tlv(0x30, &[&tlv(0x30, algorithm), &bits[..]].concat());
    changed(der, issuer, |fields| fields[KEY] = spki)
}

fn add_foreign(corpus: &mut Corpus) {
    const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    let curve = |oid: &[u8]| [tlv(0x06, EC), tlv(0x06, oid)].concat();
    let plain_oid = |oid: &[u8]| tlv(0x06, oid);
    // A point of P-256 under parameters that are written out (CVE-2020-0601).
    let explicit = [
        tlv(0x06, EC),
        tlv(0x30, &[tlv(0x02, &[1]), tlv(0x30, &[])].concat()),
    ]
    .concat();
    let p256 = curve(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    for (what, algorithm, bits) in [
        (
            "a key on P-192",
            curve(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1]),
            49,
        ),
        ("a key on P-224", curve(&[0x2b, 0x81, 4, 0, 33]), 57),
        ("a key on secp256k1", curve(&[0x2b, 0x81, 4, 0, 10]), 65),
        (
            "a key on brainpoolP256r1",
            curve(&[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7]),
            65,
        ),
        ("a key with explicit parameters", explicit, 65),
        ("a key on no curve", tlv(0x06, EC), 65),
        ("an X25519 key", plain_oid(&[0x2b, 0x65, 0x6e]), 32),
        ("an Ed448 key", plain_oid(&[0x2b, 0x65, 0x71]), 57),
        (
            "a DSA key",
            plain_oid(&[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1]),
            128,
        ),
        ("a key of no known type", plain_oid(&[0x2a, 3, 4]), 32),
    ] {
        let bits = vec![4; bits];
        let root = Authority::root("root");
        let policy = trusting(&[&[&root.der]]);
        let leaf = with_key(&client(&root), &root, &algorithm, &bits);
        corpus.bad(
            format!("client with {what}"),
            RULE,
            Reason::WeakKey,
            &policy,
            &[&leaf],
        );
        let ca = with_key(
            &root.certify("weak", &new_key(), &plain),
            &root,
            &algorithm,
            &bits,
        );
        let leaf = client(&Authority::root("weak"));
        corpus.bad(
            format!("CA with {what}"),
            RULE,
            Reason::WeakKey,
            &policy,
            &[&leaf, &ca],
        );
    }
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let pss = [tlv(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10])].concat();
    let rsa = generated(&rcgen::PKCS_RSA_SHA256);
    let leaf = with_key(&client_of_key(&root, &rsa), &root, &pss, rsa.der_bytes());
    corpus
        .limit(
            "client with an RSA key for PSS only",
            "RFC 4055 section 1.2",
            (
                "RSA keys under the identifier of RSASSA-PSS are not accepted",
                Reason::WeakKey,
            ),
            &policy,
            &[&leaf],
        )
        .key = rsa.serialize_der();
    // A point that is not on its curve signs nothing.
    let one = below(&root, "one", &plain);
    let ca = with_key(
        &root.certify("one", &new_key(), &plain),
        &root,
        &p256,
        &[4; 65],
    );
    corpus.bad(
        "CA whose key is no point",
        RULE,
        Reason::BadSignature,
        &policy,
        &[&client(&one), &ca],
    );
}

fn add_demanded(corpus: &mut Corpus) {
    let (weak, strong) = (
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
    );
    let demanding = |root: &Authority, demand: &dyn Fn(&mut Policy)| {
        let mut policy = trusting(&[&[&root.der]]);
        demand(&mut policy);
        policy
    };
    for (what, algorithms, verdict) in [
        ("strong keys", [strong, strong, strong], Ok(())),
        (
            "a weak anchor",
            [weak, strong, strong],
            Err(Reason::WeakKey),
        ),
        ("a weak CA", [strong, weak, strong], Err(Reason::WeakKey)),
        (
            "a weak client",
            [strong, strong, weak],
            Err(Reason::WeakKey),
        ),
    ] {
        let [of_root, of_ca, of_client] = algorithms.map(generated);
        let root = Authority::root_with("root", of_root, &plain);
        let one = root.intermediate_with("one", of_ca, &plain);
        let leaf = client_of_key(&one, &of_client);
        let policy = demanding(&root, &|p| p.strength.min_ec_bits = 384);
        let case = corpus.judged(
            format!("384 bits demanded, {what}"),
            DEMAND,
            verdict,
            &policy,
            &[&leaf, &one.der],
        );
        case.key = of_client.serialize_der();
    }
    let key = generated(&rcgen::PKCS_RSA_SHA256);
    let root = Authority::root("root");
    let leaf = client_of_key(&root, &key);
    for (bits, verdict) in [(2048, Ok(())), (3072, Err(Reason::WeakKey))] {
        let policy = demanding(&root, &|p| p.strength.min_rsa_bits = bits);
        let name = format!("RSA of 2048 bits, {bits} demanded");
        corpus.judged(name, DEMAND, verdict, &policy, &[&leaf]).key = key.serialize_der();
    }
}
