use std::net::IpAddr;

use rcgen::{
    CertificateParams, CidrSubnet, CustomExtension, DistinguishedName, DnType, DnValue,
    GeneralSubtree, KeyPair, NameConstraints, SanType,
};

use crate::Reason;
use crate::testing::{Authority, check, tlv, trusting};

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn email(name: &str) -> SanType {
    SanType::Rfc822Name(name.try_into().unwrap())
}

fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

fn ip(address: [u8; 4]) -> SanType {
    SanType::IpAddress(IpAddr::from(address))
}

fn permitted(subtree: GeneralSubtree) -> NameConstraints {
    NameConstraints {
        permitted_subtrees: vec![subtree],
        excluded_subtrees: Vec::new(),
    }
}

fn excluded(subtree: GeneralSubtree) -> NameConstraints {
    NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: vec![subtree],
    }
}

/// Checks a client with these names below a CA with these constraints, once as intermediate and once as root.
fn check_names(
    what: &str,
    constraints: &NameConstraints,
    names: &[SanType],
    expected: Result<(), Reason>,
) {
    let constrain = |p: &mut CertificateParams| p.name_constraints = Some(constraints.clone());
    let key = || KeyPair::generate().unwrap();
    let root = Authority::root("root");
    let one = root.intermediate_with("one", key(), &constrain);
    let add_names = |p: &mut CertificateParams| p.subject_alt_names = names.to_vec();
    check(
        &format!("{what}, constrained intermediate"),
        &trusting(&[&root.der]),
        &[&one.client_with("client", &add_names), &one.der],
        expected,
    );
    let root = Authority::root_with("root", key(), &constrain);
    check(
        &format!("{what}, constrained root"),
        &trusting(&[&root.der]),
        &[&root.client_with("client", &add_names)],
        expected,
    );
}

#[test]
fn constraints_on_dns_names_are_kept() {
    let example = || GeneralSubtree::DnsName("example.com".to_owned());
    let refused = Err(Reason::NameConstraints);
    for (what, constraints, names, expected) in [
        (
            "inside",
            permitted(example()),
            vec![dns("a.example.com")],
            Ok(()),
        ),
        (
            "the name itself",
            permitted(example()),
            vec![dns("example.com")],
            Ok(()),
        ),
        (
            "other case",
            permitted(example()),
            vec![dns("A.EXAMPLE.com")],
            Ok(()),
        ),
        (
            "outside",
            permitted(example()),
            vec![dns("a.example.org")],
            refused,
        ),
        (
            "a longer label",
            permitted(example()),
            vec![dns("badexample.com")],
            refused,
        ),
        (
            "one inside, one outside",
            permitted(example()),
            vec![dns("a.example.com"), dns("b.example.org")],
            refused,
        ),
        (
            "no name of the type",
            permitted(example()),
            vec![email("a@b")],
            Ok(()),
        ),
        ("no name", permitted(example()), vec![], Ok(())),
        (
            "excluded",
            excluded(example()),
            vec![dns("a.example.com")],
            refused,
        ),
        (
            "not excluded",
            excluded(example()),
            vec![dns("a.example.org")],
            Ok(()),
        ),
        (
            "wildcard inside",
            permitted(example()),
            vec![dns("*.example.com")],
            Ok(()),
        ),
        (
            "wildcard over",
            excluded(GeneralSubtree::DnsName("a.example.com".to_owned())),
            vec![dns("*.example.com")],
            refused,
        ),
    ] {
        check_names(what, &constraints, &names, expected);
    }
}

#[test]
fn constraints_on_addresses_are_kept() {
    let net = || GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8));
    let refused = Err(Reason::NameConstraints);
    for (what, constraints, names, expected) in [
        ("inside", permitted(net()), vec![ip([10, 1, 2, 3])], Ok(())),
        (
            "outside",
            permitted(net()),
            vec![ip([11, 1, 2, 3])],
            refused,
        ),
        (
            "excluded",
            excluded(net()),
            vec![ip([10, 1, 2, 3])],
            refused,
        ),
        (
            "not excluded",
            excluded(net()),
            vec![ip([11, 1, 2, 3])],
            Ok(()),
        ),
        (
            "no name of the type",
            permitted(net()),
            vec![dns("a.example.com")],
            Ok(()),
        ),
    ] {
        check_names(what, &constraints, &names, expected);
    }
}

#[test]
fn constraints_that_cannot_be_evaluated_refuse_names_of_their_type() {
    let directory = || {
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "client");
        GeneralSubtree::DirectoryName(name)
    };
    let mail = || GeneralSubtree::Rfc822Name("example.com".to_owned());
    let refused = Err(Reason::NameConstraints);
    for (what, constraints, names) in [
        ("directory name permitted", permitted(directory()), vec![]),
        ("directory name excluded", excluded(directory()), vec![]),
        (
            "email permitted",
            permitted(mail()),
            vec![email("a@example.com")],
        ),
        (
            "email excluded",
            excluded(mail()),
            vec![email("a@example.org")],
        ),
    ] {
        check_names(what, &constraints, &names, refused);
    }
}

#[test]
fn constraints_on_uris_refuse_uris() {
    let uri_subtree = tlv(0x30, &tlv(0x86, b"example.com"));
    let constraints = tlv(0x30, &tlv(0xa0, &uri_subtree));
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 30], constraints);
    extension.set_criticality(true);
    let root = Authority::root("root");
    let one = root.intermediate_with("one", KeyPair::generate().unwrap(), &|p| {
        p.custom_extensions.push(extension.clone());
    });
    let client = one.client_with("client", &|p| {
        p.subject_alt_names = vec![uri("https://example.com/")];
    });
    check(
        "URI",
        &trusting(&[&root.der]),
        &[&client, &one.der],
        Err(Reason::NameConstraints),
    );
}

#[test]
fn constraints_on_email_addresses_apply_to_the_subject() {
    let mail = permitted(GeneralSubtree::Rfc822Name("example.com".to_owned()));
    let constrain = |p: &mut CertificateParams| p.name_constraints = Some(mail.clone());
    let key = || KeyPair::generate().unwrap();
    let root = Authority::root("root");
    let one = root.intermediate_with("one", key(), &constrain);
    let two = one.intermediate("two");
    let with_email = |p: &mut CertificateParams| {
        let kind = DnType::from_oid(&[1, 2, 840, 113_549, 1, 9, 1]);
        let address = DnValue::Ia5String("a@example.org".try_into().unwrap());
        p.distinguished_name.push(kind, address);
    };
    let policy = trusting(&[&root.der]);
    for (what, client, expected) in [
        ("no address", one.client("client"), Ok(())),
        (
            "address",
            one.client_with("client", &with_email),
            Err(Reason::NameConstraints),
        ),
        (
            "address two levels below",
            two.client_with("client", &with_email),
            Err(Reason::NameConstraints),
        ),
        (
            "beside the constraint",
            root.client_with("client", &with_email),
            Ok(()),
        ),
    ] {
        check(what, &policy, &[&client, &two.der, &one.der], expected);
    }
}

#[test]
fn alternative_names_alone_decide_nothing() {
    let root = Authority::root("root");
    let client = root.client_with("client", &|p| {
        p.subject_alt_names = vec![
            dns("a.example.com"),
            uri("spiffe://a/b"),
            email("a@b"),
            ip([1, 2, 3, 4]),
        ];
    });
    check("all types", &trusting(&[&root.der]), &[&client], Ok(()));
    let many = root.client_with("client", &|p| {
        p.subject_alt_names = (0..2000)
            .map(|n| dns(&format!("{n}.example.com")))
            .collect();
    });
    check("2,000 names", &trusting(&[&root.der]), &[&many], Ok(()));
}
