//! What keys are for (RFC 5280 section 4.2.1.3).

use rcgen::KeyUsagePurpose::{
    ContentCommitment, CrlSign, DataEncipherment, DigitalSignature, KeyAgreement, KeyCertSign,
    KeyEncipherment,
};
use rcgen::{CertificateParams, CustomExtension, KeyUsagePurpose};

use super::authority::{Authority, plain};
use super::{Corpus, below, client, client_with, trusting};
use crate::Reason;

const CLIENT: &str = "RFC 8446 section 4.4.2.2, RFC 5246 section 7.4.8";
const CA: &str = "RFC 5280 section 6.1.4 (n)";

pub(super) fn add(corpus: &mut Corpus) {
    add_clients(corpus);
    add_cas(corpus);
}

fn only(usages: &[KeyUsagePurpose]) -> impl Fn(&mut CertificateParams) + use<> {
    let usages = usages.to_vec();
    move |p| p.key_usages.clone_from(&usages)
}

/// The extension with these contents, not critical.
fn raw(contents: &[u8]) -> impl Fn(&mut CertificateParams) + use<> {
    let extension = CustomExtension::from_oid_content(&[2, 5, 29, 15], contents.to_vec());
    move |p| {
        p.key_usages.clear();
        p.custom_extensions.push(extension.clone());
    }
}

fn add_clients(corpus: &mut Corpus) {
    let root = Authority::root("root");
    let policy = trusting(&[&[&root.der]]);
    let refused = Err(Reason::KeyUsage);
    for (what, usages, verdict) in [
        ("signatures", &[DigitalSignature][..], Ok(())),
        ("no extension", &[], Ok(())),
        (
            "signatures and key encipherment",
            &[DigitalSignature, KeyEncipherment],
            Ok(()),
        ),
        (
            "signatures and certificates, but no CA",
            &[DigitalSignature, KeyCertSign],
            Ok(()),
        ),
        ("key encipherment", &[KeyEncipherment], refused),
        ("key agreement", &[KeyAgreement], refused),
        ("non-repudiation", &[ContentCommitment], refused),
        ("certificates", &[KeyCertSign], refused),
        (
            "everything else",
            &[KeyEncipherment, KeyAgreement, DataEncipherment, CrlSign],
            refused,
        ),
    ] {
        let leaf = client_with(&root, &only(usages));
        corpus.judged(
            format!("client for {what}"),
            CLIENT,
            verdict,
            &policy,
            &[&leaf],
        );
    }
    for (what, contents, verdict) in [
        ("signatures, not critical", &[3, 2, 7, 0x80][..], Ok(())),
        ("key encipherment, not critical", &[3, 2, 5, 0x20], refused),
        ("nothing", &[3, 1, 0], refused),
        ("no bit string", &[2, 1, 0x80], Err(Reason::Malformed)),
        ("a bit string of no octet", &[3, 0], Err(Reason::Malformed)),
    ] {
        let leaf = client_with(&root, &raw(contents));
        corpus.judged(
            format!("client for {what}"),
            CLIENT,
            verdict,
            &policy,
            &[&leaf],
        );
    }
}

fn add_cas(corpus: &mut Corpus) {
    let refused = Err(Reason::KeyUsage);
    for (what, usages, verdict) in [
        ("certificates", &[KeyCertSign][..], Ok(())),
        ("no extension", &[], Ok(())),
        (
            "certificates, lists and signatures",
            &[KeyCertSign, CrlSign, DigitalSignature],
            Ok(()),
        ),
        ("lists", &[CrlSign], refused),
        ("signatures", &[DigitalSignature], refused),
        (
            "everything but certificates",
            &[DigitalSignature, KeyEncipherment, KeyAgreement, CrlSign],
            refused,
        ),
    ] {
        let root = Authority::root("root");
        let policy = trusting(&[&[&root.der]]);
        let edit = only(usages);
        let upper = below(&root, "upper", &edit);
        let lower = below(&upper, "lower", &plain);
        let name = format!("upper CA for {what}");
        let leaf = client(&lower);
        corpus.judged(name, CA, verdict, &policy, &[&leaf, &lower.der, &upper.der]);

        let upper = below(&root, "upper", &plain);
        let lower = below(&upper, "lower", &edit);
        let name = format!("lower CA for {what}");
        let leaf = client(&lower);
        corpus.judged(name, CA, verdict, &policy, &[&leaf, &lower.der, &upper.der]);

        let name = format!("uploaded CA for {what}");
        let both = trusting(&[&[&root.der, &lower.der, &upper.der]]);
        let verdict = verdict.map_err(|_| Reason::EmptyTrust);
        corpus.judged(name, CA, verdict, &both, &[&leaf, &lower.der, &upper.der]);
    }
}
