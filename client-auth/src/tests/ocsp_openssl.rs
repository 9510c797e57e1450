//! Against responses made by OpenSSL's responder.

use rcgen::{KeyPair, SerialNumber};

use crate::ocsp::{OcspError, OcspStatus, Request, verify};
use crate::testing::ocsp::{World, delegate};
use crate::testing::openssl::{openssl, pem, today};
use crate::testing::revocation::questions;
use crate::testing::{Authority, Der, at, plain};
use crate::{RevocationCause, RevocationMethod};

/// Serial numbers 01, 02 and 03: good, revoked, unknown.
const INDEX: &str = "V\t350101000000Z\t\t01\tunknown\t/CN=client\n\
    R\t350101000000Z\t250101000000Z,keyCompromise\t02\tunknown\t/CN=client\n";

fn world(serial: u8) -> World {
    let root = Authority::root("root");
    let client = root.client_with("client", &|p| {
        p.serial_number = Some(SerialNumber::from_slice(&[serial]));
    });
    let question = questions(RevocationMethod::Ocsp, &root.der, &[&client]).remove(0);
    World { root, question }
}

/// The response of `openssl ocsp` to a request with this nonce.
fn respond(world: &World, nonce: Option<[u8; 32]>, signer: &Der, key: &KeyPair) -> Vec<u8> {
    let request = Request::new(&world.question, nonce).unwrap();
    let key = key.serialize_pem();
    let files: &[(&str, &[u8])] = &[
        ("index", INDEX.as_bytes()),
        ("ca", &pem(&world.root.der)),
        ("signer", &pem(signer)),
        ("key", key.as_bytes()),
        ("request", request.der()),
    ];
    let arguments = "ocsp -index index -CA ca -rsigner signer -rkey key -ndays 1 \
        -reqin request -respout response";
    openssl(files, arguments, "response")
}

#[test]
fn the_issuer_answers() {
    for (serial, expected) in [(1, "good"), (2, "revoked"), (3, "unknown")] {
        let world = world(serial);
        let response = respond(&world, None, &world.root.der, world.root.key());
        let answer = verify(&response, &world.question, None, today()).unwrap();
        assert_eq!(answer.status.label(), expected);
        if let OcspStatus::Revoked(entry) = answer.status {
            assert_eq!(entry.cause, Some(RevocationCause::KeyCompromise));
            assert_eq!(entry.at.as_secs(), 1_735_689_600);
        }
        let later = verify(&response, &world.question, None, at(9 * 366 * 86_400));
        assert_eq!(later, Err(OcspError::Expired));
    }
}

#[test]
fn a_delegate_answers() {
    let world = world(1);
    let (key, certificate) = delegate(&world.root, &|p| {
        p.not_before = rcgen::date_time_ymd(2020, 1, 1);
        p.not_after = rcgen::date_time_ymd(2099, 1, 1);
    });
    let response = respond(&world, None, &certificate, &key);
    let answer = verify(&response, &world.question, None, today()).unwrap();
    assert_eq!(answer.status, OcspStatus::Good);
    let (stranger, foreign) = delegate(&Authority::root("root"), &plain);
    let response = respond(&world, None, &foreign, &stranger);
    assert!(verify(&response, &world.question, None, today()).is_err());
}

#[test]
fn the_nonce_comes_back() {
    let world = world(1);
    let nonce = [5; 32];
    let response = respond(&world, Some(nonce), &world.root.der, world.root.key());
    let verified = |nonce: &[u8]| verify(&response, &world.question, Some(nonce), today());
    assert!(verified(&nonce).is_ok());
    assert_eq!(verified(&[6; 32]), Err(OcspError::Nonce));
}
