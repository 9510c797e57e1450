use rcgen::{CertificateParams, KeyPair};

use crate::Reason;
use crate::testing::{Authority, DAY, Edit, at, check_at, date, decide, plain, trusting};

/// A window of one hour around the moment of most decisions.
fn short(params: &mut CertificateParams) {
    params.not_before = date(-1800);
    params.not_after = date(1800);
}

#[test]
fn both_ends_of_the_validity_are_included_at_every_place() {
    for (what, root, one, leaf) in [
        (
            "client",
            &plain as Edit<'_>,
            &plain as Edit<'_>,
            &short as Edit<'_>,
        ),
        ("intermediate", &plain, &short, &plain),
        ("root", &short, &plain, &plain),
    ] {
        let key = || KeyPair::generate().unwrap();
        let root = Authority::root_with("root", key(), root);
        let one = root.intermediate_with("one", key(), one);
        let client = one.client_with("client", leaf);
        for (seconds, expected) in [
            (-1801, Err(Reason::NotYetValid)),
            (-1800, Ok(())),
            (0, Ok(())),
            (1800, Ok(())),
            (1801, Err(Reason::Expired)),
        ] {
            check_at(
                &format!("{what} at {seconds}"),
                &trusting(&[&root.der]),
                &[&client, &one.der],
                seconds,
                expected,
            );
        }
    }
}

#[test]
fn a_remembered_signature_does_not_prolong_a_certificate() {
    let root = Authority::root("root");
    let client = root.client_with("client", &short);
    let policy = trusting(&[&root.der]);
    for seconds in [0, 1801, 0, -1801, 0] {
        let expected = match seconds {
            1801 => Err(Reason::Expired),
            -1801 => Err(Reason::NotYetValid),
            _ => Ok(()),
        };
        check_at("again", &policy, &[&client], seconds, expected);
    }
}

#[test]
fn a_validity_that_ends_before_it_starts_never_holds() {
    let root = Authority::root("root");
    let client = root.client_with("client", &|p| {
        p.not_before = date(1800);
        p.not_after = date(-1800);
    });
    for (seconds, reason) in [
        (-1801, Reason::NotYetValid),
        (0, Reason::Expired),
        (1801, Reason::Expired),
    ] {
        let policy = trusting(&[&root.der]);
        check_at("reversed", &policy, &[&client], seconds, Err(reason));
    }
}

#[test]
fn generalized_times_after_2049_are_read() {
    let root = Authority::root_with("root", KeyPair::generate().unwrap(), &|p| {
        p.not_after = date(40 * 365 * DAY);
    });
    let client = root.client_with("client", &|p| p.not_after = date(39 * 365 * DAY));
    let policy = trusting(&[&root.der]);
    check_at("2065", &policy, &[&client], 38 * 365 * DAY, Ok(()));
    let verdict = decide(&policy, &[&client], at(39 * 365 * DAY + 1)).verdict;
    assert_eq!(
        verdict.unwrap_err().detail,
        "the client's certificate expired at 2066-01-05T08:00:00Z"
    );
}

#[test]
fn the_identity_ends_with_the_first_certificate_of_its_path() {
    let root = Authority::root("root");
    let one = root.intermediate_with("one", KeyPair::generate().unwrap(), &short);
    let client = one.client("client");
    let identity = decide(&trusting(&[&root.der]), &[&client, &one.der], at(0))
        .verdict
        .unwrap();
    assert_eq!(identity.certificate.not_after, at(DAY));
    assert_eq!(identity.path_not_after, at(1800));
}
