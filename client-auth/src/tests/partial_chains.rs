//! Intermediate CAs as trust anchors.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};

use super::paths::critical_extension;
use crate::testing::{
    Authority, Edit, at, bundle, check, check_at, date, decide, owned, plain, self_signed,
    trusting, trusting_partially,
};
use crate::{CaDefect, Policy, Reason, TrustBundle, TrustBundleError};

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

#[test]
fn an_uploaded_intermediate_is_an_anchor_by_explicit_flag_only() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let two = one.intermediate("two");
    let (below_one, below_two) = (one.client("client"), two.client("client"));
    let partial = trusting_partially(&[&one.der]);
    check("below the anchor", &partial, &[&below_one], Ok(()));
    check("anchor sent", &partial, &[&below_one, &one.der], Ok(()));
    check("further below", &partial, &[&below_two, &two.der], Ok(()));
    let unknown = Err(Reason::UnknownIssuer);
    check("link missing", &partial, &[&below_two], unknown);
    check(
        "above the anchor",
        &partial,
        &[&root.client("client"), &root.der],
        unknown,
    );
    check(
        "beside the anchor",
        &partial,
        &[&root.intermediate("side").client("client"), &root.der],
        unknown,
    );

    let mut without = partial.clone();
    without.partial_chains = false;
    check(
        "no flag",
        &without,
        &[&below_one, &one.der, &root.der],
        Err(Reason::EmptyTrust),
    );
    let path = decide(
        &partial,
        &[&below_two, &two.der, &one.der, &root.der],
        at(0),
    )
    .path;
    let subjects: Vec<_> = path.iter().map(|member| member.subject.as_str()).collect();
    assert_eq!(subjects, ["CN=client", "CN=two", "CN=one"]);
}

#[test]
fn with_a_root_in_the_upload_both_are_anchors() {
    let root = Authority::root_with("root", key(), &|p| p.not_after = date(1800));
    let one = root.intermediate("one");
    let mut policy = trusting(&[&root.der, &one.der]);
    let client = one.client("client");
    check_at(
        "root expired",
        &policy,
        &[&client],
        1801,
        Err(Reason::Expired),
    );
    policy.partial_chains = true;
    check_at("root not needed", &policy, &[&client], 1801, Ok(()));
    check("below the root", &policy, &[&root.client("client")], Ok(()));
    check_at(
        "root needed",
        &policy,
        &[&root.client("client")],
        1801,
        Err(Reason::Expired),
    );
}

#[test]
fn the_certificate_of_an_anchor_counts_in_full() {
    let root = Authority::root("root");
    let dns = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    let named = |name: &'static str| {
        move |p: &mut CertificateParams| {
            p.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        }
    };
    let expired = root.intermediate_with("one", key(), &|p| p.not_after = date(-1));
    check(
        "expired",
        &trusting_partially(&[&expired.der]),
        &[&expired.client("c")],
        Err(Reason::Expired),
    );
    let early = root.intermediate_with("one", key(), &|p| p.not_before = date(1));
    check(
        "early",
        &trusting_partially(&[&early.der]),
        &[&early.client("c")],
        Err(Reason::NotYetValid),
    );

    let short = root.intermediate_with("one", key(), &|p| {
        p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let policy = trusting_partially(&[&short.der]);
    let two = short.intermediate("two");
    check("path length kept", &policy, &[&short.client("c")], Ok(()));
    check(
        "path length exceeded",
        &policy,
        &[&two.client("c"), &two.der],
        Err(Reason::PathLength),
    );

    let constrained = root.intermediate_with("one", key(), &|p| {
        p.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![dns("good.example")],
            excluded_subtrees: vec![],
        });
    });
    let policy = trusting_partially(&[&constrained.der]);
    let inside = constrained.client_with("c", &named("a.good.example"));
    let outside = constrained.client_with("c", &named("a.bad.example"));
    check("inside", &policy, &[&inside], Ok(()));
    check(
        "outside",
        &policy,
        &[&outside],
        Err(Reason::NameConstraints),
    );

    let email = root.intermediate_with("one", key(), &|p| {
        p.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::Rfc822Name("good.example".to_owned())],
            excluded_subtrees: vec![],
        });
    });
    let with_email = email.client_with("c", &|p| {
        let kind = DnType::from_oid(&[1, 2, 840, 113_549, 1, 9, 1]);
        p.distinguished_name.push(kind, "me@good.example");
    });
    check(
        "email in subject",
        &trusting_partially(&[&email.der]),
        &[&with_email],
        Err(Reason::NameConstraints),
    );
}

// T-25
#[test]
fn what_must_not_issue_is_no_anchor() {
    let root = Authority::root("root");
    let edits: [(&str, Edit<'_>, CaDefect); 4] = [
        (
            "no keyCertSign",
            &|p| p.key_usages = vec![KeyUsagePurpose::DigitalSignature],
            CaDefect::NoKeyCertSign,
        ),
        (
            "server purpose",
            &|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            CaDefect::NotForClientAuth,
        ),
        (
            "unknown critical extension",
            &|p| p.custom_extensions.push(critical_extension()),
            CaDefect::UnknownCriticalExtension,
        ),
        (
            "no name",
            &|p| p.distinguished_name = rcgen::DistinguishedName::new(),
            CaDefect::EmptySubject,
        ),
    ];
    for (what, edit, expected) in edits {
        let ca = root.intermediate_with("one", key(), edit);
        let found = TrustBundle::partial("ca", &owned(&[&ca.der]));
        assert!(
            matches!(&found, Err(TrustBundleError::UnusableCa { defect, .. }) if *defect == expected),
            "{what}: {found:?}"
        );
    }
    let not_cas: [(&str, Edit<'_>); 3] = [
        ("a client", &plain),
        ("CA:FALSE", &|p| p.is_ca = IsCa::ExplicitNoCa),
        ("no basic constraints", &|p| {
            p.is_ca = IsCa::NoCa;
            p.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            p.custom_extensions
                .push(CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]));
        }),
    ];
    for (what, edit) in not_cas {
        let leaf = root.client_with("leaf", edit);
        let found = TrustBundle::partial("ca", &owned(&[&leaf]));
        assert_eq!(found, Err(TrustBundleError::NoCa), "{what}");
    }
    let alone = self_signed("leaf", &plain);
    let found = TrustBundle::partial("ca", &owned(&[&alone]));
    assert_eq!(found, Err(TrustBundleError::NoCa));
}

// T-25
#[test]
fn a_child_of_a_leaf_beside_an_anchor_is_refused() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    // Uploaded with the anchor, dropped, and never an issuer.
    let leaf = one.intermediate_with("leaf", key(), &|p| p.is_ca = IsCa::ExplicitNoCa);
    let policy = trusting_partially(&[&one.der, &leaf.der]);
    let forged = leaf.client("client");
    check(
        "leaf uploaded",
        &policy,
        &[&forged],
        Err(Reason::UnknownIssuer),
    );
    check(
        "leaf sent",
        &policy,
        &[&forged, &leaf.der],
        Err(Reason::NotACa),
    );
    check(
        "the leaf itself",
        &policy,
        &[&leaf.der],
        Err(Reason::KeyUsage),
    );
    check(
        "the anchor itself",
        &policy,
        &[&one.der],
        Err(Reason::CaAsClient),
    );
}

#[test]
fn a_partial_bundle_has_a_ca_and_no_root() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let two = one.intermediate("two");
    let other = Authority::root("other").intermediate("other");
    for (what, certificates, expected) in [
        ("nothing", vec![], TrustBundleError::Empty),
        ("leaf", vec![one.client("c")], TrustBundleError::NoCa),
        (
            "root",
            vec![root.der.clone()],
            TrustBundleError::RootCount { found: 1 },
        ),
        (
            "with root",
            owned(&[&one.der, &root.der]),
            TrustBundleError::RootCount { found: 1 },
        ),
    ] {
        assert_eq!(
            TrustBundle::partial("ca", &certificates),
            Err(expected),
            "{what}"
        );
    }
    let partial = |certificates| TrustBundle::partial("ca", &owned(certificates)).unwrap();
    for (what, bundle, issuer) in [
        ("one", partial(&[&one.der]), "CN=one"),
        ("both", partial(&[&one.der, &two.der]), "CN=two"),
        ("both, reversed", partial(&[&two.der, &one.der]), "CN=two"),
        ("gap", partial(&[&other.der, &two.der]), "CN=other"),
        ("gap, reversed", partial(&[&two.der, &other.der]), "CN=two"),
        (
            "longest chain",
            partial(&[&other.der, &one.der, &two.der]),
            "CN=two",
        ),
    ] {
        assert_eq!(bundle.issuer_display(), issuer, "{what}");
        assert_eq!(bundle.root(), None, "{what}");
    }
}

#[test]
fn bundles_with_and_without_root_have_different_hashes() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let hash = |bundle: TrustBundle| Policy::strict("p", vec![bundle], false).hash();
    let partial = TrustBundle::partial("ca", &owned(&[&one.der])).unwrap();
    assert_ne!(hash(partial), hash(bundle(&[&one.der, &root.der])));
}

#[test]
fn pins_and_twins_work_below_partial_anchors() {
    let root = Authority::root("root");
    let (left, right) = (root.intermediate("twin"), root.intermediate("twin"));
    let mut policy = trusting_partially(&[&left.der]);
    policy.verify_issuer = true;
    check("pinned", &policy, &[&left.client("client")], Ok(()));
    check(
        "twin",
        &policy,
        &[&right.client("client"), &right.der],
        Err(Reason::BadSignature),
    );
    let two = left.intermediate("two");
    check(
        "below the pin",
        &policy,
        &[&two.client("client"), &two.der],
        Err(Reason::IssuerNotPinned),
    );
}
