use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, RsaKeySize,
};

use crate::testing::{
    Authority, DAY, Edit, RsaKey, at, bundle, check, date, decide, plain, self_signed, trusting,
};
use crate::{Policy, Reason};

#[test]
fn a_path_is_built_from_what_was_sent_and_uploaded() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let two = one.intermediate("two");
    let direct = root.client("client");
    let below_one = one.client("client");
    let below_two = two.client("client");
    let root_only = trusting(&[&root.der]);
    let unknown = Err(Reason::UnknownIssuer);

    check("issued by the root", &root_only, &[&direct], Ok(()));
    check(
        "root sent as well",
        &root_only,
        &[&direct, &root.der],
        Ok(()),
    );
    check("leaf sent twice", &root_only, &[&direct, &direct], Ok(()));
    check(
        "intermediate sent",
        &root_only,
        &[&below_one, &one.der],
        Ok(()),
    );
    check("intermediate missing", &root_only, &[&below_one], unknown);
    check(
        "intermediate uploaded",
        &trusting(&[&root.der, &one.der]),
        &[&below_one],
        Ok(()),
    );
    check(
        "intermediate sent and uploaded",
        &trusting(&[&one.der, &root.der]),
        &[&below_one, &one.der],
        Ok(()),
    );
    check(
        "two sent, with the root",
        &root_only,
        &[&below_two, &two.der, &one.der, &root.der],
        Ok(()),
    );
    check(
        "upper one missing",
        &root_only,
        &[&below_two, &two.der],
        unknown,
    );
    check(
        "upper one uploaded, lower one sent",
        &trusting(&[&root.der, &one.der]),
        &[&below_two, &two.der],
        Ok(()),
    );
    check(
        "lower one uploaded, upper one sent",
        &trusting(&[&root.der, &two.der]),
        &[&below_two, &one.der],
        Ok(()),
    );
    check(
        "something unrelated sent as well",
        &root_only,
        &[&below_one, &Authority::root("other").der, &one.der, &direct],
        Ok(()),
    );
}

#[test]
fn a_certificate_of_another_ca_is_refused() {
    let root = Authority::root("root");
    let other = Authority::root("other");
    let below = other.intermediate("below");
    let client = other.client("client");
    let policy = trusting(&[&root.der]);
    check("foreign", &policy, &[&client], Err(Reason::UnknownIssuer));
    check(
        "foreign with its root",
        &policy,
        &[&client, &other.der],
        Err(Reason::UnknownIssuer),
    );
    check(
        "foreign chain",
        &policy,
        &[&below.client("client"), &below.der, &other.der],
        Err(Reason::UnknownIssuer),
    );
    let alone = self_signed("client", &plain);
    check("self-signed", &policy, &[&alone], Err(Reason::SelfSigned));
    check(
        "self-signed, sent twice",
        &policy,
        &[&alone, &alone],
        Err(Reason::SelfSigned),
    );
    let namesake = self_signed("root", &plain);
    check(
        "self-signed under the root's name",
        &policy,
        &[&namesake],
        Err(Reason::BadSignature),
    );
}

#[test]
fn an_issuer_of_the_same_name_but_another_key_is_refused() {
    let root = Authority::root("root");
    let forged_root = Authority::root("root");
    let one = root.intermediate("one");
    let forged_one = forged_root.intermediate("one");
    let policy = trusting(&[&root.der, &one.der]);
    let below_root = forged_root.client("client");
    let below_one = forged_one.client("client");
    for (what, chain) in [
        ("forged root", vec![&below_root]),
        ("forged root sent", vec![&below_root, &forged_root.der]),
        ("forged intermediate", vec![&below_one]),
        (
            "forged intermediate sent",
            vec![&below_one, &forged_one.der],
        ),
        (
            "forged chain sent",
            vec![&below_one, &forged_one.der, &forged_root.der],
        ),
    ] {
        check(what, &policy, &chain, Err(Reason::BadSignature));
    }
    check(
        "genuine among forgeries",
        &trusting(&[&root.der]),
        &[
            &one.client("client"),
            &forged_one.der,
            &one.der,
            &forged_root.der,
        ],
        Ok(()),
    );
}

#[test]
fn twin_cas_of_one_name_are_told_apart_by_key() {
    let left = Authority::root("twin");
    let right = Authority::root("twin");
    let both = Policy::strict(
        "profile",
        vec![bundle(&[&left.der]), bundle(&[&right.der])],
        true,
    );
    check("left by both", &both, &[&left.client("client")], Ok(()));
    check("right by both", &both, &[&right.client("client")], Ok(()));
    check(
        "right by left",
        &trusting(&[&left.der]),
        &[&right.client("client")],
        Err(Reason::BadSignature),
    );
}

#[test]
fn every_accepted_key_type_works_at_every_place() {
    let keys = || {
        [
            KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
            KeyPair::generate_for(&rcgen::PKCS_ED25519),
            KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
            KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA512, RsaKeySize::_2048),
        ]
        .map(Result::unwrap)
    };
    for key in keys() {
        let what = format!("{:?}", key.algorithm());
        let client_key = KeyPair::from_der_and_sign_algo(
            &key.serialize_der().try_into().unwrap(),
            key.algorithm(),
        )
        .unwrap();
        let root = Authority::root_with("root", key, &plain);
        let one = root.intermediate("one");
        let policy = trusting(&[&root.der]);
        check(
            &what,
            &policy,
            &[&one.client_for("client", &client_key, &plain), &one.der],
            Ok(()),
        );
    }
}

#[test]
fn an_issuer_must_be_a_ca_that_may_sign_certificates() {
    let root = Authority::root("root");
    let key = || KeyPair::generate().unwrap();
    let intermediate = |edit: Edit<'_>| {
        let one = root.intermediate_with("one", key(), edit);
        (one.client("client"), one.der)
    };
    let policy = trusting(&[&root.der]);
    let table: [(&str, Edit<'_>, Result<(), Reason>); 9] = [
        (
            "CA:FALSE",
            &|p| p.is_ca = IsCa::ExplicitNoCa,
            Err(Reason::NotACa),
        ),
        (
            "no basic constraints",
            &|p| p.is_ca = IsCa::NoCa,
            Err(Reason::NotACa),
        ),
        (
            "key usage without keyCertSign",
            &|p| p.key_usages = vec![KeyUsagePurpose::CrlSign],
            Err(Reason::KeyUsage),
        ),
        ("no key usage", &|p| p.key_usages.clear(), Ok(())),
        (
            "server purpose",
            &|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            Err(Reason::NotForClientAuth),
        ),
        (
            "client purpose",
            &|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            Ok(()),
        ),
        (
            "any purpose",
            &|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any],
            Ok(()),
        ),
        (
            "unknown critical extension",
            &|p| p.custom_extensions.push(critical_extension()),
            Err(Reason::UnsupportedExtension),
        ),
        (
            "unknown extension",
            &|p| {
                p.custom_extensions
                    .push(CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]));
            },
            Ok(()),
        ),
    ];
    for (what, edit, expected) in table {
        let (client, one) = intermediate(edit);
        check(what, &policy, &[&client, &one], expected);
    }
}

pub(super) fn critical_extension() -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    extension.set_criticality(true);
    extension
}

#[test]
fn path_length_constraints_are_kept() {
    let length = |limit: u8| {
        move |p: &mut CertificateParams| {
            p.is_ca = IsCa::Ca(BasicConstraints::Constrained(limit));
        }
    };
    for (what, root_limit, one_limit, expected) in [
        ("both allow", Some(1), Some(0), Err(Reason::PathLength)),
        (
            "intermediate allows none",
            None,
            Some(0),
            Err(Reason::PathLength),
        ),
        ("intermediate allows one", None, Some(1), Ok(())),
        ("root allows one", Some(1), None, Err(Reason::PathLength)),
        ("root allows two", Some(2), None, Ok(())),
    ] {
        let key = || KeyPair::generate().unwrap();
        let limited = |limit: Option<u8>| -> Box<dyn Fn(&mut CertificateParams)> {
            match limit {
                Some(limit) => Box::new(length(limit)),
                None => Box::new(plain),
            }
        };
        let root = Authority::root_with("root", key(), &*limited(root_limit));
        let one = root.intermediate_with("one", key(), &*limited(one_limit));
        let two = one.intermediate("two");
        check(
            what,
            &trusting(&[&root.der]),
            &[&two.client("client"), &two.der, &one.der],
            expected,
        );
    }
    let strict_root = Authority::root_with("root", KeyPair::generate().unwrap(), &length(0));
    check(
        "root allows none, none is there",
        &trusting(&[&strict_root.der]),
        &[&strict_root.client("client")],
        Ok(()),
    );
}

#[test]
fn the_number_of_intermediates_is_limited() {
    let root = Authority::root("root");
    let mut chain = vec![root.intermediate("1")];
    for level in 2..=8 {
        let next = chain.last().unwrap().intermediate(&level.to_string());
        chain.push(next);
    }
    for (limit, count, expected) in [
        (4, 4, Ok(())),
        (4, 5, Err(Reason::TooDeep)),
        (0, 1, Err(Reason::TooDeep)),
        (6, 6, Ok(())),
        (250, 8, Err(Reason::TooDeep)),
    ] {
        let client = chain[count - 1].client("client");
        let mut policy = trusting(&[&root.der]);
        policy.limits.max_intermediates = limit;
        let mut sent = vec![&client];
        sent.extend(chain[..count].iter().map(|ca| &ca.der));
        check(&format!("{count} of {limit}"), &policy, &sent, expected);
    }
}

#[test]
fn weak_and_oversized_keys_of_intermediates_are_refused() {
    let root = Authority::root("root");
    for bits in [512, 1024, 2040, 8200, 16384] {
        let weak = root.client_for("weak", &RsaKey::of_bits(bits), &|p| {
            p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            p.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        });
        // Only the name matters: the key is looked at before any signature.
        let client = Authority::root("weak").client("client");
        check(
            &format!("{bits} bits"),
            &trusting(&[&root.der]),
            &[&client, &weak],
            Err(Reason::WeakKey),
        );
    }
}

#[test]
fn another_path_is_tried_when_one_fails() {
    let old = Authority::root_with("old", KeyPair::generate().unwrap(), &|p| {
        p.not_after = date(-1);
    });
    let new = Authority::root("new");
    let one = old.intermediate("one");
    let crossed = new.cross_sign(&one);
    let client = one.client("client");
    let both = Policy::strict(
        "profile",
        vec![bundle(&[&old.der]), bundle(&[&new.der])],
        false,
    );
    check(
        "old path only",
        &both,
        &[&client, &one.der],
        Err(Reason::Expired),
    );
    check("new path only", &both, &[&client, &crossed], Ok(()));
    check("both paths", &both, &[&client, &one.der, &crossed], Ok(()));

    let unfit = new.intermediate_with("two", KeyPair::generate().unwrap(), &|p| {
        p.key_usages = vec![KeyUsagePurpose::CrlSign];
    });
    let fit = Authority::root("three").cross_sign(&unfit);
    check(
        "the other path has no anchor",
        &both,
        &[&unfit.client("client"), &unfit.der, &fit],
        Err(Reason::KeyUsage),
    );
}

#[test]
fn a_cross_signed_root_can_be_passed_on_the_way_to_another() {
    let old = Authority::root("old");
    let new = Authority::root("new");
    let crossed = old.cross_sign(&new);
    let client = new.client("client");
    check(
        "old root only",
        &trusting(&[&old.der]),
        &[&client, &crossed],
        Ok(()),
    );
    check(
        "uploaded",
        &trusting(&[&old.der, &crossed]),
        &[&client],
        Ok(()),
    );
    let path = decide(&trusting(&[&old.der]), &[&client, &crossed], at(0)).path;
    let subjects: Vec<_> = path.iter().map(|member| member.subject.as_str()).collect();
    assert_eq!(subjects, ["CN=client", "CN=new", "CN=old"]);
}

#[test]
fn the_most_specific_reason_is_reported() {
    let root = Authority::root("root");
    let key = KeyPair::generate().unwrap();
    let one = root.intermediate_with("one", key, &|p| p.not_after = date(-1));
    let weak = root.client_for("one", &RsaKey::of_bits(1024), &plain);
    let unknown = Authority::root("unknown").cross_sign(&one);
    check(
        "expired, weak, unknown",
        &trusting(&[&root.der]),
        &[&one.client("client"), &weak, &unknown, &one.der],
        Err(Reason::Expired),
    );
    let expired = Authority::root("other").client_with("client", &|p| p.not_after = date(-DAY));
    check(
        "expired client of an unknown issuer",
        &trusting(&[&root.der]),
        &[&expired],
        Err(Reason::Expired),
    );
}

#[test]
fn names_are_compared_as_encoded() {
    let root = Authority::root("Root");
    let other_case = Authority::root_with("root", KeyPair::generate().unwrap(), &|p| {
        p.distinguished_name.push(DnType::CommonName, "root");
    });
    check(
        "other case",
        &trusting(&[&root.der]),
        &[&other_case.client("client")],
        Err(Reason::UnknownIssuer),
    );
}
