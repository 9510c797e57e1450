use rcgen::ExtendedKeyUsagePurpose::{Any, ClientAuth, OcspSigning};
use rcgen::{KeyPair, KeyUsagePurpose};

use crate::ocsp::{OcspError, OcspStatus, SignerDefect};
use crate::testing::ocsp::{GOOD, Response, World, by_key, by_name, delegate};
use crate::testing::{Authority, DAY, Der, Edit, RsaKey, date, patched, plain};

/// A response signed by a delegate, with its certificate.
fn delegated<'a>(world: &World, key: &'a KeyPair, certificate: &Der) -> Response<'a> {
    let mut response = Response::new(key, certificate, vec![world.single(GOOD)]);
    response.certificates = vec![certificate.clone()];
    response
}

fn defect(defect: SignerDefect) -> Result<OcspStatus, OcspError> {
    Err(OcspError::UnauthorizedSigner(defect))
}

// T-42
#[test]
fn the_issuer_signs_by_name_or_by_key() {
    let world = World::new();
    let mut response = world.response(GOOD);
    world.check("by name", &response, &Ok(OcspStatus::Good));
    response.responder = by_key(&world.root.der);
    world.check("by key", &response, &Ok(OcspStatus::Good));
    response.certificates = vec![world.root.der.clone()];
    world.check("with its certificate", &response, &Ok(OcspStatus::Good));
}

// T-42
#[test]
fn a_delegated_responder_may_answer() {
    let world = World::new();
    let (key, certificate) = delegate(&world.root, &plain);
    let mut response = delegated(&world, &key, &certificate);
    world.check("by name", &response, &Ok(OcspStatus::Good));
    response.responder = by_key(&certificate);
    world.check("by key", &response, &Ok(OcspStatus::Good));
    let (_, another) = delegate(&world.root, &plain);
    response.certificates = vec![world.root.der.clone(), another, certificate];
    world.check("among others", &response, &Ok(OcspStatus::Good));
}

// T-42
#[test]
fn a_delegate_without_any_one_of_its_qualities_is_refused() {
    let world = World::new();
    let twin = Authority::root("root");
    let below = world.root.intermediate("below");
    let check = |what: &str, issuer: &Authority, edit: Edit<'_>, expected| {
        let (key, certificate) = delegate(issuer, edit);
        world.check(what, &delegated(&world, &key, &certificate), &expected);
    };
    check("fine", &world.root, &plain, Ok(OcspStatus::Good));
    check(
        "no purpose",
        &world.root,
        &|p| p.extended_key_usages.clear(),
        defect(SignerDefect::Purpose),
    );
    check(
        "another purpose",
        &world.root,
        &|p| p.extended_key_usages = vec![ClientAuth],
        defect(SignerDefect::Purpose),
    );
    check(
        "any purpose",
        &world.root,
        &|p| p.extended_key_usages = vec![Any],
        defect(SignerDefect::Purpose),
    );
    check(
        "two purposes",
        &world.root,
        &|p| p.extended_key_usages = vec![ClientAuth, OcspSigning],
        Ok(OcspStatus::Good),
    );
    check(
        "key usage",
        &world.root,
        &|p| p.key_usages = vec![KeyUsagePurpose::CrlSign],
        defect(SignerDefect::KeyUsage),
    );
    check(
        "no key usage",
        &world.root,
        &|p| p.key_usages.clear(),
        Ok(OcspStatus::Good),
    );
    check(
        "expired",
        &world.root,
        &|p| p.not_after = date(-1),
        defect(SignerDefect::Validity),
    );
    check(
        "not yet valid",
        &world.root,
        &|p| p.not_before = date(1),
        defect(SignerDefect::Validity),
    );
    check(
        "neither nocheck nor short-lived",
        &world.root,
        &|p| p.custom_extensions.clear(),
        defect(SignerDefect::Revocable),
    );
    check(
        "short-lived",
        &world.root,
        &|p| {
            p.custom_extensions.clear();
            p.not_before = date(-6 * DAY);
        },
        Ok(OcspStatus::Good),
    );
    check(
        "unknown critical extension",
        &world.root,
        &|p| {
            let mut unknown = rcgen::CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
            unknown.set_criticality(true);
            p.custom_extensions.push(unknown);
        },
        defect(SignerDefect::Unreadable),
    );
    for (what, issuer) in [
        ("of a twin of the CA", &twin),
        ("of a CA below", &below),
        ("of another CA", &Authority::root("other")),
    ] {
        check(what, issuer, &plain, defect(SignerDefect::OtherIssuer));
    }
}

// T-42
#[test]
fn a_ca_above_does_not_answer_for_the_issuer() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let client = one.client("client");
    let world = World {
        question: crate::testing::revocation::questions(
            crate::RevocationMethod::Ocsp,
            &root.der,
            &[&client, &one.der],
        )
        .remove(0),
        root: one,
    };
    world.check("issuer", &world.response(GOOD), &Ok(OcspStatus::Good));
    let by_root = Response::new(root.key(), &root.der, vec![world.single(GOOD)]);
    world.check("root", &by_root, &Err(OcspError::UnknownSigner));
    let (key, certificate) = delegate(&root, &plain);
    world.check(
        "delegate of the root",
        &delegated(&world, &key, &certificate),
        &defect(SignerDefect::OtherIssuer),
    );
}

// T-42
#[test]
fn a_client_of_the_ca_is_no_responder() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let client = world.root.client_for("client", &key, &plain);
    world.check(
        "client",
        &delegated(&world, &key, &client),
        &defect(SignerDefect::Purpose),
    );
    let self_made = KeyPair::generate().unwrap();
    let imposter = Authority::root_with("root", self_made, &|p| {
        p.extended_key_usages = vec![OcspSigning];
    });
    world.check(
        "twin of the CA itself",
        &delegated(&world, imposter.key(), &imposter.der),
        &defect(SignerDefect::KeyUsage),
    );
}

// T-42
#[test]
fn a_signature_of_another_key_is_refused() {
    let world = World::new();
    let stranger = KeyPair::generate().unwrap();
    let mut response = world.response(GOOD);
    response.key = &stranger;
    world.check("in its name", &response, &Err(OcspError::BadSignature));
    response.responder = by_key(&world.root.der);
    world.check("by its key", &response, &Err(OcspError::BadSignature));
    let (_, certificate) = delegate(&world.root, &plain);
    let forged = delegated(&world, &stranger, &certificate);
    world.check("delegate's", &forged, &Err(OcspError::BadSignature));
    let mut response = world.response(GOOD);
    response.responder = by_name(&Authority::root("other").der);
    world.check("other name", &response, &Err(OcspError::UnknownSigner));
    response.responder = by_key(&Authority::root("root").der);
    world.check("other key", &response, &Err(OcspError::UnknownSigner));
}

// T-42
#[test]
fn the_certificate_of_a_delegate_must_be_there_and_unchanged() {
    let world = World::new();
    let (key, certificate) = delegate(&world.root, &plain);
    let mut response = delegated(&world, &key, &certificate);
    response.certificates.clear();
    world.check("missing", &response, &Err(OcspError::UnknownSigner));
    let forged = patched(&certificate, b"responder", b"responded");
    let response = delegated(&world, &key, &forged);
    world.check("forged", &response, &defect(SignerDefect::OtherIssuer));
    let mut response = delegated(&world, &key, &certificate);
    let stranger = Der::from(vec![0x30, 0]);
    response.certificates = vec![stranger; 8];
    response.certificates.push(certificate);
    world.check("after eight", &response, &Err(OcspError::UnknownSigner));
}

#[test]
fn weak_keys_and_algorithms_are_refused() {
    let world = World::new();
    let mut response = world.response(GOOD);
    // ecdsa-with-SHA1
    response.algorithm = vec![0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
    world.check("SHA-1", &response, &Err(OcspError::UnsupportedAlgorithm));
    let key = KeyPair::generate().unwrap();
    let weak = world
        .root
        .client_for("responder", &RsaKey::of_bits(1024), &|p| {
            p.extended_key_usages = vec![OcspSigning];
        });
    world.check(
        "RSA 1024",
        &delegated(&world, &key, &weak),
        &defect(SignerDefect::WeakKey),
    );
}
