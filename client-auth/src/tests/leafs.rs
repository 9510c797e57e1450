use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use super::paths::critical_extension;
use crate::testing::{
    Authority, Edit, RsaKey, at, check, decide, owned, patched, plain, self_signed, trusting,
};
use crate::{Authenticator, CheckName, Policy, Reason};

#[test]
fn the_extensions_of_the_client_must_allow_client_authentication() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, ServerAuth};
    let purposes = |purposes: &[ExtendedKeyUsagePurpose]| {
        let purposes = purposes.to_vec();
        move |p: &mut CertificateParams| p.extended_key_usages.clone_from(&purposes)
    };
    let usages = |usages: &[KeyUsagePurpose]| {
        let usages = usages.to_vec();
        move |p: &mut CertificateParams| p.key_usages.clone_from(&usages)
    };
    let refused = Err(Reason::NotForClientAuth);
    let root = Authority::root("root");
    let policy = trusting(&[&root.der]);
    let table: [(&str, Edit<'_>, Result<(), Reason>); 14] = [
        ("no purpose named", &purposes(&[]), Ok(())),
        ("client", &purposes(&[ClientAuth]), Ok(())),
        (
            "server and client",
            &purposes(&[ServerAuth, ClientAuth]),
            Ok(()),
        ),
        ("any and client", &purposes(&[Any, ClientAuth]), Ok(())),
        ("server only", &purposes(&[ServerAuth]), refused),
        ("any only", &purposes(&[Any]), refused),
        ("code signing", &purposes(&[CodeSigning]), refused),
        ("no key usage", &usages(&[]), Ok(())),
        (
            "signatures",
            &usages(&[KeyUsagePurpose::DigitalSignature]),
            Ok(()),
        ),
        (
            "encryption only",
            &usages(&[KeyUsagePurpose::KeyEncipherment]),
            Err(Reason::KeyUsage),
        ),
        (
            "non-repudiation only",
            &usages(&[KeyUsagePurpose::ContentCommitment]),
            Err(Reason::KeyUsage),
        ),
        ("no basic constraints", &|p| p.is_ca = IsCa::NoCa, Ok(())),
        (
            "CA",
            &|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            Err(Reason::CaAsClient),
        ),
        (
            "unknown critical extension",
            &|p| p.custom_extensions.push(critical_extension()),
            Err(Reason::UnsupportedExtension),
        ),
    ];
    for (what, edit, expected) in table {
        check(
            what,
            &policy,
            &[&root.client_with("client", edit)],
            expected,
        );
    }
}

#[test]
fn extensions_that_make_no_sense_are_refused() {
    let extension = |oid: &[u64], value: &[u8]| {
        let extension = CustomExtension::from_oid_content(oid, value.to_vec());
        move |p: &mut CertificateParams| {
            p.key_usages.clear();
            p.extended_key_usages.clear();
            p.is_ca = IsCa::NoCa;
            p.custom_extensions.push(extension.clone());
        }
    };
    let (key_usage, basic_constraints, purposes) = ([2, 5, 29, 15], [2, 5, 29, 19], [2, 5, 29, 37]);
    let malformed = Err(Reason::Malformed);
    let root = Authority::root("root");
    let policy = trusting(&[&root.der]);
    let table: [(&str, Edit<'_>, Result<(), Reason>); 8] = [
        (
            "no purpose in the list",
            &extension(&purposes, &[0x30, 0]),
            Err(Reason::NotForClientAuth),
        ),
        (
            "purposes are no list",
            &extension(&purposes, &[5, 0]),
            malformed,
        ),
        (
            "no bit of key usage",
            &extension(&key_usage, &[3, 1, 0]),
            Err(Reason::KeyUsage),
        ),
        (
            "key usage without bits",
            &extension(&key_usage, &[3, 0]),
            malformed,
        ),
        (
            "key usage is a number",
            &extension(&key_usage, &[2, 1, 0x80]),
            malformed,
        ),
        (
            "path length of a client",
            &extension(&basic_constraints, &[0x30, 3, 2, 1, 0]),
            Ok(()),
        ),
        (
            "negative path length",
            &extension(&basic_constraints, &[0x30, 3, 2, 1, 0x80]),
            malformed,
        ),
        (
            "twice",
            &|p| {
                for _ in 0..2 {
                    extension(&key_usage, &[3, 2, 7, 0x80])(p);
                }
            },
            malformed,
        ),
    ];
    for (what, edit, expected) in table {
        check(
            what,
            &policy,
            &[&root.client_with("client", edit)],
            expected,
        );
    }
}

#[test]
fn only_version_3_is_accepted() {
    let root = Authority::root("root");
    let client = root.client("client");
    let version3 = [0xa0, 0x03, 0x02, 0x01, 0x02];
    for version in [0, 1, 3] {
        let other = patched(&client, &version3, &[0xa0, 0x03, 0x02, 0x01, version]);
        check(
            "version",
            &trusting(&[&root.der]),
            &[&other],
            Err(Reason::Malformed),
        );
    }
}

#[test]
fn an_uploaded_ca_does_not_let_itself_in() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let policy = trusting(&[&root.der, &one.der]);
    check("root", &policy, &[&root.der], Err(Reason::CaAsClient));
    check(
        "intermediate",
        &policy,
        &[&one.der],
        Err(Reason::CaAsClient),
    );
    check(
        "root, sent twice",
        &policy,
        &[&root.der, &root.der],
        Err(Reason::CaAsClient),
    );
}

#[test]
fn a_leaf_cannot_issue_another_one() {
    let root = Authority::root("root");
    let client = root.intermediate_with("client", KeyPair::generate().unwrap(), &|p| {
        p.is_ca = IsCa::ExplicitNoCa;
        p.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    });
    check(
        "signed by a client",
        &trusting(&[&root.der]),
        &[&client.client("forged"), &client.der],
        Err(Reason::NotACa),
    );
}

#[test]
fn weak_keys_are_refused_before_any_signature_is_verified() {
    let root = Authority::root("root");
    let policy = trusting(&[&root.der]);
    for (bits, expected) in [
        (512, Err(Reason::WeakKey)),
        (1024, Err(Reason::WeakKey)),
        (2040, Err(Reason::WeakKey)),
        (2048, Ok(())),
        (8192, Ok(())),
        (8200, Err(Reason::WeakKey)),
        (16384, Err(Reason::WeakKey)),
    ] {
        let client = root.client_for("client", &RsaKey::of_bits(bits), &plain);
        check(
            &format!("RSA of {bits} bits"),
            &policy,
            &[&client],
            expected,
        );
    }
    // The object identifier of P-256 becomes that of P-192. The signature is broken by that, and nobody looks.
    let p256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let p192 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01];
    let client = patched(&root.client("client"), &p256, &p192);
    check("P-192", &policy, &[&client], Err(Reason::WeakKey));
    let decision = decide(&policy, &[&client], at(0));
    assert_eq!(decision.checks.last().unwrap().name, CheckName::KeyStrength);
}

#[test]
fn signatures_with_sha1_are_refused() {
    let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let root = Authority::root_with("root", key, &plain);
    let policy = trusting(&[&root.der]);
    let sha256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
    let sha1 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05];
    let client = root.client("client");
    let once = patched(&client, &sha256, &sha1);
    check("named once", &policy, &[&once], Err(Reason::Malformed));
    let twice = patched(&once, &sha256, &sha1);
    check(
        "SHA-1",
        &policy,
        &[&twice],
        Err(Reason::UnsupportedAlgorithm),
    );
}

#[test]
fn a_changed_bit_is_noticed_even_when_the_original_is_remembered() {
    let root = Authority::root("root");
    let client = root.client("client");
    let policy = trusting(&[&root.der]);
    check("original", &policy, &[&client], Ok(()));
    let renamed = patched(&client, b"client", b"CLIENT");
    check("renamed", &policy, &[&renamed], Err(Reason::BadSignature));
    let mut bytes = client.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let resigned = bytes.into();
    check(
        "signature",
        &policy,
        &[&resigned],
        Err(Reason::BadSignature),
    );
    check("original again", &policy, &[&client], Ok(()));
}

#[test]
fn nobody_gets_in_without_trust() {
    let root = Authority::root("root");
    let empty = Policy::strict("profile", Vec::new(), false);
    check(
        "known to others",
        &empty,
        &[&root.client("c")],
        Err(Reason::EmptyTrust),
    );
    check(
        "self-signed",
        &empty,
        &[&self_signed("c", &plain)],
        Err(Reason::EmptyTrust),
    );
    let pinned = Policy::strict("profile", Vec::new(), true);
    check(
        "pinned",
        &pinned,
        &[&root.client("c")],
        Err(Reason::EmptyTrust),
    );
}

#[test]
fn a_client_without_certificate_is_refused() {
    let root = Authority::root("root");
    let decision = Authenticator::new(trusting(&[&root.der])).decide_absent();
    assert_eq!(decision.verdict.unwrap_err().reason, Reason::NoCertificate);
    assert_eq!(decision.checks.len(), 1);
}

#[test]
fn what_a_client_may_send_is_limited() {
    let root = Authority::root("root");
    let client = root.client("client");
    let policy = trusting(&[&root.der]);
    let mut chain = vec![&client; 10];
    check("ten", &policy, &chain, Ok(()));
    chain.push(&client);
    check("eleven", &policy, &chain, Err(Reason::TooManyCertificates));

    let mut tight = policy.clone();
    tight.limits.max_chain_bytes = client.len();
    check("just fits", &tight, &[&client], Ok(()));
    tight.limits.max_chain_bytes -= 1;
    check(
        "one byte more",
        &tight,
        &[&client],
        Err(Reason::ChainTooLarge),
    );
    let decision = Authenticator::new(tight).decide(&client, &owned(&[&root.der]), at(0));
    assert_eq!(decision.checks.len(), 1, "nothing is parsed: {decision:?}");
}
