use rcgen::{KeyPair, SerialNumber};

use crate::testing::revocation::{
    access, add_access, add_points, general_names, hard, name_responders, point, questions,
    revoking,
};
use crate::testing::{Authority, at, bundle, check, decide, tlv, trusting};
use crate::{
    Mode, Policy, Reason, RevocationMethod, RevocationPlan, RevocationPolicy, RevocationScope,
    Sha256Fingerprint, TrustedCa,
};
use RevocationMethod::{Crl, Ocsp, OcspThenCrl};
use RevocationScope::{Chain, Leaf};

const A: &str = "http://a.example/";
const B: &str = "HTTPS://b.example/ocsp";

fn subjects(plan: &RevocationPlan) -> Vec<&str> {
    let questions = plan.questions.iter();
    questions.map(|question| &*question.subject).collect()
}

#[test]
fn nothing_is_asked_where_no_upload_wants_to_know() {
    let root = Authority::root("root");
    let client = root.client_with("client", &|p| name_responders(p, &[A]));
    let decision = decide(&trusting(&[&root.der]), &[&client], at(0));
    assert_eq!(decision.revocation, RevocationPlan::default());
}

#[test]
fn the_scope_is_the_client_or_all_below_the_anchor() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let two = one.intermediate("two");
    let client = two.client("client");
    let chain = [&client, &two.der, &one.der];
    for (scope, expected) in [
        (Leaf, &["CN=client"][..]),
        (Chain, &["CN=client", "CN=two", "CN=one"]),
    ] {
        let policy = revoking(trusting(&[&root.der]), &hard(Ocsp, scope));
        let plan = decide(&policy, &chain, at(0)).revocation;
        assert_eq!(subjects(&plan), expected);
    }
    let asked = questions(Ocsp, &root.der, &chain);
    let issuers: Vec<_> = asked.iter().map(|q| q.issuer.to_vec()).collect();
    assert_eq!(
        issuers,
        [two.der.to_vec(), one.der.to_vec(), root.der.to_vec()]
    );
    let cas: Vec<_> = asked.iter().map(|question| question.is_ca).collect();
    assert_eq!(cas, [false, true, true]);
}

#[test]
fn a_refused_client_is_not_asked_about() {
    let root = Authority::root("root");
    let client = Authority::root("root").client("client");
    let policy = revoking(trusting(&[&root.der]), &hard(Ocsp, Leaf));
    let decision = decide(&policy, &[&client], at(0));
    assert!(decision.verdict.is_err());
    assert_eq!(decision.revocation, RevocationPlan::default());
}

#[test]
fn passthrough_asks_nothing_and_report_only_as_much_as_strict() {
    let root = Authority::root("root");
    let client = root.client_with("client", &|p| name_responders(p, &[A]));
    let mut policy = revoking(trusting(&[&root.der]), &hard(Ocsp, Leaf));
    let strict = decide(&policy, &[&client], at(0)).revocation;
    assert_eq!(subjects(&strict), ["CN=client"]);
    policy.mode = Mode::ReportOnly;
    assert_eq!(decide(&policy, &[&client], at(0)).revocation, strict);
    policy.mode = Mode::Passthrough;
    let plan = decide(&policy, &[&client], at(0)).revocation;
    assert_eq!(plan, RevocationPlan::default());
}

#[test]
fn every_upload_of_the_anchor_has_its_say() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let other = Authority::root("other");
    let client = one.client("client");
    let trusted = |certificates: &[_], revocation| TrustedCa {
        bundle: bundle(certificates),
        revocation,
    };
    let mut policy = Policy::strict("profile", Vec::new(), false);
    policy.trusted = vec![
        trusted(&[&root.der], RevocationPolicy::NONE),
        trusted(&[&root.der, &one.der], hard(Ocsp, Leaf)),
        trusted(&[&root.der], hard(Crl, Chain)),
        trusted(&[&one.der, &root.der], hard(Ocsp, Leaf)),
        trusted(&[&other.der], hard(OcspThenCrl, Chain)),
    ];
    let plan = decide(&policy, &[&client], at(0)).revocation;
    let asked: Vec<_> = plan
        .questions
        .iter()
        .map(|question| (&*question.subject, question.policy.method))
        .collect();
    assert_eq!(
        asked,
        [("CN=client", Ocsp), ("CN=client", Crl), ("CN=one", Crl)]
    );
}

#[test]
fn a_renewed_root_without_a_check_does_not_undo_the_check_of_the_old_one() {
    let key = KeyPair::generate().unwrap();
    let copy = KeyPair::from_pem(&key.serialize_pem()).unwrap();
    let old = Authority::root_with("root", key, &|_| {});
    let renewed = Authority::root_with("root", copy, &|p| p.not_after += time::Duration::DAY);
    assert_ne!(old.der, renewed.der);
    let client = old.client("client");
    let checked = TrustedCa {
        bundle: bundle(&[&old.der]),
        revocation: hard(Ocsp, Leaf),
    };
    let unchecked = TrustedCa::from(bundle(&[&renewed.der]));
    for trusted in [
        vec![checked.clone(), unchecked.clone()],
        vec![unchecked, checked],
    ] {
        let mut policy = Policy::strict("profile", Vec::new(), false);
        policy.trusted = trusted;
        let plan = decide(&policy, &[&client], at(0)).revocation;
        assert_eq!(subjects(&plan), ["CN=client"]);
    }
}

// T-41
#[test]
fn a_certificate_is_named_by_its_issuer_and_its_full_serial_number() {
    let root = Authority::root("root");
    let twin = Authority::root("root");
    let mut ids = Vec::new();
    for issuer in [&root, &twin] {
        for serial in [
            &[1][..],
            &[1, 0],
            &[1, 0, 0],
            &[0x7f; 20],
            &[0x7f; 21],
            &[0x80],
        ] {
            let client = issuer.client_with("client", &|p| {
                p.serial_number = Some(SerialNumber::from_slice(serial));
            });
            let asked = questions(Crl, &issuer.der, &[&client]);
            ids.push(asked[0].certificate.clone());
        }
    }
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    assert_eq!(*ids[1].serial, [1, 0]);
    // A positive number with its highest bit set has an octet more.
    assert_eq!(*ids[5].serial, [0, 0x80]);
    assert_eq!(ids[0].issuer_name, ids[6].issuer_name);
    assert_ne!(ids[0].issuer_key, ids[6].issuer_key);
    let name = crate::certificate::Certificate::parse(&root.der).unwrap();
    let hash = Sha256Fingerprint::of(name.subject);
    assert_eq!(ids[0].issuer_name, *hash.as_bytes());
}

#[test]
fn responders_are_those_of_the_certificate_in_order_over_http_only() {
    let root = Authority::root("root");
    let ocsp: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];
    let ca_issuers: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];
    let long = format!("http://{}/", "x".repeat(2048));
    let client = root.client_with("client", &|p| {
        add_access(
            p,
            &[
                access(ca_issuers, 0x86, "http://issuer.example/"),
                access(ocsp, 0x86, A),
                access(ocsp, 0x82, "dns.example"),
                access(ocsp, 0x86, "ldap://c.example/"),
                access(ocsp, 0x86, "file:///etc/passwd"),
                access(ocsp, 0x86, "http://d.example/ HTTP/1.1\r\nX: y"),
                access(ocsp, 0x86, "http://\u{e4}.example/"),
                access(ocsp, 0x86, &long),
                access(ocsp, 0x86, ""),
                access(ocsp, 0x86, B),
            ],
        );
    });
    for method in [Ocsp, OcspThenCrl] {
        let asked = questions(method, &root.der, &[&client]);
        assert_eq!(asked[0].responders, [A, B]);
    }
    let asked = questions(Crl, &root.der, &[&client]);
    assert!(asked[0].responders.is_empty());
}

#[test]
fn at_most_four_places_are_taken_from_a_certificate() {
    let root = Authority::root("root");
    let client = root.client_with("client", &|p| {
        name_responders(p, &[A; 9]);
        add_points(p, &[point(&[A, A, A]), point(&[B, B, B])]);
    });
    let mut fetching = hard(OcspThenCrl, Leaf);
    fetching.fetch_crls = true;
    let policy = revoking(trusting(&[&root.der]), &fetching);
    let plan = decide(&policy, &[&client], at(0)).revocation;
    assert_eq!(plan.questions[0].responders, [A; 4]);
    assert_eq!(plan.questions[0].distribution_points, [A, A, A, B]);
    assert_eq!(plan.questions[0].distribution_point_names.len(), 2);
}

#[test]
fn the_responder_of_the_policy_takes_the_place_of_the_certificates() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let client = one.client_with("client", &|p| name_responders(p, &[A]));
    let mut overriding = hard(Ocsp, Chain);
    overriding.responder = Some("http://override.example/".to_owned());
    let policy = revoking(trusting(&[&root.der]), &overriding);
    let plan = decide(&policy, &[&client, &one.der], at(0)).revocation;
    for question in &plan.questions {
        assert_eq!(question.responders, ["http://override.example/"]);
    }
    assert_eq!(plan.questions.len(), 2);
}

#[test]
fn places_that_cannot_be_read_are_none() {
    let root = Authority::root("root");
    let client = root.client_with("client", &|p| {
        add_access(p, &[access(&[0x2b], 0x86, A), vec![0x30, 0x05, 0x06]]);
        add_points(p, &[point(&[A]), vec![0x04, 0x00]]);
    });
    let asked = questions(OcspThenCrl, &root.der, &[&client]);
    assert!(asked[0].responders.is_empty());
    assert!(asked[0].distribution_point_names.is_empty());
}

// T-50
#[test]
fn only_points_for_every_reason_and_of_the_issuer_itself_count() {
    let root = Authority::root("root");
    let full_name = tlv(0xa0, &tlv(0xa0, &general_names(&[A])));
    let some_reasons = tlv(0x30, &[full_name.clone(), tlv(0x81, &[0, 0x40])].concat());
    let other_issuer = tlv(0x30, &[full_name, tlv(0xa2, &general_names(&[A]))].concat());
    let relative = tlv(0x30, &tlv(0xa0, &tlv(0xa1, &[])));
    let client = root.client_with("client", &|p| {
        add_points(
            p,
            &[
                some_reasons.clone(),
                other_issuer.clone(),
                relative.clone(),
                point(&["ldap://c.example/", B]),
            ],
        );
    });
    let asked = questions(Crl, &root.der, &[&client]);
    assert!(asked[0].distribution_points.is_empty(), "not to be fetched");
    let expected = general_names(&["ldap://c.example/", B]);
    assert_eq!(asked[0].distribution_point_names, [expected.into()]);
}

#[test]
fn a_repeated_extension_makes_a_certificate_unreadable() {
    let root = Authority::root("root");
    let client = root.client_with("client", &|p| {
        add_points(p, &[point(&[A])]);
        add_points(p, &[point(&[B])]);
    });
    check(
        "points twice",
        &trusting(&[&root.der]),
        &[&client],
        Err(Reason::Malformed),
    );
}
