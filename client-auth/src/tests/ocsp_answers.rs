use crate::RevocationCause::{CertificateHold, KeyCompromise};
use crate::ocsp::{OcspError, OcspStatus, ResponderError, verify};
use crate::testing::ocsp::{CertId, GOOD, Single, UNKNOWN, World, by_key, nonce, revoked};
use crate::testing::{Authority, at, extension, tlv};
use crate::{RevocationCause, RevocationEntry};

fn revocation(ago: i64, cause: Option<RevocationCause>) -> OcspStatus {
    OcspStatus::Revoked(RevocationEntry {
        at: at(-ago),
        cause,
    })
}

// T-44
#[test]
fn each_status_is_told() {
    let world = World::new();
    for (status, expected) in [
        (GOOD.to_vec(), OcspStatus::Good),
        (UNKNOWN.to_vec(), OcspStatus::Unknown),
        (revoked(600, None), revocation(600, None)),
        (revoked(9, Some(1)), revocation(9, Some(KeyCompromise))),
        (revoked(9, Some(6)), revocation(9, Some(CertificateHold))),
        // A reason that nobody knows does not make it less revoked.
        (revoked(9, Some(7)), revocation(9, None)),
    ] {
        world.check("status", &world.response(&status), &Ok(expected));
    }
}

// T-44
#[test]
fn error_statuses_are_no_answers() {
    let world = World::new();
    for (status, expected) in [
        (1, OcspError::Responder(ResponderError::MalformedRequest)),
        (2, OcspError::Responder(ResponderError::InternalError)),
        (3, OcspError::Responder(ResponderError::TryLater)),
        (4, OcspError::Malformed),
        (5, OcspError::Responder(ResponderError::SigRequired)),
        (6, OcspError::Responder(ResponderError::Unauthorized)),
        (7, OcspError::Malformed),
        (0x80, OcspError::Malformed),
    ] {
        let mut response = world.response(GOOD);
        response.status = status;
        world.check("error", &response, &Err(expected));
    }
}

// T-44
#[test]
fn a_response_that_is_too_large_is_not_read() {
    let world = World::new();
    let mut response = world.response(GOOD).der();
    assert!(world.verify(&response).is_ok());
    response.resize(64 * 1024, 0);
    assert_eq!(world.verify(&response), Err(OcspError::Malformed));
    response.push(0);
    let too_large = OcspError::TooLarge {
        size: 64 * 1024 + 1,
        limit: 64 * 1024,
    };
    assert_eq!(world.verify(&response), Err(too_large));
}

#[test]
fn only_basic_responses_are_read() {
    let world = World::new();
    let mut response = world.response(GOOD);
    response.kind = vec![0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x09];
    world.check("kind", &response, &Err(OcspError::UnknownType));
}

#[test]
fn odd_statuses_are_malformed() {
    let world = World::new();
    for status in [
        &[0x80, 1, 0][..],
        &[0x82, 1, 0],
        &[0xa0, 0],
        &[0x81, 0],
        &[0xa1, 0],
        &[0x83, 0],
        &[0x05, 0],
        &tlv(0xa1, &tlv(0x17, b"270115080000Z")),
    ] {
        let response = world.response(status);
        world.check("odd", &response, &Err(OcspError::Malformed));
    }
}

// T-40
#[test]
fn an_answer_about_another_certificate_is_none() {
    let world = World::new();
    let twin = Authority::root("root");
    let other = Authority::root("other");
    let serial = &world.question.certificate.serial;
    let right = world.cert_id();
    let sha256 = CertId::sha256(&world.root.der, serial);
    let longer = [&serial[..], &[0]].concat();
    let edited = |edit: &dyn Fn(&mut CertId)| {
        let mut id = right.clone();
        edit(&mut id);
        id
    };
    for (what, id) in [
        ("serial", edited(&|id| id.serial = vec![1])),
        ("longer serial", edited(&|id| id.serial.clone_from(&longer))),
        ("shorter serial", edited(&|id| id.serial.truncate(1))),
        ("twin", CertId::sha1(&twin.der, serial)),
        ("twin, SHA-256", CertId::sha256(&twin.der, serial)),
        ("other CA", CertId::sha1(&other.der, serial)),
        ("name hash", edited(&|id| id.name_hash[19] ^= 1)),
        ("short name hash", edited(&|id| id.name_hash.truncate(8))),
        ("no name hash", edited(&|id| id.name_hash.clear())),
        ("key hash", edited(&|id| id.key_hash[0] ^= 1)),
        ("no key hash", edited(&|id| id.key_hash.clear())),
        (
            "SHA-1 called SHA-256",
            edited(&|id| id.algorithm.clone_from(&sha256.algorithm)),
        ),
        (
            "unknown hash",
            edited(&|id| id.algorithm = tlv(0x06, &[0x2b, 1])),
        ),
    ] {
        let mut response = world.response(GOOD);
        response.singles[0].cert_id = id.der();
        world.check(what, &response, &Err(OcspError::OtherCertificate));
    }
    let mut response = world.response(GOOD);
    response.singles.clear();
    world.check("none", &response, &Err(OcspError::OtherCertificate));
}

#[test]
fn sha256_names_the_certificate_as_well() {
    let world = World::new();
    let mut response = world.response(GOOD);
    let serial = &world.question.certificate.serial;
    let mut id = CertId::sha256(&world.root.der, serial);
    response.singles[0].cert_id = id.der();
    world.check("SHA-256", &response, &Ok(OcspStatus::Good));
    id.algorithm.extend([5, 0]);
    response.singles[0].cert_id = id.der();
    world.check("with parameters", &response, &Ok(OcspStatus::Good));
}

// T-40
#[test]
fn the_right_answer_is_picked_out_of_a_bag() {
    let world = World::new();
    let other = |status: &[u8], serial: u8| Single {
        cert_id: CertId::sha1(&world.root.der, &[serial]).der(),
        ..world.single(status)
    };
    for place in 0..4 {
        let mut response = world.response(GOOD);
        let mine = vec![world.single(&revoked(9, None))];
        response.singles = (1..4).map(|serial| other(GOOD, serial)).collect();
        response.singles.splice(place.min(3)..place.min(3), mine);
        world.check("revoked", &response, &Ok(revocation(9, None)));
    }
    let mut response = world.response(GOOD);
    response.singles = vec![
        other(&revoked(9, None), 1),
        world.single(GOOD),
        other(UNKNOWN, 2),
    ];
    world.check("good", &response, &Ok(OcspStatus::Good));
    response.singles.remove(1);
    world.check("missing", &response, &Err(OcspError::OtherCertificate));
}

// T-40
#[test]
fn of_contradicting_answers_the_worst_counts() {
    let world = World::new();
    let revoked = revoked(9, None);
    for (statuses, expected) in [
        ([GOOD, &revoked], revocation(9, None)),
        ([&revoked, GOOD], revocation(9, None)),
        ([UNKNOWN, &revoked], revocation(9, None)),
        ([GOOD, UNKNOWN], OcspStatus::Unknown),
        ([UNKNOWN, GOOD], OcspStatus::Unknown),
    ] {
        let mut response = world.response(GOOD);
        response.singles = statuses.iter().map(|s| world.single(s)).collect();
        world.check("two", &response, &Ok(expected));
    }
    let mut response = world.response(GOOD);
    let mut stale = world.single(&revoked);
    stale.next_update = Some(-600);
    stale.this_update = -700;
    response.singles.push(stale);
    world.check("one is stale", &response, &Ok(OcspStatus::Good));
}

#[test]
fn extensions_are_passed_over_unless_they_are_critical() {
    let world = World::new();
    let id = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x09];
    let (harmless, critical) = (
        extension(&id, false, &[5, 0]),
        extension(&id, true, &[5, 0]),
    );
    let refused = Err(OcspError::UnknownCriticalExtension);
    let mut response = world.response(GOOD);
    response.extensions = vec![harmless.clone()];
    response.singles[0].extensions = vec![harmless];
    world.check("harmless", &response, &Ok(OcspStatus::Good));
    response.singles[0].extensions = vec![critical.clone()];
    world.check("of the answer", &response, &refused);
    response.singles[0].extensions.clear();
    response.extensions = vec![critical];
    world.check("of the response", &response, &refused);
}

// T-43
#[test]
fn the_nonce_of_the_request_must_come_back() {
    let world = World::new();
    let sent = [7; 32];
    let ask = |extensions: Vec<Vec<u8>>| {
        let mut response = world.response(GOOD);
        response.extensions = extensions;
        let answer = verify(&response.der(), &world.question, Some(&sent), at(0));
        answer.map(|answer| answer.status)
    };
    assert_eq!(ask(vec![nonce(&sent)]), Ok(OcspStatus::Good));
    for wrong in [
        vec![],
        vec![nonce(&[8; 32])],
        vec![nonce(&sent[..31])],
        vec![nonce(&[])],
    ] {
        assert_eq!(ask(wrong), Err(OcspError::Nonce));
    }
    let twice = vec![nonce(&[8; 32]), nonce(&sent)];
    assert_eq!(ask(twice), Err(OcspError::Malformed));
    let mut response = world.response(GOOD);
    response.extensions = vec![nonce(&sent)];
    world.check("not sent", &response, &Ok(OcspStatus::Good));
    let in_answer = {
        let mut response = world.response(GOOD);
        response.singles[0].extensions = vec![nonce(&sent)];
        verify(&response.der(), &world.question, Some(&sent), at(0))
    };
    assert_eq!(in_answer, Err(OcspError::Nonce));
}

#[test]
fn whatever_is_cut_off_or_added_is_malformed_or_badly_signed() {
    let world = World::new();
    let mut response = world.response(GOOD);
    response.responder = by_key(&world.root.der);
    let der = response.der();
    assert!(world.verify(&der).is_ok());
    for length in 0..der.len() {
        assert_eq!(world.verify(&der[..length]), Err(OcspError::Malformed));
    }
    let longer = [&der[..], &[0]].concat();
    assert_eq!(world.verify(&longer), Err(OcspError::Malformed));
}
