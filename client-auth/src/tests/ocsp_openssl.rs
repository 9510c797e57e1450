//! Against responses made by OpenSSL's responder.

use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{KeyPair, SerialNumber};
use rustls_pki_types::UnixTime;
use rustls_pki_types::pem::PemObject;

use crate::ocsp::{OcspError, OcspStatus, Request, verify};
use crate::testing::ocsp::{World, delegate};
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
    let directory = tempfile::tempdir().unwrap();
    let request = Request::new(&world.question, nonce).unwrap();
    for (name, content) in [
        ("index", INDEX.as_bytes()),
        ("ca", pem(&world.root.der).as_bytes()),
        ("signer", pem(signer).as_bytes()),
        ("key", key.serialize_pem().as_bytes()),
        ("request", request.der()),
    ] {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    let arguments = "ocsp -index index -CA ca -rsigner signer -rkey key -ndays 1 \
        -reqin request -respout response";
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    std::fs::read(directory.path().join("response")).unwrap()
}

fn pem(der: &Der) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    assert_eq!(&Der::from_pem_slice(pem.as_bytes()).unwrap(), der);
    pem
}

/// OpenSSL's responder goes by the machine's clock.
fn today() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()))
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
