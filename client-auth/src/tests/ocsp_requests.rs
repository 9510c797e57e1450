use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::RevocationQuestion;
use crate::ocsp::{OcspError, Request};
use crate::testing::ocsp::{World, nonce};
use crate::testing::tlv;

fn request(world: &World) -> Request {
    Request::new(&world.question, None).unwrap()
}

#[test]
fn a_request_names_the_certificate_by_sha1_and_nothing_else() {
    let world = World::new();
    let mut id = world.cert_id();
    id.algorithm.extend([5, 0]);
    let expected = tlv(0x30, &tlv(0x30, &tlv(0x30, &tlv(0x30, &id.der()))));
    assert_eq!(request(&world).der(), expected);
}

#[test]
fn a_nonce_is_sent_in_full() {
    let world = World::new();
    let mut id = world.cert_id();
    id.algorithm.extend([5, 0]);
    let list = tlv(0x30, &tlv(0x30, &id.der()));
    let extensions = tlv(0xa2, &tlv(0x30, &nonce(&[9; 32])));
    let expected = tlv(0x30, &tlv(0x30, &[list, extensions].concat()));
    let request = Request::new(&world.question, Some([9; 32])).unwrap();
    assert_eq!(request.der(), expected);
}

#[test]
fn a_get_has_the_request_in_percent_encoded_base64_behind_the_url() {
    let world = World::new();
    let request = request(&world);
    for (responder, start) in [
        ("http://a.example", "http://a.example/"),
        ("http://a.example/", "http://a.example/"),
        (
            "https://a.example:8080/ocsp",
            "https://a.example:8080/ocsp/",
        ),
        ("http://a.example/ocsp/", "http://a.example/ocsp/"),
    ] {
        let url = request.get_url(responder).unwrap();
        let encoded = url.strip_prefix(start).unwrap();
        assert!(!encoded.contains(['+', '/', '=']), "{url}");
        let base64 = encoded
            .replace("%2B", "+")
            .replace("%2F", "/")
            .replace("%3D", "=");
        assert_eq!(STANDARD.decode(base64).unwrap(), request.der());
    }
}

#[test]
fn what_does_not_fit_into_a_get_is_left_to_a_post() {
    let mut world = World::new();
    assert_eq!(request(&world).get_url("http://a.example/?ca=1"), None);
    assert_eq!(request(&world).get_url("http://a.example/#a"), None);
    let with_nonce = Request::new(&world.question, Some([1; 32])).unwrap();
    assert!(with_nonce.get_url("http://a.example/").is_some());
    let mut question = RevocationQuestion::clone(&world.question);
    question.certificate.serial = [0x7f; 160].into();
    world.question = Arc::new(question);
    assert_eq!(request(&world).get_url("http://a.example/"), None);
}

#[test]
fn a_question_about_nothing_is_not_asked() {
    let world = World::new();
    let mut without_serial = RevocationQuestion::clone(&world.question);
    without_serial.certificate.serial = [].into();
    let mut without_issuer = RevocationQuestion::clone(&world.question);
    without_issuer.issuer = [0x30, 0].into();
    for question in [without_serial, without_issuer] {
        let refused = Request::new(&question, None);
        assert_eq!(refused, Err(OcspError::Question));
    }
}
