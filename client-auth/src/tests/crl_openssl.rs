//! Against lists made by OpenSSL.

use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;

use crate::crl::{Crl, CrlAnswer, CrlSet};
use crate::testing::crl::{ask, word};
use crate::testing::openssl::{openssl, pem, today};
use crate::testing::{Authority, plain};
use crate::{RevocationCause, RevocationEntry};

/// Serial numbers 01, 02 and 0100: good, revoked with a reason, revoked without.
const INDEX: &str = "V\t350101000000Z\t\t01\tunknown\t/CN=client\n\
    R\t350101000000Z\t250101000000Z,keyCompromise\t02\tunknown\t/CN=client\n\
    R\t350101000000Z\t250101000000Z\t0100\tunknown\t/CN=client\n";

const CONFIGURATION: &str = "[ca]\ndefault_ca = it\n\
    [it]\ndatabase = index\ncrlnumber = number\ndefault_md = sha256\ncrl_extensions = extensions\n\
    [extensions]\nissuingDistributionPoint = critical,@point\n\
    [point]\nonlyuser = TRUE\n";

#[test]
fn a_list_of_openssl_answers() {
    let root = Authority::root("root");
    let key = root.key().serialize_pem();
    let files: &[(&str, &[u8])] = &[
        ("configuration", CONFIGURATION.as_bytes()),
        ("index", INDEX.as_bytes()),
        ("number", b"1001\n"),
        ("ca", &pem(&root.der)),
        ("key", key.as_bytes()),
    ];
    let arguments = "ca -gencrl -config configuration -keyfile key -cert ca -crldays 1 -out list";
    let list = openssl(files, arguments, "list");
    let der = CertificateRevocationListDer::from_pem_slice(&list).unwrap();
    let signed = Crl::parse(&der)
        .unwrap()
        .check_signed_by(&root.der)
        .unwrap();
    assert_eq!(signed.entry_count(), 2);
    assert_eq!(signed.head().number.as_ref().unwrap().to_string(), "4097");

    let set = CrlSet::new([signed.into()]);
    let answer = |serial: &[u8]| set.answer(&ask(&root, serial, &plain), today());
    assert_eq!(word(&answer(&[1])), "good");
    assert_eq!(word(&answer(&[1, 0])), "revoked");
    let CrlAnswer::Revoked { entry, .. } = answer(&[2]) else {
        panic!("02 is revoked");
    };
    let RevocationEntry { at, cause } = entry;
    assert_eq!(at.as_secs(), 1_735_689_600);
    assert_eq!(cause, Some(RevocationCause::KeyCompromise));
}
