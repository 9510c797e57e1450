//! Uploaded CRLs.

use super::*;
use crate::revocation::UploadedLists;

/// The fixture with a client CA that is known here, and these lists.
fn with_lists(ca: &Ca, lists: &[(&str, Vec<u8>)]) -> Fixture {
    let mut fixture = fixture();
    let certificates = fixture.material.add_certificates(&[&ca.certificate]);
    bundle(&mut fixture.gateway).sha256 = certificates;
    let lists = lists.iter().map(|(name, der)| wire::RevocationList {
        name: (*name).to_owned(),
        sha256: fixture.material.add(wire::BlobKind::Crl, der.clone()),
    });
    fixture.gateway.client_auth_policies[0].client_cas[0].crls = lists.collect();
    fixture
}

fn profile(converted: &Converted) -> Arc<ClientAuth> {
    let tls = converted.snapshot.binds[1].virtual_hosts[0].tls.as_ref();
    let client_auth = tls.and_then(|tls| tls.client_auth.as_ref());
    Arc::clone(client_auth.expect("a profile"))
}

fn names(lists: &UploadedLists) -> Vec<(String, usize)> {
    let lists = lists.iter();
    lists
        .map(|list| (format!("{}/{}", list.ca, list.name), list.crl.entry_count()))
        .collect()
}

#[track_caller]
fn refused(fixture: &Fixture, list: &str, words: &str) {
    let rejected = convert(fixture, &Built::default()).expect_err("should be refused");
    let property = format!("certificateRevocationLists/{list}");
    assert_eq!(rejected.resource, "trustedClientCertificates/client-ca");
    assert_eq!(rejected.property, property);
    assert!(rejected.reason.contains(words), "{rejected}");
}

#[test]
fn lists_come_with_their_profile_and_are_read_once() {
    let ca = Ca::new("client CA");
    let (one, two) = (ca.crl(1, &[1]), ca.crl(2, &[1, 2]));
    let first = with_lists(&ca, &[("one", one.clone())]);
    let first = convert(&first, &Built::default()).expect("good");
    assert_eq!(
        names(&profile(&first).crls),
        [("client-ca/one".to_owned(), 1)]
    );
    let second = with_lists(&ca, &[("one", one), ("two", two)]);
    let second = convert(&second, &first.built).expect("good");
    let (before, after) = (profile(&first), profile(&second));
    assert_eq!(
        names(&after.crls),
        [
            ("client-ca/one".to_owned(), 1),
            ("client-ca/two".to_owned(), 2)
        ]
    );
    let list = |profile: &ClientAuth| Arc::clone(&profile.crls.iter().next().expect("a list").crl);
    assert!(Arc::ptr_eq(&list(&before), &list(&after)), "not read again");
    assert!(
        Arc::ptr_eq(&before.authenticator, &after.authenticator),
        "lists are evidence and no policy"
    );
    assert_eq!(second.snapshot.uploaded_lists().len(), 1);
}

// T-51, T-53
#[test]
fn a_list_that_is_none_of_the_cas_refuses_the_snapshot_and_is_named() {
    let (ca, twin) = (Ca::new("client CA"), Ca::new("client CA"));
    let good = ca.crl(1, &[]);
    let broken = good[..good.len() - 1].to_vec();
    refused(
        &with_lists(&ca, &[("list", b"no list".to_vec())]),
        "list",
        "malformed",
    );
    refused(&with_lists(&ca, &[("list", broken)]), "list", "malformed");
    refused(
        &with_lists(&ca, &[("list", twin.crl(1, &[]))]),
        "list",
        "signature",
    );
    let other = Ca::new("other CA").crl(1, &[]);
    refused(
        &with_lists(&ca, &[("good", good.clone()), ("bad", other)]),
        "bad",
        "another issuer",
    );
    let twice = [("list", good.clone()), ("list", ca.crl(2, &[]))];
    refused(&with_lists(&ca, &twice), "list", "twice");
    refused(&with_lists(&ca, &[("", good.clone())]), "", "empty");
    let mut fixture = with_lists(&ca, &[("list", good)]);
    fixture.gateway.client_auth_policies[0].client_cas[0].crls[0].sha256 = vec![7; 32];
    refused(&fixture, "list", "is missing");
}

// T-52
#[test]
fn an_expired_list_is_no_reason_to_refuse_a_snapshot() {
    let ca = Ca::new("client CA");
    let yesterday = time::OffsetDateTime::now_utc() - time::Duration::hours(1);
    let fixture = with_lists(&ca, &[("list", ca.crl_until(1, &[], yesterday))]);
    let converted = convert(&fixture, &Built::default()).expect("good");
    assert_eq!(profile(&converted).crls.iter().count(), 1);
}
