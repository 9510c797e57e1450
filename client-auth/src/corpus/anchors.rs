//! What must not be a trust anchor: the upload is refused, so that nobody is trusted by it.

// T-25, T-30

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName,
    ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
};

use super::authority::{Authority, Der, Edit, RsaKey, date, plain, self_signed};
use super::reencoded::{EXTENSIONS, VERSION, changed};
use super::{Corpus, below, client, new_key, root, trusting};
use crate::Reason;

const ANCHOR: &str = "RFC 5280 section 6.1.1 (d), section 4.2.1.9";
const UPLOAD: &str = "one self-signed root CA in each upload";

pub(super) fn add(corpus: &mut Corpus) {
    add_roots(corpus);
    add_uploads(corpus);
    add_dated(corpus);
}

fn add_roots(corpus: &mut Corpus) {
    let unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    let critical = |p: &mut CertificateParams| {
        let mut extension = unknown.clone();
        extension.set_criticality(true);
        p.custom_extensions.push(extension);
    };
    let not_critical = |p: &mut CertificateParams| p.custom_extensions.push(unknown.clone());
    let purposes = |purposes: &[ExtendedKeyUsagePurpose]| {
        let purposes = purposes.to_vec();
        move |p: &mut CertificateParams| p.extended_key_usages.clone_from(&purposes)
    };
    let refused = Err(Reason::EmptyTrust);
    let edits: [(&str, Edit<'_>, Result<(), Reason>); 13] = [
        ("a root", &plain, Ok(())),
        ("CA:FALSE", &|p| p.is_ca = IsCa::ExplicitNoCa, refused),
        ("no basic constraints", &|p| p.is_ca = IsCa::NoCa, refused),
        (
            "no keyCertSign",
            &|p| p.key_usages = vec![KeyUsagePurpose::CrlSign],
            refused,
        ),
        ("no key usage", &|p| p.key_usages.clear(), Ok(())),
        (
            "for servers",
            &purposes(&[ExtendedKeyUsagePurpose::ServerAuth]),
            refused,
        ),
        (
            "for clients",
            &purposes(&[ExtendedKeyUsagePurpose::ClientAuth]),
            Ok(()),
        ),
        (
            "for any purpose",
            &purposes(&[ExtendedKeyUsagePurpose::Any]),
            Ok(()),
        ),
        ("an unknown critical extension", &critical, refused),
        ("an unknown extension", &not_critical, Ok(())),
        (
            "no subject",
            &|p| p.distinguished_name = DistinguishedName::new(),
            refused,
        ),
        (
            "no room below",
            &|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
            Ok(()),
        ),
        (
            "a hash of serial number",
            &|p| p.serial_number = Some(vec![0xff; 20].into()),
            Ok(()),
        ),
    ];
    for (what, edit, verdict) in edits {
        let root = root(edit);
        let policy = trusting(&[&[&root.der]]);
        let name = format!("root: {what}");
        corpus.judged(name, ANCHOR, verdict, &policy, &[&client(&root)]);
    }
    let root = Authority::root("root");
    let leaf = client(&root);
    let old = changed(&root.der, &root, |fields| {
        fields.remove(EXTENSIONS);
        fields.remove(VERSION);
    });
    let refused = Reason::EmptyTrust;
    corpus.bad(
        "root: version 1",
        ANCHOR,
        refused,
        &trusting(&[&[&old]]),
        &[&leaf],
    );
    let garbage = Der::from(b"garbage".to_vec());
    corpus.bad(
        "root: garbage",
        UPLOAD,
        refused,
        &trusting(&[&[&garbage]]),
        &[&leaf],
    );
    corpus.bad(
        "root: garbage beside it",
        UPLOAD,
        refused,
        &trusting(&[&[&root.der, &garbage]]),
        &[&leaf],
    );
    let broken = {
        let mut der = root.der.to_vec();
        let last = der.len() - 1;
        der[last] ^= 1;
        Der::from(der)
    };
    corpus.bad(
        "root: its own signature is broken",
        UPLOAD,
        refused,
        &trusting(&[&[&broken]]),
        &[&leaf],
    );
    let weak = root.certify("weak", &RsaKey::of_bits(1024), &plain);
    corpus.bad(
        "root: a weak CA beside it",
        ANCHOR,
        refused,
        &trusting(&[&[&root.der, &weak]]),
        &[&leaf],
    );
}

fn add_uploads(corpus: &mut Corpus) {
    let (root, other) = (Authority::root("root"), Authority::root("other"));
    let one = below(&root, "one", &plain);
    let leaf = client(&one);
    let refused = Reason::EmptyTrust;
    for (what, upload) in [
        ("no certificate", vec![]),
        ("a CA without its root", vec![&one.der]),
        ("two roots", vec![&root.der, &other.der]),
        ("the client itself", vec![&leaf]),
        ("the client and its CA", vec![&leaf, &one.der]),
    ] {
        let policy = trusting(&[&upload]);
        corpus.bad(
            format!("upload: {what}"),
            UPLOAD,
            refused,
            &policy,
            &[&leaf, &one.der],
        );
    }
    corpus.good(
        "upload: the client is passed over",
        UPLOAD,
        &trusting(&[&[&leaf, &one.der, &root.der]]),
        &[&leaf],
    );
    corpus.good(
        "upload: the root twice",
        UPLOAD,
        &trusting(&[&[&root.der, &root.der]]),
        &[&leaf, &one.der],
    );
    let alone = self_signed("client", &plain);
    corpus.bad(
        "upload: a self-signed client",
        ANCHOR,
        refused,
        &trusting(&[&[&alone]]),
        &[&alone],
    );
    // A client's certificate that was uploaded beside a root issues nothing.
    let issuing = root.intermediate_with("issuing", new_key(), &|p| p.is_ca = IsCa::ExplicitNoCa);
    let forged = client(&issuing);
    let policy = trusting(&[&[&root.der, &issuing.der]]);
    corpus.bad(
        "upload: a child of an uploaded client",
        ANCHOR,
        Reason::UnknownIssuer,
        &policy,
        &[&forged],
    );
    corpus.bad(
        "upload: a child of an uploaded client, sent",
        ANCHOR,
        Reason::NotACa,
        &policy,
        &[&forged, &issuing.der],
    );
    let bridge = other.certify("root", root.key(), &plain);
    corpus.bad(
        "upload: a root of another's signature",
        UPLOAD,
        refused,
        &trusting(&[&[&bridge]]),
        &[&client(&root)],
    );
}

fn add_dated(corpus: &mut Corpus) {
    const VALIDITY: &str =
        "RFC 5280 section 6.1.1 (d): an anchor's validity is policy, and demanded here";
    let expired = root(&|p| p.not_after = date(-1));
    let early = root(&|p| p.not_before = date(1));
    let good = Authority::root("root");
    corpus.bad(
        "root: expired",
        VALIDITY,
        Reason::Expired,
        &trusting(&[&[&expired.der]]),
        &[&client(&expired)],
    );
    corpus.bad(
        "root: not yet valid",
        VALIDITY,
        Reason::NotYetValid,
        &trusting(&[&[&early.der]]),
        &[&client(&early)],
    );
    let both = trusting(&[&[&expired.der], &[&good.der]]);
    corpus.good(
        "root: another one has expired",
        VALIDITY,
        &both,
        &[&client(&good)],
    );
    let renewed = expired.certify("root", expired.key(), &plain);
    let both = trusting(&[&[&expired.der], &[&renewed]]);
    corpus.good(
        "root: expired and renewed",
        VALIDITY,
        &both,
        &[&client(&expired)],
    );
}
